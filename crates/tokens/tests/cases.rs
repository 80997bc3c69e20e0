//! The recorded cases: a request and how many tokens it is.

use std::{fs, path::Path};

use lockgate_tokens::count_tokens_request;
use serde_json::Value;

#[test]
fn recorded_cases_count_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let (mut seen, mut wrong) = (0, Vec::new());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let case: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let expected = case["result"]["body"]["tokens"].as_u64().unwrap();
        let count = count_tokens_request(None, &case["request"].to_string()).unwrap();
        seen += 1;
        if count.tokens != expected {
            wrong.push(format!("{}: {} instead of {expected}", case["id"], count.tokens));
        }
    }
    assert_eq!(seen, 69);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
