//! Answers in place of somebody who is not there: a reset, a port unreachable.

use crate::{
    ETHERTYPE_IPV4, ETHERTYPE_IPV6, Ethernet, Frame, ICMP, ICMPV6, Packet, Patch, TCP, TcpFlags, fold,
    replace, v4,
};

/// Length of a frame with a reset: Ethernet, IPv4, TCP.
pub const RESET_LEN: usize = 14 + 20 + 20;
/// The same for IPv6.
pub const RESET_LEN_V6: usize = 14 + 40 + 20;
/// Length of a frame with a port unreachable: Ethernet, IPv4, ICMP, the quoted IPv4 header and eight bytes.
pub const UNREACHABLE_LEN: usize = 14 + 20 + 8 + 28;
/// The same for IPv6.
pub const UNREACHABLE_LEN_V6: usize = 14 + 40 + 8 + 48;
/// Length of the longest answer.
pub const ANSWER_MAX: usize = UNREACHABLE_LEN_V6;

/// One's-complement sum of an address.
#[inline(always)]
const fn address(a: [u8; 4]) -> u32 {
    u16::from_be_bytes([a[0], a[1]]) as u32 + u16::from_be_bytes([a[2], a[3]]) as u32
}

/// One's-complement sum of a 16-byte address.
#[inline(always)]
pub(crate) const fn address_sum(a: &[u8; 16]) -> u32 {
    address([a[0], a[1], a[2], a[3]])
        + address([a[4], a[5], a[6], a[7]])
        + address([a[8], a[9], a[10], a[11]])
        + address([a[12], a[13], a[14], a[15]])
}

/// Writes `bytes` at `at`. Small pieces into the caller's memory: a whole frame would not fit on a kernel program's stack.
#[inline(always)]
pub(crate) fn put<const N: usize, const M: usize>(frame: &mut [u8; N], at: usize, bytes: [u8; M]) {
    let mut i = 0;
    while i < M {
        frame[at + i] = bytes[i];
        i += 1;
    }
}

/// Ethernet and IPv4 headers of an answer to `packet`, which came with `ethernet`: without options, DF, TTL 64.
#[inline(always)]
fn headers<const N: usize>(
    frame: &mut [u8; N],
    ethernet: &Ethernet,
    packet: &Packet,
    protocol: u8,
    ip_len: u16,
) {
    let (from, to) = (v4(packet.dst), v4(packet.src));
    let sum =
        0x4500 + u32::from(ip_len) + 0x4000 + 0x4000 + u32::from(protocol) + address(from) + address(to);
    let (check, len) = ((!fold(sum)).to_be_bytes(), ip_len.to_be_bytes());
    put(frame, 0, ethernet.src);
    put(frame, 6, ethernet.dst);
    put(frame, 12, ETHERTYPE_IPV4.to_be_bytes());
    put(frame, 14, [0x45, 0, len[0], len[1], 0, 0, 0x40, 0, 64, protocol, check[0], check[1]]);
    put(frame, 26, from);
    put(frame, 30, to);
}

/// The same for IPv6: no flow label, hop limit 64.
#[inline(always)]
fn headers_v6<const N: usize>(
    frame: &mut [u8; N],
    ethernet: &Ethernet,
    packet: &Packet,
    protocol: u8,
    payload_len: u16,
) {
    let len = payload_len.to_be_bytes();
    put(frame, 0, ethernet.src);
    put(frame, 6, ethernet.dst);
    put(frame, 12, ETHERTYPE_IPV6.to_be_bytes());
    put(frame, 14, [0x60, 0, 0, 0, len[0], len[1], protocol, 64]);
    put(frame, 22, packet.dst);
    put(frame, 38, packet.src);
}

/// Writes the frame that resets the connection of `packet`, a TCP segment without RST that came with `ethernet`.
///
/// # Source
/// RFC 9293, section 3.10.7.1.
#[inline(always)]
pub fn reset(frame: &mut [u8; RESET_LEN], ethernet: &Ethernet, packet: &Packet) {
    let pseudo = address(v4(packet.dst)) + address(v4(packet.src));
    headers(frame, ethernet, packet, TCP, 40);
    reset_segment(frame, 34, packet, pseudo);
}

/// The same for IPv6.
#[inline(always)]
pub fn reset_v6(frame: &mut [u8; RESET_LEN_V6], ethernet: &Ethernet, packet: &Packet) {
    let pseudo = address_sum(&packet.dst) + address_sum(&packet.src);
    headers_v6(frame, ethernet, packet, TCP, 20);
    reset_segment(frame, 54, packet, pseudo);
}

/// The segment of a reset at `at`; `addresses` is the sum of both.
#[inline(always)]
fn reset_segment<const N: usize>(frame: &mut [u8; N], at: usize, packet: &Packet, addresses: u32) {
    let (seq, ack, flags) = if packet.flags.any(TcpFlags::ACK) {
        (packet.ack, 0, TcpFlags::RST)
    } else {
        (0, packet.seq_end, TcpFlags::RST | TcpFlags::ACK)
    };
    let (seq, ack) = (seq.to_be_bytes(), ack.to_be_bytes());
    // Pseudo header, ports, numbers, data offset of 5 words and flags; window and urgent pointer are zero.
    let sum = addresses
        + u32::from(TCP)
        + 20
        + u32::from(packet.dst_port)
        + u32::from(packet.src_port)
        + address(seq)
        + address(ack)
        + 0x5000
        + u32::from(flags);
    let check = (!fold(sum)).to_be_bytes();
    put(frame, at, packet.dst_port.to_be_bytes());
    put(frame, at + 2, packet.src_port.to_be_bytes());
    put(frame, at + 4, seq);
    put(frame, at + 8, ack);
    put(frame, at + 12, [0x50, flags, 0, 0, check[0], check[1], 0, 0]);
}

/// Why a packet does not reach its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreachable {
    /// The next hop's MTU when it is that the packet does not fit and may not be fragmented; 0: nobody listens at the port.
    mtu: u16,
}

impl Unreachable {
    /// Nobody listens at the port.
    pub const PORT: Self = Self { mtu: 0 };

    /// It does not fit, and may not be fragmented.
    #[inline(always)]
    #[must_use]
    pub const fn too_big(mtu: u16) -> Self {
        Self { mtu }
    }

    /// Type and code of ICMP.
    #[inline(always)]
    const fn kind(self) -> [u8; 2] {
        [3, if self.mtu == 0 { 3 } else { 4 }]
    }

    /// Type and code of ICMPv6.
    #[inline(always)]
    const fn kind_v6(self) -> [u8; 2] {
        if self.mtu == 0 { [1, 4] } else { [2, 0] }
    }
}

/// Writes the frame that tells the sender of `packet`, which came in `original` with `ethernet` and has no IP options, why it
/// does not arrive; false when `original` is too short to be quoted.
///
/// # Source
/// RFC 792; RFC 1122, section 3.2.2; RFC 1191, section 4.
#[inline(always)]
pub fn unreachable(
    frame: &mut [u8; UNREACHABLE_LEN],
    original: &impl Frame,
    ethernet: &Ethernet,
    packet: &Packet,
    why: Unreachable,
) -> bool {
    let (kind, mtu) = (why.kind(), why.mtu.to_be_bytes());
    let mut sum = u32::from(u16::from_be_bytes(kind)) + u32::from(why.mtu);
    let mut at = 0;
    while at < 28 {
        let Some(word) = original.read::<4>(14 + at) else {
            return false;
        };
        sum += address(word);
        put(frame, 42 + at, word);
        at += 4;
    }
    let check = (!fold(sum)).to_be_bytes();
    headers(frame, ethernet, packet, ICMP, 56);
    put(frame, 34, [kind[0], kind[1], check[0], check[1], 0, 0, mtu[0], mtu[1]]);
    true
}

/// The same for IPv6, without extension headers: its header and eight bytes are quoted.
///
/// # Source
/// RFC 4443, sections 3.1 and 3.2. It wants as much quoted as fits; the eight bytes say which flow it is, and the answer to a
/// spoofed packet should not be larger than need be.
#[inline(always)]
pub fn unreachable_v6(
    frame: &mut [u8; UNREACHABLE_LEN_V6],
    original: &impl Frame,
    ethernet: &Ethernet,
    packet: &Packet,
    why: Unreachable,
) -> bool {
    let (kind, mtu) = (why.kind_v6(), why.mtu.to_be_bytes());
    let mut sum = address_sum(&packet.dst)
        + address_sum(&packet.src)
        + u32::from(ICMPV6)
        + 56
        + u32::from(u16::from_be_bytes(kind))
        + u32::from(why.mtu);
    let mut at = 0;
    while at < 48 {
        let Some(word) = original.read::<4>(14 + at) else {
            return false;
        };
        sum += address(word);
        put(frame, 62 + at, word);
        at += 4;
    }
    let check = (!fold(sum)).to_be_bytes();
    headers_v6(frame, ethernet, packet, ICMPV6, 56);
    put(frame, 54, [kind[0], kind[1], check[0], check[1], 0, 0, mtu[0], mtu[1]]);
    true
}

/// Makes the echo request `packet`, which came with `ethernet`, its own reply, in place; false when that cannot be.
///
/// Swapping the addresses leaves both checksums as they are.
#[inline(always)]
pub fn echo_reply(frame: &mut impl Patch, ethernet: &Ethernet, packet: &Packet) -> bool {
    let l4 = packet.l4_offset;
    let Some([request, code, high, low]) = frame.load::<4>(l4) else {
        return false;
    };
    let reply = if packet.v6 { 129 } else { 0 };
    let check = u16::from_be_bytes([high, low]);
    let [high, low] = replace(check, u16::from(request) << 8, u16::from(reply) << 8).to_be_bytes();
    let addresses = if packet.v6 {
        frame.store(22, packet.dst) && frame.store(38, packet.src)
    } else {
        frame.store(26, v4(packet.dst)) && frame.store(30, v4(packet.src))
    };
    addresses
        && frame.store(0, ethernet.src)
        && frame.store(6, ethernet.dst)
        && frame.store(l4, [reply, code, high, low])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{UDP, sum};

    const ETHERNET: Ethernet = Ethernet { dst: [1; 6], src: [2; 6], ethertype: ETHERTYPE_IPV4 };

    fn packet(protocol: u8, flags: u8) -> Packet {
        Packet {
            src: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 198, 51, 100, 9],
            dst: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 203, 0, 113, 1],
            protocol,
            flags: TcpFlags(flags),
            src_port: 40_000,
            dst_port: 81,
            seq: 0xffff_fff0,
            seq_end: 0xffff_fff1,
            ack: 0x1234_5678,
            l4_offset: 34,
            ip_len: 40,
            ..Packet::default()
        }
    }

    #[test]
    fn a_reset_answers_a_syn_by_its_end_and_a_segment_by_what_it_acknowledges() {
        for (flags, numbers, answer) in [
            (2, [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xf1], TcpFlags::RST | TcpFlags::ACK),
            (16, [0x12, 0x34, 0x56, 0x78, 0, 0, 0, 0], TcpFlags::RST),
        ] {
            let mut frame = [0xaa; RESET_LEN];
            reset(&mut frame, &ETHERNET, &packet(TCP, flags));
            assert_eq!((&frame[..6], &frame[6..12]), (&[2; 6][..], &[1; 6][..]));
            assert_eq!(frame[26..34], [203, 0, 113, 1, 198, 51, 100, 9]);
            assert_eq!(frame[34..38], [0, 81, 0x9c, 0x40]);
            assert_eq!((&frame[38..46], frame[47]), (&numbers[..], answer));
            assert_eq!(fold(sum(&frame[14..34], 0)), 0xffff);
            assert_eq!(fold(sum(&frame[34..], sum(&frame[26..34], 26))), 0xffff);
        }
    }

    #[test]
    fn an_unreachable_quotes_what_it_answers() {
        let original: [u8; 60] = core::array::from_fn(|at| (at * 9) as u8);
        let mut frame = [0xaa; UNREACHABLE_LEN];
        let datagram = packet(UDP, 0);
        assert!(!unreachable(&mut frame, &&original[..41], &ETHERNET, &datagram, Unreachable::PORT));
        let too_big = Unreachable::too_big(1450);
        assert!(unreachable(&mut frame, &original.as_slice(), &ETHERNET, &datagram, too_big));
        assert_eq!(fold(sum(&frame[34..], 0)), 0xffff);
        assert_eq!((&frame[34..36], &frame[40..42]), (&[3, 4][..], &[0x05, 0xaa][..]));
        assert!(unreachable(&mut frame, &original.as_slice(), &ETHERNET, &datagram, Unreachable::PORT));
        assert_eq!(fold(sum(&frame[14..34], 0)), 0xffff);
        assert_eq!(fold(sum(&frame[34..], 0)), 0xffff);
        assert_eq!((frame[34..36].as_ref(), &frame[42..]), ([3, 3].as_ref(), &original[14..42]));
    }
    fn v6(protocol: u8, flags: u8) -> Packet {
        let addr = |last| core::array::from_fn(|at| if at == 15 { last } else { at as u8 * 17 });
        Packet { src: addr(9), dst: addr(1), v6: true, l4_offset: 54, ip_len: 60, ..packet(protocol, flags) }
    }

    #[test]
    fn answers_in_ipv6_have_correct_checksums() {
        for flags in [2, 16] {
            let mut frame = [0xaa; RESET_LEN_V6];
            reset_v6(&mut frame, &ETHERNET, &v6(TCP, flags));
            assert_eq!((&frame[22..38], &frame[38..54]), (&v6(TCP, 2).dst[..], &v6(TCP, 2).src[..]));
            assert_eq!(fold(sum(&frame[54..], sum(&frame[22..54], 20 + 6))), 0xffff);
        }
        let original: [u8; 80] = core::array::from_fn(|at| (at * 9) as u8);
        let mut frame = [0xaa; UNREACHABLE_LEN_V6];
        assert!(!unreachable_v6(&mut frame, &&original[..61], &ETHERNET, &v6(UDP, 0), Unreachable::PORT));
        for (why, kind, mtu) in [(Unreachable::PORT, [1, 4], 0), (Unreachable::too_big(1430), [2, 0], 1430)] {
            assert!(unreachable_v6(&mut frame, &original.as_slice(), &ETHERNET, &v6(UDP, 0), why));
            assert_eq!(fold(sum(&frame[54..], sum(&frame[22..54], 56 + 58))), 0xffff);
            assert_eq!((&frame[54..56], &frame[62..]), (&kind[..], &original[14..62]));
            assert_eq!(u32::from_be_bytes([frame[58], frame[59], frame[60], frame[61]]), mtu);
        }
    }

    #[test]
    fn an_echo_reply_keeps_its_checksum_right() {
        let mut frame = [0; 14 + 20 + 12];
        frame[14..34]
            .copy_from_slice(&[0x45, 0, 0, 32, 0, 1, 0, 0, 64, 1, 0, 0, 198, 51, 100, 9, 203, 0, 113, 1]);
        frame[34..46].copy_from_slice(&[8, 0, 0, 0, 1, 2, 0, 1, 9, 9, 9, 9]);
        let check = (!fold(sum(&frame[34..], 0))).to_be_bytes();
        frame[36..38].copy_from_slice(&check);
        let packet = Packet { l4_offset: 34, ..packet(ICMP, 0) };
        assert!(echo_reply(&mut frame.as_mut_slice(), &ETHERNET, &packet));
        assert_eq!((frame[34], fold(sum(&frame[34..], 0))), (0, 0xffff));
        assert_eq!(frame[26..34], [203, 0, 113, 1, 198, 51, 100, 9]);
        assert!(!echo_reply(&mut &mut frame[..36], &ETHERNET, &packet), "cut short");
    }
}
