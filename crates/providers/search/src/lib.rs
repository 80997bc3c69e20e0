#![doc = include_str!("../README.md")]

mod agentcore;
mod answer;
mod brave;
mod dataforseo;
mod date;
mod duckduckgo;
mod engine;
mod firecrawl;
mod google;
mod models;
mod parallel;
mod plain;
mod searxng;
mod serpent;
mod tinyfish;
mod you;

pub use agentcore::AgentCore;
use lockgate_core::whole::Simple;

/// APISerpent.
pub const APISERPENT: Simple = Simple(&serpent::APISERPENT);
/// Brave.
pub const BRAVE: Simple = Simple(&brave::BRAVE);
/// DataForSEO.
pub const DATAFORSEO: Simple = Simple(&dataforseo::DataForSeo);
/// DuckDuckGo's instant answers.
pub const DUCKDUCKGO: Simple = Simple(&duckduckgo::DUCKDUCKGO);
/// Exa.
pub const EXA: Simple = Simple(&models::EXA);
/// Firecrawl, and what is like it.
pub const FIRECRAWL: Simple = Simple(&firecrawl::FIRECRAWL);
/// Google's Programmable Search Engine.
pub const GOOGLE_PSE: Simple = Simple(&google::Google);
/// Linkup.
pub const LINKUP: Simple = Simple(&models::LINKUP);
/// Nimble.
pub const NIMBLE: Simple = Simple(&models::NIMBLE);
/// Parallel.
pub const PARALLEL: Simple = Simple(&parallel::PARALLEL);
/// Perplexity's search.
pub const PERPLEXITY_SEARCH: Simple = Simple(&plain::PERPLEXITY);
/// SearchAPI.
pub const SEARCHAPI: Simple = Simple(&plain::SEARCHAPI);
/// SearXNG.
pub const SEARXNG: Simple = Simple(&searxng::SEARXNG);
/// Serper.
pub const SERPER: Simple = Simple(&plain::SERPER);
/// Tavily.
pub const TAVILY: Simple = Simple(&models::TAVILY);
/// TinyFish.
pub const TINYFISH: Simple = Simple(&tinyfish::TINYFISH);
/// You.com.
pub const YOU: Simple = Simple(&you::YOU);
