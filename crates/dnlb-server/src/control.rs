//! The region's control loop: what agents say becomes the region, and the region becomes what hosts are to do.
//!
//! One task decides, so that there is an order: it collects what has arrived, changes the region by at most one
//! transaction, answers who joins, and has what hosts are to do planned beside it, one region at a time. Whatever arrives meanwhile
//! waits for the next round; a thousand transitions at once are one write. Hosts that read slowly get the newest
//! configuration only.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    convert::Infallible,
    future::pending,
    io,
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use dnlb_model::{HostId, HostState, InstanceId, Region};
use dnlb_plan::{HostPlan, HostPlans, plan_hosts};
use dnlb_proto::{Ack, Counters, Hello, Report};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{MissedTickBehavior, interval, sleep_until},
};
use tracing::{error, info, warn};

mod changes;
mod liveness;

pub use changes::Refusal;
use changes::{Numbers, Reported, in_question, register, set_host_state, settle_some};
use liveness::Liveness;
pub use liveness::LivenessLimits;

use crate::{
    RegionStore,
    background::{Background, Ended, Job},
    observed::SharedObserved,
};

/// How often heart-beats are looked at.
const TICK: Duration = Duration::from_millis(250);
/// How many times as long as planning took the next one waits, and for how long at most: a change that comes alone does not wait.
const REST: u32 = 3;
const REST_MAX: Duration = Duration::from_millis(250);
/// What may wait for the loop before agents have to.
const INBOX: usize = 1024;

/// The way to the control loop. The loop ends when the last clone is gone.
#[derive(Clone, Debug)]
pub struct Control {
    inbox: mpsc::Sender<Event>,
    observed: SharedObserved,
    snapshots: watch::Receiver<Arc<Region>>,
    background: Background,
}

/// Why an agent's stream was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JoinError {
    /// For good, until somebody changes something.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// For now.
    #[error("the server is not ready")]
    Unavailable,
}

/// A host's stream, as the loop knows it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) host: HostId,
    number: u64,
    /// What the host is to do. Closed when another stream has taken this one's place.
    pub(crate) wanted: watch::Receiver<Option<Wanted>>,
}

/// What a host is to do.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Newest revision of which this is the configuration.
    pub(crate) revision: u64,
    /// The same allocation for as long as only the revision moves.
    pub(crate) plan: Arc<HostPlan>,
}

#[derive(Debug)]
enum Event {
    Hello { hello: Hello, reply: oneshot::Sender<Result<Session, JoinError>> },
    Report { host: HostId, session: u64, report: Report },
    Gone { host: HostId, session: u64 },
}

/// Starts the control loop in the current runtime.
///
/// # Errors
/// When the threads that plan cannot be started.
pub fn spawn(region: RegionStore, observed: SharedObserved, limits: LivenessLimits) -> io::Result<Control> {
    let (inbox, events) = mpsc::channel(INBOX);
    let background = Background::new()?;
    let control = Control {
        inbox,
        observed: observed.clone(),
        snapshots: region.subscribe(),
        background: background.clone(),
    };
    let task = Loop {
        liveness: Liveness::new(limits, Instant::now()),
        snapshots: region.subscribe(),
        region,
        observed,
        sessions: HashMap::new(),
        session_numbers: 0,
        reported: BTreeMap::new(),
        plans: Arc::default(),
        rests_until: tokio::time::Instant::now(),
        planned: Arc::default(),
        planning: None,
        settled: Arc::default(),
        heard_of: BTreeSet::new(),
        background,
    };
    tokio::spawn(task.run(events));
    Ok(control)
}

impl Control {
    pub(crate) async fn join(&self, hello: Hello) -> Result<Session, JoinError> {
        let (reply, session) = oneshot::channel();
        self.send(Event::Hello { hello, reply }).await?;
        session.await.map_err(|_| JoinError::Unavailable)?
    }

    pub(crate) async fn report(&self, session: &Session, report: Report) -> Result<(), JoinError> {
        self.send(Event::Report { host: session.host.clone(), session: session.number, report }).await
    }

    pub(crate) fn ack(&self, session: &Session, ack: Ack) {
        let newest = self.snapshots.borrow().revision;
        if ack.revision > newest {
            // Of another store: it says nothing of this one's revisions.
            warn!(host = %session.host, revision = ack.revision, newest, "acknowledges the future");
            return;
        }
        if let Some(error) = &ack.error {
            warn!(host = %session.host, revision = ack.revision, error, "could not apply its configuration");
        }
        self.observed.on_ack(&session.host, ack);
    }

    pub(crate) fn counters(&self, session: &Session, counters: Counters) {
        let region = Arc::clone(&self.snapshots.borrow());
        self.observed.metrics().on_counters(&session.host, &counters, &region);
        self.observed.on_counters(&session.host, counters.outcomes);
    }

    pub(crate) async fn leave(&self, session: Session) {
        // A loop that has ended needs no goodbye.
        let _ = self.send(Event::Gone { host: session.host, session: session.number }).await;
    }

    pub(crate) const fn background(&self) -> &Background {
        &self.background
    }

    pub(crate) const fn observed(&self) -> &SharedObserved {
        &self.observed
    }

    async fn send(&self, event: Event) -> Result<(), JoinError> {
        self.inbox.send(event).await.map_err(|_| JoinError::Unavailable)
    }
}

struct Loop {
    region: RegionStore,
    snapshots: watch::Receiver<Arc<Region>>,
    observed: SharedObserved,
    liveness: Liveness,
    sessions: HashMap<HostId, LiveSession>,
    session_numbers: u64,
    /// Of connected hosts.
    reported: BTreeMap<HostId, Reported>,
    plans: Arc<HostPlans>,
    /// The region of which the plans are; at first an empty one.
    planned: Arc<Region>,
    /// What is being planned.
    planning: Option<Planning>,
    /// Not before then is planned again: while there is always something new, most of the time remains for others, and many changes
    /// are planned together.
    rests_until: tokio::time::Instant,
    /// The last region that agreed with its agents, as they were then; at first an empty one.
    settled: Arc<Region>,
    /// The instances of which agents have said something since.
    heard_of: BTreeSet<InstanceId>,
    background: Background,
}

struct LiveSession {
    number: u64,
    wanted: watch::Sender<Option<Wanted>>,
}

/// Plans that are being made beside the loop: so much work, after a change that concerns all, that agents would wait for it.
struct Planning {
    region: Arc<Region>,
    begun: Instant,
    plans: Job<HostPlans>,
}

/// The plans, when they are ready; never, if none are being made.
async fn made(planning: &mut Option<Planning>) -> Result<HostPlans, Ended> {
    match planning {
        Some(planning) => (&mut planning.plans).await,
        None => pending().await,
    }
}

type Joining = Vec<(Hello, oneshot::Sender<Result<Session, JoinError>>)>;

impl Loop {
    async fn run(mut self, mut events: mpsc::Receiver<Event>) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                received = events.recv_many(&mut batch, INBOX) => {
                    if received == 0 {
                        return;
                    }
                }
                changed = self.snapshots.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                plans = made(&mut self.planning) => {
                    if self.take(plans).is_break() {
                        return;
                    }
                }
                () = sleep_until(self.rests_until), if self.may_plan() => {}
                _ = ticks.tick() => {}
            }
            let joining = self.handle(batch.drain(..));
            self.round(joining).await;
        }
    }

    /// Takes in what has arrived; returns who wants to join.
    fn handle(&mut self, events: impl Iterator<Item = Event>) -> Joining {
        let snapshot = self.region.snapshot();
        let mut numbers = None;
        let mut joining = Joining::new();
        for event in events {
            match event {
                Event::Hello { hello, reply } => joining.push((hello, reply)),
                Event::Report { host, session, report } if self.is_current(&host, session) => {
                    let numbers = numbers.get_or_insert_with(|| Numbers::of(&snapshot));
                    let reported = self.reported.entry(host.clone()).or_default();
                    self.heard_of.extend(reported.take(report, numbers, &host));
                }
                Event::Gone { host, session } if self.is_current(&host, session) => {
                    info!(%host, "agent disconnected");
                    self.sessions.remove(&host);
                    self.reported.remove(&host);
                    self.observed.on_disconnected(&host);
                }
                // From a stream whose place another has taken.
                Event::Report { .. } | Event::Gone { .. } => {}
            }
        }
        joining
    }

    /// Changes the region, plans, and answers.
    async fn round(&mut self, joining: Joining) {
        // Seen now, not later: a change that comes in during this round asks for another.
        let snapshot = self.snapshots.borrow_and_update().clone();
        let verdicts = self.liveness.judge(Instant::now(), &self.observed.heartbeats(), &snapshot.hosts);
        for (host, state) in &verdicts {
            match state {
                HostState::Down => warn!(%host, "host is down: its heart-beats are missing"),
                HostState::Up => info!(%host, "host is up"),
            }
        }
        let now = unix_time();
        let (hellos, replies): (Vec<_>, Vec<_>) = joining.into_iter().unzip();
        // A new stream starts from nothing: its agent is about to say all that it knows.
        let former: Vec<_> = hellos.iter().map(|hello| self.reported.remove(&hello.host)).collect();
        let settles = |region: &Region| {
            let mut instances = in_question(&self.settled, region);
            instances.extend(self.heard_of.iter().cloned());
            settle_some(region, &self.reported, now, &instances)
        };
        let mut admitted: Vec<Result<(), JoinError>> = hellos.iter().map(|_| Ok(())).collect();
        let mut settled = Some(Arc::clone(&snapshot));
        if !(verdicts.is_empty() && hellos.is_empty() && settles(&snapshot).is_empty()) {
            let changed = self.region.transact(|region| {
                for (host, state) in &verdicts {
                    set_host_state(region, host, *state);
                }
                // After the verdicts: a host that is back has the last word.
                let admitted: Vec<_> = hellos.iter().map(|hello| register(region, hello, now)).collect();
                settles(region).apply(region);
                Ok::<_, Infallible>((admitted, Arc::new(region.clone())))
            });
            match changed.await {
                Ok((answers, region)) => {
                    admitted = answers.into_iter().map(|answer| answer.map_err(JoinError::from)).collect();
                    settled = Some(region);
                }
                Err(error) => {
                    // Nothing is lost: the next tick finds the same differences.
                    error!(%error, "the region cannot be changed");
                    admitted.iter_mut().for_each(|answer| *answer = Err(JoinError::Unavailable));
                    settled = None;
                }
            }
        }
        if let Some(settled) = settled {
            self.settled = settled;
            self.heard_of.clear();
        }
        for (((hello, reply), admitted), former) in hellos.into_iter().zip(replies).zip(admitted).zip(former)
        {
            let answer = match admitted {
                Ok(()) => Ok(self.admit(hello.host)),
                Err(refusal) => {
                    warn!(host = %hello.host, %refusal, "agent refused");
                    // Its older stream, if there is one, goes on.
                    if let Some(former) = former {
                        let index = self.region.snapshot().index();
                        self.heard_of.extend(index.instances_of_host.of(&hello.host).cloned());
                        self.reported.entry(hello.host).or_insert(former);
                    }
                    Err(refusal)
                }
            };
            // An agent that went away meanwhile is noticed by its stream.
            let _ = reply.send(answer);
        }
        self.begin_planning();
    }

    /// Begins to bring what hosts are to do up to the newest revision, if it is time to.
    fn begin_planning(&mut self) {
        let begun = Instant::now();
        if !self.may_plan() || begun < self.rests_until.into_std() {
            return;
        }
        let region = self.region.snapshot();
        let (plans, planned, new) = (Arc::clone(&self.plans), Arc::clone(&self.planned), Arc::clone(&region));
        let plans = self.background.run(move || plan_hosts(&plans, &planned, &new));
        self.planning = Some(Planning { region, begun, plans });
    }

    /// Tells all hosts of the plans that were being made; break: the server ends.
    fn take(&mut self, plans: Result<HostPlans, Ended>) -> ControlFlow<()> {
        let Some(Planning { region, begun, .. }) = self.planning.take() else {
            return ControlFlow::Continue(());
        };
        match plans {
            Ok(plans) => self.plans = Arc::new(plans),
            Err(Ended) => return ControlFlow::Break(()),
        }
        self.planned = region;
        self.rests_until = (Instant::now() + (begun.elapsed() * REST).min(REST_MAX)).into();
        for (host, session) in &self.sessions {
            session.wanted.send_replace(self.wanted(host));
        }
        ControlFlow::Continue(())
    }

    /// Whether there is a region that is not planned, and nothing is being planned.
    fn may_plan(&self) -> bool {
        self.planning.is_none() && !Arc::ptr_eq(&self.planned, &self.region.snapshot())
    }

    fn wanted(&self, host: &HostId) -> Option<Wanted> {
        let plan = Arc::clone(self.plans.get(host)?);
        Some(Wanted { revision: self.planned.revision, plan })
    }

    /// Gives the host's newest stream the place of an older one, if there is one.
    fn admit(&mut self, host: HostId) -> Session {
        self.session_numbers += 1;
        let number = self.session_numbers;
        let (wanted, receiver) = watch::channel(self.wanted(&host));
        if self.sessions.insert(host.clone(), LiveSession { number, wanted }).is_some() {
            warn!(%host, "agent connected again; its older stream is closed");
        } else {
            info!(%host, "agent connected");
        }
        self.observed.on_connected(&host);
        Session { host, number, wanted: receiver }
    }

    fn is_current(&self, host: &HostId, session: u64) -> bool {
        self.sessions.get(host).is_some_and(|live| live.number == session)
    }
}

fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
