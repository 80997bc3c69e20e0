//! A clock that moves when it is told to.

use std::time::{Duration, SystemTime};

/// Time as a test wants it: starts on 1 January 2026, UTC.
#[derive(Clone, Copy, Debug)]
pub struct FakeClock(SystemTime);

impl Default for FakeClock {
    fn default() -> Self {
        Self(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600))
    }
}

impl FakeClock {
    /// What time it is.
    pub fn now(&self) -> SystemTime {
        self.0
    }

    /// Lets time pass; tells the new time.
    pub fn advance(&mut self, by: Duration) -> SystemTime {
        self.0 += by;
        self.0
    }
}
