//! The steps from a region as it is to the region that a file describes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::{Value, json};

use super::resource::{Fields, Key, Noun, Resources, instances_named, members_weighed, references};
use crate::suggest::did_you_mean;

/// One step. A plan makes before it breaks: what is referred to is there before, and gone after.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Make a resource.
    Create { key: Key, fields: Fields },
    /// Change fields of a resource.
    Update { key: Key, changes: BTreeMap<String, Change> },
    /// Delete a resource.
    Delete { key: Key },
}

/// A field before and after; null is none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) from: Value,
    pub(crate) to: Value,
}

/// Why there is no way from here to there, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Problem(String);

/// What there is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Present {
    pub(crate) resources: Resources,
    /// Names of the instances in availability groups.
    pub(crate) members: BTreeSet<String>,
}

/// The steps that make a region what a file says; none when it is. With `prune`, what the file does not name is
/// deleted; without it, it is left alone.
///
/// # Invariants
/// After every prefix of the result no resource refers to a missing one.
///
/// # Errors
/// Everything that stands in the way, before anything is done.
pub(crate) fn plan(wanted: &Resources, present: &Present, prune: bool) -> Result<Vec<Step>, Vec<Problem>> {
    let mut planner =
        Planner { wanted, present, prune, steps: Vec::new(), problems: Vec::new(), gone: BTreeSet::new() };
    planner.check_references();
    planner.check_doomed();
    for noun in Noun::ALL {
        match noun {
            // Those that take whatever address is free come after those that want a certain one: else they might
            // take just that.
            Noun::Instance => {
                planner.update_all(noun);
                planner.create_all(noun, has_address);
            }
            Noun::LoadBalancer => {
                planner.release_elastic_ips();
                planner.update_all(noun);
                planner.create_all(noun, has_address);
                planner.create_all(Noun::Instance, |fields| !has_address(fields));
                planner.create_all(noun, |fields| !has_address(fields));
                planner.scale_groups();
            }
            _ => {
                if noun == Noun::Listener {
                    planner.make_room_for_listeners();
                }
                planner.update_all(noun);
                planner.create_all(noun, |_| true);
            }
        }
    }
    planner.delete_the_rest();
    if planner.problems.is_empty() { Ok(planner.steps) } else { Err(planner.problems) }
}

struct Planner<'a> {
    wanted: &'a Resources,
    present: &'a Present,
    prune: bool,
    steps: Vec<Step>,
    problems: Vec<Problem>,
    /// What is deleted already.
    gone: BTreeSet<&'a Key>,
}

impl<'a> Planner<'a> {
    fn problem(&mut self, text: String) {
        self.problems.push(Problem(text));
    }

    /// What the file does not name and must go.
    fn doomed(&self) -> Vec<&'a Key> {
        let (present, wanted) = (self.present, self.wanted);
        let all = present.resources.keys().filter(|key| self.prune && !wanted.contains_key(key));
        all.collect()
    }

    /// Whether there will be a resource in the end.
    fn stays(&self, key: &Key) -> bool {
        self.wanted.contains_key(key) || !self.prune && self.present.resources.contains_key(key)
    }

    fn check_references(&mut self) {
        for (key, fields) in self.wanted {
            for reference in references(key, fields) {
                if !self.stays(&reference.to) {
                    let known = self.wanted.keys().filter(|known| {
                        known.noun == reference.to.noun && known.parent == reference.to.parent
                    });
                    let meant = did_you_mean(&reference.to.name, known.map(|known| known.name.as_str()));
                    let field = reference.field;
                    self.problem(format!("{key}: {field}: there is no {}{meant}", reference.to));
                }
            }
            if key.noun == Noun::TargetGroup {
                for name in instances_named(fields) {
                    if !self.has_instance(&name) {
                        self.problem(format!(
                            "{key}: targets: there is no instance {name}, and no availability group would make it"
                        ));
                    }
                }
            }
            if key.noun == Noun::Backend {
                for name in members_weighed(fields) {
                    if !self.has_member(&name) {
                        self.problem(format!(
                            "{key}: weights: no availability group has an instance {name}, or would make it"
                        ));
                    }
                }
            }
            if let Some(address) = fields.get("elastic_ip") {
                self.check_holder(key, address);
            }
        }
    }

    /// Whether an instance is there, stands in the file or will be a member of a group of the file.
    fn has_instance(&self, name: &str) -> bool {
        self.has_member(name) || self.stays(&Key::new(Noun::Instance, name))
    }

    /// Whether an instance is a member of a group, or will be one of a group of the file.
    fn has_member(&self, name: &str) -> bool {
        let numbered = name.rsplit_once('-').is_some_and(|(group, number)| {
            number.parse::<u32>().is_ok()
                && self.wanted.contains_key(&Key::new(Noun::AvailabilityGroup, group))
        });
        numbered || self.present.members.contains(name)
    }

    /// An elastic IP that a load balancer has which stays as it is cannot be another one's.
    fn check_holder(&mut self, key: &Key, address: &Value) {
        let holds = |fields: &Fields| fields.get("elastic_ip") == Some(address);
        let twin = self.wanted.iter().find(|(other, fields)| *other < key && holds(fields));
        if let Some((twin, _)) = twin {
            self.problem(format!("{key}: elastic_ip: {twin} has the same one"));
        }
        let holder = self.present.resources.iter().find(|(_, fields)| holds(fields));
        if let Some((holder, _)) = holder
            && !self.prune
            && !self.wanted.contains_key(holder)
        {
            self.problem(format!(
                "{key}: elastic_ip: it is in use by {holder}, which the file does not name"
            ));
        }
    }

    fn check_doomed(&mut self) {
        for key in self.doomed() {
            if self.present.resources[key].get("delete_protection") == Some(&Value::Bool(true)) {
                self.problem(format!(
                    "{key} is protected against deletion and the file does not name it: dnlb lb update {} --delete-protection off",
                    key.name
                ));
            }
        }
    }

    /// Takes elastic IPs away from load balancers that others get them from, or that let go of theirs.
    fn release_elastic_ips(&mut self) {
        let present = self.present;
        for (key, fields) in &present.resources {
            let Some(address) = fields.get("elastic_ip") else { continue };
            let wanted = match self.wanted.get(key) {
                Some(fields) => fields.get("elastic_ip"),
                // It lets go of it when it is deleted; before that only if somebody waits for it.
                None if self.prune
                    && self.wanted.values().any(|one| one.get("elastic_ip") == Some(address)) =>
                {
                    None
                }
                None => continue,
            };
            if wanted != Some(address) {
                let change = Change { from: address.clone(), to: Value::Null };
                let changes = [("elastic_ip".to_owned(), change)].into();
                self.steps.push(Step::Update { key: key.clone(), changes });
            }
        }
    }

    /// Deletes listeners early whose port another one gets.
    fn make_room_for_listeners(&mut self) {
        let place = |key: &Key, fields: &Fields| {
            (key.parent.clone(), fields.get("protocol").cloned(), fields.get("port").cloned())
        };
        let new = |key: &&Key| key.noun == Noun::Listener && !self.present.resources.contains_key(key);
        let taken: Vec<_> = self.wanted.keys().filter(new).map(|key| place(key, &self.wanted[key])).collect();
        for key in self.doomed().into_iter().filter(|key| key.noun == Noun::Listener) {
            if taken.contains(&place(key, &self.present.resources[key])) {
                self.steps.push(Step::Delete { key: key.clone() });
                self.gone.insert(key);
            }
        }
    }

    fn update_all(&mut self, noun: Noun) {
        let (wanted, present) = (self.wanted, self.present);
        for (key, fields) in wanted.iter().filter(|(key, _)| key.noun == noun) {
            let Some(before) = present.resources.get(key) else { continue };
            let names: BTreeSet<&String> = fields.keys().chain(before.keys()).collect();
            let mut changes = BTreeMap::new();
            for name in names {
                let (from, to) = (before.get(name), fields.get(name));
                // Groups are scaled later, when everybody who wants a certain address has it.
                if from == to || name == "size" || to.is_none() && noun.leaves_open(name) {
                    continue;
                }
                let value = |value: Option<&Value>| value.cloned().unwrap_or_default();
                let mut change = Change { from: value(from), to: value(to) };
                if noun.fixes(name) {
                    self.problem(fixed(key, name, &change));
                } else if noun == Noun::Vpc && name == "prefix_v6" && to.is_none() {
                    self.problem(format!(
                        "{key}: prefix_v6: a VPC keeps its IPv6 range {}",
                        shown(&change.from)
                    ));
                } else {
                    if name == "elastic_ip" {
                        // The former one was taken away before.
                        change.from = Value::Null;
                    }
                    if change.from != change.to {
                        changes.insert(name.clone(), change);
                    }
                }
            }
            if !changes.is_empty() {
                self.steps.push(Step::Update { key: key.clone(), changes });
            }
        }
    }

    fn create_all(&mut self, noun: Noun, which: fn(&Fields) -> bool) {
        for (key, fields) in self.wanted.iter().filter(|(key, fields)| key.noun == noun && which(fields)) {
            if !self.present.resources.contains_key(key) {
                let mut fields = fields.clone();
                // As new groups are: they are scaled later.
                fields.entry("size".to_owned()).and_modify(|size| *size = json!(0));
                self.steps.push(Step::Create { key: key.clone(), fields });
            }
        }
    }

    /// Makes groups as large as they are wanted.
    fn scale_groups(&mut self) {
        for (key, fields) in self.wanted.iter().filter(|(key, _)| key.noun == Noun::AvailabilityGroup) {
            let Some(to) = fields.get("size").cloned() else { continue };
            let before = self.present.resources.get(key).and_then(|before| before.get("size"));
            let from = before.cloned().unwrap_or(json!(0));
            if from != to {
                let changes = [("size".to_owned(), Change { from, to })].into();
                self.steps.push(Step::Update { key: key.clone(), changes });
            }
        }
    }

    /// Deletes what must go, users before what they use.
    fn delete_the_rest(&mut self) {
        for key in self.doomed().into_iter().rev().filter(|key| !self.gone.contains(key)).collect::<Vec<_>>()
        {
            let size = self.present.resources[key].get("size").filter(|size| **size != json!(0));
            if let Some(size) = size.filter(|_| key.noun == Noun::AvailabilityGroup) {
                let change = Change { from: size.clone(), to: json!(0) };
                let changes = [("size".to_owned(), change)].into();
                self.steps.push(Step::Update { key: key.clone(), changes });
            }
            self.steps.push(Step::Delete { key: key.clone() });
        }
    }
}

/// Whether an instance or a load balancer wants a certain address.
fn has_address(fields: &Fields) -> bool {
    fields.contains_key("address") || fields.contains_key("vip")
}

/// What to say about a field that cannot change.
fn fixed(key: &Key, field: &str, change: &Change) -> String {
    format!(
        "{key}: {field} is {} and cannot become {}: give it another name in the file (and --prune the old one), or delete it first",
        shown(&change.from),
        shown(&change.to)
    )
}

/// A value in a message.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) if text.contains('\n') => format!("{} lines", text.lines().count()),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_object) => match items.len() {
            1 => "1 entry".to_owned(),
            count => format!("{count} entries"),
        },
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(object) => {
            let pairs: Vec<_> =
                object.iter().map(|(name, value)| format!("{name}: {}", shown(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        other => other.to_string(),
    }
}

impl Step {
    /// For programs.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Create { key, fields } => {
                json!({"action": "create", "kind": key.noun.word(), "name": key.path(), "fields": fields})
            }
            Self::Update { key, changes } => {
                let changes: BTreeMap<_, _> = changes
                    .iter()
                    .map(|(name, change)| (name, json!({"from": change.from, "to": change.to})))
                    .collect();
                json!({"action": "update", "kind": key.noun.word(), "name": key.path(), "changes": changes})
            }
            Self::Delete { key } => {
                json!({"action": "delete", "kind": key.noun.word(), "name": key.path()})
            }
        }
    }
}

/// A line for people, and one more for each change of a list or map.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { key, fields } => {
                write!(f, "+ {key}")?;
                fields.iter().try_for_each(|(name, value)| write!(f, "\n    {name}: {}", shown(value)))
            }
            Self::Update { key, changes } => {
                write!(f, "~ {key}")?;
                changes.iter().try_for_each(|(name, change)| show_change(f, name, change))
            }
            Self::Delete { key } => write!(f, "- {key}"),
        }
    }
}

fn show_change(f: &mut fmt::Formatter<'_>, name: &str, change: &Change) -> fmt::Result {
    match (&change.from, &change.to) {
        // Of a map, what differs.
        (Value::Object(from), Value::Object(to)) => {
            let names: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
            names.into_iter().filter(|part| from.get(*part) != to.get(*part)).try_for_each(|part| {
                let value = |map: &serde_json::Map<_, _>| shown(map.get(part).unwrap_or(&Value::Null));
                write!(f, "\n    {name}.{part}: {} -> {}", value(from), value(to))
            })
        }
        // Of a list of rules, those that come and go.
        (from, to) if [from, to].iter().any(|list| is_list_of_rules(list)) => {
            let items = |list: &Value| list.as_array().cloned().unwrap_or_default();
            let (from, to) = (items(from), items(to));
            write!(f, "\n    {name}:")?;
            missing(&to, &from).iter().try_for_each(|item| write!(f, "\n      + {}", shown(item)))?;
            missing(&from, &to).iter().try_for_each(|item| write!(f, "\n      - {}", shown(item)))
        }
        (from, to) => write!(f, "\n    {name}: {} -> {}", shown(from), shown(to)),
    }
}

fn is_list_of_rules(value: &Value) -> bool {
    value.as_array().is_some_and(|items| items.iter().any(Value::is_object))
}

/// What of a list another one lacks; what is there twice counts twice.
pub(crate) fn missing(list: &[Value], other: &[Value]) -> Vec<Value> {
    let mut left = other.to_vec();
    let mut found = Vec::new();
    for item in list {
        match left.iter().position(|one| one == item) {
            Some(at) => drop(left.swap_remove(at)),
            None => found.push(item.clone()),
        }
    }
    found
}

#[cfg(test)]
mod tests;
