//! From what the configuration says and what a database has to a lookup table.

use crate::model::rows::lookup::Lookup;
use crate::model::rows::lookup::fields::{Field, Resolving, keyed};
use crate::model::rows::lookup::find::find;
use crate::model::rows::lookup::local::Local;
use crate::model::rows::lookup::settings::LookupSettings;
use crate::model::schema::catalog::{Catalog, Table};
use crate::problem::{Code, Problem};

/// How a staging table calls the column that says what happens to a row.
const CHANGE: &str = "__change";

/// In bytes: file systems take 255, and the file has an ending, and another name until it is whole.
const LONGEST_FILE_NAME: usize = 200;

impl Lookup {
    /// Finds the table in a catalog and checks that its rows can be told apart. `all` are the
    /// settings of every lookup table, because foreign keys between them travel in their own way.
    ///
    /// # Errors
    /// `missing_table`, `not_a_table`, `no_key` or `column_mismatch`, naming the table and,
    /// through `label`, the environment.
    pub fn resolve(
        settings: &LookupSettings,
        all: &[LookupSettings],
        catalog: &Catalog,
        label: &str,
    ) -> Result<Lookup, Problem> {
        let table = find(settings, catalog, label)?;
        let resolving = Resolving {
            all,
            catalog,
            label,
            local: Local::find(all, catalog),
        };
        resolving.lookup(settings, table)
    }
}

impl Resolving<'_> {
    fn lookup(&self, settings: &LookupSettings, table: &Table) -> Result<Lookup, Problem> {
        let key = key_columns(settings, table, self.label)?;
        let links = self.links(table, |_| true, &mut Vec::new())?;
        let fields = self.fields(settings, table, &links, |_| true);
        self.check(settings, table, &key, &fields)?;
        let mut compared: Vec<usize> = (0..fields.len())
            .filter(|at| !settings.insert_only.contains(&fields[*at].column))
            .collect();
        compared.sort_by(|one, other| fields[*one].name.cmp(&fields[*other].name));
        Ok(Lookup {
            compared,
            filter: settings.filter.clone(),
            extra_rows: settings.extra_rows,
            retire: settings.retire.clone(),
            own: self.own_columns(table, &links),
            ignored: settings.ignore.clone(),
            ..keyed(table, &key, fields, links)
        })
    }

    /// What the configuration says of columns fits the table.
    fn check(
        &self,
        settings: &LookupSettings,
        table: &Table,
        key: &[String],
        fields: &[Field],
    ) -> Result<(), Problem> {
        let name = &settings.table;
        if settings.filter.is_some() && !is_unique(table, key) {
            return Err(Problem::new(
                Code::NoKey,
                format!(
                    "`{name}` in {} has no unique constraint on its key ({}), so a row outside `where` could have the key of one inside",
                    self.label,
                    key.join(", ")
                ),
            )
            .hint("make the key unique over the whole table with a migration"));
        }
        let mismatch = |message: String, hint: &str| {
            Err(Problem::new(Code::ColumnMismatch, message).hint(hint))
        };
        let retired = settings.retire.iter().flat_map(|retire| retire.0.keys());
        for (role, columns) in [
            (
                "insert_only",
                settings.insert_only.iter().collect::<Vec<_>>(),
            ),
            ("ignore", settings.ignore.iter().collect()),
            ("retire", retired.collect()),
        ] {
            for column in columns {
                let found = table.columns.iter().find(|known| known.name == *column);
                if found.is_none_or(|column| column.generated) {
                    return mismatch(
                        format!(
                            "`{name}` in {} has no column `{column}` that can be loaded",
                            self.label
                        ),
                        "correct the [[lookup]] section in data-sync/sync.toml",
                    );
                }
                if key.contains(column) {
                    return mismatch(
                        format!("key column `{column}` of `{name}` cannot be in {role}"),
                        &format!("take it out of {role}"),
                    );
                }
                if role == "retire" && found.is_some_and(|column| column.fixed) {
                    return mismatch(
                        format!(
                            "`{column}` of `{name}` in {} cannot be in retire: it is GENERATED ALWAYS AS IDENTITY, and nobody may change it",
                            self.label
                        ),
                        "choose another column for retire",
                    );
                }
            }
        }
        let retired = settings.retire.as_ref();
        let is_retired = |column: &String| retired.is_some_and(|set| set.0.contains_key(column));
        if let Some(unique) = table
            .unique_keys
            .iter()
            .find(|key| key.iter().all(is_retired))
        {
            return mismatch(
                format!(
                    "retire of `{name}` would give every row that is switched off the same `{}`, which is unique in {}",
                    unique.join("`, `"),
                    self.label
                ),
                "choose another column for retire",
            );
        }
        if fields.iter().any(|field| field.name == CHANGE) {
            return mismatch(
                format!(
                    "`{name}` in {} has a column `{CHANGE}`, a name that the load needs for itself",
                    self.label
                ),
                "give the column another name with a migration",
            );
        }
        if table.name.file_stem().len() > LONGEST_FILE_NAME {
            return mismatch(
                format!(
                    "the name of `{name}` in {} is too long for that of the file that its rows travel in",
                    self.label
                ),
                "give the table a shorter name with a migration",
            );
        }
        for (at, field) in fields.iter().enumerate() {
            if fields[..at].iter().any(|other| other.name == field.name) {
                return mismatch(
                    format!(
                        "`{name}` in {} has a column `{}`, which is also how a foreign key of it travels",
                        self.label, field.name
                    ),
                    "give the column another name with a migration",
                );
            }
        }
        Ok(())
    }
}

/// Whether the database itself sees to it that no two rows of the table share a key.
fn is_unique(table: &Table, key: &[String]) -> bool {
    table
        .unique_keys
        .iter()
        .any(|unique| unique.iter().all(|column| key.contains(column)))
}

pub(crate) fn key_columns(
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
        let found = table.columns.iter().find(|column| column.name == *name);
        if found.is_some_and(|column| column.generated) {
            return Err(Problem::new(
                Code::NoKey,
                format!(
                    "column `{name}` of `{}` in {label} is generated, so it does not travel and cannot be a key",
                    settings.table
                ),
            )
            .hint("name the columns that it is computed from with key = […] in data-sync/sync.toml"));
        }
        if found.is_none() {
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

#[cfg(test)]
mod tests {
    use super::super::samples::{catalog, table};
    use super::*;
    use crate::model::schema::table::TableName;

    fn settings(table: &str) -> LookupSettings {
        LookupSettings::of(TableName::new(None, table))
    }

    fn with_key(table: &str, key: &[&str]) -> LookupSettings {
        LookupSettings {
            key: key.iter().map(|name| (*name).to_owned()).collect(),
            ..settings(table)
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
        let lookup = Lookup::resolve(&settings("fees"), &[], &catalog, "Development").unwrap();
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
        let resolve = |settings: &LookupSettings| Lookup::resolve(settings, &[], &catalog, "Test");
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
        let catalog = self::catalog(vec![table("fees", &["id", "computed"], &["id"], &[])]);
        let problem = Lookup::resolve(&with_key("fees", &["computed"]), &[], &catalog, "Test");
        let problem = problem.unwrap_err();
        assert_eq!(problem.code, Code::NoKey);
        assert!(
            problem.message.contains("`computed` of `fees`"),
            "{problem}"
        );
    }

    #[test]
    fn numbers_of_an_environment_stay_behind() {
        let catalog = catalog(vec![
            table("groups", &["id", "code"], &["id"], &[]),
            table("items", &["id", "parent", "code"], &["id"], &["groups"]),
            table("prices", &["id", "parent", "amount"], &["id"], &["items"]),
        ]);
        let all = [
            with_key("groups", &["code"]),
            with_key("items", &["parent", "code"]),
            with_key("prices", &["parent"]),
        ];
        let resolve = |at: usize| Lookup::resolve(&all[at], &all, &catalog, "Test").unwrap();
        assert_eq!(resolve(0).columns, ["code"]);
        assert_eq!(resolve(1).columns, ["parent.code", "code"]);
        let prices = resolve(2);
        assert_eq!(
            prices.columns,
            ["parent.parent.code", "parent.code", "amount"]
        );
        assert_eq!(prices.key, [0, 1]);
        assert_eq!(prices.stored_key(), ["parent"]);
        assert_eq!(prices.stored_columns(), ["parent", "amount", "id"]);
        assert_eq!(prices.changing_columns(), ["amount"]);
        assert_eq!(prices.local_columns(), ["id", "parent"]);
    }

    #[test]
    fn a_table_may_refer_to_itself_but_its_key_may_not() {
        let catalog = catalog(vec![table(
            "nodes",
            &["id", "parent", "code"],
            &["id"],
            &["nodes"],
        )]);
        let resolve = |settings: LookupSettings| {
            Lookup::resolve(&settings, std::slice::from_ref(&settings), &catalog, "Test")
        };
        let nodes = resolve(with_key("nodes", &["code"])).unwrap();
        assert_eq!(nodes.columns, ["parent.code", "code"]);
        assert_eq!(nodes.changing_columns(), ["parent"]);
        let problem = resolve(with_key("nodes", &["parent", "code"])).unwrap_err();
        assert_eq!(problem.code, Code::NoKey);
        assert!(
            problem.message.contains("leads back to itself"),
            "{problem}"
        );
    }

    #[test]
    fn what_is_said_of_columns_must_fit() {
        let catalog = catalog(vec![table(
            "fees",
            &["id", "name", "computed"],
            &["id"],
            &[],
        )]);
        let refused = |settings: LookupSettings| {
            let problem = Lookup::resolve(&settings, &[], &catalog, "Test").unwrap_err();
            assert_eq!(problem.code, Code::ColumnMismatch);
            problem.message
        };
        let ignoring = |column: &str| LookupSettings {
            ignore: vec![column.to_owned()],
            ..settings("fees")
        };
        assert!(refused(ignoring("id")).contains("cannot be in ignore"));
        assert!(refused(ignoring("nothing")).contains("has no column `nothing`"));
        assert!(refused(ignoring("computed")).contains("has no column `computed`"));
        let left = Lookup::resolve(&ignoring("name"), &[], &catalog, "Test").unwrap();
        assert_eq!(left.columns, ["id"]);
        assert_eq!(left.local_columns(), ["name"]);
    }
}
