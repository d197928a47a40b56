//! A lab of one test, driven by the binary as users get it.
#![allow(dead_code, reason = "every test is a program of its own and uses its part of this")]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

use dnlb_lab::{Lab, Process};
use serde_json::Value;

/// No test needs a quarter as long; one that hangs must not hold up all others.
const LIMIT: Duration = Duration::from_mins(10);

/// A lab; removed when dropped.
pub(crate) struct Region {
    name: &'static str,
    program: PathBuf,
    _limit: Sender<()>,
}

/// What the load tool counted.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) failed: u64,
    pub(crate) errors: Value,
    pub(crate) instances: BTreeMap<String, u64>,
    pub(crate) clients: Vec<String>,
}

impl Served {
    /// An instance's share of all answers, in percent.
    pub(crate) fn share(&self, instance: &str) -> f64 {
        let total: u64 = self.instances.values().sum();
        self.instances.get(instance).copied().unwrap_or(0) as f64 * 100.0 / total as f64
    }
}

/// Ends the tests when what it returns is not dropped in time.
fn limit(name: &'static str) -> Sender<()> {
    let (limit, over) = channel();
    thread::spawn(move || {
        if over.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
            eprintln!("the lab `{name}` is still there after {LIMIT:?}: its test hangs");
            std::process::exit(124);
        }
    });
    limit
}

impl Region {
    /// Brings up a lab.
    pub(crate) fn up(name: &'static str) -> Self {
        Self::up_with(name, "up")
    }

    /// Brings up a lab by the command `up`, with its options.
    pub(crate) fn up_with(name: &'static str, up: &str) -> Self {
        let program =
            std::env::var_os("DNLB_BIN").expect("DNLB_BIN names the binary: run `cargo xtask test lab`");
        let region = Self { name, program: program.into(), _limit: limit(name) };
        region.lab_command("down");
        region.lab_command(up);
        region
    }

    /// The lab as the library sees it.
    pub(crate) fn lab(&self) -> Lab {
        Lab::open(self.name).unwrap()
    }

    /// Runs one of the lab's commands, which must succeed.
    pub(crate) fn lab_command(&self, line: &str) {
        let output = self.run(&format!("lab --name {} {line}", self.name));
        assert!(output.status.success(), "`dnlb lab {line}`: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs a command of the API's clients; returns its JSON, or the error that it printed.
    pub(crate) fn attempt(&self, line: &str) -> Result<Value, String> {
        let output = self.run(&format!("--output json {line}"));
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    }

    /// Runs a command of the API's clients, which must succeed.
    pub(crate) fn dnlb(&self, line: &str) -> Value {
        self.attempt(line).unwrap_or_else(|error| panic!("`dnlb {line}`: {error}"))
    }

    /// Runs a command on a node or in an instance.
    fn output(&self, place: &str, line: &str) -> dnlb_lab::Output {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        dnlb_lab::output(&self.lab(), place, &words).unwrap()
    }

    /// Runs a command on a node or in an instance; returns its exit code.
    pub(crate) fn exit_code(&self, place: &str, line: &str) -> u8 {
        self.output(place, line).code
    }

    /// Runs a command on a node or in an instance, which must succeed.
    pub(crate) fn exec(&self, place: &str, line: &str) -> String {
        let output = self.output(place, line);
        assert_eq!(output.code, 0, "`{line}` on {place}: {}{}", output.stdout, output.stderr);
        output.stdout
    }

    /// Network `v` with subnet `s` and group `g` that lets TCP and UDP through, template `t`, and so many instances of the group
    /// `a` that echo; returns their ids.
    pub(crate) fn echo_servers(&self, instances: usize, port: u16) -> Vec<String> {
        self.dnlb("vpc create v --prefix 10.0.0.0/16");
        self.dnlb("subnet create s --vpc v --prefix 10.0.0.0/24");
        self.dnlb("sg create g --vpc v");
        for protocol in ["tcp", "udp"] {
            self.dnlb(&format!("sg allow g --direction in --protocol {protocol}"));
            self.dnlb(&format!("sg allow g --direction out --protocol {protocol}"));
        }
        self.dnlb("template create t --subnet s --sg g --image img-blank");
        self.dnlb("ag create a --template t");
        let made = self.dnlb(&format!("ag scale a --to {instances} --wait"));
        let ids: Vec<_> =
            made.as_array().unwrap().iter().map(|instance| text(instance, "/instanceId")).collect();
        ids.iter().for_each(|id| self.serve_echo(id, port));
        ids
    }

    /// Starts the echo server in an instance, under the name of its id.
    pub(crate) fn serve_echo(&self, id: &str, port: u16) {
        dnlb_lab::serve_echo(&self.lab(), id, port).unwrap();
    }

    /// Packets of an outcome on all hosts together, as their agents have written it last.
    pub(crate) fn counted(&self, outcome: &str) -> u64 {
        let lab = self.lab();
        let counted = |node: &str| {
            let status = std::fs::read(lab.files().node(node).join("status.json")).unwrap();
            let status: Value = serde_json::from_slice(&status).unwrap();
            status["outcomes"][outcome]["packets"].as_u64().unwrap()
        };
        lab.topology().agents().map(|node| counted(&node.name)).sum()
    }

    /// Sends requests, each over a connection of its own.
    pub(crate) fn load(&self, place: &str, url: &str, connections: u32) -> Served {
        let said = self.exec(place, &format!("dnlb guest load --connections {connections} --url {url}"));
        let said: Value = serde_json::from_str(&said).unwrap();
        let counts = said["instances"].as_object().unwrap().iter();
        Served {
            failed: said["failed"].as_u64().unwrap(),
            errors: said["errors"].clone(),
            instances: counts.map(|(id, count)| (id.clone(), count.as_u64().unwrap())).collect(),
            clients: said["clients"].as_object().unwrap().keys().cloned().collect(),
        }
    }

    /// Network, template and a group `web` of so many running instances; returns their ids.
    pub(crate) fn web(&self, instances: usize) -> Vec<String> {
        self.dnlb("vpc create v --prefix 10.0.0.0/16");
        self.dnlb("subnet create s --vpc v --prefix 10.0.0.0/24");
        self.dnlb("sg create g --vpc v");
        self.dnlb("sg allow g --direction in --protocol tcp --port 8080");
        self.dnlb("sg allow g --direction out --protocol tcp");
        self.dnlb("template create web --subnet s --sg g --image img-web");
        self.dnlb("template create blank --subnet s --sg g --image img-blank");
        self.dnlb("ag create web --template web");
        let made = self.dnlb(&format!("ag scale web --to {instances} --wait"));
        made.as_array().unwrap().iter().map(|instance| text(instance, "/instanceId")).collect()
    }

    /// Load balancer `l` with backend service `b` and listener `http` for the group `web`; returns VIP and EIP.
    pub(crate) fn balancer(&self, algorithm: &str, healthy: usize) -> (String, String) {
        let vip = text(&self.dnlb("lb create l --subnet s"), "/privateIp/privateIpAddress");
        self.dnlb(&format!(
            "backend create b --lb l --port 8080 --ag web --algorithm {algorithm} --healthy-after 1 --unhealthy-after 1 --check-timeout 2"
        ));
        self.dnlb("listener create http --lb l --port 80 --backend b");
        let eip = text(&self.dnlb("eip create"), "/elasticIpAddress");
        self.dnlb(&format!("lb associate-eip l {eip}"));
        self.dnlb(&format!("health b --wait {healthy}"));
        (vip, eip)
    }

    /// Processes of the server and of all agents.
    pub(crate) fn processes(&self) -> BTreeMap<String, Process> {
        self.lab().record().processes.clone()
    }

    /// Tells a command how to reach the API, in the words of `dnlb lab env`, and which lab that is.
    pub(crate) fn access<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let access = self.lab().access().unwrap();
        command
            .env("DNLB_BIN", &self.program)
            .env("DNLB_LAB", self.name)
            .env("DNLB_ENDPOINT", access.endpoint)
            .env("DNLB_SCHEME", "http")
            .env("DNLB_REGION", access.region)
            .env("DNLB_ACCESS_KEY", access.access_key)
            .env("DNLB_SECRET_KEY", access.secret_key)
    }

    /// Starts a command with the lab's own access.
    fn run(&self, line: &str) -> std::process::Output {
        let mut command = Command::new(&self.program);
        if !line.starts_with("lab ") {
            self.access(&mut command);
        }
        command.args(line.split(' ')).output().unwrap()
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        if std::env::var_os("DNLB_KEEP_LABS").is_none() {
            self.lab_command("down");
        }
    }
}

/// A program that answers line by line.
pub(crate) struct Talk {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Talk {
    /// Starts it on a node or in an instance.
    pub(crate) fn start(region: &Region, place: &str, words: &[&str]) -> Self {
        let lab = region.lab();
        let mut command = Command::new(lab.program());
        command.args(["lab", "--name", lab.name(), "exec", place, "--"]).args(words);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let to = child.stdin.take().unwrap();
        let from = BufReader::new(child.stdout.take().unwrap());
        Self { child, to, from }
    }

    /// Says a line, and returns the one that comes back.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        writeln!(self.to, "{line}").unwrap();
        let mut reply = String::new();
        assert!(self.from.read_line(&mut reply).unwrap() > 0, "no reply to {line}");
        reply.trim_end().to_owned()
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A field that must be text.
pub(crate) fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no {pointer} in {value}"))
        .to_owned()
}
