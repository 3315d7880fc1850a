//! Rows that would refer to a row that the target will not have: one of a protected table, one that
//! `where` leaves out at the source, or one that is missing in files that people wrote.

use super::coming::constant;
use crate::problem::{Code, Problem};
use crate::sync::rows::change_log::{Change, ChangeLog};
use crate::sync::rows::lookup::Lookup;
use crate::sync::rows::row::{BATCH, KeySet, NULL, Record, owned};
use crate::sync::schema::catalog::{DefaultValue, ForeignKey};
use crate::sync::schema::table::TableName;
use crate::sync::settings::config::{ExtraRows, LookupSettings};
use crate::sync::snapshot::{Observed, Snapshot};
use crate::sync::words::counted;

/// How many parents are named.
const NAMED: usize = 5;

/// A foreign key whose parents do not all come along.
struct Uncertain {
    parent: TableName,
    /// The fields that refer, as positions.
    fields: Vec<usize>,
    /// The parents that come along from the source, found by what is referred to.
    coming: Option<Lookup>,
    /// All parents on the target, found in the same way.
    there: Lookup,
    /// Those of them that a promotion may delete.
    deleted: Option<Lookup>,
}

/// Says which foreign keys of a lookup table lead nowhere; `on_source` and `on_target` have the
/// same fields in the same order.
///
/// # Errors
/// What the databases report.
pub(in crate::sync) fn missing_parents(
    on_source: &Lookup,
    on_target: &Lookup,
    all: &[LookupSettings],
    source: &mut Observed,
    target: &mut Observed,
    log: &mut ChangeLog,
) -> anyhow::Result<Vec<Problem>> {
    let foreign_keys = target
        .snapshot
        .catalog
        .tables
        .get(&on_target.table)
        .map_or(Vec::new(), |table| table.foreign_keys.clone());
    let mut problems = missing_defaults(on_target, all, source, target, log)?;
    for foreign_key in foreign_keys {
        let ends = (&source.snapshot, &target.snapshot);
        let Some(uncertain) = uncertain(&foreign_key, on_target, all, ends) else {
            continue;
        };
        let (rows, missing) = look(&uncertain, on_source, source, target, log)?;
        if rows > 0 {
            problems.push(problem(
                on_target,
                &uncertain,
                &target.snapshot,
                source.snapshot.is_folder,
                rows,
                &missing,
            ));
        }
    }
    Ok(problems)
}

/// Says which foreign keys new rows are given by a default, since `ignore` leaves them alone, that
/// leads nowhere on the target.
fn missing_defaults(
    lookup: &Lookup,
    all: &[LookupSettings],
    source: &mut Observed,
    target: &mut Observed,
    log: &mut ChangeLog,
) -> anyhow::Result<Vec<Problem>> {
    let backend = target.snapshot.backend;
    let catalog = &target.snapshot.catalog;
    let Some(table) = catalog.tables.get(&lookup.table) else {
        return Ok(Vec::new());
    };
    let mut given = Vec::new();
    for foreign_key in &table.foreign_keys {
        if let ([name], [parent]) = (
            foreign_key.columns.as_slice(),
            foreign_key.parent_columns.as_slice(),
        ) && lookup.ignored.contains(name)
            && !catalog.is_filled_by_triggers(&table.name, backend)
            && let Some(column) = table.columns.iter().find(|column| column.name == *name)
            && let Some(DefaultValue::Expression(default)) = &column.default
            && let Some(default) = constant(default, backend)
        {
            given.push((
                name.clone(),
                default,
                foreign_key.parent.clone(),
                parent.clone(),
            ));
        }
    }
    let mut new = 0;
    for change in log.read()?.take_while(|_| !given.is_empty()) {
        new += u64::from(change?.0 == Change::Insert);
    }
    given.retain(|_| new > 0);
    let mut problems = Vec::new();
    for (name, default, parent, key) in given {
        let key_of = |settings: LookupSettings| LookupSettings {
            key: vec![key.clone()],
            ..settings
        };
        let by_column = key_of(LookupSettings::of(parent.clone()));
        let there = target.snapshot.lookup(&by_column, &[])?;
        let wanted = [Record::from(vec![default.as_str()])];
        let mut found = !target.session.holders(&there, &wanted)?.is_empty();
        // A row of a lookup table may come with it.
        let settings = all.iter().find(|settings| {
            let catalog = &target.snapshot.catalog;
            catalog
                .find(&settings.table)
                .is_some_and(|table| table.name == parent)
        });
        if let Some(settings) = settings
            && let Ok(coming) = source.snapshot.lookup(settings, all)
            && coming.is_plain(&key)
            && let Some(at) = positions(&coming, std::slice::from_ref(&key))
        {
            let coming = Lookup { key: at, ..coming };
            found |= !source.session.rows_by_key(&coming, &wanted)?.is_empty();
        }
        if !found {
            problems.push(
                Problem::new(
                    Code::MissingParent,
                    format!(
                        "{} of `{}` would come to {} with the default of `{name}`, {default}, and refer to a row of `{parent}` that is not there",
                        counted(new, "row"),
                        lookup.table,
                        target.snapshot.label
                    ),
                )
                .hint(format!(
                    "`{name}` is in ignore: let it be NULL, or give it another default, with a migration; make that row; or list the column in insert_only instead"
                )),
            );
        }
    }
    Ok(problems)
}

/// `None` for a foreign key whose parents all come along, or that does not travel.
fn uncertain(
    foreign_key: &ForeignKey,
    lookup: &Lookup,
    all: &[LookupSettings],
    (source, target): (&Snapshot, &Snapshot),
) -> Option<Uncertain> {
    let parent = foreign_key.parent.clone();
    let settings = all.iter().find(|settings| {
        let found = target.catalog.find(&settings.table);
        found.is_some_and(|table| table.name == parent)
    });
    let Some(settings) = settings else {
        let settings = LookupSettings {
            key: foreign_key.parent_columns.clone(),
            ..LookupSettings::of(parent.clone())
        };
        return Some(Uncertain {
            fields: positions(lookup, &foreign_key.columns)?,
            coming: None,
            there: target.lookup(&settings, &[]).ok()?,
            deleted: None,
            parent,
        });
    };
    // A database has no rows without their parents; files may.
    if settings.filter.is_none() && !source.is_folder {
        return None;
    }
    let link = lookup.links.iter().position(|link| {
        let columns = link.pairs.iter().map(|(column, _)| column);
        link.parent.table == parent && columns.eq(&foreign_key.columns)
    });
    let (fields, referred): (Vec<usize>, Vec<String>) = match link {
        Some(at) => {
            let named: Vec<String> = lookup
                .fields_of_link(at)
                .into_iter()
                .map(str::to_owned)
                .collect();
            (
                positions(lookup, &named)?,
                lookup.links[at].parent.columns.clone(),
            )
        }
        None => (
            positions(lookup, &foreign_key.columns)?,
            foreign_key.parent_columns.clone(),
        ),
    };
    let found_by = |end: &Snapshot| -> Option<Lookup> {
        let lookup = end.lookup(settings, all).ok()?;
        let key = positions(&lookup, &referred)?;
        Some(Lookup { key, ..lookup })
    };
    let on_target = found_by(target)?;
    let all_go = on_target.extra_rows == ExtraRows::Delete && on_target.retire.is_none();
    Some(Uncertain {
        parent,
        fields,
        coming: Some(found_by(source)?),
        there: Lookup {
            filter: None,
            ..on_target.clone()
        },
        deleted: all_go.then_some(on_target),
    })
}

fn positions(lookup: &Lookup, columns: &[String]) -> Option<Vec<usize>> {
    columns
        .iter()
        .map(|column| lookup.columns.iter().position(|name| name == column))
        .collect()
}

/// How many rows refer to a parent that will not be there, and which parents these are.
fn look(
    uncertain: &Uncertain,
    on_source: &Lookup,
    source: &mut Observed,
    target: &mut Observed,
    log: &mut ChangeLog,
) -> anyhow::Result<(u64, KeySet)> {
    let is_compared = uncertain
        .fields
        .iter()
        .all(|at| on_source.compared.contains(at));
    let (mut rows, mut missing) = (0, KeySet::new());
    let mut waiting: Vec<Record> = Vec::new();
    // Rows that stay as they are have their parents, unless these go.
    let mut unchanged = match source.snapshot.is_folder && is_compared {
        true => keys_of_all(on_source, source)?,
        false => Vec::new(),
    };
    let mut check = |waiting: &mut Vec<Record>, unchanged: bool| -> anyhow::Result<()> {
        let referring: Vec<Record> = source
            .session
            .rows_by_key(on_source, waiting)?
            .iter()
            .map(|row| {
                uncertain
                    .fields
                    .iter()
                    .filter_map(|at| row.get(*at))
                    .collect()
            })
            .filter(|named: &Record| !named.iter().any(|field| field == NULL))
            .collect();
        waiting.clear();
        let named: KeySet = referring.iter().map(owned).collect();
        let named: Vec<Record> = named.into_iter().map(Record::from).collect();
        let keys = |lookup: &Lookup, rows: Vec<Record>| -> KeySet {
            rows.iter().map(|row| owned(&lookup.key_of(row))).collect()
        };
        let there = &uncertain.there;
        let mut found = keys(there, target.session.rows_by_key(there, &named)?);
        if unchanged {
            found.extend(named.iter().map(owned));
        }
        if let Some(deleted) = &uncertain.deleted {
            let go = keys(deleted, target.session.rows_by_key(deleted, &named)?);
            found.retain(|key| !go.contains(key));
        }
        if let Some(coming) = &uncertain.coming {
            found.extend(keys(coming, source.session.rows_by_key(coming, &named)?));
        }
        for parent in referring.iter().map(owned) {
            if !found.contains(&parent) {
                rows += 1;
                if missing.len() <= NAMED {
                    missing.insert(parent);
                }
            }
        }
        Ok(())
    };
    let mut logged = KeySet::new();
    for change in log.read()? {
        let (change, key) = change?;
        // A column that only comes with a new row is not changed by an update.
        if change == Change::Insert || (change == Change::Update && is_compared) {
            logged.insert(owned(&key));
            waiting.push(key);
        }
        if waiting.len() == BATCH {
            check(&mut waiting, false)?;
        }
    }
    check(&mut waiting, false)?;
    unchanged.retain(|key| !logged.contains(&owned(key)));
    for batch in unchanged.chunks(BATCH) {
        check(&mut batch.to_vec(), true)?;
    }
    Ok((rows, missing))
}

fn keys_of_all(lookup: &Lookup, source: &mut Observed) -> anyhow::Result<Vec<Record>> {
    let rows = source.session.hashes(lookup)?;
    rows.map(|row| Ok(row?.key)).collect()
}

fn problem(
    lookup: &Lookup,
    uncertain: &Uncertain,
    target: &Snapshot,
    of_files: bool,
    rows: u64,
    missing: &KeySet,
) -> Problem {
    let fields: Vec<&str> = uncertain
        .fields
        .iter()
        .map(|at| lookup.columns[*at].as_str())
        .collect();
    let named: Vec<String> = missing
        .iter()
        .take(NAMED)
        .map(|parent| parent.join(", "))
        .collect();
    let more = if missing.len() > NAMED {
        " and others"
    } else {
        ""
    };
    let hint = match uncertain.coming {
        Some(_) if of_files => "bring those rows back in the files, or let these refer to others",
        Some(_) => "make those rows there, or let the `where` of their table include them",
        None => {
            "a lookup table should not refer to a protected one, whose rows are not the same everywhere: leave the column out with ignore = […], or make those rows there"
        }
    };
    Problem::new(
        Code::MissingParent,
        format!(
            "{} of `{}` would refer to rows of `{}` that {} will not have: {} = {}{more}",
            counted(rows, "row"),
            lookup.table,
            uncertain.parent,
            target.label,
            fields.join(", "),
            named.join("; ")
        ),
    )
    .hint(hint)
}
