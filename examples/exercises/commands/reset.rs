//! `reset`: begins again, and keeps a copy of what was there.

use super::super::stubs::Stub;
use super::super::{Guide, make_dir};
use gpt60::Error;
use gpt60::checkpoint::write_beside;
use gpt60::cli::{self, Failure, Outcome};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

impl Guide {
    pub fn reset(&self, stub: &Stub) -> Outcome<bool> {
        match self.begin_again(stub)? {
            Some(copy) => {
                cli::print(&format!("{}: not started\n  what was there is in {}\n", stub.name, copy.display()))?
            }
            None => cli::print(&format!("{}: nothing has been written yet\n", stub.name))?,
        }
        Ok(true)
    }

    /// Restores the exercise, and returns where the copy of the learner's file is; `None` if nothing had changed.
    pub fn begin_again(&self, stub: &Stub) -> Outcome<Option<PathBuf>> {
        let file = stub.file();
        let Some(fresh) = stub.fresh() else {
            let problem =
                format!("{file} has no `pub fn` at the left any more; `git checkout {file}` brings the file back");
            return Err(Failure::Failed(problem));
        };
        let mut shown = self.shown_hints();
        if shown.remove(&stub.name).is_some() {
            self.remember_hints(&shown)?;
        }
        if fresh == stub.text {
            return Ok(None);
        }
        let copy = self.keep_copy(stub)?;
        write_beside(self.root.join(&file), fresh.as_bytes())?;
        Ok(Some(copy))
    }

    /// Copies the file as it is to a free name.
    fn keep_copy(&self, stub: &Stub) -> Outcome<PathBuf> {
        make_dir(&self.mine)?;
        for n in 1.. {
            let path = self.mine.join(format!("{}-{n}.rs", stub.name));
            let problem = |error| Failure::from(Error::io(&path, "written", error));
            match fs::File::create_new(&path) {
                Ok(mut file) => {
                    let whole = fs::read(self.root.join(stub.file())).map_err(problem)?;
                    file.write_all(&whole).and_then(|()| file.sync_all()).map_err(problem)?;
                    return Ok(path);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(problem(error)),
            }
        }
        Err(Failure::Failed("there are too many copies".to_string()))
    }
}
