//! What a request says beside its conversation.

use lockgate_core::{
    Call, Error, Extra, Raw, Result,
    hub::{ChatRequest, FunctionDef, Stop, Tool, ToolChoice},
    json::{raw, read, to_raw},
    wire::view,
};
use serde_json::Number;

use super::history::{BlockView, cache_control};

/// Members that only Bedrock's own API understands.
const ITS_OWN: [&str; 5] = [
    "additionalModelResponseFieldPaths",
    "guardrailConfig",
    "performanceConfig",
    "promptVariables",
    "requestMetadata",
];

view! {
    /// A request.
    #[derive(Clone, Debug, Default)]
    pub(super) struct Given {
        pub(super) messages: Vec<TurnView>,
        pub(super) system: Option<Vec<BlockView>>,
        inference as "inferenceConfig": Option<InferenceView>,
        tools as "toolConfig": Option<ToolConfigView>,
        output as "outputConfig": Option<OutputView>,
        additional as "additionalModelRequestFields": Option<Raw>,
        tier as "serviceTier": Option<TierView>,
    }
}

view! {
    /// One message.
    #[derive(Clone, Debug, Default)]
    pub(super) struct TurnView {
        pub(super) role: String,
        pub(super) content: Vec<BlockView>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct InferenceView {
        max_tokens as "maxTokens": Option<u64>,
        temperature: Option<Number>,
        top_p as "topP": Option<Number>,
        stop as "stopSequences": Option<Vec<String>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct ToolConfigView {
        tools: Vec<ToolView>,
        choice as "toolChoice": Option<ChoiceView>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct ToolView {
        spec as "toolSpec": Option<SpecView>,
        mark as "cachePoint": Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct SpecView {
        name: String,
        description: Option<String>,
        schema as "inputSchema": Option<SchemaView>,
        strict: Option<bool>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct SchemaView {
        json: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct ChoiceView {
        auto: Option<Raw>,
        any: Option<Raw>,
        tool: Option<NamedView>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct NamedView {
        name: String,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct TierView {
        kind as "type": Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct OutputView {
        format as "textFormat": Option<FormatView>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct FormatView {
        structure: Option<StructureView>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct StructureView {
        schema as "jsonSchema": Option<JsonSchemaView>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct JsonSchemaView {
        name: Option<String>,
        schema: Option<String>,
    }
}

impl Given {
    pub(super) fn of(call: &Call) -> Result<Self> {
        serde_json::from_slice(call.body.source())
            .map_err(|why| Error::bad_request(format!("The request is not one of the Converse API: {why}")))
    }
}

/// Members that are left out where the upstream is not Bedrock.
pub(super) fn untranslated(call: &Call) -> Vec<String> {
    ITS_OWN.iter().filter(|name| call.body.contains(name)).map(|name| (*name).to_owned()).collect()
}

/// Puts all but the conversation into the hub's request.
pub(super) fn apply(given: Given, request: &mut ChatRequest) -> Result<()> {
    let inference = given.inference.unwrap_or_default();
    request.max_tokens = inference.max_tokens;
    request.temperature = inference.temperature;
    request.top_p = inference.top_p;
    request.stop = inference.stop.filter(|stop| !stop.is_empty()).map(Stop::Many);
    request.service_tier = given.tier.and_then(|tier| tier.kind);
    if let Some(config) = given.tools {
        tools(config, request)?;
    }
    let format = given.output.and_then(|output| output.format?.structure?.schema);
    if let Some(JsonSchemaView { name, schema: Some(schema), .. }) = format {
        let unreadable = |_| Error::bad_field("outputConfig", "The schema in `outputConfig` is no JSON.");
        let schema: Raw = serde_json::from_str(&schema).map_err(unreadable)?;
        let name = to_raw(name.as_deref().unwrap_or("answer"));
        request.response_format = Some(raw(format!(
            r#"{{"type":"json_schema","json_schema":{{"name":{},"schema":{}}}}}"#,
            name.get(),
            schema.get()
        )));
    }
    let fields: Extra = given.additional.as_deref().and_then(read).unwrap_or_default();
    for (name, value) in fields.iter() {
        match name {
            "thinking" => request.thinking = Some(value.to_owned()),
            "reasoning_effort" => request.reasoning_effort = Some(value.to_owned()),
            "top_k" => request.top_k = read(value),
            "inferenceConfig" => request.top_k = read::<Extra>(value).and_then(|own| read(own.get("topK")?)),
            _ => request.extra.push(name, value.to_owned()),
        }
    }
    Ok(())
}

fn tools(config: ToolConfigView, request: &mut ChatRequest) -> Result<()> {
    let mut tools: Vec<Tool> = Vec::new();
    for tool in config.tools {
        match (tool.spec, tool.mark) {
            (Some(spec), _) => tools.push(Tool {
                kind: "function".to_owned(),
                function: Some(FunctionDef {
                    name: spec.name,
                    description: spec.description,
                    parameters: spec.schema.and_then(|schema| schema.json),
                    strict: spec.strict,
                    ..FunctionDef::default()
                }),
                ..Tool::default()
            }),
            (None, Some(mark)) => {
                if let Some(last) = tools.last_mut() {
                    last.cache_control = Some(cache_control(&mark));
                }
            }
            (None, None) => {
                let message = "A tool in `toolConfig` is neither a `toolSpec` nor a `cachePoint`.";
                return Err(Error::bad_field("toolConfig", message));
            }
        }
    }
    request.tools = Some(tools).filter(|tools| !tools.is_empty());
    request.tool_choice = config.choice.and_then(|choice| match choice {
        ChoiceView { tool: Some(tool), .. } => Some(ToolChoice::Function(tool.name)),
        ChoiceView { any: Some(_), .. } => Some(ToolChoice::Required),
        ChoiceView { auto: Some(_), .. } => Some(ToolChoice::Auto),
        _ => None,
    });
    Ok(())
}
