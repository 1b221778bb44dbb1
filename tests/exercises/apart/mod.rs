//! Checking what a learner has written in a program of its own: it may end that program, fill its memory, or never stop.
//!
//! The program is this one, started once more with `--child FILE` (`child.rs`). It checks the exercises in the order of
//! the book, and writes each verdict to the file (`records.rs`): standard output and standard error belong to the learner.
//! It ends after the first exercise that somebody has begun, so that whatever this one leaves running ends with it. The
//! parent goes on with a new child after it. On a fresh copy nobody has begun anything, and one child is enough.
//!
//! If there is no verdict, the way in which the child ended is the verdict (`bounds.rs` watches it).

mod bounds;
pub mod child;
pub mod records;

use crate::{begins_in, checkers, place_of, still_in};
use bounds::{End, Stop};
use records::{Records, State};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// What became of an exercise.
pub struct Checked {
    /// Its name.
    pub name: &'static str,
    /// The verdict.
    pub state: State,
    /// The first lines of what the learner's function printed.
    pub printed: Vec<String>,
}

/// Checks these exercises in their order, and hands each verdict on as soon as it is known.
pub fn check(names: &[&'static str], patience: Duration, mut each: impl FnMut(Checked)) {
    let file = std::env::temp_dir().join(format!("gpt60-exercises-{}.txt", std::process::id()));
    let mut parent = Parent { file, patience, unfinished: BTreeMap::new() };
    let mut rest = names;
    while !rest.is_empty() {
        let (end, mut records) = match parent.run_child(rest) {
            Ok(finished) => finished,
            Err(problem) => {
                let state = State::Wrong(vec![format!("the check cannot be run: {problem}")]);
                rest.iter().for_each(|name| each(Checked { name, state: state.clone(), printed: Vec::new() }));
                break;
            }
        };
        let mut verdicts = std::mem::take(&mut records.verdicts);
        let has_begun_one = verdicts.last().is_some_and(|state| *state != State::NotStarted);
        for (name, _) in rest.iter().zip(&verdicts) {
            parent.unfinished.insert(name.to_string(), false);
        }
        if !has_begun_one && let Some(name) = rest.get(verdicts.len()) {
            parent.unfinished.insert(name.to_string(), true);
            verdicts.push(State::Wrong(parent.how_it_ended(name, &records, &end)));
        }
        // Whatever was printed is the last one's: nobody has begun those before it.
        let (here, after) = rest.split_at(verdicts.len().min(rest.len()));
        for (i, (name, state)) in here.iter().zip(verdicts).enumerate() {
            let printed = if i + 1 == here.len() { end.printed() } else { Vec::new() };
            each(Checked { name, state, printed });
        }
        rest = after;
    }
    let _ = std::fs::remove_file(&parent.file);
}

/// What the parent of the children knows.
struct Parent {
    /// Where a child notes what it does.
    file: PathBuf,
    patience: Duration,
    /// Of the exercises that were checked: whether the check came to no verdict.
    unfinished: BTreeMap<String, bool>,
}

impl Parent {
    /// Runs one child, and reads what it has noted.
    fn run_child(&self, names: &[&str]) -> std::io::Result<(End, Records)> {
        std::fs::write(&self.file, "")?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--child").arg(&self.file).arg("--patience").arg(self.patience.as_secs().to_string()).args(names);
        command.env("RUST_BACKTRACE", "0"); // what the system says of the end is enough
        let end = bounds::run(&mut command, &self.file, self.patience)?;
        let records = Records::read(&std::fs::read_to_string(&self.file)?);
        if records.verdicts.is_empty() && !records.has_begun {
            let word = end.stderr.last_line().unwrap_or_else(|| "without a word".to_string());
            return Err(std::io::Error::other(format!("it ended at once ({}): {word}", end.status)));
        }
        Ok((end, records))
    }

    /// The verdict on an exercise whose check came to none.
    fn how_it_ended(&mut self, name: &str, records: &Records, end: &End) -> Vec<String> {
        let exercise = checkers::all().into_iter().find(|exercise| exercise.name() == name);
        let input = exercise.zip(records.probe).and_then(|(exercise, probe)| exercise.describe_input(probe));
        let mut lines = vec![match input {
            Some(input) => format!("{}, with {input}:", place_of(name)),
            None => format!("{}:", place_of(name)),
        }];
        let is_endless = records.is_endless || end.stopped == Some(Stop::Silence);
        let reason = if is_endless { crate::check::endless(self.patience) } else { reason(end) };
        lines.push(format!("  {reason}"));
        if records.is_endless {
            // It is known where it was, and it may not be in a piece at all.
            lines.extend(records.running.as_ref().map(|piece| format!("  {}", still_in(piece))));
            return lines;
        }
        // If two of its pieces do not return either, the one that was called later is inside the other.
        if let Some(piece) = records.pieces.iter().rev().find(|piece| *piece != name && self.is_unfinished(piece)) {
            lines.push(format!("  {}", begins_in(piece)));
        }
        lines
    }

    /// Whether the check of this exercise comes to no verdict.
    fn is_unfinished(&mut self, name: &str) -> bool {
        if let Some(known) = self.unfinished.get(name) {
            return *known;
        }
        let is_unfinished = self.run_child(&[name]).is_ok_and(|(_, records)| records.verdicts.is_empty());
        self.unfinished.insert(name.to_string(), is_unfinished);
        is_unfinished
    }
}

/// How a child ended, in words.
fn reason(end: &End) -> String {
    let said = end.stderr.last_text();
    let bytes_asked = said.rsplit_once("memory allocation of ").and_then(|(_, rest)| rest.split_once(" bytes failed"));
    match (end.stopped, end.status.code()) {
        (Some(_), _) => format!(
            "it took more than {} MB of memory, and was stopped: does a list grow without end?",
            bounds::MEMORY / 1_000_000
        ),
        (None, _) if said.contains("has overflowed its stack") => {
            "the stack is full: it calls itself too deep, or without end".to_string()
        }
        (None, _) if bytes_asked.is_some() => {
            let bytes = bytes_asked.map_or("", |(bytes, _)| bytes);
            format!("it asked for {bytes} bytes of memory at once, which the system does not give")
        }
        (None, Some(code)) => format!(
            "it ended the whole program with exit status {code}: is there a call of `std::process::exit`? \
             A function of an exercise returns"
        ),
        // `abort`, a panic while a panic is cleaned up, or from outside, as when the system's memory is full.
        (None, None) => {
            let word = end.stderr.last_line().map_or(String::new(), |line| format!("; its last line is: {line}"));
            format!("it ended the whole program ({}), as `std::process::abort` does{word}", end.status)
        }
    }
}
