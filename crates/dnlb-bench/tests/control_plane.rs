//! A small region, briefly: everything that is timed works.
#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use std::process::Command;

#[test]
fn a_small_region_is_built_driven_and_reported() {
    let size =
        ["--targets=60", "--target-groups=6", "--listeners=24", "--vpcs=2", "--hosts=4", "--elastic-ips=1"];
    let effort = ["--reads=2", "--clients=4", "--writes=60", "--pace=200", "--changes=2"];
    let output = Command::new(env!("CARGO_BIN_EXE_dnlb-bench"))
        .arg("control-plane")
        .args(size)
        .args(["--hosts-of-a-vpc=2"])
        .args(effort)
        .output()
        .unwrap();
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(report.contains("60 targets in 6 target groups, 24 listeners"), "{report}");
    assert!(!report.contains("NaN"), "{report}");
    // Each kind of list by three parts, name and parent, and four reads of one thing; eleven kinds of writes and their sum, twice; three kinds of changes.
    for (title, lines) in [("### Reads", 4 * 5 + 4), ("### Writes", 2 * 12), ("### From a reply", 3)] {
        let rows = report
            .split("\n### ")
            .filter(|section| section.starts_with(&title[4..]))
            .flat_map(|section| section.lines().filter(|line| line.starts_with("| ")).skip(1));
        assert_eq!(rows.count(), lines, "{title}: {report}");
    }
}
