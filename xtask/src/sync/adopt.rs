//! Bringing edits home: what somebody changed on a later environment, as rows of the first one.
//!
//! Nothing but files is written. The rows are those of the first environment; in them, every cell
//! that was edited since it was promoted has the value that it was given there.

mod report;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

pub use report::{AdoptReport, Adopted, AdoptedCell, AdoptedRow};

use crate::files::private;
use crate::model::rows::lookup::Lookup;
use crate::model::rows::lookup::settings::{ExtraRows, LookupSettings};
use crate::model::rows::row::{BATCH, KeySet, NULL, Record, cells, owned};
use crate::model::schema::table::TableName;
use crate::model::words::shell_word;
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::settings::environment::Environment;
use crate::sync::comparing::edits::is_comparable;
use crate::sync::constraints::orphans::check_references;
use crate::sync::ends;
use crate::sync::event::{Event, Events, counted};
use crate::sync::exports::export::{self, AdoptedRows, ExportedTable, Written};
use crate::sync::exports::promoted::{self, Promoted};
use crate::sync::promoting::export_edits;
use crate::sync::rows::row_edits::{RowEdit, merged, row_edits};
use crate::sync::rows::three_way::Kind;
use crate::sync::snapshot::{Observed, observe_all};

/// Writes the tables of the first environment with the edits that were made on another one.
///
/// # Errors
/// `usage` for the first environment itself, `missing_table` for what is no lookup table,
/// `target_edited` where it is not known what was promoted, or what the databases report.
pub fn adopt(
    config: &Config,
    from: &str,
    tables: &[TableName],
    events: &mut Events<'_>,
) -> anyhow::Result<AdoptReport> {
    let (first, edited) = ends(config, from)?;
    let wanted: BTreeSet<&TableName> = tables.iter().collect();
    if let Some(unknown) = wanted
        .iter()
        .find(|table| !config.lookups.iter().any(|lookup| lookup.table == ***table))
    {
        return Err(Problem::new(
            Code::MissingTable,
            format!("`{unknown}` is not a lookup table"),
        )
        .hint("data-sync/sync.toml lists the lookup tables; no other is adopted")
        .into());
    }
    let mut observed = observe_all([first, edited], |_| {}).into_iter();
    let (Some(home), Some(away)) = (observed.next(), observed.next()) else {
        anyhow::bail!("there are two environments");
    };
    let (mut home, mut away) = (home?, away?);
    if let Some(problem) = ends::wrong_ends(&home.snapshot, &away.snapshot)
        .into_iter()
        .next()
    {
        return Err(problem.into());
    }
    // Everything is known before the first file is written.
    let mut edits = Vec::new();
    for settings in &config.lookups {
        if wanted.contains(&settings.table) {
            edits.push(Edited::find(config, settings, &mut home, &mut away)?);
        }
    }
    let folder = export::folder(&config.export_dir, &first.name);
    let tables: Vec<Lookup> = edits.iter().map(|edited| edited.home.clone()).collect();
    let known = export::tables_of(&folder);
    let discarded = export_edits::check(config, &first.name, &tables, false, &mut |lookup| {
        let mut edits = edits.iter();
        let again = edits.find(|edited| edited.home.table == lookup.table);
        let Some(again) = again else {
            anyhow::bail!("nothing is adopted of `{}`", lookup.table);
        };
        again.sha256(&mut home, from, known.get(&lookup.table))
    })?;
    private::create_folder(&folder)?;
    let (mut adopted, mut written) = (Vec::new(), Vec::new());
    for edited in &edits {
        events(Event::Detail(edited.home.table.to_string()));
        let (table, mut file) = edited.write(&mut home, &folder, events)?;
        file.table.adopted = Some(AdoptedRows {
            from: from.to_owned(),
            keys: edited.keys(),
        });
        adopted.push(table);
        written.push(file);
    }
    export::publish(&folder, &first.name, written, false)?;
    let named: String = adopted
        .iter()
        .map(|adopted| format!(" {}", shell_word(&adopted.table.to_string())))
        .collect();
    Ok(AdoptReport {
        version: 1,
        from: edited.name.clone(),
        into: first.name.clone(),
        tables: adopted,
        next: format!(
            "cargo xtask sync import --env {}{named}{}",
            first.name, config.options
        ),
        warnings: discarded.into_iter().collect(),
    })
}

/// The first environment, and the one that was edited.
fn ends<'config>(
    config: &'config Config,
    from: &str,
) -> anyhow::Result<(&'config Environment, &'config Environment)> {
    let edited = config.environment(from)?;
    match config.pipeline.first() {
        Some(first) if first.name != edited.name => Ok((first, edited)),
        _ => Err(Problem::new(
            Code::Usage,
            format!(
                "{} is the first environment: nothing is promoted to it",
                edited.label
            ),
        )
        .hint("edits are adopted from a later environment; name one with --from")
        .into()),
    }
}

/// One table, and what was edited in it.
struct Edited {
    table: TableName,
    /// As the first environment has it.
    home: Lookup,
    /// The fields that were promoted.
    promoted: Vec<String>,
    /// The fields that the edited environment has.
    away: Vec<String>,
    edits: Vec<RowEdit>,
    /// The keys of rows that were deleted there and that no import would delete.
    left: Vec<Record>,
}

impl Edited {
    fn find(
        config: &Config,
        settings: &LookupSettings,
        home: &mut Observed,
        away: &mut Observed,
    ) -> anyhow::Result<Edited> {
        let at_home = home.snapshot.lookup(settings, &config.lookups)?;
        let there = away.snapshot.lookup(settings, &config.lookups)?;
        for (lookup, end) in [(&at_home, &mut *home), (&there, &mut *away)] {
            check_references(lookup, &mut *end.session, &end.snapshot.label, false)?;
        }
        let folder = promoted::folder(&config.export_dir, &away.snapshot.environment);
        let known = away.snapshot.ledger.promoted(&settings.table);
        let same_key = at_home.key_readings == there.key_readings
            && at_home.key_columns().eq(there.key_columns());
        let base = known
            .filter(|known| same_key && is_comparable(known, &there))
            .and_then(|known| Promoted::open(&folder, settings, &there, known));
        let Some(base) = base else {
            return Err(unknown(&settings.table, &away.snapshot.label, &folder).into());
        };
        let shared: Vec<&str> = there
            .compared_columns()
            .filter(|column| base.columns().iter().any(|known| known == column))
            .collect();
        let by_shared = Lookup {
            compared: there
                .compared
                .iter()
                .copied()
                .filter(|at| shared.contains(&there.columns[*at].as_str()))
                .collect(),
            ..there.clone()
        };
        let mut edits = row_edits(&by_shared, base.rows(&shared)?, away.session.rows(&there)?)?;
        if there.extra_rows == ExtraRows::Keep {
            // These are the target's own, and stay there.
            edits.retain(|edit| edit.kind() != Kind::Added);
        }
        let mut left = Vec::new();
        if there.retire.is_some() {
            forget_retired(&mut edits, (&there, away), (&at_home, home))?;
        }
        if there.extra_rows != ExtraRows::Delete {
            let gone = edits.extract_if(.., |edit| edit.kind() == Kind::Deleted);
            let gone: Vec<Record> = gone.map(|edit| edit.key).collect();
            for batch in gone.chunks(BATCH) {
                let rows = home.session.rows_by_key(&at_home, batch)?;
                left.extend(rows.iter().map(|row| at_home.key_of(row)));
            }
        }
        Ok(Edited {
            left,
            table: settings.table.clone(),
            home: at_home,
            promoted: base.columns().to_vec(),
            away: there.columns,
            edits,
        })
    }

    fn write(
        &self,
        home: &mut Observed,
        folder: &std::path::Path,
        events: &mut Events<'_>,
    ) -> anyhow::Result<(Adopted, Written)> {
        let mut rows = Vec::new();
        let present = counted(home.session.rows(&self.home)?, events);
        let merged = merged(&self.home, &self.edits, present, |edit, row| {
            let (row, told) = self.apply(edit, row);
            rows.push(told);
            row
        });
        let written = export::write_table(&self.home, folder, merged)?;
        let exported = &written.table;
        let count = |kind: Kind| rows.iter().filter(|row| row.edit == kind).count() as u64;
        let adopted = Adopted {
            table: self.table.clone(),
            file: folder.join(&exported.file),
            rows: exported.state.rows,
            changed: count(Kind::Changed),
            added: count(Kind::Added),
            removed: count(Kind::Deleted),
            left: self.left.iter().map(|key| self.key_cells(key)).collect(),
            edited: rows,
        };
        Ok((adopted, written))
    }

    /// Of the text that would be written. Where only these rows were adopted from there before, what
    /// was written then is as good.
    fn sha256(
        &self,
        home: &mut Observed,
        from: &str,
        before: Option<&ExportedTable>,
    ) -> anyhow::Result<String> {
        let keys = self.keys();
        if let Some(before) = before
            && let Some(adopted) = &before.adopted
            && adopted.from == from
            && adopted.keys.is_subset(&keys)
            && let Some(written) = &before.sha256
        {
            return Ok(written.clone());
        }
        let present = home.session.rows(&self.home)?;
        let merged = merged(&self.home, &self.edits, present, |edit, row| {
            self.apply(edit, row).0
        });
        Ok(export::write_rows(&self.home, &mut std::io::sink(), merged)?.1)
    }

    /// Of the rows that come home and of those that go.
    fn keys(&self) -> KeySet {
        self.edits.iter().map(|edit| owned(&edit.key)).collect()
    }

    fn key_cells(&self, key: &Record) -> Map<String, Value> {
        let columns: Vec<String> = self.home.key_columns().map(str::to_owned).collect();
        cells(&columns, key)
    }

    /// The row of the first environment with the edit in it, and what is told of it.
    fn apply(&self, edit: &RowEdit, first: Option<&Record>) -> (Option<Record>, AdoptedRow) {
        let by_name = |columns: &[String], row: Option<&Record>| -> BTreeMap<String, String> {
            let fields = row.into_iter().flat_map(Record::iter).map(str::to_owned);
            columns.iter().cloned().zip(fields).collect()
        };
        let promoted = by_name(&self.promoted, edit.promoted.as_ref());
        let there = by_name(&self.away, edit.target.as_ref());
        let here = by_name(&self.home.columns, first);
        let compared: Vec<&str> = self.home.compared_columns().collect();
        let was = |row: &BTreeMap<String, String>, column: &str| row.get(column).cloned();
        let both_changed = match (&edit.target, first) {
            (None, Some(_)) => compared.iter().any(|column| {
                promoted.contains_key(*column) && here.get(*column) != promoted.get(*column)
            }),
            (Some(_), None) => edit.promoted.is_some(),
            // Their cells tell.
            _ => false,
        };
        let mut told = AdoptedRow {
            key: self.key_cells(&edit.key),
            edit: edit.kind(),
            both_changed,
            cells: Vec::new(),
        };
        if edit.target.is_none() {
            return (None, told);
        }
        let mut row = Record::new();
        for column in &self.home.columns {
            let (before, now) = (was(&promoted, column), was(&there, column));
            let home = was(&here, column);
            let is_edited = compared.contains(&column.as_str()) && now.is_some() && now != before;
            let field = match (&home, &now) {
                (Some(_), Some(now)) if is_edited => now.clone(),
                (Some(home), _) => home.clone(),
                (None, Some(now)) => now.clone(),
                (None, None) => NULL.to_owned(),
            };
            if is_edited && home != now {
                // A row that both added has no value that was promoted.
                let both_changed = home.is_some() && home != before;
                told.both_changed |= both_changed;
                let json = |field: Option<&String>| match field {
                    Some(field) => cells(std::slice::from_ref(column), &Record::from(vec![field]))
                        .remove(column)
                        .unwrap_or_default(),
                    None => Value::Null,
                };
                told.cells.push(AdoptedCell {
                    column: column.clone(),
                    promoted: json(before.as_ref()),
                    first: json(home.as_ref()),
                    target: json(now.as_ref()),
                    both_changed,
                });
            }
            row.push_field(&field);
        }
        (Some(row), told)
    }
}

/// A row that a promotion switched off was edited by nobody; and one that is gone there and
/// switched off at home came home already.
fn forget_retired(
    edits: &mut Vec<RowEdit>,
    (there, away): (&Lookup, &mut Observed),
    (here, home): (&Lookup, &mut Observed),
) -> anyhow::Result<()> {
    let off_there = switched_off(edits, Kind::Added, there, away)?;
    let off_here = switched_off(edits, Kind::Deleted, here, home)?;
    edits.retain(|edit| match edit.kind() {
        Kind::Added => !off_there.contains(&owned(&edit.key)),
        Kind::Deleted => !off_here.contains(&owned(&edit.key)),
        Kind::Changed => true,
    });
    Ok(())
}

/// The keys of the rows with an edit of this kind that one end has, switched off.
fn switched_off(
    edits: &[RowEdit],
    kind: Kind,
    lookup: &Lookup,
    end: &mut Observed,
) -> anyhow::Result<KeySet> {
    let keys: Vec<Record> = edits
        .iter()
        .filter(|edit| edit.kind() == kind)
        .map(|edit| edit.key.clone())
        .collect();
    let mut off = KeySet::new();
    for batch in keys.chunks(BATCH) {
        let there = end.session.rows_by_key(lookup, batch)?;
        off.extend(there.iter().map(|row| owned(&lookup.key_of(row))));
        for in_use in end.session.unretired(lookup, batch)? {
            off.remove(&owned(&in_use));
        }
    }
    Ok(off)
}

fn unknown(table: &TableName, label: &str, folder: &std::path::Path) -> Problem {
    Problem::new(
        Code::TargetEdited,
        format!(
            "it is not known which rows of `{table}` were promoted to {label} last, so its edits cannot be told apart"
        ),
    )
    .hint(format!(
        "the next promotion to {label} writes them to {}; where another checkout has the files, take them from there",
        folder.display()
    ))
}
