//! Carrying out the steps of a plan against the API, one after the other.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::{
    body,
    plan::{Change, Step, missing},
    resource::{Fields, Key, Noun, Resources},
};
use crate::{
    api::Api,
    commands::{ag_info, ag_targets, scale, set_ag_weights, targets},
    kind::{
        ACL, AG, BACKEND, EIP, INSTANCE, Kind, LISTENER, LOAD_BALANCER, SECURITY_GROUP, SUBNET, TARGET_GROUP,
        TEMPLATE, VPC,
    },
};

/// Whoever carries out a plan.
pub(crate) struct Hands<'a> {
    pub(crate) api: &'a Api,
    /// Ids of what there is, kept up to date.
    pub(crate) ids: BTreeMap<Key, String>,
    /// What there shall be in the end.
    pub(crate) wanted: &'a Resources,
}

impl Hands<'_> {
    /// Does one step.
    pub(crate) fn carry_out(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Create { key, fields } => self.create(key, fields),
            Step::Update { key, changes } => self.update(key, changes),
            Step::Delete { key } => {
                let id = self.id(key)?;
                self.api.delete(kind(key.noun), &id)?;
                self.ids.remove(key);
                Ok(())
            }
        }
    }

    fn id(&self, key: &Key) -> Result<String> {
        self.ids.get(key).cloned().with_context(|| format!("there is no {key} any more"))
    }

    fn create(&mut self, key: &Key, fields: &Fields) -> Result<()> {
        let body = body::create(key, fields, &|key| self.id(key))?;
        let id = self.api.make(kind(key.noun), body)?;
        self.ids.insert(key.clone(), id.clone());
        // A new resource has none of what is set by operations of their own.
        for (field, value) in fields.iter().filter(|(field, _)| body::is_apart(key.noun, field)) {
            // A new group is made from its template.
            if (key.noun, field.as_str()) != (Noun::AvailabilityGroup, "template") {
                self.set_apart(key, &id, field, &Change { from: Value::Null, to: value.clone() })?;
            }
        }
        let off = |value: Option<&Value>| value == Some(&json!(false));
        let switched: Fields = match key.noun {
            Noun::LoadBalancer | Noun::Listener if off(fields.get("enabled")) => {
                [("enabled".to_owned(), json!(false))].into()
            }
            Noun::Backend if off(fields.get("health_check").and_then(|check| check.get("enabled"))) => {
                [("health_check".to_owned(), fields["health_check"].clone())].into()
            }
            _ => return Ok(()),
        };
        let body = body::update(key, &switched, fields, &|key| self.id(key))?;
        self.api.update(kind(key.noun), &id, body)
    }

    fn update(&mut self, key: &Key, changes: &BTreeMap<String, Change>) -> Result<()> {
        let id = self.id(key)?;
        let (apart, plain): (Vec<_>, Vec<_>) =
            changes.iter().partition(|(field, _)| body::is_apart(key.noun, field));
        if !plain.is_empty() {
            let changed: Fields =
                plain.into_iter().map(|(field, change)| (field.clone(), change.to.clone())).collect();
            let nothing = Fields::new();
            let all = self.wanted.get(key).unwrap_or(&nothing);
            let body = body::update(key, &changed, all, &|key| self.id(key))?;
            if key.noun == Noun::Instance {
                self.api.act(&INSTANCE, &id, "modifyInstanceAttribute", body)?;
            } else {
                self.api.update(kind(key.noun), &id, body)?;
            }
        }
        // Weights are of one group's members: another group begins without.
        let again = key.noun == Noun::Backend
            && changes.contains_key("availability_group")
            && !changes.contains_key("weights");
        if let Some(weights) = self.wanted.get(key).and_then(|fields| fields.get("weights")).filter(|_| again)
        {
            self.set_weights(&id, weights)?;
        }
        apart.into_iter().try_for_each(|(field, change)| self.set_apart(key, &id, field, change))
    }

    /// Sets a field by the operation that it has for itself.
    fn set_apart(&self, key: &Key, id: &str, field: &str, change: &Change) -> Result<()> {
        let api = self.api;
        match (key.noun, field) {
            (Noun::SecurityGroup, "rules") => self.set_rules(key, id, change),
            (Noun::Acl, "rules") => self.set_rules(key, id, change),
            (Noun::Subnet, "acl") => {
                let acl = |name: &Value| {
                    let vpc = key.parent.as_deref().unwrap_or_default();
                    self.id(&Key::of(Noun::Acl, vpc, name.as_str().unwrap_or_default()))
                };
                if change.to.is_null() {
                    let body = json!({"subnetId": id});
                    api.act(&ACL, &acl(&change.from)?, "disassociateNetworkAcl", body)?;
                } else {
                    let body = json!({"subnetIds": [id]});
                    api.act(&ACL, &acl(&change.to)?, "associateNetworkAcl", body)?;
                }
                Ok(())
            }
            (Noun::AvailabilityGroup, "template") => {
                let template = change.to.as_str().context("a group without a template")?;
                let template = self.id(&Key::new(Noun::Template, template))?;
                let body = json!({"instanceTemplateId": template});
                api.act(&AG, id, "setInstanceTemplate", body).map(drop)
            }
            (Noun::AvailabilityGroup, "size") => {
                let size = change.to.as_u64().and_then(|size| usize::try_from(size).ok());
                scale(api, id, &key.name, size.context("a size that is no number")?)
            }
            (Noun::LoadBalancer, "elastic_ip") => {
                let (address, action) = if change.to.is_null() {
                    (&change.from, "disassociateElasticIp")
                } else {
                    (&change.to, "associateElasticIp")
                };
                let eip = self.id(&Key::new(Noun::ElasticIp, address.as_str().unwrap_or_default()))?;
                api.act(&LOAD_BALANCER, id, action, json!({"elasticIpId": eip})).map(drop)
            }
            (Noun::TargetGroup, "targets") => self.set_targets(id, &change.to),
            // Without a group there are none.
            (Noun::Backend, "weights") if change.to.is_null() => Ok(()),
            (Noun::Backend, "weights") => self.set_weights(id, &change.to),
            _ => bail!("{key} has no {field} that could be set"),
        }
    }

    /// Adds what is new, then removes what is gone: nothing that both lists let through is ever held up.
    fn set_rules(&self, key: &Key, id: &str, change: &Change) -> Result<()> {
        let api = self.api;
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let (from, to) = (list(&change.from), list(&change.to));
        let new: Vec<Value> =
            missing(&to, &from).iter().map(|rule| body::rule(key.noun, rule)).collect::<Result<_>>()?;
        let gone: Vec<Value> =
            missing(&from, &to).iter().map(|rule| body::rule(key.noun, rule)).collect::<Result<_>>()?;
        let (kind, rules, specs, add, remove) = match key.noun {
            Noun::Acl => (
                &ACL,
                "networkAclRules",
                "networkAclRuleSpecs",
                "addNetworkAclRules",
                "removeNetworkAclRules",
            ),
            _ => (
                &SECURITY_GROUP,
                "securityGroupRules",
                "networkSecurityGroupRuleSpecs",
                "addNetworkSecurityGroupRules",
                "removeNetworkSecurityGroupRules",
            ),
        };
        // Of rules that are alike, those that were there are the first ones.
        let mut there = if gone.is_empty() { Vec::new() } else { list(&api.show(kind, id)?[rules]) };
        if !new.is_empty() {
            api.act(kind, id, add, json!({specs: new}))?;
        }
        let mut ids = Vec::new();
        for rule in &gone {
            let at = there.iter().position(|one| is_rule(one, rule));
            let found = there.swap_remove(at.context("a rule changed meanwhile: try again")?);
            ids.push(found["ruleId"].clone());
        }
        if !ids.is_empty() {
            api.act(kind, id, remove, json!({"ruleIds": ids}))?;
        }
        Ok(())
    }

    /// Makes the members of a backend service's availability group weigh what is wanted, whatever they weigh now.
    fn set_weights(&self, id: &str, wanted: &Value) -> Result<()> {
        let api = self.api;
        let backend = api.show(&BACKEND, id)?;
        let group = backend["agInfos"].get(0).context("a backend service changed meanwhile: try again")?;
        if group["defaultWeight"] != wanted["default"] {
            let info = ag_info(&group["agId"], &wanted["default"]);
            api.update(&BACKEND, id, json!({"agInfoSpec": info}))?;
        }
        let instances = api.list(&INSTANCE, &[("agId", group["agId"].as_str().unwrap_or_default())])?;
        let names = instances
            .iter()
            .filter_map(|one| Some((one[INSTANCE.id].as_str()?, one[INSTANCE.name].as_str()?)));
        let (changes, unknown) = weights_to_set(&ag_targets(api, id)?, &names.collect(), wanted);
        ensure!(unknown.is_empty(), "the availability group has no instance {}", unknown.join(", "));
        if !changes.is_empty() {
            set_ag_weights(api, id, &changes)?;
        }
        Ok(())
    }

    /// Makes the targets of a group those that are wanted, whatever they are now: instances that were deleted
    /// meanwhile are targets no more.
    fn set_targets(&self, id: &str, wanted: &Value) -> Result<()> {
        let api = self.api;
        let instances = api.list(&INSTANCE, &[])?;
        let mut specs = BTreeMap::new();
        for (name, target) in wanted.as_object().into_iter().flatten() {
            let named: Vec<_> = instances.iter().filter(|one| one[INSTANCE.name] == name.as_str()).collect();
            ensure!(
                named.len() < 2,
                "there are {} instances `{name}`: a target's name must be one's",
                named.len()
            );
            let instance = named.first().and_then(|one| one[INSTANCE.id].as_str());
            let instance = instance.with_context(|| format!("there is no instance `{name}`"))?;
            specs.insert(instance, json!({"port": target["port"], "weight": target["weight"]}));
        }
        let (mut gone, mut changed) = (Vec::new(), Vec::new());
        for target in targets(api, id)? {
            let instance = target["instanceId"].as_str().unwrap_or_default();
            match specs.remove(instance) {
                None => gone.push(target["targetId"].clone()),
                Some(spec) if spec["port"] != target["port"] || spec["weight"] != target["weight"] => {
                    changed.push(json!({"targetId": target["targetId"], "port": spec["port"], "weight": spec["weight"]}));
                }
                Some(_) => {}
            }
        }
        let new: Vec<_> = specs
            .into_iter()
            .map(|(instance, spec)| json!({"instanceId": instance, "port": spec["port"], "weight": spec["weight"]}))
            .collect();
        for (action, field, list) in [
            ("registerTargets", "targetSpecs", new),
            ("updateTargets", "targetUpdateSpecs", changed),
            ("deregisterTargets", "targetIds", gone),
        ] {
            if !list.is_empty() {
                api.act(&TARGET_GROUP, id, action, json!({field: list}))?;
            }
        }
        Ok(())
    }
}

/// What members of a group are to weigh differs from what they do: the targets to change, and the names that nobody has.
fn weights_to_set<'a>(
    targets: &[Value],
    names: &BTreeMap<&str, &str>,
    wanted: &'a Value,
) -> (Vec<Value>, Vec<&'a str>) {
    let own = wanted["members"].as_object();
    let name = |target: &Value| names.get(target["instanceId"].as_str()?).copied();
    let changes = targets.iter().filter_map(|target| {
        let weight = name(target).and_then(|name| own?.get(name)).unwrap_or(&wanted["default"]);
        (target["weight"] != *weight).then(|| json!({"targetId": target["targetId"], "weight": weight}))
    });
    let unknown = own.into_iter().flatten().map(|(name, _)| name.as_str());
    let unknown = unknown.filter(|wanted| !targets.iter().any(|target| name(target) == Some(wanted)));
    (changes.collect(), unknown.collect())
}

/// Whether a rule of a reply is what a body for it says.
fn is_rule(there: &Value, body: &Value) -> bool {
    body.as_object().into_iter().flatten().all(|(field, value)| match value {
        Value::Null => there[field].as_str().unwrap_or_default().is_empty(),
        value => there[field] == *value,
    }) && (body.get("fromPort").is_some() || has_all_ports(there))
}

/// What the API says of a rule that names no ports.
fn has_all_ports(rule: &Value) -> bool {
    let ports = (rule["fromPort"].as_u64(), rule["toPort"].as_u64());
    matches!(ports, (Some(0), Some(0)) | (Some(1), Some(65_535)))
}

fn kind(noun: Noun) -> &'static Kind {
    match noun {
        Noun::Vpc => &VPC,
        Noun::SecurityGroup => &SECURITY_GROUP,
        Noun::Acl => &ACL,
        Noun::Subnet => &SUBNET,
        Noun::ElasticIp => &EIP,
        Noun::Template => &TEMPLATE,
        Noun::AvailabilityGroup => &AG,
        Noun::Instance => &INSTANCE,
        Noun::LoadBalancer => &LOAD_BALANCER,
        Noun::TargetGroup => &TARGET_GROUP,
        Noun::Backend => &BACKEND,
        Noun::Listener => &LISTENER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_found_among_others() {
        let there = json!({"ruleId": "r", "direction": 0, "protocol": 6, "addressPrefix": "0.0.0.0/0",
                           "fromPort": 1, "toPort": 65535, "description": ""});
        let body = |more: &[(&str, Value)]| {
            let mut body =
                json!({"direction": 0, "protocol": 6, "addressPrefix": "0.0.0.0/0", "description": null});
            more.iter().for_each(|(name, value)| body[*name] = value.clone());
            body
        };
        assert!(is_rule(&there, &body(&[])));
        assert!(!is_rule(&there, &body(&[("fromPort", json!(80)), ("toPort", json!(80))])));
        assert!(!is_rule(&there, &body(&[("description", json!("x"))])));
        let mut port = there.clone();
        port["fromPort"] = json!(80);
        port["toPort"] = json!(80);
        assert!(!is_rule(&port, &body(&[])));
        assert!(is_rule(&port, &body(&[("fromPort", json!(80)), ("toPort", json!(80))])));
    }
}
