//! Answers in place of somebody who is not there: a reset, a port unreachable.

use crate::{ETHERTYPE_IPV4, Ethernet, Frame, ICMP, Packet, TCP, TcpFlags, fold, v4};

/// Length of a frame with a reset: Ethernet, IPv4, TCP.
pub const RESET_LEN: usize = 14 + 20 + 20;
/// Length of a frame with a port unreachable: Ethernet, IPv4, ICMP, the quoted IPv4 header and eight bytes.
pub const UNREACHABLE_LEN: usize = 14 + 20 + 8 + 28;

/// One's-complement sum of an address.
#[inline(always)]
const fn address(a: [u8; 4]) -> u32 {
    u16::from_be_bytes([a[0], a[1]]) as u32 + u16::from_be_bytes([a[2], a[3]]) as u32
}

/// Writes `bytes` at `at`. Small pieces into the caller's memory: a whole frame would not fit on a kernel program's stack.
#[inline(always)]
fn put<const N: usize, const M: usize>(frame: &mut [u8; N], at: usize, bytes: [u8; M]) {
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

/// Writes the frame that resets the connection of `packet`, a TCP segment without RST that came with `ethernet`.
///
/// # Source
/// RFC 9293, section 3.10.7.1.
#[inline(always)]
pub fn reset(frame: &mut [u8; RESET_LEN], ethernet: &Ethernet, packet: &Packet) {
    let (seq, ack, flags) = if packet.flags.any(TcpFlags::ACK) {
        (packet.ack, 0, TcpFlags::RST)
    } else {
        (0, packet.seq_end, TcpFlags::RST | TcpFlags::ACK)
    };
    let (seq, ack) = (seq.to_be_bytes(), ack.to_be_bytes());
    // Pseudo header, ports, numbers, data offset of 5 words and flags; window and urgent pointer are zero.
    let sum = address(v4(packet.dst))
        + address(v4(packet.src))
        + u32::from(TCP)
        + 20
        + u32::from(packet.dst_port)
        + u32::from(packet.src_port)
        + address(seq)
        + address(ack)
        + 0x5000
        + u32::from(flags);
    let check = (!fold(sum)).to_be_bytes();
    headers(frame, ethernet, packet, TCP, 40);
    put(frame, 34, packet.dst_port.to_be_bytes());
    put(frame, 36, packet.src_port.to_be_bytes());
    put(frame, 38, seq);
    put(frame, 42, ack);
    put(frame, 46, [0x50, flags, 0, 0, check[0], check[1], 0, 0]);
}

/// Why a packet does not reach its destination: the code of an ICMP message of type 3, and the next hop's MTU where the code
/// has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreachable {
    code: u8,
    mtu: u16,
}

impl Unreachable {
    /// Nobody listens at the port.
    pub const PORT: Self = Self { code: 3, mtu: 0 };

    /// It does not fit, and may not be fragmented.
    #[inline(always)]
    #[must_use]
    pub const fn too_big(mtu: u16) -> Self {
        Self { code: 4, mtu }
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
    let mut sum = 0x0300 + u32::from(why.code) + u32::from(why.mtu);
    let mtu = why.mtu.to_be_bytes();
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
    put(frame, 34, [3, why.code, check[0], check[1], 0, 0, mtu[0], mtu[1]]);
    true
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
}
