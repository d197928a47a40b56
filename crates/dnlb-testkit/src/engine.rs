//! What both engines have in common.

use std::collections::BTreeMap;

use dnlb_abi::{FlowKey, FlowRecord, Outcome};
use dnlb_plan::SwitchState;

use crate::scene::TEST_IFINDEX;

/// A program of the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// XDP on an edge's uplink.
    Edge,
    /// The same as TCX: what goes into the tunnel is not encapsulated yet.
    EdgeTc,
    /// TCX ingress of an instance's link.
    FromInstance,
    /// TCX ingress of the tunnel, with this VNI.
    FromOverlay(u32),
    /// The same from an address that is no host's.
    FromStranger(u32),
    /// TCX ingress of the probe link.
    Probe,
}

impl Program {
    /// Underlay address of the tunnel's other end.
    #[must_use]
    pub const fn remote(self) -> [u8; 4] {
        match self {
            Self::FromStranger(_) => [192, 0, 2, 66],
            _ => [172, 16, 0, 2],
        }
    }

    /// The same for explanations; [`TEST_IFINDEX`] is the link.
    #[must_use]
    pub const fn explained(self) -> dnlb_explain::Program {
        match self {
            Self::Edge | Self::EdgeTc => dnlb_explain::Program::Edge,
            Self::FromInstance => dnlb_explain::Program::FromInstance { ifindex: TEST_IFINDEX },
            Self::FromOverlay(vni) | Self::FromStranger(vni) => {
                let remote = Some(dnlb_abi::v4_mapped(self.remote()));
                dnlb_explain::Program::FromOverlay { vni, remote }
            }
            Self::Probe => dnlb_explain::Program::Probe,
        }
    }
}

/// What became of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The verdict.
    pub outcome: Outcome,
    /// Where it went, by outcome: delivered (interface, instance), tunnelled and forwarded (last four bytes of the remote, VNI,
    /// instance, hop), replied (interface). What an edge answers or drops says nothing.
    pub details: [u32; 4],
    /// The frame afterwards; as it came when it was dropped or passed.
    pub frame: Vec<u8>,
    /// Outcome counters that moved, by how many packets.
    pub counted: BTreeMap<&'static str, u64>,
    /// Outcome counters of services that moved, by how many packets.
    pub concerned: Concerned,
}

/// Packets by service, instance and outcome.
pub type Concerned = BTreeMap<(u32, u32, &'static str), u64>;

/// Something that decides frames on a scene.
pub trait Engine {
    /// Decides one frame.
    ///
    /// # Errors
    /// When the engine itself cannot run it: the kernel refuses frames shorter than their IP header.
    fn run(&mut self, program: Program, frame: &[u8]) -> anyhow::Result<Seen>;

    /// Makes the maps equal to another scene's; flow records stay.
    ///
    /// # Errors
    /// When the maps cannot be written.
    fn change(&mut self, state: SwitchState) -> anyhow::Result<()>;

    /// Marks every flow that came by a service as drained, as the agent does when its time is over.
    ///
    /// # Errors
    /// When the maps cannot be written.
    fn drain(&mut self) -> anyhow::Result<()>;

    /// All flow records, by key; true: established. Times of last use are zeroed, since clocks differ.
    ///
    /// # Errors
    /// When the maps cannot be read.
    fn flows(&mut self) -> anyhow::Result<BTreeMap<FlowKey, (FlowRecord, bool)>>;
}

/// Which flows [`Engine::drain`] marks.
pub(crate) fn came_by_a_service(_key: &FlowKey, record: &FlowRecord) -> bool {
    record.service != 0 && record.flags & FlowRecord::FLAG_OUTBOUND == 0
}
