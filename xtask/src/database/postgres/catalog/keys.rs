//! Unique and foreign keys, for everything that is decided about rows.

use super::super::PostgresSession;
use super::USER_SCHEMA;
use crate::model::schema::catalog::{Action, Catalog, Comparison, ForeignKey, PartialKey};
use crate::model::schema::table::TableName;

impl PostgresSession {
    pub(super) fn read_keys(&mut self, catalog: &mut Catalog) -> anyhow::Result<()> {
        let columns = |array: &str, table: &str| {
            format!(
                "(SELECT json_agg(a.attname ORDER BY k.at) FROM unnest({array}) WITH ORDINALITY k(attnum, at) \
                 JOIN pg_attribute a ON a.attrelid = {table} AND a.attnum = k.attnum)::text"
            )
        };
        let rows = self.query(
            &format!(
                "SELECT n.nspname::text, c.relname::text, i.indisprimary::text, {}, pg_get_expr(i.indpred, i.indrelid) FROM pg_index i \
                 JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
                 WHERE i.indisunique AND i.indexprs IS NULL AND i.indisvalid AND {USER_SCHEMA}",
                columns("(i.indkey::int2[])[0:i.indnkeyatts - 1]", "i.indrelid")
            ),
            &[],
        )?;
        for row in rows {
            let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
            if let Some(table) = catalog
                .tables
                .get_mut(&TableName::new(Some(&text(0)), &text(1)))
            {
                let key: Vec<String> = serde_json::from_str(&text(3))?;
                if text(2) == "true" {
                    table.primary_key.clone_from(&key);
                }
                match row.get(4).cloned().flatten() {
                    None => table.unique_keys.push(key),
                    Some(condition) => table.partial_keys.push(PartialKey {
                        columns: key,
                        condition,
                    }),
                }
            }
        }
        let rows = self.query(
            &format!(
                "SELECT n.nspname::text, c.relname::text, pn.nspname::text, p.relname::text, f.condeferrable::text, \
                 f.conname::text, f.confdeltype::text, f.confupdtype::text, \
                 (f.conrelid <> c.oid OR f.confrelid <> p.oid)::text, {}, {}, {}, {COMPARISONS} \
                 FROM pg_constraint f JOIN pg_class c ON c.oid = coalesce(pg_partition_root(f.conrelid), f.conrelid) \
                 JOIN pg_namespace n ON n.oid = c.relnamespace \
                 JOIN pg_class p ON p.oid = coalesce(pg_partition_root(f.confrelid), f.confrelid) \
                 JOIN pg_namespace pn ON pn.oid = p.relnamespace \
                 WHERE f.contype = 'f' AND f.conparentid = 0 AND {USER_SCHEMA} ORDER BY f.conname",
                columns("f.conkey", "f.conrelid"),
                columns("f.confkey", "f.confrelid"),
                // Of version 15 and newer.
                columns("translate(to_jsonb(f) ->> 'confdelsetcols', '[]', '{}')::int2[]", "f.conrelid")
            ),
            &[],
        )?;
        for row in rows {
            let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
            let child = TableName::new(Some(&text(0)), &text(1));
            let key = ForeignKey {
                name: Some(text(5)),
                parent: TableName::new(Some(&text(2)), &text(3)),
                deferrable: text(4) == "true",
                on_delete: action(&text(6)),
                on_update: action(&text(7)),
                columns: serde_json::from_str(&text(9))?,
                parent_columns: serde_json::from_str(&text(10))?,
                comparisons: comparisons(&text(12))?,
                on_delete_columns: match text(11) {
                    columns if columns.is_empty() => Vec::new(),
                    columns => serde_json::from_str(&columns)?,
                },
            };
            if text(8) == "true" {
                catalog.partition_keys.push((child, key));
            } else if let Some(table) = catalog.tables.get_mut(&child) {
                table.foreign_keys.push(key);
            }
        }
        Ok(())
    }
}

/// How the foreign key `f` compares its columns, for [`comparisons`].
pub(in crate::database::postgres) const COMPARISONS: &str = "(SELECT json_agg(json_build_array(format('OPERATOR(%I.%s)', ns.nspname, op.oprname), \
     CASE WHEN other.attcollation NOT IN (0, own.attcollation) THEN format(' COLLATE %I.%I', cns.nspname, cl.collname) ELSE '' END) ORDER BY k.at) \
     FROM unnest(f.conkey, f.confkey, f.conpfeqop) WITH ORDINALITY k(child, parent, operator, at) \
     JOIN pg_attribute own ON own.attrelid = f.conrelid AND own.attnum = k.child \
     JOIN pg_attribute other ON other.attrelid = f.confrelid AND other.attnum = k.parent \
     JOIN pg_operator op ON op.oid = k.operator JOIN pg_namespace ns ON ns.oid = op.oprnamespace \
     LEFT JOIN pg_collation cl ON cl.oid = other.attcollation LEFT JOIN pg_namespace cns ON cns.oid = cl.collnamespace)::text";

pub(in crate::database::postgres) fn comparisons(json: &str) -> anyhow::Result<Vec<Comparison>> {
    let pairs: Vec<(String, String)> = serde_json::from_str(json)?;
    let pairs = pairs.into_iter();
    Ok(pairs
        .map(|(operator, collation)| Comparison {
            operator,
            collation,
        })
        .collect())
}

/// <https://www.postgresql.org/docs/current/catalog-pg-constraint.html>
fn action(letter: &str) -> Action {
    match letter {
        "r" => Action::Restrict,
        "c" => Action::Cascade,
        "n" => Action::SetNull,
        "d" => Action::SetDefault,
        _ => Action::NoAction,
    }
}
