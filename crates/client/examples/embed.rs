//! Texts as vectors: `cargo run -p lockgate-client --example embed [MODEL]`.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

mod support;

use lockgate_client::Embed;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = support::client()?;
    let texts = ["The cat sat on the mat.", "A cat was sitting on a rug.", "Interest rates rose again."];
    let answer = client.embed(Embed::new(support::model()).inputs(texts)).await?;
    for (text, vector) in texts.iter().zip(&answer.vectors) {
        println!("{} numbers for: {text}", vector.len());
    }
    Ok(())
}
