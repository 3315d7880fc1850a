//! How the server would spell values that it does not hold yet.

use std::collections::BTreeMap;

use diesel::sql_types::Text;
use diesel::{RunQueryDsl, sql_query};
use serde_json::{Map, Value};

use super::super::{BadValue, Canonical, MOST_BAD, sql};
use super::PostgresSession;
use super::connection::Fields;
use super::read::DEFAULT_SCHEMA;
use super::words::whole_words;
use crate::model::rows::lookup::{Lookup, Source};
use crate::model::rows::row::{self, Field, Record};

/// What the values of a field are read as.
#[derive(Debug, Clone)]
pub(super) struct FieldType {
    /// As SQL.
    pub(super) name: String,
    /// ` COLLATE …`, where the column has a collation.
    collation: String,
    /// A text inside a JSON document would be read as a text of that type, not as a document.
    is_json: bool,
    /// By which two values are equal, where the type says so itself, as one of an extension does
    /// whose schema is on no search path.
    pub(super) equals: String,
}

impl FieldType {
    /// What a column of the rows that come as a JSON document is declared as.
    pub(super) fn declared(&self) -> String {
        match self.is_json {
            true => "text".to_owned(),
            false => format!("{}{}", self.name, self.collation),
        }
    }

    /// Such a column as what it is.
    pub(super) fn read(&self, column: &str) -> String {
        match self.is_json {
            true => format!("{column}::{}", self.name),
            false => column.to_owned(),
        }
    }
}

/// The values of some rows, or why one of them is none.
pub(super) type Spelled = Result<Vec<Vec<Option<String>>>, String>;

impl PostgresSession {
    pub(super) fn spell(&mut self, lookup: &Lookup, rows: &[Record]) -> anyhow::Result<Canonical> {
        let types = self.field_types(lookup)?;
        let mut bad = Vec::new();
        let mut values: Vec<Vec<Option<String>>> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let mut fields = Vec::new();
            for (field, text) in row.iter().enumerate() {
                fields.push(match row::decode(text) {
                    Ok(Field::Plain(plain)) => Some(plain.to_owned()),
                    Ok(Field::Null) => None,
                    other => {
                        bad.push(BadValue {
                            row: at,
                            field,
                            words: other.err().unwrap_or_else(|| {
                                format!("`{text}` begins with a single backslash: double it")
                            }),
                        });
                        None
                    }
                });
            }
            values.push(fields);
        }
        let spelled = if let Ok(spelled) = self.try_spelling(&types, &values)? {
            spelled
        } else {
            for (at, kind) in types.iter().enumerate() {
                let mut column: Vec<Option<String>> =
                    values.iter().map(|row| row[at].clone()).collect();
                self.spell_column(kind, at, 0, &mut column, &mut bad)?;
                for (row, value) in values.iter_mut().zip(column) {
                    row[at] = value;
                }
            }
            values
        };
        bad.sort_by_key(|bad| (bad.row, bad.field));
        let mut rows: Vec<Vec<String>> = rows
            .iter()
            .map(|row| row.iter().map(str::to_owned).collect())
            .collect();
        for (at, (row, spelled)) in rows.iter_mut().zip(spelled).enumerate() {
            for (field, (old, new)) in row.iter_mut().zip(spelled).enumerate() {
                if !bad.iter().any(|bad| (bad.row, bad.field) == (at, field)) {
                    *old = row::encode(new.as_deref()).into_owned();
                }
            }
        }
        Ok(Canonical {
            rows: rows.into_iter().map(Record::from).collect(),
            bad,
        })
    }

    /// Spells the values of one field, halving them until each bad one stands alone.
    fn spell_column(
        &mut self,
        kind: &FieldType,
        field: usize,
        first: usize,
        column: &mut [Option<String>],
        bad: &mut Vec<BadValue>,
    ) -> anyhow::Result<()> {
        if column.is_empty() || bad.len() >= MOST_BAD {
            return Ok(());
        }
        let rows: Vec<Vec<Option<String>>> =
            column.iter().map(|value| vec![value.clone()]).collect();
        match self.try_spelling(std::slice::from_ref(kind), &rows)? {
            Ok(spelled) => {
                for (old, new) in column.iter_mut().zip(spelled) {
                    *old = new.into_iter().next().flatten();
                }
            }
            Err(words) if column.len() == 1 => {
                if !bad.iter().any(|bad| (bad.row, bad.field) == (first, field)) {
                    bad.push(BadValue {
                        row: first,
                        field,
                        words,
                    });
                }
            }
            Err(_) => {
                let half = column.len() / 2;
                let (front, back) = column.split_at_mut(half);
                self.spell_column(kind, field, first, front, bad)?;
                self.spell_column(kind, field, first + half, back, bad)?;
            }
        }
        Ok(())
    }

    /// A type's own input function reads each value, as when rows are copied in; a cast would
    /// cut off what is too long.
    fn try_spelling(
        &mut self,
        types: &[FieldType],
        rows: &[Vec<Option<String>>],
    ) -> anyhow::Result<Spelled> {
        let texts: Vec<String> = types
            .iter()
            .enumerate()
            .map(|(at, kind)| format!("{}::text", kind.read(&format!("c{at}"))))
            .collect();
        let query = format!(
            "SELECT {} FROM {} ORDER BY at",
            texts.join(", "),
            given_rows(types)
        );
        self.ask_about(&query, rows)
    }

    /// Asks about rows that are given as a parameter; what the server has against them or against
    /// the query does not end the transaction.
    pub(super) fn ask_about(
        &mut self,
        query: &str,
        rows: &[Vec<Option<String>>],
    ) -> anyhow::Result<Spelled> {
        let document: Vec<Value> = rows
            .iter()
            .map(|row| {
                let fields = row.iter().enumerate().map(|(at, value)| {
                    let value = value.clone().map_or(Value::Null, Value::String);
                    (format!("c{at}"), value)
                });
                Value::Object(fields.collect::<Map<_, _>>())
            })
            .collect();
        let what = "read values as those of their columns";
        let document = serde_json::to_string(&document)?;
        let spelled = self.tried(what, |session| {
            let query = sql_query(query).bind::<Text, _>(document);
            session
                .theirs()
                .and_then(|connection| query.load::<Fields>(connection))
        })?;
        Ok(spelled
            .map(|rows| rows.into_iter().map(|row| row.0).collect())
            .map_err(|error| whole_words(&error)))
    }

    /// What the values of each field are read as: the type of the column that they come from.
    pub(super) fn field_types(&mut self, lookup: &Lookup) -> anyhow::Result<Vec<FieldType>> {
        let rows = self.query(
            "WITH RECURSIVE base AS (SELECT a.attname, a.atttypid AS type, format_type(a.atttypid, a.atttypmod) AS name, \
             CASE WHEN a.attcollation <> 0 THEN ' COLLATE ' || a.attcollation::regcollation::text ELSE '' END AS collated \
             FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped \
             UNION ALL SELECT b.attname, t.typbasetype, b.name, b.collated FROM base b \
             JOIN pg_type t ON t.oid = b.type AND t.typtype = 'd') \
             SELECT attname::text, name, collated, bool_or(type IN ('json'::regtype, 'jsonb'::regtype))::text, \
             max((SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname) FROM pg_opclass c JOIN pg_am m ON m.oid = c.opcmethod AND m.amname = 'btree' \
             JOIN pg_amop e ON e.amopfamily = c.opcfamily AND e.amopstrategy = 3 AND (e.amoplefttype, e.amoprighttype) = (c.opcintype, c.opcintype) \
             JOIN pg_operator o ON o.oid = e.amopopr JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE c.opcintype = type AND c.opcdefault)) \
             FROM base GROUP BY 1, 2, 3",
            &[&sql::table(&lookup.table, DEFAULT_SCHEMA)],
        )?;
        let types: BTreeMap<String, FieldType> = rows
            .into_iter()
            .map(|row| {
                let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
                let kind = FieldType {
                    name: text(1),
                    collation: text(2),
                    is_json: text(3) == "true",
                    equals: row.get(4).cloned().flatten().unwrap_or("=".to_owned()),
                };
                (text(0), kind)
            })
            .collect();
        let parents = lookup
            .links
            .iter()
            .map(|link| self.field_types(&link.parent))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let fields = lookup.columns.iter().zip(&lookup.sources);
        let text = FieldType {
            name: "text".to_owned(),
            collation: String::new(),
            is_json: false,
            equals: "=".to_owned(),
        };
        Ok(fields
            .map(|(column, source)| match source {
                Source::Column => types.get(column).unwrap_or(&text).clone(),
                Source::Link { link, field } => parents[*link][*field].clone(),
            })
            .collect())
    }
}

/// Rows that come as a JSON document, with the columns `c0`, `c1` … and their places in `at`.
pub(super) fn given_rows(types: &[FieldType]) -> String {
    let list = |part: &dyn Fn(usize, &FieldType) -> String| -> String {
        let parts = types.iter().enumerate().map(|(at, kind)| part(at, kind));
        parts.collect::<Vec<_>>().join(", ")
    };
    format!(
        "ROWS FROM (pg_catalog.json_to_recordset($1::json) AS ({})) WITH ORDINALITY AS rows ({}, at)",
        list(&|at, kind| format!("c{at} {}", kind.declared())),
        list(&|at, _| format!("c{at}"))
    )
}
