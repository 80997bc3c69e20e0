//! Pictures from models that make them in a chat.

use bytes::Bytes;
use lockgate_core::{
    Attempt, Image, Money, Operation, Raw, Reply, Result, Usage, json, json::to_raw, wire::view,
};
use serde::Serialize;

use crate::{
    api::{Api, Asked, Members, lacking},
    pictures,
};

pub(crate) struct ChatImages;

#[derive(Serialize)]
struct Message<'a> {
    role: &'a str,
    content: Raw,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Sent<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: Address },
}

#[derive(Serialize)]
struct Address {
    url: String,
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        created: Option<i64>,
        choices: Option<Vec<Choice>>,
        usage: Option<Tokens>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Choice {
        message: Said,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Said {
        images: Vec<Part>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Part {
        image_url: Url,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Url {
        url: String,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Tokens {
        prompt_tokens: Option<u64>,
        completion_tokens: Option<u64>,
        cost: Option<f64>,
    }
}

impl Api for ChatImages {
    fn id(&self) -> &'static str {
        "chat_images"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let request = attempt.call.image()?;
        let text = request.prompt.as_deref().unwrap_or_default();
        let content = match attempt.call.operation {
            Operation::ImageEdit => {
                let urls = pictures::urls_of(attempt, "image")?.into_iter();
                let images = urls.map(|url| Sent::ImageUrl { image_url: Address { url } });
                to_raw(&std::iter::once(Sent::Text { text }).chain(images).collect::<Vec<_>>())
            }
            _ => to_raw(text),
        };
        let mut body = Members::default();
        body.put("model", &*attempt.target.model);
        body.put("messages", &[Message { role: "user", content }]);
        if attempt.call.operation == Operation::ImageEdit {
            body.put("modalities", &["image", "text"]);
        }
        body.maybe("n", request.count().as_ref());
        if let Some((width, height)) = request.dimensions() {
            body.set("image_config", &format!("{{\"aspect_ratio\":\"{}\"}}", pictures::shape(width, height)));
        }
        body.extra(attempt, &request.extra);
        Asked::json(attempt, format!("{}/chat/completions", attempt.base()), &body)
    }

    fn decode(&self, _attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        let answer: Answer = json::answer(&body)?;
        let choices = answer.choices.ok_or_else(|| lacking("pictures", &body))?;
        let parts = choices.into_iter().flat_map(|choice| choice.message.images);
        let images = parts.map(|part| match pictures::inline(&part.image_url.url) {
            Some(content) => Image { base64: Some(content.to_owned()), ..Image::default() },
            None => Image { url: Some(part.image_url.url), ..Image::default() },
        });
        let usage = answer.usage.map(|tokens| Usage {
            input: tokens.prompt_tokens.unwrap_or(0),
            output: tokens.completion_tokens.unwrap_or(0),
            provider_cost: tokens.cost.map(Money::from_dollars),
            ..Usage::default()
        });
        Ok(pictures::reply(images.collect(), answer.created, usage))
    }
}
