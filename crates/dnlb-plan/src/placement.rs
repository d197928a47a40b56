//! Where instances of a group go, and which of them goes first.

use std::collections::BTreeMap;

use dnlb_model::{AgId, Host, HostId, HostState, Instance, InstanceId, InstanceState, Region};

/// Why an instance has no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// Nothing in these zones is up and carries instances.
    #[error("no host that carries instances is up in {}", azs.join(", "))]
    NoHost {
        /// The zones.
        azs: Vec<String>,
    },
}

/// Chooses a host in `azs` for one more instance, of the group `ag` if there is one.
///
/// The zone with the fewest members of the group, there the rack with the fewest, there the host with the fewest;
/// among equals the one with the fewest instances of any kind, then the first by name. Zones and racks where no host
/// is up do not count.
///
/// # Errors
/// When no host is left.
pub fn place(region: &Region, azs: &[String], ag: Option<&AgId>) -> Result<HostId, PlacementError> {
    let hosts: Vec<&Host> = region
        .hosts
        .values()
        .map(|host| &**host)
        .filter(|host| host.compute && host.state == HostState::Up && azs.contains(&host.az))
        .collect();
    let load = Load::new(region, ag);
    let az = hosts.iter().map(|host| host.az.as_str()).min_by_key(|az| (load.az(az), *az));
    let in_az = hosts.iter().filter(|host| Some(host.az.as_str()) == az);
    let rack = in_az
        .clone()
        .map(|host| host.rack.as_str())
        .min_by_key(|rack| (load.rack(az.unwrap_or_default(), rack), *rack));
    in_az
        .filter(|host| Some(host.rack.as_str()) == rack)
        .min_by_key(|host| (load.host(&host.id), &host.id))
        .map(|host| host.id.clone())
        .ok_or_else(|| PlacementError::NoHost { azs: azs.to_vec() })
}

/// Chooses the member of a group that goes when the group shrinks; none when it has no members.
///
/// One that cannot serve goes first: its host is down, or could not run it. Else one of the fullest zone, there of
/// the fullest rack, there of the fullest host, and of those the newest.
#[must_use]
pub fn pick_removal(region: &Region, ag: &AgId) -> Option<InstanceId> {
    let load = Load::new(region, Some(ag));
    let lost = |instance: &Instance| {
        let up = region.hosts.get(&instance.host).is_some_and(|host| host.state == HostState::Up);
        !up || matches!(instance.state, InstanceState::Error(_))
    };
    let index = region.index();
    let members = index.instances_of_ag.of(ag).filter_map(|id| region.instances.get(id));
    members
        .max_by_key(|instance| {
            (
                lost(instance),
                // Ties go against the names that `place` prefers, so that shrinking undoes growing.
                (load.az(&instance.az).members, &instance.az),
                (load.rack(&instance.az, &instance.rack).members, &instance.rack),
                (load.host(&instance.host).members, &instance.host),
                (instance.created, instance.number),
            )
        })
        .map(|instance| instance.id.clone())
}

/// How many instances something carries: of the group, and in all. Compared in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Count {
    members: usize,
    instances: usize,
}

#[derive(Default)]
struct Load<'a> {
    azs: BTreeMap<&'a str, Count>,
    racks: BTreeMap<(&'a str, &'a str), Count>,
    hosts: BTreeMap<&'a HostId, Count>,
}

impl<'a> Load<'a> {
    fn new(region: &'a Region, ag: Option<&AgId>) -> Self {
        let index = region.index();
        let mut load = Self::default();
        // An instance is in the zone and the rack of its host.
        for host in region.hosts.values() {
            let instances = index.instance_count_of_host.get(&host.id).copied().unwrap_or(0);
            load.add(&host.az, &host.rack, &host.id, Count { members: 0, instances });
        }
        let members = ag.into_iter().flat_map(|ag| index.instances_of_ag.of(ag));
        for member in members.filter_map(|id| region.instances.get(id)) {
            load.add(&member.az, &member.rack, &member.host, Count { members: 1, instances: 0 });
        }
        load
    }

    fn add(&mut self, az: &'a str, rack: &'a str, host: &'a HostId, more: Count) {
        for count in [
            self.azs.entry(az).or_default(),
            self.racks.entry((az, rack)).or_default(),
            self.hosts.entry(host).or_default(),
        ] {
            count.members += more.members;
            count.instances += more.instances;
        }
    }

    fn az(&self, az: &str) -> Count {
        self.azs.get(az).copied().unwrap_or_default()
    }

    fn rack(&self, az: &str, rack: &str) -> Count {
        self.racks.get(&(az, rack)).copied().unwrap_or_default()
    }

    fn host(&self, host: &HostId) -> Count {
        self.hosts.get(host).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
