//! The lab: a whole region on one machine, in network namespaces.
//!
//! Everything in it is the real thing except the wires: a fabric router, edges, hosts in several zones and racks
//! with a real agent each, a server, and a client outside. The lab knows how to wire, start, break and remove
//! them; it knows nothing of what runs in them, and never speaks to the API. Read [`Topology`] and [`Lab`] first.
#![forbid(unsafe_code)]

mod lab;
mod netns;
mod network;
mod node_command;
mod process;
mod state;
mod topology;

pub use lab::{Access, Lab, down, own_program, remove};
pub use node_command::{Output, RUN_DIR, exec, output, serve_echo};
pub use process::Process;
pub use state::{Failure, Files, Record};
pub use topology::{
    DEFAULT_NAME, EdgeForm, Link, Node, Role, Size, Topology, UPLINK, UnderlayFamily, check_name, namespace,
};

/// Fails unless this process may make namespaces and load programs into the kernel.
///
/// # Errors
/// When this is not root.
pub fn require_root() -> anyhow::Result<()> {
    anyhow::ensure!(
        nix::unistd::geteuid().is_root(),
        "the lab makes network namespaces and loads eBPF programs, so it needs root: try again with sudo"
    );
    Ok(())
}
