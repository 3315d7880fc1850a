//! Embeds the text of the migrations, and rebuilds when a migration is added or changed, which
//! `embed_migrations!` alone does not notice.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let migrations =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../migrations");
    let mut code = String::new();
    for backend in ["postgres", "sqlite"] {
        let folder = migrations.join(backend);
        println!("cargo::rerun-if-changed={}", folder.display());
        let _ = writeln!(
            code,
            "pub(super) const {}: &[EmbeddedText] = &[",
            backend.to_uppercase()
        );
        for directory in directories(&folder)? {
            write_entry(&mut code, &folder, &directory)?;
        }
        code.push_str("];\n");
    }
    let output = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(output.join("migrations.rs"), code)
}

fn directories(folder: &Path) -> io::Result<Vec<String>> {
    let mut names: Vec<String> = fs::read_dir(folder)?
        .filter_map(Result::ok)
        .filter(|entry| entry.path().join("up.sql").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

fn write_entry(code: &mut String, folder: &Path, directory: &str) -> io::Result<()> {
    let path = folder.join(directory);
    // A changed file inside a folder does not always change the folder's own time.
    println!("cargo::rerun-if-changed={}", path.display());
    let optional = |name: &str| -> io::Result<Option<PathBuf>> {
        let file = path.join(name);
        if file.is_file() {
            println!("cargo::rerun-if-changed={}", file.display());
            file.canonicalize().map(Some)
        } else {
            Ok(None)
        }
    };
    let include = |file: Option<PathBuf>| match file {
        Some(file) => format!("Some(include_str!({:?}))", file.display().to_string()),
        None => "None".to_owned(),
    };
    let _ = writeln!(
        code,
        "    EmbeddedText {{ directory: {directory:?}, up: {}, metadata: {} }},",
        include(optional("up.sql")?),
        include(optional("metadata.toml")?),
    );
    Ok(())
}
