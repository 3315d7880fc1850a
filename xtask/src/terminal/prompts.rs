//! Asking a person, or checking what the flags answered in advance.

use dialoguer::Input;

use super::Screen;
use crate::cli::Confirmation;
use crate::problem::{Code, Problem};
use crate::settings::environment::Environment;

/// Every text of the environment was typed.
pub struct Confirmed(());

impl Screen {
    /// Asks for each text of the environment in turn. `command` is the one to use where nobody
    /// can be asked.
    ///
    /// # Errors
    /// `cancelled` for any other answer; `not_interactive` without a terminal and without the
    /// flags that answer in advance.
    pub fn confirm(
        &self,
        environment: &Environment,
        given: &Confirmation,
        what: &str,
        command: &str,
    ) -> anyhow::Result<Confirmed> {
        let flags = match environment.confirm.as_slice() {
            [_] => "--yes".to_owned(),
            [_, .., last] => format!("--yes --confirm \"{last}\""),
            [] => String::new(),
        };
        let command = format!("{command} {flags}");
        for (at, wanted) in environment.confirm.iter().enumerate() {
            let given = match at {
                0 if given.yes => Some(wanted.as_str()),
                0 => None,
                _ => given.confirm.as_deref(),
            };
            self.confirm_text(&environment.label, wanted, given, what, &command)?;
        }
        Ok(Confirmed(()))
    }

    /// Asks for one text. `command` is the whole one to use where nobody can be asked.
    ///
    /// # Errors
    /// As [`Screen::confirm`].
    pub fn confirm_text(
        &self,
        label: &str,
        wanted: &str,
        given: Option<&str>,
        what: &str,
        command: &str,
    ) -> anyhow::Result<Confirmed> {
        let is_wanted = match given {
            // A program has no reason to write it otherwise.
            Some(answer) => answer == wanted,
            None if self.interactive => {
                ask(&format!("{what} Type `{wanted}` to go on"))?.trim_end() == wanted
            }
            None => return Err(nobody_to_ask(label, command)),
        };
        if is_wanted {
            return Ok(Confirmed(()));
        }
        Err(Problem::new(
            Code::Cancelled,
            format!("cancelled: nothing was changed in {label}"),
        )
        .hint(format!(
            "to go on, the answer is `{wanted}`, letter for letter"
        ))
        .into())
    }
}

fn ask(question: &str) -> anyhow::Result<String> {
    let cancelled = |_| Problem::new(Code::Cancelled, "cancelled: nothing was changed");
    discard_input().map_err(cancelled)?;
    Input::<String>::new()
        .with_prompt(question)
        .allow_empty(true)
        .report(false)
        .interact_text_on(&console::Term::stderr())
        .map_err(|error| cancelled(error.into()).into())
}

/// A paste can arrive in pieces; those on the way come within this time.
#[cfg(unix)]
const PASTE: std::time::Duration = std::time::Duration::from_millis(100);

/// What was typed or pasted before a question is on the screen is no answer to it.
fn discard_input() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use rustix::termios::{QueueSelector, tcflush};
        std::thread::sleep(PASTE);
        tcflush(std::io::stdin(), QueueSelector::IFlush)?;
    }
    Ok(())
}

fn nobody_to_ask(label: &str, command: &str) -> anyhow::Error {
    Problem::new(
        Code::NotInteractive,
        format!("there is no terminal to confirm a change of {label} on"),
    )
    .hint(format!("run `{command}`"))
    .into()
}
