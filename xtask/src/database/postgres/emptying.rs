//! Emptying a database before a backup takes its place, in the same transaction.

use super::LOCK;
use super::names::OURS;

/// Drops every object of the database in whichever schema, extensions and their parts aside.
pub(super) fn empty_database() -> String {
    let (class, object) = LOCK;
    format!(
        r"SET LOCAL search_path = {OURS};
SET LOCAL client_min_messages = warning;
SET LOCAL lock_timeout = '30s';
DO $empty$
DECLARE
    item record;
BEGIN
    IF NOT pg_try_advisory_xact_lock({class}, {object}) THEN
        RAISE EXCEPTION 'another run of this tool holds the lock on the database';
    END IF;
    FOR item IN SELECT pubname FROM pg_publication LOOP
        EXECUTE format('DROP PUBLICATION %I', item.pubname);
    END LOOP;
    FOR item IN
        SELECT nspname FROM pg_namespace n
        WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')
        AND NOT EXISTS (SELECT FROM pg_extension e WHERE e.extnamespace = n.oid)
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')
    LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', item.nspname);
    END LOOP;
    FOR item IN
        SELECT c.oid::regclass AS name, CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
            WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END AS kind, c.oid
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype IN ('e', 'i'))
    LOOP
        IF EXISTS (SELECT FROM pg_class WHERE oid = item.oid) THEN
            EXECUTE format('DROP %s %s CASCADE', item.kind, item.name);
        END IF;
    END LOOP;
    FOR item IN
        SELECT p.oid::regprocedure AS name, p.oid
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i'))
    LOOP
        IF EXISTS (SELECT FROM pg_proc WHERE oid = item.oid) THEN
            EXECUTE format('DROP ROUTINE %s CASCADE', item.name);
        END IF;
    END LOOP;
    FOR item IN
        SELECT t.oid::regtype AS name, t.oid
        FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
        WHERE (t.typtype IN ('e', 'd', 'r') OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c')) AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype IN ('e', 'i'))
    LOOP
        IF EXISTS (SELECT FROM pg_type WHERE oid = item.oid) THEN
            EXECUTE format('DROP TYPE %s CASCADE', item.name);
        END IF;
    END LOOP;
    FOR item IN
        SELECT format('%I.%I', n.nspname, c.collname) AS name
        FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
        WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_collation'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    LOOP
        EXECUTE format('DROP COLLATION IF EXISTS %s CASCADE', item.name);
    END LOOP;
    FOR item IN
        SELECT c.oid::regconfig AS name
        FROM pg_ts_config c JOIN pg_namespace n ON n.oid = c.cfgnamespace
        WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_ts_config'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    LOOP
        EXECUTE format('DROP TEXT SEARCH CONFIGURATION %s CASCADE', item.name);
    END LOOP;
    FOR item IN SELECT srvname FROM pg_foreign_server LOOP
        EXECUTE format('DROP SERVER %I CASCADE', item.srvname);
    END LOOP;
    PERFORM lo_unlink(oid) FROM pg_largeobject_metadata;
END
$empty$;
"
    )
}
