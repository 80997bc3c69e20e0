//! Which model is spoken to how.

/// How a model on Vertex AI is spoken to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Family {
    /// `generateContent`.
    Gemini,
    /// Messages through `rawPredict`.
    Claude,
    /// OpenAI's chat completions.
    Partner(Partner),
}

/// Where a partner's model is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Partner {
    /// Below its publisher: `rawPredict`.
    Mistral,
    /// Below its publisher, in the beta version of the API.
    Ai21,
    /// The endpoint that resembles OpenAI's API.
    OpenApi,
}

impl Family {
    pub(crate) fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        let starts = |names: &[&str]| names.iter().any(|start| name.starts_with(start));
        if name.contains("claude") {
            Self::Claude
        } else if starts(&["mistral", "codestral", "ministral"]) {
            Self::Partner(Partner::Mistral)
        } else if starts(&["jamba"]) {
            Self::Partner(Partner::Ai21)
        } else if model.contains('/') && !starts(&["gemini"]) && !model.starts_with("gemini/") {
            Self::Partner(Partner::OpenApi)
        } else {
            Self::Gemini
        }
    }
}

/// Whether a name is the number of an endpoint of the user's own.
pub(crate) fn is_endpoint(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_decide() {
        for (model, expected) in [
            ("gemini-2.5-pro", Family::Gemini),
            ("gemini/1234567890", Family::Gemini),
            ("1234567890", Family::Gemini),
            ("claude-opus-4-6", Family::Claude),
            ("mistral-large-2411@001", Family::Partner(Partner::Mistral)),
            ("codestral-2", Family::Partner(Partner::Mistral)),
            ("jamba-1.5-large@001", Family::Partner(Partner::Ai21)),
            ("meta/llama-3.3-70b-instruct-maas", Family::Partner(Partner::OpenApi)),
            ("openai/gpt-oss-120b-maas", Family::Partner(Partner::OpenApi)),
        ] {
            assert_eq!(Family::of(model), expected, "{model}");
        }
    }
}
