//! How late this machine is at the moment: what a bar in milliseconds has to allow for on a busy one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Measures, on a thread of its own, by how much a short sleep is overslept.
pub(crate) struct Pace {
    worst: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Pace {
    pub(crate) fn start() -> Self {
        let (worst, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (noted, stop) = (worst.clone(), over.clone());
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let (start, nap) = (Instant::now(), Duration::from_millis(3));
                thread::sleep(nap);
                let late = start.elapsed().saturating_sub(nap);
                noted.fetch_max(u64::try_from(late.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        });
        Self { worst, over }
    }

    /// What three parties (client, gateway, upstream) may each have overslept.
    pub(crate) fn stall(&self) -> Duration {
        Duration::from_micros(self.worst.load(Ordering::Relaxed)) * 3
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
