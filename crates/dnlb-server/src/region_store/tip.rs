//! Changes that are decided and not durable yet.
//!
//! A commit takes as long as the disk takes to sync. Changes that come meanwhile are decided at once, each on what the one before it has left, and
//! become durable together by the next commit: their number costs next to nothing. None is told of before it is durable.

use std::{collections::BTreeMap, sync::Arc};

use dnlb_model::Region;
use dnlb_store::{StoreError, Transaction};
use tokio::sync::watch;

use super::{
    format::{HEAD, Writes},
    views::Views,
};

/// How a commit ended; none: it has not ended.
type Ended = Option<Result<(), Arc<StoreError>>>;

/// What the next change goes on from.
pub(super) struct Tip {
    /// The newest region. Its revision is that of the one that it came from.
    pub(super) region: Arc<Region>,
    /// What accounts see of it.
    pub(super) views: Views,
    /// The revision that last wrote [`HEAD`].
    head: u64,
    waiting: Waiting,
    /// Of the commit under way.
    under_way: Option<Outcome>,
}

/// What the next commit writes, and who waits for it.
struct Waiting {
    writes: BTreeMap<String, Option<Vec<u8>>>,
    ended: watch::Sender<Ended>,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { writes: BTreeMap::new(), ended: watch::Sender::new(None) }
    }
}

/// One commit.
pub(super) struct Batch {
    pub(super) transaction: Transaction,
    /// The region when it is durable, but for its revision.
    pub(super) region: Arc<Region>,
    pub(super) views: Views,
    ended: watch::Sender<Ended>,
}

impl Batch {
    /// Tells all that wait for it how it ended.
    pub(super) fn end(self, result: Result<(), Arc<StoreError>>) {
        self.ended.send_replace(Some(result));
    }
}

/// Where to wait for the end of a commit.
#[derive(Clone)]
pub(super) struct Outcome(watch::Receiver<Ended>);

impl Outcome {
    pub(super) async fn wait(mut self) -> Result<(), Arc<StoreError>> {
        match self.0.wait_for(Option::is_some).await.map(|ended| ended.clone()) {
            Ok(ended) => ended.unwrap_or(Ok(())),
            Err(gone) => Err(Arc::new(StoreError::Unacknowledged { source: gone.into() })),
        }
    }
}

impl Tip {
    pub(super) fn new(region: Arc<Region>, views: Views, head: u64) -> Self {
        Self { region, views, head, waiting: Waiting::default(), under_way: None }
    }

    /// Goes on to a region that differs by these writes, the one of [`HEAD`] among them.
    pub(super) fn advance(&mut self, region: Region, writes: Writes) {
        self.views.follow(&self.region, &region);
        self.region = Arc::new(region);
        // Of two writes of a key the later one is what will be there.
        self.waiting.writes.extend(writes);
    }

    /// What has to end before anything that was seen here is durable; none if all is.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        if self.waiting.writes.is_empty() {
            self.under_way.clone()
        } else {
            Some(Outcome(self.waiting.ended.subscribe()))
        }
    }

    /// What is to be committed now; none while a commit is under way, or if there is nothing.
    pub(super) fn begin(&mut self) -> Option<Batch> {
        if self.under_way.is_some() || self.waiting.writes.is_empty() {
            return None;
        }
        let Waiting { writes, ended } = std::mem::take(&mut self.waiting);
        self.under_way = Some(Outcome(ended.subscribe()));
        let conditions = vec![(HEAD.to_owned(), self.head)];
        let transaction = Transaction { conditions, writes: writes.into_iter().collect() };
        Some(Batch { transaction, region: Arc::clone(&self.region), views: self.views.clone(), ended })
    }

    /// The commit under way has succeeded: the region that is durable now.
    pub(super) fn committed(&mut self, batch: &Batch, revision: u64) -> Arc<Region> {
        let durable = Arc::new(Region { revision, ..Region::clone(&batch.region) });
        if Arc::ptr_eq(&self.region, &batch.region) {
            self.region = Arc::clone(&durable);
        }
        self.head = revision;
        self.under_way = None;
        durable
    }

    /// The commit under way has failed: goes on from what the store says. What was decided meanwhile was decided on what is not there, and
    /// fails, too.
    pub(super) fn failed(
        &mut self,
        region: Arc<Region>,
        views: Views,
        head: Option<u64>,
        why: &Arc<StoreError>,
    ) {
        let waiting = std::mem::take(&mut self.waiting);
        let head = head.unwrap_or(self.head);
        *self = Self::new(region, views, head);
        let why = match &**why {
            // Of these it is known: nothing of them was written.
            StoreError::Unacknowledged { .. } => Arc::new(StoreError::Failed {
                doing: "committing the changes before",
                source: Arc::clone(why).into(),
            }),
            _ => Arc::clone(why),
        };
        waiting.ended.send_replace(Some(Err(why)));
    }
}
