//! The golden runner notices faults: a case that passes fails once what it expects is changed, in the verdict that it
//! belongs to, and still passes with what makes no difference to a client.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::path::Path;

use lockgate_tests::golden::{Case, Filter, Runner, Verdict, load};
use serde_json::{Value, json};

/// The cases that are tampered with.
fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let filter = Filter { id: [WHOLE, STREAM, ERROR].join(","), ..Filter::default() };
    load(&folder, &filter).unwrap()
}

fn verdicts(runner: &Runner, case: &Case) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = runner.judge(case).diffs.iter().map(|diff| diff.verdict).collect();
    verdicts.dedup();
    verdicts
}

fn body(case: &mut Case) -> &mut Value {
    case.upstream[0].expect.body.as_mut().unwrap()
}

fn result(case: &mut Case) -> &mut Value {
    case.proxy = None;
    case.result.body.as_mut().unwrap()
}

fn chunk(case: &mut Case, at: usize) -> &mut Value {
    case.proxy = None;
    &mut case.result.chunks.as_mut().unwrap()[at]
}

type Sabotage = (&'static str, &'static str, Option<Verdict>, fn(&mut Case));

const WHOLE: &str = "xai.tools_parallel";
const STREAM: &str = "anthropic.stream_tools";
const ERROR: &str = "openai.err_404";

const SABOTAGES: &[Sabotage] = &[
    ("a faultless answer", WHOLE, None, |_| {}),
    ("a faultless stream", STREAM, None, |_| {}),
    ("a faultless error", ERROR, None, |_| {}),
    ("another tool", WHOLE, Some(Verdict::Request), |case| body(case)["tools"] = json!([])),
    ("another model", WHOLE, Some(Verdict::Request), |case| body(case)["model"] = json!("gpt-4")),
    ("a parameter more", WHOLE, Some(Verdict::Request), |case| body(case)["top_p"] = json!(1)),
    ("a parameter that may be null", WHOLE, None, |case| body(case)["top_p"] = Value::Null),
    ("stream: false", WHOLE, None, |case| body(case)["stream"] = json!(false)),
    ("another role", WHOLE, Some(Verdict::Request), |case| {
        body(case)["messages"][0]["role"] = json!("system")
    }),
    ("another path", WHOLE, Some(Verdict::Request), |case| case.upstream[0].expect.path = "/v2".to_owned()),
    ("another key", WHOLE, Some(Verdict::Request), |case| {
        case.upstream[0].expect.headers.insert("authorization".to_owned(), "Bearer other".to_owned());
    }),
    ("a key that is not expected", WHOLE, Some(Verdict::Request), |case| {
        case.upstream[0].expect.headers.remove("authorization");
    }),
    ("a request that must not be", WHOLE, Some(Verdict::Request), |case| {
        let respond = case.upstream.remove(0);
        case.upstream.push(respond.clone());
        case.upstream[0].expect.method = "GET".to_owned();
        case.upstream.push(respond);
    }),
    ("another finish reason", WHOLE, Some(Verdict::Answer), |case| {
        result(case)["choices"][0]["finish_reason"] = json!("stop");
    }),
    ("tool calls in another order", WHOLE, Some(Verdict::Answer), |case| {
        result(case)["choices"][0]["message"]["tool_calls"].as_array_mut().unwrap().reverse();
    }),
    ("no usage", WHOLE, Some(Verdict::Answer), |case| result(case)["usage"] = Value::Null),
    ("another count", WHOLE, Some(Verdict::Answer), |case| result(case)["usage"]["total_tokens"] = json!(1)),
    ("a zero count", WHOLE, None, |case| result(case)["usage"]["unheard_of"] = json!(0)),
    ("another name of the model", WHOLE, None, |case| result(case)["model"] = json!(case.public_model())),
    ("another status", WHOLE, Some(Verdict::Answer), |case| case.result.status = Some(201)),
    ("another cost", WHOLE, Some(Verdict::Cost), |case| {
        case.cost.as_mut().unwrap().response_cost = Some(0.5);
    }),
    ("another word in a stream", STREAM, Some(Verdict::Answer), |case| {
        chunk(case, 0)["choices"][0]["delta"]["content"] = json!("I will check.");
    }),
    ("another tool in a stream", STREAM, Some(Verdict::Answer), |case| {
        chunk(case, 1)["choices"][0]["delta"]["tool_calls"][0]["function"]["name"] = json!("f");
    }),
    ("another index in a stream", STREAM, Some(Verdict::Answer), |case| {
        chunk(case, 3)["choices"][0]["delta"]["tool_calls"][0]["index"] = json!(1);
    }),
    ("other chunk boundaries", STREAM, None, |case| {
        let first = chunk(case, 0).clone();
        chunk(case, 0)["choices"][0]["delta"]["content"] = json!("I'll ");
        let mut second = first;
        second["choices"][0]["delta"] = json!({"content": "check."});
        case.result.chunks.as_mut().unwrap().insert(1, second);
    }),
    ("another status of an error", ERROR, Some(Verdict::Answer), |case| {
        case.result.error.as_mut().unwrap().status = Some(403);
    }),
    ("another message of an error", ERROR, Some(Verdict::Answer), |case| {
        case.upstream[0].respond.as_mut().unwrap().only = None;
        let error = case.result.error.as_mut().unwrap();
        error.class = "UnsupportedParamsError".to_owned();
        error.message = "does not support parameters: ['nobody_says_this']".to_owned();
    }),
    ("no error at all", ERROR, Some(Verdict::Answer), |case| {
        case.result.error = None;
        case.result.body = Some(json!({}));
    }),
];

#[test]
fn faults_are_noticed_and_trifles_are_not() {
    let runner = Runner::new().unwrap();
    let cases = cases();
    let mut wrong = Vec::new();
    for (name, id, expected, change) in SABOTAGES {
        let mut case = cases.iter().find(|case| case.id == *id).unwrap().clone();
        change(&mut case);
        let found = verdicts(&runner, &case);
        if found != Vec::from_iter(*expected) {
            wrong.push(format!("{name}: {found:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
