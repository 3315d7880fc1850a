//! The edits of one end since its rows were promoted, and the same edits on another end.

use std::cmp::Ordering;

use super::compare::KeyedRow;
use super::three_way::Kind;
use crate::model::rows::lookup::Lookup;
use crate::model::rows::row::{Record, compare_keys};

/// A row that was edited, as it was promoted and as it is there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowEdit {
    pub key: Record,
    pub promoted: Option<Record>,
    pub target: Option<Record>,
}

impl RowEdit {
    pub fn kind(&self) -> Kind {
        match (&self.promoted, &self.target) {
            (None, _) => Kind::Added,
            (_, None) => Kind::Deleted,
            _ => Kind::Changed,
        }
    }
}

/// Every row that is not what was promoted, in the order of the key; `target` has the fields of
/// `lookup`, and both have hashes over the same columns.
///
/// # Errors
/// What a stream reports.
pub fn row_edits(
    lookup: &Lookup,
    promoted: impl Iterator<Item = anyhow::Result<KeyedRow>>,
    target: impl Iterator<Item = anyhow::Result<Record>>,
) -> anyhow::Result<Vec<RowEdit>> {
    let (mut promoted, mut target) = (promoted.fuse(), target.fuse());
    let mut keyed = || -> anyhow::Result<Option<KeyedRow>> {
        let row = target.next().transpose()?;
        Ok(row.map(|row| KeyedRow {
            keyed: lookup.keyed_hash(&row),
            row,
        }))
    };
    let (mut before, mut now) = (promoted.next().transpose()?, keyed()?);
    let mut edits = Vec::new();
    while let Some(key) = before
        .iter()
        .chain(&now)
        .map(|row| &row.keyed.key)
        .min_by(|one, other| compare_keys(one, other, &lookup.key_readings))
    {
        let key = key.clone();
        let is_next = |row: &KeyedRow| {
            compare_keys(&row.keyed.key, &key, &lookup.key_readings) == Ordering::Equal
        };
        let was = before.take_if(|row| is_next(row));
        let is = now.take_if(|row| is_next(row));
        if was.is_some() {
            before = promoted.next().transpose()?;
        }
        if is.is_some() {
            now = keyed()?;
        }
        let hash = |row: &Option<KeyedRow>| row.as_ref().map(|row| row.keyed.hash);
        if hash(&was) != hash(&is) {
            edits.push(RowEdit {
                key,
                promoted: was.map(|row| row.row),
                target: is.map(|row| row.row),
            });
        }
    }
    Ok(edits)
}

/// The rows of another end, in the order of the key, with every edit applied to them. `apply` gets
/// an edit and the row of that end, and returns the row that is to be.
pub fn merged<'given>(
    lookup: &'given Lookup,
    edits: &'given [RowEdit],
    rows: impl Iterator<Item = anyhow::Result<Record>> + 'given,
    mut apply: impl FnMut(&RowEdit, Option<&Record>) -> Option<Record> + 'given,
) -> impl Iterator<Item = anyhow::Result<Record>> + 'given {
    let (mut edits, mut rows) = (edits.iter().peekable(), rows.fuse().peekable());
    std::iter::from_fn(move || {
        loop {
            let order = match (edits.peek(), rows.peek()) {
                (None, _) | (_, Some(Err(_))) => return rows.next(),
                (Some(_), None) => Ordering::Less,
                (Some(edit), Some(Ok(row))) => {
                    compare_keys(&edit.key, &lookup.key_of(row), &lookup.key_readings)
                }
            };
            let row = match order {
                Ordering::Greater => return rows.next(),
                Ordering::Less => None,
                Ordering::Equal => rows.next().and_then(Result::ok),
            };
            if let Some(merged) = edits.next().and_then(|edit| apply(edit, row.as_ref())) {
                return Some(Ok(merged));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::rows::three_way::tests::{Rows, keyed, lookup, record};

    fn plain(rows: Rows<'_>) -> impl Iterator<Item = anyhow::Result<Record>> + 'static {
        let rows: Vec<_> = rows.iter().copied().map(record).map(Ok).collect();
        rows.into_iter()
    }

    #[test]
    fn a_row_that_cannot_be_read_is_an_error() {
        let broken = || [Err(anyhow::anyhow!("broken"))].into_iter();
        assert!(row_edits(&lookup(), keyed(&[]), broken()).is_err());
        assert!(merged(&lookup(), &[], broken(), |_, _| None).any(|row| row.is_err()));
    }

    /// What an end holds, the edits that this means, and the result.
    type Case<'row> = (Rows<'row>, &'row [(&'row str, Kind)], Rows<'row>);

    #[test]
    fn edits_are_found_and_applied_to_another_end() {
        let lookup = lookup();
        let before: Rows<'_> = &[("1", "a"), ("2", "b"), ("9", "c"), ("10", "d")];
        let cases: [Case<'_>; 6] = [
            (before, &[], before),
            (
                &[("1", "a"), ("2", "hot"), ("9", "c"), ("10", "d")],
                &[("2", Kind::Changed)],
                &[("1", "a"), ("2", "hot"), ("9", "c"), ("10", "d")],
            ),
            (
                &[("2", "b"), ("9", "c")],
                &[("1", Kind::Deleted), ("10", Kind::Deleted)],
                &[("2", "b"), ("9", "c")],
            ),
            (
                &[
                    ("0", "new"),
                    ("1", "a"),
                    ("2", "b"),
                    ("9", "c"),
                    ("10", "d"),
                    ("11", "new"),
                ],
                &[("0", Kind::Added), ("11", Kind::Added)],
                &[
                    ("0", "new"),
                    ("1", "a"),
                    ("2", "b"),
                    ("9", "c"),
                    ("10", "d"),
                    ("11", "new"),
                ],
            ),
            (
                &[],
                &[
                    ("1", Kind::Deleted),
                    ("2", Kind::Deleted),
                    ("9", Kind::Deleted),
                    ("10", Kind::Deleted),
                ],
                &[],
            ),
            (
                &[("1", "b"), ("2", "a"), ("9", "c"), ("10", "d")],
                &[("1", Kind::Changed), ("2", Kind::Changed)],
                &[("1", "b"), ("2", "a"), ("9", "c"), ("10", "d")],
            ),
        ];
        for (now, expected, result) in cases {
            let edits = row_edits(&lookup, keyed(before), plain(now)).unwrap();
            let found: Vec<(&str, Kind)> = edits
                .iter()
                .map(|edit| (&edit.key[0], edit.kind()))
                .collect();
            assert_eq!(found, expected);
            let applied: Vec<Record> = merged(&lookup, &edits, plain(before), |edit, _| {
                edit.target.clone()
            })
            .map(Result::unwrap)
            .collect();
            let result: Vec<Record> = result.iter().copied().map(record).collect();
            assert_eq!(applied, result);
        }
    }
}
