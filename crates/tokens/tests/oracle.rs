//! The ids that the published tokenizers give for texts of many scripts and shapes.

use lockgate_tokens::Vocabulary;
use serde_json::Value;

#[test]
fn ids_are_the_published_ones() {
    let table: Vec<Value> = serde_json::from_str(include_str!("oracle.json")).unwrap();
    assert!(table.len() > 90);
    for row in table {
        let text = row["text"].as_str().unwrap();
        for (name, vocabulary) in [("o200k_base", Vocabulary::O200k), ("cl100k_base", Vocabulary::Cl100k)] {
            let ids: Vec<u32> = serde_json::from_value(row[name].clone()).unwrap();
            assert_eq!(vocabulary.encode(text), ids, "{name}: {text:?}");
            assert_eq!(vocabulary.count(text), ids.len() as u64, "{name}: {text:?}");
            assert_eq!(vocabulary.decode(&ids).as_deref(), Some(text), "{name}");
        }
    }
}
