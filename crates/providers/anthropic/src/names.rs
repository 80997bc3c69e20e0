//! Names and ids in the letters that Anthropic allows.

use std::borrow::Cow;

use lockgate_core::names::{clean, is_clean};

/// Longest name of a tool.
pub(crate) const LONGEST: usize = 128;

/// An id of a tool call with all letters that Anthropic refuses replaced.
pub(crate) fn tool_id(id: &str) -> Cow<'_, str> {
    match id {
        "" => Cow::Borrowed("_"),
        id if is_clean(id, &[]) => Cow::Borrowed(id),
        id => Cow::Owned(clean(id, &[])),
    }
}

#[cfg(test)]
mod tests {
    use super::tool_id;

    #[test]
    fn ids_in_letters_that_are_taken() {
        assert_eq!(tool_id("call:1.x"), "call_1_x");
        assert_eq!(tool_id(""), "_");
    }
}
