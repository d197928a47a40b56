//! Checks map contents against every invariant that has a name.

use std::{collections::BTreeMap, fmt};

use dnlb_abi::{
    InstanceEntry, MemberEntry, RULES_PER_RANGE, RuleEntry, RuleRange, SERVICE_BUCKETS, SERVICE_SLOTS,
    ServiceEntry, ServiceHash, capacity, instance_mac,
};

use crate::{RowRange, SwitchState};

/// Something that is not as it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What it is about, such as `service 3`.
    pub subject: String,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.problem)
    }
}

/// Everything that is wrong with `state`; nothing when it may be applied.
#[must_use]
pub fn lint(state: &SwitchState) -> Vec<Note> {
    let mut notes = Notes(Vec::new());
    lint_rows(state, &mut notes);
    lint_services(state, &mut notes);
    lint_members(state, &mut notes);
    lint_instances(state, &mut notes);
    lint_rules(state, &mut notes);
    lint_endpoints(state, &mut notes);
    notes.0
}

struct Notes(Vec<Note>);

impl Notes {
    fn add(&mut self, subject: impl fmt::Display, problem: impl fmt::Display) {
        self.0.push(Note { subject: subject.to_string(), problem: problem.to_string() });
    }
}

fn lint_rows(state: &SwitchState, notes: &mut Notes) {
    let mut end = 0;
    for range in &state.rows {
        let subject = format_args!("rows at {}", range.base).to_string();
        if range.base % 4 != 0 {
            notes.add(&subject, "do not begin at a whole word");
        }
        if range.base < end {
            notes.add(&subject, "overlap the range before, or are out of order");
        }
        end = range.base.saturating_add(range.hot.len() as u32);
        if end > capacity::ROWS {
            notes.add(&subject, "do not fit into the map");
        }
        if range.hot.len() != range.cold.len() {
            notes.add(&subject, "differ in length between hot and cold half");
        }
        if let Some(row) = (0..)
            .zip(&range.hot)
            .zip(&range.cold)
            .find_map(|((row, hot), cold): ((u32, _), _)| (*hot != cold[0]).then_some(row))
        {
            notes.add(&subject, format_args!("row {row} differs between hot and cold half"));
        }
    }
}

fn lint_services(state: &SwitchState, notes: &mut Notes) {
    if state.services.displacements.len() != SERVICE_BUCKETS as usize {
        notes.add("service index", "does not have one displacement a bucket");
        return;
    }
    let ranges: BTreeMap<u32, &RowRange> = state.rows.iter().map(|range| (range.base, range)).collect();
    for (&slot, entry) in &state.services.entries {
        let subject = format_args!("service {}", entry.number).to_string();
        let hash = ServiceHash::new(&entry.key);
        if slot >= SERVICE_SLOTS || hash.slot(state.services.displacements[hash.bucket() as usize]) != slot {
            notes.add(&subject, format_args!("lies in slot {slot}, where nobody looks for it"));
        }
        if entry.key.is_of_address() {
            let bare =
                ServiceEntry { key: entry.key, number: entry.number, vni: entry.vni, ..Default::default() };
            if *entry != bare {
                notes.add(&subject, "says more of an address than that somebody has it");
            }
            continue;
        }
        if entry.number == 0 || entry.backend == 0 || entry.key.protocol_port == 0 {
            notes.add(&subject, "has no number, no backend service or no port");
        }
        if !matches!(entry.algorithm, ServiceEntry::IP_HASH | ServiceEntry::QUINTUPLE_HASH) {
            notes.add(&subject, format_args!("has the unknown algorithm {}", entry.algorithm));
        }
        if entry.rows == 0 {
            continue;
        }
        match ranges.get(&entry.rows_base) {
            Some(range) if range.hot.len() == entry.rows as usize => {
                lint_slots(state, entry, range, &subject, notes);
            }
            _ => notes.add(&subject, "names rows that are not there"),
        }
    }
}

/// Whether each row of a service names members that exist.
fn lint_slots(state: &SwitchState, entry: &ServiceEntry, range: &RowRange, subject: &str, notes: &mut Notes) {
    // None at all is a service that only goes on with the connections that it has.
    if range.hot.contains(&0) && range.hot.iter().any(|&slot| slot != 0) {
        notes.add(subject, "has some rows without a member");
    }
    for chain in &range.cold {
        let chain = if chain[0] == 0 { &chain[1..] } else { &chain[..] };
        let len = chain.iter().position(|&slot| slot == 0).unwrap_or(chain.len());
        let named = &chain[..len];
        if chain[len..].iter().any(|&slot| slot != 0) {
            notes.add(subject, format_args!("has the chain {chain:?} with a gap"));
            return;
        }
        if (1..len).any(|at| named[..at].contains(&named[at])) {
            notes.add(subject, format_args!("has the chain {chain:?} with a repetition"));
            return;
        }
        let missing = |slot: &&u16| {
            let member = state.members.get(&(entry.members_base + u32::from(**slot)));
            member.is_none_or(|member| member.instance == 0)
        };
        if let Some(slot) = named.iter().find(missing) {
            notes.add(subject, format_args!("has a row that names slot {slot}, where there is no member"));
            return;
        }
    }
}

fn lint_members(state: &SwitchState, notes: &mut Notes) {
    for (&at, member) in &state.members {
        // A place where nobody is.
        if *member == MemberEntry::default() {
            continue;
        }
        let subject = format_args!("member {at}, instance {}", member.instance).to_string();
        if at >= capacity::MEMBERS {
            notes.add(&subject, "does not fit into the map");
        }
        if member.instance == 0 || member.host == 0 || member.reserved != 0 {
            notes.add(&subject, "is not a whole entry");
        } else if !state.hosts.contains_key(&u32::from(member.host)) {
            notes.add(&subject, format_args!("is on host {}, which is not known", member.host));
        }
    }
}

fn lint_instances(state: &SwitchState, notes: &mut Notes) {
    for (&number, instance) in &state.instances {
        let subject = format_args!("instance {number}").to_string();
        if instance.number != number || instance.mac != instance_mac(number) {
            notes.add(&subject, "has another's number or MAC address");
        }
        if state.ports.get(&instance.ifindex) != Some(&number) {
            notes.add(&subject, format_args!("is not what interface {} carries", instance.ifindex));
        }
        if instance.subnet_bits > 128 {
            notes.add(&subject, "has an impossible subnet");
        }
        lint_ranges(state, instance, &subject, notes);
    }
    for (ifindex, number) in &state.ports {
        if state.instances.get(number).is_none_or(|instance| instance.ifindex != *ifindex) {
            notes.add(format_args!("interface {ifindex}"), format_args!("carries no instance {number}"));
        }
    }
    for (key, target) in &state.targets {
        let subject = format_args!("target {} of backend service {}", key.instance, key.backend).to_string();
        if !state.instances.contains_key(&key.instance) {
            notes.add(&subject, "is no instance of this host");
        }
        if target.port == 0 || target.port > u32::from(u16::MAX) {
            notes.add(&subject, format_args!("has the impossible port {}", target.port));
        }
    }
}

fn lint_ranges(state: &SwitchState, instance: &InstanceEntry, subject: &str, notes: &mut Notes) {
    let security = [("security_in", instance.security_in), ("security_out", instance.security_out)];
    let acl = [("acl_in", instance.acl_in), ("acl_out", instance.acl_out)];
    for (name, range) in security.into_iter().chain(acl) {
        let is_acl = acl.iter().any(|(acl, _)| *acl == name);
        if range.len == RuleRange::UNFILTERED && is_acl {
            continue;
        }
        if range.len > RULES_PER_RANGE {
            notes.add(subject, format_args!("has {} rules in {name}", range.len));
            continue;
        }
        for at in range.base..range.base.saturating_add(range.len) {
            match state.rules.get(&at) {
                None => {
                    notes.add(subject, format_args!("names rule {at} in {name}, which is not there"));
                    break;
                }
                Some(rule) if !is_acl && rule.action != RuleEntry::ALLOW => {
                    notes.add(subject, format_args!("names rule {at} in {name}, which does not allow"));
                }
                Some(_) => {}
            }
        }
    }
}

fn lint_rules(state: &SwitchState, notes: &mut Notes) {
    for (at, rule) in &state.rules {
        let subject = format_args!("rule {at}").to_string();
        if *at >= capacity::RULES {
            notes.add(&subject, "does not fit into the map");
        }
        let address = u128::from_be_bytes(rule.prefix);
        let host_bits = u128::MAX.checked_shr(rule.prefix_bits).unwrap_or(0);
        if rule.prefix_bits > 128 || address & host_bits != 0 {
            notes.add(&subject, "has a prefix with host bits, or an impossible length");
        }
        if rule.protocol > RuleEntry::ANY_PROTOCOL {
            notes.add(&subject, format_args!("has the unknown protocol {}", rule.protocol));
        }
        if !matches!(rule.action, RuleEntry::ALLOW | RuleEntry::DENY) {
            notes.add(&subject, format_args!("has the unknown action {}", rule.action));
        }
        if rule.ports & 0xffff > rule.ports >> 16 {
            notes.add(&subject, "ends before it begins");
        }
    }
}

fn lint_endpoints(state: &SwitchState, notes: &mut Notes) {
    for (key, endpoint) in &state.endpoints {
        let subject =
            format_args!("endpoint of instance {} in network {}", endpoint.instance, key.vni).to_string();
        if !state.hosts.contains_key(&endpoint.host) {
            notes.add(&subject, format_args!("is on host {}, which is not known", endpoint.host));
        }
        if endpoint.host == state.settings.host
            && let Some(instance) = state.instances.get(&endpoint.instance)
            && (instance.addr != key.addr || instance.vni != key.vni)
        {
            notes.add(&subject, "has another address than the instance");
        }
    }
    for (host, entry) in &state.hosts {
        if *host == 0 || *host > u32::from(u16::MAX) || entry.addr == [0; 16] {
            notes.add(format_args!("host {host}"), "has no number or no address");
        }
    }
}
