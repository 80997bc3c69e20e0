use super::{Key, Type::*, active, later};

pub(super) const ENTRY: &[Key] = &[
    active("model_name", Text, "", "The public name; `*` stands for any text."),
    active("litellm_params", Map, "", "Where the deployment is."),
    active("model_info", Map, "", "Facts about it."),
];

pub(super) const PARAMS: &[Key] = &[
    active("model", Text, "", "`provider/name`; stars stand for what those of `model_name` captured."),
    active("custom_llm_provider", Text, "", "The provider, if `model` does not say it."),
    active("api_key", Text, "the provider's variable", "The credential."),
];

pub(super) const PARAMS_LATER: &[Key] = &[later("tag_regex")];

pub(super) const INFO: &[Key] = &[active("id", Text, "a hash of the entry", "The deployment's id.")];

pub(super) const INFO_LATER: &[Key] = &[later("access_windows")];
