//! What can be measured about a text that a model has written.
//!
//! No number says whether a text is good. But two faults show in numbers: a text that goes in circles, and a text that
//! has lost its thread. Compare a text's numbers with those of a text that a person wrote.
//!
//! * [`distinct`] and [`repetition`] look at the ids alone: how much is said twice?
//! * [`entropy`] asks the model how many choices it saw. It is the mean surprise to expect, in nats (see `docs/11-loss.md`):
//!
//!   ```text
//!   entropy = -(p_0 * ln(p_0) + ... + p_(n-1) * ln(p_(n-1)))     0: one token is certain;  ln(n): all n are equally likely
//!   ```
//!
//! * [`surprise`] is `-ln(p)` of the token that was written, and `e` to its mean is the *perplexity*. In a text drawn
//!   with the model's own probabilities, the mean surprise comes near the mean entropy. Greedy text stays far below,
//!   because it always takes the least surprising token. A text far above contains things that the model thinks wrong.
//!
//! The last two ignore all knobs: they measure a text by the model, not by the sampler that wrote it.
//!
//! [Chapter 8](crate::book::ch08_choosing_a_token) explains it.

use super::{check_ids, check_prompt};
use crate::error::{Error, Result};
use crate::model::Gpt2;
use crate::pass::Pass;
use std::collections::HashSet;
use std::fmt;

/// How far back [`Statistics::repetition`] looks.
#[doc(hidden)]
pub const LOOK_BACK: usize = 32;

/// The numbers of one text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    /// How many tokens were measured.
    pub n_tokens: usize,
    /// The mean [`entropy`] of the model's probabilities where the tokens were chosen, in nats.
    pub entropy: f64,
    /// `e` to the mean [`surprise`] of the tokens: 1 and above.
    pub perplexity: f64,
    /// [`distinct`] single tokens, pairs and triples: 0 to 1.
    pub distinct: [f64; 3],
    /// The [`repetition`] within `LOOK_BACK` tokens, including those of the prompt: 0 to 1.
    pub repetition: f64,
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Statistics { n_tokens, entropy, perplexity, distinct: [d1, d2, d3], repetition } = self;
        write!(f, "{n_tokens} tokens: entropy {entropy:.3} nats, perplexity {perplexity:.2}, ")?;
        write!(
            f,
            "distinct-1 {d1:.3}, distinct-2 {d2:.3}, distinct-3 {d3:.3}, repeated within {LOOK_BACK} {repetition:.3}"
        )
    }
}

impl Statistics {
    /// Measures a text that follows a prompt, in one pass of the model. Anyone may have written it.
    ///
    /// # Errors
    ///
    /// If `written` is empty, the model cannot continue the prompt, or the two together are longer than the context (the last
    /// token needs no place in it, because nothing follows).
    ///
    /// # Example: a text that says one thing again and again
    ///
    /// ```
    /// use gpt60::{Config, Gpt2, Rng, generate::statistics::Statistics};
    ///
    /// let model = Gpt2::random(&Config::new(10, 8, 12, 3, 2), &mut Rng::new(1))?;
    /// let found = Statistics::measure(&model, &[5, 1], &[7, 7, 7, 7])?;
    /// assert_eq!(found.repetition, 0.75); // all but the first were there before
    /// assert!((found.entropy - 10f64.ln()).abs() < 0.1); // an untrained model expects everything
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn measure(model: &Gpt2, prompt: &[u32], written: &[u32]) -> Result<Statistics> {
        check_prompt(model, prompt)?;
        let text = [prompt, written].concat();
        let Some((last, read)) = text.split_last().filter(|_| !written.is_empty()) else {
            return Err(Error::argument("statistics", "nothing was written, so there is nothing to measure"));
        };
        check_ids(model, "statistics", &[*last])?; // the pass does not read it
        let hidden = model.hidden(read, Pass::new(read.len()))?; // [n_seq, n_embd]
        let rows: Vec<usize> = (prompt.len() - 1..read.len()).collect(); // row t predicts token t + 1
        let logits = model.head(&hidden.take_rows(&rows)?)?; // [n_written, n_vocab]
        let n = written.len() as f64;
        let entropies = (0..written.len()).map(|i| entropy(logits.row(i)));
        let surprises = written.iter().enumerate().map(|(i, &id)| surprise(logits.row(i), id));
        Ok(Statistics {
            n_tokens: written.len(),
            entropy: entropies.sum::<f64>() / n,
            perplexity: (surprises.sum::<f64>() / n).exp(),
            distinct: [1, 2, 3].map(|n| distinct(written, n)),
            repetition: repetition(&text, prompt.len(), LOOK_BACK),
        })
    }
}

/// The share of different sequences among all sequences of `n` tokens: 1 if none occurs twice (or there are none at
/// all).
///
/// Source: Li et al., "A Diversity-Promoting Objective Function for Neural Conversation Models" (2016). (There, the
/// number of different sequences is divided by the number of tokens, which is `n - 1` more than the number of
/// sequences.)
///
/// # Example: of "a b a b a", the pairs are "ab ba ab ba"
///
/// ```
/// use gpt60::generate::statistics::distinct;
///
/// assert_eq!(distinct(&[0, 1, 0, 1, 0], 2), 0.5);
/// ```
pub fn distinct(ids: &[u32], n: usize) -> f64 {
    if n == 0 || ids.len() < n {
        return 1.0;
    }
    let different: HashSet<&[u32]> = ids.windows(n).collect();
    different.len() as f64 / (ids.len() + 1 - n) as f64
}

/// The share of tokens, from `first` on, that also occur among the `look_back` tokens before them: 0 for an empty text.
///
/// People repeat themselves too: every text has its `the` and its comma. Compare, and do not expect 0.
///
/// Source: Welleck et al., "Neural Text Generation with Unlikelihood Training" (2020), where it is called `rep/l`.
///
/// # Example: one of three was said within the last two
///
/// ```
/// use gpt60::generate::statistics::repetition;
///
/// assert_eq!(repetition(&[5, 6, 5, 9, 6], 2, 2), 1.0 / 3.0); // 5 was; 9 was not; 6 was, but further back
/// ```
pub fn repetition(ids: &[u32], first: usize, look_back: usize) -> f64 {
    let n = ids.len().saturating_sub(first);
    let was_there = |&t: &usize| ids[t.saturating_sub(look_back)..t].contains(&ids[t]);
    if n == 0 { 0.0 } else { (first..ids.len()).filter(was_there).count() as f64 / n as f64 }
}

/// How uncertain a distribution is, in nats: `[n_vocab]` logits.
///
/// Source: Shannon, "A Mathematical Theory of Communication" (1948), section 6.
///
/// # Example: a choice among four equals
///
/// ```
/// use gpt60::generate::statistics::entropy;
///
/// assert!((entropy(&[2.0; 4]) - 4f64.ln()).abs() < 1e-12);
/// assert_eq!(entropy(&[2.0, f32::NEG_INFINITY]), 0.0); // no choice
/// ```
pub fn entropy(logits: &[f32]) -> f64 {
    // -ln(p) = ln(sum) - x, and the mean of it is ln(sum) minus the mean of x.
    let (largest, sum) = sum_of_powers(logits);
    let shifted = logits.iter().map(|&x| f64::from(x) - largest).filter(|&x| x > f64::NEG_INFINITY);
    sum.ln() - shifted.map(|x| x.exp() * x).sum::<f64>() / sum
}

/// How surprised a model is by token `id`, in nats: `-ln(p)`, from `[n_vocab]` logits. Infinite for an id past the
/// vocabulary.
///
/// # Example: it had put three quarters on the other token
///
/// ```
/// use gpt60::generate::statistics::surprise;
///
/// assert!((surprise(&[3f32.ln(), 0.0], 1) - 4f64.ln()).abs() < 1e-6);
/// ```
pub fn surprise(logits: &[f32], id: u32) -> f64 {
    let (largest, sum) = sum_of_powers(logits);
    logits.get(id as usize).map_or(f64::INFINITY, |&x| sum.ln() - (f64::from(x) - largest))
}

/// The largest logit, and the sum of `e^(x - largest)`.
fn sum_of_powers(logits: &[f32]) -> (f64, f64) {
    let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    (largest, logits.iter().map(|&x| (f64::from(x) - largest).exp()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Rng, Tensor};
    use approx::assert_relative_eq;

    #[test]
    fn distinct_counts_different_rows_among_all() {
        let ids = [1, 2, 3, 1, 2, 3, 1, 2];
        assert_eq!(distinct(&ids, 1), 3.0 / 8.0);
        assert_eq!(distinct(&ids, 2), 3.0 / 7.0); // 12 23 31
        assert_eq!(distinct(&ids, 3), 3.0 / 6.0); // 123 231 312
        assert_eq!(distinct(&[1, 2, 3, 4], 2), 1.0);
        assert_eq!(distinct(&[7, 7, 7, 7, 7], 1), 0.2);
        for n in [0, 4, usize::MAX] {
            assert_eq!(distinct(&[1, 1, 1], n), 1.0); // no row of four
        }
    }

    #[test]
    fn repetition_looks_back_this_far_and_no_further() {
        let ids = [1, 2, 1, 3, 2];
        assert_eq!(repetition(&ids, 0, 1), 0.0);
        assert_eq!(repetition(&ids, 0, 2), 0.2); // the second 1
        assert_eq!(repetition(&ids, 0, 3), 0.4); // and the second 2
        assert_eq!(repetition(&ids, 4, 3), 1.0); // the last token alone
        assert_eq!(repetition(&ids, 5, 3), 0.0);
        assert_eq!(repetition(&[], 0, 3), 0.0);
        assert_eq!(repetition(&ids, 0, 0), 0.0);
    }

    #[test]
    fn entropy_and_surprise_are_their_formulas() {
        // Probabilities 1/2, 1/4, 1/8, 1/8: 1/2 * 1 + 1/4 * 2 + 2 * 1/8 * 3 = 1.75 bits.
        let logits = [4f32.ln(), 2f32.ln(), 0.0, 0.0].map(|x| x + 50.0);
        let bit = 2f64.ln();
        // f32 holds numbers near 50 to 4e-6.
        assert_relative_eq!(entropy(&logits), 1.75 * bit, max_relative = 1e-5);
        for (id, bits) in [(0, 1.0), (1, 2.0), (2, 3.0), (3, 3.0)] {
            assert_relative_eq!(surprise(&logits, id), bits * bit, max_relative = 1e-5);
        }
        assert_eq!(surprise(&logits, 4), f64::INFINITY);
        assert_eq!(surprise(&[0.0, f32::NEG_INFINITY], 1), f64::INFINITY);
        assert_relative_eq!(surprise(&[0.0, -1000.0], 1), 1000.0); // no probability holds that
        assert!(entropy(&[0.0, f32::NAN]).is_nan());
    }

    #[test]
    fn the_numbers_of_a_text_are_means_over_its_own_tokens() {
        // A head of zeros but for one column: with ln_f's weight 0 and its bias (1, 0), the logits are wte's first column.
        let mut model = Gpt2::zeros(&Config::new(4, 6, 2, 1, 1)).unwrap();
        let scores = [4f32.ln(), 2f32.ln(), 0.0, 0.0];
        model.wte = Tensor::new(&[4, 2], scores.iter().flat_map(|&x| [x, 0.0]).collect()).unwrap().into();
        model.ln_f.bias = Tensor::new(&[2], vec![1.0, 0.0]).unwrap();
        let found = Statistics::measure(&model, &[3, 3], &[0, 1, 2, 0, 1]).unwrap(); // 7 tokens, of which 6 are read
        assert_eq!(found.n_tokens, 5);
        assert_relative_eq!(found.entropy, 1.75 * 2f64.ln(), max_relative = 1e-6);
        // 1 + 2 + 3 + 1 + 2 = 9 bits for 5 tokens.
        assert_relative_eq!(found.perplexity, 2f64.powf(9.0 / 5.0), max_relative = 1e-6);
        assert_eq!(found.distinct, [3.0 / 5.0, 3.0 / 4.0, 1.0]); // 0 1 2; 01 12 20; 012 120 201
        assert_eq!(found.repetition, 2.0 / 5.0);
    }

    #[test]
    fn what_cannot_be_measured_is_an_error() {
        let model = Gpt2::random(&Config::new(4, 6, 4, 2, 1), &mut Rng::new(1)).unwrap();
        let error =
            |prompt: &[u32], written: &[u32]| Statistics::measure(&model, prompt, written).unwrap_err().to_string();
        assert!(error(&[1], &[]).contains("nothing was written"));
        assert!(error(&[], &[1]).contains("empty"));
        assert!(error(&[1], &[9]).contains('9') && error(&[1], &[9, 1]).contains('9'));
        assert!(error(&[1; 4], &[1; 4]).contains("context of 6"));
        assert!(Statistics::measure(&model, &[1; 4], &[1; 3]).is_ok());
    }
}
