//! `contents` and `systemInstruction` as the hub's messages.

use std::{borrow::Cow, collections::VecDeque};

use lockgate_core::{
    Error, Raw, Result,
    hub::{Content, File, FunctionCall, ImageUrl, Message, Part, ToolCall},
    wire::text,
};

use super::{
    named::{Named, list},
    opaque,
};
use crate::{response::signature_fields, wire::Body};

/// The conversation.
pub(super) fn messages(members: &Named<'_>) -> Result<Vec<Message>> {
    let mut reader = Reader::default();
    if let Some(system) = members.get("systemInstruction") {
        let text = match text(system) {
            Some(text) => text.into_owned(),
            None => text_of(&object(system, "systemInstruction")?)?,
        };
        reader.out.push(Message {
            role: "system".to_owned(),
            content: Some(Content::Text(text)),
            ..Message::default()
        });
    }
    let contents = list(members, "contents")?;
    if contents.is_empty() {
        return Err(Error::bad_field("contents", "`contents` is missing."));
    }
    for content in contents {
        if let Some(text) = text(content) {
            reader.user(vec![Part::text(text)]);
            continue;
        }
        let content = object(content, "contents")?;
        let parts = parts(&content)?;
        match content.text("role").as_deref() {
            Some("model" | "assistant") => reader.model(parts),
            _ => reader.asks(parts)?,
        }
    }
    Ok(reader.out)
}

/// The texts of a content, joined.
pub(super) fn text_of(content: &Named<'_>) -> Result<String> {
    Ok(parts(content)?.iter().filter_map(|part| part.text("text")).collect())
}

fn parts<'n>(content: &'n Named<'_>) -> Result<Vec<Named<'n>>> {
    let parts = list(content, "parts")?.into_iter();
    parts
        .map(|part| if part.starts_with('"') { Ok(Named::one("text", part)) } else { object(part, "parts") })
        .collect()
}

fn object<'a>(json: &'a str, name: &str) -> Result<Named<'a>> {
    Named::read(json).ok_or_else(|| Error::bad_field(name, format!("`{name}` must consist of objects.")))
}

#[derive(Default)]
struct Reader {
    out: Vec<Message>,
    /// Ids and names of calls that have no result yet.
    open: VecDeque<(String, String)>,
    calls: usize,
}

impl Reader {
    fn user(&mut self, parts: Vec<Part>) {
        let content = match <[Part; 1]>::try_from(parts) {
            Ok([Part { kind, text: Some(text), .. }]) if kind == "text" => Content::Text(text),
            Ok([part]) => Content::Parts(vec![part]),
            Err(parts) if parts.is_empty() => return,
            Err(parts) => Content::Parts(parts),
        };
        self.out.push(Message { role: "user".to_owned(), content: Some(content), ..Message::default() });
    }

    /// A turn of the user's: results of calls become messages of their own, before all else.
    fn asks(&mut self, parts: Vec<Named<'_>>) -> Result<()> {
        let (mut said, mut answers) = (Vec::new(), false);
        for part in parts {
            match part.get("functionResponse") {
                Some(response) => {
                    answers = true;
                    let response = object(response, "functionResponse")?;
                    let message = self.result(&response)?;
                    self.out.push(message);
                }
                None => said.extend(spoken(&part)),
            }
        }
        if said.is_empty() && !answers {
            // A turn without a word is a turn all the same: it is the provider who judges it.
            said.push(Part::text(String::new()));
        }
        self.user(said);
        Ok(())
    }

    /// The result of a call. Clients need not name the call: then it is the first without a result, of that name.
    fn result(&mut self, response: &Named<'_>) -> Result<Message> {
        let name = response.text("name").unwrap_or_default();
        let id = response.text("id").filter(|id| !id.is_empty());
        let by_id = |(own, _): &(String, String)| Some(own) == id.as_ref();
        let found = self.open.iter().position(by_id);
        let found = found.or_else(|| self.open.iter().position(|(_, own)| *own == name));
        let call = found.and_then(|at| self.open.remove(at)).map(|(id, _)| id);
        let given = response.get("response").unwrap_or("{}");
        // What was a text on another surface is one again.
        let text = text(given).map_or_else(|| given.to_owned(), Cow::into_owned);
        let media: Vec<Part> = list(response, "parts")?
            .into_iter()
            .filter_map(Named::read)
            .flat_map(|part| spoken(&part))
            .collect();
        let content = if media.is_empty() {
            Content::Text(text)
        } else {
            Content::Parts(std::iter::once(Part::text(text)).chain(media).collect())
        };
        Ok(Message {
            role: "tool".to_owned(),
            name: (call.is_none() && !name.is_empty()).then_some(name),
            tool_call_id: call.or(id),
            content: Some(content),
            ..Message::default()
        })
    }

    /// A turn of the model's. A stream is often given back content by content: together they are one turn.
    fn model(&mut self, parts: Vec<Named<'_>>) {
        let continued = self.out.pop_if(|last| last.role == "assistant");
        let mut message =
            continued.unwrap_or_else(|| Message { role: "assistant".to_owned(), ..Message::default() });
        let mut said = match message.content.take() {
            Some(Content::Text(text)) => vec![Part::text(text)],
            Some(Content::Parts(parts)) => parts,
            None => Vec::new(),
        };
        let mut signatures = Vec::new();
        for part in parts {
            let signature = part.text("thoughtSignature").filter(|signature| !signature.is_empty());
            let own = match signature.as_deref().map(|signature| (opaque::unwrap(signature), signature)) {
                Some((Some(blocks), _)) => {
                    remember(&mut message, blocks);
                    None
                }
                Some((None, own)) => Some(own.to_owned()),
                None => None,
            };
            let thought = part.get("thought") == Some("true");
            match (part.object("functionCall"), part.text("text")) {
                (Some(call), _) => {
                    let call = self.call(&call, own.as_deref());
                    message.tool_calls.get_or_insert_default().push(call);
                    continue;
                }
                (None, Some(text)) if thought => {
                    message.reasoning_content.get_or_insert_default().push_str(&text);
                }
                _ => said.extend(spoken(&part)),
            }
            signatures.extend(own);
        }
        if !signatures.is_empty() {
            let fields = Body::default().with("thought_signatures", &signatures);
            message.provider_specific_fields = Some(fields.into_raw());
        }
        message.content = joined(said);
        self.out.push(message);
    }

    fn call(&mut self, call: &Named<'_>, signature: Option<&str>) -> ToolCall {
        self.calls += 1;
        let id = call.text("id").filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| format!("call_{}", self.calls));
        let name = call.text("name").unwrap_or_default();
        self.open.push_back((id.clone(), name.clone()));
        ToolCall {
            id: Some(id),
            kind: Some("function".to_owned()),
            function: Some(FunctionCall {
                name: Some(name),
                arguments: Some(call.get("args").unwrap_or("{}").to_owned()),
                ..FunctionCall::default()
            }),
            provider_specific_fields: signature.map(signature_fields),
            ..ToolCall::default()
        }
    }
}

/// Puts blocks with those of the message that are not there yet.
fn remember(message: &mut Message, blocks: Vec<Raw>) {
    let own = message.thinking_blocks.get_or_insert_default();
    for block in blocks {
        if !own.iter().any(|known| known.get() == block.get()) {
            own.push(block);
        }
    }
}

/// Texts alone are one text.
fn joined(parts: Vec<Part>) -> Option<Content> {
    if parts.iter().all(|part| part.kind == "text") {
        let text: String = parts.into_iter().filter_map(|part| part.text).collect();
        return (!text.is_empty()).then_some(Content::Text(text));
    }
    Some(Content::Parts(parts))
}

/// What a part says or shows.
fn spoken(part: &Named<'_>) -> Option<Part> {
    if let Some(text) = part.text("text") {
        return (!text.is_empty()).then(|| Part::text(text));
    }
    let code = |name: &str, member: &str| part.object(name)?.text(member);
    if let Some(text) = code("executableCode", "code").or_else(|| code("codeExecutionResult", "output")) {
        return Some(Part::text(format!("```\n{text}\n```")));
    }
    if let Some(blob) = part.object("inlineData") {
        let mime = blob.text("mimeType").unwrap_or_default();
        let data = standard(blob.text("data").unwrap_or_default());
        return Some(inline(part, &mime, data));
    }
    let file = part.object("fileData")?;
    Some(located(part, file.text("mimeType"), file.text("fileUri").unwrap_or_default()))
}

/// Base64 in the usual alphabet: some SDKs write the other.
fn standard(data: String) -> String {
    if data.contains(['-', '_']) { data.replace('-', "+").replace('_', "/") } else { data }
}

fn inline(part: &Named<'_>, mime: &str, data: String) -> Part {
    if let Some(format) = mime.strip_prefix("audio/") {
        let format = match format {
            "mpeg" => "mp3",
            "x-wav" | "wave" => "wav",
            other => other,
        };
        let audio = Body::default().with("data", &data).with("format", format);
        return Part {
            kind: "input_audio".to_owned(),
            input_audio: Some(audio.into_raw()),
            ..Part::default()
        };
    }
    let url = format!("data:{mime};base64,{data}");
    if mime.starts_with("image/") {
        return image(part, url, None);
    }
    let file = File { file_data: Some(url), format: Some(mime.to_owned()), ..File::default() };
    Part { kind: "file".to_owned(), file: Some(file), ..Part::default() }
}

fn located(part: &Named<'_>, mime: Option<String>, uri: String) -> Part {
    if mime.as_deref().is_some_and(|mime| mime.starts_with("image/")) {
        return image(part, uri, mime);
    }
    let file = File { file_id: Some(uri), format: mime, ..File::default() };
    Part { kind: "file".to_owned(), file: Some(file), ..Part::default() }
}

fn image(part: &Named<'_>, url: String, format: Option<String>) -> Part {
    let mut image = ImageUrl::new(url);
    image.object.format = format;
    let level = part.object("mediaResolution").and_then(|object| object.text("level"));
    let level = level.or_else(|| part.text("mediaResolution"));
    image.object.detail = match level.as_deref() {
        Some("MEDIA_RESOLUTION_LOW") => Some("low".to_owned()),
        Some("MEDIA_RESOLUTION_HIGH" | "MEDIA_RESOLUTION_ULTRA_HIGH") => Some("high".to_owned()),
        _ => None,
    };
    Part { kind: "image_url".to_owned(), image_url: Some(image), ..Part::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::to_raw;

    fn read_contents(json: &str) -> String {
        let members = Named::read(json).unwrap();
        to_raw(&messages(&members).unwrap()).get().to_owned()
    }

    #[test]
    fn results_find_their_calls_and_streamed_contents_are_one_turn() {
        let text = read_contents(
            r#"{"system_instruction":{"parts":[{"text":"S"}]},"contents":[{"parts":[{"text":"a"}]},
            {"role":"model","parts":[{"text":"th","thought":true}]},{"role":"model","parts":[{"text":"x"}]},
            {"role":"model","parts":[{"functionCall":{"name":"f","args":{"n":1}},"thoughtSignature":"c2ln"},
            {"functionCall":{"id":"z","name":"f"}}]},
            {"role":"user","parts":[{"function_response":{"name":"f","response":{"r":1}}},
            {"functionResponse":{"id":"z","name":"f","response":{"r":2}}},{"text":"go"}]}]}"#,
        );
        assert_eq!(
            text,
            concat!(
                r#"[{"role":"system","content":"S"},{"role":"user","content":"a"},"#,
                r#"{"role":"assistant","content":"x","reasoning_content":"th","tool_calls":["#,
                r#"{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"n\":1}"},"provider_specific_fields":{"thought_signature":"c2ln"}},"#,
                r#"{"id":"z","type":"function","function":{"name":"f","arguments":"{}"}}]},"#,
                r#"{"role":"tool","content":"{\"r\":1}","tool_call_id":"call_1"},"#,
                r#"{"role":"tool","content":"{\"r\":2}","tool_call_id":"z"},"#,
                r#"{"role":"user","content":"go"}]"#
            )
        );
    }

    #[test]
    fn a_turn_without_a_word_is_a_turn() {
        for parts in [r#"[{"text":""}]"#, "[]"] {
            let text = read_contents(&format!(r#"{{"contents":[{{"role":"user","parts":{parts}}}]}}"#));
            assert_eq!(text, r#"[{"role":"user","content":""}]"#);
        }
    }

    #[test]
    fn media_by_kind() {
        let text = read_contents(
            r#"{"contents":{"role":"user","parts":[{"inline_data":{"mime_type":"image/png","data":"_-"}},
            {"inlineData":{"mimeType":"audio/mpeg","data":"AA"}},{"inlineData":{"mimeType":"application/pdf","data":"AA"}},
            {"fileData":{"fileUri":"gs://b/v.mp4","mimeType":"video/mp4"}}]}}"#,
        );
        assert_eq!(
            text,
            concat!(
                r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,/+"}},"#,
                r#"{"type":"input_audio","input_audio":{"data":"AA","format":"mp3"}},"#,
                r#"{"type":"file","file":{"file_data":"data:application/pdf;base64,AA","format":"application/pdf"}},"#,
                r#"{"type":"file","file":{"file_id":"gs://b/v.mp4","format":"video/mp4"}}]}]"#
            )
        );
    }
}
