//! The API's words for what resources of a region file say.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::{
    resource::{Fields, Key, Noun},
    words::{Action, Algorithm, CheckProtocol, Direction, Protocol, RuleProtocol, WithoutMember},
};
use crate::commands::launch_script;

/// Finds the id of a resource that is there.
pub(crate) type Ids<'a> = &'a dyn Fn(&Key) -> Result<String>;

/// The body that makes a resource. What has an operation of its own is not in it: see [`is_apart`].
pub(crate) fn create(key: &Key, fields: &Fields, ids: Ids<'_>) -> Result<Value> {
    let mut body = Map::new();
    let name = Value::from(key.name.as_str());
    let parent = |name: &str| -> Result<(String, Value)> {
        let parent = key.parent().context("a resource of nothing")?;
        Ok((name.to_owned(), ids(&parent)?.into()))
    };
    match key.noun {
        Noun::ElasticIp => {
            body.insert("maxCount".into(), 1.into());
            body.insert("elasticIpAddress".into(), name);
            let (mbps, provider) = (fields.get("mbps"), fields.get("provider"));
            body.insert("elasticIpSpec".into(), json!({"bandwidthMbps": mbps, "provider": provider}));
            body.insert("userTags".into(), pairs(fields.get("tags")));
            return Ok(body.into());
        }
        Noun::Instance => {
            let mut spec = Map::from_iter([("name".to_owned(), name)]);
            spec.extend(machine(key, fields, ids)?);
            spec.insert("az".into(), fields.get("az").cloned().unwrap_or_default());
            spec.insert("userTags".into(), pairs(fields.get("tags")));
            spec.extend(fields.get("description").map(|text| ("description".to_owned(), text.clone())));
            return Ok(json!({"instanceSpec": spec, "maxCount": 1}));
        }
        Noun::Template => {
            body.insert("name".into(), name);
            body.insert("instanceTemplateData".into(), machine(key, fields, ids)?.into());
            body.extend(fields.get("description").map(|text| ("description".to_owned(), text.clone())));
            return Ok(body.into());
        }
        Noun::LoadBalancer => {
            body.insert("type".into(), "dnlb".into());
            body.insert("loadBalancerName".into(), name);
            body.insert("userTags".into(), pairs(fields.get("tags")));
            body.insert("subnetId".into(), ids(&subnet(key, fields)?)?.into());
        }
        Noun::AvailabilityGroup => {
            body.insert("agName".into(), name);
            body.insert("agType".into(), "vm".into());
            body.insert("azs".into(), fields.get("azs").cloned().unwrap_or_default());
            let template = named(fields, "template").context("a group without a template")?;
            body.insert("instanceTemplateId".into(), ids(&Key::new(Noun::Template, template))?.into());
        }
        Noun::Vpc => drop(body.insert("vpcName".into(), name)),
        Noun::Subnet => {
            body.insert("subnetName".into(), name);
            body.extend([parent("vpcId")?]);
        }
        Noun::SecurityGroup => {
            body.insert("networkSecurityGroupName".into(), name);
            body.extend([parent("vpcId")?]);
        }
        Noun::Acl => {
            body.insert("networkAclName".into(), name);
            body.extend([parent("vpcId")?]);
        }
        Noun::TargetGroup => {
            body.insert("targetGroupName".into(), name);
            body.extend([parent("loadBalancerId")?]);
        }
        Noun::Backend => {
            body.insert("backendName".into(), name);
            body.extend([parent("loadBalancerId")?]);
        }
        Noun::Listener => {
            body.insert("listenerName".into(), name);
            body.extend([parent("loadBalancerId")?]);
        }
    }
    for (field, value) in fields {
        body.extend(change(key, field, value, ids)?);
    }
    // Only a change can switch these.
    ["closeHealthCheck", "status", "action"].iter().for_each(|name| drop(body.remove(*name)));
    Ok(body.into())
}

/// The body that changes fields. What has an operation of its own is not in it: see [`is_apart`].
pub(crate) fn update(key: &Key, changed: &Fields, all: &Fields, ids: Ids<'_>) -> Result<Value> {
    let mut body = Map::new();
    let of_machine = ["image", "metadata", "script", "security_groups", "subnet", "type", "vpc"];
    if key.noun == Noun::Template && changed.keys().any(|name| of_machine.contains(&name.as_str())) {
        body.insert("instanceTemplateData".into(), machine(key, all, ids)?.into());
    }
    for (field, value) in changed {
        body.extend(change(key, field, value, ids)?);
    }
    Ok(body.into())
}

/// Whether a field is set by an operation of its own.
pub(crate) fn is_apart(noun: Noun, field: &str) -> bool {
    matches!(
        (noun, field),
        (Noun::SecurityGroup | Noun::Acl, "rules")
            | (Noun::Subnet, "acl")
            | (Noun::AvailabilityGroup, "size" | "template")
            | (Noun::LoadBalancer, "elastic_ip")
            | (Noun::TargetGroup, "targets")
            | (Noun::Backend, "weights")
    )
}

/// What a field is in a body: name and value, more than one for some, none for what is said elsewhere.
fn change(key: &Key, field: &str, value: &Value, ids: Ids<'_>) -> Result<Vec<(String, Value)>> {
    let wire = |name: &str| Ok(vec![(name.to_owned(), value.clone())]);
    let word = |name: &str, wire_of: fn(&str) -> Option<&'static str>| {
        Ok(vec![(name.to_owned(), value.as_str().and_then(wire_of).into())])
    };
    let on_off = |on: &str, off: &str| Value::from(if value == &json!(true) { on } else { off });
    let list = |name: &str, to: fn(&str, &str) -> Key| -> Result<Vec<(String, Value)>> {
        let parent = key.parent.as_deref().unwrap_or_default();
        let id = value.as_str().map(|name| ids(&to(parent, name))).transpose()?;
        Ok(vec![(name.to_owned(), id.into_iter().collect::<Vec<_>>().into())])
    };
    match (key.noun, field) {
        // An empty text is one that was taken away.
        (_, "description") => Ok(vec![("description".to_owned(), value.as_str().unwrap_or_default().into())]),
        (Noun::Vpc | Noun::Subnet, "prefix") => wire("addressPrefix"),
        (Noun::Vpc, "prefix_v6") => wire("ipv6AddressPrefix"),
        (Noun::ElasticIp, "mbps") => wire("bandwidthMbps"),
        (Noun::Instance, "metadata") => Ok(vec![("metadata".to_owned(), pairs(Some(value)))]),
        (Noun::Instance, "script") => Ok(vec![("userdata".to_owned(), userdata(Some(value)))]),
        (Noun::LoadBalancer, "vip") => wire("privateIpAddress"),
        (Noun::LoadBalancer, "delete_protection") => wire("deleteProtection"),
        (Noun::LoadBalancer, "enabled") => Ok(vec![("action".to_owned(), on_off("Start", "Stop"))]),
        (Noun::Backend | Noun::Listener, "protocol") => word("protocol", Protocol::wire_of),
        (Noun::Backend | Noun::Listener, "port") => wire("port"),
        (Noun::Backend, "algorithm") => word("algorithm", Algorithm::wire_of),
        (Noun::Backend, "draining_seconds") => wire("connectionDrainingSeconds"),
        (Noun::Backend, "without_member") => word("withoutMember", WithoutMember::wire_of),
        (Noun::Backend, "availability_group") => {
            list("agIds", |_, name| Key::new(Noun::AvailabilityGroup, name))
        }
        (Noun::Backend, "target_group") => {
            list("targetGroupIds", |parent, name| Key::of(Noun::TargetGroup, parent, name))
        }
        (Noun::Backend, "health_check") => Ok(vec![
            ("healthCheckSpec".to_owned(), health_check(value)),
            ("closeHealthCheck".to_owned(), (value["enabled"] == json!(false)).into()),
        ]),
        (Noun::Listener, "backend") => {
            let parent = key.parent.as_deref().unwrap_or_default();
            let backend = Key::of(Noun::Backend, parent, value.as_str().unwrap_or_default());
            Ok(vec![("backendId".to_owned(), ids(&backend)?.into())])
        }
        (Noun::Listener, "idle_seconds") => wire("connectionIdleTimeSeconds"),
        (Noun::Listener, "enabled") => Ok(vec![("status".to_owned(), on_off("On", "Off"))]),
        _ => Ok(Vec::new()),
    }
}

/// What templates and instances have in common.
fn machine(key: &Key, fields: &Fields, ids: Ids<'_>) -> Result<Map<String, Value>> {
    let vpc = named(fields, "vpc").context("a machine without a VPC")?;
    let groups = fields.get("security_groups").and_then(Value::as_array);
    let groups: Vec<String> = groups
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|name| ids(&Key::of(Noun::SecurityGroup, vpc, name)))
        .collect::<Result<_>>()?;
    let mut interface = json!({"subnetId": ids(&subnet(key, fields)?)?, "securityGroups": groups});
    if let Some(address) = fields.get("address") {
        interface["primaryIpAddress"] = address.clone();
    }
    let machine = json!({
        "instanceType": fields.get("type"),
        "imageId": fields.get("image"),
        "primaryNetworkInterface": {"networkInterface": interface},
        "metadata": pairs(fields.get("metadata")),
        "userdata": userdata(fields.get("script")),
    });
    Ok(machine.as_object().cloned().unwrap_or_default())
}

fn subnet(key: &Key, fields: &Fields) -> Result<Key> {
    let names = named(fields, "vpc").zip(named(fields, "subnet"));
    let (vpc, subnet) = names.with_context(|| format!("{key} without VPC and subnet"))?;
    Ok(Key::of(Noun::Subnet, vpc, subnet))
}

fn named<'a>(fields: &'a Fields, field: &str) -> Option<&'a str> {
    fields.get(field)?.as_str()
}

/// A map as the API takes tags and metadata.
fn pairs(map: Option<&Value>) -> Value {
    let entries = map.and_then(Value::as_object).into_iter().flatten();
    entries.map(|(key, value)| json!({"key": key, "value": value})).collect()
}

fn userdata(script: Option<&Value>) -> Value {
    match script.and_then(Value::as_str) {
        None | Some("") => json!([]),
        Some(script) => launch_script(script.as_bytes()),
    }
}

fn health_check(check: &Value) -> Value {
    let protocol = check["protocol"].as_str().and_then(CheckProtocol::wire_of);
    let mut spec = json!({
        "protocol": protocol,
        "intervalSeconds": check["interval_seconds"],
        "checkTimeoutSeconds": check["timeout_seconds"],
        "healthyThresholdCount": check["healthy_after"],
        "unhealthyThresholdCount": check["unhealthy_after"],
    });
    // Pings have no ports, and the API refuses one for them.
    if protocol != Some("Icmp") {
        spec["port"] = check["port"].clone();
    }
    if protocol == Some("Http") {
        spec["httpPath"] = check["path"].clone();
        // An empty text is one that was taken away.
        spec["httpDomain"] = check["domain"].as_str().unwrap_or_default().into();
        spec["httpCode"] = check["codes"].as_str().unwrap_or_default().split(',').collect();
    }
    spec
}

/// A rule as the API takes it.
pub(crate) fn rule(noun: Noun, rule: &Value) -> Result<Value> {
    let word = |field: &str| rule[field].as_str().unwrap_or_default();
    let mut body = json!({"addressPrefix": rule["prefix"], "description": rule["description"]});
    if noun == Noun::Acl {
        body["direction"] = Direction::wire_of(word("direction")).into();
        body["protocol"] = RuleProtocol::wire_of(word("protocol")).into();
        body["ruleAction"] = Action::wire_of(word("action")).into();
        body["priority"] = rule["priority"].clone();
    } else {
        body["direction"] = i32::from(word("direction") == "out").into();
        let numbers = [("all", 300), ("icmp", 1), ("tcp", 6), ("udp", 17)];
        let number = numbers.iter().find(|(name, _)| *name == word("protocol")).map(|(_, number)| *number);
        body["protocol"] = number.context("a rule without a protocol")?.into();
    }
    let (from, to) = match &rule["ports"] {
        Value::Null => return Ok(body),
        Value::String(range) => {
            let (from, to) = range.split_once('-').context("a range without an end")?;
            (from.parse::<u16>()?.into(), to.parse::<u16>()?.into())
        }
        port => (port.clone(), port.clone()),
    };
    body["fromPort"] = from;
    body["toPort"] = to;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region_file::{parse::parse, resource::resources};

    fn ids(key: &Key) -> Result<String> {
        Ok(format!("id of {key}"))
    }

    fn made(text: &str) -> Vec<(String, Value)> {
        let all = resources(&parse(text).unwrap());
        all.iter().map(|(key, fields)| (key.to_string(), create(key, fields, &ids).unwrap())).collect()
    }

    #[test]
    fn a_backend_and_its_listener_say_everything_in_the_words_of_the_api() {
        let made = made(
            "\
load_balancers:
  l:
    vpc: v
    subnet: a
    vip: 10.0.0.9
    elastic_ip: 203.0.113.1
    enabled: false
    backends:
      b: {protocol: udp, port: 53, algorithm: quintuple-hash, availability_group: g, without_member: fail-open, health_check: {enabled: false}}
    listeners: {h: {protocol: udp, port: 53, backend: b, enabled: false}}
",
        );
        assert_eq!(
            made[0].1,
            json!({"type": "dnlb", "loadBalancerName": "l", "userTags": [], "subnetId": "id of subnet v/a",
                   "privateIpAddress": "10.0.0.9", "deleteProtection": false})
        );
        assert_eq!(
            made[1].1,
            json!({"backendName": "b", "loadBalancerId": "id of load balancer l", "protocol": "Udp", "port": 53,
                   "algorithm": "QuintupleHash", "agIds": ["id of availability group g"], "withoutMember": "FailOpen",
                   "connectionDrainingSeconds": 300,
                   "healthCheckSpec": {"protocol": "Icmp", "intervalSeconds": 5, "checkTimeoutSeconds": 3,
                                       "healthyThresholdCount": 3, "unhealthyThresholdCount": 3}})
        );
        assert_eq!(
            made[2].1,
            json!({"listenerName": "h", "loadBalancerId": "id of load balancer l", "protocol": "Udp", "port": 53,
                   "backendId": "id of backend service l/b", "connectionIdleTimeSeconds": 300})
        );
    }

    #[test]
    fn a_check_by_http_says_also_what_was_taken_away() {
        let backend = Key::of(Noun::Backend, "l", "b");
        let check = |check: Value| {
            let fields = [("health_check".to_owned(), check)].into();
            update(&backend, &fields, &fields, &ids).unwrap()["healthCheckSpec"].clone()
        };
        let spec = check(json!({"protocol": "http", "path": "/health", "codes": "200,3xx", "port": 81}));
        assert_eq!(
            (&spec["protocol"], &spec["httpPath"], &spec["httpDomain"], &spec["httpCode"], &spec["port"]),
            (&json!("Http"), &json!("/health"), &json!(""), &json!(["200", "3xx"]), &json!(81))
        );
        let spec = check(json!({"protocol": "tcp", "port": 81}));
        assert_eq!((spec.get("httpPath"), &spec["port"]), (None, &json!(81)));
    }

    #[test]
    fn an_instance_says_everything_in_the_words_of_the_api() {
        let made = made(
            "instances: {db: {az: r1a, vpc: v, subnet: a, address: 10.0.0.5, security_groups: [g], script: '#!', metadata: {k: v}, tags: {t: u}}}\n",
        );
        assert_eq!(
            made[0].1,
            json!({"maxCount": 1, "instanceSpec": {
                "name": "db", "az": "r1a", "instanceType": "g.n2.medium", "imageId": "img-web",
                "primaryNetworkInterface": {"networkInterface": {
                    "subnetId": "id of subnet v/a", "securityGroups": ["id of security group v/g"],
                    "primaryIpAddress": "10.0.0.5"}},
                "metadata": [{"key": "k", "value": "v"}],
                "userdata": [{"key": "launch-script", "value": "IyE="}],
                "userTags": [{"key": "t", "value": "u"}]}})
        );
    }

    #[test]
    fn what_is_taken_away_is_said_to_be_empty() {
        let backend = Key::of(Noun::Backend, "l", "b");
        let none = |field: &str| [(field.to_owned(), Value::Null)].into();
        let body = |key: &Key, field: &str| update(key, &none(field), &Fields::new(), &ids).unwrap();
        assert_eq!(body(&backend, "availability_group"), json!({"agIds": []}));
        assert_eq!(body(&backend, "description"), json!({"description": ""}));
        let instance = Key::new(Noun::Instance, "i");
        assert_eq!(body(&instance, "script"), json!({"userdata": []}));
        assert_eq!(body(&instance, "metadata"), json!({"metadata": []}));
    }

    #[test]
    fn rules_are_said_as_each_kind_of_list_says_them() {
        let in_words = json!({"direction": "out", "protocol": "tcp", "ports": "8000-8080", "prefix": "10.0.0.0/8",
                              "action": "deny", "priority": 7});
        assert_eq!(
            rule(Noun::SecurityGroup, &in_words).unwrap(),
            json!({"direction": 1, "protocol": 6, "fromPort": 8000, "toPort": 8080, "addressPrefix": "10.0.0.0/8",
                   "description": null})
        );
        let one = json!({"direction": "in", "protocol": "udp", "ports": 53, "prefix": "::/0", "action": "allow",
                         "priority": 7, "description": "dns"});
        assert_eq!(
            rule(Noun::Acl, &one).unwrap(),
            json!({"direction": "ingress", "protocol": "UDP", "fromPort": 53, "toPort": 53, "addressPrefix": "::/0",
                   "ruleAction": "allow", "priority": 7, "description": "dns"})
        );
    }
}
