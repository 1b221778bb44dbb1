//! Text in, text out: the front door.
//!
//! A model only knows token ids. To write text, somebody must turn the prompt into ids and the ids into text, stop
//! where the model stops, leave out the end token, and hold back half a character until the other half arrives.
//! [`Checkpoint::write`] does all of this.

use super::{Continuation, Sampler, Stop, StopTexts};
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::tokenizer::{Tokenizer, Utf8Stream};
use std::iter::FusedIterator;

impl Checkpoint {
    /// Continues a text, piece by piece, as the sampler chooses, until the model ends it or its context is full.
    ///
    /// An empty prompt means the beginning of a text.
    ///
    /// # Errors
    ///
    /// If the model has no vocabulary, the prompt is longer than its context, or a knob of the sampler has an impossible value.
    ///
    /// # Example: the beginning of a story
    ///
    /// ```
    /// use gpt60::{generate::Sampler, storybook};
    ///
    /// let story = storybook::load();
    /// print!("Once upon a time");
    /// for piece in story.write("Once upon a time", Sampler::new(42))?.limit(20) {
    ///     print!("{}", piece?);
    /// }
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn write(&self, prompt: &str, sampler: Sampler) -> Result<Writing<'_>> {
        let tokens = self.model.generate(&self.encode(prompt)?, sampler)?;
        Ok(tokens.before(&self.end_ids).text(self.vocabulary()?))
    }

    /// The vocabulary.
    ///
    /// # Errors
    ///
    /// If the model has none.
    pub fn vocabulary(&self) -> Result<&Tokenizer> {
        let missing = || Error::argument("vocabulary", "this model has none of GPT-2's kind: give ids instead of text");
        self.tokenizer.as_ref().ok_or_else(missing)
    }

    /// The ids of a prompt. For an empty one, that is the [token before every text](Checkpoint::begin_id). `<|endoftext|>` in
    /// it is text: see [`Tokenizer::encode`].
    ///
    /// # Errors
    ///
    /// If the model has no vocabulary, or one that lacks a byte of the text.
    ///
    /// # Example: count the tokens of a text
    ///
    /// ```
    /// let story = gpt60::storybook::load();
    /// assert_eq!(story.encode("Once upon a time")?.len(), 4);
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn encode(&self, prompt: &str) -> Result<Vec<u32>> {
        self.encode_by(Tokenizer::encode, prompt)
    }

    /// The ids of a prompt in which `<|endoftext|>` becomes its one id: see [`Tokenizer::encode_with_end`].
    ///
    /// # Errors
    ///
    /// As [`encode`](Checkpoint::encode).
    ///
    /// # Example: a prompt that begins a new text
    ///
    /// ```
    /// let story = gpt60::storybook::load();
    /// let ids = story.encode_with_end("<|endoftext|>Once upon a time")?;
    /// assert_eq!(ids[0], story.end_ids[0]);
    /// assert_eq!(ids[1..], story.encode("Once upon a time")?);
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn encode_with_end(&self, prompt: &str) -> Result<Vec<u32>> {
        self.encode_by(Tokenizer::encode_with_end, prompt)
    }

    fn encode_by(&self, encode: fn(&Tokenizer, &str) -> Vec<u32>, prompt: &str) -> Result<Vec<u32>> {
        let tokenizer = self.vocabulary()?;
        if prompt.is_empty() {
            return Ok(self.begin_id().into_iter().collect());
        }
        tokenizer.check_text(prompt)?;
        Ok(encode(tokenizer, prompt))
    }
}

impl<'a> Continuation<'a> {
    /// The tokens as text: see [`Writing`]. The end token of [`Continuation::until`] or [`Continuation::before`] is not
    /// text.
    pub fn text(self, tokenizer: &'a Tokenizer) -> Writing<'a> {
        let n_prompt = self.ids().len();
        let tokens = Continuation { gives_end: false, ..self };
        let (stream, stops) = (Utf8Stream::new(), StopTexts::default());
        Writing { tokens, tokenizer, n_prompt, n_left: None, shows_special: false, stream, stops }
    }
}

/// Text as it is written: each item is the part that has become whole characters, and is never empty.
///
/// # Example: what was written, and why it ended
///
/// ```
/// use gpt60::{generate::{Sampler, Stop}, storybook};
///
/// let story = storybook::load();
/// let mut writing = story.write("They all lived happily ever after. The end.", Sampler::greedy())?;
/// let text = writing.by_ref().collect::<Result<String, _>>()?;
/// assert_eq!(writing.stopped_by(), Some(Stop::EndToken));
/// assert!(!text.contains("<|endoftext|>")); // the end token is among the ids, but it is not text
/// assert_eq!(writing.new_ids().last(), story.end_ids.first());
/// # Ok::<(), gpt60::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is written until it is asked for"]
pub struct Writing<'a> {
    tokens: Continuation<'a>,
    tokenizer: &'a Tokenizer,
    n_prompt: usize,
    /// How many more tokens may be made, if they are limited.
    n_left: Option<usize>,
    /// Special tokens are text too.
    shows_special: bool,
    /// Holds the beginning of a character whose rest has not arrived. To continue from here later, put it into the next
    /// `Writing`.
    pub stream: Utf8Stream,
    stops: StopTexts,
}

impl Writing<'_> {
    /// At most `n_tokens` more tokens.
    pub fn limit(self, n_tokens: usize) -> Self {
        Writing { n_left: Some(n_tokens), ..self }
    }

    /// Ends the text where one of these texts begins, and leaves that text out. The ids still have its tokens.
    ///
    /// Text that could be the beginning of one of them is held back until it is clear. Only new text counts, not the
    /// prompt. An empty stop text is ignored.
    ///
    /// # Example: up to a word
    ///
    /// ```
    /// use gpt60::{generate::{Sampler, Stop}, storybook};
    ///
    /// let story = storybook::load();
    /// let mut writing = story.write("The king said", Sampler::greedy())?.limit(60).stop([" son", "!"]);
    /// let text = writing.by_ref().collect::<Result<String, _>>()?;
    /// assert!(text.ends_with("a king's") && !text.contains("son"));
    /// assert_eq!(writing.stopped_by(), Some(Stop::StopText));
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn stop<S: Into<String>>(self, texts: impl IntoIterator<Item = S>) -> Self {
        Writing { stops: StopTexts::new(texts), ..self }
    }

    /// With special tokens in their own characters, for a text that will be read again. Without this they are no text.
    pub fn with_special(self) -> Self {
        Writing { shows_special: true, ..self }
    }

    /// Why the text ended; `None` while it goes on, and when only the limit ended it.
    pub fn stopped_by(&self) -> Option<Stop> {
        if self.stops.is_found() { Some(Stop::StopText) } else { self.tokens.stopped_by() }
    }

    /// The ids of the prompt and of everything that was written, including the end token.
    pub fn ids(&self) -> &[u32] {
        self.tokens.ids()
    }

    /// The ids of what was written, including the end token.
    pub fn new_ids(&self) -> &[u32] {
        &self.tokens.ids()[self.n_prompt..]
    }

    /// The end of the text: an incomplete last character comes out as U+FFFD, unless a stop text stands before it.
    pub fn finish(self) -> String {
        if self.stops.is_found() { String::new() } else { self.stream.finish() }
    }
}

impl Iterator for Writing<'_> {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Result<String>> {
        while self.n_left != Some(0) && !self.stops.is_found() {
            let id = match self.tokens.next() {
                Some(Ok(id)) => id,
                Some(Err(error)) => return Some(Err(error)),
                None => break,
            };
            self.n_left = self.n_left.map(|n| n - 1);
            let bytes = match self.tokenizer.token_bytes(id) {
                Some(bytes) if self.shows_special => bytes,
                _ => self.tokenizer.text_bytes(id),
            };
            let text = self.stream.push(bytes);
            let text = self.stops.push(&text);
            if !text.is_empty() {
                return Some(Ok(text));
            }
        }
        let rest = self.stops.finish(); // what was held back was no stop text after all
        (!rest.is_empty()).then_some(Ok(rest))
    }
}

impl FusedIterator for Writing<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::model::Gpt2;
    use crate::rng::Rng;
    use crate::tensor::Tensor;

    /// A model with one token for every byte, which writes the tokens of `text` one after the other, then the end
    /// token.
    fn parrot(text: &str) -> Checkpoint {
        let tokenizer = Tokenizer::learn("", 257).unwrap();
        let end = tokenizer.end_of_text().unwrap();
        let mut model = Gpt2::zeros(&Config::new(257, 32, 64, 1, 1)).unwrap();
        // Position t is a random direction, and the next token has that direction in the head.
        model.wpe = Tensor::random(&[32, 64], 1.0, &mut Rng::new(1));
        model.ln_f.weight.data_mut().fill(1.0);
        let mut head = Tensor::zeros(&[257, 64]);
        let ids = tokenizer.encode(text).into_iter().chain([end]);
        for (t, id) in ids.enumerate() {
            let direction = model.ln_f.forward(&model.wpe.take_rows(&[t]).unwrap()).unwrap();
            let row = head.row_mut(id as usize).iter_mut().zip(direction.data());
            row.for_each(|(sum, x)| *sum += x);
        }
        model.lm_head = Some(head.into());
        Checkpoint::new(model, Some(tokenizer))
    }

    #[test]
    fn text_comes_in_whole_characters_and_without_the_end_token() {
        let parrot = parrot("a🦀é!");
        let mut writing = parrot.write("", Sampler::greedy()).unwrap();
        let pieces = writing.by_ref().collect::<Result<Vec<String>>>().unwrap();
        assert_eq!(pieces, ["a", "🦀", "é", "!"]);
        assert_eq!((writing.stopped_by(), writing.new_ids().len()), (Some(Stop::EndToken), 9)); // 8 bytes and the end
        assert_eq!(writing.finish(), "");
        // The same where the tokens include the end token.
        let tokens = parrot.model.generate(&parrot.encode("").unwrap(), Sampler::greedy()).unwrap();
        let text = tokens.until(&parrot.end_ids).text(parrot.vocabulary().unwrap()).collect::<Result<String>>();
        assert_eq!(text.unwrap(), "a🦀é!");
    }

    #[test]
    fn a_limit_counts_tokens_and_what_it_cuts_in_two_can_be_completed_later() {
        let parrot = parrot("a🦀é!");
        let mut writing = parrot.write("", Sampler::greedy()).unwrap().limit(3);
        assert_eq!(writing.by_ref().collect::<Result<String>>().unwrap(), "a");
        assert_eq!((writing.stopped_by(), writing.new_ids().len()), (None, 3));
        assert_eq!(writing.clone().finish(), "\u{FFFD}");
        let (ids, stream) = (writing.ids().to_vec(), writing.stream);
        let tokens = parrot.model.generate(&ids, Sampler::greedy()).unwrap().before(&parrot.end_ids);
        let mut rest = tokens.text(parrot.vocabulary().unwrap());
        rest.stream = stream;
        assert_eq!(rest.collect::<Result<String>>().unwrap(), "🦀é!");
        assert_eq!(parrot.write("", Sampler::greedy()).unwrap().limit(0).count(), 0);
    }

    #[test]
    fn a_stop_text_ends_the_text_and_what_only_looks_like_one_comes_out_late_but_whole() {
        let parrot = parrot("one twin. two twins.");
        let write = |stops: &[&str]| parrot.write("", Sampler::greedy()).unwrap().stop(stops.iter().copied());
        let mut writing = write(&["twins", "three"]);
        let pieces = writing.by_ref().collect::<Result<Vec<String>>>().unwrap();
        // Every byte is a token here. "twin" is held back, because it could become "twins", and so is "tw" of "two".
        let expected = ["o", "n", "e", " ", "twin.", " ", "two", " "];
        assert_eq!(pieces, expected);
        assert_eq!((writing.stopped_by(), writing.clone().next()), (Some(Stop::StopText), None));
        assert_eq!(writing.new_ids().len(), "one twin. two twins".len()); // no token is made after the stop text
        assert_eq!(writing.finish(), "");
        // A limit or the end in the middle of what could become one gives it back.
        let mut writing = write(&["twins"]).limit(7);
        assert_eq!(writing.by_ref().collect::<Result<String>>().unwrap(), "one twi");
        assert_eq!((writing.stopped_by(), writing.next()), (None, None));
        let mut writing = write(&[".!"]);
        assert_eq!(writing.by_ref().collect::<Result<String>>().unwrap(), "one twin. two twins.");
        assert_eq!(writing.stopped_by(), Some(Stop::EndToken));
    }

    #[test]
    fn without_a_vocabulary_text_is_an_error_that_says_what_to_give() {
        let nameless = Checkpoint { tokenizer: None, ..parrot("a") };
        let error = nameless.write("a", Sampler::greedy()).unwrap_err().to_string();
        assert_eq!(error, "vocabulary: this model has none of GPT-2's kind: give ids instead of text");
    }
}
