//! Times the real programs, packet by packet, without any interface.
//!
//! `BPF_PROG_TEST_RUN` repeats a program, but does not restore the packet between repetitions. So every repetition begins
//! in a wrapper (`dnlb-ebpf`, `wrappers.rs`) that undoes what the program did and writes the next flow's addresses, and the same
//! batch with a program that only returns says what the wrapper costs. A batch counts only when the outcome counters have
//! moved by exactly its repetitions.

use std::{collections::BTreeMap, path::PathBuf};

use aya::{
    Ebpf, EbpfLoader, TestRun, TestRunOptions,
    maps::{Array, HashMap, MapError, ProgramArray},
    programs::{Program, ProgramError, ProgramFd},
};
use dnlb_abi::{BenchPlan, FlowKey, FlowRecord, Outcome, maps};

use crate::{
    Capacities, Plain, Switch, SwitchError,
    load::{TEST_CLASSIFIERS, load, load_classifier, load_xdp},
    testrun::{SK_BUFF_CB, SK_BUFF_IFINDEX, SK_BUFF_LEN},
};

/// The object with wrappers and references.
static BENCH_OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/dnlb-ebpf-bench"));

/// Return values: `XDP_ABORTED` of a wrapper that failed, `TC_ACT_SHOT` likewise.
const FAILED: (u32, u32) = (0, 2);

/// A program to time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timed {
    /// The edge's XDP program.
    Edge,
    /// TCX ingress of an instance's link.
    FromInstance,
    /// TCX ingress of the tunnel; VNI and remote address come from the context instead of the kernel's tunnel.
    FromOverlay,
    /// Reference on TCX: parses, rewrites the MAC addresses, hands over to the kernel's tunnel.
    ReferenceTunnel,
    /// Reference of XDP: parses and encapsulates.
    ReferenceEncapsulate,
}

impl Timed {
    const fn is_xdp(self) -> bool {
        matches!(self, Self::Edge | Self::ReferenceEncapsulate)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::FromInstance => "from_instance",
            Self::FromOverlay => "from_overlay_test",
            Self::ReferenceTunnel => "encapsulate_tc",
            Self::ReferenceEncapsulate => "encapsulate_xdp",
        }
    }

    const fn is_reference(self) -> bool {
        matches!(self, Self::ReferenceTunnel | Self::ReferenceEncapsulate)
    }
}

/// What a batch sends, again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// The program.
    pub program: Timed,
    /// A frame, at least [`BenchPlan::FRAME_LEN`] bytes long; addresses and source port are varied.
    pub frame: Vec<u8>,
    /// Flows, a power of two, each from the client that [`dnlb_abi::bench_client`] names.
    pub flows: u32,
    /// Not 0: all come from the frame's own source address, and from ports that begin here.
    pub own_port: u16,
    /// Services, a power of two; 1: the frame's destination address alone, more: so many from it on.
    pub services: u32,
    /// Bytes that the program puts in front of each.
    pub head: u32,
    /// VNI and remote address for [`Timed::FromOverlay`].
    pub tunnel: [u32; 2],
    /// Outcomes, each of which every packet must have exactly once. No other may happen.
    pub outcomes: Vec<Outcome>,
}

/// Why a batch does not count.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The program did something else than what was to be timed.
    #[error("{repetitions} repetitions of {program:?} had other outcomes than {expected:?}: {found:?}")]
    Counted {
        /// The program.
        program: Timed,
        /// How often it ran.
        repetitions: u32,
        /// What every packet should have had.
        expected: Vec<Outcome>,
        /// What was counted.
        found: BTreeMap<&'static str, u64>,
    },
    /// The frame is shorter than what a wrapper restores.
    #[error("a frame of {len} bytes; wrappers restore {}", BenchPlan::FRAME_LEN)]
    Short {
        /// Its length.
        len: usize,
    },
    /// The kernel refused.
    #[error(transparent)]
    Switch(#[from] SwitchError),
    /// A wrapper could not restore the frame.
    #[error("the wrapper of {program:?} returned {returned}")]
    Wrapper {
        /// The program.
        program: Timed,
        /// What came back.
        returned: u32,
    },
}

/// A switch that is neither pinned nor attached, with the wrappers around its programs.
pub struct Harness {
    switch: Switch,
    wrappers: Ebpf,
    /// Goes on from batch to batch, so that batches walk through all flows.
    index: u32,
}

impl Harness {
    /// Loads everything with fresh maps.
    ///
    /// # Errors
    /// [`BenchError::Switch`].
    pub fn open(capacities: &Capacities) -> Result<Self, BenchError> {
        let ebpf = load(capacities, None, false)?;
        let switch = Switch::with_loaded(ebpf, PathBuf::new(), &TEST_CLASSIFIERS)?;
        let mut wrappers =
            EbpfLoader::new().load(BENCH_OBJECT).map_err(|error| SwitchError::Load(error.to_string()))?;
        for name in ["wrap_tc", "return_tc", Timed::ReferenceTunnel.name()] {
            load_classifier(&mut wrappers, name)?;
        }
        for name in ["wrap_xdp", "return_xdp", Timed::ReferenceEncapsulate.name()] {
            load_xdp(&mut wrappers, name)?;
        }
        Ok(Self { switch, wrappers, index: 0 })
    }

    /// The switch, to fill its maps.
    pub fn switch(&mut self) -> &mut Switch {
        &mut self.switch
    }

    /// CPU time that one packet takes in wrapper and program, in nanoseconds.
    ///
    /// # Errors
    /// See [`BenchError`].
    pub fn gross(&mut self, traffic: &Traffic, repetitions: u32) -> Result<f64, BenchError> {
        let program = traffic.program;
        let undo = if traffic.head > 0 { BenchPlan::UNDO_HEAD } else { BenchPlan::UNDO_NOTHING };
        self.aim(program.is_xdp(), program.is_reference(), program.name())?;
        let before = self.switch.outcomes()?;
        let nanoseconds = self.run(traffic, undo, repetitions)?;
        let found: BTreeMap<_, _> = self
            .switch
            .outcomes()?
            .iter()
            .zip(before)
            .filter(|(after, before)| after.1.packets != before.1.packets)
            .map(|(after, before)| (after.0.name(), after.1.packets - before.1.packets))
            .collect();
        let expected: BTreeMap<_, _> =
            traffic.outcomes.iter().map(|outcome| (outcome.name(), u64::from(repetitions))).collect();
        if found != expected {
            let expected = traffic.outcomes.clone();
            return Err(BenchError::Counted { program, repetitions, expected, found });
        }
        Ok(nanoseconds)
    }

    /// The same with a program that only returns: what the wrapper costs.
    ///
    /// # Errors
    /// See [`BenchError`].
    pub fn wrapper(&mut self, traffic: &Traffic, repetitions: u32) -> Result<f64, BenchError> {
        let xdp = traffic.program.is_xdp();
        let undo = if traffic.head > 0 { BenchPlan::UNDO_ALTERNATELY } else { BenchPlan::UNDO_NOTHING };
        self.aim(xdp, true, if xdp { "return_xdp" } else { "return_tc" })?;
        self.run(traffic, undo, repetitions)
    }

    /// CPU time of a program that only returns, without a wrapper, on XDP or TCX.
    ///
    /// # Errors
    /// See [`BenchError`].
    pub fn bare(&self, xdp: bool, repetitions: u32) -> Result<f64, BenchError> {
        let name = if xdp { "return_xdp" } else { "return_tc" };
        let frame = vec![0x45; BenchPlan::FRAME_LEN];
        let options =
            TestRunOptions { data_in: Some(&frame), repeat: repetitions, ..TestRunOptions::default() };
        self.timed(name, options).map(|(nanoseconds, _)| nanoseconds)
    }

    /// Makes flow records of established connections: `record` under each of `keys`.
    ///
    /// # Errors
    /// [`BenchError::Switch`].
    pub fn establish(
        &mut self,
        keys: impl Iterator<Item = FlowKey>,
        record: FlowRecord,
    ) -> Result<(), BenchError> {
        let name = maps::FLOWS;
        let failed = |source| SwitchError::Map { map: name, action: "written", source };
        let map = self.switch.ebpf.map_mut(name).ok_or(SwitchError::Missing { kind: "map", name })?;
        let mut flows: HashMap<_, Plain<FlowKey>, Plain<FlowRecord>> = map.try_into().map_err(failed)?;
        for key in keys {
            flows.insert(Plain(key), Plain(record), 0).map_err(failed)?;
        }
        Ok(())
    }

    /// Lets wrappers call a program of the switch, or one of their own object.
    fn aim(&mut self, xdp: bool, own: bool, name: &'static str) -> Result<(), BenchError> {
        let ebpf = if own { &self.wrappers } else { &self.switch.ebpf };
        let fd = program_fd(ebpf, name)?.try_clone().map_err(|source| SwitchError::Io {
            what: format!("copying the descriptor of {name}"),
            source,
        })?;
        let map = if xdp { "UNDER_TEST_XDP" } else { "UNDER_TEST_TC" };
        let failed = |source: MapError| SwitchError::Map { map, action: "written", source };
        let slots = self.wrappers.map_mut(map).ok_or(SwitchError::Missing { kind: "map", name: map })?;
        let mut slots = ProgramArray::try_from(slots).map_err(failed)?;
        slots.set(0, &fd, 0).map_err(failed)?;
        Ok(())
    }

    /// One batch of what wrappers were last aimed at.
    fn run(&mut self, traffic: &Traffic, undo: u32, repetitions: u32) -> Result<f64, BenchError> {
        let Some(front) = traffic.frame.first_chunk::<{ BenchPlan::FRAME_LEN }>() else {
            return Err(BenchError::Short { len: traffic.frame.len() });
        };
        let ip_version = u32::from(front[14] >> 4);
        let [_, dst_at, _] = BenchPlan::offsets(ip_version);
        let plan = BenchPlan {
            index: self.index,
            flow_mask: traffic.flows.max(1) - 1,
            service_mask: traffic.services.max(1) - 1,
            service_base: front[dst_at..][..4].iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte)),
            undo,
            head: traffic.head,
            ip_version,
            own_port: traffic.own_port.into(),
            frame: *front,
        };
        self.index = self.index.wrapping_add(repetitions);
        let failed = |source: MapError| SwitchError::Map { map: "PLAN", action: "written", source };
        let map = self.wrappers.map_mut("PLAN").ok_or(SwitchError::Missing { kind: "map", name: "PLAN" })?;
        let mut plans = Array::<_, Plain<BenchPlan>>::try_from(map).map_err(failed)?;
        plans.set(0, Plain(plan), 0).map_err(failed)?;

        let xdp = traffic.program.is_xdp();
        // The first repetition takes away, too.
        let frame = [vec![0; traffic.head as usize], traffic.frame.clone()].concat();
        let mut context = [0; SK_BUFF_LEN];
        context[SK_BUFF_IFINDEX..][..4].copy_from_slice(&1_u32.to_ne_bytes());
        for (at, word) in traffic.tunnel.iter().enumerate() {
            context[SK_BUFF_CB + 4 * at..][..4].copy_from_slice(&word.to_ne_bytes());
        }
        let options = TestRunOptions {
            data_in: Some(if xdp { &frame } else { &traffic.frame }),
            ctx_in: (!xdp).then_some(&context[..]),
            repeat: repetitions,
            ..TestRunOptions::default()
        };
        let (nanoseconds, returned) = self.timed(if xdp { "wrap_xdp" } else { "wrap_tc" }, options)?;
        let failed = if xdp { returned == FAILED.0 } else { returned == FAILED.1 };
        if failed && !traffic.outcomes.iter().any(|outcome| outcome.name().starts_with("drop_")) {
            return Err(BenchError::Wrapper { program: traffic.program, returned });
        }
        Ok(nanoseconds)
    }

    fn timed(&self, name: &'static str, options: TestRunOptions<'_>) -> Result<(f64, u32), BenchError> {
        let repetitions = f64::from(options.repeat);
        let start = cpu_time_ns();
        let result = match self.wrappers.program(name) {
            Some(Program::Xdp(program)) => program.test_run(options),
            Some(Program::SchedClassifier(program)) => program.test_run(options),
            _ => return Err(SwitchError::Missing { kind: "program", name }.into()),
        };
        let nanoseconds = (cpu_time_ns() - start) as f64 / repetitions;
        let result = result.map_err(|error| SwitchError::Io {
            what: format!("running {name}"),
            source: std::io::Error::other(error),
        })?;
        Ok((nanoseconds, result.return_value))
    }
}

fn program_fd<'a>(ebpf: &'a Ebpf, name: &'static str) -> Result<&'a ProgramFd, SwitchError> {
    let fd = match ebpf.program(name) {
        Some(Program::Xdp(program)) => program.fd(),
        Some(Program::SchedClassifier(program)) => program.fd(),
        _ => return Err(SwitchError::Missing { kind: "program", name }),
    };
    fd.map_err(|error: ProgramError| SwitchError::Load(error.to_string()))
}

/// CPU time of this thread. The kernel's own figure for a test run is whole nanoseconds, and a clock on the wall counts those
/// who share the machine.
fn cpu_time_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: fills the structure that it is given.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}
