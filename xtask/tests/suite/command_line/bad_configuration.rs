//! Configurations and variables with mistakes: exit 2, the mistake by name, and nothing done.

use super::*;

const STATUS: [&str; 2] = ["sync", "status"];

#[test]
fn an_unknown_key_brings_the_nearest_one() {
    let workspace = Workspace::fresh();
    workspace.configure("keep = 20", "kep = 20");
    assert_run!(workspace.refuses(&STATUS), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: [root]/data-sync/sync.toml: line 31: unknown key `kep`

    hint: did you mean `keep`? docs/REFERENCE.md lists every key
    "#);
    workspace.configure(
        "[[lookup]]\ntable = \"fee_items\"",
        "[[lookup]]\ntable = \"fee_items\"\nextra_row = \"keep\"",
    );
    assert_run!(workspace.refuses(&STATUS), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: [root]/data-sync/sync.toml: line 42: unknown key `extra_row`

    hint: did you mean `extra_rows`? docs/REFERENCE.md lists every key
    "#);
    workspace.configure(
        "[[lookup]]\ntable = \"fee_items\"",
        "[[lookups]]\ntable = \"fee_items\"",
    );
    assert_run!(workspace.refuses(&STATUS), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: [root]/data-sync/sync.toml: line 40: unknown key `lookups`

    hint: did you mean `lookup`? docs/REFERENCE.md lists every key
    "#);
}

#[test]
fn an_unknown_value_brings_the_known_ones() {
    let workspace = Workspace::fresh();
    workspace.configure(
        "[[lookup]]\ntable = \"fee_items\"",
        "[[lookup]]\ntable = \"fee_items\"\nextra_rows = \"remove\"",
    );
    assert_run!(workspace.refuses(&STATUS), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: [root]/data-sync/sync.toml: line 42: unknown variant `remove`, expected one of `delete`, `keep`, `refuse`

    hint: docs/REFERENCE.md lists every key
    "#);
    workspace.configure("keep = 20", "keep = \"many\"");
    assert_run!(workspace.refuses(&STATUS), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: [root]/data-sync/sync.toml: line 31: invalid type: string "many", expected usize

    hint: docs/REFERENCE.md lists every key
    "#);
}

#[test]
fn broken_toml_has_a_line() {
    let workspace = Workspace::fresh();
    workspace.configure("keep = 20", "keep = ");
    assert_run!(workspace.refuses(&STATUS), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: [root]/data-sync/sync.toml: line 31: string values must be quoted, expected literal string

    hint: docs/REFERENCE.md lists every key
    "#);
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let workspace = Workspace::fresh();
    assert_run!(workspace.refuses(&["sync", "status", "--config", "no-such.toml"]), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: failed to read no-such.toml: No such file or directory (os error 2)

    hint: --config takes a file, from the current folder; without it the workspace's own is read
    "#);
}

#[test]
fn a_table_has_one_part_to_play() {
    let workspace = Workspace::fresh();
    workspace.configure(
        "protected = [\"users\"",
        "protected = [\"fee_items\", \"users\"",
    );
    assert_run!(workspace.refuses(&STATUS), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: [root]/data-sync/sync.toml: table `fee_items` is listed both as a lookup and as protected

    hint: a lookup table is overwritten, a protected one never: keep one of the two
    "#);
    workspace.configure(
        "[[lookup]]\ntable = \"fee_items\"",
        "[[lookup]]\ntable = \"fee_groups\"",
    );
    assert_run!(workspace.refuses(&STATUS), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: [root]/data-sync/sync.toml: lookup table `fee_groups` is listed twice

    hint: keep one of the two [[lookup]] sections
    "#);
}

#[test]
fn environments_have_names_of_their_own() {
    let workspace = Workspace::fresh();
    workspace.configure("name = \"test\"", "name = \"dev\"");
    assert_run!(workspace.refuses(&STATUS), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: [root]/data-sync/sync.toml: environment `dev` is listed twice

    hint: every [[environment]] has a name of its own
    "#);
    workspace.configure("name = \"test\"", "name = \"Test 1\"");
    assert_run!(workspace.refuses(&STATUS), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: [root]/data-sync/sync.toml: `Test 1` cannot name an environment

    hint: use small letters, digits, `-` and `_`, for example "staging"
    "#);
    workspace.configure("confirm = [\"yes\"]", "confirm = []");
    assert_run!(workspace.refuses(&STATUS), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: [root]/data-sync/sync.toml: environment `test` has an empty `confirm`

    hint: at least confirm = ["yes"]: a promotion always asks
    "#);
}

#[test]
fn a_bad_line_of_variables_is_not_repeated() {
    let workspace = Workspace::fresh();
    workspace.write(
        ".env",
        "A=1\nDEV_DATABASE_URL postgres://ann:hunter2@db/shop\n",
    );
    let run = workspace.refuses(&STATUS);
    assert!(!run.to_string().contains("hunter2"), "{run}");
    assert_run!(run, @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: failed to read [root]/.env: a line is not NAME=value

    hint: every line of it is NAME=value; quote values with spaces or `#`
    "#);
    assert_run!(workspace.refuses(&["sync", "status", "--env-file", "no-such.env"]), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: failed to read no-such.env: No such file or directory (os error 2)

    hint: every line of it is NAME=value; quote values with spaces or `#`
    "#);
}

#[test]
fn a_variable_that_is_not_set_is_named() {
    for (variable, promotion) in [
        ("DEV_DATABASE_URL", "dev-to-test"),
        ("TEST_DATABASE_URL", "dev-to-test"),
        ("TEST_DATABASE_URL", "test-to-prod"),
        ("DATABASE_URL", "test-to-prod"),
    ] {
        let mut workspace = Workspace::filled();
        workspace.unset(variable);
        let missing = workspace.refuses(&["sync", promotion, "--yes"]);
        assert_eq!(missing.code, 2);
        assert!(
            missing.stderr.contains(&format!("{variable} is not set")),
            "{missing}"
        );
        workspace.set(variable, " ");
        assert_eq!(workspace.refuses(&["sync", promotion, "--yes"]), missing);
    }
    let mut workspace = Workspace::fresh();
    workspace.unset("DEV_DATABASE_URL");
    assert_run!(workspace.refuses(&["migrate"]), @r#"
exit status: 2
----- stdout -----
----- stderr -----
error: DEV_DATABASE_URL is not set, so Development cannot be reached

hint: set DEV_DATABASE_URL=postgres://… (or sqlite:PATH) in the environment or in the file .env
"#);
}

#[test]
fn what_is_no_url_is_named_and_not_repeated() {
    let mut workspace = Workspace::filled();
    for url in [
        "hunter2",
        "mysql://ann:hunter2@db/shop",
        "host=db password=hunter2",
        "postgres://",
        "sqlite:",
        "sqlite::memory:",
        "prod.sqlite3",
    ] {
        workspace.set("DATABASE_URL", url);
        let run = workspace.refuses(&["sync", "test-to-prod"]);
        assert_eq!(run.code, 2, "{url}: {run}");
        assert!(
            run.stderr.contains("DATABASE_URL is not a database URL"),
            "{run}"
        );
        assert!(!run.to_string().contains("hunter2"), "{run}");
    }
    workspace.set("DATABASE_URL", "mysql://ann:hunter2@db/shop");
    assert_run!(workspace.refuses(&["sync", "test-to-prod"]), @r#"
exit status: 2
----- stdout -----
----- stderr -----
error: DATABASE_URL is not a database URL: the scheme `mysql:` is not supported

hint: use postgres://user:password@host/database or sqlite:path/to/file.sqlite3
"#);
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_named() {
    use std::os::unix::ffi::OsStrExt as _;
    let workspace = Workspace::filled();
    let mut command = workspace.command(&["sync", "dev-to-test", "--yes"]);
    command.env(
        "TEST_DATABASE_URL",
        std::ffi::OsStr::from_bytes(b"sqlite:\xff.sqlite3"),
    );
    let run = Run::of(command);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("TEST_DATABASE_URL"), "{run}");
}
