#![doc = include_str!("../README.md")]

pub mod api;

mod aiml;
mod chat_images;
mod deepgram;
mod deepinfra;
mod elevenlabs;
mod fal;
mod minimax;
mod nim;
mod pictures;
mod stability;
mod tei;

use api::Simple;

/// Pictures by the AI/ML API.
pub const AIML_IMAGES: Simple = Simple(&aiml::Aiml);
/// Pictures by models that make them in a chat.
pub const CHAT_IMAGES: Simple = Simple(&chat_images::ChatImages);
/// Transcription by Deepgram.
pub const DEEPGRAM: Simple = Simple(&deepgram::Deepgram);
/// DeepInfra's ranking.
pub const DEEPINFRA_RERANK: Simple = Simple(&deepinfra::DeepInfra);
/// Speech and transcription by ElevenLabs.
pub const ELEVENLABS: Simple = Simple(&elevenlabs::ElevenLabs);
/// Pictures by fal.
pub const FAL_AI: Simple = Simple(&fal::Fal);
/// Speech by MiniMax.
pub const MINIMAX_SPEECH: Simple = Simple(&minimax::Minimax);
/// Ranking by NVIDIA NIM.
pub const NIM_RERANK: Simple = Simple(&nim::Nim);
/// Pictures by Stability AI.
pub const STABILITY: Simple = Simple(&stability::Stability);
/// Ranking by Hugging Face's text embeddings inference.
pub const TEI_RERANK: Simple = Simple(&tei::Tei);
