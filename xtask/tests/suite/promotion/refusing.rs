//! Why a plan may not run: each reason has its code and names what it is about.

use xtask::model::backend::Backend;
use xtask::problem::Code;
use xtask::sync::status::status;

use super::{BASE, BASE_UP, DEV_ROWS, Stage, TABLES, codes, configuration};
use crate::support::database::Database;

pub(super) fn referenced_rows_block(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage
        .test
        .run("INSERT INTO merchants VALUES (4, 'Dee', 2), (5, 'Eve', 10)");
    stage
        .dev
        .run("DELETE FROM fee_items WHERE group_id = 2; DELETE FROM fee_groups WHERE id = 2");
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::CascadeToProtected);
    assert_eq!(
        blocker.message,
        "deleting 1 row of `fee_groups` would empty `group_id` of 2 rows of `merchants` (2: 2)"
    );
    // Once nobody refers to it, the row goes; its own children go with it.
    stage
        .test
        .run("UPDATE merchants SET group_id = 1 WHERE group_id = 2");
    stage.promote();
    stage.assert_in_sync();
    assert_eq!(stage.merchants(), "1Ann1 2Bob1 3Cyd0 4Dee1 5Eve10");
}

pub(super) fn a_key_that_others_refer_to_does_not_change(backend: Backend) {
    let mut stage = Stage::empty(backend);
    let contracts = "CREATE TABLE contracts (id integer PRIMARY KEY, group_code text REFERENCES fee_groups (code) ON UPDATE CASCADE);";
    stage
        .migrations
        .write(BASE, &format!("{BASE_UP}{contracts}"));
    stage.configure(&TABLES.replace("[\"merchants\"]", "[\"merchants\", \"contracts\"]"));
    stage.migrate();
    stage.dev.run(DEV_ROWS);
    stage.promote();
    stage
        .test
        .run("INSERT INTO contracts VALUES (1, 'cash'), (2, 'cash'), (3, 'card')");
    stage
        .dev
        .run("UPDATE fee_groups SET code = 'coins' WHERE id = 2; UPDATE fee_groups SET label = 'New' WHERE id = 1");
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::CascadeToProtected);
    assert_eq!(
        blocker.message,
        "changing `code` of 1 row of `fee_groups` would change 2 rows of `contracts` (2: 2)"
    );
    stage
        .test
        .run("UPDATE contracts SET group_code = 'card' WHERE group_code = 'cash'");
    stage.promote();
    stage.assert_in_sync();
    let contracts = "SELECT id || group_code FROM contracts ORDER BY id";
    assert_eq!(stage.test.line(contracts), "1card 2card 3card");
}

pub(super) fn extra_rows_block_where_they_are_refused(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.configure(&format!("{TABLES}extra_rows = \"refuse\"\n"));
    assert_eq!(stage.plan().blockers, []);
    stage
        .test
        .run("INSERT INTO fee_items VALUES (90, 1, 'theirs', 1), (91, 1, 'theirs', 1)");
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::ExtraRows);
    assert!(
        blocker.message.contains("`fee_items` in Test has 2 rows"),
        "{blocker}"
    );
}

pub(super) fn one_database_cannot_be_both_ends(backend: Backend) {
    let mut stage = Stage::ready(backend);
    stage.dev.run("DELETE FROM __sync_stamp");
    let other_way = match backend {
        Backend::Postgres => crate::support::database::another_host(&stage.dev.url),
        Backend::Sqlite => {
            let link = stage.root.path().join("link.sqlite3");
            std::os::unix::fs::symlink(stage.dev.file(), &link).unwrap();
            format!("sqlite:{}", link.display())
        }
    };
    for url in [stage.dev.url.clone(), other_way] {
        stage.config = configuration(&stage.root, &stage.migrations, &stage.dev.url, &url, TABLES);
        let before = stage.dev.everything();
        let plan = stage.plan();
        assert_eq!(codes(&plan.blockers), [Code::SameDatabase], "{url}");
        assert!(plan.blockers[0].message.contains("Development and Test"));
        let (_, ended) = stage.carry_out(&plan);
        assert_eq!(ended.unwrap_err().code, Code::SameDatabase);
        assert_eq!(stage.dev.everything(), before);
    }
}

pub(super) fn a_database_with_another_stamp(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    // The two connection strings are exchanged.
    stage.config = configuration(
        &stage.root,
        &stage.migrations,
        &stage.test.url,
        &stage.dev.url,
        TABLES,
    );
    let before = stage.everything();
    let plan = stage.plan();
    assert_eq!(codes(&plan.blockers), [Code::WrongStamp, Code::WrongStamp]);
    assert!(
        plan.blockers[0]
            .message
            .contains("behind Development says of itself that it is `test`"),
        "{}",
        plan.blockers[0]
    );
    let (_, ended) = stage.carry_out(&plan);
    assert_eq!(ended.unwrap_err().code, Code::WrongStamp);
    assert_eq!(stage.everything(), before);
}

pub(super) fn unclassified_tables_warn_once_and_block_twice(backend: Backend) {
    let mut stage = Stage::ready(backend);
    stage.configure(&TABLES.replace("\"merchants\"", ""));
    let plan = stage.plan();
    assert_eq!(codes(&plan.warnings), [Code::UnclassifiedTable]);
    assert!(plan.warnings[0].message.contains("`merchants`"));
    stage.make_strict();
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::UnclassifiedTable);
}

pub(super) fn a_lookup_table_that_is_nowhere(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.configure(&format!("{TABLES}[[lookup]]\ntable = \"absent\"\n"));
    let plan = stage.plan();
    assert_eq!(codes(&plan.blockers), [Code::MissingTable]);
    assert!(
        plan.blockers[0].message.contains("`absent`")
            && plan.blockers[0].message.contains("Development")
    );
    // On Development alone, and no migration brings it.
    stage
        .dev
        .run("CREATE TABLE absent (id integer PRIMARY KEY); INSERT INTO absent VALUES (1)");
    let plan = stage.plan();
    assert_eq!(codes(&plan.blockers), [Code::MissingTable]);
    assert!(plan.blockers[0].message.contains("Test"));
}

pub(super) fn a_setting_that_the_database_cannot_read(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.dev.run("UPDATE fee_items SET label = 'x'");
    for condition in [
        "no_such > 1",
        // Found out row by row.
        "abs(-9223372036854775807 - id) > 1",
    ] {
        stage.configure(&TABLES.replace(
            "table = \"fee_groups\"\n",
            &format!("table = \"fee_groups\"\nwhere = \"{condition}\"\n"),
        ));
        // The rows of the other table refer to those that nobody can name.
        let blockers = stage.plan().blockers;
        assert_eq!(codes(&blockers), [Code::Failed; 2]);
        for blocker in &blockers {
            let message = &blocker.message;
            let told = format!("`where` of `fee_groups` ({condition}): failed to read");
            assert!(message.starts_with(&told), "{message}");
            let hint = blocker.hint.as_ref().unwrap();
            assert!(hint.contains("`where` of `fee_groups`"), "{hint}");
        }
        // Whatever one table is like, the board shows the others.
        let board = status(&stage.config).unwrap();
        let [promotion] = board.promotions.as_slice() else {
            panic!("{:?}", board.promotions)
        };
        assert_eq!(promotion.blockers, blockers);
        assert_eq!(promotion.lookups.len(), 2, "{:?}", promotion.lookups);
        assert_eq!(board.environments[0].lookups.len(), 1);
    }
}

pub(super) fn a_lookup_table_without_a_key(backend: Backend) {
    let mut stage = Stage::empty(backend);
    stage.migrations.write(
        "2024-01-01-000000_base",
        "CREATE TABLE IF NOT EXISTS keyless (a integer, b text);",
    );
    stage.migrate();
    stage
        .dev
        .run("INSERT INTO keyless VALUES (1, 'x'), (2, 'y'), (2, 'z')");
    stage.configure("[[lookup]]\ntable = \"keyless\"\n");
    let blocker = |stage: &Stage| {
        // Once on an empty target and once with the table there.
        let plan = stage.plan();
        plan.blockers.first().map(|blocker| blocker.code)
    };
    assert_eq!(blocker(&stage), Some(Code::NoKey));
    stage.test.run("CREATE TABLE keyless (a integer, b text)");
    assert_eq!(blocker(&stage), Some(Code::NoKey));
    stage.configure("[[lookup]]\ntable = \"keyless\"\nkey = [\"a\"]\n");
    assert_eq!(blocker(&stage), Some(Code::DuplicateKey));
    stage.dev.run("UPDATE keyless SET a = NULL WHERE b = 'z'");
    assert_eq!(blocker(&stage), Some(Code::NoKey));
    stage.dev.run("UPDATE keyless SET a = 3 WHERE b = 'z'");
    assert_eq!(blocker(&stage), None);
}

pub(super) fn columns_that_differ_block(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage
        .test
        .run("ALTER TABLE fee_items ADD COLUMN by_hand text");
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::ColumnMismatch);
    assert!(
        blocker.message.contains("only Test has `by_hand`"),
        "{blocker}"
    );
}

pub(super) fn two_kinds_of_database_do_not_mix() {
    let mut stage = Stage::ready(Backend::Sqlite);
    let other = Database::create(Backend::Postgres);
    stage.config = configuration(
        &stage.root,
        &stage.migrations,
        &stage.dev.url,
        &other.url,
        TABLES,
    );
    assert_eq!(codes(&stage.plan().blockers), [Code::BackendMismatch]);
}

pub(super) fn a_key_that_a_row_outside_the_condition_may_share(backend: Backend) {
    let mut stage = Stage::empty(backend);
    stage.migrations.write(
        "2024-01-01-000000_base",
        "CREATE TABLE IF NOT EXISTS fees (id integer PRIMARY KEY, code text NOT NULL, region text NOT NULL, UNIQUE (code, region));",
    );
    stage.migrate();
    stage.configure(
        "[[lookup]]\ntable = \"fees\"\nkey = [\"code\"]\nwhere = \"region = 'global'\"\n",
    );
    stage
        .test
        .run("CREATE TABLE fees (id integer PRIMARY KEY, code text NOT NULL, region text NOT NULL, UNIQUE (code, region)); \
              INSERT INTO fees VALUES (3, 'B', 'global'), (4, 'B', 'local')");
    let blocker = stage.plan().blockers.into_iter().next().unwrap();
    assert_eq!(blocker.code, Code::NoKey);
    assert!(blocker.message.contains("`where`"), "{blocker}");
}

pub(super) fn a_key_that_a_row_outside_the_condition_has(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.configure(&format!(
        "{TABLES}where = \"amount IS NULL OR amount < 50\"\n"
    ));
    stage
        .test
        .run("INSERT INTO fee_items VALUES (90, 1, 'theirs', 99), (91, 1, 'theirs', 98), (92, 1, 'theirs', 97)");
    stage.dev.run(
        "INSERT INTO fee_items VALUES (90, 1, 'ours', 1), (91, 1, 'ours', 2), (93, 1, 'ours', 3)",
    );
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::KeyTaken);
    assert_eq!(
        blocker.message,
        "rows of `fee_items` would take values that other rows in Test have and keep: id = 90; 91"
    );
    stage.dev.run("DELETE FROM fee_items WHERE id IN (90, 91)");
    stage.promote();
    assert_eq!(
        stage
            .test
            .line("SELECT id || label FROM fee_items WHERE id > 80 ORDER BY id"),
        "90theirs 91theirs 92theirs 93ours"
    );
}

pub(super) fn a_unique_value_that_a_row_keeps(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.configure(&TABLES.replace(
        "table = \"fee_groups\"\n",
        "table = \"fee_groups\"\nextra_rows = \"keep\"\n",
    ));
    stage
        .test
        .run("INSERT INTO fee_groups VALUES (90, 'theirs', NULL), (91, 'gift', NULL)");
    stage
        .dev
        .run("INSERT INTO fee_groups VALUES (20, 'gift', NULL), (21, 'other', NULL)");
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::KeyTaken);
    assert_eq!(
        blocker.message,
        "rows of `fee_groups` would take values that other rows in Test have and keep: code = gift"
    );
    stage.test.run("DELETE FROM fee_groups WHERE id = 91");
    stage.promote();
}

pub(super) fn a_column_that_nobody_fills(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.configure(&format!("{TABLES}ignore = [\"label\"]\n"));
    // Rows that are there have a value already.
    stage
        .dev
        .run("UPDATE fee_items SET amount = 9 WHERE id = 1");
    assert_eq!(stage.plan().blockers, []);
    stage
        .dev
        .run("INSERT INTO fee_items VALUES (20, 1, 'new', 1)");
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::ColumnMismatch);
    assert_eq!(
        blocker.message,
        "1 row of `fee_items` would come to Test without `label`, which is in ignore, is NOT NULL and has no default"
    );
    // A trigger of new rows may do it on PostgreSQL; on SQLite the row is refused before.
    if backend == Backend::Postgres {
        stage.dev.run(
            "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; \
             CREATE TRIGGER late BEFORE UPDATE ON fee_items FOR EACH ROW EXECUTE FUNCTION fill()",
        );
        assert_eq!(stage.blocked(), blocker);
    }
    stage.dev.run(match backend {
        Backend::Postgres => "CREATE TRIGGER fill BEFORE UPDATE OR INSERT ON fee_items FOR EACH ROW EXECUTE FUNCTION fill()",
        Backend::Sqlite => "CREATE TRIGGER fill AFTER INSERT ON fee_items BEGIN SELECT 1; END",
    });
    match backend {
        Backend::Postgres => assert_eq!(stage.plan().blockers, []),
        Backend::Sqlite => assert_eq!(stage.blocked(), blocker),
    }
}

pub(super) fn a_parent_that_does_not_come_along(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    // Groups are nobody's to promote now, so that their rows have to be there.
    stage.configure(
        "protected = [\"merchants\", \"fee_groups\"]\n[[lookup]]\ntable = \"fee_items\"\n",
    );
    stage.dev.run(
        "INSERT INTO fee_groups VALUES (20, 'a', NULL), (21, 'b', NULL); \
         INSERT INTO fee_items VALUES (20, 20, 'x', NULL), (21, 21, 'y', NULL), (22, 1, 'z', NULL); \
         UPDATE fee_items SET group_id = 21 WHERE id = 1",
    );
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::MissingParent);
    assert_eq!(
        blocker.message,
        "3 rows of `fee_items` would refer to rows of `fee_groups` that Test will not have: group_id = 20; 21 (in id = 1; 20; 21)"
    );
    assert!(blocker.hint.unwrap().contains("ignore"));
    stage
        .test
        .run("INSERT INTO fee_groups VALUES (20, 'a', NULL), (21, 'b', NULL)");
    stage.promote();
    stage.assert_in_sync();
}

pub(super) fn a_parent_that_its_condition_leaves_out(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.configure(&TABLES.replace(
        "table = \"fee_groups\"\n",
        "table = \"fee_groups\"\nwhere = \"id < 50\"\n",
    ));
    stage.dev.run(
        "INSERT INTO fee_groups VALUES (60, 'a', NULL), (40, 'b', NULL); \
         INSERT INTO fee_items VALUES (60, 60, 'x', NULL), (40, 40, 'y', NULL)",
    );
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::MissingParent);
    assert!(
        blocker.message.contains("1 row of `fee_items`")
            && blocker.message.contains("group_id = 60"),
        "{blocker}"
    );
    assert!(blocker.hint.unwrap().contains("`where`"));
    stage
        .test
        .run("INSERT INTO fee_groups VALUES (60, 'theirs', NULL)");
    stage.promote();
    assert_eq!(
        stage
            .test
            .line("SELECT code FROM fee_groups WHERE id IN (40, 60) ORDER BY id"),
        "b theirs"
    );
}
