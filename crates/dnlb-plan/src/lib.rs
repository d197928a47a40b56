//! Decisions of the control plane as functions of values.
//!
//! This crate refuses to know what time it is, where values come from and who acts on them: the server and
//! the agent are thin shells around it. On the server, [`host_configs`] turns a region
//! into the configuration of each host, [`place`] chooses hosts for instances. On a host,
//! [`Compiler`] turns one configuration after another into the contents of kernel maps ([`SwitchState`]), and
//! [`HealthState`] says when a target is healthy.
#![forbid(unsafe_code)]

pub mod alloc;
pub mod changes;
pub mod compile;
mod concerned;
pub mod health;
pub mod history;
pub mod host_config;
pub mod host_plan;
pub mod lint;
mod network;
pub mod placement;
pub mod reach;
pub mod rows;
pub mod rules;
pub mod service_index;
mod switch;
#[cfg(any(test, feature = "test-region"))]
pub mod test_region;

pub use alloc::{AllocError, Allocation};
pub use changes::{Changes, Touched};
pub use compile::{CompileError, Compiler, LocalFacts, compile};
pub use health::{HealthState, Transition};
pub use history::{drained, follow};
pub use host_config::{Fitness, Server, fitness, members, servers};
pub use host_plan::{HostPlan, HostPlans, host_configs, plan_hosts};
pub use lint::{Note, lint};
pub use placement::{PlacementError, pick_removal, place};
pub use reach::Reach;
pub use rows::{chains, maglev, row_count};
pub use switch::*;
