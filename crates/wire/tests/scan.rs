//! `Object::scan` accepts exactly the JSON objects, and finds their members.

mod support;

use bytes::Bytes;
use lockgate_wire::Object;
use serde_json::value::RawValue;
use support::{Random, mutate};

/// What a mutation is likely to insert.
const ALPHABET: &[u8] = b"{}[]\",:\\/ \t\n\r\x00\x1f-+.eE0123456789abfnrtul\xc3\xa9\xf0\x9f\xff";

const VALID: &[&str] = &[
    "{}",
    " \t\r\n{ \n} \r\n",
    r#"{"a":1}"#,
    r#"{"a":{},"b":[],"c":[[],{}],"d":{"e":{"f":[1,{"g":null}]}}}"#,
    r#"{"n":[0,-0,1,-1,10,1.5,-0.0,1e5,1E+5,1e-05,1.25E9,123456789012345678901234567890,0.1e0]}"#,
    r#"{"l":[true,false,null],"t":true}"#,
    r#"{"s":"\"\\\/\b\f\n\r\t\u0000\uD83D\uDE00\uabCD","":""}"#,
    r#"{"lone":"\ud800 \udfff\ud800"}"#,
    "{\"u\":\"é€😀\u{7f}\u{2028}\",\"ключ\":\"значение\"}",
    "{\n  \"pretty\" : [ 1 , 2 ] ,\n  \"x\" : { \"y\" : false }\n}\n",
    r#"{"dup":1,"dup":2,"du\u0070":3}"#,
    r#"{"model":"m","messages":[{"role":"user","content":"a string long enough to be skimmed in chunks, with \"quotes\" in it, and more of it behind them so that it resumes"}],"stream":true}"#,
];

const INVALID: &[&[u8]] = &[
    b"",
    b"  ",
    b"{",
    b"}",
    b"[]",
    b"null",
    b"\"a\"",
    b"{}{}",
    b"{} x",
    b"{,}",
    b"{\"a\"}",
    b"{\"a\":}",
    b"{\"a\":1,}",
    b"{\"a\":1 \"b\":2}",
    b"{\"a\":1,,\"b\":2}",
    b"{\"a\" 1}",
    b"{a:1}",
    b"{'a':1}",
    b"{\"a\":[1,]}",
    b"{\"a\":[1 2]}",
    b"{\"a\":[,1]}",
    b"{\"a\":[1}",
    b"{\"a\":{\"b\":1]}",
    b"{\"a\":[}]",
    b"{\"a\":01}",
    b"{\"a\":+1}",
    b"{\"a\":-}",
    b"{\"a\":1.}",
    b"{\"a\":.5}",
    b"{\"a\":1e}",
    b"{\"a\":1e+}",
    b"{\"a\":0x10}",
    b"{\"a\":NaN}",
    b"{\"a\":tru}",
    b"{\"a\":nulll}",
    b"{\"a\":True}",
    b"{\"a\":\"\\x\"}",
    b"{\"a\":\"\\u12g4\"}",
    b"{\"a\":\"\\u12\"}",
    b"{\"a\":\"\\\"}",
    b"{\"a\":\"\n\"}",
    b"{\"a\":\"0123456789012345678901234567890123456789\x1f\"}",
    b"{\"a\":\"unfinished",
    b"{\"a\":\"\xff\"}",
    b"{\"a\":\"\xc3\"}",
    b"{\"a\":\"\xed\xa0\x80\"}",
    b"\xef\xbb\xbf{}",
    b"{/**/}",
    b"{\"a\":1}\x00",
    b"{\"a\":1}\x0b",
];

#[test]
fn accepts_valid_objects() {
    for text in VALID {
        assert!(Object::scan(Bytes::from_static(text.as_bytes())).is_ok(), "{text}");
        assert_agrees(text.as_bytes());
    }
}

#[test]
fn refuses_everything_else() {
    for text in INVALID {
        assert!(Object::scan(Bytes::from_static(text)).is_err(), "{}", text.escape_ascii());
        assert_agrees(text);
    }
}

#[test]
fn agrees_with_serde_json_on_mutations() {
    let mut random = Random::new(1);
    let mut valid = 0;
    for round in 0..60_000 {
        let mut text = VALID[round % VALID.len()].as_bytes().to_vec();
        mutate(&mut random, &mut text, ALPHABET);
        valid += usize::from(assert_agrees(&text));
    }
    assert!(valid > 3_000, "mutations should often stay valid, but only {valid} did");
}

#[test]
fn agrees_with_serde_json_on_every_prefix() {
    for text in VALID {
        for end in 0..text.len() {
            let prefix = &text.as_bytes()[..end];
            assert_agrees(prefix);
            // What a cut leaves of a text that began well is reported as cut off.
            if let Err(error) = Object::scan(Bytes::copy_from_slice(prefix))
                && std::str::from_utf8(prefix).is_ok()
            {
                assert!(error.is_truncated() || text.as_bytes()[end..].trim_ascii().is_empty(), "{error}");
            }
        }
    }
}

#[test]
fn strings_are_checked_at_every_length_and_alignment() {
    for length in 0..100 {
        for bad in [b'\n', 0x1f, 0x00] {
            for at in 0..length {
                let mut text = format!("{{\"k\":\"{}\"}}", "é".repeat(length / 2)).into_bytes();
                assert_agrees(&text);
                text = format!("{{\"k\":\"{}\"}}", "x".repeat(length)).into_bytes();
                text[6 + at] = bad;
                assert!(!assert_agrees(&text));
                text[6 + at] = 0x7f;
                assert!(assert_agrees(&text));
            }
        }
    }
}

#[test]
fn nesting_is_limited() {
    let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    assert!(Object::scan(nested(128).into()).is_ok());
    let error = Object::scan(nested(129).into()).unwrap_err();
    assert_eq!(error.expected(), "at most 128 levels of nesting");
    assert!(Object::scan("{\"a\":".repeat(1_000_000).into()).is_err());
    // Levels that are closed again do not count.
    let siblings = format!("{{\"a\":[{}1]}}", "[{}],".repeat(10_000));
    assert!(Object::scan(siblings.into()).is_ok());
    let mixed = format!("{{\"a\":{}1{}}}", "[{\"b\":".repeat(63), "}]".repeat(63));
    assert!(Object::scan(mixed.into()).is_ok());
}

#[test]
fn errors_say_where_and_what() {
    let error = Object::scan("{\n  \"é\": 1,\n  \"é\" 2\n}".into()).unwrap_err();
    assert_eq!((error.line(), error.column(), error.offset()), (3, 7, 20));
    assert_eq!(error.to_string(), "invalid JSON: expected `:` after the key at line 3 column 7 (byte 20)");
    let error = Object::scan("{\"a\":\"x".into()).unwrap_err();
    let message =
        "invalid JSON: expected the end of the string at line 1 column 8 (byte 7), but the text ends there";
    assert_eq!(error.to_string(), message);
    assert_eq!(Object::scan("[1]".into()).unwrap_err().expected(), "a JSON object");
    assert_eq!(Object::scan(Bytes::from_static(b"{\"\xff")).unwrap_err().expected(), "valid UTF-8");
}

#[test]
fn members_are_found() {
    let text = r#" {"a": 1 ,"b\n":"x\ty" , "c":[1,{"a":2}],"t":true,"f":false,"z":null,"n":-1,"big":18446744073709551615} "#;
    let object = Object::scan(text.into()).unwrap();
    let members: Vec<_> =
        object.members().map(|member| (member.key.into_owned(), member.raw.to_vec())).collect();
    assert_eq!(members.len(), 8);
    assert_eq!(members[1], ("b\n".to_owned(), br#""x\ty""#.to_vec()));
    assert_eq!(object.raw("a"), Some("1"));
    assert_eq!(object.raw("c"), Some(r#"[1,{"a":2}]"#));
    assert_eq!(object.str("b\n").as_deref(), Some("x\ty"));
    assert_eq!(object.str("b\\n"), None);
    assert_eq!(object.str("a"), None);
    assert_eq!((object.bool("t"), object.bool("f"), object.bool("a")), (Some(true), Some(false), None));
    assert_eq!((object.u64("a"), object.u64("n"), object.u64("big")), (Some(1), None, Some(u64::MAX)));
    assert!(object.is_null("z") && !object.is_null("a") && !object.is_null("none"));
    assert!(object.contains("z") && !object.contains("none"));
    let raw = object.raw_bytes("c").unwrap();
    assert!(object.source().as_ptr_range().contains(&raw.as_ptr()), "a slice, not a copy");
    assert!(!format!("{object:?}").contains("xy"));
}

#[test]
fn the_last_duplicate_counts() {
    let object = Object::scan(r#"{"dup":1,"x":0,"dup":2,"du\u0070":3}"#.into()).unwrap();
    assert_eq!(object.raw("dup"), Some("3"));
    assert_eq!(object.members().len(), 4);
}

#[test]
fn arbitrary_bytes_never_panic() {
    let mut random = Random::new(13);
    for _ in 0..20_000 {
        let length = random.below(64);
        let mut bytes: Vec<u8> = (0..length).map(|_| *random.pick(ALPHABET)).collect();
        bytes.insert(0, b'{');
        assert_agrees(&bytes);
        let noise: Vec<u8> = (0..length).map(|_| random.next().to_le_bytes()[0]).collect();
        assert_agrees(&noise);
    }
}

/// Fails unless both say the same of `text`; returns whether it is a valid object.
fn assert_agrees(text: &[u8]) -> bool {
    let is_object = text.trim_ascii_start().first() == Some(&b'{');
    let expected = is_object && serde_json::from_slice::<&RawValue>(text).is_ok();
    let found = Object::scan(Bytes::copy_from_slice(text));
    assert_eq!(found.is_ok(), expected, "{} -> {:?}", text.escape_ascii(), found.err());
    if let Ok(object) = found {
        assert_members_agree(text, &object);
    }
    expected
}

fn assert_members_agree(text: &[u8], object: &Object) {
    // Lone surrogates are valid JSON that a `Value` cannot hold.
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(text) else { return };
    for (key, value) in value.as_object().into_iter().flatten() {
        let raw = object.raw(key).unwrap_or_default();
        assert_eq!(serde_json::from_str::<serde_json::Value>(raw).ok().as_ref(), Some(value));
        assert_eq!(object.str(key).as_deref(), value.as_str());
        assert_eq!(object.bool(key), value.as_bool());
        assert_eq!(object.is_null(key), value.is_null());
    }
    for member in object.members() {
        assert!(value.get(&*member.key).is_some());
    }
}

#[test]
fn a_scan_knows_what_strings_it_came_across() {
    let object = Object::scan(
        r#"{"messages":[{"role":"developer","x":null,"content":"system"}],"a":"file\u0073","b":"not a type"}"#.into(),
    )
    .unwrap();
    for (word, there) in [
        ("developer", true),
        ("system", true),
        ("file", false),
        ("type", false),
        ("thought_signature", false),
        // Not among the words that a scan looks out for: searched.
        ("role", true),
        ("nobody", false),
    ] {
        assert_eq!(object.mentions(word), there, "{word}");
    }
    assert!(object.mentions_null());
    assert!(!Object::scan(r#"{"a":"null"}"#.into()).unwrap().mentions_null());
}

#[test]
fn members_of_a_value_are_walked_without_another_check() {
    let walked: Vec<_> = lockgate_wire::members(r#" {"a" : 1, "b\u0063":{"x":[1,2]} , "a":"}"}"#).collect();
    let walked: Vec<(&str, &str)> = walked.iter().map(|(key, value)| (&**key, *value)).collect();
    assert_eq!(walked, [("a", "1"), ("bc", r#"{"x":[1,2]}"#), ("a", r#""}""#)]);
    for nothing in ["", "[1]", "{}", "null", "\"{\""] {
        assert_eq!(lockgate_wire::members(nothing).count(), 0, "{nothing}");
    }
}
