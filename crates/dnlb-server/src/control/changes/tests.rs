use dnlb_model::{BackendId, InstanceId, Target, TargetGroup, TargetGroupId, TargetId};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::test_scene::{add_instance, health, hello, known_health, populate, running, set_group, settings};

/// Two hosts with one instance each: 1 on h1, 2 on h2.
fn region() -> Region {
    let mut region = Region { settings: Arc::new(settings()), ..Region::default() };
    register(&mut region, &hello(1), 100).unwrap();
    register(&mut region, &hello(2), 100).unwrap();
    populate(&mut region);
    add_instance(&mut region, 1, 1);
    add_instance(&mut region, 2, 2);
    region
}

/// The whole settlement.
fn settle(region: &Region, reported: &BTreeMap<HostId, Reported>, now: u64) -> Settlement {
    let gone = region.health.keys().map(|(_, instance)| instance.clone());
    settle_some(region, reported, now, &region.instances.keys().cloned().chain(gone).collect())
}

#[derive(Default)]
struct Agents(BTreeMap<HostId, Reported>);

impl Agents {
    fn say(&mut self, region: &Region, host: &str, report: Report) {
        let host = HostId::from(host);
        self.0.entry(host.clone()).or_default().take(report, &Numbers::of(region), &host);
    }

    /// Returns whether anything changed.
    fn settle(&self, region: &mut Region, now: u64) -> bool {
        region.index = region.index();
        let settlement = settle(region, &self.0, now);
        let changed = !settlement.is_empty();
        settlement.apply(region);
        assert!(settle(region, &self.0, now + 1).is_empty(), "settled is settled");
        changed
    }
}

fn state(region: &Region, instance: &str) -> InstanceState {
    region.instances[&InstanceId::from(instance)].state.clone()
}

#[test]
fn a_new_host_gets_the_next_index_and_keeps_it() {
    let mut region = region();
    assert_eq!(region.hosts[&HostId::from("h2")].index, 2);
    set_host_state(&mut region, &"h1".into(), HostState::Down);
    let moved = Hello { rack: "r9".into(), edge: true, underlay: [192, 0, 2, 99].into(), ..hello(1) };
    register(&mut region, &moved, 200).unwrap();
    let host = &region.hosts[&HostId::from("h1")];
    assert_eq!((host.index, host.created, host.state), (1, 100, HostState::Up));
    assert_eq!((host.rack.as_str(), host.edge, host.underlay), ("r9", true, [192, 0, 2, 99].into()));
    assert_eq!(region.instances[&InstanceId::from("i-1")].rack, "r9", "its instances move with it");
    assert_eq!(region.instances[&InstanceId::from("i-2")].rack, "r1");
    assert_eq!(region.settings.sequences.host, 2);
}

#[test]
fn hosts_that_cannot_join_are_told_why() {
    let mut region = region();
    let before = region.clone();
    let elsewhere = Hello { az: "lab-2a".into(), ..hello(3) };
    let refusal = register(&mut region, &elsewhere, 1).unwrap_err();
    assert_eq!(refusal.to_string(), "zone `lab-2a` is not one of this region's: lab-1a, lab-1b");
    let other_family = Hello { underlay: "2001:db8::3".parse().unwrap(), ..hello(3) };
    let refused = register(&mut region, &other_family, 9).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "address 2001:db8::3 is IPv6, that of host `h1` is IPv4: all hosts' must be of one family"
    );
    let twin = Hello { underlay: hello(1).underlay, ..hello(3) };
    let refusal = register(&mut region, &twin, 1).unwrap_err();
    assert_eq!(refusal.to_string(), "address 192.0.2.1 is that of host `h1`");
    Arc::make_mut(&mut region.settings).sequences.host = u16::MAX;
    assert_eq!(register(&mut region, &hello(3), 1), Err(Refusal::Full));
    assert_eq!(region.hosts, before.hosts);
}

#[test]
fn since_moves_only_when_health_flips() {
    let (mut region, mut agents) = (region(), Agents::default());
    let mut after = |now, healthy, reason: &str| {
        agents.say(&region, "h1", health(1, healthy, reason));
        let changed = agents.settle(&mut region, now);
        let known = known_health(&region, 1).unwrap();
        (changed, known.healthy, known.reason, known.since)
    };
    assert_eq!(after(10, true, "connected"), (true, true, "connected".into(), 10));
    assert_eq!(after(20, true, "connected again"), (false, true, "connected".into(), 10));
    assert_eq!(after(30, false, "refused"), (true, false, "refused".into(), 30));
    assert_eq!(after(40, false, "timed out"), (true, false, "timed out".into(), 30));
    assert_eq!(after(50, true, "connected"), (true, true, "connected".into(), 50));
}

#[test]
fn an_agent_cannot_speak_for_another_hosts_instance() {
    let (mut region, mut agents) = (region(), Agents::default());
    agents.say(&region, "h1", running(2));
    agents.say(&region, "h1", health(2, true, "connected"));
    agents.say(&region, "h1", running(77));
    let unknown = dnlb_model::HealthReport { backend: 9, instance: 1, healthy: true, reason: "yes".into() };
    agents.say(&region, "h1", Report { health: vec![unknown], ..Report::default() });
    assert!(!agents.settle(&mut region, 10));
    assert!(
        agents.0[&"h1".into()].instances.is_empty() && agents.0[&"h1".into()].health.is_empty(),
        "not kept"
    );
}

#[test]
fn a_dead_hosts_instances_do_not_count_until_it_says_so_itself() {
    let (mut region, mut agents) = (region(), Agents::default());
    agents.say(&region, "h1", running(1));
    agents.say(&region, "h1", health(1, true, "connected"));
    agents.say(&region, "h2", running(2));
    agents.settle(&mut region, 10);
    set_host_state(&mut region, &"h1".into(), HostState::Down);
    agents.settle(&mut region, 20);
    assert_eq!(state(&region, "i-1"), InstanceState::Error("its host is down".into()));
    assert_eq!(state(&region, "i-2"), InstanceState::Running);
    assert!(!known_health(&region, 1).unwrap().healthy);

    agents.0.remove(&"h1".into());
    register(&mut region, &hello(1), 30).unwrap();
    agents.settle(&mut region, 30);
    assert!(!known_health(&region, 1).unwrap().healthy, "it may have lost power");
    agents.say(&region, "h1", running(1));
    agents.say(&region, "h1", health(1, true, "connected"));
    agents.settle(&mut region, 40);
    assert_eq!(state(&region, "i-1"), InstanceState::Running);
    assert_eq!(known_health(&region, 1).unwrap().since, 40);
}

#[test]
fn nothing_changes_for_hosts_that_have_not_connected_yet() {
    let (mut region, mut agents) = (region(), Agents::default());
    agents.say(&region, "h1", running(1));
    agents.say(&region, "h1", health(1, true, "connected"));
    agents.settle(&mut region, 10);
    assert!(!Agents::default().settle(&mut region, 20), "as after a restart");
    assert!(known_health(&region, 1).unwrap().healthy);
}

#[test]
fn health_of_what_is_no_target_any_more_goes() {
    let (mut region, mut agents) = (region(), Agents::default());
    for (host, number) in [("h1", 1), ("h2", 2)] {
        agents.say(&region, host, health(number, true, "connected"));
    }
    agents.settle(&mut region, 10);
    region.instances.remove(&InstanceId::from("i-1"));
    assert!(agents.settle(&mut region, 20));
    assert_eq!((known_health(&region, 1), known_health(&region, 2).is_some()), (None, true));
    region.backends.remove(&BackendId::from("backend-1"));
    assert!(agents.settle(&mut region, 30));
    assert!(region.health.is_empty());
}

#[test]
fn a_target_that_comes_back_before_its_host_noticed_keeps_its_health() {
    let (mut region, mut agents) = (region(), Agents::default());
    agents.say(&region, "h1", health(1, true, "connected"));
    agents.settle(&mut region, 10);
    set_group(&mut region, None);
    agents.settle(&mut region, 20);
    assert_eq!(known_health(&region, 1), None);
    set_group(&mut region, Some(ServerGroup::Ag("ag-1".into())));
    agents.settle(&mut region, 30);
    assert!(known_health(&region, 1).unwrap().healthy, "the host still checks it and will not say it again");

    agents.say(&region, "h1", Report { forgotten_health: vec![(1, 1)], ..Report::default() });
    set_group(&mut region, None);
    agents.settle(&mut region, 40);
    set_group(&mut region, Some(ServerGroup::Ag("ag-1".into())));
    agents.settle(&mut region, 50);
    assert_eq!(known_health(&region, 1), None, "the host has stopped checking it");
}

/// One of many small changes, or something that an agent says; the instances of which it says something.
fn happens(
    region: &mut Region,
    agents: &mut Agents,
    (kind, which, value): (u8, u8, u8),
) -> BTreeSet<InstanceId> {
    let number = u32::from(which % 4) + 1;
    let (instance, host) = (InstanceId(format!("i-{number}")), HostId(format!("h{}", value % 2 + 1)));
    match kind % 8 {
        0 => set_host_state(region, &host, if which % 2 == 0 { HostState::Down } else { HostState::Up }),
        1 if !region.instances.contains_key(&instance) => add_instance(region, number, value % 2 + 1),
        2 => drop(region.instances.remove(&instance)),
        3 => set_group(
            region,
            match value % 3 {
                0 => None,
                1 => Some(ServerGroup::Ag("ag-1".into())),
                _ => Some(ServerGroup::TargetGroup("tg-1".into())),
            },
        ),
        4 => {
            let id = TargetGroupId::from("tg-1");
            let name = String::new();
            let group = TargetGroup {
                id: id.clone(),
                name: name.clone(),
                description: name,
                load_balancer: "dnlb-1".into(),
                targets: BTreeMap::new(),
                created: 0,
            };
            let group = Arc::make_mut(region.target_groups.entry(id).or_insert_with(|| Arc::new(group)));
            let id = TargetId(format!("target-{number}"));
            if value % 3 == 0 {
                group.targets.remove(&id);
            } else {
                group.targets.insert(id.clone(), Target { id, instance, port: 0, weight: 1 });
            }
        }
        5 => drop(agents.0.remove(&host)),
        6 => {
            let health = health(number, value % 3 == 0, if value % 5 == 0 { "refused" } else { "timed out" });
            return agents.0.entry(host.clone()).or_default().take(health, &Numbers::of(region), &host);
        }
        _ => {
            let running = running(number);
            return agents.0.entry(host.clone()).or_default().take(running, &Numbers::of(region), &host);
        }
    }
    BTreeSet::new()
}

proptest! {
    #[test]
    fn who_is_not_in_question_has_nothing_to_settle(
        rounds in vec(vec(any::<(u8, u8, u8)>(), 1..4), 1..20),
    ) {
        let (mut settled, mut agents) = (region(), Agents::default());
        settled.index = settled.index();
        settle(&settled, &agents.0, 1).apply(&mut settled);
        for happenings in rounds {
            let mut region = settled.clone();
            let mut instances = BTreeSet::new();
            for what in happenings {
                instances.extend(happens(&mut region, &mut agents, what));
            }
            instances.extend(in_question(&settled, &region));
            let some = settle_some(&region, &agents.0, 1, &instances);
            prop_assert_eq!(&some, &settle(&region, &agents.0, 1));
            some.apply(&mut region);
            settled = region;
        }
    }
}
