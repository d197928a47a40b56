//! Benchmarks that need no network: the kernel programs, packet by packet, and what a change of configuration costs.
//!
//! `make bench` runs them, and `dnlb lab bench` for what needs a lab. [`programs`] holds one case for each line of the report about packets,
//! [`changes`] what a change of configuration costs. `tests/programs.rs` runs each of them briefly, so that none rots.

pub mod changes;
pub mod programs;
pub mod report;
