//! From what statements say to what they meet on the target: which tables are there at that point
//! of the plan, under which names, and where foreign keys lead on.

mod columns;
mod hazards;
mod keys;
mod names;
mod widening;

use std::collections::{BTreeMap, BTreeSet};

use columns::{Columns, renamed};
pub use hazards::hazards;
use keys::{End, Keys};
use names::Names;
pub use widening::narrows;
use widening::widens;

use super::told::{Saying, Told};
use super::{Copied, Destructive, Effect, Kind};
use crate::database;
use crate::sync::migrations::migration::Migration;
use crate::sync::schema::catalog::{Catalog, TableKind};
use crate::sync::schema::table::TableName;
use crate::sync::settings::config::{Config, ExtraRows};
use crate::sync::settings::environment::Backend;
use crate::sync::snapshot::Snapshot;

/// For each migration, what in it may destroy rows of tables that the target has, in the order of
/// the text. Tables and columns that the migrations add themselves hold nothing there.
pub fn follow(
    config: &Config,
    target: Held<'_>,
    migrations: &[&Migration],
) -> Vec<Vec<Destructive>> {
    let sayings = told(config, target, migrations).sayings.into_iter();
    sayings.map(|saying| saying.destructive).collect()
}

/// What the migrations say that they do to what the target has.
pub fn told(config: &Config, target: Held<'_>, migrations: &[&Migration]) -> Told {
    let mut follower = Follower::new(config, target, migrations);
    let sayings = migrations
        .iter()
        .map(|migration| {
            for statement in database::effects(target.backend, &migration.up) {
                follower.step(statement.line, statement.effect);
            }
            std::mem::take(&mut follower.saying)
        })
        .collect();
    Told {
        sayings,
        names: follower.names.of_tables(),
    }
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
    /// Columns of which the configuration may have either name.
    renamed: BTreeSet<String>,
    target: Held<'a>,
    names: Names<'a>,
    columns: Columns<'a>,
    keys: Keys,
    dropped: BTreeSet<TableName>,
    saying: Saying,
}

impl<'a> Follower<'a> {
    /// Before the first of these migrations.
    fn new(config: &'a Config, target: Held<'a>, migrations: &[&Migration]) -> Self {
        let read = migrations.iter();
        let read = read.flat_map(|migration| database::effects(target.backend, &migration.up));
        Follower {
            config,
            renamed: renamed(read),
            target,
            names: Names::new(target),
            columns: Columns::new(target.catalog),
            keys: Keys::new(target.catalog),
            dropped: BTreeSet::new(),
            saying: Saying::default(),
        }
    }

    fn step(&mut self, line: usize, effect: Effect) {
        match effect {
            Effect::Makes(table) => self.names.make(table),
            Effect::MakesView { view, query } => self.names.make_view(view, &query),
            Effect::Renames { from, to } => self.names.rename(&from, &to),
            Effect::RenamesSchema { from, to } => self.names.rename_schema(&from, &to),
            Effect::Adds { table, column } => {
                for table in self.names.on_target(&table) {
                    self.columns.add(table, &column);
                }
            }
            Effect::RenamesColumn { table, from, to } => {
                // The columns of a view are not those of the tables behind it.
                let tables = self.names.on_target(&table).into_iter();
                let is_view = self.names.is_view(&table);
                for table in tables.filter(|_| !is_view) {
                    self.saying.rename(&table, &from, &to);
                    self.columns.rename(table, &from, &to);
                }
            }
            Effect::Refers { table, key } => {
                let (children, parents) = (self.ends(&table), self.ends(&key.parent));
                self.keys.add(&children, &parents, &key);
            }
            Effect::Joins { parent, child } => self.names.join(&parent, &child),
            Effect::MovesPath => self.names.move_path(),
            Effect::Meets {
                kind,
                table,
                columns,
                others,
            } => self.meet(line, kind, &table, &columns, others),
            Effect::Inserts(written) => {
                for table in self.names.on_target(&written) {
                    if self.target.catalog.replaces_rows(&table) {
                        self.found(Kind::Replace, &table, &[], None, line);
                    }
                }
            }
            Effect::Retypes {
                table,
                column,
                type_name,
                computed,
            } => {
                for table in self.names.on_target(&table) {
                    let now = self.columns.type_name(&table, &column);
                    if !self.columns.is_added(&table, &column)
                        && (computed || !now.is_some_and(|now| widens(now, &type_name)))
                    {
                        let columns = std::slice::from_ref(&column);
                        self.found(Kind::ChangeType, &table, columns, None, line);
                    }
                }
            }
            Effect::DropsSchema(schema) => {
                self.drop_schema(line, &schema);
                let schema = TableName::new(Some(&schema), "").schema;
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
                readings,
            } => {
                for table in self.names.on_target(&written) {
                    let is_sure = self.names.on_target(&heir).is_empty()
                        && ![&table, &heir]
                            .iter()
                            .any(|name| self.names.is_hidden(name));
                    let lost = self.columns.lost(&table, &columns, &values);
                    let Some(lost) = lost.filter(|_| is_sure) else {
                        self.meet(line, Kind::DropTable, &written, &[], false);
                        continue;
                    };
                    for column in lost {
                        self.found(Kind::DropColumn, &table, &[column], None, line);
                    }
                    for column in self.columns.reread(&table, &columns, &values, &readings) {
                        self.found(Kind::ChangeType, &table, &[column], None, line);
                    }
                    for (name, value) in columns.iter().zip(&values) {
                        if let Copied::Column(column) = value {
                            self.saying.rename(&table, column, name);
                        }
                    }
                    self.names.forget(&written);
                    self.names.inherit(&table, &heir);
                    self.columns.inherit(&table, &columns, &values);
                }
            }
        }
    }

    fn meet(
        &mut self,
        line: usize,
        kind: Kind,
        written: &TableName,
        columns: &[String],
        others: bool,
    ) {
        let ends = self.ends(written);
        let tables = self.names.on_target(written);
        let is_view = self.names.is_view(written)
            || !tables.iter().all(|it| self.names.behind(it).contains(it));
        // A view may call its columns otherwise.
        let columns = match kind {
            Kind::DropColumn => columns,
            _ if is_view => &[],
            _ => columns,
        };
        for table in &tables {
            if kind == Kind::Update {
                self.saying.updates.extend(self.names.behind(table));
            }
            if self.are_added(table, columns) {
                continue;
            }
            for behind in self.names.behind(table) {
                let (kind, columns) = match kind {
                    Kind::Update if self.target.catalog.replaces_rows(&behind) => {
                        (Kind::Replace, &[][..])
                    }
                    kind => (kind, columns),
                };
                let through = is_view.then(|| written.clone());
                self.found(kind, &behind, columns, through, line);
            }
            if kind == Kind::DropColumn {
                self.columns.drop_from(table.clone());
            }
        }
        if kind == Kind::DropTable && tables.len() == 1 {
            self.names.forget(written);
            self.dropped.extend(tables);
        }
        let leads_on = others || [Kind::Delete, Kind::Update].contains(&kind);
        if !leads_on || self.target.backend != Backend::Postgres {
            return;
        }
        for (child, kind, columns) in self.keys.reach(&ends, kind, columns) {
            let End::OnTarget(table) = child else {
                continue;
            };
            if kind == Kind::Update {
                self.saying.updates.insert(table.clone());
            }
            let is_told = self.saying.destructive.iter().any(|found| {
                found.line == line
                    && found.table == table
                    && found.kind == kind
                    && found.through.is_some()
            });
            if !is_told && !self.dropped.contains(&table) && !self.are_added(&table, &columns) {
                self.found(kind, &table, &columns, Some(written.clone()), line);
            }
        }
    }

    /// The tables that foreign keys may lead to or from.
    fn ends(&self, written: &TableName) -> BTreeSet<End> {
        let tables = self.names.on_target(written);
        if tables.is_empty() {
            return BTreeSet::from([End::New(written.clone())]);
        }
        let tables = tables.iter().flat_map(|table| self.names.behind(table));
        tables.map(End::OnTarget).collect()
    }

    /// Whether these are all columns that hold nothing; where none are named, any may be meant.
    fn are_added(&self, table: &TableName, columns: &[String]) -> bool {
        let mut named = columns.iter();
        !columns.is_empty() && named.all(|column| self.columns.is_added(table, column))
    }

    fn drop_schema(&mut self, line: usize, schema: &str) {
        let names = self.names.in_schema(schema).into_iter();
        let names = names.filter(|name| !self.names.is_view(name));
        let tables: BTreeSet<TableName> = names
            .flat_map(|name| self.names.on_target(&name))
            .filter(|table| {
                let known = self.target.catalog.tables.get(table);
                known.is_none_or(|table| table.kind != TableKind::NotATable)
            })
            .collect();
        for table in tables {
            if self.dropped.insert(table.clone()) {
                self.names.forget(&table);
                self.found(Kind::DropTable, &table, &[], None, line);
            }
        }
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
                    let column = column.name.clone();
                    self.found(Kind::DropColumn, &table.name, &[column], None, line);
                }
            }
        }
    }

    fn found(
        &mut self,
        kind: Kind,
        table: &TableName,
        columns: &[String],
        through: Option<TableName>,
        line: usize,
    ) {
        let named = [Kind::DropColumn, Kind::ChangeType].contains(&kind);
        let column = columns.first().filter(|_| named).cloned();
        let mut names = columns.iter().map(|column| column.to_lowercase());
        let columns = match names.any(|name| self.renamed.contains(&name)) {
            true => &[],
            false => columns,
        };
        self.saying.destructive.push(Destructive {
            kind,
            rows: self.target.row_counts.get(table).copied(),
            protected: is_protected(self.config, self.target.catalog, table, kind, columns),
            table: table.clone(),
            column,
            through,
            line,
        });
    }
}

/// Rows of a lookup table come from the source; the rows and the values that the table leaves to the
/// target do not. Where no columns are named, any may be meant.
fn is_protected(
    config: &Config,
    catalog: &Catalog,
    table: &TableName,
    kind: Kind,
    columns: &[String],
) -> bool {
    let settings = config.lookups.iter().find(|settings| {
        let found = catalog.find(&settings.table);
        found.is_some_and(|found| found.name == *table)
    });
    let Some(settings) = settings else {
        return true;
    };
    let mut own = settings.ignore.iter().chain(&settings.insert_only);
    let is_own = match columns {
        [] => own.next().is_some(),
        columns => own.any(|own| {
            columns
                .iter()
                .any(|column| own.eq_ignore_ascii_case(column))
        }),
    };
    let takes_rows = [Kind::Delete, Kind::Truncate, Kind::Replace].contains(&kind);
    settings.filter.is_some()
        || settings.extra_rows == ExtraRows::Keep
        || settings.retire.is_some() && takes_rows
        || is_own
}

#[cfg(test)]
mod tests;
