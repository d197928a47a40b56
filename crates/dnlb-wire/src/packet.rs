//! Parsing: Ethernet, ARP, IPv4, TCP, UDP, ICMP echoes.

use crate::{Frame, ICMP, TCP, UDP};

/// Length of an Ethernet header without VLAN tags.
pub const ETHERNET_LEN: usize = 14;
/// EtherType of IPv4.
pub const ETHERTYPE_IPV4: u16 = 0x0800;
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

    /// Belongs to a connection in mid-flight: ACK, and neither SYN nor RST.
    #[inline(always)]
    #[must_use]
    pub const fn continues(self) -> bool {
        self.0 & (Self::SYN | Self::ACK | Self::RST) == Self::ACK
    }
}

/// What the data path wants to know of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packet {
    /// Source address, IPv4 as `::ffff:a.b.c.d`.
    pub src: [u8; 16],
    /// Destination address, likewise.
    pub dst: [u8; 16],
    /// IP protocol number.
    pub protocol: u8,
    /// Flags, when the protocol is TCP.
    pub flags: TcpFlags,
    /// Type, when the protocol is ICMP: [`Packet::ECHO`] or [`Packet::ECHO_REPLY`].
    pub icmp_type: u8,
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
    /// Whether it may be fragmented.
    pub may_fragment: bool,
    /// Where the transport header begins, in bytes from the frame's start.
    pub l4_offset: usize,
    /// Length of the IP packet.
    pub ip_len: u32,
}

impl Packet {
    /// ICMP type of an echo request (RFC 792).
    pub const ECHO: u8 = 8;
    /// ICMP type of an echo reply (RFC 792).
    pub const ECHO_REPLY: u8 = 0;

    /// Whether it may begin a flow: a SYN, any datagram, an echo request.
    #[inline(always)]
    #[must_use]
    pub const fn opens(&self) -> bool {
        match self.protocol {
            TCP => self.flags.opens(),
            UDP => true,
            _ => self.icmp_type == Self::ECHO,
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
}

/// Result of [`parse`]: the packet itself lies where the caller said, because an enum with data in it does not
/// survive the kernel's verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A fragment, also the first one.
    Fragment,
    /// Cut short, or lengths contradict each other.
    Malformed,
    /// Whole, and a protocol that we carry.
    Packet,
    /// IPv4 with a protocol that we do not carry; only addresses and length are filled in.
    UnknownProtocol,
}

/// The IPv4 address in a 16-byte address.
#[inline(always)]
#[must_use]
pub const fn v4(addr: [u8; 16]) -> [u8; 4] {
    [addr[12], addr[13], addr[14], addr[15]]
}

/// Parses the IPv4 packet behind the frame's Ethernet header into `packet`.
///
/// # Source
/// RFC 791, RFC 768, RFC 792, RFC 9293. The header checksum is left to the receiver: hosts verify it, and the NAT's incremental
/// update keeps a wrong one wrong.
#[inline(always)]
pub fn parse(frame: &impl Frame, packet: &mut Packet) -> Parsed {
    let Some(ip) = frame.read::<20>(ETHERNET_LEN) else {
        return Parsed::Malformed;
    };
    let header_len = usize::from(ip[0] & 0x0f) * 4;
    let ip_len = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
    if ip[0] >> 4 != 4 || header_len < 20 || ip_len < header_len || ETHERNET_LEN + ip_len > frame.len() {
        return Parsed::Malformed;
    }
    packet.src = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ip[12], ip[13], ip[14], ip[15]];
    packet.dst = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ip[16], ip[17], ip[18], ip[19]];
    packet.protocol = ip[9];
    packet.may_fragment = ip[6] & 0x40 == 0;
    packet.ip_len = ip_len as u32;
    packet.l4_offset = ETHERNET_LEN + header_len;
    // More fragments, or an offset.
    if u16::from_be_bytes([ip[6], ip[7]]) & 0x3fff != 0 {
        return Parsed::Fragment;
    }
    // The caller's memory holds the packet before this one.
    packet.flags = TcpFlags(0);
    packet.icmp_type = 0;
    (packet.seq, packet.seq_end, packet.ack) = (0, 0, 0);
    if packet.protocol == UDP || packet.protocol == ICMP {
        let Some(header) = frame.read::<8>(packet.l4_offset) else {
            return Parsed::Malformed;
        };
        let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let len = if packet.protocol == UDP { word(4) as usize } else { 8 };
        if len < 8 || header_len + len > ip_len {
            return Parsed::Malformed;
        }
        if packet.protocol == UDP {
            (packet.src_port, packet.dst_port) = (word(0), word(2));
            return Parsed::Packet;
        }
        // Code 0 is the only one.
        if header[1] != 0 || (header[0] != Packet::ECHO && header[0] != Packet::ECHO_REPLY) {
            return Parsed::UnknownProtocol;
        }
        packet.icmp_type = header[0];
        (packet.src_port, packet.dst_port) = (word(4), word(4));
        return Parsed::Packet;
    }
    if packet.protocol != TCP {
        return Parsed::UnknownProtocol;
    }
    let Some(tcp) = frame.read::<20>(packet.l4_offset) else {
        return Parsed::Malformed;
    };
    let tcp_len = usize::from(tcp[12] >> 4) * 4;
    if tcp_len < 20 || header_len + tcp_len > ip_len {
        return Parsed::Malformed;
    }
    packet.src_port = u16::from_be_bytes([tcp[0], tcp[1]]);
    packet.dst_port = u16::from_be_bytes([tcp[2], tcp[3]]);
    packet.flags = TcpFlags(tcp[13]);
    packet.seq = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]);
    packet.ack = u32::from_be_bytes([tcp[8], tcp[9], tcp[10], tcp[11]]);
    let payload = (ip_len - header_len - tcp_len) as u32;
    let phantom = packet.flags.any(TcpFlags::SYN) as u32 + packet.flags.any(TcpFlags::FIN) as u32;
    packet.seq_end = packet.seq.wrapping_add(payload + phantom);
    Parsed::Packet
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
