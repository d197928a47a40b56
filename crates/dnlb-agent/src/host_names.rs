//! Names for the numbers that kernel maps hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use anyhow::{Result, bail, ensure};
use dnlb_model::HostConfig;

/// What a host knows of names, from its configuration.
#[derive(Debug)]
pub struct HostNames {
    config: Option<Arc<HostConfig>>,
    /// Addresses of the instances of its VPCs, by number.
    addresses: BTreeMap<u32, String>,
}

impl HostNames {
    /// From the host's configuration, if there is one.
    #[must_use]
    pub fn new(config: Option<Arc<HostConfig>>) -> Self {
        let endpoints = config.iter().flat_map(|config| &config.endpoints);
        let addresses = endpoints.map(|((_, addr), who)| (who.instance, addr.to_string())).collect();
        Self { config, addresses }
    }

    /// The configuration itself.
    #[must_use]
    pub fn config(&self) -> Option<&HostConfig> {
        self.config.as_deref()
    }

    /// An instance's id.
    #[must_use]
    pub fn instance_id(&self, number: u32) -> Option<&str> {
        Some(self.config()?.names.instances.get(&number)?.as_str())
    }

    /// An instance in a sentence.
    #[must_use]
    pub fn instance(&self, number: u32) -> String {
        let own = self.config().and_then(|config| config.instances.get(&number));
        if let Some(own) = own {
            return format!("{} ({}, {})", own.id.0, own.name, own.addr);
        }
        let id = self.instance_id(number).map_or_else(|| format!("instance {number}"), str::to_owned);
        match self.addresses.get(&number) {
            Some(addr) => format!("{id} ({addr})"),
            None => id,
        }
    }

    /// A listener's name after that of its load balancer.
    #[must_use]
    pub fn service(&self, number: u32) -> Option<&str> {
        Some(self.config()?.names.listeners.get(&number)?.as_str())
    }

    /// The VNI of the VPC that goes by this name or VNI.
    ///
    /// # Errors
    /// None does, or several do.
    pub fn vni(&self, word: &str) -> Result<u32> {
        if let Ok(vni) = word.parse() {
            return Ok(vni);
        }
        let vpcs = self.config().into_iter().flat_map(|config| &config.names.vpcs);
        let found: Vec<u32> = vpcs.filter(|(_, name)| *name == word).map(|(vni, _)| *vni).collect();
        match found.as_slice() {
            [] => bail!("this host knows no VPC `{word}`"),
            [vni] => Ok(*vni),
            several => bail!("several VPCs are called `{word}`: name one by its VNI, {several:?}"),
        }
    }

    /// Numbers of the instances that go by a number, an id or a name.
    ///
    /// # Errors
    /// No instance of this host does.
    pub fn instances_called(&self, word: &str) -> Result<BTreeSet<u32>> {
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

impl dnlb_explain::trace::TraceNames for HostNames {
    fn instance_id(&self, number: u32) -> Option<String> {
        self.instance_id(number).map(str::to_owned)
    }

    fn listener(&self, number: u32) -> Option<String> {
        self.service(number).map(str::to_owned)
    }

    fn host_at(&self, addr: IpAddr) -> Option<String> {
        let config = self.config()?;
        let (index, _) = config.hosts.iter().find(|(_, own)| **own == addr)?;
        config.names.hosts.get(&u32::from(*index)).cloned()
    }
}

impl dnlb_explain::Names for HostNames {
    fn host(&self, index: u32) -> String {
        let found = self.config().and_then(|config| {
            let addr = config.hosts.get(&u16::try_from(index).ok()?)?;
            let name = config.names.hosts.get(&index).map_or("a host", String::as_str);
            Some(format!("{name} ({addr})"))
        });
        found.unwrap_or_else(|| format!("host {index}"))
    }

    fn instance(&self, number: u32) -> String {
        self.instance(number)
    }

    fn service(&self, number: u32) -> String {
        self.service(number).map_or_else(|| format!("listener {number}"), |name| format!("listener {name}"))
    }
}

/// The same names for somebody who may not know which hosts there are.
pub(crate) struct HostsHidden<'a>(pub(crate) &'a HostNames);

impl dnlb_explain::Names for HostsHidden<'_> {
    fn host(&self, _: u32) -> String {
        "a host".to_owned()
    }

    fn host_at(&self, _: IpAddr) -> String {
        "a host".to_owned()
    }

    fn instance(&self, number: u32) -> String {
        self.0.instance(number)
    }

    fn service(&self, number: u32) -> String {
        dnlb_explain::Names::service(self.0, number)
    }
}
