//! Changes by hand on PostgreSQL.

use xtask::model::backend::Backend;
use xtask::model::schema::catalog::Catalog;
use xtask::settings::drift::DriftSettings;

use super::super::open;
use super::changes::CHANGES;
use super::{EVERYTHING, assert_equal, differences, workspace_migrations};
use crate::support::database::{Database, other_servers};

fn catalog(database: &Database) -> Catalog {
    open(database).catalog().unwrap()
}

pub(in super::super) fn every_change_by_hand_is_told_and_no_other() {
    let database = Database::with(Backend::Postgres, EVERYTHING);
    let mut before = catalog(&database);
    let mut wrong = Vec::new();
    for (statement, expected) in CHANGES {
        if let Err(error) = database.connect().attempt(statement) {
            wrong.push(format!("{statement}: {error}"));
        }
        let after = catalog(&database);
        let found = differences(&before, &after);
        if found != *expected {
            wrong.push(format!("{statement}: {found:?}"));
        }
        before = after;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same tables by another way: columns that came later or in another order, tables that had
/// other names, partitions that were attached, defaults that were set afterwards.
pub(in super::super) fn the_way_to_a_schema_does_not_matter() {
    let straight = Database::with(
        Backend::Postgres,
        "CREATE TYPE mood AS ENUM ('sad', 'ok', 'fine'); \
         CREATE TABLE fees (id serial PRIMARY KEY, number bigint GENERATED ALWAYS AS IDENTITY, label text NOT NULL DEFAULT 'x', mood mood, UNIQUE (label)); \
         CREATE TABLE events (at date NOT NULL, id integer GENERATED ALWAYS AS IDENTITY, what text DEFAULT 'x', PRIMARY KEY (at), CHECK (what <> '')) PARTITION BY RANGE (at); \
         CREATE TABLE events_rest PARTITION OF events DEFAULT; CREATE INDEX events_by_what ON events (what); \
         CREATE TABLE notes (at date REFERENCES events (at)); \
         CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS E'BEGIN\\n  RETURN NULL;\\nEND'; \
         CREATE TRIGGER act AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION act(); \
         CREATE VIEW shown AS SELECT label FROM fees",
    );
    let winding = Database::with(
        Backend::Postgres,
        "CREATE TYPE mood AS ENUM ('sad', 'fine'); ALTER TYPE mood ADD VALUE 'ok' BEFORE 'fine'; \
         CREATE TABLE old_fees (mood mood, gone integer, old_id serial CONSTRAINT fees_pkey PRIMARY KEY); \
         INSERT INTO old_fees (mood) VALUES ('sad'), ('fine'); \
         ALTER TABLE old_fees DROP COLUMN gone; ALTER TABLE old_fees RENAME TO fees; ALTER TABLE fees RENAME COLUMN old_id TO id; \
         ALTER TABLE fees ADD COLUMN label text; UPDATE fees SET label = id; ALTER TABLE fees ALTER COLUMN label SET NOT NULL; \
         ALTER TABLE fees ALTER COLUMN label SET DEFAULT 'x'; ALTER TABLE fees ADD UNIQUE (label); \
         ALTER TABLE fees ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY; \
         CREATE TABLE events_rest (what text DEFAULT 'x', at date NOT NULL, id integer NOT NULL, CONSTRAINT events_what_check CHECK (what <> '')); \
         INSERT INTO events_rest VALUES ('a', '2024-01-01', 1); CREATE INDEX my_own ON events_rest (what); \
         CREATE TABLE events (at date NOT NULL, id integer GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (at)) PARTITION BY RANGE (at); \
         ALTER TABLE events ADD COLUMN what text CONSTRAINT events_what_check CHECK (what <> ''); ALTER TABLE events ALTER COLUMN what SET DEFAULT 'x'; \
         CREATE TABLE notes (at date); ALTER TABLE notes ADD FOREIGN KEY (at) REFERENCES events (at); \
         CREATE INDEX events_by_what ON events (what); \
         CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS E'BEGIN\\r\\n  RETURN NULL;\\r\\nEND'; \
         CREATE TRIGGER act AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION act(); \
         ALTER TABLE events ATTACH PARTITION events_rest DEFAULT; \
         CREATE VIEW shown AS SELECT fees.label FROM public.fees",
    );
    assert_equal(&catalog(&straight), &catalog(&winding));
    // Debian's servers write a note of their own into the options of columns.
    winding.run("ALTER TABLE fees ALTER COLUMN label SET (n_distinct = 5)");
    assert_equal(&catalog(&straight), &catalog(&winding));
}

pub(in super::super) fn comments_grants_and_storage_count_on_demand() {
    let settings = DriftSettings {
        comments: true,
        grants: true,
        storage: true,
        ..DriftSettings::default()
    };
    let database = Database::with(Backend::Postgres, EVERYTHING);
    let mut before = catalog(&database);
    for (statement, expected) in [
        (
            "COMMENT ON TABLE fees IS 'what we charge'",
            "comment table fees",
        ),
        (
            "COMMENT ON COLUMN billing.taxes.rate IS 'in percent'",
            "comment table column billing.taxes.rate",
        ),
        (
            "COMMENT ON FUNCTION doubled(integer) IS 'twice'",
            "comment function doubled(integer)",
        ),
        (
            "COMMENT ON TABLE fees IS 'what they pay'",
            "comment table fees",
        ),
        (
            "GRANT SELECT ON fees TO pg_monitor",
            "grant table fees to pg_monitor",
        ),
        (
            "GRANT ALL ON fees TO pg_monitor",
            "grant table fees to pg_monitor",
        ),
        (
            "GRANT UPDATE (note) ON fees TO public",
            "grant column fees.note to public",
        ),
        (
            "REVOKE EXECUTE ON FUNCTION doubled(integer) FROM public",
            "grant function doubled(integer) to public",
        ),
        (
            "GRANT USAGE ON SCHEMA billing TO pg_monitor WITH GRANT OPTION",
            "grant schema billing to pg_monitor",
        ),
        ("ALTER TABLE fees SET (fillfactor = 70)", "storage fees"),
        (
            "ALTER TABLE fees ALTER COLUMN note SET STORAGE EXTERNAL",
            "storage fees.note",
        ),
        (
            "ALTER TABLE fees ALTER COLUMN note SET STATISTICS 300",
            "storage fees.note",
        ),
    ] {
        database.run(statement);
        let after = catalog(&database);
        assert_equal(&before, &after);
        let found = settings.differences(&before, &after, "Development", "Test");
        let found: Vec<String> = found.iter().map(|drift| drift.object.to_string()).collect();
        assert_eq!(found, [expected], "{statement}");
        before = after;
    }
    // What is the owner's anyway is no grant.
    database.run("GRANT SELECT ON parents TO CURRENT_USER");
    let found = settings.differences(&before, &catalog(&database), "Development", "Test");
    assert_eq!(found, []);
}

/// Runs only where servers of other versions are given, since a machine has but one of its own.
pub(in super::super) fn every_version_of_the_server_says_the_same() {
    let schemas = [
        EVERYTHING.to_owned(),
        workspace_migrations(Backend::Postgres).join("\n"),
    ];
    let own: Vec<Database> = schemas
        .iter()
        .map(|schema| Database::with(Backend::Postgres, schema))
        .collect();
    let settings = DriftSettings {
        comments: true,
        storage: true,
        ..DriftSettings::default()
    };
    for server in other_servers() {
        for (own, schema) in own.iter().zip(&schemas) {
            let other = Database::on(&server);
            other.run(schema);
            let (own, other) = (catalog(own), catalog(&other));
            let found = settings.differences(&own, &other, "this version", "the other");
            assert_eq!(found, []);
            assert_eq!(own.fingerprint(), other.fingerprint());
        }
    }
}
