//! `dnlb replay`: a capture's packets through this host's data path, without any effect.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, BufWriter},
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use dnlb_abi::{Addr, InstanceEntry, Outcome};
use dnlb_agent::HostNames;
use dnlb_api::time;
use dnlb_explain::{Kind, Maps, Program, Replay, describe, flow, kind, trace};
use dnlb_wire::{Ethernet, Packet, Parsed, UDP, VXLAN_PORT, parse};
use pcap_file::{
    DataLink, PcapError, TsResolution,
    pcap::{PcapHeader, PcapPacket, PcapReader, PcapWriter},
};
use serde_json::{Value, json};

use super::Place;
use crate::print::{self, Format};

/// Which packets, and where they came in.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Place,
    /// The capture: pcap of Ethernet frames, whole ones, as `tcpdump -w` writes it
    input: PathBuf,
    /// Write the packets as they go on to this file, pcap too; those that are dropped or passed are left out
    #[arg(long)]
    out: Option<PathBuf>,
    /// Where they came in
    #[arg(long, value_enum, default_value = "auto")]
    at: At,
    /// The VPC, by name or VNI, of packets that came in at the tunnel's device and not at the uplink
    #[arg(long)]
    vpc: Option<String>,
    /// The sender (id, name or number), if the frames do not come from its MAC address
    #[arg(long)]
    instance: Option<String>,
    /// Show every step of each decision, as `dnlb explain` does
    #[arg(long)]
    steps: bool,
}

/// Where packets came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum At {
    /// By their MAC addresses and headers: an instance's link, or the uplink with tunnels or, on an edge, clients
    Auto,
    /// An edge's uplink
    Edge,
    /// An instance's link
    FromInstance,
    /// The tunnel's device: without the outer headers
    FromOverlay,
    /// The agent's probe link
    Probe,
}

pub(crate) fn run(options: &Options, format: Format) -> Result<()> {
    let maps = options.place.maps()?;
    let names = options.place.names()?;
    let hooks = Hooks::new(options, &maps, &names)?;
    let mut capture = read(&options.input)?;
    let mut out = options.out.as_deref().map(write).transpose()?;
    let mut replay = Replay::of_capture(&maps);
    let mut told = Told { format, items: Vec::new(), outcomes: BTreeMap::new() };
    let mut number = 0_u64;
    while let Some(packet) = capture.next_packet() {
        number += 1;
        let packet =
            packet.with_context(|| format!("reading packet {number} of {}", options.input.display()))?;
        let mut item = json!({"number": number, "time": wall(packet.timestamp)});
        if packet.data.len() < packet.orig_len as usize {
            told.skipped(item, "cut by the capture: capture whole packets");
            continue;
        }
        let Some((program, frame)) = hooks.place(&packet.data) else {
            told.skipped(item, "meets no program when it comes in here");
            continue;
        };
        let (explanation, carried) = replay.decide(program, frame)?;
        let event = trace::event_of(&maps, &explanation)?;
        let mut decided = trace::step(&names, hooks.host(), &wall(packet.timestamp), &event);
        if let Some(row) = trace::row_of_flow(&maps, &event)? {
            trace::add_row(&names, &mut decided, &row);
        }
        decided["number"] = item["number"].take();
        let lines = describe(&explanation, &names);
        let steps = lines.iter().map(|line| json!({"step": line.what, "text": line.text}));
        if options.steps {
            decided["steps"] = steps.collect();
        }
        if let Some(out) = out.as_mut().filter(|_| goes_on(carried.outcome)) {
            let length = u32::try_from(carried.frame.len()).unwrap_or(u32::MAX);
            out.write_packet(&PcapPacket::new(packet.timestamp, length, &carried.frame))
                .context("writing a packet")?;
        }
        told.decided(decided, carried.outcome);
    }
    told.finish();
    Ok(())
}

/// Whether a frame with this outcome leaves the program by its doing.
const fn goes_on(outcome: Outcome) -> bool {
    !matches!(kind(outcome), Kind::Dropped(_)) && !matches!(outcome, Outcome::Passed)
}

/// What is shown.
struct Told {
    format: Format,
    items: Vec<Value>,
    outcomes: BTreeMap<&'static str, u64>,
}

impl Told {
    fn decided(&mut self, item: Value, outcome: Outcome) {
        *self.outcomes.entry(outcome.name()).or_default() += 1;
        if self.format == Format::Table {
            print::text(&format!("{:>6} {}", item["number"], trace::line(&item)));
            for step in item["steps"].as_array().into_iter().flatten() {
                let text = |name: &str| step[name].as_str().unwrap_or_default().to_owned();
                print::text(&format!("{:>18}  {}", text("step"), text("text")));
            }
        } else {
            self.items.push(item);
        }
    }

    fn skipped(&mut self, mut item: Value, why: &str) {
        *self.outcomes.entry("skipped").or_default() += 1;
        if self.format == Format::Table {
            print::text(&format!("{:>6} skipped: {why}", item["number"]));
        } else {
            item["skipped"] = why.into();
            self.items.push(item);
        }
    }

    fn finish(self) {
        if self.format != Format::Table {
            print::data(self.format, &json!({"packets": self.items, "outcomes": self.outcomes}));
        } else {
            let words: Vec<_> = self.outcomes.iter().map(|(name, count)| format!("{count} {name}")).collect();
            print::text(&if words.is_empty() { "no packets".to_owned() } else { words.join(", ") });
        }
    }
}

/// Which program a frame meets.
struct Hooks<'a> {
    at: At,
    vni: Option<u32>,
    sender: Option<u32>,
    instances: Vec<InstanceEntry>,
    edge: bool,
    /// Underlay address of this host, if it is known.
    own: Option<IpAddr>,
    names: &'a HostNames,
}

impl<'a> Hooks<'a> {
    fn new<M: Maps<Error: std::error::Error + Send + Sync + 'static>>(
        options: &Options,
        maps: &M,
        names: &'a HostNames,
    ) -> Result<Self> {
        let instances = maps.instances()?;
        let called = options.instance.as_deref().map(|word| names.instances_called(word)).transpose()?;
        let sender = called.map(|numbers| {
            let own = instances.iter().find(|own| numbers.contains(&own.number));
            own.map(|own| own.ifindex).context("that instance is on another host")
        });
        let vni = options.vpc.as_deref().map(|word| names.vni(word)).transpose()?;
        ensure!(
            options.at != At::FromOverlay || vni.is_some(),
            "--at from-overlay needs --vpc: frames on the tunnel's device do not say of which VPC they are"
        );
        let config = names.config();
        Ok(Self {
            at: options.at,
            vni,
            sender: sender.transpose()?,
            edge: config.is_some_and(|config| config.edge),
            own: config.and_then(|config| config.hosts.get(&config.host).copied()),
            instances,
            names,
        })
    }

    /// This host's name.
    fn host(&self) -> &str {
        self.names.config().map_or("here", |config| config.host_id.as_str())
    }

    /// The program, and the frame that it sees.
    fn place<'f>(&self, frame: &'f [u8]) -> Option<(Program, &'f [u8])> {
        let from_instance = |ifindex| (Program::FromInstance { ifindex }, frame);
        match self.at {
            At::Edge => Some((Program::Edge, frame)),
            At::Probe => Some((Program::Probe, frame)),
            At::FromOverlay => Some((Program::FromOverlay { vni: self.vni?, remote: None }, frame)),
            At::FromInstance => self.sender.or_else(|| self.link_of(frame)).map(from_instance),
            At::Auto => {
                if let Some(ifindex) = self.sender.or_else(|| self.link_of(frame)) {
                    return Some(from_instance(ifindex));
                }
                match tunnelled(frame) {
                    // One of this host's own, on its way out.
                    Some(outer) if self.own.is_some_and(|own| own != flow::ip(&outer.dst)) => None,
                    Some(Outer { vni, remote, inner, .. }) => {
                        Some((Program::FromOverlay { vni, remote: Some(remote) }, inner))
                    }
                    None => self.edge.then_some((Program::Edge, frame)),
                }
            }
        }
    }

    /// The link of the instance that sent a frame.
    fn link_of(&self, frame: &[u8]) -> Option<u32> {
        let ethernet = Ethernet::read(&frame)?;
        self.instances.iter().find(|own| own.mac == ethernet.src).map(|own| own.ifindex)
    }
}

/// A frame in a tunnel.
struct Outer<'f> {
    dst: Addr,
    remote: Addr,
    vni: u32,
    inner: &'f [u8],
}

/// Takes the outer headers off, if there are any.
fn tunnelled(frame: &[u8]) -> Option<Outer<'_>> {
    const HEADERS: usize = 8 + 8;
    let mut packet = Packet::default();
    if parse(&frame, &Ethernet::read(&frame)?, &mut packet) != Parsed::Packet
        || packet.protocol != UDP
        || packet.dst_port != VXLAN_PORT
    {
        return None;
    }
    let vxlan = frame.get(packet.l4_offset + 8..packet.l4_offset + HEADERS)?;
    // The flag that says that there is a VNI (RFC 7348, section 5).
    if vxlan[0] & 8 == 0 {
        return None;
    }
    let vni = u32::from_be_bytes([0, vxlan[4], vxlan[5], vxlan[6]]);
    let inner = frame.get(packet.l4_offset + HEADERS..)?;
    Some(Outer { dst: packet.dst, remote: packet.src, vni, inner })
}

/// Opens a capture of Ethernet frames.
fn read(path: &Path) -> Result<PcapReader<BufReader<File>>> {
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let capture = match PcapReader::new(BufReader::new(file)) {
        Err(PcapError::InvalidField(_)) => bail!(
            "{} is no pcap; a pcapng becomes one by `editcap -F pcap IN OUT` or `tcpdump -r IN -w OUT`",
            path.display()
        ),
        other => other.with_context(|| format!("reading {}", path.display()))?,
    };
    let link = capture.header().datalink;
    ensure!(
        link == DataLink::ETHERNET,
        "{} holds no Ethernet frames (its link type is {link:?}): capture on one interface, not on `any`",
        path.display()
    );
    Ok(capture)
}

/// Begins a capture.
fn write(path: &Path) -> Result<PcapWriter<BufWriter<File>>> {
    let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
    let header = PcapHeader { ts_resolution: TsResolution::NanoSecond, ..PcapHeader::default() };
    PcapWriter::with_header(BufWriter::new(file), header)
        .with_context(|| format!("writing {}", path.display()))
}

/// A capture's time as steps of traces show it.
fn wall(since: Duration) -> String {
    format!("{}.{:09}Z", time::iso(since.as_secs()).trim_end_matches('Z'), since.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(dst_port: u16, vxlan: [u8; 8]) -> Vec<u8> {
        let mut frame = vec![0; 14];
        frame[12..].copy_from_slice(&[8, 0]);
        frame.extend([0x45, 0, 0, 36 + 14, 0, 0, 0, 0, 64, 17, 0, 0, 172, 16, 0, 2, 172, 16, 0, 1]);
        frame.extend(50_000_u16.to_be_bytes());
        frame.extend(dst_port.to_be_bytes());
        frame.extend([0, 30, 0, 0]);
        frame.extend(vxlan);
        frame.extend([7; 14]);
        frame
    }

    #[test]
    fn only_vxlan_with_a_vni_is_taken_for_a_tunnel() {
        let whole = frame(VXLAN_PORT, [8, 0, 0, 0, 0, 1, 2, 0]);
        let outer = tunnelled(&whole).unwrap();
        assert_eq!((outer.vni, outer.inner), (0x0102, [7; 14].as_slice()));
        assert_eq!(flow::ip(&outer.dst).to_string(), "172.16.0.1");
        assert_eq!(flow::ip(&outer.remote).to_string(), "172.16.0.2");
        assert!(tunnelled(&frame(VXLAN_PORT + 1, [8, 0, 0, 0, 0, 1, 2, 0])).is_none());
        assert!(tunnelled(&frame(VXLAN_PORT, [0; 8])).is_none());
        assert!(tunnelled(&whole[..40]).is_none());
    }

    #[test]
    fn what_is_written_can_be_read_and_what_is_no_capture_is_refused() {
        let path = std::env::temp_dir().join(format!("dnlb-replay-{}.pcap", std::process::id()));
        let mut out = write(&path).unwrap();
        let at = Duration::new(1_000_000_000, 123_456_789);
        out.write_packet(&PcapPacket::new(at, 3, &[1, 2, 3])).unwrap();
        drop(out);
        let mut capture = read(&path).unwrap();
        let packet = capture.next_packet().unwrap().unwrap();
        assert_eq!((packet.timestamp, packet.data.as_ref()), (at, [1, 2, 3].as_slice()));
        assert_eq!(wall(at), "2001-09-09T01:46:40.123456789Z");
        std::fs::write(&path, [7; 100]).unwrap();
        assert!(read(&path).err().unwrap().to_string().contains("is no pcap"));
        std::fs::remove_file(path).unwrap();
    }
}
