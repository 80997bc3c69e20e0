//! Helpers for developers: token counts, parameters, the upstream request, the cost of an answer.

use bytes::Bytes;
use http::HeaderMap;
use lockgate_core::{Attempt, Error, Media, Operation, Result, Target, transcode, wire::view};
use serde_json::{Value, json};

use crate::{app::Live, estimate, stack::Response, surface};

view! {
    /// What names the model in a body.
    #[derive(Clone, Debug, Default)]
    struct Named {
        model: String,
    }
}

/// Counts without a provider; says by which tokenizer, and whether that is the model's own.
pub(super) async fn token_counter(live: &Live, body: Bytes) -> Result<Response> {
    let Named { model: asked, .. } = parse(&body)?;
    let model = upstream_model(live, &asked);
    let counted_for = model.clone();
    let count = estimate::off_the_worker(body.len(), move || {
        let text =
            std::str::from_utf8(&body).map_err(|_| Error::bad_request("The request body is not UTF-8."))?;
        lockgate_tokens::count_tokens_request(Some(&counted_for), text)
    });
    let count = count.await?;
    super::json(&json!({
        "total_tokens": count.tokens,
        "request_model": asked,
        "model_used": model,
        "tokenizer_type": count.tokenizer,
        "estimated": !count.exact,
    }))
}

/// OpenAI parameters that the model takes.
pub(super) fn supported_params(live: &Live, model: Option<String>) -> Result<Response> {
    let model = model
        .filter(|model| !model.is_empty())
        .ok_or_else(|| Error::bad_field("model", "Say which model: `?model=NAME`."))?;
    let target = target(live, &model)?;
    let (dialect, _) = target.provider.dialect_for("openai");
    super::json(&json!({"supported_openai_params": dialect.supported_params(&target)}))
}

view! {
    /// The body of `/utils/transform_request`.
    #[derive(Clone, Debug, Default)]
    struct TransformRequest {
        call_type: String,
        request_body: Option<lockgate_core::Raw>,
    }
}

/// Shows the upstream request of a call, without sending it.
pub(super) fn transform_request(live: &Live, body: &Bytes) -> Result<Response> {
    let request: TransformRequest = parse(body)?;
    let Some(inner) = request.request_body else {
        return Err(Error::bad_field(
            "request_body",
            "`request_body` is missing: the body of the call to show.",
        ));
    };
    let (surface, operation) = call_type(&request.call_type)?;
    let inner = Bytes::copy_from_slice(inner.get().as_bytes());
    let call = surface.read(operation.into(), HeaderMap::new(), inner)?;
    let target = target(live, &call.model)?;
    let media = Media::default();
    let attempt = Attempt { call: &call, target: &target, media: &media };
    let encoded = transcode::prepare(&attempt, std::time::SystemTime::now())?;
    let (parts, payload) = encoded.request.into_parts();
    let sent: Value = serde_json::from_slice(&payload.into_bytes()).unwrap_or_default();
    let headers: serde_json::Map<String, Value> = parts
        .headers
        .iter()
        .map(|(name, value)| {
            let text = if value.is_sensitive() { "[secret]" } else { value.to_str().unwrap_or("[binary]") };
            (name.as_str().to_owned(), json!(text))
        })
        .collect();
    super::json(&json!({
        "raw_request_api_base": parts.uri.to_string(),
        "raw_request_method": parts.method.as_str(),
        "raw_request_body": sent,
        "raw_request_headers": headers,
        "dropped_params": encoded.notes.dropped,
        "error": null,
    }))
}

/// What a finished answer costs: `{"completion_response": …}` or `{"model", "usage"}`-like.
pub(super) fn spend_calculate(live: &Live, body: &Bytes) -> Result<Response> {
    let request: Value = serde_json::from_slice(body)
        .map_err(|error| Error::bad_request(format!("The request body is not JSON: {error}")))?;
    let cost = crate::spend::calculate(live, &request)?;
    super::json(&json!({"cost": cost.dollars()}))
}

fn call_type(name: &str) -> Result<(&'static dyn lockgate_core::Surface, Operation)> {
    Ok(match name {
        "completion" | "acompletion" | "chat" | "" => (surface::surface("openai"), Operation::Chat),
        "text_completion" | "atext_completion" => (surface::surface("openai"), Operation::Completion),
        "embedding" | "aembedding" => (surface::surface("openai"), Operation::Embedding),
        "moderation" | "amoderation" => (surface::surface("openai"), Operation::Moderation),
        "anthropic_messages" => (surface::surface("anthropic"), Operation::Chat),
        other => {
            let message = format!(
                "`call_type` is `{other}`; use completion, text_completion, embedding, moderation or anthropic_messages."
            );
            return Err(Error::bad_field("call_type", message));
        }
    })
}

/// The first deployment of a public name, or an unrouted `provider/model`.
fn target(live: &Live, model: &str) -> Result<Target> {
    let route = live.snapshot.routes.resolve(model);
    let deployment = route.and_then(|route| route.deployments.first().cloned());
    deployment.map(|deployment| deployment.target.clone()).ok_or_else(|| {
        Error::bad_field(
            "model",
            format!("`{model}` is not a model of this gateway. Call `/v1/models` to view them."),
        )
    })
}

/// The provider's name of a public model, or the name itself.
fn upstream_model(live: &Live, model: &str) -> String {
    match target(live, model) {
        Ok(target) => format!("{}/{}", target.provider.id, target.model),
        Err(_) => model.to_owned(),
    }
}

fn parse<T: serde::de::DeserializeOwned>(body: &Bytes) -> Result<T> {
    serde_json::from_slice(body)
        .map_err(|error| Error::bad_request(format!("The request body cannot be read: {error}")))
}
