//! Bringing rows from one database to another: whatever they hold and however they are tangled,
//! the target ends with the source's rows, or as it was.

use xtask::database::Session;
use xtask::model::backend::Backend;
use xtask::model::rows::lookup::Lookup;
use xtask::model::rows::lookup::settings::{ExtraRows, LookupSettings};
use xtask::model::rows::row::Record;
use xtask::problem::{Code, Problem};
use xtask::sync::exports::export::export;
use xtask::sync::promoting::load::{LoadedTable, load};
use xtask::sync::rows::compare::Difference;

use super::writing::open_target;
use super::{either, open, settings};
use crate::support::database::{Database, folder};

/// Two databases with one schema, and the lookup tables that are brought from one to the other.
pub(super) struct Ends {
    pub(super) source: Database,
    pub(super) target: Database,
    pub(super) settings: Vec<LookupSettings>,
}

impl Ends {
    pub(super) fn new(
        backend: Backend,
        schema: &str,
        source: &str,
        target: &str,
        tables: &[&str],
    ) -> Self {
        let ends = Ends {
            source: Database::with(backend, schema),
            target: Database::with(backend, schema),
            settings: tables.iter().map(|table| settings(table)).collect(),
        };
        ends.source.run(source);
        ends.target.run(target);
        ends
    }

    /// Starts anew in the same two databases.
    pub(super) fn again(&self, schema: &str, source: &str, target: &str) {
        for (database, rows) in [(&self.source, source), (&self.target, target)] {
            database.empty();
            database.run(schema);
            database.run(rows);
        }
    }

    /// Two databases that are filled by [`Ends::again`].
    pub(super) fn empty(backend: Backend, tables: &[&str]) -> Self {
        Self::new(backend, "", "", "", tables)
    }

    fn lookups(&self, database: &Database) -> Vec<Lookup> {
        let catalog = open(database).catalog().unwrap();
        let lookups = self
            .settings
            .iter()
            .map(|settings| Lookup::resolve(settings, &self.settings, &catalog, "Test").unwrap());
        lookups.collect()
    }

    pub(super) fn try_load(&self) -> anyhow::Result<Vec<LoadedTable>> {
        let folder = folder();
        let lookups = self.lookups(&self.source);
        export(
            &mut *open(&self.source),
            &lookups,
            folder.path(),
            "dev",
            true,
            &mut |_| {},
        )
        .unwrap();
        let mut target = open_target(&self.target);
        let (loaded, _) = load(
            &mut *target,
            &lookups,
            &Default::default(),
            &folder.path().join("dev"),
            "Test",
            &mut |_| {},
        )?;
        for lookup in &lookups {
            target.raise_sequences(lookup)?;
        }
        target.commit()?;
        Ok(loaded)
    }

    /// Loads, and checks that both ends then hold the same.
    pub(super) fn load(&self) -> Vec<Difference> {
        let loaded = self.try_load().unwrap();
        let lookups = self.lookups(&self.source);
        let (mut source, mut target) = (open(&self.source), open(&self.target));
        for lookup in &lookups {
            let (here, there) = (rows(&mut *source, lookup), rows(&mut *target, lookup));
            assert_eq!(here, there, "{}", lookup.table);
        }
        loaded.into_iter().map(|table| table.difference).collect()
    }

    /// Loads, and checks that there is then nothing left to do, and that nothing is done.
    pub(super) fn load_twice(&self) -> Vec<Difference> {
        let loaded = self.load();
        let before = self.target.everything();
        for table in self.try_load().unwrap() {
            assert!(table.difference.is_empty(), "{table:?}");
        }
        assert_eq!(self.target.everything(), before);
        loaded
    }

    /// Fails to load, and checks that nothing was changed.
    pub(super) fn refuse(&self) -> Problem {
        let before = self.target.everything();
        let refused = super::problem(self.try_load());
        assert_eq!(self.target.everything(), before);
        refused
    }
}

fn rows(session: &mut dyn Session, lookup: &Lookup) -> Vec<Record> {
    let rows = session.rows(lookup).unwrap();
    rows.map(Result::unwrap).collect()
}

const FEES: &str = "CREATE TABLE fees (id integer PRIMARY KEY, label text, amount integer)";

fn counts(difference: &Difference) -> [u64; 5] {
    let Difference {
        insert,
        update,
        delete,
        keep,
        unchanged,
        ..
    } = difference;
    [*insert, *update, *delete, *keep, *unchanged]
}

pub(super) fn rows_come_change_and_go(backend: Backend) {
    let ends = Ends::new(
        backend,
        FEES,
        "INSERT INTO fees VALUES (1, 'same', 1), (2, 'new name', 2), (10, NULL, NULL), (11, '', 0)",
        "INSERT INTO fees VALUES (1, 'same', 1), (2, 'old name', 2), (3, 'gone', 3), (4, 'gone', 4)",
        &["fees"],
    );
    assert_eq!(counts(&ends.load_twice()[0]), [2, 1, 2, 0, 1]);
}

pub(super) fn only_rows_that_differ_are_written(backend: Backend) {
    let ends = Ends::new(
        backend,
        &format!("{FEES}; CREATE TABLE touched (id integer)"),
        "INSERT INTO fees VALUES (1, 'same', 1), (2, 'new', 2)",
        "INSERT INTO fees VALUES (1, 'same', 1), (2, 'old', 2)",
        &["fees"],
    );
    ends.target.run(either(
        backend,
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO touched VALUES (new.id); RETURN NULL; END'; \
         CREATE TRIGGER note AFTER UPDATE OR INSERT ON fees FOR EACH ROW EXECUTE FUNCTION note()",
        "CREATE TRIGGER note AFTER UPDATE ON fees BEGIN INSERT INTO touched VALUES (new.id); END",
    ));
    ends.load();
    assert_eq!(ends.target.line("SELECT id FROM touched"), "2");
}

pub(super) fn extra_rows_stay_or_refuse(backend: Backend) {
    let mut ends = Ends::new(
        backend,
        FEES,
        "INSERT INTO fees VALUES (1, 'new', 1), (3, 'c', 3)",
        "INSERT INTO fees VALUES (1, 'old', 1), (2, 'theirs', 2)",
        &["fees"],
    );
    ends.settings[0].extra_rows = ExtraRows::Refuse;
    let refused = ends.refuse();
    assert_eq!(refused.code, Code::ExtraRows);
    assert!(refused.message.contains("1 row "), "{refused}");
    ends.settings[0].extra_rows = ExtraRows::Keep;
    assert_eq!(
        counts(&ends.try_load().unwrap()[0].difference),
        [1, 1, 0, 1, 0]
    );
    assert_eq!(
        ends.target.line("SELECT label FROM fees ORDER BY id"),
        "new theirs c"
    );
}

pub(super) fn insert_only_columns_come_once(backend: Backend) {
    let mut ends = Ends::new(
        backend,
        "CREATE TABLE fees (id integer PRIMARY KEY, label text UNIQUE, seen text)",
        "INSERT INTO fees VALUES (1, 'new', 'dev'), (2, 'b', 'dev'), (3, 'c', 'dev'), (4, 'd', 'dev')",
        "INSERT INTO fees VALUES (1, 'old', 'test'), (2, 'b', 'test'), (3, 'd', 'test'), (4, 'c', 'test')",
        &["fees"],
    );
    ends.source.run("INSERT INTO fees VALUES (5, 'e', 'dev')");
    ends.settings[0].insert_only = vec!["seen".to_owned()];
    let loaded = ends.try_load().unwrap();
    assert_eq!(counts(&loaded[0].difference), [1, 3, 0, 0, 1]);
    let found = ends
        .target
        .line("SELECT id || label || ':' || seen FROM fees ORDER BY id");
    assert_eq!(found, "1new:test 2b:test 3c:test 4d:test 5e:dev");
    assert!(ends.try_load().unwrap()[0].difference.is_empty());
}

pub(super) fn rows_outside_the_condition_are_left_alone(backend: Backend) {
    let mut ends = Ends::new(
        backend,
        "CREATE TABLE fees (id integer PRIMARY KEY, label text, region text)",
        "INSERT INTO fees VALUES (1, 'new', 'global'), (2, 'dev', 'local'), (3, 'c', 'global')",
        "INSERT INTO fees VALUES (1, 'old', 'global'), (7, 'theirs', 'local'), (8, 'gone', 'global'), (9, 'null', NULL)",
        &["fees"],
    );
    ends.settings[0].filter = Some("region = 'global'".to_owned());
    assert_eq!(counts(&ends.load()[0]), [1, 1, 1, 0, 0]);
    assert_eq!(
        ends.target.line("SELECT id || label FROM fees ORDER BY id"),
        "1new 3c 7theirs 9null"
    );
    // A row that is outside on the target is in the way rather than overwritten.
    ends.source
        .run("INSERT INTO fees VALUES (7, 'mine', 'global')");
    assert_eq!(ends.refuse().code, Code::ConstraintViolated);
}

pub(super) fn a_key_may_be_another_than_the_primary_key(backend: Backend) {
    let mut ends = Ends::new(
        backend,
        "CREATE TABLE fees (id integer PRIMARY KEY, code text UNIQUE, label text)",
        "INSERT INTO fees VALUES (1, 'a', 'new'), (2, 'b', 'b'), (3, 'c', 'c')",
        "INSERT INTO fees VALUES (2, 'a', 'old'), (1, 'b', 'b'), (4, 'd', 'd')",
        &["fees"],
    );
    ends.settings[0].key = vec!["code".to_owned()];
    // A number that the database would draw by itself is the target's own, any other travels.
    let (counted, found) = match backend {
        Backend::Postgres => ([1, 2, 1, 0, 0], "a1 b2 c3"),
        Backend::Sqlite => ([1, 1, 1, 0, 1], "a2 b1 c5"),
    };
    assert_eq!(counts(&ends.load()[0]), counted);
    assert_eq!(
        ends.target
            .line("SELECT code || id FROM fees ORDER BY code"),
        found
    );
}

pub(super) fn keys_of_every_kind_are_matched(backend: Backend) {
    let (uuid, time, bytes) = match backend {
        Backend::Postgres => ("uuid", "timestamptz", "'\\x00ff'::bytea"),
        Backend::Sqlite => ("text", "datetime", "x'00ff'"),
    };
    let ends = Ends::empty(backend, &["fees"]);
    for (kind, one, other, gone) in [
        (
            uuid,
            "'00000000-0000-0000-0000-00000000000a'",
            "'f0000000-0000-0000-0000-000000000000'",
            "'0a000000-0000-0000-0000-000000000000'",
        ),
        (
            time,
            "'2024-01-02 03:04:05'",
            "'2023-12-31 00:00:00'",
            "'1999-01-01 00:00:00'",
        ),
        ("numeric", "1.5", "10", "2"),
        ("varchar(9)", "'a'", "'\\N'", "''"),
        (
            either(backend, "bytea", "blob"),
            bytes,
            either(backend, "''::bytea", "x''"),
            either(backend, "'\\x5c4e'::bytea", "x'5c4e'"),
        ),
        ("double precision", "0.1", "1e300", "-2.5"),
        ("date", "'2024-02-29'", "'2024-12-01'", "'2024-03-01'"),
        (
            "boolean",
            either(backend, "true", "1"),
            either(backend, "false", "0"),
            either(backend, "true", "2"),
        ),
    ] {
        ends.again(
            &format!("CREATE TABLE fees (k {kind} PRIMARY KEY, label text)"),
            &format!("INSERT INTO fees VALUES ({one}, 'new'), ({other}, 'other')"),
            &format!("INSERT INTO fees VALUES ({one}, 'old')"),
        );
        if kind != "boolean" {
            ends.target
                .run(&format!("INSERT INTO fees VALUES ({gone}, 'gone')"));
        }
        assert_eq!(counts(&ends.load_twice()[0])[..2], [1, 1], "{kind}");
    }
}

pub(super) fn names_may_be_odd(backend: Backend) {
    let schema = "CREATE TABLE \"Fee \"\" Groups.x/y\" (\"Key \"\" %\" integer PRIMARY KEY, \"select\" text, \"__change2\" text, \"Größe\" text UNIQUE)";
    let ends = Ends::new(
        backend,
        schema,
        "INSERT INTO \"Fee \"\" Groups.x/y\" VALUES (1, 'a', 'b', 'x'), (2, NULL, 'd', 'y')",
        "INSERT INTO \"Fee \"\" Groups.x/y\" VALUES (1, 'a', 'c', 'y'), (2, NULL, 'd', 'x'), (3, '', '', '')",
        &["\"Fee \"\" Groups.x/y\""],
    );
    assert_eq!(counts(&ends.load()[0]), [0, 2, 1, 0, 0]);
}

pub(super) fn generated_columns_are_computed_by_the_target(backend: Backend) {
    let ends = Ends::new(
        backend,
        "CREATE TABLE fees (twice integer GENERATED ALWAYS AS (amount * 2) STORED, id integer PRIMARY KEY, amount integer)",
        "INSERT INTO fees (id, amount) VALUES (1, 5), (2, 6), (3, 7)",
        "INSERT INTO fees (id, amount) VALUES (1, 1), (2, 6)",
        &["fees"],
    );
    ends.load();
    assert_eq!(
        ends.target.line("SELECT twice FROM fees ORDER BY id"),
        "10 12 14"
    );
}

pub(super) fn a_broken_constraint_is_told(backend: Backend) {
    let ends = Ends::new(
        backend,
        FEES,
        "INSERT INTO fees VALUES (1, 'a', 10), (2, 'b', -1)",
        "INSERT INTO fees VALUES (1, 'a', 9)",
        &["fees"],
    );
    for constraint in [
        "amount_check CHECK (amount > 0)",
        "label_key UNIQUE (amount)",
    ] {
        match backend {
            Backend::Postgres => ends.target.run(&format!("ALTER TABLE fees ADD CONSTRAINT {constraint}")),
            Backend::Sqlite => ends.target.run(&format!(
                "DROP TABLE fees; CREATE TABLE fees (id integer PRIMARY KEY, label text, amount integer, CONSTRAINT {constraint}); \
                 INSERT INTO fees VALUES (1, 'a', 9)"
            )),
        }
        let refused = ends.refuse();
        assert_eq!(refused.code, Code::ConstraintViolated, "{refused}");
        assert!(refused.message.contains("fees"), "{refused}");
        ends.source.run("UPDATE fees SET amount = 10");
    }
}
