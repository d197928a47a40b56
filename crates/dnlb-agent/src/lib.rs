//! The agent: what runs on every host and keeps it equal to its configuration.
//!
//! It makes the host's devices ([`links`]), runs instances ([`compute`]), checks their health through the data path,
//! compiles configurations into kernel maps and writes those. It decides nothing that `dnlb-plan` could decide, and
//! knows no packet: `dnlb-switch` does the kernel's part.
//!
//! Nothing depends on the agent's life: instances, devices, programs and maps stay when it ends, however it ends, and
//! the next agent on the same directory takes them over as they are. [`run`] is the agent; [`purge`] removes all that
//! it made; [`guest`] is what runs inside instances.
#![forbid(unsafe_code)]

mod agent;
mod applying;
mod clock;
pub mod compute;
mod explained;
mod fleet;
mod flow_log;
pub mod guest;
mod host_names;
pub mod links;
mod probes;
mod questions;
mod run_dir;
mod status;
mod teller;
mod trace_socket;
mod traffic;

pub use agent::{EdgeChoice, Options, power_off, purge, run};
pub use applying::saved_config;
pub use explained::explained;
pub use host_names::HostNames;
pub use run_dir::{RunDir, RunDirError, RunDirLock};
