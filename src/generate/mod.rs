//! Writing on: from scores to text, one token at a time.
//!
//! The model only ever answers one question: what comes next? To write a text, append its answer to the input and ask
//! again. That is all there is to *autoregressive* generation.
//!
//! A [`Sampler`] decides how to choose from the scores; its knobs are in [`knobs`]. [`greedy`] is the simplest choice:
//! always the token with the highest score. [`Gpt2::generate_several`] writes several answers at once, `table.rs` shows
//! the candidates for a token, and [`statistics`] measures what was written.
//!
//! All of this works on token ids. [`Checkpoint::write`](crate::checkpoint::Checkpoint::write) does the same with text
//! in and text out, which is what most programs want.
//!
//! A text ends where the model chooses its end token. That token is not text, and nobody wants to read it:
//! [`Continuation::before`] leaves it out, [`Continuation::until`] returns it as the last id.
//!
//! # Example: the ids of a story's last words
//!
//! ```
//! use gpt60::{generate::{Sampler, Stop}, storybook};
//!
//! let story = storybook::load();
//! let tokenizer = story.vocabulary()?;
//! let prompt = tokenizer.encode("They all lived happily ever after. The end.");
//! let mut tokens = story.model.generate(&prompt, Sampler::greedy())?.before(&story.end_ids);
//! let ids = tokens.by_ref().collect::<Result<Vec<u32>, _>>()?;
//! let text = tokenizer.decode(&ids)?;
//! assert!(tokens.stopped_by() == Some(Stop::EndToken) && !text.contains("<|endoftext|>"));
//! // The ids keep the end token. Decode ids that may have one, such as those of `generate_several`, like this:
//! assert_eq!(tokens.ids().last(), story.end_ids.first());
//! assert_eq!(tokenizer.decode_text(&tokens.ids()[prompt.len()..], &story.end_ids)?, text);
//! # Ok::<(), gpt60::Error>(())
//! ```
//!
//! Source: the sixty lines' `generate`.
//!
//! [Chapter 8](crate::book::ch08_choosing_a_token) explains it.

mod beam;
pub mod knobs;
mod sampler;
mod several;
pub mod statistics;
mod stop_texts;
#[doc(hidden)]
pub mod table;
mod writing;

pub use beam::{BeamSearch, Candidate, EarlyStopping, Fate, Hypothesis, Step};
pub use sampler::Sampler;
pub use several::{Answer, MAX_TOGETHER};
pub use stop_texts::StopTexts;
pub use writing::Writing;

use crate::error::{Error, Result};
use crate::kv_cache::KvCache;
use crate::layers::embedding;
use crate::model::Gpt2;
use std::cmp::Ordering;
use std::iter::FusedIterator;

impl Gpt2 {
    /// Continues a prompt, one token at a time, as the sampler chooses: an endless text, until the context is full.
    /// Take the number of tokens that you want with `.take(n)`; to stop at an end token, add
    /// [`.until(&end_ids)`](Continuation::until) or [`.before(&end_ids)`](Continuation::before).
    ///
    /// # Errors
    ///
    /// If the prompt is empty, longer than the context, or has an id that is not in the vocabulary, or if a knob of the
    /// sampler has an impossible value. Later tokens are `Ok`, unless the model computes something that is not a number or
    /// the sampler has forbidden every token.
    ///
    /// # Example: two texts, two seeds
    ///
    /// ```
    /// use gpt60::{Config, Gpt2, Rng, generate::Sampler};
    ///
    /// let model = Gpt2::random(&Config::new(1000, 8, 12, 3, 2), &mut Rng::new(1))?;
    /// let text = |seed| model.generate(&[5, 1], Sampler::new(seed))?.take(5).collect::<Result<Vec<u32>, _>>();
    /// assert_eq!(text(7)?, text(7)?);
    /// assert_ne!(text(7)?, text(8)?); // the same five of a thousand tokens by chance: one in 10^15
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn generate(&self, prompt: &[u32], sampler: Sampler) -> Result<Continuation<'_>> {
        check_prompt(self, prompt)?;
        sampler.check()?;
        Ok(Continuation {
            model: self,
            cache: KvCache::new(&self.config, 1),
            ids: prompt.to_vec(),
            n_prompt: prompt.len(),
            end_ids: Vec::new(),
            gives_end: true,
            sampler,
            logits: Vec::new(),
            stop: None,
        })
    }
}

/// Always the likeliest next token, until the end token or a full context: [`Gpt2::generate`] with [`Sampler::greedy`].
///
/// If the end token comes, it is the last item. Ties go to the smaller id.
///
/// # Errors
///
/// As [`Gpt2::generate`].
///
/// # Example: five tokens after a prompt
///
/// ```
/// use gpt60::{Config, Gpt2, Rng, generate::greedy};
///
/// let model = Gpt2::random(&Config::new(10, 8, 12, 3, 2), &mut Rng::new(1))?;
/// let ids = greedy(&model, &[5, 1], &[])?.take(5).collect::<Result<Vec<u32>, _>>()?;
/// assert_eq!(ids.len(), 5);
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn greedy<'a>(model: &'a Gpt2, prompt: &[u32], end_ids: &[u32]) -> Result<Continuation<'a>> {
    Ok(model.generate(prompt, Sampler::greedy())?.until(end_ids))
}

/// Checks that a model can continue a prompt.
///
/// # Errors
///
/// If the prompt is empty, longer than the context, or has an id that is not in the vocabulary.
#[doc(hidden)]
pub fn check_prompt(model: &Gpt2, prompt: &[u32]) -> Result<()> {
    if prompt.is_empty() {
        return Err(Error::argument("prompt", "it is empty; give at least one token to start from"));
    }
    check_ids(model, "prompt", prompt)
}

/// Checks that the model can read `ids` as one sequence; an error names `op`.
///
/// The rules are those of the embedding.
fn check_ids(model: &Gpt2, op: &str, ids: &[u32]) -> Result<()> {
    embedding::check(model.wte.shape(), &model.wpe, ids, ids.len(), 0).map_err(|error| match error {
        Error::Argument { problem, .. } => Error::argument(op, problem),
        other => other, // the two tables do not fit: the ids are not at fault
    })
}

/// The sampler has removed all tokens. Only no-repeat n-gram can do that, and a minimum of tokens where the vocabulary is
/// nothing but ends.
fn no_token_left() -> Error {
    let problem = "no token is left: --no-repeat-ngram forbids what would repeat something, and --min-tokens forbids an \
                   early end; turn one of them off";
    Error::argument("generate", problem)
}

/// The `n` smallest items under `order`, sorted. The rest is partitioned off, never sorted.
pub(crate) fn smallest_n<T>(mut list: Vec<T>, n: usize, order: impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    if n < list.len() {
        list.select_nth_unstable_by(n, &order); // the n smallest are in front now, in any order
        list.truncate(n);
    }
    list.sort_by(&order);
    list
}

/// Why a text ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// The model chose an end token.
    EndToken,
    /// A stop text came: see [`Writing::stop`].
    StopText,
    /// The context is full: no position is left at which another token could be read.
    FullContext,
    /// The last item was an error.
    Error,
}

/// The tokens of [`Gpt2::generate`], each made on request.
#[derive(Debug, Clone)]
#[must_use = "no token is made until it is asked for"]
pub struct Continuation<'a> {
    model: &'a Gpt2,
    cache: KvCache,
    /// The prompt and all new tokens.
    ids: Vec<u32>,
    n_prompt: usize,
    end_ids: Vec<u32>,
    /// Whether the end token is an item.
    gives_end: bool,
    sampler: Sampler,
    logits: Vec<f32>,
    stop: Option<Stop>,
}

impl Continuation<'_> {
    /// Ends the text when one of these tokens is chosen. The end token is the last item, as in the ids that the
    /// examples print.
    ///
    /// An end token is not text, but it can be decoded: [`Tokenizer::decode`](crate::tokenizer::Tokenizer::decode)
    /// writes it as
    /// `<|endoftext|>`. For text, use [`Continuation::before`], or decode with
    /// [`Tokenizer::decode_text`](crate::tokenizer::Tokenizer::decode_text).
    pub fn until(mut self, end_ids: &[u32]) -> Self {
        self.end_ids = end_ids.to_vec();
        self.gives_end = true;
        self
    }

    /// Ends the text when one of these tokens is chosen, and leaves that token out: every item is text. The end token
    /// is still the last of [`Continuation::ids`], and [`Continuation::stopped_by`] tells that it came.
    ///
    /// # Example: the same text, without its end
    ///
    /// ```
    /// use gpt60::{Config, Gpt2, Rng, generate::Sampler};
    ///
    /// let model = Gpt2::random(&Config::new(10, 8, 12, 3, 2), &mut Rng::new(1))?;
    /// let text = || model.generate(&[5, 1], Sampler::new(3));
    /// let free = text()?.collect::<Result<Vec<u32>, _>>()?;
    /// let end = free[4]; // suppose that this token ends a text
    /// let until = text()?.until(&[end]).collect::<Result<Vec<u32>, _>>()?;
    /// let before = text()?.before(&[end]).collect::<Result<Vec<u32>, _>>()?;
    /// assert_eq!(until, [&before[..], &[end]].concat());
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn before(mut self, end_ids: &[u32]) -> Self {
        self.end_ids = end_ids.to_vec();
        self.gives_end = false;
        self
    }

    /// Why the text ended; `None` while it goes on.
    pub fn stopped_by(&self) -> Option<Stop> {
        self.stop
    }

    /// The prompt and all new tokens, the end token included.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The logits from which the last token was chosen, `[n_vocab]`; empty before the first.
    pub fn logits(&self) -> &[f32] {
        &self.logits
    }

    fn next_token(&mut self) -> Result<u32> {
        let unread = &self.ids[self.cache.n_past()..];
        self.logits = self.model.next_logits(unread, &mut self.cache)?.into_data(); // [1, n_vocab]
        self.sampler.choose_new(&self.logits, &self.ids, self.ids.len() - self.n_prompt, &self.end_ids)
    }

    /// How many tokens the context still has room for. The last one can be chosen, but not read.
    fn n_left(&self) -> usize {
        if self.stop.is_some() { 0 } else { (self.model.config.n_ctx + 1).saturating_sub(self.ids.len()) }
    }
}

impl Iterator for Continuation<'_> {
    type Item = Result<u32>;

    fn next(&mut self) -> Option<Result<u32>> {
        if self.stop.is_some() {
            return None;
        }
        if self.n_left() == 0 {
            self.stop = Some(Stop::FullContext);
            return None;
        }
        let id = match self.next_token() {
            Ok(id) => id,
            Err(error) => {
                self.stop = Some(Stop::Error);
                return Some(Err(error));
            }
        };
        self.ids.push(id);
        if self.end_ids.contains(&id) {
            self.stop = Some(Stop::EndToken);
            return self.gives_end.then_some(Ok(id));
        }
        Some(Ok(id))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let at_least = if self.gives_end { self.n_left().min(1) } else { 0 };
        (at_least, Some(self.n_left()))
    }
}

impl FusedIterator for Continuation<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::argmax;
    use crate::{Config, Rng};

    fn model() -> Gpt2 {
        Gpt2::random(&Config::new(11, 6, 12, 3, 2), &mut Rng::new(1)).unwrap()
    }

    #[test]
    fn every_token_is_the_likeliest_after_all_before_it() {
        let model = model();
        let mut text = vec![3, 1];
        for id in greedy(&model, &text.clone(), &[]).unwrap() {
            let logits = model.logits(&text).unwrap(); // everything again, without a cache
            assert_eq!(Some(id.clone().unwrap() as usize), argmax(logits.row(text.len() - 1)));
            text.push(id.unwrap());
        }
        // The context holds 6; the token after the last of them is still chosen, but cannot be read any more.
        assert_eq!(text.len(), 7);
    }

    #[test]
    fn the_end_token_is_the_last_item() {
        let model = model();
        let free: Vec<u32> = greedy(&model, &[3], &[]).unwrap().map(|id| id.unwrap()).collect();
        let mut stopped = greedy(&model, &[3], &[free[2]]).unwrap();
        let ids: Vec<u32> = stopped.by_ref().map(|id| id.unwrap()).collect();
        let first = free.iter().position(|id| *id == free[2]).unwrap();
        assert_eq!(ids, free[..=first]);
        assert_eq!(stopped.stopped_by(), Some(Stop::EndToken));
    }

    #[test]
    fn a_low_temperature_is_greedy() {
        let model = model();
        let ids = |sampler| model.generate(&[3], sampler).unwrap().map(|id| id.unwrap()).collect::<Vec<_>>();
        let cold = |temperature| ids(Sampler { temperature, ..Sampler::new(1) });
        assert_eq!(cold(1e-4), ids(Sampler::greedy()));
        // A score divided by the smallest f32 is infinite; the text is the same.
        assert_eq!(cold(1e-45), ids(Sampler::greedy()));
        assert!(model.generate(&[3], Sampler { temperature: f32::NAN, ..Sampler::new(1) }).is_err());
    }

    #[test]
    fn an_end_token_can_be_left_out_and_is_still_known() {
        let model = model();
        let free: Vec<u32> = greedy(&model, &[3], &[]).unwrap().map(|id| id.unwrap()).collect();
        let first = free.iter().position(|id| *id == free[2]).unwrap();
        let mut text = model.generate(&[3], Sampler::greedy()).unwrap().before(&[99, free[2]]);
        let ids: Vec<u32> = text.by_ref().map(|id| id.unwrap()).collect();
        assert_eq!(ids, free[..first]);
        assert_eq!(text.stopped_by(), Some(Stop::EndToken));
        assert_eq!(text.ids(), [&[3], &free[..=first]].concat());
        // A text that is cut off by a full context has no end token.
        let mut text = model.generate(&[3], Sampler::greedy()).unwrap().before(&[99]);
        assert_eq!(text.by_ref().map(|id| id.unwrap()).collect::<Vec<u32>>(), free);
        assert_eq!(text.stopped_by(), Some(Stop::FullContext));
    }

    #[test]
    fn no_end_token_comes_before_as_many_new_ones_as_are_asked_for() {
        let model = model();
        let text = |min_tokens, end_ids: &[u32]| {
            let sampler = Sampler { min_tokens, ..Sampler::greedy() };
            model.generate(&[3], sampler).unwrap().until(end_ids).map(|id| id.unwrap()).collect::<Vec<u32>>()
        };
        let free = text(0, &[]);
        let end = [free[0]];
        assert_eq!(text(0, &end), end);
        for n in 1..=6 {
            let ids = text(n, &end);
            assert!(ids.len() >= n && !ids[..n].contains(&end[0]), "{n}: {ids:?}");
            // Each token is the likeliest of the others.
            let mut before = vec![3];
            for &id in &ids[..n] {
                let mut logits = model.logits(&before).unwrap().row(before.len() - 1).to_vec();
                logits[end[0] as usize] = f32::NEG_INFINITY;
                assert_eq!(argmax(&logits), Some(id as usize));
                before.push(id);
            }
        }
        assert_eq!(text(99, &[]), free); // without an end token there is nothing to hold back
        // Where every token would end the text, none is left.
        let all: Vec<u32> = (0..11).collect();
        let sampler = Sampler { min_tokens: 1, ..Sampler::greedy() };
        let error = model.generate(&[3], sampler).unwrap().until(&all).next().unwrap().unwrap_err().to_string();
        assert!(error.contains("no token is left") && error.contains("--min-tokens"), "{error}");
    }

    #[test]
    fn the_size_hint_holds_at_every_step_and_an_ended_text_stays_ended() {
        let model = model();
        let text = || model.generate(&[3], Sampler::greedy()).unwrap();
        let third = text().nth(2).unwrap().unwrap();
        for mut text in [text(), text().until(&[third]), text().before(&[third])] {
            loop {
                let n = text.clone().count();
                let (low, high) = text.size_hint();
                assert!(low <= n && n <= high.unwrap(), "{n} items, and the hint was {low} to {high:?}");
                if text.next().is_none() {
                    break;
                }
            }
            assert_eq!(text.size_hint(), (0, Some(0)));
            assert!(text.next().is_none() && text.next().is_none());
        }
    }

    #[test]
    fn an_error_is_given_once_and_ends_the_text() {
        let mut model = model();
        model.ln_f.bias.data_mut()[0] = f32::NAN;
        let mut text = model.generate(&[3], Sampler::new(1)).unwrap();
        assert!(text.next().unwrap().is_err());
        assert!(text.next().is_none());
    }

    #[test]
    fn impossible_prompts_are_errors() {
        let model = model();
        assert!(greedy(&model, &[], &[]).is_err());
        assert!(greedy(&model, &[1; 7], &[]).unwrap_err().to_string().contains("7 tokens"));
        assert!(greedy(&model, &[11], &[]).unwrap_err().to_string().contains("0 to 10"));
    }
}
