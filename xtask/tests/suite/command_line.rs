//! The command line as it is seen from outside: output, exit status, and what it leaves behind.

mod bad_configuration;
mod bad_databases;
mod data_loss;
mod edits;
mod failures;
mod files;
mod imports;
mod looking;
mod markdown;
mod plan_files;
mod poolers;
mod promotions;
mod recorded;
mod records;
mod stamps;
mod traps;
mod workspaces;

use crate::support::workspace::{CONFIGURATION, Run, Workspace, assert_run};

#[test]
fn help_lists_the_tasks() {
    let workspace = Workspace::bare();
    assert_run!(workspace.run(&["--help"]), @r#"
    exit status: 0
    ----- stdout -----
    The tasks of this workspace

    Usage: cargo xtask <COMMAND>

    Commands:
      demo     Try it out: make three demo databases and bring them in step
      test     Run every test, on a PostgreSQL server that is started for them
      migrate  Apply pending migrations to Development
      sync     Move schema and lookup data from one environment to the next
      help     Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version
    ----- stderr -----
    "#);
    assert_run!(workspace.run(&["sync", "--help"]), @r#"
    exit status: 0
    ----- stdout -----
    Move schema and lookup data from one environment to the next

    Usage: cargo xtask sync [OPTIONS] <COMMAND>

    Commands:
      status        Show every environment side by side, and what each promotion would do
      plan          Show what a promotion would do
      export        Write lookup tables to CSV files in data-sync/exports
      import        Load CSV files into the first environment
      adopt         Bring rows that were edited in a later environment home to the first one, as CSV
      backup        Make a backup of an environment
      backups       List the backups
      verify        Prove a backup by restoring it into a database of its own
      restore       Restore a backup (the present state is backed up first)
      history       List what was done to the environments
      stamp         Mark a database as one of the environments, after a typed confirmation
      dev-to-test   Promote schema and lookup data from dev to test
      test-to-prod  Promote schema and lookup data from test to prod
      help          Print this message or the help of the given subcommand(s)

    Options:
          --config <FILE>    The configuration [default: data-sync/sync.toml]
          --env-file <FILE>  A file of variables; never overrides one that is set [default: .env where there is one]
          --format <FORMAT>  What to print on standard output [default: text] [possible values: text, json, markdown]
      -q, --quiet            Print results and problems only
      -v, --verbose          Print more, such as every table that is in sync
          --color <COLOR>    Use colours [default: auto] [possible values: auto, always, never]
      -h, --help             Print help
    ----- stderr -----
    "#);
    assert_run!(workspace.run(&["sync", "test-to-prod", "--help"]), @r#"
    exit status: 0
    ----- stdout -----
    Promote schema and lookup data from test to prod

    Usage: cargo xtask sync test-to-prod [OPTIONS]

    Options:
          --config <FILE>                The configuration [default: data-sync/sync.toml]
          --dry-run                      Show the plan and stop
          --env-file <FILE>              A file of variables; never overrides one that is set [default: .env where there is one]
          --plan <FILE>                  Do exactly what this plan file says, or nothing
          --allow-data-loss <MIGRATION>  Let this migration lose or change protected rows; may be given several times
          --format <FORMAT>              What to print on standard output [default: text] [possible values: text, json, markdown]
          --allow-deletes <TABLE>        Let this lookup table lose more rows than `max_delete` allows; may be given several times
      -q, --quiet                        Print results and problems only
          --until <VERSION>              End at this migration, and leave the later ones for another run
      -v, --verbose                      Print more, such as every table that is in sync
          --color <COLOR>                Use colours [default: auto] [possible values: auto, always, never]
          --discard-edits                Replace exported files that were edited and not imported
          --yes                          Answer the first question with `yes`
          --confirm <TEXT>               Answer the second question, word for word
      -h, --help                         Print help
    ----- stderr -----
    "#);
}

#[test]
fn nothing_to_do_is_answered_with_the_help() {
    let workspace = Workspace::bare();
    for (nothing, help) in [(&[][..], &["--help"][..]), (&["sync"], &["sync", "--help"])] {
        let run = workspace.run(nothing);
        assert_eq!(run.code, 2);
        assert_eq!(run.stdout, "");
        assert_eq!(
            run.stderr.split_once("\nUsage:").unwrap().1.lines().next(),
            workspace
                .run(help)
                .stdout
                .split_once("\nUsage:")
                .unwrap()
                .1
                .lines()
                .next()
        );
    }
}

#[test]
fn four_environments_have_three_promotions() {
    let workspace = Workspace::bare();
    workspace.configure(
        "[[environment]]\nname = \"prod\"",
        "[[environment]]\nname = \"staging\"\nlabel = \"Staging\"\nurl_env = \"STAGING_DATABASE_URL\"\n\n\
         [[environment]]\nname = \"prod\"",
    );
    let promotions = |run: Run| -> Vec<String> {
        let names = run
            .stdout
            .lines()
            .filter_map(|line| line.split_whitespace().next());
        names
            .filter(|name| name.contains("-to-"))
            .map(str::to_owned)
            .collect()
    };
    let help = promotions(workspace.succeeds(&["sync", "--help"]));
    assert_eq!(help, ["dev-to-test", "test-to-staging", "staging-to-prod"]);
    assert_run!(workspace.refuses(&["sync", "test-to-prod"]), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: `test-to-prod` skips an environment; the golden rule is dev → test → staging → prod

    hint: run `cargo xtask sync test-to-staging`, then `cargo xtask sync staging-to-prod`
    "#);
}

#[test]
fn only_neighbours_can_be_promoted() {
    let workspace = Workspace::fresh();
    assert_run!(workspace.refuses(&["sync", "dev-to-prod"]), @r#"
exit status: 4
----- stdout -----
----- stderr -----
error: `dev-to-prod` skips an environment; the golden rule is dev → test → prod

hint: run `cargo xtask sync dev-to-test`, then `cargo xtask sync test-to-prod`
"#);
    assert_run!(workspace.refuses(&["sync", "prod-to-dev", "--yes"]), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: `prod-to-dev` goes backwards; the golden rule is dev → test → prod

    hint: the promotions are `cargo xtask sync dev-to-test`, then `cargo xtask sync test-to-prod`
    "#);
    assert_run!(workspace.refuses(&["sync", "dev-to-dev"]), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: `dev-to-dev` goes nowhere; the golden rule is dev → test → prod

    hint: the promotions are `cargo xtask sync dev-to-test`, then `cargo xtask sync test-to-prod`
    "#);
    assert_run!(workspace.refuses(&["sync", "dev-to-moon"]), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: there is no promotion `dev-to-moon`

    hint: the promotions are `cargo xtask sync dev-to-test`, then `cargo xtask sync test-to-prod`
    "#);
    assert_run!(workspace.refuses(&["sync", "plan", "dev-to-prod"]), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: `dev-to-prod` skips an environment; the golden rule is dev → test → prod

    hint: run `cargo xtask sync dev-to-test`, then `cargo xtask sync test-to-prod`
    "#);
}

#[test]
fn mistakes_in_the_command_are_explained() {
    let workspace = Workspace::fresh();
    assert_run!(workspace.run(&["sync", "statsu"]), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: unrecognized subcommand 'statsu'

      tip: some similar subcommands exist: 'stamp', 'status'

    Usage: cargo xtask sync [OPTIONS] <COMMAND>

    For more information, try '--help'.
    "#);
    assert_run!(workspace.run(&["sync", "undo"]), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: unrecognized subcommand 'undo'

      tip: a similar subcommand exists: 'restore'

    Usage: cargo xtask sync [OPTIONS] <COMMAND>

    For more information, try '--help'.
    "#);
    assert_run!(workspace.run(&["status"]), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: unrecognized subcommand 'status'

      tip: a similar subcommand exists: 'sync status'

    Usage: cargo xtask <COMMAND>

    For more information, try '--help'.
    "#);
    assert_run!(workspace.run(&["sync", "status", "--formt", "json"]), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: unexpected argument '--formt' found

      tip: a similar argument exists: '--format'

    Usage: cargo xtask sync status --format <FORMAT>

    For more information, try '--help'.
    "#);
    assert_run!(workspace.run(&["sync", "plan"]), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: the following required arguments were not provided:
      <PROMOTION>

    Usage: cargo xtask sync plan <PROMOTION>

    For more information, try '--help'.
    "#);
    assert_run!(workspace.refuses(&["sync", "backup", "--env", "produktion"]), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: there is no environment `produktion`

    hint: the environments are dev, test, prod
    "#);
    assert_run!(workspace.refuses(&["sync", "history", "--env", "qa"]), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: there is no environment `qa`

    hint: the environments are dev, test, prod
    "#);
    // Whoever reads JSON reads the mistake there too.
    let run = workspace.run(&["sync", "statsu", "--format=json"]);
    assert_eq!(run.code, 2);
    assert_eq!(run.document()["error"]["code"], "usage");
}

#[test]
fn a_folder_below_the_workspace_will_do() {
    let workspace = Workspace::fresh();
    workspace.write("app/src/lib.rs", "");
    let mut below = workspace.command(&["sync", "status"]);
    below.current_dir(workspace.path("app/src"));
    assert_eq!(Run::of(below), workspace.run(&["sync", "status"]));
}

#[test]
fn a_configuration_can_be_named() {
    let workspace = Workspace::fresh();
    workspace.write(
        "elsewhere/other.toml",
        CONFIGURATION.replace("name = \"test\"", "name = \"trial\""),
    );
    for arguments in [
        [
            "sync",
            "--config",
            "elsewhere/other.toml",
            "plan",
            "dev-to-trial",
        ],
        [
            "sync",
            "plan",
            "dev-to-trial",
            "--config",
            "elsewhere/other.toml",
        ],
    ] {
        assert!(workspace.run(&arguments).stdout.contains("dev-to-trial"));
    }
    let help = workspace.run(&["sync", "--config=elsewhere/other.toml", "--help"]);
    assert!(help.stdout.contains("trial-to-prod"), "{help}");
}

#[test]
fn variables_come_from_the_process_first_and_then_from_a_file() {
    let mut workspace = Workspace::fresh();
    let names = |workspace: &Workspace, arguments: &[&str]| {
        let status = workspace.document(&[&["sync", "status"], arguments].concat());
        status["environments"][0]["state"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    workspace.write(".env", "DEV_DATABASE_URL=sqlite:missing.sqlite3\n");
    assert_eq!(names(&workspace, &[]), "ready");
    workspace.unset("DEV_DATABASE_URL");
    assert_eq!(names(&workspace, &[]), "unreachable");
    workspace.write(
        "other.env",
        "# The other one\nexport DEV_DATABASE_URL=\"sqlite:dev.sqlite3\"\n",
    );
    assert_eq!(names(&workspace, &["--env-file", "other.env"]), "ready");
}

#[test]
fn colours_are_for_terminals_or_on_request() {
    let mut workspace = Workspace::promoted();
    let is_coloured = |workspace: &Workspace, arguments: &[&str]| {
        let run = workspace.succeeds(&[&["sync", "status"], arguments].concat());
        run.stdout.contains('\x1b')
    };
    assert!(!is_coloured(&workspace, &[]));
    assert!(is_coloured(&workspace, &["--color", "always"]));
    workspace.set("CLICOLOR_FORCE", "1");
    assert!(!is_coloured(&workspace, &["--color", "never"]));
    workspace.set("NO_COLOR", "1");
    assert!(!is_coloured(&workspace, &[]));
    assert!(is_coloured(&workspace, &["--color", "always"]));
    let mut refused = workspace.command(&["sync", "backup", "--env", "qa", "--color", "always"]);
    refused.env_remove("NO_COLOR");
    assert!(Run::of(refused).stderr.contains('\x1b'));
}

#[test]
fn quiet_leaves_results_and_problems() {
    let workspace = Workspace::filled();
    let refused = workspace.refuses(&["sync", "dev-to-test", "--quiet"]);
    assert_run!(refused, @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: there is no terminal to confirm a change of Test on

    hint: run `cargo xtask sync dev-to-test --yes`
    "#);
    assert_run!(workspace.run(&["sync", "dev-to-test", "--yes", "--quiet"]), @r#"
    exit status: 0
    ----- stdout -----
    done: dev-to-test: 12 migrations; fee_groups: 2 inserted; fee_items: 3 inserted; email_templates: 1 inserted; equipment_catalogue: 1 inserted
      fee_groups: 2 inserted
      fee_items: 3 inserted
      email_templates: 1 inserted
      equipment_catalogue: 1 inserted
      system_configuration: 3 unchanged
      verified before the commit; protected rows changed: 0
      backup: [root]/migrations/schema-backups/test-[moment]-[run].sqlite3
      way back: cargo xtask sync restore --env test migrations/schema-backups/test-[moment]-[run].sqlite3
    ----- stderr -----
    "#);
}
