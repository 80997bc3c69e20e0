use lockgate_wire::view;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Raw;

/// The content of a message: a text, or parts.
#[derive(Clone, Debug)]
pub enum Content {
    /// A plain string.
    Text(String),
    /// Texts, images, audio, files.
    Parts(Vec<Part>),
}

impl Content {
    /// All texts joined without a separator.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Parts(parts) => parts.iter().filter_map(|part| part.text.as_deref()).collect(),
        }
    }

    /// Whether there is no part, or only an empty string.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Parts(parts) => parts.is_empty(),
        }
    }
}

view! {
    /// One part of a message's content.
    #[derive(Clone, Debug, Default)]
    pub struct Part {
        /// `text`, `image_url`, `input_audio`, `file`, …; also the types of other APIs, their members in `extra`.
        pub kind as "type": String,
        pub text: Option<String>,
        pub image_url: Option<ImageUrl>,
        pub input_audio: Option<Raw>,
        pub file: Option<File>,
        pub cache_control: Option<Raw>,
    }
}

impl Part {
    /// A text part.
    pub fn text(text: impl Into<String>) -> Self {
        Self { kind: "text".to_owned(), text: Some(text.into()), ..Self::default() }
    }
}

view! {
    /// A file part: by id, or inline as a data URL.
    #[derive(Clone, Debug, Default)]
    pub struct File {
        pub file_id: Option<String>,
        pub file_data: Option<String>,
        pub filename: Option<String>,
        pub format: Option<String>,
    }
}

view! {
    /// An image by `https:`, `http:` or `data:` URL. Clients also send the bare string; `bare` remembers that.
    #[derive(Clone, Debug, Default)]
    pub struct ImageObject {
        pub url: String,
        pub detail: Option<String>,
        pub format: Option<String>,
    }
}

/// An image: `{"url": …}`, or the bare URL that some clients send.
#[derive(Clone, Debug, Default)]
pub struct ImageUrl {
    /// The URL and its options.
    pub object: ImageObject,
    /// Whether the client sent a bare string.
    pub bare: bool,
}

impl ImageUrl {
    /// An image of that URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self { object: ImageObject { url: url.into(), ..ImageObject::default() }, bare: false }
    }

    /// The URL.
    pub fn url(&self) -> &str {
        &self.object.url
    }
}

impl Serialize for ImageUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.bare { self.object.url.serialize(serializer) } else { self.object.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for ImageUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = ImageUrl;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an image URL, or an object with `url`")
            }
            fn visit_str<E: de::Error>(self, url: &str) -> Result<ImageUrl, E> {
                Ok(ImageUrl { bare: true, ..ImageUrl::new(url) })
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<ImageUrl, A::Error> {
                let object = ImageObject::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(ImageUrl { object, bare: false })
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Parts(parts) => parts.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Content;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string or a list of content parts")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Content, E> {
                Ok(Content::Text(text.to_owned()))
            }
            fn visit_string<E: de::Error>(self, text: String) -> Result<Content, E> {
                Ok(Content::Text(text))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Content, A::Error> {
                let mut parts = Vec::new();
                while let Some(Element(part)) = seq.next_element()? {
                    parts.push(part);
                }
                Ok(Content::Parts(parts))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A part, or the bare string that some clients put into the list.
struct Element(Part);

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Element;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a content part")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Element, E> {
                Ok(Element(Part::text(text)))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Element, A::Error> {
                Part::deserialize(de::value::MapAccessDeserializer::new(map)).map(Element)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
