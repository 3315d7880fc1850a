//! How rows let go of unique values that others take: they are emptied, away, or hold something else.

use diesel::{RunQueryDsl, sql_query};

use super::super::sql;
use super::super::staged::position;
use super::PostgresSession;
use super::connection::Fields;
use super::read::DEFAULT_SCHEMA;
use super::staging::staging_table;
use super::unique::{Replaceable, UniqueKey};
use crate::model::rows::lookup::Lookup;
use crate::problem::{Code, Problem};

impl PostgresSession {
    pub(super) fn release(&mut self, lookup: &Lookup, unique: &UniqueKey) -> anyhow::Result<()> {
        let at = position(&self.staged, &lookup.table)?;
        let loading = self.loading(lookup)?;
        let same = unique.same();
        let (table, mut holds) = (&loading.table, loading.holds_wanted(&same, "'U', 'D'"));
        let what = format!("free unique values of `{}`", lookup.table);
        if !self.is_held(table, &holds)? {
            return Ok(());
        }
        let staging = staging_table(at);
        if let Some(column) = self.nullable_column(lookup, unique)? {
            let column = sql::identifier(&column);
            self.run(
                &format!("UPDATE {table} AS lookup SET {column} = NULL WHERE {holds}"),
                &what,
            )?;
            return Ok(());
        }
        if self.staged[at].references.is_empty() {
            self.run(&loading.mark_for_reinsert(&same), &what)?;
            self.run(&loading.take_out("'R', 'D'"), &what)?;
            return Ok(());
        }
        // Rows are switched off before that statement.
        let is_late = self.is_held(table, &loading.holds_wanted_by("'T'", &same, "'U'"))?;
        if !is_late
            && self.may_be_away_for_a_statement(lookup, &loading.holds_wanted(&same, "'U'"))?
        {
            self.run(&loading.mark_for_reinsert(&same), &what)?;
            self.staged[at].at_once = true;
            // Rows that go for good stay until nothing refers to them.
            holds = loading.holds_wanted(&same, "'D'");
            if !self.is_held(table, &holds)? {
                return Ok(());
            }
        }
        self.leave_partial_index(lookup, unique, &holds)?;
        if !self.is_held(table, &holds)? {
            return Ok(());
        }
        let Some((column, value)) = self.placeholder_value(lookup, unique, Some(&staging))? else {
            return Err(stuck(lookup, unique).into());
        };
        let keys = sql::list("lookup.", lookup.stored_key().into_iter());
        self.run(
            &format!(
                "UPDATE {table} AS lookup SET {column} = {value} FROM (SELECT {keys}, row_number() OVER () AS __number \
                 FROM {table} AS lookup WHERE {holds}) AS numbered WHERE {}",
                sql::same_stored_key(lookup, "lookup", "numbered")
            ),
            &what,
        )?;
        Ok(())
    }

    /// Gives rows the value by which they leave a partial index, where it is the one that they are to
    /// have in the end.
    fn leave_partial_index(
        &mut self,
        lookup: &Lookup,
        unique: &UniqueKey,
        holds: &str,
    ) -> anyhow::Result<()> {
        let Some(predicate) = &unique.predicate else {
            return Ok(());
        };
        let mut changing = lookup.changing_columns();
        changing.retain(|column| unique.reads.iter().any(|read| read == column));
        let columns = self.columns_of(lookup)?;
        for column in changing {
            let name = sql::identifier(column);
            let then: Vec<String> = columns
                .iter()
                .map(|other| match other == column {
                    true => format!("staged.{name} AS {name}"),
                    false => format!("lookup.{}", sql::identifier(other)),
                })
                .collect();
            let loading = self.loading(lookup)?;
            let update = format!(
                "UPDATE {} AS lookup SET {name} = staged.{name} FROM {} AS staged WHERE staged.__change = 'U' AND {} \
                 AND {holds} AND (SELECT ({predicate}) IS NOT TRUE FROM (SELECT {}) AS of_row)",
                loading.table,
                loading.staging,
                sql::same_stored_key(lookup, "staged", "lookup"),
                then.join(", ")
            );
            // With one value alone a row may break another rule, which is then the end of this way.
            let _ = self.tried("try a value", |session| {
                session
                    .theirs()
                    .and_then(|connection| sql_query(update).execute(connection))
            })?;
        }
        Ok(())
    }

    /// Whether the rows can hold something else for a moment, so that it does not matter who refers
    /// to them.
    pub(super) fn may_hold_something_else(
        &mut self,
        lookup: &Lookup,
        columns: &[String],
    ) -> anyhow::Result<bool> {
        for unique in self.unique_keys_of(lookup)? {
            if unique.is_over(columns) {
                return Ok(self.nullable_column(lookup, &unique)?.is_some()
                    || self.placeholder_value(lookup, &unique, None)?.is_some());
            }
        }
        Ok(true)
    }

    /// Counted, because for EXISTS the server would plan for a first row that mostly never comes.
    fn is_held(&mut self, table: &str, holds: &str) -> anyhow::Result<bool> {
        let held = self.value_theirs(&format!(
            "SELECT (count(*) > 0)::text FROM {table} AS lookup WHERE {holds}"
        ))?;
        Ok(held.as_deref() == Some("true"))
    }

    /// Whether these rows may be taken out and put back within a statement: every foreign key that
    /// leads to one of them is content with what is there at its end, and does nothing before. Then
    /// rows that are written by the same statement refer too: those of the table itself, or of one
    /// before it, which is in a circle with it.
    fn may_be_away_for_a_statement(&mut self, lookup: &Lookup, rows: &str) -> anyhow::Result<bool> {
        let own = position(&self.staged, &lookup.table)?;
        for reference in self.strict_references_to(&lookup.table)? {
            let child = position(&self.staged, &reference.child).ok();
            let coming = child.filter(|at| *at <= own).map(staging_table);
            let loading = self.loading(lookup)?;
            let mut queries = vec![loading.refer_to(&reference, None, rows)];
            queries.extend(coming.map(|coming| loading.refer_to(&reference, Some(&coming), rows)));
            for referred in queries {
                if self.value_theirs(&referred)?.as_deref() == Some("true") {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// A column that may be NULL for a moment.
    fn nullable_column(
        &mut self,
        lookup: &Lookup,
        unique: &UniqueKey,
    ) -> anyhow::Result<Option<String>> {
        for column in &unique.nullable {
            if self.fits(lookup, column, "NULL")? {
                return Ok(Some(column.column.clone()));
            }
        }
        Ok(None)
    }

    /// A column and a value for it, other than every one that is there and, in `staging`, that
    /// comes; both as SQL.
    fn placeholder_value(
        &mut self,
        lookup: &Lookup,
        unique: &UniqueKey,
        staging: Option<&str>,
    ) -> anyhow::Result<Option<(String, String)>> {
        let table = sql::table(&lookup.table, DEFAULT_SCHEMA);
        for column in &unique.replaceable {
            for value in candidates(column, &table, staging) {
                if self.fits(lookup, column, &value)? {
                    let value = format!("({value})::{}", column.full_type);
                    return Ok(Some((sql::identifier(&column.column), value)));
                }
            }
        }
        Ok(None)
    }

    /// Whether a column may hold that value in every row, as far as its type and the CHECK
    /// constraints go.
    fn fits(&mut self, lookup: &Lookup, column: &Replaceable, value: &str) -> anyhow::Result<bool> {
        let table = sql::table(&lookup.table, DEFAULT_SCHEMA);
        let checks = self.value(
            "SELECT coalesce(string_agg(format('(%s)', pg_get_expr(conbin, conrelid)), ' AND '), 'true') \
             FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'c'",
            &[&table],
        )?;
        let checks = checks.unwrap_or_default();
        let columns = self.columns_of(lookup)?;
        let others = columns
            .iter()
            .map(String::as_str)
            .filter(|name| *name != column.column);
        let (name, full_type) = (sql::identifier(&column.column), &column.full_type);
        // Beyond infinity is infinity, so that it has to be seen that the values are new. A type may
        // have no order, and still be NULL.
        let is_new = match value {
            "NULL" => format!("count({name}) = 0"),
            _ => format!(
                "count(DISTINCT {name}) = count(*) AND count(*) FILTER (WHERE {name} IN (SELECT {name} FROM {table})) = 0"
            ),
        };
        let query = format!(
            "SELECT (count(*) FILTER (WHERE NOT ({checks})) = 0 AND {is_new})::text FROM (\
             SELECT ({value})::{full_type} AS {name}{} FROM (SELECT *, row_number() OVER () AS __number FROM {table}) AS numbered) AS made_up",
            others
                .map(|name| format!(", numbered.{}", sql::identifier(name)))
                .collect::<String>()
        );
        self.is_true(&query)
    }

    fn columns_of(&mut self, lookup: &Lookup) -> anyhow::Result<Vec<String>> {
        let rows = self.query(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped",
            &[&sql::table(&lookup.table, DEFAULT_SCHEMA)],
        )?;
        Ok(rows.into_iter().flatten().flatten().collect())
    }

    /// Whether a query says true; one that the server refuses does not.
    fn is_true(&mut self, query: &str) -> anyhow::Result<bool> {
        let tried = self.tried("try a value", |session| {
            session
                .theirs()
                .and_then(|connection| sql_query(query).load::<Fields>(connection))
        })?;
        let mut fields = tried.into_iter().flatten().flat_map(|row| row.0);
        Ok(fields.next().flatten().as_deref() == Some("true"))
    }
}

/// Values that nobody has, as SQL, the `__number` of each row making them different.
fn candidates(column: &Replaceable, table: &str, staging: Option<&str>) -> Vec<String> {
    let name = sql::identifier(&column.column);
    let extreme = |of: &str, of_both: &str| match staging {
        Some(staging) => format!(
            "{of_both}((SELECT {of}({name}) FROM {table}), (SELECT {of}({name}) FROM {staging}))"
        ),
        None => format!("(SELECT {of}({name}) FROM {table})"),
    };
    // Above everything, or below.
    let server_wide = |step: &str| {
        vec![
            format!("{} + {step}", extreme("max", "greatest")),
            format!("{} - {step}", extreme("min", "least")),
        ]
    };
    let random = "md5(random()::text || numbered.__number)";
    let type_name = column.type_name.rsplit('.').next().unwrap_or_default();
    match type_name {
        "smallint" | "integer" | "bigint" | "numeric" => server_wide("numbered.__number"),
        "date" => server_wide("numbered.__number::integer"),
        "timestamp without time zone" | "timestamp with time zone" => {
            server_wide("numbered.__number * interval '1 day'")
        }
        "text" | "character varying" | "character" | "citext" => {
            let length = format!(
                "coalesce((SELECT nullif(atttypmod, -1) - 4 FROM pg_attribute WHERE attrelid = '{}'::regclass AND attname = '{}'), 32)",
                table.replace('\'', "''"),
                column.column.replace('\'', "''")
            );
            // Letters alone, as many rules want them. Where there is little room, those that are
            // set aside for private use.
            let letters = format!(
                "CASE WHEN {length} < 32 AND getdatabaseencoding() = 'UTF8' THEN chr(983040 + numbered.__number::integer) \
                 ELSE left(translate({random}, '0123456789', 'ghijklmnop'), {length}) END"
            );
            vec![letters.clone(), format!("upper({letters})")]
        }
        "uuid" => vec!["gen_random_uuid()".to_owned()],
        "jsonb" => vec![format!("to_jsonb({random})")],
        _ => Vec::new(),
    }
}

fn stuck(lookup: &Lookup, unique: &UniqueKey) -> Problem {
    Problem::new(
        Code::ConstraintViolated,
        format!(
            "rows of `{}` exchange values of {}, which are unique: they can hold nothing else for a moment, nor be away while other rows refer to them",
            lookup.table,
            unique.shown()
        ),
    )
    .hint(match unique.may_wait {
        true => "with a migration, let it be a unique constraint that is DEFERRABLE INITIALLY IMMEDIATE; or promote in two steps: first with another value in the source, then with the one that is wanted",
        false => "promote in two steps: first with another value in the source, then with the one that is wanted",
    })
}
