//! One of several clients: asks for one random change after the other until its server is gone.

use std::collections::{BTreeMap, BTreeSet};

use dnlb_api::client::{CallError, Client};
use rand::{Rng, rngs::StdRng, seq::IteratorRandom};
use serde_json::{Value, json};

use crate::model::{Change, Holdings};

/// As many of a kind as a client keeps, about.
const ENOUGH: usize = 8;

/// A client and what it knows.
pub(crate) struct Owner {
    /// Begins the names of all that it makes.
    prefix: String,
    /// Tells its elastic IPs: those have no names.
    bandwidth: u64,
    vpc: String,
    subnet: String,
    target_group: String,
    rng: StdRng,
    /// Numbers its requests.
    asked: u32,
    /// What must be there.
    pub(crate) known: Holdings,
    /// What was asked for, and no reply came.
    pub(crate) pending: Option<Change>,
    /// How many changes were acknowledged.
    pub(crate) acknowledged: u64,
}

impl Owner {
    /// A client with a VPC of its own, a subnet, and a load balancer with a target group.
    pub(crate) fn new(number: u8, client: &Client, rng: StdRng) -> Self {
        let prefix = format!("c{number}-");
        let post = |service: &str, path: &str, key: &str, body: Value| -> String {
            let reply = client.call(service, "POST", path, &[], Some(&body)).unwrap();
            reply[key].as_str().unwrap().to_owned()
        };
        let name = format!("{prefix}own");
        let vpc = post("vpc", "vpcs/", "vpcId", json!({"vpcName": format!("own-{number}")}));
        let prefix_of_subnet = format!("10.{number}.0.0/20");
        let subnet = post(
            "vpc",
            "subnets/",
            "subnetId",
            json!({"vpcId": vpc, "subnetName": name, "addressPrefix": prefix_of_subnet}),
        );
        let balancer = post(
            "lb",
            "loadBalancers/",
            "loadBalancerId",
            json!({"loadBalancerName": format!("own-{number}"), "subnetId": subnet, "type": "dnlb"}),
        );
        let target_group = post(
            "lb",
            "targetGroups/",
            "targetGroupId",
            json!({"targetGroupName": name, "loadBalancerId": balancer}),
        );
        Self {
            prefix,
            bandwidth: 100 + u64::from(number),
            vpc,
            subnet,
            target_group,
            rng,
            asked: 0,
            known: Holdings::default(),
            pending: None,
            acknowledged: 0,
        }
    }

    /// Asks for changes until the connection breaks.
    pub(crate) fn run(&mut self, client: &Client) {
        loop {
            let Some(change) = self.choose(client) else { return };
            self.pending = Some(change.clone());
            let reply = match self.ask(client, &change) {
                Ok(reply) => reply,
                Err(CallError::Connection { .. }) => return,
                Err(error) => panic!("{change:?}: {error}"),
            };
            let known = std::mem::take(&mut self.known);
            self.known = known.after(&change, &made(&reply));
            self.pending = None;
            self.acknowledged += 1;
        }
    }

    /// What to ask for next; none if the server is gone.
    fn choose(&mut self, client: &Client) -> Option<Change> {
        self.asked += 1;
        let name = format!("{}{}", self.prefix, self.asked);
        let description = format!("of {name}");
        let known = &self.known;
        let rng = &mut self.rng;
        // The more there are, the rarer one more is.
        let mut more =
            |have: usize| rng.random_range(0..ENOUGH) >= have.min(ENOUGH - 1) / 2 && have < 2 * ENOUGH;
        Some(match self.asked % 8 {
            0 | 1 if more(known.instances.len()) => {
                Change::CreateInstances { name, count: rng.random_range(2..=5) }
            }
            0 | 1 => Change::DeleteInstance { id: known.instances.keys().choose(rng)?.clone() },
            2 if more(known.balancers.len()) => Change::CreateBalancer { name, description },
            2 => match known.balancers.keys().choose(rng)?.clone() {
                id if rng.random() => Change::DeleteBalancer { id },
                id => Change::RenameBalancer { id, name, description },
            },
            3 if more(known.vpcs.len()) => Change::CreateVpc { name, description },
            3 => match known.vpcs.keys().choose(rng)?.clone() {
                id if rng.random() => Change::DeleteVpc { id },
                id => Change::RenameVpc { id, name, description },
            },
            4 if more(known.loose_eips) => Change::CreateEips { count: rng.random_range(2..=4) },
            4 => Change::DeleteEip { id: self.loose_eip(client)? },
            5 => match known.groups.iter().choose(rng) {
                Some((id, (_, ports))) if ports.len() > 30 => Change::DeleteGroup { id: id.clone() },
                Some((id, _)) if known.groups.len() > 2 || rng.random() => {
                    let ports = (0..rng.random_range(2..6)).map(|_| rng.random_range(1..=65_535)).collect();
                    Change::AddRules { group: id.clone(), ports }
                }
                _ => Change::CreateGroup { name },
            },
            _ => return self.choose_target(client),
        })
    }

    fn choose_target(&mut self, client: &Client) -> Option<Change> {
        let rng = &mut self.rng;
        let idle: Vec<&String> =
            self.known.instances.keys().filter(|id| !self.known.targets.contains_key(*id)).collect();
        if idle.len() > 1 && rng.random() || self.known.targets.is_empty() && !idle.is_empty() {
            let count = rng.random_range(1..=idle.len());
            let chosen = idle.into_iter().choose_multiple(rng, count);
            let targets = chosen
                .into_iter()
                .map(|id| (id.clone(), (rng.random_range(1..=65_535), rng.random_range(1..=100))));
            return Some(Change::Register { targets: targets.collect() });
        }
        if self.known.targets.is_empty() {
            let name = format!("{}{}", self.prefix, self.asked);
            return Some(Change::CreateInstances { name, count: 3 });
        }
        let path = format!("targetGroups/{}:describeTargets", self.target_group);
        let ids: BTreeMap<String, String> = all(client, "lb", &path, "targets")
            .ok()?
            .iter()
            .map(|target| (text(target, "instanceId"), text(target, "targetId")))
            .collect();
        let count = rng.random_range(1..=ids.len());
        let chosen = ids.into_iter().choose_multiple(rng, count).into_iter();
        Some(if rng.random_range(0..3) == 0 {
            Change::Deregister { instances: chosen.collect() }
        } else {
            let weights = chosen.map(|(instance, id)| (instance, (id, rng.random_range(1..=100))));
            Change::Weigh { weights: weights.collect() }
        })
    }

    fn loose_eip(&self, client: &Client) -> Option<String> {
        let eips = all(client, "vpc", "elasticIps/", "elasticIps").ok()?;
        let loose = eips.iter().find(|eip| self.owns_eip(eip) && text(eip, "instanceId").is_empty());
        Some(text(loose.expect("it is known to be there"), "elasticIpId"))
    }

    fn owns_eip(&self, eip: &Value) -> bool {
        eip["bandwidthMbps"] == self.bandwidth
    }

    /// Sends the request that a change is.
    fn ask(&self, client: &Client, change: &Change) -> Result<Value, CallError> {
        let call = |service: &str, method: &str, path: String, body: Value| {
            let body = (!body.is_null()).then_some(body);
            client.call(service, method, &path, &[], body.as_ref())
        };
        let targets = |action: &str| format!("targetGroups/{}:{action}", self.target_group);
        match change {
            Change::AddRules { group, ports } => {
                let rules: Vec<Value> = ports
                    .iter()
                    .map(|port| {
                        json!({"protocol": 6, "direction": 0, "addressPrefix": "0.0.0.0/0",
                               "fromPort": port, "toPort": port})
                    })
                    .collect();
                let path = format!("networkSecurityGroups/{group}:addNetworkSecurityGroupRules");
                call("vpc", "POST", path, json!({"networkSecurityGroupRuleSpecs": rules}))
            }
            Change::CreateBalancer { name, description } => {
                let body = json!({"loadBalancerName": name, "description": description, "type": "dnlb",
                    "subnetId": self.subnet, "elasticIp": {"bandwidthMbps": self.bandwidth}});
                call("lb", "POST", "loadBalancers/".into(), body)
            }
            Change::CreateEips { count } => {
                let body = json!({"maxCount": count, "elasticIpSpec": {"bandwidthMbps": self.bandwidth}});
                call("vpc", "POST", "elasticIps/".into(), body)
            }
            Change::CreateGroup { name } => {
                let body = json!({"vpcId": self.vpc, "networkSecurityGroupName": name});
                call("vpc", "POST", "networkSecurityGroups/".into(), body)
            }
            Change::CreateInstances { name, count } => {
                let body = json!({"maxCount": count, "instanceSpec": {"name": name, "az": "lab-1a",
                    "instanceType": "g.n2.medium", "imageId": "img-web",
                    "primaryNetworkInterface": {"networkInterface": {"subnetId": self.subnet}}}});
                call("vm", "POST", "instances".into(), body)
            }
            Change::CreateVpc { name, description } => {
                call("vpc", "POST", "vpcs/".into(), json!({"vpcName": name, "description": description}))
            }
            Change::DeleteBalancer { id } => call("lb", "DELETE", format!("loadBalancers/{id}"), Value::Null),
            Change::DeleteEip { id } => call("vpc", "DELETE", format!("elasticIps/{id}"), Value::Null),
            Change::DeleteGroup { id } => {
                call("vpc", "DELETE", format!("networkSecurityGroups/{id}"), Value::Null)
            }
            Change::DeleteInstance { id } => call("vm", "DELETE", format!("instances/{id}"), Value::Null),
            Change::DeleteVpc { id } => call("vpc", "DELETE", format!("vpcs/{id}"), Value::Null),
            Change::Deregister { instances } => {
                let ids: Vec<&String> = instances.values().collect();
                call("lb", "POST", targets("deregisterTargets"), json!({"targetIds": ids}))
            }
            Change::RenameBalancer { id, name, description } => {
                let body = json!({"loadBalancerName": name, "description": description});
                call("lb", "PATCH", format!("loadBalancers/{id}"), body)
            }
            Change::RenameVpc { id, name, description } => {
                let body = json!({"vpcName": name, "description": description});
                call("vpc", "PATCH", format!("vpcs/{id}"), body)
            }
            Change::Register { targets: specs } => {
                let specs: Vec<Value> = specs
                    .iter()
                    .map(|(id, (port, weight))| json!({"instanceId": id, "port": port, "weight": weight}))
                    .collect();
                call("lb", "POST", targets("registerTargets"), json!({"targetSpecs": specs}))
            }
            Change::Weigh { weights } => {
                let specs: Vec<Value> =
                    weights.values().map(|(id, weight)| json!({"targetId": id, "weight": weight})).collect();
                call("lb", "POST", targets("updateTargets"), json!({"targetUpdateSpecs": specs}))
            }
        }
    }

    /// What is there, of all that a region shows.
    pub(crate) fn see(&self, client: &Client, shown: &Shown) -> Holdings {
        let own = |item: &&Value, name: &str| text(item, name).starts_with(&self.prefix);
        let mut seen = Holdings::default();
        for balancer in shown.balancers.iter().filter(|one| own(one, "loadBalancerName")) {
            let id = text(balancer, "loadBalancerId");
            let eip = &balancer["privateIp"]["elasticIpId"];
            // Both sides of the association, or neither.
            let eip_says = shown.eips.iter().find(|one| one["instanceId"] == id.as_str());
            let agreed = match (eip.as_str().filter(|eip| !eip.is_empty()), eip_says) {
                (Some(id), Some(eip)) => text(eip, "elasticIpId") == id && self.owns_eip(eip),
                (None, None) => true,
                _ => false,
            };
            assert!(agreed, "{balancer} and {eip_says:?} do not agree");
            let value =
                (text(balancer, "loadBalancerName"), text(balancer, "description"), eip_says.is_some());
            seen.balancers.insert(id, value);
        }
        for eip in shown.eips.iter().filter(|eip| self.owns_eip(eip)) {
            let user = text(eip, "instanceId");
            if user.is_empty() {
                seen.loose_eips += 1;
            } else {
                assert!(seen.balancers.contains_key(&user), "{eip} is of a load balancer that is not there");
            }
        }
        for instance in shown.instances.iter().filter(|one| own(one, "instanceName")) {
            seen.instances.insert(text(instance, "instanceId"), text(instance, "instanceName"));
        }
        for group in shown.groups.iter().filter(|one| own(one, "networkSecurityGroupName")) {
            let rules = group["securityGroupRules"].as_array().into_iter().flatten();
            let ports = rules.filter_map(|rule| u16::try_from(rule["fromPort"].as_u64()?).ok()).collect();
            let value = (text(group, "networkSecurityGroupName"), ports);
            seen.groups.insert(text(group, "networkSecurityGroupId"), value);
        }
        for vpc in shown.vpcs.iter().filter(|one| own(one, "vpcName")) {
            seen.vpcs.insert(text(vpc, "vpcId"), (text(vpc, "vpcName"), text(vpc, "description")));
        }
        let path = format!("targetGroups/{}:describeTargets", self.target_group);
        for target in all(client, "lb", &path, "targets").unwrap() {
            let number = |name: &str| target[name].as_u64().unwrap();
            let value = (u16::try_from(number("port")).unwrap(), u32::try_from(number("weight")).unwrap());
            seen.targets.insert(text(&target, "instanceId"), value);
        }
        seen
    }
}

/// Everything that a region shows in lists.
pub(crate) struct Shown {
    balancers: Vec<Value>,
    eips: Vec<Value>,
    groups: Vec<Value>,
    instances: Vec<Value>,
    vpcs: Vec<Value>,
}

impl Shown {
    pub(crate) fn read(client: &Client) -> Self {
        let all = |service, path, key| all(client, service, path, key).unwrap();
        Self {
            balancers: all("lb", "loadBalancers/", "loadBalancers"),
            eips: all("vpc", "elasticIps/", "elasticIps"),
            groups: all("vpc", "networkSecurityGroups/", "networkSecurityGroups"),
            instances: all("vm", "instances", "instances"),
            vpcs: all("vpc", "vpcs/", "vpcs"),
        }
    }
}

/// All of a list, however many pages it has.
fn all(client: &Client, service: &str, path: &str, key: &str) -> Result<Vec<Value>, CallError> {
    let mut found = Vec::new();
    for page in 1.. {
        let mut query: Vec<(String, String)> =
            [("pageNumber", page.to_string()), ("pageSize", "100".into())].map(|(n, v)| (n.into(), v)).into();
        if key == "loadBalancers" {
            query.push(("filters.1.name".into(), "loadBalancerType".into()));
            query.push(("filters.1.values.1".into(), "dnlb".into()));
        }
        let reply = client.call(service, "GET", path, &query, None::<&Value>)?;
        found.extend(reply[key].as_array().cloned().unwrap_or_default());
        if found.len() as u64 >= reply["totalCount"].as_u64().unwrap() {
            break;
        }
    }
    Ok(found)
}

fn text(item: &Value, name: &str) -> String {
    item[name].as_str().unwrap_or_default().to_owned()
}

/// Ids in the reply to a change; those of elastic IPs are not followed.
fn made(reply: &Value) -> BTreeSet<String> {
    let fields =
        ["loadBalancerId", "networkSecurityGroupId", "vpcId"].iter().filter_map(|name| reply[name].as_str());
    let instances = reply["instanceIds"].as_array().into_iter().flatten().filter_map(Value::as_str);
    fields.chain(instances).map(str::to_owned).collect()
}
