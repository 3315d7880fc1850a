//! What the rest of the program may ask of a database, whatever its kind.
//!
//! SQL and diesel live below this module and nowhere else. A backend is right when it passes the
//! conformance suite in `tests/`, which checks every sentence of these two contracts.

use std::path::Path;

use crate::model::ledger::{Ledger, LedgerEntry};
use crate::model::migrations::effects::{Measured, Touch};
use crate::model::migrations::migration::{AppliedMigration, Migration, MigrationSet};
use crate::model::reference::{Step, Touched};
use crate::model::rows::change_log::Change;
use crate::model::rows::lookup::Lookup;
use crate::model::rows::row::{KeyedHash, Record};
use crate::model::schema::catalog::Catalog;
use crate::model::schema::table::TableName;
use crate::model::unresolved::Unresolved;

mod backends;
mod filtered;
mod given;
mod identity;
mod ledger;
mod load;
mod lookup_select;
mod mark;
mod measuring;
mod migrations;
mod no_text;
#[cfg(feature = "postgres")]
mod postgres;
mod references;
mod replacement;
mod retired;
mod scratch;
mod script;
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;
mod staged;
mod unchanged_rows;
mod unique_release;
mod unresolved;

pub use backends::{
    check_backup_programs, open, open_replacement, open_target, read_backup, restore_into_scratch,
    run_script,
};
pub use given::{BadValue, Canonical, Check, MOST_BAD};
pub use identity::Identity;
pub use measuring::Measuring;
pub use replacement::{Contents, Inspection, Replacement, Sequences};
pub use scratch::{CopiedRows, Scratch};
pub use script::hazards;

/// Rows as they arrive; reading one may fail.
pub type Rows<'session, Row> = Box<dyn Iterator<Item = anyhow::Result<Row>> + 'session>;

/// A session that looks. It is read-only, and it sees one moment: whatever others commit after
/// it was opened, every answer describes the state at the first question.
pub trait Session: Send {
    /// Begins what the database may refuse and then answer other questions all the same.
    fn begin_trial(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    /// Ends what was begun, and forgets a refusal.
    fn end_trial(&mut self, was_refused: bool) -> anyhow::Result<()> {
        let _ = was_refused;
        Ok(())
    }

    fn identity(&mut self) -> anyhow::Result<Identity>;

    /// The applied migrations in order of version, without creating diesel's table where it is
    /// missing.
    fn applied_migrations(&mut self) -> anyhow::Result<Vec<AppliedMigration>>;

    /// The schema, without diesel's and this tool's own tables.
    fn catalog(&mut self) -> anyhow::Result<Catalog>;

    /// Stamp and runs; empty where this tool never wrote.
    fn ledger(&mut self) -> anyhow::Result<Ledger>;

    fn count_rows(&mut self, table: &TableName) -> anyhow::Result<u64>;

    /// Key and hash of every lookup row, in key order, without holding them in memory.
    fn hashes<'session>(
        &'session mut self,
        lookup: &Lookup,
    ) -> anyhow::Result<Rows<'session, KeyedHash>>;

    /// Every lookup row, with its fields in the order of `lookup.columns`, in key order.
    fn rows<'session>(
        &'session mut self,
        lookup: &Lookup,
    ) -> anyhow::Result<Rows<'session, Record>>;

    /// The lookup rows with these keys, in any order.
    fn rows_by_key(&mut self, lookup: &Lookup, keys: &[Record]) -> anyhow::Result<Vec<Record>>;

    /// The rows, whatever `lookup.filter` says, that have one of these values in the fields of
    /// `lookup.key`, as the database compares them: each with the position of the value.
    fn rows_with_values(
        &mut self,
        lookup: &Lookup,
        values: &[Record],
    ) -> anyhow::Result<Vec<(usize, Record)>>;

    /// Whether rows that others refer to can let go of their values of a unique key for a moment.
    fn can_release_unique(&mut self, lookup: &Lookup, columns: &[String]) -> anyhow::Result<bool>;

    /// How the database would spell these rows if the table held them, without writing any: each
    /// value is read as one of its column and written again.
    fn canonical(&mut self, lookup: &Lookup, rows: &[Record]) -> anyhow::Result<Canonical>;

    /// What a column would be that the database computes from the other columns, one field for each
    /// of these rows; NULL where it cannot tell.
    fn computed(
        &mut self,
        lookup: &Lookup,
        rows: &[Record],
        column: &str,
    ) -> anyhow::Result<Vec<String>>;

    /// The CHECK constraints of a table, but not those of types.
    fn checks(&mut self, lookup: &Lookup) -> anyhow::Result<Vec<Check>>;

    /// The positions of those of these rows that would not meet `lookup.filter`; none where the
    /// database cannot tell that from the fields that are columns.
    fn outside(&mut self, lookup: &Lookup, rows: &[Record]) -> anyhow::Result<Vec<usize>>;

    /// Which of these keys, none with a NULL, are equal to an earlier one as the columns of the key
    /// compare: the position of each beside that of the first.
    fn equal_keys(
        &mut self,
        lookup: &Lookup,
        keys: &[Record],
    ) -> anyhow::Result<Vec<(usize, usize)>>;

    /// Those of these keys whose rows are not switched off as `lookup.retire` says.
    fn unretired(&mut self, lookup: &Lookup, keys: &[Record]) -> anyhow::Result<Vec<Record>>;

    /// For the touched rows that are referred to, by their positions, how many rows at the end of
    /// the path refer to each, in any order. NULL refers to nothing.
    ///
    /// # Errors
    /// Names the table that may not be read.
    fn count_references(
        &mut self,
        touched: &Touched<'_>,
        path: &[Step],
    ) -> anyhow::Result<Vec<(usize, u64)>>;

    /// The rows at the end of the path, which are those of `child`, each by its key and with the
    /// position of the touched row that it leads to; in any order, without holding them in memory.
    ///
    /// # Errors
    /// As [`Session::count_references`].
    fn referring_keys<'session>(
        &'session mut self,
        touched: &Touched<'_>,
        path: &[Step],
        child: &Lookup,
    ) -> anyhow::Result<Rows<'session, (usize, Record)>>;

    /// The rows whose links cannot be looked up: what they store leads to no row, to one without a
    /// whole key, or, with a part missing, nowhere.
    fn unresolved(&mut self, lookup: &Lookup) -> anyhow::Result<Vec<Unresolved>>;

    /// Whether a row refers to a row of `parent` that is not there, by a foreign key whose values
    /// travel as they are. NULL refers to nothing.
    fn has_orphans(
        &mut self,
        lookup: &Lookup,
        reference: &Step,
        parent: &TableName,
    ) -> anyhow::Result<bool>;

    /// Rows and digest of every table at this session's moment.
    fn contents(&mut self) -> anyhow::Result<Contents> {
        anyhow::bail!("this is no database to back up")
    }

    /// Where each sequence stands now, since no moment holds them.
    fn sequences(&mut self) -> anyhow::Result<Sequences> {
        Ok(Sequences::new())
    }

    /// Writes a backup of this session's moment to a new file at `path`.
    ///
    /// # Errors
    /// `backup_failed`; what was written by then may be left at `path`.
    fn back_up(&mut self, path: &Path) -> anyhow::Result<()>;

    /// How many bytes the database takes.
    fn size(&mut self) -> anyhow::Result<u64>;

    /// Makes a database of its own with the schema of this session's moment, and with at least
    /// these rows.
    ///
    /// # Errors
    /// Why that cannot be done.
    fn scratch(&mut self, rows: &CopiedRows) -> anyhow::Result<Scratch>;

    /// Makes a database of its own with nothing in it, that is otherwise like this one.
    ///
    /// # Errors
    /// Why that cannot be done.
    fn empty_scratch(&mut self) -> anyhow::Result<Scratch>;
}

/// The one session that writes: a transaction that holds the promotion lock. Dropped without
/// [`Target::commit`], it leaves the database as it was.
pub trait Target: Session {
    /// Runs one migration and records it as diesel does.
    ///
    /// # Errors
    /// `migration_failed`, with the migration's name, the line, and the server's words;
    /// `lock_timeout`, with who holds what it waited for, where the database tells; or
    /// `statement_timeout`.
    fn run_migration(
        &mut self,
        migrations: &MigrationSet,
        migration: &Migration,
    ) -> anyhow::Result<()>;

    /// Runs one migration outside of any transaction and records it as diesel does: ends the
    /// transaction that is open, in which nothing was done, and begins another afterwards. The
    /// lock and whatever the migration left in the session are dealt with as at
    /// [`Target::begin_part`]. On a copy it is measured what it did to rows, as far as those can be
    /// counted.
    ///
    /// # Errors
    /// As [`Target::run_migration`]; but what the migration did before it failed stays, and is
    /// named where it can be.
    fn run_without_transaction(
        &mut self,
        migrations: &MigrationSet,
        migration: &Migration,
    ) -> anyhow::Result<Measured>;

    /// Writes into diesel's own table that these migrations were applied, without running them, and
    /// that those were not.
    fn set_applied(&mut self, applied: &[&str], not_applied: &[&str]) -> anyhow::Result<()>;

    /// What all databases of the server share and the transaction that is open changed, such as
    /// `pg_authid`.
    fn changed_server(&mut self) -> anyhow::Result<Option<String>>;

    /// An enum that a column of the table is made of, and that has a value which nobody may use
    /// before the transaction that is open is committed.
    fn uncommitted_enum(&mut self, table: &TableName) -> anyhow::Result<Option<String>>;

    /// Commits what was done so far, in a run that goes on. After an error nothing of the run is
    /// held any more, whether it was committed or not.
    fn commit_part(&mut self) -> anyhow::Result<()>;

    /// Begins the next transaction after [`Target::commit_part`]. Where the database has locks
    /// that outlive a transaction, no other run could take this one's in between; elsewhere it is
    /// taken again, and others may have written.
    ///
    /// # Errors
    /// `busy` or `unreachable`.
    fn begin_part(&mut self) -> anyhow::Result<()>;

    /// Shows the database that the session is in use, where it ends those that are not.
    fn sign_of_life(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    /// From here on, counts what is done to the rows of these tables.
    fn watch(&mut self, tables: &[TableName]) -> anyhow::Result<()>;

    /// What the engine counted since [`Target::watch`]: for each table that was touched, how
    /// many rows were inserted, updated, deleted or truncated.
    fn watched_changes(&mut self) -> anyhow::Result<Vec<(TableName, u64)>>;

    /// From here on, measures what migrations do to the rows that these tables have, whatever they
    /// are called later.
    fn measure(&mut self, tables: &[TableName], on: Measuring) -> anyhow::Result<()>;

    /// As [`Target::run_migration`], and measures what it does to rows. What the same migration
    /// touched elsewhere is `expected`; where it touches something else, it may run twice.
    fn run_measured(
        &mut self,
        migrations: &MigrationSet,
        migration: &Migration,
        expected: &[Touch],
    ) -> anyhow::Result<Measured>;

    /// Keeps other writers away from a table until the end, while readers read on.
    ///
    /// # Errors
    /// `lock_timeout`, as at [`Target::run_migration`].
    fn lock_table(&mut self, table: &TableName) -> anyhow::Result<()>;

    /// Brings the changes of one table to the database, where nobody sees them yet.
    fn stage(
        &mut self,
        lookup: &Lookup,
        changes: &mut dyn Iterator<Item = anyhow::Result<(Change, Record)>>,
    ) -> anyhow::Result<()>;

    /// Checks that every row that comes or changes names rows that are there or come, where its
    /// references travel as keys; every table was staged before.
    ///
    /// # Errors
    /// `missing_parent`, naming one that is nowhere.
    fn check_links(&mut self, lookup: &Lookup) -> anyhow::Result<()>;

    /// Gives the staged rows of one table the columns that do not travel: rows that are there keep
    /// theirs, new ones get values of the target's own.
    fn identify_staged(&mut self, lookup: &Lookup) -> anyhow::Result<()>;

    /// Lets the staged rows of one table refer to the rows that their fields name; every table was
    /// identified before.
    fn link_staged(&mut self, lookup: &Lookup) -> anyhow::Result<()>;

    /// The rows of one table that are not staged, whatever its `where`, hashed over all fields;
    /// every staged row has the columns of the target.
    fn unstaged<'session>(
        &'session mut self,
        lookup: &Lookup,
    ) -> anyhow::Result<Rows<'session, KeyedHash>>;

    /// Deletes staged rows that nothing refers to any more, and returns how many.
    fn delete_unreferenced(&mut self, lookup: &Lookup) -> anyhow::Result<u64>;

    /// Makes rows that are about to change let go of unique values that other staged rows take.
    fn release_unique_values(&mut self, lookup: &Lookup) -> anyhow::Result<()>;

    /// Inserts and updates the staged rows of tables that may refer to each other, as if at once.
    fn write_staged(&mut self, group: &[&Lookup]) -> anyhow::Result<()>;

    /// Switches off the staged rows that are to be retired.
    fn retire_staged(&mut self, lookup: &Lookup) -> anyhow::Result<()>;

    /// Deletes the staged rows that are left of tables that may refer to each other, as if at once.
    ///
    /// # Errors
    /// `referenced_rows` when something still refers to one of them.
    fn delete_staged(&mut self, group: &[&Lookup]) -> anyhow::Result<()>;

    /// Raises the sequences of a table above its highest value; never lowers one.
    fn raise_sequences(&mut self, lookup: &Lookup) -> anyhow::Result<()>;

    /// Checks every constraint that the engine would check at the end.
    fn check_constraints(&mut self) -> anyhow::Result<()>;

    /// Checks references that migrations may break unseen, but for those from and to these tables.
    fn check_references(&mut self, _except: &[TableName]) -> anyhow::Result<()> {
        Ok(())
    }

    /// Adds a run to the ledger, which is made or brought up to date for that, and writes the
    /// stamp where there is none, or anew.
    fn record(&mut self, entry: &LedgerEntry) -> anyhow::Result<()>;

    /// Commits, and ends the session.
    ///
    /// # Errors
    /// A refusal of the database, or that its answer was lost; then it may be committed.
    fn commit(self: Box<Self>) -> anyhow::Result<()>;
}
