//! A section of the file: checked against its declaration, then read leniently.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{
    keys::{Found, Place, Type},
    report::Report,
    suggest,
    yaml::{At, Entry, Kind, Node},
};

/// A section of the tree, or nothing where the file does not have it.
#[derive(Clone, Copy)]
pub(crate) struct Section<'t> {
    node: Option<&'t Node>,
}

impl<'t> Section<'t> {
    /// The section of that name, its keys checked.
    pub(crate) fn open(root: &'t Node, place: &Place, report: &mut Report) -> Self {
        let node = root.get(place.name).filter(|node| !node.is_null());
        // What is no map is a problem of the top already.
        if let Some(node) = node.filter(|node| node.map().is_some()) {
            check(node, place, place.name, report);
        }
        Self { node }
    }

    pub(crate) fn of(node: Option<&'t Node>) -> Self {
        Self { node }
    }

    /// A value that is there and is not null.
    pub(crate) fn get(&self, name: &str) -> Option<&'t Node> {
        self.node?.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        flag(self.get(name)?)
    }

    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        number(self.get(name)?)
    }

    pub(crate) fn count(&self, name: &str) -> Option<u32> {
        self.number(name).filter(|number| *number >= 0.0).map(|number| number as u32)
    }

    /// Seconds; zero counts.
    pub(crate) fn duration(&self, name: &str) -> Option<Duration> {
        Duration::try_from_secs_f64(self.number(name)?).ok()
    }

    /// Seconds above zero.
    pub(crate) fn seconds(&self, name: &str) -> Option<Duration> {
        self.duration(name).filter(|duration| !duration.is_zero())
    }

    /// A number of megabytes, in bytes.
    pub(crate) fn megabytes(&self, name: &str) -> Option<usize> {
        self.number(name).filter(|number| *number > 0.0).map(|number| (number * f64::from(1 << 20)) as usize)
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.scalar().filter(|text| !text.trim().is_empty())
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(Node { kind: Kind::List(list), .. }) => list.iter().filter_map(Node::scalar).collect(),
            Some(node) => node.scalar().into_iter().collect(),
            None => Vec::new(),
        }
    }

    pub(crate) fn entries(&self, name: &str) -> &'t [Entry] {
        self.get(name).and_then(Node::map).unwrap_or_default()
    }

    pub(crate) fn json_map(&self, name: &str) -> Map<String, Value> {
        self.get(name).map(Node::json_map).unwrap_or_default()
    }
}

/// Checks the keys of a map against their declaration: unknown ones, wrong values, those that are not active yet.
pub(crate) fn check(node: &Node, place: &Place, path: &str, report: &mut Report) {
    let Some(entries) = node.map() else {
        report.problem(
            node.at,
            path,
            format!("This is {}, not a map of keys.", node.what()),
            "Write `key: value` lines.",
        );
        return;
    };
    for entry in entries {
        let at = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
        match place.find(&entry.key) {
            Some(Found::Later) if asks_for_something(&entry.value) => {
                report.inactive.insert(plain(&at));
            }
            Some(Found::Key(key)) if key.active => check_value(&entry.value, key.kind, entry.at, &at, report),
            Some(_) => {}
            None => unknown(entry, place, &at, report),
        }
    }
}

fn unknown(entry: &Entry, place: &Place, path: &str, report: &mut Report) {
    let suggested = report.suggested.entry((place.name, entry.key.clone()));
    let near = *suggested.or_insert_with(|| suggest::nearest(&entry.key, place.names()));
    let remedy = match near {
        Some(near) => format!("Did you mean `{near}`?"),
        None if place.open => return,
        None => "It is ignored.".to_owned(),
    };
    report.warn(entry.at, path, "This key is not known.", remedy);
}

fn check_value(value: &Node, kind: Type, at: At, path: &str, report: &mut Report) {
    let number = |least: f64| number(value).is_some_and(|number| number.is_finite() && number >= least);
    let (right, wanted) = match (&value.kind, kind) {
        (Kind::Null, _) | (_, Type::Any) => return,
        (_, Type::Flag) => (flag(value).is_some(), "true or false"),
        (_, Type::Count) => (number(0.0), "a whole number, 0 or more"),
        (_, Type::Number) => (number(0.0), "a number, 0 or more"),
        (_, Type::Seconds) => (number(f64::MIN_POSITIVE), "a number of seconds above zero"),
        (_, Type::Text) => (value.scalar().is_some(), "a text"),
        (Kind::List(list), Type::Texts) => {
            (list.iter().all(|item| item.scalar().is_some()), "a list of texts")
        }
        (_, Type::Texts) => (value.scalar().is_some(), "a list of texts"),
        (_, Type::List) => (value.list().is_some(), "a list"),
        (_, Type::Map) => (value.map().is_some(), "a map"),
    };
    if !right {
        let found = match &value.kind {
            Kind::Text(text) if kind != Type::Text && text.len() < 40 => format!("`{text}`"),
            _ => value.what().to_owned(),
        };
        report.problem(at, path, format!("The value is {found}."), format!("It must be {wanted}."));
    }
}

/// `model_list[3].litellm_params.x` → `model_list[].litellm_params.x`: said once, not for each entry.
fn plain(path: &str) -> String {
    let mut plain = String::new();
    let mut inside = false;
    for letter in path.chars() {
        inside = inside && letter != ']';
        if !inside {
            plain.push(letter);
        }
        inside = inside || letter == '[';
    }
    plain
}

/// Null, false, nothing: such a value asks for nothing.
fn asks_for_something(value: &Node) -> bool {
    match &value.kind {
        Kind::Null | Kind::Bool(false) => false,
        Kind::List(list) => !list.is_empty(),
        Kind::Map(entries) => !entries.is_empty(),
        Kind::Text(text) => !text.is_empty(),
        _ => true,
    }
}

fn flag(node: &Node) -> Option<bool> {
    match &node.kind {
        Kind::Bool(flag) => Some(*flag),
        Kind::Text(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some(true),
            "false" | "no" | "off" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn number(node: &Node) -> Option<f64> {
    match &node.kind {
        Kind::Number(number) => number.as_f64(),
        Kind::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}
