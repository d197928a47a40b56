//! Sessions that the command line is in, in a file of their owner alone.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::private_file;

const FILE: &str = "sessions.toml";

/// All sessions, as the file has them.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sessions {
    /// By where they are good, see [`Sessions::place`].
    #[serde(default)]
    sessions: BTreeMap<String, Session>,
}

/// A session. Has no `Debug`: the token is as good as the password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Session {
    /// `account/user`.
    pub(crate) user: String,
    /// When it ends, as the server has said; the server alone decides.
    pub(crate) expires: String,
    pub(crate) token: String,
}

impl Sessions {
    /// What the file says; nothing if there is no file.
    pub(crate) fn load() -> Result<Self> {
        // Without a home there are no sessions, and nothing that would need one.
        private_file::path(FILE).map_or_else(|_| Ok(Self::default()), |path| private_file::load(&path))
    }

    pub(crate) fn save(&self) -> Result<()> {
        private_file::save(&private_file::path(FILE)?, self)
    }

    /// Names where a session is good. The scheme belongs to it: a token that came by https never leaves by http.
    pub(crate) fn place(https: bool, endpoint: &str, region: &str) -> String {
        format!("{}://{endpoint}/{region}", if https { "https" } else { "http" })
    }

    pub(crate) fn find(&self, place: &str) -> Option<&Session> {
        self.sessions.get(place)
    }

    /// Remembers a session instead of the former one there.
    pub(crate) fn put(&mut self, place: String, session: Session) {
        self.sessions.insert(place, session);
    }

    /// Forgets a session, which is given back.
    pub(crate) fn take(&mut self, place: &str) -> Option<Session> {
        self.sessions.remove(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_good_where_it_was_begun_and_nowhere_else() {
        let mut sessions = Sessions::default();
        let session = Session { user: "a/b".into(), expires: "e".into(), token: "t".into() };
        sessions.put(Sessions::place(true, "10.0.0.1:8710", "r1"), session);
        let known =
            |https, endpoint, region| sessions.find(&Sessions::place(https, endpoint, region)).is_some();
        assert!(known(true, "10.0.0.1:8710", "r1"));
        assert!(!known(false, "10.0.0.1:8710", "r1"), "a token stays secret");
        assert!(!known(true, "10.0.0.2:8710", "r1"));
        assert!(!known(true, "10.0.0.1:8710", "r2"));
    }
}
