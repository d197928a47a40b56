//! What rules of security groups and of network ACLs have in common.

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::parse_ports;
use crate::print::{self, Format};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Direction {
    In,
    Out,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    All,
    Icmp,
    Tcp,
    Udp,
}

impl Protocol {
    /// As security groups say it.
    pub(super) fn number(self) -> u32 {
        match self {
            Self::All => 300,
            Self::Icmp => 1,
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }

    /// As network ACLs say it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Icmp => "ICMP",
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }

    fn has_ports(self) -> bool {
        matches!(self, Self::Tcp | Self::Udp)
    }
}

/// All addresses.
const EVERYBODY: [&str; 2] = ["0.0.0.0/0", "::/0"];

/// What a rule looks at.
#[derive(Args)]
pub(crate) struct Match {
    /// Seen from the instance or subnet
    #[arg(long, value_enum)]
    pub(super) direction: Direction,
    /// Protocol
    #[arg(long, value_enum)]
    pub(super) protocol: Protocol,
    /// Destination port or range of ports, such as 80 or 1024-65535; all without it
    #[arg(long, value_parser = parse_ports)]
    port: Option<(u16, u16)>,
    /// The other side's addresses; without it all, 0.0.0.0/0 and ::/0, by a rule for each family
    #[arg(long)]
    prefix: Option<String>,
    /// Description
    #[arg(long)]
    description: Option<String>,
}

impl Match {
    /// A rule for each prefix, with the fields that both kinds of rules have.
    pub(super) fn rules(&self) -> Result<Vec<Value>> {
        ensure!(self.port.is_none() || self.protocol.has_ports(), "only TCP and UDP have ports");
        let rule = |prefix: &str| {
            let mut fields = json!({"addressPrefix": prefix, "description": self.description});
            if let Some((first, last)) = self.port {
                fields["fromPort"] = first.into();
                fields["toPort"] = last.into();
            }
            fields
        };
        Ok(match &self.prefix {
            Some(prefix) => vec![rule(prefix)],
            None => EVERYBODY.map(rule).to_vec(),
        })
    }
}

/// What of a rule can change; its direction cannot.
#[derive(Args)]
pub(crate) struct Change {
    /// Id of the rule, from the list of rules
    pub(super) rule: String,
    /// Protocol
    #[arg(long, value_enum)]
    pub(super) protocol: Option<Protocol>,
    /// Destination port or range of ports, such as 80 or 1024-65535
    #[arg(long, value_parser = parse_ports)]
    port: Option<(u16, u16)>,
    /// The other side's addresses
    #[arg(long)]
    prefix: Option<String>,
    /// Description
    #[arg(long)]
    description: Option<String>,
}

impl Change {
    /// The fields that both kinds of rules have.
    pub(super) fn fields(self) -> [(&'static str, Option<Value>); 4] {
        [
            ("addressPrefix", self.prefix.map(Value::from)),
            ("fromPort", self.port.map(|(first, _)| first.into())),
            ("toPort", self.port.map(|(_, last)| last.into())),
            ("description", self.description.map(Value::from)),
        ]
    }
}

pub(super) fn added(rules: &[Value]) -> String {
    match rules {
        [_] => "rule added".to_owned(),
        rules => format!("{} rules added", rules.len()),
    }
}

/// Prints rules: heading and JSON pointer of each column.
pub(super) fn show(format: Format, columns: &[(&str, &str)], rules: Value) {
    match format {
        Format::Json | Format::Yaml => print::data(format, &rules),
        Format::Table => print::table(columns, rules.as_array().map(Vec::as_slice).unwrap_or_default()),
    }
}
