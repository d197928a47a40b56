//! A region as a file: what there should be, by name, and how to get there.
//!
//! Text becomes a [`RegionFile`] ([`parse`]), that becomes flat [`Resources`](resource::Resources) and two of those a plan
//! ([`plan`]), all without looking at anything else. Only [`read`] and [`carry_out`] talk to the API. The file
//! knows no ids: whoever carries out a plan finds them.

pub(crate) mod body;
pub(crate) mod carry_out;
pub(crate) mod file;
pub(crate) mod parse;
pub(crate) mod plan;
pub(crate) mod read;
pub(crate) mod resource;
pub(crate) mod words;

pub(crate) use file::RegionFile;
