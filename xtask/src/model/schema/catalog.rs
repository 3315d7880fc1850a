//! The schema as objects, in a form that compares equal where the schemas are equal.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::model::backend::Backend;
use crate::model::rows::key_order::Reading;
use crate::model::rows::row::hex;
use crate::model::schema::excerpt::excerpts;
use crate::model::schema::table::TableName;

/// What a database's schema holds, without the bookkeeping of diesel and of this tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    /// Tables with rows of their own, for everything that is decided about rows.
    pub tables: BTreeMap<TableName, Table>,
    /// Every object with its definition, for comparison alone.
    pub objects: BTreeMap<Object, String>,
    /// Objects that count only where the configuration says so: comments, grants and storage.
    pub optional: BTreeMap<Object, String>,
    /// Where unqualified names are looked up, in order; empty on SQLite.
    pub search_path: Vec<String>,
    /// The foreign keys that only a partition has or that lead to one, each with the table that
    /// refers. They are no rule for a whole table, so no table has them, but they tell who may
    /// refer to a row: both ends stand for their whole tables here.
    pub partition_keys: Vec<(TableName, ForeignKey)>,
    /// Views that keep rows of their own until they are refreshed, each with the tables that it
    /// shows; one that others show comes before them.
    pub materialized_views: Vec<(TableName, BTreeSet<TableName>)>,
}

/// The name of an object, such as `column fee_groups.code`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct Object {
    pub kind: String,
    pub name: String,
}

impl From<Object> for String {
    fn from(object: Object) -> String {
        object.to_string()
    }
}

impl std::fmt::Display for Object {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.kind, self.name)
    }
}

/// A table with rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: TableName,
    pub kind: TableKind,
    /// In the order of the table.
    pub columns: Vec<Column>,
    pub primary_key: Vec<String>,
    /// Every unique constraint and unique index over plain columns of all rows, the primary key
    /// among them.
    pub unique_keys: Vec<Vec<String>>,
    /// Every unique index over plain columns of some rows.
    pub partial_keys: Vec<PartialKey>,
    pub foreign_keys: Vec<ForeignKey>,
}

/// A unique index in which only the rows are that meet a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialKey {
    pub columns: Vec<String>,
    /// As SQL.
    pub condition: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    Ordinary,
    Partitioned,
    /// Other tables inherit from it, and reading it reads their rows too.
    Inherited,
    /// A view or a foreign table: its rows are somebody else's.
    NotATable,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub type_name: String,
    pub nullable: bool,
    /// Computed by the database from other columns; it cannot be loaded.
    pub generated: bool,
    /// No UPDATE may give it another value: PostgreSQL's `GENERATED ALWAYS AS IDENTITY`.
    pub fixed: bool,
    /// How plain text of this column reads and sorts.
    pub reading: Reading,
    /// Where the value of a new row comes from when none is given.
    pub default: Option<DefaultValue>,
}

/// How a database fills in a column by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefaultValue {
    /// An SQL expression; an identity's is the next number of its sequence.
    Expression(String),
    /// SQLite's row number.
    RowNumber,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// Of the constraint, where the database tells; SQLite does not.
    pub name: Option<String>,
    pub columns: Vec<String>,
    pub parent: TableName,
    pub parent_columns: Vec<String>,
    /// How the database compares each pair of them, where that is not with a plain `=`.
    pub comparisons: Vec<Comparison>,
    pub deferrable: bool,
    pub on_delete: Action,
    /// The columns that `SET NULL (…)` or `SET DEFAULT (…)` names; all where it names none.
    pub on_delete_columns: Vec<String>,
    pub on_update: Action,
}

/// How a foreign key compares one of its columns with the parent's, which stands first: the operator
/// may be one that no search path finds, and of two collations the parent's counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// As SQL.
    pub operator: String,
    /// What stands behind the column that refers.
    pub collation: String,
}

/// What a database does to a row when the row that it refers to goes or changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Action {
    #[default]
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

/// One difference between two catalogs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    pub object: Object,
    /// What the one and the other have, in a sentence.
    pub difference: String,
    /// The same, with long definitions shown only where they differ.
    #[serde(skip)]
    pub brief: String,
    /// The definition that the source has; null where it lacks the object.
    pub source: Option<String>,
    /// The definition that the target has; null where it lacks the object.
    pub target: Option<String>,
    /// The configuration says that it is meant to be: it neither blocks nor counts.
    pub ignored: bool,
}

impl Drift {
    /// `one` and `other` are the definitions that `here` and `there` have.
    fn new(
        object: &Object,
        one: Option<&String>,
        other: Option<&String>,
        here: &str,
        there: &str,
    ) -> Self {
        let has = |one: &str, other: &str| format!("{here} has {one}; {there} has {other}");
        let (difference, brief) = match (one, other) {
            (Some(one), Some(other)) => {
                let (excerpt, other_excerpt) = excerpts(one, other);
                (has(one, other), has(&excerpt, &other_excerpt))
            }
            _ => {
                let only = format!("only {} has it", if one.is_some() { here } else { there });
                (only.clone(), only)
            }
        };
        Drift {
            object: object.clone(),
            difference,
            brief,
            source: one.cloned(),
            target: other.cloned(),
            ignored: false,
        }
    }
}

impl Catalog {
    /// The table of a name as the configuration has it.
    pub fn find(&self, name: &TableName) -> Option<&Table> {
        if let Some(table) = self.tables.get(name) {
            return Some(table);
        }
        if name.schema.is_some() {
            return None;
        }
        if self.search_path.is_empty() {
            // SQLite takes names for one that differ in the case of letters of ASCII alone.
            let is_one = |table: &&Table| {
                table.name.schema.is_none() && table.name.name.eq_ignore_ascii_case(&name.name)
            };
            return self.tables.values().find(is_one);
        }
        self.search_path
            .iter()
            .find_map(|schema| self.tables.get(&TableName::new(Some(schema), &name.name)))
    }

    /// Whether a trigger of the table may give values to a row before it comes; one of SQLite cannot.
    /// The server names INSERT first of the events of a trigger.
    pub fn is_filled_by_triggers(&self, table: &TableName, backend: Backend) -> bool {
        backend == Backend::Postgres
            && self.objects.iter().any(|(object, definition)| {
                let of_table = object.name.strip_prefix(&table.to_string());
                object.kind == "trigger"
                    && of_table.is_some_and(|rest| rest.starts_with('.'))
                    && definition.contains(" BEFORE INSERT ")
            })
    }

    /// A digest of all objects: equal for equal schemas.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for (object, (_, definition)) in self.by_name() {
            hash.update(format!("{object}\0{definition}\0"));
        }
        hex(&hash.finalize()[..16])
    }

    /// Every difference, object by object, in words; `here` and `there` name the two sides.
    pub fn differences(&self, there_catalog: &Catalog, here: &str, there: &str) -> Vec<Drift> {
        let (ones, others) = (self.by_name(), there_catalog.by_name());
        let mut found = Vec::new();
        for (name, (object, definition)) in &ones {
            let other = others.get(name).map(|(_, other)| *other);
            let differs = match other {
                None => !inside_missing(name, &others, &ones),
                Some(other) => other != *definition,
            };
            if differs {
                found.push(Drift::new(object, Some(definition), other, here, there));
            }
        }
        for (name, (object, other)) in &others {
            if !ones.contains_key(name) && !inside_missing(name, &ones, &others) {
                found.push(Drift::new(object, None, Some(other), here, there));
            }
        }
        found.sort_by(|one, other| one.object.cmp(&other.object));
        found
    }

    /// Every object by the name that it is known by.
    fn by_name(&self) -> ByName<'_> {
        let objects = self.objects.iter();
        objects
            .map(|(object, definition)| {
                let mut known = object.clone();
                // As in `find`; but the condition of a CHECK is a part of its name.
                if self.search_path.is_empty() {
                    let condition = known.name.find(".(").filter(|_| known.kind == "check");
                    let end = condition.unwrap_or(known.name.len());
                    known.name[..end].make_ascii_lowercase();
                }
                (known, (object, definition))
            })
            .collect()
    }
}

/// Objects and their definitions, by a name that is equal where both ends have the same one.
type ByName<'catalog> = BTreeMap<Object, (&'catalog Object, &'catalog String)>;

/// What other objects can belong to; their names then begin with its own.
const OWNERS: [&str; 5] = [
    "table",
    "view",
    "materialized view",
    "foreign table",
    "domain",
];

/// Whether an object belongs to one that is missing as a whole, which says it all.
fn inside_missing(object: &Object, catalog: &ByName<'_>, other: &ByName<'_>) -> bool {
    let dots = object.name.match_indices('.').map(|(at, _)| at);
    dots.flat_map(|at| OWNERS.map(|kind| (at, kind)))
        .any(|(at, kind)| {
            let owner = Object {
                kind: kind.to_owned(),
                name: object.name[..at].to_owned(),
            };
            other.contains_key(&owner) && !catalog.contains_key(&owner)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(objects: &[(&str, &str, &str)]) -> Catalog {
        Catalog {
            objects: objects
                .iter()
                .map(|(kind, name, definition)| {
                    let object = Object {
                        kind: (*kind).to_owned(),
                        name: (*name).to_owned(),
                    };
                    (object, (*definition).to_owned())
                })
                .collect(),
            ..Catalog::default()
        }
    }

    #[test]
    fn equal_catalogs_have_no_differences() {
        let one = catalog(&[("table", "a", ""), ("column", "a.x", "integer")]);
        assert!(one.differences(&one.clone(), "Dev", "Test").is_empty());
        assert_eq!(one.fingerprint(), one.clone().fingerprint());
    }

    #[test]
    fn names_of_sqlite_are_one_in_any_letters() {
        let dev = catalog(&[
            ("table", "T", ""),
            ("column", "T.X", "integer"),
            ("column", "T.y", ""),
        ]);
        let mut test = catalog(&[("table", "t", ""), ("column", "t.x", "integer")]);
        let told = |one: &Catalog, other: &Catalog| {
            let found = one.differences(other, "Dev", "Test").into_iter();
            found
                .map(|drift| drift.object.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(told(&dev, &test), ["column T.y"]);
        test.search_path = vec!["public".to_owned()];
        let postgres = Catalog {
            search_path: test.search_path.clone(),
            ..dev
        };
        assert_eq!(told(&postgres, &test), ["table T", "table t"]);
        let check = |text: &str| catalog(&[("check", &format!("t.(x = {text})"), "")]);
        assert_eq!(told(&check("'a'"), &check("'A'")).len(), 2);
    }

    #[test]
    fn a_missing_table_is_one_difference_and_a_changed_column_another() {
        let dev = catalog(&[
            ("table", "a", ""),
            ("column", "a.x", "integer"),
            ("table", "b", ""),
            ("column", "b.x", "integer"),
        ]);
        let test = catalog(&[("table", "a", ""), ("column", "a.x", "bigint")]);
        let found = dev.differences(&test, "Dev", "Test");
        let shown: Vec<_> = found
            .iter()
            .map(|drift| (drift.object.to_string(), drift.difference.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                ("column a.x".to_owned(), "Dev has integer; Test has bigint"),
                ("table b".to_owned(), "only Dev has it"),
            ]
        );
        assert_ne!(dev.fingerprint(), test.fingerprint());
    }
}
