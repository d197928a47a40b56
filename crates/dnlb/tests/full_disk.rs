//! A server whose disk is full says so, goes on reading, and writes again once there is room.
#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

mod common;

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};

use dnlb_api::client::{CallError, Client};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};
use serde_json::{Value, json};

use crate::common::Site;

/// Mounts a small disk that this thread and its children alone see; it goes with them.
fn small_disk(at: &Path) {
    const NOTHING: Option<&str> = None;
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING).unwrap();
    fs::create_dir(at).unwrap();
    mount(Some("tmpfs"), at, Some("tmpfs"), MsFlags::empty(), Some("size=2m,mode=700")).unwrap();
}

/// Takes all the room that is left.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    while file.write(&[0; 4096]).is_ok_and(|written| written > 0) {}
}

fn create(client: &Client, number: usize) -> Result<Value, CallError> {
    let vpc = json!({"vpcName": format!("v-{number}"), "description": "x".repeat(250)});
    client.call("vpc", "POST", "vpcs/", &[], Some(&vpc))
}

fn count(client: &Client) -> u64 {
    let query = [("pageSize".to_owned(), "10".to_owned())];
    client.call("vpc", "GET", "vpcs/", &query, None::<&Value>).unwrap()["totalCount"].as_u64().unwrap()
}

#[test]
#[ignore = "needs root: mounts a small disk in a mount namespace of its own"]
fn a_full_disk_refuses_writes_clearly_loses_nothing_and_hurts_no_longer_than_it_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let site = Site::new(dir.path(), &["vpcs=100000"]);
    small_disk(&site.data);
    let mut server = site.start();
    let client = site.ready(&mut server);
    for number in 0..20 {
        create(&client, number).unwrap();
    }
    let ballast = site.data.join("ballast");
    fill(&ballast);

    // What was reserved before may take some more.
    let mut acknowledged = 20;
    let refused = loop {
        assert!(acknowledged < 5_000, "the disk never gets full");
        match create(&client, acknowledged) {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    let refusal = |error: CallError| match error {
        CallError::Api(error) => (error.code, error.status, error.message),
        other => panic!("{other}"),
    };
    let (code, status, message) = refusal(refused);
    assert_eq!((code, status.as_str()), (503, "HTTP_SERVICE_UNAVAILABLE"), "{message}");
    assert!(message.contains("no space left on its disk: nothing was changed"), "{message}");
    assert_eq!(refusal(create(&client, 9999).unwrap_err()).0, 503, "still");
    assert_eq!(count(&client), acknowledged as u64, "reading goes on");
    assert!(site.log().contains("no space left for the store"), "{}", site.log());

    fs::remove_file(&ballast).unwrap();
    for number in 0..20 {
        create(&client, number).unwrap();
    }
    acknowledged += 20;
    assert_eq!(count(&client), acknowledged as u64);
    let checked = site.maintain("check", &[]).unwrap();
    assert_eq!(checked["serverRuns"], true);
    server.kill();

    let checked = site.maintain("check", &[]).unwrap();
    assert_eq!(checked["serverRuns"], false);
    let mut server = site.start();
    assert_eq!(count(&site.ready(&mut server)), acknowledged as u64);
}
