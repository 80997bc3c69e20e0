#![doc = include_str!("../README.md")]

mod aiml;
mod assemblyai;
mod bfl;
mod chat_images;
mod dashscope;
mod deepgram;
mod deepinfra;
mod elevenlabs;
mod fal;
mod jobs;
mod minimax;
mod mistral;
mod nim;
mod pictures;
mod recraft;
mod reducto;
mod runway;
mod soniox;
mod stability;
mod tei;
mod topaz;
mod word;

/// One provider's API, and the dialect around it.
pub use lockgate_core::whole as api;

use api::Simple;

/// Pictures by the AI/ML API.
pub const AIML_IMAGES: Simple = Simple(&aiml::Aiml);
/// Transcription by AssemblyAI.
pub const ASSEMBLYAI: Simple = Simple(&assemblyai::AssemblyAi);
/// Pictures by Black Forest Labs.
pub const BLACK_FOREST_LABS: Simple = Simple(&bfl::BlackForestLabs);
/// Pictures by models that make them in a chat.
pub const CHAT_IMAGES: Simple = Simple(&chat_images::ChatImages);
/// Pictures and ranking by Alibaba's own API.
pub const DASHSCOPE: Simple = Simple(&dashscope::DashScope);
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
/// Speech by Mistral.
pub const MISTRAL_SPEECH: Simple = Simple(&mistral::MistralSpeech);
/// Ranking by NVIDIA NIM.
pub const NIM_RERANK: Simple = Simple(&nim::Nim);
/// Pictures of pictures by Recraft.
pub const RECRAFT_EDITS: Simple = Simple(&recraft::RecraftEdits);
/// Documents read by Reducto.
pub const REDUCTO: Simple = Simple(&reducto::Reducto);
/// Pictures and speech by Runway.
pub const RUNWAYML: Simple = Simple(&runway::Runway);
/// Transcription by Soniox.
pub const SONIOX: Simple = Simple(&soniox::Soniox);
/// Pictures by Stability AI.
pub const STABILITY: Simple = Simple(&stability::Stability);
/// Ranking by Hugging Face's text embeddings inference.
pub const TEI_RERANK: Simple = Simple(&tei::Tei);
/// Better pictures by Topaz.
pub const TOPAZ: Simple = Simple(&topaz::Topaz);
