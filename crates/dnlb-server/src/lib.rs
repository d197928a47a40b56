//! The server: HTTP API, agents' streams and the region's control loop around one durable region.
//!
//! Read [`RegionStore`] first: everything here reads its snapshots and changes it by transactions.
#![forbid(unsafe_code)]

pub mod agents;
pub mod control;
pub mod observed;
mod region_store;
#[cfg(test)]
mod test_scene;

pub use region_store::{OpenError, RegionStore, TransactError};
