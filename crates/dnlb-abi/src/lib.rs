//! Every byte that the kernel programs and the agent share: map keys and values, map names, sizes,
//! outcome names, and the version of the whole.
//!
//! This crate refuses to know what a packet is or how an agent works. Read [`ServiceEntry`],
//! [`InstanceEntry`] and [`Outcome`] first; `docs/architecture.md` tells the way of a packet.
//!
//! Addresses are 16 bytes everywhere, IPv4 as `::ffff:a.b.c.d` (RFC 4291, 2.5.5.2), in network byte
//! order; ports and all other integers are in host byte order. Keys are whole 32-bit words: smaller
//! fields cost 10 ns a look-up on the kernels that we measured.
#![no_std]
#![forbid(unsafe_code)]

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

mod bench;
mod events;
mod handover;
mod index;
mod layout;
mod outcome;
mod rule_index;

pub use bench::{BenchPlan, bench_client};
pub use events::{
    EVENTS_BYTES, FlowEvent, Role, StepEvent, TRACE_SLOTS, TraceControl, TraceEnd, TraceFilter, lost,
};
pub use handover::{HandoverKey, HandoverRecord};
pub use index::{SERVICE_BUCKETS, SERVICE_SLOTS, ServiceHash};
pub use layout::{Field, Layout};
pub use outcome::Outcome;
pub use rule_index::RuleIndex;

/// Version of what the agent writes into the maps of its configuration, and of events: raise it when the layout or the meaning of
/// any of them changes. The next agent then fills maps of its own instead of taking over those of the former one.
///
/// So does a change of what the agent's own note of them (`alloc.json`) means.
///
/// Flow records and counters need no version: the names of their fields ([`Layout`]) say what they are.
pub const ABI_VERSION: u32 = 4 + 1000 * cfg!(feature = "layout-trial") as u32;

/// By how much the feature `layout-trial` makes a [`FlowRecord`] longer.
const TRIAL_BYTES: usize = if cfg!(feature = "layout-trial") { 8 } else { 0 };

/// An address in the form in which maps hold it.
pub type Addr = [u8; 16];

/// Names of the maps, as they stand in the object file and in the pin directory.
pub mod maps {
    /// Array of one [`super::Settings`].
    pub const SETTINGS: &str = "SETTINGS";
    /// Hash: interface index -> instance number, for the host side of every instance's link.
    pub const PORTS: &str = "PORTS";
    /// Hash: instance number -> [`super::InstanceEntry`], for instances of this host.
    pub const INSTANCES: &str = "INSTANCES";
    /// Hash: [`super::EndpointKey`] -> [`super::EndpointEntry`], for all instances of the VPCs on this host.
    pub const ENDPOINTS: &str = "ENDPOINTS";
    /// Array: host index -> [`super::HostEntry`].
    pub const HOSTS: &str = "HOSTS";
    /// Memory-mapped array: displacements of the perfect hash, four 16-bit values to a word, two copies.
    pub const DISPLACEMENTS: &str = "DISPLACEMENTS";
    /// Memory-mapped array of [`super::ServiceEntry`], two copies of [`super::SERVICE_SLOTS`].
    pub const SERVICES: &str = "SERVICES";
    /// Memory-mapped array: the hot half of all rows, four 16-bit slots to a word.
    pub const ROWS_HOT: &str = "ROWS_HOT";
    /// Memory-mapped array: the cold half of all rows, one chain of four 16-bit slots a word.
    pub const ROWS_COLD: &str = "ROWS_COLD";
    /// Memory-mapped array of [`super::MemberEntry`].
    pub const MEMBERS: &str = "MEMBERS";
    /// Hash: [`super::TargetKey`] -> [`super::TargetEntry`], for instances of this host.
    pub const TARGETS: &str = "TARGETS";
    /// Hash: underlay address of a host of the region -> 1. From no other comes anything through the tunnel.
    pub const PEERS: &str = "PEERS";
    /// Memory-mapped array of [`super::RuleEntry`]; instances name ranges of it.
    pub const RULES: &str = "RULES";
    /// Memory-mapped array of one value, [`super::capacity::RULE_INDEX`] words: how to find a rule without trying all, see
    /// [`super::RuleIndex`]. Instances name where an index begins. Word 0 belongs to none.
    ///
    /// One value, so that programs reach every word from one pointer, without a call of the map for each.
    pub const RULE_INDEX: &str = "RULE_INDEX";
    /// LRU hash: [`super::FlowKey`] -> [`super::FlowRecord`], half-open flows.
    pub const FLOWS_HALF_OPEN: &str = "FLOWS_HALF_OPEN";
    /// Hash: [`super::FlowKey`] -> [`super::FlowRecord`], established flows; aged by the agent, never evicted.
    pub const FLOWS: &str = "FLOWS";
    /// LRU hash: [`super::FragmentKey`] -> [`super::FragmentEntry`], packets of which a first fragment came by.
    pub const FRAGMENTS: &str = "FRAGMENTS";
    /// Per-CPU array: outcome -> [`super::Counter`].
    pub const OUTCOMES: &str = "OUTCOMES";
    /// Per-CPU array: service number -> [`super::Counter`].
    pub const SERVICE_COUNTERS: &str = "SERVICE_COUNTERS";
    /// Hash: [`super::FlowTotalsKey`] -> [`super::FlowTotals`], what flow records themselves cannot tell of a service's flows. Agents
    /// remove those of services and instances that are gone.
    pub const FLOW_TOTALS: &str = "FLOW_TOTALS";
    /// Per-CPU hash: [`super::ServiceOutcomeKey`] -> packets, a word for each CPU: what went wrong with packets of a service. Agents remove
    /// those of services and instances that are gone.
    pub const SERVICE_OUTCOMES: &str = "SERVICE_OUTCOMES";
    /// Array of one word: not 0 while one version of the programs takes over from another that has other flow maps.
    pub const HANDING_OVER: &str = "HANDING_OVER";
    /// Hash: [`super::HandoverKey`] -> [`super::HandoverRecord`], flows made meanwhile; empty at all other times.
    pub const HANDOVER: &str = "HANDOVER";
    /// Array of one [`super::TraceControl`]: what programs are to tell of packets and flows.
    pub const TRACES: &str = "TRACES";
    /// Ring buffer of [`super::StepEvent`] and [`super::FlowEvent`]; read by the agent alone.
    pub const EVENTS: &str = "EVENTS";
    /// Per-CPU array: [`super::lost`] -> events for which `EVENTS` had no room.
    pub const EVENTS_LOST: &str = "EVENTS_LOST";
    /// Program array of one: the program `tell`, in which classifiers end when somebody wants to hear of the packet. Not pinned:
    /// the kernel empties it with the agent that filled it, and then nobody listens.
    pub const TELLER: &str = "TELLER";
    /// The same of two: `edge_traced`, in which the edge goes on while somebody traces, and `edge_tell`, in which that ends.
    pub const TRACED_EDGE: &str = "TRACED_EDGE";
}

/// How many entries the maps have that the agent allocates ranges of.
pub mod capacity {
    /// `ROWS_HOT` and `ROWS_COLD`, counted in rows: 2 MiB and 8 MiB.
    pub const ROWS: u32 = 1 << 20;
    /// `MEMBERS`: half a MiB.
    pub const MEMBERS: u32 = 1 << 16;
    /// `RULES`: 2 MiB.
    pub const RULES: u32 = 1 << 16;
    /// `RULE_INDEX`, counted in words: 4 MiB. A power of two, so that a mask keeps programs inside.
    pub const RULE_INDEX: u32 = 1 << 19;
    /// `OUTCOMES`: more than there are, so that versions that know more outcomes count in the same map.
    pub const OUTCOMES: u32 = 256;
    /// `FLOW_TOTALS`: services times the instances of a host that serve them.
    pub const FLOW_TOTALS: u32 = 1 << 16;
    /// `SERVICE_OUTCOMES`: some outcomes of each service. An entry takes memory when it happens first.
    pub const SERVICE_OUTCOMES: u32 = 1 << 16;
    /// `HANDOVER`: new flows of the second that an upgrade takes; no memory is taken at other times.
    pub const HANDOVER: u32 = 1 << 18;
}

const _: () = assert!(Outcome::ALL.len() <= capacity::OUTCOMES as usize);

/// `BPF_F_MMAPABLE`: the agent maps the array's memory and writes it without system calls.
pub const MMAPABLE: u32 = 1 << 10;
/// `BPF_F_NO_PREALLOC`: the hash takes memory as it fills.
pub const NO_PREALLOC: u32 = 1;

/// MAC address of the distributed router: what every instance sees as its neighbour, whatever it asks for.
pub const ROUTER_MAC: [u8; 6] = [0x06, 0xfe, 0, 0, 0, 1];

/// The inner source MAC in the tunnel: `06:fd`, the hop number, and 1 when the packet came from outside by an edge.
///
/// The receiving host must know the latter: a client outside may have any address, also one of the VPC's.
#[inline(always)]
#[must_use]
pub const fn tunnel_mac(hop: u8, from_edge: bool) -> [u8; 6] {
    [0x06, 0xfd, hop, from_edge as u8, 0, 0]
}

/// Hop number of a packet that must not travel on: whoever gets it keeps it.
pub const HOP_FINAL: u8 = u8::MAX;

/// MAC address of the instance with this number: `06:01` and the number.
///
/// # Invariants
/// Unique in a region, and the number can be read back from it ([`instance_of_mac`]): the tunnel's inner
/// destination MAC says which instance a packet is for.
#[inline(always)]
#[must_use]
pub const fn instance_mac(number: u32) -> [u8; 6] {
    let n = number.to_be_bytes();
    [0x06, 0x01, n[0], n[1], n[2], n[3]]
}

/// The instance number in a MAC made by [`instance_mac`], or 0 when it is no instance's.
#[inline(always)]
#[must_use]
pub const fn instance_of_mac(mac: [u8; 6]) -> u32 {
    if mac[0] == 0x06 && mac[1] == 0x01 { u32::from_be_bytes([mac[2], mac[3], mac[4], mac[5]]) } else { 0 }
}

/// Where health checks come from.
pub const PROBE_SOURCE: [u8; 4] = [169, 254, 169, 110];

/// Highest instance number: the agent's probe link addresses an instance as 240.0.0.0/4 + number.
pub const INSTANCE_NUMBER_MAX: u32 = (1 << 28) - 2;

/// The address by which the agent's probe link reaches the instance with this number.
///
/// VPCs may overlap, so an instance's own address would not say which one is meant. 240.0.0.0/4 is
/// reserved (RFC 1112) and never leaves the host.
#[inline(always)]
#[must_use]
pub const fn probe_address(number: u32) -> [u8; 4] {
    (0xf000_0000 | (number & 0x0fff_ffff)).to_be_bytes()
}

/// Where health checks of IPv6 instances come from: [`PROBE_SOURCE`] inside a unique local prefix (RFC 4193) whose 40 bits
/// spell `dnlb`.
pub const PROBE_SOURCE_V6: Addr = [0xfd, 0x64, 0x6e, 0x6c, 0x62, 0, 0, 0, 0, 0, 0, 0, 169, 254, 169, 110];

/// As [`probe_address`], for IPv6 instances: `fd64:6e6c:6201::/64` and the number.
#[inline(always)]
#[must_use]
pub const fn probe_address_v6(number: u32) -> Addr {
    let n = number.to_be_bytes();
    [0xfd, 0x64, 0x6e, 0x6c, 0x62, 1, 0, 0, 0, 0, 0, 0, n[0], n[1], n[2], n[3]]
}

/// An IPv4 address in the form in which maps hold it.
#[inline(always)]
#[must_use]
pub const fn v4_mapped(v4: [u8; 4]) -> Addr {
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, v4[0], v4[1], v4[2], v4[3]]
}

/// VNI under which edges know the services of elastic IPs.
///
/// Hosts with instances know the same address under their VPC's own VNI, so that one look-up suffices on
/// either side.
pub const VNI_PUBLIC: u32 = 0;

/// Value 0 of `SETTINGS`: what all programs of a host need to know.
///
/// # Shape
/// 128 bytes. Written by the agent, read by every program.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Settings {
    /// Index of this host in `HOSTS`.
    pub host: u32,
    /// Which copy of `SERVICES` and `DISPLACEMENTS` is in force: 0 or 1.
    pub active_copy: u32,
    /// Interface index of the VXLAN device.
    pub overlay_ifindex: u32,
    /// Interface index of the uplink towards the fabric.
    pub uplink_ifindex: u32,
    /// Interface index of the probe link's switch side.
    pub probe_ifindex: u32,
    /// Largest packet (from the IP header) that fits into the tunnel.
    pub overlay_mtu: u32,
    /// MAC address of the probe link's agent side.
    pub probe_mac: [u8; 6],
    /// Bits of [`Settings::NO_SECOND_CHANCE`].
    pub flags: u16,
    /// Region-wide secret of the flow hash; see `dnlb_datapath::hash`.
    pub hash_key: [u32; 24],
}

const _: () = assert!(size_of::<Settings>() == 128);

impl Settings {
    /// Bit of `flags`: no packet gets a second chance. For tests that must see connections break without it.
    pub const NO_SECOND_CHANCE: u16 = 1;
    /// Bit of `flags`: `PEERS` is filled, and what comes through the tunnel from anybody else is dropped.
    pub const KNOWS_PEERS: u16 = 2;
}

/// Value of `INSTANCES`: one instance of this host. Key: its number.
///
/// # Shape
/// 96 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct InstanceEntry {
    /// What another version might add; see the feature `layout-trial`.
    #[cfg(feature = "layout-trial")]
    pub trial: [u32; 4],
    /// Its primary address.
    pub addr: Addr,
    /// Its number, again.
    pub number: u32,
    /// VNI of its VPC.
    pub vni: u32,
    /// Interface index of the host side of its link.
    pub ifindex: u32,
    /// Prefix length of its subnet, counted in 128 bits (a /24 of IPv4 is 120).
    pub subnet_bits: u32,
    /// Its MAC address: [`instance_mac`] of its number.
    pub mac: [u8; 6],
    /// Always zero.
    pub reserved: [u8; 2],
    /// Security-group rules for new flows to it: allow-only, none matching means drop.
    pub security_in: RuleRange,
    /// Security-group rules for new flows from it.
    pub security_out: RuleRange,
    /// Rules of its subnet's network ACL for packets entering the subnet; `len` [`RuleRange::UNFILTERED`] when
    /// the subnet has no ACL.
    pub acl_in: RuleRange,
    /// The same for packets leaving the subnet.
    pub acl_out: RuleRange,
    /// Changes with its security rules: a flow that was allowed under another value is asked about again. Never 0.
    pub rules: u32,
    /// Always zero.
    pub reserved_tail: u32,
}

const _: () = assert!(size_of::<InstanceEntry>() == 96 + 2 * TRIAL_BYTES);

/// A list of rules: a range of `RULES`, and how to search it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct RuleRange {
    /// First entry.
    pub base: u32,
    /// Number of entries, at most [`RULES_PER_RANGE`], or [`RuleRange::UNFILTERED`].
    pub len: u32,
    /// First word of its [`RuleIndex`] in `RULE_INDEX`; 0: it has none, and its rules are tried one after the other.
    pub index: u32,
}

impl RuleRange {
    /// Value of `len` that means: everything passes.
    pub const UNFILTERED: u32 = u32::MAX;
}

/// Rules that one range holds at most: twice what five groups of a hundred make.
pub const RULES_PER_RANGE: u32 = 1000;

/// Value of `RULES`: one rule of a security group or network ACL, in the order in which they are tried.
///
/// # Shape
/// 32 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct RuleEntry {
    /// The peer's prefix, host bits zero.
    pub prefix: Addr,
    /// Length of the prefix, counted in 128 bits.
    pub prefix_bits: u32,
    /// IP protocol number, or [`RuleEntry::ANY_PROTOCOL`].
    pub protocol: u32,
    /// First destination port, low 16 bits, and last one, high 16 bits. Ignored without ports.
    pub ports: u32,
    /// [`RuleEntry::ALLOW`] or [`RuleEntry::DENY`].
    pub action: u32,
}

const _: () = assert!(size_of::<RuleEntry>() == 32);

impl RuleEntry {
    /// Value of `protocol` that means every protocol.
    pub const ANY_PROTOCOL: u32 = 256;
    /// Value of `action`: what matches is let through.
    pub const ALLOW: u32 = 1;
    /// Value of `action`: what matches is dropped.
    pub const DENY: u32 = 2;
}

/// Key of `ENDPOINTS`.
#[repr(C)]
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
)]
pub struct EndpointKey {
    /// VNI of the VPC.
    pub vni: u32,
    /// Address inside the VPC.
    pub addr: Addr,
}

const _: () = assert!(size_of::<EndpointKey>() == 20);

/// Value of `ENDPOINTS`: who has an address of a VPC, and where.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct EndpointEntry {
    /// Number of the instance.
    pub instance: u32,
    /// Index of its host in `HOSTS`.
    pub host: u32,
}

/// Value of `HOSTS`: how to reach a host over the underlay. Index: the host's index; 0 is never used.
///
/// # Shape
/// 48 bytes; all zero means unknown. The MAC addresses are for edges, which build the outer header
/// themselves; elsewhere the kernel's VXLAN device does.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct HostEntry {
    /// Underlay address of the host.
    pub addr: Addr,
    /// Underlay address of *this* host when it sends there.
    pub local_addr: Addr,
    /// MAC address of the next hop; zero while it is not resolved.
    pub next_hop_mac: [u8; 6],
    /// MAC address of the uplink.
    pub uplink_mac: [u8; 6],
    /// Always zero.
    pub reserved: [u8; 4],
}

const _: () = assert!(size_of::<HostEntry>() == 48);

/// Full key of a service: a listener's address as a packet shows it.
#[repr(C)]
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
)]
pub struct ServiceKey {
    /// VIP or EIP.
    pub addr: Addr,
    /// VNI of the VPC, or [`VNI_PUBLIC`] on an edge.
    pub vni: u32,
    /// IP protocol number, low 16 bits, and port, high 16 bits. Never 0.
    pub protocol_port: u32,
}

const _: () = assert!(size_of::<ServiceKey>() == 24);

impl ServiceKey {
    /// The key of `addr:port`.
    #[inline(always)]
    #[must_use]
    pub const fn new(vni: u32, addr: Addr, protocol: u8, port: u16) -> Self {
        Self { addr, vni, protocol_port: protocol as u32 | (port as u32) << 16 }
    }

    /// The key of the entry that says that somebody has the address, at whatever port: ICMP, which has no listeners.
    #[inline(always)]
    #[must_use]
    pub const fn of_address(vni: u32, addr: Addr) -> Self {
        Self::new(vni, addr, 1, 0)
    }

    /// Whether it is one of [`ServiceKey::of_address`].
    #[inline(always)]
    #[must_use]
    pub const fn is_of_address(&self) -> bool {
        self.protocol_port == 1
    }
}

/// Value of `SERVICES`: a listener's address and the rows of its backend service.
///
/// # Shape
/// 64 bytes, one cache line. All zero: no service in this slot.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ServiceEntry {
    /// The full key, to be compared: the perfect hash maps unknown keys somewhere too.
    pub key: ServiceKey,
    /// Number of the service: index into `SERVICE_COUNTERS`. 0 only under a [`ServiceKey::of_address`], of an address where
    /// nobody listens at any port.
    pub number: u32,
    /// Number of the backend service, half of [`TargetKey`]. 0 under a [`ServiceKey::of_address`],
    /// as is everything below but the VNI.
    pub backend: u32,
    /// VNI of the VPC to which its members belong.
    pub vni: u32,
    /// First row, counted in rows; a multiple of 4.
    pub rows_base: u32,
    /// Number of rows; 0 while the backend service has no members.
    pub rows: u32,
    /// Index in `MEMBERS` of the member with slot 0 (slot 0 itself is never used).
    pub members_base: u32,
    /// [`ServiceEntry::IP_HASH`] or [`ServiceEntry::QUINTUPLE_HASH`].
    pub algorithm: u32,
    /// Slots of its member range, slot 0 included; those without a member read as nobody.
    pub slots: u32,
    /// Bits of `FLAG_*`.
    pub flags: u32,
    /// Always zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<ServiceEntry>() == 64);

impl ServiceEntry {
    /// It may have had more member sets than are remembered, so that a row's chain may not name everybody who had it.
    pub const FLAG_FORGETFUL: u32 = 1;
    /// New flows are dropped, instead of answered, while there is no member.
    pub const FLAG_SILENT: u32 = 2;
    /// Value of `algorithm`: a row is chosen by the source address.
    pub const IP_HASH: u32 = 1;
    /// Value of `algorithm`: a row is chosen by the five-tuple.
    pub const QUINTUPLE_HASH: u32 = 2;
    /// With at most so many slots, second chance asks every member after those of the row's chain. In a small group a
    /// change moves many rows, more than a chain of four can remember; a large one would make too many hops.
    pub const SLOTS_ALL_ASKED: u32 = 16;
}

/// Value of `MEMBERS`: one member of a backend service.
///
/// # Shape
/// 8 bytes; all zero: nobody.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct MemberEntry {
    /// Number of the instance.
    pub instance: u32,
    /// Index of its host.
    pub host: u16,
    /// Always zero.
    pub reserved: u16,
}

const _: () = assert!(size_of::<MemberEntry>() == 8);

/// Key of `TARGETS`.
#[repr(C)]
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
)]
pub struct TargetKey {
    /// Number of the backend service.
    pub backend: u32,
    /// Number of the instance.
    pub instance: u32,
}

impl TargetKey {
    /// Set in `backend`, with a UDP port in the low bits: the instance serves datagrams at this port, for whichever
    /// backend service. What it sends from there is an answer, never a flow of its own.
    pub const SERVES_UDP: u32 = 1 << 31;
}

/// Value of `TARGETS`: where an instance takes the traffic of a backend service.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct TargetEntry {
    /// The instance's port.
    pub port: u32,
}

/// Key of `FLOWS` and `FLOWS_HALF_OPEN`: a flow as the instance sees it.
#[repr(C)]
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
)]
pub struct FlowKey {
    /// The other side's address.
    pub peer: Addr,
    /// Number of the instance.
    pub instance: u32,
    /// The peer's port, low 16 bits, and the instance's, high 16 bits.
    pub ports: u32,
    /// IP protocol number.
    pub protocol: u32,
}

const _: () = assert!(size_of::<FlowKey>() == 28);

/// Value of `FLOWS` and `FLOWS_HALF_OPEN`: what a flow was before translation, and how far it is.
///
/// # Shape
/// 72 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct FlowRecord {
    /// What another version might add; see the feature `layout-trial`.
    #[cfg(feature = "layout-trial")]
    pub trial: u64,
    /// The address that the peer speaks to (VIP, EIP, probe address); the instance's own when it is not translated.
    pub original_addr: Addr,
    /// The port that the peer speaks to.
    pub original_port: u16,
    /// Where replies go: a `VIA_*`.
    pub via: u16,
    /// Bits of `FLAG_*`.
    pub flags: u32,
    /// Number of the service, or 0.
    pub service: u32,
    /// [`InstanceEntry::rules`] under which it was allowed last.
    pub rules: u32,
    /// When a packet last used this record, by the kernel's monotonic clock.
    pub last_used_ns: u64,
    /// Packets from the peer.
    pub packets_in: u64,
    /// Packets from the instance.
    pub packets_out: u64,
    /// Bytes both ways, from the IP header on.
    pub bytes: u64,
    /// With [`FlowRecord::FLAG_END`]: the sequence number after the peer's last byte, its FIN counted. Before, once the instance has
    /// answered a SYN: the sequence number after its own, which the peer acknowledges with its next segment.
    pub end: u32,
    /// The peer's own port, when the instance sees another one because the peer's socket speaks to it by two addresses; else 0.
    pub peer_port: u32,
}

const _: () = assert!(size_of::<FlowRecord>() == 72 + TRIAL_BYTES);

impl FlowRecord {
    /// The instance opened the flow.
    pub const FLAG_OUTBOUND: u32 = 1;
    /// `original_*` differs from what the instance sees: replies get it as their source.
    pub const FLAG_TRANSLATED: u32 = 2;
    /// The side that did not open the flow has answered.
    pub const FLAG_ANSWERED: u32 = 4;
    /// A FIN came from the peer.
    pub const FLAG_FIN_IN: u32 = 8;
    /// A FIN came from the instance.
    pub const FLAG_FIN_OUT: u32 = 16;
    /// A RST ended it.
    pub const FLAG_RESET: u32 = 32;
    /// Adopted in mid-flight: its SYN was never seen here.
    pub const FLAG_ADOPTED: u32 = 64;
    /// The instance is its own peer, by a VIP: it sees the VIP as the peer's address.
    pub const FLAG_HAIRPIN: u32 = 128;
    /// `end` is known: nothing of this connection comes after it. What does belongs to a later connection of the
    /// same two sockets, which may live at another member.
    pub const FLAG_END: u32 = 256;
    /// Its draining time is over: what the instance sends next becomes a reset to its peer, what it sends then is answered with
    /// one. Set by the agent.
    pub const FLAG_DRAINED: u32 = 512;

    /// Replies go to an instance of the VPC.
    pub const VIA_OVERLAY: u16 = 1;
    /// Replies leave by the uplink: the peer is outside, the flow came by an EIP.
    pub const VIA_UPLINK: u16 = 2;
    /// Replies go to the agent's probe link.
    pub const VIA_PROBE: u16 = 3;
}

/// Key of `FLOW_TOTALS`.
#[repr(C)]
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
)]
pub struct FlowTotalsKey {
    /// Number of the service, never 0.
    pub service: u32,
    /// Number of the instance that serves.
    pub instance: u32,
}

const _: () = assert!(size_of::<FlowTotalsKey>() == 8);

/// Key of `SERVICE_OUTCOMES`: an outcome that [`Outcome::concerns_service`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ServiceOutcomeKey {
    /// Number of the service, never 0.
    pub service: u32,
    /// Number of the instance that was to serve, on its host; 0 before one was chosen, and on hosts that balance for others.
    pub instance: u32,
    /// Number of the [`Outcome`].
    pub outcome: u32,
}

const _: () = assert!(size_of::<ServiceOutcomeKey>() == 12);

/// Value of `FLOW_TOTALS`: totals since the map was made.
///
/// Records count for themselves while they live, and the agent hears of those that it removes. This is the rest: how many there
/// have been, and what was in those that programs put others in the place of.
///
/// # Shape
/// 32 bytes. Programs add atomically: every CPU has the same one.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct FlowTotals {
    /// Flows that were established.
    pub opened: u64,
    /// [`FlowRecord::packets_in`] of established records that were replaced.
    pub replaced_packets_in: u64,
    /// [`FlowRecord::packets_out`] of the same.
    pub replaced_packets_out: u64,
    /// [`FlowRecord::bytes`] of the same.
    pub replaced_bytes: u64,
}

const _: () = assert!(size_of::<FlowTotals>() == 32);

impl FlowTotals {
    /// A flow was established.
    pub const ONE_OPENED: Self =
        Self { opened: 1, replaced_packets_in: 0, replaced_packets_out: 0, replaced_bytes: 0 };

    /// A record was replaced.
    #[inline(always)]
    #[must_use]
    pub const fn of_replaced(record: &FlowRecord) -> Self {
        Self {
            opened: 0,
            replaced_packets_in: record.packets_in,
            replaced_packets_out: record.packets_out,
            replaced_bytes: record.bytes,
        }
    }
}

/// Key of `FRAGMENTS`: what the fragments of one packet have in common (RFC 791, RFC 8200 section 4.5).
#[repr(C)]
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
)]
pub struct FragmentKey {
    /// Source address.
    pub src: Addr,
    /// Destination address.
    pub dst: Addr,
    /// Identification.
    pub id: u32,
    /// VNI of the VPC, or [`VNI_PUBLIC`] on an edge.
    pub vni: u32,
    /// IP protocol number.
    pub protocol: u32,
}

const _: () = assert!(size_of::<FragmentKey>() == 44);

/// Value of `FRAGMENTS`: what only the first fragment says.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct FragmentEntry {
    /// Source port, low 16 bits, and destination port, high 16 bits.
    pub ports: u32,
    /// Which ICMP message: 0 none, 1 an echo request, 2 an echo reply.
    pub icmp: u32,
}

/// Value of `OUTCOMES` and `SERVICE_COUNTERS`, one for each CPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Counter {
    /// Packets (a segmentation-offload packet counts once).
    pub packets: u64,
    /// Bytes from the Ethernet header on.
    pub bytes: u64,
}
