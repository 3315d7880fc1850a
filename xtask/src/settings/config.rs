//! What the workspace says: `data-sync/sync.toml`, the variables and `.env`, checked once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::model::migrations::migration::Origin;
pub use crate::model::rows::lookup::settings::{ExtraRows, LookupSettings, Retire, RetiredValue};
use crate::model::schema::table::TableName;
use crate::model::words::shell_word;
use crate::problem::{Code, Problem};
use crate::settings::config_file::{File, readable};
use crate::settings::drift::DriftSettings;
use crate::settings::environment::Environment;
use crate::settings::pipeline::{Promotion, golden_rule, pipeline};
use crate::settings::row_source::RowSource;
use crate::settings::variables::{Variables, operator};

/// The configuration file, relative to the workspace root.
pub const DEFAULT_FILE: &str = "data-sync/sync.toml";

/// Everything a command needs to know from outside; after it nobody reads a file or a variable.
#[derive(Debug, Clone)]
pub struct Config {
    pub root: PathBuf,
    /// The environments in order: a promotion goes from one to the next.
    pub pipeline: Vec<Environment>,
    pub backup: BackupSettings,
    /// Where CSV exports go, absolute.
    pub export_dir: PathBuf,
    /// Which differences of schemas count.
    pub drift: DriftSettings,
    pub protected: Vec<TableName>,
    pub lookups: Vec<LookupSettings>,
    /// Where the migrations come from.
    pub migrations: Origin,
    /// The login name of whoever runs this, for the ledger.
    pub operator: String,
    /// The file that a pipeline shows as the summary of its step.
    pub summary: Option<PathBuf>,
    /// The migrations that may lose or change protected rows: names or versions.
    pub allow_data_loss: Vec<String>,
    /// The lookup tables that may lose more rows than `max_delete` allows.
    pub allow_deletes: Vec<TableName>,
    /// The migration, by name or version, that a promotion ends at.
    pub until: Option<String>,
    /// Exports that were edited may be replaced.
    pub discard_edits: bool,
    /// The options that lead here again, such as ` --env-file other.env`: a command that is shown
    /// to be pasted ends with them, so that it cannot reach other databases than this one did.
    pub options: String,
}

#[derive(Debug, Clone)]
pub struct BackupSettings {
    /// Absolute.
    pub dir: PathBuf,
    /// How many backups of one environment stay.
    pub keep: usize,
    /// How far a backup is to be proved; the manifest says how far it was.
    pub verify: Verify,
}

/// How far a backup is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verify {
    /// By restoring it into a database of its own, and comparing all that it holds.
    #[default]
    Restore,
    /// By reading it to its end.
    Archive,
}

impl Config {
    /// The promotions of the pipeline, in order.
    pub fn promotions(&self) -> impl Iterator<Item = Promotion<'_>> {
        self.pipeline.windows(2).map(|pair| Promotion {
            from: RowSource::Environment(&pair[0]),
            to: &pair[1],
        })
    }

    /// The promotion of that name.
    ///
    /// # Errors
    /// `golden_rule` when the name joins two environments that are not neighbours, with the
    /// commands that do it properly; `usage` for any other name.
    pub fn promotion(&self, name: &str) -> Result<Promotion<'_>, Problem> {
        if let Some(promotion) = self.promotions().find(|promotion| promotion.name() == name) {
            return Ok(promotion);
        }
        Err(golden_rule(name, &self.names()))
    }

    fn names(&self) -> Vec<&str> {
        self.pipeline.iter().map(|end| end.name.as_str()).collect()
    }

    /// The environment of that name.
    ///
    /// # Errors
    /// `usage`, naming the environments there are.
    pub fn environment(&self, name: &str) -> Result<&Environment, Problem> {
        self.pipeline
            .iter()
            .find(|environment| environment.name == name)
            .ok_or_else(|| {
                Problem::new(Code::Usage, format!("there is no environment `{name}`"))
                    .hint(format!("the environments are {}", self.names().join(", ")))
            })
    }

    /// The environment of that name, or the first where none is given.
    ///
    /// # Errors
    /// As [`Config::environment`].
    pub fn environment_or_first(&self, name: Option<&str>) -> anyhow::Result<&Environment> {
        match name {
            Some(name) => Ok(self.environment(name)?),
            None => self
                .pipeline
                .first()
                .ok_or_else(|| anyhow::anyhow!("the pipeline is empty")),
        }
    }

    /// Reads and checks the configuration and the variables.
    ///
    /// `file` is the configuration; `env_file` a file of variables, which never overrides one
    /// that is set; a missing default `.env` is no error, a missing named one is.
    ///
    /// # Errors
    /// `config_invalid`, naming the file, and the key where there is one.
    pub fn load(
        root: &Path,
        file: Option<&Path>,
        env_file: Option<&Path>,
    ) -> anyhow::Result<Config> {
        let path = file.map_or_else(|| root.join(DEFAULT_FILE), Path::to_path_buf);
        let text = crate::files::ordinary::read_text(&path).map_err(|error| {
            Problem::new(
                Code::ConfigInvalid,
                format!("failed to read {}: {error}", path.display()),
            )
            .hint("--config takes a file, from the current folder; without it the workspace's own is read")
        })?;
        let variables = Variables::read(root, env_file)?;
        let mut config =
            Config::parse(&text, root, |name| variables.get(name)).map_err(|problem| Problem {
                message: format!("{}: {}", path.display(), problem.message),
                ..problem
            })?;
        for (option, given) in [("--config", file), ("--env-file", env_file)] {
            if let Some(given) = given {
                let given = shell_word(&given.display().to_string());
                config.options.push_str(&format!(" {option} {given}"));
            }
        }
        Ok(config)
    }

    /// Checks the text of a configuration; `variable` looks up an environment variable.
    ///
    /// # Errors
    /// `config_invalid`.
    pub fn parse(
        text: &str,
        root: &Path,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Config, Problem> {
        let file: File = toml::from_str(text).map_err(|error| readable(&error, text))?;
        let invalid = |message: String| Problem::new(Code::ConfigInvalid, message);
        if file
            .project
            .as_ref()
            .is_some_and(|name| name.trim().is_empty())
        {
            return Err(invalid("`project` is empty".to_owned())
                .hint("give the project a name, or leave the key out"));
        }
        let pipeline = pipeline(
            file.environment,
            file.drift.policy,
            file.project.as_deref(),
            root,
            &variable,
        )?;
        let protected: Vec<TableName> = [
            file.protected,
            file.backup.protected,
            file.export.protected,
            file.drift.protected.clone(),
        ]
        .concat();
        let mut seen = BTreeMap::new();
        for table in &protected {
            seen.insert(table.clone(), "protected");
        }
        for lookup in &file.lookup {
            match seen.insert(lookup.table.clone(), "a lookup") {
                None => {}
                Some("protected") => {
                    return Err(invalid(format!(
                        "table `{}` is listed both as a lookup and as protected",
                        lookup.table
                    ))
                    .hint(
                        "a lookup table is overwritten, a protected one never: keep one of the two",
                    ));
                }
                Some(_) => {
                    return Err(invalid(format!(
                        "lookup table `{}` is listed twice",
                        lookup.table
                    ))
                    .hint("keep one of the two [[lookup]] sections"));
                }
            }
            lookup.check()?;
        }
        Ok(Config {
            root: root.to_path_buf(),
            pipeline,
            backup: BackupSettings {
                dir: root.join(file.backup.dir),
                keep: file.backup.keep.max(1),
                verify: file.backup.verify,
            },
            export_dir: root.join(file.export.dir),
            drift: file.drift.settings()?,
            protected,
            lookups: file.lookup,
            migrations: Origin::Embedded,
            summary: variable("GITHUB_STEP_SUMMARY")
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
            operator: operator(&variable),
            allow_data_loss: Vec::new(),
            allow_deletes: Vec::new(),
            until: None,
            discard_edits: false,
            options: String::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, Problem> {
        Config::parse(text, Path::new("/workspace"), |name| {
            (name == "DEV_DATABASE_URL").then(|| "sqlite:dev.db".to_owned())
        })
    }

    #[test]
    fn an_empty_file_has_the_three_environments() {
        let config = parse("").unwrap();
        let names: Vec<_> = config
            .promotions()
            .map(|promotion| promotion.name())
            .collect();
        assert_eq!(names, ["dev-to-test", "test-to-prod"]);
        assert_eq!(config.pipeline[1].confirm, ["yes"]);
        assert_eq!(config.pipeline[2].confirm, ["yes", "SYNC TO PRODUCTION"]);
        assert!(config.pipeline[0].url.is_ok());
        let problem = config.pipeline[1].url().unwrap_err();
        assert_eq!(problem.code, Code::EnvNotSet);
        assert!(problem.message.contains("TEST_DATABASE_URL"));
    }

    #[test]
    fn drift_follows_the_confirmations_unless_something_is_said() {
        let refusing = |text: &str| -> Vec<bool> {
            let environments = parse(text).unwrap().pipeline;
            environments
                .iter()
                .map(Environment::refuses_drift)
                .collect()
        };
        assert_eq!(refusing(""), [false, false, true]);
        assert_eq!(refusing("[drift]\npolicy = \"refuse\""), [true, true, true]);
        assert_eq!(
            refusing("[drift]\npolicy = \"warn\""),
            [false, false, false]
        );
        let listed = "[[environment]]\nname = \"a\"\nurl_env = \"A\"\n\
             [[environment]]\nname = \"b\"\nurl_env = \"B\"\ndrift = \"refuse\"\n";
        assert_eq!(refusing(listed), [false, true]);
        assert_eq!(
            refusing(&format!("{listed}[drift]\npolicy = \"warn\"")),
            [false, true]
        );
    }

    #[test]
    fn protected_below_a_section_is_the_same_list() {
        let config = parse(
            "[export]\ndir = \"x\"\n\nprotected = [\"users\"]\n[[lookup]]\ntable = \"fees\"\n",
        )
        .unwrap();
        assert_eq!(config.protected.len(), 1);
        assert_eq!(config.export_dir, Path::new("/workspace/x"));
    }

    #[test]
    fn bad_configurations_are_named() {
        for (text, message, hint) in [
            ("protectd = []", "unknown key `protectd`", "`protected`"),
            (
                "[[lookup]]\ntable = \"a\"\nextra_row = \"keep\"",
                "line 3: unknown key `extra_row`",
                "`extra_rows`",
            ),
            (
                "protected = [\"a\"]\n[[lookup]]\ntable = \"a\"",
                "table `a` is listed both",
                "keep one",
            ),
            (
                "[[lookup]]\ntable = \"a\"\n[[lookup]]\ntable = \"a\"",
                "listed twice",
                "keep one",
            ),
            (
                "[[lookup]]\ntable = \"a\"\nwhere = \"1; drop table users\"",
                "one SQL expression",
                "for example",
            ),
            (
                "[[lookup]]\ntable = \"a\"\nretire = { active = false }\nextra_rows = \"keep\"",
                "both `retire` and `extra_rows`",
                "leave out extra_rows",
            ),
            (
                "[[lookup]]\ntable = \"a\"\nretire = {}",
                "`retire` of `a` names no column",
                "active = false",
            ),
            (
                "[[lookup]]\ntable = \"a\"\nretire = { n = 1.5 }",
                "line 3: a column of `retire` is set to true or false, a whole number or a text",
                "docs/REFERENCE.md",
            ),
            (
                "[[environment]]\nname = \"dev\"\nurl_env = \"A\"",
                "at least two",
                "second",
            ),
            (
                "[drift]\nignore = [\"by_hand\"]",
                "`by_hand` in `ignore` of [drift]",
                "index merchants.by_hand",
            ),
            (
                "[drift]\npolicy = \"ignore\"",
                "line 2: unknown variant `ignore`",
                "docs/REFERENCE.md",
            ),
            ("x = ", "line 1", "docs/REFERENCE.md"),
            ("project = \" \"", "`project` is empty", "leave the key out"),
        ] {
            let problem = parse(text).unwrap_err();
            assert_eq!(problem.code, Code::ConfigInvalid);
            assert!(problem.message.contains(message), "{}", problem.message);
            assert!(
                problem.hint.clone().unwrap_or_default().contains(hint),
                "{problem:?}"
            );
        }
    }

    #[test]
    fn only_neighbours_are_promotions() {
        let config = parse("").unwrap();
        let skipped = config.promotion("dev-to-prod").unwrap_err();
        assert_eq!(skipped.code, Code::GoldenRule);
        assert_eq!(
            skipped.hint.unwrap(),
            "run `cargo xtask sync dev-to-test`, then `cargo xtask sync test-to-prod`"
        );
        assert!(
            config
                .promotion("prod-to-dev")
                .unwrap_err()
                .message
                .contains("backwards")
        );
        assert_eq!(
            config.promotion("dev-to-moon").unwrap_err().code,
            Code::Usage
        );
    }
}
