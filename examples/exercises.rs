//! The guide through the exercises: what comes next, is it right, and hints. See `docs/exercises.md`.
//!
//! ```text
//! cargo run --example exercises
//! cargo run --example exercises -- watch
//! cargo run --example exercises -- check softmax
//! ```
//!
//! You write into `src/exercises/`, and what you write does not always compile. That is why this program is not built
//! from that folder: it reads the files there as text, and asks cargo to build and run the checks (`tests/exercises/`)
//! when it needs a verdict. Even with a syntax error in one of your files, hints, the list and `reset` work.

use gpt60::Error;
use gpt60::checkpoint::write_beside;
use gpt60::cli::{self, Args, Command, Failure, Flag, Outcome};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[path = "exercises/checks.rs"]
mod checks;
#[path = "exercises/commands/mod.rs"]
mod commands;
#[path = "exercises/fresh.rs"]
mod fresh;
#[path = "exercises/hints.rs"]
mod hints;
#[path = "exercises/names.rs"]
mod names;
#[path = "exercises/progress.rs"]
mod progress;
#[path = "exercises/stubs.rs"]
mod stubs;
#[path = "exercises/verdict.rs"]
mod verdict;
#[path = "exercises/words.rs"]
mod words;

use checks::Checks;
use names::{named, unknown_command};
use progress::Progress;
use stubs::Stub;
use verdict::{Checked, States};

const COMMAND: Command = Command {
    name: "exercises",
    about: "Guides you through the exercises in src/exercises/: what comes next, is it right, and hints.",
    operands: "[COMMAND]\n\n\
               \x20 (none)          where you are, and what comes next\n\
               \x20 list            all exercises, and what became of each\n\
               \x20 check [NAME]    is it right? Without a name: all that you have begun.\n\
               \x20                 Status 0: yes; 1: not yet\n\
               \x20 watch           checks again whenever you save a file; Ctrl-C ends it\n\
               \x20 hint NAME [N]   a hint; again for the next one; with a number, that one\n\
               \x20 reset NAME      begins again: puts not_started() back, and keeps a copy of\n\
               \x20                 what was there\n\
               \x20 solution NAME   where the library does it, once your own passes\n\
               \x20 page            something to keep: a text of your own GPT, each exercise,\n\
               \x20                 tries and dates",
    max_operands: usize::MAX,
    flags: &[
        Flag { name: "--markdown", value: "", help: "with list: as the table in docs/exercises.md" },
        Flag { name: "--now", value: "", help: "with solution: even before your own passes" },
    ],
    chapter: "docs/exercises.md",
};

const COMMANDS: [&str; 7] = ["list", "check", "watch", "hint", "reset", "solution", "page"];

/// What to type before a command.
const RUN: &str = "cargo run --example exercises --";

fn main() -> ExitCode {
    let mut is_right = true;
    let status = COMMAND.run(|args| {
        is_right = Guide::new().run(args)?;
        Ok(())
    });
    // "Not yet" is an answer, not an error: standard output says it, and the status repeats it for scripts.
    if is_right { status } else { ExitCode::FAILURE }
}

/// Where everything is.
struct Guide {
    /// The directory with `Cargo.toml`.
    root: PathBuf,
    /// Where this program keeps its own files: in cargo's directory, not in the source.
    own_dir: PathBuf,
    /// Where it keeps what is the learner's: beside the source, where `cargo clean` does not come. Git ignores it.
    mine: PathBuf,
    checks: Checks,
}

impl Guide {
    fn new() -> Guide {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let program = std::env::current_exe().unwrap_or_default(); // target/debug/examples/exercises
        let profile = program.parent().and_then(Path::parent).unwrap_or(Path::new(""));
        let is_release = profile.ends_with("release");
        // What was built for this program need not be built again for the checks.
        let target = match (profile.parent(), std::env::var_os("CARGO_TARGET_DIR")) {
            (Some(target), _) if is_release || profile.ends_with("debug") => target.to_path_buf(),
            (_, Some(target)) => root.join(target),
            _ => root.join("target"),
        };
        let (own_dir, mine) = (target.join("exercises"), root.join("mine"));
        Guide { own_dir, mine, checks: Checks { root: root.clone(), target, is_release }, root }
    }

    /// Does what the command line asks; returns whether everything that was checked is right.
    fn run(&self, args: &Args) -> Outcome<bool> {
        let words: Vec<&str> = args.operands.iter().map(String::as_str).collect();
        let command = words.first().copied().unwrap_or("");
        for (flag, its_command) in [("--markdown", "list"), ("--now", "solution")] {
            if args.has(flag) && command != its_command {
                return Err(Failure::Usage(format!("{flag} only goes with {its_command:?}")));
            }
        }
        let stubs = stubs::read(&self.root)?;
        let too_many = |n: usize| match words.get(n) {
            Some(word) => Err(Failure::Usage(format!("{word:?} is one word too many after {command:?}"))),
            None => Ok(()),
        };
        match command {
            "" => self.start(&stubs),
            "list" => too_many(1).and_then(|()| self.list(&stubs, args.has("--markdown"))),
            "watch" => too_many(1).and_then(|()| self.watch(&stubs)),
            "page" => too_many(1).and_then(|()| self.page(&stubs)),
            "check" if words.len() == 1 => self.check_all(&stubs),
            "check" => self.check(&stubs, &words[1..]),
            "hint" => too_many(3).and_then(|()| self.hint(named(&stubs, &words)?, words.get(2).copied())),
            "reset" => too_many(2).and_then(|()| self.reset(named(&stubs, &words)?)),
            "solution" => too_many(2).and_then(|()| self.solution(&stubs, named(&stubs, &words)?, args.has("--now"))),
            _ => Err(Failure::Usage(unknown_command(&stubs, command))),
        }
    }

    /// Checks the exercises with these names, or all, and remembers their verdicts.
    fn judge(&self, stubs: &[Stub], names: &[String]) -> Outcome<Checked> {
        let checked = self.checks.judge(names)?;
        if let Checked::Built { states, .. } = &checked {
            self.remember(stubs, states, progress::now());
        }
        Ok(checked)
    }

    /// Keeps the verdicts for later. If that fails, the verdicts themselves are still good.
    fn remember(&self, stubs: &[Stub], states: &States, now: u64) {
        let (before, mut progress) = (self.progress(), self.progress());
        progress.note(stubs, states, now);
        if progress == before {
            return; // on a fresh copy nothing is written
        }
        let file = self.progress_file();
        let written = make_dir(&self.mine).and_then(|()| Ok(write_beside(&file, progress.text().as_bytes())?));
        if written.is_err() {
            cli::note(&format!("[{} cannot be written: this check is not remembered]", file.display()));
        }
    }

    fn progress(&self) -> Progress {
        Progress::read(&self.progress_file())
    }

    fn progress_file(&self) -> PathBuf {
        self.mine.join("progress.txt")
    }
}

/// Makes a directory, unless it is there.
fn make_dir(dir: &Path) -> Outcome<()> {
    fs::create_dir_all(dir).map_err(|error| Error::io(dir, "made", error).into())
}

#[cfg(test)]
#[path = "exercises/tests.rs"]
mod tests;
