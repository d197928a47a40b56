//! Accounts, users, keys and sessions: who comes in, who may do what, and that nobody sees what another has.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use dnlb_api::{
    ApiError,
    client::{CallError, Client, exchange},
    signature,
};
use dnlb_server::ops;
use serde_json::{Value, json};

use crate::server::{ACCESS_KEY, Network, PASSWORD, Server};

/// Calls as somebody else than the first administrator.
fn call(client: &Client, service: &str, method: &str, path: &str, body: Value) -> Result<Value, ApiError> {
    let body = (!body.is_null()).then_some(body);
    match client.call(service, method, path, &[], body.as_ref()) {
        Ok(result) => Ok(result),
        Err(CallError::Api(error)) => Err(error),
        Err(other) => panic!("{method} {path}: {other}"),
    }
}

fn as_key(server: &Server, made: &Value) -> Client {
    Client {
        access_key: made["accessKeyId"].as_str().unwrap().to_owned(),
        secret_key: made["secretKey"].as_str().unwrap().to_owned(),
        ..server.client.clone()
    }
}

/// A request without a signature, with a session's token and a service if there is one; its code and reply.
fn plain(
    server: &Server,
    method: &str,
    path: &str,
    session: Option<(&str, &str)>,
    body: Value,
) -> (u16, Value) {
    let mut headers = vec![("host".to_owned(), server.client.endpoint.clone())];
    if let Some((token, service)) = session {
        headers.push(("authorization".to_owned(), format!("Bearer {token}")));
        headers.push(("x-dnlb-service".to_owned(), service.to_owned()));
    }
    let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(&body).unwrap() };
    let path = format!("/v1/regions/lab-1/{path}");
    let answer = exchange(None, &server.client.endpoint, method, &path, &headers, &body).unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

/// A new account and its administrator's client.
pub(crate) fn account(server: &Server, name: &str) -> (String, Client) {
    let made = server.post("dnlb", "accounts", json!({"accountName": name, "adminPassword": PASSWORD}));
    (made["accountId"].as_str().unwrap().to_owned(), as_key(server, &made))
}

/// A new user of the client's account and its client.
fn user(server: &Server, admin: &Client, name: &str, role: &str) -> (String, Client) {
    let body = json!({"userName": name, "role": role, "password": PASSWORD});
    let user = call(admin, "dnlb", "POST", "users", body).unwrap()["userId"].as_str().unwrap().to_owned();
    let key = call(admin, "dnlb", "POST", "accessKeys", json!({"userId": user})).unwrap();
    (user, as_key(server, &key))
}

/// One resource of every kind, by the name of its collection.
fn one_of_each(server: &Server) -> BTreeMap<&'static str, String> {
    let network = Network::new(server, "n");
    let instance = network.grow(server, 1).remove(0);
    let balancer = network.load_balancer(server);
    let backend = network.backend(server, &balancer);
    let listener = network.listener(server, &balancer, &backend, 80);
    let group = json!({"targetGroupName": "tg", "loadBalancerId": balancer});
    let group = server.create("lb", "targetGroups/", "targetGroupId", group);
    let eip = json!({"maxCount": 1, "elasticIpSpec": {"bandwidthMbps": 1, "provider": "bgp"}});
    let eip = server.post("vpc", "elasticIps/", eip)["elasticIpIds"][0].as_str().unwrap().to_owned();
    [
        ("accessKeys", ACCESS_KEY.to_owned()),
        ("availabilityGroups", network.ag),
        ("backends", backend),
        ("elasticIps", eip),
        ("instanceTemplates", network.template),
        ("instances", instance),
        ("listeners", listener),
        ("loadBalancers", balancer),
        ("networkAcls", network.acl),
        ("networkSecurityGroups", network.security_group),
        ("subnets", network.subnet),
        ("targetGroups", group),
        ("users", "user-admin".to_owned()),
        ("vpcs", network.vpc),
    ]
    .into()
}

/// A path with an id in the place of its parameter.
fn with_id(path: &str, id: &str) -> String {
    let (before, rest) = path.split_once('{').unwrap();
    let (_, after) = rest.split_once('}').unwrap();
    format!("{before}{id}{after}")
}

/// A body in which every operation finds what it needs: whatever else is there is ignored.
fn any_body(ids: &BTreeMap<&'static str, String>) -> Value {
    json!({
        "bandwidthMbps": 5,
        "elasticIpId": ids["elasticIps"],
        "instanceIds": [ids["instances"]],
        "instanceTemplateId": ids["instanceTemplates"],
        "modifyNetworkAclRuleSpecs": [{"ruleId": "rule-x"}],
        "modifySecurityGroupRuleSpecs": [{"ruleId": "rule-x"}],
        "networkAclRuleSpecs": [{"protocol": "All", "direction": "ingress", "addressPrefix": "0.0.0.0/0",
            "ruleAction": "allow", "priority": 1}],
        "networkSecurityGroupRuleSpecs": [{"protocol": 300, "direction": 0, "addressPrefix": "0.0.0.0/0"}],
        "newPassword": "battery staple",
        "oldPassword": PASSWORD,
        "ruleIds": ["rule-x"],
        "subnetId": ids["subnets"],
        "subnetIds": [ids["subnets"]],
        "targetIds": ["target-x"],
        "targetSpecs": [{"instanceId": ids["instances"]}],
        "targetUpdateSpecs": [{"targetId": "target-x", "weight": 3}],
    })
}

#[test]
fn every_operation_on_anothers_resource_finds_nothing() {
    let server = Server::start();
    let ids = one_of_each(&server);
    let (_, other) = account(&server, "other");
    let before = server.snapshot();
    let mut tried = 0;
    for route in ops::routes().iter().filter(|route| route.path.contains('{')) {
        let collection = route.path.split(['/', ':']).next().unwrap();
        if route.operation.is_for_operating() {
            let path = with_id(route.path, "x");
            let refused =
                call(&other, route.service, route.method, &path, any_body(&ids)).expect_err(route.name);
            assert_eq!(refused.code, 403, "{}: {refused}", route.name);
        } else if collection != "images" {
            // Images are everybody's.
            let path = with_id(route.path, &ids[collection]);
            let body = if route.method == "GET" { Value::Null } else { any_body(&ids) };
            let refused = call(&other, route.service, route.method, &path, body).expect_err(route.name);
            assert_eq!(refused.code, 404, "{}: {refused}", route.name);
            tried += 1;
        }
    }
    assert!(tried > 60, "only {tried} operations were tried");
    assert!(Arc::ptr_eq(&before, &server.snapshot()), "something was changed");

    // Nor does it come by another's things through what it makes itself.
    let id = |collection: &str| ids[collection].clone();
    let check = json!({"protocol": "Tcp"});
    let machine = json!({"instanceType": "g.n2.medium", "imageId": "img-web",
        "primaryNetworkInterface": {"networkInterface": {"subnetId": id("subnets")}}});
    let mut in_full = machine.clone();
    in_full["name"] = "web".into();
    in_full["az"] = "lab-1a".into();
    for (service, path, body) in [
        ("vpc", "subnets/", json!({"vpcId": id("vpcs"), "subnetName": "s", "addressPrefix": "10.77.2.0/24"})),
        ("vpc", "networkSecurityGroups/", json!({"vpcId": id("vpcs"), "networkSecurityGroupName": "s"})),
        ("vpc", "networkAcls/", json!({"vpcId": id("vpcs"), "networkAclName": "s"})),
        ("vm", "instanceTemplates", json!({"name": "t", "instanceTemplateData": machine})),
        ("vm", "instances", json!({"instanceSpec": in_full})),
        ("vm", "instances", json!({"instanceSpec": {"name": "web", "agId": id("availabilityGroups")}})),
        (
            "vm",
            "instances",
            json!({"instanceSpec": {"name": "web", "az": "lab-1a", "instanceTemplateId": id("instanceTemplates")}}),
        ),
        (
            "ag",
            "availabilityGroups",
            json!({"agName": "a", "azs": ["lab-1a"], "instanceTemplateId": id("instanceTemplates")}),
        ),
        ("lb", "loadBalancers/", json!({"loadBalancerName": "l", "subnetId": id("subnets"), "type": "dnlb"})),
        ("lb", "targetGroups/", json!({"targetGroupName": "t", "loadBalancerId": id("loadBalancers")})),
        (
            "lb",
            "backends/",
            json!({"backendName": "b", "loadBalancerId": id("loadBalancers"), "protocol": "Tcp", "port": 80,
                "healthCheckSpec": check}),
        ),
        (
            "lb",
            "listeners/",
            json!({"listenerName": "l", "loadBalancerId": id("loadBalancers"), "backendId": id("backends"),
                "protocol": "Tcp", "port": 81}),
        ),
        ("dnlb", "accessKeys", json!({"userId": id("users")})),
    ] {
        let refused = call(&other, service, "POST", path, body.clone()).expect_err(path);
        assert_eq!(refused.code, 404, "{path} {body}: {refused}");
    }
    // Lists and counts are its own.
    for (service, path) in
        [("vpc", "vpcs/"), ("vpc", "elasticIps/"), ("vm", "instances"), ("ag", "availabilityGroups")]
    {
        assert_eq!(call(&other, service, "GET", path, Value::Null).unwrap()["totalCount"], 0, "{path}");
    }
    let quota = call(&other, "ag", "GET", "quotas", Value::Null).unwrap();
    assert_eq!(quota["quotas"][0]["used"], 0);
    let status = call(&other, "dnlb", "GET", "status", Value::Null).unwrap();
    assert_eq!((&status["status"]["hosts"], &status["status"]["loadBalancers"]), (&json!([]), &json!([])));
}

#[test]
fn what_is_shared_by_all_is_given_to_one() {
    let server = Server::start();
    let (_, other) = account(&server, "other");
    let eip = json!({"maxCount": 3, "elasticIpSpec": {"bandwidthMbps": 1, "provider": "bgp"}});
    server.post("vpc", "elasticIps/", eip.clone());
    call(&other, "vpc", "POST", "elasticIps/", eip.clone()).unwrap();
    let addresses: BTreeSet<_> = server.snapshot().eips.values().map(|eip| eip.addr).collect();
    assert_eq!(addresses.len(), 6);
    assert_eq!(call(&other, "vpc", "POST", "elasticIps/", eip).unwrap_err().status, "FAILED_PRECONDITION");
    // Addresses of VPCs are everybody's own.
    let vpc = json!({"vpcName": "v", "addressPrefix": "10.77.0.0/16"});
    server.post("vpc", "vpcs/", vpc.clone());
    call(&other, "vpc", "POST", "vpcs/", vpc).unwrap();
    let numbers: BTreeSet<_> = server.snapshot().vpcs.values().map(|vpc| vpc.vni).collect();
    assert_eq!(numbers.len(), 2);
}

#[test]
fn a_role_may_what_it_says_and_no_more() {
    let server = Server::start();
    let (_, admin) = account(&server, "team");
    let vpc = |client: &Client| call(client, "vpc", "POST", "vpcs/", json!({"vpcName": "v"})).map(drop);
    let list = |client: &Client| call(client, "vpc", "GET", "vpcs/", Value::Null).map(drop);
    let add = |client: &Client| {
        call(client, "dnlb", "POST", "users", json!({"userName": "x", "role": "Viewer"})).map(drop)
    };
    let hosts = |client: &Client| call(client, "dnlb", "GET", "hosts", Value::Null).map(drop);
    let accounts = |client: &Client| call(client, "dnlb", "GET", "accounts", Value::Null).map(drop);
    let code = |outcome: Result<(), ApiError>| outcome.map_or_else(|error| error.code, |()| 200);
    let (_, viewer) = user(&server, &admin, "viewer", "Viewer");
    let (_, operator) = user(&server, &admin, "operator", "Operator");
    for (client, may) in [
        (&viewer, [200, 403, 403, 403, 403]),
        (&operator, [200, 200, 403, 403, 403]),
        (&admin, [200, 200, 200, 403, 403]),
        (&server.client, [200, 200, 200, 200, 200]),
    ] {
        let outcomes = [list(client), vpc(client), add(client), hosts(client), accounts(client)];
        assert_eq!(outcomes.map(code), may);
    }
    let error = vpc(&viewer).unwrap_err();
    assert_eq!(error.status, "HTTP_FORBIDDEN");
    assert_eq!(error.message, "CreateVpc takes the role Operator; user viewer has Viewer");
}

#[test]
fn keys_are_made_rotated_disabled_and_deleted() {
    let server = Server::start();
    let (_, admin) = account(&server, "team");
    let (user_id, viewer) = user(&server, &admin, "viewer", "Viewer");
    let works = |client: &Client| call(client, "vpc", "GET", "vpcs/", Value::Null).is_ok();
    let path = |client: &Client| format!("accessKeys/{}", client.access_key);
    assert!(works(&viewer));

    // One's own, whatever the role; another's is not there.
    let next = call(&viewer, "dnlb", "POST", &format!("{}:rotate", path(&viewer)), json!({})).unwrap();
    let next = as_key(&server, &next);
    assert!(works(&viewer) && works(&next), "both count for a while");
    let now = call(&viewer, "dnlb", "POST", &format!("{}:rotate", path(&next)), json!({"graceSeconds": 0}));
    let last = as_key(&server, &now.unwrap());
    assert!(!works(&next) && works(&last));
    let refused = call(&viewer, "dnlb", "DELETE", &path(&admin), Value::Null).unwrap_err();
    assert_eq!(refused.code, 404);
    let listed = call(&viewer, "dnlb", "GET", "accessKeys", Value::Null).unwrap();
    assert_eq!(listed["totalCount"], 3);
    assert!(!listed.to_string().contains(&last.secret_key) && !listed.to_string().contains("secret"));

    call(&admin, "dnlb", "PATCH", &path(&last), json!({"enabled": false})).unwrap();
    assert!(!works(&last));
    call(&admin, "dnlb", "PATCH", &path(&last), json!({"enabled": true})).unwrap();
    assert!(works(&last));
    call(&admin, "dnlb", "DELETE", &path(&last), Value::Null).unwrap();
    assert!(!works(&last) && works(&viewer));
    call(&admin, "dnlb", "PATCH", &format!("users/{user_id}"), json!({"enabled": false})).unwrap();
    assert!(!works(&viewer));
}

#[test]
fn a_session_is_as_good_as_a_signature() {
    let server = Server::start();
    let (_, admin) = account(&server, "team");
    user(&server, &admin, "operator", "Operator");
    let login = |account: &str, user: &str, password: &str| {
        plain(
            &server,
            "POST",
            "sessions",
            None,
            json!({"accountName": account, "userName": user, "password": password}),
        )
    };
    for (account, user, password) in
        [("team", "operator", "wrong"), ("team", "nobody", PASSWORD), ("nothing", "operator", PASSWORD)]
    {
        let (code, reply) = login(account, user, password);
        assert_eq!((code, &reply["error"]["message"]), (401, &json!("Invalid authentication credentials")));
    }
    let (code, reply) = login("team", "operator", PASSWORD);
    assert_eq!(code, 200, "{reply}");
    assert_eq!(reply["result"]["caller"]["role"], "Operator");
    let token = reply["result"]["token"].as_str().unwrap();
    let as_session = |method: &str, path: &str, service: &str, body: Value| {
        plain(&server, method, path, Some((token, service)), body)
    };
    assert_eq!(as_session("POST", "vpcs/", "vpc", json!({"vpcName": "v"})).0, 200);
    assert_eq!(as_session("GET", "vpcs/", "vpc", Value::Null).1["result"]["totalCount"], 1);
    let (_, me) = as_session("GET", "sessions/current", "dnlb", Value::Null);
    assert_eq!(me["result"]["caller"]["userName"], "operator");
    assert!(!format!("{:?}", server.snapshot().sessions).contains(token), "only its hash is kept");

    // Another password ends other sessions, not this one; to log out ends it.
    let id = me["result"]["caller"]["userId"].as_str().unwrap();
    let second = login("team", "operator", PASSWORD).1["result"]["token"].as_str().unwrap().to_owned();
    let change = json!({"oldPassword": PASSWORD, "newPassword": "battery staple"});
    assert_eq!(as_session("POST", &format!("users/{id}:changePassword"), "dnlb", change).0, 200);
    assert_eq!(plain(&server, "GET", "vpcs/", Some((&second, "vpc")), Value::Null).0, 401);
    assert_eq!(login("team", "operator", PASSWORD).0, 401);
    assert_eq!(as_session("DELETE", "sessions/current", "dnlb", Value::Null).0, 200);
    assert_eq!(as_session("GET", "vpcs/", "vpc", Value::Null).0, 401);
}

#[test]
fn passwords_cannot_be_tried_without_end() {
    let server = Server::start();
    let body = json!({"userName": "admin", "password": "wrong"});
    let attempt = || plain(&server, "POST", "sessions", None, body.clone()).0;
    for _ in 0..10 {
        assert_eq!(attempt(), 401);
    }
    // One of the next: by and by more are let in.
    assert!((0..10).any(|_| attempt() == 429));
}

#[test]
fn an_account_can_be_locked_out_and_goes_when_it_is_empty() {
    let server = Server::start();
    let (id, admin) = account(&server, "team");
    let vpc = call(&admin, "vpc", "POST", "vpcs/", json!({"vpcName": "v"})).unwrap();
    let vpc = vpc["vpcId"].as_str().unwrap();
    let path = format!("accounts/{id}");
    let refused = server.call("dnlb", "DELETE", &path, Value::Null).unwrap_err();
    assert!(refused.message.contains(vpc), "{refused}");
    let shown = server.get("dnlb", &path, &[]);
    assert_eq!((&shown["account"]["userCount"], &shown["account"]["resourceCount"]), (&json!(1), &json!(1)));
    server.patch("dnlb", &path, json!({"enabled": false}));
    assert_eq!(call(&admin, "vpc", "GET", "vpcs/", Value::Null).unwrap_err().code, 401);
    server.patch("dnlb", &path, json!({"enabled": true}));
    call(&admin, "vpc", "DELETE", &format!("vpcs/{vpc}"), Value::Null).unwrap();
    server.call("dnlb", "DELETE", &path, Value::Null).unwrap();
    assert_eq!(call(&admin, "vpc", "GET", "vpcs/", Value::Null).unwrap_err().code, 401);
    let own = server.call("dnlb", "DELETE", "accounts/account-operating", Value::Null).unwrap_err();
    assert_eq!(own.code, 400);
    // Nor can the last administrator take the rights from itself.
    let last = server.call("dnlb", "PATCH", "users/user-admin", json!({"role": "Viewer"})).unwrap_err();
    assert_eq!(last.message, "an account has at least one enabled user with role Admin");
}

#[test]
fn who_changed_what_can_be_asked() {
    let server = Server::start();
    let (_, admin) = account(&server, "team");
    let vpc = call(&admin, "vpc", "POST", "vpcs/", json!({"vpcName": "v"})).unwrap();
    let vpc = vpc["vpcId"].as_str().unwrap();
    call(&admin, "vpc", "PATCH", &format!("vpcs/{vpc}"), json!({"vpcName": "w"})).unwrap();
    call(&admin, "vpc", "PATCH", &format!("vpcs/{vpc}"), json!({"vpcName": "w"})).unwrap();
    let refused = call(&admin, "vpc", "PATCH", &format!("vpcs/{vpc}"), json!({"vpcName": "?"}));
    assert_eq!(refused.unwrap_err().code, 400);
    let records = call(&admin, "dnlb", "GET", "auditRecords", Value::Null).unwrap();
    let told: Vec<_> =
        records["auditRecords"].as_array().unwrap().iter().map(|one| &one["operation"]).collect();
    assert_eq!(told, ["ModifyVpc", "CreateVpc"], "newest first, and only what changed something");
    let change = &records["auditRecords"][0]["changes"][0];
    assert_eq!((&change["before"], &change["after"]), (&json!({"name": "v"}), &json!({"name": "w"})));
    assert_eq!(records["auditRecords"][0]["sourceAddress"], "127.0.0.1");
    // The operating account has its own.
    let own = server.get(
        "dnlb",
        "auditRecords",
        &[("filters.1.name", "operation"), ("filters.1.values.1", "CreateAccount")],
    );
    assert_eq!(own["auditRecords"].as_array().unwrap().len(), 1);
    assert!(!own.to_string().contains(&admin.secret_key));
    let wrong = server.client.call(
        "dnlb",
        "GET",
        "auditRecords",
        &[("beginTime".into(), "today".into())],
        None::<&Value>,
    );
    assert!(matches!(wrong, Err(CallError::Api(error)) if error.code == 400));
}

#[test]
fn a_request_that_was_heard_cannot_be_sent_again() {
    let server = Server::start();
    let path = "/v1/regions/lab-1/vpcs/";
    let body = br#"{"vpcName": "v"}"#;
    let mut headers = vec![("host".to_owned(), server.client.endpoint.clone())];
    let request = signature::Request { method: "POST", path, query: "", headers: &headers, body };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (key, secret) = (&server.client.access_key, &server.client.secret_key);
    let signed = signature::sign(&request, key, secret, "lab-1", "vpc", now);
    headers.extend(signed);
    let send = || exchange(None, &server.client.endpoint, "POST", path, &headers, body).unwrap().status;
    assert_eq!((send(), send()), (200, 401));
    assert_eq!(server.snapshot().vpcs.len(), 1);
}
