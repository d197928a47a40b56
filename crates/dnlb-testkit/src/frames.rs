//! Builds frames with correct checksums, and verifies those of others.

use std::net::SocketAddrV4;

use dnlb_wire::{fold, sum};

/// An Ethernet frame with IPv4 and TCP, UDP, or an ICMP echo.
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
    pub src: SocketAddrV4,
    /// Destination.
    pub dst: SocketAddrV4,
    /// Flag bits.
    pub flags: u8,
    /// Sequence number.
    pub seq: u32,
    /// IP options; a multiple of four bytes.
    pub options: Vec<u8>,
    /// Flags and offset of fragmentation.
    pub fragment: u16,
    /// IP protocol, 6 unless a test wants another. One that is not known gets a TCP header.
    pub protocol: u8,
    /// Whether an echo is a reply.
    pub echo_reply: bool,
    /// Payload.
    pub payload: Vec<u8>,
}

/// Parses `address:port` of a test.
///
/// # Panics
/// When the text is none: tests write it.
#[must_use]
pub fn parse_endpoint(text: &str) -> SocketAddrV4 {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
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
            options: Vec::new(),
            fragment: 0x4000,
            protocol: 6,
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

    /// The bytes.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let header = 20 + self.options.len();
        let l4 = self.transport();
        let total = header + l4.len();
        let mut ip = vec![0x40 | (header / 4) as u8, 0];
        ip.extend((total as u16).to_be_bytes());
        ip.extend([0x12, 0x34]);
        ip.extend(self.fragment.to_be_bytes());
        ip.extend([64, self.protocol, 0, 0]);
        ip.extend(self.src.ip().octets());
        ip.extend(self.dst.ip().octets());
        ip.extend(&self.options);
        let check = !fold(sum(&ip, 0));
        ip[10..12].copy_from_slice(&check.to_be_bytes());

        let mut l4 = l4;
        let start = if self.protocol == 1 { 0 } else { pseudo(&ip, l4.len()) };
        let check = !fold(sum(&l4, start));
        let check = if self.protocol == 17 && check == 0 { 0xffff } else { check };
        let at = check_at(self.protocol);
        l4[at..at + 2].copy_from_slice(&check.to_be_bytes());

        [self.dst_mac.as_slice(), &self.src_mac, &[8, 0], &ip, &l4].concat()
    }

    /// Transport header with a checksum of zero, and payload.
    fn transport(&self) -> Vec<u8> {
        let (src, dst) = (self.src.port().to_be_bytes(), self.dst.port().to_be_bytes());
        let header = match self.protocol {
            1 => [[if self.echo_reply { 0 } else { 8 }, 0], [0, 0], src, [0, 1]].concat(),
            17 => [src, dst, (8 + self.payload.len() as u16).to_be_bytes(), [0, 0]].concat(),
            _ => {
                let rest = [0, 0, 0, 2, 0x50, self.flags, 0xff, 0xff, 0, 0, 0, 0];
                [src.as_slice(), &dst, &self.seq.to_be_bytes(), &rest].concat()
            }
        };
        [header.as_slice(), &self.payload].concat()
    }
}

/// Where the checksum lies in a transport header.
fn check_at(protocol: u8) -> usize {
    match protocol {
        1 => 2,
        17 => 6,
        _ => 16,
    }
}

fn pseudo(ip: &[u8], len: usize) -> u32 {
    sum(&ip[12..20], 0) + u32::from(ip[9]) + len as u32
}

/// Whether both checksums of a frame verify. A datagram may have none.
#[must_use]
pub fn checksums_hold(frame: &[u8]) -> bool {
    let ip = &frame[14..];
    let header = usize::from(ip[0] & 15) * 4;
    let total = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
    let l4 = &ip[header..total];
    let start = if ip[9] == 1 { 0 } else { pseudo(ip, l4.len()) };
    let none = ip[9] == 17 && l4[6..8] == [0, 0];
    fold(sum(&ip[..header], 0)) == 0xffff && (none || fold(sum(l4, start)) == 0xffff)
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
