//! The `GENERIC` format: messages with parts, tools, JSON schemas.

use lockgate_core::{
    Extra, Notes, Raw,
    hub::{ChatRequest, Content, Message, Part, Tool, ToolCall, ToolChoice},
    json::{raw, read, to_raw},
    wire::view,
};
use serde_json::value::RawValue;

use crate::request;

/// OpenAI's parameters that are taken, without those of streams.
pub(crate) const TAKEN: [&str; 17] = [
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "seed",
    "stop",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
];

/// Makers of models that count their reasoning into another limit than `maxTokens`.
const REASONERS: [&str; 4] = ["openai.o1", "openai.o3", "openai.o4", "openai.gpt-5"];

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Wanted {
        pub(crate) kind as "type": Option<String>,
        pub(crate) json_schema: Option<Schema>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Schema {
        pub(crate) name: Option<String>,
        pub(crate) description: Option<String>,
        pub(crate) schema: Option<Raw>,
        pub(crate) strict: Option<bool>,
    }
}

pub(crate) fn write(request: &ChatRequest, model: &str, chat: &mut Extra, notes: &mut Notes) {
    chat.push("apiFormat", raw("\"GENERIC\""));
    chat.push("messages", to_raw(&request.messages.iter().map(message).collect::<Vec<_>>()));
    let contents = request.messages.iter().filter_map(|message| message.content.as_ref());
    if contents
        .into_iter()
        .any(|content| matches!(content, Content::Parts(list) if parts(content).len() < list.len()))
    {
        notes.dropped.push("messages.content".to_owned());
    }
    let reasons = REASONERS.iter().any(|start| model.starts_with(start));
    let limit = if reasons { "maxCompletionTokens" } else { "maxTokens" };
    chat.push(limit, to_raw(&request::limit(request)));
    numbers(request, chat);
    if let Some(stop) = &request.stop {
        chat.push("stop", to_raw(stop.as_slice()));
    }
    if let Some(count) = request.n {
        chat.push("numGenerations", to_raw(&count));
    }
    if let Some(bias) = &request.logit_bias {
        chat.push("logitBias", bias.clone());
    }
    if let Some(count) = request.top_logprobs.or(request.logprobs.filter(|wanted| *wanted).map(|_| 1)) {
        chat.push("logProbs", to_raw(&count));
    }
    if let Some(effort) = request.reasoning_effort.as_deref().and_then(read::<String>) {
        chat.push("reasoningEffort", to_raw(&effort.to_ascii_uppercase()));
    }
    if let Some(format) = request.response_format.as_deref().and_then(response_format) {
        chat.push("responseFormat", format);
    }
    tools(request, chat, notes);
}

/// Numbers that both formats call the same.
pub(crate) fn numbers(request: &ChatRequest, chat: &mut Extra) {
    let numbers = [
        ("temperature", &request.temperature),
        ("topP", &request.top_p),
        ("topK", &request.top_k),
        ("frequencyPenalty", &request.frequency_penalty),
        ("presencePenalty", &request.presence_penalty),
        ("seed", &request.seed),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            chat.push(name, to_raw(number));
        }
    }
}

fn message(message: &Message) -> Extra {
    let mut out = Extra::new();
    let role = match message.role.as_str() {
        "system" | "developer" => "SYSTEM",
        "assistant" => "ASSISTANT",
        "tool" | "function" => "TOOL",
        _ => "USER",
    };
    out.push("role", to_raw(role));
    let calls = message.tool_calls.as_deref().unwrap_or_default();
    match &message.content {
        Some(content) if calls.is_empty() || !content.is_empty() => {
            out.push("content", to_raw(&parts(content)));
        }
        _ => {}
    }
    if !calls.is_empty() {
        out.push("toolCalls", to_raw(&calls.iter().map(tool_call).collect::<Vec<_>>()));
    }
    if let Some(id) = message.tool_call_id.as_ref().filter(|_| role == "TOOL") {
        out.push("toolCallId", to_raw(id));
    }
    if let Some(name) = message.name.as_ref().filter(|_| role != "TOOL") {
        out.push("name", to_raw(name));
    }
    out
}

fn parts(content: &Content) -> Vec<Extra> {
    match content {
        Content::Text(text) => vec![typed("TEXT", "text", to_raw(text))],
        Content::Parts(parts) => parts.iter().filter_map(part).collect(),
    }
}

/// A part in this API's words; none if it has none for it, like a file that another provider keeps.
fn part(part: &Part) -> Option<Extra> {
    if let Some(image) = &part.image_url {
        let mut object = Extra::new();
        object.push("url", to_raw(image.url()));
        if let Some(detail) = &image.object.detail {
            object.push("detail", to_raw(&detail.to_ascii_uppercase()));
        }
        return Some(typed("IMAGE", "imageUrl", to_raw(&object)));
    }
    if let Some(data) = part.file.as_ref().and_then(|file| file.file_data.as_ref()) {
        return Some(typed("DOCUMENT", "documentUrl", url(data)));
    }
    if let Some(audio) = part.input_audio.as_deref().and_then(audio) {
        return Some(typed("AUDIO", "audioUrl", url(&audio)));
    }
    part.text.as_deref().map(|text| typed("TEXT", "text", to_raw(text)))
}

fn typed(kind: &str, member: &str, value: Raw) -> Extra {
    let mut out = Extra::new();
    out.push("type", to_raw(kind));
    out.push(member, value);
    out
}

fn url(url: &str) -> Raw {
    let mut object = Extra::new();
    object.push("url", to_raw(url));
    to_raw(&object)
}

/// OpenAI's `{"data": …, "format": "wav"}` as a data URL.
fn audio(audio: &RawValue) -> Option<String> {
    view! {
        #[derive(Clone, Debug, Default)]
        struct Audio {
            data: Option<String>,
            format: Option<String>,
        }
    }
    let audio: Audio = read(audio)?;
    Some(format!("data:audio/{};base64,{}", audio.format.as_deref().unwrap_or("wav"), audio.data?))
}

fn tool_call(call: &ToolCall) -> Extra {
    let mut out = Extra::new();
    let function = call.function.clone().unwrap_or_default();
    if let Some(id) = &call.id {
        out.push("id", to_raw(id));
    }
    out.push("type", raw("\"FUNCTION\""));
    out.push("name", to_raw(&function.name.unwrap_or_default()));
    out.push("arguments", to_raw(&function.arguments.unwrap_or_default()));
    out
}

fn tools(request: &ChatRequest, chat: &mut Extra, notes: &mut Notes) {
    let given = request.tools.as_deref().unwrap_or_default();
    let tools: Vec<Extra> = given.iter().filter_map(tool).collect();
    if tools.len() < given.len() {
        notes.dropped.push("tools".to_owned());
    }
    if tools.is_empty() {
        return;
    }
    chat.push("tools", to_raw(&tools));
    let choice = match &request.tool_choice {
        None => None,
        Some(ToolChoice::Auto) => Some(typed_choice("AUTO")),
        Some(ToolChoice::None) => Some(typed_choice("NONE")),
        Some(ToolChoice::Required) => Some(typed_choice("REQUIRED")),
        Some(ToolChoice::Function(name)) => {
            let mut choice = typed_choice("FUNCTION");
            choice.push("name", to_raw(name));
            Some(choice)
        }
        Some(ToolChoice::Other(_)) => {
            notes.dropped.push("tool_choice".to_owned());
            None
        }
    };
    if let Some(choice) = choice {
        chat.push("toolChoice", to_raw(&choice));
    }
    if let Some(parallel) = request.parallel_tool_calls {
        chat.push("isParallelToolCalls", to_raw(&parallel));
    }
}

fn typed_choice(kind: &str) -> Extra {
    let mut out = Extra::new();
    out.push("type", to_raw(kind));
    out
}

fn tool(tool: &Tool) -> Option<Extra> {
    let function = tool.function.as_ref()?;
    let mut out = Extra::new();
    out.push("type", raw("\"FUNCTION\""));
    out.push("name", to_raw(&function.name));
    if let Some(description) = &function.description {
        out.push("description", to_raw(description));
    }
    if let Some(parameters) = &function.parameters {
        out.push("parameters", parameters.clone());
    }
    Some(out)
}

fn response_format(format: &RawValue) -> Option<Raw> {
    let wanted: Wanted = read(format)?;
    let mut out = Extra::new();
    match wanted.kind.as_deref()? {
        "json_object" => out.push("type", raw("\"JSON_OBJECT\"")),
        "json_schema" => {
            let given = wanted.json_schema.unwrap_or_default();
            let mut schema = Extra::new();
            schema.push("name", to_raw(given.name.as_deref().unwrap_or("answer")));
            if let Some(description) = &given.description {
                schema.push("description", to_raw(description));
            }
            if let Some(own) = given.schema {
                schema.push("schema", own);
            }
            if let Some(strict) = given.strict {
                schema.push("isStrict", to_raw(&strict));
            }
            out.push("type", raw("\"JSON_SCHEMA\""));
            out.push("jsonSchema", to_raw(&schema));
        }
        _ => out.push("type", raw("\"TEXT\"")),
    }
    Some(to_raw(&out))
}
