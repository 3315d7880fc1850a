//! What is wrong with rows whose values are good one by one.

use super::check::Check;
use super::findings::Findings;
use super::spool::Spool;
use super::text::Row;
use crate::database::{self, BadValue};
use crate::model::rows::key_order::Reading;
use crate::model::rows::lookup::Lookup;
use crate::model::rows::row::{BATCH, KeySet, NULL, Record, owned};
use crate::sync::rows::condition::names;

impl Check<'_> {
    /// Rows that `where` leaves to others or that break a CHECK, and references with a part missing.
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
        if places.iter().any(Option::is_none) {
            return Ok(());
        }
        let good: Vec<usize> = (0..spelled.len())
            .filter(|row| !bad.iter().any(|bad| bad.row == *row))
            .collect();
        let rows: Vec<Record> = good.iter().map(|row| spelled[*row].clone()).collect();
        if let Some(condition) = &lookup.filter
            && self.is_told_by_fields(condition)
        {
            for outside in self.target.outside(lookup, &rows)? {
                let words = format!(
                    "the row does not meet `where` ({condition}), and no other row of `{}` is loaded",
                    lookup.table
                );
                findings.add(batch[good[outside]].line, None, words);
            }
        }
        for check in self.target.checks(lookup)? {
            if self.is_told_by_fields(&check.condition) {
                self.breaking(&check, &rows, |row, field, words| {
                    let row = &batch[good[row]];
                    let place = field.and_then(|field| places[field]);
                    let line = place.map_or(row.line, |place| row.line_of(place));
                    let name = field.map(|field| lookup.columns[field].as_str());
                    findings.add(line, name, words);
                })?;
            }
        }
        Ok(())
    }

    /// Tells each row that breaks a CHECK, with the field that it is about, where it is one. What the
    /// database holds already may stay, whatever it is.
    fn breaking(
        &mut self,
        check: &database::Check,
        rows: &[Record],
        mut tell: impl FnMut(usize, Option<usize>, String),
    ) -> anyhow::Result<()> {
        let lookup = self.lookup;
        let by_check = Lookup {
            filter: Some(format!("({}) IS NOT FALSE", check.condition)),
            ..lookup.clone()
        };
        let broken = self.target.outside(&by_check, rows)?;
        let keys: Vec<Record> = broken.iter().map(|at| lookup.key_of(&rows[*at])).collect();
        let present = self.target.rows_by_key(lookup, &keys)?;
        let fields = 0..lookup.columns.len();
        let named: Vec<usize> = fields
            .filter(|field| names(&check.condition, &lookup.columns[*field]))
            .collect();
        let (field, what) = match named.as_slice() {
            [field] => (Some(*field), "the value"),
            _ => (None, "the row"),
        };
        let called = check.name.iter().map(|name| format!(" `{name}`"));
        let called: String = called.collect();
        let lines: Vec<&str> = check.condition.lines().map(str::trim).collect();
        let condition = lines.join(" ");
        for at in broken {
            if !present.contains(&rows[at]) {
                let words = format!("{what} breaks CHECK{called} ({condition})");
                tell(at, field, words);
            }
        }
        Ok(())
    }

    /// Whether a condition can be told from the fields of a row alone: it names no column that does
    /// not travel or is not loaded, and looks at no other rows, which may be about to change
    /// themselves.
    fn is_told_by_fields(&self, condition: &str) -> bool {
        let lookup = self.lookup;
        let Some(table) = self.catalog.tables.get(&lookup.table) else {
            return false;
        };
        let is_loaded = |column: &str| {
            let mut compared = lookup.compared_columns();
            lookup.is_plain(column) && compared.any(|loaded| loaded == column)
        };
        !names(condition, "select")
            && table
                .columns
                .iter()
                .all(|column| is_loaded(&column.name) || !names(condition, &column.name))
    }

    /// Rows that the database would take only one of: equal in the key, however it is spelled, or
    /// in other columns that are unique.
    pub(super) fn equal_rows(
        &mut self,
        rows: &mut Spool,
        findings: &mut Findings,
    ) -> anyhow::Result<()> {
        for fields in self.unique_fields() {
            if !findings.is_cut {
                self.equal_in(&fields, rows, findings)?;
            }
        }
        Ok(())
    }

    /// The fields of each unique key of the table, as far as a file tells them.
    fn unique_fields(&self) -> Vec<Vec<usize>> {
        let lookup = self.lookup;
        let stored = lookup.stored_key();
        let table = self.catalog.tables.get(&lookup.table);
        let unique_keys = table.map_or(&[][..], |table| &table.unique_keys);
        let is_unique = unique_keys
            .iter()
            .any(|key| key.iter().all(|column| stored.contains(&column.as_str())));
        // Whole numbers are equal where they look so, which was seen to.
        let are_numbers = lookup
            .key_readings
            .iter()
            .all(|reading| *reading == Reading::Number);
        let mut found = Vec::new();
        if is_unique && !are_numbers {
            found.push(lookup.key.clone());
        }
        for columns in unique_keys {
            let Some(fields) = lookup.fields_of(columns) else {
                continue;
            };
            let has_key = is_unique && lookup.key.iter().all(|at| fields.contains(at));
            // An `insert_only` column of a row that is there is not loaded.
            let are_loaded = fields.iter().all(|at| lookup.compared.contains(at));
            if !has_key && are_loaded && !found.contains(&fields) {
                found.push(fields);
            }
        }
        found
    }

    /// Rows of different keys that are equal in these fields, or in the key itself if they are its
    /// fields. Fields that something was found in say nothing, and NULL is equal to nothing.
    fn equal_in(
        &mut self,
        fields: &[usize],
        rows: &mut Spool,
        findings: &mut Findings,
    ) -> anyhow::Result<()> {
        let lookup = self.lookup;
        let width = lookup.columns.len();
        let (mut entries, mut given) = (Vec::new(), Vec::new());
        for at in 0..rows.entries.len() {
            let row = rows.row(at)?;
            let line = |field: usize| row[2 * width + field].parse().unwrap_or_default();
            let is_told = fields.iter().all(|field| {
                &row[*field] != NULL && !findings.has(line(*field), Some(&lookup.columns[*field]))
            });
            if is_told {
                let line = match fields {
                    [field] => line(*field),
                    _ => rows.entries[at].line,
                };
                entries.push((line, at));
                given.push(fields.iter().map(|field| &row[*field]).collect::<Record>());
            }
        }
        let by_values = Lookup {
            key: fields.to_vec(),
            ..lookup.clone()
        };
        let mut pairs = self.target.equal_keys(&by_values, &given)?;
        // A key that is there twice was told.
        pairs.retain(|(at, first)| {
            rows.entries[entries[*at].1].key != rows.entries[entries[*first].1].key
        });
        // What the database has may come back: its rule is another one than that of the column.
        let both: Vec<Record> = pairs
            .iter()
            .flat_map(|(at, first)| [given[*at].clone(), given[*first].clone()])
            .collect();
        let mut present = KeySet::new();
        for batch in both.chunks(BATCH) {
            let rows = self.target.rows_by_key(&by_values, batch)?;
            present.extend(rows.iter().map(|row| owned(&by_values.key_of(row))));
        }
        let is_present = |at: usize| present.contains(&owned(&given[at]));
        pairs.retain(|(at, first)| {
            given[*at] == given[*first] || !(is_present(*at) && is_present(*first))
        });
        for (at, first) in pairs {
            let mut two = [
                (entries[first].0, &given[first]),
                (entries[at].0, &given[at]),
            ];
            two.sort_by_key(|(line, _)| *line);
            let [(line, value), (later, other)] = two;
            let is_same = match value == other {
                true => format!("is also in line {line}"),
                false => format!(
                    "is the same to the database as {} in line {line}",
                    values(value)
                ),
            };
            let shown = shown_key(&by_values, other);
            match fields {
                _ if fields == lookup.key => {
                    findings.add(later, None, format!("the key {shown} {is_same}"));
                }
                [field] => findings.add(
                    later,
                    Some(&lookup.columns[*field]),
                    format!("{} {is_same}, and this column is unique", values(other)),
                ),
                _ => findings.add(
                    later,
                    None,
                    format!("{shown} {is_same}, and these columns are unique together"),
                ),
            }
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
