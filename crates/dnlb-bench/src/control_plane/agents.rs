//! Agents with nothing behind them: each has a real stream to the server, says that all its instances run and are healthy, and acknowledges what
//! it is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use dnlb_model::{HealthReport, HostConfig, InstanceReport, InstanceState, Region, ServerGroup};
use dnlb_proto::{AgentLink, ConfigReceiver, Hello, JoinToken, LinkOptions, Linked, Reporter};
use tokio::runtime::Runtime;

use super::server::{Server, TOKEN};

/// How long all hosts may take to hear of each other's targets.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// Agents of all hosts of a region. They go when this is dropped.
pub struct Agents {
    agents: Vec<Agent>,
    runtime: Runtime,
}

/// One host's.
pub struct Agent {
    /// What it was told last.
    pub configs: ConfigReceiver,
    /// Through this it speaks.
    pub reporter: Reporter,
}

impl Agents {
    /// Connects them.
    ///
    /// # Errors
    /// When they cannot be started.
    pub fn connect(region: &Region, server: &Server) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let _inside = runtime.enter();
        let mut agents = Vec::new();
        for host in region.hosts.values() {
            let hello = Hello {
                host: host.id.clone(),
                az: host.az.clone(),
                rack: host.rack.clone(),
                underlay: host.underlay,
                edge: host.edge,
                compute: host.compute,
            };
            let token = JoinToken::parse(TOKEN).context("the join token")?;
            let options = LinkOptions { server: format!("http://{}", server.agents()), token, hello };
            let Linked { configs, reporter, .. } = AgentLink::spawn(options)?;
            tokio::spawn(live(configs.clone(), reporter.clone()));
            agents.push(Agent { configs, reporter });
        }
        drop(_inside);
        Ok(Self { agents, runtime })
    }

    /// Those whose configuration is as `wanted` says.
    pub fn with(&self, wanted: impl Fn(&HostConfig) -> bool) -> Vec<&Agent> {
        let knows = |agent: &&Agent| agent.configs.borrow().as_ref().is_some_and(|config| wanted(config));
        self.agents.iter().filter(knows).collect()
    }

    /// Where to wait for something.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Waits until every host knows every target of its backend services as a member.
    ///
    /// # Errors
    /// When that takes too long.
    pub fn wait_until_all_healthy(&self, region: &Region) -> Result<()> {
        let targets: BTreeMap<u32, usize> = region
            .backends
            .values()
            .filter_map(|backend| match &backend.group {
                Some(ServerGroup::TargetGroup(group)) => {
                    Some((backend.number, region.target_groups.get(group)?.targets.len()))
                }
                _ => None,
            })
            .collect();
        let complete = |config: &HostConfig| {
            config.backends.iter().all(|(number, backend)| {
                let members = backend.generations.first().map_or(0, |set| set.members.len());
                targets.get(number) == Some(&members)
            })
        };
        let begun = Instant::now();
        while self.with(complete).len() < self.agents.len() {
            ensure!(
                begun.elapsed() < PATIENCE,
                "{} of {} hosts know all targets",
                self.with(complete).len(),
                self.agents.len()
            );
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

/// An agent's life.
async fn live(mut configs: ConfigReceiver, reporter: Reporter) {
    // What it has said of each instance it need not say again: a benchmark lets targets fail, and they stay so.
    let mut said: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    loop {
        let mut revision = None;
        if let Some(config) = &*configs.borrow_and_update() {
            for (&number, instance) in &config.instances {
                let backends = instance.checks.keys();
                if said.get(&number).is_some_and(|said| said.iter().eq(backends.clone())) {
                    continue;
                }
                reporter.instance(InstanceReport { number, state: InstanceState::Running });
                let said = said.entry(number).or_default();
                for &backend in backends {
                    if said.insert(backend) {
                        let reason = "connected".to_owned();
                        reporter.health(HealthReport { backend, instance: number, healthy: true, reason });
                    }
                }
            }
            revision = Some(config.revision);
        }
        if let Some(revision) = revision {
            reporter.ack(revision, "none", None);
        }
        if configs.changed().await.is_err() {
            return;
        }
    }
}
