//! Where foreign keys lead on, those of the target and those that the plan adds.

use std::collections::BTreeSet;

use crate::sync::migrations::destructive::Kind;
use crate::sync::schema::catalog::{Action, Catalog, ForeignKey};
use crate::sync::schema::table::TableName;

pub(super) struct Keys(Vec<Key>);

/// A foreign key, from one table to another.
struct Key {
    child: End,
    parent: End,
    key: ForeignKey,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    OnTarget(TableName),
    /// The plan makes it.
    New(TableName),
}

/// What happens to which rows, and in which columns; none where it may be any.
pub(super) type Step = (End, Kind, Vec<String>);

impl Keys {
    pub(super) fn new(catalog: &Catalog) -> Self {
        let of_tables = catalog.tables.values().flat_map(|child| {
            let keys = child.foreign_keys.iter();
            keys.map(|key| (child.name.clone(), key.clone()))
        });
        let keys = of_tables.chain(catalog.partition_keys.clone());
        Keys(
            keys.map(|(child, key)| Key {
                child: End::OnTarget(child),
                parent: End::OnTarget(key.parent.clone()),
                key,
            })
            .collect(),
        )
    }

    pub(super) fn add(
        &mut self,
        children: &BTreeSet<End>,
        parents: &BTreeSet<End>,
        key: &ForeignKey,
    ) {
        for child in children {
            self.0.extend(parents.iter().map(|parent| Key {
                child: child.clone(),
                parent: parent.clone(),
                key: key.clone(),
            }));
        }
    }

    /// What the database does to rows of other tables when this is done to rows of these.
    pub(super) fn reach(
        &self,
        origins: &BTreeSet<End>,
        kind: Kind,
        columns: &[String],
    ) -> Vec<Step> {
        let begin = |table: &End| (table.clone(), kind, columns.to_vec());
        let mut reached: Vec<Step> = origins.iter().map(begin).collect();
        let mut at = 0;
        while let Some((parent, kind, columns)) = reached.get(at).cloned() {
            at += 1;
            for Key { child, key, .. } in self.0.iter().filter(|key| key.parent == parent) {
                let next = carried(kind, &columns, key)
                    .map(|(kind, columns)| (child.clone(), kind, columns));
                reached.extend(next.filter(|next| !reached.contains(next)));
            }
        }
        reached.retain(|(table, _, _)| !origins.contains(table));
        reached
    }
}

/// What becomes of the rows that refer to others, and in which columns; none for any.
fn carried(kind: Kind, columns: &[String], key: &ForeignKey) -> Option<(Kind, Vec<String>)> {
    let parents = &key.parent_columns;
    let is_changed = columns.is_empty()
        || parents.is_empty()
        || columns.iter().any(|column| parents.contains(column));
    let action = match kind {
        Kind::Truncate => return Some((Kind::Truncate, Vec::new())),
        Kind::Update if is_changed => key.on_update,
        Kind::Update => return None,
        _ => key.on_delete,
    };
    match action {
        Action::Cascade if kind != Kind::Update => Some((Kind::Delete, Vec::new())),
        Action::Cascade | Action::SetNull | Action::SetDefault => {
            Some((Kind::Update, key.columns.clone()))
        }
        Action::NoAction | Action::Restrict => None,
    }
}
