#![doc = include_str!("../README.md")]

mod credentials;
mod envelope;
mod stream;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header, response::Parts};
use lockgate_core::{
    Attempt, Carried, Carrier, CloudSettings, Dialect, Encoded, Error, Exchange, Operation, Payload, Reply,
    Result, Signer, Step, StreamDecoder, json, wire::view,
};
use lockgate_openai::OpenAi;

/// Names the resource group.
const GROUP: &str = "ai-resource-group";

/// Stands for a deployment that is not found yet.
const UNKNOWN: &str = "-deployment-";

/// Models behind SAP's orchestration.
#[derive(Clone, Copy, Debug)]
pub struct Sap;

view! {
    #[derive(Clone, Debug, Default)]
    struct Deployments {
        resources: Option<Vec<Deployment>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Deployment {
        id: Option<String>,
        status: Option<String>,
        created as "createdAt": Option<String>,
    }
}

impl Carrier for Sap {
    fn id(&self) -> &'static str {
        "sap"
    }

    fn carried(&self, _of: Carried<'_>) -> &'static dyn Dialect {
        &OpenAi
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        credentials::signer(settings)
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        credentials::settle(settings)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        let mut encoded = OpenAi.encode(attempt)?;
        encoded.relay = false;
        encoded.withhold_usage = false;
        let request = match attempt.target.param("deployment_id") {
            Some(id) => post(attempt, id, &encoded.request.body().to_vec())?,
            // The chat follows when it is known where.
            None => request(attempt, Method::GET, "lm/deployments?scenarioId=orchestration&status=RUNNING")?,
        };
        encoded.request = request;
        Ok(encoded)
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Reply> {
        OpenAi.decode(attempt, encoded, head, envelope::unwrap(&body)?)
    }

    fn exchange(&self, attempt: &Attempt<'_>, _encoded: &Encoded) -> Option<Box<dyn Exchange>> {
        if attempt.target.param("deployment_id").is_some() {
            return None;
        }
        let plain = OpenAi.encode(attempt).ok()?.request.into_body().to_vec();
        let request = post(attempt, UNKNOWN, &plain).ok()?;
        Some(Box::new(Finding { request: Some(request) }))
    }

    fn stream(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts) -> Box<dyn StreamDecoder> {
        Box::new(stream::Unwrapped::new(OpenAi.stream(attempt, encoded, head)))
    }
}

/// The request to the orchestration.
fn post(attempt: &Attempt<'_>, deployment: &str, body: &[u8]) -> Result<Request<Payload>> {
    let verb = match attempt.call.operation {
        Operation::Embedding => "embeddings",
        _ => "completion",
    };
    let mut request =
        request(attempt, Method::POST, &format!("inference/deployments/{deployment}/v2/{verb}"))?;
    *request.body_mut() = envelope::wrap(attempt, body)?.into();
    Ok(request)
}

fn request(attempt: &Attempt<'_>, method: Method, path: &str) -> Result<Request<Payload>> {
    let target = attempt.target;
    let own = target.param(credentials::BASE).filter(|_| !target.custom_base);
    let base = own.map_or_else(|| attempt.base(), Into::into);
    let invalid = |what| Error::bad_request(format!("The {what} is not valid."));
    let group = target.param(credentials::GROUP).unwrap_or("default");
    let group = HeaderValue::from_str(group).map_err(|_| invalid("resource group"))?;
    Request::builder()
        .method(method)
        .uri(format!("{base}/{path}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header(GROUP, group)
        .body(Payload::new())
        .map_err(|_| invalid("address of SAP AI Core"))
}

/// Finds the deployment that orchestrates, then asks it.
struct Finding {
    request: Option<Request<Payload>>,
}

impl Exchange for Finding {
    fn next(&mut self, _head: &Parts, body: &Bytes) -> Result<Step> {
        let Some(mut request) = self.request.take() else { return Ok(Step::Done) };
        let found: Deployments = json::answer(body)?;
        let running = found.resources.into_iter().flatten();
        let running = running.filter(|one| one.status.as_deref().unwrap_or("RUNNING") == "RUNNING");
        // The newest, if there are several.
        let newest = running
            .filter(|one| one.id.as_deref().is_some_and(is_id))
            .max_by(|one, other| (&one.created, &one.id).cmp(&(&other.created, &other.id)));
        let Some(id) = newest.and_then(|one| one.id) else {
            let message = "No deployment of the orchestration is running in the resource group.";
            return Err(Error::invalid_response(message).with_body(body.clone()));
        };
        let url = request.uri().to_string().replacen(&format!("/{UNKNOWN}/"), &format!("/{id}/"), 1);
        let invalid = |_| Error::invalid_response("The provider names a deployment that is none.");
        *request.uri_mut() = url.parse().map_err(invalid)?;
        Ok(Step::Last(request))
    }
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
