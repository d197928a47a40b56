//! The embedded backend against the conformance suite, and what only a file can do.

use dnlb_store::{SqliteStore, Store, StoreError, Transaction, conformance};

fn put(key: &str, value: &[u8]) -> Transaction {
    Transaction { conditions: vec![], writes: vec![(key.into(), Some(value.to_vec()))] }
}

#[tokio::test]
async fn the_embedded_store_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&dir.path().join("store.db")).unwrap();
    conformance::all(&store).await;
}

#[tokio::test]
async fn what_was_committed_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = SqliteStore::open(&path).unwrap();
    let revision = store.commit(put("a", &[0, 255, 7])).await.unwrap();
    drop(store);

    let store = SqliteStore::open(&path).unwrap();
    let listing = store.list("").await.unwrap();
    assert_eq!((listing.revision, listing.entries.len()), (revision, 1));
    assert_eq!(listing.entries[0].value, [0, 255, 7]);
    assert_eq!(*store.revisions().borrow(), revision);
}

/// The file as a crash would leave it: the write-ahead log never checkpointed, the process gone.
#[tokio::test]
async fn a_copy_taken_while_open_has_every_acknowledged_commit() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&dir.path().join("store.db")).unwrap();
    for number in 0..50 {
        store.commit(put(&format!("{number:02}"), b"x")).await.unwrap();
    }
    let copy = tempfile::tempdir().unwrap();
    for name in ["store.db", "store.db-wal"] {
        std::fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
    }
    let recovered = SqliteStore::open(&copy.path().join("store.db")).unwrap();
    assert_eq!(recovered.list("").await.unwrap(), store.list("").await.unwrap());
}

#[tokio::test]
async fn a_second_server_is_kept_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let first = SqliteStore::open(&path).unwrap();
    assert!(matches!(SqliteStore::open(&path), Err(StoreError::InUse { .. })));
    drop(first);
    SqliteStore::open(&path).unwrap();
}

#[tokio::test]
async fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&dir.path().join("store.db")).unwrap();
    store.commit(put("a", b"")).await.unwrap();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.path());
    }
}
