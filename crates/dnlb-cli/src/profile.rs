//! `dnlb profile`: regions and access keys that the command line remembers.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    print::{self, Format},
    profiles::{self, Profile, Profiles},
    secret,
};

/// What to do with profiles.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Remember one; the secret is asked for, or read from the standard input if that is no terminal
    Add(Add),
    /// List all
    List,
    /// Use one from now on
    Use {
        /// Name
        name: String,
    },
    /// Forget one
    Remove {
        /// Name
        name: String,
    },
    /// Show one, without its secret
    Show {
        /// Name; without it the one in use
        name: Option<String>,
    },
}

/// A profile to remember.
#[derive(Args)]
pub(crate) struct Add {
    /// Name
    name: String,
    /// Where the API is, host:port
    #[arg(long)]
    endpoint: String,
    /// http or https; by default https if there is a CA file, else http
    #[arg(long)]
    scheme: Option<String>,
    /// Region
    #[arg(long)]
    region: String,
    /// Access key; without one, one logs in (dnlb login)
    #[arg(long)]
    access_key: Option<String>,
    /// File with the authorities to trust, in PEM, for https; by default those of this machine
    #[arg(long)]
    ca_file: Option<PathBuf>,
    /// Overwrite one of that name
    #[arg(long)]
    replace: bool,
    /// Use it from now on
    #[arg(long = "use")]
    use_it: bool,
}

pub(crate) fn run(command: Command, format: Format) -> Result<()> {
    let mut all = Profiles::load()?;
    match command {
        Command::Add(add) => {
            let scheme = if add.ca_file.is_some() { "https" } else { "http" };
            // From wherever commands are run later.
            let ca_file = add.ca_file.map(std::path::absolute).transpose().context("finding the CA file")?;
            let profile = Profile {
                endpoint: add.endpoint,
                scheme: add.scheme.unwrap_or_else(|| scheme.to_owned()),
                region: add.region,
                secret_key: add.access_key.is_some().then(|| secret::ask("secret key")).transpose()?,
                access_key: add.access_key,
                ca_file,
            };
            all.add(&add.name, profile, add.replace)?;
            if add.use_it {
                all.use_one(&add.name)?;
            }
            all.save()?;
            let used = if all.current.as_ref() == Some(&add.name) { ", in use" } else { "" };
            say(format, &format!("profile {} in {}{used}", add.name, profiles::path()?.display()));
        }
        Command::List => {
            let rows: Vec<_> =
                all.profiles.iter().map(|(name, profile)| shown(&all, name, profile)).collect();
            match format {
                Format::Json | Format::Yaml => print::data(format, &Value::Array(rows)),
                Format::Table if rows.is_empty() => print::text("no profiles: dnlb profile add makes one"),
                Format::Table => print::table(
                    &[
                        ("NAME", "/name"),
                        ("IN USE", "/inUse"),
                        ("ENDPOINT", "/endpoint"),
                        ("SCHEME", "/scheme"),
                        ("REGION", "/region"),
                        ("ACCESS KEY", "/accessKey"),
                    ],
                    &rows,
                ),
            }
        }
        Command::Use { name } => {
            all.use_one(&name)?;
            all.save()?;
            say(format, &format!("profile {name} is in use"));
        }
        Command::Remove { name } => {
            all.remove(&name)?;
            all.save()?;
            say(format, &format!("profile {name} removed"));
        }
        Command::Show { name } => {
            let name = name.or_else(|| all.current.clone()).context("no profile is in use: name one")?;
            print::fields(format, &shown(&all, &name, all.find(&name)?));
        }
    }
    Ok(())
}

/// A profile without its secret.
fn shown(all: &Profiles, name: &str, profile: &Profile) -> Value {
    json!({
        "name": name,
        "inUse": if all.current.as_deref() == Some(name) { "yes" } else { "" },
        "endpoint": profile.endpoint,
        "scheme": profile.scheme,
        "region": profile.region,
        "accessKey": profile.access_key,
        "caFile": profile.ca_file,
    })
}

fn say(format: Format, what: &str) {
    match format {
        Format::Json | Format::Yaml => print::item(format, &json!({"done": what})),
        Format::Table => print::text(what),
    }
}
