//! What connections may take.

use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::places::Room;

/// Descriptors that a process commonly has, for whoever does not ask.
const DESCRIPTORS: u64 = 1024;

/// More would not help: idle ones make room for others, and so many take about 200 MB when all of them speak TLS.
const CONNECTIONS_MAX: u64 = 8192;

/// Of one address, as a part of all: nobody takes all places, and a proxy still has enough.
const PARTS: usize = 4;

/// What connections of the API may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many there may be; then the longest idle one goes for who comes.
    pub connections: usize,
    /// How many of them from one address, or one IPv6 network of 64 bits.
    pub per_origin: usize,
    /// How long a client may take until both sides have their keys.
    pub handshake_patience: Duration,
    /// How long a client may take to send the headers of its first or next request.
    pub header_patience: Duration,
    /// How long a client may leave what was sent to it.
    pub taking_patience: Duration,
    /// How long replies under way may take after the server was told to end.
    pub farewell: Duration,
}

impl Limits {
    /// For this process, which may have as many descriptors as it can get from now on.
    #[must_use]
    pub fn of_process() -> Self {
        Self::of_descriptors(raise_descriptors().unwrap_or_else(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the limit of descriptors cannot be raised: few connections are allowed"
            );
            DESCRIPTORS
        }))
    }

    /// For a process that may have so many descriptors: half of them, the rest is for agents and the store.
    #[must_use]
    pub fn of_descriptors(descriptors: u64) -> Self {
        let connections = (descriptors / 2).clamp(PARTS as u64, CONNECTIONS_MAX);
        let connections = usize::try_from(connections).unwrap_or(PARTS);
        Self {
            connections,
            per_origin: connections / PARTS,
            handshake_patience: Duration::from_secs(15),
            header_patience: Duration::from_secs(15),
            taking_patience: Duration::from_secs(30),
            farewell: Duration::from_secs(5),
        }
    }

    pub(super) fn room(self) -> Room {
        Room { connections: self.connections, per_origin: self.per_origin }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::of_descriptors(DESCRIPTORS)
    }
}

/// Raises the limit of descriptors as far as anybody may, and says how far that is. Systems give few by default for the sake of
/// programs that use `select`; this one does not.
fn raise_descriptors() -> nix::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(hard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_gets_as_many_descriptors_as_it_may() {
        let hard = raise_descriptors().unwrap();
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (hard, hard));
    }

    #[test]
    fn half_of_the_descriptors_are_for_connections_up_to_what_helps() {
        let room = |descriptors| {
            let limits = Limits::of_descriptors(descriptors);
            (limits.connections, limits.per_origin)
        };
        assert_eq!(room(1024), (512, 128));
        assert_eq!(room(4096), (2048, 512));
        assert_eq!(room(u64::MAX), (8192, 2048));
        assert_eq!(room(0), (4, 1), "never none");
    }
}
