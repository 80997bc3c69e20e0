//! Gemini's streams: chunks of one answer, as events or as the elements of an array.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Ending, events, is_told, json, need, text_of};

#[derive(Default)]
struct Candidate {
    parts: Vec<Value>,
    finish: Option<Value>,
}

pub(super) fn read(text: &str) -> Result<Ending, String> {
    let mut ending = Ending::default();
    let mut candidates: BTreeMap<u64, Candidate> = BTreeMap::new();
    for chunk in chunks(text)? {
        need(ending.error.is_none(), || format!("{chunk} comes after the end"))?;
        if let Some(error) = chunk.get("error") {
            let whole = error["message"].is_string() && error["code"].is_u64() && error["status"].is_string();
            need(whole, || format!("an error without message, code or status: {chunk}"))?;
            ending.error = Some(error.clone());
            continue;
        }
        need(chunk["responseId"].is_string() && chunk["modelVersion"].is_string(), || {
            format!("no id or model: {chunk}")
        })?;
        for candidate in chunk["candidates"].as_array().ok_or_else(|| format!("no candidates: {chunk}"))? {
            let index = candidate["index"].as_u64().unwrap_or(0);
            let known = candidates.entry(index).or_default();
            known.take(candidate).map_err(|why| format!("{why}: {chunk}"))?;
        }
        if let Some(usage) = chunk.get("usageMetadata") {
            need(ending.usage.is_none(), || "usage comes twice".to_owned())?;
            ending.usage = Some(usage.clone());
        }
    }
    let whole = !candidates.is_empty() && candidates.values().all(|candidate| candidate.finish.is_some());
    need(!whole || ending.error.is_none(), || "all is said, and then there is an error".to_owned())?;
    ending.finished = whole;
    is_told(&ending)?;
    if let Some(first) = candidates.remove(&0) {
        for part in &first.parts {
            if part["thought"] != true {
                ending.text += text_of(part, "/text");
            }
            if let Some(call) = part.get("functionCall") {
                let name = call.get("id").or(call.get("name")).and_then(Value::as_str);
                ending.tools.push((name.unwrap_or_default().to_owned(), call["args"].to_string()));
            }
        }
        ending.answer = json!({"candidates": [{"content": {"role": "model", "parts": first.parts}, "finishReason": first.finish}], "usageMetadata": ending.usage});
    }
    Ok(ending)
}

fn chunks(text: &str) -> Result<Vec<Value>, String> {
    if text.starts_with('[') {
        return serde_json::from_str(text).map_err(|why| format!("no array: {why}"));
    }
    let events = events(text)?.into_iter().map(|(name, data)| {
        need(name.is_empty(), || format!("an event with a name: {name}"))?;
        json(&data)
    });
    events.collect()
}

impl Candidate {
    fn take(&mut self, candidate: &Value) -> Result<(), String> {
        const REASONS: [&str; 10] = [
            "STOP",
            "MAX_TOKENS",
            "SAFETY",
            "RECITATION",
            "LANGUAGE",
            "OTHER",
            "BLOCKLIST",
            "PROHIBITED_CONTENT",
            "MALFORMED_FUNCTION_CALL",
            "SPII",
        ];
        need(self.finish.is_none(), || "it goes on after its finish".into())?;
        need(candidate["content"]["role"] == "model", || "the content has no role".into())?;
        for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
            let kinds = ["text", "functionCall", "inlineData", "executableCode", "codeExecutionResult"];
            let count = kinds.iter().filter(|kind| part.get(**kind).is_some()).count();
            need(count == 1, || "a part is not one thing".into())?;
            if let Some(call) = part.get("functionCall") {
                need(call["name"].is_string() && call["args"].is_object(), || {
                    "a call without name or arguments".into()
                })?;
            }
            self.parts.push(part.clone());
        }
        if let Some(reason) = candidate.get("finishReason") {
            need(REASONS.iter().any(|known| reason == known), || format!("{reason} is no reason to finish"))?;
            self.finish = Some(reason.clone());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{check, read};

    #[test]
    fn what_breaks_the_protocol_is_told() {
        let chunk = |candidate: &str, more: &str| {
            format!(
                "data: {{\"candidates\":[{candidate}],\"modelVersion\":\"m\",\"responseId\":\"r\"{more}}}\n\n"
            )
        };
        let text = chunk(r#"{"content":{"role":"model","parts":[{"text":"a"}]},"index":0}"#, "");
        let usage = r#","usageMetadata":{"promptTokenCount":1}"#;
        let last = r#"{"content":{"role":"model","parts":[]},"finishReason":"STOP","index":0}"#;
        let (end, counted) = (chunk(last, ""), chunk(last, usage));
        let error = "data: {\"error\":{\"code\":500,\"message\":\"m\",\"status\":\"INTERNAL\"}}\n\n";
        assert_eq!(check("gemini", format!("{text}{text}{counted}")).text, "aa");
        assert!(check("gemini", format!("{text}{error}")).error.is_some());
        let elements: Vec<&str> =
            [&text, &counted].map(|one| one.trim_start_matches("data: ").trim()).to_vec();
        assert!(check("gemini", format!("[{}]", elements.join(","))).finished);
        for bad in [
            String::new(),
            text.clone(),
            format!("{end}{text}"),
            format!("{end}{end}"),
            format!("{text}{end}{error}"),
            format!("{error}{text}"),
            format!("{text}{}", end.replace("STOP", "stop")),
            format!("{text}{}", end.replace("data:", "event: x\ndata:")),
            format!("{}{counted}", chunk(r#"{"content":{"role":"model","parts":[]}}"#, usage)),
            format!(
                "{}{end}",
                text.replace(r#"{"text":"a"}"#, r#"{"functionCall":{"name":"f","args":"{}"}}"#)
            ),
            format!("{}{end}", text.replace("\"modelVersion\":\"m\",", "")),
            format!("[{}", elements.join(",")),
        ] {
            assert!(read("gemini", &bad).is_err(), "{bad}");
        }
    }
}
