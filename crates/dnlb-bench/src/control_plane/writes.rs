//! Many clients that change the region at the same time.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread::{self, sleep},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use dnlb_model::{LoadBalancer, Region, TargetGroup, TargetId};
use serde_json::{Value, json};

use super::{
    caller::Caller,
    server::{AZS, Server},
};
use crate::report::Samples;

/// What a client does, in turn. Whatever it makes it deletes again.
const STEPS: [&str; 11] = [
    "create a listener",
    "change a listener",
    "create a target group",
    "register 5 targets",
    "change a weight",
    "create an instance",
    "deregister 5 targets",
    "rename an instance",
    "delete a listener",
    "delete a target group",
    "delete an instance",
];
/// Where the ports of clients' listeners begin, and how many a client has.
const PORTS: u32 = 20_000;
const PORTS_OF_A_CLIENT: u32 = 80;

/// Milliseconds of each kind of write, and of all. With a pace, clients begin a write when it is due, late or not, and its time counts from
/// then: a server that is slow for a moment is not spared the requests that would have come.
///
/// # Errors
/// When a write is refused.
pub fn measure(
    server: &Server,
    region: &Region,
    clients: u32,
    writes: u32,
    pace: Option<u32>,
) -> Result<Vec<(String, Samples)>> {
    let next = AtomicU32::new(0);
    let begun = Instant::now();
    let results: Vec<Result<[Samples; STEPS.len()]>> = thread::scope(|scope| {
        let client = |number| {
            let next = &next;
            move || -> Result<[Samples; STEPS.len()]> {
                let mut client = Client::new(server, region, number)?;
                let mut samples = [(); STEPS.len()].map(|()| Samples::default());
                loop {
                    let write = next.fetch_add(1, Ordering::Relaxed);
                    // Whoever is at it goes on until it has deleted what it made.
                    if write >= writes && client.step == 0 {
                        return Ok(samples);
                    }
                    let due = pace.map(|pace| begun + Duration::from_secs(1) * write / pace);
                    sleep(due.map_or(Duration::ZERO, |due| due.saturating_duration_since(Instant::now())));
                    let step = client.step;
                    let took = client.write().with_context(|| STEPS[step])?;
                    let took = due.map_or(took, |due| due.elapsed());
                    samples[step].add(took.as_secs_f64() * 1e3);
                }
            }
        };
        let threads: Vec<_> = (0..clients).map(|number| scope.spawn(client(number))).collect();
        let joined = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|_| Err(anyhow!("a client panicked")))
        };
        threads.into_iter().map(joined).collect()
    });
    let seconds = begun.elapsed().as_secs_f64();
    let mut steps = [(); STEPS.len()].map(|()| Samples::default());
    let mut all = Samples::default();
    for result in results {
        for (step, samples) in steps.iter_mut().zip(result?) {
            all.extend(samples.clone());
            step.extend(samples);
        }
    }
    let rate = all.len() as f64 / seconds;
    let lines = STEPS.iter().map(|&name| name.to_owned()).zip(steps);
    Ok([(format!("all, {rate:.0} a second"), all)].into_iter().chain(lines).collect())
}

/// A client, and what it has made.
struct Client<'a> {
    caller: Caller,
    balancer: &'a LoadBalancer,
    /// A full group of its load balancer, and its first target.
    group: &'a TargetGroup,
    target: &'a TargetId,
    backend: &'a str,
    number: u32,
    rounds: u32,
    step: usize,
    listener: String,
    own_group: String,
    own_targets: Vec<String>,
    instance: String,
}

impl<'a> Client<'a> {
    fn new(server: &Server, region: &'a Region, number: u32) -> Result<Self> {
        let at = number as usize % region.backends.len();
        let backend = region.backends.values().nth(at).context("a region without backend services")?;
        let balancer =
            region.load_balancers.get(&backend.load_balancer).context("the load balancer is gone")?;
        let uses = |group: &dnlb_model::ServerGroup| match group {
            dnlb_model::ServerGroup::TargetGroup(group) => region.target_groups.get(group),
            dnlb_model::ServerGroup::Ag(_) => None,
        };
        let group = backend.group.as_ref().and_then(uses).context("the target group is gone")?;
        Ok(Self {
            caller: server.caller()?,
            balancer,
            group,
            target: group.targets.keys().next().context("an empty target group")?,
            backend: backend.id.as_str(),
            number,
            rounds: 0,
            step: 0,
            listener: String::new(),
            own_group: String::new(),
            own_targets: Vec::new(),
            instance: String::new(),
        })
    }

    /// Does the next write.
    fn write(&mut self) -> Result<Duration> {
        let step = self.step;
        self.step = (step + 1) % STEPS.len();
        self.rounds += u32::from(self.step == 0);
        let name = format!("c{}-{}", self.number, self.rounds);
        let balancer = &self.balancer.id.0;
        match step {
            0 => {
                let port = PORTS + self.number * PORTS_OF_A_CLIENT + self.rounds % PORTS_OF_A_CLIENT;
                let body = json!({
                    "listenerName": name, "loadBalancerId": balancer, "protocol": "Tcp", "port": port,
                    "backendId": self.backend,
                });
                let (id, took) = self.make("lb", "listeners/", "listenerId", &body)?;
                self.listener = id;
                Ok(took)
            }
            1 => {
                let body = json!({"connectionIdleTimeSeconds": 100 + self.rounds % 1_000});
                self.call("lb", "PATCH", &format!("listeners/{}", self.listener), Some(&body))
            }
            2 => {
                let body = json!({"targetGroupName": name, "loadBalancerId": balancer});
                let (id, took) = self.make("lb", "targetGroups/", "targetGroupId", &body)?;
                self.own_group = id;
                Ok(took)
            }
            3 => {
                let instances = self.group.targets.values().take(5);
                let specs: Vec<Value> =
                    instances.map(|target| json!({"instanceId": target.instance.0})).collect();
                let body = json!({ "targetSpecs": specs });
                let path = format!("targetGroups/{}:registerTargets", self.own_group);
                let took = self.call("lb", "POST", &path, Some(&body))?;
                // Their ids are not in the reply.
                let path = format!("targetGroups/{}:describeTargets", self.own_group);
                let targets = self.caller.get("lb", &path, &[])?.result["targets"].take();
                let id = |target: &Value| target["targetId"].as_str().map(str::to_owned);
                self.own_targets = targets.as_array().into_iter().flatten().filter_map(id).collect();
                Ok(took)
            }
            4 => {
                let weight = 1 + self.rounds % 100;
                let body = json!({"targetUpdateSpecs": [{"targetId": self.target.0, "weight": weight}]});
                self.call("lb", "POST", &format!("targetGroups/{}:updateTargets", self.group.id), Some(&body))
            }
            5 => {
                let body = json!({"instanceSpec": {
                    "name": name, "az": AZS[self.rounds as usize % AZS.len()], "instanceType": "g.n2.medium",
                    "imageId": "img-blank",
                    "primaryNetworkInterface": {"networkInterface": {"subnetId": self.balancer.subnet.0}},
                }});
                let (id, took) = self.make("vm", "instances", "instanceIds", &body)?;
                self.instance = id;
                Ok(took)
            }
            6 => {
                let body = json!({"targetIds": self.own_targets});
                self.call(
                    "lb",
                    "POST",
                    &format!("targetGroups/{}:deregisterTargets", self.own_group),
                    Some(&body),
                )
            }
            7 => {
                let body = json!({"name": format!("{name}-renamed")});
                let path = format!("instances/{}:modifyInstanceAttribute", self.instance);
                self.call("vm", "POST", &path, Some(&body))
            }
            8 => self.call("lb", "DELETE", &format!("listeners/{}", self.listener), None),
            9 => self.call("lb", "DELETE", &format!("targetGroups/{}", self.own_group), None),
            _ => self.call("vm", "DELETE", &format!("instances/{}", self.instance), None),
        }
    }

    /// Creates something; its id, and how long that took.
    fn make(&mut self, service: &str, path: &str, key: &str, body: &Value) -> Result<(String, Duration)> {
        let made = self.caller.call(service, "POST", path, &[], Some(body))?;
        let id = &made.result[key];
        let id = id.as_str().or_else(|| id[0].as_str()).context("a reply without an id")?;
        Ok((id.to_owned(), made.took))
    }

    fn call(&mut self, service: &str, method: &str, path: &str, body: Option<&Value>) -> Result<Duration> {
        Ok(self.caller.call(service, method, path, &[], body)?.took)
    }
}
