//! The outer header that an edge puts in front of a frame.

use crate::{ETHERNET_LEN, fold, v4};

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
    pub const fn bytes(&self) -> [u8; OUTER_LEN] {
        let ip_len = (self.inner_len + 36).to_be_bytes();
        let udp_len = (self.inner_len + 16).to_be_bytes();
        let (d, s, m, n) = (v4(self.dst), v4(self.src), self.dst_mac, self.src_mac);
        let port = self.src_port.to_be_bytes();
        let vxlan = VXLAN_PORT.to_be_bytes();
        let vni = self.vni.to_be_bytes();
        let words = 0x4500
            + self.tos as u32
            + (self.inner_len as u32 + 36)
            + 0x4000
            + 0x4011
            + u16::from_be_bytes([s[0], s[1]]) as u32
            + u16::from_be_bytes([s[2], s[3]]) as u32
            + u16::from_be_bytes([d[0], d[1]]) as u32
            + u16::from_be_bytes([d[2], d[3]]) as u32;
        let check = (!fold(words)).to_be_bytes();
        [
            m[0], m[1], m[2], m[3], m[4], m[5], n[0], n[1], n[2], n[3], n[4], n[5], 8, 0, //
            0x45, self.tos, ip_len[0], ip_len[1], 0, 0, 0x40, 0, 64, 17, check[0], check[1], //
            s[0], s[1], s[2], s[3], d[0], d[1], d[2], d[3], //
            port[0], port[1], vxlan[0], vxlan[1], udp_len[0], udp_len[1], 0, 0, //
            8, 0, 0, 0, vni[1], vni[2], vni[3], 0,
        ]
    }

    /// The same over IPv6, without UDP checksum either: tunnels may leave it out (RFC 6935).
    #[inline(always)]
    #[must_use]
    pub const fn bytes_v6(&self) -> [u8; OUTER_LEN_V6] {
        let len = (self.inner_len + 16).to_be_bytes();
        let (d, s, m, n) = (&self.dst, &self.src, self.dst_mac, self.src_mac);
        let port = self.src_port.to_be_bytes();
        let vxlan = VXLAN_PORT.to_be_bytes();
        let vni = self.vni.to_be_bytes();
        [
            m[0],
            m[1],
            m[2],
            m[3],
            m[4],
            m[5],
            n[0],
            n[1],
            n[2],
            n[3],
            n[4],
            n[5],
            0x86,
            0xdd, //
            0x60 | self.tos >> 4,
            self.tos << 4,
            0,
            0,
            len[0],
            len[1],
            17,
            64, //
            s[0],
            s[1],
            s[2],
            s[3],
            s[4],
            s[5],
            s[6],
            s[7],
            s[8],
            s[9],
            s[10],
            s[11],
            s[12],
            s[13],
            s[14],
            s[15], //
            d[0],
            d[1],
            d[2],
            d[3],
            d[4],
            d[5],
            d[6],
            d[7],
            d[8],
            d[9],
            d[10],
            d[11],
            d[12],
            d[13],
            d[14],
            d[15], //
            port[0],
            port[1],
            vxlan[0],
            vxlan[1],
            len[0],
            len[1],
            0,
            0, //
            8,
            0,
            0,
            0,
            vni[1],
            vni[2],
            vni[3],
            0,
        ]
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
