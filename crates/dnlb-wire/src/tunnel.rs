//! The outer header that an edge puts in front of a frame.

use crate::{ETHERNET_LEN, fold};

/// UDP port of VXLAN (RFC 7348).
pub const VXLAN_PORT: u16 = 4789;

/// Ethernet, IPv4, UDP and VXLAN.
pub const OUTER_LEN: usize = ETHERNET_LEN + 20 + 8 + 8;

/// Everything that the outer header depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outer {
    /// Next hop's MAC address.
    pub dst_mac: [u8; 6],
    /// Uplink's MAC address.
    pub src_mac: [u8; 6],
    /// Underlay address of the receiving host.
    pub dst: [u8; 4],
    /// Underlay address of this host.
    pub src: [u8; 4],
    /// UDP source port: the flow's entropy for the fabric's ECMP.
    pub src_port: u16,
    /// VXLAN network identifier.
    pub vni: u32,
    /// Length of the inner frame, from its Ethernet header on.
    pub inner_len: u16,
}

impl Outer {
    /// The header's bytes: don't-fragment set, TTL 64, no UDP checksum (RFC 7348, section 5).
    #[inline(always)]
    #[must_use]
    pub const fn bytes(&self) -> [u8; OUTER_LEN] {
        let ip_len = (self.inner_len + 36).to_be_bytes();
        let udp_len = (self.inner_len + 16).to_be_bytes();
        let (d, s, m, n) = (self.dst, self.src, self.dst_mac, self.src_mac);
        let port = self.src_port.to_be_bytes();
        let vxlan = VXLAN_PORT.to_be_bytes();
        let vni = self.vni.to_be_bytes();
        let words = 0x4500
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
            0x45, 0, ip_len[0], ip_len[1], 0, 0, 0x40, 0, 64, 17, check[0], check[1], //
            s[0], s[1], s[2], s[3], d[0], d[1], d[2], d[3], //
            port[0], port[1], vxlan[0], vxlan[1], udp_len[0], udp_len[1], 0, 0, //
            8, 0, 0, 0, vni[1], vni[2], vni[3], 0,
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
                dst: [10, 255, 0, 1],
                src: [192, 168, 200, 254],
                src_port: 50_000,
                vni: 0x00ab_cdef,
                inner_len,
            };
            let bytes = outer.bytes();
            assert_eq!(fold(sum(&bytes[14..34], 0)), 0xffff);
            assert_eq!(bytes[46..50], [0xab, 0xcd, 0xef, 0]);
        }
    }
}
