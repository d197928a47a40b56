//! Instances.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use serde_json::{Value, json};

use super::{Common, Texts, common, done, given, pairs, parse_pair, show_one, template};
use crate::{
    api::Api,
    kind::{AG, INSTANCE, TEMPLATE},
    print::{self, Format},
    wait::{self, Patience, Progress, wait_until},
};

#[derive(Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Common(Common),
    /// Create one, in a group or on its own; with --wait: return when it runs
    Create {
        /// Name
        name: String,
        /// Availability group, by name or id: everything comes from its template
        #[arg(long, conflicts_with_all = ["template", "az"])]
        ag: Option<String>,
        /// Instance template, by name or id
        #[arg(long, requires = "az")]
        template: Option<String>,
        /// Zone, with a template
        #[arg(long)]
        az: Option<String>,
        /// This address of the subnet and no other
        #[arg(long)]
        address: Option<String>,
        /// Description
        #[arg(long)]
        description: Option<String>,
        /// Tag; may be repeated
        #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = parse_pair)]
        tags: Vec<(String, String)>,
    },
    /// Change one
    Update {
        /// Name or id
        name: String,
        #[command(flatten)]
        texts: Texts,
        /// File with the script that it runs at its next start
        #[arg(long)]
        script: Option<PathBuf>,
        /// Metadata instead of what it has; may be repeated
        #[arg(long, value_name = "KEY=VALUE", value_parser = parse_pair)]
        metadata: Option<Vec<(String, String)>>,
    },
    /// What one has written last, up to 64 KiB
    ConsoleLog {
        /// Name or id
        name: String,
    },
    /// Start one that is stopped
    Start {
        /// Name or id
        name: String,
    },
    /// Stop one
    Stop {
        /// Name or id
        name: String,
    },
    /// Stop and start one
    Reboot {
        /// Name or id
        name: String,
    },
}

pub(crate) fn run(api: &Api, command: Command, format: Format) -> Result<()> {
    let kind = &INSTANCE;
    match command {
        Command::Common(command) => common(api, kind, command, format),
        Command::Create { name, ag, template, az, address, description, tags } => {
            let mut spec = json!({"name": name, "description": description, "userTags": pairs(&tags)});
            match (ag, template) {
                (Some(ag), _) => spec["agId"] = api.id(&AG, &ag)?.into(),
                (None, Some(template)) => {
                    spec["instanceTemplateId"] = api.id(&TEMPLATE, &template)?.into();
                    spec["az"] = az.into();
                }
                (None, None) => bail!("say in which --ag, or by which --template and in which --az"),
            }
            if let Some(address) = address {
                spec["primaryNetworkInterface"] = json!({"networkInterface": {"primaryIpAddress": address}});
            }
            let id = api.make(kind, json!({"instanceSpec": spec, "maxCount": 1}))?;
            if let Some(patience) = api.patience() {
                wait_running(api, &[("instanceId", &id)], patience)?;
            }
            show_one(api, kind, api.show(kind, &id)?, format)
        }
        Command::Update { name, texts, script, metadata } => {
            let script = script.map(|path| template::userdata(&path)).transpose()?;
            let body = given([
                ("name", texts.new_name.map(Value::from)),
                ("description", texts.description.map(Value::from)),
                ("userdata", script),
                ("metadata", metadata.map(|metadata| pairs(&metadata))),
            ])?;
            let id = api.id(kind, &name)?;
            api.act(kind, &id, "modifyInstanceAttribute", body)?;
            show_one(api, kind, api.show(kind, &id)?, format)
        }
        Command::ConsoleLog { name } => {
            let id = api.id(kind, &name)?;
            let reply = api.get(kind.service, &format!("instances/{id}:describeConsoleLog"))?;
            let log = &reply["consoleLog"];
            match format {
                Format::Json | Format::Yaml => print::data(format, log),
                // The end of the last line comes with printing.
                Format::Table => print::text(log["text"].as_str().unwrap_or_default().trim_end_matches('\n')),
            }
            Ok(())
        }
        Command::Start { name } => power(api, &name, "startInstance", "starts", format),
        Command::Stop { name } => power(api, &name, "stopInstance", "stops", format),
        Command::Reboot { name } => power(api, &name, "rebootInstance", "starts again", format),
    }
}

fn power(api: &Api, name: &str, action: &str, word: &str, format: Format) -> Result<()> {
    let id = api.id(&INSTANCE, name)?;
    api.act(&INSTANCE, &id, action, json!({}))?;
    done(format, &format!("instance {name} {word}"));
    Ok(())
}

/// Waits until all instances that pass the filters run, and every host knows it.
pub(crate) fn wait_running(api: &Api, filters: &[(&str, &str)], patience: Patience) -> Result<()> {
    let mut waiting = Vec::new();
    let progress = Progress::new();
    let outcome = wait_until(patience.duration(), || {
        let instances = api.list(&INSTANCE, filters)?;
        if let Some(broken) = instances.iter().find(|instance| instance["status"] == "error") {
            bail!("instance {}: {}", broken["instanceId"], broken["statusReason"]);
        }
        waiting = instances
            .iter()
            .filter(|instance| instance["status"] != "running")
            .map(|instance| {
                format!("{} is {}", name(instance), instance["status"].as_str().unwrap_or("unknown"))
            })
            .collect();
        progress.say(&waiting.join(", "));
        Ok(waiting.is_empty())
    });
    progress.end();
    outcome.with_context(|| format!("waiting for instances to run: {}", waiting.join(", ")))?;
    wait::converged(api, patience)
}

fn name(instance: &Value) -> &str {
    instance[INSTANCE.name].as_str().unwrap_or("an instance without a name")
}
