//! Every kind of change that somebody can make by hand on PostgreSQL.

/// What is done by hand, one after the other, and the objects that then differ.
pub(super) const CHANGES: &[(&str, &[&str])] = &[
    ("CREATE SCHEMA audit", &["schema audit"]),
    ("CREATE EXTENSION pg_trgm", &["extension pg_trgm"]),
    (
        "ALTER EXTENSION pg_trgm SET SCHEMA audit",
        &["extension pg_trgm"],
    ),
    (
        "CREATE TABLE more (id integer PRIMARY KEY)",
        &["table more"],
    ),
    ("ALTER TABLE more SET UNLOGGED", &["table more"]),
    (
        "ALTER TABLE more ENABLE ROW LEVEL SECURITY",
        &["table more"],
    ),
    ("ALTER TABLE more REPLICA IDENTITY FULL", &["table more"]),
    (
        "CREATE TABLE child () INHERITS (billing.taxes)",
        &["table child"],
    ),
    (
        "ALTER TABLE fees ADD COLUMN added text",
        &["column fees.added"],
    ),
    (
        "ALTER TABLE events ALTER COLUMN what TYPE varchar(30)",
        &["column events.what"],
    ),
    (
        "ALTER TABLE fees ALTER COLUMN label SET DEFAULT 'some'",
        &["column fees.label"],
    ),
    (
        "ALTER TABLE fees ALTER COLUMN label DROP NOT NULL",
        &["column fees.label"],
    ),
    (
        "ALTER TABLE events ALTER COLUMN what TYPE text COLLATE by_bytes",
        &["column events.what"],
    ),
    (
        "ALTER TABLE fees ALTER COLUMN id SET GENERATED ALWAYS",
        &["column fees.id"],
    ),
    (
        "ALTER TABLE fees ALTER COLUMN id SET INCREMENT BY 2",
        &["column fees.id"],
    ),
    (
        "ALTER TABLE fees ALTER COLUMN twice DROP EXPRESSION",
        &["column fees.twice"],
    ),
    (
        "ALTER SEQUENCE parents_id_seq CYCLE",
        &["column parents.id"],
    ),
    (
        "ALTER SEQUENCE parents_id_seq OWNED BY NONE",
        &["column parents.id", "sequence parents_id_seq"],
    ),
    (
        "ALTER TABLE billing.taxes DROP CONSTRAINT taxes_pkey, ADD PRIMARY KEY (country)",
        &["constraint billing.taxes.taxes_pkey"],
    ),
    (
        "ALTER TABLE fees DROP CONSTRAINT fees_once, ADD CONSTRAINT fees_once UNIQUE (label, parent_id) DEFERRABLE",
        &["constraint fees.fees_once"],
    ),
    (
        "ALTER TABLE fees RENAME CONSTRAINT fees_once TO fees_twice",
        &["constraint fees.fees_once", "constraint fees.fees_twice"],
    ),
    (
        "ALTER TABLE fees DROP CONSTRAINT fees_parent, ADD CONSTRAINT fees_parent FOREIGN KEY (parent_id) REFERENCES parents (id) ON DELETE SET NULL",
        &["constraint fees.fees_parent"],
    ),
    (
        "ALTER TABLE fees DROP CONSTRAINT fees_parent, ADD CONSTRAINT fees_parent FOREIGN KEY (parent_id) REFERENCES parents (id) ON DELETE SET NULL ON UPDATE CASCADE NOT VALID",
        &["constraint fees.fees_parent"],
    ),
    (
        "ALTER TABLE fees VALIDATE CONSTRAINT fees_parent",
        &["constraint fees.fees_parent"],
    ),
    (
        "ALTER TABLE fees ALTER CONSTRAINT fees_parent DEFERRABLE INITIALLY DEFERRED",
        &["constraint fees.fees_parent"],
    ),
    (
        "ALTER TABLE fees DISABLE TRIGGER ALL; ALTER TABLE fees ENABLE TRIGGER fees_act",
        &[
            "constraint events.events_fee_id_fkey",
            "constraint fees.fees_parent",
            "constraint fees.fees_twice",
        ],
    ),
    (
        "ALTER TABLE fees DROP CONSTRAINT fees_label, ADD CONSTRAINT fees_label CHECK (label <> 'x')",
        &["constraint fees.fees_label"],
    ),
    (
        "ALTER TABLE fees DROP CONSTRAINT fees_apart, ADD CONSTRAINT fees_apart EXCLUDE USING gist (valid WITH &&) WHERE (id > 5)",
        &["constraint fees.fees_apart"],
    ),
    (
        "DROP INDEX fees_by_parent; CREATE INDEX fees_by_parent ON fees (parent_id)",
        &["index fees.fees_by_parent"],
    ),
    (
        "DROP INDEX fees_by_label; CREATE UNIQUE INDEX fees_by_label ON fees (lower(label))",
        &["index fees.fees_by_label"],
    ),
    (
        "DROP INDEX fees_by_label; CREATE UNIQUE INDEX fees_by_label ON fees (upper(label))",
        &["index fees.fees_by_label"],
    ),
    (
        "DROP INDEX fees_by_label; CREATE INDEX fees_by_label ON fees (label varchar_pattern_ops DESC) INCLUDE (amount)",
        &["index fees.fees_by_label"],
    ),
    (
        "DROP INDEX fees_by_label; CREATE INDEX fees_by_label ON fees USING hash (label)",
        &["index fees.fees_by_label"],
    ),
    (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'fees_by_label'::regclass",
        &["index fees.fees_by_label"],
    ),
    (
        "CREATE INDEX totals_by_parent ON totals (parent_id)",
        &["index totals.totals_by_parent"],
    ),
    (
        "CREATE OR REPLACE VIEW cheap AS SELECT id, label, count(*) OVER () AS n FROM fees WHERE amount < 6",
        &["view cheap"],
    ),
    (
        "ALTER VIEW cheap ALTER COLUMN label SET DEFAULT 'none'",
        &["view cheap"],
    ),
    (
        "ALTER VIEW cheap SET (security_barrier = true)",
        &["view cheap"],
    ),
    (
        "CREATE OR REPLACE VIEW stepped AS SELECT id FROM fees WHERE id > 0 WITH LOCAL CHECK OPTION",
        &["view stepped"],
    ),
    (
        "REFRESH MATERIALIZED VIEW totals WITH NO DATA",
        &["materialized view totals"],
    ),
    (
        "ALTER SEQUENCE numbers INCREMENT BY 6",
        &["sequence numbers"],
    ),
    (
        "ALTER SEQUENCE numbers OWNED BY fees.id",
        &["sequence numbers"],
    ),
    (
        "ALTER TYPE mood ADD VALUE 'fine' BEFORE 'ok'",
        &["type mood"],
    ),
    (
        "ALTER TYPE address ADD ATTRIBUTE town text",
        &["type address"],
    ),
    (
        "DROP TYPE span; CREATE TYPE span AS RANGE (subtype = date)",
        &["type span"],
    ),
    ("ALTER DOMAIN price SET DEFAULT 1", &["domain price"]),
    ("ALTER DOMAIN price SET NOT NULL", &["domain price"]),
    (
        "ALTER DOMAIN price DROP CONSTRAINT price_positive; ALTER DOMAIN price ADD CONSTRAINT price_positive CHECK (VALUE > 0) NOT VALID",
        &["constraint price.price_positive"],
    ),
    (
        "CREATE COLLATION other (provider = libc, locale = 'POSIX')",
        &["collation other"],
    ),
    (
        "CREATE OR REPLACE FUNCTION doubled(x integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT x * 3'",
        &["function doubled(integer)"],
    ),
    (
        "ALTER FUNCTION doubled(integer) VOLATILE",
        &["function doubled(integer)"],
    ),
    (
        "ALTER FUNCTION doubled(integer) SECURITY DEFINER",
        &["function doubled(integer)"],
    ),
    (
        "CREATE FUNCTION doubled(x text) RETURNS text LANGUAGE sql AS 'SELECT x'",
        &["function doubled(text)"],
    ),
    (
        "CREATE OR REPLACE PROCEDURE tidy(days integer) LANGUAGE sql AS 'SELECT 2'",
        &["procedure tidy(integer)"],
    ),
    (
        "CREATE OR REPLACE AGGREGATE total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '1')",
        &["aggregate total(integer)"],
    ),
    (
        "DROP TRIGGER fees_act ON fees; CREATE TRIGGER fees_act AFTER UPDATE ON fees FOR EACH ROW EXECUTE FUNCTION act()",
        &["trigger fees.fees_act"],
    ),
    (
        "ALTER TABLE fees DISABLE TRIGGER fees_act",
        &["trigger fees.fees_act"],
    ),
    (
        "ALTER TABLE fees ENABLE ALWAYS TRIGGER fees_act",
        &["trigger fees.fees_act"],
    ),
    (
        "ALTER TABLE fees ENABLE REPLICA TRIGGER fees_act",
        &["trigger fees.fees_act"],
    ),
    (
        "ALTER TABLE events_2024 DISABLE TRIGGER events_act",
        &["trigger events_2024.events_act"],
    ),
    (
        "CREATE EVENT TRIGGER on_ddl ON ddl_command_end EXECUTE FUNCTION on_ddl()",
        &["event trigger on_ddl"],
    ),
    (
        "ALTER EVENT TRIGGER on_ddl DISABLE",
        &["event trigger on_ddl"],
    ),
    (
        "CREATE OR REPLACE RULE taxes_stay AS ON DELETE TO billing.taxes WHERE old.rate > 1 DO INSTEAD NOTHING",
        &["rule billing.taxes.taxes_stay"],
    ),
    (
        "ALTER TABLE billing.taxes DISABLE RULE taxes_stay",
        &["rule billing.taxes.taxes_stay"],
    ),
    (
        "ALTER POLICY taxes_read ON billing.taxes USING (rate > 1)",
        &["policy billing.taxes.taxes_read"],
    ),
    (
        "ALTER POLICY taxes_read ON billing.taxes TO pg_monitor",
        &["policy billing.taxes.taxes_read"],
    ),
    (
        "DROP STATISTICS fees_together; CREATE STATISTICS fees_together (ndistinct) ON label, parent_id FROM fees",
        &["statistics fees_together"],
    ),
    (
        "ALTER TABLE events DETACH PARTITION events_2024; ALTER TABLE events ATTACH PARTITION events_2024 FOR VALUES FROM ('2024-01-01') TO ('2026-01-01')",
        &["table events_2024", "trigger events_2024.events_act"],
    ),
    (
        "CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        &["table events_2026"],
    ),
    (
        "ALTER TABLE events_2026 ALTER COLUMN what SET DEFAULT 'new'",
        &["column events_2026.what"],
    ),
    (
        "CREATE INDEX events_2026_own ON events_2026 (fee_id)",
        &["index events_2026.events_2026_own"],
    ),
    (
        "ALTER TABLE events_2026 ADD CONSTRAINT events_2026_what CHECK (what <> '')",
        &["constraint events_2026.events_2026_what"],
    ),
    (
        "ALTER TABLE events ADD COLUMN more text",
        &["column events.more"],
    ),
    (
        "ALTER TABLE events ADD CONSTRAINT events_more CHECK (more <> '')",
        &["constraint events.events_more"],
    ),
    ("DROP TABLE more", &["table more"]),
    ("DROP VIEW joined", &["view joined"]),
];
