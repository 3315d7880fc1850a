//! A table at one moment, by what the server itself counts and keeps.
//! <https://www.postgresql.org/docs/current/monitoring-stats.html>

use std::collections::BTreeMap;

use super::PostgresSession;
use crate::model::migrations::effects::{EffectKind, RowEffect, Touch};
use crate::model::schema::table::TableName;

/// A tracked table at one moment.
#[derive(Clone, Default)]
pub(super) struct State {
    /// In quotes; none where it is no more.
    pub(super) name: Option<String>,
    pub(super) is_partitioned: bool,
    /// By number: what is renamed keeps it.
    pub(super) columns: BTreeMap<i32, ColumnState>,
    /// The numbers of columns that tell rows apart.
    pub(super) key: Vec<i32>,
    /// What holds the rows, by number: the table itself, or its partitions.
    pub(super) members: BTreeMap<String, Member>,
}

#[derive(Clone, PartialEq)]
pub(super) struct ColumnState {
    pub(super) name: String,
    pub(super) type_name: String,
}

/// What the server counted in this transaction, and what it keeps of a relation.
#[derive(Clone, Default)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) updated: u64,
    pub(super) deleted: u64,
    /// TRUNCATE gives another one without counting, and so does what rewrites the table.
    pub(super) file: String,
    /// It was taken out of its table.
    pub(super) is_detached: bool,
}

impl State {
    /// What was done to the table between two moments.
    pub(super) fn touch(&self, table: &TableName, now: &State) -> Touch {
        let mut dropped = Vec::new();
        let mut is_retyped = false;
        if now.name.is_some() {
            for (number, column) in &self.columns {
                match now.columns.get(number) {
                    None => dropped.push(column.name.clone()),
                    Some(other) => is_retyped |= other.type_name != column.type_name,
                }
            }
        }
        let is_met = |(oid, before): (&String, &Member)| match now.members.get(oid) {
            None => self.is_partitioned,
            Some(now) => {
                now.is_detached
                    || now.updated > before.updated
                    || now.deleted > before.deleted
                    || now.file != before.file
            }
        };
        let is_moved = |(oid, before): (&String, &Member)| {
            let now = now.members.get(oid);
            now.is_none_or(|now| now.is_detached || now.file != before.file)
        };
        Touch {
            table: table.clone(),
            rows: self.members.iter().any(is_met),
            is_gone: now.name.is_none(),
            is_altered: is_retyped || !dropped.is_empty() || self.members.iter().any(is_moved),
            dropped,
        }
    }

    /// What the schema alone shows, where there are no rows.
    pub(super) fn structural(&self, table: &TableName, now: &State) -> Vec<RowEffect> {
        let effect = |kind, column: Option<&str>| RowEffect {
            table: table.clone(),
            kind,
            column: column.map(str::to_owned),
            rows: None,
            keys: Vec::new(),
        };
        if now.name.is_none() {
            return vec![effect(EffectKind::TableDropped, None)];
        }
        let files = |state: &State| -> Vec<String> {
            let members = state.members.values();
            members.map(|member| member.file.clone()).collect()
        };
        let is_rewritten = files(self) != files(now);
        let columns = self.columns.iter();
        columns
            .filter_map(|(number, column)| match now.columns.get(number) {
                None => Some(effect(EffectKind::ColumnDropped, Some(&column.name))),
                Some(other) if other.type_name != column.type_name && is_rewritten => {
                    Some(effect(EffectKind::TypeChanged, Some(&column.name)))
                }
                Some(_) => None,
            })
            .collect()
    }
}

impl PostgresSession {
    pub(super) fn states_of(
        &mut self,
        oids: &[String],
        then: Option<&[State]>,
    ) -> anyhow::Result<Vec<State>> {
        let mut states: BTreeMap<&str, State> =
            oids.iter().map(|oid| (&**oid, State::default())).collect();
        let mut known: Vec<(&str, &str)> = Vec::new();
        for (oid, then) in oids.iter().zip(then.unwrap_or_default()) {
            known.extend(then.members.keys().map(|member| (&**oid, &**member)));
        }
        let list = |numbers: &[&str]| format!("{{{}}}", numbers.join(","));
        let all = list(&oids.iter().map(|oid| &**oid).collect::<Vec<_>>());
        let (roots, members): (Vec<&str>, Vec<&str>) = known.iter().copied().unzip();
        let relations = self.query(
            "WITH roots AS (SELECT unnest($1::oid[]) AS root), \
             tree AS (SELECT root, root AS oid FROM roots \
             UNION SELECT root, t.relid::oid FROM roots, pg_partition_tree(root::regclass) t WHERE t.relid IS NOT NULL), \
             known AS (SELECT * FROM unnest($2::oid[], $3::oid[]) AS k (root, oid)) \
             SELECT r.root::text, c.oid::text, format('%I.%I', n.nspname, c.relname), c.relkind::text, \
             pg_stat_get_xact_tuples_updated(c.oid)::text, pg_stat_get_xact_tuples_deleted(c.oid)::text, \
             coalesce(pg_relation_filenode(c.oid)::text, ''), \
             (NOT EXISTS (SELECT FROM tree WHERE tree.root = r.root AND tree.oid = r.oid))::text \
             FROM (SELECT * FROM tree UNION SELECT * FROM known) r \
             JOIN pg_catalog.pg_class c ON c.oid = r.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace",
            &[&all, &list(&roots), &list(&members)],
        )?;
        for row in relations {
            let mut fields = row.into_iter().map(Option::unwrap_or_default);
            let mut text = || fields.next().unwrap_or_default();
            let (root, oid, name, kind) = (text(), text(), text(), text());
            let Some(state) = states.get_mut(&*root) else {
                continue;
            };
            if oid == root {
                state.name = Some(name.clone());
                state.is_partitioned = kind == "p";
            }
            // A partition that came meanwhile has none of the rows of then.
            let is_one = then.is_none() || known.contains(&(&*root, &*oid));
            if kind == "r" && is_one {
                let mut number = || text().parse().unwrap_or_default();
                let (updated, deleted) = (number(), number());
                let (file, is_detached) = (text(), text() == "true");
                let member = Member {
                    name,
                    updated,
                    deleted,
                    file,
                    is_detached,
                };
                state.members.insert(oid, member);
            }
        }
        let columns = self.query(
            "SELECT attrelid::text, attnum::text, attname::text, format_type(atttypid, atttypmod) FROM pg_catalog.pg_attribute \
             WHERE attrelid = ANY ($1::oid[]) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
            &[&all],
        )?;
        for row in columns {
            let mut fields = row.into_iter().map(Option::unwrap_or_default);
            let mut text = || fields.next().unwrap_or_default();
            let (oid, number) = (text(), text().parse().unwrap_or_default());
            let (name, type_name) = (text(), text());
            if let Some(state) = states.get_mut(&*oid) {
                let column = ColumnState { name, type_name };
                state.columns.insert(number, column);
            }
        }
        let keys = self.query(
            "SELECT DISTINCT ON (i.indrelid) i.indrelid::text, \
             array_to_string((string_to_array(i.indkey::text, ' '))[1:i.indnkeyatts], ' ') FROM pg_catalog.pg_index i \
             WHERE i.indrelid = ANY ($1::oid[]) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL \
             AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) AND NOT a.attnotnull) \
             ORDER BY i.indrelid, i.indisprimary DESC, i.indexrelid",
            &[&all],
        )?;
        for row in keys {
            let mut fields = row.into_iter().map(Option::unwrap_or_default);
            let (oid, key) = (fields.next(), fields.next().unwrap_or_default());
            let Some(state) = states.get_mut(oid.unwrap_or_default().as_str()) else {
                continue;
            };
            let key: Vec<i32> = key.split(' ').flat_map(str::parse).collect();
            if key.iter().all(|number| state.columns.contains_key(number)) {
                state.key = key;
            }
        }
        Ok(oids
            .iter()
            .map(|oid| states.get(&**oid).cloned().unwrap_or_default())
            .collect())
    }
}
