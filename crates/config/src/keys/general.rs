use super::{Key, Type::*, active, later, moot};

pub(super) const ACTIVE: &[Key] = &[
    active("master_key", Text, "`LITELLM_MASTER_KEY`", "The administrator's key; every call must show it."),
    active(
        "dangerously_permit_weak_or_unset_master_key",
        Flag,
        "false",
        "Start on a public address in spite of a weak or missing master key.",
    ),
    active("litellm_key_header_name", Text, "", "One more header that may carry the key."),
    active(
        "allow_client_side_credentials",
        Flag,
        "false",
        "Clients may send `api_key` and `api_base` of their own.",
    ),
    active("max_request_size_mb", Number, "100", "The largest request body."),
    active("max_response_size_mb", Number, "256", "The largest answer that is held in memory as a whole."),
    active("always_include_stream_usage", Flag, "false", "Every stream ends with usage, asked for or not."),
    active("include_call_id_in_error_body", Flag, "false", "Errors name the call in their body."),
    active(
        "forward_client_headers_to_llm_api",
        Flag,
        "false",
        "Pass the client's `x-…` headers on to the provider.",
    ),
    active("completion_model", Text, "", "The model of chat requests that name none."),
    active("embedding_model", Text, "", "The model of embedding requests that name none."),
    active("moderation_model", Text, "", "The model of moderation requests that name none."),
    active(
        "drain_delay",
        Number,
        "0; 5 in Kubernetes",
        "Seconds after the signal to stop in which connections are still accepted.",
    ),
    active("drain_limit", Number, "600", "Seconds that calls under way then have to finish."),
    active("user_url_validation", Flag, "true", "URLs in requests must not lead to private addresses."),
    active("user_url_allowed_hosts", Texts, "", "Hosts that are exempt from `user_url_validation`."),
];

pub(super) const LATER: &[Key] =
    &[later("database_url"), moot("litellm_license", "Nothing here needs a licence.")];
