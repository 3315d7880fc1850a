//! How SQLite would spell values that it does not hold yet.

use super::super::lookup_select::lookup_select;
use super::super::{BadValue, Canonical, sql};
use super::keys::everywhere;
use super::read::DEFAULT_SCHEMA;
use super::value::Value;
use super::{SqliteSession, failed};
use crate::model::rows::lookup::{Lookup, Source};
use crate::model::rows::row::Record;

impl SqliteSession {
    /// The rows go through a temporary table whose columns have the affinities of the real ones;
    /// the temporary database is the session's own.
    pub(super) fn spell(&mut self, lookup: &Lookup, rows: &[Record]) -> anyhow::Result<Canonical> {
        let what = "read values as those of their columns";
        let affinities = self.affinities(lookup)?;
        let insert = self.lay_out(lookup)?;
        let mut bad = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let mut values = Vec::new();
            for (field, (text, affinity)) in row.iter().zip(&affinities).enumerate() {
                values.push(Value::read(text, *affinity).unwrap_or_else(|words| {
                    bad.push(BadValue {
                        row: at,
                        field,
                        words,
                    });
                    Value::Null
                }));
            }
            self.run_with(&insert, values, what)?;
        }
        let spelled: Vec<Record> = self
            .spelled_rows(lookup, "SELECT * FROM temp.__sync_spelling")?
            .collect::<anyhow::Result<_>>()?;
        let classes = self.strict_classes(lookup)?;
        let mut canonical = Vec::new();
        for (at, (given, spelled)) in rows.iter().zip(&spelled).enumerate() {
            let mut fields = Record::new();
            for (field, (old, new)) in given.iter().zip(spelled).enumerate() {
                if bad.iter().any(|bad| (bad.row, bad.field) == (at, field)) {
                    fields.push_field(old);
                    continue;
                }
                fields.push_field(new);
                let value = Value::read(new, affinities[field]).map_err(anyhow::Error::msg)?;
                if let Some(class) = classes.get(field).and_then(Option::as_ref)
                    && !fits(&value, class)
                {
                    bad.push(BadValue {
                        row: at,
                        field,
                        words: format!("`{old}` is no value for a STRICT column of type {class}"),
                    });
                }
            }
            canonical.push(fields);
        }
        bad.sort_by_key(|bad| (bad.row, bad.field));
        Ok(Canonical {
            rows: canonical,
            bad,
        })
    }

    /// Makes the temporary table, and says how a row is put into it. Whatever condition the rows are
    /// asked for, it has no part in that.
    pub(super) fn lay_out(&mut self, lookup: &Lookup) -> anyhow::Result<String> {
        self.batch(&format!(
            "DROP TABLE IF EXISTS temp.__sync_spelling; CREATE TEMPORARY TABLE __sync_spelling AS \
             SELECT {} FROM {} AS lookup WHERE 0",
            sql::list("lookup.", lookup.columns.iter().map(String::as_str)),
            lookup_select(&everywhere(lookup), &[], DEFAULT_SCHEMA)
        ))
        .map_err(|error| failed(&error, "read values as those of their columns"))?;
        let marks = vec!["?"; lookup.columns.len()].join(", ");
        Ok(format!("INSERT INTO temp.__sync_spelling VALUES ({marks})"))
    }

    /// The declared type of each field that belongs to a STRICT table.
    fn strict_classes(&mut self, lookup: &Lookup) -> anyhow::Result<Vec<Option<String>>> {
        let rows = self.query(
            "SELECT x.name, upper(x.type) FROM pragma_table_list AS l, pragma_table_xinfo(l.name) AS x \
             WHERE l.schema = 'main' AND l.strict AND l.name = ?",
            &[Some(lookup.table.name.clone())],
        )?;
        let parents = lookup
            .links
            .iter()
            .map(|link| self.strict_classes(&link.parent))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let fields = lookup.columns.iter().zip(&lookup.sources);
        Ok(fields
            .map(|(column, source)| match source {
                Source::Column => rows
                    .iter()
                    .find(|row| row.first() == Some(&Some(column.clone())))
                    .and_then(|row| row.get(1).cloned().flatten()),
                Source::Link { link, field } => parents[*link][*field].clone(),
            })
            .collect())
    }
}

/// <https://www.sqlite.org/stricttables.html>
fn fits(value: &Value, class: &str) -> bool {
    matches!(
        (value, class),
        (Value::Null, _)
            | (_, "ANY")
            | (Value::Integer(_), "INT" | "INTEGER")
            | (Value::Real(_) | Value::Integer(_), "REAL")
            | (Value::Text(_), "TEXT")
            | (Value::Blob(_), "BLOB")
    )
}
