//! Following packets over all hosts.

use std::time::Instant;

use dnlb_api::{ApiError, wire};
use dnlb_model::{Region, TraceQuery};

use wire::dnlb::{Trace, TraceError};

use super::{Call, DONE, Outcome, check, one};

pub(super) fn create(region: &Region, call: &Call<'_>) -> Outcome {
    let query: TraceQuery = call.body()?;
    check::number::<u32>("count", query.count.into(), 1..=TraceQuery::COUNT_MAX.into())?;
    check::number::<u32>("seconds", query.seconds.into(), 1..=TraceQuery::SECONDS_MAX.into())?;
    if let Some(host) = &query.host {
        super::find(&region.hosts, "host", &dnlb_model::HostId(host.clone()))?;
    }
    if let Some(listener) = &query.listener {
        known_listener(region, listener)?;
    }
    if let Some(outcome) = &query.outcome {
        let known = |known: &dnlb_abi::Outcome| known.name() == outcome;
        if outcome != TraceQuery::DROPS && !dnlb_abi::Outcome::ALL.iter().any(known) {
            return Err(ApiError::invalid(format!(
                "outcome `{}` is none; `{}` means all drops",
                check::shown(outcome),
                TraceQuery::DROPS
            )));
        }
    }
    let begun = call.observed.traces().begin(query, Instant::now());
    one("traceId", format!("{:016x}", begun.map_err(|error| ApiError::quota(error.to_string()))?))
}

pub(super) fn describe(_: &Region, call: &Call<'_>) -> Outcome {
    let after = call.query.integer("after")?.unwrap_or(0);
    let after = check::number("after", after, 0..=i64::MAX)?;
    let (id, number) = id(call)?;
    let seen = call.observed.traces().look(number, after, Instant::now());
    let seen = seen.ok_or_else(|| ApiError::not_found("trace", &id))?;
    let error = |(host, reason): (dnlb_model::HostId, String)| TraceError { host_id: host.0, reason };
    one(
        "trace",
        Trace {
            trace_id: id,
            ended: seen.ended,
            next: seen.next,
            lost_steps: seen.lost,
            steps: seen.steps,
            errors: seen.errors.into_iter().map(error).collect(),
        },
    )
}

pub(super) fn delete(_: &Region, call: &Call<'_>) -> Outcome {
    let (id, number) = id(call)?;
    if call.observed.traces().end(number, Instant::now()) {
        DONE
    } else {
        Err(ApiError::not_found("trace", id))
    }
}

/// The identifier in the path and what it means.
fn id(call: &Call<'_>) -> Result<(String, u64), ApiError> {
    let id: String = call.id();
    let number = u64::from_str_radix(&id, 16).map_err(|_| ApiError::not_found("trace", &id))?;
    Ok((id, number))
}

fn known_listener(region: &Region, name: &str) -> Result<(), ApiError> {
    let called = |listener: &dnlb_model::Listener| {
        let balancer = region.load_balancers.get(&listener.load_balancer);
        balancer.is_some_and(|balancer| format!("{}/{}", balancer.name, listener.name) == name)
    };
    if region.listeners.values().any(|listener| called(listener)) {
        Ok(())
    } else {
        Err(ApiError::not_found("listener", name))
    }
}
