//! Rows that refer to lookup rows that a promotion would delete or change: counted on the target,
//! foreign key by foreign key, as far as the database itself would go.
//!
//! A reference counts when it would still be there after the promotion; [`remaining_rows`] says which.

use std::collections::BTreeMap;

use super::cascade::{Effect, ForeignKeyStep, foreign_key_steps};
use super::changed::{ChangedColumns, changed_columns};
use super::dependent_rows::DependentRows;
use super::remaining_rows::{Checked, KeptKeys, RemainingRows, remaining_rows};
use super::unique_conflicts::Ends;
use crate::model::backend::Backend;
use crate::model::reference::{Part, Step, Touched};
use crate::model::rows::change_log::{Change, ChangeLog};
use crate::model::rows::lookup::Lookup;
use crate::model::rows::lookup::settings::{ExtraRows, LookupSettings};
use crate::model::rows::row::{BATCH, KeySet, Record, owned};
use crate::model::schema::table::TableName;
use crate::sync::rows::compare::Difference;
use crate::sync::snapshot::Observed;

/// One lookup table as both ends have it, with the same fields in the same order.
pub(in crate::sync) struct Compared<'lookup> {
    pub(in crate::sync) on_source: &'lookup Lookup,
    pub(in crate::sync) on_target: &'lookup Lookup,
    pub(in crate::sync) difference: &'lookup Difference,
}

/// Finds what refers to the rows of a lookup table that would go or change; `all` are the settings
/// of every lookup table, and `kept` the rows of each that stay because they were edited.
///
/// # Errors
/// What the databases report, such as a table that may not be read.
pub(in crate::sync) fn references(
    compared: &Compared<'_>,
    all: &[LookupSettings],
    kept: &KeptKeys,
    source: &mut Observed,
    target: &mut Observed,
    log: &mut ChangeLog,
) -> anyhow::Result<Vec<DependentRows>> {
    let lookup = compared.on_target;
    let changing = lookup.changing_columns().into_iter().map(str::to_owned);
    let changing: Vec<String> = changing.collect();
    let retired = lookup.retire.iter().flat_map(|retire| retire.0.keys());
    let retired: Vec<String> = retired.cloned().collect();
    // Where the target may have no rows of its own, none goes: that it has some is refused anyway.
    let deletes = compared.difference.delete > 0 && lookup.extra_rows != ExtraRows::Refuse;
    let mut walk = Walk {
        all,
        kept,
        source,
        target,
        reached: Vec::new(),
        batch: Vec::new(),
    };
    for (change, effect, happens) in [
        (Change::Delete, Effect::Deleted, deletes),
        (
            Change::Update,
            Effect::Changed(changing),
            compared.difference.update > 0,
        ),
        (
            Change::Retire,
            Effect::Changed(retired),
            compared.difference.retire > 0,
        ),
    ] {
        let catalog = &walk.target.snapshot.catalog;
        if happens && !foreign_key_steps(catalog, &lookup.table, &effect, &[]).is_empty() {
            walk.every_batch(compared, change, &effect, log)?;
        }
    }
    let mut reached = walk.reached;
    // The nearest first, and each before what lies behind it.
    reached.sort_by_key(|reached| reached.path.len());
    Ok(reached)
}

struct Walk<'ends> {
    all: &'ends [LookupSettings],
    kept: &'ends KeptKeys,
    source: &'ends mut Observed,
    target: &'ends mut Observed,
    reached: Vec<DependentRows>,
    /// What refers to the rows of the batch at hand: by path, how many to which of them.
    batch: Vec<(Vec<ForeignKeyStep>, BTreeMap<usize, u64>)>,
}

/// Rows of a lookup table that paths begin at.
struct Start<'lookup> {
    lookup: &'lookup Lookup,
    keys: Vec<Record>,
    /// For each key the row of the batch that it stands for.
    stands_for: Vec<usize>,
    /// What changes in each row; nothing where they go, or change as a whole.
    changed: Option<Vec<ChangedColumns>>,
}

/// How far a path has come.
#[derive(Clone)]
struct Way {
    path: Vec<ForeignKeyStep>,
    /// The part of the path behind the start, as the target is asked for it.
    steps: Vec<Step>,
    /// What happens to the rows at its end.
    effect: Effect,
    /// The source may have these rows too, so that rows which refer to them need not move.
    may_stay: bool,
}

impl Walk<'_> {
    fn every_batch(
        &mut self,
        compared: &Compared<'_>,
        wanted: Change,
        effect: &Effect,
        log: &mut ChangeLog,
    ) -> anyhow::Result<()> {
        let mut changes = Vec::new();
        for entry in log.read()? {
            let (change, key) = entry?;
            if change == wanted {
                changes.push((change, key));
            }
            if changes.len() == BATCH {
                self.one_batch(compared, &std::mem::take(&mut changes), effect)?;
            }
        }
        self.one_batch(compared, &changes, effect)
    }

    fn one_batch(
        &mut self,
        compared: &Compared<'_>,
        changes: &[(Change, Record)],
        effect: &Effect,
    ) -> anyhow::Result<()> {
        let mut ends = Ends {
            on_source: compared.on_source,
            source: self.source,
            on_target: compared.on_target,
            target: self.target,
            all: self.all,
            kept: self.kept,
        };
        let changed = match effect {
            Effect::Deleted => None,
            Effect::Changed(_) => Some(changed_columns(&mut ends, changes)?),
        };
        let start = Start {
            lookup: compared.on_target,
            keys: changes.iter().map(|(_, key)| key.clone()).collect(),
            stands_for: (0..changes.len()).collect(),
            changed,
        };
        let way = Way {
            path: Vec::new(),
            steps: Vec::new(),
            effect: effect.clone(),
            may_stay: false,
        };
        self.follow(&start, &start.lookup.table, &way)?;
        for (path, rows) in std::mem::take(&mut self.batch) {
            let at = self.reached.iter().position(|reached| reached.path == path);
            let at = at.unwrap_or_else(|| {
                self.reached.push(DependentRows::new(path));
                self.reached.len() - 1
            });
            for (row, count) in rows {
                self.reached[at].add(&start.keys[row], count);
            }
        }
        Ok(())
    }

    /// Walks every foreign key into `table`, where the way ends, and what lies behind it.
    fn follow(&mut self, start: &Start<'_>, table: &TableName, way: &Way) -> anyhow::Result<()> {
        if start.keys.is_empty() {
            return Ok(());
        }
        for hop in foreign_key_steps(&self.target.snapshot.catalog, table, &way.effect, &way.path) {
            let ends = (&self.source.snapshot, &self.target.snapshot);
            let (part, checked) =
                match remaining_rows(&hop, way.may_stay, self.all, self.kept, ends) {
                    RemainingRows::Everybody => (Some(Part::All), None),
                    RemainingRows::Some { outside, checked } => {
                        (outside.map(Part::Outside), checked)
                    }
                };
            let mut path = way.path.clone();
            path.push(hop);
            if let Some(part) = part {
                self.count(start, &path, part, way)?;
            }
            if let Some(checked) = checked {
                self.check(start, &path, &checked, way)?;
            }
        }
        Ok(())
    }

    /// Counts the rows of one part of a table, and walks on from them.
    fn count(
        &mut self,
        start: &Start<'_>,
        path: &[ForeignKeyStep],
        part: Part,
        way: &Way,
    ) -> anyhow::Result<()> {
        let Some(hop) = path.last() else {
            return Ok(());
        };
        let mut steps = way.steps.clone();
        steps.push(hop.step(part));
        let (places, rows) = start.touched(path, self.target.snapshot.backend);
        if rows.is_empty() {
            return Ok(());
        }
        let touched = Touched {
            lookup: start.lookup,
            rows: &rows,
        };
        let counts = self.target.session.count_references(&touched, &steps)?;
        if counts.is_empty() {
            return Ok(());
        }
        for (at, count) in counts {
            self.note(path, start.stands_for[places[at]], count);
        }
        let Some(effect) = hop.consequence() else {
            return Ok(());
        };
        let way = Way {
            path: path.to_vec(),
            steps,
            effect,
            may_stay: true,
        };
        self.follow(start, &hop.child, &way)
    }

    /// Counts the lookup rows that stay by what the source has and what is kept, and walks on from
    /// them.
    fn check(
        &mut self,
        start: &Start<'_>,
        path: &[ForeignKeyStep],
        checked: &Checked,
        way: &Way,
    ) -> anyhow::Result<()> {
        let Some(hop) = path.last() else {
            return Ok(());
        };
        let mut steps = way.steps.clone();
        // Of a tree only the rows right below: which of them stay decides about those below these.
        steps.push(Step {
            repeats: false,
            ..hop.step(Part::All)
        });
        let (places, rows) = start.touched(path, self.target.snapshot.backend);
        if rows.is_empty() {
            return Ok(());
        }
        let touched = Touched {
            lookup: start.lookup,
            rows: &rows,
        };
        // However many they are, they wait on disk.
        let mut staying = ChangeLog::new()?;
        let mut waiting: Vec<(usize, Record)> = Vec::new();
        let source = &mut self.source.session;
        let mut look = |waiting: &mut Vec<(usize, Record)>| -> anyhow::Result<()> {
            let keys: Vec<Record> = waiting.iter().map(|(_, key)| key.clone()).collect();
            let found: KeySet = source
                .rows_by_key(&checked.on_source, &keys)?
                .iter()
                .map(|row| owned(&checked.on_source.key_of(row)))
                .collect();
            for (at, key) in waiting.drain(..) {
                let name = owned(&key);
                if checked.stays(&name, found.contains(&name)) {
                    let mut entry = Record::from(vec![at.to_string()]);
                    entry.extend(&key);
                    staying.add(Change::Delete, &entry)?;
                }
            }
            Ok(())
        };
        let referring = self
            .target
            .session
            .referring_keys(&touched, &steps, &checked.on_target)?;
        for row in referring {
            waiting.push(row?);
            if waiting.len() == BATCH {
                look(&mut waiting)?;
            }
        }
        look(&mut waiting)?;
        let mut next = Start::at(&checked.on_target);
        for entry in staying.read()? {
            let (_, entry) = entry?;
            let at: usize = entry.get(0).unwrap_or_default().parse()?;
            let at = places[at];
            self.note(path, start.stands_for[at], 1);
            next.stands_for.push(start.stands_for[at]);
            next.keys.push(entry.iter().skip(1).collect());
            if next.keys.len() == BATCH {
                let full = std::mem::replace(&mut next, Start::at(&checked.on_target));
                self.walk_on(&full, path, checked)?;
            }
        }
        self.walk_on(&next, path, checked)
    }

    fn walk_on(
        &mut self,
        start: &Start<'_>,
        path: &[ForeignKeyStep],
        checked: &Checked,
    ) -> anyhow::Result<()> {
        let Some(effect) = path.last().and_then(ForeignKeyStep::consequence) else {
            return Ok(());
        };
        let way = Way {
            path: path.to_vec(),
            steps: Vec::new(),
            effect,
            may_stay: checked.may_be_in_source(),
        };
        self.follow(start, &start.lookup.table, &way)
    }

    fn note(&mut self, path: &[ForeignKeyStep], row: usize, count: u64) {
        let at = self.batch.iter().position(|(known, _)| known == path);
        let at = at.unwrap_or_else(|| {
            self.batch.push((path.to_vec(), BTreeMap::new()));
            self.batch.len() - 1
        });
        *self.batch[at].1.entry(row).or_default() += count;
    }
}

impl<'lookup> Start<'lookup> {
    fn at(lookup: &'lookup Lookup) -> Self {
        Start {
            lookup,
            keys: Vec::new(),
            stands_for: Vec::new(),
            changed: None,
        }
    }

    /// The rows that the first foreign key of a path refers to in what changes, by their positions.
    fn touched(&self, path: &[ForeignKeyStep], backend: Backend) -> (Vec<usize>, Vec<Record>) {
        let is_touched = |at: &usize| match (&self.changed, path.first()) {
            (Some(changed), Some(hop)) => changed[*at].counts_for(hop, backend),
            _ => true,
        };
        let rows: Vec<usize> = (0..self.keys.len()).filter(is_touched).collect();
        let keys = rows.iter().map(|at| self.keys[*at].clone()).collect();
        (rows, keys)
    }
}
