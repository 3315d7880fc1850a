//! A lookup table with all that is needed to read, compare and load it.

mod fields;
mod find;
mod local;
mod order;
mod resolve;
pub mod settings;

pub use order::in_dependency_order;

use crate::model::rows::key_order::Reading;
use crate::model::rows::lookup::settings::{ExtraRows, Retire};
use crate::model::rows::row::{self, KeyedHash, Record, RowHash};
use crate::model::schema::catalog::{Comparison, DefaultValue, Table};
use crate::model::schema::table::TableName;

/// A lookup table as one database has it, with what the configuration says about it.
///
/// Its rows travel as *fields*. Most fields are columns. A column whose values are an
/// environment's own affair stays behind, and a foreign key to such a column travels as the key of
/// the row that it refers to, in fields named like `group_id.code`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    pub table: TableName,
    /// The names of the fields, in table order.
    pub columns: Vec<String>,
    /// Where each field is found, in the order of `columns`.
    pub sources: Vec<Source>,
    /// The key, as positions in `columns`.
    pub key: Vec<usize>,
    /// How each key field sorts.
    pub key_readings: Vec<Reading>,
    /// The fields that are compared, as positions in `columns`, sorted by name so that two
    /// databases with another column order agree.
    pub compared: Vec<usize>,
    /// Only rows that meet this SQL condition are lookup rows.
    pub filter: Option<String>,
    pub extra_rows: ExtraRows,
    /// How a row that the source no longer has is switched off; deleted where it is not said.
    pub retire: Option<Retire>,
    /// The columns that every environment fills in for itself.
    pub own: Vec<OwnColumn>,
    /// The foreign keys that travel as the key of what they refer to.
    pub links: Vec<Link>,
    /// The columns that are left alone.
    pub ignored: Vec<String>,
}

/// Where a field is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In the column of that name.
    Column,
    /// In a field of the parent's key; both are positions, of the link and of the field.
    Link { link: usize, field: usize },
}

/// A column beside the key whose value each environment gives to a new row, and keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnColumn {
    pub name: String,
    pub default: DefaultValue,
}

/// A foreign key to a column whose values are not the same everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// All columns of the foreign key, each with the parent's column that it refers to.
    pub pairs: Vec<(String, String)>,
    pub comparisons: Vec<Comparison>,
    /// Those of the pairs whose values differ from environment to environment.
    pub local: Vec<(String, String)>,
    /// The parent with nothing but the fields of its key, over all of its rows.
    pub parent: Box<Lookup>,
}

impl Lookup {
    /// All rows of the table, with every field to be compared.
    pub fn whole(&self) -> Lookup {
        Lookup {
            filter: None,
            compared: (0..self.columns.len()).collect(),
            ..self.clone()
        }
    }

    /// The same table with the fields in `names` only, in that order. `None` when a key field is
    /// not among them.
    pub fn with_fields(&self, names: &[String]) -> Option<Lookup> {
        let kept: Vec<usize> = names
            .iter()
            .filter_map(|name| self.position(name))
            .collect();
        let moved = |at: &usize| kept.iter().position(|kept| kept == at);
        Some(Lookup {
            columns: kept.iter().map(|at| self.columns[*at].clone()).collect(),
            sources: kept.iter().map(|at| self.sources[*at].clone()).collect(),
            key: self.key.iter().map(moved).collect::<Option<_>>()?,
            compared: self.compared.iter().filter_map(moved).collect(),
            ..self.clone()
        })
    }

    /// The same table with the columns that the database computes as fields too, which do not travel.
    pub(crate) fn with_computed(mut self, table: &Table) -> Lookup {
        for column in table.columns.iter().filter(|column| column.generated) {
            self.columns.push(column.name.clone());
            self.sources.push(Source::Column);
        }
        self
    }

    /// The same table with only the fields that `other` has too, for a comparison before
    /// migrations have made the two ends alike. `None` when a key field is missing.
    pub fn common_with(&self, other: &Lookup) -> Option<Lookup> {
        let shared: Vec<String> = self
            .columns
            .iter()
            .filter(|column| other.columns.contains(column))
            .cloned()
            .collect();
        self.with_fields(&shared)
    }

    /// This table, the target's, with its fields, key and order as the source has them.
    pub fn arranged_like(&self, source: &Lookup) -> Option<Lookup> {
        Some(Lookup {
            key: source.key.clone(),
            key_readings: source.key_readings.clone(),
            compared: source.compared.clone(),
            ..self.with_fields(&source.columns)?
        })
    }

    pub fn has_same_columns(&self, other: &Lookup) -> bool {
        self.compared_columns().eq(other.compared_columns())
            && self.columns.len() == other.columns.len()
            && self
                .columns
                .iter()
                .all(|column| other.columns.contains(column))
    }

    fn position(&self, field: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == field)
    }

    pub fn key_columns(&self) -> impl Iterator<Item = &str> {
        self.key.iter().map(|at| self.columns[*at].as_str())
    }

    pub fn compared_columns(&self) -> impl Iterator<Item = &str> {
        self.compared.iter().map(|at| self.columns[*at].as_str())
    }

    /// How a field of the key sorts.
    fn reading_of(&self, field: usize) -> Reading {
        let in_key = self.key.iter().position(|at| *at == field);
        in_key.map_or(Reading::Text, |at| self.key_readings[at])
    }

    /// How a column of the stored key reads; one that does not travel holds values of its own
    /// database only.
    pub fn reading_of_stored(&self, column: &str) -> Reading {
        self.position(column)
            .map_or(Reading::Text, |at| self.reading_of(at))
    }

    /// Whether a field is the column of that name.
    pub fn is_plain(&self, column: &str) -> bool {
        self.position(column)
            .is_some_and(|at| self.sources[at] == Source::Column)
    }

    /// The columns of the table that a field is kept in.
    pub(crate) fn stored_in(&self, field: usize) -> Vec<&str> {
        match &self.sources[field] {
            Source::Column => vec![&self.columns[field]],
            Source::Link { link, .. } => self.links[*link]
                .local
                .iter()
                .map(|(column, _)| column.as_str())
                .collect(),
        }
    }

    /// The fields that name the parent of a link, in the order of the parent's.
    pub fn fields_of_link(&self, at: usize) -> Vec<&str> {
        (0..self.links[at].parent.columns.len())
            .filter_map(|field| {
                let source = Source::Link { link: at, field };
                let found = self.sources.iter().position(|other| *other == source)?;
                Some(self.columns[found].as_str())
            })
            .collect()
    }

    /// The fields that columns of the table travel as; `None` where one does not travel.
    pub fn fields_of(&self, columns: &[String]) -> Option<Vec<usize>> {
        let mut fields = Vec::new();
        for column in columns {
            let of_column = |at: &usize| self.stored_in(*at).contains(&column.as_str());
            let found: Vec<usize> = (0..self.columns.len()).filter(of_column).collect();
            if found.is_empty() {
                return None;
            }
            fields.extend(found);
        }
        fields.sort_unstable();
        fields.dedup();
        Some(fields)
    }

    fn stored(&self, fields: impl Iterator<Item = usize>) -> Vec<&str> {
        let mut columns = Vec::new();
        for column in fields.flat_map(|field| self.stored_in(field)) {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        columns
    }

    /// The columns of the table that make the key.
    pub fn stored_key(&self) -> Vec<&str> {
        self.stored(self.key.iter().copied())
    }

    /// The columns of the table that a new row is given values for.
    pub fn stored_columns(&self) -> Vec<&str> {
        let mut columns = self.stored(0..self.columns.len());
        columns.extend(self.own.iter().map(|own| own.name.as_str()));
        columns
    }

    /// The columns of the table that an update may change.
    pub fn changing_columns(&self) -> Vec<&str> {
        let key = self.stored_key();
        let mut columns = self.stored(self.compared.iter().copied());
        columns.retain(|column| !key.contains(column));
        columns
    }

    /// The columns of the table that do not travel under their own name.
    pub fn local_columns(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = self.own.iter().map(|own| own.name.as_str()).collect();
        for (column, _) in self.links.iter().flat_map(|link| &link.local) {
            if !columns.contains(&column.as_str()) {
                columns.push(column);
            }
        }
        columns.extend(self.ignored.iter().map(String::as_str));
        columns
    }

    /// The key of a row whose fields stand in the order of `columns`.
    pub fn key_of(&self, row: &Record) -> Record {
        row::pick(row, &self.key)
    }

    /// The hash of a row whose fields stand in the order of `columns`.
    pub fn hash_of(&self, row: &Record) -> RowHash {
        row::hash(row, &self.compared)
    }

    pub fn keyed_hash(&self, row: &Record) -> KeyedHash {
        KeyedHash {
            key: self.key_of(row),
            hash: self.hash_of(row),
        }
    }
}

#[cfg(test)]
mod samples {
    use super::*;
    use crate::model::schema::catalog::{Action, Catalog, Column, ForeignKey, Table, TableKind};

    pub(crate) fn table(
        name: &str,
        columns: &[&str],
        primary_key: &[&str],
        parents: &[&str],
    ) -> Table {
        Table {
            name: TableName::new(None, name),
            kind: TableKind::Ordinary,
            columns: columns
                .iter()
                .map(|name| Column {
                    name: (*name).to_owned(),
                    type_name: "text".to_owned(),
                    nullable: false,
                    generated: *name == "computed",
                    fixed: false,
                    reading: Reading::Text,
                    default: (*name == "id").then_some(DefaultValue::RowNumber),
                })
                .collect(),
            primary_key: primary_key.iter().map(|name| (*name).to_owned()).collect(),
            unique_keys: Vec::new(),
            partial_keys: Vec::new(),
            foreign_keys: parents
                .iter()
                .map(|parent| ForeignKey {
                    name: None,
                    columns: vec!["parent".to_owned()],
                    parent: TableName::new(None, parent),
                    parent_columns: vec!["id".to_owned()],
                    comparisons: Vec::new(),
                    deferrable: false,
                    on_delete_columns: Vec::new(),
                    on_delete: Action::NoAction,
                    on_update: Action::NoAction,
                })
                .collect(),
        }
    }

    pub(crate) fn catalog(tables: Vec<Table>) -> Catalog {
        Catalog {
            tables: tables
                .into_iter()
                .map(|table| (table.name.clone(), table))
                .collect(),
            ..Catalog::default()
        }
    }
}
