//! The wires of a lab, with a program in place of the real one that does nothing.
#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use std::{
    fs,
    io::ErrorKind,
    net::{SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Result;
use dnlb_lab::{Failure, Files, Lab, Size, UnderlayFamily, namespace, output};

/// Removes labs when a test ends, however it ends.
struct Down(&'static [&'static str]);

impl Drop for Down {
    fn drop(&mut self) {
        for name in self.0 {
            dnlb_lab::down(name).unwrap();
        }
    }
}

/// A program that takes any arguments and waits.
fn idle_program(folder: &Path) -> PathBuf {
    let path = folder.join("idle");
    fs::write(&path, "#!/bin/sh\nexec sleep 600\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Whether packets go from one node to another and back.
fn reaches(lab: &Lab, from: &str, to: &str) -> bool {
    reaches_at(lab, from, to, 9)
}

/// Whether those to a port do: nobody listens there, so the answer is a refusal.
fn reaches_at(lab: &Lab, from: &str, to: &str, port: u16) -> bool {
    let [four, six] = [UnderlayFamily::V4, UnderlayFamily::V6].map(|family| {
        let addr = SocketAddr::new(lab.topology().node(to).unwrap().ip(family).unwrap(), port);
        lab.inside(from, || -> Result<bool> {
            let error = TcpStream::connect_timeout(&addr, Duration::from_millis(500)).unwrap_err();
            Ok(error.kind() == ErrorKind::ConnectionRefused)
        })
        .unwrap()
    });
    assert_eq!(four, six, "{from} to {to}: the families differ");
    four
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

#[test]
#[ignore = "needs root"]
fn a_lab_is_wired_broken_healed_and_gone_without_a_trace() {
    let _down = Down(&["wires", "wires2"]);
    dnlb_lab::down("wires").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let program = idle_program(folder.path());
    let mut lab = Lab::create("wires", &Size::default(), &program, "test").unwrap();

    assert!(reaches(&lab, "client", "host-b2"));
    assert!(reaches(&lab, "host-a1", "host-b1"));
    assert!(reaches(&lab, "edge-2", "server"));
    for show in ["ip route show 203.0.113.0/24", "ip -6 route show 2001:db8:113::/64"] {
        let routes = output(&lab, "router", &words(show)).unwrap().stdout;
        assert_eq!(routes.matches("nexthop").count(), 2, "{routes}");
    }
    assert_eq!(output(&lab, "client", &words("sh -c true")).unwrap().code, 0);
    assert_eq!(
        output(&lab, "client", &[words("sh -c"), vec!["kill -9 $$".to_owned()]].concat()).unwrap().code,
        137
    );

    let taken = Lab::create("wires", &Size::default(), &program, "test").unwrap_err().to_string();
    assert!(taken.contains("is up already"), "{taken}");
    let small = Size { azs: 1, hosts_per_rack: 1, edges: 1, ..Size::default() };
    // Nobody listens at the first one's port meanwhile, and it is its own still.
    lab.fail("server", Failure::Kill).unwrap();
    let second = Lab::create("wires2", &small, &program, "test").unwrap();
    assert_ne!(second.record().port, lab.record().port);
    lab.heal("server").unwrap();
    assert!(reaches(&second, "client", "host-a1"), "its addresses are the first one's, and do not meet");

    lab.fail("host-a1", Failure::Cut).unwrap();
    assert!(!reaches(&lab, "client", "host-a1"));
    assert!(lab.record().processes["host-a1"].is_alive());
    lab.fail("host-a2", Failure::Kill).unwrap();
    assert!(reaches(&lab, "client", "host-a2"));
    assert!(!lab.record().processes["host-a2"].is_alive());
    lab.fail("host-b1", Failure::Off).unwrap();
    assert!(!reaches(&lab, "client", "host-b1"));
    assert!(!lab.record().processes["host-b1"].is_alive());
    assert_eq!(Lab::open("wires").unwrap().record().broken.len(), 3);
    for node in ["host-a1", "host-a2", "host-b1"] {
        lab.heal(node).unwrap();
        assert!(reaches(&lab, "client", node));
        assert!(lab.record().processes[node].is_alive());
    }
    assert!(lab.record().broken.is_empty());

    assert!(reaches_at(&lab, "edge-1", "server", 7443));
    lab.fail("edge-1", Failure::Deaf).unwrap();
    assert!(!reaches_at(&lab, "edge-1", "server", 7443));
    assert!(reaches(&lab, "edge-1", "server"));
    assert!(lab.fail("edge-1", Failure::Kill).unwrap_err().to_string().contains("heal edge-1"));
    lab.heal("edge-1").unwrap();
    assert!(reaches_at(&lab, "edge-1", "server", 7443));

    let stopped = |lab: &Lab| {
        let stat = fs::read_to_string(format!("/proc/{}/stat", lab.record().processes["edge-1"].pid));
        stat.unwrap().contains(") T ")
    };
    lab.fail("edge-1", Failure::Freeze).unwrap();
    assert!(stopped(&lab));
    lab.heal("edge-1").unwrap();
    assert!(!stopped(&lab));

    // As after a crash: the record is lost, the namespaces and processes are not.
    let processes: Vec<_> = lab.record().processes.values().copied().collect();
    fs::remove_file(lab.files().node("lab.json")).unwrap();
    let left = Lab::create("wires", &Size::default(), &program, "test").unwrap_err().to_string();
    assert!(left.contains("something is left"), "{left}");
    assert!(dnlb_lab::down("wires").unwrap());
    assert!(processes.iter().all(|process| !process.is_alive()));
    assert!(!Path::new("/run/netns").join(namespace("wires", "router")).exists());
    assert!(!Files::of("wires").node("").exists());
    assert!(reaches(&second, "client", "host-a1"), "the other lab is untouched");
    assert!(!dnlb_lab::down("wires").unwrap(), "there is nothing left to remove");
}
