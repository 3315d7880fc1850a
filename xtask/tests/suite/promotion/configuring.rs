//! A configuration for two databases.

use std::path::Path;

use tempfile::TempDir;
use xtask::model::migrations::migration::Origin;
use xtask::settings::config::Config;

use crate::support::migrations::Migrations;

pub(super) fn configuration(
    root: &TempDir,
    migrations: &Migrations,
    dev: &str,
    test: &str,
    tables: &str,
) -> Config {
    configured(root.path(), migrations.origin(), [dev, test], tables)
}

pub(super) fn configured(
    root: &Path,
    migrations: Origin,
    [dev, test]: [&str; 2],
    tables: &str,
) -> Config {
    let environments = "[[environment]]\nname = \"dev\"\nlabel = \"Development\"\nurl_env = \"DEV\"\n\
         [[environment]]\nname = \"test\"\nlabel = \"Test\"\nurl_env = \"TEST\"\nconfirm = [\"yes\"]\n";
    let (protected, rest) = match tables.find("[[") {
        Some(at) => tables.split_at(at),
        None => (tables, ""),
    };
    let text = format!("{protected}\n{environments}\n{rest}");
    let config = Config::parse(&text, root, |name| match name {
        "DEV" => Some(dev.to_owned()),
        "TEST" => Some(test.to_owned()),
        "USER" => Some("ann".to_owned()),
        _ => None,
    });
    Config {
        migrations,
        ..config.unwrap()
    }
}
