//! Replicate: a prediction is made, then asked for until it is done, or read as a stream.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, header, response::Parts};
use lockgate_core::{
    Attempt, Error, ErrorKind, Exchange, Extra, Origin, Payload, Raw, Result, Retry, Step, exchange,
    json::{raw, read, to_raw},
    whole::lacking,
    wire::view,
};
use serde_json::value::RawValue;

use crate::{
    answer::{Piece, Said, parse, usage},
    api::Api,
    ask::{Ask, Outgoing},
};

/// How long the first wait is; each is half as long again as the one before.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The length of a version's hash.
const VERSION: usize = 64;

/// Replicate's own hosts, which may have the token.
const DOMAIN: &str = "replicate.com";

pub(crate) struct Replicate;

view! {
    #[derive(Clone, Debug, Default)]
    struct Prediction {
        id: Option<String>,
        status: Option<String>,
        output: Option<Raw>,
        error: Option<Raw>,
        urls: Option<Urls>,
        metrics: Option<Metrics>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Urls {
        get: Option<String>,
        stream: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Metrics {
        input_token_count: Option<u64>,
        output_token_count: Option<u64>,
    }
}

impl Api for Replicate {
    fn id(&self) -> &'static str {
        "replicate"
    }

    fn names(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("max_completion_tokens", "max_new_tokens"),
            ("max_tokens", "max_new_tokens"),
            ("seed", "seed"),
            ("stop", "stop_sequences"),
            ("temperature", "temperature"),
            ("top_k", "top_k"),
            ("top_p", "top_p"),
        ]
    }

    fn request(&self, ask: &mut Ask<'_>) -> Result<Outgoing> {
        let mut input = Extra::new();
        input.push("prompt", to_raw(&ask.prompt()));
        for (name, value) in ask.options().iter() {
            input.push(own_name(ask.model(), name), value.to_owned());
        }
        ask.others(&mut input);
        let mut body = Extra::new();
        let (base, model) = (ask.base(), ask.model());
        let path = match (version(model), model.strip_prefix("deployments/")) {
            (Some(hash), _) => {
                body.push("version", to_raw(hash));
                "/predictions".to_owned()
            }
            (None, Some(deployment)) => format!("/deployments/{deployment}/predictions"),
            (None, None) => format!("/models/{model}/predictions"),
        };
        body.push("input", to_raw(&input));
        if ask.stream() {
            body.push("stream", raw("true"));
        }
        Ok(Outgoing::json(format!("{base}{path}"), body))
    }

    fn whole(&self, body: &Bytes) -> Result<Said> {
        let prediction: Prediction = parse(body)?;
        check(&prediction)?;
        let Some(output) = prediction.output.as_deref() else { return Err(lacking("`output`", body)) };
        let metrics = prediction.metrics.unwrap_or_default();
        Ok(Said {
            id: prediction.id,
            text: text(output),
            usage: usage(metrics.input_token_count, metrics.output_token_count),
            ..Said::default()
        })
    }

    fn piece(&self, event: &str, data: &str) -> Result<Piece> {
        match event {
            "output" => Ok(Piece { text: data.to_owned(), ..Piece::default() }),
            "error" => Err(failed(Some(&to_raw(data)))),
            "done" => match serde_json::from_str::<End>(data).ok().and_then(|end| end.reason).as_deref() {
                Some(reason @ ("error" | "canceled")) => Err(failed(Some(&to_raw(reason)))),
                _ => Ok(Piece { done: true, ..Piece::default() }),
            },
            _ => Ok(Piece::default()),
        }
    }

    fn exchange(&self, attempt: &Attempt<'_>) -> Option<Box<dyn Exchange>> {
        let base = attempt.base().into_owned();
        Some(Box::new(Watching { base, stream: attempt.call.stream, asked: false, wait: FIRST_WAIT }))
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct End {
        reason: Option<String>,
    }
}

/// A prediction that was made.
struct Watching {
    base: String,
    stream: bool,
    asked: bool,
    wait: Duration,
}

impl Exchange for Watching {
    fn next(&mut self, _head: &Parts, body: &Bytes) -> Result<Step> {
        let prediction: Prediction = parse(body)?;
        check(&prediction)?;
        let urls = prediction.urls.clone().unwrap_or_default();
        if self.stream
            && let Some(url) = urls.stream.filter(|url| is_trusted(&self.base, url))
        {
            return get(&url, "text/event-stream").map(Step::Last);
        }
        if self.asked && prediction.status.as_deref() == Some("succeeded") {
            return Ok(Step::Done);
        }
        self.asked = true;
        let url = match (urls.get.filter(|url| is_trusted(&self.base, url)), prediction.id) {
            (Some(url), _) => url,
            (None, Some(id)) if is_id(&id) => format!("{}/predictions/{id}", self.base),
            (None, _) => return Err(lacking("`urls.get`", body)),
        };
        let after = self.wait;
        self.wait = (self.wait * 3 / 2).min(LONGEST_WAIT);
        Ok(Step::Send { request: get(&url, "application/json")?, after })
    }
}

fn get(url: &str, accept: &'static str) -> Result<Request<Payload>> {
    Request::get(url)
        .header(header::ACCEPT, HeaderValue::from_static(accept))
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(Payload::new())
        .map_err(|_| Error::invalid_response("Replicate's answer names a URL that is none."))
}

/// Whether the token may go there: where it went before, or to another of Replicate's own hosts.
fn is_trusted(base: &str, url: &str) -> bool {
    exchange::is_trusted(base, url, DOMAIN)
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The hash in `owner/name:HASH`.
fn version(model: &str) -> Option<&str> {
    model.split_once(':').map(|(_, hash)| hash).filter(|hash| hash.len() == VERSION)
}

/// Some models have a name of their own for the limit.
fn own_name<'a>(model: &str, name: &'a str) -> &'a str {
    match name {
        "max_new_tokens" if model.contains("vicuna") || model.contains("flan") => "max_length",
        "max_new_tokens" if model.contains("codellama-13b") => "max_tokens",
        name => name,
    }
}

/// # Errors
/// The prediction failed.
fn check(prediction: &Prediction) -> Result<()> {
    match prediction.status.as_deref() {
        Some("failed" | "canceled" | "aborted") => Err(failed(prediction.error.as_deref())),
        _ => Ok(()),
    }
}

fn failed(said: Option<&RawValue>) -> Error {
    let said = said.filter(|said| said.get() != "null");
    let words = said.and_then(read::<String>).or_else(|| Some(said?.get().to_owned()));
    let message = format!("The prediction failed: {}", words.as_deref().unwrap_or("no reason was given"));
    // The model failed on this input; another may not.
    Error::new(ErrorKind::Unprocessable, Origin::Upstream, message).with_retry(Retry::Other)
}

/// A text, texts to be joined, or whatever the model gives as JSON.
fn text(output: &RawValue) -> String {
    read::<String>(output)
        .or_else(|| Some(read::<Vec<String>>(output)?.concat()))
        .unwrap_or_else(|| if output.get() == "null" { String::new() } else { output.get().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_goes_to_replicate_alone() {
        let base = "https://api.replicate.com/v1";
        for url in ["https://api.replicate.com/v1/predictions/x", "https://stream.replicate.com/v1/files/x"] {
            assert!(is_trusted(base, url), "{url}");
        }
        for url in [
            "http://stream.replicate.com/x",
            "https://replicate.com.example/x",
            "https://notreplicate.com/x",
            "https://a@stream.replicate.com/x",
            "/v1/x",
            "",
        ] {
            assert!(!is_trusted(base, url), "{url}");
        }
        assert!(is_trusted("http://127.0.0.1:1/v1", "http://127.0.0.1:1/x"));
        assert!(!is_trusted("http://127.0.0.1:1/v1", "https://stream.replicate.com/x"));
        assert!(!is_id("../x") && is_id("gm3qorzdhgbfurvjtvhg6dckhu"));
    }
}
