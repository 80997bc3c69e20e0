use super::{Key, Type::*, active};

pub(super) const ACTIVE: &[Key] = &[
    active("model_list", List, "every provider whose key is in the environment", "The deployments."),
    active("general_settings", Map, "", "Options of the server."),
    active("litellm_settings", Map, "", "Options of every call."),
    active("router_settings", Map, "", "Options of routing."),
    active("environment_variables", Map, "", "Variables that are set before anything else is read."),
    active("credential_list", List, "", "Named credentials, for `litellm_credential_name`."),
    active(
        "include",
        Texts,
        "",
        "More files, relative to this one: lists are appended, other sections replaced.",
    ),
    active("search_tools", List, "", "The search engines behind `/v1/search`."),
    active("providers", Map, "", "Providers of your own, as rows of the same form as the built-in ones."),
];

pub(super) const LATER: &str = "\
    agent_list agents assistant_settings callback_settings default_vertex_config files_settings \
    finetune_settings guardrails mcp_servers mcp_tools pass_through_endpoints policies \
    policy_attachments prompts sandbox_tools vector_store_registry worker_registry";
