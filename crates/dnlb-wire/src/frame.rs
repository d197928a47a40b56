//! Reading and changing bytes of a frame, in the kernel and outside.

/// A frame from its Ethernet header on.
pub trait Frame {
    /// The `N` bytes at `offset`, or nothing when the frame's readable part ends before.
    ///
    /// # Invariants
    /// Nothing also beyond [`OFFSET_MAX`]: the kernel's verifier wants a bound for offsets that depend on the packet.
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]>;

    /// Length of the whole frame, which may be more than its readable part.
    fn len(&self) -> usize;

    /// Whether the whole frame has at least `len` bytes: for some frames an easier question than how many.
    #[inline(always)]
    fn holds(&self, len: usize) -> bool {
        len <= self.len()
    }

    /// Whether there is nothing at all.
    #[inline(always)]
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Payload of each segment, when the kernel has put several packets into one frame; else 0.
    #[inline(always)]
    fn segment_len(&self) -> u32 {
        0
    }
}

/// A frame that can be changed in place, by those who have no helpers for it: ICMP errors are few, and may be slow.
pub trait Patch {
    /// The `N` bytes at `offset`; nothing beyond the frame's end.
    fn load<const N: usize>(&self, offset: usize) -> Option<[u8; N]>;

    /// Writes `bytes` at `offset`; false beyond the frame's end.
    fn store<const N: usize>(&mut self, offset: usize, bytes: [u8; N]) -> bool;
}

/// Largest offset that [`Frame::read`] accepts: an ICMP error with the longest IPv4 header that quotes a packet with another one, or
/// IPv6 with some extension headers.
pub const OFFSET_MAX: usize = 191;

impl Frame for &[u8] {
    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        if offset > OFFSET_MAX {
            return None;
        }
        self.get(offset..offset + N)?.try_into().ok()
    }

    #[inline(always)]
    fn len(&self) -> usize {
        <[u8]>::len(self)
    }
}

impl Patch for &mut [u8] {
    fn load<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.get(offset..offset + N)?.try_into().ok()
    }

    fn store<const N: usize>(&mut self, offset: usize, bytes: [u8; N]) -> bool {
        self.get_mut(offset..offset + N).map(|place| place.copy_from_slice(&bytes)).is_some()
    }
}
