//! Running instances: what a driver can do, and what is to be done with one.

mod netns;
mod record;

use std::{collections::BTreeMap, future::Future, io, net::IpAddr, path::PathBuf};

use dnlb_model::{InstanceId, InstanceState, Power};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use self::netns::NetnsDriver;
pub(crate) use self::record::{ExitRecord, InstanceDir, ProcessRecord};

/// Why an instance is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum ComputeError {
    /// The id would name a path outside the instance's directory.
    #[error("instance id {id:?} cannot name a directory")]
    BadId {
        /// The id.
        id: String,
    },
    /// The file system said no.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// It did not come up.
    #[error("instance {id} did not start: {reason}")]
    Start {
        /// The id.
        id: String,
        /// What its first process said.
        reason: String,
    },
    /// Its processes do not end.
    #[error("instance {id} does not end although it was killed")]
    Undead {
        /// The id.
        id: String,
    },
}

/// All that it takes to run an instance, apart from its link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSpec {
    /// Its number.
    pub number: u32,
    /// Its id.
    pub id: InstanceId,
    /// Its name.
    pub name: String,
    /// Region.
    pub region: String,
    /// Zone.
    pub az: String,
    /// Rack.
    pub rack: String,
    /// Host.
    pub host: String,
    /// Its address.
    pub addr: IpAddr,
    /// Its subnet.
    pub subnet: IpNet,
    /// Which start this is.
    pub boot: u32,
    /// Image.
    pub image: String,
    /// Script run at its start.
    pub launch_script: Option<String>,
    /// Free-form metadata.
    pub metadata: BTreeMap<String, String>,
}

/// What a driver finds of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// Nothing runs: never started, stopped on purpose, or lost with the host's power.
    Absent,
    /// It ended by itself.
    Exited {
        /// Which start it was.
        boot: u32,
        /// How it ended, in words.
        reason: String,
    },
    /// It runs.
    Running {
        /// Which start this is.
        boot: u32,
        /// Its first process, as the host numbers it.
        pid: u32,
    },
}

/// Runs instances of one kind.
///
/// Instances outlive the driver: whatever a former agent started is found again by [`ComputeDriver::observe`].
pub trait ComputeDriver: Send + Sync {
    /// Instances of which anything exists, running or not, with their numbers where those are known.
    ///
    /// # Errors
    /// The state cannot be read.
    fn list(&self) -> Result<Vec<(InstanceId, Option<u32>)>, ComputeError>;

    /// What is there of an instance.
    ///
    /// # Errors
    /// The state cannot be read.
    fn observe(&self, id: &InstanceId) -> Result<Observed, ComputeError>;

    /// Takes back what an instance has used of the host's disk beyond what is its own. Called again and again: costs little where there
    /// is nothing to take.
    ///
    /// # Errors
    /// It has it still.
    fn tidy(&self, id: &InstanceId) -> Result<(), ComputeError>;

    /// Starts an instance that does not run and returns its first process; its link is somebody else's task.
    ///
    /// # Errors
    /// Nothing is left running.
    fn start(&self, spec: &InstanceSpec) -> impl Future<Output = Result<u32, ComputeError>> + Send;

    /// Ends an instance, politely at first, and forgets that it ran.
    ///
    /// # Errors
    /// It may still run.
    fn stop(&self, id: &InstanceId) -> impl Future<Output = Result<(), ComputeError>> + Send;

    /// Kills an instance and removes all that is left of it.
    ///
    /// # Errors
    /// It may still run.
    fn remove(&self, id: &InstanceId) -> impl Future<Output = Result<(), ComputeError>> + Send;
}

/// What is to be done with an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Leave it as it is.
    Keep,
    /// End it, then start it.
    Restart,
    /// Start it.
    Start,
    /// End it.
    Stop,
}

/// Decides what is to be done with an instance that ought to exist.
///
/// One that ended by itself stays ended until it is rebooted: whoever looks after it should see that it broke.
#[must_use]
pub fn plan_power(wanted: Power, boot: u32, observed: &Observed) -> Action {
    match (wanted, observed) {
        (Power::Off, Observed::Running { .. } | Observed::Exited { .. }) => Action::Stop,
        (Power::Off, Observed::Absent) => Action::Keep,
        (Power::On, Observed::Absent) => Action::Start,
        (Power::On, Observed::Exited { boot: it, .. }) if *it == boot => Action::Keep,
        (Power::On, Observed::Exited { .. }) => Action::Restart,
        (Power::On, Observed::Running { boot: it, .. }) if *it == boot => Action::Keep,
        (Power::On, Observed::Running { .. }) => Action::Restart,
    }
}

/// The state that the API shows for what a driver found.
#[must_use]
pub fn instance_state(wanted: Power, observed: &Observed) -> InstanceState {
    match (wanted, observed) {
        (_, Observed::Running { .. }) => InstanceState::Running,
        (Power::On, Observed::Absent) => InstanceState::Pending,
        (Power::On, Observed::Exited { reason, .. }) => InstanceState::Error(reason.clone()),
        (Power::Off, _) => InstanceState::Stopped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(boot: u32) -> Observed {
        Observed::Running { boot, pid: 1 }
    }

    fn exited(boot: u32) -> Observed {
        Observed::Exited { boot, reason: "exited with status 3".into() }
    }

    #[test]
    fn power_is_a_function_of_what_is_wanted_and_what_is() {
        let cases = [
            (Power::On, Observed::Absent, Action::Start),
            (Power::On, running(2), Action::Keep),
            (Power::On, running(1), Action::Restart),
            (Power::On, exited(2), Action::Keep),
            (Power::On, exited(1), Action::Restart),
            (Power::Off, Observed::Absent, Action::Keep),
            (Power::Off, running(2), Action::Stop),
            (Power::Off, exited(2), Action::Stop),
        ];
        for (wanted, observed, action) in cases {
            assert_eq!(plan_power(wanted, 2, &observed), action, "{wanted:?} {observed:?}");
        }
    }

    #[test]
    fn an_instance_that_broke_says_so_until_it_is_switched_off() {
        assert_eq!(
            instance_state(Power::On, &exited(1)),
            InstanceState::Error("exited with status 3".into())
        );
        assert_eq!(instance_state(Power::Off, &exited(1)), InstanceState::Stopped);
        assert_eq!(instance_state(Power::On, &Observed::Absent), InstanceState::Pending);
    }
}
