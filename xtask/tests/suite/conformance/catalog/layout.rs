//! White space, comments and the case of words, where they mean something and where they do not.

use xtask::model::backend::Backend;

use super::super::{either, open};
use super::{EVERYTHING, SQLITE, assert_equal, differences};
use crate::support::database::Database;

/// Objects whose text is kept as it was written, or written anew by the server.
const POSTGRES: &str = "
CREATE FUNCTION total(amount integer) RETURNS integer LANGUAGE plpgsql AS $f$
DECLARE sum integer := 0;
BEGIN
    FOR step IN 1..10 LOOP
        sum := sum + amount * step - 1;
    END LOOP;
    IF sum < -1 THEN RAISE EXCEPTION 'too  little -- %', sum; END IF;
    RETURN sum::integer;
END $f$;
CREATE FUNCTION label(x integer) RETURNS text LANGUAGE sql AS $f$ SELECT 'a  /* b */ ' || x $f$;
CREATE TABLE t (n integer DEFAULT (1 + 2) CHECK (n > 0 AND n < 10), twice integer GENERATED ALWAYS AS (n * 2) STORED, s text DEFAULT 'a  b');
CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN NEW.s := coalesce(NEW.s, 'x  y'); RETURN NEW; END $f$;
CREATE TRIGGER fill BEFORE INSERT ON t FOR EACH ROW WHEN (NEW.s IS NULL) EXECUTE FUNCTION fill();
CREATE PROCEDURE tidy(x integer) LANGUAGE sql AS $f$ UPDATE t SET n = x WHERE n > 1 $f$;
CREATE INDEX t_by_n ON t ((n + 1)) WHERE n > 1;
CREATE VIEW v AS SELECT n, 'a  b' AS s FROM t WHERE n > 1;
";

/// The same statements with other white space, comments and small letters wherever they stand for
/// themselves. `$f$` opens the body of a function and is none of the texts.
fn laid_out_anew(statements: &str, backend: Backend) -> String {
    let mut text = String::new();
    let mut within = None;
    for letter in statements.chars() {
        match (within, letter) {
            (None, '\'' | '"') => within = Some(letter),
            (Some(quote), letter) if quote == letter => within = None,
            _ => {}
        }
        match letter {
            ' ' if within.is_none() => text.push_str("\n /* it's \" */ -- more ' \n\t"),
            '(' | ',' | ';' if within.is_none() => {
                text.push(letter);
                text.push_str("  \r\n ");
            }
            letter if within.is_none() => text.extend(letter.to_lowercase()),
            letter => text.push(letter),
        }
    }
    match backend {
        Backend::Postgres => text,
        // Its comments begin behind a line's end alone.
        Backend::Sqlite => text.replace("more ' \n", "more ' \r\n"),
    }
}

pub(in super::super) fn how_a_schema_is_laid_out_does_not_count(backend: Backend) {
    let schema = either(backend, POSTGRES, SQLITE);
    let database = Database::with(backend, schema);
    let before = open(&database).catalog().unwrap();
    database.empty();
    database.run(&laid_out_anew(schema, backend));
    assert_equal(&before, &open(&database).catalog().unwrap());
    if backend == Backend::Postgres {
        let everything = Database::with(backend, EVERYTHING);
        everything.run("CREATE OR REPLACE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS 'begin  -- it is nothing\n return null ; end'");
        let plain = Database::with(backend, EVERYTHING);
        assert_equal(
            &open(&plain).catalog().unwrap(),
            &open(&everything).catalog().unwrap(),
        );
    }
}

pub(in super::super) fn what_stands_in_texts_counts(backend: Backend) {
    let schema = either(
        backend,
        POSTGRES,
        "CREATE TABLE t (n integer CHECK (n <> 'a  /* b */ '), s text DEFAULT 'a  b');
         CREATE VIEW v AS SELECT n, 'x  y' AS s FROM t;
         CREATE TRIGGER fill AFTER INSERT ON t BEGIN SELECT 'too  little -- %'; END;",
    );
    let objects = |name: &str| match (backend, name) {
        (Backend::Postgres, "a  /*") => vec!["function label(integer)"],
        (Backend::Postgres, "too") => vec!["function total(integer)"],
        (Backend::Postgres, "a  b") => vec!["column t.s", "view v"],
        (Backend::Postgres, _) => vec!["function fill()"],
        (Backend::Sqlite, "a  /*") => vec![
            "check t.(n < > 'a  /* b */ ')",
            "check t.(n < > 'a /* b */ ')",
        ],
        (Backend::Sqlite, "too") => vec!["trigger t.fill"],
        (Backend::Sqlite, "a  b") => vec!["column t.s"],
        (Backend::Sqlite, _) => vec!["view v"],
    };
    let database = Database::with(backend, schema);
    let before = open(&database).catalog().unwrap();
    for (name, text, other) in [
        ("a  /*", "'a  /* b */ '", "'a /* b */ '"),
        ("too", "too  little", "too little"),
        ("a  b", "'a  b'", "'a b'"),
        ("x  y", "'x  y'", "'x\n y'"),
    ] {
        database.empty();
        database.run(&schema.replace(text, other));
        let after = open(&database).catalog().unwrap();
        assert_eq!(differences(&before, &after), objects(name), "{text}");
        for drift in before.differences(&after, "Development", "Test") {
            let shown = drift.brief.strip_prefix("Development has ");
            let shown = shown.and_then(|shown| shown.split_once("; Test has "));
            assert!(
                shown.is_none_or(|(one, another)| one != another),
                "{}",
                drift.brief
            );
        }
    }
}
