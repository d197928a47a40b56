//! The official clients of the API as black boxes: SDKs and command line as users install them, against a real region.
//!
//! Each client is a program of its own, in `clients/`, which does a user's whole work from an empty VPC to healthy targets and
//! back to nothing, and checks every reply. They work at the same time, in one region.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod common;

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use common::Region;

/// What clients make, by the commands that list it.
const LISTS: &[&str] = &[
    "vpc list",
    "subnet list",
    "sg list",
    "acl list",
    "eip list",
    "template list",
    "ag list",
    "instance list",
    "lb list",
    "backend list",
    "listener list",
    "target-group list",
];

#[test]
#[ignore = "needs root, a release build and the clients: `cargo xtask test lab` sees to all of them"]
fn official_clients_do_the_whole_work_and_leave_nothing() {
    let region = Region::up_with("clients", "up --hosts-per-rack 1");
    let clients = [
        ("Python SDK 1.6.180", python("1.6.180", "sdk_workflow.py")),
        ("Python SDK 1.6.354", python("1.6.354", "sdk_workflow.py")),
        ("command line 1.2.12", python("1.6.180", "jdc_workflow.py")),
        ("Node SDK 1.2.202", node("workflow.js")),
    ];
    let failed: Vec<&str> = thread::scope(|scope| {
        let run = |(name, mut command): (&'static str, Command)| {
            let region = &region;
            (name, scope.spawn(move || region.access(&mut command).output().unwrap()))
        };
        let running: Vec<_> = clients.into_iter().map(run).collect();
        let ended = running.into_iter().map(|(name, client)| (name, client.join().unwrap()));
        let told = ended.map(|(name, output)| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            println!("{name}: {}\n{}{}", output.status, text(&output.stdout), text(&output.stderr));
            (name, output.status.success())
        });
        told.filter(|(_, fine)| !fine).map(|(name, _)| name).collect()
    });
    assert!(failed.is_empty(), "{failed:?} failed, see above");
    for list in LISTS {
        assert_eq!(region.dnlb(list), serde_json::json!([]), "`dnlb {list}`");
    }
}

/// The same clients, unmodified, over secret connections: a server that makes its own certificate, and clients that are told
/// to trust its authority in the way that their documents name.
#[test]
#[ignore = "needs a release build and the clients: `cargo xtask test lab` sees to both"]
fn official_clients_speak_https() {
    let server = SecretServer::start();
    for (name, mut client) in [
        ("Python SDK 1.6.180", python("1.6.180", "over_https.py")),
        ("Python SDK 1.6.354", python("1.6.354", "over_https.py")),
        ("command line 1.2.12", python("1.6.180", "jdc_over_https.py")),
        ("Node SDK 1.2.202", node("over_https.js")),
    ] {
        let output = server.access(&mut client).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{name}: {}{}", text(&output.stdout), text(&output.stderr));
        let stranger = client.env_remove("REQUESTS_CA_BUNDLE").env_remove("NODE_EXTRA_CA_CERTS");
        assert!(!stranger.output().unwrap().status.success(), "{name} trusts everybody");
    }
}

/// A server without a lab, which speaks https on loopback. Killed when it is dropped.
struct SecretServer {
    process: Child,
    dir: tempfile::TempDir,
    endpoint: String,
    key: serde_json::Value,
}

impl SecretServer {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Both at once, so that they differ.
        let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [endpoint, agents] = ports.map(|port| port.local_addr().unwrap().to_string());
        fs::write(dir.path().join("token"), "0123456789abcdef").unwrap();
        let program =
            std::env::var_os("DNLB_BIN").expect("DNLB_BIN names the binary: run `cargo xtask test lab`");
        let process = Command::new(program)
            .args(["server", "--region", "lab-1", "--azs", "lab-1a", "--tls-name", "localhost"])
            .args(["--api-listen", &endpoint, "--agent-listen", &agents])
            .args(["--data-dir", "data", "--join-token-file", "token", "--access-key-file", "key.json"])
            .current_dir(dir.path())
            .env("RUST_LOG", "warn")
            .spawn()
            .unwrap();
        let mut server = Self { process, dir, endpoint, key: serde_json::Value::Null };
        let deadline = Instant::now() + Duration::from_secs(30);
        while server.key.is_null() {
            assert!(Instant::now() < deadline, "the server is not ready");
            thread::sleep(Duration::from_millis(10));
            // Written before the first request is answered, and requests wait until they are.
            let text = fs::read(server.dir.path().join("key.json")).unwrap_or_default();
            server.key = serde_json::from_slice(&text).unwrap_or_default();
        }
        server
    }

    /// Tells a command where the server is, as whom to call, and whom to trust.
    fn access<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let authority = self.dir.path().join("data/tls/ca.pem");
        let key = |name: &str| self.key[name].as_str().unwrap();
        command
            .env("DNLB_BIN", "")
            .env("DNLB_LAB", "")
            .env("DNLB_ENDPOINT", &self.endpoint)
            .env("DNLB_SCHEME", "https")
            .env("DNLB_REGION", "lab-1")
            .env("DNLB_ACCESS_KEY", key("accessKey"))
            .env("DNLB_SECRET_KEY", key("secretKey"))
            .env("REQUESTS_CA_BUNDLE", &authority)
            .env("NODE_EXTRA_CA_CERTS", &authority)
    }
}

impl Drop for SecretServer {
    fn drop(&mut self) {
        // Both fail only if it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A program of the Python SDK or the command line.
fn python(version: &str, program: &str) -> Command {
    let mut command = Command::new(installed(&format!("python-{version}/bin/python")));
    command.arg(sources().join("python").join(program)).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// A program of the Node SDK.
fn node(program: &str) -> Command {
    // Where the system's own is too old, `scripts/setup.sh` has put another one there.
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/node/bin/node");
    let mut command = Command::new(if ours.exists() { ours } else { "node".into() });
    command
        .arg(sources().join("node").join(program))
        .env("DNLB_NODE_MODULES", installed("node/node_modules"));
    command
}

/// The programs' sources.
fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../clients")
}

/// Something of what `scripts/setup.sh --clients` has installed.
fn installed(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/clients").join(name);
    assert!(path.exists(), "{} is missing: run `scripts/setup.sh --clients`", path.display());
    path
}
