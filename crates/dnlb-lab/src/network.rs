//! The wires: namespaces, links, addresses and routes of a lab.

use anyhow::{Context, Result};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::{
    netns,
    state::{Files, private_folder},
    topology::{AGENT_PORT, Node, Role, Topology, UPLINK, UnderlayFamily, namespace},
};

/// The table of rules by which a node does not hear the server.
const DEAF: &str = "deaf";

/// Makes all namespaces and links.
pub(crate) fn create(lab: &str, topology: &Topology) -> Result<()> {
    let router = namespace(lab, "router");
    let add = |node: &Node| format!("netns add {}", namespace(lab, &node.name));
    netns::ip(None, &topology.nodes.iter().map(add).collect::<Vec<_>>())?;
    let processors = dnlb_switch::every_processor().context("counting processors")?;
    // Before there are links: they are made with the defaults of the moment.
    for node in &topology.nodes {
        netns::sysctl(&namespace(lab, &node.name), &settings(node.role, &processors))?;
    }
    let link = |(node, _): (&Node, _)| {
        format!(
            "link add {UPLINK} mtu {} netns {} type veth peer name {} mtu {} netns {router}",
            node.mtu,
            namespace(lab, &node.name),
            node.router_interface(),
            node.mtu,
        )
    };
    netns::ip(None, &topology.linked().map(link).collect::<Vec<_>>())?;

    for node in &topology.nodes {
        let namespace = namespace(lab, &node.name);
        if node.role == Role::Router {
            configure_router(&namespace, topology)?;
        } else {
            connect(lab, node)?;
        }
    }
    Ok(())
}

/// Brings up a node's own end of its link, with addresses and routes; may be done again.
pub(crate) fn connect(lab: &str, node: &Node) -> Result<()> {
    let Some(link) = node.link else { return Ok(()) };
    let mut lines = vec!["link set lo up".to_owned(), format!("link set {UPLINK} up")];
    for (addr, gateway) in link.ends() {
        lines.push(format!("address replace {addr} dev {UPLINK}"));
        lines.push(format!("route replace default via {gateway} dev {UPLINK}"));
    }
    netns::ip(Some(&namespace(lab, &node.name)), &lines)
}

/// Takes down a node's own end of its link.
pub(crate) fn cut(lab: &str, node: &Node) -> Result<()> {
    netns::ip(Some(&namespace(lab, &node.name)), &[format!("link set {UPLINK} down")])
}

/// Lets edges send back what they receive: between veths that takes a program at the other end, too, and no
/// checksums left for a card to fill in.
pub(crate) fn prepare_edges(lab: &str, files: &Files, topology: &Topology) -> Result<()> {
    let router = namespace(lab, "router");
    private_folder(&files.node("router"))?;
    let pins = files.node("router").join("bpf");
    private_folder(&pins)?;
    mount(Some("bpf"), &pins, Some("bpf"), MsFlags::empty(), Some("mode=0700"))
        .with_context(|| format!("mounting a BPF file system at {}", pins.display()))?;
    for edge in topology.nodes.iter().filter(|node| node.role == Role::Edge) {
        let interface = edge.router_interface();
        netns::run(&router, "ethtool", &["-K", &interface, "tx", "off"])?;
        netns::inside(&router, || {
            dnlb_switch::attach_xdp_pass(&interface, &pins.join(&interface))
                .with_context(|| format!("attaching a program to the router's {interface}"))
        })?;
    }
    Ok(())
}

/// Takes from a node every packet between its agent and the server, in both directions; nothing is refused, it gets lost.
pub(crate) fn deafen(lab: &str, node: &Node) -> Result<()> {
    let chain = |name, port| {
        format!("chain {name} {{ type filter hook {name} priority 0; tcp {port} {AGENT_PORT} drop; }};")
    };
    let table = format!("table inet {DEAF} {{ {} {} }}", chain("input", "sport"), chain("output", "dport"));
    netns::run(&namespace(lab, &node.name), "nft", &[&table])
}

/// Undoes [`deafen`].
pub(crate) fn undeafen(lab: &str, node: &Node) -> Result<()> {
    netns::run(&namespace(lab, &node.name), "nft", &[&format!("delete table inet {DEAF}")])
}

/// Removes all namespaces of a lab, and with them its links.
pub(crate) fn remove(lab: &str) -> Result<()> {
    let lines: Vec<_> = namespaces(lab).iter().map(|name| format!("netns delete {name}")).collect();
    if lines.is_empty() { Ok(()) } else { netns::ip(None, &lines) }
}

/// Namespaces of a lab that exist.
pub(crate) fn namespaces(lab: &str) -> Vec<String> {
    netns::list(&namespace(lab, ""))
}

/// Unmounts a node's BPF file system, however often it was mounted.
pub(crate) fn unmount_pins(node_folder: &std::path::Path) {
    let pins = node_folder.join("bpf");
    while umount2(&pins, MntFlags::MNT_DETACH).is_ok() {}
}

fn configure_router(router: &str, topology: &Topology) -> Result<()> {
    let mut lines = vec!["link set lo up".to_owned()];
    for (node, link) in topology.linked() {
        let interface = node.router_interface();
        lines.push(format!("link set {interface} up"));
        for (addr, gateway) in link.ends() {
            lines.push(format!("address add {gateway}/{} dev {interface}", addr.prefix_len()));
        }
    }
    let edges: Vec<_> = topology.nodes.iter().filter(|node| node.role == Role::Edge).collect();
    if !edges.is_empty() {
        for (family, pool) in [UnderlayFamily::V4, UnderlayFamily::V6].into_iter().zip(topology.eip_pools()) {
            let hops: Vec<_> =
                edges.iter().filter_map(|edge| Some(format!("nexthop via {}", edge.ip(family)?))).collect();
            lines.push(format!("route add {pool} {}", hops.join(" ")));
        }
    }
    netns::ip(Some(router), &lines)
}

/// Settings under `/proc/sys/net`; `processors` are all that there are.
fn settings(role: Role, processors: &str) -> Vec<(&'static str, &str)> {
    // Replies come from other places than requests went to: that is what direct server return means.
    let mut settings = vec![
        ("ipv4/conf/all/rp_filter", "0"),
        ("ipv4/conf/default/rp_filter", "0"),
        ("ipv6/conf/all/disable_ipv6", "0"),
        ("ipv6/conf/default/disable_ipv6", "0"),
        // Addresses are what the topology says, and usable at once.
        ("ipv6/conf/default/accept_ra", "0"),
        ("ipv6/conf/all/accept_dad", "0"),
        ("ipv6/conf/default/accept_dad", "0"),
        // Packets of one flow stay on one processor, as network cards see to it; see `dnlb_switch::steer_by_flow`.
        ("core/rps_default_mask", processors),
    ];
    if role == Role::Router {
        settings.extend([
            ("ipv4/ip_forward", "1"),
            // By five-tuple, as fabrics do.
            ("ipv4/fib_multipath_hash_policy", "1"),
            ("ipv4/conf/all/ignore_routes_with_linkdown", "1"),
            ("ipv4/conf/default/ignore_routes_with_linkdown", "1"),
            ("ipv6/conf/all/forwarding", "1"),
            ("ipv6/conf/default/forwarding", "1"),
            ("ipv6/fib_multipath_hash_policy", "1"),
            ("ipv6/conf/all/ignore_routes_with_linkdown", "1"),
            ("ipv6/conf/default/ignore_routes_with_linkdown", "1"),
        ]);
    }
    settings
}
