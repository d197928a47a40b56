//! Examples: requests that a test sent to a server, and what it replied.
//!
//! `cargo xtask reference` has them written by that test (`crates/dnlb-server/tests/api/examples.rs`), which in every
//! other run demands that they are still true.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;
use serde_json::Value;

/// The region of the examples.
pub(super) const REGION: &str = "lab-1";

/// A request and its reply.
#[derive(Debug, Deserialize)]
pub(super) struct Example {
    /// Method.
    pub(super) method: String,
    /// Path, encoded.
    pub(super) path: String,
    /// Ids in the path, by the names of their parameters.
    pub(super) ids: BTreeMap<String, String>,
    /// The query's parameters, decoded.
    pub(super) query: Vec<(String, String)>,
    /// The body.
    pub(super) body: Option<Value>,
    /// The reply.
    pub(super) reply: Value,
}

impl Example {
    /// Method, path and query as they are on the wire.
    pub(super) fn request_line(&self) -> String {
        let quote = |text: &str| dnlb_api::signature::encoding::quote(text, b"");
        let query: Vec<String> =
            self.query.iter().map(|(name, value)| format!("{}={}", quote(name), quote(value))).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{} {}{mark}{}", self.method, self.path, query.join("&"))
    }
}

static ALL: LazyLock<BTreeMap<String, Example>> = LazyLock::new(|| {
    // A test makes sure that the file is what it should be; without examples the document is still one.
    serde_json::from_str(include_str!("examples.json")).unwrap_or_default()
});

/// The example of an operation.
pub(super) fn of(service: &str, name: &str) -> Option<&'static Example> {
    ALL.get(&format!("{service}.{name}"))
}
