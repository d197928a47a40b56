//! The wires: namespaces, links, addresses and routes of a lab.

use anyhow::{Context, Result};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::{
    netns,
    state::{Files, private_folder},
    topology::{Node, Role, Topology, UPLINK, namespace},
};

/// Makes all namespaces and links.
pub(crate) fn create(lab: &str, topology: &Topology) -> Result<()> {
    let router = namespace(lab, "router");
    let add = |node: &Node| format!("netns add {}", namespace(lab, &node.name));
    let mut lines: Vec<_> = topology.nodes.iter().map(add).collect();
    lines.extend(topology.linked().map(|(node, _)| {
        format!(
            "link add {UPLINK} mtu {} netns {} type veth peer name {} mtu {} netns {router}",
            node.mtu,
            namespace(lab, &node.name),
            node.router_interface(),
            node.mtu,
        )
    }));
    netns::ip(None, &lines)?;

    for node in &topology.nodes {
        let namespace = namespace(lab, &node.name);
        netns::sysctl(&namespace, &settings(node.role))?;
        if node.role == Role::Router {
            configure_router(&namespace, topology)?;
        } else {
            connect(lab, node)?;
        }
    }
    Ok(())
}

/// Brings up a node's own end of its link, with address and route; may be done again.
pub(crate) fn connect(lab: &str, node: &Node) -> Result<()> {
    let Some(addr) = node.addr else { return Ok(()) };
    netns::ip(
        Some(&namespace(lab, &node.name)),
        &[
            "link set lo up".to_owned(),
            format!("address replace {addr} dev {UPLINK}"),
            format!("link set {UPLINK} up"),
            format!("route replace default via {} dev {UPLINK}", node.gateway),
        ],
    )
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
    for (node, addr) in topology.linked() {
        let interface = node.router_interface();
        lines.push(format!("address add {}/{} dev {interface}", node.gateway, addr.prefix_len()));
        lines.push(format!("link set {interface} up"));
    }
    let edges: Vec<_> = topology.nodes.iter().filter(|node| node.role == Role::Edge).collect();
    if !edges.is_empty() {
        let hops: Vec<_> =
            edges.iter().filter_map(|edge| Some(format!("nexthop via {}", edge.ip()?))).collect();
        lines.push(format!("route add {} {}", topology.eip_pool(), hops.join(" ")));
    }
    netns::ip(Some(router), &lines)
}

/// Settings under `/proc/sys/net`.
fn settings(role: Role) -> Vec<(&'static str, &'static str)> {
    // Replies come from other places than requests went to: that is what direct server return means.
    let mut settings = vec![
        ("ipv4/conf/all/rp_filter", "0"),
        ("ipv4/conf/default/rp_filter", "0"),
        (const { UPLINK_RP_FILTER }, "0"),
        ("ipv6/conf/all/disable_ipv6", "1"),
        ("ipv6/conf/default/disable_ipv6", "1"),
    ];
    if role == Role::Router {
        settings.extend([
            ("ipv4/ip_forward", "1"),
            // By five-tuple, as fabrics do.
            ("ipv4/fib_multipath_hash_policy", "1"),
            ("ipv4/conf/all/ignore_routes_with_linkdown", "1"),
            ("ipv4/conf/default/ignore_routes_with_linkdown", "1"),
        ]);
    }
    settings
}

/// The link exists already when the default for new ones is set.
const UPLINK_RP_FILTER: &str = "ipv4/conf/up0/rp_filter";
