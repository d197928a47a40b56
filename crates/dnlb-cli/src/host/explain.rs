//! `dnlb explain`: what this host's data path would do with a packet.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, Write},
    net::{IpAddr, SocketAddr},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use dnlb_agent::{HostNames, explained};
use dnlb_explain::{Line, Names as _, Question, Unplaced, explain};
use dnlb_switch::LiveMaps;
use dnlb_wire::TcpFlags;
use serde_json::{Value, json};

use super::Place;
use crate::print::{self, Format};

/// Which packet.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Place,
    /// Many packets, each a line of JSON on the standard input: {"from": ..., "to": ..., "protocol": ..., "flags": ...,
    /// "size": ..., "vpc": ..., "instance": ...}, whatever is left out as without --batch; every line is answered at once by one
    /// of the standard output: {"steps": [...]}, or {"error": ...}
    #[arg(long, conflicts_with_all = ["from", "to", "protocol", "flags", "size", "vpc", "instance"])]
    batch: bool,
    #[command(flatten)]
    packet: PacketOptions,
}

/// A packet, by options or as a line of a batch.
#[derive(Clone, Debug, Args, PartialEq, Eq)]
struct PacketOptions {
    /// Who sends it, address:port
    #[arg(long, value_parser = parse_end, required_unless_present = "batch")]
    from: Option<SocketAddr>,
    /// To whom, address:port; of a load balancer the VIP or EIP and the listener's port
    #[arg(long, value_parser = parse_end, required_unless_present = "batch")]
    to: Option<SocketAddr>,
    /// Its protocol; icmp: a ping, whose identifier is the sender's port
    #[arg(long, default_value = "tcp", value_parser = ["icmp", "tcp", "udp"])]
    protocol: String,
    /// TCP's flags, with commas: syn, ack, fin, rst
    #[arg(long, default_value = "syn", value_parser = parse_flags)]
    flags: TcpFlags,
    /// Length of the IP packet
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u16).range(40..))]
    size: u16,
    /// The VPC, by name or VNI, where several on this host have these addresses
    #[arg(long)]
    vpc: Option<String>,
    /// For which of this host's instances a balancer sent it here (id, name or number), if not the one that this host's rows
    /// choose
    #[arg(long)]
    instance: Option<String>,
}

pub(crate) fn run(options: &Options, format: Format) -> Result<()> {
    let maps = options.place.maps()?;
    if options.batch {
        return batch(&options.place, &maps);
    }
    let lines = answer(&options.packet, &maps, &options.place.names()?)?;
    match format {
        Format::Json | Format::Yaml => {
            print::data(format, &Value::Array(lines.into_iter().map(item).collect()));
        }
        Format::Table => {
            let width = lines.iter().map(|line| line.what.len()).max().unwrap_or(0);
            for line in lines {
                print::text(&format!("{:width$}  {}", line.what, line.text));
            }
        }
    }
    Ok(())
}

/// Answers line by line, each from the maps and the configuration of its moment.
fn batch(place: &Place, maps: &LiveMaps) -> Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line.context("reading the standard input")?;
        let answered = parse_line(&line).and_then(|packet| answer(&packet, maps, &place.names()?));
        let reply = match answered {
            Ok(lines) => json!({"steps": lines.into_iter().map(item).collect::<Vec<_>>()}),
            Err(error) => json!({"error": format!("{error:#}")}),
        };
        // Whoever asks one by one waits for the answer.
        writeln!(out, "{reply}").and_then(|()| out.flush()).context("writing the answer")?;
    }
    Ok(())
}

/// A packet of a batch: its fields are the options' names and values.
fn parse_line(line: &str) -> Result<PacketOptions> {
    /// The options on their own.
    #[derive(clap::Parser)]
    #[command(no_binary_name = true, disable_help_flag = true)]
    struct Line {
        #[command(flatten)]
        packet: PacketOptions,
        // What the packet's options are required without.
        #[arg(long, hide = true)]
        batch: bool,
    }
    let fields: BTreeMap<String, Value> =
        serde_json::from_str(line).context("a packet is an object of JSON")?;
    let words = fields.into_iter().map(|(name, value)| match value {
        Value::String(text) => Ok(format!("--{name}={text}")),
        Value::Number(number) => Ok(format!("--{name}={number}")),
        _ => bail!("`{name}` is neither text nor a number"),
    });
    let parsed = <Line as clap::Parser>::try_parse_from(words.collect::<Result<Vec<_>>>()?);
    let Line { packet, batch } = parsed.map_err(|error| {
        // Its first line; usage is for those at a keyboard.
        anyhow::anyhow!(
            "{}",
            error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ")
        )
    })?;
    ensure!(!batch, "a packet of a batch is no batch");
    Ok(packet)
}

/// The explanation of one packet.
fn answer(options: &PacketOptions, maps: &LiveMaps, names: &HostNames) -> Result<Vec<Line>> {
    let called = options.instance.as_deref().map(|word| names.instances_called(word)).transpose()?;
    let (src, dst) = options.from.zip(options.to).context("a packet has two ends: --from and --to")?;
    let question = Question {
        src,
        dst,
        protocol: match options.protocol.as_str() {
            "icmp" if src.is_ipv6() => dnlb_wire::ICMPV6,
            "icmp" => dnlb_wire::ICMP,
            "udp" => dnlb_wire::UDP,
            _ => dnlb_wire::TCP,
        },
        flags: options.flags,
        size: options.size,
        vni: options.vpc.as_deref().map(|word| names.vni(word)).transpose()?,
        instance: called.and_then(|numbers| numbers.first().copied()),
        edge: names.config().is_some_and(|config| config.edge),
    };
    let (program, frame) = match question.place(maps) {
        Err(Unplaced::Elsewhere { instance, host }) => bail!(
            "this host's rows choose {} on {} for it: ask there, or name an instance of this host with --instance",
            names.instance(instance),
            names.host(host.into())
        ),
        other => other?,
    };
    Ok(explained(&explain(maps, program, &frame)?, names.config(), names))
}

/// A step for programs.
fn item(line: Line) -> Value {
    let mut item = line.data;
    item["step"] = line.what.into();
    item["text"] = line.text.into();
    item
}

fn parse_end(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| match text.parse() {
        Ok(addr @ IpAddr::V4(_)) => format!("`{text}` lacks a port: {addr}:80"),
        Ok(addr @ IpAddr::V6(_)) => format!("`{text}` lacks a port: [{addr}]:80"),
        Err(_) => format!("`{text}` is no address:port; of IPv6 the address stands in brackets"),
    })
}

fn parse_flags(text: &str) -> Result<TcpFlags, String> {
    let known = BTreeMap::from([
        ("ack", TcpFlags::ACK),
        ("fin", TcpFlags::FIN),
        ("rst", TcpFlags::RST),
        ("syn", TcpFlags::SYN),
    ]);
    let mut flags = 0;
    for word in text.split(',') {
        flags |= known.get(word).ok_or_else(|| format!("`{word}` is none of ack, fin, rst, syn"))?;
    }
    Ok(TcpFlags(flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_ends_are_parsed_or_refused_with_what_is_wrong() {
        assert_eq!(parse_flags("syn,ack"), Ok(TcpFlags(18)));
        assert!(parse_flags("syn,").is_err() && parse_flags("urgent").is_err());
        assert_eq!(parse_end("10.0.0.1:80"), Ok("10.0.0.1:80".parse().unwrap()));
        assert!(parse_end("10.0.0.1").unwrap_err().contains("lacks a port"));
        assert_eq!(parse_end("[::1]:80"), Ok("[::1]:80".parse().unwrap()));
        assert!(parse_end("::1").unwrap_err().contains("[::1]:80"));
    }

    #[test]
    fn a_line_of_a_batch_says_what_options_say() {
        let packet = parse_line(
            r#"{"from": "10.0.0.1:4000", "to": "10.0.0.9:80", "flags": "ack", "size": 99, "instance": 7}"#,
        );
        let packet = packet.unwrap();
        assert_eq!((packet.from, packet.to), ("10.0.0.1:4000".parse().ok(), "10.0.0.9:80".parse().ok()));
        assert_eq!((packet.flags, packet.size), (TcpFlags(16), 99));
        assert_eq!((packet.instance.as_deref(), packet.protocol.as_str()), (Some("7"), "tcp"));
        for (line, said) in [
            ("ack", "object of JSON"),
            (r#"{"from": "10.0.0.1:4000"}"#, "required"),
            (r#"{"from": "10.0.0.1", "to": "10.0.0.9:80"}"#, "lacks a port"),
            (r#"{"from": "10.0.0.1:1", "to": "10.0.0.9:80", "colour": "red"}"#, "--colour"),
            (r#"{"from": "10.0.0.1:1", "to": "10.0.0.9:80", "size": [1]}"#, "neither text nor a number"),
        ] {
            let error = format!("{:#}", parse_line(line).unwrap_err());
            assert!(error.contains(said), "{line}: {error}");
        }
    }
}
