//! What the one binary does: the command line, the lab, and the start of server and agent.
//!
//! A library, so that the binary is only it and the console, and a new console costs a link instead of a minute and a half.
#![forbid(unsafe_code)]

mod access;
mod api;
mod commands;
mod failure;
mod flood;
mod hold;
mod host;
mod kind;
mod lab;
mod load;
mod login;
mod print;
mod private_file;
mod profile;
mod profiles;
mod program;
mod region_file;
mod secret;
mod sessions;
mod suggest;
mod trace;
mod wait;

use std::process::ExitCode;

use clap::Parser;
use dnlb_server::console::Console;

/// Does what the process's arguments say. A server that they start serves this console.
#[must_use]
pub fn main(console: Console) -> ExitCode {
    match program::run(program::Program::parse(), console) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{}", failure::Told(&error));
            ExitCode::FAILURE
        }
    }
}
