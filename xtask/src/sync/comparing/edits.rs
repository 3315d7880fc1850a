//! The edits of a target that a promotion meets, and what is to become of them.

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::model::ledger::PromotedLookup;
use crate::model::rows::change_log::{Change, ChangeLog};
use crate::model::rows::lookup::Lookup;
use crate::model::rows::lookup::settings::LookupSettings;
use crate::model::rows::row::{BATCH, KeySet, Record, cells, hex, owned};
use crate::settings::environment::OnTargetEdit;
use crate::sync::exports::promoted::Promoted;
use crate::sync::rows::compare::{Difference, Side, compare};
use crate::sync::rows::three_way::{Edit, Judge, Kind, Nobody, ThreeWay};
use crate::sync::snapshot::Observed;

/// How many rows are shown with their values, unless all are asked for.
const SHOWN: usize = 5;

/// What was edited in one lookup table of the target.
#[derive(Debug, Clone)]
pub struct Edits {
    pub on_target_edit: OnTargetEdit,
    /// The keys of the rows that were edited.
    pub keys: Vec<Record>,
    /// How many of them were deleted there.
    pub deleted: usize,
    /// The first of them, or all, with their values.
    pub shown: Vec<EditedRow>,
    /// The table was changed since its last promotion, and it cannot be said in which rows.
    pub changed_since: bool,
    /// Of keys and kinds; equal for equal edits.
    pub digest: String,
}

/// A row that was edited on the target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EditedRow {
    pub key: Map<String, Value>,
    /// What somebody did to it on the target.
    pub edit: Kind,
    /// What the source would have done with it.
    pub change: Change,
    pub outcome: OnTargetEdit,
    pub cells: Vec<EditedCell>,
}

/// One value, three ways. JSON's null stands for NULL, and for a row that is not there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EditedCell {
    pub column: String,
    pub promoted: Value,
    pub source: Value,
    pub target: Value,
}

impl Edits {
    /// None are known.
    pub fn none(on_target_edit: OnTargetEdit) -> Self {
        Edits {
            on_target_edit,
            keys: Vec::new(),
            deleted: 0,
            shown: Vec::new(),
            changed_since: false,
            digest: String::new(),
        }
    }

    /// Of the edits and of what happens to them.
    pub fn fingerprint(&self) -> String {
        let text = format!("{:?} {}", self.on_target_edit, self.digest);
        hex(&Sha256::digest(text)[..16])
    }

    /// The keys of the rows that stay as they are.
    pub fn kept(&self) -> KeySet {
        match self.on_target_edit {
            OnTargetEdit::Keep => self.keys.iter().map(owned).collect(),
            OnTargetEdit::Overwrite | OnTargetEdit::Refuse => KeySet::new(),
        }
    }
}

/// Edits as the comparison finds them.
#[derive(Default)]
pub(crate) struct Found {
    edits: Vec<Edit>,
    /// Of the rows that were promoted.
    columns: Vec<String>,
    changed_since: bool,
}

impl Found {
    fn of(edits: Vec<Edit>, promoted: &Promoted) -> Self {
        Found {
            edits,
            columns: promoted.columns().to_vec(),
            changed_since: false,
        }
    }
}

/// One table at both ends, with the same fields in the same order.
pub(crate) struct Pair<'ends> {
    pub(crate) on_source: &'ends Lookup,
    pub(crate) source: &'ends mut Observed,
    pub(crate) on_target: &'ends Lookup,
    pub(crate) target: &'ends mut Observed,
}

impl Pair<'_> {
    /// Compares the two ends, by these fields where they are named.
    ///
    /// # Errors
    /// What the databases report.
    pub(crate) fn compare(
        &mut self,
        compared: Option<&[usize]>,
        judge: &mut dyn Judge,
        log: &mut ChangeLog,
    ) -> anyhow::Result<Difference> {
        let [on_source, on_target] = [self.on_source, self.on_target].map(|lookup| Lookup {
            compared: compared.unwrap_or(&lookup.compared).to_vec(),
            ..lookup.clone()
        });
        let source = Side {
            rows: self.source.session.hashes(&on_source)?,
            label: &self.source.snapshot.label,
        };
        let target = Side {
            rows: self.target.session.hashes(&on_target)?,
            label: &self.target.snapshot.label,
        };
        compare(&on_source, source, target, judge, log)
    }

    /// Compares the two ends, and with what the target was given last. `folder` has those rows, if
    /// they can be compared.
    ///
    /// # Errors
    /// What the databases report.
    pub(crate) fn compare_with_promoted(
        &mut self,
        settings: &LookupSettings,
        folder: Option<&Path>,
        log: &mut ChangeLog,
    ) -> anyhow::Result<(Difference, Found)> {
        let on_target_edit = self.target.snapshot.on_target_edit;
        let lookup = self.on_source;
        let known = self.target.snapshot.ledger.promoted(&settings.table);
        let known = known
            .filter(|known| folder.is_some() && is_comparable(known, lookup))
            .cloned();
        let promoted = known
            .as_ref()
            .zip(folder)
            .and_then(|(known, folder)| Promoted::open(folder, settings, lookup, known));
        let Some(promoted) = promoted else {
            let difference = self.compare(None, &mut Nobody, log)?;
            let changed_since = known.is_some_and(|known| {
                lookup.compared_columns().eq(&known.columns) && known.held != difference.target
            });
            let found = Found {
                changed_since: changed_since && !difference.is_empty(),
                ..Found::default()
            };
            return Ok((difference, found));
        };
        let in_file = |at: &&usize| promoted.columns().contains(&lookup.columns[**at]);
        let shared: Vec<usize> = lookup.compared.iter().filter(in_file).copied().collect();
        let names: Vec<&str> = shared
            .iter()
            .map(|at| lookup.columns[*at].as_str())
            .collect();
        let rows = promoted.rows(&names)?;
        let mut judge = ThreeWay::new(rows, &lookup.key_readings, on_target_edit);
        let difference = self.compare(Some(&shared), &mut judge, log)?;
        let mut edits = judge.edits;
        let suspected = edits.len();
        self.settle(&mut edits)?;
        let keeps = on_target_edit == OnTargetEdit::Keep;
        let is_final = edits.len() == suspected || !keeps;
        if is_final && shared.len() == lookup.compared.len() {
            return Ok((difference, Found::of(edits, &promoted)));
        }
        // A row that was taken for an edit is none, or both ends have a column that was not
        // promoted, and the others told who was edited.
        let kept: KeySet = match keeps {
            true => edits.iter().map(|edit| owned(&edit.key)).collect(),
            false => KeySet::new(),
        };
        *log = ChangeLog::new()?;
        let difference = self.compare(None, &mut &kept, log)?;
        Ok((difference, Found::of(edits, &promoted)))
    }

    /// The edits with their values.
    ///
    /// # Errors
    /// What the databases report.
    pub(crate) fn describe(&mut self, found: Found, every_row: bool) -> anyhow::Result<Edits> {
        let Found {
            edits,
            columns,
            changed_since,
        } = found;
        let outcome = self.target.snapshot.on_target_edit;
        let mut hash = Sha256::new();
        for edit in &edits {
            hash.update(format!("{:?} {:?}", edit.kind, owned(&edit.key)));
        }
        let shown = if every_row { edits.len() } else { SHOWN };
        let mut rows = Vec::new();
        for batch in edits.iter().take(shown).collect::<Vec<_>>().chunks(BATCH) {
            let keys: Vec<Record> = batch.iter().map(|edit| edit.key.clone()).collect();
            let source = self.source.session.rows_by_key(self.on_source, &keys)?;
            let target = self.target.session.rows_by_key(self.on_target, &keys)?;
            for edit in batch {
                let find = |rows: &[Record]| {
                    rows.iter()
                        .find(|row| self.on_source.key_of(row) == edit.key)
                        .map(|row| cells(&self.on_source.columns, row))
                };
                rows.push(EditedRow {
                    key: key_cells(self.on_source, &edit.key),
                    edit: edit.kind,
                    change: edit.change,
                    outcome,
                    cells: three_ways(
                        self.on_source,
                        edit.promoted
                            .as_ref()
                            .map(|row| cells(&columns, row))
                            .as_ref(),
                        find(&source).as_ref(),
                        find(&target).as_ref(),
                    ),
                });
            }
        }
        Ok(Edits {
            on_target_edit: outcome,
            deleted: edits
                .iter()
                .filter(|edit| edit.kind == Kind::Deleted)
                .count(),
            keys: edits.into_iter().map(|edit| edit.key).collect(),
            shown: rows,
            changed_since,
            digest: hex(&hash.finalize()[..16]),
        })
    }

    /// Takes out what a promotion itself leaves where rows are switched off instead of deleted, or
    /// what makes no difference there: rows of the target that are switched off and were not
    /// promoted, or are to be switched off; and rows that are gone there and switched off here.
    fn settle(&mut self, edits: &mut Vec<Edit>) -> anyhow::Result<()> {
        // Files are not asked: an import brings back what they have.
        let on_source = !self.source.snapshot.is_folder;
        let is_off_there = |edit: &Edit| {
            edit.change == Change::Retire
                || (edit.kind == Kind::Added && edit.change == Change::Update)
        };
        let is_off_here = |edit: &Edit| on_source && edit.kind == Kind::Deleted;
        if self.on_target.retire.is_none() {
            return Ok(());
        }
        let in_use_there = in_use(self.target, self.on_target, edits, is_off_there)?;
        let in_use_here = in_use(self.source, self.on_source, edits, is_off_here)?;
        edits.retain(|edit| {
            let key = owned(&edit.key);
            (!is_off_there(edit) || in_use_there.contains(&key))
                && (!is_off_here(edit) || in_use_here.contains(&key))
        });
        Ok(())
    }
}

/// The keys of those of some edited rows that one end has, and has not switched off.
fn in_use(
    end: &mut Observed,
    lookup: &Lookup,
    edits: &[Edit],
    is_meant: impl Fn(&Edit) -> bool,
) -> anyhow::Result<KeySet> {
    let keys: Vec<Record> = edits
        .iter()
        .filter(|edit| is_meant(edit))
        .map(|edit| edit.key.clone())
        .collect();
    let mut in_use = KeySet::new();
    for batch in keys.chunks(BATCH) {
        let rows = end.session.unretired(lookup, batch)?;
        in_use.extend(rows.iter().map(owned));
    }
    Ok(in_use)
}

/// What was promoted has the same key and the same condition as what is compared now.
pub(crate) fn is_comparable(known: &PromotedLookup, lookup: &Lookup) -> bool {
    lookup.key_columns().eq(&known.key) && known.filter == lookup.filter
}

fn key_cells(lookup: &Lookup, key: &Record) -> Map<String, Value> {
    let columns: Vec<String> = lookup.key_columns().map(str::to_owned).collect();
    cells(&columns, key)
}

/// The compared columns in which the three are not all the same.
fn three_ways(
    lookup: &Lookup,
    promoted: Option<&Map<String, Value>>,
    source: Option<&Map<String, Value>>,
    target: Option<&Map<String, Value>>,
) -> Vec<EditedCell> {
    let of = |row: Option<&Map<String, Value>>, column: &str| -> Value {
        row.and_then(|row| row.get(column))
            .cloned()
            .unwrap_or_default()
    };
    let key: Vec<&str> = lookup.key_columns().collect();
    lookup
        .compared_columns()
        .filter(|column| !key.contains(column))
        .map(|column| EditedCell {
            column: column.to_owned(),
            promoted: of(promoted, column),
            source: of(source, column),
            target: of(target, column),
        })
        .filter(|cell| cell.promoted != cell.target || cell.source != cell.target)
        .collect()
}
