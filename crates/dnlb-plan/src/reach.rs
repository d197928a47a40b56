//! Whom services reach.

use std::collections::BTreeSet;

use dnlb_abi::{FlowKey, FlowRecord};
use dnlb_model::HostConfig;

/// Where the services of a host's configuration still take connections to instances of this host, new ones or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach(BTreeSet<Place>);

/// A service, and number and port of one of its backend service's targets.
type Place = (u32, u32, u16);

impl Reach {
    /// That of a configuration.
    #[must_use]
    pub fn new(config: &HostConfig) -> Self {
        let places = config.services.iter().flat_map(|service| {
            let targets =
                config.backends.get(&service.backend).into_iter().flat_map(|backend| &backend.targets);
            targets.map(|(instance, port)| (service.number, *instance, *port))
        });
        Self(places.filter(|(_, instance, _)| config.instances.contains_key(instance)).collect())
    }

    /// Whether something that `former` reached is not reached any more.
    #[must_use]
    pub fn lacks(&self, former: &Self) -> bool {
        !former.0.is_subset(&self.0)
    }

    /// Whether a flow came by a service that does not reach its instance any more: its draining time is over, or the service is
    /// gone. Balancers find somebody else for its packets, so it cannot go on.
    #[must_use]
    pub fn ends(&self, key: &FlowKey, record: &FlowRecord) -> bool {
        let by_service = record.service != 0 && record.flags & FlowRecord::FLAG_OUTBOUND == 0;
        by_service && !self.0.contains(&(record.service, key.instance, (key.ports >> 16) as u16))
    }
}

#[cfg(test)]
mod tests {
    use dnlb_model::{HostId, ServerGroup};

    use super::*;
    use crate::{
        host_configs,
        test_region::{add_instance, add_service, region},
    };

    #[test]
    fn a_flow_ends_when_its_service_does_not_reach_its_instance_at_its_port() {
        let mut region = region(&[("a", "r1")]);
        add_instance(&mut region, 1, "h1", "a", Some("ag-1"));
        add_instance(&mut region, 2, "h1", "a", None);
        add_service(&mut region, 1, "a", Some(ServerGroup::Ag("ag-1".into())));
        let config = host_configs(&region).remove(&HostId::from("h1")).unwrap();
        let (service, port) = (config.services[0].number, config.backends[&101].targets[&1]);
        let reach = Reach::new(&config);
        let ends = |service, instance, port: u16, flags| {
            let key =
                FlowKey { instance, ports: u32::from(port) << 16 | 4000, protocol: 6, ..FlowKey::default() };
            reach.ends(&key, &FlowRecord { service, flags, ..FlowRecord::default() })
        };
        assert!(!ends(service, 1, port, 0));
        assert!(ends(service, 2, port, 0) && ends(service, 1, port + 1, 0) && ends(service + 1, 1, port, 0));
        assert!(!ends(0, 2, port, 0), "by no service");
        assert!(!ends(service, 2, port, FlowRecord::FLAG_OUTBOUND), "its own");
        assert!(!reach.lacks(&reach) && !reach.lacks(&Reach::default()) && Reach::default().lacks(&reach));
    }
}
