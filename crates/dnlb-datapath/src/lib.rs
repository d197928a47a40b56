//! The one decision function of the data path, in four roles: [`from_instance`], [`from_overlay`], [`edge()`] and
//! [`probe`].
//!
//! The same source runs in the kernel programs, in tests and in tools. It reads a [`Frame`], asks [`Tables`],
//! and calls exactly one method of a sink with the verdict; [`Sink`] says why it is not an enum.
//! It refuses to know how maps are reached and how a verdict is carried out.
//!
//! Read [`from_instance`] first: the way of a packet from an instance is that one function.
#![no_std]
#![forbid(unsafe_code)]

mod answer;
mod deliver;
mod edge;
mod flow;
mod fragment;
mod from_instance;
mod from_overlay;
mod hash;
mod icmp_error;
mod probe;
mod room;
mod rules;
mod second_chance;
mod service;
mod sink;
mod tables;
mod trace;
mod tunnel;

use dnlb_abi::Outcome;
use dnlb_wire::Parsed;
pub use dnlb_wire::{Frame, Outer, Packet};
pub use edge::edge;
pub use flow::is_over;
pub use from_instance::from_instance;
pub use from_overlay::from_overlay;
pub use hash::{flow_hash, row_of};
pub use icmp_error::{flow_of_error, rewrite_error};
pub use probe::probe;
pub use room::Room;
pub use rules::{RuleQuery, RuleSearch, Rules, rule_matches};
pub use second_chance::MemberSearch;
pub use sink::{EdgeSink, Rewrite, Sink, Tunnel};
pub use tables::{Flow, Tables};
pub use trace::{describe, flow_sampled, goes_on, look, read_outer, traces_wanting, wants};

/// Why a packet that parsed like this goes no further; nothing when it may.
#[inline(always)]
const fn refusal(parsed: Parsed) -> Option<Outcome> {
    match parsed {
        Parsed::Malformed => Some(Outcome::DropMalformed),
        Parsed::Packet => None,
        Parsed::UnknownProtocol => Some(Outcome::DropProtocol),
    }
}
