//! What the workspace says: `data-sync/sync.toml`, the variables and `.env`, checked once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

use super::environment::{DatabaseUrl, Environment};
use super::migration::Origin;
use super::report::shell_word;
use super::table::TableName;
use crate::problem::{Code, Problem};

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
    pub protected: Vec<TableName>,
    pub lookups: Vec<LookupSettings>,
    /// Where the migrations come from.
    pub migrations: Origin,
    /// The login name of whoever runs this, for the ledger.
    pub operator: String,
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
}

/// What `sync.toml` says about one lookup table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookupSettings {
    pub table: TableName,
    /// The columns that identify a row; the primary key where it is not given.
    #[serde(default)]
    pub key: Vec<String>,
    #[serde(default)]
    pub extra_rows: ExtraRows,
    /// Columns copied with a new row and never changed afterwards.
    #[serde(default)]
    pub insert_only: Vec<String>,
    /// An SQL condition: only these rows are lookup rows.
    #[serde(default, rename = "where")]
    pub filter: Option<String>,
}

/// What happens to rows that only the target has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExtraRows {
    #[default]
    Delete,
    Keep,
    Refuse,
}

/// Two neighbours of the pipeline.
#[derive(Debug, Clone, Copy)]
pub struct Promotion<'config> {
    pub from: &'config Environment,
    pub to: &'config Environment,
}

impl Promotion<'_> {
    /// The name of the command that runs it, such as `dev-to-test`.
    pub fn name(&self) -> String {
        promotion_name(&self.from.name, &self.to.name)
    }
}

fn promotion_name(from: &str, to: &str) -> String {
    format!("{from}-to-{to}")
}

impl Config {
    /// The promotions of the pipeline, in order.
    pub fn promotions(&self) -> impl Iterator<Item = Promotion<'_>> {
        self.pipeline.windows(2).map(|pair| Promotion {
            from: &pair[0],
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
        Err(golden_rule(
            name,
            &self
                .pipeline
                .iter()
                .map(|environment| environment.name.as_str())
                .collect::<Vec<_>>(),
        ))
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
                let names: Vec<_> = self
                    .pipeline
                    .iter()
                    .map(|known| known.name.as_str())
                    .collect();
                Problem::new(Code::Usage, format!("there is no environment `{name}`"))
                    .hint(format!("the environments are {}", names.join(", ")))
            })
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
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Problem::new(
                Code::ConfigInvalid,
                format!("failed to read {}: {error}", path.display()),
            )
            .hint("run it inside the workspace, or name the file with --config")
        })?;
        let variables = Variables::read(root, env_file)?;
        let mut config = Config::parse(&text, root, |name| variables.get(name))
            .with_context(|| format!("in {}", path.display()))?;
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

        let pipeline = pipeline(file.environment, root, &variable)?;
        let protected: Vec<TableName> =
            [file.protected, file.backup.protected, file.export.protected].concat();
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
            if let Some(filter) = &lookup.filter
                && (filter.trim().is_empty() || filter.contains(';'))
            {
                return Err(invalid(format!(
                    "the condition `where` of `{}` must be one SQL expression",
                    lookup.table
                ))
                .hint("for example: where = \"region = 'global'\""));
            }
        }
        Ok(Config {
            root: root.to_path_buf(),
            pipeline,
            backup: BackupSettings {
                dir: root.join(file.backup.dir),
                keep: file.backup.keep.max(1),
            },
            export_dir: root.join(file.export.dir),
            protected,
            lookups: file.lookup,
            migrations: Origin::Embedded,
            operator: ["GITHUB_ACTOR", "USER", "LOGNAME", "USERNAME"]
                .into_iter()
                .find_map(variable)
                .unwrap_or_else(|| "unknown".to_owned()),
            options: String::new(),
        })
    }
}

/// The refusal of a promotion that is not in the pipeline.
pub fn golden_rule(name: &str, pipeline: &[&str]) -> Problem {
    let commands = |from: usize, to: usize| {
        (from..to)
            .map(|at| {
                format!(
                    "`cargo xtask sync {}`",
                    promotion_name(pipeline[at], pipeline[at + 1])
                )
            })
            .collect::<Vec<_>>()
            .join(", then ")
    };
    let ends = name.split_once("-to-").and_then(|(from, to)| {
        let at = |end: &str| pipeline.iter().position(|known| *known == end);
        Some((at(from)?, at(to)?))
    });
    let rule = pipeline.join(" → ");
    match ends {
        Some((from, to)) if from < to => Problem::new(
            Code::GoldenRule,
            format!("`{name}` skips an environment; the golden rule is {rule}"),
        )
        .hint(format!("run {}", commands(from, to))),
        Some((from, to)) => Problem::new(
            Code::GoldenRule,
            if from == to {
                format!("`{name}` goes nowhere; the golden rule is {rule}")
            } else {
                format!("`{name}` goes backwards; the golden rule is {rule}")
            },
        )
        .hint(format!(
            "the promotions are {}",
            commands(0, pipeline.len().saturating_sub(1))
        )),
        None => Problem::new(Code::Usage, format!("there is no promotion `{name}`")).hint(format!(
            "the promotions are {}",
            commands(0, pipeline.len().saturating_sub(1))
        )),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    environment: Vec<EnvironmentFile>,
    #[serde(default)]
    backup: BackupFile,
    #[serde(default)]
    export: ExportFile,
    #[serde(default)]
    protected: Vec<TableName>,
    #[serde(default)]
    lookup: Vec<LookupSettings>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvironmentFile {
    name: String,
    label: Option<String>,
    url_env: String,
    confirm: Option<Vec<String>>,
    #[serde(default)]
    checklist: Vec<String>,
    #[serde(default)]
    require_plan: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BackupFile {
    #[serde(default = "default_backup_dir")]
    dir: PathBuf,
    #[serde(default = "default_keep")]
    keep: usize,
    #[serde(default)]
    protected: Vec<TableName>,
}

impl Default for BackupFile {
    fn default() -> Self {
        BackupFile {
            dir: default_backup_dir(),
            keep: default_keep(),
            protected: Vec::new(),
        }
    }
}

fn default_backup_dir() -> PathBuf {
    PathBuf::from("migrations/schema-backups")
}

fn default_keep() -> usize {
    20
}

/// `protected` is a key of the file, but TOML gives a key that is written below a section's
/// header to that section; the sections that people write before it therefore take it too.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportFile {
    #[serde(default = "default_export_dir")]
    dir: PathBuf,
    #[serde(default)]
    protected: Vec<TableName>,
}

impl Default for ExportFile {
    fn default() -> Self {
        ExportFile {
            dir: default_export_dir(),
            protected: Vec::new(),
        }
    }
}

fn default_export_dir() -> PathBuf {
    PathBuf::from("data-sync/exports")
}

/// The three environments of a file that names none.
fn default_pipeline() -> Vec<EnvironmentFile> {
    [
        ("dev", "Development", "DEV_DATABASE_URL"),
        ("test", "Test", "TEST_DATABASE_URL"),
        ("prod", "Production", "DATABASE_URL"),
    ]
    .map(|(name, label, url_env)| EnvironmentFile {
        name: name.to_owned(),
        label: Some(label.to_owned()),
        url_env: url_env.to_owned(),
        confirm: None,
        checklist: Vec::new(),
        require_plan: false,
    })
    .into()
}

fn pipeline(
    listed: Vec<EnvironmentFile>,
    root: &Path,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Environment>, Problem> {
    let invalid = |message: String| Problem::new(Code::ConfigInvalid, message);
    let listed = if listed.is_empty() {
        default_pipeline()
    } else {
        listed
    };
    if listed.len() < 2 {
        return Err(
            invalid("a pipeline needs at least two environments".to_owned())
                .hint("add a second [[environment]]"),
        );
    }
    let last = listed.len() - 1;
    let mut pipeline: Vec<Environment> = Vec::new();
    for (at, environment) in listed.into_iter().enumerate() {
        let name = environment.name;
        let plain = !name.is_empty()
            && !name.contains("-to-")
            && name.chars().all(|letter| {
                letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-_".contains(letter)
            });
        if !plain {
            return Err(invalid(format!("`{name}` cannot name an environment"))
                .hint("use small letters, digits, `-` and `_`, for example \"staging\""));
        }
        if pipeline.iter().any(|known| known.name == name) {
            return Err(invalid(format!("environment `{name}` is listed twice"))
                .hint("every [[environment]] has a name of its own"));
        }
        let label = environment.label.unwrap_or_else(|| name.clone());
        // The last environment is the one that hurts: where nothing is said it asks twice.
        let confirm = environment.confirm.unwrap_or_else(|| match at {
            0 => Vec::new(),
            at if at == last && at > 1 => vec![
                "yes".to_owned(),
                format!("SYNC TO {}", label.to_uppercase()),
            ],
            _ => vec!["yes".to_owned()],
        });
        if at > 0 && confirm.is_empty() {
            return Err(
                invalid(format!("environment `{name}` has an empty `confirm`"))
                    .hint("at least confirm = [\"yes\"]: a promotion always asks"),
            );
        }
        let url = match variable(&environment.url_env).filter(|text| !text.trim().is_empty()) {
            Some(text) => DatabaseUrl::parse(&text, &environment.url_env, root),
            None => Err(Problem::new(
                Code::EnvNotSet,
                format!(
                    "{} is not set, so {label} cannot be reached",
                    environment.url_env
                ),
            )
            .hint(format!(
                "set {}=postgres://… (or sqlite:PATH) in the environment or in the file .env",
                environment.url_env
            ))),
        };
        pipeline.push(Environment {
            name,
            label,
            url_variable: environment.url_env,
            url,
            confirm,
            checklist: environment.checklist,
            require_plan: environment.require_plan,
        });
    }
    Ok(pipeline)
}

/// The variables: the process's first, then those of the file.
struct Variables {
    from_file: BTreeMap<String, String>,
}

impl Variables {
    fn read(root: &Path, env_file: Option<&Path>) -> Result<Self, Problem> {
        let path = env_file.map_or_else(|| root.join(".env"), Path::to_path_buf);
        if env_file.is_none() && !path.exists() {
            return Ok(Variables {
                from_file: BTreeMap::new(),
            });
        }
        // What dotenvy says of a bad line repeats the line, which may hold a password.
        let unreadable = |what: &str| {
            Problem::new(
                Code::ConfigInvalid,
                format!("failed to read {}: {what}", path.display()),
            )
            .hint("every line of it is NAME=value; quote values with spaces or `#`")
        };
        let entries = dotenvy::from_path_iter(&path).map_err(|error| match error {
            dotenvy::Error::Io(error) => unreadable(&error.to_string()),
            _ => unreadable("it is not a list of variables"),
        })?;
        let from_file = entries
            .collect::<Result<_, _>>()
            .map_err(|error| match error {
                dotenvy::Error::Io(error) => unreadable(&error.to_string()),
                _ => unreadable("a line is not NAME=value"),
            })?;
        Ok(Variables { from_file })
    }

    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name)
            .ok()
            .or_else(|| self.from_file.get(name).cloned())
    }
}

/// A TOML error with its line, and for an unknown key the nearest known one.
fn readable(error: &toml::de::Error, text: &str) -> Problem {
    let line = error
        .span()
        .map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let place = line.map_or(String::new(), |line| format!("line {line}: "));
    let message = error.message();
    let problem = Problem::new(Code::ConfigInvalid, format!("{place}{message}"));
    let mut quoted = message.split('`').skip(1).step_by(2);
    let Some(unknown) = quoted
        .next()
        .filter(|_| message.starts_with("unknown field"))
    else {
        return problem.hint("docs/REFERENCE.md lists every key");
    };
    let nearest = quoted
        .map(|known| (strsim::damerau_levenshtein(unknown, known), known))
        .min();
    match nearest {
        Some((_, known)) => Problem::new(
            Code::ConfigInvalid,
            format!("{place}unknown key `{unknown}`"),
        )
        .hint(format!(
            "did you mean `{known}`? docs/REFERENCE.md lists every key"
        )),
        None => problem,
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
                "[[environment]]\nname = \"dev\"\nurl_env = \"A\"",
                "at least two",
                "second",
            ),
            ("x = ", "line 1", "docs/REFERENCE.md"),
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
