//! Which parameters a model takes.

use lockgate_core::{Error, ErrorKind, ModelFacts, Origin, ParamPolicy, Quirks, Target};

/// The chat parameters of OpenAI's API that every OpenAI-like provider is taken to know unless its row says otherwise.
const BASE: [&str; 29] = [
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "modalities",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "web_search_options",
];

/// Known parameters that a provider takes only if its row or its models' family says so.
const SPECIAL: [&str; 6] =
    ["metadata", "reasoning_effort", "thinking", "user", "verbosity", "context_management"];

/// Parameters that are left out without complaint where they are not supported: they steer bookkeeping, not the answer.
const QUIET: [&str; 3] = ["metadata", "stream_options", "user"];

/// Parameters that OpenAI's reasoning models of the o-series refuse.
const NOT_O_SERIES: [&str; 5] =
    ["frequency_penalty", "logprobs", "presence_penalty", "top_logprobs", "top_p"];

/// Parameters that OpenAI's gpt-5 models refuse.
const NOT_GPT_5: [&str; 8] = [
    "audio",
    "frequency_penalty",
    "logit_bias",
    "modalities",
    "prediction",
    "presence_penalty",
    "stop",
    "web_search_options",
];

/// Parameters that gpt-5 models refuse unless they can answer without reasoning.
const NOT_WHILE_REASONING: [&str; 3] = ["logprobs", "top_logprobs", "top_p"];

/// The parameters that a provider's model takes, in the alphabet's order.
pub fn supported_params(quirks: &Quirks, model: &str, facts: &ModelFacts) -> Vec<String> {
    let policy = ParamPolicy::default();
    let support = Support { quirks, model, family: Family::of(quirks, model, facts), facts, policy: &policy };
    let by_model = quirks.also_when.values().chain(quirks.also_for.values()).flatten();
    let own = quirks.params.iter().chain(&quirks.also).chain(by_model);
    let mut names: Vec<String> = BASE
        .iter()
        .chain(&SPECIAL)
        .map(|name| (*name).to_owned())
        .chain(own.cloned())
        .filter(|name| support.takes(name))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// OpenAI's kinds of models, which differ in what they take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Family {
    /// Not OpenAI's rules.
    Foreign,
    /// gpt-4o and older, and everything unknown.
    Standard,
    /// o1, o3, o4.
    OSeries,
    /// gpt-5; `none`: the model answers without reasoning unless asked to reason.
    Gpt5 { none: bool },
}

impl Family {
    pub(crate) fn of(quirks: &Quirks, model: &str, facts: &ModelFacts) -> Self {
        if !quirks.openai_families {
            return Self::Foreign;
        }
        // Routes that say of what kind the model behind a free name is.
        if model.starts_with("o_series/") {
            return Self::OSeries;
        }
        if model.starts_with("gpt5_series/") {
            return Self::Gpt5 { none: false };
        }
        let name = model.rsplit('/').next().unwrap_or(model);
        if name.contains("gpt-5") && !name.contains("gpt-5-chat") {
            let none = facts.supports("none_reasoning_effort") || name.starts_with("gpt-5.");
            return Self::Gpt5 { none };
        }
        let o_series = ["o1", "o3", "o4"].iter().any(|prefix| {
            name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        });
        if o_series { Self::OSeries } else { Self::Standard }
    }

    /// Whether the model reasons, and so has its own rules for limits, roles and temperature.
    pub(crate) fn reasons(self) -> bool {
        matches!(self, Self::OSeries | Self::Gpt5 { .. })
    }

    fn takes(self, name: &str, facts: &ModelFacts) -> bool {
        let base = BASE.contains(&name) || (name == "user" && self != Self::Foreign);
        match self {
            Self::Foreign => base,
            Self::Standard => {
                base || (name == "reasoning_effort" && (facts.supports("reasoning") || !facts.known))
            }
            Self::OSeries if name == "parallel_tool_calls" => facts.supports("parallel_function_calling"),
            Self::OSeries => (base || name == "reasoning_effort") && !NOT_O_SERIES.contains(&name),
            Self::Gpt5 { none } => {
                (base || name == "reasoning_effort" || name == "verbosity")
                    && !NOT_GPT_5.contains(&name)
                    && (none || !NOT_WHILE_REASONING.contains(&name))
            }
        }
    }
}

/// The name that tells a target's family: that of the model behind a freely named deployment, if the operator gave it.
pub(crate) fn telling_name(target: &Target) -> &str {
    target.param("base_model").unwrap_or(&target.model)
}

/// What one target takes.
pub(crate) struct Support<'a> {
    pub(crate) quirks: &'a Quirks,
    pub(crate) model: &'a str,
    pub(crate) family: Family,
    pub(crate) facts: &'a ModelFacts,
    pub(crate) policy: &'a ParamPolicy,
}

impl<'a> Support<'a> {
    pub(crate) fn of(target: &'a Target, policy: &'a ParamPolicy) -> Self {
        let quirks = &target.provider.quirks;
        let model = telling_name(target);
        Self { quirks, model, family: Family::of(quirks, model, &target.facts), facts: &target.facts, policy }
    }

    /// The name, if it is a parameter that anybody could fail to support. Others are forwarded.
    pub(crate) fn known(name: &str) -> Option<&'static str> {
        let base = BASE.binary_search(&name).ok().and_then(|at| BASE.get(at));
        base.or_else(|| SPECIAL.iter().find(|own| **own == name)).copied()
    }

    /// Whether the parameter may be sent.
    pub(crate) fn takes(&self, name: &str) -> bool {
        let quirks = self.quirks;
        if self.policy.allowed_openai_params.iter().any(|allowed| allowed == name) {
            return true;
        }
        if quirks.without.contains(name) {
            return false;
        }
        // A model that nobody knows may have any capability.
        let able = |fact: &str| self.facts.supports(fact) || !self.facts.known;
        let when = || quirks.also_when.iter().any(|(fact, names)| able(fact) && names.contains(name));
        let named =
            || quirks.also_for.iter().any(|(part, names)| self.model.contains(part) && names.contains(name));
        if quirks.also.contains(name) || when() || named() {
            return true;
        }
        if quirks.params.is_empty() {
            self.family.takes(name, self.facts)
        } else {
            quirks.params.contains(name)
        }
    }

    /// Whether the parameter with this value (JSON) is left out without complaint when it is not supported.
    pub(crate) fn quiet(name: &str, value: &str) -> bool {
        QUIET.contains(&name) || (name == "n" && value == "1") || value == "null"
    }

    /// Whether the family takes this temperature, given the effort asked for (JSON).
    pub(crate) fn takes_temperature(&self, value: &str, effort: Option<&str>) -> bool {
        if self.policy.allowed_openai_params.iter().any(|allowed| allowed == "temperature") {
            return true;
        }
        let one = value.parse::<f64>().is_ok_and(|value| value == 1.0) || value == "null";
        match self.family {
            Family::OSeries => one,
            Family::Gpt5 { none } => {
                let silent = matches!(effort, None | Some("null"));
                one || effort == Some("\"none\"") || (none && silent)
            }
            Family::Foreign | Family::Standard => true,
        }
    }
}

/// The refusal that names each parameter and says how to go on.
pub(crate) fn unsupported(target: &Target, names: &[&str]) -> Error {
    let list = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let (provider, model) = (&target.provider.title, &target.model);
    let verb = if names.len() == 1 { "this parameter" } else { "these parameters" };
    let error = Error::new(
        ErrorKind::UnsupportedParams,
        Origin::Client,
        format!(
            "{provider} does not support {verb} for the model `{model}`: {list}. Leave it out, set `drop_params: true` \
             to have it dropped, or list it in `allowed_openai_params` to have it sent all the same."
        ),
    );
    match names.first() {
        Some(name) => error.with_param(*name),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn openai() -> Quirks {
        Quirks { openai_families: true, ..Quirks::default() }
    }

    fn facts(supports: &[&str]) -> ModelFacts {
        let supports = supports.iter().map(|name| (*name).to_owned()).collect();
        ModelFacts { supports, known: true, ..ModelFacts::default() }
    }

    #[test]
    fn the_base_list_is_sorted_for_the_binary_search() {
        assert!(BASE.is_sorted());
    }

    #[test]
    fn families() {
        let none = ModelFacts::default();
        for (model, family) in [
            ("gpt-4o", Family::Standard),
            ("o3-mini", Family::OSeries),
            ("o1", Family::OSeries),
            ("o100-custom", Family::Standard),
            ("gpt-5-mini", Family::Gpt5 { none: false }),
            ("gpt-5.1", Family::Gpt5 { none: true }),
            ("gpt-5-chat-latest", Family::Standard),
            ("responses/gpt-5", Family::Gpt5 { none: false }),
            ("gpt5_series/mine", Family::Gpt5 { none: false }),
            ("o_series/mine", Family::OSeries),
        ] {
            assert_eq!(Family::of(&openai(), model, &none), family, "{model}");
        }
        assert_eq!(Family::of(&Quirks::default(), "o1", &none), Family::Foreign);
    }

    #[test]
    fn what_openai_s_models_take() {
        let takes = |model: &str, facts: &ModelFacts, name: &str| {
            supported_params(&openai(), model, facts).iter().any(|own| own == name)
        };
        assert!(!takes("gpt-4o", &facts(&[]), "reasoning_effort"));
        assert!(takes("my-local-model", &ModelFacts::default(), "reasoning_effort"));
        assert!(!takes("gpt-5", &facts(&[]), "top_p") && takes("gpt-5.1", &facts(&[]), "top_p"));
        assert!(takes("gpt-5", &facts(&[]), "verbosity") && !takes("gpt-5", &facts(&[]), "stop"));
        assert!(!takes("o1", &facts(&[]), "parallel_tool_calls"));
        assert!(takes("o3", &facts(&["parallel_function_calling"]), "parallel_tool_calls"));
    }

    #[test]
    fn rows_have_the_last_word() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let quirks = Quirks {
            params: set(&["temperature", "min_p"]),
            also: set(&["seed"]),
            without: set(&["temperature"]),
            also_when: [("reasoning".to_owned(), set(&["reasoning_effort"]))].into(),
            ..Quirks::default()
        };
        assert_eq!(supported_params(&quirks, "m", &facts(&[])), ["min_p", "seed"]);
        assert_eq!(
            supported_params(&quirks, "m", &facts(&["reasoning"])),
            ["min_p", "reasoning_effort", "seed"]
        );
        let unknown = ModelFacts::default();
        assert_eq!(supported_params(&quirks, "new", &unknown), ["min_p", "reasoning_effort", "seed"]);
    }

    #[test]
    fn temperature_of_reasoning_models() {
        let (quirks, facts, policy) = (openai(), facts(&[]), ParamPolicy::default());
        let support =
            |family| Support { quirks: &quirks, model: "m", family, facts: &facts, policy: &policy };
        assert!(!support(Family::OSeries).takes_temperature("0", None));
        assert!(support(Family::OSeries).takes_temperature("1.0", None));
        assert!(!support(Family::Gpt5 { none: false }).takes_temperature("0.3", None));
        assert!(support(Family::Gpt5 { none: false }).takes_temperature("0.3", Some("\"none\"")));
        assert!(support(Family::Gpt5 { none: true }).takes_temperature("0.3", None));
        assert!(!support(Family::Gpt5 { none: true }).takes_temperature("0.3", Some("\"low\"")));
    }
}
