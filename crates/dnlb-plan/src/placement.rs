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
    members(region, ag)
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

fn members<'a>(region: &'a Region, ag: &'a AgId) -> impl Iterator<Item = &'a Instance> {
    region
        .instances
        .values()
        .map(|instance| &**instance)
        .filter(move |instance| instance.ag.as_ref() == Some(ag))
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
        let mut load = Self::default();
        for instance in region.instances.values() {
            let member = usize::from(ag.is_some() && instance.ag.as_ref() == ag);
            for count in [
                load.azs.entry(&instance.az).or_default(),
                load.racks.entry((&instance.az, &instance.rack)).or_default(),
                load.hosts.entry(&instance.host).or_default(),
            ] {
                count.members += member;
                count.instances += 1;
            }
        }
        load
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
