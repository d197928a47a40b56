//! Questions: what a server wants to know of a host at a moment, and what the agent answers.

use std::net::{IpAddr, SocketAddr};

use dnlb_model::InstanceId;

use crate::{ParseError, parse, pb};

/// Most bytes of an instance's console that are asked for at once.
pub const CONSOLE_BYTES_MAX: u32 = 64 << 10;

/// Longest frame of a packet that is asked about: one of the usual MTU's size, and a little.
const FRAME_BYTES_MAX: usize = 2048;
/// Longest id of an instance.
const ID_BYTES_MAX: usize = 64;
/// Most steps of a decision.
const STEPS_MAX: usize = 256;
/// Longest text of a step, of an advice and of a refusal.
const TEXT_BYTES_MAX: usize = 2048;
/// Longest name of a program, a step's kind or an outcome.
const WORD_BYTES_MAX: usize = 64;

/// A question and the number under which it is to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Comes back with the answer.
    pub id: u64,
    /// What is asked.
    pub question: Question,
}

/// What a server may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// What an instance has written last.
    Console {
        /// The instance.
        instance: InstanceId,
        /// No more than so many bytes, [`CONSOLE_BYTES_MAX`] at most.
        bytes_max: u32,
    },
    /// What the host would do with a packet.
    Packet {
        /// The packet.
        packet: Packet,
        /// Who asks may not know which hosts there are.
        hides_hosts: bool,
    },
}

/// A packet that a host is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// One that another host would send it.
    Arrived(ArrivedPacket),
    /// One that comes from an instance of the host, or from outside.
    New(NewPacket),
}

/// A packet that begins its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewPacket {
    /// Who sends it.
    pub src: SocketAddr,
    /// To whom.
    pub dst: SocketAddr,
    /// IP protocol number.
    pub protocol: u8,
    /// TCP's flags.
    pub flags: u8,
    /// The sender's VPC; none: it comes from outside.
    pub vni: Option<u32>,
}

/// A packet between two hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrivedPacket {
    /// VNI of the VPC.
    pub vni: u32,
    /// The host that sends it, in the underlay.
    pub from: IpAddr,
    /// The frame inside the tunnel.
    pub frame: Vec<u8>,
}

/// What an agent answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Question::Console`].
    Console(ConsoleAnswer),
    /// To [`Question::Packet`].
    Packet(PacketAnswer),
}

/// What an instance has written last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsoleAnswer {
    /// The end of it.
    pub text: Vec<u8>,
    /// Bytes that it has written altogether.
    pub written: u64,
}

/// What a host would do with a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketAnswer {
    /// The program that decides.
    pub program: String,
    /// How it comes to its decision.
    pub steps: Vec<PacketStep>,
    /// Name of the outcome.
    pub outcome: String,
    /// What an operator should look at; empty: nothing is wrong.
    pub advice: String,
    /// Number of the instance for which it is; 0: for nobody in particular.
    pub instance: u32,
    /// What becomes of the packet.
    pub fate: PacketFate,
}

/// A step of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketStep {
    /// A word for programs.
    pub code: String,
    /// A sentence for people.
    pub text: String,
}

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PacketFate {
    /// It is answered where it came from.
    Answered,
    /// It goes to the instance.
    Delivered,
    /// It is dropped, or left to the host.
    Ended,
    /// It goes to the world outside, or to the host's own health checks.
    Left,
    /// It goes to another host.
    Sent {
        /// The other host, in the underlay.
        to: IpAddr,
        /// VNI of the VPC.
        vni: u32,
        /// The frame inside the tunnel.
        frame: Vec<u8>,
    },
}

impl From<Asked> for pb::Question {
    fn from(Asked { id, question }: Asked) -> Self {
        let kind = match question {
            Question::Console { instance, bytes_max } => {
                pb::question::Kind::Console(pb::ConsoleQuestion { instance_id: instance.0, bytes_max })
            }
            Question::Packet { packet, hides_hosts } => {
                let packet = match packet {
                    Packet::Arrived(ArrivedPacket { vni, from, frame }) => {
                        let from = parse::addr_bytes(from);
                        pb::packet_question::Packet::Arrived(pb::ArrivedPacket { vni, from, frame })
                    }
                    Packet::New(NewPacket { src, dst, protocol, flags, vni }) => {
                        pb::packet_question::Packet::New(pb::NewPacket {
                            src: parse::addr_bytes(src.ip()),
                            src_port: src.port().into(),
                            dst: parse::addr_bytes(dst.ip()),
                            dst_port: dst.port().into(),
                            protocol: protocol.into(),
                            flags: flags.into(),
                            vni,
                        })
                    }
                };
                pb::question::Kind::Packet(pb::PacketQuestion { packet: Some(packet), hides_hosts })
            }
        };
        Self { id, kind: Some(kind) }
    }
}

/// Reads a question.
pub(crate) fn parse_question(asked: pb::Question) -> Result<Asked, ParseError> {
    let question = match asked.kind.ok_or(ParseError::Missing { field: "question" })? {
        pb::question::Kind::Console(asked) => Question::Console {
            instance: InstanceId(parse::name("question.instance_id", asked.instance_id, ID_BYTES_MAX)?),
            bytes_max: asked.bytes_max.min(CONSOLE_BYTES_MAX),
        },
        pb::question::Kind::Packet(pb::PacketQuestion { packet, hides_hosts }) => {
            let packet = match packet.ok_or(ParseError::Missing { field: "question.packet" })? {
                pb::packet_question::Packet::Arrived(arrived) => Packet::Arrived(ArrivedPacket {
                    vni: parse::vni("question.vni", arrived.vni)?,
                    from: parse::addr("question.from", &arrived.from)?,
                    frame: frame("question.frame", arrived.frame)?,
                }),
                pb::packet_question::Packet::New(new) => Packet::New(new_packet(&new)?),
            };
            Question::Packet { packet, hides_hosts }
        }
    };
    Ok(Asked { id: asked.id, question })
}

fn new_packet(new: &pb::NewPacket) -> Result<NewPacket, ParseError> {
    let end = |field, addr: &[u8], port| {
        Ok::<_, ParseError>(SocketAddr::new(parse::addr(field, addr)?, parse::small(field, port)?))
    };
    let byte =
        |field, value: u32| u8::try_from(value).map_err(|_| ParseError::Range { field, value: value.into() });
    Ok(NewPacket {
        src: end("question.src", &new.src, new.src_port)?,
        dst: end("question.dst", &new.dst, new.dst_port)?,
        protocol: byte("question.protocol", new.protocol)?,
        flags: byte("question.flags", new.flags)?,
        vni: new.vni.map(|vni| parse::vni("question.vni", vni)).transpose()?,
    })
}

fn frame(field: &'static str, frame: Vec<u8>) -> Result<Vec<u8>, ParseError> {
    if frame.len() > FRAME_BYTES_MAX {
        return Err(ParseError::Range { field, value: frame.len() as u64 });
    }
    Ok(frame)
}

/// An answer, or why there is none, as it is sent.
pub(crate) fn answer_message(id: u64, answer: Result<Answer, String>) -> pb::Answer {
    let kind = match answer {
        Err(refusal) => pb::answer::Kind::Refusal(refusal),
        Ok(Answer::Console(ConsoleAnswer { text, written })) => {
            pb::answer::Kind::Console(pb::ConsoleAnswer { text, written })
        }
        Ok(Answer::Packet(answer)) => {
            let fate = match answer.fate {
                PacketFate::Answered => pb::packet_answer::Fate::Answered(true),
                PacketFate::Delivered => pb::packet_answer::Fate::Delivered(true),
                PacketFate::Ended => pb::packet_answer::Fate::Ended(true),
                PacketFate::Left => pb::packet_answer::Fate::Left(true),
                PacketFate::Sent { to, vni, frame } => {
                    let to = parse::addr_bytes(to);
                    pb::packet_answer::Fate::Sent(pb::SentPacket { to, vni, frame })
                }
            };
            let step = |PacketStep { code, text }| pb::PacketStep { code, text };
            pb::answer::Kind::Packet(pb::PacketAnswer {
                program: answer.program,
                steps: answer.steps.into_iter().map(step).collect(),
                outcome: answer.outcome,
                advice: answer.advice,
                instance: answer.instance,
                fate: Some(fate),
            })
        }
    };
    pb::Answer { id, kind: Some(kind) }
}

/// Reads an answer: the number of the question, and what is answered or why nothing is.
///
/// # Errors
/// When it cannot be understood.
pub fn parse_answer(message: pb::Answer) -> Result<(u64, Result<Answer, String>), ParseError> {
    let answer = match message.kind.ok_or(ParseError::Missing { field: "answer" })? {
        pb::answer::Kind::Refusal(refusal) => Err(parse::shown(refusal, TEXT_BYTES_MAX)),
        pb::answer::Kind::Console(pb::ConsoleAnswer { text, written }) => {
            if text.len() > CONSOLE_BYTES_MAX as usize {
                return Err(ParseError::Range { field: "answer.text", value: text.len() as u64 });
            }
            Ok(Answer::Console(ConsoleAnswer { text, written }))
        }
        pb::answer::Kind::Packet(answer) => Ok(Answer::Packet(packet_answer(answer)?)),
    };
    Ok((message.id, answer))
}

fn packet_answer(answer: pb::PacketAnswer) -> Result<PacketAnswer, ParseError> {
    if answer.steps.len() > STEPS_MAX {
        return Err(ParseError::Range { field: "answer.steps", value: answer.steps.len() as u64 });
    }
    let step = |step: pb::PacketStep| {
        let code = parse::name("answer.code", step.code, WORD_BYTES_MAX)?;
        Ok(PacketStep { code, text: parse::shown(step.text, TEXT_BYTES_MAX) })
    };
    let fate = match answer.fate.ok_or(ParseError::Missing { field: "answer.fate" })? {
        pb::packet_answer::Fate::Answered(_) => PacketFate::Answered,
        pb::packet_answer::Fate::Delivered(_) => PacketFate::Delivered,
        pb::packet_answer::Fate::Ended(_) => PacketFate::Ended,
        pb::packet_answer::Fate::Left(_) => PacketFate::Left,
        pb::packet_answer::Fate::Sent(sent) => PacketFate::Sent {
            to: parse::addr("answer.to", &sent.to)?,
            vni: parse::vni("answer.vni", sent.vni)?,
            frame: frame("answer.frame", sent.frame)?,
        },
    };
    Ok(PacketAnswer {
        program: parse::name("answer.program", answer.program, WORD_BYTES_MAX)?,
        steps: answer.steps.into_iter().map(step).collect::<Result<_, _>>()?,
        outcome: parse::name("answer.outcome", answer.outcome, WORD_BYTES_MAX)?,
        advice: parse::shown(answer.advice, TEXT_BYTES_MAX),
        instance: answer.instance,
        fate,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn questions() -> [Question; 3] {
        let new = NewPacket {
            src: "10.0.0.5:4000".parse().unwrap(),
            dst: "[2001:db8::1]:80".parse().unwrap(),
            protocol: 6,
            flags: 2,
            vni: Some(7),
        };
        let arrived = ArrivedPacket { vni: 7, from: [192, 0, 2, 1].into(), frame: vec![1; 60] };
        [
            Question::Console { instance: "i-web".into(), bytes_max: 100 },
            Question::Packet { packet: Packet::New(new), hides_hosts: true },
            Question::Packet { packet: Packet::Arrived(arrived), hides_hosts: false },
        ]
    }

    fn answers() -> Vec<Answer> {
        let sent = PacketFate::Sent { to: [192, 0, 2, 2].into(), vni: 7, frame: vec![2; 60] };
        let fates = [PacketFate::Answered, PacketFate::Delivered, PacketFate::Ended, PacketFate::Left, sent];
        let packet = |fate| {
            Answer::Packet(PacketAnswer {
                program: "edge".to_owned(),
                steps: vec![PacketStep { code: "row".to_owned(), text: "row 3 of 1024".to_owned() }],
                outcome: "forwarded".to_owned(),
                advice: String::new(),
                instance: 9,
                fate,
            })
        };
        let console = Answer::Console(ConsoleAnswer { text: b"ready\n".to_vec(), written: 6 });
        fates.into_iter().map(packet).chain([console]).collect()
    }

    #[test]
    fn questions_and_answers_arrive_as_they_were_sent() {
        for question in questions() {
            let asked = Asked { id: 3, question };
            assert_eq!(parse_question(asked.clone().into()), Ok(asked));
        }
        for answer in answers() {
            assert_eq!(parse_answer(answer_message(4, Ok(answer.clone()))), Ok((4, Ok(answer))));
        }
        let refused = answer_message(5, Err("no such\ninstance".to_owned()));
        assert_eq!(parse_answer(refused), Ok((5, Err("no suchinstance".to_owned()))));
    }

    #[test]
    fn hostile_ones_are_refused() {
        let none = pb::Question { id: 1, kind: None };
        assert!(parse_question(none).is_err(), "of a newer server");
        let [console, new, arrived] = questions();
        let long = |question: Question| {
            let mut message = pb::Question::from(Asked { id: 1, question });
            match message.kind.as_mut().unwrap() {
                pb::question::Kind::Console(console) => console.instance_id = "i".repeat(65),
                pb::question::Kind::Packet(packet) => match packet.packet.as_mut().unwrap() {
                    pb::packet_question::Packet::Arrived(arrived) => arrived.frame = vec![0; 2049],
                    pb::packet_question::Packet::New(new) => new.dst_port = 65_536,
                },
            }
            message
        };
        for question in [console, new, arrived] {
            assert!(parse_question(long(question)).is_err());
        }
        let console = ConsoleAnswer { text: vec![0; CONSOLE_BYTES_MAX as usize + 1], written: 0 };
        assert!(parse_answer(answer_message(1, Ok(Answer::Console(console)))).is_err());
        assert!(parse_answer(pb::Answer { id: 1, kind: None }).is_err());
        let Some(Answer::Packet(mut many)) = answers().into_iter().next() else { unreachable!() };
        many.steps = vec![many.steps[0].clone(); STEPS_MAX + 1];
        assert!(parse_answer(answer_message(1, Ok(Answer::Packet(many)))).is_err());
    }
}
