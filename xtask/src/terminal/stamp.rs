//! What a database says of itself, before and after it was stamped.

use console::style;

use super::Screen;
use super::plain::line;
use crate::model::ledger::Stamp;
use crate::sync::history::moment::to_the_second;
use crate::sync::stamp::{StampReport, Unstamped};

impl Screen {
    /// Which database it is, and what its stamp says now.
    pub fn about_to_stamp(&self, unstamped: &Unstamped) {
        self.aside(&format!(
            "{} ({})\n  database: {}\n  holds: {}\n  stamp: {}\n",
            style(&unstamped.label).bold(),
            unstamped.url_variable,
            unstamped.database,
            unstamped.holds,
            says(unstamped.stamp.as_ref())
        ));
    }

    pub fn stamped(&self, report: &StampReport) {
        let text = format!(
            "{} the database behind {} is stamped as {}\n  before: {}\n",
            style("done:").green().bold(),
            report.environment,
            says(Some(&report.stamp)),
            says(report.before.as_ref())
        );
        self.result(report, &text);
    }
}

fn says(stamp: Option<&Stamp>) -> String {
    let Some(stamp) = stamp else {
        return "none".to_owned();
    };
    let project = stamp.project.as_ref().map_or(String::new(), |project| {
        format!(" of project `{}`", line(project))
    });
    format!(
        "`{}`{project} since {}, database id {}",
        line(&stamp.environment),
        line(to_the_second(&stamp.since)),
        line(&stamp.database_id)
    )
}
