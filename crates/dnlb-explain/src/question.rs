//! From a five-tuple to a frame and the program that it meets.

use std::net::{IpAddr, SocketAddr};

use dnlb_abi::{
    Addr, EndpointKey, InstanceEntry, PROBE_SOURCE, PROBE_SOURCE_V6, ROUTER_MAC, ServiceKey, VNI_PUBLIC,
    instance_mac, probe_address, probe_address_v6, tunnel_mac, v4_mapped,
};
use dnlb_datapath::{Packet, flow_hash, row_of};
use dnlb_wire::{TcpFlags, fold, sum};

use crate::{Maps, Program, maps::find_service};

/// A packet of which somebody wants to know what would become of it on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Who sends it.
    pub src: SocketAddr,
    /// To whom, of the same family. Of a ping, the source's port is the identifier, and the destination's means nothing.
    pub dst: SocketAddr,
    /// IP protocol number.
    pub protocol: u8,
    /// TCP's flags.
    pub flags: TcpFlags,
    /// Length of the IP packet; what headers need at least.
    pub size: u16,
    /// VNI of the VPC; none: the one in which addresses are known here.
    pub vni: Option<u32>,
    /// For which instance a balancer has sent it here; none: the one whose turn it is by this host's own rows.
    pub instance: Option<u32>,
    /// Whether this host is an edge.
    pub edge: bool,
}

/// Why a packet meets no program of this host.
#[derive(Debug, thiserror::Error)]
pub enum Unplaced<E: std::error::Error> {
    /// The addresses are known in several VPCs.
    #[error("these addresses are known in several VPCs here, with the VNIs {0:?}: say which one is meant")]
    Ambiguous(Vec<u32>),
    /// One end is IPv4, the other IPv6.
    #[error("{src} and {dst} are not of one family")]
    Families {
        /// Who sends it.
        src: IpAddr,
        /// To whom.
        dst: IpAddr,
    },
    /// Its service's rows choose an instance of another host.
    #[error("this host's rows choose instance {instance} on host {host} for it: ask there")]
    Elsewhere {
        /// Number of the instance.
        instance: u32,
        /// Index of its host.
        host: u16,
    },
    /// Nobody on this host has anything to do with it.
    #[error("neither end is an instance of this host or a service that one of them serves or may call")]
    Foreign,
    /// A map could not be read.
    #[error("the maps could not be read")]
    Maps(#[source] E),
    /// Its service has no member for it.
    #[error("its service has no member at present")]
    NoMember,
}

impl Question {
    /// The program that the packet meets on this host, and the frame with which it does: from an instance if its sender is
    /// one of this host, from outside if the host is an edge and cannot have it otherwise, out of the tunnel else.
    ///
    /// # Errors
    /// See [`Unplaced`].
    pub fn place<M: Maps<Error: std::error::Error>>(
        &self,
        maps: &M,
    ) -> Result<(Program, Vec<u8>), Unplaced<M::Error>> {
        let instances = maps.instances().map_err(Unplaced::Maps)?;
        let with = |addr| {
            let wanted = move |vni: u32| self.vni.is_none_or(|own| own == vni);
            instances.iter().filter(move |own| own.addr == addr && wanted(own.vni))
        };
        self.one_family()?;
        let (src, dst) = (addr(self.src.ip()), addr(self.dst.ip()));
        if src == v4_mapped(PROBE_SOURCE) || src == PROBE_SOURCE_V6 {
            let instance = only(with(dst).collect())?.ok_or(Unplaced::Foreign)?;
            let to: IpAddr = match self.dst {
                SocketAddr::V4(_) => probe_address(instance.number).into(),
                SocketAddr::V6(_) => probe_address_v6(instance.number).into(),
            };
            return Ok((
                Program::Probe,
                self.frame(SocketAddr::new(to, self.dst.port()), ROUTER_MAC, [0; 6]),
            ));
        }
        if let Some(sender) = only(with(src).collect())? {
            let frame = self.frame(self.dst, ROUTER_MAC, sender.mac);
            return Ok((Program::FromInstance { ifindex: sender.ifindex }, frame));
        }
        let public = self.service(maps, VNI_PUBLIC).map_err(Unplaced::Maps)?.is_some()
            || find_service(maps, &ServiceKey::of_address(VNI_PUBLIC, dst))
                .map_err(Unplaced::Maps)?
                .is_some();
        if public || (self.edge && instances.is_empty()) {
            return self.from_outside();
        }
        let receiver = match self.instance {
            Some(number) => instances.iter().find(|own| own.number == number),
            None => only(with(dst).collect())?,
        };
        let (vni, number) = match receiver {
            Some(receiver) => (receiver.vni, receiver.number),
            None => self.member(maps, &instances)?,
        };
        let inside = maps.endpoint(&EndpointKey { vni, addr: src }).map_err(Unplaced::Maps)?.is_some();
        let frame = self.frame(self.dst, instance_mac(number), tunnel_mac(0, !inside));
        Ok((Program::FromOverlay { vni, remote: None }, frame))
    }

    /// The packet as it comes from outside, on an edge's uplink.
    ///
    /// # Errors
    /// When its ends are not of one family.
    pub fn from_outside<E: std::error::Error>(&self) -> Result<(Program, Vec<u8>), Unplaced<E>> {
        self.one_family()?;
        Ok((Program::Edge, self.frame(self.dst, [0; 6], [0; 6])))
    }

    fn one_family<E: std::error::Error>(&self) -> Result<(), Unplaced<E>> {
        if self.src.is_ipv4() == self.dst.is_ipv4() {
            return Ok(());
        }
        Err(Unplaced::Families { src: self.src.ip(), dst: self.dst.ip() })
    }

    /// The VPC and the member of this host that a balancer chooses, if it has the rows that this host has.
    fn member<M: Maps<Error: std::error::Error>>(
        &self,
        maps: &M,
        instances: &[InstanceEntry],
    ) -> Result<(u32, u32), Unplaced<M::Error>> {
        let mut vnis: Vec<u32> = instances.iter().map(|own| own.vni).collect();
        vnis.sort_unstable();
        vnis.dedup();
        let mut found = Vec::new();
        for vni in vnis.into_iter().filter(|vni| self.vni.is_none_or(|own| own == *vni)) {
            found.extend(self.service(maps, vni).map_err(Unplaced::Maps)?);
        }
        let service = match found.as_slice() {
            [] => return Err(Unplaced::Foreign),
            [service] => service,
            several => return Err(Unplaced::Ambiguous(several.iter().map(|found| found.key.vni).collect())),
        };
        let settings = maps.settings().map_err(Unplaced::Maps)?.unwrap_or_default();
        if service.rows == 0 {
            return Err(Unplaced::NoMember);
        }
        let row = row_of(flow_hash(&settings, service.algorithm, &self.packet()), service.rows);
        let slot = maps.row(service.rows_base.wrapping_add(row)).map_err(Unplaced::Maps)?;
        if slot == 0 {
            return Err(Unplaced::NoMember);
        }
        let member = maps.member(service.members_base.wrapping_add(slot.into())).map_err(Unplaced::Maps)?;
        if u32::from(member.host) != settings.host {
            return Err(Unplaced::Elsewhere { instance: member.instance, host: member.host });
        }
        Ok((service.key.vni, member.instance))
    }

    fn service<M: Maps>(&self, maps: &M, vni: u32) -> Result<Option<dnlb_abi::ServiceEntry>, M::Error> {
        let Packet { dst, protocol, dst_port, .. } = self.packet();
        find_service(maps, &ServiceKey::new(vni, dst, protocol, dst_port))
    }

    /// What the hash reads.
    fn packet(&self) -> Packet {
        Packet {
            src: addr(self.src.ip()),
            dst: addr(self.dst.ip()),
            v6: self.src.is_ipv6(),
            protocol: self.protocol,
            flags: self.flags,
            src_port: self.src.port(),
            dst_port: self.dst.port(),
            ..Packet::default()
        }
    }

    /// The frame: headers with correct checksums, then zeros.
    fn frame(&self, dst: SocketAddr, dst_mac: [u8; 6], src_mac: [u8; 6]) -> Vec<u8> {
        const TCP_LEN: usize = 20;
        let ip_len = if self.src.is_ipv4() { 20 } else { 40 };
        let len = usize::from(self.size).max(ip_len + TCP_LEN);
        let mut payload = vec![0; len - ip_len];
        payload[..2].copy_from_slice(&self.src.port().to_be_bytes());
        payload[2..4].copy_from_slice(&dst.port().to_be_bytes());
        // IPv4 in sixteen bytes, ::ffff:a.b.c.d, counts as it is: 0xffff is zero in one's complement.
        let mut pseudo = sum(&addr(self.src.ip()), sum(&addr(dst.ip()), 0))
            + u32::from(self.protocol)
            + payload.len() as u32;
        let check_at = match self.protocol {
            dnlb_wire::TCP => {
                payload[12] = 0x50;
                payload[13] = self.flags.0;
                16
            }
            dnlb_wire::ICMP | dnlb_wire::ICMPV6 => {
                let echo = if self.src.is_ipv4() { 8 } else { 128 };
                payload[..4].copy_from_slice(&[echo, 0, 0, 0]);
                payload[4..6].copy_from_slice(&self.src.port().to_be_bytes());
                if self.src.is_ipv4() {
                    pseudo = 0;
                }
                2
            }
            _ => {
                payload[4..6].copy_from_slice(&((len - ip_len) as u16).to_be_bytes());
                6
            }
        };
        let check = !fold(sum(&payload, pseudo));
        payload[check_at..check_at + 2].copy_from_slice(&check.to_be_bytes());
        [&dst_mac[..], &src_mac[..], &self.ip_header(dst.ip(), len), &payload].concat()
    }

    /// EtherType and IP header of a packet of `len` bytes.
    fn ip_header(&self, dst: IpAddr, len: usize) -> Vec<u8> {
        let mut header = Vec::new();
        match (self.src.ip(), dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                header.extend([0x45, 0]);
                header.extend((len as u16).to_be_bytes());
                header.extend([0, 0, 0x40, 0, 64, self.protocol, 0, 0]);
                header.extend(src.octets());
                header.extend(dst.octets());
                let check = !fold(sum(&header, 0));
                header[10..12].copy_from_slice(&check.to_be_bytes());
                header.splice(0..0, dnlb_wire::ETHERTYPE_IPV4.to_be_bytes());
            }
            (src, dst) => {
                header.extend(dnlb_wire::ETHERTYPE_IPV6.to_be_bytes());
                header.extend([0x60, 0, 0, 0]);
                header.extend(((len - 40) as u16).to_be_bytes());
                header.extend([self.protocol, 64]);
                header.extend(addr(src));
                header.extend(addr(dst));
            }
        }
        header
    }
}

/// An address in the form in which maps hold it.
fn addr(ip: IpAddr) -> Addr {
    match ip {
        IpAddr::V4(v4) => v4_mapped(v4.octets()),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// The only one, or none; several are in several VPCs.
fn only<E: std::error::Error>(found: Vec<&InstanceEntry>) -> Result<Option<&InstanceEntry>, Unplaced<E>> {
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        several => Err(Unplaced::Ambiguous(several.iter().map(|own| own.vni).collect())),
    }
}
