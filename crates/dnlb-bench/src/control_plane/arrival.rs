//! How long a change takes to reach the agents that it concerns.

use std::{sync::Arc, thread::sleep, time::Duration, time::Instant};

use anyhow::{Context, Result, ensure};
use dnlb_model::{BackendId, HealthReport, HostConfig, Listener, Region, ServerGroup, Target};
use rand::{SeedableRng, rngs::StdRng, seq::IteratorRandom};
use serde_json::json;

use super::{
    agents::{Agent, Agents},
    server::Server,
};
use crate::report::Samples;

/// How long a change may take before this gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two changes: what follows from one, such as acknowledgements, is not to be counted to the next.
const PAUSE: Duration = Duration::from_millis(50);

/// Changes listeners, weights and health, one after the other, and waits for every agent that is concerned: milliseconds of each agent.
///
/// # Errors
/// When a change does not arrive.
pub fn measure(
    server: &Server,
    region: &Region,
    agents: &Agents,
    changes: u32,
) -> Result<Vec<(String, Samples)>> {
    let mut rng = StdRng::seed_from_u64(2);
    let names = ["a listener's idle time", "a target's weight", "a target that fails, by its host's report"];
    let mut samples = [(); 3].map(|()| Samples::default());
    for number in 0..changes {
        let listener = region.listeners.values().choose(&mut rng).context("a region without listeners")?;
        // A value of its own, so that it cannot be taken for another change.
        let idle = 100 + number % 80_000;
        listener_changes(server, agents, listener, idle, &mut samples[0])?;
        sleep(PAUSE);
        let (backend, target) = some_target(region, &mut rng)?;
        weight_changes(server, region, agents, (backend, target), 11 + number % 80, &mut samples[1])?;
        sleep(PAUSE);
        let (backend, target) = some_target(region, &mut rng)?;
        health_changes(region, agents, (backend, target), &mut samples[2])?;
        sleep(PAUSE);
    }
    Ok(names.into_iter().map(str::to_owned).zip(samples).collect())
}

fn some_target<'a>(region: &'a Region, rng: &mut StdRng) -> Result<(&'a BackendId, &'a Target)> {
    let targets = region.backends.values().filter_map(|backend| match &backend.group {
        Some(ServerGroup::TargetGroup(group)) => Some((&backend.id, region.target_groups.get(group)?)),
        _ => None,
    });
    let (backend, group) = targets.choose(rng).context("a region without backend services")?;
    let target = group.targets.values().choose(rng).context("a target group without targets")?;
    Ok((backend, target))
}

fn listener_changes(
    server: &Server,
    agents: &Agents,
    listener: &Listener,
    idle: u32,
    samples: &mut Samples,
) -> Result<()> {
    let find = |config: &HostConfig, number: u32| {
        config.services.iter().find(|service| service.number == number).map(|service| service.idle_seconds)
    };
    let number = listener.number;
    let concerned = agents.with(|config| find(config, number).is_some());
    let change = || {
        let body = json!({ "connectionIdleTimeSeconds": idle });
        let path = format!("listeners/{}", listener.id);
        Ok(server.caller()?.call("lb", "PATCH", &path, &[], Some(&body))?.at)
    };
    follow(agents, &concerned, move |config| find(config, number) == Some(Some(idle)), change, samples)
}

fn weight_changes(
    server: &Server,
    region: &Region,
    agents: &Agents,
    (backend, target): (&BackendId, &Target),
    weight: u32,
    samples: &mut Samples,
) -> Result<()> {
    let (number, instance) = numbers(region, backend, target)?;
    let concerned = agents.with(|config| config.backends.contains_key(&number));
    let Some(ServerGroup::TargetGroup(group)) = &region.backends[backend].group else { return Ok(()) };
    let change = || {
        let body = json!({"targetUpdateSpecs": [{"targetId": target.id.0, "weight": weight}]});
        let path = format!("targetGroups/{group}:updateTargets");
        Ok(server.caller()?.call("lb", "POST", &path, &[], Some(&body))?.at)
    };
    let shows = move |config: &HostConfig| member(config, number, instance) == Some(Some(weight));
    follow(agents, &concerned, shows, change, samples)
}

fn health_changes(
    region: &Region,
    agents: &Agents,
    (backend, target): (&BackendId, &Target),
    samples: &mut Samples,
) -> Result<()> {
    let (number, instance) = numbers(region, backend, target)?;
    let concerned = agents.with(|config| config.backends.contains_key(&number));
    let carrier = *agents
        .with(|config| config.instances.contains_key(&instance))
        .first()
        .context("a target that nobody carries")?;
    for healthy in [false, true] {
        let report = || {
            let reason = if healthy { "connected" } else { "refused" }.to_owned();
            let at = Instant::now();
            carrier.reporter.health(HealthReport { backend: number, instance, healthy, reason });
            Ok(at)
        };
        let shows = move |config: &HostConfig| {
            member(config, number, instance).is_some_and(|weight| weight.is_some() == healthy)
        };
        let mut own = Samples::default();
        follow(agents, &concerned, shows, report, &mut own)?;
        if !healthy {
            samples.extend(own);
        }
    }
    Ok(())
}

fn numbers(region: &Region, backend: &BackendId, target: &Target) -> Result<(u32, u32)> {
    let backend = region.backends.get(backend).context("the backend service is gone")?;
    let instance = region.instances.get(&target.instance).context("the instance is gone")?;
    Ok((backend.number, instance.number))
}

/// The weight of a member of a backend service that the host knows.
fn member(config: &HostConfig, backend: u32, instance: u32) -> Option<Option<u32>> {
    let set = config.backends.get(&backend)?.generations.first()?;
    Some(set.members.get(&instance).map(|member| member.weight))
}

/// Makes a change, and notes how long after the moment that it returns each agent has it.
fn follow(
    agents: &Agents,
    concerned: &[&Agent],
    shows: impl Fn(&HostConfig) -> bool + Clone + Send + Sync + 'static,
    change: impl FnOnce() -> Result<Instant>,
    samples: &mut Samples,
) -> Result<()> {
    ensure!(!concerned.is_empty(), "a change that concerns nobody");
    let waiting: Vec<_> = concerned
        .iter()
        .map(|agent| {
            let (mut configs, shows) = (agent.configs.clone(), shows.clone());
            agents.runtime().spawn(async move {
                let has =
                    |config: &Option<Arc<HostConfig>>| config.as_ref().is_some_and(|config| shows(config));
                let seen = tokio::time::timeout(PATIENCE, configs.wait_for(has)).await;
                matches!(seen, Ok(Ok(_))).then(Instant::now)
            })
        })
        .collect();
    let from = change()?;
    for seen in waiting {
        let at = agents.runtime().block_on(seen)?.context("a change did not arrive")?;
        samples.add(at.saturating_duration_since(from).as_secs_f64() * 1e3);
    }
    Ok(())
}
