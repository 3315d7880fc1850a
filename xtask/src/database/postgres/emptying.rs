//! Emptying a database before a backup takes its place, in the same transaction.

/// Drops every object of the database in whichever schema, extensions and their parts aside, and
/// takes back what new objects would be granted.
///
/// Whatever is in a schema depends on it, so that no kind of object has to be known here; what is in
/// none is listed. Event triggers come first, since they may forbid the rest.
pub(super) const EMPTY_DATABASE: &str = r"
DO $empty$
DECLARE
    statements text[];
    statement text;
BEGIN
    IF EXISTS (
        SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
        AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.relation = c.oid AND l.mode = 'ExclusiveLock')
    ) THEN
        RAISE EXCEPTION 'a table was made while the present state was backed up';
    END IF;
    SELECT array_agg(format('DROP %s IF EXISTS %s CASCADE',
        CASE WHEN o.type IN ('function', 'procedure', 'aggregate') THEN 'ROUTINE'
            WHEN o.type = 'statistics object' THEN 'STATISTICS' ELSE upper(replace(o.type, '-', ' ')) END, o.identity) ORDER BY place)
    INTO statements
    FROM (
        SELECT 1 AS place, 'pg_event_trigger'::regclass::oid AS classid, oid AS objid FROM pg_event_trigger
        UNION ALL SELECT 2, 'pg_publication'::regclass, oid FROM pg_publication
        UNION ALL SELECT 3, 'pg_namespace'::regclass, n.oid FROM pg_namespace n
            WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')
            AND NOT EXISTS (SELECT FROM pg_extension e WHERE e.extnamespace = n.oid)
        UNION ALL SELECT DISTINCT 4, d.classid, d.objid FROM pg_depend d JOIN pg_namespace n ON n.oid = d.refobjid
            WHERE d.refclassid = 'pg_namespace'::regclass AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
            AND d.classid NOT IN ('pg_extension'::regclass, 'pg_default_acl'::regclass)
        UNION ALL SELECT 5, 'pg_foreign_data_wrapper'::regclass, oid FROM pg_foreign_data_wrapper
        UNION ALL SELECT 5, 'pg_cast'::regclass, oid FROM pg_cast WHERE oid >= 16384
        UNION ALL SELECT 5, 'pg_transform'::regclass, oid FROM pg_transform WHERE oid >= 16384
        UNION ALL SELECT 5, 'pg_language'::regclass, oid FROM pg_language WHERE oid >= 16384
        UNION ALL SELECT 5, 'pg_am'::regclass, oid FROM pg_am WHERE oid >= 16384
    ) AS own CROSS JOIN LATERAL pg_identify_object(own.classid, own.objid, 0) AS o
    WHERE NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = own.classid AND e.objid = own.objid AND e.objsubid = 0 AND e.deptype IN ('e', 'i'));
    FOREACH statement IN ARRAY coalesce(statements, '{}') LOOP
        EXECUTE statement;
    END LOOP;
    PERFORM lo_unlink(oid) FROM pg_largeobject_metadata;

    SELECT array_agg(format('ALTER DEFAULT PRIVILEGES FOR ROLE %s %s %s', d.defaclrole::regrole, 'IN SCHEMA ' || quote_ident(n.nspname), s.change) ORDER BY s.place)
    INTO statements
    FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
    CROSS JOIN LATERAL (SELECT CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'
        WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END AS kind) AS k
    CROSS JOIN LATERAL (
        SELECT 1 AS place, format('REVOKE ALL ON %s FROM %s', k.kind, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END) AS change
        FROM aclexplode(d.defaclacl) x GROUP BY x.grantee
        UNION ALL SELECT 2, format('GRANT %s ON %s TO %s', x.privilege_type, k.kind, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)
        FROM aclexplode(acldefault(CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END, d.defaclrole)) x WHERE d.defaclnamespace = 0
    ) AS s;
    FOREACH statement IN ARRAY coalesce(statements, '{}') LOOP
        EXECUTE statement;
    END LOOP;

    -- A dump says in what `public` differs from what the server made.
    SELECT array_agg(DISTINCT format('REVOKE ALL ON SCHEMA public FROM %s', CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END))
    INTO statements
    FROM pg_namespace n JOIN pg_init_privs i ON i.classoid = 'pg_namespace'::regclass AND i.objoid = n.oid
    CROSS JOIN LATERAL aclexplode(n.nspacl) x
    WHERE n.nspname = 'public' AND n.nspacl IS DISTINCT FROM i.initprivs;
    IF statements IS NOT NULL THEN
        FOREACH statement IN ARRAY statements LOOP
            EXECUTE statement;
        END LOOP;
        FOR statement IN
            SELECT format('GRANT %s ON SCHEMA public TO %s', x.privilege_type, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)
            FROM pg_namespace n JOIN pg_init_privs i ON i.classoid = 'pg_namespace'::regclass AND i.objoid = n.oid
            CROSS JOIN LATERAL aclexplode(i.initprivs) x WHERE n.nspname = 'public'
        LOOP
            EXECUTE statement;
        END LOOP;
    END IF;
END
$empty$;
";
