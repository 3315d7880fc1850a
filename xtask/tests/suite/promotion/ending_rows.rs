//! Which lookup rows a promotion brings that ends at a migration.

use xtask::model::backend::Backend;
use xtask::problem::Code;

use super::ending::{ADD, DEMAND, FILL, WIDEN, until, with_a_phone_and, with_another_column};
use super::{Stage, codes};

/// Also where only the type of a column changes.
pub(super) fn no_rows_are_loaded_into_columns_of_another_type() {
    let widen = "ALTER TABLE fee_items ALTER amount TYPE double precision;";
    let mut stage = with_a_phone_and(Backend::Postgres, &[(WIDEN, widen)]);
    stage
        .dev
        .run("UPDATE fee_items SET amount = 1.25 WHERE id = 1");
    until(&mut stage, ADD);
    let plan = stage.plan();
    let other = &plan.until.as_ref().unwrap().other_columns;
    assert_eq!(other[0].to_string(), "fee_items");
    assert_eq!(
        (plan.blockers.len(), plan.lookups.len()),
        (0, 0),
        "{plan:?}"
    );
    stage.promote();
    stage.config.until = None;
    stage.promote();
    stage.assert_in_sync();
}

/// A value that a later migration adds is in no type of the same name before.
pub(super) fn no_rows_are_loaded_into_a_type_without_their_values() {
    let mut stage = Stage::promoted(Backend::Postgres);
    let add = "CREATE TYPE mood AS ENUM ('sad'); CREATE DOMAIN feeling AS mood; \
        ALTER TABLE fee_groups ADD moods feeling[] NOT NULL DEFAULT '{}'; \
        CREATE DOMAIN cents AS integer CHECK (VALUE > 0); ALTER TABLE fee_items ADD cents cents;";
    stage.migrations.write(ADD, add);
    stage
        .migrations
        .write(FILL, "ALTER TABLE merchants ADD COLUMN phone text;");
    stage
        .migrations
        .write(DEMAND, "ALTER TYPE mood ADD VALUE 'glad';");
    let widen = "ALTER DOMAIN cents DROP CONSTRAINT cents_check;";
    stage.migrations.write(WIDEN, widen);
    stage.migrate();
    stage.dev.run(
        "UPDATE fee_groups SET moods = '{glad,sad}' WHERE id = 1; UPDATE fee_items SET cents = 0 WHERE id = 2",
    );
    for (end, parts, tables) in [
        (FILL, 1, "fee_groups fee_items"),
        (DEMAND, 1, "fee_items"),
        (WIDEN, 1, ""),
    ] {
        until(&mut stage, end);
        let plan = stage.plan();
        let others = plan.until.as_ref().unwrap().other_columns.iter();
        let others: Vec<String> = others.map(ToString::to_string).collect();
        assert_eq!(
            (plan.parts.len(), others.join(" ")),
            (parts, tables.to_owned())
        );
        stage.promote();
    }
    stage.assert_in_sync();
}

pub(super) fn edits_are_known_after_a_run_without_rows(backend: Backend) {
    let mut stage = with_another_column(backend);
    until(&mut stage, ADD);
    stage.promote();
    let edit = "UPDATE fee_groups SET label = 'theirs' WHERE id = 1";
    stage.test.run(edit);
    stage.config.until = None;
    let plan = stage.plan();
    assert_eq!(codes(&plan.warnings), [Code::TargetEdited]);
    assert_eq!(plan.lookups[0].edited_rows, 1);
    stage.promote();
    stage.assert_in_sync();
}
