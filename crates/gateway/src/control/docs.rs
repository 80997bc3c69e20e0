//! The table of endpoints: as JSON, as an OpenAPI document, as a page.

use std::fmt::Write;

use lockgate_core::Result;
use serde_json::{Map, Value, json};

use super::{OWN, Own};
use crate::{headers, stack::Response, surface};

pub(super) fn routes() -> Result<Response> {
    let models = surface::model_paths()
        .map(|(path, operation)| json!({"path": path, "methods": ["POST"], "name": operation.name()}));
    let own = OWN.iter().map(|own| json!({"path": own.path, "methods": [own.method], "name": own.summary}));
    super::json(&json!({"routes": models.chain(own).collect::<Vec<_>>()}))
}

pub(super) fn openapi() -> Result<Response> {
    super::json(&document())
}

/// The OpenAPI 3.1 document.
fn document() -> Value {
    let mut paths = Map::new();
    for (path, operation) in surface::model_paths() {
        let what =
            if path.ends_with("messages") || path.ends_with("count_tokens") { "Anthropic" } else { "OpenAI" };
        let parameters = if path.contains("{model}") { json!([path_parameter("model")]) } else { json!([]) };
        paths.insert(
            path,
            json!({"post": {
                "tags": ["models"],
                "summary": format!("{operation}, in {what}'s format"),
                "parameters": parameters,
                "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object"}}}},
                "responses": responses(),
            }}),
        );
    }
    for own in OWN {
        paths.insert(own.path.to_owned(), own_operation(own));
    }
    paths.insert("/v1/models/{model}".to_owned(), json!({"get": {
        "tags": ["gateway"], "summary": "One model.", "parameters": [path_parameter("model")], "responses": responses(),
    }}));
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Lockgate", "version": headers::VERSION},
        "paths": paths,
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        "security": [{"key": []}],
    })
}

fn own_operation(own: &Own) -> Value {
    let mut operation = json!({"tags": ["gateway"], "summary": own.summary, "responses": responses()});
    if own.public {
        operation["security"] = json!([]);
    }
    if own.method == "POST" {
        operation["requestBody"] =
            json!({"required": true, "content": {"application/json": {"schema": {"type": "object"}}}});
    }
    json!({own.method.to_lowercase(): operation})
}

fn path_parameter(name: &str) -> Value {
    json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})
}

fn responses() -> Value {
    json!({"200": {"description": "The answer."}, "4XX": {"description": "The request is at fault."}, "5XX": {"description": "The gateway or the provider is at fault."}})
}

/// The page: one file, no script, no network.
pub(super) fn page() -> String {
    let mut page = String::from(concat!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        "<title>Lockgate</title><style>body{font:16px/1.5 system-ui;max-width:56rem;margin:2rem auto;padding:0 1rem;",
        "color:#1b2733}h1{margin-bottom:0}td{padding:.25rem .75rem .25rem 0;vertical-align:top}",
        "code{background:#eef2f5;padding:.1rem .3rem;border-radius:.2rem}@media(prefers-color-scheme:dark)",
        "{body{background:#12181f;color:#dde5ec}code{background:#243240}a{color:#8cc4ff}}</style>",
        "<h1>Lockgate</h1><p>One interface over many models. The same as a document: ",
        "<a href=/openapi.json>openapi.json</a>.</p><h2>Models</h2><table>",
    ));
    for (path, operation) in surface::model_paths() {
        row(&mut page, "POST", &path, operation.name());
    }
    page.push_str("</table><h2>Gateway</h2><table>");
    for own in OWN {
        row(&mut page, own.method, own.path, own.summary);
    }
    page.push_str("</table></html>");
    page
}

fn row(page: &mut String, method: &str, path: &str, what: &str) {
    // Writing to a string cannot fail.
    let _ = write!(page, "<tr><td>{method}<td><code>{path}</code><td>{what}");
}
