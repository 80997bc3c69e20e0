//! Days and hours, as far as prices need them.

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::Value;

use crate::{Rate, RateKey, Rates};

/// A calendar day in UTC, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Day(i64);

impl Day {
    /// The day of a moment.
    pub fn of(at: SystemTime) -> Self {
        Self(seconds(at).div_euclid(86_400))
    }

    /// From `2026-12-31`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-');
        let mut next = || parts.next()?.parse::<i64>().ok();
        let (year, month, day) = (next()?, next()?, next()?);
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let parsed = Self(days_from_civil(year, month, day));
        (parsed.to_string() == text).then_some(parsed)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// Prices of the hours with less demand.
#[derive(Clone, Debug, PartialEq)]
pub struct OffPeak {
    rates: Rates,
    windows: Vec<Window>,
    /// The map's own object, to show it as it was.
    pub(crate) source: Value,
}

#[derive(Clone, Debug, PartialEq)]
struct Window {
    /// Minutes of the UTC day, end exclusive.
    hours: Vec<(u32, u32)>,
    /// 1 is Monday; empty is every day.
    weekdays: Vec<u64>,
    /// Hours to add to UTC before the weekday is taken.
    weekday_offset: i64,
}

impl OffPeak {
    /// From the price map's `off_peak_pricing`.
    pub(crate) fn parse(source: &Value) -> Option<Self> {
        let object = source.as_object()?;
        let price = |(field, value): (&String, &Value)| {
            Some((RateKey::parse(field)?, Rate::from_dollars(value.as_f64()?)))
        };
        let offset = match object.get("weekday_timezone").and_then(Value::as_str) {
            Some("Asia/Shanghai" | "Asia/Singapore" | "Asia/Hong_Kong") => 8,
            _ => 0,
        };
        let windows =
            object.get("windows")?.as_array()?.iter().filter_map(|window| Window::parse(window, offset));
        Some(Self {
            rates: object.iter().filter_map(price).collect(),
            windows: windows.collect(),
            source: source.clone(),
        })
    }

    /// The cheaper prices, if the moment is inside a window.
    pub(crate) fn rates_at(&self, at: SystemTime) -> Option<&Rates> {
        let now = seconds(at);
        self.windows.iter().any(|window| window.contains(now)).then_some(&self.rates)
    }
}

impl Window {
    fn parse(source: &Value, weekday_offset: i64) -> Option<Self> {
        let hours = match source.get("hours_utc")? {
            Value::Array(spans) => spans.iter().filter_map(Value::as_str).filter_map(span).collect(),
            one => vec![span(one.as_str()?)?],
        };
        let weekdays = source.get("weekdays").and_then(Value::as_array);
        let weekdays = weekdays.into_iter().flatten().filter_map(Value::as_u64).collect();
        Some(Self { hours, weekdays, weekday_offset })
    }

    fn contains(&self, now: i64) -> bool {
        let minute = now.rem_euclid(86_400) as u32 / 60;
        // 1970-01-01 was a Thursday.
        let weekday =
            (now + self.weekday_offset * 3600).div_euclid(86_400).wrapping_add(3).rem_euclid(7) as u64 + 1;
        let day = self.weekdays.is_empty() || self.weekdays.contains(&weekday);
        day && self.hours.iter().any(|(from, until)| match from < until {
            true => (*from..*until).contains(&minute),
            false => minute >= *from || minute < *until,
        })
    }
}

/// `10:00-00:00` as minutes; an end at midnight is the end of the day.
fn span(text: &str) -> Option<(u32, u32)> {
    let minute = |clock: &str| {
        let (hours, minutes) = clock.trim().split_once(':')?;
        Some(hours.parse::<u32>().ok()? * 60 + minutes.parse::<u32>().ok()?)
    };
    let (from, until) = text.split_once('-')?;
    let until = minute(until)?;
    Some((minute(from)?, if until == 0 { 1440 } else { until }))
}

fn seconds(at: SystemTime) -> i64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// Days since 1970-01-01 of a date in the Gregorian calendar; years begin in March, so that the leap day is last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(text: &str, hour: u64) -> SystemTime {
        let days = Day::parse(text).map_or(0, |day| day.0 as u64);
        UNIX_EPOCH + Duration::from_secs(days * 86_400 + hour * 3600)
    }

    #[test]
    fn days_are_read_and_printed() {
        for text in ["1970-01-01", "2000-02-29", "2024-12-31", "2026-11-22", "2100-03-01"] {
            assert_eq!(Day::parse(text).map(|day| day.to_string()).as_deref(), Some(text));
        }
        assert_eq!(Day::parse("2026-11-22"), Some(Day(20_779)));
        assert_eq!(Day::parse("2025-02-29"), None);
        assert_eq!(Day::parse("soon"), None);
    }

    #[test]
    fn windows_follow_hours_and_weekdays() {
        let source = serde_json::json!({"input_cost_per_token": 1e-7, "windows": [
            {"hours_utc": ["00:00-01:00", "10:00-00:00"], "weekdays": [1, 2, 3, 4, 5]},
            {"hours_utc": "00:00-00:00", "weekdays": [6, 7]},
        ]});
        let off_peak = OffPeak::parse(&source);
        let cheap = |moment| off_peak.as_ref().is_some_and(|hours| hours.rates_at(moment).is_some());
        assert!(cheap(at("2026-11-22", 5)), "a Sunday");
        assert!(!cheap(at("2026-11-23", 5)), "a Monday morning");
        assert!(cheap(at("2026-11-23", 0)) && cheap(at("2026-11-23", 23)));
    }
}
