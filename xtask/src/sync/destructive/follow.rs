//! From what statements say to what they meet on the target: which tables are there at that point
//! of the plan, under which names, and where foreign keys lead on.

use std::collections::{BTreeMap, BTreeSet};

use super::{Destructive, Effect, Kind};
use crate::database;
use crate::sync::catalog::{Action, Catalog};
use crate::sync::config::{Config, ExtraRows};
use crate::sync::environment::Backend;
use crate::sync::migration::Migration;
use crate::sync::snapshot::Snapshot;
use crate::sync::table::TableName;

/// For each migration, what in it may destroy rows of tables that the target has, in the order of
/// the text. Tables and columns that the migrations add themselves hold nothing there.
pub fn follow(
    config: &Config,
    target: Held<'_>,
    migrations: &[&Migration],
) -> Vec<Vec<Destructive>> {
    let mut follower = Follower {
        config,
        target,
        moved: BTreeMap::new(),
        added: BTreeSet::new(),
        found: Vec::new(),
    };
    migrations
        .iter()
        .map(|migration| {
            for statement in database::effects(target.backend, &migration.up) {
                follower.step(statement.line, statement.effect);
            }
            std::mem::take(&mut follower.found)
        })
        .collect()
}

/// What the target holds.
#[derive(Clone, Copy)]
pub struct Held<'a> {
    pub backend: Backend,
    pub catalog: &'a Catalog,
    /// Of the tables whose rows were counted.
    pub row_counts: &'a BTreeMap<TableName, u64>,
}

impl<'a> Held<'a> {
    pub fn by(snapshot: &'a Snapshot) -> Self {
        Held {
            backend: snapshot.backend,
            catalog: &snapshot.catalog,
            row_counts: &snapshot.row_counts,
        }
    }
}

struct Follower<'a> {
    config: &'a Config,
    target: Held<'a>,
    /// What a name stands for by now, where that is not what the target has under it: one of its
    /// tables that was renamed, or none of them.
    moved: BTreeMap<TableName, Option<TableName>>,
    added: BTreeSet<(TableName, String)>,
    found: Vec<Destructive>,
}

impl Follower<'_> {
    fn step(&mut self, line: usize, effect: Effect) {
        match effect {
            Effect::Makes(table) => {
                if self.on_target(&table).is_none() {
                    self.moved.insert(table, None);
                }
            }
            Effect::Adds { table, column } => {
                let table = self.on_target(&table);
                self.added.extend(
                    table
                        .filter(|table| !self.has_column(table, &column))
                        .map(|table| (table, column)),
                );
            }
            Effect::Renames { from, to } => {
                let table = self.on_target(&from);
                let schema = table.as_ref().and_then(|table| table.schema.clone());
                self.forget(&from);
                let qualified =
                    TableName::new(to.schema.as_deref().or(schema.as_deref()), &to.name);
                self.moved.insert(qualified, table.clone());
                self.moved.insert(to, table);
            }
            Effect::Meets {
                kind,
                table: written,
                columns,
                others,
            } => {
                let Some(table) = self.on_target(&written) else {
                    return;
                };
                if !columns.is_empty() && columns.iter().all(|column| self.is_added(&table, column))
                {
                    return;
                }
                if kind == Kind::DropTable {
                    self.forget(&written);
                }
                let column = columns.first().cloned();
                let column = column.filter(|_| kind == Kind::DropColumn);
                self.found(kind, &table, column, None, line);
                if kind == Kind::Update && self.target.backend == Backend::Postgres {
                    self.carry_on(&table, columns, line);
                }
                let leads_on = others || kind == Kind::Delete;
                if leads_on && self.target.backend == Backend::Postgres {
                    self.reach(kind, &table, line);
                }
            }
            Effect::Retypes {
                table,
                column,
                type_name,
                computed,
            } => {
                let Some(table) = self.on_target(&table) else {
                    return;
                };
                let columns = self.target.catalog.tables.get(&table);
                let now = columns
                    .and_then(|table| table.columns.iter().find(|found| found.name == column))
                    .map_or("", |column| column.type_name.as_str());
                if !self.is_added(&table, &column) && (computed || !widens(now, &type_name)) {
                    self.found(Kind::ChangeType, &table, Some(column), None, line);
                }
            }
            Effect::DropsSchema(schema) => {
                let schema = TableName::new(Some(&schema), "").schema;
                let tables: Vec<TableName> = self
                    .target
                    .catalog
                    .tables
                    .keys()
                    .filter(|table| table.schema == schema)
                    .filter(|table| self.on_target(table).as_ref() == Some(table))
                    .cloned()
                    .collect();
                for table in tables {
                    self.forget(&table);
                    self.found(Kind::DropTable, &table, None, None, line);
                }
            }
            Effect::Rebuilds {
                table: written,
                heir,
                copied,
            } => {
                let Some(table) = self.on_target(&written) else {
                    return;
                };
                self.forget(&written);
                self.moved.insert(heir, Some(table.clone()));
                let columns = self.target.catalog.tables.get(&table);
                let columns = columns.into_iter().flat_map(|table| &table.columns);
                // What is computed is no part of `*`, and comes back by itself.
                let columns: Vec<&str> = columns
                    .filter(|column| !column.generated)
                    .map(|column| column.name.as_str())
                    .collect();
                for column in copied.lost(&columns) {
                    self.found(
                        Kind::DropColumn,
                        &table,
                        Some(column.to_owned()),
                        None,
                        line,
                    );
                }
            }
        }
    }

    /// The table of the target that a name stands for at this point.
    fn on_target(&self, written: &TableName) -> Option<TableName> {
        if let Some(moved) = self.moved.get(written) {
            return moved.clone();
        }
        let found = find(self.target.catalog, self.target.backend, written)?;
        self.moved.get(&found).cloned().unwrap_or(Some(found))
    }

    fn has_column(&self, table: &TableName, column: &str) -> bool {
        let table = self.target.catalog.tables.get(table);
        let mut columns = table.into_iter().flat_map(|table| &table.columns);
        columns.any(|found| found.name.eq_ignore_ascii_case(column))
    }

    fn is_added(&self, table: &TableName, column: &str) -> bool {
        let mut added = self.added.iter();
        added.any(|(of, name)| of == table && name == column)
    }

    fn forget(&mut self, written: &TableName) {
        if let Some(found) = find(self.target.catalog, self.target.backend, written) {
            self.moved.insert(found, None);
        }
        self.moved.insert(written.clone(), None);
    }

    /// What foreign keys have the database do to rows of other tables.
    fn reach(&mut self, kind: Kind, table: &TableName, line: usize) {
        let target = self.target;
        let catalog = target.catalog;
        let keys: Vec<_> = catalog
            .tables
            .values()
            .flat_map(|child| child.foreign_keys.iter().map(|key| (&child.name, key)))
            .chain(
                catalog
                    .partition_keys
                    .iter()
                    .map(|(child, key)| (child, key)),
            )
            .collect();
        let mut reached = vec![table];
        let mut at = 0;
        while let Some(parent) = reached.get(at).copied() {
            at += 1;
            for (child, key) in &keys {
                if key.parent != *parent || reached.contains(child) {
                    continue;
                }
                let kind = match (kind, key.on_delete) {
                    (Kind::Truncate, _) => Kind::Truncate,
                    (_, Action::Cascade) => Kind::Delete,
                    (_, Action::SetNull | Action::SetDefault) => Kind::Update,
                    _ => continue,
                };
                if kind != Kind::Update {
                    reached.push(child);
                }
                let is_there = self.on_target(child).as_ref() == Some(*child);
                let is_told = self.found.iter().any(|found| {
                    found.line == line && found.table == **child && found.through.is_some()
                });
                if is_there && !is_told {
                    self.found(kind, child, None, Some(table.clone()), line);
                }
            }
        }
    }

    /// What foreign keys have the database do to rows of other tables when these columns of a
    /// table change; whichever, where none is named.
    fn carry_on(&mut self, table: &TableName, columns: Vec<String>, line: usize) {
        let catalog = self.target.catalog;
        let mut changing = vec![(table.clone(), columns)];
        let mut at = 0;
        while let Some((parent, columns)) = changing.get(at).cloned() {
            at += 1;
            let changes = |name: &String| columns.is_empty() || columns.contains(name);
            for child in catalog.tables.values() {
                let mut keys = child.foreign_keys.iter();
                let key = keys.find(|key| {
                    key.parent == parent
                        && !matches!(key.on_update, Action::NoAction | Action::Restrict)
                        && key.parent_columns.iter().any(changes)
                });
                let Some(key) = key else { continue };
                let is_there = self.on_target(&child.name).as_ref() == Some(&child.name);
                if is_there && !changing.iter().any(|(known, _)| *known == child.name) {
                    self.found(Kind::Update, &child.name, None, Some(table.clone()), line);
                    changing.push((child.name.clone(), key.columns.clone()));
                }
            }
        }
    }

    fn found(
        &mut self,
        kind: Kind,
        table: &TableName,
        column: Option<String>,
        through: Option<TableName>,
        line: usize,
    ) {
        self.found.push(Destructive {
            kind,
            rows: self.target.row_counts.get(table).copied(),
            protected: is_protected(self.config, self.target.catalog, table),
            table: table.clone(),
            column,
            through,
            line,
        });
    }
}

/// A table of the target: one that stands for itself, or one partition.
fn find(catalog: &Catalog, backend: Backend, written: &TableName) -> Option<TableName> {
    if let Some(table) = catalog.find(written) {
        return Some(table.name.clone());
    }
    if backend == Backend::Sqlite {
        let mut tables = catalog.tables.keys();
        return tables
            .find(|table| table.name.eq_ignore_ascii_case(&written.name))
            .cloned();
    }
    let schemas = match &written.schema {
        Some(schema) => std::slice::from_ref(schema),
        None => catalog.search_path.as_slice(),
    };
    let is_table = |name: &TableName| {
        catalog
            .objects
            .keys()
            .any(|object| object.kind == "table" && object.name == name.to_string())
    };
    let on_path = schemas
        .iter()
        .map(|schema| TableName::new(Some(schema), &written.name))
        .find(is_table);
    // A migration may set the search path itself.
    let anywhere = || {
        let mut tables = catalog.tables.keys();
        tables.find(|table| written.schema.is_none() && table.name == written.name)
    };
    on_path.or_else(|| anywhere().cloned())
}

/// Rows of a lookup table come from the source; those that the table leaves to the target do not.
fn is_protected(config: &Config, catalog: &Catalog, table: &TableName) -> bool {
    let settings = config.lookups.iter().find(|settings| {
        let found = catalog.find(&settings.table);
        found.is_some_and(|found| found.name == *table)
    });
    settings
        .is_none_or(|settings| settings.filter.is_some() || settings.extra_rows == ExtraRows::Keep)
}

/// Whether every value of the one type is the same in the other.
fn widens(from: &str, to: &str) -> bool {
    let to = to.to_lowercase();
    match from {
        "smallint" => [
            "smallint", "int2", "integer", "int", "int4", "bigint", "int8",
        ]
        .contains(&to.as_str()),
        "integer" => ["integer", "int", "int4", "bigint", "int8"].contains(&to.as_str()),
        "real" => ["double precision", "float8"].contains(&to.as_str()),
        _ => {
            (from.starts_with("character varying") || from == "text")
                && ["text", "varchar", "character varying"].contains(&to.as_str())
        }
    }
}

#[cfg(test)]
mod tests;
