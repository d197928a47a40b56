//! What a user does from an empty region to a serving load balancer, and back.

use std::{collections::BTreeMap, sync::Arc};

use dnlb_model::{BackendId, Health, InstanceId, InstanceState, Power};
use serde_json::{Value, json};

use crate::server::{Network, Server, ids};

#[test]
fn from_an_empty_region_to_a_serving_load_balancer_and_back() {
    let server = Server::start();
    let network = Network::new(&server, "web");

    // Four instances, spread over zones and hosts, all from the template.
    let instances = network.grow(&server, 4);
    let listed =
        server.get("vm", "instances", &[("filters.1.name", "agId"), ("filters.1.values.1", &network.ag)]);
    assert_eq!(listed["totalCount"], 4);
    let mut hosts = BTreeMap::<String, usize>::new();
    for instance in listed["instances"].as_array().unwrap() {
        *hosts.entry(instance["hostId"].as_str().unwrap().to_owned()).or_default() += 1;
        assert_eq!(instance["status"], "pending");
        assert_eq!(instance["imageId"], "img-web");
        assert_eq!(instance["ag"], json!({"id": network.ag, "name": "web"}));
        let groups = &instance["primaryNetworkInterface"]["networkInterface"]["securityGroups"];
        assert_eq!(*groups, json!([{"groupId": network.security_group, "groupName": "web"}]));
    }
    assert_eq!(hosts.values().copied().collect::<Vec<_>>(), [1, 1, 1, 1]);
    let first = server.get("vm", &format!("instances/{}", instances[0]), &[])["instance"].clone();
    assert_eq!((&first["instanceName"], &first["privateIpAddress"]), (&json!("web-1"), &json!("10.77.1.3")));
    assert_eq!(
        server.snapshot().instances[&InstanceId::from(instances[0].as_str())].launch_script.as_deref(),
        Some("#!/bin/sh\necho hi\n")
    );
    assert_eq!(server.get("ag", &format!("availabilityGroups/{}", network.ag), &[])["ag"]["count"], 4);

    // The load balancer with its listener, backend and health check.
    let balancer = network.load_balancer(&server);
    let backend = network.backend(&server, &balancer);
    let listener = network.listener(&server, &balancer, &backend, 80);
    let shown = server.get("lb", &format!("loadBalancers/{balancer}"), &[])["loadBalancer"].clone();
    assert_eq!(shown["privateIp"], json!({"privateIpAddress": "10.77.1.7"}));
    assert_eq!(
        (&shown["state"]["code"], &shown["type"], &shown["vpcId"]),
        (&json!("ACTIVE"), &json!("dnlb"), &json!(network.vpc))
    );
    let shown = server.get("lb", &format!("backends/{backend}"), &[])["backend"].clone();
    assert_eq!((&shown["agIds"], &shown["targetGroupIds"]), (&json!([network.ag]), &json!([])));
    assert_eq!(
        shown["healthCheck"],
        json!({"protocol": "Tcp", "healthyThresholdCount": 3,
        "unhealthyThresholdCount": 3, "checkTimeoutSeconds": 3, "intervalSeconds": 5, "port": 0})
    );

    // Health as agents report it.
    let health = || {
        let reply = server.get("lb", &format!("backends/{backend}/health"), &[]);
        let list = reply["targetHealths"].as_array().unwrap().clone();
        list.into_iter().map(|one| one["status"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(health(), ["unhealthy"; 4]);
    for id in &instances {
        server.report(id, InstanceState::Running);
        server.transact(|region| {
            let health = Health { healthy: true, reason: "connected".into(), since: 1 };
            region.health.insert((BackendId::from(backend.as_str()), id.as_str().into()), Arc::new(health));
        });
    }
    assert_eq!(health(), ["healthy"; 4]);
    server.patch("lb", &format!("backends/{backend}"), json!({"closeHealthCheck": true}));
    assert_eq!(health(), ["N/A"; 4]);
    server.patch("lb", &format!("backends/{backend}"), json!({"closeHealthCheck": false}));
    let status = server.get("dnlb", "status", &[])["status"].clone();
    let row = &status["loadBalancers"][0]["listeners"][0];
    assert_eq!(
        (&row["healthyTargets"], &row["totalTargets"], &row["port"]),
        (&json!(4), &json!(4), &json!(80))
    );
    assert_eq!(status["hosts"].as_array().unwrap().len(), 4);
    assert_eq!(server.get("dnlb", "hosts/", &[])["totalCount"], 4);

    // An elastic IP there and back.
    let eip = ids(&server.post(
        "vpc",
        "elasticIps/",
        json!({"maxCount": 1, "elasticIpSpec": {"bandwidthMbps": 5, "provider": "bgp"}}),
    )["elasticIpIds"])
    .remove(0);
    server.post("lb", &format!("loadBalancers/{balancer}:associateElasticIp"), json!({"elasticIpId": eip}));
    let shown = server.get("lb", &format!("loadBalancers/{balancer}"), &[])["loadBalancer"].clone();
    assert_eq!(shown["privateIp"]["elasticIpAddress"], "203.0.113.1");
    let shown = server.get("vpc", &format!("elasticIps/{eip}"), &[])["elasticIp"].clone();
    assert_eq!((&shown["status"], &shown["instanceType"]), (&json!("ASSOCIATED"), &json!("lb")));
    server.refused(400, &balancer, "vpc", "DELETE", &format!("elasticIps/{eip}"), Value::Null);

    // Growing and shrinking.
    assert_eq!(network.grow(&server, 2).len(), 2);
    server.delete("vm", &format!("instances/{}", instances[1]));
    assert_eq!(health().len(), 5);
    server.refused(404, &instances[1], "vm", "GET", &format!("instances/{}", instances[1]), Value::Null);
    server.post(
        "ag",
        &format!("availabilityGroups/{}:abandonInstances", network.ag),
        json!({"instanceIds": [instances[0]]}),
    );
    assert_eq!(health().len(), 4);

    // A weighted target group instead.
    let group = server.create(
        "lb",
        "targetGroups/",
        "targetGroupId",
        json!({"targetGroupName": "tg", "loadBalancerId": balancer}),
    );
    server.post("lb", &format!("targetGroups/{group}:registerTargets"), json!({"targetSpecs": [
        {"instanceId": instances[2], "port": 8081, "weight": 30}, {"instanceId": instances[3], "type": "vm"}]}));
    server.patch("lb", &format!("backends/{backend}"), json!({"targetGroupIds": [group], "agIds": null}));
    let targets = server.get("lb", &format!("targetGroups/{group}:describeTargets"), &[]);
    assert_eq!(targets["totalCount"], 2);
    let target =
        targets["targets"].as_array().unwrap().iter().find(|one| one["weight"] == 30).unwrap().clone();
    assert_eq!((&target["port"], &target["instanceId"]), (&json!(8081), &json!(instances[2])));
    server.post(
        "lb",
        &format!("targetGroups/{group}:updateTargets"),
        json!({"targetUpdateSpecs": [{"targetId": target["targetId"], "weight": 9}]}),
    );
    let shown = server.get("lb", &format!("backends/{backend}/health"), &[])["targetHealths"].clone();
    let weights: BTreeMap<_, _> = shown
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (one["instanceId"].as_str().unwrap().to_owned(), (one["port"].clone(), one["weight"].clone()))
        })
        .collect();
    assert_eq!(weights[&instances[2]], (json!(8081), json!(9)));
    assert_eq!(weights[&instances[3]], (json!(8080), json!(10)));

    // Down again, and nothing that is in use goes.
    let busy =
        |service, path: &str, user: &str| server.refused(400, user, service, "DELETE", path, Value::Null);
    busy("lb", &format!("loadBalancers/{balancer}"), &listener);
    busy("lb", &format!("backends/{backend}"), &listener);
    busy("lb", &format!("targetGroups/{group}"), &backend);
    busy("ag", &format!("availabilityGroups/{}", network.ag), "instance i-");
    busy("vm", &format!("instanceTemplates/{}", network.template), &network.ag);
    busy("vpc", &format!("subnets/{}", network.subnet), &balancer);
    busy("vpc", &format!("networkAcls/{}", network.acl), &network.subnet);
    busy("vpc", &format!("networkSecurityGroups/{}", network.security_group), "instance i-");
    busy("vpc", &format!("vpcs/{}", network.vpc), &network.subnet);
    server.patch("lb", &format!("loadBalancers/{balancer}"), json!({"deleteProtection": true}));
    server.delete("lb", &format!("listeners/{listener}"));
    server.delete("lb", &format!("backends/{backend}"));
    busy("lb", &format!("loadBalancers/{balancer}"), "deleteProtection");
    server.patch("lb", &format!("loadBalancers/{balancer}"), json!({"deleteProtection": false}));
    busy("lb", &format!("loadBalancers/{balancer}"), &group);
    server.post(
        "lb",
        &format!("targetGroups/{group}:deregisterTargets"),
        json!({"targetIds": [target["targetId"]]}),
    );
    server.delete("lb", &format!("targetGroups/{group}"));
    server.delete("lb", &format!("loadBalancers/{balancer}"));
    server.delete("vpc", &format!("elasticIps/{eip}"));
    let left: Vec<_> = server.snapshot().instances.keys().map(|id| id.0.clone()).collect();
    left.iter().for_each(|id| drop(server.delete("vm", &format!("instances/{id}"))));
    server.delete("ag", &format!("availabilityGroups/{}", network.ag));
    server.delete("vm", &format!("instanceTemplates/{}", network.template));
    server.post(
        "vpc",
        &format!("networkAcls/{}:disassociateNetworkAcl", network.acl),
        json!({"subnetId": network.subnet}),
    );
    server.delete("vpc", &format!("networkAcls/{}", network.acl));
    server.delete("vpc", &format!("networkSecurityGroups/{}", network.security_group));
    server.delete("vpc", &format!("subnets/{}", network.subnet));
    server.delete("vpc", &format!("vpcs/{}", network.vpc));
    let region = server.snapshot();
    assert!(
        region.vpcs.is_empty()
            && region.instances.is_empty()
            && region.health.is_empty()
            && region.eips.is_empty()
    );
}

#[test]
fn why_a_target_is_unhealthy_is_said_in_the_documented_words() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let instance = network.grow(&server, 1).remove(0);
    let balancer = network.load_balancer(&server);
    let tcp = network.backend(&server, &balancer);
    let udp = json!({"backendName": "be", "loadBalancerId": balancer, "protocol": "Udp", "port": 53,
                     "agIds": [network.ag], "healthCheckSpec": {"protocol": "Icmp"}});
    let udp = server.create("lb", "backends/", "backendId", udp);
    let reason = |backend: &str| {
        let path = format!("backends/{backend}/health");
        server.get("lb", &path, &[])["targetHealths"][0]["unhealthReason"].clone()
    };
    assert_eq!(reason(&tcp)["reason"], "NOT_RUNNING");
    server.report(&instance, InstanceState::Running);
    assert_eq!(reason(&tcp)["reason"], "NOT_CHECKED");
    for (backend, said, word) in [
        (&tcp, "no answer within 3 s", "CONNECT_TIMEOUT"),
        (&tcp, "connection reset", "CONNECT_INTERRUPT"),
        (&tcp, "connection refused", "CONNECT_FAILED"),
        (&udp, "no answer within 3 s", "RECEIVE_RESPONSE_TIMEOUT"),
        (&udp, "host unreachable", "RECEIVE_RESPONSE_FAILED"),
    ] {
        server.transact(|region| {
            let health = Health { healthy: false, reason: said.into(), since: 1 };
            let key = (BackendId::from(backend.as_str()), instance.as_str().into());
            region.health.insert(key, Arc::new(health));
        });
        assert_eq!(reason(backend), json!({"reason": word, "detail": said}));
        let told = server.get("lb", &format!("backends/{backend}/health"), &[]);
        assert_eq!(told["targetHealths"][0]["sinceTime"], "1970-01-01T00:00:01Z");
    }
    // Not what checks said before it stopped.
    server.report(&instance, InstanceState::Stopped);
    let told = server.get("lb", &format!("backends/{tcp}/health"), &[]);
    assert_eq!(told["targetHealths"][0]["sinceTime"], json!(null));
}

#[test]
fn the_status_shows_the_load_balancers_that_are_asked_for() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let (one, other, third) =
        (network.load_balancer(&server), network.load_balancer(&server), network.load_balancer(&server));
    let names = |filters: &[(&str, &str)]| {
        let told = server.get("dnlb", "status", filters)["status"]["loadBalancers"].clone();
        let mut ids: Vec<_> = told
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["loadBalancerId"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids
    };
    let sorted = |ids: &[&String]| {
        let mut ids: Vec<_> = ids.iter().map(|id| (*id).clone()).collect();
        ids.sort();
        ids
    };
    assert_eq!(names(&[]), sorted(&[&one, &other, &third]));
    let some = [
        ("filters.1.name", "loadBalancerIds"),
        ("filters.1.values.1", one.as_str()),
        ("filters.1.values.2", third.as_str()),
        ("filters.1.values.3", "lb-none"),
    ];
    assert_eq!(names(&some), sorted(&[&one, &third]));
    let other: Vec<(String, String)> =
        vec![("filters.1.name".into(), "vpcId".into()), ("filters.1.values.1".into(), "x".into())];
    let refused = server.client.call("dnlb", "GET", "status", &other, None::<&Value>).unwrap_err();
    assert!(refused.to_string().contains("filter `vpcId` is not known"), "{refused}");
}

#[test]
fn instances_start_stop_and_reboot_from_the_right_states_only() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let id = network.grow(&server, 1).remove(0);
    let status = || server.get("vm", "instanceStatus", &[])["instanceStatuses"][0]["status"].clone();
    let act =
        |action: &str| server.call("vm", "POST", &format!("instances/{id}:{action}Instance"), json!({}));
    assert_eq!(status(), "pending");
    assert_eq!(act("stop").unwrap_err().status, "FAILED_PRECONDITION");
    server.report(&id, InstanceState::Running);
    assert_eq!(status(), "running");
    assert!(act("start").unwrap_err().message.contains("is running; it must be stopped"));
    act("reboot").unwrap();
    assert_eq!(server.snapshot().instances[&InstanceId::from(id.as_str())].boot, 1);
    act("stop").unwrap();
    assert_eq!(status(), "stopping");
    server.report(&id, InstanceState::Stopped);
    assert_eq!(status(), "stopped");
    act("start").unwrap();
    assert_eq!(status(), "starting");
    assert_eq!(server.snapshot().instances[&InstanceId::from(id.as_str())].wanted, Power::On);
    server.report(&id, InstanceState::Error("no such image".into()));
    let shown = server.get("vm", &format!("instances/{id}"), &[])["instance"].clone();
    assert_eq!((&shown["status"], &shown["statusReason"]), (&json!("error"), &json!("no such image")));
}

#[test]
fn a_repeated_request_with_a_token_makes_nothing_more() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let request = |token: Value, name: &str| {
        let spec = json!({"name": name, "agId": network.ag, "description": null});
        server.call(
            "vm",
            "POST",
            "instances",
            json!({"instanceSpec": spec, "maxCount": 2, "clientToken": token}),
        )
    };
    let made = request(json!("t-1"), "web").unwrap();
    let revision = server.snapshot().revision;
    assert_eq!(request(json!("t-1"), "web").unwrap(), made);
    assert_eq!(server.snapshot().revision, revision);
    let error = request(json!("t-1"), "other").unwrap_err();
    assert!(error.code == 400 && error.message.contains("another request"), "{error}");
    assert_ne!(request(json!("t-2"), "web").unwrap(), made);
    for none in [Value::Null, json!("")] {
        assert_ne!(request(none.clone(), "web").unwrap(), request(none, "web").unwrap());
    }
    assert_eq!(server.snapshot().instances.len(), 12);
    request(json!("x".repeat(64)), "web").unwrap();
    let error = request(json!("x".repeat(65)), "web").unwrap_err();
    assert!(error.code == 400 && error.message.contains("65 characters"), "{error}");

    // What is gone can be made again.
    ids(&made["instanceIds"]).iter().for_each(|id| drop(server.delete("vm", &format!("instances/{id}"))));
    assert_ne!(request(json!("t-1"), "web").unwrap(), made);
}

#[test]
fn lists_filter_page_and_default_as_documented() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let balancer = network.load_balancer(&server);
    // Without the filter, load balancers of another type are meant.
    assert_eq!(server.get("lb", "loadBalancers/", &[])["totalCount"], 0);
    let dnlb = [("filters.1.name", "loadBalancerType"), ("filters.1.values.1", "dnlb")];
    assert_eq!(
        server.get("lb", "loadBalancers/", &dnlb)["loadBalancers"][0]["loadBalancerId"],
        json!(balancer)
    );
    let other = [dnlb[0], dnlb[1], ("filters.2.name", "loadBalancerIds"), ("filters.2.values.1", "dnlb-x")];
    assert_eq!(server.get("lb", "loadBalancers/", &other)["totalCount"], 0);

    let all = network.grow(&server, 13);
    let page = |number: &str| {
        let reply = server.get("vm", "instances", &[("pageNumber", number), ("pageSize", "10")]);
        assert_eq!(reply["totalCount"], 13);
        reply["instances"].as_array().unwrap().iter().map(|one| one["instanceId"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((page("1").len(), page("2").len()), (10, 3));
    // In the order in which they were made, though all were in the same second.
    assert_eq!(json!([page("1"), page("2")].concat()), json!(all));
    assert_eq!(page("99"), page("2"));
    let az = [
        ("filters.1.name", "az"),
        ("filters.1.values.1", "lab-1a"),
        ("filters.2.name", "instanceId"),
        ("filters.2.values.1", all[0].as_str()),
        ("filters.2.values.2", all[1].as_str()),
    ];
    assert_eq!(server.get("vm", "instances", &az)["totalCount"], 1);
    for (name, value) in [("pageSize", "5"), ("pageNumber", "0"), ("filters.1.name", "colour")] {
        let query = [(name.to_owned(), value.to_owned()), ("filters.1.values.1".to_owned(), "x".to_owned())];
        let query = if name == "filters.1.name" { &query[..] } else { &query[..1] };
        let refused = server.client.call("vm", "GET", "instances", query, None::<&Value>).unwrap_err();
        assert!(
            refused.to_string().contains(if name == "filters.1.name" { "colour" } else { name }),
            "{refused}"
        );
    }
}

#[test]
fn what_a_vip_and_a_name_become_is_seen() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let balancer = server.create("lb", "loadBalancers/", "loadBalancerId", json!({
        "loadBalancerName": "lb", "subnetId": network.subnet, "type": "dnlb", "privateIpAddress": "10.77.1.200",
        "userTags": [{"key": "env", "value": "t"}], "elasticIp": {"bandwidthMbps": 1, "provider": "bgp"}}));
    let path = format!("loadBalancers/{balancer}");
    server.patch("lb", &path, json!({"loadBalancerName": "名称", "action": "Stop", "description": null, "privateIpAddress": "10.77.1.201"}));
    let shown = server.get("lb", &path, &[])["loadBalancer"].clone();
    assert_eq!((&shown["loadBalancerName"], &shown["state"]["code"]), (&json!("名称"), &json!("DOWN")));
    assert_eq!(shown["privateIp"]["privateIpAddress"], "10.77.1.201");
    assert_eq!(shown["privateIp"]["elasticIpAddress"], "203.0.113.1");
    let tagged = [
        ("filters.1.name", "loadBalancerType"),
        ("filters.1.values.1", "dnlb"),
        ("tags.1.key", "env"),
        ("tags.1.values.1", "t"),
    ];
    assert_eq!(server.get("lb", "loadBalancers/", &tagged)["totalCount"], 1);
    let subnet = server.get("vpc", &format!("subnets/{}", network.subnet), &[])["subnet"].clone();
    assert_eq!(
        (&subnet["availableIpCount"], &subnet["startIp"], &subnet["endIp"]),
        (&json!(251), &json!("10.77.1.3"), &json!("10.77.1.254"))
    );
    assert_eq!(subnet["aclId"], json!(network.acl));
}

#[test]
fn catalogues_and_quotas() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let images = server.get("vm", "images", &[("imageSource", "public")]);
    let found: Vec<_> =
        images["images"].as_array().unwrap().iter().map(|one| one["imageId"].clone()).collect();
    assert_eq!(found, [json!("img-web"), json!("img-blank")]);
    assert_eq!(server.get("vm", "images", &[("ids.1", "img-blank"), ("offline", "False")])["totalCount"], 1);
    assert_eq!(server.get("vm", "instanceTypes", &[])["instanceTypes"][0]["memoryMB"], 4096);
    assert_eq!(
        server.get("ag", "quotas", &[])["quotas"],
        json!([{"resourceType": "ag", "limit": 20, "used": 1}])
    );
    assert_eq!(server.get("vm", "quotas", &[])["quotas"][1]["resourceType"], "instanceTemplate");
    let quota = server.get("vpc", "quotas/", &[("type", "subnet"), ("parentResourceId", &network.vpc)]);
    assert_eq!(
        quota["quota"],
        json!({"type": "subnet", "parentResourceId": network.vpc, "maxLimit": 10, "count": 1})
    );
    let template =
        server.get("vm", &format!("instanceTemplates/{}", network.template), &[])["instanceTemplate"].clone();
    assert_eq!(template["ags"][0]["id"], json!(network.ag));
    assert_eq!(template["instanceTemplateData"]["vpcId"], json!(network.vpc));
    server.get("vm", &format!("instanceTemplates/{}:verify", network.template), &[]);
}

#[test]
fn rules_are_added_changed_and_removed() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let group = format!("networkSecurityGroups/{}", network.security_group);
    let rules = || server.get("vpc", &group, &[])["networkSecurityGroup"]["securityGroupRules"].clone();
    assert_eq!((&rules()[1]["protocol"], &rules()[1]["fromPort"]), (&json!(300), &json!(0)));
    let id = rules()[0]["ruleId"].clone();
    server.post(
        "vpc",
        &format!("{group}:modifyNetworkSecurityGroupRules"),
        json!({"modifySecurityGroupRuleSpecs": [
        {"ruleId": id, "addressPrefix": "10.0.0.0/8", "fromPort": null, "toPort": 9000}]}),
    );
    assert_eq!(
        (&rules()[0]["fromPort"], &rules()[0]["toPort"], &rules()[0]["addressPrefix"]),
        (&json!(8080), &json!(9000), &json!("10.0.0.0/8"))
    );
    server.post("vpc", &format!("{group}:removeNetworkSecurityGroupRules"), json!({"ruleIds": [id]}));
    assert_eq!(rules().as_array().unwrap().len(), 1);
    let acl = format!("networkAcls/{}", network.acl);
    let rule = server.get("vpc", &acl, &[])["networkAcl"]["networkAclRules"][0].clone();
    server.post(
        "vpc",
        &format!("{acl}:modifyNetworkAclRules"),
        json!({"modifyNetworkAclRuleSpecs": [
        {"ruleId": rule["ruleId"], "ruleAction": "deny", "priority": 5, "protocol": "TCP"}]}),
    );
    let rule = server.get("vpc", &acl, &[])["networkAcl"]["networkAclRules"][0].clone();
    assert_eq!(
        (&rule["ruleAction"], &rule["priority"], &rule["fromPort"], &rule["toPort"]),
        (&json!("deny"), &json!(5), &json!(1), &json!(65535))
    );
}
