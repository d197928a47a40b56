//! Packets in, packets out: one table of cases for the pure function and for the loaded programs.
//!
//! A [`Scene`] is a host's configuration in a few words, compiled by `dnlb-plan` as the agent does it. An [`Engine`]
//! runs frames on it: [`Pure`] calls `dnlb-datapath` with tables made of ordinary collections, [`Kernel`] runs the
//! loaded programs by `BPF_PROG_TEST_RUN`. Read `tests/packets.rs` for what cases look like.
#![forbid(unsafe_code)]

mod choices;
mod engine;
mod family;
mod frames;
pub mod fuzz;
mod kernel;
mod pure;
mod random;
mod scene;

pub use choices::Choices;
pub use engine::{Concerned, Engine, Program, Seen};
pub use family::{Family, family, parse_address, parse_endpoint, parse_prefix, with_family};
pub use frames::{TestFrame, arp_request, checksums_hold, solicitation};
pub use kernel::Kernel;
pub use pure::Pure;
pub use random::random_frame;
pub use scene::{Scene, TEST_IFINDEX};
