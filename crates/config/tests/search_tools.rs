//! `search_tools`: what is right, what is told.

#![expect(clippy::expect_used, reason = "a test says what is wrong by failing")]

use std::{collections::BTreeMap, fs};

use lockgate_config::{Overrides, Problem, Snapshot, Sources, load};

fn read(text: &str, env: &[(&str, &str)]) -> Result<Snapshot, Vec<Problem>> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.yaml");
    fs::write(&file, text).expect("written");
    let env: BTreeMap<_, _> =
        env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    load(&Sources { file: Some(file), env, overrides: Overrides::default() })
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

#[test]
fn tools_are_deployments_beside_the_models() {
    let text = "
model_list:
  - {model_name: web, litellm_params: {model: openai/gpt-4o, api_key: k}}
search_tools:
  - search_tool_name: web
    litellm_params: {search_provider: tavily, api_key: os.environ/KEY, timeout: 5, search_depth: advanced}
  - search_tool_name: web
    litellm_params: {search_provider: perplexity, api_key: k, litellm_credential_name: c}
  - search_tool_name: google
    litellm_params: {search_provider: google_pse, api_key: k}
  - search_tool_name: login
    litellm_params: {search_provider: dataforseo}
credential_list:
  - {credential_name: c, credential_values: {api_base: https://search.example}}
";
    let env = [
        ("KEY", "sk-0123456789"),
        ("GOOGLE_PSE_ENGINE_ID", "cx"),
        ("DATAFORSEO_LOGIN", "l"),
        ("DATAFORSEO_PASSWORD", "p"),
    ];
    let snapshot = read(text, &env).expect("it is right");
    assert_eq!(lines(&snapshot.warnings), "");
    assert!(snapshot.inactive.is_empty(), "{:?}", snapshot.inactive);
    let web = snapshot.search_tools.resolve("web").expect("the tool");
    let of = |at: usize| web.deployments.get(at).expect("an entry");
    let mut engines: Vec<&str> = web.deployments.iter().map(|one| &*one.target.provider.id).collect();
    engines.sort_unstable();
    assert_eq!(engines, ["perplexity", "tavily"]);
    assert_eq!(of(0).timeouts.total.as_secs(), 5);
    let defaults: Vec<&str> = of(0).target.defaults.iter().map(|(name, _)| &**name).collect();
    assert_eq!(defaults, ["search_depth"], "all else is the gateway's own");
    assert!(web.deployments.iter().all(|one| one.price.is_some()), "each search has a price");
    assert_eq!(&*of(1).target.base, "https://search.example");
    let google = snapshot.search_tools.resolve("google").expect("the tool");
    let google = google.deployments.first().expect("an entry");
    assert_eq!(google.target.param("search_engine_id"), Some("cx"));
    assert!(snapshot.routes.resolve("google").is_none(), "a tool is no model");
}

#[test]
fn what_is_wrong_is_told_with_key_and_remedy() {
    let text = "
search_tools:
  - litellm_params: {search_provider: tavily}
  - search_tool_name: a
  - search_tool_name: 'a*'
    litellm_params: {search_provider: tavily}
  - 7
";
    let told = lines(&read(text, &[]).expect_err("problems"));
    for expected in [
        "config.yaml:3",
        "search_tools[0].search_tool_name: The tool has no name. Write `search_tool_name: NAME`",
        "search_tools[1].litellm_params.search_provider: The tool names no search engine.",
        "search_tools[2].search_tool_name: A tool's name is no pattern.",
        "search_tools[3]: This is",
    ] {
        assert!(told.contains(expected), "{expected}\nin\n{told}");
    }
}

#[test]
fn tools_that_cannot_work_are_left_out_and_say_why() {
    let text = "
model_list: []
search_tools:
  - {search_tool_name: a, litellm_params: {search_provider: tavly, api_key: k}}
  - {search_tool_name: b, litellm_params: {search_provider: groq, api_key: k}}
  - {search_tool_name: c, litellm_params: {search_provider: searxng}}
  - {search_tool_name: d, litellm_params: {search_provider: tavily}, search_tool_inf: {}}
router_settings:
  fallbacks: [{d: [e]}]
";
    let snapshot = read(text, &[]).expect("warnings alone");
    let told = lines(&snapshot.warnings);
    for expected in [
        "search_tools[0].litellm_params.search_provider: `tavly` is no search engine of this build. `a` is left out. \
         Did you mean `tavily`?",
        "search_tools[1].litellm_params.search_provider: `groq` is no search engine of this build. `b` is left out. Use \
         one of agentcore, apiserpent,",
        "search_tools[2].litellm_params.api_base: `searxng` has no address of its own. `c` is left out. Write `api_base: \
         https://…`, or set SEARXNG_API_BASE.",
        "search_tools[3].litellm_params.api_key: `tavily` needs a key: TAVILY_API_KEY is not set",
        "search_tools[3].search_tool_inf: This key is not known. Did you mean `search_tool_info`?",
        "router_settings.fallbacks: No model is named `e`.",
    ] {
        assert!(told.contains(expected), "{expected}\nin\n{told}");
    }
    for name in ["a", "b", "c"] {
        assert!(snapshot.search_tools.why_unusable(name).is_some(), "{name}");
    }
    assert!(snapshot.search_tools.resolve("d").is_some(), "its calls say what is missing");
}
