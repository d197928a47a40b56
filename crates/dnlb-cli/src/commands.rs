//! Commands of the API's clients: one module a kind of resources.

mod account;
mod acl;
mod ag;
mod backend;
mod declare;
mod eip;
mod flow;
mod health;
mod instance;
mod key;
mod lb;
mod listener;
mod metrics;
mod records;
mod rule;
mod sg;
mod status;
mod subnet;
mod target_group;
mod template;
mod user;
mod vpc;

pub(crate) use ag::scale;
pub(crate) use backend::{ag_info, ag_targets, set_ag_weights};
pub(crate) use target_group::targets;
pub(crate) use template::launch_script;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::{
    access::Access,
    api::Api,
    kind::Kind,
    print::{self, Format},
    wait::Waiting,
};

/// Everything that is done through the API.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Hosts, what they show, load balancers, health
    Status(status::Options),
    /// Write the whole region as a file
    Export(declare::Export),
    /// Show what a file would change; exit code 0: nothing, 1: something, 2: an error
    Diff(declare::Diff),
    /// Make the region what a file says
    Apply(declare::Apply),
    /// Virtual private clouds: isolated networks
    Vpc(Waited<vpc::Command>),
    /// Subnets: address blocks of a VPC
    Subnet(Waited<subnet::Command>),
    /// Security groups: stateful rules of instances
    Sg(Waited<sg::Command>),
    /// Network ACLs: stateless rules of subnets
    Acl(Waited<acl::Command>),
    /// Elastic IPs: public addresses
    Eip(Waited<eip::Command>),
    /// Instance templates: how to make an instance
    Template(Waited<template::Command>),
    /// Availability groups: instances spread over zones, racks and hosts
    Ag(Waited<ag::Command>),
    /// Instances
    Instance(Waited<instance::Command>),
    /// Load balancers
    Lb(Waited<lb::Command>),
    /// Listeners: protocol and port on a load balancer
    Listener(Waited<listener::Command>),
    /// Backend services: port, algorithm, health check and who serves
    Backend(Waited<backend::Command>),
    /// Target groups: hand-picked instances with port and weight
    TargetGroup(Waited<target_group::Command>),
    /// Health of every target of a backend service
    Health(health::Options),
    /// Where a flow would go
    #[command(subcommand)]
    Flow(flow::Command),
    /// What went by a load balancer, a listener, a target or a host
    Metrics(metrics::Options),
    /// Accounts, for who operates the region: resources belong to one and are seen by it alone
    #[command(subcommand)]
    Account(account::Command),
    /// Users of the account and what they may do
    #[command(subcommand)]
    User(user::Command),
    /// Access keys, by which programs sign for users
    #[command(subcommand)]
    Key(key::Command),
    /// Who changed what, newest first
    Audit(records::Options),
    /// What happened by itself, newest first
    Events(records::Options),
}

/// Commands that may wait for the hosts.
#[derive(Args)]
pub(crate) struct Waited<C: Subcommand> {
    #[command(flatten)]
    waiting: Waiting,
    #[command(subcommand)]
    command: C,
}

impl<C: Subcommand> Waited<C> {
    /// Runs the command, then waits if it changed something and that was asked for.
    fn run(self, api: Api, run: fn(&Api, C, Format) -> Result<()>, format: Format) -> Result<()> {
        let api = api.waiting(self.waiting.patience());
        run(&api, self.command, format)?;
        api.settle()
    }
}

/// What every kind of resources has.
#[derive(Subcommand)]
pub(crate) enum Common {
    /// List all
    List {
        /// Only those with this value, such as vpcId=vpc-1; several values of one name are alternatives.
        /// The error for an unknown name lists those that there are
        #[arg(long = "filter", value_name = "NAME=VALUE", value_parser = parse_pair)]
        filters: Vec<(String, String)>,
        /// No more than so many
        #[arg(long)]
        limit: Option<usize>,
    },
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

/// Runs a command of the API's clients; the exit code is for whoever called.
pub(crate) fn run(access: Access, command: Command, format: Format) -> Result<u8> {
    let api = Api::new(access);
    match command {
        Command::Status(options) => status::run(&api, &options, format),
        Command::Export(options) => declare::export(&api, &options, format),
        Command::Diff(options) => return Ok(declare::diff(&api, &options, format)),
        Command::Apply(options) => {
            let api = api.waiting(options.waiting.patience());
            declare::apply(&api, &options, format)
        }
        Command::Vpc(command) => command.run(api, vpc::run, format),
        Command::Subnet(command) => command.run(api, subnet::run, format),
        Command::Sg(command) => command.run(api, sg::run, format),
        Command::Acl(command) => command.run(api, acl::run, format),
        Command::Eip(command) => command.run(api, eip::run, format),
        Command::Template(command) => command.run(api, template::run, format),
        Command::Ag(command) => command.run(api, ag::run, format),
        Command::Instance(command) => command.run(api, instance::run, format),
        Command::Lb(command) => command.run(api, lb::run, format),
        Command::Listener(command) => command.run(api, listener::run, format),
        Command::Backend(command) => command.run(api, backend::run, format),
        Command::TargetGroup(command) => command.run(api, target_group::run, format),
        Command::Health(options) => health::run(&api, &options, format),
        Command::Flow(command) => flow::run(&api, command, format),
        Command::Metrics(options) => metrics::run(&api, &options, format),
        Command::Account(command) => account::run(&api, command, format),
        Command::User(command) => user::run(&api, command, format),
        Command::Key(command) => key::run(&api, command, format),
        Command::Audit(options) => records::audit(&api, &options, format),
        Command::Events(options) => records::events(&api, &options, format),
    }
    .map(|()| 0)
}

fn common(api: &Api, kind: &Kind, command: Common, format: Format) -> Result<()> {
    match command {
        Common::List { filters, limit } => {
            let filters: Vec<_> =
                filters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let found = api.list_some(kind, &filters, limit.unwrap_or(usize::MAX))?;
            show_all(api, kind, found, format)?;
        }
        Common::Show { name } => print::fields(format, &api.show(kind, &api.id(kind, &name)?)?),
        Common::Delete { names } => {
            let ids = api.ids(kind, &names)?;
            for (id, name) in ids.iter().zip(&names) {
                api.delete(kind, id).with_context(|| format!("deleting {} {name}", kind.word))?;
                done(format, &format!("{} {name} deleted", kind.word));
            }
        }
    }
    Ok(())
}

/// Creates a resource and prints it.
fn create(api: &Api, kind: &Kind, body: Value, format: Format) -> Result<()> {
    show_one(api, kind, api.create(kind, body)?, format)
}

/// Changes a resource and prints it.
fn update(api: &Api, kind: &Kind, name: &str, body: Value, format: Format) -> Result<()> {
    let id = api.id(kind, name)?;
    api.update(kind, &id, body)?;
    show_one(api, kind, api.show(kind, &id)?, format)
}

/// Prints resources; in a table, what they refer to has its name.
fn show_all(api: &Api, kind: &Kind, mut items: Vec<Value>, format: Format) -> Result<()> {
    if format == Format::Table {
        for (pointer, other) in kind.references {
            name_references(api, &mut items, pointer, other)?;
        }
    }
    print::resources(format, kind, &items);
    Ok(())
}

/// Prints one resource: as a row in which what it refers to has its name, or whole.
fn show_one(api: &Api, kind: &Kind, item: Value, format: Format) -> Result<()> {
    match format {
        Format::Table => show_all(api, kind, vec![item], format),
        Format::Json | Format::Yaml => {
            print::data(format, &item);
            Ok(())
        }
    }
}

/// Puts names of another kind in the place of their ids, if there are any.
fn name_references(api: &Api, items: &mut [Value], pointer: &str, other: &Kind) -> Result<()> {
    let says_something = |value: &Value| match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(ids) => !ids.is_empty(),
        _ => false,
    };
    if items.iter().any(|item| item.pointer(pointer).is_some_and(says_something)) {
        let names = names_by_id(other, &api.list(other, &[])?);
        items.iter_mut().filter_map(|item| item.pointer_mut(pointer)).for_each(|id| rename(id, &names));
    }
    Ok(())
}

/// Names that only one resource has; of others the id says more.
fn names_by_id(kind: &Kind, items: &[Value]) -> BTreeMap<String, String> {
    let text = |item: &Value, field: &str| item[field].as_str().unwrap_or_default().to_owned();
    let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for item in items {
        ids.entry(text(item, kind.name)).or_default().push(text(item, kind.id));
    }
    let alone = ids.into_iter().filter(|(name, ids)| !name.is_empty() && ids.len() == 1);
    alone.flat_map(|(name, ids)| ids.into_iter().map(move |id| (id, name.clone()))).collect()
}

fn rename(value: &mut Value, names: &BTreeMap<String, String>) {
    match value {
        Value::String(id) => {
            if let Some(name) = names.get(id) {
                id.clone_from(name);
            }
        }
        Value::Array(ids) => ids.iter_mut().for_each(|id| rename(id, names)),
        _ => {}
    }
}

/// The fields of a change that were given; no field at all is a mistake.
fn given<const N: usize>(fields: [(&str, Option<Value>); N]) -> Result<Value> {
    let given = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let body: serde_json::Map<_, _> = given.collect();
    ensure!(!body.is_empty(), "nothing to change was given: --help lists what can be");
    Ok(Value::Object(body))
}

/// Says that something without a result of its own was done.
fn done(format: Format, what: &str) {
    match format {
        Format::Json | Format::Yaml => print::item(format, &json!({"done": what})),
        Format::Table => print::text(what),
    }
}

/// Tells whoever sees a secret what programs that read it know already.
fn keep(format: Format) {
    if format == Format::Table {
        eprintln!("keep the secret: it is not shown again");
    }
}

/// New name and description, which most kinds of resources have.
#[derive(Args)]
pub(crate) struct Texts {
    /// New name
    #[arg(long = "name", value_name = "NAME")]
    new_name: Option<String>,
    /// New description
    #[arg(long)]
    description: Option<String>,
}

/// A switch.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    Off,
    On,
}

impl Switch {
    fn is_on(self) -> bool {
        self == Self::On
    }
}

/// `NAME=VALUE`.
fn parse_pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or("give NAME=VALUE".to_owned())
}

/// Pairs as the API takes tags and metadata.
fn pairs(pairs: &[(String, String)]) -> Value {
    pairs.iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
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

/// A text field of a reply.
fn text(item: &Value, field: &str) -> Result<String> {
    Ok(item[field].as_str().with_context(|| format!("a reply without {field}"))?.to_owned())
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

    #[test]
    fn pairs_have_a_name() {
        assert_eq!(parse_pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(parse_pair("a="), Ok(("a".to_owned(), String::new())));
        for wrong in ["a", "=b", ""] {
            assert!(parse_pair(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_table_has_names_where_they_say_which() {
        let items = [("vpc-1", "web"), ("vpc-2", "twin"), ("vpc-3", "twin")]
            .map(|(id, name)| json!({"vpcId": id, "vpcName": name}));
        let names = names_by_id(&crate::kind::VPC, &items);
        let mut value = json!(["vpc-1", "vpc-2", "vpc-4"]);
        rename(&mut value, &names);
        assert_eq!(value, json!(["web", "vpc-2", "vpc-4"]));
    }

    #[test]
    fn a_change_has_what_was_given_and_something() {
        let name = Some(Value::from("web"));
        assert_eq!(given([("a", name), ("b", None)]).unwrap(), json!({"a": "web"}));
        assert!(given([("a", None)]).is_err());
    }
}
