//! The surface: any upstream's answer as one of the Messages API.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;

use common::{SURFACE, messages};
use lockgate_core::{ChatReply, Choice, Error, Event, FinishReason, Reply, Surface, Usage, hub};
use lockgate_testkit::laws;
use serde_json::{Value, json};

const BODY: &str =
    r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"stream":true}"#;

/// A small generator of the same numbers each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % limit
    }
}

/// Puts an answer together as an SDK does, checking the protocol on the way: blocks one after another, indexes from
/// zero, deltas of the open block only.
fn rebuild(bytes: &[u8]) -> (Vec<Value>, Value) {
    let text = std::str::from_utf8(bytes).unwrap();
    let (mut blocks, mut arguments, mut end, mut open) =
        (Vec::new(), BTreeMap::new(), Value::Null, None::<usize>);
    let (mut started, mut stopped) = (false, false);
    for frame in text.split("\n\n").filter(|frame| !frame.is_empty()) {
        let (name, data) = frame.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(name.strip_prefix("event: "), data["type"].as_str());
        assert!(!stopped, "after the end: {frame}");
        let index = data["index"].as_u64().map(|index| index as usize);
        match data["type"].as_str().unwrap() {
            "message_start" => {
                assert!(!started);
                started = true;
            }
            "content_block_start" => {
                assert_eq!((open, index), (None, Some(blocks.len())), "{frame}");
                open = index;
                blocks.push(data["content_block"].clone());
            }
            "content_block_delta" => {
                assert_eq!(open, index, "{frame}");
                let (block, delta) = (blocks.last_mut().unwrap(), &data["delta"]);
                let (kind, member) = match delta["type"].as_str().unwrap() {
                    "text_delta" => ("text", "text"),
                    "thinking_delta" => ("thinking", "thinking"),
                    "signature_delta" => ("thinking", "signature"),
                    "input_json_delta" => {
                        assert_eq!(block["type"], "tool_use");
                        let all: &mut String = arguments.entry(blocks.len() - 1).or_default();
                        all.push_str(delta["partial_json"].as_str().unwrap());
                        continue;
                    }
                    other => panic!("{other}"),
                };
                assert_eq!(block["type"], kind);
                let joined =
                    format!("{}{}", block[member].as_str().unwrap(), delta[member].as_str().unwrap());
                block[member] = joined.into();
            }
            "content_block_stop" => {
                assert_eq!(open.take(), index, "{frame}");
            }
            "message_delta" => end = data,
            "message_stop" => stopped = true,
            other => panic!("{other}"),
        }
    }
    assert!(started && stopped && open.is_none(), "{text}");
    for (at, text) in arguments {
        blocks[at]["input"] = serde_json::from_str(&text).unwrap();
    }
    (blocks, end)
}

fn start() -> Event {
    Event::Start { id: "a".to_owned(), model: "m".to_owned(), created: None, usage: None }
}

fn finish(reason: FinishReason) -> Event {
    Event::Finish { choice: 0, reason, native: None, stop_sequence: None }
}

#[test]
fn interleaved_calls_come_out_one_after_another() {
    let mut dice = Dice(1);
    for _ in 0..1_000 {
        let count = 1 + dice.below(4);
        let inputs: Vec<Value> =
            (0..count).map(|number| json!({"n": number, "t": "}\"{\\", "l": [1, {"x": [] }]})).collect();
        let mut left: Vec<Vec<String>> = inputs
            .iter()
            .map(|input| {
                let text: Vec<char> = input.to_string().chars().collect();
                text.chunks(1 + dice.below(9)).map(|piece| piece.iter().collect()).collect()
            })
            .collect();
        let mut events = vec![start()];
        let mut begun = 0;
        while begun < count || left.iter().any(|pieces| !pieces.is_empty()) {
            let number = dice.below(count);
            if number >= begun {
                let id = format!("call_{begun}");
                let index = begun as u32;
                events.push(Event::ToolStart {
                    choice: 0,
                    index,
                    id,
                    name: format!("f{begun}"),
                    extra: None,
                });
                begun += 1;
            } else if let Some(fragment) = (!left[number].is_empty()).then(|| left[number].remove(0)) {
                events.push(Event::ToolArguments { choice: 0, index: number as u32, fragment });
            } else if dice.below(3) == 0 {
                events.push(Event::Text { choice: 0, text: "…".to_owned() });
            }
        }
        events.extend([finish(FinishReason::ToolCalls), Event::Done]);
        let written = laws::encode(SURFACE.encoder(&messages(BODY)), &events);
        let (blocks, end) = rebuild(&written);
        let calls: Vec<_> = blocks.iter().filter(|block| block["type"] == "tool_use").collect();
        assert_eq!(calls.len(), count);
        for (number, call) in calls.iter().enumerate() {
            assert_eq!(
                (&call["input"], call["id"].as_str()),
                (&inputs[number], Some(&*format!("call_{number}")))
            );
        }
        assert_eq!(end["delta"]["stop_reason"], "tool_use");
    }
}

#[test]
fn thinking_text_and_usage() {
    let reasoning = |text: &str| Event::Reasoning { choice: 0, text: text.to_owned() };
    let text = |text: &str| Event::Text { choice: 0, text: text.to_owned() };
    let usage = Usage { input: 30, output: 5, cache_read: Some(10), ..Usage::default() };
    let events = [
        start(),
        reasoning("Hm"),
        reasoning("."),
        Event::Signature { choice: 0, signature: "a+/==".to_owned() },
        text("Pa"),
        text("ris"),
        finish(FinishReason::Length),
        Event::Usage(Box::new(usage)),
        Event::Done,
    ];
    let (blocks, end) = rebuild(&laws::encode(SURFACE.encoder(&messages(BODY)), &events));
    assert_eq!(
        blocks,
        [
            json!({"type": "thinking", "thinking": "Hm.", "signature": "a+/=="}),
            json!({"type": "text", "text": "Paris"})
        ]
    );
    assert_eq!(end["delta"], json!({"stop_reason": "max_tokens", "stop_sequence": null}));
    assert_eq!(end["usage"], json!({"input_tokens": 20, "output_tokens": 5, "cache_read_input_tokens": 10}));
}

#[test]
fn a_failure_is_the_last_word() {
    let call = messages(BODY);
    let mut encoder = SURFACE.encoder(&call);
    let mut out = Vec::new();
    encoder.event(&start(), &mut out);
    encoder.event(&Event::Text { choice: 0, text: "x".to_owned() }, &mut out);
    encoder.fail(&Error::internal("broke"), &mut out);
    let length = out.len();
    encoder.event(&Event::Done, &mut out);
    encoder.fail(&Error::internal("again"), &mut out);
    assert_eq!(out.len(), length);
    let text = String::from_utf8(out).unwrap();
    let last = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"broke\"}}\n\n";
    assert!(text.ends_with(last), "{text}");
}

#[test]
fn whole_answers() {
    let message: hub::Message = serde_json::from_value(json!({
        "role": "assistant", "content": "Hi", "reasoning_content": "Hm",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1.0}"}},
                       {"id": "d", "type": "function", "function": {"name": "g", "arguments": "oops"}}]
    }))
    .unwrap();
    let choice = Choice { message, finish: Some(FinishReason::Stop), ..Choice::default() };
    let reply = ChatReply {
        id: "x".to_owned(),
        model: "m2".to_owned(),
        choices: vec![choice],
        ..ChatReply::default()
    };
    let body = SURFACE.write(&messages(BODY), &Reply::Chat(Box::new(reply))).unwrap().to_vec();
    assert_eq!(
        serde_json::from_slice::<Value>(&body).unwrap(),
        json!({"id": "x", "type": "message", "role": "assistant", "model": "m2", "content": [
                {"type": "thinking", "thinking": "Hm", "signature": ""},
                {"type": "text", "text": "Hi"},
                {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1.0}},
                {"type": "tool_use", "id": "d", "name": "g", "input": {}}],
            "stop_reason": "tool_use", "stop_sequence": null, "usage": {"input_tokens": 0, "output_tokens": 0}})
    );
    let count = SURFACE.write(&messages(BODY), &Reply::TokenCount { input: 7 }).unwrap();
    assert_eq!(count.to_vec(), br#"{"input_tokens":7}"#);
}

#[test]
fn signed_thinking_reaches_the_hub_byte_by_byte() {
    let block = r#"{ "signature" : "E+/==" , "type":"thinking","thinking":"\u0048m"}"#;
    let body = format!(
        r#"{{"model":"m","system":[{{"type":"text","text":"Be brief.","cache_control":{{"type":"ephemeral"}}}}],
        "thinking":{{"type":"enabled","budget_tokens":2048}},"min_p":0.10,"context_management":{{"edits":[]}},
        "messages":[{{"role":"user","content":"hi"}},{{"role":"assistant","content":[{block},
        {{"type":"tool_use","id":"t","name":"f","input":{{"b":1.0,"a":2}}}}]}},
        {{"role":"user","content":[{{"type":"tool_result","tool_use_id":"t","content":"ok"}}]}}]}}"#
    );
    let call = messages(&body);
    let request = call.chat().unwrap();
    let assistant = &request.messages[2];
    assert_eq!(assistant.thinking_blocks.as_ref().unwrap()[0].get(), block);
    assert_eq!(assistant.reasoning_content.as_deref(), Some("Hm"));
    let call_out = &assistant.tool_calls.as_ref().unwrap()[0];
    assert_eq!(call_out.function.as_ref().unwrap().arguments.as_deref(), Some(r#"{"b":1.0,"a":2}"#));
    assert_eq!(request.messages[3].role, "tool");
    assert_eq!(request.reasoning_effort.as_ref().unwrap().get(), r#""medium""#);
    assert_eq!(
        request.extra.iter().map(|(key, raw)| (key, raw.get())).collect::<Vec<_>>(),
        [("min_p", "0.10")]
    );
}

#[test]
fn mistakes_are_named() {
    for (body, named) in [
        (r#"{"model":"m"}"#, "messages"),
        (r#"{"model":"m","messages":"x"}"#, "messages"),
        (r#"{"model":"m","messages":[{"role":"user","content":5}]}"#, "messages.0.content"),
        (r#"{"model":"m","messages":[],"max_tokens":"many"}"#, "max_tokens"),
        (r#"{"model":"m","messages":[],"tool_choice":{"type":"tool"}}"#, "tool_choice"),
    ] {
        let error = messages(body).chat().unwrap_err();
        assert_eq!(error.param(), Some(named), "{error}");
        assert!(error.message().contains(named), "{error}");
    }
}
