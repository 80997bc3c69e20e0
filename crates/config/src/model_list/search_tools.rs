//! `search_tools`: search engines under public names of their own, beside the models.

use lockgate_core::Operation;
use lockgate_router::{Issue, Params, Routes};
use serde_json::Value;

use super::{Built, Listed, ModelList, add_credentials};
use crate::{
    keys::{SEARCH_PARAMS, SEARCH_TOOL},
    report::Report,
    section, suggest,
    yaml::Node,
};

/// What the price list calls a search: `tavily/search`.
const MODEL: &str = "search";

impl ModelList<'_> {
    /// The tools by name; each entry is a deployment like those of models.
    pub(crate) fn search_tools(&self, report: &mut Report) -> Routes {
        let mut built = Built::default();
        let credentials = self.credentials(&mut Report::default());
        let entries = self.root.get("search_tools").and_then(Node::list).unwrap_or_default();
        for (index, entry) in entries.iter().enumerate() {
            let path = format!("search_tools[{index}]");
            let Some(params) = tool(entry, &path, report) else { continue };
            let mut one = Listed { at: entry.at, node: Some(entry), path, params };
            add_credentials(&mut one, &credentials, report);
            match self.unknown_engine(&one.params) {
                Some(issue) => self.refuse(&one, vec![issue], &mut built, report),
                None => self.add(one, &mut built, report),
            }
        }
        let routes = Routes::new(built.deployments);
        built.unusable.into_iter().fold(routes, |routes, (name, why)| routes.with_unusable(&name, why))
    }

    /// What is wrong with the entry's engine, if there is no such one.
    fn unknown_engine(&self, params: &Params) -> Option<Issue> {
        let name = params.params.get("custom_llm_provider").and_then(Value::as_str).unwrap_or_default();
        if self.registry.get(name).is_some_and(|provider| provider.offers(Operation::Search)) {
            return None;
        }
        let engines = self.registry.providers().filter(|provider| provider.offers(Operation::Search));
        let engines: Vec<&str> = engines.map(|provider| &*provider.id).collect();
        let near = suggest::nearest(name, engines.iter().copied());
        let remedy = match near {
            Some(near) => format!("Did you mean `{near}`?"),
            None => format!("Use one of {}.", engines.join(", ")),
        };
        let message = format!("`{name}` is no search engine of this build.");
        Some(Issue::new("litellm_params.search_provider", message, remedy))
    }
}

/// The parameters of an entry; none if it lacks what it cannot do without.
fn tool(entry: &Node, path: &str, report: &mut Report) -> Option<Params> {
    section::check(entry, &SEARCH_TOOL, path, report);
    entry.map()?;
    let map = |name: &str| entry.get(name).filter(|node| node.map().is_some());
    if let Some(node) = map("litellm_params") {
        section::check(node, &SEARCH_PARAMS, &format!("{path}.litellm_params"), report);
    }
    let name = entry.get("search_tool_name").and_then(Node::scalar).filter(|name| !name.trim().is_empty());
    let engine = map("litellm_params").and_then(|node| node.get("search_provider")).and_then(Node::scalar);
    if name.is_none() {
        let remedy = "Write `search_tool_name: NAME`, the name that clients use.";
        report.problem(entry.at, format!("{path}.search_tool_name"), "The tool has no name.", remedy);
    }
    if name.as_ref().is_some_and(|name| name.contains('*')) {
        let remedy = "Write one entry for each engine.";
        report.problem(entry.at, format!("{path}.search_tool_name"), "A tool's name is no pattern.", remedy);
        return None;
    }
    if engine.is_none() {
        let remedy = "Write `litellm_params: {search_provider: tavily}`, or another engine's name.";
        let key = format!("{path}.litellm_params.search_provider");
        report.problem(entry.at, key, "The tool names no search engine.", remedy);
    }
    let (name, engine) = (name?, engine?);
    let mut params = map("litellm_params").map(Node::json_map).unwrap_or_default();
    params.retain(|_, value| !value.is_null());
    params.insert("model".to_owned(), Value::from(MODEL));
    params.insert("custom_llm_provider".to_owned(), Value::from(engine));
    // A key of digits alone that nobody quoted.
    if let Some(Value::Number(number)) = params.get("api_key") {
        let text = number.to_string();
        params.insert("api_key".to_owned(), Value::from(text));
    }
    let mut info = map("search_tool_info").map(Node::json_map).unwrap_or_default();
    info.insert("mode".to_owned(), Value::from(MODEL));
    Some(Params { model_name: name, params, info })
}
