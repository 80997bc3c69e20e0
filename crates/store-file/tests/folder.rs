//! A folder of records, as its users see it.

use std::{sync::Arc, time::Duration};

use lockgate_core::json::raw;
use lockgate_responses::{Record, ResponseStore};
use lockgate_store_file::FileStore;

const LONG: Duration = Duration::from_secs(3600);

fn record(id: &str, text: &str) -> Arc<Record> {
    Arc::new(Record {
        id: id.to_owned(),
        response: raw(format!("{{\"text\":\"{text}\"}}")),
        ..Record::default()
    })
}

#[tokio::test]
async fn records_survive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path(), LONG).unwrap();
    for at in 0..200 {
        store.put(record(&format!("resp_lg_{at}"), "first")).await.unwrap();
    }
    store.put(record("resp_lg_7", "second")).await.unwrap();
    assert_eq!(store.get("resp_lg_7").await.unwrap().unwrap().response.get(), r#"{"text":"second"}"#);
    assert!(store.delete("resp_lg_8").await.unwrap());
    assert!(!store.delete("resp_lg_8").await.unwrap());
    assert!(store.get("resp_lg_8").await.unwrap().is_none());
    store.flush().await.unwrap();
    drop(store);

    let next = FileStore::open(folder.path(), LONG).unwrap();
    assert_eq!(next.get("resp_lg_7").await.unwrap().unwrap().response.get(), r#"{"text":"second"}"#);
    assert!(next.get("resp_lg_199").await.unwrap().is_some());
    assert!(next.get("resp_lg_8").await.unwrap().is_none());
}

#[tokio::test]
async fn odd_ids_reach_no_other_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(&folder.path().join("responses"), LONG).unwrap();
    std::fs::write(folder.path().join("secret.json"), "{}").unwrap();
    let long = "x".repeat(5000);
    for id in ["../secret", "", "a", "..", "a/b", "a\0b", "ä", long.as_str()] {
        assert!(store.get(id).await.unwrap().is_none(), "{id}");
        assert!(!store.delete(id).await.unwrap(), "{id}");
    }
}

#[tokio::test]
async fn old_records_are_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path(), LONG).unwrap();
    store.put(record("resp_lg_1", "old")).await.unwrap();
    store.flush().await.unwrap();
    drop(store);
    std::thread::sleep(Duration::from_millis(20));
    let next = FileStore::open(folder.path(), Duration::from_millis(1)).unwrap();
    next.flush().await.unwrap();
    next.flush().await.unwrap();
    assert!(next.get("resp_lg_1").await.unwrap().is_none());
}

#[tokio::test]
async fn damaged_files_are_as_good_as_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path(), LONG).unwrap();
    std::fs::create_dir_all(folder.path().join("g1")).unwrap();
    std::fs::write(folder.path().join("g1/resp_lg1.json"), "{\"id\":").unwrap();
    assert!(store.get("resp_lg1").await.unwrap().is_none());
}
