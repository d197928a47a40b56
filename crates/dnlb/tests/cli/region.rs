//! A region for the tests: the program as a server, agents that only say what they would do, and a place to run
//! commands from.

use std::{
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use dnlb_model::{HostId, InstanceReport, InstanceState, Power};
use dnlb_proto::{AgentLink, Hello, JoinToken, LinkOptions, Linked};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_dnlb");
const TOKEN: &str = "0123456789abcdef";
/// Of this machine's loopback; nobody else listens there, so that a free port stays free.
const LOOPBACK: &str = "127.0.77.1";

/// A region; ends when it is dropped.
pub(crate) struct Region {
    server: Child,
    /// Whom to trust, if the server speaks https.
    pub(crate) ca_file: PathBuf,
    dir: tempfile::TempDir,
    pub(crate) endpoint: String,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    /// Whether agents acknowledge what they get.
    acknowledge: Arc<AtomicBool>,
    _agents: tokio::runtime::Runtime,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) error: String,
}

impl Region {
    /// Two zones with a host each.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// The same, with more options of the server.
    pub(crate) fn with(options: &[&str]) -> Self {
        Self::begin(options, None)
    }

    /// The same; the server's certificate is of an authority elsewhere.
    pub(crate) fn with_trusted(options: &[&str], ca_file: &Path) -> Self {
        Self::begin(options, Some(ca_file.to_owned()))
    }

    fn begin(options: &[&str], ca_file: Option<PathBuf>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (api, agents) = (free_address(), free_address());
        let file = |name: &str| dir.path().join(name);
        std::fs::write(file("token"), TOKEN).unwrap();
        let server = Command::new(PROGRAM)
            .args(["server", "--region", "lab-1", "--azs", "lab-1a,lab-1b"])
            .args(["--eip-pool", "203.0.113.0/24", "--quota", "vpcs=2"])
            .args(["--api-listen", &api, "--agent-listen", &agents])
            .args(options)
            .arg("--data-dir")
            .arg(file("data"))
            .arg("--join-token-file")
            .arg(file("token"))
            .arg("--access-key-file")
            .arg(file("key.json"))
            .stderr(std::fs::File::create(file("log")).unwrap())
            .spawn()
            .unwrap();
        let acknowledge = Arc::new(AtomicBool::new(true));
        let runtime = stand_ins(&agents, &acknowledge);
        // Where the server's own authority is, if it has one.
        let ca_file = ca_file.unwrap_or_else(|| file("data/tls/ca.pem"));
        let mut region = Self {
            server,
            ca_file,
            dir,
            endpoint: api,
            access_key: String::new(),
            secret_key: String::new(),
            acknowledge,
            _agents: runtime,
        };
        region.ready();
        region
    }

    fn ready(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Ok(text) = std::fs::read(self.dir.path().join("key.json"))
                && let Ok(key) = serde_json::from_slice::<Value>(&text)
            {
                self.access_key = key["accessKey"].as_str().unwrap().to_owned();
                self.secret_key = key["secretKey"].as_str().unwrap().to_owned();
                let said = self.run("status -o json");
                if said.code == 0 && said.json()["hosts"].as_array().is_some_and(|hosts| hosts.len() == 2) {
                    return;
                }
            }
            let log = || std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "no region after a minute: {}", log());
            sleep(Duration::from_millis(50));
        }
    }

    /// Where the test's files are.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Asks the server to look at its certificates.
    pub(crate) fn hang_up(&self) {
        kill(Pid::from_raw(self.server.id().try_into().unwrap()), Signal::SIGHUP).unwrap();
    }

    /// The program, as somebody without any settings runs it.
    pub(crate) fn bare(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command.env_clear().env("HOME", self.dir()).env("XDG_CONFIG_HOME", self.dir().join("config"));
        command.current_dir(self.dir()).stdin(Stdio::null());
        command
    }

    /// Runs a command with the region's key.
    pub(crate) fn run(&self, line: &str) -> Said {
        let mut command = self.bare();
        command
            .args(line.split_whitespace())
            .env("DNLB_ENDPOINT", &self.endpoint)
            .env("DNLB_REGION", "lab-1")
            .env("DNLB_ACCESS_KEY", &self.access_key)
            .env("DNLB_SECRET_KEY", &self.secret_key);
        if self.ca_file.exists() {
            command.env("DNLB_CA_FILE", &self.ca_file);
        }
        said(&mut command, "")
    }

    /// Runs a command that must work; what it says on the standard output.
    #[track_caller]
    pub(crate) fn done(&self, line: &str) -> String {
        let said = self.run(line);
        assert_eq!(said.code, 0, "dnlb {line}: {}{}", said.error, said.out);
        said.out
    }

    /// Runs a command that must fail; what it says on the standard error.
    #[track_caller]
    pub(crate) fn refused(&self, line: &str) -> String {
        let said = self.run(line);
        assert_ne!(said.code, 0, "dnlb {line}: {}", said.out);
        said.error
    }

    /// Fields of the one resource of that name.
    #[track_caller]
    pub(crate) fn show(&self, kind: &str, name: &str) -> Value {
        serde_json::from_str(&self.done(&format!("{kind} show {name} -o json"))).unwrap()
    }

    pub(crate) fn revision(&self) -> u64 {
        self.run("status -o json").json()["revision"].as_u64().unwrap()
    }

    /// Whether agents acknowledge what they get from now on.
    pub(crate) fn acknowledge(&self, yes: bool) {
        self.acknowledge.store(yes, Ordering::SeqCst);
    }

    /// Writes a file into the folder in which commands run.
    pub(crate) fn file(&self, name: &str, text: &str) {
        std::fs::write(self.dir().join(name), text).unwrap();
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Said {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {}{}", self.out, self.error))
    }
}

/// Runs a command with something on its standard input.
pub(crate) fn said(command: &mut Command, input: &str) -> Said {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Whoever does not read it has ended already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        error: String::from_utf8(output.stderr).unwrap(),
    }
}

fn free_address() -> String {
    TcpListener::bind((LOOPBACK, 0)).unwrap().local_addr().unwrap().to_string()
}

/// Two hosts on which every instance runs as soon as it is heard of.
fn stand_ins(server: &str, acknowledge: &Arc<AtomicBool>) -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    for (number, az) in [(1, "lab-1a"), (2, "lab-1b")] {
        let options = LinkOptions {
            server: format!("http://{server}"),
            token: JoinToken::parse(TOKEN).unwrap(),
            hello: Hello {
                host: HostId(format!("host-{number}")),
                az: az.to_owned(),
                rack: format!("{az}-r1"),
                underlay: [10, 255, 0, number].into(),
                edge: false,
                compute: true,
            },
        };
        let acknowledge = acknowledge.clone();
        runtime.spawn(async move {
            let Linked { mut configs, reporter, .. } = AgentLink::spawn(options).unwrap();
            let mut acknowledged = 0;
            loop {
                let config = configs.borrow_and_update().clone();
                if let Some(config) = config
                    && acknowledge.load(Ordering::SeqCst)
                    && acknowledged != config.revision
                {
                    for (number, instance) in &config.instances {
                        let state = match instance.wanted {
                            Power::On => InstanceState::Running,
                            Power::Off => InstanceState::Stopped,
                        };
                        reporter.instance(InstanceReport { number: *number, state });
                    }
                    reporter.ack(config.revision, "digest", None);
                    acknowledged = config.revision;
                }
                // Also looks whether it may acknowledge again.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
    }
    runtime
}
