//! The upstream request: the client's bytes with edits, or the hub's request in Anthropic's words.

use std::borrow::Cow;

use lockgate_core::{
    Attempt, Call, Encoded, Error, Memo, Notes, Operation, ParamPolicy, Result,
    hub::{ChatRequest, CompletionRequest, Prompt},
    names::ToolNames,
    params::effective,
};

use crate::{
    COUNT_TOKENS, MESSAGES,
    betas::Betas,
    format::{self, JsonMode},
    http::{named_betas, post},
    messages,
    model::Model,
    names::LONGEST,
    params,
    relay::relay,
    repair,
    thinking::Thinking,
    tools::{self, Choice, WrittenChoice},
    wire::{Block, Body},
};

/// Members of a Messages body that a request for a token count may have.
const COUNTED: [&str; 10] = [
    "model",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "output_format",
    "mcp_servers",
    "context_management",
];

pub(crate) fn fetches(call: &Call) -> Result<Vec<String>> {
    if is_native(call) || call.operation == Operation::Completion {
        return Ok(Vec::new());
    }
    Ok(crate::media::fetches(call.chat()?))
}

pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    if is_native(attempt.call) { relay(attempt) } else { translate(attempt) }
}

/// Whether the client speaks Anthropic's format.
fn is_native(call: &Call) -> bool {
    call.format == MESSAGES || call.format == COUNT_TOKENS
}

/// The hub's request in Anthropic's words.
fn translate(attempt: &Attempt<'_>) -> Result<Encoded> {
    let policy = attempt.policy();
    let mut notes = Notes::default();
    let request = match attempt.call.operation {
        Operation::Completion => Cow::Owned(prompt(attempt.call.completion()?)?),
        _ => Cow::Borrowed(attempt.call.chat()?),
    };
    let request = effective(attempt, &policy, request, &mut notes)?;
    let mut translation = Translation {
        attempt,
        policy: &policy,
        request: &request,
        model: Model::new(attempt.target),
        names: ToolNames::new(LONGEST),
        betas: named_betas(attempt),
        memo: Memo::default(),
        notes,
        body: Body::default(),
    };
    translation.write()?;
    let Translation { names, betas, mut memo, notes, body, .. } = translation;
    memo.tool_names = names.into_map();
    let request = post(attempt, body.into_bytes().into(), &betas)?;
    let format = if attempt.call.operation == Operation::CountTokens { COUNT_TOKENS } else { MESSAGES };
    Ok(Encoded { request, format, relay: false, withhold_usage: false, memo, notes })
}

struct Translation<'a> {
    attempt: &'a Attempt<'a>,
    policy: &'a ParamPolicy,
    request: &'a ChatRequest,
    model: Model<'a>,
    names: ToolNames,
    betas: Betas,
    memo: Memo,
    notes: Notes,
    body: Body,
}

impl Translation<'_> {
    fn write(&mut self) -> Result<()> {
        let request = self.request;
        self.body.set("model", &*self.attempt.target.model)?;
        let unsent = params::settle_foreign(
            self.attempt,
            self.policy,
            request,
            &self.model,
            &mut self.body,
            &mut self.notes,
        )?;
        let can_think = !unsent.contains(&"thinking") && !unsent.contains(&"reasoning_effort");
        let mut thinking = if can_think {
            Thinking::of(request, &self.model)?
        } else {
            let max_tokens = request.max_output().unwrap_or_else(|| self.model.max_tokens());
            Thinking { max_tokens, ..Thinking::default() }
        };
        if thinking.squeezed_out {
            self.notes.dropped.push("thinking".to_owned());
        }
        let mode = format::json_mode(request.response_format.as_ref(), &self.model)?;
        let history = self.conversation(&mode)?;
        if self.policy.modify_params && history.thoughtless_call && thinking.is_on() {
            thinking.member = None;
            thinking.effort = None;
            self.notes.dropped.push("thinking".to_owned());
        }
        self.tools(&mode, history.has_tool_calls, thinking.is_on())?;
        self.body.set("max_tokens", &thinking.max_tokens)?;
        self.body.set_some("thinking", thinking.member.as_ref())?;
        if let Some(effort) = &thinking.effort {
            self.output_config(effort)?;
        }
        if let Some(JsonMode::Native(format)) = &mode {
            self.body.set("output_format", format)?;
        }
        self.sampling(&unsent, thinking.is_on())?;
        self.rest()
    }

    /// Writes `messages` and `system`.
    fn conversation(&mut self, mode: &Option<JsonMode>) -> Result<History> {
        let mut conversation = messages::translate(self.request, self.attempt.media, &mut self.names)?;
        if self.policy.modify_params {
            repair::repair(&mut conversation.turns);
        }
        if conversation.turns.is_empty() {
            return Err(Error::bad_field(
                "messages",
                "Anthropic needs at least one message that is not a system message. With `modify_params: true` one \
                 is put in.",
            ));
        }
        if matches!(mode, Some(JsonMode::Asked)) {
            conversation
                .system
                .push(Block::Text { text: Cow::Borrowed(format::JSON_PLEASE), cache_control: None });
            self.notes.rewritten.push("response_format".to_owned());
        }
        if conversation.has_file_ids {
            self.betas.add("files-api-2025-04-14");
        }
        self.body.set("messages", &conversation.turns)?;
        if !conversation.system.is_empty() {
            self.body.set("system", &conversation.system)?;
        }
        Ok(History {
            has_tool_calls: conversation.has_tool_calls,
            thoughtless_call: conversation.thoughtless_call,
        })
    }

    /// Writes `tools`, `tool_choice` and `mcp_servers`.
    fn tools(&mut self, mode: &Option<JsonMode>, has_tool_calls: bool, thinks: bool) -> Result<()> {
        let declared = tools::declare(self.request, &self.model, &mut self.names, &mut self.betas)?;
        let mut list = declared.tools;
        let mut choice = tools::choose(self.request, &mut self.names)?;
        if list.is_empty() && has_tool_calls {
            list.push(tools::dummy());
        }
        if let Some(JsonMode::Tool(tool)) = mode {
            // Beside other tools the model must stay free to call those first.
            let free = !list.is_empty();
            list.push(tool.clone());
            self.memo.json_tool = Some(format::JSON_TOOL.to_owned());
            choice = Some(if free { Choice::Any } else { Choice::Tool(format::JSON_TOOL.to_owned()) });
        }
        if thinks && choice.as_ref().is_some_and(Choice::is_forced) {
            choice = Some(Choice::Auto);
            self.notes.rewritten.push("tool_choice".to_owned());
        }
        if !declared.servers.is_empty() {
            self.body.set("mcp_servers", &declared.servers)?;
        }
        if list.is_empty() {
            return Ok(());
        }
        self.body.set("tools", &list)?;
        let single = self.request.parallel_tool_calls == Some(false);
        if let Some(choice) = choice.or(single.then_some(Choice::Auto)) {
            self.body.set("tool_choice", &WrittenChoice(&choice, single))?;
        }
        Ok(())
    }

    /// The client's own `output_config` keeps its other members.
    fn output_config(&mut self, effort: &str) -> Result<()> {
        let own = self.request.extra.get("output_config").map(|raw| raw.get()).unwrap_or_default();
        let mut members: lockgate_core::Extra = serde_json::from_str(own).unwrap_or_default();
        if !members.contains("effort") {
            members.push("effort", crate::wire::to_raw(effort));
        }
        self.body.set("output_config", &members)
    }

    /// Writes `temperature`, `top_p` and `top_k`. While the model thinks, Anthropic refuses most values.
    fn sampling(&mut self, unsent: &[&str], thinks: bool) -> Result<()> {
        let request = self.request;
        let number = |number: &serde_json::Number| number.as_f64().unwrap_or(0.0);
        let wanted = [
            ("temperature", &request.temperature, 1.0..=1.0),
            ("top_p", &request.top_p, 0.95..=1.0),
            ("top_k", &request.top_k, f64::INFINITY..=f64::INFINITY),
        ];
        for (name, value, while_thinking) in wanted {
            let Some(value) = value.as_ref().filter(|_| !unsent.contains(&name)) else { continue };
            if thinks && !while_thinking.contains(&number(value)) {
                self.notes.dropped.push(name.to_owned());
            } else {
                self.body.set(name, value)?;
            }
        }
        Ok(())
    }

    /// Writes what is left: plain members, unknown ones, and what operator and client put in.
    fn rest(&mut self) -> Result<()> {
        let Attempt { call, target, .. } = *self.attempt;
        let request = self.request;
        let stop = params::stop_sequences(request, &mut self.notes);
        if !stop.is_empty() {
            self.body.set("stop_sequences", &stop)?;
        }
        if let Some(metadata) = params::metadata(request, &mut self.notes) {
            self.body.set("metadata", &metadata)?;
        }
        if let Some(management) = &request.context_management {
            self.body.set("context_management", &params::context_management(management))?;
        }
        if let Some(tier @ ("auto" | "standard_only")) = request.service_tier.as_deref() {
            self.body.set("service_tier", tier)?;
        }
        self.body.set_some("cache_control", request.cache_control.as_ref())?;
        for (name, value) in request.extra.iter() {
            let own = call.options.consumed.contains(&name);
            if !own && !self.body.has(name) && value.get() != "null" {
                self.body.set_raw(name.to_owned(), value.get());
            }
        }
        if call.stream && call.operation != Operation::CountTokens {
            self.body.set("stream", &true)?;
        }
        for (name, value) in target.extra_body.iter().chain(&call.options.extra_body) {
            self.body.set_raw(name.clone(), value.get());
        }
        for name in &self.policy.additional_drop_params {
            if !matches!(name.as_str(), "model" | "messages" | "max_tokens") && self.body.remove(name) {
                self.notes.dropped.push(name.clone());
            }
        }
        for name in ["context_management", "mcp_servers", "output_format", "speed"] {
            if self.body.has(name) {
                self.betas.for_member(name);
            }
        }
        if call.operation == Operation::CountTokens {
            self.body.keep(&COUNTED);
        }
        Ok(())
    }
}

/// What later steps need to know of the conversation.
struct History {
    has_tool_calls: bool,
    thoughtless_call: bool,
}

/// A text completion as a conversation of one message.
fn prompt(request: &CompletionRequest) -> Result<ChatRequest> {
    let prompt = match &request.prompt {
        Some(Prompt::Text(text)) => text.clone(),
        Some(Prompt::Texts(texts)) if texts.len() == 1 => texts.concat(),
        _ => {
            return Err(Error::bad_field(
                "prompt",
                "Anthropic's models take one prompt, and as text: not several, not token ids.",
            ));
        }
    };
    Ok(ChatRequest { logprobs: request.logprobs.map(|_| true), ..request.asked(prompt) })
}
