//! What fuzzers have found worth keeping: every entry of `corpus`, again. `cargo xtask fuzz` looks for more.

use std::{collections::BTreeSet, path::Path};

use dnlb_testkit::fuzz::{Pair, decide, parse};

fn entries(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut entries = Vec::new();
    for file in std::fs::read_dir(folder).expect("the corpus is here") {
        let path = file.expect("it can be listed").path();
        entries.push((path.display().to_string(), std::fs::read(&path).expect("it can be read")));
    }
    entries.sort();
    entries
}

#[test]
fn the_parser_reads_nothing_beyond_a_frame() {
    let mut reached = BTreeSet::new();
    for (name, bytes) in entries("parse") {
        reached.extend(parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error:#}")));
    }
    // Both families, whole, cut short and unknown; TCP, UDP and ICMP; quotes.
    assert!(reached.len() >= 20, "{reached:?}");
}

#[test]
fn rules_hold_for_every_verdict() {
    let mut reached = BTreeSet::new();
    for (name, bytes) in entries("decide") {
        reached.extend(decide(&bytes).unwrap_or_else(|error| panic!("{name}: {error:#}")));
    }
    assert!(reached.len() >= 100, "{} kinds: {reached:?}", reached.len());
}

#[test]
#[ignore = "needs root"]
fn the_loaded_programs_decide_the_corpus_as_the_pure_function_does() {
    let mut pair = Pair::new().expect("the programs load");
    for (name, bytes) in entries("decide") {
        pair.decide(&bytes).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    }
}
