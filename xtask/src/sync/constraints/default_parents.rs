//! Rows that come and get a reference from a default, since `ignore` leaves the column alone, to a row
//! that the target does not have.

use super::future_rows::constant;
use super::missing_parents::positions;
use crate::model::rows::change_log::{Change, ChangeLog};
use crate::model::rows::lookup::Lookup;
use crate::model::rows::lookup::settings::LookupSettings;
use crate::model::rows::row::Record;
use crate::model::schema::catalog::DefaultValue;
use crate::model::words::counted;
use crate::problem::{Code, Problem};
use crate::sync::snapshot::Observed;

/// Says which foreign keys new rows are given by a default, since `ignore` leaves them alone, that
/// leads nowhere on the target.
pub(super) fn missing_defaults(
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
        let mut found = !target.session.rows_with_values(&there, &wanted)?.is_empty();
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
