//! Files that people edited on their way into the first environment.

use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};
use xtask::model::backend::Backend;
use xtask::problem::{Code, Problem};
use xtask::settings::row_source::Folder;
use xtask::sync::exports::export;
use xtask::sync::import::{asking, import};
use xtask::sync::planning::plan::Plan;
use xtask::sync::promoting::look::look;
use xtask::sync::promoting::report::{Outcome, Report};
use xtask::sync::promoting::retry::promote;
use xtask::sync::snapshot::{observe, resolve_all};

use super::Stage;

/// Writes Development's lookup tables as a person would ask for them.
pub(super) fn export_development(stage: &Stage) -> Folder {
    let config = &stage.config;
    let mut observed = observe(&config.pipeline[0]).unwrap();
    let lookups = resolve_all(config, &observed.snapshot).unwrap();
    let session = &mut *observed.session;
    export::export(
        session,
        &lookups,
        &config.export_dir,
        "dev",
        true,
        &mut |_| {},
    )
    .unwrap();
    Folder::find(config, &config.pipeline[0], None).unwrap()
}

pub(super) fn edit(folder: &Folder, file: &str, part: &str, by: &str) {
    let path = folder.path.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(part), "{text}");
    std::fs::write(path, text.replace(part, by)).unwrap();
}

pub(super) fn try_plan(stage: &Stage, folder: &Folder) -> anyhow::Result<Plan> {
    let to = asking(&stage.config.pipeline[0]);
    Ok(look(&stage.config, &import(folder, &to), false)?.seen.plan)
}

pub(super) fn carry_out(stage: &Stage, folder: &Folder) -> (Report, Result<(), Problem>) {
    let to = asking(&stage.config.pipeline[0]);
    let promotion = import(folder, &to);
    let seen = look(&stage.config, &promotion, false).unwrap().seen;
    let mut report = Report::new(&promotion.name(), &seen.plan.id, &seen.plan.warnings);
    let ended = promote(&stage.config, &promotion, &seen, &mut report, &mut |_| {});
    (report, ended.map_err(|error| Problem::of(&error)))
}

pub(super) fn edited_files_are_imported_once(backend: Backend) {
    let stage = Stage::ready(backend);
    stage
        .dev
        .run("INSERT INTO merchants VALUES (1, 'Ann', 1), (2, 'Bob', NULL)");
    let folder = export_development(&stage);
    assert!(try_plan(&stage, &folder).unwrap().empty);
    let file = "fee_items.csv";
    edit(&folder, file, "1,1,credit,", "12,2,notes,3\n1,1,loan,");
    // Another order of rows and columns is as good as the export's.
    let text = std::fs::read_to_string(folder.path.join("fee_groups.csv")).unwrap();
    let turned: Vec<String> = text
        .lines()
        .map(|line| line.split(',').rev().collect::<Vec<_>>().join(","))
        .collect();
    let turned = turned.join("\n").replace("Cash", "Coins and notes");
    std::fs::write(folder.path.join("fee_groups.csv"), turned).unwrap();
    let (report, ended) = carry_out(&stage, &folder);
    ended.unwrap();
    assert_eq!(report.outcome, Outcome::Applied);
    assert!(report.verified && report.backup.is_some());
    let counts: Vec<[u64; 3]> = report
        .lookups
        .iter()
        .map(|lookup| [lookup.inserted, lookup.updated, lookup.deleted])
        .collect();
    assert_eq!(counts, [[0, 1, 0], [1, 1, 0]]);
    assert_eq!(
        stage.dev.line("SELECT label FROM fee_items ORDER BY id"),
        "loan debit coins abroad notes"
    );
    assert_eq!(
        stage
            .dev
            .line("SELECT id || name || coalesce(group_id, 0) FROM merchants ORDER BY id"),
        "1Ann1 2Bob0"
    );
    assert_eq!(
        stage
            .dev
            .line("SELECT kind || subject FROM __sync_runs WHERE kind = 'import'"),
        "importdev"
    );
    assert!(try_plan(&stage, &folder).unwrap().empty);
}

pub(super) fn an_import_that_fails_changes_nothing(backend: Backend) {
    let stage = Stage::ready(backend);
    let folder = export_development(&stage);
    stage
        .dev
        .run("INSERT INTO merchants VALUES (1, 'Ann', 1), (2, 'Bob', 10)");
    // A row that a merchant refers to is gone.
    edit(&folder, "fee_groups.csv", "10,wire,\\N\n", "");
    edit(&folder, "fee_items.csv", "11,10,", "11,1,");
    let plan = try_plan(&stage, &folder).unwrap();
    assert_eq!(plan.blockers[0].code, Code::CascadeToProtected);
    // A row breaks a rule that only the load meets.
    stage
        .dev
        .run("CREATE UNIQUE INDEX one_label ON fee_items (lower(label))");
    let folder = export_development(&stage);
    edit(&folder, "fee_items.csv", "2,1,debit", "2,1,CREDIT");
    let before = stage.everything();
    let (report, ended) = carry_out(&stage, &folder);
    assert_eq!(ended.unwrap_err().code, Code::ConstraintViolated);
    assert!(!report.verified);
    assert_eq!(stage.everything(), before);
    // One bad file keeps the good one away too.
    let folder = export_development(&stage);
    edit(&folder, "fee_groups.csv", "Cards", "Card");
    edit(&folder, "fee_items.csv", "1,1,credit", "1,\\N,credit");
    let problem = Problem::of(&try_plan(&stage, &folder).unwrap_err());
    assert_eq!(problem.code, Code::CsvInvalid);
    let column = match problem.details.as_slice() {
        [detail] => detail.split(": ").nth(1).unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(column, "line 2, column `group_id`");
    assert_eq!(stage.everything(), before);
}

pub(super) fn files_that_contradict_each_other_are_refused(backend: Backend) {
    for key in ["", "key = [\"code\"]\n"] {
        let mut stage = Stage::ready(backend);
        stage.configure(&format!(
            "protected = [\"merchants\"]\n[[lookup]]\ntable = \"fee_groups\"\n{key}[[lookup]]\ntable = \"fee_items\"\n"
        ));
        // On PostgreSQL these numbers have no default, so that they travel like any other.
        let (cash, card, group, field) = match (key, backend) {
            ("", _) | (_, Backend::Postgres) => ("2,cash", "1,1,", "77", "group_id = 2; 77"),
            _ => ("cash", "1,card,", "coins", "group_id.code = cash; coins"),
        };
        // A group goes that an item of the other file still names, and another item has one that
        // is nowhere.
        let folder = export_development(&stage);
        edit(&folder, "fee_groups.csv", &format!("{cash},Cash\n"), "");
        edit(
            &folder,
            "fee_items.csv",
            &format!("{card}credit"),
            &format!("1,{group},credit"),
        );
        let before = stage.everything();
        let plan = try_plan(&stage, &folder).unwrap();
        let [blocker] = plan.blockers.as_slice() else {
            panic!("{:?}", plan.blockers)
        };
        assert_eq!(blocker.code, Code::MissingParent);
        assert_eq!(
            blocker.message,
            format!(
                "2 rows of `fee_items` would refer to rows of `fee_groups` that Development will not have: {field} (in id = 1; 3)"
            )
        );
        let (_, ended) = carry_out(&stage, &folder);
        assert_eq!(ended.unwrap_err().code, Code::MissingParent);
        assert_eq!(stage.everything(), before);
        // A group that stays may be missing in its file.
        stage.configure(&format!(
            "protected = [\"merchants\"]\n[[lookup]]\ntable = \"fee_groups\"\nextra_rows = \"keep\"\n{key}[[lookup]]\ntable = \"fee_items\"\n"
        ));
        edit(
            &folder,
            "fee_items.csv",
            &format!("1,{group},credit"),
            &format!("{card}loan"),
        );
        carry_out(&stage, &folder).1.unwrap();
    }
}

pub(super) fn keys_that_mean_something_are_imported(backend: Backend) {
    let mut stage = Stage::ready(backend);
    stage.configure(
        "protected = [\"merchants\"]\n[[lookup]]\ntable = \"fee_groups\"\nkey = [\"code\"]\n\
         [[lookup]]\ntable = \"fee_items\"\n",
    );
    let folder = export_development(&stage);
    assert!(try_plan(&stage, &folder).unwrap().empty);
    stage
        .dev
        .run("UPDATE fee_groups SET code = '007' WHERE code = 'cash'");
    let folder = export_development(&stage);
    edit(&folder, "fee_groups.csv", "007", "7");
    let problem = Problem::of(&try_plan(&stage, &folder).unwrap_err());
    assert!(
        problem.details[0]
            .contains("`7` is new while `007` is gone: a spreadsheet drops leading zeros"),
        "{:?}",
        problem.details
    );
}

pub(super) fn an_export_of_another_moment_is_imported(backend: Backend) {
    let stage = Stage::ready(backend);
    stage
        .dev
        .run("UPDATE fee_items SET label = '7' WHERE id = 1");
    let folder = export_development(&stage);
    stage
        .dev
        .run("UPDATE fee_items SET label = '007' WHERE id = 1");
    carry_out(&stage, &folder).1.unwrap();
    let labels = "SELECT label FROM fee_items ORDER BY id";
    assert_eq!(stage.dev.line(labels), "7 debit coins abroad");
    // The same value in a file that somebody touched may be a spreadsheet's.
    stage
        .dev
        .run("UPDATE fee_items SET label = '007' WHERE id = 1");
    edit(&folder, "fee_items.csv", "debit", "debit!");
    let problem = Problem::of(&try_plan(&stage, &folder).unwrap_err());
    assert_eq!(problem.code, Code::CsvInvalid);
    let hint = problem.hint.unwrap();
    assert!(hint.ends_with("write it into Development itself"), "{hint}");
}

/// Whatever the rows: an export that nobody edited is an empty plan.
pub(super) fn an_unedited_export_changes_nothing(backend: Backend) {
    let stage = Stage::ready(backend);
    let text = || {
        prop_oneof![
            prop::sample::select(vec![
                "",
                "\\N",
                "NULL",
                "007",
                "1E+05",
                "#REF!",
                "########",
                "1/5/24",
                "TRUE",
                "a;b",
                "\"",
                "\r\n",
                "\n",
                ",",
                " ",
                "\u{feff}",
                "=1+1",
                "<<<<<<< HEAD"
            ])
            .prop_map(str::to_owned),
            any::<String>().prop_map(|text| text.replace('\0', "")),
        ]
    };
    let row = (
        text(),
        prop::option::of(text()),
        prop::option::of(any::<i32>()),
    );
    let rows = prop::collection::vec(row, 0..6);
    let cases = Cases {
        cases: 24,
        failure_persistence: None,
        ..Cases::default()
    };
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let outcome = TestRunner::new(cases).run(&rows, |rows| {
        let mut statements = "DELETE FROM fee_items; DELETE FROM fee_groups;".to_owned();
        for (at, (code, label, amount)) in rows.iter().enumerate() {
            let label = label.as_deref().map_or("NULL".to_owned(), literal);
            let amount = amount.map_or("NULL".to_owned(), |amount| amount.to_string());
            statements.push_str(&format!(
                "INSERT INTO fee_groups VALUES ({at}, {} || '{at}', {label}); \
                 INSERT INTO fee_items VALUES ({at}, {at}, {}, {amount});",
                literal(code),
                literal(code)
            ));
        }
        stage.dev.run(&statements);
        let folder = export_development(&stage);
        let plan = try_plan(&stage, &folder).map_err(|error| {
            let details = Problem::of(&error).details;
            TestCaseError::fail(format!("{error:#} {details:?}"))
        })?;
        prop_assert!(plan.empty, "{:?}", plan);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
