//! What an outcome means for an operator.

use dnlb_abi::Outcome;

/// What kind of outcome it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A packet's end: it went where it should.
    Done,
    /// Counted on the way, beside the packet's end.
    Noted,
    /// A packet's end: it was refused, with an answer that says so. What an operator should look at, in one sentence.
    Refused(&'static str),
    /// A packet's end: it was dropped. What an operator should look at, in one sentence.
    Dropped(&'static str),
}

/// The kind of `outcome`.
///
/// Without a wildcard: a new outcome does not compile until somebody has written what to do about it.
#[must_use]
pub const fn kind(outcome: Outcome) -> Kind {
    use Kind::{Done, Dropped, Noted, Refused};
    match outcome {
        Outcome::Passed
        | Outcome::ArpReply
        | Outcome::Delivered
        | Outcome::Tunnelled
        | Outcome::RepliedOutside
        | Outcome::RepliedProbe
        | Outcome::Forwarded
        | Outcome::EchoReply
        | Outcome::NeighbourReply => Done,
        Outcome::Adopted
        | Outcome::Balanced
        | Outcome::Drained
        | Outcome::IcmpError
        | Outcome::SecondChance => Noted,
        Outcome::ResetDrained => Refused(
            "Nothing: the instance left its server group, and the backend service's draining time is over. `dnlb backend update --draining` gives connections more of it.",
        ),
        Outcome::ResetNoListener | Outcome::UnreachableNoListener => Refused(
            "Whether the load balancer has a listener for this protocol and port, and that both are enabled: `dnlb listener list`. Otherwise the client calls a wrong port.",
        ),
        Outcome::ResetNoBackend | Outcome::UnreachableNoBackend => Refused(
            "`dnlb health BACKEND`: no target is healthy. When there are none, the backend's server group.",
        ),
        Outcome::UnreachableTooBig => Refused(
            "Nothing, if senders heed it: that is path-MTU discovery. If it goes on, the underlay's MTU: it must be 50 bytes more than the largest packet from outside, 1,550 for the usual 1,500; 70 over IPv6.",
        ),
        Outcome::DropEthertype => {
            Dropped("`tcpdump -e` on the instance's link shows what it sends: the switch carries IP alone.")
        }
        Outcome::DropMalformed => Dropped(
            "A broken sender, or a device that cuts frames: compare the MTU of the sender's link with the underlay's.",
        ),
        Outcome::DropFragment => Dropped(
            "A few: fragments that overtook their first one. Many: the fabric sends a packet's fragments to different edges, so that none sees them all; let senders heed path-MTU discovery, which needs ICMP on the way to them.",
        ),
        Outcome::DropProtocol => {
            Dropped("What the sender speaks: this version carries TCP, UDP and pings, nothing else.")
        }
        Outcome::DropSpoofed => Dropped(
            "The instance's own configuration: it may use only the address and MAC that it was given, no others and none of a container's or VM's inside. On an edge: somebody outside forges packets; let the border drop what comes from outside with an elastic IP as its source.",
        ),
        Outcome::DropUnknownPort => Dropped(
            "Passes while an instance is made or goes. If it stays, the agent's log on this host: the configuration is not applied.",
        ),
        Outcome::DropUnknownInstance => Dropped(
            "Passes while an instance moves or goes. If it stays, `dnlb status`: a host with `APPLIED` below `WANTED` still sends here.",
        ),
        Outcome::DropForeignTunnel => Dropped(
            "Somebody who is no host of this region sends VXLAN to this one: `tcpdump udp port 4789` shows who. A host that has just joined is known within seconds; `dnlb status` for hosts that are behind.",
        ),
        Outcome::DropWrongVpc => Dropped(
            "`dnlb status` for hosts that are behind; otherwise somebody forges packets on the underlay.",
        ),
        Outcome::DropNoRoute => Dropped(
            "Whether the destination exists in the sender's VPC: `dnlb instance list`, `dnlb lb list`. There is no way out of a VPC but by an elastic IP's replies.",
        ),
        Outcome::DropNoListener => Dropped(
            "On an instance's host: `dnlb status` for hosts that are behind, since the sender knows a listener there. From an instance: as for `reset_no_listener`; a reset is not answered.",
        ),
        Outcome::DropNoBackend => {
            Dropped("As for `reset_no_backend`; resets, and datagrams with IP options, are not answered.")
        }
        Outcome::DropUnknownHost => Dropped(
            "The way to the member's host: `ip route get` and `ip neigh` on the host that drops; an edge needs the next hop's MAC address.",
        ),
        Outcome::DropNotATarget => Dropped(
            "Passes while a backend's group changes. If it stays, `dnlb status`: the sender's host is behind this one.",
        ),
        Outcome::DropAclIn => Dropped(
            "The subnet's network ACL, direction in: `dnlb acl show`. It is stateless, so replies to the instance's own calls need a rule for ports 1024-65535.",
        ),
        Outcome::DropAclOut => Dropped(
            "The subnet's network ACL, direction out: `dnlb acl show`. It is stateless, so replies to clients need a rule for ports 1024-65535.",
        ),
        Outcome::DropSecurityGroupIn => Dropped(
            "The instance's security groups, direction in: `dnlb sg show`. They see the client's own address and the instance's port, not the listener's.",
        ),
        Outcome::DropSecurityGroupOut => Dropped(
            "The instance's security groups, direction out: `dnlb sg show`. They see the VIP and the listener's port.",
        ),
        Outcome::DropNoFlow => Dropped(
            "Late packets of connections that ended are normal. Many at once: connections that were idle for longer than their listener's idle time, a route that goes only one way, or a scan. Of UDP, answers that come after the record has gone.",
        ),
        Outcome::DropFlowCollision => Dropped(
            "One client socket speaks to one instance by two addresses at the same time, as with a fixed source port: let the client choose its port.",
        ),
        Outcome::DropFlowTableFull => Dropped(
            "`dnlb flows` on this host: who holds so many. More hosts for the instances, or shorter idle times of the clients.",
        ),
        Outcome::DropTooBig => Dropped(
            "As for `unreachable_too_big`; packets that may be fragmented, or that have IP options, are not answered.",
        ),
        Outcome::DropKernel => Dropped(
            "The kernel's log and memory: it refused to change a packet. If it goes on, report it with the kernel's version.",
        ),
        Outcome::DropNeighbour => Dropped(
            "Nothing: instances try their own addresses, look for routers and report groups; the switch needs none of that.",
        ),
        Outcome::DropArp => {
            Dropped("Nothing: instances announce themselves, and the switch needs no announcements.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_outcomes_that_are_called_so_are_drops_and_refusals() {
        for &outcome in Outcome::ALL {
            let name = outcome.name();
            let refused = name.starts_with("reset_") || name.starts_with("unreachable_");
            assert_eq!(matches!(kind(outcome), Kind::Dropped(_)), name.starts_with("drop_"), "{name}");
            assert_eq!(matches!(kind(outcome), Kind::Refused(_)), refused, "{name}");
        }
    }
}
