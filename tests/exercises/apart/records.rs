//! What a child notes in its file for its parent: where it is, and the verdicts.
//!
//! ```text
//! begin softmax
//! probe 0
//! probe 1
//! wrong 2
//! src/exercises/softmax.rs:26, with x of shape [3, 5]:
//!   it panicked
//! ```
//!
//! A verdict is written in one piece, and says how many lines follow. If the child is ended while it writes, the last
//! record is not complete, and does not count.

use std::fs::File;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

/// What became of an exercise, in words.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    NotStarted,
    Done,
    /// With what to tell the learner, a line each.
    Wrong(Vec<String>),
}

/// What the parent reads.
#[derive(Debug, Default)]
pub struct Records {
    /// One for each exercise that has one, in order.
    pub verdicts: Vec<State>,
    /// Whether an exercise has begun that has no verdict.
    pub has_begun: bool,
    /// The input on which its function was called last.
    pub probe: Option<usize>,
    /// The exercises that it has called as its pieces, in the order of their first calls.
    pub pieces: Vec<String>,
    /// Whether its function was given up, because it did not come to an end.
    pub is_endless: bool,
    /// Then the piece that was running for long, if it was in one.
    pub running: Option<String>,
}

impl Records {
    /// Reads a child's file.
    pub fn read(text: &str) -> Records {
        let mut records = Records::default();
        let end = text.rfind('\n').map_or(0, |i| i + 1);
        let mut lines = text[..end].lines();
        while let Some(line) = lines.next() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let verdict = match word {
                "begin" => {
                    records.has_begun = true;
                    continue;
                }
                "probe" => {
                    records.probe = rest.parse().ok();
                    continue;
                }
                "piece" => {
                    records.pieces.push(rest.to_string());
                    continue;
                }
                "endless" => {
                    records.is_endless = true;
                    records.running = Some(rest.to_string()).filter(|piece| !piece.is_empty());
                    continue;
                }
                "not_started" => State::NotStarted,
                "done" => State::Done,
                "wrong" => {
                    let n = rest.parse().unwrap_or(usize::MAX);
                    let details: Vec<String> = lines.by_ref().take(n).map(str::to_string).collect();
                    if details.len() < n {
                        break;
                    }
                    State::Wrong(details)
                }
                _ => break,
            };
            let verdicts = std::mem::take(&mut records.verdicts).into_iter().chain([verdict]).collect();
            records = Records { verdicts, ..Records::default() };
        }
        records
    }
}

/// Only a child has a file.
static FILE: OnceLock<Mutex<File>> = OnceLock::new();

/// The pieces that are noted already.
static PIECES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The pieces that were called and are not back, each with the time of its call; the last one is the innermost.
static RUNNING: Mutex<Vec<(&'static str, Instant)>> = Mutex::new(Vec::new());

fn running() -> MutexGuard<'static, Vec<(&'static str, Instant)>> {
    RUNNING.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The innermost piece that has been running for so long. One that is called again and again is not: the loop is not
/// in it.
pub fn running_piece(long: Duration) -> Option<String> {
    let running = running();
    running.iter().rev().find(|(_, start)| start.elapsed() >= long).map(|(name, _)| name.to_string())
}

/// Makes this program a child, which notes what it does.
pub fn keep_in(file: File) {
    let _ = FILE.set(Mutex::new(file));
}

/// Whether this program is a child: then what runs in it is the learner's.
pub fn is_child() -> bool {
    FILE.get().is_some()
}

/// The checks of this exercise begin.
pub fn note_begin(name: &str) {
    PIECES.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clear();
    note(&format!("begin {name}\n"));
}

/// The function is about to be called on this input.
pub fn note_probe(n: usize) {
    if is_child() {
        running().clear();
        note(&format!("probe {n}\n"));
    }
}

/// A piece is about to be called. Some are called for every number: each is noted once.
pub fn note_piece(name: &'static str) {
    if is_child() {
        running().push((name, Instant::now()));
        let mut pieces = PIECES.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if !pieces.iter().any(|known| known == name) {
            pieces.push(name.to_string());
            note(&format!("piece {name}\n"));
        }
    }
}

/// The pieces that were called since the checks of this exercise began, in the order of their first calls.
pub fn called_pieces() -> Vec<String> {
    PIECES.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
}

/// The piece that was called last is back.
pub fn note_return() {
    if is_child() {
        running().pop();
    }
}

/// The function does not come to an end, perhaps because this piece does not.
pub fn note_endless(piece: Option<&str>) {
    note(&format!("endless {}\n", piece.unwrap_or("")));
}

/// The checks of the exercise have ended.
pub fn note_verdict(state: &State) {
    match state {
        State::NotStarted => note("not_started\n"),
        State::Done => note("done\n"),
        State::Wrong(lines) => {
            // A panic's message may have any number of lines of any length.
            let lines: Vec<String> = lines.iter().flat_map(|line| indented(line)).take(MOST_LINES).collect();
            note(&format!("wrong {}\n{}", lines.len(), lines.iter().map(|l| format!("{l}\n")).collect::<String>()));
        }
    }
}

fn note(text: &str) {
    if let Some(file) = FILE.get() {
        let mut file = file.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let _ = file.write_all(text.as_bytes());
    }
}

/// The lines of a line, all of them as far to the right as the first.
fn indented(line: &str) -> impl Iterator<Item = String> {
    let indent = &line[..line.len() - line.trim_start_matches(' ').len()];
    line.lines().enumerate().map(move |(i, line)| cut(&format!("{}{line}", if i == 0 { "" } else { indent })))
}

/// How many lines of a verdict are kept.
const MOST_LINES: usize = 100;
/// How many characters of a line are kept.
const LONGEST_LINE: usize = 1000;

/// The line, or its beginning.
pub fn cut(line: &str) -> String {
    match line.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{} ...", &line[..end]),
        None => line.to_string(),
    }
}
