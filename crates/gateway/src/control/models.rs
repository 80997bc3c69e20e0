//! The lists of models.

use lockgate_core::{Error, ErrorKind, Origin, Result};
use lockgate_router::Deployment;
use serde_json::{Value, json};

use super::effective;
use crate::{app::Live, stack::Response};

/// OpenAI wants a date; models of a gateway have none.
const CREATED: u64 = 1_677_610_602;

pub(super) fn list(live: &Live) -> Result<Response> {
    let names = live.snapshot.routes.model_names(&live.snapshot.catalog);
    let data: Vec<Value> = names.iter().map(|name| model(name)).collect();
    super::json(&json!({"object": "list", "data": data}))
}

pub(super) fn one(live: &Live, name: &str) -> Result<Response> {
    if live.snapshot.routes.resolve(name).is_none() {
        let message =
            format!("The model `{name}` does not exist. Call `/v1/models` to view the models you may use.");
        return Err(Error::new(ErrorKind::NotFound, Origin::Client, message).with_param("model"));
    }
    super::json(&model(name))
}

pub(super) fn info(live: &Live) -> Result<Response> {
    let deployments = live.snapshot.routes.deployments();
    let data: Vec<Value> = deployments
        .map(|deployment| {
            let mut info = known(live, deployment);
            info["id"] = json!(&*deployment.id);
            info["timeouts_seconds"] = effective::timeouts(&deployment.timeouts);
            json!({
                "model_name": &*deployment.group,
                "litellm_params": deployment.params_public,
                "model_info": info,
            })
        })
        .collect();
    super::json(&json!({"data": data}))
}

/// What the price list knows of the model, under LiteLLM's names, with what the operator says above it.
fn known(live: &Live, deployment: &Deployment) -> Value {
    let provider = &deployment.target.provider;
    let label = provider.price_label.as_deref().unwrap_or(&provider.id);
    let entry = live.snapshot.catalog.entry(label, &deployment.target.model);
    let mut info = entry.map_or_else(|| json!({}), |entry| entry.to_litellm_json());
    if let (Value::Object(info), Value::Object(own)) = (&mut info, &deployment.info) {
        info.extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    info
}

fn model(name: &str) -> Value {
    json!({"id": name, "object": "model", "created": CREATED, "owned_by": "openai"})
}
