//! The host's instances as a whole: what is to be done with each, done in the background, never two things at
//! once with the same one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use dnlb_model::{HostConfig, InstanceConfig, InstanceId, InstanceState, Power};
use tokio::{
    sync::Semaphore,
    task::{self, JoinSet},
    time::Instant,
};

use crate::{
    compute::{Action, ComputeDriver, ComputeError, InstanceSpec, Observed, instance_state, plan_power},
    links::{InstanceLink, LinkError, Links},
};

/// Instances that may start or stop at the same time: more only makes each of them slower.
const AT_ONCE: usize = 8;
/// First pause after a failure.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Takes the place of the number of a start where an instance is to be removed: failures to start it must not delay that.
const REMOVAL: u32 = u32::MAX;

/// Something to be done with an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Job {
    /// Make its link what it should be.
    Connect(InstanceLink),
    /// Kill it and remove all that is left.
    Remove,
    /// End it, start it, connect it.
    Restart(Box<InstanceSpec>),
    /// Start it, connect it.
    Start(Box<InstanceSpec>),
    /// End it.
    Stop,
}

/// A job that found its end.
#[derive(Debug)]
pub(crate) struct Finished {
    id: InstanceId,
    number: Option<u32>,
    boot: u32,
    result: Result<Option<Linked>, String>,
}

/// An instance that packets can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Linked {
    pid: u32,
    ifindex: u32,
}

/// A job that failed, and when it may be tried again.
#[derive(Clone, Debug)]
struct Trouble {
    boot: u32,
    reason: String,
    pause: Duration,
    retry: Instant,
}

/// Jobs that are due, and whether the kernel maps must change first.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    due: Vec<(InstanceId, Option<u32>, u32, Job)>,
    /// Whether [`Fleet::ifindices`] is not what it was.
    pub(crate) changed: bool,
}

impl Survey {
    pub(crate) fn is_empty(&self) -> bool {
        self.due.is_empty()
    }
}

/// One instance as tools see it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct InstanceStatus {
    pub(crate) id: InstanceId,
    pub(crate) number: u32,
    pub(crate) state: InstanceState,
    pub(crate) pid: Option<u32>,
}

/// All instances of a host.
#[derive(Debug)]
pub(crate) struct Fleet<D> {
    driver: Arc<D>,
    links: Links,
    jobs: JoinSet<Finished>,
    permits: Arc<Semaphore>,
    /// Instances with a job: its task, and for which boot.
    busy: BTreeMap<InstanceId, (task::Id, u32)>,
    linked: BTreeMap<u32, Linked>,
    troubles: BTreeMap<InstanceId, Trouble>,
    /// Those that were told of because they could not be kept to their share of the disk.
    untidy: BTreeSet<InstanceId>,
    /// Whether anything has been looked at yet.
    surveyed: bool,
}

impl<D: ComputeDriver + 'static> Fleet<D> {
    pub(crate) fn new(driver: D, links: Links) -> Self {
        Self {
            driver: Arc::new(driver),
            links,
            jobs: JoinSet::new(),
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            busy: BTreeMap::new(),
            linked: BTreeMap::new(),
            troubles: BTreeMap::new(),
            untidy: BTreeSet::new(),
            surveyed: false,
        }
    }

    /// Looks at everything and decides what is due. Instances that are to end are no longer among
    /// [`Fleet::ifindices`] from here on: the kernel maps are written without them before [`Fleet::launch`].
    ///
    /// `repair` has every link looked over, also those that seem to be well.
    pub(crate) async fn survey(&mut self, config: &HostConfig, repair: bool) -> anyhow::Result<Survey> {
        let before = self.ifindices();
        let devices = self.links.instance_ifindices().await?;
        let mut survey = Survey::default();
        for instance in config.instances.values() {
            if self.busy.contains_key(&instance.id) {
                continue;
            }
            let observed = match self.driver.observe(&instance.id) {
                Ok(observed) => observed,
                // One that cannot be looked at keeps no other from being looked after.
                Err(error) => {
                    self.linked.remove(&instance.number);
                    if self.may_try(&instance.id, instance.boot) {
                        self.on_failure(instance.id.clone(), instance.boot, chain(&error));
                    }
                    continue;
                }
            };
            match self.driver.tidy(&instance.id) {
                Ok(()) => drop(self.untidy.remove(&instance.id)),
                // Once: it is tried each time.
                Err(error) if self.untidy.insert(instance.id.clone()) => {
                    tracing::warn!(instance = %instance.id, error = chain(&error), "it may take more of the disk than is its own");
                }
                Err(_) => {}
            }
            self.adopt(instance.number, &observed, devices.get(&instance.number).copied());
            if let Some(job) = self.due(config, instance, &observed, repair) {
                survey.due.push((instance.id.clone(), Some(instance.number), instance.boot, job));
            }
        }
        let wanted: BTreeSet<&InstanceId> = config.instances.values().map(|it| &it.id).collect();
        for (id, number) in self.driver.list()? {
            if !wanted.contains(&id) && !self.busy.contains_key(&id) && self.may_try(&id, REMOVAL) {
                if let Some(number) = number {
                    self.linked.remove(&number);
                }
                survey.due.push((id, number, REMOVAL, Job::Remove));
            }
        }
        self.linked.retain(|number, _| config.instances.contains_key(number));
        self.untidy.retain(|id| wanted.contains(id));
        self.troubles.retain(|id, trouble| wanted.contains(id) || trouble.boot == REMOVAL);
        self.surveyed = true;
        survey.changed = before != self.ifindices();
        Ok(survey)
    }

    /// Starts what a survey found due.
    pub(crate) fn launch(&mut self, survey: Survey) {
        for (id, number, boot, job) in survey.due {
            if matches!(job, Job::Connect(_)) {
                // Also the regular look at links that are well.
                tracing::debug!(instance = %id, job = job.name(), "instance");
            } else {
                tracing::info!(instance = %id, job = job.name(), "instance");
            }
            let instance = id.clone();
            let (driver, links, permits) = (self.driver.clone(), self.links.clone(), self.permits.clone());
            let task = self.jobs.spawn(async move {
                let _permit = permits.acquire().await;
                let result = work(&*driver, &links, &id, number, job).await.map_err(|error| chain(&error));
                Finished { id, number, boot, result }
            });
            self.busy.insert(instance, (task.id(), boot));
        }
    }

    /// Waits for the next job to end; for ever when there is none.
    pub(crate) async fn finished(&mut self) -> Finished {
        loop {
            match self.jobs.join_next().await {
                Some(Ok(finished)) => return finished,
                Some(Err(error)) => {
                    // A bug of ours; the instance must be looked after again all the same.
                    let job = self.busy.iter().find(|(_, (task, _))| *task == error.id());
                    if let Some((id, &(_, boot))) = job {
                        let result = Err(format!("the agent failed at it: {error}"));
                        return Finished { id: id.clone(), number: None, boot, result };
                    }
                }
                None => std::future::pending().await,
            }
        }
    }

    /// Notes the end of a job.
    pub(crate) fn on_finished(&mut self, finished: Finished) {
        let Finished { id, number, boot, result } = finished;
        self.busy.remove(&id);
        match result {
            Ok(linked) => {
                self.troubles.remove(&id);
                if let (Some(number), Some(linked)) = (number, linked) {
                    self.linked.insert(number, linked);
                }
            }
            Err(reason) => self.on_failure(id, boot, reason),
        }
    }

    fn on_failure(&mut self, id: InstanceId, boot: u32, reason: String) {
        tracing::warn!(instance = %id, reason, "an instance is not as it should be");
        let former = self.troubles.get(&id).filter(|trouble| trouble.boot == boot);
        let pause = former.map_or(PAUSE_MIN, |trouble| (trouble.pause * 2).min(PAUSE_MAX));
        self.troubles.insert(id, Trouble { boot, reason, pause, retry: Instant::now() + pause });
    }

    /// Instances that packets can reach: number -> interface index of the host side.
    pub(crate) fn ifindices(&self) -> BTreeMap<u32, u32> {
        self.linked.iter().map(|(&number, linked)| (number, linked.ifindex)).collect()
    }

    /// What is to be said of every instance of `config`; nothing before the first survey, when running instances
    /// are not adopted yet and would look as if they could not be reached.
    pub(crate) fn report(&self, config: &HostConfig) -> Option<Vec<InstanceStatus>> {
        if !self.surveyed {
            return None;
        }
        let one = |instance: &InstanceConfig| {
            let (id, number) = (instance.id.clone(), instance.number);
            let observed = match self.driver.observe(&id) {
                Ok(observed) => observed,
                Err(error) => {
                    let state = InstanceState::Error(chain(&error));
                    return InstanceStatus { id, number, state, pid: None };
                }
            };
            let trouble = self.troubles.get(&id).filter(|it| it.boot == instance.boot);
            let reachable = self.linked.contains_key(&number);
            let state = match (instance_state(instance.wanted, &observed), trouble) {
                (InstanceState::Pending, Some(trouble)) => InstanceState::Error(trouble.reason.clone()),
                (InstanceState::Running, Some(trouble)) if !reachable => {
                    InstanceState::Error(trouble.reason.clone())
                }
                (InstanceState::Running, _) if !reachable => InstanceState::Pending,
                (state, _) => state,
            };
            let pid = match observed {
                Observed::Running { pid, .. } => Some(pid),
                _ => None,
            };
            InstanceStatus { id, number, state, pid }
        };
        Some(config.instances.values().map(one).collect())
    }

    /// Notes what packets can reach: also what a former agent connected, but nothing that has ended or lost its
    /// device.
    fn adopt(&mut self, number: u32, observed: &Observed, device: Option<u32>) {
        match (observed, device) {
            (&Observed::Running { pid, .. }, Some(ifindex)) => {
                self.linked.insert(number, Linked { pid, ifindex });
            }
            _ => {
                self.linked.remove(&number);
            }
        }
    }

    fn due(
        &mut self,
        config: &HostConfig,
        instance: &InstanceConfig,
        observed: &Observed,
        repair: bool,
    ) -> Option<Job> {
        let action = plan_power(instance.wanted, instance.boot, observed);
        let linked = self.linked.contains_key(&instance.number);
        let connected = linked && !repair || instance.wanted == Power::Off;
        if (action == Action::Keep && connected) || !self.may_try(&instance.id, instance.boot) {
            return None;
        }
        let job = match (action, observed) {
            (Action::Keep, Observed::Running { pid, .. }) => Job::Connect(InstanceLink {
                number: instance.number,
                addr: instance.addr,
                subnet: instance.subnet,
                pid: *pid,
            }),
            (Action::Keep, _) => return None,
            (Action::Start, _) => Job::Start(Box::new(spec(config, instance))),
            (Action::Restart, _) => Job::Restart(Box::new(spec(config, instance))),
            (Action::Stop, _) => Job::Stop,
        };
        if matches!(job, Job::Restart(_) | Job::Stop) {
            self.linked.remove(&instance.number);
        }
        Some(job)
    }

    fn may_try(&self, id: &InstanceId, boot: u32) -> bool {
        self.troubles.get(id).is_none_or(|it| it.boot != boot || it.retry <= Instant::now())
    }
}

impl Job {
    fn name(&self) -> &'static str {
        match self {
            Self::Connect(_) => "connect",
            Self::Remove => "remove",
            Self::Restart(_) => "restart",
            Self::Start(_) => "start",
            Self::Stop => "stop",
        }
    }
}

/// Why a job failed.
#[derive(Debug, thiserror::Error)]
enum JobError {
    #[error(transparent)]
    Compute(#[from] ComputeError),
    #[error(transparent)]
    Link(#[from] LinkError),
}

async fn work<D: ComputeDriver>(
    driver: &D,
    links: &Links,
    id: &InstanceId,
    number: Option<u32>,
    job: Job,
) -> Result<Option<Linked>, JobError> {
    let unlink = async || match number {
        Some(number) => links.remove_instance(number).await,
        // Its number is lost; the link goes with the namespace.
        None => Ok(()),
    };
    match job {
        Job::Connect(link) => Ok(Some(connect(links, link).await?)),
        Job::Start(spec) => Ok(Some(start(driver, links, &spec).await?)),
        Job::Restart(spec) => {
            driver.stop(id).await?;
            unlink().await?;
            Ok(Some(start(driver, links, &spec).await?))
        }
        Job::Stop => {
            driver.stop(id).await?;
            unlink().await?;
            Ok(None)
        }
        Job::Remove => {
            unlink().await?;
            driver.remove(id).await?;
            Ok(None)
        }
    }
}

async fn start<D: ComputeDriver>(driver: &D, links: &Links, spec: &InstanceSpec) -> Result<Linked, JobError> {
    let pid = driver.start(spec).await?;
    let link = InstanceLink { number: spec.number, addr: spec.addr, subnet: spec.subnet, pid };
    Ok(connect(links, link).await?)
}

async fn connect(links: &Links, link: InstanceLink) -> Result<Linked, LinkError> {
    Ok(Linked { pid: link.pid, ifindex: links.ensure_instance(&link).await? })
}

fn spec(config: &HostConfig, instance: &InstanceConfig) -> InstanceSpec {
    InstanceSpec {
        number: instance.number,
        id: instance.id.clone(),
        name: instance.name.clone(),
        region: config.region.clone(),
        az: config.az.clone(),
        rack: config.rack.clone(),
        host: config.host_id.clone(),
        addr: instance.addr,
        subnet: instance.subnet,
        boot: instance.boot,
        image: instance.image.clone(),
        launch_script: instance.launch_script.clone(),
        metadata: instance.metadata.clone(),
    }
}

/// An error with everything that led to it, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::{ComputeError, Observed};

    /// A driver with a bug.
    #[derive(Debug)]
    struct Panics;

    impl ComputeDriver for Panics {
        fn list(&self) -> Result<Vec<(InstanceId, Option<u32>)>, ComputeError> {
            Ok(Vec::new())
        }

        fn observe(&self, _: &InstanceId) -> Result<Observed, ComputeError> {
            unreachable!("this test looks at nothing")
        }

        fn tidy(&self, _: &InstanceId) -> Result<(), ComputeError> {
            unreachable!("this test looks at nothing")
        }

        async fn start(&self, _: &InstanceSpec) -> Result<u32, ComputeError> {
            unreachable!("this test starts nothing")
        }

        async fn stop(&self, _: &InstanceId) -> Result<(), ComputeError> {
            unreachable!("this test stops nothing")
        }

        async fn remove(&self, _: &InstanceId) -> Result<(), ComputeError> {
            panic!("a bug in the driver")
        }
    }

    #[tokio::test]
    async fn an_instance_whose_job_panicked_is_looked_after_again() {
        let mut fleet = Fleet::new(Panics, Links::open("lo", [127, 0, 0, 1].into()).unwrap());
        let id = InstanceId::from("i-unlucky");
        let due = vec![(id.clone(), None, REMOVAL, Job::Remove)];
        fleet.launch(Survey { due, changed: false });
        let finished = fleet.finished().await;
        fleet.on_finished(finished);
        assert!(fleet.busy.is_empty());
        assert!(fleet.troubles[&id].reason.contains("panic"), "{}", fleet.troubles[&id].reason);
    }
}
