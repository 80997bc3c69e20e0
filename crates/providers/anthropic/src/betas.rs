//! The `anthropic-beta` header: a set of features that a request switches on.

use ::http::{HeaderMap, HeaderValue};

/// Features in the order in which they were first named.
#[derive(Default)]
pub(crate) struct Betas(Vec<String>);

impl Betas {
    /// Adds one feature, unless it is there in any version: what was named explicitly wins.
    pub(crate) fn add(&mut self, feature: &str) {
        if !self.0.iter().any(|own| stem(own) == stem(feature)) {
            self.0.push(feature.to_owned());
        }
    }

    /// Adds the features of a header's value.
    pub(crate) fn merge(&mut self, header: &str) {
        for feature in header.split(',').map(str::trim).filter(|feature| !feature.is_empty()) {
            if !self.0.iter().any(|own| own == feature) {
                self.0.push(feature.to_owned());
            }
        }
    }

    /// Adds all features that these headers name.
    pub(crate) fn merge_headers(&mut self, headers: &HeaderMap) {
        for value in headers.get_all("anthropic-beta") {
            self.merge(value.to_str().unwrap_or_default());
        }
    }

    /// What a hosted tool needs.
    pub(crate) fn for_tool(&mut self, kind: &str) {
        let feature = match kind {
            "computer_20251124" => "computer-use-2025-11-24",
            "computer_20250124" => "computer-use-2025-01-24",
            "computer_20241022" | "text_editor_20241022" | "bash_20241022" => "computer-use-2024-10-22",
            "code_execution_20250522" => "code-execution-2025-05-22",
            "code_execution_20250825" => "code-execution-2025-08-25",
            "web_fetch_20250910" => "web-fetch-2025-09-10",
            "memory_20250818" => "context-management-2025-06-27",
            _ if kind.starts_with("tool_search_tool_") => "advanced-tool-use-2025-11-20",
            _ => return,
        };
        self.add(feature);
    }

    /// What members of the body need.
    pub(crate) fn for_member(&mut self, member: &str) {
        match member {
            "context_management" => self.add("context-management-2025-06-27"),
            "mcp_servers" => self.add("mcp-client-2025-04-04"),
            "output_format" => self.add("structured-outputs-2025-11-13"),
            "speed" => self.add("fast-mode-2026-02-01"),
            _ => {}
        }
    }

    /// The header's value, if there is any feature.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        if self.0.is_empty() {
            return None;
        }
        HeaderValue::try_from(self.0.join(",")).ok()
    }
}

/// A feature without its date: `mcp-client-2025-04-04` is `mcp-client`.
fn stem(feature: &str) -> &str {
    let is_date = |byte: u8| byte.is_ascii_digit() || byte == b'-';
    let name = feature.bytes().rposition(|byte| !is_date(byte)).map_or(0, |at| at + 1);
    feature.get(..name).filter(|stem| !stem.is_empty()).unwrap_or(feature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_a_set_and_the_callers_version_wins() {
        let mut betas = Betas::default();
        betas.merge("mcp-client-2025-11-20, context-1m-2025-08-07");
        betas.merge("context-1m-2025-08-07");
        betas.add("mcp-client-2025-04-04");
        betas.for_tool("computer_20250124");
        betas.for_tool("web_search_20250305");
        let header = betas.header().unwrap();
        assert_eq!(header, "mcp-client-2025-11-20,context-1m-2025-08-07,computer-use-2025-01-24");
    }
}
