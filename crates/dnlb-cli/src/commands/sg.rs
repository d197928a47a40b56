//! Security groups and their rules.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    Common, Texts, common, create, done, given,
    rule::{self, Change, Direction, Match},
    update,
};
use crate::{
    api::Api,
    kind::{SECURITY_GROUP, VPC},
    print::Format,
};

#[derive(Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Common(Common),
    /// Create one: without rules it lets nothing through
    Create {
        /// Name
        name: String,
        /// VPC, by name or id
        #[arg(long)]
        vpc: String,
        /// Description
        #[arg(long)]
        description: Option<String>,
    },
    /// Change one's name or description
    Update {
        /// Name or id
        name: String,
        #[command(flatten)]
        texts: Texts,
    },
    /// Let something through; the replies of what passes pass, too
    Allow {
        /// Security group, by name or id
        group: String,
        #[command(flatten)]
        what: Match,
    },
    /// Change a rule; its direction cannot change
    ChangeRule {
        /// Security group, by name or id
        group: String,
        #[command(flatten)]
        change: Change,
    },
    /// Remove rules
    Revoke {
        /// Security group, by name or id
        group: String,
        /// Ids of rules
        #[arg(required = true)]
        rules: Vec<String>,
    },
    /// List the rules of one
    Rules {
        /// Security group, by name or id
        group: String,
    },
}

pub(crate) fn run(api: &Api, command: Command, format: Format) -> Result<()> {
    let kind = &SECURITY_GROUP;
    match command {
        Command::Common(command) => common(api, kind, command, format)?,
        Command::Create { name, vpc, description } => {
            let vpc = api.id(&VPC, &vpc)?;
            let body = json!({"networkSecurityGroupName": name, "vpcId": vpc, "description": description});
            create(api, kind, body, format)?;
        }
        Command::Update { name, texts } => {
            let body = given([
                ("networkSecurityGroupName", texts.new_name.map(Value::from)),
                ("description", texts.description.map(Value::from)),
            ])?;
            update(api, kind, &name, body, format)?;
        }
        Command::Allow { group, what } => {
            let mut rules = what.rules()?;
            for rule in &mut rules {
                rule["direction"] = u32::from(what.direction == Direction::Out).into();
                rule["protocol"] = what.protocol.number().into();
            }
            let id = api.id(kind, &group)?;
            let body = json!({"networkSecurityGroupRuleSpecs": rules});
            api.act(kind, &id, "addNetworkSecurityGroupRules", body)?;
            done(format, &format!("security group {group}: {}", rule::added(&rules)));
        }
        Command::ChangeRule { group, change } => {
            let (rule, protocol) = (change.rule.clone(), change.protocol);
            let [prefix, from, to, description] = change.fields();
            let protocol = ("protocol", protocol.map(|protocol| protocol.number().into()));
            let mut body = given([protocol, prefix, from, to, description])?;
            body["ruleId"] = rule.as_str().into();
            let id = api.id(kind, &group)?;
            let body = json!({"modifySecurityGroupRuleSpecs": [body]});
            api.act(kind, &id, "modifyNetworkSecurityGroupRules", body)?;
            done(format, &format!("security group {group}: rule {rule} changed"));
        }
        Command::Revoke { group, rules } => {
            let id = api.id(kind, &group)?;
            api.act(kind, &id, "removeNetworkSecurityGroupRules", json!({"ruleIds": rules}))?;
            done(format, &format!("security group {group}: {} rules removed", rules.len()));
        }
        Command::Rules { group } => {
            let mut group = api.show(kind, &api.id(kind, &group)?)?;
            let mut rules = group["securityGroupRules"].take();
            let columns = [
                ("ID", "/ruleId"),
                ("DIRECTION", "/direction"),
                ("PROTOCOL", "/protocol"),
                ("PREFIX", "/addressPrefix"),
                ("FROM", "/fromPort"),
                ("TO", "/toPort"),
                ("DESCRIPTION", "/description"),
            ];
            if format == Format::Table {
                rules.as_array_mut().into_iter().flatten().for_each(in_words);
            }
            rule::show(format, &columns, rules);
        }
    }
    Ok(())
}

/// Says in words what the API says in numbers.
fn in_words(rule: &mut Value) {
    let direction = match rule["direction"].as_i64() {
        Some(0) => "in",
        Some(1) => "out",
        _ => return,
    };
    rule["direction"] = direction.into();
    let protocol = match rule["protocol"].as_i64() {
        Some(300) => "all",
        Some(1) => "icmp",
        Some(6) => "tcp",
        Some(17) => "udp",
        _ => return,
    };
    rule["protocol"] = protocol.into();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_words_for_numbers() {
        let mut rule = json!({"direction": 1, "protocol": 17});
        in_words(&mut rule);
        assert_eq!(rule, json!({"direction": "out", "protocol": "udp"}));
        let mut unknown = json!({"direction": 0, "protocol": 50});
        in_words(&mut unknown);
        assert_eq!(unknown, json!({"direction": "in", "protocol": 50}));
    }
}
