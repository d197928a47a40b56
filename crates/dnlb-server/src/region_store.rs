//! The region as one value in memory, and durable: every change is one transaction of the store.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use dnlb_model::{BackendId, Draining, Health, InstanceId, Map, Region, RegionSettings, changes};
use dnlb_store::{Listing, Store, StoreError, Transaction};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::sync::{Mutex, watch};

/// The region: snapshots for readers, transactions for writers.
///
/// # Invariants
/// A snapshot shows only what is durable. Snapshots appear in the order of their revisions.
#[derive(Clone)]
pub struct RegionStore {
    store: Arc<dyn Store>,
    /// One writer at a time; holds the revision that last wrote [`HEAD`].
    writer: Arc<Mutex<u64>>,
    snapshots: Arc<watch::Sender<Arc<Region>>>,
}

/// Why a change did not happen.
#[derive(Debug, thiserror::Error)]
pub enum TransactError<E> {
    /// The change itself refused, with its own reason; nothing was written.
    #[error("refused")]
    Refused(#[source] E),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a region could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// An object of the store does not read as what its key says.
    #[error("`{key}` cannot be read")]
    Object {
        /// Its key.
        key: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The store holds another region.
    #[error("the store holds region `{found}`, not `{wanted}`")]
    OtherRegion {
        /// What the store says.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// An object was written by a later version of this program.
    #[error("`{key}` has schema {found}; this program knows up to {SCHEMA}")]
    Schema {
        /// Its key.
        key: String,
        /// Its schema version.
        found: u32,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key that this program does not know.
    #[error("`{key}` is not a key of a region")]
    UnknownKey {
        /// The key.
        key: String,
    },
}

/// Version of the stored objects' shape: raise it when an older program could no longer read them.
const SCHEMA: u32 = 2;

/// Written by every transaction and a condition of every transaction: of two servers that decided on
/// the same revision only one commits, whatever each of them touched.
const HEAD: &str = "region/head";

const PREFIX: &str = "region/";

const SETTINGS: &str = "region/settings";

/// Calls a macro with every collection that maps an id to an object.
macro_rules! with_collections {
    ($call:ident) => {
        $call!(
            acls,
            ags,
            backends,
            eips,
            generations,
            hosts,
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

impl RegionStore {
    /// Reads the region; an empty store gets one with these settings.
    ///
    /// # Errors
    /// [`OpenError`]: the store fails, or holds something else than this region.
    pub async fn open(store: Arc<dyn Store>, initial: RegionSettings) -> Result<Self, OpenError> {
        let listing = store.list(PREFIX).await?;
        let name = initial.name.clone();
        let empty = listing.entries.is_empty();
        let (head, region) = read(listing)?;
        if !empty && region.settings.name != name {
            return Err(OpenError::OtherRegion { found: region.settings.name.clone(), wanted: name });
        }
        let opened = Self {
            store,
            writer: Arc::new(Mutex::new(head)),
            snapshots: Arc::new(watch::Sender::new(Arc::new(region))),
        };
        if empty {
            let made = opened
                .transact(|region| {
                    region.settings = Arc::new(initial);
                    Ok::<(), Infallible>(())
                })
                .await;
            match made {
                Ok(()) => {}
                Err(TransactError::Refused(never)) => match never {},
                Err(TransactError::Store(error)) => return Err(error.into()),
            }
        }
        Ok(opened)
    }

    /// The region as it is now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Region> {
        self.snapshots.borrow().clone()
    }

    /// Follows the region: wakes at every new revision; those in between may be skipped.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Arc<Region>> {
        self.snapshots.subscribe()
    }

    /// Changes the region: runs `change` on a copy, lets the copy remember what it changes ([`dnlb_plan::follow`]), and writes the difference as one transaction, durable and
    /// visible in [`Self::snapshot`] when this returns. No difference: no write and no new revision.
    ///
    /// Changes run one after the other. Dropping the future before `change` has run does nothing; after
    /// that the transaction goes on to its end.
    ///
    /// # Errors
    /// [`TransactError::Refused`] with the error of `change`: nothing is written, whatever it did to its copy.
    pub async fn transact<T, E>(
        &self,
        change: impl FnOnce(&mut Region) -> Result<T, E>,
    ) -> Result<T, TransactError<E>> {
        let mut head = Arc::clone(&self.writer).lock_owned().await;
        let old = self.snapshot();
        let mut new = Region::clone(&old);
        let result = change(&mut new).map_err(TransactError::Refused)?;
        dnlb_plan::follow(&old, &mut new, unix_time());
        let mut writes = difference(&old, &new)?;
        if writes.is_empty() {
            return Ok(result);
        }
        writes.push((HEAD.to_owned(), Some(encode(HEAD, &())?)));
        let transaction = Transaction { conditions: vec![(HEAD.to_owned(), *head)], writes };

        // On a task of its own: a caller that goes away must not leave a commit that no snapshot shows.
        let (store, snapshots) = (Arc::clone(&self.store), Arc::clone(&self.snapshots));
        let commit = tokio::spawn(async move {
            let committed = store.commit(transaction).await;
            match committed {
                Ok(revision) => {
                    new.revision = revision;
                    *head = revision;
                    snapshots.send_replace(Arc::new(new));
                }
                // Unknown outcome, or another writer: whatever it was, go on from what the store says.
                Err(_) => match store.list(PREFIX).await.map(read) {
                    Ok(Ok((found, region))) => {
                        *head = found;
                        snapshots.send_replace(Arc::new(region));
                    }
                    _ => tracing::error!("the store cannot be read back after a failed commit"),
                },
            }
            committed.map(drop)
        });
        match commit.await {
            Ok(Ok(())) => Ok(result),
            Ok(Err(error)) => Err(TransactError::Store(error)),
            Err(join) => Err(StoreError::Unacknowledged { source: join.into() }.into()),
        }
    }
}

/// An object as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored<T> {
    schema: u32,
    object: T,
}

fn encode<T: Serialize + ?Sized>(key: &str, object: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(&Stored { schema: SCHEMA, object }).map_err(|source| {
        tracing::error!(key, "an object cannot be encoded");
        StoreError::Failed { doing: "encoding an object", source: source.into() }
    })
}

fn decode<T: DeserializeOwned>(key: &str, value: &[u8]) -> Result<T, OpenError> {
    let object = |source| OpenError::Object { key: key.to_owned(), source };
    // The version first: a later shape need not read as ours at all.
    let stored: Stored<serde::de::IgnoredAny> = serde_json::from_slice(value).map_err(object)?;
    if stored.schema > SCHEMA {
        return Err(OpenError::Schema { key: key.to_owned(), found: stored.schema });
    }
    serde_json::from_slice::<Stored<T>>(value).map(|stored| stored.object).map_err(object)
}

/// The region that a listing holds, and the revision of its head.
fn read(listing: Listing) -> Result<(u64, Region), OpenError> {
    let mut region = Region { revision: listing.revision, ..Region::default() };
    let mut head = 0;
    for entry in listing.entries {
        let (key, value) = (entry.key, entry.value);
        if key == HEAD {
            head = entry.revision;
            continue;
        }
        if key == SETTINGS {
            region.settings = Arc::new(decode(&key, &value)?);
            continue;
        }
        let unknown = || OpenError::UnknownKey { key: key.clone() };
        let (collection, id) =
            key.strip_prefix(PREFIX).and_then(|rest| rest.split_once('/')).ok_or_else(unknown)?;
        macro_rules! insert {
            ($($name:ident),*) => {
                match collection {
                    $(stringify!($name) => {
                        region.$name.insert(id.into(), Arc::new(decode(&key, &value)?));
                    })*
                    "health" => {
                        let (backend, instance) = id.split_once('/').ok_or_else(unknown)?;
                        region.health.insert((backend.into(), instance.into()), Arc::new(decode(&key, &value)?));
                    }
                    "draining" => {
                        let (backend, instance) = id.split_once('/').ok_or_else(unknown)?;
                        region.draining.insert((backend.into(), instance.into()), Arc::new(decode(&key, &value)?));
                    }
                    _ => return Err(unknown()),
                }
            };
        }
        with_collections!(insert);
    }
    Ok((head, region))
}

type Writes = Vec<(String, Option<Vec<u8>>)>;

fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// What to write so that the store holds `new` instead of `old`.
fn difference(old: &Region, new: &Region) -> Result<Writes, StoreError> {
    let mut writes = Writes::new();
    if !Arc::ptr_eq(&old.settings, &new.settings) && old.settings != new.settings {
        writes.push((SETTINGS.to_owned(), Some(encode(SETTINGS, &*new.settings)?)));
    }
    macro_rules! diff {
        ($($name:ident),*) => {$(
            diff_map(&mut writes, &old.$name, &new.$name, |id| format!("region/{}/{id}", stringify!($name)))?;
        )*};
    }
    with_collections!(diff);
    diff_map::<(BackendId, InstanceId), Health>(
        &mut writes,
        &old.health,
        &new.health,
        |(backend, instance)| format!("region/health/{backend}/{instance}"),
    )?;
    diff_map::<(BackendId, InstanceId), Draining>(
        &mut writes,
        &old.draining,
        &new.draining,
        |(backend, instance)| format!("region/draining/{backend}/{instance}"),
    )?;
    Ok(writes)
}

fn diff_map<K: Ord, V: Serialize + PartialEq>(
    writes: &mut Writes,
    old: &Map<K, V>,
    new: &Map<K, V>,
    name: impl Fn(&K) -> String,
) -> Result<(), StoreError> {
    for (id, _, object) in changes(old, new) {
        let key = name(id);
        let value = object.map(|object| encode(&key, &**object)).transpose()?;
        writes.push((key, value));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
