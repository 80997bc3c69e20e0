//! Where access-log lines wait for standard error: written in batches by a thread of their own, so that no call waits
//! for whoever reads the log, and a busy gateway does not make a system call for each line.

use std::{
    io::{self, Write},
    mem,
    sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::Duration,
};

/// How long the first line of a batch waits for others.
const PAUSE: Duration = Duration::from_millis(20);
/// Lines beyond this are dropped and counted: a reader that hangs must not fill the memory.
const MOST: usize = 4 << 20;

static SINK: OnceLock<Sink> = OnceLock::new();

struct Sink {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    /// Held while writing, so that batches stay in order.
    writing: Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    dropped: u64,
}

/// Takes a whole line, its line break included.
pub(crate) fn push(line: &[u8]) {
    let sink = SINK.get_or_init(start);
    let mut waiting = lock(&sink.waiting);
    if waiting.lines.len() + line.len() > MOST {
        waiting.dropped += 1;
        return;
    }
    let first = waiting.lines.is_empty();
    waiting.lines.extend_from_slice(line);
    drop(waiting);
    if first {
        sink.filled.notify_one();
    }
}

/// Writes what waits. Call it before the process ends.
pub fn flush() {
    if let Some(sink) = SINK.get() {
        sink.write();
    }
}

fn start() -> Sink {
    // Without the thread, lines wait for `flush`.
    let _ = thread::Builder::new().name("access-log".to_owned()).spawn(|| {
        let sink = SINK.wait();
        loop {
            let mut waiting = lock(&sink.waiting);
            while waiting.lines.is_empty() {
                waiting = sink.filled.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            drop(waiting);
            thread::sleep(PAUSE);
            sink.write();
        }
    });
    Sink { waiting: Mutex::default(), filled: Condvar::new(), writing: Mutex::new(()) }
}

impl Sink {
    fn write(&self) {
        let _order = lock(&self.writing);
        let batch = mem::take(&mut *lock(&self.waiting));
        let mut stderr = io::stderr().lock();
        // A log that cannot be written has nowhere to say so.
        let _ = stderr.write_all(&batch.lines);
        if batch.dropped > 0 {
            let _ = writeln!(
                stderr,
                "{} access-log lines were dropped: the log is read too slowly",
                batch.dropped
            );
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
