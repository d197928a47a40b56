use std::{collections::BTreeSet, sync::Arc};

use proptest::prelude::*;

use super::*;
use crate::test_region::{add_instance, change_host, change_instance, region};

fn azs() -> Vec<String> {
    vec!["lab-1a".into(), "lab-1b".into(), "lab-1c".into()]
}

fn grow(region: &mut Region, number: u32, ag: &str) -> HostId {
    let host = place(region, &azs(), Some(&ag.into())).unwrap();
    add_instance(region, number, host.as_str(), "a", Some(ag));
    host
}

#[test]
fn a_group_goes_where_it_has_fewest_members_then_where_it_is_quietest() {
    let mut region =
        region(&[("lab-1a", "r1"), ("lab-1a", "r1"), ("lab-1a", "r2"), ("lab-1b", "r1"), ("lab-1c", "r1")]);
    // Others live on h1 and in zone c.
    add_instance(&mut region, 1, "h1", "a", None);
    add_instance(&mut region, 2, "h5", "a", Some("ag-2"));
    add_instance(&mut region, 3, "h5", "a", Some("ag-2"));
    let hosts: Vec<String> = (10..15).map(|number| grow(&mut region, number, "ag-1").0).collect();
    assert_eq!(hosts, ["h4", "h3", "h5", "h4", "h2"]);
}

#[test]
fn hosts_that_are_down_or_carry_nothing_or_lie_elsewhere_are_left_out() {
    let mut region = region(&[("lab-1a", "r1"), ("lab-1a", "r1"), ("lab-1z", "r1"), ("lab-1b", "r1")]);
    change_host(&mut region, "h1", |host| host.state = HostState::Down);
    change_host(&mut region, "h4", |host| host.compute = false);
    for _ in 0..2 {
        assert_eq!(place(&region, &azs(), None), Ok("h2".into()));
    }
    change_host(&mut region, "h2", |host| host.state = HostState::Down);
    let error = place(&region, &azs(), None).unwrap_err();
    assert_eq!(error.to_string(), "no host that carries instances is up in lab-1a, lab-1b, lab-1c");
}

#[test]
fn shrinking_takes_the_newest_of_the_fullest_place_but_the_lost_first() {
    let mut region = region(&[("lab-1a", "r1"), ("lab-1a", "r2"), ("lab-1b", "r1")]);
    let ids: Vec<InstanceId> = [(1, "h1"), (2, "h3"), (3, "h2"), (4, "h1"), (5, "h3")]
        .into_iter()
        .map(|(number, host)| add_instance(&mut region, number, host, "a", Some("ag-1")))
        .collect();
    let ag = AgId::from("ag-1");
    assert_eq!(pick_removal(&region, &ag), Some(ids[3].clone()));
    change_instance(&mut region, &ids[1], |found| found.state = InstanceState::Error("no image".into()));
    assert_eq!(pick_removal(&region, &ag), Some(ids[1].clone()));
    change_instance(&mut region, &ids[1], |found| found.state = InstanceState::Running);
    change_host(&mut region, "h2", |host| host.state = HostState::Down);
    assert_eq!(pick_removal(&region, &ag), Some(ids[2].clone()));
    assert_eq!(pick_removal(&region, &"ag-2".into()), None);
}

fn members<'a>(region: &'a Region, ag: &'a AgId) -> impl Iterator<Item = &'a Arc<Instance>> {
    region.instances.values().filter(move |instance| instance.ag.as_ref() == Some(ag))
}

/// Whether a group's members differ by at most one between zones, racks of a zone, and hosts of a rack.
fn is_even(region: &Region, ag: &AgId) -> bool {
    let count = |fits: &dyn Fn(&Instance) -> bool| members(region, ag).filter(|found| fits(found)).count();
    let even =
        |counts: &[usize]| counts.iter().max().zip(counts.iter().min()).is_none_or(|(a, b)| a - b <= 1);
    let places: BTreeSet<(&str, &str)> =
        region.hosts.values().map(|host| (host.az.as_str(), host.rack.as_str())).collect();
    let azs: BTreeSet<&str> = places.iter().map(|(az, _)| *az).collect();
    let by_az: Vec<usize> = azs.iter().map(|az| count(&|found| found.az == *az)).collect();
    even(&by_az)
        && azs.iter().all(|at| {
            let racks = places.iter().filter(|(az, _)| az == at);
            even(
                &racks
                    .map(|(az, rack)| count(&|found| found.az == *az && found.rack == *rack))
                    .collect::<Vec<_>>(),
            )
        })
        && places.iter().all(|(az, rack)| {
            let hosts = region.hosts.values().filter(|host| host.az == *az && host.rack == *rack);
            even(&hosts.map(|host| count(&|found| found.host == host.id)).collect::<Vec<_>>())
        })
}

proptest! {
    #[test]
    fn groups_grow_and_shrink_evenly(
        hosts in prop::collection::vec((0_usize..3, prop::sample::select(vec!["r1", "r2", "r3"])), 1..10),
        steps in prop::collection::vec((any::<bool>(), prop::sample::select(vec!["ag-1", "ag-2"])), 1..40),
    ) {
        let azs = azs();
        let hosts: Vec<(&str, &str)> = hosts.iter().map(|&(az, rack)| (azs[az].as_str(), rack)).collect();
        let mut region = region(&hosts);
        for ((grows, name), number) in steps.into_iter().zip(1..) {
            let ag = AgId::from(name);
            if grows {
                grow(&mut region, number, name);
            } else if let Some(id) = pick_removal(&region, &ag) {
                region.instances.remove(&id);
            } else {
                prop_assert_eq!(members(&region, &ag).count(), 0);
            }
            prop_assert!(is_even(&region, &ag));
        }
    }
}
