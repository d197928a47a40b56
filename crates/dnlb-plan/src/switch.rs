//! What the kernel maps of one host are to hold, as a value.

use std::collections::BTreeMap;

use dnlb_abi::{
    Addr, EndpointEntry, EndpointKey, HostEntry, InstanceEntry, MemberEntry, RuleEntry, ServiceEntry,
    Settings, TargetEntry, TargetKey,
};

/// Contents of all maps that the agent writes.
///
/// `dnlb_switch::Switch::apply` makes the kernel's maps equal to this, writing only what differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SwitchState {
    /// `SETTINGS`; `active_copy` is left to whoever applies.
    pub settings: Settings,
    /// `HOSTS`: host index -> entry.
    pub hosts: BTreeMap<u32, HostEntry>,
    /// `PEERS`.
    pub peers: BTreeMap<Addr, u32>,
    /// `ENDPOINTS`.
    pub endpoints: BTreeMap<EndpointKey, EndpointEntry>,
    /// `INSTANCES`: instance number -> entry.
    pub instances: BTreeMap<u32, InstanceEntry>,
    /// `PORTS`: interface index -> instance number.
    pub ports: BTreeMap<u32, u32>,
    /// `RULES`: index -> entry. A range once named by an instance never changes while it is named.
    pub rules: BTreeMap<u32, RuleEntry>,
    /// `RULE_INDEX`: first word -> words, for lists that are searched. Like ranges of rules, an index that is named never
    /// changes.
    pub rule_index: BTreeMap<u32, Vec<u64>>,
    /// `DISPLACEMENTS` and `SERVICES`, one copy of each.
    pub services: ServiceIndex,
    /// `TARGETS`.
    pub targets: BTreeMap<TargetKey, TargetEntry>,
    /// `MEMBERS`: index -> entry, all of the ranges that belong to a backend service; zeros where nobody is.
    pub members: BTreeMap<u32, MemberEntry>,
    /// `ROWS_HOT` and `ROWS_COLD`.
    pub rows: Vec<RowRange>,
}

/// A perfect hash of all services of a host.
///
/// # Invariants
/// `displacements` has `SERVICE_BUCKETS` values. An entry under slot `s` has the key whose
/// `ServiceHash::slot(displacements[bucket])` is `s`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceIndex {
    /// Displacement of each bucket.
    pub displacements: Vec<u16>,
    /// Slot -> entry; absent slots are zero.
    pub entries: BTreeMap<u32, ServiceEntry>,
}

/// The rows of one backend service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowRange {
    /// First row; a multiple of 4.
    pub base: u32,
    /// Slot of the current member of each row.
    pub hot: Vec<u16>,
    /// Chain of each row: current, then previous members; 0 ends it.
    pub cold: Vec<[u16; 4]>,
}
