//! References to rows that are not there, as a database may hold them that did not enforce its
//! foreign keys.

use xtask::model::backend::Backend;
use xtask::problem::{Code, Problem};
use xtask::settings::config::Verify;
use xtask::sync::exports::export::export;
use xtask::sync::snapshot::{observe, resolve_all};
use xtask::sync::status::status;

use super::{BASE, Stage};
use crate::support::database::{Database, folder};

/// Groups with numbers of each environment's own, known by a code; items that refer to them and to
/// each other; and notes that have no key but what they refer to.
const NATURAL: &str = "CREATE TABLE fee_groups (ID, code text UNIQUE, label text, UNIQUE (label, id));\n\
    CREATE TABLE fee_items (ID, name text NOT NULL UNIQUE, label text, group_id integer REFERENCES fee_groups (id), \
    part_of integer REFERENCES fee_items (id), other_id integer, FOREIGN KEY (label, other_id) REFERENCES fee_groups (label, id));\n\
    CREATE TABLE notes (ID, group_id integer NOT NULL UNIQUE REFERENCES fee_groups (id), text text);\n\
    CREATE TABLE lines (name text PRIMARY KEY, note_id integer REFERENCES notes (id));\n";

const NATURAL_TABLES: &str = "protected = []\n[[lookup]]\ntable = \"fee_items\"\nkey = [\"name\"]\n\
    [[lookup]]\ntable = \"notes\"\nkey = [\"group_id\"]\n[[lookup]]\ntable = \"lines\"\n\
    [[lookup]]\ntable = \"fee_groups\"\nkey = [\"code\"]\n";

fn natural(backend: Backend) -> Stage {
    let mut stage = Stage::empty(backend);
    let id = match backend {
        Backend::Postgres => "id serial PRIMARY KEY",
        Backend::Sqlite => "id integer PRIMARY KEY",
    };
    stage.migrations.write(BASE, &NATURAL.replace("ID", id));
    stage.configure(NATURAL_TABLES);
    stage.migrate();
    stage.do_not_rehearse();
    stage.promote();
    stage.dev.run(
        "INSERT INTO fee_groups VALUES (1, 'card', 'Cards'), (2, 'cash', 'Cash'); \
         INSERT INTO fee_items (id, name, group_id) VALUES (1, 'bolt', 1), (2, 'nut', 2)",
    );
    stage.promote();
    stage
}

/// Runs statements while no foreign key is enforced.
fn unenforced(database: &Database, sql: &str) {
    database.run(&match database.backend {
        Backend::Postgres => {
            format!("SET session_replication_role = replica; {sql}; RESET session_replication_role")
        }
        Backend::Sqlite => format!("PRAGMA foreign_keys = OFF; {sql}"),
    });
}

/// The blockers of the plan, which carrying it out all the same meets, and that change nothing.
fn refused(stage: &Stage) -> Vec<Problem> {
    let before = stage.everything();
    let plan = stage.plan();
    assert!(!plan.blockers.is_empty());
    let (_, ended) = stage.carry_out(&plan);
    assert_eq!(ended.unwrap_err().code, Code::MissingParent);
    assert_eq!(stage.everything(), before);
    plan.blockers
}

pub(super) fn a_reference_that_cannot_be_looked_up_is_a_blocker(backend: Backend) {
    let stage = natural(backend);
    let and_back = |wrong: &str, right: &str, table: &str, named: &str| {
        unenforced(&stage.dev, wrong);
        let blockers = refused(&stage);
        assert_eq!(blockers[0].code, Code::MissingParent);
        let message = &blockers[0].message;
        let expected = format!("of `{table}` in Development refers by {named}");
        assert!(message.contains(&expected), "{message}");
        let hint = blockers[0].hint.as_deref().unwrap();
        assert!(hint.contains("in Development"), "{hint}");
        unenforced(&stage.dev, right);
        assert_eq!(stage.plan().blockers, []);
        assert!(stage.plan().empty);
    };
    let item = |column: &str, value: &str| {
        format!("UPDATE fee_items SET {column} = {value} WHERE name = 'bolt'")
    };
    // No such row, in another table or in its own.
    and_back(
        &item("group_id", "77"),
        &item("group_id", "1"),
        "fee_items",
        "`group_id` to a row of `fee_groups` that cannot be looked up: name = bolt (group_id = 77)",
    );
    and_back(
        &item("part_of", "78"),
        &item("part_of", "NULL"),
        "fee_items",
        "`part_of` to a row of `fee_items` that cannot be looked up: name = bolt (part_of = 78)",
    );
    // A part is NULL, so that the database does not look either; or the whole leads nowhere.
    and_back(
        &item("other_id", "2"),
        &item("other_id", "NULL"),
        "fee_items",
        "`label`, `other_id` to a row of `fee_groups` that cannot be looked up: name = bolt (label, other_id = NULL, 2)",
    );
    and_back(
        "UPDATE fee_items SET label = 'Cards', other_id = 2 WHERE name = 'bolt'",
        "UPDATE fee_items SET label = NULL, other_id = NULL",
        "fee_items",
        "`label`, `other_id` to a row of `fee_groups` that cannot be looked up: name = bolt (label, other_id = Cards, 2)",
    );
    // What is referred to has itself lost what it is known by.
    and_back(
        "INSERT INTO notes VALUES (9, 79, 'x'); INSERT INTO lines VALUES ('l', 9)",
        "DELETE FROM lines; DELETE FROM notes",
        "notes",
        "`group_id` to a row of `fee_groups` that cannot be looked up: group_id.code = NULL (group_id = 79)",
    );
    unenforced(
        &stage.dev,
        "INSERT INTO notes VALUES (9, 79, 'x'); INSERT INTO lines VALUES ('l', 9)",
    );
    let blockers = refused(&stage);
    assert_eq!(blockers.len(), 2);
    assert!(
        blockers[1]
            .message
            .contains("1 row of `lines` in Development refers by `note_id` to a row of `notes` that cannot be looked up: name = l (note_id = 9)"),
        "{}",
        blockers[1].message
    );
}

pub(super) fn a_row_without_its_key_cannot_be_looked_up(backend: Backend) {
    let mut stage = natural(backend);
    // The group has no code, and its table's `where` leaves it to others.
    stage.configure(&format!("{NATURAL_TABLES}where = \"code IS NOT NULL\"\n"));
    stage.dev.run(
        "INSERT INTO fee_groups VALUES (3, NULL, 'None'); UPDATE fee_items SET group_id = 3 WHERE id = 1",
    );
    let blocker = &refused(&stage)[0];
    assert_eq!(
        blocker.message,
        "1 row of `fee_items` in Development refers by `group_id` to a row of `fee_groups` that cannot be looked up: name = bolt (group_id = 3)"
    );
    assert_eq!(
        blocker.hint.as_deref(),
        Some(
            "correct this row in Development: empty the reference, or let it lead to a row of `fee_groups` that is there and has code"
        )
    );
}

pub(super) fn a_reference_that_cannot_be_looked_up_is_not_exported(backend: Backend) {
    let stage = natural(backend);
    unenforced(
        &stage.dev,
        "UPDATE fee_items SET group_id = 77 WHERE id = 1",
    );
    let mut observed = observe(&stage.config.pipeline[0]).unwrap();
    let lookups = resolve_all(&stage.config, &observed.snapshot).unwrap();
    let out = folder();
    let session = &mut *observed.session;
    let ended = export(session, &lookups, out.path(), "dev", true, &mut |_| {});
    assert_eq!(Problem::of(&ended.unwrap_err()).code, Code::MissingParent);
    assert!(!out.path().join("dev/fee_items.csv").exists());
}

pub(super) fn a_target_that_refers_to_nothing_is_no_target_with_null(backend: Backend) {
    let mut stage = natural(backend);
    // No foreign key can be restored over an orphan.
    stage.config.backup.verify = Verify::Archive;
    stage
        .dev
        .run("UPDATE fee_items SET group_id = NULL WHERE id = 1");
    unenforced(
        &stage.test,
        "UPDATE fee_items SET group_id = 77 WHERE name = 'bolt'",
    );
    let plan = stage.try_plan_with_rows().unwrap();
    let [row] = plan.lookups[0].rows.as_slice() else {
        panic!("{plan:?}")
    };
    let cell = |row: &Option<serde_json::Map<String, serde_json::Value>>| {
        row.as_ref().unwrap()["group_id.code"].clone()
    };
    assert_eq!(cell(&row.before), "\\?77");
    assert_eq!(cell(&row.after), serde_json::Value::Null);
    stage.promote();
    let found = "SELECT count(*) FROM fee_items WHERE group_id IS NULL";
    assert_eq!(stage.test.line(found), "1");
    // A right value takes the place of a wrong one as well.
    stage
        .dev
        .run("UPDATE fee_items SET group_id = 2 WHERE id = 1");
    unenforced(
        &stage.test,
        "UPDATE fee_items SET group_id = 77 WHERE name = 'bolt'",
    );
    stage.promote();
    let found = "SELECT count(*) FROM fee_items JOIN fee_groups ON group_id = fee_groups.id WHERE code = 'cash'";
    assert_eq!(stage.test.line(found), "2");
    assert!(stage.plan().empty);
}

pub(super) fn a_key_of_the_target_that_leads_nowhere_is_named(backend: Backend) {
    let stage = natural(backend);
    unenforced(&stage.test, "INSERT INTO notes VALUES (5, 77, 'x')");
    let plan = stage.plan();
    let [blocker] = plan.blockers.as_slice() else {
        panic!("{:?}", plan.blockers)
    };
    assert_eq!(blocker.code, Code::MissingParent);
    assert!(
        blocker
            .message
            .contains("`notes` in Test refers by `group_id`"),
        "{blocker}"
    );
}

/// A row that refers, and where what it refers to is to be made.
fn plain(backend: Backend) -> Stage {
    let mut stage = Stage::promoted(backend);
    stage.do_not_rehearse();
    stage
}

pub(super) fn an_orphan_of_the_source_is_a_missing_parent(backend: Backend) {
    for (wrong, key) in [
        // New, changed, and unchanged while what it refers to goes.
        (
            "INSERT INTO fee_items VALUES (9, 77, 'odd', NULL)",
            "group_id = 77 (in id = 9)",
        ),
        (
            "UPDATE fee_items SET group_id = 77 WHERE id = 3",
            "group_id = 77 (in id = 3)",
        ),
        (
            "DELETE FROM fee_groups WHERE id = 10",
            "group_id = 10 (in id = 11)",
        ),
    ] {
        let stage = plain(backend);
        unenforced(&stage.dev, wrong);
        let blockers = refused(&stage);
        let blocker = blockers.last().unwrap();
        assert_eq!(blocker.code, Code::MissingParent);
        assert_eq!(
            blocker.message,
            format!(
                "1 row of `fee_items` would refer to rows of `fee_groups` that Test will not have: {key}"
            )
        );
        let hint = blocker.hint.as_deref().unwrap();
        assert!(
            hint.starts_with("correct these rows in Development, where those rows of `fee_groups` are missing too"),
            "{hint}"
        );
        // The board says the same.
        let blockers = &status(&stage.config).unwrap().promotions[0].blockers;
        assert_eq!(blockers.last(), Some(blocker));
    }
}

pub(super) fn an_orphan_that_both_ends_have_is_left_alone(backend: Backend) {
    let mut stage = plain(backend);
    // No foreign key can be restored over an orphan.
    stage.config.backup.verify = Verify::Archive;
    for end in [&stage.dev, &stage.test] {
        unenforced(end, "INSERT INTO fee_items VALUES (9, 77, 'odd', NULL)");
    }
    assert!(stage.plan().empty);
    stage
        .dev
        .run("UPDATE fee_groups SET label = 'New' WHERE id = 1");
    stage.promote();
    stage.assert_in_sync();
}

pub(super) fn foreign_keys_that_share_a_column_do_not_empty_it(backend: Backend) {
    let mut stage = Stage::empty(backend);
    let id = match backend {
        Backend::Postgres => "id serial PRIMARY KEY",
        Backend::Sqlite => "id integer PRIMARY KEY",
    };
    stage.migrations.write(
        BASE,
        &format!(
            "CREATE TABLE tenants ({id}, code text NOT NULL UNIQUE);\n\
             CREATE TABLE fee_groups ({id}, tenant_id integer NOT NULL REFERENCES tenants (id), code text NOT NULL, UNIQUE (tenant_id, code), UNIQUE (tenant_id, id));\n\
             CREATE TABLE fee_items (name text PRIMARY KEY, tenant_id integer NOT NULL REFERENCES tenants (id), group_id integer, \
             FOREIGN KEY (tenant_id, group_id) REFERENCES fee_groups (tenant_id, id));\n"
        ),
    );
    stage.configure(
        "protected = []\n[[lookup]]\ntable = \"tenants\"\nkey = [\"code\"]\n\
         [[lookup]]\ntable = \"fee_groups\"\nkey = [\"tenant_id\", \"code\"]\n[[lookup]]\ntable = \"fee_items\"\n",
    );
    stage.migrate();
    stage.do_not_rehearse();
    stage.promote();
    stage.dev.run(
        "INSERT INTO tenants VALUES (1, 'a'), (2, 'b'); INSERT INTO fee_groups VALUES (5, 1, 'g'), (6, 2, 'g'); \
         INSERT INTO fee_items VALUES ('x', 1, 5), ('y', 2, NULL)",
    );
    stage
        .test
        .run("INSERT INTO tenants VALUES (7, 'b'), (8, 'a')");
    stage.promote();
    let found = "SELECT name || tenants.code || coalesce(fee_groups.code, '-') FROM fee_items \
         JOIN tenants ON tenants.id = fee_items.tenant_id LEFT JOIN fee_groups ON fee_groups.id = group_id ORDER BY name";
    assert_eq!(stage.test.line(found), "xag yb-");
    assert!(stage.plan().empty);
}
