//! Gemini's API as clients speak it: Google's SDKs and the Gemini CLI.

mod answer;
mod encoder;
mod history;
mod named;
mod opaque;
mod options;
mod remarks;
mod schema;

use bytes::Bytes;
use http::{HeaderMap, Response};
use lockgate_core::{
    Call, Error, Format, Operation, Payload, Reply, Result, StreamEncoder, Surface,
    hub::{ChatRequest, EmbeddingRequest, Prompt, Request},
    surface::{Asked, Endpoint, ListedModel, refused},
};

pub(crate) use opaque::TAG;

use crate::{
    COUNT_TOKENS, EMBED, EMBED_ONE, GENERATE, GENERATE_ARRAY,
    surface::named::{Named, field, list, object},
    wire::{Body, array},
};

/// Gemini's API as clients speak it.
#[derive(Clone, Copy, Debug)]
pub struct GeminiSurface;

/// The paths of a verb.
macro_rules! paths {
    ($operation:ident $verb:literal) => {
        Endpoint::post(
            Operation::$operation,
            concat!("/v1beta/models/{model}:", $verb),
            &[concat!("/v1/models/{model}:", $verb), concat!("/models/{model}:", $verb)],
        )
    };
}

static ENDPOINTS: [Endpoint; 7] = [
    paths!(Chat "generateContent").streamed(false),
    paths!(Chat "streamGenerateContent").streamed(true),
    paths!(CountTokens "countTokens"),
    paths!(Embedding "embedContent"),
    paths!(Embedding "batchEmbedContents"),
    Endpoint::get(Operation::Models, "/v1beta/models", &["/v1beta/models/{model}"]),
    Endpoint::get(Operation::Models, "/v1/models", &["/v1/models/{model}"]).with_header("x-goog-api-key"),
];

impl Surface for GeminiSurface {
    fn id(&self) -> &'static str {
        "gemini"
    }

    fn format(&self, operation: Operation) -> Format {
        match operation {
            Operation::CountTokens => COUNT_TOKENS,
            Operation::Embedding => EMBED,
            _ => GENERATE,
        }
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        &ENDPOINTS
    }

    fn read(&'static self, asked: Asked<'_>, headers: HeaderMap, body: Bytes) -> Result<Call> {
        // The model may be written as its resource's name.
        let model = asked.model.map(|model| model.strip_prefix("models/").unwrap_or(model));
        let mut call = Call::from_json(self, Asked { model, ..asked }, headers, body)?;
        if call.operation == Operation::Embedding && !call.body.contains("requests") {
            call.format = EMBED_ONE;
        }
        if call.operation == Operation::Chat && call.stream && asked.param("alt") != Some("sse") {
            call.format = GENERATE_ARRAY;
        }
        Ok(call)
    }

    fn parse(&self, call: &Call) -> Result<Request> {
        match call.operation {
            Operation::Embedding => embedding(call).map(|request| Request::Embedding(Box::new(request))),
            Operation::CountTokens => {
                let members = Named::of(&call.body);
                let whole = object(&members, "generateContentRequest")?;
                chat(call, whole.as_ref().unwrap_or(&members)).map(|request| Request::Chat(Box::new(request)))
            }
            _ => chat(call, &Named::of(&call.body)).map(|request| Request::Chat(Box::new(request))),
        }
    }

    fn untranslated(&self, call: &Call) -> Vec<String> {
        let members = Named::of(&call.body);
        match call.operation {
            Operation::Embedding => Vec::new(),
            _ => options::untranslated(&members, &call.options.consumed),
        }
    }

    fn inputs(&self, _call: &Call) -> Option<&'static str> {
        Some("requests")
    }

    fn write(&self, call: &Call, reply: &Reply) -> Result<Payload> {
        let json = match reply {
            Reply::Chat(reply) => answer::chat(call, reply).into_json(),
            Reply::TokenCount { input } => Body::default().with("totalTokens", input).into_json(),
            Reply::Embedding(reply) => answer::embedding(call, reply).into_json(),
            _ => {
                let message = format!("Gemini's API has no answer to a {} call.", call.operation);
                return Err(Error::internal(message));
            }
        };
        Ok(json.into())
    }

    fn models(&self, models: &[ListedModel<'_>]) -> Payload {
        let mut list = Body::default();
        list.raw("models", array(models.iter().map(|model| listed(model).into_json())));
        list.into_json().into()
    }

    fn model(&self, model: &ListedModel<'_>) -> Payload {
        listed(model).into_json().into()
    }

    fn stream_type(&self, call: &Call) -> &'static str {
        if call.format == GENERATE_ARRAY {
            "application/json; charset=utf-8"
        } else {
            "text/event-stream; charset=utf-8"
        }
    }

    fn encoder(&self, call: &Call) -> Box<dyn StreamEncoder> {
        Box::new(encoder::Encoder::new(call))
    }

    fn error(&self, error: &Error) -> Response<Payload> {
        refused(error, error.kind().status(), envelope(error))
    }

    /// Blank lines: some of Google's SDKs take a comment for content, and JSON may have blanks anywhere.
    fn keepalive(&self, _call: &Call) -> Bytes {
        Bytes::from_static(b"\n\n")
    }
}

/// An error in Google's envelope.
pub(crate) fn envelope(error: &Error) -> String {
    let status = error.kind().status();
    let own = error.code().filter(|code| STATUSES.iter().any(|(_, status)| status == code));
    let name = STATUSES.iter().find(|(code, _)| *code == status).map(|(_, name)| *name);
    let fallback = if status < 500 { "INVALID_ARGUMENT" } else { "INTERNAL" };
    let mut body = Body::default().with("code", &status).with("message", error.message());
    body.set("status", own.or(name).unwrap_or(fallback));
    if let Some(delay) = error.retry_after() {
        let detail = Body::default()
            .with("@type", "type.googleapis.com/google.rpc.RetryInfo")
            .with("retryDelay", &format!("{}s", delay.as_secs_f64()));
        body.raw("details", array([detail.into_json()]));
    }
    format!("{{\"error\":{}}}", body.into_json())
}

/// HTTP statuses and Google's names for them.
const STATUSES: [(u16, &str); 14] = [
    (400, "INVALID_ARGUMENT"),
    (400, "FAILED_PRECONDITION"),
    (400, "OUT_OF_RANGE"),
    (401, "UNAUTHENTICATED"),
    (403, "PERMISSION_DENIED"),
    (404, "NOT_FOUND"),
    (408, "DEADLINE_EXCEEDED"),
    (409, "ABORTED"),
    (429, "RESOURCE_EXHAUSTED"),
    (499, "CANCELLED"),
    (501, "UNIMPLEMENTED"),
    (502, "UNAVAILABLE"),
    (503, "UNAVAILABLE"),
    (504, "DEADLINE_EXCEEDED"),
];

fn listed(model: &ListedModel<'_>) -> Body {
    let methods: &[&str] = match model.mode {
        Some("embedding") => &["embedContent", "batchEmbedContents"],
        _ => &["generateContent", "streamGenerateContent", "countTokens"],
    };
    let mut out = Body::default()
        .with("name", &format!("models/{}", model.name))
        .with("version", "")
        .with("displayName", model.name);
    out.some("inputTokenLimit", model.max_input.as_ref());
    out.some("outputTokenLimit", model.max_output.as_ref());
    out.set("supportedGenerationMethods", methods);
    out
}

fn chat(call: &Call, members: &Named<'_>) -> Result<ChatRequest> {
    let mut request = ChatRequest {
        model: call.model.clone(),
        messages: history::messages(members)?,
        stream: call.stream.then_some(true),
        ..ChatRequest::default()
    };
    options::tools(members, &mut request)?;
    options::generation(members, &mut request)?;
    Ok(request)
}

/// `:embedContent`, or several in one.
fn embedding(call: &Call) -> Result<EmbeddingRequest> {
    let members = Named::of(&call.body);
    let mut request = EmbeddingRequest { model: call.model.clone(), ..EmbeddingRequest::default() };
    let single = |one: &Named<'_>| -> Result<String> {
        let content = object(one, "content")?;
        let content = content.ok_or_else(|| Error::bad_field("content", "`content` is missing."))?;
        history::text_of(&content)
    };
    let mut texts = Vec::new();
    let dimensions = if members.get("requests").is_some() {
        let requests: Option<Vec<Named<'_>>> =
            list(&members, "requests")?.into_iter().map(Named::read).collect();
        let requests =
            requests.ok_or_else(|| Error::bad_field("requests", "`requests` must consist of objects."))?;
        for one in &requests {
            texts.push(single(one)?);
        }
        requests.first().map(|one| field(one, "outputDimensionality")).transpose()?.flatten()
    } else {
        texts.push(single(&members)?);
        field(&members, "outputDimensionality")?
    };
    request.dimensions = dimensions;
    request.input =
        Some(if call.format == EMBED { Prompt::Texts(texts) } else { Prompt::Text(texts.concat()) });
    Ok(request)
}
