//! Reads JSON documents, which the two databases store differently.

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::{Pg, PgValue};
use diesel::sql_types::HasSqlType;
use diesel::sqlite::{Sqlite, SqliteValue};
use serde::Serialize;

use crate::database::{MultiBackend, MultiRawValue};
use crate::schema::types::Document;

/// A JSON document that the database stores as it is.
#[derive(Debug, FromSqlRow, Serialize)]
#[serde(transparent)]
pub struct Specification(pub serde_json::Value);

impl FromSql<Document, Pg> for Specification {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        // The binary form of jsonb is its version, which has always been one, and JSON text.
        let json = value
            .as_bytes()
            .strip_prefix(&[1])
            .ok_or("unknown jsonb version")?;
        Ok(Self(serde_json::from_slice(json)?))
    }
}

impl FromSql<Document, Sqlite> for Specification {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Self(serde_json::from_str(value.read_text())?))
    }
}

impl FromSql<Document, MultiBackend> for Specification {
    fn from_sql(value: MultiRawValue<'_>) -> deserialize::Result<Self> {
        value.from_sql::<Self, Document>()
    }
}

impl HasSqlType<Document> for MultiBackend {
    fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
        Self::lookup_sql_type::<Document>(lookup)
    }
}
