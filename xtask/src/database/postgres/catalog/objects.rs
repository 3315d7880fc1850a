//! What belongs to a table, and what stands beside tables.

use super::{OWN_RELATION, USER_SCHEMA, made_by_hand};

/// Whether a trigger or rule fires, where it is not as usual.
fn enabled(column: &str) -> String {
    format!(
        "CASE {column} WHEN 'D' THEN ' DISABLED' WHEN 'R' THEN ' ENABLED REPLICA' WHEN 'A' THEN ' ENABLED ALWAYS' ELSE '' END"
    )
}

/// Each returns what [`super::PostgresSession::read_objects`] reads.
pub(super) fn queries() -> Vec<String> {
    let of_table = "JOIN pg_namespace n ON n.oid = c.relnamespace";
    let trigger_fires = enabled("g.tgenabled");
    let rule_fires = enabled("r.ev_enabled");
    let event_fires = enabled("v.evtenabled");
    let schema_by_hand = made_by_hand("pg_namespace", "n");
    let event_by_hand = made_by_hand("pg_event_trigger", "v");
    let statistics_by_hand = made_by_hand("pg_statistic_ext", "s");
    vec![
        format!(
            "SELECT 'schema', '', n.nspname::text, '', NULL FROM pg_namespace n \
             WHERE {USER_SCHEMA} AND n.nspname <> 'public' AND {schema_by_hand}"
        ),
        // Not its version: each server has the one that was installed on it.
        "SELECT 'extension', '', e.extname::text, coalesce('in ' || nullif(e.extnamespace::regnamespace::text, 'public'), ''), NULL \
         FROM pg_extension e WHERE e.extname <> 'plpgsql'"
            .to_owned(),
        format!(
            "SELECT CASE c.relkind WHEN 'f' THEN 'foreign table' ELSE 'table' END, n.nspname::text, c.relname::text, \
             concat_ws(', ', CASE WHEN c.relpersistence = 'u' THEN 'unlogged' END, \
             'partitioned by ' || pg_get_partkeydef(c.oid), \
             CASE WHEN c.relispartition THEN 'partition of ' ELSE 'inherits ' END || \
             (SELECT string_agg(h.inhparent::regclass::text, ' ' ORDER BY h.inhseqno) FROM pg_inherits h WHERE h.inhrelid = c.oid), \
             pg_get_expr(c.relpartbound, c.oid), \
             'using ' || (SELECT m.amname FROM pg_am m WHERE m.oid = c.relam AND m.amname <> 'heap'), \
             'server ' || (SELECT s.srvname FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid), \
             CASE WHEN c.relrowsecurity THEN 'row level security' END, \
             CASE WHEN c.relforcerowsecurity THEN 'forced row level security' END, \
             CASE c.relreplident WHEN 'f' THEN 'replica identity full' WHEN 'n' THEN 'replica identity nothing' \
             WHEN 'i' THEN 'replica identity ' || (SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid \
             WHERE i.indrelid = c.oid AND i.indisreplident) END), NULL \
             FROM pg_class c {of_table} WHERE c.relkind IN ('r', 'p', 'f') AND {USER_SCHEMA} AND {OWN_RELATION}"
        ),
        // NOT NULL stands with the column, whether or not the server keeps it as a constraint.
        // What a partition or a child has from its parent is the parent's.
        format!(
            "SELECT 'constraint', n.nspname::text, c.relname::text, pg_get_constraintdef(k.oid) || \
             CASE WHEN EXISTS (SELECT FROM pg_trigger g WHERE g.tgconstraint = k.oid AND g.tgisinternal AND g.tgenabled = 'D') \
             THEN ' DISABLED' ELSE '' END, '.' || k.conname \
             FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid {of_table} \
             WHERE k.contype IN ('p', 'u', 'f', 'c', 'x') AND k.conislocal AND k.conparentid = 0 AND {USER_SCHEMA} AND {OWN_RELATION}"
        ),
        format!(
            "SELECT 'index', n.nspname::text, c.relname::text, pg_get_indexdef(i.indexrelid) \
             || CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END, '.' || x.relname \
             FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid {of_table} \
             WHERE NOT x.relispartition \
             AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')) \
             AND {USER_SCHEMA} AND {OWN_RELATION}"
        ),
        // A partition has copies of its parent's triggers, which may be switched off for themselves.
        format!(
            "SELECT 'trigger', n.nspname::text, c.relname::text, pg_get_triggerdef(g.oid) || {trigger_fires}, '.' || g.tgname \
             FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid {of_table} LEFT JOIN pg_trigger p ON p.oid = g.tgparentid \
             WHERE CASE WHEN g.tgparentid = 0 THEN NOT g.tgisinternal \
             ELSE p.tgconstraint = 0 AND p.tgenabled <> g.tgenabled END AND {USER_SCHEMA} AND {OWN_RELATION}"
        ),
        format!(
            "SELECT 'event trigger', '', v.evtname::text, 'ON ' || v.evtevent || coalesce(' WHEN TAG IN (' || \
             (SELECT string_agg(tag, ', ' ORDER BY tag) FROM unnest(v.evttags) tag) || ')', '') \
             || ' EXECUTE FUNCTION ' || v.evtfoid::regproc || {event_fires}, NULL \
             FROM pg_event_trigger v WHERE {event_by_hand}"
        ),
        format!(
            "SELECT 'rule', n.nspname::text, c.relname::text, pg_get_ruledef(r.oid) || {rule_fires}, '.' || r.rulename \
             FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class {of_table} \
             WHERE r.rulename <> '_RETURN' AND {USER_SCHEMA} AND {OWN_RELATION}"
        ),
        format!(
            "SELECT 'policy', n.nspname::text, c.relname::text, concat_ws(' ', \
             CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END, \
             CASE p.polcmd WHEN 'r' THEN 'FOR SELECT' WHEN 'a' THEN 'FOR INSERT' WHEN 'w' THEN 'FOR UPDATE' WHEN 'd' THEN 'FOR DELETE' END, \
             'TO ' || (SELECT string_agg(CASE role WHEN 0 THEN 'public' ELSE pg_get_userbyid(role) END, ', ' ORDER BY pg_get_userbyid(role)) \
             FROM unnest(p.polroles) role), \
             'USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', 'WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'), \
             '.' || p.polname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid {of_table} \
             WHERE {USER_SCHEMA} AND {OWN_RELATION}"
        ),
        format!(
            "SELECT 'statistics', n.nspname::text, s.stxname::text, pg_get_statisticsobjdef(s.oid), NULL \
             FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE {USER_SCHEMA} AND {statistics_by_hand}"
        ),
        // The sequence of an identity or a serial column stands with its column.
        format!(
            "SELECT 'sequence', n.nspname::text, c.relname::text, concat_ws(' ', s.seqtypid::regtype, 'START', s.seqstart, \
             'INCREMENT', s.seqincrement, 'FROM', s.seqmin, 'TO', s.seqmax, 'CACHE', s.seqcache, CASE WHEN s.seqcycle THEN 'CYCLE' END, \
             'OWNED BY ' || (SELECT d.refobjid::regclass || '.' || quote_ident(a.attname) FROM pg_depend d \
             JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
             WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'a' LIMIT 1)), NULL \
             FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid {of_table} \
             WHERE NOT EXISTS (SELECT FROM pg_depend d LEFT JOIN pg_attrdef f ON f.adrelid = d.refobjid AND f.adnum = d.refobjsubid \
             WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND (d.deptype = 'i' OR d.deptype = 'a' \
             AND pg_get_expr(f.adbin, f.adrelid) = format('nextval(%L::regclass)', c.oid::regclass::text))) \
             AND {USER_SCHEMA} AND {OWN_RELATION}"
        ),
    ]
}
