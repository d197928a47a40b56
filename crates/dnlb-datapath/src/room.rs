//! Memory for one packet at a time.

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
    /// The same with the rewriting that is already decided.
    pub(crate) seen: Packet,
    /// What to write into it.
    pub(crate) rewrite: Rewrite,
}
