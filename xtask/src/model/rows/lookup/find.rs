//! Which table of a catalog the configuration names, if its rows are its own.

use crate::model::rows::lookup::settings::LookupSettings;
use crate::model::schema::catalog::{Catalog, Object, Table, TableKind};
use crate::problem::{Code, Problem};

/// # Errors
/// `missing_table` or `not_a_table`, naming the table and, through `label`, the environment.
pub(crate) fn find<'catalog>(
    settings: &LookupSettings,
    catalog: &'catalog Catalog,
    label: &str,
) -> Result<&'catalog Table, Problem> {
    let table = catalog.find(&settings.table).ok_or_else(|| {
        let object = Object {
            kind: "table".to_owned(),
            name: settings.table.to_string(),
        };
        // A partition is an object of the schema, but no table with rows of its own.
        if catalog.objects.contains_key(&object) {
            return Problem::new(
                Code::NotATable,
                format!(
                    "`{}` in {label} is a partition of another table",
                    settings.table
                ),
            )
            .hint("list the partitioned table instead: its rows are those of all its partitions");
        }
        Problem::new(
            Code::MissingTable,
            format!("{label} has no table `{}`", settings.table),
        )
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
        .hint("list the tables that hold the rows, or give up the inheritance with a migration"));
    }
    Ok(table)
}
