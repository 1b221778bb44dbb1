//! The child: it runs the learner's functions, and may come to any end.

use super::records::{self, State};
use crate::check::Verdict;
use crate::{checkers, may_begin_in, report};
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
            Verdict::Wrong(wrong) => {
                let mut lines = report(exercise.name(), &wrong);
                if wrong.piece.is_none() && wrong.cause.is_none() {
                    lines.extend(wrong_piece(exercise.name()).map(|piece| format!("  {}", may_begin_in(&piece))));
                }
                State::Wrong(lines)
            }
        };
        records::note_verdict(&state);
        if state != State::NotStarted {
            break;
        }
    }
    ExitCode::SUCCESS // and with it every thread that is still running
}

/// Of the pieces that the exercise has called, the first one that its own check rejects. On the inputs of the exercise it may
/// differ so little, or so seldom, that it was not seen there.
fn wrong_piece(name: &str) -> Option<String> {
    let exercises = checkers::all();
    let called = records::called_pieces().into_iter().filter(|piece| piece != name);
    let mut checks = called.filter_map(|piece| exercises.iter().find(|exercise| exercise.name() == piece));
    checks.find_map(|exercise| match exercise.check() {
        Verdict::Wrong(wrong) => Some(wrong.piece.unwrap_or_else(|| exercise.name().to_string())),
        _ => None,
    })
}
