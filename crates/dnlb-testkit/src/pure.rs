//! The decision function with tables made of ordinary collections.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    convert::Infallible,
    rc::Rc,
};

use dnlb_abi::{
    Addr, EndpointEntry, EndpointKey, FlowKey, FlowRecord, HostEntry, InstanceEntry, MemberEntry, Outcome,
    ROUTER_MAC, RuleEntry, RuleRange, ServiceEntry, Settings, TargetKey, instance_mac, tunnel_mac,
};
use dnlb_datapath::{
    EdgeSink, Flow, Outer, Packet, Rewrite, Room, RuleQuery, Sink, Tables, Tunnel, edge, from_instance,
    from_overlay, probe, rule_matches,
};
use dnlb_explain::Maps;
use dnlb_plan::SwitchState;
use dnlb_wire::{
    Ethernet, ICMP, RESET_LEN, UDP, UNREACHABLE_LEN, Unreachable, replace, replace_pseudo, reset,
    unreachable, v4,
};

use crate::{
    engine::{Engine, Program, Seen},
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
}

impl Engine for Pure {
    fn run(&mut self, program: Program, frame: &[u8]) -> anyhow::Result<Seen> {
        let tables = &self.tables;
        tables.counted.borrow_mut().clear();
        let sink = Carrier { frame, settings: tables.state.settings };
        let (outcome, details, after) = match program {
            Program::Edge => edge(&frame, tables, sink),
            Program::FromInstance => from_instance(&frame, tables, TEST_IFINDEX, &mut Room::default(), sink),
            Program::FromOverlay(vni) | Program::FromStranger(vni) => {
                let remote = dnlb_abi::v4_mapped(program.remote());
                from_overlay(&frame, tables, (vni, &remote), &mut Room::default(), sink)
            }
            Program::Probe => probe(&frame, tables, &mut Room::default(), sink),
        };
        tables.count(outcome);
        Ok(Seen { outcome, details, frame: after, counted: tables.counted.borrow().clone() })
    }

    fn change(&mut self, state: SwitchState) -> anyhow::Result<()> {
        self.tables = PureTables { flows: self.tables.flows.take().into(), ..PureTables::new(state) };
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
    flows: RefCell<BTreeMap<FlowKey, PureFlow>>,
    counted: RefCell<BTreeMap<&'static str, u64>>,
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
        Self { state, rows, chains, ..Self::default() }
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

    fn service(&self, _copy: u32, slot: u32) -> Option<&ServiceEntry> {
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

    fn first_rule(&self, range: RuleRange, query: &RuleQuery) -> u32 {
        (range.base..range.base.saturating_add(range.len))
            .filter_map(|index| self.state.rules.get(&index))
            .find(|rule| rule_matches(rule, query))
            .map_or(0, |rule| rule.action)
    }

    fn flow(&self, key: &FlowKey) -> Option<Self::Flow> {
        self.flows.borrow().get(key).cloned()
    }

    fn create_flow(&self, key: &FlowKey, record: &FlowRecord) -> bool {
        let flow = PureFlow(Rc::new((Cell::new(*record), Cell::new(false))));
        self.flows.borrow_mut().insert(*key, flow);
        true
    }

    fn promote_flow(&self, key: &FlowKey) {
        if let Some(flow) = self.flows.borrow().get(key) {
            flow.0.1.set(true);
        }
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
        Ok(self.tables.service(copy, slot).copied())
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

    fn flow(&self, key: &FlowKey) -> Result<Option<(FlowRecord, bool)>, Infallible> {
        Ok(self.tables.flow(key).map(|flow| (flow.record(), flow.established())))
    }

    fn now_ns(&self) -> u64 {
        self.tables.now_ns()
    }
}

/// Carries out verdicts on bytes.
struct Carrier<'f> {
    frame: &'f [u8],
    settings: Settings,
}

type Carried = (Outcome, [u32; 4], Vec<u8>);

impl Carrier<'_> {
    fn echoed(&self, ethernet: &Ethernet, packet: &Packet) -> Vec<u8> {
        let mut frame = self.frame.to_vec();
        frame[..6].copy_from_slice(&ethernet.src);
        frame[6..12].copy_from_slice(&ethernet.dst);
        frame[26..30].copy_from_slice(&v4(packet.dst));
        frame[30..34].copy_from_slice(&v4(packet.src));
        let check = replace(u16::from_be_bytes([frame[36], frame[37]]), 0x0800, 0);
        frame[34] = 0;
        frame[36..38].copy_from_slice(&check.to_be_bytes());
        frame
    }

    fn quoting(&self, ethernet: &Ethernet, packet: &Packet, why: Unreachable) -> Vec<u8> {
        let mut frame = [0; UNREACHABLE_LEN];
        assert!(unreachable(&mut frame, &self.frame, ethernet, packet, why));
        frame.to_vec()
    }

    fn rewritten(&self, packet: &Packet, rewrite: &Rewrite, macs: Option<([u8; 6], [u8; 6])>) -> Vec<u8> {
        let mut frame = self.frame.to_vec();
        let l4 = packet.l4_offset;
        if rewrite.source {
            endpoint(&mut frame, packet.protocol, 26, l4, l4, (v4(rewrite.src), rewrite.src_port));
        }
        if rewrite.destination {
            endpoint(&mut frame, packet.protocol, 30, l4, l4 + 2, (v4(rewrite.dst), rewrite.dst_port));
        }
        if let Some((dst, src)) = macs {
            frame[..6].copy_from_slice(&dst);
            frame[6..12].copy_from_slice(&src);
        }
        frame
    }
}

fn resetting(ethernet: &Ethernet, packet: &Packet) -> Vec<u8> {
    let mut frame = [0; RESET_LEN];
    reset(&mut frame, ethernet, packet);
    frame.to_vec()
}

/// Writes an address and a port, and updates both checksums.
fn endpoint(frame: &mut [u8], protocol: u8, addr_at: usize, l4: usize, port_at: usize, new: ([u8; 4], u16)) {
    let u16_at = |frame: &[u8], at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    let old_addr = [frame[addr_at], frame[addr_at + 1], frame[addr_at + 2], frame[addr_at + 3]];
    let old_port = u16_at(frame, port_at);
    let ip_check = replace_pseudo(u16_at(frame, 24), old_addr, new.0);
    frame[24..26].copy_from_slice(&ip_check.to_be_bytes());
    frame[addr_at..addr_at + 4].copy_from_slice(&new.0);
    if protocol == ICMP {
        return;
    }
    let check_at = if protocol == UDP { l4 + 6 } else { l4 + 16 };
    let check = u16_at(frame, check_at);
    let none = protocol == UDP && check == 0;
    let check = replace(replace_pseudo(check, old_addr, new.0), old_port, new.1);
    let check = if protocol == UDP && check == 0 { 0xffff } else { check };
    if !none {
        frame[check_at..check_at + 2].copy_from_slice(&check.to_be_bytes());
    }
    frame[port_at..port_at + 2].copy_from_slice(&new.1.to_be_bytes());
}

impl Sink for Carrier<'_> {
    type Verdict = Carried;

    fn drop(self, outcome: Outcome) -> Carried {
        (outcome, [0; 4], self.frame.to_vec())
    }

    fn arp_reply(self, reply: &[u8; 42]) -> Carried {
        let mut frame = self.frame.to_vec();
        frame[..42].copy_from_slice(reply);
        (Outcome::ArpReply, [TEST_IFINDEX, 0, 0, 0], frame)
    }

    fn echo_reply(self, ethernet: &Ethernet, packet: &Packet) -> Carried {
        (Outcome::EchoReply, [TEST_IFINDEX, 0, 0, 0], self.echoed(ethernet, packet))
    }

    fn reset(self, ethernet: &Ethernet, packet: &Packet, outcome: Outcome) -> Carried {
        (outcome, [TEST_IFINDEX, 0, 0, 0], resetting(ethernet, packet))
    }

    fn unreachable(
        self,
        ethernet: &Ethernet,
        packet: &Packet,
        why: Unreachable,
        outcome: Outcome,
    ) -> Carried {
        (outcome, [TEST_IFINDEX, 0, 0, 0], self.quoting(ethernet, packet, why))
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
        (Outcome::EchoReply, [0; 4], self.echoed(ethernet, packet))
    }

    fn reset(self, ethernet: &Ethernet, packet: &Packet, outcome: Outcome) -> Carried {
        (outcome, [0; 4], resetting(ethernet, packet))
    }

    fn unreachable(
        self,
        ethernet: &Ethernet,
        packet: &Packet,
        why: Unreachable,
        outcome: Outcome,
    ) -> Carried {
        (outcome, [0; 4], self.quoting(ethernet, packet, why))
    }

    fn forward(self, outer: &Outer, inner: &[u8; 14]) -> Carried {
        let frame = [outer.bytes().as_slice(), inner, &self.frame[14..]].concat();
        (Outcome::Forwarded, [0; 4], frame)
    }
}
