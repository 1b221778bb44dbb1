//! The terminal, or the pipe: where the story is printed, and where the lines come from.

use gpt60::Error;
use gpt60::cli::{self, Failure, Outcome};
use std::io::{BufRead, IsTerminal, Read};

/// A longer line (16 MB) is not kept in memory.
const LONGEST_LINE: u64 = 1 << 24;

/// Standard output, and notes that do not run into its text.
pub struct Screen {
    /// The whole story is printed, not only the model's text: nobody sees the lines that are read.
    pub whole: bool,
    /// Standard output is a terminal.
    is_shown: bool,
    /// The last thing printed was not a line break.
    line_is_open: bool,
    /// What was printed is no longer the story: a piece was dropped.
    pub is_stale: bool,
}

impl Screen {
    /// `is_typed`: whether the person's lines are on the terminal already, because they are typed there.
    pub fn new(is_typed: bool) -> Screen {
        let is_shown = std::io::stdout().is_terminal();
        Screen { whole: !(is_typed && is_shown), is_shown, line_is_open: false, is_stale: false }
    }

    /// Prints `text`, which follows `before` in the story. If a piece was dropped, `before` is printed again.
    pub fn print(&mut self, before: &str, text: &str) -> Outcome<()> {
        if self.whole && self.is_stale {
            self.end_line()?;
            self.put(before)?;
        }
        self.is_stale = false;
        self.put(text)
    }

    /// Shows where a text on the terminal begins that the model continues.
    pub fn begin(&mut self, text: &str) {
        if !self.whole && !text.is_empty() {
            cli::note_part(text);
            self.line_is_open = true;
        }
    }

    fn put(&mut self, text: &str) -> Outcome<()> {
        if let Some(last) = text.chars().last() {
            self.line_is_open = last != '\n';
            cli::print(text)?;
            cli::flush()?;
        }
        Ok(())
    }

    pub fn end_line(&mut self) -> Outcome<()> {
        if self.line_is_open { self.put("\n") } else { Ok(()) }
    }

    /// Ends the last line of the whole story, and prints the story again if a piece was dropped.
    pub fn finish(&mut self, story: &str) -> Outcome<()> {
        self.print(story, "")?;
        self.end_line()
    }

    /// Writes a note to standard error, on a line of its own.
    pub fn note(&mut self, line: &str) {
        self.answer(&format!("[{line}]"));
    }

    /// Writes the answer of a command to standard error.
    pub fn answer(&mut self, text: &str) {
        self.close_line();
        cli::note(text);
    }

    /// Begins a new line on the terminal, through standard error: the story has no line break there.
    fn close_line(&mut self) {
        if self.line_is_open && self.is_shown && cli::is_terminal() {
            cli::note("");
            self.line_is_open = false;
        }
    }
}

/// A line of the input.
pub enum Line {
    Text(String),
    Unreadable(&'static str),
    End,
}

/// Reads a line from standard input, without its line break.
pub fn read_line() -> Outcome<Line> {
    let mut input = std::io::stdin().lock();
    let mut read = |line: &mut Vec<u8>| {
        let failed = |error| Failure::from(Error::io("standard input", "read", error));
        input.by_ref().take(LONGEST_LINE).read_until(b'\n', line).map_err(failed)
    };
    let mut line = Vec::new();
    if read(&mut line)? == 0 {
        return Ok(Line::End);
    }
    if line.len() as u64 == LONGEST_LINE && !line.ends_with(b"\n") {
        while !line.ends_with(b"\n") && !line.is_empty() {
            line.clear();
            read(&mut line)?;
        }
        return Ok(Line::Unreadable("it has more than 16 MB; write it in parts"));
    }
    if line.ends_with(b"\n") {
        line.pop();
    }
    if line.ends_with(b"\r") {
        line.pop();
    }
    Ok(match String::from_utf8(line) {
        Ok(text) => Line::Text(text),
        Err(_) => Line::Unreadable("it is not UTF-8 text"),
    })
}
