use lockgate_wire::view;
use serde_json::Number;

use crate::Raw;

view! {
    /// A request to sort documents by their relevance to a query, in Cohere's words.
    #[derive(Clone, Debug, Default)]
    pub struct RerankRequest {
        pub model: String,
        /// A text; some models take an object with media.
        pub query: Option<Raw>,
        /// Texts, or objects with a `text` among other members.
        pub documents: Vec<Raw>,
        pub top_n: Option<u64>,
        pub rank_fields: Option<Vec<String>>,
        pub return_documents: Option<bool>,
        pub max_chunks_per_doc: Option<u64>,
        pub max_tokens_per_doc: Option<u64>,
    }
}

impl RerankRequest {
    /// The query, if it is a text.
    pub fn query_text(&self) -> Option<String> {
        serde_json::from_str(self.query.as_ref()?.get()).ok()
    }

    /// The text of a document: itself, or its member `text`; else its JSON.
    pub fn document_text(document: &Raw) -> String {
        #[derive(serde::Deserialize)]
        struct Texted {
            text: String,
        }
        let json = document.get();
        serde_json::from_str::<String>(json)
            .or_else(|_| serde_json::from_str::<Texted>(json).map(|document| document.text))
            .unwrap_or_else(|_| json.to_owned())
    }
}

view! {
    /// A request for pictures: made, or made of the pictures in the call's upload.
    #[derive(Clone, Debug, Default)]
    pub struct ImageRequest {
        pub model: String,
        pub prompt: Option<String>,
        pub n: Option<Raw>,
        pub size: Option<String>,
        pub quality: Option<String>,
        pub style: Option<String>,
        pub response_format: Option<String>,
        pub background: Option<String>,
        pub moderation: Option<String>,
        pub output_format: Option<String>,
        pub output_compression: Option<Raw>,
        pub partial_images: Option<Raw>,
        pub input_fidelity: Option<String>,
        pub user: Option<String>,
        pub stream: Option<bool>,
    }
}

impl ImageRequest {
    /// How many pictures are wanted; a form says it in letters.
    pub fn count(&self) -> Option<u64> {
        self.n.as_ref()?.get().trim_matches('"').parse().ok()
    }

    /// Width and height, if the size says them.
    pub fn dimensions(&self) -> Option<(u32, u32)> {
        let (width, height) = self.size.as_deref()?.split_once('x')?;
        Some((width.trim().parse().ok()?, height.trim().parse().ok()?))
    }
}

view! {
    /// A request to write down, or to translate, the speech in the call's upload (its file `file`).
    #[derive(Clone, Debug, Default)]
    pub struct TranscriptionRequest {
        pub model: String,
        pub language: Option<String>,
        pub prompt: Option<String>,
        pub response_format: Option<String>,
        pub temperature: Option<Raw>,
        pub timestamp_granularities: Option<Vec<String>>,
        pub stream: Option<bool>,
    }
}

view! {
    /// A request to speak a text.
    #[derive(Clone, Debug, Default)]
    pub struct SpeechRequest {
        pub model: String,
        pub input: String,
        /// A name; some providers take an object.
        pub voice: Option<Raw>,
        pub instructions: Option<String>,
        pub response_format: Option<String>,
        pub speed: Option<Number>,
        pub stream_format: Option<String>,
    }
}

impl SpeechRequest {
    /// The voice, if it is a name.
    pub fn voice_name(&self) -> Option<String> {
        serde_json::from_str(self.voice.as_ref()?.get()).ok()
    }
}
