//! Names of everything that can happen to a packet.

/// Declares [`Outcome`] with its names and descriptions from one list.
macro_rules! outcomes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $number:literal, $name:literal;)*) => {
        /// What happened to a packet: index into the `OUTCOMES` map, one counter each.
        ///
        /// Numbers are part of the ABI: add at the end, never renumber.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u32)]
        pub enum Outcome {
            $($(#[doc = $doc])+ $variant = $number,)*
        }

        impl Outcome {
            /// Every outcome, in the order of its number.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name in counters, metrics and tools.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// One sentence on what it means, for the reference.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+),)* }
            }
        }
    };
}

outcomes! {
    /// Passed up to the host's own network stack: not ours to decide.
    Passed = 0, "passed";
    /// Answered an ARP request with the router's address.
    ArpReply = 1, "arp_reply";
    /// Delivered to an instance of this host.
    Delivered = 2, "delivered";
    /// Sent through the tunnel to the host of its destination.
    Tunnelled = 3, "tunnelled";
    /// A reply of an instance left by the uplink to a client outside.
    RepliedOutside = 4, "replied_outside";
    /// A reply of an instance went back to the agent's health check.
    RepliedProbe = 5, "replied_probe";
    /// An edge sent it on to the host of the chosen member.
    Forwarded = 6, "forwarded";
    /// A flow was taken over in mid-flight: its SYN was never seen here.
    Adopted = 7, "adopted";
    /// A balancer chose a member for the packet.
    Balanced = 8, "balanced";
    /// Neither IP nor ARP.
    DropEthertype = 9, "drop_ethertype";
    /// A header was cut short or its lengths contradict each other.
    DropMalformed = 10, "drop_malformed";
    /// A later fragment of a packet whose first one was not seen here.
    DropFragment = 11, "drop_fragment";
    /// A protocol, or a kind of ICMP message, that this version does not carry.
    DropProtocol = 12, "drop_protocol";
    /// The sender used an address or MAC that is not its own: an instance, or somebody outside the elastic IP that he calls.
    DropSpoofed = 13, "drop_spoofed";
    /// The interface carries no instance of ours.
    DropUnknownPort = 14, "drop_unknown_port";
    /// The tunnel's inner MAC names no instance of this host.
    DropUnknownInstance = 15, "drop_unknown_instance";
    /// The packet's VNI is not the instance's: VPCs stay apart.
    DropWrongVpc = 16, "drop_wrong_vpc";
    /// No instance and no VIP of the VPC has the destination address.
    DropNoRoute = 17, "drop_no_route";
    /// The address is not the instance's, and no listener has it.
    DropNoListener = 18, "drop_no_listener";
    /// The backend service has no usable member.
    DropNoBackend = 19, "drop_no_backend";
    /// The member's host is not known or not reachable.
    DropUnknownHost = 20, "drop_unknown_host";
    /// The instance is not a target of the backend service.
    DropNotATarget = 21, "drop_not_a_target";
    /// A rule of the subnet's network ACL denies it on the way in, or none allows it.
    DropAclIn = 22, "drop_acl_in";
    /// A rule of the subnet's network ACL denies it on the way out, or none allows it.
    DropAclOut = 23, "drop_acl_out";
    /// No rule of the instance's security groups allows the new flow in.
    DropSecurityGroupIn = 24, "drop_security_group_in";
    /// No rule of the instance's security groups allows the new flow out.
    DropSecurityGroupOut = 25, "drop_security_group_out";
    /// A packet in mid-flight whose flow is not known: neither a reply nor a new flow.
    DropNoFlow = 26, "drop_no_flow";
    /// Another flow already looks the same to the instance.
    DropFlowCollision = 27, "drop_flow_collision";
    /// The map of flow records is full.
    DropFlowTableFull = 28, "drop_flow_table_full";
    /// The packet does not fit into the tunnel, and would have to be fragmented or has IP options.
    DropTooBig = 29, "drop_too_big";
    /// The kernel refused a change of the packet.
    DropKernel = 30, "drop_kernel";
    /// An ARP packet that asks for nothing: announcements and stray replies.
    DropArp = 31, "drop_arp";
    /// A packet of a flow that the instance does not know went on to one that had the row before.
    SecondChance = 32, "second_chance";
    /// Answered a ping to a VIP or elastic IP.
    EchoReply = 33, "echo_reply";
    /// Answered a TCP segment with a reset: the VIP or elastic IP has no listener at this port.
    ResetNoListener = 34, "reset_no_listener";
    /// Answered a TCP segment with a reset: the backend service has no usable member.
    ResetNoBackend = 35, "reset_no_backend";
    /// Answered a datagram with port unreachable: the VIP or elastic IP has no listener at this port.
    UnreachableNoListener = 36, "unreachable_no_listener";
    /// Answered a datagram with port unreachable: the backend service has no usable member.
    UnreachableNoBackend = 37, "unreachable_no_backend";
    /// Answered with fragmentation needed: the packet does not fit into the tunnel and may not be fragmented.
    UnreachableTooBig = 38, "unreachable_too_big";
    /// It came through the tunnel from an address that is no host's of the region.
    DropForeignTunnel = 39, "drop_foreign_tunnel";
    /// Answered a neighbour solicitation with the router's address.
    NeighbourReply = 40, "neighbour_reply";
    /// Neighbour discovery that asks for nothing: an instance trying its own address, looking for routers, reporting groups.
    DropNeighbour = 41, "drop_neighbour";
    /// An ICMP error was taken along the flow of the packet that it quotes.
    IcmpError = 42, "icmp_error";
    /// Answered a segment of an instance with a reset: its flow's draining time is over.
    ResetDrained = 43, "reset_drained";
    /// A segment of an instance went on as a reset to its peer: its flow's draining time is over.
    Drained = 44, "drained";
}

impl Outcome {
    /// Whether it is counted for the packet's service, too: what went nowhere, and what has had a second chance.
    #[inline(always)]
    #[must_use]
    pub const fn concerns_service(self) -> bool {
        CONCERNING_SERVICES >> self as u32 & 1 != 0
    }
}

/// Those that [`Outcome::concerns_service`], a bit each.
const CONCERNING_SERVICES: u64 = {
    assert!(Outcome::ALL.len() <= 64);
    let (mut bits, mut i) = (1 << Outcome::SecondChance as u32, 0);
    while i < Outcome::ALL.len() {
        let name = Outcome::ALL[i].name().as_bytes();
        if begins(name, b"drop_") || begins(name, b"reset_") || begins(name, b"unreachable_") {
            bits |= 1 << i;
        }
        i += 1;
    }
    bits
};

const fn begins(name: &[u8], with: &[u8]) -> bool {
    let mut i = 0;
    while i < with.len() {
        if i >= name.len() || name[i] != with[i] {
            return false;
        }
        i += 1;
    }
    true
}

const _: () = {
    let mut i = 0;
    while i < Outcome::ALL.len() {
        assert!(Outcome::ALL[i] as usize == i, "outcomes are numbered without gaps, in order");
        i += 1;
    }
};
