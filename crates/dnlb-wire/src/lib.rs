//! Header views, checksums and encapsulation, without allocation and without `unsafe`.
//!
//! The same source is compiled into the kernel programs and into everything that tests or explains them, so
//! a frame is whatever implements [`Frame`]: a pair of pointers in the kernel, a slice outside. Everything is
//! `inline(always)`: functions that stay would get BTF signatures that the kernel refuses.
//!
//! It refuses to know about VIPs, flows or maps. Read [`Packet`] first.
#![no_std]
#![forbid(unsafe_code)]

mod answer;
mod checksum;
mod frame;
mod packet;
mod tunnel;

pub use answer::{RESET_LEN, UNREACHABLE_LEN, Unreachable, reset, unreachable};
pub use checksum::{fold, replace, replace_pseudo, sum};
pub use frame::Frame;
pub use packet::{
    ETHERNET_LEN, ETHERTYPE_ARP, ETHERTYPE_IPV4, Ethernet, Packet, Parsed, TcpFlags, arp, parse, v4,
};
pub use tunnel::{OUTER_LEN, Outer, VXLAN_PORT};

/// IP protocol number of ICMP.
pub const ICMP: u8 = 1;
/// IP protocol number of TCP.
pub const TCP: u8 = 6;
/// IP protocol number of UDP.
pub const UDP: u8 = 17;
