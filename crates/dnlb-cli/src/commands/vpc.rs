//! VPCs.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use super::{Common, Texts, common, create, done, given, update};
use crate::{api::Api, kind::VPC, print::Format};

#[derive(Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Common(Common),
    /// Create one
    Create {
        /// Name
        name: String,
        /// Range that its subnets must lie in, such as 10.0.0.0/16 or fd00:0:1::/48; without any, all private ranges
        #[arg(long)]
        prefix: Option<String>,
        /// Its IPv6 range beside an IPv4 one
        #[arg(long)]
        prefix_v6: Option<String>,
        /// Description
        #[arg(long)]
        description: Option<String>,
    },
    /// Change one; its range of the first family cannot change
    Update {
        /// Name or id
        name: String,
        #[command(flatten)]
        texts: Texts,
        /// Its IPv6 range beside an IPv4 one
        #[arg(long)]
        prefix_v6: Option<String>,
    },
    /// Give it an IPv6 range beside its IPv4 one, or another one
    SetPrefixV6 {
        /// VPC, by name or id
        vpc: String,
        /// The range, such as fd00:0:1::/48
        prefix: String,
    },
}

pub(crate) fn run(api: &Api, command: Command, format: Format) -> Result<()> {
    match command {
        Command::Common(command) => common(api, &VPC, command, format),
        Command::Create { name, prefix, prefix_v6, description } => {
            let body = json!({
                "vpcName": name,
                "addressPrefix": prefix,
                "ipv6AddressPrefix": prefix_v6,
                "description": description,
            });
            create(api, &VPC, body, format)
        }
        Command::Update { name, texts, prefix_v6 } => {
            let body = given([
                ("vpcName", texts.new_name.map(Value::from)),
                ("description", texts.description.map(Value::from)),
                ("ipv6AddressPrefix", prefix_v6.map(Value::from)),
            ])?;
            update(api, &VPC, &name, body, format)
        }
        Command::SetPrefixV6 { vpc, prefix } => {
            api.update(&VPC, &api.id(&VPC, &vpc)?, json!({"ipv6AddressPrefix": prefix}))?;
            done(format, &format!("VPC {vpc}: IPv6 range {prefix}"));
            Ok(())
        }
    }
}
