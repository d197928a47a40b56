//! What can go wrong between user space and the kernel.

use std::{io, path::PathBuf};

/// Why an operation on the switch failed.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// The object lacks a program or map: agent and object are of different builds.
    #[error("the kernel object has no {kind} `{name}`")]
    Missing {
        /// `program` or `map`.
        kind: &'static str,
        /// Its name.
        name: &'static str,
    },
    /// The kernel refused to load the object.
    #[error("the kernel did not load the programs: {0}")]
    Load(String),
    /// A program could not be attached.
    #[error("`{program}` could not be attached to interface {interface}")]
    Attach {
        /// The program.
        program: &'static str,
        /// The interface.
        interface: String,
        /// Why.
        source: aya::programs::ProgramError,
    },
    /// A link could not be pinned, so it would vanish with this process.
    #[error("the link of interface {interface} could not be pinned at {path:?}")]
    Pin {
        /// The interface.
        interface: String,
        /// Where.
        path: PathBuf,
        /// Why.
        source: aya::pin::PinError,
    },
    /// A map could not be read or written.
    #[error("map {map} could not be {action}")]
    Map {
        /// The map.
        map: &'static str,
        /// What was tried.
        action: &'static str,
        /// Why.
        source: aya::maps::MapError,
    },
    /// What is pinned for this version is not what this version pinned: somebody else wrote there.
    #[error(
        "the maps pinned at {} are not what they should be: {problem}; packets go on by the programs that are attached; if nobody knows why, drain the host and remove that folder",
        path.display()
    )]
    Drifted {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Maps of another version that this one cannot take over: their flows would be lost, so nothing is changed.
    #[error(
        "the maps pinned at {} cannot be taken over: {reason}; packets go on by the programs that are attached; start a version between the two, or drain the host and remove that folder",
        path.display()
    )]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// No maps of this version are pinned there.
    #[error("no maps are pinned at {}", path.display())]
    NotPinned {
        /// Where they would be.
        path: PathBuf,
    },
    /// The state names an entry beyond the end of a map.
    #[error("index {index} is beyond the {capacity} entries of map {map}")]
    OutOfRange {
        /// The map.
        map: &'static str,
        /// The index.
        index: u64,
        /// Its capacity.
        capacity: u64,
    },
    /// The operating system refused something else.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why.
        source: io::Error,
    },
}

/// [`SwitchError::Map`], of a command that knows keys and values as bytes.
pub(crate) fn raw_failed(
    map: &'static str,
    action: &'static str,
) -> impl Fn(io::Error) -> SwitchError + Copy {
    move |source| SwitchError::Map { map, action, source: aya::maps::MapError::IoError(source) }
}
