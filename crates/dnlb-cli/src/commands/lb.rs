//! Load balancers.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use super::{Common, Switch, Texts, common, create, given, pairs, parse_pair, show_one, update};
use crate::{
    api::Api,
    kind::{EIP, LOAD_BALANCER, SUBNET},
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
        /// Subnet of its VIP, by name or id
        #[arg(long)]
        subnet: String,
        /// This address of the subnet and no other
        #[arg(long)]
        vip: Option<String>,
        /// Refuse to delete it
        #[arg(long)]
        delete_protection: bool,
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
        /// Refuse to delete it
        #[arg(long, value_enum)]
        delete_protection: Option<Switch>,
        /// Move its VIP to this address of its subnet: connections to the former one end
        #[arg(long)]
        vip: Option<String>,
    },
    /// Let it serve again
    Start {
        /// Name or id
        name: String,
    },
    /// Let it serve nobody until it is started: its listeners stay as they are
    Stop {
        /// Name or id
        name: String,
    },
    /// Show how many of the hosts that it concerns show its present configuration
    Convergence {
        /// Name or id
        name: String,
    },
    /// Give it an elastic IP: it becomes public
    AssociateEip {
        /// Load balancer, by name or id
        lb: String,
        /// Elastic IP, by address or id
        eip: String,
    },
    /// Take its elastic IP away: it becomes private
    DisassociateEip {
        /// Load balancer, by name or id
        lb: String,
        /// Elastic IP, by address or id
        eip: String,
    },
}

pub(crate) fn run(api: &Api, command: Command, format: Format) -> Result<()> {
    let kind = &LOAD_BALANCER;
    match command {
        Command::Common(command) => common(api, kind, command, format),
        Command::Create { name, subnet, vip, delete_protection, description, tags } => {
            let body = json!({
                "loadBalancerName": name,
                "subnetId": api.id(&SUBNET, &subnet)?,
                "type": "dnlb",
                "privateIpAddress": vip,
                "deleteProtection": delete_protection,
                "description": description,
                "userTags": pairs(&tags),
            });
            create(api, kind, body, format)
        }
        Command::Update { name, texts, delete_protection, vip } => {
            let body = given([
                ("loadBalancerName", texts.new_name.map(Value::from)),
                ("description", texts.description.map(Value::from)),
                ("deleteProtection", delete_protection.map(|switch| switch.is_on().into())),
                ("privateIpAddress", vip.map(Value::from)),
            ])?;
            update(api, kind, &name, body, format)
        }
        Command::Start { name } => update(api, kind, &name, json!({"action": "Start"}), format),
        Command::Stop { name } => update(api, kind, &name, json!({"action": "Stop"}), format),
        Command::Convergence { name } => {
            let path = format!("loadBalancers/{}/convergence", api.id(kind, &name)?);
            print::fields(format, &api.get("dnlb", &path)?["convergence"]);
            Ok(())
        }
        Command::AssociateEip { lb, eip } => associate(api, &lb, &eip, "associateElasticIp", format),
        Command::DisassociateEip { lb, eip } => associate(api, &lb, &eip, "disassociateElasticIp", format),
    }
}

fn associate(api: &Api, lb: &str, eip: &str, action: &str, format: Format) -> Result<()> {
    let id = api.id(&LOAD_BALANCER, lb)?;
    let eip = api.id(&EIP, eip)?;
    api.act(&LOAD_BALANCER, &id, action, json!({"elasticIpId": eip}))?;
    show_one(api, &LOAD_BALANCER, api.show(&LOAD_BALANCER, &id)?, format)
}
