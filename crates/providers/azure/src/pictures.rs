//! What answers with pictures leave unsaid.

use lockgate_core::{Call, Encoded, wire::quote};
use lockgate_openai::IMAGE;

/// Size, quality and format of the pictures are told by newer versions of the API only. Where they are not, the client
/// gets what it asked for, or what the API then takes.
pub(crate) fn note_defaults(call: &Call, encoded: &mut Encoded) {
    if encoded.format != IMAGE || call.stream {
        return;
    }
    let prompted = |name: &str| call.body.str(name).filter(|text| text != "auto");
    let old = encoded.request.uri().path().contains("dall-e");
    let usual =
        [("size", "1024x1024"), ("quality", if old { "standard" } else { "high" }), ("output_format", "png")];
    for (name, usual) in usual {
        let value = prompted(name).unwrap_or(usual.into());
        encoded.memo.reply_defaults.push((name.to_owned(), quote(&value)));
    }
}
