//! Commands of the API's clients: one module a group of resources.

mod balancing;
mod compute;
mod network;
mod status;

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::{
    api::Api,
    kind::Kind,
    print::{self, Format},
};

/// Everything that is done through the API.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Hosts, what they show, load balancers, health
    Status {
        /// Return when every host that is up shows the present configuration
        #[arg(long)]
        wait: bool,
    },
    /// Virtual private clouds: isolated networks
    #[command(subcommand)]
    Vpc(network::VpcCommand),
    /// Subnets: address blocks of a VPC
    #[command(subcommand)]
    Subnet(network::SubnetCommand),
    /// Security groups: stateful rules of instances
    #[command(subcommand)]
    Sg(network::SecurityGroupCommand),
    /// Network ACLs: stateless rules of subnets
    #[command(subcommand)]
    Acl(network::AclCommand),
    /// Elastic IPs: public addresses
    #[command(subcommand)]
    Eip(network::EipCommand),
    /// Instance templates: how to make an instance
    #[command(subcommand)]
    Template(compute::TemplateCommand),
    /// Availability groups: instances spread over zones, racks and hosts
    #[command(subcommand)]
    Ag(compute::AgCommand),
    /// Instances
    #[command(subcommand)]
    Instance(compute::InstanceCommand),
    /// Load balancers
    #[command(subcommand)]
    Lb(balancing::LbCommand),
    /// Listeners: protocol and port on a load balancer
    #[command(subcommand)]
    Listener(balancing::ListenerCommand),
    /// Backend services: port, algorithm, health check and who serves
    #[command(subcommand)]
    Backend(balancing::BackendCommand),
    /// Target groups: hand-picked instances with port and weight
    #[command(subcommand)]
    TargetGroup(balancing::TargetGroupCommand),
    /// Health of every target of a backend service
    Health(balancing::HealthOptions),
}

/// What every kind of resources has.
#[derive(Subcommand)]
pub(crate) enum Common {
    /// List all
    List,
    /// Show one with all its fields
    Show {
        /// Name or id
        name: String,
    },
    /// Delete one or several; refused while something uses it
    Delete {
        /// Names or ids
        #[arg(required = true)]
        names: Vec<String>,
    },
}

/// Runs a command of the API's clients.
pub(crate) fn run(api: &Api, command: Command, format: Format) -> Result<()> {
    match command {
        Command::Status { wait } => status::run(api, wait, format),
        Command::Vpc(command) => network::vpc(api, command, format),
        Command::Subnet(command) => network::subnet(api, command, format),
        Command::Sg(command) => network::security_group(api, command, format),
        Command::Acl(command) => network::acl(api, command, format),
        Command::Eip(command) => network::eip(api, command, format),
        Command::Template(command) => compute::template(api, command, format),
        Command::Ag(command) => compute::ag(api, command, format),
        Command::Instance(command) => compute::instance(api, command, format),
        Command::Lb(command) => balancing::lb(api, command, format),
        Command::Listener(command) => balancing::listener(api, command, format),
        Command::Backend(command) => balancing::backend(api, command, format),
        Command::TargetGroup(command) => balancing::target_group(api, command, format),
        Command::Health(options) => balancing::health(api, &options, format),
    }
}

fn common(api: &Api, kind: &Kind, command: Common, format: Format) -> Result<()> {
    match command {
        Common::List => print::resources(format, kind, &api.list(kind, &[])?),
        Common::Show { name } => print::fields(format, &api.show(kind, &api.id(kind, &name)?)?),
        Common::Delete { names } => {
            let ids = api.ids(kind, &names)?;
            for (id, name) in ids.iter().zip(&names) {
                api.delete(kind, id)?;
                done(format, &format!("{} {name} deleted", kind.word));
            }
        }
    }
    Ok(())
}

/// Creates a resource and prints it.
fn create(api: &Api, kind: &Kind, body: Value, format: Format) -> Result<Value> {
    let made = api.create(kind, body)?;
    print::resource(format, kind, &made);
    Ok(made)
}

/// Says that something without a result of its own was done.
fn done(format: Format, what: &str) {
    match format {
        Format::Json => print::json(&json!({"done": what})),
        Format::Table => print::text(what),
    }
}

/// A range of ports, such as `80` or `8000-8080`.
fn parse_ports(text: &str) -> Result<(u16, u16), String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| {
        text.parse::<u16>().ok().filter(|port| *port > 0).ok_or(format!("`{text}` is no port, 1 to 65535"))
    };
    let ports = (port(first)?, port(last)?);
    if ports.0 <= ports.1 { Ok(ports) } else { Err(format!("`{text}` ends before it begins")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_one_or_a_range() {
        assert_eq!(parse_ports("80"), Ok((80, 80)));
        assert_eq!(parse_ports("1024-65535"), Ok((1024, 65535)));
        for wrong in ["0", "65536", "9-1", "a", ""] {
            assert!(parse_ports(wrong).is_err(), "{wrong}");
        }
    }
}
