//! Rows that somebody edited on the target: what was promoted last, beside what both ends hold.
//!
//! Only rows that a promotion would change are asked about. An edit that the source has as well is
//! no conflict, since nothing would be overwritten.

use std::cmp::Ordering;
use std::iter::Peekable;

use serde::Serialize;

use super::compare::KeyedRow;
use crate::model::rows::change_log::Change;
use crate::model::rows::key_order::Reading;
use crate::model::rows::row::{KeySet, Record, RowHash, compare_keys, owned};
use crate::settings::environment::OnTargetEdit;

/// What somebody did to a row of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Changed,
    Deleted,
    Added,
}

/// A row that was edited on the target, and that the source would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub kind: Kind,
    /// What the promotion would do to it.
    pub change: Change,
    pub key: Record,
    /// The row as it was promoted, with the fields of the file that it comes from.
    pub promoted: Option<Record>,
}

/// Has its say about every row that differs, in the order of the key.
pub trait Judge {
    /// Whether the row stays as it is on the target, whose hash of it is `there`.
    ///
    /// # Errors
    /// What keeps the judge from knowing.
    fn stays(
        &mut self,
        change: Change,
        key: &Record,
        there: Option<RowHash>,
    ) -> anyhow::Result<bool>;
}

/// Nothing is known of what was promoted: every row is written.
pub struct Nobody;

impl Judge for Nobody {
    fn stays(&mut self, _: Change, _: &Record, _: Option<RowHash>) -> anyhow::Result<bool> {
        Ok(false)
    }
}

/// The keys of the rows that stay, as the plan has them.
impl Judge for &KeySet {
    fn stays(&mut self, _: Change, key: &Record, _: Option<RowHash>) -> anyhow::Result<bool> {
        Ok(!self.is_empty() && self.contains(&owned(key)))
    }
}

/// Compares every row that differs with the row that was promoted.
pub struct ThreeWay<'given, Rows: Iterator> {
    promoted: Peekable<Rows>,
    readings: &'given [Reading],
    on_target_edit: OnTargetEdit,
    pub edits: Vec<Edit>,
}

impl<'given, Rows: Iterator<Item = anyhow::Result<KeyedRow>>> ThreeWay<'given, Rows> {
    /// The rows that were promoted come in the order of `readings`, with hashes over the columns
    /// that the two ends are compared by.
    pub fn new(promoted: Rows, readings: &'given [Reading], on_target_edit: OnTargetEdit) -> Self {
        ThreeWay {
            promoted: promoted.peekable(),
            readings,
            on_target_edit,
            edits: Vec::new(),
        }
    }

    fn promoted(&mut self, key: &Record) -> anyhow::Result<Option<KeyedRow>> {
        while let Some(next) = self.promoted.next_if(|row| {
            row.as_ref().map_or(true, |row| {
                compare_keys(&row.keyed.key, key, self.readings) != Ordering::Greater
            })
        }) {
            let next = next?;
            if compare_keys(&next.keyed.key, key, self.readings) == Ordering::Equal {
                return Ok(Some(next));
            }
        }
        Ok(None)
    }
}

impl<Rows: Iterator<Item = anyhow::Result<KeyedRow>>> Judge for ThreeWay<'_, Rows> {
    fn stays(
        &mut self,
        change: Change,
        key: &Record,
        there: Option<RowHash>,
    ) -> anyhow::Result<bool> {
        let promoted = self.promoted(key)?;
        let kind = match (&promoted, there) {
            // A new row of the source.
            (None, None) => return Ok(false),
            (None, Some(_)) => Kind::Added,
            (Some(_), None) => Kind::Deleted,
            (Some(promoted), Some(there)) if promoted.keyed.hash == there => return Ok(false),
            (Some(_), Some(_)) => Kind::Changed,
        };
        self.edits.push(Edit {
            kind,
            change,
            key: key.clone(),
            promoted: promoted.map(|promoted| promoted.row),
        });
        Ok(self.on_target_edit == OnTargetEdit::Keep)
    }
}

#[cfg(test)]
pub(in crate::sync) mod tests {
    use super::*;
    use crate::model::rows::lookup::settings::ExtraRows;
    use crate::model::rows::lookup::{Lookup, Source};
    use crate::model::schema::table::TableName;

    pub(in super::super) type Rows<'row> = &'row [(&'row str, &'row str)];

    pub(in super::super) fn lookup() -> Lookup {
        Lookup {
            table: TableName::new(None, "fees"),
            columns: vec!["id".to_owned(), "name".to_owned()],
            key: vec![0],
            sources: vec![Source::Column, Source::Column],
            key_readings: vec![Reading::Number],
            compared: vec![0, 1],
            filter: None,
            extra_rows: ExtraRows::Delete,
            retire: None,
            own: Vec::new(),
            links: Vec::new(),
            ignored: Vec::new(),
        }
    }

    pub(in super::super) fn record((id, name): (&str, &str)) -> Record {
        Record::from(vec![id, name])
    }

    pub(in super::super) fn keyed(
        rows: Rows<'_>,
    ) -> impl Iterator<Item = anyhow::Result<KeyedRow>> {
        let rows: Vec<_> = rows.iter().copied().map(record).collect();
        rows.into_iter().map(|row| {
            Ok(KeyedRow {
                keyed: lookup().keyed_hash(&row),
                row,
            })
        })
    }

    /// Every case of one row: what was promoted, what the source has, what the target has.
    fn judged(
        promoted: Option<&str>,
        change: Change,
        there: Option<&str>,
        on_target_edit: OnTargetEdit,
    ) -> (bool, Option<Kind>) {
        let promoted: Vec<(&str, &str)> = promoted.iter().map(|name| ("5", *name)).collect();
        let lookup = lookup();
        let around = [&[("1", "a")], promoted.as_slice(), &[("10", "z")]].concat();
        let mut judge = ThreeWay::new(keyed(&around), &lookup.key_readings, on_target_edit);
        let there = there.map(|name| lookup.hash_of(&record(("5", name))));
        let stays = judge
            .stays(change, &Record::from(vec!["5"]), there)
            .unwrap();
        (stays, judge.edits.first().map(|edit| edit.kind))
    }

    #[test]
    fn only_what_was_edited_on_the_target_counts() {
        for (promoted, change, there, kind) in [
            (None, Change::Insert, None, None),
            (Some("a"), Change::Insert, None, Some(Kind::Deleted)),
            (Some("a"), Change::Update, Some("a"), None),
            (Some("a"), Change::Update, Some("b"), Some(Kind::Changed)),
            (None, Change::Update, Some("b"), Some(Kind::Added)),
            (Some("a"), Change::Delete, Some("a"), None),
            (Some("a"), Change::Delete, Some("b"), Some(Kind::Changed)),
            (None, Change::Delete, Some("b"), Some(Kind::Added)),
            (Some("a"), Change::Retire, Some("a"), None),
            (Some("a"), Change::Retire, Some("b"), Some(Kind::Changed)),
            (None, Change::Retire, Some("b"), Some(Kind::Added)),
        ] {
            for policy in [
                OnTargetEdit::Overwrite,
                OnTargetEdit::Keep,
                OnTargetEdit::Refuse,
            ] {
                let stays = policy == OnTargetEdit::Keep && kind.is_some();
                assert_eq!(
                    judged(promoted, change, there, policy),
                    (stays, kind),
                    "{promoted:?} {change:?} {there:?} {policy:?}"
                );
            }
        }
    }

    #[test]
    fn rows_are_found_in_the_order_of_the_key() {
        let lookup = lookup();
        let promoted = keyed(&[("2", "a"), ("9", "b"), ("10", "c"), ("30", "d")]);
        let mut judge = ThreeWay::new(promoted, &lookup.key_readings, OnTargetEdit::Overwrite);
        for key in ["1", "2", "10", "20", "30", "40"] {
            let key = Record::from(vec![key]);
            judge.stays(Change::Insert, &key, None).unwrap();
        }
        let deleted: Vec<&str> = judge.edits.iter().map(|edit| &edit.key[0]).collect();
        assert_eq!(deleted, ["2", "10", "30"]);
    }

    #[test]
    fn a_row_that_cannot_be_read_is_an_error() {
        let lookup = lookup();
        let broken = keyed(&[("1", "a")]).chain([Err(anyhow::anyhow!("broken"))]);
        let mut judge = ThreeWay::new(broken, &lookup.key_readings, OnTargetEdit::Overwrite);
        let key = Record::from(vec!["5"]);
        assert!(judge.stays(Change::Insert, &key, None).is_err());
    }

    #[test]
    fn known_keys_stay() {
        let known: KeySet = [vec!["5".to_owned()]].into();
        for (key, stays) in [("5", true), ("6", false)] {
            let key = Record::from(vec![key]);
            assert_eq!((&known).stays(Change::Update, &key, None).unwrap(), stays);
        }
    }
}
