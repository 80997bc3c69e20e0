//! Usage times prices.

use std::time::SystemTime;

use lockgate_core::{Money, Usage};

use crate::{Day, Entry, Price, Rate, RateKey, Rates, Unit, Variant, rate::Atto};

/// The circumstances of a call that prices depend on.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// The service tier that was asked for. What the provider says it granted, [`Usage::service_tier`], wins.
    pub service_tier: Option<String>,
    /// Whether the call was part of an asynchronous batch.
    pub batch: bool,
    /// When the call was made; without it the newest prices hold, and no cheaper hours.
    pub at: Option<SystemTime>,
    /// Conditions with a factor on the price: `us` (inference geography), `fast` (speed), `regional_endpoint` (any but
    /// the global one), `regional_processing_eu`, `regional_processing_us`.
    pub conditions: Vec<String>,
    /// Context size of web searches: `low`, `medium`, `high`.
    pub search_context: Option<String>,
    /// A format with its own price: `720p`, `4K`, ….
    pub format: Option<String>,
    /// The size of a picture, `1024x1024`, where it has a price.
    pub image_size: Option<String>,
    /// The quality of a picture: `hd`, `low`, ….
    pub image_quality: Option<String>,
    /// What was consumed besides tokens.
    pub measured: Measured,
}

/// Consumption that is not in tokens.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Measured {
    pub input_images: u64,
    pub output_images: u64,
    /// Pixels of all pictures made.
    pub pixels: u64,
    pub input_characters: u64,
    pub output_characters: u64,
    /// Thousandths of seconds of audio or video that went in.
    pub input_millis: u64,
    /// Thousandths of seconds of audio or video that came out.
    pub output_millis: u64,
    /// Thousandths of seconds that a rented machine ran.
    pub running_millis: u64,
    /// Searches or rerank queries.
    pub queries: u64,
    /// Results asked for per search.
    pub results: u64,
    pub requests: u64,
    pub pages: u64,
    pub annotated_pages: u64,
    /// Thousandths of a provider's own credits.
    pub millicredits: u64,
    pub citation_tokens: u64,
    pub map_groundings: u64,
    pub code_sessions: u64,
    pub file_searches: u64,
}

impl Measured {
    /// What a usage says besides tokens.
    pub fn of(usage: &Usage) -> Self {
        let measures = usage.measures.as_deref();
        Self {
            input_characters: usage.input_characters.unwrap_or(0),
            input_images: usage.input_images.unwrap_or(0),
            output_images: measures.map_or(0, |measures| measures.output_images),
            input_millis: measures.map_or(0, |measures| measures.input_millis),
            queries: measures.map_or(0, |measures| measures.queries),
            results: measures.map_or(0, |measures| measures.results),
            pages: measures.map_or(0, |measures| measures.pages),
            annotated_pages: measures.map_or(0, |measures| measures.annotated_pages),
            millicredits: measures.map_or(0, |measures| measures.millicredits),
            citation_tokens: measures.map_or(0, |measures| measures.citation_tokens),
            ..Self::default()
        }
    }
}

/// What a call costs. `computed = input + output + tools + other`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cost {
    /// What is billed: the provider's own figure where it gives one, else `computed`.
    pub total: Money,
    /// By the price list.
    pub computed: Money,
    /// By the provider's own words.
    pub reported: Option<Money>,
    /// All of the prompt, caches included.
    pub input: Money,
    /// All of the completion, reasoning included.
    pub output: Money,
    /// Part of `input`.
    pub cache_read: Money,
    /// Part of `input`.
    pub cache_write: Money,
    /// Part of `output`.
    pub reasoning: Money,
    /// Searches and other tools that the provider ran.
    pub tools: Money,
    /// Pictures, seconds, characters, pages, queries, requests.
    pub other: Money,
    /// Consumed, but without a price; to be said, not to be taken for nothing.
    pub unpriced: Vec<Unit>,
}

/// A cost, or the news that there is no price.
#[derive(Clone, Debug, PartialEq)]
pub enum Pricing {
    /// There is a price.
    Priced(Cost),
    /// There is none.
    Unpriced {
        /// The model that has no price.
        model: String,
        /// Whether the catalogue has an entry for the model at all.
        known: bool,
    },
}

impl Pricing {
    /// The cost, if there is a price.
    pub fn cost(&self) -> Option<&Cost> {
        match self {
            Self::Priced(cost) => Some(cost),
            Self::Unpriced { .. } => None,
        }
    }
}

impl Cost {
    /// A cost that only the provider knows.
    pub fn reported(amount: Money) -> Self {
        Self { total: amount, reported: Some(amount), ..Self::default() }
    }

    /// Whether the provider's figure and the price list's are more than a hundredth apart (CST-5). Not where only one
    /// of them is known, or the list lacks a price for a part.
    pub fn drifts(&self) -> bool {
        let Some(reported) = self.reported else { return false };
        if self.computed.is_zero() || !self.unpriced.is_empty() {
            return false;
        }
        let apart = (reported - self.computed).pico().unsigned_abs();
        apart.saturating_mul(100) > self.computed.pico().unsigned_abs()
    }
}

impl Entry {
    /// What a call of this model costs. Without a price for anything that was consumed it is unpriced, unless the
    /// provider gives its own figure.
    pub fn pricing(&self, usage: &Usage, terms: &Terms) -> Pricing {
        let cost = self.price.priced(usage, terms).map(Pricing::Priced);
        cost.unwrap_or_else(|| Pricing::Unpriced { model: self.name.clone(), known: true })
    }
}

impl Price {
    /// What `usage` costs on `terms`, or none if nothing of it has a price.
    pub fn priced(&self, usage: &Usage, terms: &Terms) -> Option<Cost> {
        let cost = self.cost(usage, terms);
        // A model that is sold by another measure has not become free because nobody measured.
        let sold = || cost.unpriced.is_empty() && (self.sells_tokens() || self.is_free());
        (!cost.computed.is_zero() || cost.reported.is_some() || sold()).then_some(cost)
    }

    /// What `usage` costs on `terms`, as far as there are prices; [`Self::priced`] tells whether there are. What the
    /// provider itself reports is billed, unless the prices are the user's own.
    pub fn cost(&self, usage: &Usage, terms: &Terms) -> Cost {
        let mut bill = Bill::new(self, usage, terms);
        let mut cost = Cost::default();
        let measured = bill.measured(&terms.measured, usage);
        let by_character = bill.characters(&terms.measured, &mut cost);
        if !by_character {
            bill.input(usage, &mut cost);
        }
        bill.output(usage, &mut cost);
        bill.tools(usage, terms, &mut cost);
        cost.other = measured.money();
        if bill.measures_priced || by_character {
            // Priced by another measure: tokens are then only told, not sold.
            bill.unpriced.retain(|unit| !unit.is_token());
        }
        cost.unpriced = bill.unpriced;
        cost.computed = cost.input + cost.output + cost.tools + cost.other;
        cost.reported = usage.provider_cost;
        cost.total = cost.reported.filter(|_| !self.overridden).unwrap_or(cost.computed);
        cost
    }
}

/// Adds up one call.
struct Bill<'p> {
    rates: &'p Rates,
    cheaper: Option<&'p Rates>,
    variant: Variant,
    format: Variant,
    context: u64,
    factor: i128,
    search_once: bool,
    makes_images: bool,
    /// Of one picture.
    pixels: u64,
    unpriced: Vec<Unit>,
    measures_priced: bool,
}

const ONE: i128 = 1_000_000;

impl<'p> Bill<'p> {
    fn new(price: &'p Price, usage: &Usage, terms: &Terms) -> Self {
        let tier = usage.service_tier.as_deref().or(terms.service_tier.as_deref()).unwrap_or_default();
        let variant = if terms.batch || tier == "batch" {
            Variant::BATCHES
        } else {
            Variant::named(tier).unwrap_or(Variant::STANDARD)
        };
        let factors = terms.conditions.iter().filter_map(|condition| price.factors.get(condition));
        Self {
            rates: price.rates_at(terms.at.map(Day::of)),
            cheaper: price.off_peak.as_ref().zip(terms.at).and_then(|(hours, at)| hours.rates_at(at)),
            variant,
            format: terms.format.as_deref().and_then(Variant::named).unwrap_or(Variant::STANDARD),
            context: usage.input,
            factor: factors.fold(ONE, |all, factor| all * factor / ONE),
            search_once: price.search_once,
            makes_images: price.makes_images,
            pixels: pixels(terms.image_size.as_deref().unwrap_or("1024x1024")),
            unpriced: Vec::new(),
            measures_priced: false,
        }
    }

    fn rate(&self, unit: Unit) -> Option<Rate> {
        let cheaper = self.cheaper.and_then(|rates| rates.get(RateKey::plain(unit)));
        cheaper.or_else(|| self.rates.find(unit, self.context, self.variant))
    }

    /// `count` units at the first of the prices that is known.
    fn tokens(&mut self, count: u64, units: &[Unit]) -> Atto {
        if count == 0 {
            return Atto::default();
        }
        match units.iter().find_map(|unit| self.rate(*unit)) {
            Some(rate) => rate.times(count).scaled(self.factor),
            None => {
                self.unpriced.extend(units.first());
                Atto::default()
            }
        }
    }

    /// Cached, audio, image and video tokens are part of the prompt; what is left is text.
    fn input(&mut self, usage: &Usage, cost: &mut Cost) {
        let [audio, image, video] =
            [usage.audio_input, usage.image_input, usage.video_input].map(Option::unwrap_or_default);
        let text = usage.fresh_input().saturating_sub(audio).saturating_sub(image).saturating_sub(video);
        let read = self.tokens(usage.cache_read.unwrap_or(0), &[Unit::CacheRead, Unit::Input]);
        let hour = usage.cache_write_1h.unwrap_or(0);
        let short = usage.cache_write.unwrap_or(0).saturating_sub(hour);
        let write = self
            .tokens(short, &[Unit::CacheWrite, Unit::Input])
            .plus(self.tokens(hour, &[Unit::CacheWrite1h, Unit::CacheWrite, Unit::Input]));
        let input = self
            .tokens(text, &[Unit::Input])
            .plus(self.tokens(audio, &[Unit::AudioInput, Unit::Input]))
            .plus(self.tokens(image, &[Unit::ImageTokenInput, Unit::Input]))
            .plus(self.tokens(video, &[Unit::VideoTokenInput, Unit::Input]));
        cost.cache_read = read.money();
        cost.cache_write = write.money();
        cost.input = input.plus(read).plus(write).money();
    }

    fn output(&mut self, usage: &Usage, cost: &mut Cost) {
        let [audio, mut image, mut reasoning] =
            [usage.audio_output, usage.image_output, usage.reasoning].map(Option::unwrap_or_default);
        if self.makes_images && image == 0 && self.rate(Unit::ImageTokenOutput).is_some() {
            image = usage.output.saturating_sub(audio);
        }
        let said = usage.output.saturating_sub(audio).saturating_sub(image);
        // More reasoning than output was counted beside it: its own price is due, or none.
        let beside = reasoning > said;
        if beside && self.rate(Unit::Reasoning).is_none() {
            reasoning = said;
        }
        let text = if beside && reasoning > said { said } else { said.saturating_sub(reasoning) };
        let thought = self.tokens(reasoning, &[Unit::Reasoning, Unit::Output]);
        let output = self
            .tokens(text, &[Unit::Output])
            .plus(self.tokens(audio, &[Unit::AudioOutput, Unit::Output]))
            .plus(self.tokens(image, &[Unit::ImageTokenOutput, Unit::Output]));
        cost.reasoning = thought.money();
        cost.output = output.plus(thought).money();
    }

    /// Embeddings that are sold by character.
    fn characters(&mut self, measured: &Measured, cost: &mut Cost) -> bool {
        let rate = self.rate(Unit::CharacterInput).filter(|_| measured.input_characters > 0);
        if let Some(rate) = rate {
            cost.input = rate.times(measured.input_characters).money();
        }
        rate.is_some()
    }

    fn tools(&mut self, usage: &Usage, terms: &Terms, cost: &mut Cost) {
        let searches = usage.web_searches.unwrap_or(0);
        let searches = if self.search_once { searches.min(1) } else { searches };
        let size = match terms.search_context.as_deref() {
            Some("low") => Unit::SearchLow,
            Some("high") => Unit::SearchHigh,
            _ => Unit::SearchMedium,
        };
        let rate = |bill: &Self, unit| bill.rates.find(unit, 0, Variant::STANDARD);
        let mut sum = Atto::default();
        let uses = [
            (size, searches),
            (Unit::MapsGrounding, terms.measured.map_groundings),
            (Unit::CodeInterpreterSession, terms.measured.code_sessions),
        ];
        for (unit, count) in uses.into_iter().filter(|(_, count)| *count > 0) {
            match rate(self, unit) {
                Some(rate) => sum = sum.plus(rate.times(count)),
                None => self.unpriced.push(unit),
            }
        }
        if let Some(rate) = rate(self, Unit::FileSearchThousandCalls) {
            sum = sum.plus(rate.times(terms.measured.file_searches).per_thousand());
        }
        if let Some(rate) = rate(self, Unit::Citation) {
            sum = sum.plus(rate.times(terms.measured.citation_tokens));
        }
        cost.tools = sum.money();
    }

    /// Everything that is not tokens; a measure without a price is not said here, because models report several
    /// measures of the same thing and are sold by one.
    fn measured(&mut self, measured: &Measured, usage: &Usage) -> Atto {
        let by_token = usage.output > 0 && self.rate(Unit::ImageTokenOutput).is_some();
        let pictures = if by_token { 0 } else { measured.output_images };
        let pixels = if measured.pixels > 0 { measured.pixels } else { self.pixels * pictures };
        let formats = [self.format, self.variant, Variant::STANDARD];
        let mut sum = Atto::default();
        let counts = [
            (Unit::ImageInput, measured.input_images, 1),
            (Unit::ImageOutput, pictures, 1),
            (Unit::PixelOutput, pixels, 1),
            (Unit::PixelInput, pixels, 1),
            (Unit::CharacterOutput, measured.output_characters, 1),
            (Unit::SecondInput, measured.input_millis, 1000),
            (Unit::AudioSecondInput, measured.input_millis, 1000),
            // Some lists have transcriptions, which only take in, under what comes out.
            (Unit::SecondOutput, if measured.output_millis == 0 { measured.input_millis } else { 0 }, 1000),
            (Unit::SecondOutput, measured.output_millis, 1000),
            (Unit::VideoSecondOutput, measured.output_millis, 1000),
            (Unit::RunningSecond, measured.running_millis, 1000),
            (Unit::Query, measured.queries, 1),
            (Unit::OcrCredit, measured.millicredits, 1000),
            (Unit::OcrPage, measured.pages, 1),
            (Unit::AnnotationPage, measured.annotated_pages, 1),
            (Unit::Request, measured.requests, 1),
        ];
        let mut sold: Option<u64> = None;
        for (unit, count, per) in counts.into_iter().filter(|(_, count, _)| *count > 0) {
            let context = if unit == Unit::Query { measured.results } else { self.context };
            let found = formats.iter().find_map(|format| self.rates.find(unit, context, *format));
            let Some(rate) = found else { continue };
            // One thing is sold by one measure: pictures by piece or by pixel, sound by one price per second,
            // documents by the page or by credits.
            let thing = match unit {
                Unit::ImageOutput | Unit::PixelOutput | Unit::PixelInput => Some(1),
                Unit::SecondInput | Unit::AudioSecondInput => Some(2),
                Unit::SecondOutput if measured.output_millis == 0 => Some(2),
                Unit::SecondOutput | Unit::VideoSecondOutput => Some(3),
                Unit::OcrCredit | Unit::OcrPage => Some(4),
                _ => None,
            };
            if thing.is_some() && sold == thing {
                continue;
            }
            sold = thing.or(sold);
            self.measures_priced |= unit != Unit::Request;
            let amount = rate.times(count);
            sum = sum.plus(if per == 1000 { amount.per_thousand() } else { amount });
        }
        sum
    }
}

/// Of `1024x1536`; none if it is no size.
fn pixels(size: &str) -> u64 {
    let sides = size
        .split_once('x')
        .and_then(|(width, height)| Some((width.parse::<u64>().ok()?, height.parse::<u64>().ok()?)));
    sides.map_or(0, |(width, height)| width.saturating_mul(height))
}
