//! Stores in a folder: one file for each kept response.

mod disk;
mod writer;

use std::{io, path::Path, sync::Arc, time::Duration};

use lockgate_core::{Error, ErrorKind, Origin, Result};
use lockgate_responses::{MemoryStore, Record, ResponseStore, Stored};

use crate::{disk::Folder, writer::Writer};

/// What is kept in memory besides.
const CACHE: usize = 64 << 20;

/// Kept responses in a folder.
///
/// Writes go to a thread of their own and can be read at once; a process that is killed loses at most what that thread
/// has not written yet, one that ends in good order nothing ([`ResponseStore::flush`]).
pub struct FileStore {
    folder: Folder,
    cache: Arc<MemoryStore>,
    writer: Writer,
}

impl FileStore {
    /// Opens the folder, or makes it. Records older than `keep` are deleted, now and once a day.
    ///
    /// # Errors
    /// The folder cannot be made or written.
    pub fn open(folder: &Path, keep: Duration) -> io::Result<Self> {
        let folder = Folder::open(folder)?;
        let writer = Writer::start(folder.clone(), keep)?;
        Ok(Self { folder, cache: Arc::new(MemoryStore::new(CACHE)), writer })
    }
}

impl ResponseStore for FileStore {
    fn put(&self, record: Arc<Record>) -> Stored<'_, ()> {
        Box::pin(async move {
            self.cache.insert(record.clone());
            self.writer.put(record).await
        })
    }

    fn get<'a>(&'a self, id: &'a str) -> Stored<'a, Option<Arc<Record>>> {
        Box::pin(async move {
            match self.writer.waiting(id) {
                Some(waiting) => return Ok(waiting),
                None => {
                    if let Some(record) = self.cache.find(id) {
                        return Ok(Some(record));
                    }
                }
            }
            let (folder, name) = (self.folder.clone(), id.to_owned());
            let read = elsewhere(move || folder.read(&name)).await?;
            let record = read.map(Arc::new);
            if let Some(record) = &record {
                self.cache.insert(record.clone());
            }
            Ok(record)
        })
    }

    fn delete<'a>(&'a self, id: &'a str) -> Stored<'a, bool> {
        Box::pin(async move {
            self.cache.remove(id);
            self.writer.delete(id).await
        })
    }

    fn flush(&self) -> Stored<'_, ()> {
        Box::pin(self.writer.flush())
    }
}

/// Runs what waits for the disk on a thread for that.
async fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| failed("the reading thread ended"))?.map_err(failed)
}

fn failed(why: impl std::fmt::Display) -> Error {
    tracing::error!(%why, "the store of responses failed");
    Error::new(
        ErrorKind::ServiceUnavailable,
        Origin::Gateway,
        "The store of responses failed; the log has details.",
    )
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
