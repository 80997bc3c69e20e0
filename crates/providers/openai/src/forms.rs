//! Requests that are forms: the client's fields with the declared edits, and its files as they came.

use http::{HeaderValue, header};
use lockgate_core::{
    Attempt, Call, Encoded, Error, Format, Notes, Operation, Payload, Quirks, Result, Target, UploadFile,
    upload::write_fields,
    wire::{FormWriter, Object, PartHead, quote},
};

use crate::{
    IMAGE_EDIT, TRANSCRIPTION, TRANSLATION,
    prepare::{Prepared, prepare},
    request::{finish, operation},
};

/// Whether the rest of the call's form may follow what [`encode`] writes. Speech is one file; pictures may be several,
/// and are named anew.
pub(crate) fn streams(call: &Call, target: &Target) -> bool {
    matches!(call.operation, Operation::Transcription | Operation::Translation)
        && target.provider.offers(call.operation)
}

/// Writes the form.
///
/// # Errors
/// As for JSON bodies.
pub(crate) fn encode(attempt: &Attempt<'_>, format: Format) -> Result<Encoded> {
    let call = attempt.call;
    let Some(upload) = &call.upload else {
        return Err(Error::internal("A call without files was encoded as a form."));
    };
    let (prepared, fields) = fields(attempt, format)?;
    let mut form = FormWriter::new(upload.boundary.as_str());
    write_fields(&fields, &mut form);
    let content_type = form.content_type();
    let quirks = &attempt.target.provider.quirks;
    let mut files = upload.files.iter().map(|file| (head(file, format, quirks, &attempt.target.model), file));
    let last = if upload.open { files.next_back() } else { None };
    for (head, file) in files {
        form.file(&head, &file.content);
    }
    let body = match last {
        Some((head, file)) => form.finish_open(&head, &file.content),
        None => form.finish(),
    };
    let mut encoded = finish(attempt, format, Prepared { body, ..prepared })?;
    let content_type = HeaderValue::try_from(content_type)
        .map_err(|_| Error::bad_request("The boundary of the form cannot stand in a header."))?;
    encoded.request.headers_mut().insert(header::CONTENT_TYPE, content_type);
    Ok(encoded)
}

/// The plain fields as they are sent.
fn fields(attempt: &Attempt<'_>, format: Format) -> Result<(Prepared, Object)> {
    let Prepared { body, notes, .. } = prepare(attempt, &attempt.call.body, operation(format))?;
    let mut fields = Object::scan(body.into_bytes())
        .map_err(|error| Error::internal(format!("A form's fields became invalid: {error}")))?;
    if asks_for_duration(attempt, format) {
        let mut edits = lockgate_core::wire::Edits::new();
        edits.set("response_format", quote("verbose_json"));
        fields = Object::scan(fields.splice(&edits).into_bytes())
            .map_err(|error| Error::internal(format!("A form's fields became invalid: {error}")))?;
    }
    Ok((Prepared { body: Payload::new(), notes: Notes { ..notes }, withhold_usage: false }, fields))
}

/// Whisper is sold by the second, and tells the seconds only in its verbose answer, which has all that the plain one
/// has.
fn asks_for_duration(attempt: &Attempt<'_>, format: Format) -> bool {
    matches!(format, TRANSCRIPTION | TRANSLATION)
        && attempt.target.provider.quirks.openai_families
        && attempt.target.model.contains("whisper-1")
        && !attempt.call.body.contains("response_format")
}

/// The head of a file's part. OpenAI's newer picture models take several pictures, in `image[]`; their names are
/// nobody's business.
fn head(file: &UploadFile, format: Format, quirks: &Quirks, model: &str) -> PartHead {
    let mut head = file.head.clone();
    if format != IMAGE_EDIT || !quirks.openai_families || model.contains("dall-e-2") {
        return head;
    }
    let mime = file.mime().to_owned();
    let end = mime.strip_prefix("image/").unwrap_or("png");
    head.filename = Some(format!("{}.{end}", file.field()));
    if file.field() == "image" {
        "image[]".clone_into(&mut head.name);
    }
    head.content_type = Some(mime);
    head
}
