//! Tables that answer from maps, write down what is asked, and keep to themselves what would be written.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use dnlb_abi::{
    Addr, EndpointEntry, EndpointKey, FlowKey, FlowRecord, FragmentEntry, FragmentKey, HostEntry,
    InstanceEntry, MemberEntry, Outcome, RuleEntry, RuleRange, ServiceEntry, ServiceKey, Settings, TargetKey,
};
use dnlb_datapath::{Flow, Packet, RuleQuery, RuleSearch, Rules, Tables, flow_hash, rule_matches};
use dnlb_wire::TCP;

use crate::{Filter, Maps, Program, Step, kept::Kept, maps::chain_members};

/// What decisions would have written so far.
#[derive(Default)]
pub(crate) struct Memory {
    flows: BTreeMap<FlowKey, Option<ShadowFlow>>,
    fragments: BTreeMap<FragmentKey, FragmentEntry>,
    /// Whether a SYN was answered if its sender goes on, though nobody was seen to answer.
    answers_are_unseen: bool,
}

impl Memory {
    /// Nothing yet, of packets that were seen in one direction, maybe.
    pub(crate) fn of_one_direction() -> Self {
        Self { answers_are_unseen: true, ..Self::default() }
    }
}

/// Tables over maps that are only read.
///
/// # Invariants
/// The decision sees its own effects, as it does in the kernel: a record that it made or changed is found again so. The
/// maps do not. A map that cannot be read answers as if it were empty, and [`Recorder::finish`] returns the reason.
pub(crate) struct Recorder<'m, M: Maps> {
    maps: &'m M,
    program: Program,
    /// Whose flow is decided, as far as the packet can be parsed: of an ICMP error, that of the packet which it quotes.
    packet: Cell<Packet>,
    settings: Option<Settings>,
    instances: Kept<InstanceEntry>,
    hosts: Kept<HostEntry>,
    services: Kept<ServiceEntry>,
    memory: RefCell<Memory>,
    steps: RefCell<Vec<Step>>,
    /// How many instances were asked for.
    asked: Cell<u32>,
    /// The instance that was asked for last, as such or as a target: to whom a packet is delivered.
    receiver: Cell<u32>,
    /// The service that was found last.
    service: Cell<Option<ServiceEntry>>,
    error: RefCell<Option<M::Error>>,
}

impl<'m, M: Maps> Recorder<'m, M> {
    /// `memory` is what decisions before this one have left.
    pub(crate) fn new(maps: &'m M, program: Program, packet: Packet, memory: Memory) -> Self {
        let mut recorder = Self {
            maps,
            program,
            packet: Cell::new(packet),
            settings: None,
            instances: Kept::default(),
            hosts: Kept::default(),
            services: Kept::default(),
            memory: RefCell::new(memory),
            steps: RefCell::default(),
            asked: Cell::new(0),
            receiver: Cell::new(0),
            service: Cell::new(None),
            error: RefCell::new(None),
        };
        recorder.settings = recorder.read(maps.settings());
        recorder
    }

    /// What was asked, in order, and what would be written by now; or why a map could not be read.
    pub(crate) fn finish(self) -> Result<(Vec<Step>, Memory), M::Error> {
        match self.error.into_inner() {
            Some(error) => Err(error),
            None => Ok((self.steps.into_inner(), self.memory.into_inner())),
        }
    }

    fn read<T: Default>(&self, answer: Result<T, M::Error>) -> T {
        answer.unwrap_or_else(|error| {
            self.error.borrow_mut().get_or_insert(error);
            T::default()
        })
    }

    /// Writes a step down; asking the same twice tells nothing new.
    fn note(&self, step: Step) {
        let mut steps = self.steps.borrow_mut();
        if !steps.contains(&step) {
            steps.push(step);
        }
    }

    fn rule(&self, index: u32) -> RuleEntry {
        self.read(self.maps.rule(index)).unwrap_or_default()
    }

    fn note_row(&self, row: u32, chain: u64) {
        let (Some(service), Some(settings)) = (self.service.get(), &self.settings) else { return };
        let hash = flow_hash(settings, service.algorithm, &self.packet.get());
        let chain = self.read(chain_members(self.maps, &service, chain));
        let (row, rows) = (row.wrapping_sub(service.rows_base), service.rows);
        self.note(Step::Row { hash, row, rows, chain });
    }

    /// Which rules a range is: the same rules share one, so the range itself does not tell.
    fn filter(&self, range: RuleRange) -> (u32, Filter) {
        let steps = self.steps.borrow();
        let last_flow = steps.iter().rev().find_map(|step| match step {
            Step::Flow { found, .. } => Some(*found),
            _ => None,
        });
        let outbound = last_flow.flatten().map(|(record, _)| record.flags & FlowRecord::FLAG_OUTBOUND != 0);
        let security = |outbound| if outbound { Filter::SecurityOut } else { Filter::SecurityIn };
        if matches!(self.program, Program::FromInstance { .. }) && self.asked.get() == 1 {
            // The sender's side: its ACL comes before any flow, its groups after one was looked for.
            let number = self.receiver.get();
            return match last_flow {
                None => (number, Filter::AclOut),
                Some(_) => (number, security(outbound.unwrap_or(true))),
            };
        }
        let number = self.receiver.get();
        let acl_asked = steps.iter().any(
            |step| matches!(step, Step::Rules { instance, filter: Filter::AclIn, .. } if *instance == number),
        );
        let is_acl = |instance: &InstanceEntry| {
            instance.acl_in == range
                && !same_prefix(&self.packet.get().src, &instance.addr, instance.subnet_bits)
        };
        let found = steps.iter().find_map(|step| match step {
            Step::Instance { number: own, found } if *own == number => *found,
            _ => None,
        });
        if !acl_asked && found.as_ref().is_some_and(is_acl) {
            return (number, Filter::AclIn);
        }
        (number, security(outbound.unwrap_or(false)))
    }
}

/// Whether two addresses share their first `bits`.
fn same_prefix(a: &Addr, b: &Addr, bits: u32) -> bool {
    let differ = u128::from_be_bytes(*a) ^ u128::from_be_bytes(*b);
    differ.leading_zeros() >= bits
}

/// A flow record as the decision would have left it.
#[derive(Clone)]
pub(crate) struct ShadowFlow(Rc<(Cell<FlowRecord>, Cell<bool>)>);

impl ShadowFlow {
    fn new(record: FlowRecord, established: bool) -> Self {
        Self(Rc::new((Cell::new(record), Cell::new(established))))
    }

    fn record(&self) -> FlowRecord {
        self.0.0.get()
    }

    /// What a client acknowledges in its first segment after its SYN, somebody has answered.
    fn infer_answer(&self, packet: &Packet) {
        const ASKED: u32 = FlowRecord::FLAG_OUTBOUND | FlowRecord::FLAG_ANSWERED | FlowRecord::FLAG_ADOPTED;
        let record = self.record();
        if record.flags & ASKED == 0 && !self.established() && packet.continues() {
            let flags = record.flags | FlowRecord::FLAG_ANSWERED;
            self.0.0.set(FlowRecord { flags, end: packet.ack, ..record });
        }
    }
}

impl Flow for ShadowFlow {
    fn original_addr(&self) -> Addr {
        self.record().original_addr
    }

    fn original_port(&self) -> u16 {
        self.record().original_port
    }

    fn service(&self) -> u32 {
        self.record().service
    }

    fn flags(&self) -> u32 {
        self.record().flags
    }

    fn via(&self) -> u16 {
        self.record().via
    }

    fn rules(&self) -> u32 {
        self.record().rules
    }

    fn allow(&self, rules: u32) {
        self.0.0.set(FlowRecord { rules, ..self.record() });
    }

    fn established(&self) -> bool {
        self.0.1.get()
    }

    fn end(&self) -> u32 {
        self.record().end
    }

    fn peer_port(&self) -> u16 {
        self.record().peer_port as u16
    }

    fn set_end(&self, end: u32) {
        self.0.0.set(FlowRecord { end, ..self.record() });
    }

    fn note(&self, set_flags: u32, _outbound: bool, _bytes: u32, _now_ns: u64) {
        let record = self.record();
        self.0.0.set(FlowRecord { flags: record.flags | set_flags, ..record });
    }
}

impl<M: Maps> Rules for Recorder<'_, M> {
    fn matches(&self, index: u32, query: &RuleQuery) -> bool {
        rule_matches(&self.rule(index), query)
    }

    fn word(&self, index: u32) -> u64 {
        self.read(self.maps.rule_word(index))
    }
}

impl<M: Maps> Tables for Recorder<'_, M> {
    type Flow = ShadowFlow;

    fn settings(&self) -> Option<&Settings> {
        self.settings.as_ref()
    }

    fn port(&self, ifindex: u32) -> Option<u32> {
        let found = self.read(self.maps.port(ifindex));
        self.note(Step::Port { ifindex, found });
        found
    }

    fn instance(&self, number: u32) -> Option<&InstanceEntry> {
        let found = self.read(self.maps.instance(number));
        self.asked.set(self.asked.get() + 1);
        self.receiver.set(number);
        self.note(Step::Instance { number, found });
        found.map(|found| self.instances.keep(found))
    }

    fn endpoint(&self, key: &EndpointKey) -> Option<EndpointEntry> {
        let found = self.read(self.maps.endpoint(key));
        self.note(Step::Endpoint { key: *key, found });
        found
    }

    fn host(&self, index: u32) -> Option<&HostEntry> {
        let found = self.read(self.maps.host(index));
        self.note(Step::Host { index, found });
        found.map(|found| self.hosts.keep(found))
    }

    fn peer(&self, addr: &Addr) -> bool {
        matches!(self.program, Program::FromOverlay { remote: None, .. }) || self.read(self.maps.peer(addr))
    }

    fn displacement(&self, copy: u32, bucket: u32) -> u16 {
        self.read(self.maps.displacement(copy, bucket))
    }

    fn service(&self, copy: u32, slot: u32, sought: &ServiceKey) -> Option<&ServiceEntry> {
        let found = self.read(self.maps.service(copy, slot));
        // The perfect hash leads unknown keys somewhere, too.
        let ours = found.filter(|found| found.key == *sought);
        self.service.set(ours);
        self.note(Step::Service { key: *sought, found: ours });
        found.map(|found| self.services.keep(found))
    }

    fn row(&self, row: u32) -> u16 {
        let chain = self.read(self.maps.chain(row));
        self.note_row(row, chain);
        self.read(self.maps.row(row))
    }

    fn chain(&self, row: u32) -> u64 {
        let chain = self.read(self.maps.chain(row));
        self.note_row(row, chain);
        chain
    }

    fn member(&self, index: u32) -> MemberEntry {
        let found = self.read(self.maps.member(index));
        let balancing = !matches!(self.program, Program::FromOverlay { .. });
        let first = !self.steps.borrow().iter().any(|step| matches!(step, Step::Member { .. }));
        if found.instance != 0 {
            self.note(Step::Member { found, chosen: balancing && first });
        }
        found
    }

    fn target(&self, key: &TargetKey) -> Option<u32> {
        let found = self.read(self.maps.target(key));
        self.receiver.set(key.instance);
        self.note(Step::Target { key: *key, found });
        found
    }

    fn rules_allow(&self, range: RuleRange, peer: &Addr, service: u32) -> bool {
        let search = RuleSearch::new(range, peer, service).finish(self);
        let matched = search.found().map(|at| (at, self.rule(range.base.wrapping_add(at))));
        let (instance, filter) = self.filter(range);
        self.note(Step::Rules { instance, filter, len: range.len, matched });
        matched.is_some_and(|(_, rule)| rule.action == RuleEntry::ALLOW)
    }

    fn flow(&self, key: &FlowKey) -> Option<ShadowFlow> {
        let Memory { flows, answers_are_unseen, .. } = &mut *self.memory.borrow_mut();
        let flow = flows.entry(*key).or_insert_with(|| {
            self.read(self.maps.flow(key)).map(|(record, established)| ShadowFlow::new(record, established))
        });
        let packet = self.packet.get();
        if let Some(flow) = flow.as_ref().filter(|_| *answers_are_unseen && packet.protocol == TCP) {
            flow.infer_answer(&packet);
        }
        let found = flow.as_ref().map(|flow| (flow.record(), flow.established()));
        self.note(Step::Flow { key: *key, found });
        flow.clone()
    }

    fn create_flow(&self, key: &FlowKey, record: &FlowRecord) -> bool {
        self.note(Step::CreateFlow { key: *key, record: *record });
        self.memory.borrow_mut().flows.insert(*key, Some(ShadowFlow::new(*record, false)));
        true
    }

    fn promote_flow(&self, key: &FlowKey) {
        self.note(Step::PromoteFlow { key: *key });
        if let Some(Some(flow)) = self.memory.borrow().flows.get(key) {
            flow.0.1.set(true);
        }
    }

    fn fragment(&self, key: &FragmentKey) -> Option<FragmentEntry> {
        let own = self.memory.borrow().fragments.get(key).copied();
        let found = own.or_else(|| self.read(self.maps.fragment(key)));
        if let Some(first) = found {
            let (src_port, dst_port) = (first.ports as u16, (first.ports >> 16) as u16);
            self.packet.set(Packet { src_port, dst_port, ..self.packet.get() });
        }
        found
    }

    fn note_fragment(&self, key: &FragmentKey, first: &FragmentEntry) {
        self.memory.borrow_mut().fragments.insert(*key, *first);
    }

    fn now_ns(&self) -> u64 {
        self.maps.now_ns()
    }

    fn count(&self, outcome: Outcome) {
        self.steps.borrow_mut().push(Step::Counted(outcome));
    }

    fn count_for(&self, _service: u32, _instance: u32, outcome: Outcome) {
        self.count(outcome);
    }

    fn count_service(&self, _number: u32, _bytes: u32) {}
}
