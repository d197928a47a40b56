//! The first process of an instance: makes the instance's own view of the machine, starts what it is to run,
//! and buries what ends.

use std::{
    fs,
    io::Write,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use nix::{
    errno::Errno,
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
    sys::{
        prctl::set_pdeathsig,
        signal::{SigSet, Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{Pid, dup2_stdout, sethostname},
};

use super::{IMAGE_BLANK, IMAGE_WEB, IMAGES};
use crate::compute::{InstanceDir, InstanceSpec};

/// Where an instance finds what it is.
const HOME: &str = "/run/dnlb";
/// Directories of which every instance has an empty one of its own, in memory.
const PRIVATE: [&str; 3] = ["/run", "/tmp", "/dev/shm"];
/// How long processes may take to end by themselves at shutdown.
const PATIENCE: Duration = Duration::from_secs(2);
/// Metadata with this key sets the web image's port.
const WEB_PORT: &str = "DNLB_WEB_PORT";

/// Becomes the first process of the instance whose directory this is; returns when the instance is shut down.
///
/// Must be called on the main thread, as process 1 of a new PID namespace.
///
/// # Errors
/// The instance cannot start; the same text was said on the standard output.
pub fn init(dir: &Path) -> anyhow::Result<()> {
    match prepare(&InstanceDir::new(dir)) {
        Ok(spec) => live(&spec),
        Err(error) => {
            // Without a listener there is nobody to tell, and the status says it too.
            let _ = write!(std::io::stdout(), "{error:#}");
            Err(error)
        }
    }
}

fn prepare(dir: &InstanceDir) -> anyhow::Result<InstanceSpec> {
    if std::process::id() != 1 {
        bail!("not the first process of a PID namespace");
    }
    set_pdeathsig(Signal::SIGKILL).context("cannot bind its life to its keeper's")?;
    let spec = dir.spec()?.context("the instance's directory holds no specification")?;
    if !IMAGES.contains(&spec.image.as_str()) {
        bail!("unknown image {:?}; there are {}", spec.image, IMAGES.join(" and "));
    }
    // Before anything starts: signals wait here until process 1 asks for them.
    signals().thread_block().context("cannot block signals")?;
    let namespaces = CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC;
    unshare(namespaces).context("cannot make namespaces")?;
    let state = dir.path().parent().and_then(Path::parent).unwrap_or(dir.path());
    make_view(state).context("cannot make the instance's view of the file system")?;
    sethostname(host_name(&spec)).context("cannot set the host name")?;
    std::env::set_current_dir("/").context("cannot enter the root directory")?;
    write_home(&spec).context("cannot describe the instance to itself")?;
    let mut out = std::io::stdout();
    write!(out, "ready").and_then(|()| out.flush()).context("its keeper is gone")?;
    dup2_stdout(std::io::stderr()).context("cannot close the standard output")?;
    Ok(spec)
}

/// Mounts: nothing reaches the host's mounts, nothing of the host's stays busy because of the instance.
fn make_view(state: &Path) -> anyhow::Result<()> {
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).context("cannot part mounts")?;
    let table = fs::read_to_string("/proc/self/mountinfo").context("cannot list mounts")?;
    // Later mounts lie upon earlier ones.
    for path in superfluous_mounts(&table).iter().rev() {
        match umount2(path, MntFlags::MNT_DETACH) {
            Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
            Err(errno) => bail!("cannot let go of {}: {errno}", path.display()),
        }
    }
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let tmpfs = |path: &Path, options: &str, flags| {
        mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some(options))
            .with_context(|| format!("cannot mount {}", path.display()))
    };
    // The agent's own state holds what no instance may read; mostly it lies under /run anyway.
    if state.parent().is_some() && state.exists() {
        tmpfs(state, "mode=0700,size=4k", quiet | MsFlags::MS_RDONLY)?;
    }
    for path in PRIVATE.map(Path::new) {
        if path.is_dir() {
            tmpfs(path, if path == Path::new("/run") { "mode=0755" } else { "mode=1777" }, quiet)?;
        }
    }
    let quiet = quiet | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), quiet, none).context("cannot mount /proc")?;
    mount(Some("sysfs"), "/sys", Some("sysfs"), quiet | MsFlags::MS_RDONLY, none).context("cannot mount /sys")
}

/// Mount points that an instance must not keep: other namespaces' handles, pinned BPF objects, and whatever
/// hides under its private directories.
fn superfluous_mounts(mountinfo: &str) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for line in mountinfo.lines() {
        // proc_pid_mountinfo(5): id, parent, device, root, mount point, options, [tags] - type, source, options.
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let Some(point) = left.split(' ').nth(4) else { continue };
        let kind = right.split(' ').next().unwrap_or_default();
        let hidden =
            PRIVATE.iter().any(|it| point.strip_prefix(it).is_some_and(|rest| rest.starts_with('/')));
        if hidden || kind == "nsfs" || kind == "bpf" {
            paths.push(PathBuf::from(unescape(point)));
        }
    }
    paths
}

/// Undoes the octal escapes of blanks and backslashes in mount points.
fn unescape(point: &str) -> String {
    point.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

fn write_home(spec: &InstanceSpec) -> anyhow::Result<()> {
    let home = Path::new(HOME);
    let bin = home.join("bin");
    fs::create_dir_all(&bin)?;
    // The running binary, wherever on the host it lies and whatever has replaced it since.
    symlink("/proc/1/exe", bin.join("dnlb"))?;
    let about = serde_json::json!({
        "id": spec.id, "name": spec.name, "number": spec.number,
        "region": spec.region, "az": spec.az, "rack": spec.rack, "host": spec.host,
        "address": spec.addr, "subnet": spec.subnet, "image": spec.image, "metadata": spec.metadata,
    });
    fs::write(home.join("instance.json"), serde_json::to_vec_pretty(&about)?)?;
    if let Some(script) = &spec.launch_script {
        let path = home.join("launch");
        fs::write(&path, script)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Runs the instance until it is told to end.
fn live(spec: &InstanceSpec) -> anyhow::Result<()> {
    if !wait_for_network(spec) {
        return Ok(());
    }
    if spec.launch_script.is_some() {
        let mut script = Command::new("/bin/bash");
        script.arg(format!("{HOME}/launch"));
        start("launch script", script, spec);
    }
    if spec.image == IMAGE_WEB {
        let mut server = Command::new("/proc/self/exe");
        server.args(["guest", "web"]);
        start("web server", server, spec);
    } else {
        debug_assert_eq!(spec.image, IMAGE_BLANK);
    }
    loop {
        match signals().wait().context("cannot wait for signals")? {
            Signal::SIGCHLD => bury(),
            _ => {
                shut_down();
                return Ok(());
            }
        }
    }
}

/// What process 1 waits for; anything else sent from inside its namespace does not reach it.
fn signals() -> SigSet {
    [Signal::SIGCHLD, Signal::SIGINT, Signal::SIGPWR, Signal::SIGTERM].into_iter().collect()
}

/// Waits until the agent has connected the instance; false when it is told to end before.
fn wait_for_network(spec: &InstanceSpec) -> bool {
    let connected = || {
        if spec.addr.is_ipv4() {
            fs::read_to_string("/proc/net/route").is_ok_and(|table| has_default_route(&table))
        } else {
            fs::read_to_string("/proc/net/ipv6_route").is_ok_and(|table| has_default_route6(&table))
        }
    };
    while !connected() {
        std::thread::sleep(Duration::from_millis(5));
        let pending = nix::sys::signalfd::SignalFd::with_flags(
            &[Signal::SIGINT, Signal::SIGPWR, Signal::SIGTERM].into_iter().collect(),
            nix::sys::signalfd::SfdFlags::SFD_NONBLOCK | nix::sys::signalfd::SfdFlags::SFD_CLOEXEC,
        );
        if let Ok(pending) = pending
            && matches!(pending.read_signal(), Ok(Some(_)))
        {
            return false;
        }
    }
    true
}

fn has_default_route(table: &str) -> bool {
    table.lines().skip(1).any(|line| line.split_ascii_whitespace().nth(1) == Some("00000000"))
}

fn has_default_route6(table: &str) -> bool {
    table.lines().any(|line| {
        let mut fields = line.split_ascii_whitespace();
        let everywhere = fields.next().is_some_and(|prefix| prefix.bytes().all(|byte| byte == b'0'))
            && fields.next() == Some("00");
        everywhere && fields.last() == Some("eth0")
    })
}

/// Starts a process whose end is the instance's own affair: a machine does not stop with one of its programs.
fn start(what: &str, mut command: Command, spec: &InstanceSpec) {
    command
        .env_clear()
        .env("PATH", format!("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:{HOME}/bin"))
        .env("HOME", "/root")
        .env("LANG", "C.UTF-8")
        .envs(environment(spec))
        .stdin(Stdio::null());
    match command.spawn() {
        Ok(child) => eprintln!("init: started the {what} as process {}", child.id()),
        Err(error) => eprintln!("init: cannot start the {what}: {error}"),
    }
}

/// What programs of an instance learn from their environment.
fn environment(spec: &InstanceSpec) -> Vec<(&'static str, String)> {
    let mut environment = vec![
        ("DNLB_INSTANCE_ID", spec.id.to_string()),
        ("DNLB_INSTANCE_NAME", spec.name.clone()),
        ("DNLB_REGION", spec.region.clone()),
        ("DNLB_AZ", spec.az.clone()),
        ("DNLB_RACK", spec.rack.clone()),
        ("DNLB_HOST", spec.host.clone()),
        ("DNLB_ADDRESS", spec.addr.to_string()),
    ];
    if let Some(port) = spec.metadata.get(WEB_PORT) {
        environment.push((WEB_PORT, port.clone()));
    }
    environment
}

/// Collects every process that has ended.
fn bury() {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, status)) => {
                eprintln!("init: process {pid} exited with status {status}")
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) => eprintln!("init: process {pid} killed by {signal}"),
            Ok(WaitStatus::StillAlive) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

fn shut_down() {
    eprintln!("init: shutting down");
    let everybody = Pid::from_raw(-1);
    let deadline = Instant::now() + PATIENCE;
    let mut signal = Signal::SIGTERM;
    // Fails when nobody is left: then there is nothing to wait for either.
    while kill(everybody, signal).is_ok() && Instant::now() < deadline + PATIENCE {
        bury();
        if waitpid(None, Some(WaitPidFlag::WNOHANG)) == Err(Errno::ECHILD) {
            return;
        }
        if Instant::now() >= deadline {
            signal = Signal::SIGKILL;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The name as a host name: letters, digits and hyphens, at most 63.
fn host_name(spec: &InstanceSpec) -> String {
    let plain = |name: &str| -> String {
        let plain: String =
            name.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '-' }).take(63).collect();
        plain.trim_matches('-').to_ascii_lowercase()
    };
    let name = plain(&spec.name);
    if name.is_empty() { plain(spec.id.as_str()) } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_of_other_namespaces_and_what_lies_under_private_directories_are_let_go() {
        let table = "\
21 1 8:1 / / rw - ext4 /dev/sda1 rw
22 21 0:20 / /run rw shared:5 - tmpfs tmpfs rw
23 22 0:4 net:[1] /run/netns/host-1 rw shared:6 - nsfs nsfs rw
24 22 0:30 / /run/my\\040lab/bpf rw - bpf bpf rw
25 21 0:31 / /runner rw - ext4 /dev/sdb rw
26 21 0:31 / /sys/fs/bpf rw - bpf bpf rw
27 21 0:32 / /tmp/x rw - tmpfs tmpfs rw";
        let paths: Vec<_> = superfluous_mounts(table).iter().map(|it| it.display().to_string()).collect();
        assert_eq!(paths, ["/run/netns/host-1", "/run/my lab/bpf", "/sys/fs/bpf", "/tmp/x"]);
    }

    #[test]
    fn the_default_route_is_the_sign_to_start() {
        let header = "Iface\tDestination\tGateway\n";
        assert!(!has_default_route(header));
        assert!(!has_default_route(&format!("{header}eth0\t0001000A\t00000000\n")));
        assert!(has_default_route(&format!("{header}eth0\t00000000\t0101000A\n")));
        let zeros = "0".repeat(32);
        assert!(has_default_route6(&format!("{zeros} 00 {zeros} 00 {zeros} 1 1 0 1 eth0\n")));
        assert!(!has_default_route6(&format!("{zeros} 00 {zeros} 00 {zeros} 1 1 0 1 lo\n")));
    }
}
