//! Elastic IPs.

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::{Common, common, create, pairs, parse_pair, update};
use crate::{api::Api, kind::EIP, print::Format};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IpVersion {
    #[value(name = "4")]
    Four,
    #[value(name = "6")]
    Six,
}

impl IpVersion {
    fn number(self) -> u8 {
        match self {
            Self::Four => 4,
            Self::Six => 6,
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Common(Common),
    /// Take one from the region's pool
    Create {
        /// This address and no other
        #[arg(long)]
        address: Option<String>,
        /// Its family, 4 or 6; without it that of --address, or 4
        #[arg(long, value_enum)]
        ip_version: Option<IpVersion>,
        /// Bandwidth, recorded and not enforced
        #[arg(long, default_value_t = 10)]
        mbps: u32,
        /// Tag; may be repeated
        #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = parse_pair)]
        tags: Vec<(String, String)>,
    },
    /// Change its bandwidth, which is recorded and not enforced
    SetBandwidth {
        /// Elastic IP, by address or id
        eip: String,
        /// Mbit/s, 1 to 200
        mbps: u32,
    },
}

pub(crate) fn run(api: &Api, command: Command, format: Format) -> Result<()> {
    match command {
        Command::Common(command) => common(api, &EIP, command, format),
        Command::Create { address, ip_version, mbps, tags } => {
            let body = json!({
                "maxCount": 1,
                "elasticIpSpec": {"bandwidthMbps": mbps, "provider": "bgp"},
                "elasticIpAddress": address,
                "ipVersion": ip_version.map(IpVersion::number),
                "userTags": pairs(&tags),
            });
            create(api, &EIP, body, format)
        }
        Command::SetBandwidth { eip, mbps } => {
            update(api, &EIP, &eip, json!({"bandwidthMbps": mbps}), format)
        }
    }
}
