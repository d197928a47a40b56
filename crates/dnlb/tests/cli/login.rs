//! Sessions of the command line: by a password, in a file of their own, until they end.

use std::{fs, os::unix::fs::MetadataExt};

use serde_json::Value;

use crate::region::{Region, Said, said};

/// Runs a command of somebody who knows where the region is and has no key.
fn keyless(region: &Region, line: &str, input: &str) -> Said {
    let mut command = region.bare();
    command.args(line.split_whitespace());
    command.env("DNLB_ENDPOINT", &region.endpoint).env("DNLB_REGION", "lab-1");
    if region.ca_file.exists() {
        command.env("DNLB_CA_FILE", &region.ca_file);
    }
    said(&mut command, input)
}

/// The password of the first administrator.
fn password(region: &Region) -> String {
    let text = fs::read(region.dir().join("key.json")).unwrap();
    let key: Value = serde_json::from_slice(&text).unwrap();
    key["password"].as_str().unwrap().to_owned()
}

#[test]
fn a_session_takes_the_place_of_a_key_until_one_logs_out() {
    let region = Region::with(&["--tls-name", "localhost"]);
    let before = keyless(&region, "vpc list", "");
    assert!(before.code != 0 && before.error.contains("dnlb login"), "{}", before.error);

    let wrong = keyless(&region, "login admin", "not the password\n");
    assert!(wrong.code != 0 && wrong.error.contains("password is wrong"), "{}", wrong.error);
    let nobody = keyless(&region, "login", "x\n");
    assert!(nobody.error.contains("dnlb login USER"), "{}", nobody.error);

    let entered = keyless(&region, "login admin -o json", &password(&region)).json();
    assert_eq!(entered["user"], "admin/admin");
    let file = region.dir().join("config/dnlb/sessions.toml");
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    assert!(!fs::read_to_string(&file).unwrap().contains(&password(&region)));
    let made = keyless(&region, "vpc create by-session --prefix 10.0.0.0/16", "");
    assert_eq!(made.code, 0, "{}", made.error);
    assert_eq!(keyless(&region, "user me -o json", "").json()["userName"], "admin");
    // A token that came over https is not sent over http.
    let plain = keyless(&region, "--scheme http vpc list", "");
    assert!(plain.code != 0 && plain.error.contains("dnlb login"), "{}", plain.error);

    let token = fs::read_to_string(&file).unwrap();
    assert_eq!(keyless(&region, "logout", "").code, 0);
    assert!(!fs::read_to_string(&file).unwrap().contains("token"));
    assert!(keyless(&region, "logout", "").error.contains("nobody is logged in"));
    // The server has ended it, too.
    fs::write(&file, token).unwrap();
    let ended = keyless(&region, "vpc list", "");
    assert!(ended.code != 0 && ended.error.contains("the session has ended"), "{}", ended.error);
    assert_eq!(keyless(&region, "logout", "").code, 0, "what has ended is forgotten");
}

#[test]
fn a_profile_needs_no_key_and_a_key_for_one_command_wins_over_a_session() {
    let region = Region::start();
    let mut add = region.bare();
    add.args(["profile", "add", "p", "--endpoint", &region.endpoint, "--region", "lab-1"]);
    assert_eq!(said(&mut add, "").code, 0);
    region.done("account create team");
    region.file("password", &password(&region));
    let mut login = region.bare();
    let entered =
        said(login.args(["login", "admin", "--account", "admin", "--password-file", "password"]), "");
    assert_eq!(entered.code, 0, "{}", entered.error);
    assert_eq!(said(region.bare().args(["vpc", "list"]), "").code, 0, "by profile and session");

    let key = region.run("key list -o json").json();
    assert_eq!(key.as_array().unwrap().len(), 1);
    let mut wrong_key = region.bare();
    wrong_key.env("DNLB_ACCESS_KEY", &region.access_key).env("DNLB_SECRET_KEY", "wrong");
    let refused = said(wrong_key.args(["vpc", "list"]), "");
    assert!(refused.error.contains("check the access key"), "{}", refused.error);
    assert_eq!(said(region.bare().arg("logout"), "").code, 0);
}
