//! Traces: which packets a server wants to hear of, and what agents tell.

use std::time::Duration;

use dnlb_model::TraceQuery;

use crate::{ParseError, parse, pb};

/// Most traces that a server may want of a host at once.
const TRACES_MAX: usize = 64;
/// Longest step, in bytes of JSON.
const STEP_BYTES_MAX: usize = 4096;
/// Most steps in one report.
pub(crate) const STEPS_MAX: usize = 2000;
/// Longest error.
const TEXT_BYTES_MAX: usize = 512;

/// A trace that a server wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedTrace {
    /// Its name between server and agents; never used again.
    pub id: u64,
    /// Which packets.
    pub query: TraceQuery,
    /// How long from when it was sent.
    pub remaining: Duration,
}

/// What a trace has seen on a host since the last report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceReport {
    /// The trace.
    pub id: u64,
    /// Packets, each an object in JSON.
    pub steps: Vec<String>,
    /// Packets that should be among them and are not, since the trace began.
    pub lost: u64,
    /// It does not run there any more.
    pub ended: bool,
    /// Why it could not run; empty: it could.
    pub error: String,
}

impl From<&WantedTrace> for pb::Trace {
    fn from(trace: &WantedTrace) -> Self {
        Self {
            id: trace.id,
            query: serde_json::to_string(&trace.query).unwrap_or_default(),
            remaining_ms: u32::try_from(trace.remaining.as_millis()).unwrap_or(u32::MAX),
        }
    }
}

/// Reads the traces that a server wants.
///
/// # Errors
/// When there are more than there can be, or one cannot be understood.
pub fn parse_traces(traces: pb::Traces) -> Result<Vec<WantedTrace>, ParseError> {
    if traces.traces.len() > TRACES_MAX {
        return Err(ParseError::Range { field: "traces", value: traces.traces.len() as u64 });
    }
    let trace = |trace: pb::Trace| {
        Ok(WantedTrace {
            id: trace.id,
            query: serde_json::from_str(&trace.query)
                .map_err(|_| ParseError::Text { field: "traces.query" })?,
            remaining: Duration::from_millis(trace.remaining_ms.into()),
        })
    };
    traces.traces.into_iter().map(trace).collect()
}

impl From<TraceReport> for pb::TraceReport {
    fn from(report: TraceReport) -> Self {
        let TraceReport { id, steps, lost, ended, error } = report;
        Self { id, steps, lost, ended, error }
    }
}

impl TryFrom<pb::TraceReport> for TraceReport {
    type Error = ParseError;

    fn try_from(report: pb::TraceReport) -> Result<Self, ParseError> {
        const FIELD: &str = "trace.steps";
        if report.steps.len() > STEPS_MAX {
            return Err(ParseError::Range { field: FIELD, value: report.steps.len() as u64 });
        }
        if report.steps.iter().any(|step| step.len() > STEP_BYTES_MAX) {
            return Err(ParseError::Text { field: FIELD });
        }
        let pb::TraceReport { id, steps, lost, ended, error } = report;
        Ok(Self { id, steps, lost, ended, error: parse::shown(error, TEXT_BYTES_MAX) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_and_reports_arrive_as_they_were_sent_and_hostile_ones_are_refused() {
        let query = TraceQuery { protocol: Some(6), count: 7, ..TraceQuery::default() };
        let wanted = WantedTrace { id: 3, query, remaining: Duration::from_secs(5) };
        let message = |query: String| pb::Traces { traces: vec![pb::Trace { query, ..(&wanted).into() }] };
        let sent = pb::Trace::from(&wanted).query;
        assert_eq!(parse_traces(message(sent)), Ok(vec![wanted.clone()]));
        assert!(parse_traces(message("{".to_owned())).is_err());
        assert!(parse_traces(pb::Traces { traces: vec![pb::Trace::default(); 65] }).is_err());

        let report = TraceReport { id: 3, steps: vec!["{}".to_owned()], lost: 2, ..TraceReport::default() };
        assert_eq!(TraceReport::try_from(pb::TraceReport::from(report.clone())), Ok(report.clone()));
        let long = TraceReport { steps: vec!["x".repeat(STEP_BYTES_MAX + 1)], ..report.clone() };
        assert!(TraceReport::try_from(pb::TraceReport::from(long)).is_err());
        let many = TraceReport { steps: vec![String::new(); STEPS_MAX + 1], ..report };
        assert!(TraceReport::try_from(pb::TraceReport::from(many)).is_err());
    }
}
