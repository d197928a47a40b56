//! The server as a process of its own.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::caller::{Caller, Key};

/// The region's name.
pub const REGION: &str = "bench-1";
/// Its zones.
pub const AZS: [&str; 2] = ["bench-1a", "bench-1b"];
/// Where elastic IPs come from.
pub const EIP_POOL: &str = "198.18.0.0/15";
/// Name of the data directory.
pub const DATA: &str = "data";
/// Secret by which agents join.
pub const TOKEN: &str = "a-token-of-the-benchmark";

/// How long a server may take to read its region.
const PATIENCE: Duration = Duration::from_secs(300);
/// Ticks of `/proc/PID/stat` a second: the same on every architecture.
const TICKS: f64 = 100.0;

/// A running server. Killed when it is dropped.
pub struct Server {
    child: Child,
    log: PathBuf,
    api: String,
    agents: String,
    key: Key,
}

/// What a server has used.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Processor time.
    pub cpu_seconds: f64,
    /// Memory in use.
    pub resident_mib: f64,
    /// The most of it since the start.
    pub most_resident_mib: f64,
}

impl Server {
    /// Starts `program server`, of the data directory below `dir`, and waits until it answers.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(program: &Path, dir: &Path) -> Result<Self> {
        // Both at once, so that they differ.
        let [api, agents] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0"));
        let [api, agents] = [api?.local_addr()?.to_string(), agents?.local_addr()?.to_string()];
        let (token, log, data) = (dir.join("token"), dir.join("log"), dir.join(DATA));
        fs::write(&token, TOKEN).context("writing the join token")?;
        let mut command = Command::new(program);
        command.args(["server", "--region", REGION, "--azs", &AZS.join(","), "--eip-pool", EIP_POOL]);
        command.args(["--api-listen", &api, "--agent-listen", &agents, "--requests-per-second", "1000000"]);
        command.arg("--data-dir").arg(&data).arg("--join-token-file").arg(&token);
        for quota in
            ["elastic_ips", "instances", "listeners", "load_balancers", "target_groups", "targets", "vpcs"]
        {
            command.arg(format!("--quota={quota}=1000000"));
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
        let child = command.spawn().context("starting the server")?;
        let key = Key { access_key: String::new(), secret_key: String::new() };
        let mut server = Self { child, log, api, agents, key };
        let begun = Instant::now();
        loop {
            if let Some(key) = key_in(&data.join("access-key.json")) {
                server.key = key;
                if server.caller().and_then(|mut caller| caller.get("dnlb", "status", &[])).is_ok() {
                    return Ok(server);
                }
            }
            if let Some(status) = server.child.try_wait()? {
                bail!("the server ended with {status}:\n{}", server.log());
            }
            if begun.elapsed() > PATIENCE {
                bail!("the server is not ready after {PATIENCE:?}:\n{}", server.log());
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// Where its API is.
    #[must_use]
    pub fn api(&self) -> &str {
        &self.api
    }

    /// Where agents connect.
    #[must_use]
    pub fn agents(&self) -> &str {
        &self.agents
    }

    /// A client with a connection of its own.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub fn caller(&self) -> Result<Caller> {
        Caller::connect(&self.api, REGION, self.key.clone())
    }

    /// What it has used so far.
    ///
    /// # Errors
    /// When it is gone.
    pub fn usage(&self) -> Result<Usage> {
        let read = |name: &str| {
            let path = format!("/proc/{}/{name}", self.child.id());
            fs::read_to_string(&path).with_context(|| format!("reading {path}"))
        };
        let (stat, status) = (read("stat")?, read("status")?);
        parse_usage(&stat, &status).context("what the kernel says of the server")
    }

    /// The end of what it has said.
    #[must_use]
    pub fn log(&self) -> String {
        let all = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = all.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn key_in(path: &Path) -> Option<Key> {
    let key: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    Some(Key { access_key: key["accessKey"].as_str()?.into(), secret_key: key["secretKey"].as_str()?.into() })
}

/// From `/proc/PID/stat` and `/proc/PID/status`.
fn parse_usage(stat: &str, status: &str) -> Option<Usage> {
    // The name in parentheses may hold anything; two fields behind it are the process's times, of which the first is the 14th in all.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?;
    let mib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim_start_matches(':').trim().trim_end_matches("kB").trim().parse::<f64>().ok()? / 1024.0)
    };
    Some(Usage { cpu_seconds: ticks / TICKS, resident_mib: mib("VmRSS")?, most_resident_mib: mib("VmHWM")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_what_the_kernel_says() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 5 0 1 2 3";
        let status = "Name:\ta\nVmHWM:\t  4096 kB\nVmRSS:\t  2048 kB\n";
        let usage = parse_usage(stat, status).unwrap();
        assert!((usage.cpu_seconds - 3.0).abs() < 1e-9);
        assert!((usage.resident_mib - 2.0).abs() < 1e-9 && (usage.most_resident_mib - 4.0).abs() < 1e-9);
        assert!(parse_usage("", status).is_none() && parse_usage(stat, "").is_none());
    }
}
