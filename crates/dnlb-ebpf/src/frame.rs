//! Direct packet access.

use core::{arch::asm, cell::Cell};

use aya_ebpf::{EbpfContext as _, helpers::generated::bpf_xdp_get_buff_len, programs::XdpContext};
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
        // SAFETY: those are the packet's bounds.
        unsafe { read(self.start, self.end, offset) }
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

/// A frame of XDP.
pub(crate) struct XdpFrame<'c> {
    /// Its context.
    pub(crate) ctx: &'c XdpContext,
    /// First byte, and one past the last byte of the part that can be read.
    bounds: (usize, usize),
    /// How many bytes it is known to have: those that can be read, until somebody asked for more.
    pub(crate) known_len: Cell<usize>,
}

impl<'c> XdpFrame<'c> {
    /// The frame of a context.
    #[inline(always)]
    pub(crate) fn new(ctx: &'c XdpContext) -> Self {
        let (start, end) = (ctx.data(), ctx.data_end());
        let mut readable = end;
        // SAFETY: a subtraction. LLVM must not see it: it would take checks against the end for checks against the length, and the
        // verifier knows the former only.
        unsafe { asm!("{0} -= {1}", inout(reg) readable, in(reg) start, options(pure, nomem, nostack)) };
        Self { ctx, bounds: (start, end), known_len: Cell::new(readable) }
    }
}

impl Frame for XdpFrame<'_> {
    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        // SAFETY: those are the packet's bounds.
        unsafe { read(self.bounds.0, self.bounds.1, offset) }
    }

    #[inline(always)]
    fn len(&self) -> usize {
        // SAFETY: a helper on the program's own context.
        let len = unsafe { bpf_xdp_get_buff_len(self.ctx.as_ptr().cast()) } as usize;
        self.known_len.set(len);
        len
    }

    /// Asks the kernel, which costs 6 ns, only when the packet goes on behind the part that can be read.
    #[inline(always)]
    fn holds(&self, len: usize) -> bool {
        len <= self.known_len.get() || len <= self.len()
    }
}

/// The `N` bytes at `offset` behind `start`, if they lie before `end`.
///
/// # Safety
/// `start` and `end` are a packet's bounds.
#[inline(always)]
unsafe fn read<const N: usize>(start: usize, end: usize, offset: usize) -> Option<[u8; N]> {
    if offset > OFFSET_MAX {
        return None;
    }
    let at = start + offset;
    if at + N > end {
        return None;
    }
    // SAFETY: `at..at + N` lies between the packet's bounds, which the lines above have shown to the verifier too.
    Some(unsafe { load(at) })
}

/// The `N` bytes at `at`, by as few loads as there are.
///
/// LLVM takes bytes of unknown alignment one by one. The kernel allows words at any place of a packet, on the machines that
/// we run on.
///
/// # Safety
/// `at..at + N` lies inside a packet whose bounds have been shown to the verifier.
#[inline(always)]
pub(crate) unsafe fn load<const N: usize>(at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    let to = bytes.as_mut_ptr();
    let mut done = 0;
    // SAFETY: every access lies inside the first `N` bytes of both. The assembler's words are what the caller promises.
    unsafe {
        while done + 8 <= N {
            let word: u64;
            asm!("{0} = *(u64 *)({1} + 0)", out(reg) word, in(reg) at + done, options(pure, readonly, nostack));
            to.add(done).cast::<u64>().write_unaligned(word);
            done += 8;
        }
        if done + 4 <= N {
            let word: u64;
            asm!("{0} = *(u32 *)({1} + 0)", out(reg) word, in(reg) at + done, options(pure, readonly, nostack));
            to.add(done).cast::<u32>().write_unaligned(word as u32);
            done += 4;
        }
        if done + 2 <= N {
            let word: u64;
            asm!("{0} = *(u16 *)({1} + 0)", out(reg) word, in(reg) at + done, options(pure, readonly, nostack));
            to.add(done).cast::<u16>().write_unaligned(word as u16);
            done += 2;
        }
        if done < N {
            to.add(done).write((at as *const u8).add(done).read());
        }
    }
    bytes
}

/// Writes `bytes` to `at` as [`load`] reads them.
///
/// # Safety
/// As for [`load`].
#[inline(always)]
pub(crate) unsafe fn store<const N: usize>(at: usize, bytes: &[u8; N]) {
    let from = bytes.as_ptr();
    let mut done = 0;
    // SAFETY: as in `load`.
    unsafe {
        while done + 8 <= N {
            let word = from.add(done).cast::<u64>().read_unaligned();
            asm!("*(u64 *)({0} + 0) = {1}", in(reg) at + done, in(reg) word, options(nostack));
            done += 8;
        }
        if done + 4 <= N {
            let word = u64::from(from.add(done).cast::<u32>().read_unaligned());
            asm!("*(u32 *)({0} + 0) = {1}", in(reg) at + done, in(reg) word, options(nostack));
            done += 4;
        }
        if done + 2 <= N {
            let word = u64::from(from.add(done).cast::<u16>().read_unaligned());
            asm!("*(u16 *)({0} + 0) = {1}", in(reg) at + done, in(reg) word, options(nostack));
            done += 2;
        }
        if done < N {
            (at as *mut u8).add(done).write(*from.add(done));
        }
    }
}
