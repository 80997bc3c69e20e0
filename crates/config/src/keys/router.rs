use super::{Key, Type::*, active};

pub(super) const ACTIVE: &[Key] = &[
    active(
        "routing_strategy",
        Text,
        "simple-shuffle",
        "`simple-shuffle`, `least-busy`, `latency-based-routing` or `cost-based-routing`.",
    ),
    active("routing_strategy_args", Map, "", "`lowest_latency_buffer` of latency-based routing."),
    active(
        "model_group_alias",
        Map,
        "",
        "More names for groups: `alias: group`, or `alias: {model: group, hidden: true}`.",
    ),
    active("num_retries", Count, "2", "How often a failed call is tried again within its group."),
    active("timeout", Seconds, "1800", "The limit on a whole call, in seconds."),
    active("stream_timeout", Seconds, "120", "The limit on the wait for a stream's first byte, in seconds."),
    active(
        "retry_after",
        Number,
        "0",
        "The shortest wait before the same deployment is asked again, in seconds.",
    ),
    active("retry_policy", Map, "", "Retries by kind of error: `RateLimitErrorRetries: 3`, …."),
    active("model_group_retry_policy", Map, "", "The same for single groups."),
    active(
        "allowed_fails",
        Count,
        "",
        "Failures a minute before a deployment is left alone; without it, more than half of at least five.",
    ),
    active("allowed_fails_policy", Map, "", "The same by kind of error: `TimeoutErrorAllowedFails: 3`, …."),
    active("cooldown_time", Number, "5", "For how many seconds a failing deployment is left alone."),
    active("disable_cooldowns", Flag, "false", "Never leave a deployment alone."),
    active("fallbacks", List, "", "Which groups follow which: `[{group: [next, …]}]`; names may hold `*`."),
    active("default_fallbacks", List, "", "Groups that follow those without fallbacks of their own."),
    active("context_window_fallbacks", List, "", "As `fallbacks`, after a prompt that is too long."),
    active("content_policy_fallbacks", List, "", "As `fallbacks`, after a refusal by content policy."),
    active("max_fallbacks", Count, "5", "How many fallbacks one call may use."),
    active("enable_tag_filtering", Flag, "false", "Choose deployments by the request's tags."),
    active("tag_filtering_match_any", Flag, "true", "Whether one common tag is enough."),
    active(
        "default_max_parallel_requests",
        Count,
        "",
        "Limit on calls at one time for deployments that name none.",
    ),
    active("default_litellm_params", Map, "", "Parameters of deployments that do not have them."),
    active(
        "ignore_invalid_deployments",
        Flag,
        "true",
        "Leave out deployments that cannot work, with a warning, instead of refusing the file.",
    ),
];

pub(super) const LATER: &str = "\
    alerting_config assistants_config cache_kwargs cache_responses caching_groups client_ttl debug_level \
    default_priority deployment_affinity_ttl_seconds enable_health_check_routing enable_pre_call_checks \
    enable_weighted_failover guardrail_list model_group_affinity_config optional_pre_call_checks plugins \
    polling_interval provider_budget_config redis_db redis_host redis_password redis_port redis_url \
    router_general_settings routing_groups search_tools set_verbose tag_routing_prefix weights";
