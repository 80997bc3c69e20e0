//! `model_list` and everything that names models, as [`Routes`].

mod search_tools;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use lockgate_catalog::Catalog;
use lockgate_core::{AuthScheme, Operation, Provider};
use lockgate_registry::Registry;
use lockgate_router::{
    Deployment, Issue, Params, Routes, Wildcard,
    target::{Builder, Defaults, Entries},
};
use serde_json::{Map, Value};

use crate::{
    keys::{ENTRY, INFO, PARAMS},
    load::{Overrides, set},
    report::Report,
    section::{self, Section},
    yaml::{At, Node},
};

/// What the building of routes needs.
pub(crate) struct ModelList<'a> {
    pub(crate) root: &'a Node,
    pub(crate) router: &'a Section<'a>,
    pub(crate) registry: &'a Registry,
    pub(crate) catalog: &'a Catalog,
    pub(crate) env: Arc<BTreeMap<String, String>>,
    pub(crate) defaults: Arc<Defaults>,
    pub(crate) overrides: &'a Overrides,
}

/// An entry, its references resolved.
struct Listed<'t> {
    at: At,
    /// The entry in the file, if it is in one.
    node: Option<&'t Node>,
    path: String,
    params: Params,
}

impl Listed<'_> {
    /// Where `litellm_params.x` stands, or else the entry.
    fn at_key(&self, key: &str) -> At {
        let found = self.node.and_then(|node| {
            let (section, name) = key.split_once('.')?;
            node.get(section)?.map()?.iter().find(|entry| entry.key == name)
        });
        found.map_or(self.at, |entry| entry.at)
    }
}

/// What has been built so far.
#[derive(Default)]
struct Built {
    deployments: Vec<Deployment>,
    wildcards: Vec<Wildcard>,
    unusable: BTreeMap<String, String>,
    ids: BTreeSet<Arc<str>>,
    entries: Entries,
}

impl<'a> ModelList<'a> {
    pub(crate) fn routes(&self, report: &mut Report) -> Routes {
        let mut built = Built::default();
        let mut listed = self.listed(report);
        listed.extend(self.of_command_line());
        if self.root.get("model_list").is_none() && self.overrides.models.is_empty() {
            listed.extend(self.of_environment());
        }
        for one in listed {
            self.add(one, &mut built, report);
        }
        let mut routes = Routes::new(built.deployments).with_wildcards(built.wildcards);
        for (name, why) in built.unusable {
            routes = routes.with_unusable(&name, why);
        }
        self.aliases(routes, report)
    }

    /// The entries of `model_list`.
    fn listed(&self, report: &mut Report) -> Vec<Listed<'a>> {
        let credentials = self.credentials(report);
        let usual = self.router.json_map("default_litellm_params");
        let entries = self.root.get("model_list").and_then(Node::list).unwrap_or_default();
        let mut listed = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let path = format!("model_list[{index}]");
            let Some(params) = self.entry(entry, &path, report) else { continue };
            let mut one = Listed { at: entry.at, node: Some(entry), path, params };
            add_credentials(&mut one, &credentials, report);
            for (name, value) in &usual {
                one.params.params.entry(name.clone()).or_insert_with(|| value.clone());
            }
            listed.push(one);
        }
        listed
    }

    fn entry(&self, entry: &Node, path: &str, report: &mut Report) -> Option<Params> {
        section::check(entry, &ENTRY, path, report);
        let params_node = entry.get("litellm_params").filter(|node| node.map().is_some());
        if let Some(node) = params_node {
            section::check(node, &PARAMS, &format!("{path}.litellm_params"), report);
        }
        let info_node = entry.get("model_info").filter(|node| node.map().is_some());
        if let Some(node) = info_node {
            section::check(node, &INFO, &format!("{path}.model_info"), report);
        }
        entry.map()?;
        let name = entry.get("model_name").and_then(Node::scalar).filter(|name| !name.trim().is_empty());
        let model = params_node.and_then(|node| node.get("model")).and_then(Node::scalar);
        if name.is_none() {
            let remedy = "Write `model_name: NAME`, the name that clients use.";
            report.problem(entry.at, format!("{path}.model_name"), "The entry has no public name.", remedy);
        }
        if model.is_none() {
            let remedy = "Write `litellm_params: {model: provider/name}`.";
            report.problem(
                entry.at,
                format!("{path}.litellm_params.model"),
                "The entry names no model.",
                remedy,
            );
        }
        let (name, model) = (name?, model?);
        let mut params = params_node.map(Node::json_map).unwrap_or_default();
        params.retain(|_, value| !value.is_null());
        params.insert("model".to_owned(), Value::from(model));
        // A key of digits alone that nobody quoted.
        for name in ["api_key", "organization"] {
            if let Some(Value::Number(number)) = params.get(name) {
                let text = number.to_string();
                params.insert(name.to_owned(), Value::from(text));
            }
        }
        let info = info_node.map(Node::json_map).unwrap_or_default();
        Some(Params { model_name: name, params, info })
    }

    /// The values of `credential_list`, by name.
    fn credentials(&self, report: &mut Report) -> BTreeMap<String, Map<String, Value>> {
        let mut credentials = BTreeMap::new();
        let list = self.root.get("credential_list").and_then(Node::list).unwrap_or_default();
        for (index, entry) in list.iter().enumerate() {
            match (entry.get("credential_name").and_then(Node::scalar), entry.get("credential_values")) {
                (Some(name), Some(values)) if values.map().is_some() => {
                    credentials.insert(name, values.json_map());
                }
                _ => report.problem(
                    entry.at,
                    format!("credential_list[{index}]"),
                    "A credential needs a name and values.",
                    "Write `credential_name: NAME` and `credential_values: {api_key: …}`.",
                ),
            }
        }
        credentials
    }

    fn of_command_line(&self) -> Vec<Listed<'a>> {
        let models = self.overrides.models.iter().enumerate();
        models
            .map(|(index, model)| {
                let alias = self.overrides.alias.as_ref().filter(|_| index == 0);
                let mut params = Params::new(alias.unwrap_or(model), model);
                params.params.extend(self.overrides.params.clone());
                Listed { at: At::default(), node: None, path: "--model".to_owned(), params }
            })
            .collect()
    }

    /// `provider/*` for every provider that has a key or an address in the environment, and the demonstration model.
    fn of_environment(&self) -> Vec<Listed<'a>> {
        let is_set = |name: &String| set(&self.env, name).is_some();
        let mut listed = Vec::new();
        let models = |provider: &Provider| provider.operations != [Operation::Search];
        for provider in self.registry.providers().filter(|provider| models(provider)) {
            let keyed = provider.auth.scheme != AuthScheme::None && provider.auth.env.iter().any(is_set);
            let placed = provider.auth.optional && provider.base_env.iter().any(is_set);
            if keyed || placed {
                let name = format!("{}/*", provider.id);
                let params = Params::new(&name, &name);
                listed.push(Listed { at: At::default(), node: None, path: name, params });
            }
        }
        if self.registry.get("demo").is_some() {
            let params = Params::new("demo/echo", "demo/echo");
            listed.push(Listed { at: At::default(), node: None, path: "demo/echo".to_owned(), params });
        }
        listed
    }

    /// Builds one entry. One that cannot work is left out with a warning, or refused if the operator wants that.
    fn add(&self, mut one: Listed<'_>, built: &mut Built, report: &mut Report) {
        if one.params.info.get("blocked") == Some(&Value::Bool(true)) {
            return;
        }
        self.make_id_unique(&mut one, built, report);
        let wildcard = one.params.model_name.contains('*');
        let env = |name: &str| set(&self.env, name).map(str::to_owned);
        let builder =
            Builder { registry: self.registry, catalog: self.catalog, env: &env, defaults: &self.defaults };
        let result = builder.build_with(&one.params, &mut built.entries);
        // The provider of a bare `*` is known only when a name comes.
        let open = wildcard
            && one
                .params
                .params
                .get("model")
                .and_then(Value::as_str)
                .is_some_and(|model| model.starts_with('*'));
        let sample = match result {
            Ok((deployment, issues)) => {
                for issue in issues {
                    let key = format!("{}.{}", one.path, issue.key);
                    // A variable that is not set has been named already; that the key is missing follows.
                    if !report.has_warned(&key) {
                        report.warn(one.at_key(&issue.key), key, issue.message, issue.remedy);
                    }
                }
                Some(deployment)
            }
            Err(_) if open => None,
            Err(issues) => {
                self.refuse(&one, issues, built, report);
                return;
            }
        };
        match sample {
            Some(deployment) if !wildcard => built.deployments.push(deployment),
            sample => built.wildcards.extend(self.wildcard(&one.params, sample)),
        }
    }

    fn refuse(&self, one: &Listed<'_>, issues: Vec<Issue>, built: &mut Built, report: &mut Report) {
        let skip = self.router.flag("ignore_invalid_deployments").unwrap_or(true);
        let why: Vec<&str> = issues.iter().map(|issue| issue.message.as_str()).collect();
        built.unusable.insert(one.params.model_name.clone(), why.join(" "));
        for issue in issues {
            let key = format!("{}.{}", one.path, issue.key);
            if skip {
                let message = format!("{} `{}` is left out.", issue.message, one.params.model_name);
                report.warn(one.at_key(&issue.key), key, message, issue.remedy);
            } else {
                report.problem(one.at_key(&issue.key), key, issue.message, issue.remedy);
            }
        }
    }

    /// A pattern that builds the deployment of each name that it captures.
    fn wildcard(&self, params: &Params, sample: Option<Deployment>) -> Option<Wildcard> {
        let (registry, catalog) = (self.registry.clone(), self.catalog.clone());
        let (env, defaults) = (self.env.clone(), self.defaults.clone());
        let mut entry = params.clone();
        entry.info.insert("id".to_owned(), Value::from(&*params.id()));
        let model = params.params.get("model").and_then(Value::as_str).unwrap_or_default().to_owned();
        let bare = params.model_name == "*";
        let capture = move |name: &str, captures: &[&str]| {
            // Behind a bare `*`, clients may write the provider in front or not.
            let known = model.strip_suffix('*').filter(|prefix| bare && !prefix.is_empty());
            let target = match known {
                Some(prefix) if name.starts_with(prefix) => name.to_owned(),
                _ => Wildcard::substitute(&model, captures),
            };
            let mut params = entry.clone();
            name.clone_into(&mut params.model_name);
            params.params.insert("model".to_owned(), Value::from(target));
            let env = |name: &str| set(&env, name).map(str::to_owned);
            let builder = Builder { registry: &registry, catalog: &catalog, env: &env, defaults: &defaults };
            let (mut deployment, _) = builder.build(&params)?;
            deployment.wildcard = true;
            Ok(deployment)
        };
        let wildcard = Wildcard::new(&params.model_name, Box::new(capture))?;
        Some(match sample {
            Some(sample) => wildcard.with_sample(sample),
            None => wildcard,
        })
    }

    /// Two equal entries are two deployments; two entries with one explicit id are a slip.
    fn make_id_unique(&self, one: &mut Listed<'_>, built: &mut Built, report: &mut Report) {
        let id = one.params.id();
        if built.ids.insert(id.clone()) {
            return;
        }
        if one.params.info.contains_key("id") {
            let key = format!("{}.model_info.id", one.path);
            report.warn(
                one.at,
                key,
                format!("The id `{id}` is taken."),
                "Give each deployment an id of its own.",
            );
        }
        let unique = (2..).map(|number| format!("{id}-{number}")).find(|id| !built.ids.contains(id.as_str()));
        let unique: Arc<str> = Arc::from(unique.unwrap_or_default());
        one.params.info.insert("id".to_owned(), Value::from(&*unique));
        built.ids.insert(unique);
    }

    /// `model_group_alias: {alias: group}` or `{alias: {model: group, hidden: true}}`.
    fn aliases(&self, mut routes: Routes, report: &mut Report) -> Routes {
        for entry in self.router.entries("model_group_alias") {
            let path = format!("router_settings.model_group_alias.{}", entry.key);
            let details = Section::of(Some(&entry.value));
            let target = entry.value.scalar().or_else(|| details.text("model"));
            let Some(target) = target else {
                let remedy = "Write `alias: group`, or `alias: {model: group, hidden: true}`.";
                report.problem(entry.at, path, "The alias names no group.", remedy);
                continue;
            };
            if routes.resolve(&target).is_none() && routes.why_unusable(&target).is_none() {
                report.warn(
                    entry.at,
                    path,
                    format!("No model is named `{target}`."),
                    "Add it to `model_list`.",
                );
            }
            routes = routes.with_alias(&entry.key, &target, details.flag("hidden").unwrap_or(false));
        }
        routes
    }
}

/// Adds the values that `litellm_credential_name` stands for, where the entry has none of its own.
fn add_credentials(
    one: &mut Listed<'_>,
    credentials: &BTreeMap<String, Map<String, Value>>,
    report: &mut Report,
) {
    let Some(name) = one.params.params.get("litellm_credential_name").and_then(Value::as_str) else { return };
    let Some(values) = credentials.get(name) else {
        let key = format!("{}.litellm_params.litellm_credential_name", one.path);
        let message = format!("`credential_list` has no `{name}`.");
        report.problem(one.at, key, message, "Add it there, or correct the name.");
        return;
    };
    for (name, value) in values.clone() {
        one.params.params.entry(name).or_insert(value);
    }
}
