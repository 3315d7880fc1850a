//! Unique keys: what no two rows may have in common, or what keeps two rows apart in another way.

use super::super::sql;
use super::PostgresSession;
use super::read::DEFAULT_SCHEMA;
use crate::model::rows::key_order::Reading;
use crate::model::rows::lookup::Lookup;

/// A unique or exclusion constraint, or a unique index, that the server checks at once, row by row.
pub(super) struct UniqueKey {
    /// What is unique: columns, or expressions over them.
    terms: Vec<Term>,
    /// The columns that can be NULL as far as NOT NULL goes, so that a row lets go of its value.
    pub(super) nullable: Vec<Replaceable>,
    /// The columns that may hold another value for a moment.
    pub(super) replaceable: Vec<Replaceable>,
    /// What the rows of a partial index meet.
    pub(super) predicate: Option<String>,
    /// Whether it can be made DEFERRABLE.
    pub(super) may_wait: bool,
    /// Every column that it hangs on.
    pub(super) reads: Vec<String>,
    /// Those of which a NULL keeps a row out of everybody's way.
    loose: Vec<String>,
}

struct Term {
    text: String,
    is_column: bool,
    /// What the column's domain is made of: a domain over an enum has no operators.
    base: Option<String>,
    /// By which two rows are in each other's way.
    operator: String,
    /// Whether they are so by another rule than that they are equal.
    excludes: bool,
    /// Whether two NULLs are as well. Only then is it asked so that the server cannot join by it.
    nulls_meet: bool,
}

/// A column that the load writes afterwards, and that nobody refers to.
#[derive(Clone)]
pub(super) struct Replaceable {
    pub(super) column: String,
    /// Without its limits.
    pub(super) type_name: String,
    /// With them.
    pub(super) full_type: String,
}

/// For every unique key and each of its terms: the index, the column, whether it is NOT NULL and
/// whether it is an identity, what else it is computed by, whether NULLs are equal to it, the
/// columns that the index reads, with their types, the operator by which values are equal or exclude
/// each other, which no search path may find, and which of both it is, what the rows of a partial index
/// meet, and whether it can be DEFERRABLE, as no expression can, nor what
/// foreign keys name.
const UNIQUE_KEYS: &str = "SELECT i.indexrelid::text, a.attname::text, a.attnotnull::text, a.attidentity::text, \
     CASE WHEN k.attnum = 0 THEN pg_get_indexdef(i.indexrelid, k.at::integer, false) \
     WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END, \
     coalesce(to_jsonb(i) ->> 'indnullsnotdistinct', 'false'), \
     (SELECT json_agg(json_build_array(r.attname, format_type(r.atttypid, NULL), format_type(r.atttypid, r.atttypmod)) ORDER BY r.attnum) \
      FROM pg_attribute r WHERE r.attrelid = i.indrelid AND r.attgenerated = '' AND r.attidentity = '' AND (r.attnum = k.attnum OR r.attnum IN (\
      SELECT e.refobjsubid FROM pg_depend e WHERE e.refclassid = 'pg_class'::regclass AND e.refobjid = i.indrelid \
      AND ((e.classid = 'pg_class'::regclass AND e.objid = i.indexrelid) OR (e.classid = 'pg_attrdef'::regclass AND e.objid = d.oid)))))::text, \
     (SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname) FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace \
      WHERE o.oid = CASE WHEN i.indisexclusion THEN (SELECT x.conexclop[k.at] FROM pg_constraint x WHERE x.contype = 'x' AND x.conindid = i.indexrelid) \
      ELSE (SELECT e.amopopr FROM pg_opclass oc JOIN pg_amop e ON e.amopfamily = oc.opcfamily AND e.amopstrategy = 3 \
      AND (e.amoplefttype, e.amoprighttype) = (oc.opcintype, oc.opcintype) WHERE oc.oid = (i.indclass::oid[])[k.at - 1]) END), i.indisexclusion::text, \
     pg_get_expr(i.indpred, i.indrelid), (i.indisexclusion OR (i.indpred IS NULL AND i.indexprs IS NULL \
     AND NOT EXISTS (SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.conindid = i.indexrelid)))::text \
     FROM pg_index i JOIN unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, at) ON k.at <= i.indnkeyatts \
     LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0 \
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
     WHERE i.indrelid = $1::regclass AND (i.indisunique OR i.indisexclusion) AND i.indimmediate ORDER BY i.indexrelid, k.at";

/// The columns that foreign keys or partitions hold on to: each with whether it must keep its value,
/// as others refer to it or it says in which partition a row is; else it may be NULL for a moment,
/// as it refers itself.
const BOUND_COLUMNS: &str = "SELECT a.attname::text, bound.whatever::text FROM pg_attribute a, LATERAL (SELECT \
     EXISTS (SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.confrelid = a.attrelid AND a.attnum = ANY (f.confkey)) \
     OR EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partrelid = a.attrelid AND a.attnum = ANY (p.partattrs::int2[])) AS whatever, \
     EXISTS (SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.conrelid = a.attrelid AND a.attnum = ANY (f.conkey)) AS refers) AS bound \
     WHERE a.attrelid = $1::regclass AND (bound.whatever OR bound.refers)";

impl UniqueKey {
    /// When `lookup` and `wanted` have the same values, or exclude each other. What `wanted` is not
    /// given may still bring it under a partial index, so that only `lookup` is asked for that.
    pub(super) fn same(&self) -> String {
        let terms = self.terms.iter().map(|term| {
            let of_row = |row: &str| match (term.is_column, &term.base) {
                (true, None) => format!("{row}.{}", sql::identifier(&term.text)),
                (true, Some(base)) => format!("{row}.{}::{base}", sql::identifier(&term.text)),
                (false, _) => format!("(SELECT {} FROM (SELECT {row}.*) AS of_row)", term.text),
            };
            let (one, other) = (of_row("lookup"), of_row("wanted"));
            let meet = format!("{one} {} {other}", term.operator);
            match term.nulls_meet {
                true => format!("({meet} OR ({one} IS NULL AND {other} IS NULL))"),
                false => meet,
            }
        });
        let predicate = self
            .predicate
            .iter()
            .map(|predicate| format!("(SELECT ({predicate}) FROM (SELECT lookup.*) AS of_row)"));
        terms.chain(predicate).collect::<Vec<_>>().join(" AND ")
    }

    pub(super) fn shown(&self) -> String {
        let terms = self.terms.iter().map(|term| format!("`{}`", term.text));
        terms.collect::<Vec<_>>().join(", ")
    }

    /// Whether a row that holds NULL in that column, for which it was not asked, is in nobody's way.
    fn bears_null(&self, column: &str) -> bool {
        let is = |other: &String| other == column;
        !self.reads.iter().any(is) || self.loose.iter().any(is)
    }

    /// As [`UniqueKey::bears_null`], for a value that nobody has.
    fn bears_new_value(&self, column: &str) -> bool {
        self.predicate.is_none() || self.bears_null(column)
    }

    /// Whether it is what makes these columns unique.
    pub(super) fn is_over(&self, columns: &[String]) -> bool {
        self.terms.len() == columns.len()
            && self
                .terms
                .iter()
                .all(|term| term.is_equal_column() && columns.contains(&term.text))
    }
}

impl Term {
    fn is_equal_column(&self) -> bool {
        self.is_column && !self.excludes
    }
}

impl PostgresSession {
    pub(super) fn unique_keys_of(&mut self, lookup: &Lookup) -> anyhow::Result<Vec<UniqueKey>> {
        let table = sql::table(&lookup.table, DEFAULT_SCHEMA);
        let (mut kept, mut referring) = (Vec::new(), Vec::new());
        for row in self.query(BOUND_COLUMNS, &[&table])? {
            let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
            match text(1) == "true" {
                true => kept.push(text(0)),
                false => referring.push(text(0)),
            }
        }
        let mut stays = lookup.stored_key();
        stays.extend(lookup.own.iter().map(|own| own.name.as_str()));
        // What is not written afterwards would stay empty, or made up.
        let changing = lookup.changing_columns();
        let is_free =
            |column: &String| changing.contains(&column.as_str()) && !kept.contains(column);
        let domains = self.domains(&lookup.table)?;
        let mut keys: Vec<(String, UniqueKey)> = Vec::new();
        for row in self.query(UNIQUE_KEYS, &[&table])? {
            let optional = |at: usize| row.get(at).cloned().flatten();
            let text = |at: usize| optional(at).unwrap_or_default();
            let (index, column) = (text(0), text(1));
            if keys.last().is_none_or(|(last, _)| *last != index) {
                let unique = UniqueKey {
                    terms: Vec::new(),
                    nullable: Vec::new(),
                    replaceable: Vec::new(),
                    predicate: optional(9),
                    may_wait: text(10) == "true",
                    reads: Vec::new(),
                    loose: Vec::new(),
                };
                keys.push((index, unique));
            }
            let Some((_, unique)) = keys.last_mut() else {
                continue;
            };
            let reads: Vec<(String, String, String)> =
                serde_json::from_str(&optional(6).unwrap_or("[]".to_owned()))?;
            let mut reads: Vec<Replaceable> = reads
                .into_iter()
                .map(|(column, type_name, full_type)| Replaceable {
                    column,
                    type_name,
                    full_type,
                })
                .collect();
            let names = reads.iter().map(|read| read.column.clone());
            unique.reads.extend(names);
            reads.retain(|read| is_free(&read.column));
            let expression = optional(4);
            if expression.is_none() && text(5) == "false" {
                unique.loose.push(column.clone());
                // The index may read others as well, which are another term's.
                let own = reads
                    .iter()
                    .filter(|read| read.column == column && text(2) == "false");
                unique.nullable.extend(own.cloned());
            }
            reads.retain(|read| !referring.contains(&read.column));
            unique.replaceable.extend(reads);
            unique.terms.push(Term {
                is_column: expression.is_none(),
                base: domains.get(&column).cloned(),
                text: expression.unwrap_or(column),
                operator: optional(7).unwrap_or("=".to_owned()),
                excludes: text(8) == "true",
                nulls_meet: text(5) == "true" && text(2) != "true",
            });
        }
        // Rows are matched by the lookup key itself, so it never has to let go of a value, unless
        // another spelling of it is taken for the same; and a number of the target's own is new
        // or stays.
        stays.retain(|column| lookup.reading_of_stored(column) != Reading::Spelling);
        let keys: Vec<UniqueKey> = keys.into_iter().map(|(_, unique)| unique).collect();
        Ok(keep_others_content(keys)
            .into_iter()
            .filter(|unique| {
                !unique
                    .terms
                    .iter()
                    .all(|term| term.is_equal_column() && stays.contains(&term.text.as_str()))
            })
            .collect())
    }
}

/// Leaves out the columns by which a row that lets go of one key would get in the way of another.
fn keep_others_content(mut keys: Vec<UniqueKey>) -> Vec<UniqueKey> {
    for at in 0..keys.len() {
        let (mut nullable, mut replaceable) = (
            std::mem::take(&mut keys[at].nullable),
            std::mem::take(&mut keys[at].replaceable),
        );
        let others = || keys.iter().enumerate().filter(|(other, _)| *other != at);
        nullable.retain(|column| others().all(|(_, key)| key.bears_null(&column.column)));
        replaceable.retain(|column| others().all(|(_, key)| key.bears_new_value(&column.column)));
        (keys[at].nullable, keys[at].replaceable) = (nullable, replaceable);
    }
    keys
}
