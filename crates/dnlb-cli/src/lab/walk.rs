//! Driving a lab's region the way a person would: by this program's own commands, shown as they run.

use std::{collections::BTreeMap, process::Command};

use anyhow::{Context, Result, ensure};
use dnlb_lab::Lab;
use serde_json::Value;

/// A person at the keyboard.
pub(crate) struct Walk {
    pub(crate) lab: Lab,
    /// Whether commands are shown.
    pub(crate) aloud: bool,
}

/// Who answered a burst of requests.
pub(crate) struct Served {
    /// Answers by instance id.
    pub(crate) instances: BTreeMap<String, u64>,
    /// Answers by the client address that the instance saw.
    pub(crate) clients: BTreeMap<String, u64>,
    /// Requests without an answer.
    pub(crate) failed: u64,
    /// Why.
    pub(crate) errors: Value,
}

impl Walk {
    /// Says where the walk is.
    pub(crate) fn heading(&self, text: &str) {
        if self.aloud {
            println!("\n\x1b[1m{text}\x1b[0m");
        }
    }

    /// Runs one of this program's commands and returns what it says.
    pub(crate) fn dnlb(&self, line: &str) -> Result<Value> {
        if self.aloud {
            println!("  $ dnlb {line}");
        }
        let access = self.lab.access()?;
        let output = Command::new(dnlb_lab::own_program()?)
            .args(line.split_whitespace())
            .args(["--output", "json"])
            .env("DNLB_ENDPOINT", access.endpoint)
            .env("DNLB_SCHEME", "http")
            .env("DNLB_REGION", access.region)
            .env("DNLB_ACCESS_KEY", access.access_key)
            .env("DNLB_SECRET_KEY", access.secret_key)
            .output()
            .with_context(|| format!("running `dnlb {line}`"))?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`dnlb {line}`: {}", error.trim());
        serde_json::from_slice(&output.stdout).with_context(|| format!("`dnlb {line}` said no JSON"))
    }

    /// Runs a command on a node or in an instance; an exit code other than zero is an error.
    pub(crate) fn exec(&self, place: &str, words: &[&str]) -> Result<String> {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        let output = dnlb_lab::output(&self.lab, place, &words)?;
        ensure!(
            output.code == 0,
            "`{}` on {place} ended with {}: {}{}",
            words.join(" "),
            output.code,
            output.stderr.trim(),
            output.stdout.trim()
        );
        Ok(output.stdout)
    }

    /// Sends requests from a node or instance, each over a connection of its own.
    pub(crate) fn load(&self, place: &str, url: &str, connections: u32) -> Result<Served> {
        if self.aloud {
            println!("  $ dnlb lab exec {place} -- dnlb guest load --connections {connections} --url {url}");
        }
        let connections = connections.to_string();
        let said =
            self.exec(place, &["dnlb", "guest", "load", "--connections", &connections, "--url", url])?;
        let said: Value = serde_json::from_str(&said).context("the load tool said no JSON")?;
        let counts = |name: &str| {
            let object = said[name].as_object().into_iter().flatten();
            object.map(|(key, count)| (key.clone(), count.as_u64().unwrap_or(0))).collect()
        };
        Ok(Served {
            instances: counts("instances"),
            clients: counts("clients"),
            failed: said["failed"].as_u64().unwrap_or(0),
            errors: said["errors"].clone(),
        })
    }
}

/// A field of a reply that must be text.
pub(crate) fn text(value: &Value, field: &str) -> Result<String> {
    let found = value.pointer(field).and_then(Value::as_str);
    Ok(found.with_context(|| format!("a reply without {field}: {value}"))?.to_owned())
}
