//! `dnlb server backup`, `check`, `restore`, `export` and `import`, as an operator types them.
#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

mod common;

use std::{fs, os::unix::fs::PermissionsExt};

use dnlb_api::client::Client;
use serde_json::{Value, json};

use crate::common::Site;

fn create(client: &Client, name: &str) {
    client.call("vpc", "POST", "vpcs/", &[], Some(&json!({"vpcName": name}))).unwrap();
}

fn names(client: &Client) -> Vec<String> {
    let reply = client.call("vpc", "GET", "vpcs/", &[], None::<&Value>).unwrap();
    let names =
        reply["vpcs"].as_array().unwrap().iter().map(|vpc| vpc["vpcName"].as_str().unwrap().to_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn a_region_goes_into_a_backup_and_comes_out_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let site = Site::new(dir.path(), &[]);
    let mut server = site.start();
    let client = site.ready(&mut server);
    create(&client, "before");
    let backup = dir.path().join("backup");
    let to = ["--to", backup.to_str().unwrap()];
    let from = ["--from", backup.to_str().unwrap()];
    let made = site.maintain("backup", &to).unwrap();
    assert_eq!((&made["backup"], &made["schema"]), (&json!(backup), &json!(2)));
    assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(site.maintain("backup", &to).unwrap_err().contains("nothing is written over it"));
    create(&client, "after");
    assert!(site.maintain("restore", &from).unwrap_err().contains("in use by another server"));
    server.kill();

    let restored = site.maintain("restore", &from).unwrap();
    let former = site.data.join("region.db.before-restore-1");
    assert_eq!((&restored["formerStore"], &restored["revision"]), (&json!(former), &made["revision"]));
    assert!(former.exists());
    let mut server = site.start();
    assert_eq!(names(&site.ready(&mut server)), ["before"]);
}

#[test]
fn a_region_moves_to_another_directory_as_lines_of_json() {
    let dir = tempfile::tempdir().unwrap();
    let site = Site::new(dir.path(), &[]);
    let mut server = site.start();
    create(&site.ready(&mut server), "moved");
    let export = dir.path().join("export");
    let exported = site.maintain("export", &["--to", export.to_str().unwrap()]).unwrap();
    assert_eq!(fs::metadata(&export).unwrap().permissions().mode() & 0o777, 0o600);
    let from = ["--from", export.to_str().unwrap()];
    assert!(site.maintain("import", &from).unwrap_err().contains("in use by another server"));
    server.kill();
    assert!(site.maintain("import", &from).unwrap_err().contains("only an empty one"));

    let other = dir.path().join("other");
    fs::create_dir(&other).unwrap();
    let other = Site::new(&other, &[]);
    let imported = other.maintain("import", &from).unwrap();
    assert_eq!(imported["entries"], exported["entries"]);
    // Its keys came with it, so that the next server makes none.
    fs::copy(site.data.join("access-key.json"), other.data.join("access-key.json")).unwrap();
    let mut server = other.start();
    assert_eq!(names(&other.ready(&mut server)), ["moved"]);
}

#[test]
fn a_damaged_region_is_found_by_a_check_and_refused_by_a_server() {
    let dir = tempfile::tempdir().unwrap();
    let site = Site::new(dir.path(), &[]);
    assert!(site.maintain("check", &[]).unwrap_err().contains("region.db"), "there is none yet");
    assert!(!site.data.exists(), "looking makes nothing");
    let mut server = site.start();
    create(&site.ready(&mut server), "a-name-to-look-for");
    server.kill();
    // Takes the write-ahead log in.
    let mut server = site.start();
    site.ready(&mut server);
    server.kill();
    assert_eq!(site.maintain("check", &[]).unwrap()["serverRuns"], false);

    let path = site.data.join("region.db");
    let mut bytes = fs::read(&path).unwrap();
    let name = b"a-name-to-look-for";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
    bytes[at] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let found = site.maintain("check", &[]).unwrap_err();
    assert!(found.contains("is damaged: `") && found.contains("is not what was written"), "{found}");
    let refused = site.fails();
    assert!(
        refused.contains("is damaged") && refused.contains("dnlb server restore --data-dir"),
        "{refused}"
    );
    assert_eq!(fs::read(&path).unwrap(), bytes, "nobody has touched it");
}
