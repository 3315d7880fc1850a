//! Where names are looked up: nowhere that others could have put something of theirs.
//! <https://www.postgresql.org/docs/current/ddl-schemas.html#DDL-SCHEMAS-PATTERNS>
//!
//! Statements of our own find the server's catalog and nothing else. A statement in which others'
//! words are, or that lets the database run what they wrote (conditions of the configuration,
//! CHECKs, defaults, triggers), finds what the role's own path has as well, without the schemas in
//! which somebody else may create. Migrations alone run with the role's own path as it is.

use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::{QueryResult, RunQueryDsl as _, sql_query};

use super::super::sql;
use super::PostgresSession;
use super::connection::Fields;

/// The path of statements of our own. Where it is not named, what is temporary comes first.
pub(super) const OURS: &str = "pg_catalog, pg_temp";

/// The schemas that exist of the path that database, role and URL give, in order, each with whether
/// only this role, the database's owner and superusers may create in it. It runs with that path, so
/// that every name in it says where it is.
const OWN_PATH: &str = "SELECT path.name::pg_catalog.text, (NOT EXISTS (SELECT FROM (\
     SELECT n.nspowner AS role UNION ALL SELECT x.grantee FROM pg_catalog.aclexplode(coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))) AS x \
     WHERE x.privilege_type OPERATOR(pg_catalog.=) 'CREATE') AS may \
     LEFT JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) may.role \
     WHERE (r.rolsuper OR r.rolname OPERATOR(pg_catalog.=) current_user OR r.rolname OPERATOR(pg_catalog.=) session_user \
     OR r.rolname OPERATOR(pg_catalog.=) 'pg_database_owner' \
     OR r.oid OPERATOR(pg_catalog.=) (SELECT d.datdba FROM pg_catalog.pg_database AS d \
     WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())) IS NOT TRUE))::pg_catalog.text \
     FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) WITH ORDINALITY AS path(name, at) \
     JOIN pg_catalog.pg_namespace AS n ON n.nspname OPERATOR(pg_catalog.=) path.name ORDER BY path.at";

/// The role's own path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OwnPath {
    /// Every schema of it that exists.
    pub(super) schemas: Vec<String>,
    /// Those of them in which others may create.
    pub(super) open: Vec<String>,
}

impl OwnPath {
    /// Reads it, before the path of the session is another.
    pub(super) fn read(connection: &mut PgConnection) -> QueryResult<Self> {
        let rows: Vec<Fields> = sql_query(OWN_PATH).load(connection)?;
        let mut path = OwnPath::default();
        for row in rows {
            if let [Some(schema), is_safe] = row.0.as_slice() {
                path.schemas.push(schema.clone());
                if is_safe.as_deref() != Some("true") {
                    path.open.push(schema.clone());
                }
            }
        }
        Ok(path)
    }

    /// As SQL, without the schemas in which others may create.
    fn safe(&self) -> String {
        let own = self
            .schemas
            .iter()
            .filter(|schema| !self.open.contains(schema) && !schema.starts_with("pg_"));
        let own: String = own
            .map(|schema| format!("{}, ", sql::identifier(schema)))
            .collect();
        format!("pg_catalog, {own}pg_temp")
    }
}

/// Whose words are in a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    Ours,
    Theirs,
}

impl PostgresSession {
    /// The connection for a statement in which all words are ours.
    pub(super) fn ours(&mut self) -> QueryResult<&mut PgConnection> {
        self.for_words(Words::Ours)
    }

    /// The connection for a statement in which others have words too, or that runs what they wrote.
    pub(super) fn theirs(&mut self) -> QueryResult<&mut PgConnection> {
        self.for_words(Words::Theirs)
    }

    pub(super) fn for_words(&mut self, words: Words) -> QueryResult<&mut PgConnection> {
        if self.words != Some(words) {
            let path = match words {
                Words::Ours => OURS.to_owned(),
                Words::Theirs => self.path.safe(),
            };
            self.connection
                .batch_execute(&format!("SET LOCAL search_path = {path}"))?;
            self.words = Some(words);
        }
        Ok(&mut self.connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_that_others_may_create_in_are_left_out() {
        let path = OwnPath {
            schemas: ["a\"b", "public", "pg_catalog", "c"]
                .map(str::to_owned)
                .to_vec(),
            open: vec!["public".to_owned()],
        };
        assert_eq!(path.safe(), "pg_catalog, \"a\"\"b\", \"c\", pg_temp");
    }
}
