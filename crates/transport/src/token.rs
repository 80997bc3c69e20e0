//! Tokens of clouds: fetched when a call needs one, ahead of their expiry, once for all who wait.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use http::{Request, StatusCode};
use lockgate_core::{Error, ErrorKind, Origin, Payload, Signer, Token, TokenSource};
use tokio::{sync::Mutex as Flight, time::Instant};

use crate::{Limits, Transport};

/// A token that is good for less is fetched anew while calls go on with it.
const AHEAD: Duration = Duration::from_secs(240);
/// A token that is good for less does not survive a call.
const LEAST: Duration = Duration::from_secs(10);
/// The same for tokens with short lives, as parts of a life: one in so many.
const AHEAD_PART: u32 = 4;
const LEAST_PART: u32 = 10;
/// After a renewal that failed, the next one waits so long; the token at hand is still good.
const PAUSE: Duration = Duration::from_secs(5);
/// Answers of token servers are short.
const LONGEST: usize = 1 << 20;

/// The tokens at hand, by the keys of their sources.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<HashMap<String, Arc<Slot>>>);

#[derive(Default)]
struct Slot {
    held: Mutex<Held>,
    /// Held by whoever fetches.
    flight: Arc<Flight<()>>,
}

#[derive(Default)]
struct Held {
    token: Option<Token>,
    /// How long the token was good for when it came.
    life: Duration,
    /// No renewal is tried before.
    paused: Option<Instant>,
}

/// What a token is still good for.
#[derive(Clone, Copy, PartialEq)]
enum Good {
    /// Nothing, or there is none.
    No,
    /// It should be renewed.
    Soon,
    Yes,
}

impl Transport {
    /// Puts a token on a signed request, if its signer needs one. A token that nears its end is renewed in the
    /// background; a call waits only if there is none that is good.
    ///
    /// # Errors
    /// No token could be fetched.
    pub async fn authorise(
        &self,
        signer: &Arc<dyn Signer>,
        request: &mut Request<Payload>,
        limits: Limits,
    ) -> Result<(), Error> {
        let Some(source) = signer.token_source() else { return Ok(()) };
        let slot = self.tokens.slot(source.key());
        let token = match slot.look() {
            (Good::Yes, Some(token)) => token,
            (Good::Soon, Some(token)) => {
                self.renew(&slot, signer, limits);
                token
            }
            // Boxed: most signers have no token to wait for, and the state is large.
            _ => Box::pin(self.token(source, limits)).await?,
        };
        source.authorise(&token, request, SystemTime::now())
    }

    /// Forgets a signer's token if the upstream refused it: the next call fetches another.
    pub fn distrust(&self, signer: &dyn Signer, status: StatusCode) {
        if status == StatusCode::UNAUTHORIZED
            && let Some(source) = signer.token_source()
        {
            lock(&self.tokens.0).remove(source.key());
        }
    }

    /// Fetches a token for the calls to come, unless that is being done. The task is no call's: it outlives the one
    /// that noticed.
    fn renew(&self, slot: &Arc<Slot>, signer: &Arc<dyn Signer>, limits: Limits) {
        let Ok(flight) = slot.flight.clone().try_lock_owned() else { return };
        if slot.is_paused() {
            return;
        }
        let (transport, slot, signer) = (self.clone(), slot.clone(), signer.clone());
        tokio::spawn(async move {
            if let Some(source) = signer.token_source()
                && slot.look().0 != Good::Yes
            {
                slot.keep(&transport.fetch_token(source, limits).await);
            }
            drop(flight);
        });
    }

    async fn token(&self, source: &dyn TokenSource, limits: Limits) -> Result<Token, Error> {
        let slot = self.tokens.slot(source.key());
        if let (Good::Yes | Good::Soon, Some(token)) = slot.look() {
            return Ok(token);
        }
        let _flight = slot.flight.lock().await;
        // Another call may have fetched it in the meantime.
        if let (Good::Yes | Good::Soon, Some(token)) = slot.look() {
            return Ok(token);
        }
        let fetched = self.fetch_token(source, limits).await;
        slot.keep(&fetched);
        fetched
    }

    async fn fetch_token(&self, source: &dyn TokenSource, limits: Limits) -> Result<Token, Error> {
        let mut request = match source.file() {
            None => source.request(SystemTime::now())?,
            Some(path) => source.request_with(&text(path).await?, SystemTime::now())?,
        };
        if let Some(base) = source.base() {
            let token = Box::pin(self.token(base, limits)).await?;
            base.authorise(&token, &mut request, SystemTime::now())?;
        }
        let mut answers = Vec::new();
        loop {
            let (head, body) = self.send(request, limits).await?.into_parts();
            let body = body.collect(LONGEST).await?;
            if head.status.is_success() {
                answers.push(body.clone());
                if let Some(next) = source.further(&answers)? {
                    request = next;
                    continue;
                }
            }
            return source.read(&head, &body, SystemTime::now());
        }
    }
}

/// The credential in a file.
async fn text(path: &str) -> Result<String, Error> {
    tokio::fs::read_to_string(path).await.map(|text| text.trim().to_owned()).map_err(|why| {
        let message = format!("The file with the credential cannot be read ({}): {path}", why.kind());
        Error::new(ErrorKind::Authentication, Origin::Gateway, message)
    })
}

impl Tokens {
    fn slot(&self, key: &str) -> Arc<Slot> {
        let mut slots = lock(&self.0);
        if let Some(slot) = slots.get(key) {
            return slot.clone();
        }
        // Sources of configurations that are gone leave with their tokens.
        slots.retain(|_, slot| Arc::strong_count(slot) > 1 || slot.look().0 != Good::No);
        slots.entry(key.to_owned()).or_default().clone()
    }
}

impl Slot {
    /// The token, and what it is good for.
    fn look(&self) -> (Good, Option<Token>) {
        let held = lock(&self.held);
        let Some(token) = held.token.clone() else { return (Good::No, None) };
        let left = token.expires_at.duration_since(SystemTime::now()).unwrap_or_default();
        let good = match left {
            left if left <= LEAST.min(held.life / LEAST_PART) => Good::No,
            left if left <= AHEAD.min(held.life / AHEAD_PART) => Good::Soon,
            _ => Good::Yes,
        };
        (good, Some(token))
    }

    fn is_paused(&self) -> bool {
        lock(&self.held).paused.is_some_and(|until| Instant::now() < until)
    }

    /// Keeps what was fetched; a failure leaves the token at hand.
    fn keep(&self, fetched: &Result<Token, Error>) {
        let mut held = lock(&self.held);
        match fetched {
            Ok(token) => {
                held.life = token.expires_at.duration_since(SystemTime::now()).unwrap_or_default();
                held.token = Some(token.clone());
                held.paused = None;
            }
            Err(_) => held.paused = Some(Instant::now() + PAUSE),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
