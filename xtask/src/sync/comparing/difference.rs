//! The lookup rows of two environments side by side: what a promotion would change.

use std::path::Path;

use crate::database::Session;
use crate::model::rows::lookup::settings::LookupSettings;
use crate::model::rows::row::LookupState;
use crate::model::schema::table::TableName;
use crate::problem::Problem;
use crate::sync::comparing::differing::{Arranged, Differing, Found, differing};
use crate::sync::comparing::edits::Edits;
use crate::sync::comparing::row_changes::{RowChange, row_changes};
use crate::sync::constraints::dependent_rows::DependentRows;
use crate::sync::constraints::identity_columns::identity_changes;
use crate::sync::constraints::missing_parents::missing_parents;
use crate::sync::constraints::references::{Compared, references};
use crate::sync::constraints::remaining_rows::KeptKeys;
use crate::sync::constraints::unique_conflicts::{Ends, unique_conflicts};
use crate::sync::constraints::unique_future_rows::unique_future_rows;
use crate::sync::rows::compare::Difference;
use crate::sync::snapshot::Observed;

/// What was found about one lookup table.
#[derive(Debug, Clone)]
pub struct TableComparison {
    pub table: TableName,
    pub outcome: Outcome,
    /// What the target holds now, where it was compared as a rehearsal left it.
    pub held: Option<LookupState>,
}

impl TableComparison {
    /// What the target holds before anything is done.
    pub fn target(&self) -> Option<&LookupState> {
        match &self.outcome {
            Outcome::Compared { difference, .. } => {
                Some(self.held.as_ref().unwrap_or(&difference.target))
            }
            _ => self.held.as_ref(),
        }
    }
}

#[derive(Debug, Clone)]
pub enum Outcome {
    Compared {
        difference: Difference,
        /// Both ends have the same columns.
        same_columns: bool,
        /// Rows that refer to a row that would go or change.
        references: Vec<DependentRows>,
        /// Every change in full, where it was asked for.
        rows: Vec<RowChange>,
        /// What speaks against it.
        problems: Vec<Problem>,
        /// Rows that were edited on the target.
        edits: Box<Edits>,
    },
    /// The target does not have the table yet; the source has so many rows.
    Missing { rows: u64 },
    /// The rows cannot be compared.
    Refused(Problem),
}

/// Compares every lookup table; with `every_row`, each change comes with its old and new values.
/// `promoted` is the folder of what the target was given last. After a rehearsal `target` is what
/// it left, and `before` the target itself, where edits are looked for.
///
/// # Errors
/// What the databases report; what the rows are to blame for is an [`Outcome::Refused`].
pub fn compare_lookups(
    lookups: &[LookupSettings],
    source: &mut Observed,
    target: &mut Observed,
    before: Option<&mut Observed>,
    promoted: &Path,
    every_row: bool,
) -> anyhow::Result<Vec<TableComparison>> {
    let mut looked = Looked {
        source,
        target,
        before,
    };
    // Rows of one table refer to rows of another, so all are compared before any is judged.
    let mut found = Vec::new();
    for settings in lookups {
        found.push(looked.tried(Found::Known, |looked| {
            let before = looked.before.as_deref_mut();
            let (source, target) = (&mut *looked.source, &mut *looked.target);
            differing(
                settings, lookups, source, target, before, promoted, every_row,
            )
        })?);
    }
    let kept: KeptKeys = found.iter().filter_map(Found::kept).collect();
    lookups
        .iter()
        .zip(found)
        .map(|(settings, found)| {
            let outcome = match found {
                Found::Known(outcome) => outcome,
                Found::Differing(differing) => looked.tried(
                    |outcome| outcome,
                    |looked| {
                        let (source, target) = (&mut *looked.source, &mut *looked.target);
                        judge(*differing, lookups, &kept, source, target, every_row)
                    },
                )?,
            };
            let held = looked.before.as_ref().and_then(|before| {
                let held = before.lookups.get(&settings.table);
                held.cloned()
            });
            Ok(TableComparison {
                table: settings.table.clone(),
                outcome,
                held,
            })
        })
        .collect()
}

/// Both ends, and the target itself where `target` is what a rehearsal left.
struct Looked<'looked> {
    source: &'looked mut Observed,
    target: &'looked mut Observed,
    before: Option<&'looked mut Observed>,
}

impl Looked<'_> {
    /// Looks at one table. A coded problem is an outcome as well, and does not keep anybody from
    /// answering about the next.
    fn tried<T>(
        &mut self,
        outcome: fn(Outcome) -> T,
        look: impl FnOnce(&mut Self) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        self.each(|session| session.begin_trial())?;
        let found = look(self);
        self.each(|session| session.end_trial(found.is_err()))?;
        found.or_else(|error| Ok(outcome(Outcome::Refused(error.downcast()?))))
    }

    fn each(
        &mut self,
        mut work: impl FnMut(&mut dyn Session) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        work(&mut *self.source.session)?;
        work(&mut *self.target.session)?;
        match &mut self.before {
            Some(before) => work(&mut *before.session),
            None => Ok(()),
        }
    }
}

/// Looks for what speaks against the changes of one table; `kept` has the rows of every table that
/// stay because they were edited.
fn judge(
    differing: Differing,
    lookups: &[LookupSettings],
    kept: &KeptKeys,
    source: &mut Observed,
    target: &mut Observed,
    every_row: bool,
) -> anyhow::Result<Outcome> {
    let Differing {
        arranged: Arranged {
            on_source,
            on_target,
            ..
        },
        difference,
        same_columns,
        edits,
        mut log,
    } = differing;
    let table = target.snapshot.catalog.tables.get(&on_target.table);
    let unique_keys = table.map_or(Vec::new(), |table| table.unique_keys.clone());
    let mut ends = Ends {
        on_source: &on_source,
        source,
        on_target: &on_target,
        target,
        all: lookups,
        kept,
    };
    let mut problems = unique_conflicts(&mut ends, &unique_keys, &mut log)?;
    problems.extend(unique_future_rows(&mut ends, &mut log)?);
    problems.extend(identity_changes(&mut ends, &mut log)?);
    problems.extend(missing_parents(
        &on_source, &on_target, lookups, source, target, &mut log,
    )?);
    let compared = Compared {
        on_source: &on_source,
        on_target: &on_target,
        difference: &difference,
    };
    let references = references(&compared, lookups, kept, source, target, &mut log)?;
    let rows = if every_row {
        row_changes(&on_source, &on_target, source, target, &mut log)?
    } else {
        Vec::new()
    };
    Ok(Outcome::Compared {
        difference,
        same_columns,
        references,
        rows,
        problems,
        edits: edits.into(),
    })
}
