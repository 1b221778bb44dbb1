//! Attention of a single query: what every new token does in every block.
//!
//! The layer's own attention (`layers/attention.rs`) computes all scores, all weights and all sums, head by head, and can
//! show them. For a single new token that is the wrong way to go through memory: the keys of one head are short pieces, far
//! apart. Here every key is read once, from its first number to its last, all heads along the way; then every value. Nothing
//! is kept but a score for each head and key.

use super::cpu::{Kernel, run};
use super::math::{exp_and_sum, max, scale};
use super::matmul::{STREAMS, dots};
use super::threads;

/// The keys and values of some tokens in a row, `[n, n_embd]` each.
pub type Run<'a> = (&'a [f32], &'a [f32]);

/// `out = softmax(q·kᵀ / sqrt(head_size))·v` for each head: the query, `[n_embd]`, sees all keys of all runs.
///
/// # Panics
///
/// If `q` and `out` have different lengths, or these are not whole heads, or a run is not whole rows.
///
/// # Example: two equal keys share the attention
///
/// ```
/// use gpt60::kernels::attention::one_query;
///
/// let mut out = [0.0; 2];
/// one_query(&[1.0, 0.0], 2, &[(&[3.0, 4.0, 3.0, 5.0], &[1.0, 10.0, 2.0, 20.0])], &mut out);
/// assert_eq!(out, [1.5, 15.0]); // the mean of the two values
/// ```
pub fn one_query(q: &[f32], head_size: usize, runs: &[Run], out: &mut [f32]) {
    let n_embd = q.len();
    assert!(out.len() == n_embd && n_embd.is_multiple_of(head_size), "one_query: whole heads are needed");
    assert!(
        runs.iter().all(|(k, v)| k.len() == v.len() && k.len().is_multiple_of(n_embd)),
        "one_query: whole rows are needed"
    );
    let n_numbers: usize = runs.iter().map(|(k, _)| k.len()).sum();
    // The threads share the heads. Little work is done before another thread has even begun.
    let n_threads = if n_numbers < threads::WORTH_A_THREAD / 8 { 1 } else { threads::count() };
    let width = (n_embd / head_size).div_ceil(n_threads) * head_size;
    let tasks = out.chunks_mut(width).enumerate().collect();
    threads::each(tasks, |(i, out): (usize, &mut [f32])| {
        let first = i * width;
        run(Heads { q: &q[first..first + out.len()], first, n_embd, head_size, runs, out });
    });
}

/// Some heads, whose numbers begin at column `first`.
struct Heads<'a, 'o> {
    q: &'a [f32],
    first: usize,
    n_embd: usize,
    head_size: usize,
    runs: &'a [Run<'a>],
    out: &'o mut [f32],
}

impl Kernel for Heads<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) {
        let Heads { q, first, n_embd, head_size, runs, out } = self;
        let columns = first..first + q.len();
        let keys: Vec<&[f32]> = runs.iter().flat_map(|(k, _)| k.chunks_exact(n_embd)).collect();
        let values = runs.iter().flat_map(|(_, v)| v.chunks_exact(n_embd));
        let n_keys = keys.len();

        let mut scores = vec![0.0; q.len() / head_size * n_keys]; // [n_head, n_keys]
        for t in (0..n_keys).step_by(STREAMS) {
            // At the end, the last key is taken several times.
            let keys: [&[f32]; STREAMS] = std::array::from_fn(|s| &keys[(t + s).min(n_keys - 1)][columns.clone()]);
            for (h, q) in q.chunks_exact(head_size).enumerate() {
                let dots = dots::<f32, FMA, LANES>(q, keys.map(|key| &key[h * head_size..][..head_size]));
                scores[h * n_keys + t..(h + 1) * n_keys].iter_mut().zip(dots).for_each(|(score, dot)| *score = dot);
            }
        }
        for scores in scores.chunks_exact_mut(n_keys.max(1)) {
            scale(scores, 1.0 / (head_size as f32).sqrt());
            let largest = max(scores);
            let sum = exp_and_sum(scores, largest);
            scale(scores, 1.0 / sum);
        }
        out.fill(0.0);
        for (t, value) in values.enumerate() {
            let heads = out.chunks_exact_mut(head_size).zip(value[columns.clone()].chunks_exact(head_size));
            for (h, (out, v)) in heads.enumerate() {
                let weight = scores[h * n_keys + t];
                out.iter_mut().zip(v).for_each(|(out, v)| *out = super::cpu::multiply_add::<FMA>(weight, *v, *out));
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

    /// The formula, in double precision, head by head.
    fn plain(q: &[f32], head_size: usize, runs: &[Run]) -> Vec<f32> {
        let n_embd = q.len();
        let rows = |pick: fn(&Run) -> Vec<f32>| runs.iter().flat_map(pick).map(f64::from).collect::<Vec<f64>>();
        let (keys, values) = (rows(|run| run.0.to_vec()), rows(|run| run.1.to_vec()));
        let mut out = vec![0.0; n_embd];
        for first in (0..n_embd).step_by(head_size) {
            let dot = |k: &[f64]| -> f64 { (first..first + head_size).map(|c| f64::from(q[c]) * k[c]).sum() };
            let powers = keys.chunks(n_embd).map(|k| (dot(k) / (head_size as f64).sqrt()).exp()).collect::<Vec<f64>>();
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
            n_head in 1usize..8, head_size in 1usize..70, lengths in prop::collection::vec(1usize..60, 1..4), seed: u64,
        ) {
            let mut rng = Rng::new(seed);
            let n_embd = n_head * head_size;
            let mut random = |n: usize| (0..n).map(|_| rng.normal() as f32).collect::<Vec<f32>>();
            let q = random(n_embd);
            let numbers: Vec<_> = lengths.iter().map(|n| (random(n * n_embd), random(n * n_embd))).collect();
            let runs: Vec<Run> = numbers.iter().map(|(k, v)| (&k[..], &v[..])).collect();
            let mut found = vec![f32::NAN; n_embd];
            one_query(&q, head_size, &runs, &mut found);
            // Scores of up to 70 products, then e to their power: 1e-5 of the largest result.
            prop_assert_eq!(check_close((&[n_embd], &found), (&[n_embd], &plain(&q, head_size, &runs)), 1e-5), Ok(()));
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
            one_query(&q, 16, &[(&k, &v)], &mut out);
            threads::set(0);
            out.iter().map(|x| x.to_bits()).collect::<Vec<u32>>()
        };
        assert!(attend(1) == attend(2) && attend(1) == attend(5));
    }
}
