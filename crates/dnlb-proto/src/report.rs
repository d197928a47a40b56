//! What agents report.

use std::collections::BTreeMap;

use dnlb_model::{HealthReport, InstanceReport, InstanceState};

use crate::{ParseError, parse, pb};

/// Longest reason, error or digest kept; the rest is cut off.
const TEXT_BYTES_MAX: usize = 512;
/// Most outcomes that a batch of counters may name.
const OUTCOMES_MAX: usize = 256;

/// How far a host is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ack {
    /// Revision that the kernel maps show or were to show.
    pub revision: u64,
    /// Digest of the kernel maps.
    pub digest: String,
    /// Why the revision was not (wholly) applied; none: it was.
    pub error: Option<String>,
}

/// Packets and bytes since the host's maps were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// States of instances and targets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Instances.
    pub instances: Vec<InstanceReport>,
    /// Targets.
    pub health: Vec<HealthReport>,
    /// Instances, by number, of which the agent knows nothing any more.
    pub forgotten_instances: Vec<u32>,
    /// Targets, by backend's and instance's number, of which the agent knows nothing any more.
    pub forgotten_health: Vec<(u32, u32)>,
}

impl From<Ack> for pb::Ack {
    fn from(ack: Ack) -> Self {
        Self { revision: ack.revision, digest: ack.digest, error: ack.error }
    }
}

impl From<pb::Ack> for Ack {
    fn from(ack: pb::Ack) -> Self {
        Self {
            revision: ack.revision,
            digest: parse::shown(ack.digest, TEXT_BYTES_MAX),
            error: ack.error.map(|error| parse::shown(error, TEXT_BYTES_MAX)),
        }
    }
}

impl From<Report> for pb::Report {
    fn from(report: Report) -> Self {
        let instance = |instance: InstanceReport| pb::InstanceReport {
            number: instance.number,
            state: Some(match instance.state {
                InstanceState::Error(why) => pb::instance_report::State::Error(why),
                InstanceState::Pending => pb::instance_report::State::Pending(true),
                InstanceState::Running => pb::instance_report::State::Running(true),
                InstanceState::Stopped => pb::instance_report::State::Stopped(true),
            }),
        };
        let health = |health: HealthReport| pb::HealthReport {
            backend: health.backend,
            instance: health.instance,
            healthy: health.healthy,
            reason: health.reason,
        };
        Self {
            instances: report.instances.into_iter().map(instance).collect(),
            health: report.health.into_iter().map(health).collect(),
            forgotten_instances: report.forgotten_instances,
            forgotten_health: report
                .forgotten_health
                .into_iter()
                .map(|(backend, instance)| pb::TargetKey { backend, instance })
                .collect(),
        }
    }
}

impl TryFrom<pb::Report> for Report {
    type Error = ParseError;

    fn try_from(report: pb::Report) -> Result<Self, ParseError> {
        let instance = |instance: pb::InstanceReport| {
            let state = instance.state.ok_or(ParseError::Missing { field: "report.instances.state" })?;
            Ok(InstanceReport {
                number: parse::nonzero("report.instances.number", instance.number)?,
                state: match state {
                    pb::instance_report::State::Error(why) => {
                        InstanceState::Error(parse::shown(why, TEXT_BYTES_MAX))
                    }
                    pb::instance_report::State::Pending(_) => InstanceState::Pending,
                    pb::instance_report::State::Running(_) => InstanceState::Running,
                    pb::instance_report::State::Stopped(_) => InstanceState::Stopped,
                },
            })
        };
        let health = |health: pb::HealthReport| {
            Ok(HealthReport {
                backend: parse::nonzero("report.health.backend", health.backend)?,
                instance: parse::nonzero("report.health.instance", health.instance)?,
                healthy: health.healthy,
                reason: parse::shown(health.reason, TEXT_BYTES_MAX),
            })
        };
        Ok(Self {
            instances: report.instances.into_iter().map(instance).collect::<Result<_, _>>()?,
            health: report.health.into_iter().map(health).collect::<Result<_, _>>()?,
            forgotten_instances: report.forgotten_instances,
            forgotten_health: report
                .forgotten_health
                .into_iter()
                .map(|pb::TargetKey { backend, instance }| (backend, instance))
                .collect(),
        })
    }
}

/// The message that carries counters.
pub(crate) fn counters_message(counters: BTreeMap<String, Counter>) -> pb::Counters {
    let counter = |(name, Counter { packets, bytes })| (name, pb::Counter { packets, bytes });
    pb::Counters { outcomes: counters.into_iter().map(counter).collect() }
}

/// Reads a batch of counters.
///
/// # Errors
/// When it names more outcomes than there can be, or one that is no name.
pub fn parse_counters(counters: pb::Counters) -> Result<BTreeMap<String, Counter>, ParseError> {
    if counters.outcomes.len() > OUTCOMES_MAX {
        let value = counters.outcomes.len() as u64;
        return Err(ParseError::Range { field: "counters.outcomes", value });
    }
    let outcome = |(name, pb::Counter { packets, bytes })| {
        Ok((parse::name("counters.outcomes", name, 64)?, Counter { packets, bytes }))
    };
    counters.outcomes.into_iter().map(outcome).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_arrives_as_it_was_sent() {
        let states = [
            InstanceState::Error("no image".into()),
            InstanceState::Pending,
            InstanceState::Running,
            InstanceState::Stopped,
        ];
        let report = Report {
            instances: (1..).zip(states).map(|(number, state)| InstanceReport { number, state }).collect(),
            health: vec![HealthReport { backend: 3, instance: 4, healthy: true, reason: "connected".into() }],
            forgotten_instances: vec![7],
            forgotten_health: vec![(3, 8)],
        };
        assert_eq!(Report::try_from(pb::Report::from(report.clone())), Ok(report));
    }

    #[test]
    fn long_texts_are_cut_at_a_character_and_lose_control_characters() {
        let ack = Ack::from(pb::Ack {
            revision: 1,
            digest: "a\nb\u{1b}[31m".into(),
            error: Some("\u{e9}".repeat(TEXT_BYTES_MAX)),
        });
        assert_eq!(ack.digest, "ab[31m");
        assert_eq!(ack.error.unwrap().len(), TEXT_BYTES_MAX);
    }

    #[test]
    fn counters_arrive_as_they_were_sent_and_too_many_are_refused() {
        let one = BTreeMap::from([("balanced".to_owned(), Counter { packets: 2, bytes: 120 })]);
        assert_eq!(parse_counters(counters_message(one.clone())), Ok(one));
        let many = (0..1000).map(|n| (format!("outcome_{n}"), Counter::default())).collect();
        assert!(parse_counters(counters_message(many)).is_err());
    }
}
