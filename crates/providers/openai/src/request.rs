//! Upstream requests: which API, which URL, which body.

use std::borrow::Cow;

use http::{Method, Request, header};
use lockgate_core::{Attempt, Encoded, Error, Format, Memo, Operation, Result, params::functions_as_tools};

use crate::{
    CHAT, COMPACT, COMPLETION, EMBEDDING, IMAGE, IMAGE_EDIT, IMAGE_VARIATION, INPUT_TOKENS, MODERATION, OCR,
    RERANK, RESPONSES, SPEECH, TRANSCRIPTION, TRANSLATION, documents, forms, legacy,
    prepare::{Prepared, prepare},
    responses, translated,
};

/// Writes the upstream request for a call.
///
/// # Errors
/// The call cannot be expressed for the target.
pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    if responses::is_native(attempt) {
        let mut encoded = finish(attempt, attempt.call.format, responses::prepare(attempt)?)?;
        if !attempt.target.provider.offers(Operation::StoredResponses) {
            encoded.memo.answer_id.clone_from(&attempt.call.answer_id);
            encoded.memo.reply_values.extend(responses::continued(attempt.call));
        }
        return Ok(encoded);
    }
    let format = format(attempt)?;
    if format == RESPONSES {
        let mut chat = translated::chat(attempt)?;
        let mut request = functions_as_tools(Cow::Owned(chat.request), &mut chat.notes).into_owned();
        if let Some(choice) = request.function_call.take() {
            request.tool_choice = request.tool_choice.or_else(|| legacy::choice(&choice));
        }
        chat.notes.dropped.extend(responses::untold(&request).map(str::to_owned));
        let body = responses::encode(attempt, &request)?;
        return finish(attempt, format, Prepared { body, notes: chat.notes, withhold_usage: false });
    }
    if attempt.call.upload.is_some() && format != OCR {
        return forms::encode(attempt, format);
    }
    let prepared = if attempt.call.format == format {
        prepare(attempt, &attempt.call.body, operation(format))?
    } else {
        translated::body(attempt, format)?
    };
    let mut encoded = finish(attempt, format, prepared)?;
    if format == OCR {
        documents::inline(attempt, &mut encoded)?;
    }
    Ok(encoded)
}

/// The format in which the upstream is addressed.
fn format(attempt: &Attempt<'_>) -> Result<Format> {
    let provider = &attempt.target.provider;
    match attempt.call.operation {
        Operation::Chat if wants_responses(attempt) => Ok(RESPONSES),
        Operation::Chat => Ok(CHAT),
        // A provider without text completions is asked in a chat.
        Operation::Completion if provider.offers(Operation::Completion) || fills_in(attempt) => {
            Ok(COMPLETION)
        }
        Operation::Completion => Ok(CHAT),
        Operation::Embedding => Ok(EMBEDDING),
        Operation::Moderation => Ok(MODERATION),
        other => media_format(other).filter(|_| provider.offers(other)).ok_or_else(|| no_operation(attempt)),
    }
}

/// The format of operations that are not about texts alone.
fn media_format(operation: Operation) -> Option<Format> {
    Some(match operation {
        Operation::ImageGeneration => IMAGE,
        Operation::ImageEdit => IMAGE_EDIT,
        Operation::ImageVariation => IMAGE_VARIATION,
        Operation::Transcription => TRANSCRIPTION,
        Operation::Translation => TRANSLATION,
        Operation::Speech => SPEECH,
        Operation::Rerank => RERANK,
        Operation::Ocr => OCR,
        _ => return None,
    })
}

fn no_operation(attempt: &Attempt<'_>) -> Error {
    let (provider, operation) = (&attempt.target.provider.title, attempt.call.operation);
    Error::bad_request(format!("{provider} does not offer `{operation}`."))
}

/// Whether the model, or the client's surface, is served by the Responses API.
pub(crate) fn wants_responses(attempt: &Attempt<'_>) -> bool {
    let target = attempt.target;
    let quirks = &target.provider.quirks;
    quirks.responses_for.contains(attempt.call.surface.id())
        || (quirks.openai_families
            && (target.model.starts_with("responses/") || target.facts.mode.as_deref() == Some("responses")))
}

pub(crate) fn operation(format: Format) -> Operation {
    match format {
        COMPLETION => Operation::Completion,
        EMBEDDING => Operation::Embedding,
        MODERATION => Operation::Moderation,
        RESPONSES => Operation::Responses,
        INPUT_TOKENS => Operation::InputTokens,
        COMPACT => Operation::Compact,
        IMAGE => Operation::ImageGeneration,
        IMAGE_EDIT => Operation::ImageEdit,
        IMAGE_VARIATION => Operation::ImageVariation,
        TRANSCRIPTION => Operation::Transcription,
        TRANSLATION => Operation::Translation,
        SPEECH => Operation::Speech,
        RERANK => Operation::Rerank,
        OCR => Operation::Ocr,
        _ => Operation::Chat,
    }
}

pub(crate) fn finish(attempt: &Attempt<'_>, format: Format, prepared: Prepared) -> Result<Encoded> {
    let quirks = &attempt.target.provider.quirks;
    let url = url(attempt, operation(format));
    if url.contains('{') {
        let title = &attempt.target.provider.title;
        return Err(Error::bad_request(format!(
            "The model's name lacks pieces between slashes: {title}'s address is made of them."
        )));
    }
    let request = Request::builder()
        .method(Method::POST)
        .uri(url)
        .header(header::CONTENT_TYPE, "application/json")
        .body(prepared.body)
        .map_err(|error| Error::internal(format!("The upstream's URL is invalid: {error}")))?;
    let same = format == attempt.call.format;
    let rewrites = quirks.reasoning_at.is_some()
        || quirks.flatten_reply
        || quirks.usage_adds_reasoning
        || quirks.usage_at.is_some()
        || (quirks.tool_call_in_content && attempt.call.body.contains("tools"));
    let reply_values = quirks
        .reply_values
        .iter()
        .flat_map(|(member, words)| {
            words.iter().map(|(from, to)| (member.clone(), lockgate_core::wire::quote(from), to.to_string()))
        })
        .collect();
    let own = |name: &str| name.strip_prefix(operation(format).name())?.strip_prefix('.').map(str::to_owned);
    Ok(Encoded {
        request,
        format,
        relay: same
            && format != RERANK
            && !(rewrites && format == CHAT)
            && !(quirks.usage_total_only && format == EMBEDDING)
            && !(quirks.completion_in_messages && format == COMPLETION),
        withhold_usage: prepared.withhold_usage,
        memo: Memo {
            client_model: Some(attempt.call.model.clone()),
            reply_values,
            reply_drop: quirks.reply_drop.iter().filter_map(|name| own(name)).collect(),
            reply_defaults: quirks
                .reply_defaults
                .iter()
                .filter_map(|(name, value)| Some((own(name)?, value.to_string())))
                // Clients expect what Mistral itself does not say.
                .chain((format == OCR).then(|| ("object".to_owned(), "\"ocr\"".to_owned())))
                .collect(),
            legacy_functions: attempt.call.body.contains("functions"),
            ..Memo::default()
        },
        notes: prepared.notes,
    })
}

/// Base and path; a base that already ends with the path, or with its own version, is taken as it is.
fn url(attempt: &Attempt<'_>, operation: Operation) -> String {
    let quirks = &attempt.target.provider.quirks;
    let path = match (quirks.paths.get(operation.name()), operation) {
        (Some(path), _) => path.as_str(),
        (None, Operation::Completion) => "/completions",
        (None, Operation::Embedding) => "/embeddings",
        (None, Operation::Moderation) => "/moderations",
        (None, Operation::Responses) => "/responses",
        (None, Operation::InputTokens) => "/responses/input_tokens",
        (None, Operation::Compact) => "/responses/compact",
        (None, Operation::ImageGeneration) => "/images/generations",
        (None, Operation::ImageEdit) => "/images/edits",
        (None, Operation::ImageVariation) => "/images/variations",
        (None, Operation::Transcription) => "/audio/transcriptions",
        (None, Operation::Translation) => "/audio/translations",
        (None, Operation::Speech) => "/audio/speech",
        (None, Operation::Rerank) => "/rerank",
        (None, Operation::Ocr) => "/ocr",
        (None, _) => "/chat/completions",
    };
    let path = &*filled(path, &attempt.target.model);
    let base = attempt.base();
    // A path that names its version stands behind the host, whatever version the operator's address names.
    let versioned = ["/v1/", "/v2/"].iter().any(|version| path.starts_with(version));
    let (base, query) = match base.split_once('?') {
        Some((base, query)) => (base.trim_end_matches('/'), format!("?{query}")),
        None => (base.trim_end_matches('/'), String::new()),
    };
    let base = match base.strip_suffix("/v1").or_else(|| base.strip_suffix("/v2")) {
        Some(host) if versioned => host,
        _ => base,
    };
    if base.ends_with(path.trim_end_matches('/')) {
        return format!("{base}{query}");
    }
    let suffix =
        quirks.base_suffix.as_deref().filter(|suffix| attempt.target.custom_base && !base.ends_with(*suffix));
    let suffix = suffix.unwrap_or_default();
    format!("{base}{suffix}{path}{query}")
}

/// How many pieces of the model's name, between slashes, belong to the path.
pub(crate) fn pieces(path: &str) -> usize {
    (0..).take_while(|at| path.contains(&format!("{{{at}}}"))).count()
}

/// The path with its pieces of the model's name.
fn filled<'a>(path: &'a str, model: &str) -> Cow<'a, str> {
    let count = if path.contains('{') { pieces(path) } else { 0 };
    let fill = |path: Cow<'a, str>, (at, piece)| Cow::Owned(path.replace(&format!("{{{at}}}"), piece));
    model.split('/').take(count).enumerate().fold(Cow::Borrowed(path), fill)
}

/// Whether the gap before the call's `suffix` is to be filled by a provider that has an API for that alone.
fn fills_in(attempt: &Attempt<'_>) -> bool {
    let suffix = attempt.call.body.str("suffix").filter(|suffix| !suffix.is_empty());
    attempt.target.provider.quirks.completion_fills_in && suffix.is_some()
}
