use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use lockgate_core::{Dialect, Provider, Surface};

use crate::{Row, RowError};

/// The providers of this build and of the user.
#[derive(Clone, Default)]
pub struct Registry {
    providers: BTreeMap<String, Arc<Provider>>,
    aliases: BTreeMap<String, String>,
}

/// A model name taken apart.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Who has the model.
    pub provider: Arc<Provider>,
    /// The model as the provider knows it.
    pub model: String,
}

impl Registry {
    /// The built-in providers; their rows are read once, so that a reload costs little.
    ///
    /// # Errors
    /// Never in a released build: a test reads every row.
    pub fn builtin() -> Result<Self, RowError> {
        static BUILTIN: OnceLock<Registry> = OnceLock::new();
        if let Some(known) = BUILTIN.get() {
            return Ok(known.clone());
        }
        let mut registry = Self::default();
        registry.extend(include_str!("../providers.toml"))?;
        Ok(BUILTIN.get_or_init(|| registry).clone())
    }

    /// Adds the rows of a TOML text; a row of the same name replaces the older one.
    ///
    /// # Errors
    /// The text is not TOML, or a row is wrong.
    pub fn extend(&mut self, text: &str) -> Result<(), RowError> {
        let rows: BTreeMap<String, Row> = toml::from_str(text)?;
        for (id, row) in &rows {
            self.insert(id, row)?;
        }
        Ok(())
    }

    /// Adds one row.
    ///
    /// # Errors
    /// The row is wrong.
    pub fn insert(&mut self, id: &str, row: &Row) -> Result<(), RowError> {
        let known = dialects().iter().map(|dialect| dialect.id()).collect::<Vec<_>>().join(", ");
        let provider = row.provider(id, dialect, &known)?;
        for alias in &row.aliases {
            self.aliases.insert(alias.clone(), id.to_owned());
        }
        self.providers.insert(id.to_owned(), Arc::new(provider));
        Ok(())
    }

    /// The provider of that name or alias.
    pub fn get(&self, id: &str) -> Option<&Arc<Provider>> {
        self.providers.get(id).or_else(|| self.providers.get(self.aliases.get(id)?))
    }

    /// All providers by name.
    pub fn providers(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.providers.values()
    }

    /// Takes `provider/model` apart. A first segment that is no provider is part of the model's name; then
    /// `label_of` (the price list) tells whose model it is.
    pub fn resolve(
        &self,
        model: &str,
        custom_provider: Option<&str>,
        label_of: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Resolved> {
        if let Some(id) = custom_provider {
            let provider = self.get(id)?.clone();
            let model =
                model.strip_prefix(id).and_then(|rest| rest.strip_prefix('/')).unwrap_or(model).to_owned();
            return Some(Resolved { provider, model });
        }
        if let Some((prefix, rest)) = model.split_once('/')
            && let Some(provider) = self.get(prefix)
        {
            return Some(Resolved { provider: provider.clone(), model: rest.to_owned() });
        }
        let provider = self.get(&label_of(model)?)?.clone();
        Some(Resolved { provider, model: model.to_owned() })
    }
}

/// The dialects of this build.
pub fn dialects() -> &'static [&'static dyn Dialect] {
    &[
        &lockgate_openai::OpenAi,
        &lockgate_anthropic::Anthropic,
        &lockgate_gemini::Gemini,
        &lockgate_vertex::Vertex,
        &lockgate_azure::Azure,
        &lockgate_azure::AzureAi,
        &lockgate_azure::BING_GROUNDING,
        &lockgate_bedrock::Bedrock,
        &lockgate_bedrock::Mantle,
        &lockgate_sagemaker::SageMaker,
        &lockgate_sagemaker::SageMakerChat,
        &lockgate_manus::Manus,
        &lockgate_polly::Polly,
        &lockgate_textract::Textract,
        &lockgate_sap::Sap,
        &lockgate_cohere::Cohere,
        &lockgate_media::AIML_IMAGES,
        &lockgate_media::ASSEMBLYAI,
        &lockgate_media::BLACK_FOREST_LABS,
        &lockgate_media::CHAT_IMAGES,
        &lockgate_media::DASHSCOPE,
        &lockgate_media::DEEPGRAM,
        &lockgate_media::DEEPINFRA_RERANK,
        &lockgate_media::ELEVENLABS,
        &lockgate_media::FAL_AI,
        &lockgate_media::MINIMAX_SPEECH,
        &lockgate_media::MISTRAL_SPEECH,
        &lockgate_media::NIM_RERANK,
        &lockgate_media::RECRAFT_EDITS,
        &lockgate_media::REDUCTO,
        &lockgate_media::RUNWAYML,
        &lockgate_media::SONIOX,
        &lockgate_media::STABILITY,
        &lockgate_media::TEI_RERANK,
        &lockgate_media::TOPAZ,
        &lockgate_ollama::Ollama::Generate,
        &lockgate_ollama::Ollama::Chat,
        &lockgate_databricks::Databricks,
        &lockgate_huggingface::HuggingFace,
        &lockgate_snowflake::Snowflake,
        &lockgate_watsonx::Watsonx::Chat,
        &lockgate_watsonx::Watsonx::Text,
        &lockgate_oci::Oci,
        &lockgate_plain::REPLICATE,
        &lockgate_plain::PREDIBASE,
        &lockgate_plain::TRITON,
        &lockgate_plain::NLP_CLOUD,
        &lockgate_plain::FAL_CHAT,
        &lockgate_plain::PETALS,
        &lockgate_plain::ANTHROPIC_TEXT,
        &lockgate_plain::LANGGRAPH,
        &lockgate_plain::LANGFLOW,
        &lockgate_plain::A2A,
        &lockgate_search::AgentCore,
        &lockgate_search::APISERPENT,
        &lockgate_search::BRAVE,
        &lockgate_search::DATAFORSEO,
        &lockgate_search::DUCKDUCKGO,
        &lockgate_search::EXA,
        &lockgate_search::FIRECRAWL,
        &lockgate_search::GOOGLE_PSE,
        &lockgate_search::LINKUP,
        &lockgate_search::NIMBLE,
        &lockgate_search::PARALLEL,
        &lockgate_search::PERPLEXITY_SEARCH,
        &lockgate_search::SEARCHAPI,
        &lockgate_search::SEARXNG,
        &lockgate_search::SERPER,
        &lockgate_search::TAVILY,
        &lockgate_search::TINYFISH,
        &lockgate_search::YOU,
        &lockgate_voyage::Voyage,
        &lockgate_chatgpt::ChatGpt,
        &lockgate_copilot::Copilot,
        &lockgate_gigachat::GigaChat,
        &lockgate_demo::Demo,
    ]
}

/// The surfaces of this build.
pub fn surfaces() -> &'static [&'static dyn Surface] {
    &[
        &lockgate_openai::OpenAiSurface,
        &lockgate_openai::ResponsesSurface,
        &lockgate_openai::CompactSurface,
        &lockgate_anthropic::AnthropicSurface,
        &lockgate_gemini::GeminiSurface,
        &lockgate_cohere::CohereSurface,
        &lockgate_bedrock::BedrockSurface,
    ]
}

fn dialect(name: &str) -> Option<&'static dyn Dialect> {
    dialects().iter().copied().find(|dialect| dialect.id() == name)
}
