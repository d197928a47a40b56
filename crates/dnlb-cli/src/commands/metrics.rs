//! What went by something lately.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use clap::{Args, Subcommand};
use dnlb_api::{time, wire::dnlb::Metrics};
use serde_json::{Value, json};

use crate::{
    api::Api,
    kind::{BACKEND, INSTANCE, Kind, LISTENER, LOAD_BALANCER},
    print::{self, Format},
};

#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    of: Of,
    /// For how long up to now, such as 90s, 15m, 6h or 30d
    #[arg(long, default_value = "5m", value_parser = parse_last, global = true)]
    last: Duration,
    /// Seconds of a point in JSON and YAML; the error for another one lists those that there are
    #[arg(long, global = true)]
    step: Option<u32>,
}

#[derive(Subcommand)]
enum Of {
    /// All listeners of a load balancer together
    Lb {
        /// Name or id
        name: String,
    },
    /// A listener
    Listener {
        /// Name or id
        name: String,
    },
    /// An instance, as far as it serves a backend service
    Target {
        /// Name or id of the backend service
        backend: String,
        /// Name or id of the instance
        instance: String,
    },
    /// A host, with what became of its packets; for who operates the region
    Host {
        /// Its id
        name: String,
    },
}

pub(crate) fn run(api: &Api, options: &Options, format: Format) -> Result<()> {
    let id = |kind: &Kind, name: &str| api.id(kind, name);
    let (kind, id, instance) = match &options.of {
        Of::Lb { name } => ("loadBalancer", id(&LOAD_BALANCER, name)?, None),
        Of::Listener { name } => ("listener", id(&LISTENER, name)?, None),
        Of::Target { backend, instance } => {
            ("target", id(&BACKEND, backend)?, Some(id(&INSTANCE, instance)?))
        }
        Of::Host { name } => ("host", name.clone(), None),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let begin = time::iso(now.saturating_sub(options.last).as_secs());
    let mut query = vec![("resourceType", kind.to_owned()), ("resourceId", id), ("beginTime", begin)];
    query.extend(instance.map(|instance| ("instanceId", instance)));
    query.extend(options.step.map(|step| ("stepSeconds", step.to_string())));
    let query: Vec<_> = query.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let mut reply = api.call("dnlb", "GET", "metrics", &query, None)?;
    let metrics = reply["metrics"].take();
    if format != Format::Table {
        print::data(format, &metrics);
        return Ok(());
    }
    let metrics: Metrics = serde_json::from_value(metrics)?;
    let rows: Vec<Value> = metrics.series.iter().map(|one| row(&one.name, &one.unit, &one.points)).collect();
    print::table(
        &[
            ("METRIC", "/name"),
            ("UNIT", "/unit"),
            ("LAST", "/last"),
            ("AVERAGE", "/average"),
            ("HIGHEST", "/highest"),
        ],
        &rows,
    );
    Ok(())
}

/// What there is to say of many values in one line. Of times of which nothing is known, nothing.
fn row(name: &str, unit: &str, points: &[Option<f64>]) -> Value {
    let known: Vec<f64> = points.iter().copied().flatten().collect();
    let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), number);
    let highest = known.iter().copied().reduce(f64::max);
    let average = (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64);
    json!({
        "name": name,
        "unit": if unit == "1" { "" } else { unit },
        "last": shown(points.last().copied().flatten()),
        "average": shown(average),
        "highest": shown(highest),
    })
}

/// A value with no more digits than one reads.
fn number(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        _ if value < 10.0 => format!("{value:.2}"),
        _ => format!("{value:.0}"),
    }
}

/// `90s`, `15m`, `6h`, `30d`.
fn parse_last(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time such as 90s, 15m, 6h or 30d");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let count: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(u64::from(count) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        let last = |text| parse_last(text).map(|last| last.as_secs()).ok();
        assert_eq!(["90s", "15m", "6h", "30d"].map(last), [90, 900, 21_600, 2_592_000].map(Some));
        assert_eq!(["", "5", "m", "-5m", "5w", "\u{e9}"].map(last), [None; 6]);
    }

    #[test]
    fn a_row_tells_of_what_is_known() {
        let row = |points: &[Option<f64>]| {
            let row = row("flows", "1", points);
            ["last", "average", "highest"].map(|field| row[field].as_str().unwrap().to_owned())
        };
        assert_eq!(row(&[None, Some(4.0), Some(1_000.0), Some(0.0)]), ["0", "335", "1000"]);
        assert_eq!(row(&[Some(4.25), None]), ["-", "4.25", "4.25"]);
        assert_eq!(row(&[]), ["-", "-", "-"]);
    }
}
