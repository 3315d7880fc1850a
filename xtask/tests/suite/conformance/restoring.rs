//! Backups are restored into a database of their own, whatever their functions need.

use xtask::database;
use xtask::model::backend::Backend;

use super::open;
use crate::support::database::Database;

/// Functions with names that only the path of the database finds, wherever rows meet them, and one
/// that reads rows that come later.
const COMPUTED: &str = "
    CREATE SCHEMA app;
    CREATE TABLE app.z_limits (name text PRIMARY KEY, most integer NOT NULL);
    CREATE FUNCTION app.helper(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n + 1';
    CREATE FUNCTION app.twice(n integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN helper(n) * 2; END';
    CREATE FUNCTION app.within(n integer) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN n <= (SELECT most FROM z_limits WHERE name = ''a''); END';
    CREATE DOMAIN app.even AS integer CONSTRAINT is_even CHECK (app.twice(VALUE) % 4 = 2);
    COMMENT ON CONSTRAINT is_even ON DOMAIN app.even IS 'counted in twos';
    CREATE TABLE app.a_orders (id integer PRIMARY KEY, n integer NOT NULL, pair app.even,
        doubled integer GENERATED ALWAYS AS (app.twice(n)) STORED,
        CONSTRAINT is_within CHECK (app.within(n)), CONSTRAINT is_positive CHECK (n > 0),
        CONSTRAINT apart EXCLUDE USING btree (app.twice(n) WITH =));
    COMMENT ON CONSTRAINT is_within ON app.a_orders IS 'as many as there are';
    CREATE INDEX a_orders_twice ON app.a_orders (app.twice(n)) WHERE app.twice(n) > 2;
    CREATE MATERIALIZED VIEW app.seen AS SELECT app.twice(n) AS doubled FROM app.a_orders;
    CREATE TABLE app.parts (n integer, CONSTRAINT part_is_within CHECK (app.within(n))) PARTITION BY RANGE (n);
    CREATE TABLE app.part_1 PARTITION OF app.parts FOR VALUES FROM (0) TO (100);
    CREATE TABLE app.child (CONSTRAINT part_is_within CHECK (app.within(n))) INHERITS (app.a_orders);
    ALTER TABLE app.child ADD CONSTRAINT is_not_valid CHECK (app.within(n)) NOT VALID;
    INSERT INTO app.z_limits VALUES ('a', 50);
    INSERT INTO app.a_orders (id, n, pair) VALUES (1, 5, 2), (2, 7, NULL);
    INSERT INTO app.child (id, n) VALUES (3, 9);
    INSERT INTO app.parts VALUES (7);
    CREATE TABLE words (word text);
    INSERT INTO words VALUES ('SET transaction_timeout = 0;'), (E'\\\\.'), (''), (NULL), ('COMMIT;'), ('COPY words (word) FROM stdin;'), (E'a\\tb\\nc');
    CREATE TABLE nothing ();
    INSERT INTO nothing DEFAULT VALUES;
    SELECT lo_from_bytea(4711, 'a large object'), lo_from_bytea(4712, 'another');
    REFRESH MATERIALIZED VIEW app.seen";

pub(super) fn a_backup_is_restored_whatever_its_functions_read() {
    let database = Database::create(Backend::Postgres);
    let path = "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = app, public', current_database()); END$$";
    database.run(path);
    // The setting holds for connections that come after it.
    database.connect().run(COMPUTED);
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup");
    open(&database).back_up(&backup).unwrap();
    let scratch = database::restore_into_scratch(&database.checked_url(), &backup).unwrap();
    drop(folder);
    let mut here = open(&database);
    let mut there = database::open(&scratch.url).unwrap();
    assert_eq!(here.contents().unwrap(), there.contents().unwrap());
    assert_eq!(here.sequences().unwrap(), there.sequences().unwrap());
    let (here, there) = (here.catalog().unwrap(), there.catalog().unwrap());
    assert_eq!(here.differences(&there, "here", "there"), []);
    assert_eq!(here.optional, there.optional);
}
