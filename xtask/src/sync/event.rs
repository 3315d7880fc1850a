//! What happens while a promotion runs, for whoever wants to show it.

/// Something that began or moved on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The next of `total` steps begins.
    Step {
        number: usize,
        total: usize,
        title: String,
    },
    /// A table or a migration inside the step.
    Detail(String),
    /// Something that everybody is told who reads the steps.
    Note(String),
    /// Work on what the last detail named goes on; so many rows are done.
    Rows(u64),
}

/// Takes events; it cannot stop or change what happens.
pub type Events<'reader> = dyn FnMut(Event) + 'reader;

/// How many rows pass between two events.
const STRIDE: u64 = 5000;

/// Passes rows on and tells of them now and then.
pub fn counted<'rows, Row>(
    rows: impl Iterator<Item = Row> + 'rows,
    events: &'rows mut Events<'_>,
) -> impl Iterator<Item = Row> + 'rows {
    let mut count = 0;
    rows.inspect(move |_| {
        count += 1;
        if count % STRIDE == 0 {
            events(Event::Rows(count));
        }
    })
}
