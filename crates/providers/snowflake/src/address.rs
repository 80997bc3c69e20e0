//! Where Cortex is.

use lockgate_core::Target;

/// Hosts of Snowflake's own.
const HOST: &str = ".snowflakecomputing.com";
/// The root of Snowflake's REST API.
const ROOT: &str = "/api/v2";

/// The base of the API in OpenAI's format.
pub(crate) fn chat(target: &Target) -> String {
    format!("{}{ROOT}/cortex/v1", account(&target.base))
}

/// The URL for embeddings.
pub(crate) fn embeddings(target: &Target) -> String {
    format!("{}{ROOT}/cortex/inference:embed", account(&target.base))
}

/// The account's address. What an operator wrote behind a host of Snowflake's own leads into the API and is known here
/// (`/api/v2/cortex/inference:complete` was the address to give for long); the path of another host is a proxy's and stays.
fn account(base: &str) -> &str {
    let start = base.find("://").map_or(0, |at| at + 3);
    let (host, path) = match base.get(start..).and_then(|rest| rest.find('/')) {
        Some(at) => base.split_at(start + at),
        None => (base, ""),
    };
    let own = host.to_ascii_lowercase().ends_with(HOST);
    if own && path.starts_with(ROOT) { host } else { base.strip_suffix(ROOT).unwrap_or(base) }
}

#[cfg(test)]
mod tests {
    use super::account;

    #[test]
    fn accounts_behind_any_way_to_write_their_address() {
        let own = "https://org-account.snowflakecomputing.com";
        for path in ["", "/api/v2", "/api/v2/cortex/inference:complete", "/api/v2/cortex/v1"] {
            assert_eq!(account(&format!("{own}{path}")), own, "{path}");
        }
        assert_eq!(account("http://proxy.test/snow/api/v2"), "http://proxy.test/snow");
        assert_eq!(account("http://proxy.test/api/v2/x"), "http://proxy.test/api/v2/x");
        assert_eq!(account("proxy"), "proxy");
    }
}
