//! Loads every program, as the agent does, and prints what the kernel's verifier made of it. Needs root.
//!
//! `cargo xtask insns`. Fails when a program comes near the verifier's limit of a million instructions: twenty times
//! less leaves room for the next feature and for kernels that prune worse.

use std::process::ExitCode;

/// Instructions that the verifier may walk in one program.
const CEILING: u32 = 400_000;

fn main() -> ExitCode {
    let facts = match dnlb_switch::program_facts() {
        Ok(facts) => facts,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    println!(
        "{:<16} {:>12} {:>9} {:>14} {:>15}",
        "program", "verified", "of limit", "BPF bytes", "machine bytes"
    );
    let mut fits = true;
    for program in &facts {
        let share = f64::from(program.verified_instructions) / 10_000.0;
        println!(
            "{:<16} {:>12} {:>8.2}% {:>14} {:>15}",
            program.name, program.verified_instructions, share, program.bytes, program.jited_bytes
        );
        fits &= program.verified_instructions > 0 && program.verified_instructions <= CEILING;
    }
    if fits {
        ExitCode::SUCCESS
    } else {
        eprintln!("a program has more than {CEILING} verified instructions, or the kernel did not tell");
        ExitCode::FAILURE
    }
}
