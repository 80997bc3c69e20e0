//! Polling a connection from within the task that waits for its answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::task::AtomicWaker;
use tokio::task::coop;

/// Rounds before others get their turn.
const MAX_ROUNDS: usize = 16;

/// Runs a connection and the body that it feeds on one task. Between themselves the two wake each other many times;
/// those wakes cost another round here, not another trip through the scheduler. Wakes from outside reach the task.
pub(crate) struct Drive {
    switch: Arc<Switch>,
    waker: Waker,
}

#[derive(Default)]
struct Switch {
    task: AtomicWaker,
    polling: AtomicBool,
    woken: AtomicBool,
}

impl Wake for Switch {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, SeqCst);
        if !self.polling.load(SeqCst) {
            self.task.wake();
        }
    }
}

impl Drive {
    pub(crate) fn new() -> Self {
        let switch = Arc::new(Switch::default());
        Self { waker: switch.clone().into(), switch }
    }

    /// Forgets the task that polled last, which may have ended.
    pub(crate) fn release(&self) {
        self.switch.task.take();
    }

    /// Calls `step` until it is ready, or until nothing woke it while it ran.
    pub(crate) fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        mut step: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.switch.task.register(cx.waker());
        for _ in 0..MAX_ROUNDS {
            self.switch.polling.store(true, SeqCst);
            self.switch.woken.store(false, SeqCst);
            let polled = step(&mut Context::from_waker(&self.waker));
            self.switch.polling.store(false, SeqCst);
            if polled.is_ready() || !self.switch.woken.load(SeqCst) {
                return polled;
            }
            // Sockets of a task that has used up its turn stay pending, and say so by waking it.
            if !coop::has_budget_remaining() {
                break;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, sync::atomic::AtomicUsize};

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    #[test]
    fn wakes_from_inside_are_rounds_and_wakes_from_outside_reach_the_task() {
        let (drive, count) = (Drive::new(), Arc::new(Count::default()));
        let task = Waker::from(count.clone());
        let rounds = Cell::new(0);
        let kept = Cell::new(None);
        let polled = drive.poll(&mut Context::from_waker(&task), |cx| {
            rounds.set(rounds.get() + 1);
            kept.set(Some(cx.waker().clone()));
            if rounds.get() < 3 {
                cx.waker().wake_by_ref();
            }
            Poll::<()>::Pending
        });
        assert!(polled.is_pending());
        assert_eq!((rounds.get(), count.0.load(SeqCst)), (3, 0));
        let outside = kept.take().unwrap();
        outside.wake_by_ref();
        outside.wake_by_ref();
        assert_eq!(count.0.load(SeqCst), 1);
    }

    #[test]
    fn a_step_that_never_rests_yields() {
        let (drive, count) = (Drive::new(), Arc::new(Count::default()));
        let task = Waker::from(count.clone());
        let polled = drive.poll(&mut Context::from_waker(&task), |cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert!(polled.is_pending());
        assert_eq!(count.0.load(SeqCst), 1);
    }
}
