use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use lockgate_catalog::Catalog;
use lockgate_core::{ParamPolicy, Secret};
use lockgate_registry::{Registry, Row};
use lockgate_router::{Timeouts, target::Defaults};

use crate::{
    General, Problem, Settings, Snapshot, expand, files,
    keys::{GENERAL, LITELLM, ROUTER, TOP},
    model_list::ModelList,
    report::Report,
    router_settings,
    section::{self, Section},
    yaml::{At, Kind, Node},
};

/// Where the configuration comes from.
#[derive(Clone, Default)]
pub struct Sources {
    /// The file. Without one, and without `CONFIG_FILE_PATH`, the environment alone decides.
    pub file: Option<PathBuf>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// What the command line says.
    pub overrides: Overrides,
}

/// What the command line says: it wins over the file.
#[derive(Clone, Default)]
pub struct Overrides {
    /// Models to serve (`--model`), as `provider/name`.
    pub models: Vec<String>,
    /// The public name of the first of them (`--alias`).
    pub alias: Option<String>,
    /// Further parameters of those models (`api_base`, `temperature`, …).
    pub params: serde_json::Map<String, serde_json::Value>,
    /// `--drop_params`.
    pub drop_params: Option<bool>,
    /// `--request_timeout`.
    pub request_timeout: Option<Duration>,
    /// The master key where neither file nor environment has one.
    pub fallback_master_key: Option<Secret>,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("file", &self.file).finish_non_exhaustive()
    }
}

impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overrides").field("models", &self.models).finish_non_exhaustive()
    }
}

/// Reads, checks and builds the configuration.
///
/// # Errors
/// Everything that is wrong, in one list. Nothing has been changed anywhere.
pub fn load(sources: &Sources) -> Result<Snapshot, Vec<Problem>> {
    let mut report = Report::default();
    let mut env = sources.env.clone();
    let path = sources.file.clone().or_else(|| set(&env, "CONFIG_FILE_PATH").map(PathBuf::from));
    let mut root = match &path {
        Some(path) => files::read(path, &mut report),
        None => Node { at: At::default(), kind: Kind::Map(Vec::new()) },
    };
    expand::own_variables(&root, &mut env, &mut report);
    expand::references(&mut root, &env, &mut report);
    section::check(&root, &TOP, "", &mut report);

    let general_section = Section::open(&root, &GENERAL, &mut report);
    let litellm = Section::open(&root, &LITELLM, &mut report);
    let router = Section::open(&root, &ROUTER, &mut report);
    metrics_are_always_on(&litellm, &mut report);
    if let Some(tenant) = litellm.text("predibase_tenant_id") {
        env.insert("PREDIBASE_TENANT_ID".to_owned(), tenant);
    }
    let registry = registry(&root, &mut report);
    let catalog = catalog(&env, path.as_deref(), &mut report);
    let general = general(&general_section, &litellm, &env, &sources.overrides);
    let settings = settings(&general_section, &litellm, &env, &sources.overrides);
    let policy = router_settings::policy(&router, &litellm, &mut report);
    let defaults = defaults(&router, &litellm, &settings, &sources.overrides);
    let list = ModelList {
        root: &root,
        router: &router,
        registry: &registry,
        catalog: &catalog,
        env: Arc::new(env),
        defaults: Arc::new(defaults),
        overrides: &sources.overrides,
    };
    let (routes, search_tools) = (list.routes(&mut report), list.search_tools(&mut report));
    router_settings::check_names(&router, &litellm, &policy, [&routes, &search_tools], &mut report);

    if !report.problems.is_empty() {
        // Who mends a file wants to know of everything in it at once, misspelt keys included.
        report.problems.append(&mut report.warnings);
        report.problems.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
        return Err(report.problems);
    }
    report.warnings.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
    Ok(Snapshot {
        registry,
        catalog,
        routes,
        search_tools,
        policy,
        general,
        settings,
        inactive: report.inactive.into_iter().collect(),
        warnings: report.warnings,
        files: report.files,
    })
}

/// A callback list that asks for Prometheus alone asks for what is there anyway.
fn metrics_are_always_on(litellm: &Section<'_>, report: &mut Report) {
    for name in ["callbacks", "success_callback", "failure_callback", "service_callbacks"] {
        if litellm.texts(name).iter().all(|callback| callback.starts_with("prometheus")) {
            report.inactive.remove(&format!("litellm_settings.{name}"));
        }
    }
}

/// A variable that is set and not empty.
pub(crate) fn set<'e>(env: &'e BTreeMap<String, String>, name: &str) -> Option<&'e str> {
    env.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
}

/// The built-in providers and the user's own rows.
fn registry(root: &Node, report: &mut Report) -> Registry {
    let mut registry = match Registry::builtin() {
        Ok(registry) => registry,
        Err(error) => {
            report.problem(At::default(), "", format!("The built-in providers cannot be read: {error}."), "");
            Registry::default()
        }
    };
    for entry in root.get("providers").and_then(Node::map).unwrap_or_default() {
        let key = format!("providers.{}", entry.key);
        let row: Result<Row, _> = serde_json::from_value(entry.value.json());
        let inserted = match row {
            Ok(row) => registry.insert(&entry.key, &row).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(message) = inserted {
            let remedy = "See \"Adding a provider\" in the documentation for what a row may say.";
            report.problem(entry.at, key, format!("The provider's row is wrong: {message}."), remedy);
        }
    }
    registry
}

/// The built-in price list, or the user's.
fn catalog(env: &BTreeMap<String, String>, config: Option<&Path>, report: &mut Report) -> Catalog {
    let Some(place) = set(env, "LITELLM_MODEL_COST_MAP_URL") else { return Catalog::builtin() };
    let key = "LITELLM_MODEL_COST_MAP_URL";
    if place.starts_with("http://") || place.starts_with("https://") {
        report.warnings.push(Problem::new(
            key,
            "Price lists are not fetched from the network; the built-in one is used.",
            "Download it and give its path.",
        ));
        return Catalog::builtin();
    }
    let path = Path::new(place.strip_prefix("file://").unwrap_or(place));
    let folder = config.and_then(Path::parent).unwrap_or(Path::new("."));
    let read = fs::read(path).or_else(|_| fs::read(folder.join(path))).map_err(|error| error.to_string());
    let catalog =
        read.and_then(|bytes| Catalog::from_litellm_json(&bytes).map_err(|error| error.to_string()));
    catalog.unwrap_or_else(|error| {
        let message = format!("The price list `{}` cannot be used: {error}.", path.display());
        report.problems.push(Problem::new(key, message, "Correct the file, or remove the variable."));
        Catalog::builtin()
    })
}

fn general(
    section: &Section<'_>,
    litellm: &Section<'_>,
    env: &BTreeMap<String, String>,
    overrides: &Overrides,
) -> General {
    let usual = General::default();
    let key = section.text("master_key").or_else(|| set(env, "LITELLM_MASTER_KEY").map(str::to_owned));
    let blank =
        key.is_none() && (section.get("master_key").is_some() || env.contains_key("LITELLM_MASTER_KEY"));
    let in_kubernetes = set(env, "KUBERNETES_SERVICE_HOST").is_some();
    General {
        master_key: key.map(Secret::from).or_else(|| overrides.fallback_master_key.clone()),
        blank_master_key: blank,
        allow_weak_master_key: section.flag("dangerously_permit_weak_or_unset_master_key").unwrap_or(false),
        key_header_name: section.text("litellm_key_header_name"),
        max_request_bytes: section.megabytes("max_request_size_mb").unwrap_or(usual.max_request_bytes),
        drain_delay: section.duration("drain_delay").unwrap_or(if in_kubernetes {
            Duration::from_secs(5)
        } else {
            usual.drain_delay
        }),
        drain_limit: section.duration("drain_limit").unwrap_or(usual.drain_limit),
        keepalive_interval: litellm
            .duration("sse_keepalive_ping_interval_seconds")
            .unwrap_or(usual.keepalive_interval),
        store_responses: section.flag("store_responses").unwrap_or(usual.store_responses),
        responses_retention: section
            .number("responses_retention_days")
            .and_then(|days| Duration::try_from_secs_f64(days * 86_400.0).ok())
            .unwrap_or(usual.responses_retention),
        allow_client_credentials: section.flag("allow_client_side_credentials").unwrap_or(false),
        require_auth_for_metrics: litellm.flag("require_auth_for_metrics_endpoint").unwrap_or(true),
    }
}

fn settings(
    section: &Section<'_>,
    litellm: &Section<'_>,
    env: &BTreeMap<String, String>,
    overrides: &Overrides,
) -> Settings {
    let usual = Settings::default();
    let variable = |name: &str| set(env, name).map(str::to_ascii_lowercase);
    let on = |name: &str| variable(name).map(|value| matches!(value.as_str(), "true" | "1" | "yes" | "on"));
    let allowed = match litellm.texts("user_url_allowed_hosts") {
        hosts if hosts.is_empty() => section.texts("user_url_allowed_hosts"),
        hosts => hosts,
    };
    let download = variable("MAX_IMAGE_URL_DOWNLOAD_SIZE_MB").and_then(|text| text.parse::<f64>().ok());
    let verbose = litellm.flag("set_verbose").unwrap_or(false).then(|| "debug".to_owned());
    let log = variable("LITELLM_LOG").map(|level| if level == "warning" { "warn".to_owned() } else { level });
    Settings {
        drop_params: overrides
            .drop_params
            .or_else(|| litellm.flag("drop_params"))
            .unwrap_or(usual.drop_params),
        modify_params: litellm.flag("modify_params").unwrap_or(usual.modify_params),
        request_timeout: overrides.request_timeout.or_else(|| litellm.seconds("request_timeout")),
        user_url_validation: litellm
            .flag("user_url_validation")
            .or_else(|| section.flag("user_url_validation"))
            .unwrap_or(usual.user_url_validation),
        user_url_allowed_hosts: allowed,
        max_download_bytes: download
            .map_or(usual.max_download_bytes, |megabytes| (megabytes * f64::from(1 << 20)) as usize),
        ssl_verify: litellm.flag("ssl_verify").or_else(|| on("SSL_VERIFY")).unwrap_or(usual.ssl_verify),
        ssl_cert_file: set(env, "SSL_CERT_FILE").map(PathBuf::from),
        json_logs: litellm.flag("json_logs").or_else(|| on("JSON_LOGS")).unwrap_or(usual.json_logs),
        log_level: verbose.or(log),
    }
}

/// What holds for deployments that do not say otherwise. The command line wins over `router_settings`, and that over
/// `litellm_settings`.
fn defaults(
    router: &Section<'_>,
    litellm: &Section<'_>,
    settings: &Settings,
    overrides: &Overrides,
) -> Defaults {
    let mut timeouts = Timeouts::default();
    timeouts.connect = litellm.seconds("connect_timeout").unwrap_or(timeouts.connect);
    timeouts.idle = litellm.seconds("idle_timeout").unwrap_or(timeouts.idle);
    let total = overrides.request_timeout.or_else(|| router.seconds("timeout")).or(settings.request_timeout);
    Defaults {
        policy: ParamPolicy {
            drop_params: settings.drop_params,
            additional_drop_params: litellm.texts("additional_drop_params"),
            allowed_openai_params: litellm.texts("allowed_openai_params"),
            modify_params: settings.modify_params,
        },
        timeouts: timeouts.with(total, router.seconds("stream_timeout")),
    }
}
