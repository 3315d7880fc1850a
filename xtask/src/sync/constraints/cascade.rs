//! Which foreign keys lead to a table, level after level, and what each would do to the rows that
//! refer: decided from the catalog alone.

use crate::model::reference::{Part, Step};
use crate::model::schema::catalog::{Action, Catalog, ForeignKey};
use crate::model::schema::table::TableName;

/// What happens to rows that others refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    Deleted,
    /// These columns get other values, and so may those that are computed from them.
    Changed(Vec<String>),
}

/// A foreign key into rows that go or change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKeyStep {
    /// The table that refers.
    pub child: TableName,
    pub key: ForeignKey,
    /// What happens to the rows that are referred to; of changed columns, those that the foreign
    /// key refers to.
    pub effect: Effect,
    /// A column that the foreign key refers to is computed by the database.
    pub computed: bool,
    /// The same child refers to the same parent by other foreign keys too.
    pub one_of_several: bool,
}

impl ForeignKeyStep {
    /// As a query walks it.
    pub(in crate::sync) fn step(&self, part: Part) -> Step {
        Step {
            child: self.child.clone(),
            columns: self.key.columns.clone(),
            parent_columns: self.key.parent_columns.clone(),
            comparisons: self.key.comparisons.clone(),
            part,
            repeats: self.repeats(),
        }
    }

    /// What the foreign key says for the case.
    pub fn action(&self) -> Action {
        match self.effect {
            Effect::Deleted => self.key.on_delete,
            Effect::Changed(_) => self.key.on_update,
        }
    }

    /// What then happens to the rows that refer; nothing where the foreign key only forbids.
    pub fn consequence(&self) -> Option<Effect> {
        match (&self.effect, self.action()) {
            (_, Action::NoAction | Action::Restrict) => None,
            (Effect::Deleted, Action::Cascade) => Some(Effect::Deleted),
            _ => Some(Effect::Changed(self.changed().to_vec())),
        }
    }

    /// The columns that refer, as far as the foreign key gives them other values.
    pub fn changed(&self) -> &[String] {
        match self.effect {
            Effect::Deleted if !self.key.on_delete_columns.is_empty() => {
                &self.key.on_delete_columns
            }
            _ => &self.key.columns,
        }
    }

    /// Rows of a tree go with all that is below them.
    pub fn repeats(&self) -> bool {
        self.key.parent == self.child && self.consequence() == Some(Effect::Deleted)
    }
}

/// The foreign keys that rows of `table` meet when this happens to them, those on the way `behind`
/// aside: the same one twice would be a circle.
pub fn foreign_key_steps(
    catalog: &Catalog,
    table: &TableName,
    effect: &Effect,
    behind: &[ForeignKeyStep],
) -> Vec<ForeignKeyStep> {
    let Some(columns) = catalog.tables.get(table).map(|table| &table.columns) else {
        return Vec::new();
    };
    // SQLite takes foreign keys to what is not there. It cannot enforce them, nor anybody count.
    let leads_here = |key: &ForeignKey| {
        key.parent == *table
            && !key.columns.is_empty()
            && key.columns.len() == key.parent_columns.len()
            && key
                .parent_columns
                .iter()
                .all(|name| columns.iter().any(|column| column.name == *name))
    };
    let found: Vec<(&TableName, &ForeignKey)> = catalog
        .tables
        .values()
        .flat_map(|table| table.foreign_keys.iter().map(move |key| (&table.name, key)))
        .chain(catalog.partition_keys.iter().map(|(name, key)| (name, key)))
        .filter(|(_, key)| leads_here(key))
        .collect();
    // What is computed may change with every other column.
    let is_computed = |name: &String| {
        let mut columns = columns.iter();
        columns.any(|column| column.generated && column.name == *name)
    };
    let mut foreign_key_steps: Vec<ForeignKeyStep> = found
        .iter()
        .filter_map(|(child, key)| {
            let effect = match effect {
                Effect::Deleted => Effect::Deleted,
                Effect::Changed(changed) => {
                    let mut referred = key.parent_columns.clone();
                    referred.retain(|column| changed.contains(column) || is_computed(column));
                    (!referred.is_empty()).then_some(Effect::Changed(referred))?
                }
            };
            Some(ForeignKeyStep {
                child: (*child).clone(),
                key: (*key).clone(),
                computed: key.parent_columns.iter().any(is_computed),
                effect,
                one_of_several: found.iter().filter(|(other, _)| other == child).count() > 1,
            })
        })
        .filter(|hop| {
            !behind
                .iter()
                .any(|passed| passed.child == hop.child && passed.key == hop.key)
        })
        .collect();
    foreign_key_steps.sort_by(|one, other| {
        let order = |hop: &ForeignKeyStep| {
            (
                hop.child.clone(),
                hop.key.columns.clone(),
                hop.key.name.clone(),
            )
        };
        order(one).cmp(&order(other))
    });
    foreign_key_steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::rows::key_order::Reading;
    use crate::model::schema::catalog::{Column, Table, TableKind};

    fn name(table: &str) -> TableName {
        TableName::new(None, table)
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// Child, columns, parent, its columns, what a deletion does and what a change.
    type Key<'text> = (
        &'text str,
        &'text [&'text str],
        &'text str,
        &'text [&'text str],
        Action,
        Action,
    );

    /// A catalog of tables with the columns `id`, `code` and `up`, and these foreign keys.
    fn catalog(keys: &[Key<'_>]) -> Catalog {
        let mut catalog = Catalog::default();
        for (child, columns, parent, parent_columns, on_delete, on_update) in keys {
            for table in [child, parent] {
                let column = |name: String| Column {
                    name,
                    type_name: String::new(),
                    nullable: true,
                    generated: false,
                    fixed: false,
                    reading: Reading::Text,
                    default: None,
                };
                catalog.tables.entry(name(table)).or_insert_with(|| Table {
                    name: name(table),
                    kind: TableKind::Ordinary,
                    columns: names(&["id", "code", "up"])
                        .into_iter()
                        .map(column)
                        .collect(),
                    primary_key: names(&["id"]),
                    unique_keys: Vec::new(),
                    partial_keys: Vec::new(),
                    foreign_keys: Vec::new(),
                });
            }
            let key = ForeignKey {
                name: None,
                columns: names(columns),
                parent: name(parent),
                parent_columns: names(parent_columns),
                comparisons: Vec::new(),
                deferrable: false,
                on_delete_columns: Vec::new(),
                on_delete: *on_delete,
                on_update: *on_update,
            };
            if let Some(table) = catalog.tables.get_mut(&name(child)) {
                table.foreign_keys.push(key);
            }
        }
        catalog
    }

    /// Every path from a table, such as `merchants, orders`.
    fn paths(catalog: &Catalog, table: &str, effect: &Effect) -> Vec<String> {
        fn walk(
            catalog: &Catalog,
            table: &TableName,
            effect: &Effect,
            behind: &[ForeignKeyStep],
            found: &mut Vec<String>,
        ) {
            for hop in foreign_key_steps(catalog, table, effect, behind) {
                let path = [behind, std::slice::from_ref(&hop)].concat();
                let children: Vec<String> = path.iter().map(|hop| hop.child.name.clone()).collect();
                found.push(children.join(", "));
                if let Some(consequence) = hop.consequence() {
                    walk(catalog, &hop.child, &consequence, &path, found);
                }
            }
        }
        let mut found = Vec::new();
        walk(catalog, &name(table), effect, &[], &mut found);
        found
    }

    use Action::{Cascade, NoAction, Restrict, SetDefault, SetNull};

    #[test]
    fn every_foreign_key_into_the_table_is_met_and_cascades_are_followed() {
        let catalog = catalog(&[
            ("merchants", &["up"], "groups", &["id"], Cascade, NoAction),
            ("orders", &["up"], "merchants", &["id"], Cascade, NoAction),
            ("lines", &["up"], "orders", &["id"], Restrict, NoAction),
            ("marks", &["up"], "lines", &["id"], Cascade, NoAction),
            ("notes", &["up"], "groups", &["id"], NoAction, Cascade),
            ("words", &["up"], "notes", &["id"], Cascade, NoAction),
            ("others", &["up"], "marks", &["id"], Cascade, NoAction),
        ]);
        assert_eq!(
            paths(&catalog, "groups", &Effect::Deleted),
            [
                "merchants",
                "merchants, orders",
                "merchants, orders, lines",
                "notes"
            ]
        );
        assert_eq!(paths(&catalog, "others", &Effect::Deleted), [""; 0]);
        assert_eq!(paths(&catalog, "missing", &Effect::Deleted), [""; 0]);
    }

    #[test]
    fn a_change_is_followed_through_the_columns_that_change() {
        let catalog = catalog(&[
            (
                "merchants",
                &["code"],
                "groups",
                &["code"],
                NoAction,
                Cascade,
            ),
            (
                "orders",
                &["code"],
                "merchants",
                &["code"],
                NoAction,
                SetNull,
            ),
            ("lines", &["code"], "orders", &["code"], NoAction, Restrict),
            ("notes", &["up"], "merchants", &["id"], NoAction, Cascade),
        ]);
        let code = Effect::Changed(names(&["code", "up"]));
        assert_eq!(
            paths(&catalog, "groups", &code),
            ["merchants", "merchants, orders", "merchants, orders, lines"]
        );
        let found = foreign_key_steps(&catalog, &name("groups"), &code, &[]);
        assert_eq!(found[0].effect, Effect::Changed(names(&["code"])));
        assert_eq!(found[0].action(), Cascade);
        let other = Effect::Changed(names(&["up"]));
        assert_eq!(paths(&catalog, "groups", &other), [""; 0]);
    }

    #[test]
    fn an_emptied_column_is_a_change_for_those_that_refer_to_it() {
        for action in [SetNull, SetDefault] {
            let catalog = catalog(&[
                ("merchants", &["up"], "groups", &["id"], action, NoAction),
                ("orders", &["up"], "merchants", &["up"], NoAction, Cascade),
                ("notes", &["up"], "merchants", &["id"], Cascade, Cascade),
            ]);
            assert_eq!(
                paths(&catalog, "groups", &Effect::Deleted),
                ["merchants", "merchants, orders"]
            );
        }
    }

    #[test]
    fn circles_and_trees_come_to_an_end() {
        let catalog = catalog(&[
            ("a", &["up"], "groups", &["id"], Cascade, NoAction),
            ("a", &["up"], "a", &["id"], Cascade, NoAction),
            ("b", &["up"], "a", &["id"], Cascade, NoAction),
            ("a", &["code"], "b", &["id"], Cascade, NoAction),
            ("groups", &["up"], "groups", &["id"], SetNull, NoAction),
        ]);
        assert_eq!(
            paths(&catalog, "groups", &Effect::Deleted),
            [
                "a",
                "a, a",
                "a, a, b",
                "a, a, b, a",
                "a, b",
                "a, b, a",
                "a, b, a, a",
                "groups"
            ]
        );
        let first = foreign_key_steps(&catalog, &name("groups"), &Effect::Deleted, &[]);
        let repeats: Vec<bool> = first.iter().map(ForeignKeyStep::repeats).collect();
        assert_eq!(repeats, [false, false]);
        let second = foreign_key_steps(&catalog, &name("a"), &Effect::Deleted, &first);
        let repeats: Vec<bool> = second.iter().map(ForeignKeyStep::repeats).collect();
        assert_eq!(repeats, [true, false]);
    }

    #[test]
    fn several_foreign_keys_to_one_table_are_told_apart() {
        let catalog = catalog(&[
            ("merchants", &["up"], "groups", &["id"], Cascade, NoAction),
            (
                "merchants",
                &["code"],
                "groups",
                &["code"],
                SetNull,
                NoAction,
            ),
            ("notes", &["up"], "groups", &["id"], Cascade, NoAction),
        ]);
        let found = foreign_key_steps(&catalog, &name("groups"), &Effect::Deleted, &[]);
        let shown: Vec<(&str, &str, bool)> = found
            .iter()
            .map(|hop| {
                let column = hop.key.columns[0].as_str();
                (hop.child.name.as_str(), column, hop.one_of_several)
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("merchants", "code", true),
                ("merchants", "up", true),
                ("notes", "up", false)
            ]
        );
    }

    #[test]
    fn what_cannot_be_a_reference_is_none() {
        let catalog = catalog(&[
            ("a", &["up"], "groups", &["gone"], Cascade, NoAction),
            ("b", &["up", "code"], "groups", &["id"], Cascade, NoAction),
            ("c", &["up"], "groups", &[], Cascade, NoAction),
        ]);
        assert_eq!(paths(&catalog, "groups", &Effect::Deleted), [""; 0]);
    }

    #[test]
    fn foreign_keys_of_partitions_count_for_their_tables() {
        let mut catalog = catalog(&[("a", &["up"], "groups", &["id"], Cascade, NoAction)]);
        let key = catalog.tables[&name("a")].foreign_keys[0].clone();
        catalog.partition_keys.push((name("b"), key));
        assert_eq!(paths(&catalog, "groups", &Effect::Deleted), ["a", "b"]);
    }
}
