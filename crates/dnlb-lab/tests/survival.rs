//! What goes on while things die.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod common;

use std::{process::Stdio, thread, time::Duration};

use common::Region;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

#[test]
#[ignore = "needs root and a release build"]
fn packets_flow_while_the_control_plane_is_dead_and_through_lost_hosts_and_edges() {
    let region = Region::up("survival");
    region.web(4);
    let (_, eip) = region.balancer("quintuple-hash", 4);
    let url = format!("http://{eip}/");

    no_request_fails_while_all_agents_and_the_server_are_killed(&region, &url);
    a_host_without_power_takes_its_instances_out_and_brings_them_back(&region, &url);
    one_edge_is_enough(&region, &url);
}

fn no_request_fails_while_all_agents_and_the_server_are_killed(region: &Region, url: &str) {
    let wrk = thread::scope(|scope| {
        let wrk = scope.spawn(|| {
            let lab = region.lab();
            lab.inside("client", || {
                let mut wrk = std::process::Command::new("wrk");
                wrk.args(["-t1", "-c16", "-d6s", "--timeout", "2s", url]).stdin(Stdio::null());
                Ok(wrk.output()?)
            })
        });
        thread::sleep(Duration::from_secs(1));
        for (node, process) in region.processes() {
            kill(Pid::from_raw(process.pid), Signal::SIGKILL)
                .unwrap_or_else(|error| panic!("{node}: {error}"));
        }
        wrk.join().unwrap().unwrap()
    });
    let said = String::from_utf8_lossy(&wrk.stdout).into_owned();
    assert!(region.processes().values().all(|process| !process.is_alive()), "they were killed");
    assert!(wrk.status.success() && said.contains("Requests/sec"), "{said}");
    assert!(!said.contains("Socket errors") && !said.contains("Non-2xx"), "{said}");

    // New connections, too: rows, members and listeners are in the kernel.
    let served = region.load("client", url, 400);
    assert_eq!((served.failed, served.instances.len()), (0, 4), "{served:?}");

    region.lab_command("heal server");
    let nodes: Vec<_> = region.lab().topology().agents().map(|node| node.name.clone()).collect();
    for node in nodes {
        region.lab_command(&format!("heal {node}"));
    }
    region.dnlb("status --wait");
    region.dnlb("health b --wait 4");
    assert_eq!(region.load("client", url, 400).failed, 0);
    // The control plane is whole again: a change still arrives.
    region.dnlb("listener off http");
    region.dnlb("listener on http");
    region.dnlb("status --wait");
    assert_eq!(region.load("client", url, 100).failed, 0);
}

fn a_host_without_power_takes_its_instances_out_and_brings_them_back(region: &Region, url: &str) {
    region.lab_command("fail host-b1");
    region.dnlb("health b --wait 3");
    let served = region.load("client", url, 400);
    assert_eq!((served.failed, served.instances.len()), (0, 3), "{served:?}");
    region.lab_command("heal host-b1");
    region.dnlb("health b --wait 4");
    let served = region.load("client", url, 400);
    assert_eq!((served.failed, served.instances.len()), (0, 4), "{served:?}");
}

fn one_edge_is_enough(region: &Region, url: &str) {
    region.lab_command("fail edge-1");
    let served = region.load("client", url, 400);
    assert_eq!((served.failed, served.instances.len()), (0, 4), "{served:?}");
    region.lab_command("heal edge-1");
    region.dnlb("status --wait");
    let served = region.load("client", url, 400);
    assert_eq!((served.failed, served.instances.len()), (0, 4), "{served:?}");
}
