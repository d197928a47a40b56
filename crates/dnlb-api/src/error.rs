//! Errors as the wire shows them.

use serde::{Deserialize, Serialize};

/// An error of the API: an HTTP status, a word for programs and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, thiserror::Error)]
#[error("{status} ({code}): {message}")]
pub struct ApiError {
    /// The HTTP status, as an integer: clients compare it.
    pub code: u16,
    /// The word.
    pub status: String,
    /// The sentence: what is wrong, with the offending value, and what would be right.
    pub message: String,
}

impl ApiError {
    /// An error with a documented word.
    #[must_use]
    pub fn new(code: u16, status: &str, message: impl Into<String>) -> Self {
        Self { code, status: status.to_owned(), message: message.into() }
    }

    /// 400: malformed, missing or out of range, or asks for what cannot be honoured.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "INVALID_ARGUMENT", message)
    }

    /// 400: the request is right, the state of things is not: in use, protected, full.
    #[must_use]
    pub fn precondition(message: impl Into<String>) -> Self {
        Self::new(400, "FAILED_PRECONDITION", message)
    }

    /// 401, with the same words whatever was wrong: whoever cannot sign learns nothing.
    #[must_use]
    pub fn access() -> Self {
        Self::new(401, "ACCESS_ERROR", "Invalid authentication credentials")
    }

    /// 403: whoever calls may not do this.
    #[must_use]
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, "HTTP_FORBIDDEN", message)
    }

    /// 404: no such resource.
    #[must_use]
    pub fn not_found(kind: &str, id: impl std::fmt::Display) -> Self {
        // Shortened: an answer must not grow with what somebody sends.
        let id: String = id.to_string().chars().take(64).collect();
        Self::new(404, "NOT_FOUND", format!("{kind} {id} not found"))
    }

    /// 404: no such operation.
    #[must_use]
    pub fn no_route() -> Self {
        Self::new(404, "NOT_FOUND", "no route and no API found with those values")
    }

    /// 409: something else has what the request wants for itself.
    #[must_use]
    pub fn taken(message: impl Into<String>) -> Self {
        Self::new(409, "ALREADY_EXISTS", message)
    }

    /// 429: a quota is used up.
    #[must_use]
    pub fn quota(message: impl Into<String>) -> Self {
        Self::new(429, "QUOTA_EXCEEDED", format!("Out of resource quota: {}", message.into()))
    }

    /// 500: our fault; the log says more.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(500, "HTTP_INTERNAL_SERVER_ERROR", "internal error, see the server's log")
    }
}
