//! Sending a packet through the tunnel.

use dnlb_abi::Outcome;
use dnlb_wire::Packet;

use crate::{Rewrite, Sink, Tables, Tunnel};

/// Sends `packet` to the host with index `to_host`; `tunnel` lacks only its address.
#[inline(always)]
pub(crate) fn send<S: Sink>(
    tables: &impl Tables,
    to_host: u32,
    tunnel: Tunnel,
    packet: &Packet,
    rewrite: &Rewrite,
    sink: S,
) -> S::Verdict {
    let Some(host) = tables.host(to_host) else {
        return sink.drop(Outcome::DropUnknownHost);
    };
    if host.addr == [0; 16] {
        return sink.drop(Outcome::DropUnknownHost);
    }
    sink.tunnel(&Tunnel { remote: host.addr, tos: packet.tos, ..tunnel }, packet, rewrite)
}
