//! The gateway's own endpoints: health, lists, helpers, documentation.

mod docs;
mod effective;
mod health;
mod models;
mod search_tools;
mod utils;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use lockgate_core::{Error, Payload, Result};
use serde::Serialize;

use crate::{
    app::Gateway,
    auth, headers, intake, rescue, responses,
    stack::Response,
    surface,
    surface::{Found, Matched},
    trace::Inbound,
};

/// An endpoint of the gateway itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Route {
    Live,
    Ready,
    Health,
    Metrics,
    Config,
    ModelInfo,
    SearchTools,
    Routes,
    OpenApi,
    Docs,
    TokenCounter,
    SupportedParams,
    TransformRequest,
    SpendCalculate,
    Stored(responses::Asked),
}

/// One line of the table of the gateway's own endpoints.
pub(crate) struct Own {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    route: Route,
    /// Whether it answers without a key.
    pub(crate) public: bool,
    pub(crate) summary: &'static str,
}

macro_rules! own {
    ($($method:literal $path:literal $route:ident $access:ident $summary:literal,)*) => {
        &[$(Own { method: $method, path: $path, route: Route::$route, public: own!(@$access), summary: $summary }),*]
    };
    (@public) => { true };
    (@key) => { false };
}

/// Every endpoint of the gateway itself.
pub(crate) const OWN: &[Own] = own! {
    "GET" "/health/liveliness" Live public "Whether the process is alive.",
    "GET" "/health/liveness" Live public "Whether the process is alive.",
    "GET" "/health/readiness" Ready public "Whether calls are taken: no while draining.",
    "GET" "/health" Health key "Health of every deployment, from its own traffic; `?probe=true` sends each a tiny call.",
    "GET" "/metrics" Metrics key "Prometheus metrics.",
    "GET" "/config" Config key "The effective settings, without secrets.",
    "GET" "/model/info" ModelInfo key "Every deployment with prices, limits and capabilities.",
    "GET" "/v1/model/info" ModelInfo key "Every deployment with prices, limits and capabilities.",
    "GET" "/v1/search/tools" SearchTools key "The search tools.",
    "GET" "/search/tools" SearchTools key "The search tools.",
    "GET" "/routes" Routes key "This table.",
    "GET" "/openapi.json" OpenApi public "The OpenAPI document of this gateway.",
    "GET" "/docs" Docs public "The same as a page.",
    "GET" "/" Docs public "The same as a page.",
    "POST" "/utils/token_counter" TokenCounter key "Counts the tokens of a text or a conversation.",
    "GET" "/utils/supported_openai_params" SupportedParams key "OpenAI parameters that `?model=` takes.",
    "POST" "/utils/transform_request" TransformRequest key "The upstream request that a call would make, secrets masked.",
    "POST" "/spend/calculate" SpendCalculate key "What a request or a finished answer costs.",
};

/// Finds the endpoint.
pub(crate) fn find(method: &Method, path: &str) -> Found {
    let path = if path.is_empty() { "/" } else { path };
    let read = method == Method::GET || method == Method::HEAD;
    match responses::find(method, path) {
        Some(Ok(asked)) => return Found::Control(Route::Stored(asked)),
        Some(Err(allow)) => return Found::WrongMethod(allow),
        None => {}
    }
    match OWN.iter().find(|own| own.path == path) {
        Some(own) if own.method == "GET" && read || own.method == method.as_str() => {
            Found::Control(own.route.clone())
        }
        Some(own) => Found::WrongMethod(own.method),
        None => Found::Nothing,
    }
}

/// Answers for the endpoint.
pub(crate) async fn answer(gateway: Gateway, route: Route, inbound: Inbound) -> Response {
    let (id, path) = (inbound.id.clone(), inbound.path.clone());
    match respond(&gateway, route, inbound).await {
        Ok(mut response) => {
            headers::identity(response.headers_mut(), &id);
            response
        }
        Err(error) => rescue::respond(surface::surface_of(&path), &id, &error),
    }
}

/// Answers with the list of models, or one of them, in the surface's own shape.
pub(crate) fn models(gateway: &Gateway, matched: &Matched, inbound: &Inbound) -> Response {
    let live = gateway.live();
    match auth::check(&live, &inbound.parts).and_then(|()| models::show(&live, matched)) {
        Ok(mut response) => {
            headers::identity(response.headers_mut(), &inbound.id);
            response
        }
        Err(error) => rescue::respond(matched.surface, &inbound.id, &error),
    }
}

async fn respond(gateway: &Gateway, route: Route, inbound: Inbound) -> Result<Response> {
    let live = gateway.live();
    let general = &live.snapshot.general;
    let public = match &route {
        Route::Metrics => !general.require_auth_for_metrics,
        other => OWN.iter().any(|own| own.route == *other && own.public),
    };
    if !public {
        auth::check(&live, &inbound.parts)?;
    }
    match route {
        Route::Live => Ok(text("\"I'm alive!\"", "application/json")),
        Route::Ready => health::ready(gateway),
        Route::Health => {
            health::health(gateway, &live, query(&inbound, "probe").as_deref() == Some("true")).await
        }
        Route::Metrics => Ok(text(gateway.metrics().render(), "text/plain; version=0.0.4; charset=utf-8")),
        Route::Config => effective::show(&live),
        Route::ModelInfo => models::info(&live),
        Route::SearchTools => search_tools::list(&live),
        Route::Stored(asked) => responses::answer(gateway, &asked, &inbound).await,
        Route::Routes => docs::routes(),
        Route::OpenApi => docs::openapi(),
        Route::Docs => Ok(text(docs::page(), "text/html; charset=utf-8")),
        Route::SupportedParams => utils::supported_params(&live, query(&inbound, "model")),
        Route::TokenCounter => {
            utils::token_counter(&live, body(inbound, general.max_request_bytes).await?).await
        }
        Route::SpendCalculate => {
            utils::spend_calculate(&live, &body(inbound, general.max_request_bytes).await?)
        }
        Route::TransformRequest => {
            let limit = general.max_request_bytes;
            utils::transform_request(&live, &body(inbound, limit).await?)
        }
    }
}

async fn body(inbound: Inbound, limit: usize) -> Result<Bytes> {
    intake::collect(inbound.body, &inbound.parts.headers, limit).await
}

fn query(inbound: &Inbound, name: &str) -> Option<String> {
    let pairs = inbound.parts.uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .into_iter()
        .find(|(key, _)| *key == name)
        .map(|(_, value)| surface::decode(&value.replace('+', " ")).into_owned())
}

/// A JSON answer.
fn json(value: &impl Serialize) -> Result<Response> {
    let text = serde_json::to_string(value)
        .map_err(|_| Error::internal("An answer could not be written as JSON."))?;
    Ok(self::text(text, "application/json"))
}

fn text(body: impl Into<Payload>, content_type: &'static str) -> Response {
    let mut response = Response::new(body.into().into());
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
