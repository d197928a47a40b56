//! Bad input: a clear error in the documented shape, and nothing created.

use dnlb_model::{HostState, change_where};
use serde_json::{Value, json};

use crate::server::{Network, Server};

/// A value with some of its keys replaced.
fn with(base: &Value, change: Value) -> Value {
    let mut value = base.clone();
    for (key, new) in change.as_object().unwrap() {
        value[key] = new.clone();
    }
    value
}

#[test]
fn listeners() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let balancer = network.load_balancer(&server);
    let backend = network.backend(&server, &balancer);
    let other = network.load_balancer(&server);
    let listener = network.listener(&server, &balancer, &backend, 80);
    let good = json!({"listenerName": "li", "loadBalancerId": balancer, "backendId": backend, "protocol": "Tcp", "port": 81});
    let bad = |code, words: &str, change| {
        server.refused(code, words, "lb", "POST", "listeners/", with(&good, change))
    };
    bad(400, "port 0 is out of range: 1 to 65535", json!({"port": 0}));
    bad(400, "port 65536 is out of range: 1 to 65535", json!({"port": 65536}));
    bad(400, "port -1 ", json!({"port": -1}));
    bad(400, "port: invalid type", json!({"port": "80"}));
    bad(400, "missing field `port`", json!({"port": null}));
    bad(
        409,
        &format!("port 80 of load balancer {balancer} is taken by listener {listener}"),
        json!({"port": 80}),
    );
    bad(404, "load balancer dnlb-nope not found", json!({"loadBalancerId": "dnlb-nope"}));
    bad(404, "backend backend-nope not found", json!({"backendId": "backend-nope"}));
    bad(400, "belongs to load balancer", json!({"loadBalancerId": other}));
    bad(400, "Tcp and Udp", json!({"protocol": "Sctp"}));
    bad(400, "Http", json!({"protocol": "Http"}));
    bad(400, "listenerName", json!({"listenerName": "a b"}));
    bad(400, "listenerName", json!({"listenerName": "x".repeat(33)}));
    bad(400, "description has 257", json!({"description": "x".repeat(257)}));
    bad(400, "connectionIdleTimeSeconds 9 is out of range", json!({"connectionIdleTimeSeconds": 9}));
    bad(400, "connectionIdleTimeSeconds 86401", json!({"connectionIdleTimeSeconds": 86_401}));
    bad(400, "certificateSpecs", json!({"certificateSpecs": [{"certificateId": "c"}]}));
    bad(400, "action", json!({"action": "Redirect"}));
    let path = format!("listeners/{listener}");
    server.refused(400, "cannot change", "lb", "PATCH", &path, json!({"port": 81}));
    server.refused(400, "status", "lb", "PATCH", &path, json!({"status": "on"}));
    server.refused(
        404,
        "listener listener-x",
        "lb",
        "PATCH",
        "listeners/listener-x",
        json!({"status": "On"}),
    );
    server.patch("lb", &path, json!({"status": "Off", "port": 80, "loadBalancerId": null}));
}

#[test]
fn backends() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let elsewhere = Network::new(&server, "other");
    let balancer = network.load_balancer(&server);
    let foreign = elsewhere.load_balancer(&server);
    let group = server.create(
        "lb",
        "targetGroups/",
        "targetGroupId",
        json!({"targetGroupName": "tg", "loadBalancerId": foreign}),
    );
    let good = json!({"backendName": "be", "loadBalancerId": balancer, "protocol": "Tcp", "port": 8080, "healthCheckSpec": {"protocol": "Tcp"}});
    let bad = |code, words: &str, change| {
        server.refused(code, words, "lb", "POST", "backends/", with(&good, change))
    };
    bad(400, "port 0", json!({"port": 0}));
    bad(400, "Tcp and Udp", json!({"protocol": "Sctp"}));
    bad(400, "IpHash and QuintupleHash", json!({"algorithm": "RoundRobin"}));
    bad(400, "missing field `healthCheckSpec`", json!({"healthCheckSpec": null}));
    for (field, low, high) in [
        ("healthyThresholdCount", 0, 6),
        ("unhealthyThresholdCount", 0, 6),
        ("checkTimeoutSeconds", 1, 61),
        ("intervalSeconds", 4, 301),
        ("port", -1, 65536),
    ] {
        for value in [low, high] {
            let mut spec = json!({"protocol": "Tcp"});
            spec[field] = json!(value);
            bad(
                400,
                &format!("healthCheckSpec.{field} {value} is out of range"),
                json!({"healthCheckSpec": spec}),
            );
        }
    }
    bad(400, "Tcp, Http for Tcp backends", json!({"healthCheckSpec": {"protocol": "Https"}}));
    bad(400, "Http is for Tcp", json!({"protocol": "Udp", "healthCheckSpec": {"protocol": "Http"}}));
    for (field, value) in [
        ("httpDomain", json!("a")),
        ("httpPath", json!("/")),
        ("httpCode", json!(["2xx"])),
        ("httpVersion", json!("HTTP1.1")),
    ] {
        let words = format!("healthCheckSpec.{field} is not supported: it is for protocol Http");
        bad(400, &words, json!({"healthCheckSpec": {"protocol": "Tcp", field: value}}));
    }
    bad(400, "Icmp", json!({"healthCheckSpec": {"protocol": "Icmp"}}));
    let ping = json!({"protocol": "Icmp", "port": 80});
    bad(400, "no ports", json!({"protocol": "Udp", "healthCheckSpec": ping}));
    bad(400, "Reset, Drop or FailOpen", json!({"withoutMember": "Panic"}));
    bad(400, "proxyProtocol", json!({"proxyProtocol": true}));
    bad(400, "sessionStickiness", json!({"sessionStickiness": true}));
    bad(400, "connectionDrainingSeconds 3601 is out of range", json!({"connectionDrainingSeconds": 3601}));
    bad(400, "connectionDrainingSeconds -1 is out of range", json!({"connectionDrainingSeconds": -1}));
    bad(400, "httpForwarded", json!({"httpForwardedVip": true}));
    bad(400, "at most one server group", json!({"agIds": [network.ag], "targetGroupIds": [group]}));
    bad(404, "availability group ag-x not found", json!({"agIds": ["ag-x"]}));
    bad(400, "in VPC", json!({"agIds": [elsewhere.ag]}));
    bad(400, "in VPC", json!({"agIds": [network.ag], "agInfoSpec": {"agId": elsewhere.ag}}));
    bad(400, "belongs to load balancer", json!({"targetGroupIds": [group]}));
    let backend = network.backend(&server, &balancer);
    let path = format!("backends/{backend}");
    server.refused(400, "cannot change", "lb", "PATCH", &path, json!({"port": 9}));
    server.refused(
        400,
        "out of range",
        "lb",
        "PATCH",
        &path,
        json!({"healthCheckSpec": {"intervalSeconds": 1}}),
    );
    server.patch(
        "lb",
        &path,
        json!({"healthCheckSpec": {"protocol": null, "intervalSeconds": 7}, "agIds": []}),
    );
    let shown = server.get("lb", &path, &[])["backend"].clone();
    assert_eq!((&shown["healthCheck"]["intervalSeconds"], &shown["agIds"]), (&json!(7), &json!([])));
}

#[test]
fn targets() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let elsewhere = Network::new(&server, "other");
    let ours = network.grow(&server, 2);
    let foreign = elsewhere.grow(&server, 1).remove(0);
    let balancer = network.load_balancer(&server);
    let group = server.create(
        "lb",
        "targetGroups/",
        "targetGroupId",
        json!({"targetGroupName": "tg", "loadBalancerId": balancer}),
    );
    let path = format!("targetGroups/{group}:registerTargets");
    let bad = |code, words: &str, spec: Value| {
        // Beside a good one, which must not be registered either.
        let body = json!({"targetSpecs": [{"instanceId": ours[0]}, spec]});
        server.refused(code, words, "lb", "POST", &path, body);
    };
    bad(400, &format!("instance {foreign} is in VPC {}", elsewhere.vpc), json!({"instanceId": foreign}));
    bad(404, "instance i-nope not found", json!({"instanceId": "i-nope"}));
    bad(409, "already", json!({"instanceId": ours[0], "port": 8081}));
    bad(400, "port 65536", json!({"instanceId": ours[1], "port": 65536}));
    bad(400, "weight 0 is out of range: 1 to 100", json!({"instanceId": ours[1], "weight": 0}));
    bad(400, "weight 101", json!({"instanceId": ours[1], "weight": 101}));
    bad(400, "instances", json!({"type": "ip", "ipAddress": "10.0.0.1"}));
    bad(400, "instanceId", json!({"weight": 1}));
    server.refused(400, "empty", "lb", "POST", &path, json!({"targetSpecs": []}));
    server.refused(
        404,
        "target group tg-x",
        "lb",
        "POST",
        "targetGroups/tg-x:registerTargets",
        json!({"targetSpecs": [{"instanceId": ours[0]}]}),
    );
    server.refused(
        404,
        "target target-x",
        "lb",
        "POST",
        &format!("targetGroups/{group}:deregisterTargets"),
        json!({"targetIds": ["target-x"]}),
    );
}

#[test]
fn subnets() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let good = json!({"vpcId": network.vpc, "subnetName": "s", "addressPrefix": "10.77.2.0/24"});
    let bad = |code, words: &str, change| {
        server.refused(code, words, "vpc", "POST", "subnets/", with(&good, change))
    };
    bad(
        409,
        &format!("10.77.1.128/25 overlaps subnet {} (10.77.1.0/24)", network.subnet),
        json!({"addressPrefix": "10.77.1.128/25"}),
    );
    bad(409, "overlaps", json!({"addressPrefix": "10.77.0.0/16"}));
    bad(400, "not inside VPC", json!({"addressPrefix": "10.78.0.0/24"}));
    bad(400, "16 to 28", json!({"addressPrefix": "10.77.2.0/29"}));
    bad(400, "did you mean 10.77.2.0/24", json!({"addressPrefix": "10.77.2.1/24"}));
    bad(400, "not an address block", json!({"addressPrefix": "10.77.2.0"}));
    bad(400, "has no IPv6 range", json!({"addressPrefix": "fd00::/64"}));
    bad(404, "VPC vpc-nope not found", json!({"vpcId": "vpc-nope"}));
    bad(400, "subnetName", json!({"subnetName": ""}));
    // The same block in another VPC is another network.
    Network::new(&server, "other");
}

#[test]
fn a_full_subnet() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let subnet = server.create(
        "vpc",
        "subnets/",
        "subnetId",
        json!({"vpcId": network.vpc, "subnetName": "s", "addressPrefix": "10.77.9.0/28"}),
    );
    let spec = |count: usize| {
        json!({"maxCount": count, "instanceSpec": {"name": "vm", "az": "lab-1a", "instanceTemplateId": network.template,
               "primaryNetworkInterface": {"networkInterface": {"subnetId": subnet}}}})
    };
    // 16 addresses less network, gateway, DHCP and broadcast. A batch that does not fit leaves nothing.
    server.refused(400, "has no free address", "vm", "POST", "instances", spec(13));
    server.post("vm", "instances", spec(12));
    server.refused(
        400,
        &format!("subnet {subnet} (10.77.9.0/28) has no free address"),
        "vm",
        "POST",
        "instances",
        spec(1),
    );
    let balancer = json!({"loadBalancerName": "lb", "subnetId": subnet, "type": "dnlb"});
    server.refused(400, "has no free address", "lb", "POST", "loadBalancers/", balancer);
    assert_eq!(server.get("vpc", &format!("subnets/{subnet}"), &[])["subnet"]["availableIpCount"], 0);
}

#[test]
fn load_balancers() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let first = network.load_balancer(&server);
    let good = json!({"loadBalancerName": "lb", "subnetId": network.subnet, "type": "dnlb"});
    let bad = |code, words: &str, change| {
        server.refused(code, words, "lb", "POST", "loadBalancers/", with(&good, change))
    };
    bad(400, "alb", json!({"type": null}));
    bad(400, "nlb", json!({"type": "nlb"}));
    bad(404, "subnet subnet-nope not found", json!({"subnetId": "subnet-nope"}));
    bad(400, "azs", json!({"azs": ["lab-1a"]}));
    bad(400, "securityGroupIds", json!({"securityGroupIds": ["sg-x"]}));
    bad(
        409,
        &format!("10.77.1.3 is taken by load balancer {first}"),
        json!({"privateIpAddress": "10.77.1.3"}),
    );
    bad(400, "is not in subnet", json!({"privateIpAddress": "10.77.2.3"}));
    bad(400, "reserved", json!({"privateIpAddress": "10.77.1.1"}));
    bad(400, "reserved", json!({"privateIpAddress": "10.77.1.255"}));
    bad(400, "not an IPv4 address", json!({"privateIpAddress": "x"}));
    bad(400, "missing field `loadBalancerName`", json!({"loadBalancerName": null}));
    bad(400, "jrn:", json!({"userTags": [{"key": "jrn:x", "value": ""}]}));
    bad(400, "bandwidthMbps 201", json!({"elasticIp": {"bandwidthMbps": 201}}));
    server.refused(404, "load balancer x", "lb", "GET", "loadBalancers/x", Value::Null);
    server.refused(
        400,
        "Restart",
        "lb",
        "PATCH",
        &format!("loadBalancers/{first}"),
        json!({"action": "Restart"}),
    );
}

#[test]
fn elastic_ips() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let (first, second) = (network.load_balancer(&server), network.load_balancer(&server));
    let good = json!({"maxCount": 1, "elasticIpSpec": {"bandwidthMbps": 5, "provider": "bgp"}});
    let bad = |code, words: &str, change| {
        server.refused(code, words, "vpc", "POST", "elasticIps/", with(&good, change))
    };
    bad(400, "maxCount 0", json!({"maxCount": 0}));
    bad(400, "maxCount 101", json!({"maxCount": 101}));
    bad(400, "bandwidthMbps 0", json!({"elasticIpSpec": {"bandwidthMbps": 0}}));
    bad(
        400,
        "says bandwidthMbps 5 and bandwidth 6",
        json!({"elasticIpSpec": {"bandwidthMbps": 5, "bandwidth": 6}}),
    );
    bad(400, "provider", json!({"elasticIpSpec": {"bandwidthMbps": 1, "provider": "x"}}));
    bad(400, "none of the region's pools", json!({"elasticIpAddress": "198.51.100.1"}));
    bad(429, "Out of resource quota: 0 of 10 elastic IPs", json!({"maxCount": 11}));
    bad(400, "no free elastic IP", json!({"maxCount": 7}));
    let before = server.snapshot().revision;
    server.post("vpc", "elasticIps/", with(&good, json!({"dryRun": true})));
    assert_eq!(server.snapshot().revision, before, "a dry run makes nothing");
    let eip = server.post("vpc", "elasticIps/", good.clone())["elasticIpIds"][0].as_str().unwrap().to_owned();
    let other = server.post("vpc", "elasticIps/", with(&good, json!({"elasticIpAddress": "203.0.113.6"})))["elasticIpIds"][0].clone();
    bad(409, "203.0.113.6 is taken", json!({"elasticIpAddress": "203.0.113.6"}));
    let associate = |id: &str| format!("loadBalancers/{id}:associateElasticIp");
    server.post("lb", &associate(&first), json!({"elasticIpId": eip}));
    server.refused(409, &first, "lb", "POST", &associate(&second), json!({"elasticIpId": eip}));
    server.refused(400, &eip, "lb", "POST", &associate(&first), json!({"elasticIpId": other}));
    server.refused(
        404,
        "elastic IP fip-x",
        "lb",
        "POST",
        &associate(&second),
        json!({"elasticIpId": "fip-x"}),
    );
    server.refused(
        400,
        "not that of",
        "lb",
        "POST",
        &format!("loadBalancers/{first}:disassociateElasticIp"),
        json!({"elasticIpId": other}),
    );
}

#[test]
fn instances_templates_and_groups() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let elsewhere = Network::new(&server, "other");
    let good = json!({"name": "vm", "az": "lab-1a", "instanceTemplateId": network.template});
    let bad = |code, words: &str, change| {
        let body = json!({"instanceSpec": with(&good, change), "maxCount": 1});
        server.refused(code, words, "vm", "POST", "instances", body);
    };
    bad(400, "name `v` is not valid", json!({"name": "v"}));
    bad(400, "missing field `az`", json!({"az": null}));
    bad(400, "lab-1z", json!({"az": "lab-1z"}));
    bad(404, "instance template it-x not found", json!({"instanceTemplateId": "it-x"}));
    bad(400, "missing field `instanceType`", json!({"instanceTemplateId": null}));
    bad(404, "image img-x not found", json!({"imageId": "img-x"}));
    bad(404, "instance type x not found", json!({"instanceType": "x"}));
    bad(400, "systemDisk", json!({"systemDisk": {}}));
    bad(400, "password", json!({"password": "secret"}));
    let interface = |value: Value| json!({"primaryNetworkInterface": {"networkInterface": value}});
    bad(404, "security group sg-x not found", interface(json!({"securityGroups": ["sg-x"]})));
    bad(400, "in VPC", interface(json!({"securityGroups": [elsewhere.security_group]})));
    bad(400, "at most 5", interface(json!({"securityGroups": ["a", "b", "c", "d", "e", "f"]})));
    bad(400, "reserved", interface(json!({"primaryIpAddress": "10.77.1.2"})));
    let in_group = json!({"name": "vm", "agId": network.ag});
    let bad_member = |code, words: &str, change| {
        server.refused(
            code,
            words,
            "vm",
            "POST",
            "instances",
            json!({"instanceSpec": with(&in_group, change)}),
        );
    };
    bad_member(404, "availability group ag-x not found", json!({"agId": "ag-x"}));
    bad_member(400, "instanceType is not supported: members", json!({"instanceType": "g.n2.large"}));
    bad_member(400, "the group chooses the zone", json!({"az": "lab-1a"}));
    server.refused(
        400,
        "maxCount 101",
        "vm",
        "POST",
        "instances",
        json!({"instanceSpec": in_group, "maxCount": 101}),
    );
    server.transact(|region| {
        change_where(&mut region.hosts, |_| true, |host| host.state = HostState::Down);
    });
    bad_member(400, "no host that carries instances is up in lab-1a, lab-1b", json!({}));

    let data = json!({"instanceType": "g.n2.medium", "imageId": "img-web",
                      "primaryNetworkInterface": {"networkInterface": {"subnetId": network.subnet}}});
    let bad_template = |code, words: &str, change| {
        let body = json!({"name": "t", "instanceTemplateData": with(&data, change)});
        server.refused(code, words, "vm", "POST", "instanceTemplates", body);
    };
    bad_template(400, "missing field `imageId`", json!({"imageId": null}));
    bad_template(404, "subnet subnet-x not found", interface(json!({"subnetId": "subnet-x"})));
    let script = |value: &str| json!({"userdata": [{"key": "launch-script", "value": value}]});
    bad_template(400, "not base64", script("%%%"));
    bad_template(400, "#!", script("ZWNobwo="));
    bad_template(400, "dataDisks", json!({"dataDisks": [{}]}));

    let group = json!({"agName": "g", "azs": ["lab-1a"], "instanceTemplateId": network.template});
    let bad_group = |code, words: &str, change| {
        server.refused(code, words, "ag", "POST", "availabilityGroups", with(&group, change))
    };
    bad_group(400, "azs is empty", json!({"azs": []}));
    bad_group(400, "lab-1z", json!({"azs": ["lab-1z"]}));
    bad_group(404, "instance template it-x", json!({"instanceTemplateId": "it-x"}));
    let path = format!("availabilityGroups/{}:setInstanceTemplate", network.ag);
    server.refused(400, "in VPC", "ag", "POST", &path, json!({"instanceTemplateId": elsewhere.template}));
}

#[test]
fn rules_and_acls() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let elsewhere = Network::new(&server, "other");
    let good = json!({"protocol": 6, "direction": 0, "addressPrefix": "0.0.0.0/0"});
    let bad = |code, words: &str, change| {
        let path = format!("networkSecurityGroups/{}:addNetworkSecurityGroupRules", network.security_group);
        let body = json!({"networkSecurityGroupRuleSpecs": [good, with(&good, change)]});
        server.refused(code, words, "vpc", "POST", &path, body);
    };
    bad(400, "direction 2", json!({"direction": 2}));
    bad(400, "protocol 7", json!({"protocol": 7}));
    bad(400, "fromPort 0", json!({"fromPort": 0}));
    bad(400, "toPort 65536", json!({"toPort": 65536}));
    bad(400, "greater than", json!({"fromPort": 9, "toPort": 8}));
    bad(400, "address block", json!({"addressPrefix": "x"}));
    bad(400, "ruleAction", json!({"ruleAction": "DENY"}));
    let good = json!({"protocol": "TCP", "direction": "ingress", "addressPrefix": "0.0.0.0/0", "ruleAction": "allow", "priority": 1});
    let bad = |code, words: &str, change| {
        let path = format!("networkAcls/{}:addNetworkAclRules", network.acl);
        server.refused(
            code,
            words,
            "vpc",
            "POST",
            &path,
            json!({"networkAclRuleSpecs": [with(&good, change)]}),
        );
    };
    bad(400, "priority 0", json!({"priority": 0}));
    bad(400, "priority 32769", json!({"priority": 32769}));
    bad(400, "direction `in`", json!({"direction": "in"}));
    bad(400, "ruleAction `drop`", json!({"ruleAction": "drop"}));
    bad(400, "protocol `SCTP`", json!({"protocol": "SCTP"}));
    let path = format!("networkAcls/{}:associateNetworkAcl", network.acl);
    server.refused(400, "in VPC", "vpc", "POST", &path, json!({"subnetIds": [elsewhere.subnet]}));
}

#[test]
fn of_racing_requests_for_one_port_one_wins() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let balancer = network.load_balancer(&server);
    let backend = network.backend(&server, &balancer);
    let body = json!({"listenerName": "li", "loadBalancerId": balancer, "backendId": backend, "protocol": "Tcp", "port": 80});
    let won = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| server.call("lb", "POST", "listeners/", body.clone()))).collect();
        let results = threads.into_iter().map(|thread| thread.join().unwrap());
        results.map(|result| result.map_err(|error| error.code)).filter(|result| *result != Err(409)).count()
    });
    assert_eq!((won, server.snapshot().listeners.len()), (1, 1));
}

#[test]
fn what_only_other_balancers_have() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let balancer = network.load_balancer(&server);
    let layer_4 = |method: &str, path: &str| {
        server.refused(
            400,
            "a dnlb balances at layer 4",
            "lb",
            method,
            path,
            json!({"loadBalancerId": balancer}),
        );
    };
    layer_4("POST", "urlMaps/");
    layer_4("DELETE", "urlMaps/m");
    layer_4("PATCH", "urlMaps/m%3AupdateRules");
    layer_4("POST", "listeners/l:addListenerCertificates");
    layer_4("GET", "supportedCiphers/");
    let path = format!("loadBalancers/{balancer}:associateSecurityGroup");
    let groups = json!({"securityGroupIds": [network.security_group]});
    server.refused(400, "its instances have", "lb", "POST", &path, groups);
}
