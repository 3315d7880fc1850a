//! Connecting, the settings that make values print alike everywhere, and errors in words.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use diesel::Connection;
use diesel::connection::{CacheSize, SimpleConnection};
use diesel::deserialize::{self, QueryableByName};
use diesel::pg::{Pg, PgConnection};
use diesel::result::{DatabaseErrorKind, Error};
use diesel::row::{Field as _, NamedRow, Row};

use super::names::OwnPath;
use super::settings::{self, Reach};
use super::sqlstate::sqlstate;
use super::words::words;
use crate::model::limits::{Limits, keepalives};
use crate::model::url::DatabaseUrl;
use crate::problem::{BROKEN_RULE, Code, Problem};

/// Settings of the session as a whole, whatever the limits of the server and of the role are:
/// looking must not be cut off halfway.
fn session_settings(limits: Limits) -> String {
    let mut settings = format!(
        "SET LOCAL application_name = 'cargo xtask sync'; \
         SET LOCAL client_min_messages = warning; SET LOCAL lock_timeout = {}; \
         SET LOCAL statement_timeout = {}; SET LOCAL idle_in_transaction_session_timeout = {}",
        limits.lock_timeout.as_millis(),
        limits.statement_timeout.unwrap_or_default().as_millis(),
        limits.idle_timeout.unwrap_or_default().as_millis(),
    );
    // The server is to notice a network that carries nothing as soon as we do.
    for (name, value) in keepalives(limits.network_timeout) {
        let prefix = if name.starts_with("tcp_") { "" } else { "tcp_" };
        settings.push_str(&format!("; SET LOCAL {prefix}{name} = {value}"));
    }
    settings
}

/// In seconds, for each host.
const CONNECT_TIMEOUT: u32 = 10;

/// So many times as long a connection may take to answer at all. A pooler that has none left lets
/// everybody in, and then says nothing.
const ANSWER: u32 = 4;

/// How many connections to a database are open at the same time: the session, what looks who is in
/// its way, the lock of a run in several parts, the session that is backed up, and `pg_dump`.
const CONNECTIONS: u32 = 5;

pub(super) fn connect(url: &DatabaseUrl) -> anyhow::Result<PgConnection> {
    // Without a limit of its own, a server that does not answer would be waited for for minutes.
    let (limited, limit) = match std::env::var("PGCONNECT_TIMEOUT") {
        Ok(seconds) => (url.clone(), seconds.trim().parse().unwrap_or(0)),
        Err(_) => (url.hurried(CONNECT_TIMEOUT), CONNECT_TIMEOUT),
    };
    let limit = match url.secret_text().contains("connect_timeout") {
        true => 0,
        false => limit.saturating_mul(ANSWER),
    };
    let limit = Duration::from_secs(limit.into());
    let text = limited.secret_text();
    let (tell, told) = channel();
    let connecting = move || {
        let _ = tell.send(PgConnection::establish(&text));
    };
    std::thread::Builder::new().spawn(connecting)?;
    let established = match limit.is_zero() {
        true => told.recv().map_err(|_| RecvTimeoutError::Disconnected),
        false => told.recv_timeout(limit),
    };
    let Ok(established) = established else {
        return Err(Problem::new(
            Code::Unreachable,
            format!(
                "failed to connect to {url}: it let us in, but answered nothing within {} seconds",
                limit.as_secs()
            ),
        )
        .hint(format!(
            "a pooler in between may have no connection left: a run has up to {CONNECTIONS} open to its target at the same time, and up to 2 to its source; raise its limit, or connect to the server itself"
        ))
        .into());
    };
    let mut connection =
        established.map_err(|error| connection_problem(url, &error.to_string()))?;
    // Behind a pooler the name of a prepared statement may be somebody else's already.
    connection.set_prepared_statement_cache_size(CacheSize::Disabled);
    Ok(connection)
}

pub(super) fn connection_problem(url: &DatabaseUrl, words: &str) -> anyhow::Error {
    Problem::new(
        Code::Unreachable,
        format!(
            "failed to connect to {url}: {}",
            url.scrub(words.trim()).replace('\n', " ")
        ),
    )
    .hint("check that the server runs, and host, port, user, password and database of the URL")
    .into()
}

/// Applies the settings to the transaction that was just begun, and to nothing else: behind a
/// pooler, somebody else gets the same session afterwards. Returns the path that it had.
pub(super) fn pin(
    connection: &mut PgConnection,
    url: &DatabaseUrl,
    limits: Limits,
) -> anyhow::Result<OwnPath> {
    let path = OwnPath::read(connection)
        .and_then(|path| {
            connection.batch_execute(&session_settings(limits))?;
            connection.batch_execute(&settings::of_statements(Reach::Transaction))?;
            Ok(path)
        })
        .map_err(|error| connection_problem(url, &error.to_string()))?;
    settings::keep(connection, Reach::Transaction)?;
    Ok(path)
}

/// A server that knows this setting notices in the middle of a statement that this program was
/// killed, and lets its locks go. Servers before 14, and on some systems, do not.
pub(super) fn notice_our_end(connection: &mut PgConnection) {
    let _ = connection.batch_execute("SET client_connection_check_interval = '2s'");
}

/// The code of an error, by its SQLSTATE.
pub(super) fn code(error: &Error) -> Code {
    if let Error::DatabaseError(DatabaseErrorKind::ClosedConnection, _) = error {
        return Code::Unreachable;
    }
    match sqlstate(error).unwrap_or_default() {
        // Somebody else's lock was in the way: after `lock_timeout`, at once (`NOWAIT`), or because
        // the other one waited for us.
        "55P03" | "40P01" => Code::LockTimeout,
        "57014" => Code::StatementTimeout,
        // The server ends the connection, or ends itself.
        "57P01" | "57P02" | "57P03" | "57P05" => Code::Unreachable,
        "25001" => Code::NotTransactional,
        // An enum has a value that was added in this transaction.
        "55P04" => Code::ValueUncommitted,
        state if state.starts_with("23") => Code::ConstraintViolated,
        state if state.starts_with("08") => Code::Unreachable,
        _ => Code::Failed,
    }
}

/// An error in words, with a code where its SQLSTATE has one. `what` follows "failed to".
pub(super) fn failed(error: &Error, what: &str) -> anyhow::Error {
    problem(error, what, &words(error)).into()
}

/// As [`failed`], in the words that are given.
pub(super) fn problem(error: &Error, what: &str, words: &str) -> Problem {
    let problem = problem_of(code(error), what, words);
    match sqlstate(error) {
        Some("42501") => problem.hint(
            "this role lacks a right, which somebody can GRANT it; where row level security hides rows, give it BYPASSRLS, or connect as the owner of the table, unless its row level security is forced upon the owner too",
        ),
        _ => problem,
    }
}

/// What helps where a run cannot be split by itself, as nothing was tried on a copy.
pub(super) const UNCOMMITTED: &str = "a new value of an enum has to be committed before it is used: add it in a migration of its own, \
    and where the migrations are not tried on a copy, end a promotion at that migration with --until";

/// A problem with that code.
pub(super) fn problem_of(code: Code, what: &str, words: &str) -> Problem {
    let hint = match code {
        Code::ConstraintViolated => BROKEN_RULE,
        Code::LockTimeout => {
            "another session is in the way: run it again when that has ended its transaction"
        }
        Code::StatementTimeout => {
            "give it more time: raise `statement_timeout` of the environment in data-sync/sync.toml, or what a migration sets itself; or somebody cancelled it by hand"
        }
        Code::ValueUncommitted => UNCOMMITTED,
        Code::Unreachable => "the server closed the connection: run it again",
        _ => "these are the server's own words: mend what they name, then run it again",
    };
    Problem::new(code, format!("failed to {what}: {words}")).hint(hint)
}

/// A row of text columns.
pub(super) struct Fields(pub(super) Vec<Option<String>>);

impl QueryableByName<Pg> for Fields {
    fn build<'row>(row: &impl NamedRow<'row, Pg>) -> deserialize::Result<Self> {
        (0..row.field_count())
            .map(|at| text_at(row, at))
            .collect::<deserialize::Result<_>>()
            .map(Fields)
    }
}

/// The text of one column, NULL as `None`.
pub(super) fn text_at<'row>(
    row: &impl NamedRow<'row, Pg>,
    at: usize,
) -> deserialize::Result<Option<String>> {
    let Some(field) = Row::get(row, at) else {
        return Err("the server returned fewer columns than it was asked for".into());
    };
    field
        .value()
        .map(|value| Ok(std::str::from_utf8(value.as_bytes())?.to_owned()))
        .transpose()
}
