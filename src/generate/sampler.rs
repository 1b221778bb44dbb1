//! A sampler: all knobs together, and the draw.
//!
//! The order matters, and other programs use the same one: first the penalties, which correct what the model says; then
//! [`temperature`](knobs::temperature) and the knobs that cut, which choose how much of it to believe; then the draw.
//!
//! ```text
//! logits -> repetition penalty -> no-repeat n-gram -> (the end, if it is too early for it)
//!        -> temperature -> top-k -> top-p -> min-p -> typical-p -> epsilon cutoff -> softmax -> draw
//! ```

use super::{knobs, no_token_left};
use crate::error::{Error, Result};
use crate::kernels::softmax::softmax_row;
use crate::rng::Rng;

/// How the next token is chosen from its logits.
///
/// # Example: the likeliest half of the probability, a little tamer than the model
///
/// ```
/// use gpt60::generate::Sampler;
///
/// let mut sampler = Sampler { temperature: 0.8, top_p: 0.5, ..Sampler::new(42) };
/// let logits = [2.0, 1.0, 0.5];
/// assert_eq!(sampler.probabilities(&logits, &[])?, [1.0, 0.0, 0.0]);
/// assert_eq!(sampler.choose(&logits, &[])?, 0);
/// # Ok::<(), gpt60::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sampler {
    /// How much a token is held back once it has been used; 1 is off. See [`knobs::repetition_penalty`].
    pub repetition_penalty: f32,
    /// How many tokens in a row may not appear twice; 0 is off. See [`knobs::no_repeat_ngram`].
    pub no_repeat_ngram: usize,
    /// Below 1 tamer, above 1 wilder; at 0 only the likeliest token stays. See [`knobs::temperature`].
    pub temperature: f32,
    /// How many of the likeliest tokens stay; 0 is off. See [`knobs::top_k`].
    pub top_k: usize,
    /// How much probability stays; 1 is off. See [`knobs::top_p`].
    pub top_p: f32,
    /// What share of the likeliest token's probability a token needs to stay; 0 is off. See [`knobs::min_p`].
    pub min_p: f32,
    /// How much probability stays, from the most typical token on; 1 is off. See [`knobs::typical_p`].
    pub typical_p: f32,
    /// Which probability a token needs to stay; 0 is off. See [`knobs::epsilon_cutoff`].
    pub epsilon_cutoff: f32,
    /// How many new tokens there must be before the text may end; 0 is off. It counts wherever the end tokens are known:
    /// in [`Continuation`](super::Continuation), several answers and [`BeamSearch`](super::BeamSearch).
    pub min_tokens: usize,
    /// Where chance comes from.
    pub rng: Rng,
}

impl Sampler {
    /// Draws with the model's own probabilities: all knobs off. The same seed gives the same text.
    #[must_use]
    pub fn new(seed: u64) -> Sampler {
        Sampler {
            repetition_penalty: 1.0,
            no_repeat_ngram: 0,
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            typical_p: 1.0,
            epsilon_cutoff: 0.0,
            min_tokens: 0,
            rng: Rng::new(seed),
        }
    }

    /// Always takes the likeliest token; among equals, the one with the smallest id.
    #[must_use]
    pub fn greedy() -> Sampler {
        Sampler { temperature: 0.0, ..Sampler::new(0) }
    }

    /// Checks that every knob is in its range.
    ///
    /// # Errors
    ///
    /// Names the knob, its value and the range.
    pub fn check(&self) -> Result<()> {
        let is = |ok: bool, knob: &str, value: f32, rule: &str| {
            if ok { Ok(()) } else { Err(Error::argument(knob, format!("it is {value}; it must be {rule}"))) }
        };
        let (r, t, p) = (self.repetition_penalty, self.temperature, self.top_p);
        is(r > 0.0 && r.is_finite(), "repetition penalty", r, "above 0, and 1 is off")?;
        is(t >= 0.0 && t.is_finite(), "temperature", t, "0 (the likeliest token) or above")?;
        is((0.0..=1.0).contains(&p), "top-p", p, "from 0 to 1, and 1 is off")?;
        let (min, typical, epsilon) = (self.min_p, self.typical_p, self.epsilon_cutoff);
        is((0.0..=1.0).contains(&min), "min-p", min, "from 0 to 1, and 0 is off")?;
        is(typical > 0.0 && typical <= 1.0, "typical-p", typical, "above 0 and at most 1, and 1 is off")?;
        is((0.0..1.0).contains(&epsilon), "epsilon cutoff", epsilon, "from 0 to below 1, and 0 is off")
    }

    /// Applies every knob that is on, in order, and shows `watch` the logits after each: its name, and `[n_vocab]`.
    ///
    /// `before` is the prompt and the text written after it. A temperature of 0 is [`knobs::greedy`], which leaves
    /// nothing for the later ones to do. If all tokens are removed, they stay removed.
    pub fn turn_knobs(&self, logits: &mut [f32], before: &[u32], mut watch: impl FnMut(&'static str, &[f32])) {
        if self.repetition_penalty != 1.0 {
            knobs::repetition_penalty(logits, before, self.repetition_penalty);
            watch("repetition penalty", logits);
        }
        if self.no_repeat_ngram > 0 {
            knobs::no_repeat_ngram(logits, before, self.no_repeat_ngram);
            watch("no-repeat n-gram", logits);
        }
        if self.temperature == 0.0 {
            knobs::greedy(logits);
            watch("temperature", logits);
            return;
        }
        if self.temperature != 1.0 {
            knobs::temperature(logits, self.temperature);
            watch("temperature", logits);
        }
        if self.top_k > 0 {
            knobs::top_k(logits, self.top_k);
            watch("top-k", logits);
        }
        if self.top_p < 1.0 {
            knobs::top_p(logits, self.top_p);
            watch("top-p", logits);
        }
        if self.min_p > 0.0 {
            knobs::min_p(logits, self.min_p);
            watch("min-p", logits);
        }
        if self.typical_p < 1.0 {
            knobs::typical_p(logits, self.typical_p);
            watch("typical-p", logits);
        }
        if self.epsilon_cutoff > 0.0 {
            knobs::epsilon_cutoff(logits, self.epsilon_cutoff);
            watch("epsilon cutoff", logits);
        }
    }

    /// The probability with which each token would be chosen: `[n_vocab] -> [n_vocab]`.
    ///
    /// # Errors
    ///
    /// If the logits are not numbers, or every token was removed.
    pub fn probabilities(&self, logits: &[f32], before: &[u32]) -> Result<Vec<f32>> {
        // NaN is not a score, and neither is infinity. (Minus infinity is one: a token that the caller has removed.)
        if logits.iter().any(|score| score.is_nan() || *score == f32::INFINITY) {
            return Err(Error::damaged_weights("generate"));
        }
        let mut logits = logits.to_vec();
        self.turn_knobs(&mut logits, before, |_, _| {});
        if logits.iter().all(|&score| score == f32::NEG_INFINITY) {
            return Err(no_token_left());
        }
        softmax_row(&mut logits);
        Ok(logits)
    }

    /// Draws the next token by [`Sampler::probabilities`].
    ///
    /// # Errors
    ///
    /// If the logits are not numbers, or every token was removed.
    pub fn choose(&mut self, logits: &[f32], before: &[u32]) -> Result<u32> {
        let probabilities = self.probabilities(logits, before)?;
        knobs::draw(&probabilities, &mut self.rng).ok_or_else(|| Error::damaged_weights("generate"))
    }

    /// The tokens that the next one must not be, if the text has `n_new` new tokens: `end_ids`, or none once there are
    /// [`Sampler::min_tokens`].
    #[doc(hidden)] // for the tables of the examples
    pub fn too_early<'a>(&self, n_new: usize, end_ids: &'a [u32]) -> &'a [u32] {
        if n_new < self.min_tokens { end_ids } else { &[] }
    }

    /// [`Sampler::choose`] for a text that has `n_new` new tokens, and that one of `end_ids` would end.
    pub(super) fn choose_new(&mut self, logits: &[f32], before: &[u32], n_new: usize, end_ids: &[u32]) -> Result<u32> {
        match self.too_early(n_new, end_ids) {
            [] => self.choose(logits, before),
            ends => {
                let mut logits = logits.to_vec();
                knobs::no_end(&mut logits, ends);
                self.choose(&logits, before)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_knob_that_is_off_is_not_turned() {
        let logits = [1.0, -2.0, 0.5, 3.0];
        let mut seen = Vec::new();
        let mut unchanged = logits;
        Sampler::new(1).turn_knobs(&mut unchanged, &[0, 0], |name, _| seen.push(name));
        assert_eq!((unchanged, seen.len()), (logits, 0));
    }

    #[test]
    fn the_knobs_are_turned_in_the_order_of_the_introduction() {
        let all = Sampler {
            repetition_penalty: 1.2,
            no_repeat_ngram: 2,
            temperature: 0.7,
            top_k: 3,
            top_p: 0.9,
            min_p: 0.1,
            typical_p: 0.9,
            epsilon_cutoff: 0.1,
            ..Sampler::new(1)
        };
        let mut seen = Vec::new();
        all.turn_knobs(&mut [1.0, -2.0, 0.5, 3.0], &[0, 0], |name, _| seen.push(name));
        assert_eq!(seen[..4], ["repetition penalty", "no-repeat n-gram", "temperature", "top-k"]);
        assert_eq!(seen[4..], ["top-p", "min-p", "typical-p", "epsilon cutoff"]);
    }

    #[test]
    fn impossible_knobs_are_refused_by_name() {
        let refused = |sampler: Sampler, name: &str| {
            let error = sampler.check().unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        };
        for bad in [f32::NAN, f32::INFINITY, -1.0] {
            refused(Sampler { temperature: bad, ..Sampler::new(1) }, "temperature");
            refused(Sampler { repetition_penalty: bad, ..Sampler::new(1) }, "repetition penalty");
            refused(Sampler { top_p: bad, ..Sampler::new(1) }, "top-p");
            refused(Sampler { min_p: bad, ..Sampler::new(1) }, "min-p");
            refused(Sampler { typical_p: bad, ..Sampler::new(1) }, "typical-p");
            refused(Sampler { epsilon_cutoff: bad, ..Sampler::new(1) }, "epsilon cutoff");
        }
        refused(Sampler { min_p: 1.1, ..Sampler::new(1) }, "min-p");
        refused(Sampler { typical_p: 0.0, ..Sampler::new(1) }, "typical-p");
        refused(Sampler { typical_p: 1.1, ..Sampler::new(1) }, "typical-p");
        refused(Sampler { epsilon_cutoff: 1.0, ..Sampler::new(1) }, "epsilon cutoff");
        refused(Sampler { repetition_penalty: 0.0, ..Sampler::new(1) }, "repetition penalty");
        refused(Sampler { top_p: 1.1, ..Sampler::new(1) }, "top-p");
        assert!(Sampler::greedy().check().is_ok() && Sampler::new(1).check().is_ok());
    }

    #[test]
    fn scores_that_are_no_numbers_and_nothing_left_are_errors() {
        let mut sampler = Sampler { no_repeat_ngram: 1, ..Sampler::new(1) };
        assert!(sampler.choose(&[1.0, f32::NAN], &[]).unwrap_err().to_string().contains("not numbers"));
        assert!(sampler.choose(&[1.0, f32::INFINITY], &[]).unwrap_err().to_string().contains("not numbers"));
        assert_eq!(sampler.choose(&[1.0, 2.0], &[1]).unwrap(), 0);
        assert!(sampler.choose(&[1.0, 2.0], &[1, 0]).unwrap_err().to_string().contains("no token is left"));
        sampler.temperature = 0.0;
        assert!(sampler.choose(&[1.0, 2.0], &[1, 0]).unwrap_err().to_string().contains("no token is left"));
    }
}
