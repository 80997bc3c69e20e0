//! Functions, hosted tools, and which of them are to be called.

use lockgate_core::{
    Notes, Raw,
    hub::{ChatRequest, FunctionDef, Tool, ToolChoice},
};

use crate::{
    schema,
    wire::{Body, array, read},
};

/// Hosted tools by the names that clients use, and Gemini's own.
const HOSTED: [(&str, &str); 15] = [
    ("googleSearch", "googleSearch"),
    ("google_search", "googleSearch"),
    ("googleSearchRetrieval", "googleSearchRetrieval"),
    ("google_search_retrieval", "googleSearchRetrieval"),
    ("enterpriseWebSearch", "enterpriseWebSearch"),
    ("enterprise_web_search", "enterpriseWebSearch"),
    ("codeExecution", "code_execution"),
    ("code_execution", "code_execution"),
    ("urlContext", "url_context"),
    ("url_context", "url_context"),
    ("googleMaps", "googleMaps"),
    ("google_maps", "googleMaps"),
    ("computerUse", "computerUse"),
    ("fileSearch", "fileSearch"),
    ("retrieval", "retrieval"),
];

/// The `tools` member as JSON; nothing if there is no tool.
pub(crate) fn declare(request: &ChatRequest, notes: &mut Notes) -> Option<String> {
    let mut functions = Vec::new();
    let mut hosted: Vec<(&str, String)> = Vec::new();
    let mut add = |name, value: String| {
        if !hosted.iter().any(|(own, _)| *own == name) {
            hosted.push((name, value));
        }
    };
    for tool in request.tools.iter().flatten() {
        if let Some(function) = &tool.function {
            functions.push(declaration(function).into_json());
            continue;
        }
        let own = HOSTED.iter().filter_map(|(name, own)| Some((*own, tool.extra.get(name)?)));
        let mut known = false;
        for (name, value) in own {
            known = true;
            add(name, if value.get() == "null" { "{}".to_owned() } else { value.get().to_owned() });
        }
        for name in ["functionDeclarations", "function_declarations"] {
            let list = tool.extra.get(name).and_then(read::<Vec<Raw>>);
            known |= list.is_some();
            functions.extend(list.into_iter().flatten().map(|function| function.get().to_owned()));
        }
        match tool.kind.as_str() {
            kind if is_search(kind) => add("googleSearch", "{}".to_owned()),
            kind if kind.starts_with("code_execution") || kind == "code_interpreter" => {
                add("code_execution", "{}".to_owned())
            }
            "web_fetch" | "url_context" => add("url_context", "{}".to_owned()),
            _ if known => {}
            _ => notes.dropped.push(format!("tools.{}", name_of(tool))),
        }
    }
    if request.web_search_options.is_some() {
        add("googleSearch", "{}".to_owned());
    }
    let mut tools = Vec::new();
    if !functions.is_empty() {
        tools.push(format!("{{\"function_declarations\":{}}}", array(functions)));
    }
    tools.extend(hosted.into_iter().map(|(name, value)| format!("{{\"{name}\":{value}}}")));
    (!tools.is_empty()).then(|| array(tools))
}

/// The `toolConfig` member as JSON.
pub(crate) fn choose(request: &ChatRequest) -> Option<String> {
    let (mode, names) = match request.tool_choice.as_ref()? {
        ToolChoice::Auto => ("AUTO", None),
        ToolChoice::None => ("NONE", None),
        ToolChoice::Required => ("ANY", None),
        ToolChoice::Function(name) => ("ANY", Some([name])),
        // `validated` and the like: Gemini's own words.
        ToolChoice::Other(other) => {
            let mode = read::<String>(other)?.to_ascii_uppercase();
            return Some(calling(Body::default().with("mode", &mode)));
        }
    };
    let mut config = Body::default().with("mode", mode);
    config.some("allowed_function_names", names.as_ref());
    Some(calling(config))
}

fn calling(config: Body) -> String {
    format!("{{\"functionCallingConfig\":{}}}", config.into_json())
}

fn declaration(function: &FunctionDef) -> Body {
    let mut out = Body::default().with("name", &function.name);
    out.some("description", function.description.as_ref());
    if let Some(parameters) = function.parameters.as_deref().and_then(schema::parameters) {
        out.raw("parameters", parameters);
    }
    out
}

/// The web search of OpenAI's and Anthropic's APIs.
fn is_search(kind: &str) -> bool {
    kind.starts_with("web_search")
}

fn name_of(tool: &Tool) -> &str {
    if tool.kind.is_empty() { "unknown" } else { &tool.kind }
}
