//! Subnets.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use super::{Common, Texts, common, create, given, update};
use crate::{
    api::Api,
    kind::{SUBNET, VPC},
    print::Format,
};

#[derive(Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Common(Common),
    /// Create one
    Create {
        /// Name
        name: String,
        /// VPC, by name or id
        #[arg(long)]
        vpc: String,
        /// Its block, such as 10.0.1.0/24 or fd00:0:1:1::/64
        #[arg(long)]
        prefix: String,
        /// Description
        #[arg(long)]
        description: Option<String>,
    },
    /// Change one; its block cannot change
    Update {
        /// Name or id
        name: String,
        #[command(flatten)]
        texts: Texts,
    },
}

pub(crate) fn run(api: &Api, command: Command, format: Format) -> Result<()> {
    match command {
        Command::Common(command) => common(api, &SUBNET, command, format),
        Command::Create { name, vpc, prefix, description } => {
            let vpc = api.id(&VPC, &vpc)?;
            let body = json!({
                "subnetName": name,
                "vpcId": vpc,
                "addressPrefix": prefix,
                "description": description,
            });
            create(api, &SUBNET, body, format)
        }
        Command::Update { name, texts } => {
            let body = given([
                ("subnetName", texts.new_name.map(Value::from)),
                ("description", texts.description.map(Value::from)),
            ])?;
            update(api, &SUBNET, &name, body, format)
        }
    }
}
