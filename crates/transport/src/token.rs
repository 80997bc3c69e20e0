//! Tokens of clouds: fetched when a call needs one, ahead of their expiry, once for all who wait.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use http::{Request, StatusCode};
use lockgate_core::{Error, ErrorKind, Origin, Payload, Signer, Token, TokenSource};
use tokio::sync::Mutex as Flight;

use crate::{Limits, Transport};

/// A token that is good for less is fetched anew; while one call does that, the others go on with the old one.
const AHEAD: Duration = Duration::from_secs(240);
/// A token that is good for less does not survive a call.
const LEAST: Duration = Duration::from_secs(10);
/// Answers of token servers are short.
const LONGEST: usize = 1 << 20;

/// The tokens at hand, by the keys of their sources.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<HashMap<String, Arc<Slot>>>);

#[derive(Default)]
struct Slot {
    token: Mutex<Option<Token>>,
    /// Held by the call that fetches.
    flight: Flight<()>,
}

impl Transport {
    /// Puts a token on a signed request, if its signer needs one.
    ///
    /// # Errors
    /// No token could be fetched.
    pub async fn authorise(
        &self,
        signer: &dyn Signer,
        request: &mut Request<Payload>,
        limits: Limits,
    ) -> Result<(), Error> {
        let Some(source) = signer.token_source() else { return Ok(()) };
        // Boxed: most signers have no token to wait for, and the state is large.
        let token = Box::pin(self.token(source, limits)).await?;
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

    async fn token(&self, source: &dyn TokenSource, limits: Limits) -> Result<Token, Error> {
        let slot = self.tokens.slot(source.key());
        if let Some(token) = slot.good_for(AHEAD) {
            return Ok(token);
        }
        let flight = match (slot.flight.try_lock(), slot.good_for(LEAST)) {
            (Err(_), Some(token)) => return Ok(token),
            (Err(_), None) => slot.flight.lock().await,
            (Ok(flight), _) => flight,
        };
        // Another call may have fetched it in the meantime.
        if let Some(token) = slot.good_for(AHEAD) {
            return Ok(token);
        }
        let fetched = self.fetch_token(source, limits).await;
        let outcome = match (fetched, slot.good_for(LEAST)) {
            (Ok(token), _) => {
                *lock(&slot.token) = Some(token.clone());
                Ok(token)
            }
            (Err(_), Some(old)) => Ok(old),
            (Err(error), None) => Err(error),
        };
        drop(flight);
        outcome
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
        slots.retain(|_, slot| Arc::strong_count(slot) > 1 || slot.good_for(Duration::ZERO).is_some());
        slots.entry(key.to_owned()).or_default().clone()
    }
}

impl Slot {
    /// The token, if it is good for at least that long.
    fn good_for(&self, least: Duration) -> Option<Token> {
        let token = lock(&self.token).clone()?;
        let left = token.expires_at.duration_since(SystemTime::now()).unwrap_or_default();
        (left > least).then_some(token)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
