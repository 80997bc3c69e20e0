//! Ids of responses that lead back to the deployment which made them.
//!
//! A response that a provider keeps can be asked for again only at the same deployment. Its id goes to the client with
//! the deployment's id inside, so that nothing has to be remembered, by this process or the next.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Before the encoded part of an id.
const PREFIX: &str = "resp_";
/// Tells our ids from others, once they are decoded.
const MARK: &str = "lg1";

/// Before the ids of responses that the gateway keeps itself.
const OWN: &str = "resp_lg_";

/// The id of a response that the gateway keeps itself, made of something unique.
pub fn own(unique: &str) -> String {
    format!("{OWN}{unique}")
}

/// Whether the gateway itself keeps the response of that id.
pub fn is_own(id: &str) -> bool {
    id.starts_with(OWN)
}

/// The id that a client sees of a response which a provider keeps.
pub fn wrap(deployment: &str, own: &str) -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(format!("{MARK}\0{deployment}\0{own}")))
}

/// The deployment's id and the provider's own id of the response; nothing for ids of another form.
pub fn unwrap(id: &str) -> Option<(String, String)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id.strip_prefix(PREFIX)?).ok()?).ok()?;
    let (deployment, own) = text.strip_prefix(MARK)?.strip_prefix('\0')?.split_once('\0')?;
    // The provider's id becomes a part of a path.
    let plain = own.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.~=".contains(&byte));
    (plain && !own.is_empty() && !own.trim_matches('.').is_empty())
        .then(|| (deployment.to_owned(), own.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back() {
        let id = wrap("a/b:0", "resp_67cb-_=");
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)), "{id}");
        assert!(!is_own(&id) && is_own(&own("1")) && unwrap(&own("1")).is_none());
        assert_eq!(unwrap(&id), Some(("a/b:0".to_owned(), "resp_67cb-_=".to_owned())));
    }

    #[test]
    fn other_ids_are_none_of_ours() {
        for id in [
            "",
            "resp_",
            "resp_67cb32528d6881909eb2859a55e18a85",
            "resp_%",
            &wrap("d", ""),
            &wrap("d", "../x"),
            &wrap("d", ".."),
        ] {
            assert_eq!(unwrap(id), None, "{id}");
        }
    }
}
