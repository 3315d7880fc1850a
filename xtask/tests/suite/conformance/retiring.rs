//! Rows that the source no longer has are switched off.

use xtask::model::backend::Backend;
use xtask::model::rows::lookup::settings::{Retire, RetiredValue};

use super::loading::Ends;
use super::problem;

fn retiring(backend: Backend, source: &str, target: &str) -> Ends {
    let mut ends = Ends::new(
        backend,
        "CREATE TABLE fees (id integer PRIMARY KEY, label text, active boolean NOT NULL, note text); \
         CREATE TABLE uses (fee_id integer NOT NULL REFERENCES fees (id))",
        source,
        target,
        &["fees"],
    );
    ends.settings[0].retire = Some(Retire(
        [
            ("active".to_owned(), RetiredValue::Boolean(false)),
            (
                "note".to_owned(),
                RetiredValue::Text("it's gone".to_owned()),
            ),
        ]
        .into(),
    ));
    ends
}

const FEES: &str = "SELECT id || label || ' ' || CAST(active AS text) || ' ' || coalesce(note, '-') FROM fees ORDER BY id";

pub(super) fn rows_are_switched_off_instead_of_deleted(backend: Backend) {
    let ends = retiring(
        backend,
        "INSERT INTO fees VALUES (1, 'a', true, NULL), (5, 'e', true, NULL)",
        "INSERT INTO fees VALUES (1, 'old', true, NULL), (2, 'b', true, NULL), (3, 'c', false, 'it''s gone'), (4, 'd', false, NULL); \
         INSERT INTO uses VALUES (2), (3)",
    );
    let loaded = &ends.try_load().unwrap()[0].difference;
    assert_eq!(
        [
            loaded.insert,
            loaded.update,
            loaded.delete,
            loaded.retire,
            loaded.keep
        ],
        [1, 1, 0, 2, 1]
    );
    let (yes, no) = match backend {
        Backend::Postgres => ("true", "false"),
        Backend::Sqlite => ("1", "0"),
    };
    let gone = format!("{no} it's gone");
    let expected = format!("1a {yes} - 2b {gone} 3c {gone} 4d {gone} 5e {yes} -");
    assert_eq!(ends.target.line(FEES), expected);
    let again = &ends.try_load().unwrap()[0].difference;
    assert!(again.is_empty(), "{again:?}");
    assert_eq!(again.keep, 3);
}

pub(super) fn a_value_that_is_none_is_told_with_its_table() {
    let mut ends = retiring(
        Backend::Postgres,
        "",
        "INSERT INTO fees VALUES (1, 'a', true, NULL)",
    );
    ends.settings[0].retire = Some(Retire(
        [("active".to_owned(), RetiredValue::Integer(2))].into(),
    ));
    let message = problem(ends.try_load()).message;
    assert!(
        message.starts_with(
            "failed to find the rows of `fees` that `retire` does not switch off (`active` = 2): "
        ),
        "{message}"
    );
    assert!(message.contains("type boolean"), "{message}");
}

pub(super) fn a_retired_row_comes_back(backend: Backend) {
    let ends = retiring(
        backend,
        "INSERT INTO fees VALUES (1, 'a', true, NULL)",
        "INSERT INTO fees VALUES (1, 'a', false, 'it''s gone')",
    );
    ends.load_twice();
}
