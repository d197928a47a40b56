//! What every backend must do. A backend's tests call [`all`] with an empty store.

use crate::{Store, StoreError, Transaction};

/// Runs every case against a store that is empty and that nobody else writes.
///
/// # Panics
/// When the store does not conform; the message says where.
pub async fn all(store: &dyn Store) {
    commits_move_the_revision_by_one(store).await;
    a_transaction_is_all_or_nothing(store).await;
    absence_is_a_condition(store).await;
    a_prefix_lists_in_order_and_nothing_else(store).await;
    a_range_is_scanned_from_either_end_up_to_a_limit(store).await;
    a_scan_sees_one_revision_and_what_was_written_last(store).await;
    the_log_tells_what_happened_after_a_revision(store).await;
    of_racing_writers_one_wins(store).await;
}

fn put(key: &str, value: &str) -> (String, Option<Vec<u8>>) {
    (key.to_owned(), Some(value.as_bytes().to_vec()))
}

async fn commit(store: &dyn Store, writes: Vec<(String, Option<Vec<u8>>)>) -> u64 {
    store.commit(Transaction { conditions: vec![], writes }).await.expect("an unconditional commit")
}

async fn keys(store: &dyn Store, prefix: &str) -> Vec<(String, String)> {
    let listing = store.list(prefix).await.expect("a list");
    listing
        .entries
        .into_iter()
        .map(|entry| (entry.key, String::from_utf8_lossy(&entry.value).into_owned()))
        .collect()
}

async fn commits_move_the_revision_by_one(store: &dyn Store) {
    let before = store.list("").await.expect("a list").revision;
    let first = commit(store, vec![put("one/a", "1")]).await;
    let second = commit(store, vec![put("one/a", "2")]).await;
    assert_eq!((first, second), (before + 1, before + 2));
    assert_eq!(*store.revisions().borrow(), second);
    let entry = store.list("one/").await.expect("a list").entries.remove(0);
    assert_eq!((entry.value.as_slice(), entry.revision), (b"2".as_slice(), second));
}

async fn a_transaction_is_all_or_nothing(store: &dyn Store) {
    let old = commit(store, vec![put("two/a", "old"), put("two/b", "old")]).await;
    let new = commit(store, vec![put("two/b", "new")]).await;
    let refused = store
        .commit(Transaction {
            conditions: vec![("two/a".into(), old), ("two/b".into(), old)],
            writes: vec![put("two/a", "lost"), put("two/c", "lost")],
        })
        .await;
    match refused {
        Err(StoreError::Conflict { key, expected, found }) => {
            assert_eq!((key.as_str(), expected, found), ("two/b", old, new));
        }
        other => panic!("expected a conflict, got {other:?}"),
    }
    assert_eq!(keys(store, "two/").await, [("two/a".into(), "old".into()), ("two/b".into(), "new".into())]);
    assert_eq!(store.list("").await.expect("a list").revision, new, "a refused commit moves nothing");
}

async fn absence_is_a_condition(store: &dyn Store) {
    let create =
        |value| Transaction { conditions: vec![("three/a".into(), 0)], writes: vec![put("three/a", value)] };
    let first = store.commit(create("1")).await.expect("a first creation");
    assert!(matches!(store.commit(create("2")).await,
        Err(StoreError::Conflict { expected: 0, found, .. }) if found == first));
    commit(store, vec![("three/a".to_owned(), None)]).await;
    assert_eq!(keys(store, "three/").await, []);
    store.commit(create("3")).await.expect("creation after deletion");
}

async fn a_prefix_lists_in_order_and_nothing_else(store: &dyn Store) {
    commit(store, vec![put("four/b", ""), put("four/a%_*", ""), put("four", ""), put("four0", "")]).await;
    let found: Vec<String> = keys(store, "four/").await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(found, ["four/a%_*", "four/b"]);
}

async fn a_range_is_scanned_from_either_end_up_to_a_limit(store: &dyn Store) {
    let names = ["scan/1", "scan/10", "scan/2", "scan/3", "scan/\u{e9}"];
    commit(store, names.iter().map(|name| put(name, name)).collect()).await;
    let cases: [(&str, &str, usize, bool, &[usize]); 12] = [
        ("scan/", "scan0", 9, false, &[0, 1, 2, 3, 4]),
        ("scan/", "scan0", 9, true, &[4, 3, 2, 1, 0]),
        ("scan/", "scan0", 2, false, &[0, 1]),
        ("scan/", "scan0", 2, true, &[4, 3]),
        // The beginning belongs to a range, its end does not, whether there is such a key or not.
        ("scan/10", "scan/3", 9, false, &[1, 2]),
        ("scan/10", "scan/3", 9, true, &[2, 1]),
        ("scan/11", "scan/30", 9, true, &[3, 2]),
        ("scan/3", "scan/3\0", 9, false, &[3]),
        // Ranges with nothing in them.
        ("scan/3", "scan/3", 9, false, &[]),
        ("scan/3", "scan/1", 9, true, &[]),
        ("scan/4", "scan/5", 9, false, &[]),
        ("scan/", "scan0", 0, false, &[]),
    ];
    for (from, to, limit, reverse, wanted) in cases {
        let found = store.scan(from, to, limit, reverse).await.expect("a scan").entries;
        let found: Vec<&str> = found.iter().map(|entry| entry.key.as_str()).collect();
        let wanted: Vec<&str> = wanted.iter().map(|index| names[*index]).collect();
        assert_eq!(found, wanted, "from {from} to {to}, at most {limit}, reverse: {reverse}");
    }
    let all = store.scan("", "\u{10ffff}", usize::MAX, false).await.expect("a scan");
    assert_eq!(all, store.list("").await.expect("a list"), "a scan of everything is a list of everything");
}

async fn a_scan_sees_one_revision_and_what_was_written_last(store: &dyn Store) {
    commit(store, vec![put("seen/a", "1"), put("seen/b", "1"), put("seen/c", "1")]).await;
    let last = commit(store, vec![put("seen/a", "2"), ("seen/b".to_owned(), None)]).await;
    let listing = store.scan("seen/", "seen0", 9, true).await.expect("a scan");
    let found: Vec<_> = listing
        .entries
        .iter()
        .map(|entry| (entry.key.as_str(), entry.value.as_slice(), entry.revision))
        .collect();
    assert_eq!(found, [("seen/c", b"1".as_slice(), last - 1), ("seen/a", b"2".as_slice(), last)]);
    assert_eq!(listing.revision, last);
}

async fn the_log_tells_what_happened_after_a_revision(store: &dyn Store) {
    let start = store.list("").await.expect("a list").revision;
    assert_eq!(store.changes(start, 10).await.expect("changes"), []);
    commit(store, vec![put("five/a", "1"), put("five/b", "1")]).await;
    commit(store, vec![("five/a".to_owned(), None)]).await;
    let all = store.changes(start, 10).await.expect("changes");
    let told: Vec<_> = all.iter().map(|c| (c.revision - start, c.key.as_str(), c.value.is_some())).collect();
    assert_eq!(told, [(1, "five/a", true), (1, "five/b", true), (2, "five/a", false)]);
    let first = store.changes(start, 1).await.expect("changes");
    assert_eq!(first.len(), 2, "a revision is never torn");
}

async fn of_racing_writers_one_wins(store: &dyn Store) {
    let base = commit(store, vec![put("six", "0")]).await;
    let race = |value: usize| {
        store.commit(Transaction {
            conditions: vec![("six".into(), base)],
            writes: vec![put("six", &value.to_string())],
        })
    };
    let results = futures_util::future::join_all((1..=8).map(race)).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
}
