//! NET-3: tokens are fetched once, ahead of their expiry, and again when they were refused.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_util::{FutureExt, future::join_all};
use http::{Request, StatusCode, response::Parts};
use lockgate_core::{Error, Payload, Signer, Token, TokenSource};
use lockgate_transport::{Limits, Transport};

use crate::common::{Upstream, ms, post, transport};

/// A source whose server counts: its tokens are 1, 2, 3, …
struct Source {
    url: String,
    lifetime: Duration,
}

impl TokenSource for Source {
    fn key(&self) -> &str {
        &self.url
    }

    fn request(&self, _now: SystemTime) -> Result<Request<Payload>, Error> {
        Ok(Request::post(&self.url).body(Payload::new()).unwrap())
    }

    fn read(&self, head: &Parts, body: &Bytes, now: SystemTime) -> Result<Token, Error> {
        let text = String::from_utf8_lossy(body);
        match head.status.is_success() && text != "none" {
            true => Ok(Token::bearer(&text, now + self.lifetime).unwrap()),
            false => Err(Error::internal("No token.")),
        }
    }
}

impl Signer for Source {
    fn sign(&self, _request: &mut Request<Payload>, _now: SystemTime) -> Result<(), Error> {
        Ok(())
    }

    fn token_source(&self) -> Option<&dyn TokenSource> {
        Some(self)
    }
}

async fn counting() -> (Upstream, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = count.clone();
    let upstream = Upstream::start(move |mut socket| {
        let seen = seen.clone();
        async move {
            while let Some(request) = socket.request().await {
                if request.starts_with("POST /none") {
                    socket.answer("none").await;
                    continue;
                }
                tokio::time::sleep(ms(20)).await;
                let number = seen.fetch_add(1, SeqCst) + 1;
                socket.answer(&number.to_string()).await;
            }
        }
    })
    .await;
    (upstream, count)
}

fn signer(url: String, lifetime: Duration) -> Arc<dyn Signer> {
    Arc::new(Source { url, lifetime })
}

async fn authorised(transport: &Transport, source: &Arc<dyn Signer>) -> Result<String, Error> {
    let mut request = post("http://upstream.test/", "");
    transport.authorise(source, &mut request, Limits::default()).await?;
    let value = &request.headers()["authorization"];
    assert!(value.is_sensitive());
    Ok(value.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn many_calls_at_once_fetch_one_token_and_a_refused_one_is_forgotten() {
    let (upstream, count) = counting().await;
    let transport = transport();
    let source = signer(upstream.url("/token"), Duration::from_secs(3600));
    let all = join_all((0..1000).map(|_| authorised(&transport, &source))).await;
    assert!(all.into_iter().all(|value| value.unwrap() == "Bearer 1"));
    assert_eq!(authorised(&transport, &source).await.unwrap(), "Bearer 1");
    transport.distrust(&*source, StatusCode::FORBIDDEN);
    assert_eq!(authorised(&transport, &source).await.unwrap(), "Bearer 1");
    transport.distrust(&*source, StatusCode::UNAUTHORIZED);
    assert_eq!(authorised(&transport, &source).await.unwrap(), "Bearer 2");
    assert_eq!(count.load(SeqCst), 2);
}

/// NET-3: near its end, a token is fetched once for a thousand calls, and none of them waits for it.
#[tokio::test]
async fn a_token_is_renewed_ahead_of_its_expiry_and_off_the_path_of_calls() {
    let (upstream, count) = counting().await;
    let transport = transport();
    let source = signer(upstream.url("/token"), Duration::from_secs(4));
    assert_eq!(authorised(&transport, &source).await.unwrap(), "Bearer 1");
    tokio::time::sleep(ms(3200)).await;
    for _ in 0..1000 {
        // Ready at once: the server alone takes 20 ms.
        let value = authorised(&transport, &source).now_or_never().expect("a call waits").unwrap();
        assert_eq!(value, "Bearer 1");
    }
    tokio::time::sleep(ms(200)).await;
    assert_eq!(authorised(&transport, &source).await.unwrap(), "Bearer 2");
    assert_eq!(count.load(SeqCst), 2);
}

/// A renewal that fails leaves the token that is still good, and is not tried again for each call.
#[tokio::test]
async fn a_failed_renewal_is_not_seen() {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = count.clone();
    let upstream = Upstream::start(move |mut socket| {
        let seen = seen.clone();
        async move {
            while socket.request().await.is_some() {
                let first = seen.fetch_add(1, SeqCst) == 0;
                socket.answer(if first { "1" } else { "none" }).await;
            }
        }
    })
    .await;
    let transport = transport();
    let source = signer(upstream.url("/token"), Duration::from_secs(4));
    assert_eq!(authorised(&transport, &source).await.unwrap(), "Bearer 1");
    tokio::time::sleep(ms(3100)).await;
    for _ in 0..20 {
        assert_eq!(authorised(&transport, &source).await.unwrap(), "Bearer 1");
        tokio::time::sleep(ms(10)).await;
    }
    assert_eq!(count.load(SeqCst), 2);
}

#[tokio::test]
async fn without_a_token_the_call_fails_and_the_next_one_tries_again() {
    let (upstream, _) = counting().await;
    let transport = transport();
    let source = signer(upstream.url("/none"), Duration::from_secs(60));
    for _ in 0..2 {
        assert_eq!(authorised(&transport, &source).await.unwrap_err().message(), "No token.");
    }
}
