use super::{Key, Type::*, active, later};

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
    active("providers", Map, "", "Providers of your own, as rows of the same form as the built-in ones."),
];

pub(super) const LATER: &[Key] = &[
    later("agent_list"),
    later("agents"),
    later("assistant_settings"),
    later("callback_settings"),
    later("default_vertex_config"),
    later("files_settings"),
    later("finetune_settings"),
    later("guardrails"),
    later("mcp_servers"),
    later("mcp_tools"),
    later("pass_through_endpoints"),
    later("policies"),
    later("policy_attachments"),
    later("prompts"),
    later("sandbox_tools"),
    later("search_tools"),
    later("vector_store_registry"),
    later("worker_registry"),
];
