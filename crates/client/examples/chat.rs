//! One question, one answer: `cargo run -p lockgate-client --example chat [MODEL]`.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

mod support;

use lockgate_client::Chat;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = support::client()?;
    let chat = Chat::new(support::model())
        .system("You are a terse assistant.")
        .user("What is the capital of France?")
        .max_tokens(100);
    let answer = client.complete(&chat).await?;
    println!("{}", answer.text());
    let usage = answer.usage();
    match answer.cost() {
        Some(cost) => println!("{} tokens in, {} out, {cost} dollars", usage.input, usage.output),
        None => println!("{} tokens in, {} out, no known price", usage.input, usage.output),
    }
    Ok(())
}
