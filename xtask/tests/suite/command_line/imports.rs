//! Files of people and spreadsheets on their way into Development.

use super::*;

const IMPORT: [&str; 4] = ["sync", "import", "--env", "dev"];
const ITEMS: &str = "data-sync/exports/dev/fee_items.csv";

/// Development is migrated, has rows, and was exported.
fn exported() -> Workspace {
    let workspace = Workspace::filled();
    workspace.succeeds(&["sync", "export", "--quiet"]);
    workspace
}

fn edit(workspace: &Workspace, file: &str, part: &str, by: &str) {
    let text = workspace.read(file);
    assert!(text.contains(part), "no {part:?} in {text}");
    workspace.write(file, text.replace(part, by));
}

/// What is told of each line of a file with this text.
#[track_caller]
fn details(workspace: &Workspace, file: &str, text: impl AsRef<[u8]>) -> String {
    workspace.write(file, text);
    let run = workspace.refuses(&IMPORT);
    assert_eq!(run.code, 1, "{run}");
    let json = workspace.run(&[&IMPORT[..], &["--format", "json"]].concat());
    let problem = json.document()["error"].clone();
    assert_eq!(problem["code"], "csv_invalid");
    let details = problem["details"].as_array().unwrap();
    let lines: Vec<&str> = details
        .iter()
        .map(|detail| detail.as_str().unwrap())
        .inspect(|detail| assert!(run.stderr.contains(detail), "{run}"))
        .map(|detail| detail.strip_prefix(&format!("{file}: ")).unwrap())
        .collect();
    lines.join("\n")
}

#[test]
fn an_edited_export_is_loaded() {
    let workspace = exported();
    edit(&workspace, ITEMS, ",Debit card,", ",Debit cards,");
    assert_run!(workspace.run(&[&IMPORT[..], &["--yes", "--rows"]].concat()), @r#"
    exit status: 0
    ----- stdout -----
    import data-sync/exports/dev → Development (plan [plan])
      fee_items: 1 to update, 2 unchanged
        ~ id "2": name "Debit card" → "Debit cards"
      all of it in one transaction, after a backup
    done: import data-sync/exports/dev → Development: fee_items: 1 updated
      fee_groups: 2 unchanged
      fee_items: 1 updated, 2 unchanged
      email_templates: 1 unchanged
      equipment_catalogue: 1 unchanged
      system_configuration: 3 unchanged
      verified before the commit; protected rows changed: 0
      backup: [root]/migrations/schema-backups/dev-[moment]-[run].sqlite3
      way back: cargo xtask sync restore --env dev migrations/schema-backups/dev-[moment]-[run].sqlite3
    ----- stderr -----
    [1/7] lock Development
    [2/7] look again
    [3/7] back up Development
    [4/7] copy data-sync/exports/dev in the database's spelling
    [5/7] migrate Development
    [6/7] load the lookup tables into Development
    [7/7] verify, record and commit
    "#);
    assert_run!(workspace.run(&[&IMPORT[..], &["--yes"]].concat()), @r#"
    exit status: 0
    ----- stdout -----
    import data-sync/exports/dev → Development: nothing to do, everything is in sync
    ----- stderr -----
    "#);
    assert_run!(workspace.run(&["sync", "history", "--env", "dev"]), @r#"
    exit status: 0
    ----- stdout -----
    dev
      [time]  import dev by tester ([run])
          fee_items: 1 updated
      [time]  migrate dev by tester ([run])
          12 migrations
    ----- stderr -----
    "#);
}

#[test]
fn an_import_asks_and_goes_to_development_only() {
    let workspace = exported();
    edit(&workspace, ITEMS, ",Debit card,", ",Debit cards,");
    assert_run!(workspace.refuses(&[&IMPORT[..], &["--quiet"]].concat()), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: there is no terminal to confirm a change of Development on

    hint: run `cargo xtask sync import --env dev --from data-sync/exports/dev --yes`
    "#);
    assert_run!(workspace.refuses(&["sync", "import", "--env", "prod", "--yes"]), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: files are not imported into Production; the golden rule is dev → test → prod

    hint: import with --env dev, then run `cargo xtask sync dev-to-test`, then `cargo xtask sync test-to-prod`
    "#);
    assert_run!(workspace.refuses(&["sync", "import", "--env", "dev", "--from", "nowhere"]), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: there is no folder nowhere

    hint: `cargo xtask sync export --env dev` writes one; --from names another
    "#);
    workspace.write("mine/fee_item.csv", "id\n");
    assert_run!(workspace.refuses(&["sync", "import", "--env", "dev", "--from", "mine"]), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: mine has no file of a lookup table

    hint: did you mean `fee_items.csv`?
    "#);
    let before = workspace.contents();
    let plan = workspace.document(&[&IMPORT[..], &["--dry-run"]].concat());
    assert_eq!(
        (&plan["promotion"], &plan["from"], &plan["to"]),
        (
            &"import".into(),
            &"data-sync/exports/dev".into(),
            &"dev".into()
        )
    );
    assert!(workspace.contents() == before);
}

#[test]
fn a_table_without_a_file_stays_and_a_file_without_a_table_is_told() {
    let workspace = exported();
    let text = workspace
        .read(ITEMS)
        .replace(",Debit card,", ",Debit cards,");
    workspace.write("mine/fee_items.csv", text);
    workspace.write("mine/fee_group.csv", "id\n");
    assert_run!(workspace.run(&["sync", "import", "--env", "dev", "--from", "mine", "--dry-run"]), @r#"
    exit status: 0
    ----- stdout -----
    import mine → Development (plan [plan])
      fee_items: 1 to update, 2 unchanged
      all of it in one transaction, after a backup
      warning: mine/fee_group.csv belongs to no lookup table, and is not loaded
        hint: did you mean `fee_groups.csv`?
    ----- stderr -----
    "#);
}

#[test]
fn every_mistake_of_every_file_is_told_at_once() {
    let workspace = exported();
    workspace.write(
        ITEMS,
        "id,fee_group_id,code,name,rate_basis_points,updated_at,active\n\
         1,1,CARD,\"Card\nof two lines\",1E+05,01/05/2024,1\n\
         1,1,DEBIT,\\N,40,2024-05-01 08:00:00,1\n\
         5,1\n",
    );
    edit(
        &workspace,
        "data-sync/exports/dev/fee_groups.csv",
        "id,code",
        "id,kode",
    );
    assert_run!(workspace.refuses(&IMPORT), @r#"
    exit status: 1
    ----- stdout -----
    ----- stderr -----
    error: data-sync/exports/dev cannot be imported: 9 mistakes in 2 files

      data-sync/exports/dev/fee_groups.csv: line 1: there is no column `kode`; did you mean `code`?
      data-sync/exports/dev/fee_groups.csv: line 1: the column `code` is missing
      data-sync/exports/dev/fee_items.csv: line 1: the column `fixed_minor_units` is missing
      data-sync/exports/dev/fee_items.csv: line 1: the column `minimum_minor_units` is missing
      data-sync/exports/dev/fee_items.csv: line 3, column `rate_basis_points`: `1E+05` is how a spreadsheet shortens a number: write it out
      data-sync/exports/dev/fee_items.csv: line 3, column `updated_at`: `01/05/2024` stands where the database has `2024-05-01 08:00:00`: a spreadsheet rewrites dates
      data-sync/exports/dev/fee_items.csv: line 4, column `name`: `\N` is NULL, and this column is NOT NULL
      data-sync/exports/dev/fee_items.csv: line 4: the key id = `1` is also in line 2
      data-sync/exports/dev/fee_items.csv: line 5: 2 fields where the header has 7

    hint: nothing was loaded; correct these lines in a text editor, or begin anew from `cargo xtask sync export`; if a value that looks like a spreadsheet's work is meant, write it into Development itself
    "#);
}

#[test]
fn files_of_spreadsheets_are_recognised() {
    let workspace = exported();
    let file = "data-sync/exports/dev/system_configuration.csv";
    let text = workspace.read(file);
    let spreadsheet = format!("\u{feff}{}", text.replace(',', ";").replace('\n', "\r\n"));
    insta::assert_snapshot!(details(&workspace, file, spreadsheet), @r#"
    line 1: the file begins with a byte order mark, as spreadsheets write it: save it as UTF-8 without one, from a text editor
    line 1: the fields are separated by ';', as spreadsheets do it: save it as CSV UTF-8 with commas
    line 1: the line ends with CR LF, as spreadsheets on Windows write it: save the file with LF, from a text editor
    "#);
    insta::assert_snapshot!(details(&workspace, file, text.replace(',', "\t")), @r#"line 1: the fields are separated by '\t', as spreadsheets do it: save it as CSV UTF-8 with commas"#);
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    insta::assert_snapshot!(details(&workspace, file, [&[0xff, 0xfe][..], &wide].concat()), @r#"the file is UTF-16, as spreadsheets write it: save it as CSV UTF-8 with commas"#);
    insta::assert_snapshot!(details(&workspace, file, [text.as_bytes(), b"x,\xfc\n"].concat()), @r#"line 5: the line is not UTF-8: save the file as CSV UTF-8 with commas"#);
    insta::assert_snapshot!(details(&workspace, file, ""), @r#"the file is empty: its first line names the columns, key,value,description,updated_at"#);
    insta::assert_snapshot!(details(&workspace, file, format!("{text}\"open,1\n")), @r#"line 5: the quote that is opened here is never closed"#);
    insta::assert_snapshot!(details(&workspace, file, format!("{text}<<<<<<< HEAD\n")), @r#"line 5: git left a conflict here: resolve it"#);
    insta::assert_snapshot!(details(&workspace, file, text.replacen(',', ",key,", 1)), @r#"
    line 1: the column `key` is there twice
    line 2: 4 fields where the header has 5
    line 3: 4 fields where the header has 5
    line 4: 4 fields where the header has 5
    "#);
}

#[test]
fn what_is_no_file_of_lines_is_refused() {
    let workspace = exported();
    let file = "data-sync/exports/dev/system_configuration.csv";
    let text = workspace.read(file);
    insta::assert_snapshot!(details(&workspace, file, text.replace('\n', "\r")), @"the lines end with CR alone, as some spreadsheets write them: save the file with LF, from a text editor");
    let path = workspace.path(file);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert_run!(workspace.refuses(&IMPORT), @r#"
    exit status: 1
    ----- stdout -----
    ----- stderr -----
    error: data-sync/exports/dev/system_configuration.csv is no file that can be read: a folder, a pipe, or a link that leads nowhere

    hint: put a file in its place, or take it away: a table without a file stays as it is
    "#);
    #[cfg(unix)]
    {
        std::fs::remove_dir(&path).unwrap();
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        let run = workspace.run(&IMPORT);
        assert!(
            run.code == 1 && run.stderr.contains("leads nowhere"),
            "{run}"
        );
    }
}

#[test]
fn values_of_files_reach_the_terminal_as_text() {
    let workspace = exported();
    let file = "data-sync/exports/dev/system_configuration.csv";
    let text = workspace.read(file);
    let (first, _) = text.split_once('\n').unwrap();
    workspace.write(
        file,
        format!("{first}\n\u{1b}[1m,a,\\q\u{1b}]0;t\u{7},\\N\n\u{1b}[1m,b,c,\\N\n"),
    );
    let run = workspace.refuses(&IMPORT);
    assert!(
        run.stderr
            .contains("the key key = `\\u{1b}[1m` is also in line 2"),
        "{run}"
    );
    assert!(!run.stderr.contains(['\u{1b}', '\u{7}']), "{run}");
}

#[test]
fn what_a_spreadsheet_did_to_values_is_told() {
    let workspace = exported();
    workspace.execute(
        "dev",
        "UPDATE fee_items SET code = '007', name = '100000' WHERE id = 1;
         UPDATE fee_items SET code = '1-2', name = 'true' WHERE id = 2;
         UPDATE fee_items SET name = '2024-01-05' WHERE id = 3",
    );
    workspace.succeeds(&["sync", "export", "--quiet"]);
    let mut text = workspace.read(ITEMS);
    for (part, by) in [
        ("007", "7"),
        ("100000", "1E+05"),
        ("1-2", "2-Jan"),
        ("true", "TRUE"),
        ("2024-01-05", "#REF!"),
    ] {
        text = text.replace(part, by);
    }
    insta::assert_snapshot!(details(&workspace, ITEMS, text), @r#"
    line 2, column `code`: `7` stands where the database has `007`: a spreadsheet drops leading zeros
    line 2, column `name`: `1E+05` stands where the database has `100000`: a spreadsheet shortens long numbers
    line 3, column `code`: `2-Jan` stands where the database has `1-2`: a spreadsheet takes such texts for dates
    line 3, column `name`: `TRUE` stands where the database has `true`: a spreadsheet writes truth values in capitals
    line 4, column `name`: `#REF!` is what a spreadsheet shows in place of a value
    "#);
}
