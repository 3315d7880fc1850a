//! Columns that others refer to, however they get their values, and values that are only spelled
//! otherwise.

use xtask::model::backend::Backend;
use xtask::problem::{Code, Problem};

use super::{BASE, Stage};

pub(super) fn stage(backend: Backend, schema: &str, tables: &str) -> Stage {
    let mut stage = Stage::empty(backend);
    stage.migrations.write(BASE, schema);
    stage.configure(tables);
    stage.do_not_rehearse();
    stage.migrate();
    stage
}

fn only_blocker(stage: &Stage) -> Problem {
    let plan = stage.plan();
    let [blocker] = plan.blockers.as_slice() else {
        panic!("{:?}", plan.blockers)
    };
    blocker.clone()
}

const ROOMS: &str = "CREATE TABLE rooms (id integer PRIMARY KEY, bld text NOT NULL, no integer NOT NULL, seats integer, \
     label text GENERATED ALWAYS AS (upper(bld) || '-' || no) KIND UNIQUE);\n\
     CREATE TABLE bookings (id integer PRIMARY KEY, label text REFERENCES rooms (label));\n";

pub(super) fn a_computed_column_that_others_refer_to_counts(backend: Backend) {
    let kinds: &[&str] = match backend {
        Backend::Postgres => &["STORED"],
        Backend::Sqlite => &["STORED", "VIRTUAL"],
    };
    for kind in kinds {
        let stage = stage(
            backend,
            &ROOMS.replace("KIND", kind),
            "protected = [\"bookings\"]\n[[lookup]]\ntable = \"rooms\"\n",
        );
        stage
            .dev
            .run("INSERT INTO rooms (id, bld, no) VALUES (1, 'a', 1), (2, 'a', 2), (3, 'b', 3)");
        stage.promote();
        stage
            .test
            .run("INSERT INTO bookings VALUES (1, 'A-1'), (2, 'A-1')");
        // What is computed stays as it is, whatever else changes, or is spelled.
        stage
            .dev
            .run("UPDATE rooms SET seats = 5; UPDATE rooms SET bld = 'A' WHERE id = 1");
        stage.promote();
        stage.dev.run(
            "UPDATE rooms SET no = 9 WHERE id = 1; UPDATE rooms SET no = 1 WHERE id = 2; UPDATE rooms SET no = 2 WHERE id = 1",
        );
        let blocker = only_blocker(&stage);
        assert_eq!(blocker.code, Code::ReferencedRows);
        assert_eq!(
            blocker.message,
            "changing `label` of 1 row of `rooms` would leave 2 rows of `bookings` without what they refer to (1: 2)"
        );
        assert_eq!(
            blocker.hint.as_deref(),
            Some(
                "point these rows at another row first, or leave what `label` is computed from as it is in the source"
            )
        );
        stage.test.run("UPDATE bookings SET label = 'B-3'");
        stage.promote();
        assert_eq!(
            stage.test.line("SELECT id || label FROM rooms ORDER BY id"),
            "1A-2 2A-1 3B-3"
        );
    }
}

pub(super) fn what_refers_to_computed_columns_moves_with_them(backend: Backend) {
    let stage = stage(
        backend,
        &ROOMS.replace("KIND", "STORED"),
        "protected = []\n[[lookup]]\ntable = \"rooms\"\n[[lookup]]\ntable = \"bookings\"\n",
    );
    stage.dev.run(
        "INSERT INTO rooms (id, bld, no) VALUES (1, 'a', 1); INSERT INTO bookings VALUES (1, 'A-1')",
    );
    stage.promote();
    stage.dev.run(
        "INSERT INTO rooms (id, bld, no) VALUES (2, 'a', 2); UPDATE bookings SET label = 'A-2'; \
         UPDATE rooms SET no = 7 WHERE id = 1; INSERT INTO bookings VALUES (2, 'A-7')",
    );
    stage.promote();
    assert_eq!(
        stage
            .test
            .line("SELECT id || label FROM bookings ORDER BY id"),
        "1A-2 2A-7"
    );
    assert!(stage.plan().empty);
    // A row that refers to what the source itself does not compute is told too.
    match backend {
        Backend::Postgres => stage.dev.run(
            "SET session_replication_role = replica; INSERT INTO bookings VALUES (3, 'A-8'); RESET session_replication_role",
        ),
        Backend::Sqlite => stage
            .dev
            .run("PRAGMA foreign_keys = OFF; INSERT INTO bookings VALUES (3, 'A-8')"),
    }
    let blocker = only_blocker(&stage);
    assert_eq!(blocker.code, Code::MissingParent);
    assert!(blocker.message.contains("label = A-8"), "{blocker}");
    assert!(blocker.hint.unwrap().contains("in Development"));
}

pub(super) fn what_retires_a_row_counts_as_a_change(backend: Backend) {
    let stage = stage(
        backend,
        "CREATE TABLE rooms (id integer PRIMARY KEY, state text NOT NULL, UNIQUE (id, state));\n\
         CREATE TABLE bookings (id integer PRIMARY KEY, room integer, state text, FOREIGN KEY (room, state) REFERENCES rooms (id, state));\n",
        "protected = [\"bookings\"]\n[[lookup]]\ntable = \"rooms\"\nretire = { state = \"off\" }\n",
    );
    stage
        .dev
        .run("INSERT INTO rooms VALUES (1, 'on'), (2, 'on'), (3, 'on')");
    stage.promote();
    stage.test.run("INSERT INTO bookings VALUES (1, 2, 'on')");
    stage.dev.run("DELETE FROM rooms WHERE id > 1");
    let blocker = only_blocker(&stage);
    assert_eq!(blocker.code, Code::ReferencedRows);
    assert!(
        blocker
            .message
            .starts_with("changing `state` of 1 row of `rooms`"),
        "{blocker}"
    );
    stage.test.run("DELETE FROM bookings");
    stage.promote();
    assert_eq!(
        stage.test.line("SELECT id || state FROM rooms ORDER BY id"),
        "1on 2off 3off"
    );
}

pub(super) fn a_value_that_is_only_respelled_is_no_change(backend: Backend) {
    let (types, actions): (&[(&str, &str, &str)], &[&str]) = match backend {
        Backend::Postgres => (
            &[
                ("numeric", "1.5", "1.50"),
                ("text COLLATE folded", "'usd'", "'USD'"),
            ],
            &["", " ON UPDATE CASCADE", " ON UPDATE RESTRICT"],
        ),
        Backend::Sqlite => (&[("text COLLATE NOCASE", "'usd'", "'USD'")], &[""]),
    };
    let collation = match backend {
        Backend::Postgres => {
            "CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);\n"
        }
        Backend::Sqlite => "",
    };
    for (kind, old, new) in types {
        for action in actions {
            let stage = stage(
                backend,
                &format!(
                    "{collation}CREATE TABLE rates (id integer PRIMARY KEY, code {kind} UNIQUE, label text);\n\
                     CREATE TABLE sums (id integer PRIMARY KEY, code {kind} REFERENCES rates (code){action});\n"
                ),
                "protected = [\"sums\"]\n[[lookup]]\ntable = \"rates\"\n",
            );
            stage
                .dev
                .run(&format!("INSERT INTO rates VALUES (1, {old}, 'a')"));
            stage.promote();
            stage
                .test
                .run(&format!("INSERT INTO sums VALUES (1, {old})"));
            stage.dev.run(&format!("UPDATE rates SET code = {new}"));
            if action.is_empty() {
                stage.promote();
                let codes = "SELECT code FROM rates UNION ALL SELECT code FROM sums";
                assert_eq!(
                    stage.test.line(codes),
                    format!("{new} {old}").replace('\'', "")
                );
                assert!(stage.plan().empty);
            } else {
                let blocker = only_blocker(&stage);
                assert!(
                    blocker
                        .message
                        .starts_with("changing `code` of 1 row of `rates`"),
                    "{blocker}"
                );
            }
        }
    }
}
