//! What a VIP answers itself: pings, and calls for somebody who is not there.

use dnlb_abi::{Outcome, ServiceEntry};
use dnlb_wire::{Fragment, Frame, Icmp, Packet, TCP, TcpFlags, UDP};

/// Who is not there.
#[derive(Clone, Copy)]
pub(crate) enum Absent {
    /// A listener at the port.
    Listener,
    /// A member that could be chosen.
    Backend,
    /// The same, of a backend service that does not answer then.
    SilentBackend,
}

impl Absent {
    /// A member of `service`.
    #[inline(always)]
    pub(crate) const fn member(service: &ServiceEntry) -> Self {
        if service.flags & ServiceEntry::FLAG_SILENT == 0 { Self::Backend } else { Self::SilentBackend }
    }

    /// The outcome of a packet that gets no answer.
    #[inline(always)]
    pub(crate) const fn drop(self) -> Outcome {
        match self {
            Self::Listener => Outcome::DropNoListener,
            Self::Backend | Self::SilentBackend => Outcome::DropNoBackend,
        }
    }

    /// The outcome of a segment that gets a reset.
    #[inline(always)]
    pub(crate) const fn reset(self) -> Outcome {
        match self {
            Self::Listener => Outcome::ResetNoListener,
            Self::Backend | Self::SilentBackend => Outcome::ResetNoBackend,
        }
    }

    /// The outcome of a datagram that gets port unreachable.
    #[inline(always)]
    pub(crate) const fn unreachable(self) -> Outcome {
        match self {
            Self::Listener => Outcome::UnreachableNoListener,
            Self::Backend | Self::SilentBackend => Outcome::UnreachableNoBackend,
        }
    }
}

/// How a packet is answered.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    /// With an echo reply.
    Echo,
    /// With a reset.
    Reset,
    /// With port unreachable.
    Unreachable,
    /// Not at all.
    Nothing,
}

impl Answer {
    /// Whether an ICMP message can quote the packet: without IP options and extension headers, and not only a later fragment.
    #[inline(always)]
    pub(crate) fn can_quote(frame: &impl Frame, packet: &Packet) -> bool {
        if packet.fragment == Fragment::Later {
            return false;
        }
        if packet.v6 {
            packet.l4_offset == 54 && frame.read::<48>(14).is_some()
        } else {
            packet.l4_offset == 34 && frame.read::<28>(14).is_some()
        }
    }

    /// Resets are never answered, nor is what the answer could not quote.
    #[inline(always)]
    pub(crate) fn to(frame: &impl Frame, packet: &Packet, absent: Absent) -> Self {
        if matches!(absent, Absent::SilentBackend) {
            return Self::Nothing;
        }
        match packet.protocol {
            TCP if packet.flags.any(TcpFlags::RST) || packet.fragment == Fragment::Later => Self::Nothing,
            TCP => Self::Reset,
            _ if !Self::can_quote(frame, packet) => Self::Nothing,
            UDP => Self::Unreachable,
            // A fragmented ping: its other fragments would go unanswered.
            _ if packet.icmp == Icmp::Echo && packet.fragment == Fragment::Whole => Self::Echo,
            _ => Self::Nothing,
        }
    }
}
