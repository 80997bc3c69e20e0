//! What is paid for, and how much for one of it.

use std::fmt;

use lockgate_core::Money;

/// What a price is per. [`Unit::key`] gives the name of the field in LiteLLM's price map.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are the documentation; `UNITS` has the field names")]
pub enum Unit {
    Input,
    Output,
    CacheRead,
    CacheWrite,
    CacheWrite1h,
    Reasoning,
    AudioInput,
    AudioOutput,
    AudioCacheRead,
    AudioCacheWrite,
    ImageTokenInput,
    ImageTokenOutput,
    ImageTokenCacheRead,
    VideoTokenInput,
    VideoTokenOutput,
    ExplicitCacheRead,
    Citation,
    ImageInput,
    ImageOutput,
    PixelInput,
    PixelOutput,
    CharacterInput,
    CharacterOutput,
    SecondInput,
    SecondOutput,
    AudioSecondInput,
    VideoSecondInput,
    VideoSecondOutput,
    RunningSecond,
    Query,
    Request,
    TextMessage,
    OcrPage,
    AnnotationPage,
    OcrCredit,
    SearchLow,
    SearchMedium,
    SearchHigh,
    MapsGrounding,
    CodeInterpreterSession,
    FileSearchThousandCalls,
    FileSearchGigabyteDay,
    VectorStoreGigabyteDay,
    ComputerUseThousandInput,
    ComputerUseThousandOutput,
}

/// All units with the field names of the price map.
pub(crate) const UNITS: [(Unit, &str); 45] = [
    (Unit::Input, "input_cost_per_token"),
    (Unit::Output, "output_cost_per_token"),
    (Unit::CacheRead, "cache_read_input_token_cost"),
    (Unit::CacheWrite, "cache_creation_input_token_cost"),
    (Unit::CacheWrite1h, "cache_creation_input_token_cost_above_1hr"),
    (Unit::Reasoning, "output_cost_per_reasoning_token"),
    (Unit::AudioInput, "input_cost_per_audio_token"),
    (Unit::AudioOutput, "output_cost_per_audio_token"),
    (Unit::AudioCacheRead, "cache_read_input_audio_token_cost"),
    (Unit::AudioCacheWrite, "cache_creation_input_audio_token_cost"),
    (Unit::ImageTokenInput, "input_cost_per_image_token"),
    (Unit::ImageTokenOutput, "output_cost_per_image_token"),
    (Unit::ImageTokenCacheRead, "cache_read_input_image_token_cost"),
    (Unit::VideoTokenInput, "input_cost_per_video_token"),
    (Unit::VideoTokenOutput, "output_cost_per_video_token"),
    (Unit::ExplicitCacheRead, "explicit_cache_read_input_token_cost"),
    (Unit::Citation, "citation_cost_per_token"),
    (Unit::ImageInput, "input_cost_per_image"),
    (Unit::ImageOutput, "output_cost_per_image"),
    (Unit::PixelInput, "input_cost_per_pixel"),
    (Unit::PixelOutput, "output_cost_per_pixel"),
    (Unit::CharacterInput, "input_cost_per_character"),
    (Unit::CharacterOutput, "output_cost_per_character"),
    (Unit::SecondInput, "input_cost_per_second"),
    (Unit::SecondOutput, "output_cost_per_second"),
    (Unit::AudioSecondInput, "input_cost_per_audio_per_second"),
    (Unit::VideoSecondInput, "input_cost_per_video_per_second"),
    (Unit::VideoSecondOutput, "output_cost_per_video_per_second"),
    (Unit::RunningSecond, "cost_per_second"),
    (Unit::Query, "input_cost_per_query"),
    (Unit::Request, "input_cost_per_request"),
    (Unit::TextMessage, "input_cost_per_text_message"),
    (Unit::OcrPage, "ocr_cost_per_page"),
    (Unit::AnnotationPage, "annotation_cost_per_page"),
    (Unit::OcrCredit, "ocr_cost_per_credit"),
    (Unit::SearchLow, "search_context_size_low"),
    (Unit::SearchMedium, "search_context_size_medium"),
    (Unit::SearchHigh, "search_context_size_high"),
    (Unit::MapsGrounding, "google_maps_grounding_cost_per_query"),
    (Unit::CodeInterpreterSession, "code_interpreter_cost_per_session"),
    (Unit::FileSearchThousandCalls, "file_search_cost_per_1k_calls"),
    (Unit::FileSearchGigabyteDay, "file_search_cost_per_gb_per_day"),
    (Unit::VectorStoreGigabyteDay, "vector_store_cost_per_gb_per_day"),
    (Unit::ComputerUseThousandInput, "computer_use_input_cost_per_1k_tokens"),
    (Unit::ComputerUseThousandOutput, "computer_use_output_cost_per_1k_tokens"),
];

impl Unit {
    /// The field of the price map that holds the plain price.
    pub fn key(self) -> &'static str {
        UNITS.iter().find(|(unit, _)| *unit == self).map_or("", |(_, key)| key)
    }

    /// Whether this unit is a token of some kind.
    pub fn is_token(self) -> bool {
        self <= Unit::Citation
    }
}

/// Endings that make a price one for a service tier, a batch, or a picture format.
const VARIANTS: [&str; 22] = [
    "",
    "batches",
    "flex",
    "priority",
    "balanced",
    "ultrafast",
    "decisions",
    "480p",
    "720p",
    "768p",
    "1080p",
    "2k",
    "4k",
    "0.5K",
    "1K",
    "2K",
    "4K",
    "512",
    "1024",
    "1536",
    "above_8s_interval",
    "above_15s_interval",
];

/// A price for special terms: a service tier (`flex`, `priority`, …), `batches`, or a format (`720p`, `4K`).
#[derive(Clone, Copy, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Variant(u8);

impl Variant {
    /// The price without special terms.
    pub const STANDARD: Self = Self(0);
    /// Asynchronous batches.
    pub const BATCHES: Self = Self(1);

    /// By the ending of the price map's field names.
    pub fn named(name: &str) -> Option<Self> {
        VARIANTS.iter().position(|known| *known == name).map(|at| Self(at as u8))
    }

    /// The ending of the field names; empty for the standard price.
    pub fn name(self) -> &'static str {
        VARIANTS.get(usize::from(self.0)).copied().unwrap_or_default()
    }
}

impl fmt::Debug for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which price: of what, from which context size on, on which terms.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RateKey {
    /// What is paid for.
    pub unit: Unit,
    /// The price holds when the prompt has more tokens than this.
    pub above: u32,
    /// Service tier, batch or format.
    pub variant: Variant,
}

impl RateKey {
    /// The plain price of a unit.
    pub const fn plain(unit: Unit) -> Self {
        Self { unit, above: 0, variant: Variant::STANDARD }
    }

    /// From a field name such as `input_cost_per_token_above_200k_tokens_priority`, or our own short form of a step in
    /// `tiered_pricing`, `input_cost_per_token@32000`.
    pub fn parse(field: &str) -> Option<Self> {
        let unit_of = |text: &str| UNITS.iter().find(|(_, key)| *key == text).map(|(unit, _)| *unit);
        if let Some((text, above)) = field.split_once('@') {
            return Some(Self { above: above.parse().ok()?, ..Self::plain(unit_of(text)?) });
        }
        if let Some(unit) = unit_of(field) {
            return Some(Self::plain(unit));
        }
        let longest = UNITS
            .iter()
            .filter(|(_, key)| field.strip_prefix(key).is_some_and(|rest| rest.starts_with('_')))
            .max_by_key(|(_, key)| key.len())?;
        let mut rest = field.get(longest.1.len() + 1..)?;
        let mut above = 0;
        if let Some((size, after)) = rest.strip_prefix("above_").and_then(|text| text.split_once("k_tokens"))
        {
            above = size.parse::<u32>().ok()?.checked_mul(1000)?;
            rest = after.strip_prefix('_').unwrap_or(after);
        }
        Some(Self { unit: longest.0, above, variant: Variant::named(rest)? })
    }

    /// The field name in the price map.
    pub fn field(self) -> String {
        let mut field = self.unit.key().to_owned();
        if self.above > 0 {
            field.push_str(&format!("_above_{}k_tokens", self.above / 1000));
        }
        if self.variant != Variant::STANDARD {
            field.push('_');
            field.push_str(self.variant.name());
        }
        field
    }
}

/// A price per unit in attodollars (10⁻¹⁸ USD), because pixels cost fractions of a picodollar.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Rate(i128);

const ATTO_PER_PICO: i128 = 1_000_000;

impl Rate {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From dollars per unit. Not-a-number and infinities are nothing.
    pub fn from_dollars(dollars: f64) -> Self {
        // The shortest decimal that means this float is what its author wrote; scaling that text is exact.
        if !dollars.is_finite() {
            return Self::ZERO;
        }
        format!("{dollars:e}")
            .split_once('e')
            .and_then(|(digits, exponent)| scale(digits, exponent))
            .unwrap_or_default()
    }

    /// Dollars per unit, for JSON.
    pub fn dollars(self) -> f64 {
        format!("{}e-18", self.0).parse().unwrap_or(0.0)
    }

    /// Whether the unit is free.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The price of `count / per` units, exact until the end.
    pub(crate) const fn times(self, count: u64) -> Atto {
        Atto(self.0.saturating_mul(count as i128))
    }

    /// Picodollars in decimal, as the data file has them.
    pub(crate) fn pico_text(self) -> String {
        let (whole, rest) = (self.0 / ATTO_PER_PICO, (self.0 % ATTO_PER_PICO).abs());
        let sign = if self.0 < 0 && whole == 0 { "-" } else { "" };
        if rest == 0 {
            return format!("{whole}");
        }
        format!("{sign}{whole}.{}", format!("{rest:06}").trim_end_matches('0'))
    }

    /// Reads what [`Self::pico_text`] wrote.
    pub(crate) fn from_pico_text(text: &str) -> Option<Self> {
        let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
        let whole_pico: i128 = whole.parse().ok()?;
        if rest.len() > 6 || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mut fraction: i128 = if rest.is_empty() { 0 } else { rest.parse().ok()? };
        for _ in rest.len()..6 {
            fraction *= 10;
        }
        let sign = if whole.starts_with('-') { -1 } else { 1 };
        Some(Self(whole_pico.checked_mul(ATTO_PER_PICO)?.checked_add(sign * fraction)?))
    }
}

/// `digits × 10^exponent` dollars, rounded half up to an attodollar.
fn scale(digits: &str, exponent: &str) -> Option<Rate> {
    let exponent: i32 = exponent.parse().ok()?;
    let (negative, digits) = digits.strip_prefix('-').map_or((false, digits), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let number: i128 = format!("{whole}{fraction}").parse().ok()?;
    let shift = exponent + 18 - i32::try_from(fraction.len()).ok()?;
    let power = 10_i128.checked_pow(shift.unsigned_abs())?;
    let atto = if shift >= 0 { number.checked_mul(power)? } else { (number + power / 2) / power };
    Some(Rate(if negative { -atto } else { atto }))
}

/// An amount in attodollars, rounded to [`Money`] only when a component is complete.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Atto(i128);

impl Atto {
    pub(crate) const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    pub(crate) fn per_thousand(self) -> Self {
        Self(self.0 / 1000)
    }

    /// Times a ratio in millionths.
    pub(crate) fn scaled(self, millionths: i128) -> Self {
        if millionths == 1_000_000 {
            return self;
        }
        Self(self.0.saturating_mul(millionths) / 1_000_000)
    }

    pub(crate) const fn money(self) -> Money {
        if self.0 == 0 {
            return Money::ZERO;
        }
        let rounded = self.0.saturating_add(ATTO_PER_PICO / 2);
        // Division by machine words is many times faster, and nine dollars a component are rarely exceeded.
        if rounded >= 0 && rounded <= i64::MAX as i128 {
            return Money::from_pico((rounded as i64 / ATTO_PER_PICO as i64) as i128);
        }
        Money::from_pico(rounded.div_euclid(ATTO_PER_PICO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_names_survive_the_way_through() {
        for field in [
            "input_cost_per_token",
            "cache_creation_input_token_cost_above_1hr_above_200k_tokens",
            "input_cost_per_token_above_272k_tokens_priority",
            "output_cost_per_second_1080p",
            "output_cost_per_image_token_batches",
            "input_cost_per_video_per_second_above_15s_interval",
        ] {
            assert_eq!(RateKey::parse(field).map(RateKey::field).as_deref(), Some(field));
        }
        assert_eq!(RateKey::parse("input_cost_per_token_whatever"), None);
        assert_eq!(RateKey::parse("supports_vision"), None);
    }

    #[test]
    fn units_stand_in_order() {
        assert!(UNITS.iter().enumerate().all(|(at, (unit, _))| *unit as usize == at));
    }

    #[test]
    fn rates_are_exact_decimals() {
        let rate = Rate::from_dollars(2.075_195_312_5e-9);
        assert_eq!(rate.pico_text(), "2075.195313");
        assert_eq!(Rate::from_pico_text("2075.195313"), Some(rate));
        assert_eq!(Rate::from_dollars(2.5e-6).pico_text(), "2500000");
        assert_eq!(Rate::from_dollars(3.000_199_999_999_999_6e-7).dollars(), 3.0002e-7);
        assert_eq!(Rate::from_pico_text("x"), None);
    }
}
