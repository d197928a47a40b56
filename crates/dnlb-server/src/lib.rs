//! The server: HTTP API, agents' streams and the region's control loop around one durable region.
//!
//! Read [`RegionStore`] first: everything here reads its snapshots and changes it by transactions.
#![deny(unsafe_code)]

pub mod access;
pub mod agents;
mod background;
pub mod console;
pub mod control;
pub mod http;
pub mod journal;
mod maintenance;
pub mod metrics;
mod new_file;
pub mod observed;
pub mod openapi;
pub mod ops;
mod options;
pub mod questions;
mod region_store;
#[cfg(test)]
mod test_scene;
mod tls;
pub mod traces;

pub use maintenance::{Maintenance, maintain};
pub use options::{Options, run};
pub use region_store::{OpenError, RegionStore, TransactError};
