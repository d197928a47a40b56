//! The host's devices: tunnel, probe link, instance links, and the way to other hosts.
//!
//! Everything here is idempotent: what is as it should be is left alone, so that an agent that comes back
//! after a crash disturbs no packet.

mod netlink;
mod next_hops;

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
};

use self::netlink::{Device, Netlink, Peer, inside};
pub use self::next_hops::NextHops;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The tunnel device.
pub const OVERLAY: &str = "dnlb-vx";
/// The probe link's switch side.
pub const PROBE_SWITCH: &str = "dnlb-prb";
/// The probe link's agent side: where health checks start.
pub const PROBE_AGENT: &str = "dnlb-probe";
/// UDP port of VXLAN, assigned by IANA.
pub const VXLAN_PORT: u16 = 4789;
/// Guests expect an Ethernet's MTU at most.
const INSTANCE_MTU_MAX: u32 = 1500;
/// No link carries IPv6 with less (RFC 8200, section 5): the kernel refuses to.
const IPV6_MTU_MIN: u32 = 1280;
/// Where the agent's probe link finds IPv6 instances: all of `dnlb_abi::probe_address_v6`.
const PROBED_V6_BITS: u8 = 64;

/// Why a device is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// A device that somebody else must have made is missing.
    #[error("there is no device {name}")]
    Missing {
        /// Its name.
        name: String,
    },
    /// A namespace cannot be entered.
    #[error("cannot enter the network namespace {}", path.display())]
    Namespace {
        /// Its file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// No netlink socket, thread or runtime.
    #[error("cannot talk to the kernel by netlink")]
    Open(#[source] io::Error),
    /// The uplink carries too little for an instance with an IPv6 address.
    #[error("uplink {uplink} leaves instances {mtu} bytes a packet, and IPv6 needs {IPV6_MTU_MIN}")]
    Narrow {
        /// Name of the uplink.
        uplink: String,
        /// What it leaves.
        mtu: u32,
    },
    /// The kernel refused.
    #[error("cannot {action} {name}")]
    Request {
        /// What was asked.
        action: &'static str,
        /// Of what.
        name: String,
        /// The kernel's answer.
        source: rtnetlink::Error,
    },
    /// No usable route.
    #[error("no usable route to {destination}: {reason}")]
    Route {
        /// Where to.
        destination: IpAddr,
        /// What is wrong.
        reason: String,
    },
    /// A kernel setting cannot be written.
    #[error("cannot write {}", path.display())]
    Setting {
        /// Its file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

/// The host's devices as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostLinks {
    /// Index of the tunnel device.
    pub overlay_ifindex: u32,
    /// Largest packet that fits into the tunnel.
    pub overlay_mtu: u32,
    /// Index of the uplink.
    pub uplink_ifindex: u32,
    /// MAC address of the uplink.
    pub uplink_mac: [u8; 6],
    /// Index of the probe link's switch side.
    pub probe_ifindex: u32,
    /// MAC address of the probe link's agent side.
    pub probe_mac: [u8; 6],
}

/// What an instance's link must be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceLink {
    /// The instance's number.
    pub number: u32,
    /// Its address.
    pub addr: IpAddr,
    /// Its subnet.
    pub subnet: IpNet,
    /// A process in its network namespace.
    pub pid: u32,
}

/// Makes and looks after devices in the agent's own network namespace.
#[derive(Clone)]
pub struct Links {
    netlink: Netlink,
    uplink: String,
    overhead: u32,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links").field("uplink", &self.uplink).finish_non_exhaustive()
    }
}

/// Name of the host side of an instance's link.
#[must_use]
pub fn instance_link_name(number: u32) -> String {
    format!("dnlb-i{number}")
}

/// The instance to which a device belongs by its name.
fn instance_of_link(name: &str) -> Option<u32> {
    name.strip_prefix("dnlb-i")?.parse().ok()
}

/// What the tunnel adds to a packet: outer IP, UDP and VXLAN headers and the inner Ethernet header.
#[must_use]
pub const fn tunnel_overhead(underlay: IpAddr) -> u32 {
    match underlay {
        IpAddr::V4(_) => 20 + 8 + 8 + 14,
        IpAddr::V6(_) => 40 + 8 + 8 + 14,
    }
}

/// The address that instances use as their router: the first of the subnet after the network's own.
#[must_use]
pub fn gateway(subnet: &IpNet) -> IpAddr {
    match subnet.network() {
        IpAddr::V4(it) => IpAddr::V4((u32::from(it).wrapping_add(1)).into()),
        IpAddr::V6(it) => IpAddr::V6((u128::from(it).wrapping_add(1)).into()),
    }
}

impl Links {
    /// Connects to the calling thread's network namespace. The tunnel is between addresses of `underlay`'s family.
    ///
    /// # Errors
    /// No netlink socket.
    pub fn open(uplink: &str, underlay: IpAddr) -> Result<Self, LinkError> {
        let overhead = tunnel_overhead(underlay);
        Ok(Self { netlink: Netlink::open()?, uplink: uplink.to_owned(), overhead })
    }

    /// Makes the tunnel and the probe link what they should be and says what they are.
    ///
    /// # Errors
    /// The kernel's refusals; a missing uplink.
    pub async fn ensure_host(&self) -> Result<HostLinks, LinkError> {
        let uplink = self.existing(&self.uplink).await?;
        let mtu = self.overlay_mtu(&uplink);
        let overlay = self.ensure_overlay(mtu).await?;
        let (switch, agent) = self.ensure_probe(self.instance_mtu(&uplink)).await?;
        Ok(HostLinks {
            overlay_ifindex: overlay.index,
            overlay_mtu: mtu,
            uplink_ifindex: uplink.index,
            uplink_mac: uplink.mac,
            probe_ifindex: switch.index,
            probe_mac: agent.mac,
        })
    }

    /// Connects an instance: both ends of its link, its addresses and its routes. Returns the host side's index.
    ///
    /// # Errors
    /// The kernel's refusals; an instance that just ended.
    pub async fn ensure_instance(&self, link: &InstanceLink) -> Result<u32, LinkError> {
        let name = instance_link_name(link.number);
        let mtu = self.instance_mtu(&self.existing(&self.uplink).await?);
        if link.addr.is_ipv6() && mtu < IPV6_MTU_MIN {
            return Err(LinkError::Narrow { uplink: self.uplink.clone(), mtu });
        }
        let namespace = PathBuf::from(format!("/proc/{}/ns/net", link.pid));
        let guest_has_it = inside(&namespace, |guest| async move { guest.device(GUEST_DEVICE).await });
        if self.netlink.device(&name).await?.is_none() || guest_has_it.await?.is_none() {
            // Half a pair is of no use: it belongs to a former life of the instance.
            self.netlink.delete(&name).await?;
            let peer = Peer {
                name: GUEST_DEVICE,
                mac: Some(dnlb_abi::instance_mac(link.number)),
                netns_pid: Some(link.pid),
            };
            self.netlink.add_veth(&name, mtu, peer).await?;
        }
        let host_side = self.existing(&name).await?;
        silence_ipv6(&name)?;
        steer(&name);
        self.ensure_up(&name, &host_side, mtu).await?;
        let link = link.clone();
        inside(&namespace, move |guest| configure_guest(guest, link, mtu)).await?;
        Ok(host_side.index)
    }

    /// Removes an instance's link.
    ///
    /// # Errors
    /// The kernel's refusals.
    pub async fn remove_instance(&self, number: u32) -> Result<(), LinkError> {
        self.netlink.delete(&instance_link_name(number)).await
    }

    /// The host sides of all instances' links: instance number -> interface index.
    ///
    /// # Errors
    /// The kernel's refusals.
    pub async fn instance_ifindices(&self) -> Result<BTreeMap<u32, u32>, LinkError> {
        let names = self.netlink.device_names().await?;
        Ok(names.iter().filter_map(|(name, index)| Some((instance_of_link(name)?, *index))).collect())
    }

    /// Removes every device that an agent made in another network namespace.
    ///
    /// # Errors
    /// The namespace cannot be entered; the kernel's refusals.
    pub async fn remove_all_inside(namespace: &std::path::Path) -> Result<(), LinkError> {
        let remove =
            |netlink| async move { Self { netlink, uplink: String::new(), overhead: 0 }.remove_all().await };
        inside(namespace, remove).await
    }

    /// Removes every device that an agent makes.
    ///
    /// # Errors
    /// The kernel's refusals.
    pub async fn remove_all(&self) -> Result<(), LinkError> {
        for (name, _) in self.netlink.device_names().await? {
            if instance_of_link(&name).is_some() || name == OVERLAY || name == PROBE_SWITCH {
                self.netlink.delete(&name).await?;
            }
        }
        Ok(())
    }

    /// The largest packet that fits into the tunnel.
    fn overlay_mtu(&self, uplink: &Device) -> u32 {
        uplink.mtu.saturating_sub(self.overhead)
    }

    fn instance_mtu(&self, uplink: &Device) -> u32 {
        self.overlay_mtu(uplink).min(INSTANCE_MTU_MAX)
    }

    async fn ensure_overlay(&self, mtu: u32) -> Result<Device, LinkError> {
        match self.netlink.device(OVERLAY).await? {
            Some(device) if device.is_tunnel(VXLAN_PORT) => {}
            Some(device) => {
                // Of another version, or somebody else's: packets would be lost in it, as those without a checksum are over IPv6.
                tracing::warn!(name = OVERLAY, kind = ?device.kind, "the tunnel device is not what it should be: making it anew");
                self.netlink.delete(OVERLAY).await?;
                self.netlink.add_vxlan(OVERLAY, VXLAN_PORT, mtu).await?;
            }
            None => self.netlink.add_vxlan(OVERLAY, VXLAN_PORT, mtu).await?,
        }
        let device = self.existing(OVERLAY).await?;
        silence_ipv6(OVERLAY)?;
        self.ensure_up(OVERLAY, &device, mtu).await?;
        Ok(device)
    }

    async fn ensure_probe(&self, mtu: u32) -> Result<(Device, Device), LinkError> {
        let both = (self.netlink.device(PROBE_SWITCH).await?, self.netlink.device(PROBE_AGENT).await?);
        if !matches!(both, (Some(_), Some(_))) {
            self.netlink.delete(PROBE_SWITCH).await?;
            self.netlink.delete(PROBE_AGENT).await?;
            let peer = Peer { name: PROBE_AGENT, mac: None, netns_pid: None };
            self.netlink.add_veth(PROBE_SWITCH, mtu, peer).await?;
        }
        let switch = self.existing(PROBE_SWITCH).await?;
        let agent = self.existing(PROBE_AGENT).await?;
        silence_ipv6(PROBE_SWITCH)?;
        let has_ipv6 = mtu >= IPV6_MTU_MIN && quiet_ipv6(PROBE_AGENT)?;
        // Replies come from addresses for which only this device has a route; a strict check would pass too,
        // but a host that checks by other rules must not stop health checks.
        write_setting("net/ipv4/conf", PROBE_AGENT, "rp_filter", "0")?;
        self.ensure_up(PROBE_SWITCH, &switch, mtu).await?;
        if !agent.up || agent.mtu != mtu {
            // Nobody answers ARP on this link: the program on the other side takes whatever comes.
            self.netlink
                .set(PROBE_AGENT, agent.index, |it| it.mtu(mtu).arp(false).multicast(false).up())
                .await?;
        }
        let anyone = Ipv4Addr::from(dnlb_abi::probe_address(1));
        let instances = IpNet::V4(Ipv4Net::new_assert(anyone, 4));
        self.ensure_probe_route(&agent, Ipv4Addr::from(dnlb_abi::PROBE_SOURCE).into(), instances).await?;
        if has_ipv6 {
            let anyone = Ipv6Addr::from(dnlb_abi::probe_address_v6(1));
            let instances = IpNet::V6(Ipv6Net::new_assert(anyone, PROBED_V6_BITS));
            let source = Ipv6Addr::from(dnlb_abi::PROBE_SOURCE_V6).into();
            self.ensure_probe_route(&agent, source, instances).await?;
        }
        Ok((switch, agent))
    }

    /// Checks start from `source`, and instances are found by the probe link; `instances` is one of their addresses
    /// with the prefix of all of them.
    async fn ensure_probe_route(
        &self,
        agent: &Device,
        source: IpAddr,
        instances: IpNet,
    ) -> Result<(), LinkError> {
        self.netlink.add_address(agent.index, source, instances.max_prefix_len()).await?;
        let hop = self.netlink.next_hop(instances.addr()).await;
        if hop.is_ok_and(|hop| hop.device == agent.index && hop.source == Some(source)) {
            return Ok(());
        }
        let prefix = (instances.network(), instances.prefix_len());
        self.netlink.put_route(prefix, agent.index, None, Some(source)).await
    }

    async fn ensure_up(&self, name: &str, device: &Device, mtu: u32) -> Result<(), LinkError> {
        if device.up && device.mtu == mtu {
            return Ok(());
        }
        self.netlink.set(name, device.index, |it| it.mtu(mtu).up()).await
    }

    async fn existing(&self, name: &str) -> Result<Device, LinkError> {
        self.netlink.device(name).await?.ok_or_else(|| LinkError::Missing { name: name.to_owned() })
    }
}

/// The one interface of an instance besides loopback.
const GUEST_DEVICE: &str = "eth0";

async fn configure_guest(guest: Netlink, link: InstanceLink, mtu: u32) -> Result<(), LinkError> {
    let missing = |name: &str| LinkError::Missing { name: name.to_owned() };
    let loopback = guest.device("lo").await?.ok_or_else(|| missing("lo"))?;
    if !loopback.up {
        guest.set("lo", loopback.index, |it| it.up()).await?;
    }
    let device = guest.device(GUEST_DEVICE).await?.ok_or_else(|| missing(GUEST_DEVICE))?;
    match link.addr {
        IpAddr::V4(_) => silence_ipv6(GUEST_DEVICE)?,
        IpAddr::V6(_) => {
            // A fresh namespace may have it off, as the machine's defaults are.
            quiet_ipv6("lo")?;
            quiet_ipv6(GUEST_DEVICE)?;
        }
    }
    let mac = dnlb_abi::instance_mac(link.number);
    if !device.up || device.mtu != mtu || device.mac != mac {
        guest.set(GUEST_DEVICE, device.index, |it| it.address(mac.to_vec()).mtu(mtu).up()).await?;
    }
    guest.add_address(device.index, link.addr, link.subnet.prefix_len()).await?;
    let gateway = gateway(&link.subnet);
    // Outside: any address that lies in no subnet of instances.
    let (outside, everywhere) = match link.addr {
        IpAddr::V4(_) => (Ipv4Addr::from(dnlb_abi::probe_address(1)).into(), Ipv4Addr::UNSPECIFIED.into()),
        IpAddr::V6(_) => (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 1).into(), Ipv6Addr::UNSPECIFIED.into()),
    };
    let hop = guest.next_hop(outside).await;
    if hop.is_ok_and(|hop| hop.device == device.index && hop.neighbour == gateway) {
        return Ok(());
    }
    // Last: the instance's first process takes the default route as the sign to start.
    guest.put_route((everywhere, 0), device.index, Some(gateway), None).await
}

/// Keeps the kernel's own IPv6 (router solicitations, multicast reports) off a link that only programs serve.
fn silence_ipv6(name: &str) -> Result<(), LinkError> {
    match write_setting("net/ipv6/conf", name, "disable_ipv6", "1") {
        // A kernel without IPv6 is silent already.
        Err(LinkError::Setting { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Keeps packets of one flow on one processor, where that can be set: without it connections work, too, nearly all of them.
fn steer(name: &str) {
    match dnlb_switch::steer_by_flow(name) {
        // Another namespace's `/sys`; whoever made the namespace knows.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(name, error, "packets of one flow may overtake each other: cannot set rps_cpus");
        }
        Ok(()) => {}
    }
}

/// Lets a device have IPv6 addresses, each usable at once, and keeps everything off it that the kernel would do by
/// itself: whoever is at the other end answers for no router but ours, and nobody else can have an address there.
/// False: this kernel has no IPv6.
fn quiet_ipv6(name: &str) -> Result<bool, LinkError> {
    let settings = [
        ("accept_ra", "0"),
        ("accept_redirects", "0"),
        ("autoconf", "0"),
        // No link-local address, and so no solicitations of routers.
        ("addr_gen_mode", "1"),
        // Last: this is what brings it to life.
        ("disable_ipv6", "0"),
    ];
    for (setting, value) in settings {
        match write_setting("net/ipv6/conf", name, setting, value) {
            Err(LinkError::Setting { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(false);
            }
            other => other?,
        }
    }
    Ok(true)
}

fn write_setting(family: &str, device: &str, setting: &str, value: &str) -> Result<(), LinkError> {
    let path = PathBuf::from(format!("/proc/sys/{family}/{device}/{setting}"));
    match std::fs::read_to_string(&path) {
        Ok(now) if now.trim() == value => Ok(()),
        Ok(_) => std::fs::write(&path, value).map_err(|source| LinkError::Setting { path, source }),
        Err(source) => Err(LinkError::Setting { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_router_is_the_first_address_of_the_subnet() {
        assert_eq!(gateway(&"10.0.1.0/24".parse().unwrap()).to_string(), "10.0.1.1");
        assert_eq!(gateway(&"10.0.1.77/26".parse().unwrap()).to_string(), "10.0.1.65");
        assert_eq!(gateway(&"fd00:1::/64".parse().unwrap()).to_string(), "fd00:1::1");
    }

    #[test]
    fn an_instance_gets_what_fits_into_the_tunnel_but_no_more_than_an_ethernet_frame() {
        let mtu = |uplink: u32, underlay: IpAddr| {
            uplink.saturating_sub(tunnel_overhead(underlay)).min(INSTANCE_MTU_MAX)
        };
        let (four, six) = ([192, 0, 2, 1].into(), "2001:db8::1".parse().unwrap());
        assert_eq!((mtu(1500, four), mtu(1500, six)), (1450, 1430));
        assert_eq!((mtu(9000, four), mtu(9000, six)), (1500, 1500));
        assert_eq!((mtu(1550, four), mtu(1570, six)), (1500, 1500));
    }
}
