//! Looks for bytes that break what must hold: `cargo xtask fuzz --seconds 60`.
//!
//! Starts from the corpus, changes its entries at random, and adds those that reach something new: a verdict with counters that no
//! other entry has, a shape of header. What breaks is written to `target/fuzz` and printed.
#![allow(clippy::print_stdout, reason = "a report for whoever runs it")]

use std::{
    collections::{BTreeSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use dnlb_testkit::{
    Choices, Family,
    fuzz::{Pair, Reached, decide, parse},
    random_frame, with_family,
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

/// Longest entry; shorter ones are easier to understand.
const LONGEST: usize = 600;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let seconds: u64 = arguments.next().context("seconds")?.parse().context("seconds")?;
    let seed: u64 = arguments.next().map_or(Ok(1), |it| it.parse()).context("seed")?;
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let each = Duration::from_secs(seconds) / 3;
    fuzz("parse", &corpus.join("parse"), each, seed, some_frame, parse)?;
    fuzz("decide", &corpus.join("decide"), each, seed, some_bytes, decide)?;
    match Pair::new() {
        // What the pure function reaches says what is new here as well.
        Ok(mut pair) => fuzz("programs", &corpus.join("decide"), each, seed + 1, some_bytes, |bytes| {
            pair.decide(bytes)?;
            decide(bytes)
        }),
        Err(error) => {
            println!("programs: left out, {error:#}");
            Ok(())
        }
    }
}

fn fuzz(
    name: &str,
    corpus: &Path,
    time: Duration,
    seed: u64,
    fresh: fn(&mut StdRng) -> Vec<u8>,
    mut target: impl FnMut(&[u8]) -> Result<Reached>,
) -> Result<()> {
    let mut rng = StdRng::seed_from_u64(seed);
    std::fs::create_dir_all(corpus)?;
    let mut entries: Vec<Vec<u8>> = Vec::new();
    let mut reached = BTreeSet::new();
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(corpus)?.map(|it| Ok(it?.path())).collect::<Result<_>>()?;
    files.sort();
    for file in files {
        let bytes = std::fs::read(&file)?;
        reached.extend(run(name, &bytes, &mut target)?);
        entries.push(bytes);
    }
    let (start, before, mut runs) = (Instant::now(), entries.len(), 0_u64);
    while start.elapsed() < time {
        let bytes = changed(&mut rng, &entries, fresh);
        runs += 1;
        let new = run(name, &bytes, &mut target)?;
        if !new.is_subset(&reached) {
            reached.extend(new);
            std::fs::write(corpus.join(file_name(&bytes)), &bytes)?;
            entries.push(bytes);
        }
    }
    println!(
        "{name}: {runs} runs, nothing broke; {} entries ({} new) reach {} kinds",
        entries.len(),
        entries.len() - before,
        reached.len()
    );
    Ok(())
}

/// Runs the target; what breaks it is kept.
fn run(name: &str, bytes: &[u8], target: &mut impl FnMut(&[u8]) -> Result<Reached>) -> Result<Reached> {
    let broken = match catch_unwind(AssertUnwindSafe(|| target(bytes))) {
        Ok(Ok(reached)) => return Ok(reached),
        Ok(Err(error)) => format!("{error:#}"),
        Err(_) => "it panicked".to_owned(),
    };
    let folder = Path::new("target/fuzz");
    std::fs::create_dir_all(folder)?;
    let file = folder.join(format!("{name}-{}", file_name(bytes)));
    std::fs::write(&file, bytes)?;
    bail!("{name}: {}: {broken}", file.display())
}

fn file_name(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn some_bytes(rng: &mut StdRng) -> Vec<u8> {
    (0..rng.random_range(1..LONGEST)).map(|_| rng.random()).collect()
}

fn some_frame(rng: &mut StdRng) -> Vec<u8> {
    let family = if rng.random() { Family::V4 } else { Family::V6 };
    let bytes = some_bytes(rng);
    with_family(family, || random_frame(&mut Choices::new(&bytes)).1)
}

/// An entry, changed in some places; now and then something entirely new.
fn changed(rng: &mut StdRng, entries: &[Vec<u8>], fresh: fn(&mut StdRng) -> Vec<u8>) -> Vec<u8> {
    let mut bytes = entries.choose(rng).cloned().unwrap_or_default();
    if bytes.is_empty() || rng.random_bool(0.1) {
        bytes = fresh(rng);
    }
    for _ in 0..rng.random_range(0..6) {
        let at = rng.random_range(0..=bytes.len());
        match rng.random_range(0..6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..8),
            1 if at < bytes.len() => bytes[at] = *[0, 1, 0x7f, 0x80, 0xff].choose(rng).unwrap_or(&0),
            2 => bytes.insert(at, rng.random()),
            3 if at < bytes.len() => drop(bytes.remove(at)),
            4 => bytes.truncate(at),
            5 => {
                if let Some(other) = entries.choose(rng) {
                    let from = rng.random_range(0..=other.len());
                    bytes.truncate(at);
                    bytes.extend(&other[from..]);
                }
            }
            _ => bytes.push(rng.random()),
        }
    }
    bytes.truncate(LONGEST);
    bytes
}
