//! Names and ids in the letters that Bedrock allows.

use std::borrow::Cow;

use lockgate_core::names::{clean, is_clean};
use sha2::{Digest, Sha256};

/// Longest name of a tool, and longest id of a call.
pub(crate) const LONGEST: usize = 64;

/// The id to send for a call. One that has to be changed gets a mark of its own, so that two stay two.
pub(crate) fn tool_id(id: &str) -> Cow<'_, str> {
    const ALSO: [char; 2] = ['.', ':'];
    if id.len() <= LONGEST && is_clean(id, &ALSO) {
        return Cow::Borrowed(id);
    }
    let kept: String = clean(id, &ALSO).chars().take(LONGEST - 9).collect();
    Cow::Owned(format!("{kept}_{}", hash(&[id.as_bytes()], 4)))
}

/// The name of a document, which depends on nothing but its content: prompts stay the same for caches.
pub(crate) fn document(base64: &str, format: &str) -> String {
    let length = base64.len().to_string();
    let hash = hash(&[base64.as_bytes(), length.as_bytes()], 8);
    format!("DocumentPDFmessages_{hash}_{format}")
}

/// The first bytes of a SHA-256 in hexadecimal digits.
fn hash(parts: &[&[u8]], bytes: usize) -> String {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hex::encode(hasher.finalize().get(..bytes).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_what_bedrock_takes() {
        assert_eq!(tool_id("call:1.x-2"), "call:1.x-2");
        assert_eq!(tool_id("call:1/2|x"), "call:1_2_x_33e61062");
        assert_eq!(tool_id(&"x".repeat(80)).len(), 64);
    }
}
