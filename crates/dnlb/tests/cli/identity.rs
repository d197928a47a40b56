//! Accounts, users, keys, and what is remembered of them.

use serde_json::Value;

use crate::region::{Region, Said, said};

/// Runs a command with another key.
fn run_as(region: &Region, key: &Value, line: &str, input: &str) -> Said {
    let mut command = region.bare();
    command
        .args(line.split_whitespace())
        .env("DNLB_ENDPOINT", &region.endpoint)
        .env("DNLB_REGION", "lab-1")
        .env("DNLB_ACCESS_KEY", key["accessKeyId"].as_str().unwrap())
        .env("DNLB_SECRET_KEY", key["secretKey"].as_str().unwrap());
    said(&mut command, input)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}"))
}

#[test]
fn an_account_has_users_and_keys_of_its_own_and_waits_for_hosts_that_it_does_not_see() {
    let region = Region::start();
    region.done("vpc create operators");
    let team = json(&region.done("account create team --description tenants -o json"));
    let as_admin = |line: &str| run_as(&region, &team, line, "");
    assert_eq!(as_admin("vpc list -o json").json(), Value::Array(Vec::new()), "not the operator's");
    assert_eq!(as_admin("user me -o json").json()["accountName"], "team");
    assert_eq!(as_admin("export").code, 0);

    assert_eq!(as_admin("user create ci --role viewer").code, 0);
    let key = as_admin("key create --user ci -o json").json();
    assert!(as_admin("key list").out.contains(key["accessKeyId"].as_str().unwrap()));
    let refused = run_as(&region, &key, "vpc create v", "");
    assert!(
        refused.error.contains("(403)") && refused.error.contains("role does not allow"),
        "{}",
        refused.error
    );
    assert_eq!(as_admin("user update ci --role operator").code, 0);
    assert_eq!(run_as(&region, &key, "vpc create v --prefix 10.0.0.0/16 --wait", "").code, 0);
    let id = key["accessKeyId"].as_str().unwrap();
    let rotated = as_admin(&format!("key rotate {id} --grace 60 -o json")).json();
    assert_eq!(run_as(&region, &rotated, "vpc list", "").code, 0);
    assert_eq!(as_admin(&format!("key update {id} --enabled off")).code, 0);
    assert_eq!(run_as(&region, &key, "vpc list", "").code, 1);
    assert_eq!(run_as(&region, &rotated, "vpc list", "").code, 0);
    assert_eq!(as_admin("user delete ci").code, 0);

    let audit = as_admin("audit");
    assert!(audit.out.contains("CreateVpc") && audit.out.contains(" ci "), "{}", audit.out);
    let one = as_admin("audit --filter operation=CreateVpc --limit 1 -o json").json();
    assert_eq!(one.as_array().unwrap().len(), 1);
    assert!(as_admin("audit --filter color=red").error.contains("operation"));
    let all = as_admin("audit --filter operation=CreateVpc -o json").json();
    assert_eq!(all.as_array().unwrap().len(), 1, "one was refused, and none is listed twice: {all}");
    let events = as_admin("events");
    assert_eq!(events.code, 0, "{}", events.error);

    for line in [
        "subnet create a --vpc v --prefix 10.0.1.0/24",
        "lb create l --subnet a",
        "template create t --subnet a",
        "ag create g --template t",
        "ag scale g --to 2 --wait",
    ] {
        let said = as_admin(line);
        assert_eq!(said.code, 0, "{line}: {}", said.error);
    }
    assert!(as_admin("lb convergence l").out.contains("hostCount"));
    region.acknowledge(false);
    let slow = as_admin("instance stop g-1 --wait --timeout 1");
    assert_eq!(slow.code, 1, "{}", slow.out);
    assert!(slow.error.contains("some host does not show it"), "{}", slow.error);

    region.done("account update team --enabled off");
    assert_eq!(as_admin("vpc list").code, 1);
}

#[test]
fn passwords_are_read_and_never_arguments() {
    let region = Region::start();
    let team = run(&region, "account create team --password -o json", "a-first-password\n");
    let key = json(&team.out);
    let wrong = run_as(&region, &key, "user change-password", "not-the-password\nanother-password\n");
    assert!(wrong.error.contains("oldPassword"), "{}", wrong.error);
    let missing = run_as(&region, &key, "user change-password", "a-first-password\n");
    assert!(missing.error.contains("the new password is missing"), "{}", missing.error);
    let changed = run_as(&region, &key, "user change-password", "a-first-password\nanother-password\n");
    assert_eq!(changed.code, 0, "{}", changed.error);
    let again = run_as(&region, &key, "user change-password", "another-password\na-third-password\n");
    assert_eq!(again.code, 0, "{}", again.error);
}

/// Runs a command of who operates the region, with something on its standard input.
fn run(region: &Region, line: &str, input: &str) -> Said {
    let key = serde_json::json!({"accessKeyId": region.access_key, "secretKey": region.secret_key});
    run_as(region, &key, line, input)
}
