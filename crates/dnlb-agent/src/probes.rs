//! Health checks of the host's own instances, through the data path.

mod http;

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use dnlb_abi::{PROBE_SOURCE, PROBE_SOURCE_V6, probe_address, probe_address_v6};
use dnlb_model::{CheckConfig, CheckProtocol, Family, Health, HealthReport, HostConfig};
use dnlb_plan::health::HealthState;
use dnlb_proto::Reporter;
use rand::Rng;
use socket2::{Domain, Socket, Type};
use tokio::{
    net::{TcpSocket, TcpStream, UdpSocket},
    sync::watch,
    task::JoinHandle,
    time::Instant,
};

use crate::links::PROBE_AGENT;

/// Checks of one interval are spread over this part of it, so that a host does not check everything at once.
const SPREAD: u32 = 10;

/// Who hears of health.
pub(crate) trait Audience: Clone + Send + 'static {
    /// What is known of a target now; called after every check that followed a verdict.
    fn health(&self, report: HealthReport);
    /// A target is not checked any more.
    fn forget(&self, backend: u32, instance: u32);
}

/// Passes on to the server and remembers.
#[derive(Clone, Debug)]
pub(crate) struct HealthBoard {
    reporter: Reporter,
    known: Arc<Mutex<BTreeMap<(u32, u32), HealthReport>>>,
}

impl HealthBoard {
    pub(crate) fn new(reporter: Reporter) -> Self {
        Self { reporter, known: Arc::default() }
    }

    /// What is known now.
    pub(crate) fn known(&self) -> Vec<HealthReport> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

impl Audience for HealthBoard {
    fn health(&self, report: HealthReport) {
        let key = (report.backend, report.instance);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, report.clone());
        self.reporter.health(report);
    }

    fn forget(&self, backend: u32, instance: u32) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&(backend, instance));
        self.reporter.forget_health(backend, instance);
    }
}

/// How a target is reached.
pub(crate) trait Prober: Send + Sync + 'static {
    /// Checks the instance with this number and address once; the text says what was found.
    fn probe(
        &self,
        number: u32,
        addr: IpAddr,
        check: &CheckConfig,
    ) -> impl Future<Output = Result<String, String>> + Send;
}

/// Connects through the probe link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkProber;

/// The running checks of a host.
#[derive(Debug)]
pub(crate) struct Probes<P, A> {
    prober: Arc<P>,
    audience: A,
    targets: BTreeMap<(u32, u32), Target>,
}

#[derive(Debug)]
struct Target {
    check: watch::Sender<CheckConfig>,
    task: JoinHandle<()>,
}

impl Drop for Target {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<P: Prober, A: Audience> Probes<P, A> {
    pub(crate) fn new(prober: P, audience: A) -> Self {
        Self { prober: Arc::new(prober), audience, targets: BTreeMap::new() }
    }

    /// Checks what `config` says from now on. What is known of targets that stay is kept.
    ///
    /// New targets are checked once their instance can be reached: an earlier check would only run into its
    /// time-out and delay the first verdict.
    pub(crate) fn update(&mut self, config: &HostConfig, reachable: &BTreeMap<u32, u32>) {
        let wanted: BTreeMap<(u32, u32), (IpAddr, &CheckConfig)> = config
            .instances
            .values()
            .flat_map(|it| it.checks.iter().map(move |(&backend, check)| (backend, it, check)))
            .map(|(backend, it, check)| ((backend, it.number), (it.addr, check)))
            .collect();
        let audience = &self.audience;
        self.targets.retain(|&(backend, instance), _| {
            let stays = wanted.contains_key(&(backend, instance));
            if !stays {
                audience.forget(backend, instance);
            }
            stays
        });
        for ((backend, instance), (addr, check)) in wanted {
            if let Some(target) = self.targets.get(&(backend, instance)) {
                target.check.send_if_modified(|now| {
                    let changed = now != check;
                    now.clone_from(check);
                    changed
                });
                continue;
            }
            if !reachable.contains_key(&instance) {
                continue;
            }
            let (sender, receiver) = watch::channel(check.clone());
            let (prober, audience) = (self.prober.clone(), self.audience.clone());
            let watch = watch_target(prober, audience, backend, (instance, addr), receiver);
            let target = Target { check: sender, task: tokio::spawn(watch) };
            self.targets.insert((backend, instance), target);
        }
    }
}

/// Checks one target until it is aborted.
async fn watch_target<P: Prober, A: Audience>(
    prober: Arc<P>,
    audience: A,
    backend: u32,
    (instance, addr): (u32, IpAddr),
    mut check: watch::Receiver<CheckConfig>,
) {
    let epoch = Instant::now();
    let mut current = check.borrow_and_update().clone();
    let mut state = HealthState::new(current.check.clone(), epoch.elapsed());
    loop {
        let due = epoch + state.next_check() + jitter(&current);
        tokio::select! {
            () = tokio::time::sleep_until(due) => {}
            changed = check.changed() => {
                if changed.is_err() {
                    return;
                }
                current = check.borrow_and_update().clone();
                state.on_check_changed(current.check.clone(), epoch.elapsed());
                continue;
            }
        }
        let (ok, reason) = match prober.probe(instance, addr, &current).await {
            Ok(found) => (true, found),
            Err(found) => (false, found),
        };
        if let Some(transition) = state.on_result(ok, reason, epoch.elapsed()) {
            let (healthy, reason) = (transition.healthy, transition.reason);
            tracing::info!(backend, instance, healthy, reason, "a target's health changed");
        }
        if state.judged() {
            let (healthy, reason) = (state.healthy(), state.reason().to_owned());
            audience.health(HealthReport { backend, instance, healthy, reason });
        }
    }
}

fn jitter(check: &CheckConfig) -> Duration {
    // Short before the first verdict, when checks come every second: a new target should not wait.
    let most = Duration::from_secs(u64::from(check.check.interval_seconds)) / SPREAD / SPREAD;
    most.mul_f64(rand::rng().random())
}

impl Prober for LinkProber {
    async fn probe(&self, number: u32, addr: IpAddr, check: &CheckConfig) -> Result<String, String> {
        let target = match Family::from(addr) {
            Family::V4 => IpAddr::from(probe_address(number)),
            Family::V6 => IpAddr::from(probe_address_v6(number)),
        };
        let limit = Limit::new(check.check.timeout_seconds);
        let connection = limit.hold(Health::NO_ANSWER, connect((target, check.port).into()));
        match &check.check.protocol {
            CheckProtocol::Http(http) => {
                // The target knows itself by its own address.
                let request = http::request(http, (addr, check.port).into());
                let code = limit.hold(Health::NO_REPLY, http::ask(connection.await?, &request)).await?;
                http::verdict(code, &http.codes)
            }
            CheckProtocol::Icmp => {
                limit.hold(Health::NO_ANSWER, ping(target)).await?;
                Ok("answered".to_owned())
            }
            CheckProtocol::Tcp => {
                connection.await?;
                Ok("connected".to_owned())
            }
        }
    }
}

/// How long a check may take, all of its parts together.
#[derive(Clone, Copy, Debug)]
struct Limit {
    seconds: u32,
    deadline: Instant,
}

impl Limit {
    /// From now on.
    fn new(seconds: u32) -> Self {
        Self { seconds, deadline: Instant::now() + Duration::from_secs(seconds.into()) }
    }

    /// Waits for a part of the check; `missing` is what there is not when the time is over.
    async fn hold<T>(&self, missing: &str, part: impl Future<Output = io::Result<T>>) -> Result<T, String> {
        match tokio::time::timeout_at(self.deadline, part).await {
            Ok(found) => found.map_err(|error| in_words(&error)),
            Err(_) => Err(format!("{missing} within {} s", self.seconds)),
        }
    }
}

/// A socket at the probe link's address of the target's family.
fn probe_socket(target: IpAddr, kind: Type, protocol: Option<socket2::Protocol>) -> io::Result<Socket> {
    let (domain, source) = match target {
        IpAddr::V4(_) => (Domain::IPV4, IpAddr::from(PROBE_SOURCE)),
        IpAddr::V6(_) => (Domain::IPV6, IpAddr::from(PROBE_SOURCE_V6)),
    };
    let socket = Socket::new(domain, kind, protocol)?;
    socket.set_nonblocking(true)?;
    socket.bind_device(Some(PROBE_AGENT.as_bytes()))?;
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    Ok(socket)
}

/// Sends one ICMP echo request from the probe link's address and waits for its reply.
async fn ping(target: IpAddr) -> io::Result<()> {
    let family = Family::from(target);
    let protocol = match family {
        Family::V4 => socket2::Protocol::ICMPV4,
        Family::V6 => socket2::Protocol::ICMPV6,
    };
    let socket = probe_socket(target, Type::RAW, Some(protocol))?;
    // Only what comes from the target is received then.
    socket.connect(&SocketAddr::from((target, 0)).into())?;
    // To the runtime it is a socket of datagrams like any other.
    let socket = UdpSocket::from_std(std::net::UdpSocket::from(socket))?;
    let (id, sequence) = (rand::rng().random(), rand::rng().random());
    socket.send(&echo::request(family, id, sequence)).await?;
    let mut received = [0; 256];
    loop {
        let len = socket.recv(&mut received).await?;
        if echo::answers(family, &received[..len], id, sequence) {
            return Ok(());
        }
    }
}

/// ICMP echo messages.
///
/// Source: RFC 792 and RFC 4443, section 4.
mod echo {
    use dnlb_model::Family;
    use dnlb_wire::{fold, sum};

    /// Types of request and reply.
    const fn kinds(family: Family) -> (u8, u8) {
        match family {
            Family::V4 => (8, 0),
            Family::V6 => (128, 129),
        }
    }

    /// An echo request. The checksum of ICMPv6 covers addresses, too: raw sockets fill it in.
    pub(super) fn request(family: Family, id: u16, sequence: u16) -> [u8; 16] {
        let kind = kinds(family).0;
        let mut message = [kind, 0, 0, 0, 0, 0, 0, 0, b'd', b'n', b'l', b'b', b' ', b'u', b'p', b'?'];
        message[4..6].copy_from_slice(&id.to_be_bytes());
        message[6..8].copy_from_slice(&sequence.to_be_bytes());
        if family == Family::V4 {
            let check = !fold(sum(&message, 0));
            message[2..4].copy_from_slice(&check.to_be_bytes());
        }
        message
    }

    /// Whether what a raw socket gives is the reply to the request with these numbers: of IPv4 a whole packet, of IPv6
    /// the message alone.
    pub(super) fn answers(family: Family, received: &[u8], id: u16, sequence: u16) -> bool {
        let header = match family {
            Family::V4 => received.first().map_or(0, |first| usize::from(first & 15) * 4),
            Family::V6 => 0,
        };
        let Some([kind, code, _, _, i, j, s, t, ..]) = received.get(header..) else {
            return false;
        };
        let numbers = (u16::from_be_bytes([*i, *j]), u16::from_be_bytes([*s, *t]));
        (*kind, *code) == (kinds(family).1, 0) && numbers == (id, sequence)
    }
}

/// Connects from the probe link's address; the connection is reset when it is let go.
async fn connect(target: SocketAddr) -> io::Result<TcpStream> {
    let socket = probe_socket(target.ip(), Type::STREAM, None)?;
    // Closing sends a reset: no TIME_WAIT that would use up ports, and the server sees at once that it is over.
    socket.set_linger(Some(Duration::ZERO))?;
    TcpSocket::from_std_stream(socket.into()).connect(target).await
}

/// What went wrong, without anything that differs from check to check.
fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Health::RESET.to_owned(),
        io::ErrorKind::HostUnreachable => "host unreachable".to_owned(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".to_owned(),
        io::ErrorKind::TimedOut => Health::NO_ANSWER.to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use dnlb_model::{HealthCheck, InstanceConfig, Power};

    use super::*;

    /// Answers each target as the test says.
    #[derive(Default)]
    struct Script(Mutex<BTreeMap<u32, bool>>);

    impl Prober for Script {
        async fn probe(&self, number: u32, addr: IpAddr, check: &CheckConfig) -> Result<String, String> {
            assert_eq!((check.port, addr), (8080, [10, 0, 0, 5].into()));
            let up = self.0.lock().unwrap().get(&number).copied().unwrap_or_default();
            if up { Ok("connected".into()) } else { Err("connection refused".into()) }
        }
    }

    type Known = BTreeMap<(u32, u32), (bool, String)>;

    #[derive(Clone, Default)]
    struct Ears {
        known: Arc<Mutex<Known>>,
        heard: Arc<tokio::sync::Notify>,
    }

    impl Audience for Ears {
        fn health(&self, report: HealthReport) {
            let value = (report.healthy, report.reason);
            self.known.lock().unwrap().insert((report.backend, report.instance), value);
            self.heard.notify_one();
        }

        fn forget(&self, backend: u32, instance: u32) {
            self.known.lock().unwrap().remove(&(backend, instance));
        }
    }

    impl Ears {
        async fn until(&self, target: (u32, u32), healthy: bool) -> String {
            loop {
                if let Some((now, reason)) = self.known.lock().unwrap().get(&target)
                    && *now == healthy
                {
                    return reason.clone();
                }
                self.heard.notified().await;
            }
        }
    }

    fn config(instances: &[u32]) -> HostConfig {
        let check = HealthCheck {
            protocol: CheckProtocol::Tcp,
            healthy_threshold: 3,
            unhealthy_threshold: 2,
            timeout_seconds: 2,
            interval_seconds: 5,
            port: 0,
        };
        let instance = |number: u32| InstanceConfig {
            number,
            id: format!("i-{number}").into(),
            name: String::new(),
            vni: 1,
            addr: [10, 0, 0, 5].into(),
            subnet: "10.0.0.0/24".parse().unwrap(),
            security_rules: vec![],
            acl_rules: None,
            wanted: Power::On,
            boot: 0,
            instance_type: String::new(),
            image: String::new(),
            launch_script: None,
            metadata: BTreeMap::new(),
            checks: BTreeMap::from([(7, CheckConfig { port: 8080, check: check.clone() })]),
        };
        HostConfig {
            revision: 1,
            region: String::new(),
            host: 1,
            host_id: String::new(),
            az: String::new(),
            rack: String::new(),
            edge: false,
            hash_key: [0; 24],
            hosts: BTreeMap::new(),
            peers: std::collections::BTreeSet::new(),
            endpoints: BTreeMap::new(),
            instances: instances.iter().map(|&number| (number, instance(number))).collect(),
            services: vec![],
            idle: vec![],
            backends: BTreeMap::new(),
            names: Default::default(),
        }
    }

    #[test]
    fn a_ping_is_answered_by_a_reply_with_its_numbers() {
        let request = echo::request(Family::V4, 0x1234, 7);
        assert_eq!(dnlb_wire::fold(dnlb_wire::sum(&request, 0)), 0xffff);
        for (family, header, reply) in [(Family::V4, 24, 0), (Family::V6, 0, 129)] {
            let mut received = vec![0x46; header];
            received.extend(echo::request(family, 0x1234, 7));
            let answers = |received: &[u8], id, sequence| echo::answers(family, received, id, sequence);
            assert!(!answers(&received, 0x1234, 7), "a request");
            received[header] = reply;
            assert!(answers(&received, 0x1234, 7));
            assert!(!answers(&received, 0x1234, 8) && !answers(&received, 0x1235, 7));
            for len in 0..header + 8 {
                assert!(!answers(&received[..len], 0x1234, 7));
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn health_follows_the_checks_and_is_forgotten_with_its_target() {
        let ears = Ears::default();
        let mut probes = Probes::new(Script::default(), ears.clone());
        let prober = probes.prober.clone();
        prober.0.lock().unwrap().insert(1, true);
        let reachable = BTreeMap::from([(1, 11), (2, 12)]);
        let began = Instant::now();
        probes.update(&config(&[1, 2, 3]), &reachable);
        assert_eq!(ears.until((7, 1), true).await, "connected");
        assert!(began.elapsed() < Duration::from_secs(3), "took {:?}", began.elapsed());
        assert_eq!(ears.until((7, 2), false).await, "connection refused");

        prober.0.lock().unwrap().insert(1, false);
        let began = Instant::now();
        ears.until((7, 1), false).await;
        assert!(began.elapsed() < Duration::from_secs(11), "took {:?}", began.elapsed());
        assert!(!ears.known.lock().unwrap().contains_key(&(7, 3)), "3 cannot be reached yet");

        // What stays keeps its state; what goes is forgotten and not checked any more.
        probes.update(&config(&[1]), &BTreeMap::new());
        tokio::time::sleep(Duration::from_secs(60)).await;
        let known: Vec<_> = ears.known.lock().unwrap().keys().copied().collect();
        assert_eq!(known, [(7, 1)]);
    }
}
