//! Where deployments and Foundry's models are.

use http::Uri;
use lockgate_core::{Attempt, Error, Format, Result, Target, uri::escaped};
use lockgate_openai::{
    COMPLETION, EMBEDDING, IMAGE, IMAGE_EDIT, MODERATION, OCR, RERANK, RESPONSES, SPEECH, TRANSCRIPTION,
    TRANSLATION,
};

use crate::credentials::Place;

/// The version of the API for operators who name none.
const VERSION: &str = "2025-02-01-preview";
/// The same for Foundry's own hosts, which demand one.
const FOUNDRY_VERSION: &str = "2024-05-01-preview";
/// Names for the API at `/openai/v1`, which has no versions any more.
const UNVERSIONED: [&str; 3] = ["v1", "latest", "preview"];
/// Routes before a deployment's name that say of what kind its model is.
const ROUTES: [&str; 3] = ["o_series/", "gpt5_series/", "responses/"];
/// Ends of an address that operators copy along with it.
const ENDPOINTS: [&str; 4] = ["/chat/completions", "/completions", "/embeddings", "/responses"];
/// Hosts of Azure's own, which take keys in `api-key`.
const AZURE_HOSTS: [&str; 3] =
    [".services.ai.azure.com", ".openai.azure.com", ".cognitiveservices.azure.com"];

/// The URL of a deployment's endpoint, and where its key goes.
pub(crate) fn deployment(attempt: &Attempt<'_>, format: Format) -> Result<(Uri, Place)> {
    let target = attempt.target;
    let base = attempt.base();
    let Base { path: base, version, rest } = Base::of(&base);
    let version = version.or_else(|| target.param("api_version")).unwrap_or(VERSION);
    let (root, verb) = (root(base), verb(format));
    if UNVERSIONED.contains(&version) || base.ends_with("/openai/v1") {
        return Ok((uri(&format!("{root}/openai/v1/{verb}"))?, Place::Bearer));
    }
    let home = if format == RESPONSES {
        format!("{root}/openai")
    } else if base.contains("/deployments/") {
        base.to_owned()
    } else {
        format!("{root}/openai/deployments/{}", escaped(name(&target.model)))
    };
    let version = escaped(usable(version, format));
    Ok((uri(&format!("{home}/{verb}?api-version={version}{rest}"))?, Place::ApiKey))
}

/// A version that knows the operation: those before do not know the newer models that write down speech.
fn usable(version: &str, format: Format) -> &str {
    match format {
        TRANSCRIPTION | TRANSLATION => version.max(VERSION),
        _ => version,
    }
}

/// The version of the API that the deployment is addressed in.
pub(crate) fn version(target: &Target) -> &str {
    Base::of(&target.base).version.or_else(|| target.param("api_version")).unwrap_or(VERSION)
}

/// The URL of one of Foundry's models that speak OpenAI's format, and where its key goes.
pub(crate) fn model(attempt: &Attempt<'_>, format: Format) -> Result<(Uri, Place)> {
    let base = attempt.base();
    let Base { path: base, version, rest } = Base::of(&base);
    if format == RERANK {
        let root = base.strip_suffix("/v1/rerank").or_else(|| base.strip_suffix("/v1")).unwrap_or(base);
        return Ok((uri(&format!("{root}/v1/rerank"))?, Place::Bearer));
    }
    if format == OCR {
        let path = "/providers/mistral/azure/ocr";
        let root = base.strip_suffix(path).or_else(|| base.strip_suffix("/models")).unwrap_or(base);
        return Ok((uri(&format!("{root}{path}"))?, Place::Bearer));
    }
    let host = host(base);
    let foundry = host.ends_with(".services.ai.azure.com");
    let bare = base.split_once("://").is_some_and(|(_, rest)| !rest.contains('/'));
    let home = if foundry && bare { "/models" } else { "" };
    let usual = (foundry && !base.ends_with("/v1")).then_some(FOUNDRY_VERSION);
    let version = version.or_else(|| attempt.target.param("api_version")).or(usual);
    let query = match (version, rest.strip_prefix('&')) {
        (Some(version), _) => format!("?api-version={}{rest}", escaped(version)),
        (None, Some(rest)) => format!("?{rest}"),
        (None, None) => String::new(),
    };
    let place = if AZURE_HOSTS.iter().any(|own| host.ends_with(own)) { Place::ApiKey } else { Place::Bearer };
    Ok((uri(&format!("{base}{home}/{}{query}", verb(format)))?, place))
}

/// The base URL of the Messages API at the same address.
pub(crate) fn messages(target: &Target) -> String {
    let Base { path, .. } = Base::of(&target.base);
    let root = ["/v1/messages", "/v1", "/anthropic", "/models"]
        .iter()
        .fold(path, |path, end| path.strip_suffix(end).unwrap_or(path));
    format!("{root}/anthropic")
}

/// The URL of Cohere's model that reads pictures of documents; its own host has nothing before it.
pub(crate) fn parse(attempt: &Attempt<'_>) -> String {
    let base = attempt.base();
    let base = Base::of(&base).path;
    let root = ["/v2/parse", "/providers/cohere", "/models"]
        .iter()
        .fold(base, |path, end| path.strip_suffix(end).unwrap_or(path));
    let home = if host(root).ends_with(".models.ai.azure.com") { "" } else { "/providers/cohere" };
    format!("{root}{home}/v2/parse")
}

/// An operator's address taken apart.
struct Base<'a> {
    /// Without query, endpoint and slashes at the end.
    path: &'a str,
    /// The `api-version` of its query.
    version: Option<&'a str>,
    /// The rest of its query, each pair with `&` before it.
    rest: String,
}

impl<'a> Base<'a> {
    fn of(base: &'a str) -> Self {
        let (path, query) = base.split_once('?').unwrap_or((base, ""));
        let path = path.trim_end_matches('/');
        let path = ENDPOINTS.iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path);
        let (mut version, mut rest) = (None, String::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.strip_prefix("api-version=") {
                Some(own) => version = Some(own),
                None => rest = format!("{rest}&{pair}"),
            }
        }
        Self { path, version, rest }
    }
}

/// The address without what leads to deployments.
fn root(base: &str) -> &str {
    let base = base.split_once("/openai/deployments/").map_or(base, |(root, _)| root);
    base.strip_suffix("/openai/v1").or_else(|| base.strip_suffix("/openai")).unwrap_or(base)
}

fn host(base: &str) -> &str {
    let rest = base.split_once("://").map_or(base, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    authority.split(':').next().unwrap_or_default()
}

fn name(model: &str) -> &str {
    ROUTES.iter().find_map(|route| model.strip_prefix(route)).unwrap_or(model)
}

fn verb(format: Format) -> &'static str {
    match format {
        COMPLETION => "completions",
        EMBEDDING => "embeddings",
        RESPONSES => "responses",
        MODERATION => "moderations",
        IMAGE => "images/generations",
        IMAGE_EDIT => "images/edits",
        TRANSCRIPTION => "audio/transcriptions",
        TRANSLATION => "audio/translations",
        SPEECH => "audio/speech",
        _ => "chat/completions",
    }
}

fn uri(url: &str) -> Result<Uri> {
    url.parse().map_err(|_| Error::bad_request(format!("The deployment's URL `{url}` is not valid.")))
}
