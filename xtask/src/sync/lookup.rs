//! A lookup table with all that is needed to read, compare and load it.

use super::catalog::{Catalog, Reading, Table, TableKind};
use super::config::{ExtraRows, LookupSettings};
use super::row::{self, KeyedHash, Record, RowHash};
use super::table::TableName;
use crate::problem::{Code, Problem};

/// A lookup table as one database has it, with what the configuration says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    pub table: TableName,
    /// The columns that travel, in table order: all but generated ones.
    pub columns: Vec<String>,
    /// The key, as positions in `columns`.
    pub key: Vec<usize>,
    /// How each key column sorts.
    pub key_readings: Vec<Reading>,
    /// The columns that are compared, as positions in `columns`, sorted by name so that two
    /// databases with another column order agree.
    pub compared: Vec<usize>,
    /// Only rows that meet this SQL condition are lookup rows.
    pub filter: Option<String>,
    pub extra_rows: ExtraRows,
}

impl Lookup {
    /// Finds the table in a catalog and checks that its rows can be told apart.
    ///
    /// # Errors
    /// `missing_table`, `not_a_table`, `no_key` or `column_mismatch`, naming the table and,
    /// through `label`, the environment.
    pub fn resolve(
        settings: &LookupSettings,
        catalog: &Catalog,
        label: &str,
    ) -> Result<Lookup, Problem> {
        let table = catalog.find(&settings.table).ok_or_else(|| {
            Problem::new(Code::MissingTable, format!("{label} has no table `{}`", settings.table))
                .hint(
                    "where a migration makes it, run the migration (Development: `cargo xtask migrate`); \
                     else correct its [[lookup]] section in data-sync/sync.toml",
                )
        })?;
        if table.kind == TableKind::NotATable {
            return Err(Problem::new(
                Code::NotATable,
                format!(
                    "`{}` in {label} is not a table with rows of its own",
                    settings.table
                ),
            )
            .hint("list the tables that it reads instead"));
        }
        if table.kind == TableKind::Inherited {
            return Err(Problem::new(
                Code::NotATable,
                format!(
                    "other tables inherit from `{}` in {label}, so its rows are not its own",
                    settings.table
                ),
            )
            .hint(
                "list the tables that hold the rows, or give up the inheritance with a migration",
            ));
        }
        let key = key_columns(settings, table, label)?;
        if settings.filter.is_some() && !is_unique(table, &key) {
            return Err(Problem::new(
                Code::NoKey,
                format!(
                    "`{}` in {label} has no unique constraint on its key ({}), so a row outside `where` could have the key of one inside",
                    settings.table,
                    key.join(", ")
                ),
            )
            .hint("make the key unique over the whole table with a migration"));
        }
        let columns: Vec<&str> = table
            .columns
            .iter()
            .filter(|column| !column.generated)
            .map(|column| column.name.as_str())
            .collect();
        let position = |name: &str| {
            columns
                .iter()
                .position(|column| *column == name)
                .ok_or_else(|| {
                    Problem::new(
                        Code::ColumnMismatch,
                        format!(
                            "`{}` in {label} has no column `{name}` that can be loaded",
                            settings.table
                        ),
                    )
                    .hint("correct the [[lookup]] section in data-sync/sync.toml")
                })
        };
        let mut insert_only = Vec::new();
        for name in &settings.insert_only {
            let at = position(name)?;
            if key.contains(name) {
                return Err(Problem::new(
                    Code::ColumnMismatch,
                    format!(
                        "key column `{name}` of `{}` cannot be insert_only",
                        settings.table
                    ),
                )
                .hint("take it out of insert_only"));
            }
            insert_only.push(at);
        }
        let mut compared: Vec<usize> = (0..columns.len())
            .filter(|at| !insert_only.contains(at))
            .collect();
        compared.sort_by_key(|at| columns[*at]);
        let key = key
            .iter()
            .map(|name| position(name))
            .collect::<Result<Vec<_>, _>>()?;
        let reading = |at: &usize| {
            table
                .columns
                .iter()
                .find(|column| column.name == columns[*at])
                .map_or(Reading::Text, |column| column.reading)
        };
        Ok(Lookup {
            table: table.name.clone(),
            key_readings: key.iter().map(reading).collect(),
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            key,
            compared,
            filter: settings.filter.clone(),
            extra_rows: settings.extra_rows,
        })
    }

    /// The same table with only the columns that `other` has too, for a comparison before
    /// migrations have made the two ends alike. `None` when a key column is missing.
    pub fn common_with(&self, other: &Lookup) -> Option<Lookup> {
        let kept: Vec<usize> = (0..self.columns.len())
            .filter(|at| other.columns.contains(&self.columns[*at]))
            .collect();
        let moved = |at: &usize| kept.iter().position(|kept| kept == at);
        Some(Lookup {
            columns: kept.iter().map(|at| self.columns[*at].clone()).collect(),
            key: self.key.iter().map(moved).collect::<Option<_>>()?,
            compared: self.compared.iter().filter_map(moved).collect(),
            ..self.clone()
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

    pub fn key_columns(&self) -> impl Iterator<Item = &str> {
        self.key.iter().map(|at| self.columns[*at].as_str())
    }

    pub fn compared_columns(&self) -> impl Iterator<Item = &str> {
        self.compared.iter().map(|at| self.columns[*at].as_str())
    }

    /// The key of a row whose fields stand in the order of `columns`.
    pub fn key_of(&self, row: &Record) -> Record {
        self.key.iter().filter_map(|at| row.get(*at)).collect()
    }

    /// The hash of a row whose fields stand in the order of `columns`.
    pub fn hash_of(&self, row: &Record) -> RowHash {
        row::hash(self.compared.iter().filter_map(|at| row.get(*at)))
    }

    pub fn keyed_hash(&self, row: &Record) -> KeyedHash {
        KeyedHash {
            key: self.key_of(row),
            hash: self.hash_of(row),
        }
    }
}

/// Whether the database itself sees to it that no two rows of the table share a key.
fn is_unique(table: &Table, key: &[String]) -> bool {
    table
        .unique_keys
        .iter()
        .any(|unique| unique.iter().all(|column| key.contains(column)))
}

fn key_columns(
    settings: &LookupSettings,
    table: &Table,
    label: &str,
) -> Result<Vec<String>, Problem> {
    if settings.key.is_empty() {
        if table.primary_key.is_empty() {
            return Err(Problem::new(
                Code::NoKey,
                format!("`{}` in {label} has no primary key, so its rows cannot be told apart", settings.table),
            )
            .hint("add a primary key with a migration, or name unique columns with key = [\"…\"] in data-sync/sync.toml"));
        }
        return Ok(table.primary_key.clone());
    }
    for name in &settings.key {
        if !table.columns.iter().any(|column| column.name == *name) {
            return Err(Problem::new(
                Code::NoKey,
                format!(
                    "`{}` in {label} has no column `{name}` to be its key",
                    settings.table
                ),
            )
            .hint("correct key = […] in data-sync/sync.toml"));
        }
    }
    Ok(settings.key.clone())
}

/// Parents before children.
///
/// # Errors
/// `reference_cycle`, naming the tables that refer to each other in a circle.
pub fn in_dependency_order<'lookup>(
    lookups: &'lookup [Lookup],
    catalog: &Catalog,
) -> Result<Vec<&'lookup Lookup>, Problem> {
    let parents = |lookup: &Lookup| -> Vec<&TableName> {
        catalog
            .tables
            .get(&lookup.table)
            .map_or(Vec::new(), |table| {
                table
                    .foreign_keys
                    .iter()
                    .filter(|key| !key.deferrable && key.parent != lookup.table)
                    .map(|key| &key.parent)
                    .collect()
            })
    };
    let mut waiting: Vec<&Lookup> = lookups.iter().collect();
    let mut ordered: Vec<&Lookup> = Vec::new();
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|candidate| {
            parents(candidate)
                .iter()
                .all(|parent| !waiting.iter().any(|other| other.table == **parent))
        });
        let Some(ready) = ready else {
            let tables: Vec<_> = waiting
                .iter()
                .map(|lookup| format!("`{}`", lookup.table))
                .collect();
            return Err(Problem::new(
                Code::ReferenceCycle,
                format!(
                    "the lookup tables {} refer to each other in a circle",
                    tables.join(", ")
                ),
            )
            .hint("make one of their foreign keys DEFERRABLE with a migration"));
        };
        ordered.push(waiting.remove(ready));
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::catalog::{Column, ForeignKey};

    fn table(name: &str, columns: &[&str], primary_key: &[&str], parents: &[&str]) -> Table {
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
                    reading: Reading::Text,
                    has_sequence: false,
                })
                .collect(),
            primary_key: primary_key.iter().map(|name| (*name).to_owned()).collect(),
            unique_keys: Vec::new(),
            foreign_keys: parents
                .iter()
                .map(|parent| ForeignKey {
                    columns: vec!["parent".to_owned()],
                    parent: TableName::new(None, parent),
                    parent_columns: vec!["id".to_owned()],
                    deferrable: false,
                })
                .collect(),
        }
    }

    fn catalog(tables: Vec<Table>) -> Catalog {
        Catalog {
            tables: tables
                .into_iter()
                .map(|table| (table.name.clone(), table))
                .collect(),
            ..Catalog::default()
        }
    }

    fn settings(table: &str) -> LookupSettings {
        LookupSettings {
            table: TableName::new(None, table),
            key: Vec::new(),
            extra_rows: ExtraRows::Delete,
            insert_only: Vec::new(),
            filter: None,
        }
    }

    #[test]
    fn columns_are_compared_by_name_and_generated_ones_left_out() {
        let catalog = catalog(vec![table(
            "fees",
            &["id", "name", "computed", "amount"],
            &["id"],
            &[],
        )]);
        let lookup = Lookup::resolve(&settings("fees"), &catalog, "Development").unwrap();
        assert_eq!(lookup.columns, ["id", "name", "amount"]);
        assert_eq!(
            lookup.compared_columns().collect::<Vec<_>>(),
            ["amount", "id", "name"]
        );
        assert_eq!(lookup.key, [0]);
    }

    #[test]
    fn what_cannot_be_a_lookup_is_refused_by_name() {
        let catalog = catalog(vec![table("keyless", &["a", "b"], &[], &[])]);
        let resolve = |settings: &LookupSettings| Lookup::resolve(settings, &catalog, "Test");
        assert_eq!(
            resolve(&settings("missing")).unwrap_err().code,
            Code::MissingTable
        );
        assert_eq!(resolve(&settings("keyless")).unwrap_err().code, Code::NoKey);
        let mut given = settings("keyless");
        given.key = vec!["b".to_owned()];
        assert_eq!(resolve(&given).unwrap().key, [1]);
        given.insert_only = vec!["b".to_owned()];
        assert_eq!(resolve(&given).unwrap_err().code, Code::ColumnMismatch);
        given.key = vec!["c".to_owned()];
        assert_eq!(resolve(&given).unwrap_err().code, Code::NoKey);
    }

    #[test]
    fn parents_come_first_and_circles_are_named() {
        let order = |tables: Vec<Table>| {
            let catalog = catalog(tables);
            let lookups: Vec<Lookup> = catalog
                .tables
                .keys()
                .map(|name| Lookup::resolve(&settings(&name.name), &catalog, "Test").unwrap())
                .collect();
            in_dependency_order(&lookups, &catalog).map(|ordered| {
                ordered
                    .iter()
                    .map(|lookup| lookup.table.name.clone())
                    .collect::<Vec<_>>()
            })
        };
        let columns = ["id", "parent"];
        assert_eq!(
            order(vec![
                table("a", &columns, &["id"], &["b", "a", "elsewhere"]),
                table("b", &columns, &["id"], &["c"]),
                table("c", &columns, &["id"], &[]),
            ])
            .unwrap(),
            ["c", "b", "a"]
        );
        let problem = order(vec![
            table("a", &columns, &["id"], &["b"]),
            table("b", &columns, &["id"], &["a"]),
        ])
        .unwrap_err();
        assert_eq!(problem.code, Code::ReferenceCycle);
    }
}
