//! Every case of the benchmarks, briefly: what it times is what it says.
#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use dnlb_bench::{
    changes,
    programs::{enter, groups, harness, time},
};

#[test]
#[ignore = "needs root"]
fn every_packet_of_every_case_has_the_outcomes_that_it_is_timed_for() {
    let mut harness = harness().unwrap();
    for group in groups() {
        enter(&mut harness, &group).unwrap();
        for case in &group.cases {
            if let Err(error) = time(&mut harness, case, 300) {
                panic!("{}: {error:#}", case.name);
            }
        }
    }
}

#[test]
#[ignore = "needs root"]
fn every_change_is_applied_and_writes_little() {
    let report = changes::updates(&mut harness().unwrap(), 1).unwrap();
    assert_eq!(report.lines().count(), 2 + 6, "{report}");
}
