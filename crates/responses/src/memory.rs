use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{Record, ResponseStore, Stored};

/// A store in memory. When it is full, what has not been used for the longest time is forgotten.
pub struct MemoryStore {
    limit: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    records: HashMap<String, Entry>,
    /// Ids by their last use.
    used: BTreeMap<u64, String>,
    clock: u64,
    bytes: usize,
}

struct Entry {
    record: Arc<Record>,
    used: u64,
}

impl MemoryStore {
    /// A store of about so many bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, inner: Mutex::default() }
    }

    /// Keeps a record; one that is larger than the whole store is not kept.
    pub fn insert(&self, record: Arc<Record>) {
        let mut inner = self.lock();
        inner.remove(&record.id);
        if record.size() > self.limit {
            return;
        }
        inner.clock += 1;
        let used = inner.clock;
        inner.bytes += record.size();
        inner.used.insert(used, record.id.clone());
        inner.records.insert(record.id.clone(), Entry { record, used });
        while inner.bytes > self.limit {
            let Some((_, oldest)) = inner.used.first_key_value() else { break };
            let oldest = oldest.clone();
            inner.remove(&oldest);
        }
    }

    /// The record of that id, if it has not been forgotten.
    pub fn find(&self, id: &str) -> Option<Arc<Record>> {
        let mut inner = self.lock();
        inner.clock += 1;
        let now = inner.clock;
        let entry = inner.records.get_mut(id)?;
        let before = std::mem::replace(&mut entry.used, now);
        let record = entry.record.clone();
        inner.used.remove(&before);
        inner.used.insert(now, id.to_owned());
        Some(record)
    }

    /// Forgets a record; whether it was there.
    pub fn remove(&self, id: &str) -> bool {
        self.lock().remove(id)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here can panic half-way.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn remove(&mut self, id: &str) -> bool {
        let Some(entry) = self.records.remove(id) else { return false };
        self.used.remove(&entry.used);
        self.bytes = self.bytes.saturating_sub(entry.record.size());
        true
    }
}

impl ResponseStore for MemoryStore {
    fn put(&self, record: Arc<Record>) -> Stored<'_, ()> {
        self.insert(record);
        Box::pin(std::future::ready(Ok(())))
    }

    fn get<'a>(&'a self, id: &'a str) -> Stored<'a, Option<Arc<Record>>> {
        Box::pin(std::future::ready(Ok(self.find(id))))
    }

    fn delete<'a>(&'a self, id: &'a str) -> Stored<'a, bool> {
        Box::pin(std::future::ready(Ok(self.remove(id))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str) -> Arc<Record> {
        Arc::new(Record { id: id.to_owned(), ..Record::default() })
    }

    #[test]
    fn what_was_not_used_for_the_longest_time_goes_first() {
        let store = MemoryStore::new(3 * record("a").size());
        for id in ["a", "b", "c"] {
            store.insert(record(id));
        }
        assert!(store.find("a").is_some());
        store.insert(record("d"));
        let there = ["a", "b", "c", "d"].map(|id| store.find(id).is_some());
        assert_eq!(there, [true, false, true, true]);
        assert!(store.remove("a") && !store.remove("a"));
        store.insert(record("c"));
        assert_eq!(store.lock().bytes, 2 * record("a").size());
        let tiny = MemoryStore::new(1);
        tiny.insert(record("a"));
        assert!(tiny.find("a").is_none());
    }
}
