//! Who holds what a session waits for.
//!
//! The server knows it while the session waits, and not afterwards, when its statement was given
//! up. So a second connection looks now and then, and keeps what it saw last.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::sql_types::Text;
use diesel::{QueryResult, RunQueryDsl as _, sql_query};

use super::connection::{Fields, connect};
use super::names::OURS;
use crate::model::url::DatabaseUrl;
use crate::model::words::listed;

/// A session in words, as `a` of `pg_stat_activity`, and as far as this role may know of it; never
/// its statement, in which there may be data.
pub(super) const WHO: &str = "concat_ws(' of user ', 'process ' || a.pid, a.usename) || \
     coalesce(' (' || nullif(concat_ws(', ', nullif(a.application_name, ''), \
         CASE a.backend_type WHEN 'client backend' THEN a.state ELSE a.backend_type END), '') || ')', '') || \
     coalesce(to_char(a.xact_start AT TIME ZONE 'UTC', '\", since \"HH24:MI:SS\" UTC\"'), '')";

/// How many looks there are to one `lock_timeout`, so that no wait that is given up goes unseen; and
/// how long the pause between two may be.
const LOOKS: u32 = 4;
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(1);

/// Looks after one session, until it is dropped.
pub(super) struct Lookout {
    seen: Arc<Mutex<Option<(Instant, String)>>>,
    /// What was seen before that is of another wait.
    fresh: Duration,
    /// Dropped, it ends the thread.
    _end: Sender<()>,
}

impl Lookout {
    /// Begins to look after the session with this process number.
    pub(super) fn new(url: &DatabaseUrl, process: String, lock_timeout: Duration) -> Self {
        let (end, ended) = channel();
        let seen: Arc<Mutex<Option<(Instant, String)>>> = Arc::default();
        let (url, writer) = (url.clone(), Arc::clone(&seen));
        let pause = (lock_timeout / LOOKS).clamp(SHORTEST, LONGEST);
        let looking = move || {
            // Most sessions end before the first look, and then there is no connection.
            let mut connection = None;
            while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let Some(now) = look(&mut connection, &url, &process) else {
                    return;
                };
                if let (Some(words), Ok(mut seen)) = (now, writer.lock()) {
                    *seen = Some((Instant::now(), words));
                }
            }
        };
        // Without a thread, or a connection, the error goes without a name.
        let _ = std::thread::Builder::new().spawn(looking);
        Lookout {
            seen,
            fresh: 2 * lock_timeout,
            _end: end,
        }
    }

    /// Who held what the session waited for until now.
    pub(super) fn seen(&self) -> Option<String> {
        let seen = self.seen.lock().ok()?;
        let (at, words) = seen.as_ref()?;
        (at.elapsed() < self.fresh).then(|| words.clone())
    }
}

/// Who holds what the session waits for, where it waits; `None` where nobody can be asked.
fn look(
    connection: &mut Option<PgConnection>,
    url: &DatabaseUrl,
    process: &str,
) -> Option<Option<String>> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(connect(url).ok()?),
    };
    blocked(connection, process).ok()
}

fn blocked(connection: &mut PgConnection, process: &str) -> QueryResult<Option<String>> {
    // The server is asked who blocks only where something is waited for, because the answer stops
    // all locking for a moment. A lock on a row is one on the transaction that changed it; the first
    // who waits for that has another on the row itself.
    let query = format!(
        "SELECT coalesce((SELECT 'a row of `' || regexp_replace(l.relation::regclass::text, '^public\\.', '') || '`' FROM pg_locks l \
             WHERE l.pid = waiting.pid AND l.locktype = 'tuple' LIMIT 1), \
             '`' || regexp_replace(waiting.relation::regclass::text, '^public\\.', '') || '`', \
             CASE waiting.locktype WHEN 'transactionid' THEN 'a row' ELSE 'a lock (' || waiting.locktype || ')' END), \
         CASE WHEN a.pid IS NULL THEN 'a prepared transaction' ELSE {WHO} END \
         FROM pg_locks waiting \
         CROSS JOIN LATERAL (SELECT DISTINCT unnest(pg_blocking_pids(waiting.pid)) AS pid) blocking \
         LEFT JOIN pg_stat_activity a ON a.pid = blocking.pid \
         WHERE waiting.pid = $1::integer AND NOT waiting.granted \
         ORDER BY a.xact_start NULLS LAST LIMIT 3"
    );
    let query = sql_query(query).bind::<Text, _>(process);
    let rows: Vec<Fields> = connection
        .build_transaction()
        .read_only()
        .run(|connection| {
            connection.batch_execute(&format!("SET LOCAL search_path = {OURS}"))?;
            query.load(connection)
        })?;
    let mut what = None;
    let mut who = Vec::new();
    for Fields(row) in &rows {
        if let [Some(waited_for), Some(holder)] = row.as_slice() {
            what = Some(waited_for.clone());
            who.push(holder.clone());
        }
    }
    Ok(what.map(|what| format!("{what} is locked by {}", listed(&who))))
}
