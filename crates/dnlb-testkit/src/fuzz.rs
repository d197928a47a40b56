//! What fuzzers run, and what must hold whatever they come up with.
//!
//! Each function takes any bytes. `cargo xtask fuzz` calls it with bytes that it changes, and keeps those that reach
//! something new; `tests/corpus.rs` calls it with those that are kept in `corpus`.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use dnlb_abi::Outcome;
use dnlb_plan::SwitchState;
use dnlb_wire::{
    ETHERTYPE_IPV4, ETHERTYPE_IPV6, Ethernet, Fragment, Icmp, Packet, Parsed, Quote, Solicitation, TCP, arp,
};

use crate::{
    Choices, Engine, Family, Kernel, Program, Pure, Scene, Seen, TEST_IFINDEX, checksums_hold, random_frame,
    with_family,
};

/// Most frames of one story.
const FRAMES: usize = 64;

/// What some bytes reached, in words of the fuzzer's own. Bytes that reach something new are worth keeping.
pub type Reached = BTreeSet<String>;

/// The parsers, on a frame.
///
/// # Errors
/// When one accepts what lies beyond the frame.
pub fn parse(frame: &[u8]) -> Result<Reached> {
    let mut reached = Reached::new();
    let Some(ethernet) = Ethernet::read(&frame) else { return Ok(reached) };
    let mut packet = Packet::default();
    let parsed = dnlb_wire::parse(&frame, &ethernet, &mut packet);
    reached.insert(format!("{parsed:?} v6 {}, {:?} bytes short", packet.v6, missing(frame)));
    if parsed == Parsed::Packet {
        let end = 14 + packet.ip_len as usize;
        ensure!(end <= frame.len(), "{packet:?} ends at {end}, its frame at {}", frame.len());
        let header = match packet.protocol {
            _ if packet.fragment == Fragment::Later => 0,
            TCP => 20,
            _ => 8,
        };
        ensure!(packet.l4_offset + header <= end, "{packet:?} has no room for its header");
        // What is accepted can be summed up without a look beyond it, right or wrong.
        let holds = matches!(ethernet.ethertype, ETHERTYPE_IPV4 | ETHERTYPE_IPV6) && checksums_hold(frame);
        let Packet { protocol, icmp, fragment, .. } = packet;
        reached.insert(format!("protocol {protocol} {icmp:?} {fragment:?}, sums {holds}"));
        let mut quote = Quote::default();
        if icmp == Icmp::Error && dnlb_wire::parse_quote(&frame, &packet, &mut quote) {
            ensure!(quote.l4_offset + 8 <= frame.len(), "{quote:?} lies beyond its frame");
            reached.insert(format!("quotes {}", quote.protocol));
        }
        if icmp == Icmp::Solicitation && Solicitation::read(&frame, &packet).is_some() {
            reached.insert("solicitation".to_owned());
        }
    }
    if arp::Request::read(&frame).is_some() {
        reached.insert("arp".to_owned());
    }
    Ok(reached)
}

/// How far a frame ends before its packet says, in powers of two.
fn missing(frame: &[u8]) -> Option<u32> {
    let (at, header) = if frame.get(12..14)? == [8, 0] { (16, 14) } else { (18, 54) };
    let says = header + usize::from(u16::from_be_bytes([*frame.get(at)?, *frame.get(at + 1)?]));
    says.checked_sub(frame.len())?.checked_ilog2()
}

/// One host, changed now and then, and the frames that it gets.
struct Story {
    family: Family,
    steps: Vec<Step>,
}

enum Step {
    Change(Box<SwitchState>),
    Drain,
    Frame(Program, Vec<u8>),
}

impl Story {
    fn new(bytes: &[u8]) -> Self {
        let mut choices = Choices::new(bytes);
        let family = choices.pick(&[Family::V4, Family::V6]);
        let steps = with_family(family, || {
            let mut steps = vec![Step::Change(Box::new(Scene::random(&mut choices).state()))];
            while !choices.is_over() && steps.len() < FRAMES {
                steps.push(if choices.rarely(4) {
                    Step::Change(Box::new(Scene::random(&mut choices).state()))
                } else if choices.rarely(8) {
                    Step::Drain
                } else {
                    let (program, frame) = random_frame(&mut choices);
                    Step::Frame(program, frame)
                });
            }
            steps
        });
        Self { family, steps }
    }
}

/// The decision, on random hosts and frames for all of its programs.
///
/// # Errors
/// When a verdict breaks a rule that holds for all.
pub fn decide(bytes: &[u8]) -> Result<Reached> {
    let story = Story::new(bytes);
    let mut reached = Reached::new();
    let (mut state, mut pure) = (SwitchState::default(), Pure::new(SwitchState::default()));
    for step in story.steps {
        match step {
            Step::Change(next) => {
                state = (*next).clone();
                pure.change(*next)?;
            }
            Step::Drain => pure.drain()?,
            Step::Frame(program, frame) => {
                let seen = pure.run(program, &frame)?;
                rules_hold(&state, program, &frame, &seen)
                    .with_context(|| format!("{program:?}: {frame:02x?}\n{seen:02x?}"))?;
                let counted: Vec<_> = seen.counted.keys().collect();
                let kind = format!("{program:?}");
                let kind = kind.split('(').next().unwrap_or_default();
                let hop = if seen.outcome == Outcome::Tunnelled { seen.details[3] } else { 0 };
                reached.insert(format!("{:?} {kind} hop {hop} {counted:?}", story.family));
            }
        }
    }
    Ok(reached)
}

/// Both engines, side by side.
pub struct Pair {
    kernel: Kernel,
    pure: Pure,
}

impl Pair {
    /// Loads the programs.
    ///
    /// # Errors
    /// When the kernel refuses them.
    pub fn new() -> Result<Self> {
        let state = SwitchState::default();
        Ok(Self { kernel: Kernel::new(&state).context("loading the programs")?, pure: Pure::new(state) })
    }

    /// The loaded programs beside the decision as a plain function, on what [`decide`] gets.
    ///
    /// # Errors
    /// When they differ in any byte, or the kernel refuses something.
    pub fn decide(&mut self, bytes: &[u8]) -> Result<()> {
        for step in Story::new(bytes).steps {
            match step {
                Step::Change(next) => {
                    self.kernel.change((*next).clone())?;
                    self.pure.change(*next)?;
                }
                Step::Drain => {
                    self.kernel.drain()?;
                    self.pure.drain()?;
                }
                Step::Frame(program, frame) => {
                    let (real, wanted) = (self.kernel.run(program, &frame)?, self.pure.run(program, &frame)?);
                    ensure!(
                        real == wanted,
                        "{program:?}: {frame:02x?}\nkernel: {real:02x?}\npure: {wanted:02x?}"
                    );
                }
            }
        }
        ensure!(self.kernel.flows()? == self.pure.flows()?, "the flow records differ");
        Ok(())
    }
}

/// What holds for every verdict.
fn rules_hold(state: &SwitchState, program: Program, frame: &[u8], seen: &Seen) -> Result<()> {
    let ethernet = Ethernet::read(&frame).context("a frame has an Ethernet header")?;
    let mut packet = Packet::default();
    let parsed = dnlb_wire::parse(&frame, &ethernet, &mut packet) == Parsed::Packet;
    let name = seen.outcome.name();
    ensure!(seen.counted.get(name) == Some(&1), "the verdict is counted once");
    let dropped = seen.counted.keys().filter(|name| name.starts_with("drop_")).count();
    ensure!(dropped == usize::from(name.starts_with("drop_")), "what is dropped is dropped for one reason");
    if dropped > 0 || seen.outcome == Outcome::Passed {
        ensure!(seen.frame == frame, "what goes no further is left alone");
        return Ok(());
    }
    ensure!(!matches!(program, Program::FromStranger(_)), "strangers get nothing through the tunnel");
    if seen.outcome == Outcome::ArpReply {
        return Ok(());
    }
    ensure!(parsed, "only what was parsed goes on");
    let [first, second, _, hop] = seen.details;
    if matches!(seen.outcome, Outcome::Delivered | Outcome::Tunnelled) && checksums_hold(frame) {
        ensure!(checksums_hold(&seen.frame), "checksums that held still hold");
    }
    let answers = name.starts_with("reset_") || name.starts_with("unreachable_");
    if answers {
        ensure!(packet.icmp != Icmp::Error, "errors are not answered");
        ensure!(packet.fragment != Fragment::Later, "later fragments are not answered");
    }
    let goes_on = matches!(seen.outcome, Outcome::Delivered | Outcome::Tunnelled | Outcome::RepliedOutside);
    if program == Program::FromInstance && goes_on {
        let sender = &state.instances[&state.ports[&TEST_IFINDEX]];
        ensure!(packet.src == sender.addr && ethernet.src == sender.mac, "it speaks in its own name");
        if seen.outcome == Outcome::Tunnelled {
            ensure!(second == sender.vni, "a packet stays in its VPC");
        }
    }
    if let Program::FromOverlay(vni) = program {
        match seen.outcome {
            Outcome::Tunnelled => {
                ensure!(hop > u32::from(frame[8]), "the hop number grows");
                ensure!(second == vni, "a packet stays in its VPC");
            }
            Outcome::Delivered => {
                ensure!(state.instances[&second].vni == vni, "a packet stays in its VPC");
                ensure!(state.instances[&second].ifindex == first, "it leaves by the instance's own link");
            }
            _ => {}
        }
    }
    Ok(())
}
