use super::{Key, Type::*, active, moot};

pub(super) const ACTIVE: &[Key] = &[
    active("LITELLM_MASTER_KEY", Text, "", "The master key, where `general_settings.master_key` is silent."),
    active("CONFIG_FILE_PATH", Text, "", "The configuration file, where the command line names none."),
    active("HOST", Text, "127.0.0.1", "The address to listen on."),
    active("PORT", Count, "4000", "The port to listen on."),
    active(
        "LOCKGATE_DATA",
        Text,
        "the user's data folder",
        "The folder for what is kept, such as a made-up master key.",
    ),
    active("LOCKGATE_DRAIN_DELAY", Number, "", "As `general_settings.drain_delay`."),
    active("LOCKGATE_DRAIN_LIMIT", Number, "", "As `general_settings.drain_limit`."),
    active(
        "LITELLM_MODEL_COST_MAP_URL",
        Text,
        "built in",
        "A price list in LiteLLM's format: a path or a `file:` URL.",
    ),
    active("JSON_LOGS", Flag, "false", "Logs as JSON."),
    active("LITELLM_LOG", Text, "INFO", "How much is logged: DEBUG, INFO, WARNING or ERROR."),
    active("SSL_VERIFY", Flag, "true", "Whether providers' certificates are checked."),
    active("SSL_CERT_FILE", Text, "built in", "A file of certificate authorities to trust."),
    active("MAX_IMAGE_URL_DOWNLOAD_SIZE_MB", Number, "50", "The largest file that is fetched for a request."),
    active("SERVER_ROOT_PATH", Text, "/", "A path before all paths of the server."),
    active(
        "HTTPS_PROXY",
        Text,
        "",
        "The proxy for https requests to providers; also `HTTP_PROXY` and `NO_PROXY`.",
    ),
    active(
        "KUBERNETES_SERVICE_HOST",
        Text,
        "",
        "If set, the drain delay is 5 s unless configured otherwise.",
    ),
    moot("LITELLM_LICENSE", "Nothing here needs a licence."),
    moot(
        "LITELLM_LOCAL_MODEL_COST_MAP",
        "The built-in price list is used unless you give another; none is fetched.",
    ),
    moot("LITELLM_MODE", "No `.env` file is loaded."),
];

pub(super) const LATER: &str = "\
    DATABASE_URL DIRECT_URL DISABLE_ADMIN_ENDPOINTS DISABLE_ADMIN_UI DISABLE_LLM_API_ENDPOINTS \
    LITELLM_CONFIG_BUCKET_NAME LITELLM_CONFIG_BUCKET_OBJECT_KEY LITELLM_CORS_ORIGINS LITELLM_SALT_KEY \
    PROXY_BASE_URL REDIS_CLUSTER_NODES REDIS_HOST REDIS_PASSWORD REDIS_PORT REDIS_URL STORE_MODEL_IN_DB \
    UI_PASSWORD UI_USERNAME";
