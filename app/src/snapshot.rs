//! Transactions that see the database at one moment, on both backends.

use diesel::QueryResult;
use diesel::connection::{AnsiTransactionManager, TransactionManager};

use crate::database::AnyConnection;

/// What a transaction does to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It only reads.
    Read,
    /// It also writes.
    Write,
}

/// Runs `work` in a transaction that sees the database at one moment: a promotion of lookup rows is
/// seen entirely or not at all. Everything is undone when `work` fails.
///
/// # Errors
/// What `work` returns, or that the transaction could not begin or commit.
pub fn transaction<T, E: From<diesel::result::Error>>(
    connection: &mut AnyConnection,
    access: Access,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
) -> Result<T, E> {
    begin(connection, access)?;
    match work(connection) {
        Ok(value) => {
            <AnyConnection as TransactionManager<AnyConnection>>::commit_transaction(connection)?;
            Ok(value)
        }
        Err(error) => {
            // The first error is the one worth telling; the pool drops a broken connection.
            let _ = <AnyConnection as TransactionManager<AnyConnection>>::rollback_transaction(
                connection,
            );
            Err(error)
        }
    }
}

fn begin(connection: &mut AnyConnection, access: Access) -> QueryResult<()> {
    match connection {
        AnyConnection::Postgresql(connection) => AnsiTransactionManager::begin_transaction_sql(
            connection,
            match access {
                Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                Access::Write => "BEGIN ISOLATION LEVEL REPEATABLE READ",
            },
        ),
        AnyConnection::Sqlite(connection) => AnsiTransactionManager::begin_transaction_sql(
            connection,
            match access {
                Access::Read => "BEGIN",
                // A reader that turns writer fails at once when another one writes; this waits.
                Access::Write => "BEGIN IMMEDIATE",
            },
        ),
    }
}
