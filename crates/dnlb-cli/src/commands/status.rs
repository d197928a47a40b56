//! The region at a glance.

use anyhow::Result;
use serde_json::Value;

use crate::{
    api::Api,
    print::{self, Format},
    wait::{self, Patience},
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Return when every host that is up shows the present configuration
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    patience: Patience,
}

pub(crate) fn run(api: &Api, options: &Options, format: Format) -> Result<()> {
    if options.wait {
        wait::converged(api, options.patience)?;
    }
    let status = api.status()?;
    if format != Format::Table {
        print::data(format, &status);
        return Ok(());
    }
    let converged =
        if status["converged"] == true { "shown by all hosts" } else { "not yet shown by all hosts" };
    print::text(&format!(
        "region {}, revision {}, {converged}\n",
        plain(&status["region"]),
        status["revision"]
    ));
    print::table(
        &[
            ("HOST", "/hostId"),
            ("STATE", "/state"),
            ("AZ", "/az"),
            ("RACK", "/rack"),
            ("ADDRESS", "/underlayAddress"),
            ("EDGE", "/edge"),
            ("INSTANCES", "/instanceCount"),
            ("WANTED", "/wantedRevision"),
            ("APPLIED", "/appliedRevision"),
            ("ERROR", "/error"),
        ],
        items(&status["hosts"]),
    );
    let mut listeners = Vec::new();
    for lb in items(&status["loadBalancers"]) {
        for listener in items(&lb["listeners"]) {
            let mut row = listener.clone();
            row["lb"] = lb["loadBalancerName"].clone();
            row["vip"] = lb["vip"].clone();
            row["eip"] = lb["elasticIpAddress"].clone();
            row["health"] = format!("{} of {}", listener["healthyTargets"], listener["totalTargets"]).into();
            listeners.push(row);
        }
    }
    if listeners.is_empty() {
        print::text("\nno listeners");
        return Ok(());
    }
    print::text("");
    print::table(
        &[
            ("LOAD BALANCER", "/lb"),
            ("VIP", "/vip"),
            ("EIP", "/eip"),
            ("LISTENER", "/listenerName"),
            ("PROTOCOL", "/protocol"),
            ("PORT", "/port"),
            ("STATUS", "/status"),
            ("BACKEND", "/backendName"),
            ("HEALTHY", "/health"),
        ],
        &listeners,
    );
    Ok(())
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn plain(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
