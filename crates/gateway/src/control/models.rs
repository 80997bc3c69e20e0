//! The lists of models.

use std::collections::HashMap;

use lockgate_core::{Error, ErrorKind, ModelFacts, Origin, Result, surface::ListedModel};
use lockgate_router::Deployment;
use serde_json::{Value, json};

use super::effective;
use crate::{app::Live, stack::Response, surface::Matched};

/// The list of models, or the one that the path names.
pub(super) fn show(live: &Live, matched: &Matched) -> Result<Response> {
    let routes = &live.snapshot.routes;
    let Some(name) = &matched.model else {
        let names = routes.model_names(&live.snapshot.catalog);
        let facts: HashMap<&str, &ModelFacts> =
            routes.deployments().map(|one| (&*one.group, &*one.target.facts)).collect();
        let models: Vec<_> = names.iter().map(|name| listed(name, facts.get(&**name).copied())).collect();
        return Ok(super::text(matched.surface.models(&models), "application/json"));
    };
    let Some(route) = routes.resolve(name) else {
        let message =
            format!("The model `{name}` does not exist. Call `/v1/models` to view the models you may use.");
        return Err(Error::new(ErrorKind::NotFound, Origin::Client, message).with_param("model"));
    };
    let facts = route.deployments.first().map(|one| &*one.target.facts);
    Ok(super::text(matched.surface.model(&listed(name, facts)), "application/json"))
}

fn listed<'a>(name: &'a str, facts: Option<&'a ModelFacts>) -> ListedModel<'a> {
    ListedModel {
        name,
        max_input: facts.and_then(|facts| facts.max_input),
        max_output: facts.and_then(|facts| facts.max_output),
        mode: facts.and_then(|facts| facts.mode.as_deref()),
    }
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
