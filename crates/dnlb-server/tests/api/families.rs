//! IPv4 and IPv6 beside each other: what a VPC of both can do, and what would have to cross between them is refused.

use serde_json::{Value, json};

use crate::server::{Network, Server};

/// A VPC of both families: the IPv4 network, and ids of an IPv6 subnet with a template and a group.
struct Both {
    network: Network,
    subnet: String,
    template: String,
    ag: String,
}

impl Both {
    fn new(server: &Server) -> Self {
        let network = Network::new(server, "n");
        let vpc = format!("vpcs/{}", network.vpc);
        server.patch("vpc", &vpc, json!({"ipv6AddressPrefix": "fd00:0:1::/48"}));
        let block = json!({"vpcId": network.vpc, "subnetName": "six", "addressPrefix": "fd00:0:1:1::/64"});
        let subnet = server.create("vpc", "subnets/", "subnetId", block);
        let template = server.create(
            "vm",
            "instanceTemplates",
            "instanceTemplateId",
            json!({
            "name": "six", "instanceTemplateData": {"instanceType": "g.n2.medium", "imageId": "img-web",
            "primaryNetworkInterface": {"networkInterface": {"subnetId": subnet}}}}),
        );
        let group = json!({"agName": "six", "azs": ["lab-1a"], "instanceTemplateId": template});
        let ag = server.create("ag", "availabilityGroups", "agId", group);
        Self { network, subnet, template, ag }
    }

    fn grow(&self, server: &Server) -> String {
        let spec = json!({"instanceSpec": {"name": "six", "agId": self.ag}, "maxCount": 1});
        server.post("vm", "instances", spec)["instanceIds"][0].as_str().unwrap().to_owned()
    }

    fn load_balancer(&self, server: &Server) -> String {
        let spec = json!({"loadBalancerName": "six", "subnetId": self.subnet, "type": "dnlb"});
        server.create("lb", "loadBalancers/", "loadBalancerId", spec)
    }
}

fn elastic_ip(server: &Server, version: u8) -> String {
    let spec = json!({"maxCount": 1, "elasticIpSpec": {"bandwidthMbps": 5}, "ipVersion": version});
    server.post("vpc", "elasticIps/", spec)["elasticIpIds"][0].as_str().unwrap().to_owned()
}

#[test]
fn a_vpc_of_both_families_balances_in_each() {
    let server = Server::start();
    let both = Both::new(&server);
    let vpc = server.get("vpc", &format!("vpcs/{}", both.network.vpc), &[])["vpc"].clone();
    assert_eq!(
        (&vpc["addressPrefix"], &vpc["ipv6AddressPrefix"]),
        (&json!("10.77.0.0/16"), &json!("fd00:0:1::/48"))
    );

    let (first, second) = (both.grow(&server), both.grow(&server));
    let balancer = both.load_balancer(&server);
    let address =
        |id: &str| server.get("vm", &format!("instances/{id}"), &[])["instance"]["privateIpAddress"].clone();
    assert_eq!((address(&first), address(&second)), (json!("fd00:0:1:1::3"), json!("fd00:0:1:1::4")));
    let shown =
        || server.get("lb", &format!("loadBalancers/{balancer}"), &[])["loadBalancer"]["privateIp"].clone();
    assert_eq!(shown()["privateIpAddress"], "fd00:0:1:1::5");
    // More addresses than a client's 32 bits count.
    let subnet = server.get("vpc", &format!("subnets/{}", both.subnet), &[])["subnet"].clone();
    assert_eq!(
        (&subnet["startIp"], &subnet["endIp"], &subnet["availableIpCount"]),
        (&json!("fd00:0:1:1::3"), &json!("fd00:0:1:1:ffff:ffff:ffff:fffe"), &json!(i32::MAX))
    );

    let backend = server.create(
        "lb",
        "backends/",
        "backendId",
        json!({
        "backendName": "six", "loadBalancerId": balancer, "protocol": "Udp", "port": 8080, "agIds": [both.ag],
        "healthCheckSpec": {"protocol": "Icmp"}}),
    );
    let health = server.get("lb", &format!("backends/{backend}/health"), &[]);
    assert_eq!(health["targetHealths"][0]["ipAddress"], "fd00:0:1:1::3");

    let eip = elastic_ip(&server, 6);
    let path = format!("loadBalancers/{balancer}");
    server.post("lb", &format!("{path}:associateElasticIp"), json!({"elasticIpId": eip}));
    assert_eq!(shown()["elasticIpAddress"], "2001:db8:e::1");
    // The VIP written in another way is no other VIP.
    server.patch("lb", &path, json!({"privateIpAddress": "FD00:0:1:1:0::5"}));
    server.patch("lb", &path, json!({"privateIpAddress": "fd00:0:1:1::ff"}));
    assert_eq!(shown()["privateIpAddress"], "fd00:0:1:1::ff");
    // An elastic IP that is made together with its load balancer has the VIP's family.
    let other = server.create("lb", "loadBalancers/", "loadBalancerId", json!({
        "loadBalancerName": "lb", "subnetId": both.subnet, "type": "dnlb", "elasticIp": {"bandwidthMbps": 1}}));
    let other = server.get("lb", &format!("loadBalancers/{other}"), &[])["loadBalancer"].clone();
    assert_eq!(other["privateIp"]["elasticIpAddress"], "2001:db8:e::2");

    let found = |name: &str, value: &str| {
        let query = [("filters.1.name", name), ("filters.1.values.1", value)];
        server.get("vpc", "elasticIps/", &query)["totalCount"].clone()
    };
    elastic_ip(&server, 4);
    assert_eq!((found("ipVersion", "6"), found("ipVersion", "4")), (json!(2), json!(1)));
    assert_eq!(found("elasticIpAddress", "2001:DB8:E:0::2"), 1);
    let ip = [("filters.1.name", "privateIpAddress"), ("filters.1.values.1", "fd00:0:1:1:0:0:0:4")];
    assert_eq!(server.get("vm", "instances", &ip)["totalCount"], 1);
}

#[test]
fn rules_say_their_family() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let group = format!("networkSecurityGroups/{}", network.security_group);
    let six = json!({"protocol": 1, "direction": 0, "addressPrefix": "2001:db8::/32"});
    server.post(
        "vpc",
        &format!("{group}:addNetworkSecurityGroupRules"),
        json!({"networkSecurityGroupRuleSpecs": [six]}),
    );
    let rules = server.get("vpc", &group, &[])["networkSecurityGroup"]["securityGroupRules"].clone();
    let shown = |at: usize| (rules[at]["addressPrefix"].clone(), rules[at]["ipVersion"].clone());
    assert_eq!(shown(0), (json!("0.0.0.0/0"), json!(4)));
    assert_eq!(shown(2), (json!("2001:db8::/32"), json!(6)));
    let acl = format!("networkAcls/{}", network.acl);
    let six = json!({"protocol": "All", "direction": "ingress", "addressPrefix": "::/0", "ruleAction": "deny", "priority": 7});
    server.post("vpc", &format!("{acl}:addNetworkAclRules"), json!({"networkAclRuleSpecs": [six]}));
    let rules = server.get("vpc", &acl, &[])["networkAcl"]["networkAclRules"].clone();
    assert_eq!((&rules[0]["ipVersion"], &rules[2]["ipVersion"]), (&json!(4), &json!(6)));
    let bad = json!({"protocol": 6, "direction": 0, "addressPrefix": "2001:db8::1/32"});
    server.refused(
        400,
        "did you mean 2001:db8::/32",
        "vpc",
        "POST",
        &format!("{group}:addNetworkSecurityGroupRules"),
        json!({"networkSecurityGroupRuleSpecs": [bad]}),
    );
}

#[test]
fn ranges_and_blocks() {
    let server = Server::start();
    let both = Both::new(&server);
    let vpc = |words: &str, body: Value| {
        let mut body = body;
        body["vpcName"] = json!("v");
        server.refused(400, words, "vpc", "POST", "vpcs/", body);
    };
    vpc("48 to 112", json!({"addressPrefix": "fd00::/47"}));
    vpc("none of fc00::/7", json!({"addressPrefix": "2001:db8::/48"}));
    vpc("which health checks use", json!({"addressPrefix": "fd64:6e6c:6201::/48"}));
    vpc("is IPv4: it belongs into addressPrefix", json!({"ipv6AddressPrefix": "10.0.0.0/16"}));
    vpc(
        "a VPC has one IPv6 range, and addressPrefix fd00:0:1::/48 is one already",
        json!({"addressPrefix": "fd00:0:1::/48", "ipv6AddressPrefix": "fd00:0:2::/48"}),
    );

    let subnet = |words: &str, code, vpc: &str, prefix: &str| {
        let body = json!({"vpcId": vpc, "subnetName": "s", "addressPrefix": prefix});
        server.refused(code, words, "vpc", "POST", "subnets/", body);
    };
    let vpc = &both.network.vpc;
    subnet("64 to 112", 400, vpc, "fd00:0:1::/56");
    subnet("64 to 112", 400, vpc, "fd00:0:1::/120");
    subnet(
        &format!("fd00:0:2::/64 is not inside VPC {vpc} (10.77.0.0/16, fd00:0:1::/48)"),
        400,
        vpc,
        "fd00:0:2::/64",
    );
    subnet(&format!("overlaps subnet {} (fd00:0:1:1::/64)", both.subnet), 409, vpc, "fd00:0:1:1::/80");
    let path = format!("vpcs/{vpc}");
    server.refused(
        400,
        &format!("subnet {}: fd00:0:1:1::/64 is not inside VPC", both.subnet),
        "vpc",
        "PATCH",
        &path,
        json!({"ipv6AddressPrefix": "fd00:0:2::/48"}),
    );
    // Without another range an IPv6 VPC has IPv6 alone, and one without any range has both.
    let six =
        server.create("vpc", "vpcs/", "vpcId", json!({"vpcName": "six", "addressPrefix": "fd00:0:3::/48"}));
    subnet(
        &format!("10.0.0.0/24 is IPv4, VPC {six} (fd00:0:3::/48) has no IPv4 range"),
        400,
        &six,
        "10.0.0.0/24",
    );
    let any = server.create("vpc", "vpcs/", "vpcId", json!({"vpcName": "any"}));
    for prefix in ["10.0.0.0/24", "fd00:0:9:9::/64"] {
        server.create(
            "vpc",
            "subnets/",
            "subnetId",
            json!({"vpcId": any, "subnetName": "s", "addressPrefix": prefix}),
        );
    }
}

#[test]
fn addresses() {
    let server = Server::start();
    let both = Both::new(&server);
    let taken = both.load_balancer(&server);
    let vip = |code, words: &str, subnet: &str, addr: &str| {
        let body =
            json!({"loadBalancerName": "lb", "type": "dnlb", "subnetId": subnet, "privateIpAddress": addr});
        server.refused(code, words, "lb", "POST", "loadBalancers/", body);
    };
    vip(400, "not an IPv6 address, which those of subnet", &both.subnet, "10.77.1.9");
    vip(400, "not an IPv4 address, which those of subnet", &both.network.subnet, "fd00:0:1:1::9");
    vip(400, "`x` is not an IPv6 address", &both.subnet, "x");
    vip(400, "not in subnet", &both.subnet, "fd00:0:1:2::9");
    for reserved in ["fd00:0:1:1::", "fd00:0:1:1::2", "fd00:0:1:1:ffff:ffff:ffff:ffff"] {
        vip(400, "is reserved", &both.subnet, reserved);
    }
    vip(409, &format!("fd00:0:1:1::3 is taken by load balancer {taken}"), &both.subnet, "fd00:0:1:1:0:0:0:3");

    let eip = |code, words: &str, mut body: Value| {
        body["maxCount"] = body["maxCount"].as_i64().unwrap_or(1).into();
        body["elasticIpSpec"] = json!({"bandwidthMbps": 1});
        server.refused(code, words, "vpc", "POST", "elasticIps/", body);
    };
    eip(400, "ipVersion 5 is neither 4 nor 6", json!({"ipVersion": 5}));
    eip(
        400,
        "elasticIpAddress 203.0.113.1 is IPv4, ipVersion is 6",
        json!({"ipVersion": 6, "elasticIpAddress": "203.0.113.1"}),
    );
    eip(400, "none of the region's pools", json!({"elasticIpAddress": "2001:db8:e::8"}));
    eip(400, "none of the region's pools", json!({"elasticIpAddress": "2001:db8:e::"}));
    eip(400, "no free elastic IP of IPv6", json!({"ipVersion": 6, "maxCount": 8}));
    server.transact(|region| std::sync::Arc::make_mut(&mut region.settings).eip_pools.truncate(1));
    eip(400, "no pool of IPv6 elastic IPs", json!({"ipVersion": 6}));
}

#[test]
fn what_would_have_to_cross_between_families() {
    let server = Server::start();
    let both = Both::new(&server);
    let (four, six) = (both.network.load_balancer(&server), both.load_balancer(&server));
    let instance_of_4 = both.network.grow(&server, 1).remove(0);
    let instance_of_6 = both.grow(&server);
    let groups = server.get("ag", "availabilityGroups", &[])["ags"].clone();
    let mut versions: Vec<_> =
        groups.as_array().unwrap().iter().map(|ag| ag["ipVersion"].as_i64().unwrap()).collect();
    versions.sort_unstable();
    assert_eq!(versions, [4, 6]);

    for (balancer, version, words) in
        [(&four, 6, "is IPv6, load balancer"), (&six, 4, "is IPv4, load balancer")]
    {
        let eip = elastic_ip(&server, version);
        let path = format!("loadBalancers/{balancer}:associateElasticIp");
        server.refused(400, words, "lb", "POST", &path, json!({"elasticIpId": eip}));
    }
    for (balancer, instance, words) in [
        (
            &four,
            &instance_of_6,
            format!(
                "instance {instance_of_6} (fd00:0:1:1::4) is IPv6, load balancer {four} (10.77.1.3) is IPv4"
            ),
        ),
        (&six, &instance_of_4, format!("instance {instance_of_4} (10.77.1.4) is IPv4, load balancer {six}")),
    ] {
        let body = json!({"targetGroupName": "tg", "loadBalancerId": balancer});
        let group = server.create("lb", "targetGroups/", "targetGroupId", body);
        let path = format!("targetGroups/{group}:registerTargets");
        server.refused(400, &words, "lb", "POST", &path, json!({"targetSpecs": [{"instanceId": instance}]}));
    }
    for (balancer, ag) in [(&four, &both.ag), (&six, &both.network.ag)] {
        let words = format!("availability group {ag}, by subnet");
        let body = json!({"backendName": "be", "loadBalancerId": balancer, "protocol": "Tcp", "port": 8080,
            "agIds": [ag], "healthCheckSpec": {"protocol": "Tcp"}});
        server.refused(400, &words, "lb", "POST", "backends/", body.clone());
        let mut without = body;
        without["agIds"] = json!([]);
        let backend = server.create("lb", "backends/", "backendId", without);
        server.refused(400, &words, "lb", "PATCH", &format!("backends/{backend}"), json!({"agIds": [ag]}));
    }

    // A group keeps its family, however its template changes: a load balancer may have it by then.
    let path = format!("availabilityGroups/{}:setInstanceTemplate", both.network.ag);
    let other = json!({"instanceTemplateId": both.template});
    server.refused(400, "both must be of one family", "ag", "POST", &path, other);
    let data = json!({"instanceTemplateData": {"primaryNetworkInterface": {"networkInterface": {"subnetId": both.subnet}}}});
    let path = format!("instanceTemplates/{}", both.network.template);
    let words = format!(
        "availability group {} uses instance template {} with IPv4",
        both.network.ag, both.network.template
    );
    server.refused(400, &words, "vm", "PATCH", &path, data);
}
