//! How long rows take to build, and how many move when a member leaves, beside plain Maglev.
//!
//! `cargo run --release -p dnlb-plan --example rows`

use std::{
    collections::BTreeMap,
    hint::black_box,
    time::{Duration, Instant},
};

use dnlb_model::{MemberConfig, MemberSet};
use dnlb_plan::{chains, maglev, row_count};

fn main() {
    println!("members   rows  build ms  weighted ms  chains ms  rows moved by a removal / rows it had");
    println!("                                                   here    plain Maglev");
    for members in [2, 4, 10, 50, 100, 200, 1_000] {
        let rows = row_count(members as usize);
        let equal = set((1..=members).map(|number| (number, 10)), rows);
        let weighted = set((1..=members).map(|number| (number, 1 + number % 100)), rows);
        println!(
            "{members:7} {rows:6} {:9.3} {:12.3} {:10.3} {:10.2} {:12.2}",
            milliseconds(|| maglev(&equal)),
            milliseconds(|| maglev(&weighted)),
            milliseconds(|| chains(std::slice::from_ref(&equal), |_| true)),
            moved_by_removal(&equal, maglev),
            moved_by_removal(&equal, plain_maglev),
        );
    }
}

fn set(members: impl Iterator<Item = (u32, u32)>, rows: u32) -> MemberSet {
    let member = |(number, weight)| (number, MemberConfig { host: 1, weight });
    MemberSet { members: members.map(member).collect(), rows }
}

/// The best of many runs: what the computation takes when nobody else uses the machine.
fn milliseconds<T>(run: impl Fn() -> T) -> f64 {
    let time = || {
        let start = Instant::now();
        black_box(run());
        start.elapsed()
    };
    (0..30).map(|_| time()).min().unwrap_or(Duration::ZERO).as_secs_f64() * 1e3
}

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
