//! Flow records in words.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv6Addr},
};

use dnlb_abi::{Addr, FlowKey, FlowRecord};

/// How far a flow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowState {
    /// Its opener has not gone on since the other side answered.
    HalfOpen,
    /// Both sides speak.
    Established,
    /// One side has said that it is done.
    Closing,
    /// Both sides have.
    Closed,
    /// One side has broken it off.
    Reset,
}

impl FlowState {
    /// Every state, in the order of a flow's life.
    pub const ALL: [Self; 5] = [Self::HalfOpen, Self::Established, Self::Closing, Self::Closed, Self::Reset];

    /// The state of a record; `established`: it lies in `FLOWS`.
    #[must_use]
    pub const fn of(record: &FlowRecord, established: bool) -> Self {
        const FINS: u32 = FlowRecord::FLAG_FIN_IN | FlowRecord::FLAG_FIN_OUT;
        if record.flags & FlowRecord::FLAG_RESET != 0 {
            return Self::Reset;
        }
        match record.flags & FINS {
            FINS => Self::Closed,
            0 if established => Self::Established,
            0 => Self::HalfOpen,
            _ => Self::Closing,
        }
    }

    /// Its word in tools.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::HalfOpen => "half-open",
            Self::Established => "established",
            Self::Closing => "closing",
            Self::Closed => "closed",
            Self::Reset => "reset",
        }
    }
}

/// An address and a port, or any port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address.
    pub addr: IpAddr,
    /// The port; none: any.
    pub port: Option<u16>,
}

impl Endpoint {
    /// Whether a flow's end is this one.
    #[must_use]
    pub fn is(&self, addr: &Addr, port: u16) -> bool {
        self.addr == ip(addr) && self.port.is_none_or(|wanted| wanted == port)
    }
}

/// Which flows are wanted; what is none does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowFilter {
    /// Numbers of instances.
    pub instances: Option<BTreeSet<u32>>,
    /// The other side.
    pub peer: Option<Endpoint>,
    /// [`destination`].
    pub vip: Option<Endpoint>,
    /// The state.
    pub state: Option<FlowState>,
}

impl FlowFilter {
    /// Whether a record is one of those that are wanted.
    #[must_use]
    pub fn matches(&self, key: &FlowKey, record: &FlowRecord, established: bool) -> bool {
        let (peer_port, _) = ports(key);
        let (addr, port) = destination(key, record);
        self.instances.as_ref().is_none_or(|wanted| wanted.contains(&key.instance))
            && self.peer.is_none_or(|wanted| wanted.is(&key.peer, peer_port))
            && self.vip.is_none_or(|wanted| wanted.is(&addr, port))
            && self.state.is_none_or(|wanted| wanted == FlowState::of(record, established))
    }
}

/// What the flow's opener spoke to, before any translation: a VIP, an EIP, or the other side itself.
#[must_use]
pub const fn destination(key: &FlowKey, record: &FlowRecord) -> (Addr, u16) {
    if record.flags & FlowRecord::FLAG_OUTBOUND != 0 {
        (key.peer, ports(key).0)
    } else {
        (record.original_addr, record.original_port)
    }
}

/// The peer's port and the instance's.
#[must_use]
pub const fn ports(key: &FlowKey) -> (u16, u16) {
    (key.ports as u16, (key.ports >> 16) as u16)
}

/// An address of a map as people write it.
#[must_use]
pub fn ip(addr: &Addr) -> IpAddr {
    Ipv6Addr::from(*addr).to_canonical()
}

/// Where a flow's replies go.
#[must_use]
pub const fn via(via: u16) -> &'static str {
    match via {
        FlowRecord::VIA_OVERLAY => "overlay",
        FlowRecord::VIA_UPLINK => "uplink",
        FlowRecord::VIA_PROBE => "probe",
        _ => "unknown",
    }
}

/// An IP protocol's name, or its number.
#[must_use]
pub fn protocol(number: u32) -> String {
    match number {
        1 => "icmp".to_owned(),
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        58 => "icmpv6".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use dnlb_abi::v4_mapped;

    use super::*;

    const KEY: FlowKey =
        FlowKey { peer: v4_mapped([198, 51, 100, 9]), instance: 4, ports: 40_000 | 8080 << 16, protocol: 6 };
    const RECORD: FlowRecord = FlowRecord {
        original_addr: v4_mapped([203, 0, 113, 1]),
        original_port: 80,
        via: FlowRecord::VIA_UPLINK,
        flags: FlowRecord::FLAG_TRANSLATED,
        service: 1,
        rules: 1,
        last_used_ns: 0,
        packets_in: 1,
        packets_out: 0,
        bytes: 40,
        end: 0,
        peer_port: 0,
    };

    fn state(flags: u32, established: bool) -> &'static str {
        FlowState::of(&FlowRecord { flags, ..RECORD }, established).word()
    }

    #[test]
    fn a_flow_passes_through_its_states_in_order() {
        let (fin_in, fin_out) = (FlowRecord::FLAG_FIN_IN, FlowRecord::FLAG_FIN_OUT);
        assert_eq!(state(0, false), "half-open");
        assert_eq!(state(FlowRecord::FLAG_ANSWERED, false), "half-open");
        assert_eq!(state(FlowRecord::FLAG_ANSWERED, true), "established");
        assert_eq!((state(fin_in, true), state(fin_out, false)), ("closing", "closing"));
        assert_eq!(state(fin_in | fin_out, true), "closed");
        assert_eq!(state(fin_in | fin_out | FlowRecord::FLAG_RESET, true), "reset");
    }

    #[test]
    fn the_destination_of_a_flow_is_what_its_opener_spoke_to() {
        let (addr, port) = destination(&KEY, &RECORD);
        assert_eq!((ip(&addr).to_string(), port), ("203.0.113.1".to_owned(), 80));
        let outbound = FlowRecord { flags: FlowRecord::FLAG_OUTBOUND, ..RECORD };
        let (addr, port) = destination(&KEY, &outbound);
        assert_eq!((ip(&addr).to_string(), port), ("198.51.100.9".to_owned(), 40_000));
    }

    #[test]
    fn a_filter_lets_through_what_agrees_in_every_part() {
        let endpoint = |addr: &str, port| Some(Endpoint { addr: addr.parse().unwrap(), port });
        let all = FlowFilter {
            instances: Some([4].into()),
            peer: endpoint("198.51.100.9", None),
            vip: endpoint("203.0.113.1", Some(80)),
            state: Some(FlowState::HalfOpen),
        };
        assert!(all.matches(&KEY, &RECORD, false));
        assert!(FlowFilter::default().matches(&KEY, &RECORD, true));
        for wrong in [
            FlowFilter { instances: Some([5].into()), ..all.clone() },
            FlowFilter { peer: endpoint("198.51.100.9", Some(1)), ..all.clone() },
            FlowFilter { vip: endpoint("203.0.113.2", None), ..all.clone() },
            FlowFilter { state: Some(FlowState::Closed), ..all.clone() },
        ] {
            assert!(!wrong.matches(&KEY, &RECORD, false), "{wrong:?}");
        }
    }
}
