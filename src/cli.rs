//! The shared front of the examples: flags, one-line errors, output that survives a closed pipe.
//!
//! Every example is a small command-line program, and all of them behave alike:
//!
//! * `--help` says what the example shows, its flags with their defaults, and its chapter.
//! * Results go to standard output; prompts, progress and notes go to standard error. So `greedy > story.txt` keeps the
//!   story alone.
//! * A wrong flag is one line, `error: ...`, and exit status 2; a bad file or an impossible wish is one line and status 1.
//! * If whoever reads the output has seen enough (`logits --raw | head`), the program ends quietly.
//!
//! A production program would use the `clap` crate for the flags.

use crate::checkpoint::hugging_face::{self, Checkpoint};
use crate::generate::{Continuation, Sampler, Stop};
use crate::tokenizer::{Tokenizer, Utf8Stream};
use crate::weight::Precision;
use crate::{Error, storybook};
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Instant;

/// A flag of an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    /// With its dashes: `--tokens`.
    pub name: &'static str,
    /// What follows it, for the help: `N`. Empty for a flag that stands alone.
    pub value: &'static str,
    /// What it means, with its default.
    pub help: &'static str,
}

/// `--model DIR`, as every example with a model has it.
pub const MODEL: Flag = Flag {
    name: "--model",
    value: "DIR",
    help: "a GPT-2 directory: config.json, model.safetensors and a vocabulary (default: the storybook inside)",
};
/// `--weights KIND`, of every example whose model only reads or writes.
pub const WEIGHTS: Flag = Flag {
    name: "--weights",
    value: "KIND",
    help: "store the matrices as f32, bf16 or int8: fewer bytes, fewer digits (default: f32)",
};
/// `--ids "5 17 3"`, as every example with a prompt has it.
pub const IDS: Flag =
    Flag { name: "--ids", value: "\"5 17 3\"", help: "token ids instead of a text prompt; the answer is then ids too" };
/// `--tokens N`, as every example that writes has it.
pub const TOKENS: Flag = Flag { name: "--tokens", value: "N", help: "how many new tokens at most (default: 40)" };

/// `--temperature T`, of every example that draws; and the other knobs of its sampler.
pub const TEMPERATURE: Flag =
    Flag { name: "--temperature", value: "T", help: "below 1: tamer, above 1: wilder, 0: the likeliest (default: 1)" };
/// `--top-k N`.
pub const TOP_K: Flag = Flag { name: "--top-k", value: "N", help: "keep the N likeliest tokens, 0: all (default: 0)" };
/// `--top-p P`.
pub const TOP_P: Flag =
    Flag { name: "--top-p", value: "P", help: "keep the likeliest tokens that make up P, 1: all (default: 1)" };
/// `--repetition-penalty X`.
pub const REPETITION_PENALTY: Flag =
    Flag { name: "--repetition-penalty", value: "X", help: "above 1: hold back tokens that were used (default: 1)" };
/// `--no-repeat-ngram N`.
pub const NO_REPEAT_NGRAM: Flag =
    Flag { name: "--no-repeat-ngram", value: "N", help: "never write the same N tokens in a row again (default: 0)" };
/// `--seed N`.
pub const SEED: Flag = Flag { name: "--seed", value: "N", help: "where the random numbers begin (default: 42)" };

/// `--width N`, of every example that prints a table.
pub const WIDTH: Flag =
    Flag { name: "--width", value: "N", help: "how wide a table may be (default: that of the terminal, else 80)" };

/// What an example is: for `--help`, and for checking what it is given.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// The example's name.
    pub name: &'static str,
    /// What it shows, in a sentence or two.
    pub about: &'static str,
    /// What it takes besides flags, as the help shows it: `[PROMPT]`. Empty if nothing.
    pub operands: &'static str,
    /// How many of those there may be.
    pub max_operands: usize,
    /// Its flags; `--help` is understood without being listed.
    pub flags: &'static [Flag],
    /// The chapter that explains it.
    pub chapter: &'static str,
}

/// What an example was given.
#[derive(Debug, Clone, Default)]
pub struct Args {
    flags: Vec<(&'static str, String)>,
    /// What is not a flag, in order.
    pub operands: Vec<String>,
}

/// Why an example ends early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It was called wrongly: exit status 2.
    Usage(String),
    /// What it was asked for cannot be done: exit status 1.
    Failed(String),
    /// Nobody reads its output any more: that is no failure.
    ClosedPipe,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Failed(error.to_string())
    }
}

/// The result of an example, or of a part of it.
pub type Outcome<T> = std::result::Result<T, Failure>;

impl Command {
    /// Reads the command line, runs the example, and turns whatever happens into an exit status.
    pub fn run(&self, example: impl FnOnce(&Args) -> Outcome<()>) -> ExitCode {
        let words = std::env::args_os().skip(1).map(|word| word.into_string());
        let words: std::result::Result<Vec<String>, _> = words.collect();
        let outcome = match words {
            Err(word) => Err(Failure::Usage(format!("{word:?} is not UTF-8 text"))),
            Ok(words) => match self.parse(&words) {
                Ok(Some(args)) => example(&args).inspect(|()| self.note_small_model(&args)),
                Ok(None) => print(&self.help()),
                Err(failure) => Err(failure),
            },
        };
        match outcome.and_then(|()| flush()) {
            Ok(()) | Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
            Err(Failure::Usage(problem)) => {
                note(&format!("error: {} (see --help)", one_line(&problem)));
                ExitCode::from(2)
            }
            Err(Failure::Failed(problem)) => {
                note(&format!("error: {}", one_line(&problem)));
                ExitCode::FAILURE
            }
        }
    }

    /// Says, where the storybook has run, how to get the real GPT-2.
    fn note_small_model(&self, args: &Args) {
        if !self.flags.contains(&MODEL) || args.has("--model") {
            return;
        }
        let fetched = Path::new("weights/gpt2/model.safetensors").is_file();
        let first = if fetched { "" } else { "./weights-fetch.sh, then " };
        note(&format!("[this was the storybook, the small model inside; the real GPT-2: {first}--model weights/gpt2]"));
    }

    /// Sorts the words of a command line into flags and operands; `None` if help is asked for.
    ///
    /// # Errors
    ///
    /// If a flag does not exist or has no value, or there are too many operands.
    pub fn parse(&self, words: &[String]) -> Outcome<Option<Args>> {
        let mut args = Args::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                args.operands.extend(words.by_ref().cloned());
                break;
            }
            if word == "--help" || word == "-h" {
                return Ok(None);
            }
            if !word.starts_with('-') || word == "-" {
                args.operands.push(word.clone());
                continue;
            }
            let (name, attached) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_string())),
                None => (word.as_str(), None),
            };
            let Some(flag) = self.flags.iter().find(|flag| flag.name == name) else {
                let known: Vec<&str> = self.flags.iter().map(|flag| flag.name).collect();
                let known = if known.is_empty() { "none but --help".to_string() } else { known.join(" ") };
                return Err(Failure::Usage(format!(
                    "there is no flag {name:?}; there are {known}; text that begins with a dash goes after --"
                )));
            };
            let value = match (flag.value.is_empty(), attached) {
                (true, None) => String::new(),
                (true, Some(_)) => return Err(Failure::Usage(format!("{name} takes no value"))),
                (false, Some(value)) => value,
                (false, None) => match words.next() {
                    Some(value) => value.clone(),
                    None => return Err(Failure::Usage(format!("{name} needs a value: {name} {}", flag.value))),
                },
            };
            args.flags.push((flag.name, value));
        }
        if args.operands.len() > self.max_operands {
            let extra = &args.operands[self.max_operands];
            let advice = if self.max_operands == 1 { "; put a prompt of several words in quotes" } else { "" };
            return Err(Failure::Usage(format!("{extra:?} is one word too many{advice}")));
        }
        Ok(Some(args))
    }

    /// The text of `--help`.
    pub fn help(&self) -> String {
        let mut text = format!("{}\n\nUse: cargo run --example {}", self.about, self.name);
        if !self.flags.is_empty() || !self.operands.is_empty() {
            text += " --";
        }
        if !self.flags.is_empty() {
            text += " [FLAGS]";
        }
        if !self.operands.is_empty() {
            text += &format!(" {}", self.operands);
        }
        text += "\n";
        if !self.flags.is_empty() {
            text += "\n";
        }
        let left = |flag: &Flag| format!("{} {}", flag.name, flag.value);
        let width = self.flags.iter().map(|flag| left(flag).len()).max().unwrap_or(0);
        for flag in self.flags {
            text += &format!("  {:<width$}  {}\n", left(flag), flag.help);
        }
        text + &format!("\nChapter: {}\n", self.chapter)
    }
}

impl Args {
    /// Whether a flag was given.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The value of a flag, if it was given; the last one of several.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.flags.iter().rev().find(|(found, _)| *found == name).map(|(_, value)| value.as_str())
    }

    /// All values of a flag that may be given several times.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.flags.iter().filter(|(found, _)| *found == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a flag as a number, or `default` if the flag was not given.
    ///
    /// # Errors
    ///
    /// If it is not such a number.
    pub fn number<T: FromStr + std::fmt::Display>(&self, name: &str, default: T) -> Outcome<T> {
        match self.get(name) {
            None => Ok(default),
            Some(text) => text.trim().parse().map_err(|_| {
                Failure::Usage(format!("{name} is {text:?}, which is no such number; the default is {default}"))
            }),
        }
    }

    /// The sampler that `--temperature`, `--top-k`, `--top-p`, `--repetition-penalty`, `--no-repeat-ngram` and `--seed` make.
    ///
    /// # Errors
    ///
    /// If a knob has an impossible value.
    pub fn sampler(&self) -> Outcome<Sampler> {
        let sampler = Sampler {
            repetition_penalty: self.number("--repetition-penalty", 1.0)?,
            no_repeat_ngram: self.number("--no-repeat-ngram", 0)?,
            temperature: self.number("--temperature", 1.0)?,
            top_k: self.number("--top-k", 0)?,
            top_p: self.number("--top-p", 1.0)?,
            ..Sampler::new(self.number("--seed", 42)?)
        };
        sampler.check().map_err(|error| Failure::Usage(error.to_string()))?;
        Ok(sampler)
    }

    /// How many characters fit into a line: `--width`, or the variable `COLUMNS`, or what `stty size` says of the terminal,
    /// or 80.
    ///
    /// # Errors
    ///
    /// If `--width` is not a number.
    pub fn width(&self) -> Outcome<usize> {
        let columns = || std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
        let terminal = || if is_terminal() { terminal_width() } else { None };
        match self.get("--width") {
            Some(_) => self.number("--width", 80),
            None => Ok(columns().or_else(terminal).filter(|&width| width > 0).unwrap_or(80)),
        }
    }

    /// What `--weights` names: f32 if it is not given.
    ///
    /// # Errors
    ///
    /// If there is no such kind.
    pub fn precision(&self) -> Outcome<Precision> {
        let Some(name) = self.get("--weights") else { return Ok(Precision::F32) };
        Precision::named(name).ok_or_else(|| Failure::Usage(format!("--weights {name:?}: choose f32, bf16 or int8")))
    }

    /// The model that `--model` names, or the storybook, with its weights as `--weights` says.
    ///
    /// # Errors
    ///
    /// If the directory cannot be read as a model, or there is no such kind of weights.
    pub fn model(&self) -> Outcome<Checkpoint> {
        let precision = self.precision()?;
        let mut checkpoint = self.full_model()?;
        checkpoint.model.pack(precision)?;
        Ok(checkpoint)
    }

    /// The same model with its weights as they are, for comparing.
    ///
    /// # Errors
    ///
    /// If the directory cannot be read as a model.
    pub fn full_model(&self) -> Outcome<Checkpoint> {
        Ok(match self.get("--model") {
            Some(dir) => hugging_face::load(Path::new(dir))?,
            None => storybook::load(),
        })
    }

    /// The prompt's ids: those of `--ids`, or of the text prompt, or of `default`.
    ///
    /// An empty text means the beginning of a text: the model's `<|endoftext|>`.
    ///
    /// # Errors
    ///
    /// If both are given, or the ids are none, or there is text and no vocabulary.
    pub fn prompt(&self, checkpoint: &Checkpoint, default: &str) -> Outcome<Prompt> {
        if let Some(text) = self.get("--ids") {
            if !self.operands.is_empty() {
                return Err(Failure::Usage("give either --ids or a text prompt, not both".to_string()));
            }
            let id = |word: &str| {
                let wrong = || Failure::Usage(format!("--ids: {word:?} is not a token id; give numbers from 0"));
                word.parse::<u32>().map_err(|_| wrong())
            };
            let ids = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()).map(id);
            return Ok(Prompt { ids: ids.collect::<Outcome<_>>()?, text: None });
        }
        let text = self.operands.first().map_or(default, String::as_str);
        let Some(tokenizer) = &checkpoint.tokenizer else {
            let problem = "this model has no vocabulary; give the prompt as --ids \"5 17 3\"";
            return Err(Failure::Failed(problem.to_string()));
        };
        let ids = if text.is_empty() { tokenizer.end_of_text().into_iter().collect() } else { tokenizer.encode(text) };
        Ok(Prompt { ids, text: Some(text.to_string()) })
    }
}

/// A prompt, ready for the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// Its token ids.
    pub ids: Vec<u32>,
    /// Its text, if it was given as text.
    pub text: Option<String>,
}

/// Prints new tokens as they are made: as text if the prompt was text, else as ids.
///
/// A character whose bytes are spread over two tokens is held back until it is whole.
#[derive(Debug)]
pub struct Answer<'a> {
    tokenizer: Option<&'a Tokenizer>,
    stream: Utf8Stream,
    n_printed: usize,
}

impl<'a> Answer<'a> {
    /// An answer to `prompt`, from the model of `checkpoint`.
    pub fn new(prompt: &Prompt, checkpoint: &'a Checkpoint) -> Answer<'a> {
        let tokenizer = if prompt.text.is_some() { checkpoint.tokenizer.as_ref() } else { None };
        Answer { tokenizer, stream: Utf8Stream::new(), n_printed: 0 }
    }

    /// Prints one token. An end token has no text.
    ///
    /// # Errors
    ///
    /// If standard output cannot be written.
    pub fn push(&mut self, id: u32, is_end: bool) -> Outcome<()> {
        let text = match self.tokenizer {
            // Ids up to n_vocab may lie past the vocabulary (padding of the model's table): they have no text.
            Some(tokenizer) if !is_end => self.stream.push(tokenizer.token_bytes(id).unwrap_or(&[])),
            Some(_) => String::new(),
            None if self.n_printed == 0 => id.to_string(),
            None => format!(" {id}"),
        };
        self.n_printed += 1;
        print(&text)?;
        flush()
    }

    /// Ends the line.
    ///
    /// # Errors
    ///
    /// If standard output cannot be written.
    pub fn finish(self) -> Outcome<()> {
        print(&format!("{}\n", self.stream.finish()))?;
        flush()
    }
}

/// Prints at most `n_tokens` tokens as they are made; then says on standard error why the text ended, and how fast it was.
/// The new tokens' ids are given back.
///
/// # Errors
///
/// If the model fails, or standard output cannot be written.
pub fn stream(
    mut tokens: Continuation,
    n_tokens: usize,
    prompt: &Prompt,
    checkpoint: &Checkpoint,
) -> Outcome<Vec<u32>> {
    note_prompt(prompt);
    let start = Instant::now();
    let mut answer = Answer::new(prompt, checkpoint);
    let mut ids = Vec::new();
    for id in tokens.by_ref().take(n_tokens) {
        let id = id.inspect_err(|_| note(""))?; // the error gets a line of its own
        answer.push(id, checkpoint.end_ids.contains(&id))?;
        ids.push(id);
    }
    answer.finish()?;
    note_end(tokens.stopped_by(), ids.len(), start, checkpoint);
    Ok(ids)
}

/// Says on standard error why a text ended, and how fast it was.
pub fn note_end(stopped_by: Option<Stop>, n_made: usize, start: Instant, checkpoint: &Checkpoint) {
    match stopped_by {
        Some(Stop::EndToken) => note("[the model ended its text]"),
        Some(Stop::FullContext) => note(&format!("[the context of {} tokens is full]", checkpoint.model.config.n_ctx)),
        Some(Stop::Error) | None => {}
    }
    let seconds = start.elapsed().as_secs_f64();
    note(&format!("[{n_made} tokens, {:.0} tokens/s]", n_made as f64 / seconds.max(1e-9)));
}

/// A whole answer on one line, for examples that print several: as text if the prompt was text, else as ids. Line breaks
/// are written `\n`, and an end token has no text.
pub fn answer_line(ids: &[u32], prompt: &Prompt, checkpoint: &Checkpoint) -> String {
    match checkpoint.tokenizer.as_ref().filter(|_| prompt.text.is_some()) {
        None => ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" "),
        Some(tokenizer) => {
            let with_text = ids.iter().filter(|id| !checkpoint.end_ids.contains(id));
            let bytes: Vec<u8> = with_text.flat_map(|&id| tokenizer.token_bytes(id).unwrap_or(&[])).copied().collect();
            String::from_utf8_lossy(&bytes).replace('\n', "\\n").replace('\r', "\\r")
        }
    }
}

/// Writes the prompt to standard error: on a terminal, the answer goes on in the same line.
pub fn note_prompt(prompt: &Prompt) {
    match &prompt.text {
        Some(text) => note_part(text),
        None => note_part(&format!("{} ids, then: ", prompt.ids.len())),
    }
    if is_terminal() && !std::io::stdout().is_terminal() {
        note(""); // the answer goes elsewhere
    }
}

/// Writes text to standard output.
///
/// # Errors
///
/// If nobody reads it any more, or the disk is full.
pub fn print(text: &str) -> Outcome<()> {
    print_bytes(text.as_bytes())
}

/// Writes bytes to standard output: for what may end in the middle of a character.
///
/// # Errors
///
/// As [`print()`].
pub fn print_bytes(bytes: &[u8]) -> Outcome<()> {
    stdout_result(std::io::stdout().write_all(bytes))
}

/// Sends on what was written to standard output so far, even if its line is not complete.
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

/// Writes a line to standard error. If nobody reads that, there is nobody to tell.
pub fn note(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Writes to standard error without ending the line: for a progress line that is written over and over.
pub fn note_part(text: &str) {
    let mut stderr = std::io::stderr();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// The columns of the terminal. The standard library cannot ask, but the program `stty` can: it prints rows and columns.
fn terminal_width() -> Option<usize> {
    let terminal = std::fs::File::open("/dev/tty").ok()?;
    let output = std::process::Command::new("stty").arg("size").stdin(terminal).output().ok()?;
    String::from_utf8(output.stdout).ok()?.split_whitespace().nth(1)?.parse().ok()
}

/// A curve in one line: `values` from left to right in at most `width` characters, from `▁` for the lowest to `█` for the
/// highest. Where there are more values than characters, each character stands for the mean of some of them.
///
/// # Example: a loss that falls
///
/// ```
/// use gpt60::cli::sparkline;
///
/// assert_eq!(sparkline(&[8.0, 4.0, 2.0, 1.0], 10), "█▄▂▁");
/// assert_eq!(sparkline(&[8.0, 8.0, 1.0, 1.0], 2), "█▁");
/// assert_eq!(sparkline(&[3.0, f64::NAN], 10), "▁ "); // no height at all
/// ```
pub fn sparkline(values: &[f64], width: usize) -> String {
    let each = values.len().div_ceil(width.max(1)).max(1);
    let means: Vec<f64> = values.chunks(each).map(|some| some.iter().sum::<f64>() / some.len() as f64).collect();
    let lowest = means.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let character = |mean: f64| {
        let height = if highest > lowest { (mean - lowest) / (highest - lowest) } else { 0.0 };
        if mean.is_finite() {
            ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'][(height * 7.0).round() as usize]
        } else {
            ' '
        }
    };
    means.into_iter().map(character).collect()
}

/// Whether standard error is a terminal, on which a line can be written over.
pub fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// A text on one line: line breaks become spaces.
fn one_line(text: &str) -> String {
    text.split(['\n', '\r']).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAND: Command = Command {
        name: "test",
        about: "Tests.",
        operands: "[PROMPT]",
        max_operands: 1,
        flags: &[TOKENS, WIDTH, Flag { name: "--raw", value: "", help: "raw" }],
        chapter: "none",
    };

    fn parse(words: &[&str]) -> Outcome<Option<Args>> {
        COMMAND.parse(&words.iter().map(|word| word.to_string()).collect::<Vec<_>>())
    }

    fn usage(words: &[&str]) -> String {
        match parse(words) {
            Err(Failure::Usage(problem)) => problem,
            other => panic!("expected a usage error, got {other:?}"),
        }
    }

    #[test]
    fn flags_and_operands_come_in_any_order() {
        let args = parse(&["hello", "--raw", "--tokens", "7"]).unwrap().unwrap();
        assert_eq!((args.operands[0].as_str(), args.has("--raw"), args.number("--tokens", 40)), ("hello", true, Ok(7)));
        let args = parse(&["--tokens=7", "--", "--raw"]).unwrap().unwrap();
        assert_eq!((args.operands[0].as_str(), args.has("--raw"), args.get("--tokens")), ("--raw", false, Some("7")));
    }

    #[test]
    fn help_is_asked_for_and_names_flags_and_chapter() {
        assert!(parse(&["--tokens", "3", "--help"]).unwrap().is_none());
        let help = COMMAND.help();
        assert!(help.contains("--tokens N") && help.contains("--raw") && help.contains("Chapter: none"), "{help}");
    }

    #[test]
    fn a_wrong_call_says_what_is_wrong_and_what_would_be_right() {
        assert!(usage(&["--tokns", "3"]).contains("there is no flag \"--tokns\"; there are --tokens --width --raw"));
        assert!(usage(&["--tokens"]).contains("--tokens needs a value"));
        assert!(usage(&["--raw=1"]).contains("--raw takes no value"));
        assert!(usage(&["two", "words"]).contains("quotes"));
        let args = parse(&["--tokens", "many"]).unwrap().unwrap();
        assert!(matches!(args.number("--tokens", 40usize), Err(Failure::Usage(p)) if p.contains("\"many\"")));
    }

    #[test]
    fn a_width_that_is_given_counts_whatever_the_terminal_is() {
        let width = |words: &[&str]| parse(words).unwrap().unwrap().width();
        assert_eq!(width(&["--width", "33"]), Ok(33));
        assert!(matches!(width(&["--width", "-1"]), Err(Failure::Usage(problem)) if problem.contains("--width")));
        assert!(width(&[]).unwrap() > 0);
    }

    #[test]
    fn an_answer_on_one_line_has_its_breaks_written_out() {
        let checkpoint = storybook::load();
        let tokenizer = checkpoint.tokenizer.as_ref().unwrap();
        let ids = [tokenizer.encode("one\ntwo\r\n"), checkpoint.end_ids.clone()].concat();
        let prompt = |text: Option<&str>| Prompt { ids: vec![1], text: text.map(str::to_string) };
        assert_eq!(answer_line(&ids, &prompt(Some("a")), &checkpoint), "one\\ntwo\\r\\n");
        let numbers: Vec<String> = ids.iter().map(u32::to_string).collect();
        assert_eq!(answer_line(&ids, &prompt(None), &checkpoint), numbers.join(" "));
        assert_eq!(answer_line(&[u32::MAX], &prompt(Some("a")), &checkpoint), ""); // no such token
    }

    #[test]
    fn an_error_is_one_line() {
        assert_eq!(one_line("a\nb\r\n  c"), "a b c");
    }
}
