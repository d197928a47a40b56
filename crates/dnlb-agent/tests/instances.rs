//! Instances and links in a real kernel: needs root, touches nothing outside a fresh network namespace.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use dnlb_agent::{
    compute::{ComputeDriver, InstanceSpec, NetnsDriver, Observed},
    links::{InstanceLink, Links, NextHops, OVERLAY, PROBE_AGENT},
};

/// The host's address in the underlay.
const UNDERLAY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// The same in one of the other family.
const UNDERLAY_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1));

/// Runs `test` on a thread whose network namespace is new, with an uplink `up0` in it.
fn in_fresh_netns<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let thread = std::thread::spawn(move || {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
        sh("ip link set lo up && ip link add up0 mtu 1500 type veth peer name up1 && ip link set up0 up");
        sh("ip link set up1 up && ip addr add 192.0.2.1/24 dev up0");
        // As many machines are set up, and as ours need not be.
        sh("sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.lo.disable_ipv6=1");
        sh("sysctl -qw net.ipv6.conf.up0.disable_ipv6=0 && ip addr add 2001:db8:1::1/64 dev up0 nodad");
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test());
    });
    thread.join().unwrap();
}

fn sh(script: &str) -> String {
    let out = Command::new("bash").args(["-ec", script]).output().unwrap();
    assert!(out.status.success(), "{script}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

fn guest(pid: u32, script: &str) -> std::process::Output {
    let pid = pid.to_string();
    Command::new("nsenter").args(["-t", &pid, "-n", "-m", "-p", "bash", "-ec", script]).output().unwrap()
}

async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_dnlb-host").into()
}

fn spec(image: &str, launch_script: Option<&str>) -> InstanceSpec {
    InstanceSpec {
        number: 77,
        id: "i-0test00077".into(),
        name: "web 77".into(),
        region: "lab-1".into(),
        az: "lab-1a".into(),
        rack: "r1".into(),
        host: "host-1".into(),
        addr: "10.0.1.5".parse().unwrap(),
        subnet: "10.0.1.0/24".parse().unwrap(),
        boot: 1,
        image: image.into(),
        launch_script: launch_script.map(str::to_owned),
        metadata: std::collections::BTreeMap::new(),
    }
}

fn link(pid: u32) -> InstanceLink {
    let spec = spec("img-web", None);
    InstanceLink { number: spec.number, addr: spec.addr, subnet: spec.subnet, pid }
}

#[test]
#[ignore = "needs root"]
fn host_links_are_made_once_and_left_alone_afterwards() {
    in_fresh_netns(|| async {
        let first = Links::open("up0", UNDERLAY).unwrap().ensure_host().await.unwrap();
        let second = Links::open("up0", UNDERLAY).unwrap().ensure_host().await.unwrap();
        assert_eq!(first, second);
        assert_eq!(first.overlay_mtu, 1450);
        let overlay = sh(&format!("ip -d link show {OVERLAY}"));
        for word in ["vxlan", "external", "dstport 4789", "nolearning", "mtu 1450", ",UP,"] {
            assert!(overlay.contains(word), "no {word} in {overlay}");
        }
        let probe = sh(&format!("ip addr show {PROBE_AGENT}"));
        assert!(probe.contains("NOARP") && probe.contains("169.254.169.110/32"), "{probe}");
        let route = sh("ip route get 240.0.0.77");
        assert!(route.contains("dev dnlb-probe src 169.254.169.110"), "{route}");
        let route = sh("ip -6 route get fd64:6e6c:6201::4d");
        assert!(
            route.contains("dev dnlb-probe") && route.contains("src fd64:6e6c:6200::a9fe:a96e"),
            "{route}"
        );
        assert!(!probe.contains("fe80"), "{probe}");

        // Its headers are longer by 20 bytes, and its datagrams have no checksum.
        let six = Links::open("up0", UNDERLAY_V6).unwrap().ensure_host().await.unwrap();
        assert_eq!(six.overlay_mtu, 1430);
        let overlay = sh(&format!("ip -d link show {OVERLAY}"));
        assert!(overlay.contains("mtu 1430") && overlay.contains(" udp6zerocsumrx"), "{overlay}");
        assert!(sh("ss -Hlun6 'sport = :4789'").contains("[::]:4789"));

        // A device of a former version is not good enough, whichever of its attributes is missing.
        for old in [
            "external dstport 4789 nolearning noudp6zerocsumrx",
            "external dstport 4790 nolearning udp6zerocsumrx",
            "external dstport 4789 learning udp6zerocsumrx",
            "id 7 dstport 4789 nolearning udp6zerocsumrx",
        ] {
            sh(&format!("ip link del {OVERLAY} && ip link add {OVERLAY} type vxlan {old}"));
            let before = sh(&format!("ip -o link show {OVERLAY} | cut -d: -f1"));
            let after = Links::open("up0", UNDERLAY).unwrap().ensure_host().await.unwrap();
            assert_ne!(before.trim(), after.overlay_ifindex.to_string(), "{old}");
            let again = Links::open("up0", UNDERLAY).unwrap().ensure_host().await.unwrap();
            assert_eq!(after, again);
        }

        Links::open("up0", UNDERLAY).unwrap().remove_all().await.unwrap();
        let left = sh("ip -o link | grep -c dnlb- || true");
        assert_eq!(left.trim(), "0");
    });
}

#[test]
#[ignore = "needs root"]
fn an_instance_serves_outlives_its_driver_and_leaves_nothing_behind() {
    in_fresh_netns(|| async {
        let dir = tempfile::tempdir().unwrap();
        let script = "echo launched as $DNLB_INSTANCE_ID on $(hostname); sleep 0.01 & exit 3";
        let spec = spec("img-web", Some(script));
        let links = Links::open("up0", UNDERLAY).unwrap();
        let driver = NetnsDriver::new(dir.path().join("instances"), program());
        let pid = driver.start(&spec).await.unwrap();
        let index = links.ensure_instance(&link(pid)).await.unwrap();
        assert_eq!(links.ensure_instance(&link(pid)).await.unwrap(), index, "the link was made anew");
        let home = dir.path().join("instances/i-0test00077");
        assert_eq!(fs::read_to_string(home.join("pid")).unwrap(), format!("{pid}\n"));

        let answer = eventually("an answer", || {
            let out = guest(pid, "curl -sf http://10.0.1.5:8080/");
            out.status.success().then(|| String::from_utf8(out.stdout).unwrap())
        })
        .await;
        assert!(answer.starts_with(r#"{"instance":"i-0test00077","name":"web 77","az":"lab-1a","rack":"r1","host":"host-1","client":"10.0.1.5:"#), "{answer}");
        assert!(answer.ends_with("\"local\":\"10.0.1.5:8080\"}\n"), "{answer}");
        let console = || fs::read_to_string(home.join("console.log")).unwrap();
        eventually("the script's end", || console().contains("exited with status 3").then_some(())).await;
        assert!(console().contains("launched as i-0test00077 on web-77"), "{}", console());

        // Its own view: one interface with the MAC that the switch expects, own processes, own directories.
        // Only the names of processes: looking at one that is about to end, as the script's are, may fail.
        let view = guest(
            pid,
            "ip -o link; ip route; ls /proc; ls /run /tmp; cat /run/dnlb/instance.json; ls /sys/class/net",
        );
        assert!(view.status.success(), "{}", String::from_utf8_lossy(&view.stderr));
        let view = String::from_utf8(view.stdout).unwrap();
        assert!(view.contains("06:01:00:00:00:4d") && view.contains("mtu 1450"), "{view}");
        assert!(view.contains("default via 10.0.1.1 dev eth0"), "{view}");
        assert!(!view.contains("up0") && !view.contains(&format!("\n{pid}\n")), "{view}");
        assert!(view.contains("\"az\": \"lab-1a\""), "{view}");

        // The instance's own zombies are buried; a dead server does not take the machine down.
        guest(pid, "pkill -9 -f 'guest web'; sleep 0.05 & disown");
        assert!(matches!(driver.observe(&spec.id).unwrap(), Observed::Running { .. }));

        // Another driver finds it as it is: nothing was tied to the first one.
        drop(driver);
        let driver = NetnsDriver::new(dir.path().join("instances"), program());
        assert_eq!(driver.list().unwrap(), [(spec.id.clone(), Some(77))]);
        assert_eq!(driver.observe(&spec.id).unwrap(), Observed::Running { boot: 1, pid });
        assert_eq!(driver.start(&spec).await.unwrap(), pid, "started a second time");

        driver.remove(&spec.id).await.unwrap();
        links.remove_instance(spec.number).await.unwrap();
        assert_eq!(driver.observe(&spec.id).unwrap(), Observed::Absent);
        assert!(!home.exists());
        assert!(links.instance_ifindices().await.unwrap().is_empty());
        // Not through a shell, whose own command line would match.
        let left = Command::new("pgrep").arg("-f").arg(&home).output().unwrap();
        let left = String::from_utf8(left.stdout).unwrap();
        assert_eq!(left, "", "processes are left");
    });
}

#[test]
#[ignore = "needs root"]
fn an_ipv6_instance_has_its_address_at_once_and_listens_to_no_router_but_its_own() {
    in_fresh_netns(|| async {
        let dir = tempfile::tempdir().unwrap();
        let (addr, subnet) = ("fd00:0:1:1::5".parse().unwrap(), "fd00:0:1:1::/64".parse().unwrap());
        let spec = InstanceSpec { addr, subnet, ..spec("img-web", None) };
        let links = Links::open("up0", UNDERLAY).unwrap();
        let driver = NetnsDriver::new(dir.path().join("instances"), program());
        let pid = driver.start(&spec).await.unwrap();
        let link = InstanceLink { number: spec.number, addr, subnet, pid };
        let index = links.ensure_instance(&link).await.unwrap();
        let view = String::from_utf8(guest(pid, "ip -6 addr show dev eth0; ip -6 route").stdout).unwrap();
        assert!(view.contains("inet6 fd00:0:1:1::5/64") && !view.contains("tentative"), "{view}");
        assert!(view.contains("default via fd00:0:1:1::1 dev eth0"), "{view}");
        assert!(!view.contains("fe80"), "{view}");
        assert_eq!(links.ensure_instance(&link).await.unwrap(), index, "the link was made anew");
        let answer = eventually("an answer", || {
            let out = guest(pid, "curl -sf http://[fd00:0:1:1::5]:8080/ && curl -sf http://[::1]:8080/");
            out.status.success().then(|| String::from_utf8(out.stdout).unwrap())
        })
        .await;
        assert!(answer.contains("\"client\":\"[fd00:0:1:1::5]:"), "{answer}");
        // On the host's side nothing but our programs speaks.
        assert_eq!(sh("ip -6 addr show dev dnlb-i77"), "");

        sh("ip link set up0 mtu 1300");
        let narrow = links.ensure_instance(&link).await.unwrap_err();
        assert_eq!(
            narrow.to_string(),
            "uplink up0 leaves instances 1250 bytes a packet, and IPv6 needs 1280"
        );
        driver.remove(&spec.id).await.unwrap();
        links.remove_instance(spec.number).await.unwrap();
    });
}

#[test]
#[ignore = "needs root"]
fn an_instance_that_ends_says_how_and_one_that_lost_power_starts_again() {
    in_fresh_netns(|| async {
        let dir = tempfile::tempdir().unwrap();
        let spec = spec("img-blank", None);
        let links = Links::open("up0", UNDERLAY).unwrap();
        let driver = NetnsDriver::new(dir.path().join("instances"), program());

        let pid = driver.start(&spec).await.unwrap();
        links.ensure_instance(&link(pid)).await.unwrap();
        sh(&format!("kill -9 {pid}"));
        let reason = eventually("its end", || match driver.observe(&spec.id).unwrap() {
            Observed::Exited { boot: 1, reason } => Some(reason),
            _ => None,
        })
        .await;
        assert_eq!(reason, "killed by signal 9");

        // Stopping forgets; starting gives it a new network, and the link follows.
        driver.stop(&spec.id).await.unwrap();
        assert_eq!(driver.observe(&spec.id).unwrap(), Observed::Absent);
        let pid = driver.start(&spec).await.unwrap();
        links.ensure_instance(&link(pid)).await.unwrap();
        assert!(links.instance_ifindices().await.unwrap().contains_key(&spec.number));

        driver.power_off().await.unwrap();
        assert_eq!(driver.observe(&spec.id).unwrap(), Observed::Absent);
        assert_eq!(driver.list().unwrap(), [(spec.id.clone(), Some(77))], "its specification stays");

        let pid = driver.start(&spec).await.unwrap();
        links.ensure_instance(&link(pid)).await.unwrap();
        // Polite shutdown of the whole tree, while it sleeps.
        let began = Instant::now();
        driver.stop(&spec.id).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(2), "took {:?}", began.elapsed());
        driver.remove(&spec.id).await.unwrap();
    });
}

#[test]
#[ignore = "needs root"]
fn an_instance_that_cannot_start_says_why_and_leaves_no_process() {
    in_fresh_netns(|| async {
        let dir = tempfile::tempdir().unwrap();
        let driver = NetnsDriver::new(dir.path().join("instances"), program());
        let spec = spec("img-none", None);
        let error = driver.start(&spec).await.unwrap_err();
        assert!(error.to_string().contains("unknown image \"img-none\""), "{error}");
        assert_eq!(driver.observe(&spec.id).unwrap(), Observed::Absent);
        driver.remove(&spec.id).await.unwrap();
    });
}

#[test]
#[ignore = "needs root"]
fn next_hops_are_found_on_the_link_and_behind_a_router() {
    find_next_hops(UNDERLAY, ["192.0.2.2/24", "198.51.100.0/24", "198.51.100.3", "203.0.113.4"]);
    find_next_hops(UNDERLAY_V6, ["2001:db8:1::2/64", "2001:db8:2::/64", "2001:db8:2::3", "2001:db8:3::4"]);
}

/// A router's address, what is behind it and somebody there, and an address without a route.
fn find_next_hops(own: IpAddr, [router, behind, beyond, nowhere]: [&'static str; 4]) {
    in_fresh_netns(move || async move {
        // The other end of the uplink, a router, lives in a namespace of its own.
        let mut process = Command::new("unshare").args(["-n", "sleep", "60"]).spawn().unwrap();
        let pid = process.id();
        let namespace = fs::read_link("/proc/thread-self/ns/net").unwrap();
        eventually("the router's namespace", || {
            (fs::read_link(format!("/proc/{pid}/ns/net")).ok()? != namespace).then_some(())
        })
        .await;
        sh(&format!("ip link set up1 netns {pid}"));
        let inside = format!("nsenter -t {pid} -n");
        sh(&format!("{inside} sysctl -qw net.ipv6.conf.up1.disable_ipv6=0 net.ipv6.conf.up1.accept_dad=0"));
        sh(&format!("{inside} bash -ec 'ip link set up1 up; ip addr add {router} dev up1'"));
        let mac = sh(&format!("{inside} ip -o link show up1"));
        let mac = mac.split("link/ether ").nth(1).unwrap()[..17].to_owned();
        let router = router.split('/').next().unwrap();
        sh(&format!("ip route add {behind} via {router}"));

        let links = Links::open("up0", own).unwrap();
        let host = links.ensure_host().await.unwrap();
        let hosts = [
            (1, own),
            (2, router.parse().unwrap()),
            (3, beyond.parse().unwrap()),
            (4, nowhere.parse().unwrap()),
        ];
        let mut hops = NextHops::default();
        let entries =
            hops.resolve(&links, &host, (1, own), &hosts.into(), Some(Duration::from_secs(5))).await.unwrap();
        process.kill().unwrap();
        process.wait().unwrap();

        let next_hop = |index: u16| entries[&index].next_hop_mac.map(|byte| format!("{byte:02x}")).join(":");
        assert_eq!((next_hop(2), next_hop(3)), (mac.clone(), mac));
        assert_eq!(entries[&3].uplink_mac, host.uplink_mac);
        let octets = match own {
            IpAddr::V4(own) => dnlb_abi::v4_mapped(own.octets()),
            IpAddr::V6(own) => own.octets(),
        };
        assert_eq!(entries[&3].local_addr, octets);
        for unreachable in [1, 4] {
            assert_eq!(next_hop(unreachable), "00:00:00:00:00:00", "host {unreachable}");
        }
    });
}
