use super::{Key, Type::*, active, moot};

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
    active(
        "drain_delay",
        Number,
        "0; 5 in Kubernetes",
        "Seconds after the signal to stop in which connections are still accepted.",
    ),
    active("drain_limit", Number, "600", "Seconds that calls under way then have to finish."),
    active(
        "store_responses",
        Flag,
        "true",
        "Responses are kept for `previous_response_id` and `GET /v1/responses/{id}`.",
    ),
    active("responses_retention_days", Number, "30", "How long responses are kept in the data folder."),
    active("user_url_validation", Flag, "true", "URLs in requests must not lead to private addresses."),
    active("user_url_allowed_hosts", Texts, "", "Hosts that are exempt from `user_url_validation`."),
    moot("cancel_on_disconnect", "Always so: when the client goes, the upstream call ends."),
    moot("disable_prisma_schema_update", "There is no Prisma here."),
    moot("litellm_license", "Nothing here needs a licence."),
];

pub(super) const LATER: &str = "\
    admin_only_routes admission_queue_timeout_seconds alert_to_webhook_url alert_type_config alert_types \
    alerting alerting_args alerting_threshold allow_public_health_readiness_details \
    allow_requests_on_db_unavailable allow_unmanaged_response_ids allowed_file_extensions allowed_ips \
    allowed_routes always_include_stream_usage apply_user_budget_to_team_keys \
    auto_redirect_ui_login_to_sso background_health_check_interval background_health_check_model_groups \
    background_health_checks blocked_file_extensions claude_code_gateway_managed_settings \
    completion_model control_plane_url coordination_redis custom_auth custom_auth_run_common_checks \
    custom_key_generate custom_key_policy custom_key_update custom_sso custom_team_metadata_validate \
    database_args database_connect_timeout database_connection_pool_limit \
    database_connection_pool_timeout database_connection_timeout database_disable_prepared_statements \
    database_extra_connection_params database_max_idle_connection_lifetime database_socket_timeout \
    database_type database_url default_team_disabled disable_auto_add_proxy_admin_to_teams \
    disable_batch_input_file_rate_limiting disable_bedrock_agent_runtime_passthrough \
    disable_budget_reservation disable_custom_api_keys disable_env_credential_login disable_error_logs \
    disable_key_generate_for_org_admin disable_master_key_return disable_password_login_when_sso_enabled \
    disable_reset_budget disable_responses_id_security disable_retry_on_max_parallel_request_limit_error \
    disable_spend_logs disable_spend_updates drain_endpoint_token embedding_model \
    enable_claude_code_gateway enable_drain_endpoint enable_health_check_routing enable_jwt_auth \
    enable_mcp_registry enable_oauth2_auth enable_oauth2_proxy_auth enable_openai_websocket_passthrough \
    enable_public_model_hub enforce_fallback_model_access enforce_rbac enforce_user_param \
    enforced_params expose_fallback_errors_to_caller fail_closed_budget_enforcement \
    fail_closed_rate_limit_enforcement failed_login_block_seconds failed_login_window_seconds \
    forward_client_headers_to_llm_api forward_llm_provider_auth_headers forward_openai_org_id \
    global_max_parallel_requests health_check_concurrency health_check_details \
    health_check_ignore_transient_errors health_check_interval \
    health_check_skip_disabled_background_models health_check_staleness_threshold \
    hide_default_credentials_hint image_generation_model include_call_id_in_error_body \
    infer_model_from_keys key_management_settings key_management_system litellm_jwtauth \
    max_batch_file_records max_batch_file_size_mb max_batch_file_uploads_per_day \
    max_failed_login_attempts_per_source max_file_downloads_per_minute max_file_size_mb \
    max_in_flight_requests_per_worker max_parallel_requests max_queued_requests_per_worker \
    max_response_size_mb maximum_autorouter_session_retention_period \
    maximum_daily_tag_spend_retention_period maximum_health_check_retention_period \
    maximum_spend_logs_cleanup_batch_size maximum_spend_logs_cleanup_cron \
    maximum_spend_logs_retention_interval maximum_spend_logs_retention_period mcp_advertised_versions \
    mcp_allow_all_keys_respects_mcp_scope mcp_allowed_clients mcp_client_id_header \
    mcp_client_side_auth_header_name mcp_internal_ip_ranges mcp_prefer_client_id_metadata_document \
    mcp_required_fields mcp_session_token_signing mcp_trusted_proxy_ranges mcp_xff_num_trusted_hops \
    missing_session_id model_list_healthy_only moderation_model oauth2_config_mappings otel \
    pass_through_endpoints pass_through_request_timeout passthrough_managed_object_ids \
    password_policy_check_breached_passwords password_policy_min_length \
    password_policy_require_uppercase plugins provider_url_destination_allowed_hosts \
    proxy_batch_polling_interval proxy_batch_write_at proxy_budget_rescheduler_max_time \
    proxy_budget_rescheduler_min_time proxy_config_reload_interval_seconds public_routes \
    reject_clientside_metadata_tags require_end_user_mcp_access_defined require_key_mcp_access_defined \
    responses_websocket_session_limit_seconds role_permissions scheduled_job_stagger \
    search_tool_deny_by_default service_account_settings skip_batch_input_file_rate_limiting_for_models \
    skip_batch_input_file_rate_limiting_for_providers spend_capture_rate_check \
    spend_logs_metadata_fields spend_report_frequency store_model_in_db store_prompts_in_spend_logs \
    supported_db_objects team_metadata_schema team_metadata_schema_timeout \
    team_metadata_schema_validation_error_message token_rate_limit_type tracing \
    track_unmanaged_batch_cost transcribe_media_buckets trusted_proxy_ranges ui_access_mode \
    ui_theme_config use_azure_key_vault use_client_credentials_pass_through_routes use_google_kms \
    use_redis_transaction_buffer use_shared_health_check use_spend_logs_partitioning \
    use_team_public_model_name use_x_forwarded_for user_api_key_cache_max_size user_api_key_cache_ttl \
    user_header_mappings user_header_name user_mcp_management_mode vector_store_deny_by_default";
