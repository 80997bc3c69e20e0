//! Dates as engines write them for people.

use std::time::{Duration, SystemTime};

const DAY: u64 = 86_400;
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// A date as `2025-01-31`: of an ISO date, of a time that has passed since ("2 days ago"), of a date in words
/// ("March 5, 2024"). What is none of these stays as it is.
pub(crate) fn iso(text: &str, now: SystemTime) -> String {
    let found = prefix(text).or_else(|| ago(text, now)).or_else(|| in_words(text));
    found.unwrap_or_else(|| text.to_owned())
}

/// `2025-01-31T…`.
fn prefix(text: &str) -> Option<String> {
    let day = text.trim().get(..10)?;
    let form = day.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    form.then(|| day.to_owned())
}

/// `2 days ago`.
fn ago(text: &str, now: SystemTime) -> Option<String> {
    let mut words = text.split_whitespace();
    let count: u64 = words.next()?.parse().ok()?;
    let seconds = match words.next()?.trim_end_matches('s') {
        "second" | "sec" => 1,
        "minute" | "min" => 60,
        "hour" => 3600,
        "day" => DAY,
        "week" => 7 * DAY,
        "month" => 30 * DAY,
        "year" => 365 * DAY,
        _ => return None,
    };
    let then = now.checked_sub(Duration::from_secs(count.checked_mul(seconds)?))?;
    let since = then.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(civil(since.as_secs() / DAY))
}

/// `March 5, 2024`, `5 Mar 2024`.
fn in_words(text: &str) -> Option<String> {
    let (mut year, mut month, mut day) = (None, None, None);
    for word in text.split(|mark: char| !mark.is_alphanumeric()).filter(|word| !word.is_empty()) {
        match word.parse::<u32>() {
            Ok(number @ 1000..=9999) => year = Some(number),
            Ok(number @ 1..=31) => day = Some(number),
            Ok(_) => return None,
            Err(_) => {
                let start = word.get(..3)?.to_lowercase();
                month = Some(MONTHS.iter().position(|name| *name == start)? + 1);
            }
        }
    }
    Some(format!("{:04}-{:02}-{:02}", year?, month?, day?))
}

/// The date of a day since 1970.
fn civil(days: u64) -> String {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + u64::from(month <= 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        // 2026-11-22.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_348_913);
        for (text, date) in [
            ("2025-01-31T10:00:00Z", "2025-01-31"),
            ("1 day ago", "2026-11-21"),
            ("1 day", "2026-11-21"),
            ("3 weeks ago", "2026-11-01"),
            ("10 hours ago", "2026-11-22"),
            ("March 5, 2024", "2024-03-05"),
            ("5 Mar 2024", "2024-03-05"),
            ("yesterday", "yesterday"),
            ("99999999999999999999 days ago", "99999999999999999999 days ago"),
            ("1000000 years ago", "1000000 years ago"),
            ("ä", "ä"),
        ] {
            assert_eq!(iso(text, now), date, "{text}");
        }
    }
}
