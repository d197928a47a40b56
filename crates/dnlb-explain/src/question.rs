//! From a five-tuple to a frame and the program that it meets.

use std::net::SocketAddrV4;

use dnlb_abi::{
    EndpointKey, InstanceEntry, PROBE_SOURCE, ROUTER_MAC, ServiceKey, VNI_PUBLIC, instance_mac,
    probe_address, tunnel_mac, v4_mapped,
};
use dnlb_datapath::{Packet, flow_hash, row_of};
use dnlb_wire::{TcpFlags, fold, sum};

use crate::{Maps, Program, maps::find_service};

/// Length of the headers: Ethernet, IPv4, TCP, which is the longest.
const HEADERS: [usize; 3] = [14, 20, 20];

/// A packet of which somebody wants to know what would become of it on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Who sends it.
    pub src: SocketAddrV4,
    /// To whom. Of a ping, the source's port is the identifier, and the destination's means nothing.
    pub dst: SocketAddrV4,
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
        let (src, dst) = (v4_mapped(self.src.ip().octets()), v4_mapped(self.dst.ip().octets()));
        if self.src.ip().octets() == PROBE_SOURCE {
            let instance = only(with(dst).collect())?.ok_or(Unplaced::Foreign)?;
            let to = SocketAddrV4::new(probe_address(instance.number).into(), self.dst.port());
            return Ok((Program::Probe, self.frame(to, ROUTER_MAC, [0; 6])));
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
            return Ok((Program::Edge, self.frame(self.dst, [0; 6], [0; 6])));
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
            src: v4_mapped(self.src.ip().octets()),
            dst: v4_mapped(self.dst.ip().octets()),
            protocol: self.protocol,
            flags: self.flags,
            src_port: self.src.port(),
            dst_port: self.dst.port(),
            ..Packet::default()
        }
    }

    /// The frame: headers with correct checksums, then zeros.
    fn frame(&self, dst: SocketAddrV4, dst_mac: [u8; 6], src_mac: [u8; 6]) -> Vec<u8> {
        let [ethernet, ip, tcp] = HEADERS;
        let len = usize::from(self.size).max(ip + tcp);
        let mut frame = vec![0; ethernet + len];
        frame[..6].copy_from_slice(&dst_mac);
        frame[6..12].copy_from_slice(&src_mac);
        frame[12..14].copy_from_slice(&[8, 0]);
        let (header, payload) = frame[ethernet..].split_at_mut(ip);
        header[0] = 0x45;
        header[2..4].copy_from_slice(&(len as u16).to_be_bytes());
        header[6] = 0x40;
        header[8] = 64;
        header[9] = self.protocol;
        header[12..16].copy_from_slice(&self.src.ip().octets());
        header[16..20].copy_from_slice(&dst.ip().octets());
        let check = !fold(sum(header, 0));
        header[10..12].copy_from_slice(&check.to_be_bytes());
        let pseudo = sum(&header[12..20], 0) + u32::from(self.protocol) + (len - ip) as u32;
        payload[..2].copy_from_slice(&self.src.port().to_be_bytes());
        payload[2..4].copy_from_slice(&dst.port().to_be_bytes());
        let mut pseudo = pseudo;
        let check_at = match self.protocol {
            dnlb_wire::TCP => {
                payload[12] = 0x50;
                payload[13] = self.flags.0;
                16
            }
            dnlb_wire::ICMP => {
                payload[..4].copy_from_slice(&[Packet::ECHO, 0, 0, 0]);
                payload[4..6].copy_from_slice(&self.src.port().to_be_bytes());
                pseudo = 0;
                2
            }
            _ => {
                payload[4..6].copy_from_slice(&((len - ip) as u16).to_be_bytes());
                6
            }
        };
        let check = !fold(sum(payload, pseudo));
        payload[check_at..check_at + 2].copy_from_slice(&check.to_be_bytes());
        frame
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
