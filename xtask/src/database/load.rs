//! The statements that bring staged rows into a lookup table, the same on both backends.
//!
//! A staging table has the fields of its lookup table, the columns of the table that do not travel
//! under their own name, and `__change`: `I` for a row to insert, `U` to update, `D` to delete and
//! `T` to retire (of these two only the key is filled in), `R` for one to update that was taken out
//! and comes back with the new ones.
//!
//! First [`Loading::identify`], [`Loading::number`] and [`Loading::link`] give every staged row the
//! columns that mean something on the target only; from then on rows are matched by their columns.

use super::lookup_select::lookup_select;
use super::sql::{compared, equal, identifier, list, same_key, same_stored_key, table};
use crate::model::reference::Reference;
use crate::model::rows::lookup::settings::RetiredValue;
use crate::model::rows::lookup::{Link, Lookup};

/// A lookup table and the staging table with its changes.
pub(super) struct Loading<'lookup> {
    pub(super) lookup: &'lookup Lookup,
    pub(super) table: String,
    pub(super) staging: String,
    pub(super) default_schema: &'static str,
}

impl Loading<'_> {
    /// The columns that every row of the staging table has behind its fields.
    pub(super) fn behind(lookup: &Lookup) -> Vec<&str> {
        let mut columns = lookup.local_columns();
        columns.retain(|column| !lookup.is_plain(column));
        columns
    }

    /// Gives staged rows that are on the target already the columns that stay there as they are;
    /// `None` where there are none.
    pub(super) fn identify(&self) -> Option<String> {
        let mut behind = Self::behind(self.lookup);
        behind.retain(|column| !self.lookup.ignored.iter().any(|ignored| ignored == column));
        let assignments: Vec<String> = behind
            .iter()
            .map(|column| identifier(column))
            .map(|column| format!("{column} = lookup.{column}"))
            .collect();
        (!assignments.is_empty()).then(|| {
            format!(
                "UPDATE {} AS staged SET {} FROM {} AS lookup WHERE staged.__change <> 'I' AND {}",
                self.staging,
                assignments.join(", "),
                lookup_select(self.lookup, &behind, self.default_schema),
                same_key(self.lookup, "staged", "lookup")
            )
        })
    }

    /// Gives new rows a value of their own for a column.
    pub(super) fn number(&self, column: &str, expression: &str) -> String {
        format!(
            "UPDATE {} SET {} = {expression} WHERE __change = 'I'",
            self.staging,
            identifier(column)
        )
    }

    /// Lets rows that come or change refer to nothing. Two foreign keys may share a column, so all
    /// are emptied before the first is set.
    pub(super) fn unlink(&self) -> Vec<String> {
        let links = self.lookup.links.iter();
        links
            .map(|link| {
                format!(
                    "UPDATE {} SET {} WHERE __change IN ('I', 'U')",
                    self.staging,
                    assigned(link, |_| "NULL".to_owned())
                )
            })
            .collect()
    }

    /// Lets rows that come or change refer to what their fields name: a row of the target, or one
    /// that comes too (`parent` is where the parent's changes wait).
    pub(super) fn link(&self, at: usize, parent: Option<&str>) -> String {
        format!(
            "UPDATE {} AS staged SET {} FROM ({}) AS parent WHERE staged.__change IN ('I', 'U') AND {}",
            self.staging,
            assigned(&self.lookup.links[at], |column| format!(
                "parent.{}",
                identifier(column)
            )),
            self.parents(at, parent, true),
            self.names_parent(at)
        )
    }

    /// Selects, of the rows that name a parent that neither is there nor comes, how many they are,
    /// and the fields by which one of them names it; nothing where there are none.
    pub(super) fn unlinked(&self, at: usize, parent: Option<&str>) -> String {
        let fields = self.lookup.fields_of_link(at);
        let named: Vec<String> = fields
            .iter()
            .map(|field| format!("staged.{} IS NOT NULL", identifier(field)))
            .collect();
        let least: Vec<String> = fields
            .iter()
            .map(|field| format!("min(CAST(staged.{} AS text))", identifier(field)))
            .collect();
        format!(
            "SELECT CAST(count(*) AS text), {} FROM {} AS staged WHERE staged.__change IN ('I', 'U') AND {} \
             AND NOT EXISTS (SELECT 1 FROM ({}) AS parent WHERE {}) HAVING count(*) > 0",
            least.join(", "),
            self.staging,
            named.join(" AND "),
            self.parents(at, parent, false),
            self.names_parent(at)
        )
    }

    /// The keys of the parents that a link may name, with what the link keeps of them.
    fn parents(&self, at: usize, staging: Option<&str>, with_local: bool) -> String {
        let link = &self.lookup.links[at];
        let local: Vec<&str> = link
            .local
            .iter()
            .filter(|_| with_local)
            .map(|(_, parent)| parent.as_str())
            .collect();
        let columns = |prefix: &str| {
            let key = link.parent.columns.iter().map(String::as_str);
            list(prefix, local.iter().copied().chain(key))
        };
        let coming = staging.map_or(String::new(), |staging| {
            format!(
                " UNION ALL SELECT {} FROM {staging} AS coming WHERE coming.__change = 'I'",
                columns("coming.")
            )
        });
        format!(
            "SELECT {} FROM {} AS lookup{coming}",
            columns("lookup."),
            lookup_select(&link.parent, &local, self.default_schema)
        )
    }

    fn names_parent(&self, at: usize) -> String {
        let fields = self.lookup.fields_of_link(at).into_iter();
        let key = self.lookup.links[at]
            .parent
            .columns
            .iter()
            .map(String::as_str);
        equal("staged", "parent", fields.zip(key))
    }

    /// Deletes the rows that nothing refers to, as `is_unreferenced` says.
    pub(super) fn delete_unreferenced(
        &self,
        references: &[Reference],
        is_unreferenced: fn(&Self, &Reference) -> String,
    ) -> String {
        let unreferenced: Vec<String> = references
            .iter()
            .map(|reference| format!(" AND {}", is_unreferenced(self, reference)))
            .collect();
        format!("{}{}", self.delete(), unreferenced.concat())
    }

    /// Asked for each row, as a server plans it for all rows at once.
    #[cfg(feature = "postgres")]
    pub(super) fn nobody_refers(&self, reference: &Reference) -> String {
        format!(
            "NOT EXISTS (SELECT 1 FROM {} AS child WHERE {})",
            self.child(reference),
            joined(reference)
        )
    }

    /// Not among all that is referred to, which SQLite looks up once: asked for each row, it would
    /// read a child without an index anew each time.
    #[cfg(feature = "sqlite")]
    pub(super) fn is_not_referred_to(&self, reference: &Reference) -> String {
        let columns =
            |prefix: &str, names: &[String]| list(prefix, names.iter().map(String::as_str));
        let named: Vec<String> = reference
            .columns
            .iter()
            .map(|name| format!("child.{} IS NOT NULL", identifier(name)))
            .collect();
        format!(
            "(({}) IN (SELECT {} FROM {} AS child WHERE {})) IS NOT TRUE",
            columns("lookup.", &reference.parent_columns),
            columns("child.", &reference.columns),
            self.child(reference),
            named.join(" AND ")
        )
    }

    fn child(&self, reference: &Reference) -> String {
        let child = table(&reference.child, self.default_schema);
        match reference.alone {
            true => format!("ONLY {child}"),
            false => child,
        }
    }

    /// Deletes every row that is to go.
    pub(super) fn delete(&self) -> String {
        format!(
            "DELETE FROM {} AS lookup WHERE EXISTS ({})",
            self.table,
            self.staged("staged", "'D'")
        )
    }

    /// Counts the rows that refer to one that is to go, those aside that go with it: `child` is
    /// where the changes of the table that refers to it wait.
    pub(super) fn count_references(
        &self,
        reference: &Reference,
        child: Option<&Loading<'_>>,
    ) -> String {
        let also_deleted = child.map_or(String::new(), |child| {
            format!(
                " AND NOT EXISTS (SELECT 1 FROM {} AS own WHERE own.__change = 'D' AND {})",
                child.staging,
                same_stored_key(child.lookup, "own", "child")
            )
        });
        format!(
            "SELECT CAST(count(*) AS text) FROM {} AS child JOIN {} AS lookup ON {} WHERE EXISTS ({}){also_deleted}",
            self.child(reference),
            self.table,
            joined(reference),
            self.staged("staged", "'D'")
        )
    }

    /// Whether a row refers to one of those `rows` of `lookup`, which are given as a condition, or is
    /// to: `coming` is where the changes of the table that refers wait.
    #[cfg(feature = "postgres")]
    pub(super) fn refer_to(
        &self,
        reference: &Reference,
        coming: Option<&str>,
        rows: &str,
    ) -> String {
        let (child, change) = match coming {
            None => (self.child(reference), ""),
            Some(staging) => (staging.to_owned(), "child.__change IN ('I', 'R', 'U') AND "),
        };
        format!(
            "SELECT CAST(count(*) > 0 AS text) FROM {child} AS child JOIN {} AS lookup ON {} WHERE {change}{rows}",
            self.table,
            joined(reference)
        )
    }

    /// Inserts the new rows, or with `R` those that were taken out; `overriding` is what the
    /// backend needs to accept given identities.
    pub(super) fn insert(&self, change: &str, overriding: &str) -> String {
        let mut columns = self.lookup.stored_columns();
        if change == "R" {
            columns.extend(self.lookup.ignored.iter().map(String::as_str));
        }
        let columns = list("", columns.into_iter());
        format!(
            "INSERT INTO {} ({columns}){overriding} SELECT {columns} FROM {} WHERE __change = '{change}'",
            self.table, self.staging
        )
    }

    /// Updates the changed rows, but not their `fixed` columns; `None` where the table has
    /// nothing else beside its key.
    pub(super) fn update(&self, fixed: &[String]) -> Option<String> {
        let assignments: Vec<String> = self
            .lookup
            .changing_columns()
            .into_iter()
            .filter(|column| !fixed.iter().any(|fixed| fixed == column))
            .map(identifier)
            .map(|column| format!("{column} = staged.{column}"))
            .collect();
        (!assignments.is_empty()).then(|| {
            format!(
                "UPDATE {} AS lookup SET {} FROM {} AS staged WHERE staged.__change = 'U' AND {}",
                self.table,
                assignments.join(", "),
                self.staging,
                same_stored_key(self.lookup, "staged", "lookup")
            )
        })
    }

    /// Switches the rows off that the source no longer has; `value` writes a value.
    pub(super) fn retire(&self, value: fn(&RetiredValue) -> String) -> Option<String> {
        let retire = self.lookup.retire.as_ref()?;
        let assignments: Vec<String> = retire
            .0
            .iter()
            .map(|(column, to)| format!("{} = {}", identifier(column), value(to)))
            .collect();
        Some(format!(
            "UPDATE {} AS lookup SET {} WHERE EXISTS ({})",
            self.table,
            assignments.join(", "),
            self.staged("staged", "'T'")
        ))
    }

    /// Finds the staged row of `lookup` with one of these changes.
    pub(super) fn staged(&self, name: &str, changes: &str) -> String {
        format!(
            "SELECT 1 FROM {} AS {name} WHERE {name}.__change IN ({changes}) AND {}",
            self.staging,
            same_stored_key(self.lookup, name, "lookup")
        )
    }
}

/// What the columns of a link are set to, by the parent's columns.
fn assigned(link: &Link, value: impl Fn(&str) -> String) -> String {
    let pairs = link.local.iter();
    let assignments: Vec<String> = pairs
        .map(|(column, parent)| format!("{} = {}", identifier(column), value(parent)))
        .collect();
    assignments.join(", ")
}

fn joined(reference: &Reference) -> String {
    let pairs = reference.parent_columns.iter().zip(&reference.columns);
    compared(
        &reference.comparisons,
        "lookup",
        "child",
        pairs.map(|(parent, child)| (identifier(parent), identifier(child))),
    )
}
