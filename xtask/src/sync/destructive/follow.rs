//! From what statements say to what they meet on the target: which tables are there at that point
//! of the plan, under which names, and where foreign keys lead on.

use std::collections::{BTreeMap, BTreeSet};

use super::{Copied, Destructive, Effect, Kind};
use crate::database;
use crate::sync::catalog::{Action, Catalog, ForeignKey, Object, TableKind};
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
    let mut follower = Follower::new(config, target);
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
    /// What a name stands for by now, where that is not what the target has under it: tables of the
    /// target that were renamed, or that a view reads; or none of them.
    names: BTreeMap<TableName, BTreeSet<TableName>>,
    views: BTreeSet<TableName>,
    dropped: BTreeSet<TableName>,
    /// Those of the target and those that were added.
    keys: Vec<Key>,
    /// Unqualified names may be looked up in any schema.
    path_moved: bool,
    /// Columns that hold nothing of the target.
    added: BTreeSet<(TableName, String)>,
    /// Columns that hold something, under another name than on the target.
    renamed: BTreeSet<(TableName, String)>,
    /// Tables whose columns are not those of the target, followed by those that were added.
    altered: BTreeSet<TableName>,
    found: Vec<Destructive>,
}

/// A foreign key, from one table to another.
struct Key {
    child: End,
    parent: End,
    key: ForeignKey,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    OnTarget(TableName),
    /// The plan makes it.
    New(TableName),
}

impl<'a> Follower<'a> {
    fn new(config: &'a Config, target: Held<'a>) -> Self {
        let catalog = target.catalog;
        let of_tables = catalog.tables.values().flat_map(|child| {
            let keys = child.foreign_keys.iter();
            keys.map(|key| (child.name.clone(), key.clone()))
        });
        let of_target = of_tables.chain(catalog.partition_keys.clone());
        Follower {
            config,
            target,
            names: BTreeMap::new(),
            views: BTreeSet::new(),
            dropped: BTreeSet::new(),
            keys: of_target
                .map(|(child, key)| Key {
                    child: End::OnTarget(child),
                    parent: End::OnTarget(key.parent.clone()),
                    key,
                })
                .collect(),
            path_moved: false,
            added: BTreeSet::new(),
            renamed: BTreeSet::new(),
            altered: BTreeSet::new(),
            found: Vec::new(),
        }
    }

    fn step(&mut self, line: usize, effect: Effect) {
        match effect {
            Effect::Makes(table) => {
                if self.on_target(&table).is_empty() {
                    self.names.insert(table, BTreeSet::new());
                }
            }
            Effect::MakesView { view, query } => {
                let read = self.named_in(&query);
                self.names.entry(view.clone()).or_default().extend(read);
                self.views.insert(view);
            }
            Effect::Renames { from, to } => self.rename(&from, &to),
            Effect::RenamesSchema { from, to } => {
                let from = TableName::new(Some(&from), "").schema;
                for name in self.every_name() {
                    if name.schema == from {
                        let tables = self.on_target(&name);
                        let renamed = TableName::new(Some(&to), &name.name);
                        self.names.entry(renamed).or_default().extend(tables);
                    }
                }
            }
            Effect::Adds { table, column } => {
                for table in self.on_target(&table) {
                    let added = (table, column.clone());
                    if !self.has_column(&added.0, &column) && !self.renamed.contains(&added) {
                        self.added.insert(added);
                    }
                }
            }
            Effect::RenamesColumn { table, from, to } => {
                for table in self.on_target(&table) {
                    self.rename_column(table, &from, &to);
                }
            }
            Effect::Refers { table, key } => {
                for child in self.ends(&table) {
                    for parent in self.ends(&key.parent) {
                        self.keys.push(Key {
                            child: child.clone(),
                            parent,
                            key: key.clone(),
                        });
                    }
                }
            }
            Effect::MovesPath => self.path_moved = true,
            Effect::Meets {
                kind,
                table,
                columns,
                others,
            } => self.meet(line, kind, &table, columns, others),
            Effect::Retypes {
                table,
                column,
                type_name,
                computed,
            } => {
                for table in self.on_target(&table) {
                    let columns = self.target.catalog.tables.get(&table);
                    let now = columns
                        .and_then(|table| table.columns.iter().find(|found| found.name == column))
                        .map_or("", |column| column.type_name.as_str());
                    if !self.is_added(&table, &column) && (computed || !widens(now, &type_name)) {
                        self.found(Kind::ChangeType, &table, Some(column.clone()), None, line);
                    }
                }
            }
            Effect::DropsSchema(schema) => {
                let schema = TableName::new(Some(&schema), "").schema;
                let names = self.every_name().into_iter();
                let names = names.filter(|name| name.schema == schema && !self.is_view(name));
                let tables: BTreeSet<TableName> =
                    names.flat_map(|name| self.on_target(&name)).collect();
                let known = &self.target.catalog.tables;
                let has_rows = |table: &TableName| {
                    known
                        .get(table)
                        .is_none_or(|table| table.kind != TableKind::NotATable)
                };
                for table in tables.into_iter().filter(has_rows) {
                    if self.dropped.insert(table.clone()) {
                        self.forget(&table);
                        self.found(Kind::DropTable, &table, None, None, line);
                    }
                }
                self.drop_type(line, |type_name| type_name.schema == schema);
            }
            Effect::DropsType(dropped) => self.drop_type(line, |type_name| {
                type_name.name == dropped.name
                    && (dropped.schema.is_none() || type_name.schema == dropped.schema)
            }),
            Effect::Rebuilds {
                table: written,
                heir,
                columns,
                values,
            } => {
                for table in self.on_target(&written) {
                    match self.lost(&table, &heir, &columns, &values) {
                        Some(lost) => {
                            for column in &lost {
                                let column = Some(column.clone());
                                self.found(Kind::DropColumn, &table, column, None, line);
                            }
                            self.forget(&written);
                            self.inherit(table, &heir, &columns, &values);
                        }
                        None => self.meet(line, Kind::DropTable, &written, Vec::new(), false),
                    }
                }
            }
        }
    }

    fn meet(
        &mut self,
        line: usize,
        kind: Kind,
        written: &TableName,
        columns: Vec<String>,
        others: bool,
    ) {
        let tables = self.on_target(written);
        for table in &tables {
            if !columns.is_empty() && columns.iter().all(|column| self.is_added(table, column)) {
                continue;
            }
            let column = columns.first().cloned();
            let column = column.filter(|_| kind == Kind::DropColumn);
            for behind in self.behind(table) {
                let through = (self.is_view(written) || behind != *table).then(|| written.clone());
                self.found(kind, &behind, column.clone(), through, line);
            }
            if kind == Kind::DropColumn {
                self.altered.insert(table.clone());
            }
        }
        if kind == Kind::DropTable && tables.len() == 1 {
            self.forget(written);
            self.dropped.extend(tables);
        }
        let leads_on = others || [Kind::Delete, Kind::Update].contains(&kind);
        if leads_on && self.target.backend == Backend::Postgres {
            self.reach(kind, written, columns, line);
        }
    }

    fn rename(&mut self, from: &TableName, to: &TableName) {
        let tables = self.on_target(from);
        if tables.len() == 1 {
            self.forget(from);
        }
        for table in tables {
            let schema = to.schema.as_deref().or(table.schema.as_deref());
            let qualified = TableName::new(schema, &to.name);
            for name in [qualified, to.clone()] {
                self.names.entry(name).or_default().insert(table.clone());
            }
        }
        if self.is_view(from) {
            self.views.insert(to.clone());
        }
    }

    fn rename_column(&mut self, table: TableName, from: &str, to: &str) {
        let to = (table.clone(), to.to_owned());
        if self.added.remove(&(table.clone(), from.to_owned())) {
            self.added.insert(to);
        } else {
            self.added.remove(&to);
            self.renamed.insert(to);
            self.altered.insert(table);
        }
    }

    /// The columns that a table loses to its heir; none where not even its rows are sure to be
    /// there.
    fn lost(
        &self,
        table: &TableName,
        heir: &TableName,
        columns: &[String],
        values: &[Copied],
    ) -> Option<Vec<String>> {
        // A table that lives as long as the connection stands before one of the same name.
        let is_hidden = [table, heir].iter().any(|name| {
            let temporary = TableName::new(Some("temp"), &name.name.to_lowercase());
            self.names.contains_key(&temporary)
        });
        if is_hidden || self.altered.contains(table) || !self.on_target(heir).is_empty() {
            return None;
        }
        if columns.is_empty() {
            return Some(Vec::new());
        }
        let old = self.columns(table);
        let values = self.spread(table, values);
        let is_new = |name: &String| !old.contains(name);
        let pairs: Vec<(&String, &Copied)> = columns.iter().zip(&values).collect();
        let is_kept = |column: &String| {
            pairs.iter().any(|(name, value)| {
                let is_once = columns.iter().filter(|other| other == name).count() == 1;
                let is_place = *name == column || is_new(name) && !columns.contains(column);
                **value == Copied::Column(column.clone()) && is_once && is_place
            })
        };
        let held = self.target.catalog.tables.get(table)?.columns.iter();
        let held = held.filter(|column| !column.generated);
        let lost = held
            .map(|column| column.name.to_lowercase())
            .filter(|column| !is_kept(column));
        (columns.len() == values.len()).then(|| lost.collect())
    }

    /// The heir stands for the table from now on, with its own columns.
    fn inherit(
        &mut self,
        table: TableName,
        heir: &TableName,
        columns: &[String],
        values: &[Copied],
    ) {
        self.names
            .insert(heir.clone(), BTreeSet::from([table.clone()]));
        let old = self.columns(&table);
        if !columns.is_empty() && !columns.starts_with(&old) {
            self.altered.insert(table.clone());
        }
        for (name, value) in columns.iter().zip(self.spread(&table, values)) {
            if old.contains(name) {
                continue;
            }
            let column = (table.clone(), name.clone());
            if value == Copied::Other {
                self.added.insert(column);
            } else {
                self.added.remove(&column);
                self.renamed.insert(column);
            }
        }
    }

    /// The values with a `*` as the columns that it stands for.
    fn spread(&self, table: &TableName, values: &[Copied]) -> Vec<Copied> {
        let added = self.added.iter().filter(|(of, _)| of == table).count();
        let columns = self.columns(table).into_iter().map(Copied::Column);
        let every: Vec<Copied> = columns
            .chain(std::iter::repeat_n(Copied::Other, added))
            .collect();
        let one = |value: &Copied| match value {
            Copied::Every => every.clone(),
            value => vec![value.clone()],
        };
        values.iter().flat_map(one).collect()
    }

    /// The columns that the target has, in small letters.
    fn columns(&self, table: &TableName) -> Vec<String> {
        let table = self.target.catalog.tables.get(table);
        let columns = table.into_iter().flat_map(|table| &table.columns);
        columns.map(|column| column.name.to_lowercase()).collect()
    }

    /// The tables of the target that a name stands for at this point.
    fn on_target(&self, written: &TableName) -> BTreeSet<TableName> {
        let direct = match self.names.get(written) {
            Some(tables) => tables.clone(),
            None => find(self.target.catalog, self.target.backend, written)
                .map_or(BTreeSet::new(), |found| self.renamed_to(&found)),
        };
        if written.schema.is_some() || !(self.path_moved || direct.is_empty()) {
            return direct;
        }
        let mut tables = direct;
        for name in self.every_name() {
            if name.name == written.name && name.schema.is_some() {
                tables.extend(self.renamed_to(&name));
            }
        }
        tables
    }

    /// What a full name stands for.
    fn renamed_to(&self, name: &TableName) -> BTreeSet<TableName> {
        match self.names.get(name) {
            Some(tables) => tables.clone(),
            None => BTreeSet::from([name.clone()]),
        }
    }

    /// Every name that there is or was.
    fn every_name(&self) -> BTreeSet<TableName> {
        every_table(self.target.catalog)
            .chain(self.names.keys().cloned())
            .collect()
    }

    fn ends(&self, written: &TableName) -> BTreeSet<End> {
        let tables = self.on_target(written);
        if tables.is_empty() {
            return BTreeSet::from([End::New(written.clone())]);
        }
        let tables = tables.iter().flat_map(|table| self.behind(table));
        tables.map(End::OnTarget).collect()
    }

    /// The tables of the target that a text may name.
    fn named_in(&self, text: &str) -> BTreeSet<TableName> {
        let names = self.every_name().into_iter();
        names
            .filter(|name| says(text, &name.name))
            .flat_map(|name| self.renamed_to(&name))
            .collect()
    }

    /// The tables that a view of the target reads; the table itself where it is none.
    fn behind(&self, table: &TableName) -> BTreeSet<TableName> {
        let mut seen = vec![table.clone()];
        let mut tables = BTreeSet::new();
        let mut at = 0;
        while let Some(name) = seen.get(at).cloned() {
            at += 1;
            let view = Object {
                kind: "view".to_owned(),
                name: name.to_string(),
            };
            let Some(query) = self.target.catalog.objects.get(&view) else {
                tables.insert(name);
                continue;
            };
            for named in self.named_in(query) {
                if !seen.contains(&named) {
                    seen.push(named);
                }
            }
        }
        if tables.is_empty() {
            tables.insert(table.clone());
        }
        tables
    }

    fn is_view(&self, written: &TableName) -> bool {
        self.views.contains(written)
    }

    fn has_column(&self, table: &TableName, column: &str) -> bool {
        let table = self.target.catalog.tables.get(table);
        let mut columns = table.into_iter().flat_map(|table| &table.columns);
        columns.any(|found| found.name.eq_ignore_ascii_case(column))
    }

    fn is_added(&self, table: &TableName, column: &str) -> bool {
        self.added.contains(&(table.clone(), column.to_owned()))
    }

    fn forget(&mut self, written: &TableName) {
        if let Some(found) = find(self.target.catalog, self.target.backend, written) {
            self.names.insert(found, BTreeSet::new());
        }
        self.names.insert(written.clone(), BTreeSet::new());
    }

    /// Columns go with their type.
    fn drop_type(&mut self, line: usize, is_dropped: impl Fn(&TableName) -> bool) {
        for table in self.target.catalog.tables.values() {
            if table.kind == TableKind::NotATable || self.dropped.contains(&table.name) {
                continue;
            }
            for column in &table.columns {
                // Without the length, and the brackets of an array.
                let type_name = column.type_name.split(['(', '[']).next();
                let type_name = type_name.and_then(|name| TableName::parse(name.trim()).ok());
                if type_name.is_some_and(|name| is_dropped(&name)) {
                    let column = Some(column.name.clone());
                    self.found(Kind::DropColumn, &table.name, column, None, line);
                }
            }
        }
    }

    /// What foreign keys have the database do to rows of other tables.
    fn reach(&mut self, kind: Kind, written: &TableName, columns: Vec<String>, line: usize) {
        let origins = self.ends(written);
        // What happens to which rows, and in which columns; none where it may be any.
        let mut reached: Vec<(End, Kind, Vec<String>)> = origins
            .iter()
            .map(|table| (table.clone(), kind, columns.clone()))
            .collect();
        let mut at = 0;
        while let Some((parent, kind, columns)) = reached.get(at).cloned() {
            at += 1;
            let mut next: Vec<(End, Kind, Vec<String>)> = Vec::new();
            for Key { child, key, .. } in self.keys.iter().filter(|key| key.parent == parent) {
                let Some((kind, columns)) = carried(kind, &columns, key) else {
                    continue;
                };
                let step = (child.clone(), kind, columns);
                if !reached.contains(&step) && !next.contains(&step) {
                    next.push(step);
                }
            }
            for (child, kind, columns) in &next {
                let End::OnTarget(table) = child else {
                    continue;
                };
                let is_new = !columns.is_empty()
                    && columns.iter().all(|column| self.is_added(table, column));
                let is_told = self.found.iter().any(|found| {
                    found.line == line
                        && found.table == *table
                        && found.kind == *kind
                        && found.through.is_some()
                });
                let is_there = !self.dropped.contains(table);
                if is_there && !is_new && !is_told && !origins.contains(child) {
                    self.found(*kind, table, None, Some(written.clone()), line);
                }
            }
            reached.extend(next);
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

/// What becomes of the rows that refer to others, and in which columns; none for any.
fn carried(kind: Kind, columns: &[String], key: &ForeignKey) -> Option<(Kind, Vec<String>)> {
    let parents = &key.parent_columns;
    let is_changed = columns.is_empty()
        || parents.is_empty()
        || columns.iter().any(|column| parents.contains(column));
    let action = match kind {
        Kind::Truncate => return Some((Kind::Truncate, Vec::new())),
        Kind::Update if is_changed => key.on_update,
        Kind::Update => return None,
        _ => key.on_delete,
    };
    match action {
        Action::Cascade if kind != Kind::Update => Some((Kind::Delete, Vec::new())),
        Action::Cascade | Action::SetNull | Action::SetDefault => {
            Some((Kind::Update, key.columns.clone()))
        }
        Action::NoAction | Action::Restrict => None,
    }
}

/// A table of the target: one that stands for itself, or one partition.
fn find(catalog: &Catalog, backend: Backend, written: &TableName) -> Option<TableName> {
    if let Some(table) = catalog.find(written) {
        return Some(table.name.clone());
    }
    if backend == Backend::Sqlite {
        let mut tables = catalog.tables.keys();
        let name = written.name.to_lowercase();
        return tables
            .find(|table| written.schema.is_none() && table.name.to_lowercase() == name)
            .cloned();
    }
    let schemas = match &written.schema {
        Some(schema) => std::slice::from_ref(schema),
        None => catalog.search_path.as_slice(),
    };
    let is_table = |name: &TableName| every_table(catalog).any(|table| table == *name);
    schemas
        .iter()
        .map(|schema| TableName::new(Some(schema), &written.name))
        .find(is_table)
}

/// Every table of the target, partitions among them.
fn every_table(catalog: &Catalog) -> impl Iterator<Item = TableName> {
    let objects = catalog.objects.keys();
    let partitions = objects
        .filter(|object| object.kind == "table")
        .filter_map(|object| TableName::parse(&object.name).ok());
    catalog.tables.keys().cloned().chain(partitions)
}

/// Whether a text holds a name, and not only as a part of a longer one.
fn says(text: &str, name: &str) -> bool {
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    let goes_on = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(&name).any(|(at, _)| {
        let (before, behind) = (&text[..at], &text[at + name.len()..]);
        !before.ends_with(goes_on) && !behind.starts_with(goes_on)
    })
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
