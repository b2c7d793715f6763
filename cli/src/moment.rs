//! Times and ages, as people read and type them.

use std::{fmt, str::FromStr, time::Duration};

use domain::time::Timestamp;
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

const RFC_3339: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// RFC 3339 in UTC with milliseconds, as the API has it.
pub(crate) fn date_time(at: Timestamp) -> String {
    let nanos = i128::from(at.millis()).saturating_mul(1_000_000);
    let date = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok();
    // Beyond the year 9999 there is no such text; milliseconds are one that is never wrong.
    let text = date.and_then(|date| date.format(RFC_3339).ok());
    text.unwrap_or_else(|| at.millis().to_string())
}

/// How long: typed as `90s`, `10m`, `2h` or `1d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Age(pub(crate) Duration);

impl Age {
    /// From one point to a later one.
    pub(crate) fn between(earlier: Timestamp, later: Timestamp) -> Self {
        Self(later.since(earlier))
    }
}

impl FromStr for Age {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "it should be a number and a unit: 90s, 10m, 2h or 1d";
        let unit_at = text.len().saturating_sub(1);
        let (number, unit) = text.split_at_checked(unit_at).ok_or(FORM)?;
        let seconds: u64 = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(FORM),
        };
        let is_plain = number.bytes().all(|byte| byte.is_ascii_digit());
        let number: u64 = number.parse().ok().filter(|_| is_plain).ok_or(FORM)?;
        let seconds = number.checked_mul(seconds).ok_or("that is longer than anybody waits")?;
        Ok(Self(Duration::from_secs(seconds)))
    }
}

/// The two largest units: `2 h 5 min`.
impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0..60 => write!(f, "{seconds} s"),
            60..3_600 => write!(f, "{} min {} s", seconds / 60, seconds % 60),
            3_600..86_400 => write!(f, "{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
            _ => write!(f, "{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_read_in_one_unit_and_shown_in_two() {
        for (text, seconds, shown) in [
            ("0s", 0, "0 s"),
            ("90s", 90, "1 min 30 s"),
            ("10m", 600, "10 min 0 s"),
            ("2h", 7_200, "2 h 0 min"),
            ("49h", 176_400, "2 d 1 h"),
            ("1d", 86_400, "1 d 0 h"),
        ] {
            let age: Age = text.parse().unwrap();
            assert_eq!((age.0.as_secs(), age.to_string().as_str()), (seconds, shown), "{text}");
        }
        for bad in
            ["", "m", "10", "-1m", "+1m", "1.5h", "1w", "10 m", "1ü", "99999999999999999999d"]
        {
            assert!(bad.parse::<Age>().is_err(), "{bad}");
        }
        assert!("999999999999999999d".parse::<Age>().is_err());
    }

    #[test]
    fn a_time_is_shown_as_the_api_shows_it() {
        let at = Timestamp::from_millis(1_800_000_000_012);
        assert_eq!(date_time(at), "2027-01-15T08:00:00.012Z");
        assert_eq!(date_time(Timestamp::from_millis(u64::MAX)), u64::MAX.to_string());
    }
}
