//! Following packets over all hosts.

use std::time::Instant;

use dnlb_api::{
    ApiError,
    shape::{TraceCount, TraceSeconds},
    wire,
};
use dnlb_model::{Region, TraceEndpoint, TraceQuery};
use wire::dnlb::{CreateTrace, Trace, TraceError};

use super::{Call, DONE, Outcome, check, one};

pub(super) fn create(region: &Region, call: &Call<'_>) -> Outcome {
    let query = query(call.body()?)?;
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

/// What is asked for, checked.
fn query(asked: CreateTrace) -> Result<TraceQuery, ApiError> {
    let any = |field: &str, number: Option<i64>| {
        number.map(|number| check::number::<u32>(field, number, 0..=u32::MAX.into())).transpose()
    };
    let protocol = asked.protocol.map(|number| check::number("protocol", number, 0..=u8::MAX.into()));
    Ok(TraceQuery {
        from: asked.from.map(|end| endpoint("from", &end)).transpose()?,
        to: asked.to.map(|end| endpoint("to", &end)).transpose()?,
        protocol: protocol.transpose()?,
        vni: any("vni", asked.vni)?,
        host: asked.host,
        listener: asked.listener,
        outcome: asked.outcome,
        one_in: any("oneIn", asked.one_in)?.unwrap_or(0),
        count: check::number("count", asked.count.unwrap_or(1000), TraceCount::RANGE)?,
        seconds: check::number("seconds", asked.seconds.unwrap_or(60), TraceSeconds::RANGE)?,
    })
}

fn endpoint(field: &str, end: &wire::dnlb::TraceEndpoint) -> Result<TraceEndpoint, ApiError> {
    let block = end.block.parse().map_err(|_| {
        let given = check::shown(&end.block);
        ApiError::invalid(format!("{field}.block `{given}` is not an address block such as 10.0.1.0/24"))
    })?;
    let port = |number| check::number(&format!("{field}.port"), number, 0..=u16::MAX.into());
    Ok(TraceEndpoint { block, port: end.port.map(port).transpose()? })
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
