//! Alibaba's own API: pictures, at once or as jobs, and ranking.

use bytes::Bytes;
use http::Method;
use lockgate_core::{
    Attempt, Exchange, Operation, Raw, Reply, RerankReply, RerankResult, Result, Step, Usage,
    hub::RerankRequest,
    json::{self, raw, to_raw},
    wire::{quote, view},
};

use crate::{
    api::{Api, Asked, Members, lacking},
    jobs::{Asking, Job, Next, bare, failed, is_id},
    pictures,
};

/// Ends of an address that lead to the API which resembles OpenAI's.
const COMPATIBLE: [&str; 3] = ["/compatible-mode/v1", "/compatible-api/v1", "/api/v1"];

pub(crate) struct DashScope;

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        output: Option<Output>,
        results: Option<Vec<Ranked>>,
        usage: Option<Tokens>,
        request_id: Option<String>,
        id: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Output {
        choices: Option<Vec<Choice>>,
        results: Option<Vec<Raw>>,
        task_id: Option<String>,
        task_status: Option<String>,
        message: Option<String>,
        code: Option<String>,
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
        content: Vec<Part>,
    }
}

view! {
    /// A part of an answer, or a result of a job.
    #[derive(Clone, Debug, Default)]
    struct Part {
        image: Option<String>,
        url: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Ranked {
        index: Option<u64>,
        relevance_score: Option<Raw>,
        document: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Tokens {
        total_tokens: Option<u64>,
    }
}

impl Api for DashScope {
    fn id(&self) -> &'static str {
        "dashscope"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        match attempt.call.operation {
            Operation::Rerank => rank(attempt),
            _ => paint(attempt),
        }
    }

    fn exchange(&self, attempt: &Attempt<'_>) -> Option<Box<dyn Exchange>> {
        let job = attempt.call.operation != Operation::Rerank && is_job(&attempt.target.model);
        job.then(|| {
            Box::new(Asking::new(Painting { base: root(&attempt.base()).to_owned() })) as Box<dyn Exchange>
        })
    }

    fn decode(&self, attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        let answer: Answer = json::answer(&body)?;
        if attempt.call.operation == Operation::Rerank {
            return ranked(answer, &body);
        }
        let output = answer.output.ok_or_else(|| lacking("pictures", &body))?;
        let urls = urls(output).ok_or_else(|| lacking("pictures", &body))?;
        pictures::decode(&pictures::listed(&urls))
    }
}

/// Models before those that answer at once.
fn is_job(model: &str) -> bool {
    let old = ["wanx", "wan2.1", "wan2.2", "wan2.5", "flux", "stable-diffusion"];
    old.iter().any(|start| model.starts_with(start))
}

fn paint(attempt: &Attempt<'_>) -> Result<Asked> {
    let (request, model) = (attempt.call.image()?, &*attempt.target.model);
    let prompt = quote(request.prompt.as_deref().unwrap_or_default());
    let mut wishes = Members::default();
    if let Some(size) = request.size.as_deref().filter(|size| *size != "auto") {
        wishes.put("size", &size.replacen('x', "*", 1));
    }
    wishes.maybe("n", request.count().as_ref());
    wishes.extra(attempt, &request.extra);
    let mut body = Members::default();
    body.put("model", model);
    let (path, header) = if is_job(model) {
        body.set("input", &format!("{{\"prompt\":{prompt}}}"));
        ("text2image/image-synthesis", Some(("x-dashscope-async", "enable")))
    } else {
        let mut parts = String::new();
        if attempt.call.operation == Operation::ImageEdit {
            for url in pictures::urls_of(attempt, "image")? {
                parts.push_str(&format!("{{\"image\":{}}},", quote(&url)));
            }
        }
        let messages = format!("[{{\"role\":\"user\",\"content\":[{parts}{{\"text\":{prompt}}}]}}]");
        body.set("input", &format!("{{\"messages\":{messages}}}"));
        ("multimodal-generation/generation", None)
    };
    if !wishes.is_empty() {
        body.set("parameters", &wishes.text());
    }
    let url = format!("{}/api/v1/services/aigc/{path}", root(&attempt.base()));
    let asked = Asked::json(attempt, url, &body)?;
    Ok(header.into_iter().fold(asked, |asked, (name, value)| asked.with(name, value)))
}

/// The newer models take Cohere's words.
fn rank(attempt: &Attempt<'_>) -> Result<Asked> {
    let (request, model) = (attempt.call.rerank()?, &*attempt.target.model);
    let documents: Vec<String> = request.documents.iter().map(RerankRequest::document_text).collect();
    let query = request.query_text().unwrap_or_default();
    let root = root(&attempt.base()).to_owned();
    let mut body = Members::default();
    body.put("model", model);
    if model.starts_with("gte") {
        let mut wishes = Members::default();
        wishes.maybe("top_n", request.top_n.as_ref());
        wishes.maybe("return_documents", request.return_documents.as_ref());
        wishes.extra(attempt, &request.extra);
        body.set("input", &format!("{{\"query\":{},\"documents\":{}}}", quote(&query), to_raw(&documents)));
        if !wishes.is_empty() {
            body.set("parameters", &wishes.text());
        }
        return Asked::json(attempt, format!("{root}/api/v1/services/rerank/text-rerank/text-rerank"), &body);
    }
    body.put("query", &query);
    body.put("documents", &documents);
    body.maybe("top_n", request.top_n.as_ref());
    body.maybe("return_documents", request.return_documents.as_ref());
    body.extra(attempt, &request.extra);
    Asked::json(attempt, format!("{root}/compatible-api/v1/reranks"), &body)
}

fn ranked(answer: Answer, body: &Bytes) -> Result<Reply> {
    let nested = answer.output.and_then(|output| output.results).map(|results| {
        results.iter().filter_map(|result| serde_json::from_str::<Ranked>(result.get()).ok()).collect()
    });
    let results: Vec<Ranked> = answer.results.or(nested).ok_or_else(|| lacking("results", body))?;
    let results = results.into_iter().map(|ranked| RerankResult {
        index: ranked.index.unwrap_or_default(),
        score: ranked.relevance_score.unwrap_or_else(|| raw("0")),
        document: ranked.document,
    });
    let tokens = answer.usage.and_then(|usage| usage.total_tokens);
    Ok(Reply::Rerank(Box::new(RerankReply {
        id: answer.id.or(answer.request_id).unwrap_or_default(),
        results: results.collect(),
        usage: tokens.map(|input| Usage { input, ..Usage::default() }),
        ..RerankReply::default()
    })))
}

fn urls(output: Output) -> Option<Vec<String>> {
    let parts: Vec<Part> = match (output.choices, output.results) {
        (Some(choices), _) => choices.into_iter().flat_map(|choice| choice.message.content).collect(),
        (None, Some(results)) => {
            results.iter().filter_map(|result| serde_json::from_str(result.get()).ok()).collect()
        }
        (None, None) => return None,
    };
    Some(parts.into_iter().filter_map(|part| part.image.or(part.url)).collect())
}

fn root(base: &str) -> &str {
    COMPATIBLE.iter().find_map(|end| base.strip_suffix(end)).unwrap_or(base)
}

/// Pictures in the making.
struct Painting {
    base: String,
}

impl Job for Painting {
    fn next(&mut self, body: &Bytes) -> Result<Next> {
        let answer: Answer = json::answer(body)?;
        let output = answer.output.ok_or_else(|| lacking("output", body))?;
        match output.task_status.as_deref() {
            Some("SUCCEEDED") => Ok(Next::Step(Step::Done)),
            Some("FAILED" | "CANCELED" | "UNKNOWN") => {
                let filtered = output.code.as_deref() == Some("DataInspectionFailed");
                let error = match filtered {
                    true => pictures::filtered(),
                    false => failed(output.message.as_deref().unwrap_or_default()),
                };
                Err(error.with_body(body.clone()))
            }
            _ => {
                let id = output.task_id.filter(|id| is_id(id)).ok_or_else(|| lacking("task_id", body))?;
                Ok(Next::Ask(bare(Method::GET, &format!("{}/api/v1/tasks/{id}", self.base))?))
            }
        }
    }
}
