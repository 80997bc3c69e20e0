//! Signed thinking of other providers inside a `thoughtSignature`.
//!
//! Google's clients give a part's signature back as they got it, but for its base64 alphabet, and many of them give
//! no thoughts back. So what another provider must see again, whole thinking blocks, travels as a signature: base64
//! of a tag and the blocks' JSON. Signatures without the tag are Gemini's own.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose},
};
use lockgate_core::Raw;

use crate::wire::array;

/// The tag in base64. It has no letter in which the alphabets differ and fills whole groups, so that every signature
/// with a tag starts with this.
pub(crate) const TAG: &str = "bG9ja2dhdGU6";

const PLAIN_TAG: &[u8] = b"lockgate:";

const EITHER_PADDING: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The blocks as a signature.
pub(super) fn wrap(blocks: &[Raw]) -> String {
    let mut plain = PLAIN_TAG.to_vec();
    plain.extend_from_slice(array(blocks.iter().map(|block| block.get())).as_bytes());
    general_purpose::STANDARD.encode(plain)
}

/// The blocks in a signature; nothing if it is Gemini's own.
pub(super) fn unwrap(signature: &str) -> Option<Vec<Raw>> {
    if !signature.starts_with(TAG) {
        return None;
    }
    let standard: String = signature
        .chars()
        .map(|letter| {
            if letter == '-' {
                '+'
            } else if letter == '_' {
                '/'
            } else {
                letter
            }
        })
        .collect();
    let plain = EITHER_PADDING.decode(standard).ok()?;
    serde_json::from_slice(plain.strip_prefix(PLAIN_TAG)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::raw;

    #[test]
    fn blocks_come_back_in_any_alphabet() {
        let block = raw(r#"{"type":"thinking","thinking":"a ÿ>?","signature":"EqQB+/x=="}"#);
        let signature = wrap(std::slice::from_ref(&block));
        assert!(signature.starts_with(TAG));
        let url_safe = signature.replace('+', "-").replace('/', "_");
        for signature in [signature.as_str(), &url_safe, signature.trim_end_matches('=')] {
            assert_eq!(unwrap(signature).unwrap()[0].get(), block.get());
        }
        assert!(unwrap("EqQB").is_none());
        assert!(unwrap("bG9ja2dhdGU6!").is_none());
    }
}
