//! The table of endpoints: as JSON, as an OpenAPI document, as a page.

use std::fmt::Write;

use http::Method;
use lockgate_core::Result;
use serde_json::{Map, Value, json};

use super::{OWN, Own};
use crate::{headers, responses, stack::Response, surface};

pub(super) fn routes() -> Result<Response> {
    let models = surface::paths().map(|(path, endpoint, _)| {
        json!({"path": path, "methods": [endpoint.method.as_str()], "name": endpoint.operation.name()})
    });
    let own = OWN.iter().map(|own| json!({"path": own.path, "methods": [own.method], "name": own.summary}));
    let kept = responses::PATHS
        .iter()
        .map(|(method, path, what)| json!({"path": path, "methods": [method], "name": what}));
    super::json(&json!({"routes": models.chain(kept).chain(own).collect::<Vec<_>>()}))
}

pub(super) fn openapi() -> Result<Response> {
    super::json(&document())
}

/// The OpenAPI 3.1 document.
fn document() -> Value {
    let mut paths = Map::new();
    for (path, endpoint, surface) in surface::paths() {
        let mut operation = json!({
            "tags": ["models"],
            "summary": format!("{}, in the format `{}`", endpoint.operation, surface.format(endpoint.operation)),
            "responses": responses(),
        });
        if path.contains("{model}") {
            operation["parameters"] = json!([path_parameter("model")]);
        }
        if endpoint.method == Method::POST {
            operation["requestBody"] = request_body();
        }
        paths.entry(path).or_insert_with(|| json!({}))[endpoint.method.as_str().to_lowercase()] = operation;
    }
    for own in OWN {
        paths.insert(own.path.to_owned(), own_operation(own));
    }
    for (method, path, summary) in responses::PATHS {
        let operation = json!({
            "tags": ["models"], "summary": summary, "parameters": [path_parameter("id")], "responses": self::responses(),
        });
        paths.entry(path).or_insert_with(|| json!({}))[method.to_lowercase()] = operation;
    }
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
        operation["requestBody"] = request_body();
    }
    json!({own.method.to_lowercase(): operation})
}

fn request_body() -> Value {
    json!({"required": true, "content": {"application/json": {"schema": {"type": "object"}}}})
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
    for (path, endpoint, _) in surface::paths() {
        row(&mut page, endpoint.method.as_str(), path, endpoint.operation.name());
    }
    for (method, path, what) in responses::PATHS {
        row(&mut page, method, path, what);
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
