//! CHECKs that call functions, while rows are restored.

/// Takes away the CHECKs that call functions, and notes how to make them again: these may read rows
/// that come later.
pub(super) const CHECKS_OFF: &str = r"
CREATE TEMPORARY TABLE __sync_checks (number serial, statement text) ON COMMIT DROP;
DO $off$
DECLARE
    item record;
    target text;
BEGIN
    LOOP
        -- Those of parents first: their children's go with them.
        FOR item IN
            SELECT c.*, pg_catalog.pg_get_constraintdef(c.oid) AS definition,
                pg_catalog.obj_description(c.oid, 'pg_constraint') AS words
            FROM pg_catalog.pg_constraint c
            WHERE c.contype = 'c' AND c.coninhcount = 0 AND EXISTS (
                SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND d.objid = c.oid
                AND d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass))
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_depend e WHERE e.deptype = 'e' AND (e.classid, e.objid) IN (
                    ('pg_catalog.pg_class'::pg_catalog.regclass, c.conrelid), ('pg_catalog.pg_type'::pg_catalog.regclass, c.contypid)))
            ORDER BY c.oid
        LOOP
            IF EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE oid = item.oid) THEN
                target := CASE item.conrelid WHEN 0 THEN 'DOMAIN ' || item.contypid::pg_catalog.regtype ELSE 'TABLE ' || item.conrelid::pg_catalog.regclass END;
                INSERT INTO pg_temp.__sync_checks (statement) VALUES (pg_catalog.format('ALTER %s ADD CONSTRAINT %I %s', target, item.conname, item.definition));
                IF item.words IS NOT NULL THEN
                    INSERT INTO pg_temp.__sync_checks (statement) VALUES (pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS %L',
                        item.conname, pg_catalog.replace(target, 'TABLE ', ''), item.words));
                END IF;
                EXECUTE pg_catalog.format('ALTER %s DROP CONSTRAINT %I', target, item.conname);
            END IF;
        END LOOP;
        EXIT WHEN NOT FOUND;
    END LOOP;
END
$off$;
";

pub(super) const CHECKS_ON: &str = r"
DO $on$
DECLARE
    item record;
BEGIN
    FOR item IN SELECT statement FROM pg_temp.__sync_checks ORDER BY number LOOP
        EXECUTE item.statement;
    END LOOP;
    DROP TABLE pg_temp.__sync_checks;
END
$on$;
";
