//! What the board says of tables that pending migrations change.

use xtask::model::backend::Backend;
use xtask::sync::status::status;

use super::referring::stage;

pub(super) fn what_a_pending_migration_adds_blocks_no_status(backend: Backend) {
    for (up, tables) in [
        (
            "ALTER TABLE rates ADD COLUMN shared integer NOT NULL DEFAULT 1;",
            "where = \"shared = 1\"\n",
        ),
        (
            "ALTER TABLE rates ADD COLUMN shared integer NOT NULL DEFAULT 1;",
            "insert_only = [\"shared\"]\n",
        ),
        (
            "ALTER TABLE rates ADD COLUMN code text; UPDATE rates SET code = 'c' || id; CREATE UNIQUE INDEX rates_code ON rates (code);",
            "key = [\"code\"]\n",
        ),
    ] {
        let mut stage = stage(
            backend,
            "CREATE TABLE rates (id integer PRIMARY KEY, label text);\n",
            "protected = []\n[[lookup]]\ntable = \"rates\"\n",
        );
        stage.dev.run("INSERT INTO rates VALUES (1, 'a'), (2, 'b')");
        stage.promote();
        stage.migrations.write("2024-02-01-000000_more", up);
        stage.configure(&format!(
            "protected = []\n[[lookup]]\ntable = \"rates\"\n{tables}"
        ));
        stage.migrate();
        stage.dev.run("UPDATE rates SET label = 'new' WHERE id = 1");
        let promotion = &status(&stage.config).unwrap().promotions[0];
        assert_eq!(promotion.blockers, [], "{tables}");
        assert!(!promotion.in_sync);
        stage.promote();
        let board = status(&stage.config).unwrap();
        assert!(board.promotions[0].in_sync);
    }
    // What no migration mends blocks still, as does what is wrong at the source.
    let mut stage = stage(
        backend,
        "CREATE TABLE rates (id integer PRIMARY KEY, label text);\n",
        "protected = []\n[[lookup]]\ntable = \"rates\"\n",
    );
    stage.promote();
    stage.migrations.write(
        "2024-02-01-000000_more",
        "ALTER TABLE rates ADD COLUMN more text;",
    );
    stage.configure("protected = []\n[[lookup]]\ntable = \"rates\"\nwhere = \"nothing = 1\"\n");
    stage.migrate();
    let promotion = &status(&stage.config).unwrap().promotions[0];
    assert_eq!(promotion.blockers.len(), 1);
}
