use super::{Key, Type::*, active, moot};

pub(super) const ENTRY: &[Key] = &[
    active("model_name", Text, "", "The public name; `*` stands for any text."),
    active("litellm_params", Map, "", "Where the deployment is."),
    active("model_info", Map, "", "Facts about it."),
];

pub(super) const PARAMS: &[Key] = &[
    active("model", Text, "", "`provider/name`; stars stand for what those of `model_name` captured."),
    active("custom_llm_provider", Text, "", "The provider, if `model` does not say it."),
    active("api_key", Text, "the provider's variable", "The credential."),
    active("api_base", Text, "the provider's variable or address", "The base URL; also `base_url`."),
    active("base_url", Text, "", "As `api_base`."),
    active("organization", Text, "", "OpenAI's organization."),
    active(
        "litellm_credential_name",
        Text,
        "",
        "Takes what is missing here from that entry of `credential_list`.",
    ),
    active("extra_headers", Map, "", "Headers of every upstream request; also `headers`."),
    active("headers", Map, "", "As `extra_headers`."),
    active("extra_body", Map, "", "Members of every upstream body."),
    active(
        "base_model",
        Text,
        "",
        "The price list's name of the model, where the deployment's name is another.",
    ),
    active("weight", Number, "", "Its share of the group's traffic."),
    active("order", Count, "0", "Higher orders serve only when all lower ones are out."),
    active("rpm", Count, "", "Requests a minute that it is good for: its share where no weight is set."),
    active(
        "tpm",
        Count,
        "",
        "Tokens a minute that it is good for: its share where neither weight nor rpm is set.",
    ),
    active("max_parallel_requests", Count, "", "Calls at one time that it is good for."),
    active(
        "timeout",
        Seconds,
        "`router_settings.timeout`",
        "The limit on a whole call, in seconds; also on the wait for a stream's first byte unless `stream_timeout` says otherwise.",
    ),
    active("request_timeout", Seconds, "", "As `timeout`."),
    active(
        "stream_timeout",
        Seconds,
        "`router_settings.stream_timeout`",
        "The limit on the wait for a stream's first byte, in seconds.",
    ),
    active("connect_timeout", Seconds, "5", "The limit on connecting, in seconds."),
    active("idle_timeout", Seconds, "60", "The limit on silence within an answer, in seconds."),
    active(
        "num_retries",
        Count,
        "`router_settings.num_retries`",
        "How often a call that failed here is tried again; also `max_retries`.",
    ),
    active("max_retries", Count, "", "As `num_retries`."),
    active(
        "cooldown_time",
        Number,
        "`router_settings.cooldown_time`",
        "For how many seconds it is left alone after a failure.",
    ),
    active(
        "drop_params",
        Flag,
        "`litellm_settings.drop_params`",
        "Drop known parameters that the provider does not take.",
    ),
    active(
        "modify_params",
        Flag,
        "`litellm_settings.modify_params`",
        "Repair histories that the provider would refuse.",
    ),
    active("additional_drop_params", Texts, "", "Parameters that are never sent."),
    active("allowed_openai_params", Texts, "", "Parameters that are always sent."),
    active(
        "use_chat_completions_api",
        Flag,
        "`false`",
        "Serve clients of the Responses API by chats, though the provider has that API itself.",
    ),
    active("tags", Texts, "", "Labels for tag routing."),
    active("mock_response", Text, "", "Answer with this text instead of calling the provider."),
    active(
        "input_cost_per_token",
        Number,
        "the price list",
        "Dollars for a token of the prompt. All prices of LiteLLM's list can be set in this way.",
    ),
    active("output_cost_per_token", Number, "the price list", "Dollars for a token of the answer."),
];

pub(super) const PARAMS_LATER: &str = "\
    allow_client_keepalive_override budget_duration cache_control_injection_points \
    configurable_clientside_auth_params default_api_key_rpm_limit default_api_key_tpm_limit guardrails \
    itpm keepalive_seconds max_budget max_file_size_mb merge_reasoning_content_in_choices otpm prompt_id \
    provider_affinity_header silent_model stream_timeout_by_service_tier tag_regex \
    timeout_by_service_tier use_in_pass_through use_litellm_proxy \
    vector_store_ids";

pub(super) const INFO: &[Key] = &[
    active(
        "id",
        Text,
        "a hash of the entry",
        "The deployment's id: `x-litellm-model-id`, and a name that can be called.",
    ),
    active("mode", Text, "the price list", "`chat`, `embedding`, …."),
    active(
        "base_model",
        Text,
        "",
        "The price list's name of the model, where the deployment's name is another.",
    ),
    active("max_input_tokens", Count, "the price list", "Context window for the prompt."),
    active("max_output_tokens", Count, "the price list", "Longest completion."),
    active("max_tokens", Count, "", "As `max_output_tokens`."),
    active("blocked", Flag, "false", "Leave the deployment out."),
    moot("tier", "Shown by `/model/info`."),
];

pub(super) const INFO_LATER: &str = "\
    access_groups access_windows allow_fail_open allowed_fails_policy cooldown_time \
    cost_per_ptu_per_hour disable_background_health_check discoverable enable_tag_filtering \
    health_check_max_tokens health_check_model health_check_params health_check_reasoning_effort \
    health_check_timeout health_check_voice internal_router_model member_auto_router ptu_count \
    ptu_effective_from ptu_effective_to supported_environments team_id team_public_model_name";

pub(super) const PARAMS_KEPT: &str = "\
    account_id anthropic_federation_rule_id anthropic_organization_id anthropic_service_account_id api_type \
    api_version aws_access_key_id aws_batch_role_arn aws_bedrock_project_id aws_bedrock_runtime_endpoint \
    aws_external_id aws_profile_name aws_region_name aws_role_name aws_secret_access_key \
    aws_session_name aws_session_tags aws_session_token aws_sts_endpoint aws_web_identity_token \
    azure_ad_token azure_password azure_scope azure_username bedrock_tags client_id client_secret \
    gcs_bucket_name model_id oci_compartment_id oci_endpoint_id oci_fingerprint oci_key oci_key_file \
    oci_region oci_serving_mode oci_tenancy oci_user openai_identity_provider_id \
    openai_identity_token_file openai_service_account_id project_id region_name s3_bucket_name \
    s3_bucket_owner s3_encryption_key_id s3_endpoint_url s3_output_bucket_name s3_region_name \
    sagemaker_base_url search_provider space_id tenant_id token use_xai_oauth vertex_credentials \
    vertex_location vertex_project";
