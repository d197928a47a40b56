//! The one binary: server, agent, lab and command line, and the console in it.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use dnlb_server::console::{Console, File};

/// The console's files, as they were when this was built: see build.rs. Empty where no console was built before.
const CONSOLE: &[File] = include!(concat!(env!("OUT_DIR"), "/console.rs"));

fn main() -> ExitCode {
    dnlb_cli::main(Console::new(CONSOLE))
}
