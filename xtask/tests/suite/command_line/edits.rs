//! Rows that were edited on the target, as they are shown.

use super::*;

#[test]
fn an_edited_row_is_shown_three_ways() {
    let workspace = Workspace::promoted();
    workspace.execute(
        "test",
        "UPDATE fee_items SET name = 'Hot' WHERE id = 1; DELETE FROM fee_items WHERE id = 2;",
    );
    assert_run!(workspace.run(&["sync", "plan", "dev-to-test"]), @r#"
    exit status: 0
    ----- stdout -----
    dev-to-test (plan [plan])
      fee_items: 2 to insert, 1 to update, 1 to delete, 0 unchanged
        ! id "1": changed on the target, overwritten by the source
            name: promoted "Card", source "Card", target "Hot"
            rate_basis_points: promoted "120", source "125", target "120"
        ! id "2": deleted on the target, overwritten by the source
            active: promoted "1", source "1", target -
            code: promoted "DEBIT", source "DEBIT", target -
            fee_group_id: promoted "1", source "1", target -
            fixed_minor_units: promoted "0", source "0", target -
            minimum_minor_units: promoted "0", source "0", target -
            name: promoted "Debit card", source "Debit card", target -
            rate_basis_points: promoted "40", source "40", target -
            updated_at: promoted "2024-05-01 08:00:00", source "2024-05-01 08:00:00", target -
      all of it in one transaction, after a backup
      warning: 2 rows of `fee_items` were edited in Test since the last promotion, and Development overwrites that: 1; 2
        hint: `cargo xtask sync adopt --from test fee_items` beforehand brings it home
    ----- stderr -----
    "#);
}

#[test]
fn production_refuses_and_adopt_brings_it_home() {
    let workspace = Workspace::promoted();
    workspace.execute(
        "prod",
        "UPDATE email_templates SET subject = 'Hot' WHERE id = 1",
    );
    assert_run!(workspace.run(&["sync", "test-to-prod", "--dry-run"]), @r#"
    exit status: 4
    ----- stdout -----
    test-to-prod (plan [plan])
      email_templates: 0 to insert, 1 to update, 0 to delete, 0 unchanged
        ! id "1": changed on the target, refused
            subject: promoted "Welcome, {name}", source "Welcome, {name}", target "Hot"
      all of it in one transaction, after a backup
      blocker: 1 row of `email_templates` was edited in Production since the last promotion, which Test would overwrite: 1
        hint: `cargo xtask sync adopt --from prod email_templates` brings it home; or set on_target_edit = "overwrite" (or "keep") for `prod` in data-sync/sync.toml
    ----- stderr -----
    "#);
    assert_run!(workspace.run(&["sync", "adopt", "--from", "prod", "email_templates"]), @r#"
    exit status: 0
    ----- stdout -----
    [root]/data-sync/exports/dev/email_templates.csv: 1 row, with 1 changed, 0 added and 0 removed as in prod
      id "1": changed
        subject "Welcome, {name}" → "Hot"
    next: cargo xtask sync import --env dev
    ----- stderr -----
    "#);
}

#[test]
fn adopting_needs_another_environment() {
    let workspace = Workspace::promoted();
    assert_run!(workspace.run(&["sync", "adopt", "--from", "dev", "fee_items"]), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: Development is the first environment: nothing is promoted to it

    hint: edits are adopted from a later environment; name one with --from
    "#);
}
