//! Every range and every length at both ends: what is allowed last, and what is refused first.

use std::{
    cell::{Cell, RefCell},
    ops::RangeInclusive,
    sync::Arc,
};

use dnlb_api::{ApiError, client::CallError};
use serde_json::{Value, json};

use crate::server::{Network, Server};

/// Tries the numbers at both ends of a range, and those beyond. What is refused says so and changes nothing.
#[track_caller]
fn range(
    server: &Server,
    field: &str,
    allowed: RangeInclusive<i64>,
    attempt: impl Fn(&Value) -> Result<Value, ApiError>,
) {
    let (first, last) = (*allowed.start(), *allowed.end());
    for number in [first, last] {
        attempt(&json!(number)).unwrap_or_else(|error| panic!("{field} {number}: {error}"));
    }
    for number in [first - 1, last + 1, i64::MIN, i64::MAX] {
        let words = format!("{field} {number} is out of range: {first} to {last}");
        refused(server, &words, &json!(number), &attempt);
    }
    // Beyond what any number here can be, between two of them, and no number at all.
    let name = field.rsplit('.').next().unwrap();
    for other in [json!(1e30), json!(1.5), json!(first.to_string()), json!([first])] {
        refused(server, name, &other, &attempt);
    }
}

/// Tries a value that must be refused with these words.
#[track_caller]
fn refused(server: &Server, words: &str, value: &Value, attempt: impl Fn(&Value) -> Result<Value, ApiError>) {
    let before = server.snapshot();
    let error = attempt(value).expect_err(&value.to_string());
    assert_eq!((error.code, error.status.as_str()), (400, "INVALID_ARGUMENT"), "{value}: {error}");
    assert!(error.message.contains(words), "{value}: `{}` does not say `{words}`", error.message);
    assert!(Arc::ptr_eq(&before, &server.snapshot()), "{value} changed something");
}

/// A value with some of its keys replaced.
fn with(base: &Value, key: &str, value: &Value) -> Value {
    let mut changed = base.clone();
    changed[key] = value.clone();
    changed
}

/// A load balancer with a backend service, a listener and a target group with one target.
struct Scene {
    server: Server,
    network: Network,
    balancer: String,
    backend: String,
    listener: String,
    group: String,
    target: Value,
}

impl Scene {
    fn new() -> Self {
        let quotas = ["elastic_ips=1000", "vpcs=1000", "subnets=1000", "templates=1000", "acl_rules=1000"];
        let server = Server::with_quotas(&quotas);
        server.transact(|region| {
            let pools = &mut Arc::make_mut(&mut region.settings).eip_pools;
            pools.push("198.51.100.0/24".parse().unwrap());
        });
        let network = Network::new(&server, "n");
        let instance = network.grow(&server, 1).remove(0);
        let balancer = network.load_balancer(&server);
        let backend = network.backend(&server, &balancer);
        let listener = network.listener(&server, &balancer, &backend, 9);
        let group = json!({"targetGroupName": "t", "loadBalancerId": balancer});
        let group = server.create("lb", "targetGroups/", "targetGroupId", group);
        let targets = json!({"targetSpecs": [{"instanceId": instance}]});
        server.post("lb", &format!("targetGroups/{group}:registerTargets"), targets);
        let path = format!("targetGroups/{group}:describeTargets");
        let target = server.get("lb", &path, &[])["targets"][0]["targetId"].clone();
        Self { server, network, balancer, backend, listener, group, target }
    }

    fn post(&self, service: &str, path: &str, body: Value) -> Result<Value, ApiError> {
        self.server.call(service, "POST", path, body)
    }

    fn patch(&self, service: &str, path: &str, body: Value) -> Result<Value, ApiError> {
        self.server.call(service, "PATCH", path, body)
    }

    #[track_caller]
    fn range(
        &self,
        field: &str,
        allowed: RangeInclusive<i64>,
        attempt: impl Fn(&Value) -> Result<Value, ApiError>,
    ) {
        range(&self.server, field, allowed, attempt);
    }
}

#[test]
fn of_listeners_and_backend_services() {
    let scene = Scene::new();
    let listener = json!({"listenerName": "l", "loadBalancerId": scene.balancer, "backendId": scene.backend,
                          "protocol": "Tcp", "port": 10});
    let backend = json!({"backendName": "b", "loadBalancerId": scene.balancer, "protocol": "Tcp", "port": 8080,
                         "healthCheckSpec": {"protocol": "Tcp"}});
    let create = |path: &'static str, base: Value, key: &'static str| {
        let scene = &scene;
        move |value: &Value| scene.post("lb", path, with(&base, key, value))
    };
    scene.range("port", 1..=65_535, create("listeners/", listener.clone(), "port"));
    // Each needs a port of its own.
    let port = Cell::new(100);
    scene.range("connectionIdleTimeSeconds", 10..=86_400, |value| {
        port.set(port.get() + 1);
        let spec = with(&listener, "port", &json!(port.get()));
        scene.post("lb", "listeners/", with(&spec, "connectionIdleTimeSeconds", value))
    });
    let path = format!("listeners/{}", scene.listener);
    scene.range("connectionIdleTimeSeconds", 10..=86_400, |value| {
        scene.patch("lb", &path, json!({"connectionIdleTimeSeconds": value}))
    });
    scene.range("port", 1..=65_535, create("backends/", backend.clone(), "port"));
    let draining = "connectionDrainingSeconds";
    scene.range(draining, 0..=3600, create("backends/", backend.clone(), draining));
    let path = format!("backends/{}", scene.backend);
    scene.range(draining, 0..=3600, |value| scene.patch("lb", &path, json!({draining: value})));
    for (field, allowed) in [
        ("healthyThresholdCount", 1..=5),
        ("unhealthyThresholdCount", 1..=5),
        ("checkTimeoutSeconds", 2..=60),
        ("intervalSeconds", 5..=300),
        ("port", 0..=65_535),
    ] {
        let spec = |value: &Value| json!({"healthCheckSpec": {"protocol": "Tcp", field: value}});
        let name = format!("healthCheckSpec.{field}");
        scene.range(&name, allowed.clone(), |value| {
            scene.post("lb", "backends/", with(&backend, "healthCheckSpec", &spec(value)["healthCheckSpec"]))
        });
        scene.range(&name, allowed, |value| scene.patch("lb", &path, spec(value)));
    }
    let weigh = |value: &Value| json!({"agInfoSpec": {"agId": scene.network.ag, "defaultWeight": value}});
    scene.range("agInfoSpec.defaultWeight", 1..=100, |value| scene.patch("lb", &path, weigh(value)));
}

#[test]
fn of_checks_by_http() {
    let scene = Scene::new();
    let path = format!("backends/{}", scene.backend);
    let shown = || scene.server.get("lb", &path, &[])["backend"]["healthCheck"].clone();
    let change = |field: &'static str| {
        let (scene, path) = (&scene, &path);
        move |value: &Value| {
            scene.patch("lb", path, json!({"healthCheckSpec": {"protocol": "Http", field: value}}))
        }
    };
    change("port")(&json!(0)).unwrap();
    let usual = shown();
    assert_eq!(
        (
            &usual["protocol"],
            &usual["httpVersion"],
            &usual["httpPath"],
            &usual["httpCode"],
            usual.get("httpDomain")
        ),
        (&json!("Http"), &json!("HTTP1.1"), &json!("/"), &json!(["2xx", "3xx"]), None)
    );
    let text = |length: usize| json!("x".repeat(length));
    let slashes = |length: usize| json!("/".repeat(length));
    let codes = |count: usize| Value::from_iter((200..200 + count).map(|code| code.to_string()));
    for (field, good, bad, words) in [
        ("httpDomain", text(255), text(256), "256 characters; at most 255"),
        ("httpDomain", json!("fd00::1"), json!("[fd00::1]"), "a domain has letters"),
        ("httpDomain", json!("a-1.b"), json!("a_1.b"), "a domain has letters"),
        ("httpPath", slashes(1000), slashes(1001), "1001 characters; at most 1000"),
        ("httpPath", json!("/健%2f"), json!("/%2"), "hexadecimal"),
        ("httpPath", json!("/a?b#c"), json!("/a b"), "a path does not have ' '"),
        ("httpPath", json!("/a"), json!("a"), "begins with `/`"),
        ("httpCode", codes(32), codes(33), "33 codes and ranges; at most 32"),
        ("httpCode", json!(["200", "499"]), json!(["199"]), "`199` is no code from 200 to 499"),
        ("httpCode", json!(["200-499"]), json!(["200-500"]), "`200-500` is no"),
        ("httpCode", json!(["201-202"]), json!(["202-202"]), "`202-202` is no"),
        ("httpCode", json!(["4xx"]), json!(["5xx"]), "`5xx` is no"),
        ("httpCode", json!(["200,3xx", "404"]), json!(["200,"]), "`` is no"),
        ("httpVersion", json!("HTTP1.1"), json!("HTTP1.0"), "`HTTP1.0` is not supported: HTTP1.1"),
    ] {
        change(field)(&good).unwrap_or_else(|error| panic!("{field} {good}: {error}"));
        refused(&scene.server, words, &bad, change(field));
    }
    let now = shown();
    assert_eq!((&now["httpDomain"], &now["httpPath"]), (&json!("a-1.b"), &json!("/a")));
    assert_eq!(now["httpCode"], json!(["200", "3xx", "404"]));
    // What is left out stays, what is empty goes back, and another protocol has none of it.
    scene.patch("lb", &path, json!({"healthCheckSpec": {"httpPath": "", "httpDomain": null}})).unwrap();
    assert_eq!((&shown()["httpDomain"], &shown()["httpPath"]), (&json!("a-1.b"), &json!("/")));
    scene.patch("lb", &path, json!({"healthCheckSpec": {"httpDomain": "", "httpCode": []}})).unwrap();
    assert_eq!(shown(), usual);
    scene
        .patch("lb", &path, json!({"healthCheckSpec": {"protocol": "Tcp", "httpPath": "", "httpCode": []}}))
        .unwrap();
    assert_eq!((&shown()["protocol"], shown().get("httpPath")), (&json!("Tcp"), None));
}

#[test]
fn of_targets() {
    let scene = Scene::new();
    for (field, allowed) in [("port", 0..=65_535), ("weight", 1..=100)] {
        // One after the other: who is registered cannot be again.
        let free = RefCell::new(scene.network.grow(&scene.server, 3));
        scene.range(field, allowed.clone(), |value| {
            let target = json!({"instanceId": free.borrow()[0], field: value});
            let path = format!("targetGroups/{}:registerTargets", scene.group);
            let made = scene.post("lb", &path, json!({"targetSpecs": [target]}))?;
            free.borrow_mut().remove(0);
            Ok(made)
        });
        scene.range(field, allowed, |value| {
            let path = format!("targetGroups/{}:updateTargets", scene.group);
            scene.post("lb", &path, json!({"targetUpdateSpecs": [{"targetId": scene.target, field: value}]}))
        });
    }
}

#[test]
fn of_elastic_ips() {
    let scene = Scene::new();
    let eip = json!({"maxCount": 1, "elasticIpSpec": {"bandwidthMbps": 5, "provider": "bgp"}});
    scene.range("maxCount", 1..=100, |value| scene.post("vpc", "elasticIps/", with(&eip, "maxCount", value)));
    scene.range("bandwidthMbps", 1..=200, |value| {
        let spec = json!({"bandwidthMbps": value, "provider": "bgp"});
        scene.post("vpc", "elasticIps/", with(&eip, "elasticIpSpec", &spec))
    });
    scene.range("bandwidthMbps", 1..=200, |value| {
        let id = scene.server.snapshot().eips.keys().next().unwrap().0.clone();
        scene.patch("vpc", &format!("elasticIps/{id}"), json!({"bandwidthMbps": value}))
    });
    scene.range("bandwidthMbps", 1..=200, |value| {
        let spec = json!({"loadBalancerName": "l", "subnetId": scene.network.subnet, "type": "dnlb",
                          "elasticIp": {"bandwidthMbps": value, "provider": "bgp"}});
        scene.post("lb", "loadBalancers/", spec)
    });
}

#[test]
fn of_instances_and_rules() {
    let scene = Scene::new();
    scene.range("maxCount", 1..=100, |value| {
        let spec = json!({"name": "vm", "agId": scene.network.ag});
        scene.post("vm", "instances", json!({"instanceSpec": spec, "maxCount": value}))
    });
    let rule = json!({"protocol": 6, "direction": 0, "addressPrefix": "0.0.0.0/0"});
    let path = format!("networkSecurityGroups/{}:addNetworkSecurityGroupRules", scene.network.security_group);
    let add = |field: &'static str| {
        let (scene, rule, path) = (&scene, &rule, &path);
        move |value: &Value| {
            scene.post("vpc", path, json!({"networkSecurityGroupRuleSpecs": [with(rule, field, value)]}))
        }
    };
    scene.range("fromPort", 1..=65_535, add("fromPort"));
    scene.range("toPort", 1..=65_535, add("toPort"));
    let rule = json!({"protocol": "UDP", "direction": "ingress", "addressPrefix": "0.0.0.0/0", "ruleAction": "deny",
                      "priority": 1});
    let path = format!("networkAcls/{}:addNetworkAclRules", scene.network.acl);
    for (field, allowed) in [("fromPort", 1..=65_535), ("toPort", 1..=65_535), ("priority", 1..=32_768)] {
        scene.range(field, allowed.clone(), |value| {
            scene.post("vpc", &path, json!({"networkAclRuleSpecs": [with(&rule, field, value)]}))
        });
        let id = scene.server.get("vpc", &format!("networkAcls/{}", scene.network.acl), &[])["networkAcl"]
            ["networkAclRules"][0]["ruleId"]
            .clone();
        let path = format!("networkAcls/{}:modifyNetworkAclRules", scene.network.acl);
        scene.range(field, allowed, |value| {
            let whole = json!({"ruleId": id, "protocol": "TCP", "fromPort": 1, "toPort": 65_535});
            scene.post("vpc", &path, json!({"modifyNetworkAclRuleSpecs": [with(&whole, field, value)]}))
        });
    }
}

#[test]
fn of_pages() {
    let scene = Scene::new();
    let list = |service: &str, path: &str, name: &str, value: &str| {
        let query = [(name.to_owned(), value.to_owned())];
        scene.server.client.call(service, "GET", path, &query, None::<&Value>)
    };
    let targets = format!("targetGroups/{}:describeTargets", scene.group);
    let health = format!("backends/{}/health", scene.backend);
    let members = format!("backends/{}/agTargets", scene.backend);
    for (service, path) in [
        ("ag", "availabilityGroups"),
        ("lb", "backends/"),
        ("lb", "listeners/"),
        ("lb", "loadBalancers/"),
        ("lb", "targetGroups/"),
        ("lb", targets.as_str()),
        ("lb", health.as_str()),
        ("lb", members.as_str()),
        ("vm", "instanceStatus"),
        ("vm", "instanceTemplates"),
        ("vm", "instances"),
        ("vpc", "elasticIps/"),
        ("vpc", "networkAcls/"),
        ("vpc", "networkSecurityGroups/"),
        ("vpc", "subnets/"),
        ("vpc", "vpcs/"),
    ] {
        for (name, value) in
            [("pageSize", "10"), ("pageSize", "100"), ("pageNumber", "1"), ("pageNumber", "99999")]
        {
            list(service, path, name, value).unwrap_or_else(|error| panic!("{path} {name} {value}: {error}"));
        }
        for (name, value) in [
            ("pageSize", "9"),
            ("pageSize", "101"),
            ("pageSize", "-1"),
            ("pageNumber", "0"),
            ("pageNumber", "1.0"),
        ] {
            match list(service, path, name, value) {
                Err(CallError::Api(error)) if error.code == 400 => {
                    assert!(error.message.contains(name), "{error}")
                }
                other => panic!("{path} {name} {value}: {other:?}"),
            }
        }
    }
}

#[test]
fn of_blocks() {
    let scene = Scene::new();
    let vpc = |prefix: &str| scene.post("vpc", "vpcs/", json!({"vpcName": "v", "addressPrefix": prefix}));
    let open = scene.server.create("vpc", "vpcs/", "vpcId", json!({"vpcName": "open"}));
    let subnet = |prefix: &str| {
        scene.post("vpc", "subnets/", json!({"vpcId": open, "subnetName": "s", "addressPrefix": prefix}))
    };
    for prefix in
        ["10.0.0.0/16", "10.1.2.240/28", "172.31.0.0/16", "192.168.255.240/28", "fd00::/48", "fd00::/112"]
    {
        vpc(prefix).unwrap_or_else(|error| panic!("{prefix}: {error}"));
    }
    for prefix in
        ["10.0.0.0/16", "10.1.2.240/28", "172.16.0.0/16", "192.168.255.240/28", "fd00::/64", "fd01::/112"]
    {
        subnet(prefix).unwrap_or_else(|error| panic!("{prefix}: {error}"));
    }
    let bad = |attempt: &dyn Fn(&str) -> Result<Value, ApiError>, prefix: &str, words: &str| {
        refused(&scene.server, words, &json!(prefix), |value| attempt(value.as_str().unwrap()));
    };
    for attempt in [&vpc as &dyn Fn(&str) -> Result<Value, ApiError>, &subnet] {
        bad(attempt, "10.0.0.0/15", "16 to 28");
        bad(attempt, "10.9.0.0/29", "16 to 28");
        bad(attempt, "172.32.0.0/16", "is in none of");
        bad(attempt, "192.169.0.0/16", "is in none of");
        bad(attempt, "fe00::/64", "is in none of");
        bad(attempt, "fd00::/113", "to 112");
    }
    bad(&vpc, "fd00::/47", "48 to 112");
    bad(&subnet, "fd02::/63", "64 to 112");
}

/// A kind of resource with a name: service, path of the list, id's and name's keys, and what else it needs.
type Named = (&'static str, &'static str, &'static str, &'static str, Value);

/// All kinds whose names are alike.
fn named(scene: &Scene) -> Vec<Named> {
    let Network { vpc, subnet, template, .. } = &scene.network;
    let balancer = &scene.balancer;
    let data = json!({"instanceType": "g.n2.medium", "imageId": "img-web",
                      "primaryNetworkInterface": {"networkInterface": {"subnetId": subnet}}});
    vec![
        (
            "ag",
            "availabilityGroups",
            "agId",
            "agName",
            json!({"azs": ["lab-1a"], "instanceTemplateId": template}),
        ),
        (
            "lb",
            "loadBalancers/",
            "loadBalancerId",
            "loadBalancerName",
            json!({"subnetId": subnet, "type": "dnlb"}),
        ),
        ("lb", "targetGroups/", "targetGroupId", "targetGroupName", json!({"loadBalancerId": balancer})),
        (
            "lb",
            "backends/",
            "backendId",
            "backendName",
            json!({"loadBalancerId": balancer, "protocol": "Tcp", "port": 1, "healthCheckSpec": {"protocol": "Tcp"}}),
        ),
        (
            "lb",
            "listeners/",
            "listenerId",
            "listenerName",
            json!({"loadBalancerId": balancer, "protocol": "Tcp", "port": 77, "backendId": scene.backend}),
        ),
        ("vm", "instanceTemplates", "instanceTemplateId", "name", json!({"instanceTemplateData": data})),
        ("vpc", "vpcs/", "vpcId", "vpcName", json!({})),
        (
            "vpc",
            "subnets/",
            "subnetId",
            "subnetName",
            json!({"vpcId": vpc, "addressPrefix": "10.77.99.0/24"}),
        ),
        (
            "vpc",
            "networkSecurityGroups/",
            "networkSecurityGroupId",
            "networkSecurityGroupName",
            json!({"vpcId": vpc}),
        ),
        ("vpc", "networkAcls/", "networkAclId", "networkAclName", json!({"vpcId": vpc})),
    ]
}

#[test]
fn of_names_and_descriptions() {
    let scene = Scene::new();
    let (longest, too_long) = ("名".repeat(32), "x".repeat(33));
    let (full, overfull) = ("é".repeat(256), "é".repeat(257));
    for (service, list, id, name, base) in named(&scene) {
        // Made and deleted again: some can be there only once.
        let make = |spec: Value| {
            let made = scene.post(service, list, spec)?;
            let path = format!("{}/{}", list.trim_end_matches('/'), made[id].as_str().unwrap());
            Ok::<_, ApiError>(path)
        };
        for good in ["a", "-", "_9", longest.as_str()] {
            let path = make(with(&base, name, &json!(good)))
                .unwrap_or_else(|error| panic!("{list} {good}: {error}"));
            scene.server.delete(service, &path);
        }
        let bad = |attempt: &dyn Fn(&Value) -> Result<Value, ApiError>, key: &str| {
            for text in ["", too_long.as_str(), "a b", "a.b", "é"] {
                refused(&scene.server, &format!("{key} `"), &json!(text), attempt);
            }
        };
        bad(&|value| scene.post(service, list, with(&base, name, value)), name);
        let described = with(&with(&base, name, &json!("n")), "description", &json!(full));
        let path = make(described.clone()).unwrap_or_else(|error| panic!("{list}: {error}"));
        refused(&scene.server, "description has 257 characters", &json!(overfull), |value| {
            scene.post(service, list, with(&described, "description", value))
        });

        // The same for changes; a group's name has another key there.
        let key = if service == "ag" { "name" } else { name };
        bad(&|value| scene.patch(service, &path, json!({key: value})), key);
        scene.server.patch(service, &path, json!({key: longest, "description": full}));
        refused(&scene.server, "description has 257 characters", &json!(overfull), |value| {
            scene.patch(service, &path, json!({"description": value}))
        });
        scene.server.delete(service, &path);
    }
}

#[test]
fn of_instances_names_tags_metadata_scripts_and_groups() {
    let scene = Scene::new();
    let base = json!({"name": "vm", "az": "lab-1a", "instanceTemplateId": scene.network.template});
    let make = |key: &str, value: &Value| {
        scene.post("vm", "instances", json!({"instanceSpec": with(&base, key, value)}))
    };
    let edge = |key: &'static str, good: Value, bad: Value, words: &str| {
        make(key, &good).unwrap_or_else(|error| panic!("{key} {good}: {error}"));
        refused(&scene.server, words, &bad, |value| make(key, value));
    };
    let long = |length: usize| "x".repeat(length);
    edge("name", json!("ab"), json!("a"), "2 to 128");
    edge("name", json!(long(128)), json!(long(129)), "2 to 128");
    edge("name", json!("a.b"), json!(".ab"), "not first or last");
    edge("description", json!(long(256)), json!(long(257)), "257 characters");
    let tags = |count: usize| {
        Value::from_iter((0..count).map(|number| json!({"key": format!("k{number}"), "value": ""})))
    };
    edge("userTags", tags(10), tags(11), "at most 10");
    let tag = |key: usize, value: usize| json!([{"key": long(key), "value": long(value)}]);
    edge("userTags", tag(127, 255), tag(128, 0), "1 to 127");
    edge("userTags", tag(1, 0), tag(0, 0), "1 to 127");
    edge("userTags", tag(2, 255), tag(2, 256), "at most 255");
    let tag = |key: &str| json!([{"key": key, "value": ""}]);
    edge("userTags", tag("jrn"), tag("jrn:x"), "does not start with");
    edge("userTags", tag("jdc"), tag("jdc-x"), "does not start with");
    edge("metadata", tags(20), tags(21), "at most 20");
    // A line that names the shell, then as many bytes as make a script of that length.
    let script = |length: usize| {
        use base64::{Engine, prelude::BASE64_STANDARD};
        let text = format!("#!/bin/sh\n{}", "#".repeat(length - 10));
        json!([{"key": "launch-script", "value": BASE64_STANDARD.encode(text)}])
    };
    edge("userdata", script(16_384), script(16_385), "16385 bytes");
    let groups: Vec<String> = (0..6)
        .map(|_| {
            let group = json!({"vpcId": scene.network.vpc, "networkSecurityGroupName": "g"});
            scene.server.create("vpc", "networkSecurityGroups/", "networkSecurityGroupId", group)
        })
        .collect();
    let interface = |groups: &[String]| json!({"networkInterface": {"securityGroups": groups}});
    edge("primaryNetworkInterface", interface(&groups[..5]), interface(&groups), "at most 5");
}
