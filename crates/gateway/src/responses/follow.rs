//! Following what a provider works on in the background to its end, so that it is paid for though its client never comes
//! back.
//!
//! A task asks the provider now and then, ever more seldom. It ends when the response is over or has been paid for by
//! whoever saw its end before, when the client deletes or cancels it, and when the process stops.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::Method;
use lockgate_core::{ErrorKind, Result};
use lockgate_openai::stored as ids;
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout},
};

use super::{
    native::{self, Errand},
    owed::Owing,
};

/// So many responses are followed at one time; what is more is paid for when its client comes back.
const MOST: usize = 1000;
/// Before the first question; each pause is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Providers do not work longer on a response.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The responses that this process follows.
#[derive(Default)]
pub(crate) struct Followers(Arc<Mutex<Followed>>);

/// By id, how to end it.
#[derive(Default)]
struct Followed {
    all: HashMap<String, Arc<Notify>>,
    closed: bool,
}

impl Followers {
    fn lock(&self) -> MutexGuard<'_, Followed> {
        // Nothing under the lock can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows the response of that id, unless that is done already.
    pub(super) fn begin(&self, owing: Owing, id: &str) {
        let mut followed = self.lock();
        if followed.closed || followed.all.contains_key(id) {
            return;
        }
        if followed.all.len() >= MOST {
            tracing::warn!(most = MOST, "a response in the background is not followed: there are too many");
            return;
        }
        let stop = Arc::new(Notify::new());
        followed.all.insert(id.to_owned(), stop.clone());
        let place = Place { id: id.to_owned(), followers: Self(self.0.clone()) };
        tokio::spawn(async move { follow(owing, &place.id, &stop).await });
    }

    /// Nobody need see the end of that response any more.
    pub(super) fn stop(&self, id: &str) {
        if let Some(stop) = self.lock().all.get(id) {
            stop.notify_one();
        }
    }

    /// Ends all; done when what was being paid for is paid for, or the limit has passed.
    pub(crate) async fn close(&self, limit: Duration) {
        {
            let mut followed = self.lock();
            followed.closed = true;
            followed.all.values().for_each(|stop| stop.notify_one());
        }
        let ended = async {
            while !self.lock().all.is_empty() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        if timeout(limit, ended).await.is_err() {
            tracing::warn!(left = self.lock().all.len(), "responses in the background may not be paid for");
        }
    }
}

/// A place among the followed, given back however the task ends.
struct Place {
    id: String,
    followers: Followers,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.followers.lock().all.remove(&self.id);
    }
}

/// Only the pauses can be broken off, so that what is being paid for is not half paid.
async fn follow(owing: Owing, id: &str, stop: &Notify) {
    let (began, mut pause) = (Instant::now(), FIRST_PAUSE);
    while began.elapsed() < LONGEST {
        if timeout(pause, stop.notified()).await.is_ok() {
            return;
        }
        match ask(&owing.renewed(), id).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => tracing::debug!(error = error.message(), "a response could not be followed"),
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Asks how far the response is, and pays if it is over; whether there is no more to be done.
async fn ask(owing: &Owing, id: &str) -> Result<bool> {
    if !owing.is_due(id).await? {
        return Ok(true);
    }
    let Some((keeper, own)) = ids::unwrap(id) else { return Ok(true) };
    if native::kept_by(owing.live(), &keeper).is_err() {
        // Not configured any more: the note stays for a process that knows it.
        return Ok(true);
    }
    let errand = Errand { method: Method::GET, below: "", query: None };
    let answered = match native::run(owing.gateway(), owing.live(), (&keeper, &own), errand).await {
        Ok((_, answered)) => answered,
        // Deleted behind our back: nobody will ever know what it consumed.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return owing.settle(id, None).await.map(|_| true);
        }
        Err(error) => return Err(error),
    };
    if answered.over {
        owing.settle(id, answered.usage).await?;
    }
    Ok(answered.over)
}
