//! Direct packet access.

use dnlb_wire::{Frame, OFFSET_MAX};

/// The readable part of a frame, as two pointers that the verifier knows.
pub(crate) struct PacketPointers {
    /// First byte.
    pub(crate) start: usize,
    /// One past the last readable byte.
    pub(crate) end: usize,
    /// Length of the whole frame.
    pub(crate) len: usize,
    /// Payload of each segment, when it is several packets in one; else 0.
    pub(crate) segment_len: u32,
}

impl Frame for PacketPointers {
    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        if offset > OFFSET_MAX {
            return None;
        }
        let at = self.start + offset;
        if at + N > self.end {
            return None;
        }
        if N == 16 {
            // An address, which goes on to memory: by registers, or LLVM makes it a call of memmove, which the verifier refuses.
            // SAFETY: `at..at + N` lies between the packet's bounds, which the line above has shown to the verifier too.
            let (low, high) =
                unsafe { ((at as *const u64).read_unaligned(), ((at + 8) as *const u64).read_unaligned()) };
            let mut bytes = [0; N];
            let (l, h) = (low.to_ne_bytes(), high.to_ne_bytes());
            let mut i = 0;
            while i < 8 {
                (bytes[i], bytes[i + 8]) = (l[i], h[i]);
                i += 1;
            }
            return Some(bytes);
        }
        // SAFETY: as above.
        Some(unsafe { (at as *const [u8; N]).read_unaligned() })
    }

    #[inline(always)]
    fn len(&self) -> usize {
        self.len
    }

    #[inline(always)]
    fn segment_len(&self) -> u32 {
        self.segment_len
    }
}
