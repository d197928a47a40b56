//! One type per resource, named in the operator's words. Times are seconds since the Unix epoch.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    AclId, AgId, BackendId, EipId, HostId, HttpCheck, InstanceId, ListenerId, LoadBalancerId, RuleId,
    SecurityGroupId, SubnetId, TargetGroupId, TargetId, TemplateId, VpcId,
};

/// A key and a value that users put on resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Key, up to 127 characters.
    pub key: String,
    /// Value, up to 255 characters.
    pub value: String,
}

/// A machine that runs the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Name given by the operator.
    pub id: HostId,
    /// Index in the kernel's host table: 1 and up, never reused while a host has it.
    pub index: u16,
    /// Availability zone, such as `lab-1a`.
    pub az: String,
    /// Rack (fault domain) inside the zone.
    pub rack: String,
    /// Address in the underlay.
    pub underlay: IpAddr,
    /// Whether it balances elastic IPs at the region's border.
    pub edge: bool,
    /// Whether it carries instances.
    pub compute: bool,
    /// Whether heart-beats arrive.
    pub state: HostState,
    /// When it joined.
    pub created: u64,
}

/// Whether a host is alive, as far as the server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostState {
    /// Heart-beats are missing: its instances count as unhealthy.
    Down,
    /// Heart-beats arrive.
    Up,
}

/// An isolated private network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vpc {
    /// Identifier.
    pub id: VpcId,
    /// Name, not unique.
    pub name: String,
    /// Description.
    pub description: String,
    /// Range that its subnets must lie in. With neither this nor `prefix_v6`: any private range of either family.
    pub prefix: Option<IpNet>,
    /// Range that its IPv6 subnets must lie in, for one that has both families.
    #[serde(default)]
    pub prefix_v6: Option<IpNet>,
    /// VXLAN network identifier: 1 to 2^24-1, unique in the region.
    pub vni: u32,
    /// When it was created.
    pub created: u64,
}

/// An address block of a VPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// Identifier.
    pub id: SubnetId,
    /// Name, not unique.
    pub name: String,
    /// Description.
    pub description: String,
    /// VPC that it belongs to.
    pub vpc: VpcId,
    /// Its block, of either family.
    pub prefix: IpNet,
    /// Network ACL at its border; none: unfiltered.
    pub acl: Option<AclId>,
    /// When it was created.
    pub created: u64,
}

/// Which way a rule looks, seen from the instance or subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// Towards it.
    In,
    /// Away from it.
    Out,
}

/// The protocols that a rule means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RuleProtocol {
    /// Every protocol.
    All,
    /// ICMP.
    Icmp,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A rule of a security group: whatever matches may open a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroupRule {
    /// Identifier.
    pub id: RuleId,
    /// Which way.
    pub direction: Direction,
    /// Protocol.
    pub protocol: RuleProtocol,
    /// The peer's addresses.
    pub prefix: IpNet,
    /// First and last destination port; 0 and 0 for protocols without ports.
    pub ports: (u16, u16),
    /// Description.
    pub description: String,
    /// When it was created.
    pub created: u64,
}

/// A stateful firewall of instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// Identifier.
    pub id: SecurityGroupId,
    /// Name, not unique.
    pub name: String,
    /// Description.
    pub description: String,
    /// VPC that it belongs to.
    pub vpc: VpcId,
    /// Rules in the order of creation.
    pub rules: Vec<SecurityGroupRule>,
    /// When it was created.
    pub created: u64,
}

/// A rule of a network ACL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclRule {
    /// Identifier.
    pub id: RuleId,
    /// Which way, seen from the subnet.
    pub direction: Direction,
    /// Protocol.
    pub protocol: RuleProtocol,
    /// The other side's addresses.
    pub prefix: IpNet,
    /// First and last destination port; 0 and 0 for protocols without ports.
    pub ports: (u16, u16),
    /// Whether it lets through what matches.
    pub allow: bool,
    /// 1 to 32768; the smallest number that matches decides.
    pub priority: u16,
    /// Description.
    pub description: String,
    /// When it was created.
    pub created: u64,
}

/// A stateless filter at the border of subnets: what no rule matches is dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl {
    /// Identifier.
    pub id: AclId,
    /// Name, not unique.
    pub name: String,
    /// Description.
    pub description: String,
    /// VPC that it belongs to.
    pub vpc: VpcId,
    /// Rules, in the order of creation.
    pub rules: Vec<AclRule>,
    /// When it was created.
    pub created: u64,
}

/// A public address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eip {
    /// Identifier.
    pub id: EipId,
    /// The address.
    pub addr: IpAddr,
    /// Bandwidth that the user asked for, 1 to 200 Mbit/s; recorded, not enforced.
    pub bandwidth_mbps: u32,
    /// Provider that the user named.
    pub provider: String,
    /// Load balancer that has it.
    pub load_balancer: Option<LoadBalancerId>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// When it was created.
    pub created: u64,
}

/// How to make an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Identifier.
    pub id: TemplateId,
    /// Name, not unique.
    pub name: String,
    /// Description.
    pub description: String,
    /// Size, such as `g.n2.medium`.
    pub instance_type: String,
    /// Image.
    pub image: String,
    /// Subnet of the primary interface.
    pub subnet: SubnetId,
    /// Security groups of the primary interface, at most five.
    pub security_groups: Vec<SecurityGroupId>,
    /// Script that the instance runs at its start, decoded; up to 16 KiB.
    pub launch_script: Option<String>,
    /// Free-form metadata.
    pub metadata: BTreeMap<String, String>,
    /// When it was created.
    pub created: u64,
}

/// A set of instances made from one template and spread over fault domains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ag {
    /// Identifier.
    pub id: AgId,
    /// Name, not unique.
    pub name: String,
    /// Description.
    pub description: String,
    /// Template of future instances.
    pub template: TemplateId,
    /// VPC of the template when the group was made.
    pub vpc: VpcId,
    /// Zones, at least one, fixed.
    pub azs: Vec<String>,
    /// When it was created.
    pub created: u64,
}

/// A machine that can serve as a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Identifier.
    pub id: InstanceId,
    /// Number in kernel maps and in its MAC: 1 to 2^28-2, never reused.
    pub number: u32,
    /// Name, not unique.
    pub name: String,
    /// Description.
    pub description: String,
    /// Host that carries it.
    pub host: HostId,
    /// Zone of that host.
    pub az: String,
    /// Rack of that host.
    pub rack: String,
    /// VPC.
    pub vpc: VpcId,
    /// Subnet of its primary address.
    pub subnet: SubnetId,
    /// Primary private address.
    pub addr: IpAddr,
    /// Security groups, at most five.
    pub security_groups: Vec<SecurityGroupId>,
    /// Availability group.
    pub ag: Option<AgId>,
    /// Template from which it was made.
    pub template: Option<TemplateId>,
    /// Size.
    pub instance_type: String,
    /// Image.
    pub image: String,
    /// Script that it runs at its start.
    pub launch_script: Option<String>,
    /// Free-form metadata.
    pub metadata: BTreeMap<String, String>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// What the user wants of it.
    pub wanted: Power,
    /// What the host last said of it.
    pub state: InstanceState,
    /// Counts reboots: the host restarts it when this moves.
    pub boot: u32,
    /// The token of the request that made it, if that had one.
    #[serde(default)]
    pub client_token: Option<ClientToken>,
    /// When it was created.
    pub created: u64,
}

/// A caller's own name for a request, by which a repeated one is told from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientToken {
    /// The token, 1 to 64 characters.
    pub token: String,
    /// SHA-256 of everything else that the request said, in hexadecimal.
    pub request: String,
}

/// What a user wants of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Power {
    /// Running.
    On,
    /// Stopped.
    Off,
}

/// State of an instance, in the API's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InstanceState {
    /// Its host said why it cannot run.
    Error(String),
    /// Its host has not said anything yet.
    Pending,
    /// Runs.
    Running,
    /// Does not run.
    Stopped,
}

impl InstanceState {
    /// Its host is not heard of. Whether it runs, nobody knows.
    #[must_use]
    pub fn unheard() -> Self {
        Self::Error("its host is down".to_owned())
    }
}

/// A VIP and its configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// Identifier.
    pub id: LoadBalancerId,
    /// Name, not unique.
    pub name: String,
    /// Description.
    pub description: String,
    /// VPC of its subnet.
    pub vpc: VpcId,
    /// Subnet of the VIP.
    pub subnet: SubnetId,
    /// The VIP.
    pub vip: IpAddr,
    /// Elastic IP that makes it public.
    pub eip: Option<EipId>,
    /// Whether its listeners serve (`Start`/`Stop`).
    pub enabled: bool,
    /// Whether deleting it is refused.
    pub delete_protection: bool,
    /// Tags.
    pub tags: Vec<Tag>,
    /// When it was created.
    pub created: u64,
}

/// Transport protocol of listeners and backend services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// Seconds after which a flow without packets is forgotten, unless the listener says otherwise.
    #[must_use]
    pub const fn idle_seconds(self) -> u32 {
        match self {
            Self::Tcp => 1800,
            Self::Udp => 300,
        }
    }

    /// The IP protocol number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

/// Protocol and port on a VIP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Identifier.
    pub id: ListenerId,
    /// Number in kernel maps: 1 and up, unique in the region, never reused.
    pub number: u32,
    /// Name, not unique.
    pub name: String,
    /// Description.
    pub description: String,
    /// Load balancer.
    pub load_balancer: LoadBalancerId,
    /// Protocol, fixed.
    pub protocol: Protocol,
    /// Port, fixed.
    pub port: u16,
    /// Default backend service.
    pub backend: BackendId,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Idle time after which a flow's record may go; none: the default of the protocol.
    pub idle_seconds: Option<u32>,
    /// When it was created.
    pub created: u64,
}

/// How a flow chooses its member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// By source address.
    IpHash,
    /// By five-tuple.
    QuintupleHash,
}

/// How members are checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HealthCheck {
    /// Protocol of the check.
    pub protocol: CheckProtocol,
    /// Successes in a row that make a target healthy, 1 to 5.
    pub healthy_threshold: u32,
    /// Failures in a row that make it unhealthy, 1 to 5.
    pub unhealthy_threshold: u32,
    /// Seconds to wait for an answer, 2 to 60.
    pub timeout_seconds: u32,
    /// Seconds between checks, 5 to 300.
    pub interval_seconds: u32,
    /// Port; 0: where the target takes traffic.
    pub port: u16,
}

impl HealthCheck {
    /// What a health check is while nobody says otherwise.
    pub const DEFAULT: Self = Self {
        protocol: CheckProtocol::Tcp,
        healthy_threshold: 3,
        unhealthy_threshold: 3,
        timeout_seconds: 3,
        interval_seconds: 5,
        port: 0,
    };
}

/// Protocol of a health check, with what it needs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CheckProtocol {
    /// A request by HTTP.
    Http(HttpCheck),
    /// ICMP echo.
    Icmp,
    /// TCP connect.
    Tcp,
}

/// Who serves a backend service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerGroup {
    /// The instances of an availability group.
    Ag(AgId),
    /// Hand-picked targets.
    TargetGroup(TargetGroupId),
}

/// A backend service: protocol, port, algorithm, health check and one server group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backend {
    /// Identifier.
    pub id: BackendId,
    /// Number in kernel maps: 1 and up, unique in the region, never reused.
    pub number: u32,
    /// Name, not unique.
    pub name: String,
    /// Description.
    pub description: String,
    /// Load balancer.
    pub load_balancer: LoadBalancerId,
    /// Protocol, fixed.
    pub protocol: Protocol,
    /// Port of its members, fixed.
    pub port: u16,
    /// Scheduling algorithm.
    pub algorithm: Algorithm,
    /// Health check; kept while checking is switched off.
    pub check: HealthCheck,
    /// Whether checking is switched on.
    pub check_enabled: bool,
    /// Who serves; none yet: nobody.
    pub group: Option<ServerGroup>,
    /// Seconds for which a removed member keeps its connections, 0 to 3600.
    pub draining_seconds: u32,
    /// What happens to new flows while no member is fit to take them.
    #[serde(default)]
    pub without_member: WithoutMember,
    /// Weights of its members while an availability group serves.
    #[serde(default)]
    pub ag_weights: AgWeights,
    /// When it was created.
    pub created: u64,
}

/// Weights of the members of an availability group, as one backend service has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgWeights {
    /// Weight of a member without its own, 1 to 100.
    pub default: u32,
    /// Weights of members that have their own, 1 to 100.
    pub members: BTreeMap<InstanceId, u32>,
}

impl AgWeights {
    /// A member's weight.
    #[must_use]
    pub fn of(&self, instance: &InstanceId) -> u32 {
        self.members.get(instance).copied().unwrap_or(self.default)
    }
}

impl Default for AgWeights {
    /// Members are equal, and weigh as much as targets that are given no weight.
    fn default() -> Self {
        Self { default: DEFAULT_WEIGHT, members: BTreeMap::new() }
    }
}

/// The weight of whoever is given none.
pub const DEFAULT_WEIGHT: u32 = 10;

/// What happens to new flows of a backend service while no member is fit to take them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum WithoutMember {
    /// They are answered with a reset or port unreachable.
    #[default]
    Reset,
    /// They are dropped.
    Drop,
    /// All targets that run take them, whatever their checks say.
    FailOpen,
}

/// A hand-picked set of targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGroup {
    /// Identifier.
    pub id: TargetGroupId,
    /// Name, not unique.
    pub name: String,
    /// Description.
    pub description: String,
    /// Load balancer.
    pub load_balancer: LoadBalancerId,
    /// Targets by id; an instance at most once.
    pub targets: BTreeMap<TargetId, Target>,
    /// When it was created.
    pub created: u64,
}

impl TargetGroup {
    /// The instances that are targets.
    #[must_use]
    pub fn instances(&self) -> BTreeSet<&InstanceId> {
        self.targets.values().map(|target| &target.instance).collect()
    }
}

/// An instance in a target group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Identifier.
    pub id: TargetId,
    /// The instance.
    pub instance: InstanceId,
    /// Port; 0: the backend service's.
    pub port: u16,
    /// Weight, 1 to 100.
    pub weight: u32,
}

/// Health of one target of one backend service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether it gets new flows.
    pub healthy: bool,
    /// Why it is as it is, in words: the last check's result.
    pub reason: String,
    /// Since when.
    pub since: u64,
}

impl Health {
    /// The reason when a connection was closed before all that decides was received.
    pub const CLOSED: &str = "closed before a reply";
    /// How a reason begins when nothing came back in time.
    pub const NO_ANSWER: &str = "no answer";
    /// How a reason begins when what was received is no HTTP.
    pub const NO_HTTP: &str = "no HTTP";
    /// How a reason begins when there was a connection, and no reply in time.
    pub const NO_REPLY: &str = "no reply";
    /// The reason when a connection was reset.
    pub const RESET: &str = "connection reset";
    /// How a reason begins when a reply by HTTP decided; its code follows.
    pub const STATUS: &str = "status";
}
