//! What a client knows to be there, what it sees, and how a request takes one to the other.

use std::collections::{BTreeMap, BTreeSet};

/// What belongs to one client. Ids are the server's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holdings {
    /// Load balancers: name, description, and whether they have an elastic IP.
    pub(crate) balancers: BTreeMap<String, (String, String, bool)>,
    /// Elastic IPs without a load balancer.
    pub(crate) loose_eips: usize,
    /// Instances: name.
    pub(crate) instances: BTreeMap<String, String>,
    /// Security groups: name, and the first ports of their rules.
    pub(crate) groups: BTreeMap<String, (String, BTreeSet<u16>)>,
    /// Targets of the client's target group, by instance: port and weight.
    pub(crate) targets: BTreeMap<String, (u16, u32)>,
    /// VPCs beside the client's own: name and description.
    pub(crate) vpcs: BTreeMap<String, (String, String)>,
}

/// A request that changes something.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// Several rules at once.
    AddRules { group: String, ports: BTreeSet<u16> },
    /// A load balancer with an elastic IP of its own.
    CreateBalancer { name: String, description: String },
    /// Several elastic IPs at once.
    CreateEips { count: usize },
    /// A security group.
    CreateGroup { name: String },
    /// Several instances at once.
    CreateInstances { name: String, count: usize },
    /// A VPC.
    CreateVpc { name: String, description: String },
    /// Leaves its elastic IP behind.
    DeleteBalancer { id: String },
    /// One without a load balancer.
    DeleteEip { id: String },
    /// A security group with its rules.
    DeleteGroup { id: String },
    /// An instance and the target that it is.
    DeleteInstance { id: String },
    /// A VPC.
    DeleteVpc { id: String },
    /// Some of the client's targets.
    Deregister { instances: BTreeMap<String, String> },
    /// Name and description of a load balancer.
    RenameBalancer { id: String, name: String, description: String },
    /// Name and description of a VPC.
    RenameVpc { id: String, name: String, description: String },
    /// Several instances as targets at once.
    Register { targets: BTreeMap<String, (u16, u32)> },
    /// New weights of several targets at once.
    Weigh { weights: BTreeMap<String, (String, u32)> },
}

impl Holdings {
    /// The holdings after a change. Ids of what it made are `made`, as many as it should have made.
    pub(crate) fn after(mut self, change: &Change, made: &BTreeSet<String>) -> Self {
        let one = || made.iter().next().cloned().unwrap_or_default();
        match change.clone() {
            Change::AddRules { group, ports } => {
                self.groups.get_mut(&group).expect("it was there").1.extend(ports);
            }
            Change::CreateBalancer { name, description } => {
                self.balancers.insert(one(), (name, description, true));
            }
            Change::CreateEips { count } => self.loose_eips += count,
            Change::CreateGroup { name } => {
                self.groups.insert(one(), (name, BTreeSet::new()));
            }
            Change::CreateInstances { name, .. } => {
                self.instances.extend(made.iter().map(|id| (id.clone(), name.clone())));
            }
            Change::CreateVpc { name, description } => {
                self.vpcs.insert(one(), (name, description));
            }
            Change::DeleteBalancer { id } => {
                self.balancers.remove(&id);
                self.loose_eips += 1;
            }
            Change::DeleteEip { .. } => self.loose_eips -= 1,
            Change::DeleteGroup { id } => drop(self.groups.remove(&id)),
            Change::DeleteInstance { id } => {
                self.instances.remove(&id);
                self.targets.remove(&id);
            }
            Change::DeleteVpc { id } => drop(self.vpcs.remove(&id)),
            Change::Deregister { instances } => {
                self.targets.retain(|instance, _| !instances.contains_key(instance));
            }
            Change::RenameBalancer { id, name, description } => {
                let balancer = self.balancers.get_mut(&id).expect("it was there");
                (balancer.0, balancer.1) = (name, description);
            }
            Change::RenameVpc { id, name, description } => {
                self.vpcs.insert(id, (name, description));
            }
            Change::Register { targets } => self.targets.extend(targets),
            Change::Weigh { weights } => {
                for (instance, (_, weight)) in weights {
                    self.targets.get_mut(&instance).expect("it was there").1 = weight;
                }
            }
        }
        self
    }

    /// How many ids a change makes.
    pub(crate) fn makes(change: &Change) -> usize {
        match change {
            Change::CreateInstances { count, .. } => *count,
            Change::CreateBalancer { .. } | Change::CreateGroup { .. } | Change::CreateVpc { .. } => 1,
            _ => 0,
        }
    }

    /// The ids of what is here and was not there before.
    pub(crate) fn new_since(&self, before: &Self) -> BTreeSet<String> {
        self.ids().difference(&before.ids()).cloned().collect()
    }

    fn ids(&self) -> BTreeSet<String> {
        let keys = self.balancers.keys().chain(self.instances.keys());
        keys.chain(self.groups.keys()).chain(self.vpcs.keys()).cloned().collect()
    }
}

/// What became of a request whose reply never came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// All of it is there.
    Kept,
    /// There was no such request.
    None,
    /// Nothing of it is there.
    Vanished,
}

/// Compares what is seen with what must be there: every acknowledged change, and of the one whose reply never came
/// all or nothing.
pub(crate) fn judge(known: &Holdings, asked: Option<&Change>, seen: &Holdings) -> Result<Fate, String> {
    let Some(change) = asked else {
        return if seen == known { Ok(Fate::None) } else { Err(told(known, None, seen)) };
    };
    if seen == known {
        return Ok(Fate::Vanished);
    }
    let made = seen.new_since(known);
    if made.len() == Holdings::makes(change) && known.clone().after(change, &made) == *seen {
        return Ok(Fate::Kept);
    }
    Err(told(known, Some(change), seen))
}

fn told(known: &Holdings, asked: Option<&Change>, seen: &Holdings) -> String {
    format!("acknowledged:\n{known:#?}\nasked for without a reply:\n{asked:#?}\nfound:\n{seen:#?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holdings(instances: &[(&str, &str)]) -> Holdings {
        let instances = instances.iter().map(|(id, name)| ((*id).into(), (*name).into())).collect();
        Holdings { instances, ..Holdings::default() }
    }

    #[test]
    fn lost_and_half_changes_are_found() {
        let known = holdings(&[("i-1", "a")]);
        let asked = Change::CreateInstances { name: "b".into(), count: 2 };
        let whole = holdings(&[("i-1", "a"), ("i-2", "b"), ("i-3", "b")]);
        assert_eq!(judge(&known, Some(&asked), &whole), Ok(Fate::Kept));
        assert_eq!(judge(&known, Some(&asked), &known), Ok(Fate::Vanished));
        assert_eq!(judge(&known, None, &known), Ok(Fate::None));
        let half = holdings(&[("i-1", "a"), ("i-2", "b")]);
        assert!(judge(&known, Some(&asked), &half).is_err());
        let other = holdings(&[("i-1", "a"), ("i-2", "b"), ("i-3", "c")]);
        assert!(judge(&known, Some(&asked), &other).is_err());
        let lost = holdings(&[("i-2", "b"), ("i-3", "b")]);
        assert!(judge(&known, Some(&asked), &lost).is_err());
        assert!(judge(&known, None, &whole).is_err());
    }
}
