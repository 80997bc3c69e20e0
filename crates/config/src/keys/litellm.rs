use super::{Key, Type::*, active, moot};

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
    active(
        "predibase_tenant_id",
        Text,
        "",
        "Whose deployments on Predibase; instead of `PREDIBASE_TENANT_ID`.",
    ),
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
    active("require_auth_for_metrics_endpoint", Flag, "true", "Whether `/metrics` wants a key."),
    active(
        "sse_keepalive_ping_interval_seconds",
        Number,
        "15",
        "After how much silence a stream gets a sign of life; 0: never.",
    ),
    active("connect_timeout", Seconds, "5", "The limit on connecting, in seconds."),
    active("idle_timeout", Seconds, "60", "The limit on silence within an answer, in seconds."),
    moot("aiohttp_trust_env", "There is no aiohttp here; proxies come from the environment."),
    moot("disable_aiohttp_transport", "There is no aiohttp here."),
    moot("disable_hf_tokenizer_download", "No tokenizer is ever downloaded."),
    moot("redact_messages_in_exceptions", "Prompts are never logged."),
    moot("redact_user_api_key_info", "Keys are never logged."),
    moot("safe_memory_mode", "Memory is bounded anyway."),
    moot("suppress_debug_info", "No hints are printed."),
    moot("telemetry", "Nothing is ever sent home."),
    moot("turn_off_message_logging", "Prompts and answers are never logged."),
];

pub(super) const LATER: &str = "\
    add_function_to_prompt add_user_information_to_llm_headers allow_dynamic_callback_disabling \
    anthropic_sse_ping_interval_seconds audit_log_callbacks aws_sqs_callback_params \
    bedrock_request_metadata_fields block_requests_for_models_without_pricing budget_duration \
    budget_exceeded_status_code budget_exceeded_throttle_percentage budget_reset_time budget_rollover \
    cache cache_params callbacks cold_storage_custom_logger cost_discount_config cost_margin_config \
    custom_prometheus_metadata_labels custom_prometheus_tags custom_provider_map datadog_params \
    default_internal_user_params default_key_generate_params default_soft_budget default_team_params \
    default_team_settings disable_add_user_agent_to_request_tags disable_copilot_system_to_assistant \
    disable_end_user_cost_tracking disable_end_user_cost_tracking_prometheus_only \
    enable_caching_on_provider_specific_optional_params enable_json_schema_validation \
    enable_key_alias_format_validation enable_loadbalancing_on_batch_endpoints enable_preview_features \
    enable_redis_auth_cache extra_spend_tag_headers failure_callback force_ipv4 \
    forward_traceparent_to_llm_provider global_disable_no_log_param http2 \
    include_cost_in_streaming_usage internal_user_budget_duration key_alias_pattern \
    key_generation_settings langfuse_default_tags log_raw_request_response max_budget \
    max_end_user_budget max_end_user_budget_id max_internal_user_budget max_ui_session_budget \
    mcp_aliases mcp_semantic_tool_filter mcp_tool_search model_group_settings network_mock \
    overwrite_user_with_key_hash presidio_logging_only priority_reservation \
    priority_reservation_settings prometheus_deployment_and_latency_caller_identity \
    prometheus_emit_input_sequence_length_label prometheus_emit_rate_limit_labels \
    prometheus_emit_stream_label prometheus_end_user_metrics_max_series_per_metric \
    prometheus_exclude_labels prometheus_exclude_metrics prometheus_initialize_budget_metrics \
    prometheus_latency_buckets prometheus_metrics_config public_agent_groups public_mcp_servers \
    public_model_groups public_skills_index reasoning_auto_summary require_managed_files retry \
    route_all_chat_openai_to_responses s3_audit_callback_params s3_callback_params scim_admin_group \
    scim_upsert_user service_callbacks skip_system_message_in_guardrail skip_tool_message_in_guardrail \
    ssl_certificate ssl_ecdh_curve ssl_security_level standard_logging_payload_excluded_fields \
    store_audit_logs success_callback tag_budget_config timezone upperbound_key_generate_params \
    use_chat_completions_url_for_anthropic_messages validate_end_user_id_in_db \
    vector_store_search_failure_mode websearch_interception_params";
