//! What is pinned of the settings that a session gets from the server, the database, the role and the
//! URL, and why. Whoever wonders about a setting looks here; what is missing changes neither what is
//! read or written nor whether the database checks it.
//! <https://www.postgresql.org/docs/current/runtime-config.html>
//!
//! Left alone, with a thought: `check_function_bodies` (a function that cannot run changes no row),
//! `default_text_search_config`, `lc_numeric`, `lc_time` and what belongs to extensions (triggers
//! have what they always have), `fsync`, `full_page_writes` and checksums (the server's as a whole,
//! which no session can change).

use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::result::Error;
use diesel::{RunQueryDsl as _, sql_query};

use super::connection::{Fields, failed};
use crate::problem::{Code, Problem};

/// Of statements of our own, as SQL writes the value, each with its reason. Migrations and what they define were written
/// for the database's own settings, and run with those.
pub(super) const OF_STATEMENTS: &[(&str, &str, &str)] = &[
    (
        "search_path",
        super::names::OURS,
        "a name means what the server's own catalog has",
    ),
    (
        "client_encoding",
        "'UTF8'",
        "text is read and sent as UTF-8",
    ),
    ("DateStyle", "'ISO, YMD'", "how values print"),
    ("IntervalStyle", "'postgres'", "how values print"),
    ("TimeZone", "'UTC'", "how values print"),
    (
        "extra_float_digits",
        "3",
        "every digit prints, so that values come back",
    ),
    ("bytea_output", "'hex'", "how values print"),
    ("xmlbinary", "'base64'", "how values print"),
    ("lc_monetary", "'C'", "how values print and are read"),
    (
        "xmloption",
        "'content'",
        "a fragment of XML that was stored is read again",
    ),
    (
        "array_nulls",
        "on",
        "NULL in an array is read as NULL, not as a text",
    ),
    (
        "standard_conforming_strings",
        "on",
        "a backslash in a literal is one",
    ),
    (
        "backslash_quote",
        "safe_encoding",
        "a backslash ends no literal",
    ),
    (
        "transform_null_equals",
        "off",
        "`x = NULL` in a `where` means what SQL says",
    ),
    (
        "constraint_exclusion",
        "partition",
        "no rows are left out because of a CHECK",
    ),
    (
        "default_table_access_method",
        "heap",
        "staged rows can be updated",
    ),
    (
        "quote_all_identifiers",
        "off",
        "the catalog is read as the server words it",
    ),
    (
        "row_security",
        "off",
        "a policy that would hide rows is an error instead",
    ),
];

/// What diesel sets itself for every session, migrations included.
const DIESELS: [&str; 2] = ["TimeZone", "client_encoding"];

/// Of everything that a session of ours does, migrations included: what it has to be, which other
/// values are as good, and what would follow from any other.
const OF_SESSIONS: &[(&str, &str, &[&str], &str)] = &[
    (
        "session_replication_role",
        "origin",
        &["local"],
        "foreign keys are not checked and triggers do not fire",
    ),
    (
        "event_triggers",
        "on",
        &[],
        "event triggers do not fire for a migration",
    ),
    (
        "synchronous_commit",
        "on",
        &["local", "remote_write", "remote_apply"],
        "what was committed may be lost in a crash",
    ),
    (
        "zero_damaged_pages",
        "off",
        &[],
        "rows on a damaged page are silently missing",
    ),
    (
        "ignore_checksum_failure",
        "off",
        &[],
        "rows are read from damaged pages",
    ),
    (
        "ignore_system_indexes",
        "off",
        &[],
        "damage of the catalog goes unseen",
    ),
    (
        "gin_fuzzy_search_limit",
        "0",
        &[],
        "a search leaves out rows at random",
    ),
    (
        "exit_on_error",
        "off",
        &[],
        "the session ends with the first value that is refused",
    ),
    (
        "default_transaction_isolation",
        "read committed",
        &[],
        "a migration outside of a transaction runs in another way than elsewhere",
    ),
    (
        "default_transaction_read_only",
        "off",
        &[],
        "a migration outside of a transaction is refused what it writes",
    ),
    (
        "default_transaction_deferrable",
        "off",
        &[],
        "a transaction may wait without a limit before it begins",
    ),
    (
        "transaction_timeout",
        "0",
        &[],
        "a run is cut off in the middle",
    ),
];

/// How far a setting reaches.
#[derive(Clone, Copy)]
pub(super) enum Reach {
    /// Behind a pooler somebody else gets the same session afterwards.
    Transaction,
    /// Where there is no transaction.
    Session,
}

impl Reach {
    fn set(self, name: &str, value: &str) -> String {
        let set = match self {
            Reach::Transaction => "SET LOCAL",
            Reach::Session => "SET",
        };
        format!("{set} {name} = {value}")
    }
}

/// Pins what statements of our own need.
pub(super) fn of_statements(reach: Reach) -> String {
    let settings = OF_STATEMENTS.iter();
    let set = settings.map(|(name, value, _)| reach.set(name, value));
    set.collect::<Vec<_>>().join("; ")
}

/// Gives a migration back what the database has.
pub(super) fn of_database() -> String {
    let settings = OF_STATEMENTS.iter().map(|(name, ..)| name);
    let own = settings.filter(|name| !DIESELS.contains(name));
    let reset = own.map(|name| format!("RESET {name}"));
    reset.collect::<Vec<_>>().join("; ")
}

/// Pins what every session of ours needs, where it is not so already: most of these settings are
/// only for superusers.
///
/// # Errors
/// `unsafe_setting` where this role may not change one.
pub(super) fn keep(connection: &mut PgConnection, reach: Reach) -> anyhow::Result<()> {
    let names: Vec<String> = OF_SESSIONS
        .iter()
        .map(|(name, ..)| format!("'{name}'"))
        .collect();
    let query = format!(
        "SELECT name, setting FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) ANY (ARRAY[{}]::pg_catalog.text[])",
        names.join(", ")
    );
    let rows: Vec<Fields> = sql_query(query)
        .load(connection)
        .map_err(|error| failed(&error, "read the settings of the session"))?;
    for row in rows {
        let [Some(name), Some(value)] = row.0.as_slice() else {
            continue;
        };
        let wanted = OF_SESSIONS.iter().find(|wanted| wanted.0 == name);
        if let Some((_, right, fine, consequence)) = wanted
            && value != right
            && !fine.contains(&value.as_str())
        {
            connection
                .batch_execute(&reach.set(name, &format!("'{right}'")))
                .map_err(|error| unsafe_setting(name, value, consequence, &error))?;
        }
    }
    Ok(())
}

fn unsafe_setting(name: &str, value: &str, consequence: &str, error: &Error) -> anyhow::Error {
    if !matches!(error, Error::DatabaseError(..)) {
        return failed(error, "set up the session");
    }
    Problem::new(
        Code::UnsafeSetting,
        format!("`{name}` is `{value}` for this database or role, so that {consequence}, and this role may not change it"),
    )
    .hint(format!(
        "take it back: ALTER DATABASE … RESET {name}, or ALTER ROLE … RESET {name}, or out of the options of the URL"
    ))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_listed_once_with_its_reason() {
        let statements = OF_STATEMENTS.iter().map(|(name, _, why)| (*name, *why));
        let sessions = OF_SESSIONS.iter().map(|(name, _, _, why)| (*name, *why));
        let mut seen = std::collections::BTreeSet::new();
        for (name, why) in statements.chain(sessions) {
            assert!(seen.insert(name), "{name} is listed twice");
            assert!(!why.is_empty(), "{name} has no reason");
        }
        assert!(DIESELS.iter().all(|name| seen.contains(name)));
    }
}
