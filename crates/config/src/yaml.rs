//! YAML as a tree that knows its lines.

use std::{collections::HashMap, mem};

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Number, Value};

/// Deeper nesting is no configuration.
const DEEPEST: usize = 100;
/// More values than this, aliases counted in full, are no configuration.
const MOST_NODES: usize = 2_000_000;

/// A place in a file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct At {
    /// Which file, by the order of reading.
    pub(crate) file: u16,
    /// The line, from 1.
    pub(crate) line: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: At,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) at: At,
    pub(crate) key: String,
    pub(crate) value: Node,
}

/// What stops the reading of a file.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) at: At,
    pub(crate) message: String,
}

/// A parsed file.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) root: Node,
    /// Keys that a map has twice; the last one counts.
    pub(crate) repeated: Vec<(At, String)>,
}

impl Node {
    pub(crate) fn null(at: At) -> Self {
        Self { at, kind: Kind::Null }
    }

    pub(crate) fn map(&self) -> Option<&[Entry]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub(crate) fn list(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::List(list) => Some(list),
            _ => None,
        }
    }

    pub(crate) fn str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// The value of a key of a map.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.map()?.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    pub(crate) fn json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(flag) => Value::Bool(*flag),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(list) => Value::Array(list.iter().map(Node::json).collect()),
            Kind::Map(_) => Value::Object(self.json_map()),
        }
    }

    /// A map as JSON; empty if it is none.
    pub(crate) fn json_map(&self) -> Map<String, Value> {
        let entries = self.map().unwrap_or_default();
        entries.iter().map(|entry| (entry.key.clone(), entry.value.json())).collect()
    }

    /// A scalar as text.
    pub(crate) fn scalar(&self) -> Option<String> {
        match &self.kind {
            Kind::Bool(flag) => Some(if *flag { "True" } else { "False" }.to_owned()),
            Kind::Number(number) => Some(number.to_string()),
            Kind::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// What kind of value it is, for messages.
    pub(crate) fn what(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "true or false",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }

    fn size(&self) -> usize {
        1 + match &self.kind {
            Kind::List(list) => list.iter().map(Node::size).sum(),
            Kind::Map(entries) => entries.iter().map(|entry| entry.value.size()).sum(),
            _ => 0,
        }
    }
}

/// Reads the first document of a YAML text. An empty text is an empty map.
pub(crate) fn parse(text: &str, file: u16) -> Result<Parsed, Broken> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| Broken {
            at: At { file, line: error.marker().line() as u32 },
            message: format!("The file is not YAML: {}.", error.info()),
        })?;
        let at = At { file, line: span.start.line() as u32 };
        if reader.event(event, at)? {
            break;
        }
    }
    let root = reader.root.unwrap_or(Node { at: At { file, line: 1 }, kind: Kind::Map(Vec::new()) });
    Ok(Parsed { root, repeated: reader.repeated })
}

#[derive(Default)]
struct Reader {
    stack: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
    repeated: Vec<(At, String)>,
}

/// A list or map that is not complete.
struct Open {
    at: At,
    anchor: usize,
    items: Vec<Node>,
    entries: Vec<Entry>,
    key: Option<(At, String)>,
    is_map: bool,
    merged: Vec<Node>,
}

impl Reader {
    /// Takes an event; true at the end of the document.
    fn event(&mut self, event: Event<'_>, at: At) -> Result<bool, Broken> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let kind = scalar(&text, style, tag.as_deref());
                self.complete(Node { at, kind }, anchor)?;
            }
            Event::SequenceStart(anchor, _) => self.open(at, anchor, false)?,
            Event::MappingStart(anchor, _) => self.open(at, anchor, true)?,
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.stack.pop() {
                    let (anchor, node) = self.close(open);
                    self.complete(node, anchor)?;
                }
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned().unwrap_or(Node::null(at));
                self.nodes += node.size();
                self.complete(Node { at, ..node }, 0)?;
            }
            Event::DocumentEnd => return Ok(true),
            _ => {}
        }
        Ok(false)
    }

    fn open(&mut self, at: At, anchor: usize, is_map: bool) -> Result<(), Broken> {
        if self.stack.len() >= DEEPEST {
            return Err(Broken { at, message: format!("The file is nested deeper than {DEEPEST} levels.") });
        }
        let open = Open {
            at,
            anchor,
            items: Vec::new(),
            entries: Vec::new(),
            key: None,
            is_map,
            merged: Vec::new(),
        };
        self.stack.push(open);
        Ok(())
    }

    fn close(&mut self, mut open: Open) -> (usize, Node) {
        if !open.is_map {
            return (open.anchor, Node { at: open.at, kind: Kind::List(open.items) });
        }
        // `<<: *other`: the other map's entries, where this one has none of the name.
        for merged in mem::take(&mut open.merged) {
            let maps = match merged.kind {
                Kind::List(list) => list,
                _ => vec![merged],
            };
            for entry in maps.iter().filter_map(Node::map).flatten() {
                if !open.entries.iter().any(|own| own.key == entry.key) {
                    open.entries.push(entry.clone());
                }
            }
        }
        (open.anchor, Node { at: open.at, kind: Kind::Map(open.entries) })
    }

    /// A value is complete: it belongs to the innermost open list or map, or is the root.
    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), Broken> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(Broken { at: node.at, message: "The file has too many values.".to_owned() });
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        if !open.is_map {
            open.items.push(node);
            return Ok(());
        }
        match open.key.take() {
            None => {
                let Some(key) = node.scalar().or_else(|| node.is_null().then(|| "null".to_owned())) else {
                    let message = format!("A key of a map is {}.", node.what());
                    return Err(Broken { at: node.at, message });
                };
                open.key = Some((node.at, key));
            }
            Some((_, key)) if key == "<<" => open.merged.push(node),
            Some((at, key)) => match open.entries.iter_mut().find(|entry| entry.key == key) {
                Some(entry) => {
                    self.repeated.push((at, key));
                    entry.at = at;
                    entry.value = node;
                }
                None => open.entries.push(Entry { at, key, value: node }),
            },
        }
        Ok(())
    }
}

/// A scalar as PyYAML reads it, so that existing files keep their meaning (`yes` is true); only numbers with an
/// exponent but no dot are numbers here.
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Kind {
    let forced = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
    if style != ScalarStyle::Plain || forced {
        return Kind::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Kind::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Kind::Bool(false),
        _ => {}
    }
    number(text).map_or_else(|| Kind::Text(text.to_owned()), Kind::Number)
}

fn number(text: &str) -> Option<Number> {
    let first = text.bytes().next()?;
    if !(first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.')) {
        return None;
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some(hex) = digits.strip_prefix("0x") {
        let value = i64::from_str_radix(&hex.replace('_', ""), 16).ok()?;
        return Some(Number::from(if text.starts_with('-') { -value } else { value }));
    }
    if !digits
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'e' | b'E' | b'+' | b'-'))
    {
        return None;
    }
    let plain = text.replace('_', "");
    let plain = plain.strip_prefix('+').unwrap_or(&plain);
    match plain.parse::<i64>() {
        Ok(number) => Some(Number::from(number)),
        Err(_) => plain.parse::<f64>().ok().and_then(Number::from_f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn json_of(text: &str) -> Value {
        parse(text, 0).expect("valid").root.json()
    }

    #[test]
    fn reads_scalars_as_existing_files_mean_them() {
        let text = "a: yes\nb: Off\nc: ~\nd: 1e-6\ne: '12'\nf: 0x1f\ng: 1_000\nh: gpt-4o\ni: 2024-02-15\nj: -3.5\nk: !!str 7\nl: 1.2.3\n";
        let expected = json!({"a": true, "b": false, "c": null, "d": 1e-6, "e": "12", "f": 31, "g": 1000, "h": "gpt-4o",
            "i": "2024-02-15", "j": -3.5, "k": "7", "l": "1.2.3"});
        assert_eq!(json_of(text), expected);
    }

    #[test]
    fn merges_maps_by_anchor_and_keeps_own_keys() {
        let text = "base: &base {api_base: http://a, rpm: 1}\nmine:\n  <<: *base\n  rpm: 2\nboth:\n  <<: [*base, {tpm: 3}]\n";
        assert_eq!(
            json_of(text),
            json!({"base": {"api_base": "http://a", "rpm": 1}, "mine": {"rpm": 2, "api_base": "http://a"},
                   "both": {"api_base": "http://a", "rpm": 1, "tpm": 3}})
        );
    }

    #[test]
    fn knows_lines_and_repeated_keys() {
        let parsed = parse("a: 1\nb:\n  - x\n  - y\na: 2\n", 3).expect("valid");
        assert_eq!(parsed.repeated, [(At { file: 3, line: 5 }, "a".to_owned())]);
        let list = parsed.root.get("b").and_then(Node::list).expect("a list");
        assert_eq!(list.iter().map(|node| node.at.line).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(parsed.root.json(), json!({"a": 2, "b": ["x", "y"]}));
    }

    #[test]
    fn a_broken_file_says_where() {
        let broken = parse("a:\n  - b\n c: d\n", 0).expect_err("broken");
        assert!(broken.at.line >= 2, "{broken:?}");
        let bomb = format!(
            "a: &a [1,1]\n{}",
            (0..60)
                .map(|i| format!("b{i}: &b{i} [*a,*a]\n")
                    .replace("*a", &if i == 0 { "*a".to_owned() } else { format!("*b{}", i - 1) }))
                .collect::<String>()
        );
        assert!(parse(&bomb, 0).expect_err("too large").message.contains("too many"));
        assert!(parse(&"[".repeat(500), 0).is_err());
    }

    #[test]
    fn an_empty_file_is_an_empty_map() {
        assert_eq!(json_of(""), json!({}));
        assert_eq!(json_of("# nothing\n"), json!({}));
    }
}
