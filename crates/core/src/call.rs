//! One request and everything that has been read of it.

use std::{sync::OnceLock, time::SystemTime};

use bytes::Bytes;
use http::HeaderMap;
use lockgate_wire::Object;

use crate::{
    CallOptions, Error, Format, Operation, Result, Surface, Upload, UploadFile,
    hub::{
        ChatRequest, CompletionRequest, EmbeddingRequest, ImageRequest, ModerationRequest, OcrRequest,
        Request, RerankRequest, SearchRequest, SpeechRequest, TranscriptionRequest,
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

    /// The body as a request to search the web.
    ///
    /// # Errors
    /// As [`Call::request`], or the operation is another one.
    pub fn search(&self) -> Result<&SearchRequest> {
        match self.request()? {
            Request::Search(request) => Ok(request),
            _ => Err(self.mismatch()),
        }
    }

    /// The body as a request to read a document.
    ///
    /// # Errors
    /// As [`Call::request`], or the operation is another one.
    pub fn ocr(&self) -> Result<&OcrRequest> {
        match self.request()? {
            Request::Ocr(request) => Ok(request),
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
