//! The grammar of every task.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::model::backend::Backend;
use crate::model::schema::table::TableName;

/// The tasks of this workspace.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    version,
    arg_required_else_help = true
)]
pub struct Cli {
    #[command(subcommand)]
    pub task: Task,
}

#[derive(Debug, Subcommand)]
pub enum Task {
    /// Try it out: make three demo databases and bring them in step
    Demo {
        /// The kind of database
        #[arg(long, value_enum, default_value_t = BackendName::Sqlite)]
        backend: BackendName,
    },
    /// Run every test, on a PostgreSQL server that is started for them
    Test {
        /// Install PostgreSQL where it is missing
        #[arg(long)]
        install: bool,
        /// What to pass on to `cargo test`
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Apply pending migrations to Development
    Migrate {
        /// Run nothing: mark migrations that another program applied as known
        #[arg(long, group = "recording")]
        record: bool,
        /// Run nothing: mark the migrations up to this one as applied, where the schema is what they make
        #[arg(long, value_name = "VERSION", group = "recording")]
        baseline: Option<String>,
        /// The environment to record it of [default: the first of the pipeline]
        #[arg(long, value_name = "NAME", requires = "recording")]
        env: Option<String>,
        /// Overwrite what is recorded of these migrations
        #[arg(value_name = "MIGRATION", requires = "record")]
        migrations: Vec<String>,
        #[command(flatten)]
        confirmation: Confirmation,
        #[command(flatten)]
        options: Options,
    },
    /// Move schema and lookup data from one environment to the next
    #[command(arg_required_else_help = true)]
    Sync {
        #[command(flatten)]
        options: Options,
        #[command(subcommand)]
        command: SyncCommand,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum BackendName {
    Sqlite,
    Postgres,
}

impl From<BackendName> for Backend {
    fn from(name: BackendName) -> Self {
        match name {
            BackendName::Sqlite => Backend::Sqlite,
            BackendName::Postgres => Backend::Postgres,
        }
    }
}

/// Options of every command of `sync`.
#[derive(Debug, Clone, Default, Args)]
pub struct Options {
    /// The configuration [default: data-sync/sync.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A file of variables; never overrides one that is set [default: .env where there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
    /// What to print on standard output [default: text]
    #[arg(long, global = true, value_enum)]
    pub format: Option<Format>,
    /// Print results and problems only
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Print more, such as every table that is in sync
    #[arg(long, short, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Use colours [default: auto]
    #[arg(long, global = true, value_enum)]
    pub color: Option<Color>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
    Markdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum SyncCommand {
    /// Show every environment side by side, and what each promotion would do
    Status {
        /// Exit with 3 when anything is out of sync, or this promotion has something to do
        #[arg(long, value_name = "PROMOTION", num_args = 0..=1, default_missing_value = "")]
        check: Option<String>,
    },
    /// Show what a promotion would do
    Plan {
        /// Such as dev-to-test
        promotion: String,
        /// Show every row that would change, with its old and new values
        #[arg(long)]
        rows: bool,
        /// Write the plan to a file, for `--plan`
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Exit with 3 when there is something to do
        #[arg(long)]
        check: bool,
        /// Let this migration lose or change protected rows; may be given several times
        #[arg(long, value_name = "MIGRATION", alias = "allow-destructive")]
        allow_data_loss: Vec<String>,
        /// Let this lookup table lose more rows than `max_delete` allows; may be given several times
        #[arg(long, value_name = "TABLE", value_parser = TableName::parse)]
        allow_deletes: Vec<TableName>,
        /// End at this migration, and leave the later ones for another run
        #[arg(long, value_name = "VERSION")]
        until: Option<String>,
        /// Replace exported files that were edited and not imported
        #[arg(long)]
        discard_edits: bool,
    },
    /// Write lookup tables to CSV files in data-sync/exports
    Export {
        /// The environment to read [default: the first of the pipeline]
        #[arg(long, value_name = "NAME")]
        env: Option<String>,
        /// The tables [default: every lookup table]
        #[arg(value_name = "TABLE", value_parser = TableName::parse)]
        tables: Vec<TableName>,
        /// Replace exported files that were edited and not imported
        #[arg(long)]
        discard_edits: bool,
    },
    /// Load CSV files into the first environment
    Import {
        /// The first environment of the pipeline
        #[arg(long, value_name = "NAME")]
        env: String,
        /// The folder of the files [default: data-sync/exports/NAME]
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
        /// The tables [default: every lookup table that has a file]
        #[arg(value_name = "TABLE", value_parser = TableName::parse)]
        tables: Vec<TableName>,
        /// Show every row that would change, with its old and new values
        #[arg(long)]
        rows: bool,
        /// Show the plan and stop
        #[arg(long)]
        dry_run: bool,
        /// Let this lookup table lose more rows than `max_delete` allows; may be given several times
        #[arg(long, value_name = "TABLE", value_parser = TableName::parse)]
        allow_deletes: Vec<TableName>,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Bring rows that were edited in a later environment home to the first one, as CSV
    Adopt {
        /// The environment that was edited
        #[arg(long, value_name = "NAME")]
        from: String,
        /// The lookup tables
        #[arg(value_name = "TABLE", value_parser = TableName::parse, required = true)]
        tables: Vec<TableName>,
        /// Replace exported files that were edited and not imported
        #[arg(long)]
        discard_edits: bool,
    },
    /// Make a backup of an environment
    Backup {
        #[arg(long, value_name = "NAME")]
        env: String,
    },
    /// List the backups
    Backups {
        /// Of this environment only
        #[arg(long, value_name = "NAME")]
        env: Option<String>,
    },
    /// Prove a backup by restoring it into a database of its own
    Verify {
        /// A file of the backup folder
        backup: PathBuf,
    },
    /// Restore a backup (the present state is backed up first)
    Restore {
        #[arg(long, value_name = "NAME")]
        env: String,
        /// A file of the backup folder
        backup: PathBuf,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// List what was done to the environments
    History {
        /// To this environment only
        #[arg(long, value_name = "NAME")]
        env: Option<String>,
    },
    /// Mark a database as one of the environments, after a typed confirmation
    Stamp {
        /// The environment that it is from now on
        #[arg(long, value_name = "NAME")]
        env: String,
        /// Answer the question, word for word
        #[arg(long, value_name = "TEXT")]
        confirm: Option<String>,
    },
    // The promotions are added by name: see `command::grammar`.
    #[command(skip)]
    Promote {
        name: String,
        arguments: PromotionArguments,
    },
}

#[derive(Debug, Clone, Args)]
pub struct PromotionArguments {
    /// Show the plan and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Do exactly what this plan file says, or nothing
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Let this migration lose or change protected rows; may be given several times
    #[arg(long, value_name = "MIGRATION", alias = "allow-destructive")]
    pub allow_data_loss: Vec<String>,
    /// Let this lookup table lose more rows than `max_delete` allows; may be given several times
    #[arg(long, value_name = "TABLE", value_parser = TableName::parse)]
    pub allow_deletes: Vec<TableName>,
    /// End at this migration, and leave the later ones for another run
    #[arg(long, value_name = "VERSION")]
    pub until: Option<String>,
    /// Replace exported files that were edited and not imported
    #[arg(long)]
    pub discard_edits: bool,
    #[command(flatten)]
    pub confirmation: Confirmation,
}

/// Confirmation without a terminal.
#[derive(Debug, Clone, Args)]
pub struct Confirmation {
    /// Answer the first question with `yes`
    #[arg(long)]
    pub yes: bool,
    /// Answer the second question, word for word
    #[arg(long, value_name = "TEXT")]
    pub confirm: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }
}
