//! Health of the targets of a backend service.

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;

use super::name_references;
use crate::{
    api::Api,
    kind::{BACKEND, INSTANCE},
    print::{self, Format},
    wait::{self, Patience, Progress, wait_until},
};

#[derive(Args)]
pub(crate) struct Options {
    /// Backend service, by name or id
    backend: String,
    /// Return when so many targets are healthy, and every host that is up knows it
    #[arg(long, value_name = "COUNT")]
    wait: Option<usize>,
    #[command(flatten)]
    patience: Patience,
}

pub(crate) fn run(api: &Api, options: &Options, format: Format) -> Result<()> {
    let id = api.id(&BACKEND, &options.backend)?;
    let look = || -> Result<Vec<Value>> {
        let mut reply = api.get("lb", &format!("backends/{id}/health"))?;
        Ok(reply["targetHealths"].as_array_mut().map(std::mem::take).unwrap_or_default())
    };
    let mut targets = look()?;
    if let Some(wanted) = options.wait {
        let progress = Progress::new();
        let outcome = wait_until(options.patience.duration(), || {
            targets = look()?;
            progress.say(&format!("{} of {wanted} targets are healthy", healthy(&targets)));
            Ok(healthy(&targets) == wanted)
        });
        progress.end();
        outcome
            .with_context(|| format!("waiting until {wanted} targets are healthy: {}", words(&targets)))?;
        // Health decides who gets new connections only once the hosts know it.
        wait::converged(api, options.patience)?;
    }
    if format == Format::Table {
        targets.iter_mut().for_each(|target| target["name"] = target["instanceId"].clone());
        name_references(api, &mut targets, "/name", &INSTANCE)?;
    }
    match format {
        Format::Json | Format::Yaml => print::data(format, &Value::Array(targets)),
        Format::Table => print::table(
            &[
                ("INSTANCE", "/instanceId"),
                ("NAME", "/name"),
                ("ADDRESS", "/ipAddress"),
                ("PORT", "/port"),
                ("WEIGHT", "/weight"),
                ("STATUS", "/status"),
                ("REASON", "/unhealthReason/detail"),
            ],
            &targets,
        ),
    }
    Ok(())
}

fn healthy(targets: &[Value]) -> usize {
    targets.iter().filter(|target| target["status"] == "healthy").count()
}

/// What every target is, for whoever waited in vain.
fn words(targets: &[Value]) -> String {
    if targets.is_empty() {
        return "it has no targets".to_owned();
    }
    let word = |target: &Value| {
        let text = |pointer: &str| target.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let reason = text("/unhealthReason/detail");
        let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        format!("{} is {}{reason}", text("/instanceId"), text("/status"))
    };
    targets.iter().map(word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_waits_in_vain_learns_what_every_target_is() {
        let targets = [
            json!({"instanceId": "i-a", "status": "healthy"}),
            json!({"instanceId": "i-b", "status": "unhealthy", "unhealthReason": {"detail": "refused"}}),
        ];
        assert_eq!(words(&targets), "i-a is healthy, i-b is unhealthy (refused)");
        assert_eq!(healthy(&targets), 1);
        assert_eq!(words(&[]), "it has no targets");
    }
}
