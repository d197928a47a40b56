//! The protocol between the server and the agents, and the agent's side of it.
//!
//! An agent opens one gRPC stream to the server ([`AgentLink::spawn`]), says who it is ([`Hello`]) and reports
//! through a [`Reporter`]; it receives a whole [`HostConfig`](dnlb_model::HostConfig), and then what changes in it. The
//! link reconnects by itself and then repeats the last known state, so neither side has to remember what the
//! other has heard on another stream. [`encode_config`] and [`decode_config`] keep the last configuration on the agent's disk.
//!
//! Whatever arrives is hostile until it is parsed: the conversions from [`pb`] are fallible and typed.
//!
//! Streams are plain HTTP/2 for now: the join token is compared in constant time but crosses the underlay in
//! the clear. Mutual TLS with certificates handed out against the token takes its place.
#![forbid(unsafe_code)]

mod change;
mod config;
mod disk;
mod hello;
mod link;
mod outbox;
mod parse;
mod question;
mod report;
mod token;
mod trace;

pub use change::{apply_change, change_message};
pub use disk::{DiskError, decode_config, encode_config};
pub use hello::Hello;
pub use link::{
    AgentLink, ConfigReceiver, LinkError, LinkOptions, Linked, QuestionsReceiver, TracesReceiver,
};
pub use outbox::Reporter;
pub use parse::ParseError;
pub use question::{
    Answer, ArrivedPacket, Asked, CONSOLE_BYTES_MAX, ConsoleAnswer, NewPacket, Packet, PacketAnswer,
    PacketFate, PacketStep, Question, parse_answer,
};
pub use report::{Ack, Counter, Counters, Report, ServiceTraffic};
pub use token::{JoinToken, TokenError};
pub use trace::{TraceReport, WantedTrace, parse_traces};

/// Messages and service as generated from `proto/agent.proto`.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated; documented in the .proto file")]
pub mod pb {
    tonic::include_proto!("dnlb.agent.v1");
}

/// Version of the protocol that this crate speaks: [`pb::Hello::protocol`].
pub const PROTOCOL_VERSION: u32 = 1;

/// How often an agent says that it lives.
pub const HEARTBEAT_INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);

/// Largest message either side accepts: a configuration of some hundred thousand endpoints fits.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;
