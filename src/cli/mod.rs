//! The shared front of the examples: flags, one-line errors, and output that survives a closed pipe.
//!
//! Every example is a small command-line program, and all of them behave alike:
//!
//! * `--help` says what the example shows, its flags with their defaults, and its chapter.
//! * Results go to standard output; prompts, progress and notes go to standard error. That is why `greedy > story.txt`
//!   keeps only the story.
//! * A wrong flag is one line, `error: ...`, and exit status 2; a bad file or an impossible request is one line and status 1.
//! * When the reader of the output has seen enough (`logits --raw | head`), the program ends quietly.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `failure.rs` | why an example ends early |
//! | `terminal.rs` | standard output and standard error, and how wide a line is |
//! | `flags.rs` | what an example accepts, and what it was given |
//! | `near.rs` | which known word is meant by one that is unknown |
//! | `answer.rs` | a prompt, and its answer as it is written |
//! | `shared_flags.rs` | the flags that several examples have, and what they mean |
//! | `numbers.rs` | whether results are numbers, before they are printed |
//! | `unused.rs` | what was given and changes nothing |
//!
//! A production program would use the `clap` crate for the flags.

mod answer;
mod failure;
mod flags;
mod near;
mod numbers;
mod shared_flags;
mod terminal;
mod unused;

pub use answer::{Answer, Prompt, StopWatch, answer_line, answer_text, full_context, note_end, note_prompt, stream};
pub use failure::{Failure, Outcome};
pub use flags::{Args, Command, Flag};
pub use near::near;
pub use numbers::check_numbers;
pub use shared_flags::{
    EPSILON_CUTOFF, IDS, MIN_P, MIN_TOKENS, MODEL, NO_REPEAT_NGRAM, REPETITION_PENALTY, SEED, SPECIAL, STOP,
    TEMPERATURE, TOKENS, TOP_K, TOP_P, TYPICAL_P, WEIGHTS, WIDTH,
};
pub use terminal::{flush, grouped, is_terminal, note, note_part, print, print_bytes, wrap};

use crate::kernels;
use std::path::Path;
use std::process::ExitCode;

impl Command {
    /// Reads the command line, runs the example, and turns the outcome into an exit status.
    pub fn run(&self, example: impl FnOnce(&Args) -> Outcome<()>) -> ExitCode {
        let words = std::env::args_os().skip(1).map(|word| word.into_string());
        let words: std::result::Result<Vec<String>, _> = words.collect();
        let outcome = match words {
            Err(word) => Err(Failure::Usage(format!("{word:?} is not UTF-8 text"))),
            Ok(words) => match self.parse(&words) {
                Ok(Some(args)) => {
                    for line in kernels::unheeded() {
                        note(&format!("[{line}]"));
                    }
                    example(&args).inspect(|()| self.note_at_end(&args))
                }
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

    /// After a run, says what was given and changed nothing.
    fn note_at_end(&self, args: &Args) {
        for line in unused::flags(args) {
            note(&format!("[{line}]"));
        }
        self.note_small_model(args);
    }

    /// After a run of the storybook, says how to get the real GPT-2.
    fn note_small_model(&self, args: &Args) {
        if !self.flags.contains(&MODEL) || args.has("--model") {
            return;
        }
        let fetched = Path::new("weights/gpt2/model.safetensors").is_file();
        let first = if fetched { "" } else { "./weights-fetch.sh, then " };
        note(&format!("[this was the storybook, the small model inside; the real GPT-2: {first}--model weights/gpt2]"));
    }
}

/// A text on one line: line breaks become spaces.
fn one_line(text: &str) -> String {
    text.split(['\n', '\r']).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line() {
        assert_eq!(one_line("a\nb\r\n  c"), "a b c");
    }
}
