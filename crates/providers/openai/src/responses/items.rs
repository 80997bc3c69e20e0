//! Input items as messages.

use lockgate_core::{
    Error, Extra, Raw, Result,
    hub::{Content, File, FunctionCall, ImageObject, ImageUrl, Message, Part, ToolCall},
    json::{raw, read, to_raw},
    signed::{self, ID_MARK},
    wire::{lenient_view, quote, view},
};
use serde_json::value::RawValue;

use super::{compaction, reasoning};
use crate::json::Json;

view! {
    /// An item of the input; output items of earlier responses are sent back as such.
    #[derive(Default)]
    struct InputItem {
        kind as "type": Option<String>,
        role: Option<String>,
        content: Option<Raw>,
        call_id: Option<String>,
        name: Option<String>,
        arguments: Option<String>,
        input: Option<String>,
        output: Option<Raw>,
        summary: Option<Raw>,
        encrypted_content: Option<String>,
        provider_specific_fields: Option<Raw>,
    }
}

lenient_view! {
    #[derive(Default)]
    struct TextPart {
        text: String,
    }
}

view! {
    #[derive(Default)]
    struct WirePart {
        kind as "type": Option<String>,
        text: Option<String>,
        refusal: Option<String>,
        image_url: Option<Raw>,
        file_id: Option<String>,
        file_url: Option<String>,
        file_data: Option<String>,
        filename: Option<String>,
        detail: Option<String>,
        input_audio: Option<Raw>,
    }
}

/// A conversation in the making. The items of one turn of the model become one message.
#[derive(Default)]
pub(super) struct History {
    messages: Vec<Message>,
    turn: Option<Message>,
}

impl History {
    /// Adds a text, spoken by `role`, or a list of items.
    ///
    /// # Errors
    /// It is neither, or an item makes no sense; `field` is blamed.
    pub(super) fn spoken(&mut self, role: &str, value: &RawValue, field: &'static str) -> Result<()> {
        if let Ok(text) = serde_json::from_str::<String>(value.get()) {
            self.push(role, Content::Text(text));
            return Ok(());
        }
        let items: Vec<InputItem> = serde_json::from_str(value.get()).map_err(|error| {
            Error::bad_field(field, format!("`{field}` must be a string or a list of items: {error}"))
        })?;
        items.into_iter().enumerate().try_for_each(|(at, item)| self.item(at, item, field))
    }

    /// All messages.
    pub(super) fn finish(mut self) -> Vec<Message> {
        self.end_turn();
        self.messages
    }

    fn item(&mut self, at: usize, item: InputItem, field: &'static str) -> Result<()> {
        match item.kind.as_deref() {
            None | Some("message") => self.message(at, item, field),
            Some("reasoning") => {
                self.reasoning(&item);
                Ok(())
            }
            Some("function_call") => {
                let arguments = item.arguments.clone().unwrap_or_default();
                self.tool_call(item, arguments);
                Ok(())
            }
            Some("custom_tool_call") => {
                let arguments = format!("{{\"input\":{}}}", quote(item.input.as_deref().unwrap_or_default()));
                self.tool_call(item, arguments);
                Ok(())
            }
            Some("function_call_output" | "custom_tool_call_output") => self.tool_output(at, item, field),
            Some("compaction" | "compaction_summary") => {
                if let Some(text) = item.encrypted_content.as_deref().and_then(compaction::unseal) {
                    self.push("user", Content::Text(text));
                }
                Ok(())
            }
            Some("item_reference") => {
                let message = format!(
                    "`{field}[{at}]` refers to an item that is kept by the provider. Send the item itself, or use \
                     `previous_response_id`."
                );
                Err(Error::bad_field(field, message))
            }
            // What a hosted tool did: no other model can read it.
            Some(_) => Ok(()),
        }
    }

    fn message(&mut self, at: usize, item: InputItem, field: &'static str) -> Result<()> {
        let role = item.role.as_deref().ok_or_else(|| {
            Error::bad_field(field, format!("`{field}[{at}]` is a message without a `role`."))
        })?;
        let content =
            item.content.as_deref().map(|raw| content(raw, &format!("{field}[{at}].content"))).transpose()?;
        let Some((content, refusal)) = content else { return Ok(()) };
        if role != "assistant" {
            self.push(role, content);
            return Ok(());
        }
        if self.turn.as_ref().is_some_and(|turn| turn.content.is_some()) {
            self.end_turn();
        }
        let turn = self.turn();
        turn.refusal = refusal;
        turn.content = match content {
            Content::Parts(parts) if parts.iter().all(|part| part.text.is_some()) => {
                Some(Content::Text(Content::Parts(parts).text()))
            }
            other => Some(other),
        };
        Ok(())
    }

    fn reasoning(&mut self, item: &InputItem) {
        let sealed = item.encrypted_content.as_deref().map(reasoning::unseal).unwrap_or_default();
        let summary = item.summary.as_deref().and_then(read::<Vec<TextPart>>).unwrap_or_default();
        let is_tail = summary.is_empty() && sealed.blocks.is_empty();
        if let (Some(fields), Some(turn), true) = (&sealed.fields, &mut self.turn, is_tail) {
            // What a stream could only say behind the text belongs to that text.
            turn.provider_specific_fields = Some(fields.clone());
            return;
        }
        if self.turn.as_ref().is_some_and(|turn| turn.content.is_some() || turn.tool_calls.is_some()) {
            self.end_turn();
        }
        let of_content =
            item.content.as_deref().and_then(|raw| serde_json::from_str::<Vec<TextPart>>(raw.get()).ok());
        let texts: Vec<String> = summary
            .iter()
            .chain(of_content.iter().flatten())
            .filter_map(|part| part.text.clone())
            .filter(|text| !text.is_empty())
            .collect();
        let foreign =
            item.encrypted_content.as_deref().filter(|text| !text.is_empty() && !text.starts_with('['));
        let id = item.extra.get("id").and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
        let foreign =
            foreign.map(|text| reasoning::foreign(&id.unwrap_or_default(), text, &texts.join("\n\n")));
        let turn = self.turn();
        if !texts.is_empty() {
            let said = turn.reasoning_content.get_or_insert_default();
            said.push_str(&texts.join("\n\n"));
        }
        let blocks: Vec<Raw> = sealed.blocks.into_iter().chain(foreign).collect();
        if !blocks.is_empty() {
            turn.thinking_blocks.get_or_insert_default().extend(blocks);
        }
        turn.provider_specific_fields = sealed.fields.or(turn.provider_specific_fields.take());
    }

    fn tool_call(&mut self, item: InputItem, arguments: String) {
        let calls = self.turn().tool_calls.get_or_insert_default();
        calls.push(ToolCall {
            id: item.call_id,
            kind: Some("function".to_owned()),
            function: Some(FunctionCall {
                name: item.name,
                arguments: Some(arguments),
                ..FunctionCall::default()
            }),
            provider_specific_fields: item.provider_specific_fields,
            ..ToolCall::default()
        });
    }

    fn tool_output(&mut self, at: usize, item: InputItem, field: &'static str) -> Result<()> {
        self.end_turn();
        let place = format!("{field}[{at}].output");
        let content = match item.output.as_deref() {
            Some(raw) if raw.get().starts_with(['"', '[']) => content(raw, &place)?.0,
            Some(raw) => Content::Text(raw.get().to_owned()),
            None => Content::Text(String::new()),
        };
        self.messages.push(Message {
            role: "tool".to_owned(),
            tool_call_id: item.call_id,
            content: Some(content),
            ..Message::default()
        });
        Ok(())
    }

    fn turn(&mut self) -> &mut Message {
        self.turn.get_or_insert_with(|| Message { role: "assistant".to_owned(), ..Message::default() })
    }

    fn push(&mut self, role: &str, content: Content) {
        self.end_turn();
        self.messages.push(Message { role: role.to_owned(), content: Some(content), ..Message::default() });
    }

    /// A turn of reasoning alone says nothing that a model could go on from.
    fn end_turn(&mut self) {
        let said =
            |turn: &Message| turn.content.is_some() || turn.tool_calls.is_some() || turn.refusal.is_some();
        self.messages.extend(self.turn.take().filter(said));
    }
}

/// A content and the refusal that may be in it.
fn content(raw: &RawValue, place: &str) -> Result<(Content, Option<String>)> {
    if let Ok(text) = serde_json::from_str::<String>(raw.get()) {
        return Ok((Content::Text(text), None));
    }
    let wire: Vec<WirePart> = serde_json::from_str(raw.get()).map_err(|error| {
        Error::bad_field(place, format!("`{place}` must be a string or a list of content parts: {error}"))
    })?;
    let mut refusal = None;
    let mut parts = Vec::with_capacity(wire.len());
    for own in wire {
        match own.refusal {
            Some(text) => refusal = Some(text),
            None => parts.push(part(own)),
        }
    }
    Ok((Content::Parts(parts), refusal))
}

fn part(wire: WirePart) -> Part {
    match wire.kind.as_deref().unwrap_or("input_text") {
        "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text" => {
            let cache_control = wire.extra.get("cache_control").map(ToOwned::to_owned);
            Part { cache_control, ..Part::text(wire.text.unwrap_or_default()) }
        }
        "input_image" | "image_url" => {
            match (wire.image_url.as_deref().and_then(read::<ImageUrl>), wire.file_id) {
                (Some(url), _) => {
                    let detail = wire.detail.or(url.object.detail).filter(|detail| detail != "auto");
                    let object = ImageObject { detail, ..url.object };
                    let image = ImageUrl { object, bare: false };
                    Part { kind: "image_url".to_owned(), image_url: Some(image), ..Part::default() }
                }
                (None, id) => file(File { file_id: id, ..File::default() }),
            }
        }
        "input_file" | "file" => file(File {
            file_id: wire.file_id.or(wire.file_url),
            file_data: wire.file_data,
            filename: wire.filename,
            ..File::default()
        }),
        "input_audio" => {
            Part { kind: "input_audio".to_owned(), input_audio: wire.input_audio, ..Part::default() }
        }
        // A part of another API, as it came.
        _ => serde_json::from_str(to_raw(&wire).get()).unwrap_or_default(),
    }
}

fn file(file: File) -> Part {
    Part { kind: "file".to_owned(), file: Some(file), ..Part::default() }
}

/// The input without what only the gateway, other providers and other accounts can read, and whether signed reasoning is
/// lost with it; nothing if there is nothing of the kind.
pub(super) fn native(input: &str, account: &str) -> Option<(String, bool)> {
    let foreign = ["\"provider_specific_fields\"", "\"encrypted_content\":\"[", compaction::MARK, ID_MARK];
    let marked = foreign.iter().any(|word| input.contains(word)) || signed::names_account(input.as_bytes());
    if !input.starts_with('[') || !marked {
        return None;
    }
    let items: Vec<Extra> = serde_json::from_str(input).ok()?;
    let mut lost = false;
    let kept: Vec<Raw> = items.into_iter().filter_map(|item| native_item(item, account, &mut lost)).collect();
    Some((to_raw(&kept).get().to_owned(), lost))
}

fn native_item(mut item: Extra, account: &str, lost: &mut bool) -> Option<Raw> {
    let fields = item.remove("provider_specific_fields");
    let ours = fields.is_some();
    *lost |= fields.is_some_and(|fields| fields.get().contains("\"thought_signature"));
    let sealed: Option<String> =
        item.get("encrypted_content").and_then(|raw| serde_json::from_str(raw.get()).ok());
    if let Some(text) = sealed.as_deref().and_then(compaction::unseal) {
        return Some(raw(message(&quote(&text))));
    }
    let (issuer, own) = signed::account_of(sealed.as_deref().unwrap_or_default());
    if issuer.is_some() {
        item = replaced(&item, "encrypted_content", to_raw(own));
    }
    if own.starts_with('[') || issuer.is_some_and(|issuer| issuer != account) {
        *lost = true;
        return None;
    }
    if ours {
        item.remove("id");
    }
    // A signature that travels in the id of a call is another provider's.
    let id: Option<String> = item.get("call_id").and_then(|raw| serde_json::from_str(raw.get()).ok());
    if let Some((plain, _)) = id.as_deref().and_then(|id| id.split_once(ID_MARK)) {
        *lost = true;
        item.push("call_id", to_raw(plain));
        item.remove("id");
    }
    Some(to_raw(&item))
}

/// The members with another value in the place of one.
fn replaced(members: &Extra, name: &str, value: Raw) -> Extra {
    let mut edited = Extra::new();
    for (key, own) in members.iter() {
        edited.push(key, if key == name { value.clone() } else { own.to_owned() });
    }
    edited
}

/// A user's message of one text (JSON).
fn message(text: &str) -> String {
    let part = Json::new().text("type", "input_text").raw("text", text).into_text();
    let json = Json::new().text("type", "message").text("role", "user");
    json.raw("content", &format!("[{part}]")).into_text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_get_only_what_they_can_read() {
        let input = r#"[{"role":"user","content":"a"},{"type":"reasoning","id":"rs_1","encrypted_content":"[{}]"},{"type":"reasoning","encrypted_content":"gAAA"},{"type":"function_call","id":"fc_1","provider_specific_fields":{}}]"#;
        let (kept, lost) = native(input, "a1").unwrap();
        assert_eq!(
            kept,
            r#"[{"role":"user","content":"a"},{"type":"reasoning","encrypted_content":"gAAA"},{"type":"function_call"}]"#
        );
        assert!(
            lost && !native(r#"[{"type":"function_call","provider_specific_fields":{}}]"#, "a1").unwrap().1
        );
        let signed = r#"[{"type":"function_call_output","call_id":"c__thought__CqAB","output":"x"}]"#;
        assert_eq!(
            native(signed, "a1").unwrap().0,
            r#"[{"type":"function_call_output","output":"x","call_id":"c"}]"#
        );
        assert!(
            native("\"provider_specific_fields\"", "a1").is_none()
                && native(r#"[{"role":"user"}]"#, "a1").is_none()
        );
    }

    /// AGT-2: one account cannot read what another has encrypted.
    #[test]
    fn accounts_get_only_their_own() {
        let input = r#"[{"type":"reasoning","id":"rs_1","encrypted_content":"lockgate-account.a1.gAAA","summary":[]},{"role":"user","content":"a"}]"#;
        let (kept, lost) = native(input, "a1").unwrap();
        assert_eq!((kept, lost), (input.replace("lockgate-account.a1.", ""), false));
        let (kept, lost) = native(input, "a2").unwrap();
        assert_eq!((kept.as_str(), lost), (r#"[{"role":"user","content":"a"}]"#, true));
    }

    #[test]
    fn one_turn_of_the_model_is_one_message() {
        let mut history = History::default();
        let input = raw(r#"[{"role":"user","content":"a"},
                {"type":"reasoning","summary":[{"text":"hm"}],"encrypted_content":"[{\"type\":\"thinking\",\"signature\":\"s\"}]"},
                {"type":"message","role":"assistant","content":[{"type":"output_text","text":"b"}]},
                {"type":"function_call","call_id":"1","name":"f","arguments":"{}"},
                {"type":"custom_tool_call","call_id":"2","name":"g","input":"x\"y"},
                {"type":"function_call_output","call_id":"1","output":[{"type":"input_text","text":"c"}]},
                {"type":"custom_tool_call_output","call_id":"2","output":"d"},
                {"type":"web_search_call","id":"ws_1"},
                {"type":"reasoning","summary":[]}]"#);
        history.spoken("user", &input, "input").unwrap();
        let messages = history.finish();
        let roles: Vec<&str> = messages.iter().map(|message| message.role.as_str()).collect();
        assert_eq!(roles, ["user", "assistant", "tool", "tool"]);
        let turn = &messages[1];
        assert_eq!(turn.reasoning_content.as_deref(), Some("hm"));
        assert_eq!(turn.thinking_blocks.as_ref().unwrap()[0].get(), r#"{"type":"thinking","signature":"s"}"#);
        let arguments =
            |at: usize| turn.tool_calls.as_ref().unwrap()[at].function.clone().unwrap().arguments.unwrap();
        assert_eq!((arguments(0).as_str(), arguments(1).as_str()), ("{}", r#"{"input":"x\"y"}"#));
    }

    #[test]
    fn what_others_have_encrypted_is_marked() {
        let mut history = History::default();
        let input = raw(r#"[{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA"},
                {"type":"message","role":"assistant","content":"b"},
                {"type":"reasoning","summary":[],"encrypted_content":"[{\"provider_specific_fields\":{\"thought_signatures\":[\"s\"]}}]"}]"#);
        history.spoken("user", &input, "input").unwrap();
        let messages = history.finish();
        let block = messages[0].thinking_blocks.as_ref().unwrap()[0].get().to_owned();
        assert_eq!(block, r#"{"type":"thinking","thinking":"","signature":"openai-reasoning:rs_1:gAAA"}"#);
        let fields = messages[0].provider_specific_fields.as_ref().unwrap().get();
        assert_eq!((messages.len(), fields), (1, r#"{"thought_signatures":["s"]}"#));
    }

    #[test]
    fn mistakes_are_named() {
        let fault = |text: &str| {
            let error = History::default().spoken("user", &raw(text), "input").unwrap_err();
            (error.param().unwrap_or_default().to_owned(), error.message().to_owned())
        };
        assert!(fault("5").1.contains("must be a string or a list of items"));
        assert!(fault(r#"[{"type":"message"}]"#).1.contains("`input[0]` is a message without a `role`"));
        assert!(fault(r#"[{"role":"user","content":5}]"#).0 == "input[0].content");
        assert!(fault(r#"[{"type":"item_reference","id":"x"}]"#).1.contains("previous_response_id"));
    }
}
