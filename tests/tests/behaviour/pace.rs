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
    /// Sum, in microseconds, and count.
    all: Arc<(AtomicU64, AtomicU64)>,
    over: Arc<AtomicBool>,
}

impl Pace {
    pub(crate) fn start() -> Self {
        let (worst, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let all = Arc::new((AtomicU64::new(0), AtomicU64::new(0)));
        let (noted, summed, stop) = (worst.clone(), all.clone(), over.clone());
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let (start, nap) = (Instant::now(), Duration::from_millis(3));
                thread::sleep(nap);
                let late = start.elapsed().saturating_sub(nap).as_micros() as u64;
                noted.fetch_max(late, Ordering::Relaxed);
                summed.0.fetch_add(late, Ordering::Relaxed);
                summed.1.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { worst, all, over }
    }

    /// By how much a party usually oversleeps.
    pub(crate) fn usual(&self) -> Duration {
        let (sum, count) = (self.all.0.load(Ordering::Relaxed), self.all.1.load(Ordering::Relaxed));
        Duration::from_micros(sum / count.max(1))
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
