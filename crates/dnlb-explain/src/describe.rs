//! An explanation in words.

use std::net::{IpAddr, SocketAddr};

use dnlb_abi::{FlowKey, FlowRecord, MemberEntry, RuleEntry, RuleRange, ServiceEntry, TargetKey, VNI_PUBLIC};
use dnlb_datapath::Packet;
use dnlb_wire::TcpFlags;
use serde_json::{Value, json};

use crate::{
    Explanation, Fate, FlowState, Kind, Program, Step, Verdict,
    flow::{destination, ip, ports, protocol, via},
    kind,
};

/// Names for the numbers that maps hold.
pub trait Names {
    /// A host, by its index.
    fn host(&self, index: u32) -> String {
        format!("host {index}")
    }

    /// A host, by its address in the underlay.
    fn host_at(&self, addr: IpAddr) -> String {
        format!("the host at {addr}")
    }

    /// An instance, by its number.
    fn instance(&self, number: u32) -> String {
        format!("instance {number}")
    }

    /// A listener, by its number.
    fn service(&self, number: u32) -> String {
        format!("listener {number}")
    }
}

/// Numbers as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers;

impl Names for Numbers {}

/// One step for people, and the same for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is about.
    pub what: &'static str,
    /// A sentence.
    pub text: String,
    /// An object.
    pub data: Value,
}

/// The steps of `explanation` in order; the packet comes first, the verdict last.
#[must_use]
pub fn describe(explanation: &Explanation, names: &impl Names) -> Vec<Line> {
    let Explanation { program, packet, steps, verdict } = explanation;
    let mut lines = vec![packet_line(packet), program_line(*program)];
    lines.extend(steps.iter().filter_map(|step| step_line(step, *program, names)));
    lines.extend(verdict_lines(verdict, packet, names));
    lines
}

fn line(what: &'static str, text: String, data: Value) -> Line {
    Line { what, text, data }
}

fn packet_line(packet: &Packet) -> Line {
    let (src, dst) = ends(packet);
    let protocol = protocol(packet.protocol.into());
    let flags = if packet.protocol == dnlb_wire::TCP { flag_words(packet.flags) } else { Vec::new() };
    let words = if flags.is_empty() { String::new() } else { format!(", {}", flags.join(" ")) };
    line(
        "packet",
        format!("{protocol} {src} -> {dst}{words}, {} bytes", packet.ip_len),
        json!({"protocol": protocol, "from": src, "to": dst, "flags": flags, "bytes": packet.ip_len}),
    )
}

fn program_line(program: Program) -> Line {
    let (text, data) = match program {
        Program::Edge => ("edge: from outside, on the uplink".to_owned(), json!({})),
        Program::FromInstance { ifindex } => (
            format!("from_instance: from an instance of this host, on interface {ifindex}"),
            json!({"interface": ifindex}),
        ),
        Program::FromOverlay { vni, .. } => {
            (format!("from_overlay: out of the tunnel, with VNI {vni}"), json!({"vni": vni}))
        }
        Program::Probe => ("probe: from this host's health checks".to_owned(), json!({})),
    };
    let mut data = data;
    data["name"] = program.name().into();
    line("program", text, data)
}

fn step_line(step: &Step, program: Program, names: &impl Names) -> Option<Line> {
    Some(match step {
        Step::Counted(outcome) => line(
            "counted",
            format!("{}: {}", outcome.name(), outcome.description().trim()),
            json!({"outcome": outcome.name()}),
        ),
        Step::CreateFlow { key, record } => line(
            "record",
            format!("would be made, half-open: {}", flow_words(key, names)),
            record_json(key, record, false),
        ),
        Step::Endpoint { key, found } => {
            let addr = ip(&key.addr);
            let text = match found {
                None => format!("nobody in VNI {} has {addr}", key.vni),
                Some(found) => {
                    format!("{addr} is {} on {}", names.instance(found.instance), names.host(found.host))
                }
            };
            let found = found.map(|found| json!({"instance": found.instance, "host": found.host}));
            line("route", text, json!({"vni": key.vni, "address": addr.to_string(), "found": found}))
        }
        Step::Flow { key, found } => match found {
            None => line("flow", format!("no record: {}", flow_words(key, names)), json!({"found": null})),
            Some((record, established)) => {
                let state = FlowState::of(record, *established).word();
                let (addr, port) = destination(key, record);
                let opener = if record.flags & FlowRecord::FLAG_OUTBOUND != 0 {
                    "opened by the instance".to_owned()
                } else {
                    format!("its peer speaks to {}", SocketAddr::new(ip(&addr), port))
                };
                let text = format!("{state}: {}, {opener}", flow_words(key, names));
                line("flow", text, json!({"found": record_json(key, record, *established)}))
            }
        },
        Step::Host { index, found } => {
            let known = found.filter(|found| found.addr != [0; 16]);
            let text = match known {
                None => format!("{} is not known here", names.host(*index)),
                // Elsewhere the kernel's own tunnel device finds the way.
                Some(_) if program != Program::Edge => return None,
                Some(found) if found.next_hop_mac == [0; 6] => {
                    format!("the next hop to {} is not resolved", names.host(*index))
                }
                Some(found) => {
                    let mac: Vec<_> = found.next_hop_mac.iter().map(|byte| format!("{byte:02x}")).collect();
                    format!("{} by the next hop {}", names.host(*index), mac.join(":"))
                }
            };
            let addr = known.map(|found| ip(&found.addr).to_string());
            line("host", text, json!({"host": index, "address": addr}))
        }
        Step::Instance { number, found } => match found {
            None => line(
                "instance",
                format!("{} is not on this host", names.instance(*number)),
                json!({"instance": number, "found": false}),
            ),
            Some(found) => {
                let unfiltered = |range: RuleRange| range.len == RuleRange::UNFILTERED;
                let acl = if unfiltered(found.acl_in) { ", no network ACL" } else { "" };
                let text = format!(
                    "{} in VNI {}, interface {}{acl}",
                    names.instance(*number),
                    found.vni,
                    found.ifindex
                );
                line(
                    "instance",
                    text,
                    json!({"instance": number, "found": true, "address": ip(&found.addr).to_string(),
                        "vni": found.vni, "interface": found.ifindex, "acl": !unfiltered(found.acl_in)}),
                )
            }
        },
        Step::Member { found, chosen } => line(
            if *chosen { "member" } else { "asked next" },
            member_words(found, names),
            member_json(found),
        ),
        // The instance's own step says it better.
        Step::Port { found: Some(_), .. } => return None,
        Step::Port { ifindex, found: None } => line(
            "interface",
            format!("interface {ifindex} carries no instance"),
            json!({"interface": ifindex}),
        ),
        Step::PromoteFlow { key } => line(
            "record",
            format!("would become established: {}", flow_words(key, names)),
            json!({"instance": key.instance, "promoted": true}),
        ),
        Step::Row { hash, row, rows, chain } => {
            let members: Vec<_> = chain.iter().filter(|member| member.instance != 0).collect();
            let words: Vec<_> = members.iter().map(|member| member_words(member, names)).collect();
            let chain = if words.is_empty() { "nobody".to_owned() } else { words.join("; before: ") };
            line(
                "row",
                format!("hash {hash:#010x}, row {row} of {rows}: {chain}"),
                json!({"hash": hash, "row": row, "rows": rows,
                    "chain": members.iter().map(|member| member_json(member)).collect::<Vec<_>>()}),
            )
        }
        Step::Rules { instance, filter, len, matched } => {
            let who = names.instance(*instance);
            let text = match matched {
                None => format!("{who}, none of {len} rules speaks of it"),
                Some((at, rule)) => format!("{who}, rule {} of {len}: {}", at + 1, rule_words(rule)),
            };
            let rule = matched.map(|(at, rule)| {
                json!({"number": at + 1, "rule": rule_words(&rule), "allows": rule.action == RuleEntry::ALLOW})
            });
            line(
                filter.words(),
                text,
                json!({"instance": instance, "filter": filter.words(), "rules": len, "matched": rule}),
            )
        }
        Step::Service { key, found } if key.is_of_address() => {
            let addr = ip(&key.addr);
            let text = match found {
                None => format!("no load balancer that is on has {addr}"),
                Some(_) => format!("{addr} is a load balancer's"),
            };
            line("address", text, json!({"address": addr.to_string(), "found": found.is_some()}))
        }
        Step::Service { key, found } => {
            let sought = SocketAddr::new(ip(&key.addr), (key.protocol_port >> 16) as u16);
            let at = format!("{} {sought}", protocol(key.protocol_port & 0xffff));
            match found {
                None => {
                    let whose = match key.vni {
                        VNI_PUBLIC => "no elastic IP's listener".to_owned(),
                        vni => format!("no listener of VNI {vni}"),
                    };
                    line("service", format!("{at} is {whose}"), json!({"found": null}))
                }
                Some(found) => {
                    let hashed = match found.algorithm {
                        ServiceEntry::IP_HASH => "source address",
                        _ => "five-tuple",
                    };
                    let text = format!(
                        "{at} is {}, backend service {}, VNI {}, rows by {hashed}",
                        names.service(found.number),
                        found.backend,
                        found.vni
                    );
                    let found = json!({"listener": found.number, "backend": found.backend, "vni": found.vni,
                        "algorithm": hashed, "rows": found.rows});
                    line("service", text, json!({"found": found}))
                }
            }
        }
        Step::Target { key, found } if key.backend & TargetKey::SERVES_UDP != 0 => {
            let port = key.backend & !TargetKey::SERVES_UDP;
            if found.is_none() {
                return None;
            }
            let text = format!(
                "{} serves UDP at port {port}: what it sends from there is an answer",
                names.instance(key.instance)
            );
            line("target", text, json!({"instance": key.instance, "servesUdp": port}))
        }
        Step::Target { key, found } => {
            let who = names.instance(key.instance);
            let text = match found {
                None => format!("{who} is no target of backend service {} here", key.backend),
                Some(port) => format!("{who} serves backend service {} at port {port}", key.backend),
            };
            line("target", text, json!({"instance": key.instance, "backend": key.backend, "port": found}))
        }
    })
}

fn verdict_lines(verdict: &Verdict, packet: &Packet, names: &impl Names) -> Vec<Line> {
    let (outcome, name) = (verdict.outcome, verdict.outcome.name());
    let description = outcome.description().trim();
    let (place, mut data) = match verdict.fate {
        Fate::Answered => (Some("back where it came from".to_owned()), json!({})),
        Fate::Ended => (None, json!({})),
        Fate::Delivered { instance, ifindex } => (
            Some(format!("to {} on interface {ifindex}", names.instance(instance))),
            json!({"instance": instance, "interface": ifindex}),
        ),
        Fate::Forwarded { remote, vni, instance } => {
            let remote = ip(&remote);
            (
                Some(format!("to {}, VNI {vni}, for {}", names.host_at(remote), names.instance(instance))),
                json!({"host": remote.to_string(), "vni": vni, "instance": instance}),
            )
        }
        Fate::Replied { ifindex } => (Some(format!("by interface {ifindex}")), json!({"interface": ifindex})),
        Fate::Tunnelled(tunnel) => {
            let remote = ip(&tunnel.remote);
            let hop = match tunnel.hop {
                0 => String::new(),
                dnlb_abi::HOP_FINAL => ", final".to_owned(),
                hop => format!(", hop {hop}"),
            };
            let (vni, who) = (tunnel.vni, names.instance(tunnel.instance));
            (
                Some(format!("to {}, VNI {vni}, for {who}{hop}", names.host_at(remote))),
                json!({"host": remote.to_string(), "vni": vni, "instance": tunnel.instance, "hop": tunnel.hop,
                    "fromEdge": tunnel.from_edge}),
            )
        }
    };
    let (src, dst) = ends(&verdict.packet);
    data["outcome"] = name.into();
    data["description"] = description.into();
    // Only an answer replies from where its packet was going.
    let answer = matches!(verdict.fate, Fate::Answered | Fate::Replied { .. }) && src == ends(packet).1;
    data["from"] = src.into();
    data["to"] = dst.into();
    let who = if answer { "The answer" } else { "It" };
    let place = place.map_or_else(String::new, |place| format!(" {who} goes {place}."));
    let mut lines = Vec::new();
    if ends(&verdict.packet) != ends(packet) {
        let (src, dst) = ends(&verdict.packet);
        lines.push(line(
            if answer { "answer" } else { "rewritten" },
            format!("{src} -> {dst}"),
            json!({"from": src, "to": dst}),
        ));
    }
    if let Kind::Refused(advice) | Kind::Dropped(advice) = kind(outcome) {
        data["advice"] = advice.into();
        lines.push(line("verdict", format!("{name}: {description}{place}"), data));
        lines.push(line("look at", advice.to_owned(), json!({"advice": advice})));
    } else {
        lines.push(line("verdict", format!("{name}: {description}{place}"), data));
    }
    lines
}

fn ends(packet: &Packet) -> (String, String) {
    // No port is 0: that of a protocol without ports, or one that this version does not parse.
    let end = |addr, port| match port {
        0 => ip(addr).to_string(),
        port => SocketAddr::new(ip(addr), port).to_string(),
    };
    (end(&packet.src, packet.src_port), end(&packet.dst, packet.dst_port))
}

fn flag_words(flags: TcpFlags) -> Vec<&'static str> {
    [(TcpFlags::SYN, "SYN"), (TcpFlags::ACK, "ACK"), (TcpFlags::FIN, "FIN"), (TcpFlags::RST, "RST")]
        .into_iter()
        .filter_map(|(bit, word)| flags.any(bit).then_some(word))
        .collect()
}

fn flow_words(key: &FlowKey, names: &impl Names) -> String {
    let (peer_port, own_port) = ports(key);
    let peer = SocketAddr::new(ip(&key.peer), peer_port);
    format!("{} port {own_port} with {peer}", names.instance(key.instance))
}

fn record_json(key: &FlowKey, record: &FlowRecord, established: bool) -> Value {
    let (peer_port, own_port) = ports(key);
    let (addr, port) = destination(key, record);
    let has = |flag| record.flags & flag != 0;
    json!({
        "instance": key.instance,
        "instancePort": own_port,
        "peer": SocketAddr::new(ip(&key.peer), peer_port).to_string(),
        "destination": SocketAddr::new(ip(&addr), port).to_string(),
        "state": FlowState::of(record, established).word(),
        "direction": if has(FlowRecord::FLAG_OUTBOUND) { "out" } else { "in" },
        "adopted": has(FlowRecord::FLAG_ADOPTED),
        "hairpin": has(FlowRecord::FLAG_HAIRPIN),
        "via": via(record.via),
    })
}

fn member_words(member: &MemberEntry, names: &impl Names) -> String {
    format!("{} on {}", names.instance(member.instance), names.host(member.host.into()))
}

fn member_json(member: &MemberEntry) -> Value {
    json!({"instance": member.instance, "host": member.host})
}

fn rule_words(rule: &RuleEntry) -> String {
    let action = if rule.action == RuleEntry::ALLOW { "allow" } else { "deny" };
    let prefix = ip(&rule.prefix);
    // The prefix of all IPv4 addresses is 96 bits long in maps.
    let bits = if prefix.is_ipv4() { rule.prefix_bits.saturating_sub(96) } else { rule.prefix_bits };
    if rule.protocol == RuleEntry::ANY_PROTOCOL {
        return format!("{action} everything, {prefix}/{bits}");
    }
    let (first, last) = (rule.ports & 0xffff, rule.ports >> 16);
    let ports = if first == last { format!("port {first}") } else { format!("ports {first}-{last}") };
    format!("{action} {}, {prefix}/{bits}, {ports}", protocol(rule.protocol))
}
