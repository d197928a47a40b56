//! Reading bytes of a frame, in the kernel and outside.

/// A frame from its Ethernet header on.
pub trait Frame {
    /// The `N` bytes at `offset`, or nothing when the frame's readable part ends before.
    ///
    /// # Invariants
    /// `offset` is at most [`Frame::OFFSET_MAX`]: the kernel's verifier wants a bound for offsets that depend
    /// on the packet.
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]>;

    /// Length of the whole frame, which may be more than its readable part.
    fn len(&self) -> usize;

    /// Whether there is nothing at all.
    #[inline(always)]
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Largest offset that [`Frame::read`] accepts: Ethernet, IPv4 with all options, and half a TCP header.
    const OFFSET_MAX: usize = 127;
}

impl Frame for &[u8] {
    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        if offset > Self::OFFSET_MAX {
            return None;
        }
        self.get(offset..offset + N)?.try_into().ok()
    }

    #[inline(always)]
    fn len(&self) -> usize {
        <[u8]>::len(self)
    }
}
