//! The real server as a process of its own.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::atomic::{AtomicU8, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use dnlb_api::client::Client;
use serde_json::Value;

/// Secret by which agents join.
#[allow(dead_code, reason = "not every test that includes this file has agents")]
pub(crate) const TOKEN: &str = "a-token-of-the-tests";

/// How long a server may take to be ready, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where servers of one test run, one after the other.
pub(crate) struct Site {
    /// The server's data directory.
    pub(crate) data: PathBuf,
    /// Where agents connect.
    #[allow(dead_code, reason = "not every test that includes this file has agents")]
    pub(crate) agents: String,
    api: String,
    log: PathBuf,
    token: PathBuf,
    quotas: Vec<String>,
}

/// A running server. Killed when it is dropped.
pub(crate) struct Server {
    child: Child,
}

impl Site {
    /// A place below `dir`, with ports of its own.
    pub(crate) fn new(dir: &Path, quotas: &[&str]) -> Self {
        // An address of its own: while a server is restarted nobody else takes its ports.
        static SITES: AtomicU8 = AtomicU8::new(64);
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let addr = Ipv4Addr::new(127, SITES.fetch_add(1, Ordering::Relaxed), high, low.max(1));
        // Both at once, so that they differ.
        let [agents, api] = [(); 2].map(|()| TcpListener::bind((addr, 0)).unwrap());
        let port = |listener: TcpListener| listener.local_addr().unwrap().to_string();
        let token = dir.join("token");
        fs::write(&token, TOKEN).unwrap();
        Self {
            data: dir.join("data"),
            agents: port(agents),
            api: port(api),
            log: dir.join("log"),
            token,
            quotas: quotas.iter().map(|quota| format!("--quota={quota}")).collect(),
        }
    }

    /// Starts a server; it need not be ready yet.
    pub(crate) fn start(&self) -> Server {
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_dnlb"))
            .args(["server", "--region", "lab-1", "--azs", "lab-1a,lab-1b", "--eip-pool", "203.0.112.0/20"])
            .args(["--api-listen", &self.api, "--agent-listen", &self.agents])
            .arg("--data-dir")
            .arg(&self.data)
            .arg("--join-token-file")
            .arg(&self.token)
            .args(&self.quotas)
            .env("RUST_LOG", "warn")
            .stderr(log)
            .spawn()
            .unwrap();
        Server { child }
    }

    /// Waits until a server answers.
    pub(crate) fn ready(&self, server: &mut Server) -> Client {
        let started = Instant::now();
        loop {
            if let Some(client) = self.client()
                && client.call("dnlb", "GET", "status", &[], None::<&Value>).is_ok()
            {
                return client;
            }
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none(), "the server ended ({ended:?}):\n{}", self.log());
            assert!(started.elapsed() < PATIENCE, "the server is not ready:\n{}", self.log());
            sleep(Duration::from_millis(5));
        }
    }

    /// Starts a server that must end by itself with an error; what it says.
    #[allow(dead_code, reason = "not every test that includes this file has such a server")]
    pub(crate) fn fails(&self) -> String {
        let mut server = self.start();
        let status = server.child.wait().unwrap();
        assert!(!status.success(), "it ended well");
        self.log()
    }

    /// What servers have said here.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Runs `dnlb server` with the arguments of a maintenance command; what it says, also if it fails.
    #[allow(dead_code, reason = "not every test that includes this file does maintenance")]
    pub(crate) fn maintain(&self, command: &str, arguments: &[&str]) -> Result<Value, String> {
        let output = Command::new(env!("CARGO_BIN_EXE_dnlb"))
            .args(["-o", "json", "server", command, "--data-dir"])
            .arg(&self.data)
            .args(arguments)
            .output()
            .unwrap();
        if output.status.success() {
            Ok(serde_json::from_slice(&output.stdout).unwrap())
        } else {
            Err(String::from_utf8(output.stderr).unwrap())
        }
    }

    /// The client of the key that the first server made.
    fn client(&self) -> Option<Client> {
        let text = fs::read(self.data.join("access-key.json")).ok()?;
        let key: Value = serde_json::from_slice(&text).ok()?;
        Some(Client {
            endpoint: self.api.clone(),
            trust: None,
            region: "lab-1".into(),
            access_key: key["accessKey"].as_str()?.into(),
            secret_key: key["secretKey"].as_str()?.into(),
            token: None,
        })
    }
}

impl Server {
    /// SIGKILL; returns when the process is gone.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // Both fail only if it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}
