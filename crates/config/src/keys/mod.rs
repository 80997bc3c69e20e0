//! Every key and every environment variable, declared once. Checks, "not active yet" and the reference documentation
//! come from these tables.

mod deployment;
mod env;
mod general;
mod litellm;
mod router;
mod search;
mod top;

/// What a value must be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Type {
    Flag,
    /// A whole number, not negative.
    Count,
    Number,
    /// A number of seconds above zero.
    Seconds,
    Text,
    /// A list of texts, or one.
    Texts,
    List,
    Map,
    Any,
}

impl Type {
    /// For the reference.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Flag => "true or false",
            Self::Count => "whole number",
            Self::Number => "number",
            Self::Seconds => "seconds",
            Self::Text => "text",
            Self::Texts => "list of texts",
            Self::List => "list",
            Self::Map => "map",
            Self::Any => "any",
        }
    }
}

/// What a declared name is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found {
    /// A key with a meaning.
    Key(&'static Key),
    /// One that is understood and said to be not active yet.
    Later,
    /// One that the dialects of clouds read.
    Kept,
}

/// A declared key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Type,
    /// What holds without it; empty: nothing.
    pub(crate) default: &'static str,
    /// Whether it changes anything; if not, it is accepted all the same.
    pub(crate) active: bool,
    /// One line.
    pub(crate) meaning: &'static str,
}

/// A place where keys stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// `general_settings`, `model_list[].litellm_params`, or empty for the top.
    pub(crate) name: &'static str,
    /// One line about it.
    pub(crate) meaning: &'static str,
    pub(crate) keys: &'static [Key],
    /// Names of keys that are not active yet; their meaning is LiteLLM's.
    pub(crate) later: &'static str,
    /// Names of keys that are kept for the dialects that read them.
    pub(crate) kept: &'static str,
    /// Whether keys that are not declared mean something too.
    pub(crate) open: bool,
}

impl Place {
    pub(crate) fn find(&self, name: &str) -> Option<Found> {
        if let Some(key) = self.keys.iter().find(|key| key.name == name) {
            return Some(Found::Key(key));
        }
        let has = |names: &str| names.split_whitespace().any(|one| one == name);
        has(self.later).then_some(Found::Later).or_else(|| has(self.kept).then_some(Found::Kept))
    }

    /// The names of all keys.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        let rest = self.later.split_whitespace().chain(self.kept.split_whitespace());
        self.keys.iter().map(|key| key.name).chain(rest)
    }
}

pub(crate) const TOP: Place = Place {
    name: "",
    meaning: "The sections of the file.",
    keys: top::ACTIVE,
    later: top::LATER,
    kept: "",
    open: false,
};

pub(crate) const GENERAL: Place = Place {
    name: "general_settings",
    meaning: "The server: who may call, how much, and how it stops.",
    keys: general::ACTIVE,
    later: general::LATER,
    kept: "",
    open: false,
};

pub(crate) const LITELLM: Place = Place {
    name: "litellm_settings",
    meaning: "Every call: parameters, time limits, fetching, logs.",
    keys: litellm::ACTIVE,
    later: litellm::LATER,
    kept: "",
    open: false,
};

pub(crate) const ROUTER: Place = Place {
    name: "router_settings",
    meaning: "Which deployment is tried, how often, and what comes after it.",
    keys: router::ACTIVE,
    later: router::LATER,
    kept: "",
    open: false,
};

pub(crate) const ENTRY: Place = Place {
    name: "model_list[]",
    meaning: "One deployment: a provider's model under a public name.",
    keys: deployment::ENTRY,
    later: "",
    kept: "",
    open: false,
};

pub(crate) const PARAMS: Place = Place {
    name: "model_list[].litellm_params",
    meaning: "Where the deployment is, its credential, limits and defaults. Any other key is a parameter that is sent to \
              the provider where the client's request does not have it (`temperature`, `max_tokens`, `top_k`, …).",
    keys: deployment::PARAMS,
    later: deployment::PARAMS_LATER,
    kept: deployment::PARAMS_KEPT,
    open: true,
};

pub(crate) const INFO: Place = Place {
    name: "model_list[].model_info",
    meaning: "Facts about the deployment; other keys are kept and shown by `/model/info`.",
    keys: deployment::INFO,
    later: deployment::INFO_LATER,
    kept: "",
    open: true,
};

pub(crate) const SEARCH_TOOL: Place = Place {
    name: "search_tools[]",
    meaning: "A search engine under a public name: `POST /v1/search/NAME`.",
    keys: search::TOOL,
    later: "",
    kept: "",
    open: false,
};

pub(crate) const SEARCH_PARAMS: Place = Place {
    name: "search_tools[].litellm_params",
    meaning: "The engine, its credential and limits. Any other key is a parameter that is sent to the engine where the \
              client's request does not have it (`max_results`, `search_depth`, …).",
    keys: search::PARAMS,
    later: "",
    kept: "dataforseo_login dataforseo_password",
    open: true,
};

/// All places, in the order of the reference.
pub(crate) const PLACES: &[Place] =
    &[TOP, ENTRY, PARAMS, INFO, SEARCH_TOOL, SEARCH_PARAMS, GENERAL, LITELLM, ROUTER];

/// Environment variables that are read, besides those of the providers.
pub(crate) const VARIABLES: Place = Place {
    name: "environment",
    meaning: "Variables that are read, besides the providers' keys and addresses.",
    keys: env::ACTIVE,
    later: env::LATER,
    kept: "",
    open: true,
};

const fn active(name: &'static str, kind: Type, default: &'static str, meaning: &'static str) -> Key {
    Key { name, kind, default, active: true, meaning }
}

const fn moot(name: &'static str, meaning: &'static str) -> Key {
    Key { name, kind: Type::Any, default: "", active: false, meaning }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_key_is_declared_once_and_is_explained() {
        for place in PLACES {
            let mut seen = BTreeSet::new();
            for name in place.names() {
                assert!(seen.insert(name), "{}.{name} is declared twice", place.name);
            }
            assert!(place.keys.iter().all(|key| key.meaning.ends_with('.')), "{}", place.name);
        }
    }
}
