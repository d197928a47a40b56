//! What programs tell the agent of single packets and flows, and what they are asked to tell.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{Addr, FlowKey, FlowRecord, TRIAL_BYTES};

/// Filters that may be in force at once: so many traces can run on a host.
pub const TRACE_SLOTS: usize = 4;

/// Bytes of the ring buffer `EVENTS`: some seven thousand steps.
pub const EVENTS_BYTES: u32 = 1 << 20;

/// The program that saw a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Role {
    /// An edge's uplink.
    Edge = 1,
    /// The host side of an instance's link.
    FromInstance = 2,
    /// The tunnel.
    FromOverlay = 3,
    /// The agent's probe link.
    Probe = 4,
}

impl Role {
    /// Every role, in the order of its number.
    pub const ALL: [Self; 4] = [Self::Edge, Self::FromInstance, Self::FromOverlay, Self::Probe];

    /// The role with this number.
    #[must_use]
    pub const fn of(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Edge),
            2 => Some(Self::FromInstance),
            3 => Some(Self::FromOverlay),
            4 => Some(Self::Probe),
            _ => None,
        }
    }

    /// The name of its program.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::FromInstance => "from_instance",
            Self::FromOverlay => "from_overlay",
            Self::Probe => "probe",
        }
    }
}

/// Value 0 of `TRACES`: what programs are to tell.
///
/// # Shape
/// 488 bytes; all zero: nothing. Written by the agent, read by every program.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct TraceControl {
    /// Bit n: filter n is in force. The one word that is read of a packet while nobody traces.
    pub active: u32,
    /// One of so many flows is told of when it is established; 0: none.
    pub flows_one_in: u32,
    /// The filters.
    pub filters: [TraceFilter; TRACE_SLOTS],
}

const _: () = assert!(size_of::<TraceControl>() == 488);

/// Which packets a trace wants. What is zero does not matter, except for `outcomes` and `deadline_ns`.
///
/// # Shape
/// 120 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct TraceFilter {
    /// When it ends, by the kernel's monotonic clock: a filter whose agent has died asks for nothing any more.
    pub deadline_ns: u64,
    /// Bit n: packets with outcome n.
    pub outcomes: [u64; 2],
    /// One end of the flow.
    pub from: TraceEnd,
    /// The other one. Packets both ways are meant.
    pub to: TraceEnd,
    /// VNI of the VPC.
    pub vni: u32,
    /// Number of the service.
    pub service: u32,
    /// IP protocol number.
    pub protocol: u32,
    /// One of so many flows: the same ones on every host.
    pub one_in: u32,
}

const _: () = assert!(size_of::<TraceFilter>() == 120);

impl TraceFilter {
    /// Value of `outcomes`: whatever became of it.
    pub const ANY_OUTCOME: [u64; 2] = [u64::MAX; 2];
}

/// One end of a flow: a block of addresses and a port. All zero: any.
///
/// # Shape
/// 40 bytes. Masks and not lengths, because the kernel's verifier walks every branch.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct TraceEnd {
    /// The block; bits outside of the mask do not matter.
    pub addr: Addr,
    /// Which bits of an address must be the block's.
    pub mask: Addr,
    /// The port.
    pub port: u32,
    /// Which bits of a port must be its: all 16 or none.
    pub port_mask: u32,
}

impl TraceEnd {
    /// The block of `addr` with the first `bits` of 128, at `port` if there is one.
    #[must_use]
    pub const fn new(addr: Addr, bits: u32, port: Option<u16>) -> Self {
        let mask = if bits == 0 { 0 } else { u128::MAX << (128 - if bits > 128 { 128 } else { bits }) };
        let (port, port_mask) = match port {
            None => (0, 0),
            Some(port) => (port as u32, 0xffff),
        };
        Self { addr, mask: mask.to_be_bytes(), port, port_mask }
    }
}

/// An element of `EVENTS`: a program has done with a packet.
///
/// # Shape
/// 144 bytes. Addresses are zero when the frame held no packet that could be read.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct StepEvent {
    /// [`StepEvent::KIND`].
    pub kind: u32,
    /// Bits of the filters that want it.
    pub traces: u32,
    /// When, by the kernel's monotonic clock.
    pub time_ns: u64,
    /// Source address, as the packet came.
    pub src: Addr,
    /// Destination address, as the packet came.
    pub dst: Addr,
    /// Source address, as it went on.
    pub new_src: Addr,
    /// Destination address, as it went on.
    pub new_dst: Addr,
    /// Underlay address of the host to which it went; zero: nowhere else.
    pub remote: Addr,
    /// Source port, low 16 bits, and destination port, as the packet came.
    pub ports: u32,
    /// The same as it went on.
    pub new_ports: u32,
    /// The outcome's number.
    pub outcome: u32,
    /// Interface on which it came in.
    pub ifindex: u32,
    /// VNI of the VPC, or 0.
    pub vni: u32,
    /// Number of the service to which or from which it goes, or 0.
    pub service: u32,
    /// Number of the instance that sent it, or 0: it came from elsewhere.
    pub sender: u32,
    /// Number of the instance for which it is, or 0.
    pub instance: u32,
    /// Length of the IP packet.
    pub ip_len: u32,
    /// TCP's sequence number: together with the five-tuple and the flags it tells a packet from others.
    pub seq: u32,
    /// IP protocol number.
    pub protocol: u8,
    /// TCP's flags.
    pub tcp_flags: u8,
    /// A [`Role`]'s number.
    pub role: u8,
    /// Hop number with which it went through the tunnel.
    pub hop: u8,
    /// Number, and one, of an outcome that was counted on the way to the verdict; 0: none.
    pub also: u32,
}

const _: () = assert!(size_of::<StepEvent>() == 144);

impl StepEvent {
    /// Value of `kind`.
    pub const KIND: u32 = 1;
}

/// An element of `EVENTS`: a flow was established, or the record of a flow that is over had to make room.
///
/// # Shape
/// 120 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct FlowEvent {
    /// [`FlowEvent::ESTABLISHED`] or [`FlowEvent::REPLACED`].
    pub kind: u32,
    /// Always zero.
    pub reserved: u32,
    /// When, by the kernel's monotonic clock.
    pub time_ns: u64,
    /// The flow.
    pub key: FlowKey,
    /// Always zero.
    pub reserved_2: u32,
    /// Its record.
    pub record: FlowRecord,
}

const _: () = assert!(size_of::<FlowEvent>() == 120 + TRIAL_BYTES);

impl FlowEvent {
    /// Value of `kind`: it was established.
    pub const ESTABLISHED: u32 = 2;
    /// Value of `kind`: it was over, and a new flow between the same sockets has taken its place.
    pub const REPLACED: u32 = 3;
}

/// Indices of `EVENTS_LOST`.
pub mod lost {
    /// Steps of packets for which `EVENTS` had no room.
    pub const STEPS: u32 = 0;
    /// Flows for which it had none.
    pub const FLOWS: u32 = 1;
    /// How many there are.
    pub const COUNT: u32 = 2;
}
