//! A model that calls a function: `cargo run -p lockgate-client --example tools [MODEL]`.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

mod support;

use lockgate_client::{Chat, message};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Arguments {
    city: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = support::client()?;
    let schema = json!({
        "type": "object",
        "properties": {"city": {"type": "string", "description": "Name of the city"}},
        "required": ["city"],
    });
    let mut chat = Chat::new(support::model()).user("What is the weather in Paris?").tool(message::tool(
        "get_weather",
        "Get the current weather in a city",
        schema,
    ));
    loop {
        let answer = client.complete(&chat).await?;
        if answer.tool_calls().is_empty() {
            println!("{}", answer.text());
            return Ok(());
        }
        chat = chat.message(answer.message());
        for call in answer.tool_calls() {
            let arguments =
                call.function.as_ref().and_then(|function| function.arguments.as_deref()).unwrap_or("{}");
            let arguments: Arguments = serde_json::from_str(arguments)?;
            println!("(looking up the weather in {})", arguments.city);
            chat = chat.tool_result(call.id.as_deref().unwrap_or_default(), "18 °C and clear");
        }
    }
}
