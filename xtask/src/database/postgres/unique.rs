//! Unique values that move between rows: rows let go of what others take.

use super::super::sql;
use super::PostgresSession;
use super::read::DEFAULT_SCHEMA;
use crate::problem::{Code, Problem};
use crate::sync::lookup::Lookup;

/// A unique constraint that the server checks at once, row by row.
pub(super) struct UniqueKey {
    columns: Vec<String>,
    /// A column that can be NULL for a moment, so that the row lets go of its value.
    nullable: Option<String>,
    /// A column that can hold a made-up value for a moment, with its type.
    replaceable: Option<(String, String)>,
}

impl PostgresSession {
    pub(super) fn unique_keys_of(&mut self, lookup: &Lookup) -> anyhow::Result<Vec<UniqueKey>> {
        let rows = self.query(
            "SELECT i.indexrelid::text, a.attname::text, a.attnotnull::text, a.attidentity::text, \
             format_type(a.atttypid, NULL), \
             coalesce(to_jsonb(i) ->> 'indnullsnotdistinct', 'false') \
             FROM pg_index i JOIN unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, at) ON k.at <= i.indnkeyatts \
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
             WHERE i.indrelid = $1::regclass AND i.indisunique AND i.indimmediate AND i.indexprs IS NULL \
             ORDER BY i.indexrelid, k.at",
            &[&sql::table(&lookup.table, DEFAULT_SCHEMA)],
        )?;
        let key = lookup.stored_key();
        let own: Vec<&str> = lookup.own.iter().map(|own| own.name.as_str()).collect();
        let mut keys: Vec<(String, UniqueKey)> = Vec::new();
        for row in rows {
            let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
            let (index, column) = (text(0), text(1));
            if keys.last().is_none_or(|(last, _)| *last != index) {
                let unique = UniqueKey {
                    columns: Vec::new(),
                    nullable: None,
                    replaceable: None,
                };
                keys.push((index, unique));
            }
            let Some((_, unique)) = keys.last_mut() else {
                continue;
            };
            if !key.contains(&column.as_str())
                && !own.contains(&column.as_str())
                && text(3).is_empty()
            {
                if text(2) == "false" && text(5) == "false" {
                    unique.nullable.get_or_insert(column.clone());
                }
                unique.replaceable.get_or_insert((column.clone(), text(4)));
            }
            unique.columns.push(column);
        }
        // Rows are matched by the lookup key itself, so it never has to let go of a value; and a
        // number of the target's own is new or stays.
        Ok(keys
            .into_iter()
            .map(|(_, unique)| unique)
            .filter(|unique| {
                !unique
                    .columns
                    .iter()
                    .all(|column| key.contains(&column.as_str()) || own.contains(&column.as_str()))
            })
            .collect())
    }

    pub(super) fn release(
        &mut self,
        lookup: &Lookup,
        unique: &UniqueKey,
        referenced: bool,
    ) -> anyhow::Result<()> {
        let loading = self.loading(lookup)?;
        let (table, holds) = (&loading.table, loading.holds_wanted(&unique.columns));
        let what = format!("free unique values of `{}`", lookup.table);
        // Counted, because for EXISTS the server would plan for a first row that mostly never comes.
        let held = self.value(
            &format!("SELECT (count(*) > 0)::text FROM {table} AS lookup WHERE {holds}"),
            &[],
        )?;
        if held.as_deref() != Some("true") {
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
        if !referenced {
            for statement in loading.take_out(&unique.columns) {
                self.run(&statement, &what)?;
            }
            return Ok(());
        }
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
                    unique.columns.join(", ")
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
            &what,
        )?;
        Ok(())
    }
}
