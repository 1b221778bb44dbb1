//! The flags that several examples have, and what they mean: which model, which prompt, how to choose a token, how wide a line.

use crate::checkpoint::{self, Checkpoint};
use crate::cli::answer::Prompt;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::flags::{Args, Flag};
use crate::cli::terminal::{is_terminal, note, terminal_width};
use crate::error::Result;
use crate::generate::{Sampler, StopTexts};
use crate::storybook;
use crate::tokenizer::END_OF_TEXT;
use crate::weight::Precision;

/// `--model DIR`, of every example with a model.
pub const MODEL: Flag = Flag {
    name: "--model",
    value: "DIR",
    help: "a GPT-2: a directory, or a file (.gguf, ckpt.pt, ...; docs/14) (default: the storybook inside)",
};
/// `--weights KIND`, of every example whose model only reads or writes.
pub const WEIGHTS: Flag = Flag {
    name: "--weights",
    value: "KIND",
    help: "store the matrices as f32, bf16, int8 or int4: fewer bytes, fewer digits (default: f32)",
};
/// `--ids "5 17 3"`, of every example with a prompt.
pub const IDS: Flag =
    Flag { name: "--ids", value: "\"5 17 3\"", help: "token ids instead of a text prompt; the answer is then ids too" };
/// `--special`, of every example with a text prompt.
pub const SPECIAL: Flag =
    Flag { name: "--special", value: "", help: "read <|endoftext|> in the text as the end token (default: as text)" };
/// `--tokens N`, of every example that writes.
pub const TOKENS: Flag = Flag { name: "--tokens", value: "N", help: "how many new tokens at most (default: 40)" };

/// `--temperature T`, of every example that draws; and the other knobs of its sampler.
pub const TEMPERATURE: Flag =
    Flag { name: "--temperature", value: "T", help: "below 1: tamer, above 1: wilder, 0: the likeliest (default: 1)" };
/// `--top-k N`.
pub const TOP_K: Flag = Flag { name: "--top-k", value: "N", help: "keep the N likeliest tokens, 0: all (default: 0)" };
/// `--top-p P`.
pub const TOP_P: Flag =
    Flag { name: "--top-p", value: "P", help: "keep the likeliest tokens that make up P, 1: all (default: 1)" };
/// `--min-p P`.
pub const MIN_P: Flag =
    Flag { name: "--min-p", value: "P", help: "drop tokens below P times the likeliest's share, 0: none (default: 0)" };
/// `--typical-p P`.
pub const TYPICAL_P: Flag = Flag {
    name: "--typical-p",
    value: "P",
    help: "keep the tokens of usual surprise that make up P, 1: all (default: 1)",
};
/// `--epsilon-cutoff E`.
pub const EPSILON_CUTOFF: Flag =
    Flag { name: "--epsilon-cutoff", value: "E", help: "drop tokens of a probability below E, 0: none (default: 0)" };
/// `--min-tokens N`, of every example that writes.
pub const MIN_TOKENS: Flag =
    Flag { name: "--min-tokens", value: "N", help: "write at least N new tokens before the text may end (default: 0)" };
/// `--stop TEXT`, of every example that writes.
pub const STOP: Flag = Flag {
    name: "--stop",
    value: "TEXT",
    help: "end where TEXT would begin, and leave it out; several can be given (default: none)",
};
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

impl Args {
    /// The sampler that the knobs (`--temperature` and so on), `--min-tokens` and `--seed` describe.
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
            min_p: self.number("--min-p", 0.0)?,
            typical_p: self.number("--typical-p", 1.0)?,
            epsilon_cutoff: self.number("--epsilon-cutoff", 0.0)?,
            min_tokens: self.number("--min-tokens", 0)?,
            ..Sampler::new(self.number("--seed", 42)?)
        };
        sampler.check().map_err(|error| Failure::Usage(error.to_string()))?;
        Ok(sampler)
    }

    /// The texts of `--stop`.
    ///
    /// # Errors
    ///
    /// If one of them is empty.
    pub fn stop_texts(&self) -> Outcome<StopTexts> {
        let texts = self.all("--stop");
        if texts.contains(&"") {
            let problem = "--stop is empty: give the text at which to stop, for example --stop \"The end\"";
            return Err(Failure::Usage(problem.to_string()));
        }
        Ok(StopTexts::new(texts))
    }

    /// How many characters fit into a line: `--width`, or the variable `COLUMNS`, or what `stty size` reports about the
    /// terminal, or 80.
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

    /// What `--weights` names, or f32 if it was not given.
    ///
    /// # Errors
    ///
    /// If it is not f32, bf16, int8 or int4.
    pub fn precision(&self) -> Outcome<Precision> {
        let Some(name) = self.get("--weights") else { return Ok(Precision::F32) };
        name.parse().map_err(|error| Failure::Usage(format!("--weights {error}")))
    }

    /// The model that `--model` names, or the storybook, with its weights stored as `--weights` says.
    ///
    /// # Errors
    ///
    /// If the directory cannot be read as a model, or `--weights` is not a known precision.
    pub fn model(&self) -> Outcome<Checkpoint> {
        let precision = self.precision()?;
        let mut checkpoint = self.full_model()?;
        checkpoint.model.pack(precision)?;
        Ok(checkpoint)
    }

    /// The same model with its weights unchanged, for comparison.
    ///
    /// # Errors
    ///
    /// If the directory cannot be read as a model.
    pub fn full_model(&self) -> Outcome<Checkpoint> {
        let Some(dir) = self.get("--model") else { return Ok(storybook::load()) };
        let checkpoint = checkpoint::load(dir)?;
        checkpoint.notes.iter().for_each(|line| note(&format!("[{line}]")));
        Ok(checkpoint)
    }

    /// The prompt's ids: from `--ids`, or from the text prompt, or from `default`.
    ///
    /// An empty text means the beginning of a text: the model's `<|endoftext|>`. In any other text, `<|endoftext|>` is text
    /// unless `--special` was given; a note says so.
    ///
    /// # Errors
    ///
    /// If both are given, or an id is not a number, or there is text (or a `--stop` text) but the model has no vocabulary.
    pub fn prompt(&self, checkpoint: &Checkpoint, default: &str) -> Outcome<Prompt> {
        if self.has("--stop") && checkpoint.tokenizer.is_none() {
            let problem = "--stop looks at text, and this model has no vocabulary to turn ids into text: leave --stop out, or put \
                           the model's tokenizer.json (or vocab.json and merges.txt) into its directory";
            return Err(Failure::Failed(problem.to_string()));
        }
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
        if checkpoint.tokenizer.is_none() {
            return Err(self.no_vocabulary("give the prompt as --ids \"5 17 3\""));
        }
        if text.contains(END_OF_TEXT) && !self.has("--special") {
            note(&format!("[{END_OF_TEXT} in the prompt was read as text; --special reads it as the end token]"));
        }
        Ok(Prompt { ids: self.encode(checkpoint, text)?, text: Some(text.to_string()) })
    }

    /// The ids of a text, with `<|endoftext|>` as `--special` says.
    ///
    /// # Errors
    ///
    /// If the model has no vocabulary, or one that lacks a byte of the text.
    pub fn encode(&self, checkpoint: &Checkpoint, text: &str) -> Result<Vec<u32>> {
        if self.has("--special") { checkpoint.encode_with_end(text) } else { checkpoint.encode(text) }
    }

    /// What to say when a text was given to a model that cannot read it: which vocabulary it has instead, or which files
    /// were looked for. `remedy` ends the line.
    pub fn no_vocabulary(&self, remedy: &str) -> Failure {
        let problem = match self.get("--model") {
            Some(dir) => checkpoint::no_vocabulary(dir).to_string(),
            None => "this model has no vocabulary".to_string(),
        };
        Failure::Failed(format!("{problem}; {remedy}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::flags::Command;

    const COMMAND: Command =
        Command { name: "test", about: "", operands: "", max_operands: 0, flags: &[WIDTH, STOP, IDS], chapter: "none" };

    fn parse(words: &[&str]) -> Outcome<Option<Args>> {
        COMMAND.parse(&words.iter().map(|word| word.to_string()).collect::<Vec<_>>())
    }

    #[test]
    fn several_stop_texts_can_be_given_but_no_empty_one_and_none_without_a_vocabulary() {
        let stops = |words: &[&str]| parse(words).unwrap().unwrap().stop_texts();
        assert_eq!(stops(&["--stop", "a", "--stop=b c"]).unwrap().texts(), ["a", "b c"]);
        assert!(stops(&[]).unwrap().texts().is_empty());
        assert!(
            matches!(stops(&["--stop", "a", "--stop", ""]), Err(Failure::Usage(problem)) if problem.contains("--stop"))
        );
        let nameless = Checkpoint { tokenizer: None, ..storybook::load() };
        let prompt = |words: &[&str]| parse(words).unwrap().unwrap().prompt(&nameless, "");
        assert!(prompt(&["--ids", "5"]).is_ok());
        let failed = prompt(&["--ids", "5", "--stop", "a"]);
        assert!(matches!(failed, Err(Failure::Failed(problem)) if problem.contains("leave --stop out")));
    }

    #[test]
    fn a_given_width_counts_on_any_terminal() {
        let width = |words: &[&str]| parse(words).unwrap().unwrap().width();
        assert_eq!(width(&["--width", "33"]), Ok(33));
        assert!(matches!(width(&["--width", "-1"]), Err(Failure::Usage(problem)) if problem.contains("--width")));
        assert!(width(&[]).unwrap() > 0);
    }
}
