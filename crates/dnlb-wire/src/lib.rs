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
mod neighbour;
mod packet;
mod quote;
mod tunnel;

pub use answer::{
    ANSWER_MAX, RESET_LEN, RESET_LEN_V6, UNREACHABLE_LEN, UNREACHABLE_LEN_V6, Unreachable, echo_reply, reset,
    reset_v6, unreachable, unreachable_v6,
};
pub use checksum::{fold, replace, replace_addr, replace_pseudo, sum};
pub use frame::{Frame, OFFSET_MAX, Patch};
pub use neighbour::{ADVERTISEMENT_LEN, Solicitation, advertisement};
pub use packet::{
    ETHERNET_LEN, ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, Ethernet, Fragment, Icmp, Packet, Parsed,
    TcpFlags, arp, is_v4, parse, v4, word,
};
pub use quote::{Quote, parse_quote};
pub use tunnel::{OUTER_LEN, OUTER_LEN_V6, Outer, VXLAN_PORT};

/// IP protocol number of ICMP.
pub const ICMP: u8 = 1;
/// IP protocol number of ICMPv6.
pub const ICMPV6: u8 = 58;
/// IP protocol number of TCP.
pub const TCP: u8 = 6;
/// IP protocol number of UDP.
pub const UDP: u8 = 17;
