//! A region as flat resources: what each is called, what it says and what it refers to.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;
use serde_json::Value;

use super::RegionFile;

/// Kinds of resources, in the order in which they can be made: none refers to a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Noun {
    Vpc,
    SecurityGroup,
    Acl,
    Subnet,
    ElasticIp,
    Template,
    AvailabilityGroup,
    Instance,
    LoadBalancer,
    TargetGroup,
    Backend,
    Listener,
}

impl Noun {
    pub(crate) const ALL: [Self; 12] = [
        Self::Vpc,
        Self::SecurityGroup,
        Self::Acl,
        Self::Subnet,
        Self::ElasticIp,
        Self::Template,
        Self::AvailabilityGroup,
        Self::Instance,
        Self::LoadBalancer,
        Self::TargetGroup,
        Self::Backend,
        Self::Listener,
    ];

    /// In messages.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Vpc => "VPC",
            Self::SecurityGroup => "security group",
            Self::Acl => "network ACL",
            Self::Subnet => "subnet",
            Self::ElasticIp => "elastic IP",
            Self::Template => "instance template",
            Self::AvailabilityGroup => "availability group",
            Self::Instance => "instance",
            Self::LoadBalancer => "load balancer",
            Self::TargetGroup => "target group",
            Self::Backend => "backend service",
            Self::Listener => "listener",
        }
    }

    /// The kind of what it is a part of.
    pub(crate) fn parent(self) -> Option<Self> {
        match self {
            Self::SecurityGroup | Self::Acl | Self::Subnet => Some(Self::Vpc),
            Self::TargetGroup | Self::Backend | Self::Listener => Some(Self::LoadBalancer),
            _ => None,
        }
    }

    /// Whether a field is fixed when the resource is made: the API has no operation to change it.
    pub(crate) fn fixes(self, field: &str) -> bool {
        let fixed: &[&str] = match self {
            Self::Vpc | Self::Subnet => &["prefix"],
            Self::ElasticIp => &["provider", "tags"],
            Self::AvailabilityGroup => &["azs"],
            Self::Instance => &["address", "az", "image", "security_groups", "subnet", "tags", "type", "vpc"],
            Self::LoadBalancer => &["subnet", "tags", "vpc"],
            Self::Backend | Self::Listener => &["port", "protocol"],
            Self::SecurityGroup | Self::Acl | Self::Template | Self::TargetGroup => &[],
        };
        fixed.contains(&field)
    }

    /// Whether a field that is left out may be anything: the region chooses it.
    pub(crate) fn leaves_open(self, field: &str) -> bool {
        matches!(
            (self, field),
            (Self::AvailabilityGroup, "size") | (Self::Instance, "address") | (Self::LoadBalancer, "vip")
        )
    }
}

/// What a resource is called: in its VPC or load balancer, if it is a part of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) noun: Noun,
    pub(crate) parent: Option<String>,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(noun: Noun, name: &str) -> Self {
        Self { noun, parent: None, name: name.to_owned() }
    }

    pub(crate) fn of(noun: Noun, parent: &str, name: &str) -> Self {
        Self { noun, parent: Some(parent.to_owned()), name: name.to_owned() }
    }

    /// What it is a part of.
    pub(crate) fn parent(&self) -> Option<Self> {
        Some(Self::new(self.noun.parent()?, self.parent.as_deref()?))
    }

    /// Its name, with that of what it is a part of.
    pub(crate) fn path(&self) -> String {
        match &self.parent {
            Some(parent) => format!("{parent}/{}", self.name),
            None => self.name.clone(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.noun.word(), self.path())
    }
}

/// What a resource says, in the words of the file. What is empty is not there.
pub(crate) type Fields = BTreeMap<String, Value>;

/// All resources of a region or file.
pub(crate) type Resources = BTreeMap<Key, Fields>;

/// The resources of a file.
pub(crate) fn resources(file: &RegionFile) -> Resources {
    let mut all = Resources::new();
    for (vpc, content) in &file.vpcs {
        all.insert(Key::new(Noun::Vpc, vpc), fields(content, &["security_groups", "acls", "subnets"]));
        add(&mut all, Noun::SecurityGroup, vpc, &content.security_groups);
        add(&mut all, Noun::Acl, vpc, &content.acls);
        add(&mut all, Noun::Subnet, vpc, &content.subnets);
    }
    for (address, content) in &file.elastic_ips {
        all.insert(Key::new(Noun::ElasticIp, &address.to_string()), fields(content, &[]));
    }
    for (name, content) in &file.templates {
        all.insert(Key::new(Noun::Template, name), fields(content, &[]));
    }
    for (name, content) in &file.availability_groups {
        all.insert(Key::new(Noun::AvailabilityGroup, name), fields(content, &[]));
    }
    for (name, content) in &file.instances {
        all.insert(Key::new(Noun::Instance, name), fields(content, &[]));
    }
    for (lb, content) in &file.load_balancers {
        let parts = ["target_groups", "backends", "listeners"];
        all.insert(Key::new(Noun::LoadBalancer, lb), fields(content, &parts));
        add(&mut all, Noun::TargetGroup, lb, &content.target_groups);
        add(&mut all, Noun::Backend, lb, &content.backends);
        add(&mut all, Noun::Listener, lb, &content.listeners);
    }
    all
}

fn add<T: Serialize>(all: &mut Resources, noun: Noun, parent: &str, parts: &BTreeMap<String, T>) {
    for (name, content) in parts {
        all.insert(Key::of(noun, parent, name), fields(content, &[]));
    }
}

/// The fields of a resource without its parts, which are resources themselves.
fn fields(content: &impl Serialize, parts: &[&str]) -> Fields {
    // Structures of words, numbers and maps of them always have a form in JSON.
    let value = serde_json::to_value(content).unwrap_or_default();
    let fields = value.as_object().cloned().unwrap_or_default();
    fields.into_iter().filter(|(name, _)| !parts.contains(&name.as_str())).collect()
}

/// What a resource refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The field that does.
    pub(crate) field: &'static str,
    pub(crate) to: Key,
}

/// Everything that a resource refers to, also what it is a part of. Targets may be members of availability groups as
/// well, which are no resources here: see [`instances_named`] and [`members_weighed`].
pub(crate) fn references(key: &Key, fields: &Fields) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut refer = |field: &'static str, to: Option<Key>| {
        found.extend(to.map(|to| Reference { field, to }));
    };
    let parent = key.parent.as_deref().unwrap_or_default();
    let text = |field: &str| fields.get(field).and_then(Value::as_str);
    let vpc = text("vpc").unwrap_or(parent);
    let one = |noun: Noun, field: &str| text(field).map(|name| Key::new(noun, name));
    let within = |noun: Noun, parent: &str, field: &str| text(field).map(|name| Key::of(noun, parent, name));
    refer("", key.parent());
    match key.noun {
        Noun::Subnet => refer("acl", within(Noun::Acl, parent, "acl")),
        Noun::Template | Noun::Instance | Noun::LoadBalancer => {
            refer("vpc", one(Noun::Vpc, "vpc"));
            refer("subnet", within(Noun::Subnet, vpc, "subnet"));
            for group in names(fields.get("security_groups")) {
                refer("security_groups", Some(Key::of(Noun::SecurityGroup, vpc, &group)));
            }
            refer("elastic_ip", one(Noun::ElasticIp, "elastic_ip"));
        }
        Noun::AvailabilityGroup => refer("template", one(Noun::Template, "template")),
        Noun::Backend => {
            refer("availability_group", one(Noun::AvailabilityGroup, "availability_group"));
            refer("target_group", within(Noun::TargetGroup, parent, "target_group"));
        }
        Noun::Listener => refer("backend", within(Noun::Backend, parent, "backend")),
        Noun::Vpc | Noun::SecurityGroup | Noun::Acl | Noun::ElasticIp | Noun::TargetGroup => {}
    }
    found
}

/// The instances that a target group names.
pub(crate) fn instances_named(fields: &Fields) -> BTreeSet<String> {
    let targets = fields.get("targets").and_then(Value::as_object);
    targets.into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

/// The members of an availability group to which a backend service gives weights of their own.
pub(crate) fn members_weighed(fields: &Fields) -> BTreeSet<String> {
    let members = fields.get("weights").and_then(|weights| weights.get("members")).and_then(Value::as_object);
    members.into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

fn names(list: Option<&Value>) -> Vec<String> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region_file::parse::parse;

    #[test]
    fn a_file_becomes_resources_with_what_they_refer_to() {
        let file = parse(
            "\
vpcs:
  v:
    acls: {border: {}}
    security_groups: {web: {}}
    subnets: {a: {prefix: 10.0.1.0/24, acl: border}}
elastic_ips: {203.0.113.1: {}}
templates: {t: {vpc: v, subnet: a, security_groups: [web]}}
availability_groups: {g: {template: t, azs: [r1a]}}
load_balancers:
  l:
    vpc: v
    subnet: a
    elastic_ip: 203.0.113.1
    target_groups: {tg: {targets: {g-1: {}}}}
    backends: {b: {protocol: tcp, port: 80, availability_group: g}, c: {protocol: tcp, port: 80, target_group: tg}}
    listeners: {h: {protocol: tcp, port: 80, backend: b}}
",
        )
        .unwrap();
        let all = resources(&file);
        let said: Vec<_> = all
            .iter()
            .map(|(key, fields)| {
                let to: Vec<_> = references(key, fields).iter().map(|one| one.to.to_string()).collect();
                format!("{key}: {}", to.join(", "))
            })
            .collect();
        assert_eq!(
            said,
            [
                "VPC v: ",
                "security group v/web: VPC v",
                "network ACL v/border: VPC v",
                "subnet v/a: VPC v, network ACL v/border",
                "elastic IP 203.0.113.1: ",
                "instance template t: VPC v, subnet v/a, security group v/web",
                "availability group g: instance template t",
                "load balancer l: VPC v, subnet v/a, elastic IP 203.0.113.1",
                "target group l/tg: load balancer l",
                "backend service l/b: load balancer l, availability group g",
                "backend service l/c: load balancer l, target group l/tg",
                "listener l/h: load balancer l, backend service l/b",
            ]
        );
        assert_eq!(instances_named(&all[&Key::of(Noun::TargetGroup, "l", "tg")]), ["g-1".to_owned()].into());
        let vpc = &all[&Key::new(Noun::Vpc, "v")];
        assert!(vpc.is_empty(), "parts are no fields: {vpc:?}");
    }
}
