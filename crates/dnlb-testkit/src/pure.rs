//! The decision function with tables made of ordinary collections.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    convert::Infallible,
    rc::Rc,
};

use dnlb_abi::{
    Addr, EndpointEntry, EndpointKey, FlowKey, FlowRecord, FragmentEntry, FragmentKey, HostEntry,
    InstanceEntry, MemberEntry, Outcome, ROUTER_MAC, RuleEntry, RuleRange, ServiceEntry, ServiceKey,
    Settings, TargetKey, instance_mac, instance_of_mac, tunnel_mac,
};
use dnlb_datapath::{
    EdgeSink, Flow, Outer, Packet, Rewrite, Room, RuleQuery, RuleSearch, Rules, Sink, Tables, Tunnel, edge,
    from_instance, from_overlay, probe, rewrite_error, rule_matches,
};
use dnlb_explain::Maps;
use dnlb_plan::SwitchState;
use dnlb_wire::{
    ADVERTISEMENT_LEN, Ethernet, Fragment, ICMP, ICMPV6, RESET_LEN, RESET_LEN_V6, UDP, UNREACHABLE_LEN,
    UNREACHABLE_LEN_V6, Unreachable, advertisement, arp, is_v4, replace, replace_addr, reset, reset_v6,
    unreachable, unreachable_v6, v4,
};

use crate::{
    engine::{Engine, Program, Seen, came_by_a_service},
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
}

impl Engine for Pure {
    fn run(&mut self, program: Program, frame: &[u8]) -> anyhow::Result<Seen> {
        let tables = &self.tables;
        tables.counted.borrow_mut().clear();
        let encapsulates = program == Program::Edge;
        let sink = Carrier { frame, settings: tables.state.settings, encapsulates };
        let room = &mut Room::default();
        let (outcome, details, after) = match program {
            Program::Edge | Program::EdgeTc => {
                edge(&frame, tables, &mut Packet::default(), || Some(room), sink)
            }
            Program::FromInstance => from_instance(&frame, tables, TEST_IFINDEX, room, sink),
            Program::FromOverlay(vni) | Program::FromStranger(vni) => {
                let remote = dnlb_abi::v4_mapped(program.remote());
                from_overlay(&frame, tables, (vni, &remote), room, sink)
            }
            Program::Probe => probe(&frame, tables, room, sink),
        };
        tables.count(outcome);
        Ok(Seen { outcome, details, frame: after, counted: tables.counted.borrow().clone() })
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

/// Carries out verdicts on bytes.
struct Carrier<'f> {
    frame: &'f [u8],
    settings: Settings,
    /// Whether an edge itself puts the outer header in front.
    encapsulates: bool,
}

type Carried = (Outcome, [u32; 4], Vec<u8>);

impl Carrier<'_> {
    /// An answer to the frame.
    fn answered(&self, ethernet: &Ethernet, packet: &Packet, answer: Answer) -> Vec<u8> {
        match (answer, packet.v6) {
            (Answer::Echo, _) => {
                let mut frame = self.frame.to_vec();
                assert!(dnlb_wire::echo_reply(&mut frame.as_mut_slice(), ethernet, packet));
                frame
            }
            (Answer::Neighbour(target), _) => {
                let mut frame = [0; ADVERTISEMENT_LEN];
                advertisement(&mut frame, ethernet, packet, &target, ROUTER_MAC);
                frame.to_vec()
            }
            (Answer::Reset, false) => {
                let mut frame = [0; RESET_LEN];
                reset(&mut frame, ethernet, packet);
                frame.to_vec()
            }
            (Answer::Reset, true) => {
                let mut frame = [0; RESET_LEN_V6];
                reset_v6(&mut frame, ethernet, packet);
                frame.to_vec()
            }
            (Answer::Unreachable(why), false) => {
                let mut frame = [0; UNREACHABLE_LEN];
                assert!(unreachable(&mut frame, &self.frame, ethernet, packet, why));
                frame.to_vec()
            }
            (Answer::Unreachable(why), true) => {
                let mut frame = [0; UNREACHABLE_LEN_V6];
                assert!(unreachable_v6(&mut frame, &self.frame, ethernet, packet, why));
                frame.to_vec()
            }
        }
    }

    fn rewritten(&self, packet: &Packet, rewrite: &Rewrite, macs: Option<([u8; 6], [u8; 6])>) -> Vec<u8> {
        let mut frame = self.frame.to_vec();
        if rewrite.error {
            assert!(rewrite_error(&mut frame.as_mut_slice(), packet, rewrite));
        } else {
            if rewrite.reset {
                let at = packet.l4_offset + 12;
                let word = |frame: &[u8], at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
                let (old, check) = (word(&frame, at), word(&frame, at + 4));
                let new = old & 0xf000 | u16::from(packet.flags.0);
                frame[at..at + 2].copy_from_slice(&new.to_be_bytes());
                frame[at + 4..at + 6].copy_from_slice(&replace(check, old, new).to_be_bytes());
            }
            if rewrite.source {
                endpoint(&mut frame, packet, false, (rewrite.src, rewrite.src_port));
            }
            if rewrite.destination {
                endpoint(&mut frame, packet, true, (rewrite.dst, rewrite.dst_port));
            }
        }
        if let Some((dst, src)) = macs {
            frame[..6].copy_from_slice(&dst);
            frame[6..12].copy_from_slice(&src);
        }
        frame
    }
}

/// How a frame is answered.
#[derive(Clone, Copy)]
enum Answer {
    Echo,
    Neighbour(Addr),
    Reset,
    Unreachable(Unreachable),
}

/// Writes an address and a port, and updates the checksums.
fn endpoint(frame: &mut [u8], packet: &Packet, destination: bool, (addr, port): (Addr, u16)) {
    let u16_at = |frame: &[u8], at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    let (old, old_port) =
        if destination { (packet.dst, packet.dst_port) } else { (packet.src, packet.src_port) };
    if packet.v6 {
        let at = if destination { 38 } else { 22 };
        frame[at..at + 16].copy_from_slice(&addr);
    } else {
        let at = if destination { 30 } else { 26 };
        let check = replace_addr(u16_at(frame, 24), &old, &addr);
        frame[24..26].copy_from_slice(&check.to_be_bytes());
        frame[at..at + 4].copy_from_slice(&v4(addr));
    }
    if packet.protocol == ICMP || packet.fragment == Fragment::Later {
        return;
    }
    let l4 = packet.l4_offset;
    let check_at = match packet.protocol {
        UDP => l4 + 6,
        ICMPV6 => l4 + 2,
        _ => l4 + 16,
    };
    let check = u16_at(frame, check_at);
    let none = packet.protocol == UDP && check == 0;
    let mut mended = replace_addr(check, &old, &addr);
    if packet.protocol != ICMPV6 {
        mended = replace(mended, old_port, port);
        let port_at = if destination { l4 + 2 } else { l4 };
        frame[port_at..port_at + 2].copy_from_slice(&port.to_be_bytes());
    }
    let mended = if packet.protocol == UDP && mended == 0 { 0xffff } else { mended };
    if !none {
        frame[check_at..check_at + 2].copy_from_slice(&mended.to_be_bytes());
    }
}

impl Sink for Carrier<'_> {
    type Verdict = Carried;

    fn drop(self, outcome: Outcome) -> Carried {
        (outcome, [0; 4], self.frame.to_vec())
    }

    fn arp_reply(self, request: &arp::Request) -> Carried {
        let mut frame = self.frame.to_vec();
        frame[..42].copy_from_slice(&request.reply(ROUTER_MAC));
        (Outcome::ArpReply, [TEST_IFINDEX, 0, 0, 0], frame)
    }

    fn neighbour_reply(self, ethernet: &Ethernet, packet: &Packet, target: &Addr) -> Carried {
        let frame = self.answered(ethernet, packet, Answer::Neighbour(*target));
        (Outcome::NeighbourReply, [TEST_IFINDEX, 0, 0, 0], frame)
    }

    fn echo_reply(self, ethernet: &Ethernet, packet: &Packet) -> Carried {
        let frame = self.answered(ethernet, packet, Answer::Echo);
        (Outcome::EchoReply, [TEST_IFINDEX, 0, 0, 0], frame)
    }

    fn reset(self, ethernet: &Ethernet, packet: &Packet, outcome: Outcome) -> Carried {
        (outcome, [TEST_IFINDEX, 0, 0, 0], self.answered(ethernet, packet, Answer::Reset))
    }

    fn unreachable(
        self,
        ethernet: &Ethernet,
        packet: &Packet,
        why: Unreachable,
        outcome: Outcome,
    ) -> Carried {
        (outcome, [TEST_IFINDEX, 0, 0, 0], self.answered(ethernet, packet, Answer::Unreachable(why)))
    }

    fn deliver(self, instance: &InstanceEntry, packet: &Packet, rewrite: &Rewrite) -> Carried {
        let frame = self.rewritten(packet, rewrite, Some((instance.mac, ROUTER_MAC)));
        (Outcome::Delivered, [instance.ifindex, instance.number, 0, 0], frame)
    }

    fn tunnel(self, tunnel: &Tunnel, packet: &Packet, rewrite: &Rewrite) -> Carried {
        let macs = (instance_mac(tunnel.instance), tunnel_mac(tunnel.hop, tunnel.from_edge));
        let frame = self.rewritten(packet, rewrite, Some(macs));
        let remote = u32::from_be_bytes(v4(tunnel.remote));
        (Outcome::Tunnelled, [remote, tunnel.vni, tunnel.instance, tunnel.hop.into()], frame)
    }

    fn reply_outside(self, packet: &Packet, rewrite: &Rewrite) -> Carried {
        let frame = self.rewritten(packet, rewrite, None);
        (Outcome::RepliedOutside, [self.settings.uplink_ifindex, 0, 0, 0], frame)
    }

    fn reply_probe(self, packet: &Packet, rewrite: &Rewrite) -> Carried {
        let frame = self.rewritten(packet, rewrite, Some((self.settings.probe_mac, ROUTER_MAC)));
        (Outcome::RepliedProbe, [self.settings.probe_ifindex, 0, 0, 0], frame)
    }
}

impl EdgeSink for Carrier<'_> {
    type Verdict = Carried;

    fn pass(self) -> Carried {
        (Outcome::Passed, [0; 4], self.frame.to_vec())
    }

    fn drop(self, outcome: Outcome) -> Carried {
        (outcome, [0; 4], self.frame.to_vec())
    }

    fn echo_reply(self, ethernet: &Ethernet, packet: &Packet) -> Carried {
        (Outcome::EchoReply, [0; 4], self.answered(ethernet, packet, Answer::Echo))
    }

    fn reset(self, ethernet: &Ethernet, packet: &Packet, outcome: Outcome) -> Carried {
        (outcome, [0; 4], self.answered(ethernet, packet, Answer::Reset))
    }

    fn unreachable(
        self,
        ethernet: &Ethernet,
        packet: &Packet,
        why: Unreachable,
        outcome: Outcome,
    ) -> Carried {
        (outcome, [0; 4], self.answered(ethernet, packet, Answer::Unreachable(why)))
    }

    fn forward(self, outer: &Outer, inner: &[u8; 12]) -> Carried {
        let mac = [inner[0], inner[1], inner[2], inner[3], inner[4], inner[5]];
        let details = [u32::from_be_bytes(v4(outer.dst)), outer.vni, instance_of_mac(mac), inner[8].into()];
        let header = match (self.encapsulates, is_v4(&outer.dst)) {
            (false, _) => Vec::new(),
            (true, true) => outer.bytes().to_vec(),
            (true, false) => outer.bytes_v6().to_vec(),
        };
        (Outcome::Forwarded, details, [header.as_slice(), inner, &self.frame[12..]].concat())
    }
}
