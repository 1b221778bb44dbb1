//! Attention: tokens look at each other.
//!
//! Every other layer works on one token at a time. Attention is where a token learns what stands before it. Each token
//! makes three vectors out of its own:
//!
//! * a *query*: what am I looking for?
//! * a *key*: what do I have to offer?
//! * a *value*: what do I hand over to whoever picks me?
//!
//! A token compares its query with the keys of all tokens up to itself (a dot product: large where they point the same
//! way), turns these scores into probabilities, and takes the average of the values, weighted by them:
//!
//! ```text
//! attention(q, k, v) = softmax(q·kᵀ / sqrt(head_size) + mask)·v
//! ```
//!
//! * The division keeps the scores from growing with the number of terms in a dot product; softmax would otherwise pick
//!   one winner almost at once, and learning would stall.
//! * The *mask* is minus infinity where a key stands after the query: a token may not look ahead. `e^(-inf)` is 0. Here the
//!   masked part of a row is not even given to softmax, which comes to the same.
//! * *Heads*: all this is done `n_head` times side by side, each head on its own `head_size = n_embd / n_head` columns, so
//!   that each can look for something else. Their results are put side by side again and mixed by `c_proj`.
//!
//! Source: Vaswani et al., "Attention Is All You Need" (2017), section 3.2; the sixty lines' `attention` and `mha`.
//!
//! [Chapter 5](crate::book::ch05_attention) explains it;
//! [chapter 12](crate::book::ch12_backpropagation), its `backward`.

use super::linear::Linear;
use super::softmax::{softmax_row, softmax_row_backward};
use crate::kernels::attention::one_query;
use crate::kernels::matmul::{Matrix, Store, matmul};
use crate::kernels::{math, threads};
use crate::kv_cache::{LayerCache, Run};
use crate::{Error, Probe, Result, Rng, Tensor};

/// The parameters of causal multi-head self-attention.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// Makes queries, keys and values, side by side: `[n_embd, 3*n_embd]`.
    pub c_attn: Linear,
    /// Mixes the heads' results: `[n_embd, n_embd]`.
    pub c_proj: Linear,
    /// How many heads there are.
    pub n_head: usize,
}

/// What forward saves for backward.
#[derive(Debug, Clone)]
pub struct AttentionSaved {
    /// Queries, keys and values, `[n_tok, 3*n_embd]`.
    qkv: Tensor,
    /// Who looked where, `[n_sequences*n_head, n_seq, n_seq]`.
    weights: Tensor,
    /// The heads' results side by side, `[n_tok, n_embd]`.
    merged: Tensor,
}

impl Default for AttentionSaved {
    fn default() -> Self {
        let none = || Tensor::zeros(&[0]);
        Self { qkv: none(), weights: none(), merged: none() }
    }
}

/// How many queries are handled at a time. A block of queries needs only the keys up to its last one: so nearly half of the
/// work, the masked half, is never done.
const QUERIES: usize = 64;

impl Attention {
    /// Parameters that are all zero: where a gradient begins.
    pub fn zeros(n_embd: usize, n_head: usize) -> Attention {
        let (c_attn, c_proj) = (Linear::zeros(n_embd, 3 * n_embd), Linear::zeros(n_embd, n_embd));
        Attention { c_attn, c_proj, n_head }
    }

    /// Parameters to begin training with; `c_proj`, whose result is added to the residual stream, has its own deviation.
    pub fn random(n_embd: usize, n_head: usize, deviation: f32, proj_deviation: f32, rng: &mut Rng) -> Attention {
        let c_attn = Linear::random(n_embd, 3 * n_embd, deviation, rng);
        let c_proj = Linear::random(n_embd, n_embd, proj_deviation, rng);
        Attention { c_attn, c_proj, n_head }
    }

    /// Lets every token look at itself and the tokens before it: `[n_tok, n_embd] -> [n_tok, n_embd]`.
    ///
    /// Every `n_seq` rows of `x` are one sequence. With a `cache`, they follow the tokens that it holds, and are added to
    /// it. The probe is shown `q`, `k`, `v` (`[n_tok, n_embd]`), `weights` (`[n_sequences*n_head, n_seq, n_past + n_seq]`,
    /// each row a probability distribution), `heads` (the heads' results side by side) and `out`.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit, or the rows are not whole sequences.
    ///
    /// # Example: two sequences of three tokens, and where they looked
    ///
    /// ```
    /// use gpt60::{Probe, Rng, Tensor, layers::attention::Attention};
    ///
    /// let mut rng = Rng::new(1);
    /// let attn = Attention::random(8, 2, 0.5, 0.5, &mut rng); // n_embd 8, two heads
    /// let x = Tensor::random(&[6, 8], 1.0, &mut rng); // 2 * 3 tokens
    /// let mut probe = Probe::only(&["weights"]);
    /// let y = attn.forward(&x, 3, None, &mut probe, None)?;
    /// assert_eq!(y.shape(), [6, 8]);
    /// let weights = probe.get("weights").unwrap();
    /// assert_eq!(weights.shape(), [4, 3, 3]); // [n_sequences*n_head, n_seq, n_seq]
    /// assert_eq!(weights.row(0), [1.0, 0.0, 0.0]); // the first token sees itself alone
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn forward(
        &self,
        x: &Tensor,
        n_seq: usize,
        mut cache: Option<&mut LayerCache>,
        probe: &mut Probe,
        saved: Option<&mut AttentionSaved>,
    ) -> Result<Tensor> {
        let (n_tok, n_embd) = x.table("attention")?;
        if n_seq == 0 || !n_tok.is_multiple_of(n_seq) || !n_embd.is_multiple_of(self.n_head) {
            let rule =
                format!("whole sequences of {n_seq} rows and columns for {} equal heads are needed", self.n_head);
            return Err(Error::shape("attention", &[x.shape()], rule));
        }
        let (n_head, head_size) = (self.n_head, n_embd / self.n_head);

        let n_past = cache.as_deref().map_or(0, |cache| cache.runs(0).iter().map(|run| run.keys.len() / n_embd).sum());
        let qkv = self.c_attn.forward(x)?; // [n_tok, n_embd] -> [n_tok, 3*n_embd]
        if let Some(cache) = cache.as_deref_mut() {
            for t in 0..n_tok {
                let row = qkv.row(t);
                cache.append(t / n_seq, &row[n_embd..2 * n_embd], &row[2 * n_embd..]);
            }
        }
        let cache = cache.as_deref();
        let n_keys = n_seq + n_past;

        let keep_weights = saved.is_some() || probe.wants("weights");
        let (merged, weights) = match cache {
            // A new token for each sequence, and nobody asks who looked where: the engine room has a quicker way.
            Some(cache) if n_seq == 1 && !keep_weights => {
                (attend_to_cache(&qkv, cache, head_size), Tensor::zeros(&[0, n_seq, n_keys]))
            }
            _ => attend_all(&qkv, n_seq, n_keys, n_head, cache, keep_weights),
        }; // -> [n_tok, n_embd], [n_sequences*n_head, n_seq, n_keys]
        let y = self.c_proj.forward(&merged)?; // [n_tok, n_embd] -> [n_tok, n_embd]

        if probe.wants("q") || probe.wants("k") || probe.wants("v") {
            for (name, part) in ["q", "k", "v"].iter().zip(qkv.split_cols(3)?) {
                probe.see(name, &part);
            }
        }
        probe.see("weights", &weights);
        probe.see("heads", &merged);
        probe.see("out", &y);
        if let Some(saved) = saved {
            *saved = AttentionSaved { qkv, weights, merged };
        }
        Ok(y)
    }

    /// How the loss changes with `x`, `[n_tok, n_embd] -> [n_tok, n_embd]`; adds how it changes with the parameters to
    /// `grad`. See `attend_backward` below for the heart of it.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit, or `saved` is not from a forward pass on `x` without a cache.
    pub fn backward(
        &self,
        x: &Tensor,
        n_seq: usize,
        saved: &AttentionSaved,
        d_y: &Tensor,
        grad: &mut Attention,
    ) -> Result<Tensor> {
        let (n_tok, n_embd) = x.table("attention backward")?;
        let (n_head, head_size) = (self.n_head, n_embd / self.n_head);
        if saved.weights.shape() != [n_tok / n_seq.max(1) * n_head, n_seq, n_seq] || saved.qkv.n_rows() != n_tok {
            let rule = "what was saved must be from a forward pass on the same rows, without a cache";
            return Err(Error::shape("attention backward", &[x.shape(), saved.weights.shape()], rule));
        }
        // Forward ended with: y = c_proj(merged).
        let d_merged = self.c_proj.backward(&saved.merged, d_y, &mut grad.c_proj)?; // -> [n_tok, n_embd]

        // Each head's d_q, d_k and d_v one after the other, `[3, n_seq, head_size]`, to be sorted into columns below.
        let head_len = 3 * n_seq * head_size;
        let mut d_heads = Tensor::zeros(&[n_tok / n_seq * n_head, head_len]);
        let tasks = d_heads.data_mut().chunks_mut(head_len).zip(saved.weights.data().chunks(n_seq * n_seq)).enumerate();
        let attend_all = |(i, (d_qkv, weights)): (usize, (&mut [f32], &[f32]))| {
            let (sequence, head) = (i / n_head, i % n_head);
            let qkv = views(&saved.qkv, sequence, n_seq, head, head_size);
            let from = sequence * n_seq * n_embd + head * head_size;
            let d_out = Matrix::part(&d_merged.data()[from..], n_seq, head_size, n_embd);
            attend_backward(qkv, weights, d_out, d_qkv);
        };
        threads::each_if(n_tok * n_seq * n_embd >= threads::WORTH_A_THREAD, tasks.collect(), attend_all);

        let mut d_qkv = Tensor::scratch(&[n_tok, 3 * n_embd]);
        for (i, d_head) in d_heads.data().chunks(n_seq * head_size).enumerate() {
            let (sequence, head, part) = (i / (3 * n_head), i / 3 % n_head, i % 3);
            for (t, d) in d_head.chunks(head_size).enumerate() {
                let column = part * n_embd + head * head_size;
                d_qkv.row_mut(sequence * n_seq + t)[column..column + head_size].copy_from_slice(d);
            }
        }
        // Forward began with: qkv = c_attn(x).
        self.c_attn.backward(x, &d_qkv, &mut grad.c_attn) // -> [n_tok, n_embd]
    }
}

/// The queries, keys and values of one head of one sequence: three parts of the columns of `qkv`, `[n_seq, head_size]` each.
fn views(qkv: &Tensor, sequence: usize, n_seq: usize, head: usize, head_size: usize) -> [Matrix<'_>; 3] {
    let stride = qkv.n_cols(); // 3*n_embd
    let rows = &qkv.data()[sequence * n_seq * stride..];
    let part = |p: usize| Matrix::part(&rows[p * stride / 3 + head * head_size..], n_seq, head_size, stride);
    [part(0), part(1), part(2)]
}

/// The keys and values of one head that a run of the cache holds, `[n, head_size]` each.
fn cached(run: &Run, head: usize, head_size: usize, n_embd: usize) -> (Matrix<'_>, Matrix<'_>) {
    let (n, first) = (run.keys.len() / n_embd, head * head_size);
    let keys = Matrix::part(&run.keys[first..], n, head_size, n_embd);
    (keys, Matrix::part(&run.values[first..], n, head_size, n_embd))
}

/// Every head of every sequence: their results side by side, `[n_tok, n_embd]`, and their weights,
/// `[n_sequences*n_head, n_seq, n_keys]`, if these are to be kept.
fn attend_all(
    qkv: &Tensor,
    n_seq: usize,
    n_keys: usize,
    n_head: usize,
    cache: Option<&LayerCache>,
    keep_weights: bool,
) -> (Tensor, Tensor) {
    let (n_tok, n_embd) = (qkv.n_rows(), qkv.n_cols() / 3);
    let (n_sequences, head_size) = (n_tok / n_seq, n_embd / n_head);
    // Each head of each sequence is a task of its own, with its own place for its result and its weights.
    let mut heads = Tensor::scratch(&[n_sequences * n_head, n_seq, head_size]);
    let mut weights = Tensor::scratch(&[if keep_weights { n_sequences * n_head } else { 0 }, n_seq, n_keys]);
    let mut weights_of_head = weights.data_mut().chunks_mut((n_seq * n_keys).max(1));
    let mut tasks = Vec::new();
    for (i, out) in heads.data_mut().chunks_mut(n_seq * head_size).enumerate() {
        tasks.push((i / n_head, i % n_head, out, weights_of_head.next()));
    }
    let attend_one = |(sequence, head, out, weights): (usize, usize, &mut [f32], Option<&mut [f32]>)| {
        let [q, k, v] = views(qkv, sequence, n_seq, head, head_size);
        match cache {
            None => attend(q, &[(k, v)], weights, out),
            Some(cache) => {
                // The new keys and values are in the cache by now, behind those of earlier tokens.
                let runs = cache.runs(sequence).iter().map(|run| cached(run, head, head_size, n_embd));
                attend(q, &runs.collect::<Vec<_>>(), weights, out);
            }
        }
    };
    threads::each_if(n_tok * n_keys * n_embd >= threads::WORTH_A_THREAD, tasks, attend_one);
    (merge_heads(&heads, n_sequences, n_seq, n_head), weights)
}

/// The same for one new token of each sequence, whose weights nobody asks for: `[n_tok, n_embd]`.
fn attend_to_cache(qkv: &Tensor, cache: &LayerCache, head_size: usize) -> Tensor {
    let n_embd = qkv.n_cols() / 3;
    let mut merged = Tensor::scratch(&[qkv.n_rows(), n_embd]);
    let tasks: Vec<_> = merged.data_mut().chunks_mut(n_embd).enumerate().collect();
    let attend_one = |(sequence, out): (usize, &mut [f32])| {
        let runs: Vec<_> = cache.runs(sequence).iter().map(|run| (&run.keys[..], &run.values[..])).collect();
        one_query(&qkv.row(sequence)[..n_embd], head_size, &runs, out);
    };
    threads::each(tasks, attend_one);
    merged
}

/// One head: `out = softmax(q·kᵀ / sqrt(head_size) + mask)·v`.
///
/// `q` is `[n_seq, head_size]`. The keys and values come in runs, `[n, head_size]` each, one after the other (see
/// `kv_cache.rs`; most often there is only one). The queries belong to the last `n_seq` keys. `out` is `[n_seq, head_size]`.
/// The probabilities are left in `weights`, `[n_seq, n_keys]`, if there is such a place.
fn attend(q: Matrix, runs: &[(Matrix, Matrix)], mut weights: Option<&mut [f32]>, out: &mut [f32]) {
    let (n_seq, head_size) = (q.n_rows(), q.n_cols());
    let n_keys: usize = runs.iter().map(|(k, _)| k.n_rows()).sum();
    let n_past = n_keys - n_seq;
    let scale = 1.0 / (head_size as f32).sqrt();
    let mut scratch = vec![0.0; if weights.is_some() { 0 } else { QUERIES.min(n_seq) * n_keys }];
    for first in (0..n_seq).step_by(QUERIES) {
        let n = QUERIES.min(n_seq - first);
        let n_seen = n_past + first + n; // the keys up to the last query of this block
        let q = q.rows(first, n);
        let out = &mut out[first * head_size..(first + n) * head_size];
        let scores = match &mut weights {
            Some(weights) => &mut weights[first * n_keys..(first + n) * n_keys],
            None => &mut scratch[..n * n_keys],
        };
        // q·kᵀ: [n, head_size] · [n_seen, head_size]ᵀ -> [n, n_seen], rows n_keys apart
        let mut at = 0;
        for (k, _) in runs {
            let n_here = k.n_rows().min(n_seen - at);
            matmul(q, k.rows(0, n_here).transposed(), &mut scores[at..], n_keys, Store::Set);
            at += n_here;
        }
        for (i, row) in scores.chunks_mut(n_keys).enumerate() {
            let (visible, masked) = row.split_at_mut(n_past + first + i + 1);
            math::scale(visible, scale);
            softmax_row(visible);
            masked.fill(0.0);
        }
        // [n, n_seen] · [n_seen, head_size] -> [n, head_size]
        let mut at = 0;
        for (_, v) in runs {
            let n_here = v.n_rows().min(n_seen - at);
            let into = if at == 0 { Store::Set } else { Store::Add };
            matmul(Matrix::part(&scores[at..], n, n_here, n_keys), v.rows(0, n_here), out, head_size, into);
            at += n_here;
        }
    }
}

/// Backward of [`attend`] for one head of a sequence without a past.
///
/// Forward was, for each query: `score_j = scale * q·k_j`, `w = softmax(score)`, `out = sum over j of w_j * v_j`. From the end
/// backwards:
///
/// * `v_j` acts on `out` with strength `w_j`: `d_v = wᵀ·d_out`.
/// * `w_j` acts on `out` with strength `v_j`: `d_w = d_out·vᵀ`.
/// * softmax: `d_score_j = w_j * (d_w_j - sum over i of d_w_i * w_i)`. Masked places have `w_j = 0`, so their `d_score` is 0.
/// * `score = scale * q·kᵀ`: `d_q = scale * d_score·k` and `d_k = scale * d_scoreᵀ·q`.
///
/// `d_qkv` holds `d_q`, `d_k` and `d_v` one after the other, `[3, n_seq, head_size]`, all zeros before.
fn attend_backward([q, k, v]: [Matrix; 3], weights: &[f32], d_out: Matrix, d_qkv: &mut [f32]) {
    let (n_seq, head_size) = (q.n_rows(), q.n_cols());
    let scale = 1.0 / (head_size as f32).sqrt();
    let (d_q, d_kv) = d_qkv.split_at_mut(n_seq * head_size);
    let (d_k, d_v) = d_kv.split_at_mut(n_seq * head_size);
    let mut d_scores = vec![0.0; QUERIES.min(n_seq) * n_seq];
    for first in (0..n_seq).step_by(QUERIES) {
        let n = QUERIES.min(n_seq - first);
        let n_seen = first + n;
        let w = Matrix::part(&weights[first * n_seq..], n, n_seen, n_seq);
        let d_out = d_out.rows(first, n);
        matmul(w.transposed(), d_out, d_v, head_size, Store::Add); // [n, n_seen]ᵀ · [n, head_size]
        // d_w: [n, head_size] · [n_seen, head_size]ᵀ -> [n, n_seen], rows n_seq apart
        matmul(d_out, v.rows(0, n_seen).transposed(), &mut d_scores, n_seq, Store::Set);
        for (i, d) in d_scores.chunks_mut(n_seq).take(n).enumerate() {
            let visible = first + i + 1;
            softmax_row_backward(&weights[(first + i) * n_seq..][..visible], &mut d[..visible]); // d_w -> d_score
            math::scale(&mut d[..visible], scale);
            d[visible..].fill(0.0);
        }
        let d_scores = Matrix::part(&d_scores, n, n_seen, n_seq);
        let block = &mut d_q[first * head_size..(first + n) * head_size];
        matmul(d_scores, k.rows(0, n_seen), block, head_size, Store::Set); // [n, n_seen] · [n_seen, head_size]
        matmul(d_scores.transposed(), q.rows(first, n), d_k, head_size, Store::Add); // [n, n_seen]ᵀ · [n, head_size]
    }
}

/// Puts the heads' results side by side: `[n_sequences*n_head, n_seq, head_size] -> [n_tok, n_embd]`.
fn merge_heads(heads: &Tensor, n_sequences: usize, n_seq: usize, n_head: usize) -> Tensor {
    let head_size = heads.n_cols();
    let mut merged = Tensor::scratch(&[n_sequences * n_seq, n_head * head_size]);
    for (i, row) in heads.data().chunks(head_size).enumerate() {
        let (sequence, head, t) = (i / (n_head * n_seq), i / n_seq % n_head, i % n_seq);
        merged.row_mut(sequence * n_seq + t)[head * head_size..(head + 1) * head_size].copy_from_slice(row);
    }
    merged
}
