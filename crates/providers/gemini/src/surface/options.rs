//! Tools and `generationConfig` in the hub's words.

use std::borrow::Cow;

use lockgate_core::{
    Error, Raw, Result,
    hub::{ChatRequest, FunctionDef, Stop, Tool, ToolChoice},
};

use super::{
    named::{Named, field, is, list, object},
    schema::json_schema,
};
use crate::wire::{Body, raw, to_raw};

/// Members that are read.
const READ: [&str; 6] =
    ["contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "generateContentRequest"];

/// Members of `generationConfig` that are read.
const READ_CONFIG: [&str; 18] = [
    "temperature",
    "topP",
    "topK",
    "candidateCount",
    "maxOutputTokens",
    "stopSequences",
    "seed",
    "presencePenalty",
    "frequencyPenalty",
    "responseLogprobs",
    "logprobs",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "_responseJsonSchema",
    "thinkingConfig",
    "responseModalities",
    "speechConfig",
];

/// Hosted tools that are read.
const READ_TOOLS: [&str; 4] =
    ["functionDeclarations", "googleSearch", "googleSearchRetrieval", "enterpriseWebSearch"];

/// What only servers of Gemini's format understand.
pub(super) fn untranslated(members: &Named<'_>, consumed: &[&'static str]) -> Vec<String> {
    let mut dropped = Vec::new();
    let known = |key: &str, names: &[&str]| names.iter().any(|name| is(key, name));
    for (key, value) in members.iter() {
        if value != "null" && key != "model" && !consumed.contains(&key) && !known(key, &READ) {
            dropped.push(key.to_owned());
        }
    }
    let config = members.object("generationConfig").unwrap_or_default();
    for (key, value) in config.iter() {
        if value != "null" && !known(key, &READ_CONFIG) {
            dropped.push(format!("generationConfig.{key}"));
        }
    }
    for tool in list(members, "tools").unwrap_or_default().into_iter().filter_map(Named::read) {
        for (key, value) in tool.iter() {
            if value != "null" && !known(key, &READ_TOOLS) {
                dropped.push(format!("tools.{key}"));
            }
        }
    }
    dropped
}

/// `tools` and `toolConfig`.
pub(super) fn tools(members: &Named<'_>, request: &mut ChatRequest) -> Result<()> {
    let mut tools = Vec::new();
    for tool in list(members, "tools")? {
        let tool = Named::read(tool)
            .ok_or_else(|| Error::bad_field("tools", "`tools` must be a list of objects."))?;
        for declaration in list(&tool, "functionDeclarations")? {
            let declaration = Named::read(declaration).ok_or_else(|| {
                Error::bad_field("tools", "`functionDeclarations` must be a list of objects.")
            })?;
            tools.push(function(&declaration)?);
        }
        let searches = ["googleSearch", "googleSearchRetrieval", "enterpriseWebSearch"];
        if searches.iter().any(|name| tool.get(name).is_some()) {
            request.web_search_options = Some(raw("{}"));
        }
    }
    if let Some(config) = object(members, "toolConfig")?
        && let Some(calling) = object(&config, "functionCallingConfig")?
    {
        choice(&calling, &mut tools, request)?;
    }
    request.tools = (!tools.is_empty()).then_some(tools);
    Ok(())
}

fn function(declaration: &Named<'_>) -> Result<Tool> {
    let name = field::<String>(declaration, "name")?
        .ok_or_else(|| Error::bad_field("tools", "A function declaration has no `name`."))?;
    let json = declaration.get("parametersJsonSchema").map(raw);
    let parameters = json.or_else(|| declaration.get("parameters").map(|schema| raw(json_schema(schema))));
    let function = FunctionDef {
        name,
        description: declaration.text("description"),
        parameters,
        ..FunctionDef::default()
    };
    Ok(Tool { kind: "function".to_owned(), function: Some(function), ..Tool::default() })
}

/// Which functions are to be called. Where only some are allowed, only those are offered.
fn choice(calling: &Named<'_>, tools: &mut Vec<Tool>, request: &mut ChatRequest) -> Result<()> {
    let mode = calling.text("mode").unwrap_or_default();
    let allowed: Vec<String> = field(calling, "allowedFunctionNames")?.unwrap_or_default();
    request.tool_choice = match (mode.to_ascii_uppercase().as_str(), allowed.as_slice()) {
        ("NONE", _) => Some(ToolChoice::None),
        ("ANY", [one]) => Some(ToolChoice::Function(one.clone())),
        ("ANY", _) => Some(ToolChoice::Required),
        ("AUTO" | "VALIDATED", _) => Some(ToolChoice::Auto),
        _ => None,
    };
    if allowed.len() > 1 {
        tools.retain(|tool| tool.function.as_ref().is_none_or(|function| allowed.contains(&function.name)));
    }
    Ok(())
}

/// `generationConfig`.
pub(super) fn generation(members: &Named<'_>, request: &mut ChatRequest) -> Result<()> {
    let Some(config) = object(members, "generationConfig")? else { return Ok(()) };
    request.temperature = field(&config, "temperature")?;
    request.top_p = field(&config, "topP")?;
    request.top_k = field(&config, "topK")?;
    request.n = field(&config, "candidateCount")?;
    request.max_tokens = field(&config, "maxOutputTokens")?;
    let stop: Option<Vec<String>> = field(&config, "stopSequences")?;
    request.stop = stop.filter(|stop| !stop.is_empty()).map(Stop::Many);
    request.seed = field(&config, "seed")?;
    request.presence_penalty = field(&config, "presencePenalty")?;
    request.frequency_penalty = field(&config, "frequencyPenalty")?;
    request.logprobs = field(&config, "responseLogprobs")?;
    request.top_logprobs = field(&config, "logprobs")?;
    request.response_format = format(&config);
    if let Some(thinking) = object(&config, "thinkingConfig")? {
        request.reasoning_effort = effort(&thinking)?.map(|effort| to_raw(&effort));
    }
    let modalities: Vec<String> = field(&config, "responseModalities")?.unwrap_or_default();
    let modalities: Vec<String> = modalities.iter().map(|name| name.to_ascii_lowercase()).collect();
    if modalities.iter().any(|name| name != "text") {
        request.modalities = Some(to_raw(&modalities));
    }
    request.audio = voice(&config);
    Ok(())
}

/// A format by schema, or JSON of any form.
fn format(config: &Named<'_>) -> Option<Raw> {
    let json = config.get("responseJsonSchema").or_else(|| config.get("_responseJsonSchema"));
    let schema = json.map(Cow::Borrowed).or_else(|| config.get("responseSchema").map(json_schema));
    match (schema, config.text("responseMimeType").as_deref()) {
        (Some(schema), Some("application/json") | None) => {
            let mut named = Body::default().with("name", "response");
            named.raw("schema", schema);
            let mut format = Body::default().with("type", "json_schema");
            format.raw("json_schema", named.into_json());
            Some(format.into_raw())
        }
        (None, Some("application/json")) => Some(raw(r#"{"type":"json_object"}"#)),
        _ => None,
    }
}

/// How hard to think: by level, or by the budget's size. Without a budget of its own the model decides.
fn effort(thinking: &Named<'_>) -> Result<Option<String>> {
    if let Some(level) = thinking.text("thinkingLevel") {
        let level = level.to_ascii_lowercase();
        return Ok((level != "thinking_level_unspecified").then_some(level));
    }
    let budget: Option<i64> = field(thinking, "thinkingBudget")?;
    let word = match budget {
        Some(1..1024) => "minimal",
        Some(1024..2048) => "low",
        Some(2048..4096) => "medium",
        Some(4096..) => "high",
        _ => return Ok(None),
    };
    Ok(Some(word.to_owned()))
}

fn voice(config: &Named<'_>) -> Option<Raw> {
    let speech = config.object("speechConfig")?;
    let voice = speech.object("voiceConfig")?;
    let name = voice.object("prebuiltVoiceConfig")?.text("voiceName")?;
    Some(Body::default().with("voice", &name).with("format", "pcm16").into_raw())
}
