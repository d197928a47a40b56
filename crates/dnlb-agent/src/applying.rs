//! The loop that keeps the host equal to its configuration.

use std::{collections::BTreeMap, fs, io::ErrorKind, net::IpAddr, sync::Arc, time::Duration};

use anyhow::Context;
use dnlb_abi::{FlowTotalsKey, HostEntry, Outcome};
use dnlb_model::{HostConfig, InstanceReport, Protocol, ServiceConfig};
use dnlb_plan::{Allocation, Compiler, LocalFacts, Reach};
use dnlb_proto::{Counter, Reporter, decode_config, encode_config};
use dnlb_switch::{Aged, EdgeForm, ExpiryRules, Switch, SwitchError, monotonic_ns};
use rand::Rng;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{
    compute::ComputeDriver,
    fleet::Fleet,
    links::{HostLinks, Links, NextHops, OVERLAY, PROBE_SWITCH, instance_link_name},
    probes::{HealthBoard, LinkProber, Probes},
    run_dir::{RunDir, write_atomically, write_for_readers},
    status::{Counted, Status, now},
    teller::ClosedFlows,
    traffic::Traffic,
};

/// How often instances are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How often next hops are looked at.
const HOPS: Duration = Duration::from_secs(2);
/// How often flow records are aged and counters reported, if that takes no longer than [`CHORES_SHARE`] of the time.
const CHORES: Duration = Duration::from_secs(1);
/// With very many records a look at all of them takes long: then the next one waits for so many times as long.
const CHORES_SHARE: u32 = 50;
/// How often everything is written again, whatever seems to be well: repairs what others changed.
const RESYNC: Duration = Duration::from_secs(30);
/// First and longest pause after a failure.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(15));
/// How long an edge waits for neighbours that it never heard of before it goes on without them.
const NEIGHBOUR_PATIENCE: Duration = Duration::from_millis(300);

/// What the loop works with.
pub(crate) struct Host<D> {
    pub(crate) run_dir: RunDir,
    pub(crate) links: Links,
    pub(crate) switch: Switch,
    pub(crate) uplink: String,
    pub(crate) underlay: IpAddr,
    pub(crate) edge: bool,
    /// Where its program is to be attached; none: where it can.
    pub(crate) edge_form: Option<EdgeForm>,
    pub(crate) no_second_chance: bool,
    pub(crate) fleet: Option<Fleet<D>>,
    pub(crate) probes: Probes<LinkProber, HealthBoard>,
    pub(crate) health: HealthBoard,
    pub(crate) reporter: Reporter,
    /// Takes flows whose records were removed.
    pub(crate) closed_flows: mpsc::UnboundedSender<ClosedFlows>,
    pub(crate) status: Status,
}

/// The loop's memory.
pub(crate) struct Applier<D> {
    host: Host<D>,
    config: Option<Arc<HostConfig>>,
    compiler: Compiler,
    /// Whether the file tells where everything lies.
    allocation_saved: bool,
    hops: NextHops,
    /// Entries of `HOSTS` in force.
    entries: BTreeMap<u16, HostEntry>,
    /// Devices to which programs are attached.
    attached: Attached,
    traffic: Traffic,
    /// Before then no chores are done.
    chores_due: Instant,
    /// Whom services reach by the maps; none: nobody has looked for flows that reach nobody.
    reach: Option<Reach>,
    /// Whether that has become less: packets that were on their way may have left records since anybody looked.
    less_reach: bool,
    retry: Option<Retry>,
}

#[derive(Default)]
struct Attached {
    host: Option<HostLinks>,
    instances: BTreeMap<u32, u32>,
}

#[derive(Clone, Copy)]
struct Retry {
    pause: Duration,
    at: Instant,
}

impl<D: ComputeDriver + 'static> Applier<D> {
    /// Starts with what a former agent left on disk.
    pub(crate) fn new(host: Host<D>) -> Self {
        let config = load_config(&host.run_dir).map(Arc::new);
        let compiler = Compiler::new(load_allocation(&host.run_dir));
        Self {
            host,
            config,
            compiler,
            allocation_saved: false,
            hops: NextHops::default(),
            entries: BTreeMap::new(),
            attached: Attached::default(),
            reach: None,
            traffic: Traffic::default(),
            chores_due: Instant::now(),
            less_reach: false,
            retry: None,
        }
    }

    /// Follows `configs` until `stop`; leaves everything forwarding.
    pub(crate) async fn run(
        mut self,
        mut configs: watch::Receiver<Option<Arc<HostConfig>>>,
        stop: impl Future<Output = ()>,
    ) {
        let mut stop = std::pin::pin!(stop);
        let every = |period| {
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        let (mut looks, mut hops) = (every(LOOK), every(HOPS));
        let (mut chores, mut resync) = (every(CHORES), every(RESYNC));
        self.take_config(&mut configs);
        loop {
            let due = tokio::select! {
                () = &mut stop => break,
                changed = configs.changed() => {
                    if changed.is_err() {
                        tracing::error!("the link to the server has ended");
                        break;
                    }
                    self.take_config(&mut configs)
                }
                () = job_end(&mut self.host.fleet) => true,
                () = retry_time(self.retry) => true,
                _ = looks.tick() => self.look().await,
                _ = hops.tick() => self.hops_changed().await,
                _ = resync.tick() => {
                    self.attached = Attached::default();
                    true
                }
                _ = chores.tick() => {
                    let began = Instant::now();
                    if began >= self.chores_due {
                        self.do_chores();
                        self.chores_due = began + began.elapsed() * CHORES_SHARE;
                    }
                    false
                }
            };
            if due {
                self.reconcile().await;
            }
        }
        self.write_status();
    }

    /// Takes over the newest configuration and saves it before anything is done with it: whatever happens then,
    /// the next agent begins with it.
    fn take_config(&mut self, configs: &mut watch::Receiver<Option<Arc<HostConfig>>>) -> bool {
        let Some(config) = configs.borrow_and_update().clone() else { return false };
        tracing::info!(revision = config.revision, instances = config.instances.len(), "new configuration");
        let path = self.host.run_dir.config();
        if let Err(error) = write_atomically(&path, &encode_config(&config), 0o600) {
            tracing::error!(error = crate::fleet::chain(&error), "cannot save the configuration");
        }
        self.config = Some(config);
        self.retry = None;
        true
    }

    async fn reconcile(&mut self) {
        let Some(config) = self.config.clone() else {
            // Nothing to do yet; the devices may as well be there when the first configuration comes.
            match self.host.links.ensure_host().await {
                Ok(_) => self.retry = None,
                Err(error) => self.failed(None, &anyhow::Error::new(error)),
            }
            return;
        };
        match self.apply(&config).await {
            Ok(digest) => {
                self.retry = None;
                self.host.status.applied = Some(config.revision);
                self.host.status.digest = Some(digest.clone());
                self.host.status.error = None;
                self.host.reporter.ack(config.revision, digest, None);
            }
            Err(error) => self.failed(Some(config.revision), &error),
        }
        self.report_instances(&config);
        self.write_status();
    }

    /// Makes devices, kernel maps and instances what they should be, in an order in which no packet meets
    /// something half-made: maps name an instance only when it can be reached, and it ends only when they do not.
    async fn apply(&mut self, config: &Arc<HostConfig>) -> anyhow::Result<String> {
        let host_links = self.host.links.ensure_host().await.context("cannot make the host's devices")?;
        let patience = self.host.edge.then_some(NEIGHBOUR_PATIENCE);
        self.entries = self.resolve(config, &host_links, patience).await?;
        let repair = self.attached.host.is_none();
        let survey = match &mut self.host.fleet {
            Some(fleet) => Some(fleet.survey(config, repair).await.context("cannot look at instances")?),
            None => None,
        };
        let reachable = self.host.fleet.as_ref().map(Fleet::ifindices).unwrap_or_default();
        let digest = self.write_maps(config, &host_links, &reachable, repair)?;
        self.attach(&host_links, &reachable)?;
        self.host.probes.update(config, &reachable);
        if let (Some(fleet), Some(survey)) = (&mut self.host.fleet, survey) {
            fleet.launch(survey);
        }
        Ok(digest)
    }

    async fn resolve(
        &mut self,
        config: &HostConfig,
        host_links: &HostLinks,
        patience: Option<Duration>,
    ) -> anyhow::Result<BTreeMap<u16, HostEntry>> {
        let own = (config.host, self.host.underlay);
        self.hops
            .resolve(&self.host.links, host_links, own, &config.hosts, patience)
            .await
            .context("cannot find the way to other hosts")
    }

    /// `repair` has all maps looked over, also where nothing has changed.
    fn write_maps(
        &mut self,
        config: &Arc<HostConfig>,
        host_links: &HostLinks,
        reachable: &BTreeMap<u32, u32>,
        repair: bool,
    ) -> anyhow::Result<String> {
        let facts = LocalFacts {
            uplink_ifindex: host_links.uplink_ifindex,
            overlay_ifindex: host_links.overlay_ifindex,
            probe_ifindex: host_links.probe_ifindex,
            overlay_mtu: host_links.overlay_mtu,
            probe_mac: host_links.probe_mac,
            no_second_chance: self.host.no_second_chance,
            links: reachable.clone(),
            hosts: self.entries.clone(),
        };
        let moved = self.compiler.update(config, &facts).context("cannot compile the configuration")?;
        if moved || !self.allocation_saved {
            self.allocation_saved = false;
            // Before the maps: an agent that starts with maps that its file does not know would give their rows
            // to somebody else. The maps end with the machine, so nobody waits for the disk.
            let bytes =
                serde_json::to_vec(self.compiler.allocation()).context("cannot save the allocation")?;
            write_for_readers(&self.host.run_dir.allocation(), &bytes, 0o600)?;
            self.allocation_saved = true;
        }
        let (switch, state, changes) =
            (&mut self.host.switch, self.compiler.state(), self.compiler.changes());
        let applied = if repair { switch.apply(state) } else { switch.apply_changes(state, changes) };
        let applied = applied.context("cannot write the kernel maps")?;
        let same_reach =
            changes.services.is_empty() && changes.targets.is_empty() && changes.instances.is_empty();
        self.compiler.applied();
        if repair || !same_reach {
            let reach = Reach::new(config);
            if self.reach.as_ref().is_none_or(|former| reach.lacks(former)) {
                self.less_reach = true;
                self.end_drained(&reach);
            }
            self.reach = Some(reach);
        }
        if applied.writes > 0 {
            tracing::info!(revision = config.revision, writes = applied.writes, "kernel maps written");
        }
        Ok(format!("{:016x}", self.compiler.digest()))
    }

    /// Ends flows whose draining time is over.
    fn end_drained(&mut self, reach: &Reach) {
        match self.host.switch.drain_flows(monotonic_ns(), |key, record| reach.ends(key, record)) {
            Ok(0) => {}
            Ok(flows) => {
                tracing::info!(flows, "connections end: their service does not reach their instance any more")
            }
            Err(error) => {
                tracing::warn!(error = crate::fleet::chain(&error), "cannot end drained connections")
            }
        }
    }

    fn attach(&mut self, host_links: &HostLinks, reachable: &BTreeMap<u32, u32>) -> anyhow::Result<()> {
        let switch = &mut self.host.switch;
        if switch.is_taking_over() {
            let taken = switch.take_over().context("cannot take over from the former version")?;
            tracing::info!(flows = taken.flows, left = taken.left, "taking over from another version");
            self.attached = Attached::default();
        }
        if self.attached.host.as_ref() != Some(host_links) {
            switch.attach_overlay(OVERLAY)?;
            switch.attach_probe(PROBE_SWITCH)?;
            if self.host.edge {
                let form = switch.attach_edge(&self.host.uplink, self.host.edge_form)?.word();
                self.host.status.edge_form = Some(form);
                tracing::info!(uplink = self.host.uplink, form, "edge attached");
            }
            for number in switch.attached_instances()? {
                if !reachable.contains_key(&number) {
                    switch.detach_instance(number)?;
                }
            }
            self.attached.host = Some(host_links.clone());
        }
        for (&number, &ifindex) in reachable {
            if self.attached.instances.get(&number) != Some(&ifindex) {
                switch.attach_instance(number, &instance_link_name(number))?;
                self.attached.instances.insert(number, ifindex);
            }
        }
        let gone: Vec<u32> =
            self.attached.instances.keys().copied().filter(|it| !reachable.contains_key(it)).collect();
        for number in gone {
            switch.detach_instance(number)?;
            self.attached.instances.remove(&number);
        }
        if switch.is_taking_over() {
            let taken = switch.finish_taking_over().context("cannot finish taking over")?;
            tracing::info!(flows = taken.flows, left = taken.left, "the former version is gone");
        }
        Ok(())
    }

    /// Says how everything is; whether an instance is not what it should be.
    async fn look(&mut self) -> bool {
        let Some(config) = self.config.clone() else { return false };
        let mut due = false;
        if let Some(fleet) = &mut self.host.fleet
            && self.retry.is_none()
        {
            match fleet.survey(&config, false).await {
                Ok(survey) => due = survey.changed || !survey.is_empty(),
                Err(error) => self.failed(Some(config.revision), &error),
            }
        }
        self.report_instances(&config);
        self.write_status();
        due
    }

    /// Whether the way to a host has changed.
    async fn hops_changed(&mut self) -> bool {
        let (Some(config), Some(host_links)) = (self.config.clone(), self.attached.host.clone()) else {
            return false;
        };
        match self.resolve(&config, &host_links, self.host.edge.then_some(Duration::ZERO)).await {
            Ok(entries) => entries != self.entries,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "next hops");
                false
            }
        }
    }

    fn do_chores(&mut self) {
        if std::mem::take(&mut self.less_reach)
            && let Some(reach) = self.reach.take()
        {
            self.end_drained(&reach);
            self.reach = Some(reach);
        }
        let services = self.config.iter().flat_map(|config| &config.services);
        let own = |service: &ServiceConfig| {
            Some((service.number, Duration::from_secs(service.idle_seconds?.into())))
        };
        let usual = |protocol: Protocol| Duration::from_secs(protocol.idle_seconds().into());
        let rules = ExpiryRules {
            services: services.filter_map(own).collect(),
            tcp: usual(Protocol::Tcp),
            datagrams: usual(Protocol::Udp),
            ..ExpiryRules::default()
        };
        if let Err(error) = self.count_flows(&rules) {
            tracing::warn!(error = crate::fleet::chain(&error), "cannot age flow records");
        }
        match self.host.switch.outcomes() {
            Ok(outcomes) => {
                let counter = |(outcome, counter): &(Outcome, dnlb_abi::Counter)| {
                    (outcome.name().to_owned(), Counter { packets: counter.packets, bytes: counter.bytes })
                };
                self.host.reporter.counters(outcomes.iter().map(counter).collect());
            }
            Err(error) => tracing::warn!(error = crate::fleet::chain(&error), "cannot read counters"),
        }
    }

    /// Ages flow records, logs those that are over, and reports what is in all of them.
    fn count_flows(&mut self, rules: &ExpiryRules) -> Result<(), SwitchError> {
        let Self { host, traffic, config, .. } = self;
        // Records age also when what is only told cannot be read.
        let of_programs = told(host.switch.flow_totals());
        let outcomes = told(host.switch.service_outcomes());
        let mut closed = ClosedFlows::new();
        let aged = host.switch.age_flows(monotonic_ns(), rules, |key, record, aged| {
            traffic.on_record(key, record, aged);
            if aged == Aged::Removed {
                closed.push((*key, *record));
            }
        });
        if !closed.is_empty() {
            // Who does not listen has ended: then there is no log.
            let _ = host.closed_flows.send(closed);
        }
        host.reporter.traffic(traffic.finish_round(&of_programs, &outcomes));
        let known = |key: &FlowTotalsKey| {
            config.as_ref().is_none_or(|config| {
                let service = config.services.binary_search_by_key(&key.service, |service| service.number);
                service.is_ok() && (key.instance == 0 || config.instances.contains_key(&key.instance))
            })
        };
        for (gone, outcomes) in traffic.forget(known) {
            host.switch.forget_totals(&gone, outcomes)?;
        }
        aged
    }

    fn report_instances(&mut self, config: &HostConfig) {
        let Some(instances) = self.host.fleet.as_ref().and_then(|fleet| fleet.report(config)) else { return };
        for gone in self.host.status.instances.iter().filter(|it| !config.instances.contains_key(&it.number))
        {
            self.host.reporter.forget_instance(gone.number);
        }
        for instance in &instances {
            let report = InstanceReport { number: instance.number, state: instance.state.clone() };
            self.host.reporter.instance(report);
        }
        self.host.status.instances = instances;
    }

    fn failed(&mut self, revision: Option<u64>, error: &anyhow::Error) {
        let pause = self.retry.map_or(PAUSE.0, |retry| (retry.pause * 2).min(PAUSE.1));
        let jittered = pause.mul_f64(rand::rng().random_range(0.8..1.2));
        tracing::error!(error = format!("{error:#}"), ?pause, "cannot apply the configuration");
        self.retry = Some(Retry { pause, at: Instant::now() + jittered });
        self.host.status.error = Some(format!("{error:#}"));
        if let Some(revision) = revision {
            let digest = self.host.status.digest.clone().unwrap_or_default();
            self.host.reporter.ack(revision, digest, Some(format!("{error:#}")));
        }
        self.write_status();
    }

    fn write_status(&mut self) {
        self.host.status.revision = self.config.as_ref().map(|config| config.revision);
        self.host.status.targets = self.host.health.known();
        self.host.status.updated = now();
        if let Ok(outcomes) = self.host.switch.outcomes() {
            let counted = |(outcome, counter): (Outcome, dnlb_abi::Counter)| {
                (outcome.name(), Counted { packets: counter.packets, bytes: counter.bytes })
            };
            self.host.status.outcomes = outcomes.into_iter().map(counted).collect();
        }
        let written = serde_json::to_vec_pretty(&self.host.status)
            .map_err(anyhow::Error::new)
            .and_then(|bytes| Ok(write_for_readers(&self.host.run_dir.status(), &bytes, 0o644)?));
        if let Err(error) = written {
            tracing::warn!(error = format!("{error:#}"), "cannot write the status");
        }
    }
}

async fn job_end<D: ComputeDriver + 'static>(fleet: &mut Option<Fleet<D>>) {
    match fleet {
        Some(fleet) => {
            let finished = fleet.finished().await;
            fleet.on_finished(finished);
        }
        None => std::future::pending().await,
    }
}

async fn retry_time(retry: Option<Retry>) {
    match retry {
        Some(retry) => tokio::time::sleep_until(retry.at).await,
        None => std::future::pending().await,
    }
}

/// The last configuration that the agent of a directory received; none: it never did.
///
/// # Errors
/// When it cannot be read, or is of no use.
pub fn saved_config(run_dir: &RunDir) -> anyhow::Result<Option<HostConfig>> {
    let path = run_dir.config();
    match fs::read(&path) {
        Ok(bytes) => decode_config(&bytes)
            .map(Some)
            .with_context(|| format!("the saved configuration {} is of no use", path.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn load_config(run_dir: &RunDir) -> Option<HostConfig> {
    saved_config(run_dir).unwrap_or_else(|error| {
        tracing::error!(error = format!("{error:#}"), "starting without a configuration");
        None
    })
}

fn load_allocation(run_dir: &RunDir) -> Allocation {
    let path = run_dir.allocation();
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            tracing::error!(path = %path.display(), %error, "the saved allocation is of no use");
            Allocation::default()
        }),
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                tracing::error!(path = %path.display(), %error, "cannot read the saved allocation");
            }
            Allocation::default()
        }
    }
}

/// What was read for others to see, or nothing.
fn told<T: Default>(read: Result<T, SwitchError>) -> T {
    read.unwrap_or_else(|error| {
        tracing::warn!(error = crate::fleet::chain(&error), "traffic is told without what cannot be read");
        T::default()
    })
}
