//! What a packet pays for rules, and what changing one rule costs. Needs root.
//!
//! Every frame ends in a drop by the subnet's ACL: `BPF_PROG_TEST_RUN` does not restore a frame between repetitions, and a
//! dropped one needs no restoring. The packet matches the last rule, which is what a walk pays most for; the row without an
//! ACL drops as early as the walk begins (no route) and is the path without rules.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use dnlb_abi::{Outcome, ROUTER_MAC, instance_mac, tunnel_mac};
use dnlb_model::{Direction, FilterRule, RuleProtocol};
use dnlb_testkit::{Engine, Kernel, Program, Scene, TestFrame};

const REPEAT: u32 = 200_000;
const ROUNDS: usize = 7;

fn rule(direction: Direction, prefix: &str, ports: (u16, u16), allow: bool) -> FilterRule {
    let prefix = prefix.parse().unwrap_or_default();
    FilterRule { direction, protocol: RuleProtocol::Tcp, prefix, ports, allow }
}

/// A list of `len` rules of one shape, without the last one.
fn list(shape: &str, direction: Direction, len: u32) -> Vec<FilterRule> {
    let rule = |prefix: String, ports| rule(direction, &prefix, ports, true);
    (0..len - 1)
        .map(|at| {
            let (high, low) = (at >> 8, at & 255);
            let port = 2000 + at as u16;
            match shape {
                "addresses" => rule(format!("172.20.{high}.{low}/32"), (9000, 9000)),
                "ports" => rule("172.20.0.0/16".into(), (port, port)),
                "pairs" => rule(format!("172.20.{high}.{low}/32"), (port, port)),
                // Prefixes of all lengths and ranges of ports that overlap.
                _ => {
                    let (bits, x) = (8 + at % 25, at.wrapping_mul(0x9e37_79b9));
                    let from = (x >> 3) as u16 % 50_000 + 1;
                    let [a, b, c, d] = x.to_be_bytes();
                    // Outside of 198.51.100.0/24, so that the last rule is the one that matches.
                    let prefix: ipnet::IpNet =
                        format!("{}.{b}.{c}.{d}/{bits}", a & 63).parse().unwrap_or_default();
                    rule(prefix.trunc().to_string(), (from, from + 10_000))
                }
            }
        })
        .collect()
}

fn scene() -> Scene {
    Scene::new().instance(1, 7, "10.0.0.11", 1)
}

/// Median nanoseconds of a program for a frame, and whether it was dropped as it should be.
fn time(scene: &Scene, program: Program, frame: &TestFrame, outcome: Outcome) -> anyhow::Result<Duration> {
    let mut kernel = Kernel::new(&scene.state())?;
    let frame = frame.build();
    let seen = kernel.run(program, &frame)?;
    ensure!(seen.outcome == outcome, "{:?} instead of {outcome:?}", seen.outcome);
    let (name, cb) = match program {
        Program::FromInstance => ("from_instance", [0; 2]),
        _ => ("from_overlay_test", [7, u32::from_be_bytes(program.remote())]),
    };
    let mut rounds = (0..ROUNDS)
        .map(|_| Ok(kernel.switch().time_classifier(name, &frame, dnlb_testkit::TEST_IFINDEX, cb, REPEAT)?))
        .collect::<anyhow::Result<Vec<_>>>()?;
    rounds.sort_unstable();
    Ok(rounds[ROUNDS / 2])
}

fn main() -> anyhow::Result<()> {
    let lengths: Vec<u32> = std::env::args().skip(1).map(|len| len.parse()).collect::<Result<_, _>>()?;
    let out = TestFrame::syn("10.0.0.11:40000", "198.51.100.9:80").macs(ROUTER_MAC, instance_mac(1));
    let into =
        TestFrame::syn("198.51.100.9:40000", "10.0.0.11:80").macs(instance_mac(1), tunnel_mac(0, false));
    let bare = time(&scene(), Program::FromInstance, &out, Outcome::DropNoRoute)?;
    println!("{:<12} {:>6} {:>18} {:>18}", "list", "rules", "from_instance", "from_overlay");
    println!("{:<12} {:>6} {:>15} ns", "no ACL", "", bare.as_nanos());
    for shape in ["addresses", "ports", "pairs", "mixed"] {
        for &len in &lengths {
            let list = |direction| {
                let mut rules = list(shape, direction, len);
                rules.push(rule(direction, "198.51.100.0/24", (80, 80), false));
                rules
            };
            let rules = [list(Direction::In), list(Direction::Out)].concat();
            let scene = scene().acl(1, rules);
            let from = time(&scene, Program::FromInstance, &out, Outcome::DropAclOut)?;
            let to = time(&scene, Program::FromOverlay(7), &into, Outcome::DropAclIn)?;
            println!("{shape:<12} {len:>6} {:>15} ns {:>15} ns", from.as_nanos(), to.as_nanos());
        }
    }
    for shape in ["addresses", "mixed"] {
        update(shape, 500)?;
    }
    Ok(())
}

/// Changes one rule of `len` back and forth: compiling apart from applying.
fn update(shape: &str, len: u32) -> anyhow::Result<()> {
    let with = |port| {
        let mut rules = list(shape, Direction::In, len);
        rules.push(rule(Direction::In, "198.51.100.0/24", (port, port), true));
        scene().security(1, rules)
    };
    let mut kernel = Kernel::new(&with(80).state())?;
    let (mut compiling, mut applying) = (Vec::new(), Vec::new());
    for round in 0..21 {
        let scene = with(80 + round % 2);
        let before = Instant::now();
        let state = scene.state();
        compiling.push(before.elapsed());
        let before = Instant::now();
        kernel.switch().apply(&state).context("applying")?;
        applying.push(before.elapsed());
    }
    compiling.sort_unstable();
    applying.sort_unstable();
    println!(
        "one rule of {len} changed ({shape}): compiled in {:?}, applied in {:?}",
        compiling[10], applying[10]
    );
    Ok(())
}
