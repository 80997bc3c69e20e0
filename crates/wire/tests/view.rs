//! `view!`: declared members are typed, all others are kept as they came.

use lockgate_wire as wire;
use lockgate_wire::Extra;
use serde_json::value::RawValue;

wire::view! {
    /// A part with one field of each kind.
    #[derive(Clone, Debug, Default, PartialEq)]
    pub struct Function {
        pub name: String,
        pub description: Option<String>,
        /// Renamed on the wire.
        pub arguments as "args": Option<String>,
    }
}

wire::view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Call {
        pub kind as "type": Option<Kind>,
        pub function: Option<Function>,
        pub index: u32,
        pub tags: Vec<String>,
        pub(crate) schema: Option<Box<RawValue>>,
        nested: Option<Option<u8>>,
        many: Vec<Function>
    }
}

wire::view! {
    struct Empty {}
}

#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Function,
    #[serde(other)]
    Unknown,
}

#[test]
fn reads_any_order_and_writes_the_declared_one() {
    let text = r#"{"z":[1, 2],"args":"{}","description":null,"a":{"b":1.0},"name":"f"}"#;
    let view: Function = serde_json::from_str(text).unwrap();
    assert_eq!(view.name, "f");
    assert_eq!(view.arguments.as_deref(), Some("{}"));
    assert_eq!(view.description, None);
    let written = serde_json::to_string(&view).unwrap();
    assert_eq!(written, r#"{"name":"f","args":"{}","z":[1, 2],"a":{"b":1.0}}"#);
    assert_eq!(serde_json::from_slice::<Function>(written.as_bytes()).unwrap(), view);
}

#[test]
fn null_and_missing_give_the_default_of_every_type() {
    let nulls =
        r#"{"type":null,"function":null,"index":null,"tags":null,"schema":null,"nested":null,"many":null}"#;
    for text in ["{}", nulls] {
        let view: Call = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&view).unwrap(), r#"{"index":0,"tags":[],"many":[]}"#);
        assert!(view.extra.is_empty());
    }
}

#[test]
fn views_nest() {
    let text = concat!(
        r#"{"type":"function","function":{"name":"f","x":{"y" : 1}},"index":2,"tags":["t"],"#,
        r#""schema":{ "k" : null },"many":[{"name":"g","u":0},{"name":""}],"more":true}"#
    );
    let view: Call = serde_json::from_slice(text.as_bytes()).unwrap();
    assert_eq!(view.kind, Some(Kind::Function));
    assert_eq!(
        view.function.as_ref().and_then(|f| f.extra.get("x")).map(RawValue::get),
        Some(r#"{"y" : 1}"#)
    );
    assert_eq!(serde_json::to_string(&view).unwrap(), text);
    let unknown: Call = serde_json::from_str(r#"{"type":"later","nested":3}"#).unwrap();
    assert_eq!((unknown.kind, unknown.nested), (Some(Kind::Unknown), Some(Some(3))));
}

#[test]
fn of_duplicates_the_last_counts() {
    let view: Function = serde_json::from_str(r#"{"name":"a","u":1,"name":"b","v":2,"u":3}"#).unwrap();
    assert_eq!(serde_json::to_string(&view).unwrap(), r#"{"name":"b","v":2,"u":3}"#);
}

#[test]
fn escaped_keys_are_the_same_keys() {
    let view: Function = serde_json::from_str(r#"{"n\u0061me":"f","\u00e9\n":1}"#).unwrap();
    assert_eq!(view.name, "f");
    assert_eq!(serde_json::to_string(&view).unwrap(), "{\"name\":\"f\",\"é\\n\":1}");
}

#[test]
fn reads_from_a_value_as_well() {
    let value = serde_json::json!({"name": "f", "u": {"v": [1]}});
    let view: Function = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(serde_json::to_value(&view).unwrap(), value);
}

#[test]
fn wrong_types_are_errors_that_name_the_view() {
    assert!(serde_json::from_str::<Function>(r#"{"name":1}"#).is_err());
    let error = serde_json::from_str::<Call>(r#"{"function":{"name":1}}"#).unwrap_err().to_string();
    let expected = "`function`: `name`: invalid type: integer `1`, expected a string at line 1 column 21";
    assert_eq!(error, expected);
    let error = serde_json::from_str::<Function>("[]").unwrap_err();
    assert!(error.to_string().contains("an object (Function)"), "{error}");
}

#[test]
fn a_view_without_fields_keeps_everything() {
    let view: Empty = serde_json::from_str(r#"{"b":1,"a":2}"#).unwrap();
    assert_eq!(serde_json::to_string(&view).unwrap(), r#"{"b":1,"a":2}"#);
    let extra: Extra = view.extra;
    assert_eq!(extra.len(), 2);
}

wire::view! {
    #[derive(Clone, Debug, Default)]
    struct Counts {
        large: Option<u64>,
        small: Option<u32>,
    }
}

#[test]
fn whole_numbers_may_be_written_as_floats() {
    for (text, large, small) in [
        (r#"{"large":5e1,"small":2.0}"#, Some(50), Some(2)),
        (r#"{"large":50.0,"small":0}"#, Some(50), Some(0)),
        (r#"{"large":18446744073709551615,"small":null}"#, Some(u64::MAX), None),
    ] {
        let view: Counts = serde_json::from_str(text).unwrap();
        assert_eq!((view.large, view.small), (large, small), "{text}");
    }
    let view: Counts = serde_json::from_str(r#"{"large":5e1}"#).unwrap();
    assert_eq!(serde_json::to_string(&view).unwrap(), r#"{"large":50}"#);
    for text in [
        r#"{"large":50.5}"#,
        r#"{"large":-1}"#,
        r#"{"large":-1.0}"#,
        r#"{"large":1e300}"#,
        r#"{"small":4294967296}"#,
        r#"{"small":"1"}"#,
    ] {
        assert!(serde_json::from_str::<Counts>(text).is_err(), "{text}");
    }
}
