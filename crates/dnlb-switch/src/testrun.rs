//! Runs the real programs on given frames, without any interface (`BPF_PROG_TEST_RUN`).
//!
//! Source: Documentation/bpf/bpf_prog_run.rst in the kernel.

use std::time::Duration;

use aya::{
    Pod, TestRun, TestRunOptions,
    maps::{Array, HashMap},
    programs::{Program, ProgramError, SchedClassifier},
};
use dnlb_abi::{FlowKey, FlowRecord, FragmentEntry, FragmentKey, maps};

use crate::{
    Capacities, Plain, Switch, SwitchError,
    load::{TEST_CLASSIFIERS, load_classifier},
};

/// What a program did with a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestVerdict {
    /// What the program returned.
    pub returned: u32,
    /// The frame as the program left it.
    pub frame: Vec<u8>,
    /// The outcome's number and one, then its details. Zero for XDP.
    pub decision: [u32; 5],
}

/// The section of the object's only variable, which the loader makes a map.
const DECISION: &str = ".bss";

/// Offsets in `struct __sk_buff` (include/uapi/linux/bpf.h).
pub(crate) const SK_BUFF_IFINDEX: usize = 40;
pub(crate) const SK_BUFF_CB: usize = 48;
pub(crate) const SK_BUFF_LEN: usize = 192;

/// The same in `struct xdp_md`, whose first field is where the frame begins behind the metadata.
const XDP_MD_DATA_END: usize = 4;
const XDP_MD_LEN: usize = 24;

impl Switch {
    /// A switch that is neither pinned nor attached, with small fresh maps; its programs leave their decisions
    /// where [`Self::run_classifier`] finds them.
    ///
    /// # Errors
    /// [`SwitchError::Load`].
    pub fn open_for_tests() -> Result<Self, SwitchError> {
        let capacities = Capacities { flows_half_open: 16_384, flows: 16_384, ..Capacities::default() };
        let ebpf = crate::load::load(&capacities, None, true)?;
        Self::with_loaded(ebpf, std::path::PathBuf::new(), &TEST_CLASSIFIERS)
    }

    /// Loads `from_overlay_test` into a switch that was opened as an agent does.
    ///
    /// # Errors
    /// [`SwitchError::Load`].
    pub fn load_overlay_test(&mut self) -> Result<(), SwitchError> {
        load_classifier(&mut self.ebpf, "from_overlay_test")
    }

    /// Runs a TCX program on `frame`, as if it came in on interface `ifindex`, which must exist. `cb` is the VNI and the
    /// tunnel's other end (IPv4, as a number) for `from_overlay_test`.
    ///
    /// # Errors
    /// [`SwitchError::Missing`]; [`SwitchError::Io`] when the kernel refuses the frame (shorter than its IP header).
    pub fn run_classifier(
        &self,
        program: &'static str,
        frame: &[u8],
        ifindex: u32,
        cb: [u32; 2],
    ) -> Result<TestVerdict, SwitchError> {
        let context = context(ifindex, cb);
        let mut out = vec![0; frame.len() + 256];
        let result = self
            .classifier(program)?
            .test_run(TestRunOptions {
                data_in: Some(frame),
                data_out: Some(&mut out),
                ctx_in: Some(&context),
                ..TestRunOptions::default()
            })
            .map_err(|error| refused(program, error))?;
        out.truncate(result.data_size_out as usize);
        let map = self.ebpf.map(DECISION).ok_or(SwitchError::Missing { kind: "map", name: DECISION })?;
        let decision = Array::<_, [u32; 5]>::try_from(map)
            .and_then(|decisions| decisions.get(&0, 0))
            .map_err(|source| SwitchError::Map { map: DECISION, action: "read", source })?;
        Ok(TestVerdict { returned: result.return_value, frame: out, decision })
    }

    /// How long a TCX program takes for `frame`, on average over `repeat` runs; arguments as for [`Self::run_classifier`].
    ///
    /// The kernel does not restore the frame between the runs, so only what leaves it alone is measured truly: a drop.
    ///
    /// # Errors
    /// As [`Self::run_classifier`].
    pub fn time_classifier(
        &self,
        program: &'static str,
        frame: &[u8],
        ifindex: u32,
        cb: [u32; 2],
        repeat: u32,
    ) -> Result<Duration, SwitchError> {
        let context = context(ifindex, cb);
        let options = TestRunOptions {
            data_in: Some(frame),
            ctx_in: Some(&context),
            repeat,
            ..TestRunOptions::default()
        };
        let result = self.classifier(program)?.test_run(options).map_err(|error| refused(program, error))?;
        Ok(result.duration)
    }

    /// Runs the XDP program of an edge on `frame`.
    ///
    /// # Errors
    /// As [`Self::run_classifier`].
    pub fn run_edge(&self, frame: &[u8]) -> Result<TestVerdict, SwitchError> {
        self.run_xdp(frame, TestRunOptions::default())
    }

    /// The same when `metadata` bytes (a multiple of four) in front of the frame are taken, as by a driver that puts notes of its
    /// own there: of 256 bytes of headroom, 40 are the kernel's.
    ///
    /// # Errors
    /// As [`Self::run_classifier`].
    pub fn run_edge_behind(&self, metadata: u32, frame: &[u8]) -> Result<TestVerdict, SwitchError> {
        let mut data = vec![0; metadata as usize];
        data.extend_from_slice(frame);
        let mut context = [0; XDP_MD_LEN];
        context[..4].copy_from_slice(&metadata.to_ne_bytes());
        context[XDP_MD_DATA_END..][..4].copy_from_slice(&(data.len() as u32).to_ne_bytes());
        self.run_xdp(&data, TestRunOptions { ctx_in: Some(&context), ..TestRunOptions::default() })
    }

    fn run_xdp(&self, data: &[u8], options: TestRunOptions<'_>) -> Result<TestVerdict, SwitchError> {
        const NAME: &str = "edge";
        let Some(Program::Xdp(xdp)) = self.ebpf.program(NAME) else {
            return Err(SwitchError::Missing { kind: "program", name: NAME });
        };
        let mut out = vec![0; data.len() + 256];
        let result = xdp
            .test_run(TestRunOptions { data_in: Some(data), data_out: Some(&mut out), ..options })
            .map_err(|error| refused(NAME, error))?;
        out.truncate(result.data_size_out as usize);
        Ok(TestVerdict { returned: result.return_value, frame: out, decision: [0; 5] })
    }

    fn classifier(&self, program: &'static str) -> Result<&SchedClassifier, SwitchError> {
        match self.ebpf.program(program) {
            Some(Program::SchedClassifier(classifier)) => Ok(classifier),
            _ => Err(SwitchError::Missing { kind: "program", name: program }),
        }
    }

    /// Removes every flow record and every note of a fragment.
    ///
    /// # Errors
    /// [`SwitchError::Map`].
    pub fn forget_flows(&mut self) -> Result<(), SwitchError> {
        self.forget::<Plain<FlowKey>, Plain<FlowRecord>>(maps::FLOWS)?;
        self.forget::<Plain<FlowKey>, Plain<FlowRecord>>(maps::FLOWS_HALF_OPEN)?;
        self.forget::<Plain<FragmentKey>, Plain<FragmentEntry>>(maps::FRAGMENTS)
    }

    fn forget<K: Pod, V: Pod>(&mut self, name: &'static str) -> Result<(), SwitchError> {
        let failed = |action| move |source| SwitchError::Map { map: name, action, source };
        let map = self.ebpf.map_mut(name).ok_or(SwitchError::Missing { kind: "map", name })?;
        let mut map = HashMap::<_, K, V>::try_from(map).map_err(failed("opened"))?;
        let keys: Vec<K> = map.keys().collect::<Result<_, _>>().map_err(failed("read"))?;
        keys.iter().try_for_each(|key| map.remove(key)).map_err(failed("written"))
    }

    /// All flow records; true: established.
    ///
    /// # Errors
    /// [`SwitchError::Map`].
    pub fn flows(&self) -> Result<Vec<(FlowKey, FlowRecord, bool)>, SwitchError> {
        self.live()?.flows().collect()
    }
}

/// A `struct __sk_buff` that says where the frame came in.
fn context(ifindex: u32, cb: [u32; 2]) -> [u8; SK_BUFF_LEN] {
    let mut context = [0; SK_BUFF_LEN];
    context[SK_BUFF_IFINDEX..][..4].copy_from_slice(&ifindex.to_ne_bytes());
    for (at, word) in cb.iter().enumerate() {
        context[SK_BUFF_CB + 4 * at..][..4].copy_from_slice(&word.to_ne_bytes());
    }
    context
}

fn refused(program: &str, error: ProgramError) -> SwitchError {
    SwitchError::Io { what: format!("running {program} on a frame"), source: std::io::Error::other(error) }
}
