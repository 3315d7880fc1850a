//! `app/src/schema.rs` says what freshly migrated databases say.

use app::database::AnyConnection;
use app::schema::types::{Document, Moment};
use diesel::query_source::Column;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
use diesel::{Expression, Table};

use crate::catalog::tables;
use crate::support::{Backend, Database, lines};

on_both!(declarations_match_the_database);

/// How a diesel type is declared in SQL on each backend.
trait Declared {
    const POSTGRESQL: &'static str;
    const SQLITE: &'static str;
    const NULLABLE: &'static str = "not null";
}

macro_rules! declared {
    ($($diesel:ty => $postgresql:literal, $sqlite:literal;)+) => {$(
        impl Declared for $diesel {
            const POSTGRESQL: &'static str = $postgresql;
            const SQLITE: &'static str = $sqlite;
        }
    )+};
}

declared! {
    Integer => "integer", "INTEGER";
    BigInt => "bigint", "BIGINT";
    Bool => "boolean", "BOOLEAN";
    Text => "text", "TEXT";
    Moment => "timestamp with time zone", "TEXT";
    Document => "jsonb", "TEXT";
}

impl<T: Declared + diesel::sql_types::SqlType> Declared for Nullable<T> {
    const POSTGRESQL: &'static str = T::POSTGRESQL;
    const SQLITE: &'static str = T::SQLITE;
    const NULLABLE: &'static str = "null";
}

/// The columns of a table, one line each: name, type, nullability.
trait Columns {
    fn describe(backend: Backend, primary_key: &str) -> Vec<String>;
}

fn describe<C>(backend: Backend, primary_key: &str) -> String
where
    C: Column + Expression<SqlType: Declared>,
{
    let kind = match backend {
        Backend::Postgresql => C::SqlType::POSTGRESQL,
        // Only a column declared exactly INTEGER numbers its rows, and it holds 64 bits.
        Backend::Sqlite if C::NAME == primary_key && C::SqlType::SQLITE == "BIGINT" => "INTEGER",
        Backend::Sqlite => C::SqlType::SQLITE,
    };
    let key = if C::NAME == primary_key {
        " primary key"
    } else {
        ""
    };
    format!("{} {kind} {}{key}", C::NAME, C::SqlType::NULLABLE)
}

macro_rules! columns {
    ($($column:ident)+) => {
        impl<$($column: Column + Expression<SqlType: Declared>),+> Columns for ($($column,)+) {
            fn describe(backend: Backend, primary_key: &str) -> Vec<String> {
                vec![$(describe::<$column>(backend, primary_key)),+]
            }
        }
    };
}

columns!(A B C D);
columns!(A B C D E F);
columns!(A B C D E F G);
columns!(A B C D E F G H);
columns!(A B C D E F G H I);
columns!(A B C D E F G H I J);

fn declaration<T>(backend: Backend) -> Vec<String>
where
    T: Table<PrimaryKey: Column, AllColumns: Columns>,
{
    T::AllColumns::describe(backend, <T::PrimaryKey as Column>::NAME)
}

fn in_database(connection: &mut AnyConnection, table: &str) -> Vec<String> {
    let query = match connection {
        AnyConnection::Postgresql(_) => format!(
            "SELECT concat(c.column_name, ' ', c.data_type,
                CASE c.is_nullable WHEN 'YES' THEN ' null' ELSE ' not null' END,
                CASE WHEN k.column_name IS NOT NULL THEN ' primary key' END) AS line
             FROM information_schema.columns c
             LEFT JOIN information_schema.key_column_usage k
                ON k.table_schema = c.table_schema AND k.column_name = c.column_name
                AND k.constraint_name = '{table}_pkey'
             WHERE c.table_schema = 'public' AND c.table_name = '{table}'
             ORDER BY c.ordinal_position"
        ),
        AnyConnection::Sqlite(_) => format!(
            "SELECT name || ' ' || type || iif(\"notnull\", ' not null', ' null')
                || iif(pk, ' primary key', '') AS line
             FROM pragma_table_info('{table}') ORDER BY cid"
        ),
    };
    lines(connection, &query)
}

fn declarations_match_the_database(backend: Backend) {
    let database = Database::migrated(backend);
    let mut connection = database.connect();
    let mut declared = Vec::new();
    macro_rules! compare {
        ($($table:ident)+) => {$(
            let expected = declaration::<app::schema::$table::table>(backend);
            let name = stringify!($table);
            assert_eq!(expected, in_database(&mut connection, name), "table {name}");
            declared.push(name);
        )+};
    }
    compare!(
        audit_logs email_templates equipment_catalogue fee_groups fee_items merchants
        system_configuration transactions users
    );
    assert_eq!(declared, tables(&mut connection));
}
