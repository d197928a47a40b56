//! The API from outside: real HTTP on loopback against a real server and store, without agents.
#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

mod accounts;
mod ag_weights;
mod asking;
mod console;
mod edges;
mod examples;
mod families;
mod lists;
mod quotas;
mod refusals;
mod row_distribution;
mod schemathesis;
mod server;
mod signatures;
mod walk;
