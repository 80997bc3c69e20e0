use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use lockgate_core::{
    Call, ChatReply, CompletionReply, EmbeddingReply, Error, Extra, Format, Operation, Payload, Reply,
    Result, Retry, StreamEncoder, Surface, Usage,
    hub::{Message, Request, ToolCall},
    json::{self, raw},
    surface::{Asked, Endpoint, ListedModel, refused},
};

use crate::{
    CHAT, COMPLETION, EMBEDDING, IMAGE, IMAGE_EDIT, IMAGE_VARIATION, MODERATION, OCR, RERANK, RESPONSES,
    SEARCH, SPEECH, TRANSCRIPTION, TRANSLATION,
    encoder::Encoder,
    envelope::{error_body, status},
    json::{Json, list, written},
    legacy, lookup, media, usage,
};

/// OpenAI's endpoints as clients speak them.
#[derive(Clone, Copy, Debug)]
pub struct OpenAiSurface;

static ENDPOINTS: [Endpoint; 14] = [
    Endpoint::post(
        Operation::Chat,
        "/v1/chat/completions",
        &[
            "/chat/completions",
            "/openai/v1/chat/completions",
            "/engines/{model}/chat/completions",
            "/openai/deployments/{model}/chat/completions",
        ],
    ),
    Endpoint::post(
        Operation::Completion,
        "/v1/completions",
        &[
            "/completions",
            "/openai/v1/completions",
            "/engines/{model}/completions",
            "/openai/deployments/{model}/completions",
        ],
    ),
    Endpoint::post(
        Operation::Embedding,
        "/v1/embeddings",
        &[
            "/embeddings",
            "/openai/v1/embeddings",
            "/engines/{model}/embeddings",
            "/openai/deployments/{model}/embeddings",
        ],
    ),
    Endpoint::post(Operation::Moderation, "/v1/moderations", &["/moderations", "/openai/v1/moderations"]),
    Endpoint::post(
        Operation::ImageGeneration,
        "/v1/images/generations",
        &[
            "/images/generations",
            "/openai/v1/images/generations",
            "/openai/deployments/{model}/images/generations",
        ],
    ),
    Endpoint::post(
        Operation::ImageEdit,
        "/v1/images/edits",
        &["/images/edits", "/openai/v1/images/edits", "/openai/deployments/{model}/images/edits"],
    ),
    Endpoint::post(
        Operation::ImageVariation,
        "/v1/images/variations",
        &[
            "/images/variations",
            "/openai/v1/images/variations",
            "/openai/deployments/{model}/images/variations",
        ],
    ),
    Endpoint::post(
        Operation::Transcription,
        "/v1/audio/transcriptions",
        &[
            "/audio/transcriptions",
            "/openai/v1/audio/transcriptions",
            "/openai/deployments/{model}/audio/transcriptions",
        ],
    ),
    Endpoint::post(
        Operation::Translation,
        "/v1/audio/translations",
        &[
            "/audio/translations",
            "/openai/v1/audio/translations",
            "/openai/deployments/{model}/audio/translations",
        ],
    ),
    Endpoint::post(
        Operation::Speech,
        "/v1/audio/speech",
        &["/audio/speech", "/openai/v1/audio/speech", "/openai/deployments/{model}/audio/speech"],
    ),
    Endpoint::post(Operation::Rerank, "/v1/rerank", &["/rerank", "/v2/rerank"]),
    Endpoint::post(Operation::Search, "/v1/search", &["/search", "/v1/search/{model}", "/search/{model}"]),
    Endpoint::post(Operation::Ocr, "/v1/ocr", &["/ocr"]),
    Endpoint::get(
        Operation::Models,
        "/v1/models",
        &[
            "/models",
            "/openai/v1/models",
            "/v1/models/{model}",
            "/models/{model}",
            "/openai/v1/models/{model}",
        ],
    ),
];

/// Clients want a date of a model; the models of a gateway have none.
const MODEL_CREATED: u64 = 1_677_610_602;

impl Surface for OpenAiSurface {
    fn id(&self) -> &'static str {
        "openai"
    }

    fn format(&self, operation: Operation) -> Format {
        match operation {
            Operation::Completion => COMPLETION,
            Operation::Embedding => EMBEDDING,
            Operation::Moderation => MODERATION,
            Operation::Responses => RESPONSES,
            Operation::ImageGeneration => IMAGE,
            Operation::ImageEdit => IMAGE_EDIT,
            Operation::ImageVariation => IMAGE_VARIATION,
            Operation::Transcription => TRANSCRIPTION,
            Operation::Translation => TRANSLATION,
            Operation::Speech => SPEECH,
            Operation::Rerank => RERANK,
            Operation::Search => SEARCH,
            Operation::Ocr => OCR,
            _ => CHAT,
        }
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        &ENDPOINTS
    }

    fn read(&'static self, asked: Asked<'_>, headers: HeaderMap, body: Bytes) -> Result<Call> {
        let mut call = Call::from_json(self, asked, headers, body)?;
        if call.operation == Operation::Search && asked.model.is_none() {
            lookup::name_tool(&mut call);
        }
        Ok(call)
    }

    fn parse(&self, call: &Call) -> Result<Request> {
        let source = call.body.source();
        match call.operation {
            Operation::Chat | Operation::CountTokens => parse(source).map(Request::Chat),
            Operation::Completion => parse(source).map(Request::Completion),
            Operation::Embedding => parse(source).map(Request::Embedding),
            Operation::Moderation => parse(source).map(Request::Moderation),
            Operation::Rerank => parse(source).map(Request::Rerank),
            Operation::ImageGeneration | Operation::ImageEdit | Operation::ImageVariation => {
                parse(source).map(Request::Image)
            }
            Operation::Transcription | Operation::Translation => parse(source).map(Request::Transcription),
            Operation::Speech => parse(source).map(Request::Speech),
            Operation::Search => parse(source).map(Request::Search),
            Operation::Ocr => parse(source).map(Request::Ocr),
            other => Err(Error::internal(format!("OpenAI's surface does not read {other} requests."))),
        }
    }

    fn inputs(&self, _call: &Call) -> Option<&'static str> {
        Some("input")
    }

    fn write(&self, call: &Call, reply: &Reply) -> Result<Payload> {
        let json = match (reply, call.operation) {
            (Reply::Chat(reply), Operation::Completion) => completion_of_chat(call, reply),
            (Reply::Chat(reply), _) => chat(call, &legacy::reply(call, reply)),
            (Reply::Completion(reply), _) => completion(call, reply),
            (Reply::Embedding(reply), _) => embedding(call, reply),
            (Reply::TokenCount { input }, _) => {
                format!("{{\"object\":\"token_count\",\"total_tokens\":{input}}}")
            }
            (Reply::Rerank(reply), _) => media::rerank(call, reply),
            (Reply::Search(reply), _) => lookup::search(reply),
            (Reply::Ocr(reply), _) => lookup::ocr(call, reply),
            (Reply::Images(reply), _) => media::images(call, reply),
            (Reply::Transcription(reply), _) => return Ok(media::transcription(call, reply)),
            (Reply::Audio(reply), _) => return Ok(reply.bytes.clone().into()),
            (Reply::Raw(body), _) => return Ok(body.clone().into()),
            _ => return Err(Error::internal("OpenAI's surface has no words for this answer.")),
        };
        Ok(Payload::from(json))
    }

    fn models(&self, models: &[ListedModel<'_>]) -> Payload {
        let json = Json::new().text("object", "list").raw("data", &list(models.iter().map(listed)));
        Payload::from(json.into_text())
    }

    fn model(&self, model: &ListedModel<'_>) -> Payload {
        Payload::from(listed(model))
    }

    fn content_type(&self, call: &Call, reply: &Reply) -> Option<HeaderValue> {
        media::content_type(call, reply)
    }

    fn encoder(&self, call: &Call) -> Box<dyn StreamEncoder> {
        Box::new(Encoder::new(call))
    }

    fn error(&self, error: &Error) -> Response<Payload> {
        let mut response = refused(error, status(error), error_body(error));
        if matches!(error.retry(), Retry::Never | Retry::Larger) {
            response.headers_mut().insert("x-should-retry", HeaderValue::from_static("false"));
        }
        response
    }

    fn keepalive(&self, _call: &Call) -> Bytes {
        Bytes::from_static(b": keep-alive\n\n")
    }
}

fn listed(model: &ListedModel<'_>) -> String {
    Json::new()
        .text("id", model.name)
        .text("object", "model")
        .raw("created", &MODEL_CREATED.to_string())
        .text("owned_by", "openai")
        .into_text()
}

fn parse<T: serde::de::DeserializeOwned>(source: &Bytes) -> Result<Box<T>> {
    json::parse(source).map(Box::new).map_err(|error| {
        let said = error.to_string();
        let error = Error::bad_request(format!("The request body is not understood: {said}"));
        // The view names the member whose value is wrong.
        match said.strip_prefix('`').and_then(|rest| rest.split_once('`')) {
            Some((member, _)) => error.with_param(member),
            None => error,
        }
    })
}

/// The id of an answer: the provider's, or one made from the call's.
pub(crate) fn answer_id(call: &Call, own: &str) -> String {
    match (own.is_empty(), call.operation) {
        (false, _) => own.to_owned(),
        (true, Operation::Completion) => format!("cmpl-{}", call.id),
        (true, _) => format!("chatcmpl-{}", call.id),
    }
}

/// The time of an answer: the provider's, or the call's.
pub(crate) fn answer_time(call: &Call, own: Option<i64>) -> i64 {
    own.unwrap_or_else(|| {
        let since = call.received.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

fn head(call: &Call, object: &str, id: &str, created: Option<i64>) -> Json {
    Json::new()
        .text("id", &answer_id(call, id))
        .text("object", object)
        .raw("created", &answer_time(call, created).to_string())
        .text("model", &call.model)
}

fn tail(json: Json, usage: Option<&Usage>, fingerprint: Option<&str>, extra: &Extra) -> String {
    let json = match usage {
        Some(usage) => json.raw("usage", &usage::write(usage)),
        None => json,
    };
    json.maybe("system_fingerprint", fingerprint).extra(extra).into_text()
}

fn chat(call: &Call, reply: &ChatReply) -> String {
    let choices = reply.choices.iter().map(|choice| {
        let finish = choice.finish.as_ref().map_or("stop", |finish| finish.as_str());
        let json = Json::new()
            .raw("index", &choice.index.to_string())
            .raw("message", &message(&choice.message))
            .text("finish_reason", finish);
        let json = match &choice.logprobs {
            Some(logprobs) => json.raw("logprobs", logprobs.get()),
            None => json,
        };
        json.extra(&choice.extra).into_text()
    });
    let json = head(call, "chat.completion", &reply.id, reply.created)
        .raw("choices", &list(choices))
        .maybe("service_tier", reply.service_tier.as_deref());
    tail(json, reply.usage.as_ref(), reply.system_fingerprint.as_deref(), &reply.extra)
}

/// A message as clients expect it: with a role, and with `content` even where there is none.
fn message(message: &Message) -> String {
    let is_typed = |call: &ToolCall| call.kind.is_some();
    let typed = message.tool_calls.iter().flatten().all(is_typed);
    if typed && !message.role.is_empty() && message.content.is_some() {
        return written(message);
    }
    let mut message = message.clone();
    if message.role.is_empty() {
        "assistant".clone_into(&mut message.role);
    }
    for call in message.tool_calls.iter_mut().flatten() {
        call.kind.get_or_insert_with(|| "function".to_owned());
    }
    if message.content.is_none() {
        let mut extra = Extra::new();
        extra.push("content", raw("null"));
        for (key, value) in message.extra.iter() {
            extra.push(key, value.to_owned());
        }
        message.extra = extra;
    }
    written(&message)
}

fn completion(call: &Call, reply: &CompletionReply) -> String {
    let choices = reply.choices.iter().map(|choice| {
        let logprobs = choice.logprobs.as_ref().map_or("null", |raw| raw.get());
        Json::new()
            .text("text", &choice.text)
            .raw("index", &choice.index.to_string())
            .raw("logprobs", logprobs)
            .text("finish_reason", choice.finish.as_ref().map_or("stop", |finish| finish.as_str()))
            .extra(&choice.extra)
            .into_text()
    });
    let json = head(call, "text_completion", &reply.id, reply.created).raw("choices", &list(choices));
    tail(json, reply.usage.as_ref(), reply.system_fingerprint.as_deref(), &reply.extra)
}

/// A text completion that was answered in a chat.
fn completion_of_chat(call: &Call, reply: &ChatReply) -> String {
    let choices = reply.choices.iter().map(|choice| {
        let text = choice.message.content.as_ref().map(lockgate_core::hub::Content::text).unwrap_or_default();
        Json::new()
            .text("text", &text)
            .raw("index", &choice.index.to_string())
            .raw("logprobs", "null")
            .text("finish_reason", choice.finish.as_ref().map_or("stop", |finish| finish.as_str()))
            .into_text()
    });
    let json = head(call, "text_completion", &reply.id, reply.created).raw("choices", &list(choices));
    tail(json, reply.usage.as_ref(), None, &Extra::new())
}

fn embedding(call: &Call, reply: &EmbeddingReply) -> String {
    let data = reply.vectors.iter().enumerate().map(|(index, vector)| {
        let json = Json::new().text("object", "embedding").raw("index", &index.to_string());
        let json = json.raw("embedding", vector.get());
        match &reply.kind {
            Some(kind) => json.text("type", kind).into_text(),
            None => json.into_text(),
        }
    });
    let json = Json::new().text("object", "list").raw("data", &list(data)).text("model", &call.model);
    let json = match &reply.usage {
        Some(usage) => json.raw("usage", &usage::write_embedding(usage)),
        None => json,
    };
    json.extra(&reply.extra).into_text()
}

#[cfg(test)]
mod tests {
    use lockgate_core::{ErrorKind, Origin};

    use super::*;

    #[test]
    fn errors_have_the_status_of_their_kind_and_keep_what_the_provider_said() {
        let error = Error::new(ErrorKind::RateLimit, Origin::Upstream, "Slow \"down\".")
            .with_code("rate_limit_exceeded")
            .with_request_id("req_1")
            .with_retry_after(std::time::Duration::from_millis(1500));
        let response = OpenAiSurface.error(&error);
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "2");
        assert_eq!(
            String::from_utf8(response.body().to_vec()).unwrap(),
            r#"{"error":{"message":"Slow \"down\".","type":"throttling_error","param":null,"code":"429","provider_specific_fields":{"code":"rate_limit_exceeded","request_id":"req_1"}}}"#
        );
    }

    #[test]
    fn odd_client_statuses_stay() {
        let error = Error::new(ErrorKind::BadRequest, Origin::Upstream, "x").with_status(498);
        assert_eq!(status(&error), 498);
        assert_eq!(status(&Error::bad_request("x")), 400);
    }
}
