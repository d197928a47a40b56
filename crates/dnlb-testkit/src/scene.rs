//! A host's configuration in a few words.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use dnlb_abi::HostEntry;
use dnlb_model::{
    Algorithm, BackendConfig, Direction, EndpointConfig, FilterRule, HostConfig, IdleConfig, InstanceConfig,
    InstanceId, MemberConfig, MemberSet, Power, Protocol, RuleProtocol, ServiceConfig,
};
use dnlb_plan::{Allocation, LocalFacts, SwitchState, compile};
use ipnet::IpNet;

use crate::family::parse_address;

/// The interface of the instance that sends: loopback, because test runs want one that exists.
pub const TEST_IFINDEX: u32 = 1;

/// A host with index 1 in a region of a few hosts.
#[derive(Clone, Debug)]
pub struct Scene {
    config: HostConfig,
    local: LocalFacts,
}

impl Default for Scene {
    fn default() -> Self {
        Self::new()
    }
}

impl Scene {
    /// Hosts 1 (this one, 172.16.0.1) to 4, nothing else.
    #[must_use]
    pub fn new() -> Self {
        let host = |index: u8| IpAddr::V4(Ipv4Addr::new(172, 16, 0, index));
        let config = HostConfig {
            revision: 1,
            region: "test-1".into(),
            host: 1,
            host_id: "host-1".into(),
            az: "test-1a".into(),
            rack: "r1".into(),
            edge: true,
            hash_key: std::array::from_fn(|at| 0x9e37_79b9_u32.wrapping_mul(at as u32 + 1)),
            hosts: (1..=4).map(|index| (index.into(), host(index))).collect(),
            peers: (1..=4).map(host).collect(),
            endpoints: BTreeMap::new(),
            instances: BTreeMap::new(),
            services: Vec::new(),
            idle: Vec::new(),
            backends: BTreeMap::new(),
            names: Default::default(),
        };
        let hosts = (1..=4).map(|index| {
            let entry = HostEntry {
                addr: dnlb_abi::v4_mapped([172, 16, 0, index]),
                local_addr: dnlb_abi::v4_mapped([172, 16, 0, 1]),
                next_hop_mac: [2, 0xee, 0, 0, 0, index],
                uplink_mac: [2, 0xdd, 0, 0, 0, 1],
                reserved: [0; 4],
            };
            (index.into(), entry)
        });
        let local = LocalFacts {
            uplink_ifindex: 1,
            overlay_ifindex: 1,
            probe_ifindex: 1,
            overlay_mtu: 1500,
            probe_mac: [2, 0xcc, 0, 0, 0, 1],
            no_second_chance: false,
            links: BTreeMap::new(),
            hosts: hosts.collect(),
        };
        Self { config, local }
    }

    /// An instance of the VPC `vni` on a host; its subnet has 256 addresses, every group and no ACL filters it.
    #[must_use]
    pub fn instance(mut self, number: u32, vni: u32, addr: &str, host: u16) -> Self {
        let addr = parse_address(addr);
        self.config.endpoints.insert((vni, addr), EndpointConfig { instance: number, host });
        if host == self.config.host {
            let bits = if addr.is_ipv4() { 24 } else { 120 };
            let subnet = IpNet::new(addr, bits).unwrap_or_default().trunc();
            let everybody = if addr.is_ipv4() { "0.0.0.0/0" } else { "::/0" };
            let any: IpNet = everybody.parse().unwrap_or_default();
            let allow = |direction| FilterRule {
                direction,
                protocol: RuleProtocol::All,
                prefix: any,
                ports: (0, 0),
                allow: true,
            };
            // The first one is the one that sends: test runs need an interface that exists.
            let ifindex = if self.local.links.is_empty() { TEST_IFINDEX } else { 1000 + number };
            self.local.links.insert(number, ifindex);
            self.config.instances.insert(
                number,
                InstanceConfig {
                    number,
                    id: InstanceId(format!("i-{number}")),
                    name: format!("i{number}"),
                    vni,
                    addr,
                    subnet,
                    security_rules: vec![allow(Direction::In), allow(Direction::Out)],
                    acl_rules: None,
                    wanted: Power::On,
                    boot: 0,
                    instance_type: "test".into(),
                    image: "img-blank".into(),
                    launch_script: None,
                    metadata: BTreeMap::new(),
                    checks: BTreeMap::new(),
                },
            );
        }
        self
    }

    /// Replaces the security rules of an instance of this host.
    #[must_use]
    pub fn security(mut self, number: u32, rules: Vec<FilterRule>) -> Self {
        if let Some(instance) = self.config.instances.get_mut(&number) {
            instance.security_rules = rules;
        }
        self
    }

    /// Gives the subnet of an instance of this host an ACL.
    #[must_use]
    pub fn acl(mut self, number: u32, rules: Vec<FilterRule>) -> Self {
        if let Some(instance) = self.config.instances.get_mut(&number) {
            instance.acl_rules = Some(rules);
        }
        self
    }

    /// A listener on `vip:port` whose number and backend's are `number`; `targets` are instances with host and port.
    #[must_use]
    pub fn service(
        mut self,
        number: u32,
        vni: u32,
        vip: &str,
        port: u16,
        targets: &[(u32, u16, u16)],
    ) -> Self {
        let vip = parse_address(vip);
        self.config.services.push(ServiceConfig {
            number,
            vni,
            vip,
            eip: None,
            protocol: Protocol::Tcp,
            port,
            backend: number,
            idle_seconds: None,
        });
        let here = self.config.host;
        let members =
            targets.iter().map(|&(instance, host, _)| (instance, MemberConfig { host, weight: 1 })).collect();
        self.config.backends.insert(
            number,
            BackendConfig {
                silent: false,
                algorithm: Algorithm::QuintupleHash,
                targets: targets
                    .iter()
                    .filter(|(_, host, _)| *host == here)
                    .map(|&(instance, _, port)| (instance, port))
                    .collect(),
                others: BTreeMap::new(),
                unheard: Default::default(),
                generations: vec![MemberSet { members, rows: 256 }],
            },
        );
        self
    }

    /// A load balancer without a listener that is on.
    #[must_use]
    pub fn idle(mut self, vni: u32, vip: &str, eip: &str) -> Self {
        self.config.idle.push(IdleConfig { vni, vip: parse_address(vip), eip: Some(parse_address(eip)) });
        self
    }

    /// Gives every member set of the last listener's backend service so many rows.
    #[must_use]
    pub fn rows(mut self, rows: u32) -> Self {
        if let Some(mut backend) = self.config.backends.last_entry() {
            backend.get_mut().generations.iter_mut().for_each(|set| set.rows = rows);
        }
        self
    }

    /// Another address of the last listener's backend service: a listener whose number is `number`.
    #[must_use]
    pub fn also(mut self, number: u32, vip: &str, port: u16) -> Self {
        if let Some(mut service) = self.config.services.last().cloned() {
            service.number = number;
            service.port = port;
            service.vip = vip.parse().unwrap_or_else(|error| panic!("{vip}: {error}"));
            service.eip = None;
            self.config.services.push(service);
        }
        self
    }

    /// Makes the last listener one for datagrams.
    #[must_use]
    pub fn udp(mut self) -> Self {
        if let Some(service) = self.config.services.last_mut() {
            service.protocol = Protocol::Udp;
        }
        self
    }

    /// Gives the last listener's backend service a member set that it had before all that it has been given.
    #[must_use]
    pub fn former(mut self, members: &[(u32, u16)]) -> Self {
        let members = members.iter().map(|&(instance, host)| (instance, MemberConfig { host, weight: 1 }));
        let set = MemberSet { members: members.collect(), rows: 256 };
        if let Some(mut backend) = self.config.backends.last_entry() {
            backend.get_mut().generations.push(set);
        }
        self
    }

    /// Adds a target of this host to the last listener's backend service without making it a member.
    #[must_use]
    pub fn draining(mut self, instance: u32, port: u16) -> Self {
        if let Some(mut backend) = self.config.backends.last_entry() {
            backend.get_mut().targets.insert(instance, port);
        }
        self
    }

    /// Adds somebody on another host who may have connections to the last listener's backend service.
    #[must_use]
    pub fn other(mut self, instance: u32, host: u16) -> Self {
        if let Some(mut backend) = self.config.backends.last_entry() {
            backend.get_mut().others.insert(instance, host);
        }
        self
    }

    /// Makes the last listener's backend service drop what it has no member for.
    #[must_use]
    pub fn silent(mut self) -> Self {
        if let Some(mut backend) = self.config.backends.last_entry() {
            backend.get_mut().silent = true;
        }
        self
    }

    /// Switches second chance off.
    #[must_use]
    pub fn no_second_chance(mut self) -> Self {
        self.local.no_second_chance = true;
        self
    }

    /// Gives the last listener an elastic IP.
    #[must_use]
    pub fn eip(mut self, eip: &str) -> Self {
        if let Some(service) = self.config.services.last_mut() {
            service.eip = Some(parse_address(eip));
        }
        self
    }

    /// Gives all hosts underlay addresses of IPv6: `fd99::` and the index.
    #[must_use]
    pub fn underlay_v6(mut self) -> Self {
        let addr = |index: u16| std::net::Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, index);
        self.config.peers = self.config.hosts.keys().map(|index| addr(*index).into()).collect();
        for (index, host) in &mut self.config.hosts {
            *host = addr(*index).into();
        }
        let own = addr(self.config.host).octets();
        for (index, entry) in &mut self.local.hosts {
            (entry.addr, entry.local_addr) = (addr(*index).octets(), own);
        }
        self
    }

    /// Forgets the next hop of a host.
    #[must_use]
    pub fn unresolved(mut self, host: u16) -> Self {
        if let Some(entry) = self.local.hosts.get_mut(&host) {
            entry.next_hop_mac = [0; 6];
        }
        self
    }

    /// Takes an instance of this host off its link, as while it is being made.
    #[must_use]
    pub fn unlinked(mut self, number: u32) -> Self {
        self.local.links.remove(&number);
        self
    }

    /// The configuration, and what only the host itself knows.
    #[must_use]
    pub fn inputs(&self) -> (Arc<HostConfig>, LocalFacts) {
        (Arc::new(self.config.clone()), self.local.clone())
    }

    /// Contents of the maps.
    ///
    /// # Panics
    /// When the scene cannot be compiled: tests write it.
    #[must_use]
    pub fn state(&self) -> SwitchState {
        self.state_after(&mut Allocation::default())
    }

    /// The same for a host that had another scene before: what stays, stays where it was.
    ///
    /// # Panics
    /// Like [`Self::state`].
    #[must_use]
    pub fn state_after(&self, before: &mut Allocation) -> SwitchState {
        compile(&self.config, &self.local, before)
            .unwrap_or_else(|error| panic!("the scene does not compile: {error}"))
    }
}
