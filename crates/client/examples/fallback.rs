//! Routing and fallback without a server: `cargo run -p lockgate-client --example fallback [MODEL]`.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

mod support;

use lockgate_client::{Chat, Deployment, ErrorKind};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = support::builder()
        // Nothing listens there, so that this deployment always fails.
        .deployment(
            Deployment::new("smart", "openai/gpt-4o")
                .with("api_base", "http://127.0.0.1:9/v1")
                .with("api_key", "none"),
        )
        .deployment(Deployment::new("safe", &support::model()))
        .fallback("smart", ["safe"])
        .retries(0)
        .build()?;
    let answer = client.complete(Chat::new("smart").user("Are you there?")).await?;
    println!("{} said: {}", answer.meta.provider, answer.text());
    println!("after {} fallback", answer.meta.fallbacks);
    match client.complete(Chat::new("smart").user("Are you there?").extra("disable_fallbacks", true)).await {
        Err(error) if error.kind() == ErrorKind::Connection => println!("alone it fails: {error}"),
        other => println!("{other:?}"),
    }
    Ok(())
}
