//! Which nodes a lab has and how they are wired: values only.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Result, ensure};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

/// Name of the lab that is meant when none is named.
pub const DEFAULT_NAME: &str = "lab";
/// Interface of every node towards the router.
pub const UPLINK: &str = "up0";
/// TCP port at which the server waits for agents.
pub(crate) const AGENT_PORT: u16 = 7443;
/// MTU of the underlay: an instance's 1,500 bytes and the tunnel's 50, over IPv6 70, fit.
pub(crate) const UNDERLAY_MTU: u32 = 1600;
/// MTU of what is outside the region.
pub(crate) const OUTSIDE_MTU: u32 = 1500;

/// The underlay's links, one /30 each. Shared address space (RFC 6598): it meets no VPC's range.
const LINKS: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 0);
/// The outside network (TEST-NET-2, RFC 5737).
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 0);
/// The elastic IPs (TEST-NET-3, RFC 5737).
const EIP_POOL: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 0);
/// The same three in IPv6 (documentation, RFC 3849); links are a /64 each, told apart by the fourth group.
const LINKS_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x64, 0, 0, 0, 0, 0);
const OUTSIDE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x51, 0, 0, 0, 0, 0);
const EIP_POOL_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x113, 0, 0, 0, 0, 0);

/// Family of the addresses between which the tunnels are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum UnderlayFamily {
    /// IPv4
    #[default]
    #[value(name = "4")]
    V4,
    /// IPv6
    #[value(name = "6")]
    V6,
}

/// How big a lab is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
pub struct Size {
    /// Availability zones
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=5))]
    pub azs: u8,
    /// Racks in each zone
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
    pub racks_per_az: u8,
    /// Hosts in each rack
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=20))]
    pub hosts_per_rack: u8,
    /// Edges, which balance elastic IPs
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=8))]
    pub edges: u8,
    /// The region's name
    #[arg(long, default_value = "lab-1")]
    pub region: String,
    /// IP version of the underlay: of the addresses at which server and agents find each other
    #[arg(long, value_enum, default_value_t)]
    #[serde(default)]
    pub underlay_family: UnderlayFamily,
    /// Where edges take packets from their uplinks: auto, xdp, tcx
    #[arg(long, value_enum, default_value_t)]
    #[serde(default)]
    pub edge_form: EdgeForm,
}

/// Where an edge takes packets from its uplink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum EdgeForm {
    /// In the driver where it can, else as TCX
    #[default]
    Auto,
    /// In the driver
    Xdp,
    /// Where socket buffers come in
    Tcx,
}

impl EdgeForm {
    /// Its word in the agent's option.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Xdp => "xdp",
            Self::Tcx => "tcx",
        }
    }
}

impl Default for Size {
    fn default() -> Self {
        Self {
            azs: 2,
            racks_per_az: 1,
            hosts_per_rack: 2,
            edges: 2,
            region: "lab-1".to_owned(),
            underlay_family: UnderlayFamily::V4,
            edge_form: EdgeForm::Auto,
        }
    }
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Outside the region.
    Client,
    /// An agent that balances elastic IPs and carries no instances.
    Edge,
    /// An agent that carries instances.
    Host,
    /// The fabric.
    Router,
    /// The control plane.
    Server,
}

/// Addresses of a link to the router, in both families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The node's IPv4 address with the link's prefix.
    pub v4: Ipv4Net,
    /// The router's on that link.
    pub gateway_v4: Ipv4Addr,
    /// The node's IPv6 address with the link's prefix.
    pub v6: Ipv6Net,
    /// The router's on that link.
    pub gateway_v6: Ipv6Addr,
}

impl Link {
    /// The node's addresses, each with the router's.
    #[must_use]
    pub fn ends(&self) -> [(IpNet, IpAddr); 2] {
        [(self.v4.into(), self.gateway_v4.into()), (self.v6.into(), self.gateway_v6.into())]
    }
}

/// A node and its link to the router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Name, unique in the lab.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// Its link; none: the router, which has the links' other ends.
    pub link: Option<Link>,
    /// MTU of that link.
    pub mtu: u32,
    /// Zone, for agents.
    pub az: String,
    /// Rack, for agents.
    pub rack: String,
}

impl Node {
    /// The router's interface towards this node.
    #[must_use]
    pub fn router_interface(&self) -> String {
        format!("to-{}", self.name)
    }

    /// Whether an agent runs on it.
    #[must_use]
    pub fn has_agent(&self) -> bool {
        matches!(self.role, Role::Edge | Role::Host)
    }

    /// Its own address of that family; the router has none of its own.
    #[must_use]
    pub fn ip(&self, family: UnderlayFamily) -> Option<IpAddr> {
        self.link.map(|link| match family {
            UnderlayFamily::V4 => link.v4.addr().into(),
            UnderlayFamily::V6 => link.v6.addr().into(),
        })
    }
}

/// All nodes of a lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// The region's name.
    pub region: String,
    /// Family of the underlay.
    pub underlay: UnderlayFamily,
    /// Where edges take packets from their uplinks.
    pub edge_form: EdgeForm,
    /// Zones, by name.
    pub azs: Vec<String>,
    /// The router first.
    pub nodes: Vec<Node>,
}

impl Topology {
    /// The nodes of a lab of that size: the same for the same size.
    #[must_use]
    pub fn new(size: &Size) -> Self {
        let azs: Vec<String> = (0..size.azs).map(|az| format!("{}{}", size.region, letter(az))).collect();
        let mut nodes = vec![node("router", Role::Router, None)];
        let mut number = 0_u16;
        let mut underlay = |name: &str, role| {
            let base = u32::from(LINKS) + 4 * u32::from(number);
            let base_v6 = u128::from(LINKS_V6) + (u128::from(number) << 64);
            number += 1;
            let link = Link {
                v4: Ipv4Net::new_assert((base + 2).into(), 30),
                gateway_v4: (base + 1).into(),
                v6: Ipv6Net::new_assert((base_v6 + 2).into(), 64),
                gateway_v6: (base_v6 + 1).into(),
            };
            node(name, role, Some(link))
        };
        nodes.push(underlay("server", Role::Server));
        for edge in 0..size.edges {
            let az = edge % size.azs;
            let edge = underlay(&format!("edge-{}", edge + 1), Role::Edge);
            nodes.push(Node {
                az: azs[usize::from(az)].clone(),
                rack: format!("{}-edge", letter(az)),
                ..edge
            });
        }
        for az in 0..size.azs {
            for number in 0..u16::from(size.racks_per_az) * u16::from(size.hosts_per_rack) {
                let host = underlay(&format!("host-{}{}", letter(az), number + 1), Role::Host);
                let rack = number / u16::from(size.hosts_per_rack);
                nodes.push(Node {
                    az: azs[usize::from(az)].clone(),
                    rack: format!("{}-r{}", letter(az), rack + 1),
                    ..host
                });
            }
        }
        let outside = |host: u32| Ipv4Addr::from(u32::from(OUTSIDE) + host);
        let outside_v6 = |host: u128| Ipv6Addr::from(u128::from(OUTSIDE_V6) + host);
        let link = Link {
            v4: Ipv4Net::new_assert(outside(10), 24),
            gateway_v4: outside(1),
            v6: Ipv6Net::new_assert(outside_v6(0x10), 64),
            gateway_v6: outside_v6(1),
        };
        let client = node("client", Role::Client, Some(link));
        nodes.push(Node { mtu: OUTSIDE_MTU, ..client });
        Self {
            region: size.region.clone(),
            underlay: size.underlay_family,
            edge_form: size.edge_form,
            azs,
            nodes,
        }
    }

    /// Where elastic IPs come from: a block of each family.
    #[must_use]
    pub fn eip_pools(&self) -> [IpNet; 2] {
        [Ipv4Net::new_assert(EIP_POOL, 24).into(), Ipv6Net::new_assert(EIP_POOL_V6, 64).into()]
    }

    /// The node of that name.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// Nodes that run an agent.
    pub fn agents(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.has_agent())
    }

    /// Nodes with a link to the router.
    pub fn linked(&self) -> impl Iterator<Item = (&Node, Link)> {
        self.nodes.iter().filter_map(|node| Some((node, node.link?)))
    }
}

/// Checks a lab's name.
///
/// # Errors
/// When it is empty, long, or has other characters than lower-case letters and digits. A dash would let one lab's
/// namespaces look like another's.
pub fn check_name(name: &str) -> Result<()> {
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    ensure!(plain && (1..=16).contains(&name.len()), "a lab's name is 1 to 16 lower-case letters and digits");
    Ok(())
}

/// The network namespace of a node.
#[must_use]
pub fn namespace(lab: &str, node: &str) -> String {
    format!("dnlb-{lab}-{node}")
}

fn node(name: &str, role: Role, link: Option<Link>) -> Node {
    Node { name: name.to_owned(), role, link, mtu: UNDERLAY_MTU, az: String::new(), rack: String::new() }
}

fn letter(az: u8) -> char {
    char::from(b'a' + az)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_default_lab_has_the_nodes_that_the_manual_names() {
        let topology = Topology::new(&Size::default());
        let names: Vec<_> = topology.nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(
            names,
            ["router", "server", "edge-1", "edge-2", "host-a1", "host-a2", "host-b1", "host-b2", "client"]
        );
        assert_eq!(topology.azs, ["lab-1a", "lab-1b"]);
        let host = topology.node("host-b2").unwrap();
        assert_eq!((host.az.as_str(), host.rack.as_str()), ("lab-1b", "b-r1"));
    }

    #[test]
    fn the_biggest_lab_has_no_address_or_interface_twice() {
        let size = Size { azs: 5, racks_per_az: 5, hosts_per_rack: 20, edges: 8, ..Size::default() };
        let topology = Topology::new(&size);
        let addresses: BTreeSet<_> =
            topology.linked().flat_map(|(_, link)| link.ends()).map(|(net, _)| net.trunc()).collect();
        let interfaces: BTreeSet<_> = topology.linked().map(|(node, _)| node.router_interface()).collect();
        assert_eq!(addresses.len(), 2 * (topology.nodes.len() - 1));
        assert_eq!(interfaces.len(), topology.nodes.len() - 1);
        assert!(interfaces.iter().all(|name| name.len() <= 15), "the kernel's limit");
        assert_eq!(topology.node("host-a21").unwrap().rack, "a-r2");
    }

    #[test]
    fn a_name_that_could_be_taken_for_another_labs_is_refused() {
        assert!(check_name("lab").is_ok());
        for name in ["", "a-b", "Lab", "../x", "seventeenletters1"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
