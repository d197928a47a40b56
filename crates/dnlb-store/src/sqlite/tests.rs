//! What can only be seen from inside.

use std::time::{Duration, Instant};

use super::*;

fn put(key: String, bytes: usize) -> Transaction {
    Transaction { conditions: vec![], writes: vec![(key, Some(vec![7; bytes]))] }
}

#[tokio::test]
async fn a_full_store_says_so_goes_on_reading_and_writes_again_once_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = SqliteStore::open(&path).unwrap();
    let limit = |pages: i64| {
        let connection = locked(&store.file.connection);
        connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
    };
    limit(40);
    let mut written = 0;
    let refused = loop {
        match store.commit(put(format!("{written:04}"), 3000)).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Full { .. }), "{refused:?}");
    assert!(written > 5);
    let full = store.list("").await.unwrap();
    assert_eq!((full.entries.len(), full.revision), (written, written as u64));
    assert_eq!(*store.revisions().borrow(), full.revision);
    assert!(matches!(store.commit(put("again".into(), 3000)).await, Err(StoreError::Full { .. })));

    limit(400);
    store.commit(put("again".into(), 3000)).await.unwrap();
    let after = store.list("").await.unwrap();
    drop(store);
    let summary = StoreReader::open(&path).unwrap().verify().unwrap();
    assert_eq!((summary.entries, summary.revision), (written as u64 + 1, written as u64 + 1));
    assert_eq!(SqliteStore::open(&path).unwrap().list("").await.unwrap(), after);
}

#[tokio::test]
async fn what_is_committed_comes_into_the_database_without_a_further_commit() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = SqliteStore::open(&path).unwrap();
    let size = || std::fs::metadata(&path).unwrap().len();
    let before = size();
    store.commit(put("a".into(), 100_000)).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while size() < before + 100_000 {
        assert!(Instant::now() < deadline, "the log is never copied");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_old_watcher_is_told_to_list_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&dir.path().join("store.db")).unwrap();
    // A long life in one step.
    let step = LOG_CUT;
    let aged = Numbers { revision: LOG_LENGTH + step - 2, ..Numbers::default() };
    aged.write(&locked(&store.file.connection)).unwrap();
    for _ in 0..3 {
        store.commit(put("a".into(), 0)).await.unwrap();
    }
    match store.changes(step - 1, 1).await {
        Err(StoreError::Compacted { oldest }) => assert_eq!(oldest, step),
        other => panic!("expected Compacted, got {other:?}"),
    }
    assert_eq!(store.changes(step, 9).await.unwrap().len(), 3, "the log reaches back over recent revisions");
}

#[tokio::test]
async fn a_large_revision_is_cut_off_the_log_little_by_little() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&dir.path().join("store.db")).unwrap();
    let writes = (0..1000).map(|number| (format!("large/{number}"), Some(vec![7]))).collect();
    store.commit(Transaction { conditions: vec![], writes }).await.unwrap();
    let logged = || {
        let connection = locked(&store.file.connection);
        connection.query_row("SELECT count(*) FROM log WHERE revision = 1", [], |row| row.get(0)).unwrap()
    };
    let aged = Numbers { revision: LOG_LENGTH + LOG_CUT - 1, ..Numbers::default() };
    aged.write(&locked(&store.file.connection)).unwrap();
    let mut left: usize = logged();
    assert_eq!(left, 1000);
    while left > 0 {
        store.commit(put("a".into(), 0)).await.unwrap();
        let now = logged();
        assert!(now < left && left - now <= LOG_CUT_ENTRIES + 2, "{left} {now}");
        left = now;
    }
    assert!(matches!(store.changes(0, 1).await, Err(StoreError::Compacted { .. })));
}
