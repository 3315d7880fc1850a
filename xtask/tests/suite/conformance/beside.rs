//! Rows of one database held against those of another.

use xtask::sync::rows::lookup::Lookup;
use xtask::sync::settings::environment::Backend;

use super::{name, open};
use crate::support::database::Database;

pub(super) fn a_row_that_is_missing_or_another_is_found() {
    let (before, now) = (
        Database::create(Backend::Sqlite),
        Database::create(Backend::Sqlite),
    );
    let set_up = "CREATE TABLE \"my users\" (code text COLLATE NOCASE PRIMARY KEY, label text COLLATE NOCASE, n numeric); \
         INSERT INTO \"my users\" VALUES ('a', 'Ann', 1), ('b', NULL, x'01')";
    let lacks = |change: &str| {
        for database in [&before, &now] {
            database.empty();
            database.run(set_up);
        }
        now.run(change);
        let mut session = open(&now);
        let catalog = session.catalog().unwrap();
        let table = &catalog.tables[&name("\"my users\"")];
        let columns: Vec<_> = table.columns.iter().collect();
        let rows = Lookup::of_rows(&table.name, &table.primary_key, &columns).unwrap();
        let mut ask = || {
            session
                .may_lack(&before.checked_url(), &rows, &rows)
                .unwrap()
        };
        let first = ask();
        assert_eq!(ask(), first, "{change}");
        first
    };
    for same in [
        "SELECT 1",
        "INSERT INTO \"my users\" VALUES ('c', 'new', 3)",
        "UPDATE \"my users\" SET n = 1.0 WHERE code = 'a'",
    ] {
        assert!(!lacks(same), "{same}");
    }
    for other in [
        "DELETE FROM \"my users\" WHERE code = 'b'",
        "UPDATE \"my users\" SET label = 'ann' WHERE code = 'a'",
        "UPDATE \"my users\" SET code = 'A' WHERE code = 'a'",
        "UPDATE \"my users\" SET label = '' WHERE code = 'b'",
        "UPDATE \"my users\" SET n = 'x' WHERE code = 'a'",
        "UPDATE \"my users\" SET n = NULL WHERE code = 'b'",
        "UPDATE \"my users\" SET n = CAST(n AS text) WHERE code = 'b'",
    ] {
        assert!(lacks(other), "{other}");
    }
}
