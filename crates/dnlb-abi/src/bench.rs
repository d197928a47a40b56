//! What benchmarks tell the programs that wrap the one under test. Nothing of it exists in production.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Value 0 of the benchmarks' `PLAN`: what a wrapper does before each repetition.
///
/// # Shape
/// 112 bytes. User space writes it before a batch; only `index` changes afterwards.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct BenchPlan {
    /// Repetition: the flow and the service follow from it.
    pub index: u32,
    /// Number of flows less one; a power of two less one.
    pub flow_mask: u32,
    /// Number of services less one, likewise. They have consecutive addresses.
    pub service_mask: u32,
    /// The first service's address, its last 32 bits as a number.
    pub service_base: u32,
    /// A `UNDO_*`.
    pub undo: u32,
    /// How many bytes the program under test puts in front.
    pub head: u32,
    /// 4 or 6.
    pub ip_version: u32,
    /// Not 0: the frame's source address stays, and its port is this one and the flow's number.
    pub own_port: u32,
    /// The frame's first bytes before each repetition, for wrappers of socket buffers, which restore all of them.
    pub frame: [u8; BenchPlan::FRAME_LEN],
}

const _: () = assert!(size_of::<BenchPlan>() == 32 + BenchPlan::FRAME_LEN);

impl BenchPlan {
    /// Length of the shortest frame of a benchmark.
    pub const FRAME_LEN: usize = 80;
    /// Value of `undo`: the program leaves the frame's length alone.
    pub const UNDO_NOTHING: u32 = 0;
    /// Value of `undo`: what was put in front is taken away.
    pub const UNDO_HEAD: u32 = 1;
    /// Value of `undo`: the front grows and shrinks in turns. What [`BenchPlan::UNDO_HEAD`] costs, for a program that puts
    /// nothing in front.
    pub const UNDO_ALTERNATELY: u32 = 2;

    /// Where the last 32 bits of the source address lie, those of the destination address, and the source port.
    #[inline(always)]
    #[must_use]
    pub const fn offsets(ip_version: u32) -> [usize; 3] {
        if ip_version == 6 { [34, 50, 54] } else { [26, 30, 34] }
    }

    /// The last 32 bits of the source address of a repetition, and its source port.
    #[inline(always)]
    #[must_use]
    pub const fn client(&self, index: u32) -> (u32, u16) {
        let flow = index & self.flow_mask;
        if self.own_port == 0 {
            return bench_client(flow);
        }
        let f = &self.frame;
        // Offsets that are constants: the verifier loses the bounds of others.
        let addr =
            if self.ip_version == 6 { [f[34], f[35], f[36], f[37]] } else { [f[26], f[27], f[28], f[29]] };
        (u32::from_be_bytes(addr), (self.own_port + flow) as u16)
    }
}

/// The client of flow number `flow`: the last 32 bits of its address, and its port.
#[inline(always)]
#[must_use]
pub const fn bench_client(flow: u32) -> (u32, u16) {
    // Sixteen flows from each address, out of 11.0.0.0/8: nobody's in any scene.
    (11 << 24 | flow >> 4, 1024 | (flow & 15) as u16)
}
