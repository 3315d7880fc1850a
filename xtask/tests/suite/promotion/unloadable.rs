//! Files to be imported whose values are good one by one, and whose rows cannot be loaded.

use xtask::model::backend::Backend;
use xtask::problem::{Code, Problem};
use xtask::settings::row_source::Folder;

use super::Stage;
use super::importing::{edit, export_development, try_plan};

/// What is told of the files, from the line on.
fn mistakes(stage: &Stage, folder: &Folder) -> Vec<String> {
    let before = stage.everything();
    let problem = Problem::of(&try_plan(stage, folder).unwrap_err());
    assert_eq!(problem.code, Code::CsvInvalid, "{problem}");
    assert_eq!(stage.everything(), before);
    problem
        .details
        .iter()
        .map(|detail| detail.split_once(".csv: ").unwrap().1.to_owned())
        .collect()
}

pub(super) fn rows_that_the_condition_leaves_to_others_are_refused(backend: Backend) {
    let mut stage = Stage::ready(backend);
    stage.dev.run("CREATE TABLE w (id integer PRIMARY KEY, k text, v text, note text); INSERT INTO w VALUES (1, 'g', 'a', 'n'), (2, 'u', 'b', 'n')");
    let tables = |condition: &str| {
        format!("protected = [\"merchants\"]\n[[lookup]]\ntable = \"w\"\nwhere = \"{condition}\"\n")
    };
    stage.configure(&tables("w.k = 'g'"));
    let folder = export_development(&stage);
    assert!(try_plan(&stage, &folder).unwrap().empty);
    edit(
        &folder,
        "w.csv",
        "1,g,a,n\n",
        "1,u,a,n\n9,\\N,x,n\n10,g,y,n\nx1,g\n",
    );
    let words = "the row does not meet `where` (w.k = 'g'), and no other row of `w` is loaded";
    assert_eq!(
        mistakes(&stage, &folder),
        [
            format!("line 2: {words}"),
            format!("line 3: {words}"),
            "line 5: 2 fields where the header has 4".to_owned()
        ]
    );
    // Of a condition over other rows only the load can tell.
    stage.configure(&tables("id IN (SELECT id FROM w)"));
    let folder = export_development(&stage);
    assert!(try_plan(&stage, &folder).unwrap().empty);
    edit(&folder, "w.csv", "1,g,a", "1,g,b");
    assert_eq!(try_plan(&stage, &folder).unwrap().lookups[0].update, 1);
}

pub(super) fn a_reference_with_a_part_missing_is_refused(backend: Backend) {
    let mut stage = Stage::ready(backend);
    let serial = match backend {
        Backend::Postgres => "serial PRIMARY KEY",
        Backend::Sqlite => "INTEGER PRIMARY KEY",
    };
    stage.dev.run(&format!(
        "CREATE TABLE n (id {serial}, code text NOT NULL UNIQUE); \
         CREATE TABLE f (id {serial}, n integer NOT NULL REFERENCES n (id), lang text NOT NULL, UNIQUE (n, lang)); \
         CREATE TABLE l (id integer PRIMARY KEY, fb integer REFERENCES f (id)); \
         INSERT INTO n (code) VALUES ('x'); INSERT INTO f (n, lang) VALUES (1, 'de'); INSERT INTO l VALUES (1, 1), (2, NULL)"
    ));
    stage.configure(
        "protected = [\"merchants\"]\n[[lookup]]\ntable = \"n\"\nkey = [\"code\"]\n\
         [[lookup]]\ntable = \"f\"\nkey = [\"n\", \"lang\"]\n[[lookup]]\ntable = \"l\"\n",
    );
    let folder = export_development(&stage);
    assert!(try_plan(&stage, &folder).unwrap().empty);
    edit(&folder, "l.csv", "1,x,de\n", "1,x,\\N\n3,\\N,de\n");
    let words = |there: &str| {
        format!(
            "`\\N` is NULL while `{there}` is not: a row that is referred to is named by all of its key"
        )
    };
    assert_eq!(
        mistakes(&stage, &folder),
        [
            format!("line 2, column `fb.lang`: {}", words("fb.n.code")),
            format!("line 3, column `fb.n.code`: {}", words("fb.lang"))
        ]
    );
}

pub(super) fn keys_that_are_equal_to_the_database_are_refused(backend: Backend) {
    let mut stage = Stage::ready(backend);
    stage.dev.run(match backend {
        Backend::Postgres => {
            "CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false); \
             CREATE TABLE w (k text COLLATE any_case, n integer, v text, PRIMARY KEY (k, n))"
        }
        Backend::Sqlite => {
            "CREATE TABLE w (k text COLLATE NOCASE, n integer, v text, PRIMARY KEY (k, n))"
        }
    });
    stage
        .dev
        .run("INSERT INTO w VALUES ('abc', 1, 'a'), ('b', 1, 'b'), ('B', 2, 'c')");
    stage.configure(
        "protected = [\"merchants\"]\n[[lookup]]\ntable = \"w\"\nwhere = \"k <> 'Q'\"\n",
    );
    let folder = export_development(&stage);
    assert!(try_plan(&stage, &folder).unwrap().empty);
    edit(
        &folder,
        "w.csv",
        "abc,1,a\n",
        "abc,1,a\nABC,1,x\nABC,2,x\nq,1,q\n",
    );
    assert_eq!(
        mistakes(&stage, &folder),
        [
            "line 4: the key k, n = `ABC`, `1` is the same to the database as `abc`, `1` in line 3",
            "line 6: the row does not meet `where` (k <> 'Q'), and no other row of `w` is loaded"
        ]
    );
}

pub(super) fn values_that_are_unique_are_told_by_line(backend: Backend) {
    let mut stage = Stage::ready(backend);
    stage.dev.run(
        "CREATE TABLE w (id integer PRIMARY KEY, pos integer UNIQUE, a text, b text, note text UNIQUE); \
         CREATE UNIQUE INDEX w_a_b ON w (a, b); \
         INSERT INTO w VALUES (1, 1, 'x', 'y', 'n'), (2, 2, 'x', NULL, NULL)",
    );
    stage.configure(
        "protected = [\"merchants\"]\n[[lookup]]\ntable = \"w\"\ninsert_only = [\"note\"]\n",
    );
    let folder = export_development(&stage);
    assert!(try_plan(&stage, &folder).unwrap().empty);
    // The note of a row that is there is not loaded, and NULL is equal to nothing.
    edit(
        &folder,
        "w.csv",
        "2,2,x,\\N,\\N\n",
        "2,2,x,\\N,n\n3,2,x,y,m\n4,\\N,x,\\N,l\n5,\\N,z,z,k\n4,\\N,x,\\N,l\n",
    );
    assert_eq!(
        mistakes(&stage, &folder),
        [
            "line 4, column `pos`: `2` is also in line 3, and this column is unique",
            "line 4: a, b = `x`, `y` is also in line 2, and these columns are unique together",
            "line 7: the key id = `4` is also in line 5",
        ]
    );
}

pub(super) fn a_bad_value_in_a_key_hides_nothing_else(backend: Backend) {
    let mut stage = Stage::ready(backend);
    stage.dev.run(
        "CREATE TABLE w (d date PRIMARY KEY, n integer UNIQUE); INSERT INTO w VALUES ('2024-01-02', 7)",
    );
    stage.configure("protected = [\"merchants\"]\n[[lookup]]\ntable = \"w\"\n");
    let folder = export_development(&stage);
    assert!(try_plan(&stage, &folder).unwrap().empty);
    let bad = match backend {
        Backend::Postgres => "13/2/2024",
        Backend::Sqlite => "\\q",
    };
    edit(
        &folder,
        "w.csv",
        "2024-01-02,7\n",
        &format!("2024-01-02,7\n{bad},8\n2024-01-03,7\n"),
    );
    let mistakes = mistakes(&stage, &folder);
    let [first, second] = mistakes.as_slice() else {
        panic!("{mistakes:?}")
    };
    assert!(first.starts_with("line 3, column `d`: "), "{first}");
    assert_eq!(
        second,
        "line 4, column `n`: `7` is also in line 2, and this column is unique"
    );
}

pub(super) fn what_a_check_refuses_is_told_by_line(backend: Backend) {
    let mut stage = Stage::ready(backend);
    stage.dev.run(
        "CREATE TABLE w (id integer PRIMARY KEY, n integer CONSTRAINT above CHECK (n > 0), a integer, b integer, note integer CHECK (note > 0), \
         CONSTRAINT in_order CHECK (a <= b AND a <> -1)); \
         INSERT INTO w VALUES (1, 1, 1, 2, 1), (2, NULL, 3, NULL, 2)",
    );
    stage.configure(
        "protected = [\"merchants\"]\n[[lookup]]\ntable = \"w\"\ninsert_only = [\"note\"]\n",
    );
    let folder = export_development(&stage);
    assert!(try_plan(&stage, &folder).unwrap().empty);
    // The note of a row that is there is not loaded.
    edit(
        &folder,
        "w.csv",
        "2,\\N,3,\\N,2\n",
        "2,-1,3,\\N,-2\n3,4,3,2,1\n4,\\N,\\N,\\N,\\N\n",
    );
    let mistakes = mistakes(&stage, &folder);
    let [first, second] = mistakes.as_slice() else {
        panic!("{mistakes:?}")
    };
    assert!(
        first.starts_with("line 3, column `n`: the value breaks CHECK `above` (")
            && first.contains("n > 0"),
        "{first}"
    );
    assert!(
        second.starts_with("line 4: the row breaks CHECK `in_order` ("),
        "{second}"
    );
}

/// What only some indexes take for the same is told by the plan.
pub(super) fn values_that_an_index_takes_for_the_same_block(backend: Backend) {
    let mut stage = Stage::ready(backend);
    stage.dev.run(
        "CREATE TABLE w (id integer PRIMARY KEY, code text, active integer, \
         low text GENERATED ALWAYS AS (lower(code)) STORED UNIQUE); \
         CREATE UNIQUE INDEX one ON w (active) WHERE active = 1; \
         INSERT INTO w (id, code, active) VALUES (1, 'a', 1), (2, 'b', 0)",
    );
    stage.configure("protected = [\"merchants\"]\n[[lookup]]\ntable = \"w\"\n");
    for (line, told) in [
        ("2,A,0\n", "(2)"),
        ("2,b,1\n", "(2)"),
        ("2,c,0\n3,C,0\n", "(2; 3)"),
    ] {
        let folder = export_development(&stage);
        edit(&folder, "w.csv", "2,b,0\n", line);
        let blockers = try_plan(&stage, &folder).unwrap().blockers;
        let [blocker] = blockers.as_slice() else {
            panic!("{blockers:?}")
        };
        assert_eq!(blocker.code, Code::KeyTaken);
        assert!(blocker.message.contains(told), "{blocker}");
    }
}

/// In other letters it would be another condition, or none.
pub(super) fn a_check_is_read_as_it_was_written() {
    let mut stage = Stage::ready(Backend::Sqlite);
    stage.dev.run(
        "CREATE TABLE w (id integer PRIMARY KEY, n real CHECK (n > 1e-5), ÄB int CHECK (ÄB IN (1, 2)), \
         st text CONSTRAINT \"On\" CHECK (\n  st IN (\"ON\", \"OFF\")\n), \"ÄC\" int CHECK (\"ÄC\" < 1.5E+3), v text); \
         INSERT INTO w VALUES (1, 1, 1, 'ON', 1, 'a')",
    );
    stage.configure("protected = [\"merchants\"]\n[[lookup]]\ntable = \"w\"\n");
    let folder = export_development(&stage);
    assert!(try_plan(&stage, &folder).unwrap().empty);
    let row = "1,1.0,1,ON,1,a\n";
    edit(&folder, "w.csv", row, "1,1.0,1,ON,1,b\n2,2.0,2,OFF,2,c\n");
    let plan = try_plan(&stage, &folder).unwrap();
    assert!(plan.blockers.is_empty(), "{:?}", plan.blockers);
    assert_eq!((plan.lookups[0].update, plan.lookups[0].insert), (1, 1));
    let folder = export_development(&stage);
    edit(&folder, "w.csv", row, "1,0.000001,3,on,2000,a\n");
    assert_eq!(
        mistakes(&stage, &folder),
        [
            "line 2, column `n`: the value breaks CHECK (n > 1e-5)",
            "line 2, column `ÄB`: the value breaks CHECK (ÄB IN (1, 2))",
            "line 2, column `st`: the value breaks CHECK `On` (st IN (\"ON\", \"OFF\"))",
            "line 2, column `ÄC`: the value breaks CHECK (\"ÄC\" < 1.5E+3)",
        ]
    );
}
