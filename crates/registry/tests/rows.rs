//! Every built-in row, read and put to work: pure, no network.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::SystemTime,
};

use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use lockgate_anthropic::AnthropicSurface;
use lockgate_core::{
    Attempt, AuthScheme, Call, Media, ModelFacts, Operation, ParamPolicy, Provider, Signer, Surface, Target,
    target::{HeaderSigner, Unsigned},
    transcode,
};
use lockgate_openai::OpenAiSurface;
use lockgate_registry::{Registry, Row};

const ROWS: &str = include_str!("../providers.toml");

/// Rows without a base URL, because each user has a server of their own.
const NO_BASE: &[&str] = &[
    "a2a",
    "agentcore",
    "azure",
    "azure_ai",
    "azure_speech",
    "bing_grounding",
    "custom_openai",
    "databricks",
    "gdc",
    "heroku",
    "hosted_vllm",
    "infinity",
    "litellm_proxy",
    "nvidia_riva",
    "oobabooga",
    "openai_like",
    "ragflow",
    "searxng",
    "triton",
    "watsonx",
    "watsonx_text",
    "xinference",
];

/// Parameters that a row may name: OpenAI's, and those that several providers share.
const PARAMS: &[&str] = &[
    "audio",
    "context_management",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "modalities",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];

fn rows() -> BTreeMap<String, Row> {
    toml::from_str(ROWS).unwrap()
}

fn local(base: &str) -> bool {
    base.starts_with("http://localhost:") || base.starts_with("http://127.0.0.1:") || base == "demo:"
}

#[test]
fn there_are_many_and_each_becomes_a_provider() {
    let registry = Registry::builtin().unwrap();
    let count = registry.providers().count();
    assert_eq!(count, rows().len());
    assert!(count >= 75, "{count} rows");
}

#[test]
fn rows_come_in_order() {
    let rows = rows();
    let names = ROWS.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']'));
    let names: Vec<&str> = names.filter(|name| !name.contains('.')).collect();
    let others = names.iter().position(|name| rows[*name].dialect != **name).unwrap();
    assert_eq!(names[0], "openai", "the providers that a dialect is named after come first");
    assert!(names[others..].is_sorted(), "sort the other rows by name");
    assert!(!ROWS.contains("\n\n\n"), "one blank line between rows");
    for line in ROWS.lines() {
        assert!(line.len() <= 120, "too long: {line}");
    }
}

#[test]
fn each_row_is_complete() {
    for (id, row) in rows() {
        assert!(!row.title.is_empty(), "{id}: title");
        assert!(row.docs.as_deref().is_some_and(|docs| docs.starts_with("https://")), "{id}: docs");
        assert_eq!(row.base_url.is_none(), NO_BASE.contains(&id.as_str()), "{id}: base_url");
        let alternates = row.alternates.values().filter_map(|alternate| alternate.base_url.as_deref());
        for base in row.base_url.as_deref().into_iter().chain(alternates) {
            assert!(base.starts_with("https://") || local(base), "{id}: {base} is neither https nor local");
            assert!(!base.ends_with('/'), "{id}: {base} ends with a slash");
        }
        for path in row.alternates.values().map(|alternate| &alternate.path).filter(|path| !path.is_empty()) {
            assert!(path.starts_with('/') && !path.ends_with('/'), "{id}: {path}");
        }
        assert!(!row.operations.is_empty(), "{id}: operations");
        for operation in &row.operations {
            assert!(Operation::from_name(operation).is_some(), "{id}: {operation} is no operation");
        }
        // Clouds have credentials of several parts.
        let unauthorised = matches!(row.auth.scheme.as_str(), "none" | "cloud");
        assert!(unauthorised || row.auth.optional || !row.auth.env.is_empty(), "{id}: auth.env");
        for name in row.auth.env.iter().chain(&row.base_env) {
            let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            assert!(name.chars().all(upper), "{id}: {name} is not upper case");
        }
    }
}

#[test]
fn names_and_aliases_are_unique() {
    let rows = rows();
    let mut seen: BTreeSet<&str> = rows.keys().map(String::as_str).collect();
    for (id, row) in &rows {
        for alias in &row.aliases {
            assert!(seen.insert(alias), "{id}: the alias {alias} is taken");
        }
    }
}

#[test]
fn lists_of_parameters_hold_only_known_ones() {
    for (id, row) in rows() {
        let quirks = &row.quirks;
        let lists = [&quirks.params, &quirks.also, &quirks.without];
        for name in lists
            .into_iter()
            .flatten()
            .chain(quirks.also_when.values().chain(quirks.also_for.values()).flatten())
        {
            assert!(PARAMS.contains(&name.as_str()), "{id}: {name} is no known parameter");
        }
    }
}

#[test]
fn a_chat_goes_to_the_right_place_with_the_right_key() {
    for provider in Registry::builtin().unwrap().providers() {
        // A path with pieces of the model's name needs a model that has them.
        let needs_pieces = provider.quirks.paths.get("chat").is_some_and(|path| path.contains('{'));
        if provider.dialect.id() == "demo" || !provider.offers(Operation::Chat) || needs_pieces {
            continue;
        }
        let variables = |name: &str| name.contains("_ID").then(|| "acct".to_owned());
        let base = provider.default_base(&variables).unwrap();
        let custom = base.is_none();
        let base = base.unwrap_or_else(|| "http://server:8000/v1".to_owned());
        let request = prepare(provider, &base, custom);

        let url = request.uri().to_string();
        let path = provider.quirks.paths.get("chat").map_or("/chat/completions", String::as_str);
        match provider.dialect.id() {
            "openai" => assert_eq!(url, format!("{base}{path}"), "{}", provider.id),
            "anthropic" => assert_eq!(url, format!("{base}/v1/messages"), "{}", provider.id),
            // A dialect of its own knows its own paths.
            _ => assert!(format!("{url}/").starts_with(&format!("{base}/")), "{}: {url}", provider.id),
        }
        let (name, value) = match &provider.auth.scheme {
            AuthScheme::Bearer => ("authorization", "Bearer k".to_owned()),
            AuthScheme::Header { name, prefix } => (name.as_str(), format!("{prefix}k")),
            AuthScheme::Cloud | AuthScheme::None => continue,
        };
        assert_eq!(request.headers()[name], value, "{}", provider.id);
    }
}

#[test]
fn a_base_url_names_the_variable_that_it_misses() {
    let registry = Registry::builtin().unwrap();
    let missing = registry.get("cloudflare").unwrap().default_base(&|_| None);
    assert_eq!(missing.unwrap_err(), "CLOUDFLARE_ACCOUNT_ID");
}

#[test]
fn an_operator_s_base_gets_what_it_lacks() {
    let registry = Registry::builtin().unwrap();
    for (id, base, url) in [
        ("heroku", "https://eu.example", "https://eu.example/v1/chat/completions"),
        ("heroku", "https://eu.example/v1", "https://eu.example/v1/chat/completions"),
        ("gradient_ai", "https://agent.example", "https://agent.example/api/v1/chat/completions"),
        ("litellm_proxy", "http://proxy:4000", "http://proxy:4000/chat/completions"),
    ] {
        assert_eq!(prepare(registry.get(id).unwrap(), base, true).uri().to_string(), url, "{id}");
    }
}

#[test]
fn clients_of_anthropic_s_surface_reach_a_provider_s_own_messages() {
    let registry = Registry::builtin().unwrap();
    for (id, base, url, header) in [
        ("deepseek", "", "https://api.deepseek.com/anthropic/v1/messages", "x-api-key"),
        ("deepseek", "https://p.example/v1", "https://p.example/anthropic/v1/messages", "x-api-key"),
        ("deepseek", "https://p.example/anthropic", "https://p.example/anthropic/v1/messages", "x-api-key"),
        ("deepseek", "https://p.example", "https://p.example/anthropic/v1/messages", "x-api-key"),
        ("minimax", "", "https://api.minimax.io/anthropic/v1/messages", "x-api-key"),
        ("tencent", "", "https://tokenhub-intl.tencentcloudmaas.com/v1/messages", "authorization"),
        ("tencent", "https://p.example/v1", "https://p.example/v1/messages", "authorization"),
    ] {
        let provider = registry.get(id).unwrap();
        let target =
            target(provider, if base.is_empty() { "https://unused.example" } else { base }, !base.is_empty());
        let body = r#"{"model":"r","max_tokens":5,"messages":[{"role":"user","content":"Hi"}]}"#;
        let call = AnthropicSurface.read(Operation::Chat.into(), HeaderMap::new(), body.into()).unwrap();
        let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
        let encoded = transcode::prepare(&attempt, SystemTime::UNIX_EPOCH)
            .unwrap_or_else(|e| panic!("{}", e.message()));
        assert_eq!(encoded.request.uri(), url, "{id}");
        assert!(encoded.request.headers().contains_key(header), "{id}");
        assert!(encoded.relay, "{id}");
    }
}

#[test]
fn a_user_s_row_is_of_the_same_type() {
    let mut registry = Registry::builtin().unwrap();
    registry
        .extend(
            r#"
            [acme]
            title = "Acme"
            dialect = "openai"
            base_url = "https://llm.acme.example/v1/"
            auth = { scheme = "header", header = "X-Acme-Key", prefix = "Key ", env = ["ACME_API_KEY"] }
            headers = { x-team = "blue" }
            aliases = ["acme-llm"]
            quirks = { rename = { max_completion_tokens = "max_tokens" }, model_prefix = "acme/" }
            "#,
        )
        .unwrap();
    let acme = registry.get("acme-llm").unwrap();
    let request = prepare(acme, acme.base_url.as_deref().unwrap(), false);
    assert_eq!(request.uri(), "https://llm.acme.example/v1/chat/completions");
    assert_eq!(request.headers()["x-acme-key"], "Key k");
    assert_eq!(request.headers()["x-team"], "blue");
    let body: serde_json::Value = serde_json::from_slice(&request.into_body().to_vec()).unwrap();
    assert_eq!(body["model"], "acme/m");
    assert_eq!(body["max_tokens"], 5);
    assert!(body.get("max_completion_tokens").is_none());
}

#[test]
fn a_wrong_row_is_refused_with_its_name() {
    for (text, expected) in [
        ("[x]\ndialect = 'klingon'", "provider `x`: `dialect` is `klingon`"),
        ("[x]\ndialect = 'openai'\noperations = ['sing']", "`operations` names `sing`"),
        ("[x]\ndialect = 'openai'\nauth = { scheme = 'oath' }", "`auth.scheme` is `oath`"),
        ("[x]\ndialect = 'openai'\nquirks = { dorp = ['n'] }", "dorp"),
    ] {
        let error = Registry::builtin().unwrap().extend(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn the_guide_s_rows_are_rows_and_it_explains_every_key() {
    let guide = include_str!("../../../docs/adding-a-provider.md");
    let mut examples = 0;
    for block in guide.split("```toml").skip(1).filter_map(|rest| rest.split("```").next()) {
        Registry::builtin().unwrap().extend(block).unwrap();
        examples += 1;
    }
    assert_eq!(examples, 2);
    for wrong in ["[x]\nnonsense = 1", "[x]\nquirks = { nonsense = 1 }"] {
        let error = Registry::default().extend(wrong).unwrap_err().to_string();
        let expected = error.split_once("expected one of").unwrap().1;
        for key in expected.split('`').skip(1).step_by(2) {
            assert!(guide.contains(&format!("`{key}`")) || key == "auth", "{key} is not explained");
        }
    }
}

/// What clouds cannot do without.
const CLOUD: [(&str, &str); 4] = [
    ("oci_compartment_id", "c"),
    ("project_id", "p"),
    ("vertex_location", "global"),
    ("vertex_project", "p"),
];

/// The signed request for a minimal chat call.
fn prepare(provider: &Arc<Provider>, base: &str, custom_base: bool) -> http::Request<lockgate_core::Payload> {
    let body = r#"{"model":"r","messages":[{"role":"user","content":"Hi"}],"max_completion_tokens":5}"#;
    let call: Call = OpenAiSurface.read(Operation::Chat.into(), HeaderMap::new(), body.into()).unwrap();
    let target = target(provider, base, custom_base);
    let media = Media::default();
    let attempt = Attempt { call: &call, target: &target, media: &media };
    match transcode::prepare(&attempt, SystemTime::UNIX_EPOCH) {
        Ok(encoded) => encoded.request,
        Err(error) => panic!("{}: {}", provider.id, error.message()),
    }
}

fn target(provider: &Arc<Provider>, base: &str, custom_base: bool) -> Target {
    let header = |name: &str, value: String| -> Arc<dyn Signer> {
        let name = HeaderName::try_from(name).unwrap();
        Arc::new(HeaderSigner::new(name, HeaderValue::try_from(value).unwrap()))
    };
    let signer = |scheme: &AuthScheme| match scheme {
        AuthScheme::Bearer => header(AUTHORIZATION.as_str(), "Bearer k".to_owned()),
        AuthScheme::Header { name, prefix } => header(name, format!("{prefix}k")),
        AuthScheme::Cloud | AuthScheme::None => Arc::new(Unsigned),
    };
    let alternates = provider.alternates.iter();
    let alternate_signers: BTreeMap<String, Arc<dyn Signer>> =
        alternates.filter_map(|own| Some((own.surface.clone(), signer(own.auth.as_ref()?)))).collect();
    Target {
        provider: provider.clone(),
        model: Arc::from("m"),
        base: Arc::from(base),
        custom_base,
        signer: signer(&provider.auth.scheme),
        alternate_signers: Arc::new(alternate_signers),
        headers: Arc::from([]),
        defaults: Arc::from([]),
        extra_body: Arc::from([]),
        // Not every provider takes a limit.
        policy: Arc::new(ParamPolicy { drop_params: true, ..ParamPolicy::default() }),
        facts: Arc::new(ModelFacts::default()),
        account: Arc::from(""),
        params: Arc::new(
            CLOUD.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ),
    }
}
