//! A page of Markdown that does not grow beyond what its reader takes.

/// A comment may have 65,536 characters; whoever posts it may want to add some.
pub(in crate::terminal) const COMMENT: usize = 60_000;

/// The summary of a step may have 1 MiB.
pub(super) const SUMMARY: usize = 1_000_000;

/// A longer table is cut.
const MOST_ROWS: usize = 100;

/// For the sentence that says that something was left out.
const RESERVE: usize = 400;

pub(super) struct Page {
    text: String,
    limit: usize,
    is_cut: bool,
}

/// A table, and what stands around it.
pub(super) struct Table<'text> {
    pub(super) header: &'text [&'text str],
    /// Finished cells.
    pub(super) rows: Vec<Vec<String>>,
    /// The title of a table that is folded, as HTML.
    pub(super) folded: Option<String>,
}

impl Page {
    pub(super) fn new(limit: usize) -> Self {
        Page {
            text: String::new(),
            limit: limit.saturating_sub(RESERVE),
            is_cut: false,
        }
    }

    /// A paragraph, heading or list, unless there is no room for it.
    pub(super) fn block(&mut self, block: &str) {
        let block = block.trim_end();
        if self.text.len() + block.len() + 2 > self.limit {
            self.is_cut = true;
        } else if !block.is_empty() {
            self.text.push_str(block);
            self.text.push_str("\n\n");
        }
    }

    /// As many rows as there is room for; nothing for a table without any.
    pub(super) fn table(&mut self, table: &Table<'_>) {
        if table.rows.is_empty() {
            return;
        }
        let (before, after) = match &table.folded {
            Some(title) => (
                format!("<details><summary>{title}</summary>\n\n"),
                "\n\n</details>",
            ),
            None => (String::new(), ""),
        };
        let mut text = format!(
            "{before}{}|{}",
            line(table.header.iter().copied()),
            " --- |".repeat(table.header.len())
        );
        let room = self
            .limit
            .saturating_sub(self.text.len() + after.len() + 40);
        let mut shown = 0;
        for row in table.rows.iter().take(MOST_ROWS) {
            let row = format!("\n{}", line(row.iter().map(String::as_str)).trim_end());
            if text.len() + row.len() > room {
                self.is_cut = true;
                break;
            }
            text.push_str(&row);
            shown += 1;
        }
        let more = table.rows.len() - shown;
        if more > 0 {
            text.push_str(&format!("\n\nand {more} more"));
        }
        if shown > 0 {
            self.block(&format!("{text}{after}"));
        }
    }

    /// The whole page; `all` says where there is all of it.
    pub(super) fn finish(self, all: &str) -> String {
        let mut text = self.text.trim_end().to_owned();
        if self.is_cut {
            text.push_str(&format!(
                "\n\n**Something was left out**, because the page would have become too long. {all}"
            ));
        }
        text.push('\n');
        text
    }
}

fn line<'cell>(cells: impl Iterator<Item = &'cell str>) -> String {
    let mut text = "|".to_owned();
    for cell in cells {
        text.push_str(&format!(" {cell} |"));
    }
    text.push('\n');
    text
}
