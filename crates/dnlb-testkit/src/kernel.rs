//! The loaded programs.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, bail};
use dnlb_abi::{Counter, FlowKey, FlowRecord, Outcome};
use dnlb_plan::SwitchState;
use dnlb_switch::{Switch, monotonic_ns};

use crate::{
    engine::{Concerned, Engine, Program, Seen, came_by_a_service},
    scene::TEST_IFINDEX,
};

/// The kernel as an engine. Needs root.
pub struct Kernel {
    switch: Switch,
    counters: Vec<(Outcome, Counter)>,
    concerned: Concerned,
}

impl Kernel {
    /// Loads the programs with fresh maps that hold `state`; attaches nothing.
    ///
    /// # Errors
    /// When the kernel refuses something.
    pub fn new(state: &SwitchState) -> anyhow::Result<Self> {
        let mut switch = Switch::open_for_tests()?;
        switch.apply(state).context("applying the scene")?;
        let counters = switch.outcomes()?;
        Ok(Self { switch, counters, concerned: Concerned::new() })
    }

    /// Runs a case on `state`, without flows and fragments that others have left. The programs are loaded when nobody has left
    /// any, since the verifier takes seconds for them; a case that panics leaves none.
    ///
    /// # Errors
    /// When the kernel refuses something.
    pub fn lend<T>(state: &SwitchState, case: impl FnOnce(&mut Self) -> T) -> anyhow::Result<T> {
        static IDLE: Mutex<Vec<Kernel>> = Mutex::new(Vec::new());
        let idle = || IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        let idle_one = idle().pop();
        let mut kernel = if let Some(mut kernel) = idle_one {
            kernel.switch.forget_flows()?;
            kernel.change(state.clone())?;
            kernel
        } else {
            Self::new(state)?
        };
        let told = case(&mut kernel);
        idle().push(kernel);
        Ok(told)
    }

    /// The switch below.
    pub fn switch(&mut self) -> &mut Switch {
        &mut self.switch
    }
}

/// What is counted of services.
fn concerned(switch: &Switch) -> anyhow::Result<Concerned> {
    let mut all = Concerned::new();
    for (whose, outcomes) in switch.service_outcomes()? {
        for (number, packets) in outcomes {
            let outcome = Outcome::ALL.get(usize::from(number)).context("an outcome that nobody knows")?;
            all.insert((whose.service, whose.instance, outcome.name()), packets);
        }
    }
    Ok(all)
}

impl Engine for Kernel {
    fn run(&mut self, program: Program, frame: &[u8]) -> anyhow::Result<Seen> {
        let verdict = match program {
            Program::Edge => self.switch.run_edge(frame)?,
            Program::EdgeTc => self.switch.run_classifier("edge_tc", frame, TEST_IFINDEX, [0; 2])?,
            Program::FromInstance => {
                self.switch.run_classifier("from_instance", frame, TEST_IFINDEX, [0; 2])?
            }
            Program::FromOverlay(vni) | Program::FromStranger(vni) => {
                let cb = [vni, u32::from_be_bytes(program.remote())];
                self.switch.run_classifier("from_overlay_test", frame, TEST_IFINDEX, cb)?
            }
            Program::Probe => self.switch.run_classifier("probe", frame, TEST_IFINDEX, [0; 2])?,
        };
        let after = self.switch.outcomes()?;
        let counted: BTreeMap<_, _> = after
            .iter()
            .zip(&self.counters)
            .filter(|(now, before)| now.1.packets != before.1.packets)
            .map(|(now, before)| (now.0.name(), now.1.packets - before.1.packets))
            .collect();
        self.counters = after;
        let after = concerned(&self.switch)?;
        let moved = |(key, now): (&_, &u64)| Some((*key, now - self.concerned.get(key).unwrap_or(&0)));
        let moved: Concerned = after.iter().filter_map(moved).filter(|(_, packets)| *packets > 0).collect();
        self.concerned = after;
        let [outcome, details @ ..] = verdict.decision;
        let outcome = match program {
            // XDP leaves no decision: the counters tell, and the return value must agree with them.
            Program::Edge => {
                let outcome = Outcome::ALL
                    .iter()
                    .find(|outcome| {
                        !matches!(outcome, Outcome::Balanced | Outcome::IcmpError)
                            && counted.contains_key(outcome.name())
                    })
                    .context("no counter moved")?;
                let returned = match outcome {
                    Outcome::Passed => 2,
                    _ if outcome.name().starts_with("drop_") => 1,
                    // XDP_TX.
                    _ => 3,
                };
                if verdict.returned != returned {
                    bail!("{} returned {}", outcome.name(), verdict.returned);
                }
                *outcome
            }
            _ => *Outcome::ALL.get((outcome as usize).wrapping_sub(1)).context("no decision")?,
        };
        // TC_ACT_SHOT, TC_ACT_UNSPEC and TC_ACT_REDIRECT.
        let returned = match outcome {
            _ if outcome.name().starts_with("drop_") => 2,
            Outcome::Passed => u32::MAX,
            _ => 7,
        };
        if program != Program::Edge && verdict.returned != returned {
            bail!("{} returned {}", outcome.name(), verdict.returned);
        }
        let details = match (program, outcome) {
            (Program::Edge, Outcome::Forwarded) => tunnel_of(&verdict.frame),
            (Program::EdgeTc, Outcome::Forwarded) => details,
            (Program::Edge | Program::EdgeTc, _) => [0; 4],
            _ => details,
        };
        Ok(Seen { outcome, details, frame: verdict.frame, counted, concerned: moved })
    }

    fn change(&mut self, state: SwitchState) -> anyhow::Result<()> {
        self.switch.apply(&state).context("applying the changed scene")?;
        Ok(())
    }

    fn drain(&mut self) -> anyhow::Result<()> {
        let state = self.switch.drain_flows(monotonic_ns(), came_by_a_service);
        state.map(|_| ()).context("marking flows")
    }

    fn flows(&mut self) -> anyhow::Result<BTreeMap<FlowKey, (FlowRecord, bool)>> {
        let flows =
            self.switch.flows()?.into_iter().map(|(key, record, established)| {
                (key, (FlowRecord { last_used_ns: 0, ..record }, established))
            });
        Ok(flows.collect())
    }
}

/// Remote, VNI, instance and hop of an encapsulated frame.
fn tunnel_of(frame: &[u8]) -> [u32; 4] {
    let v4 = frame[12..14] == [8, 0];
    let (remote_at, vni_at) = if v4 { (30, 46) } else { (50, 66) };
    let word = |at: usize| u32::from_be_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]]);
    let inner = vni_at + 4;
    let mac = [0, 1, 2, 3, 4, 5].map(|at| frame[inner + at]);
    [word(remote_at), word(vni_at) >> 8, dnlb_abi::instance_of_mac(mac), frame[inner + 8].into()]
}
