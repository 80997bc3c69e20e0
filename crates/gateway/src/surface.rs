//! Stop 3: which surface and operation a path means.
//!
//! The surfaces say which paths are theirs; here is one look-up over all of them, built once.

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use http::{HeaderMap, Method};
use lockgate_core::{
    Operation, Surface,
    surface::{Asked, Endpoint},
};

use crate::{control, trace::Inbound};

/// What a path and method mean.
pub(crate) enum Found {
    /// A call to a model.
    Model(Matched),
    /// The list of models, or one of them, as the surface shows it.
    Models(Matched),
    /// The gateway's own endpoints.
    Control(control::Route),
    /// The path exists with these methods.
    WrongMethod(&'static str),
    /// No such path.
    Nothing,
}

/// A surface's endpoint, with the model if the path names it.
pub(crate) struct Matched {
    pub(crate) surface: &'static dyn Surface,
    pub(crate) endpoint: &'static Endpoint,
    pub(crate) model: Option<String>,
}

impl Matched {
    /// What the surface is told, with the request's query.
    pub(crate) fn asked<'a>(&'a self, query: Option<&'a str>) -> Asked<'a> {
        let Endpoint { operation, path, stream, .. } = *self.endpoint;
        Asked { operation, path, model: self.model.as_deref(), stream, query }
    }
}

/// Every path of a surface's endpoint, for `/routes` and the OpenAPI document.
pub(crate) fn paths() -> impl Iterator<Item = (&'static str, &'static Endpoint, &'static dyn Surface)> {
    let surfaces = lockgate_registry::surfaces().iter().copied();
    let endpoints = surfaces.flat_map(|surface| surface.endpoints().iter().map(move |one| (one, surface)));
    endpoints.flat_map(|(endpoint, surface)| endpoint.paths().map(move |path| (path, endpoint, surface)))
}

/// Finds what the request means.
pub(crate) fn find(inbound: &Inbound) -> Found {
    let (path, method) = (inbound.path.trim_end_matches('/'), &inbound.parts.method);
    match TABLE.find(path, method, &inbound.parts.headers) {
        Some(matched) if !answers(matched.endpoint, method) => match control::find(method, path) {
            Found::Nothing | Found::WrongMethod(_) => Found::WrongMethod(name(&matched.endpoint.method)),
            own => own,
        },
        Some(matched) if matched.endpoint.operation == Operation::Models => Found::Models(matched),
        Some(matched) => Found::Model(matched),
        None => control::find(method, path),
    }
}

/// The surface whose error format suits a path that was not found: the one with the most of the path in common.
pub(crate) fn surface_of(path: &str) -> &'static dyn Surface {
    let mut best = (0, lockgate_registry::surfaces()[0]);
    for (own, _, surface) in paths() {
        let shared = own.split('/').skip(1).zip(path.split('/').skip(1));
        let shared = shared.take_while(|(own, asked)| own == asked).count();
        if shared > best.0 {
            best = (shared, surface);
        }
    }
    best.1
}

/// The surface of that id; the first one if this build lacks it.
pub(crate) fn surface(id: &str) -> &'static dyn Surface {
    let surfaces = lockgate_registry::surfaces();
    surfaces.iter().copied().find(|surface| surface.id() == id).unwrap_or(surfaces[0])
}

/// Percent-decoding of a model name in a path.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy()
}

static TABLE: LazyLock<Table> = LazyLock::new(Table::new);

/// All surfaces' paths. Those without a model in them are found at once; the few others are tried in turn.
struct Table {
    exact: HashMap<&'static str, Vec<Entry>>,
    patterns: Vec<(Pattern, Entry)>,
}

type Entry = (&'static dyn Surface, &'static Endpoint);

/// A path with a model in it.
struct Pattern {
    before: &'static str,
    after: &'static str,
}

impl Pattern {
    /// The model that the path names.
    fn model<'a>(&self, path: &'a str) -> Option<&'a str> {
        let model = path.strip_prefix(self.before)?.strip_suffix(self.after)?;
        (!model.is_empty()).then_some(model)
    }
}

impl Table {
    fn new() -> Self {
        let mut table = Self { exact: HashMap::new(), patterns: Vec::new() };
        for (path, endpoint, surface) in paths() {
            match path.split_once("{model}") {
                Some((before, after)) => {
                    table.patterns.push((Pattern { before, after }, (surface, endpoint)));
                }
                None => table.exact.entry(path).or_default().push((surface, endpoint)),
            }
        }
        table
    }

    /// The endpoint of that path, preferably with that method. Of several patterns the one that says most of the
    /// path wins, and an endpoint whose header is there.
    fn find(&self, path: &str, method: &Method, headers: &HeaderMap) -> Option<Matched> {
        let rank = |endpoint: &Endpoint| (!answers(endpoint, method), endpoint.header.is_none());
        let open = |endpoint: &Endpoint| endpoint.header.is_none_or(|name| headers.contains_key(name));
        if let Some(entries) = self.exact.get(path) {
            let entries = entries.iter().filter(|(_, endpoint)| open(endpoint));
            let &(surface, endpoint) = entries.min_by_key(|(_, endpoint)| rank(endpoint))?;
            return Some(Matched { surface, endpoint, model: None });
        }
        let patterns = self.patterns.iter().filter(|(_, (_, endpoint))| open(endpoint));
        let matching = patterns.filter_map(|(pattern, entry)| Some((pattern.model(path)?, entry)));
        let (model, &(surface, endpoint)) = matching.min_by_key(|(model, (_, endpoint))| {
            let (other_method, without_header) = rank(endpoint);
            (other_method, model.len(), without_header)
        })?;
        Some(Matched { surface, endpoint, model: Some(decode(model).into_owned()) })
    }
}

/// Whether the endpoint takes the method; `HEAD` is a `GET` whose body is not wanted.
fn answers(endpoint: &Endpoint, method: &Method) -> bool {
    endpoint.method == *method || (endpoint.method == Method::GET && *method == Method::HEAD)
}

fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::DELETE => "DELETE",
        _ => "POST",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use http::HeaderValue;

    use super::*;

    fn found(path: &str) -> Option<(&'static str, Operation, Option<String>)> {
        let matched = TABLE.find(path, &Method::POST, &HeaderMap::new())?;
        let endpoint = matched.endpoint;
        (endpoint.method == Method::POST).then(|| (matched.surface.id(), endpoint.operation, matched.model))
    }

    #[test]
    fn every_path_leads_to_its_own_endpoint() {
        for (path, endpoint, surface) in paths() {
            let asked = path.replace("{model}", "azure%2Fgpt-4o");
            let mut headers = HeaderMap::new();
            if let Some(name) = endpoint.header {
                headers.insert(name, HeaderValue::from_static("x"));
            }
            let found = TABLE.find(&asked, &endpoint.method, &headers);
            let found = found.unwrap_or_else(|| panic!("{path} leads nowhere"));
            assert_eq!(found.surface.id(), surface.id(), "{path}");
            assert!(std::ptr::eq(found.endpoint, endpoint), "{path} leads to {}", found.endpoint.path);
            assert_eq!(found.model.as_deref(), path.contains("{model}").then_some("azure/gpt-4o"));
        }
    }

    #[test]
    fn no_two_endpoints_share_a_path() {
        let mut seen = BTreeSet::new();
        for (path, endpoint, _) in paths() {
            assert!(path.starts_with('/') && path.matches('{').count() <= 1, "{path}");
            assert!(seen.insert((path, endpoint.method.as_str(), endpoint.header)), "{path} is there twice");
        }
    }

    #[test]
    fn models_in_paths_may_contain_slashes() {
        assert_eq!(found("/engines/a/b/chat/completions").unwrap().2.as_deref(), Some("a/b"));
        let (_, operation, model) = found("/openai/deployments/chat/completions/completions").unwrap();
        assert_eq!((operation, model.as_deref()), (Operation::Completion, Some("chat/completions")));
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

    #[test]
    fn errors_about_unknown_paths_are_told_in_the_nearest_format() {
        for (path, surface) in [
            ("/v1/messages/batches", "anthropic"),
            ("/anthropic/v1/files", "anthropic"),
            ("/v1/chat/completionz", "openai"),
            ("/v1/models", "openai"),
            ("/v1/what", "openai"),
            ("/v1beta/files", "gemini"),
            ("/v1beta/models/x:what", "gemini"),
            ("/nothing", "openai"),
        ] {
            assert_eq!(surface_of(path).id(), surface, "{path}");
        }
    }
}
