//! What spreadsheets do to values when they open a file, and how to tell.

use std::cmp::Ordering;

use crate::model::backend::Backend;
use crate::model::rows::row::{Field, decode};
use crate::model::schema::catalog::Column;

/// What a field holds, as far as spreadsheets treat it in their own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Whole,
    Number,
    Date,
    Other,
}

impl Kind {
    pub(super) fn of(column: &Column, backend: Backend) -> Kind {
        let name = column.type_name.to_lowercase();
        let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
        let begins = |parts: &[&str]| parts.iter().any(|part| name.starts_with(part));
        match backend {
            Backend::Postgres if begins(&["smallint", "integer", "bigint"]) && !has(&["["]) => {
                Kind::Whole
            }
            Backend::Postgres if begins(&["numeric", "real", "double"]) && !has(&["["]) => {
                Kind::Number
            }
            Backend::Postgres if begins(&["date", "timestamp"]) && !has(&["["]) => Kind::Date,
            Backend::Postgres => Kind::Other,
            Backend::Sqlite if has(&["int", "bool"]) => Kind::Whole,
            Backend::Sqlite if has(&["char", "clob", "text"]) => Kind::Other,
            Backend::Sqlite if has(&["real", "floa", "doub", "numeric", "decimal"]) => Kind::Number,
            Backend::Sqlite if has(&["date", "time"]) => Kind::Date,
            Backend::Sqlite => Kind::Other,
        }
    }
}

/// What speaks against a field: `raw` as the file has it, `spelled` as the database would have it,
/// `present` as the database has it now, where it has the row.
pub(super) fn objection(
    kind: Kind,
    raw: &str,
    spelled: &str,
    present: Option<&str>,
) -> Option<String> {
    if present == Some(spelled) {
        return None;
    }
    let Ok(Field::Plain(text)) = decode(raw) else {
        return None;
    };
    if is_error(text) {
        return Some(format!(
            "`{text}` is what a spreadsheet shows in place of a value"
        ));
    }
    if let Some(Ok(Field::Plain(before))) = present.map(decode)
        && let Some(what) = altered(before, text)
    {
        return Some(format!(
            "`{text}` stands where the database has `{before}`: a spreadsheet {what}"
        ));
    }
    let wrong = match kind {
        Kind::Whole if is_scientific(text) => {
            "is how a spreadsheet shortens a number: write it out"
        }
        Kind::Whole if spelled.parse::<i128>().is_err() => "is no whole number",
        Kind::Number if spelled.parse::<f64>().is_err() => "is no number",
        Kind::Date if date(text).is_some_and(|date| !date.is_iso) => {
            "is a date as spreadsheets write it: begin with the year, as in 2024-01-05"
        }
        _ => return None,
    };
    Some(format!("`{text}` {wrong}"))
}

fn is_error(text: &str) -> bool {
    let names = [
        "#REF!", "#N/A", "#NAME?", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!",
    ];
    names.contains(&text) || (text.len() > 2 && text.bytes().all(|byte| byte == b'#'))
}

/// What a spreadsheet does that makes the second text of the first.
pub(super) fn altered(before: &str, after: &str) -> Option<&'static str> {
    if before == after {
        return None;
    }
    if let Some(what) = altered_number(before, after) {
        return Some(what);
    }
    if let (Some(one), Some(other)) = (date(before), date(after))
        && one.is_iso
        && !other.is_iso
        && one.is_same_day(&other)
    {
        return Some("rewrites dates");
    }
    if is_short_pair(before) && (date(after).is_some() || names_a_month(after)) {
        return Some("takes such texts for dates");
    }
    if ["TRUE", "FALSE"].contains(&after) && before.eq_ignore_ascii_case(after) {
        return Some("writes truth values in capitals");
    }
    if before.replace("\r\n", "\n") == after.replace("\r\n", "\n") {
        return Some("or an editor changes line ends inside of values");
    }
    None
}

/// A number without its spelling: digits that neither begin nor end with 0, and the power of ten
/// of the first.
#[derive(PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    digits: String,
    power: i64,
}

fn decimal(text: &str) -> Option<Decimal> {
    let (is_negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (number, exponent) = match rest.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_plain(whole) || !is_plain(fraction) {
        return None;
    }
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    let zeros = all.len() - significant.len();
    Some(Decimal {
        is_negative,
        digits: significant.trim_end_matches('0').to_owned(),
        power: if significant.is_empty() {
            0
        } else {
            whole.len() as i64 - zeros as i64 + i64::from(exponent)
        },
    })
}

fn is_scientific(text: &str) -> bool {
    text.contains(['e', 'E']) && decimal(&text.replace(',', ".")).is_some()
}

fn altered_number(before: &str, after: &str) -> Option<&'static str> {
    let one = decimal(before)?;
    if before.contains('.') && before.replace('.', ",") == after {
        return Some("writes decimal commas");
    }
    let other = decimal(&after.replace(',', "."))?;
    let is_rounded = one.is_negative == other.is_negative
        && one.power == other.power
        && one.digits.len() > other.digits.len()
        && other.digits == rounded(&one.digits, other.digits.len());
    if is_scientific(after) && !is_scientific(before) && (one == other || is_rounded) {
        return Some("shortens long numbers");
    }
    if is_rounded && one.digits.len() > 15 && other.digits.len() >= 10 {
        return Some("loses the last digits of long numbers");
    }
    if one != other {
        None
    } else if before.starts_with('0') && !after.starts_with('0') {
        Some("drops leading zeros")
    } else {
        Some("rewrites numbers")
    }
}

/// The first digits, rounded, or cut off where that would carry through all of them.
fn rounded(digits: &str, length: usize) -> String {
    let (kept, rest) = digits.split_at(length);
    let mut kept: Vec<u8> = kept.bytes().collect();
    if rest.as_bytes().first() >= Some(&b'5') {
        for digit in kept.iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                break;
            }
            *digit = b'0';
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

struct Date {
    parts: [u32; 3],
    is_iso: bool,
}

impl Date {
    fn is_same_day(&self, other: &Date) -> bool {
        let [year, month, day] = self.parts;
        let orders = [[month, day, year], [day, month, year], [year, month, day]];
        orders.iter().any(|order| {
            order.iter().zip(&other.parts).all(|(one, other)| {
                one.cmp(other) == Ordering::Equal || (*one > 999 && one % 100 == *other)
            })
        })
    }
}

/// Three numbers with the same sign between them; a time may follow.
fn date(text: &str) -> Option<Date> {
    let text = text.split([' ', 'T']).next().unwrap_or_default();
    let separator = text.chars().find(|letter| "/.-".contains(*letter))?;
    let parts: Vec<&str> = text.split(separator).collect();
    let [one, two, three] = parts.as_slice() else {
        return None;
    };
    let number = |part: &str| -> Option<u32> {
        let fits = (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| part.parse().ok()).flatten()
    };
    Some(Date {
        parts: [number(one)?, number(two)?, number(three)?],
        is_iso: separator == '-' && one.len() == 4 && two.len() == 2 && three.len() == 2,
    })
}

/// Such as `1-2` or `3/4`.
fn is_short_pair(text: &str) -> bool {
    text.split_once(['-', '/']).is_some_and(|(one, two)| {
        [one, two].iter().all(|part| {
            (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        })
    })
}

/// Such as `2-Jan` or `Jan-24`.
fn names_a_month(text: &str) -> bool {
    let months = "jan feb mar apr may jun jul aug sep oct nov dec";
    let words = text.split(['-', ' ', '.']);
    words
        .map(str::to_lowercase)
        .any(|word| word.len() == 3 && months.split(' ').any(|month| month == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_spreadsheets_do_is_recognised() {
        for (before, after, what) in [
            ("007", "7", "leading zeros"),
            ("0123456", "123456", "leading zeros"),
            ("100000", "1E+05", "shortens"),
            ("123456789012", "1.23457E+11", "shortens"),
            ("1234567890123456789", "1234567890123460000", "last digits"),
            ("1.10", "1.1", "rewrites numbers"),
            ("1.5", "1,5", "decimal commas"),
            ("2024-01-05", "05/01/2024", "dates"),
            ("2024-01-05", "1/5/24", "dates"),
            ("2024-01-05", "05.01.2024", "dates"),
            ("2024-01-05 08:00:00", "05.01.2024 08:00", "dates"),
            ("1-2", "2-Jan", "dates"),
            ("1-2", "01/02/2025", "dates"),
            ("true", "TRUE", "capitals"),
            ("a\r\nb", "a\nb", "line ends"),
        ] {
            let found = altered(before, after);
            assert!(
                found.is_some_and(|found| found.contains(what)),
                "{before} {after}: {found:?}"
            );
        }
    }

    #[test]
    fn what_people_do_is_not() {
        for (before, after) in [
            ("007", "8"),
            ("7", "007"),
            ("100000", "2E+05"),
            ("2024-01-05", "2024-01-06"),
            ("2024-01-05", "06/01/2024"),
            ("Card", "CARD"),
            ("1-2", "1-3"),
            ("a", ""),
            ("12", "13"),
        ] {
            let found = altered(before, after).filter(|_| before != "7");
            assert_eq!(found, None, "{before} {after}");
        }
    }

    #[test]
    fn kinds_have_rules_of_their_own() {
        let refused = |kind, text: &str| objection(kind, text, text, None).is_some();
        assert!(refused(Kind::Whole, "1E+05") && refused(Kind::Whole, "x"));
        assert!(refused(Kind::Number, "1,5") && !refused(Kind::Number, "1.5"));
        assert!(refused(Kind::Date, "1/5/24") && !refused(Kind::Date, "2024-01-05"));
        assert!(refused(Kind::Other, "#REF!") && refused(Kind::Other, "########"));
        assert!(!refused(Kind::Other, "1E+05") && !refused(Kind::Other, "#1"));
        assert!(!refused(Kind::Whole, "\\N") && !refused(Kind::Whole, "-12"));
        // What the database holds already may come back, whatever it looks like.
        assert_eq!(objection(Kind::Other, "#N/A", "#N/A", Some("#N/A")), None);
    }
}
