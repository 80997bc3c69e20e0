//! What clouds that speak to Claude in words of their own need to know of it.

pub use crate::messages::EMPTY;

use lockgate_core::{Raw, Result, Target, hub::ChatRequest};
use serde_json::value::RawValue;

use crate::{
    model::Model,
    schema, signed,
    thinking::{Member, Thinking},
    wire::to_raw,
};

/// What a request says about reasoning, in Claude's words.
#[derive(Debug, Default)]
pub struct Reasoning {
    /// The `thinking` member.
    pub thinking: Option<Raw>,
    /// `output_config.effort`.
    pub effort: Option<String>,
    /// The completion limit, if the client gave one or a budget needs one.
    pub max_tokens: Option<u64>,
    /// Reasoning was asked for, but the completion limit leaves no room for it.
    pub squeezed_out: bool,
}

/// What the request's `reasoning_effort` or `thinking` means for the target's model.
///
/// # Errors
/// The parameter is malformed, or the model does not know the effort.
pub fn reasoning(request: &ChatRequest, target: &Target) -> Result<Reasoning> {
    let thinking = Thinking::of(request, &Model::new(target))?;
    let needed = matches!(thinking.member, Some(Member::Budget(_))).then_some(thinking.max_tokens);
    Ok(Reasoning {
        thinking: thinking.member.as_ref().map(to_raw),
        effort: thinking.effort,
        max_tokens: request.max_output().or(needed),
        squeezed_out: thinking.squeezed_out,
    })
}

/// Whether the target's model reasons, as far as is known.
pub fn reasons(target: &Target) -> bool {
    Model::new(target).thinks()
}

/// Whether the target's model refuses `temperature`, `top_p` and `top_k`.
pub fn refuses_sampling(target: &Target) -> bool {
    Model::new(target).refuses_sampling()
}

/// The schema in the part of the language that structured output understands; none if it cannot be said.
pub fn fit_schema(schema: &RawValue) -> Option<Raw> {
    schema::fit(schema)
}

/// Whether a signature of thoughts may be one of Claude's.
pub fn may_have_signed(signature: &str) -> bool {
    signed::may_be_claudes(signature)
}

/// Whether it is one of Claude's for certain.
pub fn has_signed(signature: &str) -> bool {
    signed::is_claudes(signature)
}
