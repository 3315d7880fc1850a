//! Tables and their columns.

use std::collections::BTreeMap;

use super::super::PostgresSession;
use super::{OWN_RELATION, USER_SCHEMA, object};
use crate::model::rows::key_order::Reading;
use crate::model::schema::catalog::{Catalog, Column, DefaultValue, Table, TableKind};
use crate::model::schema::table::TableName;

/// How the sequence of a column differs from the one that the column would get by itself.
const SEQUENCE_OPTIONS: &str = "concat_ws(' ', CASE WHEN q.seqtypid <> a.atttypid THEN 'AS ' || format_type(q.seqtypid, NULL) END, \
     CASE WHEN q.seqincrement <> 1 THEN 'INCREMENT BY ' || q.seqincrement END, CASE WHEN q.seqmin <> 1 THEN 'MINVALUE ' || q.seqmin END, \
     CASE WHEN q.seqmax <> CASE q.seqtypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647 ELSE 9223372036854775807 END \
     THEN 'MAXVALUE ' || q.seqmax END, CASE WHEN q.seqstart <> q.seqmin THEN 'START WITH ' || q.seqstart END, \
     CASE WHEN q.seqcache <> 1 THEN 'CACHE ' || q.seqcache END, CASE WHEN q.seqcycle THEN 'CYCLE' END)";

impl PostgresSession {
    pub(super) fn read_tables(&mut self, catalog: &mut Catalog) -> anyhow::Result<()> {
        let rows = self.query(&query(), &[])?;
        let mut definitions = BTreeMap::new();
        let mut of_partitions = Vec::new();
        for row in rows {
            let optional = |at: usize| row.get(at).cloned().flatten();
            let text = |at: usize| optional(at).unwrap_or_default();
            let name = TableName::new(Some(&text(0)), &text(1));
            let column = optional(3).map(|column| {
                let definition = definition(&row);
                definitions.insert((name.clone(), column.clone()), definition.clone());
                (column, definition)
            });
            if let Some(parent) = optional(13) {
                let parent = TableName::new(Some(&text(12)), &parent);
                of_partitions.extend(column.map(|(column, _)| (name, parent, column)));
                continue;
            }
            let kind = match text(2).as_str() {
                "r" => TableKind::Ordinary,
                "p" => TableKind::Partitioned,
                "i" => TableKind::Inherited,
                _ => TableKind::NotATable,
            };
            let table = catalog.tables.entry(name.clone()).or_insert_with(|| Table {
                name: name.clone(),
                kind,
                columns: Vec::new(),
                primary_key: Vec::new(),
                unique_keys: Vec::new(),
                partial_keys: Vec::new(),
                foreign_keys: Vec::new(),
            });
            let Some((column, definition)) = column else {
                continue;
            };
            // A view's columns are those of its text.
            if !["v", "m"].contains(&text(2).as_str()) {
                let object = object("column", &format!("{name}.{column}"));
                catalog.objects.insert(object, definition.whole());
            }
            let (type_name, generated) = (text(4), text(7));
            table.columns.push(Column {
                reading: reading(&type_name, text(11) == "true"),
                name: column,
                type_name,
                nullable: text(5) != "true",
                default: optional(10)
                    .or(optional(8).filter(|_| generated.is_empty()))
                    .map(DefaultValue::Expression),
                generated: !generated.is_empty(),
                fixed: text(6) == "a",
            });
        }
        // A partition's columns are its parent's, but for what was changed in the partition.
        for (name, parent, column) in of_partitions {
            let own = definitions.get(&(name.clone(), column.clone()));
            let parents = definitions.get(&(parent, column.clone()));
            if let Some(own) = own
                && parents.is_none_or(|parents| parents.without_identity != own.without_identity)
            {
                let object = object("column", &format!("{name}.{column}"));
                catalog.objects.insert(object, own.without_identity.clone());
            }
        }
        Ok(())
    }
}

/// What a column is, in words.
#[derive(Clone)]
struct Definition {
    /// Before version 17 a partition does not have it, even if its parent does.
    without_identity: String,
    identity: String,
}

impl Definition {
    fn whole(&self) -> String {
        format!("{}{}", self.without_identity, self.identity)
    }
}

fn definition(row: &[Option<String>]) -> Definition {
    let optional = |at: usize| row.get(at).cloned().flatten();
    let text = |at: usize| optional(at).unwrap_or_default();
    let mut plain = text(4);
    if let Some(collation) = optional(9) {
        plain.push_str(&format!(" COLLATE {collation}"));
    }
    if text(5) == "true" {
        plain.push_str(" NOT NULL");
    }
    if text(15) == "true" {
        plain.push_str(" (NOT VALID)");
    }
    let sequence = match text(14) {
        options if options.is_empty() => options,
        options => format!(" ({options})"),
    };
    let identity = match text(6).as_str() {
        "a" => format!(" GENERATED ALWAYS AS IDENTITY{sequence}"),
        "d" => format!(" GENERATED BY DEFAULT AS IDENTITY{sequence}"),
        _ => String::new(),
    };
    match (text(7).as_str(), optional(8)) {
        (_, None) => {}
        ("", Some(_)) if text(16) == "true" => {
            // Its name was made up once, from names that may be others by now.
            plain.push_str(&format!(" DEFAULT nextval(own sequence{sequence})"));
        }
        ("", Some(default)) => plain.push_str(&format!(" DEFAULT {default}")),
        ("v", Some(expression)) => {
            plain.push_str(&format!(" GENERATED ALWAYS AS ({expression}) VIRTUAL"));
        }
        (_, Some(expression)) => {
            plain.push_str(&format!(" GENERATED ALWAYS AS ({expression}) STORED"));
        }
    }
    Definition {
        without_identity: plain,
        identity,
    }
}

/// The columns, in this order: schema, table, kind, column, type, NOT NULL, identity, generated,
/// default, collation, default of an identity, whether the collation is deterministic, schema and
/// name of a partition's parent, options of the column's own sequence, whether NOT NULL is not
/// valid, whether the default is the column's own sequence.
fn query() -> String {
    // Joins that most databases need for nothing take longer to plan than all the rest to run.
    let of_parent = |what: &str| {
        format!(
            "(SELECT {what}::text FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent \
             JOIN pg_namespace pn ON pn.oid = p.relnamespace WHERE i.inhrelid = c.oid)"
        )
    };
    format!(
        "WITH sequences AS (SELECT s.*, d.refobjid, d.refobjsubid, d.deptype, format('nextval(%L::regclass)', s.seqrelid::regclass::text) AS next \
         FROM pg_sequence s JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid \
         AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')) \
         SELECT n.nspname::text, c.relname::text, CASE WHEN c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid) THEN 'i' ELSE c.relkind::text END, a.attname::text, \
         format_type(a.atttypid, a.atttypmod), a.attnotnull::text, a.attidentity::text, a.attgenerated::text, e.expression, \
         CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END, \
         CASE WHEN a.attidentity <> '' THEN q.next END, (a.attcollation NOT IN (SELECT l.oid FROM pg_collation l WHERE NOT l.collisdeterministic))::text, \
         CASE WHEN c.relispartition THEN {} END, CASE WHEN c.relispartition THEN {} END, CASE WHEN q.seqrelid IS NOT NULL THEN {SEQUENCE_OPTIONS} END, \
         ((c.oid, a.attnum) IN (SELECT v.conrelid, v.conkey[1] FROM pg_constraint v WHERE v.contype = 'n' AND NOT v.convalidated))::text, (q.deptype = 'a')::text \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         LEFT JOIN pg_type t ON t.oid = a.atttypid \
         LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum \
         LEFT JOIN LATERAL (SELECT pg_get_expr(d.adbin, d.adrelid) AS expression) e ON true \
         LEFT JOIN sequences q ON q.refobjid = c.oid AND q.refobjsubid = a.attnum AND (q.deptype = 'i' OR q.next = e.expression) \
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {USER_SCHEMA} AND {OWN_RELATION} \
         ORDER BY n.nspname, c.relname, a.attnum",
        of_parent("pn.nspname"),
        of_parent("p.relname")
    )
}

/// How the text of a type reads: most types beside these take some values for equal that they
/// spell differently, and so does a text under a collation that is not deterministic.
fn reading(type_name: &str, is_deterministic: bool) -> Reading {
    let name = type_name.split('(').next().unwrap_or_default();
    match name {
        "smallint" | "integer" | "bigint" => Reading::Number,
        "text" | "character varying" | "character"
            if is_deterministic && !type_name.ends_with(']') =>
        {
            Reading::Text
        }
        "uuid"
        | "date"
        | "boolean"
        | "bytea"
        | "timestamp"
        | "timestamp without time zone"
        | "timestamp with time zone"
            if !type_name.ends_with(']') =>
        {
            Reading::Text
        }
        _ => Reading::Spelling,
    }
}
