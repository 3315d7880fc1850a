//! What is wrong with one file, line by line.

/// How many findings of one file are told.
const SHOWN: usize = 50;

/// After so many nothing more is kept of them but their number.
const KEPT: usize = 1000;

pub(super) struct Findings {
    /// The file, as people write it.
    file: String,
    kept: Vec<(u64, Option<String>, String)>,
    pub(super) count: usize,
    /// There may be more that were not looked for.
    pub(super) is_cut: bool,
    /// Something looks like the work of a spreadsheet, and may be meant all the same.
    pub(super) is_suspected: bool,
}

impl Findings {
    pub(super) fn new(file: String) -> Self {
        Findings {
            file,
            kept: Vec::new(),
            count: 0,
            is_cut: false,
            is_suspected: false,
        }
    }

    /// `line` 0 is the file as a whole. One field is told once.
    pub(super) fn add(&mut self, line: u64, column: Option<&str>, words: impl Into<String>) {
        if column.is_some() && self.has(line, column) {
            return;
        }
        self.count += 1;
        if self.kept.len() < KEPT {
            self.kept
                .push((line, column.map(str::to_owned), words.into()));
        }
    }

    /// Adds what only looks wrong.
    pub(super) fn suspect(&mut self, line: u64, column: Option<&str>, words: String) {
        self.is_suspected = true;
        self.add(line, column, words);
    }

    pub(super) fn has(&self, line: u64, column: Option<&str>) -> bool {
        self.kept
            .iter()
            .any(|(at, name, _)| *at == line && name.as_deref() == column)
    }

    pub(super) fn details(mut self) -> Vec<String> {
        self.kept.sort_by_key(|(line, ..)| *line);
        let file = &self.file;
        let mut details: Vec<String> = self
            .kept
            .iter()
            .take(SHOWN)
            .map(|(line, column, words)| match (line, column) {
                (0, _) => format!("{file}: {words}"),
                (line, None) => format!("{file}: line {line}: {words}"),
                (line, Some(column)) => format!("{file}: line {line}, column `{column}`: {words}"),
            })
            .collect();
        let more = self.count - details.len();
        match (more, self.is_cut) {
            (0, false) => {}
            (0, true) => details.push(format!("{file}: there may be more")),
            (more, false) => details.push(format!("{file}: {more} more like these")),
            (more, true) => details.push(format!("{file}: at least {more} more like these")),
        }
        details
    }
}
