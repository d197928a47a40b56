//! Proof by building: a crate that must not know an operating system is compiled where there is none.
//!
//! Neither target's library is to be had ready-made without a download, so both are built from the sources that come
//! with Debian's Rust (or with rustup's nightly). `wasm32-unknown-unknown` has a `std` in which every call that
//! would do I/O fails, so the crates for it are also searched for such calls.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};

use crate::run::{exists, step};

/// No `std`, no allocator.
const BARE: [&str; 3] = ["dnlb-abi", "dnlb-datapath", "dnlb-wire"];

/// `std`, but values in and values out.
const PURE: [&str; 3] = ["dnlb-explain", "dnlb-model", "dnlb-plan"];

/// What only a crate that acts would name.
const IMPURE: [&str; 9] = [
    "std::env",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::os",
    "std::process",
    "std::thread",
    "Instant::now",
    "SystemTime::now",
];

/// Builds the pure crates and searches them.
pub(crate) fn check() -> Result<()> {
    let bare = build("core", "x86_64-unknown-none", &BARE)?;
    step("purity: no operating system", bare)?;
    let pure = build("std,panic_abort", "wasm32-unknown-unknown", &PURE)?;
    step("purity: Wasm", pure)?;
    for name in PURE {
        search(&Path::new("crates").join(name).join("src"))?;
    }
    Ok(())
}

fn build(library: &str, target: &str, packages: &[&str]) -> Result<Command> {
    let mut command = if Path::new("/usr/lib/rustlib/src/rust/library").is_dir() {
        let mut command = Command::new("/usr/bin/cargo");
        command.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
        command
    } else if exists("rustup") {
        let mut command = Command::new("rustup");
        command.args(["run", "nightly", "cargo"]);
        command
    } else {
        bail!("no Rust with the library's sources is installed: run scripts/setup.sh");
    };
    for name in ["RUSTUP_TOOLCHAIN", "RUSTFLAGS", "CARGO", "RUSTDOC"] {
        command.env_remove(name);
    }
    command.args(["build", "--quiet", "--target-dir", "target/purity", "-Z"]);
    command.arg(format!("build-std={library}")).args(["--target", target]);
    command.args(packages.iter().flat_map(|package| ["-p", package]));
    Ok(command)
}

fn search(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            search(&path)?;
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        for word in IMPURE {
            ensure!(!text.contains(word), "{}: `{word}` in a pure crate", path.display());
        }
    }
    Ok(())
}
