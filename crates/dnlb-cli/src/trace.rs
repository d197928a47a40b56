//! `dnlb trace`: real packets, live, over all hosts or on this one.

use std::{
    io::{BufRead, BufReader, Write},
    net::IpAddr,
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread::sleep,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use dnlb_agent::RunDir;
use dnlb_explain::trace::line;
use dnlb_model::{TraceEndpoint, TraceQuery};
use ipnet::{IpNet, Ipv6Net};
use nix::sys::signal::{SigSet, Signal};
use serde_json::Value;

use crate::{
    access,
    api::Api,
    print::{self, Format},
};

/// Between two looks at what the server has heard.
const LOOK: Duration = Duration::from_millis(250);

/// Which packets.
#[derive(Args)]
pub(crate) struct Options {
    /// One end of the flow: address, address/length, or address:port; packets both ways are shown
    #[arg(long, value_parser = parse_endpoint)]
    from: Option<TraceEndpoint>,
    /// The other end; of a load balancer the VIP or EIP, or the address of the instance behind it
    #[arg(long, value_parser = parse_endpoint)]
    to: Option<TraceEndpoint>,
    /// Only packets from or to this port; with --to, the other end's
    #[arg(long)]
    port: Option<u16>,
    /// Only this protocol: icmp, icmpv6, tcp, udp or a number
    #[arg(long, value_parser = parse_protocol)]
    protocol: Option<u8>,
    /// Only packets of the VPC with this VNI
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..1 << 24))]
    vni: Option<u32>,
    /// Only packets to or from a listener: its load balancer's name, a slash, its own
    #[arg(long)]
    listener: Option<String>,
    /// Only packets with this outcome; drop: all that were dropped; without it all but passed, which the host's own packets are
    #[arg(long)]
    outcome: Option<String>,
    /// One of so many flows, the same ones on every host
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    one_in: u32,
    /// End after so many packets
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=i64::from(TraceQuery::COUNT_MAX)))]
    count: u32,
    /// End after so many seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=i64::from(TraceQuery::SECONDS_MAX)))]
    seconds: u32,
    /// Only what this host does with them
    #[arg(long, conflicts_with = "here")]
    host: Option<String>,
    /// Ask the agent of this host alone, as root, and not the server for all hosts
    #[arg(long)]
    here: bool,
    /// Folder of the host's agent; `dnlb lab exec NODE` sets it
    #[arg(long, env = dnlb_lab::RUN_DIR, default_value = "/var/lib/dnlb")]
    run_dir: PathBuf,
}

pub(crate) fn run(options: &Options, access: &access::Options, format: Format) -> Result<()> {
    let query = TraceQuery {
        from: options.from,
        to: with_port(options.to, options.port)?,
        host: options.host.clone(),
        protocol: options.protocol,
        vni: options.vni,
        listener: options.listener.clone(),
        outcome: options.outcome.clone(),
        one_in: options.one_in,
        count: options.count,
        seconds: options.seconds,
    };
    if options.here {
        here(&query, &RunDir::new(&options.run_dir), format)
    } else {
        everywhere(&query, &Api::new(access.access()?), format)
    }
}

/// The other end, with the port that was named apart from it.
fn with_port(to: Option<TraceEndpoint>, port: Option<u16>) -> Result<Option<TraceEndpoint>> {
    let Some(port) = port else { return Ok(to) };
    ensure!(to.is_none_or(|end| end.port.is_none()), "--to names a port already: leave out --port");
    // All addresses of both families: IPv4's are a part of IPv6's here.
    let anywhere = || TraceEndpoint { block: IpNet::V6(Ipv6Net::default()), port: None };
    Ok(Some(TraceEndpoint { port: Some(port), ..to.unwrap_or_else(anywhere) }))
}

/// Asks this host's agent.
fn here(query: &TraceQuery, run_dir: &RunDir, format: Format) -> Result<()> {
    ensure!(nix::unistd::geteuid().is_root(), "tracing on a host needs root: try again with sudo");
    let socket = run_dir.trace_socket();
    let mut stream = UnixStream::connect(&socket).with_context(|| {
        format!("no agent takes traces at {}; --run-dir names another folder", socket.display())
    })?;
    writeln!(stream, "{}", serde_json::to_string(query)?).context("cannot ask the agent")?;
    let mut lost = 0;
    for said in BufReader::new(stream).lines() {
        let said: Value = serde_json::from_str(&said.context("the agent has ended")?)
            .context("the agent said something that is no JSON")?;
        if let Some(error) = said["error"].as_str() {
            bail!("{error}");
        }
        if said["step"].is_object() {
            show(&said["step"], format);
        }
        say_lost(&said["lost"], &mut lost);
        if said["end"].is_string() {
            return Ok(());
        }
    }
    bail!("the agent has ended")
}

/// Asks the server, which asks all agents.
fn everywhere(query: &TraceQuery, api: &Api, format: Format) -> Result<()> {
    let stopped = Stopped::watch()?;
    let made = api.post("dnlb", "traces", serde_json::to_value(query)?)?;
    let id = made["traceId"].as_str().context("the reply names no trace")?.to_owned();
    let told = follow(&id, api, format, &stopped);
    if !matches!(told, Ok(Ended::ByItself)) {
        // If that fails, the server ends it itself: nobody asks about it any more.
        let ended = api.call("dnlb", "DELETE", &format!("traces/{id}"), &[], None);
        if told.is_ok() {
            ended.context("the trace was not ended; the server does that within seconds")?;
        }
    }
    told.map(drop)
}

/// How following a trace has come to an end.
enum Ended {
    ByItself,
    ByUser,
}

/// Shows what a trace has seen until it is over.
fn follow(id: &str, api: &Api, format: Format, stopped: &Stopped) -> Result<Ended> {
    // Hosts' reports come in any order: what came is shown one look later, with what came meanwhile sorted in.
    let (mut waiting, mut next, mut lost) = (Vec::<Value>::new(), 0, 0);
    loop {
        let by_user = stopped.within(LOOK);
        let query = [("after".to_owned(), next.to_string())];
        let mut seen = api.call("dnlb", "GET", &format!("traces/{id}"), &query, None)?["trace"].take();
        let fresh = seen["steps"].as_array_mut().map(std::mem::take).unwrap_or_default();
        let ended = seen["ended"] == true;
        let known = waiting.len();
        waiting.extend(fresh);
        let due: Vec<Value> = if ended || by_user { all(&mut waiting) } else { ripe(&mut waiting, known) };
        due.iter().for_each(|step| show(step, format));
        say_lost(&seen["lostSteps"], &mut lost);
        next = seen["next"].as_u64().unwrap_or(next);
        if ended || by_user {
            say_errors(&seen["errors"]);
            return Ok(if ended { Ended::ByItself } else { Ended::ByUser });
        }
    }
}

/// Notes that the user has had enough (Ctrl-C), or that the program is to end.
struct Stopped(Receiver<()>);

impl Stopped {
    /// From here on those signals end nothing by themselves. To be called while there is but one thread.
    fn watch() -> Result<Self> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGINT);
        signals.add(Signal::SIGTERM);
        signals.add(Signal::SIGHUP);
        signals.thread_block().context("cannot hold signals back")?;
        let (tell, told) = channel();
        std::thread::spawn(move || {
            // A second one finds nobody who waits and the program at its end.
            while signals.wait().is_ok() && tell.send(()).is_ok() {}
        });
        Ok(Self(told))
    }

    /// Waits; whether it was so meanwhile.
    fn within(&self, time: Duration) -> bool {
        match self.0.recv_timeout(time) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => {
                sleep(time);
                false
            }
        }
    }
}

/// Takes everything, in the order of time.
fn all(waiting: &mut Vec<Value>) -> Vec<Value> {
    let mut all = std::mem::take(waiting);
    all.sort_by_key(|step| step["time"].as_str().unwrap_or_default().to_owned());
    all
}

/// Takes what is not later than the last of the first `known` steps, in the order of time.
fn ripe(waiting: &mut Vec<Value>, known: usize) -> Vec<Value> {
    let time = |step: &Value| step["time"].as_str().unwrap_or_default().to_owned();
    let Some(until) = waiting[..known].iter().map(time).max() else { return Vec::new() };
    waiting.sort_by_key(time);
    let later = waiting.iter().position(|step| time(step) > until).unwrap_or(waiting.len());
    waiting.drain(..later).collect()
}

fn show(step: &Value, format: Format) {
    match format {
        // One a line: they come one by one.
        Format::Json | Format::Yaml => print::item(format, step),
        Format::Table => print::text(&line(step)),
    }
}

fn say_lost(lost: &Value, said: &mut u64) {
    if let Some(lost) = lost.as_u64().filter(|lost| lost > said) {
        eprintln!("{lost} packets were too many to be shown: narrow the trace, or --one-in");
        *said = lost;
    }
}

fn say_errors(errors: &Value) {
    for error in errors.as_array().into_iter().flatten() {
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        eprintln!("not on {}: {}", text("hostId"), text("reason"));
    }
}

fn parse_endpoint(text: &str) -> Result<TraceEndpoint, String> {
    if let Ok(block) = text.parse::<IpNet>() {
        return Ok(TraceEndpoint { block: block.trunc(), port: None });
    }
    if let Ok(addr) = text.parse::<IpAddr>() {
        return Ok(TraceEndpoint { block: addr.into(), port: None });
    }
    match text.parse::<std::net::SocketAddr>() {
        Ok(end) => Ok(TraceEndpoint { block: end.ip().into(), port: Some(end.port()) }),
        Err(_) => Err(format!("`{text}` is no address, address/length or address:port")),
    }
}

fn parse_protocol(text: &str) -> Result<u8, String> {
    match text {
        "icmp" => Ok(dnlb_wire::ICMP),
        "icmpv6" => Ok(dnlb_wire::ICMPV6),
        "tcp" => Ok(dnlb_wire::TCP),
        "udp" => Ok(dnlb_wire::UDP),
        number => {
            number.parse().map_err(|_| format!("`{text}` is no protocol: icmp, icmpv6, tcp, udp or a number"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ends_are_addresses_blocks_or_addresses_with_a_port() {
        let end = |text| parse_endpoint(text).map(|end| (end.block.to_string(), end.port));
        assert_eq!(end("10.0.0.1"), Ok(("10.0.0.1/32".to_owned(), None)));
        assert_eq!(end("10.0.0.1/24"), Ok(("10.0.0.0/24".to_owned(), None)));
        assert_eq!(end("10.0.0.1:80"), Ok(("10.0.0.1/32".to_owned(), Some(80))));
        assert_eq!(end("[2001:db8::1]:80"), Ok(("2001:db8::1/128".to_owned(), Some(80))));
        assert!(end("web").is_err());
        assert_eq!((parse_protocol("tcp"), parse_protocol("58")), (Ok(6), Ok(58)));
        assert!(parse_protocol("sctp!").is_err());
    }

    #[test]
    fn a_port_alone_is_that_of_either_end_in_both_families() {
        let alone = with_port(None, Some(80)).unwrap().unwrap();
        assert_eq!((alone.block.to_string(), alone.port), ("::/0".to_owned(), Some(80)));
        let end = parse_endpoint("10.0.0.1").unwrap();
        assert_eq!(with_port(Some(end), Some(80)).unwrap().unwrap().port, Some(80));
        assert_eq!(with_port(Some(end), None).unwrap(), Some(end));
        let both = parse_endpoint("10.0.0.1:443").unwrap();
        assert!(with_port(Some(both), Some(80)).is_err());
    }

    #[test]
    fn steps_wait_for_one_look_so_that_late_ones_find_their_place() {
        let steps =
            |times: &[u32]| times.iter().map(|at| json!({"time": format!("T{at}")})).collect::<Vec<_>>();
        let mut waiting = steps(&[1, 5]);
        assert!(ripe(&mut waiting, 0).is_empty());
        waiting.extend(steps(&[3, 7]));
        assert_eq!(ripe(&mut waiting, 2), steps(&[1, 3, 5]));
        assert_eq!(waiting, steps(&[7]));
        assert_eq!(ripe(&mut waiting, 1), steps(&[7]));
    }
}
