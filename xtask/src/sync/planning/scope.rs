//! How much of its source a promotion carries: all of it, or the migrations up to one.

use std::collections::BTreeMap;

use serde::Serialize;

use super::contract::End;
use super::fresh::fresh_catalog;
use super::gate;
use crate::model::migrations::migration::{Migration, MigrationSet, find};
use crate::model::rows::lookup::settings::LookupSettings;
use crate::model::schema::catalog::{Catalog, Object};
use crate::model::schema::table::TableName;
use crate::model::words::{counted, listed};
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::settings::pipeline::Promotion;
use crate::sync::ends;
use crate::sync::snapshot::{Observed, Snapshot};

/// The migration that a promotion ends at, as `--until` says, and what that leaves behind.
#[derive(Debug, Clone, Serialize)]
pub struct Until {
    pub version: String,
    pub name: String,
    /// The names of the migrations that the source has run beyond it, and the target has not.
    pub later: Vec<String>,
    /// The lookup tables whose columns these change. Where there are any, no rows are loaded.
    pub other_columns: Vec<TableName>,
}

/// What is promoted, and by which settings.
#[derive(Clone)]
pub(in crate::sync) struct Scope {
    pub(in crate::sync) until: Option<Until>,
    /// The source as it is.
    pub(in crate::sync) end: End,
    /// The source as the migrations that are promoted leave it.
    pub(in crate::sync) source: Snapshot,
    /// Where no rows are loaded, lookup tables are protected as all others are.
    pub(in crate::sync) config: Config,
}

impl Until {
    /// What stays behind, as people read it.
    pub fn sentence(&self) -> String {
        let count = self.later.len() as u64;
        if count == 0 {
            return format!("nothing is left for another run after {}", self.name);
        }
        let migrations = counted(count, "migration");
        let left = format!("left for another run: {migrations} after {}", self.name);
        if self.other_columns.is_empty() {
            return left;
        }
        let tables = self.other_columns.iter().map(TableName::to_string);
        let tables: Vec<String> = tables.collect();
        let they = match count {
            1 => "it changes",
            _ => "they change",
        };
        format!(
            "{left}; no lookup rows are loaded, because {they} the columns of {}",
            listed(&tables)
        )
    }
}

impl Scope {
    /// All that the source has.
    pub(in crate::sync) fn whole(config: &Config, source: &Snapshot) -> Scope {
        Scope {
            until: None,
            end: End::of(source),
            source: source.clone(),
            config: config.clone(),
        }
    }

    /// What the command line asks for. Where migrations stay behind, those that are promoted run on an
    /// empty database beside the target: the schema that they make is what the target is to have.
    ///
    /// # Errors
    /// `usage` where there is no such migration, `golden_rule` where the source has not run it, and what
    /// keeps it from being run on an empty database.
    pub(in crate::sync) fn of(
        config: &Config,
        promotion: &Promotion<'_>,
        source: &Snapshot,
        target: &mut Observed,
        known: &MigrationSet,
    ) -> anyhow::Result<Scope> {
        let mut scope = Scope::whole(config, source);
        let Some(named) = &config.until else {
            return Ok(scope);
        };
        let last = find(known, named)?;
        if !source.has_applied(&last.version) {
            return Err(not_run(config, source, last).into());
        }
        let is_later = |version: &str| {
            version > last.version.as_str()
                && known.get(version).is_some()
                && !target.snapshot.has_applied(version)
        };
        let later = source.applied.iter();
        let later = later.filter_map(|applied| known.get(&applied.version));
        let later = later.filter(|file| is_later(&file.version));
        let mut until = Until {
            version: last.version.clone(),
            name: last.name.clone(),
            later: later.map(|file| file.name.clone()).collect(),
            other_columns: Vec::new(),
        };
        until.later.sort();
        scope
            .source
            .applied
            .retain(|applied| !is_later(&applied.version));
        if !until.later.is_empty() && can_run(source, &target.snapshot, &scope.source, known) {
            let files = known.iter();
            let files: Vec<&Migration> = files
                .filter(|file| scope.source.has_applied(&file.version))
                .collect();
            let limits = promotion.to.limits;
            let made = fresh_catalog(&mut *target.session, limits, known, &files);
            scope.source.catalog = made.map_err(|error| unknown_schema(&error, &until, target))?;
            // Names lead where they lead on the source itself.
            let path = &source.catalog.search_path;
            scope.source.catalog.search_path.clone_from(path);
            until.other_columns = other_columns(config, source, &scope.source);
            if !until.other_columns.is_empty() {
                let lookups = std::mem::take(&mut scope.config.lookups);
                let tables = lookups.into_iter().map(|lookup| lookup.table);
                scope.config.protected.extend(tables);
            }
        }
        scope.until = Some(until);
        Ok(scope)
    }
}

/// Whether the gate lets the migrations run at all; where it does not, it says why.
fn can_run(
    source: &Snapshot,
    target: &Snapshot,
    promoted: &Snapshot,
    known: &MigrationSet,
) -> bool {
    let mut pending = known
        .iter()
        .filter(|file| promoted.has_applied(&file.version) && !target.has_applied(&file.version));
    ends::wrong_ends(source, target).is_empty()
        && pending.all(|file| gate::not_transactional(file, target.backend).is_none())
}

/// The lookup tables that do not have the same columns at both ends once the migrations ran.
fn other_columns(config: &Config, source: &Snapshot, promoted: &Snapshot) -> Vec<TableName> {
    let all = &config.lookups;
    let others = all.iter().filter(|settings| {
        match (source.lookup(settings, all), promoted.lookup(settings, all)) {
            (Ok(here), Ok(there)) => {
                !here.has_same_columns(&there)
                    || columns(source, settings) != columns(promoted, settings)
            }
            // That is for the gate, as it is without `--until`.
            (Err(_), Err(_)) => false,
            _ => true,
        }
    });
    others.map(|settings| settings.table.clone()).collect()
}

type Objects<'end> = BTreeMap<&'end Object, &'end str>;

fn columns<'end>(
    end: &'end Snapshot,
    settings: &LookupSettings,
) -> BTreeMap<&'end str, (&'end str, Objects<'end>, bool)> {
    let table = end.catalog.find(&settings.table);
    let columns = table.into_iter().flat_map(|table| &table.columns);
    columns
        .filter(|column| !settings.ignore.contains(&column.name))
        .map(|column| {
            let types = types(&end.catalog, &column.type_name);
            (&*column.name, (&*column.type_name, types, column.generated))
        })
        .collect()
}

/// The schema's own types that a column is made of, such as an enum with its values: one that a later
/// migration changes allows other values. A type that is taken for one of them only counts as well.
fn types<'end>(catalog: &'end Catalog, type_name: &'end str) -> Objects<'end> {
    let own = catalog.objects.iter();
    let own = own.filter(|(object, _)| matches!(&*object.kind, "type" | "domain"));
    let own: Vec<_> = own.collect();
    let mut found = Objects::new();
    let mut waiting = vec![type_name];
    while let Some(text) = waiting.pop() {
        for (object, definition) in &own {
            let name = TableName::parse(&object.name);
            if name.is_ok_and(|name| text.contains(&name.name))
                && found.insert(object, definition).is_none()
            {
                waiting.push(definition);
            }
        }
    }
    let is_check = |object: &Object| {
        let names = found.keys().map(|found| &*found.name);
        let mut rest = names.filter_map(|name| object.name.strip_prefix(name));
        object.kind == "constraint" && rest.any(|rest| rest.starts_with('.'))
    };
    let checks = catalog.objects.iter();
    let checks = checks.filter(|(object, _)| is_check(object));
    let checks: Vec<_> = checks.collect();
    found.extend(checks.into_iter().map(|(check, text)| (check, &**text)));
    found
}

fn not_run(config: &Config, source: &Snapshot, last: &Migration) -> Problem {
    let before = config.promotions();
    let mut before = before.filter(|before| before.to.name == source.environment);
    let way = match before.next() {
        Some(before) => format!("`cargo xtask sync {}` brings it there", before.name()),
        None => format!("`cargo xtask migrate` runs it on {}", source.label),
    };
    let message = format!(
        "{} has not run migration {}; only what it has run can be promoted",
        source.label, last.name
    );
    Problem::new(Code::GoldenRule, message).hint(way)
}

fn unknown_schema(error: &anyhow::Error, until: &Until, target: &Observed) -> Problem {
    let problem = Problem::of(error);
    let message = format!(
        "the migrations up to {} could not be run on an empty database beside {}, which shows what schema they make: {}",
        until.name, target.snapshot.label, problem.message
    );
    Problem { message, ..problem }
}
