//! What the data path does with packets, in words for operators.
//!
//! [`explain()`] runs the decision of `dnlb-datapath` on a host's [`Maps`] and writes down every look-up, without any effect.
//! [`Question`] makes the frame from a five-tuple and says which program it meets; [`describe()`] puts the result into words.
//! It refuses to know how maps are reached: `dnlb-switch` reads those of the kernel, tests have their own.
#![forbid(unsafe_code)]

mod carrier;
mod describe;
mod explanation;
pub mod flow;
mod kept;
mod kind;
mod maps;
mod question;
mod recorder;
mod step;
pub mod trace;

pub use carrier::{Carried, Carrier};
pub use describe::{Line, Names, Numbers, describe};
pub use explanation::{Explanation, Replay, explain};
pub use flow::{Endpoint, FlowFilter, FlowState};
pub use kind::{Kind, kind};
pub use maps::Maps;
pub use question::{Question, Unplaced};
pub use step::{Fate, Filter, Program, Step, Verdict};
