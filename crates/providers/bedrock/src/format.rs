//! `response_format`: answers in JSON.

use lockgate_anthropic::claude::fit_schema;
use lockgate_core::{
    Error, Raw, Result,
    json::{raw, read, to_raw},
    wire::view,
};
use serde_json::value::RawValue;

use crate::request::Abilities;

/// Name of the tool whose arguments are the answer, for models that cannot be held to a schema otherwise.
pub(crate) const JSON_TOOL: &str = "json_tool_call";

/// Asks for JSON where there is no schema: a forced tool without a schema would answer `{}`.
pub(crate) const JSON_PLEASE: &str =
    "Answer with one valid JSON object and nothing else: no text around it and no code fence.";

/// How the answer is held to JSON.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// By `outputConfig` with this value.
    Native(Raw),
    /// By a tool with this schema.
    Tool(Raw),
    /// By a word in the system prompt.
    Asked,
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Given {
        kind as "type": Option<String>,
        json_schema: Option<Named>,
        response_schema: Option<Raw>,
        schema: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Named {
        name: Option<String>,
        description: Option<String>,
        schema: Option<Raw>,
    }
}

/// What the client's `response_format` asks for.
pub(crate) fn wanted(given: Option<&RawValue>, abilities: &Abilities) -> Result<Option<Wanted>> {
    let Some(given) = given else { return Ok(None) };
    let malformed =
        || Error::bad_field("response_format", "`response_format` must be an object with a `type`.");
    let format: Given = read(given).ok_or_else(malformed)?;
    let named = format.json_schema.unwrap_or_default();
    let schema = named.schema.or(format.response_schema).or(format.schema);
    match (format.kind.as_deref(), schema) {
        (Some("json_schema" | "json_object"), Some(schema)) => {
            let fitted = abilities.writes_schemas.then(|| fit_schema(&schema)).flatten();
            Ok(Some(match fitted {
                Some(fitted) => Wanted::Native(native(&fitted, named.name, named.description)),
                None => Wanted::Tool(schema),
            }))
        }
        (Some("json_object"), None) => Ok(Some(Wanted::Asked)),
        (Some("json_schema"), None) => Err(Error::bad_field(
            "response_format",
            "`response_format` of the type `json_schema` needs `json_schema.schema`.",
        )),
        (Some("text"), _) => Ok(None),
        _ => Err(malformed()),
    }
}

/// Bedrock takes the schema as a text.
fn native(schema: &RawValue, name: Option<String>, description: Option<String>) -> Raw {
    let mut members = format!(r#""schema":{}"#, to_raw(schema.get()).get());
    for (key, value) in [("name", name), ("description", description)] {
        if let Some(value) = value {
            members.push_str(&format!(r#","{key}":{}"#, to_raw(&value).get()));
        }
    }
    raw(format!(r#"{{"textFormat":{{"type":"json_schema","structure":{{"jsonSchema":{{{members}}}}}}}}}"#))
}
