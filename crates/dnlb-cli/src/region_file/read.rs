//! The region as it is, read from the API as a region file.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use dnlb_api::wire::{KeyValue, Tag, lb, vm, vpc};
use serde::de::DeserializeOwned;

use super::{
    RegionFile,
    file::{
        Acl, AclRule, AvailabilityGroup, Backend, ElasticIp, HealthCheck, Instance, Listener, LoadBalancer,
        SecurityGroup, SecurityGroupRule, Subnet, Target, TargetGroup, Template, Vpc, Weights,
    },
    plan::Present,
    resource::{Key, Noun, resources},
    words::{Action, Algorithm, CheckProtocol, Direction, Ports, Protocol, RuleProtocol, WithoutMember},
};
use crate::{
    api::Api,
    commands::{ag_targets, targets},
    kind::{self, Kind},
};

/// The region as it is, by names, and the ids behind them.
pub(crate) struct Read {
    pub(crate) file: RegionFile,
    pub(crate) present: Present,
    pub(crate) ids: BTreeMap<Key, String>,
}

/// Reads the whole region.
///
/// # Errors
/// When two resources have one name where the file tells them apart by it.
pub(crate) fn read(api: &Api) -> Result<Read> {
    let mut reader = Reader { api, names: Names::default(), file: RegionFile::default() };
    let status = api.status()?;
    reader.file.region = status["region"].as_str().map(str::to_owned);
    reader.vpcs()?;
    reader.elastic_ips()?;
    reader.templates()?;
    let groups = reader.groups()?;
    let members = reader.instances(&groups)?;
    reader.balancers()?;
    let file = reader.file.canonical();
    let present = Present { resources: resources(&file), members };
    Ok(Read { present, file, ids: reader.names.ids })
}

/// Names for ids and back.
#[derive(Default)]
struct Names {
    ids: BTreeMap<Key, String>,
    keys: BTreeMap<String, Key>,
}

impl Names {
    fn add(&mut self, key: Key, id: &str) -> Result<()> {
        self.keys.insert(id.to_owned(), key.clone());
        if let Some(other) = self.ids.insert(key.clone(), id.to_owned()) {
            bail!(
                "there are two of {key}, {other} and {id}: a region file tells them apart by name alone, so give one of them another name"
            );
        }
        Ok(())
    }

    fn name(&self, id: &str) -> Result<String> {
        let key = self.keys.get(id).with_context(|| format!("{id} is not in any list: try again"))?;
        Ok(key.name.clone())
    }
}

struct Reader<'a> {
    api: &'a Api,
    names: Names,
    file: RegionFile,
}

impl Reader<'_> {
    fn list<T: DeserializeOwned>(&self, kind: &Kind) -> Result<Vec<T>> {
        let items = self.api.list(kind, &[])?.into_iter();
        let read = items.map(serde_json::from_value).collect::<Result<_, _>>();
        read.with_context(|| format!("reading the list of {}s", kind.word))
    }

    fn vpc(&mut self, id: &str) -> Result<(String, &mut Vpc)> {
        let name = self.names.name(id)?;
        let vpc = self.file.vpcs.get_mut(&name).context("a VPC that is not in the list")?;
        Ok((name, vpc))
    }

    fn vpcs(&mut self) -> Result<()> {
        for one in self.list::<vpc::Vpc>(&kind::VPC)? {
            self.names.add(Key::new(Noun::Vpc, &one.vpc_name), &one.vpc_id)?;
            let vpc = Vpc {
                prefix: optional(&one.address_prefix)?,
                prefix_v6: optional(one.ipv6_address_prefix.as_deref().unwrap_or_default())?,
                description: one.description,
                ..Vpc::default()
            };
            self.file.vpcs.insert(one.vpc_name, vpc);
        }
        for one in self.list::<vpc::NetworkSecurityGroup>(&kind::SECURITY_GROUP)? {
            let name = one.network_security_group_name;
            let rules = one.security_group_rules.iter().map(security_group_rule).collect::<Result<_>>()?;
            let (vpc, content) = self.vpc(&one.vpc_id)?;
            content
                .security_groups
                .insert(name.clone(), SecurityGroup { description: one.description, rules });
            self.names.add(Key::of(Noun::SecurityGroup, &vpc, &name), &one.network_security_group_id)?;
        }
        for one in self.list::<vpc::NetworkAcl>(&kind::ACL)? {
            let name = one.network_acl_name;
            let rules = one.network_acl_rules.iter().map(acl_rule).collect::<Result<_>>()?;
            let (vpc, content) = self.vpc(&one.vpc_id)?;
            content.acls.insert(name.clone(), Acl { description: one.description, rules });
            self.names.add(Key::of(Noun::Acl, &vpc, &name), &one.network_acl_id)?;
        }
        for one in self.list::<vpc::Subnet>(&kind::SUBNET)? {
            let acl = one.acl_id.as_deref().map(|id| self.names.name(id)).transpose()?;
            let subnet = Subnet { prefix: parse(&one.address_prefix)?, acl, description: one.description };
            let (vpc, content) = self.vpc(&one.vpc_id)?;
            content.subnets.insert(one.subnet_name.clone(), subnet);
            self.names.add(Key::of(Noun::Subnet, &vpc, &one.subnet_name), &one.subnet_id)?;
        }
        Ok(())
    }

    fn elastic_ips(&mut self) -> Result<()> {
        for one in self.list::<vpc::ElasticIp>(&kind::EIP)? {
            self.names.add(Key::new(Noun::ElasticIp, &one.elastic_ip_address), &one.elastic_ip_id)?;
            let eip =
                ElasticIp { mbps: number(one.bandwidth_mbps)?, provider: one.provider, tags: tags(one.tags) };
            self.file.elastic_ips.insert(parse(&one.elastic_ip_address)?, eip);
        }
        Ok(())
    }

    fn templates(&mut self) -> Result<()> {
        for one in self.list::<vm::InstanceTemplate>(&kind::TEMPLATE)? {
            self.names.add(Key::new(Noun::Template, &one.name), &one.id)?;
            let data = one.instance_template_data;
            let interface = data.primary_network_interface.network_interface;
            let template = Template {
                vpc: self.names.name(&data.vpc_id)?,
                subnet: self.names.name(&interface.subnet_id)?,
                security_groups: self.all_names(&interface.security_groups)?,
                image: data.image_id,
                instance_type: data.instance_type,
                metadata: metadata(data.metadata),
                script: script(&data.userdata)?,
                description: one.description,
            };
            self.file.templates.insert(one.name, template);
        }
        Ok(())
    }

    /// Reads the groups; returns their names by id.
    fn groups(&mut self) -> Result<BTreeMap<String, String>> {
        let mut names = BTreeMap::new();
        for one in self.list::<dnlb_api::wire::ag::AvailabilityGroup>(&kind::AG)? {
            self.names.add(Key::new(Noun::AvailabilityGroup, &one.name), &one.id)?;
            let group = AvailabilityGroup {
                template: self.names.name(&one.instance_template_id)?,
                azs: one.azs.into_iter().collect(),
                size: Some(0),
                description: one.description,
            };
            names.insert(one.id, one.name.clone());
            self.file.availability_groups.insert(one.name, group);
        }
        Ok(names)
    }

    /// Reads the instances; returns the names of those in groups, which are a number in the file.
    fn instances(&mut self, groups: &BTreeMap<String, String>) -> Result<BTreeSet<String>> {
        let mut members = BTreeSet::new();
        for one in self.list::<vm::Instance>(&kind::INSTANCE)? {
            let group = one.ag.as_ref().and_then(|ag| groups.get(&ag.id));
            if let Some(group) = group.and_then(|name| self.file.availability_groups.get_mut(name)) {
                *group.size.get_or_insert(0) += 1;
                // Members may be called alike: only a target group tells them apart, by `keys`.
                self.names.keys.insert(one.instance_id, Key::new(Noun::Instance, &one.instance_name));
                members.insert(one.instance_name);
                continue;
            }
            self.names.add(Key::new(Noun::Instance, &one.instance_name), &one.instance_id)?;
            let whole: vm::Instance =
                serde_json::from_value(self.api.show(&kind::INSTANCE, &one.instance_id)?)
                    .with_context(|| format!("reading instance {}", one.instance_id))?;
            let interface = whole.primary_network_interface.network_interface;
            let instance = Instance {
                az: whole.az,
                vpc: self.names.name(&whole.vpc_id)?,
                subnet: self.names.name(&whole.subnet_id)?,
                address: Some(parse(&whole.private_ip_address)?),
                security_groups: interface
                    .security_groups
                    .into_iter()
                    .map(|group| group.group_name)
                    .collect(),
                image: whole.image_id,
                instance_type: whole.instance_type,
                metadata: metadata(whole.metadata.unwrap_or_default()),
                script: script(&whole.userdata.unwrap_or_default())?,
                tags: tags(whole.tags),
                description: whole.description,
            };
            self.file.instances.insert(one.instance_name, instance);
        }
        Ok(members)
    }

    fn balancers(&mut self) -> Result<()> {
        for one in self.list::<lb::LoadBalancer>(&kind::LOAD_BALANCER)? {
            self.names.add(Key::new(Noun::LoadBalancer, &one.load_balancer_name), &one.load_balancer_id)?;
            let balancer = LoadBalancer {
                vpc: self.names.name(&one.vpc_id)?,
                subnet: self.names.name(&one.subnet_id)?,
                vip: Some(parse(&one.private_ip.private_ip_address)?),
                elastic_ip: optional(one.private_ip.elastic_ip_address.as_deref().unwrap_or_default())?,
                enabled: one.state.code != "DOWN",
                delete_protection: one.delete_protection,
                tags: tags(one.tags),
                description: one.description,
                target_groups: BTreeMap::new(),
                backends: BTreeMap::new(),
                listeners: BTreeMap::new(),
            };
            self.file.load_balancers.insert(one.load_balancer_name, balancer);
        }
        for one in self.list::<lb::TargetGroup>(&kind::TARGET_GROUP)? {
            let targets = self.targets(&one)?;
            let (lb, content) = self.balancer(&one.load_balancer_id)?;
            let group = TargetGroup { description: one.description, targets };
            content.target_groups.insert(one.target_group_name.clone(), group);
            let key = Key::of(Noun::TargetGroup, &lb, &one.target_group_name);
            self.names.add(key, &one.target_group_id)?;
        }
        for one in self.list::<lb::Backend>(&kind::BACKEND)? {
            let backend = self.backend(&one)?;
            let (lb, content) = self.balancer(&one.load_balancer_id)?;
            content.backends.insert(one.backend_name.clone(), backend);
            self.names.add(Key::of(Noun::Backend, &lb, &one.backend_name), &one.backend_id)?;
        }
        for one in self.list::<lb::Listener>(&kind::LISTENER)? {
            let listener = Listener {
                protocol: word(Protocol::from_wire, &one.protocol)?,
                port: number(one.port)?,
                backend: self.names.name(&one.backend_id)?,
                enabled: one.status == "On",
                idle_seconds: one.connection_idle_time_seconds.map(number).transpose()?,
                description: one.description,
            };
            let (lb, content) = self.balancer(&one.load_balancer_id)?;
            content.listeners.insert(one.listener_name.clone(), listener);
            self.names.add(Key::of(Noun::Listener, &lb, &one.listener_name), &one.listener_id)?;
        }
        Ok(())
    }

    fn balancer(&mut self, id: &str) -> Result<(String, &mut LoadBalancer)> {
        let name = self.names.name(id)?;
        let balancer = self.file.load_balancers.get_mut(&name);
        Ok((name, balancer.context("a load balancer that is not in the list")?))
    }

    fn targets(&self, group: &lb::TargetGroup) -> Result<BTreeMap<String, Target>> {
        let mut named = BTreeMap::new();
        for target in targets(self.api, &group.target_group_id)? {
            let target: lb::Target = serde_json::from_value(target).context("reading a target")?;
            let name = self.names.name(&target.instance_id)?;
            let value = Target { port: number(target.port)?, weight: number(target.weight)? };
            ensure!(
                named.insert(name.clone(), value).is_none(),
                "target group {} has two instances `{name}`: a region file tells them apart by name alone, so give one of them another name",
                group.target_group_name
            );
        }
        Ok(named)
    }

    fn weights(&self, one: &lb::Backend) -> Result<Option<Weights>> {
        let Some(group) = one.ag_infos.first() else { return Ok(None) };
        let mut members = BTreeMap::new();
        for target in ag_targets(self.api, &one.backend_id)? {
            let target: lb::AgTarget =
                serde_json::from_value(target).context("reading a member of a group")?;
            let (name, weight) = (self.names.name(&target.instance_id)?, number(target.weight)?);
            ensure!(
                members.insert(name.clone(), weight).is_none_or(|other| other == weight),
                "backend service {} has two instances `{name}` of different weights: a region file tells them apart by name alone, so give one of them another name",
                one.backend_name
            );
        }
        Ok(Some(Weights { default: number(group.default_weight)?, members }))
    }

    fn backend(&self, one: &lb::Backend) -> Result<Backend> {
        let first = |ids: &[String]| ids.first().map(|id| self.names.name(id)).transpose();
        let check = &one.health_check;
        let without_member = one.without_member.as_deref().unwrap_or("Reset");
        Ok(Backend {
            protocol: word(Protocol::from_wire, &one.protocol)?,
            port: number(one.port)?,
            algorithm: word(Algorithm::from_wire, &one.algorithm)?,
            availability_group: first(&one.ag_ids)?,
            target_group: first(&one.target_group_ids)?,
            weights: self.weights(one)?,
            draining_seconds: number(one.connection_draining_seconds.unwrap_or_default())?,
            without_member: word(WithoutMember::from_wire, without_member)?,
            health_check: HealthCheck {
                enabled: !one.close_health_check,
                protocol: Some(word(CheckProtocol::from_wire, &check.protocol)?),
                path: check.http_path.as_deref().map(part).transpose()?,
                domain: check.http_domain.as_deref().map(part).transpose()?,
                codes: check.http_code.as_ref().map(|codes| part(&codes.join(","))).transpose()?,
                port: number(check.port)?,
                interval_seconds: number(check.interval_seconds)?,
                timeout_seconds: number(check.check_timeout_seconds)?,
                healthy_after: number(check.healthy_threshold_count)?,
                unhealthy_after: number(check.unhealthy_threshold_count)?,
            },
            description: one.description.clone(),
        })
    }

    fn all_names(&self, ids: &[String]) -> Result<BTreeSet<String>> {
        ids.iter().map(|id| self.names.name(id)).collect()
    }
}

fn security_group_rule(rule: &vpc::SecurityGroupRule) -> Result<SecurityGroupRule> {
    Ok(SecurityGroupRule {
        direction: if rule.direction == 0 { Direction::In } else { Direction::Out },
        protocol: RuleProtocol::from_number(rule.protocol)
            .with_context(|| format!("rule {}: protocol {} has no word", rule.rule_id, rule.protocol))?,
        ports: ports(rule.from_port, rule.to_port)?,
        prefix: parse(&rule.address_prefix)?,
        description: rule.description.clone(),
    })
}

fn acl_rule(rule: &vpc::NetworkAclRule) -> Result<AclRule> {
    Ok(AclRule {
        direction: word(Direction::from_wire, &rule.direction)?,
        priority: number(rule.priority)?,
        action: word(Action::from_wire, &rule.rule_action)?,
        protocol: word(RuleProtocol::from_wire, &rule.protocol)?,
        ports: ports(rule.from_port, rule.to_port)?,
        prefix: parse(&rule.address_prefix)?,
        description: rule.description.clone(),
    })
}

/// 0 and 0 are none, for protocols without ports.
fn ports(from: i64, to: i64) -> Result<Option<Ports>> {
    let ports = Ports { first: number(from)?, last: number(to)? };
    Ok(Some(ports).filter(|ports| ports.first > 0))
}

fn script(userdata: &[KeyValue]) -> Result<String> {
    let Some(script) = userdata.iter().find(|pair| pair.key == "launch-script") else {
        return Ok(String::new());
    };
    let bytes = BASE64_STANDARD.decode(&script.value).context("a launch script that is not base64")?;
    String::from_utf8(bytes).context("a launch script that is not UTF-8")
}

fn metadata(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    pairs.into_iter().map(|pair| (pair.key, pair.value)).collect()
}

fn tags(tags: Vec<Tag>) -> BTreeMap<String, String> {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

fn word<T>(from_wire: fn(&str) -> Option<T>, word: &str) -> Result<T> {
    from_wire(word).with_context(|| format!("the API said `{word}`, which this version does not know"))
}

/// A part of a health check by HTTP.
fn part<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse().ok().with_context(|| format!("the API said `{text}` of a health check, which is none"))
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse().ok().with_context(|| format!("the API said `{text}`, which is no address"))
}

fn optional<T: std::str::FromStr>(text: &str) -> Result<Option<T>> {
    if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

fn number<T: TryFrom<i64>>(number: i64) -> Result<T> {
    T::try_from(number).ok().with_context(|| format!("the API said {number}, which is out of range"))
}
