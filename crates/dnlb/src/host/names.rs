//! Names for the numbers that kernel maps hold.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use dnlb_model::HostConfig;

/// What a host knows of names: its own instances by id and name, all others by address, services by address.
pub(crate) struct Names {
    config: Option<HostConfig>,
    /// Addresses of the instances of its VPCs, by number.
    addresses: BTreeMap<u32, String>,
}

impl Names {
    /// From the agent's saved configuration, if there is one.
    pub(crate) fn new(config: Option<HostConfig>) -> Self {
        let endpoints = config.iter().flat_map(|config| &config.endpoints);
        let addresses = endpoints.map(|((_, addr), who)| (who.instance, addr.to_string())).collect();
        Self { config, addresses }
    }

    /// The configuration itself.
    pub(crate) fn config(&self) -> Option<&HostConfig> {
        self.config.as_ref()
    }

    /// An instance's id; of another host's instance the number.
    pub(crate) fn instance_id(&self, number: u32) -> Option<&str> {
        Some(self.config()?.instances.get(&number)?.id.0.as_str())
    }

    /// An instance in a sentence.
    pub(crate) fn instance(&self, number: u32) -> String {
        let own = self.config().and_then(|config| config.instances.get(&number));
        match (own, self.addresses.get(&number)) {
            (Some(own), _) => format!("{} ({}, {})", own.id.0, own.name, own.addr),
            (None, Some(addr)) => format!("instance {number} ({addr})"),
            (None, None) => format!("instance {number}"),
        }
    }

    /// The listener's address of a service.
    pub(crate) fn service(&self, number: u32) -> Option<String> {
        let service = self.config()?.services.iter().find(|service| service.number == number)?;
        let protocol = format!("{:?}", service.protocol).to_lowercase();
        Some(format!("{protocol} {}:{}", service.vip, service.port))
    }

    /// Numbers of the instances that go by a number, an id or a name.
    pub(crate) fn instances_called(&self, word: &str) -> Result<BTreeSet<u32>> {
        if let Ok(number) = word.parse() {
            return Ok([number].into());
        }
        let own = self.config().into_iter().flat_map(|config| config.instances.values());
        let found: BTreeSet<u32> =
            own.filter(|own| own.id.0 == word || own.name == word).map(|own| own.number).collect();
        ensure!(!found.is_empty(), "this host has no instance `{word}`");
        Ok(found)
    }
}

impl dnlb_explain::Names for Names {
    fn host(&self, index: u32) -> String {
        let found = self.config().and_then(|config| {
            let index = u16::try_from(index).ok()?;
            let addr = config.hosts.get(&index)?;
            let own = if index == config.host { "this host, " } else { "the host at " };
            Some(format!("{own}{addr}"))
        });
        found.unwrap_or_else(|| format!("host {index}"))
    }

    fn instance(&self, number: u32) -> String {
        self.instance(number)
    }
}
