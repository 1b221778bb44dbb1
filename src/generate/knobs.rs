//! The knobs of a sampler: each one changes the logits before a token is drawn.
//!
//! A model gives a score to every token of its vocabulary. If you draw by these scores alone, you meet two problems:
//!
//! * **The tail.** Each of ten thousand unlikely tokens is harmless, but together they are drawn every few words, and one
//!   wrong word leads the text astray. [`temperature`], [`top_k`] and [`top_p`] keep to the likely tokens, and so do
//!   [`min_p`], [`typical_p`] and [`epsilon_cutoff`], each by a rule of its own.
//! * **The loop.** Always taking the likeliest token ends in repetition, because a text that has repeated itself once
//!   makes another repetition likelier still. [`repetition_penalty`] and [`no_repeat_ngram`] push back.
//!
//! A knob changes logits in place. Minus infinity means *removed*: `e^(-inf)` is 0, so softmax gives such a token the
//! probability 0, and every later knob leaves it alone. Each function here is a few lines long;
//! [`Sampler`](super::Sampler) calls them in order.
//!
//! The exact rules, including what happens on a tie, are those of version 5.24 of the `transformers` library, and
//! `tests/sampler.rs` compares them. There is one difference: where a sum of probabilities is exactly the border, as
//! three fifths are 0.6, `transformers` lets the rounding of f32 decide. Here the border is reached; see [`ROUNDING`].
//!
//! [Chapter 8](crate::book::ch08_choosing_a_token) explains it.

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
    let probabilities = probabilities(logits);
    let mut stays = vec![false; logits.len()];
    take_until(&probabilities, &probabilities, p, 1).into_iter().for_each(|id| stays[id] = true);
    keep(logits, |id, _| stays[id]);
}

/// Removes the tokens that are less than `p` times as likely as the likeliest: `[n_vocab]`. 0 is off.
///
/// If the likeliest token has the probability 0.8, a `p` of 0.1 removes all below 0.08. If it has 0.03, the border is
/// 0.003, and many stay. Like [`top_p`] it adapts, and it looks at one number alone: how sure is the model of its best?
///
/// Source: Nguyen et al., "Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs" (2024), section 3.
///
/// # Example: a tenth of 0.6 is 0.06
///
/// ```
/// use gpt60::generate::knobs::min_p;
///
/// let mut logits = [0.6_f32.ln(), 0.3_f32.ln(), 0.06_f32.ln(), 0.04_f32.ln()];
/// min_p(&mut logits, 0.1);
/// assert!(logits[2] > f32::NEG_INFINITY && logits[3] == f32::NEG_INFINITY);
/// ```
pub fn min_p(logits: &mut [f32], p: f32) {
    let largest = f64::from(largest(logits));
    // p_i / p_max = e^(x_i - x_max): softmax would divide both by the same sum.
    keep(logits, |_, score| reaches((f64::from(score) - largest).exp(), p));
}

/// Keeps the tokens whose surprise is nearest to what the model expects, until their probabilities add up to `p`:
/// `[n_vocab]`. At least one token stays. 1 is off.
///
/// The surprise of a token is `-ln(p_i)`. Its mean is the entropy of the distribution,
/// `h = -(p_0 ln(p_0) + ... + p_(n-1) ln(p_(n-1)))`. People choose words that say about as much as their listener
/// expects, so tokens are ranked by `|-ln(p_i) - h|`, the smallest first. This can remove the *likeliest* token, if it
/// is too obvious. Tokens as far from `h` as the last one that is needed all stay.
///
/// Source: Meister et al., "Locally Typical Sampling" (2023), section 5.
///
/// # Example: the entropy is 0.94; the surprises are 0.69, 0.92 and 2.30
///
/// ```
/// use gpt60::generate::knobs::typical_p;
///
/// let mut logits = [0.5_f32.ln(), 0.4_f32.ln(), 0.1_f32.ln()];
/// typical_p(&mut logits, 0.3);
/// // 0.92 is nearest to 0.94, and its token has a probability of 0.4: enough.
/// assert_eq!(logits, [f32::NEG_INFINITY, 0.4_f32.ln(), f32::NEG_INFINITY]);
/// ```
pub fn typical_p(logits: &mut [f32], p: f32) {
    typical_p_of_at_least(logits, p, 1);
}

/// [`typical_p`], where `at_least` tokens stay: beams need more than one way to go on.
pub(super) fn typical_p_of_at_least(logits: &mut [f32], p: f32, at_least: usize) {
    if p >= 1.0 {
        return;
    }
    let probabilities = probabilities(logits);
    let surprise = |p: f64| -p.ln();
    let entropy: f64 = probabilities.iter().filter(|&&p| p > 0.0).map(|&p| p * surprise(p)).sum();
    // The nearest is the largest. A removed token is infinitely far.
    let nearness: Vec<f64> = probabilities.iter().map(|&p| -(surprise(p) - entropy).abs()).collect();
    if let Some(&last) = take_until(&nearness, &probabilities, p, at_least).last() {
        let border = nearness[last] - ROUNDING;
        keep(logits, |id, _| nearness[id] >= border);
    }
}

/// Removes the tokens whose probability is below `epsilon`: `[n_vocab]`. The likeliest always stays, with its equals. 0 is
/// off.
///
/// A model's probabilities are a mixture of the language and a little of everything, which stands in the tail: a token
/// with less than 0.0003, say, is likelier to come from there. In contrast to [`min_p`] the border is the same at every
/// token. Where hundreds of words fit, a large `epsilon` removes most of them.
///
/// Source: Hewitt, Manning and Liang, "Truncation Sampling as Language Model Desmoothing" (2022), section 4.
///
/// # Example: what is below a tenth goes
///
/// ```
/// use gpt60::generate::knobs::epsilon_cutoff;
///
/// let mut logits = [0.6_f32.ln(), 0.3_f32.ln(), 0.1_f32.ln()];
/// epsilon_cutoff(&mut logits, 0.11);
/// assert_eq!(logits, [0.6_f32.ln(), 0.3_f32.ln(), f32::NEG_INFINITY]);
/// ```
pub fn epsilon_cutoff(logits: &mut [f32], epsilon: f32) {
    let (probabilities, largest) = (probabilities(logits), largest(logits));
    keep(logits, |id, score| score == largest || reaches(probabilities[id], epsilon));
}

/// Removes the end tokens, so that the text goes on: `[n_vocab]`.
///
/// [`Sampler::min_tokens`](super::Sampler::min_tokens) says for how many tokens.
///
/// # Example: token 2 would end the text
///
/// ```
/// use gpt60::generate::knobs::no_end;
///
/// let mut logits = [1.0, 2.0, 3.0];
/// no_end(&mut logits, &[2]);
/// assert_eq!(logits, [1.0, 2.0, f32::NEG_INFINITY]);
/// ```
pub fn no_end(logits: &mut [f32], end_ids: &[u32]) {
    for &id in end_ids {
        if let Some(score) = logits.get_mut(id as usize) {
            *score = f32::NEG_INFINITY;
        }
    }
}

/// By how much, relative to the border, a number may miss it and still count as reaching it: four units in the last
/// place of an f32, about 0.0000005.
///
/// Logits are f32. Each has an error of half a unit in its last place, so a probability made of them is known to six or
/// seven digits, however carefully it is added up: three tokens of five with equal logits have exactly 0.6, but
/// `ln(0.5)` and `ln(0.3)` as f32 stand for 0.50000001 and 0.29999999. The border is an f32 as well, and 0.6 as an f32
/// is 0.60000002. What is nearer than these errors is meant to be equal.
pub const ROUNDING: f64 = 4.0 * f32::EPSILON as f64;

/// Whether a probability, a sum of some or a ratio of two is at least `border`, as far as f32 can tell.
fn reaches(x: f64, border: f32) -> bool {
    x >= f64::from(border) * (1.0 - ROUNDING)
}

/// Softmax in f64: sums of many small numbers must not move a border. `[n_vocab]`
fn probabilities(logits: &[f32]) -> Vec<f64> {
    let largest = f64::from(largest(logits));
    let powers: Vec<f64> = logits.iter().map(|&score| (f64::from(score) - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

fn largest(logits: &[f32]) -> f32 {
    logits.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

/// Removes all tokens but those that `stays` accepts, by id and score.
fn keep(logits: &mut [f32], stays: impl Fn(usize, f32) -> bool) {
    for (id, score) in logits.iter_mut().enumerate() {
        if !stays(id, *score) {
            *score = f32::NEG_INFINITY;
        }
    }
}

/// The tokens with the largest `rank`, in this order, until their probabilities add up to `p` and there are `at_least`
/// so many. Among equals, the smaller id comes first.
fn take_until(rank: &[f64], probabilities: &[f64], p: f32, at_least: usize) -> Vec<usize> {
    let candidates: Vec<Candidate> = rank.iter().enumerate().map(|(id, &rank)| Candidate { rank, id }).collect();
    let mut heap = BinaryHeap::from(candidates);
    let (mut taken, mut sum) = (Vec::new(), 0.0);
    while let Some(Candidate { id, .. }) = heap.pop() {
        taken.push(id);
        sum += probabilities[id];
        if reaches(sum, p) && taken.len() >= at_least {
            break;
        }
    }
    taken
}

/// A token in the heap of [`take_until`]: the largest rank is the largest; among equals, the one with the smallest id.
#[derive(Debug)]
struct Candidate {
    rank: f64,
    id: usize,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Candidate) -> Ordering {
        self.rank.total_cmp(&other.rank).then(other.id.cmp(&self.id))
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
        min_p(&mut logits, 0.001);
        typical_p(&mut logits, 0.99999);
        epsilon_cutoff(&mut logits, 0.001);
        assert_eq!(logits, [f32::NEG_INFINITY, 0.0, f32::NEG_INFINITY]);
    }

    /// Which tokens a knob leaves of these probabilities.
    fn left(probabilities: &[f32], knob: impl Fn(&mut [f32])) -> Vec<usize> {
        let mut logits: Vec<f32> = probabilities.iter().map(|p| p.ln()).collect();
        knob(&mut logits);
        (0..logits.len()).filter(|&id| logits[id] > f32::NEG_INFINITY).collect()
    }

    #[test]
    fn a_sum_that_is_exactly_p_is_enough() {
        // Three of five are 0.6, and the nearest f32 to 0.6 is a little more.
        assert_eq!(left(&[0.2; 5], |logits| top_p(logits, 0.6)), [0, 1, 2]);
        assert_eq!(left(&[0.1; 10], |logits| top_p(logits, 0.8)).len(), 8); // 0.1 eight times is less than 0.8 in f64
        assert_eq!(left(&[0.5, 0.3, 0.2], |logits| top_p(logits, 0.8)), [0, 1]);
        assert_eq!(left(&[0.5, 0.3, 0.2], |logits| top_p(logits, 0.80001)), [0, 1, 2]);
        assert_eq!(left(&[0.2; 5], |logits| top_p(logits, 0.60001)).len(), 4);
    }

    #[test]
    fn min_p_measures_by_the_likeliest() {
        let probabilities = [0.04, 0.4, 0.2, 0.36];
        assert_eq!(left(&probabilities, |logits| min_p(logits, 0.1)), [0, 1, 2, 3]); // exactly a tenth of 0.4 stays
        assert_eq!(left(&probabilities, |logits| min_p(logits, 0.101)), [1, 2, 3]);
        assert_eq!(left(&probabilities, |logits| min_p(logits, 0.9)), [1, 3]);
        assert_eq!(left(&probabilities, |logits| min_p(logits, 1.0)), [1]);
        assert_eq!(left(&[0.3, 0.4, 0.3], |logits| min_p(logits, 0.0)), [0, 1, 2]);
        assert_eq!(left(&[0.25; 4], |logits| min_p(logits, 1.0)), [0, 1, 2, 3]); // equals stay together
    }

    #[test]
    fn typical_p_begins_at_the_expected_surprise_and_not_at_the_likeliest() {
        // In bits, the surprises are 1, 2, 3, 4 and 4, and the entropy is 1/2 + 2/4 + 3/8 + 4/16 + 4/16 = 1.875: the
        // distances are 0.875, 0.125, 1.125, 2.125, 2.125.
        let halves = [0.5, 0.25, 0.125, 0.0625, 0.0625];
        for (p, stays) in [(0.2, &[1][..]), (0.25, &[1]), (0.3, &[0, 1]), (0.75, &[0, 1]), (0.8, &[0, 1, 2])] {
            assert_eq!(left(&halves, |logits| typical_p(logits, p)), stays, "{p}");
        }
        // The last two are equally far, and both stay, although one would be enough.
        assert_eq!(left(&halves, |logits| typical_p(logits, 0.9)), [0, 1, 2, 3, 4]);
        // Of equals, all are as typical as can be.
        assert_eq!(left(&[0.25; 4], |logits| typical_p(logits, 0.1)), [0, 1, 2, 3]);
        // 1, 2 and 2 bits are equally far from 1.5, on both sides.
        assert_eq!(left(&[0.5, 0.25, 0.25], |logits| typical_p(logits, 0.1)), [0, 1, 2]);
        let two = |logits: &mut [f32]| typical_p_of_at_least(logits, 0.1, 2);
        assert_eq!(left(&halves, two), [0, 1]);
    }

    #[test]
    fn epsilon_cutoff_keeps_the_likeliest_whatever_it_is() {
        assert_eq!(left(&[0.5, 0.1, 0.4], |logits| epsilon_cutoff(logits, 0.1)), [0, 1, 2]); // exactly 0.1 stays
        assert_eq!(left(&[0.5, 0.1, 0.4], |logits| epsilon_cutoff(logits, 0.11)), [0, 2]);
        assert_eq!(left(&[0.3, 0.4, 0.3], |logits| epsilon_cutoff(logits, 0.9)), [1]);
        assert_eq!(left(&[0.4, 0.2, 0.4], |logits| epsilon_cutoff(logits, 0.9)), [0, 2]);
        assert_eq!(left(&[0.4, 0.2, 0.4], |logits| epsilon_cutoff(logits, 0.0)), [0, 1, 2]);
    }

    #[test]
    fn where_everything_is_removed_nothing_comes_back() {
        for knob in [top_p, min_p, typical_p, epsilon_cutoff] {
            let mut logits = [f32::NEG_INFINITY; 3];
            knob(&mut logits, 0.5);
            assert_eq!(logits, [f32::NEG_INFINITY; 3]);
            knob(&mut [], 0.5);
        }
    }

    #[test]
    fn an_end_token_past_the_vocabulary_is_no_fault() {
        let mut logits = [1.0, 2.0];
        no_end(&mut logits, &[9, 0]);
        assert_eq!(logits, [f32::NEG_INFINITY, 2.0]);
    }
}
