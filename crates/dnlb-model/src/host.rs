//! What one host is to do: the desired state that its agent receives.
//!
//! Numbers instead of ids wherever the kernel needs them; only what the host's own VPCs need.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{Algorithm, Direction, HealthCheck, InstanceId, Power, Protocol, RuleProtocol};

/// Desired state of one host at one revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostConfig {
    /// Revision of the region from which it was made: the generation that the agent acknowledges.
    pub revision: u64,
    /// Region's name.
    pub region: String,
    /// This host's index.
    pub host: u16,
    /// This host's name.
    pub host_id: String,
    /// Its zone.
    pub az: String,
    /// Its rack.
    pub rack: String,
    /// Whether it is an edge.
    pub edge: bool,
    /// Secret of the flow hash.
    pub hash_key: [u32; 24],
    /// Hosts to which it may have to send, itself included: index -> underlay address.
    pub hosts: BTreeMap<u16, IpAddr>,
    /// Underlay addresses of all hosts of the region: only these may send through the tunnel. Empty: from a server that does
    /// not say.
    #[serde(default)]
    pub peers: BTreeSet<IpAddr>,
    /// Addresses of the VPCs on this host: (VNI, address) -> who and where.
    pub endpoints: BTreeMap<(u32, IpAddr), EndpointConfig>,
    /// Its instances by number.
    pub instances: BTreeMap<u32, InstanceConfig>,
    /// Listeners that its instances may call (their VPCs'), that its instances serve, and, on an edge, all with an EIP.
    pub services: Vec<ServiceConfig>,
    /// Load balancers that are on while no listener of theirs is: somebody has these addresses, and nobody listens there.
    #[serde(default)]
    pub idle: Vec<IdleConfig>,
    /// Backend services of those listeners, by number.
    pub backends: BTreeMap<u32, BackendConfig>,
    /// What operators call all these.
    #[serde(default)]
    pub names: HostNames,
}

/// Names for the numbers of a host's configuration: for its tools alone, nothing is decided by them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostNames {
    /// Names of hosts, by index.
    pub hosts: BTreeMap<u32, String>,
    /// Ids of instances, by number: those of its VPCs, and everybody who serves its backend services.
    pub instances: BTreeMap<u32, String>,
    /// Names of listeners after that of their load balancer, `web/http`, by number.
    pub listeners: BTreeMap<u32, String>,
    /// Names of VPCs, by VNI.
    pub vpcs: BTreeMap<u32, String>,
}

/// Who has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointConfig {
    /// The instance's number.
    pub instance: u32,
    /// Its host's index.
    pub host: u16,
}

/// An instance of this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceConfig {
    /// Its number.
    pub number: u32,
    /// Its id.
    pub id: InstanceId,
    /// Its name.
    pub name: String,
    /// VNI of its VPC.
    pub vni: u32,
    /// Its address.
    pub addr: IpAddr,
    /// Its subnet's block; the first address after the network's is the gateway.
    pub subnet: IpNet,
    /// Rules of all its security groups, both directions.
    pub security_rules: Vec<FilterRule>,
    /// Rules of its subnet's ACL in the order in which they are tried; none: no ACL, everything passes.
    pub acl_rules: Option<Vec<FilterRule>>,
    /// Whether it is to run.
    pub wanted: Power,
    /// Restart it when this moves.
    pub boot: u32,
    /// Size.
    pub instance_type: String,
    /// Image.
    pub image: String,
    /// Script run at its start.
    pub launch_script: Option<String>,
    /// Free-form metadata.
    pub metadata: BTreeMap<String, String>,
    /// Health checks of its roles, by backend-service number.
    pub checks: BTreeMap<u32, CheckConfig>,
}

/// A health check of one instance for one backend service.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CheckConfig {
    /// Port to check, already resolved: never 0.
    pub port: u16,
    /// Parameters.
    pub check: HealthCheck,
}

/// A rule as the data path needs it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FilterRule {
    /// Which way.
    pub direction: Direction,
    /// Protocol.
    pub protocol: RuleProtocol,
    /// The peer's addresses.
    pub prefix: IpNet,
    /// First and last destination port; 0 and 0 for protocols without ports.
    pub ports: (u16, u16),
    /// Whether it lets through what matches.
    pub allow: bool,
}

/// A listener as the data path needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceConfig {
    /// The listener's number.
    pub number: u32,
    /// VNI of its VPC.
    pub vni: u32,
    /// The VIP.
    pub vip: IpAddr,
    /// The EIP, if any.
    pub eip: Option<IpAddr>,
    /// Protocol.
    pub protocol: Protocol,
    /// Port.
    pub port: u16,
    /// Number of its backend service.
    pub backend: u32,
    /// Seconds after which a flow without packets is forgotten; none: [`Protocol::idle_seconds`].
    #[serde(default)]
    pub idle_seconds: Option<u32>,
}

/// The addresses of a load balancer without a listener that is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdleConfig {
    /// VNI of its VPC.
    pub vni: u32,
    /// The VIP.
    pub vip: IpAddr,
    /// The EIP, if any.
    pub eip: Option<IpAddr>,
}

/// A backend service as the data path needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendConfig {
    /// How a flow chooses its member.
    pub algorithm: Algorithm,
    /// Targets of this host's own instances, whether they get new flows or not: instance number -> port.
    pub targets: BTreeMap<u32, u16>,
    /// Everybody else who may have connections, on any host: targets that get no new ones, and former ones that
    /// drain: instance number -> index of its host.
    pub others: BTreeMap<u32, u16>,
    /// Those among all these whose host is not heard of: they may have connections and may be dead, so that they are asked last.
    #[serde(default)]
    pub unheard: BTreeSet<u32>,
    /// Whether new flows are dropped, instead of answered, while there is no member.
    #[serde(default)]
    pub silent: bool,
    /// Recent distinct member sets, the current one first. Never empty; the current one may be.
    pub generations: Vec<MemberSet>,
}

/// Who gets new flows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MemberSet {
    /// Members by instance number.
    pub members: BTreeMap<u32, MemberConfig>,
    /// Rows of its table: 0, or a power of two, by the number of targets whether healthy or not, so that a health
    /// flap does not resize the table. A former set keeps the number that it had.
    pub rows: u32,
}

/// A member of a backend service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MemberConfig {
    /// Index of its host; 0 in a former set: deleted since.
    pub host: u16,
    /// Weight, 1 and up; only ratios matter.
    pub weight: u32,
}

/// What an agent reports of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceReport {
    /// Its number.
    pub number: u32,
    /// Its state.
    pub state: crate::InstanceState,
}

/// What an agent reports of a target's health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthReport {
    /// Number of the backend service.
    pub backend: u32,
    /// Number of the instance.
    pub instance: u32,
    /// Whether it gets new flows.
    pub healthy: bool,
    /// Result of the last check, in words.
    pub reason: String,
}
