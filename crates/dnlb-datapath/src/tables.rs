//! What the decision asks of the maps.

use dnlb_abi::{
    Addr, EndpointEntry, EndpointKey, FlowKey, FlowRecord, FragmentEntry, FragmentKey, HostEntry,
    InstanceEntry, MemberEntry, Outcome, RuleRange, ServiceEntry, ServiceKey, Settings, TargetKey,
};

use dnlb_wire::Packet;

use crate::MemberSearch;

/// The maps of a host.
///
/// # Invariants
/// An array never misses inside its capacity: what was never written reads as zero, in the kernel and in every
/// other implementation.
pub trait Tables {
    /// A flow record that was found.
    type Flow: Flow;

    /// The host's settings; nothing before the agent wrote them.
    fn settings(&self) -> Option<&Settings>;
    /// Number of the instance behind an interface.
    fn port(&self, ifindex: u32) -> Option<u32>;
    /// An instance of this host.
    fn instance(&self, number: u32) -> Option<&InstanceEntry>;
    /// Who has an address of a VPC.
    fn endpoint(&self, key: &EndpointKey) -> Option<EndpointEntry>;
    /// A host of the region.
    fn host(&self, index: u32) -> Option<&HostEntry>;
    /// Whether a host of the region has this underlay address.
    fn peer(&self, addr: &Addr) -> bool;
    /// Displacement of a bucket in a copy of the perfect hash.
    fn displacement(&self, copy: u32, bucket: u32) -> u16;
    /// Service in a slot of a copy; `sought` is whose slot that would be, for those who write down what is asked.
    fn service(&self, copy: u32, slot: u32, sought: &ServiceKey) -> Option<&ServiceEntry>;
    /// Hot half of a row: the current member's slot.
    fn row(&self, row: u32) -> u16;
    /// Cold half of a row: four slots of 16 bits, the current member's in the lowest.
    fn chain(&self, row: u32) -> u64;
    /// A member.
    fn member(&self, index: u32) -> MemberEntry;
    /// Port at which an instance takes the traffic of a backend service.
    fn target(&self, key: &TargetKey) -> Option<u32>;
    /// [`crate::RuleSearch`] from its beginning to its end, and whether the rule that it found lets the packet pass.
    ///
    /// The loop is the tables' because the kernel needs its own.
    fn rules_allow(&self, range: RuleRange, peer: &Addr, service: u32) -> bool;

    /// [`MemberSearch::look_at`], [`MemberSearch::steps`] times for so many places.
    ///
    /// A loop of the tables' for the same reason. `packet` and `other`, memory for a key, are
    /// [`crate::Room::search_parts`].
    fn search_members(&self, search: &mut MemberSearch, places: u32, packet: &Packet, other: &mut FlowKey)
    where
        Self: Sized,
    {
        for step in 0..MemberSearch::steps(places) {
            search.look_at(self, step, packet, other);
        }
    }

    /// The record of a flow, established or half-open. Keys and records of this and the methods below lie in a
    /// [`crate::Room`]: the kernel's helpers read them there.
    fn flow(&self, key: &FlowKey) -> Option<Self::Flow>;
    /// Makes or replaces a half-open record; false when the kernel refuses.
    fn create_flow(&self, key: &FlowKey, record: &FlowRecord) -> bool;
    /// Moves a half-open record to the established ones. When those are full it stays where it is.
    fn promote_flow(&self, key: &FlowKey);
    /// What the first fragment of a packet said.
    fn fragment(&self, key: &FragmentKey) -> Option<FragmentEntry>;
    /// Notes what the first fragment of a packet says.
    fn note_fragment(&self, key: &FragmentKey, first: &FragmentEntry);
    /// The kernel's monotonic clock, coarse.
    fn now_ns(&self) -> u64;

    /// Counts something that happened on the way to the verdict.
    fn count(&self, outcome: Outcome);
    /// [`Self::count`], for a service and an instance of this host that it came for, too.
    fn count_for(&self, service: u32, instance: u32, outcome: Outcome);
    /// Counts a packet of a service.
    fn count_service(&self, number: u32, bytes: u32);
}

/// A flow record in place.
pub trait Flow {
    /// [`FlowRecord::original_addr`].
    fn original_addr(&self) -> Addr;
    /// [`FlowRecord::original_port`].
    fn original_port(&self) -> u16;
    /// [`FlowRecord::service`].
    fn service(&self) -> u32;
    /// [`FlowRecord::flags`].
    fn flags(&self) -> u32;
    /// [`FlowRecord::via`].
    fn via(&self) -> u16;
    /// [`FlowRecord::rules`].
    fn rules(&self) -> u32;
    /// Notes that it is allowed under other rules.
    fn allow(&self, rules: u32);
    /// Whether it lies among the established ones.
    fn established(&self) -> bool;
    /// [`FlowRecord::end`].
    fn end(&self) -> u32;
    /// [`FlowRecord::peer_port`].
    fn peer_port(&self) -> u16;
    /// Notes where the peer's bytes end.
    fn set_end(&self, end: u32);
    /// Adds flags and a packet; a `now_ns` of 0 leaves the time of last use.
    fn note(&self, set_flags: u32, outbound: bool, bytes: u32, now_ns: u64);
}
