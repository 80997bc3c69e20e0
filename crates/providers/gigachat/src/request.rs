//! What GigaChat takes in other words than OpenAI.

use std::collections::BTreeMap;

use lockgate_core::{
    Encoded, Error, Extra, Raw, Result,
    hub::{FunctionDef, Message, Tool, ToolCall},
    json::{raw, read, to_raw},
    wire::{Edits, Object, quote, view},
};

view! {
    #[derive(Clone, Debug, Default)]
    struct Format {
        json_schema: Option<Schema>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Schema {
        name: Option<String>,
        schema: Option<Raw>,
    }
}

/// Rewrites the body that was written for OpenAI.
///
/// # Errors
/// Never, unless that body is no JSON object.
pub(crate) fn adapt(encoded: &mut Encoded) -> Result<()> {
    let body = std::mem::take(encoded.request.body_mut()).into_bytes();
    let object = Object::scan(body)
        .map_err(|error| Error::internal(format!("The upstream body is no JSON object: {error}")))?;
    let mut edits = Edits::new();
    if let Some(functions) = object.raw("tools").and_then(functions) {
        edits.remove("tools");
        edits.set("functions", functions.get().to_owned());
    }
    if let Some(choice) = object.raw("tool_choice") {
        edits.remove("tool_choice");
        edits.set("function_call", chosen(choice));
    }
    if let Some(format) = object.raw("response_format") {
        edits.remove("response_format");
        match form(format) {
            Some(form) => encoded.memo.json_tool = Some(answer_in(&form, &object, &mut edits)),
            None if format.contains("json") => encoded.notes.dropped.push("response_format".to_owned()),
            None => {}
        }
    }
    // No temperature of zero is taken; the most probable word alone means the same.
    if object.raw("temperature").and_then(|text| text.parse::<f64>().ok()) == Some(0.0) {
        edits.remove("temperature");
        edits.set("top_p", "0");
    }
    if let Some(messages) = object.raw("messages").and_then(messages) {
        edits.set("messages", messages.get().to_owned());
    }
    *encoded.request.body_mut() = object.splice(&edits);
    Ok(())
}

fn functions(tools: &str) -> Option<Raw> {
    let tools: Vec<Tool> = serde_json::from_str(tools).ok()?;
    let functions: Vec<_> = tools.into_iter().filter_map(|tool| tool.function).collect();
    Some(to_raw(&functions))
}

/// The function whose arguments are the answer in the form that the client wants; there is no other way to ask for one.
fn form(format: &str) -> Option<FunctionDef> {
    let format: Format = serde_json::from_str(format).ok()?;
    let schema = format.json_schema?;
    let name = schema.name.filter(|name| !name.is_empty()).unwrap_or_else(|| "structured_output".to_owned());
    let description = Some(format!("Output structured response: {name}"));
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let name = name.chars().map(plain).collect();
    Some(FunctionDef { name, description, parameters: schema.schema, ..FunctionDef::default() })
}

/// Has the model answer by calling the function: at once, or when it has called the client's own.
fn answer_in(form: &FunctionDef, body: &Object, edits: &mut Edits) -> String {
    let own = body.raw("tools").and_then(functions);
    let own = own.or_else(|| body.raw("functions").and_then(|text| serde_json::from_str(text).ok()));
    let mut functions: Vec<FunctionDef> = own.as_deref().and_then(read).unwrap_or_default();
    let mut form = form.clone();
    while functions.iter().any(|function| function.name == form.name) {
        form.name.push('_');
    }
    if functions.is_empty() || body.raw("tool_choice") == Some("\"none\"") {
        edits.set("function_call", format!("{{\"name\":{}}}", quote(&form.name)));
    }
    functions.push(form.clone());
    edits.set("functions", to_raw(&functions).get().to_owned());
    form.name
}

fn chosen(choice: &str) -> String {
    if choice == "\"none\"" {
        return choice.to_owned();
    }
    let named = serde_json::from_str::<Extra>(choice).ok();
    let function = named.and_then(|named| read::<Extra>(named.get("function")?));
    let name = function.as_ref().and_then(|function| function.get("name"));
    // There is no word for "some function, whichever".
    name.map_or_else(|| "\"auto\"".to_owned(), |name| format!("{{\"name\":{}}}", name.get()))
}

/// The messages, if any of them has to be said otherwise.
fn messages(text: &str) -> Option<Raw> {
    let mut messages: Vec<Message> = serde_json::from_str(text).ok()?;
    let plain = |message: &Message| {
        message.role != "tool" && message.tool_calls.is_none() && message.content.is_some()
    };
    if messages.iter().all(plain) {
        return None;
    }
    let mut results = BTreeMap::new();
    messages.retain_mut(|message| {
        let id = message.tool_call_id.take().filter(|_| message.role == "tool");
        match id {
            Some(id) => {
                let text = message.content.take().map(|content| content.text()).unwrap_or_default();
                results.insert(id, text);
                false
            }
            None => true,
        }
    });
    let mut out = Vec::with_capacity(messages.len());
    for mut message in messages {
        let calls = message.tool_calls.take().unwrap_or_default();
        let mut said = read::<Extra>(&to_raw(&message)).unwrap_or_default();
        if message.content.is_none() {
            said.push("content", raw("\"\""));
        }
        if calls.is_empty() {
            out.push(said);
            continue;
        }
        for call in calls {
            let (name, called) = called(&call);
            let mut turn = said.clone();
            turn.push("function_call", called);
            out.push(turn);
            said.push("content", raw("\"\""));
            if let Some(text) = call.id.and_then(|id| results.remove(&id)) {
                out.push(result(&name, &text));
            }
        }
    }
    Some(to_raw(&out))
}

fn called(call: &ToolCall) -> (String, Raw) {
    let function = call.function.clone().unwrap_or_default();
    let name = function.name.unwrap_or_default();
    let arguments = function.arguments.unwrap_or_default();
    let arguments = serde_json::from_str::<Extra>(&arguments).map(|object| to_raw(&object));
    let arguments = arguments.unwrap_or_else(|_| raw("{}"));
    let called = format!("{{\"name\":{},\"arguments\":{}}}", quote(&name), arguments.get());
    (name, raw(called))
}

/// A function's result, which must be JSON.
fn result(name: &str, text: &str) -> Extra {
    let json = serde_json::from_str::<Raw>(text).is_ok();
    let content = if json { text.to_owned() } else { quote(text) };
    let mut message = Extra::new();
    message.push("role", raw("\"function\""));
    message.push("name", to_raw(name));
    message.push("content", to_raw(&content));
    message
}
