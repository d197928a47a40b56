//! Backend services.

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{
    Common, Switch, Texts, common, create, given, listener::Protocol, name_references, target_group, update,
};
use crate::{
    api::Api,
    kind::{AG, BACKEND, INSTANCE, LOAD_BALANCER, TARGET_GROUP},
    print::{self, Format},
};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Algorithm {
    /// By source address
    IpHash,
    /// By five-tuple
    QuintupleHash,
}

impl Algorithm {
    fn word(self) -> &'static str {
        match self {
            Self::IpHash => "IpHash",
            Self::QuintupleHash => "QuintupleHash",
        }
    }
}

/// How targets are checked; what is left out has the API's default.
#[derive(Args)]
pub(crate) struct Check {
    /// Seconds between checks
    #[arg(long)]
    check_interval: Option<u32>,
    /// Seconds to wait for an answer
    #[arg(long)]
    check_timeout: Option<u32>,
    /// Successes in a row that make a target healthy
    #[arg(long)]
    healthy_after: Option<u32>,
    /// Failures in a row that make a target unhealthy
    #[arg(long)]
    unhealthy_after: Option<u32>,
    /// Port; 0: where the target takes traffic
    #[arg(long)]
    check_port: Option<u32>,
    /// How: by connecting, by a request over HTTP, or, for datagrams and by default then, by a ping
    #[arg(long, value_enum)]
    check_protocol: Option<CheckProtocol>,
    /// Of http: what is asked for (default: /)
    #[arg(long, value_name = "PATH")]
    check_path: Option<String>,
    /// Of http: what the request names as Host; '' for the target's address (default)
    #[arg(long, value_name = "DOMAIN")]
    check_domain: Option<String>,
    /// Of http: codes of good replies, such as 200,201-205,3xx (default: 2xx,3xx)
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    check_codes: Option<Vec<String>>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckProtocol {
    Http,
    Icmp,
    Tcp,
}

impl CheckProtocol {
    fn word(self) -> &'static str {
        match self {
            Self::Http => "Http",
            Self::Icmp => "Icmp",
            Self::Tcp => "Tcp",
        }
    }
}

impl Check {
    /// What was said of checks, if anything.
    fn fields(self) -> Option<Value> {
        given([
            ("protocol", self.check_protocol.map(|protocol| protocol.word().into())),
            ("intervalSeconds", self.check_interval.map(Value::from)),
            ("checkTimeoutSeconds", self.check_timeout.map(Value::from)),
            ("healthyThresholdCount", self.healthy_after.map(Value::from)),
            ("unhealthyThresholdCount", self.unhealthy_after.map(Value::from)),
            ("port", self.check_port.map(Value::from)),
            ("httpPath", self.check_path.map(Value::from)),
            ("httpDomain", self.check_domain.map(Value::from)),
            ("httpCode", self.check_codes.map(Value::from)),
        ])
        .ok()
    }
}

/// Who serves.
#[derive(Args)]
#[group(multiple = false)]
pub(crate) struct Group {
    /// Availability group, by name or id
    #[arg(long)]
    ag: Option<String>,
    /// Target group, by name or id
    #[arg(long)]
    target_group: Option<String>,
}

impl Group {
    /// The lists of groups that the API takes, each if something is said of it.
    fn ids(&self, api: &Api) -> Result<(Option<Value>, Option<Value>)> {
        let ag = self.ag.as_ref().map(|ag| api.id(&AG, ag)).transpose()?;
        let targets = self.target_group.as_ref().map(|group| api.id(&TARGET_GROUP, group)).transpose()?;
        Ok((ag.map(|id| json!([id])), targets.map(|id| json!([id]))))
    }
}

/// What happens to new connections while no member is fit to take them.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WithoutMember {
    /// They are refused at once
    Reset,
    /// They are dropped
    Drop,
    /// All targets that run take them, whatever their checks say
    FailOpen,
}

impl WithoutMember {
    fn word(self) -> &'static str {
        match self {
            Self::Reset => "Reset",
            Self::Drop => "Drop",
            Self::FailOpen => "FailOpen",
        }
    }
}

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
        /// Protocol
        #[arg(long, value_enum, default_value = "tcp")]
        protocol: Protocol,
        /// Port of its members
        #[arg(long)]
        port: u32,
        /// How a connection chooses its member
        #[arg(long, value_enum, default_value = "ip-hash")]
        algorithm: Algorithm,
        #[command(flatten)]
        group: Group,
        /// Weight of the availability group's members that have none of their own, 1 to 100 (default: 10)
        #[arg(long, requires = "ag")]
        member_weight: Option<u32>,
        #[command(flatten)]
        check: Check,
        /// Seconds for which an instance that leaves keeps its connections, 0 to 3600 (default: 300)
        #[arg(long)]
        draining: Option<u32>,
        /// What happens to new connections while no member is fit to take them (default: reset)
        #[arg(long, value_enum)]
        without_member: Option<WithoutMember>,
        /// Description
        #[arg(long)]
        description: Option<String>,
    },
    /// Change one; protocol and port cannot change
    Update {
        /// Name or id
        name: String,
        #[command(flatten)]
        texts: Texts,
        /// How a connection chooses its member
        #[arg(long, value_enum)]
        algorithm: Option<Algorithm>,
        #[command(flatten)]
        group: Group,
        /// Let go of its group: nobody serves then
        #[arg(long, conflicts_with_all = ["ag", "target_group"])]
        no_group: bool,
        /// Weight of the availability group's members that have none of their own, 1 to 100
        #[arg(long, conflicts_with_all = ["no_group", "target_group"])]
        member_weight: Option<u32>,
        /// Whether targets are checked at all; without checks all that run take traffic
        #[arg(long, value_enum)]
        checks: Option<Switch>,
        #[command(flatten)]
        check: Check,
        /// Seconds for which an instance that leaves keeps its connections, 0 to 3600
        #[arg(long)]
        draining: Option<u32>,
        /// What happens to new connections while no member is fit to take them
        #[arg(long, value_enum)]
        without_member: Option<WithoutMember>,
    },
    /// Give a member of its availability group a weight of its own
    SetTarget {
        /// Backend service, by name or id
        name: String,
        /// Instance, by name or id
        #[arg(long)]
        instance: String,
        /// Weight, 1 to 100
        #[arg(long)]
        weight: u32,
    },
    /// How its rows are divided among its targets: a flow's hash chooses a row, and the row a target
    Rows {
        /// Backend service, by name or id
        name: String,
    },
    /// List the members of its availability group and their weights
    Targets {
        /// Backend service, by name or id
        name: String,
    },
}

pub(crate) fn run(api: &Api, command: Command, format: Format) -> Result<()> {
    let kind = &BACKEND;
    match command {
        Command::Common(command) => common(api, kind, command, format),
        Command::Create {
            name,
            lb,
            protocol,
            port,
            algorithm,
            group,
            member_weight,
            check,
            draining,
            without_member,
            description,
        } => {
            let usual = if protocol == Protocol::Udp { CheckProtocol::Icmp } else { CheckProtocol::Tcp };
            let check = Check { check_protocol: check.check_protocol.or(Some(usual)), ..check };
            let (ags, target_groups) = group.ids(api)?;
            let info = member_weight.zip(ags.as_ref()).map(|(weight, ags)| ag_info(&ags[0], &weight.into()));
            let body = json!({
                "backendName": name,
                "loadBalancerId": api.id(&LOAD_BALANCER, &lb)?,
                "protocol": protocol.word(),
                "port": port,
                "algorithm": algorithm.word(),
                "healthCheckSpec": check.fields(),
                "connectionDrainingSeconds": draining,
                "withoutMember": without_member.map(WithoutMember::word),
                "agIds": ags,
                "agInfoSpec": info,
                "targetGroupIds": target_groups,
                "description": description,
            });
            create(api, kind, body, format)
        }
        Command::Update {
            name,
            texts,
            algorithm,
            group,
            no_group,
            member_weight,
            checks,
            check,
            draining,
            without_member,
        } => {
            let (ags, target_groups) = group.ids(api)?;
            let info = match (member_weight, &ags) {
                (None, _) => None,
                (Some(weight), Some(ags)) => Some(ag_info(&ags[0], &weight.into())),
                (Some(weight), None) => {
                    let backend = api.find(kind, &name)?;
                    let ag = backend["agIds"].get(0);
                    let nobody =
                        || format!("backend service {name} has no availability group: --ag gives it one");
                    Some(ag_info(ag.with_context(nobody)?, &weight.into()))
                }
            };
            let body = given([
                ("backendName", texts.new_name.map(Value::from)),
                ("description", texts.description.map(Value::from)),
                ("algorithm", algorithm.map(|algorithm| algorithm.word().into())),
                ("healthCheckSpec", check.fields()),
                ("closeHealthCheck", checks.map(|checks| (!checks.is_on()).into())),
                ("connectionDrainingSeconds", draining.map(Value::from)),
                ("withoutMember", without_member.map(|choice| choice.word().into())),
                ("agIds", ags.or(no_group.then(|| json!([])))),
                ("agInfoSpec", info),
                ("targetGroupIds", target_groups),
            ])?;
            update(api, kind, &name, body, format)
        }
        Command::SetTarget { name, instance, weight } => {
            let id = api.id(kind, &name)?;
            let instance_id = api.id(&INSTANCE, &instance)?;
            let targets = ag_targets(api, &id)?;
            let target = targets.iter().find(|target| target["instanceId"] == instance_id.as_str());
            let target =
                target.with_context(|| format!("instance {instance} is not in its availability group"))?;
            set_ag_weights(api, &id, &[json!({"targetId": target["targetId"], "weight": weight})])?;
            show_targets(api, &id, format)
        }
        Command::Rows { name } => show_rows(api, &api.id(kind, &name)?, format),
        Command::Targets { name } => show_targets(api, &api.id(kind, &name)?, format),
    }
}

/// An availability group and the weight of its members.
pub(crate) fn ag_info(ag: &Value, weight: &Value) -> Value {
    json!({"agId": ag, "defaultWeight": weight})
}

/// All members of the availability group of a backend service, as its targets.
pub(crate) fn ag_targets(api: &Api, backend: &str) -> Result<Vec<Value>> {
    api.pages(BACKEND.service, &format!("backends/{backend}/agTargets"), "agTargets", &[], usize::MAX)
}

/// Gives some of them weights, all or none.
pub(crate) fn set_ag_weights(api: &Api, backend: &str, changes: &[Value]) -> Result<()> {
    let body = json!({"targetUpdateSpecs": changes});
    api.patch(BACKEND.service, &format!("backends/{backend}:updateAgTargets"), body).map(drop)
}

fn show_targets(api: &Api, backend: &str, format: Format) -> Result<()> {
    target_group::show(api, ag_targets(api, backend)?, format)
}

fn show_rows(api: &Api, backend: &str, format: Format) -> Result<()> {
    let mut reply = api.get(BACKEND.service, &format!("backends/{backend}/rowDistribution"))?;
    let mut distribution = reply["rowDistribution"].take();
    if format != Format::Table {
        print::data(format, &distribution);
        return Ok(());
    }
    let rows = distribution["rows"].as_i64().unwrap_or_default();
    let mut targets = distribution["targets"].as_array_mut().map(std::mem::take).unwrap_or_default();
    for target in &mut targets {
        target["name"] = target["instanceId"].clone();
        target["wanted"] = format!("{:.1}", target["wantedRows"].as_f64().unwrap_or_default()).into();
        target["share"] = share(target["rows"].as_i64().unwrap_or_default(), rows).into();
    }
    name_references(api, &mut targets, "/name", &INSTANCE)?;
    print::table(
        &[
            ("INSTANCE", "/instanceId"),
            ("NAME", "/name"),
            ("WEIGHT", "/weight"),
            ("STATUS", "/status"),
            ("ROWS", "/rows"),
            ("WANTED", "/wanted"),
            ("SHARE", "/share"),
        ],
        &targets,
    );
    Ok(())
}

/// A part of all rows, in percent.
fn share(part: i64, all: i64) -> String {
    format!("{:.1} %", 100.0 * part as f64 / all.max(1) as f64)
}
