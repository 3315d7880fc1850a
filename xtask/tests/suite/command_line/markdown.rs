//! Markdown for comments and for the summaries of jobs.

use super::*;

#[test]
fn a_plan_in_markdown() {
    let workspace = Workspace::promoted();
    workspace.execute(
        "dev",
        "UPDATE fee_items SET name = 'a|b <b>@ann</b> `x`' WHERE id = 2",
    );
    workspace.execute("test", "UPDATE fee_items SET name = 'Hot' WHERE id = 1");
    let plan = [
        "sync",
        "plan",
        "dev-to-test",
        "--rows",
        "--format",
        "markdown",
    ];
    assert_run!(workspace.run(&plan), @r#"
    exit status: 0
    ----- stdout -----
    ## dev-to-test: planned

    Plan `[plan]`, from `dev` to `test`. All of it in one transaction, after a backup.

    **warning** (`target_edited`): 1 row of `fee_items` was edited in Test since the last promotion, and Development overwrites that: 1\
    *hint:* `cargo xtask sync adopt --from test fee_items` beforehand brings it home

    | Lookup table | Insert | Update | Delete | Retire | Keep | Unchanged |
    | --- | --- | --- | --- | --- | --- | --- |
    | `fee_groups` | 0 | 0 | 0 | 0 | 0 | 2 |
    | `fee_items` | 1 | 2 | 1 | 0 | 0 | 0 |
    | `email_templates` | 0 | 0 | 0 | 0 | 0 | 1 |
    | `equipment_catalogue` | 0 | 0 | 0 | 0 | 0 | 1 |
    | `system_configuration` | 0 | 0 | 0 | 0 | 0 | 3 |

    <details><summary>1 row of <code>fee_items</code> edited on the target</summary>

    | Key | Column | Promoted | Source | Target |
    | --- | --- | --- | --- | --- |
    | `id` `"1"` | `name` | `"Card"` | `"Card"` | `"Hot"` |
    | `id` `"1"` | `rate_basis_points` | `"120"` | `"125"` | `"120"` |

    </details>

    <details><summary>4 changed rows of <code>fee_items</code></summary>

    | Change | Key | Values |
    | --- | --- | --- |
    | update | `id` `"1"` | `name` `"Hot"` → `"Card"`, `rate_basis_points` `"120"` → `"125"` |
    | update | `id` `"2"` | `name` `"Debit card"` → ``"a\|b <b>@ann</b> `x`"`` |
    | delete | `id` `"3"` | `active` `"1"`, `code` `"CARD"`, `fee_group_id` `"2"`, `fixed_minor_units` `"0"`, `id` `"3"`, `minimum_minor_units` `"0"`, `name` `"Card"`, `rate_basis_points` `"20"`, `updated_at` `"2024-05-01 08:00:00"` |
    | insert | `id` `"4"` | `active` `"1"`, `code` `"GIFT"`, `fee_group_id` `"2"`, `fixed_minor_units` `"0"`, `id` `"4"`, `minimum_minor_units` `"0"`, `name` `"Gift, with \"quotes\""`, `rate_basis_points` `"75"`, `updated_at` `"2024-06-01 08:00:00"` |

    </details>

    <details><summary>What the plan was made for</summary>

    |  | Source | Target |
    | --- | --- | --- |
    | environment | `dev` | `test` |
    | server | SQLite [version] | SQLite [version] |
    | database | `[hash]` | `[hash]` |
    | id of the stamp | `[hash]` | `[hash]` |
    | schema | `[hash]` | `[hash]` |
    | migrations | 12, the newest `20250714113000` | 12, the newest `20250714113000` |

    </details>
    ----- stderr -----
    "#);
}

#[test]
fn a_plan_with_migrations_in_markdown() {
    let workspace = Workspace::filled();
    workspace.migrate_by_hand("test", 9);
    assert_run!(workspace.run(&["sync", "plan", "dev-to-test", "--format=markdown"]), @r#"
    exit status: 0
    ----- stdout -----
    ## dev-to-test: planned

    Plan `[plan]`, from `dev` to `test`. All of it in one transaction, after a backup.

    The migrations were tried on a copy of the target: the counts are those after them.

    | Migration | What to know of it |
    | --- | --- |
    | `2025-03-24-101500_limit_fee_items` |  |
    | `2025-05-19-090000_widen_merchant_status` |  |
    | `2025-07-14-113000_unique_merchant_email` |  |

    | Lookup table | Insert | Update | Delete | Retire | Keep | Unchanged |
    | --- | --- | --- | --- | --- | --- | --- |
    | `fee_groups` | 2 | 0 | 0 | 0 | 0 | 0 |
    | `fee_items` | 3 | 0 | 0 | 0 | 0 | 0 |
    | `email_templates` | 1 | 0 | 0 | 0 | 0 | 0 |
    | `equipment_catalogue` | 1 | 0 | 0 | 0 | 0 | 0 |
    | `system_configuration` | 0 | 0 | 0 | 0 | 0 | 3 |

    <details><summary>What the plan was made for</summary>

    |  | Source | Target |
    | --- | --- | --- |
    | environment | `dev` | `test` |
    | server | SQLite [version] | SQLite [version] |
    | database | `[hash]` | `[hash]` |
    | id of the stamp | `[hash]` | none |
    | schema | `[hash]` | `[hash]` |
    | migrations | 12, the newest `20250714113000` | 9, the newest `20250113093000` |

    </details>
    ----- stderr -----
    "#);
}

#[test]
fn reports_in_markdown() {
    let workspace = Workspace::promoted();
    let promote = ["sync", "dev-to-test", "--format", "markdown"];
    assert_run!(workspace.run(&promote), @r#"
    exit status: 4
    ----- stdout -----
    ## dev-to-test: refused

    Plan `[plan]` was not carried out.

    **error** (`not_interactive`): there is no terminal to confirm a change of Test on\
    *hint:* run `cargo xtask sync dev-to-test --yes`
    ----- stderr -----
    dev-to-test (plan [plan])
      fee_items: 1 to insert, 1 to update, 1 to delete, 1 unchanged
      all of it in one transaction, after a backup
    error: there is no terminal to confirm a change of Test on

    hint: run `cargo xtask sync dev-to-test --yes`
    "#);
    assert_run!(workspace.run(&[&promote[..], &["--yes", "--quiet"]].concat()), @r#"
    exit status: 0
    ----- stdout -----
    ## dev-to-test: applied

    Run `[run]` carried out plan `[plan]` in [number] ms. Verified before the commit; protected rows changed: 0.

    | Lookup table | Inserted | Updated | Deleted | Retired | Kept | Unchanged |
    | --- | --- | --- | --- | --- | --- | --- |
    | `fee_groups` | 0 | 0 | 0 | 0 | 0 | 2 |
    | `fee_items` | 1 | 1 | 1 | 0 | 0 | 1 |
    | `email_templates` | 0 | 0 | 0 | 0 | 0 | 1 |
    | `equipment_catalogue` | 0 | 0 | 0 | 0 | 0 | 1 |
    | `system_configuration` | 0 | 0 | 0 | 0 | 0 | 3 |

    Backup: `[root]/migrations/schema-backups/test-[moment]-[run].sqlite3`, SHA-256 `[sha256]`. The way back:

    ```text
    cargo xtask sync restore --env test migrations/schema-backups/test-[moment]-[run].sqlite3
    ```
    ----- stderr -----
    "#);
}

#[test]
fn status_in_markdown() {
    let mut workspace = Workspace::promoted();
    workspace.execute("test", "CREATE INDEX by_hand ON merchants (trading_name)");
    workspace.unset("DATABASE_URL");
    assert_run!(workspace.run(&["sync", "status", "--format", "markdown"]), @r#"
    exit status: 0
    ----- stdout -----
    ## Status

    |  | Development | Test | Production |
    | --- | --- | --- | --- |
    | database | SQLite [version] | SQLite [version] | not set |
    | stamp | dev | test | – |
    | migrations | 12 applied | 12 applied | – |
    | email\_templates | 1 row `#....` | 1 row `#....` | – |
    | equipment\_catalogue | 1 row `#....` | 1 row `#....` | – |
    | fee\_groups | 2 rows `#....` | 2 rows `#....` | – |
    | fee\_items | 3 rows `#....` | 3 rows `#....` | – |
    | system\_configuration | 3 rows `#....` | 3 rows `#....` | – |
    | last change | dev by tester [minute] | dev-to-test by tester [minute] | – |
    | last backup | none | [minute] | [minute] |

    ### dev-to-test: out of sync

    **warning** (`drift`): the schemas of Development and Test differ though they have run the same migrations: index merchants.by\_hand\
    *hint:* `cargo xtask sync status` lists every difference; write a migration that removes it, or list what is meant to differ in `ignore` of \[drift\]

    | Lookup table | Insert | Update | Delete | Retire |
    | --- | --- | --- | --- | --- |
    | `fee_groups` | 0 | 0 | 0 | 0 |
    | `fee_items` | 1 | 1 | 1 | 0 |
    | `email_templates` | 0 | 0 | 0 | 0 |
    | `equipment_catalogue` | 0 | 0 | 0 | 0 |
    | `system_configuration` | 0 | 0 | 0 | 0 |

    | Drift | Difference |
    | --- | --- |
    | `index merchants.by_hand` | only Test has it |

    ### test-to-prod: blocked

    **blocker** (`env_not_set`): DATABASE\_URL is not set, so Production cannot be reached\
    *hint:* set `DATABASE_URL=postgres://…` (or sqlite:PATH) in the environment or in the file .env
    ----- stderr -----
    "#);
}

#[test]
fn what_has_no_markdown_says_so() {
    let mut workspace = Workspace::promoted();
    assert_run!(workspace.run(&["sync", "history", "--format", "markdown"]), @r#"
    exit status: 2
    ----- stdout -----
    ## failed

    **error** (`usage`): --format markdown is for status, plans, promotions and imports\
    *hint:* leave it out, or use --format json
    ----- stderr -----
    error: --format markdown is for status, plans, promotions and imports

    hint: leave it out, or use --format json
    "#);
    workspace.unset("DEV_DATABASE_URL");
    let plan = ["sync", "plan", "dev-to-test", "--format", "markdown"];
    assert_run!(workspace.run(&plan), @r#"
    exit status: 2
    ----- stdout -----
    ## failed

    **error** (`env_not_set`): DEV\_DATABASE\_URL is not set, so Development cannot be reached\
    *hint:* set `DEV_DATABASE_URL=postgres://…` (or sqlite:PATH) in the environment or in the file .env
    ----- stderr -----
    error: DEV_DATABASE_URL is not set, so Development cannot be reached

    hint: set DEV_DATABASE_URL=postgres://… (or sqlite:PATH) in the environment or in the file .env
    "#);
}

/// A workspace whose job has a summary.
fn in_a_job() -> Workspace {
    let mut workspace = Workspace::promoted();
    let summary = workspace.path("summary.md").display().to_string();
    workspace.set("GITHUB_STEP_SUMMARY", &summary);
    workspace.write("summary.md", "# Before\n\n");
    workspace
}

#[test]
fn plans_and_reports_are_added_to_the_summary_of_a_job() {
    let workspace = in_a_job();
    let plan = ["sync", "plan", "dev-to-test"];
    let in_markdown = workspace
        .succeeds(&[&plan[..], &["--format", "markdown"]].concat())
        .stdout;
    let once = format!("# Before\n\n{in_markdown}\n");
    assert_eq!(workspace.read("summary.md"), once);
    workspace.document(&plan);
    assert_eq!(
        workspace.read("summary.md"),
        format!("{once}{in_markdown}\n")
    );
    workspace.write("summary.md", "");
    workspace.succeeds(&["sync", "dev-to-test", "--yes"]);
    let report = workspace.read("summary.md");
    assert!(report.starts_with("## dev-to-test: applied\n"), "{report}");
    assert!(report.contains("sync restore --env test"), "{report}");
    // Looking and everything else leaves it alone.
    workspace.succeeds(&["sync", "status"]);
    workspace.succeeds(&["sync", "history"]);
    assert_eq!(workspace.read("summary.md"), report);
}

#[test]
fn refusals_are_added_with_all_blockers() {
    let mut workspace = in_a_job();
    workspace.execute("test", "ALTER TABLE fee_items ADD COLUMN by_hand text; ALTER TABLE fee_groups ADD COLUMN by_hand text");
    let refused = workspace.run(&["sync", "dev-to-test", "--yes"]);
    assert_eq!(refused.code, 4);
    let summary = workspace.read("summary.md");
    assert!(summary.contains("## dev-to-test: blocked\n"), "{summary}");
    assert_eq!(
        summary.matches("**blocker** (`column_mismatch`)").count(),
        2
    );
    assert!(summary.contains("## dev-to-test: refused\n"), "{summary}");
    workspace.write("summary.md", "");
    workspace.unset("TEST_DATABASE_URL");
    assert_eq!(workspace.run(&["sync", "dev-to-test", "--yes"]).code, 2);
    let summary = workspace.read("summary.md");
    assert!(
        summary.starts_with("## failed\n\n**error** (`env_not_set`)"),
        "{summary}"
    );
}

#[test]
fn a_summary_that_cannot_be_written_stops_nothing() {
    let mut workspace = in_a_job();
    workspace.set("GITHUB_STEP_SUMMARY", "missing/summary.md");
    let run = workspace.succeeds(&["sync", "dev-to-test", "--yes", "--quiet"]);
    assert!(run.stdout.starts_with("done: dev-to-test"), "{run}");
    assert_eq!(
        run.stderr,
        "warning: failed to write the summary missing/summary.md: No such file or directory (os error 2)\n"
    );
}
