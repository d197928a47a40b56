//! The wire format of the HTTP API, shared by the server, the command line and the tests.
//!
//! Knows bytes, names and signatures; refuses to know what an operation does. Read [`signature`] and
//! [`Query`] first; [`wire`] holds the models in the words of the wire.
#![forbid(unsafe_code)]

pub mod body;
pub mod client;
pub mod error;
pub mod query;
pub mod shape;
pub mod signature;
pub mod time;
pub mod wire;

pub use error::ApiError;
pub use query::Query;
