//! Steps of packets in words.

use std::net::SocketAddr;

use dnlb_abi::{FlowKey, FlowRecord, Outcome, Role, ServiceKey, StepEvent, VNI_PUBLIC};
use dnlb_datapath::{Packet, flow_hash, goes_on, row_of};
use dnlb_wire::{Icmp, is_v4};
use serde_json::{Value, json};

use crate::{
    Explanation, Fate, FlowState, Maps, Program, Step, flow,
    maps::{chain_members, find_service},
};

/// Names for the numbers of steps and flows; what has none is shown by its number.
pub trait TraceNames {
    /// An instance's id.
    fn instance_id(&self, number: u32) -> Option<String>;
    /// A listener's name after that of its load balancer.
    fn listener(&self, number: u32) -> Option<String>;
    /// The name of the host with this underlay address.
    fn host_at(&self, addr: std::net::IpAddr) -> Option<String>;
}

/// The row of a call's flow in this host's tables, and who is in its chain, the present owner first. Nobody: the slot is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowOfFlow {
    /// The row, counted from the service's first.
    pub row: u32,
    /// Numbers of instances.
    pub chain: Vec<u32>,
}

/// The row of the flow to which a packet belongs that calls a service; nothing of any other packet.
///
/// As the tables are now: a packet that was told of a moment ago may have met others.
///
/// # Errors
/// When a map could not be read.
pub fn row_of_flow<M: Maps>(maps: &M, step: &StepEvent) -> Result<Option<RowOfFlow>, M::Error> {
    if step.service == 0 || step.ip_len == 0 {
        return Ok(None);
    }
    let vni = vni_of_services(step);
    let (src_port, dst_port) = (step.ports as u16, (step.ports >> 16) as u16);
    let key = ServiceKey::new(vni, step.dst, step.protocol, dst_port);
    let (Some(settings), Some(service)) = (maps.settings()?, find_service(maps, &key)?) else {
        return Ok(None);
    };
    if service.rows == 0 {
        return Ok(None);
    }
    let packet = Packet {
        src: step.src,
        dst: step.dst,
        v6: !is_v4(&step.dst),
        protocol: step.protocol,
        src_port,
        dst_port,
        ..Packet::default()
    };
    let row = row_of(flow_hash(&settings, service.algorithm, &packet), service.rows);
    let chain = maps.chain(service.rows_base.wrapping_add(row))?;
    let members = chain_members(maps, &service, chain)?;
    let chain = members.iter().map(|member| member.instance).filter(|number| *number != 0).collect();
    Ok(Some(RowOfFlow { row, chain }))
}

/// Adds a row and its chain to what [`step`] made.
pub fn add_row(names: &impl TraceNames, item: &mut Value, row: &RowOfFlow) {
    let known = |number: &u32| names.instance_id(*number).unwrap_or_else(|| number.to_string());
    item["row"] = row.row.into();
    item["chain"] = row.chain.iter().map(known).collect();
}

/// What the kernel would tell of a packet that was decided without it.
///
/// Two things are the kernel's alone: the time, and, for an edge, the interface.
///
/// # Errors
/// When a map could not be read.
pub fn event_of<M: Maps>(maps: &M, explanation: &Explanation) -> Result<StepEvent, M::Error> {
    let Explanation { program, packet, steps, verdict } = explanation;
    let mut event =
        StepEvent { kind: StepEvent::KIND, outcome: verdict.outcome as u32, ..StepEvent::default() };
    let role = match *program {
        Program::Edge => Role::Edge,
        Program::FromInstance { ifindex } => {
            event.ifindex = ifindex;
            Role::FromInstance
        }
        Program::FromOverlay { vni, .. } => {
            event.vni = vni;
            Role::FromOverlay
        }
        Program::Probe => Role::Probe,
    };
    event.role = role as u8;
    match verdict.fate {
        Fate::Delivered { instance, .. } => event.instance = instance,
        Fate::Forwarded { remote, vni, instance } => {
            (event.remote, event.vni, event.instance) = (remote, vni, instance);
        }
        Fate::Tunnelled(to) => {
            (event.remote, event.vni, event.instance, event.hop) = (to.remote, to.vni, to.instance, to.hop);
        }
        Fate::Answered | Fate::Ended | Fate::Replied { .. } => {}
    }
    for step in steps {
        match step {
            Step::Counted(outcome) if *outcome != Outcome::Balanced => event.also = *outcome as u32 + 1,
            Step::Port { found: Some(sender), .. } => event.sender = *sender,
            Step::Instance { found: Some(own), .. } if event.vni == 0 => event.vni = own.vni,
            _ => {}
        }
    }
    if packet.ip_len == 0 {
        return Ok(event);
    }
    let ports = |packet: &Packet| u32::from(packet.src_port) | u32::from(packet.dst_port) << 16;
    (event.src, event.dst, event.ports) = (packet.src, packet.dst, ports(packet));
    (event.new_src, event.new_dst, event.new_ports) = (packet.src, packet.dst, event.ports);
    if goes_on(event.outcome) {
        let after = &verdict.packet;
        (event.new_src, event.new_dst) = (after.src, after.dst);
        if packet.icmp != Icmp::Error {
            event.new_ports = ports(after);
        }
    }
    event.protocol = packet.protocol;
    event.tcp_flags = packet.flags.0;
    event.seq = packet.seq;
    event.ip_len = packet.ip_len;
    let vni = vni_of_services(&event);
    let listener =
        |addr, port: u32| find_service(maps, &ServiceKey::new(vni, addr, event.protocol, port as u16));
    let called = listener(event.dst, event.ports >> 16)?;
    let answering = listener(event.new_src, event.new_ports & 0xffff)?;
    let service = called.or(answering).filter(|_| !packet.is_icmp());
    event.service = service.map_or(0, |service| service.number);
    Ok(event)
}

/// Under which VNI its services are known.
const fn vni_of_services(event: &StepEvent) -> u32 {
    if event.role == Role::Edge as u8 { VNI_PUBLIC } else { event.vni }
}

/// A step as an object of JSON. `host` is where it was, `time` when, in words that sort as times do.
#[must_use]
pub fn step(names: &impl TraceNames, host: &str, time: &str, step: &StepEvent) -> Value {
    let end = |addr, port: u32| SocketAddr::new(flow::ip(addr), port as u16).to_string();
    let known = |number: u32| names.instance_id(number).unwrap_or_else(|| number.to_string());
    let mut item = json!({
        "time": time,
        "host": host,
        "program": Role::of(step.role).map_or("unknown", Role::name),
        "outcome": outcome_name(step.outcome),
        "interface": step.ifindex,
    });
    if step.also != 0 {
        item["also"] = outcome_name(step.also - 1).into();
    }
    if step.ip_len != 0 {
        let came = (end(&step.src, step.ports & 0xffff), end(&step.dst, step.ports >> 16));
        let went = (end(&step.new_src, step.new_ports & 0xffff), end(&step.new_dst, step.new_ports >> 16));
        item["protocol"] = flow::protocol(step.protocol.into()).into();
        item["bytes"] = step.ip_len.into();
        if step.protocol == 6 {
            item["flags"] = flags(step.tcp_flags).into();
            item["sequence"] = step.seq.into();
        }
        if went.0 != came.0 {
            item["sourceAfter"] = went.0.into();
        }
        if went.1 != came.1 {
            item["destinationAfter"] = went.1.into();
        }
        item["source"] = came.0.into();
        item["destination"] = came.1.into();
    }
    if step.vni != 0 {
        item["vni"] = step.vni.into();
    }
    if step.service != 0 {
        let name = names.listener(step.service).unwrap_or_else(|| step.service.to_string());
        item["listener"] = name.into();
    }
    if step.sender != 0 {
        item["sender"] = known(step.sender).into();
    }
    if step.instance != 0 {
        item["instance"] = known(step.instance).into();
    }
    if step.remote != [0; 16] {
        let addr = flow::ip(&step.remote);
        item["to"] = names.host_at(addr).unwrap_or_else(|| addr.to_string()).into();
        item["hop"] = step.hop.into();
    }
    item
}

/// An outcome's name, or its number when a newer program has more of them.
fn outcome_name(number: u32) -> String {
    let found = Outcome::ALL.get(number as usize);
    found.map_or_else(|| format!("outcome_{number}"), |outcome| outcome.name().to_owned())
}

/// A step that [`step`] made, as one line.
#[must_use]
pub fn line(item: &Value) -> String {
    let text = |name: &str| item[name].as_str().unwrap_or_default();
    let clock = text("time").split_once('T').map_or(text("time"), |(_, clock)| clock);
    let mut line = format!("{:18} {:10} {:13}", clock.trim_end_matches('Z'), text("host"), text("program"));
    if item["source"].is_string() {
        line += &format!(" {} {} > {}", text("protocol"), text("source"), text("destination"));
        if item["flags"].as_str().is_some_and(|flags| !flags.is_empty()) {
            line += &format!(" {}", text("flags"));
        }
        line += &format!(" {} bytes", item["bytes"]);
    }
    line += &format!(": {}", text("outcome"));
    if item["also"].is_string() {
        line += &format!(" ({})", text("also"));
    }
    if item["sender"].is_string() {
        line += &format!(", from {}", text("sender"));
    }
    if item["instance"].is_string() {
        line += &format!(", to {}", text("instance"));
    }
    if item["to"].is_string() {
        line += &format!(" on {}", text("to"));
    }
    if item["hop"].as_u64().is_some_and(|hop| hop != 0) {
        line += &format!(", hop {}", item["hop"]);
    }
    match (item["sourceAfter"].as_str(), item["destinationAfter"].as_str()) {
        (None, None) => {}
        (Some(source), None) => line += &format!(", as from {source}"),
        (None, Some(destination)) => line += &format!(", as to {destination}"),
        (Some(source), Some(destination)) => line += &format!(", as {source} > {destination}"),
    }
    if item["listener"].is_string() {
        line += &format!(", listener {}", text("listener"));
    }
    if let Some(chain) = item["chain"].as_array() {
        let words: Vec<_> = chain.iter().filter_map(Value::as_str).collect();
        line += &format!(", row {} of {}", item["row"], words.join(" < "));
    }
    line
}

/// TCP's flags by their names.
fn flags(flags: u8) -> String {
    const NAMES: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
    let set = NAMES.iter().enumerate().filter(|(bit, _)| flags & 1 << bit != 0);
    set.map(|(_, name)| *name).collect::<Vec<_>>().join(",")
}

/// Why a flow's record was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowEnd {
    /// Both sides were done.
    Fin,
    /// No packet came for as long as its listener or protocol allows.
    Idle,
    /// One side broke it off.
    Reset,
}

impl FlowEnd {
    /// Why a record of which this is the last state was removed.
    #[must_use]
    pub const fn of(record: &FlowRecord) -> Self {
        match FlowState::of(record, true) {
            FlowState::Reset => Self::Reset,
            FlowState::Closed => Self::Fin,
            _ => Self::Idle,
        }
    }

    /// Its word in tools.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fin => "fin",
            Self::Idle => "idle",
            Self::Reset => "reset",
        }
    }
}

/// What all lines of a flow's life have in common, as an object of JSON.
#[must_use]
pub fn flow_item(names: &impl TraceNames, key: &FlowKey, record: &FlowRecord) -> Value {
    let (peer_port, own_port) = flow::ports(key);
    let (addr, port) = flow::destination(key, record);
    let outbound = record.flags & FlowRecord::FLAG_OUTBOUND != 0;
    let mut item = json!({
        "instanceId": names.instance_id(key.instance).unwrap_or_else(|| key.instance.to_string()),
        "instanceNumber": key.instance,
        "instancePort": own_port,
        "protocol": flow::protocol(key.protocol),
        "peer": SocketAddr::new(flow::ip(&key.peer), peer_port).to_string(),
        "destination": SocketAddr::new(flow::ip(&addr), port).to_string(),
        "direction": if outbound { "out" } else { "in" },
        "via": flow::via(record.via),
        "adopted": record.flags & FlowRecord::FLAG_ADOPTED != 0,
    });
    if record.service != 0 {
        let name = names.listener(record.service).unwrap_or_else(|| record.service.to_string());
        item["listener"] = name.into();
    }
    item
}

/// A line of the log of flows, which [`flow_item`] began, for people.
#[must_use]
pub fn flow_line(item: &Value) -> String {
    let text = |name: &str| item[name].as_str().unwrap_or_default();
    let clock = text("time").split_once('T').map_or(text("time"), |(_, clock)| clock);
    let mut line = format!("{:18} {:6}", clock.trim_end_matches('Z'), text("event"));
    if !item["peer"].is_string() {
        return line + &format!(" {} flows that there was no room to tell of", item["flows"]);
    }
    let own = format!("{}:{}", text("instanceId"), item["instancePort"]);
    line += &match text("direction") {
        "out" => format!(" {} {own} > {}", text("protocol"), text("destination")),
        _ => format!(" {} {} > {}, to {own}", text("protocol"), text("peer"), text("destination")),
    };
    if item["listener"].is_string() {
        line += &format!(", listener {}", text("listener"));
    }
    if item["adopted"] == true {
        line += ", adopted";
    }
    if item["reason"].is_string() {
        line += &format!(
            ": {}, {} packets in, {} out, {} bytes",
            text("reason"),
            item["packetsIn"],
            item["packetsOut"],
            item["bytes"]
        );
    }
    if let Some(milliseconds) = item["durationMs"].as_u64() {
        line += &format!(" in {}.{:03} s", milliseconds / 1000, milliseconds % 1000);
    }
    line
}

#[cfg(test)]
mod tests {
    use dnlb_abi::v4_mapped;

    use super::*;

    struct Known;

    impl TraceNames for Known {
        fn instance_id(&self, number: u32) -> Option<String> {
            (number == 4).then(|| "i-web".to_owned())
        }
        fn listener(&self, number: u32) -> Option<String> {
            (number == 2).then(|| "l/http".to_owned())
        }
        fn host_at(&self, addr: std::net::IpAddr) -> Option<String> {
            (addr.to_string() == "192.0.2.1").then(|| "host-a1".to_owned())
        }
    }

    #[test]
    fn a_step_is_one_line_with_names() {
        let came = StepEvent {
            src: v4_mapped([198, 51, 100, 9]),
            dst: v4_mapped([203, 0, 113, 1]),
            new_src: v4_mapped([198, 51, 100, 9]),
            new_dst: v4_mapped([203, 0, 113, 1]),
            remote: v4_mapped([192, 0, 2, 1]),
            ports: 40_000 | 80 << 16,
            new_ports: 40_000 | 80 << 16,
            outcome: Outcome::Forwarded as u32,
            service: 2,
            instance: 4,
            ip_len: 60,
            protocol: 6,
            tcp_flags: 2,
            role: 1,
            ..StepEvent::default()
        };
        let on_edge = step(&Known, "edge-1", "2026-11-25T20:00:00.000001000Z", &came);
        assert_eq!(
            line(&on_edge),
            "20:00:00.000001000 edge-1     edge          tcp 198.51.100.9:40000 > 203.0.113.1:80 SYN 60 bytes: \
             forwarded, to i-web on host-a1, listener l/http"
        );
        let delivered = StepEvent {
            new_dst: v4_mapped([10, 0, 0, 5]),
            new_ports: 40_000 | 8080 << 16,
            remote: [0; 16],
            outcome: Outcome::Delivered as u32,
            instance: 5,
            service: 0,
            role: 3,
            ..came
        };
        let item = step(&Known, "host-a1", "T1", &delivered);
        assert_eq!((&item["instance"], &item["destinationAfter"]), (&"5".into(), &"10.0.0.5:8080".into()));
        assert!(line(&item).ends_with("delivered, to 5, as to 10.0.0.5:8080"), "{}", line(&item));
        let mut item = item;
        add_row(&Known, &mut item, &RowOfFlow { row: 7, chain: vec![4, 9] });
        assert!(line(&item).ends_with(", row 7 of i-web < 9"), "{}", line(&item));
        let adopted = StepEvent { also: Outcome::Adopted as u32 + 1, ..delivered };
        assert!(line(&step(&Known, "h", "t", &adopted)).contains(": delivered (adopted), to 5"));
        // A frame without a packet, of a program and with an outcome that are not known.
        let bare = StepEvent { outcome: 9999, ..StepEvent::default() };
        let item = step(&Known, "h", "t", &bare);
        assert_eq!((&item["outcome"], item.get("source")), (&"outcome_9999".into(), None));
        assert!(line(&item).ends_with(": outcome_9999"));
    }

    #[test]
    fn a_flow_is_one_line_when_it_begins_and_one_when_it_ends() {
        let key = FlowKey {
            peer: v4_mapped([198, 51, 100, 9]),
            instance: 4,
            ports: 40_000 | 8080 << 16,
            protocol: 6,
        };
        let record = FlowRecord {
            original_addr: v4_mapped([203, 0, 113, 1]),
            original_port: 80,
            service: 2,
            ..FlowRecord::default()
        };
        let mut item = flow_item(&Known, &key, &record);
        item["event"] = "new".into();
        item["time"] = "2026-11-25T20:00:00.000001000Z".into();
        let begun = "20:00:00.000001000 new    tcp 198.51.100.9:40000 > 203.0.113.1:80, to i-web:8080, listener l/http";
        assert_eq!(flow_line(&item), begun);
        item["reason"] = "fin".into();
        (item["packetsIn"], item["packetsOut"], item["bytes"]) = (6.into(), 5.into(), 900.into());
        item["durationMs"] = 1234.into();
        assert_eq!(flow_line(&item), format!("{begun}: fin, 6 packets in, 5 out, 900 bytes in 1.234 s"));
        let lost = json!({"event": "lost", "time": "T1", "flows": 3});
        assert!(flow_line(&lost).ends_with("lost   3 flows that there was no room to tell of"));
        let out = FlowRecord { flags: FlowRecord::FLAG_OUTBOUND, ..FlowRecord::default() };
        assert!(flow_line(&flow_item(&Known, &key, &out)).contains(" tcp i-web:8080 > 198.51.100.9:40000"));
    }

    #[test]
    fn a_flow_ends_by_what_its_record_saw_last() {
        let end = |flags| FlowEnd::of(&FlowRecord { flags, ..FlowRecord::default() }).word();
        assert_eq!((end(0), end(FlowRecord::FLAG_FIN_IN)), ("idle", "idle"));
        assert_eq!(end(FlowRecord::FLAG_FIN_IN | FlowRecord::FLAG_FIN_OUT), "fin");
        assert_eq!(end(FlowRecord::FLAG_FIN_IN | FlowRecord::FLAG_RESET), "reset");
    }
}
