//! The commands of all kinds of resources, and what they say when something is wrong.

use serde_json::{Value, json};

use crate::region::Region;

/// A VPC with everything that a load balancer needs, and a load balancer.
fn network(region: &Region) {
    for line in [
        "vpc create shop --prefix 10.0.0.0/16 --description first",
        "subnet create web --vpc shop --prefix 10.0.1.0/24",
        "sg create web --vpc shop",
        "sg allow web --direction in --protocol tcp --port 8080 --prefix 0.0.0.0/0",
        "acl create border --vpc shop",
        "acl add border --direction in --protocol tcp --port 8080 --priority 100 --prefix 0.0.0.0/0",
        "template create web --subnet web --sg web",
        "ag create web --template web",
        "lb create shop --subnet web --tag env=test",
        "target-group create hand --lb shop",
        "backend create api --lb shop --port 8080 --ag web",
        "listener create http --lb shop --port 80 --backend api",
    ] {
        region.done(line);
    }
}

fn rule(region: &Region, kind: &str, name: &str) -> Value {
    let rules: Value = serde_json::from_str(&region.done(&format!("{kind} rules {name} -o json"))).unwrap();
    assert_eq!(rules.as_array().unwrap().len(), 1, "{rules}");
    rules[0].clone()
}

#[test]
fn everything_that_can_change_has_a_command() {
    let region = Region::start();
    network(&region);
    for (line, kind, name, field, value) in [
        ("vpc update shop --name mall --description new", "vpc", "mall", "/description", json!("new")),
        (
            "vpc update mall --prefix-v6 fd00:1::/48",
            "vpc",
            "mall",
            "/ipv6AddressPrefix",
            json!("fd00:1::/48"),
        ),
        ("subnet update web --description new", "subnet", "web", "/description", json!("new")),
        ("sg update web --description new", "sg", "web", "/description", json!("new")),
        ("acl update border --name edge", "acl", "edge", "/networkAclName", json!("edge")),
        ("lb update shop --description new", "lb", "shop", "/description", json!("new")),
        ("lb update shop --delete-protection on", "lb", "shop", "/deleteProtection", json!(true)),
        ("lb update shop --delete-protection off", "lb", "shop", "/deleteProtection", json!(false)),
        ("lb update shop --vip 10.0.1.77", "lb", "shop", "/privateIp/privateIpAddress", json!("10.0.1.77")),
        ("lb stop shop", "lb", "shop", "/state/code", json!("DOWN")),
        ("lb start shop", "lb", "shop", "/state/code", json!("ACTIVE")),
        ("listener update http --description new", "listener", "http", "/description", json!("new")),
        ("listener update http --idle-time 60", "listener", "http", "/connectionIdleTimeSeconds", json!(60)),
        ("listener off http", "listener", "http", "/status", json!("Off")),
        ("listener on http", "listener", "http", "/status", json!("On")),
        ("backend update api --name app", "backend", "app", "/backendName", json!("app")),
        ("backend update app --checks off", "backend", "app", "/closeHealthCheck", json!(true)),
        ("backend update app --check-interval 9", "backend", "app", "/healthCheck/intervalSeconds", json!(9)),
        (
            "backend update app --check-protocol http --check-path /health",
            "backend",
            "app",
            "/healthCheck/httpPath",
            json!("/health"),
        ),
        (
            "backend update app --check-domain shop.example --check-codes 200,3xx",
            "backend",
            "app",
            "/healthCheck/httpCode",
            json!(["200", "3xx"]),
        ),
        ("backend show app", "backend", "app", "/healthCheck/httpDomain", json!("shop.example")),
        ("backend update app --check-protocol tcp", "backend", "app", "/healthCheck/protocol", json!("Tcp")),
        ("backend update app --member-weight 20", "backend", "app", "/agInfos/0/defaultWeight", json!(20)),
        ("backend update app --no-group", "backend", "app", "/agIds", json!([])),
        (
            "target-group update hand --name canary",
            "target-group",
            "canary",
            "/targetGroupName",
            json!("canary"),
        ),
        (
            "template update web --image img-blank",
            "template",
            "web",
            "/instanceTemplateData/imageId",
            json!("img-blank"),
        ),
        (
            "template update web --metadata role=web",
            "template",
            "web",
            "/instanceTemplateData/metadata/0/key",
            json!("role"),
        ),
        ("template update web --description new", "template", "web", "/description", json!("new")),
        ("ag update web --description new", "ag", "web", "/description", json!("new")),
    ] {
        region.done(line);
        let shown = region.show(kind, name);
        assert_eq!(shown.pointer(field), Some(&value), "{line}: {shown}");
    }

    region.done("template create other --subnet web");
    region.done("ag set-template web other");
    assert_eq!(region.show("ag", "web")["instanceTemplateId"], region.show("template", "other")["id"]);

    let eip: Value = serde_json::from_str(&region.done("eip create -o json")).unwrap();
    let address = eip["elasticIpAddress"].as_str().unwrap();
    region.done(&format!("eip set-bandwidth {address} 50"));
    assert_eq!(region.show("eip", address)["bandwidthMbps"], 50);

    let id = rule(&region, "sg", "web")["ruleId"].as_str().unwrap().to_owned();
    region.done(&format!("sg change-rule web {id} --protocol udp --port 53 --description dns"));
    let changed = rule(&region, "sg", "web");
    assert_eq!((&changed["protocol"], &changed["toPort"]), (&json!(17), &json!(53)));
    let table = region.done("sg rules web");
    assert!(table.contains("in") && table.contains("udp") && table.contains("dns"), "{table}");
    let id = rule(&region, "acl", "edge")["ruleId"].as_str().unwrap().to_owned();
    region.done(&format!("acl change-rule edge {id} --action deny --priority 7"));
    let changed = rule(&region, "acl", "edge");
    assert_eq!((&changed["ruleAction"], &changed["priority"]), (&json!("deny"), &json!(7)));

    assert!(region.refused("lb update shop").contains("nothing to change was given"));
}

#[test]
fn instances_are_changed_and_let_go() {
    let region = Region::start();
    network(&region);
    region.done("ag scale web --to 2 --wait");
    region.file("script", "#!/bin/sh\necho hello\n");
    region.done("instance update web-1 --description first --script script --metadata a=b");
    let shown = region.show("instance", "web-1");
    assert_eq!(shown["description"], "first");
    assert_eq!(shown["metadata"], json!([{"key": "a", "value": "b"}]));
    assert_eq!(shown["userdata"][0]["value"], "IyEvYmluL3NoCmVjaG8gaGVsbG8K");
    region.done("backend create weighed --lb shop --port 8080 --ag web --member-weight 30");
    let all = region.done("backend set-target weighed --instance web-2 --weight 7");
    assert!(all.contains("web-2") && all.contains(" 7") && all.contains(" 30"), "{all}");
    assert_eq!(region.done("backend targets weighed"), all);
    region.done("ag abandon web web-2");
    assert_eq!(region.show("ag", "web")["count"], 1);
    assert!(region.show("instance", "web-2").get("ag").is_none());
    region.done("target-group register hand --instance web-2 --weight 5");
    let outside = region.refused("backend set-target weighed --instance web-2 --weight 7");
    assert!(outside.contains("instance web-2 is not in its availability group"), "{outside}");
    region.done("backend update weighed --no-group");
    let nobody = region.refused("backend update weighed --member-weight 7");
    assert!(nobody.contains("backend service weighed has no availability group: --ag"), "{nobody}");
    region.done("target-group set-target hand --instance web-2 --weight 7");
    assert!(region.done("target-group targets hand").contains(" 7"));
    assert!(region.refused("target-group set-target hand --instance web-2").contains("nothing to change"));
}

#[test]
fn lists_are_filtered_and_cut() {
    let region = Region::start();
    network(&region);
    region.done("subnet create db --vpc shop --prefix 10.0.2.0/24");
    let ids = |line: &str| {
        let list: Value = serde_json::from_str(&region.done(line)).unwrap();
        list.as_array().unwrap().len()
    };
    assert_eq!(ids("subnet list -o json"), 2);
    assert_eq!(ids("subnet list -o json --limit 1"), 1);
    assert_eq!(ids("subnet list -o json --filter subnetNames=db"), 1);
    assert_eq!(ids("subnet list -o json --filter subnetNames=db --filter subnetNames=web"), 2);
    assert_eq!(ids("lb list -o json --filter loadBalancerNames=shop"), 1);
    let error = region.refused("subnet list --filter color=red");
    assert!(error.contains("filter `color` is not known: subnetIds, subnetNames"), "{error}");
}

#[test]
fn every_format_says_the_same() {
    let region = Region::start();
    network(&region);
    let json: Value = serde_json::from_str(&region.done("lb list -o json")).unwrap();
    let yaml: Value = serde_saphyr::from_str(&region.done("lb list -o yaml")).unwrap();
    assert_eq!(json, yaml);
    let table = region.done("lb list");
    assert!(table.starts_with(" ID") && table.contains("ACTIVE") && table.contains("shop"), "{table}");
    assert!(region.done("completion bash").contains("target-group"));
}

#[test]
fn mistakes_are_answered_with_what_was_meant() {
    let region = Region::start();
    network(&region);
    assert!(region.refused("lb show shp").contains("there is no load balancer `shp`, did you mean `shop`?"));
    assert!(region.refused("lb lst").contains("similar subcommand"));
    region.done("lb create shop --subnet web");
    let error = region.refused("lb show shop");
    assert!(error.contains("there are several load balancers `shop`: say which by its id, "), "{error}");

    let error = region.refused("subnet delete web");
    assert!(error.starts_with("error: deleting subnet web: subnet subnet-"), "{error}");
    assert!(
        error.contains("is in use by load balancer") && error.contains("FAILED_PRECONDITION (400), request "),
        "{error}"
    );
    region.done("vpc create second");
    let error = region.refused("vpc create third");
    assert!(error.contains("QUOTA_EXCEEDED (429)") && error.contains("have the quota raised"), "{error}");
}

#[test]
fn a_server_that_is_in_no_hurry_is_asked_again() {
    let region = Region::with(&["--requests-per-second", "4"]);
    let before = std::time::Instant::now();
    // A request each at least, and twelve at once are too many.
    for number in 0..12 {
        region.done(&format!("eip create --address 203.0.113.{}", 20 + number % 8));
        region.done(&format!("eip delete 203.0.113.{}", 20 + number % 8));
    }
    assert!(before.elapsed().as_secs() >= 4, "the server did not hold us up: {:?}", before.elapsed());
}

#[test]
fn waiting_ends_when_every_host_shows_the_change_or_names_those_that_do_not() {
    let region = Region::start();
    network(&region);
    region.done("ag scale web --to 2 --wait");
    region.acknowledge(false);
    let allow = "sg allow web --direction in --protocol tcp --port 99 --wait --timeout 1";
    let error = region.refused(allow);
    assert!(error.contains("not every host shows revision ") && error.contains("host-1 "), "{error}");
    assert!(error.contains("not done after 1 s"), "{error}");
    region.acknowledge(true);
    region.done("status --wait --timeout 20");
    let before = region.done("vpc list --wait");
    assert!(before.contains("shop"), "a command that changes nothing waits for nobody");
}
