//! Every quota as it is by default: the last thing that fits, and the first that does not.

use serde_json::{Value, json};

use crate::server::{Network, Server, ids};

/// Makes things, one a request, until as many are there as the quota allows; the next one is refused, and says so.
#[track_caller]
fn fills_up(
    server: &Server,
    quota: &str,
    limit: usize,
    service: &str,
    path: &str,
    body: impl Fn(usize) -> Value,
) {
    let have = have(server, quota);
    for number in have..limit {
        server.post(service, path, body(number));
    }
    refuses(server, quota, limit, 1, service, path, body(limit));
}

/// A request for more than is left is refused.
#[track_caller]
fn refuses(server: &Server, quota: &str, limit: usize, more: usize, service: &str, path: &str, body: Value) {
    let words =
        format!("Out of resource quota: {limit} of {limit} {quota} are in use, {more} more would be needed");
    server.refused(429, &words, service, "POST", path, body);
}

/// How many there are of what the quotas of a region count.
fn have(server: &Server, quota: &str) -> usize {
    let region = server.snapshot();
    match quota {
        "VPCs of the account" => region.vpcs.len(),
        "availability groups of the account" => region.ags.len(),
        "elastic IPs of the account" => region.eips.len(),
        "instance templates of the account" => region.templates.len(),
        "load balancers of the account" => region.load_balancers.len(),
        // What belongs to something smaller is counted by tests that begin with one of it.
        "network ACLs of the VPC" | "security groups of the VPC" | "subnets of the VPC" => 1,
        _ => 0,
    }
}

#[test]
fn of_an_account() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    server.transact(|region| {
        let pools = &mut std::sync::Arc::make_mut(&mut region.settings).eip_pools;
        pools.push("198.51.100.0/24".parse().unwrap());
    });
    let fills = |quota, limit, service, path, body: &dyn Fn(usize) -> Value| {
        fills_up(&server, quota, limit, service, path, body);
    };
    fills("VPCs of the account", 10, "vpc", "vpcs/", &|_| json!({"vpcName": "v"}));
    let eip = json!({"maxCount": 1, "elasticIpSpec": {"bandwidthMbps": 1, "provider": "bgp"}});
    fills("elastic IPs of the account", 10, "vpc", "elasticIps/", &|_| eip.clone());
    let interface = json!({"networkInterface": {"subnetId": network.subnet}});
    let data =
        json!({"instanceType": "g.n2.medium", "imageId": "img-web", "primaryNetworkInterface": interface});
    let template = json!({"name": "t", "instanceTemplateData": data});
    fills("instance templates of the account", 20, "vm", "instanceTemplates", &|_| template.clone());
    let ag = json!({"agName": "a", "azs": ["lab-1a"], "instanceTemplateId": network.template});
    fills("availability groups of the account", 20, "ag", "availabilityGroups", &|_| ag.clone());
    let balancer = json!({"loadBalancerName": "l", "subnetId": network.subnet, "type": "dnlb"});
    fills("load balancers of the account", 100, "lb", "loadBalancers/", &|_| balancer.clone());
}

#[test]
fn of_a_vpc() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let fills = |quota, limit, path: &str, body: &dyn Fn(usize) -> Value| {
        fills_up(&server, quota, limit, "vpc", path, body);
    };
    let vpc = &network.vpc;
    fills(
        "subnets of the VPC",
        10,
        "subnets/",
        &|number| json!({"vpcId": vpc, "subnetName": "s", "addressPrefix": format!("10.77.{}.0/24", 100 + number)}),
    );
    fills("network ACLs of the VPC", 20, "networkAcls/", &|_| json!({"vpcId": vpc, "networkAclName": "a"}));
    fills(
        "security groups of the VPC",
        50,
        "networkSecurityGroups/",
        &|_| json!({"vpcId": vpc, "networkSecurityGroupName": "g"}),
    );
}

#[test]
fn of_lists_of_rules() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let rule = json!({"protocol": 6, "direction": 0, "addressPrefix": "0.0.0.0/0"});
    let path = format!("networkSecurityGroups/{}:addNetworkSecurityGroupRules", network.security_group);
    // The network's own are two of each.
    let rules = |count| json!({"networkSecurityGroupRuleSpecs": vec![&rule; count]});
    let words = "2 of 100 rules of the security group are in use, 99 more would be needed";
    server.refused(429, words, "vpc", "POST", &path, rules(99));
    server.post("vpc", &path, rules(98));
    refuses(&server, "rules of the security group", 100, 1, "vpc", &path, rules(1));
    let rule = json!({"protocol": "TCP", "direction": "egress", "addressPrefix": "0.0.0.0/0", "ruleAction": "deny",
                      "priority": 1});
    let path = format!("networkAcls/{}:addNetworkAclRules", network.acl);
    let rules = |count| json!({"networkAclRuleSpecs": vec![&rule; count]});
    let words = "2 of 100 rules of the network ACL are in use, 99 more would be needed";
    server.refused(429, words, "vpc", "POST", &path, rules(99));
    server.post("vpc", &path, rules(98));
    refuses(&server, "rules of the network ACL", 100, 1, "vpc", &path, rules(1));
}

#[test]
fn of_a_load_balancer() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let (balancer, other) = (network.load_balancer(&server), network.load_balancer(&server));
    let fills = |quota, path, body: &dyn Fn(usize) -> Value| fills_up(&server, quota, 50, "lb", path, body);
    fills("backends of the load balancer", "backends/", &|_| {
        json!({"backendName": "b", "loadBalancerId": balancer, "protocol": "Tcp", "port": 1,
               "healthCheckSpec": {"protocol": "Tcp"}})
    });
    let backend = server.snapshot().backends.keys().next().unwrap().0.clone();
    fills("listeners of the load balancer", "listeners/", &|number| {
        json!({"listenerName": "l", "loadBalancerId": balancer, "backendId": backend, "protocol": "Tcp",
               "port": 1 + number})
    });
    let groups = |of: &str| json!({"targetGroupName": "t", "loadBalancerId": of});
    fills("target groups of the load balancer", "targetGroups/", &|_| groups(&balancer));
    // Another load balancer has its own.
    server.post("lb", "targetGroups/", groups(&other));
}

#[test]
fn of_instances_and_of_targets() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let subnet = server.create(
        "vpc",
        "subnets/",
        "subnetId",
        json!({"vpcId": network.vpc, "subnetName": "s", "addressPrefix": "10.77.16.0/20"}),
    );
    let interface = json!({"networkInterface": {"subnetId": subnet}});
    let spec = json!({"name": "vm", "az": "lab-1a", "instanceTemplateId": network.template,
                      "primaryNetworkInterface": interface});
    let make = |count: usize| json!({"maxCount": count, "instanceSpec": spec});
    let made: Vec<String> =
        (0..10).flat_map(|_| ids(&server.post("vm", "instances", make(100))["instanceIds"])).collect();
    refuses(&server, "instances of the account", 1000, 1, "vm", "instances", make(1));

    let balancer = network.load_balancer(&server);
    let group = json!({"targetGroupName": "t", "loadBalancerId": balancer});
    let group = server.create("lb", "targetGroups/", "targetGroupId", group);
    let path = format!("targetGroups/{group}:registerTargets");
    let targets = |of: &[String]| {
        let targets: Vec<Value> = of.iter().map(|id| json!({"instanceId": id})).collect();
        json!({"targetSpecs": targets})
    };
    server.post("lb", &path, targets(&made));
    refuses(&server, "targets of the target group", 1000, 1, "lb", &path, targets(&made[..1]));
    let listed = server.get("lb", &format!("targetGroups/{group}:describeTargets"), &[("pageSize", "100")]);
    assert_eq!(
        (listed["totalCount"].as_u64(), listed["targets"].as_array().unwrap().len()),
        (Some(1000), 100)
    );
}

#[test]
fn as_an_operator_sets_them() {
    let names = [
        "acl_rules",
        "acls",
        "ags",
        "backends",
        "elastic_ips",
        "instances",
        "listeners",
        "load_balancers",
        "security_group_rules",
        "security_groups",
        "subnets",
        "target_groups",
        "targets",
        "templates",
        "vpcs",
    ];
    let settings: Vec<String> = names.iter().map(|name| format!("{name}=0")).collect();
    let server = Server::with_quotas(&settings.iter().map(String::as_str).collect::<Vec<_>>());
    server.refused(429, "0 of 0 VPCs of the account", "vpc", "POST", "vpcs/", json!({"vpcName": "v"}));
    let quota = |kind: &str| server.get("vpc", "quotas/", &[("type", kind)])["quota"]["maxLimit"].clone();
    assert_eq!((quota("vpc"), quota("elastic_ip")), (json!(0), json!(0)));
    assert_eq!(server.get("ag", "quotas", &[])["quotas"][0]["limit"], 0);
    let limits = server.get("vm", "quotas", &[])["quotas"].clone();
    assert!(limits.as_array().unwrap().iter().all(|quota| quota["limit"] == 0), "{limits}");
}
