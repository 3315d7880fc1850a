//! What is wrong with rows whose values are good one by one.

use super::check::Check;
use super::findings::Findings;
use super::spool::Spool;
use super::text::Row;
use crate::database::BadValue;
use crate::sync::rows::lookup::Lookup;
use crate::sync::rows::row::{BATCH, KeySet, NULL, Record, owned};
use crate::sync::schema::catalog::Reading;

impl Check<'_> {
    /// Rows that `where` leaves to others, and references with a part missing.
    pub(super) fn whole_rows(
        &mut self,
        batch: &[Row],
        spelled: &[Record],
        bad: &[BadValue],
        places: &[Option<usize>],
        findings: &mut Findings,
    ) -> anyhow::Result<()> {
        let lookup = self.lookup;
        for at in 0..lookup.links.len() {
            let names = lookup.fields_of_link(at);
            let fields: Vec<usize> = (0..lookup.columns.len())
                .filter(|field| names.contains(&lookup.columns[*field].as_str()))
                .collect();
            for (row, spelled) in batch.iter().zip(spelled) {
                let given = |field: &&usize| places[**field].is_some() && &spelled[**field] != NULL;
                let Some(other) = fields.iter().find(given) else {
                    continue;
                };
                for field in &fields {
                    if let (Some(place), NULL) = (places[*field], &spelled[*field]) {
                        let words = format!(
                            "`\\N` is NULL while `{}` is not: a row that is referred to is named by all of its key",
                            lookup.columns[*other]
                        );
                        findings.add(row.line_of(place), Some(&lookup.columns[*field]), words);
                    }
                }
            }
        }
        let Some(condition) = self.condition_of_rows() else {
            return Ok(());
        };
        if places.iter().any(Option::is_none) {
            return Ok(());
        }
        let good: Vec<usize> = (0..spelled.len())
            .filter(|row| !bad.iter().any(|bad| bad.row == *row))
            .collect();
        let rows: Vec<Record> = good.iter().map(|row| spelled[*row].clone()).collect();
        for outside in self.target.outside(lookup, &rows)? {
            let words = format!(
                "the row does not meet `where` ({condition}), and no other row of `{}` is loaded",
                lookup.table
            );
            findings.add(batch[good[outside]].line, None, words);
        }
        Ok(())
    }

    /// The condition `where`, if it can be told from the fields of a row alone: it names no column
    /// that does not travel, and looks at no other rows, which may be about to change themselves.
    fn condition_of_rows(&self) -> Option<String> {
        let condition = self.lookup.filter.as_ref()?;
        let lower = condition.to_lowercase();
        let is_of_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let words: Vec<&str> = lower.split(|letter| !is_of_word(letter)).collect();
        let names = |column: &str| match column.chars().all(is_of_word) {
            true => words.contains(&column),
            false => lower.contains(column),
        };
        let columns = &self.catalog.tables.get(&self.lookup.table)?.columns;
        let is_told = !names("select")
            && columns.iter().all(|column| {
                self.lookup.is_plain(&column.name) || !names(&column.name.to_lowercase())
            });
        is_told.then(|| condition.clone())
    }

    /// Keys that are spelled differently and equal to the database, where it takes only one of
    /// them.
    pub(super) fn equal_keys(
        &mut self,
        rows: &Spool,
        findings: &mut Findings,
    ) -> anyhow::Result<()> {
        let lookup = self.lookup;
        let stored = lookup.stored_key();
        let table = self.catalog.tables.get(&lookup.table);
        let is_unique = table.is_some_and(|table| {
            let mut keys = table.unique_keys.iter();
            keys.any(|key| key.iter().all(|column| stored.contains(&column.as_str())))
        });
        // Whole numbers are equal where they look so, which was seen to.
        let are_numbers = lookup
            .key_readings
            .iter()
            .all(|reading| *reading == Reading::Number);
        if !is_unique || are_numbers || findings.is_cut {
            return Ok(());
        }
        let mut entries: Vec<(u64, Record)> = rows
            .entries
            .iter()
            .filter(|entry| !entry.key.iter().any(|field| field == NULL))
            .map(|entry| (entry.line, entry.key.clone()))
            .collect();
        entries.dedup_by(|one, other| one.1 == other.1);
        let keys: Vec<Record> = entries.iter().map(|(_, key)| key.clone()).collect();
        let mut pairs = self.target.equal_keys(lookup, &keys)?;
        // What the database has may come back: its rule is another one than that of the column.
        let both: Vec<Record> = pairs
            .iter()
            .flat_map(|(at, first)| [keys[*at].clone(), keys[*first].clone()])
            .collect();
        let mut present = KeySet::new();
        for batch in both.chunks(BATCH) {
            let rows = self.target.rows_by_key(lookup, batch)?;
            present.extend(rows.iter().map(|row| owned(&lookup.key_of(row))));
        }
        let is_present = |at: usize| present.contains(&owned(&keys[at]));
        pairs.retain(|(at, first)| !(is_present(*at) && is_present(*first)));
        for (at, first) in pairs {
            let mut two = [&entries[first], &entries[at]];
            two.sort_by_key(|(line, _)| *line);
            let [(line, key), (later, other)] = two;
            findings.add(
                *later,
                None,
                format!(
                    "the key {} is the same to the database as {} in line {line}",
                    shown_key(lookup, other),
                    values(key)
                ),
            );
        }
        Ok(())
    }
}

/// A key with the names of its fields.
pub(super) fn shown_key(lookup: &Lookup, key: &Record) -> String {
    let names: Vec<&str> = lookup.key_columns().collect();
    format!("{} = {}", names.join(", "), values(key))
}

/// Values in the marks that tell an empty one from none.
pub(super) fn values(key: &Record) -> String {
    let quoted: Vec<String> = key.iter().map(|field| format!("`{field}`")).collect();
    quoted.join(", ")
}
