//! `response_format`: answers in JSON.

use lockgate_core::{Error, Raw, Result, wire::view};

use crate::{
    model::Model,
    schema::fit,
    wire::{raw, to_raw},
};

/// Name of the tool whose arguments are the answer, for models that cannot be held to a schema otherwise.
pub(crate) const JSON_TOOL: &str = "json_tool_call";

/// Asks for JSON where there is no schema: a forced tool without a schema would answer `{}`.
pub(crate) const JSON_PLEASE: &str =
    "Answer with one valid JSON object and nothing else: no text around it and no code fence.";

/// How the answer is held to JSON.
#[derive(Debug)]
pub(crate) enum JsonMode {
    /// By the `output_format` member with this value.
    Native(Raw),
    /// By a forced tool with this declaration.
    Tool(Raw),
    /// By a word in the system prompt.
    Asked,
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Given {
        kind as "type": Option<String>,
        json_schema: Option<Schema>,
        response_schema: Option<Raw>,
        schema: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Schema {
        schema: Option<Raw>,
    }
}

/// What the client's `response_format` asks for.
pub(crate) fn json_mode(given: Option<&Raw>, model: &Model<'_>) -> Result<Option<JsonMode>> {
    let Some(given) = given else { return Ok(None) };
    let malformed =
        || Error::bad_field("response_format", "`response_format` must be an object with a `type`.");
    let format: Given = serde_json::from_str(given.get()).map_err(|_| malformed())?;
    let schema =
        format.json_schema.and_then(|named| named.schema).or(format.response_schema).or(format.schema);
    match (format.kind.as_deref(), schema) {
        (Some("json_schema" | "json_object"), Some(schema)) => Ok(Some(hold_to(&schema, model))),
        (Some("json_object"), None) => Ok(Some(JsonMode::Asked)),
        (Some("json_schema"), None) => Err(Error::bad_field(
            "response_format",
            "`response_format` of the type `json_schema` needs `json_schema.schema`.",
        )),
        (Some("text"), _) => Ok(None),
        _ => Err(malformed()),
    }
}

fn hold_to(schema: &Raw, model: &Model<'_>) -> JsonMode {
    if let Some(schema) = model.writes_schemas().then(|| fit(schema)).flatten() {
        return JsonMode::Native(raw(format!(r#"{{"type":"json_schema","schema":{}}}"#, schema.get())));
    }
    let name = to_raw(JSON_TOOL);
    JsonMode::Tool(raw(format!(r#"{{"name":{},"input_schema":{}}}"#, name.get(), schema.get())))
}
