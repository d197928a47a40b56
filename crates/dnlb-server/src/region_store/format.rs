//! How a region lies in the store: one key an object, with the version of its shape and whom it belongs to.

use std::sync::Arc;

use dnlb_model::{AccountId, BackendId, InstanceId, Map, Region, changes};
use dnlb_store::{Listing, StoreError};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::OpenError;

/// Version of the stored objects' shape: raise it when an older program could no longer read them.
///
/// 3 has owners, accounts, users, keys and sessions; what 2 wrote reads as the operating account's.
pub(super) const SCHEMA: u32 = 3;

/// Written by every transaction and a condition of every transaction: of two servers that decided on
/// the same revision only one commits, whatever each of them touched.
pub(super) const HEAD: &str = "region/head";

pub(super) const PREFIX: &str = "region/";

const SETTINGS: &str = "region/settings";

/// Calls a macro with every collection whose objects have an owner.
macro_rules! with_resources {
    ($call:ident) => {
        $call!(
            acls,
            ags,
            backends,
            eips,
            instances,
            listeners,
            load_balancers,
            security_groups,
            subnets,
            target_groups,
            templates,
            vpcs
        )
    };
}
pub(crate) use with_resources;

/// Calls a macro with every collection whose objects say themselves which account they are of.
macro_rules! with_identities {
    ($call:ident) => {
        $call!(access_keys, sessions, users)
    };
}
pub(crate) use with_identities;

/// Calls a macro with every other collection that maps an id to an object.
macro_rules! with_others {
    ($call:ident) => {
        $call!(accounts, generations, hosts)
    };
}

/// Calls a macro with every collection whose keys are a backend service and an instance.
macro_rules! with_pairs {
    ($call:ident) => {
        $call!(draining, health)
    };
}

/// An object as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored<T> {
    schema: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<AccountId>,
    object: T,
}

pub(super) fn encode<T: Serialize + ?Sized>(
    key: &str,
    account: Option<AccountId>,
    object: &T,
) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(&Stored { schema: SCHEMA, account, object }).map_err(|source| {
        tracing::error!(key, "an object cannot be encoded");
        StoreError::Failed { doing: "encoding an object", source: source.into() }
    })
}

fn decode<T: DeserializeOwned>(key: &str, value: &[u8]) -> Result<Stored<T>, OpenError> {
    let object = |source| OpenError::Object { key: key.to_owned(), source };
    // The version first: a later shape need not read as ours at all.
    let stored: Stored<serde::de::IgnoredAny> = serde_json::from_slice(value).map_err(object)?;
    if stored.schema > SCHEMA {
        return Err(OpenError::Schema { key: key.to_owned(), found: stored.schema, known: SCHEMA });
    }
    serde_json::from_slice::<Stored<T>>(value).map_err(object)
}

/// The region that a listing holds, and the revision of its head.
pub(super) fn read(listing: Listing) -> Result<(u64, Region), OpenError> {
    let mut region = Region { revision: listing.revision, ..Region::default() };
    let mut head = 0;
    // One allocation an account, not one a resource.
    let mut accounts: Map<AccountId, AccountId> = Map::new();
    for entry in listing.entries {
        let (key, value) = (entry.key, entry.value);
        if key == HEAD {
            head = entry.revision;
            continue;
        }
        if key == SETTINGS {
            region.settings = Arc::new(decode(&key, &value)?.object);
            continue;
        }
        let unknown = || OpenError::UnknownKey { key: key.clone() };
        let (collection, id) =
            key.strip_prefix(PREFIX).and_then(|rest| rest.split_once('/')).ok_or_else(unknown)?;
        let pair = || -> Result<(BackendId, InstanceId), OpenError> {
            let (backend, instance) = id.split_once('/').ok_or_else(unknown)?;
            Ok((backend.into(), instance.into()))
        };
        macro_rules! resources {
            ($($name:ident),*) => {
                match collection {
                    $(stringify!($name) => {
                        let stored = decode(&key, &value)?;
                        region.$name.insert(id.into(), Arc::new(stored.object));
                        if let Some(account) = stored.account {
                            let shared = accounts.entry(account.clone()).or_insert_with(|| Arc::new(account));
                            region.owners.insert(id.to_owned(), Arc::clone(shared));
                        }
                        continue;
                    })*
                    _ => {}
                }
            };
        }
        macro_rules! plain {
            ($($name:ident),*) => {
                match collection {
                    $(stringify!($name) => {
                        region.$name.insert(id.into(), Arc::new(decode(&key, &value)?.object));
                        continue;
                    })*
                    _ => {}
                }
            };
        }
        macro_rules! pairs {
            ($($name:ident),*) => {
                match collection {
                    $(stringify!($name) => {
                        region.$name.insert(pair()?, Arc::new(decode(&key, &value)?.object));
                        continue;
                    })*
                    _ => {}
                }
            };
        }
        with_resources!(resources);
        with_identities!(plain);
        with_others!(plain);
        with_pairs!(pairs);
        return Err(unknown());
    }
    region.index = region.index();
    Ok((head, region))
}

/// Keys with their new values; none deletes.
pub(crate) type Writes = Vec<(String, Option<Vec<u8>>)>;

/// What to write so that the store holds `new` instead of `old`.
pub(super) fn difference(old: &Region, new: &Region) -> Result<Writes, StoreError> {
    let mut writes = Writes::new();
    if !Arc::ptr_eq(&old.settings, &new.settings) && old.settings != new.settings {
        writes.push((SETTINGS.to_owned(), Some(encode(SETTINGS, None, &*new.settings)?)));
    }
    macro_rules! resources {
        ($($name:ident),*) => {$(
            diff_map(&mut writes, &old.$name, &new.$name, |id| {
                (format!("region/{}/{id}", stringify!($name)), Some(new.owner(id.as_str())))
            })?;
        )*};
    }
    macro_rules! plain {
        ($($name:ident),*) => {$(
            diff_map(&mut writes, &old.$name, &new.$name, |id| {
                (format!("region/{}/{id}", stringify!($name)), None)
            })?;
        )*};
    }
    macro_rules! pairs {
        ($($name:ident),*) => {$(
            diff_map(&mut writes, &old.$name, &new.$name, |(backend, instance)| {
                (format!("region/{}/{backend}/{instance}", stringify!($name)), None)
            })?;
        )*};
    }
    with_resources!(resources);
    with_identities!(plain);
    with_others!(plain);
    with_pairs!(pairs);
    Ok(writes)
}

fn diff_map<K: Ord, V: Serialize + PartialEq>(
    writes: &mut Writes,
    old: &Map<K, V>,
    new: &Map<K, V>,
    name: impl Fn(&K) -> (String, Option<AccountId>),
) -> Result<(), StoreError> {
    for (id, _, object) in changes(old, new) {
        let (key, account) = name(id);
        let value = object.map(|object| encode(&key, account, &**object)).transpose()?;
        writes.push((key, value));
    }
    Ok(())
}
