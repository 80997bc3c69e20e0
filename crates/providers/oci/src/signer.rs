//! Oracle Cloud's request signatures: RSA-SHA256 over chosen headers, the digest of the body among them.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, Method, Request, header};
use lockgate_core::{CloudSettings, Payload, Result, Signer, oauth::wrong};
use ring::{rand::SystemRandom, signature::RSA_PKCS1_SHA256};
use sha2::{Digest, Sha256};

use crate::credentials::{self, Credentials};

/// The first date that the standard's form of dates is good for is 1970; the last is far away.
const LAST_DATE: u64 = 253_402_300_799;

/// The signer of a deployment.
pub(crate) fn signer(settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
    credentials::find(settings).map(|found| Arc::new(OciSigner(found)) as Arc<dyn Signer>)
}

struct OciSigner(Credentials);

impl Signer for OciSigner {
    fn sign(&self, request: &mut Request<Payload>, now: SystemTime) -> Result<()> {
        let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()).min(LAST_DATE);
        let date = httpdate::fmt_http_date(UNIX_EPOCH + std::time::Duration::from_secs(seconds));
        let host = request.uri().authority().map_or("", |authority| authority.as_str()).to_owned();
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let method = request.method().as_str().to_ascii_lowercase();
        let mut names = "date (request-target) host".to_owned();
        let mut text = format!("date: {date}\n(request-target): {method} {path}\nhost: {host}");
        if matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH) {
            let mut hasher = Sha256::new();
            request.body().segments().iter().for_each(|segment| hasher.update(segment));
            let digest = STANDARD.encode(hasher.finalize());
            let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
            let length = request.body().len();
            let kind = kind.unwrap_or("application/json");
            text.push_str(&format!(
                "\ncontent-length: {length}\ncontent-type: {kind}\nx-content-sha256: {digest}"
            ));
            names.push_str(" content-length content-type x-content-sha256");
            put(request, HeaderName::from_static("x-content-sha256"), &digest)?;
        }
        put(request, header::DATE, &date)?;
        let signature = self.signature(&text)?;
        let value = format!(
            "Signature version=\"1\",keyId=\"{}\",algorithm=\"rsa-sha256\",headers=\"{names}\",signature=\"{signature}\"",
            self.0.key_id
        );
        put(request, header::AUTHORIZATION, &value)
    }
}

impl OciSigner {
    fn signature(&self, text: &str) -> Result<String> {
        let mut signature = vec![0; self.0.key.public().modulus_len()];
        self.0
            .key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .map_err(|_| wrong("The key for Oracle Cloud cannot sign."))?;
        Ok(STANDARD.encode(signature))
    }
}

fn put(request: &mut Request<Payload>, name: HeaderName, value: &str) -> Result<()> {
    let mut value = HeaderValue::try_from(value)
        .map_err(|_| wrong("Oracle Cloud's user, tenancy or fingerprint cannot stand in a header."))?;
    value.set_sensitive(name == header::AUTHORIZATION);
    request.headers_mut().insert(name, value);
    Ok(())
}
