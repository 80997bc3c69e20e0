//! What an API with nothing but whole answers has to say for itself, and the `Dialect` around it.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header, response::Parts};
use lockgate_core::{
    Attempt, Dialect, Encoded, Error, Event, Exchange, Memo, Notes, Payload, Probe, Reply, Result,
    StreamDecoder, StreamEnd, Usage,
    json::raw,
    refusal::{self, Refusal},
    wire::FormWriter,
};
use serde::{Serialize, de::DeserializeOwned};

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

    /// What the provider says when it refuses, where it is not said in a usual shape.
    fn refusal(&self, _body: &Bytes) -> Option<Refusal> {
        None
    }
}

/// A request in the making.
pub struct Asked {
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
}

impl Asked {
    /// A form.
    pub fn form(url: String, form: FormWriter) -> Self {
        let content_type = form.content_type();
        Self { url, body: form.finish(), content_type, headers: Vec::new(), relay: false }
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
        Ok(Self {
            url,
            body: text.into(),
            content_type: "application/json".to_owned(),
            headers: Vec::new(),
            relay: false,
        })
    }
}

/// The members of a JSON body, in order.
#[derive(Clone, Default)]
pub struct Members(lockgate_core::Extra);

impl Members {
    /// Sets a member.
    pub fn put(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.0.remove(name);
        self.0.push(name, lockgate_core::json::to_raw(value));
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

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The JSON text.
    pub fn text(&self) -> String {
        lockgate_core::json::to_raw(&self.0).get().to_owned()
    }

    /// Adds what the client said beyond the hub's words, but for what is the gateway's own or not wanted.
    pub fn extra(&mut self, attempt: &Attempt<'_>, extra: &lockgate_core::Extra) {
        for (name, value) in foreign(attempt, extra) {
            self.set(name, value);
        }
    }
}

/// What the client said beyond the hub's words, but for what is the gateway's own or not wanted.
pub fn foreign<'a>(
    attempt: &'a Attempt<'_>,
    extra: &'a lockgate_core::Extra,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let options = &attempt.call.options;
    let unwanted = attempt.target.policy.additional_drop_params.iter().chain(&options.additional_drop_params);
    let unwanted: Vec<&str> = unwanted.map(String::as_str).collect();
    let own = move |name: &str| options.consumed.contains(&name) || unwanted.contains(&name);
    extra.iter().filter(move |(name, _)| !own(name)).map(|(name, value)| (name, value.get()))
}

/// The same as fields of a form: texts as they are.
pub fn foreign_fields(attempt: &Attempt<'_>, extra: &lockgate_core::Extra, form: &mut FormWriter) {
    for (name, value) in foreign(attempt, extra) {
        form.field(name, &plain(value));
    }
}

/// A JSON text as a plain one.
pub fn plain(json: &str) -> String {
    serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned())
}

/// Reads a JSON answer.
///
/// # Errors
/// It is none.
pub fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T> {
    serde_json::from_slice(body).map_err(|why| refusal::malformed(body, why))
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

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        let Asked { url, body, content_type, headers, relay } = self.0.encode(attempt)?;
        let mut request = Request::builder()
            .method(Method::POST)
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
            notes: Notes::default(),
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
