//! What a region file says: docs/region-file.md has it for its readers.
//!
//! What is empty is left out when the file is written; what has a default may be left out when it is read.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use dnlb_model::{HttpDomain, HttpPath, StatusCodes};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::words::{
    Action, Algorithm, CheckProtocol, Direction, Ports, Protocol, RuleProtocol, WithoutMember,
};

/// A whole region.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegionFile {
    /// Which region is meant: another one is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) vpcs: BTreeMap<String, Vpc>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) elastic_ips: BTreeMap<IpAddr, ElasticIp>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) templates: BTreeMap<String, Template>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) availability_groups: BTreeMap<String, AvailabilityGroup>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) instances: BTreeMap<String, Instance>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) load_balancers: BTreeMap<String, LoadBalancer>,
}

/// A VPC.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vpc {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) prefix: Option<IpNet>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) prefix_v6: Option<IpNet>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) security_groups: BTreeMap<String, SecurityGroup>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) acls: BTreeMap<String, Acl>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) subnets: BTreeMap<String, Subnet>,
}

/// A subnet of a VPC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subnet {
    pub(crate) prefix: IpNet,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) acl: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
}

/// A security group of a VPC.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecurityGroup {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rules: Vec<SecurityGroupRule>,
}

/// A rule of a security group. The order of fields is that in which rules are written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecurityGroupRule {
    pub(crate) direction: Direction,
    pub(crate) protocol: RuleProtocol,
    /// None: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ports: Option<Ports>,
    pub(crate) prefix: IpNet,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
}

/// A network ACL of a VPC.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acl {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rules: Vec<AclRule>,
}

/// A rule of a network ACL. The order of fields is that in which rules are written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AclRule {
    pub(crate) direction: Direction,
    pub(crate) priority: u16,
    pub(crate) action: Action,
    pub(crate) protocol: RuleProtocol,
    /// None: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ports: Option<Ports>,
    pub(crate) prefix: IpNet,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
}

/// An elastic IP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ElasticIp {
    #[serde(default = "ten")]
    pub(crate) mbps: u32,
    #[serde(default = "bgp")]
    pub(crate) provider: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
}

/// An instance template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Template {
    pub(crate) vpc: String,
    pub(crate) subnet: String,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) security_groups: BTreeSet<String>,
    #[serde(default = "image")]
    pub(crate) image: String,
    #[serde(default = "instance_type", rename = "type")]
    pub(crate) instance_type: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) metadata: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) script: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
}

/// An availability group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AvailabilityGroup {
    pub(crate) template: String,
    pub(crate) azs: BTreeSet<String>,
    /// None: as many as there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<usize>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
}

/// An instance outside any group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Instance {
    pub(crate) az: String,
    pub(crate) vpc: String,
    pub(crate) subnet: String,
    /// None: whichever is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) security_groups: BTreeSet<String>,
    #[serde(default = "image")]
    pub(crate) image: String,
    #[serde(default = "instance_type", rename = "type")]
    pub(crate) instance_type: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) metadata: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) script: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
}

/// A load balancer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoadBalancer {
    pub(crate) vpc: String,
    pub(crate) subnet: String,
    /// None: whichever is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vip: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) elastic_ip: Option<IpAddr>,
    #[serde(default = "yes")]
    pub(crate) enabled: bool,
    #[serde(default)]
    pub(crate) delete_protection: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) target_groups: BTreeMap<String, TargetGroup>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) backends: BTreeMap<String, Backend>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) listeners: BTreeMap<String, Listener>,
}

/// A target group of a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TargetGroup {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
    /// By the instance's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) targets: BTreeMap<String, Target>,
}

/// A target of a target group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    /// 0: the backend service's.
    #[serde(default)]
    pub(crate) port: u16,
    #[serde(default = "ten")]
    pub(crate) weight: u32,
}

/// A backend service of a load balancer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Backend {
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
    #[serde(default = "ip_hash")]
    pub(crate) algorithm: Algorithm,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) availability_group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target_group: Option<String>,
    /// Of the availability group's members; none: all weigh the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) weights: Option<Weights>,
    #[serde(default = "three_hundred")]
    pub(crate) draining_seconds: u32,
    #[serde(default = "reset")]
    pub(crate) without_member: WithoutMember,
    #[serde(default = "HealthCheck::usual")]
    pub(crate) health_check: HealthCheck,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
}

/// Weights of the members of an availability group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Weights {
    /// Of members without their own.
    #[serde(default = "ten")]
    pub(crate) default: u32,
    /// Of members that have another, by the instance's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) members: BTreeMap<String, u32>,
}

/// How targets are checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HealthCheck {
    #[serde(default = "yes")]
    pub(crate) enabled: bool,
    /// None: as the protocol of the backend service wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) protocol: Option<CheckProtocol>,
    /// For http: what is asked for; none: `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<HttpPath>,
    /// For http: what is named as host; none: the target's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) domain: Option<HttpDomain>,
    /// For http: codes of good replies; none: 2xx and 3xx.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) codes: Option<StatusCodes>,
    /// 0: where the target takes traffic.
    #[serde(default)]
    pub(crate) port: u16,
    #[serde(default = "five")]
    pub(crate) interval_seconds: u32,
    #[serde(default = "three")]
    pub(crate) timeout_seconds: u32,
    #[serde(default = "three")]
    pub(crate) healthy_after: u32,
    #[serde(default = "three")]
    pub(crate) unhealthy_after: u32,
}

/// A listener of a load balancer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listener {
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
    pub(crate) backend: String,
    #[serde(default = "yes")]
    pub(crate) enabled: bool,
    /// None: as its protocol wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) idle_seconds: Option<u32>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
}

impl HealthCheck {
    fn usual() -> Self {
        Self {
            enabled: true,
            protocol: None,
            path: None,
            domain: None,
            codes: None,
            port: 0,
            interval_seconds: five(),
            timeout_seconds: three(),
            healthy_after: three(),
            unhealthy_after: three(),
        }
    }
}

impl RegionFile {
    /// The same, said in one way only: what depends on something else is filled in, rules are in order and have no
    /// ports where all are meant. Two files mean the same if they are equal then.
    #[must_use]
    pub(crate) fn canonical(mut self) -> Self {
        for vpc in self.vpcs.values_mut() {
            for group in vpc.security_groups.values_mut() {
                group.rules.iter_mut().for_each(|rule| rule.ports = some_ports(rule.protocol, rule.ports));
                group.rules.sort();
            }
            for acl in vpc.acls.values_mut() {
                acl.rules.iter_mut().for_each(|rule| rule.ports = some_ports(rule.protocol, rule.ports));
                acl.rules.sort();
            }
        }
        for balancer in self.load_balancers.values_mut() {
            for backend in balancer.backends.values_mut() {
                let usual = match backend.protocol {
                    Protocol::Tcp => CheckProtocol::Tcp,
                    Protocol::Udp => CheckProtocol::Icmp,
                };
                if backend.availability_group.is_some() {
                    let usual = || Weights { default: ten(), members: BTreeMap::new() };
                    let weights = backend.weights.get_or_insert_with(usual);
                    weights.members.retain(|_, weight| *weight != weights.default);
                }
                let check = &mut backend.health_check;
                if *check.protocol.get_or_insert(usual) == CheckProtocol::Http {
                    check.path.get_or_insert_default();
                    check.codes.get_or_insert_default();
                }
            }
            for listener in balancer.listeners.values_mut() {
                listener.idle_seconds.get_or_insert(match listener.protocol {
                    Protocol::Tcp => 1800,
                    Protocol::Udp => 300,
                });
            }
        }
        self
    }
}

/// Ports that a rule has, if it does not mean all.
fn some_ports(protocol: RuleProtocol, ports: Option<Ports>) -> Option<Ports> {
    ports.filter(|ports| protocol.has_ports() && *ports != Ports::ALL)
}

fn bgp() -> String {
    "bgp".to_owned()
}

fn image() -> String {
    "img-web".to_owned()
}

fn instance_type() -> String {
    "g.n2.medium".to_owned()
}

fn ip_hash() -> Algorithm {
    Algorithm::IpHash
}

fn reset() -> WithoutMember {
    WithoutMember::Reset
}

fn yes() -> bool {
    true
}

fn three() -> u32 {
    3
}

fn five() -> u32 {
    5
}

fn ten() -> u32 {
    10
}

fn three_hundred() -> u32 {
    300
}
