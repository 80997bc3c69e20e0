//! What is done about requests for embeddings before a dialect writes them, and after it has read the answers.
//!
//! Token ids become texts where the target embeds nothing else, and more inputs, or more tokens in them, than it takes at
//! once are asked for in parts, whose answers are one for the client.

use crate::{
    Call, EmbeddingReply, Error, Operation, Reply, Result, Target, Usage,
    hub::{EmbeddingRequest, Prompt},
    json::{read, to_raw},
    wire::Edits,
};
use serde_json::value::RawValue;

/// A part of a call: what is sent in its place.
pub struct Part {
    /// The call, with a part of the inputs.
    pub call: Call,
    /// How many inputs that are; `None` if they were not counted, because all of them are there.
    pub inputs: Option<usize>,
}

/// What is sent to the target in place of the call, in the order of its inputs; nothing if the call can go as it is.
///
/// # Errors
/// The inputs are token ids, and nobody knows their text.
pub fn parts(call: &Call, target: &Target) -> Result<Vec<Part>> {
    if call.operation != Operation::Embedding {
        return Ok(Vec::new());
    }
    let texts = if takes_tokens(call, target) { None } else { texts(call, target)? };
    let whole = texts.as_ref().unwrap_or(call);
    let mut parts = split(whole, target)?;
    if parts.is_empty()
        && let Some(call) = texts
    {
        parts.push(Part { call, inputs: None });
    }
    Ok(parts)
}

/// One answer of those to all parts, in their order.
///
/// # Errors
/// An answer has not as many vectors as its part has inputs.
pub fn join(answers: Vec<(Option<usize>, Reply)>) -> Result<Reply> {
    let mut whole: Option<EmbeddingReply> = None;
    for (inputs, answer) in answers {
        let Reply::Embedding(answer) = answer else {
            return Err(Error::invalid_response(
                "The provider's answer holds no vectors that can be joined.",
            ));
        };
        if inputs.is_some_and(|inputs| inputs != answer.vectors.len()) {
            return Err(Error::invalid_response("The provider's answer has not one vector for each input."));
        }
        whole = Some(match whole {
            None => *answer,
            Some(whole) => joined(whole, *answer),
        });
    }
    Ok(Reply::Embedding(Box::new(whole.unwrap_or_default())))
}

/// The reply with vectors in the form that the client asked for.
pub(crate) fn written(call: &Call, reply: Reply) -> Reply {
    match (reply, call.embedding()) {
        (Reply::Embedding(mut reply), Ok(request)) => {
            let vectors = std::mem::take(&mut reply.vectors);
            reply.vectors = vectors.into_iter().map(|vector| request.written(vector)).collect();
            Reply::Embedding(reply)
        }
        (reply, _) => reply,
    }
}

/// Whether a relayed answer has numbers where the client asked for base64.
pub(crate) fn is_unpacked(call: &Call, answer: &[u8]) -> bool {
    const MEMBER: &[u8] = b"\"embedding\"";
    if call.operation != Operation::Embedding || call.body.str("encoding_format").as_deref() != Some("base64")
    {
        return false;
    }
    // Other members may have the same name as their value (`"object": "embedding"`).
    memchr::memmem::find_iter(answer, MEMBER).any(|at| {
        let rest = answer.get(at + MEMBER.len()..).unwrap_or_default().trim_ascii_start();
        rest.strip_prefix(b":").is_some_and(|value| value.trim_ascii_start().starts_with(b"["))
    })
}

fn joined(one: EmbeddingReply, two: EmbeddingReply) -> EmbeddingReply {
    let usage: Option<(Usage, Usage)> = one.usage.zip(two.usage);
    EmbeddingReply {
        model: one.model,
        vectors: one.vectors.into_iter().chain(two.vectors).collect(),
        kind: one.kind,
        // A sum that lacks a part would be too small; without one, all of it is estimated.
        usage: usage.map(|(one, two)| one.plus(two)),
        extra: one.extra,
    }
}

/// Whether the inputs can be sent as they are, as far as token ids go.
fn takes_tokens(call: &Call, target: &Target) -> bool {
    let list = call.body.raw("input").and_then(|input| input.strip_prefix('['));
    let inner = list.map(|list| list.trim_start().trim_start_matches('[').trim_start());
    let tokens = inner.is_some_and(|inner| inner.starts_with(|first: char| first.is_ascii_digit()));
    !tokens || target.provider.dialect_of(call).embeds_tokens(target)
}

/// The call with texts in the place of token ids.
fn texts(call: &Call, target: &Target) -> Result<Option<Call>> {
    let decode = |ids: &[u32]| {
        let text = target.facts.decode_tokens.and_then(|decode| decode(ids));
        text.ok_or_else(|| {
            let message = format!(
                "The model {} embeds texts, and the token ids in `input` are not those of OpenAI's embedding models: \
                 send texts.",
                target.model
            );
            Error::bad_field("input", message)
        })
    };
    let EmbeddingRequest { input, .. } = call.embedding()?;
    let input = match input {
        Some(Prompt::Tokens(ids)) => Prompt::Text(decode(ids)?),
        Some(Prompt::TokenLists(lists)) => {
            Prompt::Texts(lists.iter().map(|ids| decode(ids)).collect::<Result<_>>()?)
        }
        _ => return Ok(None),
    };
    changed(call, "input", to_raw(&input).get()).map(Some)
}

/// The call in parts of at most as many inputs and tokens as the target takes; nothing if it has no more.
fn split(call: &Call, target: &Target) -> Result<Vec<Part>> {
    let quirks = &target.provider.quirks;
    let (inputs, tokens) = (quirks.most_inputs(&target.model), tokens_at_once(target));
    let Some(member) = call.surface.inputs(call) else { return Ok(Vec::new()) };
    let Some(list) = call.body.raw(member).filter(|list| list.starts_with('[')) else {
        return Ok(Vec::new());
    };
    // No input is shorter than a digit and a comma, and no token shorter than a byte.
    let tokens = tokens.filter(|most| list.len() as u64 > *most);
    if tokens.is_none() && inputs.is_none_or(|most| list.len() <= 2 * most) {
        return Ok(Vec::new());
    }
    let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(list) else { return Ok(Vec::new()) };
    if list.first().is_some_and(|first| read::<u32>(first).is_some()) {
        // One text, as token ids.
        return Ok(Vec::new());
    }
    let chunks = chunks(&list, inputs.unwrap_or(usize::MAX), tokens, target);
    if chunks.len() < 2 {
        return Ok(Vec::new());
    }
    let part = |inputs: &[&RawValue]| {
        let call = changed(call, member, to_raw(inputs).get())?;
        Ok(Part { call, inputs: Some(inputs.len()) })
    };
    chunks.into_iter().map(part).collect()
}

/// The tokens of one request. Nine tenths of what the provider allows: it may count otherwise than we do.
fn tokens_at_once(target: &Target) -> Option<u64> {
    target.provider.quirks.most_input_tokens(&target.model).map(|most| most / 10 * 9)
}

/// The list in pieces of at most so many inputs and tokens; an input that alone has more is the provider's to judge.
fn chunks<'a, 'b>(
    list: &'a [&'b RawValue],
    inputs: usize,
    tokens: Option<u64>,
    target: &Target,
) -> Vec<&'a [&'b RawValue]> {
    let Some(most) = tokens else { return list.chunks(inputs).collect() };
    let (mut chunks, mut start, mut sum) = (Vec::new(), 0, 0);
    for (at, input) in list.iter().enumerate() {
        let count = tokens_of(input.get(), target);
        if at > start && (at - start >= inputs || sum + count > most) {
            chunks.extend(list.get(start..at));
            (start, sum) = (at, 0);
        }
        sum += count;
    }
    chunks.extend(list.get(start..).filter(|rest| !rest.is_empty()));
    chunks
}

/// About how many tokens an input has: a text, a list of token ids, or an object with texts in it.
fn tokens_of(input: &str, target: &Target) -> u64 {
    if input.starts_with('[') {
        return input.bytes().filter(|byte| *byte == b',').count() as u64 + 1;
    }
    match target.facts.count_tokens {
        Some(count) => count(input),
        None => input.len().div_ceil(3) as u64,
    }
}

/// Whether [`parts`] may have to count so much that it is no work for those who serve others meanwhile.
pub fn is_long(call: &Call, target: &Target) -> bool {
    call.operation == Operation::Embedding
        && tokens_at_once(target).is_some_and(|most| call.body.source().len() as u64 > most)
}

fn changed(call: &Call, member: &'static str, value: &str) -> Result<Call> {
    let mut edits = Edits::new();
    edits.set(member, value.to_owned());
    let mut changed = call.with_body(call.body.splice(&edits).into_bytes())?;
    changed.options.clone_from(&call.options);
    Ok(changed)
}
