//! Forms with files: read until it is known where they go, the rest passed on as it comes or collected.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use lockgate_core::{
    CONTROL_MEMBERS, Call, Error, Operation, Payload, Result, Retry, Upload, UploadFile,
    surface::Asked,
    wire::{FormDecoder, FormEvent, PartHead, write_head},
};

use crate::intake::{broken, too_large};

/// Forms up to here are held whole, so that they can be sent again: a retry costs less than a client's upload.
const HELD: usize = 1 << 20;
/// A field that is no file is no longer than this.
const LONGEST_FIELD: usize = 1 << 20;

/// A form on its way in.
pub(crate) struct FormReader {
    body: Incoming,
    decoder: FormDecoder,
    boundary: String,
    fields: Vec<(String, String)>,
    files: Vec<UploadFile>,
    part: Part,
    read: usize,
    limit: usize,
    ended: bool,
}

/// The part that is being read.
enum Part {
    None,
    Field(String, Vec<u8>),
    /// The last of the files.
    File,
}

impl FormReader {
    /// A reader at the start of a body of at most `limit` bytes.
    pub(crate) fn new(body: Incoming, boundary: String, limit: usize) -> Self {
        Self {
            body,
            decoder: FormDecoder::new(&boundary),
            boundary,
            fields: Vec::new(),
            files: Vec::new(),
            part: Part::None,
            read: 0,
            limit,
            ended: false,
        }
    }

    /// Reads to the end, or until it is a large file whose model is known.
    ///
    /// # Errors
    /// The form is broken, or too large.
    pub(crate) async fn start(&mut self, knows_model: bool) -> Result<()> {
        let mut events = Vec::new();
        while !self.ended {
            let model = knows_model || self.fields.iter().any(|(name, _)| name == "model");
            if model && self.read > HELD && matches!(self.part, Part::File) {
                return Ok(());
            }
            self.frame(&mut events).await?;
            events.drain(..).try_for_each(|event| self.take(event))?;
        }
        Ok(())
    }

    /// What has been read, as a call's body.
    pub(crate) fn form(&self) -> (&[(String, String)], Upload) {
        let upload = Upload { boundary: self.boundary.clone(), files: self.files.clone(), open: !self.ended };
        (&self.fields, upload)
    }

    /// How many bytes there may be.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    async fn frame(&mut self, events: &mut Vec<FormEvent>) -> Result<()> {
        let frame = match self.body.frame().await {
            Some(frame) => frame.map_err(|_| broken())?.into_data().unwrap_or_default(),
            None => {
                self.ended = true;
                return self.decoder.finish().map_err(bad_form);
            }
        };
        self.feed(frame, events)
    }

    fn feed(&mut self, frame: Bytes, events: &mut Vec<FormEvent>) -> Result<()> {
        self.read += frame.len();
        if self.read > self.limit {
            return Err(too_large(self.limit));
        }
        self.decoder.feed(frame, events).map_err(bad_form)
    }

    fn take(&mut self, event: FormEvent) -> Result<()> {
        match event {
            FormEvent::Part(head) if head.filename.is_none() => {
                self.part = Part::Field(head.name, Vec::new());
            }
            FormEvent::Part(head) => {
                self.part = Part::File;
                self.files.push(UploadFile { head, content: Payload::new() });
            }
            FormEvent::Data(data) => match (&mut self.part, self.files.last_mut()) {
                (Part::Field(name, value), _) => {
                    if value.len() + data.len() > LONGEST_FIELD {
                        return Err(Error::bad_field(name.clone(), format!("`{name}` is too long.")));
                    }
                    value.extend_from_slice(&data);
                }
                (Part::File, Some(file)) => file.content.push(data),
                _ => {}
            },
            FormEvent::PartEnd => {
                if let Part::Field(name, value) = std::mem::replace(&mut self.part, Part::None) {
                    self.fields.push((name, String::from_utf8_lossy(&value).into_owned()));
                }
            }
            FormEvent::End => {}
        }
        Ok(())
    }
}

/// The rest of an open form. Whoever sends it takes it; it can be sent once.
#[derive(Clone)]
pub(crate) struct Rest(Arc<Mutex<State>>);

enum State {
    Waiting(Box<FormReader>),
    Taken,
    /// It was taken, and came to no good end.
    Failed(Error),
}

impl Rest {
    pub(crate) fn new(reader: FormReader) -> Self {
        Self(Arc::new(Mutex::new(State::Waiting(Box::new(reader)))))
    }

    /// The call with all of its form.
    ///
    /// # Errors
    /// The form is broken or too large, or its rest has been sent.
    pub(crate) async fn complete(&self, call: &Call) -> Result<Arc<Call>> {
        let mut reader = self.take().ok_or_else(gone)?;
        let mut events = Vec::new();
        while !reader.ended {
            reader.frame(&mut events).await?;
            events.drain(..).try_for_each(|event| reader.take(event))?;
        }
        let mut whole = Call::from_form(
            call.surface,
            Asked::of(call.operation).model(&call.model),
            call.headers.clone(),
            reader.form(),
        )?;
        whole.options.clone_from(&call.options);
        whole.id.clone_from(&call.id);
        whole.received = call.received;
        Ok(Arc::new(whole))
    }

    /// The rest as a body.
    pub(crate) fn body(&self) -> RestBody {
        RestBody { rest: self.clone(), reader: None, skip: false }
    }

    /// The error, if the client's bytes were at fault; with no try left if they are gone.
    pub(crate) fn judge(&self, error: Error) -> Error {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Waiting(_) => error,
            State::Taken => error.with_retry(Retry::Never),
            State::Failed(own) => own.clone(),
        }
    }

    fn take(&self) -> Option<FormReader> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *state, State::Taken) {
            State::Waiting(reader) => Some(*reader),
            other => {
                *state = other;
                None
            }
        }
    }

    fn fail(&self, error: Error) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = State::Failed(error);
    }
}

fn gone() -> Error {
    Error::internal("The upload has already been sent.").with_retry(Retry::Never)
}

/// Passes the rest of a form on, without the fields that are the gateway's own or have been said before.
pub(crate) struct RestBody {
    rest: Rest,
    reader: Option<Box<FormReader>>,
    /// The current part does not go on.
    skip: bool,
}

impl RestBody {
    fn write(&mut self, events: Vec<FormEvent>, out: &mut Vec<Bytes>) {
        let Some(reader) = &self.reader else { return };
        for event in events {
            match event {
                FormEvent::Part(head) => {
                    self.skip = !goes_on(&head, &reader.fields);
                    if !self.skip {
                        let mut text = Vec::new();
                        write_head(&reader.boundary, &head, &mut text);
                        out.push(text.into());
                    }
                }
                FormEvent::Data(_) | FormEvent::PartEnd if self.skip => {}
                FormEvent::Data(data) => out.push(data),
                FormEvent::PartEnd => out.push(Bytes::from_static(b"\r\n")),
                FormEvent::End => out.push(format!("--{}--\r\n", reader.boundary).into()),
            }
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        loop {
            let reader = match &mut self.reader {
                Some(reader) => reader,
                None => match self.rest.take() {
                    Some(reader) => self.reader.insert(Box::new(reader)),
                    None => return Poll::Ready(Some(Err(gone()))),
                },
            };
            if reader.ended {
                return Poll::Ready(None);
            }
            let mut events = Vec::new();
            match ready!(Pin::new(&mut reader.body).poll_frame(context)) {
                Some(Ok(frame)) => reader.feed(frame.into_data().unwrap_or_default(), &mut events)?,
                Some(Err(_)) => return Poll::Ready(Some(Err(broken()))),
                None => {
                    reader.ended = true;
                    reader.decoder.finish().map_err(bad_form)?;
                }
            }
            let mut out = Vec::new();
            self.write(events, &mut out);
            match out.len() {
                0 => {}
                1 => return Poll::Ready(out.pop().map(Ok)),
                _ => return Poll::Ready(Some(Ok(out.concat().into()))),
            }
        }
    }
}

fn goes_on(head: &PartHead, said: &[(String, String)]) -> bool {
    head.filename.is_some()
        || !(head.name == "model"
            || CONTROL_MEMBERS.binary_search(&head.name.as_str()).is_ok()
            || said.iter().any(|(name, _)| *name == head.name && !name.ends_with("[]")))
}

impl Body for RestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        let polled = ready!(self.poll(context));
        if let Some(Err(error)) = &polled {
            self.rest.fail(error.clone());
        }
        Poll::Ready(polled.map(|bytes| bytes.map(Frame::data)))
    }
}

/// Whether the operation takes a form at all.
pub(crate) fn takes_form(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Transcription
            | Operation::Translation
            | Operation::ImageEdit
            | Operation::ImageVariation
            | Operation::Ocr
    )
}

fn bad_form(error: lockgate_core::wire::FormError) -> Error {
    Error::bad_request(format!("The form cannot be read: {error}."))
}
