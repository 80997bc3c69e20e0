//! The list of models that clients see.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_catalog::Catalog;

use crate::{Routes, Wildcard, routes::Pattern};

/// Public names, sorted: groups and visible aliases, and in place of each pattern the models of the price list that it
/// captures. A pattern that captures none of them stays as it is.
pub(crate) fn model_names(routes: &Routes, catalog: &Catalog) -> Vec<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut patterns: BTreeSet<&str> = BTreeSet::new();
    for name in routes.names() {
        match name.wildcard {
            true => _ = patterns.insert(name.name),
            false => _ = names.insert(name.name.to_owned()),
        }
    }
    if patterns.is_empty() {
        return names.into_iter().collect();
    }
    let models = models_by_provider(catalog);
    for deployment in routes.deployments().filter(|deployment| deployment.wildcard) {
        let provider = &deployment.target.provider;
        let label = provider.price_label.as_deref().unwrap_or(&provider.id);
        let Some(wanted) = Pattern::new(&deployment.target.model) else { continue };
        let listed = models.get(label).into_iter().flatten();
        let captured =
            listed.filter_map(|model| Some(Wildcard::substitute(&deployment.group, &wanted.capture(model)?)));
        let before = names.len();
        names.extend(captured);
        if names.len() > before {
            patterns.remove(&*deployment.group);
        }
    }
    names.extend(patterns.into_iter().map(str::to_owned));
    names.into_iter().collect()
}

/// The price list's models by provider, without the provider in front.
fn models_by_provider(catalog: &Catalog) -> BTreeMap<String, Vec<&str>> {
    let mut models: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in catalog.names().filter(|name| !name.starts_with("ft:")) {
        let (provider, model) = match name.split_once('/') {
            Some((provider, model)) => (Some(provider.to_owned()), model),
            None => (catalog.provider_of(name), name),
        };
        if let Some(provider) = provider {
            models.entry(provider).or_default().push(model);
        }
    }
    models
}

#[cfg(test)]
mod tests {
    use crate::{
        Params, Routes, Wildcard,
        fixtures::{catalog, deployment, registry},
        target,
    };

    #[test]
    fn patterns_are_listed_as_the_models_that_they_capture() {
        let wildcard = |name: &str, model: &str| {
            let env = |name: &str| (name == "HOSTED_VLLM_API_BASE").then(|| "http://127.0.0.1:1".to_owned());
            let sample =
                target::build(registry(), catalog(), &Params::new(name, model), &env).expect("right");
            Wildcard::new(name, Box::new(|_, _| Err(Vec::new()))).expect("a pattern").with_sample(sample)
        };
        let routes = Routes::new([deployment("mine", "1")])
            .with_wildcards(vec![
                wildcard("groq/*", "groq/*"),
                wildcard("my-claude-*", "anthropic/claude-*"),
                wildcard("openai/*", "openai/*"),
                wildcard("own/*", "hosted_vllm/*"),
            ])
            .with_alias("shown", "mine", false)
            .with_alias("hidden", "mine", true);
        let names = routes.model_names(catalog());
        for name in
            ["mine", "shown", "groq/openai/gpt-oss-120b", "my-claude-sonnet-4-5", "openai/gpt-4o", "own/*"]
        {
            assert!(names.iter().any(|listed| listed == name), "{name} in {names:?}");
        }
        for name in ["hidden", "groq/*", "openai/*", "openai/claude-sonnet-4-5"] {
            assert!(!names.iter().any(|listed| listed == name), "{name}");
        }
    }
}
