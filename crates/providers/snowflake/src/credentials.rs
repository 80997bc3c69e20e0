//! Snowflake's tokens, and of which kind they are.

use std::{sync::Arc, time::SystemTime};

use http::{HeaderName, HeaderValue, Request, header};
use lockgate_core::{CloudSettings, Payload, Result, Secret, Signer, oauth::wrong};

/// Before a programmatic access token.
const PROGRAMMATIC: &str = "pat/";
const KIND: HeaderName = HeaderName::from_static("x-snowflake-authorization-token-type");

/// The signer of a deployment.
///
/// # Errors
/// There is no token, or it cannot stand in a header.
pub(crate) fn signer(settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
    let Some(key) = &settings.api_key else {
        let (id, names) = (&settings.provider.id, settings.provider.auth.env.join(", "));
        return Err(wrong(format!("`{id}` needs a token: an `api_key` ({names}).")));
    };
    let (token, kind) = match key.expose().strip_prefix(PROGRAMMATIC) {
        Some(token) => (token, "PROGRAMMATIC_ACCESS_TOKEN"),
        None => (key.expose(), "KEYPAIR_JWT"),
    };
    let token = Secret::new(token).header_value("Bearer ")?;
    Ok(Arc::new(Told { token, kind: HeaderValue::from_static(kind) }))
}

/// A token and the header that says what it is.
struct Told {
    token: HeaderValue,
    kind: HeaderValue,
}

impl Signer for Told {
    fn sign(&self, request: &mut Request<Payload>, _now: SystemTime) -> Result<()> {
        request.headers_mut().insert(header::AUTHORIZATION, self.token.clone());
        request.headers_mut().insert(KIND, self.kind.clone());
        Ok(())
    }
}
