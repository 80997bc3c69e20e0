//! JSON of the Messages API: what goes out as writers, what comes in as views.

pub(crate) use lockgate_core::json::{raw, to_raw};
use std::borrow::Cow;

use lockgate_core::{Error, Raw, Result, wire::view};
use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap, SerializeSeq},
};
use serde_json::value::RawValue;

/// A JSON object that is written member by member. Keys come out in the order in which they were first set.
#[derive(Default)]
pub(crate) struct Body(Vec<(Cow<'static, str>, Vec<u8>)>);

impl Body {
    pub(crate) fn set<T: Serialize + ?Sized>(
        &mut self,
        key: impl Into<Cow<'static, str>>,
        value: &T,
    ) -> Result<()> {
        let json = serde_json::to_vec(value).map_err(|error| {
            Error::internal(format!("A member of the request cannot be written: {error}"))
        })?;
        self.put(key.into(), json);
        Ok(())
    }

    /// `json` must be valid JSON text.
    pub(crate) fn set_raw(&mut self, key: impl Into<Cow<'static, str>>, json: &str) {
        self.put(key.into(), json.as_bytes().to_vec());
    }

    pub(crate) fn set_some<T: Serialize>(&mut self, key: &'static str, value: Option<&T>) -> Result<()> {
        value.map_or(Ok(()), |value| self.set(key, value))
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(own, _)| own == key)
    }

    pub(crate) fn remove(&mut self, key: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|(own, _)| own != key);
        self.0.len() < before
    }

    pub(crate) fn keep(&mut self, keys: &[&str]) {
        self.0.retain(|(own, _)| keys.contains(&own.as_ref()));
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let size: usize = self.0.iter().map(|(key, json)| key.len() + json.len() + 6).sum();
        let mut out = Vec::with_capacity(size + 2);
        for (key, json) in self.0 {
            out.push(if out.is_empty() { b'{' } else { b',' });
            out.extend_from_slice(lockgate_core::wire::quote(&key).as_bytes());
            out.push(b':');
            out.extend_from_slice(&json);
        }
        if out.is_empty() {
            out.push(b'{');
        }
        out.push(b'}');
        out
    }

    pub(crate) fn into_raw(self) -> Raw {
        raw(String::from_utf8(self.into_bytes()).unwrap_or_default())
    }

    fn put(&mut self, key: Cow<'static, str>, json: Vec<u8>) {
        match self.0.iter_mut().find(|(own, _)| *own == key) {
            Some((_, old)) => *old = json,
            None => self.0.push((key, json)),
        }
    }
}

/// One message of the conversation: `user` or `assistant`.
pub(crate) struct Turn<'a> {
    pub(crate) role: &'static str,
    pub(crate) content: Vec<Block<'a>>,
}

impl Serialize for Turn<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("role", self.role)?;
        map.serialize_entry("content", &self.content)?;
        map.end()
    }
}

/// A content block on its way out.
#[derive(Debug)]
pub(crate) enum Block<'a> {
    Text {
        text: Cow<'a, str>,
        cache_control: Option<&'a RawValue>,
    },
    /// `image` or `document`.
    Media {
        kind: &'static str,
        source: Source<'a>,
        cache_control: Option<&'a RawValue>,
    },
    Upload {
        file_id: &'a str,
        cache_control: Option<&'a RawValue>,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: Cow<'a, str>,
        input: Cow<'a, RawValue>,
        cache_control: Option<&'a RawValue>,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        content: ResultContent<'a>,
        cache_control: Option<&'a RawValue>,
    },
    /// A block in the provider's own words.
    Raw(Cow<'a, RawValue>),
}

/// Where an image or a document is.
#[derive(Debug)]
pub(crate) enum Source<'a> {
    Base64 {
        media_type: Cow<'a, str>,
        data: Cow<'a, str>,
    },
    Url(&'a str),
    File(&'a str),
    /// A document as plain text.
    Text(String),
}

/// What a tool gave.
#[derive(Debug)]
pub(crate) enum ResultContent<'a> {
    Text(Cow<'a, str>),
    Blocks(Vec<Block<'a>>),
}

impl Serialize for Block<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Self::Raw(raw) = self {
            return raw.serialize(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        let cache = match self {
            Self::Text { text, cache_control } => {
                map.serialize_entry("type", "text")?;
                map.serialize_entry("text", text)?;
                cache_control
            }
            Self::Media { kind, source, cache_control } => {
                map.serialize_entry("type", kind)?;
                map.serialize_entry("source", source)?;
                cache_control
            }
            Self::Upload { file_id, cache_control } => {
                map.serialize_entry("type", "container_upload")?;
                map.serialize_entry("file_id", file_id)?;
                cache_control
            }
            Self::ToolUse { id, name, input, cache_control } => {
                map.serialize_entry("type", "tool_use")?;
                map.serialize_entry("id", id)?;
                map.serialize_entry("name", name)?;
                map.serialize_entry("input", input)?;
                cache_control
            }
            Self::ToolResult { tool_use_id, content, cache_control } => {
                map.serialize_entry("type", "tool_result")?;
                map.serialize_entry("tool_use_id", tool_use_id)?;
                map.serialize_entry("content", content)?;
                cache_control
            }
            Self::Raw(_) => return Err(S::Error::custom("a raw block is written whole")),
        };
        if let Some(cache) = cache {
            map.serialize_entry("cache_control", cache)?;
        }
        map.end()
    }
}

impl Serialize for Source<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Base64 { media_type, data } => {
                map.serialize_entry("type", "base64")?;
                map.serialize_entry("media_type", media_type)?;
                map.serialize_entry("data", data)?;
            }
            Self::Url(url) => {
                map.serialize_entry("type", "url")?;
                map.serialize_entry("url", url)?;
            }
            Self::File(file_id) => {
                map.serialize_entry("type", "file")?;
                map.serialize_entry("file_id", file_id)?;
            }
            Self::Text(data) => {
                map.serialize_entry("type", "text")?;
                map.serialize_entry("media_type", "text/plain")?;
                map.serialize_entry("data", data)?;
            }
        }
        map.end()
    }
}

impl Serialize for ResultContent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Blocks(blocks) => {
                let mut seq = serializer.serialize_seq(Some(blocks.len()))?;
                for block in blocks {
                    seq.serialize_element(block)?;
                }
                seq.end()
            }
        }
    }
}

view! {
    /// A whole answer.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct MessageView {
        pub(crate) id: Option<String>,
        pub(crate) kind as "type": Option<String>,
        pub(crate) role: Option<String>,
        pub(crate) model: Option<String>,
        pub(crate) content: Option<Vec<Raw>>,
        pub(crate) stop_reason: Option<String>,
        pub(crate) stop_sequence: Option<String>,
        pub(crate) usage: Option<UsageView>,
    }
}

view! {
    /// A content block, of a request or an answer.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct BlockView {
        pub(crate) kind as "type": String,
        pub(crate) text: Option<String>,
        pub(crate) thinking: Option<String>,
        pub(crate) signature: Option<String>,
        pub(crate) id: Option<String>,
        pub(crate) name: Option<String>,
        pub(crate) input: Option<Raw>,
        pub(crate) citations: Option<Raw>,
        pub(crate) source: Option<Raw>,
        pub(crate) tool_use_id: Option<String>,
        pub(crate) content: Option<Raw>,
        pub(crate) is_error: Option<bool>,
        pub(crate) title: Option<String>,
        pub(crate) cache_control: Option<Raw>,
    }
}

view! {
    /// Consumption as Anthropic counts it: `input_tokens` are without cached ones.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct UsageView {
        pub(crate) input_tokens: Option<u64>,
        pub(crate) output_tokens: Option<u64>,
        pub(crate) cache_creation_input_tokens: Option<u64>,
        pub(crate) cache_read_input_tokens: Option<u64>,
        pub(crate) cache_creation: Option<CacheCreationView>,
        pub(crate) output_tokens_details: Option<OutputDetailsView>,
        pub(crate) server_tool_use: Option<ServerToolUseView>,
        pub(crate) service_tier: Option<String>,
    }
}

view! {
    /// Tokens written to the cache, by lifetime.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct CacheCreationView {
        pub(crate) ephemeral_5m_input_tokens: Option<u64>,
        pub(crate) ephemeral_1h_input_tokens: Option<u64>,
    }
}

view! {
    /// Details of the completion's tokens.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct OutputDetailsView {
        pub(crate) thinking_tokens: Option<u64>,
    }
}

view! {
    /// Calls of hosted tools.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct ServerToolUseView {
        pub(crate) web_search_requests: Option<u64>,
    }
}

view! {
    /// The error envelope.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct ErrorEnvelope {
        pub(crate) kind as "type": Option<String>,
        pub(crate) error: Option<Raw>,
        pub(crate) request_id: Option<String>,
    }
}

view! {
    /// What is in the envelope.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct ErrorBody {
        pub(crate) kind as "type": Option<String>,
        pub(crate) message: Option<String>,
    }
}
