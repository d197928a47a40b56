//! Memory for one packet at a time.

use dnlb_abi::{FlowKey, FlowRecord, FragmentKey};
use dnlb_wire::Packet;

use crate::Rewrite;

/// Where a decision keeps what is too large for a kernel program's stack of 512 bytes.
///
/// # States
/// What it holds before means nothing, and nothing afterwards.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Room {
    /// The packet as it came.
    pub(crate) packet: Packet,
    /// The same with the rewriting that is already decided; of an ICMP error, the packet that the quoted one answers.
    pub(crate) seen: Packet,
    /// What to write into it.
    pub(crate) rewrite: Rewrite,
    /// Which packet it is a fragment of.
    pub(crate) fragment: FragmentKey,
    /// A new flow's record.
    pub(crate) record: FlowRecord,
    /// The flow at hand, as one end sees it.
    pub(crate) key: FlowKey,
    /// A flow that somebody else may know.
    pub(crate) other: FlowKey,
}

impl Room {
    /// The packet as it came: what the methods of a sink are given, for those who carry out a verdict later.
    #[inline(always)]
    #[must_use]
    pub const fn packet(&self) -> &Packet {
        &self.packet
    }

    /// What a [`crate::MemberSearch`] needs beside itself: the packet whose flow decides (with the rewriting so far, or, of an ICMP
    /// error, the packet that the quoted one answers), and memory for a key.
    #[inline(always)]
    #[must_use]
    pub const fn search_parts(&mut self) -> (&Packet, &mut FlowKey) {
        (&self.seen, &mut self.other)
    }

    /// What to write into it, likewise.
    #[inline(always)]
    #[must_use]
    pub const fn rewrite(&self) -> &Rewrite {
        &self.rewrite
    }

    /// Puts a packet here that lay elsewhere.
    #[inline(always)]
    pub fn keep(&mut self, packet: &Packet) {
        self.packet = *packet;
    }
}
