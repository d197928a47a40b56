//! `dnlb flows`: flow records of a host.

use std::net::{IpAddr, SocketAddr};

use anyhow::Result;
use clap::{Args, builder::PossibleValuesParser, builder::TypedValueParser};
use dnlb_abi::{FlowKey, FlowRecord};
use dnlb_agent::HostNames;
use dnlb_explain::{Endpoint, FlowFilter, FlowState, flow};
use dnlb_switch::monotonic_ns;
use serde_json::{Value, json};

use super::{Place, flow_log::FlowLog};
use crate::print::{self, Format};

/// Which flows, and how many.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Place,
    /// Only those of an instance: its id, name or number
    #[arg(long)]
    instance: Option<String>,
    /// Only those with this other side: an address, or address:port
    #[arg(long, value_parser = parse_endpoint)]
    peer: Option<Endpoint>,
    /// Only those whose opener spoke to this address: a VIP, an EIP, or an instance's own; with or without a port
    #[arg(long, value_parser = parse_endpoint)]
    vip: Option<Endpoint>,
    /// Only those in this state
    #[arg(long, value_parser = state_parser(), conflicts_with_all = ["log", "follow"])]
    state: Option<FlowState>,
    /// Show the log of new and closed flows instead, of which the agent samples one in so many (its --flow-log-sample)
    #[arg(long)]
    log: bool,
    /// Show what is logged from now on, as it comes; with --log, what was logged before first
    #[arg(long)]
    follow: bool,
    /// Stop after so many; 1000 if not followed
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

/// How many are shown of what does not end by itself soon.
const LIMIT: u32 = 1000;

pub(crate) fn run(options: &Options, format: Format) -> Result<()> {
    let maps = options.place.maps()?;
    let names = options.place.names()?;
    let filter = FlowFilter {
        instances: options.instance.as_deref().map(|word| names.instances_called(word)).transpose()?,
        peer: options.peer,
        vip: options.vip,
        state: options.state,
    };
    if options.log || options.follow {
        let log = FlowLog::new(&options.place, filter, options.limit)?;
        return log.show(options.log, options.follow, format);
    }
    let limit = options.limit.unwrap_or(LIMIT);
    let now_ns = monotonic_ns();
    let mut rows = Vec::new();
    let (mut shown, mut more) = (0, false);
    for found in maps.flows() {
        let (key, record, established) = found?;
        if !filter.matches(&key, &record, established) {
            continue;
        }
        if shown == limit {
            more = true;
            break;
        }
        let item = item(&names, &key, &record, established, now_ns);
        match format {
            // One by one: a host may have a million.
            Format::Json => print::text(&format!("{}{item}", if shown == 0 { "[\n" } else { "," })),
            Format::Table => rows.push(item),
            Format::Yaml => print::data(format, &Value::Array(vec![item])),
        }
        shown += 1;
    }
    match format {
        Format::Json => print::text(if shown == 0 { "[]" } else { "]" }),
        Format::Table if rows.is_empty() => print::text("no flows"),
        Format::Table => print::table(COLUMNS, &rows),
        Format::Yaml if shown == 0 => print::text("[]"),
        Format::Yaml => {}
    }
    if more {
        eprintln!("there are more than these {shown}: --limit shows more, filters fewer");
    }
    Ok(())
}

const COLUMNS: &[(&str, &str)] = &[
    ("INSTANCE", "/instanceId"),
    ("PORT", "/instancePort"),
    ("PEER", "/peer"),
    ("DESTINATION", "/destination"),
    ("STATE", "/state"),
    ("DIRECTION", "/direction"),
    ("FLAGS", "/flags"),
    ("IN", "/packetsIn"),
    ("OUT", "/packetsOut"),
    ("BYTES", "/bytes"),
    ("IDLE", "/idleSeconds"),
];

/// A flow for people and programs.
fn item(names: &HostNames, key: &FlowKey, record: &FlowRecord, established: bool, now_ns: u64) -> Value {
    let (peer_port, own_port) = flow::ports(key);
    let (addr, port) = flow::destination(key, record);
    let has = |flag| record.flags & flag != 0;
    let flags: Vec<&str> = [
        (has(FlowRecord::FLAG_ADOPTED), "adopted"),
        (has(FlowRecord::FLAG_HAIRPIN), "hairpin"),
        (record.via == FlowRecord::VIA_PROBE, "health-check"),
    ]
    .into_iter()
    .filter_map(|(is, word)| is.then_some(word))
    .collect();
    json!({
        "instanceId": names.instance_id(key.instance).map_or_else(|| key.instance.to_string(), str::to_owned),
        "instanceNumber": key.instance,
        "instancePort": own_port,
        "protocol": flow::protocol(key.protocol),
        "peer": SocketAddr::new(flow::ip(&key.peer), peer_port).to_string(),
        "destination": SocketAddr::new(flow::ip(&addr), port).to_string(),
        "service": names.service(record.service),
        "state": FlowState::of(record, established).word(),
        "direction": if has(FlowRecord::FLAG_OUTBOUND) { "out" } else { "in" },
        "flags": flags,
        "via": flow::via(record.via),
        "packetsIn": record.packets_in,
        "packetsOut": record.packets_out,
        "bytes": record.bytes,
        "idleSeconds": now_ns.saturating_sub(record.last_used_ns) / 1_000_000_000,
    })
}

fn state_parser() -> impl TypedValueParser<Value = FlowState> {
    PossibleValuesParser::new(FlowState::ALL.map(FlowState::word)).try_map(|word| {
        FlowState::ALL.into_iter().find(|state| state.word() == word).ok_or("no state of a flow")
    })
}

/// An address, or address and port.
fn parse_endpoint(text: &str) -> Result<Endpoint, String> {
    if let Ok(addr) = text.parse::<IpAddr>() {
        return Ok(Endpoint { addr, port: None });
    }
    let both: SocketAddr =
        text.parse().map_err(|_| format!("`{text}` is neither an address nor address:port"))?;
    Ok(Endpoint { addr: both.ip(), port: Some(both.port()) })
}

#[cfg(test)]
mod tests {
    use dnlb_abi::v4_mapped;

    use super::*;

    #[test]
    fn an_endpoint_has_an_address_and_perhaps_a_port() {
        let addr: IpAddr = "10.0.0.1".parse().unwrap();
        assert_eq!(parse_endpoint("10.0.0.1"), Ok(Endpoint { addr, port: None }));
        assert_eq!(parse_endpoint("10.0.0.1:80"), Ok(Endpoint { addr, port: Some(80) }));
        assert!(parse_endpoint("web").is_err());
    }

    #[test]
    fn a_flow_is_told_from_the_instances_side() {
        let key = FlowKey {
            peer: v4_mapped([198, 51, 100, 9]),
            instance: 4,
            ports: 40_000 | 8080 << 16,
            protocol: 6,
        };
        let record = FlowRecord {
            original_addr: v4_mapped([203, 0, 113, 1]),
            original_port: 80,
            via: FlowRecord::VIA_UPLINK,
            flags: FlowRecord::FLAG_TRANSLATED | FlowRecord::FLAG_ADOPTED,
            last_used_ns: 5_000_000_000,
            packets_in: 2,
            ..FlowRecord::default()
        };
        let item = item(&HostNames::new(None), &key, &record, true, 12_900_000_000);
        assert_eq!(item["instanceId"], "4");
        assert_eq!(item["peer"], "198.51.100.9:40000");
        assert_eq!(item["destination"], "203.0.113.1:80");
        assert_eq!((&item["state"], &item["direction"]), (&"established".into(), &"in".into()));
        assert_eq!((&item["flags"], &item["via"]), (&json!(["adopted"]), &"uplink".into()));
        assert_eq!((&item["packetsIn"], &item["idleSeconds"]), (&2.into(), &7.into()));
    }
}
