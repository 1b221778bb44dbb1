//! Files that are complete or not there at all.
//!
//! A program can be stopped at any moment: the battery dies, the disk is full, someone presses Ctrl-C. If it was just
//! overwriting last night's checkpoint, both the old one and the new one are gone. That is why nothing is written in
//! place:
//!
//! 1. write everything to a second file beside the first, `model.safetensors.tmp`;
//! 2. ask the operating system to write it to the disk now, and wait ("sync");
//! 3. rename it to `model.safetensors`. A rename happens entirely or not at all.
//!
//! A program that opens `model.safetensors` finds the old file or the new one, never half of one.
//!
//! [Chapter 14](crate::book::ch14_the_real_gpt2) explains it.

use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes `bytes` to the file `path`, by way of `<path>.tmp`.
///
/// # Errors
///
/// If the operating system refuses. An older file under that name is then unchanged.
///
/// # Example: save a note
///
/// ```
/// use gpt60::checkpoint::write_beside;
///
/// let path = std::env::temp_dir().join(format!("gpt60-note-{}.txt", std::process::id()));
/// write_beside(&path, b"whole, or not there")?;
/// assert_eq!(std::fs::read(&path).unwrap(), b"whole, or not there");
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn write_beside(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    write_beside_with(path.as_ref(), |file| file.write_all(bytes))
}

/// Writes the file `path`, by way of `<path>.tmp`, with what `fill` writes. Use it for contents too large to hold
/// twice.
///
/// # Errors
///
/// As [`write_beside`], and those of `fill`.
pub(super) fn write_beside_with(path: &Path, fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    let mut name = path.as_os_str().to_os_string();
    name.push(".tmp");
    let beside = PathBuf::from(name);
    let written = || -> std::io::Result<()> {
        let mut file = BufWriter::new(File::create(&beside)?);
        fill(&mut file)?;
        file.into_inner().map_err(|e| e.into_error())?.sync_all()?;
        fs::rename(&beside, path)
    };
    written().map_err(|e| {
        let _ = fs::remove_file(&beside); // half a file helps nobody; the first error is the one to report
        Error::io(path, "written", e)
    })?;
    // The new name is an entry of the directory, which has to be synced separately. Not every system offers that.
    if let Ok(directory) = File::open(directory_of(path)) {
        let _ = directory.sync_all();
    }
    Ok(())
}

/// The directory in which a file is.
pub(super) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("gpt60-beside-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file_and_nothing_beside_it() {
        let dir = scratch("fails");
        let path = dir.join("file");
        write_beside(&path, b"old").unwrap();
        let error = write_beside_with(&path, |file| {
            file.write_all(b"half of the n")?;
            Err(std::io::Error::other("the disk is full"))
        });
        let expected = format!("{}: cannot be written: the disk is full", path.display());
        assert_eq!(error.unwrap_err().to_string(), expected);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_write_that_succeeds_replaces_the_old_file_and_leaves_nothing_beside_it() {
        let dir = scratch("succeeds");
        let path = dir.join("file");
        write_beside(&path, b"a longer old file").unwrap();
        write_beside(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error_that_names_the_file() {
        let path = scratch("missing").join("no").join("file");
        let error = write_beside(&path, b"x").unwrap_err().to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
    }
}
