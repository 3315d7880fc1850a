//! Unique values that change places.

use xtask::model::backend::Backend;

use super::loading::Ends;

/// Three rows whose codes rotate, one that takes over a deleted row's code, and one more.
fn rotate(ends: &Ends, column: &str, more: &str) {
    ends.again(
        &format!("CREATE TABLE fees (id integer PRIMARY KEY, code {column}, label text); {more}"),
        "INSERT INTO fees VALUES (1, 'b', 'x'), (2, 'c', 'x'), (3, 'a', 'x'), (4, 'e', 'x'), (6, 'd', 'x')",
        "INSERT INTO fees VALUES (1, 'a', 'x'), (2, 'b', 'x'), (3, 'c', 'x'), (4, 'd', 'y'), (5, 'e', 'x')",
    );
}

pub(super) fn unique_values_rotate(backend: Backend) {
    let ends = Ends::empty(backend, &["fees"]);
    for column in [
        "text UNIQUE",
        "text NOT NULL UNIQUE",
        "varchar(1) NOT NULL UNIQUE",
        "char(1) UNIQUE",
    ] {
        rotate(&ends, column, "");
        ends.load();
    }
    let index = "CREATE UNIQUE INDEX by_code ON fees (code)";
    rotate(&ends, "text NOT NULL", index);
    ends.load_twice();
}

pub(super) fn unique_values_of_referenced_rows_rotate(backend: Backend) {
    let ends = Ends::empty(backend, &["fees"]);
    let uses = "CREATE TABLE uses (id integer PRIMARY KEY, \
                fee_id integer NOT NULL REFERENCES fees (id) ON DELETE CASCADE)";
    for column in [
        "text UNIQUE",
        "text NOT NULL UNIQUE",
        "varchar(40) NOT NULL UNIQUE",
        "varchar(3) NOT NULL UNIQUE",
    ] {
        rotate(&ends, column, uses);
        ends.target
            .run("INSERT INTO uses VALUES (1, 1), (2, 2), (3, 4)");
        ends.load();
        let found = "SELECT id || ':' || fee_id FROM uses ORDER BY id";
        assert_eq!(ends.target.line(found), "1:1 2:2 3:4", "{column}");
    }
}

pub(super) fn short_values_of_many_referenced_rows_rotate(backend: Backend) {
    let rows = |shift: usize| -> String {
        let rows: Vec<String> = (0..26usize)
            .map(|at| {
                format!(
                    "({at}, '{}')",
                    char::from(b'a' + u8::try_from((at + shift) % 26).unwrap())
                )
            })
            .collect();
        format!("INSERT INTO fees VALUES {}", rows.join(", "))
    };
    let ends = Ends::new(
        backend,
        "CREATE TABLE fees (id integer PRIMARY KEY, code varchar(1) NOT NULL UNIQUE); \
         CREATE TABLE uses (fee_id integer NOT NULL REFERENCES fees (id))",
        &rows(1),
        &format!("{}; INSERT INTO uses VALUES (3), (4)", rows(0)),
        &["fees"],
    );
    ends.load();
}

pub(super) fn unique_numbers_swap(backend: Backend) {
    let uses = "CREATE TABLE uses (fee_id integer NOT NULL REFERENCES fees (id))";
    let ends = Ends::empty(backend, &["fees"]);
    for kind in ["smallint", "bigint", "numeric(4, 1)"] {
        for more in ["", uses] {
            ends.again(
                &format!(
                    "CREATE TABLE fees (id integer PRIMARY KEY, rank {kind} NOT NULL UNIQUE); {more}"
                ),
                "INSERT INTO fees VALUES (1, 2), (2, 1), (3, 3)",
                "INSERT INTO fees VALUES (1, 1), (2, 2), (3, 4), (4, 3)",
            );
            ends.load();
        }
    }
}

pub(super) fn unique_pairs_swap(backend: Backend) {
    let uses = "CREATE TABLE uses (fee_id integer NOT NULL REFERENCES fees (id))";
    let ends = Ends::empty(backend, &["fees"]);
    for more in ["", uses] {
        for kind in ["NOT NULL", ""] {
            ends.again(
                &format!(
                    "CREATE TABLE fees (id integer PRIMARY KEY, region text {kind}, rank integer {kind}, note text, \
                     UNIQUE (region, rank), UNIQUE (rank, note)); {more}"
                ),
                "INSERT INTO fees VALUES (1, 'x', 2, 'a'), (2, 'x', 1, 'b'), (3, 'y', 1, 'a'), (4, 'y', 3, NULL)",
                "INSERT INTO fees VALUES (1, 'x', 1, 'b'), (2, 'x', 2, 'a'), (3, 'y', 3, 'a'), (4, 'y', 1, 'a')",
            );
            ends.load();
        }
    }
}

pub(super) fn part_of_the_key_may_be_unique_with_another_column(backend: Backend) {
    let ends = Ends::new(
        backend,
        "CREATE TABLE fees (region text, id integer, rank integer NOT NULL, PRIMARY KEY (region, id), UNIQUE (region, rank))",
        "INSERT INTO fees VALUES ('x', 1, 2), ('x', 2, 1), ('y', 1, 1)",
        "INSERT INTO fees VALUES ('x', 1, 1), ('x', 2, 2), ('y', 1, 3), ('y', 2, 1)",
        &["fees"],
    );
    ends.load();
}

pub(super) fn a_partly_unique_value_swaps(backend: Backend) {
    let ends = Ends::new(
        backend,
        "CREATE TABLE fees (id integer PRIMARY KEY, code text NOT NULL, active integer); \
         CREATE UNIQUE INDEX active_codes ON fees (code) WHERE active = 1",
        "INSERT INTO fees VALUES (1, 'b', 1), (2, 'a', 1), (3, 'a', 0), (4, 'a', 0)",
        "INSERT INTO fees VALUES (1, 'a', 1), (2, 'b', 1), (3, 'a', 0)",
        &["fees"],
    );
    ends.load();
}

pub(super) fn values_that_are_unique_when_computed_swap(backend: Backend) {
    let uses = "CREATE TABLE uses (fee_id integer NOT NULL REFERENCES fees (id))";
    let ends = Ends::empty(backend, &["fees"]);
    for (column, index) in [
        ("", "lower(code)"),
        ("", "lower(code), rank"),
        (
            ", computed text GENERATED ALWAYS AS (lower(code)) STORED",
            "computed",
        ),
    ] {
        for more in ["", uses] {
            ends.again(
                &format!(
                    "CREATE TABLE fees (id integer PRIMARY KEY, code text NOT NULL, rank integer{column}); \
                     CREATE UNIQUE INDEX by_code ON fees ({index}); {more}"
                ),
                "INSERT INTO fees (id, code, rank) VALUES (1, 'A', 1), (2, 'b', 1), (3, 'C', 1)",
                "INSERT INTO fees (id, code, rank) VALUES (1, 'B', 1), (2, 'a', 1), (4, 'c', 1)",
            );
            if !more.is_empty() {
                ends.target.run("INSERT INTO uses VALUES (1), (2)");
            }
            ends.load_twice();
        }
    }
}

pub(super) fn values_with_rules_of_their_own_swap(backend: Backend) {
    let ends = Ends::empty(backend, &["fees"]);
    for (column, one, other) in [
        ("integer NOT NULL UNIQUE CHECK (value < 3)", "1", "2"),
        ("smallint NOT NULL UNIQUE", "32767", "-32768"),
        ("date NOT NULL UNIQUE", "'2024-01-01'", "'2024-02-01'"),
        (
            "text NOT NULL UNIQUE CHECK (value IN ('x', 'y'))",
            "'x'",
            "'y'",
        ),
        ("boolean NOT NULL UNIQUE", "'1'", "'0'"),
    ] {
        ends.again(
            &format!(
                "CREATE TABLE fees (id integer PRIMARY KEY, value {column}); \
                 CREATE TABLE uses (fee_id integer NOT NULL REFERENCES fees (id))"
            ),
            &format!("INSERT INTO fees VALUES (1, {one}), (2, {other})"),
            &format!(
                "INSERT INTO fees VALUES (1, {other}), (2, {one}); INSERT INTO uses VALUES (1), (2)"
            ),
        );
        ends.load_twice();
    }
}

/// Two rows change places in what is unique and referred to itself.
pub(super) fn unique_values_that_are_referred_to_swap(backend: Backend) {
    let ends = Ends::empty(backend, &["sw", "c"]);
    for (column, action) in [
        ("UNIQUE", ""),
        ("UNIQUE", "ON UPDATE CASCADE"),
        ("UNIQUE", "ON UPDATE SET NULL"),
        ("NOT NULL UNIQUE", ""),
        ("NOT NULL UNIQUE", "ON UPDATE CASCADE"),
    ] {
        ends.again(
            &format!(
                "CREATE TABLE sw (id integer PRIMARY KEY, u text {column}); \
                 CREATE TABLE c (id integer PRIMARY KEY, s text REFERENCES sw (u) {action})"
            ),
            "INSERT INTO sw VALUES (1, 'b'), (2, 'a'); INSERT INTO c VALUES (1, 'a'), (2, 'b')",
            "INSERT INTO sw VALUES (1, 'a'), (2, 'b'); INSERT INTO c VALUES (1, 'a'), (2, 'b')",
        );
        ends.load_twice();
    }
}

pub(super) fn values_that_may_not_be_empty_swap(backend: Backend) {
    let ends = Ends::empty(backend, &["sw"]);
    for reference in ["", " REFERENCES sw ON DELETE CASCADE"] {
        ends.again(
            &format!(
                "CREATE TABLE sw (id integer PRIMARY KEY, u integer UNIQUE CHECK (u IS NOT NULL)); \
                 CREATE TABLE p (sw integer{reference})"
            ),
            "INSERT INTO sw VALUES (1, 2), (2, 1)",
            "INSERT INTO sw VALUES (1, 1), (2, 2); INSERT INTO p VALUES (1), (2)",
        );
        ends.load_twice();
        assert_eq!(ends.target.line("SELECT sw FROM p ORDER BY sw"), "1 2");
    }
}

/// Of rows that may not be away for a moment: a value is found that nobody has.
pub(super) fn values_at_their_limit_swap() {
    let ends = Ends::empty(Backend::Postgres, &["sw"]);
    for (column, one, other) in [
        ("text NOT NULL UNIQUE CHECK (u ~ '^[a-z]+$')", "'a'", "'b'"),
        ("smallint NOT NULL UNIQUE", "32767", "1"),
        ("numeric(3, 1) NOT NULL UNIQUE", "99.9", "0.1"),
        ("date NOT NULL UNIQUE", "'2024-01-01'", "'2024-02-01'"),
        ("date NOT NULL UNIQUE", "'2024-01-01'", "'infinity'"),
        (
            "timestamptz NOT NULL UNIQUE",
            "'2024-01-01'",
            "'2024-02-01'",
        ),
        ("jsonb NOT NULL UNIQUE", "'{\"a\": 1}'", "'[]'"),
        ("citext NOT NULL UNIQUE", "'a'", "'b'"),
    ] {
        for action in ["CASCADE", "RESTRICT"] {
            ends.again(
                &format!(
                    "CREATE EXTENSION IF NOT EXISTS citext; CREATE TABLE sw (id integer PRIMARY KEY, u {column}); \
                     CREATE TABLE p (sw integer REFERENCES sw ON DELETE {action})"
                ),
                &format!("INSERT INTO sw VALUES (1, {one}), (2, {other})"),
                &format!(
                    "INSERT INTO sw VALUES (1, {other}), (2, {one}); INSERT INTO p VALUES (1), (2)"
                ),
            );
            ends.load_twice();
            assert_eq!(ends.target.line("SELECT sw FROM p ORDER BY sw"), "1 2");
        }
    }
}

/// Rows that exclude each other by more than being equal.
pub(super) fn a_boundary_between_two_periods_moves() {
    let ends = Ends::empty(Backend::Postgres, &["prices"]);
    for more in [
        "",
        "CREATE TABLE uses (price integer NOT NULL REFERENCES prices)",
    ] {
        ends.again(
            &format!(
                "CREATE TABLE prices (id integer PRIMARY KEY, since date, until date, \
                 EXCLUDE USING gist (daterange(since, until) WITH &&)); {more}"
            ),
            "INSERT INTO prices VALUES (1, '2024-01-01', '2024-03-01'), (2, '2024-03-01', '2024-06-01')",
            "INSERT INTO prices VALUES (1, '2024-01-01', '2024-02-01'), (2, '2024-02-01', '2024-06-01')",
        );
        if !more.is_empty() {
            ends.target.run("INSERT INTO uses VALUES (1), (2)");
        }
        ends.load_twice();
    }
}
