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

    /// `2026-01-02T03:04:05Z`.
    pub fn readable(&self) -> String {
        self.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}
