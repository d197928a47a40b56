//! The one binary: server, agent, lab and command line.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use dnlb_server::console::Console;

fn main() -> ExitCode {
    dnlb_cli::main(Console::default())
}
