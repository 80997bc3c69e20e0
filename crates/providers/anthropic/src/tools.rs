//! Tools and the choice among them.

use lockgate_core::{
    Error, Extra, Raw, Result,
    hub::{ChatRequest, FunctionDef, Tool, ToolChoice},
    names::ToolNames,
    wire::{quote, view},
};
use serde::{Serialize, ser::SerializeMap};
use serde_json::value::RawValue;

use crate::{
    betas::Betas,
    model::Model,
    wire::{raw, to_raw},
};

/// Schema of a tool without parameters.
const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;

/// Declared where a conversation has tool calls but the request declares no tool, which Anthropic refuses.
const DUMMY: &str = r#"{"name":"dummy_tool","input_schema":{"type":"object","properties":{}},"type":"custom","description":"This is a dummy tool call"}"#;

/// What is declared.
#[derive(Default)]
pub(crate) struct Declared {
    pub(crate) tools: Vec<Raw>,
    /// Servers of the Model Context Protocol, a member of their own.
    pub(crate) servers: Vec<Raw>,
}

/// Translates the tools of a request.
pub(crate) fn declare(
    request: &ChatRequest,
    model: &Model<'_>,
    names: &mut ToolNames,
    betas: &mut Betas,
) -> Result<Declared> {
    let mut declared = Declared::default();
    for tool in request.tools.iter().flatten() {
        match tool.kind.as_str() {
            "mcp" => {
                declared.servers.push(server(tool)?);
                betas.add("mcp-client-2025-04-04");
            }
            "web_search" | "web_search_preview" | "web_search_preview_2025_03_11" => {
                declared.tools.push(search(Some(&to_raw(tool)))?);
            }
            "function" => {
                let Some(function) = &tool.function else {
                    return Err(Error::bad_field(
                        "tools",
                        "A tool of the type `function` has no `function`.",
                    ));
                };
                declared.tools.push(custom(tool, function, model, names, betas));
            }
            kind => {
                betas.for_tool(kind);
                declared.tools.push(hosted(tool));
            }
        }
    }
    if let Some(options) = &request.web_search_options {
        declared.tools.push(search(Some(options))?);
    }
    Ok(declared)
}

/// The stand-in for tools that are no longer declared.
pub(crate) fn dummy() -> Raw {
    raw(DUMMY)
}

/// The choice that the model gets.
#[derive(Debug)]
pub(crate) enum Choice {
    Auto,
    Any,
    None,
    Tool(String),
    Raw(Raw),
}

impl Choice {
    /// Whether the model is made to call a tool, which it cannot while it thinks.
    pub(crate) fn is_forced(&self) -> bool {
        match self {
            Self::Auto | Self::None => false,
            Self::Any | Self::Tool(_) => true,
            Self::Raw(raw) => matches!(kind_of(raw).as_deref(), Some("any" | "tool")),
        }
    }
}

/// Translates the choice.
pub(crate) fn choose(request: &ChatRequest, names: &mut ToolNames) -> Result<Option<Choice>> {
    let choice = match &request.tool_choice {
        None => return Ok(None),
        Some(ToolChoice::Auto) => Choice::Auto,
        Some(ToolChoice::None) => Choice::None,
        Some(ToolChoice::Required) => Choice::Any,
        Some(ToolChoice::Function(name)) => Choice::Tool(names.send(name).into_owned()),
        Some(ToolChoice::Other(raw)) => other_choice(raw)?,
    };
    Ok(Some(choice))
}

/// A choice as JSON; `single` forbids several calls at once.
pub(crate) struct WrittenChoice<'a>(pub(crate) &'a Choice, pub(crate) bool);

impl Serialize for WrittenChoice<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(choice, single) = self;
        let mut map = serializer.serialize_map(None)?;
        match choice {
            Choice::Auto => map.serialize_entry("type", "auto")?,
            Choice::Any => map.serialize_entry("type", "any")?,
            Choice::None => map.serialize_entry("type", "none")?,
            Choice::Tool(name) => {
                map.serialize_entry("type", "tool")?;
                map.serialize_entry("name", name)?;
            }
            Choice::Raw(raw) => {
                let members: Extra = serde_json::from_str(raw.get()).unwrap_or_default();
                for (key, value) in members.iter().filter(|(key, _)| !single || *key != SINGLE) {
                    map.serialize_entry(key, value)?;
                }
            }
        }
        if *single && !matches!(choice, Choice::None) {
            map.serialize_entry(SINGLE, &true)?;
        }
        map.end()
    }
}

const SINGLE: &str = "disable_parallel_tool_use";

view! {
    /// A choice in an object; OpenAI's `allowed_tools` has a mode.
    #[derive(Clone, Debug, Default)]
    struct ChoiceView {
        kind as "type": Option<String>,
        mode: Option<String>,
    }
}

fn other_choice(raw: &Raw) -> Result<Choice> {
    let view: ChoiceView = serde_json::from_str(raw.get()).unwrap_or_default();
    match view.kind.as_deref() {
        Some("auto" | "any" | "none" | "tool") => Ok(Choice::Raw(raw.clone())),
        Some("required") => Ok(Choice::Any),
        Some("allowed_tools") if view.mode.as_deref() == Some("required") => Ok(Choice::Any),
        Some("allowed_tools") => Ok(Choice::Auto),
        _ => Err(Error::bad_field(
            "tool_choice",
            "`tool_choice` must be 'auto', 'none', 'required' or an object that names a tool.",
        )),
    }
}

/// A function of the client's.
fn custom(
    tool: &Tool,
    function: &FunctionDef,
    model: &Model<'_>,
    names: &mut ToolNames,
    betas: &mut Betas,
) -> Raw {
    let mut out = Extra::new();
    out.push("name", to_raw(&names.send(&function.name)));
    out.push("input_schema", schema(function.parameters.as_deref()));
    out.push("type", raw(r#""custom""#));
    if let Some(description) = &function.description {
        out.push("description", to_raw(description));
    }
    if let Some(cache_control) = tool.cache_control.as_ref().or(function.cache_control.as_ref()) {
        out.push("cache_control", cache_control.clone());
    }
    if function.strict == Some(true) && model.writes_schemas() {
        betas.add("structured-outputs-2025-11-13");
        out.push("strict", raw("true"));
    }
    for (key, value) in tool.extra.iter().chain(function.extra.iter()) {
        out.push(key, value.to_owned());
    }
    to_raw(&out)
}

/// Anthropic demands the type `object` at the top of a schema.
fn schema(parameters: Option<&RawValue>) -> Raw {
    let Some(parameters) = parameters.filter(|raw| raw.get().starts_with('{')) else {
        return raw(NO_PARAMETERS);
    };
    let members: Extra = serde_json::from_str(parameters.get()).unwrap_or_default();
    if members.is_empty() {
        return raw(NO_PARAMETERS);
    }
    if members.contains("type") {
        return parameters.to_owned();
    }
    let mut typed = Extra::new();
    typed.push("type", raw(r#""object""#));
    for (key, value) in members.iter() {
        typed.push(key, value.to_owned());
    }
    to_raw(&typed)
}

/// A tool in Anthropic's own words. What some clients wrap into `function` comes out of it.
fn hosted(tool: &Tool) -> Raw {
    let mut out = Extra::new();
    if !tool.kind.is_empty() {
        out.push("type", to_raw(&tool.kind));
    }
    if let Some(function) = &tool.function {
        out.push("name", to_raw(&function.name));
        let parameters = function.parameters.as_deref().map(RawValue::get).unwrap_or_default();
        let parameters: Extra = serde_json::from_str(parameters).unwrap_or_default();
        for (key, value) in parameters.iter().chain(function.extra.iter()) {
            out.push(key, value.to_owned());
        }
    }
    for (key, value) in tool.extra.iter() {
        out.push(key, value.to_owned());
    }
    if let Some(cache_control) = &tool.cache_control {
        out.push("cache_control", cache_control.clone());
    }
    to_raw(&out)
}

view! {
    /// OpenAI's options of a web search.
    #[derive(Clone, Debug, Default)]
    struct SearchOptions {
        search_context_size: Option<String>,
        user_location: Option<Location>,
    }
}

view! {
    /// Where the user is, with the place wrapped (chat completions) or flat (Responses).
    #[derive(Clone, Debug, Default)]
    struct Location {
        kind as "type": Option<String>,
        approximate: Option<Extra>,
    }
}

/// The hosted web search.
fn search(options: Option<&Raw>) -> Result<Raw> {
    let options: SearchOptions = match options {
        Some(raw) => serde_json::from_str(raw.get())
            .map_err(|_| Error::bad_field("web_search_options", "`web_search_options` must be an object."))?,
        None => SearchOptions::default(),
    };
    let mut out = Extra::new();
    out.push("type", raw(r#""web_search_20250305""#));
    out.push("name", raw(r#""web_search""#));
    let uses = match options.search_context_size.as_deref() {
        Some("low") => Some("1"),
        Some("medium") => Some("5"),
        Some("high") => Some("10"),
        _ => None,
    };
    if let Some(uses) = uses {
        out.push("max_uses", raw(uses));
    }
    if let Some(location) = options.user_location {
        let mut place = Extra::new();
        place.push("type", raw(r#""approximate""#));
        for (key, value) in location.approximate.as_ref().unwrap_or(&location.extra).iter() {
            if matches!(key, "city" | "region" | "country" | "timezone") && value.get() != "null" {
                place.push(key, value.to_owned());
            }
        }
        out.push("user_location", to_raw(&place));
    }
    Ok(to_raw(&out))
}

view! {
    /// An MCP server as OpenAI's Responses API declares it.
    #[derive(Clone, Debug, Default)]
    struct Server {
        server_label: Option<String>,
        server_url: Option<String>,
        authorization: Option<String>,
        headers: Option<Extra>,
        allowed_tools: Option<Raw>,
    }
}

fn server(tool: &Tool) -> Result<Raw> {
    let view: Server = serde_json::from_str(to_raw(tool).get())
        .map_err(|_| Error::bad_field("tools", "A tool of the type `mcp` is malformed."))?;
    let Some(url) = view.server_url else {
        return Err(Error::bad_field("tools", "A tool of the type `mcp` needs `server_url`."));
    };
    let token = view.authorization.or_else(|| {
        let headers = view.headers.as_ref()?;
        let header = headers.get("Authorization").or_else(|| headers.get("authorization"))?;
        serde_json::from_str(header.get()).ok()
    });
    let mut out = Extra::new();
    out.push("type", raw(r#""url""#));
    out.push("url", to_raw(&url));
    out.push("name", raw(quote(view.server_label.as_deref().unwrap_or("mcp"))));
    if let Some(token) = &token {
        out.push("authorization_token", to_raw(token.trim_start_matches("Bearer ")));
    }
    if let Some(allowed) = view.allowed_tools.filter(|allowed| allowed.get().starts_with('[')) {
        out.push("tool_configuration", raw(format!(r#"{{"allowed_tools":{}}}"#, allowed.get())));
    }
    Ok(to_raw(&out))
}

fn kind_of(raw: &Raw) -> Option<String> {
    serde_json::from_str::<ChoiceView>(raw.get()).ok()?.kind
}
