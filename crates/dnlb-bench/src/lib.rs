//! Benchmarks that need no network: the kernel programs, packet by packet, what a change of configuration costs, and a server with a large region.
//!
//! `make bench` runs them, and `dnlb lab bench` for what needs a lab. [`programs`] holds one case for each line of the report about packets,
//! [`changes`] what a change of configuration costs, [`control_plane`] a server, its clients and its agents. The tests run each of them briefly, so
//! that none rots.

pub mod changes;
pub mod control_plane;
pub mod programs;
pub mod report;
