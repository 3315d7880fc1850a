//! Catalogs differ in what was changed by hand, and in nothing else.

mod changes;
mod layout;
mod postgres;
mod sqlite;

use std::path::Path;

use xtask::model::backend::Backend;
use xtask::model::schema::catalog::Catalog;

use super::{either, open};
use crate::support::database::Database;

pub(super) use layout::{how_a_schema_is_laid_out_does_not_count, what_stands_in_texts_counts};
pub(super) use postgres::{
    comments_grants_and_storage_count_on_demand, every_change_by_hand_is_told_and_no_other,
    every_version_of_the_server_says_the_same, the_way_to_a_schema_does_not_matter,
};
pub(super) use sqlite::{
    every_change_of_text_is_told_and_no_other, the_way_and_the_spelling_do_not_matter,
};

/// One of everything that PostgreSQL knows.
const EVERYTHING: &str = include_str!("catalog/postgres.sql");

const SQLITE: &str = include_str!("catalog/sqlite.sql");

/// The objects that differ; where there are any, the fingerprints do too.
fn differences(one: &Catalog, other: &Catalog) -> Vec<String> {
    let found = one.differences(other, "Development", "Test");
    assert_eq!(found.is_empty(), one.fingerprint() == other.fingerprint());
    found.iter().map(|drift| drift.object.to_string()).collect()
}

#[track_caller]
fn assert_equal(one: &Catalog, other: &Catalog) {
    assert_eq!(one.differences(other, "Development", "Test"), []);
    assert_eq!(one.fingerprint(), other.fingerprint());
}

/// The statements of this workspace's migrations, in order.
fn workspace_migrations(backend: Backend) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../migrations")
        .join(backend.name());
    let entries = std::fs::read_dir(folder).unwrap();
    let mut folders: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let up = |folder: &std::path::PathBuf| std::fs::read_to_string(folder.join("up.sql")).unwrap();
    folders.iter().map(up).collect()
}

pub(super) fn migrations_leave_the_same_with_rows_and_without(backend: Backend) {
    let migrations = workspace_migrations(backend);
    let fresh = Database::with(backend, &migrations.join("\n"));
    let stepped = Database::create(backend);
    let begin = either(backend, "", "PRAGMA foreign_keys = OFF; ");
    for (at, migration) in migrations.iter().enumerate() {
        stepped.run(&format!("{begin}{migration}"));
        if at == 1 {
            stepped.run(
                "INSERT INTO fee_groups (id, code, name, currency) VALUES (1, 'standard', 'Standard', 'GBP'), (2, 'charity', 'Charity', 'GBP'); \
                 INSERT INTO merchants (fee_group_id, legal_name, contact_email) VALUES (1, 'First Ltd', 'one@example.com'), (2, 'Second Ltd', 'two@example.com')",
            );
        }
    }
    assert_eq!(stepped.line("SELECT count(*) FROM merchants"), "2");
    let (fresh, stepped) = (
        open(&fresh).catalog().unwrap(),
        open(&stepped).catalog().unwrap(),
    );
    assert!(fresh.objects.len() > 80, "{}", fresh.objects.len());
    assert_equal(&fresh, &stepped);
}
