//! Security groups and their rules.

use std::sync::Arc;

use dnlb_api::{ApiError, time, wire};
use dnlb_model::{
    Direction, Family, Region, RuleId, RuleProtocol, SecurityGroup, SecurityGroupId, SecurityGroupRule, VpcId,
};
use wire::vpc::{
    AddSecurityGroupRules, CreateNetworkSecurityGroup, ModifyNetworkSecurityGroup, ModifySecurityGroupRules,
};

use super::{
    Call, DONE, Outcome, acl, check, edit, find, fresh,
    list::{Filters, List},
    one, quota, random_id, vpc,
};

pub(super) const KIND: &str = "security group";

pub(super) const FILTERS: Filters<SecurityGroup> = &[
    ("networkSecurityGroupIds", |_, group, filter| filter.accepts(group.id.as_str())),
    ("networkSecurityGroupNames", |_, group, filter| filter.accepts(&group.name)),
    ("vpcId", |_, group, filter| filter.accepts(group.vpc.as_str())),
];

pub(super) fn create(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: CreateNetworkSecurityGroup = call.body()?;
    let name = check::name("networkSecurityGroupName", spec.network_security_group_name)?;
    let description = check::description(spec.description)?;
    let vpc = VpcId::from(spec.vpc_id);
    find(&region.vpcs, vpc::KIND, &vpc)?;
    let have = region.security_groups.values().filter(|group| group.vpc == vpc).count();
    quota::within(have, 1, call.quotas.security_groups, "security groups of the VPC")?;
    let id: SecurityGroupId = fresh(SecurityGroupId::PREFIX, |id| region.security_groups.contains_key(id));
    let group =
        SecurityGroup { id: id.clone(), name, description, vpc, rules: Vec::new(), created: call.now };
    region.security_groups.insert(id.clone(), Arc::new(group));
    one("networkSecurityGroupId", id)
}

pub(super) fn modify(region: &mut Region, call: &Call<'_>) -> Outcome {
    let change: ModifyNetworkSecurityGroup = call.body()?;
    let group = edit(&mut region.security_groups, KIND, &call.id())?;
    if let Some(name) = change.network_security_group_name {
        group.name = check::name("networkSecurityGroupName", name)?;
    }
    if change.description.is_some() {
        group.description = check::description(change.description)?;
    }
    DONE
}

pub(super) fn delete(region: &mut Region, call: &Call<'_>) -> Outcome {
    let id: SecurityGroupId = call.id();
    find(&region.security_groups, KIND, &id)?;
    let in_use = |user: String| ApiError::precondition(format!("security group {id} is in use by {user}"));
    if let Some(instance) = region.instances.values().find(|one| one.security_groups.contains(&id)) {
        return Err(in_use(format!("instance {}", instance.id)));
    }
    if let Some(template) = region.templates.values().find(|one| one.security_groups.contains(&id)) {
        return Err(in_use(format!("instance template {}", template.id)));
    }
    region.security_groups.remove(&id);
    DONE
}

pub(super) fn add_rules(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: AddSecurityGroupRules = call.body()?;
    let group = edit(&mut region.security_groups, KIND, &call.id())?;
    let specs = spec.network_security_group_rule_specs;
    quota::within(
        group.rules.len(),
        specs.len(),
        call.quotas.security_group_rules,
        "rules of the security group",
    )?;
    for spec in specs {
        refuse_priorities(spec.rule_action.as_deref(), spec.priority)?;
        let protocol = protocol(spec.protocol)?;
        let rule = SecurityGroupRule {
            id: RuleId(random_id(RuleId::PREFIX)),
            direction: direction(spec.direction)?,
            protocol,
            prefix: check::prefix("addressPrefix", &spec.address_prefix)?,
            ports: acl::ports(protocol, spec.from_port, spec.to_port, (1, 65_535))?,
            description: check::description(spec.description)?,
            created: call.now,
        };
        group.rules.push(rule);
    }
    DONE
}

pub(super) fn modify_rules(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: ModifySecurityGroupRules = call.body()?;
    let group = edit(&mut region.security_groups, KIND, &call.id())?;
    for change in spec.modify_security_group_rule_specs {
        refuse_priorities(change.rule_action.as_deref(), change.priority)?;
        let rule = group
            .rules
            .iter_mut()
            .find(|rule| rule.id.0 == change.rule_id)
            .ok_or_else(|| ApiError::not_found("rule", check::shown(&change.rule_id)))?;
        if let Some(number) = change.protocol {
            let changed = protocol(number)?;
            if changed != rule.protocol {
                rule.ports = acl::ports(changed, None, None, (1, 65_535))?;
            }
            rule.protocol = changed;
        }
        if let Some(text) = &change.address_prefix {
            rule.prefix = check::prefix("addressPrefix", text)?;
        }
        rule.ports = acl::ports(rule.protocol, change.from_port, change.to_port, rule.ports)?;
        if change.description.is_some() {
            rule.description = check::description(change.description)?;
        }
    }
    DONE
}

pub(super) fn remove_rules(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: wire::RuleIds = call.body()?;
    let group = edit(&mut region.security_groups, KIND, &call.id())?;
    for id in spec.rule_ids {
        let at = group.rules.iter().position(|rule| rule.id.0 == id);
        group.rules.remove(at.ok_or_else(|| ApiError::not_found("rule", check::shown(&id)))?);
    }
    DONE
}

pub(super) fn describe(region: &Region, call: &Call<'_>) -> Outcome {
    one("networkSecurityGroup", view(region, find(&region.security_groups, KIND, &call.id())?))
}

pub(super) fn list(region: &Region, call: &Call<'_>) -> Outcome {
    List {
        key: "networkSecurityGroups",
        items: &region.security_groups,
        filters: FILTERS,
        order: |group| group.created,
        name: Some(|group| &group.name),
        tags: None,
    }
    .reply(region, call, view)
}

/// Rules of a security group only allow here, so they have no order.
fn refuse_priorities(action: Option<&str>, priority: Option<i64>) -> Result<(), ApiError> {
    let other = action.is_some_and(|action| !action.eq_ignore_ascii_case("allow"));
    check::refuse(other, "ruleAction", "rules of a security group allow; use a network ACL to deny")?;
    check::refuse(priority.is_some(), "priority", "rules of a security group have no order")
}

fn direction(number: i64) -> Result<Direction, ApiError> {
    match number {
        0 => Ok(Direction::In),
        1 => Ok(Direction::Out),
        other => Err(ApiError::invalid(format!("direction {other} is neither 0 (in) nor 1 (out)"))),
    }
}

fn protocol(number: i64) -> Result<RuleProtocol, ApiError> {
    match number {
        300 => Ok(RuleProtocol::All),
        6 => Ok(RuleProtocol::Tcp),
        17 => Ok(RuleProtocol::Udp),
        1 => Ok(RuleProtocol::Icmp),
        other => Err(ApiError::invalid(format!(
            "protocol {other} is none of 300 (all), 6 (TCP), 17 (UDP), 1 (ICMP)"
        ))),
    }
}

fn view(region: &Region, group: &SecurityGroup) -> wire::vpc::NetworkSecurityGroup {
    let rule = |rule: &SecurityGroupRule| wire::vpc::SecurityGroupRule {
        rule_id: rule.id.0.clone(),
        direction: match rule.direction {
            Direction::In => 0,
            Direction::Out => 1,
        },
        protocol: match rule.protocol {
            RuleProtocol::All => 300,
            RuleProtocol::Icmp => 1,
            RuleProtocol::Tcp => 6,
            RuleProtocol::Udp => 17,
        },
        address_prefix: rule.prefix.to_string(),
        ip_version: Family::from(rule.prefix).version().into(),
        from_port: rule.ports.0.into(),
        to_port: rule.ports.1.into(),
        created_time: time::iso(rule.created),
        description: rule.description.clone(),
        rule_type: "custom".to_owned(),
    };
    let members = region.instances.values().filter(|one| one.security_groups.contains(&group.id));
    wire::vpc::NetworkSecurityGroup {
        network_security_group_id: group.id.0.clone(),
        network_security_group_name: group.name.clone(),
        description: group.description.clone(),
        vpc_id: group.vpc.0.clone(),
        security_group_rules: group.rules.iter().map(rule).collect(),
        created_time: time::iso(group.created),
        network_security_group_type: "custom".to_owned(),
        network_interface_ids: members.map(|instance| super::instance::interface_id(instance)).collect(),
    }
}
