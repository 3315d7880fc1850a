//! The rows of a lookup table of the target as they will be: a row has a part from the source, a part
//! from what is there, and a part that the database gives to it.

use std::collections::{BTreeMap, BTreeSet};

use super::unique_conflicts::Ends;
use crate::model::backend::Backend;
use crate::model::rows::change_log::Change;
use crate::model::rows::lookup::Lookup;
use crate::model::rows::lookup::settings::LookupSettings;
use crate::model::rows::row::{NULL, Record, encode, owned};
use crate::model::schema::catalog::DefaultValue;

/// The rows of one table of the target as they will be.
pub(super) struct FutureRows {
    /// The table with every column, also those that do not travel and that are computed.
    pub(super) whole: Lookup,
    /// The columns that are computed.
    pub(super) computed: Vec<String>,
    /// What a new row has where no value comes with it; none where only the target knows.
    pub(super) defaults: BTreeMap<String, Option<String>>,
    /// What a row has that was switched off.
    retired: BTreeMap<String, String>,
}

impl FutureRows {
    /// `None` where the table cannot be looked at as a whole.
    pub(super) fn of(ends: &Ends<'_>) -> Option<Self> {
        let target = &ends.target.snapshot;
        let table = target.catalog.tables.get(&ends.on_target.table)?;
        let settings = settings(ends)?;
        let open = LookupSettings {
            ignore: Vec::new(),
            insert_only: Vec::new(),
            ..settings.clone()
        };
        let mut whole = target.lookup(&open, ends.all).ok()?.with_computed(table);
        let columns = table.columns.iter().filter(|column| column.generated);
        let computed: Vec<String> = columns.map(|column| column.name.clone()).collect();
        let in_whole = |name: &str| whole.columns.iter().position(|column| column == name);
        whole.key = ends
            .on_target
            .key_columns()
            .map(in_whole)
            .collect::<Option<_>>()?;
        whole.key_readings.clone_from(&ends.on_target.key_readings);
        let is_filled = target
            .catalog
            .is_filled_by_triggers(&ends.on_target.table, target.backend);
        let default = |column: &DefaultValue| match column {
            DefaultValue::Expression(text) if !is_filled => constant(text, target.backend),
            _ => None,
        };
        let defaults = table.columns.iter().map(|column| {
            let none = || (!is_filled).then(|| NULL.to_owned());
            let value = column.default.as_ref().map_or_else(none, default);
            (column.name.clone(), value)
        });
        let retire = ends.on_target.retire.iter().flat_map(|retire| &retire.0);
        let retired = retire.map(|(column, value)| (column.clone(), value.field(target.backend)));
        Some(FutureRows {
            defaults: defaults.collect(),
            retired: retired.collect(),
            computed,
            whole,
        })
    }

    /// The changed rows that will be there, as they will be.
    pub(super) fn compose(
        &self,
        ends: &mut Ends<'_>,
        changes: &[(Change, Record)],
    ) -> anyhow::Result<Vec<(Change, Record)>> {
        let keys = |wanted: [Change; 2]| -> Vec<Record> {
            let changes = changes.iter().filter(|(change, _)| wanted.contains(change));
            changes.map(|(_, key)| key.clone()).collect()
        };
        let by_key = |lookup: &Lookup, rows: Vec<Record>| -> BTreeMap<Vec<String>, Record> {
            let rows = rows.into_iter();
            rows.map(|row| (owned(&lookup.key_of(&row)), row)).collect()
        };
        let (source, target) = (&mut ends.source.session, &mut ends.target.session);
        let given = keys([Change::Insert, Change::Update]);
        let given = by_key(ends.on_source, source.rows_by_key(ends.on_source, &given)?);
        let there = keys([Change::Update, Change::Retire]);
        let there = by_key(&self.whole, target.rows_by_key(&self.whole, &there)?);
        let composed = changes.iter().filter_map(|(change, key)| {
            let key = owned(key);
            let (given, there) = (given.get(&key), there.get(&key));
            Some((*change, self.row(ends.on_source, *change, given, there)?))
        });
        let (changes, rows): (Vec<Change>, Vec<Record>) = composed.unzip();
        let mut canonical = target.canonical(&self.whole, &rows)?;
        for column in &self.computed {
            let values = target.computed(&self.whole, &canonical.rows, column)?;
            let at = self.whole.columns.iter().position(|name| name == column);
            for (row, value) in canonical.rows.iter_mut().zip(values) {
                let fields = row.iter().enumerate();
                *row = fields
                    .map(|(field, old)| {
                        if Some(field) == at {
                            value.as_str()
                        } else {
                            old
                        }
                    })
                    .collect();
            }
        }
        let bad: BTreeSet<usize> = canonical.bad.iter().map(|bad| bad.row).collect();
        let rows = changes.into_iter().zip(canonical.rows).enumerate();
        Ok(rows
            .filter(|(at, _)| !bad.contains(at))
            .map(|(_, row)| row)
            .collect())
    }

    /// One row as it will be, of what comes and what is there; `None` for one that goes.
    fn row(
        &self,
        on_source: &Lookup,
        change: Change,
        given: Option<&Record>,
        there: Option<&Record>,
    ) -> Option<Record> {
        let whole = self.whole.columns.iter().enumerate();
        whole
            .map(|(at, name)| {
                let comes = on_source.columns.iter().position(|column| column == name);
                let comes =
                    comes.filter(|at| change == Change::Insert || on_source.compared.contains(at));
                match (change, comes) {
                    (Change::Delete, _) => None,
                    (Change::Retire, _) if self.retired.contains_key(name) => {
                        self.retired.get(name).map(String::as_str)
                    }
                    (Change::Retire, _) => there?.get(at),
                    (Change::Insert | Change::Update, Some(comes)) => given?.get(comes),
                    (Change::Update, None) => there?.get(at),
                    (Change::Insert, None) => {
                        let default = self.defaults.get(name).and_then(Option::as_deref);
                        Some(default.unwrap_or(NULL))
                    }
                }
            })
            .collect()
    }
}

fn settings<'all>(ends: &Ends<'all>) -> Option<&'all LookupSettings> {
    let catalog = &ends.target.snapshot.catalog;
    ends.all.iter().find(|settings| {
        let found = catalog.find(&settings.table);
        found.is_some_and(|table| table.name == ends.on_target.table)
    })
}

/// The value of a default that is the same for every row, as a field.
pub(super) fn constant(expression: &str, backend: Backend) -> Option<String> {
    let text = expression.trim();
    if let Some(quoted) = text.strip_prefix('\'') {
        let mut value = String::new();
        let mut letters = quoted.chars();
        while let Some(letter) = letters.next() {
            if letter != '\'' {
                value.push(letter);
                continue;
            }
            let rest = letters.as_str();
            if rest.is_empty() || rest.starts_with("::") {
                return Some(encode(Some(&value)).into_owned());
            }
            value.push(letters.next().filter(|next| *next == '\'')?);
        }
        return None;
    }
    match (text.to_ascii_lowercase().as_str(), backend) {
        ("true", Backend::Sqlite) => Some("1".to_owned()),
        ("false", Backend::Sqlite) => Some("0".to_owned()),
        ("true" | "false", Backend::Postgres) => Some(text.to_owned()),
        (number, _) => number.parse::<f64>().is_ok().then(|| text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_known_where_it_is_a_literal() {
        let known = |text: &str| constant(text, Backend::Postgres);
        assert_eq!(known("'e'::text").unwrap(), "e");
        assert_eq!(known("'it''s'").unwrap(), "it's");
        assert_eq!(known("''::character varying").unwrap(), "");
        assert_eq!(known("-1.5").unwrap(), "-1.5");
        assert_eq!(known("true").unwrap(), "true");
        assert_eq!(constant("true", Backend::Sqlite).unwrap(), "1");
        for unknown in [
            "now()",
            "CURRENT_TIMESTAMP",
            "'a' || 'b'",
            "nextval('s'::regclass)",
        ] {
            assert_eq!(known(unknown), None, "{unknown}");
        }
    }
}
