//! Materialized views, which keep rows of their own.

use xtask::model::backend::Backend;
use xtask::problem::Code;

use super::Stage;

pub(super) fn materialized_views_that_show_old_rows_are_named() {
    let stage = Stage::promoted(Backend::Postgres);
    let views = "CREATE MATERIALIZED VIEW by_group AS SELECT label, count(*) FROM fee_groups GROUP BY label;\n\
        CREATE VIEW shown AS SELECT label FROM by_group;\n\
        CREATE MATERIALIZED VIEW \"All\" AS SELECT label FROM shown UNION SELECT name FROM merchants;\n\
        CREATE MATERIALIZED VIEW others AS SELECT name FROM merchants;";
    stage.migrations.write("2024-02-01-000000_views", views);
    stage.migrate();
    stage.promote();
    assert_eq!(stage.plan().warnings, []);

    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    let plan = stage.plan();
    let [warning] = plan.warnings.as_slice() else {
        panic!("{plan:?}")
    };
    assert_eq!(warning.code, Code::StaleView);
    assert_eq!(
        warning.message,
        "2 materialized views show the old rows until refreshed: `by_group` (rows of `fee_groups`), \
         `All` (rows of `fee_groups`)"
    );
    stage.promote();
    let old = "SELECT count(*) FROM \"All\" WHERE label = 'changed'";
    assert_eq!(stage.test.line(old), "0");
    let hint = warning.hint.as_deref().unwrap();
    let statements = hint.strip_prefix("after the promotion run ").unwrap();
    stage.test.run(statements);
    assert_eq!(stage.test.line(old), "1");
}

pub(super) fn a_search_index_that_triggers_keep_follows_a_promotion() {
    let stage = Stage::promoted(Backend::Sqlite);
    let index = "CREATE VIRTUAL TABLE found USING fts5(label);\n\
        CREATE TRIGGER found_new AFTER INSERT ON fee_groups BEGIN INSERT INTO found (rowid, label) VALUES (new.id, new.label); END;\n\
        CREATE TRIGGER found_changed AFTER UPDATE ON fee_groups BEGIN UPDATE found SET label = new.label WHERE rowid = new.id; END;\n\
        INSERT INTO found (rowid, label) SELECT id, label FROM fee_groups;";
    stage.migrations.write("2024-02-01-000000_index", index);
    stage.migrate();
    stage.promote();
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    stage.promote();
    let found = "SELECT count(*) > 0 FROM found WHERE found MATCH 'changed'";
    assert_eq!(stage.test.line(found), "1");
}
