use std::{pin::Pin, sync::Arc};

use lockgate_core::Result;

use crate::Record;

/// The answer of a store, when it comes.
pub type Stored<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Where responses are kept. What was put can be read at once, by id, and nothing else is asked of a store.
///
/// No method holds up the thread that polls it: a store that needs a disk or a network waits for it elsewhere.
pub trait ResponseStore: Send + Sync + 'static {
    /// Keeps a record, instead of an older one of the same id.
    fn put(&self, record: Arc<Record>) -> Stored<'_, ()>;

    /// The record of that id.
    fn get<'a>(&'a self, id: &'a str) -> Stored<'a, Option<Arc<Record>>>;

    /// Forgets a record; whether it was there. Of several who delete the same record, one is told so.
    fn delete<'a>(&'a self, id: &'a str) -> Stored<'a, bool>;

    /// Done when all that was put so far would survive the end of the process.
    fn flush(&self) -> Stored<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}
