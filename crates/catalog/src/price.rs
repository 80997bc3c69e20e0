//! The prices of one model.

use std::collections::BTreeMap;

use crate::{Day, OffPeak, Rate, RateKey, Unit, Variant};

/// All prices of a model: what holds always, what holds from a day on, and at which hours it is cheaper.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Price {
    /// Prices without a date.
    pub base: Rates,
    /// Prices with dates, oldest first: at a day inside, the latest of them replaces `base` wholly.
    pub dated: Vec<DatedRates>,
    /// Cheaper hours.
    pub off_peak: Option<OffPeak>,
    /// Factors in millionths by name of the condition: `us`, `fast`, `regional_endpoint`, `regional_processing_eu`, ….
    pub factors: BTreeMap<String, i128>,
    /// A prompt with searches pays for one, however many there were.
    pub search_once: bool,
    /// What comes out is pictures, also where the usage does not say so.
    pub makes_images: bool,
    /// The caller's own prices: they win over what the provider reports.
    pub overridden: bool,
}

/// Prices that hold for some days.
#[derive(Clone, Debug, PartialEq)]
pub struct DatedRates {
    /// First day.
    pub from: Day,
    /// First day after the last, if there is one.
    pub until: Option<Day>,
    /// The prices.
    pub rates: Rates,
}

/// Prices by key, sorted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rates(Vec<(RateKey, Rate)>);

impl Price {
    /// Whether no price is known at all.
    pub fn is_unpriced(&self) -> bool {
        self.base.is_empty() && self.dated.is_empty()
    }

    /// Whether prices are known and all are nothing.
    pub fn is_free(&self) -> bool {
        let free = |rates: &Rates| rates.iter().all(|(_, rate)| rate.is_zero());
        !self.is_unpriced() && free(&self.base) && self.dated.iter().all(|dated| free(&dated.rates))
    }

    /// Whether tokens cost something.
    pub fn sells_tokens(&self) -> bool {
        let sets = std::iter::once(&self.base).chain(self.dated.iter().map(|dated| &dated.rates));
        sets.flat_map(Rates::iter).any(|(key, rate)| key.unit.is_token() && !rate.is_zero())
    }

    /// The prices of a day; without a day, the newest.
    pub fn rates_at(&self, day: Option<Day>) -> &Rates {
        let holds = |dated: &&DatedRates| match day {
            Some(day) => dated.from <= day && dated.until.is_none_or(|until| day < until),
            None => dated.until.is_none(),
        };
        self.dated.iter().rev().find(holds).map_or(&self.base, |dated| &dated.rates)
    }

    /// These prices with some replaced, by the price map's field names (`input_cost_per_token`, …). Names that are no
    /// price are ignored, so a whole `litellm_params` or `model_info` may be handed in.
    pub fn with_overrides(&self, overrides: &BTreeMap<String, f64>) -> Price {
        let parsed: Vec<_> = overrides
            .iter()
            .filter_map(|(field, value)| Some((RateKey::parse(field)?, Rate::from_dollars(*value))))
            .collect();
        if parsed.is_empty() {
            return self.clone();
        }
        let mut price = Price { overridden: true, ..self.clone() };
        for rates in
            std::iter::once(&mut price.base).chain(price.dated.iter_mut().map(|dated| &mut dated.rates))
        {
            for (key, rate) in &parsed {
                rates.override_with(*key, *rate);
            }
        }
        price.off_peak = None;
        price
    }
}

impl Rates {
    /// Whether there is no price.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All prices.
    pub fn iter(&self) -> impl Iterator<Item = (RateKey, Rate)> + '_ {
        self.0.iter().copied()
    }

    /// Sets a price.
    pub fn set(&mut self, key: RateKey, rate: Rate) {
        match self.0.binary_search_by_key(&key, |(known, _)| *known) {
            Ok(at) => self.0[at].1 = rate,
            Err(at) => self.0.insert(at, (key, rate)),
        }
    }

    /// Exactly this price.
    pub fn get(&self, key: RateKey) -> Option<Rate> {
        let at = self.0.binary_search_by_key(&key, |(known, _)| *known).ok()?;
        self.0.get(at).map(|(_, rate)| *rate)
    }

    /// The price that holds for a prompt of `context` tokens: the highest threshold below it, there the variant or
    /// else the standard price.
    pub fn find(&self, unit: Unit, context: u64, variant: Variant) -> Option<Rate> {
        let start = self.0.partition_point(|(key, _)| key.unit < unit);
        let of_unit =
            || self.0.get(start..).unwrap_or_default().iter().take_while(|(key, _)| key.unit == unit);
        let applies = |key: &RateKey| key.above == 0 || context > u64::from(key.above);
        let wanted = |key: &RateKey| key.variant == variant || key.variant == Variant::STANDARD;
        of_unit()
            .filter(|(key, _)| applies(key) && wanted(key))
            .max_by_key(|(key, _)| (key.above, key.variant == variant))
            .map(|(_, rate)| *rate)
    }

    /// A plain override also covers what the catalogue has for large contexts: the caller's price is the price.
    fn override_with(&mut self, key: RateKey, rate: Rate) {
        if key == RateKey::plain(key.unit) {
            self.0.retain(|(known, _)| known.unit != key.unit);
        }
        self.set(key, rate);
    }
}

impl FromIterator<(RateKey, Rate)> for Rates {
    fn from_iter<I: IntoIterator<Item = (RateKey, Rate)>>(pairs: I) -> Self {
        let mut rates = Self::default();
        for (key, rate) in pairs {
            rates.set(key, rate);
        }
        rates
    }
}
