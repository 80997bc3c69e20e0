use super::{Key, Type::*, active};

pub(super) const TOOL: &[Key] = &[
    active(
        "search_tool_name",
        Text,
        "",
        "The public name: `/v1/search/NAME`. Entries of one name share its traffic.",
    ),
    active("litellm_params", Map, "", "Which engine, and how it is asked."),
    active("search_tool_info", Map, "", "`description`, for `GET /v1/search/tools`."),
];

pub(super) const PARAMS: &[Key] = &[
    active("search_provider", Text, "", "The engine: a provider that offers `search`."),
    active("api_key", Text, "the provider's variable", "The credential; `LOGIN:PASSWORD` for DataForSEO."),
    active("api_base", Text, "the provider's variable or address", "The base URL; also `base_url`."),
    active("base_url", Text, "", "As `api_base`."),
    active("search_engine_id", Text, "GOOGLE_PSE_ENGINE_ID", "Google's id of the engine."),
    active(
        "litellm_credential_name",
        Text,
        "",
        "Takes what is missing here from that entry of `credential_list`.",
    ),
    active("extra_headers", Map, "", "Headers of every upstream request; also `headers`."),
    active("headers", Map, "", "As `extra_headers`."),
    active("extra_body", Map, "", "Members of every upstream request."),
    active("additional_drop_params", Texts, "", "Parameters that are never sent."),
    active("weight", Number, "", "Its share of the traffic of all entries of its name."),
    active("order", Count, "0", "Higher orders serve only when all lower ones are out."),
    active("rpm", Count, "", "Searches a minute that it is good for: its share where no weight is set."),
    active("max_parallel_requests", Count, "", "Searches at one time that it is good for."),
    active("timeout", Seconds, "`router_settings.timeout`", "The limit on a whole search, in seconds."),
    active("request_timeout", Seconds, "", "As `timeout`."),
    active("connect_timeout", Seconds, "5", "The limit on connecting, in seconds."),
    active("idle_timeout", Seconds, "60", "The limit on silence within an answer, in seconds."),
    active(
        "num_retries",
        Count,
        "`router_settings.num_retries`",
        "How often a search that failed here is tried again; also `max_retries`.",
    ),
    active("max_retries", Count, "", "As `num_retries`."),
    active(
        "cooldown_time",
        Number,
        "`router_settings.cooldown_time`",
        "For how many seconds it is left alone after a failure.",
    ),
    active("input_cost_per_query", Number, "the price list", "Dollars for a search."),
];
