//! The agents' streams: gRPC on the underlay, a thin shell around [`Control`].

use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use dnlb_plan::HostPlan;
use dnlb_proto::{
    Counters, Hello, JoinToken, ParseError, change_message, parse_answer,
    pb::{
        self,
        agents_server::{Agents, AgentsServer},
        from_agent, from_server,
    },
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Server, server::TcpIncoming},
};
use tracing::{debug, warn};

use crate::{
    background::{Background, Ended},
    control::{Control, JoinError, Session, Wanted},
    questions::Respondent,
    traces::Traces,
};

/// How long an agent may take to name itself, and to hear why its stream ends.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked for traces that are over.
const TRACES_TICK: Duration = Duration::from_secs(1);
/// How often a silent connection is asked whether it is alive, and how long it may take to answer: a stream
/// that is cut must not keep its place for long.
const KEEPALIVE: Duration = Duration::from_secs(3);
/// Largest message of an agent: a report of some ten thousand targets.
const MESSAGE_BYTES_MAX: usize = 8 << 20;

/// Serves agents on a listening socket. Runs until it is dropped, or the socket fails.
///
/// # Errors
/// When the transport fails as a whole; a failing agent ends its own stream only.
pub async fn serve(
    listener: TcpListener,
    control: Control,
    token: JoinToken,
) -> Result<(), tonic::transport::Error> {
    let service = AgentsServer::new(Service { control, token }).max_decoding_message_size(MESSAGE_BYTES_MAX);
    Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .add_service(service)
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await
}

struct Service {
    control: Control,
    token: JoinToken,
}

type Outbound = mpsc::Sender<Result<pb::FromServer, Status>>;

#[tonic::async_trait]
impl Agents for Service {
    type LinkStream = Pin<Box<dyn Stream<Item = Result<pb::FromServer, Status>> + Send>>;

    async fn link(
        &self,
        request: Request<Streaming<pb::FromAgent>>,
    ) -> Result<Response<Self::LinkStream>, Status> {
        if !self.token.admits(request.metadata()) {
            warn!(from = ?request.remote_addr(), "an agent without the join token");
            return Err(Status::unauthenticated("not admitted"));
        }
        let mut inbound = request.into_inner();
        let first = timeout(PATIENCE, inbound.message())
            .await
            .map_err(|_| Status::deadline_exceeded("no hello"))??
            .and_then(|message| message.kind);
        let Some(from_agent::Kind::Hello(hello)) = first else {
            return Err(Status::invalid_argument("the first message is a hello"));
        };
        let (takes_changes, answers) = (hello.takes_changes, hello.answers_questions);
        let hello = Hello::try_from(hello).map_err(refuse)?;
        let session = self.control.join(hello).await.map_err(|error| match error {
            JoinError::Refused(refusal) => Status::failed_precondition(refusal.to_string()),
            JoinError::Unavailable => Status::unavailable("the server is not ready"),
        })?;
        let (outbound, stream) = mpsc::channel(1);
        let respondent = self.control.observed().questions().connect(&session.host, answers);
        let agent = Agent { session, takes_changes, respondent };
        tokio::spawn(run(self.control.clone(), agent, inbound, outbound));
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }
}

/// Whose stream it is.
struct Agent {
    session: Session,
    takes_changes: bool,
    respondent: Respondent,
}

/// A stream's life. Two halves: an agent that reads slowly is still heard.
async fn run(control: Control, agent: Agent, inbound: Streaming<pb::FromAgent>, outbound: Outbound) {
    let Agent { session, takes_changes, mut respondent } = agent;
    let mut wanted = session.wanted.clone();
    let status = tokio::select! {
        status = hear(&control, &session, inbound) => status,
        status = tell(control.background(), &mut wanted, takes_changes, &outbound) => status,
        status = tell_traces(control.observed().traces(), &outbound) => status,
        status = ask(&mut respondent, &outbound) => status,
    };
    drop(respondent);
    debug!(host = %session.host, code = ?status.code(), reason = status.message(), "stream ends");
    control.leave(session).await;
    // An agent that does not read learns it from the end of the stream.
    let _ = timeout(PATIENCE, outbound.send(Err(status))).await;
}

/// Takes in what the agent says until it ends or says nonsense.
async fn hear(control: &Control, session: &Session, mut inbound: Streaming<pb::FromAgent>) -> Status {
    loop {
        let message = match inbound.message().await {
            Ok(Some(message)) => message,
            Ok(None) => return Status::ok("the agent closed the stream"),
            Err(status) => return status,
        };
        if let Err(status) = handle(control, session, message).await {
            return status;
        }
    }
}

async fn handle(control: &Control, session: &Session, message: pb::FromAgent) -> Result<(), Status> {
    match message.kind {
        Some(from_agent::Kind::Heartbeat(pb::Heartbeat {})) => control.observed().on_heartbeat(&session.host),
        Some(from_agent::Kind::Ack(ack)) => control.ack(session, ack.into()),
        Some(from_agent::Kind::Report(report)) => {
            let report = report.try_into().map_err(refuse)?;
            control.report(session, report).await.map_err(|_| Status::unavailable("the server ends"))?;
        }
        Some(from_agent::Kind::Counters(counters)) => {
            let counters = Counters::try_from(counters).map_err(refuse)?;
            control.counters(session, counters);
        }
        Some(from_agent::Kind::Trace(report)) => {
            let report = report.try_into().map_err(refuse)?;
            control.observed().traces().on_report(&session.host, report, Instant::now());
        }
        Some(from_agent::Kind::Answer(answer)) => {
            let (id, answer) = parse_answer(answer).map_err(refuse)?;
            control.observed().questions().on_answer(&session.host, id, answer);
        }
        Some(from_agent::Kind::Hello(_)) => return Err(Status::invalid_argument("a second hello")),
        // A newer agent may say more than we understand.
        None => {}
    }
    Ok(())
}

/// Tells the agent what it is to do, each time the newest only.
async fn tell(
    background: &Background,
    wanted: &mut watch::Receiver<Option<Wanted>>,
    takes_changes: bool,
    outbound: &Outbound,
) -> Status {
    let mut told: Option<Wanted> = None;
    loop {
        let newest = wanted.borrow_and_update().clone();
        if let Some(newest) = newest {
            let kind = match &told {
                Some(told) if Arc::ptr_eq(&told.plan, &newest.plan) => {
                    from_server::Kind::Unchanged(pb::Unchanged { revision: newest.revision })
                }
                _ => {
                    let (before, now) = (told.filter(|_| takes_changes), newest.clone());
                    match background.run(move || difference(before.as_ref(), &now)).await {
                        Ok(kind) => kind,
                        Err(Ended) => return Status::unavailable("the server ends"),
                    }
                }
            };
            if outbound.send(Ok(pb::FromServer { kind: Some(kind) })).await.is_err() {
                return Status::ok("the agent closed the stream");
            }
            told = Some(newest);
        }
        if wanted.changed().await.is_err() {
            return Status::aborted(
                "another stream of this host has taken this one's place, or the server ends",
            );
        }
    }
}

/// Tells the agent which packets it is to tell of.
async fn tell_traces(all: &Traces, outbound: &Outbound) -> Status {
    let mut traces = all.subscribe();
    loop {
        let now = Instant::now();
        let wanted: Vec<_> = traces.borrow_and_update().iter().map(|trace| trace.told(now)).collect();
        let traces_message = pb::Traces { traces: wanted.iter().map(pb::Trace::from).collect() };
        let message = pb::FromServer { kind: Some(from_server::Kind::Traces(traces_message)) };
        if outbound.send(Ok(message)).await.is_err() {
            return Status::ok("the agent closed the stream");
        }
        loop {
            match timeout(TRACES_TICK, traces.changed()).await {
                Ok(Ok(())) => break,
                Ok(Err(_)) => return Status::aborted("the server ends"),
                // Whoever has an agent's stream looks: there is nobody to trace without one.
                Err(_) => all.tick(Instant::now()),
            }
        }
    }
}

/// Asks the agent what somebody wants to know.
async fn ask(respondent: &mut Respondent, outbound: &Outbound) -> Status {
    while let Some(asked) = respondent.next().await {
        let message = pb::FromServer { kind: Some(from_server::Kind::Question(asked.into())) };
        if outbound.send(Ok(message)).await.is_err() {
            return Status::ok("the agent closed the stream");
        }
    }
    // Nobody asks here any more; that another stream has taken this one's place is said elsewhere.
    std::future::pending().await
}

/// What makes the newest configuration of what was told, if that can be gone on from; else all of it. Much work.
fn difference(told: Option<&Wanted>, newest: &Wanted) -> from_server::Kind {
    let revision = newest.revision;
    match told {
        Some(told) => {
            let (was, is) = HostPlan::differing(&told.plan, &newest.plan, revision);
            from_server::Kind::Change(change_message(told.revision, &was, &is))
        }
        None => from_server::Kind::Config(pb::HostConfig::from(&newest.plan.config(revision))),
    }
}

fn refuse(error: ParseError) -> Status {
    Status::invalid_argument(error.to_string())
}

#[cfg(test)]
mod tests;
