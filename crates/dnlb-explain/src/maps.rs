//! What an explanation asks of a host's maps.

use dnlb_abi::{
    Addr, EndpointEntry, EndpointKey, FlowKey, FlowRecord, FragmentEntry, FragmentKey, HostEntry,
    InstanceEntry, MemberEntry, RuleEntry, ServiceEntry, ServiceHash, ServiceKey, Settings, TargetKey,
};

/// A host's maps, read and never written; values are copies.
///
/// # Invariants
/// As for [`dnlb_datapath::Tables`]: an array does not miss inside its capacity.
///
/// # Errors
/// Every method's: a map could not be read. That it lacks a key is no error.
#[allow(missing_docs, reason = "each method is the map's name; `dnlb_abi::maps` says what is in it")]
pub trait Maps {
    /// Why a map could not be read.
    type Error;

    fn settings(&self) -> Result<Option<Settings>, Self::Error>;
    fn port(&self, ifindex: u32) -> Result<Option<u32>, Self::Error>;
    fn instance(&self, number: u32) -> Result<Option<InstanceEntry>, Self::Error>;
    /// All instances of this host.
    fn instances(&self) -> Result<Vec<InstanceEntry>, Self::Error>;
    fn endpoint(&self, key: &EndpointKey) -> Result<Option<EndpointEntry>, Self::Error>;
    fn host(&self, index: u32) -> Result<Option<HostEntry>, Self::Error>;
    fn peer(&self, addr: &Addr) -> Result<bool, Self::Error>;
    fn displacement(&self, copy: u32, bucket: u32) -> Result<u16, Self::Error>;
    fn service(&self, copy: u32, slot: u32) -> Result<Option<ServiceEntry>, Self::Error>;
    fn row(&self, row: u32) -> Result<u16, Self::Error>;
    fn chain(&self, row: u32) -> Result<u64, Self::Error>;
    fn member(&self, index: u32) -> Result<MemberEntry, Self::Error>;
    fn target(&self, key: &TargetKey) -> Result<Option<u32>, Self::Error>;
    fn rule(&self, index: u32) -> Result<Option<RuleEntry>, Self::Error>;
    fn rule_word(&self, index: u32) -> Result<u64, Self::Error>;
    /// True: established.
    fn flow(&self, key: &FlowKey) -> Result<Option<(FlowRecord, bool)>, Self::Error>;
    fn fragment(&self, key: &FragmentKey) -> Result<Option<FragmentEntry>, Self::Error>;
    /// The kernel's monotonic clock.
    fn now_ns(&self) -> u64;
}

/// The service with this key, found as programs find it.
pub(crate) fn find_service<M: Maps>(maps: &M, key: &ServiceKey) -> Result<Option<ServiceEntry>, M::Error> {
    let copy = maps.settings()?.map_or(0, |settings| settings.active_copy & 1);
    let hash = ServiceHash::new(key);
    let slot = hash.slot(maps.displacement(copy, hash.bucket())?);
    Ok(maps.service(copy, slot)?.filter(|service| service.key == *key))
}

/// The members of a chain, by its four slots; nobody where there is none.
pub(crate) fn chain_members<M: Maps>(
    maps: &M,
    service: &ServiceEntry,
    chain: u64,
) -> Result<[MemberEntry; 4], M::Error> {
    let mut members = [MemberEntry::default(); 4];
    for (at, member) in members.iter_mut().enumerate() {
        let slot = (chain >> (16 * at)) as u16;
        if slot != 0 {
            *member = maps.member(service.members_base.wrapping_add(slot.into()))?;
        }
    }
    Ok(members)
}
