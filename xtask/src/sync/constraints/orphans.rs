//! Rows of the source that refer, by values that travel as they are, to rows that it does not have.

use crate::database::Session;
use crate::model::reference::{Part, Step};
use crate::model::rows::lookup::settings::LookupSettings;
use crate::model::rows::lookup::{Link, Lookup};
use crate::model::rows::row::{KeySet, Record, owned};
use crate::model::schema::catalog::ForeignKey;
use crate::model::schema::table::TableName;
use crate::model::unresolved::Unresolved;
use crate::sync::snapshot::{Observed, Snapshot};

/// Whether rows of a lookup table of the source refer to rows of lookup tables that it does not have,
/// by values that travel as they are.
///
/// # Errors
/// What the database reports.
pub(in crate::sync) fn has_orphans(
    on_source: &Lookup,
    all: &[LookupSettings],
    (source, target): (&mut Observed, &Snapshot),
) -> anyhow::Result<bool> {
    let table = target.catalog.tables.get(&on_source.table);
    for foreign_key in table.map_or(&[][..], |table| &table.foreign_keys) {
        if orphans(foreign_key, on_source, all, (source, target))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The same by one foreign key of the target.
pub(super) fn orphans(
    foreign_key: &ForeignKey,
    on_source: &Lookup,
    all: &[LookupSettings],
    (source, target): (&mut Observed, &Snapshot),
) -> anyhow::Result<bool> {
    let has = |table: &TableName, columns: &[String]| {
        let table = source.snapshot.catalog.tables.get(table);
        table.is_some_and(|table| {
            let mut columns = columns.iter();
            columns.all(|name| table.columns.iter().any(|column| column.name == *name))
        })
    };
    let is_link = |link: &Link| {
        link.pairs
            .iter()
            .map(|(column, _)| column)
            .eq(&foreign_key.columns)
    };
    if settings_of(&foreign_key.parent, all, target).is_none() {
        return Ok(false);
    }
    // Nothing says that files are whole.
    if source.snapshot.is_folder {
        return Ok(true);
    }
    if on_source.links.iter().any(is_link)
        || foreign_key.columns.is_empty()
        || foreign_key.columns.len() != foreign_key.parent_columns.len()
        || !has(&on_source.table, &foreign_key.columns)
        || !has(&foreign_key.parent, &foreign_key.parent_columns)
    {
        return Ok(false);
    }
    let reference = Step {
        child: on_source.table.clone(),
        columns: foreign_key.columns.clone(),
        parent_columns: foreign_key.parent_columns.clone(),
        comparisons: foreign_key.comparisons.clone(),
        part: Part::All,
        repeats: false,
    };
    source
        .session
        .has_orphans(on_source, &reference, &foreign_key.parent)
}

pub(super) fn settings_of<'all>(
    parent: &TableName,
    all: &'all [LookupSettings],
    target: &Snapshot,
) -> Option<&'all LookupSettings> {
    all.iter().find(|settings| {
        let found = target.catalog.find(&settings.table);
        found.is_some_and(|table| table.name == *parent)
    })
}

/// Whether the source itself lacks one of the parents that are named, as far as its tables may be read.
pub(super) fn lacks_one(
    parents: &Lookup,
    wanted: KeySet,
    source: &mut Observed,
) -> anyhow::Result<bool> {
    let wanted: Vec<Record> = wanted.into_iter().map(Record::from).collect();
    source.session.begin_trial()?;
    let found = source.session.rows_by_key(parents, &wanted);
    source.session.end_trial(found.is_err())?;
    let found: KeySet = found
        .unwrap_or_else(|_| wanted.clone())
        .iter()
        .map(|row| owned(&parents.key_of(row)))
        .collect();
    Ok(wanted.iter().any(|parent| !found.contains(&owned(parent))))
}

/// Whether every reference of these rows can be looked up; of `key_only`, those that are part of the
/// key, without which rows cannot be told apart.
///
/// # Errors
/// `missing_parent`, or what the database reports.
pub(crate) fn check_references(
    lookup: &Lookup,
    session: &mut dyn Session,
    label: &str,
    key_only: bool,
) -> anyhow::Result<()> {
    let found = session.unresolved(lookup)?;
    let in_key = |found: &&Unresolved| {
        let columns = &lookup.links[found.link].local;
        let key = lookup.stored_key();
        columns
            .iter()
            .any(|(column, _)| key.contains(&column.as_str()))
    };
    match found.iter().find(|found| !key_only || in_key(found)) {
        Some(found) => Err(found.problem(lookup, label).into()),
        None => Ok(()),
    }
}
