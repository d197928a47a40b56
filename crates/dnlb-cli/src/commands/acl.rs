//! Network ACLs and their rules.

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{
    Common, Texts, common, create, done, given,
    rule::{self, Change, Direction, Match},
    update,
};
use crate::{
    api::Api,
    kind::{ACL, SUBNET, VPC},
    print::Format,
};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Action {
    Allow,
    Deny,
}

impl Action {
    fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Common(Common),
    /// Create one: without rules it drops everything at the border of its subnets
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
    /// Add a rule; replies need one of their own
    Add {
        /// Network ACL, by name or id
        acl: String,
        /// What to do with what matches
        #[arg(long, value_enum, default_value = "allow")]
        action: Action,
        /// The smallest number that matches decides
        #[arg(long, default_value_t = 1000)]
        priority: u16,
        #[command(flatten)]
        what: Match,
    },
    /// Change a rule; its direction cannot change
    ChangeRule {
        /// Network ACL, by name or id
        acl: String,
        /// What to do with what matches
        #[arg(long, value_enum)]
        action: Option<Action>,
        /// The smallest number that matches decides
        #[arg(long)]
        priority: Option<u16>,
        #[command(flatten)]
        change: Change,
    },
    /// Remove rules
    Remove {
        /// Network ACL, by name or id
        acl: String,
        /// Ids of rules
        #[arg(required = true)]
        rules: Vec<String>,
    },
    /// List the rules of one
    Rules {
        /// Network ACL, by name or id
        acl: String,
    },
    /// Put it at the border of subnets, in place of another one
    Attach {
        /// Network ACL, by name or id
        acl: String,
        /// Subnets, by name or id
        #[arg(required = true)]
        subnets: Vec<String>,
    },
    /// Take it away from a subnet
    Detach {
        /// Network ACL, by name or id
        acl: String,
        /// Subnet, by name or id
        subnet: String,
    },
}

pub(crate) fn run(api: &Api, command: Command, format: Format) -> Result<()> {
    match command {
        Command::Common(command) => common(api, &ACL, command, format)?,
        Command::Create { name, vpc, description } => {
            let vpc = api.id(&VPC, &vpc)?;
            let body = json!({"networkAclName": name, "vpcId": vpc, "description": description});
            create(api, &ACL, body, format)?;
        }
        Command::Update { name, texts } => {
            let body = given([
                ("networkAclName", texts.new_name.map(Value::from)),
                ("description", texts.description.map(Value::from)),
            ])?;
            update(api, &ACL, &name, body, format)?;
        }
        Command::Add { acl, action, priority, what } => {
            let mut rules = what.rules()?;
            for rule in &mut rules {
                let incoming = what.direction == Direction::In;
                rule["direction"] = if incoming { "ingress" } else { "egress" }.into();
                rule["protocol"] = what.protocol.word().into();
                rule["ruleAction"] = action.word().into();
                rule["priority"] = priority.into();
            }
            let id = api.id(&ACL, &acl)?;
            api.act(&ACL, &id, "addNetworkAclRules", json!({"networkAclRuleSpecs": rules}))?;
            done(format, &format!("network ACL {acl}: {}", rule::added(&rules)));
        }
        Command::ChangeRule { acl, action, priority, change } => {
            let (rule, protocol) = (change.rule.clone(), change.protocol);
            let [prefix, from, to, description] = change.fields();
            let mut body = given([
                ("protocol", protocol.map(|protocol| protocol.word().into())),
                ("ruleAction", action.map(|action| action.word().into())),
                ("priority", priority.map(Value::from)),
                prefix,
                from,
                to,
                description,
            ])?;
            body["ruleId"] = rule.as_str().into();
            let id = api.id(&ACL, &acl)?;
            let body = json!({"modifyNetworkAclRuleSpecs": [body]});
            api.act(&ACL, &id, "modifyNetworkAclRules", body)?;
            done(format, &format!("network ACL {acl}: rule {rule} changed"));
        }
        Command::Remove { acl, rules } => {
            let id = api.id(&ACL, &acl)?;
            api.act(&ACL, &id, "removeNetworkAclRules", json!({"ruleIds": rules}))?;
            done(format, &format!("network ACL {acl}: {} rules removed", rules.len()));
        }
        Command::Rules { acl } => {
            let mut acl = api.show(&ACL, &api.id(&ACL, &acl)?)?;
            let columns = [
                ("ID", "/ruleId"),
                ("PRIORITY", "/priority"),
                ("DIRECTION", "/direction"),
                ("ACTION", "/ruleAction"),
                ("PROTOCOL", "/protocol"),
                ("PREFIX", "/addressPrefix"),
                ("FROM", "/fromPort"),
                ("TO", "/toPort"),
                ("DESCRIPTION", "/description"),
            ];
            rule::show(format, &columns, acl["networkAclRules"].take());
        }
        Command::Attach { acl, subnets } => {
            let id = api.id(&ACL, &acl)?;
            let ids = api.ids(&SUBNET, &subnets)?;
            api.act(&ACL, &id, "associateNetworkAcl", json!({"subnetIds": ids}))?;
            done(format, &format!("network ACL {acl}: attached to {}", subnets.join(", ")));
        }
        Command::Detach { acl, subnet } => {
            let id = api.id(&ACL, &acl)?;
            let subnet_id = api.id(&SUBNET, &subnet)?;
            api.act(&ACL, &id, "disassociateNetworkAcl", json!({"subnetId": subnet_id}))?;
            done(format, &format!("network ACL {acl}: detached from {subnet}"));
        }
    }
    Ok(())
}
