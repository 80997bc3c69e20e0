//! The examples run, against the built-in model and against a scripted upstream.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure of a test")]

mod support;

use std::{path::PathBuf, process::Stdio};

use lockgate_testkit::upstream::Answer;
use support::{HELLO, HELLO_STREAM, TOOL_CALL, sse, upstream};
use tokio::process::Command;

/// Runs an example and gives what it printed. Cargo has built it beside this test.
async fn run(name: &str, model: &str, base: Option<&str>) -> String {
    let test = std::env::current_exe().unwrap();
    let folder: PathBuf = test.parent().unwrap().parent().unwrap().join("examples");
    let mut command = Command::new(folder.join(name));
    command.arg(model).env_clear().env("OPENAI_API_KEY", "sk-test").stderr(Stdio::inherit());
    if let Some(base) = base {
        command.env("LOCKGATE_BASE", base);
    }
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{name} with {model}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn against_the_built_in_model() {
    assert!(run("chat", "demo/echo", None).await.starts_with("You said: What is the capital of France?\n"));
    assert!(run("stream", "demo/echo", None).await.starts_with("You said: Count from one"));
    let tools = run("tools", "demo/echo", None).await;
    assert!(
        tools.contains("looking up the weather") && tools.ends_with("You said: 18 °C and clear\n"),
        "{tools}"
    );
    assert_eq!(run("embed", "demo/echo", None).await.lines().count(), 3);
    let fallback = run("fallback", "demo/echo", None).await;
    assert!(fallback.contains("demo said: You said") && fallback.contains("alone it fails"), "{fallback}");
}

#[tokio::test]
async fn against_a_scripted_upstream() {
    let model = "openai/gpt-4o";
    let whole = upstream(vec![Answer::json(200, HELLO)]).await;
    assert!(run("chat", model, Some(&whole.url())).await.starts_with("Hello!\n9 tokens in, 2 out"));
    assert!(run("fallback", model, Some(&whole.url())).await.starts_with("openai said: Hello!"));
    let stream = upstream(vec![sse(&HELLO_STREAM)]).await;
    assert_eq!(run("stream", model, Some(&stream.url())).await, "Hello!\n2 tokens out\n");
    let tools = upstream(vec![Answer::json(200, TOOL_CALL), Answer::json(200, HELLO)]).await;
    assert_eq!(run("tools", model, Some(&tools.url())).await, "(looking up the weather in Paris)\nHello!\n");
    let vectors = r#"{"object":"list","model":"text-embedding-3-small","data":[{"object":"embedding","index":0,"embedding":[1.0]},{"object":"embedding","index":1,"embedding":[0.5]},{"object":"embedding","index":2,"embedding":[0.25]}],"usage":{"prompt_tokens":3,"total_tokens":3}}"#;
    let embed = upstream(vec![Answer::json(200, vectors)]).await;
    assert!(
        run("embed", "openai/text-embedding-3-small", Some(&embed.url())).await.starts_with("1 numbers for")
    );
}
