//! The compact form: sorted lines of text, searched where they lie and read one entry at a time.
//!
//! A line is `name TAB provider TAB mode` and then fields. A field starts with the number (base 36) of its key in the
//! key list, followed by `+` or `-` (a flag), `=` and picodollars (a price), `:` and JSON (a fact), or `@` and the
//! number of a frequent value (a fact). `>2026-12-01` or `>2026-12-01<2027-01-01` starts prices that hold from a day
//! on. Lines are sorted by name, letter case last, so that a binary search finds names in any case.

use std::{borrow::Cow, cmp::Ordering, collections::HashMap, sync::OnceLock};

use serde_json::Value;

use crate::{DatedRates, Day, Entry, Rate, RateKey, entry::Field};

/// Entries in compact form with the lists that they refer to.
#[derive(Debug, Default)]
pub(crate) struct Data {
    lines: Cow<'static, str>,
    lists: Lists,
    /// The prices among the keys, by number.
    rate_keys: OnceLock<Vec<Option<RateKey>>>,
    count: OnceLock<usize>,
    hash: OnceLock<u64>,
}

/// Keys and frequent values, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists {
    pub(crate) keys: Vec<Cow<'static, str>>,
    pub(crate) values: Vec<Cow<'static, str>>,
}

impl Lists {
    /// From text with one item a line.
    pub(crate) fn read(keys: &'static str, values: &'static str) -> Self {
        let lines = |text: &'static str| text.lines().map(Cow::Borrowed).collect();
        Self { keys: lines(keys), values: lines(values) }
    }
}

impl Data {
    pub(crate) fn builtin() -> Self {
        let lists = Lists::read(include_str!("../data/keys.txt"), include_str!("../data/values.txt"));
        Self { lines: Cow::Borrowed(include_str!("../data/models.tsv")), lists, ..Self::default() }
    }

    pub(crate) fn new(lines: String, lists: Lists) -> Self {
        Self { lines: Cow::Owned(lines), lists, ..Self::default() }
    }

    pub(crate) fn lines(&self) -> &str {
        &self.lines
    }

    pub(crate) fn lists(&self) -> &Lists {
        &self.lists
    }

    pub(crate) fn len(&self) -> usize {
        *self.count.get_or_init(|| self.lines.lines().count())
    }

    /// FNV-1a of all lines.
    pub(crate) fn hash(&self) -> u64 {
        *self.hash.get_or_init(|| fnv(self.lines.as_bytes()))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.lines.lines().map(name_of)
    }

    /// The line of a name: in the same letter case if there is one, else in any.
    pub(crate) fn line(&self, name: &str) -> Option<&str> {
        let text = &*self.lines;
        let (mut low, mut high) = (0, text.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let before = text.as_bytes().get(low..middle)?;
            let start = before.iter().rposition(|byte| *byte == b'\n').map_or(low, |at| low + at + 1);
            let line = first_line(text.get(start..)?);
            match by_name(name_of(line), name) {
                Ordering::Less => low = start + line.len() + 1,
                Ordering::Equal => return Some(line),
                Ordering::Greater => high = start,
            }
        }
        // Not in this letter case: names that differ only in it are neighbours.
        let next = text.get(low..).map(first_line);
        let before = low.checked_sub(1).and_then(|end| text.get(..end)?.rsplit('\n').next());
        next.into_iter().chain(before).find(|line| by_letters(name_of(line), name) == Ordering::Equal)
    }

    pub(crate) fn entry(&self, name: &str) -> Option<Entry> {
        self.line(name).map(|line| self.decode(line))
    }

    /// Reads a line.
    pub(crate) fn decode(&self, line: &str) -> Entry {
        let mut fields = line.split('\t');
        let mut next = || fields.next().unwrap_or_default();
        let (name, provider, mode) = (next(), next(), next());
        let mut entry = Entry { name: name.to_owned(), provider: provider.to_owned(), ..Entry::default() };
        entry.mode = (!mode.is_empty()).then(|| mode.to_owned());
        let mut dated: Option<DatedRates> = None;
        for field in fields {
            if let Some(days) = field.strip_prefix('>') {
                entry.price.dated.extend(dated.take());
                let (from, until) =
                    days.split_once('<').map_or((days, None), |(from, until)| (from, Day::parse(until)));
                dated = Day::parse(from).map(|from| DatedRates { from, until, rates: Default::default() });
                continue;
            }
            match (self.field(field), &mut dated) {
                (Some(Field::Price(key, rate)), Some(dated)) => dated.rates.set(key, rate),
                (Some(field), _) => entry.put(field),
                (None, _) => {}
            }
        }
        entry.price.dated.extend(dated);
        entry.finish();
        entry
    }

    fn field(&self, field: &str) -> Option<Field> {
        let at = field.find(['+', '-', '=', ':', '@'])?;
        let (number, rest) = field.split_at_checked(at)?;
        let number = usize::from_str_radix(number, 36).ok()?;
        let key = || self.lists.keys.get(number).map(|key| key.to_string());
        let value = rest.get(1..)?;
        match rest.as_bytes().first()? {
            b'+' => Some(Field::Flag(key()?, true)),
            b'-' => Some(Field::Flag(key()?, false)),
            b'=' => Some(Field::Price(self.rate_key(number)?, Rate::from_pico_text(value)?)),
            b':' => Some(Field::Fact(key()?, fact(value)?)),
            _ => {
                let value = self.lists.values.get(usize::from_str_radix(value, 36).ok()?)?;
                Some(Field::Fact(key()?, fact(value)?))
            }
        }
    }

    fn rate_key(&self, number: usize) -> Option<RateKey> {
        let parse = || self.lists.keys.iter().map(|key| RateKey::parse(key)).collect();
        self.rate_keys.get_or_init(parse).get(number).copied().flatten()
    }
}

/// JSON; numbers and plain strings, which nearly all are, without a parser.
fn fact(text: &str) -> Option<Value> {
    if let Ok(number) = text.parse::<u64>() {
        return Some(number.into());
    }
    let plain = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match plain.filter(|plain| !plain.contains('\\')) {
        Some(plain) => Some(plain.into()),
        None => serde_json::from_str(text).ok(),
    }
}

/// Writes entries in compact form; numbers of keys and values that are known already stay as they are.
pub(crate) struct Encoder {
    lists: Lists,
    keys: HashMap<String, usize>,
    values: HashMap<String, usize>,
    lines: Vec<String>,
}

impl Encoder {
    pub(crate) fn new(lists: Lists) -> Self {
        let numbered = |list: &[Cow<'static, str>]| -> HashMap<String, usize> {
            list.iter().enumerate().map(|(at, item)| (item.to_string(), at)).collect()
        };
        Self { keys: numbered(&lists.keys), values: numbered(&lists.values), lists, lines: Vec::new() }
    }

    /// Gives numbers to long values that stand in three entries or more.
    pub(crate) fn number_frequent_values(&mut self, entries: &[Entry]) {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for value in entries.iter().flat_map(Entry::facts_of_map).map(|(_, value)| value.to_string()) {
            let count = counts.entry(value.clone()).or_default();
            *count += 1;
            if *count == 3 && value.len() > 8 && !self.values.contains_key(&value) {
                self.values.insert(value.clone(), self.lists.values.len());
                self.lists.values.push(Cow::Owned(value));
            }
        }
    }

    pub(crate) fn add(&mut self, entry: &Entry) {
        let line = self.line(entry);
        self.lines.push(line);
    }

    /// Sorts the lines; of several with one name the last added counts.
    pub(crate) fn finish(mut self) -> Data {
        self.lines.reverse();
        self.lines.sort_by(|one, other| by_name(name_of(one), name_of(other)));
        self.lines.dedup_by(|one, other| name_of(one) == name_of(other));
        let mut text = String::with_capacity(self.lines.iter().map(|line| line.len() + 1).sum());
        for line in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        Data::new(text, self.lists)
    }

    fn key(&mut self, key: &str) -> String {
        let next = self.keys.len();
        let number = *self.keys.entry(key.to_owned()).or_insert(next);
        if number == next {
            self.lists.keys.push(Cow::Owned(key.to_owned()));
        }
        base36(number)
    }

    fn line(&mut self, entry: &Entry) -> String {
        let mut line =
            format!("{}\t{}\t{}", entry.name, entry.provider, entry.mode.as_deref().unwrap_or_default());
        let mut add = |field: String| {
            line.push('\t');
            line.push_str(&field);
        };
        for (flag, yes) in &entry.flags {
            add(format!("{}{}", self.key(flag), if *yes { '+' } else { '-' }));
        }
        for (key, value) in entry.facts_of_map() {
            let text = value.to_string();
            let number = self.key(&key);
            add(match self.values.get(&text) {
                Some(at) => format!("{number}@{}", base36(*at)),
                None => format!("{number}:{text}"),
            });
        }
        for (key, rate) in entry.price.base.iter() {
            add(format!("{}={}", self.key(&entry.rate_name(key)), rate.pico_text()));
        }
        for dated in &entry.price.dated {
            let until = dated.until.map(|until| format!("<{until}")).unwrap_or_default();
            add(format!(">{}{until}", dated.from));
            for (key, rate) in dated.rates.iter() {
                add(format!("{}={}", self.key(&entry.rate_name(key)), rate.pico_text()));
            }
        }
        line
    }
}

pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn first_line(text: &str) -> &str {
    text.split('\n').next().unwrap_or_default()
}

fn name_of(line: &str) -> &str {
    line.split('\t').next().unwrap_or_default()
}

fn by_letters(one: &str, other: &str) -> Ordering {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    one.bytes().map(lower).cmp(other.bytes().map(lower))
}

fn by_name(one: &str, other: &str) -> Ordering {
    by_letters(one, other).then_with(|| one.cmp(other))
}

fn base36(mut number: usize) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit((number % 36) as u32, 36).unwrap_or('0'));
        number /= 36;
        if number == 0 {
            return digits.iter().rev().collect();
        }
    }
}
