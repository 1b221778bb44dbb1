//! Attention of many queries in `bf16`: the plain loop on rounded factors.
//!
//! The queries, keys, values and gradients of a test are `bf16` already, so rounding them changes nothing. What attention
//! rounds besides is the weights and, backward, what the scores' gradients are. A `bf16` has 8 significant bits; rounding
//! is off by at most one part in `2^8`. Each result is a sum of products with one such factor. It is therefore off by at most
//! `2^-8` times the sum of the products' sizes, and by what sums in `f32` round.

use super::{assert_near, with_every_way_to_multiply};
use gpt60::float16::Bf16;
use gpt60::kernels::arithmetic::{Arithmetic, within};
use gpt60::kernels::attention::{Segment, Sequence, attend, attend_backward};
use gpt60::kernels::matmul::Matrix;
use gpt60::layers::attention as plain;
use gpt60::{Rng, Tensor};

/// The largest relative error of rounding to bf16, and a little more for sums of up to 100 terms in `f32`.
const LIMIT: f64 = 1.01 / 256.0;

/// Random numbers, rounded to bf16.
fn random(rows: usize, cols: usize, rng: &mut Rng) -> Tensor {
    let mut table = Tensor::random(&[rows, cols], 1.0, rng);
    table.data_mut().iter_mut().for_each(|x| *x = Bf16::nearest(*x).value());
    table
}

/// One sequence, whose keys and values lie in one piece.
fn sequence<'a>(queries: &'a Tensor, keys: &'a Tensor, values: &'a Tensor) -> [Sequence<'a>; 1] {
    let [queries, keys, values] = [queries, keys, values].map(|t| Matrix::new(t.data(), t.n_rows(), t.n_cols()));
    [Sequence { queries, segments: vec![Segment { keys, values }] }]
}

/// Tokens before the queries, queries, heads, numbers of a head: whole tiles and odd ones, whole pairs and odd ones.
const SIZES: [(usize, usize, usize, usize); 7] =
    [(0, 17, 1, 1), (0, 24, 2, 32), (3, 37, 2, 5), (1, 64, 1, 64), (8, 19, 3, 33), (0, 97, 1, 16), (0, 100, 2, 7)];

#[test]
fn in_bf16_attention_is_the_plain_one_on_rounded_factors() {
    let mut rng = Rng::new(8);
    for (n_past, n, n_head, head_size) in SIZES {
        let n_embd = n_head * head_size;
        let [q, k, v] = [n, n_past + n, n_past + n].map(|rows| random(rows, n_embd, &mut rng));
        let sizes = Tensor::new(v.shape(), v.data().iter().map(|x| x.abs()).collect()).unwrap();
        let scale = 1.0 / (head_size as f32).sqrt();
        let (out, weights) = plain::attend(&sequence(&q, &k, &v), n_head, scale);
        let (size, _) = plain::attend(&sequence(&q, &k, &sizes), n_head, scale);
        with_every_way_to_multiply(1, |level| {
            let attend = || attend(&sequence(&q, &k, &v), n_head, scale, true);
            let (found, found_weights) = within(Arithmetic::Bf16, attend);
            for (i, found) in found.iter().enumerate() {
                let what = format!("attention, {n_past} + {n} tokens, {n_head} heads of {head_size}, number {i}");
                assert_near(&what, level, *found, f64::from(out[i]), LIMIT * f64::from(size[i]));
            }
            // The weights are not rounded where they are handed out.
            for (found, expected) in found_weights.iter().zip(&weights) {
                assert_near("a weight", level, *found, f64::from(*expected), 1e-5);
            }
        });
    }
}

/// What backward gives for one sequence, in `f64`: each number of `d_q`, `d_k` and `d_v`, side by side, and the sum of the
/// sizes of its terms. The formulas are those of `layers/attention.rs`.
fn backward(q: &Tensor, k: &Tensor, v: &Tensor, d_out: &Tensor, n_head: usize, w: &[f32]) -> Vec<(f64, f64)> {
    let (n, n_embd) = (q.n_rows(), q.n_cols());
    let head_size = n_embd / n_head;
    let scale = f64::from(1.0 / (head_size as f32).sqrt());
    let at = |tensor: &Tensor, row: usize, column: usize| f64::from(tensor.row(row)[column]);
    let mut all = vec![(0.0, 0.0); n * 3 * n_embd];
    for (head, t) in (0..n_head).flat_map(|head| (0..n).map(move |t| (head, t))) {
        let columns = head * head_size..(head + 1) * head_size;
        let w = |j: usize| f64::from(w[(head * n + t) * n + j]);
        let d_w = |j: usize| columns.clone().map(|c| at(d_out, t, c) * at(v, j, c)).sum::<f64>();
        let shared: f64 = (0..=t).map(|j| w(j) * d_w(j)).sum();
        for j in 0..=t {
            let d_score = scale * w(j) * (d_w(j) - shared);
            for c in columns.clone() {
                let terms =
                    [(t, 0, d_score * at(k, j, c)), (j, 1, d_score * at(q, t, c)), (j, 2, w(j) * at(d_out, t, c))];
                for (token, part, term) in terms {
                    let place = &mut all[(token * 3 + part) * n_embd + c];
                    *place = (place.0 + term, place.1 + term.abs());
                }
            }
        }
    }
    all
}

#[test]
fn in_bf16_backward_is_the_formula_on_rounded_factors() {
    let mut rng = Rng::new(9);
    for (_, n, n_head, head_size) in SIZES {
        let n_embd = n_head * head_size;
        let [q, k, v, d_out] = [(); 4].map(|()| random(n, n_embd, &mut rng));
        let scale = 1.0 / (head_size as f32).sqrt();
        let (_, weights) = plain::attend(&sequence(&q, &k, &v), n_head, scale);
        let expected = backward(&q, &k, &v, &d_out, n_head, &weights);
        with_every_way_to_multiply(1, |level| {
            let work = || attend_backward(&sequence(&q, &k, &v), n_head, scale, &weights, d_out.data());
            let found = within(Arithmetic::Bf16, work);
            assert_eq!(found.len(), expected.len());
            for (i, (found, (exact, size))) in found.iter().zip(&expected).enumerate() {
                let what = format!("attention backward, {n} tokens, {n_head} heads of {head_size}, number {i}");
                // A difference of two nearly equal numbers may be off by what sums of numbers near 1 are rounded by.
                assert_near(&what, level, *found, *exact, LIMIT * size + 1e-5);
            }
        });
    }
}

#[test]
fn what_lies_beyond_the_keys_of_a_tile_does_not_get_into_its_last_pair() {
    let mut rng = Rng::new(10);
    // With three tokens before them, the first twelve queries see 15 keys. The next one's value is not a number.
    let [q, k, mut v] = [40, 43, 43].map(|rows| random(rows, 16, &mut rng));
    for wild in [f32::NAN, f32::INFINITY, f32::MAX] {
        v.row_mut(15).fill(wild);
        with_every_way_to_multiply(1, |level| {
            let (out, _) = within(Arithmetic::Bf16, || attend(&sequence(&q, &k, &v), 1, 0.25, false));
            // What a tile has is at most twelve queries; the first eight are never in one with the thirteenth.
            assert!(out[..8 * 16].iter().all(|x| x.abs() < 10.0), "{level:?}, {wild}");
        });
    }
}
