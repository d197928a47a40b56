//! The few netlink requests that the agent makes, each idempotent, in one namespace at a time.

use std::{
    collections::BTreeMap,
    fs::File,
    future::Future,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
};

use futures_util::TryStreamExt;
use rtnetlink::{
    Handle, LinkMessageBuilder, LinkUnspec, LinkVxlan, RouteMessageBuilder,
    packet_route::{
        AddressFamily,
        address::{AddressAttribute, AddressHeaderFlags},
        link::{InfoData, InfoKind, InfoVeth, InfoVxlan, LinkAttribute, LinkFlags, LinkInfo, LinkMessage},
        neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState},
        route::{RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteScope},
    },
};

use super::LinkError;

/// A netlink connection into one network namespace.
#[derive(Clone)]
pub(crate) struct Netlink {
    handle: Handle,
}

/// What is known of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Device {
    pub(crate) index: u32,
    pub(crate) mac: [u8; 6],
    pub(crate) mtu: u32,
    pub(crate) up: bool,
    pub(crate) kind: Option<InfoKind>,
    /// Attributes of a VXLAN device.
    pub(crate) vxlan: Vec<InfoVxlan>,
}

impl Device {
    /// Whether it is the tunnel that [`Netlink::add_vxlan`] makes. None of these can be changed later.
    pub(crate) fn is_tunnel(&self, port: u16) -> bool {
        let wanted = [
            InfoVxlan::CollectMetadata(true),
            InfoVxlan::Port(port),
            InfoVxlan::Learning(false),
            InfoVxlan::UDPZeroCsumRX(true),
        ];
        self.kind == Some(InfoKind::Vxlan) && wanted.iter().all(|one| self.vxlan.contains(one))
    }
}

/// Where a packet to some address goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NextHop {
    /// The neighbour: the gateway, or the destination itself.
    pub(crate) neighbour: IpAddr,
    /// The device.
    pub(crate) device: u32,
    /// The source address that the kernel would choose.
    pub(crate) source: Option<IpAddr>,
}

/// A neighbour of which the kernel has a MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Neighbour {
    pub(crate) mac: [u8; 6],
    /// Whether it was confirmed lately; else the kernel asks again at the next packet.
    pub(crate) fresh: bool,
}

/// One end of a new veth pair that goes elsewhere.
pub(crate) struct Peer<'a> {
    pub(crate) name: &'a str,
    pub(crate) mac: Option<[u8; 6]>,
    pub(crate) netns_pid: Option<u32>,
}

impl Netlink {
    /// Connects to the calling thread's network namespace; must be called inside a runtime.
    pub(crate) fn open() -> Result<Self, LinkError> {
        let (connection, handle, _) = rtnetlink::new_connection().map_err(LinkError::Open)?;
        tokio::spawn(connection);
        Ok(Self { handle })
    }

    pub(crate) async fn device(&self, name: &str) -> Result<Option<Device>, LinkError> {
        let mut found = std::pin::pin!(self.handle.link().get().match_name(name.to_owned()).execute());
        match found.try_next().await {
            Ok(Some(message)) => Ok(Some(parse_device(&message))),
            Ok(None) => Ok(None),
            Err(error) if is_errno(&error, libc::ENODEV) => Ok(None),
            Err(source) => Err(LinkError::Request { action: "look up", name: name.to_owned(), source }),
        }
    }

    /// Names and indices of all devices.
    pub(crate) async fn device_names(&self) -> Result<Vec<(String, u32)>, LinkError> {
        let links: Vec<LinkMessage> =
            self.handle.link().get().execute().try_collect().await.map_err(|source| LinkError::Request {
                action: "list",
                name: "all".into(),
                source,
            })?;
        let name = |message: &LinkMessage| {
            message.attributes.iter().find_map(|attribute| match attribute {
                LinkAttribute::IfName(name) => Some(name.clone()),
                _ => None,
            })
        };
        Ok(links.iter().filter_map(|message| Some((name(message)?, message.header.index))).collect())
    }

    pub(crate) async fn add_vxlan(&self, name: &str, port: u16, mtu: u32) -> Result<(), LinkError> {
        // No VNI: in collect-metadata mode every packet brings its own.
        let message = LinkMessageBuilder::<LinkVxlan>::new(name)
            .collect_metadata(true)
            .port(port)
            .learning(false)
            .udp_zero_csum6_rx(true)
            .mtu(mtu)
            .build();
        self.create(name, message).await
    }

    pub(crate) async fn add_veth(&self, name: &str, mtu: u32, peer: Peer<'_>) -> Result<(), LinkError> {
        let mut other = LinkMessageBuilder::<LinkUnspec>::new().name(peer.name.to_owned()).mtu(mtu);
        if let Some(mac) = peer.mac {
            other = other.address(mac.to_vec());
        }
        if let Some(pid) = peer.netns_pid {
            other = other.setns_by_pid(pid);
        }
        let message = LinkMessageBuilder::<LinkUnspec>::new_with_info_kind(InfoKind::Veth)
            .name(name.to_owned())
            .mtu(mtu)
            .set_info_data(InfoData::Veth(InfoVeth::Peer(other.build())))
            .build();
        self.create(name, message).await
    }

    pub(crate) async fn set(
        &self,
        name: &str,
        index: u32,
        change: impl FnOnce(LinkMessageBuilder<LinkUnspec>) -> LinkMessageBuilder<LinkUnspec>,
    ) -> Result<(), LinkError> {
        let message = change(LinkUnspec::new_with_index(index)).build();
        self.handle.link().set(message).execute().await.map_err(|source| LinkError::Request {
            action: "change",
            name: name.to_owned(),
            source,
        })
    }

    /// Deletes a device; that it is not there is fine.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), LinkError> {
        let Some(device) = self.device(name).await? else { return Ok(()) };
        match self.handle.link().del(device.index).execute().await {
            Ok(()) => Ok(()),
            Err(error) if is_errno(&error, libc::ENODEV) => Ok(()),
            Err(source) => Err(LinkError::Request { action: "delete", name: name.to_owned(), source }),
        }
    }

    pub(crate) async fn has_address(&self, index: u32, addr: IpAddr) -> Result<bool, LinkError> {
        let request = self.handle.address().get().set_link_index_filter(index).execute();
        let found: Vec<_> = request.try_collect().await.map_err(|source| LinkError::Request {
            action: "list addresses of",
            name: index.to_string(),
            source,
        })?;
        Ok(found.iter().flat_map(|message| &message.attributes).any(|attribute| match attribute {
            AddressAttribute::Address(it) | AddressAttribute::Local(it) => *it == addr,
            _ => false,
        }))
    }

    pub(crate) async fn add_address(&self, index: u32, addr: IpAddr, prefix: u8) -> Result<(), LinkError> {
        if self.has_address(index, addr).await? {
            return Ok(());
        }
        let mut request = self.handle.address().add(index, addr, prefix).replace();
        if addr.is_ipv6() {
            // Else it could not be used, not even named by a route, before the kernel has looked for others who have it.
            request.message_mut().header.flags = AddressHeaderFlags::Nodad;
        }
        request.execute().await.map_err(|source| LinkError::Request {
            action: "give an address to",
            name: index.to_string(),
            source,
        })
    }

    /// Adds a route, or makes an existing one to the same prefix equal to it.
    pub(crate) async fn put_route(
        &self,
        (destination, prefix): (IpAddr, u8),
        device: u32,
        gateway: Option<IpAddr>,
        source: Option<IpAddr>,
    ) -> Result<(), LinkError> {
        let refused = |what: &str| LinkError::Route { destination, reason: what.to_owned() };
        let mut route = RouteMessageBuilder::<IpAddr>::new()
            .destination_prefix(destination, prefix)
            .map_err(|_| refused("the prefix"))?
            .output_interface(device)
            .protocol(RouteProtocol::Static);
        route = match gateway {
            Some(gateway) => route.gateway(gateway).map_err(|_| refused("the gateway"))?,
            None => route.scope(RouteScope::Link),
        };
        if let Some(source) = source {
            route = route.pref_source(source).map_err(|_| refused("the source address"))?;
        }
        self.handle.route().add(route.build()).replace().execute().await.map_err(|source| {
            LinkError::Request { action: "add a route to", name: format!("{destination}/{prefix}"), source }
        })
    }

    /// Asks the kernel where packets to `destination` go.
    pub(crate) async fn next_hop(&self, destination: IpAddr) -> Result<NextHop, LinkError> {
        let request = match destination {
            IpAddr::V4(addr) => RouteMessageBuilder::<Ipv4Addr>::new().destination_prefix(addr, 32).build(),
            IpAddr::V6(addr) => RouteMessageBuilder::<Ipv6Addr>::new().destination_prefix(addr, 128).build(),
        };
        let mut answers = std::pin::pin!(self.handle.route().get(request).execute());
        let route = answers.try_next().await.map_err(|source| LinkError::Request {
            action: "find a route to",
            name: destination.to_string(),
            source,
        })?;
        let unreachable = || LinkError::Route { destination, reason: "no device leads there".to_owned() };
        parse_next_hop(&route.ok_or_else(unreachable)?, destination).ok_or_else(unreachable)
    }

    /// Every neighbour whose MAC address the kernel would use, by device and address.
    pub(crate) async fn neighbours(&self) -> Result<BTreeMap<(u32, IpAddr), Neighbour>, LinkError> {
        let mut known = BTreeMap::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let request = self.handle.neighbours().get().set_address_family(family).execute();
            let all: Vec<_> = request.try_collect().await.map_err(|source| LinkError::Request {
                action: "list",
                name: "neighbours".to_owned(),
                source,
            })?;
            known.extend(all.iter().filter_map(parse_neighbour));
        }
        Ok(known)
    }

    async fn create(&self, name: &str, message: LinkMessage) -> Result<(), LinkError> {
        self.handle.link().add(message).execute().await.map_err(|source| LinkError::Request {
            action: "create",
            name: name.to_owned(),
            source,
        })
    }
}

/// Runs netlink requests inside another network namespace, on a thread of their own.
///
/// A namespace belongs to a thread: the runtime's own threads must never enter another one.
pub(crate) async fn inside<F, T>(
    namespace: &Path,
    work: impl FnOnce(Netlink) -> F + Send + 'static,
) -> Result<T, LinkError>
where
    F: Future<Output = Result<T, LinkError>>,
    T: Send + 'static,
{
    let namespace = namespace.to_owned();
    let (done, result) = tokio::sync::oneshot::channel();
    let enter = move || {
        let file = File::open(&namespace)
            .map_err(|source| LinkError::Namespace { path: namespace.clone(), source })?;
        nix::sched::setns(file, nix::sched::CloneFlags::CLONE_NEWNET)
            .map_err(|errno| LinkError::Namespace { path: namespace, source: errno.into() })?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(LinkError::Open)?;
        runtime.block_on(async { work(Netlink::open()?).await })
    };
    std::thread::Builder::new()
        .name("in-netns".to_owned())
        .spawn(move || {
            // Nobody waits any more: the agent is going down.
            let _ = done.send(enter());
        })
        .map_err(LinkError::Open)?;
    result.await.map_err(|_| LinkError::Open(std::io::Error::other("the thread in the namespace died")))?
}

fn parse_device(message: &LinkMessage) -> Device {
    let mut device = Device {
        index: message.header.index,
        mac: [0; 6],
        mtu: 0,
        up: message.header.flags.contains(LinkFlags::Up),
        kind: None,
        vxlan: Vec::new(),
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::Address(mac) => {
                device.mac = <[u8; 6]>::try_from(mac.as_slice()).unwrap_or_default();
            }
            LinkAttribute::Mtu(mtu) => device.mtu = *mtu,
            LinkAttribute::LinkInfo(infos) => {
                device.kind = infos.iter().find_map(|info| match info {
                    LinkInfo::Kind(kind) => Some(kind.clone()),
                    _ => None,
                });
                let vxlan = infos.iter().find_map(|info| match info {
                    LinkInfo::Data(InfoData::Vxlan(attributes)) => Some(attributes.clone()),
                    _ => None,
                });
                device.vxlan = vxlan.unwrap_or_default();
            }
            _ => {}
        }
    }
    device
}

fn parse_next_hop(route: &RouteMessage, destination: IpAddr) -> Option<NextHop> {
    let addr = |address: &RouteAddress| match address {
        RouteAddress::Inet(it) => Some(IpAddr::V4(*it)),
        RouteAddress::Inet6(it) => Some(IpAddr::V6(*it)),
        _ => None,
    };
    let mut device = None;
    let mut gateway = None;
    let mut source = None;
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Oif(index) => device = Some(*index),
            RouteAttribute::Gateway(it) => gateway = addr(it),
            RouteAttribute::PrefSource(it) => source = addr(it),
            _ => {}
        }
    }
    Some(NextHop { neighbour: gateway.unwrap_or(destination), device: device?, source })
}

fn parse_neighbour(message: &NeighbourMessage) -> Option<((u32, IpAddr), Neighbour)> {
    let fresh = match message.header.state {
        NeighbourState::Reachable | NeighbourState::Permanent | NeighbourState::Noarp => true,
        NeighbourState::Stale | NeighbourState::Delay | NeighbourState::Probe => false,
        _ => return None,
    };
    let mut addr = None;
    let mut mac = None;
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(it)) => addr = Some(IpAddr::V4(*it)),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(it)) => addr = Some(IpAddr::V6(*it)),
            NeighbourAttribute::LinkLayerAddress(it) => mac = <[u8; 6]>::try_from(it.as_slice()).ok(),
            _ => {}
        }
    }
    Some(((message.header.ifindex, addr?), Neighbour { mac: mac?, fresh }))
}

fn is_errno(error: &rtnetlink::Error, errno: i32) -> bool {
    matches!(error, rtnetlink::Error::NetlinkError(message) if message.raw_code() == -errno)
}
