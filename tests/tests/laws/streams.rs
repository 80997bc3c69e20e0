//! STR-1, STR-2, STR-3 and SCH-2 through the driver that the gateway uses.

use std::collections::BTreeMap;

use lockgate_core::{Attempt, Media, Operation, transcode};
use lockgate_testkit::{grammar, laws::Dice, sample};
use serde_json::{Value, json};

use crate::subjects::{CHAT, MESSAGES, dialect, for_each, speaks, surface, target};

/// What a client of `to` reads from an upstream that speaks `from` and sends these pieces.
fn through(from: &str, to: &str, pieces: &[&[u8]]) -> Result<String, String> {
    let body = if to == "openai" { CHAT } else { MESSAGES };
    let call = sample::call(surface(to), Operation::Chat, body).unwrap();
    let (target, media) = (target(dialect(from)), Media::default());
    let attempt = Attempt { call: &call, target: &target, media: &media };
    let encoded = transcode::prepare(&attempt, call.received).unwrap();
    let head = sample::head(200, "text/event-stream");
    let mut stream = transcode::Stream::new(&attempt, &encoded, &head);
    let mut out = Vec::new();
    for piece in pieces {
        out.extend_from_slice(&stream.push(piece.to_vec().into()).map_err(|error| error.to_string())?);
    }
    out.extend_from_slice(&stream.finish().map_err(|error| error.to_string())?);
    let text = String::from_utf8(out).unwrap();
    if from != to {
        assert!(grammar::check(to, &text).finished, "{text}");
    }
    Ok(text)
}

fn events(text: &str) -> Vec<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    data.filter_map(|data| serde_json::from_str(data.trim()).ok()).collect()
}

/// Tool calls by index: id and joined arguments, as a client of either surface puts them together.
fn calls(text: &str) -> BTreeMap<u64, (String, String)> {
    let mut calls: BTreeMap<u64, (String, String)> = BTreeMap::new();
    let text_of = |value: &Value| value.as_str().unwrap_or("").to_owned();
    for event in events(text) {
        let index = event["index"].as_u64().unwrap_or(0);
        if event["content_block"]["type"] == "tool_use" {
            let old = calls.insert(index, (text_of(&event["content_block"]["id"]), String::new()));
            assert!(old.is_none(), "block {index} is opened twice: {text}");
        }
        if event["delta"]["type"] == "input_json_delta" {
            calls.entry(index).or_default().1 += &text_of(&event["delta"]["partial_json"]);
        }
        let choices = event["choices"].as_array().into_iter().flatten();
        for call in choices.flat_map(|choice| choice["delta"]["tool_calls"].as_array().into_iter().flatten())
        {
            let slot = calls.entry(call["index"].as_u64().unwrap()).or_default();
            let id = text_of(&call["id"]);
            assert!(id.is_empty() || slot.0.is_empty() || slot.0 == id, "an id changes: {text}");
            if !id.is_empty() {
                slot.0 = id;
            }
            slot.1 += &text_of(&call["function"]["arguments"]);
        }
    }
    calls
}

/// Arguments cut into pieces, and in which order the pieces of several calls come.
fn interleaved(dice: &mut Dice) -> (Vec<String>, Vec<(usize, String)>) {
    let count = 1 + dice.below(5);
    let arguments: Vec<String> = (0..count)
        .map(|n| json!({"n": n, "text": "ü\"\\ ".repeat(dice.below(6)), "x": [1, {"y": null}]}).to_string())
        .collect();
    let mut left: Vec<Vec<char>> = arguments.iter().map(|text| text.chars().rev().collect()).collect();
    let mut pieces: Vec<(usize, String)> = Vec::new();
    while left.iter().any(|chars| !chars.is_empty()) {
        let at = dice.below(count);
        let keep = left[at].len().saturating_sub(1 + dice.below(20));
        let piece: String = left[at].split_off(keep).into_iter().rev().collect();
        if !piece.is_empty() {
            pieces.push((at, piece));
        }
    }
    (arguments, pieces)
}

fn openai_chunk(delta: &Value, finish: Option<&str>) -> String {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
    let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]});
    format!("data: {chunk}\n\n")
}

fn anthropic_event(event: &Value) -> String {
    format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())
}

fn openai_calls(count: usize, pieces: &[(usize, String)]) -> String {
    let mut text = openai_chunk(&json!({"role": "assistant"}), None);
    let mut seen = vec![false; count];
    // Calls start in the order of their numbers; their pieces come as they please.
    let starts = (0..count).map(|n| (n, String::new()));
    for (at, piece) in starts.chain(pieces.iter().cloned()) {
        let mut call = json!({"index": at, "function": {"arguments": piece}});
        if !std::mem::replace(&mut seen[at], true) {
            call["id"] = json!(format!("call_{at}"));
            call["type"] = json!("function");
            call["function"]["name"] = json!("f");
        }
        text += &openai_chunk(&json!({"tool_calls": [call]}), None);
    }
    text + &openai_chunk(&json!({}), Some("tool_calls")) + "data: [DONE]\n\n"
}

fn anthropic_start(usage: &Value) -> String {
    let message = json!({"id": "msg", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage});
    anthropic_event(&json!({"type": "message_start", "message": message}))
}

fn anthropic_calls(count: usize, pieces: &[(usize, String)]) -> String {
    let mut text = anthropic_start(&json!({"input_tokens": 1, "output_tokens": 1}));
    for n in 0..count {
        let block = json!({"type": "tool_use", "id": format!("call_{n}"), "name": "f", "input": {}});
        text += &anthropic_event(&json!({"type": "content_block_start", "index": n, "content_block": block}));
    }
    for (at, piece) in pieces {
        let delta = json!({"type": "input_json_delta", "partial_json": piece});
        text += &anthropic_event(&json!({"type": "content_block_delta", "index": at, "delta": delta}));
    }
    for n in 0..count {
        text += &anthropic_event(&json!({"type": "content_block_stop", "index": n}));
    }
    text + &anthropic_event(
        &json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": {"output_tokens": 2}}),
    ) + &anthropic_event(&json!({"type": "message_stop"}))
}

/// STR-1: parallel tool calls, interleaved at random, keep their ids and their arguments in every translation.
#[test]
fn interleaved_tool_calls_stay_apart() {
    let mut dice = Dice::new(4711);
    for round in 0..250 {
        let (arguments, pieces) = interleaved(&mut dice);
        for from in ["openai", "anthropic"] {
            let stream = match from {
                "openai" => openai_calls(arguments.len(), &pieces),
                _ => anthropic_calls(arguments.len(), &pieces),
            };
            for to in ["openai", "anthropic"] {
                let text = through(from, to, &[stream.as_bytes()]).unwrap();
                let found: Vec<_> = calls(&text).into_values().collect();
                let ids: Vec<_> = found.iter().map(|(id, _)| id.clone()).collect();
                let wanted: Vec<_> = (0..arguments.len()).map(|n| format!("call_{n}")).collect();
                assert_eq!(ids, wanted, "round {round}, {from} to {to}: {text}");
                for ((_, found), wanted) in found.iter().zip(&arguments) {
                    let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
                    assert_eq!(parse(found), parse(wanted), "round {round}, {from} to {to}: {text}");
                }
            }
        }
    }
}

/// STR-2: wherever the provider puts its usage, the client gets one, with the provider's figures.
#[test]
fn usage_comes_once_wherever_the_provider_puts_it() {
    let figures = json!({"prompt_tokens": 30, "completion_tokens": 7, "total_tokens": 37,
        "prompt_tokens_details": {"cached_tokens": 5}, "completion_tokens_details": {"reasoning_tokens": 3}});
    let chunk = |delta: Value, finish: Option<&str>, usage: Option<&Value>| {
        let text = openai_chunk(&delta, finish);
        let mut chunk: Value = serde_json::from_str(text.trim().strip_prefix("data: ").unwrap()).unwrap();
        if let Some(usage) = usage {
            chunk["usage"] = usage.clone();
        }
        format!("data: {chunk}\n\n")
    };
    // In the first chunk, in the last with content, in a chunk of its own, in every chunk, twice at the end.
    for places in [
        [true, false, false, false],
        [false, false, true, false],
        [false, false, false, true],
        [true; 4],
        [false, false, true, true],
    ] {
        let at = |n: usize| places[n].then_some(&figures);
        let mut stream = chunk(json!({"role": "assistant", "content": "a"}), None, at(0));
        stream += &chunk(json!({"content": "b"}), None, at(1));
        stream += &chunk(json!({}), Some("stop"), at(2));
        if places[3] {
            stream += &format!(
                "data: {}\n\n",
                json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": figures})
            );
        }
        stream += "data: [DONE]\n\n";
        let text = through("openai", "openai", &[stream.as_bytes()]).unwrap();
        let usages: Vec<_> = events(&text).into_iter().filter(|event| event["usage"].is_object()).collect();
        assert_eq!(usages.len(), 1, "{places:?}: {text}");
        assert_eq!(usages[0]["usage"]["total_tokens"], 37);
        let text = through("openai", "anthropic", &[stream.as_bytes()]).unwrap();
        let ends: Vec<_> =
            events(&text).into_iter().filter(|event| event["type"] == "message_delta").collect();
        assert_eq!(ends.len(), 1, "{places:?}: {text}");
        let usage = &ends[0]["usage"];
        assert_eq!(
            (&usage["output_tokens"], &usage["cache_read_input_tokens"]),
            (&json!(7), &json!(5)),
            "{text}"
        );
    }
}

/// STR-3: line ends of every kind, comments, a byte order mark, data in several lines: the same for the client.
#[test]
fn every_way_to_write_events_reads_the_same() {
    for_each(|subject, attempt, encoded| {
        if encoded.relay || !speaks(subject, attempt, encoded) {
            return;
        }
        let (from, to) = (subject.dialect.id(), attempt.call.surface.id());
        let plain = through(from, to, &[subject.stream.as_bytes()]).unwrap();
        // No CR right before a LF: the two would be one end of line.
        let mixed: String = subject
            .stream
            .split_inclusive('\n')
            .enumerate()
            .map(|(n, line)| line.replace('\n', ["\r\n", "\n", "\r"][n % 3]))
            .collect();
        let ways = [
            subject.stream.replace('\n', "\r\n"),
            subject.stream.replace('\n', "\r"),
            format!("\u{feff}{}", subject.stream),
            subject.stream.replace("\n\n", "\n\n: a comment\n\n:\n\n"),
            subject.stream.replace("data: ", "data:"),
            subject.stream.replace("data: {", "id: 7\nretry: 10\ndata: {\ndata: "),
            mixed,
        ];
        for way in &ways {
            assert_eq!(through(from, to, &[way.as_bytes()]).as_ref(), Ok(&plain), "{way}");
            for at in 1..way.len() {
                let (head, tail) = way.as_bytes().split_at(at);
                if at % 7 == 0 {
                    assert_eq!(through(from, to, &[head, tail]).as_ref(), Ok(&plain), "cut at {at}: {way}");
                }
            }
        }
    });
}

/// SCH-2: an answer with a member that is null, missing, unknown or of an unknown word is still an answer.
#[test]
fn odd_but_legal_answers_are_read() {
    let openai = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "service_tier": "default", "system_fingerprint": "fp",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi", "refusal": null, "annotations": []}, "logprobs": null, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0}}});
    let anthropic = json!({"id": "msg", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "Hi", "citations": null}],
        "stop_reason": "end_turn", "stop_sequence": null, "usage": {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 0, "service_tier": "standard"}});
    for (from, answer, text_at) in
        [("openai", openai, "/choices/0/message/content"), ("anthropic", anthropic, "/content/0/text")]
    {
        let mut paths = Vec::new();
        collect_paths(&answer, "", &mut paths);
        for path in paths {
            // What makes it an answer at all must stay.
            if text_at.starts_with(path.as_str()) || path == "/content/0/type" {
                continue;
            }
            for odd in [None, Some(Value::Null)] {
                check_odd(from, &answer, &path, odd);
            }
            if path.ends_with("reason") || path.ends_with("tier") || path.ends_with("/object") {
                check_odd(from, &answer, &path, Some(json!("a_word_of_the_future")));
                check_odd(from, &answer, &path, Some(json!("")));
            }
        }
        for place in ["", "/usage", if from == "openai" { "/choices/0" } else { "/content/0" }] {
            let mut more = answer.clone();
            more.pointer_mut(place).unwrap()["of_the_future"] = json!({"x": [1, null]});
            check_answer(from, &more, &format!("a member more at {place:?}"));
        }
    }
}

fn check_odd(from: &str, answer: &Value, path: &str, odd: Option<Value>) {
    let (parent, key) = path.rsplit_once('/').unwrap();
    let mut changed = answer.clone();
    let Some(Value::Object(parent)) = changed.pointer_mut(parent) else { return };
    let what = format!("{path} = {odd:?}");
    match odd {
        Some(odd) => parent.insert(key.to_owned(), odd),
        None => parent.remove(key),
    };
    check_answer(from, &changed, &what);
}

fn check_answer(from: &str, answer: &Value, what: &str) {
    for (to, body) in [("openai", CHAT), ("anthropic", MESSAGES)] {
        let body = body.replace("\"stream\":true", "\"stream\":false");
        let body = body.replace("\"stream_options\":{\"include_usage\":true},", "");
        let call = sample::call(surface(to), Operation::Chat, &body).unwrap();
        let (target, media) = (target(dialect(from)), Media::default());
        let attempt = Attempt { call: &call, target: &target, media: &media };
        let encoded = transcode::prepare(&attempt, call.received).unwrap();
        let head = sample::head(200, "application/json");
        let written = transcode::answer(&attempt, &encoded, &head, answer.to_string().into());
        let written = written.unwrap_or_else(|error| panic!("{from} to {to}: {what}: {error}"));
        assert!(String::from_utf8_lossy(&written.body.to_vec()).contains("Hi"), "{from} to {to}: {what}");
    }
}

fn collect_paths(value: &Value, path: &str, paths: &mut Vec<String>) {
    let members: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => return,
    };
    for (key, value) in members {
        let path = format!("{path}/{key}");
        paths.push(path.clone());
        collect_paths(value, &path, paths);
    }
}
