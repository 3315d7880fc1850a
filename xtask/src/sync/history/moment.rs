//! The time, as files and the ledger write it.

use jiff::Timestamp;

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
}
