//! The agent: what every host runs.
#![forbid(unsafe_code)]

pub mod compute;
pub mod guest;
pub mod links;
mod run_dir;

pub use run_dir::{RunDir, RunDirError};
