//! What upstreams say when they refuse: in their answers' status, in a whole answer, in a stream.

use bytes::Bytes;
use http::HeaderMap;
use lockgate_core::{Error, refusal::Refusal};

pub(crate) use lockgate_core::refusal::{malformed, reject};

/// Explains an error that came with a success status, as a whole answer.
pub(crate) fn in_answer(error: &str, headers: &HeaderMap) -> Error {
    let said = Refusal::of_member(error);
    let code = said.code.as_deref().and_then(|code| code.parse().ok());
    let status = code.filter(|code| (400..600).contains(code)).unwrap_or(500);
    said.into_error(status, headers, &Bytes::copy_from_slice(error.as_bytes()))
}

/// Explains an error event of a stream.
pub(crate) fn in_stream(error: &str) -> Error {
    in_answer(error, &HeaderMap::new())
}

#[cfg(test)]
mod tests {
    use lockgate_core::ErrorKind;

    use super::*;

    #[test]
    fn errors_inside_a_success() {
        let error = in_answer(r#"{"message":"Credits","code":402}"#, &HeaderMap::new());
        assert_eq!((error.kind(), error.status()), (ErrorKind::PaymentRequired, Some(402)));
        assert_eq!(in_stream(r#""overloaded""#).kind(), ErrorKind::Internal);
    }
}
