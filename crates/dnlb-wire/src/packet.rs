//! Parsing: Ethernet, ARP, IPv4, IPv6, TCP, UDP, ICMP.

use crate::{Frame, ICMP, ICMPV6, TCP, UDP, frame::OFFSET_MAX};

/// Length of an Ethernet header without VLAN tags.
pub const ETHERNET_LEN: usize = 14;
/// EtherType of IPv4.
pub const ETHERTYPE_IPV4: u16 = 0x0800;
/// EtherType of IPv6.
pub const ETHERTYPE_IPV6: u16 = 0x86dd;
/// EtherType of ARP.
pub const ETHERTYPE_ARP: u16 = 0x0806;

/// An Ethernet header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ethernet {
    /// Destination.
    pub dst: [u8; 6],
    /// Source.
    pub src: [u8; 6],
    /// EtherType.
    pub ethertype: u16,
}

impl Ethernet {
    /// Reads the header at the frame's start.
    #[inline(always)]
    pub fn read(frame: &impl Frame) -> Option<Self> {
        let h = frame.read::<ETHERNET_LEN>(0)?;
        Some(Self {
            dst: [h[0], h[1], h[2], h[3], h[4], h[5]],
            src: [h[6], h[7], h[8], h[9], h[10], h[11]],
            ethertype: u16::from_be_bytes([h[12], h[13]]),
        })
    }
}

/// The flag bits of a TCP header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// FIN.
    pub const FIN: u8 = 1;
    /// SYN.
    pub const SYN: u8 = 2;
    /// RST.
    pub const RST: u8 = 4;
    /// ACK.
    pub const ACK: u8 = 16;

    /// Whether any of `bits` is set.
    #[inline(always)]
    #[must_use]
    pub const fn any(self, bits: u8) -> bool {
        self.0 & bits != 0
    }

    /// A SYN without ACK and RST: it opens a connection.
    #[inline(always)]
    #[must_use]
    pub const fn opens(self) -> bool {
        self.0 & (Self::SYN | Self::ACK | Self::RST) == Self::SYN
    }

    /// Those of a segment that ends the connection at once, instead of what it was to do.
    #[inline(always)]
    #[must_use]
    pub const fn reset(self) -> Self {
        Self(self.0 & Self::ACK | Self::RST)
    }

    /// Belongs to a connection in mid-flight: ACK, and neither SYN nor RST.
    #[inline(always)]
    #[must_use]
    pub const fn continues(self) -> bool {
        self.0 & (Self::SYN | Self::ACK | Self::RST) == Self::ACK
    }
}

/// Which messages of ICMP and ICMPv6 a packet may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Icmp {
    /// It is none.
    #[default]
    None,
    /// An echo request.
    Echo,
    /// An echo reply.
    EchoReply,
    /// An error that quotes the packet that it is about: [`parse_quote`](crate::parse_quote).
    Error,
    /// A neighbour solicitation (RFC 4861, section 4.3).
    Solicitation,
    /// Other neighbour discovery, and multicast listeners' reports.
    Neighbourhood,
}

/// Whether a packet is a fragment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Fragment {
    /// It is whole.
    #[default]
    Whole,
    /// The first one: it has the transport header.
    First,
    /// A later one: it has neither ports nor flags.
    Later,
}

/// What the data path wants to know of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packet {
    /// Source address, IPv4 as `::ffff:a.b.c.d`.
    pub src: [u8; 16],
    /// Destination address, likewise.
    pub dst: [u8; 16],
    /// Whether it is IPv6.
    pub v6: bool,
    /// IP protocol number of the transport header.
    pub protocol: u8,
    /// Traffic class: DSCP and ECN.
    pub tos: u8,
    /// Flags, when the protocol is TCP.
    pub flags: TcpFlags,
    /// Which message, when the protocol is ICMP or ICMPv6.
    pub icmp: Icmp,
    /// Whether it is a fragment.
    pub fragment: Fragment,
    /// Source port; the identifier of an ICMP echo, which is both ports.
    pub src_port: u16,
    /// Destination port; likewise.
    pub dst_port: u16,
    /// Sequence number, when the protocol is TCP.
    pub seq: u32,
    /// Sequence number after the segment's last byte, SYN and FIN counted, when the protocol is TCP.
    pub seq_end: u32,
    /// Acknowledgement number, when the protocol is TCP; it means something with [`TcpFlags::ACK`] only.
    pub ack: u32,
    /// What fragments of one packet have in common.
    pub fragment_id: u32,
    /// Whether routers may fragment it: never in IPv6.
    pub may_fragment: bool,
    /// Where the transport header begins, in bytes from the frame's start.
    pub l4_offset: usize,
    /// Length of the IP header, extensions and options included, and of the transport header.
    pub headers_len: u32,
    /// Length of the IP packet.
    pub ip_len: u32,
}

impl Packet {
    /// Whether it may begin a flow: a SYN, any datagram, an echo request.
    #[inline(always)]
    #[must_use]
    pub const fn opens(&self) -> bool {
        match self.protocol {
            TCP => self.flags.opens(),
            UDP => true,
            ICMP | ICMPV6 => matches!(self.icmp, Icmp::Echo),
            _ => false,
        }
    }

    /// Whether it may belong to a flow that began before: a segment in mid-flight, any datagram.
    #[inline(always)]
    #[must_use]
    pub const fn continues(&self) -> bool {
        match self.protocol {
            TCP => self.flags.continues(),
            UDP => true,
            _ => false,
        }
    }

    /// Whether it is an ICMP or ICMPv6 message.
    #[inline(always)]
    #[must_use]
    pub const fn is_icmp(&self) -> bool {
        self.protocol == ICMP || self.protocol == ICMPV6
    }

    /// Length of the IP packets that it is on the wire: of its segments, when the kernel has put several of them together.
    #[inline(always)]
    pub fn wire_len(&self, frame: &impl Frame) -> u32 {
        let segment = frame.segment_len();
        if segment == 0 { self.ip_len } else { self.headers_len + segment }
    }
}

/// Result of [`parse`]: the packet itself lies where the caller said, because an enum with data in it does not
/// survive the kernel's verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Cut short, or lengths contradict each other.
    Malformed,
    /// A protocol that we carry. Of a later fragment nothing is known but the IP header.
    Packet,
    /// IP with a protocol that we do not carry; only addresses and length are filled in.
    UnknownProtocol,
}

/// The IPv4 address in a 16-byte address.
#[inline(always)]
#[must_use]
pub const fn v4(addr: [u8; 16]) -> [u8; 4] {
    addr.as_chunks().0[3]
}

/// An IPv4 address in 16 bytes: `::ffff:a.b.c.d`.
#[inline(always)]
pub(crate) const fn v4_mapped(v4: [u8; 4]) -> [u8; 16] {
    let mut addr = [0; 16];
    let (words, _) = addr.as_chunks_mut();
    (words[2], words[3]) = ([0, 0, 0xff, 0xff], v4);
    addr
}

/// Word `at` of an address. By whole words and not by bytes, so that the kernel programs load them in one.
#[inline(always)]
#[must_use]
pub const fn word(addr: &[u8; 16], at: usize) -> u32 {
    u32::from_ne_bytes(addr.as_chunks().0[at])
}

/// Whether a 16-byte address holds an IPv4 address.
#[inline(always)]
#[must_use]
pub fn is_v4(addr: &[u8; 16]) -> bool {
    word(addr, 0) | word(addr, 1) == 0 && word(addr, 2) == 0x0000_ffff_u32.to_be()
}

/// Parses the IP packet behind the frame's Ethernet header into `packet`. Any EtherType but IPv6's is taken for IPv4's.
///
/// # Source
/// RFC 791, RFC 768, RFC 792, RFC 4443, RFC 8200, RFC 9293. The IPv4 header's checksum is left to the receiver: hosts verify it, and
/// the NAT's incremental update keeps a wrong one wrong.
#[inline(always)]
pub fn parse(frame: &impl Frame, ethernet: &Ethernet, packet: &mut Packet) -> Parsed {
    // The caller's memory holds the packet before this one.
    packet.flags = TcpFlags(0);
    packet.icmp = Icmp::None;
    packet.fragment = Fragment::Whole;
    (packet.src_port, packet.dst_port) = (0, 0);
    (packet.seq, packet.seq_end, packet.ack) = (0, 0, 0);
    (packet.fragment_id, packet.headers_len) = (0, 0);
    packet.v6 = ethernet.ethertype == ETHERTYPE_IPV6;
    let network = if packet.v6 { parse_v6(frame, packet) } else { parse_v4(frame, packet) };
    match network {
        Parsed::Packet => parse_transport(frame, packet),
        other => other,
    }
}

#[inline(always)]
fn parse_v4(frame: &impl Frame, packet: &mut Packet) -> Parsed {
    let Some(ip) = frame.read::<20>(ETHERNET_LEN) else {
        return Parsed::Malformed;
    };
    let header_len = usize::from(ip[0] & 0x0f) * 4;
    let ip_len = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
    if ip[0] >> 4 != 4 || header_len < 20 || ip_len < header_len || !frame.holds(ETHERNET_LEN + ip_len) {
        return Parsed::Malformed;
    }
    let (words, _) = ip.as_chunks();
    packet.src = v4_mapped(words[3]);
    packet.dst = v4_mapped(words[4]);
    packet.protocol = ip[9];
    packet.tos = ip[1];
    packet.may_fragment = ip[6] & 0x40 == 0;
    packet.ip_len = ip_len as u32;
    packet.l4_offset = ETHERNET_LEN + header_len;
    // More fragments, or an offset.
    let fragment = u16::from_be_bytes([ip[6], ip[7]]) & 0x3fff;
    if fragment != 0 {
        packet.fragment_id = u16::from_be_bytes([ip[4], ip[5]]) as u32;
        packet.fragment = if fragment & 0x1fff == 0 { Fragment::First } else { Fragment::Later };
    }
    Parsed::Packet
}

/// Extension headers that are skipped at most.
const EXTENSIONS_MAX: u32 = 3;

#[inline(always)]
fn parse_v6(frame: &impl Frame, packet: &mut Packet) -> Parsed {
    const HOP_BY_HOP: u8 = 0;
    const ROUTING: u8 = 43;
    const FRAGMENT: u8 = 44;
    const DESTINATION: u8 = 60;
    // In pieces: a kernel program's stack has no place for forty bytes. One after the other: options that are looked at together
    // become registers that the verifier has never seen written.
    let Some(src) = frame.read::<16>(ETHERNET_LEN + 8) else {
        return Parsed::Malformed;
    };
    packet.src = src;
    let Some(dst) = frame.read::<16>(ETHERNET_LEN + 24) else {
        return Parsed::Malformed;
    };
    packet.dst = dst;
    let Some(ip) = frame.read::<8>(ETHERNET_LEN) else {
        return Parsed::Malformed;
    };
    let end = ETHERNET_LEN + 40 + usize::from(u16::from_be_bytes([ip[4], ip[5]]));
    if ip[0] >> 4 != 6 || !frame.holds(end) {
        return Parsed::Malformed;
    }
    packet.tos = ip[0] << 4 | ip[1] >> 4;
    packet.may_fragment = false;
    packet.ip_len = (end - ETHERNET_LEN) as u32;
    let mut next = ip[6];
    let mut at = ETHERNET_LEN + 40;
    let mut extensions = 0;
    while extensions < EXTENSIONS_MAX {
        extensions += 1;
        if next != HOP_BY_HOP && next != ROUTING && next != FRAGMENT && next != DESTINATION {
            break;
        }
        packet.protocol = next;
        if at + 8 > end {
            return Parsed::Malformed;
        }
        let Some(header) = frame.read::<8>(at) else {
            return Parsed::UnknownProtocol;
        };
        if next == FRAGMENT {
            let fragment = u16::from_be_bytes([header[2], header[3]]) & 0xfff9;
            packet.fragment_id = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
            // Neither an offset nor more to come: an atomic fragment, which is whole (RFC 6946).
            if fragment > 1 {
                packet.fragment = Fragment::Later;
            } else if fragment == 1 {
                packet.fragment = Fragment::First;
            }
            at += 8;
        } else {
            at += (usize::from(header[1]) + 1) * 8;
        }
        next = header[0];
        if at > end {
            return Parsed::Malformed;
        }
        if at > OFFSET_MAX {
            return Parsed::UnknownProtocol;
        }
    }
    packet.protocol = next;
    packet.l4_offset = at;
    Parsed::Packet
}

#[inline(always)]
fn parse_transport(frame: &impl Frame, packet: &mut Packet) -> Parsed {
    let known = match packet.protocol {
        TCP | UDP => true,
        ICMP => !packet.v6,
        ICMPV6 => packet.v6,
        _ => false,
    };
    if !known {
        return Parsed::UnknownProtocol;
    }
    if packet.fragment == Fragment::Later {
        return Parsed::Packet;
    }
    let l4 = packet.l4_offset;
    let room = (ETHERNET_LEN as u32 + packet.ip_len).wrapping_sub(l4 as u32);
    let before = l4 as u32 - ETHERNET_LEN as u32;
    if packet.protocol == TCP {
        let Some(tcp) = frame.read::<20>(l4) else {
            return Parsed::Malformed;
        };
        let tcp_len = u32::from(tcp[12] >> 4) * 4;
        if tcp_len < 20 || tcp_len > room {
            return Parsed::Malformed;
        }
        packet.src_port = u16::from_be_bytes([tcp[0], tcp[1]]);
        packet.dst_port = u16::from_be_bytes([tcp[2], tcp[3]]);
        packet.flags = TcpFlags(tcp[13]);
        packet.seq = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]);
        packet.ack = u32::from_be_bytes([tcp[8], tcp[9], tcp[10], tcp[11]]);
        packet.headers_len = before + tcp_len;
        let phantom = packet.flags.any(TcpFlags::SYN) as u32 + packet.flags.any(TcpFlags::FIN) as u32;
        packet.seq_end = packet.seq.wrapping_add(room - tcp_len + phantom);
        return Parsed::Packet;
    }
    let Some(header) = frame.read::<8>(l4) else {
        return Parsed::Malformed;
    };
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    packet.headers_len = before + 8;
    if packet.protocol == UDP {
        let len = word(4) as u32;
        // Of a first fragment, the datagram's length is that of all of them.
        if len < 8 || room < 8 || (len > room && packet.fragment == Fragment::Whole) {
            return Parsed::Malformed;
        }
        (packet.src_port, packet.dst_port) = (word(0), word(2));
        return Parsed::Packet;
    }
    if room < 8 {
        return Parsed::Malformed;
    }
    packet.icmp = icmp(packet.v6, header[0], header[1]);
    match packet.icmp {
        Icmp::None => return Parsed::UnknownProtocol,
        Icmp::Echo | Icmp::EchoReply => (packet.src_port, packet.dst_port) = (word(4), word(4)),
        _ => {}
    }
    Parsed::Packet
}

/// What a type and a code mean. Of errors, all codes are carried: the ends know what to do with them.
#[inline(always)]
const fn icmp(v6: bool, kind: u8, code: u8) -> Icmp {
    if v6 {
        match (kind, code) {
            (1..=4, _) => Icmp::Error,
            (128, 0) => Icmp::Echo,
            (129, 0) => Icmp::EchoReply,
            (135, 0) => Icmp::Solicitation,
            (130..=137 | 143, _) => Icmp::Neighbourhood,
            _ => Icmp::None,
        }
    } else {
        match (kind, code) {
            // Destination unreachable, time exceeded, parameter problem (RFC 792).
            (3 | 11 | 12, _) => Icmp::Error,
            (8, 0) => Icmp::Echo,
            (0, 0) => Icmp::EchoReply,
            _ => Icmp::None,
        }
    }
}

/// ARP for IPv4 over Ethernet.
///
/// Source: RFC 826.
pub mod arp {
    use super::{ETHERNET_LEN, Frame};

    /// Length of an ARP packet.
    pub const LEN: usize = 28;
    /// Operation of a reply.
    pub const REPLY: u16 = 2;

    /// A question who has an address.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Request {
        /// MAC address of whoever asks.
        pub sender_mac: [u8; 6],
        /// Address of whoever asks.
        pub sender: [u8; 4],
        /// Address asked for.
        pub target: [u8; 4],
    }

    impl Request {
        /// Reads the request behind the Ethernet header; nothing when it is none.
        #[inline(always)]
        pub fn read(frame: &impl Frame) -> Option<Self> {
            let a = frame.read::<LEN>(ETHERNET_LEN)?;
            // Ethernet, IPv4, 6 and 4 bytes, request.
            if a[0] != 0
                || a[1] != 1
                || a[2] != 8
                || a[3] != 0
                || a[4] != 6
                || a[5] != 4
                || a[6] != 0
                || a[7] != 1
            {
                return None;
            }
            Some(Self {
                sender_mac: [a[8], a[9], a[10], a[11], a[12], a[13]],
                sender: [a[14], a[15], a[16], a[17]],
                target: [a[24], a[25], a[26], a[27]],
            })
        }

        /// The frame that answers: `mac` has the address.
        #[inline(always)]
        #[must_use]
        pub const fn reply(&self, mac: [u8; 6]) -> [u8; ETHERNET_LEN + LEN] {
            let (m, s, f, t) = (mac, self.sender_mac, self.sender, self.target);
            [
                s[0], s[1], s[2], s[3], s[4], s[5], m[0], m[1], m[2], m[3], m[4], m[5], 8, 6, //
                0, 1, 8, 0, 6, 4, 0, 2, m[0], m[1], m[2], m[3], m[4], m[5], t[0], t[1], t[2], t[3], //
                s[0], s[1], s[2], s[3], s[4], s[5], f[0], f[1], f[2], f[3],
            ]
        }
    }
}
