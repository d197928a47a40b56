//! The agent's command line, its start and its end.

use std::{
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
};

use anyhow::Context;
use dnlb_proto::{AgentLink, Hello, JoinToken, LinkOptions, Linked};
use dnlb_switch::{Capacities, EdgeForm, Switch, SwitchOptions};
use nix::mount::{MntFlags, umount2};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use crate::{
    applying::{Applier, Host},
    compute::{ComputeDriver, NetnsDriver},
    fleet::Fleet,
    links::{LinkError, Links},
    probes::{HealthBoard, LinkProber, Probes},
    questions::Respondent,
    run_dir::RunDir,
    status::Status,
    teller::{Teller, TellerOptions},
};

/// Options of `dnlb agent`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The host's name.
    #[arg(long)]
    pub host_id: String,
    /// The host's availability zone.
    #[arg(long)]
    pub az: String,
    /// The host's rack: its failure domain inside the zone.
    #[arg(long)]
    pub rack: String,
    /// The host's address in the underlay, of the family of all hosts'.
    #[arg(long)]
    pub underlay: IpAddr,
    /// The interface towards the underlay.
    #[arg(long)]
    pub uplink: String,
    /// The server, such as `http://192.0.2.1:7443` or `http://[2001:db8::1]:7443`.
    #[arg(long)]
    pub server: String,
    /// File with the secret by which the server admits agents.
    #[arg(long)]
    pub join_token_file: PathBuf,
    /// Directory for everything that outlives the agent.
    #[arg(long)]
    pub run_dir: PathBuf,
    /// Balance elastic IPs at the region's border.
    #[arg(long)]
    pub edge: bool,
    /// Where an edge takes packets from its uplink.
    #[arg(long, value_enum, default_value_t, requires = "edge")]
    pub edge_form: EdgeChoice,
    /// Carry no instances.
    #[arg(long)]
    pub no_compute: bool,
    /// Log one of so many flows, the same ones on every host; 0: none.
    #[arg(long, default_value_t = 100, env = "DNLB_FLOW_LOG_SAMPLE")]
    pub flow_log_sample: u32,
    /// Give no packet a second chance: for tests that must see connections break without it.
    #[arg(long, hide = true, env = "DNLB_NO_SECOND_CHANCE")]
    pub no_second_chance: bool,
    /// What starts instances: a program that understands `guest spawn`.
    #[arg(long, hide = true, default_value = "/proc/self/exe")]
    pub guest_program: PathBuf,
}

/// Where an edge takes packets from its uplink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum EdgeChoice {
    /// In the driver where it can, else as TCX
    #[default]
    Auto,
    /// In the driver (native XDP), or not at all
    Xdp,
    /// Where socket buffers come in: any interface can
    Tcx,
}

impl EdgeChoice {
    /// The form; none: whichever works.
    const fn form(self) -> Option<EdgeForm> {
        match self {
            Self::Auto => None,
            Self::Xdp => Some(EdgeForm::Xdp),
            Self::Tcx => Some(EdgeForm::Tcx),
        }
    }
}

/// Runs the agent until it is told to end; everything goes on forwarding then.
///
/// Must run inside the host's network namespace, as root.
///
/// # Errors
/// What keeps it from starting. Once it runs it reports what goes wrong and tries again.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
    let run_dir = RunDir::new(&options.run_dir);
    run_dir.create()?;
    let _lock = run_dir.lock()?;
    run_dir.mount_bpf()?;

    let token = fs::read_to_string(&options.join_token_file)
        .with_context(|| format!("cannot read {}", options.join_token_file.display()))?;
    let token = JoinToken::parse(&token).with_context(|| options.join_token_file.display().to_string())?;
    let links = Links::open(&options.uplink, options.underlay)?;
    let switch = Switch::open(SwitchOptions { pin_dir: run_dir.bpf(), capacities: Capacities::default() })
        .context("cannot load the switch's programs")?;
    let hello = Hello {
        host: options.host_id.clone().into(),
        az: options.az.clone(),
        rack: options.rack.clone(),
        underlay: options.underlay,
        edge: options.edge,
        compute: !options.no_compute,
    };
    let Linked { configs, traces, questions, reporter } =
        AgentLink::spawn(LinkOptions { server: options.server, token, hello })?;
    let driver = NetnsDriver::new(run_dir.instances(), options.guest_program);
    let respondent = Respondent {
        run_dir: run_dir.clone(),
        driver: driver.clone(),
        configs: configs.clone(),
        edge: options.edge,
        reporter: reporter.clone(),
    };
    let respondent = tokio::spawn(respondent.run(questions));
    let (closed_flows, closed) = mpsc::unbounded_channel();
    let teller = Teller::open(
        &run_dir,
        TellerOptions {
            host: options.host_id.clone(),
            flows_one_in: options.flow_log_sample,
            configs: configs.clone(),
            wanted: traces,
            reporter: reporter.clone(),
            closed_flows: closed,
        },
    )
    .context("cannot read the programs' events")?;
    let teller = tokio::spawn(teller.run(run_dir.clone()));
    let bpf = run_dir.bpf();
    let health = HealthBoard::new(reporter.clone());
    let applier = Applier::new(Host {
        fleet: (!options.no_compute).then(|| Fleet::new(driver, links.clone())),
        run_dir,
        links,
        switch,
        uplink: options.uplink,
        underlay: options.underlay,
        edge: options.edge,
        edge_form: options.edge_form.form(),
        no_second_chance: options.no_second_chance,
        probes: Probes::new(LinkProber, health.clone()),
        health,
        reporter,
        closed_flows,
        status: Status {
            host: options.host_id,
            az: options.az,
            rack: options.rack,
            edge: options.edge,
            pid: std::process::id(),
            ..Status::default()
        },
    });
    tracing::info!("agent started");
    applier
        .run(configs, async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
        .await;
    teller.abort();
    respondent.abort();
    if let Err(error) = Teller::silence(&bpf) {
        tracing::warn!(error = format!("{error:#}"), "programs go on telling of flows");
    }
    tracing::info!("agent ends; the host goes on forwarding");
    Ok(())
}

/// Removes everything that an agent with this directory made: instances, pinned programs and maps, devices, and
/// the directory itself. `namespace` is the host's network namespace; none when it is gone already, and the devices
/// with it.
///
/// # Errors
/// An agent still runs; something could not be removed. Calling it again goes on where it stopped.
pub async fn purge(run_dir: &Path, namespace: Option<&Path>) -> anyhow::Result<()> {
    if !run_dir.exists() {
        return Ok(());
    }
    let run_dir = RunDir::new(run_dir);
    let _lock = run_dir.lock()?;
    let driver = driver(&run_dir);
    for (id, _) in driver.list()? {
        driver.remove(&id).await?;
    }
    remove_devices(&run_dir, namespace).await?;
    fs::remove_dir_all(run_dir.root()).with_context(|| format!("cannot remove {}", run_dir.root().display()))
}

/// Does to a host what a loss of power would: its instances, its devices and its kernel maps are gone, what it has on
/// disk stays. An agent that is started afterwards brings everything back.
///
/// # Errors
/// An agent still runs; something could not be removed.
pub async fn power_off(run_dir: &Path, namespace: Option<&Path>) -> anyhow::Result<()> {
    if !run_dir.exists() {
        return Ok(());
    }
    let run_dir = RunDir::new(run_dir);
    let _lock = run_dir.lock()?;
    driver(&run_dir).power_off().await?;
    remove_devices(&run_dir, namespace).await?;
    // It says which ranges of the maps are taken; those maps are gone.
    remove_file(&run_dir.allocation())?;
    remove_file(&run_dir.status())
}

fn driver(run_dir: &RunDir) -> NetnsDriver {
    NetnsDriver::new(run_dir.instances(), "/proc/self/exe")
}

/// Pinned links first: a program that is detached before its device goes has nothing left to forward to.
async fn remove_devices(run_dir: &RunDir, namespace: Option<&Path>) -> anyhow::Result<()> {
    let bpf = run_dir.bpf();
    if run_dir.bpf_mounted()? {
        // Other mount namespaces may still see this file system: what is pinned in it must go by itself. The kernel's
        // own files there cannot be removed, and hold nothing.
        for entry in fs::read_dir(&bpf)? {
            let path = entry?.path();
            if path.extension().is_none_or(|it| it != "debug") {
                remove_tree(&path)?;
            }
        }
        umount2(&bpf, MntFlags::MNT_DETACH).with_context(|| format!("cannot unmount {}", bpf.display()))?;
    }
    match namespace {
        Some(namespace) => match Links::remove_all_inside(namespace).await {
            Err(LinkError::Namespace { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(()),
            other => Ok(other?),
        },
        None => Ok(()),
    }
}

fn remove_tree(path: &Path) -> anyhow::Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.with_context(|| format!("cannot remove {}", path.display()))
}

fn remove_file(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}
