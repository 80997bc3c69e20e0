//! `Object::splice`: the result is what editing a parsed value would give, and all other bytes stay.

mod support;

use bytes::Bytes;
use lockgate_wire::{Edits, Object};
use serde_json::{Map, Value};
use support::Random;

fn splice(text: &str, edit: impl FnOnce(&mut Edits)) -> String {
    let mut edits = Edits::new();
    edit(&mut edits);
    let source = Bytes::copy_from_slice(text.as_bytes());
    let result = Object::scan(source).map(|object| object.splice(&edits).to_vec());
    result.map_or_else(|error| error.to_string(), |out| String::from_utf8_lossy(&out).into_owned())
}

#[test]
fn without_changes_the_source_itself_comes_back() {
    let source = Bytes::from(br#" { "a" : 1 } "#.to_vec());
    let object = Object::scan(source.clone()).unwrap();
    let mut absent = Edits::new();
    absent.remove("b");
    absent.rename("b", "c");
    absent.rename("a", "a");
    for edits in [Edits::new(), absent] {
        let out = object.splice(&edits);
        assert_eq!(out.segments().len(), 1);
        assert_eq!(out.into_bytes().as_ptr(), source.as_ptr());
    }
}

#[test]
fn set_replaces_in_place() {
    assert_eq!(splice(r#"{"a":1, "b" : 2 ,"c":3}"#, |e| e.set("b", "[0]")), r#"{"a":1, "b" : [0] ,"c":3}"#);
    assert_eq!(splice(r#"{"\u0061":1}"#, |e| e.set_str("a", "x\"y")), r#"{"\u0061":"x\"y"}"#);
}

#[test]
fn set_appends_what_is_missing() {
    assert_eq!(splice(r#" { "a":1 } "#, |e| e.set("b", "2")), r#" { "a":1,"b":2 } "#);
    assert_eq!(splice(" { } ", |e| e.set("b\n", "2")), " {\"b\\n\":2 } ");
    let two = |e: &mut Edits| {
        e.set("x", "1");
        e.set("y", "2");
    };
    assert_eq!(splice("{}", two), r#"{"x":1,"y":2}"#);
    assert_eq!(splice(r#"{"a":0}"#, two), r#"{"a":0,"x":1,"y":2}"#);
}

#[test]
fn remove_keeps_the_commas_right() {
    let text = r#"{ "a":1 , "b":2 , "c":3 }"#;
    let without = |keys: &[&'static str]| {
        splice(text, |edits| {
            for key in keys {
                edits.remove(*key);
            }
        })
    };
    assert_eq!(without(&["a"]), r#"{ "b":2 , "c":3 }"#);
    assert_eq!(without(&["b"]), r#"{ "a":1 , "c":3 }"#);
    assert_eq!(without(&["c"]), r#"{ "a":1 , "b":2 }"#);
    assert_eq!(without(&["a", "b"]), r#"{ "c":3 }"#);
    assert_eq!(without(&["a", "c"]), r#"{ "b":2 }"#);
    assert_eq!(without(&["b", "c"]), r#"{ "a":1 }"#);
    assert_eq!(without(&["c", "a", "b"]), "{  }");
    assert_eq!(splice(r#"{"a":1}"#, |e| e.remove("a")), "{}");
}

#[test]
fn remove_and_append_together() {
    let all_new = |e: &mut Edits| {
        e.remove("a");
        e.remove("b");
        e.set("c", "3");
        e.set("d", "4");
    };
    assert_eq!(splice(r#"{ "a":1 , "b":2 }"#, all_new), r#"{ "c":3,"d":4 }"#);
    let last_new = |e: &mut Edits| {
        e.remove("b");
        e.set("c", "3");
    };
    assert_eq!(splice(r#"{ "a":1 , "b":2 }"#, last_new), r#"{ "a":1,"c":3 }"#);
}

#[test]
fn the_last_word_on_a_key_wins() {
    let set_last = |e: &mut Edits| {
        e.remove("a");
        e.set("a", "9");
    };
    assert_eq!(splice(r#"{"a":1,"b":2}"#, set_last), r#"{"a":9,"b":2}"#);
    let remove_last = |e: &mut Edits| {
        e.set("a", "9");
        e.set("new", "9");
        e.remove("a");
        e.remove("new");
    };
    assert_eq!(splice(r#"{"a":1,"b":2}"#, remove_last), r#"{"b":2}"#);
}

#[test]
fn rename_keeps_place_and_value() {
    let text = r#"{"a": [1, 2] ,"b":2}"#;
    assert_eq!(splice(text, |e| e.rename("a", "z\"")), r#"{"z\"": [1, 2] ,"b":2}"#);
    assert_eq!(splice(text, |e| e.rename("a", "b")), r#"{"b": [1, 2]}"#);
    assert_eq!(splice(text, |e| e.rename("b", "a")), r#"{"a":2}"#);
    let then_set = |e: &mut Edits| {
        e.rename("a", "z");
        e.set("z", "0");
        e.set("a", "1");
    };
    assert_eq!(splice(text, then_set), r#"{"z": 0 ,"b":2,"a":1}"#);
}

#[test]
fn duplicates_are_edited_as_one() {
    let text = r#"{"a":1,"b":2,"a":3,"c":4,"\u0061":5}"#;
    assert_eq!(splice(text, |e| e.remove("a")), r#"{"b":2,"c":4}"#);
    assert_eq!(splice(text, |e| e.set("a", "0")), r#"{"b":2,"c":4,"\u0061":0}"#);
    assert_eq!(splice(text, |e| e.rename("a", "x")), r#"{"b":2,"c":4,"x":5}"#);
}

#[test]
fn debug_keeps_the_values_private() {
    let mut edits = Edits::new();
    edits.set_str(String::from("a"), "secret");
    edits.remove("b");
    edits.rename("c", "d");
    assert_eq!(format!("{edits:?}"), r#"[set "a", remove "b", rename "c" to "d"]"#);
}

#[test]
fn random_edits_equal_those_of_a_value() {
    const KEYS: [&str; 6] = ["a", "b", "é", "d\"", "e\\u", "model"];
    let mut random = Random::new(7);
    for _ in 0..20_000 {
        let text = random_object(&mut random, &KEYS);
        let mut value: Map<String, Value> = serde_json::from_str(&text).unwrap();
        let mut edits = Edits::new();
        let mut log = Vec::new();
        for _ in 0..random.below(5) {
            let key = *random.pick(&KEYS);
            match random.below(3) {
                0 => {
                    let number = random.below(100);
                    edits.set(key, number.to_string());
                    value.insert(key.to_owned(), number.into());
                    log.push(format!("set {key}"));
                }
                1 => {
                    edits.remove(key);
                    value.remove(key);
                    log.push(format!("remove {key}"));
                }
                _ => {
                    let to = *random.pick(&KEYS);
                    edits.rename(key, to);
                    if let Some(moved) = value.remove(key) {
                        value.insert(to.to_owned(), moved);
                    }
                    log.push(format!("rename {key} {to}"));
                }
            }
        }
        let source = Bytes::from(text.clone().into_bytes());
        let out = Object::scan(source).unwrap().splice(&edits).into_bytes();
        let again = Object::scan(out.clone());
        assert!(again.is_ok(), "{text} {log:?} -> {out:?}");
        let result: Map<String, Value> = serde_json::from_slice(&out).unwrap();
        assert_eq!(result, value, "{text} {log:?} -> {out:?}");
    }
}

/// An object with random white space, members, duplicates and ways to write a key.
fn random_object(random: &mut Random, keys: &[&str]) -> String {
    const SPACE: [&str; 5] = ["", "", " ", "\n", "\t "];
    const VALUES: [&str; 6] =
        ["1", "\"x,}\\\"\"", "[ 1, {\"a\":2} ]", "{}", "null", "{\"b\" : [],\"model\":1}"];
    let mut text = format!("{}{{", random.pick(&SPACE));
    for at in 0..random.below(6) {
        let key = *random.pick(keys);
        let literal = match random.below(4) {
            0 => {
                format!("\"{}\"", key.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>())
            }
            _ => lockgate_wire::quote(key),
        };
        let comma = if at > 0 { "," } else { "" };
        let space: Vec<&str> = (0..4).map(|_| *random.pick(&SPACE)).collect();
        let value = random.pick(&VALUES);
        text.push_str(&format!("{comma}{}{literal}{}:{}{value}{}", space[0], space[1], space[2], space[3]));
    }
    text.push('}');
    let end: &str = random.pick::<&str>(&SPACE);
    text.push_str(end);
    text
}
