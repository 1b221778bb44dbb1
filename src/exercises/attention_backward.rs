//! Exercise: attention, backward. Chapter 12. Hard, 30 minutes.
//!
//! One head, one sequence. Forward compared queries with keys, turned the scores into weights, and took the weighted
//! average of the values:
//!
//! ```text
//! score = scale * q·kᵀ            scale = 1 / sqrt(head_size)
//! w     = softmax(score)          row by row, over what is not masked; 0 where masked
//! out   = w·v
//! ```
//!
//! You are told how the loss changes with `out`. How does it change with `q`, `k` and `v`? There are three steps, and
//! you have seen each of them by itself: a matrix product, softmax, and again a matrix product. Go through them from
//! the last to the first.
//!
//! ```text
//! d_v     = wᵀ·d_out
//! d_w     = d_out·vᵀ
//! d_score = w * (d_w - sum over the row of d_w * w)        number by number, in each row
//! d_q     = scale * d_score·k
//! d_k     = scale * d_scoreᵀ·q
//! ```
//!
//! And the mask? You are given the weights of forward. A masked place has the weight 0, so its `d_score` becomes 0 by
//! itself.
//!
//! A worked example: two tokens, a `head_size` of 1, so `scale` is 1. Queries 0 and 0, keys 2 and 4, values 1 and 3.
//! All scores are 0, so the first token looks only at itself, and the second at both equally. Only the second one's
//! result matters:
//!
//! ```text
//!     w       = 1    0       d_out = 0        d_v = 1*0 + 1/2*1 = 1/2
//!               1/2  1/2             1              0*0 + 1/2*1 = 1/2
//!
//!     row 1:    d_w = 1*1  1*3 = 1  3         its mean by w: 1/2*1 + 1/2*3 = 2
//!               d_score = 1/2*(1 - 2)  1/2*(3 - 2) = -1/2  1/2
//!     d_q     = 0
//!               -1/2*2 + 1/2*4 = 1
//!     d_k     = 0  0         the queries were 0: no key made a difference
//! ```
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `q`, `k`, `v` | `[n_seq, head_size]` | one row for each token |
//! | `weights` | `[n_seq, n_seq]` | `w` of forward: row t says where token t looked; 0 above the diagonal |
//! | `d_out` | `[n_seq, head_size]` | how the loss changes with `out` |
//! | result | three times `[n_seq, head_size]` | `(d_q, d_k, d_v)` |
//!
//! In the library, `Attention::backward` does this for every head, with a linear layer's backward before and after it.
//!
//! Of use: `Tensor::matmul`, `Tensor::matmul_t` (times a transposed), `Tensor::transpose`, `Tensor::scale`,
//! `layers::softmax::backward`. `docs/layer-by-layer.md` shows this function; try it from the formulas first.

use super::not_started;
use gpt60::{Result, Tensor};

/// How the loss changes with `q`, `k` and `v` of one head: `(d_q, d_k, d_v)`, `[n_seq, head_size]` each.
pub fn attend_backward(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    weights: &Tensor,
    d_out: &Tensor,
) -> Result<(Tensor, Tensor, Tensor)> {
    not_started()
}

// Solution: src/layers/attention.rs, attend_backward
