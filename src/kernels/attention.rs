//! Attention of many queries: the fast twin of `layers/attention.rs`, which says what is computed.
//!
//! The scores of all queries with all keys are one matrix product, and mixing the values is another. Five things are done
//! here that the plain loop does not do:
//!
//! * **Tiles of queries.** A dozen queries at a time need only the keys up to the last of them. Nearly half of the work, the
//!   masked half, is never done. Their scores, their softmax and their mix follow each other while the scores are still in the
//!   first-level cache; no table of all scores is made.
//! * **Layout once.** The keys and values of a head are laid out for the tiles once, and serve all queries: see `strips.rs`.
//!   The keys and values of a sequence may lie in several pieces (see `kv_cache.rs`); afterwards they are in one.
//! * **Pairs.** In `bf16` the numbers are laid out as words of two (see `dot/`). Scores, softmax and all sums are `f32`.
//! * **The division last.** `softmax(scores)·v` is `e^scores·v`, divided by the sum of the powers. Dividing `head_size` sums
//!   takes less than dividing all weights. (In `bf16` the weights themselves are divided, because they are rounded.)
//! * **Threads.** Every head of every sequence is a task of its own. It writes its part of each row where it belongs.
//!
//! A single new token of each sequence goes another way: see `one_query.rs`.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

use super::arithmetic::{self, Arithmetic};
use super::dot::Dot;
use super::matmul::FEW_ROWS;
use super::matmul::tiles::{tile_of_columns, tile_of_rows};
use super::matmul::words::Words;
use super::matrix::Matrix;
use super::memory::Scratch;
use super::one_query::one_query;
use super::strips::{
    self, WordKernel, copy_rows, distance, store, strips_of_columns, strips_of_rows, words_across, words_along,
};
use super::{math, memory, threads};
use std::ops::Range;

/// The keys and values of some consecutive tokens of a sequence, `[n, n_embd]` each.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    /// All heads side by side.
    pub keys: Matrix<'a>,
    /// All heads side by side.
    pub values: Matrix<'a>,
}

/// What attention works on in one sequence: its queries, and the keys and values of all tokens up to the last query.
#[derive(Debug, Clone)]
pub struct Sequence<'a> {
    /// `[n_seq, n_embd]`, all heads side by side. They belong to the last `n_seq` keys.
    pub queries: Matrix<'a>,
    /// The keys and values in order, in one piece or in several.
    pub segments: Vec<Segment<'a>>,
}

impl Sequence<'_> {
    /// How many keys there are in all segments.
    pub fn n_keys(&self) -> usize {
        self.segments.iter().map(|segment| segment.keys.n_rows()).sum()
    }
}

/// `softmax(scale * q·kᵀ + mask)·v` for every head of every sequence: the heads' results side by side,
/// `[n_tok, n_embd]`; and the weights, `[n_sequences*n_head, n_seq, n_keys]`, if they are to be kept, else nothing.
///
/// # Panics
///
/// If the sequences are of different sizes, or their columns are not whole heads.
#[doc(hidden)]
pub fn attend(sequences: &[Sequence], n_head: usize, scale: f32, keep_weights: bool) -> (Vec<f32>, Vec<f32>) {
    let Some(first) = sequences.first() else { return Default::default() };
    let (n_seq, n_embd, n_keys) = (first.queries.n_rows(), first.queries.n_cols(), first.n_keys());
    assert!(
        sequences.iter().all(|s| s.queries.n_rows() == n_seq && s.queries.n_cols() == n_embd && s.n_keys() == n_keys)
            && n_seq <= n_keys
            && n_embd.is_multiple_of(n_head),
        "attend: sequences of equal size and whole heads are needed"
    );
    let n_tok = sequences.len() * n_seq;
    if n_seq == 1 && n_keys > 1 && !keep_weights {
        let mut out = memory::take(n_tok * n_embd);
        let tasks: Vec<_> = sequences.iter().zip(out.chunks_mut(n_embd)).collect();
        threads::each(tasks, |(sequence, out)| {
            one_query(sequence.queries.row(0), n_head, scale, &sequence.segments, out)
        });
        return (out, Vec::new());
    }
    // Each head of each sequence is a task of its own, with its own places for its result and its weights.
    let head_size = n_embd / n_head;
    let mut out = memory::take(n_tok * n_embd);
    let mut weights = memory::take(if keep_weights { sequences.len() * n_head * n_seq * n_keys } else { 0 });
    let mut places = weights.chunks_mut(n_seq * n_keys);
    let mut tasks = Vec::with_capacity(sequences.len() * n_head);
    for (i, out) in columns_of_heads(&mut out, n_seq, n_embd, head_size).into_iter().enumerate() {
        let columns = i % n_head * head_size..(i % n_head + 1) * head_size;
        tasks.push(Forward { sequence: &sequences[i / n_head], columns, scale, weights: places.next(), out });
    }
    let arithmetic = arithmetic_for(n_seq);
    let is_worth_it = n_tok * n_keys * n_embd >= threads::WORTH_A_THREAD;
    threads::each_if(is_worth_it, tasks, |task| strips::run(arithmetic, task));
    (out, weights)
}

/// In which numbers the products of so many queries are made: those of a few rows stay `f32`, as everywhere.
fn arithmetic_for(n_seq: usize) -> Arithmetic {
    if n_seq > FEW_ROWS { arithmetic::current() } else { Arithmetic::F32 }
}

/// The places of a table whose rows are heads side by side, `head_size` numbers each: for each sequence and each column of
/// heads, a place for each token.
fn columns_of_heads(table: &mut [f32], n_seq: usize, width: usize, head_size: usize) -> Vec<Vec<&mut [f32]>> {
    let n = width / head_size;
    let mut columns = Vec::new();
    for sequence in table.chunks_mut(n_seq * width) {
        let first = columns.len();
        columns.resize_with(first + n, || Vec::with_capacity(n_seq));
        for row in sequence.chunks_exact_mut(width) {
            let places = row.chunks_exact_mut(head_size).zip(&mut columns[first..]);
            places.for_each(|(place, column)| column.push(place));
        }
    }
    columns
}

/// The part of each row of a matrix that belongs to a head.
fn rows_of(matrix: Matrix<'_>, columns: Range<usize>) -> impl Iterator<Item = &[f32]> {
    matrix.each_row().map(move |row| &row[columns.clone()])
}

/// One head of one sequence: its columns, and the places of its result.
struct Forward<'a> {
    sequence: &'a Sequence<'a>,
    columns: Range<usize>,
    scale: f32,
    weights: Option<&'a mut [f32]>,
    out: Vec<&'a mut [f32]>,
}

impl WordKernel for Forward<'_> {
    #[inline(always)]
    fn run<D: Dot<LANES>, W: Words<f32>, const LANES: usize, const ROWS: usize>(self, dot: D, kind: W) {
        let Forward { sequence, columns, scale, mut weights, mut out } = self;
        let segments = || sequence.segments.iter();
        let queries: Vec<&[f32]> = rows_of(sequence.queries, columns.clone()).collect();
        let keys: Vec<&[f32]> = segments().flat_map(|s| rows_of(s.keys, columns.clone())).collect();
        let values: Vec<&[f32]> = segments().flat_map(|s| rows_of(s.values, columns.clone())).collect();
        let (width, head_size, n_keys) = (2 * LANES, columns.len(), keys.len());
        let n_past = n_keys - queries.len();

        // How many words hold a row of a head; and one number of each key.
        let (k, key_words) = (head_size.div_ceil(W::TERMS), n_keys.div_ceil(W::TERMS));
        let (n_wide, stride, far) = (head_size.next_multiple_of(width), distance(n_keys), distance(key_words));
        let lengths = [n_keys.next_multiple_of(width) * k, key_words * n_wide, ROWS * k, ROWS * far];
        let mut room = Scratch::<u32>::new(strips::room(lengths));
        let [key_strips, value_strips, q, powers] = strips::parts(&mut room, lengths);
        let mut room = Scratch::<f32>::new(strips::room([ROWS * stride]));
        let [scores] = strips::parts(&mut room, [ROWS * stride]);
        strips_of_columns::<D, W, LANES>(dot, kind, &keys, key_strips);
        strips_of_rows::<W, LANES>(kind, &values, value_strips);

        let (mut queries, mut out) = (&queries[..], &mut out[..]);
        while !queries.is_empty() {
            // A tile ends where a word of keys ends, for no query may meet half a word of what it does not see.
            let first = n_keys - n_past - queries.len();
            let n = queries.len().min(ROWS - (n_past + first) % W::TERMS);
            let (these, later) = queries.split_at(n);
            let (places, later_places) = std::mem::take(&mut out).split_at_mut(n);
            (queries, out) = (later, later_places);
            let n_seen = n_past + first + n; // the keys up to the last query of this tile
            // q·kᵀ: [ROWS, head_size] · [head_size, n_seen] -> [ROWS, n_seen]
            copy_rows::<W, LANES, ROWS>(kind, these, q);
            let mut rows: [&mut [f32]; ROWS] = rows_apart(scores, stride);
            for (s, strip) in key_strips.chunks_exact(k * width).take(n_seen.div_ceil(width)).enumerate() {
                let tile = tile_of_rows::<D, LANES, ROWS>(dot, q, k, strip);
                store::<D, LANES, ROWS>(dot, tile, &mut rows, s * width, false, |_| scale);
            }
            // Softmax: the powers here, the division below.
            let mut factors = [0.0; ROWS];
            for (r, (row, powers)) in rows.iter_mut().zip(powers.chunks_exact_mut(far)).take(n).enumerate() {
                let n_visible = n_past + first + r + 1;
                let row = &mut row[..n_seen.next_multiple_of(math::SUMS)];
                row[n_visible..].fill(f32::NEG_INFINITY); // whose power is 0
                let largest = math::max_inlined(row);
                factors[r] = 1.0
                    / if D::FMA {
                        math::exp_and_sum_inlined::<true>(row, largest)
                    } else {
                        math::exp_and_sum_inlined::<false>(row, largest)
                    };
                if let Some(weights) = &mut weights {
                    let (visible, masked) = weights[(first + r) * n_keys..][..n_keys].split_at_mut(n_visible);
                    visible.iter_mut().zip(&*row).for_each(|(w, power)| *w = power * factors[r]);
                    masked.fill(0.0);
                }
                if kind.rounds() {
                    // The weights are what is to be rounded, not the powers.
                    row.iter_mut().for_each(|power| *power *= factors[r]);
                    factors[r] = 1.0;
                }
                words_along::<W, LANES>(kind, row, &mut powers[..row.len() / W::TERMS]);
            }
            // [ROWS, n_seen] · [n_seen, head_size] -> [ROWS, head_size]
            for (s, strip) in value_strips.chunks_exact(key_words * width).enumerate() {
                let seen = &strip[..n_seen.div_ceil(W::TERMS) * width];
                let tile = tile_of_rows::<D, LANES, ROWS>(dot, powers, far, seen);
                store::<D, LANES, ROWS>(dot, tile, places, s * width, false, |r| factors[r]);
            }
        }
    }
}

/// The rows of a table, `stride` apart.
#[inline(always)]
fn rows_apart<const ROWS: usize>(table: &mut [f32], stride: usize) -> [&mut [f32]; ROWS] {
    let mut rows = table.chunks_exact_mut(stride);
    std::array::from_fn(|_| rows.next().expect("there are ROWS rows"))
}

/// How the loss changes with queries, keys and values, side by side as the layer makes them: `[n_tok, 3*n_embd]`; given
/// `weights` from [`attend`] with this `scale`, and how the loss changes with its result, `d_out`, `[n_tok, n_embd]`. The
/// sequences have no past.
///
/// # Panics
///
/// If the lengths do not fit.
#[doc(hidden)]
pub fn attend_backward(sequences: &[Sequence], n_head: usize, scale: f32, weights: &[f32], d_out: &[f32]) -> Vec<f32> {
    let Some(first) = sequences.first() else { return Vec::new() };
    let (n_seq, n_embd) = (first.queries.n_rows(), first.queries.n_cols());
    let (n_tok, head_size) = (sequences.len() * n_seq, n_embd / n_head);
    assert!(
        weights.len() == sequences.len() * n_head * n_seq * n_seq && d_out.len() == n_tok * n_embd,
        "attend_backward: lengths do not fit"
    );
    let mut d_qkv = memory::take(3 * n_tok * n_embd);
    let mut places = columns_of_heads(&mut d_qkv, n_seq, 3 * n_embd, head_size).into_iter();
    let mut tasks = Vec::with_capacity(sequences.len() * n_head);
    for (s, sequence) in sequences.iter().enumerate() {
        // The heads of the queries come first, then those of the keys, then those of the values.
        let [d_q, d_k, d_v]: [Vec<_>; 3] = std::array::from_fn(|_| places.by_ref().take(n_head).collect());
        for (h, ((d_q, d_k), d_v)) in d_q.into_iter().zip(d_k).zip(d_v).enumerate() {
            let weights = &weights[(s * n_head + h) * n_seq * n_seq..][..n_seq * n_seq];
            let d_out = Matrix::part(&d_out[s * n_seq * n_embd..], n_seq, n_embd, n_embd);
            let columns = h * head_size..(h + 1) * head_size;
            tasks.push(Backward { sequence, columns, scale, weights, d_out, d_q, d_k, d_v });
        }
    }
    let arithmetic = arithmetic_for(n_seq);
    let is_worth_it = n_tok * n_seq * n_embd >= threads::WORTH_A_THREAD;
    threads::each_if(is_worth_it, tasks, |task| strips::run(arithmetic, task));
    d_qkv
}

/// How many queries backward handles at a time: whole tiles, whatever their height.
const QUERIES: usize = 96;

/// Backward of [`Forward`]; the sequence has no past. Every number of `d_q`, `d_k` and `d_v` is set.
struct Backward<'a> {
    sequence: &'a Sequence<'a>,
    columns: Range<usize>,
    scale: f32,
    weights: &'a [f32],
    d_out: Matrix<'a>,
    d_q: Vec<&'a mut [f32]>,
    d_k: Vec<&'a mut [f32]>,
    d_v: Vec<&'a mut [f32]>,
}

impl WordKernel for Backward<'_> {
    #[inline(always)]
    fn run<D: Dot<LANES>, W: Words<f32>, const LANES: usize, const ROWS: usize>(self, dot: D, kind: W) {
        let Backward { sequence, columns, scale, weights, d_out, mut d_q, mut d_k, mut d_v } = self;
        let segment = &sequence.segments[0];
        let [queries, keys, values, d_outs] = [sequence.queries, segment.keys, segment.values, d_out]
            .map(|matrix| rows_of(matrix, columns.clone()).collect::<Vec<&[f32]>>());
        let (width, head_size, n_seq) = (2 * LANES, columns.len(), queries.len());

        // How many words hold a row of a head; and one number of each token.
        let (k, tok_words) = (head_size.div_ceil(W::TERMS), n_seq.div_ceil(W::TERMS));
        let (n_wide, stride, far) = (head_size.next_multiple_of(width), distance(n_seq), distance(tok_words));
        let by_rows = tok_words * n_wide;
        let table = QUERIES.min(n_seq.next_multiple_of(ROWS)) / W::TERMS * stride;
        let lengths =
            [n_seq.next_multiple_of(width) * k, by_rows, by_rows, by_rows, ROWS * k, ROWS * far, table, table];
        let mut room = Scratch::<u32>::new(strips::room(lengths));
        let [value_strips, key_strips, query_strips, d_out_strips, d_out_words, d_words, d_table, w_table] =
            strips::parts(&mut room, lengths);
        let lengths = [ROWS * stride, ROWS * stride];
        let mut room = Scratch::<f32>::new(strips::room(lengths));
        let [d_scores, w] = strips::parts(&mut room, lengths);
        strips_of_columns::<D, W, LANES>(dot, kind, &values, value_strips);
        strips_of_rows::<W, LANES>(kind, &keys, key_strips);
        strips_of_rows::<W, LANES>(kind, &queries, query_strips);
        strips_of_rows::<W, LANES>(kind, &d_outs, d_out_strips);

        for block in (0..n_seq).step_by(QUERIES) {
            let n = QUERIES.min(n_seq - block);
            // For each query of the block: how the loss changes with its weights, with its scores, and with itself.
            for first in (0..n).step_by(ROWS) {
                let n_rows = ROWS.min(n - first);
                let n_seen = block + first + n_rows; // the keys up to the last query of this tile
                // Forward was: out = w·v. Now d_w: [ROWS, head_size] · [head_size, n_seen] -> [ROWS, n_seen]
                copy_rows::<W, LANES, ROWS>(kind, &d_outs[block + first..][..n_rows], d_out_words);
                let mut rows: [&mut [f32]; ROWS] = rows_apart(d_scores, stride);
                for (s, strip) in value_strips.chunks_exact(k * width).take(n_seen.div_ceil(width)).enumerate() {
                    let tile = tile_of_rows::<D, LANES, ROWS>(dot, d_out_words, k, strip);
                    store::<D, LANES, ROWS>(dot, tile, &mut rows, s * width, false, |_| 1.0);
                }
                // Whole runs of numbers, with zeros where nothing is visible.
                let n_whole = n_seen.next_multiple_of(math::SUMS);
                for (r, (d, w)) in rows.iter_mut().zip(w.chunks_exact_mut(stride)).enumerate() {
                    let (t, d, w) = (block + first + r, &mut d[..n_whole], &mut w[..n_whole]);
                    if r >= n_rows {
                        w.fill(0.0); // the other half of the last query's words
                        d.fill(0.0);
                        continue;
                    }
                    w[..t + 1].copy_from_slice(&weights[t * n_seq..][..t + 1]);
                    w[t + 1..].fill(0.0);
                    d[t + 1..].fill(0.0);
                    // Forward was: w = softmax(scale * scores)
                    let shared =
                        if D::FMA { math::dot_inlined::<true>(w, d) } else { math::dot_inlined::<false>(w, d) };
                    d.iter_mut().zip(&*w).for_each(|(d, w)| *d = w * (*d - shared) * scale);
                    words_along::<W, LANES>(kind, d, &mut d_words[r * far..][..n_whole / W::TERMS]);
                }
                // Forward was: scores = q·kᵀ. Now d_q: [ROWS, n_seen] · [n_seen, head_size] -> [ROWS, head_size]
                for (s, strip) in key_strips.chunks_exact(tok_words * width).enumerate() {
                    let seen = &strip[..n_seen.div_ceil(W::TERMS) * width];
                    let tile = tile_of_rows::<D, LANES, ROWS>(dot, d_words, far, seen);
                    store::<D, LANES, ROWS>(dot, tile, &mut d_q[block + first..][..n_rows], s * width, false, |_| 1.0);
                }
                // Below, the sums go over queries. So there the words are made across the rows.
                for (table, from) in [(&mut *d_table, &*d_scores), (&mut *w_table, &*w)] {
                    let table = table[first / W::TERMS * stride..].chunks_exact_mut(stride);
                    for (rows, words) in from.chunks_exact(W::TERMS * stride).zip(table) {
                        let rows = [0, W::TERMS - 1].map(|t| &rows[t * stride..][..n_whole]);
                        words_across::<W, LANES>(kind, rows, &mut words[..n_whole]);
                    }
                }
            }
            // Each key, and its value, is seen by the queries from its own on. It adds up what they say, block by block.
            for j in (0..block + n).step_by(ROWS) {
                let (first, add) = (j.saturating_sub(block), j < block);
                let n_keys = ROWS.min(n_seq - j);
                let at = first / W::TERMS * stride + j;
                let seen_by = (block + first) / W::TERMS * width..(block + n).div_ceil(W::TERMS) * width;
                let size = tok_words * width;
                for (s, (q, d_out)) in query_strips.chunks_exact(size).zip(d_out_strips.chunks_exact(size)).enumerate()
                {
                    // d_k: [n, ROWS]ᵀ · [n, head_size] -> [ROWS, head_size], and d_v likewise
                    let tile = tile_of_columns::<D, LANES, ROWS>(dot, &d_table[at..], stride, &q[seen_by.clone()]);
                    store::<D, LANES, ROWS>(dot, tile, &mut d_k[j..][..n_keys], s * width, add, |_| 1.0);
                    let tile = tile_of_columns::<D, LANES, ROWS>(dot, &w_table[at..], stride, &d_out[seen_by.clone()]);
                    store::<D, LANES, ROWS>(dot, tile, &mut d_v[j..][..n_keys], s * width, add, |_| 1.0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float16::Bf16;
    use crate::kernels::arithmetic::within;
    use crate::rng::Rng;

    const N_HEAD: usize = 3;
    const N_EMBD: usize = 60;

    fn random(n: usize, rng: &mut Rng) -> Vec<f32> {
        (0..n).map(|_| rng.normal() as f32).collect()
    }

    fn rounded(xs: &[f32]) -> Vec<f32> {
        xs.iter().map(|&x| Bf16::nearest(x).value()).collect()
    }

    /// Two sequences, whose queries, keys and values are side by side in `qkv`.
    fn two_sequences(qkv: &[f32]) -> Vec<Sequence<'_>> {
        let (first, second) = qkv.split_at(qkv.len() / 2);
        vec![sequence(first), sequence(second)]
    }

    fn sequence(rows: &[f32]) -> Sequence<'_> {
        let part = |i: usize| Matrix::part(&rows[i * N_EMBD..], rows.len() / (3 * N_EMBD), N_EMBD, 3 * N_EMBD);
        Sequence { queries: part(0), segments: vec![Segment { keys: part(1), values: part(2) }] }
    }

    /// The bits of what forward and backward give in some arithmetic.
    fn bits(arithmetic: Arithmetic, qkv: &[f32], weights: &[f32], d_out: &[f32]) -> [Vec<u32>; 2] {
        within(arithmetic, || {
            let sequences = two_sequences(qkv);
            let out = attend(&sequences, N_HEAD, 0.2, false).0;
            [out, attend_backward(&sequences, N_HEAD, 0.2, weights, d_out)]
        })
        .map(|list| list.iter().map(|x| x.to_bits()).collect())
    }

    /// Numbers of two sequences of `n_seq` tokens: `qkv`, the weights of attention, and the slope of its result.
    fn numbers(n_seq: usize) -> [Vec<f32>; 3] {
        let mut rng = Rng::new(n_seq as u64);
        let qkv = random(2 * n_seq * 3 * N_EMBD, &mut rng);
        let weights = attend(&two_sequences(&qkv), N_HEAD, 0.2, true).1;
        [qkv, weights, random(2 * n_seq * N_EMBD, &mut rng)]
    }

    #[test]
    fn in_bf16_every_factor_is_rounded_and_of_few_queries_none() {
        let [qkv, weights, d_out] = numbers(130);
        let in_bf16 = bits(Arithmetic::Bf16, &qkv, &weights, &d_out);
        // What is rounded already is not changed by rounding: all of q, k, v and d_out were rounded.
        assert!(in_bf16 == bits(Arithmetic::Bf16, &rounded(&qkv), &weights, &rounded(&d_out)));
        // The weights and the slopes of the scores are factors too, so f32 gives other numbers even then.
        let in_f32 = bits(Arithmetic::F32, &rounded(&qkv), &weights, &rounded(&d_out));
        assert!(in_bf16[0] != in_f32[0] && in_bf16[1] != in_f32[1]);
        // Each weight is off by 2^-9 of itself at most, they add up to 1, and the sums are f32.
        let largest = qkv.iter().fold(0f32, |largest, x| largest.max(x.abs()));
        for (a, b) in in_bf16[0].iter().zip(&in_f32[0]) {
            assert!((f32::from_bits(*a) - f32::from_bits(*b)).abs() <= largest * (1.0 / 512.0 + 1e-5));
        }

        let [qkv, weights, d_out] = numbers(FEW_ROWS);
        let few = [Arithmetic::Bf16, Arithmetic::F32].map(|arithmetic| bits(arithmetic, &qkv, &weights, &d_out));
        assert!(few[0] == few[1]);
    }

    #[test]
    fn the_result_is_bit_for_bit_the_same_for_any_number_of_threads() {
        let [qkv, weights, d_out] = numbers(130);
        const { assert!(2 * 130 * 130 * N_EMBD > threads::WORTH_A_THREAD) };
        for arithmetic in [Arithmetic::F32, Arithmetic::Bf16] {
            let with = |n_threads: usize| {
                threads::set(n_threads);
                let bits = bits(arithmetic, &qkv, &weights, &d_out);
                threads::set(0);
                bits
            };
            let one = with(1);
            assert!([2, 3, 5].into_iter().all(|n_threads| with(n_threads) == one), "{arithmetic:?}");
        }
    }
}
