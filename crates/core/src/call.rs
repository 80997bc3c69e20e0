//! One request and everything that has been read of it.

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::HeaderMap;
use lockgate_wire::Object;
use serde_json::value::RawValue;

use crate::{
    Error, Format, Operation, Raw, Result, Surface, Upload, UploadFile,
    hub::{
        ChatRequest, CompletionRequest, EmbeddingRequest, ImageRequest, ModerationRequest, Request,
        RerankRequest, SpeechRequest, TranscriptionRequest,
    },
    signed,
    surface::Asked,
};

/// A client's request: scanned, not parsed. The hub's view of it is made on demand and once, so that a relayed
/// request is never parsed at all.
pub struct Call {
    /// What is asked.
    pub operation: Operation,
    /// The surface that it came through.
    pub surface: &'static dyn Surface,
    /// The format of `body`.
    pub format: Format,
    /// The model as the client named it.
    pub model: String,
    /// Whether the client wants a stream.
    pub stream: bool,
    /// The body as it came, its top level indexed.
    pub body: Object,
    /// The files that came with it, if the body was a form; `body` then has the form's fields.
    pub upload: Option<Box<Upload>>,
    /// The client's headers, credentials removed.
    pub headers: HeaderMap,
    /// What the client told the gateway, not the model.
    pub options: CallOptions,
    /// When the call came; answers that bear no date of their own get this one.
    pub received: SystemTime,
    /// The gateway's id of the call; answers that bear no id of their own are named after it.
    pub id: String,
    /// The id that the answer must bear, where it is known before the answer: that of a response which is kept.
    pub answer_id: Option<String>,
    /// The id of the deployment that alone can answer: the one that keeps what the call goes on from.
    pub pin: Option<String>,
    hub: OnceLock<Result<Request>>,
}

impl Call {
    /// Scans a JSON body. `model` and `stream` come from the path where a surface puts them there, else from the body.
    ///
    /// # Errors
    /// The body is not a JSON object.
    pub fn from_json(
        surface: &'static dyn Surface,
        asked: Asked<'_>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Self> {
        let body = Object::scan(body).map_err(|error| {
            Error::bad_request(format!("The request body is not a valid JSON object: {error}"))
        })?;
        Self::from_object(surface, asked, headers, body)
    }

    /// A call whose body is a form: its plain fields and its files.
    ///
    /// # Errors
    /// A field that is the gateway's own has a wrong value.
    pub fn from_form(
        surface: &'static dyn Surface,
        asked: Asked<'_>,
        headers: HeaderMap,
        form: (&[(String, String)], Upload),
    ) -> Result<Self> {
        let body = crate::upload::fields_object(form.0)?;
        let mut call = Self::from_object(surface, asked, headers, body)?;
        call.upload = Some(Box::new(form.1));
        Ok(call)
    }

    fn from_object(
        surface: &'static dyn Surface,
        asked: Asked<'_>,
        headers: HeaderMap,
        body: Object,
    ) -> Result<Self> {
        let operation = asked.operation;
        let model = match asked.model {
            Some(model) => model.to_owned(),
            None => body.str("model").map(|model| model.into_owned()).unwrap_or_default(),
        };
        // Speech comes in pieces anyway, and not as events.
        let stream =
            operation != Operation::Speech && asked.stream.or_else(|| body.bool("stream")).unwrap_or(false);
        let options = CallOptions::read(&body)?;
        let format = surface.format(operation);
        Ok(Self {
            operation,
            surface,
            format,
            model,
            stream,
            body,
            upload: None,
            headers,
            options,
            received: SystemTime::UNIX_EPOCH,
            id: String::new(),
            answer_id: None,
            pin: None,
            hub: OnceLock::new(),
        })
    }

    /// The same call with another body.
    ///
    /// # Errors
    /// As [`Surface::read`].
    pub fn with_body(&self, body: Bytes) -> Result<Self> {
        let asked = Asked { model: Some(&self.model), ..self.operation.into() };
        let asked = if self.stream { asked.streamed(true) } else { asked };
        let mut call = self.surface.read(asked, self.headers.clone(), body)?;
        call.format = self.format;
        call.id.clone_from(&self.id);
        call.answer_id.clone_from(&self.answer_id);
        call.pin.clone_from(&self.pin);
        call.received = self.received;
        call.upload.clone_from(&self.upload);
        Ok(call)
    }

    /// The body in the words of the hub.
    ///
    /// # Errors
    /// A field of the body has the wrong type; the message names it.
    pub fn request(&self) -> Result<&Request> {
        self.hub
            .get_or_init(|| self.surface.parse(self).map(signed::out_of_ids))
            .as_ref()
            .map_err(Clone::clone)
    }

    /// The body as a chat request.
    ///
    /// # Errors
    /// As [`Call::request`], or the operation is another one.
    pub fn chat(&self) -> Result<&ChatRequest> {
        match self.request()? {
            Request::Chat(request) => Ok(request),
            _ => Err(self.mismatch()),
        }
    }

    /// The body as a text completion request.
    ///
    /// # Errors
    /// As [`Call::request`], or the operation is another one.
    pub fn completion(&self) -> Result<&CompletionRequest> {
        match self.request()? {
            Request::Completion(request) => Ok(request),
            _ => Err(self.mismatch()),
        }
    }

    /// The body as an embedding request.
    ///
    /// # Errors
    /// As [`Call::request`], or the operation is another one.
    pub fn embedding(&self) -> Result<&EmbeddingRequest> {
        match self.request()? {
            Request::Embedding(request) => Ok(request),
            _ => Err(self.mismatch()),
        }
    }

    /// The body as a moderation request.
    ///
    /// # Errors
    /// As [`Call::request`], or the operation is another one.
    pub fn moderation(&self) -> Result<&ModerationRequest> {
        match self.request()? {
            Request::Moderation(request) => Ok(request),
            _ => Err(self.mismatch()),
        }
    }

    /// The body as a request to sort documents.
    ///
    /// # Errors
    /// As [`Call::request`], or the operation is another one.
    pub fn rerank(&self) -> Result<&RerankRequest> {
        match self.request()? {
            Request::Rerank(request) => Ok(request),
            _ => Err(self.mismatch()),
        }
    }

    /// The body as a request for pictures.
    ///
    /// # Errors
    /// As [`Call::request`], or the operation is another one.
    pub fn image(&self) -> Result<&ImageRequest> {
        match self.request()? {
            Request::Image(request) => Ok(request),
            _ => Err(self.mismatch()),
        }
    }

    /// The form as a request to write down speech.
    ///
    /// # Errors
    /// As [`Call::request`], or the operation is another one.
    pub fn transcription(&self) -> Result<&TranscriptionRequest> {
        match self.request()? {
            Request::Transcription(request) => Ok(request),
            _ => Err(self.mismatch()),
        }
    }

    /// The body as a request to speak.
    ///
    /// # Errors
    /// As [`Call::request`], or the operation is another one.
    pub fn speech(&self) -> Result<&SpeechRequest> {
        match self.request()? {
            Request::Speech(request) => Ok(request),
            _ => Err(self.mismatch()),
        }
    }

    /// The file of that field.
    ///
    /// # Errors
    /// There is none; the message names the field.
    pub fn file(&self, field: &'static str) -> Result<&UploadFile> {
        let file = self.upload.as_ref().and_then(|upload| upload.file(field));
        file.ok_or_else(|| {
            Error::bad_field(field, format!("`{field}` is missing: send it as a file of a form."))
        })
    }

    /// Whether the client asked for usage at the end of its stream (OpenAI's `stream_options.include_usage`).
    pub fn wants_stream_usage(&self) -> bool {
        #[derive(serde::Deserialize)]
        struct Options {
            #[serde(default)]
            include_usage: Option<bool>,
        }
        self.body
            .raw("stream_options")
            .and_then(|raw| serde_json::from_str::<Options>(raw).ok())
            .and_then(|options| options.include_usage)
            .unwrap_or(false)
    }

    fn mismatch(&self) -> Error {
        Error::internal(format!("A {} request was read as another operation.", self.operation))
    }
}

/// What the client told the gateway in its body: never sent upstream.
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    /// Names of the members that belong to the gateway and are in this body.
    pub consumed: Vec<&'static str>,
    /// Limit on the whole call.
    pub timeout: Option<Duration>,
    /// Limit on the time to the first byte of a stream.
    pub stream_timeout: Option<Duration>,
    /// How often to try again.
    pub num_retries: Option<u32>,
    /// Drop what the provider does not take.
    pub drop_params: Option<bool>,
    /// Always drop these.
    pub additional_drop_params: Vec<String>,
    /// Always forward these.
    pub allowed_openai_params: Vec<String>,
    /// Model names to fall back to, as JSON (strings or objects).
    pub fallbacks: Option<Raw>,
    /// Never fall back.
    pub disable_fallbacks: bool,
    /// Labels for spend and routing.
    pub tags: Vec<String>,
    /// Answer with this text instead of calling a provider.
    pub mock_response: Option<String>,
    /// Members to merge into the upstream body.
    pub extra_body: Vec<(String, Raw)>,
    /// Headers to add to the upstream request.
    pub extra_headers: Vec<(String, String)>,
    /// A provider key of the client's own; used only where the operator allows it.
    pub api_key: Option<crate::Secret>,
    /// A base URL of the client's own; used only where the operator allows it.
    pub api_base: Option<String>,
}

/// Members of a request body that are the gateway's own, on every surface.
pub const CONTROL_MEMBERS: &[&str] = &[
    "additional_drop_params",
    "allowed_openai_params",
    "api_base",
    "api_key",
    "api_version",
    "base_url",
    "cache",
    "caching",
    "content_policy_fallbacks",
    "context_window_fallbacks",
    "custom_llm_provider",
    "disable_fallbacks",
    "drop_params",
    "extra_body",
    "extra_headers",
    "fallbacks",
    "fastest_response",
    "guardrails",
    "input_cost_per_token",
    "litellm_call_id",
    "litellm_credential_name",
    "litellm_metadata",
    "litellm_request_debug",
    "litellm_session_id",
    "litellm_trace_id",
    "max_retries",
    "merge_reasoning_content_in_choices",
    "mock_delay",
    "mock_response",
    "mock_timeout",
    "mock_tool_calls",
    "model_list",
    "modify_params",
    "no-log",
    "num_retries",
    "output_cost_per_token",
    "prompt_id",
    "prompt_label",
    "prompt_variables",
    "prompt_version",
    "request_timeout",
    "routing_strategy",
    "stream_timeout",
    "tags",
    "timeout",
    "user_config",
];

impl CallOptions {
    fn read(body: &Object) -> Result<Self> {
        let mut options = Self::default();
        for member in body.members() {
            let Ok(found) = CONTROL_MEMBERS.binary_search(&member.key.as_ref()) else { continue };
            let name = CONTROL_MEMBERS[found];
            options.consumed.push(name);
            let raw = std::str::from_utf8(member.raw).unwrap_or("null");
            if raw != "null" {
                options.set(name, raw)?;
            }
        }
        Ok(options)
    }

    fn set(&mut self, name: &'static str, raw: &str) -> Result<()> {
        match name {
            "timeout" | "request_timeout" => self.timeout = seconds(name, raw)?,
            "stream_timeout" => self.stream_timeout = seconds(name, raw)?,
            "num_retries" | "max_retries" => self.num_retries = Some(value(name, raw, "a whole number")?),
            "drop_params" => self.drop_params = Some(value(name, raw, "true or false")?),
            "additional_drop_params" => {
                self.additional_drop_params = value(name, raw, "a list of parameter names")?
            }
            "allowed_openai_params" => {
                self.allowed_openai_params = value(name, raw, "a list of parameter names")?
            }
            "fallbacks" => self.fallbacks = Some(value(name, raw, "a list of models")?),
            "disable_fallbacks" => self.disable_fallbacks = value(name, raw, "true or false")?,
            "tags" => self.tags = value(name, raw, "a list of strings")?,
            "mock_response" => self.mock_response = serde_json::from_str(raw).ok(),
            "extra_body" => self.extra_body = members(name, raw)?,
            "extra_headers" => {
                let headers: std::collections::BTreeMap<String, String> =
                    value(name, raw, "an object of strings")?;
                self.extra_headers = headers.into_iter().collect();
            }
            "api_key" => self.api_key = Some(value::<String>(name, raw, "a string")?.into()),
            "api_base" | "base_url" => self.api_base = Some(value(name, raw, "a URL")?),
            _ => {}
        }
        Ok(())
    }
}

fn value<T: serde::de::DeserializeOwned>(name: &'static str, raw: &str, expected: &str) -> Result<T> {
    serde_json::from_str(raw).map_err(|_| Error::bad_field(name, format!("`{name}` must be {expected}.")))
}

fn seconds(name: &'static str, raw: &str) -> Result<Option<Duration>> {
    let seconds: f64 = value(name, raw, "a number of seconds")?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(Some(duration)),
        _ => Err(Error::bad_field(name, format!("`{name}` must be a number of seconds above zero."))),
    }
}

fn members(name: &'static str, raw: &str) -> Result<Vec<(String, Raw)>> {
    let object = Object::scan(Bytes::copy_from_slice(raw.as_bytes()))
        .map_err(|_| Error::bad_field(name, format!("`{name}` must be an object.")))?;
    let mut members = Vec::new();
    for member in object.members() {
        let text = String::from_utf8_lossy(member.raw).into_owned();
        if let Ok(raw) = RawValue::from_string(text) {
            members.push((member.key.into_owned(), raw));
        }
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::CONTROL_MEMBERS;

    #[test]
    fn control_members_are_sorted_for_the_binary_search() {
        assert!(CONTROL_MEMBERS.is_sorted());
    }
}
