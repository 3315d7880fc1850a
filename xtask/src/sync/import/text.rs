//! Reading the CSV of people: strictly, and with the number of every line.

use std::io::BufRead;

use crate::model::rows::row::Record;

/// A row as it stands in a file.
pub(super) struct Row {
    /// Where it begins.
    pub(super) line: u64,
    pub(super) fields: Record,
    /// What is wrong with how it is written, and in which line.
    pub(super) mistakes: Vec<(u64, String)>,
}

impl Row {
    /// The line on which a field begins: quoted values before it may be several lines long.
    pub(super) fn line_of(&self, field: usize) -> u64 {
        let breaks = self.fields.iter().take(field);
        self.line
            + breaks
                .map(|field| field.matches('\n').count() as u64)
                .sum::<u64>()
    }
}

pub(super) struct Reader<Input> {
    pub(super) input: Input,
    pub(super) separator: char,
    /// The number of the line that was read last.
    pub(super) line: u64,
    /// The first line that ends with CR LF.
    pub(super) carriage_return: Option<u64>,
}

/// A line that is no text.
pub(super) struct NotUtf8(pub(super) u64);

#[derive(Clone, Copy, PartialEq)]
enum State {
    Start,
    Bare,
    Quoted,
    Closed,
}

impl<Input: BufRead> Reader<Input> {
    fn next_line(&mut self) -> anyhow::Result<Option<Result<String, NotUtf8>>> {
        let mut line = Vec::new();
        if self.input.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        self.line += 1;
        Ok(Some(
            String::from_utf8(line).map_err(|_| NotUtf8(self.line)),
        ))
    }

    /// The next row; lines with nothing in them are none.
    pub(super) fn row(&mut self) -> anyhow::Result<Option<Result<Row, NotUtf8>>> {
        let mut line = loop {
            match self.next_line()? {
                None => return Ok(None),
                Some(Err(broken)) => return Ok(Some(Err(broken))),
                Some(Ok(line)) if line.trim_end_matches(['\r', '\n']).is_empty() => {}
                Some(Ok(line)) => break line,
            }
        };
        let mut row = Row {
            line: self.line,
            fields: Record::new(),
            mistakes: Vec::new(),
        };
        let (mut state, mut field, mut opened) = (State::Start, String::new(), self.line);
        loop {
            let mut letters = line.chars().peekable();
            while let Some(letter) = letters.next() {
                state = match (state, letter) {
                    (State::Quoted, '"') => State::Closed,
                    (State::Quoted, letter) => {
                        field.push(letter);
                        State::Quoted
                    }
                    (_, '\n') => state,
                    (_, '\r') if letters.peek() == Some(&'\n') => {
                        self.carriage_return.get_or_insert(self.line);
                        state
                    }
                    (_, letter) if letter == self.separator => {
                        row.fields.push_field(&field);
                        field.clear();
                        State::Start
                    }
                    (State::Start, '"') => {
                        opened = self.line;
                        State::Quoted
                    }
                    (State::Closed, '"') => {
                        field.push('"');
                        State::Quoted
                    }
                    (before, letter) => {
                        let mistake = match (before, letter) {
                            (State::Closed, _) => Some("something follows a closing quote"),
                            (_, '"') => Some("a quote stands in a value that is not in quotes"),
                            (_, '\r') => Some("a carriage return stands outside of quotes"),
                            _ => None,
                        };
                        if let Some(mistake) = mistake {
                            row.mistakes.push((self.line, mistake.to_owned()));
                        }
                        field.push(letter);
                        State::Bare
                    }
                };
            }
            if state != State::Quoted {
                break;
            }
            match self.next_line()? {
                Some(Ok(next)) => line = next,
                Some(Err(broken)) => return Ok(Some(Err(broken))),
                None => {
                    let words = "the quote that is opened here is never closed";
                    row.mistakes.push((opened, words.to_owned()));
                    break;
                }
            }
        }
        row.fields.push_field(&field);
        Ok(Some(Ok(row)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Row> {
        let mut reader = Reader {
            input: text.as_bytes(),
            separator: ',',
            line: 0,
            carriage_return: None,
        };
        let mut rows = Vec::new();
        while let Some(row) = reader.row().unwrap() {
            rows.push(row.ok().unwrap());
        }
        rows
    }

    #[test]
    fn lines_are_counted_through_quotes() {
        let rows = read("a,b\n\n\"x\ny\",\"z\"\"\"\n,\n");
        let lines: Vec<u64> = rows.iter().map(|row| row.line).collect();
        assert_eq!(lines, [1, 3, 5]);
        assert_eq!(rows[1].fields, Record::from(vec!["x\ny", "z\""]));
        assert_eq!((rows[1].line_of(0), rows[1].line_of(1)), (3, 4));
        assert_eq!(rows[2].fields, Record::from(vec!["", ""]));
    }

    #[test]
    fn mistakes_are_named_with_their_lines() {
        let mistakes = |text: &str| -> Vec<(u64, String)> {
            read(text)
                .into_iter()
                .flat_map(|row| row.mistakes)
                .collect()
        };
        assert_eq!(mistakes("a\n\"b\n")[0].0, 2);
        assert!(mistakes("5\" pipe\n")[0].1.contains("not in quotes"));
        assert!(mistakes("\"a\"b\n")[0].1.contains("closing quote"));
        assert_eq!(mistakes("a\n\"\"\"b\"\"\n,\"\n"), []);
    }
}
