//! PostgreSQL.

mod backup;
mod blocked;
mod boundary;
mod catalog;
mod coming;
mod connection;
mod copy;
mod effects;
mod emptying;
mod fields;
mod guard;
mod hazards;
mod holders;
mod migrate;
mod read;
mod references;
mod release;
mod scratch;
mod sequences;
mod spelling;
mod staging;
mod unique;
mod watch;
mod words;
mod write;

pub(super) use backup::{check_programs as check_backup_programs, prove as prove_backup, restore};
pub(super) use effects::effects;
pub(super) use hazards::hazards;

use diesel::pg::PgConnection;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::Text;
use diesel::{Connection, QueryResult, RunQueryDsl, sql_query};

use super::staged::Staged;
use super::{Session, Target};
use crate::problem::{Code, Problem};
use crate::sync::settings::environment::DatabaseUrl;
use crate::sync::settings::limits::Limits;
use blocked::{Lookout, WHO};
use connection::{Fields, code, connect, connection_problem, failed, notice_our_end, pin, problem};
use words::words;

/// The two numbers of the advisory lock that a promotion holds: "sync", and the ledger's format.
const LOCK: (i32, i32) = (0x7379_6e63, 1);

/// The lock of a run in several parts, held from its first commit to its end. Whoever has the
/// first lock sees whether somebody has this one.
const WHOLE_RUN: (i32, i32) = (0x7379_6e63, 2);

/// A session of either kind; what it may do was decided when it was opened.
pub(super) struct PostgresSession {
    connection: PgConnection,
    url: DatabaseUrl,
    limits: Limits,
    /// Sees who is in the way of a session that writes.
    lookout: Option<Lookout>,
    /// Counters of watched tables when [`Target::watch`] was called.
    watched: Vec<watch::Watched>,
    /// What holds the rows that migrations are to leave.
    guarded: Vec<guard::Guarded>,
    /// Lookup tables that were staged, in order: the first is `__sync_staging_0`.
    staged: Vec<Staged<unique::UniqueKey>>,
    /// A connection whose transaction holds the lock of a run in several parts, and does nothing
    /// else: it has no snapshot, so that nobody waits for it.
    keeper: Option<PgConnection>,
}

pub(super) fn open(url: &DatabaseUrl) -> anyhow::Result<Box<dyn Session>> {
    let mut connection = connect(url)?;
    sql_query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .execute(&mut connection)
        .and_then(|_| pin(&mut connection, Limits::default()))
        .map_err(|error| connection_problem(url, &error.to_string()))?;
    Ok(Box::new(PostgresSession::new(
        connection,
        url,
        Limits::default(),
    )))
}

pub(super) fn open_target(url: &DatabaseUrl, limits: Limits) -> anyhow::Result<Box<dyn Target>> {
    let mut session = PostgresSession::new(connect(url)?, url, limits);
    session.begin()?;
    session.lock()?;
    Ok(Box::new(session))
}

pub(super) fn run_script(url: &DatabaseUrl, script: &str) -> anyhow::Result<()> {
    let mut connection = connect(url)?;
    connection
        .transaction(|connection| connection.batch_execute(script))
        .map_err(|error| failed(&error, &format!("run a script on {url}")))
}

use diesel::connection::{SimpleConnection as _, TransactionManager};

impl Drop for PostgresSession {
    /// Without it the server would roll back a moment after the connection is closed, and until
    /// then hold the lock.
    fn drop(&mut self) {
        // Savepoints first; where there is no transaction it ends at once.
        for connection in [Some(&mut self.connection), self.keeper.as_mut()]
            .into_iter()
            .flatten()
        {
            while <PgConnection as Connection>::TransactionManager::rollback_transaction(connection)
                .is_ok()
            {}
        }
    }
}

impl PostgresSession {
    fn new(connection: PgConnection, url: &DatabaseUrl, limits: Limits) -> Self {
        PostgresSession {
            connection,
            url: url.clone(),
            limits,
            lookout: None,
            watched: Vec::new(),
            guarded: Vec::new(),
            staged: Vec::new(),
            keeper: None,
        }
    }

    /// Begins a transaction that writes.
    fn begin(&mut self) -> anyhow::Result<()> {
        let limits = self.limits;
        let connection = &mut self.connection;
        notice_our_end(connection);
        // Through diesel, so that its own transactions inside this one become savepoints.
        <PgConnection as Connection>::TransactionManager::begin_transaction(connection)
            .and_then(|()| {
                connection
                    .batch_execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE")
            })
            .and_then(|()| pin(connection, limits))
            .map_err(|error| connection_problem(&self.url, &error.to_string()))?;
        self.look_out()?;
        // The server counts anew in each transaction.
        self.harm_since().map(drop)
    }

    /// From here on it is seen who is in the way.
    fn look_out(&mut self) -> anyhow::Result<()> {
        let process = self
            .value("SELECT pg_backend_pid()::text", &[])?
            .unwrap_or_default();
        let limit = self.limits.lock_timeout;
        self.lookout = Some(Lookout::new(&self.url, process, limit));
        Ok(())
    }

    /// An error in words, as [`failed`] has it; where a lock was in the way, with who holds it.
    fn failed(&self, error: &diesel::result::Error, what: &str) -> anyhow::Error {
        let code = code(error);
        problem(code, what, &self.cause(code, words(error))).into()
    }

    /// Who was in the way, where it is known and somebody was; else the server's words.
    fn cause(&self, code: Code, words: String) -> String {
        match &self.lookout {
            Some(lookout) if code == Code::LockTimeout => lookout.seen().unwrap_or(words),
            _ => words,
        }
    }

    /// Does what the server may refuse, which then does not end the transaction.
    ///
    /// # Errors
    /// Where the connection is lost, or the server was not even asked.
    fn tried<T>(
        &mut self,
        what: &str,
        work: impl FnOnce(&mut Self) -> QueryResult<T>,
    ) -> anyhow::Result<QueryResult<T>> {
        self.begin_trial()?;
        let outcome = work(self);
        match outcome {
            Err(error @ Error::DatabaseError(DatabaseErrorKind::ClosedConnection, _)) => {
                Err(failed(&error, what))
            }
            Ok(_) | Err(Error::DatabaseError(..)) => {
                self.end_trial(outcome.is_err())?;
                Ok(outcome)
            }
            Err(error) => Err(failed(&error, what)),
        }
    }

    /// Runs a query whose columns are all text.
    fn query(
        &mut self,
        sql: &str,
        parameters: &[&str],
    ) -> anyhow::Result<Vec<Vec<Option<String>>>> {
        let mut query = sql_query(sql).into_boxed::<diesel::pg::Pg>();
        for parameter in parameters {
            query = query.bind::<Text, _>((*parameter).to_owned());
        }
        let rows: Vec<Fields> = query
            .load(&mut self.connection)
            .map_err(|error| self.failed(&error, "query"))?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// The first field of the first row.
    fn value(&mut self, sql: &str, parameters: &[&str]) -> anyhow::Result<Option<String>> {
        let rows = self.query(sql, parameters)?;
        Ok(rows
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().next())
            .flatten())
    }

    /// The lock ends with the transaction, so that a pooler in between cannot keep it.
    fn lock(&mut self) -> anyhow::Result<()> {
        if try_lock(&mut self.connection, LOCK)? && self.holder(WHOLE_RUN)?.is_none() {
            return Ok(());
        }
        let holder = match self.holder(WHOLE_RUN)? {
            None => self.holder(LOCK)?,
            holder => holder,
        };
        let who = holder.map_or(String::new(), |holder| format!(": {holder}"));
        Err(Problem::new(
            Code::Busy,
            format!("another run of this tool holds the lock on the database{who}"),
        )
        .hint("wait until it has ended, then try again")
        .into())
    }

    /// Another session that holds a lock.
    fn holder(&mut self, (class, object): (i32, i32)) -> anyhow::Result<Option<String>> {
        self.value(
            &format!(
                "SELECT {WHO} FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
                 WHERE l.locktype = 'advisory' AND l.granted AND l.classid = {class} AND l.objid = {object} \
                 AND l.pid <> pg_backend_pid() \
                 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            ),
            &[],
        )
    }

    /// Makes the lock outlive the transaction that is open.
    fn keep_lock(&mut self) -> anyhow::Result<()> {
        if let Some(keeper) = &mut self.keeper {
            // It has to be alive still.
            return keeper
                .batch_execute("SELECT")
                .map_err(|error| failed(&error, "keep the lock"));
        }
        let mut keeper = connect(&self.url)?;
        notice_our_end(&mut keeper);
        <PgConnection as Connection>::TransactionManager::begin_transaction(&mut keeper)
            .and_then(|()| pin(&mut keeper, self.limits))
            .map_err(|error| failed(&error, "keep the lock"))?;
        if !try_lock(&mut keeper, WHOLE_RUN)? {
            anyhow::bail!("the lock of a run in several parts is taken");
        }
        // The query's portal keeps its snapshot until another takes its place; this one, a simple
        // query, leaves none.
        keeper
            .batch_execute("SELECT")
            .map_err(|error| failed(&error, "keep the lock"))?;
        self.keeper = Some(keeper);
        Ok(())
    }
}

fn try_lock(connection: &mut PgConnection, (class, object): (i32, i32)) -> anyhow::Result<bool> {
    let taken: Vec<Fields> = sql_query(format!(
        "SELECT pg_try_advisory_xact_lock({class}, {object})::text"
    ))
    .load(connection)
    .map_err(|error| failed(&error, "take the lock"))?;
    Ok(taken
        .first()
        .is_some_and(|row| row.0.first() == Some(&Some("true".to_owned()))))
}
