//! Messages and their parts, tools and schemas, in one line each.

use base64::{Engine, engine::general_purpose::STANDARD};
use lockgate_core::hub::{Content, File, FunctionDef, ImageObject, ImageUrl, Message, Part, Tool};
use serde_json::Value;

/// What the model is to be.
pub fn system(text: impl Into<String>) -> Message {
    of("system", text)
}

/// What the user says.
pub fn user(text: impl Into<String>) -> Message {
    of("user", text)
}

/// What the user says and shows.
pub fn user_parts(parts: impl IntoIterator<Item = Part>) -> Message {
    let content = Content::Parts(parts.into_iter().collect());
    Message { role: "user".to_owned(), content: Some(content), ..Message::default() }
}

/// What the model said before.
pub fn assistant(text: impl Into<String>) -> Message {
    of("assistant", text)
}

/// What came of a tool call, by its id.
pub fn tool_result(id: impl Into<String>, text: impl Into<String>) -> Message {
    Message { tool_call_id: Some(id.into()), ..of("tool", text) }
}

/// A text, as a part.
pub fn text(text: impl Into<String>) -> Part {
    Part::text(text)
}

/// An image by its URL, which may be a `data:` URL.
pub fn image(url: impl Into<String>) -> Part {
    Part { kind: "image_url".to_owned(), image_url: Some(ImageUrl::new(url)), ..Part::default() }
}

/// An image by its URL, looked at with this `detail`: `low`, `high` or `auto`.
pub fn image_detail(url: impl Into<String>, detail: impl Into<String>) -> Part {
    let object = ImageObject { url: url.into(), detail: Some(detail.into()), ..ImageObject::default() };
    let image_url = Some(ImageUrl { object, bare: false });
    Part { kind: "image_url".to_owned(), image_url, ..Part::default() }
}

/// An image by its bytes; `mime` is its type, such as `image/png`.
pub fn image_bytes(mime: &str, bytes: &[u8]) -> Part {
    image(data_url(mime, bytes))
}

/// A document by its bytes; `mime` is its type, such as `application/pdf`.
pub fn file_bytes(name: impl Into<String>, mime: &str, bytes: &[u8]) -> Part {
    let file =
        File { filename: Some(name.into()), file_data: Some(data_url(mime, bytes)), ..File::default() };
    Part { kind: "file".to_owned(), file: Some(file), ..Part::default() }
}

/// A function that the model may call. `parameters` is the JSON schema of its arguments.
pub fn tool(name: impl Into<String>, description: impl Into<String>, parameters: Value) -> Tool {
    let function = FunctionDef {
        name: name.into(),
        description: Some(description.into()),
        parameters: serde_json::value::to_raw_value(&parameters).ok(),
        ..FunctionDef::default()
    };
    Tool { kind: "function".to_owned(), function: Some(function), ..Tool::default() }
}

fn of(role: &str, text: impl Into<String>) -> Message {
    Message { role: role.to_owned(), content: Some(Content::Text(text.into())), ..Message::default() }
}

fn data_url(mime: &str, bytes: &[u8]) -> String {
    format!("data:{mime};base64,{}", STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helpers_write_what_the_api_wants() {
        let message = user_parts([text("What is this?"), image_bytes("image/png", b"\x89PNG")]);
        assert_eq!(
            serde_json::to_string(&message).unwrap(),
            r#"{"role":"user","content":[{"type":"text","text":"What is this?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw=="}}]}"#
        );
        assert_eq!(
            serde_json::to_string(&tool("f", "Does it", serde_json::json!({"type": "object"}))).unwrap(),
            r#"{"type":"function","function":{"name":"f","description":"Does it","parameters":{"type":"object"}}}"#
        );
        assert_eq!(
            serde_json::to_string(&tool_result("call_1", "18 °C")).unwrap(),
            r#"{"role":"tool","content":"18 °C","tool_call_id":"call_1"}"#
        );
    }
}
