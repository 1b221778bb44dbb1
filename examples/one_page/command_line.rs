//! What `one_page` is asked for, and what it shows meanwhile. Nothing here belongs to the algorithm.
//!
//! The other examples have all this from the library's `cli`. The page shall need nothing but itself.

use std::collections::HashSet;
use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The flags: name, value, meaning.
const FLAGS: [(&str, &str, &str); 3] = [
    ("--watch", "", "shows the falling loss, and a new name every hundred steps"),
    ("--steps", "N", "how many names to learn from (default: 1000)"),
    ("--seed", "N", "where the random numbers begin (default: 42)"),
];

const ABOUT: &str = "\
A whole GPT on one page, training included: it learns from a list of names and
writes twenty new ones. FILE is another list: text, one word a line. Of a word
of more than 16 letters only the first 16 are read.

Use: cargo run --example one_page -- [FLAGS] [FILE]
     (default: 5,000 given names)
";

/// Of more different letters than this, a list of words makes a model that is too large for one page.
const MOST_LETTERS: usize = 1000;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 100_000_000;

/// If it ends early: the exit status, and the line that says why.
pub type Outcome<T> = Result<T, (u8, String)>;

/// What was asked for, and what was seen since.
pub struct Asked {
    file: Option<String>,
    watch: bool,
    pub n_steps: usize,
    pub seed: u64,
    started: Instant,
    trained: Duration,
    losses: Vec<f64>,
    n_known: usize,
    words: HashSet<String>,
}

/// Reads the command line, runs the page, and turns its outcome into an exit status.
pub fn run(page: impl FnOnce(&mut Asked) -> Outcome<()>) -> ExitCode {
    let words = std::env::args_os().skip(1).map(|word| word.into_string());
    let words: Result<Vec<String>, _> =
        words.map(|word| word.map_err(|word| usage(format!("{word:?} is not UTF-8 text")))).collect();
    let outcome = words.and_then(|words| match parse(words)? {
        None => print(&help()),
        Some(mut asked) => page(&mut asked).map(|()| note(&asked.summary())),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err((status, problem)) => {
            if status > 0 {
                note(&format!("error: {problem}"));
            }
            ExitCode::from(status)
        }
    }
}

/// The words of the command line, sorted; `None` if help is asked for.
fn parse(words: Vec<String>) -> Outcome<Option<Asked>> {
    let mut asked = Asked::new();
    let mut words = words.into_iter();
    let mut operands = Vec::new();
    while let Some(word) = words.next() {
        if word == "--" {
            operands.extend(words.by_ref());
        } else if word == "--help" || word == "-h" {
            return Ok(None);
        } else if !word.starts_with('-') || word == "-" {
            operands.push(word);
        } else {
            let (name, attached) =
                word.split_once('=').map_or((&*word, None), |(name, value)| (name, Some(value.to_string())));
            let Some((_, value, _)) = FLAGS.iter().find(|flag| flag.0 == name) else {
                let known = FLAGS.map(|flag| flag.0).join(" ");
                return Err(usage(format!(
                    "there is no flag {name:?}; there are {known}; a file that begins with a dash goes after --"
                )));
            };
            match (value.is_empty(), attached) {
                (true, None) => asked.watch = true,
                (true, Some(_)) => return Err(usage(format!("{name} takes no value"))),
                (false, attached) => {
                    let given = attached
                        .or_else(|| words.next())
                        .ok_or_else(|| usage(format!("{name} needs a value: {name} {value}")))?;
                    let wrong = |_| usage(format!("{name}: {given:?} is not a whole number from 0 on"));
                    match name {
                        "--steps" => asked.n_steps = given.trim().parse().map_err(wrong)?,
                        _ => asked.seed = given.trim().parse().map_err(wrong)?,
                    }
                }
            }
        }
    }
    let mut operands = operands.into_iter();
    asked.file = operands.next();
    match operands.next() {
        Some(extra) => Err(usage(format!("{extra:?} is one word too many: give one file"))),
        None => Ok(Some(asked)),
    }
}

fn usage(problem: String) -> (u8, String) {
    (2, format!("{problem} (see --help)"))
}

fn help() -> String {
    let flags = FLAGS.map(|(name, value, meaning)| format!("  {:<9}  {meaning}\n", format!("{name} {value}")));
    format!("{ABOUT}\n{}\nChapter: docs/12-backpropagation.md\n", flags.concat())
}

impl Asked {
    fn new() -> Asked {
        Asked {
            file: None,
            watch: false,
            n_steps: 1000,
            seed: 42,
            started: Instant::now(),
            trained: Duration::ZERO,
            losses: Vec::new(),
            n_known: 0,
            words: HashSet::new(),
        }
    }

    /// The text of the file that was asked for, or else `default`: at least one word, of not too many letters.
    pub fn text(&mut self, default: &str) -> Outcome<String> {
        let text = match &self.file {
            None => default.to_string(),
            Some(file) => read(file).map_err(|problem| (1, format!("{file}: {problem}")))?,
        };
        self.words = text.lines().map(|line| line.trim().to_string()).collect();
        self.started = Instant::now();
        Ok(text)
    }

    /// Shows a step, if that was asked for.
    pub fn watch(&mut self, step: usize, loss: f64, sample: impl FnOnce() -> String) {
        self.losses.push(loss);
        self.trained = self.started.elapsed();
        let n_done = step + 1;
        let ends_line = n_done.is_multiple_of(100) || n_done == self.n_steps;
        if !self.watch || !(ends_line || (n_done.is_multiple_of(10) && io::stderr().is_terminal())) {
            return;
        }
        let last = &self.losses[self.losses.len().saturating_sub(100)..];
        let start = if io::stderr().is_terminal() { "\r" } else { "" };
        let line =
            format!("{start}step {n_done:>5}  loss {:.3}  {:<40}", mean(last), curve(&self.losses, self.n_steps, 40));
        let text = if ends_line { format!("{line}  {}\n", sample()) } else { line };
        let _ = io::stderr().write_all(text.as_bytes()); // if that fails, there is nobody to tell
    }

    /// Writes a new name.
    pub fn print(&mut self, name: &str) -> Outcome<()> {
        self.n_known += usize::from(self.words.contains(name));
        print(&format!("{name}\n"))
    }

    /// The line at the end.
    fn summary(&self) -> String {
        let n = self.losses.len();
        if n == 0 {
            return "[it has learnt nothing: --steps is 0]".to_string();
        }
        let some = n.min(100);
        let (first, last) = (mean(&self.losses[..some]), mean(&self.losses[n - some..]));
        let seconds = self.trained.as_secs_f64();
        let known = match self.n_known {
            0 => "no name was in the list".to_string(),
            1 => "1 name was in the list".to_string(),
            n_known => format!("{n_known} names were in the list"),
        };
        format!(
            "[{n} steps in {seconds:.2} s; mean loss {first:.2} in the first {some}, {last:.2} in the last; {known}]"
        )
    }
}

/// Reads a list of words.
fn read(file: &str) -> Result<String, String> {
    let remedy = "give a text file with one word a line";
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    opened.map_err(|error| format!("{error}; {remedy}"))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("is larger than {} MB; {remedy}", LARGEST / 1_000_000));
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| format!("is not UTF-8 at byte {}; {remedy}", error.utf8_error().valid_up_to()))?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text).to_string(); // a byte order mark
    let letters: HashSet<char> = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    match letters.len() {
        0 => Err(format!("there are no words in it; {remedy}")),
        n if n > MOST_LETTERS => {
            Err(format!("it has {n} different letters, and one page takes at most {MOST_LETTERS}; {remedy}"))
        }
        _ => Ok(text),
    }
}

fn mean(losses: &[f64]) -> f64 {
    losses.iter().sum::<f64>() / losses.len() as f64
}

/// The losses so far as a curve of at most `width` characters, which is full when there are `n_steps`.
fn curve(losses: &[f64], n_steps: usize, width: usize) -> String {
    let means: Vec<f64> = losses.chunks(n_steps.div_ceil(width)).map(mean).collect();
    let lowest = means.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let height = |mean: &f64| (7.0 * (mean - lowest) / (highest - lowest)).round() as usize; // NaN as usize is 0
    means.iter().map(|mean| ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'][height(mean).min(7)]).collect()
}

/// Writes to standard output. If nobody reads it any more, that is a quiet end.
fn print(text: &str) -> Outcome<()> {
    let mut stdout = io::stdout();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => (0, String::new()),
        _ => (1, format!("standard output: cannot be written: {error}")),
    })
}

fn note(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
