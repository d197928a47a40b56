//! Answers what the server asks of this host: what an instance has written, and what would become of a packet.

use std::net::IpAddr;

use dnlb_abi::{Addr, v4_mapped};
use dnlb_explain::{
    Explanation, Fate, Kind, Line, Maps, Program, Question as PacketQuestion, Replay, Unplaced, flow, kind,
};
use dnlb_proto::{
    Answer, ArrivedPacket, Asked, ConfigReceiver, ConsoleAnswer, NewPacket, Packet, PacketAnswer, PacketFate,
    PacketStep, Question, QuestionsReceiver, Reporter,
};
use dnlb_switch::LiveMaps;
use dnlb_wire::{OUTER_LEN, OUTER_LEN_V6, TcpFlags, is_v4};

use crate::{HostNames, compute::NetnsDriver, explained, host_names::HostsHidden, run_dir::RunDir};

/// Length of the packets that are asked about.
const PACKET_BYTES: u16 = 60;

/// What it takes to answer.
#[derive(Clone)]
pub(crate) struct Respondent {
    pub(crate) run_dir: RunDir,
    pub(crate) driver: NetnsDriver,
    pub(crate) configs: ConfigReceiver,
    pub(crate) edge: bool,
    pub(crate) reporter: Reporter,
}

impl Respondent {
    /// Answers one question after another until nobody asks any more.
    pub(crate) async fn run(self, mut questions: QuestionsReceiver) {
        while let Some(Asked { id, question }) = questions.recv().await {
            let respondent = self.clone();
            // Files and the kernel's maps: nothing to wait for, but much to read.
            let answer = tokio::task::spawn_blocking(move || respondent.answer(question)).await;
            let answer =
                answer.unwrap_or_else(|_| Err(anyhow::anyhow!("a bug in the agent: its log says more")));
            self.reporter.answer(id, answer.map_err(|error| format!("{error:#}")));
        }
    }

    fn answer(&self, question: Question) -> anyhow::Result<Answer> {
        match question {
            Question::Console { instance, bytes_max } => {
                let (text, written) = self.driver.console(&instance, bytes_max.into())?;
                Ok(Answer::Console(ConsoleAnswer { text, written }))
            }
            Question::Packet { packet, hides_hosts } => {
                let config = self.configs.borrow().clone();
                let names = HostNames::new(config);
                let maps = LiveMaps::open(&self.run_dir.bpf())?;
                let (program, frame) = self.place(packet, &maps)?;
                let (explanation, carried) = Replay::new(&maps).decide(program, &frame)?;
                let answer = if hides_hosts {
                    let mut lines = explained(&explanation, names.config(), &HostsHidden(&names));
                    // The way to a host is nothing for who may not know that there is one.
                    lines.retain(|line| line.what != "host");
                    answer(&explanation, lines, carried.frame)
                } else {
                    answer(&explanation, explained(&explanation, names.config(), &names), carried.frame)
                };
                Ok(Answer::Packet(answer))
            }
        }
    }

    /// The program that a packet meets here, and the frame with which it does.
    fn place(&self, packet: Packet, maps: &LiveMaps) -> anyhow::Result<(Program, Vec<u8>)> {
        match packet {
            Packet::Arrived(ArrivedPacket { vni, from, frame }) => {
                Ok((Program::FromOverlay { vni, remote: Some(addr(from)) }, frame))
            }
            Packet::New(new) => {
                let asked = asked(&new, self.edge);
                if new.vni.is_none() {
                    anyhow::ensure!(self.edge, "this host is no edge: nothing comes from outside here");
                    return Ok(asked.from_outside::<<LiveMaps as Maps>::Error>()?);
                }
                match asked.place(maps) {
                    Ok(found @ (Program::FromInstance { .. }, _)) => Ok(found),
                    Ok(_) | Err(Unplaced::Foreign | Unplaced::Elsewhere { .. } | Unplaced::NoMember) => {
                        anyhow::bail!(
                            "the instance with the address {} is not connected on its host",
                            new.src.ip()
                        )
                    }
                    Err(error) => Err(error.into()),
                }
            }
        }
    }
}

fn asked(new: &NewPacket, edge: bool) -> PacketQuestion {
    PacketQuestion {
        src: new.src,
        dst: new.dst,
        protocol: new.protocol,
        flags: TcpFlags(new.flags),
        size: PACKET_BYTES,
        vni: new.vni,
        instance: None,
        edge,
    }
}

/// What a decision means; `frame` is the packet as it goes on.
fn answer(explanation: &Explanation, lines: Vec<Line>, frame: Vec<u8>) -> PacketAnswer {
    let outcome = explanation.verdict.outcome;
    let (instance, fate) = match explanation.verdict.fate {
        Fate::Answered => (0, PacketFate::Answered),
        // Back to the instance that it came from, or out of the host.
        Fate::Replied { ifindex } => match explanation.program {
            Program::FromInstance { ifindex: own } if own == ifindex => (0, PacketFate::Answered),
            _ => (0, PacketFate::Left),
        },
        Fate::Delivered { instance, .. } => (instance, PacketFate::Delivered),
        Fate::Ended => (0, PacketFate::Ended),
        Fate::Forwarded { remote, vni, instance } => {
            let outer = if is_v4(&remote) { OUTER_LEN } else { OUTER_LEN_V6 };
            let frame = frame.get(outer..).unwrap_or_default().to_vec();
            (instance, PacketFate::Sent { to: flow::ip(&remote), vni, frame })
        }
        Fate::Tunnelled(tunnel) => {
            let to = flow::ip(&tunnel.remote);
            (tunnel.instance, PacketFate::Sent { to, vni: tunnel.vni, frame })
        }
    };
    let step = |line: Line| PacketStep { code: line.what.replace(' ', "-").to_lowercase(), text: line.text };
    PacketAnswer {
        program: explanation.program.name().to_owned(),
        // The answer has a field for it.
        steps: lines.into_iter().filter(|line| line.what != "look at").map(step).collect(),
        outcome: outcome.name().to_owned(),
        advice: match kind(outcome) {
            Kind::Dropped(advice) | Kind::Refused(advice) => advice.to_owned(),
            Kind::Done | Kind::Noted => String::new(),
        },
        instance,
        fate,
    }
}

/// An address in the form in which maps hold it.
fn addr(ip: IpAddr) -> Addr {
    match ip {
        IpAddr::V4(v4) => v4_mapped(v4.octets()),
        IpAddr::V6(v6) => v6.octets(),
    }
}
