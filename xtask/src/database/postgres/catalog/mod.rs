//! Reading the schema from the system catalogs.
//! <https://www.postgresql.org/docs/current/catalogs.html>

mod body;
mod columns;
pub(super) mod keys;
mod objects;
mod optional;
mod types;
mod view;

use super::PostgresSession;
use crate::model::schema::catalog::{Catalog, Object};
use crate::model::schema::table::TableName;

/// Schemas that are neither the server's own nor temporary.
const USER_SCHEMA: &str = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

/// Relations that belong to nobody else: no extension, not diesel, not this tool.
const OWN_RELATION: &str = "c.relname NOT LIKE '\\_\\_sync\\_%' AND c.relname <> '__diesel_schema_migrations' \
     AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')";

/// No extension made it, nor the server along with something else, as it makes the functions of a
/// range type.
fn made_by_hand(class: &str, object: &str) -> String {
    format!(
        "NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = '{class}'::regclass AND e.objid = {object}.oid AND e.deptype IN ('e', 'i'))"
    )
}

impl PostgresSession {
    pub(super) fn read_catalog(&mut self) -> anyhow::Result<Catalog> {
        // With our path the server qualifies every name it prints, which compares equal whatever
        // path the database has.
        let mut catalog = Catalog {
            search_path: self.path.schemas.clone(),
            ..Catalog::default()
        };
        self.read_tables(&mut catalog)?;
        self.read_keys(&mut catalog)?;
        self.read_views(&mut catalog)?;
        self.read_materialized_views(&mut catalog)?;
        for query in [objects::queries(), types::queries()].concat() {
            let found = self.read_objects(&query)?;
            catalog.objects.extend(found);
        }
        let version = self.value("SELECT current_setting('server_version_num')", &[])?;
        let version = version.unwrap_or_default().parse()?;
        for query in optional::queries(version) {
            let found = self.read_objects(&query)?;
            catalog.optional.extend(found);
        }
        Ok(catalog)
    }

    /// What a query returns as kind, schema, name, definition, what follows the name of a table or
    /// function, or NULL, and the body in the definition where the server keeps one as it was
    /// written.
    fn read_objects(&mut self, query: &str) -> anyhow::Result<Vec<(Object, String)>> {
        let rows = self.query(query, &[])?;
        let objects = rows.into_iter().map(|row| {
            let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
            let schema = text(1);
            let name = if schema.is_empty() {
                text(2)
            } else {
                TableName::new(Some(&schema), &text(2)).to_string()
            };
            let object = object(&text(0), &format!("{name}{}", text(4)));
            // A file may have been checked out with other line ends.
            let definition = text(3).replace("\r\n", "\n");
            let body = row.get(5).cloned().flatten();
            let definition = match body.map(|body| body.replace("\r\n", "\n")) {
                Some(body) => body::with_canonical_body(&definition, &body),
                None => definition,
            };
            (object, definition)
        });
        Ok(objects.collect())
    }

    /// Views of both kinds. Their text is the server's, written anew from what it understood.
    fn read_views(&mut self, catalog: &mut Catalog) -> anyhow::Result<()> {
        let rows = self.query(
            &format!(
                "SELECT CASE c.relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END, n.nspname::text, c.relname::text, \
                 pg_get_viewdef(c.oid), concat_ws(' ', \
                 'WITH (' || (SELECT string_agg(option, ', ' ORDER BY option) FROM unnest(c.reloptions) option) || ')', \
                 'DEFAULT ' || (SELECT string_agg(quote_ident(a.attname) || ' ' || pg_get_expr(d.adbin, d.adrelid), ', ' ORDER BY a.attname) \
                 FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE d.adrelid = c.oid), \
                 CASE WHEN NOT c.relispopulated THEN 'NOT POPULATED' END) \
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                 WHERE c.relkind IN ('v', 'm') AND {USER_SCHEMA} AND {OWN_RELATION}"
            ),
            &[],
        )?;
        for row in rows {
            let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
            let name = TableName::new(Some(&text(1)), &text(2)).to_string();
            let definition = format!("{} {}", view::canonical(&text(3)), text(4));
            catalog
                .objects
                .insert(object(&text(0), &name), definition.trim().to_owned());
        }
        Ok(())
    }

    fn read_materialized_views(&mut self, catalog: &mut Catalog) -> anyhow::Result<()> {
        let views = &mut catalog.materialized_views;
        for row in self.query(MATERIALIZED_VIEWS, &[])? {
            let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
            let view = TableName::new(Some(&text(0)), &text(1));
            let table = TableName::new(Some(&text(2)), &text(3));
            match views.last_mut() {
                Some((last, tables)) if *last == view => {
                    tables.insert(table);
                }
                _ => views.push((view, [table].into())),
            }
        }
        Ok(())
    }
}

/// Which relations each view shows, itself or through other views: `pg_depend` says of the rule that
/// makes a view what the rule names.
const MATERIALIZED_VIEWS: &str = "WITH RECURSIVE named(view, relation) AS (\
     SELECT r.ev_class, d.refobjid FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid \
     WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class), \
     shown(view, relation) AS (SELECT view, relation FROM named \
     UNION SELECT shown.view, named.relation FROM shown JOIN named ON named.view = shown.relation) \
     SELECT n.nspname::text, v.relname::text, m.nspname::text, c.relname::text \
     FROM shown JOIN pg_class v ON v.oid = shown.view JOIN pg_namespace n ON n.oid = v.relnamespace \
     JOIN pg_class c ON c.oid = shown.relation JOIN pg_namespace m ON m.oid = c.relnamespace \
     WHERE v.relkind = 'm' AND c.relkind IN ('r', 'p', 'f') \
     ORDER BY (SELECT count(*) FROM shown o JOIN pg_class i ON i.oid = o.relation AND i.relkind = 'm' WHERE o.view = v.oid), 1, 2";

fn object(kind: &str, name: &str) -> Object {
    Object {
        kind: kind.to_owned(),
        name: name.to_owned(),
    }
}
