use std::{collections::BTreeSet, net::Ipv4Addr};

use dnlb_abi::{
    EndpointEntry, EndpointKey, InstanceEntry, RuleEntry, RuleRange, ServiceEntry, ServiceKey, TargetEntry,
    TargetKey, VNI_PUBLIC,
};
use dnlb_model::{
    Algorithm, BackendConfig, Direction, EndpointConfig, FilterRule, IdleConfig, InstanceConfig,
    MemberConfig, MemberSet, Power, Protocol, RuleProtocol, ServiceConfig,
};
use proptest::prelude::*;

use super::*;
use crate::{alloc::Capacity, lint, rows, service_index::lookup};

fn members(members: impl IntoIterator<Item = (u32, u16, u32)>) -> MemberSet {
    let member = |(number, host, weight)| (number, MemberConfig { host, weight });
    MemberSet { members: members.into_iter().map(member).collect(), rows: 1_024 }
}

fn rule(direction: Direction, port: u16, allow: bool) -> FilterRule {
    let prefix = "10.0.0.0/8".parse().unwrap();
    FilterRule { direction, protocol: RuleProtocol::Tcp, prefix, ports: (port, port), allow }
}

fn addr(number: u32) -> IpAddr {
    Ipv4Addr::from(0x0a00_0100 + number).into()
}

fn instance(number: u32) -> InstanceConfig {
    InstanceConfig {
        number,
        id: format!("i-{number}").into(),
        name: String::new(),
        vni: 5,
        addr: addr(number),
        subnet: "10.0.1.0/24".parse().unwrap(),
        security_rules: vec![rule(Direction::In, 8080, true)],
        acl_rules: None,
        wanted: Power::On,
        boot: 0,
        instance_type: String::new(),
        image: String::new(),
        launch_script: None,
        metadata: BTreeMap::new(),
        checks: BTreeMap::new(),
    }
}

/// Two instances here (host 1), one on host 2; a listener 80 on 10.0.1.100 -> 8080, with an EIP.
fn config() -> HostConfig {
    let host = |number| if number == 3 { 2 } else { 1 };
    HostConfig {
        revision: 1,
        region: "lab-1".into(),
        host: 1,
        host_id: "h1".into(),
        az: "lab-1a".into(),
        rack: "r1".into(),
        edge: false,
        hash_key: [7; 24],
        hosts: (1..=2).map(|host| (host, Ipv4Addr::new(192, 0, 2, host as u8).into())).collect(),
        peers: std::collections::BTreeSet::new(),
        endpoints: (1..=3)
            .map(|number| ((5, addr(number)), EndpointConfig { instance: number, host: host(number) }))
            .collect(),
        instances: (1..=2).map(|number| (number, instance(number))).collect(),
        idle: vec![],
        services: vec![ServiceConfig {
            number: 9,
            vni: 5,
            vip: addr(100),
            eip: Some("203.0.113.7".parse().unwrap()),
            protocol: Protocol::Tcp,
            port: 80,
            backend: 4,
            idle_seconds: None,
        }],
        backends: BTreeMap::from([(
            4,
            BackendConfig {
                silent: false,
                algorithm: Algorithm::QuintupleHash,
                targets: BTreeMap::from([(1, 8080), (2, 8080)]),
                others: BTreeMap::new(),
                unheard: Default::default(),
                generations: vec![members([(1, 1, 10), (3, 2, 30)])],
            },
        )]),
        names: Default::default(),
    }
}

fn local(config: &HostConfig) -> LocalFacts {
    let host = |(&host, &addr)| (host, HostEntry { addr: map_addr(addr), ..Default::default() });
    LocalFacts {
        uplink_ifindex: 2,
        overlay_ifindex: 3,
        probe_ifindex: 4,
        overlay_mtu: 1_450,
        probe_mac: [2, 0, 0, 0, 0, 1],
        no_second_chance: false,
        links: config.instances.keys().map(|&number| (number, 100 + number)).collect(),
        hosts: config.hosts.iter().map(host).collect(),
    }
}

#[test]
fn a_listener_is_found_by_vip_and_eip_and_its_rows_name_members_by_weight() {
    let config = config();
    let mut alloc = Allocation::default();
    let state = compile(&config, &local(&config), &mut alloc).unwrap();
    assert_eq!(lint(&state), []);

    let vip = ServiceKey::new(5, v4_mapped([10, 0, 1, 100]), 6, 80);
    let service = *lookup(&state.services, &vip).unwrap();
    assert_eq!((service.number, service.backend, service.vni, service.rows), (9, 4, 5, 1_024));
    assert_eq!(service.algorithm, ServiceEntry::QUINTUPLE_HASH);
    let eip = ServiceKey::new(5, v4_mapped([203, 0, 113, 7]), 6, 80);
    assert_eq!(lookup(&state.services, &eip), Some(&ServiceEntry { key: eip, ..service }));
    assert_eq!(lookup(&state.services, &ServiceKey { vni: VNI_PUBLIC, ..eip }), None);

    let range = &state.rows[0];
    let mut shares = BTreeMap::new();
    for &slot in &range.hot {
        let member = state.members[&(service.members_base + u32::from(slot))];
        *shares.entry((member.instance, member.host)).or_insert(0) += 1;
    }
    assert_eq!(shares, BTreeMap::from([((1, 1), 256), ((3, 2), 768)]));

    // Unhealthy instance 2 keeps its port, for the flows that it has.
    assert_eq!(state.targets[&TargetKey { backend: 4, instance: 2 }], TargetEntry { port: 8080 });
    assert_eq!(state.ports, BTreeMap::from([(101, 1), (102, 2)]));
    let one = state.instances[&1];
    assert_eq!((one.subnet_bits, one.vni, one.ifindex), (120, 5, 101));
    assert_eq!((one.acl_in.len, one.acl_out.len), (RuleRange::UNFILTERED, RuleRange::UNFILTERED));
    assert_eq!((one.security_in, one.security_out.len), (RuleRange { base: 0, len: 1, index: 0 }, 0));
    assert_eq!(one.security_in, state.instances[&2].security_in);
    let key = EndpointKey { vni: 5, addr: v4_mapped([10, 0, 1, 3]) };
    assert_eq!(state.endpoints[&key], EndpointEntry { instance: 3, host: 2 });
    assert_eq!(
        (state.settings.host, state.settings.overlay_mtu, state.settings.hash_key),
        (1, 1_450, [7; 24])
    );
}

#[test]
fn an_edge_knows_elastic_ips_under_no_vpc() {
    let config = HostConfig { edge: true, ..config() };
    let state = compile(&config, &local(&config), &mut Allocation::default()).unwrap();
    let eip = ServiceKey::new(VNI_PUBLIC, v4_mapped([203, 0, 113, 7]), 6, 80);
    assert_eq!(lookup(&state.services, &eip).map(|entry| entry.vni), Some(5));
}

#[test]
fn an_idle_load_balancer_has_its_addresses_and_nothing_else() {
    let idle = IdleConfig { vni: 5, vip: addr(101), eip: Some("203.0.113.8".parse().unwrap()) };
    let config = HostConfig { edge: true, services: vec![], idle: vec![idle], ..config() };
    let state = compile(&config, &local(&config), &mut Allocation::default()).unwrap();
    assert_eq!(lint(&state), []);
    let keys = [
        ServiceKey::of_address(5, v4_mapped([10, 0, 1, 101])),
        ServiceKey::of_address(5, v4_mapped([203, 0, 113, 8])),
        ServiceKey::of_address(VNI_PUBLIC, v4_mapped([203, 0, 113, 8])),
    ];
    for key in keys {
        let entry = ServiceEntry { key, vni: 5, ..Default::default() };
        assert_eq!(lookup(&state.services, &key), Some(&entry));
    }
    assert_eq!(state.services.entries.len(), keys.len());
}

#[test]
fn acl_rules_keep_their_order_and_security_rules_are_a_set() {
    let mut config = config();
    let acl =
        vec![rule(Direction::In, 80, false), rule(Direction::Out, 5, true), rule(Direction::In, 22, true)];
    for (number, instance) in &mut config.instances {
        instance.acl_rules = Some(if *number == 1 { acl.clone() } else { Vec::new() });
        instance.security_rules =
            [22, 80, 22].into_iter().map(|port| rule(Direction::In, port, true)).collect();
        if *number == 2 {
            instance.security_rules.reverse();
            instance
                .security_rules
                .push(FilterRule { prefix: "::/0".parse().unwrap(), ..rule(Direction::In, 9, true) });
        }
    }
    let state = compile(&config, &local(&config), &mut Allocation::default()).unwrap();
    let (one, two) = (state.instances[&1], state.instances[&2]);
    let rules = |range: RuleRange| -> Vec<(u32, u32)> {
        (range.base..range.base + range.len)
            .map(|at| &state.rules[&at])
            .map(|r| (r.ports >> 16, r.action))
            .collect()
    };
    assert_eq!(rules(one.acl_in), [(80, RuleEntry::DENY), (22, RuleEntry::ALLOW)]);
    assert_eq!(rules(one.acl_out), [(5, RuleEntry::ALLOW)]);
    assert_eq!(rules(one.security_in), [(22, RuleEntry::ALLOW), (80, RuleEntry::ALLOW)]);
    assert_eq!(one.security_in, two.security_in);
    // An ACL without rules lets nothing through: no rule, not "unfiltered".
    assert_eq!((two.acl_in.len, two.acl_out.len), (0, 0));
    assert_eq!(state.rules[&one.acl_in.base].prefix_bits, 104);
}

#[test]
fn an_instance_without_a_link_and_a_backend_without_members_are_left_out() {
    let mut config = config();
    config.backends.get_mut(&4).unwrap().generations = vec![members([])];
    let mut local = local(&config);
    local.links.remove(&2);
    let state = compile(&config, &local, &mut Allocation::default()).unwrap();
    assert_eq!(lint(&state), []);
    assert_eq!(state.instances.keys().collect::<Vec<_>>(), [&1]);
    assert_eq!(state.targets.len(), 1);
    assert!(state.rows.is_empty() && state.members.is_empty());
    assert!(state.services.entries.values().all(|entry| entry.rows == 0));
}

#[test]
fn a_former_member_rests_for_an_update_unless_its_host_has_left() {
    let with_members = |set| {
        let mut config = config();
        config.backends.get_mut(&4).unwrap().generations = vec![set];
        config
    };
    let both = with_members(members([(1, 1, 10), (3, 2, 30)]));
    let mut one = with_members(members([(1, 1, 10)]));
    for host_leaves in [false, true] {
        if host_leaves {
            one.hosts.remove(&2);
            one.endpoints.retain(|_, endpoint| endpoint.host != 2);
        }
        let mut alloc = Allocation::default();
        compile(&both, &local(&both), &mut alloc).unwrap();
        let state = compile(&one, &local(&one), &mut alloc).unwrap();
        assert_eq!(lint(&state), []);
        let members = state.members.values().filter(|member| member.instance != 0);
        assert_eq!(members.count(), if host_leaves { 1 } else { 2 });
    }
}

#[test]
fn what_cannot_be_compiled_is_named_and_leaves_the_allocation_alone() {
    let mut alloc = Allocation::default();
    let mut check = |change: fn(&mut HostConfig, &mut LocalFacts), expected: CompileError| {
        let (mut config, before) = (config(), alloc.clone());
        let mut local = local(&config);
        change(&mut config, &mut local);
        assert_eq!(compile(&config, &local, &mut alloc).unwrap_err(), expected);
        assert_eq!(alloc, before);
    };
    check(|config, _| config.backends.clear(), CompileError::UnknownBackend { service: 9, backend: 4 });
    check(
        |config, _| config.hosts.retain(|host, _| *host != 2),
        CompileError::UnknownHost { instance: 3, host: 2 },
    );
    check(
        |config, _| config.backends.values_mut().for_each(|backend| backend.generations[0].rows = 0),
        CompileError::NoRows { backend: 4, rows: 0 },
    );
    check(
        |config, _| config.backends.values_mut().for_each(|backend| backend.generations[0].rows = 1_021),
        CompileError::NoRows { backend: 4, rows: 1_021 },
    );
    check(
        |_, local| local.links.values_mut().for_each(|link| *link = 100),
        CompileError::SharedLink { first: 1, second: 2, ifindex: 100 },
    );
    check(
        |config, _| {
            let rules = (0..1001).map(|port| rule(Direction::Out, port, true)).collect();
            config.instances.get_mut(&2).unwrap().acl_rules = Some(rules);
        },
        CompileError::TooManyRules { instance: 2, rules: 1001 },
    );
}

#[test]
fn broken_contents_are_noticed() {
    let config = config();
    let good = compile(&config, &local(&config), &mut Allocation::default()).unwrap();
    let check = |change: fn(&mut SwitchState), expected: &str| {
        let mut state = good.clone();
        change(&mut state);
        let notes: Vec<String> = lint(&state).iter().map(ToString::to_string).collect();
        assert!(notes.iter().any(|note| note.contains(expected)), "{expected:?} is not in {notes:?}");
    };
    check(|state| state.members.clear(), "where there is no member");
    check(|state| state.rows[0].hot[5] = 9, "row 5 differs");
    check(|state| state.rows[0].base = 2, "whole word");
    check(|state| state.rows.clear(), "names rows that are not there");
    check(|state| state.rules.clear(), "names rule 0 in security_in");
    check(|state| state.hosts.retain(|host, _| *host != 2), "is on host 2, which is not known");
    check(|state| state.ports.clear(), "is not what interface 101 carries");
    check(|state| state.instances.retain(|number, _| *number != 2), "is no instance of this host");
    check(|state| state.services.displacements.fill(77), "where nobody looks");
    check(|state| state.targets.values_mut().for_each(|target| target.port = 0), "impossible port 0");
    check(|state| state.rules.values_mut().for_each(|rule| rule.action = 0), "unknown action");
}

/// What varies from one configuration of a host to the next.
type Variation = (BTreeMap<u32, (u16, u32)>, Vec<BTreeMap<u32, u32>>, bool, Vec<u16>, BTreeSet<u32>);

fn variation() -> impl Strategy<Value = Variation> {
    (
        // Instances 1..40: host and number of allowed ports.
        prop::collection::btree_map(1_u32..40, (1_u16..5, 0_u32..4), 1..30),
        // Backend services: instance -> weight; those that do not exist are left out.
        prop::collection::vec(prop::collection::btree_map(1_u32..40, 1_u32..100, 0..10), 0..5),
        any::<bool>(),
        prop::collection::vec(1_u16..100, 0..3),
        prop::collection::btree_set(1_u32..40, 0..4),
    )
}

fn varied((instances, backends, edge, acl, unlinked): Variation) -> (HostConfig, LocalFacts) {
    let mut config = HostConfig { edge, ..config() };
    config.hosts = (1..5).map(|host| (host, Ipv4Addr::new(192, 0, 2, host as u8).into())).collect();
    config.endpoints = instances
        .iter()
        .map(|(&number, &(host, _))| ((5, addr(number)), EndpointConfig { instance: number, host }))
        .collect();
    config.instances = instances
        .iter()
        .filter(|(_, (host, _))| *host == 1)
        .map(|(&number, &(_, rules))| {
            let mut instance = instance(number);
            instance.security_rules =
                (0..rules).map(|port| rule(Direction::In, port as u16 + 1, true)).collect();
            instance.acl_rules = (number % 2 == 0)
                .then(|| acl.iter().map(|&port| rule(Direction::Out, port, port % 2 == 0)).collect());
            (number, instance)
        })
        .collect();
    let template = config.services[0].clone();
    config.services.clear();
    config.backends.clear();
    for (number, weights) in (1..).zip(backends) {
        let mut set =
            members(weights.iter().filter_map(|(&at, &weight)| Some((at, instances.get(&at)?.0, weight))));
        set.rows = rows::row_count(weights.len());
        let targets = set.members.keys().filter(|at| config.instances.contains_key(at)).map(|&at| (at, 80));
        let backend = BackendConfig {
            silent: false,
            algorithm: Algorithm::IpHash,
            targets: targets.collect(),
            others: BTreeMap::new(),
            unheard: Default::default(),
            generations: vec![set],
        };
        config.backends.insert(number, backend);
        let port = number as u16;
        config.services.push(ServiceConfig { number, port, backend: number, ..template.clone() });
    }
    let mut local = local(&config);
    local.links.retain(|number, _| !unlinked.contains(number));
    (config, local)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_is_compiled_after_whatever_lints_clean(
        variations in prop::collection::vec(variation(), 1..5),
    ) {
        let mut alloc = Allocation::new(Capacity::default());
        for variation in variations {
            let (config, local) = varied(variation);
            let mut other = alloc.clone();
            let state = compile(&config, &local, &mut alloc).unwrap();
            prop_assert_eq!(lint(&state), []);
            prop_assert_eq!(&compile(&config, &local, &mut other).unwrap(), &state);

            // Row by row, the members are those that the table names.
            for (number, backend) in &config.backends {
                let table = rows::maglev(&backend.generations[0]);
                for entry in state.services.entries.values().filter(|entry| entry.backend == *number) {
                    if entry.rows == 0 {
                        prop_assert!(backend.generations[0].members.is_empty());
                        continue;
                    }
                    let range = state.rows.iter().find(|range| range.base == entry.rows_base).unwrap();
                    for (&slot, instance) in range.hot.iter().zip(&table) {
                        let member = state.members[&(entry.members_base + u32::from(slot))];
                        prop_assert_eq!(member.instance, *instance);
                    }
                }
            }

            // Once more the same: nothing moves, and then nothing changes at all.
            let again = compile(&config, &local, &mut alloc).unwrap();
            prop_assert_eq!(&again.rows, &state.rows);
            prop_assert_eq!(&again.services, &state.services);
            prop_assert_eq!(&again.instances, &state.instances);
            prop_assert_eq!(&compile(&config, &local, &mut alloc).unwrap(), &again);
        }
    }
}

/// A step from one configuration to another.
#[derive(Clone, Debug)]
enum Edit {
    /// Everything is another.
    All(Variation),
    /// Rules of the ACL.
    Acl(Vec<u16>),
    /// A backend service comes, or the last one goes.
    Backends(Option<BTreeMap<u32, u32>>),
    /// The host becomes an edge, or is none any more.
    Edge,
    /// A load balancer without listeners comes or goes.
    Idle,
    /// An instance comes, moves or has other rules, or goes.
    Instance(u32, Option<(u16, u32)>),
    /// Only hosts that somebody is on are known, or all.
    Lean,
    /// An instance gets a link or loses it.
    Link(u32),
    /// A member comes or has another weight, or goes.
    Member(usize, u32, Option<u32>),
    /// Nothing.
    Nothing,
}

fn edit() -> impl Strategy<Value = Edit> {
    let weight = prop::option::weighted(0.7, 1_u32..100);
    prop_oneof![
        1 => variation().prop_map(Edit::All),
        1 => prop::collection::vec(1_u16..100, 0..5).prop_map(Edit::Acl),
        2 => prop::option::of(prop::collection::btree_map(1_u32..40, 1_u32..100, 0..10)).prop_map(Edit::Backends),
        1 => Just(Edit::Edge),
        1 => Just(Edit::Idle),
        4 => (1_u32..40, prop::option::weighted(0.7, (1_u16..5, 0_u32..4))).prop_map(|(at, to)| Edit::Instance(at, to)),
        1 => Just(Edit::Lean),
        2 => (1_u32..40).prop_map(Edit::Link),
        6 => (0_usize..4, 1_u32..40, weight).prop_map(|(backend, at, to)| Edit::Member(backend, at, to)),
        1 => Just(Edit::Nothing),
    ]
}

/// A region that changes step by step, as the server sees it.
#[derive(Clone, Default)]
struct Story {
    now: Variation,
    idle: bool,
    lean: bool,
    generations: BTreeMap<u32, Vec<MemberSet>>,
}

impl Story {
    fn follow(&mut self, edit: &Edit) -> (Arc<HostConfig>, LocalFacts) {
        let (instances, backends, edge, acl, unlinked) = &mut self.now;
        match edit.clone() {
            Edit::All(all) => self.now = all,
            Edit::Acl(rules) => *acl = rules,
            Edit::Backends(Some(members)) => backends.push(members),
            Edit::Backends(None) => drop(backends.pop()),
            Edit::Edge => *edge = !*edge,
            Edit::Idle => self.idle = !self.idle,
            Edit::Instance(number, Some(found)) => drop(instances.insert(number, found)),
            Edit::Instance(number, None) => drop(instances.remove(&number)),
            Edit::Lean => self.lean = !self.lean,
            Edit::Link(number) => {
                if !unlinked.remove(&number) {
                    unlinked.insert(number);
                }
            }
            Edit::Member(at, number, weight) => match (backends.get_mut(at), weight) {
                (Some(members), Some(weight)) => drop(members.insert(number, weight)),
                (Some(members), None) => drop(members.remove(&number)),
                (None, _) => {}
            },
            Edit::Nothing => {}
        }
        let (mut config, mut local) = varied(self.now.clone());
        let instances = &self.now.0;
        self.generations.retain(|number, _| config.backends.contains_key(number));
        for (number, backend) in &mut config.backends {
            let current = backend.generations.remove(0);
            let known = self.generations.entry(*number).or_default();
            crate::host_config::remember(known, current);
            backend.generations = known.clone();
            for (at, member) in backend.generations[1..].iter_mut().flat_map(|set| &mut set.members) {
                member.host = instances.get(at).map_or(0, |(host, _)| *host);
            }
        }
        for service in config.services.iter_mut().filter(|service| service.number % 3 == 0) {
            service.protocol = Protocol::Udp;
        }
        if self.idle {
            config.idle.push(IdleConfig { vni: 5, vip: addr(101), eip: None });
        }
        if self.lean {
            let used: BTreeSet<u16> = instances.values().map(|(host, _)| *host).chain([1]).collect();
            config.hosts.retain(|host, _| used.contains(host));
            local.hosts.retain(|host, _| used.contains(host));
        }
        (Arc::new(config), local)
    }
}

/// What the maps hold after `changes` have been made in them, and nothing else.
fn written(mut maps: SwitchState, state: &SwitchState, changes: &Changes) -> SwitchState {
    fn write<K: Copy + Ord, V: Clone>(
        maps: &mut BTreeMap<K, V>,
        state: &BTreeMap<K, V>,
        touched: &crate::Touched<K>,
    ) {
        maps.retain(|key, _| state.contains_key(key) || !touched.contains(key));
        maps.extend(touched.of(state).map(|(key, value)| (*key, value.clone())));
    }
    let by_base = |state: &SwitchState| -> BTreeMap<u32, crate::RowRange> {
        state.rows.iter().map(|range| (range.base, range.clone())).collect()
    };
    let mut rows = by_base(&maps);
    write(&mut rows, &by_base(state), &changes.rows);
    maps.rows = rows.into_values().collect();
    maps.settings = state.settings;
    write(&mut maps.hosts, &state.hosts, &changes.hosts);
    write(&mut maps.peers, &state.peers, &changes.peers);
    write(&mut maps.endpoints, &state.endpoints, &changes.endpoints);
    write(&mut maps.instances, &state.instances, &changes.instances);
    write(&mut maps.ports, &state.ports, &changes.ports);
    write(&mut maps.rules, &state.rules, &changes.rules);
    write(&mut maps.rule_index, &state.rule_index, &changes.rule_index);
    write(&mut maps.targets, &state.targets, &changes.targets);
    write(&mut maps.members, &state.members, &changes.members);
    write(&mut maps.services.entries, &state.services.entries, &changes.services);
    maps.services.displacements.resize(state.services.displacements.len(), 0);
    for (bucket, displacement) in (0..).zip(&mut maps.services.displacements) {
        if changes.displacements.contains(&bucket) {
            *displacement = state.services.displacements[bucket as usize];
        }
    }
    maps
}

/// What programs read, wherever it lies.
fn meaning(state: &SwitchState) -> impl PartialEq + std::fmt::Debug {
    let rules = |range: RuleRange| -> (u32, Vec<RuleEntry>, Option<Vec<u64>>) {
        let listed = range.len != RuleRange::UNFILTERED;
        let rules = (range.base..).take(if listed { range.len as usize } else { 0 });
        let index = state.rule_index.get(&range.index).filter(|_| listed && range.index > 0);
        (range.len, rules.map(|at| state.rules[&at]).collect(), index.cloned())
    };
    let instances: Vec<_> = state
        .instances
        .values()
        .map(|it| {
            let ranges = [it.security_in, it.security_out, it.acl_in, it.acl_out].map(rules);
            let none = RuleRange::default();
            let bare =
                InstanceEntry { security_in: none, security_out: none, acl_in: none, acl_out: none, ..*it };
            (bare, ranges)
        })
        .collect();
    let services: Vec<_> = state
        .services
        .entries
        .iter()
        .map(|(slot, entry)| {
            let range = state.rows.iter().find(|range| range.base == entry.rows_base && entry.rows > 0);
            let named = |slot: u16| state.members.get(&(entry.members_base + u32::from(slot))).copied();
            let chains: Vec<_> =
                range.iter().flat_map(|range| &range.cold).map(|chain| chain.map(named)).collect();
            let bare = ServiceEntry { rows_base: 0, members_base: 0, slots: 0, ..*entry };
            (*slot, bare, chains)
        })
        .collect();
    let hosts = (state.hosts.clone(), state.peers.clone(), state.endpoints.clone());
    (state.settings, hosts, instances, state.ports.clone(), services, state.targets.clone())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn step_by_step_comes_to_the_same_as_from_nothing(
        edits in prop::collection::vec((edit(), prop::bool::weighted(0.8), prop::bool::weighted(0.05)), 1..16),
    ) {
        let mut story = Story::default();
        let mut compiler = Compiler::new(Allocation::default());
        let mut maps = SwitchState::default();
        for (edit, applied, fails) in edits {
            if fails {
                let (config, local) = story.clone().follow(&edit);
                let wrong = HostConfig { backends: BTreeMap::new(), ..(*config).clone() };
                prop_assert_eq!(compiler.update(&Arc::new(wrong), &local).is_err(), !config.services.is_empty());
            }
            let (config, local) = story.follow(&edit);
            let mut full = Compiler { released: compiler.released, ..Compiler::new(compiler.alloc.clone()) };
            compiler.update(&config, &local).unwrap();
            full.update(&config, &local).unwrap();
            prop_assert_eq!(compiler.state(), full.state());
            prop_assert_eq!(compiler.allocation(), full.allocation());
            prop_assert_eq!(lint(compiler.state()), []);
            prop_assert_eq!(compiler.digest(), compiler.state().digest());

            // Whether or not it was applied before: nothing that is not named by the changes differs.
            let now = written(maps.clone(), compiler.state(), compiler.changes());
            prop_assert_eq!(&now, compiler.state());
            if applied {
                compiler.applied();
                maps = now;
            }

            // Places apart, it does not matter what came before.
            let anew = compile(&config, &local, &mut Allocation::default()).unwrap();
            prop_assert_eq!(meaning(compiler.state()), meaning(&anew));
        }
        // The same again frees what is left, and then nothing is touched.
        let (config, local) = story.follow(&Edit::Nothing);
        for last in [false, false, true] {
            let moved = compiler.update(&config, &local).unwrap();
            prop_assert!(!last || (!moved && *compiler.changes() == Changes::default()));
            compiler.applied();
        }
    }
}
