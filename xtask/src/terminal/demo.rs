//! What the demo tells around the results of its steps.

use std::fmt::Write as _;

use console::style;

use super::Screen;

/// Commands to go on with, and what they are for.
pub struct Way {
    pub purpose: String,
    pub commands: Vec<String>,
}

impl Screen {
    /// A line or more of the story.
    pub fn narrate(&self, text: &str) {
        self.aside(&format!("{text}\n"));
    }

    /// The beginning of a part, with what a person would type for it.
    pub fn chapter(&self, number: usize, title: &str, command: Option<&str>) {
        let mut text = format!("\n{}\n", style(format!("── {number}. {title} ──")).bold());
        if let Some(command) = command {
            let _ = writeln!(text, "$ {command}");
        }
        self.aside(&format!("{text}\n"));
    }

    /// Commands fit to be pasted.
    pub fn commands(&self, ways: &[Way]) {
        let mut text = String::new();
        for way in ways {
            let _ = writeln!(text, "\n{}:", way.purpose);
            for command in &way.commands {
                let _ = writeln!(text, "  {command}");
            }
        }
        self.aside(&text);
    }
}
