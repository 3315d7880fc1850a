//! Rows that would refer to a row that the target will not have: one of a protected table, one that
//! `where` leaves out at the source, one that is missing in files that people wrote, or one that the
//! source itself lacks, as where its foreign keys were not enforced.

use std::collections::BTreeSet;

use super::default_parents::missing_defaults;
use super::orphans::{lacks_one, orphans, settings_of};
use crate::model::rows::change_log::{Change, ChangeLog};
use crate::model::rows::lookup::Lookup;
use crate::model::rows::lookup::settings::{ExtraRows, LookupSettings};
use crate::model::rows::row::{BATCH, KeySet, NULL, Record, owned};
use crate::model::schema::catalog::ForeignKey;
use crate::model::schema::table::TableName;
use crate::model::words::{and_more, counted};
use crate::problem::{Code, Problem};
use crate::sync::snapshot::{Observed, Snapshot};

/// How many rows are named.
const NAMED: usize = 5;

/// A foreign key whose parents do not all come along.
struct Uncertain {
    parent: TableName,
    /// The fields that refer, as positions.
    fields: Vec<usize>,
    /// The parents that come along from the source, found by what is referred to.
    coming: Option<Lookup>,
    /// All parents of the source, found in the same way.
    at_source: Option<Lookup>,
    /// Rows of the source may refer to what is not even there.
    has_orphans: bool,
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
        let has_orphans = orphans(&foreign_key, on_source, all, (source, &target.snapshot))?;
        let ends = (&source.snapshot, &target.snapshot);
        let Some(uncertain) = uncertain(&foreign_key, on_target, all, ends, has_orphans) else {
            continue;
        };
        let missing = look(&uncertain, on_source, source, target, log)?;
        if missing.rows > 0 {
            let orphaned = match &uncertain.at_source {
                Some(parents) if !source.snapshot.is_folder => {
                    let wanted = missing.first.iter().map(|(_, parent)| parent.clone());
                    lacks_one(parents, wanted.collect(), source)?
                }
                _ => false,
            };
            let ends = (&source.snapshot, &target.snapshot);
            problems.push(problem(on_target, &uncertain, ends, &missing, orphaned));
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
    has_orphans: bool,
) -> Option<Uncertain> {
    let parent = foreign_key.parent.clone();
    let Some(settings) = settings_of(&parent, all, target) else {
        let settings = LookupSettings {
            key: foreign_key.parent_columns.clone(),
            ..LookupSettings::of(parent.clone())
        };
        return Some(Uncertain {
            fields: positions(lookup, &foreign_key.columns)?,
            coming: None,
            at_source: source
                .lookup(&settings, &[])
                .ok()
                .and_then(|all| all.with_fields(&foreign_key.parent_columns)),
            has_orphans: false,
            there: target.lookup(&settings, &[]).ok()?,
            deleted: None,
            parent,
        });
    };
    // All parents come along, but for those that are not even there.
    if settings.filter.is_none() && !has_orphans {
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
        let lookup = match end.is_folder {
            true => lookup,
            // What the database computes can be referred to as well.
            false => lookup.with_computed(end.catalog.tables.get(&parent)?),
        };
        let key = positions(&lookup, &referred)?;
        Some(Lookup { key, ..lookup })
    };
    let on_target = found_by(target)?;
    let all_go = on_target.extra_rows == ExtraRows::Delete && on_target.retire.is_none();
    let coming = found_by(source)?;
    Some(Uncertain {
        fields,
        at_source: Some(Lookup {
            filter: None,
            ..coming.clone()
        }),
        coming: Some(coming),
        has_orphans,
        there: Lookup {
            filter: None,
            ..on_target.clone()
        },
        deleted: all_go.then_some(on_target),
        parent,
    })
}

/// The parents that rows refer to and that the target will not have.
#[derive(Default)]
struct Missing {
    /// How many rows refer to one of them.
    rows: u64,
    /// The first of these, by their keys, each with what it refers to.
    first: BTreeSet<(Vec<String>, Vec<String>)>,
}

pub(super) fn positions(lookup: &Lookup, columns: &[String]) -> Option<Vec<usize>> {
    columns
        .iter()
        .map(|column| lookup.columns.iter().position(|name| name == column))
        .collect()
}

/// The rows that refer to a parent that will not be there.
fn look(
    uncertain: &Uncertain,
    on_source: &Lookup,
    source: &mut Observed,
    target: &mut Observed,
    log: &mut ChangeLog,
) -> anyhow::Result<Missing> {
    let is_compared = uncertain
        .fields
        .iter()
        .all(|at| on_source.compared.contains(at));
    let mut missing = Missing::default();
    let mut waiting: Vec<Record> = Vec::new();
    // Rows that stay as they are have their parents, unless these go.
    let mut unchanged = match uncertain.has_orphans && is_compared {
        true => keys_of_all(on_source, source)?,
        false => Vec::new(),
    };
    let mut check = |waiting: &mut Vec<Record>, unchanged: bool| -> anyhow::Result<()> {
        let rows = source.session.rows_by_key(on_source, waiting)?;
        let referring: Vec<(Record, Record)> = rows
            .iter()
            .map(|row| {
                let named = uncertain.fields.iter().filter_map(|at| row.get(*at));
                (on_source.key_of(row), named.collect())
            })
            .filter(|(_, named): &(Record, Record)| !named.iter().any(|field| field == NULL))
            .collect();
        waiting.clear();
        let named: KeySet = referring.iter().map(|(_, named)| owned(named)).collect();
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
        for (key, parent) in referring {
            let parent = owned(&parent);
            if !found.contains(&parent) {
                missing.rows += 1;
                if missing.first.len() < NAMED {
                    missing.first.insert((owned(&key), parent));
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
    Ok(missing)
}

fn keys_of_all(lookup: &Lookup, source: &mut Observed) -> anyhow::Result<Vec<Record>> {
    let rows = source.session.hashes(lookup)?;
    rows.map(|row| Ok(row?.key)).collect()
}

fn problem(
    lookup: &Lookup,
    uncertain: &Uncertain,
    (source, target): (&Snapshot, &Snapshot),
    missing: &Missing,
    orphaned: bool,
) -> Problem {
    let fields: Vec<&str> = uncertain
        .fields
        .iter()
        .map(|at| lookup.columns[*at].as_str())
        .collect();
    let parents = missing.first.iter().map(|(_, parent)| parent.join(", "));
    let parents: BTreeSet<String> = parents.collect();
    let parents: Vec<String> = parents.into_iter().collect();
    let key: Vec<&str> = lookup.key_columns().collect();
    let rows = missing.first.iter().map(|(row, _)| row.join(", "));
    let rows: Vec<String> = rows.collect();
    let all = usize::try_from(missing.rows).unwrap_or(usize::MAX);
    let parent = &uncertain.parent;
    let hint = match uncertain.coming {
        Some(_) if source.is_folder => {
            "bring those rows back in the files, or let these refer to others".to_owned()
        }
        _ if orphaned => format!(
            "correct these rows in {}, where those rows of `{parent}` are missing too: make them there, or let these refer to others",
            source.label
        ),
        Some(_) => "make those rows there, or let the `where` of their table include them".to_owned(),
        None => {
            "a lookup table should not refer to a protected one, whose rows are not the same everywhere: leave the column out with ignore = […], or make those rows there".to_owned()
        }
    };
    Problem::new(
        Code::MissingParent,
        format!(
            "{} of `{}` would refer to rows of `{parent}` that {} will not have: {} = {} (in {} = {}{})",
            counted(missing.rows, "row"),
            lookup.table,
            target.label,
            fields.join(", "),
            parents.join("; "),
            key.join(", "),
            rows.join("; "),
            and_more(all, rows.len())
        ),
    )
    .hint(hint)
}
