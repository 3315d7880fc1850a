//! Types, and functions of every kind.

use super::{USER_SCHEMA, made_by_hand};

/// Each returns what [`super::PostgresSession::read_objects`] reads.
pub(super) fn queries() -> Vec<String> {
    let of_type = made_by_hand("pg_type", "t");
    let function_by_hand = made_by_hand("pg_proc", "p");
    let collation_by_hand = made_by_hand("pg_collation", "l");
    let type_in_schema = "JOIN pg_namespace n ON n.oid = t.typnamespace";
    vec![
        // Since version 14 the server writes IN before each argument of a procedure. In other languages
        // white space may mean something.
        format!(
            "SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END, \
             n.nspname::text, p.proname::text, CASE p.prokind \
             WHEN 'a' THEN (SELECT concat_ws(' ', 'AGGREGATE ' || pg_get_function_arguments(p.oid), 'RETURNS', format_type(p.prorettype, NULL), \
             CASE g.aggkind WHEN 'o' THEN 'ORDERED SET' WHEN 'h' THEN 'HYPOTHETICAL' END, \
             'SFUNC', g.aggtransfn::regproc, 'STYPE', format_type(g.aggtranstype, NULL), \
             'FINALFUNC ' || nullif(g.aggfinalfn::regproc::text, '-'), CASE WHEN g.aggfinalextra THEN 'FINALFUNC_EXTRA' END, \
             'COMBINEFUNC ' || nullif(g.aggcombinefn::regproc::text, '-'), 'SERIALFUNC ' || nullif(g.aggserialfn::regproc::text, '-'), \
             'MSFUNC ' || nullif(g.aggmtransfn::regproc::text, '-'), 'INITCOND ' || quote_literal(g.agginitval), \
             'SORTOP ' || nullif(g.aggsortop, 0)::regoper, 'PARALLEL ' || p.proparallel::text) FROM pg_aggregate g WHERE g.aggfnoid = p.oid) \
             WHEN 'p' THEN regexp_replace(split_part(pg_get_functiondef(p.oid), E'\\n', 1), '([(]|, )IN ', '\\1', 'g') \
             || substr(pg_get_functiondef(p.oid), position(E'\\n' IN pg_get_functiondef(p.oid))) \
             ELSE pg_get_functiondef(p.oid) END, '(' || oidvectortypes(p.proargtypes) || ')', \
             CASE WHEN l.lanname IN ('sql', 'plpgsql') AND p.prokind <> 'a' THEN nullif(p.prosrc, '') END \
             FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang WHERE {USER_SCHEMA} AND {function_by_hand}"
        ),
        format!(
            "SELECT 'type', n.nspname::text, t.typname::text, 'enum ' || coalesce((SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) \
             FROM pg_enum e WHERE e.enumtypid = t.oid), ''), NULL \
             FROM pg_type t {type_in_schema} WHERE t.typtype = 'e' AND {USER_SCHEMA} AND {of_type}"
        ),
        format!(
            "SELECT 'domain', n.nspname::text, t.typname::text, concat_ws(' ', format_type(t.typbasetype, t.typtypmod), \
             'COLLATE ' || (SELECT t.typcollation::regcollation::text FROM pg_type b WHERE b.oid = t.typbasetype AND b.typcollation <> t.typcollation), \
             CASE WHEN t.typnotnull THEN 'NOT NULL' END, 'DEFAULT ' || pg_get_expr(t.typdefaultbin, 0)), NULL \
             FROM pg_type t {type_in_schema} WHERE t.typtype = 'd' AND {USER_SCHEMA} AND {of_type}"
        ),
        format!(
            "SELECT 'constraint', n.nspname::text, t.typname::text, pg_get_constraintdef(k.oid), '.' || k.conname \
             FROM pg_constraint k JOIN pg_type t ON t.oid = k.contypid {type_in_schema} \
             WHERE k.contype = 'c' AND {USER_SCHEMA} AND {of_type}"
        ),
        // Here the order of the columns is part of every value.
        format!(
            "SELECT 'type', n.nspname::text, t.typname::text, 'composite ' || coalesce((SELECT string_agg(concat_ws(' ', quote_ident(a.attname), \
             format_type(a.atttypid, a.atttypmod), CASE WHEN a.attcollation <> b.typcollation THEN 'COLLATE ' || a.attcollation::regcollation END), ', ' ORDER BY a.attnum) \
             FROM pg_attribute a JOIN pg_type b ON b.oid = a.atttypid WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), ''), NULL \
             FROM pg_type t {type_in_schema} JOIN pg_class r ON r.oid = t.typrelid \
             WHERE t.typtype = 'c' AND r.relkind = 'c' AND {USER_SCHEMA} AND {of_type}"
        ),
        // Version 13 has no multiranges; their usual name follows from the range's.
        format!(
            "SELECT 'type', n.nspname::text, t.typname::text, concat_ws(' ', 'range of', format_type(r.rngsubtype, NULL), \
             (SELECT 'BY ' || o.opcname FROM pg_opclass o WHERE o.oid = r.rngsubopc AND NOT o.opcdefault), \
             'COLLATE ' || (SELECT r.rngcollation::regcollation::text FROM pg_type b WHERE b.oid = r.rngsubtype AND b.typcollation <> r.rngcollation), \
             'CANONICAL ' || nullif(r.rngcanonical::regproc::text, '-'), 'SUBTYPE_DIFF ' || nullif(r.rngsubdiff::regproc::text, '-'), \
             'MULTIRANGE ' || (SELECT nullif(m.typname, CASE WHEN t.typname LIKE '%range%' THEN regexp_replace(t.typname, 'range', 'multirange') \
             ELSE t.typname || '_multirange' END) FROM pg_type m WHERE m.oid = (to_jsonb(r) ->> 'rngmultitypid')::oid)), NULL \
             FROM pg_range r JOIN pg_type t ON t.oid = r.rngtypid {type_in_schema} WHERE {USER_SCHEMA} AND {of_type}"
        ),
        // Versions differ in where they keep the locale.
        format!(
            "SELECT 'collation', n.nspname::text, l.collname::text, concat_ws(' ', CASE l.collprovider WHEN 'i' THEN 'icu' WHEN 'c' THEN 'libc' WHEN 'b' THEN 'builtin' END, \
             coalesce(to_jsonb(l) ->> 'colllocale', to_jsonb(l) ->> 'colliculocale', l.collcollate::text), \
             CASE WHEN NOT l.collisdeterministic THEN 'not deterministic' END), NULL \
             FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace WHERE {USER_SCHEMA} AND {collation_by_hand}"
        ),
    ]
}
