//! Asking a person, or checking what the flags answered in advance.

use dialoguer::Input;

use super::Screen;
use crate::cli::Confirmation;
use crate::problem::{Code, Problem};
use crate::sync::environment::Environment;

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
        for (at, wanted) in environment.confirm.iter().enumerate() {
            let answer = match at {
                0 if given.yes => Some(wanted.clone()),
                0 => None,
                _ => given.confirm.clone(),
            };
            let answer = match answer {
                Some(answer) => answer,
                None if self.interactive => ask(&format!("{what} Type `{wanted}` to go on"))?,
                None => return Err(nobody_to_ask(environment, command)),
            };
            if answer.trim() != wanted && !self.interactive {
                return Err(nobody_to_ask(environment, command));
            }
            if answer.trim() != wanted {
                return Err(Problem::new(
                    Code::Cancelled,
                    format!("cancelled: nothing was changed in {}", environment.label),
                )
                .hint(format!(
                    "to go on, the answer is `{wanted}`, letter for letter"
                ))
                .into());
            }
        }
        Ok(Confirmed(()))
    }
}

fn ask(question: &str) -> anyhow::Result<String> {
    Input::<String>::new()
        .with_prompt(question)
        .allow_empty(true)
        .report(false)
        .interact_text_on(&console::Term::stderr())
        .map_err(|_| Problem::new(Code::Cancelled, "cancelled: nothing was changed").into())
}

fn nobody_to_ask(environment: &Environment, command: &str) -> anyhow::Error {
    let flags = match environment.confirm.as_slice() {
        [_] => "--yes".to_owned(),
        [_, .., last] => format!("--yes --confirm \"{last}\""),
        [] => String::new(),
    };
    Problem::new(
        Code::NotInteractive,
        format!(
            "there is no terminal to confirm a change of {} on",
            environment.label
        ),
    )
    .hint(format!("run `{command} {flags}`"))
    .into()
}
