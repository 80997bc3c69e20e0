//! A client's Responses request as a chat.

use lockgate_core::{
    Call, Error, Extra, Raw, Result,
    hub::{ChatRequest, FunctionDef, Message, Tool, ToolChoice},
    json::{raw, to_raw},
    wire::{lenient_view, quote, view},
};
use serde_json::{Number, value::RawValue};

use super::items::History;
use crate::json::Json;

view! {
    /// The members that mean something to every model.
    #[derive(Default)]
    struct Body {
        model: Option<String>,
        input: Option<Raw>,
        instructions: Option<Raw>,
        tools: Option<Vec<WireTool>>,
        tool_choice: Option<Raw>,
        text: Option<Text>,
        reasoning: Option<Reasoning>,
        max_output_tokens: Option<u64>,
        parallel_tool_calls: Option<bool>,
        temperature: Option<Number>,
        top_p: Option<Number>,
        top_logprobs: Option<u32>,
        user: Option<String>,
        service_tier: Option<String>,
    }
}

view! {
    #[derive(Default)]
    struct Text {
        format: Option<Format>,
        verbosity: Option<String>,
    }
}

view! {
    #[derive(Default)]
    struct Format {
        kind as "type": Option<String>,
        name: Option<String>,
        description: Option<String>,
        schema: Option<Raw>,
        strict: Option<bool>,
    }
}

view! {
    #[derive(Default)]
    struct Reasoning {
        effort: Option<Raw>,
    }
}

view! {
    /// A tool as this API writes it.
    #[derive(Clone, Default)]
    pub(super) struct WireTool {
        pub(super) kind as "type": String,
        pub(super) name: Option<String>,
        description: Option<String>,
        parameters: Option<Raw>,
        strict: Option<bool>,
        format: Option<Raw>,
    }
}

/// Members that only say how the answer is kept or sent. The gateway deals with them, and the answer repeats some.
const BOOKKEEPING: [&str; 6] =
    ["background", "metadata", "previous_response_id", "store", "stream", "stream_options"];

/// Members without a counterpart in a chat: reported as dropped.
const UNTRANSLATED: [&str; 9] = [
    "context_management",
    "include",
    "max_tool_calls",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "top_logprobs",
    "truncation",
];

/// Members that change what is asked, so that a model which cannot have them must not answer.
const NEEDED: [(&str, &str); 2] = [
    (
        "conversation",
        "Conversations are kept by the provider itself; use `previous_response_id` with this model.",
    ),
    (
        "prompt",
        "Prompt templates are kept by the provider itself; send `instructions` and `input` with this model.",
    ),
];

/// The description of a custom tool's one parameter.
const CUSTOM_INPUT: &str = "The whole input of the tool, as plain text.";

/// Reads a body.
///
/// # Errors
/// A member has the wrong type, or asks for what only the API's own models can do.
pub(super) fn parse(call: &Call) -> Result<ChatRequest> {
    let mut body: Body = lockgate_core::json::parse(call.body.source())
        .map_err(|error| Error::bad_request(format!("The request body is not understood: {error}")))?;
    for (name, why) in NEEDED {
        if body.extra.remove(name).is_some_and(|value| value.get() != "null") {
            return Err(Error::bad_field(name, format!("`{name}` does not work here. {why}")));
        }
    }
    let mut chat = unknown(call, std::mem::take(&mut body.extra))?;
    chat.model = body.model.unwrap_or_else(|| call.model.clone());
    chat.messages = messages(body.instructions.as_deref(), body.input.as_deref())?;
    let choice = body.tool_choice.as_deref().and_then(Choice::read);
    tools(&mut chat, body.tools.unwrap_or_default(), choice);
    let text = body.text.unwrap_or_default();
    chat.response_format = text.format.and_then(response_format).or(chat.response_format);
    chat.verbosity = text.verbosity.or(chat.verbosity);
    let effort = body.reasoning.and_then(|reasoning| reasoning.effort);
    chat.reasoning_effort = effort.filter(|effort| effort.get() != "null").or(chat.reasoning_effort);
    chat.max_tokens = body.max_output_tokens.or(chat.max_tokens);
    chat.parallel_tool_calls = body.parallel_tool_calls;
    chat.temperature = body.temperature;
    chat.top_p = body.top_p;
    chat.user = body.user;
    chat.service_tier = body.service_tier;
    if body.top_logprobs.is_some_and(|count| count > 0) {
        chat.logprobs = Some(true);
        chat.top_logprobs = body.top_logprobs;
    }
    chat.stream = call.stream.then_some(true);
    Ok(chat)
}

/// What [`parse`] leaves out of this body.
pub(super) fn untranslated(call: &Call) -> Vec<String> {
    let dropped = UNTRANSLATED.iter().filter(|name| {
        let said = call.body.raw(name).filter(|value| !matches!(*value, "null" | "[]" | "{}"));
        said.is_some_and(|value| {
            !matches!((**name, value), ("truncation", "\"disabled\"") | ("top_logprobs", _))
        })
    });
    dropped.map(|name| (*name).to_owned()).collect()
}

/// The names of the custom tools, which the model calls as functions.
pub(super) fn custom_tools(call: &Call) -> Vec<String> {
    let tools = call.body.raw("tools").filter(|tools| tools.contains("\"custom\""));
    let tools: Vec<WireTool> = tools.and_then(|tools| serde_json::from_str(tools).ok()).unwrap_or_default();
    tools.into_iter().filter(|tool| tool.kind == "custom").filter_map(|tool| tool.name).collect()
}

/// Members that this API does not know: parameters of the chat API or of the provider.
fn unknown(call: &Call, mut extra: Extra) -> Result<ChatRequest> {
    let own = |name: &str| BOOKKEEPING.contains(&name) || UNTRANSLATED.contains(&name);
    extra.retain(|name, _| !own(name) && !call.options.consumed.contains(&name));
    if extra.is_empty() {
        return Ok(ChatRequest::default());
    }
    serde_json::from_str(to_raw(&extra).get())
        .map_err(|error| Error::bad_request(format!("The request body is not understood: {error}")))
}

fn messages(instructions: Option<&RawValue>, input: Option<&RawValue>) -> Result<Vec<Message>> {
    let mut history = History::default();
    if let Some(instructions) = instructions.filter(|raw| raw.get() != "null") {
        history.spoken("system", instructions, "instructions")?;
    }
    match input {
        Some(input) => history.spoken("user", input, "input")?,
        None => return Err(Error::bad_field("input", "`input` is missing from the request.")),
    }
    Ok(history.finish())
}

/// What `tool_choice` asks for.
enum Choice {
    Plain(ToolChoice),
    /// Only these, all of them optional or one of them required.
    Among(Vec<String>, ToolChoice),
}

impl Choice {
    fn read(raw: &RawValue) -> Option<Self> {
        lenient_view! {
            #[derive(Default)]
            struct Named {
                name: String,
            }
        }
        lenient_view! {
            #[derive(Default)]
            struct Wire {
                kind as "type": String,
                name: String,
                mode: String,
                tools: Vec<Named>,
            }
        }
        if let Ok(word) = serde_json::from_str::<ToolChoice>(raw.get())
            && !matches!(word, ToolChoice::Other(_))
        {
            return Some(Self::Plain(word));
        }
        let wire: Wire = serde_json::from_str(raw.get()).ok()?;
        match (wire.kind.as_deref()?, wire.name) {
            ("function" | "custom", Some(name)) => Some(Self::Plain(ToolChoice::Function(name))),
            ("allowed_tools", _) => {
                let names = wire.tools.unwrap_or_default().into_iter().filter_map(|tool| tool.name).collect();
                let required = wire.mode.as_deref() == Some("required");
                Some(Self::Among(names, if required { ToolChoice::Required } else { ToolChoice::Auto }))
            }
            // A hosted tool by its type: the model is free to use it.
            _ => Some(Self::Plain(ToolChoice::Auto)),
        }
    }
}

fn tools(chat: &mut ChatRequest, tools: Vec<WireTool>, choice: Option<Choice>) {
    let (allowed, choice) = match choice {
        Some(Choice::Among(names, choice)) => (Some(names), Some(choice)),
        Some(Choice::Plain(choice)) => (None, Some(choice)),
        None => (None, None),
    };
    let mut list = Vec::with_capacity(tools.len());
    for tool in tools {
        let name = tool.name.as_ref();
        if allowed.as_ref().is_some_and(|allowed| name.is_some_and(|name| !allowed.contains(name))) {
            continue;
        }
        if tool.kind.starts_with("web_search") {
            chat.web_search_options = Some(search_options(&tool));
        } else {
            list.push(hub_tool(tool));
        }
    }
    chat.tool_choice = choice.filter(|_| !list.is_empty() || chat.web_search_options.is_none());
    chat.tools = (!list.is_empty()).then_some(list);
}

fn hub_tool(tool: WireTool) -> Tool {
    let parameters = match tool.kind.as_str() {
        "function" => tool.parameters.filter(|raw| raw.get() != "null"),
        "custom" => Some(raw(format!(
            "{{\"type\":\"object\",\"properties\":{{\"input\":{{\"type\":\"string\",\"description\":{}}}}},\"required\":[\"input\"]}}",
            quote(&custom_hint(tool.format.as_deref()))
        ))),
        // A hosted tool stays as it is; the dialect knows whether its provider has one.
        _ => return serde_json::from_str(to_raw(&tool).get()).unwrap_or_default(),
    };
    let function = FunctionDef {
        name: tool.name.unwrap_or_default(),
        description: tool.description,
        parameters,
        strict: tool.strict,
        ..FunctionDef::default()
    };
    Tool { kind: "function".to_owned(), function: Some(function), ..Tool::default() }
}

/// What a custom tool takes, with its grammar if it has one.
fn custom_hint(format: Option<&RawValue>) -> String {
    lenient_view! {
        #[derive(Default)]
        struct Grammar {
            syntax: String,
            definition: String,
        }
    }
    let grammar = format.and_then(|raw| serde_json::from_str::<Grammar>(raw.get()).ok()).unwrap_or_default();
    match grammar.definition {
        Some(definition) => {
            let syntax = grammar.syntax.unwrap_or_else(|| "lark".to_owned());
            format!("{CUSTOM_INPUT} It must follow this {syntax} grammar:\n{definition}")
        }
        None => CUSTOM_INPUT.to_owned(),
    }
}

/// The options of a web search, its place wrapped as a chat has it.
fn search_options(tool: &WireTool) -> Raw {
    let mut options = Json::new();
    if let Some(size) = tool.extra.get("search_context_size") {
        options = options.raw("search_context_size", size.get());
    }
    let place = tool.extra.get("user_location").and_then(|raw| serde_json::from_str::<Extra>(raw.get()).ok());
    if let Some(mut place) = place {
        place.remove("type");
        let place = Json::new().text("type", "approximate").raw("approximate", to_raw(&place).get()).finish();
        options = options.raw("user_location", place.get());
    }
    options.finish()
}

/// `text.format` as `response_format`.
fn response_format(format: Format) -> Option<Raw> {
    match format.kind.as_deref()? {
        "json_schema" => {
            let mut schema = Json::new().text("name", format.name.as_deref().unwrap_or("answer"));
            schema = schema.maybe("description", format.description.as_deref());
            if let Some(strict) = format.strict {
                schema = schema.raw("strict", if strict { "true" } else { "false" });
            }
            if let Some(own) = &format.schema {
                schema = schema.raw("schema", own.get());
            }
            Some(Json::new().text("type", "json_schema").raw("json_schema", &schema.into_text()).finish())
        }
        "json_object" => Some(raw("{\"type\":\"json_object\"}")),
        _ => None,
    }
}
