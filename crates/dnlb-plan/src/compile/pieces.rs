//! The contents of a host's maps, object by object, so that what did not change is not worked out again.

use std::collections::{BTreeMap, BTreeSet};

use dnlb_abi::{Addr, EndpointEntry, EndpointKey, HostEntry, MemberEntry, RuleRange, ServiceEntry};
use dnlb_model::HostConfig;
use zerocopy::IntoBytes;

use super::{
    CompileError, LocalFacts,
    filters::{Filters, instance_entry},
    map_addr, services, settings,
    table::Table,
};
use crate::{
    RowRange, ServiceIndex, SwitchState,
    alloc::{Allocation, Demand, Moved, Range, RulePlace},
    changes::{Changes, Part, Sheet, differing, entry_digest, rows_digest, settings_digest},
    service_index,
};

/// A configuration and what only the host itself knows.
pub(super) type Inputs<'a> = (&'a HostConfig, &'a LocalFacts);

/// What was worked out last.
#[derive(Default)]
pub(super) struct Pieces {
    /// Rules of the instances that have a link.
    filters: BTreeMap<u32, Filters>,
    /// Lists of rules, by where they lie.
    lists: BTreeMap<u32, RulePlace>,
    /// Backend services.
    backends: BTreeMap<u32, BackendPiece>,
    pub(super) state: SwitchState,
    /// That of the state.
    pub(super) digest: u64,
}

/// What is known of a backend service.
struct BackendPiece {
    table: Table,
    rows: Range,
    members: Range,
    /// What the entries of its services have in common.
    face: ServiceEntry,
}

/// What differs, before anything has a place: all that can fail.
pub(super) struct Draft {
    hosts: Option<BTreeMap<u32, HostEntry>>,
    peers: Option<BTreeMap<Addr, u32>>,
    endpoints: Vec<(EndpointKey, Option<EndpointEntry>)>,
    ports: BTreeMap<u32, u32>,
    /// Instances; none: it has no link, or is gone.
    filters: BTreeMap<u32, Option<Filters>>,
    /// Backend services; none: it is gone.
    tables: BTreeMap<u32, Option<Table>>,
    /// All services, if there are others, or they have other addresses.
    services: Option<ServiceIndex>,
    /// Whether any target may differ.
    targets: bool,
}

/// One map of a state, to be changed.
macro_rules! sheet {
    ($pieces:expr, $changes:expr, $map:ident, $part:ident) => {
        Sheet {
            part: Part::$part,
            entries: &mut $pieces.state.$map,
            touched: &mut $changes.$map,
            digest: &mut $pieces.digest,
        }
    };
}

impl Pieces {
    /// Nothing.
    pub(super) fn new() -> Self {
        let state = SwitchState::default();
        Self { digest: state.digest(), state, ..Self::default() }
    }

    /// What differs from `before`; everything, if there is nothing before. `from` is what the pieces were made of, which may
    /// be of use even if everything is to be looked at again.
    pub(super) fn draft(
        &self,
        (config, local): Inputs,
        from: Option<Inputs>,
        before: Option<Inputs>,
    ) -> Result<Draft, CompileError> {
        let known = |instance: u32, host: u16| {
            if config.hosts.contains_key(&host) {
                Ok(u32::from(host))
            } else {
                Err(CompileError::UnknownHost { instance, host })
            }
        };
        let mut endpoints = Vec::new();
        for key in differing(before.map(|it| &it.0.endpoints), &config.endpoints) {
            let entry = match config.endpoints.get(&key) {
                Some(who) => {
                    Some(EndpointEntry { instance: who.instance, host: known(who.instance, who.host)? })
                }
                None => None,
            };
            endpoints.push((EndpointKey { vni: key.0, addr: map_addr(key.1) }, entry));
        }

        let links = local.links.iter().filter(|(number, _)| config.instances.contains_key(number));
        let mut ports = BTreeMap::new();
        for (&number, &ifindex) in links {
            if let Some(first) = ports.insert(ifindex, number) {
                return Err(CompileError::SharedLink { first, second: number, ifindex });
            }
        }
        let mut filters = BTreeMap::new();
        let instances = differing(before.map(|it| &it.0.instances), &config.instances);
        for number in instances.into_iter().chain(differing(before.map(|it| &it.1.links), &local.links)) {
            let linked = config.instances.get(&number).filter(|_| local.links.contains_key(&number));
            filters.insert(number, linked.map(Filters::new).transpose()?);
        }

        let mut tables = BTreeMap::new();
        for number in differing(before.map(|it| &it.0.backends), &config.backends) {
            let former =
                from.and_then(|it| Some((it.0.backends.get(&number)?, &self.backends.get(&number)?.table)));
            let table = config.backends.get(&number).map(|backend| Table::new(number, backend, former));
            let table = table.transpose()?;
            for (&instance, &host) in table.iter().flat_map(Table::members) {
                known(instance, host)?;
            }
            tables.insert(number, table);
        }

        let same_services = before.is_some_and(|(former, _)| {
            (&former.services, &former.idle) == (&config.services, &config.idle)
                && services::asked_networks(former) == services::asked_networks(config)
                // Otherwise somebody must find out whether the services name one that is gone.
                && tables.values().all(Option::is_some)
        });
        let services = if same_services { None } else { Some(services::entries(config)?) };
        let services = services.map(|entries| service_index::build(&entries)).transpose()?;

        let same_targets = before.is_some_and(|(former, _)| {
            let same = |number| match (former.backends.get(number), config.backends.get(number)) {
                (Some(former), Some(now)) => former.targets == now.targets,
                _ => false,
            };
            same_services
                && filters.iter().all(|(number, now)| now.is_some() == self.filters.contains_key(number))
                && tables.keys().all(same)
        });

        let same_hosts =
            |(former, known): Inputs| (&former.hosts, &known.hosts) == (&config.hosts, &local.hosts);
        let hosts = || {
            let hosts = local.hosts.iter().filter(|(host, _)| config.hosts.contains_key(host));
            hosts.map(|(&host, entry)| (u32::from(host), *entry)).collect()
        };
        let same_peers = |(former, _): Inputs| former.peers == config.peers;
        let peers = || config.peers.iter().map(|&addr| (map_addr(addr), 1)).collect();
        Ok(Draft {
            hosts: (!before.is_some_and(same_hosts)).then(hosts),
            peers: (!before.is_some_and(same_peers)).then(peers),
            endpoints,
            ports,
            filters,
            tables,
            services,
            targets: !same_targets,
        })
    }

    /// The places that a draft needs; all rules among them when it is `whole`.
    pub(super) fn demand(&self, draft: &Draft, whole: bool) -> Demand {
        let tables = draft.tables.iter();
        let same_rules = draft.filters.iter().all(|(number, now)| self.filters.get(number) == now.as_ref());
        let rules = (whole || !same_rules).then(|| {
            let others = self.filters.iter().filter(|(number, _)| !draft.filters.contains_key(number));
            let filters = others.map(|(_, filters)| filters).chain(draft.filters.values().flatten());
            filters.flat_map(Filters::lists).cloned().collect()
        });
        let backends = tables.map(|(&number, table)| (number, table.as_ref().map(Table::demand))).collect();
        Demand { backends, rules }
    }

    /// Makes a draft part of the state. `moved` is what has another place than before.
    pub(super) fn take(
        &mut self,
        draft: Draft,
        moved: &Moved,
        (config, local): Inputs,
        alloc: &Allocation,
        changes: &mut Changes,
    ) {
        let settings = settings(config, local);
        let former = std::mem::replace(&mut self.state.settings, settings);
        self.count(settings_digest(&former), settings_digest(&settings));
        if let Some(hosts) = &draft.hosts {
            sheet!(self, changes, hosts, Hosts).set_all(hosts);
        }
        if let Some(peers) = &draft.peers {
            sheet!(self, changes, peers, Peers).set_all(peers);
        }
        for (key, entry) in draft.endpoints {
            sheet!(self, changes, endpoints, Endpoints).set(key, entry);
        }
        sheet!(self, changes, ports, Ports).set_all(&draft.ports);
        if moved.rules {
            self.take_rules(alloc, changes);
        }
        for (number, filters) in draft.filters {
            let places = config.instances.get(&number).zip(local.links.get(&number)).zip(filters.as_ref());
            let entry = places
                .map(|((instance, &ifindex), filters)| instance_entry(instance, ifindex, filters, alloc));
            sheet!(self, changes, instances, Instances).set(number, entry);
            match filters {
                Some(filters) => self.filters.insert(number, filters),
                None => self.filters.remove(&number),
            };
        }
        // A retired member has been left out if its host was not known, which it may be by now.
        let retiring = draft.hosts.iter().flat_map(|_| alloc.retiring());
        let moved = moved.backends.iter().copied().chain(retiring).collect();
        let faces = self.take_tables(draft.tables, &moved, config, alloc, changes);
        self.take_services(draft.services, &faces, changes);
        if draft.targets {
            let targets = services::targets(config, |instance| self.filters.contains_key(&instance));
            sheet!(self, changes, targets, Targets).set_all(&targets);
        }
    }

    /// Lists of rules that came or went, and what instances say of those that got an index.
    fn take_rules(&mut self, alloc: &Allocation, changes: &mut Changes) {
        let lists: BTreeMap<u32, &RulePlace> = alloc.rules().iter().map(|it| (it.range().base, it)).collect();
        let same = |a: &RulePlace, b: Option<&RulePlace>| b.is_some_and(|b| a.holds_the_same(b));
        let gone: Vec<RulePlace> = self
            .lists
            .extract_if(.., |base, former| !same(former, lists.get(base).copied()))
            .map(|(_, former)| former)
            .collect();
        // A place may have been given to another list.
        for former in gone {
            for (at, _) in former.entries() {
                sheet!(self, changes, rules, Rules).set(at, None);
            }
            self.set_rule_index(former.index(), None, changes);
        }
        for (&base, &list) in &lists {
            if self.lists.contains_key(&base) {
                continue;
            }
            for (at, rule) in list.entries() {
                sheet!(self, changes, rules, Rules).set(at, Some(rule));
            }
            self.set_rule_index(list.index(), list.build_index(), changes);
            self.lists.insert(base, list.clone());
        }
        let indexed = |range: RuleRange| match lists.get(&range.base) {
            Some(list) if (1..RuleRange::UNFILTERED).contains(&range.len) => {
                RuleRange { index: list.index().base, ..range }
            }
            _ => range,
        };
        let instances: Vec<u32> = self.state.instances.keys().copied().collect();
        for number in instances {
            let Some(&entry) = self.state.instances.get(&number) else { continue };
            let mut now = entry;
            for range in [&mut now.security_in, &mut now.security_out, &mut now.acl_in, &mut now.acl_out] {
                *range = indexed(*range);
            }
            sheet!(self, changes, instances, Instances).set(number, Some(now));
        }
    }

    fn set_rule_index(&mut self, range: Range, words: Option<Vec<u64>>, changes: &mut Changes) {
        if range.len == 0 {
            return;
        }
        let digest =
            |words: &Vec<u64>| entry_digest(Part::RuleIndex, range.base.as_bytes(), words.as_bytes());
        let added = words.as_ref().map_or(0, digest);
        let former = match words {
            Some(words) => self.state.rule_index.insert(range.base, words),
            None => self.state.rule_index.remove(&range.base),
        };
        self.count(former.as_ref().map_or(0, digest), added);
        changes.rule_index.add(range.base);
    }

    /// Members and rows; returns the faces that differ.
    fn take_tables(
        &mut self,
        tables: BTreeMap<u32, Option<Table>>,
        moved: &BTreeSet<u32>,
        config: &HostConfig,
        alloc: &Allocation,
        changes: &mut Changes,
    ) -> BTreeMap<u32, ServiceEntry> {
        let touched: BTreeSet<u32> = tables.keys().chain(moved).copied().collect();
        // A range may have been given to somebody else.
        for number in &touched {
            let Some(piece) = self.backends.get(number) else { continue };
            let now = alloc.backend(*number).map(|place| (place.rows, place.members)).unwrap_or_default();
            let former = (piece.rows, piece.members);
            if former.0 != now.0 {
                self.set_rows(former.0, None, changes);
            }
            for at in (former.1.base..former.1.end()).skip(1).filter(|_| former.1 != now.1) {
                sheet!(self, changes, members, Members).set(at, None);
            }
        }
        let mut faces = BTreeMap::new();
        let mut tables = tables;
        for number in touched {
            let (Some(backend), Some(place)) = (config.backends.get(&number), alloc.backend(number)) else {
                self.backends.remove(&number);
                continue;
            };
            for (at, member) in place.members() {
                // One that was named until now may be on a host that has left.
                let here = config.hosts.contains_key(&member.host);
                let entry = if here { member } else { MemberEntry::default() };
                sheet!(self, changes, members, Members).set(at, Some(entry));
            }
            let former = self.backends.remove(&number);
            let table = tables.remove(&number).flatten();
            if let Some(table) = &table {
                let range = Some(table.range(backend, place)).filter(|range| !range.hot.is_empty());
                self.set_rows(place.rows, range, changes);
            }
            let former_face = former.as_ref().map(|piece| piece.face);
            let Some(table) = table.or(former.map(|piece| piece.table)) else { continue };
            let face = services::face(number, backend, &table, place);
            if former_face != Some(face) {
                faces.insert(number, face);
            }
            let (rows, members) = (place.rows, place.members);
            self.backends.insert(number, BackendPiece { table, rows, members, face });
        }
        faces
    }

    fn set_rows(&mut self, place: Range, range: Option<RowRange>, changes: &mut Changes) {
        let found = self.state.rows.binary_search_by_key(&place.base, |range| range.base);
        if place.len == 0 || (range.is_none() && found.is_err()) {
            return;
        }
        let added = range.as_ref().map_or(0, rows_digest);
        let former = match (found, range) {
            (Ok(at), Some(range)) => Some(std::mem::replace(&mut self.state.rows[at], range)),
            (Ok(at), None) => Some(self.state.rows.remove(at)),
            (Err(at), Some(range)) => {
                self.state.rows.insert(at, range);
                None
            }
            (Err(_), None) => None,
        };
        self.count(former.as_ref().map_or(0, rows_digest), added);
        changes.rows.add(place.base);
    }

    /// The service index, another one or the same with other faces.
    fn take_services(
        &mut self,
        index: Option<ServiceIndex>,
        faces: &BTreeMap<u32, ServiceEntry>,
        changes: &mut Changes,
    ) {
        let mut sheet = Sheet {
            part: Part::Services,
            entries: &mut self.state.services.entries,
            touched: &mut changes.services,
            digest: &mut self.digest,
        };
        let Some(mut index) = index else {
            if !faces.is_empty() {
                let with_faces = sheet.entries.iter().filter_map(|(&slot, entry)| {
                    Some((slot, services::with_face(entry, faces.get(&entry.backend)?)))
                });
                for (slot, entry) in with_faces.collect::<Vec<_>>() {
                    sheet.set(slot, Some(entry));
                }
            }
            return;
        };
        for entry in index.entries.values_mut() {
            if let Some(backend) = self.backends.get(&entry.backend) {
                *entry = services::with_face(entry, &backend.face);
            }
        }
        sheet.set_all(&index.entries);
        let former = &self.state.services.displacements;
        for (bucket, displacement) in (0..).zip(&index.displacements) {
            if former.get(bucket as usize) != Some(displacement) {
                changes.displacements.add(bucket);
            }
        }
        self.state.services.displacements = index.displacements;
    }

    /// Has the digest say that something took the place of something else.
    fn count(&mut self, former: u64, now: u64) {
        self.digest = self.digest.wrapping_sub(former).wrapping_add(now);
    }
}
