//! A call of several requests, walked without a network: what is sent, and what comes of these answers.

use bytes::Bytes;
use http::Request;
use lockgate_core::{Attempt, Call, Error, Media, Payload, Reply, Result, Step, Target};

use crate::sample;

/// What was sent, one line for each request (`METHOD URL BODY`, or `FILE URL`), and what the client gets. Where the
/// target is at `http://upstream.test`, that is left out of URLs.
///
/// # Panics
/// More is asked than answered.
pub fn walked(target: &Target, call: &Call, answers: &[&[u8]]) -> (Vec<String>, Result<Reply, Error>) {
    let attempt = Attempt { call, target, media: &Media::default() };
    let dialect = attempt.dialect();
    let encoded = dialect.encode(&attempt).expect("a call that can be expressed");
    let head = sample::head(200, "application/json");
    let mut sent = vec![shown(&encoded.request)];
    let mut exchange = dialect.exchange(&attempt, &encoded);
    for answer in answers {
        let answer = Bytes::copy_from_slice(answer);
        let step = match &mut exchange {
            Some(exchange) => exchange.next(&head, &answer),
            None => Ok(Step::Done),
        };
        let body = match step {
            Err(error) => return (sent, Err(error)),
            Ok(Step::Send { request, .. }) => {
                sent.push(shown(&request));
                continue;
            }
            Ok(Step::Last(request)) => {
                sent.push(shown(&request));
                exchange = None;
                continue;
            }
            Ok(Step::File(url)) => {
                sent.push(format!("FILE {url}"));
                continue;
            }
            Ok(Step::Done) => answer,
            Ok(Step::Answer(body)) => body,
        };
        return (sent, dialect.decode(&attempt, &encoded, &head, body));
    }
    panic!("more is asked than answered: {sent:#?}");
}

fn shown(request: &Request<Payload>) -> String {
    let body = String::from_utf8_lossy(&request.body().to_vec()).into_owned();
    let url = request.uri().to_string();
    let own = url.strip_prefix("http://upstream.test/v1").or(url.strip_prefix("http://upstream.test"));
    format!("{} {} {body}", request.method(), own.unwrap_or(&url)).trim_end().to_owned()
}
