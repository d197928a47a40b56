//! What the data path does with packets, in words for operators.
//!
//! It refuses to know how maps are reached. Read [`Kind`] and [`FlowState`] first.
#![forbid(unsafe_code)]

pub mod flow;
mod kind;

pub use flow::{Endpoint, FlowFilter, FlowState};
pub use kind::{Kind, kind};
