//! Whom an address stands for, when somebody's share is counted.

use std::net::{IpAddr, Ipv6Addr};

/// Bits of an IPv6 address that a network gets; the rest is its own to choose.
const NETWORK_BITS: u32 = 64;

/// Where a peer is, as limits count it: an IPv4 address, or the /64 of an IPv6 address, all of which one client may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Origin(IpAddr);

impl Origin {
    /// Of an address. A socket of both families shows IPv4 as `::ffff:a.b.c.d`: that is IPv4.
    pub(super) fn of(addr: IpAddr) -> Self {
        Self(match addr.to_canonical() {
            IpAddr::V6(addr) => {
                let host = u128::MAX >> NETWORK_BITS;
                IpAddr::V6(Ipv6Addr::from_bits(addr.to_bits() & !host))
            }
            v4 => v4,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_of_ipv6_is_its_network_and_one_of_ipv4_its_address() {
        let origin = |addr: &str| Origin::of(addr.parse().unwrap());
        assert_eq!(origin("2001:db8:0:1::1"), origin("2001:db8:0:1:ffff:ffff:ffff:ffff"));
        assert_ne!(origin("2001:db8:0:1::1"), origin("2001:db8:0:2::1"));
        assert_ne!(origin("192.0.2.1"), origin("192.0.2.2"));
        assert_eq!(origin("192.0.2.1"), origin("::ffff:192.0.2.1"));
        assert_ne!(origin("::ffff:192.0.2.1"), origin("::ffff:192.0.2.2"));
    }
}
