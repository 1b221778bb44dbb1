//! Attention of a single query: what every new token does in every block.
//!
//! [Attention of many queries](super::attention) computes all scores, all weights and all sums, head by head, and can show
//! them. For a single new token that is the wrong way to go through memory: the keys of one head are short pieces, far
//! apart. Here every key is read once, from its first number to its last, all heads along the way; and so is every value.
//!
//! The threads share the tokens, 64 at a time. A chunk knows only its own scores, so its softmax is preliminary: each
//! score counts as `e^(score - m)`, where `m` is the largest score of this chunk. When the largest of all, `M`, is known, the
//! chunk's sums are multiplied by `e^(m - M)`, and all is as if it had been done at once:
//!
//! ```text
//! out = (sum over chunks of e^(m - M) * sum of e^(score - m) * v) / (sum over chunks of e^(m - M) * sum of e^(score - m))
//! ```
//!
//! Source: Milakov and Gimelshein, "Online normalizer calculation for softmax" (2018); for the split over tokens, Dao, Haziza,
//! Massa and Sizov, "Flash-Decoding for long-context inference" (2023).
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

use super::attention::Segment;
use super::cpu::{Kernel, multiply_add, run};
use super::math::{exp, exp_and_sum, max, scale};
use super::matmul::stream::{STREAMS, add_multiples, dots};
use super::matrix::Matrix;
use super::threads;

/// How many tokens are handled together. The same for any number of threads: so are the results.
const CHUNK: usize = 64;

/// `out = softmax(score_scale * q·kᵀ)·v` for each head: the query, `[n_embd]`, sees all keys of all segments.
///
/// # Panics
///
/// If `q` and `out` have different lengths, or these are not whole heads, or the rows of a segment are longer or shorter.
///
/// # Example: two equal keys share the attention
///
/// ```
/// use gpt60::kernels::attention::Segment;
/// use gpt60::kernels::matrix::Matrix;
/// use gpt60::kernels::one_query::one_query;
///
/// let (keys, values) = ([3.0, 4.0, 3.0, 5.0], [1.0, 10.0, 2.0, 20.0]);
/// let segment = Segment { keys: Matrix::new(&keys, 2, 2), values: Matrix::new(&values, 2, 2) };
/// let mut out = [0.0; 2];
/// one_query(&[1.0, 0.0], 1, 1.0 / 2f32.sqrt(), &[segment], &mut out);
/// assert_eq!(out, [1.5, 15.0]); // the mean of the two values
/// ```
pub fn one_query(q: &[f32], n_head: usize, score_scale: f32, segments: &[Segment], out: &mut [f32]) {
    let n_embd = q.len();
    assert!(n_head > 0 && out.len() == n_embd && n_embd.is_multiple_of(n_head), "one_query: whole heads are needed");
    let is_whole = |m: Matrix| m.n_cols() == n_embd;
    assert!(segments.iter().all(|s| is_whole(s.keys) && is_whole(s.values)), "one_query: whole rows are needed");
    let keys: Vec<&[f32]> = segments.iter().flat_map(|s| s.keys.each_row()).collect();
    let values: Vec<&[f32]> = segments.iter().flat_map(|s| s.values.each_row()).collect();
    let head_size = n_embd / n_head;

    let mut parts: Vec<Part> = keys.chunks(CHUNK).map(|_| Part::new(n_head, n_embd)).collect();
    let rows = keys.chunks(CHUNK).zip(values.chunks(CHUNK));
    let tasks: Vec<_> = rows
        .zip(&mut parts)
        .map(|((keys, values), part)| Chunk { q, head_size, score_scale, keys, values, part })
        .collect();
    threads::each_if(keys.len() * n_embd >= threads::WORTH_A_THREAD / 8, tasks, run);

    out.fill(0.0);
    if keys.is_empty() {
        return;
    }
    for (h, out) in out.chunks_exact_mut(head_size).enumerate() {
        let largest = parts.iter().fold(f32::NEG_INFINITY, |largest: f32, part| largest.max(part.largest[h]));
        let mut sum = 0.0;
        for part in &parts {
            let factor = exp(part.largest[h] - largest);
            sum += factor * part.sums[h];
            let part = &part.out[h * head_size..(h + 1) * head_size];
            out.iter_mut().zip(part).for_each(|(out, x)| *out += factor * x);
        }
        scale(out, 1.0 / sum);
    }
}

/// What a chunk of tokens contributes.
struct Part {
    /// The largest score, for each head.
    largest: Vec<f32>,
    /// The sum of `e^(score - largest)`, for each head.
    sums: Vec<f32>,
    /// The sum of `e^(score - largest) * v`, all heads side by side: `[n_embd]`.
    out: Vec<f32>,
}

impl Part {
    fn new(n_head: usize, n_embd: usize) -> Part {
        Part { largest: vec![0.0; n_head], sums: vec![0.0; n_head], out: vec![0.0; n_embd] }
    }
}

/// The keys and values of a chunk of tokens, and where their part goes.
struct Chunk<'a> {
    q: &'a [f32],
    head_size: usize,
    score_scale: f32,
    keys: &'a [&'a [f32]],
    values: &'a [&'a [f32]],
    part: &'a mut Part,
}

impl Kernel for Chunk<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) {
        let Chunk { q, head_size, score_scale, keys, values, part } = self;
        let n_keys = keys.len();
        let mut scores = vec![0.0; part.sums.len() * n_keys]; // [n_head, n_keys]
        // Each stream goes through rows of its own, one after the other.
        let each = n_keys.div_ceil(STREAMS);
        for t in 0..each {
            // The last streams may have fewer rows, and read the last one again.
            let keys: [&[f32]; STREAMS] = std::array::from_fn(|s| keys[(s * each + t).min(n_keys - 1)]);
            for (h, q) in q.chunks_exact(head_size).enumerate() {
                let dots = dots::<f32, FMA, LANES>(q, keys.map(|key| &key[h * head_size..][..head_size]));
                let scores = scores[h * n_keys..(h + 1) * n_keys][t..].iter_mut().step_by(each);
                scores.zip(dots).for_each(|(score, dot)| *score = dot);
            }
        }
        for (h, scores) in scores.chunks_exact_mut(n_keys).enumerate() {
            scale(scores, score_scale);
            part.largest[h] = max(scores).max(f32::MIN); // if all are minus infinity, their powers are zeros and not NaN
            part.sums[h] = exp_and_sum(scores, part.largest[h]);
        }
        let each = n_keys / STREAMS;
        for t in 0..each {
            let values: [&[f32]; STREAMS] = std::array::from_fn(|s| values[s * each + t]);
            for (h, out) in part.out.chunks_exact_mut(head_size).enumerate() {
                let weights: [f32; STREAMS] = std::array::from_fn(|s| scores[h * n_keys + s * each + t]);
                add_multiples::<f32, FMA>(out, weights, values.map(|value| &value[h * head_size..][..head_size]));
            }
        }
        for t in each * STREAMS..n_keys {
            for (h, out) in part.out.chunks_exact_mut(head_size).enumerate() {
                let weight = scores[h * n_keys + t];
                let places = out.iter_mut().zip(&values[t][h * head_size..]);
                places.for_each(|(out, v)| *out = multiply_add::<FMA>(weight, *v, *out));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use crate::close::check_close;
    use proptest::prelude::*;

    fn segment<'a>(keys: &'a [f32], values: &'a [f32], n_embd: usize) -> Segment<'a> {
        let n = keys.len() / n_embd;
        Segment { keys: Matrix::new(keys, n, n_embd), values: Matrix::new(values, n, n_embd) }
    }

    /// The formula, in double precision, head by head.
    fn plain(q: &[f32], head_size: usize, scale: f32, segments: &[(Vec<f32>, Vec<f32>)]) -> Vec<f32> {
        let n_embd = q.len();
        let exact = |list: &[f32]| list.iter().copied().map(f64::from).collect::<Vec<f64>>();
        let keys = exact(&segments.iter().flat_map(|s| s.0.clone()).collect::<Vec<f32>>());
        let values = exact(&segments.iter().flat_map(|s| s.1.clone()).collect::<Vec<f32>>());
        let mut out = vec![0.0; n_embd];
        for first in (0..n_embd).step_by(head_size) {
            let dot = |k: &[f64]| -> f64 { (first..first + head_size).map(|c| f64::from(q[c]) * k[c]).sum() };
            let powers = keys.chunks(n_embd).map(|k| (f64::from(scale) * dot(k)).exp()).collect::<Vec<f64>>();
            let sum: f64 = powers.iter().sum();
            for c in first..first + head_size {
                out[c] = values.chunks(n_embd).zip(&powers).map(|(v, p)| v[c] * p / sum).sum::<f64>() as f32;
            }
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..Default::default() })]
        #[test]
        fn every_head_is_the_formula(
            n_head in 1usize..8, head_size in 1usize..70, lengths in prop::collection::vec(1usize..160, 1..4),
            factor in 0.1f32..1.0, seed: u64,
        ) {
            let mut rng = Rng::new(seed);
            let n_embd = n_head * head_size;
            let mut random = |n: usize| (0..n).map(|_| rng.normal() as f32).collect::<Vec<f32>>();
            let q = random(n_embd);
            let numbers: Vec<_> = lengths.iter().map(|n| (random(n * n_embd), random(n * n_embd))).collect();
            let segments: Vec<Segment> = numbers.iter().map(|(k, v)| segment(k, v, n_embd)).collect();
            let mut found = vec![f32::NAN; n_embd];
            let scale = factor / (head_size as f32).sqrt();
            one_query(&q, n_head, scale, &segments, &mut found);
            // Scores of up to 70 products, then e to their power: 1e-5 of the largest result.
            prop_assert_eq!(check_close((&[n_embd], &found), (&[n_embd], &plain(&q, head_size, scale, &numbers)), 1e-5), Ok(()));
        }
    }

    #[test]
    fn the_result_is_bit_for_bit_the_same_for_any_number_of_threads() {
        let mut rng = Rng::new(1);
        let mut random = |n: usize| (0..n).map(|_| rng.normal() as f32).collect::<Vec<f32>>();
        let (q, k, v) = (random(7 * 16), random(7 * 16 * 600), random(7 * 16 * 600)); // enough to be shared
        let attend = |n_threads: usize| {
            threads::set(n_threads);
            let mut out = vec![0.0; q.len()];
            one_query(&q, 7, 0.25, &[segment(&k, &v, 7 * 16)], &mut out);
            threads::set(0);
            out.iter().map(|x| x.to_bits()).collect::<Vec<u32>>()
        };
        assert!(attend(1) == attend(2) && attend(1) == attend(5));
    }
}
