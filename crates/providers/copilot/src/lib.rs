#![doc = include_str!("../README.md")]

mod account;
mod spoken;

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use lockgate_core::{Attempt, Carried, Carrier, CloudSettings, Dialect, Encoded, Result, Signer};
use lockgate_openai::OpenAi;

const INITIATOR: HeaderName = HeaderName::from_static("x-initiator");
const VISION: HeaderName = HeaderName::from_static("copilot-vision-request");

/// Models of GitHub Copilot.
#[derive(Clone, Copy, Debug)]
pub struct Copilot;

impl Carrier for Copilot {
    fn id(&self) -> &'static str {
        "github_copilot"
    }

    fn carried(&self, _of: Carried<'_>) -> &'static dyn Dialect {
        &OpenAi
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        account::signer(settings)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        let mut encoded = OpenAi.encode(attempt)?;
        let said = attempt.call.body.raw("messages").or_else(|| attempt.call.body.raw("input"));
        let said = said.unwrap_or_default().as_bytes();
        let initiator = if spoken::by_agent(said) { "agent" } else { "user" };
        let headers = encoded.request.headers_mut();
        headers.insert(INITIATOR, HeaderValue::from_static(initiator));
        if spoken::shows_pictures(said) {
            headers.insert(VISION, HeaderValue::from_static("true"));
        }
        Ok(encoded)
    }
}
