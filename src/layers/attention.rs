//! Attention: tokens look at each other.
//!
//! Every other layer works on one token at a time. Attention is where a token learns what comes before it. Each token
//! makes three vectors from its own:
//!
//! * a *query*: what am I looking for?
//! * a *key*: what do I have to offer?
//! * a *value*: what do I pass on to a token that picks me?
//!
//! A token compares its query with the keys of all tokens up to itself (a dot product, which is large when the two
//! point the same way), turns these scores into probabilities, and averages the values with these weights:
//!
//! ```text
//! attention(q, k, v) = softmax(q·kᵀ / sqrt(head_size) + mask)·v
//! ```
//!
//! * The division keeps the scores from growing with the number of terms in a dot product; otherwise softmax would pick
//!   one winner almost at once, and learning would stall.
//! * The *mask* is minus infinity where a key comes after the query, because a token may not look ahead (`e^(-inf)` is
//!   0). The code here leaves the masked part of a row out of softmax, which gives the same result.
//! * *Heads*: all this is done `n_head` times side by side, each head on its own `head_size = n_embd / n_head` columns,
//!   so each can look for something different. Their results are put back side by side and mixed by `c_proj`.
//!
//! Source: Vaswani et al., "Attention Is All You Need" (2017), section 3.2; the sixty lines' `attention` and `mha`.
//!
//! [Chapter 5](crate::book::ch05_attention) explains it;
//! [layer by layer](crate::book::layer_by_layer), its `backward`.

use super::linear::Linear;
use super::softmax::{softmax_row, softmax_row_backward};
use crate::error::{Error, Result};
use crate::kernels::attention::{self as fast, Segment, Sequence};
use crate::kv_cache::LayerCache;
use crate::pass::{Pass, Saved};
use crate::rng::Rng;
use crate::tensor::Tensor;

/// The parameters of causal multi-head self-attention.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// Makes queries, keys and values, side by side: `[n_embd, 3*n_embd]`.
    pub c_attn: Linear,
    /// Mixes the heads' results: `[n_embd, n_embd]`.
    pub c_proj: Linear,
    /// How many heads there are.
    pub n_head: usize,
    /// What the scores are multiplied by, beside being divided by `sqrt(head_size)`: 1 in GPT-2.
    pub score_factor: f32,
}

impl Attention {
    /// Parameters that are all zero: where a gradient begins.
    pub fn zeros(n_embd: usize, n_head: usize) -> Attention {
        let (c_attn, c_proj) = (Linear::zeros(n_embd, 3 * n_embd), Linear::zeros(n_embd, n_embd));
        Attention { c_attn, c_proj, n_head, score_factor: 1.0 }
    }

    /// Parameters to start training from; `c_proj`, whose result is added to the residual stream, has its own
    /// deviation.
    pub fn random(n_embd: usize, n_head: usize, deviation: f32, proj_deviation: f32, rng: &mut Rng) -> Attention {
        let c_attn = Linear::random(n_embd, 3 * n_embd, deviation, rng);
        let c_proj = Linear::random(n_embd, n_embd, proj_deviation, rng);
        Attention { c_attn, c_proj, n_head, score_factor: 1.0 }
    }

    /// Lets every token look at itself and the tokens before it: `[n_tok, n_embd] -> [n_tok, n_embd]`.
    ///
    /// Every [`Pass::n_seq`] rows of `x` are one sequence. If the pass has a cache, they follow the tokens in it and
    /// are added to it. A probe is shown `q`, `k`, `v` (`[n_tok, n_embd]`), `weights`
    /// (`[n_sequences*n_head, n_seq, n_past + n_seq]`, each row a probability distribution), `heads` (the heads'
    /// results side by side) and `out`. Backward reads `qkv`, `weights` and `heads`.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit, or the rows are not whole sequences.
    ///
    /// # Example: two sequences of three tokens, and where they look
    ///
    /// ```
    /// use gpt60::{Pass, Probe, Rng, Tensor, layers::attention::Attention};
    ///
    /// let mut rng = Rng::new(1);
    /// let attn = Attention::random(8, 2, 0.5, 0.5, &mut rng); // n_embd 8, two heads
    /// let x = Tensor::random(&[6, 8], 1.0, &mut rng); // 2 * 3 tokens
    /// let mut probe = Probe::only(&["weights"]);
    /// let y = attn.forward(&x, Pass::new(3).watched_by(&mut probe))?;
    /// assert_eq!(y.shape(), [6, 8]);
    /// let weights = probe.get("weights").unwrap();
    /// assert_eq!(weights.shape(), [4, 3, 3]); // [n_sequences*n_head, n_seq, n_seq]
    /// assert_eq!(weights.row(0), [1.0, 0.0, 0.0]); // the first token sees only itself
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn forward(&self, x: &Tensor, mut pass: Pass) -> Result<Tensor> {
        let n_seq = pass.n_seq();
        let (n_tok, n_embd) = self.check("attention", x, n_seq)?;
        let keep_weights = pass.is_saving() || pass.wants("weights");

        let qkv = self.c_attn.forward(x)?; // [n_tok, n_embd] -> [n_tok, 3*n_embd]
        let cache = pass.keys_and_values(n_tok / n_seq, n_embd)?.map(|cache| remember(cache, &qkv, n_seq));
        let sequences = sequences(&qkv, n_seq, cache);
        let n_keys = sequences[0].n_keys(); // n_past + n_seq
        let (heads, weights) = fast::attend(&sequences, self.n_head, self.scale(n_embd), keep_weights);
        let heads = Tensor::of(&[n_tok, n_embd], heads);
        let y = self.c_proj.forward(&heads)?; // [n_tok, n_embd] -> [n_tok, n_embd]

        if pass.wants("q") || pass.wants("k") || pass.wants("v") {
            for (name, part) in ["q", "k", "v"].iter().zip(qkv.split_cols(3)?) {
                pass.see(name, &part);
            }
        }
        if keep_weights {
            let weights = Tensor::of(&[n_tok / n_seq * self.n_head, n_seq, n_keys], weights);
            pass.see("weights", &weights);
            pass.save([("weights", weights)]);
        }
        pass.see("heads", &heads);
        pass.see("out", &y);
        pass.save([("qkv", qkv), ("heads", heads)]);
        Ok(y)
    }

    /// What every score is multiplied by: `1 / sqrt(head_size)` in GPT-2.
    fn scale(&self, n_embd: usize) -> f32 {
        self.score_factor / ((n_embd / self.n_head) as f32).sqrt()
    }

    /// The numbers of rows and columns of `x`, if this layer can work on its rows as sequences of `n_seq`.
    fn check(&self, op: &'static str, x: &Tensor, n_seq: usize) -> Result<(usize, usize)> {
        let (n_tok, n_embd) = x.table(op)?;
        if n_seq == 0 || !n_tok.is_multiple_of(n_seq) || n_tok == 0 {
            return Err(Error::shape(op, &[x.shape()], format!("whole sequences of {n_seq} rows are needed")));
        }
        if n_embd == 0 || !n_embd.is_multiple_of(self.n_head) {
            let rule = format!("the columns must divide into {} equal heads", self.n_head);
            return Err(Error::shape(op, &[x.shape()], rule));
        }
        for (name, linear, n_out) in [("c_attn", &self.c_attn, 3 * n_embd), ("c_proj", &self.c_proj, n_embd)] {
            if linear.weight.shape() != [n_embd, n_out] {
                let rule = format!("{name}'s weight must be [{n_embd}, {n_out}]");
                return Err(Error::shape(op, &[x.shape(), linear.weight.shape()], rule));
            }
        }
        Ok((n_tok, n_embd))
    }

    /// Returns how the loss changes with `x`, `[n_tok, n_embd] -> [n_tok, n_embd]`, and adds to `grad` how it changes
    /// with the parameters. See [`attend_backward`] for the heart of it.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit, or `saved` is not from a forward pass on the same rows.
    pub fn backward(&self, x: &Tensor, saved: &Saved, d_y: &Tensor, grad: &mut Attention) -> Result<Tensor> {
        let n_seq = saved.n_seq();
        let (n_tok, n_embd) = self.check("attention backward", x, n_seq)?;
        let (qkv, weights, heads) = (saved.tensor("qkv")?, saved.tensor("weights")?, saved.tensor("heads")?);
        if qkv.shape() != [n_tok, 3 * n_embd] || weights.shape() != [n_tok / n_seq * self.n_head, n_seq, n_seq] {
            let rule = "what was saved must be from a forward pass on the same rows";
            return Err(Error::shape("attention backward", &[x.shape(), weights.shape()], rule));
        }
        // Forward ended with: y = c_proj(heads)
        let d_heads = self.c_proj.backward(heads, d_y, &mut grad.c_proj)?; // -> [n_tok, n_embd]
        let sequences = sequences(qkv, n_seq, None);
        let d_qkv = fast::attend_backward(&sequences, self.n_head, self.scale(n_embd), weights.data(), d_heads.data());
        // Forward began with: qkv = c_attn(x)
        self.c_attn.backward(x, &Tensor::of(&[n_tok, 3 * n_embd], d_qkv), &mut grad.c_attn) // -> [n_tok, n_embd]
    }
}

/// Adds the keys and values of new tokens to the cache: the second and last third of each row of `qkv`.
fn remember<'a>(cache: &'a mut LayerCache, qkv: &Tensor, n_seq: usize) -> &'a LayerCache {
    let n_embd = qkv.n_cols() / 3;
    for t in 0..qkv.n_rows() {
        let row = qkv.row(t);
        cache.append(t / n_seq, &row[n_embd..2 * n_embd], &row[2 * n_embd..]);
    }
    cache
}

/// Queries, keys and values of each sequence: three parts of the columns of `qkv`, or, with a cache, the keys and
/// values in it.
fn sequences<'a>(qkv: &'a Tensor, n_seq: usize, cache: Option<&'a LayerCache>) -> Vec<Sequence<'a>> {
    let n_embd = qkv.n_cols() / 3;
    let one = |s: usize| {
        let rows = qkv.matrix().rows(s * n_seq, n_seq);
        let [queries, keys, values] = [0, 1, 2].map(|part| rows.columns(part * n_embd, n_embd)); // [n_seq, n_embd] each
        let segments = match cache {
            None => vec![Segment { keys, values }],
            Some(cache) => cache.views(s, n_embd), // the new ones are among them
        };
        Sequence { queries, segments }
    };
    (0..qkv.n_rows() / n_seq).map(one).collect()
}

// ---------------------------------------------------------------------------------------------------------------------
// The formula, as a loop
// ---------------------------------------------------------------------------------------------------------------------

/// `softmax(scale * q·kᵀ + mask)·v` for every head of every sequence: `-> [n_tok, n_embd]`, the heads' results side by
/// side; and the weights, `[n_sequences*n_head, n_seq, n_keys]`. In GPT-2 `scale` is `1 / sqrt(head_size)`.
///
/// [`Attention::forward`] gives the same numbers, up to rounding, but faster.
pub fn attend(sequences: &[Sequence], n_head: usize, scale: f32) -> (Vec<f32>, Vec<f32>) {
    let (mut out, mut weights) = (Vec::new(), Vec::new());
    for Sequence { queries, segments } in sequences {
        let keys: Vec<&[f32]> = segments.iter().flat_map(|segment| segment.keys.each_row()).collect();
        let values: Vec<&[f32]> = segments.iter().flat_map(|segment| segment.values.each_row()).collect();
        let (n_seq, n_embd, n_past) = (queries.n_rows(), queries.n_cols(), keys.len() - queries.n_rows());
        let head_size = n_embd / n_head;
        let mut mixed = vec![0.0; n_seq * n_embd];
        for head in 0..n_head {
            let columns = head * head_size..(head + 1) * head_size;
            for t in 0..n_seq {
                // Scores: the query with the keys of all tokens up to its own.
                let q = &queries.row(t)[columns.clone()];
                let score = |k: &&[f32]| scale * dot(q, &k[columns.clone()]);
                let mut w: Vec<f32> = keys[..n_past + t + 1].iter().map(score).collect();
                softmax_row(&mut w);
                // Mix: the values, weighted.
                let place = &mut mixed[t * n_embd..][columns.clone()];
                for (w, v) in w.iter().zip(&values) {
                    place.iter_mut().zip(&v[columns.clone()]).for_each(|(sum, v)| *sum += w * v);
                }
                w.resize(keys.len(), 0.0); // the masked part
                weights.extend(w);
            }
        }
        out.extend(mixed);
    }
    (out, weights)
}

/// Backward of [`attend`], as a loop, for sequences without a past: `d_out`, `[n_tok, n_embd]`, `-> d_qkv`,
/// `[n_tok, 3*n_embd]`.
///
/// Forward was, for each query of each head: `score_j = scale * q·k_j`, `w = softmax(score)`,
/// `out = sum over j of w_j * v_j`. From the end backwards:
///
/// * `v_j` acts on `out` with strength `w_j`: `d_v_j` grows by `w_j * d_out`.
/// * `w_j` acts on `out` with strength `v_j`: `d_w_j = d_out·v_j`.
/// * softmax: `d_score_j = w_j * (d_w_j - sum over i of d_w_i * w_i)`. Masked places have `w_j = 0`, so their `d_score`
///   is 0.
/// * `score_j = scale * q·k_j`: `d_q` grows by `scale * d_score_j * k_j`, and `d_k_j` by `scale * d_score_j * q`.
pub fn attend_backward(sequences: &[Sequence], n_head: usize, scale: f32, weights: &[f32], d_out: &[f32]) -> Vec<f32> {
    let Some(Sequence { queries, .. }) = sequences.first() else { return Vec::new() };
    let (n_seq, n_embd) = (queries.n_rows(), queries.n_cols());
    let head_size = n_embd / n_head;
    let mut d_qkv = vec![0.0; sequences.len() * n_seq * 3 * n_embd];
    for (i, w) in weights.chunks(n_seq).enumerate() {
        // Row i of the weights belongs to query t of one head of one sequence.
        let (s, head, t) = (i / (n_head * n_seq), i / n_seq % n_head, i % n_seq);
        let Sequence { queries, segments } = &sequences[s];
        let (keys, values) = (segments[0].keys, segments[0].values);
        // Where the head's part of a token's query, key or value begins; likewise for their gradients.
        let first = head * head_size;
        let place = |token: usize, part: usize| (s * n_seq + token) * 3 * n_embd + part * n_embd + first;
        let d_out = &d_out[(s * n_seq + t) * n_embd + first..][..head_size];
        let mut d = vec![0.0; t + 1]; // of the tokens up to t
        for j in 0..=t {
            // Forward was: out += w[j] * v
            d[j] = dot(d_out, &values.row(j)[first..][..head_size]);
            let d_v = &mut d_qkv[place(j, 2)..][..head_size];
            d_v.iter_mut().zip(d_out).for_each(|(sum, d_out)| *sum += w[j] * d_out);
        }
        softmax_row_backward(&w[..=t], &mut d); // forward was: w = softmax(scores)
        for j in 0..=t {
            for c in 0..head_size {
                // Forward was: score += scale * q[c] * k[c]
                d_qkv[place(t, 0) + c] += scale * d[j] * keys.row(j)[first + c];
                d_qkv[place(j, 1) + c] += scale * d[j] * queries.row(t)[first + c];
            }
        }
    }
    d_qkv
}

/// The sum of the products of two lists.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::close::check_close;
    use crate::config::Config;
    use crate::kv_cache::KvCache;
    use crate::probe::Probe;
    use crate::rng::Rng;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 40, ..Default::default() })]
        #[test]
        fn the_fast_twin_is_the_loop_forward_and_backward(
            n_sequences in 1usize..4, n_seq in 1usize..130, n_head in 1usize..4, head_size in 1usize..40,
            factor in 0.1f32..2.0, seed: u64,
        ) {
            let (n_tok, n_embd) = (n_sequences * n_seq, n_head * head_size);
            let mut rng = Rng::new(seed);
            let qkv = Tensor::random(&[n_tok, 3 * n_embd], 1.0, &mut rng);
            let d_out = Tensor::random(&[n_tok, n_embd], 1.0, &mut rng);
            let sequences = sequences(&qkv, n_seq, None);
            let scale = factor / (head_size as f32).sqrt();
            // Scores of up to 40 products, e to their power, sums of up to 130 terms: 1e-5 of the largest result.
            let close = |a: &[f32], b: &[f32]| check_close((&[a.len()], a), (&[b.len()], b), 1e-5);
            let (out, weights) = attend(&sequences, n_head, scale);
            let (found, found_weights) = fast::attend(&sequences, n_head, scale, true);
            prop_assert_eq!(close(&found, &out), Ok(()));
            prop_assert_eq!(close(&found_weights, &weights), Ok(()));
            prop_assert_eq!(close(&fast::attend(&sequences, n_head, scale, false).0, &out), Ok(()));
            let d_qkv = attend_backward(&sequences, n_head, scale, &weights, d_out.data());
            let found = fast::attend_backward(&sequences, n_head, scale, &weights, d_out.data());
            prop_assert_eq!(close(&found, &d_qkv), Ok(()));
        }

        #[test]
        fn keys_and_values_in_several_segments_are_attended_to_as_in_one(
            lengths in prop::collection::vec(1usize..70, 1..4), n_seq in 1usize..70, seed: u64,
        ) {
            let (n_keys, n_seq) = (lengths.iter().sum::<usize>(), n_seq.min(*lengths.last().unwrap()));
            let mut rng = Rng::new(seed);
            let [keys, values] = [(); 2].map(|()| Tensor::random(&[n_keys, 6], 1.0, &mut rng));
            let q = Tensor::random(&[n_seq, 6], 1.0, &mut rng);
            let whole = vec![Segment { keys: keys.matrix(), values: values.matrix() }];
            let mut at = 0;
            let pieces = lengths.iter().map(|&n| {
                at += n;
                Segment { keys: keys.matrix().rows(at - n, n), values: values.matrix().rows(at - n, n) }
            });
            let pieces = [Sequence { queries: q.matrix(), segments: pieces.collect() }];
            let (out, weights) = attend(&[Sequence { queries: q.matrix(), segments: whole }], 2, 0.5);
            prop_assert_eq!(&attend(&pieces, 2, 0.5).0, &out); // the loop sees only rows
            let close = |a: &[f32], b: &[f32]| check_close((&[a.len()], a), (&[b.len()], b), 1e-5);
            let (found, found_weights) = fast::attend(&pieces, 2, 0.5, true);
            prop_assert_eq!(close(&found, &out), Ok(()));
            prop_assert_eq!(close(&found_weights, &weights), Ok(()));
            prop_assert_eq!(close(&fast::attend(&pieces, 2, 0.5, false).0, &out), Ok(()));
        }
    }

    #[test]
    fn a_wrong_number_of_heads_or_a_wrong_width_is_an_error_that_names_the_layer() {
        let mut rng = Rng::new(1);
        let good = Attention::random(4, 2, 1.0, 1.0, &mut rng);
        let x = Tensor::random(&[3, 4], 1.0, &mut rng);
        let mut saved = Saved::new();
        good.forward(&x, Pass::saving(3, &mut saved)).unwrap();
        for n_head in [0, 3] {
            let attn = Attention { n_head, ..good.clone() };
            let error = attn.forward(&x, Pass::new(3)).unwrap_err().to_string();
            assert!(error.contains("attention") && error.contains(&format!("{n_head} equal heads")), "{error}");
            let mut grad = Attention::zeros(4, 2);
            let error = attn.backward(&x, &saved, &x, &mut grad).unwrap_err().to_string();
            assert!(error.contains("attention backward"), "{error}");
        }
        let wide = Attention { c_attn: Linear::zeros(8, 8), ..good.clone() };
        let error = wide.forward(&Tensor::zeros(&[2, 4]), Pass::new(2)).unwrap_err().to_string();
        assert!(error.contains("attention: shapes [2, 4] and [8, 8]") && error.contains("c_attn"), "{error}");
        assert!(good.forward(&x, Pass::new(2)).is_err() && good.forward(&x, Pass::new(0)).is_err());
    }

    #[test]
    fn a_cache_of_another_shape_is_an_error_and_one_of_this_shape_grows() {
        let mut rng = Rng::new(1);
        let attn = Attention::random(4, 2, 1.0, 1.0, &mut rng);
        let x = Tensor::random(&[3, 4], 1.0, &mut rng);
        let cache = |n_embd, n_sequences| KvCache::new(&Config::new(5, 9, n_embd, 2, 1), n_sequences);
        for mut cache in [cache(6, 1), cache(4, 2), cache(4, 0)] {
            let error = attn.forward(&x, Pass::cached(3, &mut cache)).unwrap_err().to_string();
            assert!(error.contains("KvCache") && error.contains("make one for this model"), "{error}");
        }
        let mut cache = cache(4, 1);
        assert!(attn.forward(&x, Pass::cached(3, &mut cache).in_block(7)).is_err());
        let mut probe = Probe::only(&["weights"]);
        attn.forward(&x, Pass::cached(3, &mut cache)).unwrap();
        attn.forward(&x, Pass::cached(3, &mut cache).watched_by(&mut probe)).unwrap();
        assert_eq!(probe.get("weights").unwrap().shape(), [2, 3, 6]);
    }
}
