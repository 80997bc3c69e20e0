//! Some providers quote the key that they refuse: neither the client nor the log is to see it.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use lockgate_core::{Error, Payload, Signer};
use memchr::memmem::{self, Finder};

/// What stands in a credential's place.
const MASK: &[u8] = b"[credential]";
/// Shorter words are no credentials.
const SHORTEST: usize = 8;

/// The error without the credential that was sent.
pub(crate) fn error(error: Error, signer: &dyn Signer) -> Error {
    credentials(signer).iter().fold(error, |error, credential| error.without(credential))
}

/// Takes the credential out of the errors of a stream.
pub(crate) struct Mask {
    signer: Arc<dyn Signer>,
    /// Made once: each chunk is searched.
    tells: Finder<'static>,
}

impl Mask {
    /// For a stream that this signer has authorised.
    pub(crate) fn new(signer: &Arc<dyn Signer>) -> Self {
        Self { signer: signer.clone(), tells: Finder::new(b"\"error\"") }
    }

    /// The bytes for the client; only those that tell of an error are looked at.
    pub(crate) fn clean(&self, bytes: Bytes) -> Bytes {
        if self.tells.find(&bytes).is_none() {
            return bytes;
        }
        credentials(&*self.signer).iter().fold(bytes, |bytes, word| without(bytes, word.as_bytes()))
    }
}

/// What the signer puts on a request and marks as sensitive.
fn credentials(signer: &dyn Signer) -> Vec<String> {
    let mut blank = http::Request::new(Payload::new());
    if signer.sign(&mut blank, SystemTime::UNIX_EPOCH).is_err() {
        return Vec::new();
    }
    let sensitive = blank.headers().values().filter(|value| value.is_sensitive());
    let words = sensitive.filter_map(|value| Some(value.to_str().ok()?.split(' ').next_back()?.to_owned()));
    words.filter(|word| word.len() >= SHORTEST).collect()
}

fn without(bytes: Bytes, word: &[u8]) -> Bytes {
    let mut out = Vec::new();
    let mut rest = &*bytes;
    while let Some((at, tail)) =
        memmem::find(rest, word).and_then(|at| Some((at, rest.get(at + word.len()..)?)))
    {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        out.extend_from_slice(MASK);
        rest = tail;
    }
    if out.is_empty() {
        return bytes;
    }
    out.extend_from_slice(rest);
    out.into()
}

#[cfg(test)]
mod tests {
    use lockgate_core::target::HeaderSigner;

    use super::*;

    #[test]
    fn only_errors_lose_the_credential() {
        let value = http::HeaderValue::from_static("Bearer sk-0123456789");
        let signer: Arc<dyn Signer> = Arc::new(HeaderSigner::new(http::header::AUTHORIZATION, value));
        let mask = Mask::new(&signer);
        let text = |bytes: &'static str| mask.clean(Bytes::from_static(bytes.as_bytes()));
        assert_eq!(
            text("data: {\"error\":\"sk-0123456789 and sk-0123456789\"}"),
            "data: {\"error\":\"[credential] and [credential]\"}"
        );
        assert_eq!(text("data: {\"content\":\"sk-0123456789\"}"), "data: {\"content\":\"sk-0123456789\"}");
        assert_eq!(text("data: {\"error\":1}"), "data: {\"error\":1}");
    }
}
