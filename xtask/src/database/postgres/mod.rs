//! PostgreSQL.

mod backup;
mod blocked;
mod bookkeeping;
mod boundary;
mod catalog;
mod checks;
mod compare;
mod compare_rows;
mod connection;
mod contents;
mod copy;
mod deep;
mod emptying;
mod fields;
mod hazards;
mod measure;
mod migrate;
mod names;
mod read;
mod references;
mod release;
mod replacement;
mod restore;
mod row_checks;
mod rows_with_values;
mod scratch;
mod sequences;
mod settings;
mod spelling;
mod sqlstate;
mod staging;
mod table_state;
mod text_bytes;
mod unique;
mod watch;
mod words;
mod write;

pub(super) use backup::{check_programs as check_backup_programs, read as read_backup};
pub(super) use hazards::hazards;
pub(super) use replacement::open_replacement;
pub(super) use scratch::restore_into_scratch;

use diesel::pg::PgConnection;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::Text;
use diesel::{Connection, QueryResult, RunQueryDsl, sql_query};

use super::staged::Staged;
use super::{Measuring, Session, Target};
use crate::model::limits::Limits;
use crate::model::url::DatabaseUrl;
use crate::problem::{Code, Problem};
use blocked::{Lookout, WHO};
use connection::{Fields, code, connect, connection_problem, failed, notice_our_end, pin, problem};
use names::{OwnPath, Words};
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
    path: OwnPath,
    /// Whose path the session has now, where it is known.
    words: Option<Words>,
    /// Sees who is in the way of a session that writes.
    lookout: Option<Lookout>,
    /// Counters of watched tables when [`Target::watch`] was called.
    watched: Vec<watch::Watched>,
    /// The tables in which it is measured what migrations do to rows.
    tracked: Vec<measure::Tracked>,
    /// Where that is done.
    measuring: Measuring,
    /// Lookup tables that were staged, in order: the first is `__sync_staging_0`.
    staged: Vec<Staged<unique::UniqueKey>>,
    /// A connection whose transaction holds the lock of a run in several parts, and does nothing
    /// else: it has no snapshot, so that nobody waits for it.
    keeper: Option<PgConnection>,
}

pub(super) fn open(url: &DatabaseUrl) -> anyhow::Result<Box<dyn Session>> {
    PostgresSession::looking(url).map(|session| Box::new(session) as Box<dyn Session>)
}

pub(super) fn open_target(url: &DatabaseUrl, limits: Limits) -> anyhow::Result<Box<dyn Target>> {
    let mut session = PostgresSession::writing(url, limits)?;
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
            path: OwnPath::default(),
            words: None,
            lookout: None,
            watched: Vec::new(),
            tracked: Vec::new(),
            measuring: Measuring::Live,
            staged: Vec::new(),
            keeper: None,
        }
    }

    /// A session that sees one moment and cannot write.
    pub(super) fn looking(url: &DatabaseUrl) -> anyhow::Result<Self> {
        let mut session = PostgresSession::new(connect(url)?, url, Limits::default());
        session
            .connection
            .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .map_err(|error| connection_problem(url, &error.to_string()))?;
        session.pin()?;
        Ok(session)
    }

    /// The settings of our own statements, and where names are looked up, for the transaction that
    /// is open.
    pub(super) fn pin(&mut self) -> anyhow::Result<()> {
        self.path = pin(&mut self.connection, &self.url, self.limits)?;
        self.words = Some(Words::Ours);
        Ok(())
    }

    /// Gives a migration the settings and the path that the database has.
    pub(super) fn unpin(&mut self) -> anyhow::Result<()> {
        self.words = None;
        self.connection
            .batch_execute(&settings::of_database())
            .map_err(|error| self.failed(&error, "reset the session"))
    }

    /// A session whose transaction writes.
    fn writing(url: &DatabaseUrl, limits: Limits) -> anyhow::Result<Self> {
        let mut session = PostgresSession::new(connect(url)?, url, limits);
        session.begin()?;
        Ok(session)
    }

    /// Begins a transaction that writes.
    fn begin(&mut self) -> anyhow::Result<()> {
        let connection = &mut self.connection;
        notice_our_end(connection);
        // Through diesel, so that its own transactions inside this one become savepoints.
        <PgConnection as Connection>::TransactionManager::begin_transaction(connection)
            .and_then(|()| {
                connection
                    .batch_execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE")
            })
            .map_err(|error| connection_problem(&self.url, &error.to_string()))?;
        self.pin()?;
        self.look_out()
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
        problem(error, what, &self.cause(code, words(error))).into()
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

    /// Runs a query of our own whose columns are all text.
    fn query(
        &mut self,
        sql: &str,
        parameters: &[&str],
    ) -> anyhow::Result<Vec<Vec<Option<String>>>> {
        self.query_for(Words::Ours, sql, parameters)
    }

    /// As [`PostgresSession::query`], where others' words are in the query, or run with it.
    fn query_theirs(&mut self, sql: &str) -> anyhow::Result<Vec<Vec<Option<String>>>> {
        self.query_for(Words::Theirs, sql, &[])
    }

    fn query_for(
        &mut self,
        words: Words,
        sql: &str,
        parameters: &[&str],
    ) -> anyhow::Result<Vec<Vec<Option<String>>>> {
        let mut query = sql_query(sql).into_boxed::<diesel::pg::Pg>();
        for parameter in parameters {
            query = query.bind::<Text, _>((*parameter).to_owned());
        }
        let rows: Vec<Fields> = self
            .for_words(words)
            .and_then(|connection| query.load(connection))
            .map_err(|error| self.failed(&error, "query"))?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// The first field of the first row.
    fn value(&mut self, sql: &str, parameters: &[&str]) -> anyhow::Result<Option<String>> {
        self.query(sql, parameters).map(first_field)
    }

    /// As [`PostgresSession::value`], where others' words are in the query, or run with it.
    fn value_theirs(&mut self, sql: &str) -> anyhow::Result<Option<String>> {
        self.query_theirs(sql).map(first_field)
    }

    /// The lock ends with the transaction, so that a pooler in between cannot keep it.
    fn lock(&mut self) -> anyhow::Result<()> {
        let is_taken = self
            .ours()
            .map_err(|error| failed(&error, "take the lock"))
            .and_then(|connection| try_lock(connection, LOCK))?;
        if is_taken && self.holder(WHOLE_RUN)?.is_none() {
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
        // It does nothing as long as the run goes on.
        let limits = Limits {
            idle_timeout: None,
            ..self.limits
        };
        notice_our_end(&mut keeper);
        <PgConnection as Connection>::TransactionManager::begin_transaction(&mut keeper)
            .map_err(|error| failed(&error, "keep the lock"))?;
        pin(&mut keeper, &self.url, limits)?;
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

fn first_field(rows: Vec<Vec<Option<String>>>) -> Option<String> {
    rows.into_iter().next()?.into_iter().next()?
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
