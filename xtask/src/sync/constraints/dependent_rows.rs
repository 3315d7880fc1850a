//! Rows that a deletion or a change of lookup rows would reach, in words.

use super::cascade::{Effect, ForeignKeyStep};
use crate::model::rows::row::{self, Field, Record};
use crate::model::schema::catalog::Action;
use crate::model::schema::table::TableName;
use crate::model::words::{counted_grouped, grouped};
use crate::problem::{Code, Problem};

/// How many keys are named.
const NAMED: usize = 5;

/// How many letters of a key are shown.
const LONGEST: usize = 40;

/// The rows at the end of a path of foreign keys that refer, through it, to rows of a lookup table
/// that go or change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DependentRows {
    /// From the lookup table outwards.
    pub path: Vec<ForeignKeyStep>,
    pub rows: u64,
    /// How many rows of the lookup table they refer to.
    pub keys: u64,
    /// The first of these, by their keys, each with how many refer to it.
    pub first: Vec<(Record, u64)>,
}

impl DependentRows {
    pub fn new(path: Vec<ForeignKeyStep>) -> Self {
        DependentRows {
            path,
            rows: 0,
            keys: 0,
            first: Vec::new(),
        }
    }

    /// Adds the rows that refer to one more row of the lookup table.
    pub fn add(&mut self, key: &Record, rows: u64) {
        self.rows += rows;
        self.keys += 1;
        if self.first.len() < NAMED {
            self.first.push((key.clone(), rows));
        }
    }

    /// Why the rows of `table` may not go or change.
    pub fn problem(&self, table: &TableName) -> Option<Problem> {
        let (first, last) = (self.path.first()?, self.path.last()?);
        let parents = counted_grouped(self.keys, "row");
        let children = format!("{} of `{}`", counted_grouped(self.rows, "row"), last.child);
        let columns = named(last.changed());
        let by = if last.one_of_several {
            format!(" by {}", named(&last.key.columns))
        } else {
            String::new()
        };
        let way: Vec<String> = self.path[..self.path.len() - 1]
            .iter()
            .map(|hop| format!("`{}`", hop.child))
            .collect();
        let through = if way.is_empty() {
            String::new()
        } else {
            format!(" through {}", way.join(", then "))
        };
        let would = match &first.effect {
            Effect::Deleted => format!("deleting {parents} of `{table}` would"),
            Effect::Changed(changed) => {
                format!(
                    "changing {} of {parents} of `{table}` would",
                    named(changed)
                )
            }
        };
        let sentence = match (last.action(), &last.effect, &first.effect) {
            (Action::Cascade, Effect::Deleted, _) => format!("{would} delete {children}{by}"),
            (Action::Cascade, Effect::Changed(_), _) => format!("{would} change {children}{by}"),
            (Action::SetNull, ..) => format!("{would} empty {columns} of {children}"),
            (Action::SetDefault, ..) => format!("{would} reset {columns} of {children}"),
            (_, Effect::Deleted, Effect::Deleted) => {
                let are = if self.keys == 1 { "is" } else { "are" };
                format!(
                    "{parents} of `{table}` that {are} to go {are} still referred to by {children}{by}"
                )
            }
            _ => format!("{would} leave {children} without what they refer to{by}"),
        };
        let code = match last.action() {
            Action::NoAction | Action::Restrict => Code::ReferencedRows,
            _ => Code::CascadeToProtected,
        };
        Some(
            Problem::new(code, format!("{sentence}{through} ({})", self.shown_keys()))
                .hint(hint(table, first)),
        )
    }

    /// `card: 1,200; cash: 4`.
    fn shown_keys(&self) -> String {
        let mut shown: Vec<String> = self
            .first
            .iter()
            .map(|(key, rows)| {
                let fields: Vec<String> = key.iter().map(shown_field).collect();
                format!("{}: {}", fields.join(", "), grouped(*rows))
            })
            .collect();
        let more = self.keys.saturating_sub(self.first.len() as u64);
        if more > 0 {
            shown.push(format!("and {} more", grouped(more)));
        }
        shown.join("; ")
    }
}

fn hint(table: &TableName, hop: &ForeignKeyStep) -> String {
    match &hop.effect {
        Effect::Deleted => format!(
            "point these rows at another row first, or let the rows of `{table}` stay: bring them back in the source, \
             or set extra_rows = \"keep\" for it in data-sync/sync.toml, or retire where it has a column that switches a row off, as in retire = {{ active = false }}"
        ),
        Effect::Changed(columns) if hop.computed => format!(
            "point these rows at another row first, or leave what {} is computed from as it is in the source",
            named(columns)
        ),
        Effect::Changed(columns) => {
            let listed: Vec<String> = columns.iter().map(|column| format!("{column:?}")).collect();
            format!(
                "point these rows at another row first, or leave {} as it is: change it back in the source, \
                 or set insert_only = [{}] for `{table}` in data-sync/sync.toml",
                named(columns),
                listed.join(", ")
            )
        }
    }
}

/// `a` and `b`, in the marks of a name.
fn named(columns: &[String]) -> String {
    let columns: Vec<String> = columns.iter().map(|column| format!("`{column}`")).collect();
    columns.join(" and ")
}

/// A value of a key on one line, not longer than a reader needs to know it by.
fn shown_field(field: &str) -> String {
    let value = match row::decode(field) {
        Ok(Field::Plain(text) | Field::Text(text)) => text.to_owned(),
        Ok(Field::Integer(number)) => number.to_string(),
        _ => field.to_owned(),
    };
    let mut shown = String::new();
    for (at, letter) in value.chars().enumerate() {
        if at == LONGEST {
            shown.push('…');
            break;
        }
        if letter.is_control() {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::schema::catalog::ForeignKey;

    fn name(table: &str) -> TableName {
        TableName::new(None, table)
    }

    fn hop(child: &str, effect: Effect, action: Action) -> ForeignKeyStep {
        ForeignKeyStep {
            child: name(child),
            key: ForeignKey {
                name: None,
                columns: vec!["group_id".to_owned()],
                parent: name("anything"),
                parent_columns: vec!["id".to_owned()],
                comparisons: Vec::new(),
                deferrable: false,
                on_delete_columns: Vec::new(),
                on_delete: action,
                on_update: action,
            },
            effect,
            computed: false,
            one_of_several: false,
        }
    }

    fn changed() -> Effect {
        Effect::Changed(vec!["code".to_owned()])
    }

    fn reached(path: Vec<ForeignKeyStep>, counts: &[(&str, u64)]) -> DependentRows {
        let mut reached = DependentRows::new(path);
        for (key, rows) in counts {
            reached.add(&Record::from(vec![*key]), *rows);
        }
        reached
    }

    fn said(reached: &DependentRows) -> (Code, String) {
        let problem = reached.problem(&name("fee_groups")).unwrap();
        assert!(
            problem
                .hint
                .unwrap()
                .contains("point these rows at another row first")
        );
        (problem.code, problem.message)
    }

    #[test]
    fn each_action_has_its_words() {
        use Action::{Cascade, NoAction, Restrict, SetDefault, SetNull};
        use Code::{CascadeToProtected, ReferencedRows};
        let going = "2 rows of `fee_groups` that are to go are still referred to by 1,204 rows of `merchants`";
        let leaving = "changing `code` of 2 rows of `fee_groups` would leave 1,204 rows of `merchants` without what they refer to";
        for (effect, action, code, sentence) in [
            (
                Effect::Deleted,
                Cascade,
                CascadeToProtected,
                "deleting 2 rows of `fee_groups` would delete 1,204 rows of `merchants`",
            ),
            (
                Effect::Deleted,
                SetNull,
                CascadeToProtected,
                "deleting 2 rows of `fee_groups` would empty `group_id` of 1,204 rows of `merchants`",
            ),
            (
                Effect::Deleted,
                SetDefault,
                CascadeToProtected,
                "deleting 2 rows of `fee_groups` would reset `group_id` of 1,204 rows of `merchants`",
            ),
            (Effect::Deleted, NoAction, ReferencedRows, going),
            (Effect::Deleted, Restrict, ReferencedRows, going),
            (
                changed(),
                Cascade,
                CascadeToProtected,
                "changing `code` of 2 rows of `fee_groups` would change 1,204 rows of `merchants`",
            ),
            (
                changed(),
                SetNull,
                CascadeToProtected,
                "changing `code` of 2 rows of `fee_groups` would empty `group_id` of 1,204 rows of `merchants`",
            ),
            (
                changed(),
                SetDefault,
                CascadeToProtected,
                "changing `code` of 2 rows of `fee_groups` would reset `group_id` of 1,204 rows of `merchants`",
            ),
            (changed(), NoAction, ReferencedRows, leaving),
            (changed(), Restrict, ReferencedRows, leaving),
        ] {
            let reached = reached(
                vec![hop("merchants", effect, action)],
                &[("card", 1200), ("cash", 4)],
            );
            let expected = (code, format!("{sentence} (card: 1,200; cash: 4)"));
            assert_eq!(said(&reached), expected);
        }
    }

    #[test]
    fn the_way_is_named() {
        let path = vec![
            hop("merchants", Effect::Deleted, Action::Cascade),
            hop("orders", Effect::Deleted, Action::Cascade),
            hop("lines", Effect::Deleted, Action::Restrict),
        ];
        let lines = reached(path.clone(), &[("1", 1)]);
        assert_eq!(
            said(&lines).1,
            "1 row of `fee_groups` that is to go is still referred to by 1 row of `lines` through `merchants`, then `orders` (1: 1)"
        );
        let orders = reached(path[..2].to_vec(), &[("1", 3)]);
        assert_eq!(
            said(&orders).1,
            "deleting 1 row of `fee_groups` would delete 3 rows of `orders` through `merchants` (1: 3)"
        );
    }

    #[test]
    fn what_an_emptied_column_does_is_told_as_a_change() {
        let emptied = Effect::Changed(vec!["group_id".to_owned()]);
        for (action, words) in [
            (Action::Cascade, "would change 3 rows of `orders`"),
            (
                Action::NoAction,
                "would leave 3 rows of `orders` without what they refer to",
            ),
        ] {
            let path = vec![
                hop("merchants", Effect::Deleted, Action::SetNull),
                hop("orders", emptied.clone(), action),
            ];
            let expected =
                format!("deleting 1 row of `fee_groups` {words} through `merchants` (1: 3)");
            assert_eq!(said(&reached(path, &[("1", 3)])).1, expected);
        }
    }

    #[test]
    fn one_of_several_foreign_keys_is_named() {
        for action in [Action::Cascade, Action::NoAction] {
            let mut hop = hop("merchants", Effect::Deleted, action);
            hop.one_of_several = true;
            let (_, message) = said(&reached(vec![hop], &[("1", 3)]));
            assert!(
                message.ends_with("3 rows of `merchants` by `group_id` (1: 3)"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_few_keys_are_shown_and_kept_short() {
        let path = vec![hop("merchants", Effect::Deleted, Action::Cascade)];
        let many: Vec<String> = (1..=8).map(|at| format!("k{at}")).collect();
        let many: Vec<(&str, u64)> = many.iter().map(|key| (key.as_str(), 1)).collect();
        let reached = |counts: &[(&str, u64)]| said(&reached(path.clone(), counts)).1;
        assert!(reached(&many).ends_with("(k1: 1; k2: 1; k3: 1; k4: 1; k5: 1; and 3 more)"));
        let long = "x".repeat(50);
        assert!(reached(&[(&long, 1)]).ends_with(&format!("({}…: 1)", "x".repeat(40))));
        assert!(reached(&[("a\nb", 1)]).ends_with("(a\\nb: 1)"));
        assert!(
            reached(&[("\\\\N", 1), ("\\i:5", 1), ("\\t:7", 1)]).ends_with("(\\N: 1; 5: 1; 7: 1)")
        );
        let mut pair = DependentRows::new(path.clone());
        pair.add(&Record::from(vec!["eu", "card"]), 2);
        assert!(
            pair.problem(&name("fee_groups"))
                .unwrap()
                .message
                .ends_with("(eu, card: 2)")
        );
    }
}
