//! Sequences, which go on above the numbers that came from elsewhere.

use super::super::sql;
use super::PostgresSession;
use super::read::DEFAULT_SCHEMA;
use crate::model::schema::table::TableName;

/// The sequences that fill in a table's columns: its identities, its serials, and those that a
/// default takes the next number of.
const SEQUENCES: &str = "SELECT a.attname::text, format('%I.%I', n.nspname, s.relname) FROM pg_attribute a JOIN (\
     SELECT e.adrelid AS relation, e.adnum AS number, d.refobjid AS sequence FROM pg_attrdef e \
     JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = e.oid AND d.refclassid = 'pg_class'::regclass \
     UNION SELECT d.refobjid, d.refobjsubid, d.objid FROM pg_depend d \
     WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')) AS filled \
     ON filled.relation = a.attrelid AND filled.number = a.attnum \
     JOIN pg_class s ON s.oid = filled.sequence AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace \
     WHERE a.attrelid = $1::regclass AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)";

impl PostgresSession {
    /// Raises them above the highest value of their column; one that is above it stays. One that
    /// counts down goes below the lowest.
    pub(super) fn raise_sequences_of(&mut self, table: &TableName) -> anyhow::Result<()> {
        let table = sql::table(table, DEFAULT_SCHEMA);
        for row in self.query(SEQUENCES, &[&table])? {
            let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
            let (column, sequence) = (sql::identifier(&text(0)), text(1));
            self.query(
                &format!(
                    "SELECT setval($1::regclass, reached)::text FROM pg_sequence AS definition, {sequence} AS sequence, \
                     LATERAL (SELECT CASE WHEN definition.seqincrement > 0 THEN max({column}) ELSE min({column}) END AS reached FROM {table}) AS rows \
                     WHERE definition.seqrelid = $1::regclass AND reached BETWEEN definition.seqmin AND definition.seqmax \
                     AND (sign(definition.seqincrement) * (reached::numeric - sequence.last_value) > 0 \
                     OR (reached = sequence.last_value AND NOT sequence.is_called))"
                ),
                &[&sequence],
            )?;
        }
        Ok(())
    }
}
