//! When a failing deployment is left alone, and for how long.

use std::time::Duration;

use lockgate_core::{Error, ErrorKind};

use crate::{Deployment, Policy};

/// A provider's `Retry-After` beyond this does not decide a cooldown.
const LONGEST_HINT: Duration = Duration::from_secs(60);
/// Fewer requests than this in the minute say nothing about a share of failures.
const SAMPLE: u32 = 5;

/// The requests of the current minute.
#[derive(Default)]
pub(crate) struct Window {
    minute: u64,
    requests: u32,
    failures: u32,
    /// Failures by LiteLLM's class, few kinds at a time.
    kinds: Vec<(ErrorKind, u32)>,
}

impl Window {
    pub(crate) fn count(&mut self, minute: u64, failure: Option<ErrorKind>) {
        if self.minute != minute {
            *self = Self { minute, ..Self::default() };
        }
        self.requests = self.requests.saturating_add(1);
        let Some(kind) = failure else { return };
        self.failures = self.failures.saturating_add(1);
        match self.kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.kinds.push((kind, 1)),
        }
    }

    pub(crate) fn totals(&self, minute: u64) -> (u32, u32) {
        if self.minute == minute { (self.requests, self.failures) } else { (0, 0) }
    }

    /// Whether the latest failure, already counted, asks for a cooldown.
    pub(crate) fn asks_for_cooldown(&self, deployment: &Deployment, error: &Error, policy: &Policy) -> bool {
        let kind = error.kind();
        if let Some(allowed) = policy.allowed_fails_policy.count(kind) {
            let count = self.kinds.iter().find(|(known, _)| *known == kind).map_or(0, |(_, count)| *count);
            return count > allowed;
        }
        match kind {
            // A name that a client made up says nothing about the deployment behind a pattern.
            ErrorKind::NotFound => !deployment.wildcard,
            ErrorKind::RateLimit | ErrorKind::Authentication | ErrorKind::Timeout => true,
            _ if kind.status() < 500 => false,
            _ => match policy.allowed_fails {
                Some(allowed) => self.failures > allowed,
                None => self.requests >= SAMPLE && self.failures * 2 > self.requests,
            },
        }
    }
}

/// How long the deployment is left alone after `error`.
pub(crate) fn duration(deployment: &Deployment, error: &Error, policy: &Policy) -> Duration {
    if let Some(own) = deployment.cooldown {
        return own;
    }
    let hint = error.retry_after().filter(|hint| *hint <= LONGEST_HINT);
    hint.map_or(policy.cooldown_time, |hint| hint.max(policy.cooldown_time))
}
