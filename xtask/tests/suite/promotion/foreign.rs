//! What databases were told by others: settings, languages, triggers on what is defined.

use std::path::Path;

use xtask::database;
use xtask::model::backend::Backend;
use xtask::model::url::DatabaseUrl;
use xtask::problem::Code;

use super::Stage;
use super::waiting::attempted;
use crate::support::role::Role;

const MORE: &str = "2024-02-01-000000_more";

/// Settings by which a database checks less, or keeps less, and what they are to be.
const WEAK: [(&str, &str, &str); 11] = [
    ("session_replication_role", "replica", "origin"),
    ("synchronous_commit", "off", "on"),
    ("zero_damaged_pages", "on", "off"),
    ("ignore_checksum_failure", "on", "off"),
    ("gin_fuzzy_search_limit", "7", "0"),
    ("exit_on_error", "on", "off"),
    (
        "default_transaction_isolation",
        "serializable",
        "read committed",
    ),
    ("default_transaction_read_only", "on", "off"),
    ("default_transaction_deferrable", "on", "off"),
    ("row_security", "on", "on"),
    ("transform_null_equals", "on", "on"),
];

fn set(stage: &Stage, settings: &[(&str, &str, &str)]) {
    let name = stage.test.line("SELECT current_database()");
    for (setting, value, _) in settings {
        let set = format!("ALTER DATABASE {name} SET {setting} = '{value}'");
        stage.test.run(&set);
    }
}

pub(super) fn settings_that_weaken_the_target_are_taken_back() {
    let mut stage = Stage::promoted(Backend::Postgres);
    stage.do_not_rehearse();
    set(&stage, &WEAK);
    let looks: String = WEAK
        .iter()
        .map(|(name, _, right)| {
            format!("IF current_database() = '{}' AND current_setting('{name}') <> '{right}' THEN RAISE 'weak: {name}'; END IF; ", stage.test.line("SELECT current_database()"))
        })
        .collect();
    let up = format!("DO $$ BEGIN {looks} END $$;");
    stage.migrations.write(MORE, &up);
    stage.migrate();
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    stage.promote();
    stage.assert_in_sync();
    // A row that refers to nothing is refused, whatever the database says.
    stage
        .dev
        .run("INSERT INTO fee_groups VALUES (99, 'new', NULL)");
    stage.migrations.write(
        "2024-03-01-000000_orphan",
        "INSERT INTO merchants VALUES (9, 'Zed', 99);",
    );
    stage.migrate();
    let problem = stage.fails();
    assert_eq!(problem.code, Code::MigrationFailed, "{problem}");
    assert!(
        problem.message.contains("merchants_group_id_fkey"),
        "{problem}"
    );
}

pub(super) fn a_setting_that_may_not_be_taken_back_is_refused() {
    let role = Role::create("");
    let stage = Stage::promoted(Backend::Postgres);
    set(&stage, &WEAK[..1]);
    let url = DatabaseUrl::parse(&role.url(&stage.test), "A_TEST", Path::new("/")).unwrap();
    let opened = database::open_target(&url, Default::default());
    let problem = xtask::problem::Problem::of(&opened.err().unwrap());
    assert_eq!(
        (problem.code, problem.exit_code()),
        (Code::UnsafeSetting, 4)
    );
    assert_eq!(
        problem.message,
        "`session_replication_role` is `replica` for this database or role, so that foreign keys are not checked and triggers do not fire, and this role may not change it"
    );
}

/// A trigger on a lookup table of the target, which says things as a server of another language.
fn with_trigger(body: &str) -> Stage {
    let mut stage = Stage::promoted(Backend::Postgres);
    stage.do_not_rehearse();
    stage.test.run(&format!(
        "CREATE SEQUENCE attempts; CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN new; END $$; \
         CREATE TRIGGER act BEFORE UPDATE ON fee_groups FOR EACH ROW EXECUTE FUNCTION act();"
    ));
    stage
        .dev
        .run("UPDATE fee_groups SET label = 'changed' WHERE id = 1");
    stage
}

pub(super) fn a_lock_is_waited_for_in_every_language() {
    for state in ["55P03", "40P01"] {
        let stage = with_trigger(&format!(
            "IF nextval('attempts') < 3 THEN RAISE 'storniere Anfrage' USING ERRCODE = '{state}'; END IF;"
        ));
        let (_, ended, notes) = attempted(&stage, || {});
        ended.unwrap();
        assert_eq!(notes.len(), 2, "{notes:?}");
        stage.assert_in_sync();
    }
}

pub(super) fn what_went_wrong_is_told_by_its_code() {
    for (state, code) in [
        ("57014", Code::StatementTimeout),
        ("23514", Code::ConstraintViolated),
        ("23000", Code::ConstraintViolated),
        ("57P01", Code::Unreachable),
        ("P0001", Code::Failed),
    ] {
        let stage = with_trigger(&format!("RAISE 'Anweisung' USING ERRCODE = '{state}';"));
        let problem = stage.fails();
        assert_eq!(problem.code, code, "{problem}");
        assert!(problem.message.contains("Anweisung"), "{problem}");
    }
    let stage = with_trigger("RAISE 'canceling statement due to lock timeout';");
    let (_, ended, notes) = attempted(&stage, || {});
    assert_eq!((ended.unwrap_err().code, notes.len()), (Code::Failed, 0));
}

pub(super) fn no_language_tells_values() {
    for raise in [
        "RAISE 'ungültige Eingabesyntax für Typ integer: »geheim«' USING ERRCODE = '22P02'",
        "RAISE 'Wert geheim ist zu gross' USING ERRCODE = '22003'",
        "RAISE 'invalid input syntax: geheim' USING ERRCODE = '22007', DETAIL = 'geheim'",
        "RAISE 'doppelter Schlüsselwert' USING ERRCODE = '23505', DETAIL = 'Schlüssel »(code)=(geheim)« existiert bereits.'",
        "RAISE 'neue Zeile' USING ERRCODE = '23514', DETAIL = 'Fehlgeschlagene Zeile enthält (1, geheim=(x) y).'",
    ] {
        let problem = with_trigger(&format!("{raise};")).fails();
        assert!(!format!("{problem:?}").contains("geheim"), "{problem:?}");
        assert!(
            problem.message.contains("the server's log has the values"),
            "{problem}"
        );
    }
}

pub(super) fn whoever_writes_down_what_is_defined_is_in_nobodys_way() {
    let mut stage = Stage::promoted(Backend::Postgres);
    stage.do_not_rehearse();
    stage.configure("protected = [\"merchants\", \"defined\", \"counted\"]\n[[lookup]]\ntable = \"fee_groups\"\n[[lookup]]\ntable = \"fee_items\"\n");
    for database in [&stage.dev, &stage.test] {
        database.run(
            "CREATE TABLE defined (tag text, name text); CREATE TABLE counted (number integer); \
             INSERT INTO counted VALUES (0); \
             CREATE FUNCTION write_down() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN \
             INSERT INTO defined (tag, name) SELECT command_tag, object_identity FROM pg_event_trigger_ddl_commands(); \
             UPDATE counted SET number = number + 1; END $$; \
             CREATE EVENT TRIGGER write_down ON ddl_command_end EXECUTE FUNCTION write_down()",
        );
    }
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    let report = stage.promote();
    assert_eq!(report.protected_rows_changed, 0);
    stage.assert_in_sync();
    assert_ne!(stage.test.line("SELECT count(*) FROM defined"), "0");
    // What the load does to protected rows is found all the same.
    for database in [&stage.dev, &stage.test] {
        database.run(
            "CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO defined (tag) VALUES ('x'); RETURN NULL; END $$; \
             CREATE TRIGGER act AFTER UPDATE ON fee_groups FOR EACH ROW EXECUTE FUNCTION act()",
        );
    }
    stage.dev.run("UPDATE fee_groups SET label = 'again'");
    assert_eq!(stage.fails().code, Code::ProtectedRowsChanged);
}
