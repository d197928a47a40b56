//! Builds the kernel programs with a toolchain that has the standard library's source, and embeds the object.
//!
//! Stable Rust by rustup comes without `rust-src`; Debian's `rustc-web` with `rust-web-src` has it, and so has a
//! rustup nightly. `docs/decisions/0002-ebpf-toolchain.md` says why not `aya-build`.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

/// A cargo and a rustc that can build `core` for BPF.
struct Toolchain {
    cargo: OsString,
    rustc: OsString,
}

fn main() {
    for path in ["../dnlb-ebpf", "../dnlb-datapath/src", "../dnlb-wire/src", "../dnlb-abi/src"] {
        println!("cargo:rerun-if-changed={path}");
    }
    println!("cargo:rerun-if-env-changed=PATH");
    if let Err(problem) = build() {
        println!("cargo::error={problem}; run `make setup` to install what the kernel programs need");
    }
}

fn build() -> Result<(), String> {
    let toolchain = toolchain().ok_or("no Rust toolchain with the source of `core` was found")?;
    let linker = find("bpf-linker").ok_or("bpf-linker was not found")?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    // Below the workspace's target folder and not below OUT_DIR, so that `core` is built once and not per profile.
    let trial = env::var_os("CARGO_FEATURE_LAYOUT_TRIAL").is_some();
    // Each variant in a folder of its own: both may be built at the same time.
    let folder = if trial { "ebpf-layout-trial" } else { "ebpf" };
    let target = out.ancestors().find(|dir| dir.join("CACHEDIR.TAG").exists()).unwrap_or(&out).join(folder);
    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let flags = [
        format!("--cfg=bpf_target_arch=\"{arch}\""),
        "-Cdebuginfo=2".to_owned(),
        "-Clink-arg=--btf".to_owned(),
        format!("-Clinker={}", linker.display()),
    ];
    let mut command = Command::new(toolchain.cargo);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let keep = text == "CARGO_HOME" || text.starts_with("CARGO_NET") || text.starts_with("CARGO_REGISTR");
        if (text.starts_with("CARGO") || text.starts_with("RUST") || text == "TARGET" || text == "MAKEFLAGS")
            && !keep
        {
            command.env_remove(name);
        }
    }
    let status = command
        .args(["build", "--release", "--locked", "--quiet", "--package=dnlb-ebpf", "-Zbuild-std=core"])
        .args(["--target=bpfel-unknown-none", "--target-dir"])
        .arg(&target)
        .args(trial.then_some("--features=layout-trial"))
        .env("RUSTC", toolchain.rustc)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
        .env("CARGO_PROFILE_RELEASE_LTO", "thin")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "2")
        .status()
        .map_err(|error| format!("cargo for the kernel programs did not start: {error}"))?;
    if !status.success() {
        return Err("the kernel programs did not build".to_owned());
    }
    for object in ["dnlb-ebpf", "dnlb-ebpf-bench"] {
        std::fs::copy(target.join("bpfel-unknown-none/release").join(object), out.join(object))
            .map_err(|error| format!("the object {object} of kernel programs is missing: {error}"))?;
    }
    Ok(())
}

/// Debian's toolchain, else rustup's nightly.
fn toolchain() -> Option<Toolchain> {
    let debian = Toolchain { cargo: "/usr/bin/cargo".into(), rustc: "/usr/bin/rustc".into() };
    let nightly = |tool: &str| -> Option<OsString> {
        let output = Command::new("rustup").args(["which", "--toolchain", "nightly", tool]).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().into())
    };
    if has_source(&debian.rustc) && Path::new(&debian.cargo).exists() {
        return Some(debian);
    }
    let nightly = Toolchain { cargo: nightly("cargo")?, rustc: nightly("rustc")? };
    has_source(&nightly.rustc).then_some(nightly)
}

fn has_source(rustc: &OsString) -> bool {
    let Ok(output) = Command::new(rustc).args(["--print", "sysroot"]).env_remove("RUSTC_WRAPPER").output()
    else {
        return false;
    };
    Path::new(String::from_utf8_lossy(&output.stdout).trim())
        .join("lib/rustlib/src/rust/library/core")
        .exists()
}

fn find(program: &str) -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let mut dirs: Vec<PathBuf> = env::split_paths(&env::var_os("PATH")?).collect();
    dirs.extend(home.map(|home| home.join("bin")));
    dirs.into_iter().map(|dir| dir.join(program)).find(|path| path.is_file())
}
