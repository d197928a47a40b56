//! What went by listeners, load balancers, targets and hosts, and when.

use dnlb_abi::Outcome as PacketOutcome;
use dnlb_api::{
    ApiError,
    shape::{MetricsOf, MetricsStep},
    time, wire,
};
use dnlb_model::{HostId, InstanceId, ListenerId, LoadBalancerId, Region};
use wire::dnlb::{MetricSeries, Metrics};

use super::{Call, Outcome, backend, check, find, instance, listener, load_balancer, one};
use crate::metrics::{Field, Known, SeriesId, unix_ms};

/// Points of a reply at most.
const POINTS_MAX: u64 = 3600;
/// Points of a reply, if nobody says how long a step is.
const POINTS: u64 = 360;
/// Seconds of which a reply tells, if nobody says.
const SPAN: u64 = 300;
/// Agents tell of a second when it is over, and one after the other.
const SETTLING_MS: u64 = 2_000;
/// Beyond that there are only minutes.
const SECONDS_KEPT: u64 = 3_600;

const FIELDS: [(Field, &str, &str); 5] = [
    (Field::CONNECTIONS, "connections", "1/s"),
    (Field::FLOWS, "flows", "1"),
    (Field::PACKETS_IN, "packetsIn", "1/s"),
    (Field::PACKETS_OUT, "packetsOut", "1/s"),
    (Field::BYTES, "bytes", "B/s"),
];

pub(super) fn describe(region: &Region, call: &Call<'_>) -> Outcome {
    let text = |name: &str| call.query.text(name).unwrap_or_default();
    let (kind, id) = (text("resourceType"), text("resourceId"));
    let series = match kind {
        "listener" => {
            let listener = find(&region.listeners, listener::KIND, &ListenerId::from(id))?;
            vec![SeriesId::listener(listener.number)]
        }
        "loadBalancer" => {
            let id = LoadBalancerId::from(id);
            let balancer = find(&region.load_balancers, load_balancer::KIND, &id)?;
            let own = region.listeners.values().filter(|listener| listener.load_balancer == balancer.id);
            own.map(|listener| SeriesId::listener(listener.number)).collect()
        }
        "target" => {
            let backend = find(&region.backends, backend::KIND, &id.into())?;
            let instance = InstanceId::from(text("instanceId"));
            let instance = find(&region.instances, instance::KIND, &instance)?;
            vec![SeriesId::target(backend.number, instance.number)]
        }
        "host" => {
            if !call.caller.account.is_operating() {
                return Err(ApiError::forbidden("metrics of hosts are for who operates the region"));
            }
            vec![SeriesId::host(find(&call.whole.hosts, "host", &HostId::from(id))?.index)]
        }
        other => {
            return Err(ApiError::invalid(format!(
                "resourceType `{}` is none of {}",
                check::shown(other),
                MetricsOf::WORDS.join(", ")
            )));
        }
    };
    check::refuse(
        kind != "target" && call.query.text("instanceId").is_some(),
        "instanceId",
        "only a target has one",
    )?;
    let span = Span::of(call)?;
    let read = || {
        let metrics = call.observed.metrics();
        if span.step < 60 {
            return Ok(metrics.seconds(&series, span.begin, span.end));
        }
        metrics.minutes(&series, span.begin, span.end)
    };
    let known = read().map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error);
        ApiError::internal()
    })?;
    one(
        "metrics",
        Metrics {
            resource_type: kind.to_owned(),
            resource_id: id.to_owned(),
            begin_time: time::iso(span.begin),
            end_time: time::iso(span.end),
            step_seconds: span.step.cast_signed(),
            series: span.series(&known),
            instance_id: (kind == "target").then(|| text("instanceId").to_owned()),
        },
    )
}

/// Of which time a reply tells: whole steps, which are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    begin: u64,
    end: u64,
    step: u64,
}

impl Span {
    fn of(call: &Call<'_>) -> Result<Self, ApiError> {
        let moment = |field: &str| -> Result<Option<u64>, ApiError> {
            let Some(text) = call.query.text(field) else { return Ok(None) };
            time::parse_iso(text).map(Some).ok_or_else(|| {
                ApiError::invalid(format!(
                    "{field} `{}` is not a time such as 2026-11-22T21:04:31Z",
                    check::shown(text)
                ))
            })
        };
        let step = call.query.integer("stepSeconds")?;
        if let Some(other) = step.filter(|step| !MetricsStep::WORDS.contains(step)) {
            let known: Vec<_> = MetricsStep::WORDS.iter().map(ToString::to_string).collect();
            let known = known.join(", ");
            return Err(ApiError::invalid(format!("stepSeconds {other} is none of {known}")));
        }
        let told = unix_ms().saturating_sub(SETTLING_MS) / 1000;
        let end = moment("endTime")?.unwrap_or(told);
        let begin = moment("beginTime")?.unwrap_or(end.saturating_sub(SPAN));
        if begin > end {
            return Err(ApiError::invalid("beginTime is after endTime"));
        }
        Self::new(begin, end, step.map(i64::cast_unsigned), told)
    }

    fn new(begin: u64, end: u64, step: Option<u64>, told: u64) -> Result<Self, ApiError> {
        let end = end.min(told);
        let fits = |step: u64, most: u64| end.saturating_sub(begin) / step <= most;
        let steps = || MetricsStep::WORDS.iter().map(|step| step.cast_unsigned());
        let coarsest = steps().next_back().unwrap_or(1);
        let old = begin + SECONDS_KEPT < told;
        let usual = || steps().filter(|step| !old || *step >= 60).find(|step| fits(*step, POINTS));
        let step = step.or_else(usual).unwrap_or(coarsest);
        if !fits(step, POINTS_MAX) {
            let fitting = steps().find(|step| fits(*step, POINTS_MAX));
            return Err(ApiError::invalid(match fitting {
                Some(fitting) => {
                    format!("more than {POINTS_MAX} points: a stepSeconds of {fitting} has fewer")
                }
                None => format!("more than {POINTS_MAX} points, whatever the step: ask for less time"),
            }));
        }
        let end = end / step * step;
        Ok(Self { begin: (begin / step * step).min(end), end, step })
    }

    /// The values of every metric, a step each.
    fn series(&self, known: &Known) -> Vec<MetricSeries> {
        let outcomes = PacketOutcome::ALL
            .iter()
            .filter_map(|outcome| Some((Field::outcome(*outcome as u8)?, outcome.name(), "1/s")));
        let seen = |field: Field| known.samples.values().any(|sample| sample.value(field) > 0);
        let named = FIELDS.into_iter().chain(outcomes.filter(|(field, ..)| seen(*field)));
        named
            .map(|(field, name, unit)| MetricSeries {
                name: name.to_owned(),
                unit: unit.to_owned(),
                points: self.points(known, field),
            })
            .collect()
    }

    fn points(&self, known: &Known, field: Field) -> Vec<Option<f64>> {
        let point = |begin: u64| {
            let values = known.samples.range(begin..begin + self.step).map(|(_, sample)| sample.value(field));
            let value = if field == Field::FLOWS {
                values.max().unwrap_or(0) as f64
            } else {
                values.fold(0_u64, u64::saturating_add) as f64 / self.step as f64
            };
            known.covers.any(begin, begin + self.step).then_some(value)
        };
        (self.begin..self.end).step_by(self.step as usize).map(point).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_030;

    fn span(begin: u64, end: u64, step: Option<u64>) -> (u64, u64, u64) {
        let span = Span::new(NOW - begin, NOW - end, step, NOW).unwrap();
        (NOW - span.begin, NOW - span.end, span.step)
    }

    #[test]
    fn a_reply_has_whole_steps_and_not_more_than_one_can_look_at() {
        assert_eq!(span(300, 0, None), (300, 0, 1));
        assert_eq!(span(3_600, 0, None), (3_600, 0, 10));
        assert_eq!(span(3_600, 0, Some(60)), (3_630, 30, 60));
        // Beyond the last hour there are no seconds.
        assert_eq!(span(7_200, 7_000, None), (7_230, 7_050, 60));
        assert_eq!(span(30 * 86_400, 0, None).2, 21_600);
        // Nothing is known of what is to come.
        assert_eq!(Span::new(NOW, NOW + 300, None, NOW).unwrap(), Span { begin: NOW, end: NOW, step: 1 });
        assert_eq!(Span::new(NOW + 60, NOW + 300, Some(60), NOW).unwrap().points_count(), 0);
        let error = Span::new(NOW - 7_200, NOW, Some(1), NOW).unwrap_err();
        assert!(error.message.contains("a stepSeconds of 5 has fewer"), "{error}");
        assert!(Span::new(0, NOW, None, NOW).unwrap_err().message.contains("less time"));
    }

    impl Span {
        fn points_count(&self) -> usize {
            (self.begin..self.end).step_by(self.step as usize).count()
        }
    }
}
