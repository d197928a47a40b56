//! `dnlb lab bench`: what a VIP costs between two instances, beside no balancer and beside others, in one run.

use std::{thread::sleep, time::Duration};

use anyhow::{Context, Result, ensure};
use dnlb_lab::Size;
use serde_json::Value;

use super::{
    flood, up,
    walk::{Walk, text},
};
use crate::wait::{PATIENCE, wait_until};

/// Its own lab, so that it disturbs nobody's.
const LAB: &str = "bench";
/// Where servers answer HTTP.
const WEB_PORT: u16 = 8080;
/// iperf3's port.
pub(super) const IPERF_PORT: u16 = 5201;
/// Where servers echo.
pub(super) const ECHO_PORT: u16 = 9000;
/// Connections of the load tool.
const CONNECTIONS: &str = "16";

/// How long to measure.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds; in each, one run of everything by every way
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=50))]
    rounds: u8,
    /// Seconds of each run
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=30))]
    seconds: u8,
}

/// An instance.
pub(super) struct Instance {
    pub(super) id: String,
    pub(super) addr: String,
}

/// What [`prepare`] has made.
pub(super) struct Scene {
    pub(super) client: Instance,
    /// Where balancers of others stand.
    pub(super) balancer: Instance,
    servers: [Instance; 2],
    pub(super) servers_host: String,
    pub(super) vip: String,
    pub(super) eip: String,
}

/// A way from a client to the servers.
struct Way {
    name: &'static str,
    from: String,
    web: String,
    stream: (String, u16),
}

/// What was measured by one way.
#[derive(Clone, Default)]
struct Measured {
    gigabits: Vec<f64>,
    requests: Vec<f64>,
    /// Milliseconds at 50, 90 and 99 %.
    latency: [Vec<f64>; 3],
    connections: Vec<f64>,
}

/// Builds a lab, measures, prints, removes the lab.
pub(crate) fn run(options: &Options) -> Result<()> {
    for (program, package) in [("nginx", "nginx-light"), ("haproxy", "haproxy")] {
        let found = std::process::Command::new(program).arg("-v").output().is_ok();
        ensure!(found, "`{program}` is not installed: `scripts/setup.sh --bench` installs {package}");
    }
    ensure!(
        dnlb_lab::Files::of(LAB).load()?.is_none(),
        "lab `{LAB}` is there already: `dnlb lab --name {LAB} down`"
    );
    let size = Size { azs: 3, hosts_per_rack: 1, edges: 1, ..Size::default() };
    let result = up(LAB, &size, "lab bench").and_then(|lab| {
        let walk = Walk { lab, aloud: false };
        let scene = prepare(&walk)?;
        let ways = measure(&walk, &scene, options)?;
        let floods = flood::flood(&walk, &scene, options.rounds, options.seconds)?;
        Ok(format!("## Ways to a server\n\n{ways}\n## A flood of SYNs\n\n{floods}"))
    });
    dnlb_lab::down(LAB)?;
    print!("{}", result?);
    Ok(())
}

/// Makes instances on three hosts, servers on one of them, a VIP with an elastic IP, and what others balance with.
pub(super) fn prepare(walk: &Walk) -> Result<Scene> {
    walk.dnlb("vpc create bench --prefix 10.0.0.0/16")?;
    walk.dnlb("subnet create bench --vpc bench --prefix 10.0.0.0/24")?;
    walk.dnlb("sg create bench --vpc bench")?;
    walk.dnlb("sg allow bench --direction in --protocol tcp")?;
    walk.dnlb("sg allow bench --direction out --protocol tcp")?;
    walk.dnlb("template create bench --subnet bench --sg bench --image img-blank")?;
    let make = |name: &str, az: &str| -> Result<Instance> {
        let made = walk.dnlb(&format!("instance create {name} --template bench --az lab-1{az} --wait"))?;
        Ok(Instance { id: text(&made, "/instanceId")?, addr: text(&made, "/privateIpAddress")? })
    };
    let (client, balancer) = (make("client", "a")?, make("balancer", "c")?);
    let servers = [make("server-1", "b")?, make("server-2", "b")?];
    let instances = walk.lab.instances();
    let host = instances.into_iter().find(|(id, ..)| *id == servers[0].id).map(|(_, host, _)| host);
    for server in &servers {
        walk.exec(&server.id, &["iperf3", "--server", "--daemon", "--port", &IPERF_PORT.to_string()])?;
        dnlb_lab::serve_echo(&walk.lab, &server.id, ECHO_PORT)?;
        if others_are_there() {
            let web = format!(
                "http {{ access_log off; keepalive_requests 100000000; server {{ listen {WEB_PORT}; location / {{ return 200 \"served\\n\"; }} }} }}"
            );
            start_nginx(walk, &server.id, "", &web)?;
        }
    }
    let lb = walk.dnlb("lb create bench --subnet bench")?;
    let vip = text(&lb, "/privateIp/privateIpAddress")?;
    // iperf3 opens two connections that must meet one server.
    for (group, targets) in [("one", &servers[..1]), ("both", &servers[..])] {
        walk.dnlb(&format!("target-group create {group} --lb bench"))?;
        for target in targets {
            walk.dnlb(&format!("target-group register {group} --instance {}", target.id))?;
        }
    }
    let services = [
        ("web", 80, WEB_PORT, "both"),
        ("iperf", IPERF_PORT, IPERF_PORT, "one"),
        ("echo", ECHO_PORT, ECHO_PORT, "both"),
    ];
    for (name, port, own_port, group) in services {
        walk.dnlb(&format!(
            "backend create {name} --lb bench --port {own_port} --target-group {group} --algorithm quintuple-hash --check-port {ECHO_PORT} --healthy-after 1"
        ))?;
        walk.dnlb(&format!("listener create {name} --lb bench --port {port} --backend {name}"))?;
    }
    let eip = text(&walk.dnlb("eip create")?, "/elasticIpAddress")?;
    walk.dnlb(&format!("lb associate-eip bench {eip}"))?;
    for (name, .., group) in services {
        walk.dnlb(&format!("health {name} --wait {}", if group == "one" { 1 } else { 2 }))?;
    }
    walk.dnlb("status --wait")?;
    Ok(Scene { client, balancer, servers, servers_host: host.context("a server without a host")?, vip, eip })
}

fn others_are_there() -> bool {
    std::process::Command::new("nginx").arg("-v").output().is_ok()
}

/// Starts nginx in an instance.
fn start_nginx(walk: &Walk, instance: &str, head: &str, body: &str) -> Result<()> {
    let text = format!(
        "{head}\nuser root;\nworker_processes 1;\npid /run/nginx.pid;\nerror_log /run/nginx.log;\nevents {{ worker_connections 8192; }}\n{body}\n"
    );
    write(walk, instance, "/run/nginx.conf", &text)?;
    walk.exec(instance, &["nginx", "-c", "/run/nginx.conf"]).map(drop)
}

/// Writes a file in an instance, whose `/run` is its own.
fn write(walk: &Walk, instance: &str, path: &str, text: &str) -> Result<()> {
    walk.exec(instance, &["sh", "-c", "printf %s \"$1\" >\"$2\"", "sh", text, path]).map(drop)
}

/// Starts the balancers of others, each at ports of its own.
fn start_others(walk: &Walk, scene: &Scene) -> Result<()> {
    let [one, two] = scene.servers.each_ref().map(|server| &server.addr);
    let id = &scene.balancer.id;
    start_nginx(
        walk,
        id,
        "load_module /usr/lib/nginx/modules/ngx_stream_module.so;",
        &format!(
            "stream {{ upstream web {{ server {one}:{WEB_PORT}; server {two}:{WEB_PORT}; }} server {{ listen 80; proxy_pass web; }} server {{ listen 5201; proxy_pass {one}:{IPERF_PORT}; }} }}"
        ),
    )?;
    let text = format!(
        "global\n  nbthread 1\n  maxconn 4000\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\nlisten web\n  bind :81\n  server one {one}:{WEB_PORT}\n  server two {two}:{WEB_PORT}\nlisten iperf\n  bind :5202\n  server one {one}:{IPERF_PORT}\n"
    );
    write(walk, id, "/run/haproxy.conf", &text)?;
    walk.exec(id, &["haproxy", "-D", "-f", "/run/haproxy.conf"])?;
    walk.exec(id, &["sysctl", "-qw", "net.ipv4.ip_forward=1"])?;
    let rules = format!(
        "table ip bench {{ chain before {{ type nat hook prerouting priority -100; tcp dport 82 dnat to jhash ip saddr . tcp sport mod 2 map {{ 0 : {one}, 1 : {two} }}:{WEB_PORT}; tcp dport 5203 dnat to {one}:{IPERF_PORT}; }}; chain after {{ type nat hook postrouting priority 100; masquerade; }}; }}"
    );
    walk.exec(id, &["nft", &rules]).map(drop)
}

fn measure(walk: &Walk, scene: &Scene, options: &Options) -> Result<String> {
    start_others(walk, scene)?;
    let way = |name, from: &str, addr: &str, web: u16, stream: u16| Way {
        name,
        from: from.to_owned(),
        web: format!("http://{addr}:{web}/"),
        stream: (addr.to_owned(), stream),
    };
    let (client, balancer) = (&scene.client.id, &scene.balancer.addr);
    let ways = [
        way("no balancer", client, &scene.servers[0].addr, WEB_PORT, IPERF_PORT),
        way("dnlb, VIP", client, &scene.vip, 80, IPERF_PORT),
        way("nftables DNAT (jhash map) and masquerade", client, balancer, 82, 5203),
        way("nginx stream", client, balancer, 80, 5201),
        way("HAProxy, mode tcp", client, balancer, 81, 5202),
        way("dnlb, from outside by an edge", "client", &scene.eip, 80, IPERF_PORT),
    ];
    let mut measured = vec![Measured::default(); ways.len()];
    for round in 0..options.rounds {
        // The order changes from round to round, so that a slow drift of the machine favours nobody.
        for at in 0..ways.len() {
            let at = (at + usize::from(round)) % ways.len();
            let (way, measured) = (&ways[at], &mut measured[at]);
            let (addr, port) = &way.stream;
            measured.gigabits.push(stream(walk, &way.from, addr, *port, options.seconds)?);
            let (requests, latency) = requests(walk, way, options.seconds, true)?;
            measured.requests.push(requests);
            for (all, one) in measured.latency.iter_mut().zip(latency) {
                all.push(one);
            }
            measured.connections.push(self::requests(walk, way, options.seconds, false)?.0);
        }
    }
    let mut report = format!(
        "Medians of {} rounds, {} s a run; {CONNECTIONS} connections, and one stream. Two servers on one host, the client on a second, balancers of others on a third.\n\n",
        options.rounds, options.seconds
    );
    report += "| way | Gbit/s | against none | requests/s | 50 % | 90 % | 99 %, ms | connections/s |\n|---|---|---|---|---|---|---|---|\n";
    let plain = median(&measured[0].gigabits);
    for (way, measured) in ways.iter().zip(&measured) {
        let [half, most, nearly] = measured.latency.each_ref().map(|values| median(values));
        let gigabits = median(&measured.gigabits);
        report += &format!(
            "| {} | {gigabits:.2} | {:.2} | {:.0} | {half:.2} | {most:.2} | {nearly:.2} | {:.0} |\n",
            way.name,
            gigabits / plain,
            median(&measured.requests),
            median(&measured.connections)
        );
    }
    Ok(report)
}

/// One run of wrk: requests a second, and milliseconds at 50, 90 and 99 %. Without `keep`, each has a connection of its own.
fn requests(walk: &Walk, way: &Way, seconds: u8, keep: bool) -> Result<(f64, [f64; 3])> {
    let seconds = format!("{seconds}s");
    let mut words = vec!["wrk", "-t1", "-c", CONNECTIONS, "-d", &seconds, "--latency"];
    if !keep {
        words.extend(["-H", "Connection: close"]);
    }
    words.push(&way.web);
    let said = walk.exec(&way.from, &words)?;
    parse_wrk(&said).with_context(|| format!("wrk by {}: {said}", way.name))
}

fn parse_wrk(said: &str) -> Option<(f64, [f64; 3])> {
    let after = |word: &str| said.lines().find_map(|line| line.trim().strip_prefix(word).map(str::trim));
    let rate = after("Requests/sec:")?.parse().ok()?;
    let [half, most, nearly] = ["50%", "90%", "99%"].map(|share| milliseconds(after(share)?));
    Some((rate, [half?, most?, nearly?]))
}

/// A duration as wrk writes it.
fn milliseconds(text: &str) -> Option<f64> {
    for (unit, factor) in [("us", 1e-3), ("ms", 1.0), ("s", 1e3), ("m", 60e3)] {
        if let Some(number) = text.strip_suffix(unit) {
            return number.parse::<f64>().ok().map(|number| number * factor);
        }
    }
    None
}

/// One iperf3 run; Gbit/s as the receiver saw them.
pub(super) fn stream(walk: &Walk, from: &str, to: &str, port: u16, seconds: u8) -> Result<f64> {
    let (port, seconds) = (port.to_string(), seconds.to_string());
    let mut said = String::new();
    // The server takes one test at a time and may still be busy with the end of the last one.
    wait_until(PATIENCE, || {
        let run = walk.exec(from, &["iperf3", "--client", to, "--port", &port, "--time", &seconds, "--json"]);
        match run {
            Ok(output) => said = output,
            Err(error) if format!("{error:#}").contains("busy") => {
                sleep(Duration::from_millis(200));
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        Ok(true)
    })?;
    let said: Value = serde_json::from_str(&said).context("iperf3 said no JSON")?;
    let bits = said.pointer("/end/sum_received/bits_per_second").and_then(Value::as_f64);
    Ok(bits.with_context(|| format!("iperf3 gave no rate: {}", said["error"]))? / 1e9)
}

/// The middle one; not a number of nothing.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn what_wrk_says_is_read_with_its_units() {
        let said = "  Latency Distribution\n     50%  821.00us\n     75%    1.20ms\n     90%    2.50ms\n     99%    1.01s \n\
                    Requests/sec:  12345.67\nTransfer/sec:      1.00MB\n";
        let (rate, latencies) = parse_wrk(said).expect("a rate and latencies");
        assert_eq!(rate, 12_345.67);
        for (milliseconds, wanted) in latencies.into_iter().zip([0.821, 2.5, 1_010.0]) {
            assert!((milliseconds - wanted).abs() < 1e-9, "{milliseconds} for {wanted}");
        }
        assert_eq!(parse_wrk("unable to connect"), None);
    }
}
