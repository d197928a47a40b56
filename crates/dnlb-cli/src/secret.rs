//! Secrets from people and programs: asked for without being shown, or lines of the standard input. Never arguments,
//! which others can see.

use std::io::{BufRead, IsTerminal, stdin};

use anyhow::{Context, Result, ensure};

/// Asks for a secret, or reads the next line.
pub(crate) fn ask(what: &str) -> Result<String> {
    if stdin().is_terminal() {
        return rpassword::prompt_password(format!("{what}: "))
            .with_context(|| format!("asking for the {what}"));
    }
    let mut line = String::new();
    let read = stdin().lock().read_line(&mut line);
    read.with_context(|| format!("reading the {what} from the standard input"))?;
    let secret = line.trim_end_matches(['\n', '\r']).to_owned();
    ensure!(!secret.is_empty(), "the {what} is missing: it is the next line of the standard input");
    Ok(secret)
}

/// Asks for a new secret, twice on a terminal: nobody sees a slip.
pub(crate) fn ask_new(what: &str) -> Result<String> {
    let secret = ask(what)?;
    if stdin().is_terminal() {
        ensure!(ask(&format!("{what} again"))? == secret, "the two are not equal");
    }
    Ok(secret)
}
