//! The official clients of the API as black boxes: SDKs and command line as users install them, against a real region.
//!
//! Each client is a program of its own, in `clients/`, which does a user's whole work from an empty VPC to healthy targets and
//! back to nothing, and checks every reply. They work at the same time, in one region.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod common;

use std::{
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use common::Region;

/// What clients make, by the commands that list it.
const LISTS: &[&str] = &[
    "vpc list",
    "subnet list",
    "sg list",
    "acl list",
    "eip list",
    "template list",
    "ag list",
    "instance list",
    "lb list",
    "backend list",
    "listener list",
    "target-group list",
];

#[test]
#[ignore = "needs root, a release build and the clients: `cargo xtask test lab` sees to all of them"]
fn official_clients_do_the_whole_work_and_leave_nothing() {
    let region = Region::up_with("clients", "up --hosts-per-rack 1");
    let python = |version: &str, program: &str| {
        let mut command = Command::new(installed(&format!("python-{version}/bin/python")));
        command.arg(sources().join("python").join(program)).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    };
    let mut node = Command::new("node");
    node.arg(sources().join("node/workflow.js")).env("DNLB_NODE_MODULES", installed("node/node_modules"));
    let clients = [
        ("Python SDK 1.6.180", python("1.6.180", "sdk_workflow.py")),
        ("Python SDK 1.6.354", python("1.6.354", "sdk_workflow.py")),
        ("command line 1.2.12", python("1.6.180", "jdc_workflow.py")),
        ("Node SDK 1.2.202", node),
    ];
    let failed: Vec<&str> = thread::scope(|scope| {
        let run = |(name, mut command): (&'static str, Command)| {
            let region = &region;
            (name, scope.spawn(move || region.access(&mut command).output().unwrap()))
        };
        let running: Vec<_> = clients.into_iter().map(run).collect();
        let ended = running.into_iter().map(|(name, client)| (name, client.join().unwrap()));
        let told = ended.map(|(name, output)| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            println!("{name}: {}\n{}{}", output.status, text(&output.stdout), text(&output.stderr));
            (name, output.status.success())
        });
        told.filter(|(_, fine)| !fine).map(|(name, _)| name).collect()
    });
    assert!(failed.is_empty(), "{failed:?} failed, see above");
    for list in LISTS {
        assert_eq!(region.dnlb(list), serde_json::json!([]), "`dnlb {list}`");
    }
}

/// The programs' sources.
fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../clients")
}

/// Something of what `scripts/setup.sh --clients` has installed.
fn installed(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/clients").join(name);
    assert!(path.exists(), "{} is missing: run `scripts/setup.sh --clients`", path.display());
    path
}
