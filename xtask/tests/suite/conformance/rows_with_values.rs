//! Which rows have a value.

use xtask::model::backend::Backend;
use xtask::model::rows::lookup::Lookup;
use xtask::model::rows::row::Record;

use super::{lookup, open};
use crate::support::database::Database;

pub(super) fn rows_are_found_by_what_they_hold(backend: Backend) {
    let database = Database::with(
        backend,
        "CREATE TABLE fees (id integer PRIMARY KEY, code text UNIQUE, region text); \
         INSERT INTO fees VALUES (1, 'a', 'x'), (2, 'b', 'y')",
    );
    let mut session = open(&database);
    // Rows outside the condition hold values too.
    let fees = Lookup {
        key: vec![1],
        filter: Some("region = 'x'".to_owned()),
        ..lookup(&mut *session, "fees")
    };
    let values: Vec<Record> = ["z", "b", "a"].map(|code| Record::from(vec![code])).into();
    let mut found: Vec<(usize, String)> = session
        .rows_with_values(&fees, &values)
        .unwrap()
        .into_iter()
        .map(|(at, row)| (at, row.get(0).unwrap().to_owned()))
        .collect();
    found.sort();
    assert_eq!(found, [(1, "2".to_owned()), (2, "1".to_owned())]);
}
