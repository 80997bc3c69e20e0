//! What an API with nothing but whole answers has to say for itself, and the `Dialect` around it: for dialect crates
//! that hold many small ones.

use std::{collections::BTreeMap, fmt::Write, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header, response::Parts};
use serde::Serialize;

use crate::{
    Attempt, CloudSettings, Dialect, Encoded, Error, Event, Exchange, Extra, Memo, Notes, Payload, Probe,
    Raw, Reply, Result, Signer, StreamDecoder, StreamEnd, Usage,
    json::{raw, to_raw},
    refusal::Refusal,
    uri::escaped,
    wire::FormWriter,
};

/// One provider's API.
pub trait Api: Send + Sync + 'static {
    /// The dialect's name in provider rows.
    fn id(&self) -> &'static str;

    /// Writes the request.
    ///
    /// # Errors
    /// The call cannot be expressed.
    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked>;

    /// Reads a successful answer.
    ///
    /// # Errors
    /// The answer cannot be understood, or is an error in spite of its status.
    fn decode(&self, attempt: &Attempt<'_>, body: Bytes) -> Result<Reply>;

    /// What follows the first request, for APIs of jobs.
    fn exchange(&self, _attempt: &Attempt<'_>) -> Option<Box<dyn Exchange>> {
        None
    }

    /// The signer where the row says `auth.scheme = "cloud"`: [`Dialect::signer`].
    ///
    /// # Errors
    /// As there.
    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        let id = &settings.provider.id;
        Err(Error::internal(format!("The dialect of `{id}` has no credentials of its own.")))
    }

    /// The parameters of such a deployment: [`Dialect::settle`].
    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        settings.params.clone()
    }

    /// What the provider says when it refuses, where it is not said in a usual shape.
    fn refusal(&self, _body: &Bytes) -> Option<Refusal> {
        None
    }
}

const JSON: &str = "application/json";

/// A request in the making.
pub struct Asked {
    /// How it is asked.
    pub method: Method,
    /// The whole URL.
    pub url: String,
    /// The body.
    pub body: Payload,
    /// What the body is.
    pub content_type: String,
    /// Further headers.
    pub headers: Vec<(&'static str, &'static str)>,
    /// Whether the answer is what the client gets: sound.
    pub relay: bool,
    /// What was dropped or rewritten.
    pub notes: Notes,
}

impl Asked {
    /// A body of any kind.
    pub fn post(url: String, content_type: String, body: Payload) -> Self {
        Self {
            method: Method::POST,
            url,
            body,
            content_type,
            headers: Vec::new(),
            relay: false,
            notes: Notes::default(),
        }
    }

    /// No body: everything is said in the URL.
    pub fn get(url: String) -> Self {
        Self { method: Method::GET, ..Self::post(url, JSON.to_owned(), Payload::new()) }
    }

    /// A form.
    pub fn form(url: String, form: FormWriter) -> Self {
        Self::post(url, form.content_type(), form.finish())
    }

    /// The same with another header.
    pub fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// A JSON body, with what the operator and the client merge into it.
    ///
    /// # Errors
    /// The body cannot be written as JSON.
    pub fn json(attempt: &Attempt<'_>, url: String, body: &Members) -> Result<Self> {
        let mut body = body.clone();
        let own = &attempt.call.options.extra_body;
        for (name, value) in attempt.target.extra_body.iter().chain(own) {
            body.set(name, value.get());
        }
        let text = serde_json::to_string(&body.0).map_err(|error| Error::internal(error.to_string()))?;
        Ok(Self::post(url, JSON.to_owned(), text.into()))
    }
}

/// The members of a JSON body, in order.
#[derive(Clone, Default)]
pub struct Members(Extra);

impl Members {
    /// Sets a member.
    pub fn put(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.0.remove(name);
        self.0.push(name, to_raw(value));
    }

    /// Sets a member if there is a value.
    pub fn maybe(&mut self, name: &str, value: Option<&(impl Serialize + ?Sized)>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// Sets a member to a JSON text.
    pub fn set(&mut self, name: &str, json: &str) {
        self.0.remove(name);
        self.0.push(name, raw(json));
    }

    /// Whether the member is there.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Takes a member out.
    pub fn take(&mut self, name: &str) -> Option<Raw> {
        self.0.remove(name)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The JSON text.
    pub fn text(&self) -> String {
        to_raw(&self.0).get().to_owned()
    }

    /// The members as they are.
    pub fn into_extra(self) -> Extra {
        self.0
    }

    /// The members as the query of a URL: a list says its name again and again, and what is null says nothing.
    pub fn query(&self) -> String {
        let mut query = String::new();
        for (name, value) in self.0.iter() {
            let values = crate::json::read::<Vec<Raw>>(value).unwrap_or_else(|| vec![value.to_owned()]);
            for value in values.iter().filter(|value| value.get() != "null") {
                let text = crate::json::read::<String>(value).unwrap_or_else(|| value.get().to_owned());
                let joint = if query.is_empty() { "" } else { "&" };
                let _ = write!(query, "{joint}{}={}", escaped(name), escaped(&text));
            }
        }
        query
    }

    /// Adds what the client said beyond the hub's words, but for what is the gateway's own or not wanted.
    pub fn extra(&mut self, attempt: &Attempt<'_>, extra: &Extra) {
        for (name, value) in foreign(attempt, extra) {
            self.set(name, value);
        }
    }
}

/// What the client said beyond the hub's words, but for what is the gateway's own or not wanted.
pub fn foreign<'a>(attempt: &'a Attempt<'_>, extra: &'a Extra) -> impl Iterator<Item = (&'a str, &'a str)> {
    let options = &attempt.call.options;
    let unwanted = attempt.target.policy.additional_drop_params.iter().chain(&options.additional_drop_params);
    let unwanted: Vec<&str> = unwanted.map(String::as_str).collect();
    let own = move |name: &str| options.consumed.contains(&name) || unwanted.contains(&name);
    extra.iter().filter(move |(name, _)| !own(name)).map(|(name, value)| (name, value.get()))
}

/// The same as fields of a form: texts as they are.
pub fn foreign_fields(attempt: &Attempt<'_>, extra: &Extra, form: &mut FormWriter) {
    for (name, value) in foreign(attempt, extra) {
        form.field(name, &plain(value));
    }
}

/// A JSON text as a plain one.
pub fn plain(json: &str) -> String {
    serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned())
}

/// An answer without what was asked for.
pub fn lacking(what: &str, body: &Bytes) -> Error {
    let said = Refusal::of_body(body).message;
    let message = if said.is_empty() { format!("The provider's answer has no {what}.") } else { said };
    Error::invalid_response(message).with_body(body.clone())
}

/// A dialect of whole answers.
pub struct Simple(pub &'static dyn Api);

impl Dialect for Simple {
    fn id(&self) -> &'static str {
        self.0.id()
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        self.0.signer(settings)
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        self.0.settle(settings)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        let Asked { method, url, body, content_type, headers, relay, notes } = self.0.encode(attempt)?;
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header(header::CONTENT_TYPE, content_type)
            .body(body)
            .map_err(|error| Error::bad_request(format!("The upstream's URL is invalid: {error}")))?;
        for (name, value) in headers {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        Ok(Encoded {
            request,
            format: attempt.call.format,
            relay,
            withhold_usage: false,
            memo: Memo::default(),
            notes,
        })
    }

    fn decode(&self, attempt: &Attempt<'_>, _encoded: &Encoded, _head: &Parts, body: Bytes) -> Result<Reply> {
        self.0.decode(attempt, body)
    }

    fn exchange(&self, attempt: &Attempt<'_>, _encoded: &Encoded) -> Option<Box<dyn Exchange>> {
        self.0.exchange(attempt)
    }

    fn stream(&self, _attempt: &Attempt<'_>, _encoded: &Encoded, _head: &Parts) -> Box<dyn StreamDecoder> {
        Box::new(NoEvents)
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        let refusal = self.0.refusal(body).unwrap_or_else(|| Refusal::of_body(body));
        let error = refusal.into_error(head.status.as_u16(), &head.headers, body);
        error.with_provider(&*attempt.target.provider.id)
    }

    fn inspect(&self, _encoded: &Encoded, _head: &Parts, _body: &Bytes) -> Result<Option<Usage>> {
        Ok(None)
    }

    fn probe(&self, _encoded: &Encoded) -> Box<dyn Probe> {
        Box::new(Passing(0))
    }
}

/// These providers send no events.
struct NoEvents;

impl StreamDecoder for NoEvents {
    fn feed(&mut self, _bytes: &[u8], _out: &mut Vec<Event>) -> Result<()> {
        Err(Error::invalid_response("The provider answered with a stream that nobody asked for."))
    }

    fn finish(&mut self, _out: &mut Vec<Event>) -> Result<()> {
        Ok(())
    }
}

/// Sound goes through as it is.
struct Passing(u64);

impl Probe for Passing {
    fn pass(&mut self, frame: Bytes) -> Result<Bytes> {
        self.0 += 1;
        Ok(frame)
    }

    fn finish(&mut self) -> StreamEnd {
        StreamEnd::default()
    }

    fn usage(&self) -> Option<Usage> {
        None
    }

    fn chunks(&self) -> u64 {
        self.0
    }
}
