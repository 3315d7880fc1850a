//! Folders and files that only their owner may read, and that appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest as _, Sha256};

use crate::files::{leftovers, ordinary};
use xtask_rows::row::hex;

/// Makes a folder, with those above it, that only its owner may enter.
///
/// # Errors
/// When it cannot be made, or is no folder.
pub fn create_folder(path: &Path) -> anyhow::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder
        .create(path)
        .with_context(|| format!("failed to create the folder {}", path.display()))
}

/// What is to be said of the rights of a folder, which are left as they are: it may be anybody's.
///
/// # Errors
/// When everybody could put other files in the place of those in it.
#[cfg(unix)]
pub fn check_rights(path: &Path) -> anyhow::Result<Option<String>> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = path
        .metadata()
        .map_or(0, |found| found.permissions().mode());
    let shown = format!("{} (mode {:o})", path.display(), mode & 0o7777);
    // In a folder such as /tmp nobody replaces what is another's.
    anyhow::ensure!(mode & 0o1002 != 0o002, "everybody may write to {shown}");
    let who = match mode {
        mode if mode & 0o005 != 0 => "everybody",
        mode if mode & 0o070 != 0 => "its group",
        _ => return Ok(None),
    };
    let what = match mode & 0o022 {
        0 => "see which backups there are",
        _ => "see which backups there are, and replace them",
    };
    Ok(Some(format!("{who} may enter {shown}: others can {what}")))
}

/// As on Unix, where it matters.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn check_rights(_path: &Path) -> anyhow::Result<Option<String>> {
    Ok(None)
}

/// A file that is written and has not got its name yet; dropped, it goes away.
pub struct Part {
    file: tempfile::NamedTempFile,
    path: PathBuf,
}

impl Part {
    /// Writes a temporary file beside the place that it is for.
    ///
    /// # Errors
    /// What `work` reports, or the file system.
    pub fn write<T>(
        path: &Path,
        work: impl FnOnce(&mut dyn Write) -> anyhow::Result<T>,
    ) -> anyhow::Result<(Part, T)> {
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let unwritten = || format!("failed to write {}", path.display());
        let written = || -> anyhow::Result<(tempfile::NamedTempFile, io::BufWriter<File>)> {
            ordinary::check_place(path)?;
            let file = leftovers::file_in(folder)?;
            let writer = io::BufWriter::with_capacity(1 << 16, file.reopen()?);
            Ok((file, writer))
        };
        let (file, mut writer) = written().with_context(unwritten)?;
        let result = work(&mut writer)?;
        let mut finish = || -> io::Result<()> {
            writer.flush()?;
            writer.get_ref().sync_all()
        };
        finish().with_context(unwritten)?;
        let path = path.to_path_buf();
        Ok((Part { file, path }, result))
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn persist(self) -> anyhow::Result<()> {
        let unnamed = || format!("failed to write {}", self.path.display());
        ordinary::check_place(&self.path).with_context(unnamed)?;
        self.file.persist(&self.path).with_context(unnamed)?;
        Ok(())
    }
}

/// Writes a file through a temporary one beside it, so that a reader sees the old or the new.
///
/// # Errors
/// What `work` reports, or the file system.
pub fn write_file<T>(
    path: &Path,
    work: impl FnOnce(&mut dyn Write) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let (part, result) = Part::write(path, work)?;
    part.persist()?;
    Ok(result)
}

/// A writer that knows the SHA-256 of what went through it.
pub struct Hashed<'output> {
    output: &'output mut dyn Write,
    hash: Sha256,
}

impl<'output> Hashed<'output> {
    pub fn new(output: &'output mut dyn Write) -> Self {
        Hashed {
            output,
            hash: Sha256::new(),
        }
    }

    /// In hexadecimal digits.
    pub fn sha256(self) -> String {
        hex(&self.hash.finalize())
    }
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// The SHA-256 of a file, in hexadecimal digits.
///
/// # Errors
/// When the file cannot be read.
pub fn sha256(path: &Path) -> anyhow::Result<String> {
    let unreadable = || format!("failed to read {}", path.display());
    let mut file = ordinary::open(path).with_context(unreadable)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = io::Read::read(&mut file, &mut buffer).with_context(unreadable)?;
        if length == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&buffer[..length]);
    }
}
