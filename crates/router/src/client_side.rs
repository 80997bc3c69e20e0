//! Credentials and addresses that a client brings itself, where the operator allows that.

use std::sync::Arc;

use lockgate_core::{Error, Secret, Target};

use crate::{Issue, credential::Credential};

/// The target with the client's own key and base URL.
///
/// Nothing that the operator holds travels to an address of the client's: with a base URL of its own, the operator's
/// key, headers and body members are left out (SEC-6).
///
/// # Errors
/// The key cannot stand in a header.
pub fn with_client_credentials(
    target: &Target,
    key: Option<&Secret>,
    base: Option<&str>,
) -> Result<Target, Error> {
    let mut target = target.clone();
    let credential = match key {
        Some(key) => Some(Credential::Key(key.clone())),
        None => base.map(|_| Credential::None),
    };
    if let Some(credential) = credential {
        target.signer = credential.signer(&target.provider).map_err(refused)?;
        target.alternate_signers = Arc::new(credential.alternates(&target.provider).map_err(refused)?);
    }
    if let Some(base) = base {
        target.base = Arc::from(base.trim_end_matches('/'));
        target.custom_base = true;
        target.headers = Arc::new([]);
        target.extra_body = Arc::new([]);
        target.params = Arc::default();
    }
    target.account = crate::credential::account(&target);
    Ok(target)
}

fn refused(issue: Issue) -> Error {
    Error::bad_field("api_key", issue.message)
}

#[cfg(test)]
mod tests {
    use http::Request;
    use lockgate_core::Payload;
    use lockgate_registry::Registry;
    use lockgate_testkit::sample;
    use std::time::SystemTime;

    use super::*;

    /// A client's key goes where the operator's would: Azure knows no bearer keys.
    #[test]
    fn a_clients_key_goes_into_the_provider_s_own_header() {
        let registry = Registry::builtin().unwrap();
        for (provider, header, value) in [
            ("openai", "authorization", "Bearer sk-client-own-key"),
            ("anthropic", "x-api-key", "sk-client-own-key"),
            ("azure", "api-key", "sk-client-own-key"),
            ("vertex_ai", "x-goog-api-key", "sk-client-own-key"),
        ] {
            let target = sample::target((**registry.get(provider).unwrap()).clone(), "m");
            let key = Secret::new("sk-client-own-key");
            let own = with_client_credentials(&target, Some(&key), None).unwrap();
            let mut request = Request::new(Payload::new());
            own.signer.sign(&mut request, SystemTime::UNIX_EPOCH).unwrap();
            assert_eq!(request.headers()[header], value, "{provider}");
            assert_eq!(request.headers().len(), 1, "{provider}");
        }
    }
}
