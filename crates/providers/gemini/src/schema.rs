//! Functions' JSON schemas, cut down to the subset of OpenAPI that Gemini takes.

use std::{borrow::Cow, cell::Cell};

use lockgate_core::wire::{Fields, elements, members, quote, text};
use serde_json::value::RawValue;

use crate::wire::{Body, array};

/// How deep a schema may be.
const DEEPEST: usize = 48;
/// How many schemas within a schema are written: references can make very much of very little.
const MOST: usize = 5000;

/// Members that Gemini knows, as they are.
const KNOWN: [&str; 16] = [
    "title",
    "description",
    "nullable",
    "default",
    "example",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "pattern",
    "propertyOrdering",
    "required",
];

/// The parameters of a function as JSON; nothing if it takes none.
pub(crate) fn parameters(schema: &RawValue) -> Option<String> {
    let root = Fields::of(schema.get())?;
    let cleaner = Cleaner { root: schema.get(), left: Cell::new(MOST) };
    let cleaned = cleaner.object(&root, &Trail::default());
    // Gemini refuses an object without properties.
    let none = is_type(&root, "object") && !cleaned.has("properties") && !cleaned.has("anyOf");
    (!cleaned.is_empty() && !none).then(|| cleaned.into_json())
}

struct Cleaner<'a> {
    root: &'a str,
    /// How many more schemas may be written.
    left: Cell<usize>,
}

/// The way down to a schema: the references that were followed.
#[derive(Default)]
struct Trail<'t> {
    depth: usize,
    names: Vec<String>,
    up: Option<&'t Trail<'t>>,
}

impl<'t> Trail<'t> {
    fn down(&'t self, names: Vec<String>) -> Self {
        Self { depth: self.depth + 1, names, up: Some(self) }
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|own| own == name) || self.up.is_some_and(|up| up.has(name))
    }
}

impl<'a> Cleaner<'a> {
    fn value(&self, schema: &str, trail: &Trail<'_>) -> String {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        match Fields::of(schema) {
            Some(members) if left > 0 && trail.depth < DEEPEST => {
                let mut cleaned = self.object(&members, trail);
                if !cleaned.has("type") && !cleaned.has("anyOf") {
                    // Gemini wants a type of every schema.
                    cleaned.set("type", "object");
                }
                cleaned.into_json()
            }
            // `true`, what is too deep, and what is too much: anything goes.
            _ => r#"{"type":"object"}"#.to_owned(),
        }
    }

    fn object(&self, members: &Fields<'_>, trail: &Trail<'_>) -> Body {
        let mut names = Vec::new();
        let merged = self.resolved(members, trail, &mut names);
        let trail = &trail.down(names);
        let members = merged.as_ref();
        let mut out = Body::default();
        let mut nullable = false;
        types(members, &mut out, &mut nullable);
        for (key, value) in members.iter() {
            match key {
                "properties" => self.properties(value, trail, &mut out),
                "items" => out.raw("items", self.value(value, trail)),
                "anyOf" | "oneOf" => self.any_of(value, trail, &mut out, &mut nullable),
                "enum" => enumeration(value, &mut out, &mut nullable),
                "const" => out.raw("enum", array([text_of(value)])),
                "format" if is_known_format(value) => out.raw("format", value),
                key if KNOWN.contains(&key) && value != "null" => out.raw(key.to_owned(), value),
                _ => {}
            }
        }
        if is_type(members, "array") && !out.has("items") {
            out.raw("items", r#"{"type":"string"}"#);
        }
        if out.has("enum") {
            // Gemini has enumerations of texts only.
            out.set("type", "string");
        } else if !out.has("type") && out.has("properties") {
            out.set("type", "object");
        }
        if nullable {
            out.set("nullable", &true);
        }
        out
    }

    /// The schema with its reference and its `allOf` put in. A reference to a schema that this one is within is left
    /// out.
    fn resolved<'m>(
        &self,
        members: &'m Fields<'_>,
        trail: &Trail<'_>,
        names: &mut Vec<String>,
    ) -> Cow<'m, Fields<'m>>
    where
        'a: 'm,
    {
        let reference = members.get("$ref").and_then(text);
        let parts = members.get("allOf").and_then(elements);
        if reference.is_none() && parts.is_none() || names.len() > DEEPEST {
            return Cow::Borrowed(members);
        }
        let mut merged = Fields::default();
        let mut merge = |from: &Fields<'_>| {
            for (key, value) in from.iter().filter(|(key, _)| !matches!(*key, "$ref" | "allOf")) {
                let value = match (key, merged.get(key)) {
                    ("properties", Some(own)) => joined(own, value),
                    _ => value.to_owned(),
                };
                merged.push(key.to_owned().into(), value.into());
            }
        };
        if let Some(name) = reference.filter(|name| !trail.has(name) && !names.iter().any(|own| own == name))
        {
            let found = self.find(&name);
            names.push(name.into_owned());
            if let Some(found) = found {
                merge(&self.resolved(&found, trail, names));
            }
        }
        for part in parts.iter().flatten().filter_map(|part| Fields::of(part)) {
            merge(&self.resolved(&part, trail, names));
        }
        merge(members);
        Cow::Owned(merged)
    }

    /// What `#/$defs/Name` names.
    fn find(&self, reference: &str) -> Option<Fields<'a>> {
        let mut at = self.root;
        for name in reference.strip_prefix("#/")?.split('/') {
            let name = name.replace("~1", "/").replace("~0", "~");
            at = members(at).filter(|(key, _)| *key == name).last()?.1;
        }
        Fields::of(at)
    }

    fn properties(&self, value: &str, trail: &Trail<'_>, out: &mut Body) {
        let Some(properties) = Fields::of(value).filter(|properties| !properties.is_empty()) else { return };
        let mut cleaned = Body::default();
        for (name, schema) in properties.iter() {
            cleaned.raw(name.to_owned(), self.value(schema, trail));
        }
        out.raw("properties", cleaned.into_json());
    }

    /// Alternatives; `null` among them becomes `nullable`, and a single one left takes their place.
    fn any_of(&self, value: &str, trail: &Trail<'_>, out: &mut Body, nullable: &mut bool) {
        let Some(list) = elements(value) else { return };
        let is_null = |schema: &&str| Fields::of(schema).is_some_and(|schema| is_type(&schema, "null"));
        let (null, others): (Vec<_>, Vec<_>) = list.into_iter().partition(is_null);
        *nullable |= !null.is_empty();
        match others.as_slice() {
            [] => {}
            [one] => {
                let cleaned = self.value(one, trail);
                for (key, value) in Fields::of(&cleaned).unwrap_or_default().iter() {
                    if !out.has(key) {
                        out.raw(key.to_owned(), value);
                    }
                }
            }
            several => {
                out.raw("anyOf", array(several.iter().map(|schema| self.value(schema, trail))));
            }
        }
    }
}

/// Writes `type`: one, or several as alternatives.
fn types(members: &Fields<'_>, out: &mut Body, nullable: &mut bool) {
    let Some(given) = members.get("type") else { return };
    let names: Option<Vec<_>> = elements(given).map(|list| list.into_iter().filter_map(text).collect());
    let Some(names) = names else { return out.raw("type", given) };
    *nullable |= names.iter().any(|name| name == "null");
    let names: Vec<String> = names.iter().filter(|name| *name != "null").map(|name| quote(name)).collect();
    match names.as_slice() {
        [] => {}
        [one] => out.raw("type", one.as_str()),
        several => out.raw("anyOf", array(several.iter().map(|name| format!(r#"{{"type":{name}}}"#)))),
    }
}

/// Two objects' members in one.
fn joined(one: &str, other: &str) -> String {
    let mut all = Body::default();
    for object in [one, other] {
        for (key, value) in Fields::of(object).unwrap_or_default().iter() {
            all.raw(key.to_owned(), value);
        }
    }
    all.into_json()
}

fn enumeration(value: &str, out: &mut Body, nullable: &mut bool) {
    let Some(values) = elements(value) else { return };
    *nullable |= values.contains(&"null");
    let texts: Vec<_> =
        values.into_iter().filter(|value| !matches!(*value, "null" | "\"\"")).map(text_of).collect();
    if !texts.is_empty() {
        out.raw("enum", array(texts));
    }
}

/// The JSON string of a value.
fn text_of(value: &str) -> Cow<'_, str> {
    if value.starts_with('"') { value.into() } else { quote(value).into() }
}

fn is_type(members: &Fields<'_>, name: &str) -> bool {
    members.get("type").and_then(text).is_some_and(|own| own.eq_ignore_ascii_case(name))
}

fn is_known_format(value: &str) -> bool {
    matches!(
        value,
        r#""enum""# | r#""date-time""# | r#""int32""# | r#""int64""# | r#""float""# | r#""double""#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::raw;

    fn cleaned(schema: &str) -> Option<String> {
        parameters(&raw(schema))
    }

    #[test]
    fn what_gemini_takes_stays_and_all_else_goes() {
        let schema = r#"{"type":"object","properties":{"tz":{"type":"string","minLength":1}},"required":["tz"],"additionalProperties":false,"$schema":"x"}"#;
        let expected =
            r#"{"type":"object","properties":{"tz":{"type":"string","minLength":1}},"required":["tz"]}"#;
        assert_eq!(cleaned(schema).as_deref(), Some(expected));
        assert_eq!(cleaned(r#"{"type":"object","properties":{}}"#), None);
        assert_eq!(cleaned("null"), None);
    }

    #[test]
    fn alternatives_enumerations_and_references() {
        let property = |schema: &str| {
            let all = format!(
                r##"{{"type":"object","$defs":{{"P":{{"type":"number","title":"p"}},"L":{{"properties":{{"n":{{"$ref":"#/$defs/L"}}}}}}}},"properties":{{"x":{schema}}}}}"##
            );
            let text = cleaned(&all).unwrap();
            text.strip_prefix(r#"{"type":"object","properties":{"x":"#)
                .and_then(|text| text.strip_suffix("}}"))
                .map(str::to_owned)
                .unwrap_or(text)
        };
        for (given, expected) in [
            (r##"{"$ref":"#/$defs/P"}"##, r#"{"type":"number","title":"p"}"#),
            (r#"{"type":["integer","null"]}"#, r#"{"type":"integer","nullable":true}"#),
            (r#"{"type":["integer","string"]}"#, r#"{"anyOf":[{"type":"integer"},{"type":"string"}]}"#),
            (r#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#, r#"{"type":"string","nullable":true}"#),
            (r#"{"enum":[1,2,null]}"#, r#"{"enum":["1","2"],"type":"string","nullable":true}"#),
            (r#"{"const":"k"}"#, r#"{"enum":["k"],"type":"string"}"#),
            (r#"{"type":"string","format":"uri"}"#, r#"{"type":"string"}"#),
            (r#"{"type":"array"}"#, r#"{"type":"array","items":{"type":"string"}}"#),
            (
                r#"{"allOf":[{"properties":{"a":{"type":"string"}}}],"properties":{"b":true}}"#,
                r#"{"properties":{"a":{"type":"string"},"b":{"type":"object"}},"type":"object"}"#,
            ),
        ] {
            assert_eq!(property(given), expected, "{given}");
        }
        assert!(property(r##"{"$ref":"#/$defs/L"}"##).len() < 4000, "a schema within itself ends");
    }
}
