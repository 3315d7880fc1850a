//! Reading the schema from the pragmas, and from the text of CREATE TABLE what they leave out.
//! <https://www.sqlite.org/pragma.html#pragma_table_xinfo>

use super::super::ledger::is_bookkeeping;
use super::tokens::{
    checks, column_definitions, constraints, default_expression, spelled, spelled_default, tokens,
    without_generated,
};
use super::value::Affinity;
use super::{SqliteSession, conditions};
use crate::model::schema::catalog::{
    Action, Catalog, Column, DefaultValue, ForeignKey, Object, PartialKey, Table, TableKind,
};
use crate::model::schema::table::TableName;

impl SqliteSession {
    pub(super) fn read_catalog(&mut self) -> anyhow::Result<Catalog> {
        let mut catalog = Catalog::default();
        let mut statements = Vec::new();
        let tables = self.query(
            "SELECT l.name, l.type, l.wr, l.strict, coalesce(s.sql, '') FROM pragma_table_list AS l \
             LEFT JOIN sqlite_schema AS s ON s.name = l.name AND s.type IN ('table', 'view') \
             WHERE l.schema = 'main' AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY l.name",
            &[],
        )?;
        for row in tables {
            let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
            let (name, kind, statement) = (text(0), text(1), text(4));
            if is_bookkeeping(&name) || kind == "shadow" {
                continue;
            }
            let tokens = tokens(&statement);
            if kind == "table" {
                let mut options: Vec<&str> = Vec::new();
                if text(2) == "1" {
                    options.push("without rowid");
                }
                if text(3) == "1" {
                    options.push("strict");
                }
                if tokens.iter().any(|token| token == "autoincrement") {
                    options.push("autoincrement");
                }
                add(&mut catalog, "table", &name, options.join(", "));
            } else {
                add(
                    &mut catalog,
                    if kind == "view" {
                        "view"
                    } else {
                        "virtual table"
                    },
                    &name,
                    spelled(&tokens),
                );
            }
            let table = self.read_table(&name, kind == "table", &tokens, &mut catalog)?;
            catalog.tables.insert(table.name.clone(), table);
            statements.push((TableName::new(None, &name), tokens));
        }
        self.read_statements(&mut catalog)?;
        resolve_parents(&mut catalog);
        for (name, tokens) in &statements {
            add_foreign_keys(&mut catalog, name, tokens);
        }
        Ok(catalog)
    }

    fn read_table(
        &mut self,
        name: &str,
        has_rows: bool,
        tokens: &[String],
        catalog: &mut Catalog,
    ) -> anyhow::Result<Table> {
        let parameter = [Some(name.to_owned())];
        let mut table = Table {
            name: TableName::new(None, name),
            kind: if has_rows {
                TableKind::Ordinary
            } else {
                TableKind::NotATable
            },
            columns: Vec::new(),
            primary_key: Vec::new(),
            unique_keys: Vec::new(),
            partial_keys: Vec::new(),
            foreign_keys: Vec::new(),
        };
        let mut primary_key: Vec<(u32, String)> = Vec::new();
        let definitions = column_definitions(tokens);
        let columns = self.query(
            "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?) ORDER BY cid",
            &parameter,
        )?;
        for row in columns {
            let optional = |at: usize| row.get(at).cloned().flatten();
            let text = |at: usize| optional(at).unwrap_or_default();
            let (column, hidden) = (text(0), text(5));
            let declared = without_generated(&text(1));
            let position: u32 = text(4).parse().unwrap_or_default();
            if position > 0 {
                primary_key.push((position, column.clone()));
            }
            let mut definition = spelled(&super::tokens::tokens(&declared));
            if text(2) == "1" {
                definition.push_str(" not null");
            }
            if let Some(default) = optional(3) {
                definition.push_str(&format!(" default {}", spelled_default(&default)));
            }
            for extra in definitions
                .get(&column.to_lowercase())
                .into_iter()
                .flatten()
            {
                definition.push_str(&format!(" {extra}"));
            }
            if has_rows {
                add(
                    catalog,
                    "column",
                    &format!("{name}.{column}"),
                    definition.trim().to_owned(),
                );
            }
            table.columns.push(Column {
                reading: Affinity::of(&declared).reading(),
                name: column,
                type_name: declared,
                nullable: text(2) != "1" && position == 0,
                generated: hidden != "0",
                fixed: false,
                default: optional(3)
                    .filter(|default| !default.eq_ignore_ascii_case("null"))
                    .map(|default| DefaultValue::Expression(default_expression(&default))),
            });
        }
        primary_key.sort();
        table.primary_key = primary_key.into_iter().map(|(_, column)| column).collect();
        if !table.primary_key.is_empty() {
            add(
                catalog,
                "primary key",
                &format!("{name}.({})", table.primary_key.join(", ")),
                details(tokens, "primary", &table.primary_key, None),
            );
            table.unique_keys.push(table.primary_key.clone());
        }
        for check in checks(tokens) {
            add(
                catalog,
                "check",
                &format!("{name}.({check})"),
                String::new(),
            );
        }
        self.read_indexes(&mut table, tokens, catalog)?;
        self.read_foreign_keys(&mut table)?;
        Ok(table)
    }

    fn read_indexes(
        &mut self,
        table: &mut Table,
        tokens: &[String],
        catalog: &mut Catalog,
    ) -> anyhow::Result<()> {
        let indexes = self.query(
            "SELECT i.name, i.\"unique\", i.origin, i.partial, \
             (SELECT json_group_array(name) FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)), \
             (SELECT sql FROM sqlite_schema AS s WHERE s.type = 'index' AND s.name = i.name) \
             FROM pragma_index_list(?) AS i ORDER BY i.name",
            &[Some(table.name.name.clone())],
        )?;
        // The rows of a table whose primary key is an index of its own have another number.
        let is_row_number = !indexes
            .iter()
            .any(|row| row.get(2) == Some(&Some("pk".to_owned())));
        if let [key] = table.primary_key.as_slice()
            && is_row_number
            && let Some(column) = table.columns.iter_mut().find(|column| column.name == *key)
            && column.type_name.eq_ignore_ascii_case("integer")
        {
            column.default = Some(DefaultValue::RowNumber);
        }
        for row in indexes {
            let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
            let columns: Vec<Option<String>> = serde_json::from_str(&text(4))?;
            // An expression has no column name.
            let Some(columns) = columns.into_iter().collect::<Option<Vec<String>>>() else {
                continue;
            };
            if text(2) == "u" {
                add(
                    catalog,
                    "unique",
                    &format!("{}.({})", table.name, columns.join(", ")),
                    details(tokens, "unique", &columns, None),
                );
            }
            if text(1) == "1"
                && let Some(condition) = conditions::of_index(&text(5))
            {
                table.partial_keys.push(PartialKey { columns, condition });
            } else if text(1) == "1" && text(3) == "0" && !table.unique_keys.contains(&columns) {
                table.unique_keys.push(columns);
            }
        }
        Ok(())
    }

    fn read_foreign_keys(&mut self, table: &mut Table) -> anyhow::Result<()> {
        let rows = self.query(
            "SELECT id, \"table\", \"from\", \"to\", on_update, on_delete FROM pragma_foreign_key_list(?) ORDER BY id, seq",
            &[Some(table.name.name.clone())],
        )?;
        let mut last = None;
        for row in rows {
            let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
            if last != Some(text(0)) {
                last = Some(text(0));
                table.foreign_keys.push(ForeignKey {
                    name: None,
                    columns: Vec::new(),
                    parent: TableName::new(None, &text(1)),
                    parent_columns: Vec::new(),
                    comparisons: Vec::new(),
                    // References are checked at the end anyway, so order does not matter here.
                    deferrable: false,
                    on_delete_columns: Vec::new(),
                    on_delete: action(&text(5)),
                    on_update: action(&text(4)),
                });
            }
            if let Some(key) = table.foreign_keys.last_mut() {
                key.columns.push(text(2));
                if let Some(parent_column) = row.get(3).cloned().flatten() {
                    key.parent_columns.push(parent_column);
                }
            }
        }
        Ok(())
    }

    /// Indexes and triggers that have a statement of their own.
    fn read_statements(&mut self, catalog: &mut Catalog) -> anyhow::Result<()> {
        let rows = self.query(
            "SELECT type, tbl_name, name, sql FROM sqlite_schema \
             WHERE type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY name",
            &[],
        )?;
        for row in rows {
            let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
            if is_bookkeeping(&text(1)) {
                continue;
            }
            let mut definition = tokens(&text(3));
            if let Some(at) = definition
                .windows(3)
                .position(|words| words == ["if", "not", "exists"])
            {
                definition.drain(at..at + 3);
            }
            add(
                catalog,
                &text(0),
                &format!("{}.{}", text(1), text(2)),
                spelled(&definition),
            );
        }
        Ok(())
    }
}

fn add(catalog: &mut Catalog, kind: &str, name: &str, definition: String) {
    let object = Object {
        kind: kind.to_owned(),
        name: name.to_owned(),
    };
    catalog.objects.insert(object, definition);
}

/// What a statement says of a constraint and no pragma tells.
fn details(tokens: &[String], kind: &str, columns: &[String], parent: Option<&str>) -> String {
    let same = |one: &String, other: &String| one.to_lowercase() == other.to_lowercase();
    let found = constraints(tokens).into_iter().find(|found| {
        found.kind == kind
            && found.columns.len() == columns.len()
            && found
                .columns
                .iter()
                .zip(columns)
                .all(|(one, other)| same(one, other))
            && found.parent.as_deref() == parent.map(str::to_lowercase).as_deref()
    });
    found.map(|found| found.details).unwrap_or_default()
}

/// The foreign keys of a table as objects, once their parents are known.
fn add_foreign_keys(catalog: &mut Catalog, name: &TableName, tokens: &[String]) {
    let keys = catalog
        .tables
        .get(name)
        .map(|table| table.foreign_keys.clone());
    for key in keys.into_iter().flatten() {
        let deferral = details(tokens, "foreign", &key.columns, Some(&key.parent.name));
        let definition = format!(
            "({}) on update {} on delete {} {deferral}",
            key.parent_columns.join(", ").to_ascii_lowercase(),
            action_name(key.on_update),
            action_name(key.on_delete)
        );
        add(
            catalog,
            "foreign key",
            &format!("{name}.({}) to {}", key.columns.join(", "), key.parent),
            definition.trim_end().to_owned(),
        );
    }
}

fn action_name(action: Action) -> &'static str {
    match action {
        Action::NoAction => "no action",
        Action::Restrict => "restrict",
        Action::Cascade => "cascade",
        Action::SetNull => "set null",
        Action::SetDefault => "set default",
    }
}

/// <https://www.sqlite.org/pragma.html#pragma_foreign_key_list>
fn action(words: &str) -> Action {
    match words.to_ascii_uppercase().as_str() {
        "RESTRICT" => Action::Restrict,
        "CASCADE" => Action::Cascade,
        "SET NULL" => Action::SetNull,
        "SET DEFAULT" => Action::SetDefault,
        _ => Action::NoAction,
    }
}

/// Gives every foreign key its parent's real name and columns, which a statement may leave out
/// or write in other letters.
fn resolve_parents(catalog: &mut Catalog) {
    let parents: Vec<(TableName, Vec<String>, Vec<String>)> = catalog
        .tables
        .values()
        .map(|table| {
            let columns = table.columns.iter().map(|column| column.name.clone());
            (
                table.name.clone(),
                table.primary_key.clone(),
                columns.collect(),
            )
        })
        .collect();
    for key in catalog
        .tables
        .values_mut()
        .flat_map(|table| &mut table.foreign_keys)
    {
        let found = parents
            .iter()
            .find(|(name, ..)| name.name.eq_ignore_ascii_case(&key.parent.name));
        let Some((name, primary_key, columns)) = found else {
            continue;
        };
        key.parent = name.clone();
        if key.parent_columns.is_empty() {
            key.parent_columns.clone_from(primary_key);
        }
        for written in &mut key.parent_columns {
            let real = columns
                .iter()
                .find(|real| real.eq_ignore_ascii_case(written));
            if let Some(real) = real {
                written.clone_from(real);
            }
        }
    }
}
