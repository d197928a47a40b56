//! What has gone by each service at each instance of this host, told from the flow records that are looked at anyway.

use std::collections::{BTreeMap, HashMap};

use dnlb_abi::{FlowKey, FlowRecord, FlowTotals, FlowTotalsKey};
use dnlb_datapath::is_over;
use dnlb_proto::ServiceTraffic;
use dnlb_switch::{Aged, ServiceOutcomes};

/// Totals of a host, round by round. A round is one look at all established records.
///
/// What has gone by a service is in the records that live, in those that were removed, and in those that programs replaced by others
/// ([`FlowTotals`]). A record that moves from one place to another during a round may be in neither of them, or in both.
///
/// # Invariants
/// Totals never fall, and are right again at the first round in which no record moves.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// What was in records that were removed.
    removed: HashMap<FlowTotalsKey, Sum>,
    /// What is in those that live, as far as this round has looked.
    living: HashMap<FlowTotalsKey, Sum>,
    /// What the last round has come to.
    totals: BTreeMap<(u32, u32), ServiceTraffic>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    flows: u64,
    packets_in: u64,
    packets_out: u64,
    bytes: u64,
}

impl Sum {
    fn add(&mut self, record: &FlowRecord) {
        self.flows += u64::from(!is_over(record.flags));
        self.packets_in += record.packets_in;
        self.packets_out += record.packets_out;
        self.bytes += record.bytes;
    }
}

impl Traffic {
    /// Takes a record into this round.
    pub(crate) fn on_record(&mut self, key: &FlowKey, record: &FlowRecord, aged: Aged) {
        // Flows of no service are an instance's own calls, and health checks.
        if record.service == 0 {
            return;
        }
        let whose = FlowTotalsKey { service: record.service, instance: key.instance };
        let sums = match aged {
            Aged::Living => &mut self.living,
            Aged::Removed => &mut self.removed,
        };
        sums.entry(whose).or_default().add(record);
    }

    /// Ends the round. `kernel` was read before it began, so that what is replaced meanwhile is missed rather than counted twice. What
    /// went wrong with packets of a service, in `outcomes`, is taken as it is.
    pub(crate) fn finish_round(
        &mut self,
        kernel: &BTreeMap<FlowTotalsKey, FlowTotals>,
        outcomes: &ServiceOutcomes,
    ) -> &BTreeMap<(u32, u32), ServiceTraffic> {
        let living = std::mem::take(&mut self.living);
        // Those without any have none now.
        self.totals.values_mut().for_each(|totals| totals.flows = 0);
        for key in kernel.keys().chain(living.keys()).chain(self.removed.keys()) {
            let programs = kernel.get(key).copied().unwrap_or_default();
            let sum = |field: fn(&Sum) -> u64| {
                living.get(key).map_or(0, field) + self.removed.get(key).map_or(0, field)
            };
            let totals = self.totals.entry((key.service, key.instance)).or_default();
            let raise = |total: &mut u64, to: u64| *total = to.max(*total);
            raise(&mut totals.connections, programs.opened);
            raise(&mut totals.packets_in, programs.replaced_packets_in + sum(|it| it.packets_in));
            raise(&mut totals.packets_out, programs.replaced_packets_out + sum(|it| it.packets_out));
            raise(&mut totals.bytes, programs.replaced_bytes + sum(|it| it.bytes));
            totals.flows = living.get(key).map_or(0, |it| it.flows);
        }
        for (key, packets) in outcomes {
            self.totals.entry((key.service, key.instance)).or_default().outcomes.clone_from(packets);
        }
        &self.totals
    }

    /// Forgets the totals of services and instances that are not `known` any more and have no flows; returns whose, and
    /// which outcomes they had.
    pub(crate) fn forget(&mut self, known: impl Fn(&FlowTotalsKey) -> bool) -> Vec<(FlowTotalsKey, Vec<u8>)> {
        let key = |&(service, instance): &(u32, u32)| FlowTotalsKey { service, instance };
        let idle = self.totals.iter().filter(|(_, totals)| totals.flows == 0).map(|(whose, _)| key(whose));
        let gone: Vec<_> = idle.filter(|whose| !known(whose)).collect();
        let forget = |whose: FlowTotalsKey| {
            self.removed.remove(&whose);
            let totals = self.totals.remove(&(whose.service, whose.instance));
            (whose, totals.map(|totals| totals.outcomes.into_keys().collect()).unwrap_or_default())
        };
        gone.into_iter().map(forget).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const OVER: u32 = FlowRecord::FLAG_FIN_IN | FlowRecord::FLAG_FIN_OUT;

    /// A host whose every flow is known.
    #[derive(Default)]
    struct Oracle {
        records: BTreeMap<u32, FlowRecord>,
        kernel: BTreeMap<FlowTotalsKey, FlowTotals>,
        traffic: Traffic,
        truth: BTreeMap<(u32, u32), ServiceTraffic>,
    }

    #[derive(Clone, Copy, Debug)]
    enum Event {
        Opens(u32),
        Packet(u32, u64),
        Closes(u32),
        Round,
    }

    /// Sockets 0 to 7 belong to two services at two instances.
    fn whose(socket: u32) -> FlowTotalsKey {
        FlowTotalsKey { service: 1 + socket % 2, instance: 10 + socket / 2 % 2 }
    }

    fn key(socket: u32) -> FlowKey {
        FlowKey { instance: whose(socket).instance, ports: socket, ..FlowKey::default() }
    }

    impl Oracle {
        fn handle(&mut self, event: Event) {
            match event {
                Event::Opens(socket) => {
                    let whose = whose(socket);
                    let kernel = self.kernel.entry(whose).or_default();
                    if let Some(former) = self.records.get(&socket) {
                        if former.flags & OVER == 0 {
                            return;
                        }
                        let more = FlowTotals::of_replaced(former);
                        kernel.replaced_packets_in += more.replaced_packets_in;
                        kernel.replaced_packets_out += more.replaced_packets_out;
                        kernel.replaced_bytes += more.replaced_bytes;
                    }
                    kernel.opened += 1;
                    let record = FlowRecord {
                        service: whose.service,
                        packets_in: 2,
                        packets_out: 1,
                        bytes: 180,
                        ..FlowRecord::default()
                    };
                    self.records.insert(socket, record);
                    let truth = self.truth.entry((whose.service, whose.instance)).or_default();
                    truth.connections += 1;
                    truth.flows += 1;
                    truth.packets_in += 2;
                    truth.packets_out += 1;
                    truth.bytes += 180;
                }
                Event::Packet(socket, bytes) => {
                    let Some(record) = self.records.get_mut(&socket) else { return };
                    record.packets_in += 1;
                    record.bytes += bytes;
                    let whose = whose(socket);
                    let truth = self.truth.entry((whose.service, whose.instance)).or_default();
                    truth.packets_in += 1;
                    truth.bytes += bytes;
                }
                Event::Closes(socket) => {
                    let Some(record) = self.records.get_mut(&socket) else { return };
                    if record.flags & OVER != OVER {
                        record.flags |= OVER;
                        let whose = whose(socket);
                        self.truth.entry((whose.service, whose.instance)).or_default().flows -= 1;
                    }
                }
                Event::Round => {
                    // Whatever is over is removed.
                    for (socket, record) in &self.records {
                        let over = record.flags & OVER == OVER;
                        let aged = if over { Aged::Removed } else { Aged::Living };
                        self.traffic.on_record(&key(*socket), record, aged);
                    }
                    self.records.retain(|_, record| record.flags & OVER != OVER);
                    assert_eq!(*self.traffic.finish_round(&self.kernel, &ServiceOutcomes::new()), self.truth);
                }
            }
        }
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let event = prop_oneof![
            (0..8_u32).prop_map(Event::Opens),
            (0..8_u32, 40..1500_u64).prop_map(|(socket, bytes)| Event::Packet(socket, bytes)),
            (0..8_u32).prop_map(Event::Closes),
            Just(Event::Round),
        ];
        vec(event, 0..200)
    }

    proptest! {
        #[test]
        fn totals_are_those_of_all_flows_that_there_ever_were(events in events()) {
            let mut oracle = Oracle::default();
            events.into_iter().chain([Event::Round]).for_each(|event| oracle.handle(event));
        }
    }

    #[test]
    fn a_record_that_is_nowhere_for_a_round_does_not_make_totals_fall() {
        let mut traffic = Traffic::default();
        let record = FlowRecord { service: 1, packets_in: 5, bytes: 500, ..FlowRecord::default() };
        let opened = BTreeMap::from([(whose(0), FlowTotals::ONE_OPENED)]);
        traffic.on_record(&key(0), &record, Aged::Living);
        let none = ServiceOutcomes::new();
        traffic.finish_round(&opened, &none);
        let totals = &traffic.finish_round(&opened, &none)[&(1, 10)];
        assert_eq!((totals.connections, totals.flows, totals.packets_in, totals.bytes), (1, 0, 5, 500));
    }

    #[test]
    fn only_what_is_gone_and_idle_is_forgotten() {
        let mut traffic = Traffic::default();
        let record = |service| FlowRecord { service, packets_in: 5, ..FlowRecord::default() };
        traffic.on_record(&key(0), &record(1), Aged::Living);
        traffic.on_record(&key(0), &record(2), Aged::Removed);
        traffic.on_record(&key(0), &record(3), Aged::Removed);
        // A health check's.
        traffic.on_record(&key(0), &record(0), Aged::Living);
        let none = ServiceOutcomes::new();
        assert_eq!(traffic.finish_round(&BTreeMap::new(), &none).len(), 3);
        let gone = traffic.forget(|key| key.service == 3);
        assert_eq!(gone, [(FlowTotalsKey { service: 2, instance: 10 }, vec![])]);
        let left: Vec<_> = traffic.finish_round(&BTreeMap::new(), &none).keys().copied().collect();
        assert_eq!(left, [(1, 10), (3, 10)]);
    }

    #[test]
    fn what_went_wrong_is_told_with_the_rest_also_of_no_instance() {
        let mut traffic = Traffic::default();
        let outcomes = ServiceOutcomes::from([
            (FlowTotalsKey { service: 1, instance: 0 }, [(19, 5)].into()),
            (FlowTotalsKey { service: 1, instance: 10 }, [(22, 3), (32, 1)].into()),
        ]);
        traffic.on_record(
            &key(0),
            &FlowRecord { service: 1, packets_in: 5, ..FlowRecord::default() },
            Aged::Living,
        );
        let totals = traffic.finish_round(&BTreeMap::new(), &outcomes);
        assert_eq!(
            totals[&(1, 0)],
            ServiceTraffic { outcomes: [(19, 5)].into(), ..ServiceTraffic::default() }
        );
        let of_10 = &totals[&(1, 10)];
        assert_eq!((of_10.packets_in, &of_10.outcomes), (5, &[(22, 3), (32, 1)].into()));
        // Nobody is asked for what is not there any more.
        assert_eq!(traffic.forget(|_| false), [(FlowTotalsKey { service: 1, instance: 0 }, vec![19])]);
    }
}
