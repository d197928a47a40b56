//! A flood of SYNs pushes out nobody who is connected.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use std::process::Command;

#[test]
#[ignore = "needs root and a release build"]
fn established_connections_outlive_a_flood() {
    let program =
        std::env::var_os("DNLB_BIN").expect("DNLB_BIN names the binary: run `cargo xtask test lab`");
    let output =
        Command::new(program).args(["lab", "flood", "--rounds", "1", "--seconds", "1"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success());
    // The last column: without half-open records, the flood came nowhere.
    for way in ["to the elastic IP", "to the VIP"] {
        let line = said.lines().find(|line| line.contains(way)).expect("a line for each flood");
        let records: u32 = line.rsplit('|').nth(1).unwrap().trim().parse().unwrap();
        assert!(records > 1_000, "{line}");
    }
    let last = said.trim_end().lines().last().unwrap();
    assert!(last.contains(": 0 broke.") && last.ends_with(" flow records 0 were lost."), "{last}");
}
