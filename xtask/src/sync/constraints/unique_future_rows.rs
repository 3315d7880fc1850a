//! Values that are unique on the target and that two of its rows would have in the end, where what
//! a row has then comes from both ends: a part of it stays as it is there or is filled in there, is
//! computed, is what `retire` sets, or counts for some rows only.

use std::collections::{BTreeMap, BTreeSet};

use super::future_rows::FutureRows;
use super::unique_conflicts::{Ends, NAMED, UniqueConflicts};
use super::unique_swaps::unique_swaps;
use crate::model::rows::change_log::{Change, ChangeLog};
use crate::model::rows::key_order::Reading;
use crate::model::rows::lookup::Lookup;
use crate::model::rows::lookup::settings::ExtraRows;
use crate::model::rows::row::{BATCH, NULL, Record, owned};
use crate::model::schema::catalog::Table;
use crate::model::words::and_more;
use crate::problem::{Code, Problem};
use crate::sync::rows::condition::names;

/// Ways out: where a row has a part from each end, where files have rows that are the same, and where
/// only the target has the unique key.
const FROM_BOTH_ENDS: &str = "what a row has there comes from both ends, as `ignore`, `insert_only`, `retire`, `where`, `extra_rows` and `on_target_edit` say: change the rows there, give the rows of the source other values, or let all columns that are unique travel";
const OF_FILES: &str = "a generated column or an index over some rows takes them for the same: give the rows of the files other values";
const OF_TARGET: &str = "only the target has that unique key: give the rows of the source other values, or bring both schemas in step with a migration";

/// A unique key that has to be judged by the rows as they will be.
struct Judged {
    columns: Vec<String>,
    /// The same as fields of the whole table.
    fields: Vec<usize>,
    condition: Option<String>,
    /// Only rows that are kept because they were edited may be in the way unseen.
    only_kept: bool,
    hint: &'static str,
    /// New rows have values that only the target knows.
    new_are_unknown: bool,
    /// Rows may exchange values of it, and [`super::taken::unique_conflicts`] does not look.
    may_move: bool,
}

/// What rows will have in one unique key, each with the key that tells the row apart.
#[derive(Default)]
struct Entries {
    values: Vec<Record>,
    keys: Vec<Record>,
}

/// What becomes of the rows that change, by their keys.
type Logged = BTreeMap<Vec<String>, Change>;

/// Says which unique keys two rows would share, as far as [`super::taken::unique_conflicts`] does not.
///
/// # Errors
/// What the databases report.
pub(in crate::sync) fn unique_future_rows(
    ends: &mut Ends<'_>,
    log: &mut ChangeLog,
) -> anyhow::Result<Vec<Problem>> {
    let Some(coming) = FutureRows::of(ends) else {
        return Ok(Vec::new());
    };
    let judged = coming.judged(ends);
    if judged.is_empty() {
        return Ok(Vec::new());
    }
    let mut entries: Vec<Entries> = judged.iter().map(|_| Entries::default()).collect();
    let mut logged = Logged::new();
    let mut waiting = Vec::new();
    for entry in log.read()? {
        let (change, key) = entry?;
        logged.insert(owned(&key), change);
        waiting.push((change, key));
        if waiting.len() == BATCH {
            coming.enter(ends, &judged, &mut entries, &mut waiting)?;
        }
    }
    coming.enter(ends, &judged, &mut entries, &mut waiting)?;
    let mut problems = Vec::new();
    for (judged, entries) in judged.iter().zip(&entries) {
        let (shared, held) = coming.shared(ends, judged, entries, &logged)?;
        if !shared.is_empty() {
            problems.push(problem(ends, judged, entries, &shared));
        }
        let lookup = ends.on_target;
        if judged.may_move
            && !ends
                .target
                .session
                .can_release_unique(lookup, &judged.columns)?
        {
            problems.extend(unique_swaps(ends, &judged.columns, &held)?);
        }
    }
    Ok(problems)
}

/// Whether a unique key is judged by the rows as they will be, since a row does not have all of it
/// from the source.
pub(in crate::sync) fn is_mixed(lookup: &Lookup, columns: &[String]) -> bool {
    let mut retired = lookup.retire.iter().flat_map(|retire| retire.0.keys());
    !travels(lookup, columns) || retired.any(|retired| columns.contains(retired))
}

/// Whether each of these columns of a changed row comes from the source.
fn travels(lookup: &Lookup, columns: &[String]) -> bool {
    let mut lookup_select = lookup.stored_key();
    lookup_select.extend(lookup.changing_columns());
    let mut columns = columns.iter();
    columns.all(|column| lookup_select.contains(&column.as_str()))
}

impl FutureRows {
    fn judged(&self, ends: &Ends<'_>) -> Vec<Judged> {
        let catalog = &ends.target.snapshot.catalog;
        let Some(table) = catalog.tables.get(&ends.on_target.table) else {
            return Vec::new();
        };
        let all = table.unique_keys.iter().map(|columns| (columns, None));
        let partial = table.partial_keys.iter();
        all.chain(partial.map(|key| (&key.columns, Some(&key.condition))))
            .filter_map(|(columns, condition)| self.judge(ends, table, columns, condition))
            .collect()
    }

    /// `None` where the rows that come cannot be in the way of others, or where it cannot be told.
    fn judge(
        &self,
        ends: &Ends<'_>,
        table: &Table,
        columns: &[String],
        condition: Option<&String>,
    ) -> Option<Judged> {
        let lookup = ends.on_target;
        let reads = |column: &str| {
            columns.iter().any(|name| name == column)
                || condition.is_some_and(|condition| names(condition, column))
        };
        // A number of the target's own is nobody else's, and the columns of a link are not there yet.
        let is_unknown = |column: &&str| {
            let in_condition = condition.is_some_and(|condition| names(condition, column));
            in_condition || lookup.own.iter().any(|own| own.name == **column) && reads(column)
        };
        let mut local = self.whole.local_columns();
        local.retain(|column| !lookup.ignored.iter().any(|ignored| ignored == column));
        if local.iter().any(is_unknown) {
            return None;
        }
        let is_computed = self.computed.iter().any(|column| reads(column));
        let hangs_on: Vec<String> = table
            .columns
            .iter()
            .map(|column| column.name.clone())
            .filter(|column| is_computed || reads(column))
            .filter(|column| !self.computed.contains(column))
            .filter(|column| lookup.own.iter().all(|own| own.name != *column))
            .collect();
        let kept = ends.kept.get(&lookup.table);
        let some_are_kept = kept.is_some_and(|kept| !kept.is_empty());
        let some_stay = lookup.filter.is_some()
            || lookup.extra_rows != ExtraRows::Delete
            || lookup.retire.is_some();
        let is_more =
            is_mixed(lookup, &hangs_on) || (some_stay && (is_computed || condition.is_some()));
        // Files, and a source of another schema, may have rows that the target takes for the same;
        // of plain columns the files were checked.
        let is_seen_to = match ends.source.snapshot.is_folder {
            true => !is_computed && condition.is_none(),
            false => is_unique_at_source(ends, columns, condition),
        };
        (is_more || some_are_kept || !is_seen_to).then_some(())?;
        let is_guessed = |column: &String| {
            lookup.ignored.contains(column) && !matches!(self.defaults.get(column), Some(Some(_)))
        };
        Some(Judged {
            columns: columns.to_vec(),
            fields: self.whole.fields_of(columns)?,
            condition: condition.cloned(),
            only_kept: !is_more && (is_seen_to || some_stay),
            hint: match (is_more, is_seen_to, ends.source.snapshot.is_folder) {
                (true, ..) | (_, true, _) => FROM_BOTH_ENDS,
                (_, _, true) => OF_FILES,
                _ => OF_TARGET,
            },
            new_are_unknown: hangs_on.iter().any(is_guessed),
            may_move: condition.is_none() && !travels(lookup, columns),
        })
    }

    /// Adds what changed rows will have in each unique key.
    fn enter(
        &self,
        ends: &mut Ends<'_>,
        judged: &[Judged],
        entries: &mut [Entries],
        changes: &mut Vec<(Change, Record)>,
    ) -> anyhow::Result<()> {
        let changes = std::mem::take(changes);
        let composed = self.compose(ends, &changes)?;
        for (judged, entries) in judged.iter().zip(entries) {
            let mut rows: Vec<&Record> = Vec::new();
            for (change, row) in &composed {
                let is_unknown = *change == Change::Insert && judged.new_are_unknown;
                if !is_unknown
                    && !fields(row, &judged.fields)
                        .iter()
                        .any(|value| value == NULL)
                {
                    rows.push(row);
                }
            }
            let rows: Vec<Record> = rows.into_iter().cloned().collect();
            for row in self.counting(ends, judged, rows)? {
                entries.values.push(fields(&row, &judged.fields));
                entries.keys.push(self.whole.key_of(&row));
            }
        }
        Ok(())
    }

    /// Those of the rows that the condition of a unique key does not leave out.
    fn counting(
        &self,
        ends: &mut Ends<'_>,
        judged: &Judged,
        rows: Vec<Record>,
    ) -> anyhow::Result<Vec<Record>> {
        let Some(condition) = &judged.condition else {
            return Ok(rows);
        };
        let by_condition = Lookup {
            filter: Some(condition.clone()),
            ..self.whole.clone()
        };
        let outside = ends.target.session.outside(&by_condition, &rows)?;
        let outside: BTreeSet<usize> = outside.into_iter().collect();
        let rows = rows.into_iter().enumerate();
        Ok(rows
            .filter(|(at, _)| !outside.contains(at))
            .map(|(_, row)| row)
            .collect())
    }

    /// The positions of the entries that another row has too: one that changes, or one that does not;
    /// and the rows that have one now, and are to let go of it.
    fn shared(
        &self,
        ends: &mut Ends<'_>,
        judged: &Judged,
        entries: &Entries,
        logged: &Logged,
    ) -> anyhow::Result<(BTreeSet<usize>, UniqueConflicts)> {
        let by_values = Lookup {
            key: judged.fields.clone(),
            key_readings: vec![Reading::Text; judged.fields.len()],
            filter: None,
            ..self.whole.clone()
        };
        let (mut shared, mut held) = (BTreeSet::new(), UniqueConflicts::default());
        if entries.values.len() > 1 {
            let session = &mut ends.target.session;
            for (at, first) in session.equal_keys(&by_values, &entries.values)? {
                shared.extend([at, first]);
            }
        }
        for (batch, values) in entries.values.chunks(BATCH).enumerate() {
            let holders = ends.target.session.rows_with_values(&by_values, values)?;
            for (at, holder) in holders {
                let at = batch * BATCH + at;
                let holder_key = self.whole.key_of(&holder);
                let key = owned(&holder_key);
                match logged.get(&key) {
                    Some(Change::Update) if entries.keys[at] != holder_key => {
                        held.changing.push(holder_key);
                    }
                    Some(Change::Delete) => held.going.push(holder_key),
                    _ => {}
                }
                let is_kept = ends
                    .kept
                    .get(&self.whole.table)
                    .is_some_and(|kept| kept.contains(&key));
                if logged.contains_key(&key) || (judged.only_kept && !is_kept) {
                    continue;
                }
                if !self.counting(ends, judged, vec![holder])?.is_empty() {
                    shared.insert(at);
                }
            }
        }
        Ok((shared, held))
    }
}

/// Whether the source can have no two rows that are the same in a unique key of the target.
fn is_unique_at_source(ends: &Ends<'_>, columns: &[String], condition: Option<&String>) -> bool {
    let catalog = &ends.source.snapshot.catalog;
    let Some(table) = catalog.tables.get(&ends.on_source.table) else {
        return false;
    };
    match condition {
        None => table.unique_keys.iter().any(|key| key == columns),
        Some(condition) => table
            .partial_keys
            .iter()
            .any(|key| key.columns == columns && key.condition == *condition),
    }
}

fn fields(row: &Record, at: &[usize]) -> Record {
    at.iter().filter_map(|at| row.get(*at)).collect()
}

fn problem(
    ends: &Ends<'_>,
    judged: &Judged,
    entries: &Entries,
    shared: &BTreeSet<usize>,
) -> Problem {
    let listed = |records: &[Record], between: &str| {
        let named = shared.iter().take(NAMED).map(|at| {
            let fields: Vec<&str> = records[*at].iter().collect();
            fields.join(", ")
        });
        named.collect::<Vec<_>>().join(between)
    };
    let more = and_more(shared.len(), NAMED);
    Problem::new(
        Code::KeyTaken,
        format!(
            "rows of `{}` ({}{more}) would have values in {} that are unique there and that other rows have too: {} = {}{more}",
            ends.on_target.table,
            listed(&entries.keys, "; "),
            ends.target.snapshot.label,
            judged.columns.join(", "),
            listed(&entries.values, "; "),
        ),
    )
    .hint(judged.hint)
}
