//! Rows of backend services.

use std::{collections::BTreeMap, sync::Arc};

use dnlb_model::{BackendConfig, MemberSet};

use super::{CompileError, ROWS_MAX};
use crate::{
    RowRange,
    alloc::{BackendDemand, BackendPlace},
    rows,
};

/// The rows of a backend service, before anybody has a slot.
pub(super) struct Table {
    /// Who owns the rows of each generation, by position in the set: most of the work, and the same whenever the set is.
    owners: Vec<Arc<[u32]>>,
    rows: u32,
    /// Everybody that a chain may name, and the index of their host.
    members: BTreeMap<u32, u16>,
}

impl Table {
    /// The table of `backend`, given what it and its configuration were before.
    pub(super) fn new(
        number: u32,
        backend: &BackendConfig,
        former: Option<(&BackendConfig, &Self)>,
    ) -> Result<Self, CompileError> {
        for set in &backend.generations {
            let possible = set.rows.is_power_of_two() && set.rows <= ROWS_MAX;
            let empty = set.rows == 0 && set.members.is_empty();
            if !possible && !empty {
                return Err(CompileError::NoRows { backend: number, rows: set.rows });
            }
        }
        let mut members = BTreeMap::new();
        for set in &backend.generations {
            for (&instance, member) in &set.members {
                members.entry(instance).or_insert(member.host);
            }
        }
        for (&instance, &host) in &backend.others {
            members.entry(instance).or_insert(host);
        }
        // A superset of those that rows name: telling which would cost more than the slots of the others.
        members.retain(|_, host| *host != 0);
        if members.is_empty() {
            return Ok(Self { owners: Vec::new(), rows: 0, members });
        }
        let known = |set: &MemberSet| {
            let (config, table) = former?;
            let at = config.generations.iter().position(|former| same_rows(former, set))?;
            table.owners.get(at).cloned()
        };
        let owners = |set| known(set).unwrap_or_else(|| rows::owners(set).into());
        Ok(Self {
            owners: backend.generations.iter().map(owners).collect(),
            rows: backend.generations.iter().map(|set| set.rows).max().unwrap_or(0),
            members,
        })
    }

    /// How many rows it has.
    pub(super) fn rows(&self) -> u32 {
        self.rows
    }

    /// Everybody that a chain may name, and the index of their host.
    pub(super) fn members(&self) -> &BTreeMap<u32, u16> {
        &self.members
    }

    pub(super) fn demand(&self) -> BackendDemand {
        BackendDemand { rows: self.rows, members: self.members.clone() }
    }

    /// Its rows in their place.
    pub(super) fn range(&self, backend: &BackendConfig, place: &BackendPlace) -> RowRange {
        // Those who are not to be named have no slot.
        let slots = |unheard: bool| -> Vec<Vec<u16>> {
            let slot = |instance: &u32| {
                let named = backend.unheard.contains(instance) == unheard;
                if named { place.slot(*instance).unwrap_or(0) } else { 0 }
            };
            backend.generations.iter().map(|set| set.members.keys().map(slot).collect()).collect()
        };
        // Whoever may be dead keeps packets from all behind.
        let (heard, unheard) = (slots(false), slots(true));
        let last = if backend.unheard.is_empty() { 0 } else { self.owners.len() };
        let owners = self.owners.iter().chain(&self.owners[..last]);
        let tables =
            owners.zip(heard.iter().chain(&unheard)).map(|(owners, slots)| (&**owners, slots.as_slice()));
        let cold = rows::chain(self.rows, tables);
        RowRange { base: place.rows.base, hot: cold.iter().map(|chain| chain[0]).collect(), cold }
    }
}

/// Whether the rows of two sets have the same owners: hosts do not matter.
fn same_rows(a: &MemberSet, b: &MemberSet) -> bool {
    let same = |((a, x), (b, y)): ((&u32, &dnlb_model::MemberConfig), (&u32, &dnlb_model::MemberConfig))| {
        a == b && x.weight == y.weight
    };
    a.rows == b.rows && a.members.len() == b.members.len() && a.members.iter().zip(&b.members).all(same)
}
