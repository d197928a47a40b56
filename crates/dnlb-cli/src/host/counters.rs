//! `dnlb counters`: what became of all packets of a host.

use anyhow::{Context, Result};
use clap::Args;
use dnlb_abi::Counter;
use dnlb_explain::{Kind, kind};
use dnlb_switch::{LiveCounters, Traces};
use serde_json::{Value, json};

use super::Place;
use crate::print::{self, Format};

/// Which counters.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Place,
    /// Also those that have counted nothing, as in JSON
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(options: &Options, format: Format) -> Result<()> {
    let counters = options.place.open(LiveCounters::open)?;
    let names = options.place.names()?;
    let shown = |counter: &Counter| options.all || format != Format::Table || counter.packets > 0;
    let outcomes: Vec<_> = counters
        .outcomes()?
        .into_iter()
        .filter(|(_, counter)| shown(counter))
        .map(|(outcome, counter)| {
            json!({
                "outcome": outcome.name(),
                "kind": word(kind(outcome)),
                "packets": counter.packets,
                "bytes": counter.bytes,
            })
        })
        .collect();
    let listeners = names.config().into_iter().flat_map(|config| &config.names.listeners);
    let services: Vec<_> = listeners
        .map(|(number, name)| {
            let counter = counters.service(*number).with_context(|| format!("reading those of {name}"))?;
            Ok((number, name, counter))
        })
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .filter(|(.., counter)| shown(counter))
        .map(|(number, name, counter)| {
            json!({
                "listener": name,
                "serviceNumber": number,
                "packets": counter.packets,
                "bytes": counter.bytes,
            })
        })
        .collect();
    let lost = counters.lost()?;
    let traces = options.place.open(Traces::open)?.asked()?.active.count_ones();
    match format {
        Format::Json | Format::Yaml => print::data(
            format,
            &json!({
                "outcomes": outcomes,
                "services": services,
                "traces": traces,
                "lostEvents": {"steps": lost.steps, "flows": lost.flows},
            }),
        ),
        Format::Table => {
            show(&outcomes, &services, (lost.steps, lost.flows));
            if traces > 0 {
                print::text(&format!("\ntraces that run here: {traces}"));
            }
        }
    }
    Ok(())
}

fn show(outcomes: &[Value], services: &[Value], (steps, flows): (u64, u64)) {
    const OUTCOMES: &[(&str, &str)] =
        &[("OUTCOME", "/outcome"), ("KIND", "/kind"), ("PACKETS", "/packets"), ("BYTES", "/bytes")];
    const SERVICES: &[(&str, &str)] =
        &[("LISTENER", "/listener"), ("PACKETS", "/packets"), ("BYTES", "/bytes")];
    if outcomes.is_empty() {
        print::text("nothing was counted yet");
    } else {
        print::table(OUTCOMES, outcomes);
    }
    if !services.is_empty() {
        print::text("");
        print::table(SERVICES, services);
    }
    if steps + flows > 0 {
        print::text(&format!(
            "\nnot told for want of room: {steps} packets of traces, {flows} flows of the log"
        ));
    }
}

/// What kind of outcome it is, in a word.
const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Done => "done",
        Kind::Noted => "noted",
        Kind::Refused(_) => "refused",
        Kind::Dropped(_) => "dropped",
    }
}
