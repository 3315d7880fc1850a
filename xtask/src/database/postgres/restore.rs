//! Filling a database with what an archive of `pg_dump` holds, in the transaction of a session.
//!
//! `pg_restore` only makes the script of it. The rows come before whatever is computed from them or
//! checked by functions, under the search path that the database has, because functions may use
//! names that are not qualified, and read other tables.

use std::cell::RefCell;
use std::io::{self, BufRead, BufReader, Read as _, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use diesel::connection::SimpleConnection as _;
use diesel::pg::{CopyTarget, Pg};
use diesel::prelude::ExecuteCopyFromDsl as _;
use diesel::query_builder::AstPass;
use diesel::{QueryResult, copy_from};

use super::super::sql;
use super::PostgresSession;
use super::backup::{newest_restore, run, shell};
use super::checks::{CHECKS_OFF, CHECKS_ON};
use crate::problem::{Code, Problem};

/// The parts of an archive in the order in which they are restored: as `pg_restore` names them, and
/// whether it is about rights. These come after the rows, since an owner may have none.
const PARTS: [(Option<&str>, bool); 4] = [
    (Some("pre-data"), false),
    (Some("data"), false),
    (None, true),
    (Some("post-data"), false),
];

/// What is there already, and what becomes of it: `public`, and extensions with their schemas, whose
/// removal would need more rights than their use.
struct Kept {
    schemas: Vec<String>,
    extensions: Vec<String>,
}

impl PostgresSession {
    /// Restores an archive into this database, which holds nothing but what [`Kept`] has.
    ///
    /// # Errors
    /// `restore_failed`, with the words of the server or of `pg_restore`.
    pub(super) fn fill(&mut self, archive: &Path) -> anyhow::Result<()> {
        self.fill_in_order(archive).map_err(|error| {
            let problem = Problem::of(&error);
            let code = Code::RestoreFailed;
            Problem { code, ..problem }.into()
        })
    }

    fn fill_in_order(&mut self, archive: &Path) -> anyhow::Result<()> {
        let contents = self.contents_to_restore(archive)?;
        // What the database and the role say, whatever this session has set since.
        let path = "SELECT reset_val FROM pg_settings WHERE name = 'search_path'";
        let own = self.value(path, &[])?.unwrap_or_default();
        // A dump names what the server has itself without a schema, and means that first.
        let path = match own.trim_matches('"') {
            "" => "pg_catalog".to_owned(),
            _ => format!("pg_catalog, {own}"),
        };
        for (section, is_about_rights) in PARTS {
            let lines = contents.iter().filter(|line| {
                let is_right = entry(line).first() == Some(&"ACL");
                is_right == is_about_rights || line.starts_with(';')
            });
            let mut list = tempfile::NamedTempFile::new()?;
            for line in lines {
                writeln!(list, "{line}")?;
            }
            let mut command = Command::new(newest_restore()?);
            command.arg("--no-subscriptions").arg("--file=-");
            command.arg("--use-list").arg(list.path());
            command.args(section.map(|section| format!("--section={section}")));
            command.arg(archive);
            self.unpin()?;
            if section == Some("data") {
                self.pin()?;
                self.batch(CHECKS_OFF, "put off constraints")?;
                self.search(&path)?;
                read_from(command, |script| self.restore_rows(script))?;
                self.restore_script(CHECKS_ON)?;
            } else {
                // Written for an empty path, and nothing is called yet; later everything may be.
                self.search(if section == Some("pre-data") {
                    ""
                } else {
                    &path
                })?;
                self.restore_script(
                    "RESET TimeZone; SET LOCAL row_security = off; SET LOCAL check_function_bodies = off",
                )?;
                read_from(command, |script| self.restore_objects(script))?;
            }
        }
        self.unpin()?;
        self.pin()
    }

    /// What comes from here on finds names there.
    fn search(&mut self, path: &str) -> anyhow::Result<()> {
        self.words = None;
        let path = sql::literal(path);
        self.restore_script(&format!(
            "SELECT pg_catalog.set_config('search_path', {path}, true)"
        ))
    }

    /// The lines of the archive's list of contents, without what is there already.
    fn contents_to_restore(&mut self, archive: &Path) -> anyhow::Result<Vec<String>> {
        let mut names = |query: &str| -> anyhow::Result<Vec<String>> {
            let rows = self.query(query, &[])?;
            Ok(rows.into_iter().flatten().flatten().collect())
        };
        let kept = Kept {
            schemas: names("SELECT nspname::text FROM pg_namespace")?,
            extensions: names("SELECT extname::text FROM pg_extension")?,
        };
        let (shell, program) = (shell()?, newest_restore()?);
        let list = run(
            xshell::cmd!(shell, "{program} --list {archive}"),
            Code::RestoreFailed,
            "list the backup with pg_restore",
            None,
        )?;
        let lines = list.lines().filter(|line| !kept.is_there(line));
        Ok(lines.map(str::to_owned).collect())
    }

    fn restore_objects(&mut self, script: &mut dyn BufRead) -> anyhow::Result<bool> {
        let mut text = skip_header(script)?;
        script
            .read_to_string(&mut text)
            .context("the backup names objects in another encoding than UTF-8")?;
        // A word of `psql`, behind everything.
        let text = match text.trim_end().rsplit_once('\n') {
            Some((before, last)) if last.starts_with('\\') => before,
            _ => text.as_str(),
        };
        self.restore_script(text)?;
        Ok(true)
    }

    /// Whether the rows of each table ended as they have to.
    fn restore_rows(&mut self, script: &mut dyn BufRead) -> anyhow::Result<bool> {
        let mut pending = skip_header(script)?;
        let mut line = Vec::new();
        loop {
            line.clear();
            let is_over = script.read_until(b'\n', &mut line)? == 0;
            let statement =
                std::str::from_utf8(&line).context("the backup has unreadable names")?;
            let rows = statement
                .strip_prefix("COPY ")
                .and_then(|rest| rest.trim_end().strip_suffix(" FROM stdin;"));
            if is_over || rows.is_some() || pending.len() > MOST_PENDING {
                self.restore_script(&std::mem::take(&mut pending))?;
            }
            match rows {
                Some(target) if !self.copy_rows(target, script)? => return Ok(false),
                Some(_) => {}
                None if is_over => return Ok(true),
                // Large objects come in a transaction of their own; this one goes on.
                None if ["BEGIN;", "COMMIT;"].contains(&statement.trim_end()) => {}
                None if statement.starts_with('\\') => {}
                None => pending.push_str(statement),
            }
        }
    }

    /// Comments alone would be a mistake.
    fn restore_script(&mut self, script: &str) -> anyhow::Result<()> {
        self.connection
            .batch_execute(&format!("SELECT;\n{script}"))
            .map_err(|error| self.failed(&error, "restore"))
    }

    fn copy_rows(&mut self, target: &str, script: &mut dyn BufRead) -> anyhow::Result<bool> {
        let script = RefCell::new(script);
        let is_whole = RefCell::new(false);
        COPIED_INTO.replace(target.to_owned());
        let copied = copy_from(restored::table)
            .from_raw_data(Restored, |server: &mut dyn Write| {
                is_whole.replace(
                    pass_on(&mut **script.borrow_mut(), server)
                        .map_err(|error| diesel::result::Error::SerializationError(error.into()))?,
                );
                Ok::<(), diesel::result::Error>(())
            })
            .execute(&mut self.connection);
        let table = target.split(" (").next().unwrap_or_default();
        copied.map_err(|error| self.failed(&error, &format!("restore the rows of {table}")))?;
        Ok(is_whole.into_inner())
    }
}

/// Statements between rows are sent together, up to so many bytes.
const MOST_PENDING: usize = 1 << 20;

thread_local! {
    /// diesel asks a type, and not a value, what rows are copied into.
    static COPIED_INTO: RefCell<String> = RefCell::default();
}

diesel::table! {
    /// Stands for whichever table rows are copied into.
    restored (row) {
        row -> Text,
    }
}

struct Restored;

impl CopyTarget for Restored {
    type Table = restored::table;
    type SqlType = diesel::sql_types::Text;

    fn walk_target(mut pass: AstPass<'_, '_, Pg>) -> QueryResult<()> {
        COPIED_INTO.with_borrow(|target| pass.push_sql(target));
        Ok(())
    }
}

/// Passes the lines of rows on; returns whether there was an end to them.
fn pass_on(script: &mut dyn BufRead, server: &mut dyn Write) -> io::Result<bool> {
    let mut server = io::BufWriter::with_capacity(1 << 16, server);
    let mut line = Vec::new();
    loop {
        line.clear();
        if script.read_until(b'\n', &mut line)? == 0 {
            return Ok(false);
        }
        if line == b"\\.\n" {
            server.flush()?;
            return Ok(true);
        }
        server.write_all(&line)?;
    }
}

/// Reads the settings at the beginning of a script and returns the one that matters. The others are
/// this session's business, and servers may not know all of them.
fn skip_header(script: &mut dyn BufRead) -> io::Result<String> {
    let mut encoding = String::new();
    let mut line = String::new();
    while script.read_line(&mut line)? > 0 {
        if line.starts_with("SET client_encoding") {
            encoding.clone_from(&line);
        }
        if line.starts_with("SET row_security") {
            break;
        }
        line.clear();
    }
    Ok(encoding)
}

/// Runs a program whose output is worked with while it comes.
///
/// # Errors
/// What `work` reports; where that is no error, but the program failed, its words.
fn read_from(
    mut command: Command,
    work: impl FnOnce(&mut dyn BufRead) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let mut words = tempfile::tempfile()?;
    let mut program = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(words.try_clone()?)
        .spawn()
        .context("failed to start pg_restore")?;
    let output = program.stdout.take().context("pg_restore has no output")?;
    let mut output = BufReader::with_capacity(1 << 16, output);
    let done = work(&mut output);
    drop(output);
    let ended = program.wait()?;
    if done? && ended.success() {
        return Ok(());
    }
    let mut said = String::new();
    io::Seek::rewind(&mut words)?;
    words.read_to_string(&mut said)?;
    let said = said.trim().lines().take(6).collect::<Vec<_>>().join("; ");
    anyhow::bail!("pg_restore ended early: {said}")
}

/// Kind, schema or `-`, name and owner of an entry: the words after two numbers.
fn entry(line: &str) -> Vec<&str> {
    let entry = line.split_once(';').map_or("", |(_, entry)| entry);
    entry.split_whitespace().skip(2).collect()
}

impl Kept {
    fn is_there(&self, line: &str) -> bool {
        match entry(line).as_slice() {
            ["SCHEMA", "-", name, ..] => self.schemas.iter().any(|kept| kept == name),
            ["EXTENSION", "-", name, ..] | ["COMMENT", "-", "EXTENSION", name, ..] => {
                self.extensions.iter().any(|kept| kept == name)
            }
            _ => false,
        }
    }
}

/// The contents of a dump without what would reach out of the database, or act by itself.
pub(super) fn without_reach(contents: &str) -> String {
    let reaches = |line: &&str| {
        matches!(
            entry(line).as_slice(),
            ["USER", "MAPPING", ..] | ["EVENT", "TRIGGER", ..]
        )
    };
    let lines = contents.lines().filter(|line| !reaches(line));
    lines.map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_made_again() {
        let kept = Kept {
            schemas: vec!["public".to_owned()],
            extensions: vec!["citext".to_owned()],
        };
        for (line, is_there) in [
            ("; comment", false),
            ("5; 2615 2200 SCHEMA - public postgres", true),
            ("2; 3079 1 EXTENSION - citext ", true),
            ("3; 0 0 COMMENT - EXTENSION citext ", true),
            ("210; 1259 1 TABLE public fees postgres", false),
        ] {
            assert_eq!(kept.is_there(line), is_there, "{line}");
        }
    }

    #[test]
    fn nothing_reaches_out_of_a_scratch_database() {
        let contents = "; comment\n5; 2615 2200 USER MAPPING - USER MAPPING ann SERVER far ann\n\
                        6; 3466 1 EVENT TRIGGER - watch ann\n210; 1259 1 TABLE public fees ann\n";
        assert_eq!(
            without_reach(contents),
            "; comment\n210; 1259 1 TABLE public fees ann\n"
        );
    }
}
