//! One table of cases for both families: addresses are written as IPv4 and mean IPv6 in a test that says so.

use std::{
    cell::Cell,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use ipnet::IpNet;

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4: addresses mean what they say.
    V4,
    /// IPv6: they are the last four bytes of an address below `fd00:10::/96`; those of health checks are
    /// the other family's.
    V6,
}

thread_local! {
    static FAMILY: Cell<Family> = const { Cell::new(Family::V4) };
}

/// Runs `test` with addresses of `family`. Each test has its own thread.
pub fn with_family<T>(family: Family, test: impl FnOnce() -> T) -> T {
    let before = FAMILY.replace(family);
    let result = test();
    FAMILY.set(before);
    result
}

/// The family of this test.
#[must_use]
pub fn family() -> Family {
    FAMILY.get()
}

/// What an address of a test means in its family.
#[must_use]
pub(crate) fn address(v4: Ipv4Addr) -> IpAddr {
    match family() {
        Family::V4 => v4.into(),
        Family::V6 => v6(v4).into(),
    }
}

fn v6(v4: Ipv4Addr) -> Ipv6Addr {
    let [a, b, c, d] = v4.octets();
    if v4.octets() == dnlb_abi::PROBE_SOURCE {
        return dnlb_abi::PROBE_SOURCE_V6.into();
    }
    if a >= 240 {
        return dnlb_abi::probe_address_v6(u32::from_be_bytes([a & 0x0f, b, c, d])).into();
    }
    Ipv6Addr::from([0xfd, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d])
}

/// Parses an address of a test.
///
/// # Panics
/// When the text is none: tests write it.
#[must_use]
pub fn parse_address(text: &str) -> IpAddr {
    let parsed: IpAddr = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    match parsed {
        IpAddr::V4(v4) => address(v4),
        v6 @ IpAddr::V6(_) => v6,
    }
}

/// Parses `address:port` of a test.
///
/// # Panics
/// When the text is none: tests write it.
#[must_use]
pub fn parse_endpoint(text: &str) -> SocketAddr {
    let parsed: SocketAddr = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    match parsed {
        SocketAddr::V4(v4) => SocketAddr::new(address(*v4.ip()), v4.port()),
        v6 @ SocketAddr::V6(_) => v6,
    }
}

/// Parses a prefix of a test; `0.0.0.0/0` is everybody in either family.
///
/// # Panics
/// When the text is none: tests write it.
#[must_use]
pub fn parse_prefix(text: &str) -> IpNet {
    let parsed: IpNet = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    match (parsed, family()) {
        (IpNet::V4(v4), Family::V6) if v4.prefix_len() == 0 => {
            IpNet::new(Ipv6Addr::UNSPECIFIED.into(), 0).unwrap_or_default()
        }
        (IpNet::V4(v4), Family::V6) => {
            // An address that means something else has a length of its own.
            let bits = if v4.addr().octets() == dnlb_abi::PROBE_SOURCE { 128 } else { 96 + v4.prefix_len() };
            IpNet::new(v6(v4.addr()).into(), bits).unwrap_or_default()
        }
        (other, _) => other,
    }
}
