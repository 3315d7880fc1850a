//! Prompts, answered on a terminal as a person would.

use crate::support::pty::Terminal;
use crate::support::workspace::{ENDLESS_INSERT, Workspace};

const FIRST: &str = "Type `yes` to go on";
const SECOND: &str = "Type `SYNC TO PRODUCTION` to go on";

fn start(workspace: &Workspace, promotion: &str) -> Terminal {
    Terminal::spawn(workspace.command(&["sync", promotion]))
}

/// Test has what Development has, and Production not yet.
fn ready_for_production() -> Workspace {
    let workspace = Workspace::promoted();
    workspace.succeeds(&["sync", "dev-to-test", "--yes"]);
    workspace
}

/// Answers one prompt after the other; then the run is over and nothing has changed.
#[track_caller]
fn cancels(workspace: &Workspace, promotion: &str, answers: &[(&str, &str)]) -> String {
    let before = workspace.contents();
    let mut terminal = start(workspace, promotion);
    for (prompt, answer) in answers {
        terminal.expect(prompt);
        terminal.send_line(answer);
    }
    let (code, output) = terminal.finish();
    assert_eq!(code, 5, "{output}");
    assert!(
        output.contains("cancelled: nothing was changed"),
        "{output}"
    );
    assert!(output.contains("hint: "), "{output}");
    assert!(!output.contains("[1/7]"), "{output}");
    assert!(workspace.contents() == before, "a file changed: {output}");
    output
}

#[test]
fn yes_promotes_to_test() {
    let workspace = Workspace::promoted();
    let mut terminal = start(&workspace, "dev-to-test");
    // The question comes after the plan, and names what it is about.
    let before = terminal.expect(FIRST);
    assert!(
        before.contains("fee_items: 1 to insert, 1 to update, 1 to delete"),
        "{before}"
    );
    assert!(before.contains("This changes Test."), "{before}");
    terminal.send_line("yes");
    let (code, output) = terminal.finish();
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("done: dev-to-test"), "{output}");
    let fees = "SELECT group_concat(id || ':' || rate_basis_points) FROM fee_items";
    assert_eq!(workspace.value("test", fees), "1:125,2:40,4:75");
}

#[test]
fn anything_but_yes_cancels() {
    let workspace = Workspace::promoted();
    for answer in ["no", "", "y", "YES", "yes please", "SYNC TO PRODUCTION"] {
        cancels(&workspace, "dev-to-test", &[(FIRST, answer)]);
    }
}

#[test]
fn production_needs_both_texts() {
    let workspace = ready_for_production();
    let mut terminal = start(&workspace, "test-to-prod");
    let checklist = terminal.expect(FIRST);
    for words in [
        "safety checklist for Production",
        "[x] tested: Test received this as run",
        "[ ] Team lead approval obtained",
        "This changes Production.",
    ] {
        assert!(checklist.contains(words), "{checklist}");
    }
    terminal.send_line("yes");
    terminal.expect(SECOND);
    terminal.send_line("SYNC TO PRODUCTION");
    let (code, output) = terminal.finish();
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("done: test-to-prod"), "{output}");
    assert_eq!(
        workspace.value("prod", "SELECT count(*) FROM __sync_runs"),
        "2"
    );
}

#[test]
fn production_takes_nothing_but_the_two_texts() {
    let workspace = ready_for_production();
    for answers in [
        &[(FIRST, "no")][..],
        &[(FIRST, "SYNC TO PRODUCTION")],
        &[(FIRST, "yes"), (SECOND, "")],
        &[(FIRST, "yes"), (SECOND, "yes")],
        &[(FIRST, "yes"), (SECOND, "sync to production")],
        &[(FIRST, "yes"), (SECOND, "SYNC TO PRODUCTIO")],
    ] {
        cancels(&workspace, "test-to-prod", answers);
    }
}

#[test]
fn a_flag_answers_its_own_question_alone() {
    let workspace = ready_for_production();
    let before = workspace.contents();
    let mut terminal = Terminal::spawn(workspace.command(&["sync", "test-to-prod", "--yes"]));
    let asked = terminal.expect(SECOND);
    assert!(!asked.contains(FIRST), "{asked}");
    terminal.send_line("yes");
    let (code, output) = terminal.finish();
    assert_eq!(code, 5, "{output}");
    assert!(workspace.contents() == before);
}

#[test]
fn nothing_is_asked_when_there_is_nothing_to_do() {
    let workspace = ready_for_production();
    let (code, output) = start(&workspace, "dev-to-test").finish();
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("nothing to do"), "{output}");
    assert!(!output.contains("Type "), "{output}");
}

#[test]
fn a_blocked_promotion_asks_nothing() {
    let workspace = Workspace::promoted();
    workspace.execute("test", "UPDATE transactions SET fee_item_id = 3");
    let (code, output) = start(&workspace, "dev-to-test").finish();
    assert_eq!(code, 4, "{output}");
    assert!(!output.contains("Type "), "{output}");
}

#[test]
fn control_c_at_a_prompt_changes_nothing() {
    let workspace = ready_for_production();
    let before = workspace.contents();
    for answers in [&[][..], &[(FIRST, "yes")]] {
        let mut terminal = start(&workspace, "test-to-prod");
        for (prompt, answer) in answers {
            terminal.expect(prompt);
            terminal.send_line(answer);
        }
        terminal.expect(if answers.is_empty() { FIRST } else { SECOND });
        terminal.send_control_c();
        let (code, output) = terminal.finish();
        // 130 is what shells say of a program that Ctrl-C ended.
        assert_eq!(code, 130, "{output}");
        assert!(workspace.contents() == before, "a file changed: {output}");
    }
}

#[test]
fn control_c_during_the_run_changes_nothing() {
    let workspace = Workspace::promoted();
    workspace.execute("test", ENDLESS_INSERT);
    let before = workspace.databases();
    let mut terminal = start(&workspace, "dev-to-test");
    terminal.expect(FIRST);
    terminal.send_line("yes");
    terminal.expect("[6/7] load the lookup tables into Test");
    terminal.send_control_c();
    let (code, output) = terminal.finish();
    assert_eq!(code, 130, "{output}");
    workspace.assert_databases(&before);
    workspace.execute("test", "DROP TRIGGER fee_items_endless");
    workspace.succeeds(&["sync", "dev-to-test", "--yes"]);
}

#[test]
fn stamping_asks_for_the_name_typed_out() {
    let workspace = ready_for_production();
    let stamp = |answer: &str| {
        let command = workspace.command(&["sync", "stamp", "--env", "test"]);
        let mut terminal = Terminal::spawn(command);
        let asked = terminal.expect("Type `STAMP test` to go on");
        assert!(asked.contains("stamp: `test` of project"), "{asked}");
        assert!(
            asked.contains("This says that sqlite:test.sqlite3 is Test."),
            "{asked}"
        );
        terminal.send_line(answer);
        terminal.finish()
    };
    let before = workspace.contents();
    for answer in ["yes", "", "STAMP prod", "stamp test"] {
        let (code, output) = stamp(answer);
        assert_eq!(code, 5, "{output}");
        assert!(workspace.contents() == before);
    }
    let (code, output) = stamp("STAMP test");
    assert_eq!(code, 0, "{output}");
    assert!(
        output.contains("done: the database behind test is stamped"),
        "{output}"
    );
}

#[test]
fn restoring_asks_as_a_promotion_does() {
    let workspace = ready_for_production();
    let backups = workspace.document(&["sync", "backups", "--env", "test"]);
    let file = backups["backups"][0]["file"].as_str().unwrap().to_owned();
    let restore = |answer: &str| {
        let command = workspace.command(&["sync", "restore", "--env", "test", &file]);
        let mut terminal = Terminal::spawn(command);
        let asked = terminal.expect(FIRST);
        assert!(
            asked.contains(&format!("This replaces all that Test holds by {file}.")),
            "{asked}"
        );
        terminal.send_line(answer);
        terminal.finish()
    };
    let before = workspace.contents();
    let (code, output) = restore("no");
    assert_eq!(code, 5, "{output}");
    assert!(workspace.contents() == before);
    let (code, output) = restore("yes");
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("done: test holds"), "{output}");
}

#[test]
fn what_is_typed_before_a_question_is_no_answer_to_it() {
    let workspace = ready_for_production();
    let before = workspace.contents();
    // As after pasting the command with both answers below it.
    let mut terminal = start(&workspace, "test-to-prod");
    terminal.send_line("yes\rSYNC TO PRODUCTION");
    terminal.expect(FIRST);
    terminal.send_line("");
    let (code, output) = terminal.finish();
    assert_eq!(code, 5, "{output}");
    assert!(workspace.contents() == before, "{output}");
}

#[test]
fn each_question_is_answered_on_its_own() {
    let workspace = ready_for_production();
    let before = workspace.contents();
    let mut terminal = start(&workspace, "test-to-prod");
    terminal.expect(FIRST);
    terminal.send_line("yes\rSYNC TO PRODUCTION");
    terminal.expect(SECOND);
    terminal.send_line("");
    let (code, output) = terminal.finish();
    assert_eq!(code, 5, "{output}");
    assert!(workspace.contents() == before, "{output}");
    // What came too early does not spoil the answer either.
    let mut terminal = start(&workspace, "test-to-prod");
    terminal.send_line("anything\ror noth");
    terminal.expect(FIRST);
    terminal.send_line("yes");
    terminal.expect(SECOND);
    terminal.send_line("SYNC TO PRODUCTION");
    let (code, output) = terminal.finish();
    assert_eq!(code, 0, "{output}");
}

#[test]
fn no_command_takes_an_answer_before_its_question() {
    let workspace = ready_for_production();
    workspace.succeeds(&["sync", "export"]);
    let backups = workspace.document(&["sync", "backups", "--env", "test"]);
    let file = backups["backups"][0]["file"].as_str().unwrap().to_owned();
    workspace.execute("dev", "UPDATE fee_items SET name = name || '!'");
    for (arguments, answer, question) in [
        (
            &["sync", "stamp", "--env", "test"][..],
            "STAMP test",
            "Type `STAMP test` to go on",
        ),
        (&["sync", "restore", "--env", "test", &file], "yes", FIRST),
        (&["sync", "import", "--env", "dev"], "yes", FIRST),
        (&["migrate", "--record", "--env", "test"], "yes", FIRST),
    ] {
        let before = workspace.databases();
        let mut terminal = Terminal::spawn(workspace.command(arguments));
        terminal.send_line(answer);
        terminal.expect(question);
        terminal.send_line("");
        let (code, output) = terminal.finish();
        assert_eq!(code, 5, "{arguments:?}: {output}");
        assert!(workspace.databases() == before, "{arguments:?}: {output}");
    }
}
