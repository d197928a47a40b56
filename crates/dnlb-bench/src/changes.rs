//! What a change of configuration costs the agent, and how many rows move with it.

use std::{collections::BTreeMap, hint::black_box, net::Ipv4Addr, time::Instant};

use anyhow::{Context, Result, ensure};
use dnlb_abi::MemberEntry;
use dnlb_model::{Direction, FilterRule, MemberConfig, MemberSet, RuleProtocol};
use dnlb_plan::{Allocation, Compiler, chains, maglev, row_count};
use dnlb_switch::bench::Harness;
use dnlb_testkit::Scene;
use ipnet::IpNet;

use crate::report::{Samples, table};

/// Bytes of a row that every packet reads, and of one that only packets of unknown flows read.
const HOT_BYTES: usize = 2;
const COLD_BYTES: usize = 8;
/// Services that the host knows while one of them changes, and backend services behind them.
const SERVICES: u32 = 10_000;
const BACKENDS: u32 = 1_000;
/// Members of the backend service that gets one more, unless another number is said.
const MEMBERS: u32 = 99;
/// VNI of the VPC.
const VNI: u32 = 7;

/// Tables of 10, 100 and 1,000 members: time to build, size, and movement when one of them leaves.
#[must_use]
pub fn rows(rounds: u32) -> String {
    let lines: Vec<_> = [10, 100, 1_000]
        .into_iter()
        .map(|members| {
            let count = row_count(members as usize);
            let equal = set((1..=members).map(|number| (number, 10)), count);
            let weighted = set((1..=members).map(|number| (number, 1 + number % 100)), count);
            let fewer = set((2..=members).map(|number| (number, 10)), count);
            let remembered = [fewer, equal.clone()];
            let bytes =
                count as usize * (HOT_BYTES + COLD_BYTES) + members as usize * size_of::<MemberEntry>();
            vec![
                members.to_string(),
                count.to_string(),
                bytes.to_string(),
                format!("{:.3}", time(rounds, || maglev(&equal)).median()),
                format!("{:.3}", time(rounds, || maglev(&weighted)).median()),
                format!("{:.3}", time(rounds, || chains(&remembered, |_| true)).median()),
                format!("{:.2}", moved_by_removal(&equal, maglev)),
                format!("{:.2}", moved_by_removal(&equal, plain_maglev)),
            ]
        })
        .collect();
    let head = [
        "members",
        "rows",
        "bytes",
        "build, ms",
        "unequal weights, ms",
        "with chains after a removal, ms",
        "rows moved by a removal, against its own",
        "plain Maglev",
    ];
    table(&head, &lines)
}

/// What the agent needs from a configuration to maps that hold it, on a host that knows 10,000 services: when it goes through what
/// changed, and when it begins from nothing and looks at every map.
///
/// # Errors
/// The kernel refuses, or a change wrote more than what changed.
pub fn updates(harness: &mut Harness, rounds: u32) -> Result<String> {
    let mut lines = Vec::new();
    let usual = || region(MEMBERS, false, 100);
    let changes = [
        ("nothing", usual(), usual()),
        ("a tenth member", region(9, false, 100), region(9, true, 100)),
        ("a hundredth member", usual(), region(MEMBERS, true, 100)),
        ("a thousandth member", region(999, false, 100), region(999, true, 100)),
        ("one of 100 rules of an instance", usual(), region(MEMBERS, false, 101)),
        ("one more listener", usual(), usual().also(SERVICES + 1, "10.1.3.232", 9_999)),
    ];
    for (name, before, after) in changes {
        let mut samples = [(); 6].map(|()| Samples::default());
        for _ in 0..rounds {
            let mut compiler = Compiler::new(Allocation::default());
            let (config, local) = before.inputs();
            compiler.update(&config, &local)?;
            harness.switch().apply(compiler.state()).context("filling the maps")?;
            compiler.applied();
            let mut places = compiler.allocation().clone();

            let (config, local) = after.inputs();
            let (compile, updated) = timed(|| compiler.update(&config, &local));
            updated?;
            let (apply, applied) =
                timed(|| harness.switch().apply_changes(compiler.state(), compiler.changes()));
            let writes = applied.context("applying a change")?.writes;

            let (whole_compile, whole) = timed(|| dnlb_plan::compile(&config, &local, &mut places));
            let whole = whole?;
            ensure!(whole == *compiler.state(), "{name}: not the same as from nothing");
            let (whole_apply, applied) = timed(|| harness.switch().apply(&whole));
            ensure!(
                applied.context("looking at every map")?.writes == 0,
                "{name}: something was not written"
            );
            let all = [compile, apply, compile + apply, writes as f64, whole_compile, whole_apply];
            samples.iter_mut().zip(all).for_each(|(samples, value)| samples.add(value));
        }
        // The last lines of rules stay in the map when nobody names them, so that later rounds write fewer.
        let writes = samples[3].quantile(1.0);
        let [compile, apply, both, _, whole_compile, whole_apply] =
            samples.each_ref().map(|samples| format!("{:.2}", samples.median()));
        let writes = format!("{writes:.0}");
        lines.push(vec![name.to_owned(), compile, apply, both, writes, whole_compile, whole_apply]);
    }
    let head = [
        "what changes",
        "compile, ms",
        "apply, ms",
        "together, ms",
        "words written",
        "compile from nothing, ms",
        "look at every map, ms",
    ];
    Ok(table(&head, &lines))
}

/// A host that knows 10,000 services; the last backend service has so many members, or has `grown` by one, and the instance here
/// so many rules.
fn region(members: u32, grown: bool, rules: u16) -> Scene {
    let mut scene = Scene::new().instance(1, VNI, "10.0.0.10", 1);
    let list = (1..=rules).map(|number| {
        let [high, low] = number.to_be_bytes();
        let prefix = IpNet::new(Ipv4Addr::new(11, high, low, 0).into(), 24).unwrap_or_default();
        FilterRule {
            direction: Direction::In,
            protocol: RuleProtocol::Tcp,
            prefix,
            ports: (80, 80),
            allow: true,
        }
    });
    scene = scene.security(1, list.collect());
    for backend in 1..=BACKENDS {
        let vip = Ipv4Addr::from(0x0a01_0000 + backend).to_string();
        let count = if backend == BACKENDS { members + u32::from(grown) } else { 4 };
        let targets: Vec<_> =
            (1..=count).map(|member| (backend * 1_000 + member, 2 + (member % 3) as u16, 8080)).collect();
        scene = scene.service(backend, VNI, &vip, 80, &targets);
        if backend == BACKENDS {
            if grown {
                let former: Vec<_> = targets.iter().map(|&(number, host, _)| (number, host)).collect();
                scene = scene.former(&former[..members as usize]);
            }
            scene = scene.rows(row_count(members as usize + 1));
        }
        for listener in 1..SERVICES / BACKENDS {
            scene = scene.also(BACKENDS * listener + backend, &vip, 80 + listener as u16);
        }
    }
    scene
}

fn set(members: impl Iterator<Item = (u32, u32)>, rows: u32) -> MemberSet {
    let member = |(number, weight)| (number, MemberConfig { host: 1, weight });
    MemberSet { members: members.map(member).collect(), rows }
}

/// Milliseconds, and what came of it.
fn timed<T>(run: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = run();
    (start.elapsed().as_secs_f64() * 1e3, result)
}

/// Milliseconds.
fn time<T>(rounds: u32, run: impl Fn() -> T) -> Samples {
    let mut samples = Samples::default();
    for _ in 0..rounds {
        samples.add(timed(|| black_box(run())).0);
    }
    samples
}

/// Rows that change hands when a member leaves, against those that it had: the mean over some of the members.
fn moved_by_removal(set: &MemberSet, table: impl Fn(&MemberSet) -> Vec<u32>) -> f64 {
    let before = table(set);
    let every = (set.members.len() / 20).max(1);
    let (mut moved, mut owned) = (0, 0);
    for number in set.members.keys().step_by(every) {
        let mut fewer = set.clone();
        fewer.members.remove(number);
        moved += before.iter().zip(table(&fewer)).filter(|(a, b)| **a != *b).count();
        owned += before.iter().filter(|owner| *owner == number).count();
    }
    moved as f64 / owned as f64
}

/// The paper's algorithm, for members of equal weight: whoever's turn it is takes its next free row.
fn plain_maglev(set: &MemberSet) -> Vec<u32> {
    let rows = set.rows;
    let mut places: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
    for &number in set.members.keys() {
        let hash = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hash = (hash ^ hash >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let hash = hash ^ hash >> 32;
        places.insert(number, ((hash >> 32) as u32 % rows, (hash as u32 % rows) | 1));
    }
    let mut table = vec![0; rows as usize];
    let mut left = rows;
    while left > 0 {
        for (&number, (row, stride)) in &mut places {
            while table[*row as usize] != 0 {
                *row = (*row + *stride) % rows;
            }
            table[*row as usize] = number;
            left -= 1;
            if left == 0 {
                break;
            }
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_every_size_are_measured() {
        assert_eq!(rows(1).lines().count(), 5);
    }

    #[test]
    fn a_change_is_one_of_the_last_backend_service_or_of_rules() {
        let mut places = Allocation::default();
        let before = region(MEMBERS, false, 100).state_after(&mut places);
        let after = region(MEMBERS, true, 100).state_after(&mut places);
        let changed = before.rows.iter().filter(|range| !after.rows.contains(range)).count();
        // Every VIP has an entry of its own, for pings and for ports without a listener.
        assert_eq!((changed, before.services.entries.len()), (1, (SERVICES + BACKENDS) as usize));
    }
}
