//! Writing on: from scores to text, one token at a time.
//!
//! The model only ever answers one question: what comes next? To write a text, its answer is put at the end of the input,
//! and the question is asked again. That is all there is to *autoregressive* generation.
//!
//! How to choose from the scores is the job of a [`Sampler`]; its knobs are in [`knobs`]. [`greedy`] is the simplest choice:
//! always the token with the highest score. [`Gpt2::generate_several`] writes several answers at once, [`table`] shows the
//! candidates for a token, and [`statistics`] measures what was written.
//!
//! # Example: print a text as it is made, in whole characters
//!
//! ```
//! use gpt60::{generate::Sampler, storybook, tokenizer::Utf8Stream};
//!
//! let story = storybook::load();
//! let tokenizer = story.tokenizer.unwrap();
//! let prompt = tokenizer.encode("Once upon a time");
//! let sampler = Sampler { temperature: 0.8, ..Sampler::new(42) };
//! let mut stream = Utf8Stream::new(); // holds back the first half of a character until the second has come
//! for id in story.model.generate(&prompt, sampler)?.until(&story.end_ids).take(10) {
//!     let id = id?;
//!     print!("{}", stream.push(tokenizer.token_bytes(id).unwrap_or(&[])));
//! }
//! println!("{}", stream.finish());
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
pub mod table;

pub use beam::{BeamSearch, Candidate, EarlyStopping, Fate, Found, Step};
pub use sampler::Sampler;
pub use several::{SIDE_BY_SIDE, Written};

use crate::{Error, Gpt2, KvCache, Result};
use std::cmp::Ordering;

impl Gpt2 {
    /// Continues a prompt, one token at a time, as the sampler chooses: an endless text, until the context is full. Take as
    /// many tokens as you want with `.take(n)`; to stop at an end token, add [`.until(&end_ids)`](Continuation::until).
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
        let cache = KvCache::new(&self.config, 1);
        let text = prompt.to_vec();
        Ok(Continuation { model: self, cache, text, end_ids: Vec::new(), sampler, logits: Vec::new(), stop: None })
    }
}

/// Always the likeliest next token, until the end token or a full context: [`Gpt2::generate`] with [`Sampler::greedy`].
///
/// The end token, if it comes, is the last one given. Ties go to the smaller id.
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

/// Whether a model can go on from a prompt.
///
/// # Errors
///
/// If the prompt is empty, longer than the context, or has an id that is not in the vocabulary.
pub fn check_prompt(model: &Gpt2, prompt: &[u32]) -> Result<()> {
    let (n_ctx, n_vocab) = (model.config.n_ctx, model.config.n_vocab);
    if prompt.is_empty() {
        return Err(Error::argument("prompt", "it is empty; give at least one token to start from"));
    }
    if prompt.len() > n_ctx {
        let problem = format!("it has {} tokens and the model's context holds {n_ctx}; shorten it", prompt.len());
        return Err(Error::argument("prompt", problem));
    }
    if let Some(id) = prompt.iter().find(|&&id| id as usize >= n_vocab) {
        let problem = format!("token id {id} is not in the vocabulary, whose ids are 0 to {}", n_vocab - 1);
        return Err(Error::argument("prompt", problem));
    }
    Ok(())
}

/// The first `n` of a list in this order, sorted. The others are only found out, and need no order.
pub(crate) fn first<T>(mut list: Vec<T>, n: usize, order: impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    if n < list.len() {
        list.select_nth_unstable_by(n, &order); // the first n stand in front now, in any order
        list.truncate(n);
    }
    list.sort_by(&order);
    list
}

/// Why a text ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The model chose an end token.
    EndToken,
    /// The context is full: there is no position left for another token to be read at.
    FullContext,
    /// The last thing given was an error.
    Error,
}

/// The tokens of [`Gpt2::generate`], made one by one as they are asked for.
#[derive(Debug, Clone)]
pub struct Continuation<'a> {
    model: &'a Gpt2,
    cache: KvCache,
    /// The prompt, and what was written after it.
    text: Vec<u32>,
    end_ids: Vec<u32>,
    sampler: Sampler,
    logits: Vec<f32>,
    stop: Option<Stop>,
}

impl Continuation<'_> {
    /// Makes the text end when one of these tokens is chosen; that token is still given.
    pub fn until(mut self, end_ids: &[u32]) -> Self {
        self.end_ids = end_ids.to_vec();
        self
    }

    /// Why the text ended, if it did.
    pub fn stopped_by(&self) -> Option<Stop> {
        self.stop
    }

    /// The prompt, and what was written after it.
    pub fn text(&self) -> &[u32] {
        &self.text
    }

    /// The logits from which the last token was chosen, `[n_vocab]`; empty before the first.
    pub fn logits(&self) -> &[f32] {
        &self.logits
    }

    fn next_token(&mut self) -> Result<u32> {
        let unread = &self.text[self.cache.n_past()..];
        self.logits = self.model.next_logits(unread, &mut self.cache)?.into_data(); // [1, n_vocab]
        self.sampler.choose(&self.logits, &self.text)
    }
}

impl Iterator for Continuation<'_> {
    type Item = Result<u32>;

    fn next(&mut self) -> Option<Result<u32>> {
        if self.stop.is_some() {
            return None;
        }
        if self.text.len() > self.model.config.n_ctx {
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
        self.text.push(id);
        if self.end_ids.contains(&id) {
            self.stop = Some(Stop::EndToken);
        }
        Some(Ok(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::argmax;
    use crate::{Config, Rng};

    fn model() -> Gpt2 {
        Gpt2::random(&Config::new(11, 6, 12, 3, 2), &mut Rng::new(1)).unwrap()
    }

    #[test]
    fn every_token_is_the_likeliest_one_after_all_before_it() {
        let model = model();
        let mut text = vec![3, 1];
        for id in greedy(&model, &text.clone(), &[]).unwrap() {
            let logits = model.logits(&text).unwrap(); // everything anew, without a cache
            assert_eq!(Some(id.clone().unwrap() as usize), argmax(logits.row(text.len() - 1)));
            text.push(id.unwrap());
        }
        // The context holds 6; the token after the last of them is still chosen, but cannot be read any more.
        assert_eq!(text.len(), 7);
    }

    #[test]
    fn the_end_token_is_given_and_is_the_last() {
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
