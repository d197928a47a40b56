//! Everything that a region's control plane knows, as one value.

use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    AccessKey, AccessKeyId, Account, AccountId, Acl, AclId, Ag, AgId, Backend, BackendId, Eip, EipId, Health,
    Host, HostId, Index, Instance, InstanceId, Listener, ListenerId, LoadBalancer, LoadBalancerId, Map,
    MemberSet, SecurityGroup, SecurityGroupId, Session, SessionId, Subnet, SubnetId, TargetGroup,
    TargetGroupId, Template, TemplateId, User, UserId, Vpc, VpcId,
};

/// All resources of a region at one revision.
///
/// # Invariants
/// Every id that a resource names exists; the API refuses what would break that.
#[derive(Clone, Debug, Default)]
pub struct Region {
    /// Revision of the store that this value shows.
    pub revision: u64,
    /// What belongs to the region as a whole.
    pub settings: Arc<RegionSettings>,
    /// Accounts.
    pub accounts: Map<AccountId, Account>,
    /// Users.
    pub users: Map<UserId, User>,
    /// Access keys.
    pub access_keys: Map<AccessKeyId, AccessKey>,
    /// Sessions, also such as have ended by now.
    pub sessions: Map<SessionId, Session>,
    /// Whom resources belong to, by their ids, which are unique among all kinds. Beside the resources: no packet's fate depends on it.
    pub owners: Map<String, AccountId>,
    /// Hosts.
    pub hosts: Map<HostId, Host>,
    /// VPCs.
    pub vpcs: Map<VpcId, Vpc>,
    /// Subnets.
    pub subnets: Map<SubnetId, Subnet>,
    /// Security groups.
    pub security_groups: Map<SecurityGroupId, SecurityGroup>,
    /// Network ACLs.
    pub acls: Map<AclId, Acl>,
    /// Elastic IPs.
    pub eips: Map<EipId, Eip>,
    /// Instance templates.
    pub templates: Map<TemplateId, Template>,
    /// Availability groups.
    pub ags: Map<AgId, Ag>,
    /// Instances.
    pub instances: Map<InstanceId, Instance>,
    /// Load balancers.
    pub load_balancers: Map<LoadBalancerId, LoadBalancer>,
    /// Listeners.
    pub listeners: Map<ListenerId, Listener>,
    /// Backend services.
    pub backends: Map<BackendId, Backend>,
    /// Target groups.
    pub target_groups: Map<TargetGroupId, TargetGroup>,
    /// Last known health of targets; none: not checked yet, hence not healthy.
    pub health: Map<(BackendId, InstanceId), Health>,
    /// Recent distinct member sets of each backend service, the current one first.
    pub generations: Map<BackendId, Vec<MemberSet>>,
    /// Who gets no new connections of a backend service any more and keeps those that it has for a while: former targets, and
    /// unhealthy ones.
    pub draining: Map<(BackendId, InstanceId), Draining>,
    /// What belongs to what, of this region or of one before it: ask [`Region::index`].
    pub index: Index,
}

impl Region {
    /// What belongs to what. Cheap where the field `index` is of a region that differs little.
    #[must_use]
    pub fn index(&self) -> Index {
        let mut index = self.index.clone();
        index.follow(self);
        index
    }

    /// Whom the resource of that id belongs to. What nobody was said to own belongs to who operates the region.
    #[must_use]
    pub fn owner(&self, id: &str) -> AccountId {
        self.owners.get(id).map_or_else(AccountId::operating, |account| AccountId::clone(account))
    }
}

/// A former or unhealthy target that keeps its connections for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draining {
    /// Where it took traffic.
    pub port: u16,
    /// When its time is over, in seconds of the Unix time.
    pub until: u64,
    /// Whether it is over. That of a former target is forgotten then, that of an unhealthy one when it is healthy again.
    #[serde(default)]
    pub over: bool,
}

/// What belongs to the region as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionSettings {
    /// Name, such as `lab-1`. A zone's name is the region's and a letter.
    pub name: String,
    /// Zones, in the order of their names.
    pub azs: Vec<String>,
    /// Where elastic IPs come from.
    pub eip_pools: Vec<IpNet>,
    /// Secret of the flow hash: 24 random words, hexadecimal nowhere, logged nowhere.
    pub hash_key: [u32; 24],
    /// Numbers handed out so far.
    pub sequences: Sequences,
}

/// The last number handed out of each kind; numbers are never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequences {
    /// [`Host::index`].
    pub host: u16,
    /// [`Vpc::vni`].
    pub vni: u32,
    /// [`Instance::number`].
    pub instance: u32,
    /// [`Listener::number`].
    pub listener: u32,
    /// [`Backend::number`].
    pub backend: u32,
}
