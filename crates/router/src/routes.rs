use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use lockgate_catalog::Catalog;

use crate::{Deployment, Issue, listing};

/// Captured names kept at one time; a client that makes up names cannot grow this further.
const CAPTURES: usize = 4096;

/// Public model names and the deployments behind them.
#[derive(Default)]
pub struct Routes {
    groups: HashMap<Arc<str>, Route>,
    aliases: BTreeMap<String, Alias>,
    by_id: HashMap<Arc<str>, Arc<Deployment>>,
    wildcards: Vec<Wildcard>,
    captured: Mutex<HashMap<String, Route>>,
    unusable: BTreeMap<String, String>,
    listed: OnceLock<Vec<String>>,
}

/// What a public name stands for.
#[derive(Clone, Debug)]
pub struct Route {
    /// The public name, aliases resolved.
    pub group: Arc<str>,
    /// The deployments that serve it; at least one.
    pub deployments: Arc<[Arc<Deployment>]>,
}

/// A name for the list of models.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Name<'a> {
    /// As clients write it, or a pattern.
    pub name: &'a str,
    /// Whether it is a pattern.
    pub wildcard: bool,
}

/// Makes the deployment of a captured name; it gets the public name and what the stars stand for.
pub type Capture = Box<dyn Fn(&str, &[&str]) -> Result<Deployment, Vec<Issue>> + Send + Sync>;

/// An entry of `model_list` whose public name is a pattern.
pub struct Wildcard {
    pattern: Pattern,
    /// The entry as it stands, for the list of deployments.
    sample: Option<Deployment>,
    capture: Capture,
}

struct Alias {
    group: String,
    hidden: bool,
}

impl Routes {
    /// Sorts deployments into groups, in the order given.
    pub fn new(deployments: impl IntoIterator<Item = Deployment>) -> Self {
        let mut groups: HashMap<Arc<str>, Vec<Arc<Deployment>>> = HashMap::new();
        let mut by_id = HashMap::new();
        for deployment in deployments {
            let deployment = Arc::new(deployment);
            by_id.insert(deployment.id.clone(), deployment.clone());
            groups.entry(deployment.group.clone()).or_default().push(deployment);
        }
        let route =
            |(group, list): (Arc<str>, Vec<_>)| (group.clone(), Route { group, deployments: list.into() });
        Self { groups: groups.into_iter().map(route).collect(), by_id, ..Self::default() }
    }

    /// Adds patterns; the most specific one that matches a name wins.
    #[must_use]
    pub fn with_wildcards(mut self, wildcards: Vec<Wildcard>) -> Self {
        for mut wildcard in wildcards {
            if let Some(sample) = wildcard.sample.take() {
                self.by_id.insert(sample.id.clone(), Arc::new(sample));
            }
            self.wildcards.push(wildcard);
        }
        self.wildcards.sort_by(|a, b| b.pattern.specificity().cmp(&a.pattern.specificity()));
        self
    }

    /// Adds another name for a group; a hidden one works but is not listed.
    #[must_use]
    pub fn with_alias(mut self, alias: &str, group: &str, hidden: bool) -> Self {
        self.aliases.insert(alias.to_owned(), Alias { group: group.to_owned(), hidden });
        self
    }

    /// Remembers why a configured name does not work, for a better answer than "no such model".
    #[must_use]
    pub fn with_unusable(mut self, name: &str, why: String) -> Self {
        self.unusable.insert(name.to_owned(), why);
        self
    }

    /// The route of a name: an alias, a group, a deployment's id, or what a pattern captures.
    pub fn resolve(&self, name: &str) -> Option<Route> {
        let name = self.aliases.get(name).map_or(name, |alias| &alias.group);
        if let Some(route) = self.groups.get(name) {
            return Some(route.clone());
        }
        if let Some(deployment) = self.by_id.get(name).filter(|deployment| !deployment.wildcard) {
            return Some(Route {
                group: deployment.group.clone(),
                deployments: Arc::new([deployment.clone()]),
            });
        }
        self.capture(name)
    }

    /// Why a configured name cannot be served, if that is known.
    pub fn why_unusable(&self, name: &str) -> Option<&str> {
        let name = self.aliases.get(name).map_or(name, |alias| &alias.group);
        self.unusable.get(name).map(String::as_str)
    }

    /// The visible names, sorted; hidden aliases are left out.
    pub fn names(&self) -> Vec<Name<'_>> {
        let groups = self.groups.keys().map(|group| &**group);
        let aliases = self.aliases.iter().filter(|(_, alias)| !alias.hidden).map(|(name, _)| name.as_str());
        let plain: BTreeSet<&str> = groups.chain(aliases).collect();
        let patterns: BTreeSet<&str> =
            self.wildcards.iter().map(|wildcard| wildcard.pattern.text()).collect();
        let plain = plain.into_iter().map(|name| Name { name, wildcard: false });
        plain.chain(patterns.into_iter().map(|name| Name { name, wildcard: true })).collect()
    }

    /// The names for a list of models: as [`Routes::names`], but in place of a pattern the models of the price list
    /// that it captures. Made once, at the first call; that takes some milliseconds where there are patterns.
    pub fn model_names(&self, catalog: &Catalog) -> &[String] {
        self.listed.get_or_init(|| listing::model_names(self, catalog))
    }

    /// All deployments, in no order; those of patterns as they are configured.
    pub fn deployments(&self) -> impl Iterator<Item = &Arc<Deployment>> {
        self.by_id.values()
    }

    /// The deployment of that id.
    pub fn deployment(&self, id: &str) -> Option<&Arc<Deployment>> {
        self.by_id.get(id)
    }

    /// Whether there is nothing to serve.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.wildcards.is_empty()
    }

    fn capture(&self, name: &str) -> Option<Route> {
        if self.wildcards.is_empty() {
            return None;
        }
        if let Some(route) = self.captured.lock().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Some(route.clone());
        }
        let route = self.captured_route(name)?;
        let mut captured = self.captured.lock().unwrap_or_else(PoisonError::into_inner);
        if captured.len() >= CAPTURES {
            captured.clear();
        }
        captured.insert(name.to_owned(), route.clone());
        Some(route)
    }

    /// The deployments of the most specific pattern that matches and makes any.
    fn captured_route(&self, name: &str) -> Option<Route> {
        let mut found: Vec<Arc<Deployment>> = Vec::new();
        let mut pattern: Option<&str> = None;
        for wildcard in &self.wildcards {
            if pattern.is_some_and(|pattern| pattern != wildcard.pattern.text()) {
                break;
            }
            let Some(captures) = wildcard.pattern.capture(name) else { continue };
            if let Ok(deployment) = (wildcard.capture)(name, &captures) {
                pattern = Some(wildcard.pattern.text());
                found.push(Arc::new(deployment));
            }
        }
        let group = found.first()?.group.clone();
        Some(Route { group, deployments: found.into() })
    }
}

impl Wildcard {
    /// A pattern and what makes its deployments. `None` if the text holds no star.
    pub fn new(pattern: &str, capture: Capture) -> Option<Self> {
        Some(Self { pattern: Pattern::new(pattern)?, sample: None, capture })
    }

    /// Lists the entry as it stands; its model is a pattern, too, and cannot be called.
    #[must_use]
    pub fn with_sample(mut self, sample: Deployment) -> Self {
        self.sample = Some(Deployment { wildcard: true, ..sample });
        self
    }

    /// Puts captures in place of the stars of a model's name. A name without a star is taken as it is.
    pub fn substitute(model: &str, captures: &[&str]) -> String {
        let mut pieces = model.split('*');
        let mut name = pieces.next().unwrap_or_default().to_owned();
        for (index, piece) in pieces.enumerate() {
            name.push_str(captures.get(index).or(captures.last()).unwrap_or(&""));
            name.push_str(piece);
        }
        name
    }
}

/// A name with stars; each star stands for any text, slashes included.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: String,
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Option<Self> {
        text.contains('*').then(|| Self { text: text.to_owned() })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// More literal text first, then fewer stars, then by the alphabet, so that equal patterns stand together.
    pub(crate) fn specificity(&self) -> (usize, Reverse<usize>, &str) {
        let stars = self.text.matches('*').count();
        (self.text.len() - stars, Reverse(stars), &self.text)
    }

    /// What the stars stand for in `name`, if it matches. Earlier stars take as little as they can.
    pub(crate) fn capture<'n>(&self, name: &'n str) -> Option<Vec<&'n str>> {
        let (first, rest) = self.text.split_once('*')?;
        let mut left = name.strip_prefix(first)?;
        let mut captures = Vec::new();
        let mut pieces = rest.split('*').peekable();
        while let Some(piece) = pieces.next() {
            if pieces.peek().is_none() {
                captures.push(left.strip_suffix(piece)?);
                break;
            }
            let at = left.find(piece)?;
            captures.push(left.get(..at)?);
            left = left.get(at + piece.len()..)?;
        }
        Some(captures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_capture_what_their_stars_stand_for() {
        let table: &[(&str, &str, Option<&[&str]>)] = &[
            ("*", "gpt-4o", Some(&["gpt-4o"])),
            ("*", "", Some(&[""])),
            ("openai/*", "openai/gpt-4o", Some(&["gpt-4o"])),
            ("openai/*", "openrouter/openai/gpt-4o", None),
            ("openrouter/*", "openrouter/openai/gpt-4o", Some(&["openai/gpt-4o"])),
            ("anthropic/claude-*", "anthropic/claude-sonnet-4-5", Some(&["sonnet-4-5"])),
            ("anthropic/claude-*", "anthropic/other", None),
            ("*-mini", "gpt-4o-mini", Some(&["gpt-4o"])),
            ("a/*/b/*", "a/x/b/y/z", Some(&["x", "y/z"])),
            ("a*a", "a", None),
        ];
        for (pattern, name, expected) in table {
            let found = Pattern::new(pattern).and_then(|pattern| pattern.capture(name));
            assert_eq!(found.as_deref(), *expected, "{pattern} on {name}");
        }
        assert!(Pattern::new("gpt-4o").is_none());
    }

    #[test]
    fn captures_are_put_in_place_of_stars() {
        assert_eq!(Wildcard::substitute("openai/*", &["gpt-4o"]), "openai/gpt-4o");
        assert_eq!(Wildcard::substitute("openai/gpt-4o", &["x"]), "openai/gpt-4o");
        assert_eq!(Wildcard::substitute("*/b/*", &["x", "y"]), "x/b/y");
        assert_eq!(Wildcard::substitute("azure/*", &[]), "azure/");
    }
}
