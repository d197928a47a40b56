//! Connections and sessions of datagrams live through everything that changes, and do not without second chance.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use std::process::Command;

/// Runs a short torture; returns its exit code and its last line.
fn torture(arguments: &[&str], second_chance: bool) -> (i32, String) {
    let program =
        std::env::var_os("DNLB_BIN").expect("DNLB_BIN names the binary: run `cargo xtask test lab`");
    let mut command = Command::new(program);
    command.args(["lab", "torture"]).args(arguments);
    if !second_chance {
        command.env("DNLB_NO_SECOND_CHANCE", "true");
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), said.lines().last().unwrap_or_default().to_owned())
}

#[test]
#[ignore = "needs root and a release build"]
fn no_connection_breaks_while_everything_changes() {
    for seed in ["3", "4"] {
        let arguments = ["--connections", "600", "--sessions", "300", "--seconds", "10", "--seed", seed];
        let (code, last) = torture(&arguments, true);
        let living = last.strip_prefix("broken: 0 of ").map(str::parse::<u32>);
        let living = living.unwrap_or_else(|| panic!("seed {seed}: {last}")).unwrap();
        assert_eq!(code, 0, "{last}");
        // At most two of six servers of each family are deleted, and what they served with them.
        assert!((450..=900).contains(&living), "{last}");
    }
}

#[test]
#[ignore = "needs root and a release build"]
fn without_second_chance_connections_break() {
    let arguments =
        ["--connections", "200", "--sessions", "100", "--seconds", "10", "--changes", "leave,join,weight"];
    let (code, last) = torture(&arguments, false);
    assert_eq!(code, 1, "{last}");
    // Nothing is deleted, so all of them count.
    let broken = last.strip_prefix("broken: ").and_then(|rest| rest.strip_suffix(" of 300"));
    let broken: u32 = broken.expect("the torture came to its end").parse().unwrap();
    assert!(broken > 75, "{last}");
}
