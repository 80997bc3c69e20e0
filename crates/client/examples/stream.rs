//! An answer while it comes: `cargo run -p lockgate-client --example stream [MODEL]`.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

mod support;

use std::io::Write;

use lockgate_client::Chat;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = support::client()?;
    let chat = Chat::new(support::model()).user("Count from one to ten, in words.");
    let mut texts = client.stream(chat).await?.text();
    while let Some(text) = texts.next().await {
        print!("{}", text?);
        std::io::stdout().flush()?;
    }
    println!("\n{} tokens out", texts.meta().usage.output);
    Ok(())
}
