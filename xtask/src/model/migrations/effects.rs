//! What migrations did to the rows of protected tables, as it was measured where they ran.

use serde::{Deserialize, Serialize};

use crate::model::schema::table::TableName;
use crate::model::words::{and_more, counted_grouped};

/// What one migration did to rows that were there before it, in columns that were there before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowEffect {
    /// As the target called it before the run.
    pub table: TableName,
    pub kind: EffectKind,
    /// As it was called before the migration.
    pub column: Option<String>,
    /// How many rows, or values of the column, are lost or are others; null where that could not
    /// be counted.
    pub rows: Option<u64>,
    /// The keys of the first of these rows.
    pub keys: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectKind {
    TableDropped,
    Truncated,
    RowsDeleted,
    RowsChanged,
    ColumnDropped,
    /// The values are not the same after the column got another type.
    TypeChanged,
}

/// How many keys are shown.
pub const KEYS: usize = 5;

/// What a migration did, and which tables it touched at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measured {
    pub effects: Vec<RowEffect>,
    /// For the same migration on another database with the same schema.
    pub touched: Vec<Touch>,
}

/// What has to be looked at in a table before a migration, to know afterwards what it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// As it was called before the run.
    pub table: TableName,
    /// Its rows were written or moved.
    pub rows: bool,
    /// It is no more.
    pub is_gone: bool,
    /// The columns that are no more.
    pub dropped: Vec<String>,
    /// It was altered, and not only written to.
    pub is_altered: bool,
}

impl Touch {
    /// Nothing of this table.
    pub fn of(table: &TableName) -> Self {
        Touch {
            table: table.clone(),
            rows: false,
            is_gone: false,
            dropped: Vec::new(),
            is_altered: false,
        }
    }

    pub fn is_nothing(&self) -> bool {
        !self.rows && !self.is_gone && self.dropped.is_empty()
    }

    /// What was looked at for `self` tells all that is to be known after `other`.
    pub fn covers(&self, other: &Touch) -> bool {
        let has = |column: &String| self.dropped.contains(column);
        self.rows || !other.rows && self.is_gone >= other.is_gone && other.dropped.iter().all(has)
    }
}

impl RowEffect {
    /// Whether somebody has to say that this is meant. What becomes of values under another type is
    /// only known where there are values.
    pub fn needs_leave(&self) -> bool {
        match self.rows {
            Some(rows) => rows > 0,
            None => self.kind != EffectKind::TypeChanged,
        }
    }

    /// Such as ``deletes 2 rows of `merchants` (3, 7)``.
    pub fn words(&self) -> String {
        let table = &self.table;
        let column = self.column.as_deref().unwrap_or_default();
        let rows = |what: &str| match self.rows {
            Some(rows) => counted_grouped(rows, what),
            None => format!("{what}s that were not counted"),
        };
        let what = match self.kind {
            EffectKind::TableDropped => format!("drops `{table}` with {}", rows("row")),
            EffectKind::Truncated => format!("empties `{table}`, which has {}", rows("row")),
            EffectKind::RowsDeleted => format!("deletes {} of `{table}`", rows("row")),
            EffectKind::RowsChanged if column.is_empty() => {
                format!("changes {} of `{table}`", rows("row"))
            }
            EffectKind::RowsChanged => {
                format!("changes `{column}` in {} of `{table}`", rows("row"))
            }
            EffectKind::ColumnDropped => {
                format!("drops `{column}` of `{table}` with {}", rows("value"))
            }
            EffectKind::TypeChanged => format!(
                "gives `{column}` of `{table}` another type, which changes {}",
                rows("value")
            ),
        };
        match self.keys.as_slice() {
            [] => what,
            keys => {
                let all = self.rows.map_or(keys.len(), |rows| rows as usize);
                let more = and_more(all, keys.len());
                format!("{what} ({}{more})", keys.join("; "))
            }
        }
    }

    /// What an approval binds, which is not how many rows there are.
    pub fn bound(&self) -> BoundEffect {
        BoundEffect {
            table: self.table.clone(),
            kind: self.kind,
            column: self.column.clone(),
        }
    }
}

/// What was approved of an effect.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BoundEffect {
    pub table: TableName,
    pub kind: EffectKind,
    pub column: Option<String>,
}

/// How many rows these effects met, each once.
pub fn rows_met(effects: &[RowEffect]) -> u64 {
    let mut tables: Vec<&TableName> = effects.iter().map(|effect| &effect.table).collect();
    tables.sort();
    tables.dedup();
    let of_table = |table: &TableName| {
        let effects = effects.iter().filter(|effect| effect.table == *table);
        let (mut lost, mut others) = (0, 0);
        for effect in effects {
            let rows = effect.rows.unwrap_or_default();
            match effect.kind {
                EffectKind::TableDropped | EffectKind::Truncated | EffectKind::RowsDeleted => {
                    lost += rows;
                }
                _ => others = others.max(rows),
            }
        }
        lost + others
    };
    tables.into_iter().map(of_table).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(kind: EffectKind, column: Option<&str>, rows: u64) -> RowEffect {
        RowEffect {
            table: TableName::new(None, "users"),
            kind,
            column: column.map(str::to_owned),
            rows: Some(rows),
            keys: Vec::new(),
        }
    }

    #[test]
    fn an_effect_is_said_with_its_rows_and_keys() {
        let mut deleted = effect(EffectKind::RowsDeleted, None, 1204);
        deleted.keys = vec!["3".to_owned(), "7".to_owned()];
        assert_eq!(
            deleted.words(),
            "deletes 1,204 rows of `users` (3; 7 and 1,202 more)"
        );
        deleted.rows = None;
        deleted.keys.clear();
        assert_eq!(
            deleted.words(),
            "deletes rows that were not counted of `users`"
        );
    }

    #[test]
    fn a_row_that_is_met_in_two_columns_is_one() {
        let effects = [
            effect(EffectKind::RowsChanged, Some("a"), 3),
            effect(EffectKind::RowsChanged, Some("b"), 2),
            effect(EffectKind::RowsDeleted, None, 1),
        ];
        assert_eq!(rows_met(&effects), 4);
    }

    #[test]
    fn what_was_looked_at_covers_less() {
        let nothing = Touch::of(&TableName::new(None, "users"));
        let all = Touch {
            rows: true,
            ..nothing.clone()
        };
        let dropped = Touch {
            dropped: vec!["a".to_owned()],
            ..nothing.clone()
        };
        assert!(all.covers(&dropped) && dropped.covers(&dropped));
        assert!(!dropped.covers(&all) && !nothing.covers(&dropped));
    }
}
