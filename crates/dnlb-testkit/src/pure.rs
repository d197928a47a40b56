//! The decision function with tables made of ordinary collections.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    convert::Infallible,
    rc::Rc,
};

use dnlb_abi::{
    Addr, EndpointEntry, EndpointKey, FlowKey, FlowRecord, FragmentEntry, FragmentKey, HostEntry,
    InstanceEntry, MemberEntry, Outcome, RuleEntry, RuleRange, ServiceEntry, ServiceKey, Settings, TargetKey,
};
use dnlb_datapath::{
    Flow, Packet, Room, RuleQuery, RuleSearch, Rules, Tables, edge, from_instance, from_overlay, probe,
    rule_matches,
};
use dnlb_explain::{Carried, Carrier, Maps};
use dnlb_plan::SwitchState;

use crate::{
    engine::{Concerned, Engine, Program, Seen, came_by_a_service},
    scene::TEST_IFINDEX,
};

/// The pure engine.
pub struct Pure {
    tables: PureTables,
}

impl Pure {
    /// On the maps of a scene.
    #[must_use]
    pub fn new(state: SwitchState) -> Self {
        Self { tables: PureTables::new(state) }
    }

    /// From now on there is no room for another flow record.
    pub fn fill_flows(&mut self) {
        self.tables.full = true;
    }

    /// [`Engine::run`] on a frame that came by the link `ifindex`.
    ///
    /// # Errors
    /// None.
    pub fn run_at(&mut self, ifindex: u32, program: Program, frame: &[u8]) -> anyhow::Result<Seen> {
        let tables = &self.tables;
        tables.counted.borrow_mut().clear();
        tables.concerned.borrow_mut().clear();
        let encapsulates = program == Program::Edge;
        let sink =
            Carrier { frame, settings: tables.state.settings, ifindex, encapsulates, concerned: (0, 0) };
        let room = &mut Room::default();
        let Carried { outcome, details, concerned, frame: after } = match program {
            Program::Edge | Program::EdgeTc => {
                edge(&frame, tables, &mut Packet::default(), || Some(room), sink)
            }
            Program::FromInstance => from_instance(&frame, tables, ifindex, room, sink),
            Program::FromOverlay(vni) | Program::FromStranger(vni) => {
                let remote = dnlb_abi::v4_mapped(program.remote());
                from_overlay(&frame, tables, (vni, &remote), room, sink)
            }
            Program::Probe => probe(&frame, tables, room, sink),
        };
        tables.count(outcome);
        tables.count_concerned(concerned, outcome);
        let (counted, concerned) = (tables.counted.borrow().clone(), tables.concerned.borrow().clone());
        Ok(Seen { outcome, details, frame: after, counted, concerned })
    }
}

impl Engine for Pure {
    fn run(&mut self, program: Program, frame: &[u8]) -> anyhow::Result<Seen> {
        self.run_at(TEST_IFINDEX, program, frame)
    }

    fn change(&mut self, state: SwitchState) -> anyhow::Result<()> {
        let (flows, fragments) = (self.tables.flows.take().into(), self.tables.fragments.take().into());
        self.tables = PureTables { flows, fragments, ..PureTables::new(state) };
        Ok(())
    }

    fn drain(&mut self) -> anyhow::Result<()> {
        for (key, flow) in self.tables.flows.borrow().iter() {
            let mut record = flow.record();
            if came_by_a_service(key, &record) {
                record.flags |= FlowRecord::FLAG_DRAINED;
                flow.0.0.set(record);
            }
        }
        Ok(())
    }

    fn flows(&mut self) -> anyhow::Result<BTreeMap<FlowKey, (FlowRecord, bool)>> {
        Ok(self
            .tables
            .flows
            .borrow()
            .iter()
            .map(|(&key, flow)| (key, (FlowRecord { last_used_ns: 0, ..flow.record() }, flow.established())))
            .collect())
    }
}

#[derive(Default)]
struct PureTables {
    state: SwitchState,
    rows: BTreeMap<u32, u16>,
    chains: BTreeMap<u32, u64>,
    rule_words: BTreeMap<u32, u64>,
    flows: RefCell<BTreeMap<FlowKey, PureFlow>>,
    fragments: RefCell<BTreeMap<FragmentKey, FragmentEntry>>,
    counted: RefCell<BTreeMap<&'static str, u64>>,
    concerned: RefCell<Concerned>,
    full: bool,
}

impl PureTables {
    fn new(state: SwitchState) -> Self {
        let (mut rows, mut chains) = (BTreeMap::new(), BTreeMap::new());
        for range in &state.rows {
            let word =
                |chain: &[u16; 4]| chain.iter().rev().fold(0, |word, &slot| word << 16 | u64::from(slot));
            chains.extend(
                range.cold.iter().enumerate().map(|(at, chain)| (range.base + at as u32, word(chain))),
            );
            rows.extend(range.hot.iter().enumerate().map(|(at, &slot)| (range.base + at as u32, slot)));
        }
        let indices = state.rule_index.iter();
        let rule_words = indices.flat_map(|(&base, words)| (base..).zip(words.iter().copied())).collect();
        Self { state, rows, chains, rule_words, ..Self::default() }
    }

    fn count_concerned(&self, (service, instance): (u32, u32), outcome: Outcome) {
        if service != 0 && outcome.concerns_service() {
            *self.concerned.borrow_mut().entry((service, instance, outcome.name())).or_default() += 1;
        }
    }
}

/// A record and whether it is established, shared with whoever found it.
#[derive(Clone, Default)]
struct PureFlow(Rc<(Cell<FlowRecord>, Cell<bool>)>);

impl PureFlow {
    fn record(&self) -> FlowRecord {
        self.0.0.get()
    }
}

impl Flow for PureFlow {
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

    fn note(&self, set_flags: u32, outbound: bool, bytes: u32, now_ns: u64) {
        let mut record = self.record();
        record.flags |= set_flags;
        if now_ns != 0 {
            record.last_used_ns = now_ns;
        }
        record.packets_out += u64::from(outbound);
        record.packets_in += u64::from(!outbound);
        record.bytes += u64::from(bytes);
        self.0.0.set(record);
    }
}

impl Rules for PureTables {
    fn matches(&self, index: u32, query: &RuleQuery) -> bool {
        self.state.rules.get(&index).is_some_and(|rule| rule_matches(rule, query))
    }

    fn word(&self, index: u32) -> u64 {
        self.rule_words.get(&index).copied().unwrap_or(0)
    }
}

impl Tables for PureTables {
    type Flow = PureFlow;

    fn settings(&self) -> Option<&Settings> {
        Some(&self.state.settings)
    }

    fn port(&self, ifindex: u32) -> Option<u32> {
        self.state.ports.get(&ifindex).copied()
    }

    fn instance(&self, number: u32) -> Option<&InstanceEntry> {
        self.state.instances.get(&number)
    }

    fn endpoint(&self, key: &EndpointKey) -> Option<EndpointEntry> {
        self.state.endpoints.get(key).copied()
    }

    fn host(&self, index: u32) -> Option<&HostEntry> {
        // An array never misses: what was never written reads as zero.
        const ZERO: &HostEntry = &HostEntry {
            addr: [0; 16],
            local_addr: [0; 16],
            next_hop_mac: [0; 6],
            uplink_mac: [0; 6],
            reserved: [0; 4],
        };
        Some(self.state.hosts.get(&index).unwrap_or(ZERO))
    }

    fn peer(&self, addr: &Addr) -> bool {
        self.state.peers.contains_key(addr)
    }

    fn displacement(&self, _copy: u32, bucket: u32) -> u16 {
        self.state.services.displacements.get(bucket as usize).copied().unwrap_or(0)
    }

    fn service(&self, _copy: u32, slot: u32, _sought: &ServiceKey) -> Option<&ServiceEntry> {
        self.state.services.entries.get(&slot)
    }

    fn row(&self, row: u32) -> u16 {
        self.rows.get(&row).copied().unwrap_or(0)
    }

    fn chain(&self, row: u32) -> u64 {
        self.chains.get(&row).copied().unwrap_or(0)
    }

    fn member(&self, index: u32) -> MemberEntry {
        self.state.members.get(&index).copied().unwrap_or_default()
    }

    fn target(&self, key: &TargetKey) -> Option<u32> {
        self.state.targets.get(key).map(|target| target.port)
    }

    fn rules_allow(&self, range: RuleRange, peer: &Addr, service: u32) -> bool {
        let found = RuleSearch::new(range, peer, service).finish(self).found();
        let rule = found.and_then(|at| self.state.rules.get(&(range.base + at)));
        rule.is_some_and(|rule| rule.action == RuleEntry::ALLOW)
    }

    fn flow(&self, key: &FlowKey) -> Option<Self::Flow> {
        self.flows.borrow().get(key).cloned()
    }

    fn create_flow(&self, key: &FlowKey, record: &FlowRecord) -> bool {
        if self.full {
            return false;
        }
        let flow = PureFlow(Rc::new((Cell::new(*record), Cell::new(false))));
        self.flows.borrow_mut().insert(*key, flow);
        true
    }

    fn promote_flow(&self, key: &FlowKey) {
        if let Some(flow) = self.flows.borrow().get(key) {
            flow.0.1.set(true);
        }
    }

    fn fragment(&self, key: &FragmentKey) -> Option<FragmentEntry> {
        self.fragments.borrow().get(key).copied()
    }

    fn note_fragment(&self, key: &FragmentKey, first: &FragmentEntry) {
        self.fragments.borrow_mut().insert(*key, *first);
    }

    fn now_ns(&self) -> u64 {
        1
    }

    fn count(&self, outcome: Outcome) {
        *self.counted.borrow_mut().entry(outcome.name()).or_default() += 1;
    }

    fn count_for(&self, service: u32, instance: u32, outcome: Outcome) {
        self.count(outcome);
        self.count_concerned((service, instance), outcome);
    }

    fn count_service(&self, _number: u32, _bytes: u32) {}
}

/// The engine's maps as tools see them; flow records as the packets so far have left them.
impl Maps for Pure {
    type Error = Infallible;

    fn settings(&self) -> Result<Option<Settings>, Infallible> {
        Ok(Some(self.tables.state.settings))
    }

    fn port(&self, ifindex: u32) -> Result<Option<u32>, Infallible> {
        Ok(self.tables.port(ifindex))
    }

    fn instance(&self, number: u32) -> Result<Option<InstanceEntry>, Infallible> {
        Ok(self.tables.instance(number).copied())
    }

    fn instances(&self) -> Result<Vec<InstanceEntry>, Infallible> {
        Ok(self.tables.state.instances.values().copied().collect())
    }

    fn endpoint(&self, key: &EndpointKey) -> Result<Option<EndpointEntry>, Infallible> {
        Ok(self.tables.endpoint(key))
    }

    fn host(&self, index: u32) -> Result<Option<HostEntry>, Infallible> {
        Ok(self.tables.host(index).copied())
    }

    fn peer(&self, addr: &Addr) -> Result<bool, Infallible> {
        Ok(self.tables.peer(addr))
    }

    fn displacement(&self, copy: u32, bucket: u32) -> Result<u16, Infallible> {
        Ok(self.tables.displacement(copy, bucket))
    }

    fn service(&self, copy: u32, slot: u32) -> Result<Option<ServiceEntry>, Infallible> {
        Ok(self.tables.service(copy, slot, &ServiceKey::default()).copied())
    }

    fn row(&self, row: u32) -> Result<u16, Infallible> {
        Ok(self.tables.row(row))
    }

    fn chain(&self, row: u32) -> Result<u64, Infallible> {
        Ok(self.tables.chain(row))
    }

    fn member(&self, index: u32) -> Result<MemberEntry, Infallible> {
        Ok(self.tables.member(index))
    }

    fn target(&self, key: &TargetKey) -> Result<Option<u32>, Infallible> {
        Ok(self.tables.target(key))
    }

    fn rule(&self, index: u32) -> Result<Option<RuleEntry>, Infallible> {
        Ok(self.tables.state.rules.get(&index).copied())
    }

    fn rule_word(&self, index: u32) -> Result<u64, Infallible> {
        Ok(self.tables.word(index))
    }

    fn flow(&self, key: &FlowKey) -> Result<Option<(FlowRecord, bool)>, Infallible> {
        Ok(self.tables.flow(key).map(|flow| (flow.record(), flow.established())))
    }

    fn fragment(&self, key: &FragmentKey) -> Result<Option<FragmentEntry>, Infallible> {
        Ok(self.tables.fragment(key))
    }

    fn now_ns(&self) -> u64 {
        self.tables.now_ns()
    }
}
