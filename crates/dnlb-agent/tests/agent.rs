//! A whole agent in a real kernel, without a server: needs root, touches nothing outside a fresh network namespace.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    collections::BTreeMap,
    fs,
    net::IpAddr,
    os::fd::AsRawFd,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

use dnlb_agent::{RunDir, purge};
use dnlb_model::{
    Algorithm, BackendConfig, CheckConfig, CheckProtocol, Direction, EndpointConfig, FilterRule, HealthCheck,
    HostConfig, InstanceConfig, MemberConfig, MemberSet, Power, Protocol, RuleProtocol, ServiceConfig,
};
use serde_json::Value;

const VNI: u32 = 5;
const VIP: &str = "10.0.1.100";

/// An agent as a process of its own, in the calling thread's network namespace; killed when dropped.
struct Agent(Child);

impl Agent {
    fn start(run_dir: &Path) -> Self {
        let token = run_dir.join("token");
        fs::write(&token, "0123456789abcdef\n").unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_dnlb-host"))
            .args([
                "agent",
                "--host-id",
                "host-1",
                "--az",
                "lab-1a",
                "--rack",
                "r1",
                "--underlay",
                "192.0.2.1",
            ])
            // The discard port of loopback: no server ever answers there.
            .args(["--uplink", "up0", "--server", "http://127.0.0.1:9", "--join-token-file"])
            .arg(&token)
            .arg("--run-dir")
            .arg(run_dir)
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Asks it to end, and how it did.
    fn terminate(mut self) -> ExitStatus {
        sh(&format!("kill -TERM {}", self.0.id()));
        self.0.wait().unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Fails for one that has been waited for.
        let _ = self.0.kill();
        self.0.wait().unwrap();
    }
}

/// Removes what the agent made, also when the test fails.
struct Wipe {
    run_dir: PathBuf,
    netns: fs::File,
}

impl Wipe {
    fn run(&self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let netns = PathBuf::from(format!("/proc/self/fd/{}", self.netns.as_raw_fd()));
        runtime.block_on(purge(&self.run_dir, Some(&netns)))
    }
}

impl Drop for Wipe {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{:#}", status(&self.run_dir).unwrap_or_default());
            if let Err(error) = self.run() {
                eprintln!("{error:#}");
            }
        }
    }
}

fn sh(script: &str) -> String {
    let out = Command::new("bash").args(["-ec", script]).output().unwrap();
    assert!(out.status.success(), "{script}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn status(run_dir: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(run_dir.join("status.json")).ok()?).ok()
}

fn addr(number: u32) -> IpAddr {
    format!("10.0.1.{}", 10 + number).parse().unwrap()
}

/// The instance that only calls.
const CLIENT: u32 = 9;

/// Instances 1 to `count` behind a VIP, port 80 -> 8080, and the client; everything allowed.
fn config(revision: u64, count: u32) -> HostConfig {
    let any = |direction| FilterRule {
        direction,
        protocol: RuleProtocol::All,
        prefix: "0.0.0.0/0".parse().unwrap(),
        ports: (0, 0),
        allow: true,
    };
    let check = HealthCheck {
        protocol: CheckProtocol::Tcp,
        healthy_threshold: 2,
        unhealthy_threshold: 2,
        timeout_seconds: 2,
        interval_seconds: 5,
        port: 0,
    };
    let instance = |number: u32| InstanceConfig {
        number,
        id: format!("i-test{number}").into(),
        name: format!("web-{number}"),
        vni: VNI,
        addr: addr(number),
        subnet: "10.0.1.0/24".parse().unwrap(),
        security_rules: vec![any(Direction::In), any(Direction::Out)],
        acl_rules: None,
        wanted: Power::On,
        boot: 0,
        instance_type: "g.n2.small".into(),
        image: "img-web".into(),
        launch_script: None,
        metadata: BTreeMap::new(),
        checks: BTreeMap::from([(3, CheckConfig { port: 8080, check: check.clone() })]),
    };
    let numbers = 1..=count;
    let all = || (1..=count).chain([CLIENT]);
    let members = numbers.clone().map(|n| (n, MemberConfig { host: 1, weight: 10 })).collect();
    HostConfig {
        revision,
        region: "lab-1".into(),
        host: 1,
        host_id: "host-1".into(),
        az: "lab-1a".into(),
        rack: "r1".into(),
        edge: false,
        hash_key: [7; 24],
        hosts: BTreeMap::from([(1, "192.0.2.1".parse().unwrap())]),
        peers: std::collections::BTreeSet::new(),
        endpoints: all().map(|n| ((VNI, addr(n)), EndpointConfig { instance: n, host: 1 })).collect(),
        instances: all().map(|n| (n, instance(n))).collect(),
        idle: vec![],
        services: vec![ServiceConfig {
            number: 1,
            vni: VNI,
            vip: VIP.parse().unwrap(),
            eip: None,
            protocol: Protocol::Tcp,
            port: 80,
            backend: 3,
            idle_seconds: None,
        }],
        backends: BTreeMap::from([(
            3,
            BackendConfig {
                silent: false,
                algorithm: Algorithm::QuintupleHash,
                targets: numbers.map(|n| (n, 8080)).collect(),
                others: BTreeMap::new(),
                unheard: Default::default(),
                generations: vec![MemberSet { members, rows: 1024 }],
            },
        )]),
        names: Default::default(),
    }
}

fn give(run_dir: &Path, config: &HostConfig) {
    fs::write(RunDir::new(run_dir).config(), dnlb_proto::encode_config(config)).unwrap();
}

/// Waits until the agent says that `revision` is applied, and `count` instances run and are healthy; their pids.
fn settled(run_dir: &Path, revision: u64, count: usize) -> Vec<u64> {
    eventually("a settled host", || {
        let status = status(run_dir)?;
        let instances = status["instances"].as_array()?;
        let running = instances.iter().filter(|it| it["state"] == "Running").count();
        let healthy = status["targets"].as_array()?.iter().filter(|it| it["healthy"] == true).count();
        let done = status["applied"] == revision && instances.len() == count;
        (done && running == count && healthy == count)
            .then(|| instances.iter().filter_map(|it| it["pid"].as_u64()).collect())
    })
}

/// Calls the VIP from inside the client, which comes last; the id of who answered.
fn call_vip(pids: &[u64]) -> Option<String> {
    let pid = pids.last()?;
    let script = format!("nsenter -t {pid} -n curl -sf -m 3 http://{VIP}/");
    let out = Command::new("bash").args(["-ec", &script]).output().unwrap();
    let answer: Value = serde_json::from_slice(&out.stdout).ok()?;
    Some(answer["instance"].as_str()?.to_owned())
}

#[test]
#[ignore = "needs root"]
fn a_host_serves_without_a_server_and_survives_the_death_of_its_agent() {
    let test = std::thread::spawn(|| {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
        sh("ip link set lo up && ip link add up0 mtu 1500 type veth peer name up1 && ip link set up0 up");
        sh("ip link set up1 up && ip addr add 192.0.2.1/24 dev up0");
        let dir = tempfile::tempdir().unwrap();
        let run_dir: PathBuf = dir.path().join("run");
        RunDir::new(&run_dir).create().unwrap();
        give(&run_dir, &config(1, 2));

        let wipe =
            Wipe { run_dir: run_dir.clone(), netns: fs::File::open("/proc/thread-self/ns/net").unwrap() };
        let agent = Agent::start(&run_dir);
        let pids = settled(&run_dir, 1, 3);
        let served: Vec<_> = (0..20).map(|_| call_vip(&pids).expect("an answer")).collect();
        assert!(
            served.iter().any(|it| it == "i-test1") && served.iter().any(|it| it == "i-test2"),
            "{served:?}"
        );

        // Dead agent: traffic goes on. New agent: takes everything over, starts nothing a second time.
        drop(agent);
        assert!((0..5).all(|_| call_vip(&pids).is_some()), "no answer without the agent");
        fs::remove_file(run_dir.join("status.json")).unwrap();
        let agent = Agent::start(&run_dir);
        assert_eq!(settled(&run_dir, 1, 3), pids);
        assert!(call_vip(&pids).is_some());

        // A broken device is repaired, a crashed instance is told.
        sh("ip link del dnlb-i2");
        eventually("the link's repair", || {
            let back = Command::new("ip").args(["link", "show", "dnlb-i2"]).output().unwrap();
            back.status.success().then_some(())
        });
        eventually("an answer of the repaired instance", || (call_vip(&pids)? == "i-test2").then_some(()));
        sh(&format!("kill -9 {}", pids[1]));
        eventually("the crash in the status", || {
            let state = &status(&run_dir)?["instances"][1]["state"];
            (state["Error"] == "killed by signal 9").then_some(())
        });
        drop(agent);

        // The next configuration, at the next start: one instance less.
        give(&run_dir, &config(2, 1));
        fs::remove_file(run_dir.join("status.json")).unwrap();
        let agent = Agent::start(&run_dir);
        assert_eq!(settled(&run_dir, 2, 2), [pids[0], pids[2]]);
        eventually("the removal", || (!run_dir.join("instances/i-test2").exists()).then_some(()));
        assert_eq!(call_vip(&pids).as_deref(), Some("i-test1"));

        let refused = wipe.run().unwrap_err();
        assert!(refused.to_string().contains("another agent"), "{refused}");
        assert!(agent.terminate().success());
        wipe.run().unwrap();
        assert!(!run_dir.exists());
        assert_eq!(sh("ip -o link | grep -c dnlb- || true").trim(), "0");
        assert!(!Path::new(&format!("/proc/{}", pids[0])).exists());
    });
    test.join().unwrap();
}
