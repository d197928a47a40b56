//! Configurations survive the wire and the disk, and damaged ones are refused.
#![expect(clippy::unwrap_used, reason = "outside of test functions, but in a test")]

use std::{collections::BTreeMap, net::IpAddr};

use dnlb_model::{
    Algorithm, BackendConfig, CheckConfig, CheckProtocol, Direction, EndpointConfig, FilterRule, HealthCheck,
    HostConfig, HostNames, HttpCheck, IdleConfig, InstanceConfig, InstanceId, MemberConfig, MemberSet, Power,
    Protocol, RuleProtocol, ServiceConfig,
};
use dnlb_proto::{DiskError, ParseError, apply_change, change_message, decode_config, encode_config, pb};
use ipnet::IpNet;
use proptest::{
    collection::{btree_map, btree_set, vec},
    option,
    prelude::*,
    sample::select,
};
use prost::Message;
use sha2::{Digest, Sha256};

fn addr() -> impl Strategy<Value = IpAddr> {
    prop_oneof![any::<[u8; 4]>().prop_map(IpAddr::from), any::<[u8; 16]>().prop_map(IpAddr::from)]
}

fn prefix() -> impl Strategy<Value = IpNet> {
    (addr(), 0..=32_u8).prop_map(|(addr, length)| IpNet::new(addr, length).unwrap())
}

fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..8).prop_map(String::from_iter)
}

fn vni() -> impl Strategy<Value = u32> {
    1..1_u32 << 24
}

fn rule() -> impl Strategy<Value = FilterRule> {
    let protocols = [RuleProtocol::All, RuleProtocol::Icmp, RuleProtocol::Tcp, RuleProtocol::Udp];
    (select(vec![Direction::In, Direction::Out]), select(protocols.to_vec()), prefix(), any::<(u16, u16)>())
        .prop_flat_map(|(direction, protocol, prefix, ports)| {
            any::<bool>().prop_map(move |allow| FilterRule { direction, protocol, prefix, ports, allow })
        })
}

fn http() -> impl Strategy<Value = HttpCheck> {
    let domain = option::of(select(vec!["shop.example", "10.0.0.5", "fd00::5"]));
    (domain, "/[a-z健]{0,4}", select(vec!["2xx,3xx", "200", "201-205,4xx"])).prop_map(
        |(domain, path, codes)| {
            let domain = domain.map(|domain| domain.parse().unwrap());
            HttpCheck { domain, path: path.parse().unwrap(), codes: codes.parse().unwrap() }
        },
    )
}

fn check() -> impl Strategy<Value = CheckConfig> {
    let protocol = prop_oneof![
        Just(CheckProtocol::Icmp),
        Just(CheckProtocol::Tcp),
        http().prop_map(CheckProtocol::Http),
    ];
    (protocol, 1..6_u32, 1..6_u32, 2..61_u32, 5..301_u32, any::<u16>(), 1..=u16::MAX).prop_map(
        |(protocol, healthy_threshold, unhealthy_threshold, timeout_seconds, interval_seconds, own, port)| {
            let check = HealthCheck {
                protocol,
                healthy_threshold,
                unhealthy_threshold,
                timeout_seconds,
                interval_seconds,
                port: own,
            };
            CheckConfig { port, check }
        },
    )
}

fn instance() -> impl Strategy<Value = InstanceConfig> {
    let network = (1..u32::MAX, vni(), addr(), prefix());
    let filters = (vec(rule(), 0..3), option::of(vec(rule(), 0..3)));
    let machine = (text(), text(), text(), text(), option::of(text()), btree_map(text(), text(), 0..3));
    let wanted = (select(vec![Power::On, Power::Off]), any::<u32>());
    (network, filters, machine, wanted, btree_map(1..u32::MAX, check(), 0..3)).prop_map(
        |(network, filters, machine, wanted, checks)| InstanceConfig {
            number: network.0,
            id: InstanceId(machine.0),
            name: machine.1,
            vni: network.1,
            addr: network.2,
            subnet: network.3,
            security_rules: filters.0,
            acl_rules: filters.1,
            wanted: wanted.0,
            boot: wanted.1,
            instance_type: machine.2,
            image: machine.3,
            launch_script: machine.4,
            metadata: machine.5,
            checks,
        },
    )
}

fn service() -> impl Strategy<Value = ServiceConfig> {
    let protocol = select(vec![Protocol::Tcp, Protocol::Udp]);
    let idle = option::of(1..u32::MAX);
    (1..u32::MAX, vni(), addr(), option::of(addr()), protocol, 1..=u16::MAX, 1..u32::MAX, idle).prop_map(
        |(number, vni, vip, eip, protocol, port, backend, idle_seconds)| ServiceConfig {
            number,
            vni,
            vip,
            eip,
            protocol,
            port,
            backend,
            idle_seconds,
        },
    )
}

fn idle() -> impl Strategy<Value = IdleConfig> {
    (vni(), addr(), option::of(addr())).prop_map(|(vni, vip, eip)| IdleConfig { vni, vip, eip })
}

fn backend() -> impl Strategy<Value = BackendConfig> {
    let member = (any::<u16>(), 1..101_u32).prop_map(|(host, weight)| MemberConfig { host, weight });
    let set = (btree_map(1..u32::MAX, member, 0..4), any::<u32>())
        .prop_map(|(members, rows)| MemberSet { members, rows });
    let algorithm = select(vec![Algorithm::IpHash, Algorithm::QuintupleHash]);
    (
        algorithm,
        btree_map(1..u32::MAX, 1..=u16::MAX, 0..4),
        btree_map(1..u32::MAX, any::<u16>(), 0..4),
        vec(set, 1..4),
        any::<bool>(),
        btree_set(1..u32::MAX, 0..4),
    )
        .prop_map(|(algorithm, targets, others, generations, silent, unheard)| BackendConfig {
            silent,
            unheard,
            algorithm,
            targets,
            others,
            generations,
        })
}

fn config() -> impl Strategy<Value = HostConfig> {
    let endpoint = (1..u32::MAX, 1..=u16::MAX).prop_map(|(instance, host)| EndpointConfig { instance, host });
    let place = (any::<u64>(), text(), 1..=u16::MAX, text(), text(), text(), any::<bool>());
    let names = || btree_map(1..u32::MAX, text(), 0..3);
    let names = (names(), names(), names(), names())
        .prop_map(|(hosts, instances, listeners, vpcs)| HostNames { hosts, instances, listeners, vpcs });
    let lists = (
        btree_map(1..=u16::MAX, addr(), 0..4),
        btree_map((vni(), addr()), endpoint, 0..4),
        vec(instance(), 0..3),
        (vec(service(), 0..3), vec(idle(), 0..3)),
        btree_map(1..u32::MAX, backend(), 0..3),
        proptest::collection::btree_set(addr(), 0..4),
    );
    (place, any::<[u32; 24]>(), lists, names).prop_map(
        |(place, hash_key, (hosts, endpoints, instances, (services, idle), backends, peers), names)| {
            HostConfig {
                revision: place.0,
                region: place.1,
                host: place.2,
                host_id: place.3,
                az: place.4,
                rack: place.5,
                edge: place.6,
                hash_key,
                hosts,
                peers,
                endpoints,
                instances: instances.into_iter().map(|instance| (instance.number, instance)).collect(),
                services,
                idle,
                backends,
                names,
            }
        },
    )
}

/// Some of `one`'s entries are gone or other, and some of `another`'s are there.
fn mixed(one: &HostConfig, another: &HostConfig, what: u32) -> HostConfig {
    let mut config = one.clone();
    let mut bits = (0..32).map(|bit| what >> bit & 1 == 1);
    let mut next = || bits.next().unwrap();
    macro_rules! mix {
        ($($($map:ident).+),*) => {$(
            if next() {
                config.$($map).+.extend(another.$($map).+.clone());
            }
            if next() {
                config.$($map).+.pop_first();
            }
        )*};
    }
    mix!(endpoints, instances, backends, hosts, names.hosts, names.instances, names.listeners, names.vpcs);
    if next() {
        config.backends.values_mut().for_each(|backend| backend.silent ^= true);
    }
    if next() {
        config.services.extend(another.services.clone());
    }
    if next() {
        config.services.clear();
    }
    if next() {
        config.peers.clone_from(&another.peers);
        config.rack.clone_from(&another.rack);
    }
    config.revision = another.revision;
    config
}

/// With services by their numbers, as they are when they come from a region.
fn in_order(mut config: HostConfig) -> HostConfig {
    config.services.sort_by_key(|service| service.number);
    config.services.dedup_by_key(|service| service.number);
    config
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_change_makes_the_new_configuration_of_the_old_one(
        old in config(), another in config(), what in any::<u32>(), since in any::<u64>(),
    ) {
        let (old, another) = (in_order(old), in_order(another));
        let new = in_order(mixed(&old, &another, what));
        let bytes = change_message(since, &old, &new).encode_to_vec();
        let change = pb::HostChange::decode(&*bytes).unwrap();
        prop_assert_eq!(change.since, since);
        let differs = HostConfig { revision: 0, ..old.clone() } != HostConfig { revision: 0, ..new.clone() };
        let mut config = old;
        prop_assert_eq!(apply_change(&mut config, change), Ok(differs));
        prop_assert_eq!(config, new);
    }

    #[test]
    fn what_has_not_changed_is_not_told(config in config()) {
        let config = in_order(config);
        let change = change_message(1, &config, &config);
        let put = change.put.unwrap();
        prop_assert!(change.gone_services.is_empty() && put.services.is_empty() && put.endpoints.is_empty());
        prop_assert!(put.instances.is_empty() && put.backends.is_empty() && put.instance_names.is_empty());
    }

    #[test]
    fn what_is_told_as_a_whole_is_a_difference_by_itself(old in config()) {
        let old = in_order(old);
        let differ: [fn(&mut HostConfig); 10] = [
            |config| config.region.push('x'),
            |config| config.host ^= 1,
            |config| config.host_id = format!("{}x", config.host_id).as_str().into(),
            |config| config.az.push('x'),
            |config| config.rack.push('x'),
            |config| config.edge ^= true,
            |config| config.hash_key[7] ^= 1,
            |config| config.hosts.extend([(u16::MAX, [192, 0, 2, 254].into())]),
            |config| config.peers.extend([IpAddr::from([192, 0, 2, 254])]),
            |config| config.idle.push(IdleConfig { vni: 1, vip: [192, 0, 2, 254].into(), eip: None }),
        ];
        for differ in differ {
            let mut new = old.clone();
            differ(&mut new);
            let mut config = old.clone();
            prop_assert_eq!(apply_change(&mut config, change_message(1, &old, &new)), Ok(true));
            prop_assert_eq!(config, new);
        }
    }

    #[test]
    fn a_malformed_change_changes_nothing(old in config(), another in config()) {
        let mut change = change_message(1, &old, &another);
        change.gone_endpoints.push(pb::Endpoint { addr: vec![1, 2, 3], ..pb::Endpoint::default() });
        let mut config = old.clone();
        prop_assert!(apply_change(&mut config, change).is_err());
        prop_assert_eq!(config, old);
    }

    #[test]
    fn a_configuration_survives_the_wire_and_the_disk(config in config()) {
        let message = pb::HostConfig::from(&config);
        prop_assert_eq!(HostConfig::try_from(message), Ok(config.clone()));
        prop_assert_eq!(decode_config(&encode_config(&config)), Ok(config));
    }

    #[test]
    fn damaged_messages_never_panic(
        config in config(), at in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = pb::HostConfig::from(&config).encode_to_vec();
        for (index, byte) in at {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        // Refused or understood as something else: both are fine.
        if let Ok(message) = pb::HostConfig::decode(&*bytes) {
            let _ = HostConfig::try_from(message);
        }
    }

    #[test]
    fn a_torn_or_damaged_file_is_refused(
        config in config(), end in any::<prop::sample::Index>(), bit in 0..8_u8,
    ) {
        let whole = encode_config(&config);
        let at = end.index(whole.len());
        prop_assert!(decode_config(&whole[..at]).is_err(), "cut after {} of {}", at, whole.len());
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << bit;
        prop_assert!(decode_config(&damaged).is_err(), "bit {} of byte {}", bit, at);
    }
}

/// A configuration with one thing of each kind.
fn small() -> HostConfig {
    let subnet = "10.0.0.0/24".parse().unwrap();
    let rule = FilterRule {
        direction: Direction::In,
        protocol: RuleProtocol::Tcp,
        prefix: subnet,
        ports: (80, 80),
        allow: true,
    };
    let instance = InstanceConfig {
        number: 1,
        id: "i-1".into(),
        name: "web".into(),
        vni: 7,
        addr: [10, 0, 0, 5].into(),
        subnet,
        security_rules: vec![rule],
        acl_rules: None,
        wanted: Power::On,
        boot: 0,
        instance_type: "small".into(),
        image: "web".into(),
        launch_script: None,
        metadata: BTreeMap::new(),
        checks: BTreeMap::new(),
    };
    let member = MemberConfig { host: 1, weight: 10 };
    let backend = BackendConfig {
        silent: false,
        algorithm: Algorithm::IpHash,
        targets: BTreeMap::from([(1, 8080)]),
        others: BTreeMap::new(),
        unheard: [].into(),
        generations: vec![MemberSet { members: BTreeMap::from([(1, member)]), rows: 1_024 }],
    };
    HostConfig {
        revision: 1,
        region: "lab-1".into(),
        host: 1,
        host_id: "host-1".into(),
        az: "lab-1a".into(),
        rack: "r1".into(),
        edge: false,
        hash_key: [7; 24],
        hosts: BTreeMap::from([(1, [192, 0, 2, 1].into())]),
        peers: [[192, 0, 2, 1].into()].into(),
        endpoints: BTreeMap::from([((7, [10, 0, 0, 5].into()), EndpointConfig { instance: 1, host: 1 })]),
        instances: BTreeMap::from([(1, instance)]),
        services: vec![],
        idle: vec![],
        backends: BTreeMap::from([(1, backend)]),
        names: Default::default(),
    }
}

#[track_caller]
fn refused(spoil: impl FnOnce(&mut pb::HostConfig)) -> ParseError {
    let mut message = pb::HostConfig::from(&small());
    spoil(&mut message);
    HostConfig::try_from(message).expect_err("it was accepted")
}

#[test]
fn hostile_messages_are_refused_with_the_field_at_fault() {
    use ParseError::{Address, Duplicate, Missing, Range};

    assert_eq!(
        refused(|config| config.hash_key.truncate(23)),
        Range { field: "hash_key", value: 23 },
        "short key"
    );
    assert_eq!(
        refused(|config| config.hosts[0].index = 65_536),
        Range { field: "hosts.index", value: 65_536 },
        "an index beyond 16 bits"
    );
    assert_eq!(
        refused(|config| config.hosts[0].underlay.truncate(3)),
        Address { field: "hosts.underlay", length: 3 },
        "short address"
    );
    assert_eq!(
        refused(|config| config.endpoints.push(config.endpoints[0].clone())),
        Duplicate { field: "endpoints" },
        "the same address twice"
    );
    assert_eq!(
        refused(|config| config.instances[0].subnet.as_mut().unwrap().length = 33),
        Range { field: "instances.subnet", value: 33 },
        "prefix length"
    );
    assert_eq!(
        refused(|config| config.instances[0].security_rules[0].protocol = 99),
        Missing { field: "rules.protocol" },
        "a protocol that we do not know"
    );
    assert_eq!(
        refused(|config| config.backends[0].generations.clear()),
        Missing { field: "backends.generations" },
        "no member set"
    );
    assert_eq!(
        refused(|config| config.backends[0].targets[0].port = 0),
        Range { field: "targets.port", value: 0 },
        "port 0"
    );
    assert_eq!(
        refused(|config| config.instances[0].vni = 1 << 24),
        Range { field: "instances.vni", value: 1 << 24 },
        "VNI beyond 24 bits"
    );
}

/// A configuration with a check by HTTP.
fn asking() -> HostConfig {
    let check = HealthCheck { protocol: CheckProtocol::Http(HttpCheck::default()), ..HealthCheck::DEFAULT };
    let mut config = small();
    config.instances.get_mut(&1).unwrap().checks.insert(1, CheckConfig { port: 8080, check });
    config
}

/// As an agent of a former version reads it, which knows nothing of the field.
#[test]
fn who_knows_no_http_connects() {
    let mut message = pb::HostConfig::from(&asking());
    message.instances[0].checks[0].http = None;
    let config = HostConfig::try_from(message).unwrap();
    assert_eq!(config.instances[&1].checks[&1].check.protocol, CheckProtocol::Tcp);
}

#[test]
fn a_check_by_http_that_could_not_be_sent_is_refused() {
    let refused = |spoil: fn(&mut pb::Check)| {
        let mut message = pb::HostConfig::from(&asking());
        spoil(&mut message.instances[0].checks[0]);
        HostConfig::try_from(message).expect_err("it was accepted")
    };
    let text = |field| ParseError::Text { field };
    assert_eq!(refused(|it| it.http.as_mut().unwrap().path = "/\r\nX: y".into()), text("checks.http.path"));
    assert_eq!(refused(|it| it.http.as_mut().unwrap().path.clear()), text("checks.http.path"));
    assert_eq!(refused(|it| it.http.as_mut().unwrap().domain = "a b".into()), text("checks.http.domain"));
    assert_eq!(refused(|it| it.http.as_mut().unwrap().codes = "5xx".into()), text("checks.http.codes"));
    let ping = refused(|it| it.set_protocol(pb::CheckProtocol::Icmp));
    assert_eq!(ping, ParseError::Missing { field: "checks.protocol" });
}

#[test]
fn something_else_is_no_saved_configuration() {
    assert_eq!(decode_config(b"").unwrap_err(), DiskError::Format);
    assert_eq!(decode_config(b"{\"revision\": 1}").unwrap_err(), DiskError::Format);
}

/// A configuration as the version before any upgrade saved it.
const SAVED: &[u8] = include_bytes!("saved-config.bin");

/// The file that holds `message`.
fn saved(message: &[u8]) -> Vec<u8> {
    let head = &encode_config(&small())[..8];
    [head, &Sha256::digest(message), message].concat()
}

#[test]
fn what_a_former_version_saved_is_read() {
    assert_eq!(decode_config(SAVED), Ok(small()));
}

#[test]
fn what_a_next_version_adds_is_passed_over() {
    let mut message = pb::HostConfig::from(&small()).encode_to_vec();
    // Field 2000, eight bytes long, of a kind that this version knows nothing of.
    message.extend_from_slice(&[0x82, 0x7d, 8]);
    message.extend_from_slice(b"whatever");
    assert_eq!(decode_config(&saved(&message)), Ok(small()));
}
