//! Network ACLs and their rules.

use std::sync::Arc;

use dnlb_api::{
    ApiError,
    shape::{Port, Priority},
    time, wire,
};
use dnlb_model::{Acl, AclId, AclRule, Direction, Family, Region, RuleId, RuleProtocol, SubnetId, VpcId};
use wire::vpc::{
    AddNetworkAclRules, AssociateNetworkAcl, CreateNetworkAcl, DisassociateNetworkAcl, ModifyNetworkAcl,
    ModifyNetworkAclRules,
};

use super::{
    Call, DONE, Outcome, check, edit, find, fresh,
    list::{Filters, List},
    one, quota, random_id, subnet, vpc,
};

const KIND: &str = "network ACL";

pub(super) const FILTERS: Filters<Acl> = &[
    ("networkAclIds", |_, acl, filter| filter.accepts(acl.id.as_str())),
    ("networkAclNames", |_, acl, filter| filter.accepts(&acl.name)),
    ("vpcId", |_, acl, filter| filter.accepts(acl.vpc.as_str())),
];

pub(super) fn create(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: CreateNetworkAcl = call.body()?;
    let name = check::name("networkAclName", spec.network_acl_name)?;
    let description = check::description(spec.description)?;
    let vpc = VpcId::from(spec.vpc_id);
    find(&region.vpcs, vpc::KIND, &vpc)?;
    let have = region.acls.values().filter(|acl| acl.vpc == vpc).count();
    quota::within(have, 1, call.quotas.acls, "network ACLs of the VPC")?;
    let id: AclId = fresh(AclId::PREFIX, |id| region.acls.contains_key(id));
    let acl = Acl { id: id.clone(), name, description, vpc, rules: Vec::new(), created: call.now };
    region.acls.insert(id.clone(), Arc::new(acl));
    one("networkAclId", id)
}

pub(super) fn modify(region: &mut Region, call: &Call<'_>) -> Outcome {
    let change: ModifyNetworkAcl = call.body()?;
    let acl = edit(&mut region.acls, KIND, &call.id())?;
    if let Some(name) = change.network_acl_name {
        acl.name = check::name("networkAclName", name)?;
    }
    if change.description.is_some() {
        acl.description = check::description(change.description)?;
    }
    DONE
}

pub(super) fn delete(region: &mut Region, call: &Call<'_>) -> Outcome {
    let id: AclId = call.id();
    find(&region.acls, KIND, &id)?;
    if let Some(subnet) = region.subnets.values().find(|subnet| subnet.acl.as_ref() == Some(&id)) {
        return Err(ApiError::precondition(format!("network ACL {id} is in use by subnet {}", subnet.id)));
    }
    region.acls.remove(&id);
    DONE
}

pub(super) fn add_rules(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: AddNetworkAclRules = call.body()?;
    let acl = edit(&mut region.acls, KIND, &call.id())?;
    let specs = spec.network_acl_rule_specs;
    quota::within(acl.rules.len(), specs.len(), call.quotas.acl_rules, "rules of the network ACL")?;
    for spec in specs {
        let protocol = protocol(&spec.protocol)?;
        let rule = AclRule {
            id: RuleId(random_id(RuleId::PREFIX)),
            direction: direction(&spec.direction)?,
            protocol,
            prefix: check::prefix("addressPrefix", &spec.address_prefix)?,
            ports: ports(protocol, spec.from_port, spec.to_port, (1, 65_535))?,
            allow: allow(&spec.rule_action)?,
            priority: check::number("priority", spec.priority, Priority::RANGE)?,
            description: check::description(spec.description)?,
            created: call.now,
        };
        acl.rules.push(rule);
    }
    DONE
}

pub(super) fn modify_rules(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: ModifyNetworkAclRules = call.body()?;
    let acl = edit(&mut region.acls, KIND, &call.id())?;
    for change in spec.modify_network_acl_rule_specs {
        let rule = acl
            .rules
            .iter_mut()
            .find(|rule| rule.id.0 == change.rule_id)
            .ok_or_else(|| ApiError::not_found("rule", check::shown(&change.rule_id)))?;
        if let Some(text) = &change.protocol {
            let changed = protocol(text)?;
            if changed != rule.protocol {
                rule.ports = ports(changed, None, None, (1, 65_535))?;
            }
            rule.protocol = changed;
        }
        if let Some(text) = &change.address_prefix {
            rule.prefix = check::prefix("addressPrefix", text)?;
        }
        rule.ports = ports(rule.protocol, change.from_port, change.to_port, rule.ports)?;
        if let Some(action) = &change.rule_action {
            rule.allow = allow(action)?;
        }
        if let Some(priority) = change.priority {
            rule.priority = check::number("priority", priority, Priority::RANGE)?;
        }
        if change.description.is_some() {
            rule.description = check::description(change.description)?;
        }
    }
    DONE
}

pub(super) fn remove_rules(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: wire::RuleIds = call.body()?;
    let acl = edit(&mut region.acls, KIND, &call.id())?;
    for id in spec.rule_ids {
        let at = acl.rules.iter().position(|rule| rule.id.0 == id);
        acl.rules.remove(at.ok_or_else(|| ApiError::not_found("rule", check::shown(&id)))?);
    }
    DONE
}

/// A subnet that has another ACL loses that one.
pub(super) fn associate(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: AssociateNetworkAcl = call.body()?;
    let id: AclId = call.id();
    let vpc = find(&region.acls, KIND, &id)?.vpc.clone();
    for subnet_id in spec.subnet_ids.into_iter().map(SubnetId::from) {
        let subnet = edit(&mut region.subnets, subnet::KIND, &subnet_id)?;
        if subnet.vpc != vpc {
            return Err(ApiError::invalid(format!(
                "subnet {subnet_id} is in VPC {}, network ACL {id} in VPC {vpc}",
                subnet.vpc
            )));
        }
        subnet.acl = Some(id.clone());
    }
    DONE
}

pub(super) fn disassociate(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: DisassociateNetworkAcl = call.body()?;
    let id: AclId = call.id();
    find(&region.acls, KIND, &id)?;
    let subnet = edit(&mut region.subnets, subnet::KIND, &SubnetId::from(spec.subnet_id))?;
    if subnet.acl.as_ref() != Some(&id) {
        return Err(ApiError::precondition(format!(
            "network ACL {id} is not associated with subnet {}",
            subnet.id
        )));
    }
    subnet.acl = None;
    DONE
}

pub(super) fn describe(region: &Region, call: &Call<'_>) -> Outcome {
    one("networkAcl", view(region, find(&region.acls, KIND, &call.id())?))
}

pub(super) fn list(region: &Region, call: &Call<'_>) -> Outcome {
    List {
        key: "networkAcls",
        items: &region.acls,
        filters: FILTERS,
        order: |acl| acl.created,
        name: Some(|acl| &acl.name),
        tags: None,
    }
    .reply(region, call, view)
}

/// The port range of a rule: what is not given stays as it was. Protocols without ports have 0 and 0.
pub(super) fn ports(
    protocol: RuleProtocol,
    from: Option<i64>,
    to: Option<i64>,
    old: (u16, u16),
) -> Result<(u16, u16), ApiError> {
    match protocol {
        RuleProtocol::All | RuleProtocol::Icmp => Ok((0, 0)),
        RuleProtocol::Tcp | RuleProtocol::Udp => {
            let from = check::number("fromPort", from.unwrap_or(old.0.into()), Port::RANGE)?;
            let to = check::number("toPort", to.unwrap_or(old.1.into()), Port::RANGE)?;
            if from > to {
                return Err(ApiError::invalid(format!("fromPort {from} is greater than toPort {to}")));
            }
            Ok((from, to))
        }
    }
}

fn direction(word: &str) -> Result<Direction, ApiError> {
    match word {
        "ingress" => Ok(Direction::In),
        "egress" => Ok(Direction::Out),
        other => Err(ApiError::invalid(format!(
            "direction `{}` is neither ingress nor egress",
            check::shown(other)
        ))),
    }
}

fn allow(word: &str) -> Result<bool, ApiError> {
    match word {
        "allow" => Ok(true),
        "deny" => Ok(false),
        other => {
            Err(ApiError::invalid(format!("ruleAction `{}` is neither allow nor deny", check::shown(other))))
        }
    }
}

fn protocol(word: &str) -> Result<RuleProtocol, ApiError> {
    [
        ("All", RuleProtocol::All),
        ("TCP", RuleProtocol::Tcp),
        ("UDP", RuleProtocol::Udp),
        ("ICMP", RuleProtocol::Icmp),
    ]
    .into_iter()
    .find(|(known, _)| known.eq_ignore_ascii_case(word))
    .map(|(_, protocol)| protocol)
    .ok_or_else(|| {
        ApiError::invalid(format!("protocol `{}` is none of All, TCP, UDP, ICMP", check::shown(word)))
    })
}

fn view(region: &Region, acl: &Acl) -> wire::vpc::NetworkAcl {
    let rule = |rule: &AclRule| wire::vpc::NetworkAclRule {
        rule_id: rule.id.0.clone(),
        protocol: match rule.protocol {
            RuleProtocol::All => "All",
            RuleProtocol::Icmp => "ICMP",
            RuleProtocol::Tcp => "TCP",
            RuleProtocol::Udp => "UDP",
        }
        .to_owned(),
        from_port: rule.ports.0.into(),
        to_port: rule.ports.1.into(),
        direction: match rule.direction {
            Direction::In => "ingress",
            Direction::Out => "egress",
        }
        .to_owned(),
        address_prefix: rule.prefix.to_string(),
        rule_action: if rule.allow { "allow" } else { "deny" }.to_owned(),
        priority: rule.priority.into(),
        description: rule.description.clone(),
        created_time: time::iso(rule.created),
        rule_type: "custom".to_owned(),
        ip_version: Family::from(rule.prefix).version().into(),
    };
    let subnets = region.subnets.values().filter(|subnet| subnet.acl.as_ref() == Some(&acl.id));
    wire::vpc::NetworkAcl {
        network_acl_id: acl.id.0.clone(),
        network_acl_name: acl.name.clone(),
        vpc_id: acl.vpc.0.clone(),
        network_acl_rules: acl.rules.iter().map(rule).collect(),
        subnet_ids: subnets.map(|subnet| subnet.id.0.clone()).collect(),
        description: acl.description.clone(),
        created_time: time::iso(acl.created),
    }
}
