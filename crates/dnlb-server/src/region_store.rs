//! The region as one value in memory, and durable: every change is one transaction of the store.

mod format;
mod tip;
mod views;

use std::{
    convert::Infallible,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use dnlb_model::{AccountId, Region, RegionSettings};
use dnlb_store::{Store, StoreError};
use tokio::sync::{Mutex, watch};

use crate::journal::{self, Actor};

use format::{HEAD, PREFIX, difference, encode, read};
pub(crate) use format::{Writes, with_identities, with_resources};
use tip::{Batch, Tip};
use views::{Views, merge};

/// The region: snapshots for readers, transactions for writers.
///
/// # Invariants
/// A snapshot shows only what is durable. Snapshots appear in the order of their revisions.
#[derive(Clone)]
pub struct RegionStore {
    store: Arc<dyn Store>,
    /// One change is decided at a time.
    tip: Arc<Mutex<Tip>>,
    snapshots: Arc<watch::Sender<Arc<Region>>>,
    views: Arc<watch::Sender<Views>>,
}

/// Why a change did not happen.
#[derive(Debug, thiserror::Error)]
pub enum TransactError<E> {
    /// The change itself refused, with its own reason; nothing was written.
    #[error("refused")]
    Refused(#[source] E),
    /// The store failed: for all whose changes it was to write together.
    #[error(transparent)]
    Store(Arc<StoreError>),
}

impl<E> From<StoreError> for TransactError<E> {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
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
    #[error("`{key}` has schema {found}; this program knows up to {known}")]
    Schema {
        /// Its key.
        key: String,
        /// Its schema version.
        found: u32,
        /// The latest that this program knows.
        known: u32,
    },
    /// The store failed.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// A key that this program does not know.
    #[error("`{key}` is not a key of a region")]
    UnknownKey {
        /// The key.
        key: String,
    },
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
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
        let views = Views::of(&region);
        let region = Arc::new(region);
        let opened = Self {
            store,
            tip: Arc::new(Mutex::new(Tip::new(Arc::clone(&region), views.clone(), head))),
            views: Arc::new(watch::Sender::new(views)),
            snapshots: Arc::new(watch::Sender::new(region)),
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
                Err(TransactError::Store(error)) => return Err(OpenError::Store(error)),
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

    /// The region as an account sees it now: as if it were alone.
    #[must_use]
    pub fn view(&self, account: &AccountId) -> Region {
        // Both were true, though not at the same moment: views have no order among each other.
        let whole = self.snapshot();
        self.views.borrow().view(&whole, account)
    }

    /// Changes the region: runs `change` on a copy, lets the copy remember what it changes ([`dnlb_plan::follow`]), and writes the
    /// difference as one transaction, durable and visible in [`Self::snapshot`] when this returns. No difference: no write and no new
    /// revision.
    ///
    /// Changes run one after the other, and may become durable together; a reply, also a refusal, waits until what it has seen is.
    /// Dropping the future before `change` has run does nothing; after that the transaction goes on to its end.
    ///
    /// # Errors
    /// [`TransactError::Refused`] with the error of `change`: nothing is written, whatever it did to its copy.
    pub async fn transact<T, E>(
        &self,
        change: impl FnOnce(&mut Region) -> Result<T, E>,
    ) -> Result<T, TransactError<E>> {
        self.commit(None, |_, new| change(new).map_err(TransactError::Refused)).await
    }

    /// As [`Self::transact`], by somebody and of what its account sees: `change` gets the view, and the whole region to look at. A
    /// record of it is written with it.
    ///
    /// # Errors
    /// As [`Self::transact`].
    pub async fn transact_as<T, E>(
        &self,
        actor: &Actor,
        change: impl FnOnce(&mut Region, &Region) -> Result<T, E>,
    ) -> Result<T, TransactError<E>> {
        let account = &actor.caller.account;
        self.commit(Some(actor), |tip, new| {
            let before = tip.views.view(&tip.region, account);
            let mut after = before.clone();
            let result = change(&mut after, &tip.region).map_err(TransactError::Refused)?;
            merge(new, account, &before, &after).map_err(|_| StoreError::Failed {
                doing: "merging a change",
                source: "an id is taken".into(),
            })?;
            Ok(result)
        })
        .await
    }

    /// As [`Self::transact`], by somebody who may change the whole region. A record of it is written with it.
    ///
    /// # Errors
    /// As [`Self::transact`].
    pub async fn transact_whole_as<T, E>(
        &self,
        actor: &Actor,
        change: impl FnOnce(&mut Region) -> Result<T, E>,
    ) -> Result<T, TransactError<E>> {
        self.commit(Some(actor), |_, new| change(new).map_err(TransactError::Refused)).await
    }

    /// The store below, for what lies beside the region.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    async fn commit<T, E>(
        &self,
        actor: Option<&Actor>,
        change: impl FnOnce(&Tip, &mut Region) -> Result<T, TransactError<E>>,
    ) -> Result<T, TransactError<E>> {
        let (result, outcome) = {
            let mut tip = self.tip.lock().await;
            let result = decide(&mut tip, actor, change);
            if let Some(batch) = tip.begin() {
                // On a task of its own: a caller that goes away must not leave a commit that no snapshot shows.
                tokio::spawn(self.clone().carry_out(batch));
            }
            (result, tip.outcome())
        };
        // Also if it was refused, or changed nothing: why may not be durable yet.
        if let Some(outcome) = outcome {
            outcome.wait().await.map_err(TransactError::Store)?;
        }
        result
    }

    /// Commits, and then what was decided meanwhile, until there is nothing more.
    async fn carry_out(self, mut batch: Batch) {
        loop {
            let committed = self.store.commit(std::mem::take(&mut batch.transaction)).await;
            let mut tip = self.tip.lock().await;
            let result = match committed {
                Ok(revision) => {
                    let durable = tip.committed(&batch, revision);
                    self.views.send_replace(batch.views.clone());
                    self.snapshots.send_replace(durable);
                    Ok(())
                }
                Err(error) => {
                    let error = Arc::new(error);
                    self.read_back(&mut tip, &error).await;
                    Err(error)
                }
            };
            let next = tip.begin();
            drop(tip);
            match next {
                Some(next) => std::mem::replace(&mut batch, next).end(result),
                None => {
                    // Whoever hears of the end may open the store again.
                    drop(self);
                    return batch.end(result);
                }
            }
        }
    }

    /// After a commit with an unknown outcome, or one by another writer: whatever it was, goes on from what the store says.
    async fn read_back(&self, tip: &mut Tip, why: &Arc<StoreError>) {
        match self.store.list(PREFIX).await.map(read) {
            Ok(Ok((head, region))) => {
                let views = Views::of(&region);
                let region = Arc::new(region);
                self.views.send_replace(views.clone());
                self.snapshots.send_replace(Arc::clone(&region));
                tip.failed(region, views, Some(head), why);
            }
            _ => {
                tracing::error!("the store cannot be read back after a failed commit");
                tip.failed(self.snapshot(), self.views.borrow().clone(), None, why);
            }
        }
    }
}

/// Runs a change on what the one before it has left.
fn decide<T, E>(
    tip: &mut Tip,
    actor: Option<&Actor>,
    change: impl FnOnce(&Tip, &mut Region) -> Result<T, TransactError<E>>,
) -> Result<T, TransactError<E>> {
    let mut new = Region::clone(&tip.region);
    let result = change(tip, &mut new)?;
    dnlb_plan::follow(&tip.region, &mut new, unix_time());
    let mut writes = difference(&tip.region, &new)?;
    if !writes.is_empty() {
        writes.extend(journal::entries(actor, &tip.region, &new, SystemTime::now())?);
        writes.push((HEAD.to_owned(), Some(encode(HEAD, None, &())?)));
        tip.advance(new, writes);
    }
    Ok(result)
}

fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
