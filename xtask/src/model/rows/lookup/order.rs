//! The order in which lookup tables are loaded.

use crate::model::rows::lookup::Lookup;
use crate::model::schema::catalog::Catalog;
use crate::model::schema::table::TableName;

/// Parents before children. Tables that refer to each other in a circle, or to values that may
/// change, stand together in one group: they have to be written at once.
pub fn in_dependency_order<'lookup>(
    lookups: &'lookup [Lookup],
    catalog: &Catalog,
) -> Vec<Vec<&'lookup Lookup>> {
    let refers: Vec<Vec<bool>> = lookups
        .iter()
        .map(|child| {
            lookups
                .iter()
                .map(|parent| refers(child, &parent.table, catalog))
                .collect()
        })
        .collect();
    let mut reaches = refers;
    for (child, lookup) in lookups.iter().enumerate() {
        for (parent, other) in lookups.iter().enumerate() {
            if child != parent && refers_to_changing(lookup, other, catalog) {
                reaches[parent][child] = true;
            }
        }
    }
    for middle in 0..lookups.len() {
        for from in 0..lookups.len() {
            for to in 0..lookups.len() {
                if reaches[from][middle] && reaches[middle][to] {
                    reaches[from][to] = true;
                }
            }
        }
    }
    let mut waiting: Vec<usize> = (0..lookups.len()).collect();
    let mut groups = Vec::new();
    while let Some(first) = waiting
        .iter()
        .copied()
        .find(|candidate| {
            // Everything that it reaches and that waits reaches it too.
            waiting
                .iter()
                .all(|other| !reaches[*candidate][*other] || reaches[*other][*candidate])
        })
        .or_else(|| waiting.first().copied())
    {
        let together =
            |other: &usize| *other == first || (reaches[first][*other] && reaches[*other][first]);
        let (group, rest): (Vec<usize>, Vec<usize>) = waiting.iter().partition(|at| together(at));
        groups.push(group.into_iter().map(|at| &lookups[at]).collect());
        waiting = rest;
    }
    groups
}

fn refers(child: &Lookup, parent: &TableName, catalog: &Catalog) -> bool {
    catalog
        .tables
        .get(&child.table)
        .is_some_and(|table| table.foreign_keys.iter().any(|key| key.parent == *parent))
}

/// Whether a foreign key refers to a column that an update of the parent may change, or that is
/// computed from such columns.
fn refers_to_changing(child: &Lookup, parent: &Lookup, catalog: &Catalog) -> bool {
    let mut changing = parent.changing_columns();
    let columns = catalog
        .tables
        .get(&parent.table)
        .map(|table| &table.columns);
    let computed = columns
        .into_iter()
        .flatten()
        .filter(|column| column.generated);
    changing.extend(computed.map(|column| column.name.as_str()));
    catalog.tables.get(&child.table).is_some_and(|table| {
        table
            .foreign_keys
            .iter()
            .filter(|key| key.parent == parent.table)
            .flat_map(|key| &key.parent_columns)
            .any(|column| changing.contains(&column.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::super::samples::{catalog, table};
    use super::*;
    use crate::model::rows::lookup::settings::LookupSettings;
    use crate::model::schema::catalog::Table;

    fn order(tables: Vec<Table>) -> Vec<Vec<String>> {
        let catalog = catalog(tables);
        let all: Vec<LookupSettings> = catalog
            .tables
            .keys()
            .map(|name| LookupSettings::of(name.clone()))
            .collect();
        let lookups: Vec<Lookup> = all
            .iter()
            .map(|settings| Lookup::resolve(settings, &all, &catalog, "Test").unwrap())
            .collect();
        in_dependency_order(&lookups, &catalog)
            .into_iter()
            .map(|group| {
                group
                    .iter()
                    .map(|lookup| lookup.table.name.clone())
                    .collect()
            })
            .collect()
    }

    #[test]
    fn parents_come_first() {
        let columns = ["id", "parent"];
        assert_eq!(
            order(vec![
                table("a", &columns, &["id"], &["b", "a", "elsewhere"]),
                table("b", &columns, &["id"], &["c"]),
                table("c", &columns, &["id"], &[]),
            ]),
            [["c"], ["b"], ["a"]]
        );
    }

    #[test]
    fn a_circle_stands_together() {
        let columns = ["id", "parent"];
        assert_eq!(
            order(vec![
                table("a", &columns, &["id"], &["c"]),
                table("b", &columns, &["id"], &["a"]),
                table("c", &columns, &["id"], &["b"]),
                table("d", &columns, &["id"], &["a"]),
                table("e", &columns, &["id"], &[]),
            ]),
            [vec!["a", "b", "c"], vec!["d"], vec!["e"]]
        );
    }

    #[test]
    fn a_reference_to_what_may_change_ties_two_tables() {
        let mut child = table("a", &["id", "parent"], &["id"], &["b"]);
        child.foreign_keys[0].parent_columns = vec!["code".to_owned()];
        let parent = table("b", &["id", "code"], &["id"], &[]);
        assert_eq!(order(vec![child, parent]), [["a", "b"]]);
    }
}
