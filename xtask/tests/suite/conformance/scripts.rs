//! What the text of a migration means, and where it fails.

use xtask::model::backend::Backend;
use xtask::problem::Code;

use super::writing::{FEES, open_target, run, run_as};
use super::{either, problem};
use crate::support::database::Database;

/// Whatever is read of a script before, the server gets it as it is.
pub(super) fn a_script_means_what_it_means_to_the_server() {
    let database = Database::with(Backend::Postgres, FEES);
    let up = "CREATE TABLE one (i text);\n-- note\rCREATE TABLE two (i text);\n\
        ALTER TABLE one ALTER i SET DEFAULT E'a'\n'b\\'; c';\nALTER TABLE two ALTER i SET DEFAULT 'it''s; x';\n\
        CREATE FUNCTION three() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END;\nINSERT INTO two DEFAULT VALUES;";
    let mut target = open_target(&database);
    run(&mut *target, Backend::Postgres, up).unwrap();
    target.commit().unwrap();
    assert_eq!(database.line("SELECT i FROM two"), "it's; x");

    let mut target = open_target(&database);
    let up = "CREATE TABLE four (i integer);\n/* open\nCREATE TABLE five (i integer);";
    let refused = problem(run_as(
        &mut *target,
        Backend::Postgres,
        "2024-02-02-000000_next",
        up,
    ));
    assert!(refused.message.contains("unterminated"), "{refused}");
}

pub(super) fn a_failing_migration_is_named_with_its_line(backend: Backend) {
    let database = Database::with(backend, FEES);
    let before = database.everything();
    let first =
        "-- Größe: 𝄞; not a statement\nCREATE TABLE more (id integer, note text DEFAULT ';');\n\n";
    for (up, line, words) in [
        (
            format!("{first}INSERT INTO nowhere VALUES (1);\nSELECT 1;"),
            4,
            "nowhere",
        ),
        (
            format!("{first}/* two\nlines */ SELECT absent FROM fees;"),
            5,
            "absent",
        ),
        (
            format!("{first}CREATE TABLE fees (id integer);"),
            4,
            "already exists",
        ),
        (
            "\n-- one\nCREATE TABLE fees (id integer)".to_owned(),
            3,
            "already exists",
        ),
        (
            "CREATE TABLE x (id integer);; ;\nCREAT TABLE y (id integer);".to_owned(),
            2,
            "syntax",
        ),
        (
            format!("{first}INSERT INTO fees VALUES (1, 'again');"),
            4,
            either(backend, "duplicate key", "UNIQUE"),
        ),
    ] {
        let mut target = open_target(&database);
        let refused = problem(run(&mut *target, backend, &up));
        assert_eq!(refused.code, Code::MigrationFailed);
        let message = &refused.message;
        assert!(message.contains("2024-01-01-000000_only"), "{message}");
        assert!(message.contains(words), "{message}");
        assert!(
            message.contains(&format!("at line {line} of up.sql")),
            "{message}"
        );
        drop(target);
        assert_eq!(database.everything(), before, "{up}");
    }
}
