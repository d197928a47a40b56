//! How to reach other hosts over the underlay, for edges that build outer headers themselves.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket},
    time::Duration,
};

use dnlb_abi::HostEntry;

use super::{
    HostLinks, LinkError, Links,
    netlink::{Neighbour, NextHop},
};

/// The discard port: a datagram there makes the kernel ask for its neighbour's MAC and bothers nobody.
const DISCARD_PORT: u16 = 9;

/// Next hops towards the hosts of the region, as last resolved.
///
/// A next hop once known stays until another one is: a neighbour that is being asked again is still there.
#[derive(Debug, Default)]
pub struct NextHops {
    known: BTreeMap<IpAddr, [u8; 6]>,
}

impl NextHops {
    /// Resolves the way to every host and returns the entries of `HOSTS`.
    ///
    /// With `patience`, neighbours that were never heard of are asked and waited for that long, and those not heard
    /// of lately are asked without waiting; without it, only what the kernel knows already is taken over. Who stays
    /// silent gets no MAC address, which edges take for unreachable.
    ///
    /// # Errors
    /// Netlink's own failures; a host without a route is no error but an entry without MAC addresses.
    pub async fn resolve(
        &mut self,
        links: &Links,
        host: &HostLinks,
        own: (u16, IpAddr),
        hosts: &BTreeMap<u16, IpAddr>,
        patience: Option<Duration>,
    ) -> Result<BTreeMap<u16, HostEntry>, LinkError> {
        let deadline = tokio::time::Instant::now() + patience.unwrap_or_default();
        let ask = patience.is_some();
        let others: Vec<IpAddr> = hosts.iter().filter(|it| *it.0 != own.0).map(|it| *it.1).collect();
        self.known.retain(|addr, _| others.contains(addr));
        while !self.look(links, host, &others, ask).await? && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(hosts.iter().map(|(&index, &addr)| (index, self.entry(host, own, index, addr))).collect())
    }

    fn entry(&self, host: &HostLinks, own: (u16, IpAddr), index: u16, addr: IpAddr) -> HostEntry {
        let mut entry =
            HostEntry { addr: abi_addr(addr), local_addr: abi_addr(own.1), ..HostEntry::default() };
        if index != own.0
            && let Some(mac) = self.known.get(&addr)
        {
            entry.next_hop_mac = *mac;
            entry.uplink_mac = host.uplink_mac;
        }
        entry
    }

    /// Takes over what the kernel knows and asks for the rest; true when nothing is missing that could come.
    async fn look(
        &mut self,
        links: &Links,
        host: &HostLinks,
        hosts: &[IpAddr],
        ask: bool,
    ) -> Result<bool, LinkError> {
        let neighbours = links.netlink.neighbours().await?;
        let mut complete = true;
        for &addr in hosts {
            let hop = match links.netlink.next_hop(addr).await {
                Ok(hop) if hop.device == host.uplink_ifindex => hop,
                Ok(_) => continue,
                // No route now: what was known before is the best guess, the fabric may be about to come back.
                Err(error) => {
                    tracing::debug!(%addr, %error, "no way to a host");
                    continue;
                }
            };
            match neighbours.get(&(hop.device, hop.neighbour)) {
                Some(&Neighbour { mac, fresh }) => {
                    self.known.insert(addr, mac);
                    if ask && !fresh {
                        provoke(&hop);
                    }
                }
                None => {
                    complete &= self.known.contains_key(&addr);
                    if ask {
                        provoke(&hop);
                    }
                }
            }
        }
        Ok(complete)
    }
}

/// Makes the kernel resolve a neighbour.
fn provoke(hop: &NextHop) {
    let (any, neighbour): (SocketAddr, SocketAddr) = match hop.neighbour {
        IpAddr::V4(addr) => ((Ipv4Addr::UNSPECIFIED, 0).into(), (addr, DISCARD_PORT).into()),
        // Routers are known by link-local addresses, which mean nothing without a device.
        IpAddr::V6(addr) => {
            let neighbour = SocketAddrV6::new(addr, DISCARD_PORT, 0, hop.device);
            ((Ipv6Addr::UNSPECIFIED, 0).into(), neighbour.into())
        }
    };
    let send = || UdpSocket::bind(any)?.send_to(&[], neighbour);
    if let Err(error) = send() {
        tracing::debug!(%neighbour, %error, "could not provoke a neighbour's answer");
    }
}

/// An address in the form in which maps hold it.
pub(crate) fn abi_addr(addr: IpAddr) -> dnlb_abi::Addr {
    match addr {
        IpAddr::V4(it) => dnlb_abi::v4_mapped(it.octets()),
        IpAddr::V6(it) => it.octets(),
    }
}
