//! Standard output and standard error, and how wide a line is.
//!
//! `println!` panics when nobody reads any more. Here that is a [`Failure`] like any other, and the quietest one.

use crate::cli::failure::{Failure, Outcome};
use crate::error::Error;
use std::io::{ErrorKind, IsTerminal, Write};

/// Writes text to standard output.
///
/// # Errors
///
/// If nobody reads it any more ([`Failure::ClosedPipe`]), or if the disk is full.
pub fn print(text: &str) -> Outcome<()> {
    print_bytes(text.as_bytes())
}

/// Writes bytes to standard output, which may end in the middle of a character.
///
/// # Errors
///
/// As [`print()`].
pub fn print_bytes(bytes: &[u8]) -> Outcome<()> {
    stdout_result(std::io::stdout().write_all(bytes))
}

/// Sends everything written to standard output, even if its last line is not complete.
///
/// # Errors
///
/// As [`print()`].
pub fn flush() -> Outcome<()> {
    stdout_result(std::io::stdout().flush())
}

fn stdout_result(result: std::io::Result<()>) -> Outcome<()> {
    result.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::ClosedPipe,
        _ => Error::io("standard output", "written", error).into(),
    })
}

/// Writes a line to standard error. If that fails, there is nobody to tell.
pub fn note(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Writes to standard error without ending the line, such as a progress line that is overwritten again and again.
pub fn note_part(text: &str) {
    let mut stderr = std::io::stderr();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// The columns of the terminal. The standard library cannot ask for them. The program `stty` can: it prints rows and
/// columns.
pub(super) fn terminal_width() -> Option<usize> {
    let terminal = std::fs::File::open("/dev/tty").ok()?;
    let output = std::process::Command::new("stty").arg("size").stdin(terminal).output().ok()?;
    String::from_utf8(output.stdout).ok()?.split_whitespace().nth(1)?.parse().ok()
}

/// Whether standard error is a terminal, where a line can be overwritten.
pub fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// The words of a text in lines of at most `width` characters, unless a single word is longer.
///
/// # Example
///
/// ```
/// assert_eq!(gpt60::cli::wrap("a bb  ccc\ndddddd e", 4), ["a bb", "ccc", "dddddd", "e"]);
/// ```
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => *line += &format!(" {word}"),
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

/// A number with a comma before each three digits: 124439808 as 124,439,808.
#[must_use]
pub fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
