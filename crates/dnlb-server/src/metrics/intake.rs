//! From totals that hosts tell to what has happened since they told the last ones.
//!
//! Pure: times are arguments.

use std::collections::{BTreeMap, HashMap, HashSet};

use dnlb_abi::Outcome;
use dnlb_model::HostId;
use dnlb_proto::{Counters, ServiceTraffic};

use super::{
    history::{History, OPEN_SECONDS},
    sample::{Field, SeriesId},
};

/// Who has told what last.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    hosts: HashMap<HostId, HostTotals>,
    /// Flows at present, where there are any.
    flows: HashMap<SeriesId, u64>,
}

#[derive(Debug)]
struct HostTotals {
    epoch: u64,
    /// When it told them, in milliseconds.
    at: u64,
    /// Whether it has told all of them since it was heard of: what comes new is new then, and not what there was no room for.
    complete: bool,
    outcomes: BTreeMap<u8, u64>,
    services: HashMap<(u32, u32), Totals>,
}

#[derive(Clone, Debug)]
struct Totals {
    /// Where they count: the listener and the host, and the target where there is one.
    listener: SeriesId,
    target: Option<SeriesId>,
    host: SeriesId,
    traffic: ServiceTraffic,
}

impl Totals {
    /// Where flows count.
    fn all(&self) -> impl Iterator<Item = SeriesId> + use<> {
        [self.listener, self.host].into_iter().chain(self.target)
    }

    /// Where outcomes count: those of a host it tells itself, all together.
    fn concerned(&self) -> impl Iterator<Item = SeriesId> + use<> {
        [self.listener].into_iter().chain(self.target)
    }
}

impl Intake {
    /// Takes what a host has counted, at a time in milliseconds. `backend_of` is the number of the backend service of a service, if the
    /// host carries the instance: of no other instance has it anything to say. Any host may balance for a service, and so tell of packets
    /// that came to no instance, which is instance 0.
    ///
    /// What it counted while nobody heard it is not known, nor what it had counted before it was heard of first: such totals are
    /// where counting begins.
    pub(crate) fn on_counters(
        &mut self,
        host: &HostId,
        index: u16,
        counters: &Counters,
        now: u64,
        history: &mut History,
        backend_of: impl Fn(u32, u32) -> Option<u32>,
    ) {
        let heard = self.hosts.get(host).is_some_and(|known| {
            known.epoch == counters.epoch
                && now.saturating_sub(known.at) < OPEN_SECONDS * 1000
                && known.at <= now
        });
        if !heard && self.hosts.get(host).is_none_or(|known| known.epoch != counters.epoch) {
            self.forget(host);
        }
        let own = self.hosts.entry(host.clone()).or_insert_with(|| HostTotals {
            epoch: counters.epoch,
            at: now,
            complete: false,
            outcomes: BTreeMap::new(),
            services: HashMap::new(),
        });
        let time = (own.at, now);
        own.at = now;
        let complete = heard && own.complete;
        own.complete = complete || !counters.more;
        let series = SeriesId::host(index);
        for (name, counter) in &counters.outcomes {
            let Some(outcome) = Outcome::ALL.iter().find(|outcome| outcome.name() == name) else { continue };
            let former = own.outcomes.insert(*outcome as u8, counter.packets);
            if let (true, Some(former), Some(field)) = (heard, former, Field::outcome(*outcome as u8)) {
                history.add(time, series, field, counter.packets.saturating_sub(former));
            }
        }
        for (&(service, instance), traffic) in &counters.services {
            let Some(backend) = backend_of(service, instance) else { continue };
            let mut traffic = traffic.clone();
            let target = (instance != 0).then(|| SeriesId::target(backend, instance));
            if target.is_none() {
                // A flow is always somebody's.
                traffic = ServiceTraffic { outcomes: traffic.outcomes, ..ServiceTraffic::default() };
            }
            let totals = Totals { listener: SeriesId::listener(service), target, host: series, traffic };
            let former = own.services.insert((service, instance), totals.clone());
            let traffic = &totals.traffic;
            if let Some(former) = &former {
                leave(&mut self.flows, former);
            }
            for series in totals.all() {
                if traffic.flows > 0 {
                    *self.flows.entry(series).or_default() += traffic.flows;
                }
            }
            if heard && (former.is_some() || complete) {
                let former = former.map(|former| former.traffic).unwrap_or_default();
                for (outcome, packets) in &traffic.outcomes {
                    let before = former.outcomes.get(outcome).copied().unwrap_or(0);
                    let field = Field::outcome(*outcome).filter(|_| known(*outcome));
                    for (series, field) in totals.concerned().filter_map(|series| Some((series, field?))) {
                        history.add(time, series, field, packets.saturating_sub(before));
                    }
                }
                for (field, now, before) in [
                    (Field::CONNECTIONS, traffic.connections, former.connections),
                    (Field::PACKETS_IN, traffic.packets_in, former.packets_in),
                    (Field::PACKETS_OUT, traffic.packets_out, former.packets_out),
                    (Field::BYTES, traffic.bytes, former.bytes),
                ] {
                    for series in totals.all() {
                        history.add(time, series, field, now.saturating_sub(before));
                    }
                }
            }
        }
    }

    /// Notes how many flows there are at the end of a second.
    pub(crate) fn note_flows(&self, second: u64, history: &mut History) {
        self.flows.iter().for_each(|(series, flows)| history.note_flows(second, *series, *flows));
    }

    /// A host has no stream any more: nobody knows how many flows it has.
    pub(crate) fn on_disconnected(&mut self, host: &HostId) {
        let Some(own) = self.hosts.get_mut(host) else { return };
        for totals in own.services.values_mut() {
            leave(&mut self.flows, totals);
            totals.traffic.flows = 0;
        }
    }

    fn forget(&mut self, host: &HostId) {
        self.on_disconnected(host);
        self.hosts.remove(host);
    }

    /// Forgets what the region does not have any more.
    pub(crate) fn retain(
        &mut self,
        is_host: impl Fn(&HostId) -> bool,
        backend_of: impl Fn(&HostId, u32, u32) -> Option<u32>,
    ) {
        let gone: HashSet<_> = self.hosts.keys().filter(|host| !is_host(host)).cloned().collect();
        gone.iter().for_each(|host| self.forget(host));
        for (host, own) in &mut self.hosts {
            own.services.retain(|&(service, instance), totals| {
                let stays = backend_of(host, service, instance).is_some();
                if !stays {
                    leave(&mut self.flows, totals);
                }
                stays
            });
            own.services.shrink_to_fit();
        }
    }
}

/// Whether there is such an outcome of packets of a service.
fn known(outcome: u8) -> bool {
    Outcome::ALL.get(usize::from(outcome)).is_some_and(|outcome| outcome.concerns_service())
}

/// Takes a host's flows out of those that there are.
fn leave(flows: &mut HashMap<SeriesId, u64>, totals: &Totals) {
    for series in totals.all() {
        if let Some(sum) = flows.get_mut(&series) {
            *sum = sum.saturating_sub(totals.traffic.flows);
            if *sum == 0 {
                flows.remove(&series);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use dnlb_proto::Counter;

    use super::*;
    use crate::metrics::sample::Sample;

    struct Scene {
        intake: Intake,
        history: History,
    }

    /// Service 1 and 2 share backend service 7; instance 4 is on host a, 5 on host b.
    fn backend_of(host: &str, service: u32, instance: u32) -> Option<u32> {
        let carries = matches!((host, instance), (_, 0) | ("a", 4) | ("b", 5));
        ((1..=2).contains(&service) && carries).then_some(7)
    }

    impl Scene {
        fn new() -> Self {
            Self { intake: Intake::default(), history: History::new(100, usize::MAX) }
        }

        fn told(&mut self, host: &str, epoch: u64, at: u64, services: &[(u32, u32, u64, u64)]) {
            let traffic = |&(service, instance, connections, flows): &(u32, u32, u64, u64)| {
                ((service, instance), ServiceTraffic { connections, flows, ..ServiceTraffic::default() })
            };
            let dropped = Counter { packets: at / 100, bytes: 0 };
            self.counted(host, epoch, at, dropped, services.iter().map(traffic).collect(), false);
        }

        fn counted(
            &mut self,
            host: &str,
            epoch: u64,
            at: u64,
            dropped: Counter,
            services: BTreeMap<(u32, u32), ServiceTraffic>,
            more: bool,
        ) {
            let counters = Counters {
                outcomes: [
                    ("drop_no_backend".to_owned(), dropped),
                    ("of_another_version".to_owned(), dropped),
                ]
                .into(),
                services,
                epoch,
                more,
            };
            let index = u16::from(host == "b") + 1;
            let of = |service, instance| backend_of(host, service, instance);
            self.intake.on_counters(&host.into(), index, &counters, at, &mut self.history, of);
        }

        fn sum(&self, series: SeriesId, field: Field) -> u64 {
            let values = |sample: Sample| {
                sample.iter().filter(|(one, _)| *one == field).map(|(_, it)| it).sum::<u64>()
            };
            self.history.seconds(series, 0, u64::MAX).map(|(_, sample)| values(sample)).sum()
        }

        fn flows(&self, series: SeriesId) -> u64 {
            self.intake.flows.get(&series).copied().unwrap_or(0)
        }
    }

    #[test]
    fn what_was_before_a_host_was_heard_of_does_not_count_and_what_comes_new_does() {
        let mut scene = Scene::new();
        scene.told("a", 1, 100_000, &[(1, 4, 500, 3)]);
        scene.told("a", 1, 101_000, &[(1, 4, 507, 2), (2, 4, 11, 1)]);
        let (first, second) = (SeriesId::listener(1), SeriesId::listener(2));
        let counted = [first, second, SeriesId::target(7, 4), SeriesId::host(1)];
        assert_eq!(counted.map(|it| scene.sum(it, Field::CONNECTIONS)), [7, 11, 18, 18]);
        assert_eq!(counted.map(|it| scene.flows(it)), [2, 1, 3, 3]);
        let dropped = Field::outcome(Outcome::DropNoBackend as u8).unwrap();
        assert_eq!(scene.sum(SeriesId::host(1), dropped), 10);
    }

    #[test]
    fn a_listener_has_what_all_its_hosts_have() {
        let mut scene = Scene::new();
        for at in [100_000, 101_000, 102_000] {
            scene.told("a", 1, at, &[(1, 4, at / 100, 2)]);
            scene.told("b", 2, at, &[(1, 5, at / 500, 5)]);
        }
        let listener = SeriesId::listener(1);
        assert_eq!((scene.sum(listener, Field::CONNECTIONS), scene.flows(listener)), (24, 7));
        scene.intake.on_disconnected(&"a".into());
        assert_eq!((scene.flows(listener), scene.flows(SeriesId::host(1))), (5, 0));
        // It was away for a moment, and has counted on.
        scene.told("a", 1, 103_000, &[(1, 4, 1_030, 2)]);
        assert_eq!((scene.sum(listener, Field::CONNECTIONS), scene.flows(listener)), (34, 7));
    }

    #[test]
    fn what_goes_wrong_counts_for_the_listener_and_for_whoever_was_to_serve() {
        let mut scene = Scene::new();
        let (no_backend, denied) = (Outcome::DropNoBackend as u8, Outcome::DropAclIn as u8);
        let with = |outcomes: &[(u8, u64)], connections| ServiceTraffic {
            outcomes: outcomes.iter().copied().collect(),
            connections,
            flows: connections,
            ..ServiceTraffic::default()
        };
        for (at, n) in [(100_000, 10), (101_000, 14)] {
            let services = [
                // Nobody's: neither its flows nor those outcomes that it cannot have.
                ((1, 0), with(&[(no_backend, n), (Outcome::Delivered as u8, n), (200, n)], n)),
                ((1, 4), with(&[(denied, 2 * n)], 0)),
                // On another host.
                ((1, 5), with(&[(denied, 3 * n)], 0)),
            ];
            scene.counted("a", 1, at, Counter { packets: n, bytes: 0 }, services.into(), false);
        }
        let sums = |series| {
            let outcomes =
                [no_backend, denied, Outcome::Delivered as u8, 200].map(|it| Field::outcome(it).unwrap());
            outcomes.map(|field| scene.sum(series, field))
        };
        assert_eq!(sums(SeriesId::listener(1)), [4, 8, 0, 0]);
        assert_eq!(sums(SeriesId::target(7, 4)), [0, 8, 0, 0]);
        assert_eq!(sums(SeriesId::target(7, 5)), [0; 4]);
        assert_eq!(sums(SeriesId::target(7, 0)), [0; 4]);
        // Told by the host itself.
        assert_eq!(sums(SeriesId::host(1)), [4, 0, 0, 0]);
        assert!(scene.intake.flows.is_empty());
    }

    #[test]
    fn what_there_was_no_room_for_at_first_is_no_news() {
        let mut scene = Scene::new();
        let none = Counter { packets: 0, bytes: 0 };
        let with = |connections| ServiceTraffic { connections, ..ServiceTraffic::default() };
        let (first, second) = (SeriesId::listener(1), SeriesId::listener(2));
        scene.counted("a", 1, 100_000, none, [((1, 4), with(500))].into(), true);
        scene.counted("a", 1, 101_000, none, [((1, 4), with(501)), ((2, 4), with(900))].into(), false);
        assert_eq!([first, second].map(|series| scene.sum(series, Field::CONNECTIONS)), [1, 0]);
        // From now on nothing is missing, and what is new has happened since.
        scene.counted("b", 1, 102_000, none, [].into(), false);
        scene.counted("b", 1, 103_000, none, [((1, 5), with(7))].into(), true);
        scene.counted("b", 1, 104_000, none, [((2, 5), with(8))].into(), false);
        assert_eq!([first, second].map(|series| scene.sum(series, Field::CONNECTIONS)), [8, 8]);
    }

    #[test]
    fn another_life_of_an_agent_and_a_long_silence_begin_anew() {
        let mut scene = Scene::new();
        scene.told("a", 1, 100_000, &[(1, 4, 500, 3)]);
        scene.told("a", 2, 101_000, &[(1, 4, 900, 3)]);
        let listener = SeriesId::listener(1);
        assert_eq!((scene.sum(listener, Field::CONNECTIONS), scene.flows(listener)), (0, 3));
        scene.told("a", 2, 101_000 + OPEN_SECONDS * 1000, &[(1, 4, 990, 4)]);
        assert_eq!((scene.sum(listener, Field::CONNECTIONS), scene.flows(listener)), (0, 4));
        scene.told("a", 2, 102_000 + OPEN_SECONDS * 1000, &[(1, 4, 991, 4)]);
        assert_eq!(scene.sum(listener, Field::CONNECTIONS), 1);
        // Totals that fall are no reason to count backwards.
        scene.told("a", 2, 103_000 + OPEN_SECONDS * 1000, &[(1, 4, 5, 4)]);
        assert_eq!(scene.sum(listener, Field::CONNECTIONS), 1);
    }

    #[test]
    fn a_host_speaks_for_its_own_instances_alone() {
        let mut scene = Scene::new();
        for at in [100_000, 101_000] {
            scene.told("a", 1, at, &[(1, 5, at, 9), (3, 4, at, 9)]);
        }
        assert!(scene.intake.flows.is_empty());
        assert_eq!(scene.sum(SeriesId::listener(1), Field::CONNECTIONS), 0);
    }

    #[test]
    fn what_is_gone_from_the_region_is_forgotten() {
        let mut scene = Scene::new();
        scene.told("a", 1, 100_000, &[(1, 4, 5, 2), (2, 4, 5, 1)]);
        scene.told("b", 1, 100_000, &[(1, 5, 5, 4)]);
        scene.intake.retain(|host| *host == "a".into(), |_, service, _| (service == 2).then_some(7));
        let left = [SeriesId::listener(1), SeriesId::listener(2), SeriesId::host(1), SeriesId::host(2)];
        assert_eq!(left.map(|it| scene.flows(it)), [0, 1, 1, 0]);
        assert_eq!(scene.intake.hosts.values().map(|own| own.services.len()).sum::<usize>(), 1);
    }
}
