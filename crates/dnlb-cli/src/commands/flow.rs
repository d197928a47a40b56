//! Where a flow would go, asked of the hosts on its way.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Result, ensure};
use clap::{Subcommand, ValueEnum};
use dnlb_api::wire::dnlb::{ExplainFlow, FlowExplanation, FlowHop};

use crate::{
    api::Api,
    kind::{INSTANCE, VPC},
    print::{self, Format},
};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// What every host on its way would do with a flow's first packet, step by step, without sending one
    Explain {
        /// Who sends it, address or address:port; without --vpc from outside
        #[arg(long, value_parser = parse_end, required_unless_present = "instance")]
        from: Option<End>,
        /// The sender's VPC, by name or id
        #[arg(long, requires = "from")]
        vpc: Option<String>,
        /// The instance that sends it, by name or id
        #[arg(long, conflicts_with_all = ["from", "vpc"])]
        instance: Option<String>,
        /// To whom, address:port; of a load balancer the VIP, or from outside the elastic IP, and the listener's port
        #[arg(long, value_parser = parse_end)]
        to: End,
        /// Its protocol; icmp: a ping, which has no port
        #[arg(long, value_enum, default_value = "tcp")]
        protocol: Protocol,
    },
}

/// Protocols of flows.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    Icmp,
    Tcp,
    Udp,
}

impl Protocol {
    fn word(self) -> &'static str {
        match self {
            Self::Icmp => "Icmp",
            Self::Tcp => "Tcp",
            Self::Udp => "Udp",
        }
    }
}

/// An end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    addr: IpAddr,
    port: Option<u16>,
}

pub(crate) fn run(api: &Api, command: Command, format: Format) -> Result<()> {
    let Command::Explain { from, vpc, instance, to, protocol } = command;
    let (vpc_id, source_address) = match instance {
        Some(name) => {
            let found = api.find(&INSTANCE, &name)?;
            (Some(super::text(&found, "vpcId")?), super::text(&found, "privateIpAddress")?)
        }
        None => {
            let vpc = vpc.map(|name| api.id(&VPC, &name)).transpose()?;
            (vpc, from.map_or_else(String::new, |from| from.addr.to_string()))
        }
    };
    ensure!(protocol == Protocol::Icmp || to.port.is_some(), "--to {} lacks a port", to.addr);
    let asked = ExplainFlow {
        source_address,
        destination_address: to.addr.to_string(),
        protocol: protocol.word().to_owned(),
        vpc_id,
        source_port: from.and_then(|from| from.port).map(i64::from),
        destination_port: to.port.map(i64::from),
    };
    let mut reply = api.call("dnlb", "POST", "flows:explain", &[], Some(&serde_json::to_value(asked)?))?;
    let told = reply["flowExplanation"].take();
    if format != Format::Table {
        print::data(format, &told);
        return Ok(());
    }
    let told: FlowExplanation = serde_json::from_value(told)?;
    print::text(&lines(&told).join("\n"));
    Ok(())
}

/// The way, a paragraph a host.
fn lines(told: &FlowExplanation) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, hop) in told.hops.iter().enumerate() {
        let FlowHop { az, program, outcome, .. } = hop;
        let host =
            hop.host_id.as_ref().map_or_else(|| format!("a host in {az}"), |id| format!("{id} ({az})"));
        lines.push(format!("{}. {host}, {program}: {outcome}", at + 1));
        let width = hop.steps.iter().map(|step| step.code.len()).max().unwrap_or(0);
        lines.extend(hop.steps.iter().map(|step| format!("   {:width$}  {}", step.code, step.text)));
        lines.extend(hop.advice.iter().map(|advice| format!("   {:width$}  {advice}", "look-at")));
    }
    match (&told.unknown, &told.instance_id, told.hops.last()) {
        (Some(why), ..) => lines.push(format!("How it goes on is not known: {why}")),
        (None, Some(instance), _) => lines.push(format!("Delivered to {instance}")),
        (None, None, Some(last)) => lines.push(format!("{}: {}", last.kind, last.meaning)),
        (None, None, None) => {}
    }
    lines
}

fn parse_end(text: &str) -> Result<End, String> {
    let whole = text.parse::<SocketAddr>().map(|end| End { addr: end.ip(), port: Some(end.port()) });
    whole.or_else(|_| text.parse().map(|addr| End { addr, port: None })).map_err(|_| {
        format!("`{text}` is neither an address nor address:port; of IPv6 the address before a port stands in brackets")
    })
}

#[cfg(test)]
mod tests {
    use dnlb_api::wire::dnlb::FlowStep;

    use super::*;

    #[test]
    fn an_end_has_a_port_or_none() {
        let end = |text: &str| parse_end(text).map(|end| (end.addr.to_string(), end.port)).ok();
        assert_eq!(end("10.0.0.1:80"), Some(("10.0.0.1".to_owned(), Some(80))));
        assert_eq!(end("fd00::1"), Some(("fd00::1".to_owned(), None)));
        assert_eq!(end("[fd00::1]:80"), Some(("fd00::1".to_owned(), Some(80))));
        assert_eq!((end("web"), end("10.0.0.1:x")), (None, None));
    }

    #[test]
    fn a_way_is_told_host_by_host() {
        let hop = |host: Option<&str>, outcome: &str, advice: Option<&str>| FlowHop {
            az: "lab-1a".to_owned(),
            program: "from_overlay".to_owned(),
            steps: vec![FlowStep { code: "row".to_owned(), text: "row 3 of 1024".to_owned() }],
            outcome: outcome.to_owned(),
            kind: if advice.is_some() { "Dropped" } else { "Done" }.to_owned(),
            meaning: "Something else.".to_owned(),
            fate: "Ended".to_owned(),
            host_id: host.map(str::to_owned),
            instance_id: None,
            advice: advice.map(str::to_owned),
        };
        let hops = vec![hop(Some("h1"), "tunnelled", None), hop(None, "drop_acl_in", Some("The ACL."))];
        let mut told = FlowExplanation { hops, instance_id: None, unknown: None };
        let wanted = [
            "1. h1 (lab-1a), from_overlay: tunnelled",
            "   row  row 3 of 1024",
            "2. a host in lab-1a, from_overlay: drop_acl_in",
            "   row  row 3 of 1024",
            "   look-at  The ACL.",
            "Dropped: Something else.",
        ];
        assert_eq!(lines(&told), wanted);
        told.instance_id = Some("i-web".to_owned());
        assert_eq!(lines(&told)[5], "Delivered to i-web");
        told.unknown = Some("gone".to_owned());
        assert_eq!(lines(&told)[5], "How it goes on is not known: gone");
    }
}
