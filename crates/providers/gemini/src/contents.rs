//! The conversation as `contents` and `system_instruction`.

use std::borrow::Cow;

use lockgate_core::{
    Error, Extra, Media, Raw, Result,
    hub::{ChatRequest, Content, Message, ToolCall},
    wire::{quote, view},
};

use crate::{
    Service, media, thinking,
    wire::{Body, array, raw, read},
};

pub(crate) use lockgate_core::signed::ID_MARK as SIGNATURE_MARK;

/// What Gemini 3 accepts in place of a signature that was lost (base64 of `skip_thought_signature_validator`).
pub(crate) const NO_SIGNATURE: &str = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";

view! {
    #[derive(Clone, Debug, Default)]
    struct Fields {
        thought_signature: Option<String>,
        thought_signatures: Option<Vec<String>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct ThinkingBlock {
        kind as "type": Option<String>,
        thinking: Option<String>,
    }
}

/// A conversation in Gemini's words.
#[derive(Debug)]
pub(crate) struct Conversation {
    /// `contents`.
    pub(crate) contents: Raw,
    /// `system_instruction`.
    pub(crate) system: Option<Raw>,
    /// `generationConfig.mediaResolution`, where it cannot be said of each image.
    pub(crate) resolution: Option<&'static str>,
}

/// Translates the messages.
pub(crate) fn translate(
    request: &ChatRequest,
    media: &Media,
    service: Service,
    model: &str,
) -> Result<Conversation> {
    let mut writer = Writer {
        media,
        service,
        newest: thinking::has_levels(model),
        turns: Vec::new(),
        system: Vec::new(),
        calls: Vec::new(),
        resolution: None,
    };
    for (at, message) in request.messages.iter().enumerate() {
        writer.message(at, message)?;
    }
    if writer.turns.is_empty() {
        // Gemini answers only if the user has said something.
        writer.push(Role::User, text_part(" "));
    }
    let turns = writer.turns.iter().map(|turn| {
        let role = if turn.role == Role::Model { "model" } else { "user" };
        format!("{{\"role\":\"{role}\",\"parts\":{}}}", array(&turn.parts))
    });
    let system = (!writer.system.is_empty()).then(|| format!("{{\"parts\":{}}}", array(&writer.system)));
    Ok(Conversation { contents: raw(array(turns)), system: system.map(raw), resolution: writer.resolution })
}

/// Whose turn it is. Tools' results are the user's, but in a turn of their own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Role {
    User,
    Model,
    Tool,
}

struct Turn {
    role: Role,
    parts: Vec<String>,
}

struct Writer<'a> {
    media: &'a Media,
    service: Service,
    /// Gemini 3: calls have ids, signatures are demanded, and images have their own resolution.
    newest: bool,
    turns: Vec<Turn>,
    system: Vec<String>,
    /// Ids and names of the calls so far.
    calls: Vec<(String, String)>,
    resolution: Option<&'static str>,
}

impl Writer<'_> {
    fn message(&mut self, at: usize, message: &Message) -> Result<()> {
        match message.role.as_str() {
            "system" | "developer" => {
                if let Some(content) = &message.content {
                    self.system.extend(texts(content).map(text_part));
                }
                Ok(())
            }
            "assistant" | "model" => self.assistant(message),
            "tool" | "function" => self.tool_result(at, message),
            _ => {
                let parts = self.parts(message.content.as_ref())?;
                parts.into_iter().for_each(|part| self.push(Role::User, part));
                Ok(())
            }
        }
    }

    /// Adds a part to the turn of that role, or begins one.
    fn push(&mut self, role: Role, part: String) {
        match self.turns.last_mut() {
            Some(turn) if turn.role == role => turn.parts.push(part),
            _ => self.turns.push(Turn { role, parts: vec![part] }),
        }
    }

    fn parts(&mut self, content: Option<&Content>) -> Result<Vec<String>> {
        let mut out = Vec::new();
        let list = match content {
            Some(Content::Text(text)) => return Ok(vec![text_part(text)]),
            Some(Content::Parts(list)) => list,
            None => return Ok(out),
        };
        for part in list {
            if let Some(text) = &part.text {
                out.push(text_part(text));
            } else if let Some(mut written) = media::part(part, self.media, self.service)? {
                let detail = part.image_url.as_ref().and_then(|image| image.object.detail.as_deref());
                if let Some(level) = detail.and_then(media::resolution) {
                    if self.newest {
                        written.set("media_resolution", &Body::default().with("level", level).into_raw());
                    } else {
                        self.resolution.get_or_insert(level);
                    }
                }
                out.push(written.into_json());
            }
        }
        Ok(out)
    }

    fn assistant(&mut self, message: &Message) -> Result<()> {
        for thought in thoughts(message) {
            self.push(Role::Model, format!("{{\"thought\":true,\"text\":{}}}", quote(&thought)));
        }
        let calls = message.tool_calls.as_deref().unwrap_or_default();
        let mut parts = self.parts(message.content.as_ref())?;
        if calls.is_empty()
            && let Some(signature) = message.provider_specific_fields.as_ref().and_then(text_signature)
            && let Some(last) = parts.last_mut()
            && let Some(open) = last.strip_suffix('}')
        {
            *last = format!("{open},\"thoughtSignature\":{}}}", quote(&signature));
        }
        if !calls.is_empty() || message.function_call.is_some() {
            parts.retain(|part| part != "{\"text\":\"\"}");
        }
        parts.into_iter().for_each(|part| self.push(Role::Model, part));
        let signatures: Vec<Option<String>> = calls.iter().map(call_signature).collect();
        let signed = signatures.iter().any(Option::is_some);
        for (at, (call, signature)) in calls.iter().zip(signatures).enumerate() {
            let missing = || (self.newest && !signed && at == 0).then(|| NO_SIGNATURE.to_owned());
            let signature = signature.or_else(missing);
            self.call(call, signature.as_deref());
        }
        if let Some(function) = &message.function_call {
            let name = function.name.clone().unwrap_or_default();
            let args = arguments(function.arguments.as_deref());
            self.push(
                Role::Model,
                format!("{{\"function_call\":{{\"name\":{},\"args\":{args}}}}}", quote(&name)),
            );
        }
        Ok(())
    }

    fn call(&mut self, call: &ToolCall, signature: Option<&str>) {
        let function = call.function.clone().unwrap_or_default();
        let name = function.name.unwrap_or_default();
        let mut own = Body::default().with("name", &name);
        own.raw("args", arguments(function.arguments.as_deref()));
        let id = call.id.clone().unwrap_or_default();
        if self.newest && !id.is_empty() {
            own.set("id", plain_id(&id));
        }
        self.calls.push((plain_id(&id).to_owned(), name));
        let mut part = Body::default();
        part.raw("function_call", own.into_json());
        part.some("thoughtSignature", signature.as_ref());
        self.push(Role::Model, part.into_json());
    }

    fn tool_result(&mut self, at: usize, message: &Message) -> Result<()> {
        let id = message.tool_call_id.as_deref().map(plain_id);
        let called = self.calls.iter().rev().find(|(own, _)| Some(own.as_str()) == id);
        let Some(name) = called.map(|(_, name)| name.clone()).or_else(|| message.name.clone()) else {
            return Err(Error::bad_field(
                format!("messages.{at}.tool_call_id"),
                format!("Message {at} is the result of a tool call that no earlier message makes."),
            ));
        };
        let mut own = Body::default().with("name", &name);
        let text = message.content.as_ref().map(|content| texts(content).collect::<String>());
        let text = text.unwrap_or_default();
        if read::<Extra>(&raw(text.as_str())).is_some() {
            own.raw("response", text);
        } else {
            own.raw("response", format!("{{\"content\":{}}}", quote(&text)));
        }
        if let Some(Content::Parts(parts)) = &message.content {
            let mut others = Vec::new();
            for part in parts.iter().filter(|part| part.text.is_none()) {
                others.extend(media::part(part, self.media, self.service)?.map(Body::into_json));
            }
            if !others.is_empty() {
                own.raw("parts", array(others));
            }
        }
        if let Some(id) = id.filter(|id| self.newest && !id.is_empty()) {
            own.set("id", id);
        }
        self.push(Role::Tool, format!("{{\"function_response\":{}}}", own.into_json()));
        Ok(())
    }
}

fn text_part(text: impl AsRef<str>) -> String {
    format!("{{\"text\":{}}}", quote(text.as_ref()))
}

fn texts(content: &Content) -> impl Iterator<Item = Cow<'_, str>> {
    let (one, many) = match content {
        Content::Text(text) => (Some(text), [].as_slice()),
        Content::Parts(parts) => (None, parts.as_slice()),
    };
    one.into_iter()
        .chain(many.iter().filter_map(|part| part.text.as_ref()))
        .map(|text| Cow::Borrowed(&**text))
}

/// Earlier reasoning. Signatures of other providers mean nothing to Gemini and stay out.
fn thoughts(message: &Message) -> Vec<String> {
    let blocks = message.thinking_blocks.iter().flatten().filter_map(|block| read::<ThinkingBlock>(block));
    let blocks: Vec<String> =
        blocks.filter_map(|block| block.thinking).filter(|text| !text.is_empty()).collect();
    match &message.reasoning_content {
        Some(text) if blocks.is_empty() && !text.is_empty() => vec![text.clone()],
        _ => blocks,
    }
}

fn text_signature(fields: &Raw) -> Option<String> {
    read::<Fields>(fields)?.thought_signatures?.into_iter().next()
}

/// The signature that came with a call: in its fields, or at the end of its id.
fn call_signature(call: &ToolCall) -> Option<String> {
    let function = call.function.as_ref().and_then(|function| function.extra.get("provider_specific_fields"));
    let fields = [call.provider_specific_fields.as_deref(), function];
    let own = fields.into_iter().flatten().find_map(|fields| read::<Fields>(fields)?.thought_signature);
    own.or_else(|| Some(call.id.as_deref()?.split_once(SIGNATURE_MARK)?.1.to_owned()))
}

/// The id without the signature.
pub(crate) fn plain_id(id: &str) -> &str {
    id.split_once(SIGNATURE_MARK).map_or(id, |(plain, _)| plain)
}

/// A call's arguments as an object.
fn arguments(text: Option<&str>) -> String {
    let text = text.unwrap_or_default().trim();
    match read::<Extra>(&raw(text)) {
        Some(_) => text.to_owned(),
        None => "{}".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(model: &str, messages: &str) -> Result<(String, Option<String>)> {
        let request: ChatRequest = serde_json::from_str(&format!(r#"{{"messages":{messages}}}"#)).unwrap();
        let conversation = translate(&request, &Media::default(), Service::Studio, model)?;
        Ok((
            conversation.contents.get().to_owned(),
            conversation.system.map(|system| system.get().to_owned()),
        ))
    }

    #[test]
    fn turns_are_joined_and_results_keep_apart() {
        let messages = r#"[{"role":"system","content":"S"},{"role":"user","content":"a"},{"role":"user","content":"b"},
            {"role":"assistant","content":"","tool_calls":[{"id":"1__thought__Q=","function":{"name":"f","arguments":""}}]},
            {"role":"tool","tool_call_id":"1__thought__Q=","content":"[1]"},{"role":"user","content":"c"}]"#;
        let (contents, system) = written("gemini-2.5-flash", messages).unwrap();
        assert_eq!(
            contents,
            r#"[{"role":"user","parts":[{"text":"a"},{"text":"b"}]},{"role":"model","parts":[{"function_call":{"name":"f","args":{}},"thoughtSignature":"Q="}]},{"role":"user","parts":[{"function_response":{"name":"f","response":{"content":"[1]"}}}]},{"role":"user","parts":[{"text":"c"}]}]"#
        );
        assert_eq!(system.as_deref(), Some(r#"{"parts":[{"text":"S"}]}"#));
    }

    #[test]
    fn the_newest_models_get_ids_and_always_a_signature() {
        let messages = r#"[{"role":"assistant","tool_calls":[{"id":"x","function":{"name":"f","arguments":"{}"}},
            {"id":"y","function":{"name":"g","arguments":"{}"}}]},{"role":"tool","tool_call_id":"y","content":"{}"}]"#;
        let (contents, _) = written("gemini-3-flash", messages).unwrap();
        assert_eq!(contents.matches(NO_SIGNATURE).count(), 1);
        assert!(contents.contains(r#"{"name":"g","response":{},"id":"y"}"#), "{contents}");
    }

    #[test]
    fn an_orphan_result_is_the_client_s_mistake() {
        let error = written("gemini-2.5-flash", r#"[{"role":"tool","tool_call_id":"z","content":"1"}]"#);
        assert_eq!(error.unwrap_err().kind().status(), 400);
    }
}
