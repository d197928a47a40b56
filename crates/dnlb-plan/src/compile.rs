//! From a host's configuration to the contents of its kernel maps.
//!
//! [`Compiler`] remembers what it compiled last and works out again what depends on what changed; [`compile`] begins from
//! nothing. What they come to is the same.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use dnlb_abi::{Addr, HostEntry, RULES_PER_RANGE, Settings, v4_mapped};
use dnlb_model::HostConfig;
use ipnet::IpNet;

use crate::{
    SwitchState,
    alloc::{AllocError, Allocation, Moved},
    changes::Changes,
    service_index,
};
use pieces::Pieces;

mod filters;
mod pieces;
mod services;
mod table;

/// Most rows of one table.
pub const ROWS_MAX: u32 = 1 << 16;

/// Why a configuration cannot be turned into map contents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// A map is full.
    #[error(transparent)]
    Alloc(#[from] AllocError),
    /// The services do not fit into the index.
    #[error(transparent)]
    Index(#[from] service_index::IndexError),
    /// A member set of a backend service has a number of rows that no table has.
    #[error(
        "backend service {backend} has a member set with {rows} rows, which is not a power of two up to {ROWS_MAX}"
    )]
    NoRows {
        /// Number of the backend service.
        backend: u32,
        /// How many rows.
        rows: u32,
    },
    /// Two instances are said to be behind one link.
    #[error("instances {first} and {second} have one link, interface {ifindex}")]
    SharedLink {
        /// One instance.
        first: u32,
        /// The other.
        second: u32,
        /// Interface index of the link.
        ifindex: u32,
    },
    /// More rules than programs try.
    #[error(
        "instance {instance} has {rules} rules of one kind in one direction, more than {RULES_PER_RANGE}"
    )]
    TooManyRules {
        /// Number of the instance.
        instance: u32,
        /// How many rules.
        rules: usize,
    },
    /// A service names a backend service that is not in the configuration.
    #[error("service {service} names backend service {backend}, which is missing")]
    UnknownBackend {
        /// Number of the service.
        service: u32,
        /// Number of the backend service.
        backend: u32,
    },
    /// A member or endpoint is on a host that is not in the configuration.
    #[error("instance {instance} is on host {host}, which is missing")]
    UnknownHost {
        /// Number of the instance.
        instance: u32,
        /// Index of the host.
        host: u16,
    },
}

/// What only the host itself knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalFacts {
    /// Interface index of the uplink.
    pub uplink_ifindex: u32,
    /// Interface index of the VXLAN device.
    pub overlay_ifindex: u32,
    /// Interface index of the probe link's switch side.
    pub probe_ifindex: u32,
    /// Largest packet that fits into the tunnel.
    pub overlay_mtu: u32,
    /// MAC address of the probe link's agent side.
    pub probe_mac: [u8; 6],
    /// Whether no packet gets a second chance: for tests that must see connections break without it.
    pub no_second_chance: bool,
    /// Links of instances: instance number -> interface index of the host side.
    pub links: BTreeMap<u32, u32>,
    /// How to reach each host of the configuration: host index -> entry.
    pub hosts: BTreeMap<u16, HostEntry>,
}

/// Contents of all maps for `config`; moves things in `alloc` as little as possible.
///
/// Deterministic: equal arguments, equal result. Instances without a link are left out until they have one.
///
/// # States
/// `alloc` is what belongs to the state that was applied last; keep the changed one once the result is applied.
///
/// # Errors
/// See [`CompileError`]; `alloc` has not changed then.
pub fn compile(
    config: &HostConfig,
    local: &LocalFacts,
    alloc: &mut Allocation,
) -> Result<SwitchState, CompileError> {
    let mut compiler = Compiler { released: true, ..Compiler::new(alloc.clone()) };
    compiler.update(&Arc::new(config.clone()), local)?;
    *alloc = compiler.alloc;
    Ok(compiler.pieces.state)
}

/// Keeps the contents of all maps equal to a host's configuration.
///
/// # States
/// [`Compiler::update`] for every new configuration, then [`Compiler::applied`] once the maps hold [`Compiler::state`]. What
/// could not be applied stays among [`Compiler::changes`].
///
/// # Invariants
/// The state is what [`compile`] makes of the same configuration and allocation, whatever came before.
///
/// # Cost
/// An update compares the configuration with the former one, which takes a few hundred microseconds with 10,000 services, and
/// works out what depends on what differs. Another set of listeners has the service index built anew.
#[derive(Default)]
pub struct Compiler {
    alloc: Allocation,
    /// What the pieces belong to; none: there are none.
    from: Option<(Arc<HostConfig>, LocalFacts)>,
    pieces: Pieces,
    changes: Changes,
    /// Whether the maps hold the state, so that nothing reads any more what the allocation retired.
    released: bool,
}

impl Compiler {
    /// Nothing compiled yet. `alloc` tells what the maps may hold.
    #[must_use]
    pub fn new(alloc: Allocation) -> Self {
        Self { alloc, changes: Changes::all(), ..Self::default() }
    }

    /// Takes over a configuration; whether the allocation has changed, which must be kept before the maps are written.
    ///
    /// # Errors
    /// See [`CompileError`]. Nothing is left to apply then until another update succeeds.
    pub fn update(&mut self, config: &Arc<HostConfig>, local: &LocalFacts) -> Result<bool, CompileError> {
        // An error leaves no former configuration, so that the next update begins from nothing.
        let from = self.from.take();
        let from = from.as_ref().map(|(config, local)| (&**config, local));
        // What is not looked at again must not depend on what has changed.
        let before = from.filter(|(former, _)| {
            (former.host, former.edge) == (config.host, config.edge)
                && former.hosts.keys().all(|host| config.hosts.contains_key(host))
        });
        let released =
            if std::mem::take(&mut self.released) { self.alloc.release() } else { Moved::default() };
        let draft = self.pieces.draft((config, local), from, before)?;
        if before.is_none() {
            self.pieces = Pieces::new();
            self.changes = Changes::all();
        }
        let mut demand = self.pieces.demand(&draft, before.is_none());
        if before.is_none() {
            let gone = self.alloc.backends().filter(|number| !config.backends.contains_key(number));
            demand.backends.extend(gone.map(|number| (number, None)));
        }
        let moved = self.alloc.update(&demand)?;
        let changed = !moved.is_empty() || !released.is_empty();
        let moved = Moved {
            backends: &moved.backends | &released.backends,
            rules: moved.rules || released.rules || before.is_none(),
        };
        self.pieces.take(draft, &moved, (config, local), &self.alloc, &mut self.changes);
        self.from = Some((config.clone(), local.clone()));
        Ok(changed)
    }

    /// Notes that the maps hold the state.
    pub fn applied(&mut self) {
        self.changes = Changes::default();
        self.released = true;
    }

    /// Contents of all maps.
    #[must_use]
    pub fn state(&self) -> &SwitchState {
        &self.pieces.state
    }

    /// What of the state the maps may not hold yet.
    #[must_use]
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// [`SwitchState::digest`] of the state.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.pieces.digest
    }

    /// Where everything lies.
    #[must_use]
    pub fn allocation(&self) -> &Allocation {
        &self.alloc
    }
}

/// An address in the form in which maps hold it.
#[must_use]
pub fn map_addr(addr: IpAddr) -> Addr {
    match addr {
        IpAddr::V4(v4) => v4_mapped(v4.octets()),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// The length of a prefix counted in 128 bits.
fn map_bits(prefix: IpNet) -> u32 {
    u32::from(prefix.prefix_len()) + if prefix.addr().is_ipv4() { 96 } else { 0 }
}

fn settings(config: &HostConfig, local: &LocalFacts) -> Settings {
    Settings {
        host: u32::from(config.host),
        active_copy: 0,
        overlay_ifindex: local.overlay_ifindex,
        uplink_ifindex: local.uplink_ifindex,
        probe_ifindex: local.probe_ifindex,
        overlay_mtu: local.overlay_mtu,
        probe_mac: local.probe_mac,
        flags: if local.no_second_chance { Settings::NO_SECOND_CHANCE } else { 0 }
            | if config.peers.is_empty() { 0 } else { Settings::KNOWS_PEERS },
        hash_key: config.hash_key,
    }
}

#[cfg(test)]
mod tests;
