//! Writing on: from scores to text, one token at a time.
//!
//! The model only ever answers one question: what comes next? To write a text, its answer is put at the end of the input,
//! and the question is asked again. That is all there is to *autoregressive* generation.
//!
//! The simplest way to choose is here, [`greedy`]: always the token with the highest score.
//!
//! Source: the sixty lines' `generate`.

use crate::tensor::argmax;
use crate::{Error, Gpt2, KvCache, Result};

/// Always the likeliest next token: an endless text, until the end token or a full context stops it. Take as many tokens
/// as you want with `.take(n)`.
///
/// The end token, if it comes, is the last one given. Ties go to the smaller id.
///
/// # Errors
///
/// If the prompt is empty, longer than the context, or has an id that is not in the vocabulary. Later tokens are `Ok`, unless
/// the model computes something that is not a number.
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
pub fn greedy<'a>(model: &'a Gpt2, prompt: &[u32], end_ids: &[u32]) -> Result<Greedy<'a>> {
    check_prompt(model, prompt)?;
    Ok(Greedy {
        model,
        cache: KvCache::new(&model.config, 1),
        unread: prompt.to_vec(),
        end_ids: end_ids.to_vec(),
        stop: None,
    })
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

/// Why a text ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The model chose an end token.
    EndToken,
    /// The context is full: there is no position left for another token to be read at.
    FullContext,
}

/// The tokens of [`greedy`], made one by one as they are asked for.
#[derive(Debug, Clone)]
pub struct Greedy<'a> {
    model: &'a Gpt2,
    cache: KvCache,
    unread: Vec<u32>,
    end_ids: Vec<u32>,
    stop: Option<Stop>,
}

impl Greedy<'_> {
    /// Why the text ended, if it did.
    pub fn stopped_by(&self) -> Option<Stop> {
        self.stop
    }
}

impl Iterator for Greedy<'_> {
    type Item = Result<u32>;

    fn next(&mut self) -> Option<Result<u32>> {
        if self.stop.is_some() {
            return None;
        }
        if self.cache.n_past() + self.unread.len() > self.model.config.n_ctx {
            self.stop = Some(Stop::FullContext);
            return None;
        }
        let logits = match self.model.next_logits(&self.unread, &mut self.cache) {
            Ok(logits) => logits, // [1, n_vocab]
            Err(error) => return Some(Err(error)),
        };
        let Some(best) = argmax(logits.data()) else {
            let problem = "all scores are NaN: the weights are damaged";
            return Some(Err(Error::argument("greedy", problem)));
        };
        let id = best as u32;
        self.unread = vec![id];
        if self.end_ids.contains(&id) {
            self.stop = Some(Stop::EndToken);
        }
        Some(Ok(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn impossible_prompts_are_errors() {
        let model = model();
        assert!(greedy(&model, &[], &[]).is_err());
        assert!(greedy(&model, &[1; 7], &[]).unwrap_err().to_string().contains("7 tokens"));
        assert!(greedy(&model, &[11], &[]).unwrap_err().to_string().contains("0 to 10"));
    }
}
