//! Texts inside URIs and forms.

/// A text as a form, a query or one segment of a path has it.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Fields as a form or a query has them.
pub fn form<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let fields = fields.into_iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
    fields.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_plain_is_escaped() {
        assert_eq!(escaped("a b&c/é"), "a%20b%26c%2F%C3%A9");
        assert_eq!(escaped("a:b/c-1.0"), "a%3Ab%2Fc-1.0");
        assert_eq!(form([("a", "1 2"), ("b[]", "=")]), "a=1%202&b%5B%5D=%3D");
    }
}
