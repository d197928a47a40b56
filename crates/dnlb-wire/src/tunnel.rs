//! The outer header that an edge puts in front of a frame.

use crate::{ETHERNET_LEN, ETHERTYPE_IPV4, ETHERTYPE_IPV6, fold, word};

/// UDP port of VXLAN (RFC 7348).
pub const VXLAN_PORT: u16 = 4789;

/// Ethernet, IPv4, UDP and VXLAN.
pub const OUTER_LEN: usize = ETHERNET_LEN + 20 + 8 + 8;
/// Ethernet, IPv6, UDP and VXLAN.
pub const OUTER_LEN_V6: usize = ETHERNET_LEN + 40 + 8 + 8;

/// Everything that the outer header depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outer {
    /// Next hop's MAC address.
    pub dst_mac: [u8; 6],
    /// Uplink's MAC address.
    pub src_mac: [u8; 6],
    /// Underlay address of the receiving host, IPv4 as `::ffff:a.b.c.d`.
    pub dst: [u8; 16],
    /// Underlay address of this host, likewise and of the same family.
    pub src: [u8; 16],
    /// UDP source port: the flow's entropy for the fabric's ECMP.
    pub src_port: u16,
    /// VXLAN network identifier.
    pub vni: u32,
    /// Traffic class of the packet inside: its DSCP counts outside too, and congestion outside is told to it (RFC 6040).
    pub tos: u8,
    /// Length of the inner frame, from its Ethernet header on.
    pub inner_len: u16,
}

impl Outer {
    /// The header's bytes over IPv4: don't-fragment set, TTL 64, no UDP checksum (RFC 7348, section 5).
    #[inline(always)]
    #[must_use]
    pub fn bytes(&self) -> [u8; OUTER_LEN] {
        // Sums of words before sums of bytes: kernel programs take an address as a whole.
        let (src, dst) = (u32::from_be(word(&self.src, 3)), u32::from_be(word(&self.dst, 3)));
        let words = 0x4500 + 0x4000 + 0x4011 + u32::from(self.tos) + u32::from(self.inner_len) + 36;
        let sum = words + (src >> 16) + (src & 0xffff) + (dst >> 16) + (dst & 0xffff);
        let mut bytes = [0; OUTER_LEN];
        self.ethernet(&mut bytes, ETHERTYPE_IPV4);
        bytes[14..16].copy_from_slice(&[0x45, self.tos]);
        bytes[16..18].copy_from_slice(&(self.inner_len + 36).to_be_bytes());
        bytes[18..22].copy_from_slice(&[0, 0, 0x40, 0]);
        bytes[22..24].copy_from_slice(&[64, 17]);
        bytes[24..26].copy_from_slice(&(!fold(sum)).to_be_bytes());
        bytes[26..30].copy_from_slice(&src.to_be_bytes());
        bytes[30..34].copy_from_slice(&dst.to_be_bytes());
        self.udp(&mut bytes, 34);
        bytes
    }

    /// The same over IPv6, without UDP checksum either: tunnels may leave it out (RFC 6935).
    #[inline(always)]
    #[must_use]
    pub fn bytes_v6(&self) -> [u8; OUTER_LEN_V6] {
        let mut bytes = [0; OUTER_LEN_V6];
        self.ethernet(&mut bytes, ETHERTYPE_IPV6);
        bytes[14..18].copy_from_slice(&[0x60 | self.tos >> 4, self.tos << 4, 0, 0]);
        bytes[18..20].copy_from_slice(&(self.inner_len + 16).to_be_bytes());
        bytes[20..22].copy_from_slice(&[17, 64]);
        bytes[22..38].copy_from_slice(&self.src);
        bytes[38..54].copy_from_slice(&self.dst);
        self.udp(&mut bytes, 54);
        bytes
    }

    #[inline(always)]
    fn ethernet(&self, bytes: &mut [u8], ethertype: u16) {
        bytes[..6].copy_from_slice(&self.dst_mac);
        bytes[6..12].copy_from_slice(&self.src_mac);
        bytes[12..14].copy_from_slice(&ethertype.to_be_bytes());
    }

    /// UDP and VXLAN.
    #[inline(always)]
    fn udp(&self, bytes: &mut [u8], at: usize) {
        bytes[at..at + 2].copy_from_slice(&self.src_port.to_be_bytes());
        bytes[at + 2..at + 4].copy_from_slice(&VXLAN_PORT.to_be_bytes());
        bytes[at + 4..at + 6].copy_from_slice(&(self.inner_len + 16).to_be_bytes());
        bytes[at + 8..at + 12].copy_from_slice(&[8, 0, 0, 0]);
        bytes[at + 12..at + 16].copy_from_slice(&(self.vni << 8).to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sum;

    #[test]
    fn the_outer_ip_checksum_verifies() {
        for inner_len in [60, 1_500, 9_000] {
            let outer = Outer {
                dst_mac: [1; 6],
                src_mac: [2; 6],
                dst: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 255, 0, 1],
                src: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 168, 200, 254],
                src_port: 50_000,
                vni: 0x00ab_cdef,
                tos: 0xba,
                inner_len,
            };
            let bytes = outer.bytes();
            assert_eq!(fold(sum(&bytes[14..34], 0)), 0xffff);
            assert_eq!((bytes[15], &bytes[46..50]), (0xba, &[0xab, 0xcd, 0xef, 0][..]));
            let bytes = outer.bytes_v6();
            assert_eq!(bytes[14..16], [0x6b, 0xa0]);
            assert_eq!(u16::from_be_bytes([bytes[18], bytes[19]]), inner_len + 16);
            assert_eq!((&bytes[22..38], &bytes[38..54]), (&outer.src[..], &outer.dst[..]));
            assert_eq!(bytes[66..70], [0xab, 0xcd, 0xef, 0]);
        }
    }
}
