//! Whole configurations in, snapshots or problems out.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use lockgate_config::{Overrides, Snapshot, Sources, check_exposure, load};
use lockgate_core::Secret;
use serde_json::json;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("written");
    }
    folder
}

fn sources(folder: &Path, env: &[(&str, &str)]) -> Sources {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Sources { file: Some(folder.join("config.yaml")), env, overrides: Overrides::default() }
}

/// Loads a text that must be right.
fn good(text: &str, env: &[(&str, &str)]) -> Snapshot {
    let folder = folder(&[("config.yaml", text)]);
    load(&sources(folder.path(), env)).unwrap_or_else(|problems| panic!("{}", lines(&problems).join("\n")))
}

/// Loads a text that must be wrong; the problems without the folder.
fn bad(text: &str) -> Vec<String> {
    let folder = folder(&[("config.yaml", text)]);
    let problems = load(&sources(folder.path(), &[])).expect_err("problems");
    lines(&problems)
}

fn lines(problems: &[lockgate_config::Problem]) -> Vec<String> {
    let line = |problem: &lockgate_config::Problem| {
        let text = problem.to_string();
        match text.split_once("config.yaml:") {
            Some((_, rest)) => rest.to_owned(),
            None => text,
        }
    };
    problems.iter().map(line).collect()
}

fn names(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.routes.names().into_iter().map(|name| name.name).collect()
}

/// `provider model` of what a name leads to.
fn target(snapshot: &Snapshot, name: &str) -> Option<String> {
    let route = snapshot.routes.resolve(name)?;
    let target = &route.deployments.first()?.target;
    Some(format!("{} {}", target.provider.id, target.model))
}

const ORDINARY: &str = r#"
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: openai/gpt-4o
      api_key: os.environ/OPENAI_API_KEY
      rpm: 100
      timeout: 30
      temperature: 0.2
      metadata: {team: a}
      input_cost_per_token: 0.000001
      output_cost_per_token: "2e-6"
    model_info: {id: first, base_model: gpt-4o, max_input_tokens: 1000}
  - model_name: gpt-4o
    litellm_params: {model: gpt-4o-mini, api_key: sk-2, order: 2, stream_timeout: 7, tags: [free]}
  - model_name: fast
    litellm_params: {model: groq/openai/gpt-oss-120b, api_key: gsk}
  - model_name: local
    litellm_params:
      model: openai/qwen/qwen3
      api_base: http://127.0.0.1:8000/v1/
      api_key: none
      extra_headers: {x-team: blue, authorization: secret-value}
      extra_body: {top_k: 4}
  - model_name: claude-*
    litellm_params: {model: anthropic/claude-*, api_key: os.environ/ANTHROPIC_API_KEY}
  - model_name: "openrouter/*"
    litellm_params: {model: "openrouter/*", litellm_credential_name: router}
credential_list:
  - credential_name: router
    credential_values: {api_key: os.environ/ROUTER_KEY, api_base: "http://127.0.0.1:9/v1"}
environment_variables:
  ROUTER_KEY: sk-or
litellm_settings: {drop_params: "true", num_retries: 4, request_timeout: 600, fallbacks: [{fast: [local]}], telemetry: False, cache: true}
router_settings:
  routing_strategy: least-busy
  num_retries: 1
  model_group_alias: {gpt-4: gpt-4o, secret: {model: fast, hidden: true}}
  retry_policy: {RateLimitErrorRetries: 5}
general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY
  database_url: postgres://x
  drain_limit: 9
"#;
const KEYS: &[(&str, &str)] = &[
    ("OPENAI_API_KEY", "sk-1"),
    ("ANTHROPIC_API_KEY", "sk-ant"),
    ("LITELLM_MASTER_KEY", "sk-a-long-master-key"),
];

#[test]
fn an_ordinary_file_becomes_what_it_says() {
    let snapshot = good(ORDINARY, KEYS);
    assert_eq!(names(&snapshot), ["fast", "gpt-4", "gpt-4o", "local", "claude-*", "openrouter/*"]);
    assert_eq!(target(&snapshot, "secret").as_deref(), Some("groq openai/gpt-oss-120b"));
    assert_eq!(target(&snapshot, "claude-sonnet-4-5").as_deref(), Some("anthropic claude-sonnet-4-5"));
    assert_eq!(target(&snapshot, "openrouter/openai/gpt-4o").as_deref(), Some("openrouter openai/gpt-4o"));
    assert_eq!(target(&snapshot, "local").as_deref(), Some("openai qwen/qwen3"));
    assert_eq!(target(&snapshot, "nobody"), None);
    assert_eq!(snapshot.routes.resolve("gpt-4").expect("the alias").deployments.len(), 2);
    assert_eq!(snapshot.routes.resolve("first").expect("by id").deployments.len(), 1);
    assert_eq!(snapshot.inactive, ["general_settings.database_url", "litellm_settings.cache"]);
    assert!(snapshot.warnings.is_empty(), "{:?}", lines(&snapshot.warnings));
    let general = &snapshot.general;
    assert_eq!(general.master_key.as_ref().map(Secret::expose), Some("sk-a-long-master-key"));
    assert_eq!(
        (general.drain_limit, general.keepalive_interval),
        (Duration::from_secs(9), Duration::from_secs(15))
    );
    assert_eq!((snapshot.policy.num_retries, snapshot.settings.drop_params), (1, true));
    assert!(!format!("{snapshot:?}").contains("sk-a-long"), "secrets are not printed");
}

#[test]
fn a_deployment_has_its_limits_prices_defaults_and_masks() {
    let snapshot = good(ORDINARY, KEYS);
    let first = snapshot.routes.deployment("first").expect("by id");
    assert_eq!((first.rpm, first.order, first.timeouts.total), (Some(100), 0, Duration::from_secs(30)));
    assert_eq!(first.timeouts.first_byte, Duration::from_secs(30));
    assert!(first.target.policy.drop_params);
    assert_eq!(first.target.facts.max_input, Some(1000));
    let defaults: BTreeMap<&str, &str> =
        first.target.defaults.iter().map(|(name, raw)| (name.as_str(), raw.get())).collect();
    assert_eq!(defaults, BTreeMap::from([("metadata", r#"{"team":"a"}"#), ("temperature", "0.2")]));
    assert!(first.price.as_ref().is_some_and(|price| price.overridden));
    assert_eq!(first.params_public["api_key"], json!("****"));
    assert_eq!(first.params_public["model"], json!("openai/gpt-4o"));
    let group = snapshot.routes.resolve("gpt-4o").expect("the group");
    let second = group.deployments.iter().find(|one| one.order == 2).expect("the other");
    assert_eq!(second.timeouts.first_byte, Duration::from_secs(7));
    assert_eq!(
        (second.timeouts.total, &second.tags[..]),
        (Duration::from_secs(600), &["free".to_owned()][..])
    );
    let local = &snapshot.routes.resolve("local").expect("local").deployments[0];
    assert_eq!(&*local.target.base, "http://127.0.0.1:8000/v1");
    assert!(local.target.custom_base && local.target.headers.len() == 2);
    assert_eq!(local.params_public["extra_headers"], json!({"x-team": "****", "authorization": "****"}));
    let routed = &snapshot.routes.resolve("openrouter/a/b").expect("captured").deployments[0];
    assert_eq!(&*routed.target.base, "http://127.0.0.1:9/v1", "from the credential");
    assert_eq!(&*routed.group, "openrouter/a/b");
    let again = good(ORDINARY, KEYS);
    assert_eq!(
        again.routes.resolve("openrouter/c").expect("captured").deployments[0].id,
        routed.id,
        "ids are stable"
    );
}

#[test]
fn problems_come_all_at_once_with_line_key_and_remedy() {
    let text = "\
model_list:
  - litellm_params: {model: openai/gpt-4o}
  - model_name: a
  - model_name: b
    litellm_params: {model: openai/x, timeout: soon, rpm: -1, extra_headers: [a]}
router_settings:
  routing_strategy: fastest
  num_retries: many
  fallbacks: [a]
litellm_settings:
  drop_params: maybe
general_settings: [1]
providers:
  mine: {dialect: klingon}
";
    let expected = [
        "12: general_settings: The value is a list. It must be a map.",
        "11: litellm_settings.drop_params: The value is `maybe`. It must be true or false.",
        "8: router_settings.num_retries: The value is `many`. It must be a whole number, 0 or more.",
        "14: providers.mine: The provider's row is wrong: provider `mine`: `dialect` is `klingon`",
        "7: router_settings.routing_strategy: There is no strategy `fastest`.",
        "9: router_settings.fallbacks: An item is a text. Write `- group: [next, …]`",
        "2: model_list[0].model_name: The entry has no public name.",
        "3: model_list[1].litellm_params.model: The entry names no model.",
        // What would only be a warning in a good file is named, too.
        "4: model_list[2].litellm_params.api_key: `openai` needs a key",
        "5: model_list[2].litellm_params.timeout: The value is `soon`. It must be a number of seconds above zero.",
        "5: model_list[2].litellm_params.rpm: The value is a number. It must be a whole number, 0 or more.",
        "5: model_list[2].litellm_params.extra_headers: The value is a list. It must be a map.",
    ];
    let found = bad(text);
    for wanted in expected {
        assert!(found.iter().any(|line| line.starts_with(wanted)), "{wanted}\nin\n{}", found.join("\n"));
    }
    assert_eq!(found.len(), expected.len(), "{}", found.join("\n"));
}

#[test]
fn warnings_name_slips_missing_variables_and_models_that_cannot_work() {
    let text = "\
model_list:
  - model_name: a
    litellm_params: {model: openai/gpt-4o, api_key: os.environ/NOT_SET, max_retires: 3}
  - model_name: b
    litellm_params: {model: klingon/x}
  - model_name: c
    litellm_params: {model: hosted_vllm/x}
litelm_settings: {drop_params: true}
litellm_settings: {drop_parms: true}
router_settings: {fallbacks: [{a: [aa, b]}], num_retries: 1, num_retries: 2}
";
    let snapshot = good(text, &[]);
    let found = lines(&snapshot.warnings);
    let expected = [
        "3: model_list[0].litellm_params.api_key: The environment variable `NOT_SET` is not set.",
        "3: model_list[0].litellm_params.max_retires: This key is not known. Did you mean `max_retries`?",
        "5: model_list[1].litellm_params.model: There is no provider `klingon` in this build",
        "6: model_list[2].litellm_params.api_base: `hosted_vllm` has no address of its own.",
        "8: litelm_settings: This key is not known. Did you mean `litellm_settings`?",
        "9: litellm_settings.drop_parms: This key is not known. Did you mean `drop_params`?",
        "10: router_settings.fallbacks: No model is named `aa`.",
        "10: num_retries: The key is here twice; this one counts.",
    ];
    for wanted in expected {
        assert!(found.iter().any(|line| line.starts_with(wanted)), "{wanted}\nin\n{}", found.join("\n"));
    }
    assert_eq!(found.len(), expected.len(), "{}", found.join("\n"));
    assert!(snapshot.routes.why_unusable("b").is_some_and(|why| why.contains("klingon")));
    assert!(snapshot.routes.resolve("b").is_none());
    assert_eq!(snapshot.policy.num_retries, 2);
    let strict = format!("{text}\n")
        .replace("router_settings: {", "router_settings: {ignore_invalid_deployments: false, ");
    // Two of the warnings have become problems; the others come with them.
    assert_eq!(bad(&strict).len(), expected.len());
}

#[test]
fn a_broken_or_missing_file_says_where() {
    let found = bad("model_list:\n  - a: 1\n b: 2\n");
    assert!(found.len() == 1 && found[0].starts_with("3:"), "{found:?}");
    assert!(bad("- a\n")[0].starts_with("1: The file is a list"));
    let missing = load(&Sources { file: Some("/nowhere/config.yaml".into()), ..Sources::default() });
    assert!(missing.expect_err("a problem")[0].to_string().contains("`/nowhere/config.yaml` cannot be read"));
}

#[test]
fn includes_append_lists_and_replace_the_rest() {
    let folder = folder(&[
        (
            "config.yaml",
            "include: [more.yaml]\nmodel_list:\n  - {model_name: a, litellm_params: {model: openai/a, api_key: k}}\nlitellm_settings: {drop_params: true, modify_params: true}\n",
        ),
        (
            "more.yaml",
            "include: [config.yaml, even.yaml]\nmodel_list:\n  - {model_name: b, litellm_params: {model: openai/b, api_key: k}}\nlitellm_settings: {num_retries: 7}\n",
        ),
        ("even.yaml", "model_list:\n  - {model_name: c}\n"),
    ]);
    let problems = load(&sources(folder.path(), &[])).expect_err("a problem");
    assert!(
        problems[0].to_string().contains("even.yaml:2: model_list[2].litellm_params.model:"),
        "{}",
        problems[0]
    );
    fs::write(folder.path().join("even.yaml"), "").expect("written");
    let snapshot = load(&sources(folder.path(), &[])).expect("right");
    assert_eq!(names(&snapshot), ["a", "b"]);
    assert_eq!((snapshot.settings.drop_params, snapshot.policy.num_retries), (false, 7));
    assert_eq!(snapshot.files.len(), 3);
    fs::remove_file(folder.path().join("even.yaml")).expect("removed");
    let problems = load(&sources(folder.path(), &[])).expect_err("a problem");
    assert!(problems[0].to_string().contains("more.yaml:1: include: `"), "{}", problems[0]);
}

#[test]
fn without_a_file_the_environment_decides() {
    let env = [("GROQ_API_KEY", "gsk"), ("OPENAI_API_KEY", ""), ("LITELLM_MASTER_KEY", "sk-x")];
    let env: BTreeMap<String, String> = env.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
    let snapshot = load(&Sources { env, ..Sources::default() }).expect("right");
    assert_eq!(names(&snapshot), ["demo/echo", "groq/*"]);
    assert_eq!(
        target(&snapshot, "groq/llama-3.3-70b-versatile").as_deref(),
        Some("groq llama-3.3-70b-versatile")
    );
    assert_eq!(target(&snapshot, "demo/echo").as_deref(), Some("demo echo"));
    assert!(snapshot.warnings.is_empty() && snapshot.general.master_key.is_some());
    let overrides = Overrides {
        models: vec!["openai/gpt-4o".to_owned()],
        alias: Some("mine".to_owned()),
        params: json!({"api_base": "http://127.0.0.1:1/v1", "api_key": "k"})
            .as_object()
            .cloned()
            .unwrap_or_default(),
        fallback_master_key: Some(Secret::new("made up")),
        ..Overrides::default()
    };
    let snapshot = load(&Sources { overrides, ..Sources::default() }).expect("right");
    assert_eq!(names(&snapshot), ["mine"]);
    assert_eq!(snapshot.general.master_key.as_ref().map(Secret::expose), Some("made up"));
}

#[test]
fn patterns_from_the_most_specific_to_the_bare_star() {
    let text = "\
model_list:
  - {model_name: '*', litellm_params: {model: '*', api_key: k}}
  - {model_name: openai/*, litellm_params: {model: openai/*, api_key: k}}
  - {model_name: openai/gpt-*, litellm_params: {model: groq/g-*, api_key: k}}
  - {model_name: exact, litellm_params: {model: openai/e, api_key: k}}
";
    let snapshot = good(text, &[]);
    let table = [
        ("exact", "openai e"),
        ("openai/gpt-4o", "groq g-4o"),
        ("openai/o3", "openai o3"),
        ("anthropic/claude-x", "anthropic claude-x"),
        ("gpt-4o", "openai gpt-4o"),
    ];
    for (name, expected) in table {
        assert_eq!(target(&snapshot, name).as_deref(), Some(expected), "{name}");
    }
    assert_eq!(target(&snapshot, "no-such-model-anywhere"), None);
    let bare = good("model_list: [{model_name: '*', litellm_params: {model: openai/*, api_key: k}}]", &[]);
    assert_eq!(target(&bare, "gpt-4o").as_deref(), Some("openai gpt-4o"));
    assert_eq!(target(&bare, "openai/gpt-4o").as_deref(), Some("openai gpt-4o"));
}

#[test]
fn own_providers_are_rows_like_the_built_in_ones() {
    let text = "\
providers:
  house:
    title: House model
    dialect: openai
    base_url: http://127.0.0.1:7/v1
    auth: {scheme: header, header: X-Key, env: [HOUSE_KEY]}
    quirks: {drop: [user]}
model_list:
  - {model_name: m, litellm_params: {model: house/large}}
";
    let snapshot = good(text, &[("HOUSE_KEY", "k")]);
    assert_eq!(target(&snapshot, "m").as_deref(), Some("house large"));
    assert!(snapshot.warnings.is_empty(), "{:?}", lines(&snapshot.warnings));
}

#[test]
fn habits_of_existing_files_are_understood() {
    let text = "\
x-common: &common {api_key: 12345, timeout: '30', drop_params: yes}
model_list:
  - {model_name: a, litellm_params: {<<: *common, model: openai/gpt-4o, num_retries: '3', tags: one}}
  - {model_name: 4, litellm_params: {<<: *common, model: gpt-4o, api_base: 'https://api.openai.com/v1/'}}
litellm_settings: {callbacks: [prometheus], success_callback: [langfuse], set_verbose: off, cache: false, num_retries: null}
router_settings:
general_settings: {}
";
    let snapshot = good(text, &[]);
    assert_eq!(names(&snapshot), ["4", "a"]);
    assert_eq!(snapshot.inactive, ["litellm_settings.success_callback"]);
    let a = &snapshot.routes.resolve("a").expect("a").deployments[0];
    assert_eq!((a.timeouts.total, a.num_retries), (Duration::from_secs(30), Some(3)));
    assert!(a.target.policy.drop_params);
    let found = lines(&snapshot.warnings);
    assert_eq!(found, ["1: x-common: This key is not known. It is ignored."]);
}

#[test]
fn weak_master_keys_stay_on_this_machine() {
    let check = |key: &str, host: &str, extra: &str| {
        let text = format!("model_list: []\ngeneral_settings: {{master_key: '{key}'{extra}}}\n");
        check_exposure(&good(&text, &[]), host).len()
    };
    for host in ["127.0.0.1", "localhost", "::1", "[::1]", "127.0.0.53"] {
        assert_eq!(check("", host, ""), 0, "{host}");
    }
    for host in ["0.0.0.0", "::", "10.0.0.1", "example.com", ""] {
        for key in ["", "sk-1234", "SK-1234", "sk-short", "aaaaaaaaaaaaaaaaaaaaaaaa"] {
            assert_eq!(check(key, host, ""), 1, "{key} on {host}");
        }
        assert_eq!(check("sk-x7Kp2mQ9vLw4Rt8Z", host, ""), 0, "{host}");
        assert_eq!(check("", host, ", dangerously_permit_weak_or_unset_master_key: true"), 0);
    }
}

#[test]
fn mangled_files_give_snapshots_or_problems_and_never_panic() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let pieces = [
        "*",
        "&a",
        "{",
        "]",
        ": ",
        "\n",
        "- ",
        "\"",
        "os.environ/X",
        "~",
        "!!str",
        "|",
        "#",
        "\t",
        "<<: *x",
        "99999999999999999999",
        "é",
    ];
    let folder = folder(&[]);
    let sources = sources(folder.path(), KEYS);
    for _ in 0..60 {
        let mut text: Vec<char> = ORDINARY.chars().collect();
        for _ in 0..=random(4) {
            let at = random(text.len());
            match random(3) {
                0 => drop(text.drain(at..(at + random(40)).min(text.len()))),
                1 => drop(text.splice(at..at, pieces[random(pieces.len())].chars())),
                _ => text.truncate(at.max(1)),
            }
            if text.is_empty() {
                text.push('a');
            }
        }
        fs::write(folder.path().join("config.yaml"), text.into_iter().collect::<String>()).expect("written");
        match load(&sources) {
            Ok(snapshot) => drop(names(&snapshot)),
            Err(problems) => assert!(!problems.is_empty()),
        }
    }
}
