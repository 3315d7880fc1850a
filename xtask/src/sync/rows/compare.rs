//! Which rows differ between two ends: a merge of two streams that come in key order.
//!
//! Nothing here holds a table in memory: the rows that differ go to a [`ChangeLog`] on disk.

use std::cmp::Ordering;

use super::three_way::Judge;
use crate::model::rows::change_log::{Change, ChangeLog};
use crate::model::rows::key_order::Reading;
use crate::model::rows::lookup::Lookup;
use crate::model::rows::lookup::settings::ExtraRows;
use crate::model::rows::row::{
    self, KeyedHash, LookupState, NULL, Record, TableDigest, compare_key_values, compare_keys,
};
use crate::problem::{Code, Problem};

/// Something that comes from one end, in key order.
pub trait Keyed {
    fn keyed(&self) -> &KeyedHash;
    /// What the change log keeps of it.
    fn logged(&self) -> &Record;
}

impl Keyed for KeyedHash {
    fn keyed(&self) -> &KeyedHash {
        self
    }

    fn logged(&self) -> &Record {
        &self.key
    }
}

/// A whole row together with its key and hash.
pub struct KeyedRow {
    pub keyed: KeyedHash,
    pub row: Record,
}

impl Keyed for KeyedRow {
    fn keyed(&self) -> &KeyedHash {
        &self.keyed
    }

    fn logged(&self) -> &Record {
        &self.row
    }
}

/// A stream from one end, and the words for that end in messages.
pub struct Side<'label, Rows> {
    pub rows: Rows,
    pub label: &'label str,
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub source: LookupState,
    pub target: LookupState,
    pub insert: u64,
    pub update: u64,
    pub delete: u64,
    /// Rows that only the target has and that are to be switched off.
    pub retire: u64,
    /// Rows that differ and stay as they are, as the configuration says: those that only the
    /// target has, and those that were edited there.
    pub keep: u64,
    pub unchanged: u64,
}

impl Difference {
    /// Two ends that hold the same.
    pub fn none(state: &LookupState) -> Self {
        Difference {
            source: state.clone(),
            target: state.clone(),
            insert: 0,
            update: 0,
            delete: 0,
            retire: 0,
            keep: 0,
            unchanged: state.rows,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.insert == 0 && self.update == 0 && self.delete == 0 && self.retire == 0
    }
}

/// Compares two ends of a lookup table and logs every row that differs, unless the judge leaves
/// it as it is.
///
/// # Errors
/// What a stream reports; `duplicate_key` or `no_key` when the rows of one end cannot be told
/// apart.
pub fn compare<S: Keyed, T: Keyed>(
    lookup: &Lookup,
    source: Side<'_, impl Iterator<Item = anyhow::Result<S>>>,
    target: Side<'_, impl Iterator<Item = anyhow::Result<T>>>,
    judge: &mut dyn Judge,
    log: &mut ChangeLog,
) -> anyhow::Result<Difference> {
    let mut source = Ordered::new(lookup, source)?;
    let mut target = Ordered::new(lookup, target)?;
    let (mut insert, mut update, mut delete, mut keep, mut unchanged) = (0, 0, 0, 0, 0);
    let mut retire = 0;
    loop {
        let ordering = match (&source.next, &target.next) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => {
                compare_keys(&one.keyed().key, &other.keyed().key, &lookup.key_readings)
            }
        };
        match ordering {
            Ordering::Less => {
                if let Some(row) = source.advance()? {
                    if judge.stays(Change::Insert, &row.keyed().key, None)? {
                        keep += 1;
                        continue;
                    }
                    log.add(Change::Insert, row.logged())?;
                    insert += 1;
                }
            }
            Ordering::Greater => {
                if let Some(row) = target.advance()? {
                    let KeyedHash { key, hash } = row.keyed();
                    let change = match lookup.retire {
                        Some(_) => Change::Retire,
                        None => Change::Delete,
                    };
                    if match lookup.extra_rows {
                        ExtraRows::Keep => true,
                        ExtraRows::Delete => judge.stays(change, key, Some(*hash))?,
                        // Every such row is refused, whoever made it.
                        ExtraRows::Refuse => false,
                    } {
                        keep += 1;
                        continue;
                    }
                    log.add(change, key)?;
                    match change {
                        Change::Retire => retire += 1,
                        _ => delete += 1,
                    }
                }
            }
            Ordering::Equal => {
                if let (Some(one), Some(other)) = (source.advance()?, target.advance()?) {
                    if one.keyed().hash == other.keyed().hash {
                        unchanged += 1;
                    } else if judge.stays(
                        Change::Update,
                        &one.keyed().key,
                        Some(other.keyed().hash),
                    )? {
                        keep += 1;
                    } else {
                        log.add(Change::Update, one.logged())?;
                        update += 1;
                    }
                }
            }
        }
    }
    Ok(Difference {
        source: source.digest.finish(),
        target: target.digest.finish(),
        insert,
        update,
        delete,
        retire,
        keep,
        unchanged,
    })
}

/// The digest of one end alone.
///
/// # Errors
/// As [`compare`].
pub fn digest(
    lookup: &Lookup,
    side: Side<'_, impl Iterator<Item = anyhow::Result<KeyedHash>>>,
) -> anyhow::Result<LookupState> {
    let mut rows = Ordered::new(lookup, side)?;
    while rows.advance()?.is_some() {}
    Ok(rows.digest.finish())
}

/// A stream that proves its order while it is read: every key is above the one before.
struct Ordered<'lookup, Row, Rows: Iterator> {
    rows: std::iter::Fuse<Rows>,
    next: Option<Row>,
    digest: TableDigest,
    lookup: &'lookup Lookup,
    label: String,
    readings: &'lookup [Reading],
}

impl<'lookup, Row: Keyed, Rows: Iterator<Item = anyhow::Result<Row>>> Ordered<'lookup, Row, Rows> {
    fn new(lookup: &'lookup Lookup, side: Side<'_, Rows>) -> anyhow::Result<Self> {
        let mut ordered = Ordered {
            // Asked again after its end, a statement of SQLite would start anew.
            rows: side.rows.fuse(),
            next: None,
            digest: TableDigest::new(lookup.compared_columns()),
            lookup,
            label: side.label.to_owned(),
            readings: &lookup.key_readings,
        };
        ordered.advance()?;
        Ok(ordered)
    }

    /// Returns the row at hand and reads the one behind it.
    fn advance(&mut self) -> anyhow::Result<Option<Row>> {
        let following = self.rows.next().transpose()?;
        if let Some(following) = &following {
            let keyed = following.keyed();
            let fault = keyed.key.iter().find_map(|field| match field {
                NULL => Some((Code::NoKey, "NULL in its key")),
                _ => row::is_unresolved(field)
                    .then_some((Code::MissingParent, "a key that leads nowhere")),
            });
            if let Some((code, what)) = fault {
                return Err(self.refuse(code, what, &keyed.key).into());
            }
            if let Some(before) = &self.next {
                match compare_key_values(&before.keyed().key, &keyed.key, self.readings) {
                    Ordering::Less => {}
                    Ordering::Equal => {
                        return Err(self
                            .refuse(Code::DuplicateKey, "two rows with one key", &keyed.key)
                            .into());
                    }
                    Ordering::Greater => {
                        return Err(self
                            .refuse(Code::Failed, "rows that are not in key order", &keyed.key)
                            .into());
                    }
                }
            }
            self.digest.add(keyed.hash);
        }
        Ok(std::mem::replace(&mut self.next, following))
    }

    fn refuse(&self, code: Code, what: &str, key: &Record) -> Problem {
        let columns: Vec<_> = self.lookup.key_columns().collect();
        Problem::new(
            code,
            format!(
                "`{}` in {} has {what}: {} = {}",
                self.lookup.table,
                self.label,
                columns.join(", "),
                key.iter().collect::<Vec<_>>().join(", ")
            ),
        )
        .hint("mend the rows, or name columns that identify a row with key = […] in data-sync/sync.toml")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::rows::lookup::Source;
    use crate::model::schema::table::TableName;
    use crate::sync::rows::three_way::Nobody;

    fn lookup(extra_rows: ExtraRows) -> Lookup {
        Lookup {
            table: TableName::new(None, "fees"),
            columns: vec!["id".to_owned(), "name".to_owned()],
            key: vec![0],
            sources: vec![Source::Column, Source::Column],
            key_readings: vec![Reading::Number],
            compared: vec![0, 1],
            filter: None,
            extra_rows,
            retire: None,
            own: Vec::new(),
            links: Vec::new(),
            ignored: Vec::new(),
        }
    }

    fn rows(lookup: &Lookup, rows: &[(&str, &str)]) -> Vec<anyhow::Result<KeyedHash>> {
        rows.iter()
            .map(|(id, name)| Ok(lookup.keyed_hash(&Record::from(vec![*id, *name]))))
            .collect()
    }

    fn run(
        extra_rows: ExtraRows,
        source: &[(&str, &str)],
        target: &[(&str, &str)],
    ) -> anyhow::Result<(Difference, Vec<(Change, String)>)> {
        let lookup = lookup(extra_rows);
        let mut log = ChangeLog::new()?;
        let difference = compare(
            &lookup,
            Side {
                rows: rows(&lookup, source).into_iter(),
                label: "Development",
            },
            Side {
                rows: rows(&lookup, target).into_iter(),
                label: "Test",
            },
            &mut Nobody,
            &mut log,
        )?;
        let changes = log
            .read()?
            .map(|change| change.map(|(change, key)| (change, key[0].to_owned())))
            .collect::<anyhow::Result<_>>()?;
        Ok((difference, changes))
    }

    #[test]
    fn every_kind_of_difference_is_counted_and_logged() {
        let (difference, changes) = run(
            ExtraRows::Delete,
            &[("1", "a"), ("2", "b"), ("10", "c")],
            &[("2", "x"), ("9", "y"), ("10", "c"), ("11", "z")],
        )
        .unwrap();
        assert_eq!(
            (
                difference.insert,
                difference.update,
                difference.delete,
                difference.unchanged
            ),
            (1, 1, 2, 1)
        );
        assert_eq!((difference.source.rows, difference.target.rows), (3, 4));
        assert_ne!(difference.source.digest, difference.target.digest);
        assert_eq!(
            changes,
            [
                (Change::Insert, "1".to_owned()),
                (Change::Update, "2".to_owned()),
                (Change::Delete, "9".to_owned()),
                (Change::Delete, "11".to_owned()),
            ]
        );
    }

    #[test]
    fn equal_ends_have_equal_digests() {
        let same = [("1", "a"), ("2", "b")];
        let (difference, changes) = run(ExtraRows::Delete, &same, &same).unwrap();
        assert!(difference.is_empty() && changes.is_empty());
        assert_eq!(difference.source, difference.target);
    }

    #[test]
    fn two_rows_that_swap_a_value_are_two_updates() {
        let (difference, _) = run(
            ExtraRows::Delete,
            &[("1", "a"), ("2", "b")],
            &[("1", "b"), ("2", "a")],
        )
        .unwrap();
        assert_eq!(difference.update, 2);
        assert_ne!(difference.source.digest, difference.target.digest);
    }

    #[test]
    fn extra_rows_stay_where_the_configuration_says_so() {
        let (difference, changes) = run(ExtraRows::Keep, &[], &[("1", "a")]).unwrap();
        assert_eq!((difference.keep, difference.delete), (1, 0));
        assert!(changes.is_empty());
    }

    #[test]
    fn keys_that_do_not_identify_are_refused() {
        for (bad, code) in [
            ([("1", "a"), ("1", "b")], Code::DuplicateKey),
            ([("1", "a"), (NULL, "b")], Code::NoKey),
            ([("2", "a"), ("1", "b")], Code::Failed),
        ] {
            let error = run(ExtraRows::Delete, &[], &bad).unwrap_err();
            let problem = Problem::of(&error);
            assert_eq!(problem.code, code);
            assert!(
                problem.message.contains("`fees` in Test"),
                "{}",
                problem.message
            );
        }
    }
}
