//! The way of a packet, told by the hosts on it.

use std::net::{IpAddr, SocketAddr};

use dnlb_api::{
    ApiError,
    shape::{FlowProtocol, Port},
    wire::dnlb::{ExplainFlow, FlowExplanation, FlowHop, FlowStep},
};
use dnlb_model::{Host, HostState, Region, VpcId};
use dnlb_proto::{Answer, ArrivedPacket, NewPacket, Packet, PacketAnswer, PacketFate, Question};

use super::{
    Call, Outcome,
    ask::{Inquiry, ask, beside_the_question, knows_hosts},
    check, find, one, vpc,
};

pub(super) const EXPLAIN: Inquiry = Inquiry::Flow;

/// Most hosts on a way: from a client's host over each member of a row's chain, and room for one that turns in circles to be seen.
const HOPS_MAX: usize = 8;
/// The sender's port, if nobody says.
const SOURCE_PORT: i64 = 40_000;

const TCP: u8 = 6;
const SYN: u8 = 2;

pub(super) async fn explain(region: &Region, call: &Call<'_>) -> Outcome {
    let new = packet(region, &call.body()?)?;
    let (mut host, role) = match new.vni {
        Some(vni) => (sender(region, call.whole, vni, new.src.ip())?, "the sender's host"),
        None => (edge(region, call, new.dst.ip())?, "an edge"),
    };
    let hides_hosts = !knows_hosts(call);
    let mut packet = Packet::New(new);
    let mut told = FlowExplanation { hops: Vec::new(), instance_id: None, unknown: None };
    loop {
        let question = Question::Packet { packet, hides_hosts };
        let role = if told.hops.is_empty() { role } else { "the next host" };
        let answer = match ask(call, &host.id, role, question).await {
            Ok(Answer::Packet(answer)) => answer,
            Ok(Answer::Console(_)) => return Err(beside_the_question()),
            // What is known so far is worth showing.
            Err(error) if !told.hops.is_empty() => {
                told.unknown = Some(error.message);
                break;
            }
            Err(error) => return Err(error),
        };
        let hop = view(region, host, &answer, hides_hosts);
        if answer.fate == PacketFate::Delivered {
            told.instance_id.clone_from(&hop.instance_id);
        }
        told.hops.push(hop);
        let PacketFate::Sent { to, vni, frame } = answer.fate else { break };
        if told.hops.len() == HOPS_MAX {
            told.unknown = Some(format!("it has gone by {HOPS_MAX} hosts, and still goes on"));
            break;
        }
        let Some(next) = call.whole.hosts.values().find(|next| next.underlay == to) else {
            told.unknown = Some("it is sent to a host that the region does not have any more".to_owned());
            break;
        };
        packet = Packet::Arrived(ArrivedPacket { vni, from: host.underlay, frame });
        host = next;
    }
    one("flowExplanation", told)
}

/// What is asked for, checked.
fn packet(region: &Region, asked: &ExplainFlow) -> Result<NewPacket, ApiError> {
    let address = |field: &str, text: &str| {
        text.parse::<IpAddr>().map_err(|_| {
            ApiError::invalid(format!("{field} `{}` is not an address such as 10.0.1.5", check::shown(text)))
        })
    };
    let (src, dst) = (
        address("sourceAddress", &asked.source_address)?,
        address("destinationAddress", &asked.destination_address)?,
    );
    if src.is_ipv4() != dst.is_ipv4() {
        return Err(ApiError::invalid(format!("{src} and {dst} are not of one family")));
    }
    let protocol = match (asked.protocol.as_str(), src) {
        ("Tcp", _) => TCP,
        ("Udp", _) => 17,
        ("Icmp", IpAddr::V4(_)) => 1,
        ("Icmp", IpAddr::V6(_)) => 58,
        (other, _) => {
            return Err(ApiError::invalid(format!(
                "protocol `{}` is none of {}",
                check::shown(other),
                FlowProtocol::WORDS.join(", ")
            )));
        }
    };
    let ping = asked.protocol == "Icmp";
    let to = match asked.destination_port {
        Some(port) => check::number("destinationPort", port, Port::RANGE)?,
        None if ping => 0,
        None => return Err(ApiError::invalid("missing field `destinationPort`")),
    };
    let from = check::number("sourcePort", asked.source_port.unwrap_or(SOURCE_PORT), Port::RANGE)?;
    let vni = match &asked.vpc_id {
        None => None,
        Some(id) => Some(find(&region.vpcs, vpc::KIND, &VpcId::from(id.as_str()))?.vni),
    };
    Ok(NewPacket {
        src: SocketAddr::new(src, from),
        dst: SocketAddr::new(dst, if ping { 0 } else { to }),
        protocol,
        flags: if protocol == TCP { SYN } else { 0 },
        vni,
    })
}

/// The host of the instance of the caller's VPC that has this address.
fn sender<'a>(region: &Region, whole: &'a Region, vni: u32, addr: IpAddr) -> Result<&'a Host, ApiError> {
    let mut instances = region.instances.values();
    let own = instances.find(|instance| {
        instance.addr == addr && region.vpcs.get(&instance.vpc).is_some_and(|vpc| vpc.vni == vni)
    });
    let own = own.ok_or_else(|| {
        ApiError::precondition(format!(
            "no instance of the VPC has the address {addr}: nobody could send this"
        ))
    })?;
    find(&whole.hosts, "host", &own.host)
}

/// An edge: whichever is there, for all decide alike.
fn edge<'a>(region: &Region, call: &Call<'a>, to: IpAddr) -> Result<&'a Host, ApiError> {
    if !region.eips.values().any(|eip| eip.addr == to) {
        return Err(ApiError::precondition(format!(
            "{to} is no elastic IP of this account, and nothing else is reached from outside"
        )));
    }
    let edges = || call.whole.hosts.values().filter(|host| host.edge && host.state == HostState::Up);
    let reached = edges().find(|host| call.observed.questions().reaches(&host.id));
    let edge = reached.or_else(|| edges().next());
    edge.map(|host| &**host).ok_or_else(|| {
        ApiError::precondition("the region has no edge that is up: nothing comes from outside")
    })
}

fn view(region: &Region, host: &Host, answer: &PacketAnswer, hides_hosts: bool) -> FlowHop {
    let known = dnlb_abi::Outcome::ALL.iter().find(|known| known.name() == answer.outcome);
    let kind = if answer.advice.is_empty() {
        "Done"
    } else if answer.outcome.starts_with("drop_") {
        "Dropped"
    } else {
        "Refused"
    };
    let mut instances = region.instances.values();
    let instance = instances.find(|instance| instance.number == answer.instance);
    let step = |step: &dnlb_proto::PacketStep| FlowStep { code: step.code.clone(), text: step.text.clone() };
    FlowHop {
        az: host.az.clone(),
        program: answer.program.clone(),
        steps: answer.steps.iter().map(step).collect(),
        outcome: answer.outcome.clone(),
        kind: kind.to_owned(),
        meaning: known.map_or_else(String::new, |known| known.description().trim().to_owned()),
        fate: match answer.fate {
            PacketFate::Answered => "Answered",
            PacketFate::Delivered => "Delivered",
            PacketFate::Ended => "Ended",
            PacketFate::Left => "Left",
            PacketFate::Sent { .. } => "Sent",
        }
        .to_owned(),
        host_id: (!hides_hosts).then(|| host.id.0.clone()),
        instance_id: instance.map(|instance| instance.id.0.clone()),
        advice: (!answer.advice.is_empty()).then(|| answer.advice.clone()),
    }
}
