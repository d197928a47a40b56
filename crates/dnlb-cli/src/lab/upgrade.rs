//! `dnlb lab upgrade`: another program takes over a node.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use dnlb_lab::Lab;
use serde_json::Value;

use super::tail;
use crate::wait::wait_until;

/// How long the new agent may take until its programs and maps are in force.
const READY: Duration = Duration::from_secs(40);

/// Replaces the agent of `node` and waits until the new one has applied its configuration.
pub(super) fn run(lab: &mut Lab, node: &str, program: &Path) -> Result<()> {
    let process = lab.upgrade(node, program)?;
    let files = lab.files();
    let status = files.node(node).join("status.json");
    let log = || tail(&files.log(node));
    let mut trouble = String::new();
    let applied = wait_until(READY, || {
        if !process.is_alive() {
            bail!("the new agent on {node} ended; packets go on as before:\n{}", log());
        }
        let status: Value = match fs::read(&status) {
            Ok(bytes) => serde_json::from_slice(&bytes).context("the agent's status is no JSON")?,
            Err(_) => return Ok(false),
        };
        // Until it has written it, it is the former agent's.
        if status["pid"] != process.pid {
            return Ok(false);
        }
        trouble = status["error"].as_str().unwrap_or_default().to_owned();
        Ok(status["applied"].is_u64() && status["error"].is_null())
    });
    applied.with_context(|| format!("the new agent on {node} did not take over: {trouble}\n{}", log()))
}
