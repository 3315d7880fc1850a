//! Which databases there are: names, labels and connection strings that never print their secrets.

use crate::settings::rehearsal::{RehearsalSetting, RehearsalSettings};
use serde::{Deserialize, Serialize};

use crate::model::limits::Limits;
use crate::model::max_delete::MaxDelete;
use crate::model::migrations::migration::{OutOfOrder, UnrecordedPolicy};
use crate::model::url::DatabaseUrl;
use crate::problem::Problem;
use crate::settings::drift::DriftPolicy;

/// A named database of the pipeline.
/// What a promotion does with rows that were edited on its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnTargetEdit {
    /// Writes the source's rows over them, and says so.
    Overwrite,
    /// Leaves them as they are.
    Keep,
    /// Does not start.
    Refuse,
}

#[derive(Debug, Clone)]
pub struct Environment {
    pub name: String,
    /// The project that all environments belong to, where the configuration names it.
    pub project: Option<String>,
    pub label: String,
    pub url_variable: String,
    /// The checked URL, or why there is none.
    pub url: Result<DatabaseUrl, Problem>,
    /// The texts a person types, in order, before this environment is written.
    pub confirm: Vec<String>,
    pub checklist: Vec<String>,
    pub require_plan: bool,
    pub on_target_edit: OnTargetEdit,
    /// What drift does to a promotion to it; without a word the confirmations decide.
    pub drift: Option<DriftPolicy>,
    /// How many rows of a lookup table may go there, where the table says nothing.
    pub max_delete: Option<MaxDelete>,
    pub out_of_order: OutOfOrder,
    pub rehearsal: RehearsalSettings,
    /// Whether migrations have to be tried on a copy first; without a word the confirmations decide.
    pub require_rehearsal: Option<bool>,
    /// The same of migrations of which it is not known what ran on the source.
    pub unrecorded: Option<UnrecordedPolicy>,
    /// Of the sessions that write to it.
    pub limits: Limits,
}

impl Environment {
    /// The checked URL.
    ///
    /// # Errors
    /// `env_not_set` or `url_invalid`, as found when the configuration was read.
    pub fn url(&self) -> Result<&DatabaseUrl, Problem> {
        self.url.as_ref().map_err(Clone::clone)
    }

    /// An error of its database, with the environment and the variable to look at.
    pub fn blame(&self, error: anyhow::Error) -> anyhow::Error {
        let problem = Problem::of(&error);
        Problem {
            message: format!(
                "{} ({}): {}",
                self.label, self.url_variable, problem.message
            ),
            ..problem
        }
        .into()
    }

    /// More than one confirmation marks the environment that hurts: what warns elsewhere blocks.
    pub fn is_strict(&self) -> bool {
        self.confirm.len() > 1
    }

    /// Whether migrations that were not tried on a copy are refused. Whoever switches rehearsals off
    /// says that they are not.
    pub fn requires_rehearsal(&self) -> bool {
        let by_confirmations = self.is_strict() && self.rehearsal.mode != RehearsalSetting::Off;
        self.require_rehearsal.unwrap_or(by_confirmations)
    }

    /// Whether migrations of which it is not known what ran on the source are refused.
    pub fn refuses_unrecorded(&self) -> bool {
        self.unrecorded.map_or(self.is_strict(), |policy| {
            policy == UnrecordedPolicy::Refuse
        })
    }
}
