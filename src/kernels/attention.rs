//! Attention of many queries: the fast twin of `layers/attention.rs`, which says what is computed.
//!
//! The scores of all queries with all keys are one matrix product, and mixing the values is another. Three things are done
//! here that the plain loop does not do:
//!
//! * **Blocks of queries.** 64 queries need only the keys up to the last of them. Nearly half of the work, the masked half,
//!   is never done.
//! * **Threads.** Every head of every sequence is a task of its own.
//! * **Segments.** The keys and values of a sequence may lie in several pieces (see `kv_cache.rs`). Each piece gives some
//!   columns of the scores and some terms of the mix.
//!
//! A single new token of each sequence goes another way: see `one_query.rs`.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

use super::matmul::{Store, matmul};
use super::matrix::Matrix;
use super::one_query::one_query;
use super::softmax::{softmax_row, softmax_row_backward};
use super::{math, memory, threads};

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

/// How many queries are handled at a time.
const QUERIES: usize = 64;

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
    // Each head of each sequence is a task of its own, with its own place for its result and its weights.
    let head_size = n_embd / n_head;
    let mut heads = memory::Scratch::new(n_tok * n_embd); // [n_sequences*n_head, n_seq, head_size]
    let mut weights = memory::take(if keep_weights { sequences.len() * n_head * n_seq * n_keys } else { 0 });
    let mut places = weights.chunks_mut(n_seq * n_keys);
    let mut tasks = Vec::new();
    for (i, out) in heads.chunks_mut(n_seq * head_size).enumerate() {
        tasks.push((&sequences[i / n_head], i % n_head, places.next(), out));
    }
    threads::each_if(
        n_tok * n_keys * n_embd >= threads::WORTH_A_THREAD,
        tasks,
        |(sequence, head, weights, out): (&Sequence, usize, Option<&mut [f32]>, &mut [f32])| {
            one_head(sequence, head * head_size, head_size, scale, weights, out);
        },
    );
    let mut out = memory::take(n_tok * n_embd);
    for (i, row) in heads.chunks(head_size).enumerate() {
        let (sequence, head, t) = (i / (n_head * n_seq), i / n_seq % n_head, i % n_seq);
        out[(sequence * n_seq + t) * n_embd + head * head_size..][..head_size].copy_from_slice(row);
    }
    (out, weights)
}

/// One head of one sequence, in the columns from `first_column` on.
fn one_head(
    sequence: &Sequence,
    first_column: usize,
    head_size: usize,
    scale: f32,
    mut weights: Option<&mut [f32]>,
    out: &mut [f32],
) {
    let (n_seq, n_keys) = (sequence.queries.n_rows(), sequence.n_keys());
    let n_past = n_keys - n_seq;
    let mut scratch = vec![0.0; if weights.is_some() { 0 } else { QUERIES.min(n_seq) * n_keys }];
    for first in (0..n_seq).step_by(QUERIES) {
        let n = QUERIES.min(n_seq - first);
        let n_seen = n_past + first + n; // the keys up to the last query of this block
        let q = sequence.queries.rows(first, n).columns(first_column, head_size);
        let out = &mut out[first * head_size..(first + n) * head_size];
        let scores = match &mut weights {
            Some(weights) => &mut weights[first * n_keys..(first + n) * n_keys],
            None => &mut scratch[..n * n_keys],
        };
        // q·kᵀ: [n, head_size] · [n_seen, head_size]ᵀ -> [n, n_seen], rows n_keys apart
        let mut at = 0;
        for segment in &sequence.segments {
            let k = segment.keys.rows(0, segment.keys.n_rows().min(n_seen - at));
            matmul(q, k.columns(first_column, head_size).transposed(), &mut scores[at..], n_keys, Store::Set);
            at += k.n_rows();
        }
        for (i, row) in scores.chunks_mut(n_keys).enumerate() {
            let (visible, masked) = row.split_at_mut(n_past + first + i + 1);
            math::scale(visible, scale);
            softmax_row(visible);
            masked.fill(0.0);
        }
        // [n, n_seen] · [n_seen, head_size] -> [n, head_size]
        let mut at = 0;
        for segment in &sequence.segments {
            let v = segment.values.rows(0, segment.values.n_rows().min(n_seen - at));
            let w = Matrix::part(&scores[at..], n, v.n_rows(), n_keys);
            let into = if at == 0 { Store::Set } else { Store::Add };
            matmul(w, v.columns(first_column, head_size), out, head_size, into);
            at += v.n_rows();
        }
    }
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
    // Each head's d_q, d_k and d_v one after the other, [3, n_seq, head_size], to be sorted into columns below.
    let mut d_heads = memory::Scratch::zeros(3 * n_tok * n_embd);
    let mut tasks = Vec::new();
    for (i, d_head) in d_heads.chunks_mut(3 * n_seq * head_size).enumerate() {
        tasks.push((i, &weights[i * n_seq * n_seq..][..n_seq * n_seq], d_head));
    }
    let backward_one_head = |(i, weights, d_head): (usize, &[f32], &mut [f32])| {
        let (sequence, column) = (i / n_head, i % n_head * head_size);
        let d_out = Matrix::part(&d_out[sequence * n_seq * n_embd..], n_seq, n_embd, n_embd).columns(column, head_size);
        one_head_backward(&sequences[sequence], column, scale, weights, d_out, d_head);
    };
    threads::each_if(n_tok * n_seq * n_embd >= threads::WORTH_A_THREAD, tasks, backward_one_head);

    let mut d_qkv = memory::take(3 * n_tok * n_embd);
    for (i, d) in d_heads.chunks(head_size).enumerate() {
        let (sequence, head) = (i / (3 * n_head * n_seq), i / (3 * n_seq) % n_head);
        let (part, t) = (i / n_seq % 3, i % n_seq);
        let column = part * n_embd + head * head_size;
        d_qkv[(sequence * n_seq + t) * 3 * n_embd + column..][..head_size].copy_from_slice(d);
    }
    d_qkv
}

/// Backward of [`one_head`]. `d_head` holds `d_q`, `d_k` and `d_v` one after the other, all zeros before.
fn one_head_backward(
    sequence: &Sequence,
    first_column: usize,
    scale: f32,
    weights: &[f32],
    d_out: Matrix,
    d_head: &mut [f32],
) {
    let (n_seq, head_size) = (d_out.n_rows(), d_out.n_cols());
    let segment = &sequence.segments[0];
    let (d_q, d_kv) = d_head.split_at_mut(n_seq * head_size);
    let (d_k, d_v) = d_kv.split_at_mut(n_seq * head_size);
    let mut d_scores = vec![0.0; QUERIES.min(n_seq) * n_seq];
    for first in (0..n_seq).step_by(QUERIES) {
        let n = QUERIES.min(n_seq - first);
        let n_seen = first + n;
        let q = sequence.queries.rows(first, n).columns(first_column, head_size);
        let k = segment.keys.rows(0, n_seen).columns(first_column, head_size);
        let v = segment.values.rows(0, n_seen).columns(first_column, head_size);
        let w = Matrix::part(&weights[first * n_seq..], n, n_seen, n_seq);
        let d_out = d_out.rows(first, n);
        matmul(w.transposed(), d_out, d_v, head_size, Store::Add); // [n, n_seen]ᵀ · [n, head_size]
        // d_w: [n, head_size] · [n_seen, head_size]ᵀ -> [n, n_seen], rows n_seq apart
        matmul(d_out, v.transposed(), &mut d_scores, n_seq, Store::Set);
        for (i, d) in d_scores.chunks_mut(n_seq).take(n).enumerate() {
            let visible = first + i + 1;
            softmax_row_backward(&weights[(first + i) * n_seq..][..visible], &mut d[..visible]); // d_w -> d_score
            math::scale(&mut d[..visible], scale);
            d[visible..].fill(0.0);
        }
        let d_scores = Matrix::part(&d_scores, n, n_seen, n_seq);
        let block = &mut d_q[first * head_size..(first + n) * head_size];
        matmul(d_scores, k, block, head_size, Store::Set); // [n, n_seen] · [n_seen, head_size]
        matmul(d_scores.transposed(), q, d_k, head_size, Store::Add); // [n, n_seen]ᵀ · [n, head_size]
    }
}
