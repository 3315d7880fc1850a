//! Looking: nothing is written, one moment is seen, and what is said of the database is true.

use xtask::database;
use xtask::model::backend::Backend;
use xtask::model::limits::Limits;
use xtask::model::rows::key_order::Reading;
use xtask::model::rows::lookup::Lookup;
use xtask::model::schema::catalog::TableKind;
use xtask::model::url::DatabaseUrl;
use xtask::problem::Code;

use super::{either, lookup, name, open, problem, settings};
use crate::support::database::{Database, another_host};

const FEES: &str = "CREATE TABLE fees (id integer PRIMARY KEY, label text NOT NULL UNIQUE); \
     INSERT INTO fees VALUES (1, 'one'), (2, 'two')";

pub(super) fn an_empty_database_stays_empty(backend: Backend) {
    let database = Database::create(backend);
    let before = database.everything();
    let mut session = open(&database);
    assert_eq!(session.applied_migrations().unwrap(), []);
    assert_eq!(session.ledger().unwrap(), Default::default());
    let catalog = session.catalog().unwrap();
    assert!(catalog.tables.is_empty() && catalog.objects.is_empty());
    drop(session);
    assert_eq!(database.everything(), before);
}

pub(super) fn looking_leaves_everything_as_it_is(backend: Backend) {
    let database = Database::with(backend, FEES);
    let before = database.everything();
    let mut session = open(&database);
    session.identity().unwrap();
    let fees = lookup(&mut *session, "fees");
    let rows: Vec<_> = session.rows(&fees).unwrap().map(Result::unwrap).collect();
    assert_eq!(session.hashes(&fees).unwrap().count(), 2);
    let keys: Vec<_> = rows.iter().map(|row| fees.key_of(row)).collect();
    assert_eq!(session.rows_by_key(&fees, &keys).unwrap().len(), 2);
    session.applied_migrations().unwrap();
    session.ledger().unwrap();
    let folder = tempfile::tempdir().unwrap();
    session.back_up(&folder.path().join("backup")).unwrap();
    drop(session);
    assert_eq!(database.everything(), before);
}

pub(super) fn a_function_cannot_write_while_looking() {
    let database = Database::with(
        Backend::Postgres,
        "CREATE TABLE fees (id integer PRIMARY KEY); INSERT INTO fees VALUES (1); CREATE TABLE log (id integer); \
         CREATE FUNCTION leave_a_trace() RETURNS boolean LANGUAGE sql VOLATILE AS \
         'INSERT INTO log VALUES (1); SELECT true'",
    );
    let mut session = open(&database);
    let mut fees = lookup(&mut *session, "fees");
    fees.filter = Some("leave_a_trace()".to_owned());
    let words = problem(
        session
            .rows(&fees)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>),
    )
    .message;
    assert!(words.contains("read-only transaction"), "{words}");
    drop(session);
    assert_eq!(database.texts("SELECT id FROM log"), []);
}

/// A database in which others can write while a session reads.
fn busy_database(backend: Backend) -> Database {
    let database = Database::with(backend, either(backend, "", "PRAGMA journal_mode = WAL"));
    database.run(FEES);
    database
}

const MEANWHILE: &str = "INSERT INTO fees VALUES (3, 'three'); DELETE FROM fees WHERE id = 1; CREATE TABLE more (id integer)";

pub(super) fn one_moment_is_seen(backend: Backend) {
    let database = busy_database(backend);
    // Keeps SQLite's log of changes where it is.
    let mut other = database.connect();
    let mut session = open(&database);
    let fees = lookup(&mut *session, "fees");
    let labels = |session: &mut dyn database::Session| -> Vec<String> {
        let rows = session.rows(&fees).unwrap();
        rows.map(|row| row.unwrap()[1].to_owned()).collect()
    };
    assert_eq!(labels(&mut *session), ["one", "two"]);

    other.run(MEANWHILE);

    assert_eq!(labels(&mut *session), ["one", "two"]);
    assert_eq!(session.hashes(&fees).unwrap().count(), 2);
    assert_eq!(session.count_rows(&fees.table).unwrap(), 2);
    let keys: Vec<_> = ["1", "2", "3"].map(|key| [key].iter().collect()).into();
    assert_eq!(session.rows_by_key(&fees, &keys).unwrap().len(), 2);
    assert!(session.catalog().unwrap().find(&name("more")).is_none());
    assert_eq!(labels(&mut *open(&database)), ["two", "three"]);
}

pub(super) fn a_backup_holds_the_same_moment(backend: Backend) {
    let database = busy_database(backend);
    let mut other = database.connect();
    let mut session = open(&database);
    session.count_rows(&name("fees")).unwrap();
    other.run(MEANWHILE);
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup");
    session.back_up(&backup).unwrap();

    database::read_backup(backend, &backup).unwrap();
    let scratch = database::restore_into_scratch(&database.checked_url(), &backup).unwrap();
    let mut restored = database::open(&scratch.url).unwrap();
    assert_eq!(restored.count_rows(&name("fees")).unwrap(), 2);
    assert_eq!(restored.contents().unwrap(), session.contents().unwrap());
}

pub(super) fn identity_tells_databases_apart(backend: Backend) {
    let database = Database::with(backend, FEES);
    let identity = open(&database).identity().unwrap();
    assert_eq!(open(&database).identity().unwrap(), identity);
    assert!(
        identity
            .server_version
            .starts_with(|first: char| first.is_ascii_digit())
    );

    // The same database, reached another way.
    let folder = tempfile::tempdir().unwrap();
    let other_way = match backend {
        Backend::Postgres => another_host(&database.url),
        Backend::Sqlite => {
            let link = folder.path().join("link.sqlite3");
            std::os::unix::fs::symlink(database.file(), &link).unwrap();
            format!("sqlite:{}", link.display())
        }
    };
    let other_way = DatabaseUrl::parse(&other_way, "A_TEST", folder.path()).unwrap();
    let reached = database::open(&other_way).unwrap().identity().unwrap();
    assert_eq!(
        (reached.instance, reached.place),
        (identity.instance.clone(), identity.place.clone())
    );

    // Another database, and a copy that holds the same.
    let other = Database::create(backend);
    assert_ne!(open(&other).identity().unwrap().instance, identity.instance);
    let copy = match backend {
        Backend::Postgres => database.copy_on_server(),
        Backend::Sqlite => {
            let copy = Database::create(backend);
            std::fs::copy(database.file(), copy.file()).unwrap();
            copy
        }
    };
    assert_eq!(copy.line("SELECT label FROM fees ORDER BY id"), "one two");
    let of_copy = open(&copy).identity().unwrap();
    assert_ne!(of_copy.instance, identity.instance);
    assert_ne!(of_copy.place, identity.place);
}

pub(super) fn migrations_come_in_order_with_what_ran(backend: Backend) {
    let database = Database::with(
        backend,
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, \
         run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP); \
         INSERT INTO __diesel_schema_migrations VALUES ('9', '2024-05-06 07:08:09'), ('10', '2024-05-06 07:08:10'), \
         ('b', '2024-05-06 07:08:11'), ('A', '2024-05-06 07:08:12')",
    );
    let found = open(&database).applied_migrations().unwrap();
    let versions: Vec<&str> = found
        .iter()
        .map(|applied| applied.version.as_str())
        .collect();
    assert_eq!(versions, ["10", "9", "A", "b"]);
    assert_eq!(found[1].run_on, "2024-05-06T07:08:09Z");
    assert!(found.iter().all(|applied| applied.checksum.is_none()));

    database.run(
        "CREATE TABLE __sync_migrations (version text PRIMARY KEY, name text NOT NULL, \
         checksum text NOT NULL, run_id text NOT NULL); INSERT INTO __sync_migrations VALUES ('9', '9_x', 'abc', 'r')",
    );
    let checksums: Vec<_> = open(&database)
        .applied_migrations()
        .unwrap()
        .into_iter()
        .map(|applied| applied.checksum)
        .collect();
    assert_eq!(checksums, [None, Some("abc".to_owned()), None, None]);
}

pub(super) fn bookkeeping_is_in_no_catalog(backend: Backend) {
    let database = Database::with(backend, FEES);
    let before = open(&database).catalog().unwrap();
    database.run(
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL); \
         CREATE TABLE __sync_runs (id text PRIMARY KEY); CREATE TABLE __sync_migrations (version text PRIMARY KEY); \
         CREATE TABLE __sync_stamp (environment text NOT NULL)",
    );
    let after = open(&database).catalog().unwrap();
    assert_eq!(after, before);
    assert_eq!(after.tables.len(), 1);
}

pub(super) fn the_catalog_describes_tables(backend: Backend) {
    let database = Database::with(
        backend,
        "CREATE TABLE groups (code text PRIMARY KEY); \
         CREATE TABLE fees (id integer NOT NULL, label text NOT NULL, amount integer, \
         twice integer GENERATED ALWAYS AS (amount * 2) STORED, group_code text REFERENCES groups (code), \
         one integer, other integer, PRIMARY KEY (label, id), UNIQUE (other, one)); \
         CREATE UNIQUE INDEX by_amount ON fees (amount); CREATE UNIQUE INDEX big_ones ON fees (one) WHERE one > 5; \
         CREATE VIEW shown AS SELECT id FROM fees",
    );
    let catalog = open(&database).catalog().unwrap();
    let fees = catalog.find(&name("fees")).unwrap();
    assert_eq!(fees.kind, TableKind::Ordinary);
    let columns: Vec<&str> = fees
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(
        columns,
        [
            "id",
            "label",
            "amount",
            "twice",
            "group_code",
            "one",
            "other"
        ]
    );
    let flags = |flag: fn(&xtask::model::schema::catalog::Column) -> bool| -> Vec<&str> {
        let columns = fees.columns.iter().filter(|column| flag(column));
        columns.map(|column| column.name.as_str()).collect()
    };
    assert_eq!(flags(|column| column.generated), ["twice"]);
    assert_eq!(flags(|column| !column.nullable), ["id", "label"]);
    assert_eq!(
        flags(|column| column.reading == Reading::Text),
        ["label", "group_code"]
    );
    assert_eq!(fees.primary_key, ["label", "id"]);
    let mut unique = fees.unique_keys.clone();
    unique.sort();
    assert_eq!(
        unique,
        [vec!["amount"], vec!["label", "id"], vec!["other", "one"]]
    );
    let [key] = fees.foreign_keys.as_slice() else {
        panic!("{:?}", fees.foreign_keys)
    };
    assert_eq!(
        (key.columns.as_slice(), &key.parent),
        (["group_code".to_owned()].as_slice(), &name("groups"))
    );
    assert_eq!(key.parent_columns, ["code"]);
    assert_eq!(
        catalog.find(&name("shown")).unwrap().kind,
        TableKind::NotATable
    );
    let loaded = Lookup::resolve(&settings("fees"), &[], &catalog, "Test").unwrap();
    assert!(!loaded.columns.contains(&"twice".to_owned()));
}

const SHOP: &str = "CREATE TABLE parents (id integer PRIMARY KEY); \
     CREATE TABLE fees (id integer PRIMARY KEY, label text NOT NULL, amount integer DEFAULT 5 CHECK (amount > 0), \
     parent_id integer REFERENCES parents (id) ON DELETE CASCADE, CONSTRAINT one_label UNIQUE (label)); \
     CREATE INDEX by_amount ON fees (amount); CREATE VIEW shown AS SELECT id FROM fees";

pub(super) fn equal_schemas_have_equal_catalogs(backend: Backend) {
    let one = open(&Database::with(backend, SHOP)).catalog().unwrap();
    // Columns in another order, and the index made before the view.
    let other = SHOP.replace(
        "label text NOT NULL, amount integer DEFAULT 5 CHECK (amount > 0)",
        "amount integer DEFAULT 5 CHECK (amount > 0), label text NOT NULL",
    );
    let other = open(&Database::with(backend, &other)).catalog().unwrap();
    assert_eq!(one.differences(&other, "Development", "Test"), []);
    assert_eq!(one.fingerprint(), other.fingerprint());
}

pub(super) fn every_change_of_schema_is_a_difference(backend: Backend) {
    let database = Database::create(backend);
    let catalog = |schema: &str| {
        database.empty();
        database.run(schema);
        open(&database).catalog().unwrap()
    };
    let before = catalog(SHOP);
    let changes = [
        (SHOP.replace("label text NOT NULL", "label text"), "label"),
        (SHOP.replace("label text", "label varchar(9)"), "label"),
        (SHOP.replace("DEFAULT 5", "DEFAULT 6"), "amount"),
        (SHOP.replace("DEFAULT 5", ""), "amount"),
        (SHOP.replace("amount > 0", "amount > 1"), "amount"),
        (SHOP.replace("CHECK (amount > 0)", ""), "amount"),
        (SHOP.replace("CASCADE", "SET NULL"), "parent"),
        (
            SHOP.replace("REFERENCES parents (id) ON DELETE CASCADE", ""),
            "parent",
        ),
        (
            SHOP.replace(", CONSTRAINT one_label UNIQUE (label)", ""),
            "label",
        ),
        (
            SHOP.replace("fees (amount)", "fees (amount, label)"),
            "by_amount",
        ),
        (
            SHOP.replace("CREATE INDEX", "CREATE UNIQUE INDEX"),
            "by_amount",
        ),
        (SHOP.replace("SELECT id", "SELECT id, label"), "shown"),
        (
            format!("{SHOP}; ALTER TABLE fees ADD COLUMN more text"),
            "more",
        ),
        (
            format!("{SHOP}; CREATE TABLE others (id integer)"),
            "others",
        ),
        (
            format!("{SHOP}; {}", trigger(backend, "old.amount > 1")),
            "on_fees",
        ),
    ];
    for (changed, object) in changes {
        assert_ne!(changed, SHOP);
        let after = catalog(&changed);
        assert_ne!(before.fingerprint(), after.fingerprint(), "{changed}");
        let found = before.differences(&after, "Development", "Test");
        assert!(
            found.iter().any(|drift| drift.object.name.contains(object)),
            "{changed}: {found:?}"
        );
    }
    let trigger = |condition: &str| catalog(&format!("{SHOP}; {}", trigger(backend, condition)));
    assert_ne!(
        trigger("old.amount > 1").fingerprint(),
        trigger("old.amount > 2").fingerprint()
    );
}

fn trigger(backend: Backend, condition: &str) -> String {
    match backend {
        Backend::Postgres => format!(
            "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
             CREATE TRIGGER on_fees AFTER UPDATE ON fees FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION nothing()"
        ),
        Backend::Sqlite => format!(
            "CREATE TRIGGER on_fees AFTER UPDATE ON fees FOR EACH ROW WHEN {condition} BEGIN SELECT 1; END"
        ),
    }
}

pub(super) fn a_database_that_is_not_there_is_unreachable(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("missing.sqlite3");
    let url = match backend {
        Backend::Postgres => Database::create(backend).url.clone(),
        Backend::Sqlite => format!("sqlite:{}", file.display()),
    };
    let url = DatabaseUrl::parse(&url, "A_TEST", folder.path()).unwrap();
    assert_eq!(problem(database::open(&url)).code, Code::Unreachable);
    assert_eq!(
        problem(database::open_target(&url, Limits::default())).code,
        Code::Unreachable
    );
    assert!(!file.exists());
}
