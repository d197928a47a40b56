//! `dnlb login` and `dnlb logout`: a session instead of an access key.

use std::{
    fs,
    io::{IsTerminal, Write, stdin},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use dnlb_api::{
    client::{CallError, log_in},
    wire::identity::CreateSession,
};
use serde_json::{Value, json};

use crate::{
    access::Place,
    failure::{Failure, Located},
    print::{self, Format},
    secret,
    sessions::{Session, Sessions},
};

/// As whom. The password is asked for, or is the next line of the standard input if that is no terminal.
#[derive(Args)]
pub(crate) struct Login {
    /// User; asked for on a terminal
    user: Option<String>,
    /// The user's account; by default that of those who operate the region
    #[arg(long)]
    account: Option<String>,
    /// File with the password
    #[arg(long)]
    password_file: Option<PathBuf>,
}

/// Begins a session and remembers it.
pub(crate) fn enter(login: Login, place: &Place, format: Format) -> Result<()> {
    let user_name = login.user.map_or_else(ask_user, Ok)?;
    let password = match &login.password_file {
        Some(file) => first_line(file)?,
        None => secret::ask("password")?,
    };
    let request = CreateSession { user_name, password, account_name: login.account };
    let begun = log_in(&place.endpoint, place.trust.as_ref(), &place.region, &request)
        .map_err(|error| refused(error, place))?;
    let user = format!("{}/{}", begun.caller.account_name, begun.caller.user_name);
    let session = Session { user, expires: begun.expires_time, token: begun.token };
    let shown = json!({"user": session.user, "role": begun.caller.role, "at": place.name(), "until": session.expires});
    let mut sessions = Sessions::load()?;
    sessions.put(place.name(), session);
    sessions.save()?;
    print::fields(format, &shown);
    if place.key_named {
        eprintln!(
            "note: an access key is given by an option or by DNLB_ACCESS_KEY, and wins over the session"
        );
    }
    Ok(())
}

/// Ends the session, and forgets it in any case.
pub(crate) fn leave(place: &Place, format: Format) -> Result<()> {
    let mut sessions = Sessions::load()?;
    let Some(session) = sessions.take(&place.name()) else {
        bail!("nobody is logged in at {}", place.name());
    };
    sessions.save()?;
    match place.in_session(&session).call("dnlb", "DELETE", "sessions/current", &[], None::<&Value>) {
        Ok(_) => {}
        // It had ended before.
        Err(CallError::Api(error)) if error.code == 401 => {}
        Err(error) => {
            return Err(refused(error, place)).with_context(|| {
                format!("the session is forgotten here, but goes on until {}", session.expires)
            });
        }
    }
    print::fields(format, &json!({"user": session.user, "loggedOutAt": place.name()}));
    Ok(())
}

fn ask_user() -> Result<String> {
    ensure!(stdin().is_terminal(), "say who logs in: dnlb login USER");
    eprint!("user: ");
    std::io::stderr().flush().context("asking for the user")?;
    let mut line = String::new();
    stdin().read_line(&mut line).context("asking for the user")?;
    Ok(line.trim().to_owned())
}

fn first_line(file: &Path) -> Result<String> {
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let password = text.lines().next().unwrap_or_default().to_owned();
    ensure!(!password.is_empty(), "{} holds no password in its first line", file.display());
    Ok(password)
}

fn refused(error: CallError, place: &Place) -> anyhow::Error {
    match error {
        CallError::Api(error) if error.code == 401 => {
            anyhow::anyhow!("account, user or password is wrong, or the region is none of {}", place.endpoint)
        }
        CallError::Api(error) => anyhow::anyhow!("{}", error.message),
        error => Located { failure: Failure::NoAnswer { error, write: false }, access: place.name() }.into(),
    }
}
