//! Direct packet access.

use dnlb_wire::Frame;

/// The readable part of a frame, as two pointers that the verifier knows.
pub(crate) struct PacketPointers {
    /// First byte.
    pub(crate) start: usize,
    /// One past the last readable byte.
    pub(crate) end: usize,
    /// Length of the whole frame.
    pub(crate) len: usize,
}

impl Frame for PacketPointers {
    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        if offset > Self::OFFSET_MAX {
            return None;
        }
        let at = self.start + offset;
        if at + N > self.end {
            return None;
        }
        // SAFETY: `at..at + N` lies between the packet's bounds, which the line above has shown to the verifier too.
        Some(unsafe { (at as *const [u8; N]).read_unaligned() })
    }

    #[inline(always)]
    fn len(&self) -> usize {
        self.len
    }
}
