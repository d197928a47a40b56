//! What a decision asked, and what it decided.

use dnlb_abi::{
    Addr, EndpointEntry, EndpointKey, FlowKey, FlowRecord, HostEntry, InstanceEntry, MemberEntry, Outcome,
    RuleEntry, ServiceEntry, ServiceKey, TargetKey,
};
use dnlb_datapath::{Packet, Tunnel};

/// A program of the switch, and how the packet came to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// XDP on an edge's uplink.
    Edge,
    /// TCX ingress of an instance's link.
    FromInstance {
        /// The link's interface.
        ifindex: u32,
    },
    /// TCX ingress of the tunnel.
    FromOverlay {
        /// The VNI with which it came.
        vni: u32,
        /// Underlay address of who sent it; none: some host of the region.
        remote: Option<Addr>,
    },
    /// TCX ingress of the probe link.
    Probe,
}

impl Program {
    /// Its name in the kernel.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::FromInstance { .. } => "from_instance",
            Self::FromOverlay { .. } => "from_overlay",
            Self::Probe => "probe",
        }
    }
}

/// Which rules are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The subnet's network ACL, on the way in.
    AclIn,
    /// The subnet's network ACL, on the way out.
    AclOut,
    /// The instance's security groups, on the way in.
    SecurityIn,
    /// The instance's security groups, on the way out.
    SecurityOut,
}

impl Filter {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::AclIn => "network ACL in",
            Self::AclOut => "network ACL out",
            Self::SecurityIn => "security groups in",
            Self::SecurityOut => "security groups out",
        }
    }
}

/// One thing that a decision asked of the maps, with the answer, or that it would have done to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something that is counted beside the verdict.
    Counted(Outcome),
    /// It would make a half-open flow record.
    CreateFlow {
        /// Its key.
        key: FlowKey,
        /// The record.
        record: FlowRecord,
    },
    /// Who has an address of the VPC.
    Endpoint {
        /// VNI and address.
        key: EndpointKey,
        /// The answer.
        found: Option<EndpointEntry>,
    },
    /// The record of a flow.
    Flow {
        /// Its key.
        key: FlowKey,
        /// The answer; true: established.
        found: Option<(FlowRecord, bool)>,
    },
    /// How to reach a host.
    Host {
        /// Its index.
        index: u32,
        /// The answer.
        found: Option<HostEntry>,
    },
    /// An instance of this host.
    Instance {
        /// Its number.
        number: u32,
        /// The answer.
        found: Option<InstanceEntry>,
    },
    /// A member of the service that was found.
    Member {
        /// The member; its instance is 0: nobody.
        found: MemberEntry,
        /// Whether the row chose it; otherwise second chance looks at it.
        chosen: bool,
    },
    /// Whose interface it is.
    Port {
        /// The interface.
        ifindex: u32,
        /// The answer: the instance's number.
        found: Option<u32>,
    },
    /// It would move a half-open record to the established ones.
    PromoteFlow {
        /// Its key.
        key: FlowKey,
    },
    /// The row of a flow.
    Row {
        /// Hash of the flow.
        hash: u32,
        /// The row among the service's own.
        row: u32,
        /// How many the service has.
        rows: u32,
        /// The row's chain: its member now, then former ones; instance 0: nobody.
        chain: [MemberEntry; 4],
    },
    /// Rules.
    Rules {
        /// Whose.
        instance: u32,
        /// Which.
        filter: Filter,
        /// How many there are.
        len: u32,
        /// The first that matches, and its place, counted from 0.
        matched: Option<(u32, RuleEntry)>,
    },
    /// A service.
    Service {
        /// Its address.
        key: ServiceKey,
        /// The answer.
        found: Option<ServiceEntry>,
    },
    /// The port at which an instance takes the traffic of a backend service.
    Target {
        /// Backend service and instance.
        key: TargetKey,
        /// The answer.
        found: Option<u32>,
    },
}

/// What becomes of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes to an instance of this host.
    Delivered {
        /// The instance.
        instance: u32,
        /// Its link.
        ifindex: u32,
    },
    /// An edge sends an answer back where it came from.
    Answered,
    /// Nothing: it is dropped, or left to the host.
    Ended,
    /// An edge puts it into the tunnel.
    Forwarded {
        /// Underlay address of the receiving host.
        remote: Addr,
        /// VNI of the VPC.
        vni: u32,
        /// The instance.
        instance: u32,
    },
    /// It leaves by the uplink or by the probe link, or is answered where it came from.
    Replied {
        /// The interface.
        ifindex: u32,
    },
    /// It goes through the tunnel.
    Tunnelled(Tunnel),
}

/// The verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Its name.
    pub outcome: Outcome,
    /// Where the packet goes.
    pub fate: Fate,
    /// Addresses and ports with which it, or the answer, goes there: those of the packet with the rewriting.
    pub packet: Packet,
}

impl Verdict {
    /// The verdict as kernel programs leave it for tests: interface and instance; the last four bytes of the remote, VNI,
    /// instance and hop; or the interface.
    #[must_use]
    pub fn details(&self) -> [u32; 4] {
        match self.fate {
            Fate::Answered | Fate::Ended => [0; 4],
            Fate::Forwarded { remote, vni, instance } => {
                [u32::from_be_bytes(dnlb_wire::v4(remote)), vni, instance, 0]
            }
            Fate::Delivered { instance, ifindex } => [ifindex, instance, 0, 0],
            Fate::Replied { ifindex } => [ifindex, 0, 0, 0],
            Fate::Tunnelled(tunnel) => {
                let remote = u32::from_be_bytes(dnlb_wire::v4(tunnel.remote));
                [remote, tunnel.vni, tunnel.instance, tunnel.hop.into()]
            }
        }
    }
}
