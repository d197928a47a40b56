//! A lab as a whole: up, down, broken and healed.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::fd::AsRawFd,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail, ensure};
use nix::{
    fcntl::{FcntlArg, FdFlag, fcntl},
    sys::signal::Signal,
};
use rand::Rng;
use serde::Deserialize;

use crate::{
    netns, network,
    process::{self, Process},
    state::{Failure, Files, Lock, Record, private_folder, write_secret},
    topology::{AGENT_PORT, EdgeForm, Node, Role, Size, Topology, UPLINK, check_name, namespace},
};

/// Where the API listens if nobody else does.
const PORT_FIRST: u16 = 8710;
/// How many ports to try.
const PORTS: u16 = 100;

/// A lab that exists.
#[derive(Debug)]
pub struct Lab {
    name: String,
    files: Files,
    record: Record,
    topology: Topology,
}

/// How to reach a lab's API and console.
#[derive(Clone, PartialEq, Eq)]
pub struct Access {
    /// Host and port.
    pub endpoint: String,
    /// Region.
    pub region: String,
    /// Key id.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    /// Password of the first administrator; none if the file of that key has none.
    pub password: Option<String>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("access_key", &self.access_key)
            .finish_non_exhaustive()
    }
}

/// The server's access-key file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyFile {
    access_key: String,
    secret_key: String,
    password: Option<String>,
}

impl Lab {
    /// Builds a lab and starts its server and agents; they have not connected yet when this returns.
    ///
    /// # Errors
    /// When there is a lab of that name or something left of one, or when the machine refuses.
    pub fn create(name: &str, size: &Size, program: &Path, purpose: &str) -> Result<Self> {
        check_name(name)?;
        let files = Files::of(name);
        let _lock = files.lock()?;
        if let Some(record) = files.load()? {
            bail!(
                "lab `{name}` is up already, brought up by {} with its API at 127.0.0.1:{}; `dnlb lab down` removes it, `--name` makes another one",
                record.owner,
                record.port
            );
        }
        let left = network::namespaces(name);
        ensure!(
            left.is_empty() && !files.exist(),
            "something is left of an earlier lab `{name}`: `dnlb lab down` removes it"
        );
        let topology = Topology::new(size);
        let (port, api) = api_socket()?;
        files.create()?;
        let record = Record {
            size: size.clone(),
            port,
            owner: owner(),
            purpose: purpose.to_owned(),
            created: now(),
            program: program.to_owned(),
            programs: Default::default(),
            processes: Default::default(),
            broken: Default::default(),
        };
        // From here on `down` finds what there is.
        files.save(&record)?;
        let mut lab = Self { name: name.to_owned(), files, record, topology };
        lab.build(api).inspect_err(|_| {
            // What could not be built whole is removed; the reason is the first error, not the removal's.
            let _ = remove(name);
        })?;
        Ok(lab)
    }

    /// Finds a lab.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn open(name: &str) -> Result<Self> {
        check_name(name)?;
        let files = Files::of(name);
        let Some(record) = files.load()? else {
            bail!("there is no lab `{name}`: `dnlb lab up` makes one");
        };
        let topology = Topology::new(&record.size);
        Ok(Self { name: name.to_owned(), files, record, topology })
    }

    /// Breaks a node on purpose.
    ///
    /// # Errors
    /// When there is no such node or it cannot fail that way.
    pub fn fail(&mut self, node: &str, failure: Failure) -> Result<()> {
        let (_lock, node) = self.change(node)?;
        ensure!(
            node.role != Role::Router,
            "the router cannot fail; cut off those behind it, one by one, with `--how cut`"
        );
        ensure!(
            failure == Failure::Cut || node.role != Role::Client,
            "nothing runs on the client: it can only be cut off, with `--how cut`"
        );
        ensure!(
            self.record.broken.get(&node.name) != Some(&Failure::Deaf),
            "{0} does not hear the server on purpose: `dnlb lab heal {0}` first",
            node.name
        );
        match failure {
            Failure::Cut => network::cut(&self.name, &node)?,
            Failure::Deaf => {
                ensure!(node.has_agent(), "{} has no agent: hosts and edges have one", node.name);
                network::deafen(&self.name, &node)?;
            }
            Failure::Freeze => {
                self.processes_of(&node, false)
                    .into_iter()
                    .try_for_each(|process| process.signal(Signal::SIGSTOP))?;
            }
            Failure::Kill => process::kill_all(&self.processes_of(&node, false))?,
            Failure::Off => {
                process::kill_all(&self.processes_of(&node, true))?;
                network::cut(&self.name, &node)?;
                network::unmount_pins(&self.files.node(&node.name));
            }
        }
        self.record.broken.insert(node.name, failure);
        self.files.save(&self.record)
    }

    /// Kills an instance, as a crash of its machine would: nobody is told.
    ///
    /// # Errors
    /// When no such instance runs.
    pub fn kill_instance(&self, id: &str) -> Result<()> {
        let instances = self.instances();
        let (_, _, process) = instances
            .iter()
            .find(|(own, _, _)| own == id)
            .with_context(|| format!("no instance `{id}` runs"))?;
        process::kill_all(&[*process])
    }

    /// Mends a node: connects it and starts what does not run.
    ///
    /// # Errors
    /// When there is no such node or the machine refuses.
    pub fn heal(&mut self, node: &str) -> Result<()> {
        let (_lock, node) = self.change(node)?;
        network::connect(&self.name, &node)?;
        if self.record.broken.get(&node.name) == Some(&Failure::Deaf) {
            network::undeafen(&self.name, &node)?;
        }
        if node.has_agent() || node.role == Role::Server {
            let process = self.record.processes.get(&node.name);
            let alive = process.is_some_and(|process| process.is_alive());
            process.map_or(Ok(()), |process| process.signal(Signal::SIGCONT))?;
            if !alive && node.role == Role::Server {
                let api = TcpListener::bind((Ipv4Addr::LOCALHOST, self.record.port))
                    .with_context(|| format!("taking port {} for the API again", self.record.port))?;
                self.start_server(&node, api)?;
            } else if !alive {
                self.start_agent(&node)?;
            }
        }
        self.record.broken.remove(&node.name);
        self.files.save(&self.record)
    }

    /// Ends a node's agent in good order and starts another program in its place, as an upgrade of the host would, or the
    /// way back. It has not connected yet when this returns.
    ///
    /// # Errors
    /// When the node has no agent or is broken, or `program` is no file.
    pub fn upgrade(&mut self, node: &str, program: &Path) -> Result<Process> {
        let (_lock, node) = self.change(node)?;
        ensure!(node.has_agent(), "{} has no agent: hosts and edges have one", node.name);
        ensure!(
            !self.record.broken.contains_key(&node.name),
            "{0} is broken on purpose: `dnlb lab heal {0}` first",
            node.name
        );
        let program = fs::canonicalize(program).with_context(|| format!("finding {}", program.display()))?;
        ensure!(program.is_file(), "{} is no program", program.display());
        if let Some(process) = self.record.processes.get(&node.name) {
            process::end(*process)?;
        }
        self.record.programs.insert(node.name.clone(), program);
        self.start_agent(&node)?;
        self.record.processes.get(&node.name).copied().context("the agent was started")
    }

    /// The lab's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its record.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Its nodes.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Its files.
    #[must_use]
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// How to reach its API.
    ///
    /// # Errors
    /// While the server has not written its key, or when this user may not read it.
    pub fn access(&self) -> Result<Access> {
        let path = self.files.access_key();
        let bytes = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let admin: KeyFile =
            serde_json::from_slice(&bytes).with_context(|| format!("reading {}", path.display()))?;
        let endpoint = format!("127.0.0.1:{}", self.record.port);
        Ok(Access {
            endpoint,
            region: self.topology.region.clone(),
            access_key: admin.access_key,
            secret_key: admin.secret_key,
            password: admin.password,
        })
    }

    /// Running instances: id -> host and first process.
    #[must_use]
    pub fn instances(&self) -> Vec<(String, String, Process)> {
        let of = |node: &Node| {
            let host = node.name.clone();
            Files::instances(&self.files.node(&host))
                .into_iter()
                .map(move |(id, process)| (id, host.clone(), process))
        };
        self.topology.agents().flat_map(of).collect()
    }

    /// Calls `work` inside a node's network namespace; processes that it starts are inside, too.
    ///
    /// # Errors
    /// When there is no such node, and what `work` returns.
    pub fn inside<T: Send>(&self, node: &str, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        ensure!(self.topology.node(node).is_some(), "there is no node `{node}`");
        netns::inside(&namespace(&self.name, node), work)
    }

    fn build(&mut self, api: TcpListener) -> Result<()> {
        network::create(&self.name, &self.topology)?;
        network::prepare_edges(&self.name, &self.files, &self.topology)?;
        let token: [u8; 24] = rand::rng().random();
        let token: String = token.iter().map(|byte| format!("{byte:02x}")).collect();
        write_secret(&self.files.join_token(), &token)?;
        let server = self.topology.node("server").context("every lab has a server")?.clone();
        self.start_server(&server, api)?;
        for node in self.topology.agents().cloned().collect::<Vec<_>>() {
            self.start_agent(&node)?;
        }
        Ok(())
    }

    /// Starts the server in its own namespace, with a socket of the machine's for its API.
    fn start_server(&mut self, node: &Node, api: TcpListener) -> Result<()> {
        let addr = node.ip(self.topology.underlay).context("the server has an address")?;
        let folder = self.files.node(&node.name);
        private_folder(&folder)?;
        fcntl(&api, FcntlArg::F_SETFD(FdFlag::empty())).context("handing the API's socket on")?;
        let [pool, pool_v6] = self.topology.eip_pools();
        let arguments = [
            ("--region", self.topology.region.clone()),
            ("--azs", self.topology.azs.join(",")),
            ("--data-dir", text(&folder)),
            ("--api-fd", api.as_raw_fd().to_string()),
            ("--agent-listen", SocketAddr::new(addr, AGENT_PORT).to_string()),
            ("--eip-pool", pool.to_string()),
            ("--eip-pool", pool_v6.to_string()),
            ("--join-token-file", text(&self.files.join_token())),
            ("--access-key-file", text(&self.files.access_key())),
        ];
        self.start(node, "server", &arguments, &[])
    }

    fn start_agent(&mut self, node: &Node) -> Result<()> {
        let family = self.topology.underlay;
        let addr = node.ip(family).context("every agent's node has an address")?;
        let server = self.topology.node("server").and_then(|server| server.ip(family));
        let server = SocketAddr::new(server.context("the server has an address")?, AGENT_PORT);
        let folder = self.files.node(&node.name);
        private_folder(&folder)?;
        let arguments = [
            ("--host-id", node.name.clone()),
            ("--az", node.az.clone()),
            ("--rack", node.rack.clone()),
            ("--underlay", addr.to_string()),
            ("--uplink", UPLINK.to_owned()),
            ("--server", format!("http://{server}")),
            ("--join-token-file", text(&self.files.join_token())),
            ("--run-dir", text(&folder)),
            // A lab has few flows: all of them are logged.
            ("--flow-log-sample", "1".to_owned()),
        ];
        let edge = ["--edge", "--no-compute", "--edge-form", self.topology.edge_form.word()];
        let flags: &[&str] = if node.role != Role::Edge {
            &[]
        } else if self.topology.edge_form == EdgeForm::Auto {
            // Programs of former versions know no other.
            &edge[..2]
        } else {
            &edge
        };
        self.start(node, "agent", &arguments, flags)
    }

    /// The program that runs its server, and agents and instances where nothing else was put.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.record.program
    }

    /// The program that runs on a node.
    #[must_use]
    pub fn program_on(&self, node: &str) -> &Path {
        self.record.programs.get(node).unwrap_or(&self.record.program)
    }

    /// Starts one of the program's roles on a node and notes it.
    fn start(&mut self, node: &Node, role: &str, options: &[(&str, String)], flags: &[&str]) -> Result<()> {
        let mut arguments = vec![role.to_owned()];
        arguments.extend(options.iter().flat_map(|(name, value)| [(*name).to_owned(), value.clone()]));
        arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let log = self.files.log(&node.name);
        let process = netns::inside(&namespace(&self.name, &node.name), || {
            process::start(self.program_on(&node.name), &arguments, &log)
        })
        .with_context(|| format!("starting `dnlb {role}` on {}", node.name))?;
        self.record.processes.insert(node.name.clone(), process);
        self.files.save(&self.record)
    }

    /// Takes the lock, reads the record again and finds the node.
    fn change(&mut self, node: &str) -> Result<(Lock, Node)> {
        let lock = self.files.lock()?;
        if let Some(record) = self.files.load()? {
            self.record = record;
        }
        let node = self.topology.node(node).cloned().with_context(|| {
            let names: Vec<_> = self.topology.nodes.iter().map(|node| node.name.as_str()).collect();
            format!("there is no node `{node}`; there are {}", names.join(", "))
        })?;
        Ok((lock, node))
    }

    /// What runs on a node: the lab's own process alone, or everything.
    fn processes_of(&self, node: &Node, everything: bool) -> Vec<Process> {
        let mut processes: Vec<_> = self.record.processes.get(&node.name).copied().into_iter().collect();
        if everything {
            let inode = netns::inode(&namespace(&self.name, &node.name));
            processes.extend(process::in_namespaces(inode.as_slice()));
            processes.extend(Files::instances(&self.files.node(&node.name)).into_values());
        }
        processes
    }
}

/// Removes everything of a lab, also what a crash has left; true if there was anything.
///
/// # Errors
/// When the machine refuses; doing it again goes on.
pub fn remove(name: &str) -> Result<bool> {
    check_name(name)?;
    let files = Files::of(name);
    let namespaces = network::namespaces(name);
    let found = files.exist() || !namespaces.is_empty();
    let record = files.load().unwrap_or_default();

    let mut processes: Vec<_> =
        record.map(|record| record.processes).unwrap_or_default().into_values().collect();
    let inodes: Vec<_> = namespaces.iter().filter_map(|namespace| netns::inode(namespace)).collect();
    processes.extend(process::in_namespaces(&inodes));
    let folders = files.node_folders();
    processes.extend(folders.iter().flat_map(|folder| Files::instances(folder).into_values()));
    process::kill_all(&processes)?;
    folders.iter().for_each(|folder| network::unmount_pins(folder));
    network::remove(name)?;
    files.remove()?;
    Ok(found)
}

/// Removes everything of a lab, unless another command is changing it.
///
/// # Errors
/// As [`remove`].
pub fn down(name: &str) -> Result<bool> {
    check_name(name)?;
    let lock = Files::of(name).lock()?;
    let found = remove(name)?;
    lock.remove()?;
    Ok(found)
}

/// Takes the first free port of the machine's loopback. That of another lab is not, also while its server is dead.
fn api_socket() -> Result<(u16, TcpListener)> {
    let taken = Files::ports();
    for port in (PORT_FIRST..PORT_FIRST + PORTS).filter(|port| !taken.contains(port)) {
        if let Ok(socket) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return Ok((port, socket));
        }
    }
    bail!("no port from {PORT_FIRST} on is free on 127.0.0.1")
}

fn owner() -> String {
    let name =
        std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_else(|_| "root".to_owned());
    format!("{name} (process {})", std::process::id())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The program that this process runs, as a path that others can start.
///
/// # Errors
/// When the system does not tell.
pub fn own_program() -> Result<PathBuf> {
    std::env::current_exe().context("finding this program's own file")
}
