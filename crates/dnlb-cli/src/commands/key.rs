//! Access keys.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use super::{Switch, done, given, keep, show_all};
use crate::{
    api::Api,
    kind::{ACCESS_KEY, USER},
    print::{self, Format},
};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List those of the account
    List {
        /// Only those of this user, by name or id
        #[arg(long)]
        user: Option<String>,
    },
    /// Create one; its secret is shown this once
    Create {
        /// User, by name or id; without it one's own
        #[arg(long)]
        user: Option<String>,
        /// Description
        #[arg(long)]
        description: Option<String>,
    },
    /// Change one; disabled, it is not accepted
    Update {
        /// The key
        key: String,
        /// New description
        #[arg(long)]
        description: Option<String>,
        /// Whether it is accepted
        #[arg(long, value_enum)]
        enabled: Option<Switch>,
    },
    /// Make a new one in its place, whose secret is shown this once
    Rotate {
        /// The key
        key: String,
        /// Seconds for which the former one is accepted beside it
        #[arg(long)]
        grace: Option<u32>,
    },
    /// Delete some
    Delete {
        /// The keys
        #[arg(required = true)]
        keys: Vec<String>,
    },
}

pub(crate) fn run(api: &Api, command: Command, format: Format) -> Result<()> {
    let kind = &ACCESS_KEY;
    match command {
        Command::List { user } => {
            let user = user.map(|user| api.id(&USER, &user)).transpose()?;
            let filters: Vec<_> = user.iter().map(|id| ("userId", id.as_str())).collect();
            show_all(api, kind, api.list(kind, &filters)?, format)
        }
        Command::Create { user, description } => {
            let user = user.map(|user| api.id(&USER, &user)).transpose()?;
            let body = json!({"userId": user, "description": description});
            print::fields(format, &api.post(kind.service, kind.path, body)?);
            keep(format);
            Ok(())
        }
        Command::Update { key, description, enabled } => {
            let body = given([
                ("description", description.map(Value::from)),
                ("enabled", enabled.map(|switch| switch.is_on().into())),
            ])?;
            api.update(kind, &key, body)?;
            done(format, &format!("access key {key} changed"));
            Ok(())
        }
        Command::Rotate { key, grace } => {
            let body = json!({"graceSeconds": grace});
            print::fields(format, &api.act(kind, &key, "rotate", body)?);
            keep(format);
            Ok(())
        }
        Command::Delete { keys } => {
            for key in keys {
                api.delete(kind, &key)?;
                done(format, &format!("access key {key} deleted"));
            }
            Ok(())
        }
    }
}
