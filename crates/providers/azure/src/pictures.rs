//! What answers with pictures leave unsaid.

use lockgate_core::{Attempt, Encoded, wire::quote};
use lockgate_openai::IMAGE;

/// Size, quality and format of the pictures are told by newer versions of the API only. Where they are not, the client
/// gets what it asked for, or what the API then takes.
pub(crate) fn note_defaults(attempt: &Attempt<'_>, encoded: &mut Encoded) {
    let (call, target) = (attempt.call, attempt.target);
    if encoded.format != IMAGE || call.stream {
        return;
    }
    let prompted = |name: &str| call.body.str(name).filter(|text| text != "auto");
    // A deployment may have any name; which model it is, `base_model` says.
    let model = target.param("base_model").unwrap_or(&target.model).to_ascii_lowercase();
    let old = model.contains("dall-e") || model.contains("dalle");
    let quality = if old { "standard" } else { "high" };
    let usual = [("size", "1024x1024"), ("quality", quality), ("output_format", "png")];
    for (name, usual) in usual {
        let value = prompted(name).unwrap_or(usual.into());
        encoded.memo.reply_defaults.push((name.to_owned(), quote(&value)));
    }
}
