//! The command line as a black box: the real program against a real server, with stand-ins for agents.
#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

mod access;
mod commands;
mod declare;
mod identity;
mod login;
mod region;
mod tls;
