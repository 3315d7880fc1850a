//! The time, as files and the ledger write it.

use jiff::Timestamp;

use crate::model::words::counted;

/// When something happens, as files and the ledger write it.
pub struct Moment {
    now: Timestamp,
}

impl Moment {
    pub fn now() -> Self {
        Moment {
            now: Timestamp::now(),
        }
    }

    /// `20260102T030405Z`.
    pub fn compact(&self) -> String {
        self.now.strftime("%Y%m%dT%H%M%SZ").to_string()
    }

    /// `2026-01-02T03:04:05.678Z`: as exact as it takes to keep what was done within one second
    /// in its order.
    pub fn readable(&self) -> String {
        self.now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    }
}

/// `2026-01-02T03:04:05.678Z` as `2026-01-02T03:04:05Z`, for people.
pub fn to_the_second(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => time.to_owned(),
    }
}

/// `2 hours ago`; nothing where the text is no time.
pub fn age(time: &str) -> String {
    match time.parse::<Timestamp>() {
        Ok(then) => ago(Timestamp::now().as_second() - then.as_second()),
        Err(_) => String::new(),
    }
}

fn ago(seconds: i64) -> String {
    let units = [("day", 86_400), ("hour", 3_600), ("minute", 60)];
    let unit = units.iter().find(|(_, length)| seconds >= *length);
    unit.map_or("just now".to_owned(), |(name, length)| {
        let count = u64::try_from(seconds / length).unwrap_or_default();
        format!("{} ago", counted(count, name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_their_order() {
        let moment = |nanosecond| Moment {
            now: Timestamp::new(1_767_323_045, nanosecond).unwrap(),
        };
        let times = [0, 5_000_000, 50_000_000, 678_999_999].map(|time| moment(time).readable());
        assert_eq!(times[0], "2026-01-02T03:04:05.000Z");
        assert_eq!(times[3], "2026-01-02T03:04:05.678Z");
        assert!(times.is_sorted());
        assert_eq!(to_the_second(&times[3]), "2026-01-02T03:04:05Z");
    }

    #[test]
    fn ages_are_told_in_the_largest_unit() {
        let seconds = [-5, 59, 60, 7_199, 7_200, 86_400 * 3];
        let ages = [
            "just now",
            "just now",
            "1 minute ago",
            "1 hour ago",
            "2 hours ago",
            "3 days ago",
        ];
        assert_eq!(seconds.map(ago), ages);
    }
}
