//! What a Claude model can do: from facts where there are any, else from its name.

use lockgate_core::{ModelFacts, Target};

/// Completion limit where nothing is known about the model.
const FALLBACK_MAX_TOKENS: u64 = 4096;

/// A model's abilities, as far as requests depend on them.
pub(crate) struct Model<'a> {
    pub(crate) name: &'a str,
    facts: &'a ModelFacts,
    version: Option<(u32, u32)>,
}

impl<'a> Model<'a> {
    pub(crate) fn new(target: &'a Target) -> Self {
        Self { name: &target.model, facts: &target.facts, version: version(&target.model) }
    }

    /// The longest completion, which is also the default: Anthropic demands a limit and bills what is used.
    pub(crate) fn max_tokens(&self) -> u64 {
        self.facts.max_output.unwrap_or(FALLBACK_MAX_TOKENS)
    }

    /// Whether the model can think at all.
    pub(crate) fn thinks(&self) -> bool {
        self.fact("reasoning").unwrap_or(match self.version {
            Some(version) if self.is_claude() => version >= (3, 7),
            _ => true,
        })
    }

    /// Whether the model decides by itself how much to think.
    pub(crate) fn thinks_adaptively(&self) -> bool {
        self.fact("adaptive_thinking").unwrap_or_else(|| self.is_claude() && self.version >= Some((4, 6)))
    }

    /// Whether the model refuses a thinking budget and takes only adaptive thinking.
    pub(crate) fn refuses_budgets(&self) -> bool {
        let known = self.facts.known.then(|| !self.facts.supports("legacy_thinking"));
        self.thinks_adaptively() && known.unwrap_or(self.version >= Some((4, 7)))
    }

    /// Whether this effort is one that the model takes; only `xhigh` and `max` differ between models.
    pub(crate) fn takes_effort(&self, effort: &str) -> bool {
        let flag = match effort {
            "xhigh" => "xhigh_reasoning_effort",
            "max" => "max_reasoning_effort",
            _ => return true,
        };
        !self.facts.known || self.facts.supports(flag)
    }

    /// Whether `temperature`, `top_p` and `top_k` are refused.
    pub(crate) fn refuses_sampling(&self) -> bool {
        self.facts.lacks.contains("sampling_params")
    }

    /// Whether answers can be held to a JSON schema without the detour of a forced tool.
    pub(crate) fn writes_schemas(&self) -> bool {
        self.fact("native_structured_output")
            .unwrap_or_else(|| self.is_claude() && self.version >= Some((4, 5)))
    }

    /// A capability: what the facts say, or nothing if the catalogue does not know the model.
    fn fact(&self, capability: &str) -> Option<bool> {
        if self.facts.supports(capability) {
            return Some(true);
        }
        (self.facts.known || self.facts.lacks.contains(capability)).then_some(false)
    }

    fn is_claude(&self) -> bool {
        self.name.contains("claude")
    }
}

/// The version in a model's name: `claude-opus-4-6` is 4.6, `claude-3-haiku-20240307` is 3.0.
fn version(name: &str) -> Option<(u32, u32)> {
    let tail = name.split_once("claude")?.1;
    let mut numbers = tail
        .split(['-', '.', '@', ':', '_'])
        .map(|part| part.strip_prefix('v').unwrap_or(part))
        .skip_while(|part| !is_small(part))
        .map_while(|part| is_small(part).then(|| part.parse().ok()).flatten());
    let major = numbers.next()?;
    Some((major, numbers.next().unwrap_or(0)))
}

/// A version number, not a date.
fn is_small(part: &str) -> bool {
    !part.is_empty() && part.len() <= 2 && part.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_are_read_from_names() {
        for (name, expected) in [
            ("claude-3-haiku-20240307", Some((3, 0))),
            ("claude-3-7-sonnet-20250219", Some((3, 7))),
            ("claude-opus-4-20250514", Some((4, 0))),
            ("claude-sonnet-4-5@20250929", Some((4, 5))),
            ("anthropic/claude-opus-4.6", Some((4, 6))),
            ("claude-sonnet-5", Some((5, 0))),
            ("claude-instant-1.2", Some((1, 2))),
            ("claude-next", None),
            ("deepseek-chat", None),
        ] {
            assert_eq!(version(name), expected, "{name}");
        }
    }
}
