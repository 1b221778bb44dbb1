//! A sampler: all knobs together, and the draw.
//!
//! The order matters, and other programs use the same one: first the penalties, which correct what the model says; then
//! [`temperature`](knobs::temperature), top-k and top-p, which choose how much of it to believe; then the draw.
//!
//! ```text
//! logits -> repetition penalty -> no-repeat n-gram -> temperature -> top-k -> top-p -> softmax -> draw
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
        is((0.0..=1.0).contains(&p), "top-p", p, "from 0 to 1, and 1 is off")
    }

    /// Applies every knob that is on, in order, and shows `watch` the logits after each: its name, and `[n_vocab]`.
    ///
    /// `before` is the prompt and the text written after it. A temperature of 0 is [`knobs::greedy`], which leaves
    /// nothing for top-k and top-p to do. If all tokens are removed, they stay removed.
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
            ..Sampler::new(1)
        };
        let mut seen = Vec::new();
        all.turn_knobs(&mut [1.0, -2.0, 0.5, 3.0], &[0, 0], |name, _| seen.push(name));
        assert_eq!(seen, ["repetition penalty", "no-repeat n-gram", "temperature", "top-k", "top-p"]);
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
        }
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
