//! What is said of rows that somebody edited on the target.

use super::Verdict;
use crate::model::rows::lookup::settings::ExtraRows;
use crate::model::schema::table::TableName;
use crate::model::words::{counted, shell_word};
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::settings::environment::OnTargetEdit;
use crate::sync::comparing::edits::Edits;
use crate::sync::snapshot::Snapshot;

/// How many keys are named.
const NAMED: usize = 5;

pub(super) fn judge_edits(
    verdict: &mut Verdict,
    config: &Config,
    table: &TableName,
    edits: &Edits,
    source: &Snapshot,
    target: &Snapshot,
) {
    if !edits.keys.is_empty() {
        let problem = edited(config, table, edits, source, target);
        match edits.on_target_edit {
            OnTargetEdit::Refuse => verdict.blockers.push(problem),
            OnTargetEdit::Overwrite | OnTargetEdit::Keep => verdict.warnings.push(problem),
        }
    }
    if edits.changed_since {
        let keeps_its_own = config
            .lookups
            .iter()
            .any(|lookup| lookup.table == *table && lookup.extra_rows == ExtraRows::Keep);
        let problem = changed_since(table, source, target);
        // Rows of the target's own may be all that changed, and they stay.
        if edits.on_target_edit == OnTargetEdit::Overwrite || keeps_its_own {
            verdict.warnings.push(problem);
        } else {
            verdict.blockers.push(problem);
        }
    }
}

fn edited(
    config: &Config,
    table: &TableName,
    edits: &Edits,
    source: &Snapshot,
    target: &Snapshot,
) -> Problem {
    let label = &target.label;
    let count = edits.keys.len();
    let mut keys: Vec<String> = edits
        .keys
        .iter()
        .take(NAMED)
        .map(|key| key.iter().collect::<Vec<_>>().join(", "))
        .collect();
    if count > NAMED {
        keys.push(format!("and {} more", count - NAMED));
    }
    let what = match edits.on_target_edit {
        OnTargetEdit::Refuse => format!("which {} would overwrite", source.label),
        OnTargetEdit::Overwrite => format!("and {} overwrites that", source.label),
        OnTargetEdit::Keep => "and that is kept".to_owned(),
    };
    let home = way_home(config, table, edits, target);
    let hint = match edits.on_target_edit {
        OnTargetEdit::Refuse => format!(
            "{home}; or set on_target_edit = \"overwrite\" (or \"keep\") for `{}` in data-sync/sync.toml",
            target.environment
        ),
        OnTargetEdit::Overwrite => home,
        OnTargetEdit::Keep => format!("{home}, so that all environments agree"),
    };
    Problem::new(
        Code::TargetEdited,
        format!(
            "{} of `{table}` {} edited in {label} since the last promotion, {what}: {}",
            counted(count as u64, "row"),
            if count == 1 { "was" } else { "were" },
            keys.join("; ")
        ),
    )
    .hint(hint)
}

/// How edits come to the first environment. Nobody deletes rows of a table that keeps or refuses those
/// that only one end has, not even an import.
fn way_home(config: &Config, table: &TableName, edits: &Edits, target: &Snapshot) -> String {
    let beforehand = match edits.on_target_edit {
        OnTargetEdit::Overwrite => "beforehand ",
        OnTargetEdit::Keep | OnTargetEdit::Refuse => "",
    };
    let adopt = format!(
        "`cargo xtask sync adopt --from {} {}{}` {beforehand}brings",
        target.environment,
        shell_word(&table.to_string()),
        config.options
    );
    let mut lookups = config.lookups.iter();
    let stays =
        lookups.any(|lookup| lookup.table == *table && lookup.extra_rows != ExtraRows::Delete);
    let earlier = config.pipeline.iter();
    let earlier: Vec<&str> = earlier
        .take_while(|environment| environment.name != target.environment)
        .map(|environment| environment.label.as_str())
        .collect();
    let by_hand = format!(
        "what was deleted there has to be deleted by hand in {} too, as `extra_rows` of `{table}` lets no import do it",
        earlier.join(" and ")
    );
    match edits.deleted {
        deleted if deleted == 0 || !stays => format!("{adopt} it home"),
        deleted if deleted == edits.keys.len() => by_hand,
        _ => format!("{by_hand}; {adopt} the rest home"),
    }
}

fn changed_since(table: &TableName, source: &Snapshot, target: &Snapshot) -> Problem {
    Problem::new(
        Code::TargetEdited,
        format!(
            "`{table}` in {} was changed since the last promotion, and the rows that were promoted are not at hand to say where",
            target.label
        ),
    )
    .hint(format!(
        "look at `cargo xtask sync plan {}-to-{} --rows`, bring what is to stay to {}, and set on_target_edit = \"overwrite\" for the rest",
        source.environment, target.environment, source.label
    ))
}
