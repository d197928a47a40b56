//! Agents against a server in this process, over loopback.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::Duration,
};

use dnlb_model::{
    HealthReport, HostConfig, HostId, HostState, InstanceId, InstanceReport, InstanceState, Region,
    ServerGroup, VpcId,
};
use dnlb_proto::{
    AgentLink, Answer, ConfigReceiver, ConsoleAnswer, LinkOptions, Linked, Question, QuestionsReceiver,
    Report, Reporter, pb::agents_client::AgentsClient,
};
use dnlb_store::SqliteStore;
use tokio::{runtime::Runtime, time::sleep};
use tonic::Code;

use super::*;
use crate::{
    RegionStore,
    control::{self, LivenessLimits},
    observed::SharedObserved,
    questions::AskError,
    test_scene::{
        BACKEND, add_instance, health, hello, known_health, populate, running, set_group, settings,
    },
};

/// Nobody is declared dead: some agents of these tests have no heart, and a busy machine stops all of them now and then.
const CALM: LivenessLimits =
    LivenessLimits { silence: Duration::from_secs(3600), grace: Duration::from_secs(3600) };

const TOKEN: &str = "a-token-of-the-tests";

fn token(text: &str) -> JoinToken {
    JoinToken::parse(text).unwrap()
}

struct Scene {
    region: RegionStore,
    observed: SharedObserved,
    addr: SocketAddr,
    dir: Option<tempfile::TempDir>,
    /// The server's own: when it goes, all connections break, as when the process dies.
    runtime: Option<Runtime>,
}

impl Scene {
    async fn new(limits: LivenessLimits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // An address of its own, from which no client connects: while the server is restarted nobody else takes
        // its port.
        static SCENES: AtomicU8 = AtomicU8::new(2);
        let addr = format!("127.0.1.{}:0", SCENES.fetch_add(1, Ordering::Relaxed));
        let mut scene = Self::open(dir.path(), limits, &addr).await;
        scene.dir = Some(dir);
        scene.change(populate).await;
        scene
    }

    async fn open(dir: &Path, limits: LivenessLimits, addr: &str) -> Self {
        let store = Arc::new(SqliteStore::open(&dir.join("store.db")).unwrap());
        let region = RegionStore::open(store, settings()).await.unwrap();
        let observed = SharedObserved::new();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = std::net::TcpListener::bind(addr).unwrap();
        let addr = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let server = (region.clone(), observed.clone());
        runtime.spawn(async move {
            let control = control::spawn(server.0, server.1, limits).unwrap();
            serve(TcpListener::from_std(listener).unwrap(), control, token(TOKEN)).await
        });
        Self { region, observed, addr, dir: None, runtime: Some(runtime) }
    }

    /// Kills the server and starts another one on the same data and address.
    async fn restart(mut self, limits: LivenessLimits) -> Self {
        self.stop().await;
        let dir = self.dir.take().unwrap();
        let addr = self.addr.to_string();
        drop(self);
        let mut scene = Self::open(dir.path(), limits, &addr).await;
        scene.dir = Some(dir);
        scene
    }

    /// Kills the server and waits until it is gone: only then its store is free again.
    async fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            let patience = Duration::from_secs(20);
            tokio::task::spawn_blocking(move || runtime.shutdown_timeout(patience)).await.unwrap();
        }
    }

    async fn change(&self, change: impl FnOnce(&mut Region)) {
        let change = |region: &mut Region| {
            change(region);
            Ok::<_, ()>(())
        };
        self.region.transact(change).await.unwrap();
    }

    fn link(&self, number: u8) -> Agent {
        let options = LinkOptions {
            server: format!("http://{}", self.addr),
            token: token(TOKEN),
            hello: hello(number),
        };
        let Linked { configs, questions, reporter, .. } = AgentLink::spawn(options).unwrap();
        Agent { host: hello(number).host, configs, questions, reporter }
    }

    /// Waits for a state of the region.
    async fn region_shows(&self, what: &str, state: impl Fn(&Region) -> bool) -> Arc<Region> {
        let mut snapshots = self.region.subscribe();
        soon(what, snapshots.wait_for(|region| state(region))).await.unwrap().clone()
    }

    /// Waits until all these hosts have applied the region's revision.
    async fn converged(&self, hosts: &[&HostId]) {
        let mut observed = self.observed.subscribe();
        soon("convergence", async {
            loop {
                let revision = self.region.snapshot().revision;
                let seen = observed.borrow_and_update().clone();
                if hosts.iter().all(|host| seen.get(host).is_some_and(|seen| seen.applied == revision)) {
                    return;
                }
                observed.changed().await.unwrap();
            }
        })
        .await;
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A link with nothing behind it.
struct Agent {
    host: HostId,
    configs: ConfigReceiver,
    questions: QuestionsReceiver,
    reporter: Reporter,
}

impl Agent {
    /// Waits for a configuration and acknowledges it.
    async fn gets(&mut self, what: &str, wanted: impl Fn(&HostConfig) -> bool) -> Arc<HostConfig> {
        let config = self.configs.wait_for(|config| config.as_ref().is_some_and(|config| wanted(config)));
        let config = soon(what, config).await.unwrap().clone().unwrap();
        self.reporter.ack(config.revision, "digest", None);
        config
    }

    fn serves(&self, instance: u32, healthy: bool) {
        self.reporter.instance(InstanceReport { number: instance, state: InstanceState::Running });
        let reason = String::from(if healthy { "connected" } else { "refused" });
        self.reporter.health(HealthReport { backend: BACKEND, instance, healthy, reason });
    }
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

fn members(config: &HostConfig) -> Vec<u32> {
    config
        .backends
        .get(&BACKEND)
        .map_or_else(Vec::new, |backend| backend.generations[0].members.keys().copied().collect())
}

/// A stream without a link: says only what it is told to.
struct Raw {
    say: mpsc::Sender<pb::FromAgent>,
    hear: Streaming<pb::FromServer>,
}

impl Raw {
    async fn open(scene: &Scene, token: &JoinToken, first: from_agent::Kind) -> Result<Self, Status> {
        let mut client = AgentsClient::connect(format!("http://{}", scene.addr)).await.unwrap();
        let (say, said) = mpsc::channel(4096);
        say.send(pb::FromAgent { kind: Some(first) }).await.unwrap();
        let mut request = Request::new(ReceiverStream::new(said));
        token.attach(request.metadata_mut());
        Ok(Self { say, hear: client.link(request).await?.into_inner() })
    }

    async fn say(&self, kind: from_agent::Kind) {
        self.say.send(pb::FromAgent { kind: Some(kind) }).await.unwrap();
    }

    /// The next message about configurations: traces come between them at any time.
    async fn next(&mut self) -> from_server::Kind {
        loop {
            let message = soon("a message", self.hear.message()).await.unwrap().unwrap();
            let kind = message.kind.unwrap();
            if !matches!(kind, from_server::Kind::Traces(_)) {
                return kind;
            }
        }
    }

    /// Reads until the server ends the stream.
    async fn end(mut self) -> Status {
        soon("the end of the stream", async {
            loop {
                if let Err(status) = self.hear.message().await.map(|message| message.expect("a reason")) {
                    return status;
                }
            }
        })
        .await
    }
}

fn says_hello(number: u8) -> from_agent::Kind {
    from_agent::Kind::Hello((&hello(number)).into())
}

#[tokio::test]
async fn a_host_registers_itself_and_gets_its_configuration() {
    let scene = Scene::new(CALM).await;
    let mut agent = scene.link(1);
    let config = agent.gets("the first configuration", |_| true).await;
    assert_eq!((config.host, config.host_id.as_str(), config.az.as_str()), (1, "h1", "lab-1a"));
    scene.converged(&[&agent.host]).await;
    let seen = scene.observed.host(&agent.host).unwrap();
    assert_eq!((seen.connected, seen.digest.as_str(), seen.error), (true, "digest", None));
    assert!(seen.heartbeat.is_some());
    assert_eq!(scene.region.snapshot().hosts[&agent.host].state, HostState::Up);
}

#[tokio::test]
async fn strangers_and_nonsense_are_refused() {
    let scene = Scene::new(CALM).await;
    let ours = token(TOKEN);
    let code = |result: Result<Raw, Status>| result.err().map(|status| status.code());

    let wrong = token("a-token-of-somebody");
    assert_eq!(code(Raw::open(&scene, &wrong, says_hello(1)).await), Some(Code::Unauthenticated));
    let beat = from_agent::Kind::Heartbeat(pb::Heartbeat {});
    assert_eq!(code(Raw::open(&scene, &ours, beat).await), Some(Code::InvalidArgument));
    let nameless = from_agent::Kind::Hello(pb::Hello::default());
    assert_eq!(code(Raw::open(&scene, &ours, nameless).await), Some(Code::InvalidArgument));
    let elsewhere = Hello { az: "mars".into(), ..hello(1) };
    let status = Raw::open(&scene, &ours, from_agent::Kind::Hello((&elsewhere).into())).await.err().unwrap();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("mars"), "{status}");
    assert!(scene.region.snapshot().hosts.is_empty());

    let twice = Raw::open(&scene, &ours, says_hello(1)).await.unwrap();
    twice.say(says_hello(1)).await;
    assert_eq!(twice.end().await.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_newer_stream_of_a_host_takes_the_place_of_the_older() {
    let scene = Scene::new(CALM).await;
    let older = Raw::open(&scene, &token(TOKEN), says_hello(1)).await.unwrap();
    let newer = Raw::open(&scene, &token(TOKEN), says_hello(1)).await.unwrap();
    assert_eq!(older.end().await.code(), Code::Aborted);
    scene.change(|region| add_instance(region, 1, 1)).await;
    newer.say(from_agent::Kind::Report(running(1).into())).await;
    scene
        .region_shows("the newer stream's report", |region| {
            region.instances[&InstanceId::from("i-1")].state == InstanceState::Running
        })
        .await;
    assert!(scene.observed.host(&"h1".into()).unwrap().connected);
}

#[tokio::test]
async fn a_newer_stream_starts_from_nothing() {
    let scene = Scene::new(CALM).await;
    scene
        .change(|region| {
            add_instance(region, 1, 1);
            add_instance(region, 2, 1);
        })
        .await;
    let older = Raw::open(&scene, &token(TOKEN), says_hello(1)).await.unwrap();
    older.say(from_agent::Kind::Report(health(1, true, "connected").into())).await;
    scene.region_shows("health", |region| known_health(region, 1).is_some()).await;
    let newer = Raw::open(&scene, &token(TOKEN), says_hello(1)).await.unwrap();
    scene.change(|region| set_group(region, None)).await;
    scene.region_shows("no health", |region| region.health.is_empty()).await;
    scene.change(|region| set_group(region, Some(ServerGroup::Ag("ag-1".into())))).await;
    newer.say(from_agent::Kind::Report(health(2, true, "connected").into())).await;
    let region = scene.region_shows("the other's health", |region| known_health(region, 2).is_some()).await;
    assert_eq!(known_health(&region, 1), None, "said on a stream that is gone");
}

#[tokio::test]
async fn a_change_is_pushed_to_whom_it_concerns_and_all_converge() {
    let scene = Scene::new(CALM).await;
    let (mut one, mut two) = (scene.link(1), scene.link(2));
    // Who joins is known to all others.
    let both = |config: &HostConfig| config.peers.len() == 2;
    one.gets("a configuration", both).await;
    let before = two.gets("a configuration", both).await;
    scene.converged(&[&one.host, &two.host]).await;

    scene.change(|region| add_instance(region, 1, 1)).await;
    one.gets("its instance", |config| config.instances.contains_key(&1)).await;
    scene.converged(&[&one.host, &two.host]).await;
    assert!(Arc::ptr_eq(&before, two.configs.borrow().as_ref().unwrap()), "nothing new for the other host");
    let revision = scene.region.snapshot().revision;

    one.reporter.ack(revision, "other digest", Some("no room".into()));
    let mut observed = scene.observed.subscribe();
    let seen = soon("the error", observed.wait_for(|hosts| hosts[&one.host].error.is_some())).await.unwrap();
    assert_eq!((seen[&one.host].digest.as_str(), seen[&one.host].applied), ("digest", revision));
}

#[tokio::test]
async fn whom_a_change_does_not_concern_hears_the_revision_only() {
    for takes_changes in [false, true] {
        let scene = Scene::new(CALM).await;
        let hello = pb::Hello { takes_changes, ..(&hello(1)).into() };
        let mut raw = Raw::open(&scene, &token(TOKEN), from_agent::Kind::Hello(hello)).await.unwrap();
        let first = raw.next().await;
        assert!(matches!(first, from_server::Kind::Config(config) if config.host_id == "h1"));
        scene.change(|region| add_instance(region, 2, 2)).await;
        let revision = scene.region.snapshot().revision;
        assert_eq!(raw.next().await, from_server::Kind::Unchanged(pb::Unchanged { revision }));
        scene.change(|region| add_instance(region, 1, 1)).await;
        match raw.next().await {
            from_server::Kind::Config(config) if !takes_changes => assert_eq!(config.revision, revision + 1),
            from_server::Kind::Change(change) if takes_changes => {
                let put = change.put.unwrap();
                assert_eq!((change.since, put.revision), (revision, revision + 1));
                assert_eq!(put.instances.len(), 1);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn health_transitions_change_the_member_sets() {
    let scene = Scene::new(CALM).await;
    let (mut one, two) = (scene.link(1), scene.link(2));
    scene
        .change(|region| {
            add_instance(region, 1, 1);
            add_instance(region, 2, 2);
        })
        .await;
    one.gets("its instance", |config| config.instances.contains_key(&1)).await;
    one.serves(1, true);
    two.serves(2, true);
    one.gets("both members", |config| members(config) == [1, 2]).await;
    two.serves(2, false);
    one.gets("one member", |config| members(config) == [1]).await;
    two.serves(2, true);
    two.serves(1, false);
    one.gets("both members again", |config| members(config) == [1, 2]).await;
    assert!(known_health(&scene.region.snapshot(), 1).unwrap().healthy, "the other host has no say in it");
}

#[tokio::test]
async fn a_silent_host_leaves_the_member_sets_and_comes_back() {
    let limits = LivenessLimits { silence: Duration::from_millis(600), grace: Duration::ZERO };
    let scene = Scene::new(limits).await;
    scene
        .change(|region| {
            add_instance(region, 1, 1);
            add_instance(region, 2, 2);
        })
        .await;
    let silent = Arc::new(AtomicBool::new(false));
    let mut streams = Vec::new();
    for number in [1, 2] {
        let raw = Raw::open(&scene, &token(TOKEN), says_hello(number)).await.unwrap();
        raw.say(from_agent::Kind::Report(running(number.into()).into())).await;
        raw.say(from_agent::Kind::Report(health(number.into(), true, "connected").into())).await;
        let (say, silent) = (raw.say.clone(), Arc::clone(&silent));
        tokio::spawn(async move {
            loop {
                sleep(Duration::from_millis(50)).await;
                if number == 2 && silent.load(Ordering::Relaxed) {
                    continue;
                }
                let beat = pb::FromAgent { kind: Some(from_agent::Kind::Heartbeat(pb::Heartbeat {})) };
                if say.send(beat).await.is_err() {
                    return;
                }
            }
        });
        streams.push(raw);
    }
    let sets = |region: &Region| {
        dnlb_plan::members(region, &"backend-1".into()).members.into_keys().collect::<Vec<_>>()
    };
    let shows = |wanted: Vec<u32>| move |region: &Region| sets(region) == wanted;
    scene.region_shows("both members", shows(vec![1, 2])).await;
    silent.store(true, Ordering::Relaxed);
    let region = scene.region_shows("one member", shows(vec![1])).await;
    assert_eq!(region.hosts[&HostId::from("h2")].state, HostState::Down);
    assert!(!known_health(&region, 2).unwrap().healthy);
    silent.store(false, Ordering::Relaxed);
    let region = scene.region_shows("both members again", shows(vec![1, 2])).await;
    assert_eq!(region.hosts[&HostId::from("h2")].state, HostState::Up);
}

#[tokio::test]
async fn a_restarted_server_changes_nothing_by_itself() {
    let mut scene = Scene::new(CALM).await;
    let (mut one, two) = (scene.link(1), scene.link(2));
    scene
        .change(|region| {
            add_instance(region, 1, 1);
            add_instance(region, 2, 2);
        })
        .await;
    one.serves(1, true);
    one.gets("its instance", |config| config.instances.contains_key(&1)).await;
    one.serves(1, true);
    two.serves(2, true);
    let before = one.gets("both members", |config| members(config) == [1, 2]).await;
    scene.converged(&[&one.host]).await;
    let two_host = two.host.clone();
    drop(two);

    scene.stop().await;
    scene
        .change(|region| {
            Arc::make_mut(region.vpcs.get_mut(&VpcId::from("vpc-1")).unwrap()).description = "w".into()
        })
        .await;
    let revision = scene.region.snapshot().revision;
    let scene = scene.restart(CALM).await;
    assert_eq!(scene.region.snapshot().revision, revision);
    // The other host is not there, but it has not been silent for long enough to be dead.
    scene.converged(&[&one.host]).await;
    assert_eq!(scene.region.snapshot().revision, revision, "no write");
    assert!(Arc::ptr_eq(&before, one.configs.borrow().as_ref().unwrap()), "no new configuration");
    assert!(scene.observed.host(&two_host).is_none());
    assert!(known_health(&scene.region.snapshot(), 2).unwrap().healthy);

    // The agent has repeated what it knows: the server need not wait for a transition to know it too.
    scene.change(|region| set_group(region, None)).await;
    scene.region_shows("no health", |region| region.health.is_empty()).await;
    scene.change(|region| set_group(region, Some(ServerGroup::Ag("ag-1".into())))).await;
    scene.region_shows("health again", |region| known_health(region, 1).is_some()).await;
}

#[tokio::test]
async fn a_server_that_starts_later_is_found_and_hears_everything() {
    let mut scene = Scene::new(CALM).await;
    let addr = scene.addr;
    scene.stop().await;
    let agent = scene.link(1);
    agent.reporter.ack(1, "from disk", None);
    let scene = scene.restart(CALM).await;
    assert_eq!(scene.addr, addr);
    let mut observed = scene.observed.subscribe();
    let heard = observed.wait_for(|hosts| hosts.get(&agent.host).is_some_and(|seen| seen.applied == 1));
    soon("the acknowledgement", heard).await.unwrap();
}

#[tokio::test]
async fn acknowledgements_of_another_stores_revisions_do_not_count() {
    let scene = Scene::new(CALM).await;
    let raw = Raw::open(&scene, &token(TOKEN), says_hello(1)).await.unwrap();
    let ack =
        |revision| from_agent::Kind::Ack(pb::Ack { revision, digest: format!("d{revision}"), error: None });
    raw.say(ack(1_000_000)).await;
    raw.say(ack(1)).await;
    let mut observed = scene.observed.subscribe();
    let first = soon("an acknowledgement", observed.wait_for(|hosts| hosts[&"h1".into()].applied != 0)).await;
    assert_eq!(first.unwrap()[&"h1".into()].digest, "d1");
}

#[tokio::test]
async fn a_thousand_transitions_are_few_writes() {
    let mut scene = Scene::new(CALM).await;
    scene.change(|region| (1..=1000).for_each(|number| add_instance(region, number, 1))).await;
    scene.stop().await;
    // On this thread: the loop runs when this test waits, so what arrives meanwhile has arrived together.
    let control = control::spawn(scene.region.clone(), scene.observed.clone(), CALM).unwrap();
    let session = control.join(hello(1)).await.unwrap();
    let before = scene.region.snapshot().revision;
    for number in 1..=1000 {
        let report = Report { health: health(number, true, "connected").health, ..running(number) };
        control.report(&session, report).await.unwrap();
    }
    let region = scene.region_shows("all transitions", |region| region.health.len() == 1000).await;
    let writes = region.revision - before;
    assert!(writes <= 20, "{writes} writes");
}

#[tokio::test]
async fn a_host_is_asked_on_its_stream_for_as_long_as_it_has_one() {
    let scene = Scene::new(CALM).await;
    let mut agent = scene.link(1);
    agent.gets("the configuration", |_| true).await;
    let question = Question::Console { instance: "i-1".into(), bytes_max: 9 };
    let ask = || {
        let (questions, host) = (scene.observed.questions().clone(), agent.host.clone());
        let question = question.clone();
        tokio::spawn(async move { questions.ask(&host, question).await })
    };
    let asked = ask();
    let heard = soon("the question", agent.questions.recv()).await.unwrap();
    assert_eq!(heard.question, question);
    let answer = Answer::Console(ConsoleAnswer { text: b"hi".to_vec(), written: 2 });
    agent.reporter.answer(heard.id, Ok(answer.clone()));
    assert_eq!(asked.await.unwrap(), Ok(answer));

    // It says nothing, and then it is gone.
    let unanswered = ask();
    soon("another question", agent.questions.recv()).await.unwrap();
    let (host, questions) = (agent.host.clone(), scene.observed.questions().clone());
    drop(agent);
    assert_eq!(soon("the end", unanswered).await.unwrap(), Err(AskError::Absent));
    assert!(!questions.reaches(&host));
}

#[tokio::test]
async fn an_agent_of_an_older_version_is_not_asked() {
    let scene = Scene::new(CALM).await;
    let hello = pb::Hello { answers_questions: false, ..(&hello(1)).into() };
    let mut raw = Raw::open(&scene, &token(TOKEN), from_agent::Kind::Hello(hello)).await.unwrap();
    raw.next().await;
    let question = Question::Console { instance: "i-1".into(), bytes_max: 9 };
    let asked = scene.observed.questions().ask(&"h1".into(), question).await;
    assert_eq!(asked, Err(AskError::Old));
}
