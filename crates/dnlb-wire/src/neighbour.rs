//! Neighbour discovery: IPv6's ARP.
//!
//! Source: RFC 4861, sections 4.3, 4.4 and 7.1.1.

use crate::{
    ETHERTYPE_IPV6, Ethernet, Frame, ICMPV6, Packet,
    answer::{address_sum, put},
    fold,
};

/// Length of a frame with a neighbour advertisement and its option.
pub const ADVERTISEMENT_LEN: usize = 14 + 40 + 24 + 8;

/// A question who has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Solicitation {
    /// Address asked for.
    pub target: [u8; 16],
}

impl Solicitation {
    /// Reads the solicitation that `packet` is; nothing when it is not a valid one: it must not have passed a router.
    #[inline(always)]
    pub fn read(frame: &impl Frame, packet: &Packet) -> Option<Self> {
        const HOP_LIMIT_AT: usize = 21;
        const LEN: u32 = 24;
        let [hop_limit] = frame.read::<1>(HOP_LIMIT_AT)?;
        if hop_limit != 255 || (packet.l4_offset as u32 + LEN) > 14 + packet.ip_len {
            return None;
        }
        let target = frame.read::<16>(packet.l4_offset + 8)?;
        (target[0] != 0xff).then_some(Self { target })
    }
}

/// Writes the frame that answers the solicitation `packet`, which came with `ethernet`: `mac` has `target`.
#[inline(always)]
pub fn advertisement(
    frame: &mut [u8; ADVERTISEMENT_LEN],
    ethernet: &Ethernet,
    packet: &Packet,
    target: &[u8; 16],
    mac: [u8; 6],
) {
    // Router, solicited, override.
    const FLAGS: u8 = 0xe0;
    let word = |at: usize| u16::from_be_bytes([mac[at], mac[at + 1]]) as u32;
    let sum = address_sum(target)
        + address_sum(&packet.src)
        + 32
        + u32::from(ICMPV6)
        + 0x8800
        + (u32::from(FLAGS) << 8)
        + address_sum(target)
        + 0x0201
        + word(0)
        + word(2)
        + word(4);
    let check = (!fold(sum)).to_be_bytes();
    put(frame, 0, ethernet.src);
    put(frame, 6, mac);
    put(frame, 12, ETHERTYPE_IPV6.to_be_bytes());
    put(frame, 14, [0x60, 0, 0, 0, 0, 32, ICMPV6, 255]);
    put(frame, 22, *target);
    put(frame, 38, packet.src);
    put(frame, 54, [136, 0, check[0], check[1], FLAGS, 0, 0, 0]);
    put(frame, 62, *target);
    put(frame, 78, [2, 1, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sum;

    #[test]
    fn an_advertisement_tells_who_has_the_target() {
        let asker = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
        let target = [0xfd, 1, 2, 3, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1];
        let ethernet = Ethernet { dst: [0x33; 6], src: [2; 6], ethertype: ETHERTYPE_IPV6 };
        let packet = Packet { src: asker, v6: true, ..Packet::default() };
        let mut frame = [0xaa; ADVERTISEMENT_LEN];
        advertisement(&mut frame, &ethernet, &packet, &target, [6, 0xfe, 0, 0, 0, 1]);
        assert_eq!((&frame[..6], &frame[6..12]), (&[2; 6][..], &[6, 0xfe, 0, 0, 0, 1][..]));
        assert_eq!((&frame[22..38], &frame[38..54], &frame[62..78]), (&target[..], &asker[..], &target[..]));
        assert_eq!(frame[80..], [6, 0xfe, 0, 0, 0, 1]);
        assert_eq!(fold(sum(&frame[54..], sum(&frame[22..54], 32 + 58))), 0xffff);
    }
}
