//! How many rows of a lookup table a promotion may take away.

use std::fmt;

use serde::Deserialize;

/// Up to this many rows may go by default, whatever part of the table they are.
const FEW_ROWS: u64 = 10;

/// Of more rows, this part by default.
const PERCENT: u64 = 20;

/// A limit that somebody set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub enum MaxDelete {
    Rows(u64),
    /// Of the rows that the target has.
    Percent(u64),
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "`max_delete` is a number of rows, or a part of them such as \"20%\""
)]
enum Written {
    Rows(u64),
    Percent(String),
}

impl TryFrom<Written> for MaxDelete {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Rows(rows) => Ok(MaxDelete::Rows(rows)),
            Written::Percent(text) => text
                .strip_suffix('%')
                .and_then(|digits| digits.trim().parse().ok())
                .filter(|percent| *percent <= 100)
                .map(MaxDelete::Percent)
                .ok_or_else(|| {
                    format!(
                        "`max_delete` is a number of rows, or a part of them such as \"20%\", not \"{text}\""
                    )
                }),
        }
    }
}

impl fmt::Display for MaxDelete {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MaxDelete::Rows(rows) => write!(formatter, "{rows}"),
            MaxDelete::Percent(percent) => write!(formatter, "{percent}%"),
        }
    }
}

/// What happens to the rows in use of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Going {
    /// Deleted or switched off.
    pub rows: u64,
    /// As many as the target has.
    pub of: u64,
    /// The table has rows in use afterwards.
    pub some_stay: bool,
}

impl Going {
    /// Why that is too many, in words that follow the number of rows; `None` where it is not.
    pub fn server_wide(&self, limit: Option<MaxDelete>) -> Option<String> {
        let part = |percent: u64| self.rows.saturating_mul(100) > self.of.saturating_mul(percent);
        match limit {
            Some(limit) => {
                let is_beyond = match limit {
                    MaxDelete::Rows(most) => self.rows > most,
                    MaxDelete::Percent(percent) => part(percent),
                };
                is_beyond.then(|| format!("and `max_delete` allows {limit}"))
            }
            None if self.rows > 0 && !self.some_stay => Some("which leaves none".to_owned()),
            None if self.rows > FEW_ROWS && part(PERCENT) => {
                Some(format!("and no more than {PERCENT}% go unasked"))
            }
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn going(rows: u64, of: u64) -> Going {
        Going {
            rows,
            of,
            some_stay: rows < of,
        }
    }

    #[test]
    fn limits_are_rows_or_percent() {
        #[derive(Deserialize)]
        struct Table {
            max_delete: MaxDelete,
        }
        let read = |text: &str| {
            toml::from_str::<Table>(&format!("max_delete = {text}"))
                .map(|table| table.max_delete)
                .map_err(|error| error.message().to_owned())
        };
        assert_eq!(read("0"), Ok(MaxDelete::Rows(0)));
        assert_eq!(read("\"20%\""), Ok(MaxDelete::Percent(20)));
        assert_eq!(read("\"100 %\""), Ok(MaxDelete::Percent(100)));
        for wrong in ["-1", "1.5", "\"101%\"", "\"20\"", "\"%\"", "true"] {
            let words = read(wrong).unwrap_err();
            assert!(words.contains("such as \"20%\""), "{wrong}: {words}");
        }
    }

    #[test]
    fn by_default_no_table_is_emptied_and_a_fifth_may_go() {
        for (rows, of, is_beyond) in [
            (0, 0, false),
            (1, 1, true),
            (3, 3, true),
            (2, 3, false),
            (10, 11, false),
            (11, 55, false),
            (11, 54, true),
            (20, 100, false),
            (21, 100, true),
        ] {
            assert_eq!(
                going(rows, of).server_wide(None).is_some(),
                is_beyond,
                "{rows} of {of}"
            );
        }
    }

    #[test]
    fn a_limit_that_is_set_takes_the_place_of_the_default() {
        for (rows, of, limit, is_beyond) in [
            (0, 3, MaxDelete::Rows(0), false),
            (1, 3, MaxDelete::Rows(0), true),
            (5, 5, MaxDelete::Rows(5), false),
            (6, 600, MaxDelete::Rows(5), true),
            (5, 5, MaxDelete::Percent(100), false),
            (1, 1, MaxDelete::Percent(50), true),
            (50, 100, MaxDelete::Percent(50), false),
            (51, 100, MaxDelete::Percent(50), true),
        ] {
            let server_wide = going(rows, of).server_wide(Some(limit));
            assert_eq!(server_wide.is_some(), is_beyond, "{rows} of {of}, {limit}");
        }
    }
}
