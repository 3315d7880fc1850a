//! What `sync.toml` says about a lookup table.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use crate::model::backend::Backend;
use crate::model::max_delete::MaxDelete;
use crate::model::rows::row::encode;
use crate::model::schema::table::TableName;
use crate::problem::{Code, Problem};

/// What `sync.toml` says about one lookup table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookupSettings {
    pub table: TableName,
    /// The columns that identify a row; the primary key where it is not given.
    #[serde(default)]
    pub key: Vec<String>,
    #[serde(default)]
    pub extra_rows: ExtraRows,
    /// Columns copied with a new row and never changed afterwards.
    #[serde(default)]
    pub insert_only: Vec<String>,
    /// Columns that are left alone: what they hold on the target stays.
    #[serde(default)]
    pub ignore: Vec<String>,
    /// An SQL condition: only these rows are lookup rows.
    #[serde(default, rename = "where")]
    pub filter: Option<String>,
    /// How rows that the source no longer has are switched off instead of deleted.
    #[serde(default)]
    pub retire: Option<Retire>,
    /// How many rows a promotion may delete or switch off without being asked by name.
    #[serde(default)]
    pub max_delete: Option<MaxDelete>,
}

impl LookupSettings {
    /// # Errors
    /// `config_invalid`, naming the table.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        let invalid = |message: String, hint: &str| {
            Err(Problem::new(Code::ConfigInvalid, message).hint(hint))
        };
        if self.retire.is_some() && self.extra_rows != ExtraRows::Delete {
            return invalid(
                format!("`{}` has both `retire` and `extra_rows`", self.table),
                "`retire` is instead of deleting: leave out extra_rows",
            );
        }
        let retired = self.retire.iter().flat_map(|retire| retire.0.keys());
        let condition = self.filter.as_deref().unwrap_or_default();
        for column in retired {
            if self.insert_only.contains(column) || self.ignore.contains(column) {
                return invalid(
                    format!(
                        "`retire` of `{}` sets `{column}`, which does not travel: a row that comes back would stay switched off",
                        self.table
                    ),
                    &format!("take `{column}` out of `insert_only` and `ignore`"),
                );
            }
            if names(condition, column) {
                return invalid(
                    format!(
                        "`where` of `{}` asks for `{column}`, which `retire` sets: a row that is switched off would be no lookup row any more, and could not come back",
                        self.table
                    ),
                    &format!(
                        "leave `{column}` out of `where`: rows that are switched off then travel like all others"
                    ),
                );
            }
        }
        if let Some(column) = self.ignore.iter().find(|column| names(condition, column)) {
            return invalid(
                format!(
                    "`where` of `{}` asks for `{column}`, which `ignore` leaves to each environment: which rows are lookup rows has to be the same everywhere",
                    self.table
                ),
                &format!("take `{column}` out of `ignore`, or out of `where`"),
            );
        }
        if self
            .retire
            .as_ref()
            .is_some_and(|retire| retire.0.is_empty())
        {
            return invalid(
                format!("`retire` of `{}` names no column", self.table),
                "name a column and the value that switches a row off, for example: retire = { active = false }",
            );
        }
        if self
            .filter
            .as_deref()
            .is_some_and(|text| !is_one_expression(text))
        {
            return invalid(
                format!(
                    "the condition `where` of `{}` must be one SQL expression",
                    self.table
                ),
                "for example: where = \"region = 'global'\"",
            );
        }
        Ok(())
    }

    /// A table of which the configuration says nothing but its name.
    pub fn of(table: TableName) -> Self {
        LookupSettings {
            table,
            key: Vec::new(),
            extra_rows: ExtraRows::default(),
            insert_only: Vec::new(),
            ignore: Vec::new(),
            filter: None,
            retire: None,
            max_delete: None,
        }
    }
}

/// The columns that switch a row off, each with the value that does.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Retire(pub BTreeMap<String, RetiredValue>);

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "a column of `retire` is set to true or false, a whole number or a text in quotes"
)]
pub enum RetiredValue {
    Boolean(bool),
    Integer(i64),
    Text(String),
}

impl RetiredValue {
    /// The value as a field of a row, before the database spells it as one of its column.
    pub(crate) fn field(&self, backend: Backend) -> String {
        match (self, backend) {
            // SQLite's booleans are numbers, and a column may take a value as it comes.
            (RetiredValue::Boolean(value), Backend::Sqlite) => format!("\\i:{}", u8::from(*value)),
            (RetiredValue::Integer(value), Backend::Sqlite) => format!("\\i:{value}"),
            (RetiredValue::Text(text), Backend::Sqlite) => format!("\\t:{text}"),
            (value, Backend::Postgres) => encode(Some(&value.to_string())).into_owned(),
        }
    }
}

impl fmt::Display for RetiredValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RetiredValue::Boolean(value) => value.fmt(formatter),
            RetiredValue::Integer(value) => value.fmt(formatter),
            RetiredValue::Text(value) => value.fmt(formatter),
        }
    }
}

/// What happens to rows that only the target has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExtraRows {
    #[default]
    Delete,
    Keep,
    Refuse,
}

/// Whether a condition stays within the parentheses that are put around it: quotes and
/// parentheses are closed, and outside of quotes there is neither `;` nor a comment.
fn is_one_expression(text: &str) -> bool {
    let mut depth = 0u32;
    let mut quote = None;
    let mut before = ' ';
    for letter in text.chars() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"' | '`') => quote = Some(letter),
            (None, '(') => depth += 1,
            (None, ')') if depth == 0 => return false,
            (None, ')') => depth -= 1,
            (None, ';') => return false,
            (None, '-') if before == '-' => return false,
            (None, '*') if before == '/' => return false,
            (None, _) => {}
        }
        before = letter;
    }
    depth == 0 && quote.is_none() && !text.trim().is_empty()
}

/// Whether a condition has that name in it, outside of texts.
fn names(condition: &str, column: &str) -> bool {
    let outside = condition.split('\'').step_by(2);
    outside
        .flat_map(|text| text.split(|letter: char| !letter.is_alphanumeric() && letter != '_'))
        .any(|word| word.eq_ignore_ascii_case(column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_does_not_hang_on_what_retires() {
        let check = |filter: &str| {
            let text =
                format!("table = \"t\"\nretire = {{ active = false }}\nwhere = \"{filter}\"");
            toml::from_str::<LookupSettings>(&text).unwrap().check()
        };
        for filter in ["active", "kind = 'x' AND t.ACTIVE IS TRUE"] {
            let problem = check(filter).unwrap_err();
            assert_eq!(problem.code, Code::ConfigInvalid);
            assert!(problem.message.contains("`active`"), "{problem}");
        }
        for filter in ["kind = 'active'", "inactive", "active_since > 1"] {
            check(filter).unwrap();
        }
    }

    #[test]
    fn what_does_not_travel_decides_nothing() {
        for settings in [
            "retire = { active = false }\ninsert_only = [\"active\"]",
            "retire = { active = false }\nignore = [\"active\"]",
            "ignore = [\"active\"]\nwhere = \"active = 1\"",
        ] {
            let text = format!("table = \"t\"\n{settings}");
            let settings = toml::from_str::<LookupSettings>(&text).unwrap();
            let problem = settings.check().unwrap_err();
            assert_eq!(problem.code, Code::ConfigInvalid);
            assert!(problem.message.contains("`active`"), "{problem}");
        }
    }

    #[test]
    fn a_condition_cannot_leave_its_parentheses() {
        for good in [
            "a = 1",
            "a IN ('x', ';)', 'it''s') AND (b OR c)",
            "\"odd;\" = '--'",
            "a - -1 > 0",
        ] {
            assert!(is_one_expression(good), "{good}");
        }
        for bad in [
            "",
            " ",
            "1=1) OR (1=1",
            "a = 'x",
            "(a",
            "a; b",
            "a -- b",
            "a /* b",
        ] {
            assert!(!is_one_expression(bad), "{bad}");
        }
    }
}
