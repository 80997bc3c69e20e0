#![doc = include_str!("../README.md")]

mod a2a;
mod answer;
mod anthropic_text;
mod api;
mod ask;
mod dialect;
mod fal;
mod langflow;
mod langgraph;
mod nlp_cloud;
mod petals;
mod predibase;
mod replicate;
mod stream;
mod triton;

pub use dialect::Plain;

use lockgate_core::Format;

/// Bodies and answers of these APIs; none is a format that clients speak.
pub const TEXT: Format = Format("plain.text");

/// Embeddings of these APIs.
pub const EMBED: Format = Format("plain.embed");

/// Predictions on Replicate.
pub const REPLICATE: Plain = Plain(&replicate::Replicate);

/// Predibase's text generation.
pub const PREDIBASE: Plain = Plain(&predibase::Predibase);

/// NVIDIA's Triton Inference Server.
pub const TRITON: Plain = Plain(&triton::Triton);

/// NLP Cloud.
pub const NLP_CLOUD: Plain = Plain(&nlp_cloud::NlpCloud);

/// fal's language models.
pub const FAL_CHAT: Plain = Plain(&fal::Fal);

/// Petals.
pub const PETALS: Plain = Plain(&petals::Petals);

/// Anthropic's API of prompts.
pub const ANTHROPIC_TEXT: Plain = Plain(&anthropic_text::AnthropicText);

/// Assistants of a LangGraph server.
pub const LANGGRAPH: Plain = Plain(&langgraph::LangGraph);

/// Flows of a Langflow server.
pub const LANGFLOW: Plain = Plain(&langflow::Langflow);

/// Agents that speak Agent2Agent.
pub const A2A: Plain = Plain(&a2a::A2a);
