//! The packet that an ICMP error quotes.

use crate::{Frame, ICMP, ICMPV6, Packet, TCP, UDP, packet::v4_mapped};

/// The head of a packet inside an ICMP error: as its receiver, or somebody on its way, saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quote {
    /// Source address, IPv4 as `::ffff:a.b.c.d`.
    pub src: [u8; 16],
    /// Destination address, likewise.
    pub dst: [u8; 16],
    /// IP protocol number.
    pub protocol: u8,
    /// Source port, or an echo's identifier.
    pub src_port: u16,
    /// Destination port; likewise.
    pub dst_port: u16,
    /// Where its IP header begins, in bytes from the frame's start.
    pub l3_offset: usize,
    /// Where its transport header begins.
    pub l4_offset: usize,
}

/// Reads what an ICMP error quotes; false when that is not the head of a packet of a protocol that we carry.
///
/// Of the transport header eight bytes must be there. IPv6 extension headers are not looked behind.
///
/// # Source
/// RFC 792; RFC 1122, section 3.2.2; RFC 4443, section 2.4.
#[inline(always)]
pub fn parse_quote(frame: &impl Frame, packet: &Packet, quote: &mut Quote) -> bool {
    let at = packet.l4_offset + 8;
    let header_len = if packet.v6 {
        let Some(src) = frame.read::<16>(opaque(at + 8)) else {
            return false;
        };
        quote.src = src;
        let Some(dst) = frame.read::<16>(opaque(at + 24)) else {
            return false;
        };
        quote.dst = dst;
        let Some(ip) = frame.read::<8>(opaque(at)) else {
            return false;
        };
        if ip[0] >> 4 != 6 {
            return false;
        }
        quote.protocol = ip[6];
        40
    } else {
        let Some(ip) = frame.read::<20>(opaque(at)) else {
            return false;
        };
        let header_len = usize::from(ip[0] & 0x0f) * 4;
        // A later fragment has no ports.
        if ip[0] >> 4 != 4 || header_len < 20 || u16::from_be_bytes([ip[6], ip[7]]) & 0x1fff != 0 {
            return false;
        }
        let (words, _) = ip.as_chunks();
        quote.src = v4_mapped(words[3]);
        quote.dst = v4_mapped(words[4]);
        quote.protocol = ip[9];
        header_len
    };
    quote.l3_offset = at;
    quote.l4_offset = at + header_len;
    if quote.l4_offset + 8 > 14 + packet.ip_len as usize {
        return false;
    }
    let Some(header) = frame.read::<8>(opaque(quote.l4_offset)) else {
        return false;
    };
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    (quote.src_port, quote.dst_port) = (word(0), word(2));
    match quote.protocol {
        TCP | UDP => true,
        ICMP | ICMPV6 => {
            (quote.src_port, quote.dst_port) = (word(4), word(4));
            let echo = if packet.v6 { header[0] == 128 || header[0] == 129 } else { header[0] & !8 == 0 };
            echo && (quote.protocol == ICMPV6) == packet.v6
        }
        _ => false,
    }
}

/// The same number, of which the compiler knows nothing: it must not derive one offset's bounds from another's, in a form of which the
/// kernel's verifier does not see that it holds.
#[inline(always)]
fn opaque(offset: usize) -> usize {
    core::hint::black_box(offset)
}
