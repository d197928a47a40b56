//! The API's document: valid OpenAPI, and true. Schemathesis makes up requests from it, valid ones and others: no 5xx,
//! every reply as the document says.
//!
//! `cargo xtask test api` installs what is needed and runs this; `DNLB_SCHEMATHESIS` holds further options for Schemathesis.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use dnlb_api::client::exchange;
use serde_json::json;

use crate::server::{ACCESS_KEY, Network, REGION, SECRET_KEY, Server};

#[test]
#[ignore = "takes more than a minute and Schemathesis: `cargo xtask test api`"]
fn replies_are_what_the_document_says_whatever_is_asked() {
    // Enough of everything: most of what is made up should be made, not refused.
    let many = [
        "acls",
        "ags",
        "backends",
        "elastic_ips",
        "instances",
        "listeners",
        "load_balancers",
        "security_groups",
        "subnets",
        "target_groups",
        "templates",
        "vpcs",
    ]
    .map(|name| format!("{name}=100000"));
    let server = Server::with_quotas(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let pools = ["198.18.0.0/16", "2001:db8:e::/112"].map(|pool| pool.parse().unwrap());
    server.transact(|region| Arc::make_mut(&mut region.settings).eip_pools = pools.to_vec());
    let known = known(&server);
    let mut command = Command::new(program("schemathesis"));
    command
        .current_dir(root().join("tests/schemathesis"))
        .args(["--config-file", "schemathesis.toml", "run", "--seed", "1", "--max-examples", "12"])
        .args(std::env::var("DNLB_SCHEMATHESIS").unwrap_or_default().split_whitespace())
        .arg(format!("http://{}/openapi.json", server.client.endpoint))
        .env("DNLB_ACCESS_KEY", ACCESS_KEY)
        .env("DNLB_SECRET_KEY", SECRET_KEY)
        .env("DNLB_KNOWN", known.to_string())
        .env("DNLB_OWN", own(&server).to_string())
        .env("HYPOTHESIS_STORAGE_DIRECTORY", root().join("target/schemathesis/hypothesis"));
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{status}");
}

#[test]
#[ignore = "needs openapi-spec-validator: `cargo xtask test api`"]
fn every_document_is_valid_openapi() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    for path in ["openapi", "openapi/ag", "openapi/dnlb", "openapi/lb", "openapi/vm", "openapi/vpc"] {
        let target = format!("/{path}.json");
        // Without a signature: whoever wants to read it may.
        let answer = exchange(None, &server.client.endpoint, "GET", &target, &[], &[]).unwrap();
        assert_eq!(answer.status, 200, "{target}");
        let file = dir.path().join(path.replace('/', "-"));
        std::fs::write(&file, &answer.body).unwrap();
        let output = Command::new(program("openapi-spec-validator")).arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{target}: {said}");
    }
}

/// Who calls: key, user and account.
fn own(server: &Server) -> serde_json::Value {
    let caller = server.get("dnlb", "sessions/current", &[])["caller"].clone();
    json!([ACCESS_KEY, caller["userId"], caller["accountId"]])
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A program of the environment that scripts/setup.sh makes.
fn program(name: &str) -> PathBuf {
    root().join("target/schemathesis/bin").join(name)
}

/// Values that exist, by the names that parameters and fields have for them.
fn known(server: &Server) -> serde_json::Value {
    let networks = [Network::new(server, "one"), Network::new(server, "two")];
    let all =
        |id: fn(&Network) -> &String| networks.iter().map(|network| id(network).clone()).collect::<Vec<_>>();
    let balancers: Vec<String> = networks.iter().map(|network| network.load_balancer(server)).collect();
    let backends: Vec<String> = networks
        .iter()
        .zip(&balancers)
        .map(|(network, balancer)| network.backend(server, balancer))
        .collect();
    let listener = networks[0].listener(server, &balancers[0], &backends[0], 80);
    let instances: Vec<String> = networks.iter().flat_map(|network| network.grow(server, 3)).collect();
    let group = json!({"targetGroupName": "tg", "loadBalancerId": balancers[0]});
    let group = server.create("lb", "targetGroups/", "targetGroupId", group);
    let target = json!({"targetSpecs": [{"instanceId": instances[0]}]});
    server.post("lb", &format!("targetGroups/{group}:registerTargets"), target);
    let targets = server.get("lb", &format!("targetGroups/{group}:describeTargets"), &[]);
    let eips = json!({"maxCount": 2, "elasticIpSpec": {"bandwidthMbps": 5}});
    let eips = server.post("vpc", "elasticIps/", eips)["elasticIpIds"].clone();
    let security_group =
        server.get("vpc", &format!("networkSecurityGroups/{}", networks[0].security_group), &[]);
    let acl = server.get("vpc", &format!("networkAcls/{}", networks[0].acl), &[]);
    let rules = [
        &security_group["networkSecurityGroup"]["securityGroupRules"][0]["ruleId"],
        &acl["networkAcl"]["networkAclRules"][0]["ruleId"],
    ];
    json!({
        "regionId": [REGION],
        "vpcId": all(|network| &network.vpc),
        "subnetId": all(|network| &network.subnet),
        "subnetIds": all(|network| &network.subnet),
        "networkSecurityGroupId": all(|network| &network.security_group),
        "securityGroups": all(|network| &network.security_group),
        "networkAclId": all(|network| &network.acl),
        "instanceTemplateId": all(|network| &network.template),
        "agId": all(|network| &network.ag),
        "agIds": all(|network| &network.ag),
        "loadBalancerId": balancers,
        "backendId": backends,
        "listenerId": [listener],
        "instanceId": instances,
        "instanceIds": instances,
        "targetGroupId": [group],
        "targetGroupIds": [group],
        "targetId": [targets["targets"][0]["targetId"]],
        "targetIds": [targets["targets"][0]["targetId"]],
        "elasticIpId": eips,
        "ruleId": rules,
        "ruleIds": rules,
        "az": ["lab-1a", "lab-1b"],
        "azs": ["lab-1a", "lab-1b"],
        "imageId": ["img-web", "img-blank"],
        "instanceType": ["g.n2.medium", "g.n2.large"],
        "host": ["h1"],
    })
}
