//! `router_settings`, and those of `litellm_settings` that mean the same, as a [`Policy`].

use lockgate_router::{Fallback, Fallbacks, Policy, RetryPolicy, Routes, Strategy};

use crate::{
    report::Report,
    section::Section,
    suggest,
    yaml::{At, Node},
};

const LISTS: [&str; 3] = ["fallbacks", "context_window_fallbacks", "content_policy_fallbacks"];

/// Reads the policy; `router_settings` win over `litellm_settings`.
pub(crate) fn policy(router: &Section<'_>, litellm: &Section<'_>, report: &mut Report) -> Policy {
    let usual = Policy::default();
    let mut group_retry_policy = std::collections::BTreeMap::new();
    for entry in router.entries("model_group_retry_policy") {
        let path = format!("router_settings.model_group_retry_policy.{}", entry.key);
        group_retry_policy.insert(entry.key.clone(), counts(Some(&entry.value), &path, report));
    }
    let args = Section::of(router.get("routing_strategy_args"));
    Policy {
        strategy: strategy(router, report),
        num_retries: router
            .count("num_retries")
            .or_else(|| litellm.count("num_retries"))
            .unwrap_or(usual.num_retries),
        retry_after: router.duration("retry_after").unwrap_or(usual.retry_after),
        retry_policy: counts(router.get("retry_policy"), "router_settings.retry_policy", report),
        group_retry_policy,
        allowed_fails: router.count("allowed_fails").or_else(|| litellm.count("allowed_fails")),
        allowed_fails_policy: counts(
            router.get("allowed_fails_policy"),
            "router_settings.allowed_fails_policy",
            report,
        ),
        cooldown_time: router.duration("cooldown_time").unwrap_or(usual.cooldown_time),
        disable_cooldowns: router.flag("disable_cooldowns").unwrap_or(usual.disable_cooldowns),
        fallbacks: fallbacks(router, litellm, LISTS[0], report),
        default_fallbacks: default_fallbacks(router, litellm, report),
        context_window_fallbacks: fallbacks(router, litellm, LISTS[1], report),
        content_policy_fallbacks: fallbacks(router, litellm, LISTS[2], report),
        max_fallbacks: router.count("max_fallbacks").unwrap_or(usual.max_fallbacks),
        enable_tag_filtering: router.flag("enable_tag_filtering").unwrap_or(usual.enable_tag_filtering),
        tag_filtering_match_any: router
            .flag("tag_filtering_match_any")
            .unwrap_or(usual.tag_filtering_match_any),
        default_max_parallel_requests: router.count("default_max_parallel_requests").map(u64::from),
        latency_buffer: args.number("lowest_latency_buffer").unwrap_or(usual.latency_buffer),
    }
}

/// Warns of names that the policy uses and nothing serves.
pub(crate) fn check_names(
    router: &Section<'_>,
    litellm: &Section<'_>,
    policy: &Policy,
    routes: [&Routes; 2],
    report: &mut Report,
) {
    let names: Vec<&str> = routes.iter().flat_map(|routes| routes.names()).map(|name| name.name).collect();
    let known = |name: &str| {
        routes.iter().any(|routes| routes.resolve(name).is_some() || routes.why_unusable(name).is_some())
    };
    let mut check = |at: At, key: &str, name: &str| {
        if known(name) {
            return;
        }
        let remedy = match suggest::nearest(name, names.iter().copied()) {
            Some(near) => format!("Did you mean `{near}`?"),
            None => "Add it to `model_list`, or remove it here.".to_owned(),
        };
        report.warn(at, key, format!("No model is named `{name}`."), remedy);
    };
    let lists = [&policy.fallbacks, &policy.context_window_fallbacks, &policy.content_policy_fallbacks];
    for (list, key) in lists.into_iter().zip(LISTS) {
        let (section, node) = place(router, litellm, key);
        for fallback in list.targets() {
            check(node.map(|node| node.at).unwrap_or_default(), &format!("{section}.{key}"), &fallback.model);
        }
    }
    let (section, node) = place(router, litellm, "default_fallbacks");
    for fallback in &policy.default_fallbacks {
        check(
            node.map(|node| node.at).unwrap_or_default(),
            &format!("{section}.default_fallbacks"),
            &fallback.model,
        );
    }
}

fn strategy(router: &Section<'_>, report: &mut Report) -> Strategy {
    let Some(node) = router.get("routing_strategy") else { return Strategy::default() };
    let name = node.scalar().unwrap_or_default();
    if let Some(strategy) = Strategy::from_name(&name) {
        return strategy;
    }
    if Strategy::INACTIVE.contains(&name.as_str()) {
        report.inactive.insert(format!("router_settings.routing_strategy: {name}"));
    } else {
        let message = format!("There is no strategy `{name}`.");
        let remedy = "Use `simple-shuffle`, `least-busy`, `latency-based-routing` or `cost-based-routing`.";
        report.problem(node.at, "router_settings.routing_strategy", message, remedy);
    }
    Strategy::default()
}

/// Reads `{RateLimitErrorRetries: 3, …}`.
pub(crate) fn counts(node: Option<&Node>, path: &str, report: &mut Report) -> RetryPolicy {
    let mut policy = RetryPolicy::default();
    for entry in node.and_then(Node::map).unwrap_or_default() {
        if entry.value.is_null() {
            continue;
        }
        let count = entry.value.scalar().and_then(|text| text.parse::<u32>().ok());
        let key = format!("{path}.{}", entry.key);
        match count {
            None => {
                report.problem(entry.at, key, "This is no count.", "It must be a whole number, 0 or more.")
            }
            Some(count) if policy.set(&entry.key, count) => {}
            Some(_) => {
                let remedy = "Names are like `RateLimitErrorRetries` and `TimeoutErrorAllowedFails`.";
                report.warn(entry.at, key, "There is no such kind of error.", remedy);
            }
        }
    }
    policy
}

/// The section that has the key, `router_settings` first.
fn place<'t>(router: &Section<'t>, litellm: &Section<'t>, key: &str) -> (&'static str, Option<&'t Node>) {
    match router.get(key) {
        Some(node) => ("router_settings", Some(node)),
        None => ("litellm_settings", litellm.get(key)),
    }
}

/// Reads `[{group: [next, …]}, …]`.
fn fallbacks(router: &Section<'_>, litellm: &Section<'_>, key: &str, report: &mut Report) -> Fallbacks {
    let mut fallbacks = Fallbacks::default();
    let (section, node) = place(router, litellm, key);
    let Some(node) = node else { return fallbacks };
    for entry in node.list().unwrap_or_default().iter().filter_map(Node::map).flatten() {
        match Fallback::list(&entry.value.json()) {
            Some(list) => fallbacks.insert(&entry.key, list),
            None => report.problem(
                entry.at,
                format!("{section}.{key}.{}", entry.key),
                format!("The value is {}.", entry.value.what()),
                "It must be a list of model names.",
            ),
        }
    }
    let stray = node.list().unwrap_or_default().iter().find(|item| item.map().is_none());
    if let Some(stray) = stray {
        let remedy = "Write `- group: [next, …]`; for every group, use `default_fallbacks`.";
        report.problem(stray.at, format!("{section}.{key}"), format!("An item is {}.", stray.what()), remedy);
    }
    fallbacks
}

fn default_fallbacks(router: &Section<'_>, litellm: &Section<'_>, report: &mut Report) -> Vec<Fallback> {
    let (section, node) = place(router, litellm, "default_fallbacks");
    let Some(node) = node else { return Vec::new() };
    Fallback::list(&node.json()).unwrap_or_else(|| {
        let key = format!("{section}.default_fallbacks");
        report.problem(node.at, key, "The value is no list of models.", "Write `[model, …]`.");
        Vec::new()
    })
}
