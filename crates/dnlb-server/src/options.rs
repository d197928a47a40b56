//! How the server is started.

use std::{
    fs,
    io::IsTerminal,
    net::{IpAddr, SocketAddr},
    os::fd::{FromRawFd, RawFd},
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, bail, ensure};
use dnlb_model::{Region, RegionSettings};
use dnlb_proto::JoinToken;
use ipnet::IpNet;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{
    RegionStore, TransactError,
    access::{FirstAdmin, bootstrap::FIRST_NAME},
    agents,
    console::{self, Console},
    control::{self, LivenessLimits},
    http::{self, Api, CallLimits, Door, Limits},
    journal::retention,
    maintenance,
    metrics::{Metrics, MetricsLimits},
    observed::SharedObserved,
    ops::{QuotaSetting, Quotas},
    tls::{self, Certificates, Scheme, TlsOptions},
};

/// Runs a region's server: API, agents' streams and control loop.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Name of the region, such as lab-1
    #[arg(long)]
    pub region: String,
    /// Its availability zones; a zone's name is the region's and a letter
    #[arg(long, value_delimiter = ',', required = true)]
    pub azs: Vec<String>,
    /// Directory of everything that must survive
    #[arg(long)]
    pub data_dir: PathBuf,
    /// Address on which the API listens: by plain HTTP if it is of loopback, else by https
    #[arg(long, required_unless_present = "api_fd", conflicts_with = "api_fd")]
    pub api_listen: Option<SocketAddr>,
    /// Inherited listening socket of the API
    #[arg(long)]
    pub api_fd: Option<RawFd>,
    /// File with the API's certificate in PEM, and after it those between it and its authority; without it, the server
    /// makes one, signed by an authority of its own in DATA_DIR/tls
    // These four are no flattened struct: with one inside, clap would take an `Option<Options>` for none, always.
    #[arg(long, requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// File with that certificate's key in PEM
    #[arg(long, requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Name or address by which clients call the API, for the certificate that the server makes; may be repeated. Asks for
    /// https also on a loopback address
    #[arg(long = "tls-name", conflicts_with = "tls_cert")]
    pub tls_names: Vec<String>,
    /// Speak plain HTTP also on an address that others reach: whoever is on the way reads and changes everything
    #[arg(long, conflicts_with_all = ["tls_cert", "tls_names"])]
    pub allow_http: bool,
    /// Address in the underlay on which agents connect
    #[arg(long)]
    pub agent_listen: SocketAddr,
    /// Block from which elastic IPs come, of either family; may be repeated
    #[arg(long = "eip-pool")]
    pub eip_pools: Vec<IpNet>,
    /// File with the secret by which agents join
    #[arg(long)]
    pub join_token_file: PathBuf,
    /// File with the first administrator's access key and password; made at the first start, not looked at later [default: DATA_DIR/access-key.json]
    #[arg(long)]
    pub access_key_file: Option<PathBuf>,
    /// Days for which records of changes and events are kept
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub records_days: u32,
    /// Days for which minutes of metrics are kept
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub metrics_days: u32,
    /// MiB that minutes of metrics may take in DATA_DIR; the oldest go first
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    pub metrics_file_mib: u32,
    /// MiB of memory that the last hour's seconds of metrics may take; the oldest go first
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    pub metrics_memory_mib: u32,
    /// Requests that a user may make a second; twice as many at once [default: 500]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub requests_per_second: Option<u32>,
    /// Changes a quota, such as instances=200; may be repeated
    #[arg(long = "quota")]
    pub quotas: Vec<QuotaSetting>,
}

impl Options {
    fn metrics_limits(&self) -> MetricsLimits {
        MetricsLimits {
            days: self.metrics_days,
            file_bytes: u64::from(self.metrics_file_mib) << 20,
            memory_bytes: (self.metrics_memory_mib as usize) << 20,
        }
    }

    fn tls(&self) -> TlsOptions {
        TlsOptions {
            tls_cert: self.tls_cert.clone(),
            tls_key: self.tls_key.clone(),
            tls_names: self.tls_names.clone(),
            allow_http: self.allow_http,
        }
    }
}

/// Runs the server, with the console that it serves, until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot start, or one of its sockets fails.
pub async fn run(options: Options, console: Console) -> anyhow::Result<()> {
    // First of all, so that a signal that comes early is not lost.
    let ended = end_signal()?;
    ensure!(!options.azs.is_empty(), "a region has at least one zone");
    for az in &options.azs {
        let suffix = az.strip_prefix(options.region.as_str()).unwrap_or_default();
        ensure!(
            !suffix.is_empty(),
            "zone `{az}` does not begin with the region's name, `{}`",
            options.region
        );
    }
    // Maps hold IPv4 addresses in this form.
    let mapped = |pool: &&IpNet| matches!(pool.addr(), IpAddr::V6(addr) if addr.to_ipv4_mapped().is_some());
    if let Some(pool) = options.eip_pools.iter().find(mapped) {
        bail!("--eip-pool {pool}: give it as IPv4");
    }
    maintenance::make_data_dir(&options.data_dir)?;
    let token = fs::read_to_string(&options.join_token_file)
        .with_context(|| format!("cannot read {}", options.join_token_file.display()))?;
    let token = JoinToken::parse(&token)
        .with_context(|| format!("{} holds no join token", options.join_token_file.display()))?;
    let key_file =
        options.access_key_file.clone().unwrap_or_else(|| options.data_dir.join("access-key.json"));
    let door = door(&options)?;
    let agent_listener = TcpListener::bind(options.agent_listen)
        .await
        .with_context(|| format!("cannot listen for agents on {}", options.agent_listen))?;
    let region = open_region(&options).await?;
    first_admin(&region, &key_file).await?;
    tokio::spawn(retention::keep(Arc::clone(region.store()), options.records_days));

    let mut quotas = Quotas::default();
    options.quotas.iter().for_each(|setting| quotas.set(setting));
    let metrics = Metrics::open(&options.data_dir, options.metrics_limits());
    tokio::spawn(metrics.clone().keep(region.subscribe()));
    let observed = SharedObserved::with_metrics(metrics);
    let control = control::spawn(region.clone(), observed.clone(), LivenessLimits::default())
        .context("cannot start the control loop")?;
    let scheme = if door.tls.is_some() { "https" } else { "http" };
    let api_addr = door.listener.local_addr().context("the API's socket has no address")?;
    let console_url = console.is_built().then(|| {
        format!(
            "{scheme}://{}:{}{}",
            tls::in_url(api_addr.ip(), &options.tls_names),
            api_addr.port(),
            console::PATH
        )
    });
    let limits = CallLimits::new(options.requests_per_second);
    let api = Api { region, observed, limits, quotas, console };
    tracing::info!(
        region = options.region,
        api = %api_addr,
        scheme,
        console = console_url,
        connections = door.limits.connections,
        agents = %options.agent_listen,
        "the server is ready",
    );
    let shutdown = |mut ended: watch::Receiver<bool>| async move {
        // An error means that the sender is gone: that, too, is an end.
        let _ = ended.wait_for(|ended| *ended).await;
    };
    let serve_api = http::serve(door, api, shutdown(ended.clone()));
    tokio::select! {
        // Ends by itself after a signal.
        served = serve_api => served.context("the API's socket failed")?,
        served = agents::serve(agent_listener, control, token) => {
            served.context("the agents' socket failed")?;
            bail!("the agents' socket was closed");
        }
    }
    tracing::info!("the server ends");
    Ok(())
}

/// Makes the first administrator, if there is nobody yet, and says so once.
async fn first_admin(region: &RegionStore, key_file: &Path) -> anyhow::Result<()> {
    if !region.snapshot().accounts.is_empty() {
        return Ok(());
    }
    let (admin, new_file) = FirstAdmin::open(key_file)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    match region.transact(|region| admin.found(region, key_file, now)).await {
        Ok(()) => {}
        Err(TransactError::Refused(error)) => return Err(error.into()),
        Err(TransactError::Store(error)) => return Err(error).context("cannot make the first administrator"),
    }
    // On a terminal somebody sees it. Elsewhere it would stay in a log.
    if let Some(password) = admin.password.as_deref().filter(|_| new_file && std::io::stdout().is_terminal())
    {
        println!(
            "The first administrator, shown this once:\n  account    {FIRST_NAME}\n  user       {FIRST_NAME}\n  password   {password}\n  access key {}\n  secret key {}\n",
            admin.access_key, admin.secret_key
        );
    }
    tracing::info!(
        file = %key_file.display(),
        "the account `{FIRST_NAME}` was made with the access key and the password in this file: keep them elsewhere and remove it",
    );
    Ok(())
}

/// Becomes true at the first SIGTERM or SIGINT.
fn end_signal() -> anyhow::Result<watch::Receiver<bool>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot watch for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot watch for SIGINT")?;
    let (ended, receiver) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        ended.send_replace(true);
        // Kept open: receivers must see the value, not the end of the channel.
        ended.closed().await;
    });
    Ok(receiver)
}

/// Where the API is served, with a certificate where one is needed.
fn door(options: &Options) -> anyhow::Result<Door> {
    let listener = api_listener(options)?;
    let addr = listener.local_addr().context("the API's socket has no address")?;
    let tls = options.tls();
    let certificates = match tls.scheme(addr.ip()) {
        Scheme::Http => {
            if !addr.ip().to_canonical().is_loopback() {
                tracing::warn!(
                    api = %addr,
                    "the API speaks plain HTTP, as --allow-http wants it: whoever is on the way to it reads passwords and sessions, and can change requests",
                );
            }
            None
        }
        Scheme::HttpsByFiles { certificate, key } => Some(Certificates::of_files(certificate, key)),
        Scheme::HttpsByOwn => {
            let folder = options.data_dir.join("tls");
            let made =
                Certificates::own(&folder, &options.region, addr.ip(), &tls.tls_names, SystemTime::now());
            tracing::info!(
                api = %addr,
                ca_file = %folder.join("ca.pem").display(),
                "the API speaks https by a certificate that the server made: clients have to trust this file",
            );
            Some(made)
        }
    };
    let limits = Limits::of_process();
    let Some(certificates) = certificates.transpose().context("the API has no certificate to show")? else {
        return Ok(Door { listener, tls: None, limits });
    };
    let tls = Some(certificates.acceptor()?);
    // Without TLS there is nothing to look at anew, and the signal ends the server as it ends others.
    let hangup = signal(SignalKind::hangup()).context("cannot watch for SIGHUP")?;
    tokio::spawn(certificates.keep(hangup));
    Ok(Door { listener, tls, limits })
}

fn api_listener(options: &Options) -> anyhow::Result<TcpListener> {
    let listener = match (options.api_fd, options.api_listen) {
        (Some(fd), _) => inherited(fd)?,
        (None, Some(addr)) => {
            std::net::TcpListener::bind(addr).with_context(|| format!("the API cannot listen on {addr}"))?
        }
        (None, None) => bail!("give --api-listen or --api-fd"),
    };
    listener.set_nonblocking(true).context("the API's socket cannot be made non-blocking")?;
    TcpListener::from_std(listener).context("the API's socket cannot be used")
}

/// A listening socket that whoever started us has left open.
#[expect(unsafe_code, reason = "there is no safe way to take over a descriptor by its number")]
fn inherited(fd: RawFd) -> anyhow::Result<std::net::TcpListener> {
    ensure!(fd > 2, "--api-fd {fd}: 0, 1 and 2 are the standard streams");
    let target =
        fs::read_link(format!("/proc/self/fd/{fd}")).with_context(|| format!("--api-fd {fd} is not open"))?;
    ensure!(target.to_string_lossy().starts_with("socket:"), "--api-fd {fd} is not a socket");
    // SAFETY: the descriptor is open, as was just checked, and by the meaning of the option it was left open for
    // this function alone, which is called once, before anything else could have taken that number.
    let listener = unsafe { std::net::TcpListener::from_raw_fd(fd) };
    listener.local_addr().with_context(|| format!("--api-fd {fd} is no TCP socket"))?;
    Ok(listener)
}

/// Opens the region, and lets it have zones and pools as the options say.
async fn open_region(options: &Options) -> anyhow::Result<RegionStore> {
    let store = maintenance::open_store(&options.data_dir)?;
    let mut azs = options.azs.clone();
    azs.sort();
    azs.dedup();
    let mut hash_key = [0; 24];
    hash_key.fill_with(rand::random);
    let initial = RegionSettings {
        name: options.region.clone(),
        azs: azs.clone(),
        eip_pools: options.eip_pools.clone(),
        hash_key,
        ..RegionSettings::default()
    };
    let region = RegionStore::open(Arc::new(store), initial)
        .await
        .with_context(|| format!("cannot read the region in {}", options.data_dir.display()))?;
    let change = region.transact(|region| settle(region, azs, options.eip_pools.clone())).await;
    match change {
        Ok(()) => Ok(region),
        Err(TransactError::Refused(error)) => Err(error),
        Err(TransactError::Store(error)) => Err(error).context("cannot change the region's settings"),
    }
}

/// Zones and pools may change between two starts, but not under whoever uses them.
fn settle(region: &mut Region, azs: Vec<String>, eip_pools: Vec<IpNet>) -> anyhow::Result<()> {
    if let Some(host) = region.hosts.values().find(|host| !azs.contains(&host.az)) {
        bail!("zone {} has host {}: it cannot be left out", host.az, host.id);
    }
    if let Some(ag) = region.ags.values().find(|ag| ag.azs.iter().any(|az| !azs.contains(az))) {
        bail!("availability group {} uses a zone that is left out", ag.id);
    }
    let covered = |eip: &dnlb_model::Eip| eip_pools.iter().any(|pool| pool.contains(&eip.addr));
    if let Some(eip) = region.eips.values().find(|eip| !covered(eip)) {
        bail!("elastic IP {} ({}) is in none of the pools", eip.id, eip.addr);
    }
    let settings = Arc::make_mut(&mut region.settings);
    settings.azs = azs;
    settings.eip_pools = eip_pools;
    Ok(())
}
