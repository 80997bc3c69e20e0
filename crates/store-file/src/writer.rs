//! The thread that writes, and what waits for it.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use lockgate_core::Result;
use lockgate_responses::Record;
use tokio::sync::{mpsc, oneshot};

use crate::{disk::Folder, failed};

/// So many orders may wait before those who give them wait, too.
const QUEUE: usize = 4096;
/// How often old records are looked for.
const DAY: Duration = Duration::from_secs(86_400);

enum Order {
    /// Write what waits under this id.
    Write(String),
    Delete(String, oneshot::Sender<io::Result<bool>>),
    Flush(oneshot::Sender<()>),
}

pub(crate) struct Writer {
    orders: mpsc::Sender<Order>,
    waiting: Waiting,
}

/// Records that are not written yet, by id; `None`: to be deleted. Each with the number of its orders.
type Waiting = Arc<Mutex<HashMap<String, (Option<Arc<Record>>, u32)>>>;

impl Writer {
    pub(crate) fn start(folder: Folder, keep: Duration) -> io::Result<Self> {
        let (orders, inbox) = mpsc::channel(QUEUE);
        let waiting = Waiting::default();
        let theirs = waiting.clone();
        thread::Builder::new()
            .name("responses".to_owned())
            .spawn(move || work(&folder, keep, inbox, &theirs))?;
        Ok(Self { orders, waiting })
    }

    pub(crate) async fn put(&self, record: Arc<Record>) -> Result<()> {
        let id = record.id.clone();
        self.note(&id, Some(record));
        self.order(Order::Write(id)).await
    }

    pub(crate) async fn delete(&self, id: &str) -> Result<bool> {
        let (sender, answer) = oneshot::channel();
        // What was not written yet is there all the same.
        let waited = self.note(id, None);
        self.order(Order::Delete(id.to_owned(), sender)).await?;
        let deleted = answer.await.map_err(|_| failed("the writing thread ended"))?.map_err(failed)?;
        Ok(waited || deleted)
    }

    pub(crate) async fn flush(&self) -> Result<()> {
        let (sender, answer) = oneshot::channel();
        self.order(Order::Flush(sender)).await?;
        answer.await.map_err(|_| failed("the writing thread ended"))
    }

    /// What is not written yet: the record, or that there will be none.
    pub(crate) fn waiting(&self, id: &str) -> Option<Option<Arc<Record>>> {
        lock(&self.waiting).get(id).map(|(record, _)| record.clone())
    }

    /// Notes what is to be done; whether a record was waiting under this id.
    fn note(&self, id: &str, record: Option<Arc<Record>>) -> bool {
        let mut waiting = lock(&self.waiting);
        let entry = waiting.entry(id.to_owned()).or_insert((None, 0));
        entry.1 += 1;
        std::mem::replace(&mut entry.0, record).is_some()
    }

    async fn order(&self, order: Order) -> Result<()> {
        self.orders.send(order).await.map_err(|_| failed("the writing thread ended"))
    }
}

fn work(folder: &Folder, keep: Duration, mut inbox: mpsc::Receiver<Order>, waiting: &Waiting) {
    let mut pruned: Option<Instant> = None;
    while let Some(order) = inbox.blocking_recv() {
        match order {
            Order::Write(id) => {
                let record = lock(waiting).get(&id).and_then(|(record, _)| record.clone());
                if let Some(record) = record
                    && let Err(error) = folder.write(&record)
                {
                    tracing::error!(%error, "a response could not be kept");
                }
                done(waiting, &id);
            }
            Order::Delete(id, answer) => {
                let deleted = folder.delete(&id);
                done(waiting, &id);
                let _ = answer.send(deleted);
            }
            Order::Flush(answer) => {
                let _ = answer.send(());
            }
        }
        if pruned.is_none_or(|last| last.elapsed() > DAY) {
            pruned = Some(Instant::now());
            if let Err(error) = folder.prune(keep) {
                tracing::warn!(%error, "old responses could not be deleted");
            }
        }
    }
}

fn done(waiting: &Waiting, id: &str) {
    let mut waiting = lock(waiting);
    if let Some(entry) = waiting.get_mut(id) {
        entry.1 -= 1;
        if entry.1 == 0 {
            waiting.remove(id);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under the lock can panic half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
