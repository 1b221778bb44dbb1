//! The model as an author: it continues any story, however long.

use super::sentence::ends_between;
use gpt60::Rng;
use gpt60::checkpoint::Checkpoint;
use gpt60::cli::Outcome;
use gpt60::generate::{Sampler, Stop, StopTexts};
use gpt60::tokenizer::{Tokenizer, Utf8Stream};
use std::fmt::Display;
use std::str::FromStr;

/// More tokens than this in one turn are a typing error, and only Ctrl-C would end them.
const MOST_TOKENS: usize = 10_000;
/// How many tokens a turn may have beyond its own, to end its sentence.
pub const MOST_MORE: usize = 40;
/// How many seeds are tried for a piece that differs from the old ones.
const TRIES: usize = 10;

/// The model, and how it writes.
pub struct Author {
    pub checkpoint: Checkpoint,
    pub sampler: Sampler,
    /// Where a turn ends.
    pub stops: StopTexts,
    /// The seed for the next piece.
    pub seed: u64,
    /// How many tokens a turn has, before it ends its sentence.
    pub n_tokens: usize,
    /// `<|endoftext|>` in a story is the end token.
    pub reads_end: bool,
    /// How many tokens of the story were read when it did not fit for the first time.
    pub n_read: Option<usize>,
}

/// What the model wrote in a turn.
pub struct Written {
    pub text: String,
    /// Why the text ended, unless it reached its length.
    pub ended_by: Option<String>,
}

impl Author {
    /// Continues `story` with a piece that is not in `old`. The inner error says why it cannot.
    ///
    /// A piece is held back as long as it begins like an old one. After that, `show` receives it as it is made.
    pub fn write_unlike(
        &mut self,
        old: &[String],
        story: &str,
        mut show: impl FnMut(&str) -> Outcome<()>,
    ) -> Outcome<Result<Written, String>> {
        for _ in 0..TRIES {
            let mut text = String::new();
            let mut n_shown = 0;
            let written = self.write(story, |new| {
                text += new;
                if n_shown > 0 || !old.iter().any(|old| old.starts_with(&text)) {
                    show(&text[n_shown..])?;
                    n_shown = text.len();
                }
                Ok(())
            })?;
            match written {
                Err(problem) if text.is_empty() => return Ok(Err(problem)),
                _ if old.contains(&text) => {}
                _ => {
                    show(&text[n_shown..])?;
                    return Ok(Ok(Written { text, ended_by: written.unwrap_or_else(Some) }));
                }
            }
        }
        Ok(Err("nothing came that was not there before: try a higher :temperature".to_string()))
    }

    /// Continues `story`: `n_tokens`, and at most [`MOST_MORE`] to the end of the sentence, in whole characters.
    ///
    /// Returns a note if the model ended its text, or a stop text came. The inner error is one of the model or of its knobs.
    fn write(
        &mut self,
        story: &str,
        mut show: impl FnMut(&str) -> Outcome<()>,
    ) -> Outcome<Result<Option<String>, String>> {
        let (model, tokenizer) = (&self.checkpoint.model, self.checkpoint.vocabulary()?);
        let ids = if self.reads_end { self.checkpoint.encode_with_end(story) } else { self.checkpoint.encode(story) };
        let mut ids = match ids {
            Ok(ids) => ids,
            Err(error) => return Ok(Err(error.to_string())),
        };
        // A character that the last token leaves unfinished stays here, and is not part of the story.
        let mut stream = Utf8Stream::new();
        let mut stops = StopTexts::new(self.stops.texts());
        let most = if self.n_tokens == 0 { 0 } else { self.n_tokens + MOST_MORE };
        let (mut n_made, mut text) = (0, String::new());
        while n_made < most {
            let n_left = most - n_made;
            let first = first_to_read(&ids, n_left, model.config.n_ctx, tokenizer);
            if first > 0 {
                self.n_read.get_or_insert(ids.len() - first);
            }
            let min_tokens = self.sampler.min_tokens.saturating_sub(n_made);
            let sampler = Sampler { rng: Rng::new(self.seed), min_tokens, ..self.sampler.clone() };
            self.seed = self.seed.wrapping_add(1);
            let mut writing = match model.generate(&ids[first..], sampler) {
                Ok(tokens) => tokens.before(&self.checkpoint.end_ids).text(tokenizer).with_special().limit(n_left),
                Err(error) => return Ok(Err(error.to_string())),
            };
            writing.stream = stream;
            while let Some(piece) = writing.next() {
                let piece = match piece {
                    Ok(piece) => piece,
                    Err(error) => return Ok(Err(error.to_string())),
                };
                let is_over = n_made + writing.new_ids().len() > self.n_tokens;
                if is_over && ends_between(&text, &piece) {
                    show(&stops.finish())?;
                    return Ok(Ok(None));
                }
                text += &piece;
                show(&stops.push(&piece))?;
                if stops.is_found() {
                    return Ok(Ok(Some("a stop text ended the turn".to_string())));
                }
            }
            if writing.stopped_by() == Some(Stop::EndToken) {
                show(&stops.finish())?;
                return Ok(Ok(Some("the model ended its text; what comes next goes on after it".to_string())));
            }
            ids.extend(writing.new_ids());
            n_made += writing.new_ids().len();
            stream = writing.stream;
        }
        show(&stops.finish())?;
        Ok(Ok(None))
    }

    /// Sets a knob, or shows it if there is no value. Returns a note; the error says what would be right.
    pub fn knob(&mut self, name: &str, value: &str) -> Result<String, String> {
        let mut sampler = self.sampler.clone();
        let mut n_tokens = self.n_tokens;
        let now = match name {
            "temperature" => set(&mut sampler.temperature, name, value, "0.8"),
            "top-k" => set(&mut sampler.top_k, name, value, "40"),
            "top-p" => set(&mut sampler.top_p, name, value, "0.9"),
            "min-p" => set(&mut sampler.min_p, name, value, "0.1"),
            "typical-p" => set(&mut sampler.typical_p, name, value, "0.9"),
            "epsilon-cutoff" => set(&mut sampler.epsilon_cutoff, name, value, "0.001"),
            "min-tokens" => set(&mut sampler.min_tokens, name, value, "20"),
            "stop" => {
                match value {
                    "" => {}
                    "off" => self.stops = StopTexts::default(),
                    text => self.stops = StopTexts::new([text]),
                }
                let texts: Vec<String> = self.stops.texts().iter().map(|text| format!("{text:?}")).collect();
                Ok(if texts.is_empty() { "stop off".to_string() } else { format!("stop {}", texts.join(", ")) })
            }
            "repetition-penalty" => set(&mut sampler.repetition_penalty, name, value, "1.2"),
            "no-repeat-ngram" => set(&mut sampler.no_repeat_ngram, name, value, "3"),
            "seed" => set(&mut self.seed, name, value, "7"),
            "tokens" => set(&mut n_tokens, name, value, "60"),
            _ => Err(format!("there is no command {}: :help lists them, and ::text is a line of text", shown(name))),
        }?;
        sampler.check().map_err(|error| error.to_string())?;
        check_tokens(n_tokens).map_err(|problem| format!(":tokens {problem}"))?;
        (self.sampler, self.n_tokens) = (sampler, n_tokens);
        Ok(now)
    }
}

/// Where the part of a story begins that the model reads to write `n_new` more tokens. At 0, if all of it fits.
/// Otherwise at a sentence, if one begins in the first half of what fits; otherwise at a word; otherwise (a text
/// without spaces) anywhere.
fn first_to_read(ids: &[u32], n_new: usize, n_ctx: usize, tokenizer: &Tokenizer) -> usize {
    // One more than n_ctx fits: the last token is chosen, but not read. A turn that needs most of the context is
    // written in several passes, and each reads half of the context.
    let room = (n_ctx + 1).saturating_sub(n_new).max(n_ctx.div_ceil(2));
    let first = ids.len().saturating_sub(room);
    if first == 0 {
        return 0;
    }
    let bytes = |i: usize| tokenizer.token_bytes(ids[i]).unwrap_or(&[]);
    let is_word = |i: &usize| bytes(*i).first().is_some_and(u8::is_ascii_whitespace);
    let is_sentence = |i: &usize| is_word(i) && bytes(i - 1).last().is_some_and(|byte| b".!?\"'\n".contains(byte));
    let mut near = first..first + room / 2;
    near.clone().find(is_sentence).or_else(|| near.find(is_word)).unwrap_or(first)
}

/// Stores a number, unless `value` is empty, and says what it is now.
fn set<T: FromStr + Display>(place: &mut T, name: &str, value: &str, example: &str) -> Result<String, String> {
    if !value.is_empty() {
        let wrong = |_| format!(":{name}: {} is not a valid number (try :{name} {example})", shown(value));
        *place = value.parse().map_err(wrong)?;
    }
    Ok(format!("{name} {place}"))
}

/// The error continues the name of the flag or command.
pub fn check_tokens(n: usize) -> Result<(), String> {
    if n <= MOST_TOKENS { Ok(()) } else { Err(format!("is {n}, and a turn has {MOST_TOKENS} at most: try 60")) }
}

/// The start of what was typed, for a note of one line.
fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(30).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_read_from_a_sentence_or_a_word() {
        let tokenizer = Tokenizer::learn("", 257).unwrap(); // every byte a token
        let first = |text: &str, n_new: usize| first_to_read(&tokenizer.encode(text), n_new, 12, &tokenizer);
        // 9 + 4 is one more than the context of 12: that fits. 9 + 5 does not.
        assert_eq!(first("abcdefghi", 4), 0);
        assert_eq!(first("abcdefghi", 5), 1); // there is no word to begin with: what fits
        assert_eq!(first("abc efghi", 5), 3); // 8 fit, and a word begins in their first half
        assert_eq!(first("abcdefg i", 5), 1); // it begins too late
        assert_eq!(first("a. cd f h", 5), 2); // a sentence
        assert_eq!(first("ab d. ghi", 5), 2); // a sentence, but too late
        assert_eq!(first("abcdefghi", 100), 3); // never less than half of the context, 6
    }
}
