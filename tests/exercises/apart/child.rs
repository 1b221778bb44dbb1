//! The child: it runs the learner's functions, and may come to any end.

use super::records::{self, State};
use crate::check::Verdict;
use crate::{checkers, report};
use std::fs::File;
use std::process::ExitCode;

/// Checks these exercises, up to the first one that somebody has begun.
pub fn main(file: &str, names: &[String]) -> ExitCode {
    match File::options().append(true).open(file) {
        Ok(file) => records::keep_in(file),
        Err(error) => {
            eprintln!("{file} cannot be opened: {error}");
            return ExitCode::FAILURE;
        }
    }
    for exercise in checkers::all() {
        if !names.iter().any(|name| name == exercise.name()) {
            continue;
        }
        records::note_begin(exercise.name());
        let state = match exercise.check() {
            Verdict::NotStarted => State::NotStarted,
            Verdict::Done => State::Done,
            Verdict::Wrong(wrong) if wrong.is_endless => {
                records::note_endless(wrong.piece.as_deref().filter(|piece| *piece != exercise.name()));
                break;
            }
            Verdict::Wrong(wrong) => State::Wrong(report(exercise.name(), &wrong)),
        };
        records::note_verdict(&state);
        if state != State::NotStarted {
            break;
        }
    }
    ExitCode::SUCCESS // and with it every thread that is still running
}
