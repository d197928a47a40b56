//! Loads, pins and replaces the kernel programs, and keeps their maps equal to a [`SwitchState`].
//!
//! It refuses to know where a state comes from: `dnlb-plan` compiles it, the agent hands it over. Read [`Switch`]
//! first.
//!
//! # States
//! Maps are pinned below `<pin_dir>/maps`, links below `<pin_dir>/links`. While they are pinned, packets flow whether or
//! not a process is there. Maps that look different in another version lie in another folder; a version that starts
//! takes over what is in there ([`Switch::take_over`]).

mod apply;
pub mod bench;
mod contents;
mod counters;
mod draining;
mod error;
mod events;
mod expiry;
mod groups;
mod layout;
mod live;
mod load;
mod mapped;
mod plain;
mod raw;
mod steering;
mod take;
mod takeover;
mod testrun;

pub use apply::Applied;
pub use contents::Contents;
pub use counters::LiveCounters;
pub use dnlb_plan::SwitchState;
pub use error::SwitchError;
pub use events::{Event, Events, LostEvents, Traces};
pub use expiry::{Aged, ExpiryRules};
pub use live::{LiveMaps, monotonic_ns};
pub use load::{
    Capacities, EdgeForm, ProgramFacts, ServiceOutcomes, Switch, SwitchOptions, attach_xdp_pass,
    program_facts,
};
pub use plain::Plain;
pub use steering::{every_processor, steer_by_flow};
pub use takeover::TakenOver;
pub use testrun::TestVerdict;

/// The object with all programs and maps, as the build script made it.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/dnlb-ebpf"));
