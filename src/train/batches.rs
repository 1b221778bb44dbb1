//! Batches: random pieces of text to learn from.
//!
//! All texts are one long list of tokens, with `<|endoftext|>` in front of each. A lesson is a window of that list:
//! `n_seq` tokens are the input, and the same window shifted by one is the target. Every position then has its next
//! token:
//!
//! ```text
//! tokens    the  little  fox  ran  away
//! inputs    the  little  fox  ran
//! targets        little  fox  ran  away
//! ```
//!
//! One window thus teaches `n_seq` predictions at once, each from a different length of text. A batch is several
//! windows, drawn at random; averaging their gradients takes out some of the noise.
//!
//! A production program would keep the tokens of a large collection on disk and read windows of them in the background.
//!
//! [Chapter 13](crate::book::ch13_training) explains it.

use crate::error::{Error, Result};
use crate::rng::Rng;
use crate::tokenizer::Tokenizer;

/// The tokens of all texts, in one list.
#[derive(Debug, Clone, PartialEq)]
pub struct Tokens {
    ids: Vec<u32>,
    n_seq: usize,
}

/// Inputs and targets of some windows, one window after the other: `[n_windows * n_seq]` each.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// What the model reads.
    pub inputs: Vec<u32>,
    /// What comes next at each position.
    pub targets: Vec<u32>,
}

impl Tokens {
    /// Encodes texts, puts `<|endoftext|>` in front of each, and makes windows of `n_ctx` tokens, or shorter ones if
    /// there is not enough text. `<|endoftext|>` inside a text separates documents.
    ///
    /// # Errors
    ///
    /// If there are fewer than two tokens, or `n_ctx` is 0.
    ///
    /// # Example: a text becomes lessons
    ///
    /// ```
    /// use gpt60::{Rng, tokenizer::Tokenizer, train::batches::Tokens};
    ///
    /// let tokens = Tokens::new(&["the fox and the dog"], &Tokenizer::gpt2(), 3)?;
    /// let batch = tokens.random_batch(2, &mut Rng::new(1)); // 2 windows of 3 tokens
    /// assert_eq!((batch.inputs.len(), batch.targets.len()), (6, 6));
    /// assert_eq!(batch.inputs[1..3], batch.targets[0..2]); // shifted by one
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn new(texts: &[&str], tokenizer: &Tokenizer, n_ctx: usize) -> Result<Tokens> {
        let mut ids = Vec::new();
        for text in texts {
            tokenizer.check_text(text)?;
            ids.extend(tokenizer.end_of_text());
            ids.extend(tokenizer.encode_with_end(text));
        }
        Tokens::from_ids(ids, n_ctx)
    }

    /// Like [`Tokens::new`], from token ids.
    ///
    /// # Errors
    ///
    /// If there are fewer than two tokens, or `n_ctx` is 0.
    pub fn from_ids(ids: Vec<u32>, n_ctx: usize) -> Result<Tokens> {
        if n_ctx == 0 {
            return Err(Error::argument("text", "windows of 0 tokens teach nothing; n_ctx must be 1 or more"));
        }
        if ids.len() < 2 {
            let problem = format!("{} tokens are too few to learn from; give at least a sentence", ids.len());
            return Err(Error::argument("text", problem));
        }
        let n_seq = n_ctx.min(ids.len() - 1);
        Ok(Tokens { ids, n_seq })
    }

    /// All tokens.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// How many tokens a window has.
    pub fn n_seq(&self) -> usize {
        self.n_seq
    }

    /// `n_windows` windows, each starting at a random token, all equally likely: `[n_windows * n_seq]` inputs and
    /// targets.
    pub fn random_batch(&self, n_windows: usize, rng: &mut Rng) -> Batch {
        let starts = (0..n_windows).map(|_| rng.below(self.ids.len() - self.n_seq)).collect::<Vec<_>>();
        self.batch(&starts)
    }

    /// The starts of up to `limit` windows that do not overlap, spread evenly over the text: a fixed sample for
    /// validation.
    pub fn spread(&self, limit: usize) -> Vec<usize> {
        let available = (self.ids.len() - 1) / self.n_seq;
        let n = available.min(limit.max(1));
        (0..n).map(|i| i * available / n * self.n_seq).collect()
    }

    /// The windows that begin at `starts`, such as those of [`Tokens::spread`].
    ///
    /// # Panics
    ///
    /// If a window would reach past the last token.
    pub fn batch(&self, starts: &[usize]) -> Batch {
        let mut batch = Batch::default();
        for &start in starts {
            batch.inputs.extend(&self.ids[start..start + self.n_seq]);
            batch.targets.extend(&self.ids[start + 1..start + self.n_seq + 1]);
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng; // proptest has one, too
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]
        #[test]
        fn targets_are_the_inputs_shifted_by_one(n in 2usize..200, n_ctx in 1usize..50, seed: u64) {
            let tokens = Tokens::from_ids((0..n as u32).collect(), n_ctx).unwrap();
            let batch = tokens.random_batch(3, &mut Rng::new(seed));
            prop_assert_eq!(batch.inputs.len(), 3 * n_ctx.min(n - 1));
            prop_assert!(batch.inputs.iter().zip(&batch.targets).all(|(i, t)| i + 1 == *t));
            for start in tokens.spread(5) {
                prop_assert!(start + tokens.n_seq() < n);
            }
        }
    }

    #[test]
    fn every_window_is_drawn_including_the_last() {
        let tokens = Tokens::from_ids(vec![0, 1, 2, 3, 4], 2).unwrap();
        let mut rng = Rng::new(1);
        let drawn: std::collections::BTreeSet<u32> =
            (0..200).map(|_| tokens.random_batch(1, &mut rng).inputs[0]).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [0, 1, 2]); // windows 0-1-2, 1-2-3 and 2-3-4
    }

    #[test]
    fn too_little_text_is_an_error() {
        assert!(Tokens::from_ids(vec![1], 4).unwrap_err().to_string().contains("too few"));
        assert!(Tokens::from_ids(vec![1, 2], 0).unwrap_err().to_string().contains("n_ctx must be 1 or more"));
    }
}
