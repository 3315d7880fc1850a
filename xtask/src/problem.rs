//! What went wrong, in the words that users, pipelines and tests rely on.

use std::fmt;

use serde::Serialize;

/// The stable name of a problem; `docs/REFERENCE.md` explains each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    // Wrong usage or configuration.
    Usage,
    ConfigInvalid,
    EnvNotSet,
    UrlInvalid,
    // Refused: a rule says no, nothing was tried.
    GoldenRule,
    SameDatabase,
    BackendMismatch,
    WrongStamp,
    SourceBehindTarget,
    OutOfOrder,
    UnknownMigration,
    EditedMigration,
    UnrecordedMigration,
    DuplicateVersion,
    StaleBuild,
    NotTransactional,
    Destructive,
    Drift,
    MissingTable,
    TableMismatch,
    ColumnMismatch,
    NotATable,
    NotText,
    StaleView,
    NoKey,
    DuplicateKey,
    KeyTaken,
    ReferencedRows,
    CascadeToProtected,
    MissingParent,
    ExtraRows,
    TooManyDeletes,
    TargetEdited,
    EditedExport,
    UnclassifiedTable,
    NotRehearsed,
    PlanStale,
    NotInteractive,
    BackupUnknown,
    UnsafeSetting,
    // Failed: something was tried. The target is as it was unless the run was split.
    Unreachable,
    Busy,
    LockTimeout,
    StatementTimeout,
    MigrationFailed,
    ValueUncommitted,
    ConstraintViolated,
    BackupFailed,
    BackupUnproved,
    RestoreFailed,
    ProtectedRowsChanged,
    VerificationFailed,
    CsvInvalid,
    Failed,
    // An answer was lost: the target may be changed.
    OutcomeUnknown,
    // The person said no.
    Cancelled,
}

impl Code {
    /// Every code, for the reference and its test.
    pub const ALL: &[Code] = &[
        Code::Usage,
        Code::ConfigInvalid,
        Code::EnvNotSet,
        Code::UrlInvalid,
        Code::GoldenRule,
        Code::SameDatabase,
        Code::BackendMismatch,
        Code::WrongStamp,
        Code::SourceBehindTarget,
        Code::OutOfOrder,
        Code::UnknownMigration,
        Code::EditedMigration,
        Code::UnrecordedMigration,
        Code::DuplicateVersion,
        Code::StaleBuild,
        Code::NotTransactional,
        Code::Destructive,
        Code::Drift,
        Code::MissingTable,
        Code::TableMismatch,
        Code::ColumnMismatch,
        Code::NotATable,
        Code::NotText,
        Code::StaleView,
        Code::NoKey,
        Code::DuplicateKey,
        Code::KeyTaken,
        Code::ReferencedRows,
        Code::CascadeToProtected,
        Code::MissingParent,
        Code::ExtraRows,
        Code::TooManyDeletes,
        Code::TargetEdited,
        Code::EditedExport,
        Code::UnclassifiedTable,
        Code::NotRehearsed,
        Code::PlanStale,
        Code::NotInteractive,
        Code::BackupUnknown,
        Code::UnsafeSetting,
        Code::Unreachable,
        Code::Busy,
        Code::LockTimeout,
        Code::StatementTimeout,
        Code::MigrationFailed,
        Code::ValueUncommitted,
        Code::ConstraintViolated,
        Code::BackupFailed,
        Code::BackupUnproved,
        Code::RestoreFailed,
        Code::ProtectedRowsChanged,
        Code::VerificationFailed,
        Code::CsvInvalid,
        Code::Failed,
        Code::OutcomeUnknown,
        Code::Cancelled,
    ];

    /// The exit code of a run that ends with this problem and left the target as it was.
    pub fn exit_code(self) -> u8 {
        match self {
            Code::Usage | Code::ConfigInvalid | Code::EnvNotSet | Code::UrlInvalid => 2,
            Code::Unreachable
            | Code::Busy
            | Code::LockTimeout
            | Code::StatementTimeout
            | Code::MigrationFailed
            | Code::ValueUncommitted
            | Code::ConstraintViolated
            | Code::BackupFailed
            | Code::BackupUnproved
            | Code::RestoreFailed
            | Code::ProtectedRowsChanged
            | Code::VerificationFailed
            | Code::CsvInvalid
            | Code::Failed => 1,
            Code::OutcomeUnknown => CHANGED,
            Code::Cancelled => 5,
            _ => REFUSED,
        }
    }

    /// The name as it stands in JSON and in the reference.
    pub fn name(self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    }
}

/// One sentence that names the object, and the way out.
///
/// It is the reason for a refusal inside a plan (a blocker), and the error of everything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub code: Code,
    pub message: String,
    pub hint: Option<String>,
    /// Every single thing that is wrong, where the sentence sums up several.
    pub details: Vec<String>,
    /// The target is no longer as it was: some of what was to be done is committed.
    #[serde(skip_serializing_if = "is_false")]
    pub target_changed: bool,
    /// A plan has it as a blocker: whatever it is about, nothing was tried.
    #[serde(skip)]
    pub is_blocker: bool,
}

/// The exit code of a run that a rule refused.
pub const REFUSED: u8 = 4;

/// The exit code of a run that failed and left the target changed.
const CHANGED: u8 = 6;

fn is_false(is_so: &bool) -> bool {
    !*is_so
}

/// The way out where a database refused a row: it names the rule, and rarely the row.
pub const BROKEN_RULE: &str = "a rule of the target refuses a row, as only the load could tell. With --rows the plan shows every row that would change: mend those that break the rule that is named, or the rule, then run it again";

impl Problem {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Problem {
            code,
            message: message.into(),
            hint: None,
            details: Vec::new(),
            target_changed: false,
            is_blocker: false,
        }
    }

    /// The exit code of a run that ends with it.
    pub fn exit_code(&self) -> u8 {
        match self {
            _ if self.target_changed => CHANGED,
            _ if self.is_blocker => REFUSED,
            _ => self.code.exit_code(),
        }
    }

    /// As a reason in a plan not to begin.
    #[must_use]
    pub fn blocking(mut self) -> Self {
        self.is_blocker = true;
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }

    /// The coded problem inside an error, or the error's own words under the code `failed`.
    pub fn of(error: &anyhow::Error) -> Problem {
        error
            .chain()
            .find_map(|cause| cause.downcast_ref::<Problem>())
            .cloned()
            .unwrap_or_else(|| {
                Problem::new(Code::Failed, format!("{error:#}"))
                    .hint("mend what it names, then run it again")
            })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_found_under_context() {
        let error = anyhow::Error::new(Problem::new(Code::Busy, "locked")).context("on the way");
        assert_eq!(Problem::of(&error).code, Code::Busy);
        assert_eq!(Problem::of(&anyhow::anyhow!("other")).code, Code::Failed);
    }

    #[test]
    fn a_changed_target_has_an_exit_code_of_its_own() {
        let mut problem = Problem::new(Code::MigrationFailed, "failed");
        assert_eq!(problem.exit_code(), 1);
        assert!(!serde_json::to_string(&problem).unwrap().contains("target"));
        problem.target_changed = true;
        assert_eq!(problem.exit_code(), 6);
        assert!(
            serde_json::to_string(&problem)
                .unwrap()
                .contains("\"target_changed\":true")
        );
    }

    #[test]
    fn names_are_snake_case() {
        assert_eq!(Code::SourceBehindTarget.name(), "source_behind_target");
    }
}
