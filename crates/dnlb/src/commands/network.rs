//! VPCs, subnets, security groups, network ACLs, elastic IPs.

use anyhow::{Result, ensure};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{Common, common, create, done, parse_ports};
use crate::{
    api::Api,
    kind::{ACL, EIP, SECURITY_GROUP, SUBNET, VPC},
    print::{self, Format},
};

#[derive(Subcommand)]
pub(crate) enum VpcCommand {
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
    },
    /// Give it an IPv6 range beside its IPv4 one, or another one
    SetPrefixV6 {
        /// VPC, by name or id
        vpc: String,
        /// The range, such as fd00:0:1::/48
        prefix: String,
    },
}

pub(crate) fn vpc(api: &Api, command: VpcCommand, format: Format) -> Result<()> {
    match command {
        VpcCommand::Common(command) => common(api, &VPC, command, format),
        VpcCommand::Create { name, prefix, prefix_v6 } => {
            let body = json!({"vpcName": name, "addressPrefix": prefix, "ipv6AddressPrefix": prefix_v6});
            create(api, &VPC, body, format).map(drop)
        }
        VpcCommand::SetPrefixV6 { vpc, prefix } => {
            api.update(&VPC, &api.id(&VPC, &vpc)?, json!({"ipv6AddressPrefix": prefix}))?;
            done(format, &format!("VPC {vpc}: IPv6 range {prefix}"));
            Ok(())
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum SubnetCommand {
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
    },
}

pub(crate) fn subnet(api: &Api, command: SubnetCommand, format: Format) -> Result<()> {
    match command {
        SubnetCommand::Common(command) => common(api, &SUBNET, command, format),
        SubnetCommand::Create { name, vpc, prefix } => {
            let vpc = api.id(&VPC, &vpc)?;
            let body = json!({"subnetName": name, "vpcId": vpc, "addressPrefix": prefix});
            create(api, &SUBNET, body, format).map(drop)
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Direction {
    In,
    Out,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RuleProtocol {
    All,
    Icmp,
    Tcp,
    Udp,
}

impl RuleProtocol {
    /// As security groups say it.
    fn number(self) -> u32 {
        match self {
            Self::All => 300,
            Self::Icmp => 1,
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }

    /// As network ACLs say it.
    fn word(self) -> &'static str {
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
    direction: Direction,
    /// Protocol
    #[arg(long, value_enum)]
    protocol: RuleProtocol,
    /// Destination port or range of ports, such as 80 or 1024-65535; all without it
    #[arg(long, value_parser = parse_ports)]
    port: Option<(u16, u16)>,
    /// The other side's addresses; without it all, 0.0.0.0/0 and ::/0, by a rule for each family
    #[arg(long)]
    prefix: Option<String>,
}

impl Match {
    /// A rule for each prefix, with the fields that both kinds of rules have.
    fn rules(&self) -> Result<Vec<Value>> {
        ensure!(self.port.is_none() || self.protocol.has_ports(), "only TCP and UDP have ports");
        let rule = |prefix: &str| {
            let mut fields = json!({"addressPrefix": prefix});
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

#[derive(Subcommand)]
pub(crate) enum SecurityGroupCommand {
    #[command(flatten)]
    Common(Common),
    /// Create one: without rules it lets nothing through
    Create {
        /// Name
        name: String,
        /// VPC, by name or id
        #[arg(long)]
        vpc: String,
    },
    /// Let something through; the replies of what passes pass, too
    Allow {
        /// Security group, by name or id
        group: String,
        #[command(flatten)]
        what: Match,
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

pub(crate) fn security_group(api: &Api, command: SecurityGroupCommand, format: Format) -> Result<()> {
    let kind = &SECURITY_GROUP;
    match command {
        SecurityGroupCommand::Common(command) => common(api, kind, command, format)?,
        SecurityGroupCommand::Create { name, vpc } => {
            let vpc = api.id(&VPC, &vpc)?;
            create(api, kind, json!({"networkSecurityGroupName": name, "vpcId": vpc}), format)?;
        }
        SecurityGroupCommand::Allow { group, what } => {
            let mut rules = what.rules()?;
            for rule in &mut rules {
                rule["direction"] = u32::from(what.direction == Direction::Out).into();
                rule["protocol"] = what.protocol.number().into();
            }
            let id = api.id(kind, &group)?;
            let body = json!({"networkSecurityGroupRuleSpecs": rules});
            api.act(kind, &id, "addNetworkSecurityGroupRules", body)?;
            done(format, &format!("security group {group}: {}", added(&rules)));
        }
        SecurityGroupCommand::Revoke { group, rules } => {
            let id = api.id(kind, &group)?;
            api.act(kind, &id, "removeNetworkSecurityGroupRules", json!({"ruleIds": rules}))?;
            done(format, &format!("security group {group}: {} rules removed", rules.len()));
        }
        SecurityGroupCommand::Rules { group } => {
            let mut group = api.show(kind, &api.id(kind, &group)?)?;
            let columns = [
                ("ID", "/ruleId"),
                ("DIRECTION (0 IN, 1 OUT)", "/direction"),
                ("PROTOCOL (300 ALL, 6 TCP)", "/protocol"),
                ("PREFIX", "/addressPrefix"),
                ("FROM", "/fromPort"),
                ("TO", "/toPort"),
            ];
            rules(format, &columns, group["securityGroupRules"].take());
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RuleAction {
    Allow,
    Deny,
}

#[derive(Subcommand)]
pub(crate) enum AclCommand {
    #[command(flatten)]
    Common(Common),
    /// Create one: without rules it drops everything at the border of its subnets
    Create {
        /// Name
        name: String,
        /// VPC, by name or id
        #[arg(long)]
        vpc: String,
    },
    /// Add a rule; replies need one of their own
    Add {
        /// Network ACL, by name or id
        acl: String,
        /// What to do with what matches
        #[arg(long, value_enum, default_value = "allow")]
        action: RuleAction,
        /// The smallest number that matches decides
        #[arg(long, default_value_t = 1000)]
        priority: u16,
        #[command(flatten)]
        what: Match,
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

pub(crate) fn acl(api: &Api, command: AclCommand, format: Format) -> Result<()> {
    match command {
        AclCommand::Common(command) => common(api, &ACL, command, format)?,
        AclCommand::Create { name, vpc } => {
            let vpc = api.id(&VPC, &vpc)?;
            create(api, &ACL, json!({"networkAclName": name, "vpcId": vpc}), format)?;
        }
        AclCommand::Add { acl, action, priority, what } => {
            let mut rules = what.rules()?;
            let (incoming, allow) = (what.direction == Direction::In, action == RuleAction::Allow);
            for rule in &mut rules {
                rule["direction"] = if incoming { "ingress" } else { "egress" }.into();
                rule["protocol"] = what.protocol.word().into();
                rule["ruleAction"] = if allow { "allow" } else { "deny" }.into();
                rule["priority"] = priority.into();
            }
            let id = api.id(&ACL, &acl)?;
            api.act(&ACL, &id, "addNetworkAclRules", json!({"networkAclRuleSpecs": rules}))?;
            done(format, &format!("network ACL {acl}: {}", added(&rules)));
        }
        AclCommand::Remove { acl, rules } => {
            let id = api.id(&ACL, &acl)?;
            api.act(&ACL, &id, "removeNetworkAclRules", json!({"ruleIds": rules}))?;
            done(format, &format!("network ACL {acl}: {} rules removed", rules.len()));
        }
        AclCommand::Rules { acl } => {
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
            ];
            rules(format, &columns, acl["networkAclRules"].take());
        }
        AclCommand::Attach { acl, subnets } => {
            let id = api.id(&ACL, &acl)?;
            let ids = api.ids(&SUBNET, &subnets)?;
            api.act(&ACL, &id, "associateNetworkAcl", json!({"subnetIds": ids}))?;
            done(format, &format!("network ACL {acl}: attached to {}", subnets.join(", ")));
        }
        AclCommand::Detach { acl, subnet } => {
            let id = api.id(&ACL, &acl)?;
            let subnet_id = api.id(&SUBNET, &subnet)?;
            api.act(&ACL, &id, "disassociateNetworkAcl", json!({"subnetId": subnet_id}))?;
            done(format, &format!("network ACL {acl}: detached from {subnet}"));
        }
    }
    Ok(())
}

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
pub(crate) enum EipCommand {
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
    },
}

pub(crate) fn eip(api: &Api, command: EipCommand, format: Format) -> Result<()> {
    match command {
        EipCommand::Common(command) => common(api, &EIP, command, format),
        EipCommand::Create { address, ip_version, mbps } => {
            let body = json!({
                "maxCount": 1,
                "elasticIpSpec": {"bandwidthMbps": mbps, "provider": "bgp"},
                "elasticIpAddress": address,
                "ipVersion": ip_version.map(IpVersion::number),
            });
            create(api, &EIP, body, format).map(drop)
        }
    }
}

fn added(rules: &[Value]) -> String {
    match rules {
        [_] => "rule added".to_owned(),
        rules => format!("{} rules added", rules.len()),
    }
}

fn rules(format: Format, columns: &[(&str, &str)], rules: Value) {
    match format {
        Format::Json => print::json(&rules),
        Format::Table => print::table(columns, rules.as_array().map(Vec::as_slice).unwrap_or_default()),
    }
}
