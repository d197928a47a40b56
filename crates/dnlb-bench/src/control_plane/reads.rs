//! Lists and single resources, asked for one after the other.

use anyhow::{Context, Result, ensure};
use dnlb_model::Region;
use rand::{SeedableRng, rngs::StdRng, seq::IteratorRandom};

use super::server::Server;
use crate::report::Samples;

/// The longest page that the API gives.
const PAGE: usize = 100;

/// Which part of a list.
#[derive(Clone, Copy)]
enum Part {
    First,
    Middle,
    Last,
}

/// A list.
struct Kind {
    word: &'static str,
    service: &'static str,
    path: &'static str,
    key: &'static str,
    /// Its filters by name, by load balancer or VPC, and how these are called.
    name: Option<&'static str>,
    parent: Option<(&'static str, &'static str)>,
}

const KINDS: &[Kind] = &[
    Kind {
        word: "listeners",
        service: "lb",
        path: "listeners/",
        key: "listeners",
        name: Some("listenerNames"),
        parent: Some(("loadBalancerId", "a load balancer")),
    },
    Kind {
        word: "instances",
        service: "vm",
        path: "instances",
        key: "instances",
        name: Some("name"),
        parent: Some(("vpcId", "a VPC")),
    },
    Kind {
        word: "backend services",
        service: "lb",
        path: "backends/",
        key: "backends",
        name: Some("backendNames"),
        parent: Some(("loadBalancerId", "a load balancer")),
    },
    Kind {
        word: "target groups",
        service: "lb",
        path: "targetGroups/",
        key: "targetGroups",
        name: Some("targetGroupNames"),
        parent: Some(("loadBalancerId", "a load balancer")),
    },
];

/// Milliseconds of each kind of read.
///
/// # Errors
/// When a reply is not what it should be.
pub fn measure(server: &Server, region: &Region, reads: u32) -> Result<Vec<(String, Samples)>> {
    let mut lines = Vec::new();
    for kind in KINDS {
        for (part, word) in [(Part::First, "first"), (Part::Middle, "middle"), (Part::Last, "last")] {
            lines.push((format!("{}, {word} page", kind.word), page(server, kind, reads, &[], Some(part))?));
        }
        if let Some(filter) = kind.name {
            let name = name(region, kind.key)?;
            let found = page(server, kind, reads, &[(filter, &name)], None)?;
            lines.push((format!("{}, by name", kind.word), found));
        }
        if let Some((filter, word)) = kind.parent {
            let balancer =
                region.load_balancers.values().next().context("a region without load balancers")?;
            let id = if filter == "vpcId" { &balancer.vpc.0 } else { &balancer.id.0 };
            let found = page(server, kind, reads, &[(filter, id)], None)?;
            lines.push((format!("{} of {word}", kind.word), found));
        }
    }
    let mut rng = StdRng::seed_from_u64(3);
    let (mut caller, mut listeners) = (server.caller()?, Samples::default());
    let [mut instances, mut targets, mut healths] = [(); 3].map(|()| Samples::default());
    for _ in 0..reads {
        let some = "an empty region";
        let listener = region.listeners.keys().choose(&mut rng).context(some)?;
        listeners.add(millis(&caller.get("lb", &format!("listeners/{listener}"), &[])?));
        let instance = region.instances.keys().choose(&mut rng).context(some)?;
        instances.add(millis(&caller.get("vm", &format!("instances/{instance}"), &[])?));
        let group = region.target_groups.keys().choose(&mut rng).context(some)?;
        let path = format!("targetGroups/{group}:describeTargets");
        targets.add(millis(&caller.get("lb", &path, &[("pageSize", "100")])?));
        let backend = region.backends.keys().choose(&mut rng).context(some)?;
        let path = format!("backends/{backend}/health");
        healths.add(millis(&caller.get("lb", &path, &[])?));
    }
    lines.push(("one listener".to_owned(), listeners));
    lines.push(("one instance".to_owned(), instances));
    lines.push(("targets of a target group".to_owned(), targets));
    lines.push(("health of a backend service's targets".to_owned(), healths));
    Ok(lines)
}

/// Times a page of a list; without a part, the first one, which must have something.
fn page(
    server: &Server,
    kind: &Kind,
    reads: u32,
    filters: &[(&str, &str)],
    part: Option<Part>,
) -> Result<Samples> {
    let mut caller = server.caller()?;
    let mut query: Vec<(String, String)> = vec![("pageSize".to_owned(), PAGE.to_string())];
    let balancers = (kind.service == "lb").then_some(("loadBalancerType", "dnlb"));
    for (number, (name, value)) in (1..).zip(balancers.iter().chain(filters)) {
        query.push((format!("filters.{number}.name"), (*name).to_owned()));
        query.push((format!("filters.{number}.values.1"), (*value).to_owned()));
    }
    let mut ask = |number: usize| {
        let number = number.to_string();
        let all: Vec<(&str, &str)> =
            query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        caller.get(kind.service, kind.path, &[all.as_slice(), &[("pageNumber", &number)]].concat())
    };
    let total = ask(1)?.result["totalCount"].as_u64().context("a list without a total")?;
    let pages = usize::try_from(total)?.div_ceil(PAGE);
    let number = match part {
        None | Some(Part::First) => 1,
        Some(Part::Middle) => pages.div_ceil(2),
        Some(Part::Last) => pages,
    };
    let mut samples = Samples::default();
    for _ in 0..reads {
        let timed = ask(number)?;
        let items = timed.result[kind.key].as_array().map_or(0, Vec::len);
        ensure!(items > 0, "an empty page of {}", kind.word);
        samples.add(millis(&timed));
    }
    Ok(samples)
}

/// The name of one resource.
fn name(region: &Region, key: &str) -> Result<String> {
    let name = match key {
        "listeners" => region.listeners.values().next().map(|one| &one.name),
        "instances" => region.instances.values().next().map(|one| &one.name),
        "backends" => region.backends.values().next().map(|one| &one.name),
        _ => region.target_groups.values().next().map(|one| &one.name),
    };
    name.cloned().with_context(|| format!("a region without {key}"))
}

fn millis(timed: &super::caller::Timed) -> f64 {
    timed.took.as_secs_f64() * 1e3
}
