//! Users of an account.

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{Common, Switch, Texts, common, create, done, given, text, update};
use crate::{
    api::Api,
    kind::USER,
    print::{self, Format},
    secret,
};

/// What a user may do.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Everything, also change users and their keys
    Admin,
    /// Change resources
    Operator,
    /// Look
    Viewer,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Self::Admin => "Admin",
            Self::Operator => "Operator",
            Self::Viewer => "Viewer",
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Common(Common),
    /// Create one; `dnlb key create --user` makes its access key
    Create {
        /// Name
        name: String,
        /// What it may do
        #[arg(long, value_enum)]
        role: Role,
        /// Give it a password as well: it is asked for, or read from the standard input
        #[arg(long)]
        password: bool,
        /// Description
        #[arg(long)]
        description: Option<String>,
    },
    /// Change one
    Update {
        /// Name or id
        name: String,
        #[command(flatten)]
        texts: Texts,
        /// What it may do
        #[arg(long, value_enum)]
        role: Option<Role>,
        /// Whether it is let in
        #[arg(long, value_enum)]
        enabled: Option<Switch>,
        /// Give it another password: it is asked for, or read from the standard input
        #[arg(long)]
        password: bool,
    },
    /// Change one's own password: the old one is asked for, then the new one, or two lines are read from the standard input
    ChangePassword,
    /// Show who one is
    Me,
}

pub(crate) fn run(api: &Api, command: Command, format: Format) -> Result<()> {
    match command {
        Command::Common(command) => common(api, &USER, command, format),
        Command::Create { name, role, password, description } => {
            let password = password.then(|| secret::ask_new("password")).transpose()?;
            let body = json!({
                "userName": name,
                "role": role.word(),
                "password": password,
                "description": description,
            });
            create(api, &USER, body, format)
        }
        Command::Update { name, texts, role, enabled, password } => {
            let password = password.then(|| secret::ask_new("password")).transpose()?;
            let body = given([
                ("userName", texts.new_name.map(Value::from)),
                ("description", texts.description.map(Value::from)),
                ("role", role.map(|role| role.word().into())),
                ("enabled", enabled.map(|switch| switch.is_on().into())),
                ("password", password.map(Value::from)),
            ])?;
            update(api, &USER, &name, body, format)
        }
        Command::ChangePassword => {
            let id = text(&caller(api)?, "userId")?;
            let old = secret::ask("old password")?;
            let new = secret::ask_new("new password")?;
            api.act(&USER, &id, "changePassword", json!({"oldPassword": old, "newPassword": new}))?;
            done(format, "password changed: other sessions have ended");
            Ok(())
        }
        Command::Me => {
            print::fields(format, &caller(api)?);
            Ok(())
        }
    }
}

fn caller(api: &Api) -> Result<Value> {
    Ok(api.get("dnlb", "sessions/current")?["caller"].take())
}
