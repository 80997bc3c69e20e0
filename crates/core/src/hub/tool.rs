use lockgate_wire::view;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Raw;

view! {
    /// A tool that the model may call. Hosted tools of other APIs keep their type, their members in `extra`.
    #[derive(Clone, Debug, Default)]
    pub struct Tool {
        pub kind as "type": String,
        pub function: Option<FunctionDef>,
        pub cache_control: Option<Raw>,
    }
}

view! {
    /// A function's name, purpose and JSON schema.
    #[derive(Clone, Debug, Default)]
    pub struct FunctionDef {
        pub name: String,
        pub description: Option<String>,
        pub parameters: Option<Raw>,
        pub strict: Option<bool>,
        pub cache_control: Option<Raw>,
    }
}

view! {
    /// A call that the model made.
    #[derive(Clone, Debug, Default)]
    pub struct ToolCall {
        pub index: Option<u32>,
        pub id: Option<String>,
        pub kind as "type": Option<String>,
        pub function: Option<FunctionCall>,
        pub provider_specific_fields: Option<Raw>,
    }
}

view! {
    /// A function's name and its arguments as JSON text.
    #[derive(Clone, Debug, Default)]
    pub struct FunctionCall {
        pub name: Option<String>,
        pub arguments: Option<String>,
    }
}

/// Which tool the model must, may or must not call.
#[derive(Clone, Debug)]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// No call.
    None,
    /// At least one call (`required`, also spelt `any`).
    Required,
    /// This function.
    Function(String),
    /// Anything else, as it came.
    Other(Raw),
}

impl Serialize for ToolChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Named<'a> {
            r#type: &'static str,
            function: Name<'a>,
        }
        #[derive(Serialize)]
        struct Name<'a> {
            name: &'a str,
        }
        match self {
            Self::Auto => "auto".serialize(serializer),
            Self::None => "none".serialize(serializer),
            Self::Required => "required".serialize(serializer),
            Self::Function(name) => {
                Named { r#type: "function", function: Name { name } }.serialize(serializer)
            }
            Self::Other(raw) => raw.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ToolChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        view! {
            #[derive(Clone, Debug, Default)]
            struct Named {
                kind as "type": Option<String>,
                function: Option<FunctionCall>,
            }
        }
        let raw = Raw::deserialize(deserializer)?;
        if let Ok(mode) = serde_json::from_str::<String>(raw.get()) {
            return Ok(match mode.as_str() {
                "auto" => Self::Auto,
                "none" => Self::None,
                "required" | "any" => Self::Required,
                _ => Self::Other(raw),
            });
        }
        let named = serde_json::from_str::<Named>(raw.get()).unwrap_or_default();
        match (named.kind.as_deref(), named.function.and_then(|function| function.name)) {
            (Some("function") | None, Some(name)) => Ok(Self::Function(name)),
            _ => Ok(Self::Other(raw)),
        }
    }
}
