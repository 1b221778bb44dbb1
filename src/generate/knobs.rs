//! The knobs of a sampler: each one changes the logits before a token is drawn.
//!
//! A model gives a score to every token of its vocabulary. If you draw by these scores alone, you meet two problems:
//!
//! * **The tail.** Each of ten thousand unlikely tokens is harmless, but together they are drawn every few words, and one
//!   wrong word leads the text astray. [`temperature`], [`top_k`] and [`top_p`] keep to the likely tokens.
//! * **The loop.** Always taking the likeliest token ends in repetition, because a text that has repeated itself once
//!   makes another repetition likelier still. [`repetition_penalty`] and [`no_repeat_ngram`] push back.
//!
//! A knob changes logits in place. Minus infinity means *removed*: `e^(-inf)` is 0, so softmax gives such a token the
//! probability 0, and every later knob leaves it alone. Each function here is a few lines long;
//! [`Sampler`](super::Sampler) calls them in order.
//!
//! The exact rules, including what happens on a tie, are those of version 5.23 of the `transformers` library, and
//! `tests/sampler.rs` compares them.
//!
//! [Chapter 8](crate::book::ch08_choosing_a_token) explains it.

use crate::kernels::softmax::softmax_row;
use crate::rng::Rng;
use crate::tensor::argmax;
use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashSet};

/// Makes used tokens less likely, each by the same factor, no matter how often it was used: `[n_vocab]`.
///
/// `before` is the prompt and the text written after it. A positive score is divided by `penalty` and a negative one
/// multiplied: both go down. 1 changes nothing; below 1, repetition is encouraged.
///
/// Source: Keskar et al., "CTRL" (2019), section 4.1. (There, all scores are divided, which lifts the negative ones.)
///
/// # Example: token 0 was used, token 1 too
///
/// ```
/// use gpt60::generate::knobs::repetition_penalty;
///
/// let mut logits = [3.0, -3.0, 3.0];
/// repetition_penalty(&mut logits, &[1, 0, 0], 1.5);
/// assert_eq!(logits, [2.0, -4.5, 3.0]);
/// ```
pub fn repetition_penalty(logits: &mut [f32], before: &[u32], penalty: f32) {
    let used: HashSet<u32> = before.iter().copied().collect();
    for id in used {
        if let Some(score) = logits.get_mut(id as usize).filter(|score| score.is_finite()) {
            let held_back = if *score < 0.0 { *score * penalty } else { *score / penalty };
            *score = held_back.clamp(f32::MIN, f32::MAX); // infinity would mean removed, or no number at all
        }
    }
}

/// Removes every token that would complete a sequence of `n` tokens that has occurred before: `[n_vocab]`.
///
/// With `n = 3`, any two tokens may follow each other again, but no three. With `n = 1`, no token is used twice; 0 is
/// off.
///
/// # Example: "a b c a b" must not go on with "c"
///
/// ```
/// use gpt60::generate::knobs::no_repeat_ngram;
///
/// let mut logits = [0.5, 0.5, 0.5, 0.5]; // a b c d
/// no_repeat_ngram(&mut logits, &[0, 1, 2, 0, 1], 3);
/// assert_eq!(logits, [0.5, 0.5, f32::NEG_INFINITY, 0.5]);
/// ```
pub fn no_repeat_ngram(logits: &mut [f32], before: &[u32], n: usize) {
    if n == 0 || before.len() < n {
        return;
    }
    let last = &before[before.len() - (n - 1)..];
    for row in before.windows(n) {
        if row.starts_with(last)
            && let Some(score) = logits.get_mut(row[n - 1] as usize)
        {
            *score = f32::NEG_INFINITY;
        }
    }
}

/// Divides the logits by `t`, which must be above 0: `[n_vocab]`.
///
/// Below 1, differences grow, and likely tokens become even likelier. Above 1, they shrink, and the text gets wilder.
/// Near 0 it becomes [`greedy`].
///
/// (The largest logit is subtracted first, because division by a very small number would overflow. It makes no
/// difference: softmax does not change when the same number is subtracted everywhere.)
///
/// Source: Ackley, Hinton and Sejnowski (1985), where it is the temperature of statistical physics.
///
/// # Example: half the temperature doubles the differences
///
/// ```
/// use gpt60::generate::knobs::temperature;
///
/// let mut logits = [1.0, 3.0, 2.5];
/// temperature(&mut logits, 0.5);
/// assert_eq!(logits, [-4.0, 0.0, -1.0]);
/// ```
pub fn temperature(logits: &mut [f32], t: f32) {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if largest.is_finite() {
        logits.iter_mut().for_each(|score| *score = (*score - largest) / t);
    }
}

/// Removes all tokens but the likeliest; among equals, the one with the smallest id stays: `[n_vocab]`.
///
/// # Example: of two equals, the first
///
/// ```
/// use gpt60::generate::knobs::greedy;
///
/// let mut logits = [1.0, 4.0, 4.0];
/// greedy(&mut logits);
/// assert_eq!(logits, [f32::NEG_INFINITY, 4.0, f32::NEG_INFINITY]);
/// ```
pub fn greedy(logits: &mut [f32]) {
    let best = argmax(logits);
    logits.iter_mut().enumerate().filter(|(id, _)| Some(*id) != best).for_each(|(_, score)| *score = f32::NEG_INFINITY);
}

/// Removes all but the `k` likeliest tokens: `[n_vocab]`. Tokens as likely as the `k`-th all stay. 0 is off.
///
/// The `k`-th largest score is found without sorting: [`slice::select_nth_unstable_by`] splits the list in two,
/// continues with the part that holds it, splits that, and so on. That is about `n + n/2 + n/4 ...` steps, or `2n`.
///
/// Source: Fan, Lewis and Dauphin, "Hierarchical Neural Story Generation" (2018), section 5.4.
///
/// # Example: two stay, and a third that is as likely as the second
///
/// ```
/// use gpt60::generate::knobs::top_k;
///
/// let mut logits = [1.0, 4.0, 2.0, 0.0, 2.0];
/// top_k(&mut logits, 2);
/// assert_eq!(logits, [f32::NEG_INFINITY, 4.0, 2.0, f32::NEG_INFINITY, 2.0]);
/// ```
pub fn top_k(logits: &mut [f32], k: usize) {
    if k == 0 || k >= logits.len() {
        return;
    }
    let mut scores = logits.to_vec();
    let (_, &mut kth, _) = scores.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
    logits.iter_mut().filter(|score| **score < kth).for_each(|score| *score = f32::NEG_INFINITY);
}

/// Keeps the smallest set of likeliest tokens whose probabilities add up to `p` (the *nucleus*): `[n_vocab]`. At least one
/// token stays. 1 is off.
///
/// Where the model is sure, few tokens stay; where it is not, many stay. Among equally likely tokens, those with the
/// smaller ids stay. (`transformers` keeps the ones that its sort puts last, and does not say which they are.)
///
/// The tokens are taken from a heap, the likeliest first, until they add up to enough. Building a heap takes about `n`
/// steps, and usually few tokens are taken: less work than sorting all of them.
///
/// Source: Holtzman et al., "The Curious Case of Neural Text Degeneration" (2020), section 3.1.
///
/// # Example: 0.6 of the probabilities 0.5, 0.3, 0.2
///
/// ```
/// use gpt60::generate::knobs::top_p;
///
/// let mut logits = [0.5_f32.ln(), 0.3_f32.ln(), 0.2_f32.ln()];
/// top_p(&mut logits, 0.6);
/// assert_eq!(logits, [0.5_f32.ln(), 0.3_f32.ln(), f32::NEG_INFINITY]); // 0.5 is not enough, 0.8 is
/// ```
pub fn top_p(logits: &mut [f32], p: f32) {
    if p >= 1.0 {
        return;
    }
    let mut probabilities = logits.to_vec();
    softmax_row(&mut probabilities);
    let candidates: Vec<Candidate> =
        probabilities.into_iter().enumerate().map(|(id, probability)| Candidate { probability, id }).collect();
    let mut heap = BinaryHeap::from(candidates);
    let mut stays = vec![false; logits.len()];
    let mut sum = 0.0;
    while let Some(Candidate { probability, id }) = heap.pop() {
        stays[id] = true;
        sum += f64::from(probability); // in f64: rounding must not move the border
        if sum >= f64::from(p) {
            break;
        }
    }
    logits.iter_mut().zip(stays).filter(|(_, stays)| !stays).for_each(|(score, _)| *score = f32::NEG_INFINITY);
}

/// A token in the heap of [`top_p`]: the likeliest is the largest; among equals, the one with the smallest id.
#[derive(Debug)]
struct Candidate {
    probability: f32,
    id: usize,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Candidate) -> Ordering {
        self.probability.total_cmp(&other.probability).then(other.id.cmp(&self.id))
    }
}
impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Candidate) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Candidate {
    fn eq(&self, other: &Candidate) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Candidate {}

/// Draws an index, each with its probability; `None` if the probabilities are not numbers, or all 0.
///
/// Think of the probabilities as pieces of a line, side by side. A random point of the line lies in one of them.
///
/// # Example: a coin that shows one face three times out of four
///
/// ```
/// use gpt60::{Rng, generate::knobs::draw};
///
/// let mut rng = Rng::new(1);
/// let faces = (0..1000).filter(|_| draw(&[0.75, 0.25], &mut rng) == Some(0)).count();
/// assert!(faces.abs_diff(750) < 70); // the standard deviation is 13.7
/// ```
pub fn draw(probabilities: &[f32], rng: &mut Rng) -> Option<u32> {
    let total: f64 = probabilities.iter().map(|&p| f64::from(p)).sum(); // 1, up to rounding
    let point = rng.uniform() * total;
    let mut end = 0.0;
    for (id, &p) in probabilities.iter().enumerate() {
        end += f64::from(p);
        if point < end {
            return Some(id as u32);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_drawn_as_often_as_they_are_likely() {
        let mut rng = Rng::new(3);
        let mut counts = [0usize; 3];
        for _ in 0..10_000 {
            counts[draw(&[0.7, 0.0, 0.3], &mut rng).unwrap() as usize] += 1;
        }
        // Standard deviation sqrt(10000 * 0.7 * 0.3) = 46: five of them.
        assert!(counts[0].abs_diff(7000) < 230 && counts[1] == 0, "{counts:?}");
        assert_eq!(draw(&[f32::NAN, 0.5], &mut rng), None);
        assert_eq!(draw(&[0.0, 0.0], &mut rng), None);
    }

    #[test]
    fn no_repeat_ngram_of_one_removes_every_token_that_was_used() {
        let mut logits = [1.0; 4];
        no_repeat_ngram(&mut logits, &[3, 0, 3], 1);
        assert_eq!(logits, [f32::NEG_INFINITY, 1.0, 1.0, f32::NEG_INFINITY]);
    }

    #[test]
    fn rows_longer_than_the_text_forbid_nothing() {
        let mut logits = [1.0; 4];
        no_repeat_ngram(&mut logits, &[3, 3], 3);
        no_repeat_ngram(&mut logits, &[], 1);
        assert_eq!(logits, [1.0; 4]);
    }

    #[test]
    fn an_extreme_penalty_neither_removes_a_token_nor_makes_an_infinite_score() {
        let mut logits = [1.0, -1.0, 0.0, f32::NEG_INFINITY];
        repetition_penalty(&mut logits, &[0, 1, 2, 3], 1e-45);
        assert_eq!(logits, [f32::MAX, -1e-45, 0.0, f32::NEG_INFINITY]);
        let mut logits = [2.0, -20.0];
        repetition_penalty(&mut logits, &[0, 1], 1e38);
        assert_eq!(logits, [2e-38, f32::MIN]);
    }

    #[test]
    fn removed_tokens_stay_removed_under_every_knob() {
        let mut logits = [f32::NEG_INFINITY, 2.0, 1.0];
        repetition_penalty(&mut logits, &[0], 2.0);
        temperature(&mut logits, 1e-45);
        top_k(&mut logits, 2);
        top_p(&mut logits, 0.99999);
        assert_eq!(logits, [f32::NEG_INFINITY, 0.0, f32::NEG_INFINITY]);
    }
}
