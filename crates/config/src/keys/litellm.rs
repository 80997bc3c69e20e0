use super::{Key, Type::*, active, later, moot};

pub(super) const ACTIVE: &[Key] = &[
    active(
        "drop_params",
        Flag,
        "false",
        "Drop known parameters that a provider does not take, instead of refusing the call.",
    ),
    active("additional_drop_params", Texts, "", "Parameters that are never sent."),
    active("allowed_openai_params", Texts, "", "Parameters that are always sent."),
    active("modify_params", Flag, "false", "Repair histories that a provider would refuse."),
    active("num_retries", Count, "2", "As `router_settings.num_retries`, which wins."),
    active("request_timeout", Seconds, "1800", "The limit on a whole call, in seconds."),
    active("fallbacks", List, "", "As `router_settings.fallbacks`, which wins."),
    active("default_fallbacks", List, "", "As `router_settings.default_fallbacks`, which wins."),
    active(
        "context_window_fallbacks",
        List,
        "",
        "As `router_settings.context_window_fallbacks`, which wins.",
    ),
    active(
        "content_policy_fallbacks",
        List,
        "",
        "As `router_settings.content_policy_fallbacks`, which wins.",
    ),
    active("allowed_fails", Count, "", "As `router_settings.allowed_fails`, which wins."),
    active("user_url_validation", Flag, "true", "As `general_settings.user_url_validation`."),
    active("user_url_allowed_hosts", Texts, "", "As `general_settings.user_url_allowed_hosts`."),
    active("ssl_verify", Flag, "true", "Whether providers' certificates are checked."),
    active("json_logs", Flag, "false", "Logs as JSON."),
    active("set_verbose", Flag, "false", "Logs at debug level."),
    active("include_cost_in_streaming_usage", Flag, "false", "Usage in streams carries what it cost."),
    active(
        "block_requests_for_models_without_pricing",
        Flag,
        "false",
        "Refuse calls whose cost would be unknown.",
    ),
    active("require_auth_for_metrics_endpoint", Flag, "true", "Whether `/metrics` wants a key."),
    active(
        "sse_keepalive_ping_interval_seconds",
        Number,
        "15",
        "After how much silence a stream gets a sign of life; 0: never.",
    ),
    active("connect_timeout", Seconds, "5", "The limit on connecting, in seconds."),
    active("idle_timeout", Seconds, "60", "The limit on silence within an answer, in seconds."),
];

pub(super) const LATER: &[Key] = &[later("cache"), moot("telemetry", "Nothing is ever sent home.")];
