//! What differs between the ends of one lookup table, and what was edited on the target.

use std::path::Path;

use anyhow::Context as _;

use crate::model::rows::change_log::ChangeLog;
use crate::model::rows::key_order::Reading;
use crate::model::rows::lookup::Lookup;
use crate::model::rows::lookup::settings::LookupSettings;
use crate::model::rows::row::KeySet;
use crate::model::schema::table::TableName;
use crate::problem::{Code, Problem};
use crate::sync::comparing::difference::Outcome;
use crate::sync::comparing::edits::{Edits, Pair};
use crate::sync::constraints::orphans::{check_references, has_orphans};
use crate::sync::constraints::retire::settle;
use crate::sync::rows::compare::Difference;
use crate::sync::rows::condition::can_ask;
use crate::sync::snapshot::Observed;

/// What the rows of one table are, before others are looked at.
pub(crate) enum Found {
    Known(Outcome),
    Differing(Box<Differing>),
}

/// A table in which something differs.
pub(crate) struct Differing {
    pub(crate) arranged: Arranged,
    pub(crate) difference: Difference,
    pub(crate) same_columns: bool,
    pub(crate) edits: Edits,
    pub(crate) log: ChangeLog,
}

impl Found {
    /// The rows that stay as they were edited on the target.
    pub(crate) fn kept(&self) -> Option<(TableName, KeySet)> {
        match self {
            Found::Known(_) => None,
            Found::Differing(differing) => Some((
                differing.arranged.on_target.table.clone(),
                differing.edits.kept(),
            )),
        }
    }
}

/// Compares one table, and looks for edits.
///
/// # Errors
/// What the databases report, or what the rows are to blame for.
pub(crate) fn differing(
    settings: &LookupSettings,
    lookups: &[LookupSettings],
    source: &mut Observed,
    target: &mut Observed,
    before: Option<&mut Observed>,
    promoted: &Path,
    every_row: bool,
) -> anyhow::Result<Found> {
    let on_source = source.snapshot.lookup(settings, lookups)?;
    check_references(
        &on_source,
        &mut *source.session,
        &source.snapshot.label,
        false,
    )?;
    if target.snapshot.catalog.find(&settings.table).is_none() {
        return Ok(Found::Known(Outcome::Missing {
            rows: source.session.count_rows(&on_source.table)?,
        }));
    }
    let on_target = target.snapshot.lookup(settings, lookups)?;
    check_references(
        &on_target,
        &mut *target.session,
        &target.snapshot.label,
        true,
    )?;
    let same_columns = on_source.has_same_columns(&on_target);
    if same_columns
        && !has_orphans(&on_source, lookups, (source, &target.snapshot))?
        && let (Some(here), Some(there)) = (
            source.lookups.get(&settings.table),
            target.lookups.get(&settings.table),
        )
        && here == there
    {
        // Both tables were read already, and hold the same.
        return Ok(Found::Known(Outcome::Compared {
            difference: Difference::none(here),
            same_columns,
            references: Vec::new(),
            rows: Vec::new(),
            problems: Vec::new(),
            edits: Edits::none(target.snapshot.on_target_edit).into(),
        }));
    }
    let Some(arranged) = Arranged::of(&on_source, &on_target)? else {
        return Ok(Found::Known(Outcome::Missing {
            rows: source.session.count_rows(&on_source.table)?,
        }));
    };
    let edits_before = match before {
        Some(before) => {
            let ask = can_ask(&before.snapshot.catalog, &target.snapshot.catalog, settings);
            Some(match ask {
                true => edits_before(settings, lookups, source, before, promoted, every_row)?,
                false => Edits::none(target.snapshot.on_target_edit),
            })
        }
        None => None,
    };
    let mut log = ChangeLog::new()?;
    let mut pair = Pair {
        on_source: &arranged.on_source,
        source,
        on_target: &arranged.on_target,
        target,
    };
    let (mut difference, edits) = match edits_before {
        Some(edits) => {
            let kept = edits.kept();
            (pair.compare(None, &mut &kept, &mut log)?, edits)
        }
        None => {
            let promoted = arranged.sort_alike.then_some(promoted);
            let (difference, found) = pair.compare_with_promoted(settings, promoted, &mut log)?;
            (difference, pair.describe(found, every_row)?)
        }
    };
    let log = settle(
        &arranged.on_target,
        &mut *target.session,
        &mut difference,
        log,
    )?;
    Ok(Found::Differing(Box::new(Differing {
        arranged,
        difference,
        same_columns,
        edits,
        log,
    })))
}

/// One table at both ends, which are asked for the same fields in the same order.
pub(crate) struct Arranged {
    pub(crate) on_source: Lookup,
    pub(crate) on_target: Lookup,
    /// Where keys sort otherwise than they did, what was promoted cannot be merged with them.
    sort_alike: bool,
}

impl Arranged {
    /// `None` where they have no key in common.
    fn of(on_source: &Lookup, on_target: &Lookup) -> anyhow::Result<Option<Self>> {
        let (Some(mut on_source), Some(common)) = (
            on_source.common_with(on_target),
            on_target.common_with(on_source),
        ) else {
            return Ok(None);
        };
        let sort_alike = on_source.key_readings == common.key_readings;
        if !sort_alike {
            // Where a key has another type at each end, only its text sorts alike at both.
            on_source.key_readings.fill(Reading::Text);
        }
        let on_target = on_target
            .arranged_like(&on_source)
            .context("the key of the target is another one")?;
        Ok(Some(Arranged {
            on_source,
            on_target,
            sort_alike,
        }))
    }
}

/// What was edited before the migrations, which would look like edits themselves. A table that
/// cannot be compared before them has no edits that anybody could name.
fn edits_before(
    settings: &LookupSettings,
    lookups: &[LookupSettings],
    source: &mut Observed,
    before: &mut Observed,
    promoted: &Path,
    every_row: bool,
) -> anyhow::Result<Edits> {
    let none = Edits::none(before.snapshot.on_target_edit);
    let was_promoted = before.snapshot.ledger.promoted(&settings.table).is_some();
    let (true, Ok(on_target)) = (was_promoted, before.snapshot.lookup(settings, lookups)) else {
        return Ok(none);
    };
    let on_source = source.snapshot.lookup(settings, lookups)?;
    let Some(arranged) = Arranged::of(&on_source, &on_target)? else {
        return Ok(none);
    };
    let mut pair = Pair {
        on_source: &arranged.on_source,
        source,
        on_target: &arranged.on_target,
        target: before,
    };
    let promoted = arranged.sort_alike.then_some(promoted);
    match pair.compare_with_promoted(settings, promoted, &mut ChangeLog::new()?) {
        Ok((_, found)) => pair.describe(found, every_row),
        // The migrations may mend that.
        Err(error) if matches!(Problem::of(&error).code, Code::NoKey | Code::DuplicateKey) => {
            Ok(none)
        }
        Err(error) => Err(error),
    }
}
