//! Accounts: for who operates the region.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use super::{Common, Switch, Texts, common, given, keep, update};
use crate::{
    api::Api,
    kind::ACCOUNT,
    print::{self, Format},
    secret,
};

#[derive(Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Common(Common),
    /// Create one with its first administrator, whose access key is shown this once
    Create {
        /// Name
        name: String,
        /// Name of the administrator
        #[arg(long, default_value = "admin")]
        admin: String,
        /// Give the administrator a password as well: it is asked for, or read from the standard input
        #[arg(long)]
        password: bool,
        /// Description
        #[arg(long)]
        description: Option<String>,
    },
    /// Change one; disabled, nobody of it is let in
    Update {
        /// Name or id
        name: String,
        #[command(flatten)]
        texts: Texts,
        /// Whether its users are let in
        #[arg(long, value_enum)]
        enabled: Option<Switch>,
    },
}

pub(crate) fn run(api: &Api, command: Command, format: Format) -> Result<()> {
    match command {
        Command::Common(command) => common(api, &ACCOUNT, command, format),
        Command::Create { name, admin, password, description } => {
            let password = password.then(|| secret::ask_new("password")).transpose()?;
            let body = json!({
                "accountName": name,
                "adminName": admin,
                "adminPassword": password,
                "description": description,
            });
            let made = api.post(ACCOUNT.service, ACCOUNT.path, body)?;
            print::fields(format, &made);
            keep(format);
            Ok(())
        }
        Command::Update { name, texts, enabled } => {
            let body = given([
                ("accountName", texts.new_name.map(Value::from)),
                ("description", texts.description.map(Value::from)),
                ("enabled", enabled.map(|switch| switch.is_on().into())),
            ])?;
            update(api, &ACCOUNT, &name, body, format)
        }
    }
}
