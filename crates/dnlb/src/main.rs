//! The one binary: server, agent, lab and command line.
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

fn main() -> ExitCode {
    match program::run(program::Program::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{}", failure::Told(&error));
            ExitCode::FAILURE
        }
    }
}
