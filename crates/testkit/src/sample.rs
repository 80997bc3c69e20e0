//! Targets, calls and response heads to try a dialect on.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, response::Parts};
use lockgate_core::{
    Auth, AuthScheme, Call, Dialect, Operation, Payload, Provider, Quirks, Result, Surface, Target, Upload,
    UploadFile, target::HeaderSigner, wire::PartHead,
};

/// The credential of every sample target. It must not appear anywhere but in the signed request.
pub const SECRET: &str = "sk-upstream-secret-0123456789abcdef";

/// A provider that speaks the dialect and has no quirks.
pub fn provider(dialect: &'static dyn Dialect) -> Provider {
    Provider {
        id: Arc::from("sample"),
        title: "Sample".to_owned(),
        dialect,
        base_url: None,
        also_at: Vec::new(),
        base_env: Vec::new(),
        auth: Auth { scheme: AuthScheme::Bearer, env: Vec::new(), optional: false, placeholder: None },
        operations: Operation::ALL.to_vec(),
        quirks: Quirks::default(),
        headers: Vec::new(),
        price_label: None,
        free: false,
        alternates: Vec::new(),
        dialects: Vec::new(),
    }
}

/// A model of that provider.
pub fn target(provider: Provider, model: &str) -> Target {
    let value = HeaderValue::from_str(&format!("Bearer {SECRET}")).expect("a valid header");
    Target {
        provider: Arc::new(provider),
        model: Arc::from(model),
        base: Arc::from("http://upstream.test/v1"),
        custom_base: true,
        signer: Arc::new(HeaderSigner::new(HeaderName::from_static("authorization"), value)),
        alternate_signers: Arc::default(),
        headers: Arc::from([]),
        defaults: Arc::from([]),
        extra_body: Arc::from([]),
        policy: Arc::default(),
        facts: Arc::default(),
        account: Arc::from(""),
        params: Arc::default(),
    }
}

/// A client's JSON request.
///
/// # Errors
/// As the surface's `read`.
pub fn call(surface: &'static dyn Surface, operation: Operation, body: &str) -> Result<Call> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    let mut call = surface.read(operation.into(), headers, Bytes::copy_from_slice(body.as_bytes()))?;
    call.received = crate::clock::FakeClock::default().now();
    call.id = "00000000-0000-4000-8000-000000000001".to_owned();
    Ok(call)
}

/// A client's form: its plain fields as a JSON object, and its files (field, name, content).
///
/// # Errors
/// As for [`call`].
pub fn form(
    surface: &'static dyn Surface,
    operation: Operation,
    fields: &str,
    files: &[(&str, &str, &str)],
) -> Result<Call> {
    let mut call = call(surface, operation, fields)?;
    let files = files.iter().map(|(field, name, content)| UploadFile {
        head: PartHead { name: (*field).to_owned(), filename: Some((*name).to_owned()), content_type: None },
        content: Payload::from((*content).to_owned()),
    });
    call.upload = Some(Box::new(Upload { boundary: "b".to_owned(), files: files.collect(), open: false }));
    Ok(call)
}

/// The head of an upstream's answer.
pub fn head(status: u16, content_type: &str) -> Parts {
    let response = http::Response::builder().status(status).header("content-type", content_type).body(());
    response.expect("a valid head").into_parts().0
}
