//! Decisions of the control plane as functions of values.
#![forbid(unsafe_code)]

mod switch;

pub use switch::*;
