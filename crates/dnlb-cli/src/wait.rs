//! Waiting: until every host shows a revision, or until something else is so, with progress for who looks.

use std::{
    io::IsTerminal,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::api::Api;

/// How long to wait where nobody says it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Whether a command that writes waits for the hosts.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Waiting")]
pub(crate) struct Waiting {
    /// After a change: return when every host that is up shows it
    #[arg(long, global = true)]
    wait: bool,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// How long a command waits.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Waiting")]
pub(crate) struct Patience {
    /// Seconds after which waiting ends with an error
    #[arg(long = "timeout", global = true, value_name = "SECONDS", default_value_t = PATIENCE.as_secs())]
    seconds: u64,
}

impl Patience {
    pub(crate) fn duration(self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

impl Waiting {
    /// How long to wait, if at all.
    pub(crate) fn patience(self) -> Option<Patience> {
        self.wait.then_some(self.patience)
    }
}

/// A host that does not show what it should, in words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lag(String);

/// What is said when hosts lag that are not shown: only who operates the region sees them.
const HIDDEN: &str = "some host does not show it";

/// Hosts that are up and show a revision before `goal`, or none. Later ones will do: others change things, too.
fn lagging(status: &Value, goal: u64) -> Vec<Lag> {
    let hosts = status["hosts"].as_array().map(Vec::as_slice).unwrap_or_default();
    if hosts.is_empty() && status["converged"] == false {
        return vec![Lag(HIDDEN.to_owned())];
    }
    let behind = hosts
        .iter()
        .filter(|host| host["state"] == "Up")
        .filter(|host| host["appliedRevision"].as_u64().is_none_or(|applied| applied < goal));
    behind
        .map(|host| {
            let id = host["hostId"].as_str().unwrap_or("a host without an id");
            let shows = match host["appliedRevision"].as_u64() {
                None => "has not said what it shows".to_owned(),
                Some(applied) => format!("shows {applied}"),
            };
            let error = host["error"].as_str().map(|error| format!(" ({error})")).unwrap_or_default();
            Lag(format!("{id} {shows}{error}"))
        })
        .collect()
}

fn words(lags: &[Lag]) -> String {
    lags.iter().map(|lag| lag.0.as_str()).collect::<Vec<_>>().join(", ")
}

/// Waits until every host that is up shows the revision that the region has now.
pub(crate) fn converged(api: &Api, patience: Patience) -> Result<()> {
    let mut status = api.status()?;
    let goal = status["revision"].as_u64().context("a status without a revision")?;
    let mut lags = lagging(&status, goal);
    let progress = Progress::new();
    let outcome = wait_until(patience.duration(), || {
        if lags.is_empty() {
            return Ok(true);
        }
        progress.say(&format!("revision {goal}: {}", words(&lags)));
        status = api.status()?;
        lags = lagging(&status, goal);
        Ok(lags.is_empty())
    });
    progress.end();
    outcome.with_context(|| format!("not every host shows revision {goal}: {}", words(&lags)))
}

/// Waits until `done` says so.
pub(crate) fn wait_until(patience: Duration, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + patience;
    while !done()? {
        if Instant::now() > deadline {
            bail!("not done after {} s", patience.as_secs());
        }
        sleep(LOOK);
    }
    Ok(())
}

/// A line that tells what is waited for, on a terminal; nothing elsewhere.
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    pub(crate) fn new() -> Self {
        Self(std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            // The template is a constant: were it wrong, the default one would do as well.
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(LOOK);
            bar
        }))
    }

    pub(crate) fn say(&self, what: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(what.to_owned());
        }
    }

    pub(crate) fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_is_up_and_behind_lags() {
        let status = json!({"hosts": [
            {"hostId": "newer", "state": "Up", "appliedRevision": 8},
            {"hostId": "there", "state": "Up", "appliedRevision": 7},
            {"hostId": "behind", "state": "Up", "appliedRevision": 6, "error": "no space"},
            {"hostId": "silent", "state": "Up"},
            {"hostId": "dead", "state": "Down", "appliedRevision": 1},
        ]});
        assert_eq!(
            words(&lagging(&status, 7)),
            "behind shows 6 (no space), silent has not said what it shows"
        );
        assert_eq!(lagging(&json!({"hosts": [], "converged": true}), 7), []);
        assert_eq!(words(&lagging(&json!({"hosts": [], "converged": false}), 7)), HIDDEN);
    }

    #[test]
    fn waiting_ends_with_its_time() {
        let error = wait_until(Duration::ZERO, || Ok(false)).unwrap_err();
        assert_eq!(error.to_string(), "not done after 0 s");
        let mut looks = 0;
        let third = || {
            looks += 1;
            Ok(looks == 3)
        };
        wait_until(PATIENCE, third).unwrap();
        assert_eq!(looks, 3);
    }
}
