//! What the data path does with packets, in words for operators.
//!
//! It refuses to know how maps are reached. Read [`Kind`] first.
#![forbid(unsafe_code)]

mod kind;

pub use kind::{Kind, kind};
