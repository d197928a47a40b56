//! The agent's stream to its server, for as long as the agent lives.

use std::{sync::Arc, time::Duration};

use dnlb_model::HostConfig;
use rand::Rng;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status, Streaming, transport::Endpoint};
use tracing::{debug, error, info, warn};

use crate::{
    HEARTBEAT_INTERVAL, Hello, JoinToken, MESSAGE_BYTES_MAX, ParseError, Reporter, apply_change,
    outbox::Outbox,
    pb::{self, agents_client::AgentsClient, from_agent, from_server},
    question::{self, Asked},
    trace,
    trace::WantedTrace,
};

/// First pause after a lost connection.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// Longest pause: well below the grace that a restarted server gives its hosts.
const PAUSE_MAX: Duration = Duration::from_secs(3);
/// How long the server may take to be reached, to answer, and to take a message.
const PATIENCE: Duration = Duration::from_secs(3);

/// Shows the newest configuration; none until a server has sent the first.
pub type ConfigReceiver = watch::Receiver<Option<Arc<HostConfig>>>;

/// Shows the traces that the server wants at present.
pub type TracesReceiver = watch::Receiver<Vec<WantedTrace>>;

/// Yields what the server asks, each once.
pub type QuestionsReceiver = mpsc::Receiver<Asked>;

/// Questions that may wait for the agent; to more it is answered that there are too many.
const QUESTIONS_WAITING: usize = 8;

/// What the agent has of its link.
#[derive(Debug)]
pub struct Linked {
    /// Shows the newest configuration; it is not shown one that differs only in its revision, which is acknowledged on the
    /// agent's behalf.
    pub configs: ConfigReceiver,
    /// Shows the traces that the server wants, none while there is no server.
    pub traces: TracesReceiver,
    /// Yields what the server asks. Each is to be answered by [`Reporter::answer`], soon: others wait.
    pub questions: QuestionsReceiver,
    /// Through this the agent reports.
    pub reporter: Reporter,
}

/// What a link needs to know.
#[derive(Clone, Debug)]
pub struct LinkOptions {
    /// The server, such as `http://192.0.2.1:7443`.
    pub server: String,
    /// Secret by which the server admits agents.
    pub token: JoinToken,
    /// Who we are.
    pub hello: Hello,
}

/// Why a link could not be made.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The server's address is not one.
    #[error("`{server}` is not a server's address, such as http://192.0.2.1:7443")]
    Address {
        /// What was given.
        server: String,
        /// What is wrong with it.
        source: tonic::transport::Error,
    },
}

/// An agent's link to its server.
#[derive(Debug)]
pub struct AgentLink {
    endpoint: Endpoint,
    options: LinkOptions,
    outbox: Outbox,
    woken: watch::Receiver<()>,
    configs: watch::Sender<Option<Arc<HostConfig>>>,
    traces: watch::Sender<Vec<WantedTrace>>,
    questions: mpsc::Sender<Asked>,
    /// Newest revision of the server whose configuration is the last one given to the agent.
    revision: u64,
}

impl AgentLink {
    /// Starts a link in the current runtime: connects, and reconnects whenever the connection is lost.
    ///
    /// Heart-beats are sent by themselves. The link ends when the last [`Reporter`] is dropped.
    ///
    /// # Errors
    /// When the server's address cannot be one. A server that cannot be reached is no error but tried again.
    pub fn spawn(options: LinkOptions) -> Result<Linked, LinkError> {
        let endpoint = Endpoint::from_shared(options.server.clone())
            .map_err(|source| LinkError::Address { server: options.server.clone(), source })?
            .connect_timeout(PATIENCE)
            .tcp_nodelay(true)
            .keep_alive_while_idle(true)
            .http2_keep_alive_interval(PATIENCE)
            .keep_alive_timeout(PATIENCE);
        let (reporter, outbox, woken) = Reporter::new();
        let (configs, newest) = watch::channel(None);
        let (traces, wanted) = watch::channel(Vec::new());
        let (questions, asked) = mpsc::channel(QUESTIONS_WAITING);
        let link = Self { endpoint, options, outbox, woken, configs, traces, questions, revision: 0 };
        tokio::spawn(link.run());
        Ok(Linked { configs: newest, traces: wanted, questions: asked, reporter })
    }

    async fn run(mut self) {
        let mut pause = PAUSE_MIN;
        loop {
            let began = Instant::now();
            let ended = self.session().await;
            // Nobody hears what they tell.
            self.traces.send_if_modified(|traces| !std::mem::take(traces).is_empty());
            match ended {
                Ok(()) => return,
                Err(SessionError::Status(status)) if is_refusal(&status) => {
                    error!(server = %self.options.server, reason = status.message(), "server refuses this agent");
                }
                Err(error) => {
                    warn!(server = %self.options.server, %error, "no connection to the server");
                }
            }
            if began.elapsed() > PAUSE_MAX {
                pause = PAUSE_MIN;
            }
            // All agents lose a server at the same moment: they must not all come back at the same one.
            let jittered = rand::rng().random_range(pause / 2..=pause);
            tokio::select! {
                () = sleep(jittered) => {}
                () = dropped(&mut self.woken) => return,
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// One connection; `Ok` when the agent is done with the link.
    async fn session(&mut self) -> Result<(), SessionError> {
        let (messages, outbound) = mpsc::channel(16);
        let mut woken = self.woken.clone();
        let mut inbound = tokio::select! {
            inbound = self.open(&messages, outbound) => inbound?,
            () = dropped(&mut woken) => return Ok(()),
        };
        info!(server = %self.options.server, "connected to the server");
        self.outbox.refresh_all();
        self.send_fresh(&messages).await?;

        let mut beats = interval(HEARTBEAT_INTERVAL);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = inbound.message() => {
                    self.on_message(message?.ok_or(SessionError::Closed)?)?;
                    self.send_fresh(&messages).await?;
                }
                woken = self.woken.changed() => {
                    if woken.is_err() {
                        return Ok(());
                    }
                    self.send_fresh(&messages).await?;
                }
                _ = beats.tick() => {
                    send(&messages, from_agent::Kind::Heartbeat(pb::Heartbeat {})).await?;
                }
            }
        }
    }

    async fn open(
        &self,
        messages: &mpsc::Sender<pb::FromAgent>,
        outbound: mpsc::Receiver<pb::FromAgent>,
    ) -> Result<Streaming<pb::FromServer>, SessionError> {
        let channel = self.endpoint.connect().await?;
        let mut client = AgentsClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        send(messages, from_agent::Kind::Hello((&self.options.hello).into())).await?;
        let mut request = Request::new(ReceiverStream::new(outbound));
        self.options.token.attach(request.metadata_mut());
        let response = timeout(PATIENCE, client.link(request)).await.map_err(|_| SessionError::Silent)??;
        Ok(response.into_inner())
    }

    fn on_message(&mut self, message: pb::FromServer) -> Result<(), SessionError> {
        match message.kind {
            Some(from_server::Kind::Config(config)) => self.on_config(HostConfig::try_from(config)?),
            Some(from_server::Kind::Change(change)) => {
                self.on_change(change)?;
            }
            Some(from_server::Kind::Unchanged(pb::Unchanged { revision })) => {
                self.revision = revision;
                self.outbox.refresh_ack();
            }
            Some(from_server::Kind::Traces(traces)) => {
                self.traces.send_replace(trace::parse_traces(traces)?);
            }
            Some(from_server::Kind::Question(question)) => self.on_question(question),
            // A newer server may say more than we understand.
            None => {}
        }
        Ok(())
    }

    /// Whoever asked waits: what the agent does not get is answered here.
    fn on_question(&self, question: pb::Question) {
        let id = question.id;
        let refusal = match question::parse_question(question) {
            Err(error) => Some(error.to_string()),
            Ok(asked) => {
                self.questions.try_send(asked).err().map(|_| "it is asked too much at once".to_owned())
            }
        };
        if let Some(refusal) = refusal {
            self.outbox.answer(id, Err(refusal));
        }
    }

    fn on_config(&mut self, mut config: HostConfig) {
        self.revision = config.revision;
        debug!(revision = self.revision, "configuration received");
        let held = self.configs.borrow().clone();
        if let Some(held) = &held {
            // Equal but for the revision is equal, as after a restart of the server.
            config.revision = held.revision;
        }
        if held.is_some_and(|held| *held == config) {
            self.outbox.refresh_ack();
        } else {
            config.revision = self.revision;
            self.configs.send_replace(Some(Arc::new(config)));
        }
    }

    fn on_change(&mut self, change: pb::HostChange) -> Result<(), SessionError> {
        let since = change.since;
        if since != self.revision || self.configs.borrow().is_none() {
            return Err(SessionError::Since { since, ours: self.revision });
        }
        let mut applied = Ok(false);
        let mut revision = since;
        self.configs.send_if_modified(|held| {
            let Some(held) = held else { return false };
            // Copied only while the agent is at work on it.
            let config = Arc::make_mut(held);
            let shown = config.revision;
            applied = apply_change(config, change);
            revision = config.revision;
            let differs = matches!(applied, Ok(true));
            if !differs {
                // Equal but for the revision is equal.
                config.revision = shown;
            }
            differs
        });
        self.revision = revision;
        if !applied? {
            self.outbox.refresh_ack();
        }
        Ok(())
    }

    async fn send_fresh(&self, messages: &mpsc::Sender<pb::FromAgent>) -> Result<(), SessionError> {
        let fresh = self.outbox.take_fresh();
        if let Some(report) = fresh.report {
            send(messages, from_agent::Kind::Report(report.into())).await?;
        }
        if let Some(mut ack) = fresh.ack {
            let held = self.configs.borrow().as_ref().map(|config| config.revision);
            if held == Some(ack.revision) {
                ack.revision = self.revision;
            }
            send(messages, from_agent::Kind::Ack(ack.into())).await?;
        }
        if let Some(counters) = fresh.counters {
            send(messages, from_agent::Kind::Counters(counters.into())).await?;
        }
        for report in fresh.traces {
            send(messages, from_agent::Kind::Trace(report.into())).await?;
        }
        for answer in fresh.answers {
            send(messages, from_agent::Kind::Answer(answer)).await?;
        }
        Ok(())
    }
}

/// Why a connection ended; the next one is tried whatever it was.
#[derive(Debug, thiserror::Error)]
enum SessionError {
    #[error("the server closed the stream")]
    Closed,
    #[error("the server could not be reached: {0}")]
    Connect(#[from] tonic::transport::Error),
    #[error("the server sent what we refuse: {0}")]
    Parse(#[from] ParseError),
    #[error("the server does not answer")]
    Silent,
    #[error("the server sent a change of revision {since}; ours is {ours}")]
    Since { since: u64, ours: u64 },
    #[error("{}: {}", .0.code(), .0.message())]
    Status(#[from] Status),
}

async fn send(messages: &mpsc::Sender<pb::FromAgent>, kind: from_agent::Kind) -> Result<(), SessionError> {
    let message = pb::FromAgent { kind: Some(kind) };
    match timeout(PATIENCE, messages.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(SessionError::Closed),
        Err(_) => Err(SessionError::Silent),
    }
}

/// Waits until the agent has dropped its last reporter.
async fn dropped(woken: &mut watch::Receiver<()>) {
    while woken.changed().await.is_ok() {}
}

fn is_refusal(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unauthenticated | Code::PermissionDenied | Code::InvalidArgument | Code::FailedPrecondition
    )
}
