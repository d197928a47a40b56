use std::{net::IpAddr, path::Path};

use dnlb_model::{BackendId, Health, Host, HostId, HostState, Vpc, VpcId};
use dnlb_store::{Listing, SqliteStore, Transaction};
use futures_util::future::BoxFuture;

use super::*;
use crate::journal::tests::actor;

fn settings(name: &str) -> RegionSettings {
    RegionSettings { name: name.into(), azs: vec![format!("{name}a")], ..RegionSettings::default() }
}

async fn open(dir: &Path) -> RegionStore {
    let store = Arc::new(SqliteStore::open(&dir.join("store.db")).unwrap());
    RegionStore::open(store, settings("r-1")).await.unwrap()
}

fn vpc(id: &str) -> (VpcId, Arc<Vpc>) {
    let vpc = Vpc {
        id: id.into(),
        name: "v".into(),
        description: String::new(),
        prefix: None,
        prefix_v6: None,
        vni: 1,
        created: 0,
    };
    (id.into(), Arc::new(vpc))
}

fn health(healthy: bool) -> Arc<Health> {
    Arc::new(Health { healthy, reason: "connected".into(), since: 7 })
}

#[tokio::test]
async fn a_region_survives_its_server() {
    let dir = tempfile::tempdir().unwrap();
    let region = open(dir.path()).await;
    region
        .transact(|region| {
            region.vpcs.extend([vpc("vpc-1")]);
            let host = Host {
                id: "h1".into(),
                index: 1,
                az: "r-1a".into(),
                rack: "r1".into(),
                underlay: IpAddr::from([10, 0, 0, 1]),
                edge: false,
                compute: true,
                state: HostState::Up,
                created: 1,
            };
            region.hosts.insert(HostId::from("h1"), Arc::new(host));
            region.health.insert(("backend-1".into(), "i-1".into()), health(true));
            Ok::<_, ()>(())
        })
        .await
        .unwrap();
    let before = region.snapshot();
    drop(region);

    let after = open(dir.path()).await.snapshot();
    assert_eq!(after.revision, before.revision);
    assert_eq!(after.settings, before.settings);
    assert_eq!(after.vpcs, before.vpcs);
    assert_eq!(after.hosts, before.hosts);
    assert_eq!(after.health, before.health);
}

#[tokio::test]
async fn a_refused_change_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let region = open(dir.path()).await;
    let before = region.snapshot();
    let refused = region
        .transact(|region| {
            region.vpcs.extend([vpc("vpc-1")]);
            Err::<(), _>("no")
        })
        .await;
    assert!(matches!(refused, Err(TransactError::Refused("no"))));
    assert!(Arc::ptr_eq(&before, &region.snapshot()));
}

#[tokio::test]
async fn an_unchanged_region_keeps_its_revision() {
    let dir = tempfile::tempdir().unwrap();
    let region = open(dir.path()).await;
    let insert = |healthy| {
        move |region: &mut Region| {
            region.health.insert(("backend-1".into(), "i-1".into()), health(healthy));
            Ok::<_, ()>(())
        }
    };
    region.transact(insert(true)).await.unwrap();
    let revision = region.snapshot().revision;
    region.transact(insert(true)).await.unwrap();
    assert_eq!(region.snapshot().revision, revision);
    region.transact(insert(false)).await.unwrap();
    assert_eq!(region.snapshot().revision, revision + 1);
}

#[tokio::test]
async fn a_deleted_object_is_gone_after_reopening_too() {
    let dir = tempfile::tempdir().unwrap();
    let region = open(dir.path()).await;
    let put = |region: &mut Region| {
        region.vpcs.extend([vpc("vpc-1"), vpc("vpc-2")]);
        Ok::<_, ()>(())
    };
    region.transact(put).await.unwrap();
    region.transact(|region| Ok::<_, ()>(region.vpcs.remove(&VpcId::from("vpc-1")))).await.unwrap();
    drop(region);
    let ids: Vec<_> = open(dir.path()).await.snapshot().vpcs.keys().cloned().collect();
    assert_eq!(ids, [VpcId::from("vpc-2")]);
}

#[tokio::test]
async fn subscribers_see_the_newest_revision() {
    let dir = tempfile::tempdir().unwrap();
    let region = open(dir.path()).await;
    let mut snapshots = region.subscribe();
    snapshots.mark_unchanged();
    for id in ["vpc-1", "vpc-2"] {
        let put = |region: &mut Region| {
            region.vpcs.extend([vpc(id)]);
            Ok::<_, ()>(())
        };
        region.transact(put).await.unwrap();
    }
    snapshots.changed().await.unwrap();
    assert_eq!(snapshots.borrow_and_update().vpcs.len(), 2);
}

#[tokio::test]
async fn another_regions_store_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).await);
    let store = Arc::new(SqliteStore::open(&dir.path().join("store.db")).unwrap());
    let refused = RegionStore::open(store, settings("r-2")).await;
    assert!(matches!(refused, Err(OpenError::OtherRegion { found, .. }) if found == "r-1"));
}

/// The store's error that a change failed with, when nobody else waits for it.
fn failure<T: std::fmt::Debug>(result: Result<T, TransactError<()>>) -> StoreError {
    match result {
        Err(TransactError::Store(error)) => Arc::try_unwrap(error).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// How the next commit of a [`Faulty`] store ends.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    /// As it should.
    None,
    /// Nothing is written.
    Failed,
    /// All is written, and nobody says so.
    Unacknowledged,
}

/// A store whose commits fail on demand, and wait for as long as somebody holds `gate`.
struct Faulty {
    inner: SqliteStore,
    next: std::sync::Mutex<Fault>,
    gate: tokio::sync::Mutex<()>,
}

impl Faulty {
    fn open(dir: &Path) -> Arc<Self> {
        let inner = SqliteStore::open(&dir.join("store.db")).unwrap();
        Arc::new(Self { inner, next: Fault::None.into(), gate: ().into() })
    }
}

impl Store for Faulty {
    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Listing, StoreError>> {
        self.inner.list(prefix)
    }

    fn scan<'a>(
        &'a self,
        from: &'a str,
        to: &'a str,
        limit: usize,
        reverse: bool,
    ) -> BoxFuture<'a, Result<Listing, StoreError>> {
        self.inner.scan(from, to, limit, reverse)
    }

    fn commit(&self, transaction: Transaction) -> BoxFuture<'_, Result<u64, StoreError>> {
        let fault = std::mem::replace(&mut *self.next.lock().unwrap(), Fault::None);
        Box::pin(async move {
            drop(self.gate.lock().await);
            if fault == Fault::Failed {
                return Err(StoreError::Failed { doing: "testing", source: "disk full".into() });
            }
            let committed = self.inner.commit(transaction).await;
            if fault == Fault::Unacknowledged {
                return Err(StoreError::Unacknowledged { source: "no answer".into() });
            }
            committed
        })
    }

    fn changes(
        &self,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<dnlb_store::Change>, StoreError>> {
        self.inner.changes(after, limit)
    }

    fn revisions(&self) -> watch::Receiver<u64> {
        self.inner.revisions()
    }
}

#[tokio::test]
async fn after_a_failed_commit_the_region_is_what_the_store_says() {
    let dir = tempfile::tempdir().unwrap();
    let store = Faulty::open(dir.path());
    let region = RegionStore::open(store.clone(), settings("r-1")).await.unwrap();
    let put = |id| {
        region.transact(move |region| {
            region.vpcs.extend([vpc(id)]);
            Ok::<_, ()>(())
        })
    };
    let ids = || region.snapshot().vpcs.keys().map(|id| id.0.clone()).collect::<Vec<_>>();

    *store.next.lock().unwrap() = Fault::Failed;
    assert!(matches!(failure(put("vpc-1").await), StoreError::Failed { .. }));
    assert!(ids().is_empty());

    *store.next.lock().unwrap() = Fault::Unacknowledged;
    assert!(matches!(failure(put("vpc-2").await), StoreError::Unacknowledged { .. }));
    assert_eq!(ids(), ["vpc-2"], "it was written after all");

    put("vpc-3").await.unwrap();
    assert_eq!(ids(), ["vpc-2", "vpc-3"]);
    assert_eq!(region.snapshot().revision, *store.revisions().borrow());
}

/// Adds a VPC.
fn add(region: &mut Region, id: &str) {
    region.vpcs.extend([vpc(id)]);
}

/// Changes that add a VPC each, the first of which is being committed while the others are decided.
async fn together(
    store: &Faulty,
    region: &RegionStore,
    ids: &'static [&'static str],
) -> Vec<Result<(), TransactError<()>>> {
    let gate = store.gate.lock().await;
    let changes: Vec<_> = ids
        .iter()
        .map(|&id| {
            let region = region.clone();
            let add = move |region: &mut Region| {
                add(region, id);
                Ok(())
            };
            tokio::spawn(async move { region.transact(add).await })
        })
        .collect();
    // They are decided in the order in which they came, and none is durable.
    while region.tip.lock().await.region.vpcs.len() < ids.len() {
        tokio::task::yield_now().await;
    }
    assert!(region.snapshot().vpcs.is_empty() && changes.iter().all(|change| !change.is_finished()));
    drop(gate);
    let mut results = Vec::new();
    for change in changes {
        results.push(change.await.unwrap());
    }
    results
}

#[tokio::test]
async fn changes_that_come_during_a_commit_are_written_together_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let store = Faulty::open(dir.path());
    let region = RegionStore::open(store.clone(), settings("r-1")).await.unwrap();
    let before = region.snapshot().revision;
    let results = together(&store, &region, &["vpc-1", "vpc-2", "vpc-3", "vpc-4"]).await;
    assert!(results.iter().all(Result::is_ok));
    let snapshot = region.snapshot();
    assert_eq!((snapshot.vpcs.len(), snapshot.revision), (4, before + 2));
    assert_eq!(seen(&region, "operating").0.len(), 4);
    assert_eq!(snapshot.revision, *store.revisions().borrow());
    drop((region, store));
    assert_eq!(open(dir.path()).await.snapshot().vpcs.len(), 4);
}

#[tokio::test]
async fn what_was_decided_on_a_change_that_was_not_written_fails_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Faulty::open(dir.path());
    let region = RegionStore::open(store.clone(), settings("r-1")).await.unwrap();
    for (fault, kept) in [(Fault::Failed, 0), (Fault::Unacknowledged, 1)] {
        *store.next.lock().unwrap() = fault;
        let results = together(&store, &region, &["vpc-1", "vpc-2", "vpc-3"]).await;
        assert!(results.iter().all(|result| matches!(result, Err(TransactError::Store(_)))));
        assert_eq!(region.snapshot().vpcs.len(), kept);
        assert_eq!(seen(&region, "operating").0.len(), kept);
    }
    // The store goes on, and so does the region.
    let more = |region: &mut Region| {
        add(region, "vpc-4");
        Ok::<_, ()>(())
    };
    region.transact(more).await.unwrap();
    assert_eq!(region.snapshot().vpcs.len(), 2);
}

#[tokio::test]
async fn a_refusal_is_not_told_before_its_reason_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let store = Faulty::open(dir.path());
    let region = RegionStore::open(store.clone(), settings("r-1")).await.unwrap();
    let once = |region: RegionStore| {
        tokio::spawn(async move {
            let first = |region: &mut Region| {
                if !region.vpcs.is_empty() {
                    return Err(());
                }
                add(region, "vpc-1");
                Ok(())
            };
            region.transact(first).await
        })
    };
    let gate = store.gate.lock().await;
    let (first, second) = (once(region.clone()), once(region.clone()));
    while region.tip.lock().await.region.vpcs.is_empty() {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!second.is_finished());
    drop(gate);
    first.await.unwrap().unwrap();
    assert!(matches!(second.await.unwrap(), Err(TransactError::Refused(()))));
}

#[tokio::test]
async fn of_two_servers_that_decided_on_the_same_revision_one_commits() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(&dir.path().join("store.db")).unwrap());
    let first = RegionStore::open(store.clone(), settings("r-1")).await.unwrap();
    let second = RegionStore::open(store, settings("r-1")).await.unwrap();
    let put = |server: &RegionStore, id| {
        let server = server.clone();
        async move { server.transact(|region| Ok::<_, ()>(region.vpcs.insert(vpc(id).0, vpc(id).1))).await }
    };
    put(&first, "vpc-1").await.unwrap();
    let late = put(&second, "vpc-2").await;
    assert!(matches!(failure(late), StoreError::Conflict { .. }));
    assert_eq!(second.snapshot().vpcs.len(), 1, "it has read what the other one wrote");
    put(&second, "vpc-2").await.unwrap();
}

fn account(name: &str) -> AccountId {
    AccountId(format!("account-{name}"))
}

/// Names of the VPCs that an account sees, and how many targets' health.
fn seen(region: &RegionStore, name: &str) -> (Vec<String>, usize) {
    let view = region.view(&account(name));
    (view.vpcs.keys().map(|id| id.0.clone()).collect(), view.health.len())
}

#[tokio::test]
async fn an_account_sees_what_it_has_made_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let region = open(dir.path()).await;
    let put = |name: &'static str, id: &'static str| {
        let region = region.clone();
        async move {
            let change = |view: &mut Region, whole: &Region| {
                view.vpcs.extend([vpc(id)]);
                Arc::make_mut(&mut view.settings).sequences.vni += 1;
                Ok::<_, ()>(whole.vpcs.len())
            };
            region.transact_as(&actor(name), change).await.unwrap()
        }
    };
    assert_eq!((put("a", "vpc-1").await, put("b", "vpc-2").await, put("a", "vpc-3").await), (0, 1, 2));
    let change = |whole: &mut Region| {
        let mut scene = Region::default();
        crate::test_scene::populate(&mut scene);
        let backend = &scene.backends[&BackendId::from("backend-1")];
        whole.backends.insert(backend.id.clone(), Arc::clone(backend));
        whole.owners.insert("backend-1".to_owned(), Arc::new(account("b")));
        whole.health.insert(("backend-1".into(), "i-1".into()), health(true));
        Ok::<_, ()>(())
    };
    region.transact(change).await.unwrap();

    let expected = [
        ("a", (vec!["vpc-1".to_owned(), "vpc-3".to_owned()], 0)),
        ("b", (vec!["vpc-2".to_owned()], 1)),
        ("c", (vec![], 0)),
        ("operating", (vec![], 0)),
    ];
    for (name, what) in &expected {
        assert_eq!(seen(&region, name), *what, "{name}");
    }
    assert_eq!(region.snapshot().settings.sequences.vni, 3);
    drop(region);
    let region = open(dir.path()).await;
    for (name, what) in &expected {
        assert_eq!(seen(&region, name), *what, "{name}, read again");
    }

    // To remove what it does not have does nothing.
    let id = VpcId::from("vpc-2");
    let remove = |view: &mut Region, _: &Region| Ok::<_, ()>(view.vpcs.remove(&id).is_some());
    assert!(!region.transact_as(&actor("a"), remove).await.unwrap());
    assert!(region.transact_as(&actor("b"), remove).await.unwrap());
    assert_eq!(seen(&region, "b").0, [""; 0]);
    assert!(!region.snapshot().owners.contains_key("vpc-2"));
}

#[tokio::test]
async fn an_id_that_another_account_has_is_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let region = open(dir.path()).await;
    let put = |view: &mut Region, _: &Region| Ok::<_, ()>(view.vpcs.insert(vpc("vpc-1").0, vpc("vpc-1").1));
    region.transact_as(&actor("a"), put).await.unwrap();
    let taken = region.transact_as(&actor("b"), put).await;
    assert!(matches!(failure(taken), StoreError::Failed { .. }));
    assert_eq!((seen(&region, "a").0.len(), seen(&region, "b").0.len()), (1, 0));
}

#[tokio::test]
async fn what_an_earlier_version_wrote_belongs_to_who_operates_the_region() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(&dir.path().join("store.db")).unwrap());
    let earlier = |object: serde_json::Value| {
        Some(serde_json::to_vec(&serde_json::json!({"schema": 2, "object": object})).unwrap())
    };
    let writes = vec![
        ("region/settings".to_owned(), earlier(serde_json::to_value(settings("r-1")).unwrap())),
        ("region/vpcs/vpc-1".to_owned(), earlier(serde_json::to_value(&*vpc("vpc-1").1).unwrap())),
        ("region/head".to_owned(), earlier(serde_json::Value::Null)),
    ];
    store.commit(Transaction { conditions: vec![], writes }).await.unwrap();
    let region = RegionStore::open(store, settings("r-1")).await.unwrap();
    assert_eq!(seen(&region, "operating").0, ["vpc-1"]);
    let change = |view: &mut Region, _: &Region| {
        Arc::make_mut(view.vpcs.get_mut(&VpcId::from("vpc-1")).unwrap()).name = "new".into();
        Ok::<_, ()>(())
    };
    region.transact_as(&actor("operating"), change).await.unwrap();
    assert_eq!(region.snapshot().vpcs[&VpcId::from("vpc-1")].name, "new");
}
