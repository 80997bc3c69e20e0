//! Removing nested members of raw JSON by a path such as `tools[*].function.strict`.

use lockgate_core::{Extra, Raw};

use lockgate_core::json::to_raw;

/// One step of a path.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
    Each,
}

/// A path into a JSON value.
#[derive(Clone, Debug)]
pub(crate) struct Path<'a>(Vec<Step<'a>>);

impl<'a> Path<'a> {
    /// Reads `a.b[*].c[0]`; `None` if it makes no sense.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut steps = Vec::new();
        for part in text.split('.') {
            let (key, mut brackets) = part.split_at(part.find('[').unwrap_or(part.len()));
            if !key.is_empty() {
                steps.push(Step::Key(key));
            }
            while let Some(rest) = brackets.strip_prefix('[') {
                let (inner, after) = rest.split_once(']')?;
                steps.push(if inner == "*" { Step::Each } else { Step::Index(inner.parse().ok()?) });
                brackets = after;
            }
            if !brackets.is_empty() || part.is_empty() {
                return None;
            }
        }
        Some(Self(steps))
    }

    /// The top-level member and the path below it, if it goes deeper.
    pub(crate) fn split(&self) -> Option<(&'a str, Self)> {
        match self.0.split_first() {
            Some((Step::Key(key), rest)) => Some((key, Self(rest.to_vec()))),
            _ => None,
        }
    }

    /// Whether the path ends here.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value without what the path names; `None` if it is not there.
    pub(crate) fn remove(&self, json: &str) -> Option<Raw> {
        remove(json, &self.0)
    }
}

fn remove(json: &str, steps: &[Step<'_>]) -> Option<Raw> {
    let (step, rest) = steps.split_first()?;
    match step {
        Step::Key(key) => {
            let mut object: Extra = serde_json::from_str(json).ok()?;
            if rest.is_empty() {
                object.remove(key)?;
            } else {
                let value = remove(object.get(key)?.get(), rest)?;
                object = replaced(object, key, value);
            }
            Some(to_raw(&object))
        }
        Step::Index(_) | Step::Each => {
            let mut list: Vec<Raw> = serde_json::from_str(json).ok()?;
            let chosen = |at: usize| matches!(step, Step::Each) || *step == Step::Index(at);
            if rest.is_empty() {
                let before = list.len();
                let mut at = 0;
                list.retain(|_| {
                    at += 1;
                    !chosen(at - 1)
                });
                return (list.len() < before).then(|| to_raw(&list));
            }
            let mut changed = false;
            for (_, item) in list.iter_mut().enumerate().filter(|(at, _)| chosen(*at)) {
                if let Some(value) = remove(item.get(), rest) {
                    *item = value;
                    changed = true;
                }
            }
            changed.then(|| to_raw(&list))
        }
    }
}

/// The object with another value for a member, in its place.
pub(crate) fn replaced(object: Extra, key: &str, value: Raw) -> Extra {
    let mut out = Extra::new();
    for (own, old) in object.iter() {
        out.push(own, if own == key { value.clone() } else { old.to_owned() });
    }
    out
}

/// The value without any member of these names, at any depth; `None` if there is none.
pub(crate) fn remove_everywhere(json: &str, names: &std::collections::BTreeSet<String>) -> Option<Raw> {
    match json.as_bytes().first() {
        Some(b'{') => {
            let object: Extra = serde_json::from_str(json).ok()?;
            let mut out = Extra::new();
            let mut changed = false;
            for (key, value) in object.iter() {
                if names.contains(key) {
                    changed = true;
                    continue;
                }
                let inner = remove_everywhere(value.get(), names);
                changed |= inner.is_some();
                out.push(key, inner.unwrap_or_else(|| value.to_owned()));
            }
            changed.then(|| to_raw(&out))
        }
        Some(b'[') => {
            let mut list: Vec<Raw> = serde_json::from_str(json).ok()?;
            let mut changed = false;
            for item in &mut list {
                if let Some(value) = remove_everywhere(item.get(), names) {
                    *item = value;
                    changed = true;
                }
            }
            changed.then(|| to_raw(&list))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_what_the_path_names_and_keeps_all_else() {
        let tools =
            r#"[{"type":"function","function":{"name":"f","strict":true}},{"type":"x","strict":1.0}]"#;
        let path = Path::parse("tools[*].function.strict").unwrap();
        let (key, below) = path.split().unwrap();
        assert_eq!(key, "tools");
        assert_eq!(
            below.remove(tools).unwrap().get(),
            r#"[{"type":"function","function":{"name":"f"}},{"type":"x","strict":1.0}]"#
        );
        assert_eq!(Path::parse("a[1]").unwrap().split().unwrap().1.remove("[1,2,3]").unwrap().get(), "[1,3]");
        assert!(Path::parse("a.b").unwrap().split().unwrap().1.remove(r#"{"c":1}"#).is_none());
    }

    #[test]
    fn nonsense_paths_are_none() {
        for text in ["a[", "a[x]", "a..b", ""] {
            assert!(Path::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn removes_everywhere() {
        let names = ["additionalProperties".to_owned()].into();
        let schema = r#"{"a":{"additionalProperties":false,"x":[{"additionalProperties":1}]},"b":2}"#;
        assert_eq!(remove_everywhere(schema, &names).unwrap().get(), r#"{"a":{"x":[{}]},"b":2}"#);
        assert!(remove_everywhere("{}", &names).is_none());
    }
}
