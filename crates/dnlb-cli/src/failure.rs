//! What went wrong with a call, and what to do about it where we know.

use std::{fmt, io::ErrorKind};

use dnlb_api::{
    ApiError,
    client::{CallError, HandshakeError},
};

/// A call that gave no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The server refused.
    #[error("{}", .error.message)]
    Refused {
        /// What it said.
        error: ApiError,
        /// Names the request in the server's log.
        request_id: String,
        /// Whether a session's token said who calls, and not a signature.
        by_session: bool,
    },
    /// There was no answer, or none of this API.
    #[error("{error}")]
    NoAnswer {
        /// Why.
        error: CallError,
        /// Whether something may have been done all the same.
        write: bool,
    },
}

impl Failure {
    /// The lines after the error itself: what identifies it, and what to do next.
    pub(crate) fn more(&self, access: &str) -> Vec<String> {
        let mut lines = Vec::new();
        if let Self::Refused { error, request_id, .. } = self {
            lines.push(format!("{} ({}), request {request_id}", error.status, error.code));
        }
        lines.extend(self.advice().map(|advice| format!("{advice} [{access}]")));
        lines
    }

    /// Whether the server would not hear it because requests come too fast.
    pub(crate) fn is_too_fast(&self) -> bool {
        matches!(self, Self::Refused { error, .. } if error.status == "HTTP_RATE_LIMIT_EXCEEDED")
    }

    fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Refused { error, by_session: true, .. } if error.code == 401 => {
                Some("the session has ended: `dnlb login` begins another one, `dnlb logout` forgets it")
            }
            Self::Refused { error, .. } => of_refusal(error.code, &error.status),
            Self::NoAnswer { error: CallError::Connection { source, .. }, write } => {
                Some(match HandshakeError::of(source) {
                    Some(error) => of_handshake(error),
                    None => of_connection(source.kind(), *write),
                })
            }
            Self::NoAnswer { error: CallError::Reply { .. }, .. } => {
                Some("something else than a dnlb server answers there: check the endpoint and the scheme")
            }
            Self::NoAnswer { .. } => None,
        }
    }
}

/// What to do about an error of the API; most say it themselves.
fn of_refusal(code: u16, status: &str) -> Option<&'static str> {
    match (code, status) {
        (401, _) => Some(
            "check the access key, its secret and the region, and this machine's clock: a signature is good for 15 minutes",
        ),
        (403, _) => Some("this user's role does not allow it: ask an administrator of the account"),
        (429, "QUOTA_EXCEEDED") => {
            Some("delete what is not needed, or have the quota raised: `dnlb server --quota`")
        }
        (429, _) => Some("too many requests at once: wait a little and try again"),
        (500.., _) => Some("the server's log says more about that request"),
        _ => None,
    }
}

fn of_handshake(error: &HandshakeError) -> &'static str {
    match error {
        HandshakeError::Untrusted(_) => {
            "name the authority's certificate (--ca-file; of a server that makes its own: tls/ca.pem in its data directory), and call the server by a name that its certificate has"
        }
        HandshakeError::NoTls(_) => "check the endpoint, or say --scheme http if that is what it speaks",
    }
}

fn of_connection(kind: ErrorKind, write: bool) -> &'static str {
    match kind {
        ErrorKind::ConnectionRefused => "nothing listens there: is the server up, and is this its endpoint?",
        ErrorKind::TimedOut
        | ErrorKind::WouldBlock
        | ErrorKind::UnexpectedEof
        | ErrorKind::ConnectionReset
        | ErrorKind::BrokenPipe
            if write =>
        {
            "it may have been done all the same: look before you repeat it"
        }
        ErrorKind::TimedOut | ErrorKind::WouldBlock => {
            "no answer in time: is the server busy, or the way to it shut?"
        }
        _ => "check the endpoint, host:port, and whether a dnlb server answers there",
    }
}

/// An error as people read it: what was being done and why it failed, then what to do.
pub(crate) struct Told<'a>(pub(crate) &'a anyhow::Error);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {:#}", self.0)?;
        let found = self.0.chain().find_map(|cause| cause.downcast_ref::<Located>());
        found
            .into_iter()
            .flat_map(|found| found.failure.more(&found.access))
            .try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// A failure with the words that say whom we talked to and why.
#[derive(Debug)]
pub(crate) struct Located {
    pub(crate) failure: Failure,
    pub(crate) access: String,
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failure.fmt(f)
    }
}

impl std::error::Error for Located {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.failure {
            Failure::Refused { .. } => None,
            // The failure says what its error says, so the chain goes on behind it.
            Failure::NoAnswer { error, .. } => error.source(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use anyhow::Context;

    use super::*;

    fn told(failure: Failure) -> String {
        let located = Located { failure, access: "10.0.0.1:8710, profile `lab`".to_owned() };
        let error = Err::<(), _>(located).context("deleting subnet a").unwrap_err();
        Told(&error).to_string()
    }

    #[test]
    fn a_refusal_shows_words_code_and_request() {
        let error = ApiError::precondition("subnet subnet-a is in use by instance i-b");
        assert_eq!(
            told(Failure::Refused { error, request_id: "r1".to_owned(), by_session: false }),
            "error: deleting subnet a: subnet subnet-a is in use by instance i-b\n  FAILED_PRECONDITION (400), request r1"
        );
    }

    #[test]
    fn who_is_not_let_in_learns_what_to_check() {
        let told = told(Failure::Refused {
            error: ApiError::access(),
            request_id: "r1".to_owned(),
            by_session: false,
        });
        assert!(told.contains("ACCESS_ERROR (401), request r1\n  check the access key"), "{told}");
        assert!(told.ends_with("[10.0.0.1:8710, profile `lab`]"), "{told}");
    }

    #[test]
    fn every_code_that_needs_it_has_advice_of_its_own() {
        let quota = of_refusal(429, "QUOTA_EXCEEDED").unwrap();
        assert!(quota.contains("quota"));
        assert_ne!(of_refusal(429, "HTTP_RATE_LIMIT_EXCEEDED"), Some(quota));
        assert!(of_refusal(500, "HTTP_INTERNAL_SERVER_ERROR").unwrap().contains("log"));
        assert!(of_refusal(503, "HTTP_SERVICE_UNAVAILABLE").unwrap().contains("log"));
        assert!(of_refusal(403, "HTTP_FORBIDDEN").unwrap().contains("role"));
        assert_eq!(of_refusal(400, "INVALID_ARGUMENT"), None);
    }

    #[test]
    fn a_server_that_is_not_there_is_said_to_be_so() {
        let source = io::Error::from(ErrorKind::ConnectionRefused);
        let error = CallError::Connection { endpoint: "10.0.0.1:8710".to_owned(), source };
        let told = told(Failure::NoAnswer { error, write: true });
        assert!(told.starts_with("error: deleting subnet a: cannot talk to 10.0.0.1:8710: "), "{told}");
        assert!(told.contains("\n  nothing listens there"), "{told}");
    }

    #[test]
    fn only_a_write_may_have_been_done_all_the_same() {
        assert!(of_connection(ErrorKind::TimedOut, true).contains("done all the same"));
        assert!(of_connection(ErrorKind::TimedOut, false).contains("no answer in time"));
        assert!(of_connection(ErrorKind::ConnectionReset, true).contains("done all the same"));
        assert!(of_connection(ErrorKind::ConnectionReset, false).contains("check the endpoint"));
    }
}
