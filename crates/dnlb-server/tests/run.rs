//! The server as it is started: from options, on an inherited socket, twice over the same data.
#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

use std::{net::TcpListener, os::fd::IntoRawFd, path::Path, sync::mpsc, time::Duration};

use clap::Parser;
use dnlb_api::client::Client;
use dnlb_server::console::Console;
use serde_json::{Value, json};

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    options: dnlb_server::Options,
}

/// A running server; ends when it is dropped.
struct Running {
    client: Client,
    _runtime: tokio::runtime::Runtime,
}

fn start(dir: &Path, more: &[&str]) -> Result<Running, String> {
    let api = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = api.local_addr().unwrap().to_string();
    let token = dir.join("token");
    std::fs::write(&token, "0123456789abcdef\n").unwrap();
    let path = |name: &str| dir.join(name).display().to_string();
    let (data, token, key, fd) =
        (path("data"), path("token"), path("key.json"), api.into_raw_fd().to_string());
    let mut arguments = vec![
        "dnlb",
        "--region",
        "lab-1",
        "--azs",
        "lab-1a,lab-1b",
        "--data-dir",
        &data,
        "--api-fd",
        &fd,
        "--agent-listen",
        "127.0.0.1:0",
        "--join-token-file",
        &token,
        "--access-key-file",
        &key,
    ];
    arguments.extend(more);
    let options = Program::try_parse_from(arguments).map_err(|error| error.to_string())?.options;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (failed, failure) = mpsc::channel();
    runtime.spawn(async move {
        if let Err(error) = dnlb_server::run(options, Console::default()).await {
            let _ = failed.send(format!("{error:#}"));
        }
    });
    // The socket accepts from the beginning; the first answer comes when the server is ready.
    loop {
        if let Ok(text) = std::fs::read(dir.join("key.json")) {
            let key: Value = serde_json::from_slice(&text).unwrap();
            let client = Client {
                endpoint: endpoint.clone(),
                trust: None,
                region: "lab-1".into(),
                access_key: key["accessKey"].as_str().unwrap().into(),
                secret_key: key["secretKey"].as_str().unwrap().into(),
                token: None,
            };
            if client.call("dnlb", "GET", "status", &[], None::<&Value>).is_ok() {
                return Ok(Running { client, _runtime: runtime });
            }
        }
        if let Ok(error) = failure.recv_timeout(Duration::from_millis(10)) {
            return Err(error);
        }
    }
}

#[test]
fn a_server_comes_back_with_what_it_knew() {
    let dir = tempfile::tempdir().unwrap();
    let first = start(dir.path(), &["--eip-pool", "203.0.113.0/24", "--quota", "vpcs=1"]).unwrap();
    let vpc = json!({"vpcName": "v"});
    let made = first.client.call("vpc", "POST", "vpcs/", &[], Some(&vpc)).unwrap();
    let error = first.client.call("vpc", "POST", "vpcs/", &[], Some(&vpc)).unwrap_err();
    assert!(error.to_string().contains("quota"), "{error}");
    let eip = json!({"maxCount": 1, "elasticIpSpec": {"bandwidthMbps": 5}});
    first.client.call("vpc", "POST", "elasticIps/", &[], Some(&eip)).unwrap();
    drop(first);

    let refused = start(dir.path(), &["--eip-pool", "198.51.100.0/24"]).err().unwrap();
    assert!(refused.contains("203.0.113.1) is in none of the pools"), "{refused}");

    let second = start(dir.path(), &["--eip-pool", "203.0.113.0/24"]).unwrap();
    let listed = second.client.call("vpc", "GET", "vpcs/", &[], None::<&Value>).unwrap();
    assert_eq!(listed["vpcs"][0]["vpcId"], made["vpcId"]);
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(
        start(dir.path(), &["--quota", "x=1"])
            .err()
            .unwrap()
            .contains("a quota is one of access_keys, accounts, acls")
    );
    assert!(
        start(dir.path(), &["--api-listen", "127.0.0.1:0"]).err().unwrap().contains("cannot be used with")
    );
    assert!(
        start(dir.path(), &["--azs", "other-a"]).err().unwrap().contains("`other-a` does not begin with")
    );
}
