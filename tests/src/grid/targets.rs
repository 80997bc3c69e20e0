//! The deployments of the grid: one for each dialect, and for each manner of speaking that a cloud has.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, header};
use lockgate_catalog::Catalog;
use lockgate_core::{ParamPolicy, target::HeaderSigner};
use lockgate_registry::Registry;
use lockgate_router::{
    Deployment, Params,
    target::{Builder, Defaults},
};
use lockgate_testkit::event_stream::frame;
use serde_json::{Map, json};

use super::upstream::{self, Upstream};

/// A deployment, and what is known of the API behind it.
pub struct Site {
    /// LiteLLM's name of the model.
    pub name: &'static str,
    /// The deployment.
    pub deployment: Deployment,
    row: &'static Row,
}

struct Row {
    name: &'static str,
    params: &'static [(&'static str, &'static str)],
    /// The words of its answers, where they are not simply its format's.
    speaks: Option<&'static str>,
    /// Events come cut into frames of SageMaker's.
    parts: bool,
    /// Its requests are in words of its own.
    worded: bool,
    /// Columns that the API cannot offer, and why.
    lacks: &'static [(&'static str, &'static str)],
}

const fn row(name: &'static str) -> Row {
    Row { name, params: &[], speaks: None, parts: false, worded: false, lacks: &[] }
}

impl Row {
    const fn with(mut self, params: &'static [(&'static str, &'static str)]) -> Self {
        self.params = params;
        self
    }

    const fn speaks(mut self, words: &'static str) -> Self {
        self.speaks = Some(words);
        self
    }

    const fn parts(mut self) -> Self {
        self.parts = true;
        self
    }

    const fn worded(mut self) -> Self {
        self.worded = true;
        self
    }

    const fn lacks(mut self, lacks: &'static [(&'static str, &'static str)]) -> Self {
        self.lacks = lacks;
        self
    }
}

const AWS: &[(&str, &str)] =
    &[("aws_region_name", "us-east-1"), ("aws_access_key_id", "AK"), ("aws_secret_access_key", "SK")];
const BASE: &[(&str, &str)] = &[("api_base", "http://upstream.test")];
const VERTEX: &[(&str, &str)] =
    &[("vertex_project", "p"), ("vertex_location", "us-central1"), ("vertex_credentials", "{}")];
const ORACLE: &[(&str, &str)] = &[("oci_region", "us-ashburn-1"), ("oci_compartment_id", "c")];
const WATSONX: &[(&str, &str)] = &[("api_base", "http://upstream.test"), ("project_id", "p")];

const CONTINUES: &str = "the API continues a text; it has no tools, pictures, schemas or reasoning";
/// What continues a text.
const TEXT: &[(&str, &str)] = &[
    ("tools", CONTINUES),
    ("results", CONTINUES),
    ("image", CONTINUES),
    ("schema", CONTINUES),
    ("reasoning", CONTINUES),
];
const AGENT: &str = "an agent brings its own tools and decides how it works; it is told words alone";
const AGENTS: &[(&str, &str)] =
    &[("tools", AGENT), ("results", AGENT), ("image", AGENT), ("schema", AGENT), ("reasoning", AGENT)];
const SEARCHES: &str = "the API searches; it calls no tools of the client's";
const SONAR: &[(&str, &str)] = &[("tools", SEARCHES), ("reasoning", SEARCHES)];
const ONE_CALL: &[(&str, &str)] = &[("schema", "the API knows no schemas for its answers")];
const OLD_COHERE: &[(&str, &str)] = &[("image", "Cohere's models there take words alone")];
const CORTEX: &[(&str, &str)] = &[("schema", "the parameter is not among those that the row takes")];

static ROWS: &[Row] = &[
    row("openai/gpt-4o"),
    row("openai/gpt-5"),
    row("anthropic/claude-sonnet-4-5"),
    row("gemini/gemini-2.5-flash"),
    row("vertex_ai/gemini-2.5-flash").with(VERTEX),
    row("vertex_ai/claude-sonnet-4-5@20250929").with(VERTEX),
    row("vertex_ai/mistral-large-2411").with(VERTEX),
    row("azure/gpt-4o").with(&[("api_base", "http://upstream.test"), ("api_version", "2024-10-21")]),
    row("azure_ai/gpt-4o").with(BASE),
    row("azure_ai/claude-sonnet-4-5").with(BASE),
    row("cohere_chat/command-a-03-2025"),
    row("ollama_chat/llama3.1"),
    row("bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0").with(AWS),
    row("bedrock/amazon.nova-pro-v1:0").with(AWS),
    row("bedrock/invoke/anthropic.claude-sonnet-4-5-20250929-v1:0").with(AWS),
    row("bedrock/invoke/us.amazon.nova-pro-v1:0").with(AWS),
    row("bedrock/invoke/meta.llama3-8b-instruct-v1:0").with(AWS).lacks(TEXT),
    row("bedrock_mantle/openai.gpt-oss-120b"),
    row("databricks/databricks-llama").with(BASE),
    row("databricks/databricks-claude-sonnet-4").with(BASE).speaks("databricks"),
    row("groq/llama-3.3-70b-versatile"),
    row("hosted_vllm/llama-3.1-8b").with(&[("api_base", "http://upstream.test/v1")]),
    row("mistral/mistral-large-latest"),
    row("xai/grok-4"),
    row("openrouter/anthropic/claude-sonnet-4.5"),
    row("deepseek/deepseek-chat"),
    row("perplexity/sonar").lacks(SONAR),
    row("huggingface/meta-llama/Llama-3.3-70B-Instruct"),
    row("sagemaker_chat/endpoint").with(AWS).parts(),
    row("sagemaker/endpoint").with(AWS).parts().lacks(TEXT),
    row("oci/meta.llama-3.3-70b-instruct").with(ORACLE).speaks("oci.generic"),
    row("oci/cohere.command-r-plus-08-2024").with(ORACLE).speaks("oci.cohere").lacks(OLD_COHERE),
    row("watsonx/ibm/granite-3-8b-instruct").with(WATSONX).worded(),
    row("watsonx_text/ibm/granite-13b-instruct-v2").with(WATSONX).lacks(TEXT),
    row("snowflake/llama3.1-70b").with(BASE).lacks(CORTEX),
    row("github_copilot/gpt-4o"),
    row("gigachat/GigaChat-2").speaks("gigachat").worded().lacks(ONE_CALL),
    row("cloudflare/@cf/meta/llama-3.1-8b-instruct").with(BASE),
    row("ai21/jamba-large"),
    row("replicate/meta/meta-llama-3-8b-instruct").speaks("replicate").lacks(TEXT),
    row("predibase/llama-3-8b").with(&[("predibase_tenant_id", "t")]).speaks("predibase").lacks(TEXT),
    row("triton/llama").with(BASE).speaks("triton").lacks(TEXT),
    row("nlp_cloud/dolphin").speaks("nlp_cloud").lacks(TEXT),
    row("petals/stabilityai/StableBeluga2").speaks("petals").lacks(TEXT),
    row("anthropic_text/claude-2.1").speaks("anthropic_text").lacks(TEXT),
    row("langgraph/agent").with(BASE).speaks("langgraph").lacks(AGENTS),
    row("langflow/flow").with(BASE).speaks("langflow").lacks(AGENTS),
    row("a2a/agent").with(BASE).speaks("a2a").lacks(AGENTS),
];

/// The deployments of the grid.
///
/// # Panics
/// A built-in row is wrong, or a deployment cannot be built.
#[expect(clippy::expect_used, clippy::panic, reason = "a test's own ground")]
pub fn sites() -> Vec<Site> {
    let registry = Registry::builtin().expect("the built-in rows");
    let catalog = Catalog::builtin();
    let policy = ParamPolicy { drop_params: true, ..ParamPolicy::default() };
    let defaults = Defaults { policy, ..Defaults::default() };
    let env = |_: &str| None;
    let builder = Builder { registry: &registry, catalog: &catalog, env: &env, defaults: &defaults };
    let build = |row: &'static Row| {
        let mut params = Params::new("m", row.name);
        let mut members = Map::from_iter([("api_key".to_owned(), json!("sk-up"))]);
        members.extend(row.params.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
        params.params.extend(members);
        match builder.build(&params) {
            Ok((mut deployment, _)) => {
                // No cloud is asked for a token here.
                let signer =
                    HeaderSigner::new(header::AUTHORIZATION, HeaderValue::from_static("Bearer sk-up"));
                deployment.target.signer = Arc::new(signer);
                Site { name: row.name, deployment, row }
            }
            Err(issues) => {
                panic!("{}: {:?}", row.name, issues.iter().map(|one| &one.message).collect::<Vec<_>>())
            }
        }
    };
    ROWS.iter().map(build).collect()
}

impl Site {
    /// The words in which it answers a request whose answers have that format.
    pub fn upstream(&self, format: &str) -> Option<&'static Upstream> {
        let own = self.row.speaks.filter(|_| matches!(format, "openai.chat" | "oci.chat" | "plain.text"));
        upstream::upstream(own.unwrap_or(format))
    }

    /// Why its API cannot offer what the column shows.
    pub fn lacks(&self, column: &str) -> Option<&'static str> {
        self.row.lacks.iter().find(|(name, _)| *name == column).map(|(_, why)| *why)
    }

    /// Whether its requests are in words of their own although their format has another's name.
    pub(super) fn is_worded(&self) -> bool {
        self.row.worded
    }

    /// Events of that format as they travel from it.
    pub fn framed(&self, format: &str, events: &[Vec<u8>]) -> Vec<u8> {
        let chunks =
            self.name.starts_with("bedrock/") && matches!(format, "anthropic.messages" | "openai.chat");
        // A frame is one already.
        let framed = |event: &Vec<u8>, frame: fn(&[u8]) -> Vec<u8>| {
            if event.first() == Some(&0) { event.clone() } else { frame(event) }
        };
        match chunks {
            true => events.iter().flat_map(|event| framed(event, chunk)).collect(),
            false if self.row.parts => events.iter().flat_map(|event| framed(event, parts)).collect(),
            false => events.concat(),
        }
    }

    /// What its streams are, as their head says.
    pub fn stream_type(&self, stream: &[u8]) -> &'static str {
        match stream.first() {
            Some(b'{') if self.row.speaks.is_some() && !stream.contains(&b'\n') => "application/json",
            Some(b'{') => "application/x-ndjson",
            Some(0) => "application/vnd.amazon.eventstream",
            _ => "text/event-stream",
        }
    }
}

/// An event in frames of SageMaker's, cut anywhere.
fn parts(event: &[u8]) -> Vec<u8> {
    let text: Vec<char> = String::from_utf8_lossy(event).chars().collect();
    text.chunks(50).flat_map(|part| frame("event", "PayloadPart", &part.iter().collect::<String>())).collect()
}

/// The data of an event in a frame of Bedrock's; of pings nothing.
fn chunk(event: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(event).into_owned();
    let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or_default();
    frame("event", "chunk", &json!({"bytes": STANDARD.encode(data)}).to_string())
}
