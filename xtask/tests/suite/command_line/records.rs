//! What is kept: history, backups and exports, and the way back.

use super::*;

#[test]
fn history_tells_who_did_what() {
    let workspace = Workspace::promoted();
    let before = workspace.contents();
    assert_run!(workspace.run(&["sync", "history"]), @r#"
    exit status: 0
    ----- stdout -----
    dev
      [time]  migrate dev by tester ([run])
          12 migrations
    test
      [time]  promotion dev-to-test by tester ([run])
          12 migrations; fee_groups: 2 inserted; fee_items: 3 inserted; email_templates: 1 inserted; equipment_catalogue: 1 inserted
    prod
      [time]  promotion test-to-prod by tester ([run])
          12 migrations; fee_groups: 2 inserted; fee_items: 3 inserted; email_templates: 1 inserted; equipment_catalogue: 1 inserted
    ----- stderr -----
    "#);
    assert_run!(workspace.run(&["sync", "history", "--env", "prod"]), @r#"
    exit status: 0
    ----- stdout -----
    prod
      [time]  promotion test-to-prod by tester ([run])
          12 migrations; fee_groups: 2 inserted; fee_items: 3 inserted; email_templates: 1 inserted; equipment_catalogue: 1 inserted
    ----- stderr -----
    "#);
    assert_run!(Workspace::fresh().run(&["sync", "history"]), @r#"
    exit status: 0
    ----- stdout -----
    dev
      nothing yet
    test
      nothing yet
    prod
      nothing yet
    ----- stderr -----
    "#);
    assert!(workspace.contents() == before);
}

#[test]
fn backups_are_made_listed_and_thinned_out() {
    let workspace = Workspace::filled();
    assert_run!(workspace.run(&["sync", "backups"]), @r#"
    exit status: 0
    ----- stdout -----
    there are no backups yet
    ----- stderr -----
    "#);
    assert_run!(workspace.run(&["sync", "backup", "--env", "dev"]), @r#"
    exit status: 0
    ----- stdout -----
    backup of dev: [root]/migrations/schema-backups/dev-[moment]-[run].sqlite3 ([size], proved by a restore)
      way back: cargo xtask sync restore --env dev migrations/schema-backups/dev-[moment]-[run].sqlite3
    ----- stderr -----
    "#);
    workspace.succeeds(&["sync", "backup", "--env", "test"]);
    assert_run!(workspace.run(&["sync", "backups", "--env", "dev"]), @r#"
    exit status: 0
    ----- stdout -----
    [time] [age]  dev  [size]  proved by a restore  [root]/migrations/schema-backups/dev-[moment]-[run].sqlite3
    ----- stderr -----
    "#);
    let all = workspace.document(&["sync", "backups"]);
    assert_eq!(all["backups"].as_array().unwrap().len(), 2);
    workspace.configure("keep = 20", "keep = 2");
    for _ in 0..3 {
        workspace.succeeds(&["sync", "backup", "--env", "dev"]);
    }
    assert_eq!(
        workspace.names_in("migrations/schema-backups").len(),
        2 * 2 + 2
    );
}

#[cfg(unix)]
#[test]
fn backups_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let workspace = Workspace::filled();
    workspace.succeeds(&["sync", "backup", "--env", "dev"]);
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = workspace.path("migrations/schema-backups");
    assert_eq!(mode(&folder), 0o700);
    for name in workspace.names_in("migrations/schema-backups") {
        assert_eq!(mode(&folder.join(name)), 0o600);
    }
}

#[test]
fn an_export_has_the_same_bytes_every_time() {
    let workspace = Workspace::filled();
    assert_run!(workspace.run(&["sync", "export"]), @r#"
exit status: 0
----- stdout -----
  [root]/data-sync/exports/dev/email_templates.csv: 1 row
  [root]/data-sync/exports/dev/equipment_catalogue.csv: 1 row
  [root]/data-sync/exports/dev/fee_groups.csv: 2 rows
  [root]/data-sync/exports/dev/fee_items.csv: 3 rows
  [root]/data-sync/exports/dev/system_configuration.csv: 3 rows
----- stderr -----
"#);
    assert_eq!(
        workspace.names_in("data-sync/exports"),
        [
            "email_templates",
            "equipment_catalogue",
            "fee_groups",
            "fee_items",
            "manifest",
            "system_configuration"
        ]
        .map(|name| format!(
            "dev/{name}.{}",
            if name == "manifest" { "json" } else { "csv" }
        ))
    );
    insta::assert_snapshot!(workspace.read("data-sync/exports/dev/email_templates.csv"), @r#"
        id,code,subject,body,active,updated_at
        1,welcome,"Welcome, {name}","Dear {name},
        your account is open.",1,2024-05-01 08:00:00
        "#);
    insta::assert_snapshot!(workspace.read("data-sync/exports/dev/equipment_catalogue.csv"), @r#"
    id,code,name,category,currency,price_minor_units,monthly_rental_minor_units,specification,active,updated_at
    1,T-100,"Terminal ""Zoë""",terminal,EUR,19900,\N,{},1,2024-05-01 08:00:00
    "#);
    insta::assert_snapshot!(workspace.read("data-sync/exports/dev/manifest.json"), @r#"
    {
      "version": 1,
      "environment": "dev",
      "tables": [
        {
          "table": "email_templates",
          "file": "email_templates.csv",
          "columns": [
            "id",
            "code",
            "subject",
            "body",
            "active",
            "updated_at"
          ],
          "key": [
            "id"
          ],
          "rows": 1,
          "digest": "53a652443cfb0027232e002a6a7cb950",
          "sha256": "9c470b77ef9bbe13640456e28ace7a5f8f6b2a5c606a32732a65d1163ba456d6"
        },
        {
          "table": "equipment_catalogue",
          "file": "equipment_catalogue.csv",
          "columns": [
            "id",
            "code",
            "name",
            "category",
            "currency",
            "price_minor_units",
            "monthly_rental_minor_units",
            "specification",
            "active",
            "updated_at"
          ],
          "key": [
            "id"
          ],
          "rows": 1,
          "digest": "029ccde52092158e6c441b69c5984915",
          "sha256": "43efb3b2ab15f0a9a437fc6cd1ec140ca24b13eb362e063abf49da2f77fdec8e"
        },
        {
          "table": "fee_groups",
          "file": "fee_groups.csv",
          "columns": [
            "id",
            "code",
            "name",
            "currency",
            "active",
            "updated_at"
          ],
          "key": [
            "id"
          ],
          "rows": 2,
          "digest": "01056eb75383701c18ddcc4b78c85a88",
          "sha256": "5e3e4fee0a2b84b89c4b7d3ff1d03666d119032d6c0f269ef784c2af6f4683da"
        },
        {
          "table": "fee_items",
          "file": "fee_items.csv",
          "columns": [
            "id",
            "fee_group_id",
            "code",
            "name",
            "rate_basis_points",
            "fixed_minor_units",
            "minimum_minor_units",
            "active",
            "updated_at"
          ],
          "key": [
            "id"
          ],
          "rows": 3,
          "digest": "e3d0b0783f8de0ac037a43ca656ab92c",
          "sha256": "7e45df87c487298094faaa7f8f3628120319afe042fdfe1cfeafe2d7cfd9a79a"
        },
        {
          "table": "system_configuration",
          "file": "system_configuration.csv",
          "columns": [
            "key",
            "value",
            "description",
            "updated_at"
          ],
          "key": [
            "key"
          ],
          "rows": 3,
          "digest": "28e9a8e282baa0c57b7dd2fcd772f5db",
          "sha256": "4bbb06247b8fa69fac842694a981cb3eac1b2d901a7387e3dbefac1013092b4c"
        }
      ]
    }
    "#);
    let before = workspace.contents();
    workspace.succeeds(&["sync", "export", "--env", "dev"]);
    assert!(workspace.contents() == before);
}

#[test]
fn one_table_is_exported_alone() {
    let workspace = Workspace::filled();
    assert_run!(workspace.run(&["sync", "export", "fee_items"]), @r#"
    exit status: 0
    ----- stdout -----
      [root]/data-sync/exports/dev/fee_items.csv: 3 rows
    ----- stderr -----
    "#);
    assert_eq!(
        workspace.names_in("data-sync/exports"),
        ["dev/fee_items.csv", "dev/manifest.json"]
    );
    // The files of the others stay.
    workspace.succeeds(&["sync", "export"]);
    workspace.change_development();
    let groups = workspace.read("data-sync/exports/dev/fee_groups.csv");
    let items = workspace.read("data-sync/exports/dev/fee_items.csv");
    workspace.succeeds(&["sync", "export", "fee_items"]);
    assert_eq!(
        workspace.read("data-sync/exports/dev/fee_groups.csv"),
        groups
    );
    assert_ne!(workspace.read("data-sync/exports/dev/fee_items.csv"), items);
}

#[test]
fn only_lookup_tables_are_exported() {
    let workspace = Workspace::filled();
    assert_run!(workspace.refuses(&["sync", "export", "users"]), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: `users` is not a lookup table

    hint: data-sync/sync.toml lists the lookup tables; no other is exported
    "#);
    assert_run!(workspace.refuses(&["sync", "export", "--env", "test", "fee_items"]), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: Test has no table `fee_items`

    hint: where a migration makes it, run the migration (Development: `cargo xtask migrate`); else correct its [[lookup]] section in data-sync/sync.toml
    "#);
}

#[test]
fn a_promotion_can_be_taken_back() {
    let workspace = Workspace::promoted();
    let rows = "SELECT group_concat(id || code || rate_basis_points) FROM fee_items";
    let before = workspace.value("test", rows);
    let report = workspace.document(&["sync", "dev-to-test", "--yes"]);
    assert_ne!(workspace.value("test", rows), before);

    // The report has the whole command, ready to be pasted.
    let way_back = report["backup"]["way_back"].as_str().unwrap();
    let restore: Vec<&str> = way_back.split(' ').skip(2).collect();
    assert_run!(workspace.refuses(&restore), @r#"
    exit status: 4
    ----- stdout -----
    test-[moment]-[run].sqlite3
      made [time] [age], proved by a restore
      9 tables with as many rows now as in the backup
      done since: promotion dev-to-test at [time]
    ----- stderr -----
    error: there is no terminal to confirm a change of Test on

    hint: run `cargo xtask sync restore --env test migrations/schema-backups/test-[moment]-[run].sqlite3 --yes`
    "#);
    assert_run!(workspace.run(&[&restore[..], &["--yes"]].concat()), @r#"
    exit status: 0
    ----- stdout -----
    test-[moment]-[run].sqlite3
      made [time] [age], proved by a restore
      9 tables with as many rows now as in the backup
      done since: promotion dev-to-test at [time]
    done: test holds migrations/schema-backups/test-[moment]-[run].sqlite3 again
      verified: schema, migrations, sequences and the rows of every table are those of the backup
      what was there before: [root]/migrations/schema-backups/test-[moment]-[run].sqlite3
      way back: cargo xtask sync restore --env test migrations/schema-backups/test-[moment]-[run].sqlite3
    ----- stderr -----
    [1/3] check test-[moment]-[run].sqlite3
    [2/3] back up Test as it is now
    [3/3] restore Test
    "#);
    assert_eq!(workspace.value("test", rows), before);
    assert_run!(workspace.run(&["sync", "history", "--env", "test"]), @r#"
    exit status: 0
    ----- stdout -----
    test
      [time]  restore test by tester ([run])
          restored test-[moment]-[run].sqlite3
      [time]  promotion dev-to-test by tester ([run])
          fee_items: 1 inserted, 1 updated, 1 deleted
      [time]  promotion dev-to-test by tester ([run])
          12 migrations; fee_groups: 2 inserted; fee_items: 3 inserted; email_templates: 1 inserted; equipment_catalogue: 1 inserted
    ----- stderr -----
    "#);
    workspace.succeeds(&["sync", "dev-to-test", "--yes"]);
}

#[test]
fn only_a_sound_backup_of_the_same_environment_is_restored() {
    let workspace = Workspace::promoted();
    assert_run!(workspace.refuses(&["sync", "restore", "--env", "test", "no-such.sqlite3", "--yes"]), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: there is no backup no-such.sqlite3 with its manifest

    hint: the newest backups of Test are test-[moment]-[run].sqlite3
    "#);
    let name = |environment: &str| {
        let backups = workspace.document(&["sync", "backups", "--env", environment]);
        backups["backups"][0]["file"].as_str().unwrap().to_owned()
    };
    let (test, prod) = (name("test"), name("prod"));
    assert_run!(workspace.refuses(&["sync", "restore", "--env", "test", &prod, "--yes"]), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: prod-[moment]-[run].sqlite3 is a backup of `prod`, not of `test`

    hint: an environment is only ever restored from its own backups
    "#);
    assert_run!(workspace.refuses(&["sync", "restore", "--env", "prod", &prod, "--yes", "--confirm", "yes"]), @r#"
    exit status: 5
    ----- stdout -----
    prod-[moment]-[run].sqlite3
      made [time] [age], proved by a restore
      audit_logs: 1 row now, no such table in the backup
      email_templates: 1 row now, no such table in the backup
      equipment_catalogue: 1 row now, no such table in the backup
      fee_groups: 2 rows now, no such table in the backup
      fee_items: 3 rows now, no such table in the backup
      merchants: 1 row now, no such table in the backup
      system_configuration: 3 rows now, no such table in the backup
      transactions: 1 row now, no such table in the backup
      users: 1 row now, no such table in the backup
      done since: promotion test-to-prod at [time]
    ----- stderr -----
    error: cancelled: nothing was changed in Production

    hint: to go on, the answer is `SYNC TO PRODUCTION`, letter for letter
    "#);

    let path = format!("migrations/schema-backups/{test}");
    let mut bytes = std::fs::read(workspace.path(&path)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    workspace.write(&path, bytes);
    assert_run!(workspace.refuses(&["sync", "restore", "--env", "test", &test, "--yes", "--quiet"]), @r#"
    exit status: 1
    ----- stdout -----
    ----- stderr -----
    error: [root]/migrations/schema-backups/test-[moment]-[run].sqlite3 changed since it was made

    hint: use another backup: `cargo xtask sync backups` lists them
    "#);
}
