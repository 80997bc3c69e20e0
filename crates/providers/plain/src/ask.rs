//! What is asked, in the words that these APIs share, and the request made of it.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use lockgate_core::{
    Attempt, Encoded, Error, Extra, Memo, Notes, Operation, Payload, Raw, Result, hub::ChatRequest,
    json::to_raw, params, prompt,
};

use crate::{TEXT, api::Api};

/// A call and what its API is told of it.
pub(crate) struct Ask<'a> {
    pub(crate) attempt: &'a Attempt<'a>,
    pub(crate) request: Cow<'a, ChatRequest>,
    pub(crate) notes: Notes,
    names: &'static [(&'static str, &'static str)],
    /// Parameters that are sent although the API is not known to take them.
    forwarded: Vec<(&'static str, Raw)>,
}

/// Where a request goes and what it says.
pub(crate) struct Outgoing {
    pub(crate) url: String,
    pub(crate) body: Body,
    pub(crate) headers: HeaderMap,
}

pub(crate) enum Body {
    Json(Extra),
    Form(String),
}

impl<'a> Ask<'a> {
    /// # Errors
    /// Parameters are given that the API does not take, or the call is none for it.
    pub(crate) fn new(api: &dyn Api, attempt: &'a Attempt<'a>) -> Result<Self> {
        let policy = attempt.policy();
        let mut notes = Notes::default();
        let request = match attempt.call.operation {
            Operation::Chat => Cow::Borrowed(attempt.call.chat()?),
            Operation::Completion => Cow::Owned(prompt::as_chat(attempt.call.completion()?, &mut notes)?),
            other => {
                let title = &attempt.target.provider.title;
                return Err(Error::bad_request(format!("{title} has no {other} through this API.")));
            }
        };
        let request = params::effective(attempt, &policy, request, &mut notes)?;
        let names = api.names();
        let taken: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        let forwarded = params::settle_foreign(attempt, &policy, &request, &taken, &mut notes)?;
        Ok(Self { attempt, request, notes, names, forwarded })
    }

    /// The base URL.
    pub(crate) fn base(&self) -> Cow<'_, str> {
        self.attempt.base()
    }

    pub(crate) fn model(&self) -> &str {
        &self.attempt.target.model
    }

    pub(crate) fn stream(&self) -> bool {
        self.attempt.call.stream
    }

    /// The conversation as one text; a text completion's prompt as it is.
    pub(crate) fn prompt(&mut self) -> String {
        prompt::report_left_out(&self.request.messages, &mut self.notes);
        let model = if self.attempt.call.operation == Operation::Completion { "" } else { self.model() };
        prompt::render(model, &self.request.messages)
    }

    /// The parameters that are given, by the API's names.
    pub(crate) fn options(&self) -> Extra {
        let request = &*self.request;
        let mut options = Extra::new();
        for (name, own) in self.names {
            let value = match *name {
                "max_tokens" | "max_completion_tokens" => request.max_output().map(|limit| to_raw(&limit)),
                "temperature" => request.temperature.as_ref().map(to_raw),
                "top_p" => request.top_p.as_ref().map(to_raw),
                "top_k" => request.top_k.as_ref().map(to_raw),
                "frequency_penalty" => request.frequency_penalty.as_ref().map(to_raw),
                "presence_penalty" => request.presence_penalty.as_ref().map(to_raw),
                "seed" => request.seed.as_ref().map(to_raw),
                "n" => request.n.map(|count| to_raw(&count)),
                "stop" => request.stop.as_ref().map(|stop| to_raw(stop.as_slice())),
                "response_format" => request.response_format.clone(),
                _ => None,
            };
            if let Some(value) = value {
                options.push(*own, value);
            }
        }
        options
    }

    /// Members that OpenAI does not know, and those that the operator and the client add.
    pub(crate) fn others(&self, body: &mut Extra) {
        let options = &self.attempt.call.options;
        for (name, value) in self.request.extra.iter() {
            if !options.consumed.contains(&name) && value.get() != "null" {
                body.push(name, value.to_owned());
            }
        }
        self.forwarded.iter().for_each(|(name, value)| body.push(*name, value.clone()));
        for (name, value) in self.attempt.target.extra_body.iter().chain(&options.extra_body) {
            body.push(name.as_str(), value.clone());
        }
    }
}

impl Outgoing {
    pub(crate) fn json(url: String, body: Extra) -> Self {
        Self { url, body: Body::Json(body), headers: HeaderMap::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        self
    }

    /// # Errors
    /// The URL is none.
    pub(crate) fn encoded(self, notes: Notes) -> Result<Encoded> {
        let (kind, body) = match self.body {
            Body::Json(body) => ("application/json", to_raw(&body).get().to_owned()),
            Body::Form(body) => ("application/x-www-form-urlencoded", body),
        };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.url)
            .body(Payload::from(body))
            .map_err(|error| Error::bad_request(format!("The model's URL is not valid: {error}")))?;
        *request.headers_mut() = self.headers;
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        let (relay, withhold_usage) = (false, false);
        Ok(Encoded { request, format: TEXT, relay, withhold_usage, memo: Memo::default(), notes })
    }
}
