//! Unique values that move between rows: rows let go of what others take.

use super::super::sql;
use super::super::staged::position;
use super::PostgresSession;
use super::read::DEFAULT_SCHEMA;
use crate::problem::{Code, Problem};
use crate::sync::catalog::Reading;
use crate::sync::lookup::Lookup;

/// A unique constraint or index that the server checks at once, row by row.
pub(super) struct UniqueKey {
    /// What is unique: columns, or expressions over them.
    terms: Vec<Term>,
    /// A column that can be NULL for a moment, so that the row lets go of its value.
    nullable: Option<String>,
    /// A column that can hold a made-up value for a moment, with its type.
    replaceable: Option<(String, String)>,
}

enum Term {
    Column(String),
    Expression(String),
}

/// For every unique key and each of its terms: the index, the column, whether it is NOT NULL and
/// whether it is an identity, what else it is computed by, whether NULLs are equal to it, and then
/// the columns that the index reads, with their types.
const UNIQUE_KEYS: &str = "SELECT i.indexrelid::text, a.attname::text, a.attnotnull::text, a.attidentity::text, \
     CASE WHEN k.attnum = 0 THEN pg_get_indexdef(i.indexrelid, k.at::integer, false) \
     WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END, \
     coalesce(to_jsonb(i) ->> 'indnullsnotdistinct', 'false'), \
     (SELECT json_agg(json_build_array(r.attname, format_type(r.atttypid, NULL)) ORDER BY r.attnum) \
      FROM pg_attribute r WHERE r.attrelid = i.indrelid AND r.attgenerated = '' AND r.attidentity = '' AND (r.attnum = k.attnum OR r.attnum IN (\
      SELECT e.refobjsubid FROM pg_depend e WHERE e.refclassid = 'pg_class'::regclass AND e.refobjid = i.indrelid \
      AND ((e.classid = 'pg_class'::regclass AND e.objid = i.indexrelid) OR (e.classid = 'pg_attrdef'::regclass AND e.objid = d.oid)))))::text \
     FROM pg_index i JOIN unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, at) ON k.at <= i.indnkeyatts \
     LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0 \
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
     WHERE i.indrelid = $1::regclass AND i.indisunique AND i.indimmediate ORDER BY i.indexrelid, k.at";

impl UniqueKey {
    /// When `lookup` and `wanted` have the same values.
    fn same(&self) -> String {
        let of_row =
            |term: &str, row: &str| format!("(SELECT {term} FROM (SELECT {row}.*) AS of_row)");
        let terms = self.terms.iter().map(|term| match term {
            Term::Column(column) => {
                let column = sql::identifier(column);
                format!("lookup.{column} = wanted.{column}")
            }
            Term::Expression(term) => {
                format!("{} = {}", of_row(term, "lookup"), of_row(term, "wanted"))
            }
        });
        terms.collect::<Vec<_>>().join(" AND ")
    }

    fn shown(&self) -> String {
        let terms = self.terms.iter().map(|term| match term {
            Term::Column(text) | Term::Expression(text) => text.as_str(),
        });
        terms.collect::<Vec<_>>().join(", ")
    }
}

impl PostgresSession {
    pub(super) fn unique_keys_of(&mut self, lookup: &Lookup) -> anyhow::Result<Vec<UniqueKey>> {
        let rows = self.query(UNIQUE_KEYS, &[&sql::table(&lookup.table, DEFAULT_SCHEMA)])?;
        let mut stays = lookup.stored_key();
        stays.extend(lookup.own.iter().map(|own| own.name.as_str()));
        let mut keys: Vec<(String, UniqueKey)> = Vec::new();
        for row in rows {
            let optional = |at: usize| row.get(at).cloned().flatten();
            let text = |at: usize| optional(at).unwrap_or_default();
            let (index, column) = (text(0), text(1));
            if keys.last().is_none_or(|(last, _)| *last != index) {
                let unique = UniqueKey {
                    terms: Vec::new(),
                    nullable: None,
                    replaceable: None,
                };
                keys.push((index, unique));
            }
            let Some((_, unique)) = keys.last_mut() else {
                continue;
            };
            let reads: Vec<(String, String)> =
                serde_json::from_str(&optional(6).unwrap_or("[]".to_owned()))?;
            match optional(4) {
                Some(expression) => unique.terms.push(Term::Expression(expression)),
                None => {
                    let is_plain = !stays.contains(&column.as_str()) && text(3).is_empty();
                    if is_plain && text(2) == "false" && text(5) == "false" {
                        unique.nullable.get_or_insert(column.clone());
                    }
                    unique.terms.push(Term::Column(column));
                }
            }
            if let Some(found) = reads
                .into_iter()
                .find(|(column, _)| !stays.contains(&column.as_str()))
            {
                unique.replaceable.get_or_insert(found);
            }
        }
        // Rows are matched by the lookup key itself, so it never has to let go of a value, unless
        // another spelling of it is taken for the same; and a number of the target's own is new
        // or stays.
        stays.retain(|column| lookup.reading_of_stored(column) != Reading::Spelling);
        Ok(keys
            .into_iter()
            .map(|(_, unique)| unique)
            .filter(|unique| {
                !unique.terms.iter().all(|term| match term {
                    Term::Column(column) => stays.contains(&column.as_str()),
                    Term::Expression(_) => false,
                })
            })
            .collect())
    }

    pub(super) fn release(&mut self, lookup: &Lookup, unique: &UniqueKey) -> anyhow::Result<()> {
        let at = position(&self.staged, &lookup.table)?;
        let loading = self.loading(lookup)?;
        let same = unique.same();
        let (table, mut holds) = (&loading.table, loading.holds_wanted(&same, "'U', 'D'"));
        let what = format!("free unique values of `{}`", lookup.table);
        if !self.is_held(table, &holds)? {
            return Ok(());
        }
        if let Some(column) = &unique.nullable {
            let column = sql::identifier(column);
            self.run(
                &format!("UPDATE {table} AS lookup SET {column} = NULL WHERE {holds}"),
                &what,
            )?;
            return Ok(());
        }
        if self.staged[at].references.is_empty() {
            self.run(&loading.mark(&same), &what)?;
            self.run(&loading.take_out("'R', 'D'"), &what)?;
            return Ok(());
        }
        if self.may_be_away_for_a_statement(lookup)? {
            self.run(&loading.mark(&same), &what)?;
            self.staged[at].at_once = true;
            // Rows that go for good stay until nothing refers to them.
            holds = loading.holds_wanted(&same, "'D'");
            if !self.is_held(table, &holds)? {
                return Ok(());
            }
        }
        self.make_up_values(lookup, unique, &holds)
    }

    /// Counted, because for EXISTS the server would plan for a first row that mostly never comes.
    fn is_held(&mut self, table: &str, holds: &str) -> anyhow::Result<bool> {
        let held = self.value(
            &format!("SELECT (count(*) > 0)::text FROM {table} AS lookup WHERE {holds}"),
            &[],
        )?;
        Ok(held.as_deref() == Some("true"))
    }

    /// Whether every foreign key to the table is content when a row is there at the end of a
    /// statement, and does nothing when it goes.
    fn may_be_away_for_a_statement(&mut self, lookup: &Lookup) -> anyhow::Result<bool> {
        let content = self.value(
            "SELECT bool_and(confdeltype = 'a')::text FROM pg_constraint WHERE contype = 'f' AND confrelid = $1::regclass",
            &[&sql::table(&lookup.table, DEFAULT_SCHEMA)],
        )?;
        Ok(content.as_deref() == Some("true"))
    }

    /// Gives rows that hold what others take a value that nobody has, for a moment.
    fn make_up_values(
        &mut self,
        lookup: &Lookup,
        unique: &UniqueKey,
        holds: &str,
    ) -> anyhow::Result<()> {
        let loading = self.loading(lookup)?;
        let table = &loading.table;
        let made_up = unique.replaceable.as_ref().and_then(|(column, type_name)| {
            let name = sql::identifier(column);
            let value = match type_name.as_str() {
                "smallint" | "integer" | "bigint" | "numeric" => {
                    // Above every value that is there and every one that comes.
                    format!(
                        "greatest((SELECT max({name}) FROM {table}), (SELECT max({name}) FROM {})) + numbered.at",
                        loading.staging
                    )
                }
                "text" | "character varying" | "character" => {
                    let length = format!(
                        "coalesce((SELECT nullif(atttypmod, -1) - 4 FROM pg_attribute WHERE attrelid = '{}'::regclass AND attname = '{}'), 32)",
                        table.replace('\'', "''"), column.replace('\'', "''")
                    );
                    // Where there is little room, letters that are set aside for private use.
                    format!(
                        "CASE WHEN {length} < 32 AND getdatabaseencoding() = 'UTF8' THEN chr(983040 + numbered.at::integer) \
                         ELSE left(md5(random()::text || numbered.at), {length}) END"
                    )
                }
                "uuid" => "gen_random_uuid()".to_owned(),
                _ => return None,
            };
            Some((name, value))
        });
        let Some((column, value)) = made_up else {
            return Err(Problem::new(
                Code::ConstraintViolated,
                format!(
                    "rows of `{}` swap values of the unique columns {}, which cannot be emptied for a moment",
                    lookup.table,
                    unique.shown()
                ),
            )
            .hint("make the unique constraint DEFERRABLE with a migration")
            .into());
        };
        let keys = sql::list("lookup.", lookup.stored_key().into_iter());
        self.run(
            &format!(
                "UPDATE {table} AS lookup SET {column} = {value} FROM (SELECT {keys}, row_number() OVER () AS at \
                 FROM {table} AS lookup WHERE {holds}) AS numbered WHERE {}",
                sql::same_stored_key(lookup, "lookup", "numbered")
            ),
            &format!("free unique values of `{}`", lookup.table),
        )?;
        Ok(())
    }
}
