//! Names for the numbers that kernel maps hold.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use dnlb_model::HostConfig;

/// What a host knows of names: its own instances by id and name, services by address.
pub(crate) struct Names {
    config: Option<HostConfig>,
}

impl Names {
    /// From the agent's saved configuration, if there is one.
    pub(crate) fn new(config: Option<HostConfig>) -> Self {
        Self { config }
    }

    /// The configuration itself.
    pub(crate) fn config(&self) -> Option<&HostConfig> {
        self.config.as_ref()
    }

    /// An instance's id; of another host's instance the number.
    pub(crate) fn instance_id(&self, number: u32) -> Option<&str> {
        Some(self.config()?.instances.get(&number)?.id.0.as_str())
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
