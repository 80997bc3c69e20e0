//! Stop 3: which surface and operation a path means.

use std::borrow::Cow;

use http::Method;
use lockgate_core::{Operation, Surface};

use crate::{control, trace::Inbound};

/// What a path and method mean.
pub(crate) enum Found {
    /// A call to a model.
    Model(Endpoint),
    /// The gateway's own endpoints.
    Control(control::Route),
    /// The path exists with these methods.
    WrongMethod(&'static str),
    /// No such path.
    Nothing,
}

/// A surface's operation, with the model if the path names it.
pub(crate) struct Endpoint {
    pub(crate) surface: &'static dyn Surface,
    pub(crate) operation: Operation,
    pub(crate) path_model: Option<String>,
    /// The usual path, for metrics.
    pub(crate) route: &'static str,
}

/// Endpoints of models: the usual path, the surface's id, the operation.
const ROUTES: &[(&str, &str, Operation)] = &[
    ("/v1/chat/completions", "openai", Operation::Chat),
    ("/v1/completions", "openai", Operation::Completion),
    ("/v1/embeddings", "openai", Operation::Embedding),
    ("/v1/moderations", "openai", Operation::Moderation),
    ("/v1/messages", "anthropic", Operation::Chat),
    ("/v1/messages/count_tokens", "anthropic", Operation::CountTokens),
];

/// What the aliases of a path share: the usual path without `/v1/`.
fn tail(route: &'static str) -> &'static str {
    route.strip_prefix("/v1/").unwrap_or(route)
}

/// Every path of a model endpoint, for `/routes` and the OpenAPI document.
pub(crate) fn model_paths() -> impl Iterator<Item = (String, Operation)> {
    ROUTES.iter().flat_map(|&(route, surface, operation)| {
        let tail = tail(route);
        let prefixes: &[&str] = match surface {
            "openai" if operation == Operation::Moderation => &["/v1/", "/"],
            "openai" => &["/v1/", "/", "/openai/v1/", "/engines/{model}/", "/openai/deployments/{model}/"],
            _ => &["/v1/", "/anthropic/v1/"],
        };
        prefixes.iter().map(move |prefix| (format!("{prefix}{tail}"), operation))
    })
}

/// Finds what the request means.
pub(crate) fn find(inbound: &Inbound) -> Found {
    let (path, method) = (inbound.path.trim_end_matches('/'), &inbound.parts.method);
    match endpoint(path) {
        Some(endpoint) if method == Method::POST => Found::Model(endpoint),
        Some(_) => Found::WrongMethod("POST"),
        None => control::find(method, path),
    }
}

/// The surface whose error format suits a path that was not found.
pub(crate) fn surface_of(path: &str) -> &'static dyn Surface {
    surface(if path.contains("/messages") || path.starts_with("/anthropic/") {
        "anthropic"
    } else {
        "openai"
    })
}

/// The surface of that id; the first one if this build lacks it.
pub(crate) fn surface(id: &str) -> &'static dyn Surface {
    let surfaces = lockgate_registry::surfaces();
    surfaces.iter().copied().find(|surface| surface.id() == id).unwrap_or(surfaces[0])
}

fn endpoint(path: &str) -> Option<Endpoint> {
    let (rest, model, anthropic_prefix) = split(path)?;
    let &(route, id, operation) = ROUTES.iter().find(|(route, id, _)| {
        tail(route) == rest
            && (*id == "openai" || model.is_none())
            && (*id == "anthropic" || !anthropic_prefix)
    })?;
    if id == "anthropic" && !path.contains("/v1/") {
        return None;
    }
    Some(Endpoint { surface: surface(id), operation, path_model: model.map(Cow::into_owned), route })
}

/// Takes the prefix off: the tail, the model in the path, and whether the prefix is Anthropic's.
fn split(path: &str) -> Option<(&str, Option<Cow<'_, str>>, bool)> {
    for prefix in ["/openai/deployments/", "/engines/"] {
        if let Some(rest) = path.strip_prefix(prefix) {
            let cuts =
                ROUTES.iter().filter_map(|(route, ..)| rest.strip_suffix(tail(route))?.strip_suffix('/'));
            let model = cuts.min_by_key(|model| model.len())?;
            return Some((&rest[model.len() + 1..], Some(decode(model)), false));
        }
    }
    if let Some(rest) = path.strip_prefix("/anthropic/v1/") {
        return Some((rest, None, true));
    }
    let rest = path
        .strip_prefix("/openai/v1/")
        .or_else(|| path.strip_prefix("/v1/"))
        .or_else(|| path.strip_prefix('/'))?;
    Some((rest, None, false))
}

/// Percent-decoding of a model name in a path.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str) -> Option<(&'static str, Operation, Option<String>)> {
        endpoint(path).map(|endpoint| (endpoint.surface.id(), endpoint.operation, endpoint.path_model))
    }

    #[test]
    fn every_alias_leads_to_its_operation() {
        for (path, operation) in model_paths() {
            let path = path.replace("{model}", "azure%2Fgpt-4o");
            let (_, found, model) = found(&path).unwrap_or_else(|| panic!("{path} leads nowhere"));
            assert_eq!(found, operation, "{path}");
            assert_eq!(model.is_some(), path.contains("gpt-4o"));
        }
        assert_eq!(found("/engines/a/b/chat/completions").unwrap().2.as_deref(), Some("a/b"));
    }

    #[test]
    fn other_paths_lead_nowhere() {
        for path in [
            "/messages",
            "/v2/messages",
            "/chat",
            "/anthropic/v1/chat/completions",
            "/engines/completions",
            "",
        ] {
            assert!(found(path).is_none(), "{path}");
        }
    }
}
