//! Everything that can be wrong with one file, found at once.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::Context as _;

use super::findings::Findings;
use super::header::{places, separator};
use super::rows::{shown_key, values};
use super::spool::{Filling, Spool};
use super::spreadsheet::{Kind, altered, objection};
use super::text::{NotUtf8, Reader, Row};
use crate::database::{MOST_BAD, Session};
use crate::files::ordinary;
use crate::model::backend::Backend;
use crate::model::rows::lookup::{Lookup, Source};
use crate::model::rows::row::{NULL, Record, compare_keys};
use crate::model::schema::catalog::{Catalog, Column};
use crate::model::words::counted;

/// How many rows go to the database at once.
const BATCH: usize = 1000;

/// How many new keys are compared with those that are gone.
const MOST_KEYS: usize = 1000;

/// The column whose values a field has: its own, or one of the parent that it names.
fn column_of<'catalog>(
    catalog: &'catalog Catalog,
    lookup: &Lookup,
    field: usize,
) -> Option<&'catalog Column> {
    match &lookup.sources[field] {
        Source::Column => catalog
            .tables
            .get(&lookup.table)?
            .columns
            .iter()
            .find(|column| column.name == lookup.columns[field]),
        Source::Link { link, field } => column_of(catalog, &lookup.links[*link].parent, *field),
    }
}

/// What a file is checked against.
pub(super) struct Check<'check> {
    pub(super) lookup: &'check Lookup,
    pub(super) catalog: &'check Catalog,
    pub(super) backend: Backend,
    pub(super) target: &'check mut dyn Session,
    /// A database's work, byte for byte, and so no spreadsheet's.
    pub(super) is_as_written: bool,
}

impl Check<'_> {
    /// Reads the file; its rows hold what the database would hold of them, then what the file has.
    ///
    /// # Errors
    /// What the file system or the database reports. What is wrong with the file is a finding.
    pub(super) fn file(
        &mut self,
        path: &Path,
        findings: &mut Findings,
    ) -> anyhow::Result<Option<Spool>> {
        let unreadable = || format!("failed to read {}", path.display());
        let mut input =
            BufReader::with_capacity(1 << 16, ordinary::open(path).with_context(unreadable)?);
        let first = input.fill_buf().with_context(unreadable)?;
        if first.is_empty() {
            let columns = self.lookup.columns.join(",");
            findings.add(
                0,
                None,
                format!("the file is empty: its first line names the columns, {columns}"),
            );
            return Ok(None);
        }
        if first.starts_with(&[0xff, 0xfe])
            || first.starts_with(&[0xfe, 0xff])
            || first[..first.len().min(2)].contains(&0)
        {
            findings.add(
                0,
                None,
                "the file is UTF-16, as spreadsheets write it: save it as CSV UTF-8 with commas",
            );
            return Ok(None);
        }
        if first.contains(&b'\r') && !first.contains(&b'\n') {
            findings.add(
                0,
                None,
                "the lines end with CR alone, as some spreadsheets write them: save the file with LF, from a text editor",
            );
            return Ok(None);
        }
        let has_mark = first.starts_with("\u{feff}".as_bytes());
        if has_mark {
            findings.add(1, None, "the file begins with a byte order mark, as spreadsheets write it: save it as UTF-8 without one, from a text editor");
        }
        let line = first
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        let separator = separator(&String::from_utf8_lossy(line), &self.lookup.columns);
        if separator != ',' {
            findings.add(1, None, format!("the fields are separated by {separator:?}, as spreadsheets do it: save it as CSV UTF-8 with commas"));
        }
        if has_mark {
            input.consume(3);
        }
        let mut reader = Reader {
            input,
            separator,
            line: 0,
            carriage_return: None,
        };
        let rows = self.rows(&mut reader, findings).with_context(unreadable)?;
        if let Some(line) = reader.carriage_return {
            findings.add(line, None, "the line ends with CR LF, as spreadsheets on Windows write it: save the file with LF, from a text editor");
        }
        Ok(rows)
    }

    fn rows(
        &mut self,
        reader: &mut Reader<BufReader<File>>,
        findings: &mut Findings,
    ) -> anyhow::Result<Option<Spool>> {
        let not_utf8 = |NotUtf8(line), findings: &mut Findings| {
            findings.add(
                line,
                None,
                "the line is not UTF-8: save the file as CSV UTF-8 with commas",
            );
        };
        let header = match reader.row()? {
            Some(Ok(header)) => header,
            Some(Err(broken)) => {
                not_utf8(broken, findings);
                return Ok(None);
            }
            None => {
                findings.add(0, None, "the file has no header");
                return Ok(None);
            }
        };
        tell_mistakes(&header, findings);
        let lookup = self.lookup;
        let table = self.catalog.tables.get(&lookup.table);
        let staying: Vec<&str> = table
            .iter()
            .flat_map(|table| &table.columns)
            .map(|column| column.name.as_str())
            .filter(|name| !lookup.columns.iter().any(|field| field == name))
            .collect();
        let places = places(
            &header.fields,
            header.line,
            &lookup.columns,
            &staying,
            findings,
        );
        if places.iter().all(Option::is_none) {
            return Ok(None);
        }
        let mut filling = Filling::new()?;
        let mut batch = Vec::new();
        loop {
            match reader.row()? {
                Some(Ok(row)) if !row.mistakes.is_empty() => tell_mistakes(&row, findings),
                Some(Ok(row)) if row.fields.len() != header.fields.len() => {
                    findings.add(row.line, None, ragged(&row, header.fields.len()));
                }
                Some(Ok(row)) => batch.push(row),
                Some(Err(broken)) => {
                    not_utf8(broken, findings);
                    break;
                }
                None => break,
            }
            if batch.len() == BATCH {
                self.put_away(&mut batch, &places, &mut filling, findings)?;
            }
        }
        self.put_away(&mut batch, &places, &mut filling, findings)?;
        if lookup.key.iter().any(|at| places[*at].is_none()) {
            return Ok(None);
        }
        let mut rows = filling.sorted(&lookup.key_readings)?;
        self.compare(&mut rows, &places, findings)?;
        Ok(Some(rows))
    }

    /// Asks the database about the values of some rows, and puts the rows away.
    fn put_away(
        &mut self,
        batch: &mut Vec<Row>,
        places: &[Option<usize>],
        filling: &mut Filling,
        findings: &mut Findings,
    ) -> anyhow::Result<()> {
        let lookup = self.lookup;
        let batch = std::mem::take(batch);
        let given: Vec<Record> = batch
            .iter()
            .map(|row| {
                let field = |place: &Option<usize>| place.and_then(|at| row.fields.get(at));
                places
                    .iter()
                    .map(|place| field(place).unwrap_or(NULL))
                    .collect()
            })
            .collect();
        let canonical = if findings.is_cut {
            None
        } else {
            Some(self.target.canonical(lookup, &given)?)
        };
        let bad = canonical
            .as_ref()
            .map_or(&[][..], |canonical| &canonical.bad);
        findings.is_cut |= bad.len() >= MOST_BAD || findings.count >= MOST_BAD;
        for bad in bad {
            if let Some(place) = places[bad.field] {
                let line = batch[bad.row].line_of(place);
                findings.add(line, Some(&lookup.columns[bad.field]), &bad.words);
            }
        }
        let spelled = canonical
            .as_ref()
            .map_or(&given, |canonical| &canonical.rows);
        if !findings.is_cut {
            self.whole_rows(&batch, spelled, bad, places, findings)?;
        }
        for ((row, given), spelled) in batch.iter().zip(&given).zip(spelled) {
            for (at, name) in lookup.columns.iter().enumerate() {
                let Some(place) = places[at] else { continue };
                let is_key = lookup.key.contains(&at);
                let is_needed = lookup.sources[at] == Source::Column
                    && column_of(self.catalog, lookup, at).is_some_and(|column| !column.nullable);
                if &spelled[at] == NULL && (is_key || is_needed) {
                    let words = match is_key {
                        true => "`\\N` is NULL, and this column is part of the key",
                        false => "`\\N` is NULL, and this column is NOT NULL",
                    };
                    findings.add(row.line_of(place), Some(name), words);
                }
            }
            let key = lookup.key_of(spelled);
            let lines: Vec<String> = places
                .iter()
                .map(|place| {
                    place
                        .map_or(row.line, |place| row.line_of(place))
                        .to_string()
                })
                .collect();
            let both: Record = spelled
                .iter()
                .chain(given.iter())
                .chain(lines.iter().map(String::as_str))
                .collect();
            filling.add(key, row.line, &both)?;
        }
        Ok(())
    }

    /// Compares the rows with each other and with those of the database, both in key order.
    fn compare(
        &mut self,
        rows: &mut Spool,
        places: &[Option<usize>],
        findings: &mut Findings,
    ) -> anyhow::Result<()> {
        let lookup = self.lookup;
        let readings = &lookup.key_readings;
        let kinds: Vec<Kind> = (0..lookup.columns.len())
            .map(|at| {
                column_of(self.catalog, lookup, at)
                    .map_or(Kind::Other, |column| Kind::of(column, self.backend))
            })
            .collect();
        for pair in rows.entries.windows(2) {
            let is_same = compare_keys(&pair[0].key, &pair[1].key, readings) == Ordering::Equal;
            if is_same && !pair[0].key.iter().any(|field| field == NULL) {
                findings.add(
                    pair[1].line,
                    None,
                    format!(
                        "the key {} is also in line {}",
                        shown_key(lookup, &pair[1].key),
                        pair[0].line
                    ),
                );
            }
        }
        let (mut new, mut gone): (Vec<(u64, Record)>, Vec<Record>) = (Vec::new(), Vec::new());
        let mut present = self.target.rows(lookup)?.fuse();
        let mut next = present.next().transpose()?;
        for at in 0..rows.entries.len() {
            let found = loop {
                let Some(row) = &next else { break None };
                match compare_keys(&lookup.key_of(row), &rows.entries[at].key, readings) {
                    Ordering::Less => {
                        gone.push(lookup.key_of(row));
                        next = present.next().transpose()?;
                    }
                    Ordering::Equal => break next.as_ref(),
                    Ordering::Greater => break None,
                }
            };
            let row = rows.row(at)?;
            let width = lookup.columns.len();
            for field in 0..width {
                let line = row[2 * width + field].parse().unwrap_or_default();
                let name = &lookup.columns[field];
                if self.is_as_written || places[field].is_none() || findings.has(line, Some(name)) {
                    continue;
                }
                let before = found.and_then(|found| found.get(field));
                if let Some(words) =
                    objection(kinds[field], &row[width + field], &row[field], before)
                {
                    findings.suspect(line, Some(name), words);
                }
            }
            if !self.is_as_written && found.is_none() && new.len() < MOST_KEYS {
                new.push((rows.entries[at].line, lookup.key_of(&row)));
            }
            let is_last = rows
                .entries
                .get(at + 1)
                .is_none_or(|next| next.key != rows.entries[at].key);
            if found.is_some() && is_last {
                next = present.next().transpose()?;
            }
        }
        gone.extend(next.map(|row| lookup.key_of(&row)));
        for row in present {
            gone.push(lookup.key_of(&row?));
        }
        for (line, key) in new {
            if let Some((before, what)) = gone
                .iter()
                .find_map(|before| Some((before, altered_key(before, &key)?)))
            {
                findings.suspect(
                    line,
                    None,
                    format!(
                        "the key {} is new while {} is gone: a spreadsheet {what}",
                        shown_key(lookup, &key),
                        values(before)
                    ),
                );
            }
        }
        self.equal_rows(rows, findings)
    }
}

/// What a spreadsheet does that makes one key of the other.
fn altered_key(before: &Record, after: &Record) -> Option<&'static str> {
    let mut found = None;
    for (before, after) in before.iter().zip(after) {
        if before != after {
            found = Some(altered(before, after)?);
        }
    }
    found
}

fn tell_mistakes(row: &Row, findings: &mut Findings) {
    for (line, words) in &row.mistakes {
        findings.add(*line, None, words);
    }
}

fn ragged(row: &Row, wanted: usize) -> String {
    let first = row.fields.get(0).unwrap_or_default();
    if ["<<<<<<<", "=======", ">>>>>>>"]
        .iter()
        .any(|mark| first.starts_with(mark))
    {
        return "git left a conflict here: resolve it".to_owned();
    }
    let fields = counted(row.fields.len() as u64, "field");
    format!("{fields} where the header has {wanted}")
}
