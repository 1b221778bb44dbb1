//! One run at a time in a directory.
//!
//! Two programs that train in one directory would write over each other's state, and mix their lines in `loss.txt`. It
//! happens easily: a run was sent to the background, forgotten, and is resumed. So a run *locks* its directory. A lock is a
//! promise among programs, which the operating system keeps for them: one program has it, others that ask are told so. When
//! the program ends, in whatever way, the lock is gone. Nothing is written, so nothing can be left behind.
//!
//! Where a directory cannot be locked (Windows, some network drives), a run goes on without.

use crate::error::{Error, Result};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// A directory in which no other program trains as long as this value lives.
#[derive(Debug)]
pub(super) struct Claim {
    dir: PathBuf,
    lock: Option<File>,
}

impl Claim {
    /// Claims a directory that exists.
    ///
    /// # Errors
    ///
    /// If another run has it.
    pub fn of(dir: &Path) -> Result<Claim> {
        let lock = File::open(dir).ok();
        if let Some(Err(TryLockError::WouldBlock)) = lock.as_ref().map(File::try_lock) {
            let problem = "another program is training in this directory; let it end or stop it, or choose another one";
            return Err(Error::file(dir, problem));
        }
        Ok(Claim { dir: dir.to_path_buf(), lock })
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// The lock is given back explicitly. Closing the file would be enough, were there no copies of it: a child process, which
/// another thread starts just now, has one until its own program begins, and the lock stays as long as any copy is open.
impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(lock) = &self.lock {
            let _ = lock.unlock();
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(unix)]
    fn a_directory_is_free_again_although_a_copy_of_the_locked_file_is_still_open() {
        use super::Claim;
        let dir = std::env::temp_dir().join(format!("gpt60-claim-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let claim = Claim::of(&dir).unwrap();
        let copy = claim.lock.as_ref().unwrap().try_clone().unwrap();
        assert!(Claim::of(&dir).is_err());
        drop(claim);
        assert!(Claim::of(&dir).is_ok());
        drop(copy);
        std::fs::remove_dir(&dir).unwrap();
    }
}
