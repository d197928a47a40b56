//! Target groups and their targets.

use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::{Value, json};

use super::{Common, Texts, common, create, done, given, name_references, text, update};
use crate::{
    api::Api,
    kind::{INSTANCE, LOAD_BALANCER, TARGET_GROUP},
    print::{self, Format},
};

#[derive(Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Common(Common),
    /// Create one
    Create {
        /// Name
        name: String,
        /// Load balancer, by name or id
        #[arg(long)]
        lb: String,
        /// Description
        #[arg(long)]
        description: Option<String>,
    },
    /// Change one
    Update {
        /// Name or id
        name: String,
        #[command(flatten)]
        texts: Texts,
    },
    /// Add an instance
    Register {
        /// Target group, by name or id
        group: String,
        /// Instance, by name or id
        #[arg(long)]
        instance: String,
        /// Port; 0: the backend service's
        #[arg(long, default_value_t = 0)]
        port: u32,
        /// Weight, 1 to 100
        #[arg(long, default_value_t = 10)]
        weight: u32,
    },
    /// Change the weight or port of an instance in the group
    SetTarget {
        /// Target group, by name or id
        group: String,
        /// Instance, by name or id
        #[arg(long)]
        instance: String,
        /// Port; 0: the backend service's
        #[arg(long)]
        port: Option<u32>,
        /// Weight, 1 to 100
        #[arg(long)]
        weight: Option<u32>,
    },
    /// Take an instance out
    Deregister {
        /// Target group, by name or id
        group: String,
        /// Instance, by name or id
        #[arg(long)]
        instance: String,
    },
    /// List who is in it
    Targets {
        /// Target group, by name or id
        group: String,
    },
}

pub(crate) fn run(api: &Api, command: Command, format: Format) -> Result<()> {
    let kind = &TARGET_GROUP;
    match command {
        Command::Common(command) => common(api, kind, command, format),
        Command::Create { name, lb, description } => {
            let lb = api.id(&LOAD_BALANCER, &lb)?;
            let body = json!({"targetGroupName": name, "loadBalancerId": lb, "description": description});
            create(api, kind, body, format)
        }
        Command::Update { name, texts } => {
            let body = given([
                ("targetGroupName", texts.new_name.map(Value::from)),
                ("description", texts.description.map(Value::from)),
            ])?;
            update(api, kind, &name, body, format)
        }
        Command::Register { group, instance, port, weight } => {
            let id = api.id(kind, &group)?;
            let instance = api.id(&INSTANCE, &instance)?;
            let target = json!({"instanceId": instance, "port": port, "weight": weight});
            api.act(kind, &id, "registerTargets", json!({"targetSpecs": [target]}))?;
            show_targets(api, &id, format)
        }
        Command::SetTarget { group, instance, port, weight } => {
            let mut change = given([("port", port.map(Value::from)), ("weight", weight.map(Value::from))])?;
            let id = api.id(kind, &group)?;
            change["targetId"] = target(api, &id, &instance)?.into();
            api.act(kind, &id, "updateTargets", json!({"targetUpdateSpecs": [change]}))?;
            show_targets(api, &id, format)
        }
        Command::Deregister { group, instance } => {
            let id = api.id(kind, &group)?;
            let target = target(api, &id, &instance)?;
            api.act(kind, &id, "deregisterTargets", json!({"targetIds": [target]}))?;
            done(format, &format!("target group {group}: {instance} taken out"));
            Ok(())
        }
        Command::Targets { group } => show_targets(api, &api.id(kind, &group)?, format),
    }
}

/// All targets of a group.
pub(crate) fn targets(api: &Api, group: &str) -> Result<Vec<Value>> {
    api.pages("lb", &format!("targetGroups/{group}:describeTargets"), "targets", &[], usize::MAX)
}

/// Id of the target that an instance is in a group.
fn target(api: &Api, group: &str, instance: &str) -> Result<String> {
    let id = api.id(&INSTANCE, instance)?;
    let targets = targets(api, group)?;
    let target = targets.iter().find(|target| target["instanceId"] == id.as_str());
    text(target.with_context(|| format!("instance {instance} is not in this target group"))?, "targetId")
}

fn show_targets(api: &Api, group: &str, format: Format) -> Result<()> {
    show(api, targets(api, group)?, format)
}

/// Shows targets.
pub(super) fn show(api: &Api, mut targets: Vec<Value>, format: Format) -> Result<()> {
    if format == Format::Table {
        targets.iter_mut().for_each(|target| target["name"] = target["instanceId"].clone());
        name_references(api, &mut targets, "/name", &INSTANCE)?;
    }
    match format {
        Format::Json | Format::Yaml => print::data(format, &Value::Array(targets)),
        Format::Table => print::table(
            &[
                ("ID", "/targetId"),
                ("INSTANCE", "/instanceId"),
                ("NAME", "/name"),
                ("ADDRESS", "/privateIpAddress"),
                ("PORT", "/port"),
                ("WEIGHT", "/weight"),
            ],
            &targets,
        ),
    }
    Ok(())
}
