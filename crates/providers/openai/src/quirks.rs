//! Quirks of a few providers, each one pure function: JSON text in, changed JSON text out, or `None`.

use lockgate_core::{
    Extra, Quirks, Raw,
    hub::{FunctionCall, Message, Part, ToolCall},
    wire::{quote, view},
};

use crate::{
    lax::{Lax, raw, to_raw},
    path::replaced,
};

/// The model's name as the provider wants it (`model_template`, `bare_model_prefix`, `model_prefix`).
pub(crate) fn model_name(quirks: &Quirks, name: &str) -> String {
    if let Some(template) = &quirks.model_template
        && let Some(filled) = fill(template, name)
    {
        return filled;
    }
    let bare = quirks.bare_model_prefix.as_deref().filter(|_| !name.contains('/'));
    let prefix = bare.or(quirks.model_prefix.as_deref()).unwrap_or_default();
    format!("{prefix}{name}")
}

/// The pieces of the name between dots in the places `{0}`, `{1}`, … of the template. Dots after the last place
/// belong to it.
fn fill(template: &str, name: &str) -> Option<String> {
    let places = template.matches('{').count();
    let pieces: Vec<&str> = name.splitn(places, '.').collect();
    if pieces.len() != places {
        return None;
    }
    let fill = |text: String, (at, piece): (usize, &&str)| text.replace(&format!("{{{at}}}"), piece);
    Some(pieces.iter().enumerate().fold(template.to_owned(), fill))
}

/// Members that this model's provider wants to be silent about (`drop_for`).
pub(crate) fn dropped_for<'a>(quirks: &'a Quirks, model: &str) -> impl Iterator<Item = &'a str> {
    let concerned = quirks.drop_for.iter().filter(move |(part, _)| model.contains(part.as_str()));
    concerned.flat_map(|(_, names)| names).map(String::as_str).collect::<Vec<_>>().into_iter()
}

/// One string as a list of it (`embedding_input_list`).
pub(crate) fn as_list(input: &str) -> Option<String> {
    input.starts_with('"').then(|| format!("[{input}]"))
}

/// The messages with `tool_call_reasoning`, `drop_empty_assistant` and `video_files_as_url` applied.
pub(crate) fn messages(quirks: &Quirks, messages: &str) -> Option<String> {
    let reasoning = quirks.tool_call_reasoning.as_deref().filter(|_| messages.contains("\"tool_calls\""));
    let drop_empty = quirks.drop_empty_assistant && messages.contains("\"assistant\"");
    let videos = quirks.video_files_as_url && messages.contains("\"file\"");
    if reasoning.is_none() && !drop_empty && !videos {
        return None;
    }
    let list: Vec<Raw> = serde_json::from_str(messages).ok()?;
    let before = list.len();
    let mut changed = false;
    let mut out = Vec::with_capacity(before);
    for text in list {
        let message: Extra = serde_json::from_str(text.get()).ok()?;
        let assistant = message.get("role").is_some_and(|role| role.get() == "\"assistant\"");
        if assistant && drop_empty && says_nothing(&message) {
            continue;
        }
        let other = match reasoning {
            Some(reasoning) if assistant => with_reasoning(&message, reasoning),
            _ if videos => with_video_urls(&message),
            _ => None,
        };
        changed |= other.is_some();
        out.push(other.unwrap_or(text));
    }
    (changed || out.len() != before).then(|| to_raw(&out).get().to_owned())
}

fn given<'a>(message: &'a Extra, key: &str) -> Option<&'a str> {
    message.get(key).map(serde_json::value::RawValue::get).filter(|value| !matches!(*value, "null" | "[]" | "\"\""))
}

fn says_nothing(message: &Extra) -> bool {
    ["content", "tool_calls", "function_call"].iter().all(|key| given(message, key).is_none())
}

fn with_reasoning(message: &Extra, reasoning: &str) -> Option<Raw> {
    given(message, "tool_calls")?;
    if given(message, "reasoning_content").is_some() {
        return None;
    }
    let mut message = message.clone();
    message.remove("reasoning_content");
    message.push("reasoning_content", raw(quote(reasoning)));
    Some(to_raw(&message))
}

fn with_video_urls(message: &Extra) -> Option<Raw> {
    let mut parts: Vec<Raw> = serde_json::from_str(message.get("content")?.get()).ok()?;
    let mut changed = false;
    for part in &mut parts {
        if let Some(url) = video(part.get()) {
            *part = raw(format!("{{\"type\":\"video_url\",\"video_url\":{{\"url\":{}}}}}", quote(&url)));
            changed = true;
        }
    }
    changed.then(|| to_raw(&replaced(message.clone(), "content", to_raw(&parts))))
}

/// The address of a file part that is a video, by its data or by its declared format.
fn video(part: &str) -> Option<String> {
    let part: Part = serde_json::from_str(part).ok()?;
    let file = part.file.filter(|_| part.kind == "file")?;
    let url = file.file_data.or(file.file_id)?;
    let declared = file.format.is_some_and(|format| format.starts_with("video/"));
    (declared || url.starts_with("data:video/")).then_some(url)
}

/// Turns content that is the JSON of one tool call into that call (`tool_call_in_content`).
pub(crate) fn take_tool_call(message: &mut Message, reply_id: &str) {
    view! {
        #[derive(Default)]
        struct Written {
            kind as "type": Lax<String>,
            name: Lax<String>,
            parameters: Option<Raw>,
        }
    }
    let Some(content) = message.content.as_ref().map(lockgate_core::hub::Content::text) else { return };
    if message.tool_calls.is_some() || !content.trim_start().starts_with('{') {
        return;
    }
    let Ok(written) = serde_json::from_str::<Written>(&content) else { return };
    let (Some("function"), Some(name), Some(parameters)) = (written.kind.0.as_deref(), written.name.0, written.parameters)
    else {
        return;
    };
    message.content = None;
    message.tool_calls = Some(vec![ToolCall {
        id: Some(format!("call_{reply_id}")),
        kind: Some("function".to_owned()),
        function: Some(FunctionCall {
            name: Some(name),
            arguments: Some(parameters.get().to_owned()),
            ..FunctionCall::default()
        }),
        ..ToolCall::default()
    }]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_names() {
        let clarifai = Quirks { model_template: Some("https://c.example/{0}/{1}/models/{2}".to_owned()), ..Quirks::default() };
        assert_eq!(model_name(&clarifai, "openai.chat.gpt-4.1"), "https://c.example/openai/chat/models/gpt-4.1");
        assert_eq!(model_name(&clarifai, "https:plain"), "https:plain");
        let fireworks = Quirks { bare_model_prefix: Some("accounts/f/models/".to_owned()), ..Quirks::default() };
        assert_eq!(model_name(&fireworks, "llama"), "accounts/f/models/llama");
        assert_eq!(model_name(&fireworks, "nomic-ai/embed"), "nomic-ai/embed");
        let always = Quirks { model_prefix: Some("a/".to_owned()), ..Quirks::default() };
        assert_eq!(model_name(&always, "b/c"), "a/b/c");
    }

    #[test]
    fn members_dropped_for_some_models() {
        let names = ["temperature".to_owned()].into();
        let quirks = Quirks { drop_for: [("k2.5".to_owned(), names)].into(), ..Quirks::default() };
        assert_eq!(dropped_for(&quirks, "kimi-k2.5").collect::<Vec<_>>(), ["temperature"]);
        assert_eq!(dropped_for(&quirks, "kimi-k2").count(), 0);
    }

    #[test]
    fn a_string_becomes_a_list_and_a_list_stays() {
        assert_eq!(as_list("\"a\"").unwrap(), "[\"a\"]");
        assert!(as_list("[\"a\"]").is_none());
    }

    #[test]
    fn messages_change_where_a_quirk_says_so() {
        let reasoning = Quirks { tool_call_reasoning: Some(" ".to_owned()), ..Quirks::default() };
        let before = r#"[{"role":"assistant","content":null,"tool_calls":[{"id":"c"}]},{"role":"tool","content":"1"}]"#;
        let after = r#"[{"role":"assistant","content":null,"tool_calls":[{"id":"c"}],"reasoning_content":" "},{"role":"tool","content":"1"}]"#;
        assert_eq!(messages(&reasoning, before).unwrap(), after);
        assert!(messages(&reasoning, after).is_none());

        let drop = Quirks { drop_empty_assistant: true, ..Quirks::default() };
        let before = r#"[{"role":"user","content":"a"},{"role":"assistant","content":""},{"role":"user","content":"b"}]"#;
        let after = r#"[{"role":"user","content":"a"},{"role":"user","content":"b"}]"#;
        assert_eq!(messages(&drop, before).unwrap(), after);
        assert!(messages(&drop, r#"[{"role":"assistant","content":"","tool_calls":[{"id":"c"}]}]"#).is_none());

        let video = Quirks { video_files_as_url: true, ..Quirks::default() };
        let before = r#"[{"role":"user","content":[{"type":"file","file":{"file_data":"data:video/mp4;base64,AA"}}]}]"#;
        let after = r#"[{"role":"user","content":[{"type":"video_url","video_url":{"url":"data:video/mp4;base64,AA"}}]}]"#;
        assert_eq!(messages(&video, before).unwrap(), after);
        assert!(messages(&video, r#"[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}]"#).is_none());
        assert!(messages(&Quirks::default(), before).is_none());
    }

    #[test]
    fn a_tool_call_written_as_text() {
        let text = r#"{"type":"function","name":"f","parameters":{"a": 1}}"#;
        let mut message = Message { content: Some(lockgate_core::hub::Content::Text(text.to_owned())), ..Message::default() };
        take_tool_call(&mut message, "r1");
        let call = message.tool_calls.unwrap().remove(0);
        assert_eq!(call.id.unwrap(), "call_r1");
        assert_eq!(call.function.unwrap().arguments.unwrap(), r#"{"a": 1}"#);
        assert!(message.content.is_none());

        let mut message = Message { content: Some(lockgate_core::hub::Content::Text("{}".to_owned())), ..Message::default() };
        take_tool_call(&mut message, "r1");
        assert!(message.tool_calls.is_none() && message.content.is_some());
    }
}
