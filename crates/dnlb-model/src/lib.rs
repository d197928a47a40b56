//! The resources of a region and the configuration of a host, as plain values.
//!
//! Nothing here does I/O, validates a request or decides anything: the API (`dnlb-server`) turns requests
//! into changes of a [`Region`], `dnlb-plan` turns a [`Region`] into one [`HostConfig`] a host, and the agent
//! turns that into bytes of kernel maps. Read [`Region`] and [`HostConfig`] first.
#![forbid(unsafe_code)]

mod family;
mod host;
mod http_check;
mod id;
mod identity;
mod index;
mod map;
mod region;
mod resource;
mod trace;

pub use family::Family;
pub use host::*;
pub use http_check::*;
pub use id::*;
pub use identity::*;
pub use index::*;
pub use map::*;
pub use region::*;
pub use resource::*;
pub use trace::*;
