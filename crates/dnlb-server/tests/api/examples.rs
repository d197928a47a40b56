//! The examples in the API's document: a walk through every operation, recorded.
//!
//! What it records must be what `src/openapi/examples.json` holds; with `DNLB_WRITE_EXAMPLES` set (`cargo xtask reference`
//! sets it) the file is written instead. Ids, times and revisions are replaced by ones that stay.

use std::collections::BTreeMap;

use dnlb_api::client::exchange;
use dnlb_model::InstanceState;
use dnlb_proto::{Answer, ConsoleAnswer, Packet, PacketAnswer, PacketFate, PacketStep, Question};
use dnlb_server::ops;
use serde_json::{Map, Value, json};

use crate::server::{PASSWORD, REGION, Server};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/openapi/examples.json");

#[test]
fn every_operation_has_an_example_that_is_still_true() {
    let mut walk = Walk::default();
    let server = Server::start();
    ["h1", "h2", "h3", "h4"].iter().for_each(|host| server.answering(host, answer));
    let made = networks(&mut walk, &server);
    let instances = computers(&mut walk, &server, &made);
    balancing(&mut walk, &server, &made, &instances);
    ours(&mut walk, &server);
    people(&mut walk, &server);
    farewell(&mut walk, &server, &made, &instances);

    for route in ops::routes() {
        let key = format!("{}.{}", route.service, route.name);
        assert!(walk.examples.contains_key(&key), "the walk does not pass {key}");
    }
    let recorded = format!("{:#}\n", Value::Object(walk.examples));
    if std::env::var_os("DNLB_WRITE_EXAMPLES").is_some() {
        std::fs::write(FILE, recorded).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(FILE).unwrap();
    let differs = recorded.lines().zip(kept.lines()).find(|(new, old)| new != old);
    assert!(
        recorded == kept,
        "{FILE} is not what the server says: run `cargo xtask reference`; at {differs:?}"
    );
}

/// What hosts say of the first instance, and of packets to it.
fn answer(question: Question) -> Result<Answer, String> {
    let step = |code: &str, text: &str| PacketStep { code: code.to_owned(), text: text.to_owned() };
    let (program, steps, outcome, fate) = match question {
        Question::Console { .. } => {
            let text = b"hi\n".to_vec();
            return Ok(Answer::Console(ConsoleAnswer { written: text.len() as u64, text }));
        }
        Question::Packet { packet: Packet::New(_), .. } => (
            "from_instance",
            vec![
                step(
                    "service",
                    "tcp 10.77.1.100:80 is listener shop/http, backend service 1, VNI 1, rows by source address",
                ),
                step("row", "hash 0x1c9a5df2, row 457 of 1024: web-01 on h3"),
            ],
            "tunnelled",
            PacketFate::Sent { to: [10, 255, 0, 3].into(), vni: 1, frame: vec![0; 60] },
        ),
        Question::Packet { packet: Packet::Arrived(_), .. } => (
            "from_overlay",
            vec![step("target", "web-01 serves backend service 1 at port 8080")],
            "delivered",
            PacketFate::Delivered,
        ),
    };
    let (program, outcome) = (program.to_owned(), outcome.to_owned());
    Ok(Answer::Packet(PacketAnswer { program, steps, outcome, advice: String::new(), instance: 1, fate }))
}

/// What was made on the way.
struct Made {
    vpc: String,
    subnet: String,
    security_group: String,
    acl: String,
    eip: String,
}

fn networks(walk: &mut Walk, server: &Server) -> Made {
    let vpc_id = walk.make(
        server,
        "vpc",
        "vpcs",
        "vpcId",
        json!({"vpcName": "shop", "addressPrefix": "10.77.0.0/16", "description": "The web shop"}),
    );
    let vpc = format!("vpcs/{vpc_id}");
    walk.patch(server, "vpc", &vpc, json!({"ipv6AddressPrefix": "fd00:0:1::/48"}));
    let subnet_id = walk.make(
        server,
        "vpc",
        "subnets",
        "subnetId",
        json!({"vpcId": vpc_id, "subnetName": "front", "addressPrefix": "10.77.1.0/24"}),
    );
    let subnet = format!("subnets/{subnet_id}");
    walk.patch(server, "vpc", &subnet, json!({"description": "Web servers and VIPs"}));
    walk.get(server, "vpc", "subnets", &[("filters.1.name", "vpcId"), ("filters.1.values.1", &vpc_id)]);
    walk.get(server, "vpc", &subnet, &[]);

    let security_group_id = walk.make(
        server,
        "vpc",
        "networkSecurityGroups",
        "networkSecurityGroupId",
        json!({"vpcId": vpc_id, "networkSecurityGroupName": "web"}),
    );
    let group = format!("networkSecurityGroups/{security_group_id}");
    walk.patch(server, "vpc", &group, json!({"description": "HTTP in, everything out"}));
    walk.post(
        server,
        "vpc",
        &format!("{group}:addNetworkSecurityGroupRules"),
        json!({"networkSecurityGroupRuleSpecs": [
        {"protocol": 6, "direction": 0, "addressPrefix": "0.0.0.0/0", "fromPort": 8080, "toPort": 8080},
        {"protocol": 300, "direction": 1, "addressPrefix": "0.0.0.0/0"}]}),
    );
    let rules = walk.get(server, "vpc", &group, &[])["networkSecurityGroup"]["securityGroupRules"].clone();
    walk.post(
        server,
        "vpc",
        &format!("{group}:modifyNetworkSecurityGroupRules"),
        json!({"modifySecurityGroupRuleSpecs": [
        {"ruleId": rules[0]["ruleId"], "toPort": 8081}]}),
    );
    walk.post(
        server,
        "vpc",
        &format!("{group}:removeNetworkSecurityGroupRules"),
        json!({"ruleIds": [rules[1]["ruleId"]]}),
    );
    walk.get(server, "vpc", "networkSecurityGroups", &[("pageNumber", "1"), ("pageSize", "10")]);

    let acl_id = walk.make(
        server,
        "vpc",
        "networkAcls",
        "networkAclId",
        json!({"vpcId": vpc_id, "networkAclName": "border"}),
    );
    let acl = format!("networkAcls/{acl_id}");
    walk.patch(server, "vpc", &acl, json!({"networkAclName": "front-border"}));
    let rule = |direction| json!({"protocol": "All", "direction": direction, "addressPrefix": "0.0.0.0/0", "ruleAction": "allow", "priority": 1000});
    walk.post(
        server,
        "vpc",
        &format!("{acl}:addNetworkAclRules"),
        json!({"networkAclRuleSpecs": [rule("ingress"), rule("egress")]}),
    );
    walk.post(server, "vpc", &format!("{acl}:associateNetworkAcl"), json!({"subnetIds": [subnet_id]}));
    let rules = walk.get(server, "vpc", &acl, &[])["networkAcl"]["networkAclRules"].clone();
    walk.post(
        server,
        "vpc",
        &format!("{acl}:modifyNetworkAclRules"),
        json!({"modifyNetworkAclRuleSpecs": [
        {"ruleId": rules[0]["ruleId"], "priority": 900}]}),
    );
    walk.post(
        server,
        "vpc",
        &format!("{acl}:removeNetworkAclRules"),
        json!({"ruleIds": [rules[0]["ruleId"]]}),
    );
    walk.get(
        server,
        "vpc",
        "networkAcls",
        &[("filters.1.name", "networkAclNames"), ("filters.1.values.1", "front-border")],
    );
    walk.post(server, "vpc", &format!("{acl}:disassociateNetworkAcl"), json!({"subnetId": subnet_id}));
    walk.get(server, "vpc", &vpc, &[]);
    walk.get(
        server,
        "vpc",
        "vpcs",
        &[("filters.1.name", "vpcNames"), ("filters.1.operator", "like"), ("filters.1.values.1", "sho")],
    );
    walk.get(server, "vpc", "quotas", &[("type", "subnet"), ("parentResourceId", &vpc_id)]);

    let eips = walk.post(
        server,
        "vpc",
        "elasticIps",
        json!({"maxCount": 1, "elasticIpSpec": {"bandwidthMbps": 5, "provider": "bgp"},
        "userTags": [{"key": "stage", "value": "test"}]}),
    );
    let eip_id = eips["elasticIpIds"][0].as_str().unwrap().to_owned();
    let eip = format!("elasticIps/{eip_id}");
    walk.patch(server, "vpc", &eip, json!({"bandwidthMbps": 10}));
    walk.get(server, "vpc", &eip, &[]);
    walk.get(
        server,
        "vpc",
        "elasticIps",
        &[
            ("filters.1.name", "status"),
            ("filters.1.values.1", "NOT_ASSOCIATED"),
            ("tags.1.key", "stage"),
            ("tags.1.values.1", "test"),
        ],
    );
    Made { vpc: vpc_id, subnet: subnet_id, security_group: security_group_id, acl: acl_id, eip: eip_id }
}

/// Templates, groups, and the instances that are made.
fn computers(walk: &mut Walk, server: &Server, made: &Made) -> Vec<String> {
    walk.get(server, "vm", "images", &[("imageSource", "public")]);
    walk.get(server, "vm", "images/img-web", &[]);
    walk.get(
        server,
        "vm",
        "instanceTypes",
        &[("filters.1.name", "instanceTypes"), ("filters.1.values.1", "g.n2.medium")],
    );
    let template = walk.make(server, "vm", "instanceTemplates", "instanceTemplateId", json!({"name": "web", "instanceTemplateData": {
        "instanceType": "g.n2.medium", "imageId": "img-web",
        "primaryNetworkInterface": {"networkInterface": {"subnetId": made.subnet, "securityGroups": [made.security_group]}},
        "userdata": [{"key": "launch-script", "value": "IyEvYmluL3NoCmVjaG8gaGkK"}],
        "metadata": [{"key": "role", "value": "web"}]}}));
    let path = format!("instanceTemplates/{template}");
    walk.patch(server, "vm", &path, json!({"instanceTemplateData": {"instanceType": "g.n2.large"}}));
    walk.get(server, "vm", &format!("{path}:verify"), &[]);
    let ag = walk.make(
        server,
        "ag",
        "availabilityGroups",
        "agId",
        json!({"agName": "web", "azs": ["lab-1a", "lab-1b"], "instanceTemplateId": template}),
    );
    walk.get(server, "vm", &path, &[]);
    walk.get(server, "vm", "instanceTemplates", &[("filters.1.name", "name"), ("filters.1.values.1", "web")]);
    let path = format!("availabilityGroups/{ag}");
    walk.patch(server, "ag", &path, json!({"description": "Front ends"}));
    walk.post(server, "ag", &format!("{path}:setInstanceTemplate"), json!({"instanceTemplateId": template}));

    let reply = walk.post(
        server,
        "vm",
        "instances",
        json!({"instanceSpec": {"name": "web-[01]", "agId": ag}, "maxCount": 2}),
    );
    let instances = crate::server::ids(&reply["instanceIds"]);
    let first = format!("instances/{}", instances[0]);
    server.report(&instances[0], InstanceState::Running);
    walk.get(server, "vm", &first, &[]);
    walk.get(server, "vm", &format!("{first}:describeConsoleLog"), &[("maxBytes", "4096")]);
    walk.get(
        server,
        "vm",
        "instances",
        &[
            ("filters.1.name", "agId"),
            ("filters.1.values.1", &ag),
            ("filters.2.name", "status"),
            ("filters.2.values.1", "running"),
        ],
    );
    walk.get(server, "vm", "instanceStatus", &[("filters.1.name", "agId"), ("filters.1.values.1", &ag)]);
    walk.post(
        server,
        "vm",
        &format!("{first}:modifyInstanceAttribute"),
        json!({"description": "The first one"}),
    );
    walk.post(server, "vm", &format!("{first}:rebootInstance"), json!({}));
    walk.post(server, "vm", &format!("{first}:stopInstance"), json!({}));
    server.report(&instances[0], InstanceState::Stopped);
    walk.post(server, "vm", &format!("{first}:startInstance"), json!({}));
    walk.get(server, "ag", &path, &[]);
    walk.get(
        server,
        "ag",
        "availabilityGroups",
        &[("filters.1.name", "agName"), ("filters.1.values.1", "web")],
    );
    walk.get(server, "ag", "quotas", &[]);
    walk.get(
        server,
        "vm",
        "quotas",
        &[("filters.1.name", "resourceTypes"), ("filters.1.values.1", "instance")],
    );
    walk.post(server, "ag", &format!("{path}:abandonInstances"), json!({"instanceIds": [instances[1]]}));
    vec![instances[0].clone(), instances[1].clone(), ag, template]
}

fn balancing(walk: &mut Walk, server: &Server, made: &Made, instances: &[String]) {
    let ours = [("filters.1.name", "loadBalancerType"), ("filters.1.values.1", "dnlb")];
    let balancer = walk.make(
        server,
        "lb",
        "loadBalancers",
        "loadBalancerId",
        json!({"loadBalancerName": "shop", "subnetId": made.subnet, "type": "dnlb",
        "privateIpAddress": "10.77.1.100", "userTags": [{"key": "stage", "value": "test"}]}),
    );
    let path = format!("loadBalancers/{balancer}");
    walk.patch(
        server,
        "lb",
        &path,
        json!({"description": "The shop's front door", "deleteProtection": false}),
    );
    walk.post(server, "lb", &format!("{path}:associateElasticIp"), json!({"elasticIpId": made.eip}));
    walk.get(server, "lb", &path, &[]);
    walk.get(server, "dnlb", &format!("{path}/convergence"), &[]);
    walk.get(server, "lb", "loadBalancers", &ours);

    let group = walk.make(
        server,
        "lb",
        "targetGroups",
        "targetGroupId",
        json!({"targetGroupName": "by-hand", "loadBalancerId": balancer}),
    );
    let group_path = format!("targetGroups/{group}");
    walk.patch(server, "lb", &group_path, json!({"targetGroupName": "hand-picked"}));
    walk.post(
        server,
        "lb",
        &format!("{group_path}:registerTargets"),
        json!({"targetSpecs": [{"instanceId": instances[1], "port": 8081, "weight": 30}]}),
    );
    let target =
        walk.get(server, "lb", &format!("{group_path}:describeTargets"), &[])["targets"][0]["targetId"]
            .clone();
    walk.post(
        server,
        "lb",
        &format!("{group_path}:updateTargets"),
        json!({"targetUpdateSpecs": [{"targetId": target, "weight": 20}]}),
    );
    walk.get(server, "lb", &group_path, &[]);
    walk.get(server, "lb", "targetGroups", &ours);

    let backend = walk.make(server, "lb", "backends", "backendId", json!({"backendName": "web", "loadBalancerId": balancer, "protocol": "Tcp", "port": 8080,
        "algorithm": "IpHash", "agIds": [instances[2]], "healthCheckSpec": {"protocol": "Tcp", "intervalSeconds": 5}}));
    let backend_path = format!("backends/{backend}");
    walk.patch(
        server,
        "lb",
        &backend_path,
        json!({"healthCheckSpec": {"protocol": "Http", "httpPath": "/health", "httpCode": ["2xx"], "intervalSeconds": 10},
            "connectionDrainingSeconds": 60}),
    );
    walk.get(server, "lb", &backend_path, &[]);
    walk.get(server, "lb", &format!("{backend_path}/health"), &[]);
    walk.get(server, "lb", &format!("{backend_path}/rowDistribution"), &[]);
    let members = walk.get(server, "lb", &format!("{backend_path}/agTargets"), &[]);
    let weights =
        json!({"targetUpdateSpecs": [{"targetId": members["agTargets"][0]["targetId"], "weight": 20}]});
    walk.patch(server, "lb", &format!("{backend_path}:updateAgTargets"), weights);
    walk.get(server, "lb", "backends", &ours);

    let listener = walk.make(
        server,
        "lb",
        "listeners",
        "listenerId",
        json!({"listenerName": "http", "loadBalancerId": balancer, "backendId": backend,
        "protocol": "Tcp", "port": 80}),
    );
    let listener_path = format!("listeners/{listener}");
    walk.patch(server, "lb", &listener_path, json!({"status": "On", "connectionIdleTimeSeconds": 600}));
    walk.get(server, "lb", &listener_path, &[]);
    walk.get(server, "lb", "listeners", &ours);
    walk.get(server, "dnlb", "status", &[]);
    let flow = json!({"vpcId": made.vpc, "sourceAddress": "10.77.1.3", "destinationAddress": "10.77.1.100",
        "protocol": "Tcp", "sourcePort": 51234, "destinationPort": 80});
    walk.post(server, "dnlb", "flows:explain", flow);
    let of_listener = [
        ("resourceType", "listener"),
        ("resourceId", &listener),
        ("beginTime", "2026-01-02T03:04:00Z"),
        ("endTime", "2026-01-02T03:07:00Z"),
        ("stepSeconds", "60"),
    ];
    walk.get(server, "dnlb", "metrics", &of_listener);

    walk.delete(server, "lb", &listener_path);
    walk.delete(server, "lb", &backend_path);
    walk.post(server, "lb", &format!("{group_path}:deregisterTargets"), json!({"targetIds": [target]}));
    walk.delete(server, "lb", &group_path);
    walk.post(server, "lb", &format!("{path}:disassociateElasticIp"), json!({"elasticIpId": made.eip}));
    walk.delete(server, "lb", &path);
}

fn ours(walk: &mut Walk, server: &Server) {
    walk.get(server, "dnlb", "hosts", &[]);
    let trace = walk.make(
        server,
        "dnlb",
        "traces",
        "traceId",
        json!({"to": {"block": "203.0.113.1/32", "port": 80}, "protocol": 6, "count": 10, "seconds": 30}),
    );
    walk.get(server, "dnlb", &format!("traces/{trace}"), &[("after", "0")]);
    walk.delete(server, "dnlb", &format!("traces/{trace}"));
}

/// Accounts, users, keys and sessions, and what is remembered of them.
fn people(walk: &mut Walk, server: &Server) {
    let account = walk.make(
        server,
        "dnlb",
        "accounts",
        "accountId",
        json!({"accountName": "team", "description": "The web team"}),
    );
    let path = format!("accounts/{account}");
    walk.patch(server, "dnlb", &path, json!({"enabled": false}));
    walk.get(server, "dnlb", &path, &[]);
    walk.get(
        server,
        "dnlb",
        "accounts",
        &[("filters.1.name", "accountName"), ("filters.1.values.1", "team")],
    );
    walk.delete(server, "dnlb", &path);
    let body = json!({"userName": "ci", "role": "Operator"});
    let user = walk.make(server, "dnlb", "users", "userId", body);
    let path = format!("users/{user}");
    walk.patch(server, "dnlb", &path, json!({"description": "Deploys the shop", "role": "Viewer"}));
    walk.get(server, "dnlb", &path, &[]);
    walk.get(server, "dnlb", "users", &[("filters.1.name", "role"), ("filters.1.values.1", "Viewer")]);
    let key = json!({"userId": user, "description": "In the pipeline"});
    let key = walk.make(server, "dnlb", "accessKeys", "accessKeyId", key);
    let key_path = format!("accessKeys/{key}");
    walk.get(server, "dnlb", "accessKeys", &[("filters.1.name", "userId"), ("filters.1.values.1", &user)]);
    walk.post(server, "dnlb", &format!("{key_path}:rotate"), json!({"graceSeconds": 3600}));
    walk.patch(server, "dnlb", &key_path, json!({"enabled": false}));
    walk.delete(server, "dnlb", &key_path);
    walk.delete(server, "dnlb", &path);

    let login = json!({"userName": "admin", "password": PASSWORD});
    let session = walk.post(server, "dnlb", "sessions", login)["token"].as_str().unwrap().to_owned();
    walk.token = Some(session);
    walk.get(server, "dnlb", "sessions/current", &[]);
    let passwords = json!({"oldPassword": PASSWORD, "newPassword": "battery staple"});
    walk.post(server, "dnlb", "users/user-admin:changePassword", passwords);
    walk.delete(server, "dnlb", "sessions/current");
    walk.token = None;
    walk.get(
        server,
        "dnlb",
        "auditRecords",
        &[("maxResults", "1"), ("filters.1.name", "operation"), ("filters.1.values.1", "UpdateUser")],
    );
    walk.get(server, "dnlb", "events", &[("maxResults", "1")]);
}

fn farewell(walk: &mut Walk, server: &Server, made: &Made, instances: &[String]) {
    for instance in &instances[..2] {
        walk.delete(server, "vm", &format!("instances/{instance}"));
    }
    walk.delete(server, "ag", &format!("availabilityGroups/{}", instances[2]));
    walk.delete(server, "vm", &format!("instanceTemplates/{}", instances[3]));
    for path in [
        format!("elasticIps/{}", made.eip),
        format!("networkAcls/{}", made.acl),
        format!("networkSecurityGroups/{}", made.security_group),
        format!("subnets/{}", made.subnet),
        format!("vpcs/{}", made.vpc),
    ] {
        walk.delete(server, "vpc", &path);
    }
}

/// Calls operations and records the first call of each.
#[derive(Default)]
struct Walk {
    examples: Map<String, Value>,
    /// The session whose requests these are.
    token: Option<String>,
    /// What stands for an id that chance has chosen.
    shown: BTreeMap<String, String>,
}

impl Walk {
    fn get(&mut self, server: &Server, service: &str, path: &str, query: &[(&str, &str)]) -> Value {
        self.call(server, service, "GET", path, query, None)
    }

    fn post(&mut self, server: &Server, service: &str, path: &str, body: Value) -> Value {
        self.call(server, service, "POST", path, &[], Some(body))
    }

    fn patch(&mut self, server: &Server, service: &str, path: &str, body: Value) {
        self.call(server, service, "PATCH", path, &[], Some(body));
    }

    fn delete(&mut self, server: &Server, service: &str, path: &str) {
        self.call(server, service, "DELETE", path, &[], None);
    }

    fn make(&mut self, server: &Server, service: &str, path: &str, key: &str, body: Value) -> String {
        self.post(server, service, path, body)[key].as_str().unwrap().to_owned()
    }

    fn call(
        &mut self,
        server: &Server,
        service: &str,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Value>,
    ) -> Value {
        let (route, ids) = ops::route(service, method, path).unwrap_or_else(|| panic!("{method} {path}"));
        let whole = format!("/v1/regions/{REGION}/{path}");
        let encoded: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let bytes = body.as_ref().map(Value::to_string).unwrap_or_default();
        let answer = if route.name == "CreateSession" || self.token.is_some() {
            let mut headers = vec![("host".to_owned(), server.client.endpoint.clone())];
            if let Some(token) = &self.token {
                headers.push(("authorization".to_owned(), format!("Bearer {token}")));
            }
            exchange(None, &server.client.endpoint, method, &whole, &headers, bytes.as_bytes()).unwrap()
        } else {
            server.client.send(service, method, &whole, &encoded.join("&"), bytes.as_bytes()).unwrap()
        };
        let reply: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer.status, 200, "{method} {path}: {reply}");
        let result = reply["result"].clone();
        let names = route.path.split(['/', ':']).filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let ids: BTreeMap<&str, String> = names.zip(ids).collect();
        // What has no body in the document is sent with an empty one at most.
        let body = body.filter(|body| *body != json!({}));
        let mut example = json!({
            "method": method, "path": whole, "ids": ids, "query": query, "body": body, "reply": reply,
        });
        self.settle(&mut example);
        self.examples.entry(format!("{service}.{}", route.name)).or_insert(example);
        result
    }

    /// Replaces what is another every time.
    fn settle(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    match key.as_str() {
                        "requestId" => *value = json!("4f1c8a6be0d2935f7a604bd1c2e3f508"),
                        "revision" | "wantedRevision" => *value = json!(42),
                        "secretKey" | "token" => *value = json!("(shown once)"),
                        "nextToken" if *value != json!("") => *value = json!("00001767323045000-example001"),
                        "architecture" => *value = json!("x86_64"),
                        _ => self.settle(value),
                    }
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.settle(value)),
            Value::String(text) => *text = self.settled(text),
            _ => {}
        }
    }

    fn settled(&mut self, text: &str) -> String {
        if text.len() == 20 && text.ends_with('Z') && text.as_bytes()[10] == b'T' {
            return "2026-01-02T03:04:05Z".to_owned();
        }
        let part = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let mut settled = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let end = rest.find(|c| part(c) != part(first)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            settled += &if part(first) { self.word(word) } else { word.to_owned() };
            rest = after;
        }
        settled
    }

    fn word(&mut self, word: &str) -> String {
        if word.len() == 16 && word.chars().all(|c| c.is_ascii_hexdigit()) {
            return "00c0ffee00c0ffee".to_owned();
        }
        if word.len() == 26 && word.starts_with("AK") {
            return "AKEXAMPLE".to_owned();
        }
        let Some((prefix, tail)) = word.split_once('-') else { return word.to_owned() };
        if tail.len() != 10 || !tail.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
            return word.to_owned();
        }
        let number = self.shown.len() + 1;
        let shown = self.shown.entry(tail.to_owned()).or_insert_with(|| format!("example{number:03}"));
        format!("{prefix}-{shown}")
    }
}
