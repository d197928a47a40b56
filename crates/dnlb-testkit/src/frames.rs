//! Builds frames with correct checksums, and verifies those of others.

use std::net::{IpAddr, SocketAddr};

use dnlb_wire::{ETHERTYPE_IPV6, ICMPV6, fold, sum};

use crate::family::parse_endpoint;

/// An Ethernet frame with IPv4 or IPv6, by its addresses, and TCP, UDP, or an ICMP echo.
///
/// What the protocol does not have is not built: flags and sequence number of datagrams, ports of echoes, whose identifier is
/// the source's port.
#[derive(Clone, Debug)]
pub struct TestFrame {
    /// Destination MAC.
    pub dst_mac: [u8; 6],
    /// Source MAC.
    pub src_mac: [u8; 6],
    /// Source.
    pub src: SocketAddr,
    /// Destination.
    pub dst: SocketAddr,
    /// Flag bits.
    pub flags: u8,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// IP options; a multiple of four bytes. In IPv6 as many bytes of padding in an extension header.
    pub options: Vec<u8>,
    /// Flags and offset of fragmentation, as IPv4 has them.
    pub fragment: u16,
    /// IP protocol, 6 unless a test wants another; 1 is ICMP or ICMPv6. One that is not known gets a TCP header.
    pub protocol: u8,
    /// Traffic class.
    pub tos: u8,
    /// Whether an echo is a reply.
    pub echo_reply: bool,
    /// Payload.
    pub payload: Vec<u8>,
}

impl TestFrame {
    /// A SYN from `src` to `dst`.
    #[must_use]
    pub fn syn(src: &str, dst: &str) -> Self {
        Self {
            dst_mac: dnlb_abi::ROUTER_MAC,
            src_mac: [2, 0, 0, 0, 0, 1],
            src: parse_endpoint(src),
            dst: parse_endpoint(dst),
            flags: 2,
            seq: 1,
            ack: 2,
            options: Vec::new(),
            fragment: 0x4000,
            protocol: 6,
            tos: 0,
            echo_reply: false,
            payload: Vec::new(),
        }
    }

    /// A datagram from `src` to `dst`.
    #[must_use]
    pub fn datagram(src: &str, dst: &str) -> Self {
        Self { protocol: 17, payload: b"question".to_vec(), ..Self::syn(src, dst) }
    }

    /// An echo request from `src` to `dst`; the source's port is its identifier.
    #[must_use]
    pub fn ping(src: &str, dst: &str) -> Self {
        Self { protocol: 1, payload: b"echo".to_vec(), ..Self::syn(src, dst) }
    }

    /// The same with other flags.
    #[must_use]
    pub fn flags(mut self, flags: u8) -> Self {
        self.flags = flags;
        self
    }

    /// The same with another sequence number.
    #[must_use]
    pub fn seq(mut self, seq: u32) -> Self {
        self.seq = seq;
        self
    }

    /// The same with another acknowledgement number.
    #[must_use]
    pub fn ack(mut self, ack: u32) -> Self {
        self.ack = ack;
        self
    }

    /// The same with a payload.
    #[must_use]
    pub fn payload(mut self, payload: &[u8]) -> Self {
        self.payload = payload.to_vec();
        self
    }

    /// The same with MAC addresses: destination, source.
    #[must_use]
    pub fn macs(mut self, dst: [u8; 6], src: [u8; 6]) -> Self {
        (self.dst_mac, self.src_mac) = (dst, src);
        self
    }

    /// The same as an answer: source and destination change places.
    #[must_use]
    pub fn turned(mut self) -> Self {
        (self.src, self.dst) = (self.dst, self.src);
        self
    }

    /// Where the transport header lies in the frame.
    #[must_use]
    pub fn l4_offset(&self) -> usize {
        14 + self.network(0, self.ip_protocol()).len()
    }

    /// The bytes.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let mut l4 = self.transport();
        let protocol = self.ip_protocol();
        let network = self.network(l4.len(), protocol);
        let start = if protocol == 1 { 0 } else { pseudo(self.src.ip(), self.dst.ip(), protocol, l4.len()) };
        let check = !fold(sum(&l4, start));
        let check = if protocol == 17 && check == 0 { 0xffff } else { check };
        let at = check_at(protocol);
        if self.fragment & 0x1fff == 0 {
            l4[at..at + 2].copy_from_slice(&check.to_be_bytes());
        }
        let ethertype: [u8; 2] = if self.src.is_ipv4() { [8, 0] } else { ETHERTYPE_IPV6.to_be_bytes() };
        [self.dst_mac.as_slice(), &self.src_mac, &ethertype, &network, &l4].concat()
    }

    /// An ICMP error of this frame's sender to its receiver about `quoted`, of which it quotes the IP header and `most` bytes. The
    /// frame's own transport header and payload mean nothing.
    #[must_use]
    pub fn error(&self, kind: [u8; 2], quoted: &Self, most: usize) -> Vec<u8> {
        let quoted_frame = quoted.build();
        let end = quoted_frame.len().min(quoted.l4_offset() + most);
        let protocol = if self.src.is_ipv4() { 1 } else { ICMPV6 };
        let mut message = [&[kind[0], kind[1], 0, 0, 0, 0, 5, 0], &quoted_frame[14..end]].concat();
        let start =
            if protocol == 1 { 0 } else { pseudo(self.src.ip(), self.dst.ip(), protocol, message.len()) };
        let check = !fold(sum(&message, start));
        message[2..4].copy_from_slice(&check.to_be_bytes());
        let network = self.network(message.len(), protocol);
        let ethertype: [u8; 2] = if self.src.is_ipv4() { [8, 0] } else { ETHERTYPE_IPV6.to_be_bytes() };
        [self.dst_mac.as_slice(), &self.src_mac, &ethertype, &network, &message].concat()
    }

    /// The protocol's number in the family of the addresses.
    fn ip_protocol(&self) -> u8 {
        if self.protocol == 1 && self.src.is_ipv6() { ICMPV6 } else { self.protocol }
    }

    /// IP header and what belongs to it, in front of so many bytes.
    fn network(&self, payload: usize, protocol: u8) -> Vec<u8> {
        match (self.src.ip(), self.dst.ip()) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let header = 20 + self.options.len();
                let mut ip = vec![0x40 | (header / 4) as u8, self.tos];
                ip.extend(((header + payload) as u16).to_be_bytes());
                ip.extend([0x12, 0x34]);
                ip.extend(self.fragment.to_be_bytes());
                ip.extend([64, protocol, 0, 0]);
                ip.extend(src.octets());
                ip.extend(dst.octets());
                ip.extend(&self.options);
                let check = !fold(sum(&ip, 0));
                ip[10..12].copy_from_slice(&check.to_be_bytes());
                ip
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                let mut extensions = Vec::new();
                let mut next = protocol;
                if self.fragment & 0x3fff != 0 {
                    let offset = (self.fragment & 0x1fff) << 3 | u16::from(self.fragment & 0x2000 != 0);
                    extensions.extend([next, 0]);
                    extensions.extend(offset.to_be_bytes());
                    extensions.extend([0, 0, 0x12, 0x34]);
                    next = 44;
                }
                if !self.options.is_empty() {
                    // Destination options: two bytes of header, and one option that pads (RFC 8200, section 4.2).
                    let len = (2 + 2 + self.options.len()).div_ceil(8) * 8;
                    let mut header = vec![next, (len / 8 - 1) as u8, 1, (len - 4) as u8];
                    header.resize(len, 0);
                    extensions.splice(0..0, header);
                    next = 60;
                }
                let mut ip = vec![0x60 | self.tos >> 4, self.tos << 4, 0, 0];
                ip.extend(((extensions.len() + payload) as u16).to_be_bytes());
                ip.extend([next, 64]);
                ip.extend(src.octets());
                ip.extend(dst.octets());
                ip.extend(extensions);
                ip
            }
            (src, dst) => panic!("{src} and {dst} are not of one family"),
        }
    }

    /// Transport header with a checksum of zero, and payload; of a later fragment the payload alone.
    fn transport(&self) -> Vec<u8> {
        let (src, dst) = (self.src.port().to_be_bytes(), self.dst.port().to_be_bytes());
        if self.fragment & 0x1fff != 0 {
            return self.payload.clone();
        }
        let (request, reply) = if self.src.is_ipv4() { (8, 0) } else { (128, 129) };
        let header = match self.protocol {
            1 => [[if self.echo_reply { reply } else { request }, 0], [0, 0], src, [0, 1]].concat(),
            17 => [src, dst, (8 + self.payload.len() as u16).to_be_bytes(), [0, 0]].concat(),
            _ => {
                let rest = [0x50, self.flags, 0xff, 0xff, 0, 0, 0, 0];
                [src.as_slice(), &dst, &self.seq.to_be_bytes(), &self.ack.to_be_bytes(), &rest].concat()
            }
        };
        [header.as_slice(), &self.payload].concat()
    }
}

/// Where the checksum lies in a transport header.
fn check_at(protocol: u8) -> usize {
    match protocol {
        1 | ICMPV6 => 2,
        17 => 6,
        _ => 16,
    }
}

fn pseudo(src: IpAddr, dst: IpAddr, protocol: u8, len: usize) -> u32 {
    let bytes = |addr: IpAddr| match addr {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    sum(&bytes(src), sum(&bytes(dst), u32::from(protocol) + len as u32))
}

/// Whether the checksums of a frame verify: the IPv4 header's, and that of the transport header, which a datagram may lack in
/// IPv4. Extension headers and fragments are not looked behind.
#[must_use]
pub fn checksums_hold(frame: &[u8]) -> bool {
    let ip = &frame[14..];
    if frame[12..14] == ETHERTYPE_IPV6.to_be_bytes() {
        let len = usize::from(u16::from_be_bytes([ip[4], ip[5]]));
        let l4 = &ip[40..40 + len];
        return !matches!(ip[6], 6 | 17 | ICMPV6)
            || fold(sum(l4, sum(&ip[8..40], u32::from(ip[6]) + len as u32))) == 0xffff;
    }
    let header = usize::from(ip[0] & 15) * 4;
    let total = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
    let l4 = &ip[header..total];
    let start = if ip[9] == 1 { 0 } else { sum(&ip[12..20], u32::from(ip[9]) + l4.len() as u32) };
    let none = ip[9] == 17 && l4.len() >= 8 && l4[6..8] == [0, 0];
    let fragment = u16::from_be_bytes([ip[6], ip[7]]) & 0x3fff != 0;
    let unknown = !matches!(ip[9], 1 | 6 | 17);
    fold(sum(&ip[..header], 0)) == 0xffff && (none || fragment || unknown || fold(sum(l4, start)) == 0xffff)
}

/// A neighbour solicitation.
#[must_use]
pub fn solicitation(mac: [u8; 6], sender: std::net::Ipv6Addr, target: std::net::Ipv6Addr) -> Vec<u8> {
    let mut message = vec![135, 0, 0, 0, 0, 0, 0, 0];
    message.extend(target.octets());
    message.extend([1, 1]);
    message.extend(mac);
    let mut group = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0];
    group[13..].copy_from_slice(&target.octets()[13..]);
    let start = pseudo(sender.into(), std::net::Ipv6Addr::from(group).into(), ICMPV6, message.len());
    let check = !fold(sum(&message, start));
    message[2..4].copy_from_slice(&check.to_be_bytes());
    let mut frame = vec![0x33, 0x33, 0xff, group[13], group[14], group[15]];
    frame.extend(mac);
    frame.extend(ETHERTYPE_IPV6.to_be_bytes());
    frame.extend([0x60, 0, 0, 0, 0, message.len() as u8, ICMPV6, 255]);
    frame.extend(sender.octets());
    frame.extend(group);
    frame.extend(message);
    frame
}

/// An ARP request.
#[must_use]
pub fn arp_request(mac: [u8; 6], sender: [u8; 4], target: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend(mac);
    frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(mac);
    frame.extend(sender);
    frame.extend([0; 6]);
    frame.extend(target);
    frame
}
