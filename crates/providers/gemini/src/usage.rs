//! What a call consumed.

use lockgate_core::Usage;
use serde_json::value::RawValue;

use crate::wire::{ModalityView, UsageView, read};

/// Reads `usageMetadata`.
pub(crate) fn hub(raw: &RawValue) -> Option<Usage> {
    let view: UsageView = read(raw)?;
    let prompt = view.prompt.unwrap_or(0).saturating_add(view.tool_prompt.unwrap_or(0));
    let said = view.candidates.unwrap_or(0);
    let thoughts = view.thoughts;
    let total = view.total;
    // Some versions count thoughts among the candidates' tokens; the total tells.
    let inclusive = total == Some(prompt.saturating_add(said)) && said >= thoughts.unwrap_or(0);
    let output = if inclusive { said } else { said.saturating_add(thoughts.unwrap_or(0)) };
    let of = |details: &Option<Vec<ModalityView>>, name: &str| {
        let own = details.iter().flatten().filter(|detail| detail.modality.as_deref() == Some(name));
        own.map(|detail| detail.tokens.unwrap_or(0)).reduce(u64::saturating_add)
    };
    let (input, cached, out) = (&view.prompt_details, &view.cache_details, &view.candidates_details);
    // Cached tokens of a modality are counted among its prompt tokens; what is left has its own price.
    let fresh =
        |name: &str| of(input, name).map(|tokens| tokens.saturating_sub(of(cached, name).unwrap_or(0)));
    Some(Usage {
        input: prompt,
        output,
        total: total.filter(|total| *total != prompt.saturating_add(output) && *total > 0),
        cache_read: view.cached,
        reasoning: thoughts,
        audio_input: fresh("AUDIO"),
        image_input: fresh("IMAGE"),
        video_input: fresh("VIDEO"),
        audio_output: of(out, "AUDIO"),
        image_output: of(out, "IMAGE"),
        service_tier: view.service_tier.or_else(|| tier(view.traffic_type.as_deref()?)),
        raw: Some(raw.to_owned()),
        ..Usage::default()
    })
}

/// Vertex says how the traffic was sold.
fn tier(traffic: &str) -> Option<String> {
    let name = match traffic {
        "ON_DEMAND_PRIORITY" => "priority",
        "ON_DEMAND_FLEX" | "FLEX" => "flex",
        "BATCH" => "batch",
        _ => return None,
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::raw;

    fn of(json: &str) -> Usage {
        hub(&raw(json)).unwrap()
    }

    #[test]
    fn thoughts_are_part_of_the_output_however_they_are_counted() {
        let beside = of(
            r#"{"promptTokenCount":8,"candidatesTokenCount":3,"totalTokenCount":63,"thoughtsTokenCount":52}"#,
        );
        assert_eq!((beside.input, beside.output, beside.reasoning), (8, 55, Some(52)));
        let within = of(
            r#"{"promptTokenCount":8,"candidatesTokenCount":55,"totalTokenCount":63,"thoughtsTokenCount":52}"#,
        );
        assert_eq!((within.output, within.total), (55, None));
    }

    #[test]
    fn modalities_and_caches() {
        let usage = of(r#"{"promptTokenCount":300,"totalTokenCount":"x","cachedContentTokenCount":20,
            "promptTokensDetails":[{"modality":"IMAGE","tokenCount":258},{"modality":"AUDIO","tokenCount":22},
            {"modality":"DOCUMENT","tokenCount":1}],"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":7}]}"#);
        assert_eq!(
            (usage.image_input, usage.audio_input, usage.image_output),
            (Some(258), Some(22), Some(7))
        );
        assert_eq!((usage.cache_read, usage.output, usage.video_input), (Some(20), 0, None));
    }
}
