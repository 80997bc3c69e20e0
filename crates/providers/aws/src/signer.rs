//! What authorises the calls of a deployment.

use std::{sync::Arc, time::SystemTime};

use http::Request;
use lockgate_core::{CloudSettings, Payload, Result, Signer, TokenSource, target::HeaderSigner};

use crate::{
    chain::{self, Credentials},
    place::first,
    sign::Keys,
};

/// Parameters that say whose signature it is to be.
const OWN: [&str; 3] = ["aws_access_key_id", "aws_profile_name", "aws_role_name"];

/// The signer of a deployment: a bearer key, where there is one, else signatures. Keys of the deployment's own come
/// before a bearer key of the environment, which is in one of the variables.
///
/// # Errors
/// There are no credentials.
pub fn signer(settings: &CloudSettings<'_>, bearers: &[&str]) -> Result<Arc<dyn Signer>> {
    if let Some(key) = &settings.api_key {
        let from_env = first(settings, bearers).is_some_and(|own| own == key.expose());
        let signs = OWN.iter().any(|name| settings.find(name, &[]).is_some());
        if !(from_env && signs) {
            return Ok(Arc::new(HeaderSigner::bearer(key)?));
        }
    }
    Ok(match chain::find(settings)? {
        Credentials::Keys(keys) => Arc::new(Signed(keys)),
        Credentials::Source(source) => Arc::new(Exchanged(source)),
    })
}

/// Signs with keys that are here.
struct Signed(Keys);

impl Signer for Signed {
    fn sign(&self, request: &mut Request<Payload>, now: SystemTime) -> Result<()> {
        self.0.sign(request, now)
    }
}

/// Signs with keys that are fetched.
struct Exchanged(Arc<dyn TokenSource>);

impl Signer for Exchanged {
    fn sign(&self, _request: &mut Request<Payload>, _now: SystemTime) -> Result<()> {
        Ok(())
    }

    fn token_source(&self) -> Option<&dyn TokenSource> {
        Some(&*self.0)
    }
}
