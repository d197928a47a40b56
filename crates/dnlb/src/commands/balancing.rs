//! Load balancers, listeners, backend services, target groups, health.

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{Common, common, create, done};
use crate::{
    api::{Api, PATIENCE, wait_until},
    kind::{AG, BACKEND, EIP, INSTANCE, LISTENER, LOAD_BALANCER, SUBNET, TARGET_GROUP},
    print::{self, Format},
};

#[derive(Subcommand)]
pub(crate) enum LbCommand {
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

pub(crate) fn lb(api: &Api, command: LbCommand, format: Format) -> Result<()> {
    match command {
        LbCommand::Common(command) => common(api, &LOAD_BALANCER, command, format),
        LbCommand::Create { name, subnet, vip, delete_protection } => {
            let body = json!({
                "loadBalancerName": name,
                "subnetId": api.id(&SUBNET, &subnet)?,
                "type": "dnlb",
                "privateIpAddress": vip,
                "deleteProtection": delete_protection,
            });
            create(api, &LOAD_BALANCER, body, format).map(drop)
        }
        LbCommand::AssociateEip { lb, eip } => associate(api, &lb, &eip, "associateElasticIp", format),
        LbCommand::DisassociateEip { lb, eip } => associate(api, &lb, &eip, "disassociateElasticIp", format),
    }
}

fn associate(api: &Api, lb: &str, eip: &str, action: &str, format: Format) -> Result<()> {
    let id = api.id(&LOAD_BALANCER, lb)?;
    let eip = api.id(&EIP, eip)?;
    api.act(&LOAD_BALANCER, &id, action, json!({"elasticIpId": eip}))?;
    print::resource(format, &LOAD_BALANCER, &api.show(&LOAD_BALANCER, &id)?);
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    fn word(self) -> &'static str {
        match self {
            Self::Tcp => "Tcp",
            Self::Udp => "Udp",
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum ListenerCommand {
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
        /// Port on the VIP and on the elastic IP
        #[arg(long)]
        port: u32,
        /// Backend service, by name or id
        #[arg(long)]
        backend: String,
        /// Seconds after which a flow without packets is forgotten, 10 to 86400 (default: 1800 for tcp, 300 for udp)
        #[arg(long)]
        idle_time: Option<u32>,
        /// Return when every host applies it
        #[arg(long)]
        wait: bool,
    },
    /// Change one
    Update {
        /// Name or id
        name: String,
        /// Backend service, by name or id, for new connections
        #[arg(long)]
        backend: Option<String>,
        /// Seconds after which a flow without packets is forgotten, 10 to 86400
        #[arg(long)]
        idle_time: Option<u32>,
    },
    /// Switch one on
    On {
        /// Name or id
        name: String,
    },
    /// Switch one off
    Off {
        /// Name or id
        name: String,
    },
}

pub(crate) fn listener(api: &Api, command: ListenerCommand, format: Format) -> Result<()> {
    match command {
        ListenerCommand::Common(command) => common(api, &LISTENER, command, format),
        ListenerCommand::Create { name, lb, protocol, port, backend, idle_time, wait } => {
            let body = json!({
                "listenerName": name,
                "loadBalancerId": api.id(&LOAD_BALANCER, &lb)?,
                "protocol": protocol.word(),
                "port": port,
                "backendId": api.id(&BACKEND, &backend)?,
                "connectionIdleTimeSeconds": idle_time,
            });
            create(api, &LISTENER, body, format)?;
            if wait { api.wait_converged() } else { Ok(()) }
        }
        ListenerCommand::Update { name, backend, idle_time } => {
            let id = api.id(&LISTENER, &name)?;
            let mut body = json!({});
            if let Some(backend) = backend {
                body["backendId"] = api.id(&BACKEND, &backend)?.into();
            }
            if let Some(seconds) = idle_time {
                body["connectionIdleTimeSeconds"] = seconds.into();
            }
            ensure!(body != json!({}), "nothing to change was given");
            api.update(&LISTENER, &id, body)?;
            print::resource(format, &LISTENER, &api.show(&LISTENER, &id)?);
            Ok(())
        }
        ListenerCommand::On { name } => switch(api, &name, "On", format),
        ListenerCommand::Off { name } => switch(api, &name, "Off", format),
    }
}

fn switch(api: &Api, name: &str, status: &str, format: Format) -> Result<()> {
    let id = api.id(&LISTENER, name)?;
    api.update(&LISTENER, &id, json!({"status": status}))?;
    print::resource(format, &LISTENER, &api.show(&LISTENER, &id)?);
    Ok(())
}

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
    /// How: by connecting, or, for datagrams and by default then, by a ping
    #[arg(long, value_enum)]
    check_protocol: Option<CheckProtocol>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckProtocol {
    Icmp,
    Tcp,
}

impl CheckProtocol {
    fn word(self) -> &'static str {
        match self {
            Self::Icmp => "Icmp",
            Self::Tcp => "Tcp",
        }
    }
}

impl Check {
    fn fields(&self) -> Value {
        json!({
            "protocol": self.check_protocol.map(CheckProtocol::word),
            "intervalSeconds": self.check_interval,
            "checkTimeoutSeconds": self.check_timeout,
            "healthyThresholdCount": self.healthy_after,
            "unhealthyThresholdCount": self.unhealthy_after,
            "port": self.check_port,
        })
    }

    fn says_something(&self) -> bool {
        self.check_protocol.is_some()
            || [
                self.check_interval,
                self.check_timeout,
                self.healthy_after,
                self.unhealthy_after,
                self.check_port,
            ]
            .iter()
            .any(Option::is_some)
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
    fn add_to(&self, api: &Api, body: &mut Value) -> Result<()> {
        if let Some(ag) = &self.ag {
            body["agIds"] = json!([api.id(&AG, ag)?]);
        }
        if let Some(group) = &self.target_group {
            body["targetGroupIds"] = json!([api.id(&TARGET_GROUP, group)?]);
        }
        Ok(())
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
pub(crate) enum BackendCommand {
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
        #[command(flatten)]
        check: Check,
        /// Seconds for which an instance that leaves keeps its connections, 0 to 3600 (default: 300)
        #[arg(long)]
        draining: Option<u32>,
        /// What happens to new connections while no member is fit to take them (default: reset)
        #[arg(long, value_enum)]
        without_member: Option<WithoutMember>,
    },
    /// Change one
    Update {
        /// Name or id
        name: String,
        /// How a connection chooses its member
        #[arg(long, value_enum)]
        algorithm: Option<Algorithm>,
        #[command(flatten)]
        group: Group,
        #[command(flatten)]
        check: Check,
        /// Seconds for which an instance that leaves keeps its connections, 0 to 3600
        #[arg(long)]
        draining: Option<u32>,
        /// What happens to new connections while no member is fit to take them
        #[arg(long, value_enum)]
        without_member: Option<WithoutMember>,
    },
}

pub(crate) fn backend(api: &Api, command: BackendCommand, format: Format) -> Result<()> {
    match command {
        BackendCommand::Common(command) => common(api, &BACKEND, command, format),
        BackendCommand::Create {
            name,
            lb,
            protocol,
            port,
            algorithm,
            group,
            check,
            draining,
            without_member,
        } => {
            let usual = if protocol == Protocol::Udp { CheckProtocol::Icmp } else { CheckProtocol::Tcp };
            let check = Check { check_protocol: check.check_protocol.or(Some(usual)), ..check };
            let mut body = json!({
                "backendName": name,
                "loadBalancerId": api.id(&LOAD_BALANCER, &lb)?,
                "protocol": protocol.word(),
                "port": port,
                "algorithm": algorithm.word(),
                "healthCheckSpec": check.fields(),
                "connectionDrainingSeconds": draining,
                "withoutMember": without_member.map(WithoutMember::word),
            });
            group.add_to(api, &mut body)?;
            create(api, &BACKEND, body, format).map(drop)
        }
        BackendCommand::Update { name, algorithm, group, check, draining, without_member } => {
            let id = api.id(&BACKEND, &name)?;
            let mut body = json!({});
            if let Some(algorithm) = algorithm {
                body["algorithm"] = algorithm.word().into();
            }
            if check.says_something() {
                body["healthCheckSpec"] = check.fields();
            }
            if let Some(choice) = without_member {
                body["withoutMember"] = choice.word().into();
            }
            if let Some(seconds) = draining {
                body["connectionDrainingSeconds"] = seconds.into();
            }
            group.add_to(api, &mut body)?;
            ensure!(body != json!({}), "nothing to change was given");
            api.update(&BACKEND, &id, body)?;
            print::resource(format, &BACKEND, &api.show(&BACKEND, &id)?);
            Ok(())
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum TargetGroupCommand {
    #[command(flatten)]
    Common(Common),
    /// Create one
    Create {
        /// Name
        name: String,
        /// Load balancer, by name or id
        #[arg(long)]
        lb: String,
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

pub(crate) fn target_group(api: &Api, command: TargetGroupCommand, format: Format) -> Result<()> {
    match command {
        TargetGroupCommand::Common(command) => common(api, &TARGET_GROUP, command, format),
        TargetGroupCommand::Create { name, lb } => {
            let body = json!({"targetGroupName": name, "loadBalancerId": api.id(&LOAD_BALANCER, &lb)?});
            create(api, &TARGET_GROUP, body, format).map(drop)
        }
        TargetGroupCommand::Register { group, instance, port, weight } => {
            let id = api.id(&TARGET_GROUP, &group)?;
            let instance = api.id(&INSTANCE, &instance)?;
            let target = json!({"instanceId": instance, "port": port, "weight": weight});
            api.act(&TARGET_GROUP, &id, "registerTargets", json!({"targetSpecs": [target]}))?;
            show_targets(api, &id, format)
        }
        TargetGroupCommand::SetTarget { group, instance, port, weight } => {
            let id = api.id(&TARGET_GROUP, &group)?;
            let mut change = json!({"targetId": target(api, &id, &instance)?});
            for (name, value) in [("port", port), ("weight", weight)] {
                if let Some(value) = value {
                    change[name] = value.into();
                }
            }
            api.act(&TARGET_GROUP, &id, "updateTargets", json!({"targetUpdateSpecs": [change]}))?;
            show_targets(api, &id, format)
        }
        TargetGroupCommand::Deregister { group, instance } => {
            let id = api.id(&TARGET_GROUP, &group)?;
            let target = target(api, &id, &instance)?;
            api.act(&TARGET_GROUP, &id, "deregisterTargets", json!({"targetIds": [target]}))?;
            done(format, &format!("target group {group}: {instance} taken out"));
            Ok(())
        }
        TargetGroupCommand::Targets { group } => show_targets(api, &api.id(&TARGET_GROUP, &group)?, format),
    }
}

fn targets(api: &Api, group: &str) -> Result<Vec<Value>> {
    let query = [("pageSize".to_owned(), "100".to_owned())];
    let mut reply = api.call("lb", "GET", &format!("targetGroups/{group}:describeTargets"), &query, None)?;
    Ok(reply["targets"].as_array_mut().map(std::mem::take).unwrap_or_default())
}

/// Id of the target that an instance is in a group.
fn target(api: &Api, group: &str, instance: &str) -> Result<String> {
    let id = api.id(&INSTANCE, instance)?;
    let targets = targets(api, group)?;
    let target = targets.iter().find(|target| target["instanceId"] == id.as_str());
    let target = target.with_context(|| format!("instance {instance} is not in this target group"))?;
    Ok(target["targetId"].as_str().context("a target without an id")?.to_owned())
}

fn show_targets(api: &Api, group: &str, format: Format) -> Result<()> {
    let targets = targets(api, group)?;
    match format {
        Format::Json => print::json(&Value::Array(targets)),
        Format::Table => print::table(
            &[
                ("ID", "/targetId"),
                ("INSTANCE", "/instanceId"),
                ("ADDRESS", "/privateIpAddress"),
                ("PORT", "/port"),
                ("WEIGHT", "/weight"),
            ],
            &targets,
        ),
    }
    Ok(())
}

#[derive(Args)]
pub(crate) struct HealthOptions {
    /// Backend service, by name or id
    backend: String,
    /// Return when so many targets are healthy
    #[arg(long)]
    wait: Option<usize>,
}

pub(crate) fn health(api: &Api, options: &HealthOptions, format: Format) -> Result<()> {
    let id = api.id(&BACKEND, &options.backend)?;
    let look = || -> Result<Vec<Value>> {
        let mut reply = api.get("lb", &format!("backends/{id}/health"))?;
        Ok(reply["targetHealths"].as_array_mut().map(std::mem::take).unwrap_or_default())
    };
    let mut targets = look()?;
    if let Some(wanted) = options.wait {
        let healthy =
            |targets: &[Value]| targets.iter().filter(|target| target["status"] == "healthy").count();
        wait_until(PATIENCE, || {
            targets = look()?;
            Ok(healthy(&targets) == wanted)
        })
        .with_context(|| {
            format!("waiting until {wanted} targets are healthy: {}", Value::from(look().unwrap_or_default()))
        })?;
        // Health decides who gets new connections only once the hosts know it.
        api.wait_converged()?;
    }
    match format {
        Format::Json => print::json(&Value::Array(targets)),
        Format::Table => print::table(
            &[
                ("INSTANCE", "/instanceId"),
                ("ADDRESS", "/ipAddress"),
                ("PORT", "/port"),
                ("WEIGHT", "/weight"),
                ("STATUS", "/status"),
                ("REASON", "/unhealthReason/detail"),
            ],
            &targets,
        ),
    }
    Ok(())
}
