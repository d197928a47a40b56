//! Which packets somebody wants to follow.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Which packets a trace is to tell of, and how many. What is none does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TraceQuery {
    /// One end of the flow; packets both ways are meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<TraceEndpoint>,
    /// The other end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<TraceEndpoint>,
    /// IP protocol number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<u8>,
    /// VNI of the VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vni: Option<u32>,
    /// Only on this host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// A listener: its name after that of its load balancer and a slash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<String>,
    /// Name of an outcome, or `drop`: all of them that are drops. None: all but `passed`, which the host's own packets are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// One of so many flows, the same ones on every host; 0 and 1: all.
    #[serde(default)]
    pub one_in: u32,
    /// It ends after so many packets.
    #[serde(default = "usual_count")]
    pub count: u32,
    /// It ends after so many seconds.
    #[serde(default = "usual_seconds")]
    pub seconds: u32,
}

/// One end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TraceEndpoint {
    /// A block of addresses.
    pub block: IpNet,
    /// The port; none: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

impl TraceQuery {
    /// Most packets that a trace may tell of.
    pub const COUNT_MAX: u32 = 10_000;
    /// Longest time that a trace may take.
    pub const SECONDS_MAX: u32 = 600;
    /// Value of `outcome` that means all drops.
    pub const DROPS: &str = "drop";
}

const fn usual_count() -> u32 {
    1000
}

const fn usual_seconds() -> u32 {
    60
}
