//! What a name stands for at a point of the plan.

use std::collections::{BTreeMap, BTreeSet};

use super::Held;
use crate::sync::schema::catalog::{Catalog, Object};
use crate::sync::schema::table::TableName;
use crate::sync::settings::environment::Backend;

pub(super) struct Names<'a> {
    target: Held<'a>,
    /// What a name stands for by now, where that is not what the target has under it: tables of the
    /// target that were renamed, or that a view reads; or none of them.
    names: BTreeMap<TableName, BTreeSet<TableName>>,
    views: BTreeSet<TableName>,
    /// Parents with their children, whose rows are theirs too.
    joined: Vec<(TableName, TableName)>,
    /// Unqualified names may be looked up in any schema.
    path_moved: bool,
}

impl<'a> Names<'a> {
    pub(super) fn new(target: Held<'a>) -> Self {
        Names {
            target,
            names: BTreeMap::new(),
            views: BTreeSet::new(),
            joined: Vec::new(),
            path_moved: false,
        }
    }

    pub(super) fn make(&mut self, table: TableName) {
        if self.on_target(&table).is_empty() {
            self.names.insert(table, BTreeSet::new());
        }
    }

    pub(super) fn make_view(&mut self, view: TableName, query: &str) {
        let read = self.named_in(query);
        self.names.entry(view.clone()).or_default().extend(read);
        self.views.insert(view);
    }

    pub(super) fn join(&mut self, parent: &TableName, child: &TableName) {
        self.joined.push((parent.clone(), child.clone()));
    }

    pub(super) fn rename(&mut self, from: &TableName, to: &TableName) {
        let schema = to.schema.as_deref().or(from.schema.as_deref());
        let renamed = TableName::new(schema, &to.name);
        for (parent, child) in &mut self.joined {
            for name in [parent, child] {
                if may_be(name, from) {
                    name.clone_from(&renamed);
                }
            }
        }
        let tables = self.alone(from);
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

    /// The old names go on to stand for their tables: at worst more is told than is met.
    pub(super) fn rename_schema(&mut self, from: &str, to: &str) {
        let moved = |name: &TableName| match name.schema.as_deref() {
            Some(schema) if schema == from => TableName::new(Some(to), &name.name),
            _ => name.clone(),
        };
        let joined = self.joined.iter();
        let joined = joined.map(|(parent, child)| (moved(parent), moved(child)));
        self.joined = joined.collect();
        for name in self.in_schema(from) {
            let tables = self.on_target(&name);
            let renamed = TableName::new(Some(to), &name.name);
            if self.is_view(&name) {
                self.views.insert(renamed.clone());
            }
            self.names.entry(renamed).or_default().extend(tables);
        }
    }

    pub(super) fn move_path(&mut self) {
        self.path_moved = true;
    }

    /// The heir of a table stands for it from now on.
    pub(super) fn inherit(&mut self, table: &TableName, heir: &TableName) {
        let tables = BTreeSet::from([table.clone()]);
        self.names.insert(heir.clone(), tables);
    }

    pub(super) fn forget(&mut self, written: &TableName) {
        if let Some(found) = find(self.target.catalog, self.target.backend, written) {
            self.names.insert(found, BTreeSet::new());
        }
        self.names.insert(written.clone(), BTreeSet::new());
    }

    /// The tables of the target that a name stands for at this point.
    pub(super) fn on_target(&self, written: &TableName) -> BTreeSet<TableName> {
        let mut names = vec![written];
        let mut at = 0;
        while let Some(name) = names.get(at).copied() {
            at += 1;
            for (parent, child) in &self.joined {
                if may_be(parent, name) && !names.contains(&child) {
                    names.push(child);
                }
            }
        }
        names
            .into_iter()
            .flat_map(|name| self.alone(name))
            .collect()
    }

    /// The same without what is joined to them.
    fn alone(&self, written: &TableName) -> BTreeSet<TableName> {
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

    /// Every name that a table of the target may have at this point.
    pub(super) fn of_tables(&self) -> BTreeMap<TableName, Vec<TableName>> {
        let stands = |name: &TableName, table: &TableName| match self.names.get(name) {
            Some(tables) => tables.contains(table),
            None => name == table,
        };
        let names = self.every_name();
        let of = |table: &TableName| -> Vec<TableName> {
            let names = names.iter().filter(|name| !self.is_view(name));
            names.filter(|name| stands(name, table)).cloned().collect()
        };
        let tables = self.target.catalog.tables.keys();
        tables.map(|table| (table.clone(), of(table))).collect()
    }

    /// Whether a table of SQLite that lives as long as the connection stands before the one of the
    /// same name.
    pub(super) fn is_hidden(&self, name: &TableName) -> bool {
        let temporary = TableName::new(Some("temp"), &name.name.to_lowercase());
        self.names.contains_key(&temporary)
    }

    pub(super) fn is_view(&self, written: &TableName) -> bool {
        self.views.contains(written)
    }

    /// Every name of a table or view in a schema.
    pub(super) fn in_schema(&self, schema: &str) -> BTreeSet<TableName> {
        let schema = TableName::new(Some(schema), "").schema;
        let names = self.every_name().into_iter();
        names.filter(|name| name.schema == schema).collect()
    }

    /// The tables that a view of the target reads; the table itself where it is none.
    pub(super) fn behind(&self, table: &TableName) -> BTreeSet<TableName> {
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

    /// The tables of the target that a text may name.
    fn named_in(&self, text: &str) -> BTreeSet<TableName> {
        let names = self.every_name().into_iter();
        names
            .filter(|name| says(text, &name.name))
            .flat_map(|name| self.renamed_to(&name))
            .collect()
    }
}

/// Whether two names may be of one table, one of which lacks its schema.
fn may_be(one: &TableName, other: &TableName) -> bool {
    one.name == other.name
        && (one.schema == other.schema || one.schema.is_none() || other.schema.is_none())
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
