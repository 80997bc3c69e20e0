//! The catalogue and its look-ups.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use lockgate_core::{ModelFacts, Usage};
use serde_json::{Map, Value};

use crate::{
    Cost, DatedRates, Day, Entry, Pricing, RateKey, Terms,
    data::{self, Data, Encoder, Lists},
    families, import, names,
};

/// All models that are known. Cheap to clone.
///
/// Entries are read from the compact form when they are asked for; keep the [`Entry`] of a model that is used often.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    data: Arc<Data>,
    /// The user's own entries by lower-case name.
    overlay: Arc<BTreeMap<String, Entry>>,
}

/// Why a price map was rejected as a whole.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Not the JSON of a price map.
    #[error("not a price map: {0}")]
    Malformed(String),
    /// Far fewer models than are built in: likely cut off or the wrong file.
    #[error(
        "only {found} models where at least {least} are expected: the price map is cut off or the wrong file"
    )]
    Shrunk {
        /// Models in the map.
        found: usize,
        /// The least that is accepted.
        least: usize,
    },
}

/// The three texts that the compact form consists of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CompactText {
    /// One model a line.
    pub models: String,
    /// Keys by number.
    pub keys: String,
    /// Frequent values by number.
    pub values: String,
}

impl Catalog {
    /// The catalogue that comes with the program.
    pub fn builtin() -> Self {
        static BUILTIN: OnceLock<Catalog> = OnceLock::new();
        BUILTIN.get_or_init(|| Self { data: Arc::new(Data::builtin()), overlay: Arc::default() }).clone()
    }

    /// From the bytes of LiteLLM's price map, if it has at least half as many models as the built-in catalogue.
    pub fn from_litellm_json(bytes: &[u8]) -> Result<Self, CatalogError> {
        Self::from_litellm_json_of(bytes, Self::builtin().len() / 2)
    }

    /// From the bytes of LiteLLM's price map, if it has at least so many models.
    pub fn from_litellm_json_of(bytes: &[u8], least: usize) -> Result<Self, CatalogError> {
        let mut encoder = Encoder::new(Self::builtin().data.lists().clone());
        let found = import::read(bytes, |entry| encoder.add(&entry))?;
        if found < least {
            return Err(CatalogError::Shrunk { found, least });
        }
        Ok(Self { data: Arc::new(encoder.finish()), overlay: Arc::default() })
    }

    /// LiteLLM's price map in our compact form, with numbers of keys and values as in `self`. With a day, prices that
    /// differ from those in `self` hold from that day on and the ones in `self` before.
    pub fn import(&self, bytes: &[u8], since: Option<Day>) -> Result<CompactText, CatalogError> {
        let mut entries = Vec::new();
        import::read(bytes, |entry| entries.push(entry))?;
        for entry in &mut entries {
            if let (Some(day), Some(old)) =
                (since, self.data.entry(&entry.name).filter(|old| old.name == entry.name))
            {
                keep_history(entry, old, day);
            }
        }
        let mut encoder = Encoder::new(self.data.lists().clone());
        encoder.number_frequent_values(&entries);
        entries.iter().for_each(|entry| encoder.add(entry));
        let data = encoder.finish();
        let Lists { keys, values } = data.lists();
        Ok(CompactText {
            models: data.lines().to_owned(),
            keys: keys.join("\n") + "\n",
            values: values.join("\n") + "\n",
        })
    }

    /// This catalogue with the user's own entries, as objects of LiteLLM's price map, laid over it field by field.
    pub fn overlay(&self, entries: &BTreeMap<String, Map<String, Value>>) -> Self {
        let mut overlay = (*self.overlay).clone();
        for (name, fields) in entries {
            let mut object = match self.find(name).map(|entry| entry.to_litellm_json()) {
                Some(Value::Object(object)) => object,
                _ => Map::new(),
            };
            object.extend(fields.iter().map(|(key, value)| (key.clone(), value.clone())));
            let own_prices = fields.keys().any(|key| RateKey::parse(key).is_some());
            if own_prices && !fields.contains_key("tiered_pricing") {
                object.remove("tiered_pricing");
            }
            let mut entry = Entry::from_litellm_json(name, &object);
            entry.price.overridden |= own_prices;
            overlay.insert(name.to_ascii_lowercase(), entry);
        }
        Self { data: Arc::clone(&self.data), overlay: Arc::new(overlay) }
    }

    /// The entry of a model at a provider: `provider/model`, or the bare name if its label is that provider, or the
    /// same without fine-tune, region, route or date parts, or the provider's price class of that size.
    pub fn entry(&self, provider: &str, model: &str) -> Option<Entry> {
        // Nearly all names are found by one of these two, before any others are made up.
        self.find(&format!("{}/{model}", names::provider_of_label(provider)))
            .or_else(|| self.find(model).filter(|entry| names::same_provider(&entry.provider, provider)))
            .or_else(|| {
                names::candidates(provider, model).into_iter().find_map(|candidate| {
                    let entry = self.find(&candidate.name)?;
                    (!candidate.check || names::same_provider(&entry.provider, provider)).then_some(entry)
                })
            })
    }

    /// The entry that prices an answer: that of the model which the provider says it used, or else of the one asked for.
    pub fn entry_of_answer(&self, provider: &str, asked: &str, answered: Option<&str>) -> Option<Entry> {
        let answered = answered.filter(|answered| *answered != asked && !answered.is_empty());
        answered.and_then(|answered| self.entry(provider, answered)).or_else(|| self.entry(provider, asked))
    }

    /// The entry of a name that may have a provider in front: `azure/gpt-4o`, `gpt-4o`, `bedrock/us.amazon.nova-pro-v1:0`.
    pub fn entry_of_name(&self, name: &str) -> Option<Entry> {
        self.find(name).or_else(|| match name.split_once('/') {
            Some((provider, model)) => self.entry(provider, model),
            None => self.entry(&self.provider_of(name)?, name),
        })
    }

    /// By the price map's own key, in any letter case if there is none in this one.
    pub fn find(&self, name: &str) -> Option<Entry> {
        if !self.overlay.is_empty()
            && let Some(entry) = self.overlay.get(&name.to_ascii_lowercase())
        {
            return Some(entry.clone());
        }
        self.data.entry(name)
    }

    /// What is known about a model: its entry's facts or, for a model that is too new to have one, what its family has
    /// in common (then [`ModelFacts::known`] is false).
    pub fn facts(&self, provider: &str, model: &str) -> ModelFacts {
        self.entry(provider, model).map_or_else(|| families::facts(model), |entry| entry.facts())
    }

    /// The provider that a bare model name belongs to, by the catalogue or by the pattern of its name.
    pub fn provider_of(&self, model: &str) -> Option<String> {
        let listed = self.find(model).map(|entry| names::provider_of_label(&entry.provider).to_owned());
        listed.filter(|label| !label.is_empty()).or_else(|| families::provider(model).map(str::to_owned))
    }

    /// The entry of pictures of one size and quality, where they are sold by size and quality.
    pub fn image_entry(
        &self,
        provider: &str,
        model: &str,
        size: Option<&str>,
        quality: Option<&str>,
    ) -> Option<Entry> {
        let size = size.unwrap_or("1024x1024").replace('x', "-x-");
        let quality = quality.unwrap_or("standard");
        let names = names::candidates(provider, model).into_iter().flat_map(|candidate| {
            let prefix = if candidate.check { "" } else { provider };
            let model = candidate
                .name
                .strip_prefix(prefix)
                .unwrap_or(&candidate.name)
                .trim_start_matches('/')
                .to_owned();
            let slash = if prefix.is_empty() { "" } else { "/" };
            [format!("{prefix}{slash}{quality}/{size}/{model}"), format!("{prefix}{slash}{size}/{model}")]
        });
        names
            .into_iter()
            .find_map(|name| self.find(&name).filter(|entry| names::same_provider(&entry.provider, provider)))
    }

    /// What a call costs. The provider's own figure wins, with or without an entry.
    pub fn pricing(&self, provider: &str, model: &str, usage: &Usage, terms: &Terms) -> Pricing {
        self.pricing_of_answer(provider, model, None, usage, terms)
    }

    /// What a call costs by the model that the provider says it used, or else by the one asked for.
    pub fn pricing_of_answer(
        &self,
        provider: &str,
        asked: &str,
        answered: Option<&str>,
        usage: &Usage,
        terms: &Terms,
    ) -> Pricing {
        let pictures = terms.measured.output_images > 0 && usage.output == 0;
        let (size, quality) = (terms.image_size.as_deref(), terms.image_quality.as_deref());
        let sized = pictures.then(|| self.image_entry(provider, asked, size, quality)).flatten();
        match sized.or_else(|| self.entry_of_answer(provider, asked, answered)) {
            Some(entry) => entry.pricing(usage, terms),
            None => match usage.provider_cost {
                Some(amount) => Pricing::Priced(Cost::reported(amount)),
                None => Pricing::Unpriced { model: format!("{provider}/{asked}"), known: false },
            },
        }
    }

    /// How many models.
    pub fn len(&self) -> usize {
        let own = self.overlay.values().filter(|entry| self.data.line(&entry.name).is_none()).count();
        self.data.len() + own
    }

    /// Whether there is no model.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The names of all models: the user's own first, then those of the price map in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let own = self.overlay.values().map(|entry| entry.name.as_str());
        own.chain(self.data.names().filter(|name| !self.overlay.contains_key(&name.to_ascii_lowercase())))
    }

    /// A hash of the content: equal content, equal version.
    pub fn version(&self) -> String {
        let own = self.overlay.values().fold(0, |hash: u64, entry| {
            let text = format!("{}{}", entry.name, entry.to_litellm_json());
            hash.rotate_left(1) ^ data::fnv(text.as_bytes())
        });
        format!("{:016x}", self.data.hash() ^ own)
    }
}

/// Puts new prices behind the old ones.
fn keep_history(entry: &mut Entry, old: Entry, since: Day) {
    let newest = old.price.rates_at(None).clone();
    if newest == entry.price.base {
        entry.price.base = old.price.base;
        entry.price.dated = old.price.dated;
        return;
    }
    let rates = std::mem::replace(&mut entry.price.base, old.price.base);
    entry.price.dated = old.price.dated;
    entry.price.dated.retain(|dated| dated.from < since);
    entry.price.dated.push(DatedRates { from: since, until: None, rates });
}
