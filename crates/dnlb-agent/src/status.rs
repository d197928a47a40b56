//! What the agent tells tools on its own host: `status.json`.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use dnlb_model::HealthReport;
use serde::Serialize;

use crate::fleet::InstanceStatus;

/// Content of `status.json`.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Status {
    pub(crate) host: String,
    pub(crate) az: String,
    pub(crate) rack: String,
    pub(crate) edge: bool,
    /// Where the edge's program is attached: `xdp` or `tcx`.
    pub(crate) edge_form: Option<&'static str>,
    pub(crate) pid: u32,
    /// Revision of the configuration that the agent has.
    pub(crate) revision: Option<u64>,
    /// Revision that the kernel maps show.
    pub(crate) applied: Option<u64>,
    /// Digest of the kernel maps.
    pub(crate) digest: Option<String>,
    /// Why the last attempt to apply failed.
    pub(crate) error: Option<String>,
    pub(crate) instances: Vec<InstanceStatus>,
    /// Health of targets, as far as there has been a verdict.
    pub(crate) targets: Vec<HealthReport>,
    pub(crate) outcomes: BTreeMap<&'static str, Counted>,
    /// Seconds since the Unix epoch.
    pub(crate) updated: u64,
}

/// Packets and bytes of an outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counted {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
}

/// The wall clock, for people.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs())
}
