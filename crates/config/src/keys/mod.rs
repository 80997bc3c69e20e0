//! Every key and every environment variable, declared once. Checks, "not active yet" and the reference documentation
//! come from these tables.

mod deployment;
mod env;
mod general;
mod litellm;
mod router;
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

/// What a key does in this build.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Status {
    /// It is obeyed.
    Active,
    /// It is understood and said to be not active yet.
    Later,
    /// It is accepted; there is nothing here that it could change.
    Moot,
}

/// A declared key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Type,
    /// What holds without it; empty: nothing.
    pub(crate) default: &'static str,
    pub(crate) status: Status,
    /// One line. Empty for keys that are not active yet: their meaning is LiteLLM's.
    pub(crate) meaning: &'static str,
}

/// A place where keys stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// `general_settings`, `model_list[].litellm_params`, or empty for the top.
    pub(crate) name: &'static str,
    /// One line about it.
    pub(crate) meaning: &'static str,
    pub(crate) keys: &'static [&'static [Key]],
    /// Whether keys that are not declared mean something too.
    pub(crate) open: bool,
}

impl Place {
    pub(crate) fn find(&self, name: &str) -> Option<&'static Key> {
        self.all().find(|key| key.name == name)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &'static Key> {
        self.keys.iter().copied().flatten()
    }
}

pub(crate) const TOP: Place =
    Place { name: "", meaning: "The sections of the file.", keys: &[top::ACTIVE, top::LATER], open: false };

pub(crate) const GENERAL: Place = Place {
    name: "general_settings",
    meaning: "The server: who may call, how much, and how it stops.",
    keys: &[general::ACTIVE, general::LATER],
    open: false,
};

pub(crate) const LITELLM: Place = Place {
    name: "litellm_settings",
    meaning: "Every call: parameters, time limits, fetching, logs.",
    keys: &[litellm::ACTIVE, litellm::LATER],
    open: false,
};

pub(crate) const ROUTER: Place = Place {
    name: "router_settings",
    meaning: "Which deployment is tried, how often, and what comes after it.",
    keys: &[router::ACTIVE, router::LATER],
    open: false,
};

pub(crate) const ENTRY: Place = Place {
    name: "model_list[]",
    meaning: "One deployment: a provider's model under a public name.",
    keys: &[deployment::ENTRY],
    open: false,
};

pub(crate) const PARAMS: Place = Place {
    name: "model_list[].litellm_params",
    meaning: "Where the deployment is, its credential, limits and defaults. Any other key is a parameter that is sent to \
              the provider where the client's request does not have it (`temperature`, `max_tokens`, `top_k`, …).",
    keys: &[deployment::PARAMS, deployment::PARAMS_LATER],
    open: true,
};

pub(crate) const INFO: Place = Place {
    name: "model_list[].model_info",
    meaning: "Facts about the deployment; other keys are kept and shown by `/model/info`.",
    keys: &[deployment::INFO, deployment::INFO_LATER],
    open: true,
};

/// All places, in the order of the reference.
pub(crate) const PLACES: &[Place] = &[TOP, ENTRY, PARAMS, INFO, GENERAL, LITELLM, ROUTER];

/// Environment variables that are read, besides those of the providers.
pub(crate) const VARIABLES: &[&[Key]] = &[env::ACTIVE, env::LATER];

const fn active(name: &'static str, kind: Type, default: &'static str, meaning: &'static str) -> Key {
    Key { name, kind, default, status: Status::Active, meaning }
}

const fn later(name: &'static str) -> Key {
    Key { name, kind: Type::Any, default: "", status: Status::Later, meaning: "" }
}

const fn moot(name: &'static str, meaning: &'static str) -> Key {
    Key { name, kind: Type::Any, default: "", status: Status::Moot, meaning }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_key_is_declared_once_and_active_ones_are_explained() {
        for place in PLACES {
            let mut seen = BTreeSet::new();
            for key in place.all() {
                assert!(seen.insert(key.name), "{}.{} is declared twice", place.name, key.name);
                assert!(
                    key.status != Status::Active || !key.meaning.is_empty(),
                    "{}.{}",
                    place.name,
                    key.name
                );
            }
        }
    }
}
