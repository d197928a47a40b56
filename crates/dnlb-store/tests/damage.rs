//! Files that are not what was written: each is refused by name, with what is wrong, and not touched.
#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use dnlb_store::{SqliteStore, Store, StoreError, StoreReader, Transaction};

/// Length of a page of the database.
const PAGE: usize = 4096;

/// A store of `entries` entries, closed as a server closes it.
struct Scene {
    dir: tempfile::TempDir,
    path: PathBuf,
}

fn put(key: &str, value: &[u8]) -> Transaction {
    Transaction { conditions: vec![], writes: vec![(key.into(), Some(value.to_vec()))] }
}

impl Scene {
    async fn new(entries: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("region.db");
        let store = SqliteStore::open(&path).unwrap();
        let writes = (0..entries).map(|number| (format!("key-{number:04}"), Some(value(number))));
        store.commit(Transaction { conditions: vec![], writes: writes.collect() }).await.unwrap();
        Self { dir, path }
    }

    /// Files of a server that was killed: what was committed last is in the write-ahead log.
    async fn killed(commits: usize) -> Self {
        let living = Self::new(300).await;
        let store = SqliteStore::open(&living.path).unwrap();
        for number in 0..commits {
            store.commit(put("last", &value(number))).await.unwrap();
        }
        let dir = tempfile::tempdir().unwrap();
        for name in ["region.db", "region.db-wal"] {
            fs::copy(living.dir.path().join(name), dir.path().join(name)).unwrap();
        }
        let path = dir.path().join("region.db");
        Self { dir, path }
    }

    fn wal(&self) -> PathBuf {
        self.dir.path().join("region.db-wal")
    }

    fn change(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    }

    /// Has to be refused as damaged, by every way of opening it, and to be left as it is.
    #[track_caller]
    fn is_damaged(&self, words: &str) {
        // An empty log and none are the same.
        let files = || {
            ["region.db", "region.db-wal"]
                .map(|name| fs::read(self.dir.path().join(name)).unwrap_or_default())
        };
        let before = files();
        let opened = SqliteStore::open(&self.path).err().expect("it is refused");
        let read =
            StoreReader::open(&self.path).and_then(|mut store| store.verify()).expect_err("it is refused");
        for error in [opened, read] {
            let text = error.to_string();
            assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
            assert!(text.contains("region.db is damaged") && text.contains("restore a backup"), "{text}");
            assert!(text.contains(words), "`{text}` does not say `{words}`");
        }
        assert!(files() == before, "a damaged store is not touched");
    }
}

/// 200 bytes that are not found elsewhere.
fn value(number: usize) -> Vec<u8> {
    format!("<{number:04}>").repeat(34).as_bytes()[..200].to_vec()
}

fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).position(|window| window == wanted).expect("it is there")
}

#[tokio::test]
async fn a_flipped_bit_in_a_value_is_found() {
    let scene = Scene::new(100).await;
    scene.change(&scene.path, |bytes| {
        let at = find(bytes, &value(42));
        bytes[at + 20] ^= 4;
    });
    scene.is_damaged("`key-0042` in the table");
}

#[tokio::test]
async fn a_value_that_changed_under_a_running_server_is_found_when_it_is_read() {
    let scene = Scene::new(10).await;
    let store = SqliteStore::open(&scene.path).unwrap();
    let other = rusqlite::Connection::open(&scene.path).unwrap();
    other.execute("UPDATE entries SET value = x'78' WHERE key = 'key-0007'", []).unwrap();
    other.execute("UPDATE log SET value = NULL WHERE key = 'key-0008'", []).unwrap();
    let damaged = |error: StoreError, key: &str| {
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        assert!(error.to_string().contains(key), "{error}");
    };
    damaged(store.list("").await.unwrap_err(), "key-0007");
    damaged(store.scan("key-0005", "key-0009", 9, true).await.unwrap_err(), "key-0007");
    damaged(store.changes(0, 99).await.unwrap_err(), "key-0008");
    assert_eq!(
        store.scan("key-0000", "key-0007", 99, false).await.unwrap().entries.len(),
        7,
        "the others are right"
    );
}

#[tokio::test]
async fn a_page_of_yesterday_is_found() {
    let scene = Scene::new(500).await;
    let yesterday = fs::read(&scene.path).unwrap();
    let store = SqliteStore::open(&scene.path).unwrap();
    // As long as the former one, so that nothing moves and the page alone tells nothing.
    let mut newer = value(250);
    newer[0] = b'!';
    store.commit(put("key-0250", &newer)).await.unwrap();
    drop(store);
    scene.change(&scene.path, |bytes| {
        let page = find(bytes, &newer) / PAGE * PAGE;
        bytes[page..page + PAGE].copy_from_slice(&yesterday[page..page + PAGE]);
    });
    scene.is_damaged("entries are missing, or have come back from an earlier time");
}

#[tokio::test]
async fn the_stores_own_numbers_are_sealed() {
    let scene = Scene::new(3).await;
    let sql = "UPDATE meta SET number = number + 1 WHERE name = 'revision'";
    rusqlite::Connection::open(&scene.path).unwrap().execute(sql, []).unwrap();
    scene.is_damaged("its own numbers");
}

#[tokio::test]
async fn an_entry_that_somebody_deleted_by_hand_is_missed() {
    let scene = Scene::new(3).await;
    let connection = rusqlite::Connection::open(&scene.path).unwrap();
    connection.execute("DELETE FROM entries WHERE key = 'key-0001'", []).unwrap();
    drop(connection);
    scene.is_damaged("entries are missing");
}

#[tokio::test]
async fn a_truncated_file_is_refused_wherever_it_ends() {
    let whole = fs::metadata(&Scene::new(500).await.path).unwrap().len() as usize;
    for length in [0, PAGE, 2 * PAGE, whole / 2, whole - PAGE, whole - 1] {
        let scene = Scene::new(500).await;
        scene.change(&scene.path, |bytes| bytes.truncate(length));
        scene.is_damaged("");
    }
    for length in [1, 15, 16, 99] {
        let scene = Scene::new(1).await;
        scene.change(&scene.path, |bytes| bytes.truncate(length));
        let error = SqliteStore::open(&scene.path).err().expect("it is refused");
        assert!(
            matches!(error, StoreError::NotAStore { .. } | StoreError::Damaged { .. }),
            "{length}: {error}"
        );
    }
}

#[tokio::test]
async fn noise_anywhere_is_an_error_and_never_a_panic_or_other_content() {
    let right = {
        let scene = Scene::new(200).await;
        SqliteStore::open(&scene.path).unwrap().list("").await.unwrap()
    };
    let whole = fs::metadata(&Scene::new(200).await.path).unwrap().len() as usize;
    for round in 0..64_usize {
        let scene = Scene::new(200).await;
        // A sector, somewhere, of bytes that are nothing.
        let at = (round * 7919 * 512) % whole;
        scene.change(&scene.path, |bytes| {
            let end = (at + 512).min(bytes.len());
            for (index, byte) in bytes[at..end].iter_mut().enumerate() {
                *byte ^= (index * 31 + round) as u8 | 1;
            }
        });
        match SqliteStore::open(&scene.path) {
            // Room that nothing uses.
            Ok(store) => assert_eq!(store.list("").await.unwrap(), right, "sector at {at}"),
            Err(StoreError::Damaged { .. } | StoreError::NotAStore { .. } | StoreError::Newer { .. }) => {}
            Err(other) => panic!("sector at {at}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_file_of_something_else_is_refused_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("region.db");
    let refused = || SqliteStore::open(&path).err().expect("it is refused");
    let words = "This is somebody's letter, longer than a hundred bytes. ".repeat(9);
    fs::write(&path, &words).unwrap();
    let error = refused();
    assert!(matches!(error, StoreError::NotAStore { .. }), "{error:?}");
    assert!(error.to_string().contains("is not a SQLite database"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), words);

    fs::remove_file(&path).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE entries (x)").unwrap();
    let before = fs::read(&path).unwrap();
    let error = refused();
    assert!(matches!(error, StoreError::NotAStore { .. }), "{error:?}");
    assert!(error.to_string().contains("other tables"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);

    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(refused(), StoreError::Failed { .. }));
}

#[tokio::test]
async fn a_store_of_a_later_version_is_refused_and_kept() {
    let scene = Scene::new(1).await;
    let connection = rusqlite::Connection::open(&scene.path).unwrap();
    connection.execute("UPDATE meta SET number = 9 WHERE name = 'schema'", []).unwrap();
    drop(connection);
    let before = fs::read(&scene.path).unwrap();
    match SqliteStore::open(&scene.path) {
        Err(error @ StoreError::Newer { found: 9, known: 2, .. }) => {
            assert!(error.to_string().contains("written by a later version"), "{error}");
        }
        other => panic!("{:?}", other.err()),
    }
    assert_eq!(fs::read(&scene.path).unwrap(), before);
}

#[tokio::test]
async fn what_a_kill_left_in_the_log_is_taken_in() {
    let scene = Scene::killed(5).await;
    let store = SqliteStore::open(&scene.path).unwrap();
    let listing = store.list("last").await.unwrap();
    assert_eq!((listing.entries[0].value.as_slice(), listing.revision), (value(4).as_slice(), 6));
}

#[tokio::test]
async fn a_commit_that_was_cut_short_is_as_if_it_never_was() {
    let scene = Scene::killed(5).await;
    scene.change(&scene.wal(), |bytes| bytes.truncate(bytes.len() - 100));
    let store = SqliteStore::open(&scene.path).unwrap();
    let listing = store.list("last").await.unwrap();
    assert_eq!((listing.entries[0].value.as_slice(), listing.revision), (value(3).as_slice(), 5));
    // And nothing that it left behind is found again later.
    store.commit(put("last", b"new")).await.unwrap();
    drop(store);
    assert_eq!(SqliteStore::open(&scene.path).unwrap().list("last").await.unwrap().revision, 6);
}

#[tokio::test]
async fn a_flipped_bit_in_the_log_before_acknowledged_commits_is_damage() {
    let scene = Scene::killed(5).await;
    let length = fs::metadata(scene.wal()).unwrap().len() as usize;
    for at in [0, 9, 20, 28, 40, 100, length / 3, length / 2] {
        let scene = Scene::killed(5).await;
        scene.change(&scene.wal(), |bytes| bytes[at] ^= 0x20);
        scene.is_damaged("write-ahead log");
    }
}

#[tokio::test]
async fn a_damaged_database_keeps_its_log() {
    let scene = Scene::killed(5).await;
    scene.change(&scene.path, |bytes| {
        let at = find(bytes, &value(0));
        bytes[at + 20] ^= 4;
    });
    scene.is_damaged("`key-0000` in the table");
}

#[tokio::test]
async fn a_log_without_its_database_is_no_empty_store() {
    let scene = Scene::killed(5).await;
    fs::remove_file(&scene.path).unwrap();
    let error = SqliteStore::open(&scene.path).err().expect("it is refused");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert!(!scene.path.exists(), "no empty store was made in its place");
}

#[tokio::test]
async fn a_creation_that_was_cut_short_is_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["region.db.new", "region.db.new-journal"] {
        fs::write(dir.path().join(name), b"half").unwrap();
    }
    let store = SqliteStore::open(&dir.path().join("region.db")).unwrap();
    assert_eq!(store.list("").await.unwrap().revision, 0);
    assert!(!dir.path().join("region.db.new").exists() && !dir.path().join("region.db.new-journal").exists());
}
