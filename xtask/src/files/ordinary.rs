//! Ordinary files: a device has no end, and a pipe may have nobody at its other one.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;

/// The largest configuration, plan or manifest that is read, in bytes.
pub const LARGEST: u64 = 64 * 1024 * 1024;

/// Opens a file to read it.
///
/// # Errors
/// When it cannot be opened, or is no ordinary file.
pub fn open(path: &Path) -> io::Result<File> {
    let file = open_as_is(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(not_ordinary()),
    }
}

/// Opens what is there without waiting for anybody.
pub(crate) fn open_as_is(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    without_waiting(&mut options);
    options.open(path)
}

/// Whatever is opened so is not waited for, such as the other end of a pipe.
pub fn without_waiting(options: &mut OpenOptions) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        options.custom_flags(i32::from_ne_bytes(flags.bits().to_ne_bytes()));
    }
    #[cfg(not(unix))]
    let _ = options;
}

/// Reads a file as a whole.
///
/// # Errors
/// When it cannot be read, is no ordinary file, or is larger than [`LARGEST`].
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // Its size may be another by now.
    open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > LARGEST {
        true => Err(io::Error::other(format!(
            "it is larger than {} MiB",
            LARGEST >> 20
        ))),
        false => Ok(bytes),
    }
}

/// As [`read`], for text.
///
/// # Errors
/// As [`read`], and where it is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    let invalid = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8");
    String::from_utf8(read(path)?).map_err(invalid)
}

/// Whether a file can have its place there: nothing is there, or an ordinary file. What a link
/// leads to would stay as it is, and a device would be gone.
///
/// # Errors
/// When something else is there.
pub fn check_place(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(found) if !found.is_file() => Err(not_ordinary()),
        _ => Ok(()),
    }
}

/// A file, and no link, folder, pipe or device.
pub fn is_ordinary(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_file())
}

/// Whether it belongs to the user who runs this.
#[cfg(unix)]
pub fn is_own(found: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    found.uid() == rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
pub fn is_own(_found: &Metadata) -> bool {
    true
}

fn not_ordinary() -> io::Error {
    io::Error::other("it is no ordinary file, but a folder, a link, a pipe or a device")
}
