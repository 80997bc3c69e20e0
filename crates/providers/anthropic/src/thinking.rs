//! Reasoning: `reasoning_effort` and `thinking` into what the model takes.

use lockgate_core::{Error, Raw, Result, Target, hub::ChatRequest, json::to_raw, wire::view};
use serde::Serialize;

use crate::model::Model;

/// The least budget that Anthropic takes.
const LEAST_BUDGET: u64 = 1024;
/// Left for the answer when the client asked for thinking but named no limit.
const ANSWER_TOKENS: u64 = 4096;
/// Budget for a model that cannot decide by itself, if nothing else bounds it.
const WIDE_BUDGET: u64 = 16_384;

/// What `reasoning_effort` means to a Claude model behind an API of another shape.
#[derive(Clone, Debug)]
pub struct Reasoning {
    /// The `thinking` member, if the model is to think.
    pub member: Option<Raw>,
    /// `output_config.effort`.
    pub effort: Option<String>,
    /// The completion limit: the given one, or one that leaves room for the answer.
    pub max_tokens: u64,
}

/// Translates `reasoning_effort` for the target's model; `limit` is the completion limit that the client gave.
///
/// # Errors
/// The effort is none that the model knows.
pub fn thinking_for(effort: &Raw, limit: Option<u64>, target: &Target) -> Result<Reasoning> {
    let request =
        ChatRequest { reasoning_effort: Some(effort.clone()), max_tokens: limit, ..ChatRequest::default() };
    let Thinking { member, effort, max_tokens, .. } = Thinking::of(&request, &Model::new(target))?;
    Ok(Reasoning { member: member.as_ref().map(to_raw), effort, max_tokens })
}

/// What is said about thinking, and the completion limit that follows from it.
#[derive(Debug, Default)]
pub(crate) struct Thinking {
    /// The `thinking` member.
    pub(crate) member: Option<Member>,
    /// `output_config.effort`.
    pub(crate) effort: Option<String>,
    /// The completion limit.
    pub(crate) max_tokens: u64,
    /// Thinking was asked for, but the completion limit leaves no room for it.
    pub(crate) squeezed_out: bool,
}

/// The `thinking` member.
#[derive(Debug)]
pub(crate) enum Member {
    Budget(u64),
    Adaptive { summarized: bool },
    Raw(Raw),
}

impl Thinking {
    pub(crate) fn of(request: &ChatRequest, model: &Model<'_>) -> Result<Self> {
        let limit = request.max_output();
        let mut thinking = match (&request.thinking, &request.reasoning_effort) {
            (Some(raw), _) => Self::explicit(raw, limit, model)?,
            (None, Some(raw)) => Self::from_effort(&effort_of(raw)?, model)?,
            (None, None) => Self::default(),
        };
        thinking.settle(limit, model);
        Ok(thinking)
    }

    /// Whether the model is told to think.
    pub(crate) fn is_on(&self) -> bool {
        match &self.member {
            None => false,
            Some(Member::Raw(raw)) => kind_of(raw).as_deref() != Some("disabled"),
            Some(_) => true,
        }
    }

    fn explicit(raw: &Raw, limit: Option<u64>, model: &Model<'_>) -> Result<Self> {
        let given: Given = serde_json::from_str(raw.get())
            .map_err(|_| Error::bad_field("thinking", "`thinking` must be an object with a `type`."))?;
        let member = match given.kind.as_deref() {
            Some("enabled") if model.refuses_budgets() => {
                let effort = effort_for(given.budget_tokens.unwrap_or(LEAST_BUDGET)).to_owned();
                return Ok(Self {
                    member: Some(Member::Adaptive { summarized: false }),
                    effort: Some(effort),
                    ..Self::default()
                });
            }
            Some("enabled") if given.extra.is_empty() => given.budget_tokens.map(Member::Budget),
            Some("adaptive") if !model.thinks_adaptively() => {
                let budget = limit.map_or(WIDE_BUDGET, |limit| limit.saturating_sub(1));
                Some(Member::Budget(budget))
            }
            _ => None,
        };
        Ok(Self { member: Some(member.unwrap_or_else(|| Member::Raw(raw.clone()))), ..Self::default() })
    }

    fn from_effort(effort: &str, model: &Model<'_>) -> Result<Self> {
        if effort == "none" {
            return Ok(Self::default());
        }
        if model.thinks_adaptively() {
            if !model.takes_effort(effort) {
                return Err(Error::bad_field(
                    "reasoning_effort",
                    format!("effort='{effort}' is not supported by this model. Got model: {}", model.name),
                ));
            }
            let effort = if effort == "minimal" { "low" } else { effort };
            return Ok(Self {
                member: Some(Member::Adaptive { summarized: true }),
                effort: Some(effort.to_owned()),
                ..Self::default()
            });
        }
        let budget = match effort {
            "minimal" | "low" => 1024,
            "medium" => 2048,
            "high" => 4096,
            "xhigh" => 8192,
            "max" => 16_384,
            _ => {
                let expected = "none, minimal, low, medium, high, xhigh or max";
                let message = format!("`reasoning_effort` is '{effort}', but must be {expected}.");
                return Err(Error::bad_field("reasoning_effort", message));
            }
        };
        Ok(Self { member: Some(Member::Budget(budget)), ..Self::default() })
    }

    /// Chooses the completion limit, and fits the budget into one that the client gave: Anthropic refuses a budget
    /// that is not below the limit.
    fn settle(&mut self, limit: Option<u64>, model: &Model<'_>) {
        let budget = match &mut self.member {
            Some(Member::Budget(budget)) => budget,
            _ => {
                self.max_tokens = limit.unwrap_or_else(|| model.max_tokens());
                return;
            }
        };
        let Some(limit) = limit else {
            self.max_tokens = budget.saturating_add(ANSWER_TOKENS);
            return;
        };
        self.max_tokens = limit;
        if *budget >= limit {
            *budget = limit.saturating_sub(1);
            if *budget < LEAST_BUDGET {
                self.member = None;
                self.squeezed_out = true;
            }
        }
    }
}

impl Serialize for Member {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written {
            r#type: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            budget_tokens: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            display: Option<&'static str>,
        }
        match self {
            Self::Raw(raw) => raw.serialize(serializer),
            Self::Budget(budget) => {
                Written { r#type: "enabled", budget_tokens: Some(*budget), display: None }
                    .serialize(serializer)
            }
            Self::Adaptive { summarized } => {
                let display = summarized.then_some("summarized");
                Written { r#type: "adaptive", budget_tokens: None, display }.serialize(serializer)
            }
        }
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Given {
        kind as "type": Option<String>,
        budget_tokens: Option<u64>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Effort {
        effort: Option<String>,
    }
}

/// The OpenAI word for a budget.
pub(crate) fn effort_for(budget: u64) -> &'static str {
    match budget {
        0..1024 => "minimal",
        1024..2048 => "low",
        2048..4096 => "medium",
        _ => "high",
    }
}

/// The effort: a word, or an object that has it.
fn effort_of(raw: &Raw) -> Result<String> {
    serde_json::from_str::<String>(raw.get())
        .ok()
        .or_else(|| serde_json::from_str::<Effort>(raw.get()).ok().and_then(|object| object.effort))
        .ok_or_else(|| Error::bad_field("reasoning_effort", "`reasoning_effort` must be a string."))
}

fn kind_of(raw: &Raw) -> Option<String> {
    serde_json::from_str::<Given>(raw.get()).ok()?.kind
}
