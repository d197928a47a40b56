//! Backups, restores, exports and former versions.
#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use dnlb_store::{
    Listing, SqliteStore, Store, StoreError, StoreReader, Transaction, restore,
    transfer::{self, TransferError},
};

fn put(key: &str, value: &[u8]) -> Transaction {
    Transaction { conditions: vec![], writes: vec![(key.into(), Some(value.to_vec()))] }
}

async fn filled(path: &Path, entries: usize) -> SqliteStore {
    let store = SqliteStore::open(path).unwrap();
    for number in 0..entries {
        store.commit(put(&format!("key-{number:03}"), format!("value {number}").as_bytes())).await.unwrap();
    }
    store
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

async fn content(path: &Path) -> Listing {
    SqliteStore::open(path).unwrap().list("").await.unwrap()
}

#[tokio::test]
async fn a_backup_beside_a_running_server_is_one_file_of_its_owner_and_whole() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = dir.path().join("region.db");
    let store = filled(&path, 20).await;
    let mut reader = StoreReader::open(&path).unwrap();
    assert!(reader.in_use());
    let backup = out.path().join("backup");
    let summary = reader.back_up(&backup).unwrap();
    assert_eq!((summary.revision, summary.entries), (20, 20));
    assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(names(out.path()), ["backup"], "nothing beside it");
    assert_eq!(
        fs::read(&backup).unwrap()[18..20],
        [1, 1],
        "and no log when it is opened, as in a folder that is only read"
    );
    // What comes later is not in it.
    store.commit(put("later", b"")).await.unwrap();
    assert_eq!(StoreReader::open(&backup).unwrap().list().unwrap().entries.len(), 20);

    let before = fs::read(&backup).unwrap();
    assert!(matches!(reader.back_up(&backup), Err(StoreError::Exists { .. })));
    assert_eq!(fs::read(&backup).unwrap(), before, "nothing is written over it");
    let nowhere = out.path().join("no/such/folder");
    assert!(matches!(reader.back_up(&nowhere), Err(StoreError::Failed { .. })));
}

/// Two keys are written together, always equal: a copy in which they differ is torn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_under_writes_are_each_one_revision() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = dir.path().join("region.db");
    let store = Arc::new(filled(&path, 300).await);
    let done = Arc::new(AtomicBool::new(false));
    let writer = {
        let (store, done) = (Arc::clone(&store), Arc::clone(&done));
        tokio::spawn(async move {
            let mut number = 0_u64;
            while !done.load(Ordering::Relaxed) {
                number += 1;
                let value = number.to_string().repeat(700).into_bytes();
                let writes = vec![("a".into(), Some(value.clone())), ("z".into(), Some(value))];
                store.commit(Transaction { conditions: vec![], writes }).await.unwrap();
            }
            number
        })
    };
    let mut revisions = Vec::new();
    for number in 0..8 {
        let backup = out.path().join(number.to_string());
        let (source, copy) = (path.clone(), backup.clone());
        let made = tokio::task::spawn_blocking(move || StoreReader::open(&source)?.back_up(&copy));
        revisions.push(made.await.unwrap().unwrap().revision);
        let listing = StoreReader::open(&backup).unwrap().list().unwrap();
        let value =
            |key: &str| listing.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value);
        assert_eq!(value("a"), value("z"));
    }
    done.store(true, Ordering::Relaxed);
    assert!(writer.await.unwrap() > 8, "writes went on");
    assert!(revisions.is_sorted() && revisions[0] < revisions[7], "{revisions:?}");
}

#[tokio::test]
async fn a_restored_store_is_the_backup_and_the_former_one_is_kept() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = dir.path().join("region.db");
    let backup = out.path().join("backup");
    let store = filled(&path, 5).await;
    let then = store.list("").await.unwrap();
    StoreReader::open(&path).unwrap().back_up(&backup).unwrap();
    store.commit(put("later", b"")).await.unwrap();
    let now = store.list("").await.unwrap();
    assert!(matches!(restore(&path, &backup), Err(StoreError::InUse { .. })), "its server runs");
    drop(store);

    let restored = restore(&path, &backup).unwrap();
    let former = dir.path().join("region.db.before-restore-1");
    assert_eq!(restored.former.as_deref(), Some(former.as_path()));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(content(&path).await, then);
    assert_eq!(content(&former).await, now);
    // It is a store like any other.
    SqliteStore::open(&path).unwrap().commit(put("again", b"")).await.unwrap();

    let second = restore(&path, &backup).unwrap().former.unwrap();
    assert_eq!(second, dir.path().join("region.db.before-restore-2"));
    let elsewhere = tempfile::tempdir().unwrap();
    let new = elsewhere.path().join("region.db");
    assert_eq!(restore(&new, &backup).unwrap().former, None);
    assert_eq!(content(&new).await, then);
}

#[tokio::test]
async fn a_restore_keeps_a_killed_servers_log_with_its_database() {
    let (living, dir, out) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = filled(&living.path().join("region.db"), 5).await;
    let backup = out.path().join("backup");
    StoreReader::open(&living.path().join("region.db")).unwrap().back_up(&backup).unwrap();
    store.commit(put("in the log", b"")).await.unwrap();
    for name in ["region.db", "region.db-wal", "region.db-shm"] {
        fs::copy(living.path().join(name), dir.path().join(name)).unwrap();
    }
    let path = dir.path().join("region.db");
    let former = restore(&path, &backup).unwrap().former.unwrap();
    assert_eq!(content(&path).await.entries.len(), 5, "no log of another database");
    assert_eq!(content(&former).await, store.list("").await.unwrap());
}

#[tokio::test]
async fn a_backup_that_is_not_whole_changes_nothing() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = dir.path().join("region.db");
    let backup = out.path().join("backup");
    drop(filled(&path, 200).await);
    StoreReader::open(&path).unwrap().back_up(&backup).unwrap();
    let before = (names(dir.path()), fs::read(&path).unwrap());
    let whole = fs::read(&backup).unwrap();
    let at = whole.windows(9).position(|window| window == b"value 150").unwrap();
    let mut flipped = whole.clone();
    flipped[at] ^= 1;
    for broken in [&whole[..whole.len() / 2], &flipped, b"not a backup"] {
        fs::write(&backup, broken).unwrap();
        let error = restore(&path, &backup).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. } | StoreError::NotAStore { .. }), "{error:?}");
        assert!(error.to_string().contains(backup.to_str().unwrap()), "it names the backup: {error}");
        assert_eq!((names(dir.path()), fs::read(&path).unwrap()), before);
    }
    assert!(matches!(restore(&path, &out.path().join("none")), Err(StoreError::Failed { .. })));
}

#[tokio::test]
async fn a_running_servers_file_is_not_taken_for_a_backup() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = dir.path().join("region.db");
    let _running = filled(&path, 3).await;
    let error = restore(&other.path().join("region.db"), &path).unwrap_err();
    assert!(error.to_string().contains("not a backup"), "{error}");
}

#[tokio::test]
async fn a_damaged_store_gives_no_backup() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = dir.path().join("region.db");
    drop(filled(&path, 200).await);
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(9).position(|window| window == b"value 150").unwrap();
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    let made = StoreReader::open(&path).unwrap().back_up(&out.path().join("backup"));
    assert!(matches!(made, Err(StoreError::Damaged { .. })), "{made:?}");
    assert_eq!(names(out.path()), Vec::<String>::new());
}

#[tokio::test]
async fn an_export_moves_every_byte_to_another_store() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("region.db");
    let store = filled(&path, 30).await;
    store.commit(put("bytes", &[0, 255, 7, 10])).await.unwrap();
    store.commit(put("text", "line\n\"quoted\" \u{e9}".as_bytes())).await.unwrap();
    let listing = StoreReader::open(&path).unwrap().list().unwrap();
    assert_eq!(listing, store.list("").await.unwrap());
    let mut lines = Vec::new();
    transfer::export(&listing, &mut lines).unwrap();
    assert_eq!(lines.iter().filter(|byte| **byte == b'\n').count(), 33, "a line an entry, and the first one");

    let other = SqliteStore::open(&dir.path().join("other.db")).unwrap();
    let count = transfer::import(transfer::parse(lines.as_slice()).unwrap(), &other).await.unwrap();
    assert_eq!(count, 32);
    let pairs = |listing: Listing| -> Vec<(String, Vec<u8>)> {
        listing.entries.into_iter().map(|entry| (entry.key, entry.value)).collect()
    };
    assert_eq!(pairs(other.list("").await.unwrap()), pairs(listing));
    let again = transfer::import(transfer::parse(lines.as_slice()).unwrap(), &other).await;
    assert!(matches!(again, Err(TransferError::NotEmpty { entries: 32 })), "{again:?}");
}

#[tokio::test]
async fn an_export_that_was_changed_or_cut_short_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let listing = filled(&dir.path().join("region.db"), 9).await.list("").await.unwrap();
    let mut lines = Vec::new();
    transfer::export(&listing, &mut lines).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    let refused = |text: &str, words: &str| {
        let error = transfer::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(words), "`{error}` does not say `{words}`");
    };
    refused("", "the file is empty");
    refused("{}\n", "it is no export");
    refused(&lines.replacen("\"dnlb_export\":1", "\"dnlb_export\":2", 1), "it has version 2");
    let (short, _) = lines.trim_end().rsplit_once('\n').unwrap();
    refused(short, "8 entries, and the first line says 9");
    refused(&lines[..lines.len() - 4], "line 10");
    refused(&lines.replace("value 3", "value 4"), "do not add up");
    refused(&lines.replace("\"text\"", "\"words\""), "line 2");
    assert_eq!(transfer::parse(lines.as_bytes()).unwrap().len(), 9);
}

/// A copy of the file that the first version of the store has written: a region of four resources.
fn first_version(dir: &Path) -> PathBuf {
    let path = dir.join("region.db");
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/schema-1.db"), &path).unwrap();
    path
}

#[tokio::test]
async fn a_store_of_the_first_version_becomes_one_of_this() {
    let dir = tempfile::tempdir().unwrap();
    let path = first_version(dir.path());
    let read = |sql: &str| -> Vec<(String, Option<Vec<u8>>, u64)> {
        let connection = rusqlite::Connection::open(&path).unwrap();
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let entries = read("SELECT key, value, revision FROM entries ORDER BY key");
    let log = read("SELECT key, value, revision FROM log ORDER BY revision, key");
    assert!(entries.len() > 4 && log.len() > entries.len(), "the fixture has {} entries", entries.len());
    let summary = StoreReader::open(&path).unwrap().verify().unwrap();
    assert_eq!((summary.schema, summary.entries), (1, entries.len() as u64));
    assert!(matches!(StoreReader::open(&path).unwrap().list(), Err(StoreError::Former { found: 1, .. })));

    let store = SqliteStore::open(&path).unwrap();
    let listing = store.list("").await.unwrap();
    let listed: Vec<_> =
        listing.entries.into_iter().map(|entry| (entry.key, Some(entry.value), entry.revision)).collect();
    assert_eq!((listed, listing.revision), (entries, summary.revision));
    let changes = store.changes(0, usize::MAX).await.unwrap();
    let changes: Vec<_> =
        changes.into_iter().map(|change| (change.key, change.value, change.revision)).collect();
    assert_eq!(changes, log);
    assert_eq!(store.commit(put("new", b"")).await.unwrap(), summary.revision + 1);
    drop(store);
    let after = StoreReader::open(&path).unwrap().verify().unwrap();
    assert_eq!((after.schema, after.entries), (2, summary.entries + 1));
}

#[tokio::test]
async fn a_damaged_store_of_the_first_version_is_not_brought_up_to_date() {
    let dir = tempfile::tempdir().unwrap();
    let path = first_version(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    bytes[2 * 4096..2 * 4096 + 8].fill(0xff);
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(SqliteStore::open(&path), Err(StoreError::Damaged { .. })));
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[tokio::test]
async fn a_backup_of_the_first_version_can_be_restored() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let former = first_version(out.path());
    let path = dir.path().join("region.db");
    assert_eq!(restore(&path, &former).unwrap().summary.schema, 1);
    assert!(content(&path).await.entries.len() > 4);
}
