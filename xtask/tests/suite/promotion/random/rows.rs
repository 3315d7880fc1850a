//! Random rows for random tables, with every reference to a row that is there.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::shape::{Key, Nullable, Shape, name};

/// What a row is made from; its references are made when the rows of all tables are known.
#[derive(Debug, Clone)]
pub(super) struct Seed {
    key: u8,
    code: u8,
    label: u8,
    rank: Option<u8>,
    flag: bool,
    parents: [u8; 2],
}

/// The rows of every table in one environment.
pub(super) type Seeds = Vec<Vec<Seed>>;

fn seed() -> impl Strategy<Value = Seed> {
    (
        0..9u8,
        0..4u8,
        0..3u8,
        prop::option::weighted(0.8, 0..8u8),
        prop::bool::weighted(0.85),
        any::<[u8; 2]>(),
    )
        .prop_map(|(key, code, label, rank, flag, parents)| Seed {
            key,
            code,
            label,
            rank,
            flag,
            parents,
        })
}

pub(super) fn seeds() -> impl Strategy<Value = Seeds> {
    prop::collection::vec(prop::collection::vec(seed(), 0..8), 6)
}

/// Statements that insert the rows; `offset` tells the numbers of one environment from another's.
pub(super) fn statements(shape: &Shape, seeds: &Seeds, offset: usize) -> String {
    let rows = consistent(shape, seeds);
    let mut statements = String::new();
    for (at, table) in shape.tables.iter().enumerate() {
        for (number, seed) in rows[at].iter().enumerate() {
            let mut values = key(table.key, seed, number, offset);
            let mut columns: Vec<String> = match table.key {
                Key::Number | Key::Text => vec!["id".to_owned()],
                Key::Pair => vec!["a".to_owned(), "b".to_owned()],
                Key::Code | Key::CodeInParent => vec!["id".to_owned(), "code".to_owned()],
            };
            for (which, parent) in table.parents.iter().enumerate() {
                let (other, parent_table) = shape.parent_of(parent);
                let chosen = chosen(seed.parents[which], rows[other].len(), parent.is_nullable);
                columns.extend(shape.columns(which, parent));
                let referred = parent_table.referred().len();
                match chosen {
                    None => values.extend(vec!["NULL".to_owned(); referred]),
                    Some(chosen) => {
                        let row = &rows[other][chosen];
                        values.extend(
                            key(parent_table.key, row, chosen, offset)
                                .into_iter()
                                .take(referred),
                        );
                    }
                }
            }
            columns.extend(["label".to_owned(), "flag".to_owned(), "rank".to_owned()]);
            values.push(format!("'l{}'", seed.label));
            values.push(u8::from(seed.flag || !table.has_filter).to_string());
            values.push(seed.rank.map_or("NULL".to_owned(), |rank| rank.to_string()));
            statements.push_str(&format!(
                "INSERT INTO {} ({}) VALUES ({});",
                name(at),
                columns.join(", "),
                values.join(", ")
            ));
        }
    }
    statements
}

fn chosen(seed: u8, rows: usize, is_nullable: bool) -> Option<usize> {
    match rows {
        0 => None,
        _ if is_nullable && seed.is_multiple_of(4) => None,
        rows => Some(usize::from(seed) % rows),
    }
}

/// The values of the key's columns, those first that others refer to.
fn key(key: Key, seed: &Seed, number: usize, offset: usize) -> Vec<String> {
    match key {
        Key::Number => vec![seed.key.to_string()],
        Key::Text => vec![format!("'k{}'", seed.key)],
        Key::Pair => vec![(seed.key % 3).to_string(), format!("'k{}'", seed.key / 3)],
        Key::Code => vec![(number + offset).to_string(), format!("'c{}'", seed.key)],
        Key::CodeInParent => vec![(number + offset).to_string(), format!("'c{}'", seed.code)],
    }
}

/// The rows without those that would break a rule: keys and unique values are unique, and what
/// must refer to a row finds one.
fn consistent(shape: &Shape, seeds: &Seeds) -> Seeds {
    let mut rows: Seeds = seeds[..shape.tables.len()].to_vec();
    loop {
        let before: Vec<usize> = rows.iter().map(Vec::len).collect();
        let lengths = before.clone();
        for (at, table) in shape.tables.iter().enumerate() {
            let (mut keys, mut ranks) = (BTreeSet::new(), BTreeSet::new());
            rows[at].retain_mut(|seed| {
                let finds = table
                    .parents
                    .iter()
                    .all(|parent| parent.is_nullable || lengths[shape.parent_of(parent).0] > 0);
                let key = match table.key {
                    Key::CodeInParent => {
                        let parent = shape.parent_of(&table.parents[0]).0;
                        let chosen = chosen(seed.parents[0], lengths[parent], false);
                        (seed.code, chosen)
                    }
                    _ => (seed.key, None),
                };
                let is_new = finds && keys.insert(key);
                if is_new && table.unique == Some(Nullable::No) {
                    let mut rank = seed.rank.unwrap_or(20);
                    while !ranks.insert(rank) {
                        rank += 1;
                    }
                    seed.rank = Some(rank);
                } else if is_new && table.unique.is_some() {
                    seed.rank = seed.rank.filter(|rank| ranks.insert(*rank));
                }
                is_new
            });
        }
        if rows.iter().map(Vec::len).eq(before) {
            return rows;
        }
    }
}
