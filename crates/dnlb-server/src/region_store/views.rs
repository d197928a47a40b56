//! What each account sees of a region, and how what it changes comes into the whole.
//!
//! Operations are written as if an account were alone in the region: they look at its view and change it. So none can see, name or count
//! what another account has, whatever it does.

use std::{collections::BTreeSet, sync::Arc};

use dnlb_model::{AccountId, Map, Region, changes};

use super::format::{with_identities, with_resources};

/// A region of each account that has anything: its resources, their health, its users, keys and sessions. What is common to all,
/// settings and hosts, is put in when a view is taken.
#[derive(Clone, Default)]
pub(super) struct Views(Map<AccountId, Region>);

/// A view has made an id that exists in the whole. Ids are random: it does not happen twice.
#[derive(Debug)]
pub(super) struct Collision;

impl Views {
    pub(super) fn of(region: &Region) -> Self {
        let mut views = Self::default();
        views.follow(&Region::default(), region);
        views
    }

    /// The region as an account sees it.
    pub(super) fn view(&self, whole: &Region, account: &AccountId) -> Region {
        let mut view = self.0.get(account).map(|view| Region::clone(view)).unwrap_or_default();
        view.revision = whole.revision;
        view.settings = Arc::clone(&whole.settings);
        view.hosts = whole.hosts.clone();
        if let Some(own) = whole.accounts.get(account) {
            view.accounts.insert(account.clone(), Arc::clone(own));
        }
        view
    }

    /// Brings the views from one revision of the whole to another.
    pub(super) fn follow(&mut self, old: &Region, new: &Region) {
        let mut touched = BTreeSet::new();
        macro_rules! resources {
            ($($name:ident),*) => {$(
                for (id, _, object) in changes(&old.$name, &new.$name) {
                    let account = if object.is_some() { new } else { old }.owner(id.as_str());
                    put(&mut self.of_account(account.clone()).$name, id, object);
                    touched.insert(account);
                }
            )*};
        }
        macro_rules! identities {
            ($($name:ident),*) => {$(
                for (id, was, is) in changes(&old.$name, &new.$name) {
                    let Some(account) = is.or(was).map(|object| object.account.clone()) else { continue };
                    put(&mut self.of_account(account).$name, id, is);
                }
            )*};
        }
        with_resources!(resources);
        with_identities!(identities);
        for (key, _, health) in changes(&old.health, &new.health) {
            let account = if new.backends.contains_key(&key.0) { new } else { old }.owner(key.0.as_str());
            put(&mut self.of_account(account.clone()).health, key, health);
            touched.insert(account);
        }
        for account in touched {
            let view = self.of_account(account);
            view.index = view.index();
        }
    }

    fn of_account(&mut self, account: AccountId) -> &mut Region {
        Arc::make_mut(self.0.entry(account).or_default())
    }
}

/// Brings what an account has changed of its view into the whole.
pub(super) fn merge(
    whole: &mut Region,
    account: &AccountId,
    before: &Region,
    after: &Region,
) -> Result<(), Collision> {
    whole.settings = Arc::clone(&after.settings);
    let owner = Arc::new(account.clone());
    macro_rules! resources {
        ($($name:ident),*) => {$(
            for (id, was, is) in changes(&before.$name, &after.$name) {
                if was.is_none() && whole.$name.contains_key(id) {
                    return Err(Collision);
                }
                put(&mut whole.$name, id, is);
                put(&mut whole.owners, &id.0, is.map(|_| &owner));
            }
        )*};
    }
    macro_rules! identities {
        ($($name:ident),*) => {$(
            for (id, was, is) in changes(&before.$name, &after.$name) {
                if was.is_none() && whole.$name.contains_key(id) {
                    return Err(Collision);
                }
                put(&mut whole.$name, id, is);
            }
        )*};
    }
    with_resources!(resources);
    with_identities!(identities);
    for (key, _, health) in changes(&before.health, &after.health) {
        put(&mut whole.health, key, health);
    }
    Ok(())
}

fn put<K: Ord + Clone, V: Clone>(map: &mut Map<K, V>, key: &K, object: Option<&Arc<V>>) {
    match object {
        Some(object) => map.insert(key.clone(), Arc::clone(object)),
        None => map.remove(key),
    };
}
