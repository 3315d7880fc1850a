//! Writes a database's tables, and the rows in them, as text that can be compared.

use app::database::AnyConnection;

use crate::support::lines;

const POSTGRESQL_CATALOG: &str = "
    SELECT concat_ws(' ', 'column', table_name,
        rank() OVER (PARTITION BY table_name ORDER BY ordinal_position),
        column_name, data_type, is_nullable, column_default, identity_generation) AS line
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL
    SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT 'function ' || pg_get_functiondef(oid)
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    ORDER BY line";

const SQLITE_CATALOG: &str = "
    SELECT type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '') AS line
    FROM sqlite_schema WHERE name <> 'sqlite_sequence' ORDER BY line";

/// Everything that migrations make, one thing a line.
///
/// SQLite keeps statements as they were written, and quotes a table's name when it renames it, so
/// quotes and spaces do not count.
pub(crate) fn catalog(connection: &mut AnyConnection) -> Vec<String> {
    match connection {
        AnyConnection::Postgresql(_) => lines(connection, POSTGRESQL_CATALOG),
        AnyConnection::Sqlite(_) => lines(connection, SQLITE_CATALOG)
            .iter()
            .map(|line| {
                line.replace('"', "")
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect(),
    }
}

pub(crate) fn tables(connection: &mut AnyConnection) -> Vec<String> {
    let query = match connection {
        AnyConnection::Postgresql(_) => {
            "SELECT tablename::text AS line FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        }
        AnyConnection::Sqlite(_) => {
            "SELECT name AS line FROM sqlite_schema
             WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1"
        }
    };
    lines(connection, query)
}

/// Every row of every table, with the table's name before it.
pub(crate) fn rows(connection: &mut AnyConnection) -> Vec<String> {
    let mut all = Vec::new();
    for table in tables(connection) {
        let query = match connection {
            AnyConnection::Postgresql(_) => {
                format!("SELECT to_jsonb({table})::text AS line FROM {table} ORDER BY 1")
            }
            AnyConnection::Sqlite(_) => {
                let columns = lines(
                    connection,
                    &format!(
                        "SELECT 'quote(' || name || ')' AS line FROM pragma_table_info('{table}')"
                    ),
                );
                let row = columns.join(" || ',' || ");
                format!("SELECT {row} AS line FROM {table} ORDER BY 1")
            }
        };
        all.extend(
            lines(connection, &query)
                .iter()
                .map(|row| format!("{table}: {row}")),
        );
    }
    all
}
