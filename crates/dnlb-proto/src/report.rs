//! What agents report.

use std::collections::BTreeMap;

use dnlb_model::{HealthReport, InstanceReport, InstanceState};

use crate::{ParseError, parse, pb};

/// Longest reason, error or digest kept; the rest is cut off.
const TEXT_BYTES_MAX: usize = 512;
/// Most outcomes that a batch of counters may name.
const OUTCOMES_MAX: usize = 256;
/// Most services and instances that a batch of counters may name; an agent with more news sends them in several.
pub(crate) const SERVICES_MAX: usize = 1 << 14;

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

/// What a host has counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Totals since the host's maps were made, by outcome name.
    pub outcomes: BTreeMap<String, Counter>,
    /// By service's and instance's number: those that have changed. Instance 0 stands for none, and has nothing but outcomes.
    pub services: BTreeMap<(u32, u32), ServiceTraffic>,
    /// Another one when totals are counted anew.
    pub epoch: u64,
    /// Whether others of `services` follow with the next ones, for which there was no room.
    pub more: bool,
}

/// What has gone by a service at an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceTraffic {
    /// Flows that were established.
    pub connections: u64,
    /// Established flows at present.
    pub flows: u64,
    /// Packets of established flows from their clients.
    pub packets_in: u64,
    /// Packets of established flows to their clients.
    pub packets_out: u64,
    /// Bytes of established flows both ways, from the IP header on.
    pub bytes: u64,
    /// Packets that went nowhere or had a second chance, by number of their outcome.
    pub outcomes: BTreeMap<u8, u64>,
}

impl From<Counters> for pb::Counters {
    fn from(counters: Counters) -> Self {
        let outcome = |(name, Counter { packets, bytes })| (name, pb::Counter { packets, bytes });
        let packets =
            |outcomes: &BTreeMap<u8, u64>| outcomes.iter().map(|(it, n)| (u32::from(*it), *n)).collect();
        let service_outcomes = counters.services.iter().filter(|(_, traffic)| !traffic.outcomes.is_empty());
        let service_outcomes = service_outcomes.map(|(&(service, instance), traffic)| pb::ServiceOutcomes {
            service,
            instance,
            packets: packets(&traffic.outcomes),
        });
        let service_outcomes = service_outcomes.collect();
        let service = |((service, instance), traffic): ((u32, u32), ServiceTraffic)| pb::ServiceTraffic {
            service,
            instance,
            connections: traffic.connections,
            flows: traffic.flows,
            packets_in: traffic.packets_in,
            packets_out: traffic.packets_out,
            bytes: traffic.bytes,
        };
        Self {
            outcomes: counters.outcomes.into_iter().map(outcome).collect(),
            services: counters
                .services
                .into_iter()
                .filter(|((_, instance), _)| *instance != 0)
                .map(service)
                .collect(),
            epoch: counters.epoch,
            more: counters.more,
            service_outcomes,
        }
    }
}

impl TryFrom<pb::Counters> for Counters {
    type Error = ParseError;

    fn try_from(counters: pb::Counters) -> Result<Self, ParseError> {
        let most = |field, count: usize, max: usize| {
            if count > max { Err(ParseError::Range { field, value: count as u64 }) } else { Ok(()) }
        };
        most("counters.outcomes", counters.outcomes.len(), OUTCOMES_MAX)?;
        most("counters.services", counters.services.len(), SERVICES_MAX)?;
        most("counters.service_outcomes", counters.service_outcomes.len(), SERVICES_MAX)?;
        let outcome = |(name, pb::Counter { packets, bytes })| {
            Ok((parse::name("counters.outcomes", name, 64)?, Counter { packets, bytes }))
        };
        let service = |it: pb::ServiceTraffic| {
            let traffic = ServiceTraffic {
                connections: it.connections,
                flows: it.flows,
                packets_in: it.packets_in,
                packets_out: it.packets_out,
                bytes: it.bytes,
                outcomes: BTreeMap::new(),
            };
            let instance = parse::nonzero("counters.services.instance", it.instance)?;
            Ok(((parse::nonzero("counters.services.service", it.service)?, instance), traffic))
        };
        let mut services: BTreeMap<_, ServiceTraffic> =
            parse::map("counters.services", counters.services, service)?;
        for pb::ServiceOutcomes { service, instance, packets } in counters.service_outcomes {
            most("counters.service_outcomes.packets", packets.len(), OUTCOMES_MAX)?;
            let service = parse::nonzero("counters.service_outcomes.service", service)?;
            let traffic = services.entry((service, instance)).or_default();
            // Of outcomes beyond that nobody knows yet what they are.
            traffic
                .outcomes
                .extend(packets.into_iter().filter_map(|(it, n)| Some((u8::try_from(it).ok()?, n))));
        }
        Ok(Self {
            outcomes: counters.outcomes.into_iter().map(outcome).collect::<Result<_, _>>()?,
            services,
            epoch: counters.epoch,
            more: counters.more,
        })
    }
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
    fn counters_arrive_as_they_were_sent() {
        let counters = Counters {
            outcomes: BTreeMap::from([("balanced".to_owned(), Counter { packets: 2, bytes: 120 })]),
            services: BTreeMap::from([
                ((3, 0), ServiceTraffic { outcomes: [(19, 7)].into(), ..ServiceTraffic::default() }),
                (
                    (3, 4),
                    ServiceTraffic {
                        connections: 1,
                        flows: 2,
                        packets_in: 3,
                        packets_out: 4,
                        bytes: 5,
                        outcomes: [(22, 8), (255, 9)].into(),
                    },
                ),
            ]),
            epoch: 6,
            more: true,
        };
        assert_eq!(Counters::try_from(pb::Counters::from(counters.clone())), Ok(counters));
    }

    #[test]
    fn counters_that_no_host_has_are_refused() {
        let outcomes = (0..1000).map(|n| (format!("outcome_{n}"), pb::Counter::default())).collect();
        let traffic = |service, instance| pb::ServiceTraffic { service, instance, ..Default::default() };
        let of = |services| pb::Counters { services, ..Default::default() };
        let many = (1..).map(|service| traffic(service, 1)).take(SERVICES_MAX + 1).collect();
        let with = |service_outcomes| pb::Counters { service_outcomes, ..Default::default() };
        let of_many =
            pb::ServiceOutcomes { service: 1, packets: (0..1000).map(|n| (n, 1)).collect(), instance: 0 };
        for refused in [
            with(vec![of_many]),
            with(vec![pb::ServiceOutcomes::default()]),
            with(
                (1..=SERVICES_MAX as u32 + 1)
                    .map(|service| pb::ServiceOutcomes { service, ..Default::default() })
                    .collect(),
            ),
            pb::Counters { outcomes, ..Default::default() },
            of(many),
            of(vec![traffic(0, 1)]),
            of(vec![traffic(1, 0)]),
            of(vec![traffic(1, 1), traffic(1, 1)]),
        ] {
            assert!(Counters::try_from(refused).is_err());
        }
    }
}
