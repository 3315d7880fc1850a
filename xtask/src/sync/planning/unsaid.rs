//! What rehearsed migrations did to protected rows though none of them says so. Reading their texts
//! may miss something; what the copy holds afterwards does not.

use super::plan::{Plan, missing_migrations};
use crate::database::Session;
use crate::problem::{Code, Problem};
use crate::sync::migrations::destructive::{self, Held, Saying, Told, narrows};
use crate::sync::migrations::migration::MigrationSet;
use crate::sync::rows::change_log::ChangeLog;
use crate::sync::rows::compare::{Side, compare};
use crate::sync::rows::lookup::Lookup;
use crate::sync::rows::three_way::Nobody;
use crate::sync::schema::catalog::{Column, Object, Table};
use crate::sync::schema::protected::protected;
use crate::sync::schema::table::TableName;
use crate::sync::settings::config::Config;
use crate::sync::settings::environment::{Backend, DatabaseUrl};
use crate::sync::snapshot::{Observed, Snapshot};
use crate::sync::words::{counted_grouped, shell_word};

/// Holds what the copy has `after` the migrations against what the target has, in sentences.
///
/// # Errors
/// What the databases report.
pub(in crate::sync) fn unsaid(
    config: &Config,
    source: &Snapshot,
    url: &DatabaseUrl,
    target: &mut Observed,
    after: &mut Observed,
    known: &MigrationSet,
) -> anyhow::Result<Vec<String>> {
    let migrations = missing_migrations(source, &target.snapshot, known);
    let told = destructive::told(config, Held::by(&target.snapshot), &migrations);
    let mut found = Vec::new();
    for name in protected(config, &target.snapshot.catalog) {
        let Some(pair) = Pair::of(&name, &told, &target.snapshot, &after.snapshot) else {
            continue;
        };
        let losses = pair.losses();
        // To count rows takes long on PostgreSQL, and mostly nothing was lost.
        if !losses.is_empty() && target.session.count_rows(&name)? > 0 {
            found.extend(losses);
        }
        // The copy on PostgreSQL has no protected rows; there the server counts during the run.
        if let Some(table) = pair.after.filter(|_| pair.backend == Backend::Sqlite) {
            found.extend(pair.lost_rows(table, url, &mut *target.session, &mut *after.session)?);
        }
    }
    Ok(found)
}

/// A protected table before and after the migrations, whose rows are to be there afterwards.
struct Pair<'a> {
    backend: Backend,
    label: &'a str,
    before: &'a Table,
    /// None where it is gone.
    after: Option<&'a Table>,
    sayings: &'a [Saying],
}

impl<'a> Pair<'a> {
    fn of(
        name: &TableName,
        told: &'a Told,
        target: &'a Snapshot,
        after: &'a Snapshot,
    ) -> Option<Self> {
        let before = target.catalog.tables.get(name)?;
        let names = told.names.get(name).filter(|names| !names.is_empty())?;
        if told.sayings.iter().any(|saying| saying.takes_rows(name)) {
            return None;
        }
        let own = names.iter().filter(|other| *other == name);
        let found = own.chain(names).find_map(|name| after.catalog.find(name));
        // Its rows may be those of a partition by now, which is guarded during the run.
        let is_partition = |name: &TableName| {
            let partition = Object {
                kind: "table".to_owned(),
                name: name.to_string(),
            };
            after.catalog.objects.contains_key(&partition)
        };
        if found.is_none() && names.iter().any(is_partition) {
            return None;
        }
        Some(Pair {
            backend: target.backend,
            label: &target.label,
            before,
            after: found,
            sayings: &told.sayings,
        })
    }

    /// The columns whose values are to be there afterwards.
    fn columns(&self) -> impl Iterator<Item = &'a Column> {
        let columns = self.before.columns.iter();
        let is_told = |column: &Column| {
            let mut sayings = self.sayings.iter();
            sayings.any(|saying| saying.changes_column(&self.before.name, &column.name))
        };
        columns.filter(move |column| !column.generated && !is_told(column))
    }

    /// The column of the same name afterwards. SQLite takes names for one whatever their case.
    fn now(&self, after: &'a Table, before: &Column) -> Option<&'a Column> {
        let is_it = |now: &&Column| match self.backend {
            Backend::Postgres => now.name == before.name,
            Backend::Sqlite => now.name.eq_ignore_ascii_case(&before.name),
        };
        after.columns.iter().find(is_it)
    }

    /// What the schemas alone tell.
    fn losses(&self) -> Vec<String> {
        let table = &self.before.name;
        let Some(after) = self.after else {
            return vec![format!("`{table}` is gone")];
        };
        let of_column = |before: &Column| {
            let name = &before.name;
            let Some(after) = self.now(after, before) else {
                return Some(format!("`{name}` of `{table}` is gone"));
            };
            let (from, to) = (&before.type_name, &after.type_name);
            // SQLite's types say little about the values, and those are compared.
            let is_less = self.backend == Backend::Postgres && narrows(from, to);
            is_less.then(|| format!("`{name}` of `{table}` turns from {from} into {to}"))
        };
        self.columns().filter_map(of_column).collect()
    }

    /// What a comparison of all rows tells.
    fn lost_rows(
        &self,
        after: &'a Table,
        url: &DatabaseUrl,
        on_target: &mut dyn Session,
        on_copy: &mut dyn Session,
    ) -> anyhow::Result<Vec<String>> {
        let table = &self.before.name;
        let (gone, changed) = match self.comparable(after) {
            Some((lookup, here)) if on_copy.may_lack(url, &lookup, &here)? => {
                self.counted(&lookup, &here, on_target, on_copy)?
            }
            Some(_) => (0, 0),
            None => self.counted_whole(&after.name, on_target, on_copy)?,
        };
        let rows = |count| counted_grouped(count, "row");
        let gone = (gone > 0).then(|| format!("`{table}` loses {}", rows(gone)));
        let changed =
            (changed > 0).then(|| format!("{} of `{table}` get other values", rows(changed)));
        Ok(gone.into_iter().chain(changed).collect())
    }

    /// How many rows are gone, and how many are others.
    fn counted(
        &self,
        lookup: &Lookup,
        here: &Lookup,
        on_target: &mut dyn Session,
        on_copy: &mut dyn Session,
    ) -> anyhow::Result<(u64, u64)> {
        let side = |rows| Side {
            rows,
            label: self.label,
        };
        let found = compare(
            lookup,
            side(on_target.hashes(lookup)?),
            side(on_copy.hashes(here)?),
            &mut Nobody,
            &mut ChangeLog::new()?,
        );
        match found {
            Ok(found) => Ok((found.insert, found.update)),
            // SQLite lets a primary key be NULL.
            Err(error) if Problem::of(&error).code == Code::NoKey => {
                self.counted_whole(&here.table, on_target, on_copy)
            }
            Err(error) => Err(error),
        }
    }

    /// The same where nothing tells rows apart.
    fn counted_whole(
        &self,
        after: &TableName,
        on_target: &mut dyn Session,
        on_copy: &mut dyn Session,
    ) -> anyhow::Result<(u64, u64)> {
        let before = on_target.count_rows(&self.before.name)?;
        let now = on_copy.count_rows(after)?;
        Ok((before.saturating_sub(now), 0))
    }

    /// The rows with what is to stay of them; none where nothing tells them apart.
    fn comparable(&self, after: &'a Table) -> Option<(Lookup, Lookup)> {
        let key = &self.before.primary_key;
        let now = |column: &Column| self.now(after, column);
        let is_told = |saying: &Saying| saying.changes_values(&self.before.name);
        let only_key = self.sayings.iter().any(is_told);
        let columns: Vec<&Column> = self
            .columns()
            .filter(|column| now(column).is_some())
            .filter(|column| !only_key || key.contains(&column.name))
            .collect();
        let lookup = Lookup::of_rows(&self.before.name, key, &columns)?;
        let mut keys = columns.iter().filter(|column| key.contains(&column.name));
        let is_same =
            keys.all(|column| now(column).is_some_and(|now| now.reading == column.reading));
        let on_after = Lookup {
            table: after.name.clone(),
            ..lookup.clone()
        };
        is_same.then_some((lookup, on_after))
    }
}

/// What is said of it.
pub(in crate::sync) fn problem(
    found: &[String],
    plan: &Plan,
    target: &Snapshot,
) -> Option<Problem> {
    let planned = plan.migrations.iter();
    let refused: Vec<String> = planned
        .filter(|migration| !migration.destructive_allowed)
        .map(|migration| format!("--allow-destructive {}", shell_word(&migration.name)))
        .collect();
    if found.is_empty() || refused.is_empty() {
        return None;
    }
    Some(
        Problem::new(
            Code::Destructive,
            format!(
                "rehearsed on a copy of {}, the migrations do what none of them says: {}",
                target.label,
                found.join("; ")
            ),
        )
        .hint(way_out(target, &refused.join(" "))),
    )
}

/// What to do about something that no text says; `options` give leave for it.
pub(in crate::sync) fn way_out(target: &Snapshot, options: &str) -> String {
    let look = "look for triggers, functions and names that stand for other tables";
    match target.strict {
        true => format!("{look}; if it is meant, add {options}"),
        false => format!("{look}; the backup is the way back"),
    }
}
