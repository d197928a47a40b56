//! Which nodes a lab has and how they are wired: values only.

use std::net::Ipv4Addr;

use anyhow::{Result, ensure};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

/// Name of the lab that is meant when none is named.
pub const DEFAULT_NAME: &str = "lab";
/// Interface of every node towards the router.
pub const UPLINK: &str = "up0";
/// TCP port at which the server waits for agents.
pub(crate) const AGENT_PORT: u16 = 7443;
/// MTU of the underlay: an instance's 1,500 bytes and the tunnel's 50 fit.
pub(crate) const UNDERLAY_MTU: u32 = 1600;
/// MTU of what is outside the region.
pub(crate) const OUTSIDE_MTU: u32 = 1500;

/// The underlay's links, one /30 each. Shared address space (RFC 6598): it meets no VPC's range.
const LINKS: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 0);
/// The outside network (TEST-NET-2, RFC 5737).
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 0);
/// The elastic IPs (TEST-NET-3, RFC 5737).
const EIP_POOL: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 0);

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
}

impl Default for Size {
    fn default() -> Self {
        Self { azs: 2, racks_per_az: 1, hosts_per_rack: 2, edges: 2, region: "lab-1".to_owned() }
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

/// A node and its link to the router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Name, unique in the lab.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// Its address with the link's prefix; none: the router, which has the links' other ends.
    pub addr: Option<Ipv4Net>,
    /// The router's address on that link.
    pub gateway: Ipv4Addr,
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

    /// Its own address; the router has none of its own.
    #[must_use]
    pub fn ip(&self) -> Option<Ipv4Addr> {
        self.addr.map(|net| net.addr())
    }
}

/// All nodes of a lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// The region's name.
    pub region: String,
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
        let mut nodes = vec![node("router", Role::Router, None, Ipv4Addr::UNSPECIFIED)];
        let mut link = 0_u32;
        let mut underlay = |name: &str, role| {
            let base = u32::from(LINKS) + 4 * link;
            link += 1;
            node(name, role, Some(net((base + 2).into(), 30)), (base + 1).into())
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
        let client = node("client", Role::Client, Some(net(outside(10), 24)), outside(1));
        nodes.push(Node { mtu: OUTSIDE_MTU, ..client });
        Self { region: size.region.clone(), azs, nodes }
    }

    /// Where elastic IPs come from.
    #[must_use]
    pub fn eip_pool(&self) -> Ipv4Net {
        net(EIP_POOL, 24)
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
    pub fn linked(&self) -> impl Iterator<Item = (&Node, Ipv4Net)> {
        self.nodes.iter().filter_map(|node| Some((node, node.addr?)))
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

fn node(name: &str, role: Role, addr: Option<Ipv4Net>, gateway: Ipv4Addr) -> Node {
    Node {
        name: name.to_owned(),
        role,
        addr,
        gateway,
        mtu: UNDERLAY_MTU,
        az: String::new(),
        rack: String::new(),
    }
}

fn letter(az: u8) -> char {
    char::from(b'a' + az)
}

fn net(addr: Ipv4Addr, bits: u8) -> Ipv4Net {
    // The callers' literals are prefix lengths of IPv4.
    Ipv4Net::new(addr, bits).expect("at most 32")
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
        let addresses: BTreeSet<_> = topology.linked().map(|(_, net)| net).collect();
        let interfaces: BTreeSet<_> = topology.linked().map(|(node, _)| node.router_interface()).collect();
        assert_eq!(addresses.len(), topology.nodes.len() - 1);
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
