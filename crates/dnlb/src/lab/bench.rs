//! `dnlb lab bench`: what a VIP costs between two instances.

use std::{thread::sleep, time::Duration};

use anyhow::{Context, Result, ensure};
use dnlb_lab::Size;
use serde_json::{Value, json};

use super::{
    up,
    walk::{Walk, text},
};
use crate::api::{PATIENCE, wait_until};

/// Its own lab, so that it disturbs nobody's.
const LAB: &str = "bench";
/// iperf3's port.
const PORT: &str = "5201";

/// How long to measure.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds; in each, one run with the VIP and one without
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u8).range(1..=50))]
    rounds: u8,
    /// Seconds of each run
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=30))]
    seconds: u8,
}

/// Builds a lab, measures, prints, removes the lab.
pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(
        dnlb_lab::Files::of(LAB).load()?.is_none(),
        "lab `{LAB}` is there already: `dnlb lab --name {LAB} down`"
    );
    let size = Size { hosts_per_rack: 1, edges: 1, ..Size::default() };
    let result = up(LAB, &size, "lab bench").and_then(|lab| measure(&Walk { lab, aloud: false }, options));
    dnlb_lab::down(LAB)?;
    result
}

fn measure(walk: &Walk, options: &Options) -> Result<()> {
    let (client, direct, vip) = prepare(walk)?;
    println!("iperf3, one TCP stream, instance to instance on another host, {} s a run", options.seconds);
    println!("{:>5}  {:>12}  {:>12}  {:>6}", "round", "without VIP", "with VIP", "ratio");
    let mut rounds = Vec::new();
    for round in 1..=options.rounds {
        // The order changes from round to round, so that a slow drift of the machine favours neither.
        let (without, with) = if round % 2 == 0 {
            let with = stream(walk, &client, &vip, options.seconds)?;
            (stream(walk, &client, &direct, options.seconds)?, with)
        } else {
            let without = stream(walk, &client, &direct, options.seconds)?;
            (without, stream(walk, &client, &vip, options.seconds)?)
        };
        let ratio = with / without;
        println!("{round:>5}  {without:>7.2} Gb/s  {with:>7.2} Gb/s  {ratio:>6.3}");
        rounds.push((without, with, ratio));
    }
    let without = median(rounds.iter().map(|round| round.0).collect());
    let with = median(rounds.iter().map(|round| round.1).collect());
    let ratio = median(rounds.iter().map(|round| round.2).collect());
    println!("{:>6}  {without:>6.2} Gb/s  {with:>7.2} Gb/s  {ratio:>6.3}", "median");
    println!(
        "{}",
        json!({"without_vip_gbps": without, "with_vip_gbps": with, "median_ratio": ratio, "rounds": rounds.len()})
    );
    Ok(())
}

/// Makes two instances on different hosts and a VIP for one of them; returns the other's id, address and VIP.
fn prepare(walk: &Walk) -> Result<(String, String, String)> {
    walk.dnlb("vpc create bench --prefix 10.0.0.0/16")?;
    walk.dnlb("subnet create bench --vpc bench --prefix 10.0.0.0/24")?;
    walk.dnlb("sg create bench --vpc bench")?;
    walk.dnlb("sg allow bench --direction in --protocol tcp")?;
    walk.dnlb("sg allow bench --direction out --protocol tcp")?;
    walk.dnlb("template create bench --subnet bench --sg bench --image img-blank")?;
    let client = walk.dnlb("instance create client --template bench --az lab-1a --wait")?;
    let server = walk.dnlb("instance create server --template bench --az lab-1b --wait")?;
    let (client, server, direct) =
        (text(&client, "/instanceId")?, text(&server, "/instanceId")?, text(&server, "/privateIpAddress")?);
    walk.exec(&server, &["iperf3", "--server", "--daemon", "--port", PORT])?;
    let lb = walk.dnlb("lb create bench --subnet bench")?;
    let vip = text(&lb, "/privateIp/privateIpAddress")?;
    walk.dnlb("target-group create bench --lb bench")?;
    walk.dnlb("target-group register bench --instance server")?;
    walk.dnlb(&format!(
        "backend create bench --lb bench --port {PORT} --target-group bench --healthy-after 1"
    ))?;
    walk.dnlb(&format!("listener create bench --lb bench --port {PORT} --backend bench --wait"))?;
    walk.dnlb("health bench --wait 1")?;
    Ok((client, direct, vip))
}

/// One iperf3 run; Gbit/s as the receiver saw them.
fn stream(walk: &Walk, from: &str, to: &str, seconds: u8) -> Result<f64> {
    let seconds = seconds.to_string();
    let mut said = String::new();
    // The server takes one test at a time and may still be busy with the end of the last one.
    wait_until(PATIENCE, || {
        let run = walk.exec(from, &["iperf3", "--client", to, "--port", PORT, "--time", &seconds, "--json"]);
        match run {
            Ok(output) => said = output,
            Err(error) if format!("{error:#}").contains("busy") => {
                sleep(Duration::from_millis(200));
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        Ok(true)
    })?;
    let said: Value = serde_json::from_str(&said).context("iperf3 said no JSON")?;
    let bits = said.pointer("/end/sum_received/bits_per_second").and_then(Value::as_f64);
    Ok(bits.with_context(|| format!("iperf3 gave no rate: {}", said["error"]))? / 1e9)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
