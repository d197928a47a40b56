//! Listeners.

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{Common, Texts, common, create, given, update};
use crate::{
    api::Api,
    kind::{BACKEND, LISTENER, LOAD_BALANCER},
    print::Format,
};

/// What is balanced.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Tcp => "Tcp",
            Self::Udp => "Udp",
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Common(Common),
    /// Create one
    Create {
        /// Name
        name: String,
        /// Load balancer, by name or id
        #[arg(long)]
        lb: String,
        /// Protocol
        #[arg(long, value_enum, default_value = "tcp")]
        protocol: Protocol,
        /// Port on the VIP and on the elastic IP
        #[arg(long)]
        port: u32,
        /// Backend service, by name or id
        #[arg(long)]
        backend: String,
        /// Seconds after which a flow without packets is forgotten, 10 to 86400 (default: 1800 for tcp, 300 for udp)
        #[arg(long)]
        idle_time: Option<u32>,
        /// Description
        #[arg(long)]
        description: Option<String>,
    },
    /// Change one; protocol and port cannot change
    Update {
        /// Name or id
        name: String,
        #[command(flatten)]
        texts: Texts,
        /// Backend service, by name or id, for new connections
        #[arg(long)]
        backend: Option<String>,
        /// Seconds after which a flow without packets is forgotten, 10 to 86400
        #[arg(long)]
        idle_time: Option<u32>,
    },
    /// Switch one on
    On {
        /// Name or id
        name: String,
    },
    /// Switch one off
    Off {
        /// Name or id
        name: String,
    },
}

pub(crate) fn run(api: &Api, command: Command, format: Format) -> Result<()> {
    let kind = &LISTENER;
    match command {
        Command::Common(command) => common(api, kind, command, format),
        Command::Create { name, lb, protocol, port, backend, idle_time, description } => {
            let body = json!({
                "listenerName": name,
                "loadBalancerId": api.id(&LOAD_BALANCER, &lb)?,
                "protocol": protocol.word(),
                "port": port,
                "backendId": api.id(&BACKEND, &backend)?,
                "connectionIdleTimeSeconds": idle_time,
                "description": description,
            });
            create(api, kind, body, format)
        }
        Command::Update { name, texts, backend, idle_time } => {
            let backend = backend.map(|backend| api.id(&BACKEND, &backend)).transpose()?;
            let body = given([
                ("listenerName", texts.new_name.map(Value::from)),
                ("description", texts.description.map(Value::from)),
                ("backendId", backend.map(Value::from)),
                ("connectionIdleTimeSeconds", idle_time.map(Value::from)),
            ])?;
            update(api, kind, &name, body, format)
        }
        Command::On { name } => update(api, kind, &name, json!({"status": "On"}), format),
        Command::Off { name } => update(api, kind, &name, json!({"status": "Off"}), format),
    }
}
