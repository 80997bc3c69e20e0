//! Calls of several requests: what the exchange says is done, each request signed, within the time of one call.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, response::Parts};
use lockgate_core::{Error, ErrorKind, Exchange, Payload, Signer, Step, target::HeaderSigner};
use lockgate_transport::{Egress, Limits, Walked};

use crate::common::{Upstream, ms, send, transport};

/// Asks until the answer is `done` or `stream`.
struct Ask {
    url: String,
    after: Duration,
    file: String,
    made: bool,
}

impl Exchange for Ask {
    fn next(&mut self, _head: &Parts, body: &Bytes) -> Result<Step, Error> {
        let request = Request::get(&self.url).body(Payload::new()).unwrap();
        Ok(match &body[..] {
            b"done" => Step::Done,
            b"stream" => Step::Last(request),
            b"file" => Step::File(self.file.clone()),
            b"content" => Step::Answer(Bytes::from_static(b"content")),
            b"made" => {
                self.made = true;
                Step::Send { request, after: self.after }
            }
            _ if self.made => Step::Answer(Bytes::from_static(b"made")),
            b"failed" => return Err(Error::invalid_response("The job failed.")),
            _ => Step::Send { request, after: self.after },
        })
    }

    fn goes_on(&self) -> bool {
        self.made
    }
}

async fn walked(script: &'static [&'static str], after: Duration, limits: Limits) -> Result<Walked, Error> {
    let upstream = Upstream::start(move |mut socket| async move {
        for (turn, answer) in script.iter().enumerate() {
            let Some(request) = socket.request().await else { return };
            if turn > 0 {
                assert!(request.to_lowercase().contains("authorization: bearer k"), "{request}");
            }
            match *answer {
                "500" => socket.send("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n").await,
                answer => socket.answer(answer).await,
            }
        }
    })
    .await;
    let elsewhere = Upstream::start(|mut socket| async move {
        let request = socket.request().await.unwrap_or_default().to_lowercase();
        assert!(!request.contains("authorization"), "{request}");
        socket.answer("content").await;
    })
    .await;
    let transport = transport();
    let (name, value) = (HeaderName::from_static("authorization"), HeaderValue::from_static("Bearer k"));
    let signer: Arc<dyn Signer> = Arc::new(HeaderSigner::new(name, value));
    let first: Response<_> = send(&transport, &upstream.url("/jobs")).await?;
    let file = elsewhere.url("/result");
    let mut ask = Ask { url: upstream.url("/jobs/1"), after, file, made: false };
    let egress = Egress { validate: false, ..Egress::default() };
    transport.walk(&mut ask, &signer, first, limits, &egress).await
}

#[tokio::test]
async fn an_exchange_is_walked_to_its_end() {
    let whole = walked(&["queued", "running", "done"], ms(20), Limits::default());
    let started = Instant::now();
    let Walked::Whole(answer) = whole.await.unwrap() else { panic!("not whole") };
    assert_eq!(answer.body(), "done");
    assert!(started.elapsed() >= ms(40));
    let last = walked(&["stream", "data: x\n\n"], ms(1), Limits::default()).await.unwrap();
    let Walked::Open(answer) = last else { panic!("not open") };
    assert_eq!(answer.into_body().collect(100).await.unwrap(), "data: x\n\n");
}

#[tokio::test]
async fn a_result_is_fetched_without_the_credential() {
    let whole = walked(&["queued", "file"], ms(1), Limits::default()).await.unwrap();
    assert!(matches!(whole, Walked::Whole(answer) if answer.body() == "content"));
}

#[tokio::test]
async fn what_tidies_up_may_fail() {
    let whole = walked(&["made", "500"], ms(1), Limits::default()).await.unwrap();
    assert!(matches!(whole, Walked::Whole(answer) if answer.body() == "made"));
}

#[tokio::test]
async fn what_fails_ends_it() {
    let failed = walked(&["queued", "500"], ms(1), Limits::default()).await.unwrap();
    assert!(matches!(failed, Walked::Open(answer) if answer.status() == StatusCode::INTERNAL_SERVER_ERROR));
    let refused = walked(&["queued", "failed"], ms(1), Limits::default()).await;
    assert!(refused.is_err_and(|error| error.message() == "The job failed."));
    let limits = Limits { total: ms(200), ..Limits::default() };
    let started = Instant::now();
    let late = walked(&["queued", "queued", "queued"], Duration::from_secs(60), limits).await;
    assert!(late.is_err_and(|error| error.kind() == ErrorKind::Timeout));
    assert!(started.elapsed() < Duration::from_secs(5));
}
