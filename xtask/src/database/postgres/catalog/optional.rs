//! What counts as a difference only where the configuration asks for it.

use super::{OWN_RELATION, USER_SCHEMA, made_by_hand};

/// Each returns what [`super::PostgresSession::read_objects`] reads.
pub(super) fn queries(server_version: u32) -> Vec<String> {
    vec![comments(), grants(), storage(server_version)]
}

fn comments() -> String {
    // Objects of the server itself have lower numbers, the schema `public` among them.
    "SELECT 'comment', '', o.type || ' ' || regexp_replace(o.identity, '(^|[ (,])public\\.', '\\1', 'g'), d.description, NULL \
     FROM pg_description d CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) o \
     WHERE d.objoid >= 16384 AND d.classoid <> 'pg_extension'::regclass AND coalesce(o.schema, '') !~ '^pg_' \
     AND o.identity !~ '(^|[. ])__(sync|diesel)_' AND NOT EXISTS (SELECT FROM pg_depend e \
     WHERE e.classid = d.classoid AND e.objid = d.objoid AND e.deptype = 'e')"
        .to_owned()
}

/// By whom what may be used, its owner aside. MAINTAIN came with version 17 and is part of ALL.
fn grants() -> String {
    let function_by_hand = made_by_hand("pg_proc", "p");
    let type_by_hand = made_by_hand("pg_type", "t");
    format!(
        "SELECT 'grant', '', regexp_replace(object, '(^|[ (,])public\\.', '\\1', 'g') || ' to ' || CASE x.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(x.grantee) END, \
         string_agg(x.privilege_type || CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END, ', ' ORDER BY x.privilege_type), NULL \
         FROM ( \
         SELECT CASE c.relkind WHEN 'S' THEN 'sequence ' WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' ELSE 'table ' END \
         || c.oid::regclass AS object, c.relowner AS owner, \
         coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\", c.relowner)) AS acl \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND {USER_SCHEMA} AND {OWN_RELATION} \
         UNION ALL SELECT 'column ' || c.oid::regclass || '.' || quote_ident(a.attname), c.relowner, a.attacl \
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND {USER_SCHEMA} AND {OWN_RELATION} \
         UNION ALL SELECT 'function ' || p.oid::regprocedure, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)) \
         FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {USER_SCHEMA} AND {function_by_hand} \
         UNION ALL SELECT 'schema ' || n.nspname, n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner)) \
         FROM pg_namespace n WHERE {USER_SCHEMA} \
         UNION ALL SELECT 'type ' || format_type(t.oid, NULL), t.typowner, t.typacl \
         FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typacl IS NOT NULL AND {USER_SCHEMA} AND {type_by_hand} \
         ) AS owned CROSS JOIN LATERAL aclexplode(acl) x \
         WHERE x.grantee <> owner AND x.privilege_type <> 'MAINTAIN' GROUP BY object, x.grantee"
    )
}

/// How rows are kept. Debian's servers keep a note of their own, `pg_attver`, with some columns.
fn storage(server_version: u32) -> String {
    let compression = if server_version >= 140_000 {
        "a.attcompression::text"
    } else {
        "NULL"
    };
    format!(
        "SELECT 'storage', n.nspname::text, c.relname::text, \
         (SELECT string_agg(option, ', ' ORDER BY option) FROM unnest(c.reloptions) option), NULL \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.reloptions IS NOT NULL AND c.relkind IN ('r', 'p', 'm', 'i', 'I') AND {USER_SCHEMA} AND {OWN_RELATION} \
         UNION ALL SELECT 'storage', schema, name, definition, '.' || attname FROM ( \
         SELECT n.nspname::text AS schema, c.relname::text AS name, a.attname, concat_ws(', ', \
         CASE WHEN a.attstorage <> t.typstorage THEN CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END END, \
         'compression ' || CASE {compression} WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END, \
         'statistics ' || nullif(a.attstattarget, -1), \
         (SELECT string_agg(option, ', ' ORDER BY option) FROM unnest(a.attoptions) option WHERE option NOT LIKE 'pg\\_attver=%')) AS definition \
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid \
         WHERE c.relkind IN ('r', 'p', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped AND {USER_SCHEMA} AND {OWN_RELATION} \
         ) AS columns WHERE definition <> ''"
    )
}
